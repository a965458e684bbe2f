"""One pass at a time: a lock that the operating system releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import IO

from etolwatch.archive import disk
from etolwatch.archive.catalog import instant_text
from etolwatch.errors import ArchiveError, LockHeld

_STEP_S = 0.005  # between two tries


class Lock:
    """The lock of a store: a file that its holder keeps locked, and which says who that is.

    flock(2) rather than the mere presence of a file, so that kill -9 leaves nothing behind
    that anyone would have to clear away; and rather than the filelock package, which
    empties the file that names the holder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self, at: datetime, command: str = "", wait_s: float = 0.0) -> None:
        """Takes the lock. Raises LockHeld, naming the holder, if another process keeps it so long."""
        try:
            file = self.path.open("a+", encoding="utf-8")
        except OSError as error:
            raise ArchiveError("cannot write", str(self.path), disk.cause(error)) from error
        try:
            _take(file, wait_s)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "a process that has just begun"
            file.close()
            raise LockHeld("another etolwatch works on this store", holder, str(self.path)) from error
        file.truncate(0)
        command = command or Path(sys.argv[0]).name
        file.write(f"pid {os.getpid()} on {socket.gethostname()} since {instant_text(at)} ({command})\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Gives the lock back. The file stays: removing it would let two processes lock two files."""
        if self._file:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def _take(file: IO[str], wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(_STEP_S)
        else:
            return


def is_held(path: Path) -> bool:
    """Whether a process holds this lock just now. Nothing is written. Raises OSError."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
