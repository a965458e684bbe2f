"""The captures of one page as moments on a line: which one a time means, and by which digits it is named.

Pure. Web archives name a capture by the 14 digits of its second. Where a page was captured twice within
one second, the digits mean the last text of it; the others are named by 20, to the microsecond.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from etolwatch.model import Outcome, Verdict

_DIGITS = re.compile(r"[0-9]{4}(?:[0-9]{2}){0,5}|[0-9]{20}")
_FULL = 14
_TEXTS = (Outcome.NEW, Outcome.CHANGED, Outcome.UNCHANGED)
_JUDGED = {Verdict.PAGE_GONE: "gone", Verdict.PAGE_MOVED: "moved", Verdict.SUSPECT_CAPTURE: "suspect"}


class Mark(StrEnum):
    """What a capture is to a reader who looks for a text."""

    TEXT = "new text"
    UNCHANGED = "unchanged"
    GONE = "gone"
    MOVED = "moved"
    SUSPECT = "suspect"


@dataclass(frozen=True, slots=True)
class Moment:
    """One capture, as far as its place in time needs it. ``verdict``: of its finding, if it has one."""

    record_id: str
    at: datetime
    outcome: Outcome
    status: int
    verdict: Verdict | None = None
    origin: str | None = None

    @property
    def mark(self) -> Mark:
        """What it is; a judgement that it is no text (a soft 404, an error page) stands above the outcome."""
        if self.verdict in _JUDGED:
            return Mark(_JUDGED[self.verdict])
        if self.outcome in (Outcome.NEW, Outcome.CHANGED):
            return Mark.TEXT
        return Mark(self.outcome.value)

    @property
    def second(self) -> datetime:
        return self.at.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Line:
    """The moments of one page, in the order of time."""

    uri: str
    moments: tuple[Moment, ...]

    @classmethod
    def of(cls, uri: str, moments: Iterable[Moment]) -> Self:
        """The line of these moments; those of one instant stay in their order."""
        return cls(uri, tuple(sorted(moments, key=lambda moment: moment.at)))

    def __bool__(self) -> bool:
        return bool(self.moments)

    @property
    def named(self) -> tuple[Moment, ...]:
        """Those that 14 digits name: one of each second."""
        seconds = {moment.second: self.in_second(moment.at) for moment in self.moments}
        return tuple(_stands_for(together) for together in seconds.values())

    def in_second(self, at: datetime) -> tuple[Moment, ...]:
        """The moments within the second of this instant."""
        second = at.replace(microsecond=0)
        end = bisect_right(self.moments, second.replace(microsecond=999_999), key=lambda moment: moment.at)
        start = end
        while start and self.moments[start - 1].at >= second:
            start -= 1
        return self.moments[start:end]

    def find(self, digits: str) -> Moment | None:
        """The moment with exactly these 14 or 20 digits; None if there is none."""
        at = time_of(digits) if len(digits) >= _FULL else None
        together = self.in_second(at) if at else ()
        if not together:
            return None
        if len(digits) == _FULL:
            return _stands_for(together)
        return next((moment for moment in reversed(together) if moment.at == at), None)

    def digits(self, moment: Moment) -> str:
        """The digits that name a moment of this line."""
        together = self.in_second(moment.at)
        is_named = len(together) < 2 or _stands_for(together) == moment
        return f"{moment.at.astimezone(UTC):{'%Y%m%d%H%M%S' if is_named else '%Y%m%d%H%M%S%f'}}"

    def nearest(self, at: datetime) -> Moment | None:
        """The capture nearest to this time, to the second, the earlier of two as near; None if there is none.

        Suspect ones (empty, cut off, an error) are passed over where there are others.
        """
        named = self.named
        sound = [moment for moment in named if moment.mark is not Mark.SUSPECT] or named
        second = at.replace(microsecond=0)
        return min(sound, key=lambda moment: abs(moment.second - second), default=None)

    def as_of(self, at: datetime) -> Moment | None:
        """What a page of this time had: the last sound capture at or before it, else the first after it.

        Sound: one that holds something. None if there is no capture at all.
        """
        held = [moment for moment in self.moments if moment.outcome in _TEXTS] or list(self.moments)
        until = at.replace(microsecond=999_999) if not at.microsecond else at
        earlier = [moment for moment in held if moment.at <= until]
        return earlier[-1] if earlier else held[0] if held else None

    def before(self, moment: Moment) -> Moment | None:
        """The one before it."""
        place = self.moments.index(moment)
        return self.moments[place - 1] if place else None

    def after(self, moment: Moment) -> Moment | None:
        """The one after it."""
        place = self.moments.index(moment) + 1
        return self.moments[place] if place < len(self.moments) else None


def _stands_for(together: tuple[Moment, ...]) -> Moment:
    texts = [moment for moment in together if moment.outcome in _TEXTS]
    sound = [moment for moment in together if moment.mark is not Mark.SUSPECT]
    return (texts or sound or together)[-1]


def time_of(digits: str) -> datetime | None:
    """The instant of 4, 6, 8, 10, 12, 14 or 20 digits; of fewer than 14 the last second they leave open.

    “2026” is the end of that year, “20261109” of that day. None where they are no time.
    """
    if not _DIGITS.fullmatch(digits):
        return None
    try:
        if len(digits) > _FULL:
            return datetime.strptime(digits, "%Y%m%d%H%M%S%f").replace(tzinfo=UTC)
        month = digits[:6].ljust(6, "_").replace("__", "12")
        last = monthrange(int(month[:4]), int(month[4:]))[1]
        whole = digits + f"{month[4:]}{last:02d}235959"[len(digits) - 4 :]
        return datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
