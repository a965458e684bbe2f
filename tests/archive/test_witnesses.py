"""Chain records and manifest damaged or lost, passes that go on, and repair: in the end the chain holds."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from archive.material import START, Diary, answer
from archive.stores import config_of, lived, lose_catalog, one_day
from etolwatch import jobs, watch
from etolwatch.archive import chain, lineage, lines, manifest, naming, reindex, seal
from etolwatch.archive.backup import back_up
from etolwatch.archive.members import Member, members
from etolwatch.archive.repair import repair
from etolwatch.archive.store import Store
from etolwatch.archive.verify import Guard, verify
from etolwatch.errors import ArchiveError
from etolwatch.model import PassState
from etolwatch.rereading import reindexed

DAYS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that tests leave as they found it."""
    return lived(tmp_path_factory.mktemp("witnesses") / "snapshots", days=DAYS)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "snapshots")


@pytest.fixture
def other(made: Path, tmp_path: Path) -> Path:
    """A copy of the store, made before anything happened to it."""
    return shutil.copytree(made, tmp_path / "copy")


def check(folder: Path, month: int = 12) -> None:
    """One more pass."""
    diary = Diary(folder)
    diary.at = diary.at.replace(month=month)
    with Store(folder) as store:
        one_day(store, diary, DAYS)
        jobs.compare(store, config_of(folder), threading.Event())


def last(folder: Path) -> Path:
    return reindex.files(folder)[-1]


def numbers(folder: Path) -> list[int]:
    heads = [seal.head(path) for path in reindex.files(folder)]
    return [head[0].number for head in heads if head]


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


# ── the manifest ─────────────────────────────────────────────────────────────────────


def test_a_pass_after_the_manifest_was_lost_goes_on_with_the_chain(folder: Path, other: Path) -> None:
    (folder / manifest.NAME).unlink()
    check(folder)
    assert numbers(folder) == [1, 2, 3, 4]
    faults = verify(folder).faults
    assert {fault.guard for fault in faults} == {Guard.MANIFEST}
    assert len(faults) == DAYS
    with Store.read_only(folder) as store:
        captures = len(list(store.catalog.selected(None, None, None, None)))
    assert reindexed(config_of(folder), START, 0).captures == captures
    (one,) = repair(folder, other, START)
    assert (one.file, one.taken, one.whole) == (manifest.NAME, DAYS, True)
    assert verify(folder).holds, verify(folder).faults
    assert list(manifest.read(folder)) == [f"warc/{path.name}" for path in reindex.files(folder)]


def test_a_manifest_that_lost_its_last_byte_loses_no_line(folder: Path) -> None:
    path = folder / manifest.NAME
    path.write_bytes(path.read_bytes()[:-1])
    check(folder)
    assert numbers(folder) == [1, 2, 3, 4]
    assert verify(folder).holds, verify(folder).faults


def test_a_manifest_torn_in_the_line_of_a_closed_file(folder: Path, other: Path) -> None:
    path = folder / manifest.NAME
    path.write_bytes(path.read_bytes()[:-20])
    check(folder)
    assert numbers(folder) == [1, 2, 3, 4]
    assert {fault.guard for fault in verify(folder).faults} == {Guard.MANIFEST}
    assert all(one.whole for one in repair(folder, other, START))
    assert verify(folder).holds, verify(folder).faults


def damage_line(line: str) -> str:
    return line[:10] + "\t" + line[11:]


def other_digit(line: str) -> str:
    return ("1" if line[0] == "0" else "0") + line[1:]


@pytest.mark.parametrize("change", [damage_line, other_digit])
@pytest.mark.parametrize("number", range(DAYS))
def test_a_damaged_line_stops_nothing_and_is_repaired(
    folder: Path, other: Path, change: Callable[[str], str], number: int
) -> None:
    path = folder / manifest.NAME
    lines = path.read_text().splitlines(keepends=True)
    lines[number] = change(lines[number])
    path.write_text("".join(lines))
    damaged = path.read_bytes()
    assert Guard.MANIFEST in {fault.guard for fault in verify(folder).faults}
    check(folder)
    assert numbers(folder) == [1, 2, 3, 4]
    reindexed(config_of(folder), START, 0)
    (one,) = repair(folder, other, START)
    assert (one.file, one.taken, one.whole) == (manifest.NAME, 1, True)
    assert verify(folder).holds, verify(folder).faults
    (aside,) = (folder / "warc" / "damaged").iterdir()
    assert aside.read_bytes().startswith(damaged)
    assert repair(folder, other, START) == []


