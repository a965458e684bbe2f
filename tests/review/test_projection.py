"""The projection follows the journal: a step at a time, from nothing, beside others, after damage."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etolwatch.archive import lines
from etolwatch.archive.lines import REVIEW
from etolwatch.errors import UsageError
from etolwatch.review import desk
from etolwatch.review.journal import Journal
from etolwatch.review.judgement import RuleTarget, State, opinion, to_entry
from etolwatch.review.merge import merge
from etolwatch.review.projection import NAME, Projection
from etolwatch.review.standing import Standing, stand

from .acts import ACTS, FERRY, FINDINGS, HARBOUR, LAMPS, LAMPS_OTHERWISE, NOON, Act, Copy

CONFIRMED = opinion("confirmed", ["text_or_number"], "a note")


def standings(projection: Projection) -> list[Standing]:
    return [projection.standing(one) for one in FINDINGS]


def expected(folder: Path) -> list[Standing]:
    found = stand(Journal.of(folder).read())
    return [found.of(one) for one in FINDINGS]


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTS, max_size=12), st.lists(st.integers(0, 4), max_size=12))
def test_step_by_step_it_says_what_the_whole_journal_says(acts: list[Act], pauses: list[int]) -> None:
    with TemporaryDirectory() as place, Projection(Path(place)) as projection:
        folder, copy = Path(place), Copy("a")
        for number, act in enumerate(acts):
            made = copy.do(act)
            if made is not None:
                Journal.of(folder).append(made)
            if number not in pauses:
                projection.follow()
                assert standings(projection) == expected(folder)
        projection.follow()
        assert standings(projection) == expected(folder)
        with Projection(folder) as another:
            assert standings(another) == expected(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = ("at", "id", "reviewer", "state", "reasons", "note", "finding", "cluster", "rule", "undoes", "follows")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), JSON | st.just("\ud800"), max_size=3), max_size=4))
def test_whatever_others_wrote_blocks_nothing(changes: list[dict[str, object]]) -> None:
    copy = Copy("a")
    for number in range(len(changes) + 1):
        copy.do(Act(number % 6, State.TRIVIAL, 0, 0, "Ann"))
    entries = [to_entry(one) for one in copy.known]
    raws = [lines.write({**entry, **change}) for entry, change in zip(entries, changes, strict=False)]
    with TemporaryDirectory() as place:
        folder = Path(place)
        lines.append(folder / REVIEW, raws, NOON)
        with Projection(folder) as projection:
            assert standings(projection) == expected(folder)
            made = desk.judge(Journal.of(folder), projection, HARBOUR, CONFIRMED, "Ann", NOON)
            assert projection.standing(HARBOUR).judgement == made


def test_of_two_lines_with_one_id_the_same_counts_however_far_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Copy("a")
    for number in range(6):
        copy.do(Act(number % 3, State.TRIVIAL, 0, 0, "Ann"))
    forged = [replace(one, state=State.CONFIRMED) for one in copy.known[:2]]
    monkeypatch.setattr("etolwatch.review.projection._AT_ONCE", 300)  # bytes: less than a line
    Journal.of(tmp_path).append(*copy.known, *forged)
    with Projection(tmp_path) as projection:
        assert standings(projection) == expected(tmp_path)
        Journal.of(tmp_path).append(*(replace(one, note="again") for one in copy.known))
        projection.follow()
        assert standings(projection) == expected(tmp_path)


def test_it_can_be_deleted_at_any_time(tmp_path: Path) -> None:
    with Projection(tmp_path) as projection:
        desk.judge(Journal.of(tmp_path), projection, LAMPS, CONFIRMED, "Ann", NOON)
    for path in tmp_path.glob(f"{NAME}*"):
        path.unlink()
    with Projection(tmp_path) as projection:
        assert projection.standing(LAMPS).state is State.CONFIRMED


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 300])
def test_damage_is_made_good(tmp_path: Path, damage: bytes) -> None:
    with Projection(tmp_path) as projection:
        desk.judge(Journal.of(tmp_path), projection, LAMPS, CONFIRMED, "Ann", NOON)
    (tmp_path / NAME).write_bytes(damage)
    with Projection(tmp_path) as projection:
        assert projection.standing(LAMPS).state is State.CONFIRMED


def test_damage_within_is_made_good(tmp_path: Path) -> None:
    with Projection(tmp_path) as projection:
        for _ in range(300):
            desk.judge(Journal.of(tmp_path), projection, LAMPS, CONFIRMED, "Ann", NOON)
    data = bytearray((tmp_path / NAME).read_bytes())
    data[4096:] = b"\x5a" * (len(data) - 4096)
    (tmp_path / NAME).write_bytes(bytes(data))
    with Projection(tmp_path) as projection:
        assert len(projection.log()) == 300
        assert projection.standing(LAMPS).state is State.CONFIRMED


def test_tables_of_another_version_are_made_anew(tmp_path: Path) -> None:
    with Projection(tmp_path) as projection:
        desk.judge(Journal.of(tmp_path), projection, LAMPS, CONFIRMED, "Ann", NOON)
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("DROP TABLE state")
        db.execute("PRAGMA user_version = 99")
    db.close()
    with Projection(tmp_path) as projection:
        assert projection.standing(LAMPS).state is State.CONFIRMED


def test_another_journal_in_the_same_place_is_read_anew(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    with Projection(tmp_path) as projection:
        desk.judge(journal, projection, LAMPS, CONFIRMED, "Ann", NOON)
        size = journal.path.stat().st_size
        journal.path.unlink()
        projection.follow()
        assert standings(projection) == [Standing()] * len(FINDINGS)
        copy = Copy("other")
        copy.do(Act(1, State.FOLLOW_UP, 0, 0, "Bob"))
        journal.append(copy.known[0])
        journal.append(*copy.known, *copy.known)
        assert journal.path.stat().st_size > size
        projection.follow()
        assert projection.standing(LAMPS) == Standing()
        assert projection.standing(FERRY).state is State.FOLLOW_UP


def test_a_second_process_sees_what_the_first_adds(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    with Projection(tmp_path) as here, Projection(tmp_path) as there:
        desk.judge(journal, here, LAMPS, CONFIRMED, "Ann", NOON)
        desk.judge(journal, there, FERRY, CONFIRMED, "Bob", NOON)
        here.follow()
        assert standings(here) == standings(there) == expected(tmp_path)


def test_it_is_attached_to_a_list(tmp_path: Path) -> None:
    journal, db = Journal.of(tmp_path), sqlite3.connect(":memory:")
    with Projection(tmp_path) as projection:
        desk.judge(journal, projection, LAMPS, CONFIRMED, "Ann", NOON)
        projection.attach(db)
        sql = "SELECT uri, captured_at, state, reasons, note, reviewer FROM review.state"
        assert db.execute(sql).fetchall() == [
            (
                LAMPS.uri,
                "2026-11-09T04:17:00.000000Z",
                "confirmed",
                "text_or_number",
                "a note",
                "Ann",
            )
        ]
    db.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_nobody_can_write_it_is_made_elsewhere(tmp_path: Path) -> None:
    with Projection(tmp_path) as projection:
        desk.judge(Journal.of(tmp_path), projection, LAMPS, CONFIRMED, "Ann", NOON)
    for path in tmp_path.glob(f"{NAME}*"):
        path.unlink()
    tmp_path.chmod(0o500)
    try:
        with Projection(tmp_path) as projection:
            assert projection.standing(LAMPS).state is State.CONFIRMED
    finally:
        tmp_path.chmod(0o700)


def test_where_there_is_no_store_it_is_made_elsewhere(tmp_path: Path) -> None:
    with Projection(tmp_path / "nowhere") as projection:
        assert projection.standing(LAMPS) == Standing()
        place = projection.path
        assert place.exists()
    assert not place.exists()


# ── acts ──


def test_a_cluster_is_judged_and_taken_back_as_one(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    with Projection(tmp_path) as projection:
        made = desk.judge_cluster(journal, projection, [LAMPS, FERRY], CONFIRMED, "Ann", NOON)
        assert [one.state for one in standings(projection)[:3]] == [State.CONFIRMED] * 2 + [State.NEW]
        desk.undo(journal, projection, [made], "Ann", NOON)
        assert standings(projection) == [Standing()] * len(FINDINGS)


def test_findings_that_tell_other_things_are_no_cluster(tmp_path: Path) -> None:
    with Projection(tmp_path) as projection:
        for wrong in ([LAMPS, HARBOUR], [LAMPS, LAMPS_OTHERWISE], []):
            with pytest.raises(UsageError):
                desk.judge_cluster(Journal.of(tmp_path), projection, wrong, CONFIRMED, "Ann", NOON)
    assert not Journal.of(tmp_path).path.exists()


def test_a_cluster_leaves_out_what_was_judged_by_name(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    with Projection(tmp_path) as projection:
        desk.judge(journal, projection, FERRY, CONFIRMED, "Ann", NOON)
        assert desk.cluster_of(projection, LAMPS, FINDINGS) == [LAMPS]
        desk.undo(journal, projection, projection.last_of("Ann"), "Ann", NOON)
        desk.remember(journal, projection, LAMPS, "the → their", opinion("trivial"), "Ann", NOON)
        assert desk.cluster_of(projection, LAMPS, FINDINGS) == [LAMPS, FERRY]


def test_a_rule_is_made_seen_and_taken_back(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    with Projection(tmp_path) as projection:
        rule = desk.remember(journal, projection, LAMPS, "the → their", opinion("trivial"), "Ann", NOON)
        assert [one.judgement for one in projection.rules()] == [rule]
        assert isinstance(rule.target, RuleTarget)
        assert projection.standing(FERRY) == Standing(State.TRIVIAL, rule, True, None)
        desk.undo(journal, projection, [rule], "Bob", NOON)
        assert projection.rules() == []
        assert [one.is_undone for one in projection.rules(standing=False)] == [True]
        assert projection.standing(FERRY) == Standing()
        with pytest.raises(UsageError):
            desk.remember(journal, projection, LAMPS, "", opinion("new"), "Ann", NOON)


def test_last_is_the_last_act_of_that_person(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    with Projection(tmp_path) as projection:
        first = desk.judge(journal, projection, LAMPS, CONFIRMED, "Ann", NOON)
        both = desk.judge_all(
            journal, projection, [(FERRY, CONFIRMED), (HARBOUR, CONFIRMED)], "Ann", NOON.replace(hour=9)
        )
        desk.judge(journal, projection, LAMPS, CONFIRMED, "Bob", NOON)
        assert {one.id for one in projection.last_of("Ann")} == {one.id for one in both}
        desk.undo(journal, projection, projection.last_of("Ann"), "Ann", NOON)
        assert projection.last_of("Ann") == [first]
        assert projection.last_of("Carl") == []


def test_ids_may_be_shortened_where_only_one_begins_so(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    with Projection(tmp_path) as projection:
        made = [desk.judge(journal, projection, LAMPS, CONFIRMED, "Ann", NOON) for _ in range(40)]
        one = made[17]
        for name in (one.id, one.id.removeprefix("urn:uuid:"), one.id[9:25].upper()):
            assert projection.judgement(name) == one
        letter = next(c for c in "0123456789abcdef" if sum(m.id[9] == c for m in made) > 1)
        for wrong in (letter, "", "zz", "%", "urn:uuid:"):
            with pytest.raises(UsageError):
                projection.judgement(wrong)


def test_last_is_not_what_a_merge_brought_last(tmp_path: Path) -> None:
    """In another copy Ann judged something before; it comes later in the file."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    with Projection(there) as projection:
        desk.judge(Journal.of(there), projection, FERRY, CONFIRMED, "Ann", NOON)
    with Projection(here) as projection:
        last = desk.judge(Journal.of(here), projection, LAMPS, CONFIRMED, "Ann", NOON.replace(hour=13))
        merge(here / REVIEW, there, NOON)
        projection.follow()
        assert projection.last_of("Ann") == [last]
        # from now on a clock that is back tells nothing else
        later = desk.judge(Journal.of(here), projection, HARBOUR, CONFIRMED, "Ann", NOON.replace(hour=1))
        assert projection.last_of("Ann") == [later]
        desk.undo(Journal.of(here), projection, [later], "Ann", NOON)
        assert projection.last_of("Ann") == [last]


