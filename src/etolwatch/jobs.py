"""The straight lines of the program, each as one function that reads like it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from etolwatch.archive.passages import Reading
from etolwatch.archive.store import Store
from etolwatch.config import Config
from etolwatch.errors import FixityError
from etolwatch.harvest.crawl import Crawl, Progress, Stop
from etolwatch.harvest.decide import REDIRECTS
from etolwatch.harvest.fetch import Fetcher
from etolwatch.model import Capture, Finding, Pass, Payload, Requisite, Site, StatedDate, Verdict, Zone
from etolwatch.publish.news import noting

if TYPE_CHECKING:
    from etolwatch.archive.catalog import Catalog
    from etolwatch.collate.strange import Read
    from etolwatch.text.links import Leads

# What these say of a capture: its words are not those of the page.
NO_TEXT = frozenset((Verdict.PAGE_GONE, Verdict.PAGE_MOVED, Verdict.SUSPECT_CAPTURE))


log = logging.getLogger("etolwatch")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A capture that cannot be judged, since its record, or one that it is compared with, is damaged."""

    capture: Capture
    error: FixityError

    def __str__(self) -> str:
        mended = "“etolwatch verify --repair-from DIR” takes good records from a copy"
        return f"{self.capture.uri} is not judged: {self.error}; {mended}"


# Findings are derived: if a pass dies here, so many are made again. The index of words is
# written once a transaction, which halves its cost.
JUDGED_AT_ONCE = 50
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def harvest(
    store: Store,
    sites: Sequence[Site],
    fetcher: Fetcher,
    now: Callable[[], datetime],
    sleep: Callable[[float], object],
    stop: Stop,
    on_event: Callable[[Progress], object] | None = None,
) -> Pass:
    """One pass over these sites, every page that is due asked for and kept.

    Goes on with a pass that was not finished. ``sleep`` takes seconds and should return at
    once when ``stop`` is set, as ``threading.Event.wait`` does. Raises UsageError if a host
    beyond loopback would be asked without a contact, ArchiveError if the store fails.
    """
    crawl = Crawl(store, sites, fetcher, now=now, sleep=sleep, stop=stop, read=_read_leads, on_event=on_event)
    return crawl.run()


def told_in_log(damage: Unreadable) -> None:
    """Says in the log what could not be judged."""
    log.error("%s", damage)


def compare(
    store: Store, config: Config, stop: Stop, on_damage: Callable[[Unreadable], object] = told_in_log
) -> list[Finding]:
    """Judges each capture that tells something and has no finding yet; gives back what is news of it.

    A capture of a page that moved is read at its new place, where that is held. What a
    ``stop`` leaves undone is done by the next call; so is what ``on_damage`` was told of, once its
    records are whole again. Raises ArchiveError.
    """
    findings: list[Finding] = []
    dates = Dates(store.catalog)
    waiting = [capture for together in rounds(list(store.catalog.unjudged())) for capture in together]
    with noting(store.catalog, waiting, stop.is_set):
        for start in range(0, len(waiting), JUDGED_AT_ONCE):
            with store.catalog.transaction():
                for capture in waiting[start : start + JUDGED_AT_ONCE]:
                    if stop.is_set():
                        break
                    try:
                        findings.extend(_judge_one(store, config, dates, capture))
                    except FixityError as error:
                        on_damage(Unreadable(capture, error))
    read_texts(store, config, stop)
    return findings


def rounds(waiting: Sequence[Capture]) -> Iterator[list[Capture]]:
    """The captures in the order in which they are judged, whenever that is: of each page one at a time.

    What is judged of a capture decides what the next is compared with, and which words are known. So
    passes come one after the other; but what others captured stands between passes of ours, and is judged
    with what it has made uncertain. ``waiting`` is ordered as `Catalog.unjudged` gives it.
    """
    is_brought = any(capture.origin for capture in waiting)
    for _, together in groupby(waiting, key=lambda capture: "" if is_brought else capture.pass_id):
        pages: dict[str, deque[Capture]] = {}
        for capture in together:
            pages.setdefault(capture.uri, deque()).append(capture)
        while any(pages.values()):
            yield [line.popleft() for line in pages.values() if line]


