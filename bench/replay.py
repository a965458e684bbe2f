"""Measures the replay: ``python -m bench.replay``.

    python -m bench.replay [--pages 500] [--captures 20]

A store of as many pages is made (55 KB each, in the site's mark-up) with as many captures of each, one
in five of them a new text. `etolwatch serve` shows it, one process, and is asked for replayed pages,
frames, calendars, texts, TimeMaps and parts of the index, one after the other. Told are the median times
until the whole answer is there, the median CPU time of the server for each, and its memory.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bench.pages import name, page
from etolwatch.archive.store import Store
from etolwatch.harvest.decide import decide
from etolwatch.model import Exchange, PassState, Site, Via, Visit

BASE = "https://bench.example/"
START = datetime(2020, 1, 1, 4, tzinfo=UTC)
RUNS = 200
SITE = Site("bench", (BASE,), (BASE,), (), "etol", "0 4 * * *", "UTC", 0, 100, 1 << 24)
CONFIG = f"""store = "snapshots"
[[site]]
name = "bench"
seeds = ["{BASE}index.htm"]
"""
ETOLWATCH = [sys.executable, "-m", "etolwatch"]


def make(folder: Path, count: int, captures: int) -> None:
    """A store with these pages, captured once a week."""
    bodies = {name(number): page(number) for number in range(count)}
    (folder / "config.toml").write_text(CONFIG)
    with Store(folder / "snapshots") as store:
        for number in range(captures):
            store.begin_pass(["bench"], START + timedelta(weeks=number))
            for path, body in bodies.items():
                keep(store, path, body + b"<!-- %d -->" % (number // 5), START + timedelta(weeks=number))
            store.end_pass(PassState.COMPLETE, START + timedelta(weeks=number, hours=1))


def keep(store: Store, path: str, body: bytes, at: datetime) -> None:
    """One visit of a page."""
    uri = BASE + path
    known = store.catalog.history(uri)
    version, last = (known.version, known.last) if known else (None, None)
    visit = Visit(uri, uri, "bench", Via.KNOWN, version=version, last=last)
    head = (("Content-Type", "text/html"),)
    answer = Exchange(uri, at, 200, "OK", "HTTP/1.1", (), f"GET /{path} HTTP/1.1", head, body, None, 0.0)
    store.append(decide(visit, replace(answer, at=at), SITE))


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    """`etolwatch serve` over the store: its host and port, and its process id."""
    command = [*ETOLWATCH, "serve", "--config", str(folder / "config.toml"), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            while not (line := process.stderr.readline()).startswith("http://"):
                assert line, "the server ended"
            yield urlsplit(line.split()[0]).netloc, process.pid
        finally:
            process.kill()


def cpu_s(pid: int) -> float:
    """User and system time of a process so far (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    """The most memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def measure(netloc: str, pid: int, what: str, paths: list[str]) -> None:
    """Asks for each of these once, and tells what it took."""
    connection = http.client.HTTPConnection(netloc)
    took_ms, begun = [], cpu_s(pid)
    for path in paths:
        start = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        took_ms.append((time.perf_counter() - start) * 1000)
        assert answer.status == 200, (path, answer.status)
    used = (cpu_s(pid) - begun) * 1000 / len(paths)
    print(f"  {what:<34} {statistics.median(took_ms):7.1f} ms   {used:7.1f} ms CPU", flush=True)


def main() -> None:
    """Makes the store in a temporary folder, and measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--captures", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder, asked.pages, asked.captures)
        dice = random.Random(1)
        names = [name(dice.randrange(asked.pages)) for _ in range(RUNS)]
        stamps = [
            f"{START + timedelta(weeks=dice.randrange(asked.captures)):%Y%m%d%H%M%S}" for _ in range(RUNS)
        ]
        both = list(zip(stamps, names, strict=True))
        print(f"{asked.pages} pages, {asked.captures} captures each; medians of {RUNS}")
        with serving(folder) as (netloc, pid):
            measure(netloc, pid, "a first one", [f"/web/{stamps[0]}/{BASE}{names[0]}"])
            measure(netloc, pid, "the page with the banner", [f"/web/{s}/{BASE}{n}" for s, n in both])
            measure(netloc, pid, "the captured page in it", [f"/web/{s}if_/{BASE}{n}" for s, n in both])
            measure(netloc, pid, "its bytes", [f"/web/{s}id_/{BASE}{n}" for s, n in both])
            measure(netloc, pid, "its text", [f"/text/{s}/{BASE}{n}" for s, n in both[:40]])
            measure(netloc, pid, "its calendar", [f"/web/*/{BASE}{n}" for n in names])
            measure(netloc, pid, "its TimeMap", [f"/timemap/link/{BASE}{n}" for n in names])
            measure(netloc, pid, "its index", [f"/cdx?url={BASE}{n}" for n in names])
            measure(netloc, pid, "the first 1,000 of all", [f"/cdx?url={BASE}*&limit=1000"] * 5)
            print(f"  memory at most {peak_mib(pid):.0f} MiB")


if __name__ == "__main__":
    main()
