"""Which of the signs that look like note marks are marks: those to which a note answers.

“See pages 45 and 61”, each a link; “in [19]36”; “1. The Policy”, a link to a section: numbers
that a reader reads, and that must not change unseen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from etolwatch.text.blocks import RawBlock

NUMBERED = re.compile(r"[\[(]?(\d{1,3}[a-z]?\*?|\*{1,5}|[†‡§]{1,3})[\])]?\.?\s")


@dataclass(frozen=True, slots=True)
class Answers:
    """Fragments at which a note stands, and the numbers of all notes that can be told."""

    anchors: frozenset[str]
    numbers: frozenset[str]


def without_false_marks(blocks: Sequence[RawBlock]) -> list[RawBlock]:
    """The blocks, with what is no note mark put back among the words."""
    if not any(block.marks for block in blocks):
        return list(blocks)
    answers = _answers(blocks)
    return [_with_words(block, _false(block, answers)) for block in blocks]


def _answers(blocks: Sequence[RawBlock]) -> Answers:
    cited = {mark.target for block in blocks for mark in block.marks if mark.target}
    borne = {anchor for block in blocks for anchor in block.mark_anchors}
    notes = [block for block in blocks if _is_note_like(block, cited, borne)]
    anchors = frozenset(anchor for block in notes for anchor in block.anchors)
    return Answers(anchors, frozenset(number for block in notes if (number := _number(block))))


def _is_note_like(block: RawBlock, cited: set[str], borne: set[str]) -> bool:
    """Whether it begins with a number and is cited, or leads back to a mark, or is simply numbered."""
    if _begins_with_mark(block):
        target = block.marks[0].target
        return target is None or target in borne or not cited.isdisjoint(block.anchors)
    return NUMBERED.match(block.text) is not None


def _number(block: RawBlock) -> str:
    if _begins_with_mark(block):
        return sign(block.marks[0].label)
    found = NUMBERED.match(block.text)
    return found.group(1) if found else ""


def _begins_with_mark(block: RawBlock) -> bool:
    return bool(block.marks) and block.marks[0].offset == 0


def sign(label: str) -> str:
    """The number or asterisks of a label, without its brackets."""
    return "".join(character for character in label if character.isalnum() or character in "*†‡§")


def _false(block: RawBlock, answers: Answers) -> list[int]:
    """Places of the marks that are words.

    A linked bracket or raised number may have its note in another file; a bare number on
    the line may not, nor may a bracket that leads nowhere on a page that has notes.
    """
    found = []
    for place, mark in enumerate(block.marks):
        answered = mark.target in answers.anchors or sign(mark.label) in answers.numbers
        if place == 0 and mark.offset == 0:
            if mark.target is not None and not _is_label(block, answers):
                found.append(place)
        elif not answered and (mark.is_bare or (mark.target is None and answers.numbers)):
            found.append(place)
    return found


def _is_label(block: RawBlock, answers: Answers) -> bool:
    """Whether the mark at the head of a block is the number of a note."""
    return not answers.anchors.isdisjoint(block.anchors) or not block.marks[0].is_bare


def _with_words(block: RawBlock, places: list[int]) -> RawBlock:
    for place in reversed(places):
        offset = block.marks[place].offset
        space = " " if place in block.spaced and block.text[offset : offset + 1] not in ("", " ") else ""
        block = _inserted(block, place, block.marks[place].label + space)
    return block


def _inserted(block: RawBlock, place: int, words: str) -> RawBlock:
    at, length = block.marks[place].offset, len(words)

    def shifted(ranges: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
        return [(a + length if a > at else a, b + length if b > at else b, value) for a, b, value in ranges]

    text = block.text.ljust(at)  # a space before a mark at the end was cut off
    marks = [
        replace(mark, offset=mark.offset + length if n > place else mark.offset)
        for n, mark in enumerate(block.marks)
    ]
    return replace(
        block,
        text=(text[:at] + words + text[at:]).rstrip(" "),
        links=shifted(block.links),
        emphasis=shifted(block.emphasis),
        breaks=[(a + length if a > at else a, b) for a, b in block.breaks],
        marks=[mark for n, mark in enumerate(marks) if n != place],
    )
