"""Laws that hold for every pair of pages, generated or real."""

from __future__ import annotations

import html as entities
import random
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etolwatch.collate.compare import compare
from etolwatch.model import Category, Finding, Grade, Kind, Payload, Variant, Verdict, Witness, Zone
from etolwatch.text.decode import decode
from etolwatch.text.profiles import profile
from etolwatch.text.witness import witness

ETOL = profile("etol")
PAGES = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "pages"
LARGEST = 60_000  # bytes of a real page taken into these tests
SAMPLE = 30
STEP = 7  # through the sorted list of real pages: the same sample each time

WORDS = (
    "the keeper opened an old gate by mill river lamp of and in not never 1911 2,400 £300 county boats "
    "patience wheels don’t café labour to-day “no” – … morning telegrams answer horse stable Sunday Tranter "
    "Pellworth under shilling wages office until winter valley lantern"
).split()
FURNITURE = (Zone.NAVIGATION, Zone.UPDATED)
MARKS = [".", "?", "!", "."]


@st.composite
def prose(draw: st.DrawFn, least: int = 8, most: int = 30) -> str:
    words = draw(st.lists(st.sampled_from(WORDS), min_size=least, max_size=most, unique=True))
    return " ".join(words).capitalize() + draw(st.sampled_from(MARKS))


@st.composite
def pages(draw: st.DrawFn) -> str:
    """A page in the site's mark-up; its text varies, its skeleton is whole."""
    paragraphs = [f"<p>{text}</p>" for text in draw(st.lists(prose(), min_size=2, max_size=7))]
    if draw(st.booleans()):
        place = draw(st.integers(0, len(paragraphs)))
        paragraphs.insert(place, "<h4>The Answer</h4>")
    if draw(st.booleans()):
        paragraphs[0] = paragraphs[0].replace("</p>", ' <a href="#n1" name="f1">[1]</a></p>')
        note = draw(prose(3, 12))
        paragraphs.append(f'<h3>Notes</h3>\n<p class="note"><a href="#f1" name="n1">1.</a> {note}</p>')
    date = draw(st.sampled_from(["11.10.2011", "23 July 2015", "29 Novemember 2015", None]))
    foot = f'<p class="updat">Last updated on {date}</p>' if date else ""
    body = "\n".join(paragraphs)
    return f"""<html><head><meta http-equiv="content-type" content="text/html; charset=iso-8859-1" />
<title>The Canal</title></head><body>
<p class="toplink"><a href="../index.htm">Archive</a>&#160;&gt;&#160; <a href="index.htm">Vale</a></p>
<h2>Hester Vale</h2>
<h1>The Canal</h1>
<p class="fst">It was in the spring of the year, and <em>nobody</em> had given an order to any keeper.</p>
{body}
<p class="link"><a href="#top">Top of the page</a></p>
{foot}
</body></html>
"""


def ascii_bytes(page: str) -> bytes:
    return page.encode("ascii", "xmlcharrefreplace")


def compared(before: bytes, after: bytes) -> Finding:
    uri = "https://www.example.org/archive/page.htm"
    return compare(
        Payload(uri, before, content_type="text/html"), Payload(uri, after, content_type="text/html"), ETOL
    )


def weighty(finding: Finding) -> list[Variant]:
    return [variant for variant in finding.variants if variant.grade is not Grade.NONE]


def names() -> list[str]:
    if not PAGES.is_dir():
        return []
    found = sorted(path for path in PAGES.rglob("*.htm*") if path.stat().st_size < LARGEST)
    return [str(path.relative_to(PAGES)) for path in found[::STEP]][:SAMPLE]


@cache
def real(name: str) -> bytes:
    return (PAGES / name).read_bytes()


@pytest.fixture(params=names() or [None])
def real_page(request: pytest.FixtureRequest) -> bytes:
    if request.param is None:
        pytest.skip(f"real pages are not at hand: {PAGES} is absent")
    return real(request.param)


# ── mark-up, charset, line ends: the same text ──


def crlf(page: str) -> bytes:
    return ascii_bytes(page.replace("\r\n", "\n").replace("\n", "\r\n"))


def carriage_returns(page: str) -> bytes:
    return ascii_bytes(page.replace("\r\n", "\n").replace("\n", "\r"))


def other_emphasis(page: str) -> bytes:
    for one, two in (("em", "i"), ("strong", "b")):
        page = re.sub(rf"<(/?){one}(?=[\s>])", rf"<\1{two}", page, flags=re.I)
    return ascii_bytes(page)


def upper_case_tags(page: str) -> bytes:
    return ascii_bytes(re.sub(r"</?[a-z][a-z0-9]*", lambda tag: tag.group().upper(), page))


def more_attributes(page: str) -> bytes:
    return ascii_bytes(re.sub(r"<(p|em|h4|td)(?=[\s>])", r'<\1 lang="en" style="color: red"', page))


def utf_8(page: str) -> bytes:
    return without_entities(page).encode("utf-8")


