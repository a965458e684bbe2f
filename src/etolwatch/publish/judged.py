"""Judgements in words, and as objects for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from etolwatch import when
from etolwatch.collate.cluster import LEAST_PAGES, signature_of
from etolwatch.contract import finding_to_dict, instant_to_text
from etolwatch.model import Finding
from etolwatch.publish.order import shared_prefix, weighty
from etolwatch.publish.phrase import clipped, moment, number, visible
from etolwatch.publish.text import VARIANTS_SHOWN, finding_lines, variant_line
from etolwatch.review.judgement import ClusterTarget, FindingTarget, Judgement, RuleTarget, State
from etolwatch.review.projection import Noted
from etolwatch.review.standing import Standing

ID_SHOWN = 8  # characters of an id that tell judgements apart
LONGEST_EDIT = 300  # characters of what a rule is about
EDITS_NAMED = 5

Judged = tuple[Finding, Standing]


def standing_text(standing: Standing) -> str:
    """How a finding stands, in a line: “confirmed by Ann, 9 November 2026, 04:17 UTC: image; a note”."""
    said = standing.judgement
    if said is None:
        return standing.state.label
    by = f"by the rule of {visible(said.reviewer)}" if standing.by_rule else f"by {visible(said.reviewer)}"
    return f"{standing.state.label} {by}, {moment(said.at)}{_grounds(said)}"


def _grounds(said: Judgement) -> str:
    parts = [", ".join(said.reasons), visible(said.note)]
    told = "; ".join(part for part in parts if part)
    return f": {told}" if told else ""


def short(name: str) -> str:
    """The beginning of a judgement's id, as commands take it."""
    return name.removeprefix("urn:uuid:")[:ID_SHOWN]


def address(target: FindingTarget) -> str:
    """A finding as commands take it: ``URI@TIME``."""
    return f"{visible(target.uri)}@{when.digits(target.captured_at)}"


def edit_of(finding: Finding) -> str:
    """What a finding tells, in a line: what a rule made of it is about."""
    told = [variant_line(variant) for variant in weighty(finding)]
    more = f" … and {len(told) - EDITS_NAMED} more" if len(told) > EDITS_NAMED else ""
    edit = " · ".join(" ".join(line.split()) for line in told[:EDITS_NAMED]) + more
    return clipped(edit, LONGEST_EDIT) or finding.verdict.value.replace("_", " ")


def changed_of(finding: Finding) -> str:
    """What changed, a line each, as much as a cell of a sheet is read with ease."""
    lines = [variant_line(variant) for variant in weighty(finding)]
    more = [f"… and {len(lines) - VARIANTS_SHOWN} more"] if len(lines) > VARIANTS_SHOWN else []
    return "\n".join(lines[:VARIANTS_SHOWN] + more)


# ── lists ────────────────────────────────────────────────────────────────────────────


def listing(found: Sequence[Judged], color: bool, scopes: Sequence[str] = ()) -> str:
    """Findings with how they stand, an edit that pages share once; addresses as `review` takes them."""
    if not found:
        return ""
    prefix = shared_prefix([finding.uri for finding, _ in found], scopes)
    lines = [f"Addresses are below {visible(prefix)}"] if prefix else []
    shared = _shared([finding for finding, standing in found if standing.state is State.NEW])
    told: set[str] = set()
    for finding, standing in found:
        name = signature_of(finding) if standing.state is State.NEW else None
        if name is None or name not in shared:
            lines += ["", *_one(finding, standing, prefix, color)]
        elif name not in told:
            told.add(name)
            lines += ["", *_once(finding, shared[name], prefix, color)]
    return "".join(f"{line}\n" for line in lines)


def _shared(found: Sequence[Finding]) -> dict[str, int]:
    """The signatures that findings on several pages have, and how many findings."""
    counted = Counter(signature_of(finding) for finding in found)
    pages = Counter(name for name, _ in {(signature_of(finding), finding.uri) for finding in found})
    return {name: counted[name] for name, count in pages.items() if name is not None and count >= LEAST_PAGES}


