"""What `search` and `quote` print: where words stand, since when, until when, and what stands instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import click

from etolwatch.collate.quotation import Answer, Difference, Likeness, Quotation
from etolwatch.collate.search import Found, Place
from etolwatch.collate.standing import PageText, Passage, Period
from etolwatch.contract import instant_to_text
from etolwatch.model import Zone
from etolwatch.publish.phrase import between, clipped, day, marked, moment, number, visible

AROUND = 80  # characters on each side of a phrase
PLACES_SHOWN = 6  # of one page
PAGES_SHOWN = 12  # of one quotation
READING_SHOWN = 600  # characters of what stands instead of a quotation
NOUNS = {Zone.BODY: "paragraph", Zone.INDEX: "entry", Zone.EPIGRAPH: "paragraph"}


# ── search ───────────────────────────────────────────────────────────────────────────


def search_text(phrase: str, found: Sequence[Found], color: bool = False) -> str:
    """Each page with the phrase: its places, the phrase marked «so», and since when, until when."""
    if not found:
        return f"Nothing found for “{visible(phrase)}”.\n"
    lines = [line for each in found for line in (*_found_lines(each, color), "")]
    standing = sum(each.stands for each in found)
    lines.append(f"On {number(len(found), 'page')}; stands now on {standing:,}.")
    return "".join(f"{line}\n" for line in lines)


def search_to_dict(phrase: str, found: Sequence[Found]) -> dict[str, Any]:
    """The same as an object that `json` can write."""
    return {
        "phrase": phrase,
        "pages": [
            {
                **_page_to_dict(each.page),
                "stands": each.stands,
                "changed_after": instant_to_text(each.change.after) if each.change else None,
                "changed_until": instant_to_text(each.change.at) if each.change else None,
                "periods": [_period_to_dict(period) for period in each.periods],
                "places": [
                    {
                        "zone": place.passage.zone.value,
                        "block": place.passage.number,
                        "text": place.passage.text,
                        "spans": [list(span) for span in place.spans],
                    }
                    for place in each.places
                ],
            }
            for each in found
        ],
    }


def _found_lines(found: Found, color: bool) -> Iterator[str]:
    yield _ink(visible(found.page.uri), color, bold=True)
    for place in found.places[:PLACES_SHOWN]:
        yield f"    {where(place.passage)}: {_marked(place, color)}"
    more = len(found.places) - PLACES_SHOWN
    if more > 0:
        yield f"    … and {number(more, 'more place', 'more places')}"
    if found.change is not None:
        yield f"    changed {_gap(found.change.after, found.change.at)}"
    for period in found.periods:
        yield f"    {_period(period, found.page)}"


def _marked(place: Place, color: bool) -> str:
    """The phrase with what stands around its first place, each place of it marked."""
    text = place.passage.text
    start, end = place.spans[0]
    low, high = max(0, start - AROUND), min(len(text), end + AROUND)
    low = text.find(" ", low, start) + 1 or low if low else 0
    high = high if high == len(text) else max(text.rfind(" ", end, high), end)
    out, at = "… " if low else "", low
    for first, last in place.spans:
        if last <= high:
            out += visible(text[at:first]) + _ink(f"«{visible(text[first:last])}»", color, fg="green")
            at = last
    return out + visible(text[at:high]) + (" …" if high < len(text) else "")


def _period(period: Period, page: PageText) -> str:
    came = f"since the first version held, {day(period.first.at)}"
    if period.came_after:
        came = f"came {between(period.came_after, period.first.at)}"
    if period.until is None:
        return f"{came}; {_absent(page)}" if page.absent else f"{came}; stands now"
    return f"{came}; went {_gap(period.last_seen_at, period.until.at)}"


def _absent(page: PageText) -> str:
    since = f" since {day(page.absent_at)}" if page.absent_at else ""
    return f"the page is {page.absent}{since}"


def _gap(after: datetime | None, until: datetime) -> str:
    return between(after, until) if after else f"before {day(until)}"


# ── quote ────────────────────────────────────────────────────────────────────────────


def quote_text(answers: Sequence[Answer], color: bool = False) -> str:
    """The answer in words: where and since when it stands or until when it stood, what is read instead."""
    if not answers:
        return "Stands on no page word for word, and nothing like it does.\n"
    paragraphs = ["\n".join(_answer_lines(each, color)) for each in answers[:PAGES_SHOWN]]
    if len(answers) > PAGES_SHOWN:
        paragraphs.append(f"… and on {number(len(answers) - PAGES_SHOWN, 'more page', 'more pages')}")
    return "\n\n".join(paragraphs) + "\n"


def quote_to_dict(quoted: Quotation, answers: Sequence[Answer]) -> dict[str, Any]:
    """The same as an object that `json` can write."""
    return {
        "parts": list(quoted.parts),
        "stands": any(each.stands for each in answers),
        "pages": [
            {
                **_page_to_dict(each.page),
                "stands": each.stands,
                "periods": [_period_to_dict(period) for period in each.stood],
                "place": _places_to_dict(each.place.first, each.place.last) if each.place else None,
                "lesser_differences": list(each.place.lesser) if each.place else [],
                "now": _likeness_to_dict(each.now),
                "before": _likeness_to_dict(each.before),
            }
            for each in answers
        ],
    }


def _answer_lines(found: Answer, color: bool) -> Iterator[str]:
    if found.place is None:
        yield from _never(found, color)
        return
    period = found.stood[-1]
    at = f"{visible(found.page.uri)}, {_span(found.place.first, found.place.last)}"
    if period.until is not None:
        yield f"Stood word for word in {at}, {_until(period)}:"
        yield from _reads(found.now, color)
    elif found.page.absent:
        yield f"Stood word for word in {at}, in the last version held; {_absent(found.page)}."
    elif period.came_after is None:
        yield f"Stands word for word in {at}, in every version since {day(period.first.at)}."
    else:
        yield f"Stands word for word in {at}, {_since(period)}; before that:"
        yield from _reads(found.before, color)
    if found.place.lesser:
        yield f"Differences that do not matter: {', '.join(found.place.lesser)}."
    for earlier in found.stood[:-1]:
        yield f"Stood there earlier: {_period(earlier, found.page)}."


def _never(found: Answer, color: bool) -> Iterator[str]:
    yield f"Stands word for word in no version of {visible(found.page.uri)}."
    if found.now is None:
        yield "Nothing like it stands there."
        return
    yield f"What is likest to it, {_span(found.now.first, found.now.last)}:"
    yield from _reads(found.now, color)


def _since(period: Period) -> str:
    if period.came_after is None:
        return f"since {day(period.first.at)}"
    return f"since it came {between(period.came_after, period.first.at)}"


def _until(period: Period) -> str:
    """“until 8 November 2026; since 9 November 2026”: when it was last seen, and when no longer."""
    if period.until is None or period.last_seen_at is None:
        return "until now"
    last, then = period.last_seen_at, period.until.at
    say = moment if last.date() == then.date() else day
    return f"until {say(last)}; since {say(then)} it reads"


def _reads(likeness: Likeness | None, color: bool) -> Iterator[str]:
    if likeness is None:
        yield "    nothing like it"
        return
    yield f"    “{clipped(visible(likeness.reads), READING_SHOWN)}”"
    if not likeness.differences:
        yield "    the same words, in another order or beside others"
    for difference in likeness.differences:
        yield f"    {_difference(difference, color)}"


def _difference(found: Difference, color: bool) -> str:
    was = _ink(marked("[-", visible(found.quoted), "-]"), color, fg="red") if found.quoted else ""
    now = _ink(marked("{+", visible(found.reads), "+}"), color, fg="green") if found.reads else ""
    before = f"… {visible(found.before)}" if found.before else ""
    line = f"{before}{was}{now}{visible(found.after)}"
    return f"{line} …      {found.category.replace('_', ' ')}: {visible(found.why)}"


# ── what both need ───────────────────────────────────────────────────────────────────


def where(passage: Passage) -> str:
    """Where a passage stands: “body, paragraph 12”, “note 3”, “title”."""
    if passage.zone is Zone.TITLE and passage.number == 1:
        return "title"
    if passage.zone is Zone.NOTE:
        return f"note {passage.number}"
    noun = NOUNS.get(passage.zone, "line")
    return f"{passage.zone.value.replace('_', ' ')}, {noun} {passage.number}"


def _span(first: Passage, last: Passage) -> str:
    if (first.zone, first.number) == (last.zone, last.number):
        return where(first)
    if first.zone is last.zone is Zone.BODY:
        return f"body, paragraphs {first.number} to {last.number}"
    return f"{where(first)}, to {where(last)}"


def _places_to_dict(first: Passage, last: Passage) -> dict[str, Any]:
    return {
        "first": {"zone": first.zone.value, "block": first.number},
        "last": {"zone": last.zone.value, "block": last.number},
    }


def _page_to_dict(page: PageText) -> dict[str, Any]:
    return {
        "uri": page.uri,
        "site": page.site,
        "absent": page.absent or None,
        "absent_at": instant_to_text(page.absent_at),
    }


def _period_to_dict(period: Period) -> dict[str, Any]:
    return {
        "came_after": instant_to_text(period.came_after),
        "came_until": instant_to_text(period.first.at),
        "last_seen_at": instant_to_text(period.last_seen_at),
        "gone_at": instant_to_text(period.until.at) if period.until else None,
    }


def _likeness_to_dict(likeness: Likeness | None) -> dict[str, Any] | None:
    if likeness is None:
        return None
    return {
        **_places_to_dict(likeness.first, likeness.last),
        "reads": likeness.reads,
        "likeness": round(likeness.score, 3),
        "differences": [
            {
                "quoted": each.quoted,
                "reads": each.reads,
                "before": each.before,
                "after": each.after,
                "category": each.category,
                "why": each.why,
            }
            for each in likeness.differences
        ],
    }


def _ink(text: str, color: bool, fg: str | None = None, bold: bool | None = None) -> str:
    return click.style(text, fg=fg, bold=bold) if color else text
