"""Asking web archives for the past: lists in every dialect, and an archive with bad manners."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etolwatch.archive.naming import CATALOG
from etolwatch.archive.store import Store
from etolwatch.archive.verify import verify
from etolwatch.errors import UsageError
from etolwatch.harvest import memento
from etolwatch.harvest.captures import Archive, NoList, Row, Wanted, collapse, raw_form, read_list
from etolwatch.harvest.fetch import Fetcher
from etolwatch.harvest.memento import BETWEEN_S, SILENCE_S, Remembered, remember
from etolwatch.model import Outcome, RecordType, Site

from .loopback import Clock, Handler, LoopbackSite, Page, site_of

PAGE = "https://www.example.org/a.htm"
SITE: Site = site_of("https://www.example.org")
HEADER = ["urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length"]
WAYBACK = Archive("http://archive.test/cdx/search/cdx", "http://archive.test/web/")


def at(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def http_date(stamp: str) -> str:
    return f"{at(stamp):%a, %d %b %Y %H:%M:%S} GMT"


# ── lists ────────────────────────────────────────────────────────────────────────────


def row(stamp: str, digest: str | None = "AAA", status: int | None = 200, uri: str = PAGE) -> Row:
    return Row(at(stamp), uri, f"{WAYBACK.replay}{stamp}id_/{uri}", digest, status)


LINES = [
    ["org,example)/a.htm", "20110101000000", PAGE, "text/html", "200", "AAA", "900"],
    ["org,example)/a.htm", "20120101000000", PAGE, "warc/revisit", "-", "AAA", "400"],
]
DIALECTS = {
    "Wayback, JSON rows": json.dumps([HEADER, *LINES]),
    "pywb, JSON lines": "\n".join(
        json.dumps({"urlkey": a, "timestamp": b, "url": c, "mime": d, "status": e, "digest": f})
        for a, b, c, d, e, f, _ in LINES
    ),
    "CDXJ": "\n".join(
        f"{a} {b} " + json.dumps({"url": c, "mime": d, "status": e, "digest": f"sha1:{f}"})
        for a, b, c, d, e, f, _ in LINES
    ),
    "CDX, seven columns": "\n".join(" ".join(line) for line in LINES),
}


@pytest.mark.parametrize("text", DIALECTS.values(), ids=DIALECTS)
def test_each_dialect_of_cdx_is_read(text: str) -> None:
    listed = read_list(text, WAYBACK, "http://archive.test/cdx/search/cdx")
    first = replace(row("20110101000000"), content_type="text/html")
    assert listed.rows == (first, row("20120101000000", status=None))


def test_a_timemap_is_read_with_those_that_it_names() -> None:
    text = (
        f'<{PAGE}>; rel="original",\n<http://archive.test/tm/1>; rel="self",\n'
        '<http://archive.test/tm/2>; rel="timemap"; from="Sun, 01 Jan 2012 00:00:00 GMT",\n'
        f'<http://archive.test/web/20110101000000/{PAGE}>; rel="first memento";'
        ' datetime="Sat, 01 Jan 2011 00:00:00 GMT"\n'
    )
    listed = read_list(text, WAYBACK, "http://archive.test/tm/1")
    assert listed.rows == (row("20110101000000", None, None),)
    assert listed.further == ("http://archive.test/tm/2",)


@pytest.mark.parametrize("text", ["<html>Sorry</html>", "not a list", '{"a": 1}', "[[1], [2]]", "{"])
def test_what_is_no_list_is_said(text: str) -> None:
    with pytest.raises(NoList, match=r"http://archive\.test/list"):
        read_list(text, WAYBACK, "http://archive.test/list")


ODD = ["org,example)/a.htm", "2011", PAGE, "text/html", "200", "AAA", "900"]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([HEADER, ODD, LINES[1], LINES[0][:3]]),
        "\n".join(" ".join(line) for line in (ODD, LINES[1], LINES[0][:3])),
        "\n".join([*DIALECTS["pywb, JSON lines"].splitlines()[1:], '{"timestamp": "2011"}', "{"]),
    ],
)
def test_odd_rows_are_set_apart_and_the_others_are_read(text: str) -> None:
    listed = read_list(text, WAYBACK, "http://archive.test/cdx/search/cdx")
    assert listed.rows == (row("20120101000000", status=None),)
    assert len(listed.odd) == 2
    assert "2011" in listed.odd[0]


def test_an_odd_memento_of_a_timemap_is_set_apart() -> None:
    links = [f'<{PAGE}>; rel="original"', f'<{row("20110101000000").raw}>; rel="memento"']
    links += [
        f'<{row(stamp).raw}>; rel="memento"; datetime="{http_date(stamp)}"' for stamp in ["20120101000000"]
    ]
    listed = read_list(",\n".join(links), WAYBACK, "http://archive.test/tm/1")
    assert listed.rows == (row("20120101000000", None, None),)
    assert len(listed.odd) == 1
    assert "20110101000000" in listed.odd[0]


@pytest.mark.parametrize("text", ["", "[]", json.dumps([HEADER])])
def test_an_empty_list_holds_nothing(text: str) -> None:
    assert read_list(text, WAYBACK, "http://archive.test/list").rows == ()


@pytest.mark.parametrize(
    ("source", "list_of", "replay"),
    [
        ("wayback", "https://web.archive.org/cdx/search/cdx?url=", "https://web.archive.org/web/"),
        ("http://127.0.0.1:8080/all/cdx", "http://127.0.0.1:8080/all/cdx?url=", "http://127.0.0.1:8080/all/"),
        (
            "http://127.0.0.1:8080/all/timemap/link/",
            "http://127.0.0.1:8080/all/timemap/link/http",
            "http://127.0.0.1:8080/all/",
        ),
    ],
)
def test_an_archive_is_named_by_its_list(source: str, list_of: str, replay: str) -> None:
    archive = Archive.named(source)
    assert archive.list_of(PAGE).startswith(list_of)
    assert archive.replay == replay


@pytest.mark.parametrize("source", ["waybackk", "ftp://a/cdx", "https://www.example.org/"])
def test_what_names_no_archive_is_refused(source: str) -> None:
    with pytest.raises(UsageError):
        Archive.named(source)


def test_the_raw_form_of_a_memento() -> None:
    raw = "http://archive.test/web/20110101000000id_/http://a.org/b"
    assert raw_form("http://archive.test/web/20110101000000/http://a.org/b") == raw
    assert raw_form("http://archive.test/web/20110101000000mp_/http://a.org/b") == raw
    assert raw_form(raw) == raw
    assert raw_form("http://archive.test/m/x7") == "http://archive.test/m/x7"


def test_equal_digests_are_collapsed_to_first_and_last() -> None:
    a = [row(f"201{n}0101000000") for n in range(4)]
    b = row("20150101000000", "BBB")
    back = row("20160101000000")
    assert collapse([*a, a[0], b, back]) == [Wanted(a[0]), Wanted(a[3], a[0]), Wanted(b), Wanted(back, a[0])]


def test_redirects_and_unknown_digests_are_never_collapsed() -> None:
    rows = [row("20100101000000", status=301), row("20110101000000", status=301)]
    rows += [row("20120101000000", None), row("20130101000000", None)]
    assert collapse(rows) == [Wanted(one) for one in rows]


def test_a_dash_as_status_is_like_the_page_that_it_repeats() -> None:
    first, again = row("20100101000000"), row("20110101000000", status=None)
    assert collapse([first, again]) == [Wanted(first), Wanted(again, first)]


# ── an archive ───────────────────────────────────────────────────────────────────────


class FakeWayback(LoopbackSite):
    """Speaks the Wayback Machine's dialect. `hold` gives it a capture."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def list_path(self) -> str:
        return Archive.named(f"{self.base}/cdx/search/cdx").list_of(PAGE).removeprefix(self.base)

    def hold(
        self,
        stamp: str,
        body: bytes,
        digest: str,
        *,
        uri: str = PAGE,
        status: str = "200",
        listed: bool = True,
        **original: str,
    ) -> Page:
        if listed:
            self.rows.append(["org,example)/a.htm", stamp, uri, "text/html", status, digest, "1"])
        headers = {"Memento-Datetime": http_date(stamp), "X-Archive-Src": "crawl.warc.gz"}
        headers |= {f"X-Archive-Orig-{name.replace('_', '-')}": value for name, value in original.items()}
        page = Page(body, int(status) if status.isdigit() else 200, headers, validators=False)
        self.pages[f"/web/{stamp}id_/{uri}"] = page
        self.write_list()
        return page

    def list_below(self, parts: list[list[list[str]]], prefix: str = "https://www.example.org/") -> None:
        """Gives what it holds below a prefix in parts, each but the last with a key for the next."""
        archive, key = Archive.named(f"{self.base}/cdx/search/cdx"), None
        for number, rows in enumerate(parts):
            address = archive.list_below(prefix, key).removeprefix(self.base)
            key = f"org,example)/ {number}+"
            more = [[], [key]] if number + 1 < len(parts) else []
            self.pages[address] = Page(json.dumps([HEADER, *rows, *more]).encode(), validators=False)

    def write_list(self) -> None:
        body = json.dumps([HEADER, *self.rows]).encode()
        self.pages[self.list_path()] = Page(body, content_type="application/json", validators=False)


