"""Which block stands against which: every block once, whatever was done to the page."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from etolwatch.collate.align import Group, align
from etolwatch.model import Block, Zone

NOUNS = "mill gate river keeper lamp boat bench loaf purse clock horse letter valley bridge fair lion".split()
VERBS = "opened closed crossed mended sold forgot praised carried".split()


def sentence(n: int) -> str:
    """A sentence unlike that of any other number."""
    return (
        f"The {NOUNS[n % 16]} that {VERBS[n % 8]} the {NOUNS[(n * 7 + 3) % 16]} of number {n} was never "
        f"again {VERBS[(n * 5 + 1) % 8]} by the {NOUNS[(n * 3 + 5) % 16]} in year {1800 + n}."
    )


def blocks(*texts: str, zone: Zone = Zone.BODY) -> list[Block]:
    return [Block(zone, number, text, text, "p", "") for number, text in enumerate(texts, 1)]


def of(*numbers: int) -> list[Block]:
    return blocks(*map(sentence, numbers))


def as_pairs(groups: list[Group]) -> set[tuple[tuple[int, ...], tuple[int, ...]]]:
    return {(group.base, group.other) for group in groups}


def assert_each_block_once(groups: list[Group], base: list[Block], other: list[Block]) -> None:
    assert sorted(i for group in groups for i in group.base) == list(range(len(base)))
    assert sorted(j for group in groups for j in group.other) == list(range(len(other)))
    assert all(group.base or group.other for group in groups)


REFRAIN = st.sampled_from(["Walk backward, my brothers.", "* * *", "", "And so on."])
TEXTS = st.lists(st.one_of(st.integers(0, 30).map(sentence), REFRAIN), max_size=12)
ZONES = st.sampled_from([Zone.BODY, Zone.HEADING, Zone.NOTE, Zone.TITLE, Zone.NAVIGATION, Zone.UPDATED])


@st.composite
def pages(draw: st.DrawFn) -> list[Block]:
    found = [(text, draw(ZONES)) for text in draw(TEXTS)]
    return [Block(zone, n, text, text, "p", "") for n, (text, zone) in enumerate(found, 1)]


@settings(max_examples=200, deadline=None)
@given(pages(), pages())
def test_every_block_is_in_exactly_one_group(base: list[Block], other: list[Block]) -> None:
    assert_each_block_once(align(base, other), base, other)


@settings(deadline=None)
@given(pages())
def test_a_page_against_itself(base: list[Block]) -> None:
    groups = align(base, base)
    assert as_pairs(groups) == {((i,), (i,)) for i in range(len(base))}
    assert not any(group.moved for group in groups)


@settings(deadline=None)
@given(st.permutations(range(9)))
def test_a_shuffle_gives_moves_only(order: list[int]) -> None:
    base, other = of(*range(9)), of(*order)
    groups = align(base, other)
    assert as_pairs(groups) == {((n,), (order.index(n),)) for n in range(9)}
    assert any(group.moved for group in groups) == (list(order) != list(range(9)))


@settings(deadline=None)
@given(st.permutations(range(8)))
def test_no_fewer_blocks_could_have_moved(order: list[int]) -> None:
    """What stays is a longest increasing subsequence: checked against all of them."""
    longest = max(
        len(kept)
        for mask in range(2**8)
        for kept in [[n for place, n in enumerate(order) if mask >> place & 1]]
        if kept == sorted(kept)
    )
    groups = align(of(*range(8)), of(*order))
    assert sum(group.moved for group in groups) == 8 - longest


@settings(deadline=None)
@given(st.sets(st.integers(0, 9)), st.sets(st.integers(10, 19), max_size=4))
def test_omissions_and_additions(gone: set[int], come: set[int]) -> None:
    base = of(*range(10))
    kept = [n for n in range(10) if n not in gone]
    groups = align(base, of(*kept))
    assert {group.base for group in groups if not group.other} == {(n,) for n in gone}
    more = of(*range(10), *sorted(come))
    assert sum(not group.base for group in align(base, more)) == len(come)


def test_groups_stand_in_the_order_of_the_other() -> None:
    base, other = of(1, 2, 3, 4, 5), of(1, 3, 9, 5)
    places = [group.other[0] for group in align(base, other) if group.other]
    assert places == sorted(places)


def test_an_altered_block_is_paired_in_its_place() -> None:
    base, other = of(1, 2, 3), of(1, 2, 3)
    other[1] = blocks(sentence(2).replace("never again", "at last"))[0]
    assert as_pairs(align(base, other)) == {((0,), (0,)), ((1,), (1,)), ((2,), (2,))}


def test_unlike_blocks_are_no_pair() -> None:
    base, other = (
        blocks(sentence(1), sentence(2), sentence(3)),
        blocks(sentence(1), "Quite another matter it is now.", sentence(3)),
    )
    assert ((1,), (1,)) not in as_pairs(align(base, other))


def test_split_and_joined() -> None:
    one, two, three = sentence(1), sentence(2), sentence(3)
    base, other = blocks(one, f"{two} {three}", sentence(4)), blocks(one, two, three, sentence(4))
    assert ((1,), (1, 2)) in as_pairs(align(base, other))
    assert ((1, 2), (1,)) in as_pairs(align(other, base))


def test_a_split_in_three() -> None:
    parts = [sentence(1), sentence(2), sentence(3)]
    assert as_pairs(align(blocks(" ".join(parts)), blocks(*parts))) == {((0,), (0, 1, 2))}


def test_moved_and_altered() -> None:
    base = of(1, 2, 3, 4, 5, 6)
    other = of(1, 3, 4, 5, 2, 6)
    other[4] = blocks(sentence(2).replace("never again", "at last"))[0]
    assert Group((1,), (4,), moved=True) in align(base, other)


def test_refrains_are_paired_in_order() -> None:
    refrain = "Walk backward, my brothers, and never look round."
    base = blocks(sentence(1), refrain, sentence(2), refrain, sentence(3), refrain)
    other = blocks(sentence(1), refrain, sentence(2), sentence(3), refrain)
    groups = align(base, other)
    assert sum(not group.other for group in groups) == 1
    assert not any(group.moved for group in groups)


def test_furniture_is_never_paired_with_text() -> None:
    base = blocks("Last updated on 3 May 2004", zone=Zone.UPDATED)
    other = blocks("Last updated on 4 May 2004")
    assert as_pairs(align(base, other)) == {((0,), ()), ((), (0,))}


def test_a_title_is_a_title_however_it_is_worded() -> None:
    base = [*blocks("Bread", zone=Zone.TITLE), *of(1)]
    other = [*blocks("A Penny Won", zone=Zone.TITLE), *of(1)]
    assert ((0,), (0,)) in as_pairs(align(base, other))


def test_many_blocks_with_nothing_in_common_do_not_hang() -> None:
    base = blocks(*(f"old words of number {n} and {n * n}" for n in range(700)))
    other = blocks(*(f"new sayings for item {n} with {n * 3 + 1}" for n in range(700)))
    assert_each_block_once(align(base, other), base, other)


def test_many_equal_blocks() -> None:
    base, other = blocks(*["And so on."] * 900), blocks(*["And so on."] * 899)
    groups = align(base, other)
    assert_each_block_once(groups, base, other)
    assert sum(not group.other for group in groups) == 1


def test_empty_sides() -> None:
    assert align([], []) == []
    assert as_pairs(align(of(1), [])) == {((0,), ())}
    assert as_pairs(align([], of(1))) == {((), (0,))}
