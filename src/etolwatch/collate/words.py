"""Where two texts differ, to the word: tokens mapped to private characters, diff-match-patch."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from diff_match_patch import diff_match_patch

from etolwatch.collate.tokens import Token, tokens

MOST_TOKENS = 500  # of one gap; the word diff is quadratic at worst
FEW_TOKENS = 60  # below, the shortest script is found at once
LEAST_SIMILARITY = 0.3  # below, two texts are not refined but exchanged whole
FIRST_PRIVATE = 0xE000  # runs on into the planes above: no surrogates in between

SENTENCE_ENDS = frozenset(".?!")
Step = tuple[int, int]  # 0 equal, -1 omitted, 1 added; how many tokens


@dataclass(frozen=True, slots=True)
class Edit:
    """One place: characters [start, end) of the base stand against those of the other."""

    base_start: int
    base_end: int
    other_start: int
    other_end: int


def edits(base: str, other: str) -> list[Edit]:
    """The smallest places where the words, marks or spaces of two texts differ, in order.

    What lies between two edits has the same tokens, as printed, on both sides.
    """
    return _edits(tokens(base), tokens(other))


def kept_tokens(text: str, edited: Sequence[tuple[int, int]]) -> Sequence[Token]:
    """The tokens that lie outside the edited spans: the same, in number and order, on both sides."""
    if not edited:
        return tokens(text)
    spans = sorted(span for span in edited if span[0] < span[1])
    kept, at = [], 0
    for token in tokens(text):
        while at < len(spans) and spans[at][1] <= token.start:
            at += 1
        if at == len(spans) or spans[at][0] >= token.end:
            kept.append(token)
    return kept


def exchanged(base: str, other: str) -> list[Edit]:
    """One edit: the whole base against the whole other."""
    return [Edit(0, len(base), 0, len(other))] if base or other else []


def _edits(base: Sequence[Token], other: Sequence[Token]) -> list[Edit]:
    found: list[Edit] = []
    i = j = 0
    left, right = [t.n for t in base], [t.n for t in other]
    for operation, count in _slid(_script(left, right), left, right):
        if operation == 0:
            for step in range(count):
                found.extend(_within(base, other, i + step, j + step))
            i, j = i + count, j + count
        elif operation < 0:
            found.append(Edit(base[i].start, base[i + count - 1].end, *_gap(other, j)))
            i += count
        else:
            found.append(Edit(*_gap(base, i), other[j].start, other[j + count - 1].end))
            j += count
    return _merged(found, base, other)


def _slid(script: list[Step], base: Sequence[str], other: Sequence[str]) -> list[Step]:
    """The script with each pure omission or addition slid to where a reader would see it.

    “. It rained a little” put in before a full stop is the sentence “It rained a little.”
    put in after one: the same script, but whole sentences (after the lossless clean-up of
    diff-match-patch, which knows only characters).
    """
    slid = list(script)
    i = j = 0
    for place in range(1, len(slid) - 1):
        i += slid[place - 1][1] if slid[place - 1][0] <= 0 else 0
        j += slid[place - 1][1] if slid[place - 1][0] >= 0 else 0
        before, (operation, count), after = slid[place - 1 : place + 2]
        if operation == 0 or before[0] != 0 or after[0] != 0:
            continue
        row, start = (base, i) if operation < 0 else (other, j)
        step = _best_slide(row, start, count, before[1], after[1])
        slid[place - 1], slid[place + 1] = (0, before[1] + step), (0, after[1] - step)
        i, j = i + step, j + step
    return [entry for entry in slid if entry[1]]


def _best_slide(row: Sequence[str], start: int, count: int, most_left: int, most_right: int) -> int:
    """How far to slide row[start : start + count]; 0 where no place is better."""
    best, best_score = 0, _boundary(row, start, count)
    for direction, most in ((-1, most_left), (1, most_right)):
        step = 0
        while step < most and _can_slide(row, start + direction * step, count, direction):
            step += 1
            score = _boundary(row, start + direction * step, count)
            if score > best_score:
                best, best_score = direction * step, score
    return best


def _can_slide(row: Sequence[str], start: int, count: int, direction: int) -> bool:
    if direction < 0:
        return row[start - 1] == row[start + count - 1]
    return row[start] == row[start + count]


def _boundary(row: Sequence[str], start: int, count: int) -> int:
    """How well a run of tokens is bounded: by the end of a sentence before it, and at its end."""
    follows = start == 0 or row[start - 1] in SENTENCE_ENDS
    return 2 * (follows and row[start + count - 1] in SENTENCE_ENDS)


def _gap(around: Sequence[Token], place: int) -> tuple[int, int]:
    """Where nothing stands: just behind the token before ``place``."""
    at = around[place - 1].end if place else 0
    return at, at


def _within(base: Sequence[Token], other: Sequence[Token], i: int, j: int) -> list[Edit]:
    """Edits at one pair of tokens that compare equal: other signs, or a space before them."""
    if base[i].t != other[j].t:
        return [Edit(base[i].start, base[i].end, other[j].start, other[j].end)]
    if i and j:
        spaced = base[i].start > base[i - 1].end, other[j].start > other[j - 1].end
        if spaced[0] != spaced[1] and base[i - 1].n == other[j - 1].n:
            return [Edit(base[i - 1].end, base[i].start, other[j - 1].end, other[j].start)]
    return []


def _merged(found: list[Edit], base: Sequence[Token], other: Sequence[Token]) -> list[Edit]:
    """An omission and an addition at one place are one substitution."""
    merged: list[Edit] = []
    for edit in found:
        last = merged[-1] if merged else None
        pure = edit.base_start == edit.base_end or edit.other_start == edit.other_end
        was_pure = last is not None and (last.base_start == last.base_end) != (
            last.other_start == last.other_end
        )
        if last and pure and was_pure and _touch(last, edit):
            start_b, start_o = _starts(last, edit)
            merged[-1] = Edit(
                start_b, max(last.base_end, edit.base_end), start_o, max(last.other_end, edit.other_end)
            )
        else:
            merged.append(edit)
    return merged


def _touch(last: Edit, edit: Edit) -> bool:
    omitted_then_added = (
        last.other_start == last.other_end and edit.base_start == edit.base_end == last.base_end
    )
    added_then_omitted = (
        last.base_start == last.base_end and edit.other_start == edit.other_end == last.other_end
    )
    return omitted_then_added or added_then_omitted


def _starts(last: Edit, edit: Edit) -> tuple[int, int]:
    base_start = last.base_start if last.base_end > last.base_start else edit.base_start
    other_start = last.other_start if last.other_end > last.other_start else edit.other_start
    return base_start, other_start


def _script(base: Sequence[str], other: Sequence[str]) -> list[Step]:
    """An edit script of two rows of tokens: short gaps between the words both have once."""
    script: list[Step] = []
    i = j = 0
    for next_i, next_j in [*_anchors(base, other), (len(base), len(other))]:
        script.extend(_short_script(base[i:next_i], other[j:next_j]))
        if next_i < len(base):
            script.append((0, 1))
        i, j = next_i + 1, next_j + 1
    return _runs(script)


def _anchors(base: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Places where three words in a row stand once on each side, in the order of both.

    The idea is that of patience diff (Cohen); it bounds the quadratic part to the gaps
    and gives the same result on a busy machine as on an idle one.
    """
    if len(base) + len(other) <= FEW_TOKENS:
        return []
    left, right = _once(base), _once(other)
    pairs = [(i, right[gram]) for gram, i in left.items() if gram in right]
    return [pairs[place] for place in longest_increasing([j for _, j in pairs])]


