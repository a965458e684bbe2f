"""Commands that look for words in all versions: search, quote."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from etolwatch.commands.frame import (
    TROUBLE,
    Settings,
    as_text_or_json,
    command,
    opened,
    print_json,
    wants_color,
)
from etolwatch.errors import NoSuchCapture, UsageError

if TYPE_CHECKING:
    from etolwatch.archive.catalog import Catalog
    from etolwatch.archive.passages import Passages
    from etolwatch.collate.quotation import Answer, Quotation

FOUND, NOTHING = 0, 1  # as grep(1)
LIKELY = 5  # pages that are looked through for what is likest to a quotation

log = logging.getLogger("etolwatch")


@command("search")
@click.argument("phrase")
@click.option("--added", is_flag=True, help="Only where a change of the page brought the phrase.")
@click.option("--removed", is_flag=True, help="Only where a change of the page took the phrase away.")
@click.option("--site", "site_name", metavar="NAME", help="Only pages of this site.")
@click.option(
    "--since", "since_text", metavar="TIME", help="Only where it came or went since then: a date, an instant."
)
@as_text_or_json
def search(
    settings: Settings,
    phrase: str,
    added: bool,
    removed: bool,
    site_name: str | None,
    since_text: str | None,
    form: str,
) -> int:
    """Find a phrase in all versions of all pages.

    Where it stands now or stood last, when it came, when it went. The words of PHRASE stand in
    a row; case, accents, quotes, dashes and other marks do not matter. Whether the phrase came
    or went is told of the page as a whole: that other words of a paragraph changed, or that
    the paragraph was moved, is neither.
    The exit status is that of grep(1): 0 found, 1 nothing found, 2 trouble.

    \b
    Examples:
      etolwatch search "export of revolution"
      etolwatch search "export of revolution" --removed --since 2026-11-01
    """
    settings.trouble = TROUBLE
    from etolwatch import when
    from etolwatch.collate.phrases import words_of
    from etolwatch.collate.search import Wanted
    from etolwatch.collate.search import search as searched
    from etolwatch.publish.passages import search_text, search_to_dict

    if added and removed:
        raise click.UsageError("Give --added or --removed, not both.")
    words = words_of(phrase)
    if not words:
        raise UsageError("nothing to search for", phrase, "there is no word in it")
    wanted = Wanted(added, removed, when.since(since_text) if since_text else None)
    with opened(settings) as (config, store):
        site = config.site(site_name).name if site_name else None
        _tell_what_is_missing(store.catalog)
        found = list(searched(store.catalog.passages.with_phrase(words, site), words, wanted))
    if form == "json":
        print_json(search_to_dict(phrase, found))
    else:
        click.echo(search_text(phrase, found, wants_color()), nl=False)
    return FOUND if found else NOTHING


@command("quote")
@click.argument("passage")
@click.argument("uri", required=False)
@as_text_or_json
def quote(settings: Settings, passage: str, uri: str | None, form: str) -> int:
    """Tell whether a quotation still stands word for word.

    In which versions it did, and what is read there now. White space, the shape of quotes
    and dashes, soft hyphens and note marks do not matter, and are named; words, numbers, capitals
    and other marks do. An ellipsis (…, ... or [...]) means that anything may stand between. With URI,
    only that page is looked at.
    The exit status is 0 if it stands as quoted, 1 if it differs now or is nowhere, 2 for trouble.

    \b
    Example:
      etolwatch quote "They did not […] agree to it." 1958/08/export.htm
    """
    settings.trouble = TROUBLE
    from etolwatch.collate.quotation import quotation
    from etolwatch.publish.passages import quote_text, quote_to_dict

    quoted = quotation(passage)
    if not quoted.parts:
        raise UsageError("nothing to look for", passage, "there is no word in it")
    with opened(settings) as (_, store):
        _tell_what_is_missing(store.catalog)
        page = store.catalog.resolve_text(uri) if uri else None
        texts = store.catalog.passages
        answers = [_on_page(texts, quoted, page)] if page else _anywhere(texts, quoted)
    if form == "json":
        print_json(quote_to_dict(quoted, answers))
    else:
        click.echo(quote_text(answers, wants_color()), nl=False)
    return FOUND if any(answer.stands for answer in answers) else NOTHING


def _on_page(texts: Passages, quoted: Quotation, uri: str) -> Answer:
    from etolwatch.collate.quotation import check

    page = texts.page(uri)
    if page is None:
        raise NoSuchCapture("no text is held", uri, "it never answered with one that can be read")
    return check(page, quoted)


def _anywhere(texts: Passages, quoted: Quotation) -> list[Answer]:
    """Where it stands first, then where it stood; if nowhere, the page with what is likest to it."""
    from etolwatch.collate.quotation import check

    stood = [
        answer
        for uri in texts.with_all(quoted.words)
        if (page := texts.page(uri)) and (answer := check(page, quoted)).stood
    ]
    if stood:
        return sorted(stood, key=lambda answer: not answer.stands)
    likely = (_on_page(texts, quoted, uri) for uri in texts.with_most(quoted.words, LIKELY))
    alike = [(answer.now.score, answer) for answer in likely if answer.now]
    return [max(alike, key=lambda pair: pair[0])[1]] if alike else []


def _tell_what_is_missing(catalog: Catalog) -> None:
    missing = len(catalog.unread())
    if missing:
        log.warning("not searched: %d versions; the next “etolwatch check” reads them", missing)
