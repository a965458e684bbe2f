"""The calendar of captures, the pages that begin alike, the text of a version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from archive.material import BASE
from flask.testing import FlaskClient

from etolwatch.archive.store import Store
from etolwatch.model import Payload
from etolwatch.publish.reading import reading
from etolwatch.text.profiles import profile
from etolwatch.text.witness import witness
from etolwatch.web import calendar, texts
from etolwatch.web.app import create_app
from etolwatch.web.guard import Access
from web.replays import HOST, Shelf, at, config_of

PAGE = f"{BASE}/works/page.htm"
DAYS = [at(f"20{year}-03-09T05:06:07") for year in (20, 21, 22, 23, 24, 25)]
NOTED = b"""<html><head><title>A work</title></head><body>
<h3>A work</h3>
<p class="fst">The first words<a href="#n1" name="f1">[1]</a> are <em>set</em> in italics &lt;b&gt;,
the others not<sup><a name="f2" href="#n2">[2]</a></sup>. One goes
elsewhere<a href="other.htm#n9">[9]</a>.</p>
<p>A second paragraph of the work, which is long enough to be one.</p>
<h4>Notes</h4>
<p class="note"><a name="n1" href="#f1">[1]</a> The first note.</p>
<p class="note"><a name="n2" href="#f2">[2]</a> The second note.</p>
<p class="updat">Last updated on 11.10.2011</p></body></html>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calendar") / "snapshots"
    with Shelf(folder, DAYS[0]) as shelf:
        shelf.put(PAGE, NOTED, DAYS[0])
        shelf.put(PAGE, NOTED, DAYS[1])
        shelf.put(PAGE, NOTED.replace(b"first words", b"first sentences"), DAYS[2])
        shelf.put(PAGE, b"gone", DAYS[3], 404)
        shelf.put(PAGE, b"", DAYS[4], 301, Location=f"{BASE}/works/new.htm")
        shelf.put(PAGE, b"", DAYS[5], 500)
        shelf.put(f"{BASE}/works/new.htm", b"<p>new</p>", DAYS[4])
        shelf.put(f"{BASE}/other.htm", b"<p>other</p>", DAYS[4])
        shelf.put(f"{BASE}/book.pdf", b"%PDF-1.4", DAYS[4], Content_Type="application/pdf")
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[FlaskClient]:
    with create_app(config_of(folder), Access()).test_client() as client:
        yield client


