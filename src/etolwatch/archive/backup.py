"""A copy of the store, also while a pass runs: the catalog first, then of each file what it knows.

Closed files never change, so that those which the copy has already are left alone; what is copied
must have the digest of the manifest, so that damage is never carried into a good copy. Judgements
are added to those of the copy, which keeps what was judged there.
"""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from etolwatch.archive import disk, lineage, lines, manifest, seal
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.members import is_whole, members
from etolwatch.archive.naming import CATALOG, DAMAGED, FOLDER, OPEN
from etolwatch.archive.verify import Fault, Guard, Verified, verify
from etolwatch.errors import ArchiveError, FixityError

_LEFT_OUT = ("lock", manifest.NAME, lines.REVIEW, lines.REVIEW + lines.LOCK)
_DERIVED = (CATALOG, "review.sqlite3")
_SENT_FROM_HERE = "outbox."  # messages: a copy, put in the store's place, would send them again
_STEP = 1 << 20

log = logging.getLogger("etolwatch")


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What was copied, what was there already, what could not be copied, and whether the copy holds."""

    copied: int  # files
    copied_bytes: int
    kept: int  # closed files that the copy had already
    left: tuple[Fault, ...]  # files of the store that are damaged or gone, and not in the copy either
    verified: Verified

    @property
    def faults(self) -> tuple[Fault, ...]:
        return (*self.left, *self.verified.faults)


def back_up(folder: Path, place: Path) -> BackedUp:
    """Brings the copy of a store up to date and verifies it.

    What is damaged in the store is left out, and all else is copied. Raises ArchiveError if the folder
    holds another store, or one of the two cannot be read or written.
    """
    if not (folder / CATALOG).exists():
        raise ArchiveError("the catalog is missing", str(folder), "run “etolwatch reindex” first")
    if place.resolve().is_relative_to(folder.resolve()):
        raise ArchiveError("a copy inside the store is none", str(place))
    try:
        if (place / FOLDER).is_dir():
            _refuse_other(folder, place)
        (place / FOLDER).mkdir(parents=True, exist_ok=True)
        copying = _Copying(folder, place)
        new_catalog = _copy_catalog(folder / CATALOG, place / CATALOG)
        try:
            _copy_files(copying, new_catalog)
            new_catalog.replace(place / CATALOG)
        finally:
            new_catalog.unlink(missing_ok=True)
        _copy_judgements(folder / lines.REVIEW, place / lines.REVIEW)
        for path in _others(folder):
            copying.copy(place / path.name, path.name, path.stat().st_size)
        disk.sync_folder(place)
        left = tuple(copying.left)
        return BackedUp(copying.copied, copying.copied_bytes, copying.kept, left, verify(place))
    except OSError as error:
        raise ArchiveError("cannot copy", str(error.filename or place), disk.cause(error)) from error


def _refuse_other(folder: Path, place: Path) -> None:
    """Raises ArchiveError if files of another store lie there, or of a copy that went on by itself."""
    ours, theirs = lineage.identity(folder), lineage.identity(place)
    lineage.refuse_stranger(ours, theirs, place)
    if contested := ours.contradicted(theirs):
        cause = f"{', '.join(contested)} is another file there than here; nothing was copied"
        raise ArchiveError("another store is there, or a copy that went on by itself", str(place), cause)
    if unknown := sorted(theirs.files - ours.files):
        cause = f"it has {', '.join(unknown)}, which this store has not; nothing was copied"
        raise ArchiveError("that is no copy of this store, or went on by itself", str(place), cause)


@dataclass(slots=True)
class _Copying:
    """One backup while it is made."""

    folder: Path
    place: Path
    copied: int = 0
    copied_bytes: int = 0
    kept: int = 0
    left: list[Fault] = field(default_factory=list)

    def copy(self, place: Path, file: str, size: int, digest: str | None = None) -> bool:
        """Copies a file of the store to this place, or notes why it cannot be; whether it was copied."""
        try:
            _copy_file(self.folder / file, place, size, digest)
        except FixityError as error:
            self.leave(file, f"{error.message}; {error.cause}")
            return False
        return True

    def copy_file(self, place: Path, file: str, size: int, digest: str | None = None) -> bool:
        """As `copy`, of a WARC file; counted."""
        is_copied = self.copy(place, file, size, digest)
        self.copied, self.copied_bytes = self.copied + is_copied, self.copied_bytes + is_copied * size
        return is_copied

    def leave(self, file: str, why: str) -> None:
        """Notes a file that is not copied."""
        log.error("%s: %s", self.folder / file, why)
        self.left.append(Fault(Guard.MANIFEST, file, None, why))


def _copy_files(copying: _Copying, new_catalog: Path) -> None:
    """Copies of each file what the catalog knows; of closed ones, those that the copy lacks."""
    with closing(Catalog.read_only(new_catalog)) as catalog:
        sizes = catalog.warcs()
        unfinished = {f"{FOLDER}/{name}" for name in catalog.open_files()}
    digests, there = manifest.read(copying.folder), manifest.read(copying.place)
    for file, size in sorted((f"{FOLDER}/{name}", size) for name, size in sizes.items()):
        if file in unfinished:
            _copy_unfinished(copying, file, size)
        else:
            _copy_closed(copying, file, size, digests.get(file), there.get(file))


def _copy_unfinished(copying: _Copying, file: str, size: int) -> None:
    """Copies a file that is not closed; not over one of the copy if it is damaged, for that may be whole."""
    place = _open(copying.place / file)
    here = next(
        (path for path in (_open(copying.folder / file), copying.folder / file) if path.exists()), None
    )
    if place.exists() and here and not all(map(is_whole, members(here, 0, size))):
        copying.leave(file + OPEN, _left("it is damaged, and the copy may have it whole"))
        return
    copying.copy_file(place, file, size)


def _copy_closed(copying: _Copying, file: str, size: int, named: str | None, there: str | None) -> None:
    """Copies a closed file, unless the copy has it; and its line of the manifest."""
    done = copying.place / file
    digest = named or _proven(copying.folder / file)
    if digest is None:
        copying.leave(file, _left("the manifest does not name it, and its chain record does not prove it"))
        return
    if _has(done, size) and (there == digest or manifest.digest_of(done) == digest):
        copying.kept += 1
    elif not copying.copy_file(done, file, size, digest):
        return
    if there not in (None, digest):  # the line that the copy had was another: a file has one
        manifest.put(copying.place, {**manifest.read(copying.place), file: digest})
    elif named:
        manifest.add(copying.place, file, named)
    _open(done).unlink(missing_ok=True)


def _has(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size


def _proven(path: Path) -> str | None:
    """The digest of a file that is what its chain record lists; None if it is not, or is gone."""
    return manifest.digest_of(path) if path.exists() and seal.is_as_listed(path) else None


def _open(path: Path) -> Path:
    """A file under the name that it has before it is closed."""
    return path.with_name(path.name + OPEN)


def _copy_catalog(old: Path, place: Path) -> Path:
    """The catalog as it stands at one moment (sqlite.org/backup.html), beside the copy's old one.

    Raises ArchiveError if it is damaged: then nothing tells how far the files of running passes go.
    """
    new = place.with_name(place.name + ".new")
    new.unlink(missing_ok=True)
    with closing(Catalog.read_only(old)) as catalog:
        if wrong := catalog.damage():
            raise ArchiveError("the catalog is damaged", str(old), f"{wrong}; run “etolwatch reindex” first")
        catalog.copy_to(new)
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    return new


def _opened(path: Path) -> IO[bytes]:
    """A file of the store, whether it has its final name yet, or gets it just now. Raises FixityError."""
    for candidate in (path, _open(path), path):
        try:
            return candidate.open("rb")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise FixityError("a file cannot be read", str(candidate), _left(error.strerror or "")) from error
    raise FixityError("a file is missing", str(path), _left("it is not there"))


def _left(cause: str) -> str:
    return f"{cause}; nothing of it was copied; see “etolwatch verify”"


def _copy_file(source: Path, place: Path, size: int, digest: str | None) -> None:
    """Copies the first bytes of a file, durably; what differs and is closed is set aside, not written over.

    Raises FixityError if the file cannot be read, or has not this digest.
    """
    new, made, left = place.with_name(place.name + ".new"), hashlib.sha256(), size
    try:
        with _opened(source) as read, new.open("wb") as written:
            while left > 0 and (piece := _read(read, min(_STEP, left))):
                made.update(piece)
                written.write(piece)
                left -= len(piece)
            written.flush()
            os.fsync(written.fileno())
        if left or (digest and made.hexdigest() != digest):
            raise FixityError("a file is damaged", str(source), _left("it is not what the manifest says"))
        if digest and place.exists():
            disk.move(place, place.parent / DAMAGED)
        new.replace(place)
        disk.sync_folder(place.parent)
    finally:
        new.unlink(missing_ok=True)


def _read(file: IO[bytes], size: int) -> bytes:
    """The next bytes of a file of the store. Raises FixityError where the disk does not give them."""
    try:
        return file.read(size)
    except OSError as error:
        raise FixityError("a file cannot be read", file.name, _left(error.strerror or "")) from error


def _copy_judgements(source: Path, place: Path) -> None:
    """Adds the judgements that the copy lacks, durably, and mends it; no damaged line is copied."""
    lines.mend(place, source, place.parent / FOLDER / DAMAGED, datetime.now(UTC), "backup")


def _others(folder: Path) -> list[Path]:
    """What else lies in the store's folder: what people wrote there, which nothing could make again."""
    files = (path for path in folder.iterdir() if path.is_file() and path.name not in _LEFT_OUT)
    return sorted(
        path
        for path in files
        if not path.name.startswith((".", _SENT_FROM_HERE, *_DERIVED)) and path.suffix != ".new"
    )
