"""The whole archive at a glance: changes by month, declared against silent, site by site."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template

from etolwatch.model import Verdict
from etolwatch.web.library import library

blueprint = Blueprint("overview", __name__)

# Words changed, and no new date says so …
SILENT = frozenset(
    {
        Verdict.SILENT_EDIT,
        Verdict.BACKDATED_EDIT,
        Verdict.DATE_BACKWARDS,
        Verdict.UNDATED_EDIT,
        Verdict.DATE_REMOVED,
    }
)
# … or one does. Whatever is neither, or cannot be told, is counted as other.
DECLARED = frozenset({Verdict.DECLARED_EDIT, Verdict.DECLARED_COSMETIC})
WIDTH, LEFT, TOP, ROOM, AXIS_Y = 960, 48, 16, 84, 100
WIDEST_BAR = 34.0
Counted = tuple[str, str, Verdict, int]  # site, month, verdict, how many


@dataclass(frozen=True, slots=True)
class Month:
    """One month in figures, and its two bars."""

    month: str
    silent: int
    declared: int
    other: int
    x: float
    width: float
    up: float
    down: float

    @property
    def is_labelled(self) -> bool:
        """Whether the axis names it: the first month of a year."""
        return self.month.endswith("-01")


@dataclass(frozen=True, slots=True)
class Chart:
    """The months of a site, or of all: ``name`` is empty for all. ``most`` is the longest bar's count."""

    name: str
    months: tuple[Month, ...]
    most: int

    @property
    def totals(self) -> tuple[int, int, int]:
        """Silent, declared, other."""
        return (
            sum(month.silent for month in self.months),
            sum(month.declared for month in self.months),
            sum(month.other for month in self.months),
        )


@blueprint.get("/overview")
def overview() -> str:
    """Changes per month, drawn and as a table."""
    here = library()
    found = here.found().months()
    catalog = here.store().catalog
    names = list(dict.fromkeys([*(site.name for site in here.config.sites), *(row[0] for row in found)]))
    return render_template(
        "overview.html",
        charts=charts(found),
        summaries=[catalog.summary(name) for name in names],
        passes=catalog.passes(5),
    )


def charts(found: Sequence[Counted]) -> list[Chart]:
    """That of all sites, then, where there are several, one of each; all over the same months."""
    months = every_month([month for _, month, _, _ in found])
    sites = sorted({site for site, *_ in found})
    named = [("", found)]
    if len(sites) > 1:
        named += [(site, [row for row in found if row[0] == site]) for site in sites]
    return [_chart(name, rows, months) for name, rows in named] if months else []


def every_month(found: Iterable[str]) -> list[str]:
    """All months from the first to the last of these, those in between included."""
    known = sorted(set(found))
    if not known:
        return []
    first, last = (int(month[:4]) * 12 + int(month[5:7]) - 1 for month in (known[0], known[-1]))
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(first, last + 1)]


def _chart(name: str, rows: Sequence[Counted], months: Sequence[str]) -> Chart:
    figures = {month: [0, 0, 0] for month in months}
    for _, month, verdict, count in rows:
        figures[month][0 if verdict in SILENT else 1 if verdict in DECLARED else 2] += count
    most = max(max(silent, declared) for silent, declared, _ in figures.values())
    step = (WIDTH - LEFT) / len(months)
    width = round(min(step * 0.7, WIDEST_BAR), 2)
    step = min(step, WIDEST_BAR / 0.7)
    made = []
    for place, month in enumerate(months):
        silent, declared, other = figures[month]
        up, down = (round(ROOM * count / most, 2) if most else 0.0 for count in (declared, silent))
        made.append(Month(month, silent, declared, other, round(LEFT + place * step, 2), width, up, down))
    return Chart(name, tuple(made), most)
