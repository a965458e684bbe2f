"""WARC 1.1 records (ISO 28500:2017): made, appended to a file, read back.

What is specific to etolwatch stands in header fields of its own, which other tools ignore
(WARC 1.1 §4): the page's own address where a mirror was asked, its site, and what the
visit brought. With them the catalog can be made again from the files alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Self

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParserException
from warcio.warcwriter import WARCWriter

from etolwatch.archive.catalog import instant_text
from etolwatch.archive.chain import KIND_FIELD, Link, link_to
from etolwatch.archive.codings import digest_of, payload_digest_of
from etolwatch.archive.disk import cause as cause_of
from etolwatch.archive.disk import sync_folder
from etolwatch.archive.members import HEADER, Member, identify, is_whole, members
from etolwatch.errors import ArchiveError, FixityError
from etolwatch.model import Capture, Exchange, RecordType

# On pages of 55 KB level 4 takes 0.7 ms for 20.6 KB, level 6 takes 1.9 ms for 19.3 KB, and
# level 9, which warcio takes, 3.0 ms for 19.1 KB.
LEVEL = 4

URI_FIELD = "Etolwatch-URI"  # the original page (URI-R); WARC-Target-URI is the address really asked
SITE_FIELD = "Etolwatch-Site"
OUTCOME_FIELD = "Etolwatch-Outcome"
FOUND_FIELD = "Etolwatch-Found-On"
REQUISITE_FIELD = "Etolwatch-Requisite"  # as what a page needs it: "style", "image" …
LOCATION_FIELD = "Etolwatch-Location"
MODIFIED_FIELD = "Etolwatch-Last-Modified"
HEAD_FIELD = "Etolwatch-Head"  # of a 304, which has no block: its first line and header fields, as JSON
LENGTH_FIELD = "Etolwatch-Decoded-Length"  # of the body without its content coding, as far as it was kept
ROBOTS = "robots"  # outcome of a robots.txt, which is no page

_PROFILE = "http://netpreserve.org/warc/1.1/revisit/"
IDENTICAL = _PROFILE + "identical-payload-digest"
NOT_MODIFIED = _PROFILE + "server-not-modified"
_RESPONSE_TYPE = "application/http; msgtype=response"
_REQUEST_TYPE = "application/http; msgtype=request"
_CAPTURES = frozenset(kind.value for kind in RecordType)

log = logging.getLogger("etolwatch")


@dataclass(frozen=True, slots=True)
class Fields:
    """What every record of one capture says of it beside the exchange."""

    uri: str
    site: str
    outcome: str
    found_on: str | None = None
    location: str | None = None  # of a redirect, as the site itself would write it
    last_modified: str | None = None  # of a file, which has no HTTP head to say it
    decoded_bytes: int | None = None  # of a body that is kept here
    requisite: str | None = None  # as what a page needs it


@dataclass(frozen=True, slots=True)
class Written:
    """Where a capture lies in its file: its own record, and the end of the records that go with it."""

    offset: int
    length: int
    end: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A record read back. ``head`` is the HTTP head without its first line; ``status`` 0: no HTTP."""

    record_type: str
    fields: Mapping[str, str]
    status: int
    head: tuple[tuple[str, str], ...]
    body: bytes
    offset: int
    length: int

    def get(self, name: str) -> str | None:
        """A header of the HTTP head, whatever its case."""
        return next((value for key, value in self.head if key.lower() == name.lower()), None)

    def field(self, name: str) -> str | None:
        """A field of the record, whatever its case."""
        return next((value for key, value in self.fields.items() if key.lower() == name.lower()), None)


def new_record_id() -> str:
    """A new record id, as the catalog writes it: ``urn:uuid:…`` without angle brackets."""
    return uuid.uuid4().urn


# ── making records ───────────────────────────────────────────────────────────────────


class _Head:
    """An HTTP head as it came over the line; warcio's own would escape bytes beyond ASCII."""

    def __init__(self, first_line: str, headers: tuple[tuple[str, str], ...]) -> None:
        lines = [first_line, *(f"{name}: {value}" for name, value in headers), "", ""]
        self.headers_buff = "\r\n".join(lines).encode("latin-1", "replace")

    def compute_headers_buffer(self, _filter: object = None) -> None:
        """Nothing is left to compute."""


