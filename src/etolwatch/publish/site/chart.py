"""Findings per month as a picture: places and sizes, drawn by a template as SVG. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from etolwatch.model import Verdict

WIDTH, HEIGHT, TOP, BOTTOM, LEFT = 720, 220, 12, 28, 40
WIDEST = 40  # of a month, so that three months are no poster
LABEL_WIDTH = 64  # of a month's name
STEPS = (1, 2, 5)
SILENT = frozenset({Verdict.SILENT_EDIT, Verdict.BACKDATED_EDIT, Verdict.DATE_BACKWARDS})
DECLARED = frozenset({Verdict.DECLARED_EDIT, Verdict.DECLARED_COSMETIC})
KINDS = ("silent", "declared", "other")


def kind_of(verdict: Verdict) -> str:
    """Which of the three colours a verdict has."""
    if verdict in SILENT:
        return "silent"
    return "declared" if verdict in DECLARED else "other"


@dataclass(frozen=True, slots=True)
class Part:
    """The findings of one kind in one month: how many, and the rectangle that stands for them."""

    kind: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Month:
    """One month, "2026-11"; ``parts`` from below. ``is_labelled``: there is room for its name."""

    name: str
    x: float
    width: float
    parts: tuple[Part, ...]
    is_labelled: bool

    @property
    def count(self) -> int:
        return sum(part.count for part in self.parts)


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is drawn; ``lines`` are (y, count) of the lines behind the bars."""

    months: tuple[Month, ...]
    lines: tuple[tuple[float, int], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM


def chart(counts: Mapping[str, Mapping[str, int]]) -> Chart:
    """The picture of how many findings of each kind each month has; a month without any has its place."""
    names = _all_between(min(counts), max(counts)) if counts else []
    most = max((sum(found.values()) for found in counts.values()), default=0)
    step = _step(most)
    top = max(-(-most // step) * step, 1)
    scale = (HEIGHT - TOP - BOTTOM) / top
    pitch = min(WIDEST, (WIDTH - LEFT) / max(len(names), 1))
    every = max(1, -(-LABEL_WIDTH // max(int(pitch), 1)))
    months = tuple(
        Month(
            name,
            round(LEFT + place * pitch, 2),
            round(max(pitch * 0.8, 0.5), 2),
            _parts(counts.get(name, {}), scale),
            place % every == 0,
        )
        for place, name in enumerate(names)
    )
    lines = tuple((round(HEIGHT - BOTTOM - count * scale, 2), count) for count in range(0, top + 1, step))
    return Chart(months, lines)


def _parts(found: Mapping[str, int], scale: float) -> tuple[Part, ...]:
    parts, floor = [], float(HEIGHT - BOTTOM)
    for kind in KINDS:
        if count := found.get(kind, 0):
            height = count * scale
            floor -= height
            parts.append(Part(kind, count, round(floor, 2), round(height, 2)))
    return tuple(parts)


def _step(most: int) -> int:
    """One, two or five with noughts, so that there are at most five lines."""
    power = 1
    while True:
        for digit in STEPS:
            if digit * power * 5 >= most:
                return digit * power
        power *= 10


def _all_between(first: str, last: str) -> list[str]:
    year, month = map(int, first.split("-"))
    names = [first]
    while names[-1] < last:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        names.append(f"{year:04}-{month:02}")
    return names
