"""``verify``: whatever was done to a store is found, and nothing else."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from archive.material import BASE, START, Diary, answer
from archive.stores import damaged, lived, lose_catalog
from etolwatch.archive import seal
from etolwatch.archive.members import Member, NoRecord, Parsed, members, parse
from etolwatch.archive.repair import repair
from etolwatch.archive.store import Store
from etolwatch.archive.verify import Guard, record_faults, verify
from etolwatch.archive.warc import packed
from etolwatch.errors import ArchiveError
from etolwatch.model import PassState

FLIPS, CUTS = 250, 60
STRUCTURE = {Guard.GZIP, Guard.RECORD, Guard.DIGEST, Guard.REVISIT}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that tests leave as they found it."""
    return lived(tmp_path_factory.mktemp("verify") / "snapshots", days=3)


def guards(folder: Path) -> set[Guard]:
    return {fault.guard for fault in verify(folder).faults}


def files(folder: Path) -> list[Path]:
    return sorted((folder / "warc").glob("*.warc.gz"))


def whole(path: Path) -> list[Member]:
    return [found for found in members(path) if isinstance(found, Member)]


def test_a_whole_store_holds(made: Path) -> None:
    found = verify(made)
    assert found.holds, found.faults
    assert (found.files, found.closed) == (3, 3)
    assert found.captures == 3 * 10
    head = seal.head(files(made)[-1])
    assert head is not None
    assert found.head == head[1].digest


def test_any_bit_flipped_is_found(made: Path) -> None:
    dice = random.Random(1958)
    for _ in range(FLIPS):
        path = dice.choice(files(made))
        bit = dice.randrange(path.stat().st_size * 8)

        def flip(data: bytes, bit: int = bit) -> bytes:
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            return bytes(changed)

        with damaged(path, flip):
            found = guards(made)
        assert Guard.MANIFEST in found, bit
        assert found - {Guard.MANIFEST}, bit  # also for who does not trust the manifest


def test_any_truncation_is_found(made: Path) -> None:
    dice = random.Random(1959)
    for _ in range(CUTS):
        path = dice.choice(files(made))
        end = dice.randrange(path.stat().st_size)
        with damaged(path, lambda data, end=end: data[:end]):  # type: ignore[misc]
            found = guards(made)
        assert {Guard.MANIFEST, Guard.CHAIN} <= found, end


def test_any_record_removed_is_found(made: Path) -> None:
    for path in files(made):
        for one in whole(path):
            with damaged(path, lambda data, one=one: data[: one.offset] + data[one.offset + one.length :]):  # type: ignore[misc]
                found = verify(made).faults
            assert {Guard.MANIFEST, Guard.CHAIN} <= {fault.guard for fault in found}
            assert any(fault.offset == one.offset for fault in found) or one is whole(path)[-1]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_any_file_removed_is_found(made: Path, number: int) -> None:
    path = files(made)[number]
    path.rename(path.with_suffix(".away"))
    try:
        found = verify(made).faults
    finally:
        path.with_suffix(".away").rename(path)
    assert (Guard.MANIFEST, f"warc/{path.name}") in {(fault.guard, fault.file) for fault in found}
    assert Guard.CATALOG in {fault.guard for fault in found}
    # the last one is missed by the manifest alone: nothing was closed after it
    assert (Guard.CHAIN in {fault.guard for fault in found}) == (number < 2)


def test_an_alteration_made_with_care_breaks_the_chain(made: Path, tmp_path: Path) -> None:
    """A record with right digests and length, packed again, put in the place of one of the same length."""
    folder = tmp_path / "altered"
    shutil.copytree(made, folder)
    path = files(folder)[0]
    one = next(m for m in whole(path) if parse(m.data).record_type == "response")
    forged = packed(one.data.replace(b"192.0.2.7", b"192.0.2.8"))
    data = path.read_bytes()
    path.write_bytes(data[: one.offset] + forged + data[one.offset + one.length :])
    (folder / "manifest-sha256.txt").unlink()
    lose_catalog(folder)
    with Store(folder):
        pass
    found = [fault for fault in verify(folder).faults if fault.guard is Guard.CHAIN]
    assert found[0].offset == one.offset


def test_the_place_of_a_fault_is_named(made: Path) -> None:
    path = files(made)[1]
    one = whole(path)[3]
    middle = one.offset + one.length // 2
    with damaged(path, lambda data: data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]):
        found = verify(made).faults
    gzip = next(fault for fault in found if fault.guard is Guard.GZIP)
    assert (gzip.file, gzip.offset) == (f"warc/{path.name}", one.offset)
    assert str(gzip).startswith(f"warc/{path.name} at byte {one.offset}: ")
    assert str(gzip).endswith(f"up to byte {one.offset + one.length} [gzip]")


def test_a_catalog_that_tells_otherwise_is_found(made: Path, tmp_path: Path) -> None:
    statements = [
        "UPDATE capture SET etag = 'other' WHERE seq = 5",
        'UPDATE capture SET "offset" = "offset" + 1 WHERE seq = 5',
        "DELETE FROM capture WHERE seq = (SELECT max(seq) FROM capture)",
        "UPDATE visit SET message = 'other' WHERE outcome = 'failed'",
        "UPDATE pass SET state = 'complete', reason = ''",
        "UPDATE warc SET size_bytes = size_bytes - 1",
    ]
    for number, statement in enumerate(statements):
        folder = tmp_path / str(number)
        shutil.copytree(made, folder)
        with closing(sqlite3.connect(folder / "catalog.sqlite3", isolation_level=None)) as db:
            db.execute(statement)
        assert guards(folder) == {Guard.CATALOG}, statement