@pytest.fixture
def archive() -> Iterator[FakeWayback]:
    site = FakeWayback()
    yield site
    site.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


def ask(
    folder: Path,
    archive: FakeWayback,
    clock: Clock,
    stop_after: int | None = None,
    *,
    pages: Sequence[str] = (PAGE,),
    below: Sequence[str] = (),
    source: str = "/cdx/search/cdx",
) -> Remembered:
    asked = 0

    def is_stopped() -> bool:
        nonlocal asked
        asked += 1
        return stop_after is not None and asked > stop_after

    with Store(folder) as store, Fetcher(None, now=clock.now) as fetcher:
        return remember(
            store,
            [SITE],
            pages,
            Archive.named(f"{archive.base}{source}"),
            fetcher,
            now=clock.now,
            sleep=clock.sleep,
            is_stopped=is_stopped,
            below=below,
        )


def held(folder: Path) -> list[tuple[str, Outcome, bytes]]:
    with Store.read_only(folder) as store:
        captures = store.catalog.captures(PAGE)
        return [(f"{c.captured_at:%Y%m%d%H%M%S}", c.outcome, store.payload(c).body) for c in captures]


def test_captures_keep_their_date_source_and_headers(folder: Path, archive: FakeWayback) -> None:
    archive.hold("20110203040506", b"<p>then</p>", "AAA", Last_Modified=http_date("20110101000000"))
    done = ask(folder, archive, Clock())
    assert (done.brought.captures, done.pages, done.left, done.why) == (1, 1, 0, "")
    with Store.read_only(folder) as store:
        (capture,) = store.catalog.captures(PAGE)
        assert capture.captured_at == at("20110203040506")
        assert capture.origin == f"{archive.base}/web/20110203040506id_/{PAGE}"
        assert capture.last_modified == http_date("20110101000000")
        assert store.payload(capture).body == b"<p>then</p>"


