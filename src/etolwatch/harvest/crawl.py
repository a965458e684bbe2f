"""One pass: the loop in which visits are planned, fetched, decided and kept.

The only loop of the program: links of new texts become visits inside it, and so does what these
texts need to be shown (requisites), after all pages. One thread; hosts take turns, so that one is
asked while another is left in peace.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from etolwatch.archive.codings import decode_as_far_as_it_goes
from etolwatch.archive.store import Kept, Store
from etolwatch.errors import FixityError, UsageError
from etolwatch.harvest import robots
from etolwatch.harvest.decide import blames_host, decide, describe, header, pause_before_retry, redirect_of
from etolwatch.harvest.fetch import Fetcher
from etolwatch.harvest.plan import new_links, plan, plan_requisites, visit_of
from etolwatch.harvest.scope import (
    asks_for,
    canonical,
    in_scope,
    is_loopback,
    kind_of,
    may_need,
    needs,
    never_text,
    origin,
    stands_for,
)
from etolwatch.model import (
    Exchange,
    Failure,
    FailureKind,
    History,
    Outcome,
    Pass,
    PassState,
    Payload,
    Record,
    Requisite,
    Site,
    Via,
    Visit,
)

if TYPE_CHECKING:
    from etolwatch.text.links import Leads

MOST_FAILURES = 5  # of a host in a row: then it is down, and is not asked on for each page
ABORT_AFTER_S = 4.0  # so long a request in hand may take to end once the pass is to stop
ENOUGH_TO_JUDGE = 5  # conditional requests after which a pass without any 304 is worth a word
LINKS_VERSION = 2  # of the reading of links: a new one reads the texts that are kept again
DEEPEST = 5  # a style sheet that a page names has depth 1, what it imports 2: what is deeper is not followed
MOST_REQUISITES = 50_000  # of a site: addresses that never end, such as a picture with the time in its name
SHARE = 10  # one request in so many is left to requisites, where pages would spend the whole budget

log = logging.getLogger("etolwatch")

Read = Callable[[Payload, str, "Requisite | None"], "Leads"]


class Stop(Protocol):
    """What ends a pass: a threading.Event, or something that looks like one."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """One page is done. ``of`` may grow, for new texts bring new pages; ``left_s`` is an estimate."""

    pass_id: str
    uri: str
    outcome: Outcome
    done: int
    of: int
    left_s: float


class _Led(NamedTuple):
    """Where a text leads, as the site sees it: its pages, and what is to be kept with them; canonical."""

    links: list[str]
    needs: list[tuple[str, Requisite]]


@dataclass(slots=True)
class _Host:
    """One host, while the pass lasts: its queue, its rules, and how it fares."""

    origin: str
    delay_s: float
    queue: deque[Visit] = field(default_factory=deque)  # pages
    later: deque[Visit] = field(default_factory=deque)  # what they need
    rules: robots.Rules | None = None
    asked_at: datetime | None = None  # end of the last request
    failures: int = 0  # in a row
    failing_since: datetime | None = None
    last_failure: str = ""
    most_failures: int = MOST_FAILURES
    is_down: bool = False
    answers: int = 0  # in this pass
    has_pages: bool = False  # pages of the site are asked here, not only what they need
    is_left: bool = False  # not asked for what pages need any more in this pass

    @property
    def left(self) -> int:
        later = 0 if self.is_left else len(self.later)
        return 0 if self.is_down else len(self.queue) + later

    def queue_of(self, visit: Visit) -> deque[Visit]:
        return self.later if visit.requisite else self.queue

    @property
    def is_folder(self) -> bool:
        return self.origin.startswith("file:")

    def wait_s(self, now: datetime) -> float:
        """Seconds until it may be asked again; never more than the delay, should the clock be set back."""
        if self.is_folder or self.asked_at is None:
            return 0.0
        waited = max(0.0, (now - self.asked_at) / timedelta(seconds=1))
        return max(0.0, self.delay_s - waited)


class Crawl:
    """One pass over some sites. ``run`` makes it."""

    def __init__(
        self,
        store: Store,
        sites: Sequence[Site],
        fetcher: Fetcher,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], object],
        stop: Stop,
        read: Read,
        on_event: Callable[[Progress], object] | None = None,
    ) -> None:
        self._store, self._fetcher, self._now, self._sleep, self._stop = store, fetcher, now, sleep, stop
        self._sites = {site.name: site for site in sites}
        self._read, self._on_event = read, on_event
        self._hosts: dict[str, _Host] = {}
        self._done: set[str] = set()
        self._queued: set[str] = set()
        self._roles: dict[str, Requisite | None] = {}  # what texts of this pass made of addresses
        self._waiting: Counter[str] = Counter()  # requisites in the queues, by site
        self._known: Counter[str] = Counter()  # requisites of each site …
        self._overfull: set[str] = set()  # … and those that have more than is meant
        self._spent: dict[str, int] = {}
        self._reasons: list[str] = []
        self._visits = 0
        self._conditional = self._not_modified = self._same_in_full = 0

    def run(self) -> Pass:
        """The pass, ended: complete, partial (a host down, a budget spent) or interrupted by ``stop``.

        Goes on with an unfinished pass over the same sites. Raises UsageError before
        anything starts if a host beyond loopback would be asked without a contact.
        """
        refuse_without_contact(self._sites.values(), self._fetcher.contact)
        self._began_at = self._now()
        made = self._store.begin_pass(list(self._sites), self._began_at, self._info())
        self._pass_id = made.pass_id
        self._done = self._store.catalog.visited(made.pass_id)
        self._queued = set(self._done)
        with _aborting(self._fetcher, self._stop):
            for site in self._sites.values():
                self._spent[site.name] = self._store.catalog.requests(made.pass_id, site.name)
                self._plan(site)
            self._work()
        return self._end()

    def _info(self) -> dict[str, str]:
        return {"http-header-user-agent": self._fetcher.user_agent, "robots": "obey (RFC 9309)"}

    # ── what is due ──────────────────────────────────────────────────────────────────

    def _plan(self, site: Site) -> None:
        everything = self._store.catalog.all_histories()
        known = {
            uri: history for uri, history in everything.items() if history.requisite or in_scope(site, uri)
        }
        self._known[site.name] = sum(h.requisite is not None and h.site == site.name for h in known.values())
        known |= self._unread(site, known)
        for visit in (*plan(self._now(), site, known), *plan_requisites(self._now(), site, known)):
            self._enqueue(visit, site)

    def _unread(self, site: Site, known: Mapping[str, History]) -> dict[str, History]:
        """Pages and requisites found in texts whose links were not read under the present scope.

        After a crash between the record and the catalog, or when the scope was widened:
        a page that is unchanged ever since would otherwise never tell its links again.
        """
        catalog, under = self._store.catalog, linked_under(site)
        found: dict[str, History] = {}
        for capture in catalog.unread_links(under, known):
            if self._stop.is_set():
                break
            try:
                payload = self._store.payload(capture)
            except FixityError as error:  # its links are read when it is whole again
                log.error("%s; the links of %s are not read", error, capture.uri)
                continue
            told = self._leads(payload, capture.uri, capture.requisite, site)
            new = catalog.discover(site.name, *told, capture.uri, under, self._now())
            for uri in (*new.pages, *(uri for uri, _ in new.requisites)):
                history = catalog.history(uri)
                if history:
                    found[uri] = history
        return found

    def _leads(self, payload: Payload, uri: str, requisite: Requisite | None, site: Site) -> _Led:
        """The site's pages that a text links to, and what is to be kept with it."""
        if requisite and self._depth(uri) >= DEEPEST:
            return _Led([], [])
        leads = self._read(payload, uri, requisite)
        framed = [one for one, kind in leads.needs if kind is Requisite.FRAME]  # may be pages of the site
        absolute = (stands_for(site, one) for one in (*leads.links, *framed))
        pages = dict.fromkeys(one.partition("#")[0] for one in absolute)  # notes link within their page
        links = new_links(site, [link for one in pages if (link := canonical(one))])
        # a link to a picture of the site is as good as a picture on the page
        pictures = {link: kind for link in links if (kind := kind_of(link)) and may_need(site, link, kind)}
        needed = needs(site, leads.needs) if site.requisites else {}
        needed = {one: kind for one, kind in (pictures | needed).items() if one != uri}
        return _Led([link for link in links if link not in pictures], self._bounded(needed, site))

    def _bounded(self, needed: dict[str, Requisite], site: Site) -> list[tuple[str, Requisite]]:
        """What is needed, unless the site has more of that than can be meant."""
        if not needed or self._known[site.name] < MOST_REQUISITES:
            return list(needed.items())
        if site.name not in self._overfull:
            self._overfull.add(site.name)
            log.warning("%s: more than %d requisites; no more are noted", site.name, MOST_REQUISITES)
        return []

    def _depth(self, uri: str) -> int:
        """How many steps a requisite is away from a page: 1 for what a page itself names."""
        depth, at = 0, self._store.catalog.history(uri)
        while at is not None and at.requisite is not None and depth < DEEPEST:
            depth += 1
            at = self._store.catalog.history(at.found_on) if at.found_on else None
        return depth

    def _enqueue(self, visit: Visit, site: Site) -> None:
        if visit.uri in self._queued:
            return
        self._queued.add(visit.uri)
        host = self._host(visit.asks, site)
        host.queue_of(visit).append(visit)
        if visit.requisite is None:
            host.has_pages = True
        else:
            self._waiting[site.name] += 1

    def _host(self, asks: str, site: Site) -> _Host:
        name = origin(asks)
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host(name, site.delay_s)
            if self._store.catalog.in_trouble(name):
                host.most_failures = 1  # it was down: one page is enough to see that it still is
        host.delay_s = max(host.delay_s, site.delay_s)
        return host

    # ── the loop ─────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        while not self._stop.is_set():
            host = self._next_host()
            if host is None:
                return
            queue = host.queue or host.later
            visit = queue.popleft()
            site = self._sites[visit.site]
            if self._is_spent(site, self._share(site) if queue is host.queue else 0):
                self._drop(queue, site)
            elif not self._visit(host, self._in_role(visit), site):
                queue.appendleft(visit)
            elif queue is host.later:
                self._waiting[site.name] -= 1

    def _in_role(self, visit: Visit) -> Visit:
        """The visit as what a text that was read since it was planned needs it, or links to it."""
        role = self._roles.get(visit.uri, visit.requisite)
        if role is visit.requisite:
            return visit
        # what was kept as a requisite is no earlier version of a page
        return replace(visit, requisite=role, version=visit.version if role else None)

    def _share(self, site: Site) -> int:
        """How many requests pages leave to what they need; a site larger than its budget has pictures too."""
        return min(self._waiting[site.name], site.budget // SHARE)

    def _next_host(self) -> _Host | None:
        """The host with work that may be asked soonest; pages come first."""
        up = [host for host in self._hosts.values() if host.left]
        ready = [host for host in up if host.queue] or up
        if len(ready) < 2:
            return ready[0] if ready else None
        now = self._now()
        return min(ready, key=lambda host: host.wait_s(now))

    def _is_spent(self, site: Site, share: int = 0) -> bool:
        return self._spent[site.name] + share >= site.budget

    def _drop(self, queue: deque[Visit], site: Site) -> None:
        kept = [visit for visit in queue if visit.site != site.name]
        queue.clear()
        queue.extend(kept)
        reason = f"the budget of {site.budget} requests is spent on {site.name}"
        if reason not in self._reasons:
            self._reasons.append(reason)
            log.warning("%s; the next pass goes on with what is left", reason)

    def _visit(self, host: _Host, visit: Visit, site: Site) -> bool:
        """Makes one visit; False if it was not made, because of a stop or because the host is down."""
        if visit.requisite is None and never_text(visit.uri):
            message = "its name says that it is of a type that is not kept"
            self._keep(Record(visit, self._now(), Outcome.LISTED, None, message=message), site, 0)
            return True
        if not host.is_folder and not self._know_rules(host, site):
            return False
        if host.rules and not host.rules.allows(visit.asks):
            refused = Failure(visit.asks, self._now(), FailureKind.ROBOTS, "robots.txt forbids it")
            self._keep(decide(visit, refused, site), site, 0)
            return True
        before = self._spent[site.name]
        outcome = self._ask(host, site, lambda: self._fetcher.fetch(visit, site))
        requests = self._spent[site.name] - before
        if outcome is None:
            self._store.catalog.spend(self._pass_id, site.name, requests)
            return False
        record = decide(visit, outcome, site)
        self._count(visit, record)
        self._keep(record, site, requests)
        if visit.requisite:
            self._judge_later(host, outcome)
        else:
            self._judge_host(host, outcome, site)
        return True

    def _ask(
        self, host: _Host, site: Site, fetch: Callable[[], Exchange | Failure]
    ) -> Exchange | Failure | None:
        """What came of asking, tried again where that is worth it; None if the pass is to stop."""
        tries = 0
        while True:
            wait = host.wait_s(self._now())
            if wait > 0:
                self._sleep(wait)
            if self._stop.is_set():
                return None
            outcome = fetch()
            host.asked_at = self._now()
            tries += 1
            self._spent[site.name] += 0 if host.is_folder else 1
            if isinstance(outcome, Failure) and self._stop.is_set():
                return None  # it was we who ended it
            pause = pause_before_retry(outcome, tries)
            # a host that failed on the page before is not helped by being asked thrice for each
            in_doubt = blames_host(outcome) and (host.failures or host.most_failures == 1)
            if pause is None or in_doubt or self._is_spent(site):
                return outcome
            log.info("%s: %s; asked again in %d s", outcome.asks, describe(outcome), pause)
            self._sleep(pause)

    def _count(self, visit: Visit, record: Record) -> None:
        version = visit.version
        if (
            visit.requisite
            or not visit.conditional
            or version is None
            or not (version.etag or version.last_modified)
        ):
            return
        self._conditional += 1
        if record.exchange and record.exchange.status == 304:
            self._not_modified += 1
        elif record.outcome is Outcome.UNCHANGED and not visit.asks.startswith("file:"):
            self._same_in_full += 1

    # ── keeping ──────────────────────────────────────────────────────────────────────

    def _keep(self, record: Record, site: Site, requests: int) -> None:
        (links, named), under = self._found(record, site)
        kept = self._store.append(record, requests=requests, links=links, needs=named, linked_under=under)
        uri = record.visit.uri
        self._done.add(uri)
        self._visits += 1
        _log(record, kept)
        for link in kept.found:
            visit = visit_of(site, link, Via.LINK, None, record.at)
            self._enqueue(replace(visit, found_on=uri), site)
        self._roles |= dict.fromkeys(kept.found) | dict(kept.needed)
        self._enqueue_needed(record, named, dict(kept.needed), site)
        if self._on_event:
            self._on_event(self._progress(record))

    def _enqueue_needed(
        self,
        record: Record,
        named: Iterable[tuple[str, Requisite]],
        new: Mapping[str, Requisite],
        site: Site,
    ) -> None:
        """Has asked what a text needs: what is new, and all of it if it is another text than before."""
        self._known[site.name] += len(new)
        for uri, kind in named:
            if uri in new and uri in self._done:
                self._queued.discard(uri)  # visited as a page, of which nothing was kept
            if uri in self._queued:
                continue
            if uri in new:
                visit = visit_of(site, uri, Via.NEED, None, record.at)
                self._enqueue(replace(visit, found_on=record.visit.uri, requisite=kind), site)
            elif record.outcome is Outcome.CHANGED:
                history = self._store.catalog.history(uri)
                if history and history.requisite:
                    self._enqueue(visit_of(site, uri, Via.NEED, history, record.at), site)

    def _found(self, record: Record, site: Site) -> tuple[_Led, str | None]:
        """Where a new text or a redirect leads, and the scope, if a text was read."""
        uri, kind = record.visit.uri, record.visit.requisite
        if record.outcome is Outcome.MOVED and record.location:
            return self._redirected(uri, kind, record.location, site), None
        if record.outcome not in (Outcome.NEW, Outcome.CHANGED):
            return _Led([], []), None
        payload = Payload(uri, record.body, content_type=record.content_type)
        return self._leads(payload, uri, kind, site), linked_under(site)

    def _redirected(self, uri: str, kind: Requisite | None, location: str, site: Site) -> _Led:
        if kind is None or (kind is Requisite.FRAME and in_scope(site, location)):
            return _Led(new_links(site, [location]), [])
        if not may_need(site, location, kind) or self._depth(uri) >= DEEPEST:
            return _Led([], [])
        return _Led([], self._bounded({location: kind}, site))

    def _progress(self, record: Record) -> Progress:
        left = sum(host.left for host in self._hosts.values())
        took_s = max(0.0, (self._now() - self._began_at) / timedelta(seconds=1))
        return Progress(
            pass_id=self._pass_id,
            uri=record.visit.uri,
            outcome=record.outcome,
            done=len(self._done),
            of=len(self._done) + left,
            left_s=left * took_s / self._visits,
        )

    # ── robots.txt ───────────────────────────────────────────────────────────────────

    def _know_rules(self, host: _Host, site: Site) -> bool:
        """Whether the host's rules are known; they are asked for at most once a day (RFC 9309 §2.4).

        A host whose robots.txt cannot be had is not asked for anything else in this pass
        (§2.3.1.4), even where older rules are kept: they may since have forbidden it.
        """
        if host.rules:
            return True
        kept = self._store.catalog.robots(host.origin)
        if kept and robots.is_fresh(kept[0], self._now()):
            text: str | None = kept[1]
        else:
            text = self._ask_rules(host, site)
        if text is None:
            return False
        host.rules = robots.rules(text)
        host.delay_s = max(host.delay_s, host.rules.crawl_delay_s)
        return True

    def _ask_rules(self, host: _Host, site: Site) -> str | None:
        asks = host.origin + "/robots.txt"
        before = self._spent[site.name]
        outcome = self._ask_robots(host, asks, site)
        for _ in range(robots.MOST_REDIRECTS):
            target = redirect_of(outcome) if isinstance(outcome, Exchange) else None
            if target is None:
                break
            outcome = self._ask_robots(host, target, site)
        self._store.catalog.spend(self._pass_id, site.name, self._spent[site.name] - before)
        return None if outcome is None else self._rules_of(host, outcome, site)

    def _ask_robots(self, host: _Host, asks: str, site: Site) -> Exchange | Failure | None:
        outcome = self._ask(host, site, lambda: self._fetcher.fetch_robots(asks, robots.LARGEST_BYTES))
        if isinstance(outcome, Exchange):
            self._store.append_robots(outcome, site.name)
        return outcome

    def _rules_of(self, host: _Host, outcome: Exchange | Failure, site: Site) -> str | None:
        text = None
        if isinstance(outcome, Exchange):
            coding = header(outcome, "Content-Encoding")
            body = decode_as_far_as_it_goes(outcome.body, coding, robots.LARGEST_BYTES)
            text = robots.read(outcome.status, body)
        if text is None:
            reason = f"robots.txt cannot be had ({describe(outcome)}), so nothing may be asked"
            if host.has_pages:
                self._set_down(host, site, reason, outcome.at)
            else:
                self._leave(host, reason)
            return None
        self._store.catalog.keep_robots(host.origin, outcome.at, text)
        return text

    # ── hosts that fail ──────────────────────────────────────────────────────────────

    def _judge_host(self, host: _Host, outcome: Exchange | Failure, site: Site) -> None:
        if not blames_host(outcome):
            host.answers += 1
            host.failures = 0
            if host.answers >= MOST_FAILURES:
                self._set_up(host)
            return
        host.failures += 1
        host.last_failure = describe(outcome)
        if host.failures == 1:
            host.failing_since = outcome.at
        if host.failures >= host.most_failures:
            self._set_down(host, site, host.last_failure, host.failing_since or outcome.at)

    def _judge_later(self, host: _Host, outcome: Exchange | Failure) -> None:
        """As `_judge_host`, of what pages need: a picture that cannot be had is no trouble of the watch."""
        host.failures = host.failures + 1 if blames_host(outcome) else 0
        if host.failures >= MOST_FAILURES:
            self._leave(host, describe(outcome))

    def _leave(self, host: _Host, message: str) -> None:
        """Asks a host for no more requisites in this pass; the next one tries again."""
        host.is_left = True
        log.info("%s: %s; it is asked for no more pictures and the like in this pass", host.origin, message)

    def _set_down(self, host: _Host, site: Site, message: str, since: datetime) -> None:
        host.is_down = True
        self._reasons.append(f"{host.origin} is down: {message}")
        if self._store.catalog.begin_trouble(host.origin, site.name, "host", message, since):
            log.warning("%s is down: %s; it is not asked on in this pass", host.origin, message)

    def _set_up(self, host: _Host) -> None:
        """Ends a trouble of an earlier pass; one answer is not enough, or it would flutter."""
        if host.most_failures == MOST_FAILURES:
            return  # no trouble was left from an earlier pass
        host.most_failures = MOST_FAILURES
        over = self._store.catalog.end_trouble(host.origin, self._now())
        if over:
            log.warning("%s is back; it was down since %s", host.origin, over.since_at.isoformat())

    # ── the end ──────────────────────────────────────────────────────────────────────

    def _end(self) -> Pass:
        left = any(host.left for host in self._hosts.values())
        if left and self._stop.is_set():
            return self._told(self._store.end_pass(PassState.INTERRUPTED, self._now(), "stopped"))
        for host in self._hosts.values():
            if host.has_pages and host.failures and not host.answers and not host.is_down:
                site = next(iter(self._sites.values()))
                self._set_down(host, site, host.last_failure, host.failing_since or self._now())
            elif host.answers and not host.is_down:
                self._set_up(host)
        if self._conditional >= ENOUGH_TO_JUDGE and self._conditional == self._same_in_full:
            log.warning("not one of %d conditional requests was answered 304", self._conditional)
        state = PassState.PARTIAL if self._reasons else PassState.COMPLETE
        return self._told(self._store.end_pass(state, self._now(), "; ".join(self._reasons)))

    def _told(self, made: Pass) -> Pass:
        counts = f"{made.visited} visited, {made.captured} captured, {made.unchanged} unchanged"
        counts += f", {made.gone} gone, {made.failed} failed"
        counts += f"; {made.requisites} requisites" if made.requisites else ""
        log.info("pass %s %s: %s", made.pass_id, made.state, counts)
        return made


def linked_under(site: Site) -> str:
    """Under which scope links were read: another one, and the texts kept are read again."""
    scope = f"{LINKS_VERSION} {' '.join(site.scope)} - {' '.join(site.exclude)}"
    needed = ("+", *site.requisites, *site.requisites_from) if site.requisites else ()
    return " ".join((scope, *needed))


def refuse_without_contact(sites: Iterable[Site], contact: str | None) -> None:
    """Raises UsageError if one of the sites would have a host beyond loopback asked without a contact."""
    if contact is not None:
        return
    for site in sites:
        elsewhere = site.requisites_from if site.requisites and site.source is None else ()
        for uri in (*site.seeds, *site.scope, *elsewhere):
            asked = asks_for(site, uri)
            if (in_scope(site, uri) or uri in elsewhere) and not is_loopback(asked):
                cause = "set contact in config.toml, so that those who keep the site can reach you"
                raise UsageError(
                    "no host beyond this machine is asked without a contact", origin(asked), cause
                )


def _log(record: Record, kept: Kept) -> None:
    uri, capture = record.visit.uri, kept.capture
    if capture is None:
        log.info("%s %s (%s)", record.outcome, uri, record.message)
    else:
        why = f" ({record.message})" if record.outcome is Outcome.SUSPECT else ""
        log.info("captured %s %d %s %d bytes%s", uri, capture.status, record.outcome, capture.size_bytes, why)


@contextmanager
def _aborting(fetcher: Fetcher, stop: Stop) -> Iterator[None]:
    """While inside, a request that goes on for `ABORT_AFTER_S` after a stop is ended."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.25):
            if stop.is_set() and not over.wait(ABORT_AFTER_S):
                fetcher.abort()

    watcher = threading.Thread(target=watch, name="etolwatch-abort", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
