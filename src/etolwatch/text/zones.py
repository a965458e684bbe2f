"""Which part of the page a block is: by class name where there is one, else by place and shape."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from etolwatch.model import Zone
from etolwatch.text.blocks import RawBlock
from etolwatch.text.dates import is_bare_date, is_date_line
from etolwatch.text.marks import without_false_marks
from etolwatch.text.profiles import Profile

HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
LONG = 160  # characters; a paragraph of the header is rarely longer
SENTENCE = 40
SENTENCE_END = re.compile(r"[.?!…:;][\"'”’)\]]*$")
SOURCE = re.compile(
    r"\W*(?:from|source|first published|published|publisher|written|delivered|originally|reprinted|speech|"
    r"translated|by)\b",
    re.I,
)
DATE_LINE_REACH = 8  # the date line stands among the last blocks, never in the text
NAVIGATION_REACH = 4
NUMBERED_NOTE = re.compile(r"\s*[\[(]?\d{1,3}[a-z]?\*?[\])]?\.?[\s\])]")
FENCE = re.compile(r"\s*(?:\*\s*){1,5}")
LEAST_ENTRIES, LIST = 5, 3
MOST_LINES = 1_000


@dataclass(frozen=True, slots=True)
class Zoned:
    zone: Zone
    block: RawBlock


def zoned(blocks: Sequence[RawBlock], profile: Profile) -> tuple[list[Zoned], bool]:
    """Each block with its zone, in order, and whether the page lists works.

    Blocks of the header and of a list of works are cut at their line breaks, since source
    and credit, or several works, share a paragraph; nothing else is added or left out.
    """
    blocks = without_false_marks(blocks)
    zones: list[Zone | None] = [_by_name(block, profile) for block in blocks]
    date_line = _date_line(blocks, zones)
    for place, zone in enumerate(zones):
        if zone is Zone.UPDATED and place != date_line and not is_date_line(blocks[place].text):
            zones[place] = None
    if date_line is not None:
        zones[date_line] = Zone.UPDATED
    _navigation(blocks, zones, profile)
    is_index = _is_index(blocks, zones)
    start = _start_of_body(blocks, zones, profile)
    _header(blocks, zones, start, profile)
    _notes(blocks, zones, start, profile)
    for place, block in enumerate(blocks):
        if zones[place] is None or (zones[place] is Zone.EPIGRAPH and place > start):
            zones[place] = _by_shape(block, is_index=is_index)
        elif zones[place] is Zone.INDEX and not is_index:
            zones[place] = Zone.BODY
    return _cut_lines(
        [Zoned(zone or Zone.BODY, block) for zone, block in zip(zones, blocks, strict=True)], profile
    ), is_index


def _by_name(block: RawBlock, profile: Profile) -> Zone | None:
    if block.tag == "title" or "title" in block.tags:
        return Zone.HEADER
    for name in block.classes:
        zone = profile.classes.get(name.lower())
        if zone is Zone.NAVIGATION and not block.links and _is_prose(block):
            continue  # words that lead nowhere are no furniture, whatever their class
        if zone is not None:
            return zone
    if "h1" in block.tags:
        return Zone.TITLE
    return None


def _date_line(blocks: Sequence[RawBlock], zones: Sequence[Zone | None]) -> int | None:
    """The place of the date line: the last one that looks like it near the end of the page."""
    reach = range(len(blocks) - 1, max(-1, len(blocks) - 1 - DATE_LINE_REACH), -1)
    last = [place for place in reach if "title" not in blocks[place].tags]
    dated = [place for place in last if any(character.isdigit() for character in blocks[place].text)]
    for place in dated:
        if zones[place] is Zone.UPDATED and is_date_line(blocks[place].text):
            return place
    for place in dated:
        if is_date_line(blocks[place].text) or _is_stamp(blocks[place]):
            return place
    named = (place for place in last if zones[place] is Zone.UPDATED)
    return next(named, next((place for place in last if _ends_in_date(blocks[place])), None))


def _ends_in_date(block: RawBlock) -> bool:
    """Whether a bare date stands behind the links of a line of links."""
    end = max((end for _, end, _ in block.links), default=0)
    return end > 0 and is_bare_date(block.text[end:].strip(" |>-–—\t"))


def _is_stamp(block: RawBlock) -> bool:
    return block.stamped and len(block.text) < LONG and any(character.isdigit() for character in block.text)


def _navigation(blocks: Sequence[RawBlock], zones: list[Zone | None], profile: Profile) -> None:
    edge = {*range(NAVIGATION_REACH), *range(len(blocks) - NAVIGATION_REACH - 2, len(blocks))}
    for place, block in enumerate(blocks):
        if zones[place] is not None:
            continue
        furniture = bool(block.links) and profile.furniture.fullmatch(block.text) is not None
        breadcrumb = place in edge and ("nav" in block.tags or _is_breadcrumb(block))
        breadcrumb = breadcrumb and not _is_in_list(blocks, place)
        if furniture or breadcrumb:
            zones[place] = Zone.NAVIGATION


def _is_in_list(blocks: Sequence[RawBlock], place: int) -> bool:
    """Whether it is one of three or more links that stand one below the other: a list of contents."""
    row = {n for n, block in enumerate(blocks) if abs(n - place) < LIST and _leads_to_one_page(block)}
    return any({n, n + 1, n + 2} <= row for n in range(place - 2, place + 1))


def _leads_to_one_page(block: RawBlock) -> bool:
    return len(block.links) == 1 and not block.links[0][2].startswith("#") and _linked(block) > 0.4


def _is_breadcrumb(block: RawBlock) -> bool:
    """A line of links with little but separators between them, or the class that says so."""
    if "title" in block.classes and (block.links or ":" in block.text):
        return True
    if block.tag in HEADINGS or len(block.text) > 2 * LONG:
        return False
    separators = sum(block.text.count(sign) for sign in (">", "|", "»"))
    return (
        bool(block.links)
        and (_linked(block) > 0.8 or separators >= len(block.links))
        and _linked(block) > 0.4
    )


def _linked(block: RawBlock) -> float:
    """The part of a block's letters and digits that is link text."""
    letters = sum(character.isalnum() for character in block.text)
    inside = sum(sum(c.isalnum() for c in block.text[start:end]) for start, end, _ in block.links)
    return inside / letters if letters else 0.0