def test_what_was_had_is_not_asked_for_again(folder: Path, archive: FakeWayback) -> None:
    for year in (2011, 2012, 2013):
        archive.hold(f"{year}0101000000", b"<p>%d</p>" % year, str(year))
    stopped = ask(folder, archive, Clock(), stop_after=3)  # before the page, and before its captures
    assert (stopped.brought.captures, stopped.left, stopped.why) == (2, 1, "stopped")
    archive.log.clear()
    assert ask(folder, archive, Clock()).brought.captures == 1
    assert [path[:18] for path in archive.asked()] == [archive.list_path()[:18], "/web/2013010100000"]
    assert ask(folder, archive, Clock()).brought.captures == 0
    assert len(held(folder)) == 3


def test_equal_bytes_are_fetched_once_and_tell_how_long_they_stood(
    folder: Path, archive: FakeWayback
) -> None:
    for year in (2011, 2012, 2013, 2014):
        archive.hold(f"{year}0101000000", b"<p>same</p>", "AAA", status="-" if year == 2014 else "200")
    archive.hold("20150101000000", b"<p>other</p>", "BBB")
    ask(folder, archive, Clock())
    assert held(folder) == [
        ("20110101000000", Outcome.NEW, b"<p>same</p>"),
        ("20140101000000", Outcome.UNCHANGED, b"<p>same</p>"),
        ("20150101000000", Outcome.CHANGED, b"<p>other</p>"),
    ]
    assert len([path for path in archive.asked() if path.startswith("/web/")]) == 2
    with Store.read_only(folder) as store:
        assert store.catalog.captures(PAGE)[1].record_type is RecordType.REVISIT


