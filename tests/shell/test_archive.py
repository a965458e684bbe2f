"""verify, reindex and backup as commands: what they print of damage, and their exit status."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from etolwatch.archive.warc import packed

from .conftest import Commands

# A record that could be one of a pass, but for the fields of ours.
FOREIGN = (
    b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:1>\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
    b"Content-Length: 2\r\n\r\nab\r\n\r\n"
)


@pytest.fixture
def checked(watched: Commands) -> Commands:
    """One pass was made, and a copy of the store."""
    assert watched("check").status == 0
    shutil.copytree(watched.folder / "snapshots", watched.folder / "copy")
    return watched


def warcs(run: Commands) -> list[Path]:
    return sorted((run.folder / "snapshots" / "warc").glob("*.warc.gz"))


def test_what_the_texts_hide_is_told_all_the_same(checked: Commands) -> None:
    """A file that cannot be read again as one of a pass is one fault more."""
    (path,) = warcs(checked)
    stray = path.with_name("etolwatch-20260101000000.warc.gz")
    stray.write_bytes(packed(FOREIGN))
    plain = checked("verify")
    assert plain.status == 1
    with_texts = checked("verify", "--text")
    assert with_texts.status == 1
    assert set(plain.out.splitlines()[:-2]) < set(with_texts.out.splitlines())
    assert "the texts cannot be read again" in with_texts.out


def test_repair_says_what_it_took(checked: Commands) -> None:
    (path,) = warcs(checked)
    path.unlink()
    lines = checked.folder / "snapshots" / "manifest-sha256.txt"
    lines.write_text("no line\n")
    ran = checked("verify", "--repair-from", "copy")
    assert ran.status == 0
    assert f"warc/{path.name}: made whole again" in ran.err
    assert "manifest-sha256.txt: made whole again; 1 lines are from copy" in ran.err


def test_a_backup_that_leaves_something_out_says_so(checked: Commands) -> None:
    (path,) = warcs(checked)
    path.write_bytes(path.read_bytes()[:-1])
    ran = checked("backup", "other")
    assert ran.status == 1
    assert f"warc/{path.name}: a file is damaged" in ran.out
    assert "0 files copied" in ran.out


@pytest.mark.parametrize("words", [("backup", "other"), ("verify", "--repair-from", "other")])
def test_another_store_is_left_alone(checked: Commands, words: tuple[str, ...]) -> None:
    shutil.move(checked.folder / "snapshots", checked.folder / "other")
    assert checked("check").status == 0
    before = {path: path.read_bytes() for path in (checked.folder / "other").rglob("*") if path.is_file()}
    ran = checked(*words)
    assert (ran.status, "another store is there" in ran.err) == (1, True)
    assert {path: path.read_bytes() for path in before} == before
