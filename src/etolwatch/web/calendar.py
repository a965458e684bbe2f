"""The calendar of a page's captures, and the pages whose addresses begin alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from flask import Blueprint, Response, abort, make_response, redirect, render_template

from etolwatch.archive.moments import Line, Mark, Moment
from etolwatch.model import Verdict
from etolwatch.publish.order import WORDS_CHANGED
from etolwatch.publish.phrase import MONTHS
from etolwatch.web.addresses import asked_uri, in_path
from etolwatch.web.library import library
from etolwatch.web.mementos import line_of, memento_path, refuse_embedding, target
from etolwatch.web.replay import not_held

blueprint = Blueprint("calendar", __name__)

WHOLE = 500  # captures that are shown at once; of more, one year
LISTED = 1_000  # addresses


@dataclass(frozen=True, slots=True)
class Entry:
    """One capture in the calendar."""

    moment: Moment
    path: str
    finding_path: str  # "" where there is no finding, or none that says more than the mark
    marks: tuple[str, ...]  # in words, the first a `Mark`
    is_edit: bool


@dataclass(frozen=True, slots=True)
class Month:
    name: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Year:
    number: int
    captures: int
    months: tuple[Month, ...]  # empty where the year is shown on a page of its own


@blueprint.get("/web/*/<path:_>", merge_slashes=False)
def calendar(_: str) -> Response:
    """All captures of a page by year and month; with * at the address's end, the pages that begin so."""
    refuse_embedding()
    sent = target()
    if sent.endswith(("*", "%2A", "%2a")):
        return _pages(sent[: -1 if sent.endswith("*") else -3])
    line = _line()
    if not line:
        return not_held(line.uri)
    years = sorted({moment.at.year for moment in line.moments}, reverse=True)
    return _calendar(line, years if len(line.moments) <= WHOLE else years[:1])


@blueprint.get("/web/<int(fixed_digits=4):year>*/<path:_>", merge_slashes=False)
def of_year(year: int, _: str) -> Response:
    """The captures of one year."""
    line = _line()
    if not line:
        return not_held(line.uri)
    if year not in {moment.at.year for moment in line.moments}:
        return make_response(redirect(f"/web/*/{in_path(line.uri)}", 302))
    return _calendar(line, [year])


def _line() -> Line:
    uri = asked_uri(target(), 2)
    if uri is None:
        abort(400, "What stands there is no address of a page on the web.")
    return line_of(uri)


def _calendar(line: Line, shown: list[int]) -> Response:
    latest_first = [
        _year(line, number, tuple(moments), is_shown=number in shown)
        for number, moments in groupby(line.moments, key=lambda moment: moment.at.astimezone(UTC).year)
    ][::-1]
    page = render_template(
        "replay/calendar.html",
        uri=line.uri,
        line=line,
        years=latest_first,
        texts=_differing(line),
        is_whole=all(year.months for year in latest_first),
    )
    return make_response(page)


def _differing(line: Line) -> int:
    """How many texts differ from the one before: the first from none, other bytes not always."""
    texts = [moment for moment in line.moments if moment.mark is Mark.TEXT]
    return sum(_sign(moment) is Mark.TEXT for moment in texts[1:])


def _sign(moment: Moment) -> Mark:
    """What a capture is to a reader: other bytes with the text of before are no new text."""
    return Mark.UNCHANGED if moment.verdict is Verdict.NO_TEXTUAL_CHANGE else moment.mark


def _year(line: Line, number: int, moments: tuple[Moment, ...], *, is_shown: bool) -> Year:
    if not is_shown:
        return Year(number, len(moments), ())
    months = tuple(
        Month(MONTHS[month - 1], tuple(_entry(line, moment) for moment in found))
        for month, found in groupby(moments, key=lambda moment: moment.at.astimezone(UTC).month)
    )
    return Year(number, len(moments), months)


def _entry(line: Line, moment: Moment) -> Entry:
    digits = line.digits(moment)
    has_finding = moment.verdict is not None and len(digits) == 14
    return Entry(
        moment,
        memento_path(line, moment),
        f"/finding/{digits}/{in_path(line.uri)}" if has_finding else "",
        (_sign(moment).value, *(["imported"] if moment.origin else [])),
        moment.verdict in WORDS_CHANGED,
    )


# ── pages that begin alike ───────────────────────────────────────────────────────────


def _pages(sent: str) -> Response:
    beginning = asked_uri(sent, 2)
    if beginning is None:
        abort(400, "What stands there is no beginning of an address.")
    found = library().store().catalog.addresses(beginning, pages=True)
    if not found:  # a prefix is asked for as pages are: without “www.”, or with the other scheme
        found = [
            item
            for other in _others(beginning)
            for item in library().store().catalog.addresses(other, pages=True)
        ]
    page = render_template(
        "replay/addresses.html", beginning=beginning, listed=_listed(found), count=len(found), most=LISTED
    )
    return make_response(page, 200 if found else 404)


def _others(beginning: str) -> Iterable[str]:
    scheme, _, rest = beginning.partition("://")
    bare = rest.removeprefix("www.")
    every = (f"{one}://{www}{bare}" for one in ("https", "http") for www in ("", "www."))
    return [other for other in every if other != f"{scheme}://{rest}"]


def _listed(found: list[tuple[str, int]]) -> list[tuple[str, str, int]]:
    return [(uri, f"/web/*/{in_path(uri)}", captures) for uri, captures in found[:LISTED]]


@blueprint.app_template_filter("clock")
def clock(at: datetime) -> str:
    """The time of day in UTC, to the second."""
    return f"{at.astimezone(UTC):%H:%M:%S}"