def utf_8_with_mark(page: str) -> bytes:
    return b"\xef\xbb\xbf" + without_entities(page).encode("utf-8")


def windows_1252(page: str) -> bytes:
    return without_entities(page).encode("cp1252", "xmlcharrefreplace")


def all_entities(page: str) -> bytes:
    return ascii_bytes(without_entities(page))


def without_entities(page: str) -> str:
    """The entities of characters beyond ASCII as characters; & and < stay as they are."""

    def character(found: re.Match[str]) -> str:
        read = entities.unescape(found.group())
        return read if len(read) == 1 and ord(read) > 0xA0 and read not in "ÂÃâï" else found.group()

    return re.sub(r"&(?:#\d+|#x[0-9a-fA-F]+|[A-Za-z]+);", character, page)


REWRITTEN = [
    crlf,
    carriage_returns,
    other_emphasis,
    upper_case_tags,
    more_attributes,
    utf_8,
    utf_8_with_mark,
    windows_1252,
    all_entities,
]
BY_NAME = pytest.mark.parametrize("rewritten", REWRITTEN, ids=lambda function: function.__name__)


@BY_NAME
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(page=pages())
def test_the_same_text_in_other_clothes(rewritten: object, page: str) -> None:
    found = compared(ascii_bytes(page), rewritten(page))  # type: ignore[operator]
    assert weighty(found) == []
    assert found.verdict is Verdict.NO_TEXTUAL_CHANGE


def retagged(page: str) -> bytes:
    """Paragraphs of the text without a class as divisions."""
    return ascii_bytes(re.sub(r"<p>(.*?)</p>", r"<div>\1</div>", page))


@settings(max_examples=25, deadline=None)
@given(pages())
def test_paragraphs_as_divisions(page: str) -> None:
    assert weighty(compared(ascii_bytes(page), retagged(page))) == []


@BY_NAME
def test_real_pages_in_other_clothes(rewritten: object, real_page: bytes) -> None:
    page = decode(real_page).text
    if "<pre" in page.lower() and rewritten is carriage_returns:
        pytest.skip("a lone CR inside pre is another line end to the parser")
    found = compared(ascii_bytes(page), rewritten(page))  # type: ignore[operator]
    assert weighty(found) == []


def test_a_real_page_against_itself(real_page: bytes) -> None:
    found = compared(real_page, real_page)
    assert found.variants == ()
    assert found.verdict in (Verdict.NO_TEXTUAL_CHANGE, Verdict.PAGE_MOVED, Verdict.PAGE_GONE)


@settings(max_examples=25, deadline=None)
@given(pages())
def test_a_page_against_itself(page: str) -> None:
    found = compared(ascii_bytes(page), ascii_bytes(page))
    assert found.variants == ()
    assert found.verdict is Verdict.NO_TEXTUAL_CHANGE


# ── one edit ──


def words_of_text(page: Witness, source: str) -> list[str]:
    """Words that stand once, in a paragraph of the text and in the file, and are plain letters."""
    everything = Counter(re.findall(r"\w+", " ".join(block.text for block in page.blocks)))
    in_file = Counter(re.findall(r"\w+", source))
    body = [block.text for block in page.blocks if block.zone is Zone.BODY and len(block.text) > 120]
    found = [word for text in body for word in re.findall(r"(?<= )[a-z]{5,}(?=[ ,;])", text)]
    return [word for word in found if everything[word] == in_file[word] == 1]


@pytest.mark.parametrize("seed", range(2))
def test_one_word_of_a_real_page_is_found_alone(real_page: bytes, seed: int) -> None:
    page = decode(real_page).text
    read = witness(Payload("", ascii_bytes(page)), ETOL)
    once = words_of_text(read, page)
    if not once:
        pytest.skip("no word of its text stands once")
    word = random.Random(seed).choice(once)
    (found,) = weighty(compared(ascii_bytes(page), ascii_bytes(re.sub(rf"\b{word}\b", "zebra", page))))
    assert (found.lemma, found.reading, found.kind) == (word, "zebra", Kind.SUBSTITUTION)
    assert found.grade is Grade.WORDS
    (gone,) = weighty(compared(ascii_bytes(page), ascii_bytes(re.sub(rf" {word}\b|\b{word}\b", "", page))))
    assert (gone.lemma, gone.reading, gone.kind) == (word, "", Kind.OMISSION)


@settings(max_examples=60, deadline=None)
@given(pages(), st.data())
def test_one_word_replaced_is_that_word_alone(page: str, data: st.DataObject) -> None:
    paragraphs = re.findall(r"<p>(.*?)</p>", page)
    place = data.draw(st.integers(0, len(paragraphs) - 1))
    words = paragraphs[place].split(" ")
    at = data.draw(st.integers(1, len(words) - 1))
    lemma = words[at].strip(".?!")
    if not lemma.isalpha() or "<" in paragraphs[place]:
        return
    words[at] = words[at].replace(lemma, "zebra")
    edited = page.replace(f"<p>{paragraphs[place]}</p>", f"<p>{' '.join(words)}</p>", 1)
    (found,) = weighty(compared(ascii_bytes(page), ascii_bytes(edited)))
    assert (found.lemma, found.reading) == (lemma, "zebra")
    assert found.grade is Grade.WORDS


