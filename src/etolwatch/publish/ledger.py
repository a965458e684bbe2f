"""What was told, and with what: kept beside the catalog, so that nothing found later tells it anew.

What a finding is told with (the other pages that have the edit) is known when its pass is over and
judged. Later a damaged record may be mended, an older copy brought in, a rule changed; then there are
findings more or fewer, or other ones, and whoever worked it out again would give other names to what
people have read. So it is written down, once. What becomes known later is a batch of its own, after all that
was told before it.

No WARC file tells it, and no reindex touches it. Where it is lost it is made again from the catalog, as
if all of that were told now: findings keep their names, and so do shared edits that have the same words.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from etolwatch.archive.catalog import Catalog
from etolwatch.archive.findings import is_listed
from etolwatch.contract import instant_to_text
from etolwatch.errors import ArchiveError
from etolwatch.model import Finding, Pass

FILE = "told.sqlite3"
VERSION = 1
BUSY_S = 30
SCHEMA = """
CREATE TABLE batch (
    seq INTEGER PRIMARY KEY,             -- the order in which they were told
    name TEXT NOT NULL UNIQUE,           -- the id of the pass; with ".2" and so on, if it was told before
    pass_id TEXT NOT NULL,
    is_news INTEGER NOT NULL             -- 0: of the past, as others captured it
) STRICT;
CREATE TABLE told (
    uri TEXT NOT NULL,
    captured_at TEXT NOT NULL,
    batch INTEGER NOT NULL REFERENCES batch (seq),
    site TEXT NOT NULL,
    edit TEXT,                           -- the signature of the edit that it shares with others of its batch
    PRIMARY KEY (uri, captured_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX told_batch ON told (batch);
CREATE TABLE settled (
    pass_id TEXT PRIMARY KEY             -- all that it found is told
) STRICT, WITHOUT ROWID;
"""

Key = tuple[str, str]  # what names a finding: the address, and the instant of its capture
Shares = Callable[[Iterable[Finding]], dict[Key, str]]  # which of a batch's findings share an edit, and which


def key_of(finding: Finding) -> Key:
    """What names a finding, whoever judges it."""
    return finding.uri, instant_to_text(finding.captured_at) or ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was told at once of one pass."""

    name: str
    pass_id: str
    is_news: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding that was told. ``edit``: the signature of what it was told to share with others."""

    uri: str
    captured_at: str
    site: str
    edit: str | None

    @property
    def key(self) -> Key:
        """What names it."""
        return self.uri, self.captured_at


class Ledger:
    """What was told from one store. A context manager. Raises ArchiveError where it cannot be used."""

    def __init__(self, path: Path | None) -> None:
        """The ledger in this file, made if it is not there; without a file, one that is soon forgotten."""
        self.path = path
        with self._named():
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=BUSY_S)
            self._prepare()

    @classmethod
    def of(cls, catalog: Catalog, shares: Shares) -> Ledger:
        """What was told from the store of this catalog, to be read: where nothing is noted, what would be."""
        path = catalog.path.with_name(FILE)
        if path.exists():
            return cls(path)
        ledger = cls(None)
        waiting = {capture.pass_id for capture in catalog.unjudged()}
        ledger.settle(catalog, shares, (one for one in over(catalog) if one.pass_id not in waiting))
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        if self._version() == VERSION:
            return  # nothing is written for whoever only reads
        with self.transaction():
            version = self._version()
            if version == 0:
                for statement in filter(str.strip, SCHEMA.split(";\n")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                cause = f"it has version {version}, this etolwatch knows {VERSION}: another release made it"
                raise ArchiveError("what was told cannot be read", str(self.path), cause)

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside is on disk when it ends, or none of it."""
        with self._named():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            cause = f"{error}; if the file is damaged, remove it: the next pass makes it again"
            raise ArchiveError("what was told cannot be read or noted", str(self.path), cause) from error

    # ── writing ──────────────────────────────────────────────────────────────────────

    def unsettle(self, passes: Iterable[str]) -> None:
        """Notes that something more may be found in these passes."""
        with self.transaction():
            self._db.executemany("DELETE FROM settled WHERE pass_id = ?", [(one,) for one in passes])

    def settle(self, catalog: Catalog, shares: Shares, passes: Iterable[Pass] | None = None) -> None:
        """Tells what is found in the passes that are over, and was not told; of these, or of all.

        What cannot be judged, since its record is damaged, holds nothing up; once it is judged, it is told.
        """
        waiting = {capture.pass_id for capture in catalog.unjudged()}
        settled = {pass_id for (pass_id,) in self._rows("SELECT pass_id FROM settled")}
        closed = over(catalog) if passes is None else list(passes)
        with self.transaction():
            for made in reversed([one for one in closed if one.pass_id not in settled]):
                self._tell(catalog, shares, made.pass_id)
                if made.pass_id not in waiting:
                    self._db.execute("INSERT INTO settled VALUES (?)", (made.pass_id,))

    def reread(self, catalog: Catalog, shares: Shares) -> None:
        """Notes what other rules find in the past, now that it was judged anew: it is there, and no news."""
        with self.transaction():
            for (pass_id,) in self._rows("SELECT pass_id FROM settled ORDER BY pass_id"):
                self._tell(catalog, shares, pass_id, is_news=False)

    def _tell(self, catalog: Catalog, shares: Shares, pass_id: str, *, is_news: bool = True) -> None:
        listed = filter(is_listed, catalog.findings(pass_id=pass_id))
        untold = [one for one in listed if not self._knows(key_of(one))]
        past = catalog.brought_about(pass_id) if untold else set()
        news = [one for one in untold if is_news and (one.uri, one.captured_at) not in past]
        self._add(pass_id, news, shares, is_news=True)
        self._add(pass_id, [one for one in untold if one not in news], shares, is_news=False)

    def _knows(self, key: Key) -> bool:
        return bool(self._rows("SELECT 1 FROM told WHERE uri = ? AND captured_at = ?", key))

    def _add(self, pass_id: str, found: list[Finding], shares: Shares, *, is_news: bool) -> None:
        if not found:
            return
        (before,) = self._rows("SELECT count(*) FROM batch WHERE pass_id = ?", (pass_id,))[0]
        name = f"{pass_id}.{before + 1}" if before else pass_id
        sql = "INSERT INTO batch (name, pass_id, is_news) VALUES (?, ?, ?) RETURNING seq"
        ((seq,),) = self._db.execute(sql, (name, pass_id, is_news)).fetchall()
        shared = shares(found)
        rows = [(*key_of(one), seq, one.site, shared.get(key_of(one))) for one in found]
        self._db.executemany("INSERT OR IGNORE INTO told VALUES (?, ?, ?, ?, ?)", rows)

    # ── reading ──────────────────────────────────────────────────────────────────────

    def batches(self, until: str | None = None, *, brought: bool = False) -> list[Batch]:
        """What was told, latest first; from the batch of this name on, where one is given.

        What others captured, and what became of ours through that, is there only with ``brought``.
        """
        sql = (
            "SELECT name, pass_id, is_news FROM batch WHERE (is_news OR ?) AND"
            " (? IS NULL OR seq <= (SELECT seq FROM batch WHERE name = ?)) ORDER BY seq DESC"
        )
        return [
            Batch(name, pass_id, bool(is_news))
            for name, pass_id, is_news in self._rows(sql, (brought, until, until))
        ]

    def entries(self, name: str) -> list[Entry]:
        """The findings of a batch, by address."""
        sql = (
            "SELECT uri, captured_at, site, edit FROM told"
            " WHERE batch = (SELECT seq FROM batch WHERE name = ?) ORDER BY uri, captured_at"
        )
        return [Entry(*row) for row in self._rows(sql, (name,))]

    def _rows(self, sql: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        with self._named():
            return self._db.execute(sql, tuple(values)).fetchall()


def over(catalog: Catalog) -> list[Pass]:
    """The passes to which nothing is added any more, latest first."""
    going_on = {made.pass_id for made, _ in catalog.open_passes()}
    return [made for made in catalog.passes() if made.pass_id not in going_on]
