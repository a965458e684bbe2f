"""collate and blame, as a scholar calls them."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from .conftest import Commands, Library, page

TEI = {"t": "http://www.tei-c.org/ns/1.0"}


@pytest.fixture
def edited(watched: Commands, library: Library) -> Commands:
    """A folder in which the lamps have been captured twice, with “the” and with “their”."""
    assert watched("check").status == 0
    library.pages["/penhale/lamps.htm"] = page(
        "Lamps", "The keepers placed some of their lamps upon the wall."
    )
    assert watched("check").status == 0
    return watched


def test_one_page_alone_means_all_of_its_versions(edited: Commands) -> None:
    done = edited("collate", "lamps.htm")
    assert done.status == 1
    assert done.out.splitlines()[0].startswith("A  http://127.0.0.1:")
    assert "the¹] their B" in done.out  # the first of two


def test_a_page_of_one_version_is_nothing_to_collate(edited: Commands) -> None:
    done = edited("collate", "ferry.htm")
    assert done.status == 2
    assert "two witnesses" in done.err


def test_two_files_need_no_store(run: Commands) -> None:
    (run.folder / "a.htm").write_text(page("Lamps", "The ferry crossed twice."), encoding="utf-8")
    (run.folder / "b.htm").write_text(page("Lamps", "The ferry crossed thrice."), encoding="utf-8")
    done = run("collate", "a.htm", "b.htm")
    assert done.status == 1
    assert "twice] thrice B" in done.out
    assert run("collate", "a.htm", "a.htm").status == 0
    assert run("collate", "a.htm", "nowhere.htm").status == 2


def test_a_page_against_a_file_and_three_witnesses(edited: Commands) -> None:
    (edited.folder / "book.htm").write_text(
        page("Lamps", "The keepers placed some of those lamps upon the wall."), encoding="utf-8"
    )
    first = edited("log", "lamps.htm", "--format", "json").json["captures"][0]["captured_at"]
    found = edited("collate", f"lamps.htm@{first}", "lamps.htm", "book.htm", "--format", "json").json
    readings = [{r["reading"]: r["sigla"] for r in place["readings"]} for place in found["places"]]
    assert {"their": ["B"], "those": ["C"]} in readings


@pytest.mark.parametrize(
    ("form", "method"), [("tei", "parallel-segmentation"), ("tei-location", "location-referenced")]
)
def test_the_apparatus_as_tei(edited: Commands, form: str, method: str) -> None:
    done = edited("collate", "lamps.htm", "--format", form, "--output", "lamps.xml")
    assert done.status == 1
    root = etree.parse(edited.folder / "lamps.xml").getroot()
    assert root.xpath("//t:variantEncoding/@method", namespaces=TEI) == [method]
    assert root.xpath("//t:rdg[@wit='#B']/text()", namespaces=TEI) == ["their"]


def test_blame_tells_since_when_a_paragraph_stands_so(edited: Commands) -> None:
    found = edited("blame", "lamps.htm", "--format", "json").json
    since = {block["text"]: block["since"] for block in found["blocks"]}
    assert since["The keepers placed some of their lamps upon the wall."] == 1
    assert since["Lamps"] == 0
    assert "since version 2" in edited("blame", "lamps.htm").out


def test_words_alone(run: Commands) -> None:
    (run.folder / "a.htm").write_text(page("Lamps", "“Yes”, he said – twice."), encoding="utf-8")
    (run.folder / "b.htm").write_text(page("Lamps", '"Yes", he said - thrice.'), encoding="utf-8")
    everything = json.loads(run("collate", "a.htm", "b.htm", "--format", "json").out)["places"]
    words = json.loads(run("collate", "a.htm", "b.htm", "--format", "json", "--words").out)["places"]
    assert len(everything) > len(words) == 1