def test_duplicate_rows_and_spellings_are_one_capture(folder: Path, archive: FakeWayback) -> None:
    archive.hold("20110101000000", b"<p>then</p>", "AAA", uri="http://example.org:80/a.htm")
    archive.rows *= 2
    archive.hold("20120101000000", b"<p>later</p>", "BBB", uri="http://www.example.org/a.htm")
    ask(folder, archive, Clock())
    assert [stamp for stamp, _, _ in held(folder)] == ["20110101000000", "20120101000000"]


def test_a_page_of_the_archive_itself_is_no_capture(folder: Path, archive: FakeWayback) -> None:
    archive.hold("20110101000000", b"<p>then</p>", "AAA")
    page = archive.hold("20120101000000", b"<h1>This snapshot cannot be displayed</h1>", "BBB")
    del page.headers["Memento-Datetime"]
    done = ask(folder, archive, Clock())
    assert [stamp for stamp, _, _ in held(folder)] == ["20110101000000"]
    (damage,) = done.brought.damages
    assert damage.place == f"{archive.base}/web/20120101000000id_/{PAGE}"
    assert "of the archive itself" in damage.reason


def test_a_page_that_was_gone_then_is_a_capture(folder: Path, archive: FakeWayback) -> None:
    archive.hold("20110101000000", b"<p>no such page</p>", "AAA", status="404")
    ask(folder, archive, Clock())
    assert held(folder) == [("20110101000000", Outcome.GONE, b"<p>no such page</p>")]


def test_a_redirect_of_then_leads_where_it_led(folder: Path, archive: FakeWayback) -> None:
    page = archive.hold("20110101000000", b"", "AAA", status="301", Location="http://example.org/b.htm")
    page.headers["Location"] = "/web/20110101000000id_/http://example.org/b.htm"
    ask(folder, archive, Clock())
    with Store.read_only(folder) as store:
        (capture,) = store.catalog.captures(PAGE)
        assert (capture.outcome, capture.location) == (Outcome.MOVED, "https://www.example.org/b.htm")


def test_a_redirect_to_another_time_brings_what_is_there(folder: Path, archive: FakeWayback) -> None:
    archive.hold("20110101000000", b"", "AAA")
    headers = {"Location": f"/web/20110305000000/{PAGE}"}
    archive.pages[f"/web/20110101000000id_/{PAGE}"] = Page(b"", 302, headers, validators=False)
    archive.hold("20110305000000", b"<p>in March</p>", "AAA", listed=False)
    ask(folder, archive, Clock())
    assert held(folder) == [("20110305000000", Outcome.NEW, b"<p>in March</p>")]


def test_requests_are_spread_over_the_minute(folder: Path, archive: FakeWayback) -> None:
    for year in range(2001, 2013):
        archive.hold(f"{year}0101000000", b"<p>%d</p>" % year, str(year))
    clock = Clock()
    began = clock.at
    ask(folder, archive, clock)
    assert len(archive.asked()) == 13
    assert (clock.at - began).total_seconds() >= 12 * BETWEEN_S
    assert BETWEEN_S == 2.5