def test_lines_that_no_copy_has_are_proved_by_the_chain(folder: Path, other: Path) -> None:
    """All but the last: nothing was closed after it that could prove it."""
    check(folder)
    before = (folder / manifest.NAME).read_text()
    (folder / manifest.NAME).unlink()
    (other / manifest.NAME).unlink()
    repair(folder, other, START)
    assert (folder / manifest.NAME).read_text() == "".join(before.splitlines(keepends=True)[:DAYS])


# ── the end of the last file ─────────────────────────────────────────────────────────


def one_bit(path: Path) -> None:
    flip(path, path.stat().st_size - 200)


def seven_bytes(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"garbage")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("wreck", [one_bit, seven_bytes, cut, gone])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_after_repair_a_chain_that_went_on_holds(
    folder: Path, other: Path, wreck: Callable[[Path], None], count: int
) -> None:
    before = {path.name: path.read_bytes() for path in reindex.files(folder)}
    wrecked = reindex.files(folder)[-count:]
    for path in wrecked:
        wreck(path)
    check(folder)
    head = seal.head(last(folder))
    assert head is not None
    assert head[0].number == DAYS + 1
    assert [one.file for one in head[0].skipped] == [path.name for path in wrecked]
    assert Guard.CHAIN in {fault.guard for fault in verify(folder).faults}
    assert {one.file: one.whole for one in repair(folder, other, START)} == {
        f"warc/{path.name}": True for path in wrecked
    }
    assert {name: (folder / "warc" / name).read_bytes() for name in before} == before
    reindexed(config_of(folder), START, 0)
    assert verify(folder).holds, verify(folder).faults


def test_with_the_manifest_lost_too_the_last_file_is_skipped(folder: Path, other: Path) -> None:
    (folder / manifest.NAME).unlink()
    one_bit(last(folder))
    check(folder)
    head = seal.head(last(folder))
    assert head is not None
    assert (head[0].number, [one.digest for one in head[0].skipped]) == (DAYS + 1, [None])
    assert all(one.whole for one in repair(folder, other, START))
    assert verify(folder).holds, verify(folder).faults


def test_what_was_skipped_must_be_what_the_manifest_had(folder: Path, other: Path) -> None:
    """A file altered while nobody could read its chain record is found, though the manifest goes along."""
    path = last(folder)
    whole = path.read_bytes()
    one_bit(path)
    check(folder)
    path.write_bytes(whole)
    assert verify(folder).holds
    *_, end = (one for one in members(path) if isinstance(one, Member))
    forged = bytearray(whole)
    forged[end.offset + 9] ^= 1  # a byte that gzip does not guard
    path.write_bytes(forged)
    lines = (folder / manifest.NAME).read_text()
    (folder / manifest.NAME).write_text(
        lines.replace(manifest.hash_of(whole), manifest.hash_of(bytes(forged)))
    )
    assert Guard.CHAIN in {fault.guard for fault in verify(folder).faults}


def test_damage_in_the_middle_is_not_skipped(folder: Path) -> None:
    one_bit(reindex.files(folder)[1])
    check(folder)
    head = seal.head(last(folder))
    assert head is not None
    assert (head[0].number, head[0].skipped) == (DAYS + 1, ())
    assert head[0].previous is not None
    assert reindex.files(folder)[1].name < head[0].previous.file


# ── files of others ──────────────────────────────────────────────────────────────────


def test_a_stray_file_is_none_of_the_store(folder: Path) -> None:
    """Neither a name that no pass has, nor a folder, nor a file that nothing ties to the chain."""
    strays = folder / "warc"
    for name in ("etolwatch-abc.warc.gz", "etolwatch-99999999999999.warc.gz", "other.warc.gz"):
        (strays / name).write_bytes(b"not ours")
    for name in ("etolwatch-20260101000000.warc.gz", "etolwatch-import-20260101000000.warc.gz.open"):
        (strays / name).mkdir()
    check(folder)
    assert numbers(folder) == [1, 2, 3, 4]
    reindexed(config_of(folder), START, 0)
    faults = verify(folder).faults
    assert {fault.file for fault in faults} <= {
        "warc/etolwatch-abc.warc.gz",
        "warc/etolwatch-99999999999999.warc.gz",
    }


