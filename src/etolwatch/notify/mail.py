"""Mail: a digest as a message (RFC 5322), and its way to the server (RFC 5321).

The one module of this room that speaks SMTP. A message is made once and kept as it is sent, so
that every attempt offers the same bytes under the same Message-ID.
"""

from __future__ import annotations

import os
import smtplib
import ssl
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Self

from etolwatch import __version__
from etolwatch.config import Mail, Tls
from etolwatch.errors import EtolwatchError
from etolwatch.publish.news import SPACE

# RFC 5322 §2.1.1: no line is longer than 998; folded earlier, a subject gets a space at its beginning.
POLICY = SMTP.clone(max_line_length=990)
CONNECT_S = 30.0
# RFC 5321 §4.5.3.2.6: whoever gives up earlier after the final dot sends things twice.
DATA_S = 600.0
CLOSING, TOO_LARGE = 421, 552  # RFC 5321 §3.8, RFC 1870 §6.1
SIGNATURE = "-- \netolwatch {version}, channel “{channel}” of config.toml"


class NotTaken(Exception):
    """The server did not take one message. ``for_good``: it never will (a 5yz reply to this message)."""

    def __init__(self, message: str, *, for_good: bool = False) -> None:
        super().__init__(message)
        self.for_good = for_good


class Lost(NotTaken):
    """The connection ended over one message: it is not known to be taken; others need a new connection.

    ``is_uncertain``: its text was on the way, so that the server may have it.
    """

    def __init__(self, message: str, *, is_uncertain: bool = False) -> None:
        super().__init__(message)
        self.is_uncertain = is_uncertain


class Unreachable(EtolwatchError):
    """There is no way to the server now: for no message, whichever it is."""


def message_of(
    key: str, sender: str, to: str, subject: str, plain: str, at: datetime, channel: str, html: str = ""
) -> bytes:
    """The mail as it goes over the line: plain text, with ``html`` as an alternative to it.

    The same arguments give the same bytes. Its Message-ID is made of ``key`` and the recipient.
    """
    name = uuid.uuid5(SPACE, f"mail\x1f{key}\x1f{to}")
    mail = EmailMessage(policy=POLICY)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no holiday notice answers it
    mail["Content-Language"] = "en"
    signed = f"{plain.rstrip()}\n\n{SIGNATURE.format(version=__version__, channel=channel)}\n"
    mail.set_content(signed)
    if html:
        mail.add_alternative(html, subtype="html")
        mail.set_boundary(f"=_{name.hex}")  # of its own accord it would be another one each time
    return mail.as_bytes()


class Server:
    """A connection to the mail server. A context manager: entering raises Unreachable."""

    def __init__(self, mail: Mail, environment: Mapping[str, str] | None = None) -> None:
        self._mail = mail
        self._environment = os.environ if environment is None else environment
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        where = f"{self._mail.host}:{self._mail.port}"
        try:
            self._smtp = self._connected()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            self._close()
            raise Unreachable("no mail can be sent", where, _said(error)) from error
        except EtolwatchError:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._smtp is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._smtp.quit()  # what was taken is taken; a server need not say good-bye
        self._close()

    @property
    def is_open(self) -> bool:
        """Whether more can be sent over this connection."""
        return self._smtp is not None

    def send(self, to: str, body: bytes) -> None:
        """Returns once the server has taken the mail.

        Raises NotTaken for what concerns this mail (Lost: with the connection), Unreachable for what
        concerns every one; after these two the connection is at its end.
        """
        if self._smtp is None:
            raise Unreachable("no mail can be sent", self._mail.host, "there is no connection")
        is_uncertain = False
        try:
            self._envelope(self._smtp, to, len(body))
            is_uncertain = True
            self._answered(self._smtp.data(body))
        except smtplib.SMTPDataError as error:  # DATA itself was refused
            self._answered((error.smtp_code, error.smtp_error))
        except (smtplib.SMTPException, OSError) as error:
            self._close()
            raise Lost(_said(error), is_uncertain=is_uncertain) from error

    def _envelope(self, smtp: smtplib.SMTP, to: str, size_bytes: int) -> None:
        options = [f"size={size_bytes}"] if smtp.has_extn("size") else []  # RFC 1870
        code, said = smtp.mail(self._mail.sender, options)
        # RFC 1870 §6.1: 552 is what this message is too large for; any other no is one to the sender
        if code != TOO_LARGE and _is_no(code) and code != CLOSING:
            self._close()
            raise Unreachable("mail not taken", self._mail.host, _reply(code, said))
        self._answered((code, said))
        self._answered(smtp.rcpt(to))

    def _answered(self, answer: tuple[int, bytes | str]) -> None:
        """Returns if the answer to a step of one mail is a yes; else makes ready for the next mail."""
        code, said = answer
        if not _is_no(code):
            return
        if code == CLOSING or self._smtp is None:
            self._close()
            raise Lost(_reply(code, said))
        try:
            self._smtp.rset()
        except (smtplib.SMTPException, OSError):
            self._close()
        raise NotTaken(_reply(code, said), for_good=_is_final(code))

    def _connected(self) -> smtplib.SMTP:
        mail, context = self._mail, ssl.create_default_context()
        if mail.tls is Tls.SSL:
            self._smtp = smtplib.SMTP_SSL(mail.host, mail.port, timeout=CONNECT_S, context=context)
        else:
            self._smtp = smtplib.SMTP(mail.host, mail.port, timeout=CONNECT_S)
        smtp = self._smtp
        if mail.tls is Tls.STARTTLS:
            smtp.starttls(context=context)  # refuses to go on in the open if the server does not offer it
        if mail.user is not None:
            smtp.login(mail.user, self._password(mail))
        smtp.ehlo_or_helo_if_needed()
        if smtp.sock is not None:
            smtp.sock.settimeout(DATA_S)
        return smtp

    def _password(self, mail: Mail) -> str:
        password = self._environment.get(mail.password_env)
        if not password:
            cause = f"set the environment variable {mail.password_env} to the password of {mail.user}"
            raise Unreachable("no mail can be sent", f"{mail.host}:{mail.port}", cause)
        return password

    def _close(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


Connect = Callable[[Mail], Server]


def _is_no(code: int) -> bool:
    return not 200 <= code <= 299


def _is_final(code: int) -> bool:
    return 500 <= code <= 599


def _reply(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _reply(error.smtp_code, error.smtp_error)
    return str(error) or type(error).__name__