@pytest.mark.parametrize(("retry_after", "pause"), [(None, SILENCE_S), ("5", SILENCE_S), ("300", 300.0)])
def test_a_429_brings_a_minute_of_silence(
    folder: Path, archive: FakeWayback, retry_after: str | None, pause: float
) -> None:
    archive.hold("20110101000000", b"<p>then</p>", "AAA")
    path = f"/web/20110101000000id_/{PAGE}"
    page = archive.pages[path]

    def busy(handler: Handler) -> None:
        archive.pages[path] = page
        handler.send_response(429)
        if retry_after:
            handler.send_header("Retry-After", retry_after)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    archive.pages[path] = Page(answer=busy)
    clock = Clock()
    assert ask(folder, archive, clock).brought.captures == 1
    assert pause in clock.slept


def test_an_archive_that_refuses_connections_is_left_alone_and_gone_on_with(
    folder: Path, archive: FakeWayback
) -> None:
    archive.hold("20110101000000", b"<p>then</p>", "AAA")
    archive.hold("20120101000000", b"<p>later</p>", "BBB")
    path = f"/web/20120101000000id_/{PAGE}"
    page = archive.pages[path]
    archive.pages[path] = Page(answer=lambda handler: handler.connection.shutdown(socket.SHUT_RDWR))
    clock = Clock()
    done = ask(folder, archive, clock)
    assert (done.brought.captures, done.left) == (1, 1)
    assert path in done.why
    assert [pause for pause in clock.slept if pause >= SILENCE_S] == [60.0, 120.0, 240.0]
    archive.pages[path] = page
    assert ask(folder, archive, Clock()).brought.captures == 1


def test_a_list_that_is_none_is_told_and_no_capture_lost(folder: Path, archive: FakeWayback) -> None:
    archive.pages[archive.list_path()] = Page(b"<html>Down for maintenance</html>", validators=False)
    done = ask(folder, archive, Clock())
    assert [damage.reason for damage in done.brought.damages] == ["no TimeMap: it names no original"]


def test_nothing_is_held_of_a_page_that_was_never_captured(folder: Path, archive: FakeWayback) -> None:
    assert ask(folder, archive, Clock()).brought.captures == 0  # 404, as a TimeMap answers
    assert not list((folder / "warc").iterdir())


def test_a_page_that_is_not_watched_is_refused_before_anything_is_asked(
    folder: Path, archive: FakeWayback
) -> None:
    with Store(folder) as store, Fetcher(None) as fetcher, pytest.raises(UsageError, match="no site"):
        remember(
            store,
            [SITE],
            ["https://other.example.org/"],
            Archive.named("wayback"),
            fetcher,
            now=Clock().now,
            sleep=Clock().sleep,
        )


def test_no_archive_beyond_this_machine_is_asked_without_a_contact(folder: Path) -> None:
    with Store(folder) as store, Fetcher(None) as fetcher, pytest.raises(UsageError, match="contact"):
        remember(
            store, [SITE], [PAGE], Archive.named("wayback"), fetcher, now=Clock().now, sleep=Clock().sleep
        )


def test_the_catalog_is_the_same_when_made_again(folder: Path, archive: FakeWayback) -> None:
    for year in (2011, 2012, 2013):
        archive.hold(f"{year}0101000000", b"<p>same</p>", "AAA")
    ask(folder, archive, Clock())
    before = held(folder)
    (folder / CATALOG).unlink()
    with Store(folder):
        assert held(folder) == before


def test_an_odd_row_is_named_and_the_others_are_brought(folder: Path, archive: FakeWayback) -> None:
    archive.rows.append(["org,example)/a.htm", "20110000000000", PAGE, "text/html", "200", "ZZZ", "1"])
    archive.hold("20120101000000", b"<p>then</p>", "AAA")
    done = ask(folder, archive, Clock())
    assert held(folder) == [("20120101000000", Outcome.NEW, b"<p>then</p>")]
    (damage,) = done.brought.damages
    assert damage.place == archive.base + archive.list_path()
    assert "20110000000000" in damage.reason


