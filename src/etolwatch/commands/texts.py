"""Commands of textual criticism: collate, blame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from etolwatch.commands.frame import (
    DIFFERING,
    DONE,
    SAME,
    TROUBLE,
    Settings,
    as_text_or_json,
    command,
    opened,
    print_json,
)

if TYPE_CHECKING:
    from etolwatch.collate.apparatus import Apparatus
    from etolwatch.witnesses import Named


@command("collate")
@click.argument("names", metavar="WITNESS...", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(("list", "json", "tei", "tei-location")),
    default="list",
    show_default=True,
    help="A list of readings; JSON; TEI P5, parallel-segmented or location-referenced.",
)
@click.option(
    "--words", "words_only", is_flag=True, help="Leave out what is cosmetic: marks, capitals, typography."
)
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write it there."
)
def collate(
    settings: Settings, names: tuple[str, ...], form: str, words_only: bool, output: Path | None
) -> int:
    """Set witnesses of a text side by side, without a verdict.

    A WITNESS is a page, as in “show” (URI or URI@TIME), or a file. Two copies of one work at
    different addresses, or more; one page alone means all of its versions. The first named is
    the base: each place stands as “lemma] reading SIGLA”.
    The exit status is that of diff(1): 0 the same, 1 differing, 2 trouble.

    \b
    Examples:
      etolwatch collate pearce/1958/08/export.htm writers/pearce/1958/08/export.htm
      etolwatch collate 1958/08/export.htm --format tei --output export.xml
    """
    settings.trouble = TROUBLE
    from etolwatch.collate.apparatus import apparatus, sigla
    from etolwatch.witnesses import named

    witnesses = named(names, settings.config)
    found = apparatus(list(zip(sigla(len(witnesses)), (each.witness for each in witnesses), strict=True)))
    body = _rendered(found, witnesses, form, words_only)
    if output is not None:
        output.write_bytes(body)
        click.echo(f"Wrote {output}", err=True)
    else:
        click.echo(body, nl=False)
    return DIFFERING if found.places or found.rearrangements else SAME


def _rendered(found: Apparatus, witnesses: list[Named], form: str, words_only: bool) -> bytes:
    from etolwatch.model import Grade
    from etolwatch.publish.apparatus import plain_list, to_json, witness_list
    from etolwatch.publish.tei import Method, Source, tei

    least = Grade.WORDS if words_only else Grade.COSMETIC
    sources = [
        Source(
            siglum,
            each.uri,
            each.captured_at,
            each.digest,
            each.witness.stated.raw if each.witness.stated else None,
        )
        for siglum, each in zip(found.sigla, witnesses, strict=True)
    ]
    if form == "json":
        return to_json(found, least).encode()
    if form == "list":
        return (witness_list(sources) + "\n" + plain_list(found, least)).encode()
    method = Method.PARALLEL if form == "tei" else Method.LOCATION
    return tei(found, sources, f"Collation of {witnesses[0].uri}", method, least)


@command("blame")
@click.argument("uri")
@as_text_or_json
def blame(settings: Settings, uri: str, form: str) -> int:
    """Show since when each paragraph of a page stands so.

    For each paragraph of the last version: the capture in which it was first seen in this
    form, and what last changed it.

    \b
    Example:
      etolwatch blame 1958/08/export.htm
    """
    from etolwatch.collate.blame import Version
    from etolwatch.collate.blame import blame as blamed
    from etolwatch.publish.blame import blame_text, blame_to_dict
    from etolwatch.witnesses import versions

    with opened(settings) as (config, store):
        told = versions(config, store, store.catalog.resolve_text(uri))
    of_page = [Version(each.captured_at, each.witness) for each in told]
    found = blamed(of_page)
    if form == "json":
        print_json(blame_to_dict(of_page, found))
    else:
        click.echo(blame_text(of_page, found), nl=False)
    return DONE
