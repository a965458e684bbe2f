"""The list of findings: what is asked by verdict, site, folder, date and words, and which tell the same.

Derived data, kept beside each finding as it is added. Findings that have one signature, on at
least three pages, are ``shared``: a list shows them as one row. The index of words (FTS5) holds
what was removed and what was added, folded as `collate.phrases` does it.
"""

# ruff: noqa: S608 - statements are put together from constants of this module; values are bound

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from etolwatch.collate.cluster import LEAST_PAGES, signature_of
from etolwatch.collate.phrases import folded, words_of
from etolwatch.contract import digest_of, finding_from_dict
from etolwatch.model import Finding, Verdict

# Of these a report gives the number, and no more.
COUNTED = frozenset({Verdict.FIRST_CAPTURE, Verdict.NO_TEXTUAL_CHANGE})
ABSENT = frozenset({Verdict.PAGE_GONE, Verdict.PAGE_MOVED})
AUTHORS = ("archive", "writers")  # folders in which each author has a folder
STATES = ("confirmed", "trivial", "false_alarm", "follow_up")  # as review has them, but "new"
SIDES = ("removed", "added")
DEEPEST = 4  # folders of a place that is no author's
BETWEEN = " \u00b6 "  # between two variants: a token of its own, so that no phrase runs over it
_YEAR = re.compile(r"(1[5-9]|20)\d\d")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings are asked for; what is empty or None asks for nothing.

    ``words``: of what was removed or added, in a row. ``states``: as the table attached by
    `Findings.attach` has them; "new" is what it does not have. ``counted``: also those that
    reports only count.
    """

    verdicts: tuple[Verdict, ...] = ()
    site: str | None = None
    folder: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: str = ""
    side: str = ""  # "removed", "added"; either, where it is empty
    states: tuple[str, ...] = ()
    signature: str | None = None
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """Findings that tell the same, as one row. ``latest``: the capture that was noted last of them.

    A page that was captured twice with the edit has two of the findings.
    """

    signature: str
    verdict: Verdict
    count: int
    latest: int
    pages: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many findings of a verdict there are, shared or alone, by state; none with a count of 0."""

    verdict: Verdict
    is_shared: bool
    by_state: dict[str, int]


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding with the records of its capture and of the version before, and its place in the catalog."""

    seq: int
    finding: Finding
    record_id: str
    base_id: str | None
    is_shared: bool


# ── what is derived of a finding, pure ───────────────────────────────────────────────


def is_listed(finding: Finding) -> bool:
    """Whether a report lists it: not a first capture, mere bytes, a page that never was there."""
    never_there = finding.verdict in ABSENT and finding.previous_at is None
    return finding.verdict not in COUNTED and not never_there


def author_folder(uri: str) -> str:
    """The address prefix of an author's works: “https://…/archive/pearce/”.

    The folder below one in which each author has a folder; else what stands before a year, or
    the first few folders.
    """
    parts = urlsplit(uri)
    folders = parts.path.split("/")[1:-1]
    depth = next((n for n, name in enumerate(folders) if _YEAR.match(name)), len(folders))
    depth = min(depth, DEEPEST)
    for place, name in enumerate(folders[:DEEPEST]):
        if name in AUTHORS and place + 1 < len(folders):
            depth = place + 2
    return f"{parts.scheme}://{parts.netloc}/" + "".join(f"{name}/" for name in folders[:depth])


def words_changed(finding: Finding) -> tuple[str, str]:
    """What was removed and what was added, folded to words, as it is indexed."""
    return (
        BETWEEN.join(_indexed(variant.lemma) for variant in finding.variants if variant.lemma),
        BETWEEN.join(_indexed(variant.reading) for variant in finding.variants if variant.reading),
    )


def _indexed(text: str) -> str:
    return folded(text).encode("utf-8", "replace").decode("utf-8")


def _instant_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Findings:
    """The tables of the findings, on the connection of the catalog."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._pages: tuple[str, str] = "", ""  # the last part of an address asked for, and its pages

    # ── writing, inside the transaction of the caller ────────────────────────────────

    def keep(self, seq: int, base: int | None, finding: Finding, body: str) -> None:
        """Keeps the finding on a capture, with all that is derived of it; an earlier one is replaced."""
        self.forget([seq])
        signature = signature_of(finding)
        self._db.execute(
            "INSERT INTO finding (capture, base, page, pass, captured_at, verdict, normaliser, folder,"
            " signature, digest, is_listed, body)"
            " SELECT seq, ?, page, pass, captured_at, ?, ?, ?, ?, ?, ?, ? FROM capture WHERE seq = ?",
            (
                base,
                finding.verdict,
                finding.normaliser,
                self._folder(seq, finding.uri),
                signature,
                digest_of(finding),
                is_listed(finding),
                body,
                seq,
            ),
        )
        sql = "INSERT INTO finding_words (rowid, removed, added) VALUES (?, ?, ?)"
        self._db.execute(sql, (seq, *words_changed(finding)))
        self._share(signature)

    def forget(self, seqs: Iterable[int]) -> None:
        """Drops the findings on these captures; those that told the same may stand alone again."""
        for seq in seqs:
            sql = "SELECT body, signature FROM finding WHERE capture = ?"
            row = self._db.execute(sql, (seq,)).fetchone()
            if row is None:
                continue
            words = words_changed(finding_from_dict(json.loads(row[0])))
            self._db.execute(
                "INSERT INTO finding_words (finding_words, rowid, removed, added) VALUES ('delete', ?, ?, ?)",
                (seq, *words),
            )
            self._db.execute("DELETE FROM finding WHERE capture = ?", (seq,))
            self._share(row[1])

    def _folder(self, seq: int, uri: str) -> int:
        (site,) = self._db.execute("SELECT site FROM capture WHERE seq = ?", (seq,)).fetchone()
        key = (site, author_folder(uri))
        self._db.execute("INSERT OR IGNORE INTO folder (site, prefix) VALUES (?, ?)", key)
        row = self._db.execute("SELECT id FROM folder WHERE site = ? AND prefix = ?", key).fetchone()
        return int(row[0])

    def _share(self, signature: str | None) -> None:
        """Notes whether findings of this signature are on enough pages to stand as one row."""
        if signature is None:
            return
        pages = "SELECT DISTINCT page FROM finding WHERE signature = ? AND is_listed LIMIT ?"
        sql = f"SELECT count(*) FROM ({pages})"
        (count,) = self._db.execute(sql, (signature, LEAST_PAGES)).fetchone()
        is_shared = count >= LEAST_PAGES
        sql = "UPDATE finding SET is_shared = ? WHERE signature = ? AND is_listed = 1 AND is_shared = ?"
        self._db.execute(sql, (is_shared, signature, not is_shared))

    # ── asking ───────────────────────────────────────────────────────────────────────

    def attach(self, path: Path) -> None:
        """Makes the states of findings known to `Wanted`: a database that `stand` has filled."""
        self._db.execute("ATTACH DATABASE ? AS standing", (str(path),))

    def stand(self, path: Path, attach: Callable[[sqlite3.Connection], object]) -> None:
        """Writes into a new database which finding has which state, by what people judged.

        ``attach`` attaches, as ``review``, the tables ``state`` (uri, captured_at, digest, state) and
        ``rule`` (signature, state). What was said of a finding goes before a rule.
        """
        attach(self._db)
        self._db.execute("ATTACH DATABASE ? AS made", (str(path),))
        try:
            self._db.execute("PRAGMA made.journal_mode = OFF")
            self._db.execute("PRAGMA made.synchronous = OFF")
            self._db.execute("BEGIN")
            # with what lists ask for, so that counting those judged need not look at the findings again
            self._db.execute(
                "CREATE TABLE made.state (capture INTEGER PRIMARY KEY, state TEXT NOT NULL, verdict TEXT,"
                " is_listed INTEGER, is_shared INTEGER, captured_at TEXT, folder INTEGER, signature TEXT,"
                " page INTEGER)"
            )
            listed = ", ".join(f"finding.{name}" for name in _LISTED)
            self._db.execute(
                f"INSERT INTO made.state SELECT finding.capture, said.state, {listed} FROM review.state said"
                " CROSS JOIN page ON page.uri = said.uri CROSS JOIN finding ON finding.page = page.id"
                " AND finding.captured_at = said.captured_at AND finding.digest = said.digest"
            )
            self._db.execute(
                f"INSERT OR IGNORE INTO made.state SELECT finding.capture, rule.state, {listed}"
                " FROM review.rule rule CROSS JOIN finding ON finding.signature = rule.signature"
            )
            self._db.execute("DELETE FROM made.state WHERE state = 'new'")
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._db.execute("DETACH DATABASE made")
            self._db.execute("DETACH DATABASE review")

    def states(self, seqs: Sequence[int]) -> dict[int, str]:
        """The states of the findings on these captures, those that are new left out."""
        sql = "SELECT capture, state FROM standing.state WHERE capture IN (SELECT value FROM json_each(?))"
        return dict(self._db.execute(sql, (json.dumps(list(seqs)),)).fetchall())

    def on(self, uri: str, at: datetime) -> Placed | None:
        """The finding on the capture of a page made at this very instant, the last if there are several."""
        sql = (
            f"{_PLACED} WHERE finding.page = (SELECT id FROM page WHERE uri = ?)"
            " AND finding.captured_at = ? ORDER BY finding.capture DESC LIMIT 1"
        )
        return _placed(self._db.execute(sql, (uri, _instant_text(at))).fetchone())

    def captured_in_second(self, uri: str, at: datetime) -> int:
        """How many captures of a page were made in the second of this instant."""
        sql = (
            "SELECT count(*) FROM capture WHERE page = (SELECT id FROM page WHERE uri = ?)"
            " AND captured_at BETWEEN ? AND ?"
        )
        second = at.replace(microsecond=0), at.replace(microsecond=999_999)
        return int(self._db.execute(sql, (uri, *map(_instant_text, second))).fetchone()[0])

    def at(self, seq: int) -> Placed | None:
        """The finding on this capture."""
        return _placed(self._db.execute(f"{_PLACED} WHERE finding.capture = ?", (seq,)).fetchone())

    def tally(self, wanted: Wanted) -> list[Tally]:
        """How many findings are wanted, in whatever state: by verdict, whether they are shared, and state."""
        where, values = self._where(replace(wanted, states=()))
        group = f"WHERE {where} GROUP BY verdict, is_shared"
        found: dict[tuple[str, bool], dict[str, int]] = {}
        sql = f"SELECT verdict, is_shared, count(*) FROM {_source(wanted)} {group}"
        for verdict, is_shared, count in self._db.execute(sql, values):
            found[verdict, bool(is_shared)] = {"new": count}
        sql = f"SELECT verdict, is_shared, state, count(*) FROM standing.state {group}, state"
        for verdict, is_shared, state, count in self._db.execute(sql, values):
            by_state = found[verdict, bool(is_shared)]
            by_state[state] = count
            by_state["new"] -= count
        return [
            Tally(Verdict(verdict), is_shared, {state: count for state, count in by_state.items() if count})
            for (verdict, is_shared), by_state in found.items()
        ]

    def shared(self, wanted: Wanted) -> list[Shared]:
        """The rows of findings that tell the same, those of most findings first."""
        where, values = self._where(wanted)
        sql = (
            "SELECT signature, verdict, count(*), max(capture), count(DISTINCT page)"
            " FROM finding INDEXED BY finding_shared"
            f" WHERE is_shared = 1 AND {where} GROUP BY signature, verdict"
            " ORDER BY count(*) DESC, signature"
        )
        rows = self._db.execute(sql, values)
        return [Shared(signature, Verdict(name), *numbers) for signature, name, *numbers in rows]

    def judged(self, wanted: Wanted, signatures: Sequence[str]) -> dict[tuple[str, Verdict], dict[str, int]]:
        """How many of the wanted findings that are shared were judged: by signature and verdict, by state."""
        where, values = self._where(replace(wanted, states=()))
        sql = (
            f"SELECT signature, verdict, state, count(*) FROM standing.state WHERE is_shared = 1 AND {where}"
            " AND signature IN (SELECT value FROM json_each(?)) GROUP BY signature, verdict, state"
        )
        found: dict[tuple[str, Verdict], dict[str, int]] = {}
        for signature, verdict, state, count in self._db.execute(sql, (*values, json.dumps(signatures))):
            found.setdefault((signature, Verdict(verdict)), {})[state] = count
        return found

    def pages(self, wanted: Wanted) -> int:
        """On how many pages the wanted findings are."""
        where, values = self._where(wanted)
        sql = f"SELECT count(DISTINCT page) FROM {_source(wanted)} WHERE {where}"
        return int(self._db.execute(sql, values).fetchone()[0])

    def alone(self, wanted: Wanted, verdict: Verdict, offset: int, limit: int) -> list[int]:
        """The captures of findings of one verdict that stand alone, latest first."""
        where, values = self._where(wanted)
        sql = (
            f"SELECT capture FROM finding WHERE verdict = ? AND is_shared = 0 AND {where}"
            " ORDER BY captured_at DESC, capture DESC LIMIT ? OFFSET ?"
        )
        return [seq for (seq,) in self._db.execute(sql, (verdict, *values, limit, offset))]

    def members(self, wanted: Wanted, offset: int, limit: int) -> list[int]:
        """The captures of all findings wanted, by the address of their page."""
        where, values = self._where(wanted)
        sql = (
            f"SELECT capture FROM {_source(wanted)} WHERE {where}"
            " ORDER BY (SELECT uri FROM page WHERE id = finding.page), captured_at LIMIT ? OFFSET ?"
        )
        return [seq for (seq,) in self._db.execute(sql, (*values, limit, offset))]

    def next_new(self, placed: Placed, verdicts: Sequence[Verdict], *, back: bool = False) -> int | None:
        """The capture of the next finding that nobody judged, as a list in this order of verdicts has it.

        In each verdict those that are shared come first, then the latest. ``back``: the one before.
        """
        order = [(verdict, is_shared) for verdict in verdicts for is_shared in (True, False)]
        own = (placed.finding.verdict, placed.is_shared)
        if back:
            order.reverse()
        start = order.index(own) if own in order else 0
        beyond = (_instant_text(placed.finding.captured_at or datetime.max.replace(tzinfo=UTC)), placed.seq)
        sign, way = (">", "") if back else ("<", "DESC")
        sql = (
            "SELECT capture FROM finding WHERE is_listed = 1 AND verdict = ? AND is_shared = ?"
            f" AND (? OR (captured_at, capture) {sign} (?, ?))"
            " AND NOT EXISTS (SELECT 1 FROM standing.state WHERE state.capture = finding.capture)"
            f" ORDER BY captured_at {way}, capture {way} LIMIT 1"
        )
        for group in order[start:]:
            row = self._db.execute(sql, (*group, group != own, *beyond)).fetchone()
            if row:
                return int(row[0])
        return None

    def told(self, seqs: Sequence[int]) -> dict[int, Finding]:
        """The findings on these captures."""
        sql = "SELECT capture, body FROM finding WHERE capture IN (SELECT value FROM json_each(?))"
        rows = self._db.execute(sql, (json.dumps(list(seqs)),))
        return {seq: finding_from_dict(json.loads(body)) for seq, body in rows}

    def months(self) -> list[tuple[str, str, Verdict, int]]:
        """How many listed findings there are by site, month ("2026-11") and verdict, in this order."""
        sql = (
            "SELECT site, month, verdict, sum(count) FROM folder JOIN ("
            " SELECT folder, substr(captured_at, 1, 7) AS month, verdict, count(*) AS count FROM finding"
            " WHERE is_listed = 1 GROUP BY folder, month, verdict) ON folder = folder.id"
            " GROUP BY site, month, verdict ORDER BY site, month, verdict"
        )
        return [(site, month, Verdict(verdict), n) for site, month, verdict, n in self._db.execute(sql)]

    def folders(self) -> list[tuple[str, str]]:
        """The sites and author folders of all findings, in order."""
        return list(self._db.execute("SELECT site, prefix FROM folder ORDER BY site, prefix"))

    # ── conditions ───────────────────────────────────────────────────────────────────

    def _where(self, wanted: Wanted) -> tuple[str, list[object]]:
        """The condition on rows of ``finding``, and the values bound in it."""
        tests = _tests(wanted)
        if wanted.words:
            tests.append(self._worded(wanted.words, wanted.side))
        tests = tests or [("1", ())]
        return " AND ".join(test for test, _ in tests), [value for _, values in tests for value in values]

    def _worded(self, words: str, side: str) -> Test:
        """Findings that removed or added these words in a row, or on pages whose addresses have them."""
        tests: list[str] = []
        values: list[object] = []
        if row := words_of(words):
            phrase = f'"{" ".join(row)}"'
            tests.append("capture IN (SELECT rowid FROM finding_words WHERE finding_words MATCH ?)")
            values.append(f"{side}: {phrase}" if side in SIDES else phrase)
        if not side and " " not in words.strip():
            tests.append("page IN (SELECT value FROM json_each(?))")
            values.append(self._pages_with(words.strip()))
        return f"({' OR '.join(tests) or '0'})", values

    def _pages_with(self, part: str) -> str:
        """The ids of pages whose addresses have this part, as JSON; looked for once for several questions."""
        if self._pages[0] != part:
            sql = r"SELECT json_group_array(id) FROM page WHERE uri LIKE ? ESCAPE '\'"
            pattern = "".join(rf"\{sign}" if sign in ("%", "_", "\\") else sign for sign in part)
            self._pages = part, self._db.execute(sql, (f"%{pattern}%",)).fetchone()[0]
        return self._pages[1]


