"""What a machine can do to a store: a full disk, a read-only one, a clock set back, a crash at any byte."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from archive.material import BASE, START, Diary, answer
from archive.stores import config_of, lived, lose_catalog
from etolwatch import jobs
from etolwatch.archive import reindex
from etolwatch.archive.backup import back_up
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.members import members
from etolwatch.archive.store import Store
from etolwatch.archive.verify import Guard, verify
from etolwatch.errors import ArchiveError
from etolwatch.model import PassState
from etolwatch.rereading import reindexed

TESTS = Path(__file__).resolve().parents[1]
CUTS = 40

# Keeps pages until the disk takes no more; prints the record ids that were acknowledged, then the error.
FILL = """
import json, os, sys
from pathlib import Path
from archive.material import START, Diary, answer
from etolwatch.archive.store import Store
from etolwatch.errors import ArchiveError
kept, diary = [], Diary(Path(sys.argv[1]))
try:
    with Store(diary.folder) as store:
        store.begin_pass(["test"], START)
        for number in range(999):
            body = os.urandom(2000).hex().encode()
            kept.append(diary.keep(store, answer(f"/{number}.htm", body)).record_id)
except ArchiveError as error:
    print(json.dumps([kept, str(error)]))
"""


def filled(folder: Path, limit_bytes: int) -> tuple[list[str], str]:
    """What was acknowledged before no file could grow beyond so many bytes; and what was said of it."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    done = subprocess.run(
        [sys.executable, "-c", FILL, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        preexec_fn=limit,
    )
    kept, said = json.loads(done.stdout)
    return kept, said


@pytest.mark.parametrize("limit_bytes", [300_000, 301_234, 444_444])
def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path, limit_bytes: int) -> None:
    folder = tmp_path / "snapshots"
    folder.mkdir()
    with Store(folder):
        pass  # the catalog is made while there is room
    kept, said = filled(folder, limit_bytes)
    assert kept
    assert "cannot" in said
    with Store(folder) as store:
        held = [store.catalog.capture(record_id) for record_id in kept]
        assert all(store.payload(capture).body for capture in held)
        run = store.begin_pass(["test"], START)
        assert run.visited - len(kept) in (0, 1)  # at most one is there that nobody was told of
        store.end_pass(PassState.COMPLETE, START)
    assert verify(folder).holds


