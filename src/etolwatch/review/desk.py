"""Where findings are judged: each thing that a person can do, as one act that is on disk when it returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from etolwatch.errors import UsageError
from etolwatch.model import Finding
from etolwatch.review.identity import signature_of, target_of
from etolwatch.review.journal import Journal
from etolwatch.review.judgement import (
    ClusterTarget,
    FindingTarget,
    Judgement,
    Opinion,
    RuleTarget,
    State,
    Target,
    new_id,
)
from etolwatch.review.projection import Projection


def judge(
    journal: Journal, projection: Projection, finding: Finding, said: Opinion, reviewer: str, at: datetime
) -> Judgement:
    """Judges one finding. Raises UsageError, LockHeld, ArchiveError."""
    return judge_all(journal, projection, [(finding, said)], reviewer, at)[0]


def judge_all(
    journal: Journal,
    projection: Projection,
    said: Sequence[tuple[Finding, Opinion]],
    reviewer: str,
    at: datetime,
) -> list[Judgement]:
    """Judges findings, each for itself, in one act that `undo last` takes back as one."""
    made = [_made(projection, target_of(finding), one, reviewer, at) for finding, one in said]
    return _kept(journal, projection, made)


def say(
    journal: Journal,
    projection: Projection,
    findings: Sequence[Finding],
    said: Opinion,
    reviewer: str,
    at: datetime,
    rule: str | None = None,
) -> list[Judgement]:
    """Judges a finding, or several that tell the same as one; with ``rule``, also whatever tells it later.

    ``rule`` says in a line what they tell. All of it is one act: kept whole or not at all.
    Raises UsageError as `judge_cluster` and `remember` do, LockHeld, ArchiveError.
    """
    targets: list[Target] = [target_of(findings[0]) if len(findings) == 1 else cluster_target(findings)]
    if rule is not None:
        targets.append(rule_target(findings[0], rule, said))
    return _kept(journal, projection, [_made(projection, one, said, reviewer, at) for one in targets])


def judge_cluster(
    journal: Journal,
    projection: Projection,
    findings: Sequence[Finding],
    said: Opinion,
    reviewer: str,
    at: datetime,
) -> Judgement:
    """Judges findings that tell the same as one. Raises UsageError if they do not, or there are none."""
    target = cluster_target(findings)
    return _kept(journal, projection, [_made(projection, target, said, reviewer, at)])[0]


def cluster_of(projection: Projection, finding: Finding, alike: Iterable[Finding]) -> list[Finding]:
    """The finding, and those others that are to be judged together with it.

    They tell the same, and nobody has judged them by name.
    """
    signature = signature_of(finding)
    others = (other for other in alike if other != finding and signature_of(other) == signature)
    is_open = (other for other in others if signature is not None and projection.is_open(other))
    return [finding, *is_open]


def open_of(projection: Projection, alike: Iterable[Finding], stands: str = "") -> list[Finding]:
    """Those of these findings that nobody has judged by name, and those that this one judgement judged.

    ``stands``: the id of a judgement of the whole cluster, which is to be judged otherwise.
    """
    return [
        one for one in alike if projection.is_open(one) or (stands and _said_of(projection, one) == stands)
    ]


def _said_of(projection: Projection, finding: Finding) -> str:
    judgement = projection.standing(finding).judgement
    return judgement.id if judgement else ""


def remember(
    journal: Journal,
    projection: Projection,
    finding: Finding,
    edit: str,
    said: Opinion,
    reviewer: str,
    at: datetime,
) -> Judgement:
    """Makes a rule for whatever tells the same as this finding; ``edit`` says in a line what that is.

    Raises UsageError for a finding that could not be known again, or the state NEW.
    """
    target = rule_target(finding, edit, said)
    return _kept(journal, projection, [_made(projection, target, said, reviewer, at)])[0]


def undo(
    journal: Journal, projection: Projection, judgements: Sequence[Judgement], reviewer: str, at: datetime
) -> list[Judgement]:
    """Takes judgements back, rules and undos among them, in one act; gives back the undos."""
    made = [
        Judgement(new_id(), at, reviewer, State.NEW, (), "", None, undoes=judgement.id)
        for judgement in judgements
    ]
    return _kept(journal, projection, made)


def cluster_target(findings: Sequence[Finding]) -> ClusterTarget:
    """These findings as one target. Raises UsageError if they do not tell the same, or there are none."""
    signatures = {signature_of(finding) for finding in findings}
    signature = signatures.pop() if len(signatures) == 1 else None
    if signature is None:
        where = findings[0].uri if findings else ""
        raise UsageError("these findings are no cluster", where, "they do not all tell the same")
    return ClusterTarget(signature, tuple(map(target_of, findings)))


def rule_target(finding: Finding, edit: str, said: Opinion) -> RuleTarget:
    """What a rule for findings like this one is about. Raises UsageError if this cannot be made a rule."""
    if said.state is State.NEW:
        raise UsageError("a rule needs a state other than new", finding.uri)
    signature = signature_of(finding)
    if signature is None:
        cause = "there are no words in it by which another could be known to tell the same"
        raise UsageError("no rule can be made of this finding", finding.uri, cause)
    return RuleTarget(signature, edit, target_of(finding))


def _made(projection: Projection, target: Target, said: Opinion, reviewer: str, at: datetime) -> Judgement:
    match target:
        case FindingTarget():
            follows = projection.follows([target])
        case ClusterTarget():
            follows = projection.follows(target.findings)
        case RuleTarget():
            follows = projection.follows((), target.signature)
    return Judgement(new_id(), at, reviewer, said.state, said.reasons, said.note, target, follows)


def _kept(journal: Journal, projection: Projection, made: Sequence[Judgement]) -> list[Judgement]:
    kept = list(_after_each_other(projection, made))
    journal.append(*kept)
    projection.follow()
    return kept


def _after_each_other(projection: Projection, made: Sequence[Judgement]) -> Iterator[Judgement]:
    """What one person judges at one stroke, each with what came before it; undos as they are."""
    last = projection.latest_of(made[0].reviewer) if made else None
    for one in made:
        if one.undoes is None:
            yield replace(one, after=last)
            last = one.id
        else:
            yield one
