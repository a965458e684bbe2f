"""The store: WARC files and their catalog behind one door, and what a crash left, put right.

The order is fixed: a record is synced to disk, then catalogued, then acknowledged. So the
catalog can only lag behind the files, and is caught up when the store is opened.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from etolwatch import __version__
from etolwatch.archive import bring, chain, disk, journal, seal, warc
from etolwatch.archive.catalog import Catalog, trouble_with
from etolwatch.archive.codings import decode_as_far_as_it_goes, digest_of, payload_digest_of
from etolwatch.archive.lock import Lock
from etolwatch.archive.naming import (
    CATALOG,
    FOLDER,
    OPEN,
    PREFIX,
    SUFFIX,
    TORN,
    closed_name,
    files,
    is_import,
    pass_of,
)
from etolwatch.archive.replay import replay, stream
from etolwatch.errors import ArchiveError, FixityError, OlderCatalog
from etolwatch.model import (
    Capture,
    Exchange,
    Outcome,
    Pass,
    PassState,
    Payload,
    Record,
    RecordType,
    Requisite,
)

CONTINUED_WITHIN = timedelta(days=1)  # an unfinished pass that rested longer is not gone on with
_NO_LIMIT = 1 << 40

log = logging.getLogger("etolwatch")


@dataclass(frozen=True, slots=True)
class Kept:
    """One visit, acknowledged; with what was unknown of the pages that it links to and of what it needs."""

    capture: Capture | None
    found: list[str]
    needed: list[tuple[str, Requisite]]


def has_older_catalog(folder: Path) -> bool:
    """Whether an earlier etolwatch made the catalog, so that it is to be made again. Raises ArchiveError."""
    path = folder / CATALOG
    try:
        if path.exists():
            Catalog.read_only(path).close()
    except OlderCatalog:
        return True
    return False


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """A folder with warc/ and catalog.sqlite3. A context manager: locked inside.

    Entering raises LockHeld if another process works on it, ArchiveError if it cannot be
    read or written.
    """

    def __init__(
        self, folder: Path, *, operator: str | None = None, command: str = "", now: datetime | None = None
    ) -> None:
        self.folder, self.operator, self._command = folder, operator, command
        self._opened_at = now
        self._lock = Lock(folder / "lock")
        self._catalog: Catalog | None = None
        self._appender: warc.Appender | None = None
        self._pass_id: str | None = None
        self.left: list[FixityError] = []  # of files that should be closed, or gone on with, and are damaged

    @classmethod
    def read_only(cls, folder: Path) -> Store:
        """The store for reading, without its lock, also while a pass runs. Close it, or use it in a with."""
        store = cls(folder)
        path = folder / CATALOG
        if not path.exists() and any(store.warc_folder.glob(f"{PREFIX}*")):
            raise ArchiveError("the catalog is missing", str(path), "run “etolwatch reindex”")
        store._catalog = Catalog.read_only(path)
        return store

    def __enter__(self) -> Self:
        if self._catalog:  # opened for reading
            return self
        try:
            self.warc_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArchiveError("cannot make the store", str(self.folder), disk.cause(error)) from error
        self._lock.acquire(self._opened_at or _utc_now(), self._command)
        try:
            self._catalog = Catalog.open(self.folder / CATALOG)
            self._recover()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):
            raise trouble_with(self.folder / CATALOG, error) from error

    def close(self) -> None:
        """Lets go of files and lock; a pass that is not ended can be continued."""
        if self._appender:
            self._appender.close()
            self._appender = None
        if self._catalog:
            self._catalog.close()
            self._catalog = None
        self._lock.release()

    @property
    def catalog(self) -> Catalog:
        """The index. Raises ArchiveError if the store is not open."""
        if self._catalog is None:
            raise ArchiveError("the store is not open", str(self.folder))
        return self._catalog

    @property
    def warc_folder(self) -> Path:
        return self.folder / FOLDER

    # ── passes ───────────────────────────────────────────────────────────────────────

    def begin_pass(self, sites: Sequence[str], at: datetime, info: Mapping[str, str] | None = None) -> Pass:
        """A pass over these sites: the unfinished one, if there is one within a day, or a new one.

        ``info`` goes into the warcinfo record beside what the store knows itself.
        """
        unfinished, appender = None, None
        for candidate, active_at in self.catalog.open_passes():
            is_recent = at - active_at < CONTINUED_WITHIN
            try:
                if candidate.sites == tuple(sites) and is_recent and unfinished is None:
                    appender = self._begin_file(candidate.pass_id, at, sites, info or {})
                    unfinished = candidate
                elif not is_recent or candidate.sites != tuple(sites):
                    self._close_pass(candidate.pass_id, PassState.INTERRUPTED, active_at, candidate.reason)
                    log.info("pass %s is not gone on with", candidate.pass_id)
            except FixityError as error:
                self._leave(error)
        if unfinished:
            self.catalog.set_pass_state(unfinished.pass_id, PassState.RUNNING, None, is_open=True)
            log.info(
                "pass %s continued: %d pages were visited already", unfinished.pass_id, unfinished.visited
            )
        pass_id = unfinished.pass_id if unfinished else self._new_pass(sites, at)
        self._pass_id = pass_id
        self._appender = appender or self._begin_file(pass_id, at, sites, info or {})
        return self.catalog.get_pass(pass_id)

    def _leave(self, error: FixityError) -> None:
        """Notes a damaged file that stays open, so that it can be repaired; the next pass has its own."""
        self.left.append(error)
        log.warning("%s is damaged, and not closed", error.subject)

    def end_pass(self, state: PassState, at: datetime, reason: str = "") -> Pass:
        """Ends the pass. Interrupted, its file stays open, so that the next pass goes on with it."""
        pass_id = self._running()
        if state is PassState.INTERRUPTED:
            self._file().close()
            self.catalog.set_pass_state(pass_id, state, at, reason, is_open=True)
        else:
            self._close_pass(pass_id, state, at, reason)
        self._appender = None
        self._pass_id = None
        return self.catalog.get_pass(pass_id)

    def _new_pass(self, sites: Sequence[str], at: datetime) -> str:
        """The id of a new pass: its start, or the next second that no pass has (a clock may be set back)."""
        while True:
            pass_id = at.astimezone(UTC).strftime("%Y%m%d%H%M%S")
            path = self.warc_folder / _name(pass_id)
            taken = (
                path.exists() or path.with_name(path.name + OPEN).exists() or self.catalog.has_pass(pass_id)
            )
            if not taken:
                break
            at += timedelta(seconds=1)
        self.catalog.begin_pass(pass_id, sites, at)
        return pass_id

    def _close_pass(self, pass_id: str, state: PassState, at: datetime, reason: str) -> None:
        """Ends a pass for good: its journal, its chain record, the manifest, the catalog, its file's name."""
        appender = self._appender or self._begin_file(pass_id, at, self.catalog.get_pass(pass_id).sites, {})
        self.catalog.set_pass_state(pass_id, state, at, reason, is_open=True)
        appender.append_metadata(chain.JOURNAL, at, journal.to_json(self.catalog.journal(pass_id)))
        seal.close(self.folder, appender, at)
        self.catalog.add_warc(_name(pass_id), pass_id, appender.end)
        self.catalog.set_pass_state(pass_id, state, at, reason, is_open=False)
        seal.rename(appender.path)

    def _begin_file(
        self, pass_id: str, at: datetime, sites: Sequence[str], info: Mapping[str, str]
    ) -> warc.Appender:
        """The file of a pass, to be gone on with; begun with its info record if it is new."""
        appender = warc.Appender(self.warc_folder / (_name(pass_id) + OPEN))
        if not appender.end:
            appender.append_info(_name(pass_id), at, self._info(sites, info))
        return appender

    def _info(self, sites: Sequence[str], info: Mapping[str, str]) -> dict[str, str]:
        known = {
            "software": f"etolwatch/{__version__}",
            "format": "WARC File Format 1.1",
            "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
            "operator": self.operator or "",
            "isPartOf": ", ".join(sites),
        }
        return {key: value for key, value in {**known, **info}.items() if value}

    def _running(self) -> str:
        if self._pass_id is None:
            raise ArchiveError("no pass was begun", str(self.folder))
        return self._pass_id

    # ── appending ────────────────────────────────────────────────────────────────────

    def append(
        self,
        record: Record,
        *,
        requests: int = 1,
        links: Sequence[str] = (),
        needs: Sequence[tuple[str, Requisite]] = (),
        linked_under: str | None = None,
    ) -> Kept:
        """Keeps one visit of the running pass; on disk and catalogued when this returns.

        The same bytes as an earlier response of the page become a revisit that refers to
        it. ``links`` are the addresses that its text links to, ``needs`` those of what it needs to
        be shown, read under the scope that ``linked_under`` names. Raises ArchiveError if the
        disk does not take it.
        """
        pass_id = self._running()
        capture, end = None, 0
        if record.exchange is not None:
            capture, end = self._write(record, record.exchange, pass_id)
        found = self.catalog.add_visit(
            pass_id,
            record.visit.uri,
            record.visit.site,
            record.at,
            record.outcome,
            message=record.message,
            found_on=record.visit.found_on,
            capture=capture,
            warc_end=end,
            requests=requests,
            links=links,
            needs=needs,
            linked_under=linked_under,
            requisite=record.visit.requisite,
        )
        return Kept(capture, found.pages, found.requisites)

    def append_robots(self, exchange: Exchange, site: str) -> None:
        """Keeps an answer to /robots.txt, which is testimony but no page."""
        appender = self._file()
        fields = warc.Fields(exchange.asks, site, warc.ROBOTS)
        digest = payload_digest_of(exchange.body)
        appender.append(warc.new_record_id(), exchange, exchange.at, fields, digest)
        self.catalog.add_warc(_name(self._running()), self._running(), appender.end)

    def _write(self, record: Record, exchange: Exchange, pass_id: str) -> tuple[Capture, int]:
        referred = self._referred(record, exchange)
        at = _distinct(record.at, record.visit.last)
        is_file = not exchange.http_version
        fields = warc.Fields(
            uri=record.visit.uri,
            site=record.visit.site,
            outcome=record.outcome,
            found_on=record.visit.found_on if record.visit.last is None else None,
            location=record.location,
            last_modified=record.last_modified if is_file else None,
            decoded_bytes=None if referred else len(record.body),
            requisite=record.visit.requisite,
        )
        record_id = warc.new_record_id()
        written = self._file().append(record_id, exchange, at, fields, record.payload_digest, referred)
        capture = Capture(
            record_id=record_id,
            uri=record.visit.uri,
            asks=exchange.asks,
            site=record.visit.site,
            captured_at=at,
            status=exchange.status,
            record_type=_type(referred, is_file=is_file),
            outcome=record.outcome,
            payload_digest=record.payload_digest,
            body_digest=record.body_digest,
            content_type=record.content_type,
            etag=record.etag,
            last_modified=record.last_modified,
            location=record.location,
            warc=_name(pass_id),
            offset=written.offset,
            length=written.length,
            refers_to=referred.record_id if referred else None,
            pass_id=pass_id,
            size_bytes=record.confirms.size_bytes if record.confirms else len(record.body),
            requisite=record.visit.requisite,
        )
        return capture, written.end

    def _referred(self, record: Record, exchange: Exchange) -> Capture | None:
        """The response that this exchange repeats, if it does."""
        if record.confirms:
            origin = self.origin_of(record.confirms)
            if exchange.status == 304 or origin.payload_digest == record.payload_digest:
                return origin
        if not exchange.body or record.outcome is Outcome.SUSPECT:
            return None
        return self.catalog.same_payload(record.visit.uri, record.payload_digest)

    def origin_of(self, capture: Capture) -> Capture:
        """The capture itself, or the response that a revisit refers to."""
        return self.catalog.capture(capture.refers_to) if capture.refers_to else capture

    def _file(self) -> warc.Appender:
        if self._appender is None:
            raise ArchiveError("no pass was begun", str(self.folder))
        return self._appender

    # ── reading ──────────────────────────────────────────────────────────────────────

    def payload(self, capture: Capture) -> Payload:
        """The body of a capture, content codings removed; a revisit gives the body that it refers to.

        Raises FixityError if the bytes are not those that were recorded.
        """
        return self.payload_of(capture, self.origin_of(capture))

    def payload_of(self, capture: Capture, origin: Capture) -> Payload:
        """As `payload`, for who knows in which record the body lies; asks no catalog."""
        path = self.path_of(origin)
        is_ours = origin.origin is None
        stored = warc.read(path, origin.offset, origin.record_id) if is_ours else bring.read(path, origin)
        if is_ours and stored.field("WARC-Payload-Digest") != origin.payload_digest:
            raise FixityError("the catalog and the record differ", f"{path} at byte {origin.offset}")
        suspect = capture.outcome is Outcome.SUSPECT
        limit = max(origin.size_bytes, 1) if suspect else _NO_LIMIT
        body = decode_as_far_as_it_goes(stored.body, stored.get("Content-Encoding"), limit)
        if not suspect and digest_of(body) != capture.body_digest:
            raise FixityError("the catalog and the record differ", f"{path} at byte {origin.offset}")
        return Payload(
            uri=capture.uri,
            body=body,
            final_uri=capture.location,
            status=origin.status if capture.status == 304 else capture.status,
            captured_at=capture.captured_at,
            last_modified=capture.last_modified,
            content_type=capture.content_type,
            truncated=stored.field("WARC-Truncated") is not None,
        )

    def path_of(self, capture: Capture) -> Path:
        """The WARC file in which a capture lies, whether its pass is ended or not. Raises FixityError."""
        path = self.warc_folder / capture.warc
        for candidate in (path, path.with_name(path.name + OPEN)):
            if candidate.exists():
                return candidate
        raise FixityError("a WARC file is missing", str(path), "bring it back from a copy of the store")

    # ── recovery ─────────────────────────────────────────────────────────────────────

    def _recover(self) -> None:
        """Cuts off a torn record, catalogues what the catalog lacks, renames what was ended."""
        known = self.catalog.warcs()
        sizes = {p.name: p.stat().st_size for p in files(self.folder) if not is_import(p.name)}
        for name, size in sizes.items():
            is_open = name.endswith(OPEN)
            catalogued = known.get(closed_name(name))
            if is_open or catalogued is None or catalogued < size:
                self._catch_up(self.warc_folder / name, catalogued or 0, is_open=is_open)
            elif catalogued > size:
                log.error("%s is shorter than it was: %d of %d bytes", name, size, catalogued)
        self._recover_imports(known)
        still_open = {run.pass_id for run, _ in self.catalog.open_passes()}
        for name in sizes:
            if name.endswith(OPEN) and pass_of(name) not in still_open:
                self._finish(self.warc_folder / name)

    def _finish(self, path: Path) -> None:
        """Closes the file of a pass that is ended, as far as a crash left that undone."""
        run = self.catalog.get_pass(pass_of(path.name))
        try:
            seal.finish(self.folder, path, run.finished_at or run.started_at)
        except FixityError as error:
            self._leave(error)
            return
        done = seal.rename(path)
        self.catalog.add_warc(done.name, run.pass_id, done.stat().st_size)

    def _recover_imports(self, known: Mapping[str, int]) -> None:
        """Finishes files of imports that were cut short, and catalogues what the catalog lacks of them."""
        for path in [path for path in files(self.folder) if is_import(path.name)]:
            size = path.stat().st_size
            if path.name.endswith(OPEN):
                end = warc.whole_until(path)
                if end < size:
                    self._cut(path, end, size)
                try:
                    seal.finish(self.folder, path, bring.began_at(pass_of(path.name)))
                    path = seal.rename(path)  # noqa: PLW2901
                except FixityError as error:
                    self._leave(error)
            if known.get(closed_name(path.name)) != path.stat().st_size:
                bring.catalogue(self.catalog, path)

    def _catch_up(self, path: Path, catalogued: int, *, is_open: bool) -> None:
        size = path.stat().st_size
        start = catalogued
        if start > size:
            start = 0  # what was catalogued is partly gone: see what is left
        end = warc.whole_until(path, start)
        if is_open and end < size:
            self._cut(path, end, size)
        elif end < size:
            log.error("%s is damaged from byte %d on; see “etolwatch verify”", path.name, end)
        name = closed_name(path.name)
        if end < catalogued:
            lost = self.catalog.forget_after(name, end)
            log.warning("%s lost %d captures; their pages are asked again", name, len(lost))
        if end > start or name not in self.catalog.warcs():
            made = replay(self.catalog, path, stream(path, start, end), is_open=is_open)
            if made.count:
                log.info("%s: %d captures catalogued that the catalog lacked", path.name, made.count)

    def _cut(self, path: Path, end: int, size: int) -> None:
        """Keeps what follows the last whole record aside, durably, then cuts it off. Raises ArchiveError."""
        try:
            with path.open("r+b") as file:
                file.seek(end)
                place = disk.keep(self.warc_folder / TORN, f"{path.name}.{end}", file.read())
                file.truncate(end)
                os.fsync(file.fileno())
        except OSError as error:
            cause = disk.cause(error, "make room, or let it be written, and run this again")
            raise ArchiveError("cannot set a torn record aside", f"{path} at byte {end}", cause) from error
        log.warning("%s had a torn last record: %d bytes are set aside in %s", path.name, size - end, place)


def _name(pass_id: str) -> str:
    return f"{PREFIX}{pass_id}{SUFFIX}"


def _type(referred: Capture | None, *, is_file: bool) -> RecordType:
    if referred:
        return RecordType.REVISIT
    return RecordType.RESOURCE if is_file else RecordType.RESPONSE


def _distinct(at: datetime, last: Capture | None) -> datetime:
    """The instant, moved by the least step if the page has a capture at this very one."""
    return at + timedelta(microseconds=1) if last and last.captured_at == at else at
