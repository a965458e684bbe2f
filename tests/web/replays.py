"""Stores with captures of every kind, and a server over them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive.material import SITE, answer

from etolwatch import jobs
from etolwatch.archive.codings import digest_of, payload_digest_of
from etolwatch.archive.store import Store
from etolwatch.config import Config
from etolwatch.harvest.decide import decide
from etolwatch.model import Capture, Outcome, PassState, Record, Site, Via, Visit
from etolwatch.web.app import create_app
from etolwatch.web.guard import Access

HOST = {"Host": "localhost"}


def config_of(folder: Path, site: Site = SITE) -> Config:
    return Config((site,), None, folder, None, (), folder.parent / "config.toml")


def at(text: str) -> datetime:
    """The instant of ISO 8601 digits such as “2026-11-02T05:00:00”, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Shelf:
    """Puts captures into a store, one after another. A context manager: one pass."""

    def __init__(self, folder: Path, begin: datetime, site: Site = SITE) -> None:
        self.store, self.begin, self.site = Store(folder), begin, site

    def __enter__(self) -> Shelf:
        self.store.__enter__()
        self.store.begin_pass([self.site.name], self.begin)
        return self

    def __exit__(self, *_: object) -> None:
        self.store.end_pass(PassState.COMPLETE, self.begin)
        jobs.compare(self.store, config_of(self.store.folder, self.site), threading.Event())
        self.store.close()

    def put(
        self, uri: str, body: bytes, when: datetime, status: int = 200, *, cut: bool = False, **headers: str
    ) -> Capture:
        """One visit, decided as passes decide; what they would not keep is kept all the same."""
        known = self.store.catalog.history(uri)
        version, last = (known.version, known.last) if known else (None, None)
        visit = Visit(uri, uri, self.site.name, Via.KNOWN, version=version, last=last)
        exchange = replace(answer("/", body, status, **headers), asks=uri, at=when)
        exchange = replace(exchange, truncated="disconnect") if cut else exchange
        record = decide(visit, exchange, self.site)
        if record.exchange is None:
            record = _kept(visit, record, exchange.body, headers.get("Content_Type"))
            record = replace(record, exchange=exchange)
        kept = self.store.append(record).capture
        assert kept is not None
        return kept


def _kept(visit: Visit, record: Record, body: bytes, content_type: str | None) -> Record:
    digests = {"payload_digest": payload_digest_of(body), "body_digest": digest_of(body)}
    return Record(visit, record.at, Outcome.NEW, None, body=body, content_type=content_type, **digests)


class Asked:
    """A WSGI app that notes what is asked of the one within: method, target, cookie."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app, self.requests = app, list[tuple[str, str, str]]()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        self.requests.append(
            (environ["REQUEST_METHOD"], environ["REQUEST_URI"], environ.get("HTTP_COOKIE", ""))
        )
        return self._app(environ, start)


@contextmanager
def serving(config: Config, access: Access | None = None, port: int = 0) -> Iterator[tuple[str, Asked]]:
    """The app on loopback, in waitress, as `serve` runs it: its address without a final slash, its log."""
    from waitress.server import create_server

    asked = Asked(create_app(config, access or Access()))
    server = create_server(asked, host="127.0.0.1", port=port, threads=4, ident=None, map={})
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}", asked
    finally:
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        server.task_dispatcher.shutdown()
        server.close()
        thread.join(10)
