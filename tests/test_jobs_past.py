"""What the past shows is judged where it belongs on the timeline, and is no news."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from archive.material import BASE, SITE, START, Diary, answer

from etolwatch import jobs
from etolwatch.archive.store import Store
from etolwatch.config import Config
from etolwatch.harvest.past import bring_folder
from etolwatch.model import Exchange, Finding, PassState, Verdict

PAGE = f"{BASE}/a.htm"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def text(words: str) -> bytes:
    return (
        f"<html><head><title>T</title></head><body><p>{words}</p>"
        '<p class="updat">Last updated on 5 March 2010</p></body></html>'
    ).encode()


NEW_WORDS = text("The committee met on a Tuesday and decided nothing of weight.")
OLD_WORDS = text("The committee met on a Monday and decided nothing of weight.")


class Watching:
    """A store and what a pass and a comparison make of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = Config((SITE,), None, folder, None, (), folder / "config.toml")
        self.diary = Diary(folder)

    def look(self, exchange: Exchange) -> list[Finding]:
        with Store(self.folder) as store:
            store.begin_pass(["test"], self.diary.at)
            self.diary.keep(store, exchange)
            store.end_pass(PassState.COMPLETE, self.diary.at)
            return jobs.compare(store, self.config, threading.Event())

    def remember(self, saved: Path, body: bytes, at: datetime) -> list[Finding]:
        saved.mkdir(exist_ok=True)
        (saved / "a.htm").write_bytes(body)
        with Store(self.folder) as store:
            assert bring_folder(store, [SITE], saved, f"{BASE}/", NOW, at).captures == 1
            return jobs.compare(store, self.config, threading.Event())

    def findings(self, since: datetime | None = None) -> list[Finding]:
        with Store.read_only(self.folder) as store:
            return store.catalog.findings(since=since)


def test_an_unwitnessed_change_is_explained_by_the_past(tmp_path: Path) -> None:
    watching = Watching(tmp_path / "snapshots")
    page = replace(answer("/a.htm", NEW_WORDS, Last_Modified="Tue, 01 Jul 2014 00:00:00 GMT"))
    (first,) = watching.look(page)
    assert (first.verdict, "unwitnessed_change" in first.flags) == (Verdict.FIRST_CAPTURE, True)

    then = datetime(2011, 3, 4, tzinfo=UTC)
    assert watching.remember(tmp_path / "saved", OLD_WORDS, then) == []  # an import is no news
    oldest, ours = watching.findings()
    assert (oldest.verdict, oldest.captured_at) == (Verdict.FIRST_CAPTURE, then)
    assert (ours.verdict, ours.previous_at) == (Verdict.SILENT_EDIT, then)
    assert [(v.lemma, v.reading) for v in ours.variants] == [("Monday", "Tuesday")]
    assert "unwitnessed_change" not in ours.flags
    assert (ours.changed_after, ours.changed_until) == (then, datetime(2014, 7, 1, tzinfo=UTC))


def test_a_capture_put_between_two_takes_the_edit_upon_itself(tmp_path: Path) -> None:
    watching = Watching(tmp_path / "snapshots")
    watching.look(answer("/a.htm", OLD_WORDS))
    edited = watching.diary.at
    watching.diary.at = datetime(2026, 12, 1, tzinfo=UTC)
    (found,) = watching.look(answer("/a.htm", NEW_WORDS))
    assert (found.verdict, found.previous_at) == (Verdict.SILENT_EDIT, edited)

    between = datetime(2026, 11, 15, tzinfo=UTC)
    assert watching.remember(tmp_path / "saved", NEW_WORDS, between) == []
    first, brought = watching.findings()
    assert first.verdict is Verdict.FIRST_CAPTURE
    assert (brought.captured_at, brought.verdict) == (between, Verdict.SILENT_EDIT)
    assert watching.findings(since=START.replace(month=12)) == []


def test_an_edit_after_an_import_is_news(tmp_path: Path) -> None:
    watching = Watching(tmp_path / "snapshots")
    watching.remember(tmp_path / "saved", OLD_WORDS, datetime(2011, 3, 4, tzinfo=UTC))
    (found,) = watching.look(answer("/a.htm", NEW_WORDS))
    assert (found.verdict, found.previous_at) == (Verdict.SILENT_EDIT, datetime(2011, 3, 4, tzinfo=UTC))
