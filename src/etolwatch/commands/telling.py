"""Commands that tell others: feed, notify, publish."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etolwatch.commands.frame import DONE, PARTIAL, Settings, as_text_or_json, command, opened, print_json
from etolwatch.errors import UsageError

if TYPE_CHECKING:
    from etolwatch.config import Config
    from etolwatch.notify.outbox import Message, Outbox


@command("feed")
@click.option("--only", type=click.Choice(("silent",)), help="Nothing but silent edits.")
@click.option("--site", metavar="NAME", help="Nothing but this site.")
@click.option("--url", metavar="URL", help="Where the file will be read, for the feed's link to itself.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write here instead of stdout.",
)
def feed_command(
    settings: Settings, only: str | None, site: str | None, url: str | None, output: Path | None
) -> int:
    """Write what changed as an Atom feed, for feed readers.

    One entry a finding, or one for the same edit on three pages or more; what was told last, to a
    hundred entries or somewhat more. With --output, what is older is written beside the file, a file for
    each pass, and linked to (RFC 5005). A file that would not change is left untouched.

    \b
    Example:
      etolwatch feed --only silent --output ~/public_html/silent.atom
    """
    from etolwatch.publish import feed, news
    from etolwatch.publish.files import write_changed

    if output is not None and not output.parent.is_dir():
        raise UsageError("no such folder", str(output.parent), "make it first, or name another file")
    with opened(settings) as (config, store):
        channel = feed.chosen(silent=only == "silent", site=config.site(site).name if site else None)
        origin = news.origin(store.catalog)
        if output is None:
            places = feed.Places(feed=lambda _, batch: None if batch else url, page=lambda _: None)
            sys.stdout.buffer.write(feed.subscription(news.told(store.catalog), channel, places, origin))
            return DONE
        place = output
        beside = feed.Places(feed=lambda _, batch: _address(place, url, batch), page=lambda _: None)
        told = partial(news.told, store.catalog)
        documents = list(feed.documents(told, channel, lambda _: beside, origin))
        for batch, body in reversed(documents):  # what is linked to is there before the link is
            write_changed(place.with_name(_name(place.name, batch)), body)
    return DONE


def _name(name: str, batch: str | None) -> str:
    """The name of a document of the feed that is kept in a file of this name."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem}-{batch}.{ending}" if batch and dot else f"{name}-{batch}" if batch else name


def _address(output: Path, url: str | None, batch: str | None) -> str:
    """Where a document of the feed is read: beside the one at this address, else beside the file."""
    if url is None:
        return _name(output.name, batch)
    folder, slash, name = url.rpartition("/")
    return f"{folder}{slash}{_name(name, batch)}"


@command("notify")
@click.option("--list", "is_list", is_flag=True, help="Show what waits or was refused, and send nothing.")
@click.option("--all", "is_all", is_flag=True, help="With --list, also what was sent.")
@click.option("--test", "is_test", is_flag=True, help="Send a test message to every channel.")
@click.option("--retry", is_flag=True, help="Send now what waits for later or was refused, too.")
@as_text_or_json
def notify_command(
    settings: Settings, is_list: bool, is_all: bool, is_test: bool, retry: bool, form: str
) -> int:
    """Send what waits in the outbox.

    Each pass puts into it what the channels of config.toml ask for, and sends it; what could
    not be sent is tried again by the daemon, by the next pass, or by this command: after a
    minute, two, four, to four hours. What a server refuses for good is set aside, and sent
    only with --retry.

    \b
    Exit status:
      0   sent, or nothing was due     4   something waits or was refused
      2   usage or configuration       75  another process is sending

    \b
    Examples:
      etolwatch notify --test
      etolwatch notify --list
    """
    from etolwatch import config as configuration
    from etolwatch.notify.outbox import Outbox

    config = configuration.load(settings.config)
    with Outbox(config.store) as outbox:
        if not is_list:
            return _send(config, outbox, is_test, retry, form)
        _print_messages(outbox.messages(sent=is_all), form)
    return DONE


