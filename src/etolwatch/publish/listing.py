"""What `status` and `log` print: the sites in figures, the captures of a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from etolwatch.archive.catalog import Catalog
from etolwatch.collate.chain import ChainedEdit, after_stated_date, chain
from etolwatch.config import Config, refuse_strangers
from etolwatch.contract import finding_to_dict, instant_to_text, variant_to_dict
from etolwatch.errors import ConfigError
from etolwatch.model import (
    Capture,
    Finding,
    Outcome,
    Pass,
    RecordType,
    RequisiteFigures,
    Site,
    Summary,
    Trouble,
)
from etolwatch.publish.order import RUBRICS
from etolwatch.publish.phrase import changed, moment, number, size_of, visible
from etolwatch.publish.text import variant_line

# What is said of pages by their last outcome: without a text, and with one.
UNHELD = {
    "gone": "absent",
    "moved": "elsewhere",
    "refused": "refused by robots.txt",
    "listed": "of a type that is not kept",
    "failed": "failing",
    "suspect": "failing",
    "": "not asked yet",
}
# … and of what pages need.
UNHELD_NEEDS = {**UNHELD, "listed": "of a type or size that is not kept"}
STRAYED = {
    "gone": "gone",
    "moved": "moved",
    "refused": "refused by robots.txt",
    "listed": "of a type that is not kept",
    "failed": "failing",
    "suspect": "failing",
}
DIGEST_SHOWN = 12  # characters of a digest that tell two versions of a page apart


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """One site: its figures, its latest pass, and when its schedule fires next."""

    summary: Summary
    last_pass: Pass | None
    next_at: datetime

    def to_dict(self) -> dict[str, Any]:
        found = self.summary
        return {
            "site": found.site,
            "pages": found.pages,
            "held": found.held,
            "absent": found.absent,
            "gone": found.gone,
            "moved": found.moved,
            "failing": found.failing,
            "unheld": _named(found.unheld, UNHELD),
            "strayed": _named(found.strayed, STRAYED),
            "versions": found.versions,
            "captures": found.captures,
            "stored_bytes": found.stored_bytes,
            "requisites": _requisites_to_dict(found.requisites),
            "last_pass": pass_to_dict(self.last_pass) if self.last_pass else None,
            "next_pass_at": instant_to_text(self.next_at),
        }

    def lines(self) -> Iterator[str]:
        found = self.summary
        yield found.site
        yield f"  pages      {found.pages:,} known, {found.held:,} held{_counted(found.unheld, UNHELD)}"
        if strayed := _counted(found.strayed, STRAYED):
            yield f"             of those held{strayed}"
        yield f"  kept       {number(found.versions, 'version')}, {size_of(found.stored_bytes)}"
        yield from _requisite_lines(found.requisites)
        yield f"  last pass  {_last(self.last_pass)}"
        yield f"  next pass  {moment(self.next_at)}, by “etolwatch run”"


@dataclass(frozen=True, slots=True)
class Status:
    """All of a store at one time."""

    sites: tuple[SiteStatus, ...]
    troubles: tuple[Trouble, ...]
    needs: str = ""  # what must be set before anything can be asked

    @property
    def stored_bytes(self) -> int:
        """Of the WARC files; the figure is that of the whole store in each summary."""
        return max((site.summary.file_bytes for site in self.sites), default=0)

    @property
    def growth_bytes(self) -> int:
        """Of the last 30 days; the figure is that of the whole store in each summary."""
        return max((site.summary.growth_bytes for site in self.sites), default=0)

    def to_dict(self) -> dict[str, Any]:
        return {
            "sites": [site.to_dict() for site in self.sites],
            "troubles": [trouble_to_dict(trouble) for trouble in self.troubles],
            "needs": self.needs or None,
            "stored_bytes": self.stored_bytes,
            "growth_bytes_30_days": self.growth_bytes,
        }

    def text(self) -> str:
        lines = [line for site in self.sites for line in (*site.lines(), "")]
        lines.append(
            f"Kept in all: {size_of(self.stored_bytes)}, {size_of(self.growth_bytes)} of it in 30 days"
        )
        if self.needs:
            lines += ["", visible(self.needs)]
        if self.troubles:
            lines += ["", "In trouble:"]
            lines += [f"  {trouble_text(trouble)}" for trouble in self.troubles]
        return "".join(f"{line}\n" for line in lines)


def _requisites_to_dict(found: RequisiteFigures) -> dict[str, Any]:
    return {
        "known": found.known,
        "held": found.held,
        "unheld": _named(found.unheld, UNHELD_NEEDS),
        "strayed": _named(found.strayed, STRAYED),
        "versions": found.versions,
        "stored_bytes": found.stored_bytes,
    }


def _requisite_lines(found: RequisiteFigures) -> Iterator[str]:
    """Of style sheets, pictures and the like; nothing where no page needs any."""
    if not found.known:
        return
    unheld = _counted(found.unheld, UNHELD_NEEDS)
    yield f"  requisites {found.known:,} known, {found.held:,} held{unheld}; {size_of(found.stored_bytes)}"
    if strayed := _counted(found.strayed, STRAYED):
        yield f"             of those held{strayed}"


def status(config: Config, catalog: Catalog, now: datetime) -> Status:
    """How each site of the configuration stands."""
    sites = tuple(_site(site, catalog, now) for site in config.sites)
    return Status(sites, tuple(catalog.troubles()), _needs(config))


def _needs(config: Config) -> str:
    try:
        refuse_strangers(config, config.sites)
    except ConfigError as error:
        return str(error)
    return ""


@dataclass(frozen=True, slots=True)
class Versions:
    """The captures of one page, oldest first, each with its finding if it was judged."""

    uri: str
    captures: tuple[tuple[Capture, Finding | None], ...]
    standing: Trouble | None = None

    @property
    def findings(self) -> list[Finding]:
        return [finding for _, finding in self.captures if finding is not None]

    def to_dict(self) -> dict[str, Any]:
        return {
            "uri": self.uri,
            "captures": [_capture_to_dict(*pair) for pair in self.captures],
            "standing": trouble_to_dict(self.standing) if self.standing else None,
            "edits": [_edit_to_dict(edit) for edit in chain(self.findings)],
            "edits_after_stated_date": [_edit_to_dict(edit) for edit in after_stated_date(self.findings)],
        }

    def text(self) -> str:
        if not self.captures:
            return f"{visible(self.uri)}: {self._standing() or 'known, not asked for yet'}\n"
        head = ("captured (UTC)", "status", "record", "outcome", "payload", "stated date", "verdict")
        rows: list[tuple[str, ...]] = [head, *self._rows()]
        if any(capture.origin for capture, _ in self.captures):
            origins = ("origin", *(visible(capture.origin or "") for capture, _ in self.captures))
            rows = [(*row, origin) for row, origin in zip(rows, origins, strict=True)]
        lines = [*self._edits(), *([f"\nNow {self._standing()}"] if self.standing else [])]
        return "".join((visible(self.uri), "\n\n", columns(rows), *(f"{line}\n" for line in lines)))

    def _standing(self) -> str:
        """What the last visits met with that left no capture, and since when."""
        found = self.standing
        if found is None:
            return ""
        what = {"failed": "no capture, ", "refused": "not asked, "}.get(found.kind, "")
        times = f", {number(found.count, 'time')}" if found.count > 1 else ""
        return f"{what}{visible(found.message)}, since {moment(found.since_at)}{times}"

    def _edits(self) -> Iterator[str]:
        """Changes of words that the stated date cannot cover, and those that were taken back."""
        late = after_stated_date(self.findings)
        if late:
            yield f"\nChanged after the date that the page states, and standing ({len(late)}):"
            yield from (f"    {variant_line(edit.variant)}, {changed(edit.made)}" for edit in late)
        reverted = [edit for edit in chain(self.findings) if edit.reverted]
        if reverted:
            yield f"\nMade and taken back ({len(reverted)}):"
            yield from (f"    {variant_line(edit.variant)}, {changed(edit.made)}" for edit in reverted)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        stated = ""
        for capture, finding in self.captures:
            if finding is not None and capture.is_version:
                stated = finding.stated_after.raw if finding.stated_after else "none"
            yield (
                f"{capture.captured_at:%Y-%m-%d %H:%M:%S}",
                str(capture.status) if capture.record_type is not RecordType.RESOURCE else "file",
                capture.record_type.value,
                capture.outcome.value,
                capture.payload_digest.rpartition(":")[2][:DIGEST_SHOWN],
                visible(stated)[:40] if capture.is_version else "",
                _verdict(finding),
            )


def versions(catalog: Catalog, uri: str) -> Versions:
    """The captures of this page."""
    judged = {finding.captured_at: finding for finding in catalog.findings(uri=uri)}
    captures = tuple((item, judged.get(item.captured_at)) for item in catalog.captures(uri))
    return Versions(uri, captures, catalog.standing(uri))


def columns(rows: Iterable[Sequence[str]]) -> str:
    """The rows as lines of aligned columns, two spaces between them."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "".join(line.rstrip() + "\n" for line in padded)


