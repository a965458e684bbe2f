"""The journal on disk: lines, damage, torn ends, and what another program may have written."""

from __future__ import annotations

import fcntl
import json
import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shell.findings import at

from etolwatch.archive import lines
from etolwatch.errors import ArchiveError, LockHeld, UsageError
from etolwatch.review.journal import Journal
from etolwatch.review.judgement import (
    LONGEST_NOTE,
    Judgement,
    Reason,
    State,
    clean_name,
    from_entry,
    new_id,
    opinion,
    to_entry,
)

from .acts import ACTS, NOON, Act, Copy


def judgement(minute: int = 0, state: State = State.CONFIRMED, **changes: object) -> Judgement:
    made = Copy(new_id()).do(Act(0, state, minute, 0, "Ann"))
    assert made is not None
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.of(tmp_path)


# ── lines ──


@settings(deadline=None)
@given(st.lists(ACTS, max_size=10))
def test_a_judgement_is_read_as_it_was_written(acts: list[Act]) -> None:
    copy = Copy("a")
    for act in acts:
        copy.do(act)
    for made in copy.known:
        line = lines.parse(lines.write(to_entry(made)))
        assert not line.fault
        assert from_entry(line.entry) == made


@settings(deadline=None)
@given(st.text())
def test_any_note_goes_into_one_line_of_utf8(note: str) -> None:
    said = opinion("confirmed", [], note)
    raw = lines.write(to_entry(judgement(note=said.note)))
    assert b"\n" not in raw
    assert from_entry(lines.parse(raw).entry).note == said.note
    assert raw.decode("utf-8")


def test_what_cannot_be_said_in_utf8_is_escaped() -> None:
    raw = lines.write({"id": "a", "note": "half \ud800"})
    assert lines.parse(raw).entry == {"id": "a", "note": "half \ud800"}


def test_each_bit_that_flips_in_a_line_shows() -> None:
    raw = lines.write(to_entry(judgement(note="Ünd")))
    for place in range(len(raw)):
        for bit in range(8):
            flipped = bytearray(raw)
            flipped[place] ^= 1 << bit
            found, _ = lines.split(bytes(flipped) + b"\n")
            # a line that another line feed splits is two lines that are none
            assert all(line.fault for line in found), (place, bit)


def test_keys_that_a_later_program_adds_are_kept_and_do_no_harm(journal: Journal) -> None:
    entry = {**to_entry(judgement()), "mood": {"how": "sure"}}
    lines.append(journal.path, [lines.write(entry)], NOON)
    assert len(journal.read()) == 1
    journal.append(judgement())
    assert journal.lines()[0].entry["mood"] == {"how": "sure"}


@pytest.mark.parametrize(
    "change",
    [
        {"etolwatch-judgement": 2},
        {"state": "puzzling"},
        {"reasons": ["mood"]},
        {"at": "yesterday"},
        {"at": None},
        {"reviewer": 7},
        {"finding": {"uri": "https://library.example/"}},
        {"finding": []},
        {"undoes": 3},
        {"follows": [1]},
        {"reasons": 4},
    ],
)
def test_a_whole_line_that_is_not_understood_is_passed_over_and_kept(
    journal: Journal, change: dict[str, object]
) -> None:
    lines.append(journal.path, [lines.write({**to_entry(judgement()), **change})], NOON)
    known = judgement()
    journal.append(known)
    assert journal.read() == [known]
    assert len(journal.lines()) == 2
    assert not list(journal.faults())


def test_there_is_no_journal_before_the_first_judgement(journal: Journal) -> None:
    assert journal.read() == []
    journal.append()
    assert not journal.path.exists()
    assert not list(journal.faults())


# ── torn ends, damage ──


def test_a_torn_end_is_set_aside_and_named(journal: Journal) -> None:
    first, second = judgement(), judgement(1)
    journal.append(first)
    whole = journal.path.read_bytes()
    torn = lines.write(to_entry(judgement()))[:100]
    journal.path.write_bytes(whole + torn)
    assert journal.read() == [first]
    assert [place for place, _ in journal.faults()] == [len(whole)]
    journal.append(second)
    assert journal.read() == [first, second]
    assert not list(journal.faults())
    assert journal.path.with_name("review.jsonl.torn").read_bytes() == torn + b"\n"


def test_a_last_line_that_lacks_only_its_end_is_kept(journal: Journal) -> None:
    first, second = judgement(), judgement(1)
    journal.path.write_bytes(lines.write(to_entry(first)))
    assert not list(journal.faults())
    journal.append(second)
    assert journal.read() == [first, second]
    assert not journal.path.with_name("review.jsonl.torn").exists()


def test_a_damaged_line_is_named_with_its_byte_and_blocks_nothing(journal: Journal) -> None:
    made = [judgement(minute) for minute in range(3)]
    journal.append(*made)
    offset = journal.lines()[1].offset
    data = bytearray(journal.path.read_bytes())
    data[offset + 90] ^= 1
    journal.path.write_bytes(bytes(data))
    assert journal.read() == [made[0], made[2]]
    [(place, what)] = journal.faults()
    assert place == offset
    assert "damaged" in what
    journal.append(judgement())
    assert len(journal.read()) == 3


