"""Commands that give captures to others, and bring those that others made: export, import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etolwatch.commands.frame import (
    DONE,
    PARTIAL,
    Settings,
    as_text_or_json,
    command,
    etolwatch,
    opened,
    print_json,
    stoppable,
)
from etolwatch.errors import UsageError

if TYPE_CHECKING:
    from etolwatch.archive.cdxj import Entry
    from etolwatch.archive.export import Exported, Selection
    from etolwatch.archive.foreign import Damage
    from etolwatch.archive.store import Store
    from etolwatch.config import Config
    from etolwatch.harvest.past import Brought
    from etolwatch.model import Site

_existing = click.Path(path_type=Path, exists=True, dir_okay=False)


# ── export ───────────────────────────────────────────────────────────────────────────


@etolwatch.group("export")
def exporting() -> None:
    """Give captures to other programs.

    Records are copied byte for byte, and verified before. One that is damaged is named and
    left out. A capture that only says “as before” brings the one along that it stands for.
    Answers to robots.txt stay in the store's own files: they are no captures of pages.
    """


def _selecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which captures are meant, and where they go."""
    options = (
        click.option("--site", metavar="NAME", help="Only of this site."),
        click.option("--page", metavar="URI", help="Only of this page: its address, or an ending of it."),
        click.option("--since", metavar="TIME", help="Only made since then."),
        click.option("--until", metavar="TIME", help="Only made until then."),
    )
    for option in reversed(options):
        function = option(function)
    return click.argument("output", type=click.Path(path_type=Path, dir_okay=False))(function)


def _selection(config: Config, store: Store, options: dict[str, str | None]) -> Selection:
    from etolwatch import when
    from etolwatch.archive.export import Selection

    site, page, since, until = (options[name] for name in ("site", "page", "since", "until"))
    return Selection(
        site=config.site(site).name if site else None,
        uri=store.catalog.resolve(page) if page else None,
        since=when.since(since) if since else None,
        until=when.until(until) if until else None,
    )


@command("warc", group=exporting)
@_selecting
def export_warc(settings: Settings, output: Path, **options: str | None) -> int:
    """Write captures into one WARC 1.1 file: gzip, or plain if its name ends in .warc.

    \b
    Examples:
      etolwatch export warc all.warc.gz
      etolwatch export warc --page 1958/08/export.htm --since 2026-11-01 export.warc.gz
    """
    from etolwatch.archive import export

    with opened(settings) as (config, store):
        exported = export.export_warc(store, _selection(config, store, options), output)
    return _told_of(exported, output)


@command("wacz", group=exporting)
@_selecting
def export_wacz(settings: Settings, output: Path, **options: str | None) -> int:
    """Write captures into a WACZ file, which ReplayWeb.page shows.

    \b
    Example:
      etolwatch export wacz --site pearce pearce.wacz
    """
    from etolwatch.archive import export

    with opened(settings) as (config, store):
        exported = export.export_wacz(store, _selection(config, store, options), output)
    return _told_of(exported, output)


@command("cdxj", group=exporting)
@_selecting
def export_cdxj(settings: Settings, output: Path, **options: str | None) -> int:
    """Write an index of the store's own WARC files, as pywb reads it.

    \b
    Example:
      etolwatch export cdxj index.cdxj
    """
    from etolwatch.archive.cdxj import cdxj

    return _export_list(settings, output, options, cdxj)


@command("cdx", group=exporting)
@_selecting
def export_cdx(settings: Settings, output: Path, **options: str | None) -> int:
    """Write a list of captures in seven columns, as the Wayback Machine's CDX server does.

    \b
    Example:
      etolwatch export cdx --page 1958/08/export.htm export.cdx
    """
    from etolwatch.archive.cdxj import cdx

    return _export_list(settings, output, options, cdx)


def _export_list(
    settings: Settings,
    output: Path,
    options: dict[str, str | None],
    lines: Callable[[list[Entry]], list[str]],
) -> int:
    from etolwatch.archive import export

    with opened(settings) as (config, store):
        entries = list(export.entries(store, _selection(config, store, options)))
    with export.whole_file(output) as file:
        file.write("".join(lines(entries)).encode())
    return _told(entries, output)


