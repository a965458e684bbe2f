"""What stood on a page in which of its versions, and since when, and until when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from etolwatch.model import Zone


@dataclass(frozen=True, slots=True)
class Passage:
    """A block at its place. ``number`` counts the blocks of its zone from 1."""

    zone: Zone
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class VersionText:
    """The text of one version of a page, or those of its passages that were asked for.

    ``at``: when it was first captured; ``after``: when the version before it was last seen
    (None: there was none), so that the version came within (after, at].
    """

    at: datetime
    after: datetime | None
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class PageText:
    """All versions of a page, oldest first; at least one.

    ``absent``: "gone" or "moved" where the address no longer gives the text, since
    ``absent_at``; else empty.
    """

    uri: str
    site: str
    versions: tuple[VersionText, ...]
    absent: str = ""
    absent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Versions in a row that have something.

    ``until`` is the first version without it; None if the last version held has it.
    """

    first: VersionText
    last: VersionText
    until: VersionText | None

    @property
    def came_after(self) -> datetime | None:
        """When it was last seen not to stand there; None if it stood in the page's first version."""
        return self.first.after

    @property
    def last_seen_at(self) -> datetime | None:
        """When it was last seen, if it went."""
        return self.until.after if self.until else None


def periods(versions: Sequence[VersionText], holds: Callable[[VersionText], bool]) -> tuple[Period, ...]:
    """The periods in which something stood, oldest first."""
    found: list[Period] = []
    first: VersionText | None = None
    last: VersionText | None = None
    for version in versions:
        if holds(version):
            first, last = first or version, version
        elif first and last:
            found.append(Period(first, last, version))
            first = last = None
    if first and last:
        found.append(Period(first, last, None))
    return tuple(found)
