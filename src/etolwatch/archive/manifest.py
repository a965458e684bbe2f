"""The manifest of closed files, in BagIt's form (RFC 8493 §2.1.3): a digest and a path on each line.

The file grows by a line whenever a WARC file is closed, before that gets its final name, and
its order is the order of closing. `sha256sum --check manifest-sha256.txt`, run in the store's
folder, checks it without etolwatch.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from etolwatch.errors import ArchiveError

NAME = "manifest-sha256.txt"
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
_STEP = 1 << 20


def read(folder: Path) -> dict[str, str]:
    """Path below the store → SHA-256 in hex, in the order of closing; empty if there is no manifest.

    A line that is torn at the end, after a crash, is left out; another one that is none raises
    ArchiveError, naming it.
    """
    path = folder / NAME
    if not path.exists():
        return {}
    found = {}
    lines = path.read_text("utf-8", "replace").split("\n")
    for number, line in enumerate(lines[:-1], 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ArchiveError("a line of the manifest is none", f"{path} line {number}", repr(line[:99]))
        found[match.group(2)] = match.group(1)
    return found


def add(folder: Path, name: str, digest: str) -> None:
    """Adds the line of a file, durably; nothing if the file has this very line. Raises ArchiveError."""
    path = folder / NAME
    try:
        _end_cleanly(path)
        if read(folder).get(name) == digest:
            return
        with path.open("ab") as file:
            file.write(f"{digest}  {name}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)
    except OSError as error:
        raise ArchiveError("cannot write", str(path), error.strerror or str(error)) from error


def _end_cleanly(path: Path) -> None:
    """Cuts off a last line that a crash tore: its file is not closed yet, and its line comes again."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)


def hash_of(data: bytes) -> str:
    """SHA-256 in hex of these bytes."""
    return hashlib.sha256(data).hexdigest()


def digest_of(path: Path, end: int | None = None) -> str:
    """SHA-256 in hex of a file, or of its first bytes. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        left = path.stat().st_size if end is None else end
        while left > 0 and (piece := file.read(min(_STEP, left))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Makes names in a folder (a new file, a renamed one) survive a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
