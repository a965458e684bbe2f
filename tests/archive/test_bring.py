"""Captures that others made, on the timelines of the watched pages."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import threading
import tracemalloc
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from archive.material import BASE, SITE, Diary, answer
from archive.stores import config_of, lose_catalog, rows
from etolwatch import jobs
from etolwatch.archive import catalog as catalogs
from etolwatch.archive import chain, foreign, reindex
from etolwatch.archive.bring import Import, Placing
from etolwatch.archive.codings import payload_digest_of
from etolwatch.archive.export import Selection, export_warc
from etolwatch.archive.foreign import Damage, Found
from etolwatch.archive.members import Member, members
from etolwatch.archive.naming import CATALOG, is_import
from etolwatch.archive.store import Store
from etolwatch.archive.verify import verify
from etolwatch.contract import finding_from_dict
from etolwatch.errors import FixityError, UsageError
from etolwatch.harvest.decide import decide
from etolwatch.harvest.past import Brought, bring_folder, bring_wacz, bring_warc, page_of, spellings
from etolwatch.harvest.scope import asks_for
from etolwatch.model import Capture, Finding, Outcome, PassState, RecordType, Requisite, Via, Visit

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


HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
ID = "urn:uuid:00000000-0000-0000-0000-%012d"


def record(block: bytes, *fields: tuple[str, str], version: str = "WARC/1.0") -> bytes:
    """A record put together by hand: with exactly these fields, in their case, and no digest."""
    lines = [version, *(f"{name}: {value}" for name, value in (*fields, ("Content-Length", str(len(block)))))]
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + block + b"\r\n\r\n"


def response(number: int, body: bytes, *more: tuple[str, str], head: bytes = HTTP, at: str = "") -> bytes:
    """A response of a.htm, made in 2000 + number."""
    return record(
        head + body,
        ("WARC-Type", "response"),
        ("WARC-Record-ID", f"<{ID % number}>"),
        ("WARC-Date", at or f"{2000 + number}-03-04T05:06:07Z"),
        ("WARC-Target-URI", f"{BASE}/a.htm"),
        ("Content-Type", "application/http; msgtype=response"),
        *more,
    )


def written(path: Path, *records: bytes) -> Path:
    """A WARC file of these records, a gzip member each; or plain, where its name says so."""
    packed = records if path.suffix == ".warc" else [gzip.compress(one, mtime=0) for one in records]
    path.write_bytes(b"".join(packed))
    return path


def years(folder: Path) -> list[int]:
    return [year for year, _, _ in timeline(folder)]


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


@pytest.mark.parametrize("file", ["old.warc.gz", "old.warc"])
def test_a_large_member_is_read_record_by_record(tmp_path: Path, file: str) -> None:
    """Forty records of a megabyte, in one gzip member or plain: a few are in memory at a time."""
    data = b"".join(response(number, bytes(1 << 20)) for number in range(40))
    path = tmp_path / file
    path.write_bytes(gzip.compress(data, 1) if file.endswith("gz") else data)
    tracemalloc.start()
    try:
        lengths = [len(raw.data) for raw in foreign.raw_records(path) if not isinstance(raw, Damage)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(lengths) == 40
    assert min(lengths) > 1 << 20
    assert peak < 12 << 20


def test_of_a_large_member_that_is_cut_off_the_beginning_is_brought(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.warc.gz"
    dice = random.Random(1958)
    bodies = [dice.randbytes(3000).hex().encode() for _ in range(4)]
    whole = gzip.compress(b"".join(response(n, body) for n, body in enumerate(bodies)), mtime=0)
    path.write_bytes(whole[: len(whole) * 5 // 8])
    brought = bring(folder, path)
    assert years(folder) == [2000, 2001]
    assert brought.damages == (Damage(f"{path} at byte 0", "a gzip member is cut off"),)


def test_of_a_large_member_that_is_damaged_what_is_proven_is_brought(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.warc.gz"
    bodies = [b"<p>one</p>", b"<p>two</p>", b"<p>three</p>"]
    digests = [("WARC-Block-Digest", payload_digest_of(HTTP + body)) for body in bodies]
    proven, other = response(0, bodies[0], digests[0]), response(2, bodies[2])
    altered = response(1, bodies[1], digests[1]).replace(b"two", b"TWO")
    whole = gzip.compress(proven + altered + other, mtime=0)
    path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])  # gzip's own check sum
    (damage,) = bring(folder, path).damages
    assert damage.reason.startswith("a gzip member is damaged")
    assert years(folder) == [2000]


# ── records that our own verification must bear ──────────────────────────────────────


def stands(folder: Path) -> None:
    """Whether the store holds, also when its catalog is made again."""
    assert verify(folder).faults == ()
    before = timeline(folder)
    lose_catalog(folder)
    with Store(folder):
        assert timeline(folder) == before
    assert verify(folder).faults == ()


def test_names_of_fields_have_any_case(folder: Path, tmp_path: Path) -> None:
    fields = {"warc-type": "response", "warc-record-id": f"<{ID % 1}>", "warc-date": OLD}
    fields |= {"warc-target-uri": f"{BASE}/a.htm", "content-type": "application/http; msgtype=response"}
    path = written(tmp_path / "old.warc.gz", record(HTTP + b"<p>then</p>", *fields.items()))
    assert bring(folder, path) == Brought(captures=1)
    with Store.read_only(folder) as store:
        (capture,) = store.catalog.captures(f"{BASE}/a.htm")
        assert store.payload(capture).body == b"<p>then</p>"
    stands(folder)


INFO = (("WARC-Type", "warcinfo"), ("WARC-Record-ID", "<urn:uuid:1>"), ("WARC-Date", OLD))
WRONG = ("WARC-Block-Digest", "sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")


@pytest.mark.parametrize(
    ("beside", "reason"),
    [
        (record(b"software: x\r\n", *INFO, version="WARC/0.18"), "does not begin as a WARC record"),
        (record(b"software: x\r\n", *INFO, ("X-Note", "one\r\n folded")), "no field"),
        (record(b"software: x\r\n", *INFO, WRONG), "the block is not what was recorded"),
        (record(b"software: x\r\n", *INFO[:2]), "no WARC-Date"),
        (
            record(
                b"GET / HTTP/1.1\r\n\r\n",
                ("WARC-Type", "request"),
                ("WARC-Record-ID", "<urn:uuid:2>"),
                ("WARC-Date", OLD),
                ("WARC-Concurrent-To", f"<{ID % 1}>"),
                WRONG,
            ),
            "a request record: the block is not what was recorded",
        ),
    ],
)
def test_what_goes_with_a_capture_is_told_if_it_is_wrong(
    folder: Path, tmp_path: Path, beside: bytes, reason: str
) -> None:
    path = written(tmp_path / "old.warc.gz", beside, response(1, b"<p>then</p>"))
    brought = bring(folder, path)
    assert (brought.captures, len(brought.damages)) == (1, 1)
    assert brought.damages[0].place == f"{path} at byte 0"
    assert reason in brought.damages[0].reason
    assert len(list((folder / "warc").iterdir())) == 1
    stands(folder)


@pytest.mark.parametrize(
    "field",
    [
        ("Etolwatch-Site", "other"),
        ("Etolwatch-Outcome", "robots"),
        ("Etolwatch-Origin", "elsewhere"),
        ("Etolwatch-Record", "journal"),
        ("Etolwatch-Record", "chain"),
        ("X-Long", "a" * 100_000),
    ],
)
def test_no_field_makes_a_record_of_others_one_of_ours(
    folder: Path, tmp_path: Path, field: tuple[str, str]
) -> None:
    info = record(b"software: x\r\n", field, *INFO)
    path = written(tmp_path / "old.warc.gz", info, record_with_first(field), response(2, b"<p>later</p>"))
    assert bring(folder, path) == Brought(captures=2)
    stands(folder)


def record_with_first(field: tuple[str, str]) -> bytes:
    """A response that begins with this field, before its id."""
    first, rest = response(1, b"<p>then</p>").split(b"\r\n", 1)
    return first + f"\r\n{field[0]}: {field[1]}\r\n".encode() + rest


def test_two_captures_with_one_id_are_told(folder: Path, tmp_path: Path) -> None:
    first, other = response(1, b"<p>then</p>"), response(1, b"<p>other</p>")
    path = written(tmp_path / "old.warc.gz", first, other)
    second = f"{path} at byte {len(gzip.compress(first, mtime=0))}"
    for brought in (bring(folder, path), bring(folder, path)):
        assert [damage.place for damage in brought.damages] == [second]
        assert ID % 1 in brought.damages[0].reason
    assert brought.held == 1
    later = written(tmp_path / "later.warc.gz", response(1, b"<p>then</p>", at="2012-01-01T00:00:00Z"))
    assert [damage.place for damage in bring(folder, later).damages] == [f"{later} at byte 0"]
    assert len(timeline(folder)) == 1


def test_one_capture_twice_in_a_file_is_one(folder: Path, tmp_path: Path) -> None:
    again = response(2, b"<p>then</p>", at="2001-03-04T05:06:07Z")
    path = written(tmp_path / "old.warc.gz", response(1, b"<p>then</p>"), again)
    assert bring(folder, path) == Brought(captures=1, held=1)


@pytest.mark.parametrize("head", [b"HTTP/1.1\r\nContent-Type: text/html\r\n\r\n", b"HTTP/1.1 OK\r\n\r\n"])
def test_an_answer_without_a_status_is_no_capture(folder: Path, tmp_path: Path, head: bytes) -> None:
    path = written(tmp_path / "old.warc.gz", response(1, b"<p>then</p>", head=head))
    brought = bring(folder, path)
    assert (brought.captures, len(brought.damages)) == (0, 1)
    assert "no HTTP status" in brought.damages[0].reason


def test_a_revisit_without_a_head_has_the_status_of_its_response(folder: Path, tmp_path: Path) -> None:
    gone = response(1, b"<p>gone</p>", head=HTTP.replace(b"200 OK", b"404 Not Found"))
    again = record(
        b"",
        ("WARC-Type", "revisit"),
        ("WARC-Record-ID", f"<{ID % 2}>"),
        ("WARC-Date", "2002-03-04T05:06:07Z"),
        ("WARC-Target-URI", f"{BASE}/a.htm"),
        ("WARC-Refers-To", f"<{ID % 1}>"),
    )
    assert bring(folder, written(tmp_path / "old.warc.gz", gone, again)) == Brought(captures=2)
    with Store.read_only(folder) as store:
        assert [capture.status for capture in store.catalog.captures(f"{BASE}/a.htm")] == [404, 404]
    stands(folder)


def test_names_of_hosts_and_the_like_are_no_damage(folder: Path, tmp_path: Path) -> None:
    looked_up = record(
        b"192.0.2.1",
        ("WARC-Type", "response"),
        ("WARC-Record-ID", f"<{ID % 1}>"),
        ("WARC-Date", OLD),
        ("WARC-Target-URI", "dns:www.example.org"),
        ("Content-Type", "text/dns"),
    )
    assert bring(folder, written(tmp_path / "old.warc.gz", looked_up)) == Brought(outside=1)


# ── files of imports that were damaged later ─────────────────────────────────────────


def damage_at(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x55
    path.write_bytes(data)


def members_of(path: Path) -> list[Member]:
    return [found for found in members(path) if isinstance(found, Member)]


@pytest.fixture
def brought_file(folder: Path, tmp_path: Path) -> Path:
    """A store into which three captures were brought, the second one a revisit of the first."""
    again = record(
        HTTP,
        ("WARC-Type", "revisit"),
        ("WARC-Record-ID", f"<{ID % 2}>"),
        ("WARC-Date", "2002-03-04T05:06:07Z"),
        ("WARC-Target-URI", f"{BASE}/a.htm"),
        ("WARC-Refers-To", f"<{ID % 1}>"),
    )
    path = written(tmp_path / "old.warc.gz", response(1, b"<p>1</p>"), response(3, b"<p>3</p>"), again)
    assert bring(folder, path).captures == 3
    (kept,) = (folder / "warc").iterdir()
    return kept


# In the file: warcinfo, the first response, our note, the third, our note, the revisit, our note, the chain.
@pytest.mark.parametrize(
    ("number", "left"), [(1, [2003]), (2, [2003]), (3, [2001, 2002]), (4, [2001, 2002]), (6, [2001, 2003])]
)
def test_a_damaged_file_of_an_import_is_read_as_far_as_it_goes(
    folder: Path, brought_file: Path, number: int, left: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    one = members_of(brought_file)[number]
    damage_at(brought_file, one.offset + one.length // 2)
    lose_catalog(folder)
    with Store(folder):
        assert years(folder) == left
    assert f"{brought_file} at byte {one.offset}: " in caplog.text
    assert "etolwatch verify" in caplog.text
    with reindex.made_anew(folder, NOW) as catalog, reindex.Workers(0) as workers:
        assert list(reindex.refill(catalog, folder, workers)) == [brought_file]
    assert years(folder) == left


def test_a_file_of_an_import_that_was_cut_off_stops_nothing(
    folder: Path, brought_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cut = members_of(brought_file)[5]
    brought_file.write_bytes(brought_file.read_bytes()[: cut.offset + 40])
    with Store(folder) as store:
        store.begin_pass(["test"], NOW)
        store.end_pass(PassState.COMPLETE, NOW)
    assert f"{brought_file} at byte {cut.offset}: a gzip member is cut off" in caplog.text
    lose_catalog(folder)
    with Store(folder):
        assert years(folder) == [2001, 2003]


def test_an_import_that_fails_is_finished_when_the_store_is_opened_next(folder: Path) -> None:
    """Nothing of it is sealed by the process that met with the failure."""
    found = foreign.read_record("here", response(1, b"<p>then</p>"))
    assert isinstance(found, Found)
    placing = Placing(f"{BASE}/a.htm", "test", Outcome.NEW, "here")

    def fail(store: Store) -> None:
        with Import(store.warc_folder, store.catalog, NOW, {}) as into:
            into.keep(found, placing)
            raise RuntimeError("no disk")

    with Store(folder) as store, pytest.raises(RuntimeError, match="disk"):
        fail(store)
    (left,) = (folder / "warc").iterdir()
    assert left.name.endswith(".open")
    with Store(folder):
        assert years(folder) == [2001]
    stands(folder)


@pytest.mark.parametrize("kind", ["request", "metadata"])
def test_what_others_say_does_not_close_an_import_that_was_cut_short(folder: Path, kind: str) -> None:
    """The last record, theirs, says that it is the chain record of this very file."""
    found = foreign.read_record("here", response(1, b"<p>then</p>"))
    assert isinstance(found, Found)
    name = f"etolwatch-import-{NOW:%Y%m%d%H%M%S}.warc.gz"
    forged = record(
        chain.to_json(chain.Chain(9999, name, OLD, None, (), ())),
        ("WARC-Type", kind),
        ("WARC-Record-ID", f"<{ID % 2}>"),
        ("WARC-Date", OLD),
        ("WARC-Target-URI", f"{BASE}/a.htm"),
        ("Etolwatch-Record", "chain"),
    )

    def fail(store: Store) -> None:
        with Import(store.warc_folder, store.catalog, NOW, {}) as into:
            into.keep(found, Placing(f"{BASE}/a.htm", "test", Outcome.NEW, "here"), forged)
            raise RuntimeError("no disk")

    with Store(folder) as store, pytest.raises(RuntimeError, match="disk"):
        fail(store)
    with Store(folder):
        assert [path.name for path in (folder / "warc").iterdir()] == [name]
    stands(folder)
    assert verify(folder).closed == 1


# ── many versions ────────────────────────────────────────────────────────────────────


def steps_to_bring(tmp_path: Path, count: int) -> int:
    """What SQLite does, in tens of instructions, to bring versions of a page and to judge them."""
    folder = tmp_path / str(count)
    begin = datetime(2001, 1, 1, tzinfo=UTC)
    stamps = [f"{begin + timedelta(hours=n):%Y-%m-%dT%H:%M:%SZ}" for n in range(2 * count)]
    others = Others(tmp_path / f"{count}.warc.gz")
    for number in range(count):
        others.response("/a.htm", b"<p>number %d</p>" % number, stamps[2 * number])
        digest = payload_digest_of(b"<p>number %d</p>" % number)
        others.revisit("/a.htm", digest, stamps[2 * number + 1], stamps[2 * number])
    path, steps = others.done(), 0

    def count_one() -> None:
        nonlocal steps
        steps += 1

    with Store(folder) as store:
        store.catalog._db.set_progress_handler(count_one, 10)
        assert bring_warc(store, [SITE], path, NOW).captures == 2 * count
        jobs.compare(store, config_of(folder), threading.Event())
    return steps


def test_the_work_grows_with_the_number_of_versions_and_no_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []

    def counted(data: Mapping[str, Any]) -> Finding:
        read.append(data)
        return finding_from_dict(data)

    monkeypatch.setattr(catalogs, "finding_from_dict", counted)
    few, many = steps_to_bring(tmp_path, 40), steps_to_bring(tmp_path, 160)
    assert many < 4.5 * few
    assert len(read) <= 2 * (40 + 160)


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


@pytest.mark.parametrize("packed", [False, True])
def test_an_arc_record_that_is_cut_off_is_told(folder: Path, tmp_path: Path, packed: bool) -> None:
    bodies = [b"<p>number %d</p>" % number for number in range(3)]
    pages = [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body for body in bodies]
    info = b"1 0 Crawler\nURL IP-address Archive-date Content-type Archive-length\n"
    records = [b"filedesc://old.arc 0.0.0.0 20000101000000 text/plain %d\n" % len(info) + info + b"\n"]
    line = f"{BASE}/a.htm 192.0.2.1 200%d0203040506 text/html %d\n"
    records += [(line % (n, len(page))).encode() + page + b"\n" for n, page in enumerate(pages)]
    path = tmp_path / "old.arc"
    parts = [gzip.compress(one, mtime=0) for one in records] if packed else records
    path.write_bytes(b"".join(parts)[: -15 if packed else -5])
    brought = bring(folder, path)
    assert years(folder) == [2000, 2001]
    place = f"{path} at byte {sum(map(len, parts[:3]))}"
    assert brought.damages == (Damage(place, "a record is cut off"),)


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


@pytest.mark.parametrize("source", ["http://127.0.0.1:9/copy/", "/srv/copy/"])
def test_an_export_of_a_site_read_from_elsewhere_is_held_already(
    folder: Path, tmp_path: Path, source: str
) -> None:
    """Its records name the address that was asked, on a mirror or in a folder."""
    site = replace(SITE, source=source, stands_for=f"{BASE}/")
    diary, output = Diary(folder), tmp_path / "all.warc.gz"
    with Store(folder) as store:
        store.begin_pass(["test"], diary.at)
        visit = Visit(f"{BASE}/a.htm", asks_for(site, f"{BASE}/a.htm"), "test", Via.KNOWN)
        is_file = visit.asks.startswith("file:")
        found = replace(answer("/a.htm"), asks=visit.asks, http_version="" if is_file else "HTTP/1.1")
        store.append(decide(visit, replace(found, request_line=""), site))
        store.end_pass(PassState.COMPLETE, diary.at)
        export_warc(store, Selection(), output)
        assert bring_warc(store, [site], output, NOW) == Brought(held=1)


def test_captures_of_a_mirror_are_those_of_its_pages(folder: Path, tmp_path: Path) -> None:
    site = replace(SITE, source="http://127.0.0.1:9/copy/", stands_for=f"{BASE}/")
    others = Others(tmp_path / "old.warc.gz")
    others.response("a.htm", b"<p>then</p>", base="http://127.0.0.1:9/copy/")
    others.response("a.htm", b"<p>then</p>", base="http://127.0.0.1:9/other/")
    with Store(folder) as store:
        assert bring_warc(store, [site], others.done(), NOW) == Brought(captures=1, outside=1)
    assert timeline(folder) == [(2011, Outcome.NEW, "old.warc.gz")]


def test_what_pages_need_is_brought_too(folder: Path, tmp_path: Path) -> None:
    """Pictures in the scope by their ending; what lies elsewhere, where a page is known to need it."""
    site = replace(SITE, scope=(f"{BASE}/texts/",), requisites=(Requisite.STYLE, Requisite.IMAGE))
    sheet = f"{BASE}/css/doc.css"
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], diary.at)
        diary.keep(store, answer("/texts/a.htm"), needs=[(sheet, Requisite.STYLE)])
        store.end_pass(PassState.COMPLETE, diary.at)
    others = Others(tmp_path / "old.warc.gz")
    others.response("/css/doc.css", b"p {}", Content_Type="text/css")
    others.response("/css/other.css", b"p {}", Content_Type="text/css")
    others.response("/texts/face.png", b"\x89PNG", Content_Type="image/png")
    others.response("/texts/film.png", b"film", Content_Type="video/mp4")
    path = others.done()
    with Store(folder) as store:
        brought = bring_warc(store, [site], path, NOW)
        assert (brought.captures, brought.outside, brought.other) == (2, 1, 1)
        (style,), (image,) = (store.catalog.captures(uri) for uri in (sheet, f"{BASE}/texts/face.png"))
        assert (style.requisite, image.requisite) == (Requisite.STYLE, Requisite.IMAGE)
        assert store.payload(image).body == b"\x89PNG"
        assert [one.uri for one in store.catalog.unjudged()] == [f"{BASE}/texts/a.htm"]
    assert verify(folder).holds, verify(folder).faults
    before = rows(folder)
    with reindex.made_anew(folder, NOW) as catalog, reindex.Workers(0) as workers:
        list(reindex.refill(catalog, folder, workers))
    assert rows(folder) == before


def test_pictures_of_a_folder_have_the_type_of_their_ending(folder: Path, tmp_path: Path) -> None:
    site = replace(SITE, requisites=(Requisite.IMAGE,))
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "Face.JPG").write_bytes(b"\xff\xd8face")
    (tmp_path / "copy" / "notes.doc").write_bytes(b"notes")
    with Store(folder) as store:
        brought = bring_folder(store, [site], tmp_path / "copy", f"{BASE}/", NOW, None)
        assert (brought.captures, brought.other) == (1, 1)
        (face,) = store.catalog.captures(f"{BASE}/Face.JPG")
    assert (face.content_type, face.requisite) == ("image/jpeg", Requisite.IMAGE)
