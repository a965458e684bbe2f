"""Captures that others made, kept in files of their own beside those of our passes.

A file etolwatch-import-….warc.gz holds the records as they were, byte for byte, each followed
by a metadata record of ours that says to which page it belongs and where it comes from. So
the catalog can be made again from the files alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from etolwatch import __version__
from etolwatch.archive import seal, warc
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.codings import decode_as_far_as_it_goes, digest_of, payload_digest_of
from etolwatch.archive.foreign import NAMES, Damage, Found, Raw, raw_records, read_record, without_chunks
from etolwatch.errors import ArchiveError, FixityError, NoSuchCapture
from etolwatch.model import Capture, Outcome, RecordType

PREFIX, SUFFIX, OPEN = "etolwatch-import-", ".warc.gz", ".open"
RUN = "import-"  # how the id of an import begins, where a pass has only digits

ORIGIN_FIELD = "Etolwatch-Origin"  # whose capture it is: a file's name, a URI-M
REFERS_FIELD = "Etolwatch-Refers-To"  # the record that a revisit stands for, where it names none itself
_NO_LIMIT = 1 << 40


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a capture belongs, and what it is; a text is NEW until its timeline says more."""

    uri: str
    site: str
    outcome: Outcome
    origin: str
    location: str | None = None
    referred: Capture | None = None  # what a revisit stands for


