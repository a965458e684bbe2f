"""The apparatus of several witnesses: which places, which readings, and that nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from collate.texts import witness, witnesses
from etolwatch.collate.apparatus import Apparatus, apparatus, reading_of, rebuilt, sigla
from etolwatch.collate.tokens import tokens
from etolwatch.model import Category, Grade, Kind, Payload, Witness
from etolwatch.text.profiles import profile
from etolwatch.text.witness import witness as read

VERSIONS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "versions"


def of(*given_: Witness) -> Apparatus:
    return apparatus(list(zip(sigla(len(given_)), given_, strict=True)))


def shown(found: Apparatus) -> list[tuple[int, str, tuple[str, ...], list[tuple[str, str]]]]:
    """(row, lemma, its sigla, [(reading, sigla)]) of each place."""
    return [(p.row, p.lemma, p.sigla, [(r.text, "".join(r.sigla)) for r in p.readings]) for p in found.places]


FIRST = "The river rose above the old stone bridge in the night, and nobody slept."
SECOND = "In the morning the miller counted seven sacks of flour that were spoilt."
THIRD = "He wrote to the council at once, but the council did not answer his letter."


def test_sigla_run_from_a_to_z_and_begin_again_with_a_number() -> None:
    found = sigla(54)
    assert found[:3] == ["A", "B", "C"]
    assert found[25:28] == ["Z", "A1", "B1"]
    assert found[51:] == ["Z1", "A2", "B2"]
    assert sigla(0) == []


def test_witnesses_that_are_equal_have_no_places() -> None:
    assert of(witness(FIRST, SECOND), witness(FIRST, SECOND), witness(FIRST, SECOND)).places == ()


@pytest.mark.parametrize("names", [["A"], ["A", "A"], []])
def test_it_needs_two_witnesses_with_a_siglum_each(names: list[str]) -> None:
    with pytest.raises(ValueError, match="two witnesses"):
        apparatus([(name, witness(FIRST)) for name in names])


def test_witnesses_that_read_the_same_are_grouped() -> None:
    wooden, iron = FIRST.replace("stone", "wooden"), FIRST.replace("stone", "iron")
    found = of(witness(FIRST), witness(wooden), witness(iron), witness(FIRST), witness(wooden))
    assert shown(found) == [(0, "stone", ("A", "D"), [("wooden", "BE"), ("iron", "C")])]
    place = found.places[0]
    assert place.before == "river rose above the old"
    assert place.after == "bridge in the night, and"
    assert {reading.category for reading in place.readings} == {Category.SUBSTANTIVE}
    assert {reading.kind for reading in place.readings} == {Kind.SUBSTITUTION}


def test_spaces_alone_do_not_part_a_group() -> None:
    other = FIRST.replace("in the night, and", "by day , and")
    close = FIRST.replace("in the night, and", "by day, and")
    found = of(witness(FIRST), witness(other), witness(close))
    assert next((lemma, readings) for _, lemma, _, readings in shown(found)) == (
        "in the night",
        [("by day", "BC")],
    )


def test_places_that_overlap_are_one_transitively() -> None:
    # B takes “above the old”, C “old stone”, D “stone bridge”: A's four words are one place.
    found = of(
        witness(FIRST),
        witness(FIRST.replace("above the old", "beyond his")),
        witness(FIRST.replace("old stone", "broken")),
        witness(FIRST.replace("stone bridge", "ford")),
    )
    assert shown(found) == [
        (
            0,
            "above the old stone bridge",
            ("A",),
            [
                ("beyond his stone bridge", "B"),
                ("above the broken bridge", "C"),
                ("above the old ford", "D"),
            ],
        )
    ]


def test_places_that_only_touch_stay_apart() -> None:
    found = of(
        witness(FIRST), witness(FIRST.replace("stone", "wooden")), witness(FIRST.replace("bridge", "ford"))
    )
    assert shown(found) == [
        (0, "stone", ("A", "C"), [("wooden", "B")]),
        (0, "bridge", ("A", "B"), [("ford", "C")]),
    ]


def test_an_addition_stands_behind_the_word_it_follows() -> None:
    place = of(witness(FIRST), witness(FIRST.replace("old stone", "old grey stone"))).places[0]
    assert (place.lemma, place.readings[0].text, place.readings[0].kind) == ("", "grey", Kind.ADDITION)
    assert FIRST[: place.start].endswith("old")
    assert place.start == place.end


def test_an_omitted_block_does_not_hide_the_places_in_it() -> None:
    found = of(
        witness(FIRST, SECOND, THIRD),
        witness(FIRST, SECOND.replace("seven", "six"), THIRD),
        witness(FIRST, THIRD),
    )
    assert shown(found) == [
        (1, SECOND, ("A", "B"), [("", "C")]),
        (1, "seven", ("A",), [("six", "B")]),
    ]
    whole, word = found.places
    assert (whole.whole, word.whole) == (True, False)
    assert whole.readings[0].kind is Kind.OMISSION
    assert "omission" in whole.readings[0].flags


def test_a_block_added_by_two_witnesses_is_one_row() -> None:
    found = of(
        witness(FIRST, THIRD),
        witness(FIRST, SECOND, THIRD),
        witness(FIRST, SECOND.replace("seven", "six"), THIRD),
        witness(FIRST, SECOND, THIRD),
    )
    assert [row.is_added for row in found.rows] == [False, True, False]
    assert found.rows[1].after == 0
    assert shown(found) == [(1, "", ("A",), [(SECOND, "BD"), (SECOND.replace("seven", "six"), "C")])]
    assert {reading.kind for reading in found.places[0].readings} == {Kind.ADDITION}


def test_a_note_added_is_of_the_apparatus() -> None:
    found = of(witness(FIRST, notes=("See above.",)), witness(FIRST, notes=("See above.", "A parish paper.")))
    (reading,) = found.places[0].readings
    assert (reading.category, reading.grade, reading.text) == (
        Category.APPARATUS,
        Grade.WORDS,
        "A parish paper.",
    )


def test_a_split_is_a_place_with_a_new_paragraph_in_its_reading() -> None:
    found = of(witness(f"{FIRST} {SECOND}", THIRD), witness(FIRST, SECOND, THIRD))
    assert shown(found) == [(0, ". In", ("A",), [(".\nIn", "B")])]
    assert found.places[0].readings[0].kind is Kind.SPLIT
    assert found.places[0].grade is Grade.COSMETIC


def test_joins_and_transpositions_are_noted_with_their_rows() -> None:
    joined = of(witness(FIRST, SECOND, THIRD), witness(FIRST, f"{SECOND} {THIRD}"))
    assert joined.places == ()
    assert [(r.kind, r.rows, r.sigla) for r in joined.rearrangements] == [(Kind.JOIN, (1, 2), ("B",))]
    fourth = "The bridge was not mended before the spring of the second year."
    moved = of(
        witness(FIRST, SECOND, THIRD, fourth),
        witness(SECOND, THIRD, fourth, FIRST),
        witness(SECOND, THIRD, fourth, FIRST),
    )
    assert [(r.kind, r.rows, r.sigla, r.after) for r in moved.rearrangements] == [
        (Kind.TRANSPOSITION, (0,), ("B", "C"), 3)
    ]


def test_a_note_known_as_such_in_one_witness_only_keeps_its_label_out_of_the_places() -> None:
    unknown = witness("1. See the parish paper of that week.")
    known = witness(notes=("See the parish paper of that week.",))
    assert of(known, unknown).places == ()
    assert of(unknown, known).places == ()


def as_printed(of_witness: Witness) -> list[list[str]]:
    return [[token.t for token in tokens(block.text)] for block in of_witness.blocks]


@settings(max_examples=600, deadline=None)
@given(witnesses())
def test_each_witness_can_be_rebuilt_from_the_base_and_the_places(given_: list[tuple[str, Witness]]) -> None:
    found = apparatus(given_)
    for siglum, each in given_:
        assert rebuilt(found, siglum) == as_printed(each), siglum


@settings(max_examples=150, deadline=None)
@given(witnesses())
def test_every_witness_has_one_reading_in_each_place_unless_it_lacks_the_block(
    given_: list[tuple[str, Witness]],
) -> None:
    found = apparatus(given_)
    lacking = {
        (place.row, siglum)
        for place in found.places
        if place.whole
        for siglum in found.sigla
        if not reading_of(place, siglum)
    }
    for place in found.places:
        named = [*place.sigla, *(siglum for reading in place.readings for siglum in reading.sigla)]
        expected = [s for s in found.sigla if place.whole or (place.row, s) not in lacking]
        assert sorted(named) == sorted(expected)
        assert place.sigla[0] == "A"
        assert place.readings
        assert place.lemma == found.rows[place.row].text[place.start : place.end]


def unlabelled(block: list[str]) -> list[str]:
    """Without the label of a note, which one version may have in the words and another not."""
    return block[2:] if len(block) > 2 and block[0].isdigit() and block[1] == "." else block


def test_each_version_of_the_real_pages_can_be_rebuilt() -> None:
    if not VERSIONS.is_dir():
        pytest.skip(f"real pages are not at hand: {VERSIONS} is absent")
    for folder in sorted(path for path in VERSIONS.iterdir() if path.is_dir()):
        pages = [
            read(Payload("https://www.marxists.org/page.htm", path.read_bytes()), profile("etol"))
            for path in sorted(folder.iterdir())
            if path.is_file()
        ]
        if len(pages) < 2:
            continue
        found = of(*pages)
        for siglum, page in zip(found.sigla, pages, strict=True):
            again, printed = rebuilt(found, siglum), as_printed(page)
            assert [unlabelled(b) for b in again] == [unlabelled(b) for b in printed], (folder.name, siglum)
