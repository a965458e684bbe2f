"""Captures that others made, read from their files: WARC, WACZ, ARC, folders of saved pages.

A record is handed on as the bytes that it was, with what it says. What cannot be read is a
value with its file and offset, and what comes after it is read on.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
import shutil
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from io import BytesIO
from pathlib import Path
from typing import IO
from urllib.parse import quote

from warcio.archiveiterator import ArchiveIterator
from warcio.bufferedreaders import ChunkedDataException, ChunkedDataReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeadersParserException

from etolwatch.archive import members, warc
from etolwatch.archive.codings import payload_digest_of
from etolwatch.archive.filetypes import file_type
from etolwatch.errors import ArchiveError, UsageError
from etolwatch.model import Exchange, RecordType

# Whose name is what: ids of records that had none (ARC, saved files), always the same for the same capture.
NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/etolwatch/names/")

_GZIP = b"\x1f\x8b\x08"
_BEGIN = re.compile(rb"WARC/\d+\.\d+\r?\n")
_NEXT = re.compile(rb"\nWARC/\d+\.\d+\r?\n")
_TYPE = re.compile(rb"^warc-type:[ \t]*(\w+)", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_LONGEST_BEGIN = 64  # bytes of a record's first line
_LARGEST_HEAD = 1 << 20
_STEP = 65_536
_PIECE = 1 << 20
_CAUTIOUS = 16  # bytes at once of a gzip member that is known to be damaged
_NO_RECORD = "no WARC record, or one that is cut off"
_UNREADABLE = (ArchiveLoadFailed, StatusAndHeadersParserException, ChunkedDataException, ValueError, EOFError)
_KINDS = {kind.value: kind for kind in RecordType}
_ARCHIVED = "x-archive-orig-"


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that cannot be read: ``place`` is a file and a byte of it."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Raw:
    """One WARC record, not compressed. ``at``, ``length``: of it, or of its gzip member, in the file."""

    at: int
    length: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """A record that holds a capture, and what it says.

    ``data`` is the record as it was (for ARC and files: as it is written down as WARC).
    """

    place: str
    data: bytes
    kind: RecordType
    record_id: str
    uri: str
    captured_at: datetime
    fields: Mapping[str, str]
    first_line: str  # of the HTTP head: "HTTP/1.1 200 OK"; "" without HTTP
    head: tuple[tuple[str, str], ...]
    body: bytes  # as recorded, with any codings

    def field(self, name: str) -> str | None:
        """A WARC header field, whatever its case."""
        return next((v for k, v in self.fields.items() if k.lower() == name.lower()), None)

    @property
    def status(self) -> int:
        """The HTTP status; 0 without HTTP."""
        words = self.first_line.split(" ", 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    def exchange(self) -> Exchange:
        """The answer as its server gave it: no transfer coding, an archive's own headers looked through."""
        words = [*self.first_line.split(" ", 2), "", "", ""]
        return Exchange(
            asks=self.uri,
            at=self.captured_at,
            status=self.status or 200,
            reason=words[2],
            http_version=words[0],
            request_head=(),
            request_line="",
            headers=said_by_server(self.head) if self.head else self._file_head(),
            body=without_chunks(self.head, self.body),
            ip=self.field("WARC-IP-Address"),
            took_s=0.0,
            truncated=self.field("WARC-Truncated"),
        )

    def _file_head(self) -> tuple[tuple[str, str], ...]:
        modified = self.field(warc.MODIFIED_FIELD)
        content_type = self.field("Content-Type") or "application/octet-stream"
        found = (("Content-Type", content_type), ("Last-Modified", modified))
        return tuple((name, value) for name, value in found if value)


def without_chunks(head: tuple[tuple[str, str], ...], body: bytes) -> bytes:
    """The body without the chunks that some crawlers keep (RFC 9112 §7.1); as it is where there are none."""
    coding = next((value for name, value in head if name.lower() == "transfer-encoding"), "")
    if "chunked" not in coding.lower():
        return body
    reader = ChunkedDataReader(BytesIO(body))
    pieces = []
    while piece := reader.read(_STEP):
        pieces.append(piece)
    return b"".join(pieces)


