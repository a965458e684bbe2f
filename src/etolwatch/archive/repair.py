"""Good records taken from another copy of the store, where a file of this one is damaged or gone.

What is written is byte for byte what was there: each record must have the digest that the chain lists
for it, the whole file the one of the manifest. The damaged file is set aside, never deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from etolwatch.archive import manifest
from etolwatch.archive.chain import Chain
from etolwatch.archive.lock import Lock
from etolwatch.archive.members import last_member, member_at
from etolwatch.archive.seal import FOLDER, OPEN, head
from etolwatch.errors import ArchiveError

ASIDE = "damaged"  # below warc/


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of one file. ``records``: taken from the other copy; ``lost``: had by neither."""

    file: str
    records: int
    lost: int

    @property
    def whole(self) -> bool:
        return not self.lost


def repair(folder: Path, other: Path, at: datetime) -> list[Repaired]:
    """Repairs the closed files that differ from the manifest; gives back what became of each.

    Raises LockHeld; ArchiveError if the other folder is no store or nothing can be written.
    """
    if not (other / FOLDER).is_dir():
        raise ArchiveError("no store is there", str(other))
    lock = Lock(folder / "lock")
    lock.acquire(at, "verify --repair-from")
    try:
        digests = _digests(folder, other)
        return [_repair(folder, other, file, digest) for file, digest in _damaged(folder, digests)]
    except OSError as error:
        raise ArchiveError("cannot repair", str(error.filename or folder), error.strerror or "") from error
    finally:
        lock.release()


def _digests(folder: Path, other: Path) -> dict[str, str]:
    """What the manifests name; lines that ours lost are taken from the other, which may be older."""
    theirs = manifest.read(other)
    ours = manifest.read(folder) if (folder / manifest.NAME).exists() else {}
    for file, digest in theirs.items():
        if file not in ours:
            manifest.add(folder, file, digest)
    return {**theirs, **ours}


def _damaged(folder: Path, digests: dict[str, str]) -> Iterator[tuple[str, str]]:
    for file, digest in digests.items():
        path = folder / file
        if not path.exists() or manifest.digest_of(path) != digest:
            yield file, digest


def _repair(folder: Path, other: Path, file: str, digest: str) -> Repaired:
    ours, theirs = folder / file, other / file
    if theirs.exists() and manifest.digest_of(theirs) == digest:
        taken = _count(theirs)
        _replace(ours, theirs.read_bytes())
        return Repaired(file, taken, 0)
    listed = _list_of(ours, theirs)
    if listed is None:
        return Repaired(file, 0, 1)
    pieces, taken, lost = [], 0, 0
    for offset, length, expected in listed:
        data, is_theirs = _good(ours, theirs, offset, length, expected)
        pieces.append(data)
        taken, lost = taken + (is_theirs and bool(data)), lost + (not data)
    whole = b"".join(pieces)
    if lost or manifest.hash_of(whole) != digest:
        return Repaired(file, 0, max(lost, 1))
    _replace(ours, whole)
    return Repaired(file, taken, 0)


def _count(path: Path) -> int:
    found = head(path)
    return len(found[0].records) + 1 if found else 0


def _list_of(*copies: Path) -> list[tuple[int, int, str]] | None:
    """Offset, length and digest of each record, the chain record last, from a copy that has that whole."""
    for path in copies:
        found = head(path) if path.exists() else None
        last = last_member(path) if found else None
        if found and last and _is_complete(found[0], last.offset):
            links = [(link.offset, link.length, link.digest) for link in found[0].records]
            return [*links, (last.offset, last.length, last.digest)]
    return None


def _is_complete(listed: Chain, offset: int) -> bool:
    """Whether the chain record stands where its list ends: not in a copy that lost bytes before it."""
    return listed.end == offset


def _good(ours: Path, theirs: Path, offset: int, length: int, digest: str) -> tuple[bytes, bool]:
    """The bytes that have this digest, and whether they are the other copy's; b"" if neither has them."""
    for path in (ours, theirs):
        member = member_at(path, offset, length) if path.exists() else None
        if member and member.digest == digest:
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(length), path is theirs
    return b"", False


def _replace(path: Path, data: bytes) -> None:
    """Puts these bytes in place of a file, which is set aside."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        _set_aside(path)
    unfinished = path.with_name(path.name + OPEN)
    if unfinished.exists():
        _set_aside(unfinished)
    new.replace(path)
    manifest.sync_folder(path.parent)


def _set_aside(path: Path) -> None:
    aside = path.parent / ASIDE
    aside.mkdir(exist_ok=True)
    number = 1
    while (place := aside / f"{path.name}.{number}").exists():
        number += 1
    path.rename(place)
    manifest.sync_folder(aside)
