"""The straight lines of the program, each as one function that reads like it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from etolwatch.archive.passages import Reading
from etolwatch.archive.store import Store
from etolwatch.config import Config
from etolwatch.harvest.crawl import Crawl, Progress, Stop
from etolwatch.harvest.decide import REDIRECTS
from etolwatch.harvest.fetch import Fetcher
from etolwatch.model import Capture, Finding, Pass, Payload, Site, Verdict, Zone

if TYPE_CHECKING:
    from etolwatch.archive.catalog import Catalog
    from etolwatch.collate.strange import Read

# What these say of a capture: its words are not those of the page.
NO_TEXT = frozenset((Verdict.PAGE_GONE, Verdict.PAGE_MOVED, Verdict.SUSPECT_CAPTURE))


# Findings are derived: if a pass dies here, so many are made again. The index of words is
# written once a transaction, which halves its cost.
JUDGED_AT_ONCE = 50


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
    crawl = Crawl(
        store, sites, fetcher, now=now, sleep=sleep, stop=stop, read_links=_read_links, on_event=on_event
    )
    return crawl.run()


def compare(store: Store, config: Config, stop: Stop) -> list[Finding]:
    """Judges each capture that tells something and has no finding yet; gives back what is news of it.

    A capture of a page that moved is read at its new place, where that is held. What a
    ``stop`` leaves undone is done by the next call. Raises FixityError, ArchiveError.
    """
    findings: list[Finding] = []
    waiting = list(store.catalog.unjudged())
    for start in range(0, len(waiting), JUDGED_AT_ONCE):
        with store.catalog.transaction():
            for capture in waiting[start : start + JUDGED_AT_ONCE]:
                if stop.is_set():
                    break
                findings.extend(_judge_one(store, config, capture))
    read_texts(store, config, stop)
    return findings


def _judge_one(store: Store, config: Config, capture: Capture) -> list[Finding]:
    """Judges one capture and keeps the finding; gives it back if it is news."""
    base = store.catalog.previous_version(capture)
    finding, reading = _finding(store, config, base, capture)
    is_news = store.catalog.is_news(capture)
    store.catalog.add_finding(capture, base, finding, reading)
    return [finding] if is_news else []


def read_texts(store: Store, config: Config, stop: Stop) -> None:
    """Makes searchable what was judged but is not: in a catalog that older rules or programs made.

    What a ``stop`` leaves undone is done by the next call. Raises FixityError, ArchiveError.
    """
    for capture in store.catalog.unread():
        if stop.is_set():
            break
        finding = store.catalog.finding(capture)
        if finding is not None:
            found = _read(config, capture, store.payload(capture))
            store.catalog.add_reading(capture, _reading(finding, found))


def _finding(store: Store, config: Config, base: Capture | None, capture: Capture) -> tuple[Finding, Reading]:
    """The judgement on a capture, and what it says."""
    before = _read(config, base, store.payload(base)) if base else None
    return judged(store.catalog, capture, before, _read(config, capture, _after(store, capture)))


def judged(catalog: Catalog, capture: Capture, before: Read | None, after: Read) -> tuple[Finding, Reading]:
    """The judgement on a capture whose text was read, against the version before; and what it says."""
    from etolwatch.collate.compare import judge

    line = capture.captured_at
    dated = (f for f in catalog.findings(uri=capture.uri) if f.captured_at is None or f.captured_at < line)
    stated = [f.stated_after for f in dated if f.stated_after]

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
    """The text at the place that a capture redirects to; None if it does not, or none is held there."""
    target = catalog.history(capture.location) if capture.location else None
    return target.version if target else None


def as_moved(payload: Payload, target: Payload, final_uri: str | None) -> Payload:
    """What is to be compared of a page that redirects: the text at its new place."""
    return replace(target, uri=payload.uri, final_uri=final_uri, captured_at=payload.captured_at)


def _read_links(payload: Payload, base_uri: str) -> tuple[str, ...]:
    # A pass in which nothing changed reads no text: it is spared the parser, some 30 MB and 0.1 s.
    from etolwatch.text.links import links

    return links(payload, base_uri)