def test_a_file_of_another_store_does_not_become_the_head_of_the_chain(folder: Path, tmp_path: Path) -> None:
    foreign = last(lived(tmp_path / "foreign", days=4))
    shutil.copy(foreign, folder / "warc")
    check(folder)
    head = seal.head(last(folder))
    assert head is not None
    assert (head[0].number, head[0].skipped) == (DAYS + 1, ())
    (folder / "warc" / foreign.name).unlink()
    assert Guard.CHAIN not in {fault.guard for fault in verify(folder).faults}


def test_another_store_repairs_nothing(folder: Path, tmp_path: Path) -> None:
    foreign = lived(tmp_path / "foreign", days=4)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ArchiveError, match="another store"):
        repair(folder, foreign, START)
    assert {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"
    } == {path: data for path, data in before.items() if path.name != "lock"}


def test_a_copy_that_went_on_by_itself_repairs_what_both_had(folder: Path, other: Path) -> None:
    check(folder, month=12)
    check(other, month=11)
    mine = {path.name for path in reindex.files(folder)}
    damaged = reindex.files(folder)[0]
    one_bit(damaged)
    (one,) = repair(folder, other, START)
    assert (one.file, one.whole) == (f"warc/{damaged.name}", True)
    assert {path.name for path in reindex.files(folder)} == mine
    assert verify(folder).holds, verify(folder).faults


def test_a_newer_copy_gives_what_this_one_would_have_next(folder: Path, other: Path) -> None:
    check(other)
    (one, lines) = repair(folder, other, START)
    assert (one.file, one.whole) == (f"warc/{last(other).name}", True)
    assert (lines.file, lines.taken) == (manifest.NAME, 1)
    with Store(folder):
        pass
    reindexed(config_of(folder), START, 0)
    assert verify(folder).holds, verify(folder).faults


def test_an_empty_store_is_made_again_from_its_copy(folder: Path, other: Path) -> None:
    shutil.rmtree(folder)
    (folder / "warc").mkdir(parents=True)
    assert all(one.whole for one in repair(folder, other, START))
    reindexed(config_of(folder), START, 0)
    assert verify(folder).holds, verify(folder).faults


# ── files that are not closed ────────────────────────────────────────────────────────


def unfinished(folder: Path, pages: int, month: int = 12) -> Path:
    """A pass that was cut short after so many pages."""
    diary = Diary(folder)
    diary.at = diary.at.replace(month=month)
    with Store(folder) as store:
        store.begin_pass(["test"], diary.at)
        for number in range(pages):
            diary.keep(store, answer(f"/open-{number}.htm", f"<p>Page {number}.</p>".encode()))
    return last(folder)