@pytest.mark.parametrize("line", [b"null", b"[]", b'{"id":1}', b'{"id":"a"}', b"\xff\xfe", b"[" * 5000])
def test_lines_that_are_none(journal: Journal, line: bytes) -> None:
    journal.path.write_bytes(line + b"\n")
    assert journal.read() == []
    assert len(list(journal.faults())) == 1


def test_two_lines_with_one_id_are_named_and_each_copy_takes_the_same(tmp_path: Path) -> None:
    one = judgement()
    other = replace(one, state=State.TRIVIAL)
    here, there = Journal(tmp_path / "here"), Journal(tmp_path / "there")
    here.append(one, other)
    there.append(other, one)
    assert here.read() == there.read()
    assert len(here.read()) == 1
    assert len(list(here.faults())) == 1


def test_the_same_line_twice_is_no_fault(journal: Journal) -> None:
    one = judgement()
    journal.append(one, one)
    assert journal.read() == [one]
    assert not list(journal.faults())


def test_lines_of_empty_space_are_passed_over(journal: Journal) -> None:
    one = judgement()
    journal.path.write_bytes(b"\n \r\n" + lines.write(to_entry(one)) + b"\n\n")
    assert journal.read() == [one]
    assert not list(journal.faults())


@pytest.mark.parametrize("length", [4095, 4096, 4097, 20_000])
def test_a_torn_end_of_any_length_is_found(journal: Journal, length: int) -> None:
    first = judgement()
    journal.append(first)
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole + b"x" * length)
    assert lines.torn(journal.path) == b"x" * length
    journal.append(judgement())
    assert len(journal.read()) == 2
    journal.path.write_bytes(b"x" * length)
    assert lines.torn(journal.path) == b"x" * length


# ── locks and disks ──


def test_a_journal_that_another_process_keeps_locked(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "WAIT_S", 0.05)
    with journal.path.with_name("review.jsonl.lock").open("w") as held:
        held.write("pid 1 on elsewhere\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LockHeld, match="pid 1 on elsewhere"):
            journal.append(judgement())
    journal.append(judgement())
    assert len(journal.read()) == 1


def test_a_disk_that_takes_no_more_is_named_and_nothing_is_half_there(journal: Journal) -> None:
    first = judgement()
    journal.append(first)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 100, hard))
    try:
        with pytest.raises(ArchiveError, match="cannot write"):
            journal.append(judgement())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert journal.read() == [first]
    assert not list(journal.faults())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot write"):
        Journal(tmp_path / "nowhere" / "review.jsonl").append(judgement())


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_journal_that_cannot_be_read_is_named(journal: Journal) -> None:
    journal.append(judgement())
    journal.path.chmod(0)
    with pytest.raises(ArchiveError, match="cannot read"):
        journal.read()


# ── what people type ──


@pytest.mark.parametrize("text", ["false alarm", " False_Alarm", "FALSE-ALARM", "false_alarm"])
def test_states_are_known_in_words(text: str) -> None:
    assert opinion(text).state is State.FALSE_ALARM


@pytest.mark.parametrize("text", ["to follow up", "follow_up", "Follow up"])
def test_to_follow_up(text: str) -> None:
    assert opinion(text).state is State.FOLLOW_UP


def test_each_state_and_reason_is_known_by_name_and_label() -> None:
    for state in State:
        assert opinion(state.value).state is opinion(state.label).state is state
    for reason in Reason:
        assert opinion("new", [reason.value]) == opinion("new", [reason.label.upper()])


def test_reasons_stand_once_in_one_order() -> None:
    said = opinion("trivial", ["spelling", "image", "Spelling"])
    assert said.reasons == (Reason.IMAGE, Reason.SPELLING)


@pytest.mark.parametrize(
    ("state", "reasons", "note"),
    [("maybe", [], ""), ("", [], ""), ("new", ["mood"], ""), ("new", [], "x" * (LONGEST_NOTE + 1))],
)
def test_what_is_refused(state: str, reasons: list[str], note: str) -> None:
    with pytest.raises(UsageError):
        opinion(state, reasons, note)


def test_a_note_is_cleaned() -> None:
    assert opinion("new", [], " a\r\nb\rc\x00\x1b[31m\ud800\t. ").note == "a\nb\nc[31m\t."


@pytest.mark.parametrize("name", ["", " \t", "\x00", "x" * 101])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(UsageError):
        clean_name(name)


def test_a_name_stands_on_one_line() -> None:
    assert clean_name(" Anna\n Weiß ") == "Anna Weiß"


def test_the_line_says_what_it_is(journal: Journal) -> None:
    journal.append(judgement(note="“x”"))
    entry = json.loads(journal.path.read_text("utf-8"))
    assert list(entry) == [
        "etolwatch-judgement",
        "id",
        "at",
        "reviewer",
        "state",
        "reasons",
        "note",
        "finding",
        "follows",
        "digest",
    ]
    assert entry["finding"]["captured_at"] == at(9).isoformat().replace("+00:00", "Z")
