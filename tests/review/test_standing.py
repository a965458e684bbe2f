"""How findings stand: whoever did what in which order, and wherever it became known."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from shell.findings import at, finding, variant

from etolwatch.model import Category, Grade, Verdict
from etolwatch.review.identity import digest_of, signature_of, target_of
from etolwatch.review.judgement import Judgement, RuleTarget, State
from etolwatch.review.standing import Standing, stand, undone

from .acts import ACTS, FERRY, FINDINGS, LAMPS, LAMPS_OTHERWISE, Act, Copy


def states(known: list[Judgement]) -> list[tuple[State, str | None, bool]]:
    standings = stand(known)
    found = [standings.of(one) for one in FINDINGS]
    return [(one.state, one.judgement.id if one.judgement else None, one.by_rule) for one in found]


def said(what: int, state: State, minute: int = 0, reviewer: str = "Ann") -> Act:
    return Act(what, state, minute, 0, reviewer)


# ── laws ──


@settings(deadline=None)
@given(st.lists(ACTS, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_means_nothing(acts: list[Act], dice: random.Random) -> None:
    copy = Copy("a")
    for act in acts:
        copy.do(act)
    shuffled = list(copy.known)
    dice.shuffle(shuffled)
    assert states(shuffled) == states(copy.known)


@settings(deadline=None)
@given(st.lists(ACTS, max_size=14))
def test_for_one_who_knows_everything_the_last_word_counts(acts: list[Act]) -> None:
    """A model without clocks: of what is said of a finding the last counts that is not taken back."""
    copy = Copy("a")
    made = [one for act in acts if (one := copy.do(act)) is not None]
    gone = taken_back(made)
    expected = []
    for item in FINDINGS:
        target = target_of(item)
        by_hand = [one for one in made if target in one.findings and one.id not in gone]
        rules = [one for one in made if is_rule_for(one, signature_of(item)) and one.id not in gone]
        last = (by_hand or rules or [None])[-1]
        expected.append((last.state, last.id, not by_hand) if last else (State.NEW, None, False))
    assert states(made) == expected


def is_rule_for(one: Judgement, signature: str | None) -> bool:
    return isinstance(one.target, RuleTarget) and one.target.signature == signature


def taken_back(made: list[Judgement]) -> set[str]:
    """From the end: an undo that no later one took back takes back what it names."""
    gone: set[str] = set()
    for one in reversed(made):
        if one.undoes is not None and one.id not in gone:
            gone.add(one.undoes)
    return gone


@settings(deadline=None)
@given(st.lists(ACTS, max_size=8), st.lists(ACTS, max_size=8), st.lists(ACTS, max_size=4))
def test_two_who_worked_apart_agree_when_they_have_met(
    before: list[Act], here: list[Act], there: list[Act]
) -> None:
    base = Copy("base")
    for act in before:
        base.do(act)
    ann, bob = Copy("ann", list(base.known)), Copy("bob", list(base.known))
    for act in here:
        ann.do(act)
    for act in there:
        bob.do(act)
    anns = list(ann.known)
    ann.take(bob.known)
    bob.take(anns)
    assert states(ann.known) == states(bob.known)
    ann.take(bob.known)
    assert states(ann.known) == states(bob.known)


# ── cases ──


def test_nobody_has_said_anything() -> None:
    assert stand([]).of(LAMPS) == Standing(State.NEW, None, False, None)


def test_a_clock_that_was_set_back_does_not_bring_back_what_was_overruled() -> None:
    copy = Copy("a")
    copy.do(said(0, State.CONFIRMED, minute=3))
    second = copy.do(said(0, State.TRIVIAL, minute=1))
    assert stand(copy.known).of(LAMPS).judgement == second


def test_two_at_the_same_time_who_did_not_know_of_each_other() -> None:
    ann, bob = Copy("ann"), Copy("bob")
    lines = [ann.do(said(0, State.CONFIRMED)), bob.do(said(0, State.TRIVIAL, reviewer="Bob"))]
    wanted = max((one for one in lines if one), key=lambda one: one.id)
    assert {stand(order).of(LAMPS).judgement for order in (ann.known + bob.known, bob.known + ann.known)} == {
        wanted
    }


def test_whoever_judges_after_a_merge_settles_it() -> None:
    ann, bob = Copy("ann"), Copy("bob")
    ann.do(said(0, State.CONFIRMED, minute=3))
    bob.do(said(0, State.TRIVIAL, minute=2))
    bob.take(ann.known)
    settled = bob.do(said(0, State.FOLLOW_UP, minute=0))
    assert settled is not None
    assert len(settled.follows) == 2
    assert stand(bob.known).of(LAMPS).state is State.FOLLOW_UP


def test_what_is_said_of_a_finding_goes_before_a_rule_and_the_rule_comes_back() -> None:
    copy = Copy("a")
    copy.do(said(0, State.CONFIRMED))
    copy.do(said(5, State.TRIVIAL, minute=2))
    assert stand(copy.known).of(LAMPS).state is State.CONFIRMED
    assert stand(copy.known).of(FERRY) == Standing(State.TRIVIAL, copy.known[1], True, None)
    copy.do(Act(6, State.NEW, 3, 0, "Ann"))
    assert stand(copy.known).of(LAMPS) == Standing(State.TRIVIAL, copy.known[1], True, None)


def test_a_rule_that_is_taken_back_leaves_its_findings_new() -> None:
    copy = Copy("a")
    copy.do(said(5, State.TRIVIAL))
    copy.do(said(0, State.CONFIRMED))
    copy.do(Act(6, State.NEW, 0, 0, "Bob"))
    assert stand(copy.known).of(FERRY).state is State.NEW
    assert stand(copy.known).of(LAMPS).state is State.CONFIRMED


def test_a_finding_that_comes_out_otherwise_is_new_with_what_was_said_before_beside_it() -> None:
    copy = Copy("a")
    first = copy.do(said(0, State.CONFIRMED))
    assert stand(copy.known).of(LAMPS_OTHERWISE) == Standing(State.NEW, None, False, first)
    copy.do(said(3, State.TRIVIAL))
    assert stand(copy.known).of(LAMPS_OTHERWISE).earlier is None
    assert stand(copy.known).of(LAMPS).judgement == first


def test_an_edit_of_another_day_is_another_finding() -> None:
    copy = Copy("a")
    copy.do(said(0, State.CONFIRMED))
    assert stand(copy.known).of(replace(LAMPS, captured_at=at(16))) == Standing()


def test_undos_in_a_ring_count_for_nothing() -> None:
    copy = Copy("a")
    first = copy.do(said(0, State.CONFIRMED))
    one, two = (copy.do(Act(6, State.NEW, 0, 0, "Ann")) for _ in range(2))
    assert first
    assert one
    assert two
    ring = [first, replace(one, undoes=two.id), replace(two, undoes=one.id)]
    third = replace(one, id="urn:uuid:3", undoes=first.id)
    assert undone(ring) == set()
    assert undone([*ring, third]) == {first.id}


# ── identity ──


def test_the_digest_is_of_what_a_finding_says_and_not_how() -> None:
    same = replace(
        LAMPS,
        normaliser="99",
        previous_at=at(1),
        why="said otherwise",
        variants=(variant(before="other", after="words", why="other", spaced=("the ", "their ")),),
    )
    assert digest_of(same) == digest_of(LAMPS)


def test_the_digest_is_another_when_anything_said_is() -> None:
    others = [
        replace(LAMPS, verdict=Verdict.SAME_DAY_EDIT),
        replace(LAMPS, flags=("ambiguous_date",)),
        replace(LAMPS, stated_after=None),
        replace(LAMPS, variants=()),
        replace(LAMPS, variants=(variant(reading="her"),)),
        replace(LAMPS, variants=(variant(count=2),)),
        replace(LAMPS, variants=(variant(category=Category.SPELLING),)),
        replace(LAMPS, variants=(variant(block=59),)),
    ]
    assert len({digest_of(one) for one in [LAMPS, *others]}) == len(others) + 1


def test_signatures_are_of_all_that_is_told_and_its_verdict() -> None:
    quiet = variant("x", "y", category=Category.MARKUP, grade=Grade.NONE)
    more = variant("grey", "gray")
    assert signature_of(replace(LAMPS, variants=(quiet, variant()))) == signature_of(LAMPS)
    assert signature_of(replace(LAMPS, variants=(more, variant()))) == signature_of(
        replace(LAMPS, variants=(variant(), more))
    )
    distinct = [LAMPS, LAMPS_OTHERWISE, replace(LAMPS, variants=(variant(), more))]
    assert len({signature_of(one) for one in distinct}) == 3
    assert signature_of(finding(verdict=Verdict.PAGE_GONE, variants=())) is None
    assert signature_of(finding(verdict=Verdict.DATE_BUMP_ONLY, variants=())) is not None
