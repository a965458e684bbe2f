"""The chain: what is listed, what differs from the list, and where a file is missing."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from archive.material import START, Diary, answer
from archive.stores import lived
from etolwatch.archive import chain, manifest, seal
from etolwatch.archive.chain import Before, Chain, Link, NoChain, Skipped
from etolwatch.archive.members import Member, members
from etolwatch.archive.store import Store
from etolwatch.model import PassState

ONE = Link("urn:uuid:1", "warcinfo", 0, 10, "sha256:aa")
TWO = Link("urn:uuid:2", "response", 10, 20, "sha256:bb")
LIST = Chain(1, "a.warc.gz", "2026-11-02T04:00:00.000000Z", None, (), (ONE, TWO))


def following(number: int, before: Chain, digest: str) -> Chain:
    previous = Before(before.file, "urn:uuid:9", digest)
    return replace(LIST, number=number, file=f"{number}.warc.gz", previous=previous)


def test_a_list_survives_its_record() -> None:
    skipping = replace(LIST, skipped=(Skipped("lost.warc.gz", "sha256:ff"), Skipped("other.warc.gz", None)))
    for listed in (LIST, following(2, LIST, "sha256:cc"), replace(LIST, records=()), skipping):
        assert chain.from_json(chain.to_json(listed)) == listed
        head = chain.head_from_json(chain.to_json(listed).partition(b"\n")[0] + b"\n what is damaged")
        assert (head.number, head.previous, head.skipped) == (listed.number, listed.previous, listed.skipped)
    assert LIST.end == 30


def test_a_list_of_the_older_form_is_read() -> None:
    """The form that knew of no files skipped."""
    older = json.loads(chain.to_json(LIST))
    del older["skipped"]
    assert chain.from_json(json.dumps(older | {"etolwatch-chain": 1}).encode()) == LIST


def test_a_file_that_was_skipped_is_one_of_the_chain() -> None:
    """Skipped are the two before: with them the chain holds, without them each is missed."""
    second = following(2, LIST, "sha256:cc")
    third = following(3, second, "sha256:dd")
    skipped = (Skipped(second.file, "sha256:2f"), Skipped(third.file, None))
    fourth = replace(following(4, LIST, "sha256:cc"), skipped=skipped)
    lines = {second.file: "2f", third.file: "3f"}
    whole = [(LIST, "sha256:cc"), (second, "sha256:dd"), (third, "sha256:ee"), (fourth, "sha256:ff")]
    assert list(chain.gaps(whole, lines)) == []
    assert len(list(chain.gaps([whole[0], whole[3]], lines))) == 2
    ((file, what),) = chain.gaps(whole, lines | {second.file: "00"})
    assert (file, "another digest" in what) == (fourth.file, True)
    ((file, what),) = chain.gaps([*whole[:3], (replace(fourth, skipped=skipped[:1] * 2), "sha256:ff")], lines)
    assert (file, "not 2.warc.gz" in what) == (fourth.file, True)


def test_two_files_under_one_number_are_told() -> None:
    second, other = following(2, LIST, "sha256:cc"), following(2, LIST, "sha256:cc")
    other = replace(other, file="other.warc.gz", closed_at="2026-11-03T04:00:00.000000Z")
    found = list(chain.gaps([(other, "sha256:ee"), (LIST, "sha256:cc"), (second, "sha256:dd")], {}))
    assert found == [("other.warc.gz", "it is number 2 of the chain, as 2.warc.gz is")]


@pytest.mark.parametrize("block", [b"", b"[]", b"{}", b'{"etolwatch-chain": 99}', b"\xff"])
def test_what_is_no_list_is_refused(block: bytes) -> None:
    with pytest.raises(NoChain):
        chain.from_json(block)


def test_each_difference_from_the_list_is_placed() -> None:
    assert list(chain.breaks(LIST, [ONE, TWO])) == []
    (removed,) = chain.breaks(LIST, [ONE])
    assert (removed.offset, "is not there" in removed.what) == (10, True)
    (altered,) = chain.breaks(LIST, [ONE, replace(TWO, digest="sha256:cc")])
    assert (altered.offset, "not as it was listed" in altered.what) == (10, True)
    (added,) = chain.breaks(LIST, [ONE, TWO, replace(TWO, offset=30)])
    assert (added.offset, "is not listed" in added.what) == (30, True)


def test_a_file_that_is_missing_or_another_breaks_the_chain() -> None:
    second = following(2, LIST, "sha256:cc")
    third = following(3, second, "sha256:dd")
    whole = [(third, "sha256:ee"), (LIST, "sha256:cc"), (second, "sha256:dd")]
    assert list(chain.gaps(whole, {})) == []
    assert list(chain.gaps([], {})) == []
    ((file, what),) = chain.gaps([whole[0], whole[1]], {})
    assert file == third.file
    assert "number 2 (2.warc.gz) is missing" in what
    ((file, what),) = chain.gaps([(LIST, "sha256:altered"), (second, "sha256:dd")], {})
    assert file == second.file
    ((file, what),) = chain.gaps([(second, "sha256:dd")], {})
    assert "number 1 (a.warc.gz) is missing" in what


def test_a_closed_file_ends_with_the_list_of_all_before(tmp_path: Path) -> None:
    folder = lived(tmp_path / "snapshots", days=3)
    before = None
    for number, path in enumerate(sorted((folder / "warc").iterdir()), 1):
        found = seal.head(path)
        assert found is not None
        listed, place = found
        assert (listed.number, listed.file, listed.previous) == (number, path.name, before)
        data, whole = path.read_bytes(), list(members(path))
        assert [link.offset for link in listed.records] == [m.offset for m in whole[:-1]]
        for link in listed.records:
            member = data[link.offset : link.offset + link.length]
            assert link.digest == "sha256:" + hashlib.sha256(member).hexdigest()
        assert isinstance(whole[-1], Member)
        assert place.digest == whole[-1].digest
        before = place


def test_the_manifest_is_one_that_other_programs_check(tmp_path: Path) -> None:
    folder = lived(tmp_path / "snapshots", days=2)
    check = ["sha256sum", "--strict", "--check", manifest.NAME]
    assert subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode == 0
    assert list(manifest.read(folder)) == [f"warc/{p.name}" for p in sorted((folder / "warc").iterdir())]
    next((folder / "warc").iterdir()).write_bytes(b"other")
    assert subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode == 1


def test_a_torn_line_of_the_manifest_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "warc").mkdir()
    one, two = "warc/a.warc.gz", "warc/b.warc.gz"
    manifest.add(tmp_path, one, "a" * 64)
    path = tmp_path / manifest.NAME
    torn = b"b" * 64 + b"  warc/b.warc.g"
    path.write_bytes(path.read_bytes() + torn)
    assert list(manifest.read(tmp_path)) == [one]
    for _ in range(2):
        manifest.add(tmp_path, two, "b" * 64)
    assert path.read_text() == "a" * 64 + f"  {one}\n" + "b" * 64 + f"  {two}\n"
    assert [path.read_bytes() for path in (tmp_path / "warc" / "torn").iterdir()] == [torn]


def test_a_line_that_lost_only_its_end_is_kept(tmp_path: Path) -> None:
    manifest.add(tmp_path, "warc/a.warc.gz", "a" * 64)
    path = tmp_path / manifest.NAME
    path.write_bytes(path.read_bytes()[:-1])
    manifest.add(tmp_path, "warc/b.warc.gz", "b" * 64)
    assert list(manifest.read(tmp_path)) == ["warc/a.warc.gz", "warc/b.warc.gz"]
    assert manifest.damage(tmp_path) == []


def test_a_damaged_line_hides_no_other(tmp_path: Path) -> None:
    for letter in "abc":
        manifest.add(tmp_path, f"warc/{letter}.warc.gz", letter * 64)
    path = tmp_path / manifest.NAME
    path.write_bytes(path.read_bytes().replace(b"b" * 64 + b"  ", b"b" * 64 + b" \xff"))
    assert list(manifest.read(tmp_path)) == ["warc/a.warc.gz", "warc/c.warc.gz"]
    ((number, text),) = manifest.damage(tmp_path)
    assert (number, text[:64]) == (2, "b" * 64)


@pytest.mark.parametrize("path", ["../a.warc.gz", "warc/../../a.warc.gz", "/a.warc.gz", "warc/a.txt"])
def test_a_line_that_names_no_file_of_a_store_is_none(tmp_path: Path, path: str) -> None:
    (tmp_path / manifest.NAME).write_text("a" * 64 + f"  {path}\n")
    assert manifest.read(tmp_path) == {}
    assert len(manifest.damage(tmp_path)) == 1


def test_a_pass_that_went_on_later_is_listed_whole(tmp_path: Path) -> None:
    folder, diary = tmp_path / "snapshots", Diary(tmp_path)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        diary.keep(store, answer("/a.htm"))
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        diary.keep(store, answer("/b.htm"))
        store.end_pass(PassState.COMPLETE, START)
    (path,) = (folder / "warc").iterdir()
    found = seal.head(path)
    assert found is not None
    types = [link.type for link in found[0].records]
    assert types == ["warcinfo", "response", "request", "response", "request", "metadata"]
    assert manifest.read(folder) == {f"warc/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_a_304_keeps_what_the_server_said(tmp_path: Path) -> None:
    folder, diary = tmp_path / "snapshots", Diary(tmp_path)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        diary.keep(store, answer("/a.htm", ETag='"1"'))
        diary.keep(store, replace(answer("/a.htm", b"", 304, eTaG='"2"', X_Odd="Ü"), reason="Not Modified"))
        path = next((folder / "warc").iterdir())
        told = [m.data for m in members(path) if isinstance(m, Member) and b"Etolwatch-Head" in m.data]
    (line,) = [line for line in told[0].split(b"\r\n") if line.startswith(b"Etolwatch-Head: ")]
    assert json.loads(line.partition(b": ")[2]) == [
        "HTTP/1.1 304 Not Modified",
        ["Content-Type", "text/html"],
        ["eTaG", '"2"'],
        ["X-Odd", "Ü"],
    ]
