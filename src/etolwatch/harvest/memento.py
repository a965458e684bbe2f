"""The past of a page, asked of web archives: their captures become versions on its timeline.

Politely: at most 24 requests a minute, a minute of silence when told that it is too much. What
was had is on disk before the next is asked for, so that a second run goes on where the first
stopped.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from etolwatch.archive import foreign, warc
from etolwatch.archive.bring import Import
from etolwatch.archive.catalog import instant_text
from etolwatch.archive.codings import decode_as_far_as_it_goes
from etolwatch.archive.foreign import NAMES, Damage, Found
from etolwatch.archive.store import Store
from etolwatch.errors import EtolwatchError, UsageError
from etolwatch.harvest.captures import Archive, NoList, Row, Wanted, collapse, is_stamped, raw_form, read_list
from etolwatch.harvest.decide import REDIRECTS, describe, header, retry_after_s
from etolwatch.harvest.fetch import Fetcher
from etolwatch.harvest.past import Bringer, Brought, page_of
from etolwatch.model import Capture, Exchange, Failure, Site

BETWEEN_S = 60 / 24  # the Wayback Machine's limit for its CDX server; we keep to it everywhere
SILENCE_S = 60.0  # after a 429, at least
TRIES = 4
LARGEST_LIST = 64 << 20
LARGEST_BODY = 64 << 20
MOST_REDIRECTS = 3
LIST = "list"  # what a record beside the captures is

log = logging.getLogger("etolwatch")


class Silent(EtolwatchError):
    """A web archive that does not answer any more; what was had of it is kept."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What came of asking an archive. ``left``: pages not asked for; ``why``: what ended it early."""

    brought: Brought
    pages: int
    left: int = 0
    why: str = ""


class Archivist:
    """Asks one archive, never faster than it allows."""

    def __init__(
        self, fetcher: Fetcher, now: Callable[[], datetime], sleep: Callable[[float], object]
    ) -> None:
        self._fetcher, self._now, self._sleep = fetcher, now, sleep
        self._asked_at: datetime | None = None

    def ask(self, address: str, largest_bytes: int) -> Exchange:
        """What an address answered, asked again where that is worth it. Raises Silent if it does not."""
        for number in range(1, TRIES + 1):
            self._wait()
            outcome = self._fetcher.fetch_archived(address, largest_bytes)
            self._asked_at = self._now()
            pause = self._pause(outcome, number)
            if pause is None and isinstance(outcome, Exchange):
                return outcome
            if number < TRIES:
                log.warning("%s: %s; asked again in %d s", address, describe(outcome), pause or 0)
                self._sleep(pause or 0)
        raise Silent("the archive gives no answer", address, f"{describe(outcome)}; run it again later")

    def _wait(self) -> None:
        if self._asked_at is not None:
            waited = max(0.0, (self._now() - self._asked_at) / timedelta(seconds=1))
            if waited < BETWEEN_S:
                self._sleep(BETWEEN_S - waited)

    def _pause(self, outcome: Exchange | Failure, number: int) -> float | None:
        """Seconds of silence before asking again; None if this is an answer."""
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
) -> Remembered:
    """Brings what an archive holds of these pages. A second call asks only for what is not held yet.

    Raises UsageError if no site watches one of them, or for a host beyond loopback without a contact.
    """
    pages = [_watched(store, sites, uri) for uri in uris]
    archivist = Archivist(fetcher, now, sleep)
    about = {
        "description": f"captures of others, asked of {archive.replay}",
        "operator": store.operator or "",
    }
    about |= {"http-header-user-agent": fetcher.user_agent}
    done, why = 0, ""
    with closing(
        Import(store.warc_folder, store.catalog, now(), {k: v for k, v in about.items() if v})
    ) as into:
        bringer = Bringer(store, sites, into, archive.replay)
        one = _Page(store, archive, archivist, into, bringer, now)
        try:
            for page in pages:
                if is_stopped() or not one.bring(page, is_stopped):
                    why = "stopped"
                    break
                done += 1
        except Silent as error:
            why = str(error)
        return Remembered(bringer.finish(), done, len(pages) - done, why)


