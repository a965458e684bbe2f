"""Mail: the same bytes each time, and no way out in the open."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from etolwatch.config import Channel, Mail, Notify, Tls
from etolwatch.notify import telling
from etolwatch.notify.mail import Server, Unreachable, message_of
from etolwatch.notify.outbox import Outbox, State

from .conftest import Clock
from .server import MailServer, serving

AT = datetime(2026, 11, 9, 4, 17, tzinfo=UTC)
CHANNEL = Channel("ann", to=("ann@library.example",))


def configured(server: MailServer, **changes: object) -> Notify:
    values = {"sender": "watch@library.example", "host": "127.0.0.1", "port": server.port, "tls": Tls.NONE}
    return Notify(Mail(**{**values, **changes}), (CHANNEL,))  # type: ignore[arg-type]


def put(outbox: Outbox, notify: Notify, count: int, at: datetime) -> None:
    for n in range(count):
        drafts = telling.drafts(notify, CHANNEL, f"pass/{n}", f"Message {n}", f"Text of {n}\n", at)
        outbox.put(drafts, at)


def round_of(outbox: Outbox, notify: Notify, clock: Clock) -> telling.Sent:
    return telling.send(outbox, notify, clock)


# ── what is sent ─────────────────────────────────────────────────────────────────────


def made(text: str = "One word changed.\n", subject: str = "Silent", html: str = "", key: str = "k") -> bytes:
    return message_of(key, "watch@library.example", "ann@b.example", subject, text, AT, "ann", html)


def test_a_mail_has_what_a_mail_needs() -> None:
    mail = message_from_bytes(made(), policy=default)
    assert mail["From"] == "watch@library.example"
    assert mail["To"] == "ann@b.example"
    assert mail["Date"].datetime == AT
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@library.example>")
    assert mail.get_content_type() == "text/plain"
    assert "One word changed." in mail.get_content()
    assert "channel “ann”" in mail.get_content()


def test_the_same_message_is_the_same_bytes_under_the_same_name() -> None:
    assert made(html="<p>x</p>") == made(html="<p>x</p>")
    first, other = (message_from_bytes(made(key=key), policy=default)["Message-ID"] for key in "ab")
    assert first != other


def test_html_stands_beside_the_plain_text() -> None:
    mail = message_from_bytes(made(html="<p>“One” word</p>"), policy=default)
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["x" * 5000, "ü—“”" * 900, "From here\n.\n..dot\n", "\r\n.\r\nQUIT\r\n"])
def test_no_text_breaks_the_mail_or_the_talk(
    text: str, outbox: Outbox, mail: MailServer, clock: Clock
) -> None:
    notify = configured(mail)
    outbox.put(telling.drafts(notify, CHANNEL, "pass/1", "S", text, AT), clock())
    assert round_of(outbox, notify, clock) == telling.Sent(1, 0, 0)
    said = mail.mails[0].get_content().replace("\r\n", "\n")
    assert said.startswith(text.replace("\r\n", "\n").rstrip())
    assert all(len(line) <= 998 for line in mail.raw[0].split(b"\r\n"))


def test_a_subject_with_a_line_break_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        made(subject="Hello\r\nBcc: all@b.example")


# ── how it is taken ──────────────────────────────────────────────────────────────────


def test_mails_go_out_in_one_connection_each_once(outbox: Outbox, mail: MailServer, clock: Clock) -> None:
    notify = configured(mail)
    put(outbox, notify, 3, clock())
    assert round_of(outbox, notify, clock) == telling.Sent(3, 0, 0)
    assert round_of(outbox, notify, clock) == telling.Sent(0, 0, 0)
    assert mail.subjects == ["Message 0", "Message 1", "Message 2"]
    assert len(set(mail.ids)) == 3
    assert sum(command.lower().startswith("ehlo") for command in mail.commands) == 1


def test_nothing_is_lost_while_the_server_is_down(outbox: Outbox, clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    notify = Notify(Mail("watch@library.example", "127.0.0.1", port, Tls.NONE), (CHANNEL,))
    put(outbox, notify, 2, clock())
    for _ in range(3):
        assert round_of(outbox, notify, clock).sent == 0
        assert all("refused" in message.trouble for message in outbox.messages())
        clock.pass_by(hours=5)
    with serving(port) as server:
        assert round_of(outbox, notify, clock) == telling.Sent(2, 0, 0)
        assert server.subjects == ["Message 0", "Message 1"]


@pytest.mark.parametrize("place", ["rcpt", "data", "data."])
def test_a_server_that_is_busy_is_asked_again(
    place: str, outbox: Outbox, mail: MailServer, clock: Clock
) -> None:
    notify = configured(mail)
    put(outbox, notify, 2, clock())
    mail.replies[place] = "451 try again later"
    assert round_of(outbox, notify, clock) == telling.Sent(0, 2, 0)
    assert {message.trouble for message in outbox.messages()} == {"451 try again later"}
    assert round_of(outbox, notify, clock) == telling.Sent(0, 2, 0)  # not yet
    assert {message.attempts for message in outbox.messages()} == {1}
    mail.replies.clear()
    clock.pass_by(minutes=1)
    assert round_of(outbox, notify, clock) == telling.Sent(2, 0, 0)
    assert mail.subjects == ["Message 0", "Message 1"]


@pytest.mark.parametrize("place", ["rcpt", "data."])
def test_what_is_refused_for_good_is_kept_and_the_others_go_on(
    place: str, outbox: Outbox, mail: MailServer, clock: Clock
) -> None:
    notify = configured(mail)
    put(outbox, notify, 1, clock())
    mail.replies[place] = "550 no such user"
    assert round_of(outbox, notify, clock) == telling.Sent(0, 0, 1)
    mail.replies.clear()
    clock.pass_by(days=1)
    assert round_of(outbox, notify, clock) == telling.Sent(0, 0, 1)
    (message,) = outbox.messages()
    assert (message.state, message.trouble) == (State.REFUSED, "550 no such user")
    outbox.retry(clock())
    assert round_of(outbox, notify, clock) == telling.Sent(1, 0, 0)
    assert mail.subjects == ["Message 0"]


def test_one_recipient_does_not_hold_up_another(outbox: Outbox, mail: MailServer, clock: Clock) -> None:
    channel = Channel("two", to=("ann@library.example", "bob@library.example"))
    notify = Notify(configured(mail).mail, (channel,))
    outbox.put(telling.drafts(notify, channel, "pass/1", "S", "T", clock()), clock())
    mail.recipient_replies["ann@library.example"] = "450 greylisted"
    assert round_of(outbox, notify, clock) == telling.Sent(1, 1, 0)
    mail.recipient_replies.clear()
    clock.pass_by(minutes=1)
    assert round_of(outbox, notify, clock) == telling.Sent(1, 0, 0)
    assert mail.recipients == ["bob@library.example", "ann@library.example"]


BAD, GOOD = "bad@library.example", "good@library.example"


@pytest.mark.parametrize("reply", ["421 4.3.2 not now", ""])
def test_a_recipient_over_whom_the_server_breaks_off_holds_up_nobody(
    reply: str, outbox: Outbox, mail: MailServer, clock: Clock
) -> None:
    channel = Channel("two", to=(BAD, GOOD))
    notify = Notify(configured(mail).mail, (channel,))
    outbox.put(telling.drafts(notify, channel, "pass/1", "S", "T", clock()), clock())
    mail.recipient_replies[BAD] = reply
    assert round_of(outbox, notify, clock) == telling.Sent(1, 1, 0)
    assert mail.recipients == [GOOD]
    (message,) = outbox.messages()
    assert (message.address, message.attempts) == (BAD, 1)


def test_a_mail_over_whose_text_the_server_breaks_off_does_not_come_first_again(
    outbox: Outbox, mail: MailServer, clock: Clock
) -> None:
    channel = Channel("two", to=(BAD, GOOD))
    notify = Notify(configured(mail).mail, (channel,))
    outbox.put(telling.drafts(notify, channel, "pass/1", "S", "T", clock()), clock())
    mail.hangs_up_on.add(BAD)
    assert round_of(outbox, notify, clock) == telling.Sent(0, 2, 0)
    assert [message.attempts for message in outbox.messages()] == [1, 0]  # the other was not offered
    outbox.retry(clock())
    assert round_of(outbox, notify, clock) == telling.Sent(1, 1, 0)
    assert mail.recipients == [GOOD]


def test_a_server_that_breaks_off_each_time_is_left_alone(
    outbox: Outbox, mail: MailServer, clock: Clock
) -> None:
    notify = configured(mail)
    put(outbox, notify, 9, clock())
    mail.replies["rcpt"] = "421 too busy"
    assert round_of(outbox, notify, clock) == telling.Sent(0, 9, 0)
    assert sum(message.attempts for message in outbox.messages()) == telling.MOST_LOST
    mail.replies.clear()
    clock.pass_by(minutes=1)
    assert round_of(outbox, notify, clock) == telling.Sent(9, 0, 0)


@pytest.mark.parametrize("count", [1, 2])
def test_a_mail_that_is_too_large_is_set_aside_alone(
    count: int, outbox: Outbox, mail: MailServer, clock: Clock
) -> None:
    notify = configured(mail)
    mail.largest_bytes = 10_000
    for n in range(count):
        outbox.put(telling.drafts(notify, CHANNEL, f"pass/{n}", "Large", "word " * 4000, AT), clock())
    outbox.put(telling.drafts(notify, CHANNEL, "pass/9", "Small", "word", AT), clock())
    assert round_of(outbox, notify, clock) == telling.Sent(1, 0, count)
    assert mail.subjects == ["Small"]
    assert {message.trouble for message in outbox.messages()} == {
        "552 5.3.4 message size exceeds fixed limit"
    }


def test_what_is_not_due_yet_waits_and_is_counted(outbox: Outbox, mail: MailServer, clock: Clock) -> None:
    notify = configured(mail)
    put(outbox, notify, 2, clock())
    mail.replies["greeting"] = "421 too busy"
    for _ in range(2):
        assert round_of(outbox, notify, clock) == telling.Sent(0, 2, 0)


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_connection_dropped_after_the_text_is_tried_again_under_the_same_name(
    is_taken: bool, outbox: Outbox, mail: MailServer, clock: Clock
) -> None:
    notify = configured(mail)
    put(outbox, notify, 2, clock())
    mail.replies["data."] = ""

    def take_without_a_word() -> None:
        mail.take(["ann@library.example"], b"Message-ID: <taken>\r\n\r\n")

    if is_taken:
        mail.before_reply = take_without_a_word
    assert round_of(outbox, notify, clock) == telling.Sent(0, 2, 0)
    assert len(mail.mails) == is_taken  # the second was not even offered
    first, second = outbox.messages()
    assert "closed" in first.trouble
    mail.replies.clear()
    mail.before_reply = lambda: None
    clock.pass_by(minutes=1)
    assert round_of(outbox, notify, clock) == telling.Sent(2, 0, 0)
    assert mail.subjects[is_taken:] == [second.subject, first.subject]


@pytest.mark.parametrize(
    ("replies", "why"),
    [
        ({"greeting": "554 go away"}, "554 go away"),
        ({"greeting": "421 too busy"}, "421 too busy"),
        ({"greeting": ""}, "closed"),
        ({"mail": "550 not from you"}, "550 not from you"),
    ],
)
def test_a_server_that_takes_nothing_keeps_everything_waiting(
    replies: dict[str, str], why: str, outbox: Outbox, mail: MailServer, clock: Clock
) -> None:
    notify = configured(mail)
    put(outbox, notify, 3, clock())
    mail.replies.update(replies)
    assert round_of(outbox, notify, clock) == telling.Sent(0, 3, 0)
    assert all(why in message.trouble for message in outbox.messages())
    assert sum(command.lower().startswith("mail") for command in mail.commands) <= 1
    mail.replies.clear()
    clock.pass_by(minutes=1)
    assert round_of(outbox, notify, clock) == telling.Sent(3, 0, 0)


# ── as whom, and how private ─────────────────────────────────────────────────────────


def test_the_password_is_of_the_environment(
    outbox: Outbox, mail: MailServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.login = ("ann", "lamp oil")
    notify = configured(mail, user="ann", password_env="LAMPS")
    put(outbox, notify, 1, clock())
    monkeypatch.delenv("LAMPS", raising=False)
    assert round_of(outbox, notify, clock) == telling.Sent(0, 1, 0)
    assert "set the environment variable LAMPS" in outbox.messages()[0].trouble
    monkeypatch.setenv("LAMPS", "water")
    clock.pass_by(minutes=1)
    assert round_of(outbox, notify, clock) == telling.Sent(0, 1, 0)
    assert "535" in outbox.messages()[0].trouble
    assert "water" not in outbox.messages()[0].trouble
    monkeypatch.setenv("LAMPS", "lamp oil")
    clock.pass_by(minutes=2)
    assert round_of(outbox, notify, clock) == telling.Sent(1, 0, 0)


def test_nothing_goes_in_the_open_where_tls_is_wanted(outbox: Outbox, mail: MailServer, clock: Clock) -> None:
    notify = configured(mail, tls=Tls.STARTTLS)
    put(outbox, notify, 1, clock())
    assert round_of(outbox, notify, clock) == telling.Sent(0, 1, 0)
    assert "STARTTLS" in outbox.messages()[0].trouble
    assert mail.mails == []
    assert not any(command.lower().startswith("mail") for command in mail.commands)


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[MailServer], Path]:
    """Gives a server a certificate of its own for 127.0.0.1, and back the file that trusts it."""
    import ssl

    if shutil.which("openssl") is None:
        pytest.skip("openssl is not at hand")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        ["openssl", *command.split(), "-keyout", key, "-out", cert], check=True, capture_output=True
    )

    def give(server: MailServer) -> Path:
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(cert, key)
        return cert

    return give


def test_starttls_is_for_a_server_that_can_be_trusted(
    outbox: Outbox,
    mail: MailServer,
    clock: Clock,
    certificate: Callable[[MailServer], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trusted = certificate(mail)
    notify = configured(mail, tls=Tls.STARTTLS)
    put(outbox, notify, 1, clock())
    assert round_of(outbox, notify, clock) == telling.Sent(0, 1, 0)
    assert "certificate" in outbox.messages()[0].trouble
    assert mail.mails == []
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    clock.pass_by(minutes=1)
    assert round_of(outbox, notify, clock) == telling.Sent(1, 0, 0)
    assert mail.subjects == ["Message 0"]


def test_a_connection_is_let_go_of(mail: MailServer) -> None:
    server = Server(Mail("w@b.example", "127.0.0.1", mail.port, Tls.NONE))
    with pytest.raises(Unreachable):
        server.send("a@b.example", b"x")
    with server:
        server.send("a@b.example", b"Subject: x\r\n\r\nx\r\n")
    assert len(mail.mails) == 1
    with pytest.raises(Unreachable):
        server.send("a@b.example", b"x")
