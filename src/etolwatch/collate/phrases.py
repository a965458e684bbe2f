"""A phrase and where it stands: words in a row, whatever their case, accents and marks.

`folded` is what the index of the archive holds, and what it is asked with, so that a search
finds exactly what `spans` finds in the text itself.
"""

from __future__ import annotations

import itertools
import unicodedata
from bisect import bisect_right

from etolwatch.collate.tokens import LEVEL, LIGATURES


class _Folds(dict[int, str]):
    """What each character is folded to, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        levelled = LIGATURES.get(chr(code)) or LEVEL.get(chr(code), chr(code))
        parts = unicodedata.normalize("NFD", levelled)
        kept = "".join(part for part in parts if unicodedata.category(part) not in ("Mn", "Cf"))
        self[code] = "".join(c if c.isalnum() else " " for c in kept.casefold())
        return self[code]


_FOLDS = _Folds()


def folded(text: str) -> str:
    """The words of a text, case and diacritics folded, each mark and space a space.

    Quotes, dashes and ligatures fold as in ``tokens.typo``; soft hyphens and other format
    characters (Unicode Cf) vanish.
    """
    return text.translate(_FOLDS)


def words_of(phrase: str) -> tuple[str, ...]:
    """The folded words of a phrase, in order; empty if it has none."""
    return tuple(folded(phrase).split())


def spans(text: str, words: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Where folded words stand in a row, as (start, end) of the text; none overlaps another."""
    if not words:
        return ()
    parts = [_FOLDS[ord(character)] for character in text]
    starts = [0, *itertools.accumulate(map(len, parts))]  # of each character in what it is folded to
    found = []
    row = _words_with_places("".join(parts))
    place = 0
    while place + len(words) <= len(row):
        if tuple(word for word, _, _ in row[place : place + len(words)]) != words:
            place += 1
            continue
        first, last = row[place][1], row[place + len(words) - 1][2]
        end = bisect_right(starts, last - 1)
        while end < len(text) and not parts[end]:
            end += 1  # an accent belongs to the letter before it
        found.append((bisect_right(starts, first) - 1, end))
        place += len(words)
    return tuple(found)


def _words_with_places(text: str) -> list[tuple[str, int, int]]:
    found, start = [], 0
    for word in text.split(" "):
        if word:
            found.append((word, start, start + len(word)))
        start += len(word) + 1
    return found
