"""Measures what etolwatch costs, and prints it beside the bounds: ``make bench``.

    python bench/run.py [--pages 1000] [--only passes|help|collation]

Passes: generated pages of 55 KB are served by a process of its own, and ``etolwatch check``
is run on them as a whole process: CPU seconds are user + system, the peak is its resident
memory (getrusage(2)). Beside it, what one bare httpx client needs for the same requests.
Collation: milliseconds for one pair of pages of 55 KB, the least of several runs.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import pages  # noqa: E402  (lies beside this file, whatever way it is started)
from rivals import rivals  # noqa: E402

ETOLWATCH = [sys.executable, "-m", "etolwatch"]
FIRST_CPU_S = 15.0
UNCHANGED_CPU_S = 2.0
UNCHANGED_PEAK_MIB = 80.0
HELP_WALL_S = 0.3


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took; ``status`` is its exit status."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    status: int


def cost(command: list[str]) -> Cost:
    """Runs the command to its end. Its output is kept only to be shown if it fails."""
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.stderr.write(output.read().decode(errors="replace")[-2000:])
    # ru_maxrss is in KiB on Linux, in bytes on macOS (getrusage(2))
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Cost(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / unit, process.returncode)


def median(costs: list[Cost]) -> Cost:
    """The middle one by CPU time."""
    return sorted(costs, key=lambda each: each.cpu_s)[len(costs) // 2]


@contextmanager
def served(count: int) -> Iterator[str]:
    """The address of the index, for as long as the server runs."""
    command = [sys.executable, str(HERE / "server.py"), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def row(name: str, each: Cost, bound: str) -> None:
    failed = f"   exit status {each.status}" if each.status else ""
    print(
        f"{name:<28}{each.cpu_s:>9.2f}{each.peak_mib:>10.0f}{each.wall_s:>9.2f}   {bound}{failed}", flush=True
    )


def passes(count: int) -> None:
    """First and unchanged pass, and the floor."""
    print(f"\n{count} pages of 55 KB            CPU s  peak MiB   wall s   bound")
    with served(count) as index, tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "watch"
        subprocess.run(
            [*ETOLWATCH, "init", str(place), "--seed", index, "--delay", "0"], check=True, capture_output=True
        )
        config = place / "config.toml"
        # the budget of a new configuration is for a patient reader of a real site
        text, found = re.subn(
            r"(?m)^#? *budget = .*$", f"budget = {count + 100}", config.read_text(), count=1
        )
        config.write_text(text if found else f"{text}\nbudget = {count + 100}\n")
        check = [*ETOLWATCH, "--config", str(config), "check"]
        row("first pass", cost(check), f"<= {FIRST_CPU_S:.0f} s")
        unchanged = median([cost(check) for _ in range(3)])
        row(
            "unchanged pass, median of 3",
            unchanged,
            f"<= {UNCHANGED_CPU_S:.1f} s, <= {UNCHANGED_PEAK_MIB:.0f} MiB",
        )
        floor = [sys.executable, str(HERE / "floor.py"), index, str(Path(folder) / "tags.json")]
        row("bare httpx, first", cost(floor), "(floor)")
        row("bare httpx, unchanged", median([cost(floor) for _ in range(3)]), "(floor)")


def help_wall() -> None:
    walls = [cost([*ETOLWATCH, "--help"]).wall_s for _ in range(7)]
    print(
        f"\netolwatch --help: {statistics.median(walls):.3f} s of wall time, median of 7   <= {HELP_WALL_S} s"
    )


def least_ms(work: Callable[[], object], runs: int) -> float:
    """The least of several runs, in ms: what disturbs a run only ever adds."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return 1000 * min(took)


def edited(body: bytes, edits: int) -> bytes:
    """The page with so many words of its paragraphs replaced, here and there."""
    dice = random.Random(edits)
    start, end = body.index(b'<p class="fst">'), body.index(b"<h3>Notes")
    text = body[start:end]
    # words between spaces only: neither tags nor entities are touched
    places = [match.span(1) for match in re.finditer(rb"(?<= )([a-z]{4,})(?= )", text)]
    for first, last in sorted(dice.sample(places, edits), reverse=True):
        text = text[:first] + b"altered" + text[last:]
    return body[:start] + text + body[end:]


def collation() -> None:
    """Reading and comparing one pair of pages."""
    from etolwatch.collate.collation import collate
    from etolwatch.collate.compare import compare
    from etolwatch.model import Payload
    from etolwatch.text.profiles import profile
    from etolwatch.text.witness import witness

    etol = profile("etol")
    base = Payload("https://bench.example/page.htm", pages.page(0))

    def line(name: str, body: bytes, runs: int) -> None:
        other = Payload(base.uri, body)
        one, two = witness(base, etol), witness(other, etol)
        collated = least_ms(lambda: collate(one, two), runs)
        compared = least_ms(lambda: compare(base, other, etol), runs)
        print(f"{name:<28}{collated:>14.1f}{compared:>24.1f}", flush=True)

    read = least_ms(lambda: witness(base, etol), 20)
    print(f"\nreading a witness from {len(base.body) / 1000:.0f} KB: {read:.1f} ms")
    print(f"\n{'two pages of 55 KB':<28}{'collate, ms':>14}{'read both + compare, ms':>24}")
    line("identical", base.body, 10)
    line("one changed word", edited(base.body, 1), 10)
    line("200 scattered edits", edited(base.body, 200), 5)
    line("a complete rewrite", pages.page(0, seed=1), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures what etolwatch costs.")
    parser.add_argument("--pages", type=int, default=1000, help="how many pages the passes have (1000)")
    parser.add_argument("--only", choices=("passes", "help", "collation", "rivals"))
    parser.add_argument(
        "--web-monitoring-python", metavar="PYTHON", help="an interpreter that has web-monitoring-diff"
    )
    asked = parser.parse_args()
    if asked.only in (None, "passes"):
        passes(asked.pages)
    if asked.only in (None, "help"):
        help_wall()
    if asked.only in (None, "collation"):
        collation()
    if asked.only in (None, "rivals"):
        rivals(5, asked.web_monitoring_python)


if __name__ == "__main__":
    main()
