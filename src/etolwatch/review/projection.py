"""The journal as SQLite: how everything stands, so that lists of findings can be filtered by it.

Derived: it follows the journal when it is asked, whoever added to that, and is made again where it is
lost, damaged or of another journal. Attached to a connection of the catalog it joins so:

    LEFT JOIN review.state s
        ON s.uri = page.uri AND s.captured_at = finding.captured_at AND s.digest = finding.digest
    LEFT JOIN review.rule r ON r.signature = finding.signature
    … coalesce(s.state, r.state, 'new')

with ``finding.digest`` as `contract.digest_of` and ``finding.signature`` as `cluster.signature_of` make them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from etolwatch.archive import lines
from etolwatch.archive.catalog import instant_text
from etolwatch.archive.lines import REVIEW, Line
from etolwatch.errors import ArchiveError, UsageError
from etolwatch.model import Finding
from etolwatch.review.identity import signature_of, target_of
from etolwatch.review.journal import judgement_in, understood
from etolwatch.review.judgement import FindingTarget, Judgement, RuleTarget
from etolwatch.review.standing import Standing, latest, prevailing, taken_back, told

NAME = "review.sqlite3"
VERSION = 2  # kept in user_version
_AT_ONCE = 1 << 22  # bytes of the journal
# What SQLite says where the file may be good and the disk is not (sqlite.org/rescode.html).
_UNWRITTEN = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_PRIMARY = 0xFF  # of an extended result code
_TAIL = 4096  # bytes before the place up to which the journal was read, by which it is known again

SCHEMA = """
CREATE TABLE followed (place INTEGER NOT NULL, mark TEXT NOT NULL) STRICT;
CREATE TABLE fault (place INTEGER PRIMARY KEY, what TEXT NOT NULL) STRICT;  -- lines that count for nothing
CREATE TABLE judgement (
    seq INTEGER PRIMARY KEY,             -- the order of the journal
    id TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    undoes TEXT,
    after TEXT,                          -- what the same reviewer had judged last
    is_undone INTEGER NOT NULL DEFAULT 0,
    line BLOB NOT NULL
) STRICT;
CREATE INDEX judgement_at ON judgement (at, id);
CREATE INDEX judgement_by ON judgement (reviewer, at);
CREATE INDEX judgement_after ON judgement (after) WHERE after IS NOT NULL;
CREATE INDEX judgement_undone ON judgement (id) WHERE is_undone = 1;
CREATE INDEX judgement_undoes ON judgement (undoes) WHERE undoes IS NOT NULL;
CREATE TABLE target (                    -- which findings a judgement names
    uri TEXT NOT NULL,
    captured_at TEXT NOT NULL,
    digest TEXT NOT NULL,
    judgement INTEGER NOT NULL,
    PRIMARY KEY (uri, captured_at, digest, judgement)
) STRICT, WITHOUT ROWID;
CREATE INDEX target_judgement ON target (judgement);
CREATE TABLE ruling (                    -- which signature a judgement rules
    signature TEXT NOT NULL,
    judgement INTEGER NOT NULL,
    PRIMARY KEY (signature, judgement)
) STRICT, WITHOUT ROWID;
CREATE INDEX ruling_judgement ON ruling (judgement);
CREATE TABLE state (                     -- what prevails on a finding
    uri TEXT NOT NULL,
    captured_at TEXT NOT NULL,           -- as the catalog writes it
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    reasons TEXT NOT NULL,               -- names with spaces between
    note TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    at TEXT NOT NULL,
    judgement TEXT NOT NULL,             -- its id
    PRIMARY KEY (uri, captured_at, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX state_state ON state (state);
CREATE TABLE rule (                      -- what prevails for a signature
    signature TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    reasons TEXT NOT NULL,
    note TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    at TEXT NOT NULL,
    judgement TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""
_TABLES = ("followed", "fault", "judgement", "target", "ruling", "state", "rule")
_SAID = "undoes IS NULL"
_HELD = f"{_SAID} AND is_undone = 0"
_Key = tuple[str, str, str]  # uri, captured_at, digest


@dataclass(frozen=True, slots=True)
class Noted:
    """A judgement, and whether it is taken back."""

    judgement: Judgement
    is_undone: bool


class _Damaged(ArchiveError):
    """The file cannot be read in some place."""


class Projection:
    """How things stand, for one thread. Close it, or use it in a with.

    Where nothing can be written, be it that the disk is full, it is made in a temporary folder, and
    what lies there is left as it is.
    """

    def __init__(self, folder: Path) -> None:
        self.journal = folder / REVIEW
        self._place: TemporaryDirectory[str] | None = None
        self._read: dict[int, Judgement] = {}  # lines while they are worked on
        self.path = folder / NAME
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            self._move()
        self._db = self._opened()
        try:
            self.follow()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()
        if self._place:
            self._place.cleanup()

    # ── following the journal ────────────────────────────────────────────────────────

    def follow(self) -> None:
        """Takes over what the journal has beyond what is known. Raises ArchiveError."""
        try:
            self._follow()
        except (sqlite3.DatabaseError, _Damaged) as error:
            self._refuse_if_busy(error)
            self._db.close()
            self._clear_away(error)
            self._db = self._opened()
            self._follow()

    def _follow(self) -> None:
        place = self._known()
        if place is not None and place == _size(self.journal):
            return
        with self._transaction():
            place = self._known()  # another process may have been quicker
            if place is None:
                self._clear()
            self._read_from(place or 0)

    def _clear(self) -> None:
        for table in _TABLES:
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant

    def _read_from(self, place: int) -> None:
        end, most = place, _AT_ONCE
        while True:
            begin = end
            found, end = lines.read(self.journal, begin, most)
            if end <= begin:
                break
            if most > 0 and self._contradicts(
                found
            ):  # then all at once, so that the same line counts as ever
                self._clear()
                end, most = 0, -1
                continue
            self._stand(self._add(found))
            self._read.clear()
        self._db.execute("DELETE FROM followed")
        self._db.execute("INSERT INTO followed VALUES (?, ?)", (end, _mark(self.journal, end)))

    def _known(self) -> int | None:
        """How far this journal was read; None if this is another one, or nothing was read."""
        row = self._db.execute("SELECT place, mark FROM followed").fetchone()
        if row is None or _mark(self.journal, row[0]) != row[1]:
            return None
        return int(row[0])

    def _contradicts(self, found: Iterable[Line]) -> bool:
        """Whether one of these lines has the id of a line that is known, and says something else."""
        sql = "SELECT 1 FROM judgement WHERE id = ? AND line <> ?"
        return any(self._db.execute(sql, (line.id, line.raw)).fetchone() for line in found if line.id)

    def _add(self, found: Sequence[Line]) -> list[tuple[int, Judgement]]:
        added = []
        faulty = [(line.offset, line.fault) for line in found if line.fault]
        self._db.executemany("INSERT INTO fault VALUES (?, ?)", faulty)
        names = "id, at, reviewer, undoes, after, line"
        insert = f"INSERT OR IGNORE INTO judgement ({names}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608
        for judgement, line in understood(found):
            at, by = instant_text(judgement.at), judgement.reviewer
            values = (judgement.id, at, by, judgement.undoes, judgement.after, line.raw)
            cursor = self._db.execute(insert, values)
            if cursor.rowcount:
                added.append((int(cursor.lastrowid or 0), judgement))
        self._read.update(added)
        targets = [(*_key(target), seq) for seq, judgement in added for target in judgement.findings]
        self._db.executemany("INSERT OR IGNORE INTO target VALUES (?, ?, ?, ?)", targets)
        rulings = [
            (judgement.target.signature, seq)
            for seq, judgement in added
            if isinstance(judgement.target, RuleTarget)
        ]
        self._db.executemany("INSERT INTO ruling VALUES (?, ?)", rulings)
        return added

    def _stand(self, added: Sequence[tuple[int, Judgement]]) -> None:
        """Works out anew what prevails wherever these judgements bear on it."""
        touched = {seq for seq, _ in added} | self._retell_undone(added)
        keys: set[_Key] = set()
        signatures: set[str] = set()
        for seq in touched:
            sql = "SELECT uri, captured_at, digest FROM target WHERE judgement = ?"
            keys.update(self._db.execute(sql, (seq,)))
            sql = "SELECT signature FROM ruling WHERE judgement = ?"
            signatures.update(row[0] for row in self._db.execute(sql, (seq,)))
        for key in keys:
            self._put("state", ("uri", "captured_at", "digest"), key, self._on(key))
        for signature in signatures:
            self._put("rule", ("signature",), (signature,), self._ruling(signature))

    def _retell_undone(self, added: Sequence[tuple[int, Judgement]]) -> set[int]:
        """Notes what is taken back now and was not, or the other way round; gives it back."""
        aims = "SELECT 1 FROM judgement WHERE undoes = ?"
        bears = any(one.undoes or self._db.execute(aims, (one.id,)).fetchone() for _, one in added)
        if not bears:
            return set()
        gone = taken_back(dict(self._db.execute("SELECT id, undoes FROM judgement WHERE undoes IS NOT NULL")))
        before = {row[0] for row in self._db.execute("SELECT id FROM judgement WHERE is_undone = 1")}
        changed: set[int] = set()
        for name in gone ^ before:
            sql = "UPDATE judgement SET is_undone = ? WHERE id = ? RETURNING seq"
            changed.update(row[0] for row in self._db.execute(sql, (name in gone, name)).fetchall())
        return changed

    def _put(self, table: str, names: Sequence[str], key: Sequence[str], noted: Sequence[Noted]) -> None:
        gone = {one.judgement.id for one in noted if one.is_undone}
        found = prevailing([one.judgement for one in noted], gone)
        if found is None:
            where = " AND ".join(f"{name} = ?" for name in names)
            self._db.execute(f"DELETE FROM {table} WHERE {where}", key)  # noqa: S608 - constants
            return
        reasons = " ".join(found.reasons)
        values = (found.state, reasons, found.note, found.reviewer, instant_text(found.at), found.id)
        marks = ", ".join("?" * (len(key) + len(values)))
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", (*key, *values))  # noqa: S608

    # ── asking ───────────────────────────────────────────────────────────────────────

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows. Raises ArchiveError where the file is damaged in a place that nothing else reads."""
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            cause = f"{error}; delete it: it is made again from the journal"
            raise _Damaged("cannot be read", str(self.path), cause) from error

    def attach(self, connection: sqlite3.Connection, name: str = "review") -> None:
        """Makes the tables known to another connection under this name, for reading."""
        connection.execute(f"ATTACH DATABASE ? AS {name}", (str(self.path),))

    def standing(self, finding: Finding) -> Standing:
        """How this finding stands. Raises UsageError for one without a capture."""
        target = target_of(finding)
        key = _key(target)
        sql = "SELECT judgement, digest FROM state WHERE uri = ? AND captured_at = ?"
        found = {digest: name for name, digest in self._rows(sql, key[:2])}
        by_hand = found.pop(target.digest, None)
        sql = "SELECT judgement FROM rule WHERE signature = ?"
        rule = self._rows(sql, (signature_of(finding),))
        return told(
            self.judgement(by_hand) if by_hand else None,
            self.judgement(rule[0][0]) if rule else None,
            [self.judgement(name) for name in found.values()],
        )

    def faults(self) -> list[tuple[int, str]]:
        """The damaged lines of the journal, which count for nothing: the byte of each, and what is wrong."""
        return [(int(place), str(what)) for place, what in self._rows("SELECT * FROM fault ORDER BY place")]

    def is_open(self, finding: Finding) -> bool:
        """Whether nobody has judged the finding by name as it is now; a rule may have."""
        sql = "SELECT 1 FROM state WHERE uri = ? AND captured_at = ? AND digest = ?"
        return not self._rows(sql, _key(target_of(finding)))

    def judgement(self, name: str) -> Judgement:
        """The judgement of this id. Raises UsageError."""
        return self.noted(name).judgement

    def noted(self, name: str) -> Noted:
        """The judgement of this id, or of the one id that begins so, with or without “urn:uuid:”.

        Raises UsageError if there is none, or several.
        """
        beginning = "urn:uuid:" + name.lower().removeprefix("urn:uuid:")
        if beginning == "urn:uuid:":
            raise UsageError("no judgement is named", repr(name), "give an id, or the beginning of one")
        found = self._noted("WHERE id = ?", (name,))
        if not found:
            sql = "WHERE id >= ? AND id < ? ORDER BY id LIMIT 2"
            found = self._noted(sql, (beginning, beginning + "g"))
        if len(found) == 1:
            return found[0]
        how_many = "several judgements have" if found else "no judgement has"
        raise UsageError(f"{how_many} an id that begins so", name, "see “etolwatch review log”")

    def last_of(self, reviewer: str) -> list[Judgement]:
        """What a person did last and has not taken back: what was said at one stroke, undos apart.

        That is the latest by time, unless others of theirs are known to have been made after it. So
        neither a clock that was set back nor a merge, which adds older lines later, makes it another.
        """
        last = self._latest_of(reviewer, _HELD)
        if last is None:
            return []
        stroke = "reviewer = ? AND at = (SELECT at FROM judgement WHERE id = ?) ORDER BY seq"
        return [one.judgement for one in self._noted(f"WHERE {_HELD} AND {stroke}", (reviewer, last))]

    def latest_of(self, reviewer: str) -> str | None:
        """The id of what a person judged last, be it taken back."""
        return self._latest_of(reviewer, _SAID)

    def _latest_of(self, reviewer: str, which: str) -> str | None:
        sql = f"SELECT id FROM judgement WHERE {which} AND reviewer = ? ORDER BY at DESC, id DESC LIMIT 1"  # noqa: S608
        rows = self._rows(sql, (reviewer,))
        last = rows[0][0] if rows else None
        seen, waiting = {last}, deque([last])
        while waiting:  # a ring, which only a forger makes, ends, too
            sql = f"SELECT id, {which} FROM judgement WHERE after = ? AND reviewer = ? ORDER BY at, id"  # noqa: S608
            for name, counts in self._rows(sql, (waiting.popleft(), reviewer)):
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
                    last = name if counts else last
        return last

    def on_page(self, uri: str) -> list[Noted]:
        """What was said of the findings of a page by name, in the order of time."""
        return self._noted(
            "WHERE seq IN (SELECT judgement FROM target WHERE uri = ?) ORDER BY at, id", (uri,)
        )

    def on(self, target: FindingTarget) -> list[Noted]:
        """What was said of a finding by name, also while it said something else, in the order of time."""
        which = "SELECT judgement FROM target WHERE uri = ? AND captured_at = ?"
        return self._noted(f"WHERE seq IN ({which}) ORDER BY at, id", _key(target)[:2])

    def rules(self, *, standing: bool = True) -> list[Noted]:
        """The rules, in the order of time: those that hold, or all that were ever made."""
        held = "WHERE id IN (SELECT judgement FROM rule)"
        every = "WHERE seq IN (SELECT judgement FROM ruling)"
        return self._noted((held if standing else every) + " ORDER BY at, id", ())

    def log(self, limit: int = -1, skip: int = 0) -> list[Noted]:
        """What was said, the latest first by time."""
        return self._noted("ORDER BY at DESC, id DESC LIMIT ? OFFSET ?", (limit, skip))

    def follows(self, targets: Iterable[FindingTarget], signature: str | None = None) -> tuple[str, ...]:
        """The ids that a new judgement on these findings, or on this signature, follows."""
        found: set[str] = set()
        for target in targets:
            found.update(latest([one.judgement for one in self._on(_key(target))]))
        if signature is not None:
            found.update(latest([one.judgement for one in self._ruling(signature)]))
        self._read.clear()
        return tuple(sorted(found))

    def counts(self) -> dict[str, int]:
        """How many judgements prevail on findings by name, by state."""
        return dict(self._rows("SELECT state, count(*) FROM state GROUP BY state"))

    def _on(self, key: _Key) -> list[Noted]:
        which = "SELECT judgement FROM target WHERE uri = ? AND captured_at = ? AND digest = ?"
        return self._named(which, key)

    def _ruling(self, signature: str) -> list[Noted]:
        return self._named("SELECT judgement FROM ruling WHERE signature = ?", (signature,))

    def _named(self, which: str, values: Sequence[object]) -> list[Noted]:
        """The judgements that a query names, each line read once: that of a cluster names thousands."""
        rows = self._rows(f"SELECT seq, is_undone FROM judgement WHERE seq IN ({which})", values)  # noqa: S608
        for seq, _ in rows:
            if seq not in self._read:
                [(line,)] = self._rows("SELECT line FROM judgement WHERE seq = ?", (seq,))
                self._read[seq] = _judgement(line)
        return [Noted(self._read[seq], bool(gone)) for seq, gone in rows]

    def _noted(self, where: str, values: Sequence[object]) -> list[Noted]:
        rows = self._rows(f"SELECT line, is_undone FROM judgement {where}", values)  # noqa: S608
        return [Noted(_judgement(line), bool(gone)) for line, gone in rows]

    # ── the file ─────────────────────────────────────────────────────────────────────

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connected()
        except sqlite3.DatabaseError as error:
            self._refuse_if_busy(error)
            self._clear_away(error)
        try:
            return self._connected()
        except sqlite3.DatabaseError as error:
            raise ArchiveError("cannot be made", str(self.path), str(error)) from error

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = OFF")  # what a power cut damages is made again
            with _immediate(db):
                if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                    _drop_all(db)
                    for statement in SCHEMA.split(";"):
                        db.execute(statement)
                    db.execute(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            db.close()
            raise
        return db

    def _transaction(self) -> contextlib.AbstractContextManager[None]:
        return _immediate(self._db)

    def _refuse_if_busy(self, error: Exception) -> None:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            raise ArchiveError("another process keeps it busy", str(self.path), str(error)) from error

    def _clear_away(self, error: Exception) -> None:
        """Makes room for a new file: elsewhere, if this one could not be written; else it is damaged."""
        if self._place is None and getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _UNWRITTEN:
            self._move()
            return
        for ending in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)

    def _move(self) -> None:
        self._place = TemporaryDirectory(prefix="etolwatch-")
        self.path = Path(self._place.name) / NAME


@contextmanager
def _immediate(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _drop_all(db: sqlite3.Connection) -> None:
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in names:
        db.execute(f'DROP TABLE "{name}"')


def _judgement(raw: bytes) -> Judgement:
    judgement = judgement_in(lines.parse(raw))
    if judgement is None:  # it was one when it was taken over
        raise sqlite3.DatabaseError("a judgement is damaged")
    return judgement


def _key(target: FindingTarget) -> _Key:
    return target.uri, instant_text(target.captured_at), target.digest


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _mark(path: Path, end: int) -> str:
    """What is known of a journal that was read up to this byte: a digest of the last ones."""
    try:
        with path.open("rb") as file:
            start = max(end - _TAIL, 0)
            file.seek(start)
            data = file.read(end - start)
    except FileNotFoundError:
        data = b""
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"
