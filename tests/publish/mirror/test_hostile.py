"""Pages that try to run, to ask or to leave: in a real browser, from the disk, none of them does."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from archive.material import BASE

from etolwatch.publish.drawings import rewrite_xml
from etolwatch.publish.mirror.names import wanted_path
from etolwatch.publish.mirror.pages import POLICY
from publish.mirror.library import Was, lived, mirrored

FOLDER = Path(__file__).resolve().parents[2] / "hostile"
OWN = FOLDER / "mirror"
PAGES: list[dict[str, Any]] = tomllib.loads((OWN / "pages.toml").read_text())["page"]
OTHERS = sorted(
    path.name for path in (FOLDER / "replay").iterdir() if path.suffix in (".htm", ".xhtml", ".xml")
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
# Whatever waits for the reader is done: each thing clicked on, hovered over, focused, opened and sent,
# but for links that openly lead to the web.
TOUCH = """() => {
  const kinds = ['mouseover', 'focus', 'toggle', 'load', 'error', 'begin', 'start', 'click'];
  for (const e of document.querySelectorAll('*')) {
    if (/^https?:/.test(e.getAttribute('href') || e.getAttribute('xlink:href') || '')) continue;
    for (const kind of kinds)
      try { e.dispatchEvent(new MouseEvent(kind, {bubbles: true, cancelable: true})) } catch (x) {}
  }
}"""


@dataclass
class Seen:
    """What a browser did with a page."""

    ran: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    text: str = ""


class Browser:
    """Chromium, told to open one file after the other."""

    def __init__(self, browser: Any, error: type[Exception]) -> None:
        self._context, self._error = browser.new_context(service_workers="allow"), error
        self._context.route("**/*", self._answer)

    @staticmethod
    def _answer(route: Any) -> None:
        """Nothing but files of the disk is ever had."""
        route.continue_() if route.request.url.startswith("file:") else route.abort()

    def open(self, file: Path) -> Seen:
        """Opens a file, touches all there is on it, and tells what came of it."""
        seen = Seen()
        page = self._context.new_page()

        def dialog(box: Any) -> None:
            seen.ran.append(box.message)
            box.dismiss()

        def request(asked: Any) -> None:
            if not asked.url.startswith(("file:", "about:", "data:", "blob:")):
                seen.asked.append(asked.url)

        page.on("dialog", dialog)
        page.on("request", request)
        page.goto(file.as_uri(), wait_until="commit")
        page.wait_for_timeout(60)
        with suppress(self._error):  # it may leave for another page at any time, which is asking for it
            seen.text = page.evaluate(
                "() => document.documentElement ? document.documentElement.textContent : ''"
            )
            # answered before anything leads away: an answer from a page that is left may never come
            page.evaluate(f"() => {{ setTimeout({TOUCH}, 0) }}")
        page.wait_for_timeout(150)
        page.close()
        return seen


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield Browser(chromium, playwright.Error)
        chromium.close()


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mirror of a site that has all these pages."""
    place = tmp_path_factory.mktemp("hostile")
    seen = {"/" + case["file"]: was(case) for case in PAGES}
    seen |= {f"/others/{name}": other(name) for name in OTHERS}
    seen["/x"] = Was(b"<p>x</p>")
    mirrored(lived(place / "store", seen), place / "mirror")
    files = place / "mirror" / "www.example.org"
    for path, each in seen.items():
        if each.kind == "text/xml" and "/others/" not in path:  # of a type that harvest does not keep
            body = rewrite_xml(each.body, BASE + path, lambda _, uri: uri, scripts=False)
            (files / path[1:]).write_bytes(body)
    return files


def kind_of(name: str) -> str:
    return {".svg": "image/svg+xml", ".xml": "text/xml", ".xhtml": "application/xhtml+xml"}.get(
        Path(name).suffix, "text/html"
    )


def was(case: dict[str, Any]) -> Was:
    charset = f"; charset={case['charset']}" if "charset" in case else ""
    return Was((OWN / case["file"]).read_bytes(), kind_of(case["file"]) + charset)


def other(name: str) -> Was:
    return Was((FOLDER / "replay" / name).read_bytes().replace(b"SERVER", BASE.encode()), kind_of(name))


def place(uri: str, name: str) -> str:
    return wanted_path(uri, kind_of(name)).partition("/")[2]


@pytest.mark.parametrize("case", [case for case in PAGES if case["ran"]], ids=lambda case: case["file"])
def test_as_captured_it_would_run_or_ask(case: dict[str, Any], browser: Browser) -> None:
    """So that the test below can fail."""
    seen = browser.open(OWN / case["file"])
    assert seen.ran or seen.asked


@pytest.mark.parametrize("name", [case["file"] for case in PAGES])
def test_in_the_mirror_nothing_runs_or_asks(name: str, mirror: Path, browser: Browser) -> None:
    seen = browser.open(mirror / place(f"{BASE}/{name}", name))
    assert (seen.ran, seen.asked) == ([], [])


@pytest.mark.parametrize("name", OTHERS)
def test_nor_do_the_pages_that_try_to_leave_a_replay(name: str, mirror: Path, browser: Browser) -> None:
    file = mirror / place(f"{BASE}/others/{name}", name)
    if not file.exists():
        pytest.skip("it is no page: harvest keeps nothing of this type")
    seen = browser.open(file)
    # addresses on the web that a reader clicks on stay as they are: they were all clicked on
    assert seen.ran == []


@pytest.mark.parametrize("case", PAGES, ids=lambda case: case["file"])
def test_what_was_taken_out_is_enough_without_a_policy(
    case: dict[str, Any], mirror: Path, browser: Browser, tmp_path: Path
) -> None:
    """Two locks, and each of them holds alone: here without the one that the browser keeps."""
    file = mirror / place(f"{BASE}/{case['file']}", case["file"])
    wide = file.read_bytes().startswith(b"\xff\xfe")
    lock = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />'
    unlocked = file.read_bytes().replace(lock.encode("utf-16-le" if wide else "ascii"), b"")
    assert kind_of(case["file"]) in ("image/svg+xml", "text/xml") or unlocked != file.read_bytes()
    copy = tmp_path / file.name
    copy.write_bytes(unlocked)
    seen = browser.open(copy)
    assert (seen.ran, seen.asked) == ([], [])


def test_texts_are_still_there(mirror: Path, browser: Browser) -> None:
    seen = browser.open(mirror / "handlers.htm")
    assert "The keepers placed their lamps upon the wall." in seen.text
    assert "Last line." in seen.text


def test_with_scripts_they_run_and_still_ask_for_nothing(browser: Browser, tmp_path: Path) -> None:
    names = ("script-inline.htm", "script-from-outside.htm", "media-outside.htm")
    seen = {f"/{name}": Was((OWN / name).read_bytes()) for name in names}
    mirrored(lived(tmp_path / "store", seen), tmp_path / "mirror", scripts=True)
    opened = [browser.open(tmp_path / "mirror" / "www.example.org" / name) for name in names]
    assert opened[0].ran == ["RAN", "RAN"]
    assert [each.asked for each in opened] == [[], [], []]
