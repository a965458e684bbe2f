"""What there is to tell of a pass, each thing once: the feeds, digests and public pages are made of it.

A pass is told when it is over and what it brought is judged, and the ledger notes it: so what was told once
keeps its name, its date and its company for good. What can be told only later is a batch of its own.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from etolwatch.archive.catalog import Catalog
from etolwatch.archive.findings import is_listed
from etolwatch.archive.naming import IMPORT
from etolwatch.collate.cluster import LEAST_PAGES, signature_of
from etolwatch.contract import instant_to_text
from etolwatch.errors import ArchiveError
from etolwatch.model import Capture, Certainty, Finding, Pass, Verdict
from etolwatch.publish.ledger import FILE, Batch, Entry, Key, Ledger, key_of, over
from etolwatch.publish.order import RUBRICS

# RFC 9562 §5.5: names that are made of a text are names within a space. This one is ours.
SPACE = uuid.UUID("5d0f3b5e-6b0e-4c1b-9a51-2f4f0e1c7a44")
ORDER = {verdict: place for place, verdict in enumerate(RUBRICS)}

Keep = Callable[[Finding], bool]

log = logging.getLogger("etolwatch")

__all__ = ["is_listed", "over"]


def keep_all(_: Finding) -> bool:
    """Leaves nothing out."""
    return True


@dataclass(frozen=True, slots=True)
class Told:
    """What was told at once of a pass that is over.

    ``shared``: which findings were told as one edit, and its signature; None: it is told now.
    ``name``: of the batch, where that is not the first of its pass. ``gone``: what was told in it
    and is no finding any more. ``is_news``: it is not of the past, as others captured it.
    """

    made: Pass
    findings: tuple[Finding, ...]
    shared: Mapping[Key, str] | None = None
    name: str = ""
    gone: tuple[Entry, ...] = ()
    is_news: bool = True

    @property
    def batch(self) -> str:
        """The name of the batch."""
        return self.name or self.made.pass_id


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to tell: a finding, or one edit that pages of a site share and that is all of theirs.

    ``findings`` are by address; of a shared edit at least three when it was told. ``signature``
    names a shared edit (`cluster.signature_of`), and is None otherwise.
    """

    batch: str
    findings: tuple[Finding, ...]
    at: datetime  # the latest capture in it
    signature: str | None = None

    @property
    def finding(self) -> Finding:
        """The finding, or the first of those that share the edit."""
        return self.findings[0]

    @property
    def verdict(self) -> Verdict:
        return self.finding.verdict

    @property
    def site(self) -> str:
        return self.finding.site

    @property
    def is_shared(self) -> bool:
        """Whether it is an edit that several pages share."""
        return self.signature is not None

    @property
    def certainty(self) -> Certainty | None:
        """How certain the verdict is: of a shared edit, where it is the same for all."""
        found = {finding.certainty for finding in self.findings}
        return found.pop() if len(found) == 1 else None

    @property
    def urn(self) -> str:
        """Its name, a "urn:uuid:…" of version 5 (RFC 9562 §5.5), whatever host or file tells of it.

        Made of the page's address and the instant of its capture; of a shared edit, of the batch,
        the site and the edit's signature, whichever pages have it.
        """
        if self.signature is not None:
            return named("edit", self.batch, self.site, self.signature)
        return named("finding", self.finding.uri, instant_to_text(self.finding.captured_at) or self.batch)


def named(*parts: str) -> str:
    """The "urn:uuid:…" of these parts."""
    return uuid.uuid5(SPACE, "\x1f".join(parts)).urn


@contextmanager
def noting(catalog: Catalog, waiting: Iterable[Capture], is_stopped: Callable[[], bool]) -> Iterator[None]:
    """While inside, these captures are judged; at the end it is noted what is told, unless that was stopped.

    What goes wrong with the ledger is logged: no pass breaks for it.
    """
    path = catalog.path.with_name(FILE)
    try:
        with Ledger(path) as ledger:
            ledger.unsettle({capture.pass_id for capture in waiting})
    except ArchiveError as error:
        log.error("%s", error)
    yield
    if is_stopped():
        return
    try:
        with Ledger(path) as ledger:
            ledger.settle(catalog, shares)
    except ArchiveError as error:
        log.error("%s", error)


