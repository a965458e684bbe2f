"""An apparatus as a plain list, one line a place in the classical form, and as JSON.

The form is negative: the witnesses that are not named have the lemma. ``om.``: omitted;
``add.``: added; ``transp.``: transposed; ¶ within a reading: a new paragraph.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from etolwatch.collate.apparatus import BREAK, Apparatus, Place, Reading, Rearrangement, Row
from etolwatch.collate.collation import WEIGHT
from etolwatch.model import Grade, Kind, Zone
from etolwatch.publish.phrase import clipped, moment, visible
from etolwatch.publish.tei import Source

LONGEST_LEMMA = 6  # words; a longer lemma is told by its first and last
LONGEST_COUNTED = 20_000  # characters of a block in which equal words are counted
LONGEST_READING = 600  # characters; JSON and TEI have the whole
EXPONENTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
HEADINGS = {
    Zone.TITLE: "Title",
    Zone.HEADER: "Header",
    Zone.CREDIT: "Credits",
    Zone.EPIGRAPH: "Epigraph",
    Zone.HEADING: "Headings",
    Zone.BODY: "Text",
    Zone.NOTE_HEAD: "Heading over the notes",
    Zone.NOTE: "Notes",
    Zone.INDEX: "List of works",
    Zone.UPDATED: "Date line",
    Zone.NAVIGATION: "Navigation",
}


def witness_list(sources: Sequence[Source]) -> str:
    """A line for each siglum: its address, when it was captured, the date that it states."""
    return "".join(f"{source.siglum}  {'   '.join(_known(source))}\n" for source in sources)


def _known(source: Source) -> Iterator[str]:
    yield visible(source.uri)
    if source.captured_at:
        yield f"captured {moment(source.captured_at)}"
    yield f"states {visible(source.stated)}" if source.stated else "states no date"


def plain_list(found: Apparatus, least: Grade = Grade.COSMETIC) -> str:
    """The places from the grade ``least`` up, zone by zone; joins and transpositions among them.

    Empty where the witnesses do not differ so much.
    """
    lines: list[tuple[int, Zone, str]] = []
    for place in found.places:
        if WEIGHT[place.grade] >= WEIGHT[least]:
            lines.append((place.row, found.rows[place.row].zone, _line(found, place)))
    for each in found.rearrangements:
        lines.append((each.rows[0], found.rows[each.rows[0]].zone, _rearranged(found, each)))
    order = list(HEADINGS)
    lines.sort(key=lambda line: (order.index(line[1]), line[0]))
    sections = [
        "\n".join((HEADINGS[zone], *(f"  {text}" for _, _, text in group)))
        for zone, group in itertools.groupby(lines, key=lambda line: line[1])
    ]
    return "\n\n".join(sections) + "\n" if sections else ""


def to_json(found: Apparatus, least: Grade = Grade.NONE) -> str:
    """`to_dict` as JSON text."""
    return json.dumps(to_dict(found, least), ensure_ascii=False, indent=1) + "\n"


def to_dict(found: Apparatus, least: Grade = Grade.NONE) -> dict[str, Any]:
    """The sigla, the rows, the places from the grade ``least`` up, and what is joined or transposed."""
    return {
        "normaliser": found.normaliser,
        "sigla": list(found.sigla),
        "rows": [_row(found, number) for number in range(len(found.rows))],
        "places": [_place(found, place) for place in found.places if WEIGHT[place.grade] >= WEIGHT[least]],
        "rearrangements": [
            {
                "kind": each.kind.value,
                "rows": list(each.rows),
                "sigla": list(each.sigla),
                "after": each.after,
            }
            for each in found.rearrangements
        ],
    }


def where(found: Apparatus, number: int) -> str:
    """A row as a reader finds it: “¶58”, “note 14”, “after ¶57”."""
    row = found.rows[number]
    if row.is_added:
        return "at the beginning" if row.after is None else f"after {where(found, row.after)}"
    if row.zone is Zone.NOTE:
        return f"note {visible(row.note or '').strip(' .[]()') or row.number}"
    if row.zone is Zone.BODY:
        return f"¶{row.number}"
    return f"{row.zone.value.replace('_', ' ')} {row.number}"


# ── lines ──


def _line(found: Apparatus, place: Place) -> str:
    readings = "; ".join(_reading(place, reading) for reading in place.readings)
    at = where(found, place.row)
    if place.whole:
        return f"{at} {readings}"
    if not place.lemma:
        word = place.before.split()[-1:]
        behind = f"(after {visible(word[0])})" if word else "(at the beginning)"
        return f"{at} {behind} {readings}"
    return f"{at} {_lemma(found.rows[place.row], place)}] {readings}"


def _lemma(row: Row, place: Place) -> str:
    """The lemma; a long one by its first and last word, one of several in its block with its number."""
    words = visible(place.lemma).split()
    text = " ".join(words) if len(words) <= LONGEST_LEMMA else f"{words[0]} … {words[-1]}"
    if len(row.text) > LONGEST_COUNTED or len(words) > LONGEST_LEMMA:
        return text
    again = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(place.lemma)}(?!\w)", row.text)]
    return text + (str(again.index(place.start) + 1).translate(EXPONENTS) if _is_one_of(place, again) else "")


def _is_one_of(place: Place, again: list[int]) -> bool:
    return len(again) > 1 and place.start in again


def _reading(place: Place, reading: Reading) -> str:
    sigla = " ".join(reading.sigla)
    if not reading.text:
        return f"om. {sigla}"
    text = clipped(visible(reading.text.replace(BREAK, " ¶ ")).strip(), LONGEST_READING)
    return f"{'' if place.lemma else 'add. '}{text} {sigla}"


def _rearranged(found: Apparatus, each: Rearrangement) -> str:
    sigla = " ".join(each.sigla)
    rows = [where(found, row) for row in each.rows]
    if each.kind is Kind.JOIN:
        return f"{rows[0]}–{rows[-1].removeprefix('¶')} one paragraph {sigla}"
    to = "at the beginning" if each.after is None else f"after {_after(found, each.after)}"
    return f"{rows[0]} transp. {to} {sigla}"


def _after(found: Apparatus, number: int) -> str:
    """A row as a landmark: one that the base lacks is what was added there."""
    at = where(found, number)
    return f"what is added {at}" if found.rows[number].is_added else at


# ── JSON ──


def _row(found: Apparatus, number: int) -> dict[str, Any]:
    row = found.rows[number]
    return {
        "where": where(found, number),
        "zone": row.zone.value,
        "block": row.number,
        "note": row.note,
        "text": row.text,
        "after": row.after,
    }


def _place(found: Apparatus, place: Place) -> dict[str, Any]:
    row = found.rows[place.row]
    return {
        "row": place.row,
        "zone": row.zone.value,
        "block": row.number,
        "note": row.note,
        "whole": place.whole,
        "start": place.start,
        "end": place.end,
        "lemma": place.lemma,
        "sigla": list(place.sigla),
        "before": place.before,
        "after": place.after,
        "readings": [
            {
                "sigla": list(reading.sigla),
                "reading": reading.text,
                "category": reading.category.value,
                "kind": reading.kind.value,
                "grade": reading.grade.value,
                "flags": list(reading.flags),
                "why": reading.why,
            }
            for reading in place.readings
        ],
    }
