"""The catalog: an SQLite index of what the WARC files hold, and of what was judged.

Derived data (see `schema`): where it lags behind the WARC files, the store catches it up.
One transaction for each visit. Opening a store, one page's log and a pass's start cost the
same however many captures there are: pages point to the captures that matter.
"""

# ruff: noqa: S608 - statements are put together from constants of this module; values are bound

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from etolwatch.archive import journal
from etolwatch.archive.disk import MAKE_ROOM
from etolwatch.archive.findings import Findings
from etolwatch.archive.journal import Journal
from etolwatch.archive.moments import Line, Moment
from etolwatch.archive.passages import Passages, Reading
from etolwatch.archive.schema import SCHEMA, VERSION
from etolwatch.archive.snapshot import FIELDS, STANDING, Standing, standing
from etolwatch.archive.timeline import Entry, tell
from etolwatch.contract import digest_of, finding_from_dict, finding_to_dict
from etolwatch.errors import ArchiveError, NoSuchCapture, OlderCatalog, UnknownPage
from etolwatch.model import (
    Capture,
    Finding,
    History,
    Outcome,
    Pass,
    PassState,
    RecordType,
    Requisite,
    RequisiteFigures,
    Summary,
    Trouble,
    Verdict,
)

GROWTH_OVER = timedelta(days=30)
MOST_CANDIDATES = 8  # named when an ending is not unique

