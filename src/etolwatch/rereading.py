"""The past read again: `reindex` makes the catalog anew, `verify --text` compares it with what is there.

A finding belongs to its capture: made again by other rules, it keeps the capture's time and pass,
and is no new edit. What differs is told, so that a change of the rules never passes unseen.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from etolwatch import jobs
from etolwatch.archive import reindex
from etolwatch.archive.agreement import disagreements
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.naming import CATALOG, FOLDER, OPEN
from etolwatch.archive.store import Store
from etolwatch.archive.verify import Fault, Guard
from etolwatch.collate.strange import Read, read
from etolwatch.config import Config
from etolwatch.errors import FixityError
from etolwatch.model import Capture, Finding, Payload
from etolwatch.publish import news
from etolwatch.text.profiles import profile

log = logging.getLogger("etolwatch")


class Stop(Protocol):
    """What ends the work: a threading.Event, or something that looks like one."""

    def is_set(self) -> bool: ...


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
        news.reread(catalog, config.store)
        captures, findings = catalog.figures()
    return Reindexed(done, captures, findings, old is not None, changes)


def renewed(config: Config, at: datetime, stop: Stop) -> bool:
    """Makes the catalog again that an earlier etolwatch made, for whoever is about to write to the store.

    Gives back False if ``stop`` was set before that was done; then the old one stands, as it does when the
    process is killed. Raises LockHeld, ArchiveError.
    """
    log.warning("the catalog is that of an earlier etolwatch: it is made again, which takes a while")

    def go_on(_: object) -> None:
        if stop.is_set():
            raise _Stopped

    try:
        reindexed(config, at, on_file=go_on)
    except _Stopped:
        return False
    return True


class _Stopped(Exception):
    """The making of a catalog is given up."""


def _count(processes: int | None) -> int:
    return (os.cpu_count() or 1) if processes is None else processes


def judge_all(catalog: Catalog, config: Config, workers: reindex.Workers) -> None:
    """Judges what has no finding yet, in the order in which it was judged when it was new.

    A page with a damaged record is judged up to there; the log says so.
    """
    dates, damaged = jobs.Dates(catalog), set[str]()
    for together in jobs.rounds(list(catalog.unjudged())):
        waiting = [capture for capture in together if capture.uri not in damaged]
        bases = [catalog.previous_version(capture) for capture in waiting]
        tasks = [_task(catalog, config, *pair) for pair in zip(waiting, bases, strict=True)]
        for capture, base, found in zip(waiting, bases, workers.each(_read, tasks), strict=True):
            if isinstance(found, FixityError):
                jobs.told_in_log(jobs.Unreadable(capture, found))
                damaged.add(capture.uri)
                continue
            finding, reading = jobs.judged(catalog, dates, capture, *found)
            catalog.add_finding(capture, base, finding, reading)
            dates.note(finding)


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


def _read(task: Task) -> tuple[Read | None, Read] | FixityError:
    """The texts of a task, read: the part of the work that several processes share."""
    store = Store(task.folder)
    try:
        base = read(_payload(store, task.base), profile(task.base_profile)) if task.base else None
        payload = jobs.redirected(task.capture.capture, _payload(store, task.capture))
        if task.target:
            payload = jobs.as_moved(payload, _payload(store, task.target), task.capture.capture.location)
    except FixityError as error:
        return error
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
        return [Fault(Guard.CATALOG, CATALOG, None, "it cannot be read; run “etolwatch reindex”")]
    with (
        closing(old),
        TemporaryDirectory(prefix="etolwatch-") as place,
        reindex.beside(Path(place) / CATALOG) as new,
        reindex.Workers(_count(processes)) as workers,
    ):
        for _ in reindex.refill(new, config.store, workers):
            judge_all(new, config, workers)
        found = [*map(_finding_fault, changed(old, new)), *_reading_faults(old, new)]
        return found or list(_row_faults(config.store, Path(place) / CATALOG))


def _row_faults(folder: Path, new: Path) -> Iterator[Fault]:
    """Rows of the catalog that are others when it is made again; findings told otherwise are named before."""
    is_finished = not any((folder / FOLDER).glob(f"*{OPEN}"))
    for what in disagreements(folder / CATALOG, new, is_finished=is_finished):
        yield Fault(Guard.CATALOG, CATALOG, None, f"{what}; run “etolwatch reindex”")


def _finding_fault(change: Change) -> Fault:
    before, after = (
        f"{one.verdict} by {one.normaliser}" if one else "none" for one in (change.before, change.after)
    )
    what = f"the finding on {change.finding.uri} of {change.finding.captured_at}"
    return Fault(Guard.TEXT, CATALOG, None, f"{what} is {before}, and {after} when judged again")


def _reading_faults(old: Catalog, new: Catalog) -> Iterator[Fault]:
    for record_id, reading in new.readings_by_record():
        if old.reading_on(record_id) != reading:
            what = f"the text of {record_id} that is searched is not that of its record"
            yield Fault(Guard.TEXT, CATALOG, None, what)
