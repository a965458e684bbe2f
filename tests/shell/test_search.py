"""`search` and `quote` as a user meets them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from .conftest import Commands, Library, page

TODAY = f"{datetime.now(UTC):%-d %B %Y}"
BEFORE = "The keepers placed some of the lamps upon the wall, and 250,000 people “saw” it – from afar."
AFTER = BEFORE.replace("the lamps", "their lamps")
SECOND = "The second paragraph says that lamps were lit at dusk along the whole of the harbour wall."


def edit(library: Library, text: str = AFTER) -> None:
    library.pages["/penhale/lamps.htm"] = page("Lamps", text)


@pytest.fixture
def kept(watched: Commands, library: Library) -> Commands:
    """A folder that has seen one version of each page."""
    edit(library, BEFORE)
    assert watched("check").status == 0
    return watched


@pytest.fixture
def edited(kept: Commands, library: Library) -> Commands:
    """A folder that has seen a word of a page changed."""
    edit(library)
    assert kept("check").status == 0
    return kept


# ── search ──


def test_search_says_where_it_stands_and_since_when(kept: Commands) -> None:
    done = kept("search", "Some of THE lamps")
    assert done.status == 0
    assert "penhale/lamps.htm" in done.out
    assert "body, paragraph 1: The keepers placed «some of the lamps» upon the wall" in done.out
    assert f"since the first version held, {TODAY}; stands now" in done.out


def test_search_marks_all_and_leaves_out_what_is_far(kept: Commands, library: Library) -> None:
    edit(library, f"{'far ' * 60}the ferry {'far ' * 60}")
    kept("check")
    done = kept("search", "the ferry")
    assert re.search(r"paragraph 1: … (far )+«the ferry»( far)+ …\n", done.out)


def test_nothing_found_is_1(kept: Commands) -> None:
    done = kept("search", "wall lamps")
    assert (done.status, done.out) == (1, "Nothing found for “wall lamps”.\n")
    assert kept("search", "wall lamps", "--format", "json").json == {"phrase": "wall lamps", "pages": []}


@pytest.mark.parametrize("phrase", ["", "…", '"', "*", "--", "(" * 30])
def test_a_phrase_without_words_is_trouble(kept: Commands, phrase: str) -> None:
    done = kept("search", "--", phrase)
    assert done.status == 2
    assert "no word" in done.err


@pytest.mark.parametrize(
    "phrase",
    ['lamps" OR "wall', "lamps NEAR(wall)", "lamps*", "words:lamps AND", "-lamps ^wall {", "lamps'; --"],
)
def test_the_signs_of_the_query_language_are_harmless(kept: Commands, phrase: str) -> None:
    assert kept("search", "--", phrase).status in (0, 1)


def test_added_and_removed_are_decided_on_the_phrase(edited: Commands) -> None:
    both = ("--added", "--removed")
    assert [edited("search", "their lamps", flag).status for flag in both] == [0, 1]
    assert [edited("search", "the lamps", flag).status for flag in both] == [1, 0]
    assert [edited("search", "upon the wall", flag).status for flag in both] == [1, 1]
    assert edited("search", "lamps", *both).status == 2


def test_a_removed_phrase_is_shown_where_it_last_stood(edited: Commands) -> None:
    (found,) = edited("search", "some of the lamps", "--removed", "--format", "json").json["pages"]
    assert found["stands"] is False
    (place,) = found["places"]
    assert (place["zone"], place["block"], place["text"]) == ("body", 1, BEFORE)
    assert [place["text"][start:end] for start, end in place["spans"]] == ["some of the lamps"]
    (period,) = found["periods"]
    assert period["came_after"] is None
    assert period["came_until"] <= period["last_seen_at"] < period["gone_at"]
    assert "went on" in edited("search", "some of the lamps").out


def test_since_and_site(edited: Commands) -> None:
    assert edited("search", "their lamps", "--since", "2020-01-01").status == 0
    assert edited("search", "their lamps", "--since", "2999-01-01").status == 1
    assert edited("search", "their lamps", "--since", "yesterday").status == 2
    assert edited("search", "their lamps", "--site", "penhale").status == 0
    assert edited("search", "their lamps", "--site", "pensance").status == 2


def test_a_page_that_is_gone_is_said_to_be(kept: Commands, library: Library) -> None:
    del library.pages["/penhale/lamps.htm"]
    kept("check")
    done = kept("search", "some of the lamps")
    assert done.status == 0
    assert f"the page is gone since {TODAY}" in done.out
    quoted = kept("quote", "placed some of the lamps", "lamps.htm")
    assert quoted.status == 1
    assert f"in the last version held; the page is gone since {TODAY}" in quoted.out


def test_before_the_first_pass_nothing_is_found(watched: Commands) -> None:
    assert watched("search", "lamps").status == 1
    assert watched("quote", "lamps").status == 1


# ── quote ──


def test_a_quotation_that_stands(kept: Commands) -> None:
    done = kept("quote", "placed some of the lamps upon", "lamps.htm")
    assert done.status == 0
    assert re.fullmatch(
        rf"Stands word for word in http\S+lamps\.htm, body, paragraph 1, in every version since {TODAY}\.\n",
        done.out,
    )
    assert kept("quote", "placed some of the lamps upon").out == done.out


@pytest.mark.parametrize(
    ("passage", "named"),
    [
        ("and  250,000\npeople “saw” it – from", None),
        ('and 250,000 people "saw" it – from', "quotation marks"),
        ("and 250,000 people ‘saw’ it – from", "quotation marks"),
        ("people “saw” it—from afar", "dashes"),
        ("people “saw” it - from afar", "dashes"),
        ("The keep\u00aders placed", "soft hyphens"),
        ("The keepers[1] placed [12] some", "note marks"),
        ("“The keepers placed some”", None),
    ],
)
def test_what_does_not_matter_is_named(kept: Commands, passage: str, named: str | None) -> None:
    done = kept("quote", passage, "lamps.htm")
    assert done.status == 0, done.out
    if named:
        assert f"Differences that do not matter: {named}" in done.out
    else:
        assert "Differences" not in done.out


@pytest.mark.parametrize(
    ("passage", "difference", "category"),
    [
        ("placed some of their lamps upon the wall", "[-their-]{+the+}", "substantive"),
        ("upon the wall, and 260,000 people", "[-260,000-]{+250,000+}", "substantive"),
        ("upon the wall; and 250,000 people", "[-;-]{+,+}", "punctuation"),
        ("some of the Lamps upon the wall", "[-Lamps-]{+lamps+}", "capitalisation"),
        ("placed some of the new lamps upon the wall", "[-new-]", "substantive"),
        ("placed of the lamps upon the wall", "{+some+}", "substantive"),
    ],
)
def test_what_matters_is_shown(kept: Commands, passage: str, difference: str, category: str) -> None:
    for words in ((passage,), (passage, "lamps.htm")):
        done = kept("quote", *words)
        assert done.status == 1
        assert "Stands word for word in no version" in done.out
        assert difference in done.out
        assert category in done.out


def test_a_quotation_that_stood(edited: Commands) -> None:
    done = edited("quote", "placed some of the lamps upon the wall")
    assert done.status == 1
    assert "Stood word for word in" in done.out
    assert re.search(rf"until {TODAY}, \d\d:\d\d UTC; since {TODAY}, \d\d:\d\d UTC it reads:", done.out)
    assert "“placed some of their lamps upon the wall”" in done.out
    assert "[-the-]{+their+}" in done.out


def test_a_quotation_that_came_says_what_was_read_before(edited: Commands) -> None:
    done = edited("quote", "placed some of their lamps upon the wall", "lamps.htm")
    assert done.status == 0
    assert "since it came on" in done.out
    assert "“placed some of the lamps upon the wall”" in done.out
    (found,) = edited("quote", "placed some of their lamps", "--format", "json").json["pages"]
    assert found["stands"] is True
    assert found["before"]["differences"][0]["reads"] == "the"
    assert found["now"] is None


def test_an_edit_beside_the_quotation_does_not_touch_it(edited: Commands) -> None:
    done = edited("quote", "upon the wall, and 250,000 people", "lamps.htm")
    assert done.status == 0
    assert f"in every version since {TODAY}" in done.out


@pytest.mark.parametrize("sign", ["…", "...", "[...]", "[…]", ". . ."])
def test_an_ellipsis_stands_for_anything_in_order(kept: Commands, sign: str) -> None:
    assert kept("quote", f"The keepers {sign} upon the wall", "lamps.htm").status == 0
    assert kept("quote", f"{sign} lamps upon {sign} lit at dusk {sign}", "lamps.htm").status == 0
    assert kept("quote", f"upon the wall {sign} The keepers", "lamps.htm").status == 1


def test_a_quotation_may_span_two_paragraphs(kept: Commands) -> None:
    done = kept("quote", "it – from afar. The second paragraph says", "lamps.htm")
    assert done.status == 0
    assert "body, paragraphs 1 to 2" in done.out


def test_nothing_like_it(kept: Commands) -> None:
    done = kept("quote", "Bread shall be baked by nobody else")
    assert (done.status, done.out) == (1, "Stands on no page word for word, and nothing like it does.\n")
    assert "Nothing like it stands there." in kept("quote", "Bread is baked", "lamps.htm").out


def test_a_quotation_that_stands_on_two_pages(kept: Commands) -> None:
    found = kept("quote", SECOND, "--format", "json").json
    assert found["stands"] is True
    assert len(found["pages"]) > 1
    assert {entry["place"]["first"]["zone"] for entry in found["pages"]} == {"body"}


def test_trouble_is_2(kept: Commands) -> None:
    assert kept("quote", "lamps", "none.htm").status == 2
    assert kept("quote", "lamps", "lost.htm").status == 2
    assert kept("quote", "…").status == 2
    assert kept("quote").status == 2