def _once(values: Sequence[str]) -> dict[tuple[str, str, str], int]:
    """Place of each row of three tokens that stands exactly once, in order."""
    grams = list(zip(values, values[1:], values[2:], strict=False))
    counts = Counter(grams)
    return {gram: place for place, gram in enumerate(grams) if counts[gram] == 1}


def _short_script(base: Sequence[str], other: Sequence[str]) -> list[Step]:
    """The shortest script of what stands between two anchors; a very long gap is exchanged whole."""
    if list(base) == list(other):
        return [(0, len(base))]
    if not base or not other or max(len(base), len(other)) > MOST_TOKENS:
        return [(-1, len(base)), (1, len(other))]
    numbers: dict[str, str] = {}

    def private(values: Sequence[str]) -> str:
        return "".join(numbers.setdefault(value, chr(FIRST_PRIVATE + len(numbers))) for value in values)

    differ = diff_match_patch()
    differ.Diff_Timeout = 0  # a clock would give another result on a busy machine
    left, right = private(base), private(other)
    return [(operation, len(text)) for operation, text in differ.diff_main(left, right, False)]


def _runs(script: Sequence[Step]) -> list[Step]:
    """Neighbouring steps of one operation as one; empty ones left out."""
    runs: list[Step] = []
    for operation, count in script:
        if runs and runs[-1][0] == operation:
            runs[-1] = operation, runs[-1][1] + count
        elif count:
            runs.append((operation, count))
    return runs


def longest_increasing(values: Sequence[int]) -> list[int]:
    """Indices of the longest increasing subsequence (patience sorting, Fredman 1975)."""
    tails: list[int] = []
    places: list[int] = []
    previous: list[int] = []
    for place, value in enumerate(values):
        length = bisect_left(tails, value)
        previous.append(places[length - 1] if length else -1)
        if length == len(tails):
            tails.append(value)
            places.append(place)
        else:
            tails[length], places[length] = value, place
    chain: list[int] = []
    place = places[-1] if places else -1
    while place >= 0:
        chain.append(place)
        place = previous[place]
    return chain[::-1]


def bigrams(text: str) -> frozenset[tuple[str, str]]:
    """Pairs of neighbouring words, case folded, the ends of the text counted as words."""
    words = ["", *(token.n for token in tokens(text) if token.n[0].isalnum()), ""]
    return frozenset(itertools.pairwise(words))


def dice(left: frozenset[tuple[str, str]], right: frozenset[tuple[str, str]]) -> float:
    """Sørensen–Dice similarity of two sets, 0 to 1."""
    return 2 * len(left & right) / (len(left) + len(right)) if left or right else 1.0
