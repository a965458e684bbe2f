"""The catalog: what is asked of it, and that the answers do not get slower with the years."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from archive.material import BASE, START, Diary, answer
from etolwatch.archive.store import Store
from etolwatch.errors import ArchiveError, NoSuchCapture, UnknownPage
from etolwatch.model import Capture, Finding, Outcome, PassState, Verdict

A, B = f"{BASE}/1958/08/export.htm", f"{BASE}/1958/09/re-export.htm"
BODIES = (b"one", b"two", b"two", b"three")


@pytest.fixture
def store(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Store(tmp_path / "snapshots") as opened:
        opened.begin_pass(["test"], START)
        yield opened


@pytest.fixture
def diary(store: Store) -> Diary:
    return Diary(store.folder)


def keep(diary: Diary, store: Store, uri: str, body: bytes, status: int = 200) -> Capture:
    capture = diary.keep(store, answer(uri.removeprefix(BASE), body, status))
    assert capture is not None
    return capture


def finding(capture: Capture, verdict: Verdict = Verdict.SILENT_EDIT, normaliser: str = "1") -> Finding:
    return Finding(
        uri=capture.uri,
        site=capture.site,
        captured_at=capture.captured_at,
        previous_at=None,
        normaliser=normaliser,
        verdict=verdict,
        certainty=None,
        flags=("x",),
        stated_before=None,
        stated_after=None,
        variants=(),
    )


def test_any_unique_ending_is_an_address(store: Store, diary: Diary) -> None:
    for uri in (A, B, f"{BASE}/index.htm", f"{BASE}/1958/index.htm"):
        keep(diary, store, uri, b"text")
    resolve = store.catalog.resolve
    assert resolve(A) == A
    assert resolve("08/export.htm") == A
    assert resolve("re-export.htm") == B
    assert resolve("export.htm") == A  # a whole name stands before the end of another
    with pytest.raises(UnknownPage, match="2 pages") as error:
        resolve("index.htm")
    assert f"{BASE}/1958/index.htm" in str(error.value)
    for nothing in ("", "none.htm", "%.htm", "_xport.htm"):
        with pytest.raises(UnknownPage):
            resolve(nothing)


def test_capture_meant_is_the_last_version_at_or_before(store: Store, diary: Diary) -> None:
    first, second, same, third = (keep(diary, store, A, body) for body in BODIES)
    keep(diary, store, A, b"gone", 404)
    at = store.catalog.capture_at
    assert at(A, None) == third
    assert at(A, third.captured_at) == third
    assert at(A, third.captured_at - timedelta(microseconds=1)) == same
    assert at(A, second.captured_at) == second
    assert at(A, first.captured_at) == first
    with pytest.raises(NoSuchCapture, match="2026-11-02T05:00:00"):
        at(A, START)
    keep(diary, store, B, b"gone", 404)
    with pytest.raises(NoSuchCapture, match="no version"):
        at(B, None)


def test_previous_version_bounds_the_change_closely(store: Store, diary: Diary) -> None:
    first, second, same, third = (keep(diary, store, A, body) for body in BODIES)
    previous = store.catalog.previous_version
    assert [previous(c) for c in (first, second, third)] == [None, first, same]


def test_text_that_was_none_is_passed_over_with_all_its_revisits(store: Store, diary: Diary) -> None:
    first = keep(diary, store, A, b"text")
    soft = keep(diary, store, A, b"not found")
    keep(diary, store, A, b"not found")
    store.catalog.add_finding(soft, first, finding(soft, Verdict.PAGE_GONE))
    assert store.catalog.capture_at(A, None) == first
    back = keep(diary, store, A, b"text")
    assert store.catalog.previous_version(back) == first


def test_unjudged_are_the_news_page_by_page(store: Store, diary: Diary) -> None:
    a1 = keep(diary, store, A, b"one")
    b1 = keep(diary, store, B, b"one")
    keep(diary, store, A, b"one")
    a2 = keep(diary, store, A, b"two")
    gone = keep(diary, store, B, b"gone", 404)
    keep(diary, store, B, b"gone", 404)
    suspect = keep(diary, store, A, b"busy", 500)
    keep(diary, store, A, b"busy", 500)
    other = keep(diary, store, A, b"busy", 403)
    expected = [a1, a2, suspect, other, b1, gone]
    assert list(store.catalog.unjudged()) == expected
    for capture in store.catalog.unjudged():
        store.catalog.add_finding(capture, None, finding(capture))
    assert list(store.catalog.unjudged()) == []


def test_findings_come_back_whole_and_are_replaced(store: Store, diary: Diary) -> None:
    first, second, _, third = (keep(diary, store, A, body) for body in BODIES)
    catalog = store.catalog
    for capture in (first, second, third):
        catalog.add_finding(capture, None, finding(capture))
    assert catalog.finding(second) == finding(second)
    assert catalog.findings(since=second.captured_at) == [finding(second), finding(third)]
    assert len(catalog.findings(uri=A)) == 3
    assert catalog.findings(uri=B) == []
    assert len(catalog.findings(pass_id=second.pass_id)) == 3
    assert catalog.findings(pass_id="20200101000000") == []
    catalog.add_finding(second, first, finding(second, Verdict.COSMETIC, "2"))
    found = catalog.finding(second)
    assert found is not None
    assert (found.verdict, found.normaliser) == (Verdict.COSMETIC, "2")


def test_troubles_are_states_with_a_beginning(store: Store, diary: Diary) -> None:
    for _ in range(3):
        diary.keep(store, diary.fail("/a.htm"))
    (trouble,) = store.catalog.troubles()
    assert (trouble.subject, trouble.kind, trouble.count) == (f"{BASE}/a.htm", "failed", 3)
    assert trouble.since_at == START + timedelta(hours=1)
    assert store.catalog.begin_trouble(BASE, "test", "host", "down", diary.at)
    assert not store.catalog.begin_trouble(BASE, "test", "host", "still down", diary.at)
    (host,) = store.catalog.troubles()
    assert (host.subject, host.message, host.count) == (BASE, "still down", 2)
    over = store.catalog.end_trouble(BASE, diary.at)
    assert over == replace(host, until_at=diary.at)
    assert store.catalog.end_trouble(BASE, diary.at) is None
    keep(diary, store, f"{BASE}/a.htm", b"text")
    assert store.catalog.troubles() == []


def test_summary(store: Store, diary: Diary) -> None:
    for body in BODIES:
        keep(diary, store, A, body)
    keep(diary, store, B, b"none", 404)
    diary.keep(store, answer("/index.htm", b"text"), links=[f"{BASE}/unvisited.htm"])
    summary = store.catalog.summary("test")
    assert (summary.pages, summary.held, summary.absent, summary.gone) == (4, 2, 1, 0)
    assert (summary.versions, summary.captures, summary.failing) == (4, 6, 0)
    assert 0 < summary.stored_bytes < summary.growth_bytes
    assert store.catalog.summary("other").pages == 0


def test_passes_latest_first_and_the_last_of_a_site(store: Store, diary: Diary) -> None:
    keep(diary, store, A, b"one")
    first = store.end_pass(PassState.PARTIAL, START + timedelta(hours=1), "host down")
    second = store.begin_pass(["other", "test"], START + timedelta(days=1))
    assert store.catalog.passes() == [second, first]
    assert store.catalog.passes(1) == [second]
    assert store.catalog.last_pass("test") == second
    assert second.sites == ("other", "test")
    assert store.catalog.last_pass("nothing") is None
    assert (first.captured, first.visited, first.reason, first.state) == (
        1,
        1,
        "host down",
        PassState.PARTIAL,
    )


def test_catalog_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with Store(tmp_path):
        pass
    db = sqlite3.connect(tmp_path / "catalog.sqlite3")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ArchiveError, match="version 99"):
        Store(tmp_path).__enter__()


def test_what_is_asked_often_reads_no_table_from_end_to_end(store: Store) -> None:
    """By the query plans: captures, visits and findings grow with the years and are never scanned."""
    statements: list[str] = []
    db = store.catalog._db
    db.set_trace_callback(statements.append)
    catalog = store.catalog
    capture = Capture(**{**dict.fromkeys(Capture.__slots__), "record_id": "urn:uuid:0", "uri": A})  # type: ignore[arg-type]
    catalog.histories("test")
    catalog.history(A)
    catalog.all_histories()
    catalog.captures(A)
    catalog.same_payload(A, "sha1:A")
    catalog.previous_version(capture)
    catalog.finding(capture)
    catalog.findings(since=START)
    catalog.findings(uri=A)
    list(catalog.unjudged())
    catalog.unread_links("1", [A])
    catalog.open_passes()
    catalog.visited("20261102040000")
    catalog.troubles()
    catalog.summary("test")
    db.set_trace_callback(None)
    for statement in statements:
        for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall():
            for table in ("capture", "visit", "finding", "l", "v"):
                assert not str(step).startswith(f"SCAN {table}"), f"{step}: {statement}"


def test_outcome_of_every_kind_can_be_kept(store: Store, diary: Diary) -> None:
    diary.keep(store, answer("/x", Content_Type="image/png"))
    history = store.catalog.history(f"{BASE}/x")
    assert history is not None
    assert (history.last_outcome, history.last, history.version) == (Outcome.LISTED, None, None)
