"""The outbox: what is put in stays until it is sent, once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from etolwatch.errors import EtolwatchError, LockHeld
from etolwatch.notify.outbox import FILE, LONGEST_DELAY, UNCERTAIN, Draft, Outbox, State, delay

from .conftest import Clock


def draft(key: str = "pass/1/ann/a@b.example") -> Draft:
    return Draft(key, "ann", "a@b.example", "One silent edit", b"the mail")


def test_a_key_is_put_in_once(outbox: Outbox, clock: Clock) -> None:
    outbox.put([draft(), draft()], clock())
    outbox.put([draft()], clock())
    (message,) = outbox.messages()
    assert (message.key, message.body, message.state) == (draft().key, b"the mail", State.WAITING)
    assert (message.made_at, message.due_at) == (clock(), clock())


def test_a_subject_is_told_once_and_with_its_messages_or_not_at_all(outbox: Outbox, clock: Clock) -> None:
    def torn() -> Iterator[Draft]:
        yield draft()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        outbox.tell("ann", "pass/1", torn(), clock())
    assert not outbox.was_told("ann", "pass/1")
    assert outbox.messages() == []
    assert outbox.tell("ann", "pass/1", [draft()], clock())
    assert not outbox.tell("ann", "pass/1", [draft("other")], clock())
    assert outbox.was_told("ann", "pass/1")
    assert len(outbox.messages()) == 1
    assert outbox.tell("bob", "pass/1", [], clock())


def test_what_was_sent_is_not_due_and_keeps_no_text(outbox: Outbox, clock: Clock) -> None:
    outbox.put([draft()], clock())
    (message,) = outbox.due(clock())
    outbox.begin(message, clock())
    outbox.sent(message, clock())
    assert outbox.due(clock.pass_by(days=9)) == outbox.messages() == []
    (sent,) = outbox.messages(sent=True)
    assert (sent.state, sent.body, sent.attempts, sent.trouble) == (State.SENT, b"", 1, "")
    outbox.put([draft()], clock())
    assert outbox.due(clock()) == []


def test_a_failure_is_tried_again_later_and_later(outbox: Outbox, clock: Clock) -> None:
    outbox.put([draft()], clock())
    waits = []
    for _ in range(12):
        (message,) = outbox.due(clock())
        outbox.begin(message, clock())
        outbox.failed(message, "450 later")
        (message,) = outbox.messages()
        assert message.trouble == "450 later"
        waits.append(message.due_at - clock())
        assert outbox.due(message.due_at - timedelta(seconds=1)) == []
        clock.at = message.due_at
    assert waits[:4] == [timedelta(minutes=n) for n in (1, 2, 4, 8)]
    assert waits[-1] == LONGEST_DELAY
    assert delay(10**6) == LONGEST_DELAY


def test_what_a_crash_left_says_so(tmp_path: Path, clock: Clock) -> None:
    with Outbox(tmp_path) as first:
        first.put([draft()], clock())
        first.begin(first.due(clock())[0], clock())
    with Outbox(tmp_path) as later:
        (message,) = later.messages()
        assert message.trouble == UNCERTAIN
        assert later.due(clock()) == []
        assert later.due(clock.pass_by(minutes=1)) == [message]


def test_what_was_refused_waits_for_a_word(outbox: Outbox, clock: Clock) -> None:
    outbox.put([draft()], clock())
    outbox.failed(outbox.due(clock())[0], "550 no such user", for_good=True)
    assert outbox.due(clock.pass_by(days=99)) == []
    assert outbox.messages()[0].state is State.REFUSED
    assert outbox.retry(clock()) == 1
    assert len(outbox.due(clock())) == 1


def test_a_channel_is_not_told_of_what_was_when_it_was_met(outbox: Outbox, clock: Clock) -> None:
    outbox.meet("ann", ["pass/1"], clock())
    outbox.meet("ann", ["pass/1", "pass/2"], clock.pass_by(days=1))
    assert outbox.dealt_with("ann") == {"pass/1"}
    assert outbox.dealt_with("bob") == set()


def test_one_sends_at_a_time(outbox: Outbox, tmp_path: Path, clock: Clock) -> None:
    with outbox.sending(clock()), Outbox(tmp_path / "snapshots") as other:
        with pytest.raises(LockHeld), other.sending(clock()):
            raise AssertionError
        other.put([draft()], clock())  # but anyone may put in
    with outbox.sending(clock()):
        assert len(outbox.due(clock())) == 1


def test_an_outbox_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version = 7")
    db.close()
    with pytest.raises(EtolwatchError, match="another release"):
        Outbox(tmp_path)


def test_a_damaged_outbox_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 500)
    with pytest.raises(EtolwatchError, match=FILE):
        Outbox(tmp_path)