class Import:
    """One file of captures that others made, while it is written. A context manager.

    The file begins with the first capture; what is kept is durable after `flush`.
    """

    def __init__(
        self,
        folder: Path,
        catalog: Catalog,
        at: datetime,
        about: Mapping[str, str],
        infos: Sequence[bytes] = (),
    ) -> None:
        """``about``: of whose captures these are; ``infos``: their own warcinfo records."""
        self._folder, self._catalog, self._at, self._about, self._infos = folder, catalog, at, about, infos
        self._appender: warc.Appender | None = None
        self._pending: list[Capture] = []
        self._ids: set[str] = set()
        self.pass_id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Catalogues what is not yet, and closes the file: its chain record, its line in the manifest."""
        if self._appender is None:
            return
        self.flush()
        path = self._appender.path
        seal.close(self._folder.parent, self._appender, self._at)
        self._appender = None
        self._catalogued(path, [])
        seal.rename(path)

    def holds(self, found: Found, uri: str) -> bool:
        """Whether this capture is in the store already: the record, or one of its page, second and bytes."""
        if found.record_id in self._ids or self._catalog.holds(found.record_id):
            return True
        digest = payload_digest_of(without_chunks(found.head, found.body))
        return self._catalog.holds_like(uri, found.captured_at, digest)

    def keep(self, found: Found, placing: Placing, *going_with: bytes) -> None:
        """Writes a capture as it was, our note on it, and the records that go with it."""
        appender = self._appender or self._begin()
        own = _own_fields(placing)
        note = warc.note(_note_id(found, self._at), self._at, found.record_id, own, _text(placing))
        members = [warc.packed(record) for record in (found.data, note, *going_with)]
        written = appender.append_members(*members, sync=False)
        place = _Place(appender.path.name.removesuffix(OPEN), written.offset, written.length, self.pass_id)
        self._ids.add(found.record_id)
        self._pending.append(_capture(found, own, placing.referred, place))

    def append_beside(self, record: bytes) -> None:
        """Writes a record that is no capture of a page but tells of some: a list of captures."""
        (self._appender or self._begin()).append_members(warc.packed(record), sync=False)

    def flush(self) -> None:
        """Sees to it that what was kept is on disk and catalogued."""
        if self._appender is None:
            return
        self._appender.sync()
        self._catalogued(self._appender.path, self._pending)
        self._pending = []

    def _catalogued(self, path: Path, captures: Sequence[Capture]) -> None:
        name, size = path.name.removesuffix(OPEN), path.stat().st_size
        self._catalog.add_brought(self.pass_id, began_at(self.pass_id), captures, name, size)

    def _begin(self) -> warc.Appender:
        self.pass_id = self._free_id()
        name = f"etolwatch-{self.pass_id}{SUFFIX}"
        self._appender = warc.Appender(self._folder / (name + OPEN))
        about = {"software": f"etolwatch/{__version__}", "format": "WARC File Format 1.1", **self._about}
        info = warc.info(uuid.uuid5(NAMES, name).urn, name, self._at, about)
        for record in (info, *self._infos):
            self._appender.append_members(warc.packed(record), sync=False)
        return self._appender

    def _free_id(self) -> str:
        at = self._at
        while True:
            pass_id = f"{RUN}{at.astimezone(UTC):%Y%m%d%H%M%S}"
            path = self._folder / f"etolwatch-{pass_id}{SUFFIX}"
            is_open = path.with_name(path.name + OPEN).exists()
            if not (path.exists() or is_open or self._catalog.has_pass(pass_id)):
                return pass_id
            at += timedelta(seconds=1)


def began_at(pass_id: str) -> datetime:
    """The instant that the id of an import names."""
    return datetime.strptime(pass_id.removeprefix(RUN), "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def run_of(name: str) -> str:
    """The id of the import that wrote a file."""
    return name.removesuffix(OPEN).removesuffix(SUFFIX).removeprefix("etolwatch-")


def is_import(name: str) -> bool:
    """Whether a file name, finished or open, is that of an import."""
    digits = run_of(name).removeprefix(RUN)
    return name.startswith(PREFIX) and len(digits) == 14 and digits.isdigit()


# ── reading what was kept ────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Place:
    warc: str
    offset: int
    length: int
    pass_id: str


def read(path: Path, capture: Capture) -> warc.Stored:
    """A response that others recorded, its transfer coding off, and its bytes those that were catalogued.

    Raises FixityError if another record, none or other bytes are there.
    """
    place = f"{path} at byte {capture.offset}"
    try:
        stored = next(warc.records(path, capture.offset), None)
    except OSError as error:
        raise ArchiveError("cannot read", place, error.strerror or str(error)) from error
    except ArchiveError as error:
        raise FixityError("a record is damaged", place, error.cause) from error
    if stored is None or stored.fields.get("WARC-Record-ID", "").strip("<>") != capture.record_id:
        raise FixityError("a record is not where it was put", place, f"expected {capture.record_id}")
    body = without_chunks(stored.head, stored.body)
    digest = payload_digest_of(body)
    if digest != capture.payload_digest:
        cause = f"expected {capture.payload_digest}, found {digest}"
        raise FixityError("bytes are not those that were recorded", place, cause)
    return warc.Stored(
        stored.record_type, stored.fields, stored.status, stored.head, body, stored.offset, stored.length
    )


def catalogue(catalog: Catalog, path: Path) -> int:
    """Catalogues what a file of brought captures holds and the catalog lacks; gives back how many that is.

    Raises ArchiveError where the file is damaged.
    """
    name = path.name.removesuffix(OPEN)
    pass_id = run_of(name)
    captures = [c for c in captures_of(catalog, path, pass_id) if not catalog.holds(c.record_id)]
    catalog.add_brought(pass_id, began_at(pass_id), captures, name, path.stat().st_size)
    return len(captures)


def captures_of(catalog: Catalog, path: Path, pass_id: str) -> Iterator[Capture]:
    """The captures that a file of brought captures tells of, in its order. Raises ArchiveError."""
    known: dict[str, Capture] = {}
    main: tuple[Raw, Found] | None = None
    for raw in raw_records(path):
        found = raw if isinstance(raw, Damage) else read_record(f"{path} at byte {raw.at}", raw.data)
        if isinstance(raw, Damage) or isinstance(found, Damage):
            raise ArchiveError("no WARC record", str(path), str(found))
        if found is not None and found.kind is not None:
            main = (raw, found)
        elif found is None and main is not None and (own := _own(raw, main[1])):
            place = _Place(path.name.removesuffix(OPEN), main[0].at, main[0].length, pass_id)
            capture = _capture(main[1], own, _referred(catalog, known, own), place)
            known[capture.record_id] = capture
            yield capture
            main = None


def _own(raw: Raw, about: Found) -> Mapping[str, str] | None:
    """The fields of our note on a record; None if this is none."""
    lines = raw.data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")[1:]
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    is_ours = ORIGIN_FIELD in fields and fields.get("WARC-Concurrent-To") == f"<{about.record_id}>"
    return fields if is_ours else None


def _referred(catalog: Catalog, known: Mapping[str, Capture], own: Mapping[str, str]) -> Capture | None:
    record_id = own.get(REFERS_FIELD)
    if record_id is None:
        return None
    try:
        return known.get(record_id) or catalog.capture(record_id)
    except NoSuchCapture as error:
        raise ArchiveError("a revisit of a record that is lost", record_id) from error


def _capture(found: Found, own: Mapping[str, str], referred: Capture | None, place: _Place) -> Capture:
    exchange = found.exchange()
    head = {name.lower(): value for name, value in reversed(exchange.headers)}
    body = (
        b"" if referred else decode_as_far_as_it_goes(exchange.body, head.get("content-encoding"), _NO_LIMIT)
    )
    past = referred if referred and not found.head else None
    not_modified = (found.field("WARC-Profile") or "").endswith("server-not-modified")
    return Capture(
        record_id=found.record_id,
        uri=own[warc.URI_FIELD],
        asks=found.uri,
        site=own[warc.SITE_FIELD],
        captured_at=found.captured_at,
        status=304 if not_modified else found.status or 200,
        record_type=found.kind or RecordType.RESPONSE,
        outcome=Outcome(own[warc.OUTCOME_FIELD]),
        payload_digest=referred.payload_digest if referred else payload_digest_of(exchange.body),
        body_digest=referred.body_digest if referred else digest_of(body),
        content_type=past.content_type if past else head.get("content-type"),
        etag=past.etag if past else head.get("etag"),
        last_modified=past.last_modified if past else head.get("last-modified"),
        location=own.get(warc.LOCATION_FIELD),
        warc=place.warc,
        offset=place.offset,
        length=place.length,
        refers_to=referred.record_id if referred else None,
        pass_id=place.pass_id,
        size_bytes=referred.size_bytes if referred else len(body),
        origin=own[ORIGIN_FIELD],
    )


def _own_fields(placing: Placing) -> dict[str, str]:
    fields = {
        warc.URI_FIELD: placing.uri,
        warc.SITE_FIELD: placing.site,
        warc.OUTCOME_FIELD: placing.outcome,
        ORIGIN_FIELD: placing.origin,
        warc.LOCATION_FIELD: placing.location,
        REFERS_FIELD: placing.referred.record_id if placing.referred else None,
    }
    return {name: value for name, value in fields.items() if value}


def _text(placing: Placing) -> str:
    return f"via: etolwatch import\r\norigin: {placing.origin}\r\n"


def _note_id(found: Found, at: datetime) -> str:
    return uuid.uuid5(NAMES, f"{found.record_id} {at.isoformat()}").urn