def in_vain(archive: FakeWayback) -> list[str]:
    """Rows of an archive that bring no capture of their time; gives back the paths asked for them."""
    moved = f"/web/20110101000000id_/{PAGE}"
    archive.hold("20110101000000", b"", "AAA")
    archive.pages[moved] = Page(b"", 302, {"Location": f"/web/20120305000000/{PAGE}"}, validators=False)
    archive.hold("20120305000000", b"<p>in March</p>", "AAA")
    error = archive.hold("20130101000000", b"<h1>This snapshot cannot be displayed</h1>", "BBB")
    del error.headers["Memento-Datetime"]
    other = archive.hold("20140101000000", b"", "CCC", status="301", Location="https://example.org/a.htm")
    other.headers["Location"] = "/web/20140101000000id_/https://example.org/a.htm"
    return [f"/web/{year}0101000000id_/{PAGE}" for year in (2011, 2013, 2014)]


def test_what_was_asked_for_in_vain_is_left_alone_for_a_month(folder: Path, archive: FakeWayback) -> None:
    paths = in_vain(archive)
    clock = Clock()
    assert len(ask(folder, archive, clock).brought.damages) == 1
    assert [stamp for stamp, _, _ in held(folder)] == ["20120305000000"]
    archive.asked()
    again = ask(folder, archive, clock)
    assert (again.brought.captures, again.brought.damages) == (0, ())
    assert archive.asked() == [archive.list_path()]
    clock.at += timedelta(days=31)
    ask(folder, archive, clock)
    assert archive.asked() == [archive.list_path(), *paths]  # and not what lies where the first leads
    assert verify(folder).holds


def test_what_was_asked_for_in_vain_is_known_after_a_stop(folder: Path, archive: FakeWayback) -> None:
    first, *others = in_vain(archive)
    clock = Clock()
    stopped = ask(folder, archive, clock, stop_after=2)
    assert (stopped.why, archive.asked()[1]) == ("stopped", first)
    ask(folder, archive, clock)
    assert [path for path in archive.asked() if path in (first, *others)] == others


# ── all that lies below an address ───────────────────────────────────────────────────

BELOW = ("https://www.example.org/",)
GONE = "https://www.example.org/gone.htm"


def line(stamp: str, uri: str, digest: str, kind: str = "text/html", status: str = "200") -> list[str]:
    return ["org,example)/", stamp, uri, kind, status, digest, "1"]


def a_site_of_the_past(archive: FakeWayback) -> None:
    """Two pages of which one is unknown to us, in two parts, among what is no text or none of ours."""
    for year in (2011, 2012, 2013):
        archive.hold(f"{year}0101000000", b"<p>gone %d</p>" % year, str(year), uri=GONE, listed=False)
    archive.hold("20110101000000", b"<p>a</p>", "AAA", listed=False)
    archive.list_below(
        [
            [
                line("20110101000000", PAGE, "AAA"),
                line("20110101000000", "https://www.example.org/face.gif", "GIF", "image/gif"),
                line("20110101000000", GONE, "2011"),
            ],
            [
                line("20120101000000", GONE, "2012", "warc/revisit", "-"),
                line("20130101000000", "http://example.org:80/gone.htm", "2013"),
                line("20110101000000", "https://www.example.org/never.htm", "404", status="404"),
                line("20110101000000", "https://www.example.org/robots.txt", "ROB", "text/plain"),
                line("20110101000000", "https://other.example.org/x.htm", "XXX"),
            ],
        ]
    )
    archive.pages["/web/20130101000000id_/http://example.org:80/gone.htm"] = archive.pages[
        f"/web/20130101000000id_/{GONE}"
    ]


def of_gone(folder: Path) -> list[tuple[int, Outcome]]:
    with Store.read_only(folder) as store:
        return [(one.captured_at.year, one.outcome) for one in store.catalog.captures(GONE)]


