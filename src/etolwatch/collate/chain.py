"""The edits of a page over all its captures: what was made, undone, made again.

An edit that was made and reverted must not vanish from the record, and a correction made
twice must not count as two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from etolwatch.collate.pairs import kind
from etolwatch.collate.tokens import case
from etolwatch.collate.verdict import window_end
from etolwatch.model import Finding, Grade, Variant


@dataclass(frozen=True, slots=True)
class ChainedEdit:
    """One change of words from the first text to the last, the finding that last made it, and the one
    that undid it."""

    variant: Variant
    made: Finding
    reverted: Finding | None = None
    times: int = 1


def chain(findings: Sequence[Finding]) -> list[ChainedEdit]:
    """Every change of words of one page's findings (oldest first), each once."""
    edits: list[ChainedEdit] = []
    for finding in findings:
        for variant in (v for v in finding.variants if v.grade is Grade.WORDS):
            _add(edits, variant, finding)
    return edits


def _add(edits: list[ChainedEdit], variant: Variant, finding: Finding) -> None:
    for place, edit in enumerate(edits):
        if not _same_place(variant, edit.variant):
            continue
        if edit.reverted is None and edit.variant.reading == variant.lemma:
            edits[place] = _onward(edit, variant, finding)
            return
        if edit.reverted is not None and _words(edit.variant) == _words(variant):
            edits[place] = replace(edit, made=finding, reverted=None, times=edit.times + 1)
            return
    edits.append(ChainedEdit(variant, finding))


def _onward(edit: ChainedEdit, variant: Variant, finding: Finding) -> ChainedEdit:
    """What was edited is edited again: on to other words, or back to the first."""
    if edit.variant.lemma == variant.reading:
        return replace(edit, reverted=finding)
    onward = replace(edit.variant, reading=variant.reading, kind=kind(edit.variant.lemma, variant.reading))
    return replace(edit, variant=onward, made=finding)


def after_stated_date(findings: Sequence[Finding]) -> list[ChainedEdit]:
    """Changes of words that stand in the last text and that its stated date cannot cover.

    Those whose whole interval begins after the window of the date that the last capture
    states; none where it states none that can be read.
    """
    end = window_end(findings[-1].stated_after) if findings else None
    if end is None:
        return []
    return [
        edit
        for edit in chain(findings)
        if edit.reverted is None and edit.made.changed_after is not None and edit.made.changed_after >= end
    ]


def _words(variant: Variant) -> tuple[str, str]:
    return variant.lemma, variant.reading


def _same_place(one: Variant, two: Variant) -> bool:
    """Whether the nearest word before or after is the same: the rest may have been edited too."""
    before = [case(v.before).split()[-1:] for v in (one, two)]
    after = [case(v.after).split()[:1] for v in (one, two)]
    return one.zone == two.zone and (before[0] == before[1] or after[0] == after[1])
