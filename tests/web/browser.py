"""Chromium, and a place that stands for all the rest of the web and hears whoever comes."""

from __future__ import annotations

import functools
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@functools.cache
def chromium() -> str | None:
    """Where the system's Chromium is; None if there is none, or nothing to drive it with."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return None
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Elsewhere:
    """Listens where all names but this machine's own lead; notes each connection, and what it says first."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(0.5)
                try:
                    self.heard.append(connection.recv(4096)[:200])
                except OSError:
                    self.heard.append(b"(a connection)")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@contextmanager
def browsing(elsewhere: Elsewhere) -> Iterator[Any]:
    """A browser for which all names that captured pages have lead to `Elsewhere`, and others nowhere."""
    from playwright.sync_api import sync_playwright

    # what Chromium asks of its maker by itself finds nobody
    rules = f"MAP *.example 127.0.0.1:{elsewhere.port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium(), args=[*FLAGS, f"--host-resolver-rules={rules}"]
        )
        try:
            yield browser
        finally:
            browser.close()
