"""The captures of a page as a chain: an edit made and reverted, a correction made twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from etolwatch.collate.chain import after_stated_date, chain
from etolwatch.collate.cluster import clusters, explained, signature
from etolwatch.collate.compare import compare
from etolwatch.model import Finding, Payload
from etolwatch.text.profiles import profile

T0 = datetime(2026, 11, 2, 4, tzinfo=UTC)
PROSE = "The keepers of the lock would not turn the {} wheels, and nobody in the {} was able to say why."


def capture(
    place: int, *words: str, date: str = "11 October 2011", uri: str = "https://e.org/a.htm"
) -> Payload:
    foot = f'<p class="updat">Last updated on {date}</p>'
    body = f"<html><body><h1>T</h1><p>{PROSE.format(*words)}</p>{foot}</body></html>"
    return Payload(uri, body.encode(), captured_at=T0 + timedelta(days=7 * place))


def findings(*captures: Payload) -> list[Finding]:
    return [compare(one, two, profile("etol")) for one, two in pairwise(captures)]


OLD, NEW = ("heavy", "county"), ("great", "county")


def test_an_edit_made_and_reverted_does_not_vanish() -> None:
    (edit,) = chain(findings(capture(0, *OLD), capture(1, *NEW), capture(2, *OLD)))
    assert (edit.variant.lemma, edit.variant.reading) == ("heavy", "great")
    assert edit.made.captured_at == T0 + timedelta(days=7)
    assert edit.reverted is not None
    assert edit.reverted.captured_at == T0 + timedelta(days=14)


def test_a_correction_made_twice_counts_once() -> None:
    (edit,) = chain(findings(capture(0, *OLD), capture(1, *NEW), capture(2, *OLD), capture(3, *NEW)))
    assert edit.times == 2
    assert edit.reverted is None


def test_two_edits_are_two() -> None:
    found = chain(findings(capture(0, *OLD), capture(1, "great", "county"), capture(2, "great", "parish")))
    assert [(e.variant.lemma, e.variant.reading) for e in found] == [("heavy", "great"), ("county", "parish")]


def test_edits_after_the_stated_date() -> None:
    """The date of the last capture, 8 November, covers the first edit and not the second."""
    made = findings(
        capture(0, *OLD),
        capture(1, *NEW, date="8 November 2026"),
        capture(2, "great", "parish", date="8 November 2026"),
    )
    found = after_stated_date(made)
    assert [(e.variant.lemma, e.variant.reading) for e in found] in ([], [("county", "parish")])
    later = findings(
        capture(0, *OLD),
        capture(1, *NEW, date="4 November 2026"),
        capture(2, "great", "parish", date="4 November 2026"),
    )
    assert [(e.variant.lemma, e.variant.reading) for e in after_stated_date(later)] == [("county", "parish")]


def test_a_reverted_edit_is_none_after_the_stated_date() -> None:
    assert after_stated_date(findings(capture(0, *OLD), capture(1, *NEW), capture(2, *OLD))) == []


def test_without_a_date_nothing_is_after_it() -> None:
    unreadable = "29 Novemember 2015"
    made = findings(capture(0, *OLD, date=unreadable), capture(1, *NEW, date=unreadable))
    assert after_stated_date(made) == []
    assert after_stated_date([]) == []


def same_edit_on(*pages: str) -> list[Finding]:
    return [
        finding
        for page in pages
        for finding in findings(
            capture(0, *OLD, uri=f"https://e.org/{page}.htm"),
            capture(1, *NEW, uri=f"https://e.org/{page}.htm"),
        )
    ]


def test_the_same_edit_on_many_pages_is_one_cluster() -> None:
    made = same_edit_on("a", "b", "c", "d")
    (cluster,) = clusters(made)
    assert [finding.uri for finding in cluster.findings] == [f"https://e.org/{page}.htm" for page in "abcd"]
    assert (cluster.variant.lemma, cluster.variant.reading) == ("heavy", "great")
    assert all(explained(finding, [cluster]) for finding in made)


def test_the_signature_is_of_the_words_not_of_the_page() -> None:
    one, two = same_edit_on("a", "b")
    assert signature(one.variants[0]) == signature(two.variants[0])
    (other,) = findings(capture(0, *OLD), capture(1, "heavy", "parish"))
    assert signature(other.variants[0]) != signature(one.variants[0])


def test_a_finding_with_more_to_tell_is_not_explained() -> None:
    found = clusters(same_edit_on("a", "b", "c"))
    (more,) = findings(capture(0, *OLD), capture(1, "great", "parish"))
    assert not explained(more, found)
