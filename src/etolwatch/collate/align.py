"""Which blocks of the base stand against which of the other.

Blocks whose letters are the same, and stand once on each side, are anchors; the longest
run of them that keeps its order holds the page together, those off it have moved. In the
gaps blocks are paired by likeness (Needleman and Wunsch 1970, on word bigrams), after
those that were split or joined. Every block is in exactly one group.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Indel

from etolwatch.collate.tokens import letters
from etolwatch.collate.words import bigrams, dice, longest_increasing
from etolwatch.model import Block, Zone

LIKE = 0.3  # in its place, a block this like another is the same block altered
LIKE_IN_LETTERS = 0.6
MOVED = 0.5  # away from its place it must be liker
PART = 0.6  # of a block's word pairs: so many of its words were cut from, or put to, its neighbour
FEWEST_PAIRS = 3
MOST_STARTS = 50  # places where a split block is looked for
SHORTEST_PART, SHORTEST_WHOLE = 4, 20  # letters; “3” and “2” are no halves of “32”
LARGEST_GAP = 40_000  # pairs of blocks compared by likeness; beyond, by position
SHORT = 60  # characters: a heading, a name, a date; likeness of words tells nothing there


@dataclass(frozen=True, slots=True)
class Group:
    """Blocks of the base (indices) against blocks of the other; one side may be empty."""

    base: tuple[int, ...]
    other: tuple[int, ...]
    moved: bool = False


def align(base: Sequence[Block], other: Sequence[Block]) -> list[Group]:
    """Groups in the order of the other, omissions where they stood."""
    return _Alignment(base, other).groups()


class _Alignment:
    """The pairing in the making: which indices are taken, and what is left in each gap."""

    def __init__(self, base: Sequence[Block], other: Sequence[Block]) -> None:
        self.base, self.other = base, other
        self.keys = [_key(block) for block in base], [_key(block) for block in other]
        self.grams: dict[tuple[int, int], frozenset[tuple[str, str]]] = {}
        self.found: list[Group] = []

    def groups(self) -> list[Group]:
        anchors, moved = self._anchors()
        self.found = [Group((i,), (j,)) for i, j in anchors] + [
            Group((i,), (j,), moved=True) for i, j in moved
        ]
        off = {i for i, _ in moved}, {j for _, j in moved}
        bounds = [(-1, -1), *anchors, (len(self.base), len(self.other))]
        for (i, j), (next_i, next_j) in itertools.pairwise(bounds):
            rows = [row for row in range(i + 1, next_i) if row not in off[0]]
            columns = [column for column in range(j + 1, next_j) if column not in off[1]]
            self._gap(rows, columns)
        self._altered_moves()
        return self._in_order()

    def _anchors(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Pairs equal in their letters: those that keep the order, and those that moved."""
        left, right = self.keys
        pairs = _unique_pairs(
            [_zoned_key(block, key) for block, key in zip(self.base, left, strict=True)],
            [_zoned_key(block, key) for block, key in zip(self.other, right, strict=True)],
        )
        taken = {i for i, _ in pairs}, {j for _, j in pairs}
        entries = _unique_pairs(
            ["" if i in taken[0] else _address(block) for i, block in enumerate(self.base)],
            ["" if j in taken[1] else _address(block) for j, block in enumerate(self.other)],
        )
        pairs = sorted([*pairs, *entries])
        kept = longest_increasing([j for _, j in pairs])
        in_order = [pairs[place] for place in kept]
        chosen = set(in_order)
        return in_order, [pair for pair in pairs if pair not in chosen]

    def _gap(self, rows: list[int], columns: list[int]) -> None:
        rows, columns = self._splits_and_joins(rows, columns)
        if rows and columns:
            pairs = self._by_likeness(rows, columns)
            rows, columns = _left(rows, columns, [Group((i,), (j,)) for i, j in pairs])
            grown = self._grown(pairs, set(rows), set(columns))
            self.found.extend(grown)
            rows, columns = _left(rows, columns, grown)
            rows, columns = self._by_zone(rows, columns)
            rows, columns = self._by_place(rows, columns)
        self.found.extend(Group((row,), ()) for row in rows)
        self.found.extend(Group((), (column,)) for column in columns)

    # ── split and joined ──

    def _splits_and_joins(self, rows: list[int], columns: list[int]) -> tuple[list[int], list[int]]:
        left, right = self.keys
        split = [Group((whole,), run) for whole, run in _runs(rows, left, columns, right)]
        rows, columns = _left(rows, columns, split)
        joined = [Group(run, (whole,)) for whole, run in _runs(columns, right, rows, left)]
        self.found.extend((*split, *joined))
        return _left(rows, columns, joined)

    def _grown(self, pairs: list[tuple[int, int]], rows: set[int], columns: set[int]) -> list[Group]:
        """Pairs, each with the neighbour that was cut from it or put to it and edited besides."""
        grown = []
        for i, j in pairs:
            others = [k for k in (j - 1, j + 1) if k in columns and self._is_part(1, k, j, i)]
            bases = [k for k in (i - 1, i + 1) if k in rows and not others and self._is_part(0, k, i, j)]
            columns.difference_update(others)
            rows.difference_update(bases)
            grown.append(Group(tuple(sorted((i, *bases))), tuple(sorted((j, *others)))))
        return grown

    def _is_part(self, side: int, part: int, neighbour: int, whole: int) -> bool:
        """Whether most of a block's word pairs stand in a block of the other side, and are missing there
        from the neighbour that was paired with it."""
        inner = frozenset(gram for gram in self._grams(side, part) if all(gram))
        paired, against = self._grams(side, neighbour), self._grams(1 - side, whole)
        most = len(inner) >= FEWEST_PAIRS and len(inner & against) >= PART * len(inner)
        return most and dice(paired | inner, against) > dice(paired, against)

    # ── altered in their place ──

    def _by_likeness(self, rows: list[int], columns: list[int]) -> list[tuple[int, int]]:
        if len(rows) * len(columns) > LARGEST_GAP:
            return [(i, j) for i, j in zip(rows, columns, strict=False) if self._like(i, j) >= LIKE]
        return self._needleman_wunsch(rows, columns)

    def _needleman_wunsch(self, rows: list[int], columns: list[int]) -> list[tuple[int, int]]:
        """The in-order pairing with the greatest sum of likeness; a pair below LIKE counts nothing."""
        likeness = [[self._like(i, j) for j in columns] for i in rows]
        best = [[0.0] * (len(columns) + 1) for _ in range(len(rows) + 1)]
        for r in range(len(rows) - 1, -1, -1):
            for c in range(len(columns) - 1, -1, -1):
                pair = likeness[r][c] + best[r + 1][c + 1] if likeness[r][c] >= LIKE else 0.0
                best[r][c] = max(best[r + 1][c], best[r][c + 1], pair)
        pairs, r, c = [], 0, 0
        while r < len(rows) and c < len(columns):
            if likeness[r][c] >= LIKE and best[r][c] == likeness[r][c] + best[r + 1][c + 1]:
                pairs.append((rows[r], columns[c]))
                r, c = r + 1, c + 1
            elif best[r][c] == best[r + 1][c]:
                r += 1
            else:
                c += 1
        return pairs

    def _like(self, i: int, j: int) -> float:
        """0 to 1; blocks of text and furniture are never alike."""
        if _is_furniture(self.base[i]) != _is_furniture(self.other[j]) and self.keys[0][i] != self.keys[1][j]:
            return 0.0
        if self.keys[0][i] == self.keys[1][j]:
            return 1.0 if self.keys[0][i] or self.base[i].text == self.other[j].text else 0.9
        like = dice(self._grams(0, i), self._grams(1, j))
        if (self.base[i].zone is Zone.NOTE) != (self.other[j].zone is Zone.NOTE):
            return like if like >= MOVED else 0.0  # a note may quote the paragraph it is about
        return max(like, self._like_in_letters(i, j))

    def _like_in_letters(self, i: int, j: int) -> float:
        """Likeness of short blocks, where words are too few to tell."""
        one, two = self.base[i].text, self.other[j].text
        if max(len(one), len(two)) > SHORT:
            return 0.0
        like = Indel.normalized_similarity(one, two)
        return like if like >= LIKE_IN_LETTERS else 0.0

    def _grams(self, side: int, place: int) -> frozenset[tuple[str, str]]:
        if (side, place) not in self.grams:
            block = (self.base, self.other)[side][place]
            self.grams[side, place] = bigrams(block.text)
        return self.grams[side, place]

    def _by_zone(self, rows: list[int], columns: list[int]) -> tuple[list[int], list[int]]:
        """What is left, one against one in its zone: a title is a title however it is worded."""
        for zone in (
            Zone.TITLE,
            Zone.HEADER,
            Zone.CREDIT,
            Zone.HEADING,
            Zone.UPDATED,
            Zone.NAVIGATION,
            Zone.NOTE_HEAD,
        ):
            left = [i for i in rows if self.base[i].zone is zone]
            right = [j for j in columns if self.other[j].zone is zone]
            if (
                len(left) == len(right) == 1
                and max(len(self.base[left[0]].text), len(self.other[right[0]].text)) < 4 * SHORT
            ):
                self.found.append(Group((left[0],), (right[0],)))
                rows = [i for i in rows if i != left[0]]
                columns = [j for j in columns if j != right[0]]
        return rows, columns

    def _by_place(self, rows: list[int], columns: list[int]) -> tuple[list[int], list[int]]:
        """Cells of a table, as many left on one side as on the other: a number has nothing to be like."""
        cells = [self.base[i].tag for i in rows] == [self.other[j].tag for j in columns]
        short = all(len(self.base[i].text) <= SHORT for i in rows) and all(
            len(self.other[j].text) <= SHORT for j in columns
        )
        if not rows or not cells or not short or not {self.base[i].tag for i in rows} <= {"td", "th"}:
            return rows, columns
        self.found.extend(Group((i,), (j,)) for i, j in zip(rows, columns, strict=True))
        return [], []

    # ── moved and altered ──

    def _altered_moves(self) -> None:
        rows = [group.base[0] for group in self.found if not group.other]
        columns = [group.other[0] for group in self.found if not group.base]
        if not rows or not columns or len(rows) * len(columns) > LARGEST_GAP:
            return
        ranked = sorted(
            ((self._like(i, j), -i, -j) for i in rows for j in columns if self._may_move(i, j)), reverse=True
        )
        taken_i: set[int] = set()
        taken_j: set[int] = set()
        for _like, i, j in ((like, -i, -j) for like, i, j in ranked if like >= MOVED):
            if i not in taken_i and j not in taken_j:
                taken_i.add(i)
                taken_j.add(j)
                self.found.remove(Group((i,), ()))
                self.found.remove(Group((), (j,)))
                self.found.append(Group((i,), (j,), moved=not self._is_refrain(i, j)))

    def _is_refrain(self, i: int, j: int) -> bool:
        """Words that stand several times: when what lies between them moves, they have not."""
        left, right = self.keys
        return left[i] == right[j] and left.count(left[i]) == right.count(right[j]) > 1

    def _may_move(self, i: int, j: int) -> bool:
        long = len(self.keys[0][i]) > 20 and len(self.keys[1][j]) > 20
        return long or (bool(self.keys[0][i]) and self._is_refrain(i, j))

    def _in_order(self) -> list[Group]:
        """Sorted by where they stand in the other; an omission behind the block it followed."""
        behind = {
            group.base[-1]: group.other[-1]
            for group in self.found
            if group.base and group.other and not group.moved
        }
        last, follows = -1, {}
        for i in range(len(self.base)):
            follows[i] = last
            last = behind.get(i, last)
        return sorted(
            self.found,
            key=lambda g: (g.other[0], -1, 0) if g.other else (follows[g.base[0]], 0, g.base[0]),
        )


