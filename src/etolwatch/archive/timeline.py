"""A page's captures in the order of their time, those that others made among our own.

Pure. What a capture is on the timeline (a first text, another one, no news) follows from
what stands before it, so it is told anew when a capture is put in between. What our own
passes recorded as their outcome stays as it was recorded; what others captured has no
outcome but the one that it gets here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from etolwatch.model import Outcome

_HELD = frozenset((Outcome.NEW, Outcome.CHANGED, Outcome.UNCHANGED))


@dataclass(frozen=True, slots=True)
class Entry:
    """One capture of a page, as the timeline needs to know it."""

    seq: int
    outcome: Outcome
    status: int
    location: str | None
    body_digest: str
    is_brought: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What a capture is, given those before it. ``text``: the seq that first had its text."""

    seq: int
    outcome: Outcome
    text: int | None
    is_news: bool


def tell(entries: Iterable[Entry]) -> Iterator[Told]:
    """What each capture of one page is; ``entries`` come in the order of the timeline."""
    version: tuple[int, str] | None = None  # seq of the text that stands, its digest
    last: tuple[Outcome, int, str | None] | None = None
    for entry in entries:
        if entry.outcome in _HELD:
            is_new = version is None or version[1] != entry.body_digest
            outcome = _outcome(entry, version)
            if version is None or is_new:
                version = (entry.seq, entry.body_digest)
            yield Told(entry.seq, outcome, version[0], is_new)
            last = (Outcome.UNCHANGED, entry.status, None)
        else:
            answer = (entry.outcome, entry.status, entry.location)
            yield Told(entry.seq, entry.outcome, None, answer != last)
            last = answer


def _outcome(entry: Entry, version: tuple[int, str] | None) -> Outcome:
    if not entry.is_brought:
        return entry.outcome
    if version is None:
        return Outcome.NEW
    return Outcome.UNCHANGED if version[1] == entry.body_digest else Outcome.CHANGED
