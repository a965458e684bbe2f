"""The walk over the tree: where blocks begin and end, what is skipped, what is taken out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etolwatch.text.blocks import page, plain


def texts(html: str) -> list[str]:
    return [block.text for block in page(html).blocks]


@pytest.mark.parametrize(
    "tag",
    """p div h1 h2 h3 h4 h5 h6 li dt dd td th blockquote pre section article header footer nav main center
    address form""".split(),
)
def test_each_block_level_tag_begins_and_ends_a_block(tag: str) -> None:
    inside = f"<{tag}>two</{tag}>"
    if tag in ("td", "th"):
        inside = f"<table><tr>{inside}</tr></table>"
    assert texts(f"<body><div>one {inside} three</div></body>") == ["one", "two", "three"]


def test_cells_and_rows_are_blocks() -> None:
    html = "<table><tr><th>a</th><td>b</td></tr><tr><td>c<td>d</table>"
    assert texts(html) == ["a", "b", "c", "d"]


def test_a_rule_divides() -> None:
    assert texts("<body>one<hr>two<HR/>three</body>") == ["one", "two", "three"]


def test_the_title_element_is_a_block() -> None:
    assert texts("<head><title>T</title></head><body><p>one</body>") == ["T", "one"]


@pytest.mark.parametrize("tag", "span b i em strong font a sup u small code q".split())
def test_inline_tags_divide_nothing(tag: str) -> None:
    assert texts(f"<p>to<{tag}>ge</{tag}>ther</p>") == ["together"]


def test_unclosed_paragraphs_stand_side_by_side() -> None:
    assert texts("<p>one<p>two<P>three") == ["one", "two", "three"]


def test_nested_blocks_keep_their_order() -> None:
    html = "<div>a<blockquote>b<p>c</p>d</blockquote>e</div>"
    assert texts(html) == ["a", "b", "c", "d", "e"]


def test_an_inline_tag_across_blocks_goes_on() -> None:
    blocks = page("<p>one <em>two<p>three</p></em><p>four").blocks
    assert [block.text for block in blocks] == ["one two", "three", "four"]
    emphasised = [block.text[start:end] for block in blocks for start, end, _ in block.emphasis]
    assert emphasised == ["two", "three"]


def test_one_break_is_a_space_and_two_are_an_end() -> None:
    assert texts("<p>one<br>two</p>") == ["one two"]
    assert texts("<p>one<br /><br />two</p>") == ["one", "two"]
    assert texts("<p>one<br>\n  <br>two</p>") == ["one", "two"]
    assert texts("<p>one<br><b><br></b>two</p>") == ["one", "two"]
    assert texts("<p>one<br>two<br>three</p>") == ["one two three"]


def test_white_space_is_folded_as_html_folds_it() -> None:
    assert texts("<p>\n  one\t two\r\n three </p>") == ["one two three"]
    assert texts("<p>one <i> two </i> three</p>") == ["one two three"]


def test_preformatted_text_is_cut_at_blank_lines() -> None:
    assert texts("<pre>one\ntwo\n\nthree</pre>") == ["one two", "three"]


@pytest.mark.parametrize("tag", ["script", "style", "template", "noscript"])
def test_what_no_reader_sees_is_skipped(tag: str) -> None:
    assert texts(f"<body><p>one</p><{tag}>never seen</{tag}><p>two</p></body>") == ["one", "two"]


def test_comments_are_skipped() -> None:
    assert texts("<p>on<!-- never seen -->e</p><!-- <p>nor this</p> -->") == ["one"]


def test_empty_blocks_are_left_out_and_their_anchors_pass_on() -> None:
    blocks = page('<p></p><p>&nbsp;</p><p><a name="s2"></a></p><p>one</p>').blocks
    assert [block.text for block in blocks] == ["one"]
    assert "s2" in blocks[0].anchors


def test_entities_named_numeric_and_broken() -> None:
    assert texts("<p>&#8220;&ldquo;&#x201C; &amp; &lt;b&gt; &nbsp;x</p>") == ["“““ & <b> x"]
    assert texts("<p>Smith & Sons &c. &unknown; 5 &lt 6</p>")[0].startswith("Smith & Sons")


def test_emphasis_and_links_are_ranges_of_the_text() -> None:
    html = '<p>a <em>bc</em> <strong>d</strong> <span class="smc">e</span> <a href="x">f g</a></p>'
    (block,) = page(html).blocks
    assert block.text == "a bc d e f g"
    assert {(block.text[start:end].strip(), kind) for start, end, kind in block.emphasis} == {
        ("bc", "em"),
        ("d", "strong"),
        ("e", "sc"),
    }
    assert [(block.text[start:end], href) for start, end, href in block.links] == [("f g", "x")]


def test_classes_and_tags_around_are_known() -> None:
    (block,) = page('<div class="notes"><p class="note small">x</p></div>').blocks
    assert block.tag == "p"
    assert "note" in block.classes
    assert "div" in block.tags


def test_the_refresh_is_noted() -> None:
    assert page('<meta http-equiv="Refresh" content="5; URL=index.htm"><p>x').refresh == "index.htm"
    assert page("<meta http-equiv='refresh' content='0;url=\"../a.htm\"'><p>x").refresh == "../a.htm"
    assert page('<meta http-equiv="refresh" content="300"><p>x').refresh is None
    assert page("<p>x").refresh is None


# ── note marks ──


@pytest.mark.parametrize(
    ("mark", "label"),
    [
        ('<a id="f1" href="#n1" name="f1">[1]</a>', "[1]"),
        ('<a href="#n12">[12]</a>', "[12]"),
        ('<sup><a href="#n1">1</a></sup>', "1"),
        ('<a href="#n1"><sup>1</sup></a>', "1"),
        ('<sup class="anote">1</sup>', "1"),
        ("<sup>[1]</sup>", "[1]"),
        ("[14]", "[14]"),
        ("[14a]", "[14a]"),
        ("[1*]", "[1*]"),
        ('<a href="#n1">[1*]</a>', "[1*]"),
        ('<a href="#n1">*</a>', "*"),
        ('<a href="#n1">†</a>', "†"),
        ('<a href="notes.htm#n66">[66]</a>', "[66]"),
        ('<a href="#n1">(1)</a>', "(1)"),
    ],
)
def test_a_note_mark_is_no_word(mark: str, label: str) -> None:
    (block,) = page(f"<p>the wages of men.{mark} And so on.</p>").blocks
    assert block.text == "the wages of men. And so on."
    (found,) = block.marks
    assert found.label.replace(" ", "") == label
    assert block.text[: found.offset].rstrip() == "the wages of men."


@pytest.mark.parametrize(
    "html",
    [
        "10<sup>3</sup> tons",
        'see <a href="other.htm">12</a>',
        "in [brackets] here",
        "the year [1911]",
        '<a href="#s2">Chapter 2</a>',
        "21<sup>st</sup> Street",
    ],
)
def test_what_is_no_note_mark_stays_a_word(html: str) -> None:
    (block,) = page(f"<p>{html}</p>").blocks
    assert block.marks == []
    assert any(character.isdigit() for character in block.text) or "brackets" in block.text


def test_the_target_of_a_mark_is_its_fragment() -> None:
    (block,) = page('<p>x<a href="#n1">[1]</a> y <a href="notes.htm#n2">[2]</a> z [3]</p>').blocks
    assert [mark.target for mark in block.marks] == ["n1", "n2", None]


# ── plain text ──


def test_plain_text_is_cut_at_blank_lines() -> None:
    found = plain("One\ntwo.\r\n\r\nThree [1] four.\n\n\n  \nFive\r\rSix")
    assert [block.text for block in found.blocks] == ["One two.", "Three four.", "Five", "Six"]
    assert [mark.label for mark in found.blocks[1].marks] == ["[1]"]


def test_tags_of_plain_text_are_text() -> None:
    assert [block.text for block in plain("a < b and <p> is a tag").blocks] == ["a < b and <p> is a tag"]


# ── what must not break it ──


def test_thirty_thousand_nested_tags() -> None:
    depth = 30_000
    found = texts("<div>" * depth + "the text" + "</div>" * depth)
    assert " ".join(found) == "the text"


def test_thirty_thousand_nested_inline_tags() -> None:
    found = texts("<p>" + "<font>" * 30_000 + "the text")
    assert " ".join(found) == "the text"


def test_five_thousand_unclosed_paragraphs() -> None:
    assert texts("".join(f"<p>number {n}\n" for n in range(5000))) == [f"number {n}" for n in range(5000)]


def test_a_megabyte_in_one_paragraph() -> None:
    (only,) = texts("<p>" + "word " * 200_000)
    assert len(only.split()) == 200_000


def test_a_million_brackets() -> None:
    assert len(" ".join(texts("<p>" + "[" * 200_000 + "x"))) >= 200_000


PARTS = (
    "<p> </p> <div> </div> <b> </i> <br> <hr> <table> <td> </tr> <a_href='#n1'> </a> [1] word &#8217; "
    "<pre> </pre> <!-- --> <script> </script> <title> </title> <li> <ul> &nbsp; \n <sup> </sup>"
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(PARTS.split(" ")),
        max_size=60,
    )
)
def test_any_mixture_of_tags_gives_blocks_that_are_not_empty(parts: list[str]) -> None:
    for block in page(" ".join(parts).replace("_", " ")).blocks:
        assert block.text or block.marks
        assert "  " not in block.text
        for start, end, _ in (*block.links, *block.emphasis):
            assert 0 <= start <= end <= len(block.text) + 1


@pytest.mark.filterwarnings("error")
def test_a_page_of_xhtml_is_read_without_a_warning() -> None:
    comment = "<!--" + " " * 600 + "-->"
    found = page(f'<?xml version="1.0"?>\n{comment}<p xmlns="http://www.w3.org/1999/xhtml">Lamps.</p>')
    assert [block.text.strip() for block in found.blocks] == ["Lamps."]
