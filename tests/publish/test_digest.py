"""Digests: what a channel asked for, and nothing else, in three forms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from shell.findings import at, finding, variant

from etolwatch.config import Channel
from etolwatch.model import Category, Finding, Pass, PassState, Trouble, Verdict
from etolwatch.publish import digest
from etolwatch.publish.digest import Week
from etolwatch.publish.news import Told
from etolwatch.publish.render import Form

ANN = Channel("ann", to=("ann@library.example",))


def one(*findings: Finding, day: int = 9) -> Told:
    made = Pass(
        pass_id=f"202611{day:02}041700",
        sites=("penhale",),
        started_at=at(day),
        finished_at=at(day) + timedelta(minutes=5),
        state=PassState.COMPLETE,
        visited=1,
        captured=1,
        unchanged=0,
        gone=0,
        failed=0,
    )
    return Told(made, findings)


@pytest.mark.parametrize("verdict", [Verdict.SILENT_EDIT, Verdict.PAGE_GONE, Verdict.UNDATED_EDIT])
def test_by_itself_a_channel_tells_what_the_page_does_not(verdict: Verdict) -> None:
    assert digest.wanted(finding(verdict=verdict), ANN)


@pytest.mark.parametrize(
    "verdict", [Verdict.DECLARED_EDIT, Verdict.COSMETIC, Verdict.DATE_BUMP_ONLY, Verdict.FIRST_CAPTURE]
)
def test_by_itself_a_channel_is_silent_of_the_rest(verdict: Verdict) -> None:
    assert not digest.wanted(finding(verdict=verdict), ANN)


def test_verdicts_and_categories_are_thresholds_together() -> None:
    channel = replace(ANN, verdicts=(Verdict.DECLARED_EDIT,), categories=(Category.SPELLING,))
    spelt = (variant(category=Category.SPELLING),)
    assert digest.wanted(finding(verdict=Verdict.DECLARED_EDIT, variants=spelt), channel)
    assert not digest.wanted(finding(verdict=Verdict.DECLARED_EDIT), channel)
    assert not digest.wanted(finding(verdict=Verdict.SILENT_EDIT, variants=spelt), channel)


@pytest.mark.parametrize(
    ("word", "lemma", "reading"),
    [
        ("Kronstadt", "at Kronstadt", "there"),
        ("kronstadt", "there", "at KRONSTADT."),
        ("Krönstadt", "Kronstadt", ""),
        ("Fourth International", "", "the “Fourth International”, then"),
    ],
)
def test_a_watch_word_tells_always(word: str, lemma: str, reading: str) -> None:
    found = finding(verdict=Verdict.COSMETIC, variants=(variant(lemma, reading),))
    assert digest.wanted(found, replace(ANN, words=("nothing", word)))
    made = digest.of_pass(one(found), replace(ANN, words=(word,)))
    assert made is not None
    assert f"The watch-word “{word}”" in made.text(Form.TEXT)


@pytest.mark.parametrize(("lemma", "before"), [("Kronstadters", ""), ("the", "of Kronstadt")])
def test_a_watch_word_is_a_whole_word_of_the_change_itself(lemma: str, before: str) -> None:
    found = finding(verdict=Verdict.COSMETIC, variants=(variant(lemma, "that", before=before),))
    assert not digest.wanted(found, replace(ANN, words=("Kronstadt",)))


def test_a_channel_may_be_of_some_sites() -> None:
    assert not digest.wanted(finding(), replace(ANN, sites=("other",)))
    assert not digest.wanted(finding(), replace(ANN, sites=("other",), words=("their",)))
    assert digest.wanted(finding(), replace(ANN, sites=("penhale",)))


def test_what_has_no_variants_is_of_no_category() -> None:
    channel = replace(ANN, categories=(Category.SUBSTANTIVE,))
    assert digest.wanted(finding(verdict=Verdict.PAGE_GONE, variants=()), channel)
    assert not digest.wanted(finding(verdict=Verdict.COSMETIC, variants=()), channel)
    assert not digest.wanted(finding(variants=(variant(category=Category.SPELLING),)), channel)


def test_a_pass_without_anything_wanted_is_no_digest() -> None:
    assert digest.of_pass(one(), ANN) is None
    assert digest.of_pass(one(finding(verdict=Verdict.COSMETIC)), ANN) is None


def test_a_digest_of_a_pass() -> None:
    found = (
        finding("a.htm", Verdict.PAGE_GONE, variants=()),
        finding("b.htm"),
        finding("c.htm", variants=(variant("lamp", "light"),)),
        finding("d.htm", Verdict.COSMETIC),
    )
    trouble = Trouble("https://library.example/x.htm", "penhale", "suspect", "empty", at(9), None, 1)
    made = digest.of_pass(one(*found), ANN, [trouble])
    assert made is not None
    assert made.subject == "etolwatch: 2 silent edits, 1 page gone (penhale, pass of 9 November 2026)"
    text = made.text(Form.TEXT)
    assert text.index("b.htm") < text.index("c.htm") < text.index("a.htm")
    assert "x.htm: empty" in text
    assert "d.htm" not in text
    assert "<ins>light</ins>" in made.text(Form.HTML)
    assert "<ins>light</ins>" in made.text(Form.MARKDOWN)
    assert digest.of_pass(one(*reversed(found)), ANN, [trouble]).text(Form.HTML) == made.text(Form.HTML)  # type: ignore[union-attr]


def test_many_kinds_are_counted_together() -> None:
    verdicts = [*ANN.verdicts[:4], ANN.verdicts[3]]
    found = [finding(f"{n}.htm", verdict) for n, verdict in enumerate(verdicts)]
    made = digest.of_pass(one(*found), ANN)
    assert made is not None
    assert made.subject.startswith("etolwatch: 1 silent edit, 1 backdated edit, 1 date went back, 2 more (")


def test_a_digest_of_a_week() -> None:
    week = Week.of(at(12))
    passes = [one(finding("b.htm", captured_at=at(day)), day=day) for day in (9, 12)]
    made = digest.of_week(passes, week, ANN)
    assert made is not None
    assert made.subject == "etolwatch: 2 silent edits (penhale, the week of 9 to 15 November 2026)"
    assert digest.of_week([one()], week, ANN) is None


@pytest.mark.parametrize(
    ("day", "name", "said"),
    [
        (date(2026, 11, 9), "2026-W46", "the week of 9 to 15 November 2026"),
        (date(2026, 11, 15), "2026-W46", "the week of 9 to 15 November 2026"),
        (date(2026, 10, 1), "2026-W40", "the week of 28 September to 4 October 2026"),
        (date(2027, 1, 1), "2026-W53", "the week of 28 December 2026 to 3 January 2027"),
    ],
)
def test_a_week_begins_on_monday(day: date, name: str, said: str) -> None:
    week = Week.of(datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC))
    assert (week.name, week.said) == (name, said)
    assert week.ends_at - week.begins_at == timedelta(days=7)
    assert week.begins_at.weekday() == 0
