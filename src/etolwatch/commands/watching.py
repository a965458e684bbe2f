"""Commands that begin and keep a watch: init, check, run, status."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from etolwatch.commands.frame import (
    CHANGED,
    DONE,
    INTERNAL,
    PARTIAL,
    Settings,
    as_text_or_json,
    command,
    opened,
    print_json,
    stoppable,
    wants_color,
)
from etolwatch.errors import EtolwatchError, UsageError


@command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--seed", "seeds", metavar="URL", multiple=True, required=True, help="Where a pass begins; repeatable."
)
@click.option(
    "--scope",
    metavar="PREFIX",
    multiple=True,
    help="Only addresses that begin so are visited; repeatable.  [default: the folder of each seed]",
)
@click.option("--delay", metavar="SECONDS", type=click.FloatRange(min=0), default=10.0, show_default=True)
@click.option(
    "--contact", metavar="WHO", default="", help="Your e-mail address or web page, sent with each request."
)
def init(
    _: Settings, folder: Path, seeds: tuple[str, ...], scope: tuple[str, ...], delay: float, contact: str
) -> int:
    """Make a folder from which a site is watched.

    It gets a config.toml, explained line by line, and snapshots/ for what is kept.

    \b
    Example:
      etolwatch init pearce --seed https://www.marxists.org/archive/pearce/index.htm \\
          --contact you@example.org
      cd pearce && etolwatch check
    """
    from etolwatch import config
    from etolwatch.initial import initial_config

    path = folder / "config.toml"
    if path.exists():
        raise UsageError("nothing written", str(path), "it is there already")
    prefixes = scope or tuple(dict.fromkeys(config.folder_of(seed) for seed in seeds))
    text = initial_config(seeds, prefixes, delay, contact)
    _try_out(text)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    made = config.load(path)
    made.store.mkdir(exist_ok=True)
    click.echo(f"Wrote {path} and {made.store.name}/ beside it.")
    try:
        config.refuse_strangers(made, made.sites)
    except EtolwatchError:
        click.echo(f"Before the first pass, set contact in {path} to your e-mail address or web page.")
    click.echo(f"Then: cd {folder} && etolwatch check")
    return DONE


# Which option of `init` a key of config.toml comes from.
OPTIONS = {"seeds": "--seed", "scope": "--scope", "delay_s": "--delay", "contact": "--contact"}


def _try_out(text: str) -> None:
    """Returns if this can be a config.toml. Raises UsageError, which names the option that is wrong."""
    from tempfile import TemporaryDirectory

    from etolwatch import config
    from etolwatch.errors import ConfigError

    with TemporaryDirectory() as place:
        path = Path(place) / "config.toml"
        path.write_text(text, encoding="utf-8")
        try:
            config.load(path)
        except ConfigError as error:
            key = re.sub(r"\[\d+\]$", "", error.subject).rpartition(": ")[2].rpartition(".")[2]
            raise UsageError("nothing written", OPTIONS.get(key, key), error.cause) from error


@command("check")
@click.argument("sites", metavar="[SITE]...", nargs=-1)
@click.option("--fail-on-change", is_flag=True, help="Exit with 3 when words changed.")
@as_text_or_json
def check(settings: Settings, sites: tuple[str, ...], fail_on_change: bool, form: str) -> int:
    """Make one pass and report what changed.

    Every page that is due is asked for, what is new is kept and judged.

    This is the command for cron or a systemd timer. Without a terminal it prints nothing
    when nothing happened. SITE is the name of a site in the configuration; without one,
    all are visited. Ctrl-C ends the pass after the request in hand; the next one goes on
    where it stopped.

    \b
    Exit status:
      0   done                        4   pass partial (a host is down, the budget is spent)
      1   damaged store               75  another process works on this store
      2   usage or configuration
      3   words changed, with --fail-on-change

    \b
    Example:
      etolwatch check --fail-on-change || echo "have a look"
    """
    from etolwatch import config as configuration
    from etolwatch import watch
    from etolwatch.model import PassState
    from etolwatch.progress import progress

    config = configuration.load(settings.config)
    chosen = tuple(config.site(name) for name in dict.fromkeys(sites)) or config.sites
    configuration.refuse_strangers(config, chosen)
    with stoppable() as stop, progress(sys.stderr.isatty() and not settings.verbose) as on_event:
        watched = watch.watch(config, chosen, stop, on_event)
    if watched.made.state is PassState.INTERRUPTED:
        done = f"interrupted after {watched.made.visited:,} of the pages that are due"
        click.echo(f"{done}; the next “etolwatch check” goes on from there", err=True)
    if form == "json":
        print_json(watched.to_dict())
    else:
        click.echo(watched.text(wants_color(), bool(sys.stdout.isatty())), nl=False)
    for damage in watched.damaged:
        click.echo(damage, err=True)
    if watched.damaged:
        return INTERNAL
    if watched.is_partial:
        return PARTIAL
    return CHANGED if fail_on_change and watched.words_changed else DONE


@command("run", logs_info=True)
def run_daemon(settings: Settings) -> int:
    """Keep watching, by the schedules of the sites.

    Stays in the foreground and logs to stderr, one line a capture and one a pass. SIGTERM
    or Ctrl-C ends the request in hand and leaves; SIGHUP reads the configuration again. A
    pass that was missed while etolwatch was not running is caught up once.

    \b
    Example:
      etolwatch run --config ~/pearce/config.toml
    """
    from etolwatch.daemon import Daemon

    return Daemon(settings.config).run()


@command("status")
@as_text_or_json
def status(settings: Settings, form: str) -> int:
    """Show how the watched sites stand.

    Their pages, the last pass and the next, what is wrong and since when, how much is kept.

    \b
    Example:
      etolwatch status
    """
    from etolwatch.publish import listing

    with opened(settings, schedules=True) as (config, store):
        found = listing.status(config, store.catalog, datetime.now(UTC))
    if form == "json":
        print_json(found.to_dict())
    else:
        click.echo(found.text(), nl=False)
    return DONE
