"""Writing that survives a power cut, and taking out of the way what must not be lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
MAKE_ROOM = "make room, and run this again"


def cause(error: OSError, advice: str = "") -> str:
    """What the operating system says, and what to do; without ``advice``, that of a full disk alone."""
    advice = advice or (MAKE_ROOM if error.errno in _FULL else "")
    return "; ".join(part for part in (error.strerror or str(error), advice) if part)


def sync_folder(folder: Path) -> None:
    """Makes names in a folder (a new file, a renamed one) survive a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, data: bytes) -> None:
    """Writes a file, new or over what is there, durably. Raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def keep(folder: Path, name: str, data: bytes) -> Path:
    """Keeps bytes in this folder, durably, under this name and the first number that is free.

    Gives back the place. Bytes that lie there already, as after a crash, are not kept twice. Raises OSError.
    """
    _make(folder)
    place = next(p for p in _places(folder, name) if not p.exists() or p.read_bytes() == data)
    write(place, data)
    return place


def move(path: Path, folder: Path) -> Path:
    """Moves a file to this folder, durably, and numbers it as `keep` does. Raises OSError."""
    _make(folder)
    place = next(p for p in _places(folder, path.name) if not p.exists())
    path.rename(place)
    sync_folder(folder)
    sync_folder(path.parent)
    return place


def _make(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir(parents=True)
        sync_folder(folder.parent)


def _places(folder: Path, name: str) -> Iterator[Path]:
    number = 1
    while True:
        yield folder / f"{name}.{number}"
        number += 1
