"""The daemon as a process: its schedule, its signals, what it catches up."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue
from threading import Event, Thread

import pytest

from etolwatch import config
from etolwatch.archive.store import Store
from etolwatch.daemon import Daemon, overdue
from etolwatch.model import PassState

from .conftest import Commands, Library, write_config

PATIENCE_S = 60


class Process:
    """`etolwatch run`, and the lines of its log as they come."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "etolwatch", "run"], cwd=folder, stderr=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        self._queue: Queue[str | None] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._queue.put(line)
        self._queue.put(None)

    def wait_for(self, text: str) -> str:
        while (line := self._queue.get(timeout=PATIENCE_S)) is not None:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"it ended without “{text}”: {self.lines}")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        self._reader.join()
        while (line := self._queue.get()) is not None:
            self.lines.append(line)
        return status


@pytest.fixture
def start() -> Iterator[Callable[[Path], Process]]:
    started: list[Process] = []

    def new(folder: Path) -> Process:
        started.append(Process(folder))
        return started[-1]

    yield new
    for each in started:
        each.process.kill()
        each.process.wait()
        each._reader.join()
        assert each.process.stderr is not None
        each.process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_makes_the_first_pass_and_ends_when_told(
    start: Callable[[Path], Process], tmp_path: Path, library: Library, number: signal.Signals
) -> None:
    write_config(tmp_path, library.address)
    running = start(tmp_path)
    running.wait_for("complete: 4 visited, 3 captured")
    running.wait_for("penhale: 3 pages captured for the first time.")
    assert running.end(number) == 0
    assert running.lines[-1].rstrip().endswith("stopped")


def test_it_ends_in_the_middle_of_a_pass(
    start: Callable[[Path], Process], tmp_path: Path, library: Library
) -> None:
    path = write_config(tmp_path, library.address)
    path.write_text(path.read_text().replace("delay_s = 0", "delay_s = 3600"))
    running = start(tmp_path)
    running.wait_for("next pass now")
    assert library.was_asked.wait(PATIENCE_S)
    assert running.end(signal.SIGTERM) == 0
    assert any("interrupted" in line for line in running.lines)
    with Store.read_only(tmp_path / "snapshots") as store:
        last = store.catalog.last_pass("penhale")
    assert last is not None
    assert last.state is PassState.INTERRUPTED


def test_it_reads_its_configuration_again(
    start: Callable[[Path], Process], tmp_path: Path, library: Library
) -> None:
    path = write_config(tmp_path, library.address)
    running = start(tmp_path)
    running.wait_for("penhale: 3 pages captured")
    good = path.read_text()
    path.write_text(good + "colour = 1\n")
    running.process.send_signal(signal.SIGHUP)
    assert "site[0].colour" in running.wait_for("the old one stays")
    path.write_text(good.replace('"penhale"', '"other"'))
    running.process.send_signal(signal.SIGHUP)
    running.wait_for("configuration read again")
    running.wait_for("complete: ")
    assert running.end(signal.SIGTERM) == 0


def test_a_store_in_use_is_left_to_its_user(
    start: Callable[[Path], Process], tmp_path: Path, library: Library
) -> None:
    write_config(tmp_path, library.address)
    with Store(tmp_path / "snapshots"):
        running = start(tmp_path)
        assert "another etolwatch works on this store" in running.wait_for("no pass this time")
    assert library.asked == []
    assert running.end(signal.SIGTERM) == 0


def test_what_was_missed_is_due(watched: Commands) -> None:
    read = config.load(watched.folder / "config.toml")
    now = datetime.now(UTC)
    assert overdue(read, now) == list(read.sites)  # never visited
    watched("check")
    assert overdue(read, now) == []
    assert overdue(read, now + timedelta(days=3)) == list(read.sites)


def test_jobs_are_coalesced_and_never_overlap(tmp_path: Path, library: Library) -> None:
    write_config(tmp_path, library.address, 'schedule = "*/5 * * * *"')
    daemon = Daemon(tmp_path / "config.toml")
    daemon._scheduler.start(paused=True)
    try:
        daemon.schedule()
        jobs = {job.id: job for job in daemon._scheduler.get_jobs()}
        job = jobs["penhale"]
        assert job.coalesce
        assert job.max_instances == 1
        assert job.misfire_grace_time is None
        daemon.schedule()
        assert len(daemon._scheduler.get_jobs()) == len(jobs)
    finally:
        daemon._scheduler.shutdown(wait=False)


def test_a_pass_that_fails_does_not_end_the_watch(tmp_path: Path, library: Library) -> None:
    write_config(tmp_path, library.address)
    failed = Event()

    def fail(*_: object) -> None:
        failed.set()
        raise OSError("the disk is full")

    daemon = Daemon(tmp_path / "config.toml", watch=fail)  # type: ignore[arg-type]
    daemon._scheduler.start()
    try:
        daemon.schedule()
        assert failed.wait(PATIENCE_S)
        assert daemon._scheduler.running
        assert daemon._idle.wait(PATIENCE_S)
    finally:
        daemon._scheduler.shutdown()