def _is_index(blocks: Sequence[RawBlock], zones: Sequence[Zone | None]) -> bool:
    free = [place for place, zone in enumerate(zones) if zone in (None, Zone.INDEX)]
    entries = [place for place in free if _is_entry(blocks[place])]
    words = sum(len(blocks[place].text) for place in free)
    listed = sum(len(blocks[place].text) for place in entries)
    return len(entries) >= LEAST_ENTRIES and 2 * listed > words


def _is_entry(block: RawBlock) -> bool:
    leads_away = [link for link in block.links if not link[2].startswith("#")]
    return bool(leads_away) and _linked(block) > 0.4


def _start_of_body(blocks: Sequence[RawBlock], zones: Sequence[Zone | None], profile: Profile) -> int:
    """The place of the first block of the text itself."""
    title = next((place for place, zone in enumerate(zones) if zone is Zone.TITLE), -1)
    fences = [place for place, block in enumerate(blocks) if block.after_rule in profile.end_of_info]
    fence = fences[0] if fences else len(blocks)
    for place, block in enumerate(blocks):
        if zones[place] is Zone.EPIGRAPH:
            continue
        if zones[place] in (Zone.BODY, Zone.INDEX) or place >= fence:
            return place
        if zones[place] is None and place > title and _is_prose(block) and not _is_info(block, profile):
            return place
    return len(blocks)


def _is_prose(block: RawBlock) -> bool:
    """Whether it reads as a paragraph of the text: long, or a sentence that names no source."""
    if block.tag in HEADINGS:
        return False
    sentence = len(block.text) >= SENTENCE and SENTENCE_END.search(block.text) is not None
    return len(block.text) > LONG or (sentence and SOURCE.match(block.text) is None)


def _is_info(block: RawBlock, profile: Profile) -> bool:
    return bool(profile.info.intersection(block.classes)) or any(
        profile.credit.match(block.text[line.start : line.end].strip()) for line in _lines(block)
    )


