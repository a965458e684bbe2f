"""From an answer to a record: what the visit brought."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from etolwatch.archive.codings import digest_of
from etolwatch.harvest.decide import TRIES, decide, pause_before_retry, retry_after_s
from etolwatch.model import Exchange, Failure, FailureKind, Outcome, Record, Requisite, Via, Visit
from harvest.loopback import site_of
from harvest.test_plan import version

BASE = "https://www.example.org"
URI = f"{BASE}/a.htm"
SITE = site_of(BASE)
AT = datetime(2026, 11, 9, 4, 0, tzinfo=UTC)
TEXT = b"<p>Comrades, the figures speak.</p>"


def answer(status: int = 200, body: bytes = TEXT, truncated: str | None = None, **headers: str) -> Exchange:
    fields = {
        "Content-Type": "text/html",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return Exchange(
        asks=URI,
        at=AT,
        status=status,
        reason="",
        http_version="HTTP/1.1",
        request_head=(),
        request_line="GET /a.htm HTTP/1.1",
        headers=tuple(fields.items()),
        body=body,
        ip="192.0.2.1",
        took_s=0.1,
        truncated=truncated,
    )


def visit(known: bytes | None = None) -> Visit:
    kept = replace(version(URI), body_digest=digest_of(known)) if known is not None else None
    return Visit(URI, URI, "test", Via.KNOWN, version=kept, last=kept)


@pytest.mark.parametrize(
    ("exchange", "known", "outcome"),
    [
        (answer(), None, Outcome.NEW),
        (answer(), b"other", Outcome.CHANGED),
        (answer(), TEXT, Outcome.UNCHANGED),
        (answer(status=203), None, Outcome.NEW),
        (answer(status=304, body=b""), TEXT, Outcome.UNCHANGED),
        (answer(status=304, body=b""), None, Outcome.SUSPECT),
        (answer(status=404), None, Outcome.GONE),
        (answer(status=410), TEXT, Outcome.GONE),
        (answer(status=301, body=b"", Location="b.htm"), TEXT, Outcome.MOVED),
        (answer(status=302, body=b"", Location="#top"), TEXT, Outcome.SUSPECT),
        (answer(status=302, body=b""), TEXT, Outcome.SUSPECT),
        (answer(body=b""), TEXT, Outcome.SUSPECT),
        (answer(body=TEXT[:9], truncated="disconnect"), TEXT, Outcome.SUSPECT),
        (answer(status=404, body=b"x", truncated="disconnect"), TEXT, Outcome.SUSPECT),
        (answer(status=500), TEXT, Outcome.SUSPECT),
        (answer(status=403), TEXT, Outcome.SUSPECT),
        (answer(status=206), TEXT, Outcome.SUSPECT),
        (answer(Content_Type="image/png"), None, Outcome.LISTED),
        (answer(Content_Type="application/pdf"), None, Outcome.NEW),
        (answer(Content_Type="TEXT/PLAIN; charset=x"), None, Outcome.NEW),
        (answer(Content_Encoding="gzip"), None, Outcome.SUSPECT),
        (answer(Content_Encoding="br"), None, Outcome.SUSPECT),
        (answer(body=gzip.compress(TEXT)[:-9], Content_Encoding="gzip"), TEXT, Outcome.SUSPECT),
    ],
)
def test_outcome(exchange: Exchange, known: bytes | None, outcome: Outcome) -> None:
    assert decide(visit(known), exchange, SITE).outcome is outcome


def test_another_gzip_level_is_no_change() -> None:
    for level in (1, 9):
        packed = answer(body=gzip.compress(TEXT * 50, level, mtime=0), Content_Encoding="gzip")
        record = decide(visit(TEXT * 50), packed, SITE)
        assert record.outcome is Outcome.UNCHANGED
        assert record.body == TEXT * 50


def test_not_modified_carries_what_is_known_on() -> None:
    known = visit(TEXT)
    assert known.version is not None
    record = decide(known, answer(status=304, body=b"", Last_Modified="Mon, 02 Nov 2026 04:00:00 GMT"), SITE)
    assert record.confirms is known.version
    assert record.etag == known.version.etag
    assert record.last_modified == "Mon, 02 Nov 2026 04:00:00 GMT"
    assert record.body_digest == known.version.body_digest


def test_redirect_of_a_mirror_is_told_as_the_site_would() -> None:
    site = site_of(BASE, source="http://127.0.0.1:9/", stands_for=f"{BASE}/")
    moved = replace(answer(status=301, body=b"", Location="/b.htm#x"), asks="http://127.0.0.1:9/a.htm")
    assert decide(visit(), moved, site).location == f"{BASE}/b.htm"


def test_failures_and_refusals_have_no_exchange() -> None:
    failed = decide(visit(), Failure(URI, AT, FailureKind.TIMEOUT, "no answer"), SITE)
    refused = decide(visit(), Failure(URI, AT, FailureKind.ROBOTS, "forbidden"), SITE)
    assert (failed.outcome, failed.exchange) == (Outcome.FAILED, None)
    assert (refused.outcome, refused.exchange) == (Outcome.REFUSED, None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        (format_datetime(AT + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(AT - timedelta(days=1), usegmt=True), 0.0),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, AT) == seconds


def test_back_off_doubles_and_ends() -> None:
    down = answer(status=503)
    assert [pause_before_retry(down, tries) for tries in (1, 2, TRIES)] == [5.0, 10.0, None]


def test_what_is_not_asked_again() -> None:
    assert pause_before_retry(answer(status=404), 1) is None
    assert pause_before_retry(answer(), 1) is None
    assert pause_before_retry(Failure(URI, AT, FailureKind.TLS, ""), 1) is None


def test_a_long_retry_after_leaves_the_page_for_the_next_pass() -> None:
    assert pause_before_retry(answer(status=429, Retry_After="120"), 1) == 120.0
    assert pause_before_retry(answer(status=429, Retry_After="121"), 1) is None


# ── what pages need ──────────────────────────────────────────────────────────────────


def needed(kind: Requisite, outcome: Exchange | Failure, known: bytes | None = None) -> Record:
    return decide(replace(visit(known), requisite=kind), outcome, SITE)


@pytest.mark.parametrize(
    ("kind", "content_type", "outcome"),
    [
        (Requisite.STYLE, "text/css; charset=utf-8", Outcome.NEW),
        (Requisite.STYLE, "text/plain", Outcome.NEW),
        (Requisite.STYLE, "image/png", Outcome.LISTED),
        (Requisite.IMAGE, "image/svg+xml", Outcome.NEW),
        (Requisite.IMAGE, "IMAGE/PNG", Outcome.NEW),
        (Requisite.IMAGE, "application/octet-stream", Outcome.NEW),
        (Requisite.IMAGE, "text/html", Outcome.NEW),  # a message that it is not there
        (Requisite.IMAGE, "", Outcome.NEW),
        (Requisite.IMAGE, "application/zip", Outcome.LISTED),
        (Requisite.IMAGE, "video/mp4", Outcome.LISTED),
        (Requisite.FONT, "application/x-font-woff", Outcome.NEW),
        (Requisite.FONT, "font/woff2", Outcome.NEW),
        (Requisite.FONT, "image/png", Outcome.LISTED),
        (Requisite.FRAME, "application/pdf", Outcome.NEW),
        (Requisite.FRAME, "application/zip", Outcome.LISTED),
        (Requisite.MEDIA, "audio/mpeg", Outcome.NEW),
        (Requisite.SCRIPT, "application/javascript", Outcome.NEW),
        (Requisite.SCRIPT, "text/css", Outcome.LISTED),
    ],
)
def test_types_of_requisites(kind: Requisite, content_type: str, outcome: Outcome) -> None:
    record = needed(kind, answer(Content_Type=content_type))
    assert record.outcome is outcome
    if outcome is Outcome.LISTED:
        assert record.message == f"type {content_type} is not kept as {kind}"
        assert record.exchange is None


def test_sizes_of_requisites() -> None:
    cut = needed(Requisite.IMAGE, answer(body=b"x", truncated="length", Content_Type="image/png"))
    assert (cut.outcome, cut.exchange) == (Outcome.LISTED, None)
    announced = needed(Requisite.IMAGE, Failure(URI, AT, FailureKind.TOO_LARGE, "9 bytes are announced"))
    assert announced.outcome is Outcome.LISTED
    torn = needed(Requisite.IMAGE, answer(body=b"x", truncated="disconnect", Content_Type="image/png"))
    assert torn.outcome is Outcome.SUSPECT
    bomb = gzip.compress(bytes(SITE.largest_requisite_bytes + 1))
    fields = {"Content_Encoding": "gzip", "Content_Type": "image/png"}
    assert needed(Requisite.IMAGE, answer(body=bomb, **fields)).outcome is Outcome.SUSPECT


def test_requisites_are_gone_moved_and_changed_as_pages_are() -> None:
    kind = Requisite.STYLE
    assert needed(kind, answer(404)).outcome is Outcome.GONE
    assert needed(kind, answer(301, b"", Location="/new.css")).location == f"{BASE}/new.css"
    assert needed(kind, answer(304, b""), TEXT).outcome is Outcome.UNCHANGED
    assert needed(kind, answer(Content_Type="text/css"), b"p {}").outcome is Outcome.CHANGED
    refused = Failure(URI, AT, FailureKind.ROBOTS, "robots.txt forbids it")
    assert needed(kind, refused).outcome is Outcome.REFUSED
