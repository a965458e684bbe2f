"""File names that every file system takes, for any set of addresses."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.publish.mirror.names import (
    DEVICES,
    LONGEST_NAME,
    LONGEST_PATH,
    key,
    paths,
    reference,
    wanted_path,
)
from etolwatch.publish.mirror.plan import OURS

ADDRESSES = Path(__file__).resolve().parents[2] / "hostile" / "mirror" / "addresses.toml"
HOSTILE: list[dict[str, Any]] = tomllib.loads(ADDRESSES.read_text(encoding="utf-8"))["address"]
ALL_HOSTILE = [uri for case in HOSTILE for uri in case["uris"]]
SITE = "https://www.example.org"


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/archive/vale/1958/08/export.htm", "archive/vale/1958/08/export.htm"),
        ("/archive/vale/1955/xx/brief.html", "archive/vale/1955/xx/brief.html"),
        ("/", "index.html"),
        ("/archive/vale/", "archive/vale/index.html"),
        ("/archive/vale", "archive/vale.html"),
        ("/view.php", "view.php.html"),
        ("/view.php?id=3", "view.php@id=3.html"),
        ("/?id=3", "index@id=3.html"),
        ("/a%20b/caf%C3%A9.htm", "a b/café.htm"),
        ("/caf%E9.htm", "caf%E9.htm"),
        ("/a%2Fb.htm", "a%2Fb.htm"),
        ("/100%25.htm", "100%25.htm"),
        ("/a:b.htm", "a%3Ab.htm"),
        ("/con.htm", "%63on.htm"),
        ("/a./b.htm", "a%2E/b.htm"),
        ("/.hidden", "%2Ehidden.html"),
        ("/~vale/", "~vale/index.html"),
        ("//x", "%/x.html"),
    ],
)
def test_names_are_those_of_the_site_as_far_as_they_can_be(address: str, path: str) -> None:
    assert wanted_path(SITE + address, "text/html") == "www.example.org/" + path


@pytest.mark.parametrize(
    ("name", "content_type", "expected"),
    [
        ("a.css", "text/css; charset=utf-8", "a.css"),
        ("a.php", "text/css", "a.php.css"),
        ("a.gif", "image/gif", "a.gif"),
        ("a.jpg", "image/png", "a.jpg"),
        ("a.svg", "image/png", "a.svg.png"),
        ("a.htm", "image/png", "a.htm.png"),
        ("a.PDF", "application/pdf", "a.PDF"),
        ("a.html", "text/plain", "a.html.txt"),
        ("a.xhtml", "application/xhtml+xml", "a.xhtml.html"),
        ("a.exe", "text/html", "a.exe.html"),
        ("a.hta", "application/octet-stream", "a.hta.bin"),
        ("a.html", "application/octet-stream", "a.html.bin"),
        ("a.zip", "application/octet-stream", "a.zip"),
        ("a", None, "a.bin"),
        ("a.js", "text/javascript", "a.js"),
    ],
)
def test_the_ending_tells_the_type_that_the_server_told(name: str, content_type: str, expected: str) -> None:
    assert wanted_path(f"{SITE}/{name}", content_type) == f"www.example.org/{expected}"


def test_hosts_and_ports_are_folders() -> None:
    assert wanted_path("http://127.0.0.1:8080/a.htm", "text/html") == "127.0.0.1+8080/a.htm"
    assert wanted_path("http://[::1]/a.htm", "text/html") == "%3A%3A1/a.htm"


def test_of_two_that_clash_the_first_keeps_its_name() -> None:
    found = paths({f"{SITE}/{name}": "text/html" for name in ("Read.htm", "read.htm", "READ.htm")})
    assert found[f"{SITE}/READ.htm"] == "www.example.org/READ.htm"
    assert re.fullmatch(r"www\.example\.org/Read~[0-9a-f]{8}\.htm", found[f"{SITE}/Read.htm"])
    assert re.fullmatch(r"www\.example\.org/read~[0-9a-f]{8}\.htm", found[f"{SITE}/read.htm"])


def test_a_file_gives_way_to_a_folder() -> None:
    found = paths({f"{SITE}/a.htm": "text/html", f"{SITE}/a.htm/b.htm": "text/html"})
    assert found[f"{SITE}/a.htm/b.htm"] == "www.example.org/a.htm/b.htm"
    assert re.fullmatch(r"www\.example\.org/a~[0-9a-f]{8}\.htm", found[f"{SITE}/a.htm"])


def test_a_name_may_be_taken_by_the_digits_of_another() -> None:
    clash = paths({f"{SITE}/A.htm": "text/html", f"{SITE}/a.htm": "text/html"})[f"{SITE}/a.htm"]
    plain = f"{SITE}/{clash.partition('/')[2]}"
    found = paths(dict.fromkeys((f"{SITE}/A.htm", f"{SITE}/a.htm", plain), "text/html"))
    assert len(set(found.values())) == 3
    assert found[plain] == clash


def test_long_names_are_cut_and_long_paths_put_elsewhere() -> None:
    name = wanted_path(f"{SITE}/{'n' * 300}.htm", "text/html")
    assert re.fullmatch(r"www\.example\.org/n+~[0-9a-f]{8}\.htm", name)
    assert re.fullmatch(r"~other/../[0-9a-f]{32}\.html", wanted_path(SITE + "/n" * 300, "text/html"))
    assert re.fullmatch(r"~other/../[0-9a-f]{32}\.html", wanted_path(f"{SITE}/{'n' * 300}/", "text/html"))


def safe(path: str) -> None:
    """What holds of any name, whatever it was made of."""
    assert len(path.encode()) <= LONGEST_PATH + 70
    assert unicodedata.normalize("NFC", path) == path
    for name in path.split("/"):
        assert name
        assert len(name.encode()) <= LONGEST_NAME
        assert name not in (".", "..")
        assert not name.startswith((".", " "))
        assert not name.endswith((".", " "))
        assert not re.search(r'[<>:"\\|?*\x00-\x1f\x7f]', name)
        assert not DEVICES.fullmatch(name.partition(".")[0])
        assert all(unicodedata.category(sign)[0] not in "CZ" or sign == " " for sign in name)


def check(uris: list[str], content_type: str | None) -> None:
    found = paths(dict.fromkeys(uris, content_type), OURS)
    assert set(found) == set(uris)
    keys = {key(path) for path in found.values()}
    assert len(keys) == len(found)
    assert keys.isdisjoint(OURS)
    folders = {path[:at] for path in keys for at, sign in enumerate(path) if sign == "/"}
    assert keys.isdisjoint(folders)
    for path in found.values():
        safe(path)


@pytest.mark.parametrize("content_type", ["text/html", "image/gif", None])
def test_hostile_addresses_have_safe_and_distinct_names(content_type: str | None) -> None:
    check(sorted(set(ALL_HOSTILE)), content_type)


WORDS = """/ // .. . %2e %2E%2E %2F %5C \\ %00 ? a A index .html .htm con NUL ~ % %25 %20 é ß ss @""".split()
PIECES = st.one_of(
    st.sampled_from([*WORDS, " ", "e\u0301", "\u212a", "\uff0f", "\u202e"]),
    st.text(max_size=3),
    st.integers(100, 200).map(lambda count: "n" * count),
)
URIS = st.one_of(
    st.lists(PIECES, max_size=6).map(lambda pieces: SITE + "/" + "".join(pieces)),
    st.sampled_from(ALL_HOSTILE),
    st.text(max_size=12),
)


