"""Findings to render: texts of our own about an invented lighthouse."""

from datetime import UTC, date, datetime
from typing import Any

from etolwatch.model import Category, Finding, Grade, Kind, StatedDate, Variant, Verdict, Zone

SITE = "https://library.example/penhale/"
SAME = StatedDate("11.10.2011", "2011-10-11", ((date(2011, 10, 11), date(2011, 10, 11)),))
LATER = StatedDate("9 November 2026", "2026-11-09", ((date(2026, 11, 9), date(2026, 11, 9)),))


def at(day: int, hour: int = 4, minute: int = 17) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def variant(lemma: str = "the", reading: str = "their", **changes: Any) -> Variant:
    values: dict[str, Any] = {
        "category": Category.SUBSTANTIVE,
        "kind": Kind.SUBSTITUTION,
        "grade": Grade.WORDS,
        "zone": Zone.BODY,
        "block": 58,
        "note": None,
        "lemma": lemma,
        "reading": reading,
        "before": "keepers placed some of",
        "after": "two hundred lamps upon",
    }
    return Variant(**{**values, **changes})


def finding(
    page: str = "1958/08/lamps.htm", verdict: Verdict = Verdict.SILENT_EDIT, **changes: Any
) -> Finding:
    values: dict[str, Any] = {
        "uri": SITE + page,
        "site": "penhale",
        "captured_at": at(9),
        "previous_at": at(2),
        "normaliser": "1",
        "verdict": verdict,
        "certainty": None,
        "flags": (),
        "stated_before": SAME,
        "stated_after": SAME,
        "variants": (variant(),),
    }
    return Finding(**{**values, **changes})
