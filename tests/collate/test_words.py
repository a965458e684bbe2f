"""Where two texts differ, to the word; laws first, then the places that a reader expects."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etolwatch.collate.words import Edit, bigrams, dice, edits, exchanged

WORDS = st.sampled_from(
    "the a mill mills not now gate gates of in 14 1911 2,400 to-day don't don’t café — , . ; “ ” ? …".split()
)
TEXTS = st.lists(WORDS, max_size=30).map(" ".join)
FREE = st.text(alphabet="ab ,.-'’–“\u00a0A1é", max_size=40)


def changes(base: str, other: str) -> list[tuple[str, str]]:
    return [
        (base[edit.base_start : edit.base_end].strip(), other[edit.other_start : edit.other_end].strip())
        for edit in edits(base, other)
    ]


def rebuilt(base: str, other: str, found: list[Edit]) -> str:
    """The base with each of its slices replaced by that of the other."""
    parts, at = [], 0
    for edit in found:
        assert at <= edit.base_start <= edit.base_end <= len(base)
        parts += [base[at : edit.base_start], other[edit.other_start : edit.other_end]]
        at = edit.base_end
    return "".join((*parts, base[at:]))


def folded(text: str) -> str:
    """White space is no token: a run of it is one space, and beside an edit it may be any."""
    return "".join(text.split())


@settings(max_examples=300)
@given(st.one_of(TEXTS, FREE), st.one_of(TEXTS, FREE))
def test_base_and_edits_are_the_other(base: str, other: str) -> None:
    assert folded(rebuilt(base, other, edits(base, other))) == folded(other)


@given(st.one_of(TEXTS, FREE), st.one_of(TEXTS, FREE))
def test_other_and_edits_turned_round_are_the_base(base: str, other: str) -> None:
    turned = [Edit(e.other_start, e.other_end, e.base_start, e.base_end) for e in edits(base, other)]
    assert folded(rebuilt(other, base, turned)) == folded(base)


@given(st.one_of(TEXTS, FREE))
def test_equal_texts_have_no_edit(text: str) -> None:
    assert edits(text, text) == []


@given(st.one_of(TEXTS, FREE), st.one_of(TEXTS, FREE))
def test_edits_are_in_order_and_do_not_overlap(base: str, other: str) -> None:
    base_at = other_at = 0
    for edit in edits(base, other):
        assert base_at <= edit.base_start <= edit.base_end
        assert other_at <= edit.other_start <= edit.other_end
        assert (edit.base_start, edit.other_start) != (edit.base_end, edit.other_end)
        base_at, other_at = edit.base_end, edit.other_end


@given(st.lists(WORDS, min_size=4, max_size=30), st.data())
def test_one_word_replaced_is_one_edit_either_way(words: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(words) - 1))
    other = [*words[:place], "zebra", *words[place + 1 :]]
    assert len(edits(" ".join(words), " ".join(other))) == 1
    assert len(edits(" ".join(other), " ".join(words))) == 1


@given(st.lists(st.booleans(), min_size=1, max_size=25), st.sampled_from(["replaced", "omitted"]))
def test_as_many_edits_as_places_and_as_many_turned_round(changed: list[bool], how: str) -> None:
    """Where no word stands twice, each run of changed words is one edit, whichever side is the base."""
    base = [f"word{letters}" for letters in "abcdefghijklmnopqrstuvwxy"[: len(changed)]]
    new = {word: f"other{word[-1]}" if how == "replaced" else "" for word in base}
    other = [new[word] if change else word for word, change in zip(base, changed, strict=True)]
    places = sum(1 for change, _ in groupby(changed) if change)
    left, right = " ".join(base), " ".join(word for word in other if word)
    assert len(edits(left, right)) == len(edits(right, left)) == places


@pytest.mark.parametrize(
    ("base", "other", "expected"),
    [
        ("the gates stayed shut", "the gates stayed open", [("shut", "open")]),
        ("it did not call", "it did call", [("not", "")]),
        ("it did call", "it did not call", [("", "not")]),
        ("as before, it", "as before; it", [(",", ";")]),
        ("to day we", "today we", [("to day", "today")]),
        ("co-operate now", "cooperate now", [("co-operate", "cooperate")]),
        ("in 1921-22 it", "in 1921–22 it", [("-", "–")]),
        ("14 May", "15 May", [("14", "15")]),
        ("a b c d e f", "a x c d y f", [("b", "x"), ("e", "y")]),
        ("One. Two three. Four.", "One. Four.", [("Two three.", "")]),
        ("One. Four.", "One. Two three. Four.", [("", "Two three.")]),
        ("the the the mill", "the the mill", [("the", "")]),
        ("", "all new", [("", "all new")]),
        ("all gone", "", [("all gone", "")]),
        ("Don't go", "Don’t go", [("Don't", "Don’t")]),
        ("The mill", "the mill", [("The", "the")]),
    ],
)
def test_the_smallest_differing_words(base: str, other: str, expected: list[tuple[str, str]]) -> None:
    assert changes(base, other) == expected


def test_long_texts_are_aligned_by_sentences_with_the_same_result() -> None:
    sentences = [f"The keeper number {n} opened the gate and went home to his {n} hens." for n in range(300)]
    other = list(sentences)
    other[150] = other[150].replace("opened", "closed")
    del other[40]
    found = changes(" ".join(sentences), " ".join(other))
    assert ("opened", "closed") in found
    assert (sentences[40], "") in found
    assert len(found) == 2


def test_a_long_text_rewritten_is_rebuilt_all_the_same() -> None:
    base = " ".join(f"word{n} and" for n in range(3000))
    other = " ".join(f"other{n} but" for n in range(2900))
    assert folded(rebuilt(base, other, edits(base, other))) == folded(other)


def test_exchanged_is_the_whole() -> None:
    assert exchanged("abc", "de") == [Edit(0, 3, 0, 2)]
    assert exchanged("", "") == []


def test_dice_of_bigrams() -> None:
    assert dice(bigrams("the old mill"), bigrams("the old mill")) == 1.0
    assert dice(bigrams("the old mill"), bigrams("quite another thing")) == 0.0
    assert 0.3 < dice(bigrams("the old mill by the river"), bigrams("the new mill by the river")) < 1
    assert dice(bigrams("a b"), bigrams("c d e")) == dice(bigrams("c d e"), bigrams("a b"))
