"""The chain of a page's edits, and the same edit on many pages."""

from dataclasses import replace
from datetime import UTC, date, datetime

from etolwatch.collate.chain import after_stated_date, chain
from etolwatch.collate.cluster import clusters, explained, signature
from etolwatch.model import Category, Finding, Grade, Kind, StatedDate, Variant, Verdict, Zone

STATED = StatedDate("1 March 2020", "2020-03-01", ((date(2020, 3, 1), date(2020, 3, 1)),))
EDIT = Variant(
    Category.SUBSTANTIVE,
    Kind.SUBSTITUTION,
    Grade.WORDS,
    Zone.BODY,
    4,
    None,
    "placed",
    "their",
    "Soviet",
    "marks",
)
UNDONE = replace(EDIT, lemma="their", reading="placed")
FOOTER = replace(EDIT, category=Category.CREDIT, zone=Zone.CREDIT, lemma="by Ann", reading="by Ann and Bob")
COMMA = replace(
    EDIT, category=Category.PUNCTUATION, grade=Grade.COSMETIC, kind=Kind.ADDITION, lemma="", reading=","
)


def finding(day: int, *variants: Variant, uri: str = "https://example.org/a.htm") -> Finding:
    return Finding(
        uri=uri,
        site="s",
        captured_at=datetime(2020, 3, day, tzinfo=UTC),
        previous_at=datetime(2020, 3, day - 1, tzinfo=UTC),
        normaliser="n",
        verdict=Verdict.SILENT_EDIT,
        certainty=None,
        flags=(),
        stated_before=STATED,
        stated_after=STATED,
        variants=variants,
        changed_after=datetime(2020, 3, day - 1, tzinfo=UTC),
        changed_until=datetime(2020, 3, day, tzinfo=UTC),
    )


def test_an_edit_made_and_reverted_stays_in_the_chain_as_reverted() -> None:
    made, undone = finding(10, EDIT), finding(12, UNDONE)
    (edit,) = chain([made, undone])
    assert (edit.variant, edit.made, edit.reverted) == (EDIT, made, undone)
    assert after_stated_date([made, undone]) == []


def test_a_correction_made_twice_counts_once() -> None:
    (edit,) = chain([finding(10, EDIT), finding(12, UNDONE), finding(14, EDIT)])
    assert edit.reverted is None
    assert edit.times == 2
    assert len(after_stated_date([finding(10, EDIT), finding(12, UNDONE), finding(14, EDIT)])) == 1


def test_an_edit_edited_again_is_one_from_the_first_words_to_the_last() -> None:
    again = replace(EDIT, lemma="their", reading="those")
    (edit,) = chain([finding(10, EDIT), finding(12, again)])
    assert (edit.variant.lemma, edit.variant.reading) == ("placed", "those")
    back = replace(EDIT, lemma="those", reading="placed")
    (edit,) = chain([finding(10, EDIT), finding(12, again), finding(14, back)])
    assert edit.reverted is not None
    assert after_stated_date([finding(10, EDIT), finding(12, again), finding(14, back)]) == []


def test_the_same_words_undone_elsewhere_are_another_edit() -> None:
    elsewhere = replace(UNDONE, before="and", after="orders")
    assert len(chain([finding(10, EDIT), finding(12, elsewhere)])) == 2


def test_an_edit_that_the_stated_date_may_cover_is_not_after_it() -> None:
    # 1 March 2020 ends last at 2020-03-02T12:00Z; this change may lie before that
    assert after_stated_date([finding(2, EDIT)]) == []
    assert len(after_stated_date([finding(4, EDIT)])) == 1


def test_no_readable_date_covers_nothing_and_claims_nothing() -> None:
    undated = replace(finding(10, EDIT), stated_after=StatedDate("2 Novem9ber 2018", None))
    assert after_stated_date([undated]) == []


def test_the_same_edit_on_three_pages_is_one_cluster() -> None:
    pages = [finding(10, FOOTER, uri=f"https://example.org/{name}.htm") for name in "abc"]
    other = finding(10, EDIT, FOOTER, uri="https://example.org/d.htm")
    (cluster,) = clusters([*pages, other])
    assert cluster.signature == signature(FOOTER)
    assert [page.uri[-5] for page in cluster.findings] == ["a", "b", "c", "d"]
    assert all(explained(page, [cluster]) for page in pages)
    assert not explained(other, [cluster])  # it has an edit of its own


def test_a_signature_does_not_depend_on_the_page_or_the_block() -> None:
    assert signature(replace(FOOTER, block=9, before="x", after="y")) == signature(FOOTER)


def test_commas_in_different_sentences_are_no_cluster() -> None:
    pages = [
        finding(10, replace(COMMA, before=f"word {name}", after="z"), uri=f"https://example.org/{name}.htm")
        for name in "abc"
    ]
    assert clusters(pages) == []