class Words(HTMLParser):
    """What a reader hears of a page: its words in order, and the links with theirs."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: dict[str, str] = {}
        self.ids: set[str] = set()
        self._href = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._href = (found.get("href") or "") if tag == "a" else self._href
        if found.get("id"):
            self.ids.add(found["id"] or "")

    def handle_endtag(self, tag: str) -> None:
        self._href = "" if tag == "a" else self._href

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._href:
            self.links[self._href] = self.links.get(self._href, "") + data

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def heard(client: FlaskClient, path: str, status: int = 200) -> Words:
    got = client.get(path, headers=HOST)
    assert got.status_code == status, got.text
    return Words(got.text)


# ── calendar ─────────────────────────────────────────────────────────────────────────


def test_each_capture_stands_in_its_month_with_its_sign(client: FlaskClient) -> None:
    page = heard(client, f"/web/*/{PAGE}")
    for when, sign in zip(
        DAYS,
        ("first capture", "unchanged", "silent edit", "page gone", "page moved", "suspect capture"),
        strict=True,
    ):
        said = page.links[f"/web/{when:%Y%m%d%H%M%S}/{PAGE}"]
        assert " ".join(said.split()) == f"9 March {when.year}, 05:06:07"
        assert f"March {when.year}, 05:06:07 {sign}" in page.text
    assert page.links[f"/finding/{DAYS[2]:%Y%m%d%H%M%S}/{PAGE}"] == "silent edit"
    assert "6 captures" in page.text


def test_other_bytes_are_no_other_text(tmp_path: Path) -> None:
    """Three bodies, two texts, one that differs from the one before."""
    with Shelf(tmp_path / "snapshots", DAYS[0]) as shelf:
        shelf.put(PAGE, NOTED, DAYS[0])
        shelf.put(PAGE, NOTED.replace(b"<html>", b"<html><!-- rebuilt -->"), DAYS[1])
        shelf.put(PAGE, NOTED.replace(b"first words", b"first sentences"), DAYS[2])
    with create_app(config_of(tmp_path / "snapshots"), Access()).test_client() as client:
        page = heard(client, f"/web/*/{PAGE}")
        classes = dict(
            re.findall(
                r'class="mark ([^"]*)"><a href="([^"]*)"', client.get(f"/web/*/{PAGE}", headers=HOST).text
            )
        )
    assert "1 text that differs from the one before" in page.text
    signs = {path: sign for sign, path in classes.items()}
    assert [signs[f"/finding/{when:%Y%m%d%H%M%S}/{PAGE}"] for when in DAYS[:3]] == [
        "new-text",
        "unchanged",
        "new-text words",
    ]


def test_a_calendar_is_no_part_of_another_site(client: FlaskClient) -> None:
    for path in (f"/web/*/{PAGE}", text_path(0)):
        for dest, status in (("image", 403), ("iframe", 403), ("document", 200)):
            headers = {**HOST, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": dest}
            assert client.get(path, headers=headers).status_code == status


def test_of_many_captures_one_year_is_shown(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar, "WHOLE", 3)
    latest = heard(client, f"/web/*/{PAGE}")
    assert f"/web/{DAYS[5]:%Y%m%d%H%M%S}/{PAGE}" in latest.links
    assert f"/web/{DAYS[2]:%Y%m%d%H%M%S}/{PAGE}" not in latest.links
    year = heard(client, f"/web/2022*/{PAGE}")
    assert year.links[f"/web/2021*/{PAGE}"] == "2021"
    assert f"/web/{DAYS[2]:%Y%m%d%H%M%S}/{PAGE}" in year.links
    assert client.get(f"/web/1999*/{PAGE}", headers=HOST).headers["Location"] == f"/web/*/{PAGE}"


def test_pages_whose_addresses_begin_alike(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    page = heard(client, f"/web/*/{BASE}/works/*")
    assert page.links[f"/web/*/{PAGE}"] == "page.htm"
    assert page.links[f"/web/*/{BASE}/works/new.htm"] == "new.htm"
    assert f"/web/*/{BASE}/other.htm" not in page.links
    assert "2 pages" in page.text
    assert "4 pages" in heard(client, "/web/*/example.org/*").text
    assert "No page with such an address" in heard(client, f"/web/*/{BASE}/none*", 404).text
    monkeypatch.setattr(calendar, "LISTED", 1)
    assert "the first 1 of them" in heard(client, f"/web/*/{BASE}/works/*").text


def test_a_page_without_captures_has_no_calendar(client: FlaskClient) -> None:
    assert "No capture of this page is held" in heard(client, f"/web/*/{BASE}/none.htm", 404).text


# ── text ─────────────────────────────────────────────────────────────────────────────


def text_path(day: int, uri: str = PAGE) -> str:
    return f"/text/{DAYS[day]:%Y%m%d%H%M%S}/{uri}"


def test_the_text_is_the_one_that_show_prints(client: FlaskClient, folder: Path) -> None:
    page = heard(client, text_path(0))
    with Store.read_only(folder) as store:
        read = witness(store.payload(store.catalog.captures(PAGE)[0]), profile("etol"))
    shown = [
        line.removeprefix("## ").removeprefix("# ") for line in reading(read).split("\n\n") if line.strip()
    ]
    places = [page.text.find(" ".join(line.split())) for line in shown]
    assert -1 not in places
    assert places == sorted(places)


def test_a_very_large_page_is_not_read_at_each_view(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "MOST_READ", len(NOTED))
    assert "The first words" in heard(client, text_path(0)).text
    monkeypatch.setattr(texts, "MOST_READ", len(NOTED) - 1)
    page = heard(client, text_path(0))
    assert "this page is too large for its text to be shown" in page.text
    assert "The first words" not in page.text
    assert page.links[f"/web/{DAYS[0]:%Y%m%d%H%M%S}id_/{PAGE}"] == "as sent"


def test_notes_and_their_places_lead_to_each_other(client: FlaskClient) -> None:
    page = heard(client, text_path(0))
    there = {href: label for href, label in page.links.items() if href.startswith("#note-")}
    back = {href: label for href, label in page.links.items() if href.startswith("#mark-")}
    assert sorted(there.values()) == sorted(back.values()) == ["[1]", "[2]"]
    assert {href[1:] for href in (*there, *back)} <= page.ids
    assert "elsewhere[9]." in page.text  # its note is in another file: no link, but the mark stands


def test_captured_signs_are_never_mark_up(client: FlaskClient) -> None:
    got = client.get(text_path(0), headers=HOST).text
    assert "<em>set</em> in italics &lt;b&gt;" in got


def test_what_is_known_of_the_version_stands_beside_it(client: FlaskClient, folder: Path) -> None:
    page = heard(client, text_path(2))
    with Store.read_only(folder) as store:
        capture = store.catalog.captures(PAGE)[2]
    for known in ("11.10.2011", "2011-10-11", capture.body_digest, capture.payload_digest, capture.record_id):
        assert known in page.text
    assert page.links[f"/finding/{DAYS[2]:%Y%m%d%H%M%S}/{PAGE}"].startswith("silent edit")
    assert (
        "the text of 9 March 2020" in page.links[text_path(0)] or "9 March 2020" in page.links[text_path(0)]
    )
    assert page.links[f"/web/{DAYS[2]:%Y%m%d%H%M%S}/{PAGE}"] == "9 March 2022, 05:06:07 UTC"
    assert "What differs from the text before" in page.text
    got = client.get(text_path(2), headers=HOST).text
    assert "<del>words</del>" in got
    assert "<ins>sentences</ins>" in got


def test_a_text_seen_again_says_since_when_it_stands(client: FlaskClient) -> None:
    assert "First captured with this text 9 March 2020" in heard(client, text_path(1)).text


@pytest.mark.parametrize(
    ("day", "uri", "why"),
    [
        (3, PAGE, "the answer that the page is gone"),
        (4, PAGE, "a redirect to another address"),
        (5, PAGE, "an answer that was no whole page"),
        (4, f"{BASE}/book.pdf", "a file of the type application/pdf"),
    ],
)
def test_a_capture_without_a_text_says_why(client: FlaskClient, day: int, uri: str, why: str) -> None:
    assert why in heard(client, text_path(day, uri)).text


def test_another_time_leads_to_the_text_of_that_time(client: FlaskClient) -> None:
    between = DAYS[2] - timedelta(days=1)
    got = client.get(f"/text/{between:%Y%m%d%H%M%S}/{PAGE}", headers=HOST)
    assert got.headers["Location"] == text_path(1)  # what stood then, not what came the day after


def test_a_text_is_a_memento(client: FlaskClient) -> None:
    headers = client.get(text_path(0), headers=HOST).headers
    assert headers["Memento-Datetime"] == "Mon, 09 Mar 2020 05:06:07 GMT"
    assert f'<{PAGE}>; rel="original"' in headers["Link"]


def test_the_same_text_is_read_from_the_replay_as_from_the_archive(client: FlaskClient, folder: Path) -> None:
    with Store.read_only(folder) as store:
        payload = store.payload(store.catalog.captures(PAGE)[0])
    got = client.get(f"/web/{DAYS[0]:%Y%m%d%H%M%S}if_/{PAGE}", headers=HOST)
    served = Payload(PAGE, got.data, content_type=got.headers["Content-Type"])
    assert reading(witness(served, profile("etol"))) == reading(witness(payload, profile("etol")))
