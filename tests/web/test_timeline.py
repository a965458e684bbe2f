"""The timeline: in order, what was stated beside what was captured, words that do not cover one another."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from archive.material import BASE
from hypothesis import given
from hypothesis import strategies as st

from etolwatch.model import Capture, Certainty, Finding, Outcome, RecordType, StatedDate, Verdict
from etolwatch.web.timeline import LABEL_WIDTH, LEVELS, MOST, NARROW, WIDTH, timeline

URI = f"{BASE}/a.htm"
FIRST = datetime(2026, 11, 2, 4, tzinfo=UTC)
OLD = StatedDate("11.10.2011", "2011-10-11", ((date(2011, 10, 11), date(2011, 10, 11)),))


def capture(at: datetime, outcome: Outcome = Outcome.CHANGED) -> Capture:
    return Capture(
        record_id=f"urn:{at.isoformat()}", uri=URI, asks=URI, site="test", captured_at=at, status=200,
        record_type=RecordType.RESPONSE, outcome=outcome, payload_digest="sha1:A", body_digest="sha256:a",
        content_type=None, etag=None, last_modified=None, location=None, warc="a.warc.gz", offset=0, length=1,
        refers_to=None, pass_id="20261102040000", size_bytes=1,
    )  # fmt: skip


def finding(
    at: datetime,
    before: datetime | None,
    verdict: Verdict = Verdict.SILENT_EDIT,
    stated: StatedDate | None = OLD,
) -> Finding:
    return Finding(URI, "test", at, before, "rules", verdict, Certainty.PROVEN, (), stated, stated, ())


def test_the_change_lies_right_of_the_date_that_is_still_stated() -> None:
    captures = [capture(FIRST), capture(FIRST + timedelta(days=7))]
    first = finding(FIRST, None, Verdict.FIRST_CAPTURE)
    this = finding(FIRST + timedelta(days=7), FIRST)
    found = timeline(captures, [first, this], this)
    assert [one.raw for one in found.stated] == ["11.10.2011"]
    assert found.change == (found.points[0].x, found.points[1].x)
    assert found.stated[0].x < found.points[0].x < found.points[1].x
    assert found.points[1].stated_x == found.stated[0].x
    assert found.is_silent
    assert [point.is_this for point in found.points] == [False, True]
    assert [point.is_base for point in found.points] == [True, False]


def test_a_date_that_cannot_be_read_is_told_but_not_drawn() -> None:
    odd = StatedDate("last week", None)
    this = finding(FIRST, None, Verdict.FIRST_CAPTURE, odd)
    found = timeline([capture(FIRST)], [this], this)
    assert found.stated == ()
    assert (found.points[0].stated, found.points[0].stated_x) == ("last week", None)


def test_a_capture_without_a_text_states_nothing() -> None:
    gone = finding(FIRST + timedelta(days=1), FIRST, Verdict.PAGE_GONE, None)
    captures = [capture(FIRST), capture(FIRST + timedelta(days=1), Outcome.GONE)]
    found = timeline(captures, [finding(FIRST, None, Verdict.FIRST_CAPTURE), gone], gone)
    assert [point.kind for point in found.points] == ["text", "none"]
    assert [point.stated for point in found.points] == ["11.10.2011", ""]


def test_captures_of_the_same_text_go_on_stating_its_date() -> None:
    captures = [capture(FIRST), capture(FIRST + timedelta(days=1), Outcome.UNCHANGED)]
    this = finding(FIRST, None, Verdict.FIRST_CAPTURE)
    found = timeline(captures, [this], this)
    assert [point.stated for point in found.points] == ["11.10.2011", "11.10.2011"]
    assert found.points[1].finding is None


@given(
    st.lists(st.integers(0, 10_000), unique=True, min_size=1, max_size=150).map(sorted),
    st.integers(0, 200),
)
def test_the_order_is_kept_and_all_stays_on_the_line(days: list[int], which: int) -> None:
    times = [FIRST + timedelta(days=day) for day in days]
    place = which % len(times)
    told = [finding(at, times[n - 1] if n else None) for n, at in enumerate(times)]
    found = timeline([capture(at) for at in times], told, told[place])
    xs = [point.x for point in found.points]
    assert xs == sorted(xs)
    assert all(0 <= x <= WIDTH for x in xs)
    assert len(xs) <= MOST + 4
    assert {point.at for point in found.points} >= {times[0], times[-1], times[place]}
    for lowered in (False, True):
        middles = sorted(label.x for label in found.labels if label.lowered is lowered)
        assert all(b - a >= LABEL_WIDTH - 0.2 for a, b in itertools.pairwise(middles))
    assert times[place] in {label.at for label in found.labels}


@pytest.mark.parametrize("verdict", [Verdict.DECLARED_EDIT, Verdict.COSMETIC, Verdict.PAGE_GONE])
def test_what_is_not_silent_is_not_drawn_so(verdict: Verdict) -> None:
    this = finding(FIRST + timedelta(days=1), FIRST, verdict)
    assert not timeline([capture(FIRST), capture(FIRST + timedelta(days=1))], [this], this).is_silent


def stated(day: date, *others: date) -> StatedDate:
    return StatedDate(f"{day:%d.%m.%Y}", day.isoformat(), tuple((one, one) for one in (day, *others)))


@given(st.lists(st.dates(date(1990, 1, 1), date(2026, 10, 1)), min_size=1, max_size=12))
def test_no_stated_date_covers_another(days: list[date]) -> None:
    times = [FIRST + timedelta(days=number) for number in range(len(days))]
    told = [
        finding(at, times[n - 1] if n else None, stated=stated(day))
        for n, (at, day) in enumerate(zip(times, days, strict=True))
    ]
    for width in (WIDTH, NARROW):
        found = timeline([capture(at) for at in times], told, told[-1], width)
        for level in range(LEVELS):
            middles = sorted(one.label_x for one in found.stated if one.level == level)
            assert all(b - a >= len("11.10.2011") * 7 for a, b in itertools.pairwise(middles))
        assert all(0 <= point.x <= width for point in found.points)


def test_three_dates_near_each_other_stand_at_three_heights() -> None:
    days = [date(2026, 10, day) for day in (1, 2, 3)]
    times = [FIRST + timedelta(days=1000 * number) for number in range(3)]
    told = [finding(at, None, stated=stated(day)) for at, day in zip(times, days, strict=True)]
    found = timeline([capture(at) for at in times], told, told[-1], NARROW)
    assert [one.level for one in found.stated] == [0, 1, 2]


def test_each_reading_of_an_ambiguous_date_is_drawn() -> None:
    this = finding(FIRST, None, stated=stated(date(2011, 2, 1), date(2011, 1, 2)))
    found = timeline([capture(FIRST)], [this], this)
    (one,) = found.stated
    assert found.is_ambiguous
    assert one.other_x[0] < one.x < found.points[0].x


def test_captures_that_are_not_drawn_are_counted() -> None:
    times = [FIRST + timedelta(days=number) for number in range(MOST + 40)]
    this = finding(times[-1], times[-2])
    found = timeline([capture(at) for at in times], [this], this)
    assert found.left_out == len(times) - len(found.points) > 0
    assert timeline([capture(at) for at in times[:MOST]], [this], this).left_out == 0