@pytest.mark.parametrize("place", ["middle", "end", "gone"])
def test_an_unfinished_file_is_mended(folder: Path, tmp_path: Path, place: str) -> None:
    path = unfinished(folder, 5)
    other = shutil.copytree(folder, tmp_path / "copy")
    whole = path.read_bytes()
    if place == "middle":
        flip(path, len(whole) // 2)
    elif place == "end":
        path.write_bytes(whole[:-30])
    else:
        path.unlink()
    (one,) = repair(folder, other, START)
    assert (one.file, one.whole) == (f"warc/{path.name}", True)
    assert path.read_bytes() == whole
    assert verify(folder).holds, verify(folder).faults
    assert repair(folder, other, START) == []


def test_an_unfinished_file_keeps_what_the_copy_has_not(folder: Path, tmp_path: Path) -> None:
    path = unfinished(folder, 3)
    other = shutil.copytree(folder, tmp_path / "copy")
    size = path.stat().st_size
    unfinished(folder, 6)
    whole = path.read_bytes()
    flip(path, size // 2)
    flip(path, len(whole) - 60)
    (one,) = repair(folder, other, START)
    assert (one.taken, one.whole) == (1, False)
    assert path.read_bytes()[:-60] == whole[:-60]


# ── torn ends ────────────────────────────────────────────────────────────────────────


def test_what_is_set_aside_stays_as_it_is(folder: Path) -> None:
    path = unfinished(folder, 2)
    whole = path.read_bytes()
    torn = [b"\x1f\x8b\x08 the first torn end", b"\x1f\x8b\x08 the second"]
    for data in (*torn, torn[0]):
        path.write_bytes(whole + data)
        with Store(folder):
            pass
        assert path.read_bytes() == whole
    assert sorted(one.read_bytes() for one in (folder / "warc" / "torn").iterdir()) == sorted(torn)


def test_a_torn_end_that_cannot_be_set_aside_is_not_cut_off(folder: Path) -> None:
    path = unfinished(folder, 2)
    path.write_bytes(path.read_bytes() + b"\x1f\x8b\x08")
    before = path.read_bytes()
    (folder / "warc" / "torn").write_bytes(b"no folder")
    with pytest.raises(ArchiveError, match="cannot set a torn record aside"):
        Store(folder).__enter__()
    assert path.read_bytes() == before


# ── the order ────────────────────────────────────────────────────────────────────────


def test_the_order_of_closing_needs_no_single_witness(folder: Path) -> None:
    """Each file damaged in turn, with the manifest and without."""
    expected = [path.name for path in reindex.files(folder)]
    check(folder, month=11)  # the clock was set back: the names are in another order
    check(folder, month=10)
    expected = lineage.read(folder).order()
    for without in (False, True):
        if without:
            (folder / manifest.NAME).unlink()
        for name in expected:
            path = folder / "warc" / name
            whole = path.read_bytes()
            one_bit(path)
            is_last = name == expected[-1]
            assert lineage.read(folder).order() == expected or (is_last and without)
            path.write_bytes(whole)


def test_a_lost_catalog_is_made_again_without_the_manifest(folder: Path) -> None:
    with Store.read_only(folder) as store:
        captures = list(store.catalog.selected(None, None, None, None))
    (folder / manifest.NAME).unlink()
    lose_catalog(folder)
    reindexed(config_of(folder), START, 0)
    with Store.read_only(folder) as store:
        assert list(store.catalog.selected(None, None, None, None)) == captures


# ── judgements ───────────────────────────────────────────────────────────────────────


def judged(folder: Path, *ids: str) -> Path:
    """The store's journal with one more line for each of these ids."""
    path = folder / lines.REVIEW
    lines.append(path, [lines.write({"id": name, "note": "sure"}) for name in ids], START)
    return path


def test_damaged_judgements_are_mended_from_another_copy(folder: Path, other: Path) -> None:
    mine, theirs = judged(folder, "a", "b", "c"), judged(other, "a", "b", "c", "d")
    good = set(theirs.read_bytes().splitlines())
    mine.write_bytes(mine.read_bytes().replace(b"sure", b"sura", 2))
    assert [fault.guard for fault in verify(folder).faults] == [Guard.JUDGEMENT] * 2
    (one,) = repair(folder, other, START)
    assert (one.file, one.taken, one.unit, one.whole) == (lines.REVIEW, 3, "lines", True)
    assert verify(folder).holds
    assert set(mine.read_bytes().splitlines()) == good
    (aside,) = (folder / "warc" / "damaged").glob("review.jsonl.*")
    assert aside.read_bytes().count(b"sura") == 2
    assert repair(folder, other, START) == []


def test_what_was_merged_before_needs_only_that_the_damage_is_taken_out(folder: Path, other: Path) -> None:
    mine, theirs = judged(folder, "a", "b"), judged(other, "a", "b")
    mine.write_bytes(mine.read_bytes().replace(b"sure", b"sura", 1))
    lines.append(mine, [line.raw for line in lines.read(theirs)[0]], START)
    assert not verify(folder).holds
    (one,) = repair(folder, other, START)
    assert (one.taken, one.whole) == (0, True)
    assert verify(folder).holds


def test_a_judgement_that_no_copy_has_is_left_and_told(folder: Path, other: Path) -> None:
    mine, _ = judged(folder, "a", "b"), judged(other, "b")
    mine.write_bytes(mine.read_bytes().replace(b"sure", b"sura", 1))
    (one,) = repair(folder, other, START)
    assert not one.whole
    assert len(verify(folder).faults) == 1


def test_a_backup_mends_the_judgements_of_the_copy_and_carries_no_damage(
    folder: Path, tmp_path: Path
) -> None:
    copy, mine = tmp_path / "backup", judged(folder, "a", "b")
    back_up(folder, copy)
    place = copy / lines.REVIEW
    good = place.read_bytes()
    place.write_bytes(good.replace(b"sure", b"sura", 1))
    assert back_up(folder, copy).verified.holds
    assert set(place.read_bytes().splitlines()) == set(good.splitlines())
    mine.write_bytes(good.replace(b"sure", b"sura"))
    assert back_up(folder, copy).verified.holds
    assert set(place.read_bytes().splitlines()) == set(good.splitlines())


# ── files that are damaged before they are closed ────────────────────────────────────


def sound(folder: Path) -> list[Member]:
    return [one for one in members(last(folder)) if isinstance(one, Member)]


def in_answer(path: Path, one: Member) -> None:
    flip(path, one.offset + one.length // 2)


def in_header(path: Path, one: Member) -> None:
    flip(path, one.offset + 5)  # of the time, which no check sum of gzip guards


@pytest.mark.parametrize("wreck", [in_answer, in_header])
@pytest.mark.parametrize("which", [1, 2, -1], ids=["answer", "request", "the last"])
@pytest.mark.parametrize("month", [11, 12], ids=["gone on with", "given up"])
def test_no_file_is_closed_over_its_damage(
    folder: Path, tmp_path: Path, wreck: Callable[[Path, Member], None], which: int, month: int
) -> None:
    """The next pass has a file of its own and says what is to be done; a copy mends the damaged one."""
    path = unfinished(folder, 5, month=11)
    other = shutil.copytree(folder, tmp_path / "copy")
    whole = path.read_bytes()
    wreck(path, sound(folder)[which])
    damaged = path.read_bytes()
    diary = Diary(folder)
    diary.at = diary.at.replace(month=month, hour=12)
    with Store(folder) as store:
        one_day(store, diary, DAYS)
        (left,) = store.left
        assert path.name in left.subject
        assert "--repair-from" in left.cause
    assert path.read_bytes() == damaged
    assert [one.number for one in heads(folder)] == [1, 2, 3, 4]
    (one,) = (one for one in repair(folder, other, START) if one.file != manifest.NAME)
    assert (one.file, one.taken, one.whole) == (f"warc/{path.name}", 1, True)
    assert path.read_bytes() == whole
    check(folder, month=10)  # goes on with it, and closes it
    assert verify(folder).holds, verify(folder).faults
    assert [one.number for one in heads(folder)] == [1, 2, 3, 4, 5]


def heads(folder: Path) -> list[chain.Head]:
    found = [seal.head(path) for path in reindex.files(folder)]
    return sorted((head[0] for head in found if head), key=lambda head: head.number)


def test_a_file_that_was_sealed_and_not_yet_named_is_not_entered_with_its_damage(
    folder: Path, other: Path
) -> None:
    path = last(folder)
    sealed = path.rename(path.with_name(path.name + ".open"))
    before = manifest.read(folder)
    flip(sealed, sealed.stat().st_size // 2)
    with Store(folder) as store:
        assert [sealed.name in error.subject for error in store.left] == [True]
    assert manifest.read(folder) == before
    (one,) = repair(folder, other, START)
    assert (one.file, one.whole) == (f"warc/{path.name}", True)
    assert verify(folder).holds, verify(folder).faults


def test_a_damaged_unfinished_file_is_not_copied_over_a_good_one(folder: Path, tmp_path: Path) -> None:
    path = unfinished(folder, 5)
    copy = tmp_path / "backup"
    back_up(folder, copy)
    whole = path.read_bytes()
    flip(path, len(whole) // 2)
    assert [fault.file for fault in back_up(folder, copy).left] == [f"warc/{path.name}"]
    assert (copy / "warc" / path.name).read_bytes() == whole


def test_a_pass_says_what_it_left_open(folder: Path) -> None:
    path = unfinished(folder, 5)
    in_answer(path, sound(folder)[2])  # a request, which no judgement reads
    config = replace(config_of(folder), sites=())
    watched = watch.watch(config, (), threading.Event())
    assert [path.name in said and "--repair-from" in said for said in watched.damaged] == [True]


# ── manifest and last file lost together ─────────────────────────────────────────────


def no_manifest(path: Path) -> None:
    path.unlink()


def torn_in_the_last_line(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("lose", [no_manifest, torn_in_the_last_line])
def test_a_last_file_that_is_lost_with_its_line_is_skipped(
    folder: Path, other: Path, lose: Callable[[Path], None]
) -> None:
    """The catalog names it: the chain goes on after it, and the copy is one of this store."""
    lost = last(folder)
    whole = lost.read_bytes()
    lost.unlink()
    lose(folder / manifest.NAME)
    check(folder)
    head = heads(folder)[-1]
    assert (head.number, [one.file for one in head.skipped]) == (DAYS + 1, [lost.name])
    assert Guard.CHAIN in {fault.guard for fault in verify(folder).faults}
    assert all(one.whole for one in repair(folder, other, START))
    assert lost.read_bytes() == whole
    assert verify(folder).holds, verify(folder).faults
    back_up(folder, other)  # it is no other store


def test_a_lost_pass_is_counted_after_an_import_before_it(folder: Path, other: Path) -> None:
    """Files of passes and of imports stand in the order of the instants in their names."""
    check(folder, month=12)
    lost, name = last(folder), "etolwatch-import-20260101000000.warc.gz"
    assert sorted([name, lost.name], key=naming.began) == [name, lost.name]
    lost.unlink()
    (folder / manifest.NAME).unlink()
    assert lineage.read(folder).order()[-1] == lost.name


def test_a_stray_file_that_was_taken_away_is_not_skipped(folder: Path, tmp_path: Path) -> None:
    """The catalog took it up, but no line of the manifest is lost."""
    foreign = last(lived(tmp_path / "foreign", days=4))
    shutil.copy(foreign, folder / "warc")
    with Store(folder):
        pass
    (folder / "warc" / foreign.name).unlink()
    check(folder)
    assert heads(folder)[-1].skipped == ()


# ── one pass, ended in both copies ───────────────────────────────────────────────────


def test_a_pass_that_both_copies_ended_leaves_all_else_to_be_repaired(folder: Path, tmp_path: Path) -> None:
    unfinished(folder, 3)
    other = shutil.copytree(folder, tmp_path / "copy")
    for store_folder, pages in ((folder, 4), (other, 5)):
        unfinished(store_folder, pages)
        with Store(store_folder) as store:
            (run, _), *_ = store.catalog.open_passes()
            store.begin_pass(run.sites, run.started_at)
            store.end_pass(PassState.COMPLETE, run.started_at)
    check(other, month=12)  # only there: it follows the other end
    contested, damaged = last(folder), reindex.files(folder)[0]
    ended = contested.read_bytes()
    one_bit(damaged)
    (one,) = repair(folder, other, START)
    assert (one.file, one.whole) == (f"warc/{damaged.name}", True)
    assert contested.read_bytes() == ended
    assert len(reindex.files(folder)) == DAYS + 1
    assert verify(folder).holds, verify(folder).faults
    flip(contested, len(ended) // 2)
    (one,) = repair(folder, other, START)
    assert not one.whole
    with pytest.raises(ArchiveError, match="another file there"):
        back_up(folder, other)


# ── a line that nothing proves ───────────────────────────────────────────────────────


def test_what_is_to_be_done_for_a_line_that_nothing_proves_is_said(folder: Path, other: Path) -> None:
    (folder / manifest.NAME).unlink()
    (other / manifest.NAME).unlink()
    (fault,) = {fault.what for fault in verify(folder).faults}
    assert "--repair-from" in fault
    for _ in range(2):
        (one,) = repair(folder, other, START)
        assert (one.file, one.whole) == (manifest.NAME, False)
        assert last(folder).name in one.fault
        assert "after the next pass" in one.fault
    check(folder)
    (one,) = repair(folder, other, START)
    assert one.whole
    assert verify(folder).holds, verify(folder).faults
