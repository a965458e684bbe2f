"""Measures the offline mirror, and sets it beside others': ``python -m bench.mirror``.

    python -m bench.mirror [--pages 10000] [--only etolwatch|others]

A store of as many pages is made by hand (24 KB each, twenty links, a style sheet, a picture); then
``etolwatch mirror`` is run on it as a whole process, again with nothing changed, and again after one
page in a hundred has changed. Beside it `wget --mirror --convert-links --page-requisites` and HTTrack
copy the same pages from a server on loopback, and bring their copy up to date. What they do is not
the same: they fetch, which etolwatch has done before, and keep no day but the last.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.pages import _paragraph as paragraph
from bench.pages import _sentence as sentence
from bench.run import ETOLWATCH, Cost, cost

BASE = "http://bench.example"
PAGES_A_FOLDER = 100
LINKS = 20
FIRST_S, PEAK_MIB, SECOND_S = 60.0, 200.0, 5.0
LONGEST_S = 900  # after that a program of others is ended: exit status 124
START = datetime(2026, 1, 1, 4, tzinfo=UTC)
STYLE = b"body { font-family: serif; background: url(paper.gif) }\n"
PICTURE = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b"
)
MODIFIED = "Wed, 14 Sep 2011 12:00:00 GMT"
CONFIG = """
store = "snapshots"

