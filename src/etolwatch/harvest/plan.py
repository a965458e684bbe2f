"""What a pass visits, and in which order. Pure: the time and the past are arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from etolwatch.harvest.scope import asks_for, in_scope, is_index
from etolwatch.model import History, Outcome, Site, Via, Visit

# A page that was never there is not asked for twice a day: lists of works name pages that do
# not exist, and asking for them at each pass would be for nothing. Hours enough for a daily
# pass whose start wavers.
ABSENT_FOR = timedelta(hours=20)
LISTED_FOR = timedelta(days=30)  # a page of another type hardly becomes a text
FULL_AFTER = timedelta(days=30)  # so long we trust a server that says "not modified"

_NEVER = datetime.min.replace(tzinfo=UTC)


def plan(now: datetime, site: Site, known: Mapping[str, History]) -> list[Visit]:
    """The visits that are due, most wanted first; the budget is spent from the front as they are made.

    Seeds, then pages that list others, then those not visited for the longest time; a page
    that was found but never visited has waited longest of all.
    """
    due = {uri: history for uri, history in known.items() if is_due(history, now)}
    seeds = [uri for uri in dict.fromkeys(site.seeds) if uri in due or uri not in known]
    others = [history for uri, history in due.items() if uri not in site.seeds and in_scope(site, uri)]
    visits = [visit_of(site, uri, Via.SEED, known.get(uri), now) for uri in seeds]
    visits += [visit_of(site, h.uri, Via.KNOWN, h, now) for h in sorted(others, key=_wanted)]
    return visits


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
    )


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
    return history.full_at is not None and now - history.full_at >= FULL_AFTER


def _wanted(history: History) -> tuple[bool, datetime]:
    return not is_index(history.uri), history.last_visited_at or _NEVER


def new_links(site: Site, links: Iterable[str]) -> list[str]:
    """Those of these canonical addresses that are the site's own pages, each once, in order."""
    return [uri for uri in dict.fromkeys(links) if in_scope(site, uri)]
