"""Commands that look at what was captured: log, show, diff, report, compare."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etolwatch.commands.frame import (
    DONE,
    SAME,
    TROUBLE,
    Settings,
    as_text_or_json,
    command,
    opened,
    print_comparison,
    print_json,
    profile_of,
    wants_color,
)
from etolwatch.errors import UsageError

if TYPE_CHECKING:
    from etolwatch.archive.catalog import Catalog
    from etolwatch.archive.store import Store
    from etolwatch.config import Config
    from etolwatch.model import Capture, Finding


@command("log")
@click.argument("uri")
@as_text_or_json
def logcommand(settings: Settings, uri: str, form: str) -> int:
    """List the versions of a page.

    When each was captured, what the server said, the date stated, the verdict. URI is the
    page's address, or any ending of it that no other page has.

    \b
    Example:
      etolwatch log 1958/08/export.htm
    """
    from etolwatch.publish import listing

    with opened(settings) as (_, store):
        found = listing.versions(store.catalog, store.catalog.resolve(uri))
    if form == "json":
        print_json(found.to_dict())
    else:
        click.echo(found.text(), nl=False)
    return DONE


@command("show")
@click.argument("page", metavar="URI[@TIME]")
@click.option("--html", "raw", is_flag=True, help="The bytes that the server sent, not the text.")
def show(settings: Settings, page: str, raw: bool) -> int:
    """Print the text of a page, now or at a time.

    TIME is a date (2026-11-09, the end of that day), an instant (2026-11-09T04:17:00Z) or
    14 digits, in UTC; the last capture at or before it is shown.

    \b
    Examples:
      etolwatch show 1958/08/export.htm@2026-11-09
      etolwatch show 1958/08/export.htm@20261109041700 --html > export.htm
    """
    from etolwatch import when

    ending, at = when.split(page)
    with opened(settings) as (config, store):
        resolve = store.catalog.resolve if raw else store.catalog.resolve_text
        capture = store.catalog.capture_at(resolve(ending), at)
        payload = store.payload(capture)
        if raw:
            sys.stdout.buffer.write(payload.body)
            return DONE
        from etolwatch.publish.reading import reading
        from etolwatch.text.witness import witness

        click.echo(reading(witness(payload, profile_of(config, capture))), nl=False)
    return DONE


@command("diff")
@click.argument("uri")
@click.argument("times", metavar="[TIME TIME]", nargs=-1)
@as_text_or_json
def diff(settings: Settings, uri: str, times: tuple[str, ...], form: str) -> int:
    """Show which words of a page changed.

    Between two times; without times, in its last change. A word that stood there is shown
    as [-word-], one that stands there now as {+word+}.
    The exit status is that of diff(1): 0 the same, 1 differing, 2 trouble.

    \b
    Examples:
      etolwatch diff 1958/08/export.htm
      etolwatch diff 1958/08/export.htm 2026-11-02 2026-11-09
    """
    settings.trouble = TROUBLE
    if len(times) not in (0, 2):
        raise click.UsageError("Give two times, or none.")
    from etolwatch import when
    from etolwatch.watch import compared

    with opened(settings) as (config, store):
        page = store.catalog.resolve_text(uri)
        if times:
            before, after = (store.catalog.capture_at(page, when.until(text)) for text in times)
        else:
            before, after = _last_change(store.catalog, page)
        finding = compared(store, config, before, after)
    if before.record_id == after.record_id and form == "text":
        click.echo(f"{page}: the same capture, of {before.captured_at:%Y-%m-%d %H:%M:%S} UTC, at both times.")
        return SAME
    return print_comparison(finding, form)


@command("report")
@click.option(
    "--since", "since_text", metavar="TIME", help="Only captures since then: a date, an instant or 14 digits."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "markdown", "html", "json")),
    help="[default: by the ending of --output, else text]",
)
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write it there."
)
@click.option(
    "--state",
    "states",
    type=click.Choice(("new", "confirmed", "trivial", "false_alarm", "follow_up")),
    multiple=True,
    help="Only what “review” says is so; repeatable.",
)
def report(
    settings: Settings, since_text: str | None, form: str | None, output: Path | None, states: tuple[str, ...]
) -> int:
    """Report what changed, silent edits first.

    \b
    Examples:
      etolwatch report --since 2026-11-01
      etolwatch report --state new --state follow_up
      etolwatch report --output changes.html
    """
    from etolwatch import when
    from etolwatch.publish.render import Form, form_of, render
    from etolwatch.publish.report import Report

    chosen = Form(form) if form else form_of(output) if output else Form.TEXT
    if output is not None and not output.parent.is_dir():
        raise UsageError("there is no such folder", str(output.parent), "make it first")
    start = when.since(since_text) if since_text else None
    with opened(settings) as (config, store):
        made = Report(
            _of_state(config, store, states, start) if states else tuple(store.catalog.findings(since=start)),
            datetime.now(UTC),
            start,
            scopes=tuple(prefix for site in config.sites for prefix in site.scope),
        )
    text = render(made, chosen, wants_color() and output is None)
    if output is not None:
        from etolwatch.publish.files import write_whole

        write_whole(output, text)
        click.echo(f"Wrote {output}", err=True)
    else:
        click.echo(text or "Nothing to report.\n", nl=False)
    return DONE


def _of_state(
    config: Config, store: Store, states: tuple[str, ...], since: datetime | None
) -> tuple[Finding, ...]:
    """The findings that stand so with their readers."""
    from etolwatch.archive.findings import Wanted
    from etolwatch.review.listing import known
    from etolwatch.review.projection import Projection

    with Projection(config.store) as projection:
        wanted = Wanted(states=states, since=since)
        return tuple(one.finding for one in known(store.catalog, projection, wanted))


@command("compare")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option(
    "--meta",
    metavar="META.json",
    type=click.Path(path_type=Path),
    help="What a crawler would know of the two.",
)
@click.option(
    "--profile", "profile_name", type=click.Choice(("etol", "generic")), default="etol", show_default=True
)
@as_text_or_json
def compare(_s: Settings, before: Path, after: Path, meta: Path | None, profile_name: str, form: str) -> int:
    """Compare two saved pages, without a store.

    Which words differ, and does the date say so?

    META.json may tell, under "before" and "after", the url, final_url, status,
    captured_at, last_modified and content_type of each. The exit status is that of
    diff(1): 0 no textual change, 1 some change, 2 trouble.

    \b
    Example:
      etolwatch compare export-2011.htm export-2020.htm
    """
    _s.trouble = TROUBLE
    from etolwatch.collate.compare import compare as compare_payloads
    from etolwatch.saved import payloads
    from etolwatch.text.profiles import profile

    return print_comparison(compare_payloads(*payloads(before, after, meta), profile(profile_name)), form)


def _last_change(catalog: Catalog, uri: str) -> tuple[Capture, Capture]:
    """The last version with other bytes, and the version before it. Raises NoSuchCapture."""
    from etolwatch.errors import NoSuchCapture

    for capture in reversed(catalog.captures(uri)):
        before = catalog.previous_version(capture) if capture.is_version else None
        if before is not None and before.body_digest != capture.body_digest:
            return before, capture
    raise NoSuchCapture("nothing to compare", uri, "only one version of it is held")
