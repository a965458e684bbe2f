"""One damaged record: its page is named and not judged, all others are, and it is made good later."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from archive.material import BASE, START, Diary, answer
from archive.stores import config_of
from etolwatch import jobs, rereading
from etolwatch.archive.store import Store
from etolwatch.model import Capture, Finding, PassState

PAGES = ("/a.htm", "/b.htm", "/c.htm")


def one_pass(store: Store, diary: Diary, word: str) -> None:
    store.begin_pass(["test"], diary.at)
    for path in PAGES:
        body = f"<p>The lamps of the {word} keepers hang upon the wall.</p>" * 9
        diary.keep(store, answer(path, body.encode()))
    store.end_pass(PassState.COMPLETE, diary.at)


def judged(folder: Path) -> tuple[list[Finding], list[jobs.Unreadable]]:
    damaged: list[jobs.Unreadable] = []
    with Store(folder) as store:
        return jobs.compare(store, config_of(folder), threading.Event(), damaged.append), damaged


def break_bytes(folder: Path, capture: Capture, part: float = 0.5) -> bytes:
    """Flips a byte of a record, by default one in its middle; gives back the whole file as it was."""
    path = folder / "warc" / capture.warc
    whole = path.read_bytes()
    place = capture.offset + int(capture.length * part)
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
    return whole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A first pass that is judged, and a second, in which each page has changed, that is not."""
    folder, diary = tmp_path / "snapshots", Diary(tmp_path)
    with Store(folder) as store:
        one_pass(store, diary, "old")
        jobs.compare(store, config_of(folder), threading.Event())
        one_pass(store, diary, "young")
    return folder


@pytest.mark.parametrize("part", [0, 0.5, 0.99])
@pytest.mark.parametrize("which", [0, -1], ids=["the version before", "the new version"])
def test_the_others_are_judged(folder: Path, which: int, part: float) -> None:
    with Store.read_only(folder) as store:
        capture = store.catalog.captures(f"{BASE}/b.htm")[which]
    whole = break_bytes(folder, capture, part)
    findings, damaged = judged(folder)
    assert [finding.uri for finding in findings] == [f"{BASE}/a.htm", f"{BASE}/c.htm"]
    assert [one.capture.uri for one in damaged] == [f"{BASE}/b.htm"]
    said = str(damaged[0])
    assert f"at byte {capture.offset}" in said
    assert "--repair-from" in said
    assert len(said) < 500  # not the bytes themselves
    (folder / "warc" / capture.warc).write_bytes(whole)
    findings, damaged = judged(folder)
    assert ([finding.uri for finding in findings], damaged) == ([f"{BASE}/b.htm"], [])


def test_reindex_names_it_and_goes_on(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    judged(folder)
    with Store.read_only(folder) as store:
        capture = store.catalog.captures(f"{BASE}/b.htm")[-1]
    break_bytes(folder, capture)
    made = rereading.reindexed(config_of(folder), START, 0)
    assert made.captures == 5  # of six
    assert f"{capture.warc} at byte {capture.offset}" in caplog.text
    assert [change.finding.uri for change in made.changes] == [f"{BASE}/b.htm"]
