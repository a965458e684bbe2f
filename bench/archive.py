"""Measures how well and how fast the archive keeps: ``python -m bench.archive [WHAT]``.

    flips       1,000 random bits of a store flipped, one at a time: which guard finds each
    truncations 200 random truncations of its files; then each record and each file removed
    kills       SIGKILL at 200 random moments of passes over a site that misbehaves
    reindex     the catalog made again of 20,000 captures
    million     log, show, status and a pass's start over a catalog of 1,000,000 captures

All random choices come from --seed, so that a run can be repeated.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from etolwatch import jobs
from etolwatch.archive.members import Member, members
from etolwatch.archive.store import Store
from etolwatch.archive.verify import Guard, verify
from etolwatch.config import Config, load
from etolwatch.harvest.decide import decide
from etolwatch.model import Exchange, Failure, FailureKind, PassState, Site, Via, Visit

BASE = "https://bench.example"
START = datetime(2026, 1, 5, 4, tzinfo=UTC)
SITE = Site("bench", (f"{BASE}/",), (f"{BASE}/",), (), "etol", "0 4 * * *", "UTC", 0, 99, 10**7)
STRUCTURE = frozenset((Guard.GZIP, Guard.RECORD, Guard.DIGEST, Guard.REVISIT))
# Of the site that is watched while etolwatch is killed; none after which it waits before it asks again.
FAULTS = (
    "empty:/archive/pearce/1959/11/left-review.htm",
    "404:/archive/pearce/1959/08/battles.htm",
    "410:/archive/pearce/1959/07/find-lady.htm",
    "soft404:/archive/pearce/1959/09/litvinov.htm",
    "noval:/archive/pearce/1959/10/hiroshima.htm",
)
KILLS_A_DAY = 10  # then the site shows its next day
PAGES = 2000  # of the catalog of a million captures
WORDS = "the of and to in that it was for on are as with his they at be this from have or by one had".split()


# ── a store to measure ───────────────────────────────────────────────────────────────


def text(dice: random.Random, size: int) -> str:
    return " ".join(dice.choice(WORDS) + str(dice.randrange(50)) for _ in range(size // 6))


def page(dice: random.Random, size: int) -> bytes:
    paragraphs = "".join(f"<p>{text(dice, 500)}.</p>\n" for _ in range(max(1, size // 500)))
    return f"<html><body><h3>{text(dice, 20)}</h3>\n{paragraphs}</body></html>".encode()


def answer(path: str, body: bytes, status: int, at: datetime) -> Exchange:
    headers = (("Date", "Mon, 05 Jan 2026"), ("Content-Type", "text/html"), ("ETag", f'"{len(body)}"'))
    request = (("Host", "bench.example"), ("User-Agent", "bench"))
    line = f"GET {path} HTTP/1.1"
    return Exchange(
        BASE + path, at, status, "Reason", "HTTP/1.1", request, line, headers, body, "192.0.2.1", 0.0
    )


class Maker:
    """Makes passes over pages that a server might have given."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice, self.at, self.folder = random.Random(seed), START, folder

    def made(self, passes: int, pages: int, size: int, change: float) -> None:
        bodies = {f"/{n}.htm": page(self.dice, size) for n in range(pages)}
        with Store(self.folder) as store:
            for number in range(passes):
                self.one_pass(store, bodies, change if number else 1.0, size)
                jobs.compare(store, config_of(self.folder), threading.Event())

    def one_pass(self, store: Store, bodies: dict[str, bytes], change: float, size: int) -> None:
        self.at = self.at.replace(hour=4) + timedelta(days=1)
        store.begin_pass(["bench"], self.at)
        for path, before in bodies.items():
            is_new = self.dice.random() < change
            if is_new and self.at > START + timedelta(days=2):
                bodies[path] = before.replace(b"the", b"thee", self.dice.randrange(1, 9))
            self.keep(store, answer(path, bodies[path] if is_new else b"", 200 if is_new else 304, self.at))
        self.keep(store, Failure(f"{BASE}/lost.htm", self.at, FailureKind.TIMEOUT, "no answer"))
        store.end_pass(PassState.COMPLETE, self.at)

    def keep(self, store: Store, outcome: Exchange | Failure) -> None:
        self.at += timedelta(seconds=1)
        known = store.catalog.history(outcome.asks)
        version, last = (known.version, known.last) if known else (None, None)
        visit = Visit(outcome.asks, outcome.asks, "bench", Via.KNOWN, version=version, last=last)
        store.append(decide(visit, outcome, SITE))


