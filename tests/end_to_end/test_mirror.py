"""The mirror of three days of real pages: its links, its texts, its looks, and what differs between days."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from publish.mirror.library import broken, bytes_below, marks_below, references

from end_to_end.conftest import ORIGIN, RealSite, Watch
from etolwatch.archive.store import Store
from etolwatch.model import Payload
from etolwatch.text.profiles import profile
from etolwatch.text.witness import witness

SEEDS = ("archive/pearce/index.htm", "archive/grant/index.htm")
HOST = "www.marxists.org"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
NO_CHANGE = ("no_textual_change", "first_capture")


@pytest.fixture(scope="module")
def lived(realsite: RealSite, tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """Three passes, one a day, and the mirror of the first day and of the last."""
    watch = Watch(tmp_path_factory.mktemp("mirror") / "watch")
    watch.configure(realsite.address, SEEDS, ("archive/",))
    ends = []
    for day in (1, 2, 3):
        realsite.turn_to(day)
        watch.run("check", status=None)
        ends.append(_end(watch))
    watch.run("mirror", str(watch.folder / "day1"), "--at", ends[0])
    watch.run("mirror", str(watch.folder / "day3"))
    return watch


def _end(watch: Watch) -> str:
    with Store.read_only(watch.folder / "snapshots") as store:
        return max(run.finished_at for run in store.catalog.passes() if run.finished_at).isoformat()


@pytest.mark.parametrize("name", ["day1", "day3"])
def test_no_relative_link_is_broken(lived: Watch, name: str) -> None:
    folder = lived.folder / name
    assert broken(folder) == []
    report = json.loads((folder / "mirror.json").read_text())
    assert len(report["pages"]) > 100


@pytest.mark.parametrize("name", ["day1", "day3"])
def test_no_link_to_a_held_page_leads_to_the_network(lived: Watch, name: str) -> None:
    folder = lived.folder / name
    held = {row["uri"] for row in json.loads((folder / "mirror.json").read_text())["pages"]}
    near = 0
    for path in sorted((folder / HOST).rglob("*.htm*")):
        addresses = [href.partition("#")[0] for href in references(path).found]
        assert held.isdisjoint(addresses), path
        near += sum(1 for address in addresses if address and ":" not in address)
    assert near > len(held)


@pytest.mark.parametrize("name", ["day1", "day3"])
def test_every_text_is_that_of_the_archive(lived: Watch, name: str) -> None:
    folder = lived.folder / name
    etol = profile("etol")
    with Store.read_only(lived.folder / "snapshots") as store:
        for row in json.loads((folder / "mirror.json").read_text())["pages"]:
            captured = witness(store.payload(store.catalog.capture(row["record"])), etol)
            shown = witness(Payload(row["uri"], (folder / row["file"]).read_bytes()), etol)
            assert [b.text for b in shown.blocks] == [b.text for b in captured.blocks], row["uri"]
            assert shown.stated == captured.stated


def test_two_days_differ_exactly_where_the_findings_say(lived: Watch) -> None:
    etol = profile("etol")
    texts = []
    for name in ("day1", "day3"):
        rows = json.loads((lived.folder / name / "mirror.json").read_text())["pages"]
        read = {row["uri"]: witness(_payload(lived.folder / name, row), etol).blocks for row in rows}
        texts.append({uri: [(block.zone, block.text) for block in blocks] for uri, blocks in read.items()})
    first, last = texts
    differing = {uri for uri in first.keys() | last.keys() if first.get(uri) != last.get(uri)}
    with Store.read_only(lived.folder / "snapshots") as store:
        found = {f.uri for f in store.catalog.findings() if f.verdict not in NO_CHANGE}
    found &= first.keys() | last.keys()  # what never was there is no page of either
    assert differing == found
    assert found


def _payload(folder: Path, row: dict[str, Any]) -> Payload:
    return Payload(row["uri"], (folder / row["file"]).read_bytes())


def test_a_second_build_touches_nothing(lived: Watch) -> None:
    folder = lived.folder / "day3"
    before = marks_below(folder)
    assert lived.json("mirror", str(folder))["changed"] is False
    assert marks_below(folder) == before


def test_the_same_day_made_anew_has_the_same_bytes(lived: Watch) -> None:
    lived.run("mirror", str(lived.folder / "again"))
    assert bytes_below(lived.folder / "again") == bytes_below(lived.folder / "day3")


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


def test_ten_pages_open_from_the_disk_and_ask_for_nothing(lived: Watch, opened: Any) -> None:
    folder = lived.folder / "day3"
    rows = json.loads((folder / "mirror.json").read_text())["pages"]
    page = opened.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    files = ["index.html", "colophon.html", *(row["file"] for row in rows[:: max(1, len(rows) // 8)][:8])]
    for file in files:
        page.goto((folder / file).as_uri())
        assert page.title()
    assert len(files) == 10
    assert [url for url in asked if not url.startswith(("file:", "about:"))] == []
    page.close()


def test_one_walks_from_the_entry_to_a_work_and_back(lived: Watch, opened: Any) -> None:
    page = opened.new_page()
    page.goto((lived.folder / "day3" / "index.html").as_uri())
    page.click("a[href$='archive/pearce/index.htm']")
    page.click("p.index a >> nth=0")
    assert page.url.startswith((lived.folder / "day3" / HOST / "archive/pearce").as_uri())
    assert ORIGIN not in page.url
    page.close()