def _send(config: Config, outbox: Outbox, is_test: bool, retry: bool, form: str) -> int:
    import uuid

    from etolwatch.notify import telling

    if not config.notify.channels:
        raise UsageError("nobody is to be told", str(config.path), "it has no table [[notify.channel]]")
    now = datetime.now(UTC)
    if is_test:
        outbox.put(telling.trial(config.notify, str(uuid.uuid4()), now), now)
    else:
        telling.enqueue(outbox, config, now)
    if retry:
        outbox.retry(now)
    done = telling.send(outbox, config.notify, lambda: datetime.now(UTC))
    if form == "json":
        print_json({"sent": done.sent, "waiting": done.waiting, "refused": done.refused})
    else:
        click.echo(f"{done.sent} sent, {done.waiting} waiting, {done.refused} refused.")
    return PARTIAL if done.waiting or done.refused else DONE


def _print_messages(messages: list[Message], form: str) -> None:
    from etolwatch.publish.phrase import moment, number, visible

    if form == "json":
        print_json([_message_to_dict(message) for message in messages])
        return
    for message in messages:
        click.echo(f"{message.channel} → {visible(message.address)}: {visible(message.subject)}")
        stands = {
            "waiting": f"waits until {moment(message.due_at)}",
            "refused": "refused for good",
            "sent": f"sent on {moment(message.sent_at or message.due_at)}",
        }
        times = f", tried {number(message.attempts, 'time')}" if message.attempts else ""
        click.echo(f"    {stands[message.state.value]}{times}")
        if message.trouble:
            click.echo(f"    {visible(message.trouble)}")
    if not messages:
        click.echo("Nothing waits.")


def _message_to_dict(message: Message) -> dict[str, Any]:
    from etolwatch.contract import instant_to_text

    return {
        "key": message.key,
        "channel": message.channel,
        "address": message.address,
        "subject": message.subject,
        "state": message.state.value,
        "attempts": message.attempts,
        "trouble": message.trouble or None,
        "made_at": instant_to_text(message.made_at),
        "due_at": instant_to_text(message.due_at),
        "sent_at": instant_to_text(message.sent_at),
    }


@command("publish")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--state",
    "states",
    metavar="STATE",
    multiple=True,
    help="Only findings that stand so: new, confirmed, trivial, false_alarm, follow_up; repeatable.",
)
@click.option("--url", metavar="URL", help="Where the site will be read, for the links of its feeds.")
@as_text_or_json
def publish_command(
    settings: Settings, folder: Path, states: tuple[str, ...], url: str | None, form: str
) -> int:
    """Make a public site of the findings, as plain files.

    It needs no server and has no script.
    The latest, silent edits first; a page for each finding, which can be cited; the history
    of each page, of each pass, of each month; feeds. It can be read from the disk as well as
    from any web server. Run again, it brings DIR up to date: what is as it was is not
    touched, and readers see the old site or the new one, never half of one.

    \b
    Examples:
      etolwatch publish ~/public_html/changes --url https://www.example.org/~me/changes/
      etolwatch publish site --state new --state confirmed --state follow_up
    """
    from etolwatch.publish.site.make import Wanted, publish
    from etolwatch.review.journal import Journal
    from etolwatch.review.judgement import state_named
    from etolwatch.review.standing import stand

    wanted = Wanted(frozenset(map(state_named, states)), _base(url))
    with opened(settings) as (config, store):
        built = publish(store, config, folder, wanted, stand(Journal.of(config.store).read()))
    if form == "json":
        print_json(
            {
                "folder": str(folder),
                "findings": built.findings,
                "written": built.written,
                "kept": built.kept,
                "removed": built.removed,
            }
        )
    else:
        what = f"{built.written:,} files written, {built.kept:,} as they were, {built.removed:,} removed"
        click.echo(f"{folder / 'index.html'}: {built.findings:,} findings; {what}.")
    return DONE


def _base(url: str | None) -> str | None:
    """The address of the site, with a slash at its end. Raises UsageError."""
    from etolwatch.config import is_address

    if url is not None and not is_address(url):
        raise UsageError("no address of a site", url, "expected one that begins with https:// or http://")
    return url and url.rstrip("/") + "/"