def _left(rows: list[int], columns: list[int], groups: Sequence[Group]) -> tuple[list[int], list[int]]:
    """The rows and columns that are in none of these groups."""
    bases = {i for group in groups for i in group.base}
    others = {j for group in groups for j in group.other}
    return [i for i in rows if i not in bases], [j for j in columns if j not in others]


def _runs(
    wholes: Sequence[int], whole_keys: Sequence[str], parts: Sequence[int], part_keys: Sequence[str]
) -> list[tuple[int, tuple[int, ...]]]:
    """Blocks whose letters are those of two or more neighbours in a row: (whole, its parts)."""
    starts: dict[str, list[int]] = {}
    for place, part in enumerate(parts):
        if len(part_keys[part]) >= SHORTEST_PART:
            starts.setdefault(part_keys[part][:SHORTEST_PART], []).append(place)
    found = []
    taken = -1  # the order is kept, so a part serves once
    equal = {part_keys[part] for part in parts}
    for whole in wholes:
        key = whole_keys[whole]
        if len(key) < SHORTEST_WHOLE or key in equal:
            continue
        near = starts.get(key[:SHORTEST_PART], [])
        for start in near[bisect_right(near, taken) :][:MOST_STARTS]:
            end = _end_of_run(key, parts, part_keys, start)
            if end - start > 1:
                found.append((whole, tuple(parts[start:end])))
                taken = end - 1
                break
    return found


