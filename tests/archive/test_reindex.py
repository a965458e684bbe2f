"""``reindex``: the catalog made again from the files alone is the one that was lost, row by row."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from archive.material import BASE, START, Diary, answer
from archive.stores import DAYS, config_of, lived, lose_catalog, one_day, page, rows
from archive.test_bring import Others, bring
from etolwatch import jobs, rereading
from etolwatch.archive import journal, reindex
from etolwatch.archive.journal import NoJournal
from etolwatch.archive.lock import Lock
from etolwatch.archive.store import Store
from etolwatch.archive.verify import Guard, verify
from etolwatch.errors import ArchiveError, LockHeld
from etolwatch.model import PassState
from etolwatch.rereading import Reindexed, reindexed, text_faults


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that tests leave as they found it."""
    return lived(tmp_path_factory.mktemp("reindex") / "snapshots")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be done with as one likes."""
    return shutil.copytree(made, tmp_path / "snapshots")


def again(folder: Path, processes: int = 0) -> Reindexed:
    return reindexed(config_of(folder), START, processes)


@pytest.mark.parametrize("processes", [0, 2])
def test_every_row_is_as_it_was(folder: Path, processes: int) -> None:
    before = rows(folder)
    assert all(before[table] for table in ("pass", "page", "visit", "finding", "robots", "trouble", "words"))
    made = again(folder, processes)
    assert (made.files, made.captures, made.compared, made.changes) == (DAYS, 10 * DAYS, True, ())
    after = rows(folder)
    for table, kept in before.items():
        assert after[table] == kept, table
    assert verify(folder).holds


def test_so_it_is_when_the_catalog_is_lost(folder: Path) -> None:
    before = rows(folder)
    lose_catalog(folder)
    assert not again(folder).compared
    assert rows(folder) == before


def test_so_it_is_when_the_next_pass_finds_it_lost(folder: Path) -> None:
    before = rows(folder)
    lose_catalog(folder)
    with Store(folder) as store:
        jobs.compare(store, config_of(folder), threading.Event())
    assert {table: len(kept) for table, kept in rows(folder).items()} == {
        t: len(k) for t, k in before.items()
    }
    for table in ("pass", "pass_site", "warc", "visit", "robots", "trouble", "page"):
        assert rows(folder)[table] == before[table], table


def test_long_files_are_shared_among_processes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(folder)
    monkeypatch.setattr(reindex, "_CHUNK_BYTES", 900)
    assert len(list(reindex._chunks(reindex.files(folder)[0]))) > 3
    again(folder, 2)
    assert rows(folder) == before


def test_what_others_captured_is_told_again(tmp_path: Path) -> None:
    folder = lived(tmp_path / "snapshots", days=2)
    others = Others(tmp_path / "old.warc.gz")
    others.response("/1.htm", page(1, 0).replace(b"kept", b"lost"))
    others.revisit("/1.htm", "sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "2012-01-01T00:00:00Z")
    others.response("/still.htm", b"<p>Of long ago.</p>", "2013-01-01T00:00:00Z")
    bring(folder, others.done())
    diary = Diary(folder)
    diary.at = diary.at.replace(month=12)
    with Store(folder) as store:
        jobs.compare(store, config_of(folder), threading.Event())
        one_day(store, diary, 2)
        jobs.compare(store, config_of(folder), threading.Event())
    assert verify(folder).holds, verify(folder).faults
    before = rows(folder)
    assert again(folder).changes == ()
    for table, kept in before.items():
        assert rows(folder)[table] == kept, table
    assert verify(folder).holds, verify(folder).faults


def test_files_are_told_in_the_order_of_closing(tmp_path: Path) -> None:
    """The clock was set back between two passes: the names do not tell which came first."""
    folder, diary = tmp_path / "snapshots", Diary(tmp_path)
    with Store(folder) as store:
        for year in (2026, 2020, 2024):
            diary.at = START.replace(year=year)
            store.begin_pass(["test"], diary.at)
            diary.keep(store, answer("/a.htm", b"<p>Of %d.</p>" % year))
            store.end_pass(PassState.COMPLETE, diary.at)
        jobs.compare(store, config_of(folder), threading.Event())
    years = [path.name[len("etolwatch-") :][:4] for path in reindex.files(folder)]
    assert years == ["2026", "2020", "2024"]
    before = rows(folder)
    again(folder)
    assert rows(folder) == before


def test_an_unfinished_pass_goes_on(folder: Path) -> None:
    diary = Diary(folder)
    diary.at = START.replace(month=12)
    with Store(folder) as store:
        run = store.begin_pass(["test"], diary.at)
        diary.keep(store, answer("/0.htm", b"<p>Of another day.</p>"))
    again(folder)
    with Store(folder) as store:
        assert store.begin_pass(["test"], diary.at) == replace(
            run, visited=1, captured=1, started_at=run.started_at
        )
        assert store.catalog.visited(run.pass_id) == {f"{BASE}/0.htm"}


def test_other_rules_change_findings_and_make_no_edits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.read_only(folder) as store:
        before = store.catalog.findings()
    monkeypatch.setattr("etolwatch.collate.compare.RULES", "other rules 2")
    assert again(folder).changes == ()  # another name alone is no other judgement
    with closing(sqlite3.connect(folder / "catalog.sqlite3")) as db:
        sql = (
            "SELECT capture, body FROM finding WHERE verdict = 'silent_edit' OR verdict LIKE '%edit%' LIMIT 1"
        )
        capture, body = db.execute(sql).fetchone()
        wrong = json.dumps({**json.loads(body), "verdict": "cosmetic"})
        db.execute("UPDATE finding SET body = ?, verdict = 'cosmetic' WHERE capture = ?", (wrong, capture))
        db.commit()
    (change,) = again(folder).changes
    assert change.before is not None
    assert change.after is not None
    assert change.before.verdict.value == "cosmetic"
    assert change.after.captured_at == change.before.captured_at
    with Store(folder) as store:
        after = store.catalog.findings()
        assert [replace(finding, normaliser="") for finding in after] == [
            replace(finding, normaliser="") for finding in before
        ]
        assert jobs.compare(store, config_of(folder), threading.Event()) == []


def test_texts_and_findings_are_derived_again_and_compared(folder: Path) -> None:
    config = config_of(folder)
    assert text_faults(config, 0) == []
    before = rows(folder)
    with closing(sqlite3.connect(folder / "catalog.sqlite3", isolation_level=None)) as db:
        db.execute("UPDATE passage SET text = text || ' forged' WHERE id = 1")
        db.execute("DELETE FROM finding WHERE capture = (SELECT max(capture) FROM finding)")
    faults = text_faults(config, 0)
    assert {fault.guard for fault in faults} == {Guard.TEXT}
    assert any("is none, and" in fault.what for fault in faults)
    assert any("searched" in fault.what for fault in faults)
    assert len(rows(folder)["finding"]) == len(before["finding"]) - 1  # nothing was changed by it


def test_the_old_catalog_stands_until_the_new_one_is_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(folder)

    def fail(*_: object) -> None:
        raise ArchiveError("no space left")

    monkeypatch.setattr(rereading, "judge_all", fail)
    with pytest.raises(ArchiveError, match="no space"):
        again(folder)
    assert rows(folder) == before
    assert sorted(path.name for path in folder.iterdir() if "new" in path.name) == []


def test_a_damaged_catalog_is_replaced(folder: Path) -> None:
    before = rows(folder)
    (folder / "catalog.sqlite3").write_bytes(b"no database" * 999)
    (folder / "catalog.sqlite3-wal").write_bytes(b"nor its log" * 99)
    with pytest.raises(ArchiveError, match="etolwatch reindex"):
        Store(folder).__enter__()
    assert not again(folder).compared
    assert rows(folder) == before


def test_damage_in_a_file_costs_only_what_is_damaged(folder: Path) -> None:
    path = reindex.files(folder)[-1]
    with Store.read_only(folder) as store:
        capture = store.catalog.captures(f"{BASE}/2.htm")[-1]
    data = bytearray(path.read_bytes())
    data[capture.offset + 30] ^= 1
    path.write_bytes(data)
    assert again(folder).captures == 10 * DAYS - 1
    with Store(folder) as store:
        assert len(store.catalog.captures(f"{BASE}/2.htm")) == DAYS - 1
    assert path.read_bytes() == bytes(data)


def test_nothing_is_done_while_a_pass_runs(folder: Path) -> None:
    lock = Lock(folder / "lock")
    lock.acquire(START)
    with pytest.raises(LockHeld):
        again(folder)
    with pytest.raises(LockHeld):
        text_faults(config_of(folder), 0)
    lock.release()


def test_an_older_catalog_is_named_with_what_to_do(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "catalog.sqlite3")) as db:
        db.execute("PRAGMA user_version = 1")
    with pytest.raises(ArchiveError, match="etolwatch reindex"):
        Store(folder).__enter__()
    again(folder)
    with Store(folder):
        pass


def test_a_journal_survives_its_record(made: Path) -> None:
    with Store.read_only(made) as store:
        for run in store.catalog.passes():
            noted = store.catalog.journal(run.pass_id)
            assert journal.from_json(journal.to_json(noted)) == noted
    for block in (b"", b"[]", b"{}", b'{"etolwatch-journal": 99}'):
        with pytest.raises(NoJournal):
            journal.from_json(block)
