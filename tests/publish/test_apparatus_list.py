"""The plain list of an apparatus, and its JSON."""

from __future__ import annotations

import json

from collate.texts import witness

from etolwatch.collate.apparatus import Apparatus, apparatus, sigla
from etolwatch.model import Grade, Witness
from etolwatch.publish.apparatus import plain_list, to_json

FIRST = "The river rose above the old stone bridge in the night, and nobody slept."
SECOND = "In the morning the miller counted seven sacks of flour that were spoilt."
THIRD = "He wrote to the council at once, but the council did not answer his letter."
FOURTH = "The bridge was not mended before the spring of the second year."


def of(*texts: Witness) -> Apparatus:
    return apparatus(list(zip(sigla(len(texts)), texts, strict=True)))


def listed(*texts: Witness) -> list[str]:
    return [line.strip() for line in plain_list(of(*texts)).splitlines() if line]


def test_substitutions_omissions_and_additions() -> None:
    assert listed(
        witness(FIRST),
        witness(FIRST.replace("stone", "iron")),
        witness(FIRST.replace("stone ", "")),
        witness(FIRST.replace("old stone", "old grey stone")),
        witness(FIRST.replace("stone", "iron")),
    ) == ["Text", "¶1 (after old) add. grey D", "¶1 stone] iron B E; om. C"]


def test_whole_blocks() -> None:
    assert listed(witness(FIRST, SECOND), witness(FIRST), witness(FIRST, SECOND, FOURTH)) == [
        "Text",
        "¶2 om. B",
        f"after ¶2 add. {FOURTH} C",
    ]


def test_a_split_a_join_and_a_transposition() -> None:
    base = witness(f"{FIRST} {SECOND}", THIRD, FOURTH)
    assert listed(base, witness(FIRST, SECOND, THIRD, FOURTH)) == ["Text", "¶1 . In] . ¶ In B"]
    assert listed(base, witness(f"{FIRST} {SECOND}", f"{THIRD} {FOURTH}")) == ["Text", "¶2–3 one paragraph B"]
    assert listed(base, witness(THIRD, FOURTH, f"{FIRST} {SECOND}")) == ["Text", "¶1 transp. after ¶3 B"]


def test_a_word_that_stands_twice_is_counted() -> None:
    changed = "but the council".join(THIRD.split("but the council")).replace(
        "the council did", "the mayor did"
    )
    assert listed(witness(THIRD), witness(changed)) == ["Text", "¶1 council²] mayor B"]


def test_a_word_inside_another_is_not_counted() -> None:
    text = "They saw the other bank."
    assert listed(witness(text), witness(text.replace("the other", "another"))) == [
        "Text",
        "¶1 the other] another B",
    ]
    assert listed(witness(text), witness(text.replace(" the ", " that "))) == ["Text", "¶1 the] that B"]


def test_a_long_lemma_is_told_by_its_ends() -> None:
    short = FIRST.replace("above the old stone bridge in the night", "fast")
    assert listed(witness(FIRST), witness(short)) == ["Text", "¶1 above … night] fast B"]


def test_zones_have_headings_and_notes_their_labels() -> None:
    assert listed(
        witness(FIRST, notes=("See the map.",)),
        witness(FIRST.replace("stone", "iron"), notes=("See the old map.",)),
    ) == ["Text", "¶1 stone] iron B", "Notes", "note 1 (after the) add. old B"]


def test_nothing_is_listed_for_equal_witnesses_or_below_the_grade() -> None:
    assert plain_list(of(witness(FIRST), witness(FIRST))) == ""
    comma = of(witness(FIRST), witness(FIRST.replace("night,", "night")))
    assert plain_list(comma) == "Text\n  ¶1 ,] om. B\n"
    assert plain_list(comma, Grade.WORDS) == ""


def test_no_reading_can_steer_a_terminal() -> None:
    assert "\x1b" not in plain_list(of(witness(FIRST), witness(FIRST.replace("stone", "iron \x1b[2J"))))


def test_the_json_has_every_place_with_its_class() -> None:
    found = json.loads(to_json(of(witness(FIRST), witness(FIRST.replace("stone", "iron")))))
    assert found["sigla"] == ["A", "B"]
    assert found["rows"][0]["where"] == "¶1"
    (place,) = found["places"]
    assert (place["lemma"], place["sigla"], place["start"]) == ("stone", ["A"], FIRST.index("stone"))
    (reading,) = place["readings"]
    assert (reading["reading"], reading["sigla"], reading["category"], reading["grade"]) == (
        "iron",
        ["B"],
        "substantive",
        "words",
    )
