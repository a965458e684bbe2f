"""Hostile pages, opened in Chromium through the replay; hostile addresses, sent to the server.

Each file in tests/hostile/replay is such a page; its first line says what it tries. SERVER in it stands
for the address of this very server. The pages in tests/hostile/mirror, of which pages.toml there tells, are
opened too.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from web.browser import Elsewhere, browsing, chromium
from web.replays import Asked, Shelf, at, config_of, serving

FOLDER = Path(__file__).resolve().parents[1] / "hostile"
OWN = sorted((FOLDER / "replay").glob("*.*"))
PAGES = OWN + sorted(page for page in (FOLDER / "mirror").glob("*.*") if page.suffix != ".toml")
NAMES = [f"{page.parent.name}/{page.name}" for page in PAGES]
SITE = "https://www.example.org/hostile"
WHEN = at("2026-11-02T05:00:00")
STAMP = "20261102050000"
TYPES = {
    ".htm": "text/html",
    ".html": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".svg": "image/svg+xml",
    ".xml": "application/xml",
    ".png": "image/png",
    ".txt": "text/plain",
    ".css": "text/css",
    ".mht": "multipart/related",
}
PRESSED = "a, area, button, input, summary, label, svg text, [onclick], menuitem"
MOST_PRESSED = 24  # of one page
# What of this server a captured page may reach: captures, and the looks of our own pages.
OURS = re.compile(r"(/~[0-9a-f]{32})?/web/|/static/|/favicon\.ico")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Asked]]:
    """A server over a store in which each hostile page was captured."""
    folder = tmp_path_factory.mktemp("hostile") / "snapshots"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = f"http://127.0.0.1:{port}".encode()
    with Shelf(folder, WHEN) as shelf:
        for name, page in zip(NAMES, PAGES, strict=True):
            body = page.read_bytes().replace(b"SERVER", server)
            shelf.put(
                f"{SITE}/{name}",
                body,
                WHEN,
                Content_Type=TYPES[page.suffix],
                Set_Cookie="etolwatch=evil; Path=/",
                Refresh="0; url=http://evil.example/refresh",
                Link="<http://evil.example/hint>; rel=preload; as=image",
                Content_Security_Policy="default-src * 'unsafe-inline'; report-uri http://evil.example/csp",
                Service_Worker_Allowed="/",
            )
        worker = b"self.addEventListener('fetch', () => {})"
        shelf.put("https://hostile.example/sw.js", worker, WHEN, Content_Type="text/javascript")
    with serving(config_of(folder), port=port) as found:
        yield found


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    place = Elsewhere()
    yield place
    place.close()


@pytest.fixture(scope="module")
def browser(elsewhere: Elsewhere) -> Iterator[Any]:
    if chromium() is None:
        pytest.skip("no Chromium is installed, or no Playwright to drive it: apt install chromium")
    with browsing(elsewhere) as browser:
        yield browser


@dataclass
class Seen:
    """What a browser did with one page that it should not have done."""

    wrongs: list[str] = field(default_factory=list)

    def watch(self, page: Any, server: str) -> None:
        page.on("dialog", lambda dialog: (self.wrongs.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: self.wrongs.append(f"a script ran: {error}"))
        page.on("requestfinished", lambda request: self._asked(request, server))
        page.on("requestfailed", lambda request: self._failed(request, server))
        page.on("popup", lambda popup: self.wrongs.append(f"popup {popup.url}"))

    def _failed(self, request: Any, server: str) -> None:
        if request.failure != "csp":  # never sent: the policy forbids it
            self._asked(request, server)

    def _asked(self, request: Any, server: str) -> None:
        split = urlsplit(request.url)
        is_ours = request.url.startswith(server + "/") and OURS.match(split.path)
        if split.scheme not in ("data", "about", "blob") and not is_ours:
            self.wrongs.append(f"asked {request.url}")
        if request.method not in ("GET", "HEAD"):
            self.wrongs.append(f"{request.method} {request.url}")


@contextmanager
def visiting(browser: Any, server: str, asked: Asked, elsewhere: Elsewhere) -> Iterator[tuple[Any, Seen]]:
    """A page of a browser without a past; on leaving, nothing wrong may have happened in it."""
    context = browser.new_context(viewport={"width": 900, "height": 700}, accept_downloads=True)
    seen = Seen()
    asked.requests.clear()
    elsewhere.heard.clear()
    page = context.new_page()
    seen.watch(page, server)
    try:
        yield page, seen
        page.wait_for_timeout(150)
        assert seen.wrongs == []
        assert elsewhere.heard == []
        assert [one for one in asked.requests if one[0] != "GET" or not OURS.match(one[1])] == []
        assert [one for one in asked.requests if one[2]] == []  # no cookie was ever shown
        assert context.cookies() == []
        assert context.service_workers == []
    finally:
        context.close()


def ran(page: Any) -> list[str]:
    """Frames in which a script left its sign."""
    return [
        frame.url
        for frame in page.frames
        if frame.evaluate("document.documentElement.hasAttribute('ran') || document.title === 'ran'")
    ]


def test_there_are_enough_of_them() -> None:
    assert len(OWN) >= 20
    for page in OWN:
        assert re.match(rb"<!-- [A-Z].{20,}\. -->", page.read_bytes().split(b"\n", 1)[0]), page.name


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_page_does_nothing(
    name: str, browser: Any, shelf: tuple[str, Asked], elsewhere: Elsewhere
) -> None:
    server, asked = shelf
    with visiting(browser, server, asked, elsewhere) as (page, _):
        arrive(page, f"{server}/web/{STAMP}/{SITE}/{name}")
        assert ran(page) == []


@pytest.mark.parametrize("name", NAMES)
def test_nor_does_it_without_our_page_around_it(
    name: str, browser: Any, shelf: tuple[str, Asked], elsewhere: Elsewhere
) -> None:
    server, asked = shelf
    flags = ("if_", "id_", "im_", "js_") if name.startswith("replay/") else ("if_",)
    with visiting(browser, server, asked, elsewhere) as (page, _):
        for flag in flags:
            arrive(page, f"{server}/web/{STAMP}{flag}/{SITE}/{name}")
            assert ran(page) == []


def arrive(page: Any, address: str) -> None:
    """Opens an address; what is handed over as a file leaves the page as it is."""
    from playwright.sync_api import Error

    try:
        page.goto(address, wait_until="load")
    except Error as error:
        if "Download is starting" not in str(error):
            raise
    page.wait_for_timeout(150)


@pytest.mark.parametrize("name", [page.name for page in OWN if page.suffix in (".htm", ".xhtml")])
def test_nothing_in_it_leads_out_when_pressed(
    name: str, browser: Any, shelf: tuple[str, Asked], elsewhere: Elsewhere
) -> None:
    server, asked = shelf
    address = f"{server}/web/{STAMP}/{SITE}/replay/{name}"
    with visiting(browser, server, asked, elsewhere) as (page, _):
        arrive(page, address)
        for number in range(MOST_PRESSED):
            if page.url != address or len(page.frames) < 2:
                arrive(page, address)
            if not press(page.frames[1], number):
                break
            page.wait_for_timeout(60)
            assert page.url.startswith(f"{server}/web/"), page.url
        assert ran(page) == []


def press(frame: Any, number: int) -> bool:
    """Clicks on the element of this number that can be clicked on; whether there is one."""
    from playwright.sync_api import Error

    found = frame.locator(PRESSED)
    if number >= found.count():
        return False
    with suppress(Error):  # it has no size, or lies below another: nobody can press it
        found.nth(number).click(timeout=400, force=True)
    return True


def test_a_reviewing_page_is_never_within_another(
    browser: Any, shelf: tuple[str, Asked], elsewhere: Elsewhere
) -> None:
    server, _ = shelf
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server}/")
    page.evaluate(
        """path => new Promise(done => {
            const frame = document.createElement('iframe');
            frame.src = path; frame.onload = done; document.body.append(frame); setTimeout(done, 1000);
        })""",
        f"/web/{STAMP}/{SITE}/replay/links.htm",
    )
    inner = [frame for frame in page.frames if frame.parent_frame is page.main_frame]
    assert [frame for frame in inner if frame.locator("header.banner").count()] == []
    context.close()


# ── addresses ────────────────────────────────────────────────────────────────────────

HOSTILE = [
    "/web/20261102050000/https://www.example.org/../../../etc/passwd",
    "/web/20261102050000/../../etc/passwd",
    "/web/20261102050000/%2e%2e/%2e%2e/etc/passwd",
    "/web/20261102050000id_/..%2f..%2f..%2fetc%2fpasswd",
    "/web/20261102050000id_/https://www.example.org/..%5c..%5cboot.ini",
    "/web/20261102050000/file:///etc/passwd",
    "/web/20261102050000/https://www.example.org/%00",
    "/web/20261102050000%00/https://www.example.org/",
    "/web/%00",
    "/web/20261102050000/https://www.example.org/%0d%0aSet-Cookie:%20a=b",
    "/web/%0d%0aSet-Cookie:%20a=b/https://www.example.org/",
    "/web/20261102050000/javascript:alert(1)",
    "/web/javascript:alert(1)",
    "/web/20261102050000/data:text/html,<script>alert(1)</script>",
    "/web/20261102050000///evil.example/",
    "/web/20261102050000//evil.example/",
    "/web//evil.example",
    "/web/\\\\evil.example",
    "//evil.example/web/20261102050000/https://www.example.org/",
    "/web/20261102050000/https://user:pw@www.example.org/",
    "/web/20261102050000/https://www.example.org:99999/",
    "/web/20261102050000/https://[bad/",
    "/web/20261102050000/https://[::1]/",
    "/web/20261102050000/https://\u00fc.example/".encode().decode("latin-1"),
    "/web/20261102050000/https://%ff%fe/",
    "/web/20261102050000/https://xn--/",
    "/web/20261102050000/https://" + "a." * 200 + "org/",
    "/web/20261102050000/https://www.example.org/" + "a" * 60_000,
    "/web/20261102050000/https://www.example.org/?" + "&".join(["a=1"] * 9000),
    "/web/20261102050000/" + "https://" * 500,
    "/web/20269999999999/https://www.example.org/",
    "/web/00000000000000/https://www.example.org/",
    "/web/99999999999999/https://www.example.org/",
    "/web/" + "9" * 5000 + "/https://www.example.org/",
    "/web/-1/https://www.example.org/",
    "/web/2026110205000\u0660/https://www.example.org/".encode().decode("latin-1"),
    "/web/20261102050000zz_/https://www.example.org/hostile/replay/links.htm",
    "/web/20261102050000if_if_/https://www.example.org/",
    "/web/0000*/https://www.example.org/",
    "/web/*/",
    "/web/*/*",
    "/web/*/%",
    "/web/*/https://www.example.org/%2A*",
    "/web/",
    "/text/20261102050000/",
    "/text/x/https://www.example.org/",
    "/text/20269999999999/https://www.example.org/hostile/replay/links.htm",
    "/text/20261102050000/https://www.example.org/hostile/replay/drawing.svg",
    "/timegate/",
    "/timegate/x",
    "/timemap/link/",
    "/timemap/link/0/https://www.example.org/hostile/replay/links.htm",
    "/timemap/link/999999/https://www.example.org/hostile/replay/links.htm",
    "/timemap/json/%00",
    "/cdx",
    "/cdx?url=%00",
    "/cdx?url=https://[bad/",
    "/cdx?url=*",
    "/cdx?url=www.example.org/*&filter=~url:(",
    "/cdx?url=www.example.org/*&filter=" + "a" * 3000,
    "/cdx?url=www.example.org/*&limit=99999999999999999999",
    "/cdx?url=www.example.org/*&page=-1",
    "/cdx?url=www.example.org/*&pageSize=0&page=0",
    "/cdx/search/cdx?url=www.example.org/*&resumeKey=%00",
    "/cdx/search/cdx?url=www.example.org/*&collapse=digest:x",
    "/cdx/search/cdx?url=www.example.org/*&filter=statuscode:[",
    "/cdx/search/cdx?url=%ff%fe*&output=json",
]


@pytest.mark.parametrize("target", HOSTILE, ids=lambda target: target[:60])
def test_a_hostile_address_is_answered_and_leads_nowhere(shelf: tuple[str, Asked], target: str) -> None:
    server, _ = shelf
    split = urlsplit(server)
    with socket.create_connection((split.hostname or "", split.port or 0), 30) as connection:
        head = f"GET {target} HTTP/1.1\r\nHost: {split.netloc}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    assert 200 <= status < 500, answer[:500]
    assert b"root:" not in body
    assert b"set-cookie" not in head.lower()
    for location in re.findall(rb"(?im)^location: *(.*?)\r?$", head):
        place = location.decode().removeprefix(server)
        assert place.startswith("/"), place
        assert not place.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("yesterday", 400),
        ("Mon, 99 Nov 2026 04:17:00 GMT", 400),
        ("Mon, 09 Nov 2026 04:17:00 +0100", 400),
        ("2026-11-09", 400),
        ("Mon, 09 Nov 0000 04:17:00 GMT", 400),
        ("Mon, 09 Nov 2026 04:17:00 GMT", 302),
        ("", 302),
    ],
)
def test_a_date_that_is_none_is_refused_by_the_timegate(
    tmp_path_factory: pytest.TempPathFactory, shelf: tuple[str, Asked], accept: str, status: int
) -> None:
    import httpx

    server, _ = shelf
    got = httpx.get(f"{server}/timegate/{SITE}/replay/links.htm", headers={"Accept-Datetime": accept})
    assert got.status_code == status


@pytest.mark.parametrize("host", ["localhost; script-src *", "evil.example", "127.0.0.1 'unsafe-inline'", ""])
def test_only_a_name_of_this_server_gets_into_a_policy(shelf: tuple[str, Asked], host: str) -> None:
    server, _ = shelf
    split = urlsplit(server)
    with socket.create_connection((split.hostname or "", split.port or 0), 30) as connection:
        path = f"/web/{STAMP}if_/{SITE}/replay/links.htm"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert int(answer.split(b" ", 2)[1]) in (400, 403)
    assert b"script-src *" not in answer
