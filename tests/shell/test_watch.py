"""One pass and what it says: quiet without news, troubles told once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from etolwatch import config
from etolwatch.watch import Watched, watch

from .conftest import Library, page, write_config


class Clock:
    """Each look at it is a second later; each pass a day."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 2, 4, 17, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def one_pass(tmp_path: Path, library: Library) -> Callable[[], Watched]:
    """Makes the pass of the next day."""
    read = config.load(write_config(tmp_path, library.address))
    clock = Clock()

    def make() -> Watched:
        clock.at += timedelta(days=1)
        return watch(read, read.sites, Event(), now=clock.now, sleep=clock.sleep)

    return make


def test_a_host_that_is_down_is_told_once(one_pass: Callable[[], Watched], library: Library) -> None:
    assert not one_pass().is_partial
    library.status = 503
    first = one_pass()
    assert first.is_partial
    assert [trouble.kind for trouble in first.begun] == ["host"]
    assert any("127.0.0.1" in note for note in first.report.notes)
    assert first.text(color=False, talkative=False) == ""  # the log has told it
    again = one_pass()
    assert again.is_partial
    assert (again.begun, again.report.notes) == ((), ())
    assert "since" in again.text(color=False, talkative=True)
    library.status = 0
    back = one_pass()
    assert not back.is_partial
    assert [trouble.kind for trouble in back.ended] == ["host"]
    assert any("answers again" in note for note in back.report.notes)


def test_an_outage_is_no_edit(one_pass: Callable[[], Watched], library: Library) -> None:
    one_pass()
    library.status = 503
    assert not one_pass().words_changed
    library.status = 0
    assert one_pass().findings == ()


def test_a_terminal_is_told_that_nothing_changed(one_pass: Callable[[], Watched]) -> None:
    one_pass()
    again = one_pass()
    assert again.text(color=False, talkative=True) == "4 pages visited, nothing changed.\n"
    assert again.text(color=False, talkative=False) == ""


def test_reports_are_kept_of_passes_that_found_something(
    one_pass: Callable[[], Watched], tmp_path: Path
) -> None:
    first = one_pass()
    one_pass()
    files = [path.name for path in (tmp_path / "reports").iterdir()]
    assert files == [f"{first.made.pass_id}.html"]


def test_a_new_page_in_the_index_is_found(one_pass: Callable[[], Watched], library: Library) -> None:
    one_pass()
    library.pages["/penhale/tram.htm"] = page("The tram")
    library.pages["/penhale/index.htm"] = page(
        "Works", links=("lamps.htm", "ferry.htm", "lost.htm", "tram.htm")
    )
    found = {item.uri.rpartition("/")[2]: item.verdict.value for item in one_pass().findings}
    assert found["tram.htm"] == "first_capture"
    assert set(found) == {"tram.htm", "index.htm"}


def test_pictures_that_changed_are_counted_and_no_news(
    one_pass: Callable[[], Watched], library: Library, tmp_path: Path
) -> None:
    library.pages["/penhale/face.png"] = "a face"
    library.pages["/penhale/lamps.htm"] = page("Lamps", 'The lamps. <img src="face.png">')
    first = one_pass()
    assert (first.made.captured, first.made.requisites, first.requisites_changed) == (3, 1, 0)
    assert not any("picture" in line for line in first.report.summary())
    library.pages["/penhale/face.png"] = "another face"
    library.pages["/penhale/lamps.htm"] = page("Lamps", 'The  lamps. <img  src="face.png">')
    again = one_pass()
    assert {item.verdict.value for item in again.findings} == {"no_textual_change"}
    assert again.text(color=False, talkative=False) == ""
    assert "1 picture or style sheet changed." in again.text(color=False, talkative=True).splitlines()
    assert again.to_dict()["requisites"] == 1
    assert len(list((tmp_path / "reports").iterdir())) == 1
    del library.pages["/penhale/face.png"]
    library.pages["/penhale/lamps.htm"] = page("Lamps", 'The lamps. <img src="face.png">')
    gone = one_pass()
    assert (gone.made.gone, gone.absent, gone.begun) == (again.made.gone, (), ())
    assert {item.uri.rpartition("/")[2] for item in gone.findings} == {"lamps.htm"}