[[site]]
name = "bench"
seeds = ["{base}/index.htm"]
scope = ["{base}/"]
profile = "etol"
"""
PAGE = """<!DOCTYPE html>
<html><head>
<meta http-equiv="content-type" content="text/html; charset=iso-8859-1" />
<title>Work {number}</title>
<link rel="stylesheet" type="text/css" href="../css/works.css" />
</head>
<body>
<p class="toplink"><a href="../index.htm">Library</a> | <a href="index.htm">Folder</a></p>
<h1><img src="../css/paper.gif" alt="" /> Work {number}</h1>
{body}
<p class="link">{links}</p>
<p class="updat">Last updated on {day}.9.2011</p>
</body></html>
"""


class Library:
    """The pages by their paths; always the same, made when they are asked for."""

    def __init__(self, count: int) -> None:
        dice = random.Random(1)
        words = [sentence(dice, ["ba", "co", "di", "fa", "ger", "hul"], 1) for _ in range(400)]
        self._paragraphs = [paragraph(dice, words, number) for number in range(60, 560)]
        self.count = count

    def paths(self) -> Iterator[str]:
        yield "/css/works.css"
        yield "/css/paper.gif"
        yield "/index.htm"
        folders = range((self.count + PAGES_A_FOLDER - 1) // PAGES_A_FOLDER)
        yield from (f"/{folder:03}/index.htm" for folder in folders)
        yield from (place(number) for number in range(self.count))

    def body(self, path: str, day: int = 14) -> bytes:
        """What stands at this path. Raises KeyError for one that is none of the library's."""
        if path.startswith("/css/"):
            return {"/css/works.css": STYLE, "/css/paper.gif": PICTURE}[path]
        if path == "/index.htm":
            folders = range((self.count + PAGES_A_FOLDER - 1) // PAGES_A_FOLDER)
            return _list([f"{folder:03}/index.htm" for folder in folders])
        found = re.fullmatch(r"/(\d{3})/(?:index|work(\d+))\.htm", path)
        if found is None:
            raise KeyError(path)
        if found[2] is None:
            first = int(found[1]) * PAGES_A_FOLDER
            last = min(first + PAGES_A_FOLDER, self.count)
            return _list([place(number)[5:] for number in range(first, last)])
        return self._work(int(found[2]), day)

    def _work(self, number: int, day: int) -> bytes:
        dice = random.Random(number)
        size = len(self._paragraphs)
        body = "\n".join(self._paragraphs[dice.randrange(size)] for _ in range(82))
        links = " ".join(f'<a href="..{place(dice.randrange(self.count))}#n1">see</a>' for _ in range(LINKS))
        return PAGE.format(number=number, body=body, links=links, day=day).encode("ascii")


def place(number: int) -> str:
    return f"/{number // PAGES_A_FOLDER:03}/work{number:05}.htm"


def _list(names: list[str]) -> bytes:
    rows = "\n".join(f'<p class="index"><a href="{name}">Work</a></p>' for name in names)
    return f"<html><head><title>Works</title></head><body><h1>Works</h1>{rows}</body></html>".encode("ascii")


def kind(path: str) -> str:
    return {"css": "text/css", "gif": "image/gif"}.get(path.rpartition(".")[2], "text/html")


# ── the store ────────────────────────────────────────────────────────────────────────


def keep(folder: Path, paths: list[str], library: Library, at: datetime, day: int) -> None:
    """One pass over these paths, as if the site had answered."""
    from etolwatch.archive.store import Store
    from etolwatch.config import load
    from etolwatch.harvest.decide import decide
    from etolwatch.model import Exchange, PassState, Requisite, Via, Visit

    site = load(folder / "config.toml", schedules=False).sites[0]
    with Store(folder / "snapshots") as store:
        store.begin_pass(["bench"], at)
        for number, path in enumerate(paths):
            uri, body = BASE + path, library.body(path, day)
            head = (("Content-Type", kind(path)),)
            request = (("Host", "bench.example"),)
            answer = Exchange(
                uri, at + timedelta(seconds=number), 200, "OK", "HTTP/1.1", request, f"GET {path} HTTP/1.1",
                head, body, None, 0.0,
            )  # fmt: skip
            known = store.catalog.history(uri)
            version, last = (known.version, known.last) if known else (None, None)
            need = {"css": Requisite.STYLE, "gif": Requisite.IMAGE}.get(path.rpartition(".")[2])
            visit = Visit(uri, uri, "bench", Via.KNOWN, version=version, last=last, requisite=need)
            store.append(decide(visit, answer, site))
        store.end_pass(PassState.COMPLETE, at + timedelta(seconds=len(paths)))


# ── measuring ────────────────────────────────────────────────────────────────────────


def row(name: str, each: Cost, bound: str = "") -> None:
    failed = f"   exit status {each.status}" if each.status else ""
    print(
        f"{name:<34}{each.wall_s:>8.1f}{each.cpu_s:>8.1f}{each.peak_mib:>10.0f}   {bound}{failed}", flush=True
    )


def touched(folder: Path, since_ns: int) -> int:
    """How many files and folders below have been made or altered in any way since then."""
    return sum(path.lstat().st_ctime_ns > since_ns for path in folder.rglob("*"))


def own(count: int, folder: Path) -> None:
    library = Library(count)
    (folder / "config.toml").write_text(CONFIG.format(base=BASE))
    paths = list(library.paths())
    keep(folder, paths, library, START, 14)
    tree = folder / "mirror"
    command = [*ETOLWATCH, "--config", str(folder / "config.toml"), "mirror", str(tree)]
    row("etolwatch mirror, first", cost(command), f"<= {FIRST_S:.0f} s, <= {PEAK_MIB:.0f} MiB")
    began_ns = time.time_ns()
    row("  again, nothing changed", cost(command), f"<= {SECOND_S:.0f} s, touches no file")
    print(f"  files touched by it: {touched(tree, began_ns)}", flush=True)
    keep(folder, paths[-count // 100 :], library, START + timedelta(days=1), 15)
    row("  again, 1 page in 100 changed", cost(command))


class Handler(BaseHTTPRequestHandler):
    """Answers with Last-Modified, and 304 to who has it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    library: Library

    def do_GET(self) -> None:
        try:
            body, status = self.library.body(self.path), 200
        except KeyError:
            body, status = b"", 404
        if status == 200 and self.headers.get("If-Modified-Since"):
            body, status = b"", 304
        self.send_response(status)
        self.send_header("Content-Type", kind(self.path))
        self.send_header("Last-Modified", MODIFIED)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the library's)
        """Nothing: the lines would only cost time."""


@contextmanager
def served(count: int) -> Iterator[str]:
    """The address of the first page, served by a process of its own."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        Handler.library = Library(count)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        os.write(writer, str(server.server_port).encode())
        os.close(writer)
        server.serve_forever()
    os.close(writer)
    try:
        yield f"http://127.0.0.1:{int(os.read(reader, 16))}/index.htm"
    finally:
        os.close(reader)
        os.kill(process, 15)
        os.waitpid(process, 0)


def others(count: int, folder: Path) -> None:
    with served(count) as index:
        for name, program, options in (
            ("wget --mirror -k -p", "wget", ["--mirror", "-k", "-p", "-nv", "-e", "robots=off", "-P"]),
            (
                "HTTrack",
                "httrack",
                ["-q", "-s0", "-A0", "-%c0", "-c8", "--disable-security-limits", "-O"],
            ),
        ):
            if shutil.which(program) is None:
                print(f"{name:<34}not run: {program} is not installed", flush=True)
                continue
            command = ["timeout", str(LONGEST_S), program, *options, str(folder / program), index]
            row(f"{name}, first", cost(command))
            began_ns = time.time_ns()
            again = [*command[:3], "--update", *command[3:]] if program == "httrack" else command
            row("  again, nothing changed", cost(again))
            print(f"  files touched by it: {touched(folder / program, began_ns)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--only", choices=("etolwatch", "others"))
    chosen = parser.parse_args()
    print(f"\n{chosen.pages} pages of 24 KB{'wall s':>22}{'CPU s':>8}{'peak MiB':>10}   bound", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if chosen.only != "others":
            own(chosen.pages, Path(folder))
        if chosen.only != "etolwatch":
            others(chosen.pages, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