@command("timemap", group=exporting)
@_selecting
@click.option(
    "--base",
    metavar="URL",
    default="http://localhost:8080/all/",
    show_default=True,
    help="Where the captures can be replayed.",
)
def export_timemap(settings: Settings, output: Path, base: str, **options: str | None) -> int:
    """Write the TimeMap of a page in link format (RFC 7089).

    \b
    Example:
      etolwatch export timemap --page 1958/08/export.htm export.timemap
    """
    from etolwatch.archive import export
    from etolwatch.archive.cdxj import timemap

    if not options["page"]:
        raise click.UsageError("Name the page with --page: a TimeMap is that of one page.")
    with opened(settings) as (config, store):
        selection = _selection(config, store, options)
        entries = sorted(export.entries(store, selection), key=lambda entry: entry.capture.captured_at)
    text = timemap(selection.uri or "", [entry.capture for entry in entries], base)
    with export.whole_file(output) as file:
        file.write(text.encode())
    return _told(entries, output)


def _told_of(exported: Exported, output: Path) -> int:
    _name_damages("not exported", exported.damages)
    _told(exported.entries, output)
    return PARTIAL if exported.damages else DONE


def _name_damages(what: str, damages: Sequence[Damage]) -> None:
    for damage in damages:
        click.echo(f"{what}: {damage.place}: {damage.reason}", err=True)


def _told(written: Sequence[Entry], output: Path) -> int:
    click.echo(f"Wrote {output}: {_number(len(written), 'capture')}", err=True)
    return DONE


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


# ── import ───────────────────────────────────────────────────────────────────────────


@etolwatch.group("import")
def importing() -> None:
    """Bring captures that others made.

    They become versions of the watched pages, with their own dates, each marked with its
    origin. What is held already is passed over, so an import can be repeated. An edit that
    only the past shows is judged, but is no news.
    """


@command("warc", group=importing)
@click.argument("paths", metavar="FILE...", type=_existing, nargs=-1, required=True)
@as_text_or_json
def import_warc(settings: Settings, paths: tuple[Path, ...], form: str) -> int:
    """Bring the captures of WARC or ARC files, gzip or plain.

    \b
    Example:
      etolwatch import warc crawl-2011.warc.gz
    """
    from etolwatch.harvest.past import Brought, bring_warc

    def bring(store: Store, config: Config) -> Brought:
        brought = (bring_warc(store, config.sites, path, datetime.now(UTC)) for path in paths)
        return sum(brought, Brought())

    return _bring(settings, form, bring)


@command("wacz", group=importing)
@click.argument("paths", metavar="FILE...", type=_existing, nargs=-1, required=True)
@as_text_or_json
def import_wacz(settings: Settings, paths: tuple[Path, ...], form: str) -> int:
    """Bring the captures of WACZ files.

    \b
    Example:
      etolwatch import wacz pages.wacz
    """
    from etolwatch.harvest.past import Brought, bring_wacz

    def bring(store: Store, config: Config) -> Brought:
        brought = (bring_wacz(store, config.sites, path, datetime.now(UTC)) for path in paths)
        return sum(brought, Brought())

    return _bring(settings, form, bring)


@command("folder", group=importing)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--prefix", metavar="URL", required=True, help="The address that the folder stands for.")
@click.option("--at", "at_text", metavar="TIME", help="When it was saved.  [default: as each file says]")
@as_text_or_json
def import_folder(settings: Settings, folder: Path, prefix: str, at_text: str | None, form: str) -> int:
    """Bring a folder of saved pages.

    \b
    Example:
      etolwatch import folder mirror-2011/pearce --at 2011-03-04 \\
          --prefix https://www.marxists.org/archive/pearce/
    """
    from etolwatch import when
    from etolwatch.harvest.past import bring_folder

    dated = when.since(at_text) if at_text else None
    beginning = prefix if prefix.endswith("/") else prefix + "/"
    return _bring(
        settings,
        form,
        lambda store, config: bring_folder(store, config.sites, folder, beginning, datetime.now(UTC), dated),
    )


