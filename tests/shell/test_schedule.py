"""Cron lines mean what crontab(5) says they mean."""

from datetime import UTC, datetime

import pytest

from etolwatch.schedule import next_time, trigger

MONDAY = datetime(2026, 11, 9, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("17 4 * * *", datetime(2026, 11, 10, 4, 17, tzinfo=UTC)),
        ("0 4 * * 0", datetime(2026, 11, 15, 4, tzinfo=UTC)),  # Sunday
        ("0 4 * * 7", datetime(2026, 11, 15, 4, tzinfo=UTC)),  # Sunday too
        ("0 4 * * 1", datetime(2026, 11, 16, 4, tzinfo=UTC)),  # Monday
        ("0 4 * * sat", datetime(2026, 11, 14, 4, tzinfo=UTC)),
        ("0 4 * * 5-7", datetime(2026, 11, 13, 4, tzinfo=UTC)),  # Friday to Sunday
        ("0 4 * * fri-sun", datetime(2026, 11, 13, 4, tzinfo=UTC)),
        ("0 4 * * */3", datetime(2026, 11, 11, 4, tzinfo=UTC)),  # Sunday, Wednesday, Saturday
        ("0 4 20 * 5", datetime(2026, 11, 13, 4, tzinfo=UTC)),  # the 20th or a Friday
        ("0 4 1 1 *", datetime(2027, 1, 1, 4, tzinfo=UTC)),
        ("*/20 12 * * *", datetime(2026, 11, 9, 12, 20, tzinfo=UTC)),
    ],
)
def test_the_next_time(line: str, expected: datetime) -> None:
    after = MONDAY.replace(second=1)
    assert next_time(line, "UTC", after) == expected


def test_the_schedule_keeps_to_its_time_zone_over_the_year() -> None:
    winter = next_time("0 4 * * *", "Europe/London", datetime(2027, 1, 10, 12, tzinfo=UTC))
    summer = next_time("0 4 * * *", "Europe/London", datetime(2027, 7, 10, 12, tzinfo=UTC))
    assert (winter.hour, summer.hour) == (4, 3)


@pytest.mark.parametrize(
    "line", ["", "1 2 3", "60 4 * * *", "0 4 * * 8", "0 4 * * 1-9", "0 4 * * x", "0 4 * * */0", "a b c d e"]
)
def test_what_is_no_cron_line(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        trigger(line, "UTC")


def test_a_day_that_never_comes() -> None:
    with pytest.raises(ValueError, match="no day"):
        next_time("0 4 31 2 *", "UTC", MONDAY)
