"""What a pass visits, and in which order. Pure: the time and the past are arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from etolwatch.harvest.scope import asks_for, in_scope, is_index, may_need
from etolwatch.model import History, Outcome, Requisite, Site, Via, Visit

# A page that was never there is not asked for twice a day: lists of works name pages that do
# not exist, and asking for them at each pass would be for nothing. Hours enough for a daily
# pass whose start wavers.
ABSENT_FOR = timedelta(hours=20)
LISTED_FOR = timedelta(days=30)  # a page of another type hardly becomes a text
FULL_AFTER = timedelta(days=30)  # so long we trust a server that says "not modified"
NEEDED_FOR = timedelta(days=30)  # a style sheet or picture hardly changes while its pages do not
FULL_REQUISITE_AFTER = timedelta(days=365)
MOST_TRIES = 5  # visits in a row without an answer, after which a requisite is asked for as seldom

_KINDS = list(Requisite)

_NEVER = datetime.min.replace(tzinfo=UTC)


def plan(now: datetime, site: Site, known: Mapping[str, History]) -> list[Visit]:
    """The visits that are due, most wanted first; the budget is spent from the front as they are made.

    Seeds, then pages that list others, then those not visited for the longest time; a page
    that was found but never visited has waited longest of all.
    """
    due = {uri: history for uri, history in known.items() if is_due(history, now)}
    seeds = [uri for uri in dict.fromkeys(site.seeds) if uri in due or uri not in known]
    others = [
        history
        for uri, history in due.items()
        if uri not in site.seeds and in_scope(site, uri) and history.requisite is None
    ]
    visits = [_as_page(visit_of(site, uri, Via.SEED, known.get(uri), now)) for uri in seeds]
    visits += [visit_of(site, h.uri, Via.KNOWN, h, now) for h in sorted(others, key=_wanted)]
    return visits


def plan_requisites(now: datetime, site: Site, known: Mapping[str, History]) -> list[Visit]:
    """The visits of what the site's pages need that are due; they come after those of all pages.

    Those never asked for first, then those not visited for the longest time; of like ones style
    sheets first, then frames, pictures, fonts.
    """
    due = [
        history
        for history in known.values()
        if history.requisite is not None
        and history.site == site.name
        and may_need(site, history.uri, history.requisite)
        and is_requisite_due(history, now)
    ]
    return [visit_of(site, h.uri, Via.KNOWN, h, now) for h in sorted(due, key=_most_needed)]


def is_requisite_due(history: History, now: datetime) -> bool:
    """Whether what a page needs is asked for in a pass that begins now, although no such page changed."""
    if history.last_visited_at is None or history.is_awaited:
        return True
    since = now - history.last_visited_at
    if since < timedelta(0):  # the clock was set back
        return True
    has_failed = history.last_outcome in (Outcome.FAILED, Outcome.SUSPECT)
    return since >= (ABSENT_FOR if has_failed and history.run < MOST_TRIES else NEEDED_FOR)


def _most_needed(history: History) -> tuple[datetime, int]:
    last = _NEVER if history.is_awaited else history.last_visited_at
    return last or _NEVER, _KINDS.index(history.requisite or Requisite.STYLE)


def visit_of(site: Site, uri: str, via: Via, history: History | None, now: datetime) -> Visit:
    """One visit, with all that the fetch must know of the page's past."""
    if history is None:
        return Visit(uri=uri, asks=asks_for(site, uri), site=site.name, via=via)
    return Visit(
        uri=uri,
        asks=asks_for(site, uri),
        site=site.name,
        via=via,
        found_on=history.found_on,
        version=history.version,
        last=history.last,
        conditional=not _wants_full(history, now),
        requisite=history.requisite,
    )


def _as_page(visit: Visit) -> Visit:
    """A seed is a page, also where another page was found to need it; what was kept so is no text of it."""
    return replace(visit, requisite=None, version=None) if visit.requisite else visit


def is_due(history: History, now: datetime) -> bool:
    """Whether a page is asked for at all in a pass that begins now."""
    if history.last_visited_at is None or history.version is not None:
        return True
    since = now - history.last_visited_at
    if since < timedelta(0):  # the clock was set back
        return True
    if history.last_outcome is Outcome.GONE:
        return since >= ABSENT_FOR
    return history.last_outcome is not Outcome.LISTED or since >= LISTED_FOR


def _wants_full(history: History, now: datetime) -> bool:
    after = FULL_AFTER if history.requisite is None else FULL_REQUISITE_AFTER
    return history.full_at is not None and now - history.full_at >= after


def _wanted(history: History) -> tuple[bool, datetime]:
    return not is_index(history.uri), history.last_visited_at or _NEVER


def new_links(site: Site, links: Iterable[str]) -> list[str]:
    """Those of these canonical addresses that are the site's own pages, each once, in order."""
    return [uri for uri in dict.fromkeys(links) if in_scope(site, uri)]