@pytest.mark.parametrize(
    "wreck", [lambda path: path.unlink(), lambda path: path.write_bytes(b"no database" * 999)]
)
def test_a_catalog_that_cannot_be_read_is_named_with_what_to_do(
    made: Path, tmp_path: Path, wreck: Callable[[Path], object]
) -> None:
    folder = tmp_path / "snapshots"
    shutil.copytree(made, folder)
    wreck(folder / "catalog.sqlite3")
    (fault,) = verify(folder).faults
    assert fault.guard is Guard.CATALOG
    assert "etolwatch reindex" in fault.what
    with pytest.raises(ArchiveError, match="etolwatch reindex"):
        Store.read_only(folder)


def test_a_running_pass_is_no_fault(tmp_path: Path) -> None:
    folder, diary = tmp_path / "snapshots", Diary(tmp_path)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        diary.keep(store, answer("/a.htm"))
        path = folder / "warc" / "etolwatch-20261102040000.warc.gz.open"
        with path.open("ab") as file:
            file.write(b"\x1f\x8b\x08")  # a record that is just being written
        assert verify(folder).holds
    assert guards(folder) == {Guard.GZIP}  # nobody writes now: it is torn
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        store.end_pass(PassState.COMPLETE, START)
    assert verify(folder).holds


def test_no_store_is_no_whole_store(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no store"):
        verify(tmp_path)


# ── one record ───────────────────────────────────────────────────────────────────────

HEAD = b"WARC/1.1\r\nWARC-Type: metadata\r\nContent-Length: 2\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD,
        HEAD + b"\r\nab",
        HEAD + b"\r\nabc\r\n\r\n",
        HEAD + b"\r\nab\r\n\r\n\r\n",
        HEAD + b"Content-Length: 2\r\n\r\nab\r\n\r\n",
        HEAD + b"no field\r\n\r\nab\r\n\r\n",
        b"WARC/9" + HEAD[8:] + b"\r\nab\r\n\r\n",
    ],
)
def test_what_is_not_exactly_one_record_is_none(data: bytes) -> None:
    with pytest.raises(NoRecord):
        parse(data)
    assert parse(HEAD + b"\r\nab\r\n\r\n").block == b"ab"


def test_a_record_is_judged_by_itself(made: Path) -> None:
    good = next(parse(m.data) for m in whole(files(made)[0]) if b"msgtype=response" in m.data)
    assert list(record_faults(good, is_ours=True)) == []
    other = replace(good, block=good.block[:-1] + b"!")
    assert [guard for guard, _ in record_faults(other, is_ours=True)] == [Guard.DIGEST] * 2
    assert [guard for guard, _ in record_faults(other, is_ours=False)] == [Guard.DIGEST]
    bare = Parsed((("WARC-Type", "response"),), b"")
    assert {guard for guard, _ in record_faults(bare, is_ours=False)} == {Guard.RECORD}


# ── repair ───────────────────────────────────────────────────────────────────────────


def test_damage_is_mended_from_another_copy(made: Path, tmp_path: Path) -> None:
    """Each copy is damaged in another place, one file is gone; together they hold all of it."""
    folder, other = tmp_path / "one", tmp_path / "two"
    shutil.copytree(made, folder)
    shutil.copytree(made, other)
    before = {path.name: path.read_bytes() for path in files(folder)}
    first, second, third = files(folder)
    ours, theirs = whole(first)[2], whole(first)[5]
    for path, place in ((first, ours), (other / "warc" / first.name, theirs)):
        data = bytearray(path.read_bytes())
        data[place.offset + 20] ^= 4
        path.write_bytes(data)
    second.write_bytes(second.read_bytes()[:300])
    third.unlink()
    mended = repair(folder, other, START)
    assert [(one.file, one.whole) for one in mended] == [
        (f"warc/{p.name}", True) for p in (first, second, third)
    ]
    assert mended[0].taken == 1
    assert {path.name: path.read_bytes() for path in files(folder)} == before
    assert verify(folder).holds
    aside = {path.name for path in (folder / "warc" / "damaged").iterdir()}
    assert aside == {f"{first.name}.1", f"{second.name}.1"}
    assert repair(folder, other, START) == []


def test_what_neither_copy_has_is_left_as_it_is(made: Path, tmp_path: Path) -> None:
    folder, other = tmp_path / "one", tmp_path / "two"
    shutil.copytree(made, folder)
    shutil.copytree(made, other)
    for copy in (folder, other):
        path = files(copy)[0]
        path.write_bytes(path.read_bytes()[:200] + b"!" + path.read_bytes()[201:])
    damage = files(folder)[0].read_bytes()
    (one,) = repair(folder, other, START)
    assert not one.whole
    assert files(folder)[0].read_bytes() == damage
    with Store.read_only(folder) as store:
        assert store.catalog.history(f"{BASE}/1.htm") is not None