Test = tuple[str, Sequence[object]]
_LISTED = ("verdict", "is_listed", "is_shared", "captured_at", "folder", "signature", "page")
_PLACED = (
    "SELECT finding.capture, finding.body, capture.record_id, base.record_id, finding.is_shared FROM finding"
    " JOIN capture ON capture.seq = finding.capture LEFT JOIN capture base ON base.seq = finding.base"
)


def _placed(row: Sequence[Any] | None) -> Placed | None:
    if row is None:
        return None
    return Placed(row[0], finding_from_dict(json.loads(row[1])), row[2], row[3], bool(row[4]))


def _source(wanted: Wanted) -> str:
    """The table to read; by its signatures where these are few, which SQLite cannot know."""
    return "finding" if wanted.signature is None else "finding INDEXED BY finding_signature"


def _tests(wanted: Wanted) -> list[Test]:
    """What is asked of each row of ``finding``, but for words: conditions, and the values bound in them."""
    tests: list[Test] = []
    if not wanted.counted:
        tests.append(("is_listed = 1", ()))
    if wanted.verdicts:
        tests.append((f"verdict IN ({', '.join('?' * len(wanted.verdicts))})", wanted.verdicts))
    if wanted.site is not None or wanted.folder is not None:
        place = "folder IN (SELECT id FROM folder WHERE coalesce(site = ?, 1) AND coalesce(prefix = ?, 1))"
        tests.append((place, (wanted.site, wanted.folder)))
    if wanted.since is not None:
        tests.append(("captured_at >= ?", (_instant_text(wanted.since),)))
    if wanted.until is not None:
        tests.append(("captured_at <= ?", (_instant_text(wanted.until),)))
    if wanted.signature is not None:
        tests.append(("signature = ?", (wanted.signature,)))
    if wanted.states:
        tests.append(_stated(wanted.states))
    return tests


def _stated(states: Sequence[str]) -> Test:
    """Findings in one of these states; "new" is what nobody judged, and by far the most."""
    said = "EXISTS (SELECT 1 FROM standing.state said WHERE said.capture = finding.capture"
    if tuple(states) == ("new",):
        return f"NOT {said})", ()
    state = "coalesce((SELECT state FROM standing.state said WHERE said.capture = finding.capture), 'new')"
    return f"{state} IN ({', '.join('?' * len(states))})", states
