"""Addresses: RFC 3986 §6.2.2 and §5.2.4 say what is the same; the rest must stay as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from etolwatch.harvest import scope
from etolwatch.model import Requisite
from harvest.loopback import site_of

BASE = "https://www.example.org/a/b/c.htm"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://www.example.org/a/b.htm", "https://www.example.org/a/b.htm"),
        ("https://www.example.org", "https://www.example.org/"),
        ("HTTPS://WWW.Example.ORG/A/b.htm", "https://www.example.org/A/b.htm"),
        ("https://www.example.org:443/a", "https://www.example.org/a"),
        ("http://www.example.org:80/a", "http://www.example.org/a"),
        ("http://www.example.org:/a", "http://www.example.org/a"),
        ("http://www.example.org:8080/a", "http://www.example.org:8080/a"),
        ("https://www.example.org:80/a", "https://www.example.org:80/a"),
        ("http://www.example.org./a", "http://www.example.org/a"),
        ("https://www.example.org/a#note", "https://www.example.org/a"),
        ("https://www.example.org/a/./b/../c", "https://www.example.org/a/c"),
        ("https://www.example.org/../../c", "https://www.example.org/c"),
        ("https://www.example.org/a/b/..", "https://www.example.org/a/"),
        ("https://www.example.org/a/%2e%2e/c", "https://www.example.org/c"),
        ("https://www.example.org/%7euser/%41", "https://www.example.org/~user/A"),
        ("https://www.example.org/a%2fb%c3%a9", "https://www.example.org/a%2Fb%C3%A9"),
        ("https://www.example.org/é ü", "https://www.example.org/%C3%A9%20%C3%BC"),
        ("https://www.example.org/100%", "https://www.example.org/100%25"),
        ("https://www.example.org/a?b=1&a=2", "https://www.example.org/a?b=1&a=2"),
        ("https://www.example.org/a?", "https://www.example.org/a?"),
        ("https://www.example.org/a//b", "https://www.example.org/a//b"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("http://[::1]:80/a", "http://[::1]/a"),
        (" https://www.example.org/a\n", "https://www.example.org/a"),
        ("https:\\\\www.example.org\\a\\b.htm", "https://www.example.org/a/b.htm"),
        ("https://www.example.org/a\\..\\c", "https://www.example.org/c"),
        ("https://www.example.org/a%5cb", "https://www.example.org/a%5Cb"),
        ("https://www.example.org/a?b\\c", "https://www.example.org/a?b%5Cc"),
    ],
)
def test_canonical_address(written: str, expected: str) -> None:
    assert scope.canonical(written) == expected
    assert scope.canonical(expected) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("d.htm", "https://www.example.org/a/b/d.htm"),
        ("../d.htm", "https://www.example.org/a/d.htm"),
        ("/d.htm", "https://www.example.org/d.htm"),
        ("//other.example/d", "https://other.example/d"),
        ("..\\d.htm", "https://www.example.org/a/d.htm"),
        ("\\d\\e.htm", "https://www.example.org/d/e.htm"),
        ("\\\\other.example\\d", "https://other.example/d"),
        ("#note", "https://www.example.org/a/b/c.htm"),
        ("", "https://www.example.org/a/b/c.htm"),
    ],
)
def test_relative_to_a_base(written: str, expected: str) -> None:
    assert scope.canonical(written, BASE) == expected


@pytest.mark.parametrize(
    "written",
    [
        "mailto:someone@example.org",
        "javascript:void(0)",
        "ftp://example.org/a",
        "file:///etc/passwd",
        "data:text/html,x",
        "http://",
        "http:///a",
        "http://example.org:99999/",
        "http://user:word@example.org/",
        "http://[::1",
        "d.htm",
        "",
    ],
)
def test_no_address_of_a_page(written: str) -> None:
    assert scope.canonical(written) is None


def test_scope_is_prefixes_less_excludes() -> None:
    site = site_of(
        "https://www.example.org",
        scope=("https://www.example.org/archive/", "https://www.example.org/history/"),
        exclude=("https://www.example.org/archive/private/",),
    )
    assert scope.in_scope(site, "https://www.example.org/archive/a.htm")
    assert scope.in_scope(site, "https://www.example.org/history/")
    assert not scope.in_scope(site, "https://www.example.org/archive/private/a.htm")
    assert not scope.in_scope(site, "https://www.example.org/other/a.htm")
    assert not scope.in_scope(site, "http://www.example.org/archive/a.htm")


def test_mirror_stands_for_the_site_both_ways() -> None:
    site = site_of(
        "https://www.example.org", source="http://127.0.0.1:9000/copy/", stands_for="https://www.example.org/"
    )
    assert scope.asks_for(site, "https://www.example.org/a/b.htm?x") == "http://127.0.0.1:9000/copy/a/b.htm?x"
    assert scope.stands_for(site, "http://127.0.0.1:9000/copy/a/b.htm") == "https://www.example.org/a/b.htm"
    assert scope.stands_for(site, "http://elsewhere.example/") == "http://elsewhere.example/"


def test_what_a_mirror_does_not_hold_is_out_of_scope() -> None:
    site = site_of(
        "https://www.example.org",
        source="http://127.0.0.1:9000/",
        stands_for="https://www.example.org/archive/",
    )
    assert scope.in_scope(site, "https://www.example.org/archive/a.htm")
    assert not scope.in_scope(site, "https://www.example.org/history/a.htm")


def test_folder_gives_file_addresses() -> None:
    site = site_of("https://www.example.org", source="/srv/a copy/", stands_for="https://www.example.org/")
    assert scope.asks_for(site, "https://www.example.org/x/y.htm") == "file:///srv/a%20copy/x/y.htm"


@pytest.mark.parametrize("tricky", ["..%2F..%2Fetc%2Fpasswd", "%2e%2e%2fetc", "a%00b", "x%2Fy"])
def test_no_name_of_a_file_holds_a_slash(tricky: str) -> None:
    assert scope.file_below(f"file:///srv/copy/{tricky}") is None


@pytest.mark.parametrize(
    ("asked", "loopback"),
    [
        ("http://127.0.0.1:80/", True),
        ("http://127.9.9.9/", True),
        ("http://[::1]/", True),
        ("http://localhost:8000/", True),
        ("http://site.localhost/", True),
        ("file:///srv/a", True),
        ("http://127.0.0.1.example.org/", False),
        ("http://10.0.0.1/", False),
        ("https://www.marxists.org/", False),
        ("http://localhost.example.org/", False),
    ],
)
def test_loopback(asked: str, loopback: bool) -> None:
    assert scope.is_loopback(asked) is loopback


def test_names_of_what_is_never_text() -> None:
    assert scope.never_text("https://www.example.org/a/face.JPG?x=1")
    assert not scope.never_text("https://www.example.org/a/book.pdf")
    assert not scope.never_text("https://www.example.org/a.gif/")
    assert not scope.never_text("https://www.example.org/jpg")


# ── what pages need ──────────────────────────────────────────────────────────────────

NEEDING = site_of(
    "https://www.example.org/a",
    exclude=("https://www.example.org/no/",),
    requisites=(Requisite.STYLE, Requisite.IMAGE, Requisite.FONT, Requisite.FRAME),
    requisites_from=("https://pictures.example/of/",),
)


@pytest.mark.parametrize(
    ("uri", "is_needed"),
    [
        ("https://www.example.org/css/x.css", True),
        ("http://example.org/css/x.css", True),  # one host under its four names
        ("https://www.example.org:8080/css/x.css", False),
        ("https://sub.example.org/css/x.css", False),
        ("https://www.example.org.evil.example/css/x.css", False),
        ("https://pictures.example/of/x.css", True),
        ("https://pictures.example/x.css", False),
        ("https://www.example.org/no/x.css", False),
        ("https://www.example.org/a/book.pdf", False),  # a page, whatever it is named as
        ("https://www.example.org/a/essay.htm", False),
        ("https://www.example.org/a/x.cgi", True),
    ],
)
def test_where_requisites_are_asked_for(uri: str, is_needed: bool) -> None:
    assert scope.may_need(NEEDING, uri, Requisite.STYLE) is is_needed


def test_frames_that_are_pages_of_the_site() -> None:
    assert not scope.may_need(NEEDING, "https://www.example.org/a/menu", Requisite.FRAME)
    assert scope.may_need(NEEDING, "https://www.example.org/menu", Requisite.FRAME)


def test_nothing_is_asked_for_beside_what_stands_for_the_site() -> None:
    site = replace(NEEDING, source="http://127.0.0.1:9/", stands_for="https://www.example.org/a/")
    assert not scope.may_need(site, "https://www.example.org/css/x.css", Requisite.STYLE)
    assert not scope.may_need(site, "https://pictures.example/of/x.css", Requisite.STYLE)
    assert scope.may_need(site, "https://www.example.org/a/x.css", Requisite.STYLE)
    assert scope.needs(site, [("http://127.0.0.1:9/x.css", Requisite.STYLE)]) == {
        "https://www.example.org/a/x.css": Requisite.STYLE
    }


def test_needs_are_canonical_and_of_the_kind_that_their_ending_tells() -> None:
    base = "https://www.example.org/css"
    named = [
        (f"{base}/../pics/%7Eone.PNG#part", Requisite.MEDIA),  # an object may be a picture
        (f"{base}/../pics/~one.PNG", Requisite.IMAGE),
        (f"{base}/old.woff?v=1", Requisite.IMAGE),  # a style sheet does not say for what
        (f"{base}/film.mp4", Requisite.MEDIA),
        (f"{base}/run.js", Requisite.SCRIPT),
        ("data:image/png;base64,AAAA", Requisite.IMAGE),
        ("https://elsewhere.example/x.png", Requisite.IMAGE),
    ]
    assert scope.needs(NEEDING, named) == {
        "https://www.example.org/pics/~one.PNG": Requisite.IMAGE,
        "https://www.example.org/css/old.woff?v=1": Requisite.FONT,
    }


def test_a_text_needs_no_more_than_so_much() -> None:
    named = ((f"https://www.example.org/{n}.png", Requisite.IMAGE) for n in range(10_000))
    assert len(scope.needs(NEEDING, named)) == scope.MOST_NEEDED
