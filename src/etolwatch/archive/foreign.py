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
from etolwatch.errors import ArchiveError, UsageError
from etolwatch.model import Exchange, RecordType

# Whose name is what: ids of records that had none (ARC, saved files), always the same for the same capture.
NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/etolwatch/names/")
TYPES = {".htm": "text/html", ".html": "text/html", ".xhtml": "application/xhtml+xml", ".txt": "text/plain"}
TYPES |= {".pdf": "application/pdf"}

_GZIP = b"\x1f\x8b\x08"
_BEGIN = re.compile(rb"WARC/\d+\.\d+\r?\n")
_NEXT = re.compile(rb"\nWARC/\d+\.\d+\r?\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_STEP = 65_536
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
    """A record that holds a capture, or goes with one, and what it says.

    ``data`` is the record as it was (for ARC and files: as it is written down as WARC);
    ``made``: there was no WARC record before. ``kind`` is None for a request.
    """

    place: str
    data: bytes
    kind: RecordType | None
    record_id: str
    uri: str
    captured_at: datetime
    fields: Mapping[str, str]
    first_line: str  # of the HTTP head: "HTTP/1.1 200 OK"; "" without HTTP
    head: tuple[tuple[str, str], ...]
    body: bytes  # as recorded, with any codings
    made: bool = False

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
    """The records of a WARC file, gzip or plain, in order; damage is told and then passed over."""
    try:
        with path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield from _packed(path) if data[:2] == _GZIP[:2] else _split(path, data)
    except OSError as error:
        raise UsageError("cannot read", str(path), error.strerror or str(error)) from error


def _packed(path: Path) -> Iterator[Raw | Damage]:
    for member in members.members(path):
        if isinstance(member, members.Damage):
            yield Damage(f"{path} at byte {member.offset}", member.why)
        else:
            yield from _split(path, member.data, (member.offset, member.length))


def _split(
    path: Path, data: bytes | mmap.mmap, member: tuple[int, int] | None = None
) -> Iterator[Raw | Damage]:
    """The records in these bytes, which are those of the file or of this member of it."""
    at = 0
    while at < len(data):
        end, after = _extent(data, at)
        place, length = member or (at, after - at)
        if end:
            yield Raw(place, length, bytes(data[at:end]) + b"\r\n\r\n")
            at = after
            continue
        yield Damage(f"{path} at byte {place}", "no WARC record, or one that is cut off")
        following = _NEXT.search(data, at)
        at = following.start() + 1 if following else len(data)


def _extent(data: bytes | mmap.mmap, at: int) -> tuple[int, int]:
    """Where the block of the record that begins here ends, and where the next begins; (0, 0): no record."""
    if not _BEGIN.match(data, at):
        return 0, 0
    blank = data.find(b"\r\n\r\n", at)
    length = _LENGTH.search(data[at : blank + 2]) if blank >= 0 else None
    if length is None:
        return 0, 0
    end = after = blank + 4 + int(length.group(1))
    if end > len(data):
        return 0, 0
    while data[after : after + 1] in (b"\r", b"\n"):
        after += 1
    if after < len(data) and not _BEGIN.match(data, after):
        return 0, 0  # the length is wrong: the next record is not where it should be
    return end, after


def read_record(place: str, data: bytes) -> Found | Damage | None:
    """What one WARC record says; None for one that is neither a capture nor a request."""
    try:
        record = next(iter(ArchiveIterator(BytesIO(data))))
        kind = record.rec_type
        if kind not in _KINDS and kind != "request":
            return None
        members.parse(data)  # what the store's own verification would refuse is not let in
        return _found(place, data, record, _KINDS.get(kind))
    except (*_UNREADABLE, members.NoRecord, StopIteration) as error:
        return Damage(place, str(error) or type(error).__name__)


def _found(place: str, data: bytes, record: ArcWarcRecord, kind: RecordType | None) -> Found:
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


def fault(found: Found) -> str | None:
    """What is wrong with the bytes of a record, by its own digests (WARC 1.1 §5.8, §5.9); None if nothing.

    A payload digest that is wrong while that of the block is right is its writer's slip: crawlers
    differ in whether chunks belong to a payload.
    """
    block = found.data[found.data.index(b"\r\n\r\n") + 4 : -4]
    whole = members.agrees(found.field("WARC-Block-Digest"), block)
    if whole is not None:
        return None if whole else "the block is not what was recorded, by its digest"
    if found.kind is not RecordType.RESPONSE:
        return None
    bodies = (found.body, without_chunks(found.head, found.body))
    if any(members.agrees(found.field("WARC-Payload-Digest"), body) is not False for body in bodies):
        return None
    return "the payload is not what was recorded, by its digest"


# ── sources ──────────────────────────────────────────────────────────────────────────


def warc_captures(path: Path) -> Iterator[Found | Damage]:
    """The records of a WARC or ARC file, gzip or plain, in its order: captures and requests."""
    if _is_arc(path):
        yield from _arc_captures(path)
        return
    for raw in raw_records(path):
        if isinstance(raw, Damage):
            yield raw
            continue
        found = read_record(f"{path} at byte {raw.at}", raw.data)
        if isinstance(found, Found) and not (found.record_id and found.uri):
            found = Damage(found.place, "a record without an id or an address")
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
                if record.rec_type == "response" and record.http_headers:
                    yield _as_warc(place, record, body)
        except _UNREADABLE as error:
            yield Damage(place, f"{error}; what follows is not read")


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
    kind = TYPES.get(path.suffix.lower(), "application/octet-stream")
    data = warc.foreign_resource(record_id, uri, captured_at, kind, body, fields)
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