class _Members:
    """Records as gzip members, one each."""

    def __init__(self) -> None:
        self._out = BytesIO()
        self._writer = WARCWriter(self._out, gzip=False, warc_version="WARC/1.1")

    def member(self, record: ArcWarcRecord) -> bytes:
        return packed(self.plain(record))

    def plain(self, record: ArcWarcRecord) -> bytes:
        self._out.seek(0)
        self._out.truncate()
        self._writer.write_record(record)
        return self._out.getvalue()


def _record(
    record_type: str, fields: list[tuple[str, str]], content_type: str | None, head: _Head | None, body: bytes
) -> ArcWarcRecord:
    headers = StatusAndHeaders("", [("WARC-Type", record_type), *fields], protocol="WARC/1.1")
    record = ArcWarcRecord("warc", record_type, headers, BytesIO(body), head, content_type, len(body))
    record.payload_length = len(body)
    return record


def _common(record_id: str, exchange: Exchange, at: datetime) -> list[tuple[str, str]]:
    fields = [
        ("WARC-Record-ID", f"<{record_id}>"),
        ("WARC-Target-URI", exchange.asks),
        ("WARC-Date", instant_text(at)),
    ]
    if exchange.ip:
        fields.append(("WARC-IP-Address", exchange.ip))
    return fields


def _own(fields: Fields) -> list[tuple[str, str]]:
    own = (
        (URI_FIELD, fields.uri),
        (SITE_FIELD, fields.site),
        (OUTCOME_FIELD, fields.outcome),
        (FOUND_FIELD, fields.found_on),
        (REQUISITE_FIELD, fields.requisite),
        (LOCATION_FIELD, fields.location),
        (MODIFIED_FIELD, fields.last_modified),
        (LENGTH_FIELD, None if fields.decoded_bytes is None else str(fields.decoded_bytes)),
    )
    return [(name, value) for name, value in own if value]


def _response_head(exchange: Exchange) -> _Head:
    """The head to be stored: as it was sent, unless the body came in chunks.

    They are gone, and so is the header that says so; Content-Length, which stands in its place, is
    that of what is stored (RFC 9112 §7.1.3).
    """
    kept = list(exchange.headers)
    names = [name.lower() for name, _ in kept]
    if "transfer-encoding" in names:
        place = names.index("transfer-encoding")
        kept[place] = ("Content-Length", str(len(exchange.body)))
        dropped = ("transfer-encoding", "content-length")
        kept = [pair for at, pair in enumerate(kept) if at == place or names[at] not in dropped]
    version = exchange.http_version or "HTTP/1.1"
    return _Head(f"{version} {exchange.status} {exchange.reason}", tuple(kept))


def _revisit(referred: Capture, profile: str, payload_digest: str) -> list[tuple[str, str]]:
    """The fields of WARC 1.1 §6.7; what is referred to is a response, never another revisit."""
    return [
        ("WARC-Profile", profile),
        ("WARC-Refers-To", f"<{referred.record_id}>"),
        ("WARC-Refers-To-Target-URI", referred.asks),
        ("WARC-Refers-To-Date", instant_text(referred.captured_at)),
        ("WARC-Payload-Digest", payload_digest),
    ]


def _main_record(
    record_id: str,
    exchange: Exchange,
    at: datetime,
    fields: Fields,
    payload_digest: str,
    referred: Capture | None,
) -> ArcWarcRecord:
    named = _common(record_id, exchange, at) + _own(fields)
    if exchange.truncated:
        named.append(("WARC-Truncated", exchange.truncated))
    if referred and exchange.status == 304:
        # Without an HTTP block a replay takes the head of the response that is referred to;
        # a block that says 304 would be replayed as an empty page. So what the server said stands
        # in a field.
        named.append((HEAD_FIELD, _head_text(exchange)))
        return _record("revisit", named + _revisit(referred, NOT_MODIFIED, payload_digest), None, None, b"")
    if not exchange.http_version:
        if referred:
            return _record("revisit", named + _revisit(referred, IDENTICAL, payload_digest), None, None, b"")
        content_type = next((v for n, v in exchange.headers if n.lower() == "content-type"), None)
        named.append(("WARC-Payload-Digest", payload_digest))
        return _record("resource", named, content_type or "application/octet-stream", None, exchange.body)
    head = _response_head(exchange)
    if referred:
        return _record(
            "revisit", named + _revisit(referred, IDENTICAL, payload_digest), _RESPONSE_TYPE, head, b""
        )
    named.append(("WARC-Payload-Digest", payload_digest))
    return _record("response", named, _RESPONSE_TYPE, head, exchange.body)


