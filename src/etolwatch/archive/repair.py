"""Good records taken from another copy of the store, where a file of this one is damaged or gone.

What is written is byte for byte what was there: each record must have the digest that the chain lists
for it, the whole file the one of a manifest. In a file that is not closed, which no list names yet,
a record must be whole by its own digest, and so must a line of the judgements. What is damaged is set
aside, never deleted.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from etolwatch.archive import disk, lineage, lines, manifest, naming
from etolwatch.archive.chain import Chain, Link
from etolwatch.archive.lineage import Identity, Lineage
from etolwatch.archive.lock import Lock
from etolwatch.archive.members import (
    Damage,
    Member,
    is_whole,
    last_member,
    member_at,
    members,
)
from etolwatch.archive.naming import DAMAGED, FOLDER, OPEN, closed_name
from etolwatch.archive.seal import head, is_as_listed
from etolwatch.errors import ArchiveError

_STEP = 1 << 20
_NOWHERE = "it is damaged, or gone, in both copies, and together they do not make it whole"

log = logging.getLogger("etolwatch")


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of one file. ``taken``: records of it, or lines, that are from the other copy."""

    file: str
    taken: int
    fault: str = ""  # why it was left as it is

    @property
    def whole(self) -> bool:
        return not self.fault

    @property
    def unit(self) -> str:
        """What ``taken`` counts."""
        return "lines" if self.file in (manifest.NAME, lines.REVIEW) else "records"


def repair(folder: Path, other: Path, at: datetime) -> list[Repaired]:
    """Repairs the files that are damaged or gone, manifest and judgements; gives back what became of each.

    Raises LockHeld; ArchiveError if the other folder is no copy of the store, or nothing can be written.
    """
    if not (other / FOLDER).is_dir():
        raise ArchiveError("no store is there", str(other))
    lock = Lock(folder / "lock")
    lock.acquire(at, "verify --repair-from")
    try:
        ours, theirs = lineage.identity(folder), lineage.identity(other)
        lineage.refuse_stranger(ours, theirs, other)
        wanted = {file for file in ours.files | theirs.files if _is_wanted(file, ours, theirs)}
        return [
            *_repair_closed(folder, other, wanted),
            *_repair_open(folder, other, wanted),
            *_repair_judgements(folder, other, at),
        ]
    except OSError as error:
        raise ArchiveError("cannot repair", str(error.filename or folder), disk.cause(error)) from error
    finally:
        lock.release()


def _is_wanted(file: str, ours: Identity, theirs: Identity) -> bool:
    """Whether what the other copy has of a file is what this store had, or would have next."""
    if file in ours.contradicted(theirs):
        log.warning("%s is left as it is: it was closed here and there by itself, and differs", file)
        return False
    if file in ours.files or not ours.parted(theirs):
        return True
    log.warning("%s is left there: the two copies went on by themselves", file)
    return False


# ── closed files, and the manifest ───────────────────────────────────────────────────


def _repair_closed(folder: Path, other: Path, wanted: set[str]) -> Iterator[Repaired]:
    here = lineage.lines(folder)
    there = {file: digest for file, digest in lineage.lines(other).items() if file in wanted}
    digests = {**there, **here}
    for file in digests:
        ours, theirs = folder / FOLDER / file, other / FOLDER / file
        named = [listed[file] for listed in (here, there) if file in listed]
        found = manifest.digest_of(ours) if ours.exists() else None
        if found in named:
            digests[file] = str(found)
            continue
        made = _made_whole(ours, theirs, named)
        if made is None:
            yield Repaired(f"{FOLDER}/{file}", 0, _NOWHERE)
        else:
            digests[file], taken = made
            yield Repaired(f"{FOLDER}/{file}", taken)
    known = lineage.read(folder)
    whole = replace(known, digests={**_vouched(folder, known, digests), **digests})
    listed = {f"{FOLDER}/{file}": whole.digests[file] for file in whole.order() if file in whole.digests}
    is_new = manifest.put(folder, listed)
    lacking = [file for file in known.order() if file in known.present and file not in whole.digests]
    if is_new or lacking:
        taken = len((listed.items() & _lines(there)) - _lines(here))
        yield Repaired(manifest.NAME, taken, _unproven(lacking) if lacking else "")


def _unproven(files: list[str]) -> str:
    """What to do where nothing tells the digests of these files."""
    return (
        f"nothing proves what the line of {', '.join(files)} was; the next file that is closed names the one"
        " before it: run this again after the next pass"
    )


def _lines(digests: Mapping[str, str]) -> set[tuple[str, str]]:
    """The lines of a manifest, as it names the files."""
    return {(f"{FOLDER}/{file}", digest) for file, digest in digests.items()}


def _made_whole(ours: Path, theirs: Path, named: list[str]) -> tuple[str, int] | None:
    """Makes the file that has one of these digests, if the copies together hold it.

    Gives back the digest, and how many records are the other copy's.
    """
    if theirs.exists() and (digest := manifest.digest_of(theirs)) in named:
        found = head(theirs)
        _put(ours, _pieces(theirs), digest)
        return digest, len(found[0].records) + 1 if found else 0
    places = _places(ours, theirs)
    if not places:
        return None
    sources = [(_source(ours, theirs, link), link) for link in places]
    for digest in named:
        if all(source for source, _ in sources) and _put(ours, _taken(sources), digest):
            return digest, sum(source is theirs for source, _ in sources)
    return None


