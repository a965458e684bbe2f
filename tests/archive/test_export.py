"""Captures given to others: copied as they are, the same bytes each time."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from archive.material import BASE, SITE, START, Diary, answer
from etolwatch.archive.cdxj import cdx, cdxj, surt, timemap
from etolwatch.archive.export import Selection, entries, export_wacz, export_warc, whole_file
from etolwatch.archive.members import Member, members
from etolwatch.archive.store import Store
from etolwatch.errors import ArchiveError, UsageError
from etolwatch.harvest.past import Brought, bring_wacz, bring_warc
from etolwatch.model import Capture, PassState

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PAGE = f"{BASE}/a.htm"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three passes: a text, the same again by a 304, another; and a page beside it."""
    folder = tmp_path / "snapshots"
    diary = Diary(folder)
    passes = [
        [answer("/a.htm", b"<title>A &amp; B</title><p>one</p>", ETag='"1"'), answer("/b.htm", b"<p>b</p>")],
        [answer("/a.htm", b"", 304), answer("/b.htm", b"<p>b</p>")],
        [answer("/a.htm", b"<p>two</p>", ETag='"2"'), answer("/b.htm", b"<p>gone</p>", 404)],
    ]
    with Store(folder) as written:
        for day, answers in enumerate(passes):
            diary.at = START + timedelta(days=day)
            written.begin_pass(["test"], diary.at)
            for one in answers:
                diary.keep(written, one)
            written.end_pass(PassState.COMPLETE, diary.at)
    return Store.read_only(folder)


def kinds(path: Path) -> list[tuple[str, str]]:
    with path.open("rb") as file:
        return [
            (record.rec_type, record.rec_headers.get_header("WARC-Date")[:10])
            for record in ArchiveIterator(file)
            if record.rec_type != "warcinfo"
        ]


def digests(path: Path) -> set[str]:
    return {member.digest for member in members(path) if isinstance(member, Member)}


def test_records_are_copied_byte_for_byte(store: Store, tmp_path: Path) -> None:
    written = export_warc(store, Selection(), tmp_path / "all.warc.gz")
    assert (len(written.entries), written.damages) == (6, ())
    ours = set().union(*(digests(path) for path in store.warc_folder.iterdir()))
    theirs = digests(tmp_path / "all.warc.gz")
    assert len(theirs - ours) == 1  # the warcinfo that says what the file is
    assert len(kinds(tmp_path / "all.warc.gz")) == 12  # each with its request


def test_the_same_store_gives_the_same_bytes(store: Store, tmp_path: Path) -> None:
    for export, ending in ((export_warc, "warc.gz"), (export_wacz, "wacz")):
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir(exist_ok=True)
            export(store, Selection(), tmp_path / folder / f"all.{ending}")
        one, two = ((tmp_path / folder / f"all.{ending}").read_bytes() for folder in ("one", "two"))
        assert one == two