def pass_to_dict(found: Pass) -> dict[str, Any]:
    """A pass as `check --format json` prints it, without its findings."""
    return {
        "pass": found.pass_id,
        "started_at": instant_to_text(found.started_at),
        "finished_at": instant_to_text(found.finished_at),
        "state": found.state.value,
        "reason": found.reason,
        "sites": list(found.sites),
        "visited": found.visited,
        "captured": found.captured,
        "unchanged": found.unchanged,
        "gone": found.gone,
        "failed": found.failed,
        "requisites": found.requisites,
    }


def trouble_to_dict(trouble: Trouble) -> dict[str, Any]:
    """A trouble with its beginning and, where it is over, its end."""
    return {
        "subject": trouble.subject,
        "site": trouble.site,
        "kind": trouble.kind,
        "message": trouble.message,
        "since_at": instant_to_text(trouble.since_at),
        "until_at": instant_to_text(trouble.until_at),
        "count": trouble.count,
    }


def trouble_text(trouble: Trouble) -> str:
    """The trouble in a line: what, why, since when; or that it is over."""
    if trouble.until_at is not None:
        return visible(f"{trouble.subject} answers again since {moment(trouble.until_at)}: {trouble.message}")
    times = f", {number(trouble.count, 'time')}" if trouble.count > 1 else ""
    return visible(f"{trouble.subject}: {trouble.message}, since {moment(trouble.since_at)}{times}")