def reread(catalog: Catalog, store: Path) -> None:
    """Notes what was found by judging the past anew, as no news. Raises ArchiveError."""
    path = store / FILE
    if path.exists():
        with Ledger(path) as ledger:
            ledger.reread(catalog, shares)


def shares(found: Iterable[Finding]) -> dict[Key, str]:
    """Which of the findings that are told at once share an edit that is all of theirs, and its signature.

    On three pages of a site or more.
    """
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in filter(is_listed, found):
        if name := signature_of(finding):
            alike.setdefault((finding.site, name), []).append(finding)
    return {
        key_of(finding): name
        for (_, name), group in alike.items()
        if len({finding.uri for finding in group}) >= LEAST_PAGES
        for finding in group
    }


def batches(catalog: Catalog) -> list[Batch]:
    """What was told, latest first, by name."""
    with Ledger.of(catalog, shares) as ledger:
        return ledger.batches()


def told(
    catalog: Catalog, until: str | None = None, *, brought: bool = False, but: Collection[str] = ()
) -> Iterator[Told]:
    """What was told, latest first, each read when it is asked for; from the batch ``until`` on, if given.

    The batches named in ``but`` are passed over. What others captured, and what became of ours through
    that, is no news: it is there only with ``brought``.
    """
    passes = {made.pass_id: made for made in over(catalog)}
    with Ledger.of(catalog, shares) as ledger:
        for batch in ledger.batches(until, brought=brought):
            if batch.name in but or batch.pass_id not in passes:  # or its file is not there any more
                continue
            entries = {entry.key: entry for entry in ledger.entries(batch.name)}
            found = [one for one in catalog.findings(pass_id=batch.pass_id) if key_of(one) in entries]
            held = {key_of(one) for one in found if is_listed(one)}
            shared = {key: entry.edit for key, entry in entries.items() if entry.edit}
            gone = tuple(entry for key, entry in entries.items() if key not in held)
            yield Told(passes[batch.pass_id], tuple(found), shared, batch.name, gone, batch.is_news)


def items(one: Told, keep: Keep = keep_all) -> tuple[Item, ...]:
    """What a pass has to tell, each finding in exactly one item: the weightiest verdict first.

    A finding that was told with those of other pages stays with them. ``keep`` leaves findings out of
    items, and never changes what an item is called.
    """
    listed = sorted(filter(is_listed, one.findings), key=_place)
    shared = shares(listed) if one.shared is None else one.shared
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in listed:
        edit = shared.get(key_of(finding))
        groups.setdefault((finding.site, edit) if edit else key_of(finding), []).append(finding)
    made = [_item(one, found, shared.get(key_of(found[0]))) for found in groups.values()]
    kept = [(item, tuple(filter(keep, item.findings))) for item in made]
    return tuple(
        Item(item.batch, findings, item.at, item.signature)
        for item, findings in sorted(kept, key=lambda pair: _place(pair[0].finding))
        if findings
    )


def _item(one: Told, found: list[Finding], edit: str | None) -> Item:
    if edit:  # whatever was brought in since, those come first whose edit it still is
        found = sorted(found, key=lambda finding: signature_of(finding) != edit)
    return Item(one.batch, tuple(found), max(_at(finding, one.made) for finding in found), edit)


def origin(catalog: Catalog) -> str:
    """What tells this archive from others: its first pass. Empty before there is one."""
    ours = (made for made in catalog.passes() if not made.pass_id.startswith(IMPORT))
    first = min(ours, key=lambda made: made.pass_id, default=None)
    return f"{first.pass_id} {' '.join(first.sites)}" if first else ""


def flat(passes: Iterable[Told], keep: Keep = keep_all) -> Iterator[Item]:
    """What all these passes have to tell, in their order."""
    for one in passes:
        yield from items(one, keep)


def _at(finding: Finding, made: Pass) -> datetime:
    return finding.captured_at or made.started_at


def _place(finding: Finding) -> tuple[int, str, str, str]:
    """By verdict, site, address."""
    at = instant_to_text(finding.captured_at) or ""
    return ORDER[finding.verdict], finding.site, finding.uri, at
