"""A file of JSON lines that only grows: what people wrote, and what nothing could make again.

Each line is an object with an ``id`` and, last, a ``digest`` of the rest of it, so that damage shows in
the line itself. A line is acknowledged when it is on disk. The lines are a set: their order in
the file means nothing, so that two copies are merged by taking the lines of both. A line is what
it says: how a mail program or an editor ended or spaced it makes no other line of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any

from etolwatch.archive import disk
from etolwatch.archive.lock import Lock
from etolwatch.errors import ArchiveError

REVIEW = "review.jsonl"  # in a store's folder: the judgements of its readers
TORN = ".torn"  # what a crash left of a last line is set aside in a file with this ending
LOCK = ".lock"
DIGEST = "digest"
_ID = re.compile(r"[!-~]{1,200}")  # as of a URN (RFC 8141): visible ASCII
# What can still be read in a damaged line. A quotation mark inside a text is written with a backslash.
_NAMED_ID = re.compile(rb'"id"\s*:\s*"([!-~]{1,200}?)"')
_NAMED_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")
WAIT_S = 30.0  # an append takes milliseconds; longer than this, the other process hangs


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file. ``entry`` is empty where ``fault`` says what is wrong with it.

    ``raw`` is the line as `write` writes it, however it was ended and spaced in the file, so that the
    same line is the same bytes in every copy; of a damaged one, what lies there. No line feed.
    """

    offset: int
    raw: bytes
    entry: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def id(self) -> str:
        return str(self.entry.get("id", ""))

    @property
    def digest(self) -> str:
        """That of a whole line."""
        return _digest(_json(self.entry))


def write(entry: Mapping[str, Any]) -> bytes:
    """The entry, which has an id, as a line, with its digest, without the line feed."""
    body = _json(entry)
    return _written(entry, body, _digest(body))


def _written(entry: Mapping[str, Any], body: str, digest: str) -> bytes:
    try:
        return f'{body[:-1]},"{DIGEST}":"{digest}"}}'.encode()
    except UnicodeEncodeError:  # halves of characters, which only an escape can write
        return json.dumps({**entry, DIGEST: digest}, separators=(",", ":")).encode()


def parse(raw: bytes, offset: int = 0) -> Line:
    """The line with what it says, or with what is wrong with it."""
    try:
        entry = json.loads(raw)
    except (ValueError, RecursionError):
        return Line(offset, raw, fault="it is no JSON")
    if not isinstance(entry, dict) or not _is_id(entry.get("id")):
        return Line(offset, raw, fault="it is no object with an id")
    digest = entry.pop(DIGEST, None)
    body = _json(entry)
    if digest != _digest(body):
        return Line(offset, raw, fault="its digest is another" if digest else "it has no digest")
    return Line(offset, _written(entry, body, digest), entry)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def split(data: bytes, start: int = 0) -> tuple[list[Line], int]:
    """The whole lines in these bytes of a file, from ``start`` in it; and where they end.

    What follows the last line feed is being written, or was torn by a crash. Empty lines are none.
    """
    lines, offset = [], start
    for raw in data.split(b"\n")[:-1]:
        if raw.strip():
            lines.append(parse(raw, offset))
        offset += len(raw) + 1
    return lines, offset


def read(path: Path, start: int = 0, most: int = -1) -> tuple[list[Line], int]:
    """The whole lines of a file from a byte on, and where they end; none if there is no file.

    Of ``most`` bytes or somewhat more, unless that is negative. Raises ArchiveError if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(most)
            return split(data + file.readline() if most >= 0 else data, start)
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise ArchiveError("cannot read", str(path), error.strerror or str(error)) from error


def torn(path: Path) -> bytes:
    """What stands behind the last line feed of a file: a line whose writer did not come to its end.

    Raises ArchiveError if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            end, step = file.seek(0, os.SEEK_END), 1 << 12
            while True:
                start = file.seek(max(end - step, 0))
                tail = file.read(end - start)
                if b"\n" in tail or start == 0:
                    return tail[tail.rfind(b"\n") + 1 :]
                step *= 4
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ArchiveError("cannot read", str(path), error.strerror or str(error)) from error


def append(
    path: Path, lines: Iterable[bytes], at: datetime, command: str = "", wait_s: float = WAIT_S
) -> None:
    """Adds lines, all on disk when this returns; what a crash left of the last one is set aside before.

    Raises LockHeld if another process keeps the file locked for ``wait_s`` seconds; ArchiveError if the
    disk does not take them: then none of them is there.
    """
    data = b"".join(line + b"\n" for line in lines)
    with _locked(path, at, command, wait_s):
        _append(path, data)


def _append(path: Path, data: bytes) -> None:
    is_new = not path.exists()
    with path.open("ab+", buffering=0) as file:
        _end_cleanly(path, file)
        _write(file, data)
    if is_new:
        disk.sync_folder(path.parent)


