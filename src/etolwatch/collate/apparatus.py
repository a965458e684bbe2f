"""Several witnesses of one text → an apparatus: each place where any differs, with its readings.

Each witness is aligned with the first, the base. The places where they differ are counted in
tokens of the base's blocks; places that overlap become one, transitively, and there each
witness has the reading that it prints. A block that the base lacks is a row of its own.

What holds (`rebuilt`): from the rows, the places and the arrangement alone, each witness comes
back block by block, in its own order, with every word, number and mark as it prints them. White
space, note marks and the labels of notes are not kept, nor is mark-up.
"""

from __future__ import annotations

import itertools
import string
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from etolwatch.collate.align import Group, align
from etolwatch.collate.classify import Class, classify
from etolwatch.collate.collation import CUT_BY_US, WEIGHT
from etolwatch.collate.flags import Context, flags, is_sentence
from etolwatch.collate.lexicon import Knows, Lexicon, knows_nothing
from etolwatch.collate.pairs import FURNITURE, kind, words_after, words_before
from etolwatch.collate.tokens import Token, letters, tokens
from etolwatch.collate.words import LEAST_SIMILARITY, Edit, bigrams, dice, edits, exchanged
from etolwatch.model import Block, Category, Grade, Kind, Witness, Zone
from etolwatch.text.witness import NORMALISER

SEAM = "\n\n"  # between the blocks of a group: more white space than an ellipsis can bridge
BREAK = "\n"  # stands for it in a reading

Span = tuple[int, int]  # tokens [first, last)
Piece = tuple[int, int]  # a row, and which of the blocks that the witness makes of it


@dataclass(frozen=True, slots=True)
class Row:
    """One block of the base, or one that the base lacks and another witness has.

    ``number`` counts within the zone of the base; None where the base lacks the block. Such
    a row has no ``text``, and stands behind the row ``after`` (None: before all others).
    """

    zone: Zone
    number: int | None
    note: str | None
    text: str
    after: int | None = None

    @property
    def is_added(self) -> bool:
        """Whether the base lacks it."""
        return self.number is None


