"""Captures that others made, on the timelines of the watched pages."""

from __future__ import annotations

import gzip
import os
import shutil
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from archive.material import BASE, SITE, Diary, answer
from etolwatch.archive import foreign
from etolwatch.archive.bring import is_import
from etolwatch.archive.foreign import Damage
from etolwatch.archive.store import CATALOG, Store
from etolwatch.errors import FixityError, UsageError
from etolwatch.harvest.past import Brought, bring_folder, bring_wacz, bring_warc, page_of, spellings
from etolwatch.model import Capture, Outcome, PassState, RecordType

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OLD = "2011-03-04T05:06:07Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


class Others:
    """A WARC file as another program writes it."""

    def __init__(self, path: Path, *, packed: bool = True, version: str = "WARC/1.0") -> None:
        self.path = path
        self._file = path.open("wb")
        self.writer = WARCWriter(self._file, gzip=packed, warc_version=version)
        self._info()

    def _info(self) -> None:
        record = self.writer.create_warcinfo_record(self.path.name, {"software": "Crawler/3.1"})
        self.writer.write_record(record)

    def response(
        self,
        path: str,
        body: bytes,
        at: str = OLD,
        *,
        base: str = BASE,
        status: str = "200 OK",
        **headers: str,
    ) -> str:
        """Writes a response and its request; gives back its id."""
        named = {"Content-Type": "text/html", **{k.replace("_", "-"): v for k, v in headers.items()}}
        http = StatusAndHeaders(status, list(named.items()), protocol="HTTP/1.1")
        record = self.writer.create_warc_record(
            base + path,
            "response",
            payload=BytesIO(body),
            http_headers=http,
            warc_headers_dict={"WARC-Date": at},
        )
        head = StatusAndHeaders(f"GET {path} HTTP/1.1", [("Host", "x")], is_http_request=True)
        request = self.writer.create_warc_record(
            base + path, "request", payload=BytesIO(), length=0, http_headers=head
        )
        self.writer.write_request_response_pair(request, record)
        for written in (request, record):
            written.raw_stream.close()  # warcio leaves its temporary file to the collector
        return str(record.rec_headers.get_header("WARC-Record-ID"))

    def revisit(self, path: str, digest: str, at: str, refers_at: str = OLD, *, base: str = BASE) -> None:
        record = self.writer.create_revisit_record(
            base + path,
            digest=digest,
            refers_to_uri=base + path,
            refers_to_date=refers_at,
            http_headers=StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1"),
            warc_headers_dict={"WARC-Date": at},
        )
        self.writer.write_record(record)
        record.raw_stream.close()

    def done(self) -> Path:
        self._file.close()
        return self.path


def watched(folder: Path, *bodies: bytes) -> Diary:
    """A store with passes of our own over one page, each with a body."""
    diary = Diary(folder)
    with Store(folder) as store:
        for body in bodies:
            store.begin_pass(["test"], diary.at)
            diary.keep(store, answer("/a.htm", body))
            store.end_pass(PassState.COMPLETE, diary.at)
    return diary


def bring(folder: Path, path: Path) -> Brought:
    with Store(folder) as store:
        return bring_warc(store, [SITE], path, NOW)


def timeline(folder: Path, path: str = "/a.htm") -> list[tuple[int, Outcome, str | None]]:
    with Store.read_only(folder) as store:
        return [(c.captured_at.year, c.outcome, c.origin) for c in store.catalog.captures(BASE + path)]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("version", ["WARC/1.0", "WARC/1.1"])
def test_older_captures_come_before_ours(folder: Path, tmp_path: Path, packed: bool, version: str) -> None:
    watched(folder, b"<p>now</p>")
    others = Others(tmp_path / "old.warc", packed=packed, version=version)
    others.response("/a.htm", b"<p>then</p>")
    brought = bring(folder, others.done())
    assert brought == Brought(captures=1)
    assert timeline(folder) == [(2011, Outcome.NEW, "old.warc"), (2026, Outcome.NEW, None)]
    with Store.read_only(folder) as store:
        first, ours = store.catalog.captures(f"{BASE}/a.htm")
        assert store.payload(first).body == b"<p>then</p>"
        assert store.catalog.previous_version(ours) == first
        assert store.catalog.capture_at(f"{BASE}/a.htm", datetime(2015, 1, 1, tzinfo=UTC)) == first
        assert store.catalog.history(f"{BASE}/a.htm").version == ours  # type: ignore[union-attr]


