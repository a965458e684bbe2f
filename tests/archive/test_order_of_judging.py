"""What a finding says hangs on what was captured by then, not on when it came to be judged."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from archive.material import BASE, START, Diary, answer
from archive.stores import config_of
from archive.test_bring import Others, bring
from etolwatch import jobs, rereading
from etolwatch.archive.store import Store
from etolwatch.model import Finding, PassState


def text(number: int, words: str) -> bytes:
    lines = [f"<p>Line {line} of page {number}, of which nobody changes a word.</p>" for line in range(9)]
    return ("".join(lines) + f"<p>{words}</p>").encode()


def one_pass(store: Store, diary: Diary, *pages: tuple[int, str]) -> None:
    store.begin_pass(["test"], diary.at)
    for number, words in pages:
        diary.keep(store, answer(f"/{number}.htm", text(number, words)))
    store.end_pass(PassState.COMPLETE, diary.at)


def judge(store: Store, folder: Path) -> list[Finding]:
    return jobs.compare(store, config_of(folder), threading.Event())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


def holds(folder: Path) -> None:
    """The whole past, judged again, says the same."""
    assert rereading.text_faults(config_of(folder), 0) == []
    assert rereading.reindexed(config_of(folder), START, 0).changes == ()


def test_a_word_that_others_captures_bring_to_two_pages(folder: Path, tmp_path: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        one_pass(store, diary, (1, "The worker stood there."), (2, "Another page."))
        judge(store, folder)
    others = Others(tmp_path / "words.warc.gz")
    for month, words in enumerate(("The worker stands.", "The worker stays.", "The wroker stays."), 1):
        others.response("/1.htm", text(1, words), f"2011-0{month}-01T00:00:00Z")
    others.response("/2.htm", text(2, "The wroker is here."), "2011-01-01T00:00:00Z")
    bring(folder, others.done())
    with Store(folder) as store:
        judge(store, folder)
    holds(folder)


def test_two_passes_that_are_judged_at_once(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        one_pass(store, diary, *((number, "The paragraph ends.") for number in range(1, 5)))
        judge(store, folder)
        one_pass(store, diary, (4, "The paragarph ends."))  # and whoever was to judge it was killed
        one_pass(store, diary, (2, "The paragarph ends."), (3, "The paragarph ends."))
        judge(store, folder)
    holds(folder)


def test_a_page_that_moved_is_read_where_it_had_moved_to(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        one_pass(store, diary, (0, "Many lamps."), (1, "Many lamps."))
        judge(store, folder)
        store.begin_pass(["test"], diary.at)
        diary.keep(store, answer("/0.htm", b"", 301, Location="/1.htm"))
        store.end_pass(PassState.COMPLETE, diary.at)
        one_pass(store, diary, (1, "Some lamps."))
        moved = next(one for one in judge(store, folder) if one.uri == f"{BASE}/0.htm")
    assert not any("Some" in variant.reading for variant in moved.variants)
    holds(folder)