@dataclass(frozen=True, slots=True)
class Reading:
    """What some witnesses have in a place instead of the lemma, and how it differs from that.

    ``text`` is as the first of ``sigla`` prints it (in the others the spaces may differ), a
    line feed for a new paragraph; empty where they have nothing.
    """

    sigla: tuple[str, ...]
    text: str
    category: Category
    kind: Kind
    grade: Grade
    flags: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place where witnesses differ: characters [start, end) of the text of a row.

    ``sigla`` are those with the lemma. A witness that lacks the whole row is named in the
    place that is ``whole``, and in no other place of that row.
    """

    row: int
    start: int
    end: int
    lemma: str
    sigla: tuple[str, ...]
    readings: tuple[Reading, ...]
    before: str  # some words of context
    after: str
    whole: bool = False

    @property
    def grade(self) -> Grade:
        """That of the weightiest reading."""
        return max((reading.grade for reading in self.readings), key=WEIGHT.__getitem__)


@dataclass(frozen=True, slots=True)
class Rearrangement:
    """Rows that some witnesses print as one block (join), or behind the row ``after`` (transposition)."""

    kind: Kind
    rows: tuple[int, ...]
    sigla: tuple[str, ...]
    after: int | None = None  # of a transposition; None: at the beginning


@dataclass(frozen=True, slots=True)
class Apparatus:
    """All places in the order of the base, the first of ``sigla``.

    ``arrangement`` says, for each siglum, of which pieces of rows each of its blocks is made.
    """

    sigla: tuple[str, ...]
    rows: tuple[Row, ...]
    places: tuple[Place, ...]
    rearrangements: tuple[Rearrangement, ...]
    arrangement: Mapping[str, tuple[tuple[Piece, ...], ...]]
    normaliser: str


def sigla(count: int) -> list[str]:
    """The first ``count`` sigla: A to Z, then A1 to Z1, A2 …"""
    rounds = range(-(-count // len(string.ascii_uppercase)))
    return [f"{sign}{turn or ''}" for turn in rounds for sign in string.ascii_uppercase][:count]


def apparatus(witnesses: Sequence[tuple[str, Witness]], archive: Knows = knows_nothing) -> Apparatus:
    """The apparatus of two or more witnesses, each with its siglum; the first is the base.

    ``archive`` tells whether a case-folded word stands elsewhere in the archive. Raises
    ValueError for fewer than two witnesses or a siglum given twice.
    """
    names = tuple(siglum for siglum, _ in witnesses)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"an apparatus needs two witnesses or more, each with its own siglum: {names}")
    table = _Table(witnesses)
    lexicon = Lexicon(("\n".join(block.text for block in w.blocks) for _, w in witnesses), archive)
    return Apparatus(
        sigla=names,
        rows=tuple(table.rows),
        places=tuple(itertools.chain.from_iterable(_places(table, row, lexicon) for row in table.all_rows)),
        rearrangements=tuple(_rearrangements(table)),
        arrangement=table.arrangement,
        normaliser=NORMALISER,
    )


def rebuilt(found: Apparatus, siglum: str) -> list[list[str]]:
    """The tokens, as printed, of each block of a witness, from the apparatus alone.

    Raises KeyError for an unknown siglum.
    """
    places: dict[int, list[Place]] = {}
    for place in found.places:
        places.setdefault(place.row, []).append(place)
    parts: dict[int, list[list[str]]] = {}
    blocks = []
    for pieces in found.arrangement[siglum]:
        for row, _ in pieces:
            if row not in parts:
                parts[row] = _parts(found.rows[row].text, places.get(row, []), siglum)
        blocks.append([token for row, part in pieces for token in parts[row][part]])
    return blocks


def reading_of(place: Place, siglum: str) -> str:
    """What a witness has in a place: a reading, or the lemma."""
    return next((reading.text for reading in place.readings if siglum in reading.sigla), place.lemma)


def _parts(text: str, places: Sequence[Place], siglum: str) -> list[list[str]]:
    """The tokens of one row in one witness, cut where it begins a new block."""
    segments, at = [], 0
    for place in places:
        if place.whole and siglum in place.sigla:
            continue
        segments += [text[at : place.start], reading_of(place, siglum)]
        at = place.end
    segments.append(text[at:])
    parts: list[list[str]] = [[]]
    for segment in segments:
        first, *others = segment.split(BREAK)
        parts[-1].extend(token.t for token in tokens(first))
        parts.extend([token.t for token in tokens(other)] for other in others)
    return parts


# ── which blocks of the witnesses stand in which row ──


@dataclass(frozen=True, slots=True)
class _Change:
    """Tokens of a row that stand against tokens of a witness."""

    base: Span
    other: Span

    @property
    def shift(self) -> int:
        return (self.other[1] - self.other[0]) - (self.base[1] - self.base[0])


@dataclass(frozen=True, slots=True)
class _Telling:
    """How one witness tells one row.

    ``first`` is the token of ``text`` that answers to the first of the row; ``spans`` are the
    tokens of the row that must be in a place, for the witness differs there.
    """

    zone: Zone
    text: str
    tokens: Sequence[Token]
    first: int
    spans: tuple[Span, ...]
    starts: Sequence[int]  # of each change, in the row
    ends: Sequence[int]
    shifts: Sequence[int]  # of all changes before each, and of all

    @classmethod
    def of(
        cls,
        zone: Zone,
        text: str,
        found: Sequence[Token],
        first: int,
        length: int,
        changes: Sequence[_Change],
    ) -> _Telling:
        """From the changes in a row of ``length`` tokens."""
        return cls(
            zone,
            text,
            found,
            first,
            tuple(_span(change, length) for change in changes),
            [change.base[0] for change in changes],
            [change.base[1] for change in changes],
            list(itertools.accumulate((change.shift for change in changes), initial=0)),
        )

    def reading(self, span: Span) -> str:
        """What the witness has for these tokens of the row."""
        low, high = span
        if low < high:
            head, tail = bisect_right(self.ends, low), bisect_left(self.starts, high)
        else:
            head, tail = bisect_left(self.starts, low), bisect_right(self.ends, low)
        start, end = self.first + low + self.shifts[head], self.first + high + self.shifts[tail]
        return _folded(self.text[self.tokens[start].start : self.tokens[end - 1].end]) if start < end else ""


class _Table:
    """The rows, and what stands in each of them: filled while it is made, read afterwards.

    ``tellings`` has no entry for a witness that lacks the row, and None where it tells the
    row as the base does.
    """

    def __init__(self, witnesses: Sequence[tuple[str, Witness]]) -> None:
        (self.base_siglum, base), *others = witnesses
        self.base = base.blocks
        self.blocks = {siglum: witness.blocks for siglum, witness in others}
        self.groups = {siglum: align(self.base, blocks) for siglum, blocks in self.blocks.items()}
        self.rows: list[Row] = []
        self.row_of: dict[int, int] = {}  # of a block of the base
        self.added: dict[tuple[str, int], int] = {}  # siglum and block → row that the base lacks
        self.tellings: dict[tuple[int, str], _Telling | None] = {}
        self._lay_rows()
        self.arrangement: dict[str, tuple[tuple[Piece, ...], ...]] = {
            self.base_siglum: tuple(((row, 0),) for row in self.row_of.values())
        }
        for siglum in self.blocks:
            self._tell(siglum)
            self.arrangement[siglum] = self._arranged(siglum)

    @property
    def all_rows(self) -> range:
        return range(len(self.rows))

    def _lay_rows(self) -> None:
        slots: dict[int, list[tuple[str, list[int]]]] = {}
        for siglum, groups in self.groups.items():
            for slot, places in _additions(groups).items():
                slots.setdefault(slot, []).append((siglum, places))
        for slot in range(-1, len(self.base)):
            if slot >= 0:
                block = self.base[slot]
                self.row_of[slot] = len(self.rows)
                self.rows.append(Row(block.zone, block.number, block.note, block.text))
            for column in _columns(slots.get(slot, ()), self.blocks):
                self._add_row(column, self.row_of.get(slot))

    def _add_row(self, column: Mapping[str, int], after: int | None) -> None:
        siglum, place = next(iter(column.items()))
        block = self.blocks[siglum][place]
        self.added.update({item: len(self.rows) for item in column.items()})
        self.rows.append(Row(block.zone, None, block.note, "", after))

    def _tell(self, siglum: str) -> None:
        for group in self.groups[siglum]:
            other = [self.blocks[siglum][j] for j in group.other]
            if not group.base:
                self.tellings[self.added[siglum, group.other[0]], siglum] = _new(other[0])
            elif group.other:
                told = _told([self.base[i] for i in group.base], other)
                rows = (self.row_of[i] for i in group.base)
                self.tellings.update({(row, siglum): each for row, each in zip(rows, told, strict=True)})

    def _arranged(self, siglum: str) -> tuple[tuple[Piece, ...], ...]:
        pieces: dict[int, tuple[Piece, ...]] = {}
        for group in self.groups[siglum]:
            rows = [self.row_of[i] for i in group.base]
            for part, j in enumerate(group.other):
                pieces[j] = tuple((row, part) for row in rows) or ((self.added[siglum, j], 0),)
        return tuple(pieces[j] for j in range(len(self.blocks[siglum])))


def _additions(groups: Sequence[Group]) -> dict[int, list[int]]:
    """Blocks that the base lacks, by the block of the base behind which they stand (-1: none)."""
    slots: dict[int, list[int]] = {}
    last = -1
    for group in groups:
        if not group.base:
            slots.setdefault(last, []).extend(group.other)
        elif group.other and not group.moved:
            last = group.base[-1]
    return slots


def _columns(
    added: Sequence[tuple[str, list[int]]], blocks: Mapping[str, Sequence[Block]]
) -> list[dict[str, int]]:
    """Added blocks of several witnesses side by side, siglum → block, where they are alike."""
    columns: list[dict[str, int]] = []
    for siglum, places in added:
        known = [blocks[name][place] for name, place in (next(iter(column.items())) for column in columns)]
        merged: list[dict[str, int]] = []
        for group in align(known, [blocks[siglum][place] for place in places]):
            if len(group.base) == len(group.other) == 1 and not group.moved:
                merged.append(columns[group.base[0]] | {siglum: places[group.other[0]]})
            else:
                merged += [columns[i] for i in group.base] + [{siglum: places[j]} for j in group.other]
        columns = merged
    return columns


# ── how a witness tells a row ──


def _new(block: Block) -> _Telling:
    found = tokens(block.text)
    return _Telling.of(block.zone, block.text, found, 0, 0, [_Change((0, 0), (0, len(found)))])


def _told(base: Sequence[Block], other: Sequence[Block]) -> list[_Telling | None]:
    """A group of blocks, row by row of the base."""
    parts = [_as_in_base(block, base) for block in other]
    if len(base) == len(parts) == 1 and base[0].text == parts[0]:
        return [None]
    zone, text = other[0].zone, SEAM.join(parts)
    whole = SEAM.join(block.text for block in base)
    left, right = tokens(whole), tokens(text)
    changes = _changes(_edits(whole, text, zone), left, right)
    if len(base) == 1:
        changes = _with_breaks(changes, parts, len(left))
    told: list[_Telling | None] = []
    low, first, uncut = 0, 0, changes
    for block in base:
        high = low + len(tokens(block.text))
        ours, uncut = _cut(uncut, low, high)
        told.append(_Telling.of(zone, text, right, first, high - low, ours))
        first += high - low + sum(change.shift for change in ours)
        low = high
    return told


def _as_in_base(block: Block, base: Sequence[Block]) -> str:
    """The text of a block; the label of a note stands in it where, and only where, it does in the base."""
    labels = [other.note for other in base if other.note]
    if block.note and not labels:
        label = block.note
        return f"{label} {block.text}" if base[0].text.startswith(label.strip()) else block.text
    if labels and not block.note:
        return block.text.removeprefix(labels[0].strip()).strip()
    return block.text


def _edits(left: str, right: str, zone: Zone) -> list[Edit]:
    if zone is Zone.UPDATED:
        return exchanged(left, right)
    found = edits(left, right)
    unlike = dice(bigrams(left), bigrams(right)) < LEAST_SIMILARITY and letters(left) != letters(right)
    return exchanged(left, right) if len(found) > 1 and unlike and zone is not Zone.INDEX else found


def _changes(found: Sequence[Edit], left: Sequence[Token], right: Sequence[Token]) -> list[_Change]:
    """Edits counted in tokens. One that is of spaces alone has no tokens on either side."""
    ours, theirs = [token.start for token in left], [token.start for token in right]
    return [
        _Change(
            (bisect_left(ours, edit.base_start), bisect_left(ours, edit.base_end)),
            (bisect_left(theirs, edit.other_start), bisect_left(theirs, edit.other_end)),
        )
        for edit in found
    ]


def _cut(changes: Sequence[_Change], low: int, high: int) -> tuple[list[_Change], list[_Change]]:
    """The changes that begin in tokens [low, high), counted from ``low``, and what is left of them all.

    One that goes on into the next row leaves its whole reading here, and an omission there.
    """
    ours: list[_Change] = []
    rest: list[_Change] = []
    for change in changes:
        start, end = change.base
        if start > high or (start == high and end > high):
            rest.append(change)
            continue
        ours.append(_Change((start - low, min(end, high) - low), change.other))
        if end > high:
            rest.append(_Change((high, end), (change.other[1], change.other[1])))
    return ours, rest


def _span(change: _Change, length: int) -> Span:
    """The tokens to be shown: of a change of spaces, those around it."""
    low, high = change.base
    if low == high and change.other[0] == change.other[1]:
        return max(0, low - 1), min(length, high + 1)
    return low, high


def _with_breaks(changes: Sequence[_Change], parts: Sequence[str], length: int) -> list[_Change]:
    """The changes, and with each place where the witness begins a new block the words around it."""
    found, at = list(changes), 0
    ends = length, sum(len(tokens(part)) for part in parts)
    for part in parts[:-1]:
        at += len(tokens(part))
        if not any(change.other[0] < at < change.other[1] for change in found):
            found = _with(_around(found, at, ends), found)
    return found


def _around(changes: Sequence[_Change], at: int, ends: tuple[int, int]) -> _Change:
    """What stands before and behind a token of the witness: a word, or a change."""
    beside = [change for change in changes if change.other[0] <= at <= change.other[1]]
    same = at - sum(change.shift for change in changes if change.other[1] < at)
    low, high = (beside[0].base[0], beside[-1].base[1]) if beside else (same, same)
    first, last = (beside[0].other[0], beside[-1].other[1]) if beside else (at, at)
    back, forth = int(low > 0 and first > 0), int(high < ends[0] and last < ends[1])
    return _Change((low - back, high + forth), (first - back, last + forth))


def _with(new: _Change, changes: Sequence[_Change]) -> list[_Change]:
    """The changes with one more, those that overlap it taken into it."""
    kept = []
    for change in changes:
        before = change.base[1] <= new.base[0] and change.other[1] <= new.other[0]
        behind = change.base[0] >= new.base[1] and change.other[0] >= new.other[1]
        if before or behind:
            kept.append(change)
        else:
            new = _Change(_hull(new.base, change.base), _hull(new.other, change.other))
    return sorted([*kept, new], key=lambda change: (change.base, change.other))


def _hull(one: Span, two: Span) -> Span:
    return min(one[0], two[0]), max(one[1], two[1])


def _folded(text: str) -> str:
    return BREAK.join(" ".join(part.split()) for part in text.split(SEAM))


# ── the places ──


def _places(table: _Table, number: int, lexicon: Lexicon) -> Iterator[Place]:
    """The places of one row: first the block as a whole, then those in it."""
    row = table.rows[number]
    told = {
        siglum: table.tellings[number, siglum]
        for siglum in table.blocks
        if (number, siglum) in table.tellings
    }
    whole = _whole_place(table, number, told, lexicon)
    if whole.readings:
        yield whole
    if row.is_added:
        return
    found = tokens(row.text)
    for span in _merged(span for telling in told.values() if telling for span in telling.spans):
        place = _place(table, number, span, found, told, lexicon)
        if place.readings:
            yield place


def _merged(spans: Iterator[Span]) -> list[Span]:
    """Overlapping spans as one; those that only touch stay apart, but for two empty ones in one place."""
    merged: list[Span] = []
    for low, high in sorted(set(spans)):
        if merged and low < merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return merged


def _whole_place(table: _Table, number: int, told: Mapping[str, _Telling | None], lexicon: Lexicon) -> Place:
    """The block as added by some witnesses, or as omitted by some; without readings if by none."""
    row = table.rows[number]
    lacking = tuple(siglum for siglum in table.blocks if siglum not in told)
    if row.is_added:
        having = (table.base_siglum, *lacking)
        texts = {siglum: telling.reading((0, 0)) for siglum, telling in told.items() if telling}
    else:
        having, texts = (table.base_siglum, *told), dict.fromkeys(lacking, "")
    readings = [
        _reading(names, text, _class_of_block(row.zone, row.text, text, lexicon), row.text)
        for text, names in _grouped(texts).items()
    ]
    return Place(number, 0, len(row.text), row.text, having, tuple(readings), "", "", whole=True)


def _place(
    table: _Table,
    number: int,
    span: Span,
    found: Sequence[Token],
    told: Mapping[str, _Telling | None],
    lexicon: Lexicon,
) -> Place:
    row, (low, high) = table.rows[number], span
    start = found[low].start if low < high else (found[low - 1].end if low else 0)
    end = found[high - 1].end if low < high else start
    lemma = row.text[start:end]
    texts = {siglum: telling.reading(span) if telling else lemma for siglum, telling in told.items()}
    groups = _grouped(texts)
    agreeing = groups.pop(_folded(lemma), ())
    context = Context(words_before(row.text, start), words_after(row.text, end))
    readings = []
    for text, names in groups.items():
        telling = told[names[0]]
        zone = telling.zone if telling and row.zone in FURNITURE else row.zone
        readings.append(_reading(names, text, _class(zone, lemma, text, lexicon, context), lemma))
    having = (table.base_siglum, *agreeing)
    return Place(number, start, end, lemma, having, tuple(readings), context.before, context.after)


def _grouped(texts: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Witnesses that read the same together, in the order of the first of them."""
    groups: dict[str, tuple[str, ...]] = {}
    for siglum, text in texts.items():
        key = _folded(text) if BREAK not in text else text
        groups[key] = (*groups.get(key, ()), siglum)
    return groups


