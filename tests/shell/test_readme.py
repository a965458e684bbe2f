"""The README's examples work, and it documents every command and key.

A block of commands after ``<!-- run … -->`` is run by a shell, in a folder that watches a
small library on loopback and has seen a change of one page; ``etolwatch`` there is this
very program, and the page and times of the examples are put in place of those printed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from etolwatch import cli, config
from etolwatch.commands import frame

from .conftest import Commands, Library, page

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- run.*? -->\n```\n(.*?)```", README, re.S)


@pytest.fixture
def folder(watched: Commands, library: Library) -> Path:
    watched("check")
    library.pages["/penhale/lamps.htm"] = page(
        "Lamps", "The keepers placed some of their lamps upon the wall."
    )
    watched("check")
    for name, text in (("before", "They did not agree."), ("after", "They did agree.")):
        (watched.folder / f"{name}.htm").write_text(page("Lamps", text))
    binary = watched.folder / "bin"
    binary.mkdir()
    program = binary / "etolwatch"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m etolwatch "$@"\n')
    program.chmod(0o755)
    return watched.folder


@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_of_the_readme(folder: Path, block: str) -> None:
    # the library's captures are of today, the README's of the past
    script = block.replace("1958/08/export.htm", "lamps.htm").replace("2026-11-02", "20990101000000")
    script = re.sub(r"2026-11-0\d", "2099-01-01", script)
    for line in script.splitlines():
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        likened = ("etolwatch diff", "etolwatch compare", "etolwatch collate")
        allowed = {0, 1} if line.startswith(likened) else {0}
        assert done.returncode in allowed, line + done.stderr
        assert done.stdout or ">" in line or "--output" in line


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 5


def test_the_two_commands_come_first() -> None:
    commands = re.findall(r"^```\n(make .*)\n```", README, re.M)
    assert commands == ["make demo", "make test"]


@pytest.mark.parametrize("command", sorted(cli.etolwatch.commands))
def test_each_command_is_documented(command: str) -> None:
    assert f"etolwatch {command}" in README or f"make {command}" in README


@pytest.mark.parametrize("key", [*config.SITE_KEYS, "contact", "store", "reports.folder", "reports.formats"])
def test_each_key_is_documented(key: str) -> None:
    assert f"`{key}`" in README


@pytest.mark.parametrize("key", [*config.SITE_KEYS, *config.REPORT_KEYS, "contact", "store"])
def test_each_key_is_explained_in_the_default(key: str) -> None:
    lines = (ROOT / "config.toml").read_text(encoding="utf-8").splitlines()
    place = next(n for n, line in enumerate(lines) if re.match(rf"(# )?{key} = ", line))
    above = lines[:place]
    while above and not above[-1].startswith("#"):
        assert above[-1].strip(), key
        above.pop()
    assert above


def test_every_exit_status_is_documented() -> None:
    section = README.partition("## Exit statuses")[2].partition("\n## ")[0]
    told = {int(number) for number in re.findall(r"^\| (\d+) \|", section, re.M)}
    assert told == {frame.DONE, frame.INTERNAL, frame.USAGE, frame.CHANGED, frame.PARTIAL, frame.LOCKED}