def _end_of_run(whole: str, parts: Sequence[int], keys: Sequence[str], start: int) -> int:
    """Where a row of parts ends that together are the whole; 0 if there is none."""
    length = 0
    for place in range(start, len(parts)):
        key = keys[parts[place]]
        if not whole.startswith(key, length):
            return 0
        length += len(key)
        if length == len(whole):
            return place + 1
    return 0


def _unique_pairs(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Places with the same key, where it stands once on each side."""
    once = {key for key, count in Counter(left).items() if count == 1 and key}
    once &= {key for key, count in Counter(right).items() if count == 1}
    where = {key: j for j, key in enumerate(right) if key in once}
    return [(i, where[key]) for i, key in enumerate(left) if key in once]


def _address(block: Block) -> str:
    """Where an entry of a list of works leads: a work keeps it when it is retitled."""
    return block.links[0][2] if block.zone is Zone.INDEX and block.links else ""


def _key(block: Block) -> str:
    return letters(block.text)


def _zoned_key(block: Block, key: str) -> str:
    """A note and the paragraph that it quotes are no anchor for one another."""
    return f"note {key}" if key and block.zone is Zone.NOTE else key


def _is_furniture(block: Block) -> bool:
    return block.zone in (Zone.NAVIGATION, Zone.UPDATED)
