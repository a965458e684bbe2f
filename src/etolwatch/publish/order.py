"""Which findings stand together in a report, in which order, under which heading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from etolwatch.collate.cluster import Cluster, clusters, explained
from etolwatch.model import Finding, Grade, Variant, Verdict


@dataclass(frozen=True, slots=True)
class Rubric:
    """How a report speaks of a verdict: in capitals on a line, as a heading, and in a sentence."""

    label: str
    heading: str
    meaning: str


# In the order of a report: what a page does not say of itself comes first.
RUBRICS = {
    Verdict.SILENT_EDIT: Rubric(
        "SILENT EDIT", "Silent edits", "The words differ while the date that the page states does not."
    ),
    Verdict.BACKDATED_EDIT: Rubric(
        "BACKDATED EDIT",
        "Backdated edits",
        "The words differ, and the new date lies before they can have changed.",
    ),
    Verdict.DATE_BACKWARDS: Rubric(
        "DATE WENT BACK", "Dates that went back", "The page states an earlier date than it did before."
    ),
    Verdict.SAME_DAY_EDIT: Rubric(
        "SAME-DAY EDIT",
        "Same-day edits",
        "The words differ; the date is the same, but it may cover the change.",
    ),
    Verdict.UNDATED_EDIT: Rubric(
        "UNDATED EDIT", "Undated edits", "The words differ on a page that states no date."
    ),
    Verdict.DATE_REMOVED: Rubric("DATE REMOVED", "Dates removed", "The page no longer states a date."),
    Verdict.PAGE_GONE: Rubric(
        "PAGE GONE", "Pages gone", "The site no longer has the page; its versions are kept."
    ),
    Verdict.PAGE_MOVED: Rubric("PAGE MOVED", "Pages moved", "The address now leads to another one."),
    Verdict.SUSPECT_CAPTURE: Rubric(
        "SUSPECT CAPTURE",
        "Suspect captures",
        "The answer was no whole page; it is asked for again, and no edit.",
    ),
    Verdict.DECLARED_EDIT: Rubric(
        "DECLARED EDIT", "Declared edits", "The words differ, and the page states a new date for it."
    ),
    Verdict.DECLARED_COSMETIC: Rubric(
        "DECLARED, COSMETIC",
        "Declared, cosmetic",
        "A new date; only punctuation, spelling marks or the like differ.",
    ),
    Verdict.DATE_ADDED: Rubric(
        "DATE ADDED", "Dates added", "The page states a date that it did not state before."
    ),
    Verdict.DATE_BUMP_ONLY: Rubric(
        "DATE ONLY", "Dates moved, nothing else", "A new date, and no word differs."
    ),
    Verdict.COSMETIC: Rubric(
        "COSMETIC",
        "Cosmetic changes",
        "Only punctuation, typography or the like differ, under the same date.",
    ),
    Verdict.FIRST_CAPTURE: Rubric("FIRST CAPTURE", "First captures", "Pages held for the first time."),
    Verdict.NO_TEXTUAL_CHANGE: Rubric(
        "NO TEXTUAL CHANGE", "No textual change", "The mark-up differs, the text does not."
    ),
}
# These are counted in a report, not listed.
COUNTED = frozenset({Verdict.FIRST_CAPTURE, Verdict.NO_TEXTUAL_CHANGE})
# These mean that words of a text differ (`check --fail-on-change`).
WORDS_CHANGED = frozenset(
    {
        Verdict.SILENT_EDIT,
        Verdict.SAME_DAY_EDIT,
        Verdict.BACKDATED_EDIT,
        Verdict.UNDATED_EDIT,
        Verdict.DECLARED_EDIT,
    }
)


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one verdict, by address and then by time.

    An edit that several pages share stands once, as a cluster; ``findings`` are those that
    have something of their own to tell.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    clusters: tuple[Cluster, ...] = ()

    @property
    def pages(self) -> tuple[str, ...]:
        """The addresses of all, in clusters or by themselves."""
        shared = [finding.uri for cluster in self.clusters for finding in cluster.findings]
        return tuple(dict.fromkeys([*(finding.uri for finding in self.findings), *shared]))

    @property
    def rubric(self) -> Rubric:
        return RUBRICS[self.verdict]


def groups(findings: Iterable[Finding]) -> tuple[Group, ...]:
    """The findings that a report lists, one group a verdict, the weightiest verdict first."""
    kept = sorted(
        findings, key=lambda finding: (finding.uri, finding.captured_at is None, finding.captured_at)
    )
    return tuple(
        _group(verdict, found)
        for verdict in RUBRICS
        if verdict not in COUNTED
        and (
            found := tuple(
                item
                for item in kept
                if item.verdict is verdict and not is_absent(item) and not is_elsewhere(item)
            )
        )
    )


def _group(verdict: Verdict, found: tuple[Finding, ...]) -> Group:
    shared = tuple(clusters(found))
    return Group(verdict, tuple(finding for finding in found if not explained(finding, shared)), shared)


def is_absent(finding: Finding) -> bool:
    """Whether it is about a page that was never there: listed, and answered with 404 from the first."""
    return finding.verdict is Verdict.PAGE_GONE and finding.previous_at is None


def is_elsewhere(finding: Finding) -> bool:
    """Whether it is about a page that never held a text, and led elsewhere from the first."""
    return finding.verdict is Verdict.PAGE_MOVED and finding.previous_at is None


def counted(findings: Iterable[Finding], verdict: Verdict) -> int:
    """How many of the findings have this verdict."""
    return sum(finding.verdict is verdict for finding in findings)


def words_changed(finding: Finding) -> bool:
    """Whether words differ, whatever the date does."""
    return finding.verdict in WORDS_CHANGED or any(item.grade is Grade.WORDS for item in finding.variants)


def weighty(finding: Finding) -> tuple[Variant, ...]:
    """The variants that a report shows: words first, then what is cosmetic, each in the page's order.

    One without a lemma and a reading (other bytes of a PDF) has nothing to show.
    """
    shown = tuple(item for item in finding.variants if item.lemma or item.reading)
    words = tuple(item for item in shown if item.grade is Grade.WORDS)
    return words + tuple(item for item in shown if item.grade is Grade.COSMETIC)


def shared_prefix(uris: Sequence[str], scopes: Iterable[str] = ()) -> str:
    """The address prefix that a report can state once; ends with a slash, or is empty.

    The longest scope that holds all the addresses, else the longest folder that does.
    """
    if not uris:
        return ""
    fitting = [
        scope for scope in scopes if scope.endswith("/") and all(uri.startswith(scope) for uri in uris)
    ]
    if fitting:
        return max(fitting, key=len)
    first, last = min(uris), max(uris)
    length = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    prefix = first[: first.rfind("/", 0, length) + 1]
    parts = urlsplit(prefix)
    # "https://" alone, or no address at all, is nothing worth stating
    return prefix if parts.netloc and parts.path else ""
