"""What stood when: every page and requisite at a time, or why it has no capture then."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from archive.material import BASE, START, Diary, answer
from archive.stores import config_of
from archive.test_bring import Others, bring
from etolwatch import jobs
from etolwatch.archive.snapshot import Standing
from etolwatch.archive.store import Store
from etolwatch.model import Failure, FailureKind, Outcome, PassState, Requisite

PAGE = b"<p>These words are kept from the first day to the last.</p>"
NOT_FOUND = b"<html><title>404 Not Found</title><h1>Not Found</h1><p>The URL was not found.</p></html>"


class Days(Diary):
    """A diary whose days are passes; `at` each end the time is noted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ends: list[datetime] = []

    def day(self, *answers: object, links: tuple[str, ...] = ()) -> None:
        self.at = START + timedelta(days=len(self.ends))
        with Store(self.folder) as store:
            store.begin_pass(["test"], self.at)
            for one in answers:
                self.keep(store, one, links=links)  # type: ignore[arg-type]
            store.end_pass(PassState.COMPLETE, self.at)
            jobs.compare(store, config_of(self.folder), threading.Event())
        self.ends.append(self.at)

    def at_end_of(self, day: int, site: str | None = None) -> dict[str, Standing]:
        with Store.read_only(self.folder) as store:
            found = list(store.catalog.state_at(self.ends[day], site))
        assert [one.uri for one in found] == sorted(one.uri for one in found)
        return {one.uri.removeprefix(BASE): one for one in found}


@pytest.fixture
def days(tmp_path: Path) -> Iterator[Days]:
    made = Days(tmp_path / "snapshots")
    yield made
    with Store.read_only(made.folder) as store:  # without a time: as it is at the end
        assert list(store.catalog.state_at()) == list(store.catalog.state_at(made.ends[-1]))


def test_the_last_version_by_then(days: Days) -> None:
    days.day(answer("/a.htm", PAGE))
    days.day(answer("/a.htm", b"", 304))
    days.day(answer("/a.htm", PAGE + b"<p>More.</p>"))
    states = [days.at_end_of(day)["/a.htm"] for day in range(3)]
    assert [one.outcome for one in states] == [Outcome.NEW, Outcome.UNCHANGED, Outcome.CHANGED]
    assert all(one.stands for one in states)
    with Store.read_only(days.folder) as store:
        bodies = [store.payload(one.capture).body for one in states if one.capture]
    assert bodies == [PAGE, PAGE, PAGE + b"<p>More.</p>"]


def test_what_was_not_known_by_then_is_left_out(days: Days) -> None:
    days.day(answer("/a.htm", PAGE))
    days.day(answer("/b.htm", PAGE))
    assert list(days.at_end_of(0)) == ["/a.htm"]
    assert list(days.at_end_of(1)) == ["/a.htm", "/b.htm"]


def test_what_was_known_and_not_asked_for(days: Days) -> None:
    days.day(answer("/a.htm", PAGE), links=(f"{BASE}/b.htm",))
    found = days.at_end_of(0)["/b.htm"]
    assert (found.capture, found.outcome, found.outcome_at) == (None, None, None)
    assert found.found_on == f"{BASE}/a.htm"


def test_gone_and_back(days: Days) -> None:
    for status in (200, 404, 410, 200):
        days.day(answer("/a.htm", PAGE, status))
    states = [days.at_end_of(day)["/a.htm"] for day in range(4)]
    assert [one.outcome for one in states] == [Outcome.NEW, Outcome.GONE, Outcome.GONE, Outcome.UNCHANGED]
    assert [one.stands for one in states] == [True, False, False, True]
    assert states[1].capture == states[0].capture  # as last seen
    assert states[2].message == "status 410"


def test_moved(days: Days) -> None:
    days.day(answer("/a.htm", PAGE))
    days.day(answer("/a.htm", b"", 301, Location="/b.htm"))
    found = days.at_end_of(1)["/a.htm"]
    assert (found.outcome, found.location, found.stands) == (Outcome.MOVED, f"{BASE}/b.htm", False)
    assert days.at_end_of(0)["/a.htm"].location is None


