"""Random histories of judging: what several people do to a few findings, with clocks that go as they like."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from shell.findings import finding, variant

from etolwatch.model import Verdict
from etolwatch.review.identity import signature_of, target_of
from etolwatch.review.judgement import (
    ClusterTarget,
    Judgement,
    Reason,
    RuleTarget,
    State,
)
from etolwatch.review.standing import latest

NOON = datetime(2026, 11, 9, 12, tzinfo=UTC)
LAMPS = finding("lamps.htm")
FERRY = finding("ferry.htm")
HARBOUR = finding("harbour.htm", variants=(variant("grey", "gray"),))
LAMPS_OTHERWISE = finding("lamps.htm", Verdict.SAME_DAY_EDIT)
FINDINGS = (LAMPS, FERRY, HARBOUR, LAMPS_OTHERWISE)


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does: 0–3 judges a finding, 4 a cluster, 5 makes a rule, 6 undoes the nth line known."""

    what: int
    state: State
    minute: int  # as the clock of that person says
    nth: int
    reviewer: str


ACTS = st.builds(
    Act,
    what=st.integers(0, 7),
    state=st.sampled_from(list(State)),
    minute=st.integers(0, 3),
    nth=st.integers(0, 30),
    reviewer=st.sampled_from(["Ann", "Bob"]),
)


@dataclass(slots=True)
class Copy:
    """One copy of a journal, and what somebody does with it. ``name`` makes its ids its own."""

    name: str
    known: list[Judgement] = field(default_factory=list)
    made: int = 0

    def do(self, act: Act) -> Judgement | None:
        """Does this, knowing what is known here; gives back the new line, if there is one to be made."""
        made = self._undo(act) if act.what >= 6 else self._judge(act)
        if made is not None:
            self.known.append(made)
        return made

    def take(self, others: list[Judgement]) -> None:
        """Merges what others know."""
        here = {judgement.id for judgement in self.known}
        self.known += [judgement for judgement in others if judgement.id not in here]

    def _id(self) -> str:
        self.made += 1
        return uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name} {self.made}").urn

    def _undo(self, act: Act) -> Judgement | None:
        if not self.known:
            return None
        aim = self.known[act.nth % len(self.known)]
        return Judgement(self._id(), _at(act), act.reviewer, State.NEW, (), "", None, (), aim.id)

    def _judge(self, act: Act) -> Judgement:
        signature = signature_of(LAMPS) or ""
        target = {
            4: ClusterTarget(signature, (target_of(LAMPS), target_of(FERRY))),
            5: RuleTarget(signature, "the → their", target_of(LAMPS)),
        }.get(act.what) or target_of(FINDINGS[act.what])
        about = [one for one in self.known if _meet(one, target)]
        reasons = (Reason.SPELLING,) if act.nth % 2 else ()
        follows = latest(about)
        if isinstance(target, ClusterTarget):
            follows = tuple(
                sorted(
                    {n for one in target.findings for n in latest([k for k in about if one in k.findings])}
                )
            )
        return Judgement(self._id(), _at(act), act.reviewer, act.state, reasons, "", target, follows)


def _meet(one: Judgement, target: object) -> bool:
    if isinstance(target, RuleTarget):
        return isinstance(one.target, RuleTarget)
    wanted = target.findings if isinstance(target, ClusterTarget) else (target,)
    return any(item in one.findings for item in wanted)


def _at(act: Act) -> datetime:
    return NOON + timedelta(minutes=act.minute)
