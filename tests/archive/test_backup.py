"""``backup``: a copy that is a store, made at any time, and never worse than what it was before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archive.material import BASE, Diary, answer
from archive.stores import lived, one_day
from etolwatch.archive.backup import back_up
from etolwatch.archive.store import Store
from etolwatch.archive.verify import verify
from etolwatch.errors import ArchiveError, FixityError
from etolwatch.model import PassState


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lived(tmp_path / "snapshots", days=2)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "warc").iterdir()}


def test_the_copy_is_the_store(folder: Path, tmp_path: Path) -> None:
    (folder / "reviews.jsonl").write_text("{}\n")
    made = back_up(folder, tmp_path / "copy")
    assert made.verified.holds
    assert (made.copied, made.kept) == (2, 0)
    assert files(tmp_path / "copy") == files(folder)
    assert (tmp_path / "copy" / "reviews.jsonl").read_text() == "{}\n"
    with Store.read_only(folder) as one, Store.read_only(tmp_path / "copy") as other:
        assert one.catalog.findings() == other.catalog.findings()
    names = {path.name for path in (tmp_path / "copy").iterdir()}
    assert names == {"catalog.sqlite3", "manifest-sha256.txt", "reviews.jsonl", "warc"}


def test_only_what_is_new_is_copied(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    back_up(folder, copy)
    diary = Diary(folder)
    diary.at = diary.at.replace(month=12)
    with Store(folder) as store:
        one_day(store, diary, 3)
    before = {path: path.stat().st_ino for path in (copy / "warc").iterdir()}
    made = back_up(folder, copy)
    assert (made.copied, made.kept) == (1, 2)
    assert all(path.stat().st_ino == inode for path, inode in before.items())
    assert files(copy) == files(folder)


def test_while_a_pass_runs_and_after_it(folder: Path, tmp_path: Path) -> None:
    copy, diary = tmp_path / "copy", Diary(folder)
    diary.at = diary.at.replace(month=12)
    with Store(folder) as store:
        run = store.begin_pass(["test"], diary.at)
        diary.keep(store, answer("/0.htm", b"<p>Of another day.</p>"))
        path = store.warc_folder / f"etolwatch-{run.pass_id}.warc.gz.open"
        with path.open("ab") as file:
            file.write(b"\x1f\x8b")  # a record that is just being written
        made = back_up(folder, copy)
        assert made.verified.holds, made.verified.faults
        with Store.read_only(copy) as reader:
            assert reader.catalog.captures(f"{BASE}/0.htm") == store.catalog.captures(f"{BASE}/0.htm")
        diary.keep(store, answer("/1.htm", b"<p>Of another day.</p>"))
        path.write_bytes(path.read_bytes().replace(b"\x1f\x8b\x1f\x8b", b"\x1f\x8b", 1))
    with Store(folder) as store:
        store.begin_pass(["test"], diary.at)
        store.end_pass(PassState.COMPLETE, diary.at)
    assert back_up(folder, copy).verified.holds
    assert files(copy) == {k: v for k, v in files(folder).items() if k != "torn"}


def test_damage_is_not_carried_into_the_copy(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    back_up(folder, copy)
    path = sorted((folder / "warc").iterdir())[0]
    data = bytearray(path.read_bytes())
    data[99] ^= 1
    path.write_bytes(data)
    good = files(copy)
    back_up(folder, copy)
    assert files(copy) == good
    shutil.rmtree(copy)
    with pytest.raises(FixityError, match=path.name):
        back_up(folder, copy)


def test_damage_of_the_copy_is_told_and_mended(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    back_up(folder, copy)
    path = sorted((copy / "warc").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert not back_up(folder, copy).verified.holds
    path.write_bytes(path.read_bytes()[:-1])
    assert back_up(folder, copy).verified.holds


def test_a_copy_inside_the_store_is_none(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="inside"):
        back_up(folder, folder / "copy")
    with pytest.raises(ArchiveError, match="missing"):
        back_up(tmp_path / "nothing", tmp_path / "copy")
    assert verify(folder).holds