class Dates:
    """The dates that the captures of each page state, kept while one after the other is judged.

    Who adds a finding meanwhile notes it here, so that the earlier ones of a page are read but once.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._pages: dict[str, dict[StatedDate, datetime]] = {}  # each with its earliest capture

    def before(self, uri: str, at: datetime) -> list[StatedDate]:
        """The dates that captures of a page before this instant state, each once."""
        if uri not in self._pages:
            self._pages[uri] = {}
            for finding in self._catalog.findings(uri=uri):
                self.note(finding)
        return [stated for stated, since in self._pages[uri].items() if since < at]

    def note(self, finding: Finding) -> None:
        """Takes up a finding that was added."""
        page, at = self._pages.get(finding.uri), finding.captured_at or _EARLIEST
        if page is not None and finding.stated_after:
            page[finding.stated_after] = min(at, page.get(finding.stated_after, at))


def _judge_one(store: Store, config: Config, dates: Dates, capture: Capture) -> list[Finding]:
    """Judges one capture and keeps the finding; gives it back if it is news."""
    base = store.catalog.previous_version(capture)
    finding, reading = _finding(store, config, dates, base, capture)
    is_news = store.catalog.is_news(capture)
    store.catalog.add_finding(capture, base, finding, reading)
    dates.note(finding)
    return [finding] if is_news else []


def read_texts(store: Store, config: Config, stop: Stop) -> None:
    """Makes searchable what was judged but is not: in a catalog that older rules or programs made.

    What a ``stop`` leaves undone is done by the next call. Raises ArchiveError.
    """
    for capture in store.catalog.unread():
        if stop.is_set():
            break
        finding = store.catalog.finding(capture)
        if finding is None:
            continue
        try:
            found = _read(config, capture, store.payload(capture))
        except FixityError as error:
            told_in_log(Unreadable(capture, error))
        else:
            store.catalog.add_reading(capture, _reading(finding, found))


def _finding(
    store: Store, config: Config, dates: Dates, base: Capture | None, capture: Capture
) -> tuple[Finding, Reading]:
    """The judgement on a capture, and what it says."""
    before = _read(config, base, store.payload(base)) if base else None
    return judged(store.catalog, dates, capture, before, _read(config, capture, _after(store, capture)))


def judged(
    catalog: Catalog, dates: Dates, capture: Capture, before: Read | None, after: Read
) -> tuple[Finding, Reading]:
    """The judgement on a capture whose text was read, against the version before; and what it says."""
    from etolwatch.collate.compare import judge

    stated = dates.before(capture.uri, capture.captured_at)

    def stands_elsewhere(word: str) -> bool:
        return catalog.knows_word(word, capture.uri)

    finding = judge(before, after, site=capture.site, archive=stands_elsewhere, elsewhere=stated)
    return finding, _reading(finding, after)


def _read(config: Config, capture: Capture, payload: Payload) -> Read:
    # Reading is dear to import, and most passes bring nothing to read.
    from etolwatch.collate.strange import read
    from etolwatch.text.profiles import profile

    return read(payload, profile(profile_name(config, capture)))


def profile_name(config: Config, capture: Capture) -> str:
    """By which rules a capture is read: those of its site, as the configuration has it now."""
    return next((site.profile for site in config.sites if site.name == capture.site), "generic")


def _reading(finding: Finding, found: Read) -> Reading:
    from etolwatch.text.witness import NORMALISER

    if found.witness is None or finding.verdict in NO_TEXT:
        return Reading(NORMALISER, None)
    blocks = (block for block in found.witness.blocks if block.zone is not Zone.NAVIGATION)
    return Reading(NORMALISER, tuple((block.zone, _storable(block.text)) for block in blocks))


def _storable(text: str) -> str:
    """The text without halves of characters, which no encoding can write."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _after(store: Store, capture: Capture) -> Payload:
    payload = redirected(capture, store.payload(capture))
    target = moved_to(store.catalog, capture)
    return as_moved(payload, store.payload(target), capture.location) if target else payload


def redirected(capture: Capture, payload: Payload) -> Payload:
    """The payload with the address that a redirect leads to: its own, where it leads nowhere else."""
    if capture.status not in REDIRECTS:
        return payload
    return replace(payload, final_uri=capture.location or payload.uri)


def moved_to(catalog: Catalog, capture: Capture) -> Capture | None:
    """The text that stood where a capture redirects to; None if it does not, or none was held there then.

    That is the last one by the end of its pass: what the place has since got is no matter of the move.
    """
    if not capture.location:
        return None
    held = reversed(catalog.versions(capture.location))
    at, made_in = capture.captured_at, capture.pass_id
    return next((one for one in held if one.captured_at <= at or one.pass_id == made_in), None)


def as_moved(payload: Payload, target: Payload, final_uri: str | None) -> Payload:
    """What is to be compared of a page that redirects: the text at its new place."""
    return replace(target, uri=payload.uri, final_uri=final_uri, captured_at=payload.captured_at)


def _read_leads(payload: Payload, base_uri: str, requisite: Requisite | None) -> Leads:
    # A pass in which nothing changed reads no text: it is spared the parser, some 30 MB and 0.1 s.
    from etolwatch.text.links import leads

    return leads(payload, base_uri, requisite)
