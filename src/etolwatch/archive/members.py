"""A WARC file taken apart strictly: gzip members, the one record in each, the HTTP head in its block.

Other readers forgive what they can, which is right for reading and wrong for proof: whoever
asks whether a file is whole must hear of each byte that is not as it should be. Damage is a
value here, with its place, and what stands behind it is read on.
"""

from __future__ import annotations

import base64
import hashlib
import mmap
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What a member of ours begins with (RFC 1952 §2.3): deflate, no flags, no time, no level, system
# unknown. These bytes are under no check sum, so they are always the same, whichever zlib wrote them.
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

_MAGIC = HEADER[:3]
LARGEST_BYTES = 1 << 30  # of one record: damaged deflate can unfold a thousandfold
_STEP = 65_536
_PIECE = 1 << 20  # of what is unpacked
_REQUIRED = ("WARC-Type", "WARC-Record-ID", "WARC-Date", "Content-Length")
_VERSION = re.compile(rb"WARC/1\.[01]\r\n")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")
_BLANK = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Member:
    """One gzip member: where it lies, the digest of its bytes as they lie there, and what is inside."""

    offset: int
    length: int
    digest: str  # "sha256:hex" of the compressed bytes
    is_plain: bool  # it begins with HEADER
    data: bytes

    @property
    def end(self) -> int:
        """Where what follows it begins."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes from ``offset`` up to ``end`` that are no gzip member."""

    offset: int
    end: int
    why: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """One WARC record, taken at its word."""

    fields: tuple[tuple[str, str], ...]
    block: bytes

    def get(self, name: str) -> str | None:
        """The first field of this name, whatever its case; None if there is none."""
        lower = name.lower()
        return next((value for key, value in self.fields if key.lower() == lower), None)

    @property
    def record_type(self) -> str:
        return self.get("WARC-Type") or ""

    @property
    def record_id(self) -> str:
        """Without its angle brackets."""
        return (self.get("WARC-Record-ID") or "").strip("<>")


class NoRecord(Exception):
    """These bytes are not exactly one WARC record; the text says why."""


