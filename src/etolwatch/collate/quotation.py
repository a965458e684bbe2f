"""Whether a quotation stands word for word in a text, and if not, what stands there instead.

White space, the shape and level of quotation marks, dashes and hyphens among each other,
ligatures, soft hyphens and note marks do not matter; words, numbers and all other marks do.
An ellipsis (…, ..., [...]) means that anything may stand between, in order.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from etolwatch.collate.classify import classify
from etolwatch.collate.flags import Context
from etolwatch.collate.lexicon import Lexicon
from etolwatch.collate.pairs import shown
from etolwatch.collate.phrases import folded
from etolwatch.collate.standing import PageText, Passage, Period, periods
from etolwatch.collate.tokens import DASHES, DOUBLE_QUOTES, HYPHENS, LIGATURES, SINGLE_QUOTES, typo
from etolwatch.collate.words import edits
from etolwatch.model import Zone

ELLIPSIS = re.compile(r"\[\s*(?:…|\.\s?\.\s?\.)\s*\]|…|\.(?:\s?\.){2,}")
NOTE_MARK = re.compile(r"\s?\[\s*\d{1,3}[a-z]?\*?\s*\]|(?<=\w)[\u00b9\u00b2\u00b3\u2070-\u2079]+(?!\w)")
INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
QUOTES = "'\"" + SINGLE_QUOTES + DOUBLE_QUOTES + "\u2039\u203a"
DASH = "-" + HYPHENS + DASHES
PIECE = re.compile(
    rf"[^\W\d_][^\W_]*(?:['{SINGLE_QUOTES}][^\W\d_][^\W_]*)*"  # a word with its apostrophes
    r"|\d+(?:[.,]\d+)*[^\W\d_]*"  # a number: 250,000  3.5  1950s
    rf"|\.(?:\s?\.){{2,}}|[{re.escape(DASH)}]+|\S"
)
LEAST_LIKENESS = 0.5  # below, nothing like the quotation stands there


class Piece(NamedTuple):
    """A word, number or mark: where it stands, as printed, and as compared."""

    start: int
    end: int
    printed: str
    key: str


@dataclass(frozen=True, slots=True)
class Quotation:
    """A passage as quoted: its parts, between which anything may stand, and what was set aside."""

    parts: tuple[str, ...]
    set_aside: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """All its words, folded as the index holds them."""
        return tuple(word for part in self.parts for word in folded(part).split())


@dataclass(frozen=True, slots=True)
class Standing:
    """A quotation that stands word for word: from which passage to which; which lesser differences it has."""

    first: Passage
    last: Passage
    lesser: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the text has other words than the quotation; ``before``: words of context."""

    quoted: str
    reads: str
    before: str
    after: str
    category: str
    why: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """What stands where the quotation is looked for. ``score``: 0 to 1, how much of it is there."""

    first: Passage
    last: Passage
    reads: str
    differences: tuple[Difference, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A quotation on one page.

    ``place``: where it stands, or stood last; None if no version has it. ``now``: what the
    last version reads instead, where it does not stand there; ``before``: what was read
    before it came. None where that is nothing like it, or does not apply.
    """

    page: PageText
    stood: tuple[Period, ...]
    place: Standing | None
    now: Likeness | None
    before: Likeness | None

    @property
    def stands(self) -> bool:
        """Whether the last version held has it and the page is still there."""
        return bool(self.stood) and self.stood[-1].until is None and not self.page.absent


@dataclass(frozen=True, slots=True)
class _Text:
    """The pieces of a row of passages, the same as one string, and which passage each is of."""

    passages: tuple[Passage, ...]
    pieces: tuple[Piece, ...]  # places are those in ``whole``
    owners: tuple[int, ...]
    whole: str
    joined: str

    def between(self, start: int, end: int) -> str:
        """What is printed from one piece up to another."""
        return " ".join(self.whole[self.pieces[start].start : self.pieces[end - 1].end].split())


def quotation(text: str) -> Quotation:
    """The quotation read from what a user typed; without parts where there are no words in it."""
    aside = []
    if INVISIBLE.search(text):
        aside.append("soft hyphens")
    clean = INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    if NOTE_MARK.search(clean):
        aside.append("note marks")
    parts = (_bare(part) for part in ELLIPSIS.split(NOTE_MARK.sub("", clean)))
    return Quotation(tuple(part for part in parts if folded(part).strip()), tuple(aside))


def _bare(part: str) -> str:
    """Without the quotation marks around it, which are those of who quotes."""
    return " ".join(part.split()).strip(QUOTES + " ")


def standing(passages: Sequence[Passage], quoted: Quotation) -> Standing | None:
    """Where the quotation stands word for word in the text that these passages are; None if nowhere."""
    text = _text(tuple(passages))
    found: list[tuple[int, int]] = []
    lesser: list[str] = []
    for part in quoted.parts:
        pieces = _pieces(part)
        start = _find(text, pieces, found[-1][1] if found else 0)
        if start is None:
            return None
        found.append((start, start + len(pieces)))
        lesser += _lesser(pieces, text.pieces[start : start + len(pieces)])
    if not found:
        return None
    first, last = (text.passages[text.owners[place]] for place in (found[0][0], found[-1][1] - 1))
    return Standing(first, last, tuple(dict.fromkeys((*quoted.set_aside, *lesser))))


def nearest(passages: Sequence[Passage], quoted: Quotation) -> Likeness | None:
    """What stands in these passages that is likest to the quotation; None if nothing is like it."""
    text = _text(tuple(passages))
    alike = [(part, window) for part in quoted.parts if (window := _window(text, _pieces(part)))]
    total = sum(map(len, quoted.parts))
    score = sum(window.score * len(part) for part, window in alike) / total if total else 0.0
    if score < LEAST_LIKENESS:
        return None
    reads = [text.between(window.start, window.end) for _, window in alike]
    first = text.owners[min(window.start for _, window in alike)]
    last = text.owners[max(window.end for _, window in alike) - 1]
    return Likeness(
        text.passages[first],
        text.passages[last],
        " … ".join(reads),
        tuple(
            difference
            for (part, _), read in zip(alike, reads, strict=True)
            for difference in _differences(part, read, text.passages[first].zone)
        ),
        score,
    )


def check(page: PageText, quoted: Quotation) -> Answer:
    """What became of a quotation on a page, over all versions of it."""
    stood = periods(page.versions, lambda version: standing(version.passages, quoted) is not None)
    if not stood:
        return Answer(page, (), None, nearest(page.versions[-1].passages, quoted), None)
    now = nearest(page.versions[-1].passages, quoted) if stood[-1].until else None
    came = page.versions.index(stood[-1].first)
    before = nearest(page.versions[came - 1].passages, quoted) if came else None
    return Answer(page, stood, standing(stood[-1].last.passages, quoted), now, before)


# ── pieces ──


@lru_cache(maxsize=4096)  # the versions of a page share most of their passages
def _pieces(text: str) -> tuple[Piece, ...]:
    return tuple(Piece(*match.span(), match[0], _key(match[0])) for match in PIECE.finditer(text))


def _key(printed: str) -> str:
    if printed[0] in QUOTES:
        return '"'
    if printed[0] in DASH:
        return "-"
    return printed if printed.isascii() else typo(printed)


@lru_cache(maxsize=4)
def _text(passages: tuple[Passage, ...]) -> _Text:
    pieces: list[Piece] = []
    owners: list[int] = []
    shown = [NOTE_MARK.sub("", passage.text) for passage in passages]
    start = 0
    for owner, text in enumerate(shown):
        found = _pieces(text)
        pieces += [Piece(one.start + start, one.end + start, one.printed, one.key) for one in found]
        owners += [owner] * len(found)
        start += len(text) + 1
    return _Text(passages, tuple(pieces), tuple(owners), "\n".join(shown), _joined(pieces))


def _joined(pieces: Sequence[Piece]) -> str:
    return "".join(f"\n{piece.key}" for piece in pieces) + "\n"


def _find(text: _Text, pieces: Sequence[Piece], start: int) -> int | None:
    """From which piece on, not before ``start``, the pieces stand in a row."""
    behind = sum(len(piece.key) + 1 for piece in text.pieces[:start])
    place = text.joined.find(_joined(pieces), behind)
    return text.joined.count("\n", 0, place) if place >= 0 else None


def _lesser(quoted: Sequence[Piece], printed: Sequence[Piece]) -> list[str]:
    """What differs between pieces that compare equal, named."""
    found = []
    for one, two in zip(quoted, printed, strict=True):
        if one.printed != two.printed:
            found.append(_named(one.key, two.printed))
    for (one, after), (two, follows) in zip(pairwise(quoted), pairwise(printed), strict=True):
        if (one.end < after.start) != (two.end < follows.start):
            found.append("spaces")
    return found


def _named(key: str, printed: str) -> str:
    if key == '"':
        return "quotation marks"
    if key == "-":
        return "dashes"
    return "ligatures" if any(sign in LIGATURES for sign in printed) else "apostrophes"


# ── what stands there instead ──


@dataclass(frozen=True, slots=True)
class _Window:
    start: int
    end: int
    score: float


Feature = tuple[str, str]  # a word alone ("", word), or two neighbours


def _window(text: _Text, quoted: Sequence[Piece]) -> _Window | None:
    """The row of pieces, as long as what is quoted, that shares most with it; None if it shares no word."""
    wanted = Counter(feature for features in _features(quoted) for feature in features)
    rows = _features(text.pieces)
    held: Counter[Feature] = Counter()
    shared, best, best_end = 0, 0, 0
    for place, features in enumerate(rows):
        shared += sum(_put(held, wanted, feature) for feature in features)
        if place >= len(quoted):
            shared -= sum(_take(held, wanted, feature) for feature in rows[place - len(quoted)])
        if shared > best:
            best, best_end = shared, place + 1
    if not best:
        return None
    start, end = _aligned(text, quoted, max(0, best_end - len(quoted)), best_end)
    return _Window(start, end, best / sum(_weight(feature) * n for feature, n in wanted.items()))


def _features(pieces: Sequence[Piece]) -> list[tuple[Feature, ...]]:
    """Of each piece: itself, case folded, and together with the one before it."""
    keys = [piece.key.casefold() for piece in pieces]
    return [(("", key), (before, key)) if before else (("", key),) for before, key in pairwise(["", *keys])]


def _weight(feature: Feature) -> int:
    """Long words are rare words; neighbours settle what words alone leave open."""
    return 1 if feature[0] else len(feature[1])


def _put(held: Counter[Feature], wanted: Counter[Feature], feature: Feature) -> int:
    """How much weight a feature adds that comes into the window."""
    if feature not in wanted:
        return 0
    held[feature] += 1
    return _weight(feature) if held[feature] <= wanted[feature] else 0


def _take(held: Counter[Feature], wanted: Counter[Feature], feature: Feature) -> int:
    """How much weight a feature took along that leaves the window."""
    if feature not in wanted:
        return 0
    held[feature] -= 1
    return _weight(feature) if held[feature] < wanted[feature] else 0


def _aligned(text: _Text, quoted: Sequence[Piece], start: int, end: int) -> tuple[int, int]:
    """The window moved and stretched so that its outermost shared words stand as in the quotation."""
    keys = [piece.key.casefold() for piece in quoted]
    here = [piece.key.casefold() for piece in text.pieces[start:end]]
    firsts = {pair: place for place, pair in reversed(list(enumerate(pairwise(keys))))}
    lasts = {pair: place for place, pair in enumerate(pairwise(keys))}
    shared = [(place, pair) for place, pair in enumerate(pairwise(here)) if pair in firsts]
    if not shared:
        longest = max((key for key in here if key in keys), key=len)
        shift = here.index(longest) - keys.index(longest)
        return _within(text, start + here.index(longest), start + shift, start + shift + len(keys))
    (first, one), (last, two) = shared[0], shared[-1]
    low = _within(text, start + first, start + first - firsts[one], start + first + 1)[0]
    high = _within(text, start + last, start + last, start + last - lasts[two] + len(keys))[1]
    return low, max(high, start + last + 2)


def _within(text: _Text, anchor: int, start: int, end: int) -> tuple[int, int]:
    """From ``start`` to ``end``, but not beyond the passage in which the anchor stands."""
    owner = text.owners[anchor]
    low = bisect_left(text.owners, owner)
    high = bisect_right(text.owners, owner)
    return max(start, low), max(min(end, high), anchor + 1)


def _differences(part: str, read: str, zone: Zone) -> Iterator[Difference]:
    lexicon = Lexicon((part, read))
    for edit in edits(part, read):
        place = shown(part, read, edit)
        quoted, reads = place.lemma, place.reading
        if [piece.key for piece in _pieces(quoted)] == [piece.key for piece in _pieces(reads)]:
            continue  # only what does not matter
        context = Context(place.before.rstrip(), place.after.lstrip())
        found = classify(quoted, reads, zone, lexicon, context)
        yield Difference(quoted, reads, place.before, place.after, found.category.value, found.why)
