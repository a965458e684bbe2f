"""Notes and their marks: inserted, removed, swapped, renumbered, moved, restyled.

Notes are aligned by their text, so a number says only how they are counted. One inserted
note moves the number of all that follow: that is one finding, not a hundred.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

from etolwatch.collate.classify import Class
from etolwatch.collate.pairs import Pair, context, spaces
from etolwatch.collate.words import Edit, kept_tokens
from etolwatch.model import Block, Category, Grade, Kind, Mark, Variant, Zone

ADDED = Class(Category.APPARATUS, Grade.COSMETIC, "a note mark added")
REMOVED = Class(Category.APPARATUS, Grade.COSMETIC, "a note mark removed")
MOVED = Class(Category.APPARATUS, Grade.COSMETIC, "a note mark moved")
RENUMBERED = "the {what} has another number"
MOVED_AWAY = "a note mark moved to another paragraph"
SPACED = Class(Category.WHITESPACE, Grade.NONE, "a space before a note mark")


def apparatus(pair: Pair, edits: list[Edit]) -> Iterator[Variant]:
    """Changes of the label and of the marks of one block against one other."""
    base, other = pair.base[0], pair.other[0]
    if base.zone is other.zone is Zone.NOTE and base.note != other.note:
        yield pair.whole(_relabelled(base.note, other.note, "note"), base.note or "", other.note or "")
    if pair.zone is Zone.NAVIGATION:
        return
    left = _placed(base, [(edit.base_start, edit.base_end) for edit in edits])
    right = _placed(other, [(edit.other_start, edit.other_end) for edit in edits])
    yield from _marks(pair, left, right)


Placed = list[tuple[int, Mark]]


def _placed(block: Block, edited: list[tuple[int, int]]) -> Placed:
    """The marks, each with the number of words and signs before it that both sides have."""
    starts = [token.start for token in kept_tokens(block.text, edited)] if block.marks else []
    return [(bisect_left(starts, mark.offset), mark) for mark in block.marks]


def _marks(pair: Pair, base: Placed, other: Placed) -> Iterator[Variant]:
    if len(base) == len(other):
        for (place, one), (to, two) in zip(base, other, strict=True):
            yield from _mark(pair, one, two, moved=place != to)
        return
    left, right = {place for place, _ in base}, {place for place, _ in other}
    for place, mark in base:
        if place not in right:
            yield _with_context(pair.whole(REMOVED, mark.label, ""), pair.base[0], mark)
    for place, mark in other:
        if place not in left:
            yield _with_context(pair.whole(ADDED, "", mark.label), pair.other[0], mark)


def _mark(pair: Pair, one: Mark, two: Mark, *, moved: bool) -> Iterator[Variant]:
    base, other = pair.base[0], pair.other[0]
    if moved:
        yield _with_context(pair.whole(MOVED, one.label, two.label), base, one)
    elif _is_spaced(base, one) != _is_spaced(other, two):
        yield _with_context(pair.whole(SPACED, "", ""), base, one)
    if one.label != two.label:
        yield pair.whole(_relabelled(one.label, two.label, "mark"), one.label, two.label)


def _with_context(variant: Variant, block: Block, mark: Mark) -> Variant:
    spaced = spaces(block.text, mark.offset, mark.offset)
    before, after = context(block.text, mark.offset, mark.offset, spaced)
    return replace(variant, before=before, after=after)


def _is_spaced(block: Block, mark: Mark) -> bool:
    """Whether a space stands before the mark (one at the end of a block is in no text)."""
    return mark.offset > len(block.text) or block.text[: mark.offset].endswith(" ")


def _relabelled(one: str | None, two: str | None, what: str) -> Class:
    renumbered = _digits(one) != _digits(two)
    why = RENUMBERED.format(what=what) if renumbered else f"the {what} is written otherwise"
    return Class(Category.APPARATUS, Grade.NONE, why)


def _digits(label: str | None) -> str:
    return "".join(character for character in label or "" if character.isalnum() or character == "*")


def without_echoes(variants: list[Variant]) -> list[Variant]:
    """Drops what follows from a note put in, taken out or moved: numbers, and as many marks."""
    variants = _marks_moved_away(variants)
    notes = [v for v in variants if v.category is Category.APPARATUS and v.grade is Grade.WORDS]
    if not notes:
        return _repointed(variants)
    marks = {id(v) for v in variants if v.why in (ADDED.why, REMOVED.why)}
    telling = len(marks) > len(notes)
    return [
        v
        for v in variants
        if not (v.category is Category.APPARATUS and v.grade is Grade.NONE)
        and (telling or id(v) not in marks)
    ]


def _repointed(variants: list[Variant]) -> list[Variant]:
    """Where no note was renumbered, a mark with another number cites another note."""
    if any(v.why == RENUMBERED.format(what="note") for v in variants):
        return variants
    renumbered = RENUMBERED.format(what="mark")
    return [
        replace(v, grade=Grade.COSMETIC, why="the mark cites another note") if v.why == renumbered else v
        for v in variants
    ]


def _marks_moved_away(variants: list[Variant]) -> list[Variant]:
    """A mark gone from one paragraph and come in another is one that moved."""
    gone = {v.lemma for v in variants if v.why == REMOVED.why}
    both = gone & {v.reading for v in variants if v.why == ADDED.why}
    kept = []
    for variant in variants:
        if variant.why == REMOVED.why and variant.lemma in both:
            kept.append(replace(variant, kind=Kind.TRANSPOSITION, reading=variant.lemma, why=MOVED_AWAY))
        elif variant.why != ADDED.why or variant.reading not in both:
            kept.append(variant)
    return kept
