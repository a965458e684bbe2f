"""Two texts side by side: their paragraphs in rows, and in each the words that differ. Pure.

The rows come from the two witnesses, the numbers and classes of what differs from the finding,
so that a page shows what the report says, at its place in the text.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from etolwatch.collate.collation import COUNTED, Place, places
from etolwatch.collate.lexicon import Knows, knows_nothing
from etolwatch.collate.pairs import BETWEEN, Pair, text_of
from etolwatch.model import Block, Finding, Variant, Witness, Zone
from etolwatch.publish.phrase import where

KEPT, KEPT_LETTERS = 32, 4_000_000  # texts that a server keeps, and their length together
AROUND = 1  # unchanged paragraphs shown before and after a changed one


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a text. ``role``: "same", "was", "is", "mark" (of a note), "break" (of a paragraph).

    ``number`` is that of the variant in the finding, from 1; None where the finding has none.
    """

    text: str
    role: str = "same"
    category: str = ""
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Paragraphs that stand against one another. ``was`` or ``is_`` is empty where one side has nothing.

    ``merged`` has both in one. ``categories`` are the classes of what differs; ``numbers`` the
    variants of the row as a whole. ``partner``: of a moved paragraph, the row at its other place;
    there ``came`` is False, and it holds no text. ``notes``: rows of changed notes that it refers to.
    """

    number: int
    where: str
    zone: Zone
    was: tuple[Segment, ...] = ()
    is_: tuple[Segment, ...] = ()
    merged: tuple[Segment, ...] = ()
    categories: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    partner: int | None = None
    came: bool = True
    notes: tuple[int, ...] = ()

    @property
    def is_changed(self) -> bool:
        return bool(self.categories)

    @property
    def is_trace(self) -> bool:
        """Whether it only says that a paragraph stood here that is now elsewhere."""
        return self.partner is not None and not self.came


@dataclass(frozen=True, slots=True)
class Run:
    """Rows in a row; ``folded`` ones are unchanged, and not shown until they are asked for."""

    rows: tuple[Row, ...]
    folded: bool


@dataclass(frozen=True, slots=True)
class Aligned:
    """Both texts. ``places``: in which row each variant of the finding stands, by its number."""

    rows: tuple[Row, ...]
    places: dict[int, int]

    @property
    def runs(self) -> tuple[Run, ...]:
        return tuple(_runs(self.rows))

    def row(self, number: int) -> Row:
        return self.rows[number - 1]


def aligned(base: Witness, other: Witness, finding: Finding, archive: Knows = knows_nothing) -> Aligned:
    """The rows of two witnesses, in the order of the other, with the variants of the finding on them."""
    numbers = _Numbers(finding.variants)
    found = [_row(place, numbers) for place in places(base, other, archive)]
    rows = _with_notes(_numbered(found, base), base, other)
    return Aligned(rows, _places(rows))


@dataclass(frozen=True, slots=True)
class Texts:
    """What the page of a finding shows of its captures: both texts, and the title that the page has."""

    aligned: Aligned | None
    title: str

    @property
    def letters(self) -> int:
        """How long all texts are that are kept, in characters."""
        rows = self.aligned.rows if self.aligned else ()
        return sum(len(one.text) for row in rows for one in (*row.was, *row.is_, *row.merged))


class Shelf:
    """The texts that were looked at last, by whatever key; for all threads of a server.

    At most ``most`` of them, with at most ``letters`` characters together.
    """

    def __init__(self, most: int = KEPT, letters: int = KEPT_LETTERS) -> None:
        self._most, self._letters = most, letters
        self._kept: OrderedDict[Hashable, tuple[Texts, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Texts | None:
        """What is kept under this key."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, texts: Texts) -> None:
        """Keeps it, and drops what was not looked at for the longest time."""
        with self._lock:
            self._kept[key] = texts, texts.letters
            self._kept.move_to_end(key)
            while len(self._kept) > self._most or sum(n for _, n in self._kept.values()) > self._letters:
                self._kept.popitem(last=False)


# ── which variant of the finding is meant ────────────────────────────────────────────


