"""From passes to people: each told once, an outage once, a week once; and no pass breaks for it."""

from __future__ import annotations

import http.server
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from shell.conftest import Commands, Library, library, page, run  # noqa: F401 - fixtures
from shell.test_watch import Clock as WatchClock

from etolwatch import config, jobs
from etolwatch.archive.backup import back_up
from etolwatch.archive.store import Store
from etolwatch.config import Config
from etolwatch.daemon import Daemon
from etolwatch.harvest.fetch import Fetcher
from etolwatch.notify import telling
from etolwatch.notify.outbox import FILE, Outbox
from etolwatch.watch import Watched, watch

from .conftest import write_config
from .server import MailServer


class Watch:
    """Passes over the library, a day after another, and what comes of them."""

    def __init__(self, folder: Path, library: Library, mail: MailServer) -> None:  # noqa: F811
        self.folder, self.library, self.mail = folder, library, mail
        self.clock = WatchClock()
        self.configure()

    def configure(self, channel: str = "", server: str = "") -> None:
        path = write_config(self.folder, self.library.address, self.mail.port, channel, server)
        self.config: Config = config.load(path)

    def one_pass(self, days: float = 1) -> Watched:
        self.clock.at += timedelta(days=days)
        return watch(self.config, self.config.sites, Event(), now=self.clock.now, sleep=self.clock.sleep)

    def edit(self, word: str) -> None:
        text = f"The keepers placed some of {word} lamps upon the wall."
        self.library.pages["/penhale/lamps.htm"] = page("Lamps", text)


@pytest.fixture
def watched(tmp_path: Path, library: Library, mail: MailServer) -> Watch:  # noqa: F811
    return Watch(tmp_path, library, mail)


def test_a_pass_is_told_once(watched: Watch) -> None:
    watched.one_pass()
    assert watched.mail.mails == []  # first captures are not what was asked for
    watched.edit("their")
    watched.one_pass()
    (mail,) = watched.mail.mails
    assert mail["To"] == "ann@library.example"
    assert mail["Subject"].startswith("etolwatch: 1 silent edit (penhale, pass of ")
    assert "some of [-the-]{+their+} lamps" in mail.get_content()
    for _ in range(2):
        watched.one_pass()
        telling.tell(watched.config, watched.clock.now)
    assert len(watched.mail.mails) == 1
    watched.edit("no")
    watched.one_pass()
    assert len(watched.mail.mails) == 2


def test_what_was_found_while_mail_was_down_comes_when_it_is_up(watched: Watch) -> None:
    watched.one_pass()
    watched.mail.replies["greeting"] = "421 out of order"
    for word in ("their", "no", "all"):
        watched.edit(word)
        watched.one_pass()
    assert watched.mail.mails == []
    watched.mail.replies.clear()
    watched.one_pass()
    said = [mail.get_content().partition("{+")[2].partition("+}")[0] for mail in watched.mail.mails]
    assert said == ["their", "no", "all"]


def test_a_process_killed_before_it_told_leaves_it_to_the_next(watched: Watch) -> None:
    watched.one_pass()
    watched.edit("their")
    watched.clock.at += timedelta(days=1)
    clock, never = watched.clock, Event()
    with Store(watched.config.store, now=clock.now()) as store, Fetcher(None, now=clock.now) as fetcher:
        jobs.harvest(store, watched.config.sites, fetcher, clock.now, clock.sleep, never)
        # harvested, and not even judged: that is where it was killed
    telling.tell(watched.config, clock.now)
    assert watched.mail.mails == []
    watched.one_pass()
    assert len(watched.mail.mails) == 1


def test_a_new_channel_is_not_told_of_the_past(watched: Watch) -> None:
    watched.one_pass()
    watched.edit("their")
    watched.one_pass()
    watched.configure('[[notify.channel]]\nname = "bob"\nto = ["bob@library.example"]')
    watched.one_pass()
    assert watched.mail.recipients == ["ann@library.example"]
    watched.edit("no")
    watched.one_pass()
    assert sorted(watched.mail.recipients[1:]) == ["ann@library.example", "bob@library.example"]


def test_a_channel_is_told_of_the_pass_that_it_was_made_for(watched: Watch) -> None:
    """The first pass after the configuration named a channel is told of, although it is met after it."""
    watched.configure('verdicts = ["silent_edit"]')
    channels = watched.config.notify
    watched.config = config.load(_without_channels(watched.folder))
    watched.one_pass()
    watched.edit("their")
    object.__setattr__(watched.config, "notify", channels)
    watched.one_pass()
    assert len(watched.mail.mails) == 1


def _without_channels(folder: Path) -> Path:
    path = folder / "config.toml"
    path.write_text(path.read_text().partition("[notify]")[0])
    return path


