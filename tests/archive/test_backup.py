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
from etolwatch.errors import ArchiveError
from etolwatch.model import PassState


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lived(tmp_path / "snapshots", days=2)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "warc").iterdir() if path.is_file()}


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
    assert names == {"catalog.sqlite3", "manifest-sha256.txt", "reviews.jsonl", "told.sqlite3", "warc"}


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
    assert files(copy) == files(folder)


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
    made = back_up(folder, copy)
    assert [fault.file for fault in made.left] == [f"warc/{path.name}"]
    assert files(copy) == {name: data for name, data in good.items() if name != path.name}
    path.write_bytes(good[path.name])
    made = back_up(folder, copy)
    assert (made.copied, made.left, made.verified.holds) == (1, (), True)


def test_damage_of_the_copy_is_told_and_mended(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    back_up(folder, copy)
    path = sorted((copy / "warc").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert not back_up(folder, copy).verified.holds
    path.write_bytes(path.read_bytes()[:-1])
    assert back_up(folder, copy).verified.holds
    (aside,) = (copy / "warc" / "damaged").iterdir()  # not written over: it might have been the good one
    assert aside.read_bytes() == files(folder)[path.name][:-1]


def one_more(folder: Path, month: int) -> None:
    diary = Diary(folder)
    diary.at = diary.at.replace(month=month)
    with Store(folder) as store:
        one_day(store, diary, 3)


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_another_store_is_not_written_into(folder: Path, tmp_path: Path) -> None:
    """Not even where its files have the names of ours."""
    for days in (1, 2, 3):
        other = lived(tmp_path / str(days), days=days)
        assert {path.name for path in (other / "warc").iterdir()} & set(files(folder))
        before = everything(other)
        with pytest.raises(ArchiveError, match="another store"):
            back_up(folder, other)
        assert everything(other) == before


def test_a_copy_that_went_on_by_itself_is_not_written_into(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    back_up(folder, copy)
    one_more(copy, 12)
    before = everything(copy)
    with pytest.raises(ArchiveError, match=r"etolwatch-202612\d+\.warc\.gz"):
        back_up(folder, copy)
    assert everything(copy) == before


def test_what_is_damaged_does_not_stop_what_is_whole(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    one_more(folder, 12)
    first, second, third = (folder / "warc" / name for name in sorted(files(folder)))
    first.write_bytes(first.read_bytes()[:-7])
    second.unlink()
    made = back_up(folder, copy)
    assert [fault.file for fault in made.left] == [f"warc/{first.name}", f"warc/{second.name}"]
    assert files(copy) == {third.name: third.read_bytes()}
    assert {path.name for path in copy.iterdir()} == {
        "catalog.sqlite3",
        "manifest-sha256.txt",
        "told.sqlite3",
        "warc",
    }


def test_a_file_without_its_line_is_copied_if_the_chain_proves_it(folder: Path, tmp_path: Path) -> None:
    (folder / "manifest-sha256.txt").unlink()
    first, second = (folder / "warc" / name for name in sorted(files(folder)))
    data = bytearray(second.read_bytes())
    data[99] ^= 1
    second.write_bytes(data)
    copy = tmp_path / "copy"
    made = back_up(folder, copy)
    assert [fault.file for fault in made.left] == [f"warc/{second.name}"]
    assert files(copy) == {first.name: first.read_bytes()}


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_damaged_line_is_not_carried_into_the_copy(folder: Path, tmp_path: Path, is_ours: bool) -> None:
    copy = tmp_path / "copy"
    back_up(folder, copy)
    lines = (folder if is_ours else copy) / "manifest-sha256.txt"
    good = lines.read_bytes()
    lines.write_bytes((b"1" if good.startswith(b"0") else b"0") + good[1:])
    made = back_up(folder, copy)
    assert made.verified.holds, made.verified.faults
    assert len(made.left) == is_ours
    assert (copy / "manifest-sha256.txt").read_bytes() == good


def test_a_disk_that_takes_no_more_leaves_nothing_half_made(folder: Path, tmp_path: Path) -> None:
    """The catalog of the copy stays the old one, and nothing lies beside it."""
    copy = tmp_path / "copy"
    back_up(folder, copy)
    one_more(folder, 12)
    (copy / "warc" / "etolwatch-20261202040000.warc.gz.new").mkdir()  # what is to be written cannot be
    before = everything(copy)
    with pytest.raises(ArchiveError, match="cannot copy"):
        back_up(folder, copy)
    assert everything(copy) == before


def test_a_copy_inside_the_store_is_none(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="inside"):
        back_up(folder, folder / "copy")
    with pytest.raises(ArchiveError, match="missing"):
        back_up(tmp_path / "nothing", tmp_path / "copy")
    assert verify(folder).holds