class _Numbers:
    """The variants of a finding, each to be met once; those told once for many, as often as they come."""

    def __init__(self, variants: Sequence[Variant]) -> None:
        self._exact: defaultdict[object, list[int]] = defaultdict(list)
        self._alike: dict[object, int] = {}
        for number, variant in enumerate(variants, 1):
            self._exact[_key(variant)].append(number)
            if variant.category in COUNTED:
                self._alike.setdefault((variant.category, variant.grade), number)

    def of(self, variant: Variant) -> int | None:
        """The number of this variant; None if the finding does not tell of it."""
        exact = self._exact.get(_key(variant))
        if exact:
            return exact.pop(0) if len(exact) > 1 else exact[0]
        return self._alike.get((variant.category, variant.grade))


def _key(variant: Variant) -> object:
    return variant.zone, variant.block, variant.note, variant.lemma, variant.reading, variant.kind


# ── one row ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Raw:
    """A row that has no number yet."""

    row: Row
    pair: Pair


@dataclass(frozen=True, slots=True)
class _Span:
    """What differs at characters [start, end) of a text."""

    start: int
    end: int
    category: str
    number: int | None


def _row(place: Place, numbers: _Numbers) -> _Raw:
    pair = place.pair
    edits = [(edit, variant, numbers.of(variant)) for edit, variant in place.edits]
    whole = [(variant, numbers.of(variant)) for variant in (*place.moved, *place.others)]
    left, right = text_of(pair.base), text_of(pair.other)
    if not pair.base or not pair.other:
        (variant, number), *_ = whole
        span = [_Span(0, len(left or right), variant.category.value, number)]
        was, is_ = (span, []) if pair.base else ([], span)
    else:
        was = [_Span(e.base_start, e.base_end, v.category.value, n) for e, v, n in edits]
        is_ = [_Span(e.other_start, e.other_end, v.category.value, n) for e, v, n in edits]
    categories = dict.fromkeys(variant.category.value for variant in place.variants)
    block = pair.place
    left_marks, right_marks = list(_marks(pair.base)), list(_marks(pair.other))
    row = Row(
        number=0,
        where=", ".join(where(block.zone, block.number, block.note)),
        zone=pair.zone,
        was=tuple(_segments(left, was, left_marks, "was")),
        is_=tuple(_segments(right, is_, right_marks, "is")),
        merged=tuple(_merged(left, right, was, is_, right_marks)) if categories else (),
        categories=tuple(categories),
        numbers=tuple(number for _, number in whole if number is not None),
    )
    return _Raw(row, pair)


def _marks(blocks: Iterable[Block]) -> Iterator[tuple[int, str]]:
    """The note marks of a running text: where, and what they say; close to the word before."""
    start = 0
    for block in blocks:
        for mark in block.marks:
            head = block.text[: mark.offset]
            yield start + (len(head.rstrip()) or mark.offset), mark.label
        start += len(block.text) + len(BETWEEN)


def _segments(
    text: str, spans: Sequence[_Span], marks: Sequence[tuple[int, str]], role: str
) -> Iterator[Segment]:
    at = 0
    for span in spans:
        yield from _plain(text, at, span.start, marks)
        yield from _differing(text[span.start : span.end], span, role)
        yield from (Segment(label, "mark") for offset, label in marks if span.start < offset < span.end)
        at = span.end
    yield from _plain(text, at, len(text), marks, to_end=True)


def _merged(
    left: str, right: str, was: Sequence[_Span], is_: Sequence[_Span], marks: Sequence[tuple[int, str]]
) -> Iterator[Segment]:
    """Both texts in one: what stood there before what stands there."""
    if not (left and right):
        text, spans, role = (left, was, "was") if left else (right, is_, "is")
        yield from _segments(text, spans, marks, role)
        return
    at = 0
    for gone, come in zip(was, is_, strict=True):
        yield from _plain(right, at, come.start, marks)
        yield from _differing(left[gone.start : gone.end], gone, "was")
        yield from _differing(right[come.start : come.end], come, "is")
        yield from (Segment(label, "mark") for offset, label in marks if come.start < offset < come.end)
        at = come.end
    yield from _plain(right, at, len(right), marks, to_end=True)


def _differing(text: str, span: _Span, role: str) -> Iterator[Segment]:
    if text:
        yield Segment(text.replace(BETWEEN, " ¶ "), role, span.category, span.number)


