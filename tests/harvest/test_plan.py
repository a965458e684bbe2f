"""What is due, and in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from etolwatch.harvest.plan import MOST_TRIES, plan, plan_requisites
from etolwatch.model import Capture, History, Outcome, RecordType, Requisite, Via
from harvest.loopback import site_of

NOW = datetime(2026, 11, 9, 4, 0, tzinfo=UTC)
BASE = "https://www.example.org"
SITE = site_of(BASE)


def version(uri: str) -> Capture:
    return Capture(
        record_id="urn:uuid:1",
        uri=uri,
        asks=uri,
        site="test",
        captured_at=NOW - timedelta(days=1),
        status=200,
        record_type=RecordType.RESPONSE,
        outcome=Outcome.NEW,
        payload_digest="sha1:A",
        body_digest="sha256:a",
        content_type="text/html",
        etag='"a"',
        last_modified=None,
        location=None,
        warc="w",
        offset=0,
        length=1,
        refers_to=None,
        pass_id="p",
        size_bytes=1,
    )


def page(
    path: str, days_ago: float | None = 1, outcome: Outcome = Outcome.NEW, *, held: bool = True
) -> History:
    uri = BASE + path
    at = None if days_ago is None else NOW - timedelta(days=days_ago)
    kept = version(uri) if held and at else None
    return History(uri, "test", NOW, None, kept, kept, at, outcome if at else None, 1, at if kept else None)


def planned(*pages: History, budget: int = 100) -> list[str]:
    visits = plan(NOW, replace(SITE, budget=budget), {p.uri: p for p in pages})
    return [visit.uri.removeprefix(BASE) for visit in visits]


def test_seed_comes_first_even_unknown() -> None:
    visits = plan(NOW, SITE, {})
    assert [(v.uri, v.via, v.version) for v in visits] == [(f"{BASE}/index.htm", Via.SEED, None)]


def test_seeds_then_indexes_then_longest_unvisited() -> None:
    pages = (
        page("/recent.htm", 1),
        page("/old.htm", 9),
        page("/never.htm", None),
        page("/1958/index.htm", 1),
        page("/index.htm", 1),
    )
    assert planned(*pages) == ["/index.htm", "/1958/index.htm", "/never.htm", "/old.htm", "/recent.htm"]


def test_a_budget_cuts_nothing_off_the_plan_so_that_what_is_left_is_known() -> None:
    assert planned(page("/a.htm", 5), page("/b.htm", 4), page("/index.htm"), budget=2) == [
        "/index.htm",
        "/a.htm",
        "/b.htm",
    ]


def test_absent_page_rests_for_twenty_hours() -> None:
    rests = page("/absent.htm", 19 / 24, Outcome.GONE, held=False)
    due = page("/late.htm", 20 / 24, Outcome.GONE, held=False)
    assert planned(page("/index.htm"), rests, due) == ["/index.htm", "/late.htm"]


def test_absent_seed_rests_too() -> None:
    assert planned(page("/index.htm", 0.5, Outcome.GONE, held=False)) == []


def test_page_once_held_and_gone_is_asked_at_each_pass() -> None:
    assert planned(page("/index.htm"), page("/gone.htm", 0.01, Outcome.GONE)) == ["/index.htm", "/gone.htm"]


def test_other_types_rest_for_a_month() -> None:
    rests = page("/a.bin", 29, Outcome.LISTED, held=False)
    due = page("/b.bin", 30, Outcome.LISTED, held=False)
    assert planned(page("/index.htm"), rests, due) == ["/index.htm", "/b.bin"]


def test_out_of_scope_is_left_alone() -> None:
    elsewhere = History("https://other.example/a", "test", NOW, None, None, None, None, None, 0)
    assert planned(page("/index.htm"), elsewhere) == ["/index.htm"]


def test_fetched_in_full_now_and_then() -> None:
    fresh, stale = page("/a.htm", 1), replace(page("/b.htm", 1), full_at=NOW - timedelta(days=30))
    visits = {
        v.uri.removeprefix(BASE): v.conditional for v in plan(NOW, SITE, {p.uri: p for p in (fresh, stale)})
    }
    assert visits == {"/index.htm": True, "/a.htm": True, "/b.htm": False}


def test_clock_set_back_asks_again() -> None:
    assert planned(page("/index.htm"), page("/absent.htm", -3, Outcome.GONE, held=False)) == [
        "/index.htm",
        "/absent.htm",
    ]


# ── what pages need ──────────────────────────────────────────────────────────────────

NEEDING = site_of(BASE, requisites=(Requisite.STYLE, Requisite.IMAGE))


def needed(
    path: str, days_ago: float | None, outcome: Outcome = Outcome.NEW, kind: Requisite = Requisite.IMAGE
) -> History:
    return replace(page(path, days_ago, outcome, held=outcome is Outcome.NEW), requisite=kind)


def needs_planned(*known: History) -> list[str]:
    visits = plan_requisites(NOW, NEEDING, {one.uri: one for one in known})
    return [visit.uri.removeprefix(BASE) for visit in visits]


@pytest.mark.parametrize(
    ("outcome", "days"),
    [
        (Outcome.NEW, 30),
        (Outcome.GONE, 30),
        (Outcome.LISTED, 30),
        (Outcome.REFUSED, 30),
        (Outcome.FAILED, 1),
        (Outcome.SUSPECT, 1),
    ],
)
def test_requisites_are_asked_for_seldom(outcome: Outcome, days: int) -> None:
    early, due = needed("/a.png", days - 0.2, outcome), needed("/b.png", days, outcome)
    assert needs_planned(early, due) == ["/b.png"]


def test_what_fails_for_days_is_asked_for_as_seldom() -> None:
    failing = replace(needed("/a.png", 29, Outcome.FAILED), run=MOST_TRIES)
    assert needs_planned(failing) == []
    assert needs_planned(replace(failing, run=MOST_TRIES - 1)) == ["/a.png"]


def test_requisites_in_their_order() -> None:
    found = [
        needed("/old.png", 40),
        needed("/older.css", 50, kind=Requisite.STYLE),
        needed("/new.png", None),
        needed("/new.css", None, kind=Requisite.STYLE),
        replace(needed("/listed.css", 2, Outcome.LISTED, Requisite.STYLE), is_awaited=True),
    ]
    assert needs_planned(*found) == ["/new.css", "/listed.css", "/new.png", "/older.css", "/old.png"]


def test_only_what_is_wanted_now_is_asked_for() -> None:
    font = needed("/a.woff", None, kind=Requisite.FONT)
    elsewhere = replace(needed("/b.png", None), uri="https://elsewhere.example/b.png")
    of_another = replace(needed("/c.png", None), site="another")
    assert needs_planned(font, elsewhere, of_another, page("/a.htm", None)) == []


def test_requisites_are_no_pages() -> None:
    known = {one.uri: one for one in (needed("/a.png", None), page("/a.htm"))}
    assert [visit.uri for visit in plan(NOW, NEEDING, known)] == [f"{BASE}/index.htm", f"{BASE}/a.htm"]


def test_a_seed_is_a_page_whatever_names_it() -> None:
    seed = replace(needed("/index.htm", 1, kind=Requisite.FRAME), uri=NEEDING.seeds[0])
    (visit,) = plan(NOW, NEEDING, {seed.uri: seed})
    assert (visit.requisite, visit.version) == (None, None)


def test_requisites_are_fetched_in_full_once_a_year() -> None:
    known = [needed("/a.png", 364), needed("/b.png", 365)]
    visits = plan_requisites(NOW, NEEDING, {one.uri: one for one in known})
    assert {visit.uri.removeprefix(BASE): visit.conditional for visit in visits} == {
        "/a.png": True,
        "/b.png": False,
    }
