"""What a report is made of, before it has a form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from etolwatch.model import Finding, Verdict
from etolwatch.publish.order import Group, counted, groups, is_absent, is_elsewhere, shared_prefix
from etolwatch.publish.phrase import day, number

ABSENT_NAMED = 10


@dataclass(frozen=True, slots=True)
class Report:
    """Findings with what surrounds them.

    ``notes`` are sentences about the pass (absent pages, failing hosts), already in words.
    ``scopes`` are address prefixes; one that holds all the pages is stated once and cut off.
    ``absent`` are listed pages that were never there, beside those that findings tell of.
    ``since`` and ``until`` say which captures the findings are about; None: from the first,
    to the last. ``command`` precedes an address in the hint how to see what was clipped.
    """

    findings: tuple[Finding, ...]
    made_at: datetime
    since: datetime | None = None
    notes: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    command: str = "etolwatch diff"
    absent: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[Group, ...]:
        return groups(self.findings)

    @property
    def prefix(self) -> str:
        """The address prefix that all listed pages share, or nothing."""
        listed = [uri for group in self.groups for uri in group.pages]
        unlisted = (item.uri for item in self.findings if is_elsewhere(item))
        return shared_prefix(listed or [*self._absent_uris(), *unlisted], self.scopes)

    @property
    def period(self) -> str:
        return f"captures since {day(self.since)}" if self.since else "all captures"

    def summary(self) -> tuple[str, ...]:
        """The sentences about what is counted and not listed, then the notes."""
        elsewhere = list(dict.fromkeys(item.uri for item in self.findings if is_elsewhere(item)))
        return (
            *_counts(self.findings),
            *self._named(self._absent_uris(), "is listed and absent", "are listed and absent"),
            *self._named(elsewhere, "leads elsewhere", "lead elsewhere"),
            *self.notes,
        )

    def _absent_uris(self) -> list[str]:
        told = [item.uri for item in self.findings if is_absent(item)]
        return list(dict.fromkeys([*told, *self.absent]))

    def _named(self, uris: list[str], is_one: str, are_many: str) -> Iterable[str]:
        """One sentence that names the first of these pages; none without pages."""
        pages = [uri.removeprefix(self.prefix) for uri in uris]
        if pages:
            more = f" and {len(pages) - ABSENT_NAMED} more" if len(pages) > ABSENT_NAMED else ""
            # a list above has stated the prefix already
            below = f" below {self.prefix}" if self.prefix and not self.groups else ""
            said = number(len(pages), f"page{below} {is_one}", f"pages{below} {are_many}")
            yield f"{said}: {', '.join(pages[:ABSENT_NAMED])}{more}."


def _counts(findings: Iterable[Finding]) -> Iterable[str]:
    kept = tuple(findings)
    if first := counted(kept, Verdict.FIRST_CAPTURE):
        yield f"{number(first, 'page')} captured for the first time."
    late = sum(item.verdict is Verdict.FIRST_CAPTURE and "unwitnessed_change" in item.flags for item in kept)
    if late:
        yield f"{late:,} of these: the server dates the file later than the page does (Last-Modified)."
    if same := counted(kept, Verdict.NO_TEXTUAL_CHANGE):
        yield f"{number(same, 'page')} with other bytes and the same text."
