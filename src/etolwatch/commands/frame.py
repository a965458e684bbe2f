"""The frame of every command: its options, its settings, its exit statuses, its way to the store.

Results go to stdout, the log to stderr. What a command needs is imported when it runs, so
that `etolwatch --help` answers at once.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etolwatch import __version__

if TYPE_CHECKING:
    from etolwatch.archive.store import Store
    from etolwatch.config import Config
    from etolwatch.model import Capture, Finding

DONE, INTERNAL, USAGE, CHANGED, PARTIAL, LOCKED = 0, 1, 2, 3, 4, 75
SAME, DIFFERING, TROUBLE = 0, 1, 2

log = logging.getLogger("etolwatch")


@dataclass(slots=True)
class Settings:
    """What holds for any command. ``trouble``: the exit status of an error, where diff(1) sets another."""

    config: Path = Path("config.toml")
    verbose: bool = False
    trouble: int | None = None


def _set_config(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(Settings).config = value


def _set_verbose(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Settings).verbose = True


def _everywhere(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that may stand before and after the name of a command."""
    config = click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        expose_value=False,
        callback=_set_config,
        help="The configuration to use.  [default: config.toml in this folder]",
    )
    verbose = click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_set_verbose,
        help="Tell more on stderr.",
    )
    return config(verbose(function))


def command(
    name: str, *, logs_info: bool = False, group: click.Group | None = None
) -> Callable[[Callable[..., int]], click.Command]:
    """A command of this name, whose function gets the Settings first and returns the exit status."""

    def decorate(function: Callable[..., int]) -> click.Command:
        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> int:
            settings = click.get_current_context().ensure_object(Settings)
            _log_to_stderr(settings, logs_info)
            return function(settings, *args, **kwargs)

        return (group or etolwatch).command(name)(_everywhere(called))

    return decorate


def _log_to_stderr(settings: Settings, info: bool) -> None:
    level = logging.INFO if info or settings.verbose else logging.WARNING
    form = "%(asctime)s %(levelname)s %(message)s" if info else "%(message)s"
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format=form, force=True)
    logging.captureWarnings(True)
    log.setLevel(level)


as_text_or_json = click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)


# The modules of this folder, in the order in which one meets their commands.
SECTIONS = (
    "watching",
    "pages",
    "texts",
    "searching",
    "archive",
    "exchange",
    "mirror",
    "review",
    "serve",
    "telling",
    "newcomer",
)


class _InOrder(click.Group):
    """Lists the commands module by module, as they are defined."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.commands, key=lambda name: SECTIONS.index(_section(self.commands[name])))


def _section(command: click.Command) -> str:
    return command.callback.__module__.rpartition(".")[2] if command.callback else SECTIONS[-1]


@click.group(
    cls=_InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with “etolwatch demo”, which needs no network; “etolwatch COMMAND --help” tells more.",
)
@click.version_option(__version__, prog_name="etolwatch", message="%(prog)s %(version)s")
@_everywhere
def etolwatch() -> None:
    """Watch a library of texts on the web, keep every version of every page, and report
    which words changed: above all those that changed although the page's own “Last
    updated” line did not.
    """


@contextlib.contextmanager
def opened(settings: Settings, *, schedules: bool = False) -> Iterator[tuple[Config, Store]]:
    """The configuration (see `config.load`) and its store, opened for reading, also while a pass runs."""
    from etolwatch import config as configuration
    from etolwatch.archive.store import Store

    config = configuration.load(settings.config, schedules=schedules)
    with Store.read_only(config.store) as store:
        yield config, store


@contextlib.contextmanager
def stoppable() -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets; a second SIGINT interrupts at once."""
    import signal

    stop = threading.Event()

    def ask_to_stop(number: int, _: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log.info("%s: ending after the request in hand", signal.Signals(number).name)

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wants_color() -> bool:
    """Whether to colour stdout: only a terminal, and never with NO_COLOR (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def print_comparison(finding: Finding, form: str) -> int:
    from etolwatch.contract import finding_to_dict
    from etolwatch.publish.text import finding_lines

    if form == "json":
        print_json(finding_to_dict(finding))
    else:
        for line in finding_lines(finding, color=wants_color()):
            click.echo(line)
    return SAME if finding.verdict.value == "no_textual_change" else DIFFERING


def profile_of(config: Config, capture: Capture) -> Any:
    from etolwatch.text.profiles import profile

    names = {site.name: site.profile for site in config.sites}
    return profile(names.get(capture.site, "etol"))
