"""The command that makes a mirror which opens without a server or a network: mirror."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etolwatch.commands.frame import DONE, INTERNAL, Settings, as_text_or_json, command, opened, print_json

if TYPE_CHECKING:
    from etolwatch.publish.mirror.make import Built


@command("mirror")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=True))
@click.option("--at", metavar="TIME", help="As the site was then.  [default: as last captured]")
@click.option("--site", metavar="NAME", help="Only this site.")
@click.option(
    "--gone",
    type=click.Choice(("absent", "as-last-seen")),
    default="absent",
    show_default=True,
    help="What becomes of pages that the site no longer had by then.",
)
@click.option("--scripts", is_flag=True, help="Keep the scripts of the pages, which then run when opened.")
@as_text_or_json
def mirror(
    settings: Settings, folder: Path, at: str | None, site: str | None, gone: str, scripts: bool, form: str
) -> int:
    """Write the archive as files that any browser opens.

    All captured pages, in a folder that opens with a double click.
    Links lead from file to file; what is not in the archive keeps its address. DIR/index.html is
    where to begin, DIR/colophon.html says what is there and what is missing. An older mirror
    in DIR is brought up to date: what has not changed is not touched. Exit status 1 if a
    capture could not be read; the rest is there then, too.

    \b
    Examples:
      etolwatch mirror ~/pearce-mirror
      etolwatch mirror --at 2026-11-02 --gone as-last-seen /media/stick/pearce
    """
    from etolwatch import when
    from etolwatch.publish.mirror import make
    from etolwatch.publish.mirror.plan import Gone

    with opened(settings) as (config, store):
        wanted = make.Wanted(
            at=when.until(at) if at else None,
            site=config.site(site).name if site else None,
            gone=Gone(gone),
            scripts=scripts,
        )
        built = make.mirror(store, config.sites, folder, wanted, _progress())
    if form == "json":
        print_json(_as_json(built))
    else:
        for line in _lines(built):
            click.echo(line)
    return INTERNAL if any(each.why.value == "damaged" for each in built.missing) else DONE


def _progress() -> Callable[[int, int], None]:
    """Tells on stderr how far it is: on one line of a terminal, else nothing."""

    def tell(done: int, of: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{done} of {of} files", nl=done == of, err=True)

    return tell


def _lines(built: Built) -> list[str]:
    from etolwatch.publish.mirror.plan import COLOPHON, ENTRY
    from etolwatch.publish.phrase import moment, number

    missing = number(sum(each.is_missed for each in built.missing), "known page")
    left = number(built.not_held, "address", "addresses")
    lines = [
        f"{number(built.pages, 'page')} and {number(built.requisites, 'requisite')}"
        + (f", as of {moment(built.as_of)}" if built.as_of else ""),
        f"{number(built.written, 'file')} written, {number(built.kept, 'file')} as before"
        if built.is_new
        else "nothing has changed, nothing was touched",
        f"{missing} missing, {left} left absolute: see {built.folder / COLOPHON}",
    ]
    damaged = [each for each in built.missing if each.why.value == "damaged"]
    lines += [f"damaged, left out: {each.uri}: {each.detail}" for each in damaged]
    return [*lines, f"begin at {built.folder / ENTRY}"]


def _as_json(built: Built) -> dict[str, Any]:
    from etolwatch.contract import instant_to_text
    from etolwatch.publish.mirror.plan import REPORT

    return {
        "folder": str(built.folder),
        "as_of": instant_to_text(built.as_of),
        "pages": built.pages,
        "requisites": built.requisites,
        "written": built.written,
        "kept": built.kept,
        "size_bytes": built.size_bytes,
        "changed": built.is_new,
        "missing": [
            {"uri": each.uri, "why": each.why.value, "requisite": each.is_requisite, "detail": each.detail}
            for each in built.missing
        ],
        "links_not_held": built.not_held,
        "report": str(built.folder / REPORT),
    }