def test_a_page_and_a_time_range(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "page.warc.gz"
    export_warc(store, Selection(uri=PAGE, since=START + timedelta(days=2)), path)
    assert kinds(path) == [("response", "2026-11-04"), ("request", "2026-11-04")]
    export_warc(store, Selection(uri=PAGE, until=START + timedelta(hours=5)), path)
    assert kinds(path) == [("response", "2026-11-02"), ("request", "2026-11-02")]


def test_a_revisit_brings_its_response_along(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "second-day.warc.gz"
    second = Selection(uri=PAGE, since=START + timedelta(days=1), until=START + timedelta(days=1, hours=9))
    export_warc(store, second, path)
    assert [kind for kind in kinds(path) if kind[0] != "request"] == [
        ("response", "2026-11-02"),
        ("revisit", "2026-11-03"),
    ]


def test_what_is_exported_can_be_brought_elsewhere(store: Store, tmp_path: Path) -> None:
    export_warc(store, Selection(), tmp_path / "all.warc.gz")
    export_wacz(store, Selection(), tmp_path / "all.wacz")
    with Store(tmp_path / "other") as other:
        assert bring_warc(other, [SITE], tmp_path / "all.warc.gz", NOW) == Brought(captures=6)
        assert bring_wacz(other, [SITE], tmp_path / "all.wacz", NOW) == Brought(held=6)
        ours, theirs = store.catalog.captures(PAGE), other.catalog.captures(PAGE)
        assert [c.record_id for c in ours] == [c.record_id for c in theirs]
        assert [store.payload(c).body for c in ours] == [other.payload(c).body for c in theirs]


def test_what_was_brought_is_exported_with_our_note(store: Store, tmp_path: Path) -> None:
    export_warc(store, Selection(uri=PAGE), tmp_path / "all.warc.gz")
    with Store(tmp_path / "other") as other:
        bring_warc(other, [SITE], tmp_path / "all.warc.gz", NOW)
    with Store.read_only(tmp_path / "other") as other:
        export_warc(other, Selection(), tmp_path / "again.warc.gz")
    data = gzip.decompress((tmp_path / "again.warc.gz").read_bytes())
    assert data.count(b"Etolwatch-Origin: all.warc.gz\r\n") == 3
    assert data.count(b"WARC-Type: request\r\n") == 3


def damage(store: Store, capture: Capture) -> str:
    """Damages the record of a capture; gives back its place."""
    path = store.path_of(capture)
    data = bytearray(path.read_bytes())
    data[capture.offset + capture.length // 2] ^= 1
    path.write_bytes(data)
    return f"{path} at byte {capture.offset}"


@pytest.mark.parametrize("name", ["all.warc.gz", "all.wacz"])
def test_a_damaged_record_is_named_and_the_others_are_given(store: Store, tmp_path: Path, name: str) -> None:
    """The first text of a page, and the revisit that stands for it."""
    export = export_wacz if name.endswith("wacz") else export_warc
    first, revisit, third = store.catalog.captures(PAGE)
    places = [damage(store, first), f"{store.path_of(revisit)} at byte {revisit.offset}"]
    exported = export(store, Selection(), tmp_path / name)
    assert [one.place for one in exported.damages] == places
    assert exported.damages[1].reason == "it stands for a record that is damaged"
    given = {entry.capture.record_id for entry in exported.entries}
    every = {entry.capture.record_id for entry in entries(store, Selection())}
    assert every - given == {first.record_id, revisit.record_id}
    assert third.record_id in given
    bring = bring_wacz if name.endswith("wacz") else bring_warc
    with Store(tmp_path / "other") as other:
        assert bring(other, [SITE], tmp_path / name, NOW) == Brought(captures=4)


def test_a_missing_file_is_named_once_and_the_others_are_given(store: Store, tmp_path: Path) -> None:
    third = store.catalog.captures(PAGE)[2]
    path = store.path_of(third)
    path.unlink()
    exported = export_warc(store, Selection(), tmp_path / "all.warc.gz")
    assert [one.place for one in exported.damages] == [str(path)]
    assert {entry.capture.captured_at.day for entry in exported.entries} == {2, 3}


def test_a_damaged_request_takes_nothing_with_it(store: Store, tmp_path: Path) -> None:
    first = store.catalog.captures(PAGE)[0]
    path = store.path_of(first)
    data = bytearray(path.read_bytes())
    data[first.offset + first.length + 40] ^= 1
    path.write_bytes(data)
    exported = export_warc(store, Selection(), tmp_path / "all.warc.gz")
    assert (len(exported.entries), exported.damages) == (6, ())
    assert len(kinds(tmp_path / "all.warc.gz")) == 11


def test_where_nothing_can_be_read_nothing_is_written(store: Store, tmp_path: Path) -> None:
    place = damage(store, store.catalog.captures(PAGE)[0])
    only = Selection(uri=PAGE, until=START + timedelta(days=1, hours=12))
    with pytest.raises(ArchiveError, match="nothing of what is selected can be read") as raised:
        export_warc(store, only, tmp_path / "all.warc.gz")
    assert raised.value.subject == place
    assert "etolwatch verify" in raised.value.cause
    assert list(tmp_path.iterdir()) == [tmp_path / "snapshots"]


def test_a_plain_file_has_the_same_records(store: Store, tmp_path: Path) -> None:
    packed = export_warc(store, Selection(), tmp_path / "all.warc.gz")
    plain = export_warc(store, Selection(), tmp_path / "all.warc")
    data = (tmp_path / "all.warc").read_bytes()
    name = b"WARC-Filename: all.warc"
    assert data.startswith(b"WARC/1.1\r\n")
    assert data.replace(name, name + b".gz") == gzip.decompress((tmp_path / "all.warc.gz").read_bytes())
    for one, other in zip(plain.entries, packed.entries, strict=True):
        record = data[one.offset : one.offset + one.length].decode("latin-1")
        assert one.capture == other.capture
        assert f"WARC-Record-ID: <{one.capture.record_id}>\r\n" in record
        assert record.startswith("WARC/1.1\r\n")
        assert record.endswith("\r\n\r\n")
    with Store(tmp_path / "other") as other_store:
        assert bring_warc(other_store, [SITE], tmp_path / "all.warc", NOW) == Brought(captures=6)


def test_nothing_selected_is_said_and_nothing_written(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no captures are selected: site other"):
        export_wacz(store, Selection(site="other"), tmp_path / "other.wacz")
    assert list(tmp_path.iterdir()) == [tmp_path / "snapshots"]


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("before")
    with pytest.raises(TypeError), whole_file(tmp_path / "list") as file:
        file.write("what cannot be written")  # type: ignore[arg-type]
    assert (tmp_path / "list").read_text() == "before"
    with pytest.raises(ArchiveError, match="cannot write"), whole_file(tmp_path / "absent" / "list"):
        pass


# ── WACZ ─────────────────────────────────────────────────────────────────────────────


def test_a_wacz_has_its_parts_and_their_digests(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "all.wacz"
    export_wacz(store, Selection(), path)
    with zipfile.ZipFile(path) as package:
        assert package.namelist() == [
            "archive/data.warc.gz",
            "indexes/index.cdxj",
            "pages/pages.jsonl",
            "datapackage.json",
            "datapackage-digest.json",
        ]
        assert {info.compress_type for info in package.infolist()} == {zipfile.ZIP_STORED}
        about = json.loads(package.read("datapackage.json"))
        assert (about["profile"], about["wacz_version"]) == ("data-package", "1.1.1")
        for resource in about["resources"]:
            data = package.read(resource["path"])
            assert resource["bytes"] == len(data)
            assert resource["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        digest = json.loads(package.read("datapackage-digest.json"))
        assert digest["hash"] == f"sha256:{hashlib.sha256(package.read('datapackage.json')).hexdigest()}"


def test_its_index_points_at_the_records(store: Store, tmp_path: Path) -> None:
    export_wacz(store, Selection(), tmp_path / "all.wacz")
    with zipfile.ZipFile(tmp_path / "all.wacz") as package:
        data = package.read("archive/data.warc.gz")
        lines = package.read("indexes/index.cdxj").decode().splitlines()
    assert lines == sorted(lines)
    for line in lines:
        _, stamp, fields = line.split(" ", 2)
        about = json.loads(fields)
        begin = int(about["offset"])
        record = gzip.decompress(data[begin : begin + int(about["length"])]).decode("latin-1")
        assert f"WARC-Target-URI: {about['url']}\r\n" in record
        assert f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T" in record


def test_its_pages_are_the_texts(store: Store, tmp_path: Path) -> None:
    export_wacz(store, Selection(), tmp_path / "all.wacz")
    with zipfile.ZipFile(tmp_path / "all.wacz") as package:
        head, *pages = map(json.loads, package.read("pages/pages.jsonl").decode().splitlines())
    assert head["format"] == "json-pages-1.0"
    assert [(page["url"], page["ts"][:10], page["title"]) for page in pages] == [
        (PAGE, "2026-11-02", "A & B"),
        (PAGE, "2026-11-04", PAGE),
        (f"{BASE}/b.htm", "2026-11-02", f"{BASE}/b.htm"),
    ]
    assert len({page["id"] for page in pages}) == 3


# ── lists ────────────────────────────────────────────────────────────────────────────

ADDRESSES = [
    ("https://www.example.org/", "org,example)/"),
    ("http://example.org", "org,example)/"),
    ("http://www2.Example.org:80/A/B.htm", "org,example)/a/b.htm"),
    ("https://example.org:8443/a/", "org,example:8443)/a"),
    ("http://example.org/a?b=2&a=1", "org,example)/a?a=1&b=2"),
    ("http://example.org/a%7Eb%20c", "org,example)/a~b%20c"),
    ("http://example.org/caf%C3%A9.htm", "org,example)/caf%c3%a9.htm"),
]


@pytest.mark.parametrize(("uri", "key"), ADDRESSES)
def test_keys_are_surts(uri: str, key: str) -> None:
    assert surt(uri) == key


@pytest.mark.skipif(importlib.util.find_spec("surt") is None, reason="surt is not installed: make interop")
@pytest.mark.parametrize("uri", [uri for uri, _ in ADDRESSES])
def test_keys_are_those_of_the_internet_archive(uri: str) -> None:
    import surt as internet_archive

    assert surt(uri) == internet_archive.surt(uri)


def test_cdxj_of_the_store_itself(store: Store) -> None:
    lines = cdxj(entries(store, Selection(uri=PAGE)))
    words = [line.split(" ", 2) for line in lines]
    assert [word[:2] for word in words] == [
        ["org,example)/a.htm", "20261102050000"],
        ["org,example)/a.htm", "20261103050000"],
        ["org,example)/a.htm", "20261104050000"],
    ]
    about = [json.loads(word[2]) for word in words]
    assert [one["mime"] for one in about] == ["text/html", "warc/revisit", "text/html"]
    assert about[0]["digest"] == about[1]["digest"] != about[2]["digest"]
    assert all((store.warc_folder / one["filename"]).exists() for one in about)


def test_cdx_in_seven_columns(store: Store) -> None:
    lines = [line.split() for line in cdx(entries(store, Selection()))]
    assert [(line[1][:8], line[2], line[3], line[4]) for line in lines] == [
        ("20261102", PAGE, "text/html", "200"),
        ("20261103", PAGE, "warc/revisit", "-"),
        ("20261104", PAGE, "text/html", "200"),
        ("20261102", f"{BASE}/b.htm", "text/html", "200"),
        ("20261103", f"{BASE}/b.htm", "warc/revisit", "-"),
        ("20261104", f"{BASE}/b.htm", "text/html", "404"),
    ]


def test_a_timemap(store: Store) -> None:
    captures = store.catalog.captures(PAGE)
    base = "http://localhost:8080/all/"
    first, *_, last = lines = timemap(PAGE, captures, base).splitlines()
    assert first == f'<{PAGE}>; rel="original",'
    assert lines[1] == (
        f'<{base}timemap/link/{PAGE}>; rel="self"; type="application/link-format";'
        ' from="Mon, 02 Nov 2026 05:00:00 GMT"; until="Wed, 04 Nov 2026 05:00:00 GMT",'
    )
    assert lines[2] == f'<{base}{PAGE}>; rel="timegate",'
    assert lines[3].startswith(f'<{base}20261102050000/{PAGE}>; rel="memento"; ')
    assert last == f'<{base}20261104050000/{PAGE}>; rel="memento"; datetime="Wed, 04 Nov 2026 05:00:00 GMT"'
    assert (
        timemap(PAGE, [], base).splitlines()[1]
        == f'<{base}timemap/link/{PAGE}>; rel="self"; type="application/link-format",'
    )
