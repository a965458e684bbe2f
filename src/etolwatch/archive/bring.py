"""Captures that others made, kept in files of their own beside those of our passes.

A file etolwatch-import-….warc.gz holds the records as they were, byte for byte, each followed
by a metadata record of ours that says to which page it belongs and where it comes from. So
the catalog can be made again from the files alone.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from etolwatch import __version__
from etolwatch.archive import seal, warc
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.chain import KIND_FIELD, link_to
from etolwatch.archive.codings import decode_as_far_as_it_goes, digest_of, payload_digest_of
from etolwatch.archive.foreign import NAMES, Damage, Found, read_record, without_chunks
from etolwatch.archive.members import Member, NoRecord, Parsed, member_at, members, parse
from etolwatch.archive.naming import IMPORT, OPEN, PREFIX, SUFFIX, closed_name, is_import, pass_of
from etolwatch.errors import ArchiveError, FixityError, NoSuchCapture
from etolwatch.model import Capture, Outcome, RecordType, Requisite

ORIGIN_FIELD = "Etolwatch-Origin"  # whose capture it is: a file's name, a URI-M
REFERS_FIELD = "Etolwatch-Refers-To"  # the record that a revisit stands for, where it names none itself
_NO_LIMIT = 1 << 40

log = logging.getLogger("etolwatch")


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a capture belongs, and what it is; a text is NEW until its timeline says more."""

    uri: str
    site: str
    outcome: Outcome
    origin: str
    location: str | None = None
    referred: Capture | None = None  # what a revisit stands for
    requisite: Requisite | None = None  # as what a page needs it; None: it is a page


class Import:
    """One file of captures that others made, while it is written. A context manager.

    The file begins with the first capture; what is kept is durable after `flush`. Left by an
    exception it stays as it is, and is finished when the store is opened next.
    """

    def __init__(
        self,
        folder: Path,
        catalog: Catalog,
        at: datetime,
        about: Mapping[str, str],
        infos: Sequence[bytes] = (),
    ) -> None:
        """``about``: of whose captures these are; ``infos``: their own warcinfo records, in which
        `foreign.refusal` finds nothing.
        """
        self._folder, self._catalog, self._at, self._about, self._infos = folder, catalog, at, about, infos
        self._appender: warc.Appender | None = None
        self._pending: dict[str, Capture] = {}
        self._likes: set[tuple[str, datetime, str]] = set()
        self.pass_id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif self._appender is not None:
            self._appender.close()

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

    def knows(self, found: Found) -> bool:
        """Whether this very record is in the store already."""
        return self._namesake(found) is not None and not self.is_another(found)

    def holds(self, found: Found, uri: str) -> bool:
        """Whether this capture is in the store already: the record, or one of its page, second and bytes."""
        if self._namesake(found) is not None:
            return True
        like = _likeness(found, uri)
        return like in self._likes or self._catalog.holds_like(*like)

    def is_another(self, found: Found) -> bool:
        """Whether the store has a record with the id of this one that is not the same capture."""
        held = self._namesake(found)
        if held is None:
            return False
        is_revisit = found.kind is RecordType.REVISIT  # its digest may be written in another way
        alike = is_revisit or held.payload_digest == payload_digest_of(without_chunks(found.head, found.body))
        return (held.record_type, held.captured_at) != (found.kind, found.captured_at) or not alike

    def _namesake(self, found: Found) -> Capture | None:
        pending = self._pending.get(found.record_id)
        if pending or not self._catalog.holds(found.record_id):
            return pending
        return self._catalog.capture(found.record_id)

    def keep(self, found: Found, placing: Placing, *going_with: bytes) -> None:
        """Writes a capture as it was, our note on it, and the records that go with it.

        In none of those of others `foreign.refusal` finds anything.
        """
        appender = self._appender or self._begin()
        own = _own_fields(placing)
        note = warc.note(_note_id(found, self._at), self._at, found.record_id, own, _text(placing))
        packed = [warc.packed(record) for record in (found.data, note, *going_with)]
        written = appender.append_members(*packed, sync=False)
        place = _Place(closed_name(appender.path.name), written.offset, written.length, self.pass_id)
        self._pending[found.record_id] = _capture(found, own, placing.referred, place)
        self._likes.add(_likeness(found, placing.uri))

    def append_beside(self, record: bytes) -> None:
        """Writes a record that is no capture of a page but tells of some: a list of captures."""
        (self._appender or self._begin()).append_members(warc.packed(record), sync=False)

    def flush(self) -> None:
        """Sees to it that what was kept is on disk and catalogued."""
        if self._appender is None:
            return
        self._appender.sync()
        self._catalogued(self._appender.path, list(self._pending.values()))
        self._pending = {}

    def _catalogued(self, path: Path, captures: Sequence[Capture]) -> None:
        name, size = closed_name(path.name), path.stat().st_size
        self._catalog.add_brought(self.pass_id, began_at(self.pass_id), captures, name, size)

    def _begin(self) -> warc.Appender:
        self.pass_id = self._free_id()
        name = f"{PREFIX}{self.pass_id}{SUFFIX}"
        self._appender = warc.Appender(self._folder / (name + OPEN))
        about = {"software": f"etolwatch/{__version__}", "format": "WARC File Format 1.1", **self._about}
        info = warc.info(uuid.uuid5(NAMES, name).urn, name, self._at, about)
        self._appender.append_members(*(warc.packed(one) for one in (info, *self._infos)), sync=False)
        return self._appender

    def _free_id(self) -> str:
        at = self._at
        while True:
            pass_id = f"{IMPORT}{at.astimezone(UTC):%Y%m%d%H%M%S}"
            path = self._folder / f"{PREFIX}{pass_id}{SUFFIX}"
            is_open = path.with_name(path.name + OPEN).exists()
            if not (path.exists() or is_open or self._catalog.has_pass(pass_id)):
                return pass_id
            at += timedelta(seconds=1)


