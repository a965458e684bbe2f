"""The whole program, as processes, against real pages that are served on loopback."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from warcio.archiveiterator import ArchiveIterator

REALSITE = Path(__file__).resolve().parents[3] / "shared" / "realsite" / "serve.py"
ORIGIN = "https://www.marxists.org/"
ACKNOWLEDGED = re.compile(r"captured (" + re.escape(ORIGIN) + r"\S+) ")
CONFIG = """
store = "snapshots"

[[site]]
name = "pearce"
seeds = {seeds}
scope = {scope}
profile = "etol"
schedule = "17 4 * * *"
time_zone = "UTC"
delay_s = {delay_s}
budget = 1000
source = "{source}"
stands_for = "{origin}"
"""


@dataclass(frozen=True, slots=True)
class RealSite:
    """serve.py, running; ``address`` ends in a slash."""

    address: str

    def turn_to(self, day: int) -> None:
        httpx.get(f"{self.address}__day/{day}").raise_for_status()

    def clear(self) -> None:
        httpx.get(f"{self.address}__log/clear").raise_for_status()

    def asked(self) -> list[dict[str, Any]]:
        """The requests since the log was cleared, without those of the test itself."""
        lines = httpx.get(f"{self.address}__log").text.splitlines()
        return [row for row in map(json.loads, lines) if not row["path"].startswith("/__")]


@contextmanager
def serving(*faults: str) -> Iterator[RealSite]:
    """The site with these faults, in a process of its own, ended by its own id."""
    command = [sys.executable, str(REALSITE), "--port", "0"]
    for fault in faults:
        command += ["--fault", fault]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            seed = process.stdout.readline()
            yield RealSite(seed[: seed.index("/", len("http://")) + 1])
        finally:
            process.kill()


@pytest.fixture(scope="session")
def realsite() -> Iterator[RealSite]:
    """The site without faults. Its day is shared: each user turns to the day that is wanted."""
    if not REALSITE.is_file():
        pytest.skip(f"the real pages are not at hand: {REALSITE} is absent")
    with serving() as site:
        yield site


@pytest.fixture
def faulty() -> Iterator[Callable[..., RealSite]]:
    """Call it with faults, get a site that has them until the test ends."""
    if not REALSITE.is_file():
        pytest.skip(f"the real pages are not at hand: {REALSITE} is absent")
    with ExitStack() as stack:
        yield lambda *faults: stack.enter_context(serving(*faults))


@dataclass(frozen=True, slots=True)
class Watch:
    """A folder with config.toml and store, and the program run on it."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def configure(
        self,
        source: str,
        seeds: tuple[str, ...] = ("archive/pearce/index.htm",),
        scope: tuple[str, ...] = ("archive/pearce/",),
        delay_s: float = 0.0,
    ) -> None:
        """Writes config.toml: these pages of the real site, asked for at the source."""
        self.folder.mkdir(exist_ok=True)
        self.config.write_text(
            CONFIG.format(
                seeds=json.dumps([ORIGIN + seed for seed in seeds]),
                scope=json.dumps([ORIGIN + prefix for prefix in scope]),
                delay_s=delay_s,
                source=source,
                origin=ORIGIN,
            )
        )

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "etolwatch", words[0], "--config", str(self.config), *words[1:]]

    def run(self, *words: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Runs it to its end. Fails unless it ends with this status (None: any)."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        if status is not None:
            assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str, status: int | None = 0) -> Any:
        return json.loads(self.run(*words, "--format", "json", status=status).stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def warcs(self) -> list[Path]:
        """The store's finished files, oldest first."""
        return sorted((self.folder / "snapshots" / "warc").glob("*.warc.gz"))

    def records(self, *files: Path) -> list[tuple[str, str, str]]:
        """(type, original address, status) of each record of these files, or of all."""
        found = []
        for file in files or self.warcs():
            with file.open("rb") as stream:
                for record in ArchiveIterator(stream):
                    status = record.http_headers.get_statuscode() if record.http_headers else ""
                    uri = record.rec_headers.get_header("WARC-Target-URI") or ""
                    found.append((record.rec_type, uri, status))
        return found


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path / "watch")


def acknowledged(line: str) -> str | None:
    """The page that a line of ``check -v`` says is kept, if it says so."""
    found = ACKNOWLEDGED.match(line)
    return found.group(1) if found else None


def end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Ends a process that the test started, and waits for it."""
    process.send_signal(number)
    process.wait(timeout=30)
    if process.stderr is not None:
        process.stderr.close()
