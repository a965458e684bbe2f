"""For each block of a page as it is now: since when it stands in this form, and what changed it.

A form is the words, numbers and marks in their order, as printed; mark-up, note marks, the label
of a note and the zone are none of it. The ancestors of a block are followed from version to version through
moves, splits and joins, as `align` pairs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from etolwatch.collate.align import Group, align
from etolwatch.collate.collation import collate
from etolwatch.collate.lexicon import Knows, knows_nothing
from etolwatch.collate.tokens import tokens
from etolwatch.model import Block, Category, Grade, Variant, Witness

Form = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """One text of a page, as it was captured."""

    at: datetime | None  # aware, UTC
    witness: Witness


@dataclass(frozen=True, slots=True)
class Stay:
    """A run of versions, by their places in the list, each of which has the form of a block."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a block or its ancestors between a version and the one before it.

    ``variants`` are those of these blocks alone, an addition where there was none before;
    ``moved`` tells that one stands elsewhere among the others. The change was made in
    (``after_at``, ``until_at``].
    """

    version: int
    after_at: datetime | None
    until_at: datetime | None
    variants: tuple[Variant, ...]
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Blame:
    """One block of the last version.

    ``stays`` are all the runs of versions in which its form stood on the page, oldest first,
    so the first version of the first is where it was first seen, and the gaps between them are
    when it was away; ``since`` is where the last, unbroken run begins. ``changes`` of it and
    its ancestors come last first: none if it stands as it was in the first version.
    """

    block: Block
    stays: tuple[Stay, ...]
    changes: tuple[Change, ...]

    @property
    def first_seen(self) -> int:
        """The version in which it was first seen in this form."""
        return self.stays[0].first

    @property
    def since(self) -> int:
        """The version from which on it has stood in this form without a break."""
        return self.stays[-1].first

    @property
    def changed(self) -> Change | None:
        """What last changed it."""
        return self.changes[0] if self.changes else None


def blame(versions: Sequence[Version], archive: Knows = knows_nothing) -> list[Blame]:
    """For each block of the last version, oldest version first; empty for no versions.

    ``archive`` tells whether a case-folded word stands elsewhere in the archive.
    """
    if not versions:
        return []
    standing = [
        frozenset(each for block in version.witness.blocks for each in forms(block)) for version in versions
    ]
    descent = _Descent(versions, archive)
    return [
        Blame(block, tuple(_stays(forms(block), standing)), tuple(descent.changes(place)))
        for place, block in enumerate(versions[-1].witness.blocks)
    ]


def forms(block: Block) -> frozenset[Form]:
    """What makes a block the same: its tokens as printed; of a note also those with its label.

    So a note that is renumbered, or known as a note in some versions only, stays the same.
    """
    texts = [block.text, f"{block.note} {block.text}"] if block.note else [block.text]
    return frozenset(tuple(token.t for token in tokens(text)) for text in texts)


def _stays(wanted: frozenset[Form], standing: Sequence[frozenset[Form]]) -> Iterator[Stay]:
    first: int | None = None
    for place, present in enumerate(standing):
        if wanted & present:
            first = place if first is None else first
        elif first is not None:
            yield Stay(first, place - 1)
            first = None
    if first is not None:
        yield Stay(first, len(standing) - 1)


class _Descent:
    """Which blocks of each version answer to which of the one before it."""

    def __init__(self, versions: Sequence[Version], archive: Knows) -> None:
        self.versions, self.archive = versions, archive
        self.groups = [self._groups(later) for later in range(1, len(versions))]
        self.known: dict[tuple[int, Group], tuple[Variant, ...]] = {}

    def _groups(self, later: int) -> dict[int, Group]:
        """Block of a version → its group; of the same blocks each is its own ancestor."""
        before, after = (version.witness.blocks for version in self.versions[later - 1 : later + 1])
        if before == after:
            return {place: Group((place,), (place,)) for place in range(len(after))}
        return {place: group for group in align(before, after) for place in group.other}

    def changes(self, block: int) -> Iterator[Change]:
        """Of a block of the last version and its ancestors, last first."""
        followed = [block]
        for later in range(len(self.versions) - 1, 0, -1):
            groups = list(dict.fromkeys(self.groups[later - 1][place] for place in followed))
            variants = [variant for group in groups for variant in self._variants(later, group)]
            moved = any(group.moved for group in groups)
            if variants or moved:
                before, after = self.versions[later - 1], self.versions[later]
                yield Change(later, before.at, after.at, tuple(variants), moved)
            followed = sorted({place for group in groups for place in group.base})
            if not followed:
                return

    def _variants(self, later: int, group: Group) -> tuple[Variant, ...]:
        if (later, group) not in self.known:
            self.known[later, group] = self._collated(later, group)
        return self.known[later, group]

    def _collated(self, later: int, group: Group) -> tuple[Variant, ...]:
        """Where the blocks of one group differ; emphasis and what weighs nothing, only if nothing else."""
        before, after = (version.witness for version in self.versions[later - 1 : later + 1])
        old, new = [before.blocks[i] for i in group.base], [after.blocks[j] for j in group.other]
        if len(old) == len(new) == 1 and forms(old[0]) & forms(new[0]):
            return ()
        base, other = replace(before, blocks=tuple(old)), replace(after, blocks=tuple(new))
        found = collate(base, other, self.archive).variants
        return tuple(variant for variant in found if _is_of_words(variant)) or found


def _is_of_words(variant: Variant) -> bool:
    return variant.grade is not Grade.NONE and variant.category is not Category.EMPHASIS