def _header(blocks: Sequence[RawBlock], zones: list[Zone | None], start: int, profile: Profile) -> None:
    for place in range(min(start, len(blocks))):
        if zones[place] is None:
            zones[place] = Zone.HEADER
    for place, block in enumerate(blocks):
        named = zones[place] is None and profile.info.intersection(block.classes)
        if named or (zones[place] is Zone.BODY and profile.info.intersection(block.classes)):
            zones[place] = Zone.HEADER


def _notes(blocks: Sequence[RawBlock], zones: list[Zone | None], start: int, profile: Profile) -> None:
    """Notes without a class: below a heading that says so, or linked back from their number."""
    below_head = False
    for place in range(start, len(blocks)):
        block = blocks[place]
        heading = block.tag in HEADINGS or zones[place] is Zone.HEADING or len(block.text) < 40
        if heading and profile.note_head.fullmatch(block.text):
            below_head = True
            zones[place] = Zone.NOTE_HEAD
        elif block.tag in HEADINGS:
            below_head = False
        elif zones[place] in (None, Zone.BODY):
            linked_back = zones[place] is None and _starts_with_back_link(block)
            if linked_back or (below_head and not FENCE.fullmatch(block.text)):
                zones[place] = Zone.NOTE
    for place in range(start, len(blocks) - 1):  # the asterisks that fence the notes off
        if zones[place + 1] is Zone.NOTE and FENCE.fullmatch(blocks[place].text):
            zones[place] = Zone.NOTE_HEAD


def _starts_with_back_link(block: RawBlock) -> bool:
    return (
        bool(block.marks)
        and block.marks[0].offset == 0
        and bool(block.text)
        and block.marks[0].target is not None
    )


def _by_shape(block: RawBlock, *, is_index: bool) -> Zone:
    if block.tag in HEADINGS:
        return Zone.HEADING
    if is_index and _is_entry(block):
        return Zone.INDEX
    return Zone.BODY


@dataclass(frozen=True, slots=True)
class Line:
    """What stands between two single line breaks: offsets in the text, and in the raw text."""

    start: int
    end: int
    raw_start: int
    raw_end: int


def _lines(block: RawBlock) -> list[Line]:
    """The lines of a block that hold something."""
    breaks = block.breaks if len(block.breaks) <= MOST_LINES else []  # a header of so many lines is none
    bounds = [(0, 0), *breaks, (len(block.text), len(block.raw))]
    lines = [Line(a[0], b[0], a[1], b[1]) for a, b in pairwise(bounds)]
    return [line for line in lines if block.text[line.start : line.end].strip()]


def _cut_lines(blocks: Sequence[Zoned], profile: Profile) -> list[Zoned]:
    """Source from credit, and the works of one paragraph from one another."""
    cut: list[Zoned] = []
    for zoned_block in blocks:
        if zoned_block.zone is Zone.INDEX and len(zoned_block.block.links) > 1:
            cut.extend(
                Zoned(Zone.INDEX, _part(zoned_block.block, line)) for line in _lines(zoned_block.block)
            )
            continue
        if zoned_block.zone is not Zone.HEADER or zoned_block.block.tag == "title":
            cut.append(zoned_block)
            continue
        zone = Zone.HEADER
        lines = _lines(zoned_block.block)
        if not lines:
            cut.append(zoned_block)
        for line in lines:
            text = zoned_block.block.text[line.start : line.end].strip()
            zone = Zone.CREDIT if zone is Zone.CREDIT or profile.credit.match(text) else zone
            cut.append(Zoned(zone, _part(zoned_block.block, line)))
    return cut


def _part(block: RawBlock, line: Line) -> RawBlock:
    """One line of a block, as a block."""
    if line.start == 0 and line.end == len(block.text):
        return block
    low = (
        line.start + len(block.text[line.start : line.end]) - len(block.text[line.start : line.end].lstrip())
    )
    end = line.end

    def shifted(ranges: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
        return [
            (max(a, low) - low, min(b, end) - low, value) for a, b, value in ranges if a < end and b > low
        ]

    return replace(
        block,
        text=block.text[low:end].strip(),
        raw=block.raw[line.raw_start : line.raw_end].strip(" "),
        links=shifted(block.links),
        emphasis=shifted(block.emphasis),
        marks=[replace(mark, offset=mark.offset - low) for mark in block.marks if low <= mark.offset <= end],
        anchors=block.anchors if line.start == 0 else [],
        breaks=[],
    )