def test_damaged_lines_are_counted_wherever_they_are_met(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    with Projection(tmp_path) as projection:
        desk.judge_all(journal, projection, [(one, CONFIRMED) for one in FINDINGS[:3]], "Ann", NOON)
        assert projection.faults() == []
    data = journal.path.read_bytes()
    journal.path.write_bytes(data.replace(b"a note", b"no note", 2))
    (tmp_path / NAME).unlink()
    for _ in range(2):  # made anew, then as it lies
        with Projection(tmp_path) as projection:
            assert [place for place, _ in projection.faults()] == [place for place, _ in journal.faults()]
            assert len(projection.faults()) == 2
    journal.path.write_bytes(data)
    with Projection(tmp_path) as projection:
        assert projection.faults() == []


def test_on_a_full_disk_it_is_made_elsewhere_and_what_lies_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.of(tmp_path)
    with Projection(tmp_path) as projection:
        desk.judge(journal, projection, LAMPS, CONFIRMED, "Ann", NOON)
    before = (tmp_path / NAME).read_bytes()
    copy = Copy("b")
    for number in range(200):
        copy.do(Act(number % 3, State.TRIVIAL, 0, 0, "Bob"))
    journal.append(*copy.known)
    connected = Projection._connected

    def full(projection: Projection) -> sqlite3.Connection:
        db = connected(projection)
        if projection.path.parent == tmp_path:
            db.execute("PRAGMA max_page_count = 1")  # SQLite takes the present size: no page more
        return db

    monkeypatch.setattr(Projection, "_connected", full)
    with Projection(tmp_path) as projection:
        assert standings(projection) == expected(tmp_path)
        assert projection.path.parent != tmp_path
        place = projection.path.parent
    assert (tmp_path / NAME).read_bytes() == before
    assert not place.exists()
