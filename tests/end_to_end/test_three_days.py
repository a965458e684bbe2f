"""Three days of the real site: day 1 twice, then pages whose mark-up alone changed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from warcio.archiveiterator import ArchiveIterator

from .conftest import ORIGIN, REALSITE, RealSite, Watch

CORPUS = REALSITE.parent.parent / "corpus"
INDEX = "/archive/pearce/index.htm"
EXPORT = "/archive/pearce/1958/08/export.htm"
SHEET = "/archive/css/doc.css"  # of all authors, outside of the scope


@dataclass(frozen=True, slots=True)
class Day:
    """What one pass printed as JSON, what the site was asked, and the file that it wrote."""

    result: dict[str, Any]
    asked: list[dict[str, Any]]
    warc: Path
    stdout: str  # of the same pass, as text


@dataclass(frozen=True, slots=True)
class Played:
    watch: Watch
    days: list[Day]


def pass_on(watch: Watch, site: RealSite, day: int) -> Day:
    site.turn_to(day)
    site.clear()
    before = set(watch.warcs())
    done = watch.run("check", "--format", "json")
    (warc,) = set(watch.warcs()) - before
    return Day(json.loads(done.stdout), site.asked(), warc, done.stdout)


@pytest.fixture(scope="module")
def played(realsite: RealSite, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Day 1, day 1 again, day 2, day 3."""
    watch = Watch(tmp_path_factory.mktemp("three-days") / "watch")
    watch.configure(realsite.address)
    days = []
    for number, day in enumerate((1, 1, 2, 3)):
        if number:
            time.sleep(1.1)  # a pass is named by its second
        days.append(pass_on(watch, realsite, day))
    return Played(watch, days)


def listed() -> set[str]:
    works = json.loads((CORPUS / "lists" / "brian-pearce-works.json").read_text())["works"]
    return {urlsplit(work["url"]).path for work in works}


def kept() -> set[str]:
    """The works that the site has."""
    return {path for path in listed() if (CORPUS / "pages" / path.removeprefix("/")).is_file()}


def changed_on(day: int) -> set[str]:
    """The Pearce pages whose bytes on this day are others than on the day before."""
    found = set()
    for folder in (CORPUS / "versions").glob("archive__pearce__*"):
        files = sorted(file for file in folder.iterdir() if file.suffix in (".htm", ".html"))
        bodies = [file.read_bytes() for file in files]
        now, then = bodies[min(day, len(bodies)) - 1], bodies[min(day - 1, len(bodies)) - 1]
        if now != then:
            found.add("/" + folder.name.replace("__", "/"))
    return found


def path_of(uri: str) -> str:
    return urlsplit(uri).path


def answered(day: Day, status: int) -> set[str]:
    """The pages of the scope that were asked for and answered so."""
    return {path for path, found in asked(day) if found == status and path.startswith("/archive/pearce/")}


def needed(day: Day, status: int) -> set[str]:
    """What was asked for because pages need it, and answered so."""
    return {path for path, found in asked(day) if found == status} - answered(day, status)


def asked(day: Day) -> list[tuple[str, int]]:
    return [(row["path"], row["status"]) for row in day.asked if row["path"] != "/robots.txt"]


def test_day_1_captures_the_index_and_the_works(played: Played) -> None:
    first = played.days[0]
    assert len(kept()) == 128
    assert answered(first, 200) >= {INDEX} | kept()
    assert first.result["state"] == "complete"
    assert first.result["failed"] == 0
    texts = {path_of(uri) for kind, uri, _ in played.watch.records(first.warc) if kind == "response"}
    assert texts >= {INDEX} | kept()
    assert first.result["captured"] == len(answered(first, 200))


def test_listed_works_that_are_not_there_are_recorded_as_absent(played: Played) -> None:
    first = played.days[0]
    absent = listed() - kept()
    assert answered(first, 404) >= absent
    statuses = {
        path_of(uri): status
        for kind, uri, status in played.watch.records(first.warc)
        if kind in ("response", "revisit")
    }
    assert {statuses[path] for path in absent} == {"404"}
    assert first.result["gone"] == len(answered(first, 404))


def test_each_page_is_asked_for_once_in_a_pass(played: Played) -> None:
    for day in played.days:
        paths = [row["path"] for row in day.asked]
        assert len(paths) == len(set(paths))


def test_day_1_captures_the_style_sheets_of_the_pages(played: Played) -> None:
    first = played.days[0]
    there = {f"/archive/css/{name}.css" for name in ("doc", "works")}  # of these the corpus has copies
    named = {SHEET, "/css/works.css"}  # by the links in the heads of the pages
    assert needed(first, 200) == named & there
    assert needed(first, 404) == named - there
    assert first.result["requisites"] == 2
    paths = [path for path, _ in asked(first)]
    assert {paths.index(path) for path in named} == {len(paths) - 1, len(paths) - 2}  # after all pages
    body = (CORPUS / "css" / "doc-archive.css").read_bytes()
    command = played.watch.command("show", "--html", "css/doc.css")
    assert subprocess.run(command, capture_output=True, check=True).stdout == body


