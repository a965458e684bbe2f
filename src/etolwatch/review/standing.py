"""How findings stand: pure, from all judgements that are known, in whatever order they came.

The same set of judgements gives the same standing everywhere. An undo takes one judgement back, or
another undo. Of what was not taken back, that prevails which no other one followed; of several,
made by people who did not know of each other, the latest by its time, then by its id. What
somebody said of a finding itself goes before a rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from etolwatch.model import Finding
from etolwatch.review.identity import signature_of, target_of
from etolwatch.review.judgement import FindingTarget, Judgement, Reason, RuleTarget, State, clean_note

Place = tuple[str, datetime]  # a page and a capture of it


@dataclass(frozen=True, slots=True)
class Standing:
    """How one finding stands, and who says so.

    ``judgement`` is None where nobody has said anything. ``earlier`` is the last judgement on it from a
    time when it said something else, which holds no longer.
    """

    state: State = State.NEW
    judgement: Judgement | None = None
    by_rule: bool = False
    earlier: Judgement | None = None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.judgement.reasons if self.judgement else ()

    @property
    def note(self) -> str:
        """As it can be shown where it is edited."""
        return clean_note(self.judgement.note) if self.judgement else ""


@dataclass(frozen=True, slots=True)
class Standings:
    """What prevails, by finding and, of rules, by signature."""

    by_hand: Mapping[FindingTarget, Judgement] = field(default_factory=dict)
    rules: Mapping[str, Judgement] = field(default_factory=dict)
    targets: Mapping[Place, Sequence[FindingTarget]] = field(default_factory=dict)

    def of(self, finding: Finding) -> Standing:
        """How this finding stands. Raises UsageError for one without a capture."""
        target = target_of(finding)
        found = self.by_hand.get(target)
        others = self.targets.get((target.uri, target.captured_at), ())
        earlier = (self.by_hand[other] for other in others if other != target and other in self.by_hand)
        return told(found, self.rules.get(signature_of(finding) or ""), earlier)


def told(by_hand: Judgement | None, rule: Judgement | None, earlier: Iterable[Judgement]) -> Standing:
    """The standing that follows from what prevails on a finding, for its signature, and before."""
    if by_hand is not None:
        return Standing(by_hand.state, by_hand)
    last = max(earlier, key=_order, default=None)
    return Standing(rule.state, rule, True, last) if rule is not None else Standing(earlier=last)


def stand(judgements: Iterable[Judgement]) -> Standings:
    """What prevails among these judgements, each of which has an id of its own."""
    known = list(judgements)
    gone = undone(known)
    by_target: defaultdict[FindingTarget, list[Judgement]] = defaultdict(list)
    by_signature: defaultdict[str, list[Judgement]] = defaultdict(list)
    for judgement in known:
        for target in judgement.findings:
            by_target[target].append(judgement)
        if isinstance(judgement.target, RuleTarget):
            by_signature[judgement.target.signature].append(judgement)
    by_hand = {target: one for target, found in by_target.items() if (one := prevailing(found, gone))}
    rules = {signature: one for signature, found in by_signature.items() if (one := prevailing(found, gone))}
    places: defaultdict[Place, list[FindingTarget]] = defaultdict(list)
    for target in by_hand:
        places[target.uri, target.captured_at].append(target)
    return Standings(by_hand, rules, dict(places))


def undone(judgements: Iterable[Judgement]) -> set[str]:
    """The ids of what is taken back by these judgements, undos among them."""
    return taken_back({one.id: one.undoes for one in judgements if one.undoes is not None})


def taken_back(undos: Mapping[str, str]) -> set[str]:
    """The ids of what is taken back by these undos: id of the undo → id of what it names.

    An undo counts unless an undo that counts takes it back. Undos that take back each other in a
    ring, which nobody can make by judging, count for nothing.
    """
    against: defaultdict[str, list[str]] = defaultdict(list)
    for undo, aim in undos.items():
        against[aim].append(undo)
    open_against = {undo: len(against[undo]) for undo in undos}
    gone: set[str] = set()
    ready = [undo for undo, count in open_against.items() if not count]
    while ready:
        undo = ready.pop()
        aim = undos[undo]
        counts = undo not in gone
        if counts:
            gone.add(aim)
        if aim in open_against:
            open_against[aim] -= 1
            if not open_against[aim]:
                ready.append(aim)
    return gone


def prevailing(judgements: Sequence[Judgement], gone: set[str]) -> Judgement | None:
    """Of the judgements on one finding or signature, the one that holds; None if all are taken back."""
    left = [judgement for judgement in judgements if judgement.id not in gone]
    if len(left) < 2:
        return left[0] if left else None
    followed = _followed(left, {judgement.id: judgement for judgement in judgements})
    return max((one for one in left if one.id not in followed), key=_order, default=max(left, key=_order))


def latest(judgements: Sequence[Judgement]) -> tuple[str, ...]:
    """The ids of the judgements that no other one followed, taken back or not: what a new one follows."""
    followed = _followed(judgements, {judgement.id: judgement for judgement in judgements})
    return tuple(sorted(judgement.id for judgement in judgements if judgement.id not in followed))


def _followed(which: Iterable[Judgement], known: Mapping[str, Judgement]) -> set[str]:
    """The ids of all that these follow, directly or through others."""
    found: set[str] = set()
    waiting = [name for judgement in which for name in judgement.follows]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting.extend(known[name].follows)
    return found


def _order(judgement: Judgement) -> tuple[datetime, str]:
    return judgement.at, judgement.id
