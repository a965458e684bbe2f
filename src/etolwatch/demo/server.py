"""The demonstration site on loopback: an honest small web server whose days can be turned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

from etolwatch.demo.history import Page, Story

ROBOTS = b"User-agent: *\nDisallow:\n"
NOT_FOUND = (
    b"<html><head><title>Not found</title></head><body><h1>Not found</h1>"
    b"<p>This page is not, or no longer, here.</p></body></html>"
)


class DemoServer(ThreadingHTTPServer):
    """Serves the story as it stands on ``day``, at the played instant ``at``."""

    daemon_threads = True

    def __init__(self, story: Story) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.story = story
        self.turn_to(1)

    @property
    def address(self) -> str:
        """Where it can be asked, ending in a slash."""
        return f"http://127.0.0.1:{self.server_port}/"

    def turn_to(self, day: int) -> None:
        """From now on the site is as on this day."""
        self.pages = self.story.pages(day)
        self.at = self.story.instant(day, self.story.pass_at)


@contextmanager
def serving(story: Story) -> Iterator[DemoServer]:
    """The server, running in a thread of its own for as long as the context lasts."""
    with DemoServer(story) as server:
        thread = Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="demo site", daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: DemoServer
    protocol_version = "HTTP/1.1"
    server_version = "demo"
    sys_version = ""
    disable_nagle_algorithm = True  # head and body go out as two writes on a kept connection

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).removeprefix("/")
        page = self.server.pages.get(path)
        if path == "robots.txt":
            self._answer(200, ROBOTS, {"Content-Type": "text/plain"})
        elif page is None:
            self._answer(404, NOT_FOUND, {"Content-Type": "text/html"})
        else:
            self._page(page)

    def _page(self, page: Page) -> None:
        etag = f'"{hashlib.sha256(page.body).hexdigest()[:16]}"'
        validators = {
            "ETag": etag,
            "Last-Modified": format_datetime(page.modified_at.astimezone(UTC), usegmt=True),
        }
        if self._is_fresh(etag, page.modified_at):
            self._answer(304, b"", validators)
        else:
            self._answer(200, page.body, {"Content-Type": "text/html", **validators})

    def _is_fresh(self, etag: str, modified_at: datetime) -> bool:
        """Whether the asker holds this very page; entity tags come first (RFC 9110 §13.2.2)."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            return etag in (tag.strip().removeprefix("W/") for tag in tags.split(","))
        since = self.headers.get("If-Modified-Since")
        return since is not None and parsedate_to_datetime(since) >= modified_at

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date of the played day: a Last-Modified later than it would be no honest one."""
        return format_datetime(self.server.at, usegmt=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the library's)
        """Nothing: what the demonstration prints is its report."""