def test_style_sheets_are_asked_again_only_where_a_page_changed(played: Played) -> None:
    assert needed(played.days[1], 304) == needed(played.days[1], 200) == needed(played.days[1], 404) == set()
    assert played.days[1].result["requisites"] == 0
    assert needed(played.days[2], 304) == {SHEET}
    assert needed(played.days[2], 200) == set()


def test_a_style_sheet_has_a_log_and_no_words(played: Played) -> None:
    assert "doc.css" in played.watch.run("log", "css/doc.css").stdout
    for words in (["show"], ["diff"], ["blame"], ["collate"]):
        done = played.watch.run(*words, "css/doc.css", status=2)
        assert "no words" in done.stderr


def test_style_sheets_are_counted_apart(played: Played) -> None:
    (site,) = played.watch.json("status")["sites"]
    assert (site["pages"], site["held"]) == (len(listed()) + 1, 129)
    assert site["requisites"]["held"] == 1
    assert site["requisites"]["unheld"].keys() == {"absent"}
    assert "requisites" in played.watch.run("status").stdout
    assert "css" not in played.watch.run("report").stdout


def test_first_captures_are_a_summary(played: Played) -> None:
    findings = played.days[0].result["findings"]
    assert {finding["verdict"] for finding in findings} <= {"first_capture", "page_gone"}
    gone = {path_of(finding["uri"]) for finding in findings if finding["verdict"] == "page_gone"}
    assert gone <= listed() - kept()
    report = played.watch.run("report").stdout
    assert [path for path in kept() if path.removeprefix("/archive/pearce/") in report] == []
    assert "129 pages captured for the first time" in report
    assert len(report.splitlines()) < 20


def test_a_second_pass_gets_304s_only(played: Played) -> None:
    second = played.days[1]
    assert answered(second, 304) >= {INDEX} | kept()
    assert answered(second, 200) == set()
    assert {row["status"] for row in second.asked if row["path"] != "/robots.txt"} <= {304, 404}


def test_a_second_pass_adds_only_revisits(played: Played) -> None:
    second = played.days[1]
    records = played.watch.records(second.warc)
    texts = [(kind, path_of(uri)) for kind, uri, _ in records if path_of(uri) in {INDEX} | kept()]
    assert {kind for kind, _ in texts} == {"request", "revisit"}
    assert sum(kind == "revisit" for kind, _ in texts) == 129
    assert second.result["captured"] == 0
    assert second.result["unchanged"] == len(answered(second, 304))


def test_a_second_pass_reports_nothing(played: Played) -> None:
    assert played.days[1].result["findings"] == []
    assert played.days[1].result["state"] == "complete"


@pytest.mark.parametrize("number", [2, 3])
def test_mark_up_alone_is_no_textual_change(played: Played, number: int) -> None:
    day = played.days[number]
    assert answered(day, 200) == changed_on(number)
    findings = {path_of(finding["uri"]): finding for finding in day.result["findings"]}
    assert set(findings) <= changed_on(number)
    assert {finding["verdict"] for finding in findings.values()} <= {"no_textual_change"}
    assert day.result["captured"] == len(changed_on(number))


def test_no_pass_found_words_changed(played: Played) -> None:
    report = played.watch.json("report")
    findings = report["findings"] if isinstance(report, dict) else report
    assert {finding["verdict"] for finding in findings} <= {"first_capture", "no_textual_change", "page_gone"}


def test_the_log_tells_each_version(played: Played) -> None:
    done = played.watch.run("log", "1958/08/export.htm")
    assert "11.10.2011" in done.stdout
    shown = played.watch.run("show", "1958/08/export.htm").stdout
    assert "CURRENT discussion" in shown


def test_the_bytes_come_back_as_served(played: Played) -> None:
    (first,) = (CORPUS / "versions" / "archive__pearce__1958__08__export.htm").glob("1-*.htm")
    (second,) = (CORPUS / "versions" / "archive__pearce__1958__08__export.htm").glob("2-*.htm")
    command = played.watch.command("show", "--html", "1958/08/export.htm")
    assert subprocess.run(command, capture_output=True, check=True).stdout == second.read_bytes()
    at = played.days[0].result["finished_at"]
    command = played.watch.command("show", "--html", f"1958/08/export.htm@{at}")
    assert subprocess.run(command, capture_output=True, check=True).stdout == first.read_bytes()


