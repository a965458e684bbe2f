"""Programs that are not ours read what etolwatch keeps and exports, and it reads what they give."""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
import queue
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from archive.material import BASE, SITE, START, Diary, answer
from harvest.loopback import Clock, LoopbackSite, site_of

from etolwatch.archive.cdxj import cdx, timemap
from etolwatch.archive.export import Selection, entries, export_wacz, export_warc
from etolwatch.archive.members import Member, members
from etolwatch.archive.store import Store
from etolwatch.harvest.captures import Archive
from etolwatch.harvest.fetch import Fetcher
from etolwatch.harvest.memento import remember
from etolwatch.harvest.past import Brought, bring_warc
from etolwatch.model import Capture, PassState

PAGE = f"{BASE}/a.htm"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} (make interop)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three days, with a coding, a 304, a redirect and a page that goes."""
    folder = tmp_path_factory.mktemp("interop") / "snapshots"
    diary = Diary(folder)
    packed = gzip.compress(b"<p>packed</p>" * 9, mtime=0)
    days = [
        [
            answer("/a.htm", b"<title>A</title><p>the text of day one</p>", ETag='"1"'),
            answer("/p.htm", packed, Content_Encoding="gzip"),
            answer("/m.htm", b"", 301, Location=f"{BASE}/a.htm"),
        ],
        [
            answer("/a.htm", b"<title>A</title><p>the text of day two</p>", ETag='"2"'),
            answer("/p.htm", b"", 304),
        ],
        [answer("/a.htm", b"", 304), answer("/p.htm", b"<p>not here</p>", 404)],
    ]
    with Store(folder) as store:
        for day, answers in enumerate(days):
            diary.at = START + timedelta(days=day)
            store.begin_pass(["test"], diary.at)
            for one in answers:
                diary.keep(store, one)
            store.end_pass(PassState.COMPLETE, diary.at)
    return folder


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with Store.read_only(folder) as store:
        yield store


def everything(store: Store) -> list[Capture]:
    return [entry.capture for entry in entries(store, Selection())]


# ── readers of WARC, WACZ and CDX ────────────────────────────────────────────────────


@needs("fastwarc")
def test_fastwarc_counts_the_same_records(store: Store, tmp_path: Path) -> None:
    from fastwarc.warc import ArchiveIterator

    export_warc(store, Selection(), tmp_path / "all.warc.gz")
    for path in (tmp_path / "all.warc.gz", *sorted(store.warc_folder.iterdir())):
        with path.open("rb") as file:
            found = [record.record_id for record in ArchiveIterator(file, parse_http=False)]
        assert len(found) == len([one for one in members(path) if isinstance(one, Member)])


@needs("cdxj_indexer")
def test_cdxj_indexer_makes_the_same_index(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "data.warc.gz"
    export_warc(store, Selection(), path)
    export_wacz(store, Selection(), tmp_path / "all.wacz")
    command = [sys.executable, "-m", "cdxj_indexer.main", "--sort", str(path)]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    with zipfile.ZipFile(tmp_path / "all.wacz") as package:
        ours = package.read("indexes/index.cdxj").decode()
    keys = ("url", "mime", "status", "digest", "length", "filename")
    assert [_fields(line, keys) for line in ours.splitlines()] == [
        _fields(line, keys) for line in theirs.splitlines()
    ]


def _fields(line: str, keys: tuple[str, ...]) -> tuple[str, str, list[Any]]:
    surt, stamp, fields = line.split(" ", 2)
    about = json.loads(fields)
    return surt, stamp, [about.get(key) for key in keys]


@needs("wacz")
def test_py_wacz_finds_our_wacz_valid(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "all.wacz"
    export_wacz(store, Selection(), path)
    command = [sys.executable, "-c", "from wacz.main import main; main()", "validate", "-f", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid" in done.stdout


@needs("wacz")
def test_py_wacz_finds_another_byte(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "all.wacz"
    export_wacz(store, Selection(), path)
    data = bytearray(path.read_bytes())
    data[data.index(b"json-pages-1.0") + 3] ^= 1
    path.write_bytes(data)
    command = [sys.executable, "-c", "from wacz.main import main; main()", "validate", "-f", str(path)]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


@needs("wayback")
def test_the_wayback_client_reads_our_cdx(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import wayback
    from wayback import _client

    text = "".join(cdx(entries(store, Selection(uri=PAGE))))
    with serving(text, "text/plain") as address:
        monkeypatch.setattr(_client, "CDX_SEARCH_URL", address)
        with wayback.WaybackClient() as client:
            found = list(client.search(PAGE))
    ours = store.catalog.captures(PAGE)
    assert [one.timestamp for one in found] == [c.captured_at.replace(microsecond=0) for c in ours]
    assert [one.digest for one in found] == [c.payload_digest.removeprefix("sha1:") for c in ours]
    assert {one.original for one in found} == {PAGE}


@needs("memento_client")
def test_memento_client_reads_our_timemap(store: Store) -> None:
    from memento_client import MementoClient

    captures = store.catalog.captures(PAGE)
    links = MementoClient.parse_link_header(timemap(PAGE, captures, "http://localhost:8080/all/"))
    found = {about["datetime"][0]: uri for uri, about in links.items() if "datetime" in about}
    assert sorted(found.values()) == [
        f"http://localhost:8080/all/{c.captured_at:%Y%m%d%H%M%S}/{PAGE}" for c in captures
    ]
    assert "timegate" in links[f"http://localhost:8080/all/{PAGE}"]["rel"]


@needs("memento_cli")
def test_memento_cli_reads_our_timemap(store: Store) -> None:
    from memento_cli.memento import get_mementos

    captures = store.catalog.captures(PAGE)
    text = timemap(PAGE, captures, "http://localhost:8080/all/")
    with serving(text, "application/link-format") as address:
        found = get_mementos(address)
    assert [one.datetime.replace(tzinfo=UTC) for one in found] == [
        c.captured_at.replace(microsecond=0) for c in captures
    ]


@contextmanager
def serving(text: str, content_type: str) -> Iterator[str]:
    """A server that answers everything with this text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """What is asked does not matter here."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# ── pywb, replaying ──────────────────────────────────────────────────────────────────


@contextmanager
def pywb(warc: Path, index: bytes | None, work: Path) -> Iterator[str]:
    """pywb on loopback over a WARC file, by this index or by one that it makes itself."""
    collection = work / "collections" / "all"
    (collection / "archive").mkdir(parents=True)
    (collection / "indexes").mkdir()
    shutil.copy(warc, collection / "archive" / warc.name)
    (work / "config.yaml").write_text("collections_root: collections\nframed_replay: false\n")
    if index is None:
        program = "from pywb.manager.manager import main; main(['reindex', 'all'])"
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program], cwd=work, check=True, capture_output=True
        )
    else:
        (collection / "indexes" / "index.cdxj").write_bytes(index)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "from pywb.apps.cli import wayback; wayback()"
    command = [sys.executable, "-W", "ignore", "-c", program, "-b", "127.0.0.1", "-p", str(port)]
    with (
        (work / "log").open("wb") as log,
        subprocess.Popen(command, cwd=work, stdout=log, stderr=log) as process,
    ):
        try:
            _await(port, process)
            yield f"http://127.0.0.1:{port}/all/"
        finally:
            process.kill()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "pywb has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("pywb does not answer")


@pytest.fixture(scope="module")
def replay(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """pywb over the WARC file of our WACZ, by the index in it."""
    if importlib.util.find_spec("pywb") is None:
        pytest.skip("not installed: pywb (make interop)")
    work = tmp_path_factory.mktemp("pywb")
    with Store.read_only(folder) as store:
        export_wacz(store, Selection(), work / "all.wacz")
    with zipfile.ZipFile(work / "all.wacz") as package:
        package.extract("archive/data.warc.gz", work)
        index = package.read("indexes/index.cdxj")
    with pywb(work / "archive" / "data.warc.gz", index, work) as address:
        yield address


def test_pywb_replays_each_capture_of_our_wacz(replay: str, store: Store) -> None:
    captures = everything(store)
    assert len(captures) == 7
    for capture in captures:
        expected = store.payload(capture)
        got = httpx.get(f"{replay}{capture.captured_at:%Y%m%d%H%M%S}id_/{capture.asks}")
        assert (got.status_code, got.content) == (expected.status, expected.body), capture


def test_what_pywb_holds_can_be_brought(replay: str, store: Store, tmp_path: Path) -> None:
    ours = store.catalog.captures(PAGE)
    for source in ("cdx", "timemap/link"):
        brought = past_of(replay + source, tmp_path / source.partition("/")[0])
        assert [text for _, text in brought] == [store.payload(c).body for c in ours]
        assert [at for at, _ in brought] == [c.captured_at.replace(microsecond=0) for c in ours]


def test_all_that_pywb_holds_of_a_site_can_be_brought(replay: str, store: Store, tmp_path: Path) -> None:
    clock, archive = Clock(), Archive.named(f"{replay}cdx")
    with Store(tmp_path / "snapshots") as other, Fetcher(None) as fetcher:
        for page in (PAGE, f"{BASE}/p.htm"):
            assert other.catalog.history(page) is None
        done = remember(
            other, [SITE], [], archive, fetcher, now=clock.now, sleep=clock.sleep, below=SITE.scope
        )
        assert (done.brought.damages, done.why, done.left) == ((), "", 0)
        for page in (PAGE, f"{BASE}/p.htm"):
            ours, theirs = store.catalog.captures(page), other.catalog.captures(page)
            assert [other.payload(one).body for one in theirs] == [store.payload(one).body for one in ours]


def past_of(source: str, folder: Path) -> list[tuple[datetime, bytes]]:
    clock = Clock()
    with Store(folder) as store, Fetcher(None) as fetcher:
        archive = Archive.named(source)
        for expected in (True, False):  # the second time there is nothing left to bring
            done = remember(store, [SITE], [PAGE], archive, fetcher, now=clock.now, sleep=clock.sleep)
            assert (done.brought.damages, done.why, done.brought.captures > 0) == ((), "", expected)
        return [(c.captured_at, store.payload(c).body) for c in store.catalog.captures(PAGE)]


def test_pywb_replays_what_was_brought(replay: str, tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    past_of(replay + "cdx", folder)
    (path,) = (folder / "warc").iterdir()
    with Store.read_only(folder) as store, pywb(path, None, tmp_path / "pywb") as address:
        for capture in store.catalog.captures(PAGE):
            got = httpx.get(f"{address}{capture.captured_at:%Y%m%d%H%M%S}id_/{capture.asks}")
            assert got.content == store.payload(capture).body


@functools.cache
def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(chromium() is None, reason="no Chromium is installed: apt install chromium")
def test_chromium_shows_a_page_of_each_day(replay: str, tmp_path: Path) -> None:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags += ["--disable-component-update", f"--user-data-dir={tmp_path}", "--dump-dom"]
    for stamp, text in (("20261102050000", "day one"), ("20261103050000", "day two")):
        command = [chromium() or "", *flags, f"{replay}{stamp}/{PAGE}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert f"the text of {text}" in done.stdout, done.stderr[-2000:]


# ── ReplayWeb.page ───────────────────────────────────────────────────────────────────

REPLAYWEB = Path(sys.prefix) / "replaywebpage"
# Looks into every frame and shadow tree for the text of the page that is replayed, and tells it.
WATCHER = """<!doctype html><script src="/ui.js"></script><body>
<replay-web-page source="/all.wacz" url="ADDRESS" ts="TIMESTAMP" embed="replayonly" replayBase="/replay/">
</replay-web-page><script>
const textsIn = root => [...root.querySelectorAll("*")].flatMap(element => {
  const inner = element.shadowRoot ? textsIn(element.shadowRoot) : [];
  const framed = element.tagName === "IFRAME" ? element.contentDocument : null;
  return framed && framed.body ? [...inner, framed.body.innerText, ...textsIn(framed)] : inner;
});
setInterval(() => {
  const found = textsIn(document).find(text => text.includes("the text of day"));
  if (found) fetch("/told", {method: "POST", body: found});
}, 200);
</script>"""


class Harness(ThreadingHTTPServer):
    """Serves ReplayWeb.page, a WACZ, and a page that shows one capture of it; hears what was shown."""

    daemon_threads = True

    def __init__(self, wacz: Path) -> None:
        self.files = {"/all.wacz": wacz, "/ui.js": REPLAYWEB / "ui.js", "/replay/sw.js": REPLAYWEB / "sw.js"}
        self.files["/replay/ui.js"] = REPLAYWEB / "ui.js"
        self.told: queue.Queue[str] = queue.Queue()
        super().__init__(("127.0.0.1", 0), HarnessHandler)


class HarnessHandler(BaseHTTPRequestHandler):
    server: Harness

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path in self.server.files:
            kind = "text/javascript" if path.endswith(".js") else "application/zip"
            self._answer(self.server.files[path].read_bytes(), kind)
        elif path == "/replay/":
            page = '<!doctype html><script src="/replay/ui.js"></script><replay-app-main></replay-app-main>'
            self._answer(page.encode(), "text/html")
        elif path == "/watch":
            page = WATCHER.replace("ADDRESS", PAGE).replace("TIMESTAMP", query)
            self._answer(page.encode(), "text/html")
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 - http.server wants it so

    def do_POST(self) -> None:
        self.server.told.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer(b"", "text/plain")

    def _answer(self, body: bytes, kind: str) -> None:
        begin, end = self._range(len(body))
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(end - begin))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Service-Worker-Allowed", "/")
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(body)}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[begin:end])

    def _range(self, size: int) -> tuple[int, int]:
        """What part is wanted (RFC 9110 §14.1.2): from, to, exclusive."""
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        if not first:
            return max(0, size - int(last)), size
        return int(first), min(int(last) + 1, size) if last else size

    def log_message(self, *_: object) -> None:
        """What is asked for does not matter here."""


@pytest.mark.skipif(chromium() is None, reason="no Chromium is installed: apt install chromium")
@pytest.mark.skipif(not (REPLAYWEB / "ui.js").exists(), reason="ReplayWeb.page is not there: make interop")
@pytest.mark.parametrize(("stamp", "text"), [("20261102050000", "one"), ("20261103050000", "two")])
def test_replayweb_page_shows_a_page_of_each_day(store: Store, tmp_path: Path, stamp: str, text: str) -> None:
    export_wacz(store, Selection(), tmp_path / "all.wacz")
    server = Harness(tmp_path / "all.wacz")
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags += [
        "--disable-component-update",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--remote-debugging-port=0",
    ]
    address = f"http://127.0.0.1:{server.server_port}/watch?{stamp}"
    with subprocess.Popen(
        [chromium() or "", *flags, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert server.told.get(timeout=60).strip() == f"the text of day {text}"
        finally:
            process.kill()
            server.shutdown()
            server.server_close()
            thread.join()


# ── what others make ─────────────────────────────────────────────────────────────────


@pytest.mark.skipif(shutil.which("wget") is None, reason="wget is not installed")
def test_a_warc_of_wget_is_brought(tmp_path: Path) -> None:
    site = LoopbackSite()
    try:
        site.write("/index.htm", "the index", "/a.htm", "/none.htm")
        site.write("/a.htm", "a text")
        command = ["wget", "-q", "-r", "--no-parent", "--warc-file=crawl", f"{site.base}/index.htm"]
        subprocess.run(command, cwd=tmp_path, check=False, capture_output=True)
        with Store(tmp_path / "snapshots") as store:
            brought = bring_warc(store, [site_of(site.base)], tmp_path / "crawl.warc.gz", NOW)
            assert brought.damages == ()
            assert brought.captures == 3
            (text,) = store.catalog.captures(f"{site.base}/a.htm")
            assert store.payload(text).body == site.pages["/a.htm"].body
            assert bring_warc(store, [site_of(site.base)], tmp_path / "crawl.warc.gz", NOW) == Brought(
                held=3, other=brought.other, outside=brought.outside
            )
    finally:
        site.close()


@needs("warcio")
def test_a_warc_that_warcio_recorded_is_brought(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom warcio.capture_http import capture_http\nimport http.client\n"
        "with capture_http(sys.argv[2]):\n    c = http.client.HTTPConnection(sys.argv[1])\n"
        "    c.request('GET', '/a.htm')\n    c.getresponse().read()\n"
    )
    site = LoopbackSite()
    try:
        site.write("/a.htm", "a text")
        path = tmp_path / "recorded.warc.gz"
        host = site.base.removeprefix("http://")
        subprocess.run([sys.executable, "-c", program, host, str(path)], check=True)
        with Store(tmp_path / "snapshots") as store:
            assert bring_warc(store, [site_of(site.base)], path, NOW) == Brought(captures=1)
    finally:
        site.close()
