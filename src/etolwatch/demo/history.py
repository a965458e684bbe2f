"""The story of the demonstration site, read from history.toml: pure, apart from the reading.

``read`` gives the Story; ``Story.pages(day)`` the site as it stands on a day.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from etolwatch.model import Verdict


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it lies on the server; ``modified_at`` is its Last-Modified."""

    body: bytes
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one page early on one day, and what the report must come to say of it.

    ``new`` is the whole page where there is one; else each pair of ``replace`` is carried
    out on the bytes; ``gone`` takes the page away.
    """

    day: int
    path: str  # below the site's address
    what: str
    verdict: Verdict
    replace: tuple[tuple[bytes, bytes], ...] = ()
    everywhere: bool = False
    new: bytes | None = None
    gone: bool = False

    def made_to(self, pages: Mapping[str, Page], at: datetime) -> dict[str, Page]:
        """The pages after it. Raises ValueError where the text to be replaced is not there once."""
        after = dict(pages)
        if self.gone:
            del after[self.path]
        elif self.new is not None:
            after[self.path] = Page(self.new, at)
        else:
            after[self.path] = Page(self._replaced(pages[self.path].body), at)
        return after

    def _replaced(self, body: bytes) -> bytes:
        for old, new in self.replace:
            found = body.count(old)
            if not found or (found > 1 and not self.everywhere):
                raise ValueError(f"day {self.day}: {self.path}: {old!r} stands there {found} times")
            body = body.replace(old, new)
        return body


@dataclass(frozen=True, slots=True)
class Story:
    """The site as it begins, and its changes in order. Days count from 1."""

    address: str  # of the site, ending in a slash
    seed: str  # absolute
    scope: str  # absolute
    first_day: date
    days: int
    changed_at: time
    pass_at: time
    beginning: Mapping[str, Page]
    changes: tuple[Change, ...]

    def instant(self, day: int, at: time) -> datetime:
        """This time of this day, in UTC."""
        return datetime.combine(self.first_day + timedelta(days=day - 1), at, UTC)

    def changes_on(self, day: int) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.day == day)

    def pages(self, day: int) -> dict[str, Page]:
        """Path below the address → page, as the site stands at that day's pass."""
        pages = dict(self.beginning)
        for change in self.changes:
            if change.day <= day:
                pages = change.made_to(pages, self.instant(change.day, self.changed_at))
        return pages


def read(place: Traversable | None = None) -> Story:
    """The story in this folder: of this package, unless another is named."""
    place = place or files(__package__)
    told = tomllib.loads((place / "history.toml").read_text(encoding="utf-8"))
    folder, site = told["folder"], place / "site"
    beginning = {
        folder + name: Page(_bytes(site / "day-1", folder + name), put_at)
        for name, put_at in told["put"].items()
    }
    return Story(
        address=told["address"],
        seed=told["address"] + told["seed"],
        scope=told["address"] + folder,
        first_day=told["first_day"],
        days=told["days"],
        changed_at=told["changed_at"],
        pass_at=told["pass_at"],
        beginning=beginning,
        changes=tuple(_change(row, folder, site) for row in told["change"]),
    )


def _change(row: Mapping[str, Any], folder: str, site: Traversable) -> Change:
    before, after = row.get("charset", ("ascii", "ascii"))
    path = folder + row["page"]
    return Change(
        day=row["day"],
        path=path,
        what=row["what"],
        verdict=Verdict(row["verdict"]),
        replace=tuple((old.encode(before), new.encode(after)) for old, new in row.get("replace", ())),
        everywhere=row.get("everywhere", False),
        new=_bytes(site / f"day-{row['day']}", path) if row.get("new") else None,
        gone=row.get("gone", False),
    )


def _bytes(folder: Traversable, path: str) -> bytes:
    return folder.joinpath(*path.split("/")).read_bytes()
