"""The outbox: messages on disk before anyone tries to send them, so that none is lost and none sent twice.

A message has a key, made of what it is about and to whom it goes: the same key is never put in
again. What was dealt with is noted in the same transaction, so that a crash leaves either both
or neither. Only one process sends at a time, and a message is marked as sent on disk as soon as
the server has taken it. Between these two lies the one place where a crash can make a message
arrive twice; it has the same Message-ID then, by which programs know it for the same.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from etolwatch.archive.catalog import instant, instant_text
from etolwatch.archive.lock import Lock
from etolwatch.errors import EtolwatchError

FILE = "outbox.sqlite3"
LOCK = "outbox.lock"
VERSION = 1
BUSY_MS = 30_000
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=4)
SCHEMA = """
CREATE TABLE message (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    subject TEXT NOT NULL,
    body BLOB NOT NULL,                  -- emptied once it is sent
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    trouble TEXT NOT NULL DEFAULT '',    -- why the last attempt did not succeed
    made_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    sent_at TEXT
) STRICT;
CREATE INDEX message_due ON message (due_at) WHERE state = 'waiting';
CREATE TABLE told (
    channel TEXT NOT NULL,
    subject TEXT NOT NULL,               -- "pass/…", "week/…": dealt with, whether or not it made a message
    PRIMARY KEY (channel, subject)
) STRICT, WITHOUT ROWID;
CREATE TABLE channel (
    name TEXT PRIMARY KEY,
    met_at TEXT NOT NULL                 -- what was told of before that is noted in told
) STRICT, WITHOUT ROWID;
CREATE TABLE outage (
    channel TEXT NOT NULL,
    host TEXT NOT NULL,
    since_at TEXT NOT NULL,
    PRIMARY KEY (channel, host)
) STRICT, WITHOUT ROWID;
"""
UNCERTAIN = "interrupted while it was being sent: it may have arrived already"


class State(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"  # for good, by whom it was offered to; kept until someone says otherwise


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be put into the outbox. ``body``: for a mail, the whole of it as it is sent."""

    key: str
    channel: str
    address: str
    subject: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the outbox."""

    seq: int
    key: str
    channel: str
    address: str
    subject: str
    body: bytes
    state: State
    attempts: int
    trouble: str
    made_at: datetime
    due_at: datetime
    sent_at: datetime | None


class Outbox:
    """The outbox of a store. A context manager. Raises EtolwatchError if it cannot be read or written."""

    def __init__(self, store: Path) -> None:
        self.path = store / FILE
        self._lock_path = store / LOCK
        store.mkdir(parents=True, exist_ok=True)
        with self._named():
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_MS / 1000)
            self._prepare()

    @classmethod
    def exists(cls, store: Path) -> bool:
        """Whether this store has an outbox."""
        return (store / FILE).is_file()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def _prepare(self) -> None:
        # a commit returns when it is on disk, the removal of its journal included
        self._db.execute("PRAGMA synchronous = EXTRA")
        with self.transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in filter(str.strip, SCHEMA.split(";\n")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                cause = f"it has version {version}, this etolwatch knows {VERSION}: another release made it"
                raise EtolwatchError("cannot use the outbox", str(self.path), cause)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside is on disk when it ends, or none of it. May be nested."""
        if self._db.in_transaction:
            yield
            return
        with self._named():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextlib.contextmanager
    def sending(self, at: datetime) -> Iterator[None]:
        """Inside, no other process sends. Raises LockHeld if one does."""
        lock = Lock(self._lock_path)
        lock.acquire(at)
        try:
            yield
        finally:
            lock.release()

    # ── what is told ─────────────────────────────────────────────────────────────────

    def meet(self, channel: str, subjects: Iterable[str], at: datetime) -> None:
        """A channel that is met for the first time is not told of these: they are of the past."""
        with self.transaction():
            sql = "INSERT OR IGNORE INTO channel VALUES (?, ?)"
            if self._db.execute(sql, (channel, instant_text(at))).rowcount:
                rows = [(channel, subject) for subject in subjects]
                self._db.executemany("INSERT OR IGNORE INTO told VALUES (?, ?)", rows)

    def dealt_with(self, channel: str) -> set[str]:
        """The subjects that the channel was told of, or is not to be."""
        sql = "SELECT subject FROM told WHERE channel = ?"
        return {subject for (subject,) in self._db.execute(sql, (channel,))}

    def was_told(self, channel: str, subject: str) -> bool:
        """Whether this was dealt with."""
        sql = "SELECT 1 FROM told WHERE channel = ? AND subject = ?"
        return self._db.execute(sql, (channel, subject)).fetchone() is not None

    def tell(self, channel: str, subject: str, drafts: Iterable[Draft], at: datetime) -> bool:
        """Puts the messages about a subject in, unless it was dealt with already; whether it was not."""
        with self.transaction():
            sql = "INSERT OR IGNORE INTO told VALUES (?, ?)"
            if self._db.execute(sql, (channel, subject)).rowcount == 0:
                return False
            self.put(drafts, at)
        return True

    def put(self, drafts: Iterable[Draft], at: datetime) -> None:
        """Puts messages in; one whose key is known is in already."""
        when = instant_text(at)
        sql = (
            "INSERT OR IGNORE INTO message (key, channel, address, subject, body, state, made_at, due_at)"
            " VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?)"
        )
        with self.transaction():
            self._db.executemany(
                sql, [(d.key, d.channel, d.address, d.subject, d.body, when, when) for d in drafts]
            )

    def outages(self, channel: str) -> dict[str, datetime]:
        """The hosts of which the channel was told that they are down, and since when."""
        sql = "SELECT host, since_at FROM outage WHERE channel = ?"
        return {host: instant(since) for host, since in self._db.execute(sql, (channel,))}

    def begin_outage(self, channel: str, host: str, since: datetime) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO outage VALUES (?, ?, ?)", (channel, host, instant_text(since))
        )

    def end_outage(self, channel: str, host: str) -> None:
        self._db.execute("DELETE FROM outage WHERE channel = ? AND host = ?", (channel, host))

    # ── what is sent ─────────────────────────────────────────────────────────────────

    def due(self, at: datetime) -> list[Message]:
        """What is to be sent now: first what was offered least often, and of that what was put in first.

        So a message over which a server breaks off does not stand before the others again.
        """
        where = "WHERE state = 'waiting' AND due_at <= ? ORDER BY attempts, seq"
        return self._messages(where, (instant_text(at),))

    def messages(self, *, sent: bool = False) -> list[Message]:
        """What waits and what was refused, oldest first; with ``sent`` also what was sent."""
        return self._messages("ORDER BY seq" if sent else "WHERE state <> 'sent' ORDER BY seq", ())

    def begin(self, message: Message, at: datetime) -> None:
        """Notes, on disk, that it is offered now: a crash that follows leaves word of it."""
        sql = "UPDATE message SET attempts = attempts + 1, trouble = ?, due_at = ? WHERE seq = ?"
        with self.transaction():
            due = instant_text(at + delay(message.attempts + 1))
            self._db.execute(sql, (UNCERTAIN, due, message.seq))

    def sent(self, message: Message, at: datetime) -> None:
        """Notes, on disk, that it was taken."""
        sql = "UPDATE message SET state = 'sent', sent_at = ?, trouble = '', body = x'' WHERE seq = ?"
        with self.transaction():
            self._db.execute(sql, (instant_text(at), message.seq))

    def failed(self, message: Message, trouble: str, *, for_good: bool = False) -> None:
        """Notes why it was not taken; it is due again after a while, unless that is ``for_good``."""
        state = State.REFUSED if for_good else State.WAITING
        with self.transaction():
            sql = "UPDATE message SET state = ?, trouble = ? WHERE seq = ?"
            self._db.execute(sql, (state.value, trouble, message.seq))

    def postpone(self, messages: Iterable[Message], trouble: str, at: datetime) -> None:
        """Notes why none of these could even be offered; they are due again after a while.

        As none was offered, this is no attempt: they wait for as long again as they have been waiting.
        """
        sql = "UPDATE message SET trouble = ?, due_at = ? WHERE seq = ?"
        rows = [
            (trouble, instant_text(at + min(max(at - m.made_at, FIRST_DELAY), LONGEST_DELAY)), m.seq)
            for m in messages
        ]
        with self.transaction():
            self._db.executemany(sql, rows)

    def retry(self, at: datetime) -> int:
        """Makes all that waits or was refused due now; how many these are."""
        sql = "UPDATE message SET state = 'waiting', due_at = ? WHERE state <> 'sent'"
        with self.transaction():
            return self._db.execute(sql, (instant_text(at),)).rowcount

    def _messages(self, where: str, values: Sequence[object]) -> list[Message]:
        sql = (
            "SELECT seq, key, channel, address, subject, body, state, attempts, trouble,"
            " made_at, due_at, sent_at FROM message "
        )
        with self._named():
            rows = self._db.execute(sql + where, values).fetchall()
        return [_message(row) for row in rows]

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise EtolwatchError("cannot use the outbox", str(self.path), str(error)) from error


def _message(row: Sequence[Any]) -> Message:
    seq, key, channel, address, subject, body, state, attempts, trouble, made, due, sent = row
    return Message(
        seq=seq,
        key=key,
        channel=channel,
        address=address,
        subject=subject,
        body=body,
        state=State(state),
        attempts=attempts,
        trouble=trouble,
        made_at=instant(made),
        due_at=instant(due),
        sent_at=instant(sent) if sent else None,
    )


def delay(attempts: int) -> timedelta:
    """How long to wait after so many attempts: a minute, two, four, to four hours."""
    doubled: int = 2 ** min(max(attempts - 1, 0), 20)
    return min(FIRST_DELAY * doubled, LONGEST_DELAY)