def said_by_server(head: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The head that the original server sent, where a web archive passes it on as X-Archive-Orig-…

    What describes the bytes at hand (codings, type) is the archive's own word.
    """
    if not any(name.lower().startswith(_ARCHIVED) for name, _ in head):
        return head
    own = [(n, v) for n, v in head if n.lower() in ("content-type", "content-encoding")]
    taken = {name.lower() for name, _ in own} | {"content-encoding", "transfer-encoding", "content-length"}
    originals = [(n[len(_ARCHIVED) :], v) for n, v in head if n.lower().startswith(_ARCHIVED)]
    return (*own, *((name, value) for name, value in originals if name.lower() not in taken))


# ── WARC ─────────────────────────────────────────────────────────────────────────────


def raw_records(path: Path) -> Iterator[Raw | Damage]:
    """The records of a WARC file, gzip or plain, in order; damage is told and then passed over.

    No more than one record is held in memory, even where one gzip member holds all of the file.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if file.read(2) == _GZIP[:2]:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    yield from _packed(path, data, size)
                return
            file.seek(0)
            for at, length, record in _split(iter(lambda: file.read(_PIECE), b"")):
                yield Raw(at, length, record) if record else Damage(f"{path} at byte {at}", _NO_RECORD)
    except OSError as error:
        raise UsageError("cannot read", str(path), error.strerror or str(error)) from error


def _packed(path: Path, data: mmap.mmap, size: int) -> Iterator[Raw | Damage]:
    at = 0
    while at < size:
        one = members.Unpacking(data, at, size)
        for _ in one.pieces():
            pass  # before anything of it is believed, all of it must have been seen
        yield from _believed(path, one)
        at = members.next_member(data, at + 1, size) if one.why else at + one.length


def _believed(path: Path, one: members.Unpacking) -> Iterator[Raw | Damage]:
    """The records in a gzip member, and what is wrong with it.

    Of one that is cut off, those before the cut; of one that is damaged, which may be anywhere, those
    that have a digest of their own to prove them.
    """
    place = f"{path} at byte {one.offset}"
    for _, _, record in _split(one.pieces(_CAUTIOUS) if one.why else one.pieces()):
        if record is None:
            yield from () if one.why else (Damage(place, _NO_RECORD),)
        elif not one.why or one.is_cut or _is_proven(record):
            yield Raw(one.offset, one.length, record)
    if one.why:
        yield Damage(place, one.why)


def _is_proven(record: bytes) -> bool:
    try:
        parsed = members.parse(record)
    except members.NoRecord:
        return False
    return members.agrees(parsed.get("WARC-Block-Digest"), parsed.block) is True


class _Window:
    """Bytes that come in pieces, of which as many are held as one record has."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self.held, self.at = pieces, bytearray(), 0

    def reach(self, size: int) -> bool:
        """Whether so many bytes could be got together from here on."""
        while len(self.held) < size:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self.held += piece
        return True

    def drop(self, size: int) -> None:
        """Goes on by so many bytes."""
        del self.held[:size]
        self.at += size

    def drop_to_next(self) -> None:
        """Goes on to where the next record begins, or to the end."""
        while (found := _NEXT.search(self.held)) is None:
            self.drop(max(0, len(self.held) - _LONGEST_BEGIN))
            if not self.reach(len(self.held) + 1):
                self.drop(len(self.held))
                return
        self.drop(found.start() + 1)


def _split(pieces: Iterator[bytes]) -> Iterator[tuple[int, int, bytes | None]]:
    """The records in these bytes: where each begins, its length up to the next, what it is; None: damage."""
    window = _Window(pieces)
    while window.reach(1):
        end, after = _extent(window)
        if end:
            yield window.at, after, bytes(window.held[:end]) + b"\r\n\r\n"
            window.drop(after)
        else:
            yield window.at, 0, None
            window.drop_to_next()


def _extent(window: _Window) -> tuple[int, int]:
    """Where the block of the record that begins here ends, and where the next begins; (0, 0): no record."""
    held = window.held
    window.reach(_LONGEST_BEGIN)
    if not _BEGIN.match(held):
        return 0, 0
    while (blank := held.find(b"\r\n\r\n")) < 0:
        if len(held) > _LARGEST_HEAD or not window.reach(len(held) + 1):
            return 0, 0
    length = _LENGTH.search(held[: blank + 2])
    if length is None or int(length.group(1)) > members.LARGEST_BYTES:
        return 0, 0
    end = after = blank + 4 + int(length.group(1))
    if not window.reach(end):
        return 0, 0
    while window.reach(after + 1) and held[after] in b"\r\n":
        after += 1
    window.reach(after + _LONGEST_BEGIN)
    if len(held) > after and not _BEGIN.match(held, after):
        return 0, 0  # the length is wrong: the next record is not where it should be
    return end, after


def type_of(data: bytes) -> str:
    """What a record says that it is (WARC 1.1 §5.5), in lower case; "" if it does not."""
    found = _TYPE.search(data, 0, max(0, data.find(b"\r\n\r\n")))
    return found.group(1).decode("ascii").lower() if found else ""


def read_record(place: str, data: bytes) -> Found | Damage | None:
    """The capture that one WARC record holds; None for a record that holds none."""
    kind = _KINDS.get(type_of(data))
    if kind is None:
        return None
    try:
        parsed = members.parse(data)  # what the store's own verification would refuse is not let in
        if not (parsed.record_id and parsed.get("WARC-Target-URI")):
            return Damage(place, "a record without an id or an address")
        return _found(place, data, next(iter(ArchiveIterator(BytesIO(data)))), kind)
    except (*_UNREADABLE, members.NoRecord, StopIteration) as error:
        return Damage(place, str(error) or type(error).__name__)


def _found(place: str, data: bytes, record: ArcWarcRecord, kind: RecordType) -> Found:
    fields = dict(record.rec_headers.headers)
    body = record.raw_stream.read()
    http = record.http_headers
    return Found(
        place=place,
        data=data,
        kind=kind,
        record_id=(record.rec_headers.get_header("WARC-Record-ID") or "").strip("<>"),
        uri=(record.rec_headers.get_header("WARC-Target-URI") or "").strip("<>"),
        captured_at=instant_of(record.rec_headers.get_header("WARC-Date") or ""),
        fields=fields,
        first_line=f"{http.protocol} {http.statusline}" if http else "",
        head=tuple(http.headers) if http else (),
        body=body,
    )


def instant_of(text: str) -> datetime:
    """A WARC-Date, of any version of the standard, as an aware instant. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def refusal(data: bytes) -> str | None:
    """Why a record is not let into the store: what verification would find wrong with it by itself.

    None if nothing is. Others' records need not have digests, but those that they have must be right.
    """
    try:
        parsed = members.parse(data)
    except members.NoRecord as error:
        return str(error)
    lacking = members.lacking(parsed)
    if lacking:
        return f"no {lacking[0]}"
    if members.agrees(parsed.get("WARC-Block-Digest"), parsed.block) is False:
        return "the block is not what was recorded, by its digest"
    return None


def fault(found: Found) -> str | None:
    """Why a capture is not let into the store; None if nothing is wrong with it.

    A payload digest that is wrong while that of the block is right is its writer's slip: crawlers
    differ in whether chunks belong to a payload.
    """
    if reason := refusal(found.data):
        return reason
    is_http = found.kind is RecordType.RESPONSE and found.uri.lower().startswith(("http:", "https:"))
    if (found.first_line or is_http) and not found.status:
        return f"no HTTP status in {found.first_line!r}"
    if found.kind is not RecordType.RESPONSE or found.field("WARC-Block-Digest"):
        return None
    bodies = (found.body, without_chunks(found.head, found.body))
    if any(members.agrees(found.field("WARC-Payload-Digest"), body) is not False for body in bodies):
        return None
    return "the payload is not what was recorded, by its digest"


# ── sources ──────────────────────────────────────────────────────────────────────────


def warc_captures(path: Path) -> Iterator[Found | Damage]:
    """The captures in a WARC or ARC file, gzip or plain, in its order."""
    if _is_arc(path):
        yield from _arc_captures(path)
        return
    for raw in raw_records(path):
        found = raw if isinstance(raw, Damage) else read_record(f"{path} at byte {raw.at}", raw.data)
        if found is not None:
            yield found


def _is_arc(path: Path) -> bool:
    """Whether a file begins as ARC does, under gzip or not."""
    try:
        with path.open("rb") as file:
            begin = file.read(1024)
    except OSError as error:
        raise UsageError("cannot read", str(path), error.strerror or str(error)) from error
    if begin.startswith(_GZIP):
        try:
            begin = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(begin, 64)
        except zlib.error:
            return False  # damaged at its very beginning: told as a WARC file's damage
    return begin.startswith(b"filedesc://")


def _arc_captures(path: Path) -> Iterator[Found | Damage]:
    """The captures of an ARC file (Internet Archive, 1996), each written as a WARC record."""
    with path.open("rb") as file:
        iterator = ArchiveIterator(file, arc2warc=True)
        place = f"{path} at byte 0"
        try:
            for record in iterator:
                body = record.raw_stream.read()
                place = f"{path} at byte {iterator.get_record_offset()}"
                if record.raw_stream.limit:  # bytes that its header line announces and that did not come
                    yield Damage(place, "a record is cut off")
                elif record.rec_type == "response" and record.http_headers:
                    yield _as_warc(place, record, body)
        except _UNREADABLE as error:
            reason = " ".join(str(error).split("\n\n", 1)[0].split())
            yield Damage(place, f"{reason}; what follows is not read")


def _as_warc(place: str, record: ArcWarcRecord, body: bytes) -> Found:
    http = record.http_headers
    first_line = f"{http.protocol} {http.statusline}"
    headers = record.rec_headers
    extra = [("WARC-IP-Address", ip)] if (ip := headers.get_header("WARC-IP-Address")) else []
    return made_response(
        place,
        headers.get_header("WARC-Target-URI"),
        instant_of(headers.get_header("WARC-Date")),
        first_line,
        tuple(http.headers),
        body,
        extra,
    )


def made_response(
    place: str,
    uri: str,
    at: datetime,
    first_line: str,
    head: tuple[tuple[str, str], ...],
    body: bytes,
    extra: list[tuple[str, str]],
) -> Found:
    """A response that was no WARC record, as one; its id follows from address, instant and bytes."""
    record_id = uuid.uuid5(NAMES, f"{uri} {at.isoformat()} {payload_digest_of(body)}").urn
    data = warc.foreign_response(record_id, uri, at, first_line, head, body, extra)
    found = read_record(place, data)
    if not isinstance(found, Found):
        raise ArchiveError("cannot be written as WARC", place, str(found))
    return found


def folder_captures(folder: Path, prefix: str, at: datetime | None) -> Iterator[Found | Damage]:
    """The saved pages of a folder that stands for an address prefix.

    Captured at ``at``, or when each file was last changed. Hidden files are left alone.
    """
    if not folder.is_dir():
        raise UsageError("no folder", str(folder))
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or not path.is_file():
            continue
        uri = prefix + quote(relative.as_posix())
        try:
            yield _saved_page(path, uri, at)
        except OSError as error:
            yield Damage(f"{path} at byte 0", error.strerror or str(error))


def _saved_page(path: Path, uri: str, at: datetime | None) -> Found | Damage:
    body = path.read_bytes()
    modified = path.stat().st_mtime
    captured_at = at or datetime.fromtimestamp(modified, UTC)
    record_id = uuid.uuid5(NAMES, f"{uri} {captured_at.isoformat()} {payload_digest_of(body)}").urn
    # a file that was changed after it was saved says when it was copied, which is no matter of the page's
    is_told = at is not None and modified <= at.timestamp()
    fields = [(warc.MODIFIED_FIELD, formatdate(int(modified), usegmt=True))] if is_told else []
    data = warc.foreign_resource(record_id, uri, captured_at, file_type(path), body, fields)
    return read_record(f"{path} at byte 0", data) or Damage(f"{path} at byte 0", "cannot be written as WARC")


def unpacked_wacz(path: Path, into: Path) -> Iterator[tuple[str, Path] | Damage]:
    """The WARC files of a WACZ (1.1.1 §4), unpacked one by one: name within it, and where it lies now.

    Each is removed when the next is asked for. What differs from its digest in
    datapackage.json is told, and read nevertheless: its records have digests of their own.
    """
    try:
        with zipfile.ZipFile(path) as package:
            hashes = _hashes(path, package)
            for name in sorted(name for name in package.namelist() if _is_warc_name(name)):
                yield from _unpacked(path, package, name, hashes.get(name), into)
    except (zipfile.BadZipFile, OSError, zlib.error) as error:
        yield Damage(f"{path} at byte 0", f"no WACZ file: {error}")


def _unpacked(
    path: Path, package: zipfile.ZipFile, name: str, expected: str | None, into: Path
) -> Iterator[tuple[str, Path] | Damage]:
    with tempfile.NamedTemporaryFile(dir=into) as file, package.open(name) as packed:
        try:
            shutil.copyfileobj(packed, file, _STEP)
        except (zipfile.BadZipFile, zlib.error) as error:
            yield Damage(f"{path}: {name} at byte {file.tell()}", str(error))
        file.flush()
        if expected and _file_digest(file.file) != expected:
            yield Damage(f"{path}: {name} at byte 0", "the file is not what datapackage.json says")
        yield name, Path(file.name)


def _is_warc_name(name: str) -> bool:
    return name.startswith("archive/") and name.endswith((".warc", ".warc.gz", ".arc", ".arc.gz"))


def _hashes(path: Path, package: zipfile.ZipFile) -> dict[str, str]:
    try:
        resources = json.loads(package.read("datapackage.json"))["resources"]
        return {str(one["path"]): str(one["hash"]) for one in resources}
    except (KeyError, ValueError, TypeError) as error:
        raise zipfile.BadZipFile(f"datapackage.json is missing or wrong: {error}") from error


def _file_digest(file: IO[bytes]) -> str:
    file.seek(0)
    return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
