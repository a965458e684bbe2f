"""A copy of the store, also while a pass runs: the catalog first, then of each file what it knows.

Closed files never change, so that those which the copy has already are left alone; what is copied
must have the digest of the manifest, so that damage is never carried into a good copy.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from etolwatch.archive import manifest
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.seal import FOLDER, OPEN
from etolwatch.archive.verify import Verified, verify
from etolwatch.errors import ArchiveError, FixityError

CATALOG = "catalog.sqlite3"
_LEFT_OUT = ("lock", manifest.NAME)
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What was copied, what was there already, and whether the copy holds."""

    copied: int  # files
    copied_bytes: int
    kept: int  # closed files that the copy had already
    verified: Verified


def back_up(folder: Path, place: Path) -> BackedUp:
    """Brings the copy of a store up to date and verifies it.

    Raises FixityError if a file of the store is not what the manifest says; ArchiveError if one of the
    two cannot be read or written.
    """
    if not (folder / CATALOG).exists():
        raise ArchiveError("the catalog is missing", str(folder), "run “etolwatch reindex” first")
    if place.resolve().is_relative_to(folder.resolve()):
        raise ArchiveError("a copy inside the store is none", str(place))
    try:
        (place / FOLDER).mkdir(parents=True, exist_ok=True)
        copied, copied_bytes, kept = _copied(folder, place)
        return BackedUp(copied, copied_bytes, kept, verify(place))
    except OSError as error:
        raise ArchiveError("cannot copy", str(error.filename or place), error.strerror or "") from error


def _copied(folder: Path, place: Path) -> tuple[int, int, int]:
    new_catalog = _copy_catalog(folder / CATALOG, place / CATALOG)
    with closing(Catalog.read_only(new_catalog)) as catalog:
        sizes = catalog.warcs()
        unfinished = {f"{FOLDER}/{name}" for name in catalog.open_files()}
    digests = manifest.read(folder)
    copied = copied_bytes = kept = 0
    for file, size in sorted((f"{FOLDER}/{name}", size) for name, size in sizes.items()):
        digest = None if file in unfinished else digests.get(file)
        if digest and manifest.read(place).get(file) == digest and _has(place / file, size):
            kept += 1
            continue
        _copy_file(_existing(folder / file), place / (file if digest else file + OPEN), size, digest)
        if digest:
            manifest.add(place, file, digest)
            (place / (file + OPEN)).unlink(missing_ok=True)
        copied, copied_bytes = copied + 1, copied_bytes + size
    new_catalog.replace(place / CATALOG)
    for path in _others(folder):
        _copy_file(path, place / path.name, path.stat().st_size, None)
    manifest.sync_folder(place)
    return copied, copied_bytes, kept


def _copy_catalog(old: Path, place: Path) -> Path:
    """The catalog as it stands at one moment (sqlite.org/backup.html), beside the copy's old one."""
    new = place.with_name(place.name + ".new")
    new.unlink(missing_ok=True)
    with closing(Catalog.read_only(old)) as catalog:
        catalog.copy_to(new)
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    return new


def _existing(path: Path) -> Path:
    """A file of the store, whether it has its final name yet or not. Raises ArchiveError."""
    for candidate in (path, path.with_name(path.name + OPEN)):
        if candidate.exists():
            return candidate
    raise ArchiveError("a WARC file is missing", str(path), "see “etolwatch verify”")


def _has(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size


def _copy_file(source: Path, place: Path, size: int, digest: str | None) -> None:
    """Copies the first bytes of a file, durably; raises FixityError if they have not this digest."""
    new, made, left = place.with_name(place.name + ".new"), hashlib.sha256(), size
    with source.open("rb") as read, new.open("wb") as written:
        while left > 0 and (piece := read.read(min(_STEP, left))):
            made.update(piece)
            written.write(piece)
            left -= len(piece)
        written.flush()
        os.fsync(written.fileno())
    if left or (digest and made.hexdigest() != digest):
        new.unlink()
        cause = "it is not what the manifest says; nothing of it was copied; see “etolwatch verify”"
        raise FixityError("a file of the store is damaged", str(source), cause)
    new.replace(place)
    manifest.sync_folder(place.parent)


def _others(folder: Path) -> list[Path]:
    """What else lies in the store's folder: what people wrote there, which nothing could make again."""
    files = (path for path in folder.iterdir() if path.is_file() and path.name not in _LEFT_OUT)
    return sorted(
        path for path in files if not path.name.startswith((".", CATALOG)) and path.suffix != ".new"
    )
