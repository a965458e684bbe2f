"""The store: WARC files that other tools read, and what a crash leaves, put right."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

from archive.material import BASE, START, Diary, answer
from etolwatch.archive.store import Store
from etolwatch.errors import ArchiveError, FixityError, LockHeld
from etolwatch.model import Capture, Outcome, PassState, RecordType


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


def warc_check(path: Path) -> None:
    """Raises AssertionError unless ``warcio check`` passes."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        checker = Checker(type("Arguments", (), {"inputs": [str(path)], "verbose": True})())
        checker.process_one(str(path))
    assert not checker.exit_value, out.getvalue()


def headers(folder: Path) -> list[dict[str, str]]:
    """The WARC fields of all records of a store, in order of files."""
    found = []
    for path in sorted((folder / "warc").glob("*.warc.gz*")):
        with path.open("rb") as file:
            found += [dict(record.rec_headers.headers) for record in ArchiveIterator(file)]
    return found


def kept(capture: Capture | None) -> Capture:
    assert capture is not None
    return capture


def test_a_pass_is_one_file_that_others_read(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder, operator="keeper@example.org") as store:
        run = store.begin_pass(["test"], START, {"http-header-user-agent": "etolwatch/0", "robots": "obey"})
        diary.keep(store, answer("/a.htm", ETag='"1"', X_Odd="Ünïcode"))
        assert [path.name for path in (folder / "warc").iterdir()] == [
            f"etolwatch-{run.pass_id}.warc.gz.open"
        ]
        store.end_pass(PassState.COMPLETE, START)
    (path,) = (folder / "warc").iterdir()
    assert path.name == "etolwatch-20261102040000.warc.gz"
    warc_check(path)
    info, response, request, journal, chain = headers(folder)
    assert [fields["WARC-Type"] for fields in (info, journal, chain)] == ["warcinfo", "metadata", "metadata"]
    assert [fields["Etolwatch-Record"] for fields in (journal, chain)] == ["journal", "chain"]
    assert response["WARC-Target-URI"] == f"{BASE}/a.htm"
    assert response["WARC-IP-Address"] == "192.0.2.7"
    assert response["WARC-Date"] == "2026-11-02T05:00:00.000000Z"
    assert request["WARC-Concurrent-To"] == response["WARC-Record-ID"]
    assert request["WARC-Date"] == response["WARC-Date"]
    assert {"WARC-Payload-Digest", "WARC-Block-Digest"} <= set(response)
    raw = gzip.decompress(path.read_bytes()).decode("latin-1")
    assert "software: etolwatch/" in raw
    assert "operator: keeper@example.org\r\n" in raw
    assert "X-Odd: Ünïcode\r\n" in raw


