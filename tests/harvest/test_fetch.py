"""The one module that touches the network: fidelity to what was received, and bad weather as values."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from etolwatch import __version__
from etolwatch.errors import UsageError
from etolwatch.harvest.fetch import Fetcher, Limits, conditions
from etolwatch.harvest.scope import asks_for
from etolwatch.model import Exchange, Failure, FailureKind, Site, Via, Visit
from harvest.loopback import Handler, LoopbackSite, Page, site_of
from harvest.test_plan import version

QUICK = Limits(connect_s=1.0, read_s=0.3, whole_s=0.6)


@pytest.fixture
def web() -> Iterator[LoopbackSite]:
    site = LoopbackSite()
    yield site
    site.close()


def fetch(
    site: Site, uri: str, *, contact: str | None = None, limits: Limits | None = None
) -> Exchange | Failure:
    with Fetcher(contact, limits=limits) as fetcher:
        return fetcher.fetch(Visit(uri, asks_for(site, uri), site.name, Via.SEED), site)


def exchange(outcome: Exchange | Failure) -> Exchange:
    assert isinstance(outcome, Exchange), outcome
    return outcome


def failure(outcome: Exchange | Failure) -> Failure:
    assert isinstance(outcome, Failure), outcome
    return outcome


def test_what_went_over_the_line_is_kept(web: LoopbackSite) -> None:
    packed = gzip.compress(b"<p>text</p>")
    web.pages["/a.htm"] = Page(packed, headers={"X-oDd-CaSe": "Ünïcode", "Content-Encoding": "gzip"})
    got = exchange(fetch(site_of(web.base), f"{web.base}/a.htm"))
    assert (got.status, got.reason, got.http_version) == (200, "OK", "HTTP/1.1")
    assert got.body == packed
    assert got.ip == "127.0.0.1"
    assert ("X-oDd-CaSe", "Ünïcode") in got.headers
    assert [name for name, _ in got.headers][:2] == ["Server", "Date"]
    assert got.request_line == "GET /a.htm HTTP/1.1"
    assert got.request_head[0] == ("Host", web.base.removeprefix("http://"))
    assert got.truncated is None


def test_it_says_who_asks(web: LoopbackSite) -> None:
    fetch(site_of(web.base), f"{web.base}/a.htm", contact="keeper@example.org")
    sent = web.log[0][2]
    assert sent["User-Agent"] == f"etolwatch/{__version__} (+keeper@example.org)"
    assert sent["Accept-Encoding"] == "gzip, deflate"


def test_no_stranger_is_asked_without_a_contact() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"text"))

    transport = httpx.MockTransport(answer)
    site = site_of("https://www.example.org")
    visit = Visit("https://www.example.org/a", "https://www.example.org/a", "test", Via.SEED)
    with Fetcher(None, transport=transport) as fetcher, pytest.raises(UsageError, match="contact"):
        fetcher.fetch(visit, site)
    assert asked == []
    with Fetcher("keeper@example.org", transport=transport) as fetcher:
        assert exchange(fetcher.fetch(visit, site)).ip is None
    assert len(asked) == 1


def test_one_connection_serves_all(web: LoopbackSite) -> None:
    ports: list[int] = []

    def note(handler: Handler) -> None:
        ports.append(handler.client_address[1])
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Length", "1")
        handler.end_headers()
        handler.wfile.write(b"x")

    web.pages["/a.htm"] = Page(answer=note)
    site = site_of(web.base)
    with Fetcher(None) as fetcher:
        for _ in range(3):
            fetcher.fetch(Visit(f"{web.base}/a.htm", f"{web.base}/a.htm", "test", Via.SEED), site)
    assert len(ports) == 3
    assert len(set(ports)) == 1


@pytest.mark.parametrize(
    ("etag", "expected"),
    [('"abc"', '"abc"'), ('"abc-gzip"', '"abc-gzip", "abc"'), ('W/"abc-gzip"', 'W/"abc-gzip", W/"abc"')],
)
def test_both_forms_of_a_gzip_etag(etag: str, expected: str) -> None:
    known = replace(version("u"), etag=etag, last_modified="Mon, 02 Nov 2026 04:00:00 GMT")
    assert conditions(Visit("u", "u", "test", Via.KNOWN, version=known)) == [
        ("If-None-Match", expected),
        ("If-Modified-Since", "Mon, 02 Nov 2026 04:00:00 GMT"),
    ]


def test_redirects_are_not_followed(web: LoopbackSite) -> None:
    web.pages["/a.htm"] = Page(status=301, headers={"Location": "/b.htm"})
    assert exchange(fetch(site_of(web.base), f"{web.base}/a.htm")).status == 301
    assert web.asked() == ["/a.htm"]


def test_other_types_are_not_downloaded(web: LoopbackSite) -> None:
    web.pages["/a"] = Page(b"x" * 50_000, content_type="video/mp4")
    assert exchange(fetch(site_of(web.base), f"{web.base}/a")).body == b""


def test_a_bomb_is_cut_off_at_the_limit(web: LoopbackSite) -> None:
    bomb = gzip.compress(b"\0" * 60_000_000)
    web.pages["/a.htm"] = Page(bomb, headers={"Content-Encoding": "gzip"})
    got = exchange(fetch(site_of(web.base, largest_body_bytes=1_000_000), f"{web.base}/a.htm"))
    assert got.truncated == "length"


def test_announced_as_too_large_is_not_fetched(web: LoopbackSite) -> None:
    web.pages["/a.htm"] = Page(b"x" * 5_000)
    outcome = fetch(site_of(web.base, largest_body_bytes=4_999), f"{web.base}/a.htm")
    assert failure(outcome).kind is FailureKind.TOO_LARGE
    assert exchange(fetch(site_of(web.base, largest_body_bytes=5_000), f"{web.base}/a.htm")).truncated is None


def _head(handler: Handler, length: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.flush()
    handler.close_connection = True


def cut_off(handler: Handler) -> None:
    _head(handler, 100)
    handler.wfile.write(b"half of it")


def stall(handler: Handler) -> None:
    _head(handler, 100)
    handler.wfile.write(b"half of it")
    handler.wfile.flush()
    time.sleep(1.0)


def drip(handler: Handler) -> None:
    _head(handler, 100)
    for _ in range(20):
        try:
            handler.wfile.write(b"x")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.1)


@pytest.mark.parametrize(("answer", "reason"), [(cut_off, "disconnect"), (stall, "time"), (drip, "time")])
def test_cut_off_answers_say_why(web: LoopbackSite, answer: object, reason: str) -> None:
    web.pages["/a.htm"] = Page(answer=answer)  # type: ignore[arg-type]
    got = exchange(fetch(site_of(web.base), f"{web.base}/a.htm", limits=QUICK))
    assert got.truncated == reason
    assert got.body


def hang(_: Handler) -> None:
    time.sleep(1.0)


def reset(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def no_http(handler: Handler) -> None:
    handler.wfile.write(b"SSH-2.0-nothing here for you\r\n\r\n")
    handler.close_connection = True


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(hang, FailureKind.TIMEOUT), (reset, FailureKind.UNREACHABLE), (no_http, FailureKind.PROTOCOL)],
)
def test_weather_is_a_value(web: LoopbackSite, answer: object, kind: FailureKind) -> None:
    web.pages["/a.htm"] = Page(answer=answer)  # type: ignore[arg-type]
    assert failure(fetch(site_of(web.base), f"{web.base}/a.htm", limits=QUICK)).kind is kind


def test_refused_connection_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert failure(fetch(site_of(base), f"{base}/a.htm")).kind is FailureKind.UNREACHABLE


def test_tls_that_is_none(web: LoopbackSite) -> None:
    base = web.base.replace("http:", "https:")
    assert failure(fetch(site_of(base), f"{base}/a.htm")).kind is FailureKind.TLS


def test_abort_ends_a_request_that_hangs(web: LoopbackSite) -> None:
    over = threading.Event()
    web.pages["/a.htm"] = Page(answer=lambda _: over.wait(20))
    site = site_of(web.base)
    with Fetcher(None) as fetcher:
        timer = threading.Timer(0.3, fetcher.abort)
        timer.start()
        outcome = fetcher.fetch(Visit(f"{web.base}/a.htm", f"{web.base}/a.htm", "test", Via.SEED), site)
        timer.join()
    over.set()
    assert failure(outcome).kind is FailureKind.UNREACHABLE


# ── local folders ────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "a copy"
    (root / "1958").mkdir(parents=True)
    (root / "1958" / "index.htm").write_bytes(b"<p>list</p>")
    (root / "1958" / "export.htm").write_bytes(b"<p>text</p>")
    os.utime(root / "1958" / "export.htm", (1_000_000_000, 1_000_000_000))
    (tmp_path / "secret.htm").write_bytes(b"not for the web")
    (root / "link.htm").symlink_to(tmp_path / "secret.htm")
    return root


def of_folder(root: Path) -> Site:
    return site_of("https://www.example.org", source=str(root), stands_for="https://www.example.org/")


def test_file_of_a_folder(folder: Path) -> None:
    got = exchange(fetch(of_folder(folder), "https://www.example.org/1958/export.htm"))
    assert (got.status, got.http_version, got.request_line, got.body) == (200, "", "", b"<p>text</p>")
    assert dict(got.headers) == {
        "Content-Type": "text/html",
        "Last-Modified": "Sun, 09 Sep 2001 01:46:40 GMT",
    }


def test_address_of_a_folder_means_its_index(folder: Path) -> None:
    assert exchange(fetch(of_folder(folder), "https://www.example.org/1958/")).body == b"<p>list</p>"


def test_file_that_is_not_there_is_a_404(folder: Path) -> None:
    assert exchange(fetch(of_folder(folder), "https://www.example.org/1958/none.htm")).status == 404
    assert exchange(fetch(of_folder(folder), "https://www.example.org/1958/export.htm/x")).status == 404


@pytest.mark.parametrize("path", ["..%2Fsecret.htm", "1958/..%2F..%2Fsecret.htm", "link.htm", "a%00.htm"])
def test_nothing_outside_the_folder_is_read(folder: Path, path: str) -> None:
    outcome = failure(fetch(of_folder(folder), f"https://www.example.org/{path}"))
    assert outcome.kind is FailureKind.UNREACHABLE


def test_folder_that_is_gone_is_no_site_of_missing_pages(folder: Path) -> None:
    outcome = fetch(of_folder(folder / "unmounted"), "https://www.example.org/1958/export.htm")
    assert failure(outcome).kind is FailureKind.UNREACHABLE
