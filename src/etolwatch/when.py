"""The TIME of a command: a date, an ISO 8601 instant, or 14 digits."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from etolwatch.errors import UsageError

DIGITS = re.compile(r"\d{14}")
LIKE_A_TIME = re.compile(r"\d+|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([T ][\d:.,Zz+-]*)?")
ALMOST = timedelta(microseconds=999_999)  # captures are written to the second, and kept finer


def until(text: str) -> datetime:
    """The last instant that the text means: of a date, the end of that day (UTC); else of that second.

    So that ``2026-11-09`` includes all captures of that day, and a time copied from a
    listing the capture it stands for. Raises UsageError.
    """
    found = _read(text)
    if isinstance(found, datetime):
        return found + ALMOST if found.microsecond == 0 else found
    return datetime.combine(found, time.max, UTC)


def since(text: str) -> datetime:
    """The first instant that the text means: of a date, the begin of that day (UTC). Raises UsageError."""
    found = _read(text)
    return found if isinstance(found, datetime) else datetime.combine(found, time.min, UTC)


def split(page: str) -> tuple[str, datetime | None]:
    """The page and the time of ``URI@TIME``; an @ that no time follows belongs to the address.

    Raises UsageError for what looks like a time and cannot be one.
    """
    uri, at, text = page.rpartition("@")
    if not at:
        return page, None
    try:
        return uri, until(text)
    except UsageError:
        if LIKE_A_TIME.fullmatch(text):
            raise
        return page, None


def digits(at: datetime) -> str:
    """The instant as 14 digits in UTC, as archives write it (RFC 7089 leaves it free; all use it)."""
    return f"{at.astimezone(UTC):%Y%m%d%H%M%S}"


def _read(text: str) -> date | datetime:
    try:
        if DIGITS.fullmatch(text):
            return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        if len(text) == 10:
            return date.fromisoformat(text)
        if not text.isdecimal():
            at = datetime.fromisoformat(text)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _no_time(text) from error
    raise _no_time(text)


def _no_time(text: str) -> UsageError:
    return UsageError(
        "no time", text, "expected a date (2026-11-09), an instant (2026-11-09T04:17:00Z) or 14 digits"
    )
