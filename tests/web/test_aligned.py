"""Both texts in rows: nothing of either is lost, each difference has its number, moves are linked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.collate.compare import compare
from etolwatch.collate.strange import read
from etolwatch.model import Finding, Payload, Witness, Zone
from etolwatch.text.profiles import profile
from etolwatch.web.aligned import Aligned, Row, Segment, Shelf, Texts, aligned

CASES = Path(__file__).parent.parent / "cases"
NO_TEXT = ("gone_410", "suspect_blank", "suspect_empty")
ETOL = profile("etol")
LINES = {
    "a": "The harbour lamps were lit at dusk along the whole of the wall by four keepers.",
    "b": "In winter the ferry crossed once a day and carried the post, the papers and the priest.",
    "c": "Nobody asked the printer what he thought of the new almanac, and he did not say it.",
    "d": "The committee met on Thursdays in the back room of the library, under the old clock.",
    "e": "Two of the weavers had walked from the next valley to hear the report of the delegates.",
}


def page(*paragraphs: str, notes: str = "") -> bytes:
    body = "".join(f"<p>{text}</p>\n" for text in paragraphs)
    return f"<html><body><h1>A page</h1>\n{body}{notes}</body></html>".encode()


def both(before: bytes, after: bytes) -> tuple[Witness, Witness, Finding, Aligned]:
    payloads = [Payload("https://www.example.org/a.htm", body) for body in (before, after)]
    base, other = (read(payload, ETOL).witness for payload in payloads)
    assert base
    assert other
    finding = compare(*payloads, ETOL)
    return base, other, finding, aligned(base, other, finding)


def texts(rows: tuple[Row, ...], side: str) -> str:
    """The words of one side, as its segments have them."""
    parts = [
        segment.text
        for row in sorted(rows, key=lambda row: row.number)
        for segment in (row.was if side == "was" else row.is_)
        if segment.role in ("same", side)
    ]
    return squeezed("".join(parts))


def squeezed(text: str) -> str:
    return "".join(text.replace("¶", "").split())


def letters_of(witness: Witness) -> str:
    return squeezed("".join((block.text) for block in witness.blocks))


@pytest.mark.parametrize(
    "case",
    sorted(path.parent.name for path in CASES.glob("*/before.html") if path.parent.name not in NO_TEXT),
)
def test_no_word_of_either_side_is_lost(case: str) -> None:
    folder = CASES / case
    base, other, finding, found = both(
        (folder / "before.html").read_bytes(), (folder / "after.html").read_bytes()
    )
    assert sorted(texts(found.rows, "was")) == sorted(letters_of(base))
    assert sorted(texts(found.rows, "is")) == sorted(letters_of(other))
    assert set(found.places) <= set(range(1, len(finding.variants) + 1))
    assert [row.number for row in found.rows] == list(range(1, len(found.rows) + 1))
    assert [row for run in found.runs for row in run.rows] == list(found.rows)


@given(st.permutations(list(LINES)), st.lists(st.sampled_from(list(LINES)), unique=True, max_size=3))
def test_nor_when_paragraphs_are_moved_and_removed(order: list[str], removed: list[str]) -> None:
    base, other, _, found = both(
        page(*LINES.values()), page(*(LINES[name] for name in order if name not in removed))
    )
    assert sorted(texts(found.rows, "was")) == sorted(letters_of(base))
    assert sorted(texts(found.rows, "is")) == sorted(letters_of(other))
    for row in found.rows:
        if row.partner is not None:
            partner = found.row(row.partner)
            assert partner.partner == row.number
            assert {row.is_trace, partner.is_trace} == {True, False}


def test_an_exchanged_word_is_marked_on_both_sides_with_its_number_and_class() -> None:
    _, _, finding, found = both(
        page(LINES["a"], LINES["b"]), page(LINES["a"], LINES["b"].replace("once", "twice"))
    )
    (row,) = [row for row in found.rows if row.is_changed]
    assert [s for s in row.was if s.role == "was"] == [Segment("once", "was", "substantive", 1)]
    assert [s for s in row.is_ if s.role == "is"] == [Segment("twice", "is", "substantive", 1)]
    assert [s.text for s in row.merged][1:3] == ["once", "twice"]
    assert finding.variants[0].lemma == "once"
    assert found.places == {1: row.number}


def test_a_removed_paragraph_stands_alone_where_it_stood() -> None:
    _, _, _, found = both(page(LINES["a"], LINES["b"], LINES["c"]), page(LINES["a"], LINES["c"]))
    (row,) = [row for row in found.rows if row.is_changed]
    assert row.is_ == ()
    assert row.was == (Segment(LINES["b"], "was", "substantive", 1),)
    assert LINES["a"] in found.row(row.number - 1).is_[0].text
    assert LINES["c"] in found.row(row.number + 1).is_[0].text


def test_an_added_paragraph_has_nothing_before() -> None:
    _, _, _, found = both(page(LINES["a"], LINES["c"]), page(LINES["a"], LINES["b"], LINES["c"]))
    (row,) = [row for row in found.rows if row.is_changed]
    assert row.was == ()
    assert row.merged == row.is_ == (Segment(LINES["b"], "is", "substantive", 1),)


def test_a_moved_paragraph_leaves_a_trace_where_it_stood() -> None:
    _, _, finding, found = both(
        page(LINES["a"], LINES["b"], LINES["c"], LINES["d"], LINES["e"]),
        page(LINES["a"], LINES["c"], LINES["d"], LINES["e"], LINES["b"]),
    )
    (trace,) = [row for row in found.rows if row.is_trace]
    moved = found.row(trace.partner or 0)
    assert moved.is_[0].text == LINES["b"]
    assert moved.partner == trace.number < moved.number
    assert found.row(trace.number + 1).is_[0].text == LINES["c"]
    assert finding.variants[moved.numbers[0] - 1].why.startswith("moved")


def test_a_split_paragraph_shows_the_seam() -> None:
    whole = f"{LINES['a']} {LINES['b']}"
    _, _, _, found = both(page(whole), page(LINES["a"], LINES["b"]))
    (row,) = [row for row in found.rows if row.is_changed]
    assert "¶" in "".join(segment.text for segment in row.is_)
    assert "¶" not in "".join(segment.text for segment in row.was)
    assert "structure" in row.categories


def noted(text: str) -> str:
    return (
        '<h3>Notes</h3>\n<p class="note"><a id="n1" name="n1" href="#f1">1.</a> See the letters, p. 7.</p>\n'
        f'<p class="note"><a id="n2" name="n2" href="#f2">2.</a> {text}</p>\n'
    )


MARKED = (
    LINES["a"] + ' <a id="f1" name="f1" href="#n1">[1]</a>',
    LINES["b"] + ' <a id="f2" name="f2" href="#n2">[2]</a>',
    LINES["c"],
)


def test_a_changed_note_is_named_beside_the_paragraph_that_refers_to_it() -> None:
    _, _, _, found = both(
        page(*MARKED, notes=noted("The report of 1921, p. 9.")),
        page(*MARKED, notes=noted("The report of 1921, p. 19.")),
    )
    (note,) = [row for row in found.rows if row.zone is Zone.NOTE and row.is_changed]
    (beside,) = [row for row in found.rows if row.notes]
    assert beside.notes == (note.number,)
    assert LINES["b"] in "".join(segment.text for segment in beside.is_)
    assert Segment("[2]", "mark") in beside.is_


def test_unchanged_paragraphs_are_folded_but_for_the_nearest() -> None:
    many = [f"{text} Number {number}." for number in range(4) for text in LINES.values()]
    _, _, _, found = both(page(*many), page(*many[:9], many[9].replace("the", "these", 1), *many[10:]))
    (changed,) = [row.number for row in found.rows if row.is_changed]
    shown = [row.number for run in found.runs if not run.folded for row in run.rows]
    assert shown == [changed - 1, changed, changed + 1]


def test_what_is_told_once_for_many_places_is_marked_at_each() -> None:
    one = ["“Lamps” were lit.", "The “ferry” crossed.", "No “almanac” was printed."]
    two = [text.replace("“", '"').replace("”", '"') for text in one]
    _, _, finding, found = both(page(*one), page(*two))
    assert [variant.count for variant in finding.variants] == [6]
    numbers = [segment.number for row in found.rows for segment in row.is_ if segment.role == "is"]
    assert numbers == [1] * 6
    assert len([row for row in found.rows if row.is_changed]) == 3


# ── what a server keeps of them ──


def texts_of(letters: int) -> Texts:
    segments = (Segment("a" * letters),)
    return Texts(Aligned((Row(1, "paragraph 1", Zone.BODY, was=segments),), {}), "A page")


def test_the_shelf_drops_what_was_not_looked_at_for_longest() -> None:
    shelf = Shelf(most=2, letters=100)
    one, two, three = texts_of(1), texts_of(2), texts_of(3)
    shelf.put("one", one)
    shelf.put("two", two)
    assert shelf.get("one") is one
    shelf.put("three", three)
    assert (shelf.get("one"), shelf.get("two"), shelf.get("three")) == (one, None, three)


def test_the_shelf_holds_so_many_letters_and_no_more() -> None:
    shelf = Shelf(most=10, letters=100)
    shelf.put("one", texts_of(60))
    shelf.put("two", texts_of(50))
    assert shelf.get("one") is None
    assert shelf.get("two") is not None
    shelf.put("vast", texts_of(101))
    assert shelf.get("vast") is None


def test_what_is_put_twice_counts_once() -> None:
    shelf = Shelf(most=10, letters=100)
    shelf.put("one", texts_of(60))
    shelf.put("one", texts_of(60))
    assert shelf.get("one") is not None
