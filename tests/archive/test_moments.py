"""Which capture a time means, and by which digits a capture is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.archive.moments import Line, Mark, Moment, time_of
from etolwatch.model import Outcome, Verdict

START = datetime(2026, 11, 2, 5, 0, tzinfo=UTC)
OUTCOMES = (Outcome.NEW, Outcome.CHANGED, Outcome.UNCHANGED, Outcome.GONE, Outcome.MOVED, Outcome.SUSPECT)
moments = st.lists(
    st.tuples(st.integers(0, 40_000_000), st.sampled_from(OUTCOMES)),
    min_size=1,
    max_size=12,
    unique_by=lambda m: m[0],
)


def line_of(found: list[tuple[int, Outcome]]) -> Line:
    return Line.of(
        "https://example.org/",
        (
            Moment(str(n), START + timedelta(microseconds=us), outcome, 200)
            for n, (us, outcome) in enumerate(found)
        ),
    )


@given(moments)
def test_each_capture_is_found_by_its_own_digits(found: list[tuple[int, Outcome]]) -> None:
    line = line_of(found)
    digits = [line.digits(moment) for moment in line.moments]
    assert len(set(digits)) == len(digits)
    assert [line.find(each) for each in digits] == list(line.moments)


@given(moments, st.integers(-10_000_000, 50_000_000))
def test_the_nearest_has_none_nearer_to_it(found: list[tuple[int, Outcome]], us: int) -> None:
    line, at = line_of(found), START + timedelta(microseconds=us)
    nearest = line.nearest(at)
    assert nearest is not None
    sound = [one for one in line.moments if one.mark is not Mark.SUSPECT] or list(line.moments)
    second = at.replace(microsecond=0)
    distances = [abs(one.second - second) for one in sound]
    assert abs(nearest.second - second) <= min(distances)


@given(moments, st.integers(-10_000_000, 50_000_000))
def test_what_a_page_needs_is_of_its_time_or_the_first_after(
    found: list[tuple[int, Outcome]], us: int
) -> None:
    line, at = line_of(found), START + timedelta(microseconds=us)
    held = line.as_of(at)
    assert held is not None
    texts = [one for one in line.moments if one.outcome in OUTCOMES[:3]] or list(line.moments)
    until = at if at.microsecond else at.replace(microsecond=999_999)
    earlier = [one for one in texts if one.at <= until]
    assert held == (earlier[-1] if earlier else texts[0])


def test_before_and_after_follow_the_line() -> None:
    line = line_of([(0, Outcome.NEW), (5_000_000, Outcome.GONE), (9_000_000, Outcome.CHANGED)])
    first, second, third = line.moments
    assert (line.before(first), line.after(first)) == (None, second)
    assert (line.before(third), line.after(third)) == (second, None)


@pytest.mark.parametrize(
    ("digits", "at"),
    [
        ("2026", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("202402", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("20261109", datetime(2026, 11, 9, 23, 59, 59, tzinfo=UTC)),
        ("2026110904", datetime(2026, 11, 9, 4, 59, 59, tzinfo=UTC)),
        ("20261109041700", datetime(2026, 11, 9, 4, 17, tzinfo=UTC)),
        ("20261109041700000123", datetime(2026, 11, 9, 4, 17, 0, 123, tzinfo=UTC)),
        ("202", None),
        ("20260230", None),
        ("00000101000000", None),
        ("٢٠٢٦", None),
    ],
)
def test_digits_as_a_time(digits: str, at: datetime | None) -> None:
    assert time_of(digits) == at


@pytest.mark.parametrize(
    ("outcome", "verdict", "mark"),
    [
        (Outcome.NEW, Verdict.FIRST_CAPTURE, Mark.TEXT),
        (Outcome.CHANGED, Verdict.SILENT_EDIT, Mark.TEXT),
        (Outcome.UNCHANGED, None, Mark.UNCHANGED),
        (Outcome.CHANGED, Verdict.PAGE_GONE, Mark.GONE),  # a soft 404
        (Outcome.CHANGED, Verdict.SUSPECT_CAPTURE, Mark.SUSPECT),
        (Outcome.GONE, None, Mark.GONE),
        (Outcome.MOVED, Verdict.PAGE_MOVED, Mark.MOVED),
        (Outcome.SUSPECT, None, Mark.SUSPECT),
    ],
)
def test_what_a_capture_is(outcome: Outcome, verdict: Verdict | None, mark: Mark) -> None:
    assert Moment("", START, outcome, 200, verdict).mark is mark
