"""The replay beside pywb's, and beside the archive, on the same captures."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from archive.material import BASE
from end_to_end.test_interop import pywb

from etolwatch import config as configuration
from etolwatch.archive.export import Selection, entries, export_warc
from etolwatch.archive.store import Store
from etolwatch.model import Capture, Payload
from etolwatch.text.profiles import profile
from etolwatch.text.witness import witness
from etolwatch.web import served
from web.replays import Shelf, at, config_of, serving

REALSITE = Path(__file__).resolve().parents[3] / "shared" / "realsite" / "serve.py"
ORIGIN = "https://www.marxists.org/"
CONFIG = """
store = "snapshots"

[[site]]
name = "pearce"
seeds = ["{origin}archive/pearce/index.htm"]
scope = ["{origin}archive/pearce/"]
delay_s = 0
source = "{source}"
stands_for = "{origin}"
"""
DAYS = [at(f"2026-11-0{day}T05:00:00") for day in range(1, 5)]


def stamp(capture: Capture) -> str:
    return f"{capture.captured_at:%Y%m%d%H%M%S}"


# ── pywb ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beside") / "snapshots"
    with Shelf(folder, DAYS[0]) as shelf:
        shelf.put(f"{BASE}/a.htm", b"<p>day one</p><a href='b.htm'>b</a>", DAYS[0], ETag='"1"')
        shelf.put(f"{BASE}/packed.htm", gzip.compress(b"<p>p</p>", mtime=0), DAYS[0], Content_Encoding="gzip")
        shelf.put(f"{BASE}/latin.htm", "<p>Café</p>".encode("cp1252"), DAYS[0])
        shelf.put(f"{BASE}/book.pdf", b"%PDF-1.4 \xff", DAYS[0], Content_Type="application/pdf")
        shelf.put(f"{BASE}/dot.gif", b"GIF89a", DAYS[0], Content_Type="image/gif")
        shelf.put(f"{BASE}/q?a=1&b=2", b"<p>query</p>", DAYS[0])
        shelf.put(f"{BASE}/a.htm", b"", DAYS[1], 304, ETag='"1"')
        shelf.put(f"{BASE}/a.htm", b"<p>day three</p>", DAYS[2])
        shelf.put(f"{BASE}/a.htm", b"<p>gone</p>", DAYS[3], 404)
        shelf.put(f"{BASE}/b.htm", b"", DAYS[0], 302, Location=f"{BASE}/a.htm")
    return folder


@pytest.mark.skipif(importlib.util.find_spec("pywb") is None, reason="not installed: pywb (make interop)")
def test_bytes_and_status_are_those_that_pywb_replays(folder: Path, tmp_path: Path) -> None:
    with Store.read_only(folder) as store:
        export_warc(store, Selection(), tmp_path / "all.warc.gz")
        captures = [entry.capture for entry in entries(store, Selection())]
    assert len(captures) == 10
    with (
        serving(config_of(folder)) as (ours, _),
        pywb(tmp_path / "all.warc.gz", None, tmp_path / "pywb") as theirs,
    ):
        for capture in captures:
            path = f"{stamp(capture)}id_/{capture.uri}"
            mine, other = httpx.get(f"{ours}/web/{path}"), httpx.get(f"{theirs}{path}")
            assert mine.status_code == other.status_code, capture
            assert mine.headers["Memento-Datetime"] == other.headers["Memento-Datetime"]
            if capture.location is None:
                assert mine.content == other.content, capture
            else:  # ours leads into the replay, where pywb's leads to the site itself
                path = f"/web/{stamp(capture)}id_/{other.headers['Location']}"
                assert mine.headers["Location"] == path


# ── the real pages of three days ─────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def three_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three days of real pages, as `check` makes it."""
    if not REALSITE.is_file():
        pytest.skip(f"the real pages are not at hand: {REALSITE} is absent")
    folder = tmp_path_factory.mktemp("three-days")
    command = [sys.executable, str(REALSITE), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            seed = process.stdout.readline()
            source = seed[: seed.index("/", len("http://")) + 1]
            (folder / "config.toml").write_text(CONFIG.format(origin=ORIGIN, source=source))
            for day in (1, 2, 3):
                httpx.get(f"{source}__day/{day}").raise_for_status()
                check = [sys.executable, "-m", "etolwatch", "check", "--config", str(folder / "config.toml")]
                subprocess.run(check, check=True, capture_output=True)
        finally:
            process.kill()
    return folder


def read_again(capture: Capture, answer: httpx.Response) -> Payload:
    return Payload(
        uri=capture.uri,
        body=answer.content,
        status=answer.status_code,
        captured_at=capture.captured_at,
        last_modified=capture.last_modified,
        content_type=answer.headers["Content-Type"],
    )


def test_the_text_from_the_replay_is_the_text_from_the_archive(three_days: Path) -> None:
    config = configuration.load(three_days / "config.toml")
    rules = profile("etol")
    compared = 0
    with serving(config) as (address, _), httpx.Client() as client, Store.read_only(config.store) as store:
        for uri, _count in store.catalog.addresses(pages=True):
            for capture in store.catalog.versions(uri):
                payload = store.payload(capture)
                if served.type_of(payload) not in served.FRAMED:
                    continue
                got = client.get(f"{address}/web/{stamp(capture)}if_/{uri}")
                if got.status_code == 302:  # a second capture of the same second
                    got = client.get(address + got.headers["Location"])
                kept = witness(payload, rules)
                seen = witness(read_again(capture, got), rules)
                assert [(b.zone, b.text, b.note) for b in seen.blocks] == [
                    (b.zone, b.text, b.note) for b in kept.blocks
                ], uri
                assert (seen.stated, seen.is_index) == (kept.stated, kept.is_index), uri
                compared += 1
    assert compared > 100


def test_each_page_and_what_it_needs_is_answered(three_days: Path) -> None:
    """Whatever a replayed page refers to is another capture, or said not to be held; never an error."""
    config = configuration.load(three_days / "config.toml")
    with (
        serving(config) as (address, asked),
        httpx.Client() as client,
        Store.read_only(config.store) as store,
    ):
        for uri, _count in store.catalog.addresses(pages=True)[::7]:
            capture = store.catalog.captures(uri)[-1]
            for flag in ("", "if_", "id_"):
                got = client.get(f"{address}/web/{stamp(capture)}{flag}/{uri}", follow_redirects=True)
                assert got.status_code in (200, 404), (uri, flag)
            for path in re.findall(r'(?:src|href)="?(/web/[^" >]+)', got.text)[:40]:
                assert client.get(address + path.replace("&amp;", "&")).status_code in (200, 301, 302, 404), (
                    path
                )
            assert client.get(f"{address}/web/*/{uri}").status_code == 200
            assert client.get(f"{address}/text/{stamp(capture)}/{uri}").status_code in (200, 302)
            table = client.get(f"{address}/cdx", params={"url": uri, "output": "json"}).text.splitlines()
            assert {json.loads(line)["url"] for line in table} == {uri}
        assert {method for method, _, _ in asked.requests} == {"GET"}