def _watched(store: Store, sites: Sequence[Site], uri: str) -> str:
    place = page_of(sites, store.catalog, uri)
    if place is None:
        raise UsageError("no site of config.toml watches this page", uri)
    return place[0]


class _Page:
    """Brings the captures of one page after the other."""

    def __init__(
        self,
        store: Store,
        archive: Archive,
        archivist: Archivist,
        into: Import,
        bringer: Bringer,
        now: Callable[[], datetime],
    ) -> None:
        self._catalog, self._archive, self._archivist = store.catalog, archive, archivist
        self._into, self._bringer, self._now = into, bringer, now

    def bring(self, page: str, is_stopped: Callable[[], bool]) -> bool:
        """Brings what is held of a page; False if it was stopped."""
        try:
            rows, lists = self._listed(page)
        except NoList as error:
            self._bringer.damaged(Damage(error.subject, f"{error.message}: {error.cause}"))
            return True
        missing = [wanted for wanted in collapse(rows) if self._held(page, wanted.row.at) is None]
        log.info("%s: %d captures, %d of them to be had", page, len(rows), len(missing))
        for exchange in lists if missing else ():
            self._into.append_beside(_list_record(exchange))
        for wanted in missing:
            if is_stopped():
                return False
            self._bring(page, wanted)
            self._into.flush()
        return True

    def _listed(self, page: str) -> tuple[list[Row], list[Exchange]]:
        """The archive's list, with those that it names for more, and the answers that gave it."""
        rows: list[Row] = []
        answers: list[Exchange] = []
        waiting, asked = [self._archive.list_of(page)], set[str]()
        while waiting:
            address = waiting.pop()
            asked.add(address)
            answer = self._archivist.ask(address, LARGEST_LIST)
            if answer.status == 404:
                continue  # nothing is held of it
            text = decode_as_far_as_it_goes(answer.body, header(answer, "Content-Encoding"), LARGEST_LIST)
            if answer.status != 200:
                raise NoList("no list of captures", address, f"status {answer.status}")
            listed = read_list(text.decode("utf-8", "replace"), self._archive, address)
            answers.append(answer)
            rows += listed.rows
            waiting += [one for one in listed.further if one not in asked]
        return rows, answers

    def _held(self, page: str, at: datetime) -> Capture | None:
        """What was brought of a page before, of this second."""
        captures = self._catalog.captures(page)
        return next((c for c in captures if c.origin and c.captured_at.replace(microsecond=0) == at), None)

    def _bring(self, page: str, wanted: Wanted) -> None:
        like = self._held(page, wanted.like.at) if wanted.like else None
        if like is not None:
            self._bringer.take_again(_revisit(wanted.row, like), like, wanted.row.raw)
            return
        answer = self._fetched(wanted.row)
        if isinstance(answer, Damage):
            self._bringer.damaged(answer)
        else:
            self._bringer.take(_memento(wanted.row, answer, self._now()), origin=answer.asks)

    def _fetched(self, row: Row) -> Exchange | Damage:
        """The capture, had where the archive sends us: it may keep it under another time."""
        address = row.raw
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._archivist.ask(address, LARGEST_BODY)
            if header(answer, "Memento-Datetime") is not None:
                return Damage(address, f"cut off: {answer.truncated}") if answer.truncated else answer
            target = urljoin(address, header(answer, "Location") or "")
            if answer.status not in REDIRECTS or not is_stamped(target):
                # RFC 7089 §2.1.1: a memento says of itself when it was captured
                return Damage(address, f"no capture but a page of the archive itself: status {answer.status}")
            address = raw_form(target)
        return Damage(row.raw, "the archive redirects without end")


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