_COUNTED = {
    Outcome.NEW: ("captured",),
    Outcome.CHANGED: ("captured",),
    Outcome.UNCHANGED: ("unchanged",),
    Outcome.GONE: ("gone",),
    Outcome.FAILED: ("failed",),
    Outcome.SUSPECT: ("failed",),
}
_CAPTURE = (
    "{0}.record_id, {1}.uri, {0}.asks, {0}.site, {0}.captured_at, {0}.status, {0}.record_type, {0}.outcome,"
    " {0}.payload_digest, {0}.body_digest, {0}.content_type, {0}.etag, {0}.last_modified, {0}.location,"
    ' (SELECT name FROM warc WHERE seq = {0}.warc), {0}."offset", {0}.length, {0}.refers_to,'
    " (SELECT pass_id FROM pass WHERE seq = {0}.pass), {0}.size_bytes, {0}.origin, {0}.requisite"
)
_C = _CAPTURE.format("capture", "page")
_WIDTH = 22  # columns of one capture
_FROM = " FROM capture JOIN page ON page.id = capture.page "
_HELD = "capture.outcome IN ('new', 'changed', 'unchanged')"
# A judgement may say that what looked like a text was none; it holds for all captures of that text.
_JUDGED = " LEFT JOIN finding ON finding.capture = capture.text "
_TEXT = "coalesce(finding.verdict NOT IN ('page_gone', 'suspect_capture'), 1)"
_ASTRAY = "last_outcome NOT IN ('new', 'changed', 'unchanged')"
_IS_PAGE = "page.requisite IS NULL"
# What has references of its own to follow: texts, style sheets, the contents of frames.
_READ = "(page.requisite IS NULL OR page.requisite IN ('style', 'frame'))"
_LINE = "capture.line_at, capture.seq"  # the order of a page's captures …
_LATEST = "capture.line_at DESC, capture.seq DESC"  # … and backwards
_RUNS = (
    "SELECT seq, pass_id, started_at, finished_at, state, visited, captured, unchanged, gone, failed, reason,"
    " requisites FROM pass "
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a text leads to that was unknown: pages that it links to, requisites that it needs."""

    pages: list[str] = field(default_factory=list)
    requisites: list[tuple[str, Requisite]] = field(default_factory=list)


def instant_text(at: datetime) -> str:
    """An aware instant in UTC with six decimals, as the catalog and WARC-Date write it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """The instant that `instant_text` wrote."""
    return datetime.fromisoformat(text)


def _maybe_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class Catalog:
    """The index of one store, opened by `Store`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db, self.path = connection, path
        self.passages = Passages(connection)
        self.found = Findings(connection)
        self._warcs: dict[str, int] = {}

    @classmethod
    def open(cls, path: Path) -> Catalog:
        """The catalog in this file, made if it is not there. Raises ArchiveError if it cannot be read."""
        with _damage_named(path):
            return cls(_connected(str(path), path, _prepare), path)

    @classmethod
    def read_only(cls, path: Path) -> Catalog:
        """The catalog for reading, also while a pass runs; an empty one if there is none yet."""
        if not path.exists():
            db = sqlite3.connect(":memory:", isolation_level=None)
            db.executescript(SCHEMA)
            return cls(db, path)
        with _damage_named(path):
            address = f"{path.resolve().as_uri()}?{_read_mode(path)}"
            return cls(_connected(address, path, _check_version), path)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is written inside. Raises ArchiveError if it cannot be written.

        One inside another is part of it.
        """
        if self._db.in_transaction:
            yield
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise trouble_with(self.path, error) from error
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
                self._warcs.clear()  # some of them may be gone with it
                self.passages.undone()

    def in_haste(self) -> None:
        """Writes without waiting for the disk: for a catalog that is thrown away if its making fails."""
        self._db.execute("PRAGMA journal_mode = MEMORY")
        self._db.execute("PRAGMA synchronous = OFF")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """While inside, the catalog stays as it is now, whatever a running pass adds to it."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def requisites_changed(self, pass_id: str) -> int:
        """How many style sheets, pictures and the like a pass found to be others than before."""
        sql = (
            "SELECT count(*) FROM capture WHERE pass = (SELECT seq FROM pass WHERE pass_id = ?)"
            " AND requisite IS NOT NULL AND outcome = 'changed'"
        )
        return int(self._db.execute(sql, (pass_id,)).fetchone()[0])

    def copy_to(self, path: Path) -> None:
        """Writes the catalog as it stands at one moment to another file (sqlite.org/backup.html).

        Raises ArchiveError, which names this one where it is damaged, and the other where that cannot be
        written.
        """
        try:
            with closing(sqlite3.connect(path)) as target:
                self._db.backup(target)
                target.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise trouble_with(path if _is_of_the_disk(error) else self.path, error) from error

    def damage(self) -> str:
        """What SQLite finds wrong with the file itself; "" if nothing."""
        try:
            found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            return str(error)
        return "" if found == "ok" else str(found).replace("\n", "; ")

    # ── pages ────────────────────────────────────────────────────────────────────────

    def resolve(self, ending: str) -> str:
        """The full address of the one known page whose address ends so.

        A whole address, or an ending that begins at a path segment, is preferred to one
        that begins inside a word, and a page to what pages need. Raises UnknownPage, with the
        candidates where there are several.
        """
        sql = "SELECT uri, requisite IS NULL FROM page WHERE substr(uri, -length(?)) = ? ORDER BY uri"
        rows = self._db.execute(sql, (ending, ending)).fetchall() if ending else []
        found = [uri for uri, is_page in rows if is_page or uri == ending] or [uri for uri, _ in rows]
        whole = [uri for uri in found if uri == ending]
        segment = [uri for uri in found if ending.startswith("/") or uri.endswith("/" + ending)]
        for candidates in (whole, found, segment):
            if len(candidates) == 1:
                return str(candidates[0])
        if not found:
            raise UnknownPage("no known page has an address that ends so", ending, "see “etolwatch status”")
        shown = ", ".join(found[:MOST_CANDIDATES]) + (" …" if len(found) > MOST_CANDIDATES else "")
        raise UnknownPage(f"{len(found)} pages have addresses that end so", ending, shown)

    def resolve_text(self, ending: str) -> str:
        """As `resolve`, for who wants to read words. Raises UnknownPage for what pages only need, too."""
        uri = self.resolve(ending)
        known = self.history(uri)
        if known and known.requisite:
            cause = f"pages need it as {known.requisite}; “etolwatch show --html” gives its bytes"
            raise UnknownPage("it is no page and has no words", uri, cause)
        return uri

    def history(self, uri: str) -> History | None:
        """What is known of one page; None if it was never heard of."""
        return next(self._histories("WHERE page.uri = ?", (uri,)), None)

    def histories(self, site: str) -> dict[str, History]:
        """What is known of each of a site's pages, those only linked to included."""
        return {history.uri: history for history in self._histories("WHERE page.site = ?", (site,))}

    def all_histories(self) -> dict[str, History]:
        """What is known of every page of the store, whatever its site was called then."""
        return {history.uri: history for history in self._histories("", ())}

    def _histories(self, where: str, values: Sequence[object]) -> Iterator[History]:
        sql = (
            "SELECT page.uri, page.site, page.first_seen_at, page.found_on, page.last_visited_at,"
            f" page.last_outcome, page.run, page.full_at, page.requisite,"
            " page.last_visited_at < (SELECT started_at FROM pass WHERE seq = page.needed_in),"
            " page.last_capture = page.version,"
            f" {_CAPTURE.format('v', 'page')}, {_CAPTURE.format('l', 'page')} FROM page"
            " LEFT JOIN capture v ON v.seq = page.version"
            " LEFT JOIN capture l ON l.seq = page.last_capture AND page.last_capture IS NOT page.version "
        )
        for row in self._db.execute(sql + where, values).fetchall():
            uri, site, first, found_on, visited, outcome, run, full, requisite, awaited, same = row[:11]
            version = _capture(row[11 : 11 + _WIDTH])
            yield History(
                uri=uri,
                site=site,
                first_seen_at=instant(first),
                found_on=found_on,
                last=version if same else _capture(row[11 + _WIDTH :]),
                version=version,
                last_visited_at=_maybe_instant(visited),
                last_outcome=Outcome(outcome) if outcome else None,
                run=run,
                full_at=_maybe_instant(full),
                requisite=Requisite(requisite) if requisite else None,
                is_awaited=bool(requisite and awaited),
            )

    # ── captures ─────────────────────────────────────────────────────────────────────

    def captures(self, uri: str) -> list[Capture]:
        """All captures of a page, in the order in which they were made, whoever made them."""
        return self._captures(f"WHERE page.uri = ? ORDER BY {_LINE}", (uri,))

    def line(self, uri: str) -> Line:
        """When a page was captured, and what each capture is; without moments where it is not held."""
        sql = (
            "SELECT capture.record_id, capture.captured_at, capture.outcome, capture.status, finding.verdict,"
            f" capture.origin{_FROM} LEFT JOIN finding ON finding.capture = capture.seq"
            f" WHERE page.uri = ? ORDER BY {_LINE}"
        )
        return Line.of(
            uri,
            (
                Moment(row[0], instant(row[1]), Outcome(row[2]), row[3], row[4] and Verdict(row[4]), row[5])
                for row in self._db.execute(sql, (uri,))
            ),
        )

    def addresses(self, beginning: str = "", *, pages: bool = False) -> list[tuple[str, int]]:
        """The addresses of all that was captured, in order, and how often; ``pages``: of pages only."""
        sql = "SELECT uri, captures FROM page WHERE captures > 0 AND uri >= ? AND uri < ?"
        only = " AND requisite IS NULL" if pages else ""
        return list(self._db.execute(f"{sql}{only} ORDER BY uri", (beginning, beginning + "\U0010ffff")))

    def versions(self, uri: str) -> list[Capture]:
        """The captures of a page that hold a text, in their order; soft 404s and errors passed over."""
        return self._captures(
            f"{_JUDGED} WHERE page.uri = ? AND {_HELD} AND {_TEXT} ORDER BY {_LINE}", (uri,)
        )

    def capture(self, record_id: str) -> Capture:
        """The capture with this record id. Raises NoSuchCapture."""
        found = self._captures("WHERE capture.record_id = ?", (record_id,))
        if not found:
            raise NoSuchCapture("no such record", record_id)
        return found[0]

    def captures_in(self, warc: str) -> dict[int, Capture]:
        """The captures that lie in a file, by offset."""
        where = 'WHERE capture.warc = (SELECT seq FROM warc WHERE name = ?) ORDER BY capture."offset"'
        return {capture.offset: capture for capture in self._captures(where, (warc,))}

    def capture_at(self, uri: str, at: datetime | None) -> Capture:
        """The last version of a page made at or before ``at``; the last of all if that is None.

        Texts that were judged to be none (a soft 404, an error page) are passed over.
        Raises NoSuchCapture, saying since when the page is held.
        """
        limit = "9" if at is None else instant_text(at)
        where = (
            f"{_JUDGED} WHERE page.uri = ? AND {_HELD} AND {_TEXT} AND capture.captured_at <= ?"
            f" ORDER BY {_LATEST} LIMIT 1"
        )
        found = self._captures(where, (uri, limit))
        if found:
            return found[0]
        held = f"{_JUDGED} WHERE page.uri = ? AND {_HELD} AND {_TEXT} ORDER BY capture.captured_at LIMIT 1"
        first = self._captures(held, (uri,))
        if first:
            since = first[0].captured_at.isoformat(timespec="seconds")
            raise NoSuchCapture("not yet held at that time", uri, f"its first version is of {since}")
        raise NoSuchCapture("no version is held", uri, "it never answered with a text")

    def previous_version(self, capture: Capture) -> Capture | None:
        """The last version of the page before this capture; None if it is the first.

        Texts that were judged to be none (a soft 404, an error page) are passed over, and
        so are later captures of the same text.
        """
        where = (
            f"{_JUDGED} WHERE capture.page = (SELECT page FROM capture WHERE record_id = ?)"
            f" AND {_HELD} AND {_TEXT} AND capture.requisite IS ?"
            " AND (capture.line_at, capture.seq) < (SELECT line_at, seq FROM capture WHERE record_id = ?)"
            f" ORDER BY {_LATEST} LIMIT 1"
        )
        found = self._captures(where, (capture.record_id, capture.requisite, capture.record_id))
        return found[0] if found else None

    def state_at(self, at: datetime | None = None, site: str | None = None) -> Iterator[Standing]:
        """Every page and requisite as it stood at a time (None: now), of one site or of all, by address.

        Those that were first heard of later are left out. Sites share requisites, so those of
        all sites are given with the pages of one. A stream: the catalog may be read
        meanwhile; whoever wants it to stay as it is asks inside `snapshot`.
        """
        sql = STANDING.format(capture=_CAPTURE.format("version", "page"))
        limit = "9" if at is None else instant_text(at)
        for row in self._db.execute(sql, {"at": limit, "site": site}):
            yield standing(row, _capture(row[FIELDS:]))

    def first_held(self) -> dict[str, datetime]:
        """When each address was first captured with something to keep; those never held are not in it."""
        sql = f"SELECT page.uri, min(capture.captured_at){_FROM}WHERE {_HELD} GROUP BY page.id"
        return {uri: instant(at) for uri, at in self._db.execute(sql)}

    def selected(
        self, site: str | None, uri: str | None, since: datetime | None, until: datetime | None
    ) -> Iterator[Capture]:
        """The captures of a site, a page, a time range (None: of all), as they lie in the files.

        With the responses, from whatever time, that the revisits among them stand for.
        """
        tests = {
            "capture.site = ?": site,
            "page.uri = ?": uri,
            "capture.captured_at >= ?": instant_text(since) if since else None,
            "capture.captured_at <= ?": instant_text(until) if until else None,
        }
        chosen = " AND ".join(("1", *(test for test, value in tests.items() if value is not None)))
        values = [value for value in tests.values() if value is not None]
        referred = f"SELECT capture.refers_to{_FROM}WHERE {chosen} AND capture.refers_to IS NOT NULL"
        where = f"WHERE ({chosen}) OR capture.record_id IN ({referred})"
        where += ' ORDER BY capture.warc, capture."offset"'
        for row in self._db.execute(f"SELECT {_C}{_FROM}{where}", (*values, *values)):
            if capture := _capture(row):
                yield capture

    def same_payload(self, uri: str, payload_digest: str) -> Capture | None:
        """An earlier response of this page with these very bytes, whole: what a revisit may refer to.

        One of our own: what we saw never rests on what others say that they saw.
        """
        where = (
            "WHERE capture.page = (SELECT id FROM page WHERE uri = ?) AND capture.payload_digest = ?"
            " AND capture.record_type <> 'revisit' AND capture.outcome <> 'suspect'"
            " AND capture.origin IS NULL ORDER BY capture.seq DESC LIMIT 1"
        )
        found = self._captures(where, (uri, payload_digest))
        return found[0] if found else None

    def _captures(self, where: str, values: Sequence[object]) -> list[Capture]:
        rows = self._db.execute(f"SELECT {_C}{_FROM}{where}", values).fetchall()
        return [capture for row in rows if (capture := _capture(row))]

    # ── findings ─────────────────────────────────────────────────────────────────────

    def unjudged(self) -> Iterator[Capture]:
        """Captures that tell something and have no finding yet: pass by pass, page by page, oldest first.

        What others captured stands between passes: where some of it waits, only page by page.

        First and changed texts; and the first of a row of like answers where a page is
        gone, moved or suspect, for what goes on is no news. A finding made by older rules
        stands until the past is read again: an upgrade makes no edit.
        """
        waiting = "capture.news > 0 AND capture.judged_by IS NULL"
        brought = self._db.execute(f"SELECT 1 FROM capture WHERE {waiting} AND origin IS NOT NULL LIMIT 1")
        order = "capture.page" if brought.fetchone() else "capture.pass, capture.page"
        yield from self._captures(f"WHERE {waiting} ORDER BY {order}, {_LINE}", ())

    def brought_about(self, pass_id: str) -> set[tuple[str, datetime]]:
        """Address and instant of those findings of a pass that are there through what others captured.

        They are on such a capture, or compare with one that came in when ours had long been made.
        """
        sql = (
            "SELECT page.uri, finding.captured_at FROM finding JOIN page ON page.id = finding.page"
            " JOIN capture own ON own.seq = finding.capture"
            " WHERE finding.pass = (SELECT seq FROM pass WHERE pass_id = ?)"
            " AND (own.origin IS NOT NULL OR finding.base > finding.capture)"
        )
        return {(uri, instant(at)) for uri, at in self._db.execute(sql, (pass_id,))}

    def is_news(self, capture: Capture) -> bool:
        """Whether a judgement on a capture is one to tell: not where only what stands before it is new."""
        sql = "SELECT news = 1 FROM capture WHERE record_id = ?"
        return bool(self._db.execute(sql, (capture.record_id,)).fetchone()[0])

    def add_finding(
        self, capture: Capture, base: Capture | None, finding: Finding, reading: Reading | None = None
    ) -> None:
        """Keeps the judgement on a capture, and what it says, so that this can be searched.

        An earlier judgement, by another normaliser, is replaced.
        """
        body = json.dumps(finding_to_dict(finding), ensure_ascii=False, separators=(",", ":"))
        with self.transaction():
            places = [self._seq(one.record_id) if one else None for one in (capture, base)]
            if places[0] is not None:
                self.found.keep(places[0], places[1], finding, body)
            self._db.execute(
                "UPDATE capture SET judged_by = ?, news = min(news, 1) WHERE record_id = ?",
                (finding.normaliser, capture.record_id),
            )
            if reading is not None:
                self.passages.keep(capture.record_id, reading)

    def _seq(self, record_id: str) -> int | None:
        row = self._db.execute("SELECT seq FROM capture WHERE record_id = ?", (record_id,)).fetchone()
        return int(row[0]) if row else None

    def add_reading(self, capture: Capture, reading: Reading) -> None:
        """Keeps what a version says that was judged before."""
        with self.transaction():
            self.passages.keep(capture.record_id, reading)

    def unread(self) -> list[Capture]:
        """Versions that were judged, and whose texts cannot be searched yet, page by page."""
        where = (
            "WHERE capture.text = capture.seq AND capture.judged_by IS NOT NULL AND capture.read_by IS NULL"
            f" ORDER BY capture.page, {_LINE}"
        )
        return self._captures(where, ())

    def knows_word(self, word: str, apart_from: str) -> bool:
        """Whether a case-folded word stands on any other page than this one, in any version of it.

        The page's own texts do not count: a slip that stands there twice is still a slip.
        """
        return self.passages.knows(word, apart_from)

    def finding(self, capture: Capture) -> Finding | None:
        """The judgement on a capture; None if there is none."""
        found = self._findings(
            "WHERE finding.capture = (SELECT seq FROM capture WHERE record_id = ?)", (capture.record_id,)
        )
        return found[0] if found else None

    def findings(
        self, since: datetime | None = None, pass_id: str | None = None, uri: str | None = None
    ) -> list[Finding]:
        """The findings on captures made since an instant, in one pass, of one page; oldest first."""
        tests, values = ["1"], []
        if since is not None:
            tests.append("finding.captured_at >= ?")
            values.append(instant_text(since))
        if pass_id is not None:
            tests.append("finding.pass = (SELECT seq FROM pass WHERE pass_id = ?)")
            values.append(pass_id)
        if uri is not None:
            tests.append("finding.page = (SELECT id FROM page WHERE uri = ?)")
            values.append(uri)
        return self._findings(
            f"WHERE {' AND '.join(tests)} ORDER BY finding.captured_at, finding.capture", values
        )

    def _findings(self, where: str, values: Sequence[object]) -> list[Finding]:
        rows = self._db.execute(f"SELECT body FROM finding {where}", values).fetchall()
        return [finding_from_dict(json.loads(row[0])) for row in rows]

    def finding_on(self, record_id: str) -> Finding | None:
        """The judgement on the capture with this record id; None if there is none."""
        sql = "WHERE finding.capture = (SELECT seq FROM capture WHERE record_id = ?)"
        return next(iter(self._findings(sql, (record_id,))), None)

    def findings_by_record(self) -> Iterator[tuple[str, Finding]]:
        """All judgements, each with the record id of its capture, in the order of the captures."""
        sql = "SELECT record_id, body FROM finding JOIN capture ON seq = finding.capture ORDER BY seq"
        for record_id, body in self._db.execute(sql):
            yield record_id, finding_from_dict(json.loads(body))

    def misquoted(self) -> list[str]:
        """The records whose findings are listed with another verdict or digest than their own words give."""
        sql = "SELECT record_id, verdict, digest, body FROM finding f JOIN capture c ON c.seq = f.capture"
        return [record_id for record_id, *listed, body in self._db.execute(sql) if _listed(body) != listed]

    def reading_on(self, record_id: str) -> list[tuple[str, str]] | None:
        """What is searched of a version, as (zone, passage); None if it has no text."""
        return self.passages.reading(record_id)

    def readings_by_record(self) -> Iterator[tuple[str, list[tuple[str, str]] | None]]:
        """What is searched of each version, with the record id of its capture."""
        sql = "SELECT record_id FROM version_text JOIN capture ON seq = version_text.capture ORDER BY seq"
        for (record_id,) in self._db.execute(sql).fetchall():
            yield record_id, self.passages.reading(record_id)

    def figures(self) -> tuple[int, int]:
        """How many captures and how many findings there are."""
        row = self._db.execute("SELECT (SELECT count(*) FROM capture), (SELECT count(*) FROM finding)")
        captures, findings = row.fetchone()
        return int(captures), int(findings)

    # ── passes ───────────────────────────────────────────────────────────────────────

    def passes(self, limit: int | None = None) -> list[Pass]:
        """The passes, latest first."""
        return self._passes("ORDER BY seq DESC LIMIT ?", (-1 if limit is None else limit,))

    def last_pass(self, site: str) -> Pass | None:
        """The latest pass over a site; None if there was none."""
        found = self._passes("WHERE seq = (SELECT max(pass) FROM pass_site WHERE site = ?)", (site,))
        return found[0] if found else None

    def has_pass(self, pass_id: str) -> bool:
        """Whether a pass has this id."""
        return self._db.execute("SELECT 1 FROM pass WHERE pass_id = ?", (pass_id,)).fetchone() is not None

    def get_pass(self, pass_id: str) -> Pass:
        """The pass of this id. Raises ArchiveError if there is none."""
        found = self._passes("WHERE pass_id = ?", (pass_id,))
        if not found:
            raise ArchiveError("no such pass", pass_id)
        return found[0]

    def open_passes(self) -> list[tuple[Pass, datetime]]:
        """The passes whose file is still open, oldest first, and when each last did something."""
        found = self._passes("WHERE is_open = 1 ORDER BY seq", ())
        sql = "SELECT active_at FROM pass WHERE pass_id = ?"
        return [(p, instant(self._db.execute(sql, (p.pass_id,)).fetchone()[0])) for p in found]

    def begin_pass(self, pass_id: str, sites: Sequence[str], at: datetime) -> None:
        """Notes that a pass over these sites begins. Raises ArchiveError if the id is taken."""
        started = instant_text(at)
        with self.transaction():
            self._insert_pass(pass_id, started, is_open=True)
            self._db.executemany(
                "INSERT INTO pass_site (site, pass, position)"
                " VALUES (?, (SELECT seq FROM pass WHERE pass_id = ?), ?)",
                [(site, pass_id, position) for position, site in enumerate(sites)],
            )

    def _insert_pass(self, pass_id: str, started: str, *, is_open: bool) -> None:
        state = PassState.RUNNING if is_open else PassState.COMPLETE
        self._db.execute(
            "INSERT INTO pass (pass_id, started_at, active_at, state, is_open, first_page)"
            " VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(id), 0) + 1 FROM page))",
            (pass_id, started, started, state, is_open),
        )

    def set_pass_state(
        self, pass_id: str, state: PassState, at: datetime | None, reason: str = "", *, is_open: bool
    ) -> None:
        """Notes how a pass stands; ``at`` is its end, None while it goes on. Durable on return.

        One that is interrupted stays open for as long as it may still be gone on with.
        """
        finished = instant_text(at) if at else None
        # The WARC file is renamed after this; the two must not be seen in another order.
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(
            "UPDATE pass SET state = ?, finished_at = ?, reason = ?, is_open = ? WHERE pass_id = ?",
            (state, finished, reason, is_open, pass_id),
        )
        self._db.execute("PRAGMA synchronous = NORMAL")

    def journal(self, pass_id: str) -> Journal:
        """What a pass did beside its captures, as the catalog knows it."""
        return journal.of_pass(self._db, pass_id)

    def foretell(self, noted: Journal) -> None:
        """Notes a pass and the pages it found from its journal, before its captures are noted."""
        with self.transaction():
            journal.foretell(self._db, noted)

    def conclude(self, noted: Journal) -> None:
        """Notes the rest of a pass from its journal, after its captures and visits; it is ended then."""
        with self.transaction():
            journal.conclude(self._db, noted)

    def visited(self, pass_id: str) -> set[str]:
        """The addresses that a pass has visited already."""
        sql = (
            "SELECT page.uri FROM visit JOIN page ON page.id = visit.page"
            " WHERE visit.pass = (SELECT seq FROM pass WHERE pass_id = ?)"
        )
        return {row[0] for row in self._db.execute(sql, (pass_id,))}

    def requests(self, pass_id: str, site: str) -> int:
        """How many requests a pass has spent on a site."""
        sql = (
            "SELECT requests FROM pass_site WHERE site = ?"
            " AND pass = (SELECT seq FROM pass WHERE pass_id = ?)"
        )
        row = self._db.execute(sql, (site, pass_id)).fetchone()
        return row[0] if row else 0

    def _passes(self, where: str, values: Sequence[object]) -> list[Pass]:
        rows = self._db.execute(_RUNS + where, values).fetchall()
        sql = "SELECT site FROM pass_site WHERE pass = ? ORDER BY position"
        return [
            Pass(
                pass_id=row[1],
                sites=tuple(site for (site,) in self._db.execute(sql, (row[0],))),
                started_at=instant(row[2]),
                finished_at=_maybe_instant(row[3]),
                state=PassState(row[4]),
                visited=row[5],
                captured=row[6],
                unchanged=row[7],
                gone=row[8],
                failed=row[9],
                reason=row[10],
                requisites=row[11],
            )
            for row in rows
        ]

    # ── writing a visit ──────────────────────────────────────────────────────────────

    def add_visit(
        self,
        pass_id: str,
        uri: str,
        site: str,
        at: datetime,
        outcome: Outcome,
        *,
        message: str = "",
        found_on: str | None = None,
        capture: Capture | None = None,
        warc_end: int = 0,
        requests: int = 0,
        links: Sequence[str] = (),
        needs: Sequence[tuple[str, Requisite]] = (),
        linked_under: str | None = None,
        requisite: Requisite | None = None,
    ) -> Found:
        """Notes one visit, with its capture and the links of its text, in one transaction.

        Gives back what was unknown of ``links`` (pages) and ``needs`` (requisites). ``warc_end``
        is how far the file of the capture now reaches; ``linked_under`` says under which scope
        the links were read; ``requisite``, as what the visited was asked for.
        """
        when = instant_text(at)
        with self.transaction():
            run = self._db.execute("SELECT seq FROM pass WHERE pass_id = ?", (pass_id,)).fetchone()[0]
            page = self._page(uri, site, when, found_on, requisite, run)
            if capture:
                self._set_requisite(page, run, capture.requisite)
            seq = self._insert_capture(page, run, capture, warc_end) if capture else None
            self._db.execute(
                "INSERT INTO visit (pass, page, at, outcome, message, capture) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET at = excluded.at, outcome = excluded.outcome,"
                " message = excluded.message, capture = excluded.capture",
                (run, page, when, outcome, message, seq),
            )
            self._visit_page(page, site, when, outcome, message)
            columns = ["requisites"] if requisite else ["visited", *_COUNTED.get(outcome, ())]
            counted = ", ".join(f"{column} = {column} + 1" for column in columns)
            self._db.execute(f"UPDATE pass SET active_at = ?, {counted} WHERE seq = ?", (when, run))
            if requests:
                self._spend(run, site, requests)
            if outcome in (Outcome.NEW, Outcome.CHANGED):  # None: the links of this text are unread
                sql = "UPDATE page SET linked_under = ?, linked_in = ? WHERE id = ?"
                self._db.execute(sql, (linked_under, run if linked_under else None, page))
            return self._discover(site, links, needs, uri, when)

    def spend(self, pass_id: str, site: str, requests: int) -> None:
        """Counts requests that were no visit (robots.txt, tries given up) towards a site's budget."""
        run = self._db.execute("SELECT seq FROM pass WHERE pass_id = ?", (pass_id,)).fetchone()[0]
        self._spend(run, site, requests)

    def _spend(self, run: int, site: str, requests: int) -> None:
        self._db.execute(
            "UPDATE pass_site SET requests = requests + ? WHERE site = ? AND pass = ?", (requests, site, run)
        )

    def discover(
        self,
        site: str,
        links: Sequence[str],
        needs: Sequence[tuple[str, Requisite]],
        found_on: str,
        linked_under: str,
        at: datetime,
    ) -> Found:
        """Notes what a text that was kept earlier links to and needs; gives back what was unknown."""
        with self.transaction():
            sql = (
                "UPDATE page SET linked_under = ?, linked_in = (SELECT max(seq) FROM pass WHERE is_open = 1)"
                " WHERE uri = ?"
            )
            self._db.execute(sql, (linked_under, found_on))
            return self._discover(site, links, needs, found_on, instant_text(at))

    def unread_links(self, linked_under: str, uris: Iterable[str]) -> list[Capture]:
        """Of these pages, the versions whose links were not read under this scope yet."""
        wanted = set(uris)
        where = f"WHERE page.version = capture.seq AND page.linked_under IS NOT ? AND {_READ}"
        where += " ORDER BY page.id"
        return [c for c in self._captures(where, (linked_under,)) if c.uri in wanted]

    def _discover(
        self,
        site: str,
        links: Sequence[str],
        needs: Sequence[tuple[str, Requisite]],
        found_on: str,
        when: str,
    ) -> Found:
        """Notes what a text leads to. A page wins: what is linked to as a text is no requisite."""
        sql = "INSERT OR IGNORE INTO page (uri, site, first_seen_at, found_on) VALUES (?, ?, ?, ?)"
        pages = [
            uri
            for uri in links
            if self._db.execute(sql, (uri, site, when, found_on)).rowcount or self._become_page(uri)
        ]
        insert = (
            "INSERT OR IGNORE INTO page (uri, site, first_seen_at, found_on, requisite, needed_in)"
            " VALUES (?, ?, ?, ?, ?, (SELECT max(seq) FROM pass WHERE is_open = 1))"
        )
        requisites = [
            (uri, kind)
            for uri, kind in needs
            if self._db.execute(insert, (uri, site, when, found_on, kind)).rowcount
            or self._become_requisite(uri, kind)
        ]
        return Found(pages, requisites)

    def _become_page(self, uri: str) -> bool:
        """Makes a page of what was a requisite, if it answered with mark-up or was never asked for."""
        sql = (
            "UPDATE page SET requisite = NULL, version = NULL, full_at = NULL,"
            " needed_in = (SELECT max(seq) FROM pass WHERE is_open = 1)"
            " WHERE uri = ? AND requisite IS NOT NULL AND (last_visited_at IS NULL OR"
            " (SELECT content_type FROM capture WHERE seq = page.version) LIKE 'text/html%')"
        )
        return self._db.execute(sql, (uri,)).rowcount > 0

    def _become_requisite(self, uri: str, kind: Requisite) -> bool:
        """Makes a requisite of a page that never was one: its type was not kept, or it was not there."""
        sql = (
            "UPDATE page SET requisite = ?, needed_in = (SELECT max(seq) FROM pass WHERE is_open = 1)"
            " WHERE uri = ? AND requisite IS NULL AND last_outcome = 'listed' AND version IS NULL"
        )
        return self._db.execute(sql, (kind, uri)).rowcount > 0

    def _set_requisite(self, page: int, run: int, kind: Requisite | None) -> None:
        """Notes as what a page was captured, where a file tells of it that is told again."""
        sql = "UPDATE page SET requisite = ?, needed_in = ? WHERE id = ? AND requisite IS NOT ?"
        self._db.execute(sql, (kind, run, page, kind))

    def _page(
        self,
        uri: str,
        site: str,
        when: str,
        found_on: str | None,
        requisite: Requisite | None,
        run: int | None = None,
    ) -> int:
        row = self._db.execute("SELECT id FROM page WHERE uri = ?", (uri,)).fetchone()
        if row is None:
            sql = (
                "INSERT INTO page (uri, site, first_seen_at, found_on, requisite, needed_in)"
                " VALUES (?, ?, ?, ?, ?, ?) RETURNING id"
            )
            needed_in = run if requisite else None
            row = self._db.execute(sql, (uri, site, when, found_on, requisite, needed_in)).fetchone()
        return int(row[0])

    def _visit_page(self, page: int, site: str, when: str, outcome: Outcome, message: str) -> None:
        self._db.execute(
            "UPDATE page SET site = ?, last_visited_at = ?, message = ?,"
            " run_since_at = CASE WHEN last_outcome = ? THEN run_since_at ELSE ? END,"
            " run = CASE WHEN last_outcome = ? THEN run + 1 ELSE 1 END, last_outcome = ? WHERE id = ?",
            (site, when, message, outcome, when, outcome, outcome, page),
        )

    def _insert_capture(self, page: int, run: int, capture: Capture, warc_end: int) -> int:
        last = self._db.execute(
            "SELECT l.outcome, l.status, l.location, v.text, l.line_at FROM page"
            " LEFT JOIN capture l ON l.seq = page.last_capture"
            " LEFT JOIN capture v ON v.seq = page.version WHERE page.id = ?",
            (page,),
        ).fetchone()
        line_at = max(instant_text(capture.captured_at), last[4] or "")
        text = last[3] if capture.outcome is Outcome.UNCHANGED else None
        seq = self._insert_row(page, run, capture, line_at, text, int(_is_news(capture, last[:3])))
        if capture.outcome in (Outcome.NEW, Outcome.CHANGED):
            self._db.execute("UPDATE capture SET text = seq WHERE seq = ?", (seq,))
        self._point_page(page, seq, capture)
        if self._has_brought(page):
            self._retell(page)
        sql = "UPDATE warc SET size_bytes = max(size_bytes, ?) WHERE name = ?"
        self._db.execute(sql, (warc_end, capture.warc))
        return seq

    def _insert_row(
        self, page: int, run: int, capture: Capture, line_at: str, text: int | None, news: int
    ) -> int:
        cursor = self._db.execute(
            "INSERT INTO capture (record_id, page, pass, asks, site, captured_at, status, record_type,"
            " outcome, payload_digest, body_digest, content_type, etag, last_modified, location, warc,"
            ' "offset", length, refers_to, size_bytes, origin, requisite, line_at, text, news)'
            f" VALUES ({', '.join('?' * 25)})",
            (
                capture.record_id,
                page,
                run,
                capture.asks,
                capture.site,
                instant_text(capture.captured_at),
                capture.status,
                capture.record_type,
                capture.outcome,
                capture.payload_digest,
                capture.body_digest,
                capture.content_type,
                capture.etag,
                capture.last_modified,
                capture.location,
                self._warc(capture.warc, run),
                capture.offset,
                capture.length,
                capture.refers_to,
                capture.size_bytes,
                capture.origin,
                capture.requisite,
                line_at,
                text,
                news,
            ),
        )
        return int(cursor.lastrowid or 0)

    def _point_page(self, page: int, seq: int, capture: Capture) -> None:
        full = capture.is_version and (capture.record_type is not RecordType.REVISIT or capture.status == 200)
        self._db.execute(
            "UPDATE page SET last_capture = ?, version = CASE WHEN ? THEN ? ELSE version END,"
            " full_at = CASE WHEN ? THEN ? ELSE full_at END, captures = captures + 1,"
            " versions = versions + ?, stored_bytes = stored_bytes + ? WHERE id = ?",
            (
                seq,
                capture.is_version,
                seq,
                full,
                instant_text(capture.captured_at),
                capture.outcome in (Outcome.NEW, Outcome.CHANGED),
                capture.length,
                page,
            ),
        )

    # ── what others captured ─────────────────────────────────────────────────────────

    def add_brought(
        self, pass_id: str, at: datetime, captures: Sequence[Capture], warc: str, size_bytes: int
    ) -> None:
        """Puts captures that others made on the timelines of their pages, in one transaction.

        Captures of our own that get another predecessor by it are to be judged again;
        neither that nor the brought captures are news. What is known of a page for its next
        visit stays what our own visits found.
        """
        when = instant_text(at)
        with self.transaction():
            if not self._passes("WHERE pass_id = ?", (pass_id,)):
                self._insert_pass(pass_id, when, is_open=False)
                self._db.execute("UPDATE pass SET finished_at = active_at WHERE pass_id = ?", (pass_id,))
            run = self._db.execute("SELECT seq FROM pass WHERE pass_id = ?", (pass_id,)).fetchone()[0]
            pages = {}
            for capture in captures:
                page = self._page(capture.uri, capture.site, when, None, capture.requisite)
                pages[capture.uri] = page
                if capture.requisite:  # a picture that was only listed, or was not asked for yet
                    sql = (
                        "UPDATE page SET requisite = ? WHERE id = ? AND requisite IS NULL AND version IS NULL"
                    )
                    self._db.execute(sql, (capture.requisite, page))
                self._insert_row(page, run, capture, instant_text(capture.captured_at), None, 2)
            for page in pages.values():
                sql = "UPDATE page SET first_seen_at = min(first_seen_at, ?) WHERE id = ?"
                self._db.execute(sql, (when, page))
                self._retell(page)
            count = "SELECT count(*) FROM capture WHERE pass = pass.seq"
            self._db.execute(f"UPDATE pass SET captured = ({count}) WHERE seq = ?", (run,))
            self._warc(warc, run)
            self._db.execute("UPDATE warc SET size_bytes = ? WHERE name = ?", (size_bytes, warc))

    def holds_like(self, uri: str, at: datetime, payload_digest: str) -> bool:
        """Whether a capture of this page, of this second, with this payload is held."""
        return any(one.payload_digest == payload_digest for one in self.of_second(uri, at))

    def of_second(self, uri: str, at: datetime) -> list[Capture]:
        """The captures of a page that its timeline has in the second of this instant, in their order."""
        where = (
            "WHERE capture.page = (SELECT id FROM page WHERE uri = ?) AND capture.line_at >= ?"
            f" AND capture.line_at < ? ORDER BY {_LINE}"
        )
        begin = at.replace(microsecond=0)
        return self._captures(where, (uri, instant_text(begin), instant_text(begin + timedelta(seconds=1))))

    def last_like(self, uri: str, payload_digest: str) -> Capture | None:
        """The last response of a page with this payload, whoever captured it."""
        where = (
            "WHERE capture.page = (SELECT id FROM page WHERE uri = ?) AND capture.payload_digest = ?"
            f" AND capture.record_type <> 'revisit' ORDER BY {_LATEST} LIMIT 1"
        )
        return next(iter(self._captures(where, (uri, payload_digest))), None)

    def has_brought(self, uri: str) -> bool:
        """Whether captures that others made stand on the page's timeline."""
        row = self._db.execute("SELECT id FROM page WHERE uri = ?", (uri,)).fetchone()
        return row is not None and self._has_brought(row[0])

    def _has_brought(self, page: int) -> bool:
        sql = "SELECT 1 FROM capture WHERE page = ? AND origin IS NOT NULL LIMIT 1"
        return self._db.execute(sql, (page,)).fetchone() is not None

    def _retell(self, page: int) -> None:
        """Tells anew what each capture of a page is, and drops judgements that rested on another base."""
        sql = (
            "SELECT seq, outcome, status, location, body_digest, origin IS NOT NULL FROM capture"
            f" WHERE page = ? ORDER BY {_LINE}"
        )
        rows = self._db.execute(sql, (page,)).fetchall()
        told = tell(Entry(row[0], Outcome(row[1]), row[2], row[3], row[4], bool(row[5])) for row in rows)
        self._db.executemany(
            "UPDATE capture SET outcome = ?, text = ?,"
            " news = CASE WHEN NOT ? OR requisite IS NOT NULL THEN 0 WHEN news = 0 THEN 2 ELSE news END"
            " WHERE seq = ?",
            [(one.outcome, one.text, one.is_news, one.seq) for one in told],
        )
        self._db.execute(
            "UPDATE page SET captures = (SELECT count(*) FROM capture WHERE page = page.id),"
            " versions = (SELECT count(*) FROM capture WHERE page = page.id AND text = seq),"
            " stored_bytes = (SELECT total(length) FROM capture WHERE page = page.id) WHERE id = ?",
            (page,),
        )
        self._drop_stale(page)

    def _drop_stale(self, page: int) -> None:
        """Takes back the judgements of a page on captures that are no news or have another base now."""
        base = (
            f"SELECT capture.seq FROM capture{_JUDGED} WHERE capture.page = own.page AND {_HELD} AND {_TEXT}"
            f" AND (capture.line_at, capture.seq) < (own.line_at, own.seq) ORDER BY {_LATEST} LIMIT 1"
        )
        sql = (
            "SELECT own.seq FROM capture own JOIN finding judged ON judged.capture = own.seq"
            f" WHERE own.page = ? AND (own.news = 0 OR judged.base IS NOT ({base}))"
        )
        stale = self._db.execute(sql, (page,)).fetchall()
        self.found.forget(seq for (seq,) in stale)
        self._db.executemany(
            "UPDATE capture SET judged_by = NULL, news = 2 * (news > 0) WHERE seq = ?", stale
        )

    # ── files ────────────────────────────────────────────────────────────────────────

    def warcs(self) -> dict[str, int]:
        """The WARC files known, by name, and how many bytes of each are catalogued."""
        return dict(self._db.execute("SELECT name, size_bytes FROM warc").fetchall())

    def open_files(self) -> set[str]:
        """The names of the files of passes that are not ended for good."""
        sql = "SELECT name FROM warc JOIN pass ON pass.seq = warc.pass WHERE is_open = 1"
        return {name for (name,) in self._db.execute(sql)}

    def add_warc(self, name: str, pass_id: str, size_bytes: int) -> None:
        """Notes how far a file is catalogued; the file may be new."""
        with self.transaction():
            run = self._db.execute("SELECT seq FROM pass WHERE pass_id = ?", (pass_id,)).fetchone()[0]
            self._warc(name, run)
            self._db.execute("UPDATE warc SET size_bytes = ? WHERE name = ?", (size_bytes, name))

    def adopt_pass(self, pass_id: str, sites: Sequence[str], at: datetime, *, is_open: bool) -> None:
        """Notes a pass that only its WARC file tells of, and which sites it was over."""
        with self.transaction():
            if not self._passes("WHERE pass_id = ?", (pass_id,)):
                self._insert_pass(pass_id, instant_text(at), is_open=is_open)
                if not is_open:
                    self._db.execute("UPDATE pass SET finished_at = active_at WHERE pass_id = ?", (pass_id,))
            self._db.executemany(
                "INSERT OR IGNORE INTO pass_site (site, pass, position)"
                " VALUES (?, (SELECT seq FROM pass WHERE pass_id = ?), ?)",
                [(site, pass_id, position) for position, site in enumerate(sites)],
            )

    def holds(self, record_id: str) -> bool:
        """Whether a record is catalogued."""
        return (
            self._db.execute("SELECT 1 FROM capture WHERE record_id = ?", (record_id,)).fetchone() is not None
        )

    def forget_after(self, warc: str, end: int) -> list[str]:
        """Drops the captures of a file that reach beyond ``end``: their bytes are no longer there.

        Gives back the addresses concerned; their pages point to what is left.
        """
        sql = (
            "SELECT capture.seq, page.id, page.uri, capture.length, capture.outcome IN ('new', 'changed')"
            f"{_FROM}WHERE capture.warc = (SELECT seq FROM warc WHERE name = ?)"
            ' AND capture."offset" + capture.length > ?'
        )
        with self.transaction():
            rows = self._db.execute(sql, (warc, end)).fetchall()
            for seq, page, _, length, is_text in rows:
                self._db.execute("UPDATE page SET last_capture = NULL, version = NULL WHERE id = ?", (page,))
                self.found.forget([seq])
                self._db.execute("DELETE FROM capture WHERE seq = ?", (seq,))
                self._db.execute(
                    "UPDATE page SET captures = captures - 1, versions = versions - ?,"
                    " stored_bytes = stored_bytes - ?,"
                    " last_capture = (SELECT max(seq) FROM capture WHERE page = page.id"
                    " AND origin IS NULL), version = (SELECT max(seq) FROM capture"
                    f" WHERE page = page.id AND origin IS NULL AND {_HELD}) WHERE id = ?",
                    (is_text, length, page),
                )
                if self._has_brought(page):
                    self._retell(page)
            self._db.execute("UPDATE warc SET size_bytes = min(size_bytes, ?) WHERE name = ?", (end, warc))
        return [row[2] for row in rows]

    def _warc(self, name: str, run: int) -> int:
        seq = self._warcs.get(name)
        if seq is None:
            self._db.execute(
                "INSERT OR IGNORE INTO warc (name, pass, size_bytes) VALUES (?, ?, 0)", (name, run)
            )
            seq = int(self._db.execute("SELECT seq FROM warc WHERE name = ?", (name,)).fetchone()[0])
            self._warcs[name] = seq
        return seq

    # ── robots.txt, troubles, figures ────────────────────────────────────────────────

    def robots(self, origin: str) -> tuple[datetime, str] | None:
        """When the rules of a host were fetched, and their text; None if they never were."""
        row = self._db.execute("SELECT fetched_at, body FROM robots WHERE origin = ?", (origin,)).fetchone()
        return (instant(row[0]), row[1]) if row else None

    def keep_robots(self, origin: str, at: datetime, body: str) -> None:
        """Keeps the rules of a host."""
        self._db.execute("INSERT OR REPLACE INTO robots VALUES (?, ?, ?)", (origin, instant_text(at), body))

    def begin_trouble(self, subject: str, site: str, kind: str, message: str, at: datetime) -> bool:
        """Notes a trouble, or that it goes on; True if it is a new one."""
        sql = "UPDATE trouble SET count = count + 1, message = ? WHERE subject = ? AND until_at IS NULL"
        if self._db.execute(sql, (message, subject)).rowcount:
            return False
        self._db.execute(
            "INSERT INTO trouble (subject, site, kind, message, since_at) VALUES (?, ?, ?, ?, ?)",
            (subject, site, kind, message, instant_text(at)),
        )
        return True

    def end_trouble(self, subject: str, at: datetime) -> Trouble | None:
        """Notes that a trouble is over; gives it back, or None if there was none."""
        found = self._troubles("WHERE until_at IS NULL AND subject = ?", (subject,))
        sql = "UPDATE trouble SET until_at = ? WHERE subject = ? AND until_at IS NULL"
        self._db.execute(sql, (instant_text(at), subject))
        return replace(found[0], until_at=at) if found else None

    def in_trouble(self, subject: str) -> bool:
        """Whether a host was left in trouble."""
        sql = "SELECT 1 FROM trouble WHERE subject = ? AND until_at IS NULL"
        return self._db.execute(sql, (subject,)).fetchone() is not None

    def troubles(self) -> list[Trouble]:
        """What is wrong now, hosts first; pages of a host that is in trouble are not named one by one."""
        hosts = self._troubles("WHERE until_at IS NULL ORDER BY since_at", ())
        down = tuple(trouble.subject + "/" for trouble in hosts)
        sql = (
            "SELECT page.uri, page.site, page.last_outcome, page.message, page.run_since_at, page.run,"
            " (SELECT asks FROM capture WHERE seq = page.last_capture) FROM page"
            f" WHERE page.last_outcome IN ('failed', 'suspect') AND {_IS_PAGE}"
            " ORDER BY page.run_since_at, page.id"
        )
        pages = [
            Trouble(uri, site, kind, message, instant(since), None, run)
            for uri, site, kind, message, since, run, asks in self._db.execute(sql).fetchall()
            if not down or not (asks or uri).startswith(down)
        ]
        return hosts + pages

    def past_troubles(self, since: datetime) -> list[Trouble]:
        """Troubles of hosts that ended since an instant, oldest first."""
        return self._troubles("WHERE until_at >= ? ORDER BY since_at", (instant_text(since),))

    def _troubles(self, where: str, values: Sequence[object]) -> list[Trouble]:
        sql = f"SELECT subject, site, kind, message, since_at, until_at, count FROM trouble {where}"
        return [
            Trouble(row[0], row[1], row[2], row[3], instant(row[4]), _maybe_instant(row[5]), row[6])
            for row in self._db.execute(sql, values).fetchall()
        ]

    def summary(self, site: str) -> Summary:
        """One site in figures; the growth is that of the whole store in the last 30 days of its passes."""
        held = "page.versions > 0"
        row = self._db.execute(
            f"SELECT count(*), total({held}), total(last_outcome = 'gone' AND NOT {held}),"
            f" total(last_outcome = 'gone' AND {held}), total(last_outcome = 'moved'),"
            " total(last_outcome IN ('failed', 'suspect')), total(versions), total(captures),"
            " total(stored_bytes)"
            f" FROM page WHERE site = ? AND {_IS_PAGE}",
            (site,),
        ).fetchone()
        latest = self._db.execute("SELECT max(started_at) FROM pass").fetchone()[0]
        growth = 0
        if latest:
            sql = "SELECT total(size_bytes) FROM warc JOIN pass ON pass.seq = warc.pass WHERE started_at >= ?"
            growth = self._db.execute(sql, (instant_text(instant(latest) - GROWTH_OVER),)).fetchone()[0]
        files = self._db.execute("SELECT total(size_bytes) FROM warc").fetchone()[0]
        figures = (int(value) for value in (*row, growth, files))
        which = ("versions = 0", f"{held} AND {_ASTRAY}")
        unheld, strayed = (self._outcomes(site, f"{_IS_PAGE} AND {one}") for one in which)
        return Summary(site, *figures, unheld=unheld, strayed=strayed, requisites=self._requisites(site))

    def _requisites(self, site: str) -> RequisiteFigures:
        row = self._db.execute(
            "SELECT count(*), total(versions > 0), total(versions), total(stored_bytes) FROM page"
            " WHERE site = ? AND requisite IS NOT NULL",
            (site,),
        ).fetchone()
        which = ("versions = 0", f"versions > 0 AND {_ASTRAY}")
        unheld, strayed = (self._outcomes(site, f"requisite IS NOT NULL AND {one}") for one in which)
        known, held, versions, stored = map(int, row)
        return RequisiteFigures(known, held, versions, stored, unheld, strayed)

    def _outcomes(self, site: str, which: str) -> tuple[tuple[str, int], ...]:
        sql = (
            "SELECT coalesce(last_outcome, ''), count(*) FROM page"
            f" WHERE site = ? AND {which} GROUP BY 1 ORDER BY 1"
        )
        return tuple((outcome, count) for outcome, count in self._db.execute(sql, (site,)))

    def standing(self, uri: str) -> Trouble | None:
        """How the last visits of a page ended and since when, where they brought no answer to keep.

        Refused by robots.txt, of a type that is not kept, too large, no answer; else None.
        """
        sql = (
            "SELECT uri, site, last_outcome, message, run_since_at, run FROM page"
            " WHERE uri = ? AND last_outcome IN ('failed', 'refused', 'listed')"
        )
        row = self._db.execute(sql, (uri,)).fetchone()
        if row is None:
            return None
        return Trouble(row[0], row[1], row[2], row[3], instant(row[4]), None, row[5])


def closed_files(path: Path) -> set[str]:
    """The closed WARC files that the catalog in this file names; none if it is not there or not readable.

    It may be the catalog of another store: nothing is left beside it.
    """
    log = path.with_name(path.name + "-wal")
    address = f"{path.resolve().as_uri()}?{'mode=ro' if log.exists() else 'immutable=1'}"
    try:
        with closing(_connected(address, path, _check_version)) as db:
            catalog = Catalog(db, path)
            return catalog.warcs().keys() - catalog.open_files()
    except (ArchiveError, sqlite3.Error):
        return set()  # who opens it, or verifies it, says what is wrong with it


def _read_mode(path: Path) -> str:
    """How to open a catalog for reading: where nobody can write, SQLite must not look for a log."""
    log = path.with_name(path.name + "-wal")
    still = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    return "immutable=1" if still else "mode=ro"


def _connected(
    address: str, path: Path, prepare: Callable[[sqlite3.Connection, Path], None]
) -> sqlite3.Connection:
    """A connection, prepared; closed again if that fails."""
    db = sqlite3.connect(address, uri=address.startswith("file:"), timeout=30, isolation_level=None)
    try:
        prepare(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    # The WARC file is synced before each commit and is the truth: a catalog that lost its
    # last commits in a power cut is caught up when the store is opened.
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA foreign_keys = ON")
    if db.execute("PRAGMA user_version").fetchone()[0] == 0:
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    _check_version(db, path)


def _check_version(db: sqlite3.Connection, path: Path) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    cause = f"it has version {version}, this etolwatch knows {VERSION}; "
    if version > VERSION:
        raise ArchiveError("the catalog is of another version", str(path), cause + "use the newer etolwatch")
    if version < VERSION:
        cause += "“etolwatch check” makes it again, and so does “etolwatch reindex”"
        raise OlderCatalog("the catalog is of another version", str(path), cause)


# What these say of is the disk or another process, not the catalog's own bytes.
_NO_DAMAGE = frozenset(
    (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
    )
)


def trouble_with(path: Path, error: sqlite3.Error) -> ArchiveError:
    """What SQLite met with, as an error that says what to do."""
    if _is_of_the_disk(error):
        advice = f"; {MAKE_ROOM}" if _code(error) == sqlite3.SQLITE_FULL else ""
        return ArchiveError("the catalog cannot be used", str(path), f"{error}{advice}")
    cause = f"{error}; run “etolwatch reindex”, which makes it again from the WARC files"
    return ArchiveError("the catalog cannot be read", str(path), cause)


def _code(error: sqlite3.Error) -> int:
    """What SQLite met with, without its details (sqlite.org/rescode.html)."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)) & 0xFF


def _is_of_the_disk(error: sqlite3.Error) -> bool:
    """Whether the disk or another process is what SQLite met with, and not damage."""
    return _code(error) in _NO_DAMAGE


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise trouble_with(path, error) from error


def _listed(body: str) -> list[str]:
    """Verdict and digest of a finding as it is kept; nothing if it is none."""
    try:
        finding = finding_from_dict(json.loads(body))
    except (ValueError, KeyError, TypeError):
        return []
    return [finding.verdict.value, digest_of(finding)]


def _is_news(capture: Capture, last: tuple[Any, ...]) -> bool:
    """Whether a capture is to be judged: one that repeats the answer before it is no news.

    Nor is what a page needs: it has no words that could be compared.
    """
    if capture.requisite:
        return False
    if capture.outcome in (Outcome.NEW, Outcome.CHANGED):
        return True
    if capture.outcome is Outcome.UNCHANGED:
        return False
    return last != (capture.outcome, capture.status, capture.location)


def _capture(row: Sequence[Any]) -> Capture | None:
    if row[0] is None:
        return None
    return Capture(
        record_id=row[0],
        uri=row[1],
        asks=row[2],
        site=row[3],
        captured_at=instant(row[4]),
        status=row[5],
        record_type=RecordType(row[6]),
        outcome=Outcome(row[7]),
        payload_digest=row[8],
        body_digest=row[9],
        content_type=row[10],
        etag=row[11],
        last_modified=row[12],
        location=row[13],
        warc=row[14],
        offset=row[15],
        length=row[16],
        refers_to=row[17],
        pass_id=row[18],
        size_bytes=row[19],
        origin=row[20],
        requisite=Requisite(row[21]) if row[21] else None,
    )
