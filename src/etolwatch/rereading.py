"""The past read again: `reindex` makes the catalog anew, `verify --text` compares it with what is there.

A finding belongs to its capture: made again by other rules, it keeps the capture's time and pass,
and is no new edit. What differs is told, so that a change of the rules never passes unseen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from etolwatch import jobs
from etolwatch.archive import reindex
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.store import Store
from etolwatch.archive.verify import Fault, Guard
from etolwatch.collate.strange import Read, read
from etolwatch.config import Config
from etolwatch.model import Capture, Finding, Payload
from etolwatch.text.profiles import profile


@dataclass(frozen=True, slots=True)
class Source:
    """A text to be read: the capture, and the one in whose record its bytes lie."""

    capture: Capture
    origin: Capture


@dataclass(frozen=True, slots=True)
class Task:
    """A capture to be judged, with all that must be read for it."""

    folder: Path
    profile: str
    base_profile: str
    capture: Source
    base: Source | None
    target: Source | None  # the text at the place that it redirects to


@dataclass(frozen=True, slots=True)
class Change:
    """A finding that came out otherwise; None where there was, or is, none."""

    before: Finding | None
    after: Finding | None

    @property
    def finding(self) -> Finding:
        """Either of them, for what both share."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a change of nothing into nothing")
        return found


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What was made anew, and which findings came out otherwise."""

    files: int
    captures: int
    findings: int
    compared: bool  # whether there was an old catalog to compare with
    changes: tuple[Change, ...]


# ── reindex ──────────────────────────────────────────────────────────────────────────


def reindexed(
    config: Config,
    at: datetime,
    processes: int | None = None,
    on_file: Callable[[Path], object] | None = None,
) -> Reindexed:
    """Makes the catalog of a store anew from its WARC files; the old one stands until then.

    ``processes`` share the work: as many as there are cores, unless that is given; 0 means this one
    alone. Raises LockHeld; ArchiveError if the store cannot be read or written.
    """
    done = 0
    with reindex.made_anew(config.store, at) as catalog, reindex.Workers(_count(processes)) as workers:
        for path in reindex.refill(catalog, config.store, workers):
            judge_all(catalog, config, workers)
            done += 1
            if on_file:
                on_file(path)
        old = reindex.old_catalog(config.store)
        changes: tuple[Change, ...] = ()
        if old:
            with closing(old):
                changes = tuple(changed(old, catalog))
        captures, findings = catalog.figures()
    return Reindexed(done, captures, findings, old is not None, changes)


def _count(processes: int | None) -> int:
    return (os.cpu_count() or 1) if processes is None else processes


def judge_all(catalog: Catalog, config: Config, workers: reindex.Workers) -> None:
    """Judges what has no finding yet, in the order in which it was judged when it was new."""
    while waiting := _one_of_each_page(catalog.unjudged()):
        bases = [catalog.previous_version(capture) for capture in waiting]
        tasks = [_task(catalog, config, *pair) for pair in zip(waiting, bases, strict=True)]
        for capture, base, found in zip(waiting, bases, workers.each(_read, tasks), strict=True):
            finding, reading = jobs.judged(catalog, capture, *found)
            catalog.add_finding(capture, base, finding, reading)


def _one_of_each_page(captures: Iterator[Capture]) -> list[Capture]:
    """The first of each page: what is judged of it decides what the next is compared with."""
    first: dict[str, Capture] = {}
    for capture in captures:
        first.setdefault(capture.uri, capture)
    return list(first.values())


def _task(catalog: Catalog, config: Config, capture: Capture, base: Capture | None) -> Task:
    target = jobs.moved_to(catalog, capture)
    return Task(
        folder=config.store,
        profile=jobs.profile_name(config, capture),
        base_profile=jobs.profile_name(config, base or capture),
        capture=_source(catalog, capture),
        base=_source(catalog, base) if base else None,
        target=_source(catalog, target) if target else None,
    )


def _source(catalog: Catalog, capture: Capture) -> Source:
    return Source(capture, catalog.capture(capture.refers_to) if capture.refers_to else capture)


def _read(task: Task) -> tuple[Read | None, Read]:
    """The texts of a task, read: the part of the work that several processes share."""
    store = Store(task.folder)
    base = read(_payload(store, task.base), profile(task.base_profile)) if task.base else None
    payload = jobs.redirected(task.capture.capture, _payload(store, task.capture))
    if task.target:
        payload = jobs.as_moved(payload, _payload(store, task.target), task.capture.capture.location)
    return base, read(payload, profile(task.profile))


def _payload(store: Store, source: Source) -> Payload:
    return store.payload_of(source.capture, source.origin)


def changed(old: Catalog, new: Catalog) -> Iterator[Change]:
    """The findings that two catalogs of one store tell otherwise; which rules made them is no difference."""
    for record_id, after in new.findings_by_record():
        before = old.finding_on(record_id)
        if before is None or replace(before, normaliser=after.normaliser) != after:
            yield Change(before, after)
    for record_id, before in old.findings_by_record():
        if new.finding_on(record_id) is None:
            yield Change(before, None)


# ── verify --text ────────────────────────────────────────────────────────────────────


def text_faults(config: Config, processes: int | None = None) -> list[Fault]:
    """Texts and findings of the catalog that are others when the whole past is read and judged again.

    The catalog made for it is dropped; nothing of the store is changed. Raises LockHeld while a pass runs.
    """
    reindex.refuse_while_busy(config.store)
    old = reindex.old_catalog(config.store)
    if old is None:
        return [Fault(Guard.CATALOG, reindex.CATALOG, None, "it cannot be read; run “etolwatch reindex”")]
    with (
        closing(old),
        TemporaryDirectory(prefix="etolwatch-") as place,
        reindex.beside(Path(place) / reindex.CATALOG) as new,
        reindex.Workers(_count(processes)) as workers,
    ):
        for _ in reindex.refill(new, config.store, workers):
            judge_all(new, config, workers)
        return [*map(_finding_fault, changed(old, new)), *_reading_faults(old, new)]


def _finding_fault(change: Change) -> Fault:
    before, after = (
        f"{one.verdict} by {one.normaliser}" if one else "none" for one in (change.before, change.after)
    )
    what = f"the finding on {change.finding.uri} of {change.finding.captured_at}"
    return Fault(Guard.TEXT, reindex.CATALOG, None, f"{what} is {before}, and {after} when judged again")


def _reading_faults(old: Catalog, new: Catalog) -> Iterator[Fault]:
    for record_id, reading in new.readings_by_record():
        if old.reading_on(record_id) != reading:
            what = f"the text of {record_id} that is searched is not that of its record"
            yield Fault(Guard.TEXT, reindex.CATALOG, None, what)
