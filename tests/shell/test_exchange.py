"""The commands export and import: what they print, and how they end."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from harvest.loopback import LoopbackSite, Page

from etolwatch.archive.seal import head
from etolwatch.harvest import memento
from etolwatch.harvest.captures import Archive

from .conftest import Commands, Library, page

PAGE = "/penhale/lamps.htm"


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (("warc",), b"\x1f\x8b"),
        (("wacz", "--site", "penhale"), b"PK"),
        (("cdxj", "--page", "lamps.htm"), b"1,0,0,127:"),
        (("cdx", "--until", "2099-01-01"), b"1,0,0,127:"),
        (("timemap", "--page", "lamps.htm", "--base", "http://localhost:1/x/"), b"<http://127"),
    ],
)
def test_export_writes_one_file(watched: Commands, words: tuple[str, ...], begins: bytes) -> None:
    watched("check")
    done = watched("export", *words, "out")
    assert (done.status, done.out) == (0, "")
    assert done.err.startswith("Wrote out: ")
    assert (watched.folder / "out").read_bytes().startswith(begins)


def test_export_of_nothing_is_an_error_of_the_user(watched: Commands) -> None:
    watched("check")
    done = watched("export", "wacz", "--since", "2099-01-01", "out.wacz")
    assert done.status == 2
    assert "no captures are selected: since 2099-01-01" in done.err
    assert watched("export", "timemap", "out").status == 2
    assert watched("export", "warc", "--site", "other", "out").status == 2


@pytest.mark.parametrize("form", ["warc", "wacz"])
def test_a_damaged_record_is_named_and_the_others_are_exported(watched: Commands, form: str) -> None:
    watched("check")
    (path,) = (watched.folder / "snapshots" / "warc").iterdir()
    link = head(path)[0].records[3]  # type: ignore[index]
    data = bytearray(path.read_bytes())
    data[link.offset + link.length // 2] ^= 1
    path.write_bytes(data)
    done = watched("export", form, "out")
    assert done.status == 4
    assert f"not exported: {path} at byte {link.offset}: " in done.err
    assert "Wrote out: 3 captures" in done.err


def test_a_plain_warc_is_exported_by_its_name(watched: Commands) -> None:
    watched("check")
    assert watched("export", "warc", "out.warc").status == 0
    assert (watched.folder / "out.warc").read_bytes().startswith(b"WARC/1.1\r\n")


def test_what_is_exported_is_imported_once(watched: Commands, tmp_path: Path) -> None:
    watched("check")
    count = len(watched("log", "lamps.htm", "--format", "json").json)
    watched("export", "wacz", "all.wacz")
    (watched.folder / "snapshots").rename(tmp_path / "elsewhere")
    brought = watched("import", "wacz", "all.wacz", "--format", "json")
    assert (brought.status, brought.json["captures"], brought.json["held"]) == (0, 4, 0)
    assert len(watched("log", "lamps.htm", "--format", "json").json) == count
    assert watched("import", "wacz", "all.wacz").out == "0 captures brought, 4 held already.\n"


def test_an_edit_that_only_the_past_shows_is_reported_but_is_no_news(
    watched: Commands, library: Library
) -> None:
    watched("check")
    saved = watched.folder / "saved" / "penhale"
    saved.mkdir(parents=True)
    (saved / "lamps.htm").write_text(page("Lamps", "The keepers placed none of the lamps upon the wall."))
    prefix = library.address
    brought = watched("import", "folder", "saved", "--prefix", prefix, "--at", "2012-05-06")
    assert (brought.status, brought.out) == (0, "1 capture brought.\n")
    assert "none" in watched("report").out
    assert "none" not in watched("check").out
    assert "none" in watched("show", "lamps.htm@2013-01-01").out
    table = watched("log", "lamps.htm").out.splitlines()
    assert table[2].endswith("  origin")
    assert "saved" in table[3]
    assert "origin" not in watched("log", "ferry.htm").out


def test_damage_is_named_by_file_and_offset(watched: Commands) -> None:
    watched("check")
    watched("export", "warc", "all.warc.gz")
    path = watched.folder / "all.warc.gz"
    path.write_bytes(path.read_bytes()[:-40])
    (watched.folder / "snapshots").rename(watched.folder / "elsewhere")
    done = watched("import", "warc", "all.warc.gz")
    assert done.status == 4
    assert "not brought: all.warc.gz at byte " in done.err


def test_a_file_that_is_no_wacz_is_named(watched: Commands) -> None:
    with zipfile.ZipFile(watched.folder / "other.wacz", "w") as package:
        package.writestr("readme.txt", "nothing")
    done = watched("import", "wacz", "other.wacz")
    assert done.status == 4
    assert "other.wacz at byte 0: no WACZ file: datapackage.json is missing" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--from", "nowhere", "http://127.0.0.1/a"), "no web archive: nowhere"),
        (("http://other.example.org/",), "no site of config.toml watches this page"),
        (("--site", "other"), "other"),
        ((), "Give addresses, or --site."),
    ],
)
def test_memento_refuses_what_cannot_be(watched: Commands, words: tuple[str, ...], says: str) -> None:
    done = watched("import", "memento", *words)
    assert done.status == 2
    assert says in done.err


def test_no_archive_is_asked_without_a_contact(watched: Commands, library: Library) -> None:
    done = watched("import", "memento", f"{library.address}penhale/lamps.htm")
    assert done.status == 2
    assert "contact" in done.err


def test_all_that_an_archive_holds_of_a_site_is_brought(
    watched: Commands, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memento, "BETWEEN_S", 0)
    gone = f"{library.address}penhale/gone.htm"
    archive = LoopbackSite()
    try:
        rows = [
            ["urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length"],
            ["key", "20110203040506", gone, "text/html", "200", "AAA", "1"],
            ["key", "20110203040506", f"{library.address}elsewhere.htm", "text/html", "200", "BBB", "1"],
        ]
        source = f"{archive.base}/cdx/search/cdx"
        below = Archive.named(source).list_below(f"{library.address}penhale/").removeprefix(archive.base)
        archive.pages[below] = Page(json.dumps(rows).encode(), validators=False)
        then = {"Memento-Datetime": "Thu, 03 Feb 2011 04:05:06 GMT"}
        archive.pages[f"/web/20110203040506id_/{gone}"] = Page(page("Gone").encode(), headers=then)
        done = watched("import", "memento", "--site", "penhale", "--from", source)
        assert (done.status, done.out) == (0, "1 capture brought.\n")
        assert len(archive.asked()) == 2
    finally:
        archive.close()
    assert "2011-02-03" in watched("log", "gone.htm").out
