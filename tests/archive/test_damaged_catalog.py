"""A catalog that is damaged, or says what the files do not: found, and the way out is named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archive.material import START
from archive.stores import config_of, lived
from etolwatch import rereading
from etolwatch.archive import disk
from etolwatch.archive.backup import back_up
from etolwatch.archive.catalog import Catalog, trouble_with
from etolwatch.archive.naming import CATALOG
from etolwatch.archive.store import Store
from etolwatch.archive.verify import Guard, verify
from etolwatch.errors import ArchiveError

OTHERWISE = [
    "UPDATE capture SET outcome = 'gone' WHERE seq = (SELECT min(seq) FROM capture)",
    "UPDATE capture SET status = 404 WHERE seq = (SELECT max(seq) FROM capture)",
    "UPDATE finding SET verdict = 'silent_edit' WHERE capture = (SELECT min(capture) FROM finding)",
]
# No file says these by itself: only the whole past, told again, does.
OTHERWISE_AS_A_WHOLE = [
    "UPDATE page SET first_seen_at = '1999-01-01T00:00:00.000000Z' WHERE id = 1",
    "UPDATE page SET last_outcome = 'gone' WHERE id = 1",
    "UPDATE robots SET body = 'User-agent: *' || char(10) || 'Disallow: /'",
    "UPDATE visit SET message = 'never said' WHERE pass = 1 AND page = 1",
    "UPDATE finding SET is_listed = 1 - is_listed WHERE capture = (SELECT min(capture) FROM finding)",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lived(tmp_path / "snapshots", days=2)


def tell(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / "catalog.sqlite3")) as db:
        changed = db.execute(sql).rowcount
        db.commit()
    assert changed > 0


@pytest.mark.parametrize("sql", OTHERWISE)
def test_what_a_record_does_not_say_is_found(folder: Path, sql: str) -> None:
    tell(folder, sql)
    faults = verify(folder).faults
    assert [fault.guard for fault in faults] == [Guard.CATALOG]
    assert "etolwatch reindex" in faults[0].what


@pytest.mark.parametrize("sql", OTHERWISE + OTHERWISE_AS_A_WHOLE)
def test_what_the_files_as_a_whole_do_not_say_is_found(folder: Path, sql: str) -> None:
    assert rereading.text_faults(config_of(folder), 0) == []
    tell(folder, sql)
    assert rereading.text_faults(config_of(folder), 0) != []
    rereading.reindexed(config_of(folder), START, 0)
    assert rereading.text_faults(config_of(folder), 0) == []


def test_a_catalog_of_other_bytes_is_named_with_the_way_out(folder: Path) -> None:
    path = folder / "catalog.sqlite3"
    whole = path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        page_bytes = db.execute("PRAGMA page_size").fetchone()[0]
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'capture'").fetchone()
    begin = (root - 1) * page_bytes
    path.write_bytes(whole[:begin] + b"\xa5" * page_bytes + whole[begin + page_bytes :])
    with pytest.raises(ArchiveError, match="etolwatch reindex"), Store.read_only(folder) as store:
        store.catalog.captures(store.catalog.resolve("0.htm"))


def test_a_full_disk_is_no_damage(folder: Path) -> None:
    def fill(store: Store) -> None:
        store.catalog._db.execute("PRAGMA max_page_count = 1")
        with store.catalog.transaction():
            store.catalog._db.execute("CREATE TABLE more AS SELECT randomblob(1000000) AS bytes")

    with Store(folder) as store, pytest.raises(ArchiveError, match="full") as caught:
        fill(store)
    assert "reindex" not in str(caught.value)


@pytest.mark.parametrize("table", ["capture", "warc", "pass"])
def test_a_backup_names_the_damaged_catalog_and_the_way_out(folder: Path, tmp_path: Path, table: str) -> None:
    """Not the copy that it makes of it."""
    path = folder / CATALOG
    with closing(sqlite3.connect(path)) as db:
        page_bytes = db.execute("PRAGMA page_size").fetchone()[0]
        sql = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        (root,) = db.execute(sql, (table,)).fetchone()
    data = bytearray(path.read_bytes())
    data[(root - 1) * page_bytes : root * page_bytes] = b"\xa5" * page_bytes
    path.write_bytes(data)
    with pytest.raises(ArchiveError) as caught:
        back_up(folder, tmp_path / "copy")
    assert caught.value.subject == str(path)
    assert "etolwatch reindex" in caught.value.cause


def test_a_catalog_that_is_cut_off_while_it_is_copied_is_the_one_named(folder: Path, tmp_path: Path) -> None:
    path = folder / CATALOG
    with closing(Catalog.read_only(path)) as catalog:
        path.write_bytes(path.read_bytes()[:9000])
        with pytest.raises(ArchiveError) as caught:
            catalog.copy_to(tmp_path / "copy")
    assert caught.value.subject == str(path)
    assert "etolwatch reindex" in caught.value.cause


def test_a_full_disk_is_named_and_room_is_asked_for(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "full")) as db:
        db.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as full:
            db.execute("CREATE TABLE t (x)")
    said = str(trouble_with(tmp_path / CATALOG, full.value))
    assert "full" in said
    assert "make room" in said
    assert "reindex" not in said
    with pytest.raises(OSError, match="space") as caught, Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")
    assert "make room" in disk.cause(caught.value)
    with pytest.raises(OSError, match="directory") as caught:
        (tmp_path / "none").read_bytes()
    assert disk.cause(caught.value) == "No such file or directory"