def members(path: Path, start: int = 0, end: int | None = None) -> Iterator[Member | Damage]:
    """The gzip members of a file between two offsets, and the damage between them, in order.

    ``start`` must be where a member begins. Raises OSError.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        end = size if end is None else min(end, size)
        if start >= end:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            while start < end:
                found = _member(data, start, end)
                yield found
                start = found.end if isinstance(found, Damage) else start + found.length


@dataclass(slots=True)
class Unpacking:
    """The member that begins at ``offset``, unpacked in pieces, so that it may be larger than the memory.

    When all pieces were had, ``length`` is its length, or ``why`` says what is wrong with it.
    """

    data: mmap.mmap
    offset: int
    end: int  # it ends there at the latest
    length: int = 0
    why: str = ""
    is_cut: bool = False  # nothing is wrong but that its end is missing

    def pieces(self, step: int = _STEP) -> Iterator[bytes]:
        """What is inside, from its beginning; again if it is asked for again.

        Where it is damaged, what came of the last ``step`` bytes before is lost.
        """
        gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        place, packed, piece = self.offset, b"", b""
        # zlib may hold something back although it has taken all: then the piece is full
        while not gzip.eof and (packed or place < self.end or len(piece) == _PIECE):
            if not packed:
                packed = self.data[place : min(place + step, self.end)]
                place += len(packed)
            try:
                piece = gzip.decompress(packed, _PIECE)
            except zlib.error as error:
                self.why = f"a gzip member is damaged ({error})"
                return
            packed = gzip.unconsumed_tail
            yield piece
        if not gzip.eof:
            self.why, self.is_cut = "a gzip member is cut off", True
        self.length = place - self.offset - len(gzip.unused_data)


def _member(data: mmap.mmap, offset: int, end: int) -> Member | Damage:
    one = Unpacking(data, offset, end)
    pieces, size = [], 0
    for piece in one.pieces():
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_BYTES:
            one.why = "a gzip member is larger than any record"
            break
    if one.why:
        return Damage(offset, next_member(data, offset + 1, end), one.why)
    raw = data[offset : offset + one.length]
    digest = "sha256:" + hashlib.sha256(raw).hexdigest()
    return Member(offset, one.length, digest, raw.startswith(HEADER), b"".join(pieces))


def next_member(data: mmap.mmap, offset: int, end: int) -> int:
    """Where the next member that begins a record begins; ``end`` if there is none."""
    while (offset := data.find(_MAGIC, offset, end)) >= 0:
        gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            if gzip.decompress(data[offset : offset + 1024], 10).startswith(b"WARC/1."):
                return offset
        except zlib.error:
            pass  # three bytes that look like a beginning, in the middle of something
        offset += 1
    return end


def last_member(path: Path) -> Member | None:
    """The member that ends where the file ends, read from behind; None if the file ends otherwise.

    Only one of ours, which begins with HEADER, is found. Raises OSError.
    """
    size = path.stat().st_size
    if not size:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        begin = data.rfind(HEADER)
        while begin >= 0:
            found = _member(data, begin, size)
            if isinstance(found, Member):
                return found if found.offset + found.length == size else None
            begin = data.rfind(HEADER, 0, begin)  # what looked like a beginning was in the middle of one
    return None


def member_at(path: Path, offset: int, length: int) -> Member | None:
    """The member at this place; None if there is none of this length. Raises OSError."""
    found = next(members(path, offset, offset + length), None)
    return found if isinstance(found, Member) and found.length == length else None


def parse(data: bytes) -> Parsed:
    """The record that these bytes are, no byte more or less (WARC 1.1 §4). Raises NoRecord."""
    version = _VERSION.match(data)
    head_end = data.find(_BLANK)
    if version is None or head_end < 0:
        raise NoRecord("it does not begin as a WARC record does")
    fields = tuple(_field(line) for line in data[version.end() : head_end].split(b"\r\n"))
    lengths = [value for name, value in fields if name.lower() == "content-length"]
    if len(lengths) != 1 or not lengths[0].isdigit():
        raise NoRecord("it has not one Content-Length")
    block_end = head_end + len(_BLANK) + int(lengths[0])
    if data[block_end:] != _BLANK:
        raise NoRecord(f"its Content-Length is {lengths[0]}, but its block has another length")
    return Parsed(fields, data[head_end + len(_BLANK) : block_end])


def _field(line: bytes) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise NoRecord(f"a line of its head is no field: {line[:60]!r}")
    return found.group(1).decode("ascii"), found.group(2).decode("utf-8", "replace")


def identify(member: bytes) -> tuple[str, str]:
    """Id and type of the record in a member, without unpacking all of it. Raises NoRecord."""
    gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
    head = gzip.decompress(member, _STEP)
    while _BLANK not in head and gzip.unconsumed_tail:
        head += gzip.decompress(gzip.unconsumed_tail, _STEP)
    first, *lines = head.partition(_BLANK)[0].split(b"\r\n")
    if not first.startswith(b"WARC/1."):
        raise NoRecord("it does not begin as a WARC record does")
    parsed = Parsed(tuple(map(_field, lines)), b"")
    return parsed.record_id, parsed.record_type


def is_whole(found: Member | Damage) -> bool:
    """Whether these bytes are one record of a file of ours, as it was written by what it says itself."""
    if isinstance(found, Damage) or not found.is_plain:
        return False
    try:
        parsed = parse(found.data)
    except NoRecord:
        return False
    return agrees(parsed.get("WARC-Block-Digest"), parsed.block) is not False


def lacking(parsed: Parsed) -> list[str]:
    """The fields that each record must have (WARC 1.1 §5.1) and this one has not."""
    return [name for name in _REQUIRED if parsed.get(name) is None]


def http_parts(block: bytes) -> tuple[str, tuple[tuple[str, str], ...], bytes]:
    """First line, header fields and body of an HTTP message, as they were stored; bytes as latin-1."""
    head, _, body = block.partition(_BLANK)
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first, tuple((name, value.strip(" \t")) for name, _, value in pairs), body


def agrees(expected: str | None, data: bytes) -> bool | None:
    """Whether a digest field (WARC 1.1 §5.8) is that of these bytes; None if that cannot be told.

    ``algorithm:value``, the value in base 32 or hex.
    """
    algorithm, _, value = (expected or "").partition(":")
    name = algorithm.lower().replace("-", "")
    if name not in ("sha1", "sha256", "sha512", "md5") or not value:
        return None
    made = hashlib.new(name, data, usedforsecurity=False).digest()
    in_base_32 = base64.b32encode(made).decode().rstrip("=")
    return value.lower() == made.hex() or value.upper().rstrip("=") == in_base_32
