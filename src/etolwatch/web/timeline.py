"""The timeline of a page: when it was captured, and what date it stated then, as places on a line. Pure.

Between a date of 2011 and a capture of yesterday lie years in which nothing was seen. So the line is
in order, but not to scale: each gap is drawn as wide as its logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from etolwatch.model import Capture, Finding, StatedDate, Verdict

WIDTH, NARROW = 960, 360  # of a drawing for a page as it is mostly, and for one on a phone
LEFT, RIGHT = 24, 24
LABEL_WIDTH = 118  # of a day in words; labels nearer than this are set at two heights
LEVELS = 3  # heights at which stated dates are written; where none is free, a date is drawn without words
LONGEST, LETTER = 24, 7.5  # of a stated date: the letters written, and how wide one is at most
SILENT = frozenset({Verdict.SILENT_EDIT, Verdict.BACKDATED_EDIT, Verdict.DATE_BACKWARDS})
MOST = 60  # captures drawn; of more, the first, the last and those with findings


@dataclass(frozen=True, slots=True)
class Point:
    """One capture on the line. ``kind``: "text", "none" (gone, moved, suspect). ``stated``: its date's x."""

    x: float
    at: datetime
    kind: str
    is_this: bool
    is_base: bool
    finding: Finding | None
    stated: str
    stated_x: float | None


@dataclass(frozen=True, slots=True)
class Stated:
    """A date that the page stated; ``last_x`` where the range that it may mean ends.

    ``other_x``: where else it lies if it is read in another way. ``level``: the height of its words,
    0 next to the line; None where there is no room for them.
    """

    x: float
    last_x: float
    raw: str
    label_x: float
    level: int | None
    other_x: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """A day in words under the line."""

    x: float
    at: datetime
    lowered: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that is drawn; ``change`` is where the change lies, as (from, to).

    ``left_out``: how many captures are neither drawn nor listed.
    """

    width: int
    points: tuple[Point, ...]
    stated: tuple[Stated, ...]
    labels: tuple[Label, ...]
    change: tuple[float, float] | None
    verdict: Verdict
    left_out: int

    @property
    def is_silent(self) -> bool:
        return self.verdict in SILENT

    @property
    def is_ambiguous(self) -> bool:
        """Whether a date is drawn more than once, since it can be read in more than one way."""
        return any(one.other_x for one in self.stated)


def timeline(
    captures: Sequence[Capture], findings: Iterable[Finding], this: Finding, width: int = WIDTH
) -> Timeline:
    """The line of a page's captures, in which one finding is the one looked at."""
    told = {finding.captured_at: finding for finding in findings}
    drawn = _drawn(captures, told, this)
    dates = _dates(drawn, told)
    scale = _Scale(
        [capture.captured_at for capture in drawn]
        + [_instant(day) for stated in dates.values() if stated for pair in stated.readings for day in pair],
        width,
    )
    points = tuple(_point(capture, told, dates[capture.captured_at], this, scale) for capture in drawn)
    change = None
    if this.captured_at is not None and this.previous_at is not None:
        change = scale.x(this.previous_at), scale.x(this.captured_at)
    stated = {one.raw: one for one in dates.values() if one and one.readings}
    return Timeline(
        width,
        points,
        _stated(list(stated.values()), scale),
        _labels(points, width),
        change,
        this.verdict,
        len(captures) - len(drawn),
    )


class _Scale:
    """Instants to places, in order; each gap as wide as the logarithm of its days."""

    def __init__(self, instants: Iterable[datetime], width: int) -> None:
        self.width = width
        self._instants = sorted(set(instants))
        gaps = [
            1 + math.log2(1 + (later - earlier).total_seconds() / 86_400)
            for earlier, later in zip(self._instants, self._instants[1:], strict=False)
        ]
        total = sum(gaps) or 1
        at, places = float(LEFT), [float(LEFT)]
        for gap in gaps:
            at += gap / total * (width - LEFT - RIGHT)
            places.append(round(at, 1))
        self._places = dict(zip(self._instants, places, strict=False))
        if len(self._instants) == 1:
            self._places[self._instants[0]] = width / 2

    def x(self, at: datetime) -> float:
        """The place of an instant; of one between two others, that of the next."""
        found = self._places.get(at)
        if found is not None:
            return found
        later = [one for one in self._instants if one >= at]
        return self._places[later[0] if later else self._instants[-1]]


def _drawn(captures: Sequence[Capture], told: dict[datetime | None, Finding], this: Finding) -> list[Capture]:
    if len(captures) <= MOST:
        return list(captures)
    kept = {captures[0].captured_at, captures[-1].captured_at, this.captured_at, this.previous_at}
    weighty = [capture for capture in captures if capture.captured_at in told]
    return [c for c in captures if c.captured_at in kept or c in weighty[-MOST:]]


def _dates(
    captures: Sequence[Capture], told: dict[datetime | None, Finding]
) -> dict[datetime, StatedDate | None]:
    """What the page stated at each capture: as the last finding up to it says."""
    found: dict[datetime, StatedDate | None] = {}
    stated: StatedDate | None = None
    for capture in captures:
        if finding := told.get(capture.captured_at):
            stated = finding.stated_after if capture.is_version else stated
        found[capture.captured_at] = stated if capture.is_version else None
    return found


def _range(stated: StatedDate) -> tuple[date, ...]:
    return stated.readings[0] if stated.readings else ()


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _point(
    capture: Capture,
    told: dict[datetime | None, Finding],
    stated: StatedDate | None,
    this: Finding,
    scale: _Scale,
) -> Point:
    return Point(
        x=scale.x(capture.captured_at),
        at=capture.captured_at,
        kind="text" if capture.is_version else "none",
        is_this=capture.captured_at == this.captured_at,
        is_base=capture.captured_at == this.previous_at,
        finding=told.get(capture.captured_at),
        stated=stated.raw if stated else "",
        stated_x=scale.x(_instant(_range(stated)[0])) if stated and stated.readings else None,
    )


def _stated(found: Sequence[StatedDate], scale: _Scale) -> tuple[Stated, ...]:
    made: list[Stated] = []
    ends = [-1.0] * LEVELS  # of the words at each height
    for stated in sorted(found, key=lambda one: _range(one)[0]):
        first, last = (scale.x(_instant(day)) for day in _range(stated))
        half = min(len(stated.raw) + 1, LONGEST) * LETTER / 2
        middle = round(min(max(first, half), scale.width - half), 1)
        level = next((level for level, end in enumerate(ends) if middle - half >= end), None)
        if level is not None:
            ends[level] = middle + half
        others = tuple(scale.x(_instant(begin)) for begin, _ in stated.readings[1:])
        made.append(Stated(first, last, stated.raw, middle, level, others))
    return tuple(made)


def _labels(points: Sequence[Point], width: int) -> tuple[Label, ...]:
    """Days in words: of the capture looked at and the one before, then of the first and the last."""
    order = [point for point in points if point.is_this]
    order += [point for point in points if point.is_base]
    order += [point for point in (*points[:1], *points[-1:]) if point not in order]
    made: list[tuple[float, Label]] = []  # with the middle of its words
    for point in order:
        middle = min(max(point.x, LABEL_WIDTH / 2), width - LABEL_WIDTH / 2)
        near = [label for at, label in made if abs(at - middle) < LABEL_WIDTH]
        if any(label.at.date() == point.at.date() for label in near):
            continue
        free = [lowered for lowered in (False, True) if all(label.lowered is not lowered for label in near)]
        if free:
            made.append((middle, Label(round(middle, 1), point.at, free[0])))
    return tuple(label for _, label in made)