def _edit_to_dict(edit: ChainedEdit) -> dict[str, Any]:
    return {
        "variant": variant_to_dict(edit.variant),
        "captured_at": instant_to_text(edit.made.captured_at),
        "reverted_at": instant_to_text(edit.reverted.captured_at) if edit.reverted else None,
        "times": edit.times,
    }


def _site(site: Site, catalog: Catalog, now: datetime) -> SiteStatus:
    from etolwatch.schedule import next_time  # slow to import, and no other listing has need of it

    return SiteStatus(
        catalog.summary(site.name),
        catalog.last_pass(site.name),
        next_time(site.schedule, site.time_zone, now),
    )


def _named(outcomes: tuple[tuple[str, int], ...], names: dict[str, str]) -> dict[str, int]:
    """The counts by what is said of the outcomes, in the order of ``names``."""
    counts = dict(outcomes)
    return {
        name: count
        for name in dict.fromkeys(names.values())
        if (count := sum(counts.get(outcome, 0) for outcome, said in names.items() if said == name))
    }


def _counted(outcomes: tuple[tuple[str, int], ...], names: dict[str, str]) -> str:
    return "".join(f", {count:,} {name}" for name, count in _named(outcomes, names).items())


def _last(found: Pass | None) -> str:
    if found is None:
        return "none yet"
    reason = f" ({visible(found.reason)})" if found.reason else ""
    return f"{moment(found.started_at)}: {found.state.value}{reason}, {number(found.visited, 'page')} visited"


def _verdict(finding: Finding | None) -> str:
    if finding is None:
        return ""
    certainty = f", {finding.certainty.value}" if finding.certainty else ""
    return RUBRICS[finding.verdict].label.lower() + certainty


def _capture_to_dict(capture: Capture, finding: Finding | None) -> dict[str, Any]:
    return {
        "captured_at": instant_to_text(capture.captured_at),
        "status": capture.status,
        "record_type": capture.record_type.value,
        "outcome": capture.outcome.value,
        "is_version": capture.outcome in (Outcome.NEW, Outcome.CHANGED),
        "payload_digest": capture.payload_digest,
        "content_type": capture.content_type,
        "last_modified": capture.last_modified,
        "location": capture.location,
        "size_bytes": capture.size_bytes,
        "record_id": capture.record_id,
        "warc": capture.warc,
        "offset": capture.offset,
        "length": capture.length,
        "pass": capture.pass_id,
        "origin": capture.origin,
        "finding": finding_to_dict(finding) if finding else None,
    }