def _once(finding: Finding, count: int, prefix: str, color: bool) -> Iterator[str]:
    yield f"The same in {number(count, 'finding')}; --cluster judges all of them:"
    yield from _lines(finding, prefix, color)


def _one(finding: Finding, standing: Standing, prefix: str, color: bool) -> Iterator[str]:
    yield from _lines(finding, prefix, color)
    if standing.judgement is not None:
        yield f"    {standing_text(standing)}"
    if standing.earlier is not None:
        yield f"    before it came out otherwise: {standing_text(_as_it_was(standing.earlier))}"


def _as_it_was(said: Judgement) -> Standing:
    return Standing(said.state, said)


def _lines(finding: Finding, prefix: str, color: bool) -> Iterator[str]:
    named = replace(finding, uri=addressed(finding))
    yield from finding_lines(named, prefix, color, VARIANTS_SHOWN)
    more = len(weighty(finding)) - VARIANTS_SHOWN
    if more > 0:
        yield f"    … and {number(more, 'more place', 'more places')}"


def addressed(finding: Finding) -> str:
    """The finding as commands take it: ``URI@TIME``."""
    return f"{finding.uri}@{when.digits(finding.captured_at)}" if finding.captured_at else finding.uri


def whole(finding: Finding, standing: Standing, said: Sequence[Noted], color: bool) -> str:
    """One finding with all its variants, how it stands, and all that was said of it."""
    lines = list(finding_lines(replace(finding, uri=addressed(finding)), "", color))
    lines += ["", f"It stands as {standing_text(standing)}"]
    if said:
        lines += ["", *(noted_text(one) for one in said)]
    return "".join(f"{line}\n" for line in lines)


def noted_text(noted: Noted) -> str:
    """A judgement in a line: its id, when, who, what, of what."""
    said = noted.judgement
    head = f"{short(said.id)}  {moment(said.at)}  {visible(said.reviewer)}: "
    gone = " [taken back]" if noted.is_undone else ""
    if said.undoes is not None:
        return f"{head}takes back {short(said.undoes)}{gone}"
    return f"{head}{said.state.label}, {_about(said)}{_grounds(said)}{gone}"


def _about(said: Judgement) -> str:
    match said.target:
        case FindingTarget():
            return address(said.target)
        case ClusterTarget(_, findings):
            first = address(findings[0]) if findings else "nothing"
            alike = f"{len(findings):,} findings that tell the same: {first} …"
            return alike if len(findings) > 1 else first
        case RuleTarget(_, edit, _):
            return f"rule for all that tell “{visible(edit)}”"
    return "nothing"


# ── for programs ─────────────────────────────────────────────────────────────────────


def judged_to_dict(judged: Judged) -> dict[str, Any]:
    """The finding as `report --format json` prints it, and under ``review`` how it stands."""
    return {**finding_to_dict(judged[0]), "review": standing_to_dict(judged[1])}


def standing_to_dict(standing: Standing) -> dict[str, Any]:
    said, earlier = standing.judgement, standing.earlier
    return {
        "state": standing.state.value,
        "by_rule": standing.by_rule,
        "judgement": judgement_to_dict(said) if said else None,
        "earlier": judgement_to_dict(earlier) if earlier else None,
    }


def noted_to_dict(noted: Noted) -> dict[str, Any]:
    return {**judgement_to_dict(noted.judgement), "is_undone": noted.is_undone}


def judgement_to_dict(said: Judgement) -> dict[str, Any]:
    """The judgement with a fixed set of keys; the findings of a cluster as those of ``findings``."""
    rule = said.target if isinstance(said.target, RuleTarget) else None
    signature = said.target.signature if isinstance(said.target, ClusterTarget | RuleTarget) else None
    return {
        "id": said.id,
        "at": instant_to_text(said.at),
        "reviewer": said.reviewer,
        "state": None if said.undoes else said.state.value,
        "reasons": list(said.reasons),
        "note": said.note,
        "undoes": said.undoes,
        "signature": signature,
        "rule": rule.edit if rule else None,
        "findings": [
            {"uri": one.uri, "captured_at": instant_to_text(one.captured_at), "digest": one.digest}
            for one in said.findings
        ],
    }
