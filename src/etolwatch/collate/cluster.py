"""The same edit on many pages: a new footer, a series title, a credit. To be looked at once.

The signature is made from the variant's words alone, so that it is the same tomorrow and
on a page that nobody has seen yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from etolwatch.model import Finding, Grade, Variant, Verdict

LEAST_PAGES = 3  # twice may be chance
TELLING = 3  # letters; a comma put in says nothing without the words around it


@dataclass(frozen=True, slots=True)
class Cluster:
    """One edit and the findings that have it, in the order given."""

    signature: str
    variant: Variant
    findings: tuple[Finding, ...]


def signature(variant: Variant) -> str:
    """Sixteen hexadecimal digits that name the edit, wherever it is made."""
    parts = [variant.category.value, variant.lemma, variant.reading]
    if sum(character.isalpha() for character in variant.lemma + variant.reading) < TELLING:
        parts += [" ".join(variant.before.split()[-2:]), " ".join(variant.after.split()[:2])]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def signature_of(finding: Finding) -> str | None:
    """Sixteen hexadecimal digits that name all that the finding tells, and its verdict; None if too little.

    Findings with the same one can be judged as one. A page gone, or a date removed, is like
    another only in name; that a date alone was set anew is the same everywhere.
    """
    own = sorted({signature(variant) for variant in _telling(finding.variants)})
    if not own and finding.verdict is not Verdict.DATE_BUMP_ONLY:
        return None
    return hashlib.sha256("\x1f".join([finding.verdict.value, *own]).encode()).hexdigest()[:16]


def clusters(findings: Sequence[Finding]) -> list[Cluster]:
    """Edits that several pages share, those of most pages first."""
    pages: dict[str, dict[str, tuple[Variant, Finding]]] = {}
    for finding in findings:
        for variant in _telling(finding.variants):
            pages.setdefault(signature(variant), {}).setdefault(finding.uri, (variant, finding))
    found = [
        Cluster(name, next(iter(where.values()))[0], tuple(finding for _, finding in where.values()))
        for name, where in pages.items()
        if len(where) >= LEAST_PAGES
    ]
    return sorted(found, key=lambda cluster: (-len(cluster.findings), cluster.signature))


def explained(finding: Finding, found: Iterable[Cluster]) -> bool:
    """Whether clusters tell all that the finding has to tell."""
    names = {cluster.signature for cluster in found}
    own = [signature(variant) for variant in _telling(finding.variants)]
    return bool(own) and names.issuperset(own)


def _telling(variants: Iterable[Variant]) -> list[Variant]:
    return [variant for variant in variants if variant.grade is not Grade.NONE]
