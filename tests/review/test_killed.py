"""Processes that judge and are killed, and several that judge at once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from etolwatch.review.journal import Journal
from etolwatch.review.projection import Projection

from .acts import Act, Copy
from .test_journal import judgement

KILLS = 100
# Judges without end, and tells the id of each judgement once that is acknowledged.
JUDGES = """
import sys
from dataclasses import replace
from pathlib import Path
from review.test_journal import judgement
from etolwatch.review.journal import Journal
journal = Journal(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    made = judgement(note="x" * 5000)
    journal.append(made)
    print(made.id, flush=True)
"""


def start(journal: Journal, count: int) -> subprocess.Popen[str]:
    tests = Path(__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-c", JUDGES, str(journal.path), str(count)],
        cwd=tests,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def test_killed_a_hundred_times_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    dice = random.Random(1958)
    journal = Journal.of(tmp_path)
    acknowledged: set[str] = set()
    for _ in range(KILLS):
        process = start(journal, 1_000_000)
        assert process.stdout is not None
        with process.stdout:
            acknowledged.add(process.stdout.readline().strip())
            time.sleep(dice.uniform(0.0, 0.02))
            process.send_signal(signal.SIGKILL)
            acknowledged.update(line.strip() for line in process.stdout if line.endswith("\n"))
        assert process.wait() == -signal.SIGKILL
        if dice.random() < 0.2:  # as though the disk had taken half of a last line
            with journal.path.open("ab") as file:
                file.write(b'{"etolwatch-judgement":1,"id":"urn:uu')
    last = judgement()
    journal.append(last)
    known = {one.id for one in journal.read()}
    assert acknowledged | {last.id} <= known
    assert len(known) - 1 - len(acknowledged) <= KILLS  # the one in hand may be there, too
    assert not list(journal.faults())
    with Projection(tmp_path) as projection:
        assert {one.judgement.id for one in projection.log()} == known


def test_several_who_judge_at_once_lose_nothing(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    processes = [start(journal, 40) for _ in range(3)]
    with Projection(tmp_path) as projection:
        mine = Copy("mine")
        for nth in range(20):
            made = mine.do(Act(nth % 4, judgement().state, 0, nth, "Ann"))
            assert made is not None
            journal.append(made)
            projection.follow()
        told = {line.strip() for process in processes for line in process.communicate()[0].splitlines()}
        assert [process.returncode for process in processes] == [0, 0, 0]
        projection.follow()
        found = {one.judgement.id for one in projection.log()}
    assert found == told | {one.id for one in mine.known}
    assert len(found) == 140
    assert not list(journal.faults())