def test_the_record_is_kept_as_it_was(folder: Path, tmp_path: Path) -> None:
    others = Others(tmp_path / "old.warc.gz")
    record_id = others.response("/a.htm", b"<p>then</p>", X_Odd="kept")
    bring(folder, others.done())
    (kept,) = (folder / "warc").iterdir()
    assert is_import(kept.name)
    theirs, ours = gzip.decompress(others.path.read_bytes()), gzip.decompress(kept.read_bytes())
    (record,) = (b"WARC/1.0\r\n" + part for part in theirs.split(b"WARC/1.0\r\n") if b"<p>then</p>" in part)
    assert record in ours
    with kept.open("rb") as file:
        kinds = [(r.rec_type, r.rec_headers.get_header("WARC-Record-ID")) for r in ArchiveIterator(file)]
    assert [kind for kind, _ in kinds] == [
        "warcinfo",
        "warcinfo",
        "response",
        "metadata",
        "request",
        "metadata",
    ]
    assert kinds[2][1] == record_id
    assert b"Etolwatch-Origin: old.warc.gz\r\n" in ours
    assert b"software: Crawler/3.1" in ours


def test_a_second_import_brings_nothing(folder: Path, tmp_path: Path) -> None:
    others = Others(tmp_path / "old.warc.gz")
    others.response("/a.htm", b"<p>then</p>")
    path = others.done()
    bring(folder, path)
    assert bring(folder, path) == Brought(held=1)
    again = Others(tmp_path / "same.warc.gz")  # another record of the same page, second and bytes
    again.response("/a.htm", b"<p>then</p>")
    assert bring(folder, again.done()) == Brought(held=1)
    assert len(list((folder / "warc").iterdir())) == 1


def test_what_is_not_watched_or_kept_is_counted(folder: Path, tmp_path: Path) -> None:
    others = Others(tmp_path / "old.warc.gz")
    others.response("/a.htm", b"<p>elsewhere</p>", base="https://other.example.org")
    others.response("/style.css", b"p {}", Content_Type="text/css")
    others.response("/robots.txt", b"User-agent: *", Content_Type="text/plain")
    others.response("/b.htm", b"", status="301 Moved", base="http://example.org", Location=f"{BASE}/b.htm")
    others.response("/c.htm", b"<p>gone</p>", status="404 Not Found")
    assert bring(folder, others.done()) == Brought(captures=1, outside=1, other=3)
    assert timeline(folder, "/c.htm") == [(2011, Outcome.GONE, "old.warc.gz")]


@pytest.mark.parametrize(
    "base",
    ["http://www.example.org", "http://www.example.org:80", "http://example.org", "https://example.org:443"],
)
def test_spellings_of_an_address_are_one_page(folder: Path, tmp_path: Path, base: str) -> None:
    watched(folder, b"<p>now</p>")
    others = Others(tmp_path / "old.warc.gz")
    others.response("/a.htm", b"<p>then</p>", base=base)
    bring(folder, others.done())
    assert [year for year, _, _ in timeline(folder)] == [2011, 2026]


def test_a_spelling_keeps_its_path() -> None:
    assert spellings("http://WWW.Example.org:80/A?b=1") == [
        "http://www.example.org/A?b=1",
        "https://www.example.org/A?b=1",
        "http://example.org/A?b=1",
        "https://example.org/A?b=1",
    ]
    assert spellings("mailto:keeper@example.org") == []


def test_captures_between_ours_are_judged_between_them(folder: Path, tmp_path: Path) -> None:
    diary = watched(folder, b"<p>one</p>", b"<p>two</p>")
    others = Others(tmp_path / "between.warc.gz")
    between = diary.at - timedelta(minutes=30)
    others.response("/a.htm", b"<p>between</p>", between.isoformat().replace("+00:00", "Z"))
    bring(folder, others.done())
    with Store.read_only(folder) as store:
        first, brought, last = store.catalog.captures(f"{BASE}/a.htm")
        assert brought.outcome is Outcome.CHANGED
        assert store.catalog.previous_version(last) == brought
        assert store.catalog.previous_version(brought) == first


def test_the_same_text_of_before_makes_ours_no_news(folder: Path, tmp_path: Path) -> None:
    watched(folder, b"<p>as ever</p>")
    others = Others(tmp_path / "old.warc.gz")
    others.response("/a.htm", b"<p>as ever</p>")
    bring(folder, others.done())
    with Store.read_only(folder) as store:
        assert [c.origin for c in store.catalog.unjudged()] == ["old.warc.gz"]
        assert store.catalog.summary("test").versions == 1


