"""Journals of two people merged: on disk, both ways, with damage and with what is not understood."""

from __future__ import annotations

import itertools
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etolwatch.archive import lines
from etolwatch.errors import UsageError
from etolwatch.review.journal import Journal
from etolwatch.review.judgement import to_entry
from etolwatch.review.merge import merge
from etolwatch.review.standing import stand

from .acts import ACTS, FINDINGS, NOON, Act, Copy
from .test_journal import judgement


def standings(journal: Journal) -> list[object]:
    found = stand(journal.read())
    return [found.of(one) for one in FINDINGS]


def copies(place: str, *acts: list[Act]) -> list[Journal]:
    """Journals of people who began with the same first acts and then went on alone."""
    base = Copy("base")
    for act in acts[0]:
        base.do(act)
    found = []
    for number, own in enumerate(acts[1:]):
        copy = Copy(str(number), list(base.known))
        for act in own:
            copy.do(act)
        journal = Journal(Path(place) / f"{number}.jsonl")
        journal.append(*copy.known)
        found.append(journal)
    return found


few = st.lists(ACTS, max_size=5)


@settings(max_examples=40, deadline=None)
@given(few, few, few, few)
def test_merging_is_commutative_associative_and_idempotent(
    base: list[Act], one: list[Act], two: list[Act], three: list[Act]
) -> None:
    results = []
    for order in itertools.permutations(range(3)):
        with TemporaryDirectory() as place:
            journals = copies(place, base, one, two, three)
            for journal in journals:
                journal.path.touch()
            first, second, third = (journals[n] for n in order)
            merge(second.path, third.path, NOON)  # (b + c) …
            merge(first.path, second.path, NOON)  # … into a
            whole = first.path.read_bytes() if first.path.exists() else b""
            again = merge(first.path, second.path, NOON)
            assert again.taken == ()
            assert first.path.read_bytes() == whole
            results.append((first.read(), standings(first)))
    assert all(result == results[0] for result in results)