def test_diff_of_mark_up_is_empty(played: Played) -> None:
    done = played.watch.run("diff", "1958/08/export.htm", status=0)
    assert "[-" not in done.stdout


def test_warcio_finds_no_fault(played: Played) -> None:
    files = played.watch.warcs()
    assert len(files) == 4
    command = [sys.executable, "-m", "warcio.cli", "check", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def pywb(folder: Path, warcs: list[Path]) -> Iterator[str]:
    """pywb on loopback over copies of these files: the address of its collection."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for words in (["init", "kept"], ["add", "kept", *map(str, warcs)]):
        subprocess.run(["wb-manager", *words], cwd=folder, env=environment, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        ["wayback", "-b", "127.0.0.1", "-p", str(port), "-t", "1"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _await(f"http://127.0.0.1:{port}/")
            yield f"http://127.0.0.1:{port}/kept/"
        finally:
            server.kill()


def _await(address: str) -> None:
    for _ in range(300):
        try:
            httpx.get(address)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"nothing answers at {address}")


def captured(warc: Path, path: str) -> tuple[str, str]:
    """(14 digits, address) of the text of this page in this file."""
    with warc.open("rb") as stream:
        for record in ArchiveIterator(stream):
            uri = record.rec_headers.get_header("WARC-Target-URI") or ""
            if record.rec_type in ("response", "revisit") and path_of(uri) == path:
                at = record.rec_headers.get_header("WARC-Date")
                return "".join(filter(str.isdigit, at))[:14], uri
    raise AssertionError(f"no text of {path} in {warc}")


def test_pywb_replays_both_days(played: Played, tmp_path: Path) -> None:
    pytest.importorskip("pywb", reason="pywb is not installed: no replay")
    if not (Path(sys.executable).parent / "wayback").exists() and shutil.which("wayback") is None:
        pytest.skip("pywb's server is not installed: no replay")
    folder = CORPUS / "versions" / "archive__pearce__1958__08__export.htm"
    quiet = "/archive/pearce/1958/08/legend-reality.htm"
    expected = [
        (0, EXPORT, next(folder.glob("1-*.htm")).read_bytes()),
        (2, EXPORT, next(folder.glob("2-*.htm")).read_bytes()),
        # on day 2 this one answered 304: a revisit, which stands for the text of day 1
        (2, quiet, (CORPUS / "pages" / quiet.removeprefix("/")).read_bytes()),
    ]
    with pywb(tmp_path, played.watch.warcs()) as collection:
        for number, path, body in expected:
            at, uri = captured(played.days[number].warc, path)
            answer = httpx.get(f"{collection}{at}id_/{uri}", follow_redirects=False)
            assert answer.status_code == 200
            assert answer.content == body


def test_addresses_are_those_of_the_watched_site(played: Played) -> None:
    for day in played.days:
        assert all(finding["uri"].startswith(ORIGIN) for finding in day.result["findings"])


def test_a_pass_in_which_nothing_happened_is_quiet(
    played: Played, realsite: RealSite, tmp_path: Path
) -> None:
    shutil.copytree(played.watch.folder, tmp_path / "watch")
    realsite.turn_to(3)
    done = Watch(tmp_path / "watch").run("check")
    assert (done.stdout, done.stderr) == ("", "")


def test_the_archive_holds_and_is_made_again_as_it_was(played: Played, tmp_path: Path) -> None:
    watch = played.watch
    found = watch.json("verify", "--text")
    assert (found["holds"], found["faults"]) == (True, [])
    assert found["files"] == found["chain"]["closed"] == len(played.days)
    told = [watch.json("report")["findings"], watch.json("log", "1958/08/export.htm")]
    made = watch.json("reindex")
    assert made["captures"] == found["captures"]
    assert made["changes"] == []
    assert [watch.json("report")["findings"], watch.json("log", "1958/08/export.htm")] == told
    for _ in range(2):
        copied = watch.json("backup", str(tmp_path / "copy"))
        assert copied["holds"]
    assert (copied["copied"], copied["kept"]) == (0, len(played.days))
    for path in watch.warcs():
        assert subprocess.run(["gzip", "-t", str(path)], check=False).returncode == 0
        assert (tmp_path / "copy" / "warc" / path.name).read_bytes() == path.read_bytes()


def test_a_damaged_archive_is_told_and_mended(played: Played, tmp_path: Path) -> None:
    watch = Watch(shutil.copytree(played.watch.folder, tmp_path / "watch"))
    copy = shutil.copytree(watch.folder / "snapshots", tmp_path / "copy")
    path = watch.warcs()[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    told = watch.run("verify", status=1).stdout
    assert f"warc/{path.name} at byte " in told
    mended = watch.run("verify", "--repair-from", str(copy))
    assert "made whole again" in mended.stderr
    assert path.read_bytes() == whole
