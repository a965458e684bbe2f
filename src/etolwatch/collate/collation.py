"""Two witnesses → all their variants, each with its class, place and context."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest

from etolwatch.collate.align import align
from etolwatch.collate.classify import Class, classify
from etolwatch.collate.emphasis import emphasis
from etolwatch.collate.flags import Context, flags, is_sentence
from etolwatch.collate.lexicon import Knows, Lexicon, knows_nothing
from etolwatch.collate.notes import apparatus, without_echoes
from etolwatch.collate.pairs import FURNITURE, Pair, block_at, kind, shown, text_of, words_after, words_before
from etolwatch.collate.tokens import letters, tokens, typo
from etolwatch.collate.words import LEAST_SIMILARITY, Edit, bigrams, dice, edits, exchanged
from etolwatch.model import Block, Category, Collation, Grade, Kind, Variant, Witness, Zone
from etolwatch.text.decode import repair
from etolwatch.text.links import joined
from etolwatch.text.witness import NORMALISER

WEIGHT = {Grade.NONE: 0, Grade.COSMETIC: 1, Grade.WORDS: 2}
# Alike all over a page, these are one observation with a count (collation.md §3.3).
COUNTED = frozenset((Category.TYPOGRAPHY, Category.WHITESPACE, Category.ENCODING))
LONG = 20_000  # characters of a block; beyond, what is unlike is not looked into
MOST_BLOCKS = 3_000  # of a page; the longest real ones have some 700
# Zones whose lines are cut by us: that they are split or joined says nothing.
CUT_BY_US = frozenset((Zone.HEADER, Zone.CREDIT, Zone.INDEX, Zone.NAVIGATION))


def collate(base: Witness, other: Witness, archive: Knows = knows_nothing) -> Collation:
    """All the places where two witnesses differ, in reading order; none for equal texts.

    ``archive`` tells whether a case-folded word stands elsewhere in the archive.
    """
    if base.blocks == other.blocks:
        return Collation((), Grade.NONE, NORMALISER)
    aligned = places(base, other, archive)
    found = [variant for place in aligned for variant in place.variants]
    if base.is_index and other.is_index:
        found += [variant for place in aligned for variant in _addresses(place.pair, base.uri, other.uri)]
    variants = _counted(without_echoes(found))
    return Collation(tuple(variants), grade(variants), NORMALISER)


@dataclass(frozen=True, slots=True)
class Place:
    """Blocks that stand against one another, and where in their texts they differ.

    ``edits`` are places of the running texts (`text_of` of each side) with the variant that each
    is; ``moved`` and ``others`` are variants of the blocks as a whole.
    """

    pair: Pair
    moved: tuple[Variant, ...] = ()
    edits: tuple[tuple[Edit, Variant], ...] = ()
    others: tuple[Variant, ...] = ()

    @property
    def variants(self) -> tuple[Variant, ...]:
        return (*self.moved, *(variant for _, variant in self.edits), *self.others)


def places(base: Witness, other: Witness, archive: Knows = knows_nothing) -> list[Place]:
    """All blocks of two witnesses, each with what stands against it, in the order of the other.

    What is omitted stands where it stood. Unlike in `collate`, each place is told by itself.
    """
    lexicon = Lexicon(("\n".join(block.text for block in w.blocks) for w in (base, other)), archive)
    left, right = _bounded(base.blocks), _bounded(other.blocks)
    return [_place(Pair.of(group, left, right), lexicon) for group in align(left, right)]


def _bounded(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks; of very many, neighbours joined, so that a table of 100,000 cells is compared too."""
    many = -(-len(blocks) // MOST_BLOCKS)
    if many < 2:
        return blocks
    runs = (blocks[start : start + many] for start in range(0, len(blocks), many))
    return tuple(
        replace(run[0], text=text_of(run), raw=text_of(run), marks=(), links=(), emphasis=()) for run in runs
    )


def grade(variants: Iterable[Variant]) -> Grade:
    """That of the weightiest variant."""
    return max((variant.grade for variant in variants), key=WEIGHT.__getitem__, default=Grade.NONE)


def _place(pair: Pair, lexicon: Lexicon) -> Place:
    if not pair.base or not pair.other:
        return Place(pair, others=(_one_sided(pair, lexicon),))
    moved = (_transposition(pair),) if pair.moved and pair.zone not in FURNITURE else ()
    if _are_alike(pair):
        return Place(pair, moved)
    left, right = text_of(pair.base), text_of(pair.other)
    found = _edits(pair, left, right) if left != right else []
    edited = tuple((edit, _variant(pair, left, right, edit, lexicon)) for edit in found)
    return Place(pair, moved, edited, tuple(_beside(pair, left, right, found)))


def _beside(pair: Pair, left: str, right: str, found: list[Edit]) -> Iterator[Variant]:
    """What differs in a pair beside its words."""
    if left == right and pair.base[0].raw != pair.other[0].raw:
        yield from _of_raw(pair)
    if len(pair.base) != len(pair.other):
        yield from _structure(pair)
    if len(pair.base) == len(pair.other) == 1:
        yield from apparatus(pair, found)
        yield from emphasis(pair, found)


def _are_alike(pair: Pair) -> bool:
    """Whether one block stands against one other that has nothing to tell."""
    if len(pair.base) != 1 or len(pair.other) != 1:
        return False
    one, two = pair.base[0], pair.other[0]
    return (one.text, one.raw, one.note, one.marks, one.emphasis, one.links) == (
        two.text, two.raw, two.note, two.marks, two.emphasis, two.links
    )  # fmt: skip


def _edits(pair: Pair, left: str, right: str) -> list[Edit]:
    if pair.zone is Zone.UPDATED:
        return exchanged(left, right)
    unlike = dice(bigrams(left), bigrams(right)) < LEAST_SIMILARITY and letters(left) != letters(right)
    if unlike and pair.zone is not Zone.INDEX and (len(left) > LONG or len(edits(left, right)) > 1):
        return exchanged(left, right)
    found = edits(left, right)
    return [part for edit in found for part in _paired_words(edit, left, right)]


def _paired_words(edit: Edit, left: str, right: str) -> list[Edit]:
    """A run of words each of which was only respelt is cut into its words."""
    one, two = tokens(left[edit.base_start : edit.base_end]), tokens(right[edit.other_start : edit.other_end])
    if not 1 < len(one) == len(two) <= 8:
        return [edit]
    if not all(_akin(a.n, b.n) for a, b in zip(one, two, strict=True)):
        return [edit]
    return [
        Edit(
            edit.base_start + a.start,
            edit.base_start + a.end,
            edit.other_start + b.start,
            edit.other_start + b.end,
        )
        for a, b in zip(one, two, strict=True)
        if a.t != b.t
    ]


def _akin(one: str, two: str) -> bool:
    """Whether two words look like forms of one: the same first letter, half of the letter pairs."""
    if one == two:
        return True
    shared = len(set(itertools.pairwise(one)) & set(itertools.pairwise(two)))
    return one[:1] == two[:1] and 2 * shared >= min(len(one), len(two)) - 1 > 1


# ── one place ──


def _variant(pair: Pair, left: str, right: str, edit: Edit, lexicon: Lexicon) -> Variant:
    if (
        not left[edit.base_start : edit.base_end].strip()
        and not right[edit.other_start : edit.other_end].strip()
    ):
        edit = _widened(edit, left, right)
    place = shown(left, right, edit)
    lemma, reading = place.lemma, place.reading
    found = _class(pair, lemma, reading, lexicon, Context(place.before.rstrip(), place.after.lstrip()))
    if found.category is Category.INDEX:
        found = replace(found, why=_why_of_entry(pair, edit, found))
    block = block_at(pair.base, edit.base_start)
    return replace(
        pair.whole(found, lemma, reading, before=place.before, after=place.after),
        spaced=place.spaced,
        kind=kind(lemma, reading),
        block=block.number,
        note=block.note,
    )


def _widened(edit: Edit, left: str, right: str) -> Edit:
    """Where only a space differs, the words around it, so that a reader sees something."""
    head = left[: edit.base_start].rsplit(" ", 1)[-1]
    if not right[: edit.other_start].endswith(head):
        return edit
    return Edit(
        edit.base_start - len(head),
        edit.base_end + len(left[edit.base_end :].split(" ", 1)[0]),
        edit.other_start - len(head),
        edit.other_end + len(right[edit.other_end :].split(" ", 1)[0]),
    )


def _class(pair: Pair, lemma: str, reading: str, lexicon: Lexicon, context: Context) -> Class:
    match pair.zone:
        case Zone.NAVIGATION:
            return Class(Category.NAVIGATION, Grade.NONE, "links that lead about the site")
        case Zone.UPDATED:
            return Class(Category.UPDATED, Grade.NONE, "the page's own date line")
        case Zone.NOTE_HEAD:
            return Class(Category.APPARATUS, Grade.COSMETIC, "the heading over the notes")
        case _:
            return classify(lemma, reading, pair.zone, lexicon, context)


def _why_of_entry(pair: Pair, edit: Edit, found: Class) -> str:
    """What of a listed work is another: its title (the words of the link), its date, a remark."""
    block, start, end = pair.base[0], edit.base_start, edit.base_end
    if any(low <= start and end <= high for low, high, _ in block.links):
        return "a listed work has another title"
    if {"number", "date"}.intersection(found.flags):
        return "a listed work has another date"
    return "a listed work has another remark"


# ── whole blocks ──


def _one_sided(pair: Pair, lexicon: Lexicon) -> Variant:
    text = text_of(pair.base or pair.other)
    lemma, reading = (text, "") if pair.base else ("", text)
    found = _class(pair, lemma, reading, lexicon, Context())
    done = "removed" if pair.base else "added"
    if pair.zone is Zone.NOTE:
        noted = flags(lemma, reading, lexicon, Context())
        found = Class(Category.APPARATUS, Grade.WORDS, f"a note {done}", noted)
    elif found.category is Category.INDEX:
        found = replace(found, why=f"a listed work {done}")
    elif found.category is Category.SUBSTANTIVE and not letters(text):
        found = Class(Category.PUNCTUATION, Grade.COSMETIC, f"a line of marks without words {done}")
    elif found.category is Category.SUBSTANTIVE:
        omitted = ("omission",) if pair.base and is_sentence(text) and "omission" not in found.flags else ()
        found = replace(found, why=f"a paragraph {done}", flags=(*found.flags, *omitted))
    return pair.whole(found, lemma, reading)


def _transposition(pair: Pair) -> Variant:
    block, to = pair.base[0], pair.other[0]
    was, now = (block.zone, block.number), (to.zone, to.number)
    why = "moved among its neighbours"
    if was != now:
        why = f"moved: block {was[1]} of the {was[0]} is now block {now[1]} of the {now[0]}"
    category = Category.APPARATUS if pair.zone is Zone.NOTE else Category.STRUCTURE
    weight = Grade.WORDS if letters(block.text) else Grade.COSMETIC
    return replace(pair.whole(Class(category, weight, why), block.text, to.text), kind=Kind.TRANSPOSITION)


def _structure(pair: Pair) -> Iterator[Variant]:
    if not CUT_BY_US.isdisjoint(block.zone for block in (*pair.base, *pair.other)):
        return
    split = len(pair.base) < len(pair.other)
    blocks = pair.other if split else pair.base
    before, after = words_before(blocks[0].text, len(blocks[0].text)), words_after(blocks[1].text, 0)
    whole, seam = f"{before} {after}", f"{before} ¶ {after}"
    why = f"one paragraph made {'into' if split else 'out of'} {len(blocks)}"
    found = Class(Category.STRUCTURE, Grade.COSMETIC, why)
    variant = pair.whole(found, whole if split else seam, seam if split else whole)
    yield replace(variant, kind=Kind.SPLIT if split else Kind.JOIN, count=len(blocks) - 1)


# ── what words do not show ──


def _of_raw(pair: Pair) -> Iterator[Variant]:
    """Equal texts that differ before folding: invisible spaces, mojibake, composed letters."""
    left, right = pair.base[0].raw, pair.other[0].raw
    mended = repair(left) != left, repair(right) != right
    if mended[0] == mended[1]:
        why = "the same once invisible characters and kinds of space are folded"
        yield pair.whole(Class(Category.WHITESPACE, Grade.NONE, why), "", "")
        return
    what = "damaged" if mended[1] else "repaired"
    why = f"{what}: letters saved in one encoding and read in another"
    found = Class(Category.ENCODING, Grade.COSMETIC, why, (what,))
    for place in (shown(left, right, edit) for edit in edits(left, right)):
        variant = pair.whole(found, place.lemma, place.reading, before=place.before, after=place.after)
        yield replace(variant, spaced=place.spaced)


def _addresses(pair: Pair, base_uri: str, other_uri: str) -> Iterator[Variant]:
    """Entries of a list of works that lead elsewhere, however an address is spelt."""
    if pair.zone is not Zone.INDEX or len(pair.base) != 1 or len(pair.other) != 1:
        return
    left = [(joined(base_uri, href), href) for *_, href in pair.base[0].links]
    right = [(joined(other_uri, href), href) for *_, href in pair.other[0].links]
    gone = [href for address, href in left if address not in dict(right)]
    come = [href for address, href in right if address not in dict(left)]
    for one, two in zip_longest(gone, come, fillvalue=""):
        why = "a listed work has another address" if one and two else "a link of a listed work"
        yield pair.whole(Class(Category.INDEX, Grade.WORDS, why), one, two)


# ── the list as a whole ──


def _counted(variants: list[Variant]) -> list[Variant]:
    """Like changes all over the page as one, with a count, where the first of them stands."""
    kept: list[Variant] = []
    places: dict[object, int] = {}
    for variant in variants:
        key = _alike(variant)
        if key is None:
            kept.append(variant)
        elif key in places:
            first = kept[places[key]]
            kept[places[key]] = replace(first, count=first.count + variant.count)
        else:
            places[key] = len(kept)
            kept.append(variant)
    return kept


def _alike(variant: Variant) -> object:
    """What makes two variants one observation; None for those that are told one by one."""
    if variant.grade is Grade.WORDS:
        return None
    if variant.category is Category.APPARATUS and variant.grade is Grade.NONE:
        return variant.category, variant.why
    if variant.category not in COUNTED:
        return None
    if variant.category is Category.WHITESPACE:
        return variant.category, variant.why
    gone = "".join(dict.fromkeys(c for c in variant.lemma if c not in variant.reading))
    come = "".join(dict.fromkeys(c for c in variant.reading if c not in variant.lemma))
    if variant.category is Category.TYPOGRAPHY:  # straight to curly is one change, left and right marks alike
        return variant.category, typo(gone)[:1], come.isascii()
    return variant.category, gone, come, variant.why
