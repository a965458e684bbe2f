"""The manifest of closed files, in BagIt's form (RFC 8493 §2.1.3): a digest and a path on each line.

The file grows by a line whenever a WARC file is closed, before that gets its final name, and
its order is the order of closing. `sha256sum --check manifest-sha256.txt`, run in the store's
folder, checks it without etolwatch. A line that is damaged hides no other.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path

from etolwatch.archive import disk
from etolwatch.archive.naming import DAMAGED, FOLDER, SUFFIX, TORN
from etolwatch.errors import ArchiveError

NAME = "manifest-sha256.txt"
# A path that a crash tore has not this ending: so a whole line is known, with its line feed or without.
_LINE = re.compile(rf"([0-9a-f]{{64}})  ({FOLDER}/[^\s/]+{re.escape(SUFFIX)})")
_STEP = 1 << 20

log = logging.getLogger("etolwatch")


def read(folder: Path) -> dict[str, str]:
    """Path below the store → SHA-256 in hex, in the order of closing; empty if there is no manifest.

    What is no line is left out, see `damage`. Raises ArchiveError if the file cannot be read.
    """
    found = {}
    for line in _lines(folder):
        if match := _LINE.fullmatch(line):
            found[match.group(2)] = match.group(1)
    return found


def damage(folder: Path) -> list[tuple[int, str]]:
    """The lines that are none: number, and what stands there. Raises ArchiveError as `read` does."""
    lines = enumerate(_lines(folder), 1)
    return [(number, line[:99]) for number, line in lines if not _LINE.fullmatch(line)]


def _lines(folder: Path) -> list[str]:
    path = folder / NAME
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ArchiveError("cannot read", str(path), disk.cause(error)) from error
    return text.removesuffix("\n").split("\n") if text else []


def add(folder: Path, name: str, digest: str) -> None:
    """Adds the line of a file, durably; nothing if the file has this very line. Raises ArchiveError."""
    path = folder / NAME
    try:
        _end_cleanly(folder)
        if read(folder).get(name) == digest:
            return
        with path.open("ab") as file:
            file.write(_line(name, digest))
            file.flush()
            os.fsync(file.fileno())
        disk.sync_folder(folder)
    except OSError as error:
        raise ArchiveError("cannot write", str(path), disk.cause(error)) from error


def _line(name: str, digest: str) -> bytes:
    return f"{digest}  {name}\n".encode()


def _end_cleanly(folder: Path) -> None:
    """Ends a last line that is whole; sets one aside that a crash tore, for it comes again."""
    path = folder / NAME
    data = path.read_bytes() if path.exists() else b""
    whole = data.rfind(b"\n") + 1
    if whole == len(data):
        return
    if _LINE.fullmatch(data[whole:].decode("utf-8", "replace")):
        with path.open("ab") as file:
            file.write(b"\n")
            file.flush()
            os.fsync(file.fileno())
        return
    place = disk.keep(folder / FOLDER / TORN, f"{NAME}.{whole}", data[whole:])
    log.warning("%s had a torn last line, which is set aside in %s", path, place)
    with path.open("r+b") as file:
        file.truncate(whole)
        os.fsync(file.fileno())


def put(folder: Path, digests: Mapping[str, str]) -> bool:
    """Makes the manifest say this, in this order; one that said otherwise is set aside. Whether one did.

    Raises OSError.
    """
    path = folder / NAME
    data = b"".join(_line(name, digest) for name, digest in digests.items())
    old = path.read_bytes() if path.exists() else b""
    if old == data:
        return False
    new = path.with_name(f"{NAME}.new")
    disk.write(new, data)
    if old:
        disk.keep(folder / FOLDER / DAMAGED, NAME, old)
    new.replace(path)
    disk.sync_folder(folder)
    return True


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
