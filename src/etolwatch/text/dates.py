"""The date that a page states of itself, in the forms that were counted on the site.

Nothing is guessed: a misspelt month, a day that no month has, a year of five digits give
no reading, and the literal string stands for itself.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from etolwatch.model import StatedDate

MONTHS = {
    name: number
    for number in range(1, 13)
    for name in (calendar.month_name[number].lower(), calendar.month_abbr[number].lower())
} | {"sept": 9}
MONTH = "(" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\.?"
PHRASE = re.compile(
    r"\b(?:(?:la?s?t\s+)?(?:up-?dated?|upadted|updaed|modified|revised|changed)|last\s+update)\b"
    r"\s*(?:on|at)?(?=[\s:\d]|$)\s*:?\s*",
    re.I,
)
DAY = r"(\d{1,2})(?:st|nd|rd|th|\.)?"
YEAR = r"(\d{4})(?!\d)"
FORMS = tuple(
    (kind, re.compile(pattern, re.I))
    for kind, pattern in (
        ("ymd", rf"(?<!\d){YEAR}[-/.](\d{{1,2}})[-/.](\d{{1,2}})(?!\d)"),
        ("dMy", rf"(?<!\d){DAY}\s+(?:of\s+)?{MONTH},?\s+{YEAR}"),
        ("Mdy", rf"\b{MONTH}\s+{DAY},?\s+{YEAR}"),
        ("numeric", rf"(?<!\d)(\d{{1,2}})\s?[./-]\s?(\d{{1,2}})\s?[./-]\s?{YEAR}"),
        ("My", rf"(?<![\d\w])(?<!\d\s){MONTH},?\s+{YEAR}"),
        ("placeholder", rf"(?<!\w)[xX?]{{1,2}}[./-][xX?]{{1,2}}[./-]{YEAR}"),
        ("y", rf"^\s*{YEAR}\s*$"),
    )
)
NUMERIC = dict(FORMS)["numeric"]
# Before the Web there was no page to update; later years than these are slips of typing.
FIRST_YEAR, LAST_YEAR = 1990, 2199

Readings = tuple[tuple[date, date], ...]


def is_date_line(text: str) -> bool:
    """Whether a block's whole text is such a line: the phrase and a date, or a bare date."""
    if len(text) > 160:
        return False
    phrase = PHRASE.search(text)
    if phrase:
        return phrase.start() == 0 or len(text) < 80
    return is_bare_date(text)


def is_bare_date(text: str) -> bool:
    """Whether a text is a date to the day and nothing else."""
    return any(form.fullmatch(text.strip(" .")) for kind, form in FORMS if kind not in ("y", "My"))


def stated(text: str, *, stamped: bool = False) -> StatedDate:
    """The date of a date line, read or kept literally."""
    for kind, form in FORMS:
        found = form.search(_without_phrase(text) if kind == "y" else text)
        if found:
            readings = _readings(kind, found.groups())
            iso = _iso(kind, readings)
            return StatedDate(found.group(0).strip(), iso, readings, stamped)
    return StatedDate(_without_phrase(text), None, (), stamped)


def _without_phrase(text: str) -> str:
    return PHRASE.split(text)[-1].strip(" .:")


def _readings(kind: str, parts: tuple[str, ...]) -> Readings:
    match kind:
        case "ymd":
            candidates = [_day(parts[0], int(parts[1]), parts[2])]
        case "dMy":
            candidates = [_day(parts[2], MONTHS[parts[1].lower()], parts[0])]
        case "Mdy":
            candidates = [_day(parts[2], MONTHS[parts[0].lower()], parts[1])]
        case "numeric":  # day first on 97 pages of 100 that can be told
            candidates = [_day(parts[2], int(parts[1]), parts[0]), _day(parts[2], int(parts[0]), parts[1])]
        case "My":
            candidates = [_month(parts[1], MONTHS[parts[0].lower()])]
        case _:
            candidates = [_year(parts[0])]
    return tuple(dict.fromkeys(reading for reading in candidates if reading))


def _day(year: str, month: int, day: str) -> tuple[date, date] | None:
    try:
        only = date(int(year), month, int(day))
    except ValueError:
        return None
    return (only, only) if FIRST_YEAR <= only.year <= LAST_YEAR else None


def _month(year: str, month: int) -> tuple[date, date] | None:
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        return None
    return date(int(year), month, 1), date(int(year), month, calendar.monthrange(int(year), month)[1])


def _year(year: str) -> tuple[date, date] | None:
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        return None
    return date(int(year), 1, 1), date(int(year), 12, 31)


def _iso(kind: str, readings: Readings) -> str | None:
    if not readings:
        return None
    length = {"My": 7, "placeholder": 4, "y": 4}.get(kind, 10)
    return readings[0][0].isoformat()[:length]


# ── day or month first ───────────────────────────────────────────────────────────────


def order_of(dates: Iterable[StatedDate | None]) -> str | None:
    """ "day" or "month" first, where the dates of a page's captures show which; else None.

    A page is kept by few hands: one 25.7.2009 tells how its 8.7.2009 is meant.
    """
    shown = {order for stated_date in dates if stated_date and (order := _order(stated_date))}
    return shown.pop() if len(shown) == 1 else None


def _order(stated_date: StatedDate) -> str | None:
    found = NUMERIC.fullmatch(stated_date.raw)
    if found is None or len(stated_date.readings) != 1 or found.group(1) == found.group(2):
        return None
    return "day" if stated_date.readings[0][0].month == int(found.group(2)) else "month"


def settled(stated_date: StatedDate | None, order: str | None) -> StatedDate | None:
    """The date with the one reading that an order leaves; as it is where none is known."""
    if stated_date is None or order is None or not stated_date.is_ambiguous:
        return stated_date
    reading = stated_date.readings[0 if order == "day" else 1]
    return replace(stated_date, readings=(reading,), iso=reading[0].isoformat())
