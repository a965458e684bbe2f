"""A small library on loopback, and the commands run on a folder that watches it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from etolwatch import cli

PAGE = """<html><head><title>{title}</title>
<meta http-equiv="content-type" content="text/html; charset=utf-8" /></head><body>
<p class="toplink"><a href="../index.htm">Penhale</a></p>
<h2>J. Penhale</h2><h1>{title}</h1>
<p class="fst">{text}</p>
<p>The second paragraph says that lamps were lit at dusk along the whole of the harbour wall.</p>
{links}
<p class="updat">Last updated on {date}</p></body></html>
"""


def page(
    title: str, text: str = "Nothing is said here.", links: tuple[str, ...] = (), date: str = "11.10.2011"
) -> str:
    listed = "".join(f'<p class="index"><a href="{link}">{link}</a></p>' for link in links)
    return PAGE.format(title=title, text=text, links=listed, date=date)


class Library(ThreadingHTTPServer):
    """Pages by their path; what is not there answers 404. ``status`` makes every page answer with it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 0
        self.empty: set[str] = set()
        self.redirects: dict[str, str] = {}
        self.asked: list[str] = []
        self.was_asked = Event()
        self.pages = {
            "/penhale/index.htm": page("Works", links=("lamps.htm", "ferry.htm", "lost.htm")),
            "/penhale/lamps.htm": page("Lamps", "The keepers placed some of the lamps upon the wall."),
            "/penhale/ferry.htm": page("Ferry", "The ferry crossed twice a day."),
        }

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Library
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.was_asked.set()
        text = self.server.pages.get(self.path)
        body = (text or "<html><body><h1>Not found</h1></body></html>").encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        status = self.server.status or (200 if text else 404)
        if status == 200 and self.headers.get("If-None-Match", "").startswith(etag):
            status, body = 304, b""
        if self.path in self.server.empty:
            status, body = 200, b""
        if self.path in self.server.redirects:
            status, body = 302, b""
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.redirects[self.path])
        if text:
            self.send_header("ETag", etag)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The tests look at ``asked`` instead."""


@pytest.fixture(autouse=True)
def _log_of_its_own() -> Iterator[None]:
    """A command sets the log up for its process; here, the next test is another one."""
    yield
    logging.basicConfig(handlers=[], force=True)
    logging.captureWarnings(False)


@pytest.fixture
def library() -> Iterator[Library]:
    with Library() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@dataclass(frozen=True, slots=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs commands in a folder, in this process."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Ran:
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            status = cli.run(words)
        finally:
            os.chdir(before)
        out, err = self.capsys.readouterr()
        return Ran(status, out, err)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    """The commands, in an empty folder."""
    return Commands(tmp_path, capsys)


@pytest.fixture
def watched(run: Commands, library: Library) -> Commands:
    """The commands, in a folder that watches the library; no pass was made yet."""
    write_config(run.folder, library.address)
    return run


def write_config(folder: Path, address: str, extra: str = "") -> Path:
    path = folder / "config.toml"
    path.write_text(
        f'[reports]\nfolder = "reports"\n[[site]]\nname = "penhale"\nseeds = ["{address}penhale/index.htm"]\n'
        f"delay_s = 0\n{extra}\n",
        encoding="utf-8",
    )
    return path
