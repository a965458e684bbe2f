"""What a change means: the text's grade against the date that the page states of itself.

A *silent edit* is the finding “the words differ while the date does not”, no accusation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from etolwatch.model import Certainty, Grade, StatedDate, Verdict

# A calendar day begins first at UTC+14 and ends last at UTC−12.
EARLIEST_ZONE, LATEST_ZONE = timedelta(hours=14), timedelta(hours=12)
CLOCK_SLACK = timedelta(hours=36)


class DateChange(StrEnum):
    SAME = "same"
    FORWARD = "forward"
    BACKWARD = "backward"
    ADDED = "added"
    REMOVED = "removed"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Ruling:
    verdict: Verdict
    certainty: Certainty | None
    flags: tuple[str, ...]
    changed_after: datetime | None
    changed_until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Side:
    """What the verdict needs to know of one capture."""

    stated: StatedDate | None
    captured_at: datetime | None = None
    last_modified: str | None = None


TABLE = {
    DateChange.SAME: (Verdict.NO_TEXTUAL_CHANGE, Verdict.COSMETIC, Verdict.SILENT_EDIT),
    DateChange.FORWARD: (Verdict.DATE_BUMP_ONLY, Verdict.DECLARED_COSMETIC, Verdict.DECLARED_EDIT),
    DateChange.BACKWARD: (Verdict.DATE_BACKWARDS, Verdict.DATE_BACKWARDS, Verdict.DATE_BACKWARDS),
    DateChange.REMOVED: (Verdict.DATE_REMOVED, Verdict.DATE_REMOVED, Verdict.SILENT_EDIT),
    DateChange.ADDED: (Verdict.DATE_ADDED, Verdict.DECLARED_COSMETIC, Verdict.DECLARED_EDIT),
    DateChange.ABSENT: (Verdict.NO_TEXTUAL_CHANGE, Verdict.COSMETIC, Verdict.UNDATED_EDIT),
}
COLUMN = {Grade.NONE: 0, Grade.COSMETIC: 1, Grade.WORDS: 2}


def rule(base: Side, other: Side, grade: Grade, *, other_bytes: bool = True) -> Ruling:
    """The verdict on a change of this grade between two captures."""
    change = date_change(base.stated, other.stated)
    verdict = TABLE[change][COLUMN[grade]]
    modified = modified_at(other.last_modified)
    after, until, lying = _interval(base.captured_at, other.captured_at, modified)
    certainty: Certainty | None = None
    why = f"date {change}, text {grade}"
    if verdict is Verdict.SILENT_EDIT:
        verdict, certainty, why = _silent(base.stated, change, after, modified, until)
    elif verdict is Verdict.DECLARED_EDIT and change is DateChange.FORWARD:
        verdict, why = _declared(other.stated, after)
    flags = [*_date_flags(base.stated, other.stated, other.captured_at)]
    if verdict is not Verdict.NO_TEXTUAL_CHANGE and other.stated and other.stated.stamped:
        flags.append("stamped_date")  # an editor program sets it on saving, and nobody else
    if lying and other_bytes:
        flags.append("lying_last_modified")
    if change is DateChange.REMOVED and grade is Grade.WORDS:
        flags.append("date_removed")
    return Ruling(verdict, certainty, tuple(flags), after, until, why)


def first(other: Side, noted: tuple[str, ...] = ()) -> Ruling:
    """The verdict on a first capture, which may show that its date line lags behind it."""
    modified, end = modified_at(other.last_modified), window_end(other.stated)
    flags = [*noted, *_date_flags(other.stated, other.stated, other.captured_at)]
    sane = modified is not None and (other.captured_at is None or modified <= other.captured_at)
    if sane and modified and end and modified > end:
        flags.append("unwitnessed_change")
    return Ruling(Verdict.FIRST_CAPTURE, None, tuple(flags), None, other.captured_at, "no earlier capture")


def date_change(base: StatedDate | None, other: StatedDate | None) -> DateChange:
    """How the stated date moved. Where it can be read in two ways, the weaker claim."""
    if base is None or other is None:
        if base is other:
            return DateChange.ABSENT
        return DateChange.ADDED if base is None else DateChange.REMOVED
    if base.raw == other.raw or set(base.readings) & set(other.readings):
        return DateChange.SAME
    if not base.readings or not other.readings:
        return DateChange.FORWARD  # another line that cannot be compared: say the least
    if any(later[1] > earlier[1] for earlier, later in _read_alike(base, other)):
        return DateChange.FORWARD
    return DateChange.BACKWARD


def _read_alike(base: StatedDate, other: StatedDate) -> list[tuple[tuple[date, date], tuple[date, date]]]:
    """Pairs of readings in the same order of day and month; all pairs where only one is in doubt."""
    if len(base.readings) == len(other.readings):
        return list(zip(base.readings, other.readings, strict=True))
    return [(one, two) for one in base.readings for two in other.readings]


def window_end(stated: StatedDate | None) -> datetime | None:
    """The last instant that a stated date can mean, anywhere on Earth, in its latest reading."""
    if stated is None or not stated.readings:
        return None
    last = max(reading[1] for reading in stated.readings)
    return datetime.combine(last, time(), UTC) + timedelta(days=1) + LATEST_ZONE


def window_start(stated: StatedDate | None) -> datetime | None:
    if stated is None or not stated.readings:
        return None
    return datetime.combine(min(reading[0] for reading in stated.readings), time(), UTC) - EARLIEST_ZONE


def modified_at(header: str | None) -> datetime | None:
    """A Last-Modified header as an instant (RFC 9110 §8.8.2); None for what is no HTTP date."""
    if not header:
        return None
    try:
        parsed = parsedate_to_datetime(header)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _interval(
    earlier: datetime | None, later: datetime | None, modified: datetime | None
) -> tuple[datetime | None, datetime | None, bool]:
    """When the change was made, (after, until], and whether Last-Modified lies."""
    if earlier is None or later is None or modified is None:
        return earlier, later, False
    if earlier < modified <= later:
        return earlier, modified, False
    return earlier, later, modified <= earlier


def _silent(
    stated: StatedDate | None,
    change: DateChange,
    after: datetime | None,
    modified: datetime | None,
    until: datetime | None,
) -> tuple[Verdict, Certainty | None, str]:
    end = window_end(stated)
    if change is DateChange.REMOVED:
        return Verdict.SILENT_EDIT, None, "the words differ and the date line is gone"
    if end is None or after is None:
        return Verdict.SILENT_EDIT, None, "the words differ, the date line does not; when, cannot be told"
    if end <= after:
        return (
            Verdict.SILENT_EDIT,
            Certainty.PROVEN,
            "the whole interval of the change lies after the stated date",
        )
    if modified is not None and modified == until and end < modified:
        return Verdict.SILENT_EDIT, Certainty.PROBABLE, "Last-Modified lies after the stated date"
    return Verdict.SAME_DAY_EDIT, None, "the stated date may cover the change"


def _declared(stated: StatedDate | None, after: datetime | None) -> tuple[Verdict, str]:
    end = window_end(stated)
    if end is not None and after is not None and end < after:
        return Verdict.BACKDATED_EDIT, "the new date lies before the earlier capture, which had other words"
    return Verdict.DECLARED_EDIT, "the date line moved with the words"


def _date_flags(base: StatedDate | None, other: StatedDate | None, until: datetime | None) -> tuple[str, ...]:
    found = []
    if other is not None:
        if other.is_ambiguous:
            found.append("ambiguous_date")
        if not other.readings:
            found.append("unreadable_date")
        start = window_start(other)
        if start is not None and until is not None and start > until + CLOCK_SLACK:
            found.append("future_date")
    elif base is not None and not base.readings:
        found.append("unreadable_date")
    return tuple(found)