def _plain(
    text: str, start: int, end: int, marks: Sequence[tuple[int, str]], *, to_end: bool = False
) -> Iterator[Segment]:
    """A stretch that is the same on both sides, cut where note marks and paragraphs are."""
    cuts = [(offset, Segment(label, "mark")) for offset, label in marks]
    cuts += [(place, Segment("¶", "break")) for place, sign in enumerate(text) if sign == BETWEEN]
    at = start
    for place, segment in sorted(cuts, key=lambda cut: cut[0]):
        if start <= place < end or (place == end and (to_end or segment.role == "mark")):
            if place > at:
                yield Segment(text[at:place])
            yield segment
            at = place + (segment.role == "break")
    if end > at:
        yield Segment(text[at:end])


# ── the rows as a whole ──────────────────────────────────────────────────────────────


def _numbered(found: Sequence[_Raw], base: Witness) -> list[_Raw]:
    """The rows with their numbers, and traces where moved paragraphs stood."""
    order = {(block.zone, block.number): place for place, block in enumerate(base.blocks)}

    def stood(raw: _Raw) -> int:
        return order.get((raw.pair.base[0].zone, raw.pair.base[0].number), -1)

    moved = sorted((raw for raw in found if raw.pair.moved and raw.pair.base), key=stood)
    waiting = [raw for raw in moved if raw.row.is_changed]
    rows: list[_Raw] = []
    traces: dict[int, int] = {}  # of a moved row, by what it is: where its trace stands
    for raw in found:
        if raw.pair.base and not raw.pair.moved:
            while waiting and stood(waiting[0]) < stood(raw):
                traces[id(waiting[0])] = len(rows) + 1
                rows.append(_trace(waiting.pop(0)))
        rows.append(raw)
    for raw in waiting:
        traces[id(raw)] = len(rows) + 1
        rows.append(_trace(raw))
    places = {id(raw): number for number, raw in enumerate(rows, 1)}
    came = {traces[key]: places[key] for key in traces}
    return [
        replace(raw, row=replace(raw.row, number=number, partner=traces.get(id(raw), came.get(number))))
        for number, raw in enumerate(rows, 1)
    ]


def _trace(raw: _Raw) -> _Raw:
    block = raw.pair.base[0]
    name = ", ".join(where(block.zone, block.number, block.note))
    return _Raw(Row(0, name, raw.row.zone, categories=("structure",), came=False), raw.pair)


def _with_notes(found: Sequence[_Raw], base: Witness, other: Witness) -> tuple[Row, ...]:
    """The rows, those that refer to a changed note knowing where that stands."""
    targets = {anchor: block.note for w in (base, other) for block in w.blocks for anchor in block.anchors}
    changed: dict[str, int] = {}
    for raw in found:
        if raw.row.zone is Zone.NOTE and raw.row.is_changed and not raw.row.is_trace:
            for block in (*raw.pair.base, *raw.pair.other):
                if block.note:
                    changed.setdefault(_label(block.note), raw.row.number)
    return tuple(
        raw.row
        if raw.row.zone is Zone.NOTE or raw.row.is_trace
        else replace(raw.row, notes=_notes(raw.pair, targets, changed))
        for raw in found
    )


def _notes(pair: Pair, targets: dict[str, str | None], changed: dict[str, int]) -> tuple[int, ...]:
    labels = [
        _label(targets.get(mark.target or "") or mark.label)
        for block in (*pair.base, *pair.other)
        for mark in block.marks
    ]
    return tuple(dict.fromkeys(changed[label] for label in labels if label in changed))


def _label(text: str) -> str:
    return text.strip(" .[]()")


def _places(rows: Iterable[Row]) -> dict[int, int]:
    found: dict[int, int] = {}
    for row in rows:
        for number in (*row.numbers, *(s.number for s in (*row.was, *row.is_) if s.number is not None)):
            found.setdefault(number, row.number)
    return found


def _runs(rows: Sequence[Row]) -> Iterator[Run]:
    shown = {
        near
        for place, row in enumerate(rows)
        if row.is_changed or row.notes
        for near in range(place - AROUND, place + AROUND + 1)
    }
    start = 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or (place in shown) != (start in shown):
            yield Run(tuple(rows[start:place]), start not in shown)
            start = place