def _places(*copies: Path) -> list[Link]:
    """Where each record lies, the chain record last, by a copy that has that whole; empty if none has."""
    for path in copies:
        found = head(path) if path.exists() else None
        last = last_member(path) if found else None
        if found and last and _is_complete(found[0], last.offset):
            own = Link(found[1].record_id, "metadata", last.offset, last.length, last.digest)
            return [*found[0].records, own]
    return []


def _is_complete(listed: Chain, offset: int) -> bool:
    """Whether the chain record stands where its list ends: not in a copy that lost bytes before it."""
    return listed.end == offset


def _source(ours: Path, theirs: Path, link: Link) -> Path | None:
    """The copy that has a record as it is listed."""
    for path in (ours, theirs):
        member = member_at(path, link.offset, link.length) if path.exists() else None
        if member and member.digest == link.digest:
            return path
    return None


def _taken(sources: Iterable[tuple[Path | None, Link]]) -> Iterator[bytes]:
    for path, link in sources:
        if path:
            yield from _pieces(path, link.offset, link.offset + link.length)


def _vouched(folder: Path, known: Lineage, digests: Mapping[str, str]) -> dict[str, str]:
    """The lines that no manifest has, of files that a later chain record proves to be as they were closed."""
    named = {one.previous for one, _ in known.heads.values() if one.previous}
    found = {}
    for file in known.files() - digests.keys():
        path = folder / FOLDER / file
        if file in known.heads and known.heads[file][1] in named and path.exists() and is_as_listed(path):
            found[file] = manifest.digest_of(path)
    return found


# ── files that are not closed ────────────────────────────────────────────────────────


def _repair_open(folder: Path, other: Path, wanted: set[str]) -> Iterator[Repaired]:
    """Mends the files that are not closed: no list says yet what they hold, but their records do."""
    here = {path.name: path for path in naming.files(folder)}
    there = {path.name: path for path in naming.files(other)}
    for name in sorted(there.keys() | here.keys()):
        ours, theirs = folder / FOLDER / name, there.get(name, other / FOLDER / closed_name(name))
        if not name.endswith(OPEN) or closed_name(name) in here or closed_name(name) not in wanted:
            continue
        if name not in here:
            taken = [found for found in members(theirs) if is_whole(found)]
            if taken:
                _put(ours, (piece for one in taken for piece in _pieces(theirs, one.offset, one.end)), None)
                yield Repaired(f"{FOLDER}/{name}", len(taken))
        elif not all(map(is_whole, members(ours))):
            yield _mended(ours, theirs, f"{FOLDER}/{name}")


def _mended(ours: Path, theirs: Path, file: str) -> Repaired:
    size, taken, left = ours.stat().st_size, 0, 0
    parts: list[tuple[Path, int, int]] = []
    for found in members(ours):
        is_damaged = not is_whole(found)
        good = _stretch(theirs, found, size) if is_damaged and theirs.exists() else []
        if good:
            parts.append((theirs, good[0].offset, good[-1].end))
            taken += len(good)
        else:
            parts.append((ours, found.offset, found.end))
            left += is_damaged
    if taken:
        _put(ours, (piece for part in parts for piece in _pieces(*part)), None)
    return Repaired(file, taken, f"{left} stretches are damaged, and not to be had there" if left else "")


def _stretch(theirs: Path, gap: Member | Damage, size: int) -> list[Member]:
    """The other copy's records that fill a gap exactly, or that stand where ours is torn off; else none."""
    found: list[Member] = []
    for one in members(theirs, gap.offset):
        if not isinstance(one, Member) or not is_whole(one) or (gap.end < size and one.end > gap.end):
            break
        found.append(one)
    is_filled = bool(found) and (gap.end == size or found[-1].end == gap.end)
    return found if is_filled else []


# ── judgements ───────────────────────────────────────────────────────────────────────


def _repair_judgements(folder: Path, other: Path, at: datetime) -> Iterator[Repaired]:
    """Mends the journal of judgements, whose lines are a set: each that the other copy has is taken."""
    aside = folder / FOLDER / DAMAGED
    made = lines.mend(folder / lines.REVIEW, other / lines.REVIEW, aside, at, "verify --repair-from")
    if made.taken or made.aside or made.left:
        why = f"of damaged lines {made.left} are left: no whole one is known to be what they were"
        yield Repaired(lines.REVIEW, made.taken, why if made.left else "")


# ── writing ──────────────────────────────────────────────────────────────────────────


def _pieces(path: Path, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes of a file between two offsets."""
    with path.open("rb") as file:
        file.seek(start)
        left = path.stat().st_size - start if end is None else end - start
        while left > 0 and (piece := file.read(min(_STEP, left))):
            yield piece
            left -= len(piece)


def _put(path: Path, pieces: Iterable[bytes], digest: str | None) -> bool:
    """Puts these bytes in place of a file, which is set aside; nothing, if they have not this digest."""
    new, made = path.with_name(path.name + ".new"), hashlib.sha256()
    try:
        with new.open("wb") as file:
            for piece in pieces:
                made.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if digest not in (None, made.hexdigest()):
            return False
        for old in (path, path.with_name(closed_name(path.name) + OPEN)):
            if old.exists():
                disk.move(old, path.parent / DAMAGED)
        new.replace(path)
        disk.sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)
    return True