def test_a_clock_that_goes_back_hides_no_pass(watched: Watch) -> None:
    for channel in ("", 'each = "week"'):
        watched.configure(channel)
        watched.one_pass(400)
        watched.edit(f"their{channel[:4]}")
        watched.one_pass(-30)
        watched.one_pass(8)
    assert [mail["Subject"].partition(" (")[0] for mail in watched.mail.mails] == [
        "etolwatch: 1 silent edit"
    ] * 2


def test_a_channel_met_while_the_clock_is_ahead_is_told_when_it_is_right_again(watched: Watch) -> None:
    watched.one_pass(365)
    watched.configure('[[notify.channel]]\nname = "bob"\nto = ["bob@library.example"]')
    watched.one_pass()
    watched.edit("their")
    watched.one_pass(-365)
    assert sorted(watched.mail.recipients) == ["ann@library.example", "bob@library.example"]
    telling.tell(watched.config, watched.clock.now)
    assert len(watched.mail.mails) == 2


def test_a_damaged_record_holds_back_no_mail_and_what_it_held_comes_later(watched: Watch) -> None:
    watched.one_pass()
    with Store.read_only(watched.config.store) as store:
        (capture,) = store.catalog.captures(f"{watched.library.address}penhale/ferry.htm")
    path = watched.config.store / "warc" / capture.warc
    whole = path.read_bytes()
    place = capture.offset + capture.length // 2
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
    watched.library.pages["/penhale/ferry.htm"] = page("Ferry", "The ferry crossed but once a day.")
    watched.edit("their")
    watched.one_pass()
    (mail,) = watched.mail.mails
    assert mail["Subject"].startswith("etolwatch: 1 silent edit (penhale")
    assert "ferry.htm is not judged yet: a record of it is damaged" in " ".join(mail.get_content().split())
    path.write_bytes(whole)
    watched.one_pass()
    assert "but once" in watched.mail.mails[1].get_content()
    watched.one_pass()
    assert len(watched.mail.mails) == 2


def test_thresholds_hold(watched: Watch) -> None:
    watched.configure('verdicts = ["page_gone"]\nwords = ["whale"]')
    watched.one_pass()
    watched.edit("their")
    watched.one_pass()
    assert watched.mail.mails == []
    watched.edit("whale")
    watched.one_pass()
    del watched.library.pages["/penhale/ferry.htm"]
    watched.one_pass()
    assert ["silent edit" in subject for subject in watched.mail.subjects] == [True, False]
    assert "page gone" in watched.mail.subjects[1]


def test_an_outage_is_one_message_and_its_end_another(watched: Watch) -> None:
    watched.one_pass()
    watched.library.status = 503
    for _ in range(3):
        watched.one_pass()
    host = watched.library.address.rstrip("/")
    assert watched.mail.subjects == [f"etolwatch: {host} does not answer"]
    watched.library.status = 0
    for _ in range(2):
        watched.one_pass()
    assert watched.mail.subjects[1:] == [f"etolwatch: {host} answers again"]
    watched.library.status = 503
    watched.one_pass()
    assert len(watched.mail.subjects) == 3


def test_an_outage_is_not_over_because_the_channel_keeps_to_other_sites(watched: Watch) -> None:
    other = watched.folder / "other"
    other.mkdir()
    (other / "index.htm").write_text(page("Other"))
    watched.one_pass()
    watched.library.status = 503
    watched.one_pass()
    path = watched.folder / "config.toml"
    second = f'[[site]]\nname = "other"\nseeds = ["https://other.example/index.htm"]\nsource = "{other}"\n'
    second += 'stands_for = "https://other.example/"\n[notify]'
    path.write_text(path.read_text().replace("[notify]", second) + 'sites = ["other"]\n')
    watched.config = config.load(path)
    telling.tell(watched.config, watched.clock.now)
    assert len(watched.mail.mails) == 1
    watched.library.status = 0
    watched.one_pass()
    assert watched.mail.subjects[1:] == [f"etolwatch: {watched.library.address.rstrip('/')} answers again"]


def test_a_channel_need_not_be_told_of_outages(watched: Watch) -> None:
    watched.configure("outages = false")
    watched.one_pass()
    watched.library.status = 503
    watched.one_pass()
    assert watched.mail.mails == []