@contextmanager
def _locked(path: Path, at: datetime, command: str, wait_s: float = WAIT_S) -> Iterator[None]:
    lock = Lock(path.with_name(path.name + LOCK))
    lock.acquire(at, command, wait_s)
    try:
        yield
    except OSError as error:
        raise ArchiveError("cannot write", str(path), error.strerror or str(error)) from error
    finally:
        lock.release()


def _write(file: FileIO, data: bytes) -> None:
    end, left = file.seek(0, os.SEEK_END), memoryview(data)
    try:
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise


def _end_cleanly(path: Path, file: FileIO) -> None:
    """Ends a last line that lacks only its line feed; sets aside one that lacks more."""
    rest = torn(path)
    if not rest:
        return
    if not parse(rest).fault:
        _write(file, b"\n")
        return
    with path.with_name(path.name + TORN).open("ab") as aside:
        aside.write(rest + b"\n")
        aside.flush()
        os.fsync(aside.fileno())
    disk.sync_folder(path.parent)
    file.truncate(path.stat().st_size - len(rest))


@dataclass(frozen=True, slots=True)
class Mended:
    """What a repair did with lines: taken from the other copy, damaged and set aside, damaged and left."""

    taken: int
    aside: int
    left: int


def mend(path: Path, other: Path, aside: Path, at: datetime, command: str = "") -> Mended:
    """Takes from another copy of the file the lines that are damaged or gone in this one.

    A damaged line is taken out when a whole one of either copy is known to be what it was, by the id
    or the digest that can still be read in it; the file as it was is then kept in the folder ``aside``.
    Else it is left, so that `faults` goes on telling of it. The lines that are taken come last. A torn
    end is set aside as `append` does. Raises LockHeld and ArchiveError as that does.
    """
    if not path.exists() and not other.exists():
        return Mended(0, 0, 0)
    with _locked(path, at, command):
        rest = torn(path)
        if rest:
            _append(path, b"")
        here, _ = read(path)
        new = list(union(here, (line for line in read(other)[0] if not line.fault)))
        if new:
            _append(path, b"".join(line.raw + b"\n" for line in new))
        known = _names([line for line in (*here, *new) if not line.fault])
        gone = [line for line in here if line.fault and _is_made_good(line.raw, known)]
        if gone:
            disk.keep(aside, path.name, path.read_bytes())
            _take_out(path, {line.offset for line in gone})
    left = sum(bool(line.fault) for line in here) - len(gone)
    return Mended(len(new), len(gone) + bool(rest and parse(rest).fault), left)


def _take_out(path: Path, offsets: Set[int]) -> None:
    """Writes the file anew without the lines that begin at these bytes."""
    new = path.with_name(path.name + ".new")
    try:
        disk.write(new, b"".join(line.raw + b"\n" for line in read(path)[0] if line.offset not in offsets))
        new.replace(path)
        disk.sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)


def _names(found: Iterable[Line]) -> dict[bytes, bytes]:
    """The lines by each name of theirs: id and digest."""
    return {name.encode(): line.raw for line in found for name in (line.id, line.digest)}


def is_file_of_lines(found: Sequence[Line]) -> bool:
    """Whether these lines of a file look like ours, damaged as they may be; True if there are none."""
    return not found or any(
        not line.fault or _NAMED_ID.search(line.raw) or _NAMED_DIGEST.search(line.raw) for line in found
    )


def _is_made_good(raw: bytes, known: Mapping[bytes, bytes]) -> bool:
    """Whether for each line that these damaged bytes were there is a whole one."""
    ids = _NAMED_ID.findall(raw)
    named = {known[name] for name in (*ids, *_NAMED_DIGEST.findall(raw)) if name in known}
    return len(named) >= max(len(ids), 1)


def union(here: Sequence[Line], there: Iterable[Line]) -> Iterator[Line]:
    """The lines from there that are not here, each once, in their order."""
    known = {line.raw for line in here}
    for line in there:
        if line.raw not in known:
            known.add(line.raw)
            yield line


def faults(path: Path) -> Iterator[tuple[int, str]]:
    """What is wrong with a file, with the byte where: lines that are none, ids that two lines have."""
    lines, end = read(path)
    known: dict[str, bytes] = {}
    for line in lines:
        if line.fault:
            yield line.offset, f"a line is damaged: {line.fault}"
        elif known.setdefault(line.id, line.raw) != line.raw:
            yield line.offset, f"two different lines have the id {line.id}"
    if rest := torn(path):
        fault = parse(rest).fault
        if fault:
            yield end, f"the last line is torn: {len(rest)} bytes; the next judgement sets it aside"


def _digest(body: str) -> str:
    return "sha256:" + hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def _json(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
