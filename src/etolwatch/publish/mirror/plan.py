"""What is in the mirror and what is not: decided from the catalog alone, before any byte is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from etolwatch.archive.snapshot import Standing
from etolwatch.harvest.scope import canonical
from etolwatch.model import Capture, Outcome
from etolwatch.publish.mirror import names

MOST_STEPS = 10  # of a chain of redirects
ENTRY, COLOPHON, REPORT = "index.html", "colophon.html", "mirror.json"
OURS = (ENTRY, COLOPHON, REPORT)


class Gone(StrEnum):
    """What becomes of a page that the site no longer had by then."""

    ABSENT = "absent"
    AS_LAST_SEEN = "as-last-seen"


class Why(StrEnum):
    """Why an address is not in the mirror."""

    GONE = "gone"
    ABSENT = "absent"  # it never was there: a page links to it
    MOVED = "moved"
    REFUSED = "refused"
    SUSPECT = "suspect"
    LISTED = "listed"
    FAILED = "failed"
    UNVISITED = "unvisited"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Held:
    """One file to be: an address, the capture that it shows, the record with its bytes, and its path.

    ``first_at`` is when these bytes were first captured, ``seen_at`` when they were last known to stand.
    ``later``: a requisite of which the first capture is later than the time of the mirror.
    """

    uri: str
    path: str
    capture: Capture
    origin: Capture
    is_requisite: bool
    is_gone: bool = False  # shown as last seen
    later: bool = False

    @property
    def first_at(self) -> datetime:
        return min(self.capture.captured_at, self.origin.captured_at)

    @property
    def seen_at(self) -> datetime:
        return self.capture.captured_at


@dataclass(frozen=True, slots=True)
class Missing:
    """An address that is known and not in the mirror, and why."""

    uri: str
    why: Why
    is_requisite: bool
    at: datetime | None = None  # of the visit that told so
    detail: str = ""
    last_seen_at: datetime | None = None  # of the last version, where there was one
    found_on: str | None = None

    @property
    def is_missed(self) -> bool:
        """Whether the site had it as a page: what never was there is not missed."""
        return not self.is_requisite and self.why is not Why.ABSENT


@dataclass(frozen=True, slots=True)
class Plan:
    """The files of a mirror. ``moved``: addresses that lead to another that is held."""

    held: Mapping[str, Held]
    moved: Mapping[str, str]
    missing: tuple[Missing, ...]
    as_of: datetime | None  # the time asked for, or that of the last visit

    def target(self, uri: str) -> Held | None:
        """The file to which a link to this address leads; None if it is not in the mirror."""
        return self.held.get(uri) or self.held.get(self.moved.get(uri, ""))


@dataclass(frozen=True, slots=True)
class Chosen:
    """A capture that is to be shown, with the record that has its bytes."""

    standing: Standing
    capture: Capture
    origin: Capture
    later: bool = False


def plan(
    standings: Iterable[Standing],
    chosen: Iterable[Chosen],
    damaged: Mapping[str, str],
    as_of: datetime | None,
) -> Plan:
    """The files, the addresses that lead elsewhere, and what is missing. Pure.

    ``damaged``: what is kept and cannot be read, and why.
    """
    standings, shown = list(standings), list(chosen)
    types = {each.standing.uri: _type(each) for each in shown}
    paths = names.paths(types, OURS)
    held = {
        each.standing.uri: Held(
            uri=each.standing.uri,
            path=paths[each.standing.uri],
            capture=each.capture,
            origin=each.origin,
            is_requisite=each.standing.is_requisite,
            is_gone=not is_there(each.standing),
            later=each.later,
        )
        for each in shown
    }
    moves = {s.uri: s.location for s in standings if s.outcome is Outcome.MOVED and s.location}
    moved = {uri: target for uri in moves if uri not in held and (target := _followed(uri, moves, held))}
    return Plan(
        held=held,
        moved=moved,
        missing=tuple(_missing(standing, damaged) for standing in standings if standing.uri not in held),
        as_of=as_of or max((s.outcome_at for s in standings if s.outcome_at), default=None),
    )


def _type(chosen: Chosen) -> str | None:
    """The Content-Type; what was taken for a page without one is a page."""
    return chosen.capture.content_type or (None if chosen.standing.is_requisite else "text/html")


def is_there(standing: Standing) -> bool:
    """Whether the site had it by then: a page that once failed to answer is not gone."""
    return standing.outcome not in (Outcome.GONE, Outcome.MOVED)


def is_shown(standing: Standing, gone: Gone) -> bool:
    """Whether the last version of an address is in the mirror."""
    return standing.capture is not None and (is_there(standing) or gone is Gone.AS_LAST_SEEN)


def _followed(uri: str, moves: Mapping[str, str | None], held: Mapping[str, Held]) -> str | None:
    """Where a chain of redirects ends, if that is in the mirror."""
    for _ in range(MOST_STEPS):
        target = moves.get(uri)
        if target is None:
            return None
        uri = canonical(target) or target
        if uri in held:
            return uri
    return None


_WHY = {
    Outcome.GONE: Why.GONE,
    Outcome.MOVED: Why.MOVED,
    Outcome.REFUSED: Why.REFUSED,
    Outcome.SUSPECT: Why.SUSPECT,
    Outcome.LISTED: Why.LISTED,
    Outcome.FAILED: Why.FAILED,
}


def _missing(standing: Standing, damaged: Mapping[str, str]) -> Missing:
    why = _WHY.get(standing.outcome, Why.UNVISITED) if standing.outcome else Why.UNVISITED
    if why is Why.GONE and standing.capture is None:
        why = Why.ABSENT
    if standing.uri in damaged:
        why = Why.DAMAGED
    return Missing(
        uri=standing.uri,
        why=why,
        is_requisite=standing.is_requisite,
        at=standing.outcome_at,
        detail=damaged.get(standing.uri) or standing.location or standing.message,
        last_seen_at=standing.capture.captured_at if standing.capture else None,
        found_on=standing.found_on,
    )
