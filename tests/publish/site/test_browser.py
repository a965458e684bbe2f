"""The site in a real browser, from the disk: it fits, it can be read by all, and hostile text is text."""

from __future__ import annotations

import html
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shell.conftest import Library, library, page  # noqa: F401 - a fixture

from etolwatch.model import Verdict
from etolwatch.publish.site import names

from .test_site import Watch, watched  # noqa: F401 - a fixture

HOSTILE = Path(__file__).resolve().parents[2] / "hostile"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
# Where pictures are put to be looked at; a folder outside of the repository.
PICTURES = os.environ.get("ETOLWATCH_SCREENSHOTS")
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
NOTHING_ELSE = ", ".join(f"main {tag}" for tag in "script img iframe object style base form".split())
VIEWS = [(width, scheme) for width in (390, 1440) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_it_fits_and_says_nothing_wrong(
    browser: Any,
    watched: Watch,  # noqa: F811
    width: int,
    scheme: str,
) -> None:
    watched.publish()
    site = watched.folder / "site"
    silent = next(found for found in watched.findings() if found.verdict is Verdict.SILENT_EDIT)
    shown = {
        "index": names.INDEX,
        "finding": names.finding_path(silent),
        "page": names.page_path(silent.uri),
        "months": names.MONTHS,
        "month": "month/2026-11.html",
        "about": names.ABOUT,
        "edit": next((site / "edit").iterdir()).relative_to(site).as_posix(),
    }
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("console", lambda message: wrong.append(message.text))
    tab.on("requestfailed", lambda request: wrong.append(request.url))
    for name, path in shown.items():
        tab.goto(f"file://{site / path}")
        assert tab.evaluate(FITS), name
        ground = tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == ("rgb(253, 252, 248)" if scheme == "light" else "rgb(25, 24, 21)"), name
        if PICTURES:
            tab.screenshot(path=Path(PICTURES) / f"site-{name}-{width}-{scheme}.png", full_page=True)
        assert wrong == [], name
        assert serious(tab) == [], name
        wrong.clear()  # the policy holds against axe, too, which wants to read the style sheet
    context.close()


def serious(tab: Any) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    found = axe.Axe().run(tab).response["violations"]
    return [one["id"] for one in found if one["impact"] in ("serious", "critical")]


def test_hostile_text_is_shown_as_text(
    browser: Any,
    tmp_path: Path,
    library: Library,  # noqa: F811
) -> None:
    made = Watch(tmp_path, library)
    sources = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(HOSTILE.rglob("*.htm"))]
    sources += [
        "<script>document.title = 'ran'</script>",
        "'\"><svg onload=alert(1)>",
        "{{ 7 * 7 }}{% raw %}",
    ]
    assert len(sources) > 10
    hosts = [f"h{n}.htm" for n in range(len(sources))]
    library.pages["/penhale/index.htm"] = page("Works", links=tuple(hosts))
    for host in hosts:
        library.pages[f"/penhale/{host}"] = page("Quiet")
    made.one_pass()
    for host, source in zip(hosts, sources, strict=True):
        library.pages[f"/penhale/{host}"] = page("Quiet", html.escape(source))
    made.one_pass()
    made.publish()
    site = tmp_path / "site"
    tab = browser.new_page()
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("dialog", lambda dialog: pytest.fail(dialog.message))
    words = 0
    for finding in made.findings():
        tab.goto(f"file://{site / names.finding_path(finding)}")
        shown = tab.evaluate("document.body.innerText")
        assert tab.title() != "ran"
        inserted = "".join(variant.reading for variant in finding.variants if len(variant.reading) < 1000)
        words += "<" in inserted
        for piece in filter(None, inserted.split()):
            assert piece in shown or not piece.isprintable()
        assert not tab.query_selector(NOTHING_ELSE)
    tab.goto(f"file://{site / names.INDEX}")
    assert not tab.query_selector("script, img, iframe")
    tab.close()
    assert words > 5
    assert all(url.startswith(f"file://{site}/") for url in asked), asked
