"""The catalog made again from the WARC files alone, beside the old one, which stands until it is whole.

Several processes take the records apart; one writes, file by file in the order in which they were
closed. Whoever judges the texts does so between two files, as it was done when they were new.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

from etolwatch.archive import bring, disk, lineage, naming
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.lock import Lock, is_held
from etolwatch.archive.members import Damage
from etolwatch.archive.naming import CATALOG, FOLDER, OPEN, closed_name, is_import
from etolwatch.archive.replay import Told, replay, told_of
from etolwatch.archive.seal import head
from etolwatch.errors import ArchiveError, LockHeld, OlderCatalog

_CHUNK_BYTES = 2 << 20  # of a file, for one process at a time
_AHEAD = 4  # pieces of work in hand for each process: enough to keep it busy, too few to fill the memory
_SIDE = ("-wal", "-shm", "-journal")

log = logging.getLogger("etolwatch")
P = ParamSpec("P")
A = TypeVar("A")
R = TypeVar("R")


class Workers:
    """Processes that share work and give back results in order. A context manager; 0: this one does it."""

    def __init__(self, count: int) -> None:
        self._count = count
        # a fresh interpreter each: a copy of this one would hold its catalog open
        self._pool = ProcessPoolExecutor(count, get_context("spawn")) if count else None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def each(self, work: Callable[[A], R], tasks: Iterable[A]) -> Iterator[R]:
        """The result of the work on each task, in their order, a few being done ahead."""
        if self._pool is None:
            yield from map(work, tasks)
            return
        waiting: deque[Future[R]] = deque()
        for task in tasks:
            waiting.append(self._pool.submit(work, task))
            if len(waiting) > _AHEAD * self._count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def files(folder: Path) -> list[Path]:
    """The WARC files of a store in the order in which they were closed, unfinished ones last.

    Raises OSError, ArchiveError.
    """
    order = {name: number for number, name in enumerate(lineage.read(folder).order())}

    def place(path: Path) -> tuple[bool, float, str]:
        return path.name.endswith(OPEN), order.get(closed_name(path.name), len(order)), path.name

    return sorted(naming.files(folder), key=place)


@contextmanager
def made_anew(folder: Path, at: datetime) -> Iterator[Catalog]:
    """An empty catalog beside the old one, which it replaces if all goes well inside. Locks the store.

    Raises LockHeld, ArchiveError.
    """
    if not (folder / FOLDER).is_dir():
        raise ArchiveError("no store is there", str(folder))
    lock = Lock(folder / "lock")
    lock.acquire(at, "reindex")
    try:
        with beside(folder / f"{CATALOG}.new") as catalog:
            yield catalog
            catalog.close()
            _put_in_place(folder / f"{CATALOG}.new", folder / CATALOG)
    finally:
        lock.release()


@contextmanager
def beside(path: Path) -> Iterator[Catalog]:
    """An empty catalog in this file, which is removed at the end unless it was renamed."""
    _remove(path)
    try:
        with closing(Catalog.open(path)) as catalog:
            catalog.in_haste()
            yield catalog
    finally:
        _remove(path)


def refuse_while_busy(folder: Path) -> None:
    """Raises LockHeld if a process works on the store."""
    if is_held(folder / "lock"):
        raise LockHeld("another etolwatch works on this store", str(folder), "try again when it is done")


def _remove(path: Path) -> None:
    for name in (path, *(path.with_name(path.name + side) for side in _SIDE)):
        name.unlink(missing_ok=True)


def _put_in_place(new: Path, old: Path) -> None:
    """Renames the new catalog over the old one; a log of the old must not be taken for one of the new."""
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    _checkpoint(old)
    for side in _SIDE:
        old.with_name(old.name + side).unlink(missing_ok=True)
    new.replace(old)
    disk.sync_folder(old.parent)


def _checkpoint(path: Path) -> None:
    """Brings what stands in the log of a catalog into its file, so that it is whole without its log."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=5)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError as error:
        log.info("the old catalog is given up as it is: %s", error)


def refill(catalog: Catalog, folder: Path, workers: Workers) -> Iterator[Path]:
    """Tells the catalog what all files of a store say; gives back each file when it is told."""
    for path in files(folder):
        if is_import(path.name):
            bring.catalogue(catalog, path)
        else:
            replay(catalog, path, _told(path, workers), is_open=path.name.endswith(OPEN))
        yield path


def _told(path: Path, workers: Workers) -> Iterator[Told | Damage]:
    """What the records of a file say, taken apart by several processes where it is long."""
    chunks = list(_chunks(path))
    if len(chunks) < 2:
        return iter(told_of(path, 0, path.stat().st_size))
    found = workers.each(_chunk_told, ((path, start, end) for start, end in chunks))
    return (told for chunk in found for told in chunk)


def _chunk_told(task: tuple[Path, int, int]) -> list[Told | Damage]:
    return told_of(*task)


def _chunks(path: Path) -> Iterator[tuple[int, int]]:
    """Stretches of a file that begin where a record begins, as far as its chain record names them."""
    closed = head(path)
    size, start = path.stat().st_size, 0
    for link in closed[0].records if closed else ():
        if link.offset - start >= _CHUNK_BYTES:
            yield start, link.offset
            start = link.offset
    if start < size:
        yield start, size


def old_catalog(folder: Path) -> Catalog | None:
    """The catalog that is to be replaced, for comparison; None if there is none that can be read."""
    path = folder / CATALOG
    if not path.exists():
        return None
    try:
        catalog = Catalog.read_only(path)
    except OlderCatalog as error:
        log.info("%s", error)  # nothing can be compared with it; it was right in its time
        return None
    except ArchiveError as error:
        log.warning("%s", error)
        return None
    if catalog.damage():
        catalog.close()
        return None
    return catalog
