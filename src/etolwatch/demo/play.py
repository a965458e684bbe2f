"""Plays the story: serves its site on loopback, day after day, and watches it with the real line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import click

from etolwatch import jobs
from etolwatch.archive.store import Store
from etolwatch.config import Config, load
from etolwatch.demo.history import Story, read
from etolwatch.demo.server import serving
from etolwatch.errors import UsageError
from etolwatch.harvest.fetch import Fetcher
from etolwatch.model import Finding, Pass
from etolwatch.publish.files import write_whole
from etolwatch.publish.render import Form, render
from etolwatch.publish.report import Report

CONFIG = """\
# The site of “etolwatch demo”. It was served on this machine while the demonstration ran,
# and is no longer: look into it with log, show, diff and report.

store = "snapshots"

[[site]]
name = "demo"
seeds = ["{seed}"]
scope = ["{scope}"]
profile = "etol"
schedule = "0 7 * * *"
time_zone = "UTC"
delay_s = 0.0
source = "{source}"
stands_for = "{address}"
"""


@dataclass(frozen=True, slots=True)
class Played:
    """What the playing left: a folder with config.toml, store and report, and all that was found."""

    folder: Path
    config: Config
    passes: tuple[Pass, ...]  # one a day
    findings: tuple[Finding, ...]  # of all days, in order
    report: Path  # the HTML file


class PlayedClock:
    """The time of the story: it stands still but for a second at each look, and for sleeping."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def play(
    folder: Path,
    *,
    story: Story | None = None,
    say: Callable[[str], object] = click.echo,
    color: bool = False,
) -> Played:
    """Plays the story in this folder, tells of it as it goes, and ends with its report.

    ``color``: whether what is said is for a terminal that shows colours. Raises UsageError
    if the folder holds a configuration already.
    """
    story = story or read()
    passes: list[Pass] = []
    findings: list[Finding] = []
    with serving(story) as server:
        config = _configure(folder, story, server.address)
        say(f"A small invented site, {story.seed}, is watched for {story.days} days.\n")
        for day in range(1, story.days + 1):
            server.turn_to(day)
            clock = PlayedClock(story.instant(day, story.pass_at))
            made, found = _pass(config, clock)
            passes.append(made)
            findings += found
            say(_told(story, day, made))
    report = Report(tuple(findings), passes[-1].finished_at or clock.at, scopes=(story.scope,))
    path = folder / "report.html"
    write_whole(path, render(report, Form.HTML))
    say(f"\nThe report:\n\n{render(report, Form.TEXT, color)}")
    say(f"As a page to read in a browser: {path}")
    say(f"To look further: cd {folder} && etolwatch log lamplighters.htm")
    say(f"To look at all of it in a browser, and judge it: cd {folder} && etolwatch serve")
    return Played(folder, config, tuple(passes), tuple(findings), path)


def _configure(folder: Path, story: Story, source: str) -> Config:
    """The configuration, written into the folder: the story's address stands for the server's."""
    path = folder / "config.toml"
    if path.exists():
        raise UsageError("the demonstration needs a new folder", str(path), "it is there already")
    folder.mkdir(parents=True, exist_ok=True)
    text = CONFIG.format(seed=story.seed, scope=story.scope, source=source, address=story.address)
    path.write_text(text, encoding="utf-8")
    return load(path)


def _pass(config: Config, clock: PlayedClock) -> tuple[Pass, list[Finding]]:
    """One day's pass, and what it found: the line that ``etolwatch check`` runs, under the played clock."""
    never = Event()
    with Store(config.store, operator=config.contact, now=clock.now()) as store:
        with Fetcher(config.contact, now=clock.now) as fetcher:
            made = jobs.harvest(store, config.sites, fetcher, clock.now, clock.sleep, never)
        return made, jobs.compare(store, config, never)


def _told(story: Story, day: int, made: Pass) -> str:
    """What happened to the site on this day, and what the pass brought."""
    at = story.instant(day, story.pass_at)
    brought = f"{made.visited} pages asked for, {made.captured} new or changed, {made.unchanged} unchanged"
    gone = f", {made.gone} gone" if made.gone else ""
    lines = [f"{at.day} {at:%B %Y}: {brought}{gone}."]
    for change in story.changes_on(day):
        page = (story.address + change.path).removeprefix(story.scope)
        lines.append(f"    {page}: {change.what}")
    return "\n".join(lines)
