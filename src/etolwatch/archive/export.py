"""Captures given to others: WARC and WACZ files, lists of captures.

Records are copied as they lie in the store, verified before, never made anew. One that is damaged
is told and left out. The same store and the same selection give the same bytes.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from etolwatch import __version__
from etolwatch.archive import bring, disk, warc
from etolwatch.archive.cdxj import Entry, cdxj, digits
from etolwatch.archive.chain import KIND_FIELD
from etolwatch.archive.foreign import NAMES, Damage
from etolwatch.archive.members import Member, NoRecord, Parsed, members, parse
from etolwatch.archive.store import Store
from etolwatch.errors import ArchiveError, UsageError
from etolwatch.model import Capture, Outcome, RecordType
from etolwatch.text.decode import decode

WACZ_VERSION = "1.1.1"
WARC_IN_WACZ = "data.warc.gz"
PLAIN = ".warc"  # the ending of a file that is not compressed
_BESIDE_BYTES = 4096  # more than a request and a note on a capture take
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which captures: of all, of one site, of one page; made in a time range, both ends included."""

    site: str | None = None
    uri: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        parts = [
            f"site {self.site}" if self.site else "",
            self.uri or "",
            f"since {self.since.isoformat()}" if self.since else "",
            f"until {self.until.isoformat()}" if self.until else "",
        ]
        return ", ".join(part for part in parts if part) or "the whole store"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: where each capture now lies; and what could not be, being damaged."""

    entries: tuple[Entry, ...]
    damages: tuple[Damage, ...] = ()


def entries(store: Store, selection: Selection) -> Iterator[Entry]:
    """The captures selected, and where their records lie in the store's own files."""
    for capture in store.catalog.selected(selection.site, selection.uri, selection.since, selection.until):
        yield Entry(capture, capture.warc, capture.offset, capture.length)


# ── WARC ─────────────────────────────────────────────────────────────────────────────


def export_warc(store: Store, selection: Selection, output: Path) -> Exported:
    """Writes one WARC file with the records of the captures selected, and those that go with them.

    A revisit brings the response that it stands for along. In a file whose name ends in ``.warc`` the
    records are not compressed. Raises UsageError if nothing is selected, ArchiveError if nothing of it
    can be read.
    """
    with whole_file(output) as file:
        captures, damages = _sound(store, _selected(store, selection))
        return Exported(tuple(_write_warc(store, selection, captures, file, output.name)), damages)


def _write_warc(
    store: Store, selection: Selection, captures: Sequence[Capture], file: IO[bytes], name: str
) -> Iterator[Entry]:
    is_plain = name.endswith(PLAIN)
    info = _info(selection, captures, name)
    file.write(info if is_plain else warc.packed(info))
    for _, group in groupby(captures, key=lambda capture: capture.warc):
        yield from _copy_from(store, list(group), file, name, is_plain=is_plain)


def _selected(store: Store, selection: Selection) -> list[Capture]:
    captures = [entry.capture for entry in entries(store, selection)]
    if not captures:
        raise UsageError(
            "no captures are selected", str(selection), "see “etolwatch log” and “etolwatch status”"
        )
    return captures


def _sound(store: Store, captures: Sequence[Capture]) -> tuple[list[Capture], tuple[Damage, ...]]:
    """Those of the captures whose records are what they were, and what is wrong with the others.

    Without its response a revisit says nothing, so it is none of the sound either. Raises ArchiveError
    if none is.
    """
    wrong = {one.record_id: damage for one in captures if (damage := _damage(store, one))}
    for one in captures:
        if one.refers_to in wrong and one.record_id not in wrong:
            place = f"{store.warc_folder / one.warc} at byte {one.offset}"
            wrong[one.record_id] = Damage(place, "it stands for a record that is damaged")
    sound = [one for one in captures if one.record_id not in wrong]
    # a file that is missing is told once
    damages = tuple(dict.fromkeys(wrong[one.record_id] for one in captures if one.record_id in wrong))
    if not sound:
        cause = f"{damages[0].reason}; run “etolwatch verify”"
        raise ArchiveError("nothing of what is selected can be read", damages[0].place, cause)
    return sound, damages


def _info(selection: Selection, captures: Iterable[Capture], name: str) -> bytes:
    """A warcinfo record that says what the file is; made of nothing but what is in it."""
    ids = " ".join(capture.record_id for capture in captures)
    about = {
        "software": f"etolwatch/{__version__}",
        "format": "WARC File Format 1.1",
        "description": f"records copied from a store of etolwatch: {selection}",
    }
    return warc.info(uuid.uuid5(NAMES, f"{selection} {ids}").urn, name, _latest(captures), about)


def _latest(captures: Iterable[Capture]) -> datetime:
    return max(capture.captured_at for capture in captures)


def _copy_from(
    store: Store, captures: list[Capture], file: IO[bytes], name: str, *, is_plain: bool
) -> Iterator[Entry]:
    path = store.path_of(captures[0])
    with path.open("rb") as source:

        def copied(member: Member) -> int:
            source.seek(member.offset)
            return file.write(member.data if is_plain else source.read(member.length))

        for member in _row_of(path, 0, _is_info):
            copied(member)
        for capture in captures:
            place = file.tell()
            belongs = partial(_belongs, capture)
            lengths = [copied(member) for member in _row_of(path, capture.offset, belongs)]
            yield Entry(capture, name, place, lengths[0])


def _row_of(path: Path, start: int, belongs: Callable[[Parsed], bool]) -> Iterator[Member]:
    """The records in a row from here on that belong to what is copied; damage ends it."""
    for found in members(path, start):
        if not isinstance(found, Member):
            return
        try:
            record = parse(found.data)
        except NoRecord:
            return
        if not belongs(record):
            return
        yield found