def _head_text(exchange: Exchange) -> str:
    first_line = f"{exchange.http_version} {exchange.status} {exchange.reason}"
    return json.dumps([first_line, *exchange.headers])


def _request_record(record_id: str, exchange: Exchange, at: datetime) -> ArcWarcRecord:
    fields = [*_common(new_record_id(), exchange, at), ("WARC-Concurrent-To", f"<{record_id}>")]
    head = _Head(exchange.request_line, exchange.request_head)
    return _record("request", fields, _REQUEST_TYPE, head, b"")


def foreign_response(
    record_id: str,
    uri: str,
    at: datetime,
    first_line: str,
    head: tuple[tuple[str, str], ...],
    body: bytes,
    extra: list[tuple[str, str]],
) -> bytes:
    """A response that others recorded in another form, as a WARC record that is not compressed."""
    fields = [*_named(record_id, uri, at), *extra, ("WARC-Payload-Digest", payload_digest_of(body))]
    return _Members().plain(_record("response", fields, _RESPONSE_TYPE, _Head(first_line, head), body))


def foreign_resource(
    record_id: str, uri: str, at: datetime, content_type: str, body: bytes, extra: list[tuple[str, str]]
) -> bytes:
    """A saved file as a WARC record that is not compressed."""
    fields = [*_named(record_id, uri, at), *extra, ("WARC-Payload-Digest", payload_digest_of(body))]
    return _Members().plain(_record("resource", fields, content_type, None, body))


def foreign_revisit(
    record_id: str, uri: str, at: datetime, referred: Capture, extra: list[tuple[str, str]]
) -> bytes:
    """A revisit, on the word of others, as a WARC record that is not compressed; it has no block."""
    fields = [*_named(record_id, uri, at), *extra, *_revisit(referred, IDENTICAL, referred.payload_digest)]
    return _Members().plain(_record("revisit", fields, None, None, b""))


def beside(record_id: str, at: datetime, kind: str, own: Mapping[str, str], block: bytes) -> bytes:
    """A metadata record on no capture in particular, such as a list of them (WARC 1.1 §6.5)."""
    fields = [("WARC-Record-ID", f"<{record_id}>"), ("WARC-Date", instant_text(at)), (KIND_FIELD, kind)]
    return _Members().plain(_record("metadata", [*fields, *own.items()], "text/plain", None, block))


def note(record_id: str, at: datetime, about: str, own: Mapping[str, str], text: str) -> bytes:
    """A metadata record that says of another record what etolwatch knows of it (WARC 1.1 §6.5).

    It names no target address, so that no index has it under the address of a page.
    """
    fields = [
        ("WARC-Record-ID", f"<{record_id}>"),
        ("WARC-Date", instant_text(at)),
        ("WARC-Concurrent-To", f"<{about}>"),
        *own.items(),
    ]
    return _Members().plain(_record("metadata", fields, "application/warc-fields", None, text.encode()))


def info(record_id: str, name: str, at: datetime, about: Mapping[str, str]) -> bytes:
    """A warcinfo record that is not compressed (WARC 1.1 §6.2)."""
    fields = [("WARC-Record-ID", f"<{record_id}>"), ("WARC-Filename", name), ("WARC-Date", instant_text(at))]
    body = "".join(f"{key}: {value}\r\n" for key, value in about.items()).encode()
    return _Members().plain(_record("warcinfo", fields, "application/warc-fields", None, body))