def test_each_record_is_a_gzip_member(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        capture = kept(diary.keep(store, answer("/a.htm")))
        data = store.path_of(capture).read_bytes()
    member = data[capture.offset : capture.offset + capture.length]
    assert gzip.decompress(member).startswith(b"WARC/1.1\r\nWARC-Type: response\r\n")
    assert gzip.decompress(member).endswith(b"<p>text</p>\r\n\r\n")


def test_chunks_are_gone_and_so_is_their_header(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        capture = kept(diary.keep(store, answer("/a.htm", Transfer_Encoding="chunked", ETag='"1"')))
        record = gzip.decompress(store.path_of(capture).read_bytes()[capture.offset :][: capture.length])
    head = record.split(b"\r\n\r\n")[1]
    assert head == b'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 11\r\nETag: "1"'


def test_what_was_announced_of_a_body_that_is_cut_off_is_kept(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        cut = replace(answer("/a.htm", b"<p>Half", Content_Length="5000"), truncated="disconnect")
        capture = kept(diary.keep(store, cut))
        record = gzip.decompress(store.path_of(capture).read_bytes()[capture.offset :][: capture.length])
    fields, head, body = record.split(b"\r\n\r\n")[:3]
    assert b"WARC-Truncated: disconnect" in fields
    assert head.endswith(b"Content-Length: 5000")
    assert body == b"<p>Half"


def test_the_same_bytes_become_a_revisit_of_the_response(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        first = kept(diary.keep(store, answer("/a.htm", ETag='"1"')))
        again = kept(diary.keep(store, answer("/a.htm", ETag='"2"')))
        unmodified = kept(diary.keep(store, answer("/a.htm", b"", 304)))
        third = kept(diary.keep(store, answer("/a.htm", b"", 304)))
        bodies = {store.payload(capture).body for capture in (first, again, unmodified, third)}
        statuses = [store.payload(capture).status for capture in (first, again, unmodified)]
        path = store.path_of(first)
    assert [c.record_type for c in (first, again, unmodified, third)] == [RecordType.RESPONSE] + [
        RecordType.REVISIT
    ] * 3
    assert {c.refers_to for c in (again, unmodified, third)} == {first.record_id}
    assert bodies == {b"<p>text</p>"}
    assert statuses == [200, 200, 200]
    assert unmodified.etag == '"2"'
    revisits = [fields for fields in headers(folder) if fields["WARC-Type"] == "revisit"]
    for fields in revisits:
        assert fields["WARC-Refers-To"] == f"<{first.record_id}>"
        assert fields["WARC-Refers-To-Target-URI"] == first.asks
        assert fields["WARC-Refers-To-Date"] == "2026-11-02T05:00:00.000000Z"
        assert fields["WARC-Payload-Digest"] == first.payload_digest
    assert revisits[0]["WARC-Profile"].endswith("/identical-payload-digest")
    assert revisits[1]["WARC-Profile"].endswith("/server-not-modified")
    assert revisits[1]["Content-Length"] == "0"
    warc_check(path)


def test_text_that_comes_back_refers_to_the_first_of_its_kind(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        first = kept(diary.keep(store, answer("/a.htm", b"one")))
        diary.keep(store, answer("/a.htm", b"two"))
        back = kept(diary.keep(store, answer("/a.htm", b"one")))
        assert (back.outcome, back.refers_to) == (Outcome.CHANGED, first.record_id)
        assert store.payload(back).body == b"one"


def test_another_gzip_level_is_kept_as_received_but_unchanged(folder: Path) -> None:
    diary, text = Diary(folder), b"the same words " * 99
    packed = [gzip.compress(text, level, mtime=0) for level in (1, 9)]
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        first, second = (
            kept(diary.keep(store, answer("/a.htm", body, Content_Encoding="gzip"))) for body in packed
        )
        unmodified = kept(diary.keep(store, answer("/a.htm", b"", 304)))
        assert (first.outcome, second.outcome) == (Outcome.NEW, Outcome.UNCHANGED)
        assert second.record_type is RecordType.RESPONSE
        assert unmodified.refers_to == second.record_id
        assert store.payload(second).body == store.payload(unmodified).body == text


def test_suspect_capture_never_becomes_a_version(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        first = kept(diary.keep(store, answer("/a.htm", b"whole text")))
        cut = kept(diary.keep(store, replace(answer("/a.htm", b"whole"), truncated="disconnect")))
        diary.keep(store, answer("/a.htm", b""))
        diary.keep(store, answer("/a.htm", b"<h1>Busy</h1>", 503))
        history = store.catalog.history(f"{BASE}/a.htm")
        assert history is not None
        assert history.version == first
        assert (history.last_outcome, history.run) == (Outcome.SUSPECT, 3)
        assert store.payload(cut).truncated
    assert [f.get("WARC-Truncated") for f in headers(folder) if f.get("Etolwatch-Outcome") == "suspect"] == [
        "disconnect",
        None,
        None,
    ]


def test_altered_bytes_are_noticed(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        capture = kept(diary.keep(store, answer("/a.htm", os.urandom(999))))
        path = store.path_of(capture)
        data = bytearray(path.read_bytes())
        data[capture.offset + capture.length - 400] ^= 1
        path.write_bytes(data)
        with pytest.raises(FixityError, match="at byte"):
            store.payload(capture)
        path.rename(path.with_name("away"))
        with pytest.raises(ArchiveError, match="missing"):
            store.payload(capture)


def test_missing_response_is_no_revisit(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        capture = kept(diary.keep(store, answer("/a.htm")))
        with pytest.raises(FixityError, match="not where it was put"):
            store.payload(replace(capture, offset=0))


# ── one at a time ────────────────────────────────────────────────────────────────────


def test_second_process_is_told_who_holds_the_store(folder: Path) -> None:
    code = (
        "import sys, pathlib; from etolwatch.archive.store import Store\n"
        "with Store(pathlib.Path(sys.argv[1])): pass"
    )
    with Store(folder, command="check"):
        other = subprocess.run(
            [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False
        )
        assert "LockHeld" in other.stderr
        assert f"pid {os.getpid()} on " in other.stderr
        assert "(check)" in other.stderr
        with pytest.raises(LockHeld):
            Store(folder).__enter__()
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def test_lock_of_a_killed_process_is_no_hindrance(folder: Path) -> None:
    code = (
        "import sys, os, pathlib; from etolwatch.archive.store import Store\n"
        "Store(pathlib.Path(sys.argv[1])).__enter__(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)], check=False).returncode == -9
    assert (folder / "lock").read_text().startswith("pid ")
    with Store(folder) as store:
        assert store.catalog.passes() == []


def test_reader_sees_what_a_running_pass_has_kept(folder: Path) -> None:
    with Store.read_only(folder) as reader:
        assert reader.catalog.passes() == []
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        capture = kept(diary.keep(store, answer("/a.htm")))
        with Store.read_only(folder) as reader:
            assert reader.catalog.captures(f"{BASE}/a.htm") == [capture]
            assert reader.payload(capture).body == b"<p>text</p>"


# ── passes ───────────────────────────────────────────────────────────────────────────


def test_unfinished_pass_goes_on_within_a_day(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        first = store.begin_pass(["test"], START)
        diary.keep(store, answer("/a.htm"))
    with Store(folder) as store:
        again = store.begin_pass(["test"], START + timedelta(hours=20))
        assert (again.pass_id, again.visited) == (first.pass_id, 1)
        assert store.catalog.visited(again.pass_id) == {f"{BASE}/a.htm"}
        store.end_pass(PassState.INTERRUPTED, START)
    with Store(folder) as store:
        later = store.begin_pass(["test"], START + timedelta(days=2))
        assert later.pass_id != first.pass_id
        assert [run.state for run in store.catalog.passes()] == [PassState.RUNNING, PassState.INTERRUPTED]
    names = sorted(path.name for path in (folder / "warc").iterdir())
    assert names == [f"etolwatch-{first.pass_id}.warc.gz", f"etolwatch-{later.pass_id}.warc.gz.open"]


def test_pass_over_other_sites_does_not_go_on_with_it(folder: Path) -> None:
    with Store(folder) as store:
        first = store.begin_pass(["test"], START)
    with Store(folder) as store:
        assert store.begin_pass(["other"], START).pass_id != first.pass_id


def test_clock_set_back_makes_no_second_pass_of_the_same_name(folder: Path) -> None:
    with Store(folder) as store:
        ids = []
        for _ in range(3):
            ids.append(store.begin_pass(["test"], START).pass_id)
            store.end_pass(PassState.COMPLETE, START)
    assert ids == ["20261102040000", "20261102040001", "20261102040002"]


def test_two_captures_of_a_page_never_share_an_instant(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        first = kept(diary.keep(store, answer("/a.htm", b"one")))
        diary.at = START
        second = kept(diary.keep(store, answer("/a.htm", b"two")))
        assert second.captured_at - first.captured_at == timedelta(microseconds=1)
        diary.at = START - timedelta(days=400)
        third = kept(diary.keep(store, answer("/a.htm", b"three")))
        assert store.catalog.captures(f"{BASE}/a.htm") == [first, second, third]
        assert store.catalog.previous_version(third) == second


# ── after a crash ────────────────────────────────────────────────────────────────────


def unfinished(folder: Path) -> tuple[Path, list[Capture]]:
    """A store whose process died in the middle of a pass: two whole captures and a revisit."""
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        captures = [
            kept(diary.keep(store, answer("/a.htm", b"text a"))),
            kept(diary.keep(store, answer("/b.htm", b"text b", ETag='"b"'))),
            kept(diary.keep(store, answer("/a.htm", b"", 304))),
        ]
        return store.path_of(captures[0]), captures


@pytest.mark.parametrize("catalog", ["as it was", "lost"])
def test_torn_at_any_byte_all_before_is_read(folder: Path, tmp_path: Path, catalog: str) -> None:
    path, captures = unfinished(folder)
    whole = path.read_bytes()
    second, last = captures[1], captures[2]
    # the last record of all is the request of the last capture; before it stands its revisit
    for cut in range(last.offset, len(whole)):
        store_folder = tmp_path / f"cut-{cut}"
        shutil.copytree(folder, store_folder)
        torn = store_folder / "warc" / path.name
        torn.write_bytes(whole[:cut])
        if catalog == "lost":
            for file in store_folder.glob("catalog.sqlite3*"):
                file.unlink()
        with Store(store_folder) as store:
            held = store.catalog.captures(f"{BASE}/a.htm") + store.catalog.captures(f"{BASE}/b.htm")
            expected = {captures[0], second} | ({last} if cut >= last.offset + last.length else set())
            assert {c.record_id for c in held} == {c.record_id for c in expected}
            assert len(held) == len(expected)
            assert all(store.payload(c).body in (b"text a", b"text b") for c in held)
            assert store.begin_pass(["test"], START).pass_id == captures[0].pass_id
        ends = (last.offset, last.offset + last.length)
        aside = list((store_folder / "warc").glob("torn/*"))
        assert len(aside) == (0 if cut in ends else 1)
        assert torn.read_bytes() == whole[: max(end for end in ends if end <= cut)]
        shutil.rmtree(store_folder)


def test_whole_records_that_the_catalog_lacks_are_catalogued_once(folder: Path) -> None:
    path, captures = unfinished(folder)
    for file in folder.glob("catalog.sqlite3*"):
        file.unlink()
    for _ in range(2):
        with Store(folder) as store:
            held = store.catalog.captures(f"{BASE}/a.htm") + store.catalog.captures(f"{BASE}/b.htm")
    assert Counter(c.record_id for c in held) == Counter(c.record_id for c in captures)
    assert {c.record_id: c for c in held} == {c.record_id: c for c in captures}
    assert path.exists()


def test_lost_catalog_is_made_again_from_ended_passes(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        for body in (b"one", b"two"):
            store.begin_pass(["test"], diary.at)
            diary.keep(store, answer("/a.htm", body, Last_Modified="Mon, 02 Nov 2026 04:00:00 GMT"))
            diary.keep(store, answer("/b.htm", b"", 301, Location="c.htm"))
            diary.keep(store, answer("/gone.htm", b"no", 404))
            store.end_pass(PassState.COMPLETE, diary.at)
        uris = [f"{BASE}/{name}.htm" for name in ("a", "b", "gone")]
        before = [store.catalog.captures(uri) for uri in uris]
        histories = [store.catalog.history(uri) for uri in uris]
    for file in folder.glob("catalog.sqlite3*"):
        file.unlink()
    with Store(folder) as store:
        assert [store.catalog.captures(uri) for uri in uris] == before
        for uri, known in zip(uris, histories, strict=True):
            made_again = store.catalog.history(uri)
            assert made_again is not None
            assert known is not None
            assert replace(made_again, first_seen_at=known.first_seen_at) == known
        assert [run.state for run in store.catalog.passes()] == [PassState.COMPLETE] * 2


def test_crash_between_the_end_of_a_pass_and_its_new_name(folder: Path) -> None:
    diary = Diary(folder)
    with Store(folder) as store:
        store.begin_pass(["test"], START)
        diary.keep(store, answer("/a.htm"))
        store.end_pass(PassState.COMPLETE, START)
    (path,) = (folder / "warc").iterdir()
    path.rename(path.with_name(path.name + ".open"))
    with Store(folder):
        assert path.exists()
    assert [p.name for p in (folder / "warc").iterdir()] == [path.name]


def test_crash_before_the_first_record(folder: Path) -> None:
    with Store(folder) as store:
        run = store.begin_pass(["test"], START)
        path = folder / "warc" / f"etolwatch-{run.pass_id}.warc.gz.open"
    path.write_bytes(b"\x1f\x8b")
    with Store(folder) as store:
        assert store.begin_pass(["test"], START).pass_id == run.pass_id
        store.end_pass(PassState.COMPLETE, START)
    warc_check(folder / "warc" / f"etolwatch-{run.pass_id}.warc.gz")


def test_catalog_that_is_none_is_named(folder: Path) -> None:
    folder.mkdir()
    (folder / "catalog.sqlite3").write_bytes(b"this is no database, whatever its name says" * 99)
    with pytest.raises(ArchiveError, match=r"catalog\.sqlite3"):
        Store(folder).__enter__()
    with pytest.raises(ArchiveError, match=r"catalog\.sqlite3"):
        Store.read_only(folder)