def _is_info(record: Parsed) -> bool:
    return record.record_type == "warcinfo"


def _belongs(capture: Capture, record: Parsed) -> bool:
    """Whether it is the record of a capture, its request, or a note on it."""
    if record.record_id == capture.record_id:
        return True
    is_beside = record.record_type in ("request", "metadata")
    return is_beside and record.get(KIND_FIELD) is None and not _is_of_another(capture, record)


def _is_of_another(capture: Capture, record: Parsed) -> bool:
    return record.get("WARC-Target-URI") not in (None, capture.asks, f"<{capture.asks}>")


def _damage(store: Store, capture: Capture) -> Damage | None:
    """What is wrong with the record of a capture; None if it is what it was."""
    try:
        path = store.path_of(capture)
        if capture.record_type is RecordType.REVISIT:
            warc.located(path, capture.offset, capture.record_id)
        elif capture.origin is None:
            warc.read(path, capture.offset, capture.record_id)
        else:
            bring.read(path, capture)
    except ArchiveError as error:
        return Damage(error.subject, f"{error.message}: {error.cause}" if error.cause else error.message)
    return None


# ── WACZ ─────────────────────────────────────────────────────────────────────────────


def export_wacz(store: Store, selection: Selection, output: Path) -> Exported:
    """Writes a WACZ 1.1.1 file: the records, their index, the list of pages, digests of it all.

    Raises UsageError if nothing is selected, ArchiveError if nothing of it can be read.
    """
    with whole_file(output) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as package:
        captures, damages = _sound(store, _selected(store, selection))
        packing = _Packing(package, _latest(captures))
        expected = sum(capture.length + _BESIDE_BYTES for capture in captures)
        with packing.member(f"archive/{WARC_IN_WACZ}", expected) as inner:
            written = tuple(_write_warc(store, selection, captures, inner, WARC_IN_WACZ))
        packing.add("indexes/index.cdxj", "".join(cdxj(written)).encode())
        packing.add("pages/pages.jsonl", "".join(_page_lines(store, written)).encode())
        about = packing.datapackage(f"etolwatch: {selection}")
        packing.add("datapackage.json", about)
        digest = {"path": "datapackage.json", "hash": _sha256(about)}
        packing.add("datapackage-digest.json", _json(digest))
    return Exported(written, damages)


class _Counting:
    """A file in a ZIP that can tell where it stands and what it has been given."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.size, self.digest = file, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self.size


class _Packing:
    """The parts of a WACZ, each noted with its digest as it is written."""

    def __init__(self, package: zipfile.ZipFile, at: datetime) -> None:
        self._package, self._at, self._resources = package, at, list[dict[str, Any]]()

    @contextmanager
    def member(self, path: str, expected_bytes: int) -> Iterator[IO[bytes]]:
        """A part to be written. Only one beyond 2 GiB is marked as large: wabac.js reads no small one so."""
        at = self._at.astimezone(UTC)
        part = zipfile.ZipInfo(path, (at.year, at.month, at.day, at.hour, at.minute, at.second))
        part.external_attr = 0o644 << 16
        part.file_size = expected_bytes
        with self._package.open(part, "w") as file:
            counting = _Counting(file)
            yield counting  # type: ignore[misc]
        about = {
            "name": path.rpartition("/")[2],
            "path": path,
            "hash": f"sha256:{counting.digest.hexdigest()}",
        }
        self._resources.append({**about, "bytes": counting.size})

    def add(self, path: str, data: bytes) -> None:
        with self.member(path, len(data)) as file:
            file.write(data)

    def datapackage(self, title: str) -> bytes:
        """The text of datapackage.json on what was added so far (WACZ 1.1.1 §5)."""
        at = self._at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        about = {
            "profile": "data-package",
            "wacz_version": WACZ_VERSION,
            "title": title,
            "software": f"etolwatch/{__version__}",
            "created": at,
            "resources": self._resources,
        }
        return _json(about)


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _page_lines(store: Store, written: Iterable[Entry]) -> Iterator[str]:
    """The lines of pages.jsonl (WACZ 1.1.1 §5.3): a header, and each text in the order of time."""
    header = {"format": "json-pages-1.0", "id": "pages", "title": "All pages"}
    yield json.dumps(header) + "\n"
    versions = (entry.capture for entry in written if entry.capture.outcome in (Outcome.NEW, Outcome.CHANGED))
    texts = (capture for capture in versions if capture.requisite is None)
    for capture in sorted(texts, key=lambda capture: (capture.asks, capture.captured_at)):
        at = capture.captured_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        page = {
            "id": digits(capture.captured_at)
            + "-"
            + hashlib.sha256(capture.record_id.encode()).hexdigest()[:12],
            "url": capture.asks,
            "ts": at,
            "title": _title(store, capture),
        }
        yield json.dumps(page, ensure_ascii=False) + "\n"


def _title(store: Store, capture: Capture) -> str:
    """The page's title; its address if it has none."""
    found = _TITLE.search(store.payload(capture).body)
    if found is None:
        return capture.asks
    text = decode(found.group(1), capture.content_type).text
    return " ".join(html.unescape(text).split()) or capture.asks


@contextmanager
def whole_file(output: Path) -> Iterator[IO[bytes]]:
    """A file that is there whole or not at all: written beside its name, synced, then renamed.

    Raises ArchiveError if it cannot be written.
    """
    beside = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(output)
    except OSError as error:
        raise ArchiveError("cannot write", str(output), disk.cause(error)) from error
    finally:
        beside.unlink(missing_ok=True)
