"""The list of findings: what is derived of each, kept with it, dropped with it, and made again the same."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.material import BASE, START, Diary, answer
from archive.stores import config_of, lived, rows
from etolwatch import jobs
from etolwatch.archive.findings import Wanted, author_folder, words_changed
from etolwatch.archive.store import Store
from etolwatch.model import Finding, PassState, Verdict
from etolwatch.rereading import reindexed

NAMES = [f"/archive/pearce/{name}.htm" for name in ("one", "two", "three", "four")]


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("https://www.marxists.org/archive/pearce/1958/08/export.htm", "https://www.marxists.org/archive/pearce/"),
        ("https://www.marxists.org/archive/pearce/index.htm", "https://www.marxists.org/archive/pearce/"),
        ("https://www.marxists.org/archive/lenin/works/1917/staterev/ch01.htm", "https://www.marxists.org/archive/lenin/"),
        ("https://www.marxists.org/history/etol/writers/draper/1953/xx/x.htm", "https://www.marxists.org/history/etol/writers/draper/"),
        ("https://www.marxists.org/history/etol/document/fi/1938-1949/a.htm", "https://www.marxists.org/history/etol/document/fi/"),
        ("https://www.marxists.org/archive/index.htm", "https://www.marxists.org/archive/"),
        ("https://x.example/", "https://x.example/"),
        ("https://x.example/a/b/c/d/e/f.htm?y=/z/", "https://x.example/a/b/c/d/"),
    ],
)  # fmt: skip
def test_the_folder_of_an_author_is_where_the_works_lie(uri: str, folder: str) -> None:
    assert author_folder(uri) == folder
    assert uri.startswith(folder)


def page(word: str, date: str = "11.10.2011") -> bytes:
    return (
        f"<html><body><h1>A page</h1><p>The {word} of the harbour lit the lamps at dusk.</p>"
        f"<p class='updat'>Last updated on {date}</p></body></html>"
    ).encode()


class Days:
    """A store to which a day is added whenever it is told what the pages say."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.diary = folder, Diary(folder)

    def add(self, bodies: dict[str, bytes]) -> None:
        with Store(self.folder) as store:
            store.begin_pass(["test"], self.diary.at)
            for path, body in bodies.items():
                self.diary.keep(store, answer(path, body))
            store.end_pass(PassState.COMPLETE, self.diary.at)
            jobs.compare(store, config_of(self.folder), threading.Event())


@pytest.fixture
def days(tmp_path: Path) -> Days:
    """Four pages on which the same word was exchanged on the second day, on the first three."""
    found = Days(tmp_path / "store")
    found.add(dict.fromkeys(NAMES, page("keepers")))
    found.add(dict.fromkeys(NAMES[:3], page("wardens")))
    return found


def seqs(folder: Path, wanted: Wanted) -> list[int]:
    with Store.read_only(folder) as store:
        return store.catalog.found.members(wanted, 0, -1)


def told(folder: Path, wanted: Wanted) -> list[Finding]:
    with Store.read_only(folder) as store:
        return list(store.catalog.found.told(store.catalog.found.members(wanted, 0, -1)).values())


def test_the_same_on_three_pages_is_shared(days: Days) -> None:
    with Store.read_only(days.folder) as store:
        (row,) = store.catalog.found.shared(Wanted())
        assert (row.verdict, row.count) == (Verdict.SILENT_EDIT, 3)
        assert store.catalog.found.alone(Wanted(), Verdict.SILENT_EDIT, 0, 10) == []
        assert len(store.catalog.found.members(Wanted(signature=row.signature), 0, -1)) == 3


def test_on_two_pages_it_is_not(tmp_path: Path) -> None:
    two = Days(tmp_path / "store")
    two.add(dict.fromkeys(NAMES, page("keepers")))
    two.add(dict.fromkeys(NAMES[:2], page("wardens")))
    with Store.read_only(two.folder) as store:
        assert store.catalog.found.shared(Wanted()) == []
        assert len(store.catalog.found.alone(Wanted(), Verdict.SILENT_EDIT, 0, 10)) == 2


