"""Who is to be told of what: from the catalog into the outbox, and from there to people.

What is to be told is worked out anew from the catalog each time, so that a process killed between
a pass and its mail leaves the telling to the next one.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from etolwatch.archive.catalog import Catalog
from etolwatch.archive.store import Store
from etolwatch.config import Channel, Config, Each, Mail, Notify
from etolwatch.contract import instant_to_text
from etolwatch.errors import LockHeld, OlderCatalog
from etolwatch.model import Pass, Trouble
from etolwatch.notify import services
from etolwatch.notify.mail import Connect, Lost, NotTaken, Server, Unreachable, message_of
from etolwatch.notify.outbox import Draft, Message, Outbox, State
from etolwatch.publish import digest, news
from etolwatch.publish.digest import Digest, Week
from etolwatch.publish.listing import trouble_text
from etolwatch.publish.news import Told
from etolwatch.publish.phrase import moment, number
from etolwatch.publish.render import Form

MOST_LOST = 2  # connections, one after the other, before the server is left alone for a while
HOST = "host"  # the kind of a trouble that is an outage

log = logging.getLogger("etolwatch")


@dataclass(frozen=True, slots=True)
class Sent:
    """What one round of sending came to; ``waiting`` and ``refused`` count all that the outbox holds."""

    sent: int
    waiting: int
    refused: int


def tell(
    config: Config,
    now: Callable[[], datetime],
    *,
    made: str | None = None,
    is_sending: bool = True,
    connect: Connect = Server,
) -> None:
    """Puts into the outbox what is to be told, and sends what is due. Never raises: it is logged.

    A channel that is met for the first time is told of nothing past but the pass that was just ``made``.
    """
    if not config.notify.channels:
        return
    try:
        with Outbox(config.store) as outbox:
            enqueue(outbox, config, now(), made)
            if is_sending and outbox.due(now()):
                send(outbox, config.notify, now, connect)
    except LockHeld as error:
        log.info("messages are left to the process that is sending now: %s", error.subject)
    except OlderCatalog as error:
        log.info("nothing is told before the next pass: %s", error)
    except Exception as error:
        # the pass is made and kept; whatever is wrong here must not be what it ends with
        log.error("telling others: %s: %s", type(error).__name__, error)


def trial(notify: Notify, key: str, at: datetime) -> Iterator[Draft]:
    """A message to everyone whom the channels tell, which says that it is a test."""
    for channel in notify.channels:
        text = f"This is a test, sent on {moment(at)}. Messages of this channel reach you."
        yield from drafts(notify, channel, f"test/{key}", "etolwatch: a test", text, at)


# ── into the outbox ──────────────────────────────────────────────────────────────────


def enqueue(outbox: Outbox, config: Config, at: datetime, made: str | None = None) -> None:
    """Puts in what each channel is to be told by now and was not; nothing is put in twice.

    A channel that is met for the first time is told of nothing past but the pass ``made``. What is past is
    noted by name: a clock that was wrong neither hides a pass nor brings an old one back.
    """
    with Store.read_only(config.store) as store:
        maker = _Maker(outbox, config, store.catalog, at)
        past = [_subject(batch.name) for batch in news.batches(store.catalog) if batch.pass_id != made]
        for channel in config.notify.channels:
            outbox.meet(channel.name, past, at)
            if channel.each is Each.PASS:
                maker.passes(channel)
            else:
                maker.weeks(channel)
            if channel.outages:
                maker.outages(channel)


def _subject(batch: str) -> str:
    """How the outbox names what was found at once in a pass."""
    return f"pass/{batch}"


class _Maker:
    """Makes the messages that are missing in the outbox."""

    def __init__(self, outbox: Outbox, config: Config, catalog: Catalog, at: datetime) -> None:
        self._outbox, self._config, self._catalog, self._at = outbox, config, catalog, at
        self._scopes = tuple(prefix for site in config.sites for prefix in site.scope)
        self._origin = news.origin(catalog)
        self._unjudged = list(catalog.unjudged())

    def passes(self, channel: Channel) -> None:
        """A message for each batch that holds something of what the channel asked for."""
        for one in self._untold(channel):
            damaged = [capture for capture in self._unjudged if capture.pass_id == one.made.pass_id]
            found = digest.of_pass(one, channel, self._troubles(one.made), self._scopes, damaged)
            self._tell(channel, [one], _subject(one.batch), found)

    def weeks(self, channel: Channel) -> None:
        """A message for each week that is over, once all passes that began in it are.

        A week of which it was told is told of again where something was found later.
        """
        going_on = {Week.of(made.started_at) for made, _ in self._catalog.open_passes()}
        weeks: dict[Week, list[Told]] = {}
        for one in self._untold(channel):
            weeks.setdefault(Week.of(one.made.started_at), []).append(one)
        for week, passes in sorted(weeks.items(), key=lambda pair: pair[0].monday):
            # a week that lies ahead is that of a clock that was wrong: nobody waits for it
            if week in going_on or week.begins_at <= self._at < week.ends_at:
                continue
            subject = f"week/{week.name}"
            if self._outbox.was_told(channel.name, subject):
                subject += f"/{passes[-1].batch}"
            self._tell(channel, passes, subject, digest.of_week(passes, week, channel, self._scopes))

    def _untold(self, channel: Channel) -> list[Told]:
        """What the channel is still to be told of, in the order in which it was found."""
        dealt_with = self._outbox.dealt_with(channel.name)
        names = {subject.removeprefix(_subject("")) for subject in dealt_with}
        return list(news.told(self._catalog, but=names))[::-1]

    def outages(self, channel: Channel) -> None:
        """A message where a host went down, another where it answers again, which a pass must have seen."""
        for host, since in self._outbox.outages(channel.name).items():
            ends = [
                one.until_at
                for one in self._catalog.past_troubles(since)
                if one.kind == HOST and one.subject == host and one.until_at
            ]
            if ends:
                self._end_outage(channel, host, since, min(ends))
        told = self._outbox.outages(channel.name)
        for trouble in self._catalog.troubles():
            is_asked = not channel.sites or trouble.site in channel.sites
            if trouble.kind == HOST and is_asked and trouble.subject not in told:
                self._begin_outage(channel, trouble)

    def _begin_outage(self, channel: Channel, trouble: Trouble) -> None:
        subject = f"outage/{trouble.subject}/{instant_to_text(trouble.since_at)}/begin"
        title = f"etolwatch: {trouble.subject} does not answer"
        text = (
            f"{trouble_text(trouble)}.\n\nIt is asked again in each pass; you will be told once it answers."
        )
        with self._outbox.transaction():
            self._outbox.begin_outage(channel.name, trouble.subject, trouble.since_at)
            self._outbox.tell(channel.name, subject, self._drafts(channel, subject, title, text), self._at)

    def _end_outage(self, channel: Channel, host: str, since: datetime, at: datetime) -> None:
        subject = f"outage/{host}/{instant_to_text(since)}/end"
        title = f"etolwatch: {host} answers again"
        text = f"{host} answers again since {moment(at)}; it did not since {moment(since)}."
        with self._outbox.transaction():
            self._outbox.end_outage(channel.name, host)
            self._outbox.tell(channel.name, subject, self._drafts(channel, subject, title, text), self._at)

    def _troubles(self, made: Pass) -> list[Trouble]:
        """The pages that could not be read in this pass, for the first time, and cannot since."""
        until = made.finished_at or self._at
        return [
            one
            for one in self._catalog.troubles()
            if one.kind != HOST and made.started_at <= one.since_at <= until and one.site in made.sites
        ]

    def _tell(self, channel: Channel, passes: Iterable[Told], subject: str, found: Digest | None) -> None:
        drafts: Iterator[Draft] = iter(())
        if found is not None:
            rich = found.text(Form.HTML) if channel.form == "html" else ""
            plain = found.text(Form.MARKDOWN if channel.form == "markdown" else Form.TEXT)
            drafts = self._drafts(channel, subject, found.subject, plain, rich)
        with self._outbox.transaction():
            self._outbox.tell(channel.name, subject, drafts, self._at)
            for one in passes:
                self._outbox.tell(channel.name, _subject(one.batch), (), self._at)

    def _drafts(
        self, channel: Channel, subject: str, title: str, plain: str, html: str = ""
    ) -> Iterator[Draft]:
        return drafts(self._config.notify, channel, subject, title, plain, self._at, html, self._origin)


def drafts(
    notify: Notify,
    channel: Channel,
    subject: str,
    title: str,
    plain: str,
    at: datetime,
    html: str = "",
    origin: str = "",
) -> Iterator[Draft]:
    """The messages about one subject, one for each of whom the channel tells.

    ``origin`` tells archives from each other, so that no two of them give a Message-ID twice.
    """
    for to in channel.to:
        key = f"{subject}/{channel.name}/{to}"
        sender = notify.mail.sender if notify.mail else to
        body = message_of(f"{origin}/{key}", sender, to, title, plain, at, channel.name, html)
        yield Draft(key, channel.name, to, title, body)
    form = channel.form if channel.form != "html" or html else "text"
    for service in channel.services:
        address = services.address_of(service)
        body = services.body_of(title, html or plain, form)
        yield Draft(f"{subject}/{channel.name}/{address}", channel.name, address, title, body)


# ── out of the outbox ────────────────────────────────────────────────────────────────


def send(outbox: Outbox, notify: Notify, now: Callable[[], datetime], connect: Connect = Server) -> Sent:
    """Offers what is due to whom it is for. Raises LockHeld if another process is sending."""
    with outbox.sending(now()):
        due = outbox.due(now())
        mails = [message for message in due if not message.address.startswith(services.PREFIX)]
        others = [message for message in due if message.address.startswith(services.PREFIX)]
        if mails:
            _send_mails(outbox, notify.mail, mails, now, connect)
        _send_others(outbox, notify, others, now)
        left = outbox.messages()
    unsent = {message.seq for message in left}
    states = Counter(message.state for message in left)
    sent = sum(message.seq not in unsent for message in due)
    return Sent(sent, states[State.WAITING], states[State.REFUSED])


def _send_mails(
    outbox: Outbox, mail: Mail | None, mails: Sequence[Message], now: Callable[[], datetime], connect: Connect
) -> None:
    if mail is None:
        _put_off(outbox, mails, "config.toml names no mail server (notify.host)", now())
        return
    waiting, lost = deque(mails), 0
    try:
        while waiting and lost < MOST_LOST:
            with connect(mail) as server:
                lost = _over(server, outbox, waiting, now, lost)
        why = f"{mail.host} ended the connection {lost} times in a row"
    except (Lost, Unreachable) as error:
        why = str(error)
    if waiting:
        _put_off(outbox, waiting, why, now())


def _over(
    server: Server, outbox: Outbox, waiting: deque[Message], now: Callable[[], datetime], lost: int
) -> int:
    """Offers what waits over one connection; how many messages in a row lost theirs when it ends.

    Raises Unreachable; Lost for a message that the server may have: who takes mail and does not say so
    is not to be given more of it.
    """
    while waiting and server.is_open:
        message = waiting.popleft()
        outbox.begin(message, now())
        try:
            _offer(outbox, message, now, partial(server.send, message.address, message.body))
        except Lost as error:
            if error.is_uncertain:
                raise
            lost += 1
        else:
            lost = 0
    return lost


def _send_others(
    outbox: Outbox, notify: Notify, others: Sequence[Message], now: Callable[[], datetime]
) -> None:
    channels = {channel.name: channel for channel in notify.channels}
    for message in others:
        channel = channels.get(message.channel, Channel(message.channel))
        outbox.begin(message, now())
        with suppress(Unreachable):  # it is noted; other services may be reached
            _offer(outbox, message, now, partial(services.send, channel, message.address, message.body))


def _offer(
    outbox: Outbox, message: Message, now: Callable[[], datetime], deliver: Callable[[], None]
) -> None:
    """Delivers one message and marks it at once. Raises Lost, Unreachable after it has noted that, too."""
    try:
        deliver()
    except (Lost, Unreachable) as error:
        _failed(outbox, message, str(error))
        raise
    except NotTaken as error:
        _failed(outbox, message, str(error), for_good=error.for_good)
    else:
        outbox.sent(message, now())


def _failed(outbox: Outbox, message: Message, why: str, *, for_good: bool = False) -> None:
    outbox.failed(message, why, for_good=for_good)
    told = f"“{message.subject}” to {message.address}"
    if for_good:
        log.warning("%s was refused and is set aside (etolwatch notify --list): %s", told, why)
    elif message.attempts == 0:  # told once; the outbox knows how it goes on
        log.warning("%s is not sent yet and waits: %s", told, why)


def _put_off(outbox: Outbox, messages: Collection[Message], why: str, at: datetime) -> None:
    outbox.postpone(messages, why, at)
    if any(message.attempts == 0 for message in messages):
        log.warning("%s not sent yet: %s", number(len(messages), "message"), why)
