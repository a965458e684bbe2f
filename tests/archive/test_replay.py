"""pywb, an archive's own replay, gives back what was received: byte for byte, revisits too."""

from __future__ import annotations

import gzip
import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from archive.material import START, Diary, answer
from etolwatch.archive.codings import digest_of
from etolwatch.archive.store import Store
from etolwatch.model import Capture, PassState

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pywb") is None, reason="pywb is not installed: pip install pywb"
)

# In a process of its own: pywb replaces the threads and sockets of the one it runs in.
REPLAY = """
import contextlib, hashlib, json, sys
with contextlib.redirect_stdout(sys.stderr):
    from pywb.apps.frontendapp import FrontEndApp
    from pywb.manager.manager import main
    from werkzeug.test import Client
    main(["reindex", "all"])
    client = Client(FrontEndApp(config_file="config.yaml"))
    answers = [client.get(path) for path in json.load(sys.stdin)]
    told = [(a.status_code, "sha256:" + hashlib.sha256(a.get_data()).hexdigest()) for a in answers]
print(json.dumps(told))
"""


def replay(folder: Path, captures: list[Capture], work: Path) -> list[tuple[int, str]]:
    """Status and digest of each capture of a store, as pywb replays it from the files alone."""
    for name in ("archive", "indexes"):
        (work / "collections" / "all" / name).mkdir(parents=True)
    for path in (folder / "warc").glob("*.warc.gz"):
        shutil.copy(path, work / "collections" / "all" / "archive")
    (work / "config.yaml").write_text("collections_root: collections\n")
    paths = [f"/all/{c.captured_at.strftime('%Y%m%d%H%M%S')}id_/{c.asks}" for c in captures]
    command = [sys.executable, "-W", "ignore", "-c", REPLAY]
    done = subprocess.run(
        command, input=json.dumps(paths), capture_output=True, text=True, cwd=work, check=False
    )
    assert done.returncode == 0, done.stderr
    return [(status, digest) for status, digest in json.loads(done.stdout.splitlines()[-1])]


def test_every_kind_of_record_replays(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    diary, kept = Diary(folder), []
    packed = gzip.compress(b"<p>packed text</p>" * 20, mtime=0)
    answers = [
        answer("/a.htm", b"<p>one</p>", ETag='"1"'),
        answer("/a.htm", b"", 304),
        answer("/a.htm", b"<p>two</p>", ETag='"2"', Transfer_Encoding="chunked"),
        answer("/a.htm", b"<p>two</p>", ETag='"3"'),
        answer("/a.htm", b"", 304),
        answer("/p.htm", packed, Content_Encoding="gzip"),
        answer("/p.htm", b"", 304),
        answer("/none.htm", b"<p>not here</p>", 404),
        answer("/none.htm", b"<p>not here</p>", 404),
    ]
    with Store(folder) as store:
        for one in answers:
            store.begin_pass(["test"], diary.at)
            capture = diary.keep(store, replace(one, reason="Reason"))
            assert capture is not None
            kept.append(capture)
            store.end_pass(PassState.COMPLETE, START)
        expected = [(p.status, digest_of(p.body)) for p in map(store.payload, kept)]
    assert replay(folder, kept, tmp_path / "pywb") == expected