def test_a_judgement_made_anew_replaces_the_old_one_with_all_that_hung_on_it(days: Days) -> None:
    with Store(days.folder) as store:
        (_, capture) = store.catalog.captures(BASE + NAMES[0])
        finding = store.catalog.finding(capture)
        assert finding
        other = replace(finding.variants[0], lemma="keepers", reading="watchmen")
        base = store.catalog.previous_version(capture)
        store.catalog.add_finding(capture, base, replace(finding, variants=(other,)))
    assert [f.uri for f in told(days.folder, Wanted(words="watchmen"))] == [BASE + NAMES[0]]
    assert BASE + NAMES[0] not in [f.uri for f in told(days.folder, Wanted(words="wardens"))]
    with Store.read_only(days.folder) as store:  # two are left that tell the same
        assert store.catalog.found.shared(Wanted()) == []


def test_a_finding_that_is_dropped_leaves_nothing(days: Days) -> None:
    with Store(days.folder) as store, store.catalog.transaction():
        store.catalog.found.forget(seqs(days.folder, Wanted(words="wardens"))[:1])
    assert len(seqs(days.folder, Wanted(words="wardens"))) == 2
    assert len(seqs(days.folder, Wanted(verdicts=(Verdict.SILENT_EDIT,)))) == 2
    with Store.read_only(days.folder) as store:
        assert store.catalog.found.shared(Wanted()) == []


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Wanted(words="wardens"), 3),
        (Wanted(words="Wardens"), 3),
        (Wanted(words="wardens", side="added"), 3),
        (Wanted(words="wardens", side="removed"), 0),
        (Wanted(words="keepers", side="removed"), 3),
        (Wanted(words="keepers wardens"), 0),  # of two sides is no phrase
        (Wanted(words="harbour"), 0),  # it stands there on both sides
        (Wanted(words="pearce/two"), 1),  # an address
        (Wanted(words="pearce/two", side="added"), 0),
        (Wanted(words='"'), 0),
        (Wanted(words="%"), 0),
        (Wanted(site="test"), 3),
        (Wanted(site="other"), 0),
        (Wanted(folder=f"{BASE}/archive/pearce/"), 3),
        (Wanted(folder=f"{BASE}/archive/"), 0),
        (Wanted(since=datetime(2027, 1, 1, tzinfo=UTC)), 0),
        (Wanted(until=START), 0),
        (Wanted(since=START), 3),
        (Wanted(verdicts=(Verdict.FIRST_CAPTURE,), counted=True), 4),
        (Wanted(verdicts=(Verdict.FIRST_CAPTURE,)), 0),
        (Wanted(counted=True), 7),
        (Wanted(signature="0" * 16), 0),
    ],
)  # fmt: skip
def test_each_filter_keeps_what_it_says(days: Days, wanted: Wanted, count: int) -> None:
    assert len(seqs(days.folder, wanted)) == count


def test_two_variants_are_no_phrase(tmp_path: Path) -> None:
    found = Days(tmp_path / "store")
    found.add({"/a.htm": page("keepers").replace(b"dusk", b"dawn")})
    found.add({"/a.htm": page("wardens")})
    (finding,) = told(found.folder, Wanted())
    assert words_changed(finding) == ("keepers \u00b6 dawn", "wardens \u00b6 dusk")
    assert len(seqs(found.folder, Wanted(words="wardens"))) == 1
    assert seqs(found.folder, Wanted(words="wardens dusk")) == []


def test_reindex_makes_every_row_again(tmp_path: Path) -> None:
    folder = lived(tmp_path / "store")
    before = rows(folder)
    reindexed(config_of(folder), START, processes=0)
    after = rows(folder)
    assert len(before["finding"]) > 10
    for table in ("finding", "folder", "said"):
        assert after[table] == before[table], table


def test_the_index_of_words_is_whole(days: Days) -> None:
    with closing(sqlite3.connect(days.folder / "catalog.sqlite3")) as db:
        db.execute("CREATE VIRTUAL TABLE temp.said USING fts5vocab (main, finding_words, col)")
        said = {(term, col): doc for term, col, doc, _ in db.execute("SELECT * FROM said")}
    assert said == {("keepers", "removed"): 3, ("wardens", "added"): 3}