def test_a_week_is_told_once_when_it_is_over(watched: Watch) -> None:
    watched.configure('each = "week"\nform = "html"')
    watched.clock.at = datetime(2026, 11, 8, 4, 17, tzinfo=UTC)  # a Sunday: the first pass is on Monday
    for word in ("the", "their", "no", "all", "some", "few"):  # Monday to Saturday
        watched.edit(word)
        watched.one_pass()
    assert watched.mail.mails == []
    watched.one_pass(2)
    (mail,) = watched.mail.mails
    assert mail["Subject"] == "etolwatch: 5 silent edits (penhale, the week of 9 to 15 November 2026)"
    plain, rich = (part.get_content() for part in mail.iter_parts())
    assert "{+their+}" in plain
    assert "<ins>their</ins>" in rich
    for _ in range(6):
        watched.one_pass()
    assert len(watched.mail.mails) == 1
    watched.one_pass(20)
    assert len(watched.mail.mails) == 1  # nothing happened since


def test_a_week_waits_for_a_pass_that_is_not_over(watched: Watch) -> None:
    watched.configure('each = "week"')
    watched.clock.at = datetime(2026, 11, 14, 4, 17, tzinfo=UTC)
    watched.one_pass(0)
    watched.clock.at = datetime(2026, 11, 15, 23, 50, tzinfo=UTC)
    watched.edit("their")
    stop = Event()
    clock = watched.clock
    watch(watched.config, watched.config.sites, stop, lambda _: stop.set(), now=clock.now, sleep=clock.sleep)
    clock.at = datetime(2026, 11, 16, 0, 10, tzinfo=UTC)
    telling.tell(watched.config, clock.now)
    assert watched.mail.mails == []
    watched.one_pass(0)
    (subject,) = watched.mail.subjects
    assert subject == "etolwatch: 1 silent edit (penhale, the week of 9 to 15 November 2026)"


