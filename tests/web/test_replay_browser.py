"""The replay in Chromium: pages look as they did, links go where they went, nobody is shut out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archive.material import BASE
from werkzeug.security import generate_password_hash

from etolwatch.web.guard import Access
from web.browser import Elsewhere, browsing, chromium
from web.replays import Asked, Shelf, at, config_of, serving

WHEN = [at("2026-11-02T05:00:00"), at("2026-11-03T05:00:00"), at("2026-11-04T05:00:00")]
STAMP = "20261102050000"
PASSWORD = "a password of some length"
PIXEL = bytes.fromhex(
    "47494638396101000100800000ff000000000021f90401000000002c00000000010001000002024401003b"
)
LIST = b"<a href='other.htm' id=own>here</a> <a href='other.htm' target=main id=next>there</a>"
LONG = b"<p>words</p>" * 200
PAGE = (
    b"<html><head><title>Page</title><link rel=stylesheet href='looks.css'></head><body>"
    b"<p id=first>The first words <a href='#n1' id=mark>[1]</a> and "
    b"<a href='other.htm' target=_blank id=other>another page</a>.</p><img src='dot.gif' id=dot>"
    + LONG
    + b"<p><a name=n1 id=n1>[1]</a> A note.</p>"
    b"<iframe src='inner.htm'></iframe></body></html>"
)
FRAMES = (
    b"<html><frameset cols='30%,70%'><frame name=list src='list.htm'>"
    b"<frame name=main src='inner.htm'></frameset>"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser") / "snapshots"
    with Shelf(folder, WHEN[0]) as shelf:
        shelf.put(f"{BASE}/page.htm", PAGE, WHEN[0])
        shelf.put(f"{BASE}/other.htm", b"<p>the other page</p>", WHEN[0])
        shelf.put(f"{BASE}/inner.htm", b"<p>within a frame</p>", WHEN[0])
        shelf.put(f"{BASE}/frames.htm", FRAMES, WHEN[0])
        shelf.put(f"{BASE}/list.htm", LIST, WHEN[0])
        shelf.put(
            f"{BASE}/looks.css",
            b"@import 'more.css'; p { color: rgb(1, 2, 3) }",
            WHEN[0],
            Content_Type="text/css",
        )
        shelf.put(
            f"{BASE}/more.css",
            b"p { background: url(dot.gif) rgb(4, 5, 6) }",
            WHEN[0],
            Content_Type="text/css",
        )
        shelf.put(f"{BASE}/dot.gif", PIXEL, WHEN[0], Content_Type="image/gif")
        shelf.put(f"{BASE}/page.htm", PAGE.replace(b"first words", b"first sentences"), WHEN[1])
        shelf.put(f"{BASE}/page.htm", b"gone", WHEN[2], 404)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if chromium() is None:
        pytest.skip("no Chromium is installed, or no Playwright to drive it: apt install chromium")
    elsewhere = Elsewhere()
    with browsing(elsewhere) as browser:
        yield browser
    elsewhere.close()


@pytest.fixture(params=["open", "password"])
def visit(request: pytest.FixtureRequest, folder: Path, browser: Any) -> Iterator[tuple[Any, str, Asked]]:
    """A page of a browser without JavaScript, logged in where that is needed."""
    word = generate_password_hash(PASSWORD, "scrypt:1024:8:1") if request.param == "password" else None
    with serving(config_of(folder), Access(password_hash=word)) as (server, asked):
        context = browser.new_context(java_script_enabled=False, viewport={"width": 1000, "height": 600})
        page = context.new_page()
        if word:
            page.goto(f"{server}/login")
            page.fill("#password", PASSWORD)
            page.click("main button")
        yield page, server, asked
        context.close()


def frame_of(page: Any) -> Any:
    return page.frames[1]


def test_a_page_looks_as_it_did(visit: tuple[Any, str, Asked]) -> None:
    page, server, asked = visit
    page.goto(f"{server}/web/{STAMP}/{BASE}/page.htm")
    frame = frame_of(page)
    assert frame.eval_on_selector("#first", "element => getComputedStyle(element).color") == "rgb(1, 2, 3)"
    assert frame.eval_on_selector("#first", "e => getComputedStyle(e).backgroundColor") == "rgb(4, 5, 6)"
    assert frame.eval_on_selector("#dot", "picture => picture.naturalWidth") == 1
    assert "within a frame" in page.frames[2].locator("body").inner_text()
    assert [target for _, target, _ in asked.requests if "dot.gif" in target and "im_" not in target] == []
    assert page.locator("header.banner").is_visible()


def test_notes_stay_in_the_frame_and_pages_take_the_window(visit: tuple[Any, str, Asked]) -> None:
    page, server, _ = visit
    address = f"{server}/web/{STAMP}/{BASE}/page.htm"
    page.goto(address)
    frame_of(page).click("#mark")
    page.wait_for_timeout(100)
    assert page.url == address
    assert frame_of(page).url.endswith("page.htm#n1")
    page.goto(address)
    frame_of(page).click("#other")
    page.wait_for_url(f"{server}/web/{STAMP}/{BASE}/other.htm")
    assert page.locator("header.banner").is_visible()
    assert "the other page" in frame_of(page).locator("body").inner_text()


def test_frames_show_what_they_showed(visit: tuple[Any, str, Asked]) -> None:
    page, server, _ = visit
    address = f"{server}/web/{STAMP}/{BASE}/frames.htm"
    page.goto(address)
    by_name = {frame.name: frame for frame in page.frames}
    assert "within a frame" in by_name["main"].locator("body").inner_text()
    by_name["list"].click("#own")  # into its own frame
    by_name["list"].wait_for_selector("text=the other page")
    assert page.url == address
    assert page.locator("header.banner").count() == 1
    page.goto(address)
    {frame.name: frame for frame in page.frames}["list"].click("#next")  # a neighbour cannot be led
    page.wait_for_url(f"{server}/web/{STAMP}/{BASE}/other.htm")


def test_the_banner_leads_from_capture_to_capture(visit: tuple[Any, str, Asked]) -> None:
    page, server, _ = visit
    page.goto(f"{server}/web/{STAMP}/{BASE}/page.htm")
    page.click("a[rel=next]")
    assert "Undated edit" in page.locator("header.banner").inner_text()
    page.click("a[rel=next]")
    assert "404 Not Found" in page.locator("header.banner").inner_text()
    page.click("a[rel=prev]")
    page.click("text=3 captures")
    assert page.locator("h1").inner_text() == "3 captures"


PATHS = [
    f"/web/{STAMP}/{BASE}/page.htm",
    f"/web/*/{BASE}/page.htm",
    f"/web/*/{BASE}/*",
    f"/text/20261103050000/{BASE}/page.htm",
    f"/web/2026/{BASE}/none.htm",
]


def test_on_a_narrow_screen_the_banner_stands_at_one_edge(folder: Path, browser: Any) -> None:
    parts = "[...document.querySelectorAll('.name, .banner nav ul, .said')]"
    with serving(config_of(folder)) as (server, _):
        context = browser.new_context(viewport={"width": 390, "height": 800})
        page = context.new_page()
        for when in WHEN:
            page.goto(f"{server}/web/{when:%Y%m%d%H%M%S}/{BASE}/page.htm")
            found = page.evaluate(f"{parts}.map(part => part.getBoundingClientRect().x)")
            assert len(found) == 4
            assert len(set(found)) == 1
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS, ids=["replay", "calendar", "addresses", "text", "not held"])
def test_nobody_is_shut_out(folder: Path, browser: Any, path: str, scheme: str) -> None:
    """axe finds nothing against WCAG 2.2 AA in our own pages, narrow or wide, and nothing overflows."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with serving(config_of(folder)) as (server, _):
        for width in (390, 1440):
            context = browser.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
            )
            page = context.new_page()
            page.goto(server + path)
            found = axe.run(page, options={"iframes": False}).response["violations"]
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            context.close()