def config_of(folder: Path) -> Config:
    return Config((SITE,), None, folder, None, (), folder / "config.toml")


# ── damage ───────────────────────────────────────────────────────────────────────────


def flips(times: int, seed: int) -> None:
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        folder = small_store(Path(place), seed)
        files = sorted((folder / "warc").iterdir())
        seen: Counter[str] = Counter()
        for _ in range(times):
            path = dice.choices(files, [file.stat().st_size for file in files])[0]
            bit = dice.randrange(path.stat().st_size * 8)
            seen.update(guards(folder, path, lambda data, bit=bit: flipped(data, bit)))
    told("bits flipped", times, seen)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def guards(folder: Path, path: Path, damage: Callable[[bytes], bytes]) -> list[str]:
    """What finds a damage to a file, with the manifest and without, and without the chain as well."""
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    found = {fault.guard for fault in verify(folder).faults}
    path.write_bytes(whole)
    names = ["found"] if found else ["MISSED"]
    names += ["by the manifest"] if Guard.MANIFEST in found else []
    names += ["without the manifest"] if found - {Guard.MANIFEST} else []
    names += ["by gzip and WARC structure alone"] if found & STRUCTURE else []
    names += ["by the chain"] if Guard.CHAIN in found else []
    return names


def told(what: str, times: int, seen: Counter[str]) -> None:
    print(f"\n{times} {what}")
    for name, count in seen.most_common():
        print(f"  {count:>6}  {name}", flush=True)


def small_store(place: Path, seed: int) -> Path:
    folder = place / "store"
    Maker(folder, seed).made(passes=3, pages=12, size=4000, change=0.3)
    if not verify(folder).holds:
        sys.exit("the store does not hold before anything was done to it")
    return folder


def truncations(times: int, seed: int) -> None:
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        folder = small_store(Path(place), seed)
        files = sorted((folder / "warc").iterdir())
        cut: Counter[str] = Counter()
        for _ in range(times):
            path = dice.choice(files)
            end = dice.randrange(path.stat().st_size)
            cut.update(guards(folder, path, lambda data, end=end: data[:end]))
        told("truncations", times, cut)
        removed: Counter[str] = Counter()
        for path in files:
            for found in [one for one in members(path) if isinstance(one, Member)]:
                removed.update(guards(folder, path, lambda data, found=found: without(data, found)))
        told("records removed", removed["found"] + removed["MISSED"], removed)
        whole: Counter[str] = Counter()
        for path in files:
            path.rename(path.with_suffix(".away"))
            whole.update(["found" if verify(folder).faults else "MISSED"])
            path.with_suffix(".away").rename(path)
        told("files removed", len(files), whole)


def without(data: bytes, found: Member) -> bytes:
    return data[: found.offset] + data[found.offset + found.length :]


# ── kills ────────────────────────────────────────────────────────────────────────────