@settings(max_examples=30, deadline=None)
@given(pages(), prose(10, 30), st.booleans())
def test_a_paragraph_come_or_gone_is_one_variant(page: str, text: str, first: bool) -> None:
    paragraph = f"<p>Zebras came: {text}</p>\n"
    at = page.index("<p>") if first else page.rindex("<p>")
    more = page[:at] + paragraph + page[at:]
    (come,) = weighty(compared(ascii_bytes(page), ascii_bytes(more)))
    assert (come.kind, come.reading) == (Kind.ADDITION, f"Zebras came: {text}")
    (gone,) = weighty(compared(ascii_bytes(more), ascii_bytes(page)))
    assert (gone.kind, gone.lemma) == (Kind.OMISSION, f"Zebras came: {text}")


# ── base + variants = other, by the letters ──


def letters_of(page: bytes) -> list[str]:
    """All letters and digits of the text, sorted: what a list of variants must account for."""
    read = witness(Payload("", page), ETOL)
    kept = [block.text for block in read.blocks if block.zone not in FURNITURE]
    return sorted("".join(character for text in kept for character in text if character.isalnum()))


@settings(max_examples=60, deadline=None)
@given(pages(), pages())
def test_the_variants_account_for_every_letter(one: str, two: str) -> None:
    """Base, less all lemmas, plus all readings, has the letters of the other."""
    before, after = ascii_bytes(one), ascii_bytes(two)
    found = compared(before, after)
    told = [v for v in found.variants if v.zone not in FURNITURE]
    plain = [v for v in told if v.kind in (Kind.SUBSTITUTION, Kind.ADDITION, Kind.OMISSION) and v.count == 1]
    if len(plain) != len([v for v in told if v.kind is not Kind.TRANSPOSITION]):
        return  # counted or structural ones do not list each place
    marks = [v for v in plain if v.category is Category.APPARATUS and v.zone is Zone.BODY]
    left, right = letters_of(before), letters_of(after)
    for variant in plain:
        if variant in marks:
            continue
        left += [c for c in variant.reading if c.isalnum()]
        right += [c for c in variant.lemma if c.isalnum()]
    assert sorted(left) == sorted(right)


@settings(max_examples=40, deadline=None)
@given(pages(), pages())
def test_turned_round_it_weighs_the_same(one: str, two: str) -> None:
    before, after = ascii_bytes(one), ascii_bytes(two)
    there = {variant.grade for variant in weighty(compared(before, after))}
    back = {variant.grade for variant in weighty(compared(after, before))}
    assert (Grade.WORDS in there) == (Grade.WORDS in back)
    assert bool(there) == bool(back)


# ── broken pages ──


@st.composite
def broken(draw: st.DrawFn, page: bytes) -> bytes:
    """The page with parts deleted, doubled, cut off, moved, and noise in it."""
    for _ in range(draw(st.integers(1, 4))):
        at, end = sorted((draw(st.integers(0, len(page))), draw(st.integers(0, len(page)))))
        end = min(end, at + 2000)
        match draw(st.sampled_from(["delete", "double", "cut", "noise", "move", "tags"])):
            case "delete":
                page = page[:at] + page[end:]
            case "double":
                page = page[:end] + page[at:end] + page[end:]
            case "cut":
                page = page[:end]
            case "noise":
                page = page[:at] + draw(st.binary(max_size=60)) + page[at:]
            case "move":
                page = page[:at] + page[end:] + page[at:end]
            case _:
                tag = draw(
                    st.sampled_from([b"<p>", b"<div>", b"</table>", b"<!--", b"<pre>", b"<b>", b"&#", b"\0"])
                )
                page = page[:at] + tag * draw(st.integers(1, 300)) + page[at:]
    return page


@settings(max_examples=120, deadline=None)
@given(pages(), st.data())
def test_a_broken_page_gives_a_finding(page: str, data: st.DataObject) -> None:
    whole = ascii_bytes(page)
    other = data.draw(broken(whole))
    assert isinstance(compared(whole, other), Finding)
    assert isinstance(compared(other, whole), Finding)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_broken_real_page_gives_a_finding(data: st.DataObject) -> None:
    small = [name for name in names() if (PAGES / name).stat().st_size < 30_000]
    if not small:
        pytest.skip(f"real pages are not at hand: {PAGES} is absent")
    page = real(data.draw(st.sampled_from(small)))
    assert isinstance(compared(page, data.draw(broken(page))), Finding)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.binary(max_size=400))
def test_any_bytes_give_a_finding(before: bytes, after: bytes) -> None:
    assert isinstance(compared(before, after), Finding)
