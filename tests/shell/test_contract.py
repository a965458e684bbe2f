"""A finding goes to JSON and back with nothing lost."""

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.contract import finding_from_dict, finding_to_dict, instant_from_text, instant_to_text
from etolwatch.model import Category, Certainty, Finding, Grade, Kind, StatedDate, Variant, Verdict, Zone

instants = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
texts = st.text(max_size=20)
flags = st.lists(texts, max_size=2).map(tuple)
stated = st.builds(
    StatedDate,
    raw=texts,
    iso=st.none() | texts,
    readings=st.lists(st.tuples(st.dates(), st.dates()), max_size=2).map(tuple),
    stamped=st.booleans(),
)
variants = st.builds(
    Variant,
    category=st.sampled_from(Category),
    kind=st.sampled_from(Kind),
    grade=st.sampled_from(Grade),
    zone=st.none() | st.sampled_from(Zone),
    block=st.none() | st.integers(1, 500),
    note=st.none() | texts,
    lemma=texts,
    reading=texts,
    before=texts,
    after=texts,
    count=st.integers(1, 99),
    flags=flags,
    why=texts,
)
findings = st.builds(
    Finding,
    uri=texts,
    site=texts,
    captured_at=st.none() | instants,
    previous_at=st.none() | instants,
    normaliser=texts,
    verdict=st.sampled_from(Verdict),
    certainty=st.none() | st.sampled_from(Certainty),
    flags=flags,
    stated_before=st.none() | stated,
    stated_after=st.none() | stated,
    variants=st.lists(variants, max_size=3).map(tuple),
    changed_after=st.none() | instants,
    changed_until=st.none() | instants,
    why=texts,
)


@given(findings)
def test_a_finding_survives_json(finding: Finding) -> None:
    assert finding_from_dict(json.loads(json.dumps(finding_to_dict(finding)))) == finding


def test_the_object_has_the_keys_of_the_contract() -> None:
    variant = Variant(
        Category.SUBSTANTIVE,
        Kind.OMISSION,
        Grade.WORDS,
        Zone.NOTE,
        14,
        "14.",
        "not",
        "",
        "was",
        "so",
        1,
        ("negation",),
    )
    date_line = StatedDate("11.10.2011", "2011-10-11", ((date(2011, 10, 11), date(2011, 10, 11)),))
    at = datetime(2026, 11, 9, 4, 17, tzinfo=UTC)
    finding = Finding(
        *(
            "http://a/b",
            "a",
            at,
            None,
            "1",
            Verdict.SILENT_EDIT,
            Certainty.PROVEN,
            (),
            date_line,
            None,
            (variant,),
        )
    )
    found = finding_to_dict(finding)
    assert found["verdict"] == "silent_edit"
    assert found["certainty"] == "proven"
    assert found["captured_at"] == "2026-11-09T04:17:00Z"
    assert found["previous_at"] is None
    assert found["stated"]["before"]["raw"] == "11.10.2011"
    assert found["stated"]["before"]["iso"] == "2011-10-11"
    assert found["stated"]["after"]["raw"] is None
    assert found["stated"]["after"]["iso"] is None
    assert {
        key: found["variants"][0][key] for key in ("category", "kind", "zone", "block", "note", "lemma")
    } == {
        "category": "substantive",
        "kind": "omission",
        "zone": "note",
        "block": 14,
        "note": "14.",
        "lemma": "not",
    }


def test_instants_are_written_in_utc() -> None:
    at = datetime(2026, 11, 9, 6, 17, tzinfo=timezone(timedelta(hours=2)))
    assert instant_to_text(at) == "2026-11-09T04:17:00Z"
    assert instant_from_text("2026-11-09T06:17:00+02:00") == at
    assert instant_from_text(None) is None


def test_a_text_that_is_no_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        instant_from_text("yesterday")