def kills(times: int, seed: int, server: Path | None) -> None:
    if server is None or not server.is_file():
        sys.exit("kills needs --server serve.py: a site that misbehaves when it is told to by --fault")
    dice = random.Random(seed)
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    with tempfile.TemporaryDirectory() as place:
        for arguments in (faults, []):
            command = [sys.executable, str(server), "--port", "0", *arguments]
            quiet = subprocess.DEVNULL
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True) as site:
                try:
                    kill_all(Path(place) / f"watch{len(arguments)}", first_line(site), dice, times // 2)
                finally:
                    site.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    if process.stdout is None or not (line := process.stdout.readline()):
        sys.exit("the site does not start")
    return line[: line.index("/", len("http://")) + 1]


def kill_all(place: Path, address: str, dice: random.Random, times: int) -> None:
    place.mkdir()
    (place / "config.toml").write_text(
        f'store = "snapshots"\n[[site]]\nname = "site"\nseeds = ["{address}archive/pearce/index.htm"]\n'
        f'scope = ["{address}archive/pearce/"]\ndelay_s = 0\nbudget = 100000\n'
    )
    check = [sys.executable, "-m", "etolwatch", "--config", str(place / "config.toml"), "check", "-v"]
    acknowledged: list[str] = []
    passes = killed = 0
    while killed < times:
        urllib.request.urlopen(f"{address}__day/{1 + killed // KILLS_A_DAY}").close()
        passes += 1
        process = subprocess.Popen(check, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        timer = threading.Timer(dice.uniform(0.2, 2.5), process.send_signal, [signal.SIGKILL])
        timer.start()
        _, log = process.communicate()
        timer.cancel()
        killed += process.returncode == -signal.SIGKILL
        acknowledged += [line.split()[1] for line in log.splitlines() if line.startswith("captured ")]
    subprocess.run(check, check=False, capture_output=True)
    report_kills(place, acknowledged, killed, passes)


def report_kills(place: Path, acknowledged: list[str], killed: int, passes: int) -> None:
    config = load(place / "config.toml")
    found = verify(config.store)
    with Store.read_only(config.store) as store:
        kept = Counter(c.uri for uri in set(acknowledged) for c in store.catalog.captures(uri))
        lost = Counter(acknowledged) - kept
    twice = doubled(config.store / "catalog.sqlite3")
    print(f"\n{passes} passes, {killed} killed at random moments, {len(acknowledged)} captures acknowledged")
    print(f"  lost: {sum(lost.values())}; kept twice in one pass: {twice}; faults: {len(found.faults)}")
    for fault in found.faults[:9]:
        print(f"  {fault}")


def doubled(catalog: Path) -> int:
    sql = "SELECT count(*) - count(DISTINCT page || ' ' || pass) FROM capture"
    with closing(sqlite3.connect(catalog)) as db:
        return int(db.execute(sql).fetchone()[0])


# ── speed ────────────────────────────────────────────────────────────────────────────


def reindex(captures: int, seed: int, change: float) -> None:
    from bench.run import cost

    pages, passes = max(1, captures // 20), 20
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "snapshots"
        Maker(folder, seed).made(passes, pages, size=12_000, change=change)
        write_config(Path(place))
        with Store.read_only(folder) as store:
            count, findings = store.catalog.figures()
        command = [sys.executable, "-m", "etolwatch", "--config", f"{place}/config.toml", "reindex"]
        spent = cost([sys.executable, "-c", PEAK, *command])
        print(f"\nreindex of {count} captures, {findings} of them judged, on {os.cpu_count()} cores:")
        print(f"  {spent.wall_s:.1f} s, {count / spent.wall_s:.0f} captures a second   >= 150")
        peak = (Path(place) / "peak").read_text() if (Path(place) / "peak").exists() else "?"
        print(f"  peak of all its processes together: at most {peak or spent.peak_mib} MiB   <= 300")
        began = time.monotonic()
        holds = verify(folder).holds
        took = time.monotonic() - began
        print(f"  verify: {took:.1f} s, {count / took:.0f} captures a second; all holds: {holds}")


# Runs a command and, four times a second, adds up the resident memory of all its processes.
PEAK = """
import os, subprocess, sys, time
from pathlib import Path
def family(pid):
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]
def private_mib(pid):
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
process, peak = subprocess.Popen(sys.argv[1:]), 0
while process.poll() is None:
    peak = max(peak, sum(map(private_mib, family(process.pid))))
    time.sleep(0.25)
config = Path(sys.argv[sys.argv.index("--config") + 1])
(config.parent / "peak").write_text(f"{peak:.0f}")
sys.exit(process.returncode)
"""


def write_config(place: Path) -> None:
    (place / "config.toml").write_text(
        f'store = "snapshots"\n[[site]]\nname = "bench"\nseeds = ["{BASE}/"]\nscope = ["{BASE}/"]\n'
    )


def million(captures: int, seed: int) -> None:
    from bench.run import cost

    for count in (captures // 100, captures):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "snapshots"
            Maker(folder, seed).made(1, PAGES, 1000, 1.0)
            multiply(folder / "catalog.sqlite3", count)
            write_config(Path(place))
            command = [sys.executable, "-m", "etolwatch", "--config", f"{place}/config.toml"]
            print(f"\n{count} captures of {PAGES} pages, wall s; etolwatch --version takes", end=" ")
            print(f"{least(lambda: cost([*command, '--version']).wall_s):.2f}")  # noqa: B023 - called at once
            for words in (["log", "/7.htm"], ["show", "/7.htm"], ["status"]):
                wall = least(lambda: cost([*command, *words]).wall_s)  # noqa: B023
                print(f"  {words[0]:<12}{wall:.2f}   <= 0.2", flush=True)
            print(f"  a pass's start {least(lambda: start(folder)):.4f}")  # noqa: B023


def least(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(5))


def start(folder: Path) -> float:
    """Seconds to open the store, begin a pass and ask for all that is known of the pages."""
    began = time.perf_counter()
    with Store(folder) as store:
        store.begin_pass(["bench"], START + timedelta(days=400))
        store.catalog.all_histories()
        took = time.perf_counter() - began
        store.end_pass(PassState.COMPLETE, START + timedelta(days=400))
    return took


def multiply(path: Path, count: int) -> None:
    """Repeats the captures of a catalog, as unchanged ones, until there are so many."""
    with closing(sqlite3.connect(path)) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(capture)") if row[1] != "seq"]
        new = {"record_id": "'urn:uuid:' || lower(hex(randomblob(16)))", "refers_to": "record_id"}
        new |= {"outcome": "'unchanged'", "record_type": "'revisit'", "news": "0"}
        new |= {"judged_by": "NULL", "read_by": "NULL"}
        names = ", ".join(f'"{name}"' for name in columns)
        values = ", ".join(new.get(name, f'"{name}"') for name in columns)
        have = db.execute("SELECT count(*) FROM capture").fetchone()[0]
        sql = f"INSERT INTO capture ({names}) SELECT {values} FROM capture WHERE seq <= {have}"
        for _ in range(have, count, have):
            db.execute(sql)
        db.execute("UPDATE page SET captures = (SELECT count(*) FROM capture WHERE page = page.id)")
        db.commit()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = ("flips", "truncations", "kills", "reindex", "million")
    parser.add_argument("what", nargs="*", choices=[*what, []], default=[])
    parser.add_argument("--times", type=int, help="of flips (1000), truncations (200), kills (200)")
    parser.add_argument("--captures", type=int, help="of reindex (20000), million (1000000)")
    parser.add_argument("--change", type=float, default=0.03, help="of reindex: which part of a pass is new")
    parser.add_argument("--server", type=Path, help="for kills: a site's serve.py, started with --port 0")
    parser.add_argument("--seed", type=int, default=1958)
    asked = parser.parse_args()
    for name in asked.what or what:
        if name == "flips":
            flips(asked.times or 1000, asked.seed)
        elif name == "truncations":
            truncations(asked.times or 200, asked.seed)
        elif name == "kills":
            kills(asked.times or 200, asked.seed, asked.server)
        elif name == "reindex":
            reindex(asked.captures or 20_000, asked.seed, asked.change)
        else:
            million(asked.captures or 1_000_000, asked.seed)


if __name__ == "__main__":
    main()
