"""Visits made by hand, for stores without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from etolwatch.archive.store import Store
from etolwatch.harvest.decide import decide
from etolwatch.model import Capture, Exchange, Failure, FailureKind, Requisite, Site, Via, Visit

BASE = "https://www.example.org"
START = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)
SITE = Site(
    name="test",
    seeds=(f"{BASE}/index.htm",),
    scope=(f"{BASE}/",),
    exclude=(),
    profile="etol",
    schedule="0 4 * * *",
    time_zone="UTC",
    delay_s=0,
    budget=100,
    largest_body_bytes=100_000,
)


def answer(
    path: str, body: bytes = b"<p>text</p>", status: int = 200, *, at: datetime = START, **headers: str
) -> Exchange:
    """An answer as a server would give it; underscores in header names stand for hyphens."""
    fields = {
        "Content-Type": "text/html",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return Exchange(
        asks=BASE + path,
        at=at,
        status=status,
        reason="OK" if status == 200 else "Other",
        http_version="HTTP/1.1",
        request_head=(("Host", "www.example.org"), ("User-Agent", "etolwatch/0 (+keeper@example.org)")),
        request_line=f"GET {path} HTTP/1.1",
        headers=tuple(fields.items()),
        body=body,
        ip="192.0.2.7",
        took_s=0.01,
    )


class Diary:
    """Keeps visits in a store, an hour apart, as passes over the test site would."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.at = folder, START

    def keep(
        self,
        store: Store,
        outcome: Exchange | Failure,
        links: Sequence[str] = (),
        needs: Sequence[tuple[str, Requisite]] = (),
    ) -> Capture | None:
        """One visit of the running pass; what is known of the page is taken from the catalog."""
        self.at += timedelta(hours=1)
        known = store.catalog.history(outcome.asks)
        visit = Visit(
            uri=outcome.asks,
            asks=outcome.asks,
            site="test",
            via=Via.KNOWN,
            version=known.version if known else None,
            last=known.last if known else None,
            requisite=known.requisite if known else None,
        )
        record = decide(visit, replace(outcome, at=self.at), SITE)
        return store.append(record, links=links, needs=needs).capture

    def fail(self, path: str) -> Failure:
        return Failure(BASE + path, self.at, FailureKind.TIMEOUT, "no answer")
