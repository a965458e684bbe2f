"""Whether a store is whole: each byte of its WARC files, the chain of them, manifest and catalog.

What is wrong is told as a Fault with file and offset, and which guard saw it; nothing is changed.
The judgement on one record is pure; the rest walks over the files. While a pass runs, what it has
catalogued by then is verified.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from etolwatch.archive import bring, chain, journal, lines, lock, manifest, warc
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.chain import Chain, Link, NoChain, link_to
from etolwatch.archive.journal import NoJournal
from etolwatch.archive.members import (
    Damage,
    Member,
    NoRecord,
    Parsed,
    agrees,
    http_parts,
    lacking,
    members,
    parse,
)
from etolwatch.archive.naming import CATALOG, FOLDER, OPEN, PREFIX, SUFFIX, is_import, pass_of
from etolwatch.archive.replay import capture_of, tell
from etolwatch.errors import ArchiveError, EtolwatchError, FixityError, NoSuchCapture
from etolwatch.model import Capture, RecordType

_CAPTURES = frozenset(kind.value for kind in RecordType)
_REINDEX = "run “etolwatch reindex”"
_LINE = (
    "if it is of this store, “etolwatch verify --repair-from DIR” writes its line anew, where the copy has"
    " that, or a file was closed after this one: by the next pass"
)
_REPAIR = "“etolwatch verify --repair-from DIR” takes it from another copy of the store"


class Guard(StrEnum):
    """What a fault shows in."""

    GZIP = "gzip"  # check sums and headers of the members
    RECORD = "record"  # the form of a WARC record, its length
    DIGEST = "digest"  # of a block or a payload
    REVISIT = "revisit"  # what a revisit refers to
    CHAIN = "chain"
    MANIFEST = "manifest"
    CATALOG = "catalog"
    TEXT = "text"  # texts and findings, derived again
    JUDGEMENT = "judgement"  # the lines in which readers judged findings


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. ``offset`` is None where only the whole file is known to be."""

    guard: Guard
    file: str  # below the store's folder
    offset: int | None
    what: str

    def __str__(self) -> str:
        place = self.file if self.offset is None else f"{self.file} at byte {self.offset}"
        return f"{place}: {self.what} [{self.guard}]"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what is wrong. ``head``: the digest of the last chain record."""

    files: int
    records: int
    captures: int
    size_bytes: int
    closed: int  # by the number of the last chain record
    head: str | None
    faults: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        return not self.faults


# ── one record, pure ─────────────────────────────────────────────────────────────────


def record_faults(parsed: Parsed, *, is_ours: bool) -> Iterator[tuple[Guard, str]]:
    """What is wrong with a record by itself (WARC 1.1 §5).

    A record that others wrote need not have digests; and whether theirs of a payload includes
    chunks, writers differ.
    """
    for name in lacking(parsed):
        yield Guard.RECORD, f"no {name}"
    block = agrees(parsed.get("WARC-Block-Digest"), parsed.block)
    if block is False:
        yield Guard.DIGEST, "the block is not what was recorded, by its digest"
    if not is_ours:
        return
    if block is None:
        yield Guard.DIGEST, "no WARC-Block-Digest"
    if parsed.record_type in ("response", "resource"):
        payload = http_parts(parsed.block)[2] if parsed.record_type == "response" else parsed.block
        if not agrees(parsed.get("WARC-Payload-Digest"), payload):
            yield Guard.DIGEST, "the payload is not what was recorded, by its digest"


@dataclass(frozen=True, slots=True)
class Target:
    """What a response says that a revisit must repeat (WARC 1.1 §6.7)."""

    uri: str | None
    date: str | None
    payload_digest: str | None


def target(parsed: Parsed) -> Target:
    """What revisits of this record must say of it."""
    return Target(parsed.get("WARC-Target-URI"), parsed.get("WARC-Date"), parsed.get("WARC-Payload-Digest"))


def asked_target(parsed: Parsed) -> Target:
    """What a revisit says of the record that it refers to."""
    return Target(
        parsed.get("WARC-Refers-To-Target-URI"),
        parsed.get("WARC-Refers-To-Date"),
        parsed.get("WARC-Payload-Digest"),
    )


# ── the store ────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Store:
    """One look over a store, and what it has seen."""

    folder: Path
    catalog: Catalog | None
    sizes: dict[str, int]  # what the catalog knows of each file
    digests: dict[str, str]  # the manifest
    is_busy: bool  # a pass is running
    faults: list[Fault] = field(default_factory=list)
    targets: dict[str, Target] = field(default_factory=dict)
    revisits: list[tuple[str, int, str, Target]] = field(default_factory=list)
    heads: list[tuple[Chain, str]] = field(default_factory=list)
    files: int = 0
    records: int = 0
    captures: int = 0
    size_bytes: int = 0

    def tell(self, guard: Guard, file: str, offset: int | None, what: str) -> None:
        self.faults.append(Fault(guard, file, offset, what))


def verify(folder: Path) -> Verified:
    """What holds of a store and what does not. Raises ArchiveError if the folder is no store."""
    if not (folder / FOLDER).is_dir():
        raise ArchiveError("no store is there", str(folder))
    is_busy = lock.is_held(folder / "lock")
    faults: list[Fault] = []
    catalog = _catalog(folder, faults)
    try:
        if catalog is None:
            return _verified(_Store(folder, None, {}, _manifest(folder, faults), is_busy, faults))
        with closing(catalog), catalog.snapshot():
            sizes = catalog.warcs()
            return _verified(_Store(folder, catalog, sizes, _manifest(folder, faults), is_busy, faults))
    except OSError as error:
        raise ArchiveError("cannot read", str(error.filename or folder), error.strerror or "") from error


def _catalog(folder: Path, faults: list[Fault]) -> Catalog | None:
    if not (folder / CATALOG).exists():
        faults.append(Fault(Guard.CATALOG, CATALOG, None, f"it is missing; {_REINDEX}"))
        return None
    try:
        catalog = Catalog.read_only(folder / CATALOG)
    except ArchiveError as error:
        faults.append(Fault(Guard.CATALOG, CATALOG, None, error.cause))
        return None
    wrong = catalog.damage()
    if wrong:
        faults.append(Fault(Guard.CATALOG, CATALOG, None, f"{wrong}; {_REINDEX}"))
        catalog.close()
        return None
    return catalog


def _manifest(folder: Path, faults: list[Fault]) -> dict[str, str]:
    for number, line in manifest.damage(folder):
        what = f"line {number} is none: {line!r}; {_REPAIR}"
        faults.append(Fault(Guard.MANIFEST, manifest.NAME, None, what))
    return manifest.read(folder)


def _verified(store: _Store) -> Verified:
    for path in _files(store):
        try:
            _check_file(store, path)
        except FileNotFoundError:  # a pass that ended since the files were listed has renamed its own
            _check_file(store, path.with_name(path.name.removesuffix(OPEN)))
    _check_missing(store)
    _check_revisits(store)
    for record_id in store.catalog.misquoted() if store.catalog else ():
        what = f"the finding on {record_id} is listed as another than it is; {_REINDEX}"
        store.tell(Guard.CATALOG, CATALOG, None, what)
    lines_of = {file.removeprefix(f"{FOLDER}/"): digest for file, digest in store.digests.items()}
    for file, what in chain.gaps(store.heads, lines_of):
        store.tell(Guard.CHAIN, f"{FOLDER}/{file}", None, what)
    for offset, what in lines.faults(store.folder / lines.REVIEW):
        store.tell(Guard.JUDGEMENT, lines.REVIEW, offset, what)
    last = max(store.heads, key=lambda head: head[0].number, default=None)
    return Verified(
        store.files,
        store.records,
        store.captures,
        store.size_bytes,
        last[0].number if last else 0,
        last[1] if last else None,
        tuple(store.faults),
    )


def _files(store: _Store) -> list[Path]:
    """The files to be looked at: those that are closed, then those that are not, by name."""
    found = [p for p in (store.folder / FOLDER).iterdir() if p.is_file() and p.name.startswith(PREFIX)]
    ours = [path for path in found if path.name.removesuffix(OPEN).endswith(SUFFIX)]
    known = [p for p in ours if not store.is_busy or p.name.removesuffix(OPEN) in store.sizes]
    return sorted(known, key=lambda path: (path.name.endswith(OPEN), path.name))


def _check_missing(store: _Store) -> None:
    here = {path.name.removesuffix(OPEN) for path in (store.folder / FOLDER).iterdir()}
    for file in store.digests:
        if file.removeprefix(f"{FOLDER}/") not in here:
            store.tell(Guard.MANIFEST, file, None, f"the file is missing; {_REPAIR}")
    for name in sorted(store.sizes.keys() - here):
        store.tell(Guard.CATALOG, f"{FOLDER}/{name}", None, f"the file is missing; {_REPAIR}")


def _check_revisits(store: _Store) -> None:
    for file, offset, record_id, asked in store.revisits:
        found = store.targets.get(record_id)
        if found is None:
            what = f"a revisit of {record_id}, which is no response of this store"
            store.tell(Guard.REVISIT, file, offset, what)
        elif found != asked:
            what = f"a revisit that says of {record_id} what is not so"
            store.tell(Guard.REVISIT, file, offset, what)


# ── one file ─────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _File:
    """One file while it is looked at."""

    path: Path
    file: str  # as faults name it
    is_ours: bool  # not of an import
    is_closed: bool
    rows: dict[int, Capture]
    links: list[Link] = field(default_factory=list)
    last: Parsed | None = None  # a record of ours on the file itself, if that came last
    journal: tuple[int, Parsed] | None = None
    is_damaged: bool = False  # bytes of it are no records

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(OPEN)


def _check_file(store: _Store, path: Path) -> None:
    name = path.name.removesuffix(OPEN)
    rows = store.catalog.captures_in(name) if store.catalog else {}
    size = path.stat().st_size
    known = store.sizes.get(name, 0)
    is_growing = store.is_busy and known < size  # or was closed just now: then the next look sees its end
    is_closed = path.name == name and not is_growing
    one = _File(path, f"{FOLDER}/{path.name}", not is_import(name), is_closed, rows)
    end = known if is_growing else size
    for found in members(path, 0, end):
        _check_member(store, one, found)
    store.files += 1
    store.size_bytes += end
    if one.is_closed:
        _check_closed(store, one)
    if store.catalog:
        _check_against_catalog(store, one, store.catalog, end)


def _check_member(store: _Store, one: _File, found: Member | Damage) -> None:
    one.last = None
    link = link_to(found)
    if isinstance(found, Damage):
        one.is_damaged = True
        store.tell(Guard.GZIP, one.file, found.offset, f"{found.why}, up to byte {found.end}")
        return
    if not found.is_plain:
        store.tell(Guard.GZIP, one.file, found.offset, "the header of a gzip member is not as it was written")
    if isinstance(link, str):
        one.is_damaged = True
        store.tell(Guard.RECORD, one.file, found.offset, link)
        return
    one.links.append(link)
    store.records += 1
    parsed = parse(found.data)
    for guard, what in record_faults(parsed, is_ours=one.is_ours):
        store.tell(guard, one.file, found.offset, what)
    _remember(store, one, found, parsed)


def _remember(store: _Store, one: _File, found: Member, parsed: Parsed) -> None:
    kind = chain.kind_of(parsed)
    if kind == chain.JOURNAL and one.is_ours:
        one.journal = found.offset, parsed
    if kind == chain.CHAIN:
        one.last = parsed
    if parsed.record_type not in _CAPTURES:
        return
    is_robots = one.is_ours and parsed.get(warc.OUTCOME_FIELD) == warc.ROBOTS
    store.captures += not is_robots
    if parsed.record_type != RecordType.REVISIT:
        store.targets[parsed.record_id] = target(parsed)
    elif one.is_ours:
        referred = (parsed.get("WARC-Refers-To") or "").strip("<>")
        store.revisits.append((one.file, found.offset, referred, asked_target(parsed)))
    if store.catalog and not is_robots:
        _check_row(store, store.catalog, one, found, parsed)


def _check_closed(store: _Store, one: _File) -> None:
    expected = store.digests.get(one.file)
    if expected is None:
        store.tell(Guard.MANIFEST, one.file, None, f"the manifest does not name it; {_LINE}")
    elif manifest.digest_of(one.path) != expected:
        store.tell(Guard.MANIFEST, one.file, None, "its digest is not that of the manifest")
    if one.last is None:
        store.tell(Guard.CHAIN, one.file, None, "it does not end with its chain record")
        return
    place = one.links[-1]
    try:
        listed = chain.from_json(one.last.block)
    except NoChain as error:
        store.tell(Guard.CHAIN, one.file, place.offset, str(error))
        return
    store.heads.append((listed, place.digest))
    if listed.file != one.name:
        store.tell(Guard.CHAIN, one.file, place.offset, f"its chain record is that of {listed.file}")
    for broken in chain.breaks(listed, one.links[:-1]):
        store.tell(Guard.CHAIN, one.file, broken.offset, broken.what)


# ── the catalog ──────────────────────────────────────────────────────────────────────


def _check_row(store: _Store, catalog: Catalog, one: _File, found: Member, parsed: Parsed) -> None:
    row = one.rows.pop(found.offset, None)
    try:
        if row is None:
            is_known = not one.is_ours and catalog.holds(parsed.record_id)
            what = "" if is_known else "the catalog lacks it"
        elif one.is_ours:
            what = "" if _as_catalogued(catalog, found, row) else "the catalog tells it otherwise"
        else:
            what = _brought_otherwise(one.path, row)
    except (NoRecord, KeyError, ValueError, EtolwatchError) as error:
        what = f"the catalog and it cannot be compared ({error})"
    if what:
        store.tell(Guard.CATALOG, one.file, found.offset, f"{what}; {_REINDEX}")


def _as_catalogued(catalog: Catalog, found: Member, row: Capture) -> bool:
    """Whether the catalog has what the record says.

    Where others' captures came to stand between ours, the timeline tells the outcome otherwise.
    """
    try:
        referred = catalog.capture(row.refers_to) if row.refers_to else None
    except NoSuchCapture:
        return False
    made = capture_of(tell(found), referred, row.warc)
    return made == row or (replace(made, outcome=row.outcome) == row and catalog.has_brought(row.uri))


def _brought_otherwise(path: Path, row: Capture) -> str:
    try:
        if row.record_type is not RecordType.REVISIT:
            bring.read(path, row)
    except FixityError as error:
        return error.message
    return ""


def _check_against_catalog(store: _Store, one: _File, catalog: Catalog, end: int) -> None:
    known = store.sizes.get(one.name)
    # a catalog that knows of more than there is still names what was lost: it is not to be made again
    advice = _REPAIR if one.is_damaged or (known or 0) > end else _REINDEX
    for offset in one.rows:
        what = f"the catalog has a capture here that the file has not; {advice}"
        store.tell(Guard.CATALOG, one.file, offset, what)
    if known is not None and (known > end or (one.is_closed and known < end)):
        what = f"the catalog knows {known} bytes of it, and it has {end}; {advice}"
        store.tell(Guard.CATALOG, one.file, min(known, end), what)
    if one.journal and one.is_closed:
        _check_journal(store, one, catalog, *one.journal)


def _check_journal(store: _Store, one: _File, catalog: Catalog, offset: int, parsed: Parsed) -> None:
    try:
        noted = journal.from_json(parsed.block)
    except NoJournal as error:
        store.tell(Guard.RECORD, one.file, offset, str(error))
        return
    pass_id = pass_of(one.name)
    kept = catalog.journal(pass_id) if catalog.has_pass(pass_id) else None
    if kept is None or (kept.run, _visits(kept.visits)) != (noted.run, _visits(noted.visits)):
        what = f"the catalog tells the pass otherwise than its journal; {_REINDEX}"
        store.tell(Guard.CATALOG, one.file, offset, what)


def _visits(rows: tuple[journal.Row, ...]) -> set[journal.Row]:
    """Visits without the name of the site, which may be another one since."""
    return {(uri, *rest) for uri, _, *rest in rows}
