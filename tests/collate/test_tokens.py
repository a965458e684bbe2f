"""Tokens and the keys of comparison, each folding more than the one before."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.collate.tokens import case, letters, punct, tokens, typo, without_diacritics

KEYS = (typo, case, punct, letters)


def printed(text: str) -> list[str]:
    return [token.t for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("The lock gates stayed shut.", ["The", "lock", "gates", "stayed", "shut", "."]),
        ("don't", ["don't"]),
        ("don’t", ["don’t"]),
        ("to-day", ["to-day"]),
        ("rock ’n’ roll", ["rock", "’", "n", "’", "roll"]),
        ("250,000 marks", ["250,000", "marks"]),
        ("£300,000", ["£", "300,000"]),
        ("3.5 per cent", ["3.5", "per", "cent"]),
        ("1921–22", ["1921", "–", "22"]),
        ("men—boys", ["men", "—", "boys"]),
        ("“no”", ["“", "no", "”"]),
        ("well...", ["well", "..."]),
        ("well. . .", ["well", ". . ."]),
        ("well…", ["well", "…"]),
        ("café naïve", ["café", "naïve"]),
        ("слово λόγος", ["слово", "λόγος"]),
        ("", []),
        ("   ", []),
    ],
)
def test_words_numbers_and_single_marks(text: str, parts: list[str]) -> None:
    assert printed(text) == parts


@given(st.text(max_size=80))
def test_tokens_are_the_text_without_its_white_space(text: str) -> None:
    found = tokens(text)
    at = 0
    for token in found:
        assert text[token.start : token.end] == token.t
        assert not text[at : token.start].strip()
        at = token.end
    assert not text[at:].strip()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("don't", "don’t"),
        ('"no"', "“no”"),
        ("„no“", "«no»"),
        ("1921-22", "1921–22"),
        ("a – b", "a — b"),
        ("well...", "well…"),
        ("well. . .", "well…"),
        ("ﬁrst", "first"),
        ("eﬀect", "effect"),
        ("a -- b", "a — b"),
    ],
)
def test_typo_levels_the_dress_of_marks(one: str, two: str) -> None:
    assert typo(one) == typo(two)


@pytest.mark.parametrize(
    ("one", "two"), [("'no'", '"no"'), ("no,", "no;"), ("No", "no"), ("x²", "x2"), ("½", "1/2")]
)
def test_typo_levels_no_more(one: str, two: str) -> None:
    assert typo(one) != typo(two)


def test_each_key_folds_what_it_says() -> None:
    assert case("THE Mill") == case("the mill")
    assert case("the mill,") != case("the mill")
    assert punct("the mill, “now”!") == punct("The mill now")
    assert punct("to-day") != punct("today")
    assert letters("to-day") == letters("to day") == letters("Today!")
    assert letters("now") != letters("not")
    assert letters("14") != letters("15")


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_one_key_holds_equal_the_next_does_too(one: str, two: str) -> None:
    for finer, coarser in pairwise(KEYS):
        if finer(one) == finer(two):
            assert coarser(one) == coarser(two)


@given(st.sampled_from(["don’t", "“a – b”", "…", "ﬁrst — ‘x’", "Á--b", "a. . .b"]))
def test_a_key_of_a_key_is_the_key(text: str) -> None:
    for key in KEYS:
        assert key(key(text)) == key(text)


def test_diacritics() -> None:
    assert without_diacritics("café naïve rôle Ångström") == "cafe naive role Angstrom"
    assert without_diacritics("ø đ") == "ø đ"
