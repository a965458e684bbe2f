"""The table of classes: the first test that holds decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.collate.classify import Class, classify
from etolwatch.collate.flags import Context
from etolwatch.collate.lexicon import Lexicon
from etolwatch.model import Category, Grade, Zone

C = Category
NONE, COSMETIC, WORDS = Grade.NONE, Grade.COSMETIC, Grade.WORDS


def of(
    lemma: str, reading: str, zone: Zone = Zone.BODY, *texts: str, before: str = "and so", after: str = ""
) -> Class:
    return classify(lemma, reading, zone, Lexicon(texts), Context(before, after))


TABLE = [
    # whitespace
    ("the  mill", "the mill", C.WHITESPACE, NONE),
    # encoding
    ("“", "\ufffd", C.ENCODING, COSMETIC),
    ("\ufffd", "£", C.ENCODING, COSMETIC),
    ("£", "ÿÿ", C.ENCODING, COSMETIC),
    ("don’t", "don?t", C.ENCODING, COSMETIC),
    ("–", "?", C.ENCODING, COSMETIC),
    ("café", "caf\ufffd", C.ENCODING, WORDS),
    ("café", "caf?", C.ENCODING, WORDS),
    ("vis-à-vis", "vis-ÿÿ-vis", C.ENCODING, WORDS),
    ("£300,000", "?00,000", C.ENCODING, WORDS),
    ("2½", "2\ufffd", C.ENCODING, WORDS),
    # an apostrophe that parts two words is more than a mark
    ("won't", "wont", C.SUBSTANTIVE, WORDS),
    ("we're", "were", C.SUBSTANTIVE, WORDS),
    ("bakers'", "baker's", C.PUNCTUATION, COSMETIC),
    # typography
    ('"', "“", C.TYPOGRAPHY, COSMETIC),
    ("don't", "don’t", C.TYPOGRAPHY, COSMETIC),
    ("-", "–", C.TYPOGRAPHY, COSMETIC),
    ("–", "—", C.TYPOGRAPHY, COSMETIC),
    ("...", "…", C.TYPOGRAPHY, COSMETIC),
    ("first", "ﬁrst", C.TYPOGRAPHY, COSMETIC),
    # capitalisation
    ("Party", "party", C.CAPITALISATION, COSMETIC),
    ("Don't", "DON’T", C.CAPITALISATION, COSMETIC),
    # word division
    ("to-day", "today", C.WORD_DIVISION, COSMETIC),
    ("To day", "today", C.WORD_DIVISION, COSMETIC),
    ("can not", "cannot", C.WORD_DIVISION, COSMETIC),
    ("trade union", "trade-union", C.WORD_DIVISION, COSMETIC),
    ("no where", "nowhere", C.WORD_DIVISION, COSMETIC),
    # punctuation
    (",", ";", C.PUNCTUATION, COSMETIC),
    ("", ",", C.PUNCTUATION, COSMETIC),
    (".", "?", C.PUNCTUATION, COSMETIC),
    ("‘", "“", C.PUNCTUATION, COSMETIC),
    ("Mr", "Mr.", C.PUNCTUATION, COSMETIC),
    # spelling
    ("role", "rôle", C.SPELLING, WORDS),
    ("labour", "labor", C.SPELLING, WORDS),
    ("Labour", "Labor", C.SPELLING, WORDS),
    ("organise", "organize", C.SPELLING, WORDS),
    ("centre", "center", C.SPELLING, WORDS),
    ("plough", "plow", C.SPELLING, WORDS),
    ("goverment", "government", C.SPELLING, WORDS),
    ("received", "recieved", C.SPELLING, WORDS),
    # substantive
    ("not", "now", C.SUBSTANTIVE, WORDS),
    ("county", "country", C.SUBSTANTIVE, WORDS),
    ("casual", "causal", C.SUBSTANTIVE, WORDS),
    ("mill", "mil", C.SUBSTANTIVE, WORDS),
    ("14", "15", C.SUBSTANTIVE, WORDS),
    ("19 11", "1911", C.SUBSTANTIVE, WORDS),
    ("1.5", "15", C.SUBSTANTIVE, WORDS),
    ("not", "", C.SUBSTANTIVE, WORDS),
    ("", "the mill", C.SUBSTANTIVE, WORDS),
    ("x²", "x2", C.SUBSTANTIVE, WORDS),
]


@pytest.mark.parametrize(("lemma", "reading", "category", "grade"), TABLE)
def test_the_table(lemma: str, reading: str, category: Category, grade: Grade) -> None:
    found = of(lemma, reading)
    assert (found.category, found.grade) == (category, grade)
    assert found.why


@pytest.mark.parametrize(("lemma", "reading", "category", "grade"), TABLE)
def test_the_table_turned_round(lemma: str, reading: str, category: Category, grade: Grade) -> None:
    found = of(reading, lemma)
    assert (found.category, found.grade) == (category, grade)


@pytest.mark.parametrize(
    ("zone", "category"),
    [
        (Zone.HEADER, C.HEADER),
        (Zone.CREDIT, C.CREDIT),
        (Zone.INDEX, C.INDEX),
        (Zone.BODY, C.SUBSTANTIVE),
        (Zone.NOTE, C.SUBSTANTIVE),
        (Zone.TITLE, C.SUBSTANTIVE),
        (Zone.HEADING, C.SUBSTANTIVE),
        (Zone.EPIGRAPH, C.SUBSTANTIVE),
    ],
)
def test_words_are_classed_by_their_zone(zone: Zone, category: Category) -> None:
    assert of("June", "July", zone).category is category
    assert of("June", "July", zone).grade is WORDS
    assert of(",", ";", zone).category is C.PUNCTUATION  # first match


@pytest.mark.parametrize(
    ("lemma", "reading", "flag"),
    [
        ("“", "\ufffd", "damaged"),
        ("\ufffd", "“", "repaired"),
        (".", "?", "semi-substantive"),
        (".", "!", "semi-substantive"),
        ("‘", "“", "semi-substantive"),
        ("not", "", "negation"),
        ("don't", "do", "negation"),
        ("nothing", "something", "negation"),
        ("cannot", "can", "negation"),
        ("14", "15", "number"),
        ("2,400", "24,000", "number"),
        ("three", "two", "number"),
        ("£300,000", "?00,000", "number"),
        ("1911", "1912", "date"),
        ("May", "June", "date"),
        ("Albert", "Alfred", "name"),
        ("Few of them had ever seen him.", "", "omission"),
        ("He did not.", "", "omission"),
        ("One came. Another went. They all knew it.", "", "omission"),
    ],
)
def test_flags(lemma: str, reading: str, flag: str) -> None:
    assert flag in of(lemma, reading).flags


@pytest.mark.parametrize(
    ("lemma", "reading", "flag"),
    [
        ("mill", "factory", "negation"),
        ("mill", "factory", "number"),
        ("mill", "factory", "name"),
        ("mill", "factory", "date"),
        (",", ";", "semi-substantive"),
        ("the", "", "omission"),
        ("can not", "cannot", "negation"),
        ("", "Few of them had ever seen him.", "omission"),
        ("knot", "rope", "negation"),
    ],
)
def test_flags_that_do_not_hold(lemma: str, reading: str, flag: str) -> None:
    assert flag not in of(lemma, reading).flags


def test_the_day_beside_a_month_is_a_date() -> None:
    assert "date" in of("14", "15", before="the morning of", after="May 1911").flags
    assert "date" not in of("14", "15", before="a crowd of", after="boatmen").flags


def test_the_lost_sign_is_named() -> None:
    assert "pound sign" in of("£", "\ufffd").why
    assert "left double quotation mark" in of("“", "?").why
    assert "e with acute" in of("café", "caf\ufffd").why


def test_a_word_known_from_the_page_alone() -> None:
    page = "The bench at Pellworth. They came to Pellworth again."
    assert of("Pellworth", "Pellwroth", Zone.BODY, page, page).category is C.SPELLING
    assert of("Pellworth", "Pellwroth").category is C.SUBSTANTIVE


def test_the_archive_knows_words_too() -> None:
    archive = Lexicon((), lambda word: word == "genossen")
    assert classify("Genossen", "Gennossen", Zone.BODY, archive, Context()).category is C.SPELLING


@given(st.text(max_size=12), st.text(max_size=12), st.sampled_from(Zone))
def test_classifying_never_fails_and_always_says_why(lemma: str, reading: str, zone: Zone) -> None:
    found = of(lemma, reading, zone)
    assert found.why
    assert isinstance(found.category, Category)


@given(st.text(alphabet="abcE ,.'’“”–-é?1", max_size=10), st.text(alphabet="abcE ,.'’“”–-é?1", max_size=10))
def test_turned_round_it_is_of_the_same_class(lemma: str, reading: str) -> None:
    one, two = of(lemma, reading), of(reading, lemma)
    assert (one.category, one.grade) == (two.category, two.grade)


@given(st.text(alphabet="abc d", min_size=1, max_size=12), st.text(alphabet="abc d", min_size=1, max_size=12))
def test_other_letters_are_never_cosmetic(lemma: str, reading: str) -> None:
    if "".join(lemma.split()) != "".join(reading.split()):
        assert of(lemma, reading).grade is WORDS
