"""Words that both sides have and that are emphasised otherwise."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import groupby

from etolwatch.collate.classify import Class
from etolwatch.collate.pairs import FURNITURE, Pair
from etolwatch.collate.tokens import Token
from etolwatch.collate.words import Edit, kept_tokens
from etolwatch.model import Block, Category, Grade, Variant

Emphasised = tuple[Token, frozenset[str]]


def emphasis(pair: Pair, edits: list[Edit]) -> Iterator[Variant]:
    """One variant for each run of words whose emphasis is another: em, strong, small capitals."""
    base, other = pair.base[0], pair.other[0]
    if pair.zone in FURNITURE or base.emphasis == other.emphasis == ():
        return
    left = _words(base, [(edit.base_start, edit.base_end) for edit in edits])
    right = _words(other, [(edit.other_start, edit.other_end) for edit in edits])
    if len(left) != len(right):
        return  # an edit cuts a word in two; its words are reported already
    for (lost, gained), places in groupby(zip(left, right, strict=True), key=_difference):
        if lost or gained:
            words = [one[0] for one, _ in places]
            phrase = base.text[words[0].start : words[-1].end]
            yield pair.whole(Class(Category.EMPHASIS, Grade.COSMETIC, _why(lost, gained)), phrase, phrase)


def _words(block: Block, edited: list[tuple[int, int]]) -> list[Emphasised]:
    words = [token for token in kept_tokens(block.text, edited) if token.n[0].isalnum()]
    starts = [word.start for word in words]
    kinds: list[set[str]] = [set() for _ in words]
    for start, end, kind in block.emphasis:
        for place in range(bisect_left(starts, start), bisect_left(starts, end)):
            kinds[place].add(kind)
    return [(word, frozenset(found)) for word, found in zip(words, kinds, strict=True)]


def _difference(two: tuple[Emphasised, Emphasised]) -> tuple[frozenset[str], frozenset[str]]:
    (_, before), (_, after) = two
    return before - after, after - before


def _why(lost: frozenset[str], gained: frozenset[str]) -> str:
    if lost and gained:
        return f"{' and '.join(sorted(gained))} instead of {' and '.join(sorted(lost))} on the same words"
    what = " and ".join(sorted(lost or gained))
    return f"{what} {'taken from' if lost else 'put on'} the same words"
