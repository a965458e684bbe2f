"""What each block of a page is: by class names where there are some, else by place and shape."""

from __future__ import annotations

import re

import pytest

from etolwatch.model import Payload, Witness, Zone
from etolwatch.text.profiles import profile
from etolwatch.text.witness import witness

LONG = (
    "The mill stood at the end of the lane, and of those who had worked in it none had ever been asked what "
    "he thought of it; so that when the question came at last, from a young man with a note-book, nobody was "
    "in the habit of an answer."
)
SECOND = (
    "He wrote that the people of the district were content. The sentence was printed, and read aloud in the "
    "public house, where it was received with a long silence and then with something that was not applause."
)
HOUSE_STYLE = f"""<html><head><title>Hester Vale: The Mill</title></head><body>
<p class="toplink"><a href="../index.htm">MIA</a>&#160;&gt;&#160; <a href="index.htm">Vale</a></p>
<h2>Hester Vale</h2>
<h1>The Mill</h1>
<h3>(June 1912)</h3>
<hr class="infotop" />
<p class="info">From <strong>The Lamplighter</strong>, No. 4, June 1912.<br />
Transcribed by Joan Merrow.<br />
Marked up by Peter Askew.</p>
<hr class="infobot" />
<p class="quoteb">A wall with water in it.</p>
<p class="fst">{LONG}<a href="#n1" name="f1">[1]</a></p>
<p>{SECOND}</p>
<h4>The Answer</h4>
<p class="fst">{SECOND}</p>
<h3>Notes</h3>
<p class="note"><a href="#f1" name="n1">1.</a> The lane has since been closed.</p>
<p class="link"><a href="#top">Top of the page</a></p>
<p class="updat">Last updated on 11.10.2011</p>
</body></html>"""


def read(html: str, name: str = "etol") -> Witness:
    return witness(Payload("https://example.org/a.htm", html.encode()), profile(name))


def zones(html: str, name: str = "etol") -> dict[str, Zone]:
    """The zone of each block by the begin of its text."""
    return {block.text[:12]: block.zone for block in read(html, name).blocks}


def without_classes(html: str) -> str:
    return re.sub(r' class="[^"]*"', "", html)


EXPECTED = {
    "Hester Vale:": Zone.HEADER,
    "MIA > Vale": Zone.NAVIGATION,
    "Hester Vale": Zone.HEADER,
    "The Mill": Zone.TITLE,
    "(June 1912)": Zone.HEADER,
    "From The Lam": Zone.HEADER,
    "Transcribed ": Zone.CREDIT,
    "Marked up by": Zone.CREDIT,
    "The mill sto": Zone.BODY,
    "He wrote tha": Zone.BODY,
    "The Answer": Zone.HEADING,
    "The lane has": Zone.NOTE,
    "Top of the p": Zone.NAVIGATION,
    "Last updated": Zone.UPDATED,
}


@pytest.mark.parametrize("begin", EXPECTED)
def test_the_house_style_by_its_class_names(begin: str) -> None:
    found = zones(HOUSE_STYLE)
    matching = [zone for text, zone in found.items() if text.startswith(begin) or begin.startswith(text)]
    assert EXPECTED[begin] in matching


def test_the_epigraph_and_the_head_of_the_notes() -> None:
    found = zones(HOUSE_STYLE)
    assert found["A wall with "] is Zone.EPIGRAPH
    assert found["Notes"] is Zone.NOTE_HEAD


@pytest.mark.parametrize("name", ["etol", "generic"])
@pytest.mark.parametrize(
    "begin",
    ["MIA > Vale", "The Mill", "The mill sto", "He wrote tha", "The Answer", "The lane has", "Last updated"],
)
def test_the_same_page_by_place_and_shape(name: str, begin: str) -> None:
    assert zones(without_classes(HOUSE_STYLE), name)[begin] is EXPECTED[begin]


def test_a_page_without_h1() -> None:
    html = f"""<html><head><title>The Mill</title></head><body>
    <center><b>The Mill</b><br><br>by Hester Vale</center>
    <hr><p>{LONG}<p>{SECOND}<p>Last updated on 3 May 2004</body></html>"""
    found = zones(html)
    assert found["The mill sto"] is Zone.BODY
    assert found["He wrote tha"] is Zone.BODY
    assert found["by Hester Va"] is not Zone.BODY
    assert found["Last updated"] is Zone.UPDATED


def test_a_page_of_bare_paragraphs_is_body() -> None:
    found = zones(f"<p>{LONG}<p>{SECOND}")
    assert set(found.values()) == {Zone.BODY}


@pytest.mark.parametrize(
    "head",
    [
        "<h3>Notes</h3>",
        "<h4>Footnotes</h4>",
        "<p><b>Notes</b></p>",
        '<p align="center">* * *</p>',
        "<h3>Endnotes</h3>",
    ],
)
@pytest.mark.parametrize(
    "note",
    [
        '<p class="note"><a href="#f1" name="n1">1.</a> The lane is closed.</p>',
        '<p class="endnote"><sup class="enote"><a href="#f1" name="n1">1</a></sup> The lane is closed.</p>',
        '<p><a href="#f1" name="n1">1.</a> The lane is closed.</p>',
        '<p><a name="n1" href="#f1">[1]</a> The lane is closed.</p>',
    ],
)
def test_notes_below_their_head(head: str, note: str) -> None:
    html = f'<body><h1>T</h1><p>{LONG}<a href="#n1" name="f1">[1]</a></p><p>{SECOND}</p>{head}{note}</body>'
    blocks = read(html).blocks
    (found,) = [block for block in blocks if block.zone is Zone.NOTE]
    assert found.text == "The lane is closed."
    assert (found.note or "").strip("[]. ") == "1"
    heads = [block.zone for block in blocks if block.text in ("Notes", "Footnotes", "Endnotes", "* * *")]
    assert heads == [Zone.NOTE_HEAD]


