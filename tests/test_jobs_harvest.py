"""One pass from plan to catalog, over a real server on loopback."""

from __future__ import annotations

import gzip
import logging
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from archive.test_store import warc_check
from harvest.loopback import Clock, Handler, LoopbackSite, Page, site_of

from etolwatch import jobs
from etolwatch.archive.store import Store
from etolwatch.errors import UsageError
from etolwatch.harvest.crawl import Progress
from etolwatch.harvest.fetch import Fetcher, Limits
from etolwatch.model import Capture, Outcome, Pass, PassState, RecordType, Site

QUICK = Limits(connect_s=1.0, read_s=0.3, whole_s=0.6)


@pytest.fixture
def web() -> Iterator[LoopbackSite]:
    site = LoopbackSite()
    site.write("/index.htm", "works", "a.htm", "b.htm", "https://other.example/x.htm", "#top")
    site.write("/a.htm", "first text", "index.htm")
    site.write("/b.htm", "second text", "c.htm")
    site.write("/c.htm", "third text")
    yield site
    site.close()


class Watcher:
    """A store, a clock and a site; each call of `once` makes one pass."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.folder, self.site, self.clock = folder, site, Clock()
        self.stop = threading.Event()
        self.events: list[Progress] = []

    def once(self, site: Site | None = None) -> Pass:
        with Store(self.folder) as store, Fetcher(None, limits=QUICK, now=self.clock.now) as fetcher:
            return jobs.harvest(
                store,
                [site or self.site],
                fetcher,
                self.clock.now,
                self.clock.sleep,
                self.stop,
                self.events.append,
            )

    def a_day_later(self) -> None:
        self.clock.at += timedelta(days=1)

    def captures(self, path: str) -> list[Capture]:
        with Store.read_only(self.folder) as store:
            return store.catalog.captures(self.site.seeds[0].rpartition("/")[0] + path)

    def outcomes(self, path: str) -> list[Outcome]:
        return [capture.outcome for capture in self.captures(path)]


@pytest.fixture
def watcher(web: LoopbackSite, tmp_path: Path) -> Iterator[Watcher]:
    made = Watcher(tmp_path / "snapshots", site_of(web.base))
    yield made
    for path in (made.folder / "warc").glob("*.warc.gz"):
        warc_check(path)


def test_links_of_new_texts_are_visited_in_the_same_pass(watcher: Watcher, web: LoopbackSite) -> None:
    made = watcher.once()
    assert (made.state, made.visited, made.captured) == (PassState.COMPLETE, 4, 4)
    assert web.asked() == ["/index.htm", "/a.htm", "/b.htm", "/c.htm"]
    assert [(e.done, e.of) for e in watcher.events] == [(1, 3), (2, 3), (3, 4), (4, 4)]


def test_unchanged_pass_asks_conditionally_and_keeps_revisits(watcher: Watcher, web: LoopbackSite) -> None:
    watcher.once()
    web.log.clear()
    made = watcher.once()
    assert web.statuses() == dict.fromkeys(["/index.htm", "/a.htm", "/b.htm", "/c.htm"], 304)
    assert (made.visited, made.captured, made.unchanged) == (4, 0, 4)
    first, second = watcher.captures("/c.htm")
    assert (second.record_type, second.refers_to) == (RecordType.REVISIT, first.record_id)


def test_known_leaf_is_revalidated_though_its_index_is_unchanged(watcher: Watcher, web: LoopbackSite) -> None:
    watcher.once()
    web.write("/c.htm", "third text, altered", "d.htm")
    web.write("/d.htm", "a new page")
    made = watcher.once()
    assert (made.captured, made.unchanged) == (2, 3)
    assert watcher.outcomes("/c.htm") == [Outcome.NEW, Outcome.CHANGED]


def test_absent_page_is_asked_again_a_day_later(watcher: Watcher, web: LoopbackSite) -> None:
    del web.pages["/c.htm"]
    assert watcher.once().gone == 1
    web.asked()
    watcher.once()
    assert "/c.htm" not in web.asked()
    watcher.a_day_later()
    watcher.once()
    assert "/c.htm" in web.asked()


def test_page_once_held_is_asked_for_ever(watcher: Watcher, web: LoopbackSite) -> None:
    watcher.once()
    kept = web.pages.pop("/c.htm")
    for _ in range(2):
        watcher.once()
    web.pages["/c.htm"] = kept
    watcher.once()
    assert watcher.outcomes("/c.htm") == [Outcome.NEW, Outcome.GONE, Outcome.GONE, Outcome.UNCHANGED]


def test_redirect_is_a_capture_and_its_target_a_visit(watcher: Watcher, web: LoopbackSite) -> None:
    web.pages["/c.htm"] = Page(status=301, headers={"Location": "/new/c.htm"})
    web.write("/new/c.htm", "third text")
    made = watcher.once()
    (moved,) = watcher.captures("/c.htm")
    assert (moved.outcome, moved.location) == (Outcome.MOVED, f"{web.base}/new/c.htm")
    assert watcher.outcomes("/new/c.htm") == [Outcome.NEW]
    assert made.state is PassState.COMPLETE


def test_redirects_in_a_circle_end(watcher: Watcher, web: LoopbackSite) -> None:
    web.pages["/a.htm"] = Page(status=302, headers={"Location": "/b.htm"})
    web.pages["/b.htm"] = Page(status=302, headers={"Location": "/a.htm"})
    web.pages["/c.htm"] = Page(status=302, headers={"Location": "/c.htm"})
    watcher.once()
    assert sorted(web.asked()) == ["/a.htm", "/b.htm", "/index.htm"]


def test_redirect_out_of_scope_is_recorded_only(watcher: Watcher, web: LoopbackSite) -> None:
    web.pages["/a.htm"] = Page(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"})
    assert watcher.once().state is PassState.COMPLETE
    assert watcher.captures("/a.htm")[0].location == "http://127.0.0.1:9/elsewhere"


def test_pictures_are_not_asked_for_and_other_types_are_listed(watcher: Watcher, web: LoopbackSite) -> None:
    web.write("/index.htm", "works", "face.jpg", "song", "a.htm")
    web.pages["/song"] = Page(b"x" * 9999, content_type="audio/ogg")
    made = watcher.once()
    assert (made.visited, made.captured) == (4, 2)
    assert web.asked() == ["/index.htm", "/song", "/a.htm"]
    assert watcher.outcomes("/song") == []


def test_server_without_validators(watcher: Watcher, web: LoopbackSite) -> None:
    for page in web.pages.values():
        page.validators = False
    watcher.once()
    assert watcher.once().unchanged == 4
    first, second = watcher.captures("/a.htm")
    assert (second.status, second.record_type, second.refers_to) == (200, RecordType.REVISIT, first.record_id)


def test_lying_server_is_found_out_within_a_month(watcher: Watcher, web: LoopbackSite) -> None:
    watcher.once()
    old = web.pages["/a.htm"].etag
    web.write("/a.htm", "altered in secret")
    lying = web.pages["/a.htm"]
    web.pages["/a.htm"] = Page(answer=lambda handler: lie(handler, old, lying.body))
    watcher.once()
    assert watcher.outcomes("/a.htm") == [Outcome.NEW, Outcome.UNCHANGED]
    watcher.clock.at += timedelta(days=31)
    watcher.once()
    assert watcher.outcomes("/a.htm")[-1] is Outcome.CHANGED


def lie(handler: Handler, etag: str, body: bytes) -> None:
    known = handler.headers.get("If-None-Match") == etag
    handler.send_response(304 if known else 200)
    handler.send_header("ETag", etag)
    if not known:
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if not known:
        handler.wfile.write(body)


def test_another_gzip_level_is_no_change(watcher: Watcher, web: LoopbackSite) -> None:
    text = b"<p>the same words</p>" * 50
    for level in (1, 9):
        packed = gzip.compress(text, level, mtime=0)
        web.pages["/a.htm"] = Page(packed, headers={"Content-Encoding": "gzip"})
        watcher.once()
    assert watcher.outcomes("/a.htm") == [Outcome.NEW, Outcome.UNCHANGED]


# ── manners ──────────────────────────────────────────────────────────────────────────


def test_robots_are_asked_once_a_day_and_kept_as_testimony(watcher: Watcher, web: LoopbackSite) -> None:
    web.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /b.htm\n", content_type="text/plain")
    made = watcher.once()
    watcher.once()
    assert [path for path, _, _ in web.log].count("/robots.txt") == 1
    assert "/b.htm" not in web.asked()
    assert (made.visited, made.captured, made.failed) == (3, 2, 0)
    with Store.read_only(watcher.folder) as store:
        known = store.catalog.history(f"{web.base}/b.htm")
    assert known is not None
    assert known.last_outcome is Outcome.REFUSED
    path = min((watcher.folder / "warc").glob("*.warc.gz"))
    assert b"Disallow: /b.htm" in gzip.decompress(path.read_bytes())
    watcher.a_day_later()
    watcher.once()
    assert [path for path, _, _ in web.log].count("/robots.txt") == 1


def test_robots_behind_five_redirects(watcher: Watcher, web: LoopbackSite) -> None:
    web.pages["/robots.txt"] = Page(status=301, headers={"Location": "/r1"})
    for n in range(1, 5):
        web.pages[f"/r{n}"] = Page(status=301, headers={"Location": f"/r{n + 1}"})
    web.pages["/r5"] = Page(b"User-agent: *\nDisallow: /b.htm\n", content_type="text/plain")
    watcher.once()
    assert "/b.htm" not in web.asked()


def test_more_than_five_redirects_are_no_robots(watcher: Watcher, web: LoopbackSite) -> None:
    web.pages["/robots.txt"] = Page(status=301, headers={"Location": "/robots.txt"})
    assert watcher.once().captured == 4
    assert [path for path, _, _ in web.log].count("/robots.txt") == 6


def test_robots_that_cannot_be_had_forbid_all(watcher: Watcher, web: LoopbackSite) -> None:
    web.pages["/robots.txt"] = Page(status=503)
    made = watcher.once()
    assert (made.state, made.visited) == (PassState.PARTIAL, 0)
    assert "robots.txt" in made.reason
    assert web.asked() == []
    del web.pages["/robots.txt"]
    assert watcher.once().state is PassState.COMPLETE


def test_delay_and_crawl_delay_stand_between_requests(watcher: Watcher, web: LoopbackSite) -> None:
    watcher.once(replace(watcher.site, delay_s=10.0))
    assert len(watcher.clock.slept) == 4  # robots.txt and four pages
    assert all(9.9 < slept <= 10 for slept in watcher.clock.slept)
    web.pages["/robots.txt"] = Page(b"User-agent: *\nCrawl-delay: 25\n", content_type="text/plain")
    watcher.a_day_later()
    watcher.clock.slept.clear()
    watcher.once(replace(watcher.site, delay_s=10.0))
    assert all(24.9 < slept <= 25 for slept in watcher.clock.slept)


def test_retry_after_is_honoured(watcher: Watcher, web: LoopbackSite) -> None:
    answers = iter([(503, "7"), (429, "11")])

    def busy(handler: Handler) -> None:
        status, wait = next(answers, (200, ""))
        handler.send_response(status)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Length", "4")
        if wait:
            handler.send_header("Retry-After", wait)
        handler.end_headers()
        handler.wfile.write(b"text")

    web.pages["/a.htm"] = Page(answer=busy)
    watcher.once()
    assert watcher.clock.slept == [7.0, 11.0]
    assert watcher.outcomes("/a.htm") == [Outcome.NEW]


def test_long_retry_after_leaves_the_page_for_the_next_pass(watcher: Watcher, web: LoopbackSite) -> None:
    web.pages["/a.htm"] = Page(status=503, headers={"Retry-After": "3600"})
    made = watcher.once()
    assert (made.failed, made.captured) == (1, 3)
    assert web.asked().count("/a.htm") == 1
    assert watcher.clock.slept == []
    assert watcher.outcomes("/a.htm") == [Outcome.SUSPECT]


def test_budget_counts_every_request_and_the_rest_comes_first_next_time(
    watcher: Watcher, web: LoopbackSite
) -> None:
    small = replace(watcher.site, budget=3)
    made = watcher.once(small)
    assert (made.state, made.visited) == (PassState.PARTIAL, 2)  # and robots.txt
    assert "budget" in made.reason
    web.asked()
    watcher.once(small)
    # robots.txt is known by now; what was left comes before what was visited, and that before new finds
    assert web.asked() == ["/index.htm", "/b.htm", "/a.htm"]


def test_no_stranger_is_asked_without_a_contact(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path, site_of("https://www.example.org"))
    with pytest.raises(UsageError, match="contact"):
        watcher.once()
    assert not list((tmp_path / "warc").iterdir())


# ── bad weather ──────────────────────────────────────────────────────────────────────


def hang(_: Handler) -> None:
    time.sleep(1.0)


def test_one_page_that_hangs_stops_no_pass(watcher: Watcher, web: LoopbackSite) -> None:
    web.pages["/a.htm"] = Page(answer=hang)
    made = watcher.once()
    assert (made.state, made.captured, made.failed) == (PassState.COMPLETE, 3, 1)
    assert web.asked().count("/a.htm") == 3
    with Store.read_only(watcher.folder) as store:
        (trouble,) = store.catalog.troubles()
    assert (trouble.subject, trouble.kind) == (f"{web.base}/a.htm", "failed")
    del web.pages["/a.htm"]
    watcher.once()
    with Store.read_only(watcher.folder) as store:
        assert store.catalog.troubles() == []


def test_host_that_fails_is_one_event(watcher: Watcher, web: LoopbackSite) -> None:
    web.write("/index.htm", "works", *(f"{n}.htm" for n in range(30)))
    for n in range(30):
        web.pages[f"/{n}.htm"] = Page(status=503, headers={"Retry-After": "999"})
    made = watcher.once()
    assert made.state is PassState.PARTIAL
    assert len(web.asked()) == 1 + 5
    with Store.read_only(watcher.folder) as store:
        (trouble,) = store.catalog.troubles()
    assert (trouble.subject, trouble.kind, trouble.until_at) == (web.base, "host", None)
    assert trouble.since_at < made.finished_at  # type: ignore[operator]

    again = watcher.once()
    assert (again.state, len(web.asked())) == (
        PassState.PARTIAL,
        2,
    )  # one is enough to see that it is still down
    for n in range(30):
        web.write(f"/{n}.htm", "back")
    last = watcher.once()
    assert last.state is PassState.COMPLETE
    with Store.read_only(watcher.folder) as store:
        assert store.catalog.troubles() == []
        (over,) = store.catalog.past_troubles(made.started_at)
        assert over.until_at is not None


def test_host_that_is_not_there_is_no_failure_of_each_page(tmp_path: Path, web: LoopbackSite) -> None:
    base = web.base
    watcher = Watcher(tmp_path, site_of(base))
    watcher.once()
    web.close()
    watcher.a_day_later()
    made = watcher.once()
    assert (made.state, made.visited) == (PassState.PARTIAL, 0)
    with Store.read_only(tmp_path) as store:
        assert [trouble.subject for trouble in store.catalog.troubles()] == [base]


def test_a_stop_ends_the_pass_and_the_next_one_goes_on(watcher: Watcher, web: LoopbackSite) -> None:
    web.pages["/b.htm"].answer = lambda handler: (
        watcher.stop.set(),
        plain(handler, b'second <a href="c.htm">third</a>'),
    )[0]
    made = watcher.once()
    assert (made.state, made.visited) == (PassState.INTERRUPTED, 3)
    assert [path.name for path in (watcher.folder / "warc").iterdir()] == [
        f"etolwatch-{made.pass_id}.warc.gz.open"
    ]
    watcher.stop.clear()
    web.asked()
    again = watcher.once()
    assert (again.pass_id, again.state, again.visited) == (made.pass_id, PassState.COMPLETE, 4)
    assert web.asked() == ["/c.htm"]


def plain(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_wider_scope_finds_links_of_texts_kept_long_ago(watcher: Watcher, web: LoopbackSite) -> None:
    web.write("/index.htm", "works", "a.htm", "more/d.htm")
    web.write("/more/d.htm", "elsewhere")
    narrow = replace(watcher.site, exclude=(f"{web.base}/more/",))
    watcher.once(narrow)
    assert "/more/d.htm" not in web.asked()
    watcher.once()
    assert web.statuses()["/more/d.htm"] == 200
    assert web.statuses()["/index.htm"] == 304


# ── other sources ────────────────────────────────────────────────────────────────────


def test_mirror_stands_for_the_site(tmp_path: Path, web: LoopbackSite) -> None:
    web.write("/index.htm", "works", "https://www.example.org/a.htm", f"{web.base}/b.htm")
    site = site_of("https://www.example.org", source=f"{web.base}/", stands_for="https://www.example.org/")
    watcher = Watcher(tmp_path, site)
    assert watcher.once().captured == 4
    (capture,) = watcher.captures("/a.htm")
    assert (capture.uri, capture.asks) == ("https://www.example.org/a.htm", f"{web.base}/a.htm")
    for file in tmp_path.glob("catalog.sqlite3*"):
        file.unlink()
    with Store(tmp_path) as store:
        assert store.catalog.captures("https://www.example.org/a.htm") == [capture]


def test_folder_stands_for_the_site(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    (folder / "index.htm").write_text('<a href="a.htm">a</a> <a href="none.htm">n</a>')
    (folder / "a.htm").write_text("<p>text</p>")
    os.utime(folder / "a.htm", (1_000_000_000, 1_000_000_000))
    site = site_of("https://www.example.org", source=str(folder), stands_for="https://www.example.org/")
    watcher = Watcher(tmp_path / "snapshots", site)
    made = watcher.once()
    assert (made.captured, made.gone, made.state) == (2, 1, PassState.COMPLETE)
    (folder / "index.htm").write_text("<p>the list is gone</p>")
    (folder / "a.htm").touch()
    watcher.a_day_later()
    assert watcher.once().captured == 1
    first, second = watcher.captures("/a.htm")
    assert first.last_modified == "Sun, 09 Sep 2001 01:46:40 GMT"
    assert (first.record_type, second.record_type) == (RecordType.RESOURCE, RecordType.REVISIT)
    assert second.refers_to == first.record_id
    with Store.read_only(watcher.folder) as store:
        assert store.payload(second).body == b"<p>text</p>"
        everything = [store.catalog.captures(c) for c in store.catalog.all_histories()]
    for path in (watcher.folder / "warc").glob("*.warc.gz"):
        warc_check(path)
    for file in watcher.folder.glob("catalog.sqlite3*"):
        file.unlink()
    with Store(watcher.folder) as store:
        assert sorted(map(repr, everything)) == sorted(
            repr(store.catalog.captures(c)) for c in store.catalog.all_histories()
        )


# ── killed at any moment ─────────────────────────────────────────────────────────────

PASS_CODE = """
import logging, sys, threading
from datetime import UTC, datetime
from pathlib import Path
from etolwatch import jobs
from etolwatch.archive.store import Store
from etolwatch.harvest.fetch import Fetcher
from harvest.loopback import site_of
logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
logging.getLogger("httpx").setLevel(logging.WARNING)
stop = threading.Event()
with Store(Path(sys.argv[1])) as store, Fetcher(None) as fetcher:
    jobs.harvest(store, [site_of(sys.argv[2])], fetcher, lambda: datetime.now(UTC), stop.wait, stop)