def test_visits_that_left_no_capture(days: Days) -> None:
    days.day(answer("/a.htm", PAGE), answer("/b.bin", b"", Content_Type="image/png"))
    days.day(
        replace(days.fail("/a.htm"), message="no answer"),
        Failure(f"{BASE}/c.htm", START, FailureKind.ROBOTS, "robots.txt forbids it"),
    )
    days.day(answer("/a.htm", PAGE))
    failed = days.at_end_of(1)
    assert (failed["/a.htm"].outcome, failed["/a.htm"].message) == (Outcome.FAILED, "timeout: no answer")
    assert failed["/a.htm"].capture == days.at_end_of(0)["/a.htm"].capture
    assert failed["/b.bin"].outcome is Outcome.LISTED
    assert (failed["/c.htm"].outcome, failed["/c.htm"].capture) == (Outcome.REFUSED, None)
    assert days.at_end_of(2)["/a.htm"].outcome is Outcome.UNCHANGED


def test_suspect_answers_and_soft_404s_are_no_versions(days: Days) -> None:
    days.day(answer("/a.htm", PAGE), answer("/b.htm", PAGE))
    days.day(replace(answer("/a.htm", b"<p>Th"), truncated="disconnect"), answer("/b.htm", NOT_FOUND))
    first, second = days.at_end_of(0), days.at_end_of(1)
    assert (second["/a.htm"].outcome, second["/b.htm"].outcome) == (Outcome.SUSPECT, Outcome.GONE)
    assert second["/a.htm"].capture == first["/a.htm"].capture
    assert second["/b.htm"].capture == first["/b.htm"].capture


def test_a_clock_that_was_set_back(days: Days) -> None:
    days.day(answer("/a.htm", PAGE))
    days.at = START - timedelta(days=30)
    with Store(days.folder) as store:
        store.begin_pass(["test"], days.at)
        days.keep(store, answer("/a.htm", PAGE + b"<p>More.</p>"))
        store.end_pass(PassState.COMPLETE, days.at)
    with Store.read_only(days.folder) as store:
        (now,) = store.catalog.state_at(START + timedelta(days=1))
        assert now.capture is not None
        assert now.capture.outcome is Outcome.CHANGED  # the later one, whatever its clock said
    days.ends.append(START + timedelta(days=1))


def test_what_others_captured(days: Days) -> None:
    days.day(answer("/1.htm", PAGE))
    others = Others(days.folder.parent / "old.warc.gz")
    others.response("/1.htm", PAGE.replace(b"kept", b"held"), "2013-01-01T00:00:00Z")
    bring(days.folder, others.done())
    with Store.read_only(days.folder) as store:
        (then,) = store.catalog.state_at(START.replace(year=2014))
        assert then.capture is not None
        assert b"held" in store.payload(then.capture).body
        assert (then.outcome, then.message) == (Outcome.NEW, "")
        assert list(store.catalog.state_at(START.replace(year=2012))) == []


def test_requisites_are_told_from_pages(days: Days) -> None:
    days.at = START
    with Store(days.folder) as store:
        store.begin_pass(["test"], days.at)
        needs = [(f"{BASE}/face.png", Requisite.IMAGE)]
        days.keep(store, answer("/a.htm", PAGE), needs=needs)
        store.end_pass(PassState.COMPLETE, days.at)
    days.ends.append(days.at)
    found = days.at_end_of(0)["/face.png"]
    assert (found.is_requisite, found.requisite, found.outcome) == (True, Requisite.IMAGE, None)
    assert not days.at_end_of(0)["/a.htm"].is_requisite
    # sites share what both need: that is given with whichever is asked for
    assert list(days.at_end_of(0, "test")) == ["/a.htm", "/face.png"]
    assert list(days.at_end_of(0, "another")) == ["/face.png"]
