"""From WARC records back to the catalog: what the catalog lacks, or all of it, is told by the files.

`tell` is pure and does the costly part, so that several processes can share it; `replay` writes what
they tell into the catalog, in the order of the file.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from etolwatch.archive import chain, journal, warc
from etolwatch.archive.catalog import Catalog, instant
from etolwatch.archive.codings import decode_as_far_as_it_goes, digest_of
from etolwatch.archive.journal import Journal, NoJournal
from etolwatch.archive.members import Damage, Member, NoRecord, Parsed, http_parts, member_at, members, parse
from etolwatch.archive.naming import closed_name, pass_of
from etolwatch.archive.seal import head
from etolwatch.errors import ArchiveError, NoSuchCapture
from etolwatch.model import Capture, Outcome, RecordType, Requisite

_NO_LIMIT = 1 << 40
_KINDS = frozenset(kind.value for kind in RecordType)

log = logging.getLogger("etolwatch")


@dataclass(frozen=True, slots=True)
class Told:
    """What a record says, its body reduced to length and digest."""

    parsed: Parsed  # without its block, unless it is an info record
    offset: int
    length: int
    status: int = 0  # 0: no HTTP
    head: tuple[tuple[str, str], ...] = ()
    body_digest: str = ""
    size_bytes: int = 0

    def get(self, name: str) -> str | None:
        """A header of the HTTP head, whatever its case."""
        return next((value for key, value in self.head if key.lower() == name.lower()), None)


def tell(member: Member) -> Told:
    """What the record in a member says. Pure. Raises NoRecord."""
    parsed = parse(member.data)
    bare = Parsed(parsed.fields, b"")
    if parsed.record_type == "warcinfo":
        return Told(parsed, member.offset, member.length)
    if parsed.record_type not in _KINDS:
        return Told(bare, member.offset, member.length)
    status, lines, body = _http(parsed)
    coding = next((value for name, value in lines if name.lower() == "content-encoding"), None)
    limit = int(parsed.get(warc.LENGTH_FIELD) or _NO_LIMIT)
    decoded = decode_as_far_as_it_goes(body, coding, limit)
    return Told(bare, member.offset, member.length, status, lines, digest_of(decoded), len(decoded))


def _http(parsed: Parsed) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """Status, header fields and body of what was received; no status where it was no HTTP."""
    kept = parsed.get(warc.HEAD_FIELD)
    if kept is not None:
        first, *pairs = json.loads(kept)
        return _status(first), tuple((str(name), str(value)) for name, value in pairs), b""
    if not (parsed.get("Content-Type") or "").startswith("application/http"):
        return 0, (), parsed.block
    first, lines, body = http_parts(parsed.block)
    return _status(first), lines, body


def _status(first_line: str) -> int:
    code = first_line.split(" ")[1:2]
    return int(code[0]) if code and code[0].isdigit() else 0


def told_of(path: Path, start: int, end: int) -> list[Told | Damage]:
    """What the records between two offsets say, and where damage is. Raises OSError."""
    return [_told(found) for found in members(path, start, end)]


def _told(found: Member | Damage) -> Told | Damage:
    if isinstance(found, Damage):
        return found
    try:
        return tell(found)
    except (NoRecord, ValueError) as error:
        return Damage(found.offset, found.offset + found.length, f"no WARC record: {error}")


def capture_of(told: Told, referred: Capture | None, name: str) -> Capture:
    """The capture that a record tells of: the row that the catalog has, or had before it was lost.

    ``referred``: the response that a revisit stands for. Raises KeyError for a record that is none of
    etolwatch's.
    """
    fields = dict(told.parsed.fields)
    outcome = Outcome(fields[warc.OUTCOME_FIELD])
    is_304 = fields.get("WARC-Profile") == warc.NOT_MODIFIED
    past = referred if is_304 or not told.head else None
    kind = RecordType(told.parsed.record_type)
    content_type = past.content_type if past else told.get("Content-Type")
    if kind is RecordType.RESOURCE and outcome is not Outcome.GONE:
        content_type = fields.get("Content-Type")
    needed_as = fields.get(warc.REQUISITE_FIELD)
    modified = told.get("Last-Modified") or (past.last_modified if past else None)
    return Capture(
        record_id=told.parsed.record_id,
        uri=fields[warc.URI_FIELD],
        asks=fields["WARC-Target-URI"],
        site=fields[warc.SITE_FIELD],
        captured_at=instant(fields["WARC-Date"]),
        status=304 if is_304 else told.status or (404 if outcome is Outcome.GONE else 200),
        record_type=kind,
        outcome=outcome,
        payload_digest=fields["WARC-Payload-Digest"],
        body_digest=referred.body_digest if referred else told.body_digest,
        content_type=content_type,
        etag=told.get("ETag") or (past.etag if past else None),
        last_modified=fields.get(warc.MODIFIED_FIELD, modified),
        location=fields.get(warc.LOCATION_FIELD),
        warc=name,
        offset=told.offset,
        length=told.length,
        refers_to=referred.record_id if referred else None,
        pass_id=pass_of(name),
        size_bytes=referred.size_bytes if referred else told.size_bytes,
        requisite=Requisite(needed_as) if needed_as else None,
    )


def journal_of(path: Path) -> Journal | None:
    """The journal of a closed file; None if it has none whole. Raises OSError."""
    closed = head(path)
    for link in reversed(closed[0].records if closed else ()):
        if link.type != "metadata":
            return None  # the journal stands right before the chain record
        member = member_at(path, link.offset, link.length)
        if member is None:
            return None
        try:
            parsed = parse(member.data)
            if parsed.get(chain.KIND_FIELD) == chain.JOURNAL:
                return journal.from_json(parsed.block)
        except (NoRecord, NoJournal) as error:
            log.error("%s at byte %d: %s", path, link.offset, error)
            return None
    return None


# ── into the catalog ─────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Replay:
    """One file of a pass, told to the catalog record by record; what is catalogued already is passed over."""

    catalog: Catalog
    path: Path
    is_open: bool
    count: int = 0  # captures that the catalog lacked
    end: int = 0  # where the last whole record ends
    journal: Journal | None = None
    _told: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # record id → instant, message of its visit

    @property
    def name(self) -> str:
        return closed_name(self.path.name)

    @property
    def pass_id(self) -> str:
        return pass_of(self.name)

    def begin(self) -> None:
        """Reads what the file says of itself, which stands at its end."""
        self.journal = journal_of(self.path)
        if self.journal:
            self.catalog.foretell(self.journal)
            self._told = {row[5]: (row[2], row[4]) for row in self.journal.visits if row[5]}

    def add(self, told: Told | Damage) -> None:
        """Takes the next record."""
        if isinstance(told, Damage):
            log.error("%s at byte %d: %s; see “etolwatch verify”", self.path.name, told.offset, told.why)
            return
        self.end = told.offset + told.length
        if told.parsed.record_type == "warcinfo":
            sites, at = _info_of(told)
            self.catalog.adopt_pass(self.pass_id, sites, at, is_open=self.is_open)
        elif told.parsed.record_type in _KINDS:
            self._add_capture(told)

    def _add_capture(self, told: Told) -> None:
        fields = told.parsed
        date, site = fields.get("WARC-Date"), fields.get(warc.SITE_FIELD)
        if date is None or site is None:
            raise ArchiveError("a record is not one of etolwatch", f"{self.path} at byte {told.offset}")
        self.catalog.adopt_pass(self.pass_id, (site,), instant(date), is_open=self.is_open)
        if fields.get(warc.OUTCOME_FIELD) == warc.ROBOTS or self.catalog.holds(fields.record_id):
            return
        referred_id = (fields.get("WARC-Refers-To") or "").strip("<>")
        try:
            referred = self.catalog.capture(referred_id) if referred_id else None
        except NoSuchCapture as error:
            place = f"{self.path.name} at byte {told.offset}"
            log.error("%s is a revisit of a record that is lost: %s", place, error)
            return
        self._note(capture_of(told, referred, self.name), fields.get(warc.FOUND_FIELD))

    def _note(self, capture: Capture, found_on: str | None) -> None:
        visited = self._told.get(capture.record_id)
        self.catalog.add_visit(
            self.pass_id,
            capture.uri,
            capture.site,
            instant(visited[0]) if visited else capture.captured_at,
            capture.outcome,
            message=visited[1] if visited else "",
            found_on=found_on,
            capture=capture,
            warc_end=capture.offset + capture.length,
            requests=0 if self.journal else 1,
            requisite=capture.requisite,
        )
        self.count += 1

    def finish(self) -> None:
        """Notes what the journal tells beside the captures, and how far the file is catalogued."""
        if self.journal:
            self._add_visits(self.journal)
            self.catalog.conclude(self.journal)
        # a file with an info record alone, or with a damaged one, has no instant but its name
        at = datetime.strptime(self.pass_id, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        self.catalog.adopt_pass(self.pass_id, (), at, is_open=self.is_open)
        self.catalog.add_warc(self.name, self.pass_id, self.end)

    def _add_visits(self, noted: Journal) -> None:
        done = self.catalog.visited(self.pass_id)
        for uri, site, at, outcome, message, _ in noted.visits:
            if uri not in done:
                self.catalog.add_visit(
                    self.pass_id, uri, site, instant(at), Outcome(outcome), message=message
                )


def replay(catalog: Catalog, path: Path, told: Iterable[Told | Damage], *, is_open: bool) -> Replay:
    """Tells the catalog what the records of a pass's file say; gives back how far it came."""
    made = Replay(catalog, path, is_open)
    made.begin()
    for one in told:
        made.add(one)
    made.finish()
    return made


def _info_of(told: Told) -> tuple[tuple[str, ...], datetime]:
    """Sites and beginning of a pass, as the info record at the head of its file says."""
    lines = told.parsed.block.decode("utf-8", "replace").split("\r\n")
    sites = next((line.partition(": ")[2] for line in lines if line.startswith("isPartOf: ")), "")
    return tuple(filter(None, sites.split(", "))), instant(told.parsed.get("WARC-Date") or "")


def stream(path: Path, start: int, end: int) -> Iterator[Told | Damage]:
    """As `told_of`, one by one."""
    return map(_told, members(path, start, end))
