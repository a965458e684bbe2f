"""Measures the reviewing pages: ``python -m bench.web``.

A store of 50,000 pages and 100,000 findings that reports list (and the 50,000 first captures) is made,
10,000 of them judged; `etolwatch serve` shows it, one process, and is asked for lists, searches and
findings, one after the other; then for findings with hundreds of changes, for each twice. Told are the
times until the whole answer is there, and the memory.

A few hundred pages are really captured and judged; the others are captures of the same records under
other addresses, with findings of other words, so that making them takes minutes and not hours.
With --rival ADDRESS the list page of another program that is running there is asked as well; --fill FOLDER
multiplies the one watch in a data folder of changedetection.io to as many as there are pages, and ends.
Beside the time, which depends on what else the machine does, the processor's share of it is told.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from etolwatch import jobs
from etolwatch.archive.findings import author_folder
from etolwatch.archive.store import Store
from etolwatch.config import load
from etolwatch.harvest.decide import decide
from etolwatch.model import Capture, Exchange, Finding, Outcome, PassState, RecordType, Verdict, Via, Visit
from etolwatch.review.identity import target_of
from etolwatch.review.journal import Journal
from etolwatch.review.judgement import Judgement, State, new_id
from etolwatch.web.addresses import finding_path

BASE = "https://bench.example/archive/"
START = datetime(2024, 1, 1, 4, tzinfo=UTC)
REAL = 300  # pages that are captured and judged
VERSIONS = 3
MUCH = 10  # one in so many of the real pages has hundreds of changes from version to version
MANY = 200  # variants of a finding on one of these, at least
AUTHORS = 180
PARAGRAPHS = 40
SHARED = 0.2  # of the findings: one of a few hundred edits that many pages share
EDITS = 250
WORDS = (
    "harbour lamp keeper winter wall ferry strike ballot printer column ledger quarry market bridge"
    " union minute committee branch paper weaver valley tram banner almanac garden letter morning"
).split()
SPREAD = {
    Verdict.SILENT_EDIT: 12,
    Verdict.UNDATED_EDIT: 6,
    Verdict.SAME_DAY_EDIT: 5,
    Verdict.DECLARED_EDIT: 25,
    Verdict.DECLARED_COSMETIC: 12,
    Verdict.DATE_BUMP_ONLY: 12,
    Verdict.COSMETIC: 28,
}
CONFIG = f"""store = "snapshots"
[[site]]
name = "bench"
seeds = ["{BASE}index.htm"]
"""
LIMIT_MS, LIMIT_MIB = 150, 300


# ── the store ────────────────────────────────────────────────────────────────────────


def body(number: int, version: int) -> bytes:
    """A page in the site's mark-up, of which two words change from version to version."""
    dice = random.Random(number)
    texts = []
    for place in range(PARAGRAPHS):
        words = [dice.choice(WORDS) + ("s" if dice.random() < 0.2 else "") for _ in range(90)]
        if is_much_changed(number):
            words[4::9] = [f"{word}{version}" for word in words[4::9]]
        elif place in (5, 17):
            words[40] = f"{words[40]}{version}"
        texts.append(f"<p>{' '.join(words).capitalize()}.</p>\n")
    return (
        f"<html><head><title>Page {number}</title></head><body><h1>Page {number}</h1>\n{''.join(texts)}"
        f"<p class='updat'>Last updated on 11.10.201{version if number % 3 else 1}</p></body></html>"
    ).encode()


def is_much_changed(number: int) -> bool:
    """Whether hundreds of words of this page change from version to version."""
    return number < REAL and number % MUCH == 0


def uri_of(number: int) -> str:
    return f"{BASE}author{number % AUTHORS}/{1930 + number % 60}/{number % 12 + 1:02}/page{number}.htm"


def answer(uri: str, content: bytes, at: datetime) -> Exchange:
    headers = (("Content-Type", "text/html; charset=utf-8"),)
    request = (("Host", "bench.example"),)
    line = f"GET {urlsplit(uri).path} HTTP/1.1"
    return Exchange(uri, at, 200, "OK", "HTTP/1.1", request, line, headers, content, "192.0.2.1", 0.0)


