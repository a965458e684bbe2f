"""How findings stand, as a table that lists can be filtered by; made again when journal or catalog change."""

from __future__ import annotations

import threading
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import finalize

from etolwatch.archive.findings import Findings
from etolwatch.archive.lines import REVIEW
from etolwatch.review.projection import Projection

_FILES = ("catalog.sqlite3", "catalog.sqlite3-wal", REVIEW)


class Standing:
    """A small database in a temporary folder: the state of each finding that was judged, by its capture.

    To look each judgement up by address and time for every page of a list would take as long as
    all else together.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._place = self._folder()
        self._lock = threading.Lock()
        self._known: object = None
        self._count = 0
        self._path = Path()

    def _folder(self) -> Path:
        found = Path(mkdtemp(prefix="etolwatch-serve-"))
        finalize(self, rmtree, found, ignore_errors=True)
        return found

    def attach(self, findings: Findings, projection: Projection) -> None:
        """Attaches the present states to the connection of these findings."""
        with self._lock:
            seen = tuple(map(_seen, (self._store / name for name in _FILES)))
            if seen != self._known or not self._path.is_file():
                self._make(findings, projection)
                self._known = seen
            findings.attach(self._path)

    def _make(self, findings: Findings, projection: Projection) -> None:
        if not self._place.is_dir():  # whoever clears temporary folders does not ask who uses them
            self._place = self._folder()
        self._count += 1
        path = self._place / f"{self._count}.sqlite3"
        findings.stand(path, projection.attach)
        old, self._path = self._path, path
        if self._count > 1:
            old.unlink(missing_ok=True)  # who has it attached goes on reading it


def _seen(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever a file does."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