def test_two_reviewers_who_merge_both_ways_agree(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for number, folder in enumerate((here, there)):
        folder.mkdir()
        copy = Copy(str(number))
        for nth in range(30):
            made = copy.do(Act(nth % 8, list(judgement().state.__class__)[nth % 5], nth % 4, nth, "Ann"))
            if made:
                Journal.of(folder).append(made)
    mine, others = Journal.of(here).read(), Journal.of(there).read()
    assert standings(Journal.of(here)) != standings(Journal.of(there))
    assert merge(Journal.of(here).path, there, NOON).taken == tuple(
        one for line in Journal.of(there).lines() for one in others if one.id == line.id
    )
    merged = merge(Journal.of(there).path, Journal.of(here).path, NOON)
    assert {one.id for one in merged.taken} == {one.id for one in mine}
    assert merged.known == len(others)
    assert Journal.of(here).read() == Journal.of(there).read()
    assert standings(Journal.of(here)) == standings(Journal.of(there))


def test_what_is_not_understood_is_taken_along(tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    strange = lines.write({**to_entry(judgement()), "state": "puzzling"})
    lines.append(other, [strange], NOON)
    made = merge(tmp_path / "mine.jsonl", other, NOON)
    assert (made.taken, made.unknown, made.damaged) == ((), 1, ())
    assert (tmp_path / "mine.jsonl").read_bytes() == strange + b"\n"


def test_damaged_lines_are_left_out_and_named(tmp_path: Path) -> None:
    other = Journal(tmp_path / "other.jsonl")
    other.append(judgement(), judgement())
    first = other.lines()[0]
    data = other.path.read_bytes()
    other.path.write_bytes(data.replace(first.raw, first.raw.replace(b"confirmed", b"trivial00")) + b"{torn")
    made = merge(tmp_path / "mine.jsonl", other.path, NOON)
    assert len(made.taken) == 1
    assert [place for place, _ in made.damaged] == [0, len(data)]


def test_a_whole_copy_brings_back_a_line_that_is_damaged_here(tmp_path: Path) -> None:
    mine, other = Journal(tmp_path / "mine.jsonl"), Journal(tmp_path / "other.jsonl")
    made = judgement()
    mine.append(made)
    other.append(made)
    mine.path.write_bytes(mine.path.read_bytes().replace(b"confirmed", b"trivial00"))
    assert mine.read() == []
    merge(mine.path, other.path, NOON)
    assert mine.read() == [made]


def test_a_last_line_without_its_end_is_taken(tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    made = judgement()
    other.write_bytes(lines.write(to_entry(made)))
    assert merge(tmp_path / "mine.jsonl", other, NOON).taken == (made,)


def test_merging_with_itself_does_nothing(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    journal.append(judgement())
    assert merge(journal.path, tmp_path, NOON).known == 1
    assert len(journal.lines()) == 1


def test_a_place_without_a_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no journal"):
        merge(tmp_path / "mine.jsonl", tmp_path, NOON)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"\n", b"\r\n"), (b'"state":', b'"state": '), (b'{"etolwatch', b'\xef\xbb\xbf{"etolwatch')],
    ids=["line ends", "a space", "byte order mark"],
)
def test_a_copy_that_a_program_wrote_otherwise_is_the_same_lines(
    tmp_path: Path, old: bytes, new: bytes
) -> None:
    mine, other = Journal(tmp_path / "mine.jsonl"), Journal(tmp_path / "other.jsonl")
    mine.append(judgement(), judgement(1))
    extra = judgement(2)
    other.append(*mine.read(), extra)
    other.path.write_bytes(other.path.read_bytes().replace(old, new))
    assert not list(other.faults())
    assert merge(mine.path, other.path, NOON).taken == (extra,)
    assert not list(mine.faults())
    assert b"\r" not in mine.path.read_bytes()
    assert merge(other.path, mine.path, NOON).taken == ()


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "config.toml"
    other.write_text('[[site]]\nname = "penhale"\n')
    with pytest.raises(UsageError, match="no journal"):
        merge(tmp_path / "mine.jsonl", other, NOON)


# ── repair ──


def damaged(journal: Journal, number: int, old: bytes, new: bytes) -> bytes:
    """Alters a line of the journal; gives back the line as it lies there then."""
    raws = journal.path.read_bytes().splitlines(keepends=True)
    assert old in raws[number]
    raws[number] = raws[number].replace(old, new, 1)
    journal.path.write_bytes(b"".join(raws))
    return raws[number]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"confirmed", b"trivial"),
        (b"confirmed", b"\x00onfirmed"),
        (b"confirmed", b"con\nfirmed"),
        (b"}\n", b"}*"),  # the next line, too, is damaged so
        (b'"id":"urn', b'"id":"vrn'),
        (b'"id"', b'"ie"'),
    ],
)
def test_damaged_lines_are_replaced_from_a_copy_and_kept_aside(
    tmp_path: Path, old: bytes, new: bytes
) -> None:
    mine, other = Journal(tmp_path / "mine.jsonl"), Journal(tmp_path / "other.jsonl")
    made = [judgement(minute) for minute in range(4)]
    mine.append(*made)
    other.append(*made)
    damaged(mine, 1, old, new)
    before = mine.path.read_bytes()
    done = lines.mend(mine.path, other.path, tmp_path / "aside", NOON)
    assert done.left == 0
    assert mine.read() == made
    assert not list(mine.faults())
    (aside,) = (tmp_path / "aside").iterdir()
    assert aside.read_bytes().startswith(before)
    assert lines.mend(mine.path, other.path, tmp_path / "aside", NOON) == lines.Mended(0, 0, 0)
    assert other.read() == made


def test_what_no_copy_is_known_to_have_stays_and_is_told(tmp_path: Path) -> None:
    mine, other = Journal(tmp_path / "mine.jsonl"), Journal(tmp_path / "other.jsonl")
    made = [judgement(minute) for minute in range(3)]
    mine.append(*made)
    other.append(made[0], made[2])
    raw = damaged(mine, 1, b"confirmed", b"trivial00")
    # with the line feed damaged, the copy's half of what stood there is not enough
    damaged(mine, 1, b"}\n", b"}*")
    done = lines.mend(mine.path, other.path, tmp_path / "aside", NOON)
    assert (done.taken, done.left) == (1, 1)
    assert raw[:-1] in mine.path.read_bytes()
    assert len(list(mine.faults())) == 1
    assert set(mine.read()) == {made[0], made[2]}


def test_a_journal_that_is_gone_or_torn_is_mended(tmp_path: Path) -> None:
    mine, other = Journal(tmp_path / "mine.jsonl"), Journal(tmp_path / "other.jsonl")
    made = [judgement(minute) for minute in range(3)]
    other.append(*made)
    assert lines.mend(mine.path, other.path, tmp_path / "aside", NOON) == lines.Mended(3, 0, 0)
    assert mine.read() == made
    mine.path.write_bytes(mine.path.read_bytes()[:-50])
    assert lines.mend(mine.path, other.path, tmp_path / "aside", NOON) == lines.Mended(1, 1, 0)
    assert mine.read() == made
    assert not list(mine.faults())
    assert lines.mend(tmp_path / "none", tmp_path / "neither", tmp_path, NOON) == lines.Mended(0, 0, 0)
    assert not (tmp_path / "none").exists()