@pytest.mark.parametrize("body", [b"no database" * 1000, None])
def test_no_pass_breaks_for_a_broken_outbox(
    watched: Watch, body: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    watched.one_pass()
    path = watched.config.store / FILE
    path.unlink()
    if body is None:
        path.mkdir()
    else:
        path.write_bytes(body)
    watched.edit("their")
    made = watched.one_pass()
    assert made.words_changed
    assert not made.is_partial
    assert FILE in caplog.text


def test_a_pass_that_is_stopped_sends_nothing_and_loses_nothing(watched: Watch) -> None:
    watched.one_pass()
    watched.edit("their")
    watched.one_pass()
    watched.mail.mails.clear()
    watched.edit("no")
    stop = Event()
    clock = watched.clock
    clock.at += timedelta(days=1)
    watch(watched.config, watched.config.sites, stop, lambda _: stop.set(), now=clock.now, sleep=clock.sleep)
    assert watched.mail.mails == []
    watched.one_pass(0.1)
    assert len(watched.mail.mails) == 1


def test_a_copy_of_the_store_has_no_outbox(watched: Watch, tmp_path: Path) -> None:
    """Put in the place of the store, it would send again what was sent since."""
    watched.one_pass()
    watched.mail.replies["greeting"] = "421 out of order"
    watched.edit("their")
    watched.one_pass()
    back_up(watched.config.store, tmp_path / "copy")
    assert not [path.name for path in (tmp_path / "copy").iterdir() if "outbox" in path.name]


def test_the_daemon_sends_what_waits(watched: Watch) -> None:
    watched.one_pass()
    watched.mail.replies["greeting"] = "421 out of order"
    watched.edit("their")
    watched.one_pass()
    assert watched.mail.mails == []
    watched.mail.replies.clear()
    daemon = Daemon(watched.config.path, watch=watch_nothing)
    daemon.schedule()
    assert {job.id for job in daemon._scheduler.get_jobs()} == {"penhale", "notify:"}
    daemon.tell()
    assert len(watched.mail.mails) == 1
    daemon.stop.set()
    watched.edit("no")
    watched.one_pass()
    daemon.tell()
    assert len(watched.mail.mails) == 2


def watch_nothing(*_: object) -> Watched:
    raise AssertionError("no pass was asked for")


def test_markdown_for_whoever_reads_that(watched: Watch) -> None:
    watched.configure('form = "markdown"')
    watched.one_pass()
    watched.edit("their")
    watched.one_pass()
    assert watched.mail.mails[0].get_content().startswith("# etolwatch report")


# ── other services ───────────────────────────────────────────────────────────────────


class Service(http.server.ThreadingHTTPServer):
    """What apprise calls a JSON service: it is posted an object."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Posted)
        self.status = 200
        self.posted: list[dict[str, str]] = []


class _Posted(http.server.BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.posted.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The tests look at ``posted`` instead."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def told_to_a_service(watched: Watch, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def configured(address: str) -> None:
        monkeypatch.setenv("ETOLWATCH_SERVICE", address)
        (watched.folder / "config.toml").write_text(
            f'[[site]]\nname = "penhale"\ndelay_s = 0\n'
            f'seeds = ["{watched.library.address}penhale/index.htm"]\n'
            '[[notify.channel]]\nname = "room"\nservices = ["$ETOLWATCH_SERVICE"]\n'
        )
        watched.config = config.load(watched.folder / "config.toml")

    return configured


def test_a_service_is_told_through_apprise(
    watched: Watch, service: Service, told_to_a_service: Callable[[str], None]
) -> None:
    pytest.importorskip("apprise", reason="the extra notify is not installed")
    told_to_a_service(f"json://127.0.0.1:{service.server_port}/room?secret=oil")
    watched.one_pass()
    watched.edit("their")
    service.status = 503
    watched.one_pass()
    with Outbox(watched.config.store) as outbox:
        (message,) = outbox.messages()
        assert message.address == "service:$ETOLWATCH_SERVICE"
        assert message.trouble
        assert "oil" not in message.trouble
    service.status = 200
    watched.one_pass()
    (posted,) = service.posted
    assert posted["title"].startswith("etolwatch: 1 silent edit")
    assert "some of [-the-]{+their+} lamps" in posted["message"]
    watched.one_pass()
    assert len(service.posted) == 1


def test_without_apprise_the_message_waits_and_says_what_to_install(
    watched: Watch, told_to_a_service: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    told_to_a_service("json://127.0.0.1:9/")
    watched.one_pass()
    watched.edit("their")
    assert not watched.one_pass().is_partial
    with Outbox(watched.config.store) as outbox:
        (message,) = outbox.messages()
    assert "pip install 'etolwatch[notify]'" in message.trouble


def test_a_service_that_is_not_named_any_more_is_set_aside(watched: Watch) -> None:
    with Outbox(watched.config.store) as outbox:
        channel = config.Channel("room", services=("json://a/", "json://b/"))
        at = watched.clock.now()
        outbox.put(telling.drafts(watched.config.notify, channel, "pass/1", "S", "T", at), at)
        assert telling.send(outbox, watched.config.notify, watched.clock.now) == telling.Sent(0, 0, 2)


def room(*services: str) -> config.Notify:
    return config.Notify(None, (config.Channel("room", services=services),))


def put_into(outbox: Outbox, notify: config.Notify, at: datetime) -> None:
    outbox.put(telling.drafts(notify, notify.channels[0], "pass/1", "S", "T", at), at)


def test_a_service_is_the_same_wherever_it_stands_in_the_list(watched: Watch, service: Service) -> None:
    pytest.importorskip("apprise", reason="the extra notify is not installed")
    dead, live = "json://127.0.0.1:9/", f"json://127.0.0.1:{service.server_port}/room"
    at = watched.clock.now()
    with Outbox(watched.config.store) as outbox:
        put_into(outbox, room(dead, live), at)
        assert telling.send(outbox, room(dead, live), watched.clock.now) == telling.Sent(1, 1, 0)
        outbox.retry(at)
        assert telling.send(outbox, room(live), watched.clock.now) == telling.Sent(0, 0, 1)
        put_into(outbox, room(live, dead), at)
        outbox.retry(at)
        telling.send(outbox, room(live, dead), watched.clock.now)
    assert len(service.posted) == 1


def test_several_services_in_one_variable_are_told_of_nothing_and_named(
    watched: Watch, service: Service, told_to_a_service: Callable[[str], None]
) -> None:
    """Of two, one of which is down, the other would get the message at each try."""
    live = f"json://127.0.0.1:{service.server_port}/room"
    told_to_a_service(f"{live}, json://127.0.0.1:9/")
    with Outbox(watched.config.store) as outbox:
        put_into(outbox, watched.config.notify, watched.clock.now())
        assert telling.send(outbox, watched.config.notify, watched.clock.now) == telling.Sent(0, 0, 1)
        assert "name each by itself" in outbox.messages()[0].trouble
    assert service.posted == []


def test_a_service_that_apprise_does_not_know_is_set_aside_and_named(watched: Watch) -> None:
    pytest.importorskip("apprise", reason="the extra notify is not installed")
    with Outbox(watched.config.store) as outbox:
        put_into(outbox, room("zzz://foo"), watched.clock.now())
        assert telling.send(outbox, room("zzz://foo"), watched.clock.now) == telling.Sent(0, 0, 1)
        assert "no such service" in outbox.messages()[0].trouble


def test_nobody_to_tell_is_said(run: Commands, library: Library) -> None:  # noqa: F811
    (run.folder / "config.toml").write_text(
        f'[[site]]\nname = "penhale"\nseeds = ["{library.address}penhale/index.htm"]\n'
    )
    ran = run("notify")
    assert ran.status == 2
    assert "[[notify.channel]]" in ran.err
    assert run("notify", "--list").out == "Nothing waits.\n"
