"""The feeds as the server gives them out."""

from __future__ import annotations

import pytest
from lxml import etree

from web.conftest import LAMPS, Reader

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def entries(reader: Reader, path: str) -> list[str]:
    """Where the entries of a feed lead."""
    page = reader.get(path)
    assert page.status == 200
    assert page.response.mimetype == "application/atom+xml"
    document = etree.fromstring(page.response.data)
    return [str(href) for href in document.xpath("//a:entry/a:link[@rel='alternate']/@href", namespaces=ATOM)]


def test_the_feeds_are_of_all_of_silent_edits_and_of_a_site(reader: Reader, lamps: str) -> None:
    everything = entries(reader, "/feed/all.atom")
    assert len(everything) == 10
    assert entries(reader, "/feed/site/demo.atom") == everything
    silent = entries(reader, "/feed/silent.atom")
    assert f"http://localhost{lamps}" in silent
    assert len(silent) == 2


def test_an_entry_leads_to_the_page_of_its_finding(reader: Reader) -> None:
    (path,) = [href for href in entries(reader, "/feed/silent.atom") if LAMPS in href]
    assert "silent edit" in reader.get(path.removeprefix("http://localhost")).text


def test_a_pass_has_a_document_of_its_own(reader: Reader, demo: object) -> None:
    from etolwatch.config import Config
    from etolwatch.web.library import Library

    assert isinstance(demo, Config)
    with reader.client.application.app_context():
        library: Library = reader.client.application.extensions["etolwatch"]
        passes = [made.pass_id for made in library.store().catalog.passes()]
    found = [href for pass_id in passes[:-1] for href in entries(reader, f"/feed/all/{pass_id}.atom")]
    assert sorted(found) == sorted(entries(reader, "/feed/all.atom"))


def test_what_is_unchanged_is_not_sent_again(reader: Reader) -> None:
    tag = reader.get("/feed/all.atom").response.headers["ETag"]
    answer = reader.get("/feed/all.atom", If_None_Match=tag)
    assert (answer.status, answer.response.data) == (304, b"")


@pytest.mark.parametrize("path", ["/feed/site/other.atom", "/feed/all/20200101000000.atom", "/feed/x.atom"])
def test_there_is_no_other_feed(reader: Reader, path: str) -> None:
    assert reader.get(path).status == 404
