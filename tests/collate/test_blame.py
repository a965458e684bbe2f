"""Since when each block of a page stands as it does, and what last changed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings

from collate.texts import witness, witnesses
from etolwatch.collate.blame import Blame, Stay, Version, blame, forms
from etolwatch.model import Kind, Witness
from etolwatch.publish.blame import blame_text, blame_to_dict

FIRST = "The river rose above the old stone bridge in the night, and nobody slept."
SECOND = "In the morning the miller counted seven sacks of flour that were spoilt."
THIRD = "He wrote to the council at once, but the council did not answer his letter."
FOURTH = "The bridge was not mended before the spring of the second year."
START = datetime(2021, 1, 9, 4, tzinfo=UTC)


def versions(*texts: Witness) -> list[Version]:
    """A week apart."""
    return [Version(START + timedelta(days=7 * place), text) for place, text in enumerate(texts)]


def last(*texts: Witness) -> list[Blame]:
    return blame(versions(*texts))


def test_a_page_without_versions_has_no_blame() -> None:
    assert blame([]) == []


def test_what_never_changed_stands_since_the_first_version() -> None:
    (found,) = last(witness(FIRST), witness(FIRST), witness(FIRST))
    assert (found.first_seen, found.since, found.changes) == (0, 0, ())


def test_a_changed_word_is_blamed_on_the_version_that_brought_it() -> None:
    iron = FIRST.replace("stone", "iron")
    first, second = last(witness(FIRST, SECOND), witness(iron, SECOND), witness(iron, SECOND))
    assert (first.first_seen, first.since) == (1, 1)
    assert first.changed is not None
    assert (first.changed.after_at, first.changed.until_at) == (START, START + timedelta(days=7))
    assert [(v.lemma, v.reading) for v in first.changed.variants] == [("stone", "iron")]
    assert second.changed is None


def test_the_last_of_several_changes_comes_first() -> None:
    iron = FIRST.replace("stone", "iron")
    (found,) = last(witness(FIRST), witness(iron), witness(iron.replace("night", "dusk")))
    assert [change.version for change in found.changes] == [2, 1]
    assert [change.variants[0].reading for change in found.changes] == ["dusk", "iron"]


def test_a_block_that_went_and_came_back_keeps_its_history() -> None:
    first, second = last(witness(FIRST, SECOND), witness(FIRST), witness(FIRST), witness(FIRST, SECOND))
    assert second.stays == (Stay(0, 0), Stay(3, 3))
    assert (second.first_seen, second.since) == (0, 3)
    assert second.changed is not None
    assert [variant.kind for variant in second.changed.variants] == [Kind.ADDITION]
    assert first.stays == (Stay(0, 3),)


def test_an_edit_made_and_reverted_does_not_vanish() -> None:
    (found,) = last(witness(FIRST), witness(FIRST.replace("stone", "iron")), witness(FIRST))
    assert found.stays == (Stay(0, 0), Stay(2, 2))
    assert [(c.version, c.variants[0].lemma, c.variants[0].reading) for c in found.changes] == [
        (2, "iron", "stone"),
        (1, "stone", "iron"),
    ]


def test_a_moved_block_keeps_its_age() -> None:
    text = witness(FIRST, SECOND, THIRD, FOURTH)
    found = last(text, witness(SECOND, THIRD, FOURTH, FIRST))[-1]
    assert found.since == 0
    assert found.changed is not None
    assert (found.changed.moved, found.changed.variants) == (True, ())


def test_the_halves_of_a_split_block_are_new_and_have_its_past() -> None:
    iron = FIRST.replace("stone", "iron")
    first, second = last(witness(f"{FIRST} {SECOND}"), witness(f"{iron} {SECOND}"), witness(iron, SECOND))
    for half in (first, second):
        assert half.since == 2
        assert [change.version for change in half.changes] == [2, 1]
        assert {variant.kind for variant in half.changes[0].variants} == {Kind.SPLIT}
        assert half.changes[1].variants[0].reading == "iron"


def test_a_joined_block_has_the_past_of_both() -> None:
    iron, six = FIRST.replace("stone", "iron"), SECOND.replace("seven", "six")
    (found,) = last(
        witness(FIRST, SECOND), witness(iron, SECOND), witness(iron, six), witness(f"{iron} {six}")
    )
    assert [change.version for change in found.changes] == [3, 2, 1]
    assert {variant.kind for variant in found.changes[0].variants} == {Kind.JOIN}


@settings(max_examples=200, deadline=None)
@given(witnesses())
def test_a_form_is_seen_where_it_stands_and_changes_only_where_it_changed(
    given_: list[tuple[str, Witness]],
) -> None:
    texts = versions(*(each for _, each in given_))
    for each in blame(texts):
        seen = {place for stay in each.stays for place in range(stay.first, stay.last + 1)}
        standing = [{form for block in v.witness.blocks for form in forms(block)} for v in texts]
        assert seen == {place for place, present in enumerate(standing) if forms(each.block) & present}
        assert each.stays[-1].last == len(texts) - 1
        assert each.since == 0 or any(change.version >= each.since for change in each.changes)
        assert [change.version for change in each.changes] == sorted(
            {change.version for change in each.changes}, reverse=True
        )


def test_an_inserted_note_does_not_age_those_that_are_renumbered() -> None:
    found = last(witness(notes=(FIRST, THIRD)), witness(notes=(FIRST, SECOND, THIRD)))
    assert [each.since for each in found] == [0, 1, 0]
    assert [len(each.changes) for each in found] == [0, 1, 0]


# ── as text ──


def test_the_text_says_since_when_and_what() -> None:
    texts = versions(
        witness(FIRST, SECOND, notes=("See the map.",)),
        witness(FIRST.replace("stone", "iron"), notes=("See the map.",)),
        witness(FIRST.replace("stone", "iron"), SECOND, notes=("See the map.",)),
    )
    first, second, note = blame_text(texts, blame(texts)).split("\n\n")
    assert first.splitlines() == [
        "¶1: The river rose above the old iron bridge in the night, and nobody slept.",
        "    in this form since version 2 (16 January 2021)",
        "    last changed between 9 and 16 January 2021:",
        "        stone] iron (other words)",
    ]
    assert second.splitlines()[1] == (
        "    in this form since version 3 (23 January 2021); "
        "first seen in version 1 (9 January 2021), absent in version 2"
    )
    assert note.splitlines() == [
        "note 1: See the map.",
        "    in this form since the first version (9 January 2021)",
    ]


def test_the_json_names_versions_by_their_places() -> None:
    texts = versions(witness(FIRST), witness(FIRST.replace("stone", "iron")))
    found = blame_to_dict(texts, blame(texts))
    assert found["versions"] == ["2021-01-09T04:00:00Z", "2021-01-16T04:00:00Z"]
    (block,) = found["blocks"]
    assert (block["first_seen"], block["since"], block["stays"]) == (1, 1, [[1, 1]])
    assert block["changes"][0]["variants"][0]["lemma"] == "stone"