@command("memento", group=importing)
@click.argument("uris", metavar="[URI]...", nargs=-1)
@click.option("--site", "site_name", metavar="NAME", help="Every page of this site.")
@click.option(
    "--from",
    "source",
    metavar="ARCHIVE",
    default="wayback",
    show_default=True,
    help="“wayback”, or the address of a CDX server or of TimeMaps.",
)
@as_text_or_json
def import_memento(
    settings: Settings, uris: tuple[str, ...], site_name: str | None, source: str, form: str
) -> int:
    """Bring what a web archive holds of a page.

    It is asked at most 24 times a minute; Ctrl-C ends it after the request in hand, and
    the next call goes on where this one stopped. With --site, a CDX server is asked for all
    that it holds within the site's scope, pages included that were gone before they could be
    watched; of TimeMaps, only the known pages are asked for. What the archive lists but does
    not give is asked for again after 30 days.

    \b
    Examples:
      etolwatch import memento https://www.marxists.org/archive/pearce/1958/08/export.htm
      etolwatch import memento --from http://localhost:8080/all/cdx --site pearce
    """
    from etolwatch.harvest.captures import Archive

    if bool(uris) == bool(site_name):
        raise click.UsageError("Give addresses, or --site.")
    archive = Archive.named(source)

    def bring(store: Store, config: Config) -> Brought:
        from etolwatch.harvest.fetch import Fetcher
        from etolwatch.harvest.memento import remember

        site = config.site(site_name) if site_name else None
        pages = _known(store, site) if site else uris
        with stoppable() as stop, Fetcher(config.contact) as fetcher:
            done = remember(
                store,
                config.sites,
                pages,
                archive,
                fetcher,
                now=lambda: datetime.now(UTC),
                sleep=stop.wait,
                is_stopped=stop.is_set,
                below=site.scope if site else (),
            )
        if done.why:
            left = "" if done.left is None else f"{_number(done.left, 'page')} left: "
            click.echo(f"{done.why}; {left}run it again, it goes on from there", err=True)
        return done.brought

    return _bring(settings, form, bring)


def _known(store: Store, site: Site) -> list[str]:
    from etolwatch.harvest.scope import in_scope

    known = store.catalog.histories(site.name).values()
    pages = {*site.seeds, *(history.uri for history in known if history.requisite is None)}
    return sorted(page for page in pages if in_scope(site, page))


def _bring(settings: Settings, form: str, bring: Callable[[Store, Config], Brought]) -> int:
    """Brings captures and judges what they change; reports what could not be read."""
    import threading

    from etolwatch import config as configuration
    from etolwatch import jobs, rereading
    from etolwatch.archive.store import Store, has_older_catalog

    config = configuration.load(settings.config)
    if not config.sites:
        raise UsageError("no site is watched", str(settings.config), "captures of others belong to a site")
    if has_older_catalog(config.store):
        rereading.renewed(config, datetime.now(UTC), threading.Event())
    with Store(config.store, operator=config.contact, command="etolwatch import") as store:
        brought = bring(store, config)
        jobs.compare(store, config, threading.Event())
    _name_damages("not brought", brought.damages)
    if form == "json":
        print_json(_as_dict(brought))
    else:
        click.echo(_as_text(brought))
    return PARTIAL if brought.damages else DONE


def _as_dict(brought: Brought) -> dict[str, Any]:
    counts = {name: getattr(brought, name) for name in ("captures", "held", "outside", "other")}
    return {**counts, "damages": [{"place": one.place, "reason": one.reason} for one in brought.damages]}


def _as_text(brought: Brought) -> str:
    parts = [f"{_number(brought.captures, 'capture')} brought"]
    parts += [f"{brought.held} held already"] if brought.held else []
    parts += [f"{brought.outside} of pages that are not watched"] if brought.outside else []
    parts += [f"{brought.other} of types that are not kept"] if brought.other else []
    parts += [f"{len(brought.damages)} not readable"] if brought.damages else []
    return ", ".join(parts) + "."
