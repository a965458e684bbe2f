"""The links of a page: bases, fragments, broken references."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.harvest.scope import canonical
from etolwatch.model import Payload, Requisite
from etolwatch.text.links import Leads, leads, links
from etolwatch.text.references import Reference, Role, html_references

PAGE = "https://www.example.org/archive/vale/index.htm"


def links_of(html: str | bytes, content_type: str | None = "text/html", base: str = PAGE) -> tuple[str, ...]:
    body = html if isinstance(html, bytes) else html.encode()
    return links(Payload(base, body, content_type=content_type), base)


@pytest.mark.parametrize(
    ("href", "address"),
    [
        ("1912/06/canal.htm", "https://www.example.org/archive/vale/1912/06/canal.htm"),
        ("../grant/index.htm", "https://www.example.org/archive/grant/index.htm"),
        ("/history/", "https://www.example.org/history/"),
        ("//other.example/x", "https://other.example/x"),
        ("http://other.example/x.html", "http://other.example/x.html"),
        ("canal.htm#n4", "https://www.example.org/archive/vale/canal.htm#n4"),
        ("  canal.htm\n", "https://www.example.org/archive/vale/canal.htm"),
        ("canal.htm?a=1&amp;b=2", "https://www.example.org/archive/vale/canal.htm?a=1&b=2"),
        ("1912\\06\\canal.htm", "https://www.example.org/archive/vale/1912/06/canal.htm"),
        ("..\\grant/index.htm#a\\b", "https://www.example.org/archive/grant/index.htm#a\\b"),
        ("canal.htm?a\\b", "https://www.example.org/archive/vale/canal.htm?a\\b"),
        ("http:\\\\other.example\\x.html", "http://other.example/x.html"),
        ("javascript:go('\\x41')", "javascript:go('\\x41')"),
    ],
)
def test_references_are_joined(href: str, address: str) -> None:
    assert links_of(f'<p><a href="{href}">x</a></p>') == (address,)


@pytest.mark.parametrize(
    ("charset", "href", "query"),
    [  # the bytes that browsers send: URL Standard, "percent-encode after encoding"
        ("windows-1252", "\xe9.htm?\xe9=\xe9", "?%E9=%E9"),
        ("iso-8859-2", "a.htm?\u017e&b=1", "?%BE&b=1"),
        ("koi8-r", "a.htm?\u043a\u043e\u0442", "?%CB%CF%D4"),
        ("shift_jis", "a.htm?\u8868", "?%95%5C"),  # its second byte looks like a backslash
        ("windows-1252", "a.htm?\xe9&#1082;", "?%E9%26%231082%3B"),
        ("windows-1252", "a.htm?%C3%A9\xe9", "?%C3%A9%E9"),
        ("utf-8", "a.htm?\xe9=1", "?%C3%A9=1"),
        ("utf-16", "a.htm?\xe9=1", "?%C3%A9=1"),
    ],
)
def test_a_query_is_sent_in_the_charset_of_its_page(charset: str, href: str, query: str) -> None:
    html = f'<p>caf\xe9 \xe9\xe8</p><a href="{href}">x</a><img src="{href}">'
    if charset == "koi8-r":
        html = html.replace("\xe9", "\u0439").replace("\xe8", "\u0446")
    payload = Payload(PAGE, html.encode(charset, "ignore"), content_type=f"text/html; charset={charset}")
    found = leads(payload, PAGE)
    (linked,), ((needed, _),) = found.links, found.needs
    assert canonical(linked) == canonical(needed)
    assert (canonical(linked) or "").endswith(query)


def test_a_path_and_a_fragment_are_of_no_charset() -> None:
    body = b'<p>\xe9\xe8<a href="caf\xe9.htm#\xe9">x</a><a href="mailto:a@b.example?subject=\xe9">y</a>'
    found = links(Payload(PAGE, body, content_type="text/html"), PAGE)
    assert found == (
        "https://www.example.org/archive/vale/caf\xe9.htm#\xe9",
        "mailto:a@b.example?subject=\xe9",
    )


def test_links_within_the_page_are_its_own_address() -> None:
    for base in (PAGE, PAGE + "#top"):
        assert links_of('<a href="#n4">[4]</a>', base=base) == (PAGE + "#n4",)


def test_order_is_that_of_the_page_and_each_stands_once() -> None:
    html = '<a href="b.htm">b</a><a href="a.htm">a</a><a href="b.htm">again</a>'
    assert [address.rsplit("/", 1)[1] for address in links_of(html)] == ["b.htm", "a.htm"]


def test_a_base_element_stands_before_the_address() -> None:
    html = '<head><base href="https://mirror.example/x/"></head><a href="a.htm">a</a>'
    assert links_of(html) == ("https://mirror.example/x/a.htm",)


def test_a_relative_base_is_joined_first() -> None:
    html = '<head><base href="../other/"></head><a href="a.htm">a</a>'
    assert links_of(html) == ("https://www.example.org/archive/other/a.htm",)


def test_areas_and_frames_link_too() -> None:
    html = '<map><area href="a.htm"></map><iframe src="b.htm"></iframe>'
    assert [address.rsplit("/", 1)[1] for address in links_of(html)] == ["a.htm", "b.htm"]


@pytest.mark.parametrize("href", ["", "   ", "http://[broken", "http://[::1"])
def test_broken_references_are_left_out(href: str) -> None:
    html = f'<a href="{href}">x</a><a href="a.htm">a</a><a>no href</a><a name="n1">anchor</a>'
    assert links_of(html)[-1:] == ("https://www.example.org/archive/vale/a.htm",)
    assert len(links_of(html)) == 1


def test_comments_and_scripts_do_not_link() -> None:
    html = """<!-- <a href="a.htm">a</a> --><script>var x = '<a href="b.htm">b</a>';</script>"""
    assert links_of(html) == ()


@pytest.mark.parametrize("content_type", ["application/pdf", "text/plain", "image/png"])
def test_only_html_links(content_type: str) -> None:
    assert links_of('<a href="a.htm">a</a>', content_type) == ()


def test_unclosed_and_upper_case_links_are_found() -> None:
    html = '<UL><LI><A HREF="a.htm">one<LI><A HREF=b.htm>two'
    assert [address.rsplit("/", 1)[1] for address in links_of(html)] == ["a.htm", "b.htm"]


def test_other_charsets() -> None:
    assert links_of("<a href='caf\u00e9.htm'>x</a>".encode("latin-1")) == (
        "https://www.example.org/archive/vale/caf\u00e9.htm",
    )


@pytest.mark.parametrize("body", [b"", b" ", b"\x00\x01\x02", b"no mark-up at all", b"<", b"<a href"])
def test_what_is_no_page_links_nowhere(body: bytes) -> None:
    assert links_of(body) == ()


@given(st.binary(max_size=200))
def test_no_bytes_fail(body: bytes) -> None:
    links_of(b'<a href="' + body + b'">x</a>' + body)


# ── what a page needs ────────────────────────────────────────────────────────────────


def leads_of(html: str, requisite: Requisite | None = None, content_type: str = "text/html") -> Leads:
    return leads(Payload(PAGE, html.encode(), content_type=content_type), PAGE, requisite)


def test_a_page_leads_to_pages_and_to_what_it_needs() -> None:
    found = leads_of(
        '<link rel="stylesheet" href="/css/works.css"><link rel="next" href="2.htm"><a href="a.htm">a</a>'
        '<img src="face.gif?a=1&amp;b=2" srcset="face.gif 1x, large.gif 2x"><iframe src="menu.htm"></iframe>'
        "<style>@font-face { src: url(old.woff) } h1 { background: url('line.png') }</style>"
        '<script src="run.js"></script><object data="song.mid"></object>'
        '<a href="b.htm" style="background: url(x.png)">'
    )
    below = "https://www.example.org/archive/vale/"
    assert found.links == (f"{below}a.htm", f"{below}menu.htm", f"{below}b.htm")
    assert found.needs == (
        ("https://www.example.org/css/works.css", Requisite.STYLE),
        (f"{below}face.gif?a=1&b=2", Requisite.IMAGE),
        (f"{below}face.gif", Requisite.IMAGE),
        (f"{below}large.gif", Requisite.IMAGE),
        (f"{below}menu.htm", Requisite.FRAME),
        (f"{below}old.woff", Requisite.FONT),
        (f"{below}line.png", Requisite.IMAGE),
        (f"{below}run.js", Requisite.SCRIPT),
        (f"{below}song.mid", Requisite.MEDIA),
        (f"{below}x.png", Requisite.IMAGE),
    )


def test_needs_are_joined_with_the_first_base() -> None:
    found = leads_of('<img src="a.png"><base target="x"><base href="/b/"><base href="/c/"><img src="a.png">')
    assert found.needs == (("https://www.example.org/b/a.png", Requisite.IMAGE),)


@pytest.mark.parametrize("href", ["", "#", "#x", "data:,", "javascript:x()", "http://[::1", "mailto:a@b.c"])
def test_what_cannot_be_asked_for_is_not_needed(href: str) -> None:
    assert leads_of(f'<img src="{href}">').needs == ()


def test_a_style_sheet_leads_to_what_it_names() -> None:
    found = leads_of('@import "base.css"; p { background: url(x.png) }', Requisite.STYLE, "text/css")
    assert found.links == ()
    assert [kind for _, kind in found.needs] == [Requisite.STYLE, Requisite.IMAGE]


def test_the_contents_of_a_frame_lead_to_no_pages() -> None:
    found = leads_of('<a href="a.htm">a</a><img src="x.png">', Requisite.FRAME)
    assert (found.links, len(found.needs)) == ((), 1)


@pytest.mark.parametrize("requisite", [Requisite.STYLE, Requisite.IMAGE, Requisite.FONT, Requisite.SCRIPT])
def test_mark_up_in_the_place_of_something_else_leads_nowhere(requisite: Requisite) -> None:
    assert leads_of('<a href="a.htm">a</a><img src="x.png">@import "b.css";', requisite) == Leads()


FRAGMENTS = [
    '<a href="a.htm">',
    '<A STYLE="background:url(a.png)" HREF=b>',
    "<area href=c background=d.png>",
    "text style=",
    "<img src=e.png>",
    "<!-- <img src=no.png> ",
    "-->",
    "<style>p{background:url(f.png)}",
    "</style>",
    "<title>",
    "</title>",
    "<script>",
    "</script>",
    "<base href=/x/>",
    '<link rel="stylesheet" href="g.css">',
    "<",
    ">",
    '"',
    "<textarea>",
    "</textarea>",
    "<p style='background: url(&quot;h.png&quot;)'>",
    "<table BACKGROUND=i.gif>",
    "'",
    "<frame src=j.htm>",
    '<source srcset="k.png 1x, l.png 2x">',
    "<svg><use xlink:href='m.svg#a'/></svg>",
    "</p>",
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12), st.sampled_from(["utf-8", "utf-16-le"]))
def test_without_anchors_nothing_that_is_needed_is_missed(parts: list[str], charset: str) -> None:
    body = "".join(parts).encode(charset)

    def needed(*, anchors: bool) -> list[Reference]:
        found = html_references(body, charset, anchors=anchors)
        return [one for one in found if one.role not in (Role.LINK, Role.OTHER)]

    assert needed(anchors=False) == needed(anchors=True)