@given(
    st.lists(URIS, max_size=12, unique=True),
    st.sampled_from(["text/html", "image/png", "text/css", None, "x"]),
)
def test_any_addresses_have_safe_and_distinct_names(uris: list[str], content_type: str | None) -> None:
    check(uris, content_type)


@given(st.lists(URIS, max_size=8, unique=True))
def test_the_names_are_the_same_in_whatever_order_they_are_asked_for(uris: list[str]) -> None:
    forward = paths(dict.fromkeys(uris, "text/html"))
    backward = paths(dict.fromkeys(reversed(uris), "text/html"))
    assert forward == backward


@pytest.mark.parametrize(
    ("path", "of", "expected"),
    [
        ("h/a.htm", "h/b.htm", "a.htm"),
        ("h/a/b.htm", "h/a/c/d.htm", "../b.htm"),
        ("h/a/b.htm", "index.html", "h/a/b.htm"),
        ("index.html", "h/a/b.htm", "../../index.html"),
        ("i/a.htm", "h/a.htm", "../i/a.htm"),
        ("h/a:b%2F.htm", "h/c.htm", "a%3Ab%252F.htm"),
        ("h/a", "h/a/b.htm", "../a"),
        ("h/é ?.htm", "h/c.htm", "%C3%A9%20%3F.htm"),
    ],
)
def test_relative_addresses(path: str, of: str, expected: str) -> None:
    assert reference(path, of) == expected
