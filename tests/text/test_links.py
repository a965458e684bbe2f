"""The links of a page: bases, fragments, broken references."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.model import Payload
from etolwatch.text.links import links

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
    ],
)
def test_references_are_joined(href: str, address: str) -> None:
    assert links_of(f'<p><a href="{href}">x</a></p>') == (address,)


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
