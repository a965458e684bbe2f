"""A mail server on loopback that does as it is told: it takes, refuses, drops, or has its client killed."""

from __future__ import annotations

import base64
import socketserver
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from threading import Lock, Thread
from typing import cast


class MailServer(socketserver.ThreadingTCPServer):
    """``replies`` has the reply to a command, by its name, instead of the usual one; "" ends the connection.

    "data." is the reply to the final dot, "greeting" the first line. ``before_reply`` is called when a
    whole mail has come in and nothing was answered yet (False: nothing ever is), ``after_taking`` when
    it was taken, too, and still nothing was answered.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.replies: dict[str, str] = {}
        self.recipient_replies: dict[str, str] = {}
        self.hangs_up_on: set[str] = set()  # recipients for whom the text is not waited for
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.raw: list[bytes] = []
        self.commands: list[str] = []
        self.lock = Lock()
        self.before_reply: Callable[[], object] = lambda: None
        self.after_taking: Callable[[], object] = lambda: None
        self.tls: ssl.SSLContext | None = None
        self.login: tuple[str, str] | None = None
        self.largest_bytes = 0  # that the server takes, as it says itself (RFC 1870); 0: it does not say

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def ids(self) -> list[str]:
        return [mail["Message-ID"] for mail in self.mails]

    @property
    def subjects(self) -> list[str]:
        return [mail["Subject"] for mail in self.mails]

    def take(self, to: list[str], body: bytes) -> None:
        with self.lock:
            self.recipients += to
            self.raw.append(body)
            self.mails.append(cast(EmailMessage, message_from_bytes(body, policy=default)))

    def handle_error(self, *_: object) -> None:
        """A client that is gone is what the tests are about."""


class _Handler(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.to: list[str] = []
        self.is_private = False
        if not self.say("greeting", "220 mail.test"):
            return
        while line := self.rfile.readline():
            text = line.decode().strip()
            verb = text[:4].lower()
            with self.server.lock:
                self.server.commands.append(text)
            if not getattr(self, f"do_{verb}", self.do_unknown)(text):
                return

    def say(self, name: str, usual: str) -> bool:
        """Answers; whether the connection goes on."""
        reply = self.server.replies.get(name, usual)
        if reply:
            self.wfile.write(reply.encode() + b"\r\n")
            self.wfile.flush()
        return bool(reply) and not reply.startswith("421")

    def do_ehlo(self, _: str) -> bool:
        offers = ["mail.test"]
        if self.server.tls and not self.is_private:
            offers.append("STARTTLS")
        if self.server.login:
            offers.append("AUTH PLAIN")
        if self.server.largest_bytes:
            offers.append(f"SIZE {self.server.largest_bytes}")
        return self.say(
            "ehlo",
            "\r\n".join(f"250{'-' if n < len(offers) - 1 else ' '}{offer}" for n, offer in enumerate(offers)),
        )

    def do_star(self, _: str) -> bool:
        assert self.server.tls is not None
        if not self.say("starttls", "220 go ahead"):
            return False
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb")
        self.is_private = True
        return True

    def finish(self) -> None:
        super().finish()
        if self.is_private:
            self.request.close()

    def do_auth(self, text: str) -> bool:
        user, password = base64.b64decode(text.split()[2]).decode().split("\0")[1:]
        is_right = (user, password) == self.server.login
        return self.say("auth", "235 welcome" if is_right else "535 5.7.8 wrong password")

    def do_mail(self, text: str) -> bool:
        self.to = []
        size, largest = text.lower().partition("size=")[2], self.server.largest_bytes
        if largest and int(size) > largest:
            return self.say("mail", "552 5.3.4 message size exceeds fixed limit")
        return self.say("mail", "250 ok")

    def do_rcpt(self, text: str) -> bool:
        to = text.partition("<")[2].partition(">")[0]
        reply = self.server.recipient_replies.get(to, self.server.replies.get("rcpt", "250 ok"))
        if reply.startswith("250"):
            self.to.append(to)
        if reply:
            self.wfile.write(reply.encode() + b"\r\n")
            self.wfile.flush()
        return bool(reply) and not reply.startswith("421")

    def do_data(self, _: str) -> bool:
        if not self.say("data", "354 go on"):
            return False
        if "data" in self.server.replies:
            return True
        if self.to and self.to[0] in self.server.hangs_up_on:
            return False
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        if self.server.before_reply() is False:
            return False
        if self.server.replies.get("data.", "250").startswith("250"):
            self.server.take(self.to, b"".join(lines))
            self.server.after_taking()
        return self.say("data.", "250 taken")

    def do_rset(self, _: str) -> bool:
        return self.say("rset", "250 ok")

    def do_quit(self, _: str) -> bool:
        self.say("quit", "221 bye")
        return False

    def do_unknown(self, _: str) -> bool:
        return self.say("unknown", "502 no such command")


@contextmanager
def serving(port: int = 0) -> Iterator[MailServer]:
    with MailServer(port) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
