"""The TIME of a command."""

from datetime import UTC, datetime

import pytest

from etolwatch.errors import UsageError
from etolwatch.when import digits, since, split, until


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-09", datetime(2026, 11, 9, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2026-11-09T04:17:00Z", datetime(2026, 11, 9, 4, 17, 0, 999999, tzinfo=UTC)),
        ("2026-11-09T04:17", datetime(2026, 11, 9, 4, 17, 0, 999999, tzinfo=UTC)),
        ("2026-11-09T06:17:00+02:00", datetime(2026, 11, 9, 4, 17, 0, 999999, tzinfo=UTC)),
        ("2026-11-09T04:17:00.250000Z", datetime(2026, 11, 9, 4, 17, 0, 250000, tzinfo=UTC)),
        ("20261109041700", datetime(2026, 11, 9, 4, 17, 0, 999999, tzinfo=UTC)),
    ],
)
def test_until_is_the_last_instant_meant(text: str, expected: datetime) -> None:
    assert until(text) == expected


def test_since_is_the_first_instant_meant() -> None:
    assert since("2026-11-09") == datetime(2026, 11, 9, tzinfo=UTC)
    assert since("20261109041700") == datetime(2026, 11, 9, 4, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026", "2026-13-01", "20261301000000", "20261109", "9.11.2026", "²0261109041700"],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="14 digits"):
        until(text)


def test_a_page_with_a_time() -> None:
    assert split("a.htm@2026-11-09") == ("a.htm", until("2026-11-09"))
    assert split("a.htm") == ("a.htm", None)
    assert split("http://h/@name/a.htm") == ("http://h/@name/a.htm", None)


def test_digits() -> None:
    assert digits(datetime(2026, 11, 9, 4, 17, 5, 9, tzinfo=UTC)) == "20261109041705"