def _reading(names: tuple[str, ...], text: str, found: Class, lemma: str) -> Reading:
    how = Kind.SPLIT if found.category is Category.STRUCTURE else kind(lemma, text)
    return Reading(names, text, found.category, how, found.grade, found.flags, found.why)


def _class(zone: Zone, lemma: str, reading: str, lexicon: Lexicon, context: Context) -> Class:
    plain = reading.replace(BREAK, " ")
    if plain != reading and plain == _folded(lemma):
        grade = Grade.NONE if zone in CUT_BY_US else Grade.COSMETIC
        return Class(Category.STRUCTURE, grade, "a new paragraph, the same words")
    match zone:
        case Zone.NAVIGATION:
            return Class(Category.NAVIGATION, Grade.NONE, "links that lead about the site")
        case Zone.UPDATED:
            return Class(Category.UPDATED, Grade.NONE, "the page's own date line")
        case Zone.NOTE_HEAD:
            return Class(Category.APPARATUS, Grade.COSMETIC, "the heading over the notes")
        case _:
            return classify(lemma, plain, zone, lexicon, context)


def _class_of_block(zone: Zone, lemma: str, reading: str, lexicon: Lexicon) -> Class:
    """Of a whole block that stands on one side only."""
    done = "omitted" if lemma else "added"
    found = _class(zone, lemma, reading, lexicon, Context())
    if zone is Zone.NOTE:
        noted = flags(lemma, reading, lexicon, Context())
        return Class(Category.APPARATUS, Grade.WORDS, f"a note {done}", noted)
    if found.category is Category.INDEX:
        return replace(found, why=f"a listed work {done}")
    if found.category is Category.SUBSTANTIVE and not letters(lemma + reading):
        return Class(Category.PUNCTUATION, Grade.COSMETIC, f"a line of marks without words {done}")
    if found.category is Category.SUBSTANTIVE:
        omitted = ("omission",) if is_sentence(lemma) and "omission" not in found.flags else ()
        return replace(found, why=f"a paragraph {done}", flags=(*found.flags, *omitted))
    return found


# ── the order of the blocks ──


def _rearrangements(table: _Table) -> Iterator[Rearrangement]:
    """Joins and transpositions, those that are the same in several witnesses as one."""
    found: dict[tuple[tuple[int, ...], Kind, int | None], tuple[str, ...]] = {}
    for siglum, groups in table.groups.items():
        for group in groups:
            for how, after in _moves(table, siglum, group):
                rows = tuple(table.row_of[i] for i in group.base)
                found[rows, how, after] = (*found.get((rows, how, after), ()), siglum)
    for (rows, how, after), names in sorted(found.items(), key=lambda item: item[0][0]):
        yield Rearrangement(how, rows, names, after)


def _moves(table: _Table, siglum: str, group: Group) -> Iterator[tuple[Kind, int | None]]:
    if not group.base or not group.other:
        return
    zones = {table.base[i].zone for i in group.base} | {table.blocks[siglum][j].zone for j in group.other}
    if len(group.base) > 1 and CUT_BY_US.isdisjoint(zones):
        yield Kind.JOIN, None
    if group.moved and Zone.NAVIGATION not in zones:
        before = group.other[0] - 1
        yield Kind.TRANSPOSITION, table.arrangement[siglum][before][-1][0] if before >= 0 else None