def test_notes_below_nothing() -> None:
    html = f"""<body><h1>T</h1><p>{LONG}<a href="#n1" name="f1">[1]</a></p><p>{SECOND}</p>
    <p><a href="#f1" name="n1">1.</a> The lane is closed.</p></body>"""
    (found,) = [block for block in read(html).blocks if block.zone is Zone.NOTE]
    assert found.text == "The lane is closed."


@pytest.mark.parametrize("head", ["Notes", "Footnotes"])
def test_notes_without_links_below_a_head(head: str) -> None:
    notes = "<p>1. The lane is closed.</p><p>[2] So is the mill.</p>"
    html = f"<body><h1>T</h1><p>{LONG}</p><p>{SECOND}</p><h3>{head}</h3>{notes}</body>"
    found = [(block.note, block.text) for block in read(html).blocks if block.zone is Zone.NOTE]
    assert [((label or "").strip("[]. "), text) for label, text in found] == [
        ("1", "The lane is closed."),
        ("2", "So is the mill."),
    ]


def test_stars_in_the_text_are_no_head_of_notes() -> None:
    found = read(f'<body><h1>T</h1><p>{LONG}</p><p align="center">* * *</p><p>{SECOND}</p></body>').blocks
    assert [block.zone for block in found if block.text.startswith("He wrote")] == [Zone.BODY]


def test_a_heading_after_the_notes_ends_them() -> None:
    notes = "<h3>Notes</h3><p>1. Closed.</p>"
    html = f"<body><h1>T</h1><p>{LONG}</p>{notes}<h3>Appendix</h3><p>{SECOND}</p></body>"
    found = {block.text[:8]: block.zone for block in read(html).blocks}
    assert found["He wrote"] is Zone.BODY
    assert found["Appendix"] is Zone.HEADING


def test_blocks_of_a_zone_are_numbered_from_one() -> None:
    blocks = read(HOUSE_STYLE).blocks
    assert [block.number for block in blocks if block.zone is Zone.BODY] == [1, 2, 3]
    for zone in Zone:
        numbers = [block.number for block in blocks if block.zone is zone]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_navigation_line_in_the_middle_is_text() -> None:
    line = "<p>See <a href='x.htm'>the other</a> | and more words than links in it.</p>"
    html = f"<body><h1>T</h1>{f'<p>{LONG}</p>' * 6}{line}{f'<p>{SECOND}</p>' * 6}</body>"
    (found,) = [block for block in read(html).blocks if block.text.startswith("See")]
    assert found.zone is Zone.BODY


ENTRIES = "".join(
    f'<p class="index"><a href="19{n}/x.htm">A work of the year {n}</a> <span class="date">(19{n})</span></p>'
    for n in range(20, 30)
)


def test_an_index_is_known_by_its_entries() -> None:
    page = read(f"<body><h1>Hester Vale</h1><p class='toc'>1920s</p>{ENTRIES}</body>")
    assert page.is_index
    assert sum(block.zone is Zone.INDEX for block in page.blocks) >= 10
    assert read(without_classes(f"<body><h1>Hester Vale</h1>{ENTRIES}</body>"), "generic").is_index


def test_a_text_with_some_links_is_no_index() -> None:
    assert not read(HOUSE_STYLE).is_index
    links = "".join(f'<p>{LONG} <a href="{n}.htm">work {n}</a></p>' for n in range(8))
    assert not read(f"<body><h1>T</h1>{links}</body>").is_index


def test_entries_that_share_a_paragraph_are_blocks_of_their_own() -> None:
    run = "".join(f'<a href="{n}.htm">A work of {n}</a>, 19{n}<br /><br />\n' for n in range(30, 38))
    page = read(f'<body><h1>V</h1><p class="index">{run}</p></body>')
    assert page.is_index
    entries = [block.text for block in page.blocks if block.zone is Zone.INDEX]
    assert entries == [f"A work of {n}, 19{n}" for n in range(30, 38)]


def test_a_page_of_plain_text() -> None:
    body = b"The Mill\n\nOne.\n\nTwo [1] three."
    payload = Payload("https://example.org/a.txt", body, content_type="text/plain")
    found = witness(payload, profile("generic")).blocks
    assert [block.text for block in found] == ["The Mill", "One.", "Two three."]


@pytest.mark.parametrize(
    "body", [b"", b" ", b"<", b"\x00" * 50, b"<html>", b"<!-- ", b"<p", b"&#", b"\xff\xfe\x00"]
)
def test_nonsense_gives_a_witness(body: bytes) -> None:
    assert isinstance(witness(Payload("https://example.org/", body), profile("etol")), Witness)


@pytest.mark.parametrize("name", ["etol", "generic"])
def test_nothing_is_left_out_or_doubled(name: str) -> None:
    said = "".join(re.findall(r"\w", " ".join(block.text for block in read(HOUSE_STYLE, name).blocks)))
    plain = re.sub(r"<[^>]*>|\[1\]|(?<=>)1\.", "", HOUSE_STYLE).replace("&#160;", " ").replace("&gt;", " ")
    assert said == "".join(re.findall(r"\w", plain))