def made(folder: Path, pages: int, findings: int) -> None:
    """A store with so many pages and listed findings in this folder."""
    (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    config = load(folder / "config.toml")
    (site,) = config.sites
    with Store(config.store) as store:
        for version in range(VERSIONS):
            at = START + timedelta(days=100 * version)
            store.begin_pass([site.name], at)
            for number in range(REAL):
                uri, when = uri_of(number), at + timedelta(seconds=number)
                known = store.catalog.history(uri)
                visit = Visit(
                    uri,
                    uri,
                    site.name,
                    Via.SEED,
                    version=known.version if known else None,
                    last=known.last if known else None,
                )
                store.append(decide(visit, answer(uri, body(number, version), when), site))
            store.end_pass(PassState.COMPLETE, at + timedelta(hours=1))
            jobs.compare(store, config, threading.Event())
        store.catalog.in_haste()
        with store.catalog.transaction():
            judge(store, config.store, multiply(store, pages, findings))


def multiply(store: Store, pages: int, findings: int) -> list[Finding]:
    """Adds the other pages and findings; gives back the listed ones."""
    dice = random.Random(17)
    catalog = store.catalog
    verdicts = dice.choices(list(SPREAD), list(SPREAD.values()), k=findings)
    kept: list[Finding] = []
    runs = [made.pass_id for made in reversed(catalog.passes())]
    models = [catalog.captures(uri_of(number)) for number in range(REAL)]
    told = [[catalog.finding(capture) for capture in captures] for captures in models]
    for number in range(REAL, pages):
        model = number % REAL
        model += is_much_changed(
            model
        )  # hundreds of changes each, on thousands of pages, are no likely store
        base: Capture | None = None
        for version, (capture, finding) in enumerate(zip(models[model], told[model], strict=True)):
            if finding is None or (base is not None and len(kept) >= findings):
                continue
            copied = copy_of(capture, uri_of(number), timedelta(days=dice.randrange(90), seconds=number % 60))
            catalog.add_visit(
                runs[version], copied.uri, copied.site, copied.captured_at, copied.outcome, capture=copied
            )
            found = replace(
                finding,
                uri=copied.uri,
                captured_at=copied.captured_at,
                previous_at=base.captured_at if base else None,
                changed_after=base.captured_at if base else None,
                changed_until=copied.captured_at,
            )
            if base is not None:
                found = altered(found, verdicts[len(kept)], dice)
                kept.append(found)
            catalog.add_finding(copied, base, found)
            base = copied
    return kept


def copy_of(capture: Capture, uri: str, later: timedelta) -> Capture:
    """A capture of another page that repeats the record of this one."""
    return replace(
        capture,
        record_id=uuid.uuid4().urn,
        uri=uri,
        asks=uri,
        captured_at=capture.captured_at + later,
        record_type=RecordType.REVISIT,
        refers_to=capture.record_id,
        outcome=capture.outcome if capture.outcome is not Outcome.UNCHANGED else Outcome.CHANGED,
    )


def altered(finding: Finding, verdict: Verdict, dice: random.Random) -> Finding:
    """The finding with another verdict, and words of its own or those of an edit that many pages share."""
    edit = dice.randrange(EDITS) if dice.random() < SHARED else None
    name = f"edit{edit}" if edit is not None else f"{dice.choice(WORDS)}{dice.randrange(10**9)}"
    first = replace(
        finding.variants[0],
        lemma=f"{dice.choice(WORDS) if edit is None else 'old'} {name}",
        reading=f"new {name}",
    )
    rest = finding.variants[1:] if edit is None else ()
    return replace(finding, verdict=verdict, variants=(first, *rest))


def judge(store: Store, folder: Path, findings: list[Finding]) -> None:
    """Judges one finding in ten, by two people."""
    dice = random.Random(3)
    states = [state for state in State if state is not State.NEW]
    at = datetime(2026, 1, 1, tzinfo=UTC)
    Journal.of(folder).append(
        *(
            Judgement(
                new_id(),
                at + timedelta(seconds=number),
                dice.choice(("Ann", "Ben")),
                dice.choice(states),
                (),
                "",
                target_of(finding),
            )
            for number, finding in enumerate(dice.sample(findings, len(findings) // 10))
        )
    )


# ── asking ───────────────────────────────────────────────────────────────────────────


def addresses(folder: Path, times: int) -> Iterator[tuple[str, str]]:
    """What is asked for, by group, in a mixed order."""
    dice = random.Random(5)
    config = load(folder / "config.toml")
    with Store.read_only(config.store) as store:
        found = [f for f in store.catalog.findings(since=START + timedelta(days=99)) if f.captured_at]
    chosen = dice.sample(found, times)
    asked = []
    for finding in chosen:
        asked.append(("finding", finding_path(finding.captured_at or START, finding.uri)))
        asked.append(("list", "/?" + urlencode(dice.choice(filters(dice)))))
        asked.append(("search", "/?" + urlencode({"q": dice.choice(searches(dice)), "state": "all"})))
    much = [finding for finding in found if len(finding.variants) >= MANY]
    for finding in dice.sample(much, min(times, len(much))):
        path = finding_path(finding.captured_at or START, finding.uri)
        asked.append(("much", path))
    dice.shuffle(asked)
    yield from asked


def filters(dice: random.Random) -> list[dict[str, object]]:
    """The kinds of lists."""
    return [
        {},
        {"page": dice.randrange(2, 1800)},
        {"state": "all", "page": dice.randrange(2, 1800)},
        {"state": dice.choice(["confirmed", "trivial", "follow_up"])},
        {"verdict": dice.choice(list(SPREAD)).value},
        {"folder": author_folder(uri_of(dice.randrange(1000))), "state": "all"},
        {"site": "bench", "since": "2024-04-01", "until": "2024-06-30"},
    ]


def searches(dice: random.Random) -> list[str]:
    """One word that is everywhere, one that is rare, a phrase, an address."""
    return [dice.choice(WORDS), f"edit{dice.randrange(EDITS)}", "old edit7", f"page{dice.randrange(50_000)}"]


def ask(host: str, port: int, paths: list[tuple[str, str]]) -> dict[str, list[float]]:
    """How long each answer took in milliseconds, by group. Raises RuntimeError for one that is no page."""
    took: dict[str, list[float]] = {}
    for group, path in paths:
        started = time.perf_counter()
        connection = http.client.HTTPConnection(host, port, timeout=60)
        connection.request("GET", quote(path, safe="/:?&=%~+,;@!$'()*[]"), headers={"Accept": "text/html"})
        response = connection.getresponse()
        size = len(response.read())
        connection.close()
        took.setdefault(group, []).append((time.perf_counter() - started) * 1000)
        if response.status != 200 or size < 500:
            raise RuntimeError(f"{path}: status {response.status}, {size} bytes")
    return took


def memory(pid: int) -> tuple[float, float]:
    """Resident memory of a process now, and at most, in MiB (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    values = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return int(values["VmRSS"]) / 1024, int(values["VmHWM"]) / 1024


def cpu_ms(pid: int) -> float:
    """How long a process has computed, in milliseconds (proc(5))."""
    fields = (
        Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    )
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def told(group: str, took: list[float], computed_ms: float | None = None) -> float:
    """Prints one line; gives back the 95th percentile."""
    worst = statistics.quantiles(took, n=20)[-1]
    middle, most = statistics.median(took), max(took)
    computed = f", {computed_ms / len(took):.0f} ms computing" if computed_ms is not None else ""
    print(
        f"{group:<9}{len(took):>4} asked: median {middle:.0f} ms, 95th {worst:.0f}, most {most:.0f}{computed}"
    )
    return worst


def served(folder: Path, times: int) -> bool:
    """Measures the server over this store; whether it keeps to the limits."""
    command = [
        sys.executable,
        "-m",
        "etolwatch",
        "serve",
        "--port",
        "0",
        "--config",
        str(folder / "config.toml"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            line = server.stderr.readline()
            while "http://" not in line:
                line = server.stderr.readline()
            port = int(urlsplit(line.split()[0]).port or 0)
            ask("127.0.0.1", port, [("first", "/"), ("first", "/overview")])
            asked = [*addresses(folder, times), *[("overview", "/overview")] * 20]
            worst = {}
            for group in ("list", "search", "finding", "overview"):
                before = cpu_ms(server.pid)
                took = ask("127.0.0.1", port, [one for one in asked if one[0] == group])[group]
                worst[group] = told(group, took, cpu_ms(server.pid) - before)
            # each right after itself, as who judges it and comes back asks for it
            paths = [path for group, path in asked if group == "much"]
            twice = ask("127.0.0.1", port, [(group, path) for path in paths for group in ("much", "again")])
            told("much", twice["much"])  # no limit holds for it: to collate so much takes its time
            worst["again"] = told("again", twice["again"])
            now, most = memory(server.pid)
        finally:
            server.terminate()
    print(f"memory   {now:.0f} MiB resident, {most:.0f} MiB at most")
    del worst["overview"]
    return max(worst.values()) <= LIMIT_MS and most <= LIMIT_MIB


def fill(folder: Path, count: int) -> None:
    """Multiplies the one watch in a data folder of changedetection.io."""
    (model,) = folder.glob("*/watch.json")
    watch = json.loads(model.read_text(encoding="utf-8"))
    for number in range(count - 1):
        name = str(uuid.uuid4())
        (folder / name).mkdir()
        copied = watch | {"uuid": name, "url": uri_of(number).replace("bench.example", "127.0.0.1:9")}
        (folder / name / "watch.json").write_text(json.dumps(copied), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=50_000)
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=300, help="requests of each group")
    parser.add_argument("--keep", type=Path, help="a folder to make the store in, or to use again")
    parser.add_argument("--rival", help="the address of another program's list page")
    parser.add_argument("--fill", type=Path, help="a data folder of changedetection.io with one watch")
    options = parser.parse_args()
    if options.fill:
        fill(options.fill, options.pages)
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-web-") as place:
        folder = options.keep or Path(place)
        if not (folder / "config.toml").exists():
            folder.mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            made(folder, options.pages, options.findings)
            print(f"made in {time.perf_counter() - started:.0f} s", file=sys.stderr)
        with closing(sqlite3.connect(folder / "snapshots" / "catalog.sqlite3")) as db:
            sql = "SELECT (SELECT count(*) FROM page), count(*), total(is_listed) FROM finding"
            pages, findings, listed = db.execute(sql).fetchone()
        print(f"store      {pages:,} pages, {findings:,} findings, {listed:,.0f} of them listed")
        holds = served(folder, options.times)
        if options.rival:
            parts = urlsplit(options.rival)
            path = parts.path or "/"
            took = ask(parts.hostname or "", parts.port or 80, [("rival", path)] * options.times)
            told("rival", took["rival"])
    print(json.dumps({"holds": holds}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
