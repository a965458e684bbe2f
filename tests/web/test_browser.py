"""A newcomer before the reviewing pages, in a real browser: Chromium, driven; axe looks over each page.

Screenshots go to the folder that ETOLWATCH_SCREENSHOTS names, else to a temporary one.
"""

from __future__ import annotations

import csv
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from etolwatch.review.journal import Journal
from web.conftest import LAMPS, NOW
from web.test_pages import Lived
from web.test_pages import page as page_of

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra “browser”)")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
SIZES = {"phone": (390, 844), "desk": (1440, 900)}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@dataclass(frozen=True, slots=True)
class Served:
    """A server over a library that changes."""

    address: str
    store: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, played: Path) -> Iterator[Served]:
    """The demonstration, and beside it four pages that were altered alike, served on loopback."""
    from waitress.server import create_server

    from etolwatch.config import load
    from etolwatch.web.app import create_app
    from etolwatch.web.guard import Access

    folder = tmp_path_factory.mktemp("browser") / "library"
    shutil.copytree(played, folder)
    lived = Lived(tmp_path_factory.mktemp("more") / "library")
    lived.config = load(folder / "config.toml")
    lived.diary.folder, lived.diary.at = lived.config.store, NOW - timedelta(days=400)
    names = [f"/a/{name}.htm" for name in ("one", "two", "three", "four")]
    lived.day({name: page_of(f"Page {name} has a keeper.") for name in names})
    lived.day({name: page_of(f"Page {name} has a warden.") for name in names})
    app = create_app(lived.config, Access())
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield Served(f"http://127.0.0.1:{server.effective_port}", lived.config.store)
    server.close()
    thread.join(5)


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: never into the repository."""
    named = os.environ.get("ETOLWATCH_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def page(browser: sync_api.Browser, served: Served) -> Iterator[sync_api.Page]:
    """A tab of its own, which fails the test if a script or a policy complains."""
    context = browser.new_context(base_url=served.address, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def faults(page: sync_api.Page) -> list[str]:
    """What axe finds that is serious or critical."""
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


# ── the journey ──


def test_a_newcomer_finds_the_silent_edit_judges_it_and_takes_that_back(
    page: sync_api.Page, served: Served, tmp_path: Path
) -> None:
    page.goto("/")
    section = page.locator("section.silent_edit")
    assert section.locator("h2").inner_text().startswith("Silent edits")
    section.get_by_role("link", name="lamplighters.htm").click()

    assert LAMPS in page.locator("h1 + .address").inner_text()
    changed = page.locator(".pair.changed .two")
    assert changed.locator("del").text_content() == "[removed: not]"
    assert changed.locator("ins").count() == 0
    assert page.locator(".fold").first.get_attribute("open") is None
    page.locator(".fold summary").first.click()
    assert page.locator(".fold .pair").first.is_visible()

    page.get_by_label("confirmed").check()
    page.locator(".reasons summary").click()
    page.get_by_label("content removed").check()
    page.get_by_label("Note", exact=True).fill("“not” was left out: the sense is turned round.")
    page.get_by_label("Your name").fill("Ann Newcomer")
    page.get_by_role("button", name="Keep", exact=True).click()
    assert "Judged as confirmed: 1 finding." in page.get_by_role("status").inner_text()
    assert "the sense is turned round" in page.locator(".history").inner_text()
    page.goto("/")
    assert page.get_by_role("link", name="lamplighters.htm").count() == 0

    page.get_by_role("link", name="confirmed").click()
    page.get_by_role("link", name="lamplighters.htm").click()
    page.get_by_role("button", name="Take back").click()
    assert "Taken back: confirmed" in page.get_by_role("status").inner_text()
    page.goto("/")
    assert page.get_by_role("link", name="lamplighters.htm").count() == 1

    page.get_by_role("link", name="The same on 4 pages").click()
    page.get_by_label("trivial").check()
    assert page.get_by_label("Your name").input_value() == "Ann Newcomer"  # it is remembered
    page.get_by_role("button", name="Keep").click()
    assert "Judged as trivial: 4 findings." in page.get_by_role("status").inner_text()
    assert page.locator(".pages .s-trivial").count() == 4

    page.goto("/")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_role("checkbox", name="silent edit").check()
    page.get_by_label("Author folder").select_option("https://demo.example/archive/penhale/")
    page.get_by_role("button", name="Show").click()
    assert page.locator("article.row").count() == 2
    page.get_by_label("Search words or addresses").fill("not")
    page.get_by_role("button", name="Search").click()
    assert page.locator("article.row").count() == 1

    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "findings.csv")
    with (tmp_path / "findings.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["uri"], row["state"]) for row in rows] == [(LAMPS, "new")]

    said = Journal.of(served.store).read()
    assert [(one.state.value, bool(one.undoes)) for one in said] == [
        ("confirmed", False), ("new", True), ("trivial", False),
    ]  # fmt: skip


def test_the_same_by_keyboard_alone(page: sync_api.Page) -> None:
    page.goto("/")
    keys = page.keyboard
    keys.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    keys.press("Enter")
    for _ in range(60):
        keys.press("Tab")
        if LAMPS in page.evaluate("document.activeElement.href || ''"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"  # one sees where one is
    keys.press("Enter")
    page.wait_for_url("**/finding/**")

    keys.press("w")
    assert page.locator("input[value=follow_up]").is_checked()
    keys.press("n")
    keys.type("just jotting: k c u ?")
    assert page.url.endswith(LAMPS)  # keys that are typed are letters
    for _ in range(3):
        keys.press("Tab")
        if page.evaluate("document.activeElement.id") == "reviewer":
            break
    keys.type("Ben")
    keys.press("Enter")
    page.wait_for_selector(".flash.done")
    assert "to follow up" in page.get_by_role("status").inner_text()
    keys.press("u")
    page.wait_for_url("**/")
    keys.press("j")
    keys.press("j")
    assert page.evaluate("document.querySelectorAll('.row .to')[1] === document.activeElement")
    keys.press("k")
    assert page.evaluate("document.querySelectorAll('.row .to')[0] === document.activeElement")
    keys.press("j")
    keys.press("Enter")
    page.wait_for_url("**/finding/**")
    here = page.url
    keys.press("j")
    page.wait_for_url(lambda url: "/finding/" in url and url != here)
    keys.press("?")
    page.wait_for_url("**/help")


def test_all_is_read_and_judged_without_scripts(browser: sync_api.Browser, served: Served) -> None:
    with browser.new_context(base_url=served.address, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/?verdict=undated_edit&state=all")
        page.locator("article.row a.to").click()
        assert page.locator(".pair.changed ins").first.text_content() == "[added: 1945]"
        page.get_by_text("as it fits").click()
        page.get_by_label("in one column").check()
        assert page.locator(".pair.changed .one").first.is_visible()
        assert not page.locator(".pair.changed .two").first.is_visible()
        page.get_by_label("trivial").check()
        page.get_by_label("Your name").fill("Cleo")
        page.get_by_role("button", name="Keep", exact=True).click()
        assert "Judged as trivial" in page.get_by_role("status").inner_text()


def test_classes_can_be_hidden(page: sync_api.Page) -> None:
    page.goto("/?q=two-pits&state=all")
    page.locator("article.row a.to").click()
    struck = page.locator(".pair .two del.c-updated")
    assert "line-through" in struck.evaluate("e => getComputedStyle(e).textDecorationLine")
    page.get_by_label("updated").uncheck()
    assert "line-through" not in struck.evaluate("e => getComputedStyle(e).textDecorationLine")
    assert not page.locator(".apparatus li.c-updated").is_visible()
    assert page.locator(".apparatus li.c-substantive").first.is_visible()
    told = struck.locator(".hidden").first
    assert told.evaluate("e => getComputedStyle(e).display") == "none"  # the ear is not told of it either
    page.reload()
    assert not page.get_by_label("updated").is_checked()  # as on the next finding


def test_a_phone_shows_where_the_change_lies(page: sync_api.Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    page.locator("article.row a.to").first.click()
    for mark in (".change", ".capture.this", ".stated"):
        box = page.locator(f"svg.narrow {mark}").first.bounding_box()
        assert box
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    assert not page.locator("svg.broad").is_visible()
    page.set_viewport_size({"width": 1280, "height": 900})
    assert page.locator("svg.broad").is_visible()
    assert not page.locator("svg.narrow").is_visible()


def test_on_paper_there_is_what_is_cited_and_no_form(page: sync_api.Page) -> None:
    page.goto("/?q=lamplighters&state=all")
    page.locator("article.row a.to").click()
    page.emulate_media(media="print")
    assert page.locator(".citation").is_visible()
    assert page.locator(".pair.changed .one").first.is_visible()
    for hidden in (".judge", "nav", ".top", ".views"):
        assert not page.locator(hidden).first.is_visible()


# ── what every page must hold to ──

PAGES: dict[str, Callable[[sync_api.Page], object]] = {
    "list": lambda page: page.goto("/?state=all"),
    "list-filter": lambda page: page.goto("/?state=all&verdict=silent_edit&q=e"),
    "finding": lambda page: (page.goto("/?q=lamplighters&state=all"), page.click("article.row a.to")),
    "finding-many": lambda page: (page.goto("/?q=quoting&state=all"), page.click("article.row a.to")),
    "finding-gone": lambda page: (page.goto("/?verdict=page_gone&state=all"), page.click("article.row a.to")),
    "cluster": lambda page: (page.goto("/?state=all"), page.click("text=The same on 4 pages")),
    "overview": lambda page: page.goto("/overview"),
    "rules": lambda page: page.goto("/rules"),
    "history": lambda page: page.goto("/history"),
    "help": lambda page: page.goto("/help"),
    "empty": lambda page: page.goto("/?q=nowheretobefound"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_and_nothing_runs_off_the_page(
    browser: sync_api.Browser, served: Served, shots: Path, name: str, size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    with browser.new_context(
        base_url=served.address,
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
    ) as context:
        page = context.new_page()
        PAGES[name](page)
        page.screenshot(path=shots / f"{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert faults(page) == []
