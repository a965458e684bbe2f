"""A group of aligned blocks as two running texts, and the variants that one such pair can have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from etolwatch.collate.align import Group
from etolwatch.collate.classify import Class
from etolwatch.collate.words import Edit
from etolwatch.model import Block, Kind, Variant, Zone

CONTEXT_WORDS = 5
BETWEEN = "\n"  # stands between the blocks of a group; white space is no token
FURNITURE = frozenset((Zone.NAVIGATION, Zone.UPDATED))


@dataclass(frozen=True, slots=True)
class Pair:
    """Blocks of the base and blocks of the other that stand against one another."""

    base: tuple[Block, ...]
    other: tuple[Block, ...]
    moved: bool

    @classmethod
    def of(cls, group: Group, base: Sequence[Block], other: Sequence[Block]) -> Pair:
        left, right = [base[i] for i in group.base], [other[j] for j in group.other]
        return cls(
            tuple(_labelled(block, right) for block in left),
            tuple(_labelled(block, left) for block in right),
            group.moved,
        )

    @property
    def zone(self) -> Zone:
        """Where the two sides disagree, the zone that weighs more: an edit must not hide as furniture."""
        zones = [block.zone for block in (*self.base[:1], *self.other[:1])]
        weighty = [zone for zone in zones if zone not in FURNITURE]
        return (weighty or zones)[0]

    @property
    def place(self) -> Block:
        """The block by which a reader finds it."""
        return (self.base or self.other)[0]

    def whole(self, found: Class, lemma: str, reading: str, *, before: str = "", after: str = "") -> Variant:
        """A variant of the pair as a whole."""
        return Variant(
            category=found.category,
            kind=kind(lemma, reading) if lemma or reading else Kind.SUBSTITUTION,
            grade=found.grade,
            zone=self.zone,
            block=self.place.number,
            note=self.place.note,
            lemma=lemma,
            reading=reading,
            before=before,
            after=after,
            flags=found.flags,
            why=found.why,
        )


def _labelled(block: Block, against: Sequence[Block]) -> Block:
    """A note whose counterpart was not known as one keeps its label in its words, as that does."""
    if block.note is None or not any(b.note is None and b.text.startswith(block.note) for b in against):
        return block
    text = f"{block.note} {block.text}"
    return replace(block, text=text, raw=text, note=None)


def text_of(blocks: tuple[Block, ...]) -> str:
    return BETWEEN.join(block.text for block in blocks)


def block_at(blocks: tuple[Block, ...], offset: int) -> Block:
    """The block of a running text in which an offset lies."""
    start = 0
    for block in blocks[:-1]:
        if offset <= start + len(block.text):
            return block
        start += len(block.text) + len(BETWEEN)
    return blocks[-1]


def kind(lemma: str, reading: str) -> Kind:
    if not lemma:
        return Kind.ADDITION
    return Kind.SUBSTITUTION if reading else Kind.OMISSION


def words_before(text: str, offset: int) -> str:
    return " ".join(text[max(0, offset - 200) : offset].split()[-CONTEXT_WORDS:])


def words_after(text: str, offset: int) -> str:
    return " ".join(text[offset : offset + 200].split()[:CONTEXT_WORDS])


@dataclass(frozen=True, slots=True)
class Shown:
    """A place as it is told: before + lemma + after is the base, before + reading + after the other."""

    lemma: str
    reading: str
    before: str
    after: str
    spaced: tuple[str, str] | None = None


def shown(base: str, other: str, edit: Edit) -> Shown:
    """The differing words with five words of context, to which the spaces around them belong.

    Where one side has such a space and the other has none, it is part of what differs, and
    ``spaced`` has both sides with it.
    """
    one = _trimmed(base, edit.base_start, edit.base_end)
    two = _trimmed(other, edit.other_start, edit.other_end)
    lemma, reading = base[slice(*one)], other[slice(*two)]
    sides = [spaces(text, *span) for text, span in ((base, one), (other, two)) if span[0] < span[1]]
    left, right = (all(side) for side in zip(*sides, strict=True)) if sides else (False, False)
    spaced = None
    if lemma and reading and sides[0] != sides[1]:
        spaced = (_padded(lemma, sides[0], (left, right)), _padded(reading, sides[1], (left, right)))
    return Shown(lemma, reading, *context(base, *one, (left, right)), spaced)


def _padded(words: str, own: tuple[bool, bool], shared: tuple[bool, bool]) -> str:
    return " " * (own[0] and not shared[0]) + words + " " * (own[1] and not shared[1])


def context(text: str, start: int, end: int, spaced: tuple[bool, bool]) -> tuple[str, str]:
    """Five words before a span and five after it, with a space between them and it where ``spaced``."""
    before, after = words_before(text, start), words_after(text, end)
    return before + " " * (bool(before) and spaced[0]), " " * (bool(after) and spaced[1]) + after


def spaces(text: str, start: int, end: int) -> tuple[bool, bool]:
    """Whether white space, or nothing more, stands before and behind a span."""
    return start == 0 or text[start - 1 : start].isspace(), end >= len(text) or text[end].isspace()


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the white space at its ends."""
    inner = text[start:end]
    start += len(inner) - len(inner.lstrip())
    return start, start + len(inner.strip())