def test_revisits_are_tied_to_what_they_stand_for(folder: Path, tmp_path: Path) -> None:
    others = Others(tmp_path / "old.warc.gz")
    others.revisit("/a.htm", "sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "2012-01-01T00:00:00Z")
    others.response("/a.htm", b"<p>then</p>")
    others.revisit("/b.htm", "sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "2012-01-01T00:00:00Z")
    brought = bring(folder, others.done())
    assert (brought.captures, [d.reason for d in brought.damages]) == (
        2,
        ["a revisit of a response that is not held"],
    )
    with Store.read_only(folder) as store:
        response, revisit = store.catalog.captures(f"{BASE}/a.htm")
        assert (revisit.record_type, revisit.outcome) == (RecordType.REVISIT, Outcome.UNCHANGED)
        assert revisit.refers_to == response.record_id
        assert store.payload(revisit).body == b"<p>then</p>"


def test_codings_that_others_keep_are_taken_off(folder: Path, tmp_path: Path) -> None:
    others = Others(tmp_path / "old.warc.gz")
    packed = gzip.compress(b"<p>then</p>", mtime=0)
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed)
    others.response("/a.htm", chunked, Transfer_Encoding="chunked", Content_Encoding="gzip")
    bring(folder, others.done())
    with Store.read_only(folder) as store:
        (capture,) = store.catalog.captures(f"{BASE}/a.htm")
        assert store.payload(capture).body == b"<p>then</p>"


def test_a_flipped_byte_in_what_was_brought_is_found(folder: Path, tmp_path: Path) -> None:
    others = Others(tmp_path / "old.warc.gz")
    others.response("/a.htm", b"<p>then</p>")
    bring(folder, others.done())
    with Store.read_only(folder) as store:
        (capture,) = store.catalog.captures(f"{BASE}/a.htm")
        path = store.path_of(capture)
        data = bytearray(path.read_bytes())
        data[capture.offset + capture.length // 2] ^= 1
        path.write_bytes(data)
        with pytest.raises(FixityError):
            store.payload(capture)


# ── damage ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("packed", [True, False])
def test_a_damaged_record_is_named_and_the_others_are_brought(
    folder: Path, tmp_path: Path, packed: bool
) -> None:
    others = Others(tmp_path / "old.warc", packed=packed)
    for name in "abc":
        others.response(f"/{name}.htm", f"<p>{name * 50}</p>".encode())
    path = others.done()
    found = [raw for raw in foreign.raw_records(path) if not isinstance(raw, Damage)]
    damaged = next(raw for raw in found if b"b.htm" in raw.data)
    data = bytearray(path.read_bytes())
    data[damaged.at + damaged.length - 12] ^= 0x55
    path.write_bytes(data)
    brought = bring(folder, path)
    assert brought.captures == 2
    (damage,) = brought.damages
    assert damage.place == f"{path} at byte {damaged.at}"


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_cut_off_is_brought_up_to_there(folder: Path, tmp_path: Path, packed: bool) -> None:
    others = Others(tmp_path / "old.warc", packed=packed)
    others.response("/a.htm", b"<p>a</p>")
    whole = others.path.stat().st_size if not packed else 0
    others.response("/b.htm", b"<p>b</p>" * 100)
    path = others.done()
    starts = [raw.at for raw in foreign.raw_records(path) if not isinstance(raw, Damage)]
    path.write_bytes(path.read_bytes()[: starts[3] + 60])
    brought = bring(folder, path)
    assert brought.captures == 1
    assert [damage.place for damage in brought.damages] == [f"{path} at byte {starts[3]}"]
    assert whole >= 0


def test_what_is_no_archive_is_said(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes")
    assert [d.place for d in bring(folder, path).damages] == [f"{path} at byte 0"]
    with pytest.raises(UsageError, match="cannot read"):
        bring(folder, tmp_path / "absent.warc.gz")


def test_an_import_that_was_cut_short_is_finished(folder: Path, tmp_path: Path) -> None:
    others = Others(tmp_path / "old.warc.gz")
    others.response("/a.htm", b"<p>then</p>")
    others.response("/b.htm", b"<p>then, too</p>")
    bring(folder, others.done())
    (kept,) = (folder / "warc").iterdir()
    whole = kept.read_bytes()
    kept.with_name(kept.name + ".open").write_bytes(whole[:-5])
    kept.unlink()
    (folder / CATALOG).unlink()
    with Store(folder) as store:
        assert [path.name for path in store.warc_folder.glob("*.gz")] == [kept.name]
        assert timeline(folder) == [(2011, Outcome.NEW, "old.warc.gz")]
        assert store.payload(store.catalog.captures(f"{BASE}/b.htm")[0]).body == b"<p>then, too</p>"


def test_the_catalog_is_the_same_when_made_again(folder: Path, tmp_path: Path) -> None:
    watched(folder, b"<p>one</p>", b"<p>two</p>")
    others = Others(tmp_path / "old.warc.gz")
    others.response("/a.htm", b"<p>then</p>")
    others.revisit("/a.htm", "sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "2012-01-01T00:00:00Z")
    others.response("/a.htm", b"", "2013-01-01T00:00:00Z", status="302 Found", Location=f"{BASE}/b.htm")
    bring(folder, others.done())

    def everything() -> list[Capture]:
        with Store(folder) as store:
            return store.catalog.captures(f"{BASE}/a.htm")

    before = everything()
    assert len(before) == 5
    (folder / CATALOG).unlink()
    assert everything() == before


# ── other forms ──────────────────────────────────────────────────────────────────────


def test_a_folder_of_saved_pages(folder: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    (saved / "sub").mkdir(parents=True)
    (saved / "sub" / "a page.htm").write_bytes(b"<p>saved</p>")
    (saved / ".hidden.htm").write_bytes(b"<p>hidden</p>")
    (saved / "picture.png").write_bytes(b"\x89PNG")
    stamp = datetime(2009, 8, 7, 6, 5, 4, tzinfo=UTC)
    os.utime(saved / "sub" / "a page.htm", (stamp.timestamp(), stamp.timestamp()))
    with Store(folder) as store:
        assert bring_folder(store, [SITE], saved, f"{BASE}/", NOW, None) == Brought(captures=1, other=1)
        assert bring_folder(store, [SITE], saved, f"{BASE}/", NOW, None) == Brought(held=1, other=1)
        dated = datetime(2010, 1, 2, tzinfo=UTC)
        assert bring_folder(store, [SITE], saved, f"{BASE}/", NOW, dated).captures == 1
        first, second = store.catalog.captures(f"{BASE}/sub/a%20page.htm")
        assert (first.captured_at, second.captured_at) == (stamp, dated)
        assert first.record_type is RecordType.RESOURCE
        assert second.last_modified == "Fri, 07 Aug 2009 06:05:04 GMT"
        assert store.payload(first).body == b"<p>saved</p>"


def test_an_arc_file(folder: Path, tmp_path: Path) -> None:
    lines = ("HTTP/1.1 200 OK", "Content-Type: text/html", "Last-Modified: Mon, 03 Jan 2000 00:00:00 GMT")
    page = "\r\n".join((*lines, "", "<p>arc</p>")).encode()
    info = b"1 0 Crawler\nURL IP-address Archive-date Content-type Archive-length\n"
    head = b"filedesc://old.arc 0.0.0.0 20000101000000 text/plain %d\n" % len(info)
    line = b"http://www.example.org:80/a.htm 192.0.2.1 20000203040506 text/html %d\n" % len(page)
    path = tmp_path / "old.arc.gz"
    path.write_bytes(gzip.compress(head + info + b"\n") + gzip.compress(line + page + b"\n"))
    assert bring(folder, path) == Brought(captures=1)
    assert bring(folder, path) == Brought(held=1)
    with Store.read_only(folder) as store:
        (capture,) = store.catalog.captures(f"{BASE}/a.htm")
        assert capture.captured_at == datetime(2000, 2, 3, 4, 5, 6, tzinfo=UTC)
        assert capture.last_modified == "Mon, 03 Jan 2000 00:00:00 GMT"
        assert store.payload(capture).body == b"<p>arc</p>"


def test_a_wacz_that_differs_from_its_digest_is_told(folder: Path, tmp_path: Path) -> None:
    others = Others(tmp_path / "old.warc.gz")
    others.response("/a.htm", b"<p>then</p>")
    path = tmp_path / "old.wacz"
    with zipfile.ZipFile(path, "w") as package:
        package.write(others.done(), "archive/old.warc.gz")
        package.writestr(
            "datapackage.json", '{"resources": [{"path": "archive/old.warc.gz", "hash": "sha256:00"}]}'
        )
    with Store(folder) as store:
        brought = bring_wacz(store, [SITE], path, NOW)
    assert (brought.captures, len(brought.damages)) == (1, 1)
    assert brought.damages[0].place == f"{path}: archive/old.warc.gz at byte 0"
    assert timeline(folder) == [(2011, Outcome.NEW, "old.wacz: archive/old.warc.gz")]


def test_the_site_is_told_by_its_scope(folder: Path) -> None:
    other = replace(SITE, name="other", scope=("http://example.org/x/",))
    with Store(folder) as store:
        assert page_of([other, SITE], store.catalog, "https://www.example.org/x/a.htm") == (
            f"{BASE}/x/a.htm",
            SITE,
        )
        assert page_of([other], store.catalog, f"{BASE}/x/a.htm") == ("http://example.org/x/a.htm", other)


def test_a_copy_of_our_own_is_held_already(folder: Path, tmp_path: Path) -> None:
    watched(folder, b"<p>now</p>", b"<p>now</p>")
    copy = tmp_path / "copy"
    shutil.copytree(folder / "warc", copy)
    for path in sorted(copy.iterdir()):
        assert bring(folder, path) == Brought(held=1)
