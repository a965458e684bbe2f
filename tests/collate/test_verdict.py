"""The arithmetic of dates, to the second; the table is covered by tests/cases/table_*."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.collate.verdict import (
    DateChange,
    Ruling,
    Side,
    date_change,
    first,
    modified_at,
    rule,
    window_end,
    window_start,
)
from etolwatch.model import Certainty, Grade, Verdict
from etolwatch.text.dates import stated

SECOND = timedelta(seconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def http(moment: datetime | None) -> str | None:
    return format_datetime(moment, usegmt=True) if moment else None


def ruled(
    before: str | None,
    after: str | None,
    t0: datetime | None,
    t1: datetime | None,
    modified: datetime | None = None,
    grade: Grade = Grade.WORDS,
) -> Ruling:
    return rule(
        Side(stated(before) if before else None, t0, None),
        Side(stated(after) if after else None, t1, http(modified)),
        grade,
    )


# ── windows ──


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("11 October 2011", "2011-10-10T10:00:00", "2011-10-12T12:00:00"),  # d − 14 h to d + 36 h
        ("1 January 2000", "1999-12-31T10:00:00", "2000-01-02T12:00:00"),
        ("February 2008", "2008-01-31T10:00:00", "2008-03-01T12:00:00"),
        ("2011", "2010-12-31T10:00:00", "2012-01-01T12:00:00"),
        ("1.3.2005", "2005-01-02T10:00:00", "2005-03-02T12:00:00"),  # both readings
    ],
)
def test_a_window_runs_from_utc_plus_14_to_utc_minus_12(text: str, start: str, end: str) -> None:
    assert window_start(stated(text)) == at(start)
    assert window_end(stated(text)) == at(end)


def test_no_date_no_window() -> None:
    assert window_end(None) is window_start(None) is None
    assert window_end(stated("29 Novemember 2015")) is None


# ── same date ──

END = at("2011-10-12T12:00:00")  # of 11 October 2011
FAR = at("2026-11-09T04:00:00")


@pytest.mark.parametrize(
    ("t0", "verdict", "certainty"),
    [
        (END - SECOND, Verdict.SAME_DAY_EDIT, None),
        (END, Verdict.SILENT_EDIT, Certainty.PROVEN),
        (END + SECOND, Verdict.SILENT_EDIT, Certainty.PROVEN),
    ],
)
def test_silent_from_the_second_at_which_the_day_is_over_everywhere(
    t0: datetime, verdict: Verdict, certainty: Certainty | None
) -> None:
    found = ruled("11 October 2011", "11 October 2011", t0, FAR)
    assert (found.verdict, found.certainty) == (verdict, certainty)


@pytest.mark.parametrize(
    ("modified", "verdict", "certainty"),
    [
        (END - SECOND, Verdict.SAME_DAY_EDIT, None),
        (END, Verdict.SAME_DAY_EDIT, None),
        (END + SECOND, Verdict.SILENT_EDIT, Certainty.PROBABLE),
        (FAR, Verdict.SILENT_EDIT, Certainty.PROBABLE),
        (FAR + SECOND, Verdict.SAME_DAY_EDIT, None),  # later than the capture: narrows nothing
        (END - timedelta(days=1), Verdict.SAME_DAY_EDIT, None),  # a lie
    ],
)
def test_last_modified_makes_it_probable(
    modified: datetime, verdict: Verdict, certainty: Certainty | None
) -> None:
    found = ruled("11 October 2011", "11 October 2011", END - timedelta(hours=12), FAR, modified)
    assert (found.verdict, found.certainty) == (verdict, certainty)


def test_the_interval_of_the_change() -> None:
    t0, t1 = at("2026-11-02T04:00:00"), at("2026-11-09T04:00:00")
    plain = ruled("1 May 2011", "1 May 2011", t0, t1)
    assert (plain.changed_after, plain.changed_until) == (t0, t1)
    narrowed = ruled("1 May 2011", "1 May 2011", t0, t1, at("2026-11-05T10:00:00"))
    assert (narrowed.changed_after, narrowed.changed_until) == (t0, at("2026-11-05T10:00:00"))
    for lie in (t0, t0 - SECOND):
        found = ruled("1 May 2011", "1 May 2011", t0, t1, lie)
        assert (found.changed_after, found.changed_until) == (t0, t1)
        assert "lying_last_modified" in found.flags
    assert "lying_last_modified" not in ruled("1 May 2011", "1 May 2011", t0, t1, t0 + SECOND).flags


def test_unknown_times_prove_nothing() -> None:
    for t0, t1 in ((None, None), (None, FAR)):
        found = ruled("11 October 2011", "11 October 2011", t0, t1)
        assert (found.verdict, found.certainty) == (Verdict.SILENT_EDIT, None)


def test_an_unreadable_date_that_stays_proves_nothing() -> None:
    found = ruled("29 Novemember 2015", "29 Novemember 2015", FAR - timedelta(days=7), FAR)
    assert (found.verdict, found.certainty) == (Verdict.SILENT_EDIT, None)


# ── another date ──


@pytest.mark.parametrize(
    ("t0", "verdict"),
    [
        (END - SECOND, Verdict.DECLARED_EDIT),
        (END, Verdict.DECLARED_EDIT),  # reaches t0
        (END + SECOND, Verdict.BACKDATED_EDIT),
    ],
)
def test_backdated_from_the_second_after_its_end(t0: datetime, verdict: Verdict) -> None:
    assert ruled("1 May 2011", "11 October 2011", t0, FAR).verdict is verdict


def test_a_date_is_of_the_future_after_36_hours() -> None:
    """The window of 11 November 2026 begins on 10 November 10:00 UTC."""
    begin = at("2026-11-10T10:00:00")
    t0 = at("2026-11-01T00:00:00")
    late = ruled("1 May 2011", "11 November 2026", t0, begin - timedelta(hours=36) - SECOND)
    assert "future_date" in late.flags
    assert "future_date" not in ruled("1 May 2011", "11 November 2026", t0, begin - timedelta(hours=36)).flags


def test_a_future_date_is_measured_from_the_capture_not_from_last_modified() -> None:
    t0, t1 = at("2026-11-02T04:00:00"), at("2026-11-20T04:00:00")
    found = ruled("1 May 2011", "19 November 2026", t0, t1, at("2026-11-03T04:00:00"))
    assert "future_date" not in found.flags


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("1 May 2011", "1 May 2011", DateChange.SAME),
        ("1.5.2011", "1 May 2011", DateChange.SAME),
        ("14.5.2011", "May 14, 2011", DateChange.SAME),
        ("29 Novemember 2015", "29 Novemember 2015", DateChange.SAME),
        ("1 May 2011", "2 May 2011", DateChange.FORWARD),
        ("2 May 2011", "1 May 2011", DateChange.BACKWARD),
        ("30.9.2011", "1.10.2011", DateChange.FORWARD),
        ("7.25.2009", "8.26.2009", DateChange.FORWARD),
        ("31.12.2010", "1.1.2011", DateChange.FORWARD),
        ("2010", "2011", DateChange.FORWARD),
        ("May 2011", "April 2011", DateChange.BACKWARD),
        (None, "1 May 2011", DateChange.ADDED),
        ("1 May 2011", None, DateChange.REMOVED),
        (None, None, DateChange.ABSENT),
    ],
)
def test_how_a_date_moved(before: str | None, after: str | None, change: DateChange) -> None:
    assert date_change(stated(before) if before else None, stated(after) if after else None) is change


@given(st.dates(datetime(1996, 1, 1).date(), datetime(2030, 12, 31).date()), st.integers(1, 4000))
def test_forward_and_backward_are_each_others_mirror(day: object, later: int) -> None:
    one = stated(f"Last updated on {day}")
    two = stated(f"Last updated on {day + timedelta(days=later)}")  # type: ignore[operator]
    assert date_change(one, two) is DateChange.FORWARD
    assert date_change(two, one) is DateChange.BACKWARD


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 10**7),
    st.integers(-(10**7), 10**7),
)
def test_never_silent_where_the_date_may_cover_the_change(t0: datetime, span: int, shift: int) -> None:
    day = (t0 + timedelta(seconds=shift)).date()
    found = ruled(f"{day}", f"{day}", t0, t0 + timedelta(seconds=span))
    over_everywhere = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=36)
    assert (found.verdict is Verdict.SILENT_EDIT) == (over_everywhere <= t0)


# ── first captures ──


@pytest.mark.parametrize(
    ("modified", "flagged"),
    [
        (END - SECOND, False),
        (END, False),
        (END + SECOND, True),
        (FAR, True),
        (FAR + SECOND, False),  # later than the capture itself: no sane header
        (None, False),
    ],
)
def test_unwitnessed_change_on_a_first_capture(modified: datetime | None, flagged: bool) -> None:
    found = first(Side(stated("11 October 2011"), FAR, http(modified)))
    assert found.verdict is Verdict.FIRST_CAPTURE
    assert found.certainty is None
    assert ("unwitnessed_change" in found.flags) == flagged


@pytest.mark.parametrize("line", [None, "29 Novemember 2015"])
def test_without_a_window_nothing_is_unwitnessed(line: str | None) -> None:
    found = first(Side(stated(line) if line else None, FAR, http(FAR)))
    assert "unwitnessed_change" not in found.flags


@pytest.mark.parametrize(
    ("header", "moment"),
    [
        ("Tue, 03 Nov 2026 10:00:00 GMT", "2026-11-03T10:00:00"),
        ("Tuesday, 03-Nov-26 10:00:00 GMT", "2026-11-03T10:00:00"),
        ("Tue Nov  3 10:00:00 2026", "2026-11-03T10:00:00"),
        ("Tue, 03 Nov 2026 12:00:00 +0200", "2026-11-03T10:00:00"),
        ("yesterday", None),
        ("", None),
        (None, None),
        ("Tue, 99 Nov 2026 10:00:00 GMT", None),
        ("Tue, 03 Nov 99999 10:00:00 GMT", None),
    ],
)
def test_last_modified_in_the_three_forms_of_http(header: str | None, moment: str | None) -> None:
    assert modified_at(header) == (at(moment) if moment else None)


@given(st.text(max_size=40))
def test_no_header_fails(header: str) -> None:
    modified_at(header)