def packed(record: bytes) -> bytes:
    """A record as a gzip member; the same bytes always give the same member."""
    gzip = zlib.compressobj(LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return HEADER + (gzip.compress(record) + gzip.flush())[len(HEADER) :]


def _named(record_id: str, uri: str, at: datetime) -> list[tuple[str, str]]:
    return [("WARC-Record-ID", f"<{record_id}>"), ("WARC-Target-URI", uri), ("WARC-Date", instant_text(at))]


# ── appending ────────────────────────────────────────────────────────────────────────


def left_damaged(place: str, why: str) -> FixityError:
    """The error of a file that should be gone on with, or closed: nothing may stand over its damage."""
    cause = f"{why}; it is left as it is; “etolwatch verify --repair-from DIR” takes good records from a copy"
    return FixityError("a file that is not closed is damaged", place, cause)


class Appender:
    """One WARC file that grows by whole captures, each on disk before `append` returns."""

    def __init__(self, path: Path) -> None:
        """Opens the file, which may be new.

        Raises ArchiveError if it cannot be written, FixityError if it is damaged: its list could never
        say what stood there.
        """
        self.path = path
        self.links: list[Link] = []  # the records in it, for the chain
        self._members = _Members()
        self._digest = hashlib.sha256()
        try:
            is_new = not path.exists()
            if not is_new:
                self._look_back()
            self._file = path.open("ab", buffering=0)
            self.end = self._file.seek(0, os.SEEK_END)
            if is_new:
                sync_folder(path.parent)
        except OSError as error:
            raise ArchiveError("cannot write", str(path), cause_of(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    @property
    def digest(self) -> str:
        """SHA-256 in hex of the whole file, as it was written."""
        return self._digest.hexdigest()

    def _look_back(self) -> None:
        """Takes up the list of what was written to the file by an earlier process."""
        for member in members(self.path):
            link = link_to(member)
            if isinstance(link, str) or not is_whole(member):
                why = link if isinstance(link, str) else "a record is not as it was written"
                raise left_damaged(f"{self.path} at byte {member.offset}", why)
            self.links.append(link)
        with self.path.open("rb") as file:
            self._digest = hashlib.file_digest(file, "sha256")

    def append_info(self, name: str, at: datetime, about: Mapping[str, str]) -> None:
        """Writes the warcinfo record that a file begins with (WARC 1.1 §6.2)."""
        self._put(packed(info(new_record_id(), name, at, about)))

    def append_metadata(self, kind: str, at: datetime, block: bytes) -> None:
        """Writes a record of ours on the file itself (WARC 1.1 §6.5): its journal, or its chain record.

        It names no target address, so that no index takes it for a capture.
        """
        fields = [
            ("WARC-Record-ID", f"<{new_record_id()}>"),
            ("WARC-Date", instant_text(at)),
            (KIND_FIELD, kind),
        ]
        self._put(self._members.member(_record("metadata", fields, "application/json", None, block)))

    def append(
        self,
        record_id: str,
        exchange: Exchange,
        at: datetime,
        fields: Fields,
        payload_digest: str,
        referred: Capture | None = None,
    ) -> Written:
        """Writes what was received, or a revisit of ``referred``, and then the request.

        In one write, the answer first: where a crash cuts the request off, the answer is
        whole. Raises ArchiveError if the disk does not take it.
        """
        main = self._members.member(_main_record(record_id, exchange, at, fields, payload_digest, referred))
        request = b""
        if exchange.request_line:
            request = self._members.member(_request_record(record_id, exchange, at))
        offset = self.end
        self._put(main, *([request] if request else []))
        return Written(offset, len(main), self.end)

    def append_members(self, first: bytes, *others: bytes, sync: bool = True) -> Written:
        """Writes records that are gzip members already; not yet synced where ``sync`` is False."""
        offset = self.end
        self._put(first, *others, sync=sync)
        return Written(offset, len(first), self.end)

    def sync(self) -> None:
        """Sees to it that all that was written is on disk. Raises ArchiveError."""
        try:
            _sync(self._file.fileno())
        except OSError as error:
            raise self._undone(error) from error

    def _put(self, *added: bytes, sync: bool = True) -> None:
        """Writes members, in one write, and notes them for the chain. Raises NoRecord, and writes nothing."""
        known = [identify(member) for member in added]
        offset = self.end
        self._write(b"".join(added), sync=sync)
        for member, about in zip(added, known, strict=True):
            self._digest.update(member)
            self.links.append(Link(*about, offset, len(member), digest_of(member)))
            offset += len(member)

    def _write(self, data: bytes, *, sync: bool = True) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) or 0 :]
            if sync:
                _sync(self._file.fileno())
        except OSError as error:
            raise self._undone(error) from error
        self.end += len(data)

    def _undone(self, error: OSError) -> ArchiveError:
        """The error to raise, after what was half written has been taken back as far as the disk lets us."""
        cause = cause_of(error)
        try:
            self._file.truncate(self.end)
        except OSError as second:
            cause += f"; a torn record is left behind ({second.strerror}) and cut off at the next start"
        return ArchiveError("cannot write", f"{self.path} at byte {self.end}", cause)


# fdatasync is not everywhere; it writes the same bytes, but not the time of the change
_sync = getattr(os, "fdatasync", os.fsync)


# ── reading ──────────────────────────────────────────────────────────────────────────


def whole_until(path: Path, start: int = 0) -> int:
    """Where the last whole gzip member ends, from ``start``, which must be a member's beginning.

    Less than the file's size means that its end is torn; damage before a whole member is passed over.
    """
    end = start
    for found in members(path, start):
        if isinstance(found, Member):
            end = found.offset + found.length
    return end


def records(path: Path, start: int = 0) -> Iterator[Stored]:
    """The records of a file from an offset on, request and info records left out.

    Raises ArchiveError where something that is no record is met.
    """
    with path.open("rb") as file:
        file.seek(start)
        iterator = ArchiveIterator(file)
        try:
            for record in iterator:
                if record.rec_type in _CAPTURES:
                    body = record.raw_stream.read()
                    yield _stored(record, body, iterator.get_record_offset(), iterator.get_record_length())
        except (ArchiveLoadFailed, StatusAndHeadersParserException, ValueError, EOFError) as error:
            # warcio shows the bytes that it met with, however many
            reason = str(error).partition(", first line")[0]
            raise ArchiveError("no WARC record", f"{path} at byte {iterator.offset}", reason) from error


def located(path: Path, offset: int, record_id: str) -> Stored:
    """The record at this place, whoever wrote it; its digests are not looked at.

    Raises FixityError if another record, or none, is there.
    """
    place = f"{path} at byte {offset}"
    try:
        stored = next(records(path, offset), None)
    except OSError as error:
        raise ArchiveError("cannot read", place, error.strerror or str(error)) from error
    except ArchiveError as error:
        raise FixityError("a record is damaged", place, error.cause) from error
    found = stored and (stored.field("WARC-Record-ID") or "").strip("<>")
    if stored is None or stored.offset != offset or found != record_id:
        raise FixityError("a record is not where it was put", place, f"expected {record_id}")
    return stored


def read(path: Path, offset: int, record_id: str) -> Stored:
    """The record of ours at this place, its digest verified.

    Raises FixityError if another record, none or other bytes are there.
    """
    stored = located(path, offset, record_id)
    _verify(stored, f"{path} at byte {offset}")
    return stored


def _verify(stored: Stored, place: str) -> None:
    if stored.record_type == RecordType.REVISIT:
        return  # the digest is that of the payload that it refers to
    expected = stored.fields.get("WARC-Payload-Digest", "")
    found = payload_digest_of(stored.body)
    if found != expected:
        raise FixityError(
            "bytes are not those that were recorded", place, f"expected {expected}, found {found}"
        )


def _stored(record: ArcWarcRecord, body: bytes, offset: int, length: int) -> Stored:
    http = record.http_headers
    return Stored(
        record_type=record.rec_type,
        fields=dict(record.rec_headers.headers),
        status=int(http.get_statuscode() or 0) if http else 0,
        head=tuple(http.headers) if http else (),
        body=body,
        offset=offset,
        length=length,
    )