@contextmanager
def unwritable(folder: Path) -> Iterator[Path]:
    """A copy of the store where nobody can write, for root by a file system that is mounted so."""
    place = folder.parent / "read-only"
    if os.geteuid():
        shutil.copytree(folder, place)
        for path in (*place.rglob("*"), place):
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield place
        for path in (place, *place.rglob("*")):
            path.chmod(0o755)
        return
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("root may write anywhere, and no file system can be mounted here")
    try:
        shutil.copytree(folder, place, dirs_exist_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_store_that_cannot_be_written_can_be_read(tmp_path: Path) -> None:
    folder = lived(tmp_path / "snapshots", days=2)
    with unwritable(folder) as place:
        with Store.read_only(place) as store:
            capture = store.catalog.capture_at(f"{BASE}/1.htm", None)
            assert store.payload(capture).body
        assert verify(place).holds
        assert back_up(place, tmp_path / "copy").verified.holds
        with pytest.raises(ArchiveError, match="cannot write"):
            Store(place).__enter__()
        with pytest.raises(ArchiveError, match="cannot write"):
            reindexed(config_of(place), START, 0)


def test_a_clock_that_is_set_back(tmp_path: Path) -> None:
    folder, diary = tmp_path / "snapshots", Diary(tmp_path)
    with Store(folder) as store:
        for body in (b"<p>One.</p>", b"<p>Two.</p>", b"<p>Three.</p>"):
            store.begin_pass(["test"], diary.at)
            diary.keep(store, answer("/a.htm", body))
            store.end_pass(PassState.COMPLETE, diary.at)
            diary.at -= timedelta(days=9)
        findings = jobs.compare(store, config_of(folder), threading.Event())
        bodies = [store.payload(capture).body for capture in store.catalog.captures(f"{BASE}/a.htm")]
    assert bodies == [b"<p>One.</p>", b"<p>Two.</p>", b"<p>Three.</p>"]
    assert len(findings) == 3
    assert verify(folder).holds


def test_a_catalog_that_lags_is_caught_up(tmp_path: Path) -> None:
    """As after a power cut: the files have what the catalog has not."""
    folder = lived(tmp_path / "snapshots", days=1)
    old = (folder / "catalog.sqlite3").read_bytes()
    diary = Diary(folder)
    diary.at = diary.at.replace(month=12)
    with Store(folder) as store:
        run = store.begin_pass(["test"], diary.at)
        diary.keep(store, answer("/0.htm", b"<p>Of another day.</p>"))
        diary.keep(store, diary.fail("/lost.htm"))
        made = store.end_pass(PassState.PARTIAL, diary.at, "a reason")
        captures = store.catalog.captures(f"{BASE}/0.htm")
    (folder / "catalog.sqlite3").write_bytes(old)
    with Store(folder) as store:
        assert store.catalog.captures(f"{BASE}/0.htm") == captures
        assert store.catalog.get_pass(run.pass_id) == made
        assert store.catalog.journal(run.pass_id).visits[-1][4] == "timeout: no answer"
    assert verify(folder).holds


@pytest.mark.parametrize("step", ["journal", "chain", "manifest", "catalog"])
def test_a_crash_while_a_pass_is_closed(tmp_path: Path, step: str) -> None:
    """After each of the steps that close a file, the next start does what is left, once."""
    folder = lived(tmp_path / "snapshots", days=2)
    (path,) = sorted((folder / "warc").iterdir())[1:]
    expected = path.read_bytes()
    ends = [found.offset for found in members(path)]
    lines = (folder / "manifest-sha256.txt").read_text().splitlines(keepends=True)
    opened = path.rename(path.with_name(path.name + ".open"))
    if step != "catalog":
        with Store.read_only(folder) as store:
            run = store.catalog.passes()[0]
        catalog = Catalog.open(folder / "catalog.sqlite3")
        catalog.set_pass_state(run.pass_id, run.state, run.finished_at, run.reason, is_open=True)
        catalog.add_warc(path.name, run.pass_id, ends[-2])
        catalog.close()
    if step in ("journal", "chain"):
        (folder / "manifest-sha256.txt").write_text(lines[0])
    if step == "journal":
        opened.write_bytes(expected[: ends[-1]])
    with Store(folder) as store:
        assert [run.state for run in store.catalog.passes()] == [PassState.PARTIAL, PassState.COMPLETE]
        if step == "journal":  # not closed yet: it could still be gone on with, but is too old for that
            store.begin_pass(["test"], START + timedelta(days=9))
            store.end_pass(PassState.COMPLETE, START + timedelta(days=9))
    assert path.read_bytes()[: ends[-1]] == expected[: ends[-1]]
    lines = (folder / "manifest-sha256.txt").read_text().splitlines()
    assert len(set(lines)) == len(lines) == len(list((folder / "warc").iterdir()))
    assert verify(folder).holds, verify(folder).faults


def test_damage_in_an_unfinished_file_costs_only_what_is_damaged(tmp_path: Path) -> None:
    """With the catalog lost, too: the file is not cut off where it is damaged, for good records follow."""
    folder, diary = tmp_path / "snapshots", Diary(tmp_path)
    with Store(folder) as store:
        run = store.begin_pass(["test"], START)
        kept = [diary.keep(store, answer(f"/{number}.htm")) for number in range(5)]
        path = store.warc_folder / f"etolwatch-{run.pass_id}.warc.gz.open"
    data = bytearray(path.read_bytes())
    data[(kept[2].offset if kept[2] else 0) + 40] ^= 1
    path.write_bytes(data)
    lose_catalog(folder)
    with Store(folder) as store:
        held = {
            capture.record_id
            for capture in store.catalog.captures_in(path.name.removesuffix(".open")).values()
        }
        assert held == {one.record_id for number, one in enumerate(kept) if one and number != 2}
        assert store.begin_pass(["test"], START).pass_id != run.pass_id
        diary.keep(store, answer("/2.htm"))
        store.end_pass(PassState.COMPLETE, START)
    assert path.read_bytes() == bytes(data)  # not closed over its damage, which a copy may still mend
    assert {fault.guard for fault in verify(folder).faults} == {Guard.GZIP}


def test_cut_at_any_byte_all_before_is_found_again(tmp_path: Path) -> None:
    """A closed file that lost its end, and the catalog with it."""
    made = lived(tmp_path / "made", days=2)
    with Store.read_only(made) as store:
        path = reindex.files(made)[1]
        captures = store.catalog.captures_in(path.name)
    whole, dice = path.read_bytes(), random.Random(1958)
    for number in range(CUTS):
        cut = dice.randrange(len(whole))
        folder = shutil.copytree(made, tmp_path / str(number))
        (folder / "warc" / path.name).write_bytes(whole[:cut])
        lose_catalog(folder)
        reindexed(config_of(folder), START, 0)
        with Store(folder) as store:
            held = set(store.catalog.captures_in(path.name))
        assert held == {offset for offset, one in captures.items() if offset + one.length <= cut}, cut
        assert (folder / "warc" / path.name).read_bytes() == whole[:cut]
        shutil.rmtree(folder)
