"""The past of a page, asked of web archives: their captures become versions on its timeline.

Politely: at most 24 requests a minute, a minute of silence when told that it is too much. What
was had is on disk before the next is asked for, so that a second run goes on where the first
stopped.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from etolwatch.archive import foreign, warc
from etolwatch.archive.bring import Import, last_beside
from etolwatch.archive.catalog import instant, instant_text
from etolwatch.archive.codings import decode_as_far_as_it_goes
from etolwatch.archive.foreign import NAMES, Damage, Found
from etolwatch.archive.store import Store
from etolwatch.errors import EtolwatchError, UsageError
from etolwatch.harvest.captures import (
    Archive,
    Listed,
    NoList,
    Row,
    Wanted,
    collapse,
    is_stamped,
    raw_form,
    read_list,
    stamp_of,
)
from etolwatch.harvest.decide import REDIRECTS, describe, header, is_kept_type, retry_after_s
from etolwatch.harvest.fetch import Fetcher
from etolwatch.harvest.past import Bringer, Brought, page_of, requisite_of
from etolwatch.model import Capture, Exchange, Failure, FailureKind, Site

BETWEEN_S = 60 / 24  # the Wayback Machine's limit for its CDX server; we keep to it everywhere
SILENCE_S = 60.0  # after a 429, at least
TRIES = 4
LARGEST_LIST = 64 << 20
LARGEST_BODY = 64 << 20
MOST_REDIRECTS = 3
ASKED_AGAIN_AFTER = timedelta(days=30)  # what an archive listed and then did not give
LIST, ASKED = "list", "asked"  # what a record beside the captures is
FORM = 1  # of the record on what was asked for in vain

log = logging.getLogger("etolwatch")


class Silent(EtolwatchError):
    """A web archive that does not answer any more; what was had of it is kept."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What came of asking an archive. ``why``: what ended it early.

    ``left``: pages not asked for; None where the archive was still listing them.
    """

    brought: Brought
    pages: int
    left: int | None = 0
    why: str = ""


class Archivist:
    """Asks one archive, never faster than it allows."""

    def __init__(
        self, fetcher: Fetcher, now: Callable[[], datetime], sleep: Callable[[float], object]
    ) -> None:
        self._fetcher, self._now, self._sleep = fetcher, now, sleep
        self._asked_at: datetime | None = None

    def ask(self, address: str, largest_bytes: int) -> Exchange | Failure:
        """What an address answered, asked again where that is worth it. Raises Silent if it does not.

        A Failure is what would be no other if it were asked again.
        """
        for number in range(1, TRIES + 1):
            self._wait()
            outcome = self._fetcher.fetch_archived(address, largest_bytes)
            self._asked_at = self._now()
            pause = self._pause(outcome, number)
            if pause is None:
                return outcome
            if number < TRIES:
                log.warning("%s: %s; asked again in %d s", address, describe(outcome), pause)
                self._sleep(pause)
        raise Silent("the archive gives no answer", address, f"{describe(outcome)}; run it again later")

    def _wait(self) -> None:
        if self._asked_at is not None:
            waited = max(0.0, (self._now() - self._asked_at) / timedelta(seconds=1))
            if waited < BETWEEN_S:
                self._sleep(BETWEEN_S - waited)

    def _pause(self, outcome: Exchange | Failure, number: int) -> float | None:
        """Seconds of silence before asking again; None if that is of no use."""
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.TOO_LARGE:
            return None
        if isinstance(outcome, Failure):
            return SILENCE_S * float(2 ** (number - 1))
        is_own = header(outcome, "Memento-Datetime") is None
        if outcome.status not in (429, 502, 503, 504) or not is_own:
            return None
        asked_for = retry_after_s(header(outcome, "Retry-After"), outcome.at) or 0.0
        return max(SILENCE_S, asked_for) if outcome.status == 429 else max(SILENCE_S * number, asked_for)


def remember(
    store: Store,
    sites: Sequence[Site],
    uris: Sequence[str],
    archive: Archive,
    fetcher: Fetcher,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], object],
    is_stopped: Callable[[], bool] = lambda: False,
    below: Sequence[str] = (),
) -> Remembered:
    """Brings what an archive holds of these pages. A second call asks only for what is not held yet.

    ``below`` are address prefixes: an archive that can be asked for all that lies below one is, which
    finds pages that were gone before anybody watched them; of another the pages are asked for one by
    one. Raises UsageError if no site watches one of them, or for a host beyond loopback without a contact.
    """
    pages = [_watched(store, sites, uri) for uri in uris]
    archivist = Archivist(fetcher, now, sleep)
    about = {
        "description": f"captures of others, asked of {archive.replay}",
        "operator": store.operator or "",
    }
    about |= {"http-header-user-agent": fetcher.user_agent}
    about = {key: value for key, value in about.items() if value}
    done, why = 0, ""
    with Import(store.warc_folder, store.catalog, now(), about) as into:
        bringer = Bringer(store, sites, into, archive.replay)
        one = _Asking(store, sites, archive, archivist, into, bringer, now)
        try:
            for page, rows in one.listed(pages, below):
                if is_stopped() or not one.bring(page, rows, is_stopped):
                    why = "stopped"
                    break
                done += 1
        except Silent as error:
            why = str(error)
        brought = bringer.finish()
        one.note_what_was_in_vain()
        left = None if why and one.lists_below else max(0, len(pages) - done)
        return Remembered(brought, done, left, why)


def _watched(store: Store, sites: Sequence[Site], uri: str) -> str:
    place = page_of(sites, store.catalog, uri)
    if place is None:
        raise UsageError("no site of config.toml watches this page", uri)
    return place[0]


class _Asking:
    """Brings the captures of one page after the other."""

    def __init__(
        self,
        store: Store,
        sites: Sequence[Site],
        archive: Archive,
        archivist: Archivist,
        into: Import,
        bringer: Bringer,
        now: Callable[[], datetime],
    ) -> None:
        self._catalog, self._sites, self._archive, self._archivist = store.catalog, sites, archive, archivist
        self._into, self._bringer, self._now = into, bringer, now
        self._earlier = asked_in_vain(store)
        self._in_vain: dict[str, datetime] = {}
        self._lists: list[Exchange] = []  # answers that are kept once something of them is had
        self.lists_below = False  # whether it is being asked for all that lies below an address

    def listed(self, pages: Sequence[str], below: Sequence[str]) -> Iterator[tuple[str, list[Row]]]:
        """The pages and what the archive lists of each. Raises Silent."""
        self.lists_below = bool(below) and self._archive.lists_below
        if self.lists_below:
            yield from self._all_below(below)
        if not self.lists_below:
            yield from self._one_by_one(pages)

    def _all_below(self, below: Sequence[str]) -> Iterator[tuple[str, list[Row]]]:
        try:
            for prefix in below:
                yield from self._pages_below(prefix)
        except NoList as error:
            log.warning("%s; the pages are asked for one by one", error)
            self.lists_below = False

    def _one_by_one(self, pages: Sequence[str]) -> Iterator[tuple[str, list[Row]]]:
        for page in pages:
            try:
                rows = self._rows_of(page)
            except NoList as error:
                self._bringer.damaged(Damage(error.subject, f"{error.message}: {error.cause}"))
                rows = []
            yield page, rows

    def bring(self, page: str, rows: Sequence[Row], is_stopped: Callable[[], bool]) -> bool:
        """Brings what is listed of a page; False if it was stopped."""
        missing = [wanted for wanted in collapse(rows) if self._is_missing(page, wanted.row)]
        log.info("%s: %d captures, %d of them to be had", page, len(rows), len(missing))
        for exchange in self._lists if missing else ():
            self._into.append_beside(_list_record(exchange))
        if missing:
            self._lists = []
        for wanted in missing:
            if is_stopped():
                return False
            self._bring(page, wanted)
            self._into.flush()
            if self._held(page, wanted.row.at) is None:
                self._in_vain[wanted.row.raw] = self._now()
        return True

    def note_what_was_in_vain(self) -> None:
        """Keeps which captures were asked for and not had, so that they are not asked for each time."""
        if self._in_vain:
            rows = [[raw, instant_text(at)] for raw, at in self._in_vain.items()]
            block = json.dumps({"etolwatch-asked": FORM, "rows": rows}).encode()
            self._into.append_beside(warc.beside(warc.new_record_id(), self._now(), ASKED, {}, block))

    def _is_missing(self, page: str, row: Row) -> bool:
        asked_at = self._earlier.get(row.raw)
        is_told = asked_at is not None and self._now() - asked_at < ASKED_AGAIN_AFTER
        return not is_told and self._held(page, row.at) is None

    def _pages_below(self, prefix: str) -> Iterator[tuple[str, list[Row]]]:
        """The pages below a prefix that the archive ever had as texts, each with what it lists of it.

        A list comes page by page, its parts end anywhere: the last page of one may go on in the next.
        Raises Silent; NoList if the archive gives no such list.
        """
        waiting: dict[str, list[Row]] = {}
        last: str | None = None
        keys: list[str | None] = [None]
        for key in keys:
            self._lists = []
            listed = self._list(self._archive.list_below(prefix, key))
            for row in listed.rows:
                if page := self._text_page(row):
                    waiting.setdefault(page, []).append(row)
                    last = page
            if listed.resume is None or listed.resume in keys:
                break
            keys.append(listed.resume)
            rest = {last: waiting.pop(last)} if last in waiting else {}
            yield from self._worth_asking(waiting)
            waiting = rest
        yield from self._worth_asking(waiting)

    def _text_page(self, row: Row) -> str | None:
        """The watched page that a row is of; None if it is of none, or of what is no text."""
        place = page_of(self._sites, self._catalog, row.uri) if is_kept_type(row.content_type) else None
        if place is None or place[0].endswith("/robots.txt"):
            return None
        uri, site = place
        return None if requisite_of(site, self._catalog, uri) else uri

    def _worth_asking(self, pages: dict[str, list[Row]]) -> Iterator[tuple[str, list[Row]]]:
        """Those of which there is a text, or that are known already."""
        for page, rows in pages.items():
            if any(row.status in (None, 200) for row in rows) or self._catalog.history(page):
                yield page, rows

    def _rows_of(self, page: str) -> list[Row]:
        """What the archive lists of a page, with the lists that it names for more."""
        rows: list[Row] = []
        self._lists = []
        waiting, asked = [self._archive.list_of(page)], set[str]()
        while waiting:
            address = waiting.pop()
            asked.add(address)
            listed = self._list(address)
            rows += listed.rows
            waiting += [one for one in listed.further if one not in asked]
        return rows

    def _list(self, address: str) -> Listed:
        """What an address lists. Raises Silent, NoList."""
        answer = self._archivist.ask(address, LARGEST_LIST)
        if isinstance(answer, Failure):
            raise NoList("no list of captures", address, describe(answer))
        if answer.status == 404:
            return Listed(())  # nothing is held of it
        text = decode_as_far_as_it_goes(answer.body, header(answer, "Content-Encoding"), LARGEST_LIST)
        if answer.status != 200:
            raise NoList("no list of captures", address, f"status {answer.status}")
        listed = read_list(text.decode("utf-8", "replace"), self._archive, address)
        self._lists.append(answer)
        for row in listed.odd:
            self._bringer.damaged(Damage(address, f"a row of the list cannot be read: {row[:200]}"))
        if answer.truncated:
            self._bringer.damaged(Damage(address, f"the list is cut off: {answer.truncated}"))
        return listed

    def _held(self, page: str, at: datetime) -> Capture | None:
        """What was brought of a page before, of this second."""
        return next((one for one in self._catalog.of_second(page, at) if one.origin), None)

    def _bring(self, page: str, wanted: Wanted) -> None:
        like = self._held(page, wanted.like.at) if wanted.like else None
        if like is not None:
            self._bringer.take_again(_revisit(wanted.row, like), like, wanted.row.raw)
            return
        answer = self._fetched(page, wanted.row)
        if isinstance(answer, Damage):
            self._bringer.damaged(answer)
        elif answer is not None:
            self._bringer.take(_memento(wanted.row, answer, self._now()), origin=answer.asks)

    def _fetched(self, page: str, row: Row) -> Exchange | Damage | None:
        """The capture, had where the archive sends us: it may keep it under another time.

        None if what it keeps there is held already.
        """
        address = row.raw
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._archivist.ask(address, LARGEST_BODY)
            if isinstance(answer, Failure):
                return Damage(address, describe(answer))
            if header(answer, "Memento-Datetime") is not None:
                return Damage(address, f"cut off: {answer.truncated}") if answer.truncated else answer
            target = urljoin(address, header(answer, "Location") or "")
            if answer.status not in REDIRECTS or not is_stamped(target):
                # RFC 7089 §2.1.1: a memento says of itself when it was captured
                return Damage(address, f"no capture but a page of the archive itself: status {answer.status}")
            stamp = stamp_of(target)
            if stamp and self._held(page, stamp):
                return None
            address = raw_form(target)
        return Damage(row.raw, "the archive redirects without end")


def asked_in_vain(store: Store) -> dict[str, datetime]:
    """The captures that archives listed and did not give when they were asked: address, and when."""
    asked: dict[str, datetime] = {}
    for said in last_beside(store.warc_folder, ASKED):
        told = json.loads(said.block)
        if told["etolwatch-asked"] == FORM:
            asked |= {raw: instant(at) for raw, at in told["rows"]}
    return asked


def _memento(row: Row, answer: Exchange, now: datetime) -> Found:
    """A capture as an archive gave it, as a WARC record: its date is that of the capture."""
    stamp = parsedate_to_datetime(header(answer, "Memento-Datetime") or "")
    at = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    dropped = ("transfer-encoding", "content-length")
    head = tuple((name, value) for name, value in answer.headers if name.lower() not in dropped)
    head += (("Content-Length", str(len(answer.body))),)
    source = [("WARC-Source-URI", answer.asks), ("WARC-Creation-Date", instant_text(now))]
    first_line = f"{answer.http_version or 'HTTP/1.1'} {answer.status} {answer.reason}"
    return foreign.made_response(answer.asks, row.uri, at, first_line, head, answer.body, source)


def _revisit(row: Row, like: Capture) -> Found:
    """A capture of which the archive's list says that it has the bytes of another."""
    record_id = uuid.uuid5(NAMES, f"{row.raw} {row.digest}").urn
    data = warc.foreign_revisit(record_id, row.uri, row.at, like, [("WARC-Source-URI", row.raw)])
    found = foreign.read_record(row.raw, data)
    if not isinstance(found, Found):
        raise UsageError("no address of a capture", row.uri, str(found))
    return found


def _list_record(answer: Exchange) -> bytes:
    """The archive's list, kept beside what was had by it."""
    body = decode_as_far_as_it_goes(answer.body, header(answer, "Content-Encoding"), LARGEST_LIST)
    record_id = uuid.uuid5(NAMES, f"{answer.asks} {answer.at.isoformat()}").urn
    return warc.beside(record_id, answer.at, LIST, {"WARC-Source-URI": answer.asks}, body)
