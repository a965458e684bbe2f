"""Bytes that a script wrote over others, in real pages: which characters, and what they weigh.

Each expectation was read off the bytes of the two versions: the one non-ASCII run on the
left became U+FFFD or two bytes 0xFF. A sign (©, £, ¶, a quotation mark) lost is damage;
a letter or a number lost is words changed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from etolwatch.model import Category, Finding, Grade, Variant, Verdict, Zone

from .conftest import Compare

REPLACED = "\ufffd"
FF = "ÿÿ"


def bodies(versions: Path, page: str, *numbers: int) -> list[bytes]:
    found = sorted((versions / page).glob("*.htm*"))
    return [next(file for file in found if file.name.startswith(f"{n}-")).read_bytes() for n in numbers]


def weighty(finding: Finding) -> list[Variant]:
    return [each for each in finding.variants if each.grade is not Grade.NONE]


@pytest.mark.parametrize(
    ("page", "numbers", "lost", "stands", "after"),
    [
        # die©hard Bourbons
        ("archive__weisbord__Fight.htm", (1, 3), "©", REPLACED, "hard"),
        ("archive__weisbord__Fight.htm", (2, 3), "©", REPLACED, "hard"),
        # ¶2. The substructure
        ("archive__weisbord__Materialism.htm", (1, 2), "¶", REPLACED, "2"),
        # £50,000,000 a year
        ("archive__grant__1961__02__belgium.htm", (1, 2), "£", FF, "50,000,000"),
    ],
)
def test_a_lost_sign_is_damage(
    versions: Path, compared: Compare, page: str, numbers: tuple[int, int], lost: str, stands: str, after: str
) -> None:
    finding = compared(*bodies(versions, page, *numbers))
    (variant,) = weighty(finding)
    assert variant.category is Category.ENCODING
    assert variant.zone is Zone.BODY
    assert lost in variant.lemma
    assert stands in variant.reading
    # the smallest differing words, and nothing beside them
    assert variant.lemma.replace(lost, stands) == variant.reading
    assert len(variant.lemma) <= len("die©hard Bourbons")
    assert after in variant.lemma + variant.after
    assert variant.grade is Grade.COSMETIC
    assert finding.verdict is Verdict.COSMETIC


@pytest.mark.parametrize(
    ("page", "lost", "stands"),
    [
        # a growth of 2½%
        ("archive__weisbord__Mobilization.htm", "½", REPLACED),
        # vis-à-vis Britain
        ("archive__grant__1967__06__eec.htm", "à", FF),
    ],
)
def test_a_lost_letter_or_number_is_words_changed(
    versions: Path, compared: Compare, page: str, lost: str, stands: str
) -> None:
    finding = compared(*bodies(versions, page, 1, 2))
    (variant,) = weighty(finding)
    assert variant.grade is Grade.WORDS
    assert variant.zone is Zone.BODY
    assert lost in variant.lemma
    assert variant.lemma.replace(lost, stands) == variant.reading
    assert len(variant.lemma) <= len("vis-à-vis")
    # neither page states a date
    assert finding.verdict is Verdict.UNDATED_EDIT


def test_lost_quotation_marks_in_the_information_lines(versions: Path, compared: Compare) -> None:
    """Please credit “Marxists Internet Archive”: both marks of kitz/internationalism are gone."""
    finding = compared(*bodies(versions, "archive__kitz__internationalism.htm", 1, 2))
    variants = weighty(finding)
    assert variants
    assert {each.category for each in variants} == {Category.ENCODING}
    assert {each.zone for each in variants} <= {Zone.HEADER, Zone.CREDIT}
    lemmas = "".join(each.lemma for each in variants)
    readings = "".join(each.reading for each in variants)
    assert "“" in lemmas
    assert "”" in lemmas
    assert readings.count(REPLACED) == 2
    assert lemmas.translate({ord("“"): REPLACED, ord("”"): REPLACED}) == readings
    assert finding.verdict is Verdict.COSMETIC