def began_at(pass_id: str) -> datetime:
    """The instant that the id of an import names."""
    return datetime.strptime(pass_id.removeprefix(IMPORT), "%Y%m%d%H%M%S").replace(tzinfo=UTC)


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
    stored = warc.located(path, capture.offset, capture.record_id)
    body = without_chunks(stored.head, stored.body)
    digest = payload_digest_of(body)
    if digest != capture.payload_digest:
        cause = f"expected {capture.payload_digest}, found {digest}"
        place = f"{path} at byte {capture.offset}"
        raise FixityError("bytes are not those that were recorded", place, cause)
    return replace(stored, body=body)


def catalogue(catalog: Catalog, path: Path) -> int:
    """Catalogues what a file of brought captures holds and the catalog lacks; gives back how many that is.

    What is damaged is told in the log and passed over. Raises ArchiveError if the file cannot be read.
    """
    name = closed_name(path.name)
    pass_id = pass_of(name)
    captures = []
    try:
        for found in captures_of(catalog, path, pass_id):
            if isinstance(found, Damage):
                log.error("%s: %s; see “etolwatch verify”", found.place, found.reason)
            elif not catalog.holds(found.record_id):
                captures.append(found)
    except OSError as error:
        raise ArchiveError("cannot read", str(path), error.strerror or str(error)) from error
    catalog.add_brought(pass_id, began_at(pass_id), captures, name, path.stat().st_size)
    return len(captures)


def captures_of(catalog: Catalog, path: Path, pass_id: str) -> Iterator[Capture | Damage]:
    """The captures that a file of brought captures tells of, in its order, and what of it is damaged.

    Each lies before our note on it, which says where it belongs. Raises OSError.
    """
    known: dict[str, Capture] = {}
    main: tuple[Member, Found] | None = None
    for member in members(path):
        place = f"{path} at byte {member.offset}"
        if not isinstance(member, Member):
            main = None
            yield Damage(place, f"{member.why}, up to byte {member.end}")
            continue
        found = read_record(place, member.data)
        if isinstance(found, Damage):
            yield found
        elif found is None and main is not None and (own := _own(member, main[1])):
            here = _Place(closed_name(path.name), main[0].offset, main[0].length, pass_id)
            capture = _noted(catalog, known, main[1], own, here)
            if isinstance(capture, Capture):
                known[capture.record_id] = capture
            yield capture
        main = (member, found) if isinstance(found, Found) else None


def last_beside(folder: Path, kind: str) -> Iterator[Parsed]:
    """What closed files of imports say last beside their captures, of those that say this kind of thing.

    Raises OSError.
    """
    for path in sorted(path for path in folder.glob(f"{PREFIX}*{SUFFIX}") if is_import(path.name)):
        closed = seal.head(path)
        link = closed[0].records[-1] if closed and closed[0].records else None
        member = member_at(path, link.offset, link.length) if link and link.type == "metadata" else None
        if member is None or link_to(member) != link:
            continue  # what is damaged there, verification says
        said = parse(member.data)
        if said.get(KIND_FIELD) == kind:
            yield said


def _own(member: Member, about: Found) -> Mapping[str, str] | None:
    """The fields of our note on a record; None if this is none."""
    try:
        note = parse(member.data)
    except NoRecord:
        return None  # a record of another kind; whether it is whole, verification says
    is_ours = note.record_type == "metadata" and note.get("WARC-Concurrent-To") == f"<{about.record_id}>"
    return dict(note.fields) if is_ours and note.get(ORIGIN_FIELD) else None


def _noted(
    catalog: Catalog, known: Mapping[str, Capture], found: Found, own: Mapping[str, str], place: _Place
) -> Capture | Damage:
    record_id = own.get(REFERS_FIELD)
    if record_id is None:
        return _capture(found, own, None, place)
    try:
        return _capture(found, own, known.get(record_id) or catalog.capture(record_id), place)
    except NoSuchCapture:
        return Damage(found.place, f"a revisit of a record that is lost: {record_id}")


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
        status=304 if not_modified else found.status or (referred.status if referred else 200),
        record_type=found.kind,
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
        requisite=Requisite(needed_as) if (needed_as := own.get(warc.REQUISITE_FIELD)) else None,
    )


def _own_fields(placing: Placing) -> dict[str, str]:
    fields = {
        warc.URI_FIELD: placing.uri,
        warc.SITE_FIELD: placing.site,
        warc.OUTCOME_FIELD: placing.outcome,
        ORIGIN_FIELD: placing.origin,
        warc.REQUISITE_FIELD: placing.requisite,
        warc.LOCATION_FIELD: placing.location,
        REFERS_FIELD: placing.referred.record_id if placing.referred else None,
    }
    return {name: value for name, value in fields.items() if value}


def _likeness(found: Found, uri: str) -> tuple[str, datetime, str]:
    """What two records of one capture have in common: the page, the instant, the bytes."""
    at = found.captured_at.replace(microsecond=0)
    return uri, at, payload_digest_of(without_chunks(found.head, found.body))


def _text(placing: Placing) -> str:
    return f"via: etolwatch import\r\norigin: {placing.origin}\r\n"


def _note_id(found: Found, at: datetime) -> str:
    return uuid.uuid5(NAMES, f"{found.record_id} {at.isoformat()}").urn
