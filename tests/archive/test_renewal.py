"""A catalog that an earlier etolwatch made is made again by whoever writes; the old one stands until then."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from archive.material import START
from archive.stores import DAYS, config_of, lived, rows
from etolwatch import rereading
from etolwatch.archive import journal
from etolwatch.archive.naming import CATALOG
from etolwatch.archive.schema import VERSION
from etolwatch.archive.store import Store, has_older_catalog
from etolwatch.archive.verify import verify
from etolwatch.daemon import overdue
from etolwatch.errors import ArchiveError, OlderCatalog
from etolwatch.watch import watch

SLOWLY = """
import sys, threading, time
from datetime import UTC, datetime
from pathlib import Path
from archive.stores import config_of
from etolwatch import jobs, rereading

judged = jobs.judged
def slowly(*words):
    print("judging", flush=True)
    time.sleep(0.2)
    return judged(*words)
jobs.judged = slowly
rereading.reindexed(config_of(Path(sys.argv[1])), datetime.now(UTC), 0)
"""


def version_of(folder: Path) -> int:
    with closing(sqlite3.connect(folder / CATALOG)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store whose catalog lacks what the tables of today have."""
    made = lived(tmp_path / "snapshots")
    with closing(sqlite3.connect(made / CATALOG)) as db:
        db.execute("DROP INDEX page_needed")
        for table, column in (("page", "needed_in"), ("page", "requisite"), ("pass", "requisites")):
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        db.execute(f"PRAGMA user_version = {VERSION - 1}")
    return made


def stop() -> threading.Event:
    return threading.Event()


def test_a_pass_makes_it_again_and_says_so_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert has_older_catalog(folder)
    config = replace(config_of(folder), sites=())
    with caplog.at_level(logging.WARNING, "etolwatch"):
        made = watch(config, (), stop())
    assert [record.getMessage() for record in caplog.records] == [
        "the catalog is that of an earlier etolwatch: it is made again, which takes a while"
    ]
    assert made.findings == ()  # nothing of the past is news
    assert version_of(folder) == VERSION
    with Store.read_only(folder) as store:
        assert store.catalog.figures()[0] == 10 * DAYS
    assert verify(folder).faults == ()


def test_nothing_is_made_again_twice(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = replace(config_of(folder), sites=())
    watch(config, (), stop())
    caplog.clear()
    assert not has_older_catalog(folder)
    watch(config, (), stop())
    assert "made again" not in caplog.text


def test_whoever_reads_is_told_what_to_do(folder: Path) -> None:
    with pytest.raises(OlderCatalog, match=r"etolwatch check.*etolwatch reindex"):
        Store.read_only(folder)
    assert version_of(folder) == VERSION - 1


def test_the_daemon_makes_a_pass_at_once(folder: Path) -> None:
    config = config_of(folder)
    assert overdue(config, START) == list(config.sites)


def test_a_newer_catalog_is_left_alone(folder: Path) -> None:
    with closing(sqlite3.connect(folder / CATALOG)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(ArchiveError, match="newer etolwatch"):
        watch(replace(config_of(folder), sites=()), (), stop())
    assert version_of(folder) == VERSION + 1


def test_a_stop_leaves_the_old_one(folder: Path) -> None:
    before = (folder / CATALOG).read_bytes()
    stopped = stop()
    stopped.set()
    with pytest.raises(OlderCatalog, match="interrupted"):
        watch(config_of(folder), (), stopped)
    assert (folder / CATALOG).read_bytes() == before
    assert [path.name for path in folder.iterdir() if "new" in path.name] == []


def test_killed_in_between_the_old_one_stands_and_the_next_makes_it_again(folder: Path) -> None:
    before = (folder / CATALOG).read_bytes()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    command = [sys.executable, "-c", SLOWLY, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline() == "judging\n"
        process.send_signal(signal.SIGKILL)
    assert (folder / CATALOG).read_bytes() == before
    assert (folder / f"{CATALOG}.new").exists()
    with pytest.raises(OlderCatalog):
        Store.read_only(folder)
    assert rereading.renewed(config_of(folder), START, stop())
    assert version_of(folder) == VERSION
    assert [path.name for path in folder.iterdir() if "new" in path.name] == []
    assert verify(folder).faults == ()


def test_journals_of_before_are_read(folder: Path) -> None:
    rereading.renewed(config_of(folder), START, stop())
    with Store.read_only(folder) as store:
        noted = store.catalog.journal(store.catalog.passes()[0].pass_id)
    block = json.loads(journal.to_json(noted))
    block["etolwatch-journal"] = 1
    block["run"] = block["run"][:11]
    block["pages"] = [row[:4] for row in block["pages"]]
    assert noted.pages
    assert journal.from_json(json.dumps(block).encode()) == noted
    assert rows(folder)["page"]