def test_pages_that_were_gone_before_we_began_are_found(folder: Path, archive: FakeWayback) -> None:
    a_site_of_the_past(archive)
    done = ask(folder, archive, Clock(), below=BELOW)
    assert (done.brought.captures, done.pages, done.left, done.why) == (4, 2, 0, "")
    assert done.brought.damages == ()
    assert of_gone(folder) == [(2011, Outcome.NEW), (2012, Outcome.CHANGED), (2013, Outcome.CHANGED)]
    asked = archive.asked()
    assert [path.partition("?")[0] for path in asked if path.startswith("/cdx")] == ["/cdx/search/cdx"] * 2
    assert len(asked) == 2 + 4
    assert verify(folder).holds


def test_what_lies_below_is_gone_on_with_where_it_stopped(folder: Path, archive: FakeWayback) -> None:
    a_site_of_the_past(archive)
    stopped = ask(folder, archive, Clock(), stop_after=4, below=BELOW)
    assert (stopped.brought.captures, stopped.left, stopped.why) == (2, None, "stopped")
    archive.asked()
    assert ask(folder, archive, Clock(), below=BELOW).brought.captures == 2
    assert len([path for path in archive.asked() if path.startswith("/web/")]) == 2


def test_an_archive_that_lists_nothing_below_is_asked_page_by_page(
    folder: Path, archive: FakeWayback, caplog: pytest.LogCaptureFixture
) -> None:
    archive.hold("20110101000000", b"<p>then</p>", "AAA")
    below = Archive.named(f"{archive.base}/cdx/search/cdx").list_below(BELOW[0])
    archive.pages[below.removeprefix(archive.base)] = Page(b"no prefix queries", 403, validators=False)
    done = ask(folder, archive, Clock(), below=BELOW)
    assert (done.brought.captures, done.pages, done.left) == (1, 1, 0)
    assert "asked for one by one" in caplog.text


def test_of_timemaps_the_known_pages_are_asked_for(folder: Path, archive: FakeWayback) -> None:
    archive.hold("20110101000000", b"<p>then</p>", "AAA", listed=False)
    uri_m = f"{archive.base}/web/20110101000000/{PAGE}"
    links = f'<{PAGE}>; rel="original",\n<{uri_m}>; rel="memento"; datetime="{http_date("20110101000000")}"'
    archive.pages[f"/web/timemap/link/{PAGE}"] = Page(links.encode(), validators=False)
    done = ask(folder, archive, Clock(), below=BELOW, source="/web/timemap/link")
    assert (done.brought.captures, done.pages) == (1, 1)
    assert archive.asked() == [f"/web/timemap/link/{PAGE}", f"/web/20110101000000id_/{PAGE}"]


def a_large_list(archive: FakeWayback, monkeypatch: pytest.MonkeyPatch) -> bytes:
    lines = [" ".join(line(f"{year}0101000000", PAGE, str(year))) for year in (2011, 2012, 2013)]
    archive.hold("20110101000000", b"<p>then</p>", "2011", listed=False)
    monkeypatch.setattr(memento, "LARGEST_LIST", len(lines[0]) + 20)
    return "\n".join(lines).encode()


def test_a_list_that_is_too_large_is_told_at_once(
    folder: Path, archive: FakeWayback, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.pages[archive.list_path()] = Page(a_large_list(archive, monkeypatch), validators=False)
    clock = Clock()
    done = ask(folder, archive, clock)
    assert (done.brought.captures, done.left, clock.slept) == (0, 0, [])
    assert [damage.reason for damage in done.brought.damages] == [
        "no list of captures: too large: 239 bytes are announced, 99 allowed"
    ]


def test_a_list_that_is_cut_off_is_told(
    folder: Path, archive: FakeWayback, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = a_large_list(archive, monkeypatch)

    def unannounced(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    archive.pages[archive.list_path()] = Page(answer=unannounced)
    done = ask(folder, archive, Clock())
    assert [stamp for stamp, _, _ in held(folder)] == ["20110101000000"]
    assert "the list is cut off: length" in [damage.reason for damage in done.brought.damages]
