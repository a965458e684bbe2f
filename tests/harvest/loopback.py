"""A small site on loopback whose pages and misbehaviour a test sets; and a store to watch it with."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from etolwatch.model import Site

Answer = Callable[["Handler"], None]


@dataclass
class Page:
    """What the site answers for one path. ``answer``, if given, does it all by itself."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = "text/html"
    validators: bool = True
    answer: Answer | None = None

    @property
    def etag(self) -> str:
        return '"' + hashlib.sha256(self.body).hexdigest()[:16] + '"'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    site: LoopbackSite

    def log_message(self, *_: object) -> None:
        """Requests are kept in ``site.log`` instead."""

    def do_GET(self) -> None:
        page = self.site.pages.get(self.path)
        if page is None and self.path == "/robots.txt":
            page = Page(status=404)
        page = page or Page(b"<p>nothing here</p>", status=404, validators=False)
        if page.answer:
            self.site.log.append((self.path, 0, dict(self.headers)))
            page.answer(self)
            return
        not_modified = (
            page.validators and page.status == 200 and page.etag in self.headers.get("If-None-Match", "")
        )
        status = 304 if not_modified else page.status
        self.site.log.append((self.path, status, dict(self.headers)))
        self.send_response(status)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if page.content_type and not not_modified:
            self.send_header("Content-Type", page.content_type)
        if page.validators and page.status == 200:
            self.send_header("ETag", page.etag)
        if not not_modified:
            self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if not not_modified:
            self.wfile.write(page.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that was killed is no error of the server."""


class LoopbackSite:
    """A running server. ``pages`` maps paths to pages; ``log`` has path, status, request headers."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.log: list[tuple[str, int, dict[str, str]]] = []
        handler = type("BoundHandler", (Handler,), {"site": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._is_open = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stops it; a second call does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def asked(self) -> list[str]:
        """The paths asked since the last call, robots.txt left out."""
        paths = [path for path, _, _ in self.log if path != "/robots.txt"]
        self.log.clear()
        return paths

    def statuses(self) -> dict[str, int]:
        """The last status by path, robots.txt left out."""
        return {path: status for path, status, _ in self.log if path != "/robots.txt"}

    def write(self, path: str, text: str, *links: str) -> None:
        """A page with this text and these links."""
        anchors = "".join(f'<p><a href="{link}">{link}</a></p>' for link in links)
        self.pages[path] = Page(f"<html><body><p>{text}</p>{anchors}</body></html>".encode())


class Clock:
    """A clock that a test sets; sleeping moves it on. Each reading moves it by a millisecond."""

    def __init__(self, at: datetime = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)) -> None:
        self.at = at
        self.slept: list[float] = []

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


def site_of(base: str, **changes: object) -> Site:
    """A site that watches all of ``base``, without a delay."""
    values: dict[str, object] = {
        "name": "test",
        "seeds": (f"{base}/index.htm",),
        "scope": (f"{base}/",),
        "exclude": (),
        "profile": "etol",
        "schedule": "0 4 * * *",
        "time_zone": "UTC",
        "delay_s": 0.0,
        "budget": 1000,
        "largest_body_bytes": 100_000,
    }
    return Site(**{**values, **changes})  # type: ignore[arg-type]