"""


def start_pass(folder: Path, base: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PASS_CODE, str(folder), base]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def acknowledged(log: str) -> set[str]:
    return set(re.findall(r"^captured (\S+) ", log, re.M))


def test_killed_at_random_moments_nothing_is_lost_or_doubled(tmp_path: Path, web: LoopbackSite) -> None:
    pages = [f"{n}.htm" for n in range(60)]
    web.write("/index.htm", "works", *pages)
    for page in pages:
        web.write(f"/{page}", f"text of {page} " * 200)
    chance, told = random.Random(1958), set()
    for _ in range(8):
        process = start_pass(tmp_path, web.base)
        assert process.stderr is not None
        # a moment within the pass, wherever the machine has got to by then
        lines = [process.stderr.readline() for _ in range(chance.randrange(1, 9))]
        time.sleep(chance.random() / 200)
        process.send_signal(signal.SIGKILL)
        told |= acknowledged("".join(lines) + process.stderr.read())
        process.wait()
        process.stderr.close()
    last = start_pass(tmp_path, web.base)
    _, log = last.communicate()
    told |= acknowledged(log)
    assert last.returncode == 0, log
    # a page may have been kept and its process killed before it could say so; never the reverse
    everything = {f"{web.base}/{page}" for page in ["index.htm", *pages]}
    assert told <= everything
    with Store(tmp_path) as store:
        (made,) = store.catalog.passes()
        assert (made.state, made.visited, made.captured) == (PassState.COMPLETE, 61, 61)
        for uri in everything:
            (capture,) = store.catalog.captures(uri)
            assert store.payload(capture).body
    for path in (tmp_path / "warc").glob("*.warc.gz*"):
        warc_check(path)


def test_log_has_a_line_for_each_capture_and_pass(
    watcher: Watcher, web: LoopbackSite, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "etolwatch"):
        made = watcher.once()
    lines = [record.getMessage() for record in caplog.records if record.name == "etolwatch"]
    size = len(web.pages["/c.htm"].body)
    assert f"captured {web.base}/c.htm 200 new {size} bytes" in lines
    assert lines[-1] == f"pass {made.pass_id} complete: 4 visited, 4 captured, 0 unchanged, 0 gone, 0 failed"
