"""Asking for one page: the one module that touches the network, and local folder sources.

Whatever the network does is a value: an Exchange or a Failure comes back. Only a slip of
the user's is raised: a host beyond loopback is never asked while no contact is set.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any, Self

import httpx

from etolwatch import __version__
from etolwatch.archive.codings import ACCEPTED, CodingError, Decoder
from etolwatch.archive.filetypes import file_type
from etolwatch.errors import UsageError
from etolwatch.harvest.decide import is_kept, largest_bytes
from etolwatch.harvest.scope import file_below, is_loopback, origin
from etolwatch.model import Exchange, Failure, FailureKind, Site, Visit

FOLDER_PAGES = ("index.htm", "index.html")  # what a folder's address stands for


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a server is waited for, in seconds."""

    connect_s: float = 9.0
    read_s: float = 30.0  # between two pieces of an answer
    whole_s: float = 120.0  # for all of an answer: a slow drip would keep us for ever


def user_agent(contact: str | None) -> str:
    """How etolwatch names itself: the program, its version, and who can be asked about it."""
    return f"etolwatch/{__version__} (+{contact})" if contact else f"etolwatch/{__version__}"


class Fetcher:
    """One HTTP client for a run. A context manager; `fetch` gives what a visit brought."""

    def __init__(
        self,
        contact: str | None,
        *,
        transport: httpx.BaseTransport | None = None,
        limits: Limits | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.contact, self.user_agent = contact, user_agent(contact)
        self._now, self._limits = now, limits or Limits()
        self._sockets: dict[str, socket.socket] = {}
        self._extensions = {"trace": self._trace}
        timeout = httpx.Timeout(self._limits.read_s, connect=self._limits.connect_s)
        self._client = httpx.Client(
            headers={"User-Agent": self.user_agent, "Accept-Encoding": ACCEPTED, "Accept": "*/*"},
            timeout=timeout,
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=4, keepalive_expiry=60),
            follow_redirects=False,
            trust_env=False,  # no proxy, no password file: what is asked depends on config.toml alone
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._sockets.clear()
        self._client.close()

    def abort(self) -> None:
        """Ends the request in hand, from another thread; it comes back as a Failure."""
        for connection in list(self._sockets.values()):
            try:
                # by its base class: shutting down TLS politely would wait for the other side
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                continue  # it was closed already, which is what is wanted

    def fetch(self, visit: Visit, site: Site) -> Exchange | Failure:
        """What asking for a page brought; conditional where the visit knows a version.

        Raises UsageError for a host beyond loopback while no contact is set, before
        anything is sent.
        """
        if visit.asks.startswith("file://"):
            return self._read_file(visit, site)
        headers = conditions(visit) if visit.conditional else []
        largest = largest_bytes(visit.requisite, site)
        return self._ask(visit.asks, headers, largest, lambda found: is_kept(visit.requisite, found))

    def fetch_robots(self, asks: str, largest_bytes: int) -> Exchange | Failure:
        """What asking for a robots.txt brought, of whatever type; what is beyond the limit is cut off."""
        return self._ask(asks, [], largest_bytes, lambda _: True)

    def fetch_archived(self, asks: str, largest_bytes: int) -> Exchange | Failure:
        """What asking a web archive brought: a list of captures, or one of them, of whatever type."""
        return self._ask(asks, [], largest_bytes, lambda _: True)

    # ── HTTP ─────────────────────────────────────────────────────────────────────────

    def _ask(
        self, asks: str, headers: list[tuple[str, str]], largest: int, wants: Callable[[str | None], bool]
    ) -> Exchange | Failure:
        if self.contact is None and not is_loopback(asks):
            cause = "set contact in config.toml, so that those who keep the site can reach you"
            raise UsageError("no host beyond this machine is asked without a contact", origin(asks), cause)
        at, began = self._now(), time.monotonic()
        try:
            with self._client.stream("GET", asks, headers=headers, extensions=self._extensions) as response:
                return self._received(response, asks, at, began, largest, wants)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError, ValueError) as error:
            return Failure(asks, at, _kind(error), _words(error))

    def _received(
        self,
        response: httpx.Response,
        asks: str,
        at: datetime,
        began: float,
        largest: int,
        wants: Callable[[str | None], bool],
    ) -> Exchange | Failure:
        body, truncated = b"", None
        peer = _peer(response)  # before the body: afterwards the connection may be closed
        is_page = response.status_code in (200, 203)
        if not is_page or wants(response.headers.get("Content-Type")):
            length = response.headers.get("Content-Length", "")
            plain = response.headers.get("Content-Encoding", "identity").lower() == "identity"
            if is_page and plain and length.isdigit() and int(length) > largest:
                return Failure(
                    asks, at, FailureKind.TOO_LARGE, f"{length} bytes are announced, {largest} allowed"
                )
            body, truncated = self._body(response, began, largest)
        request = response.request
        target = request.url.raw_path.decode("ascii", "replace")
        return Exchange(
            asks=asks,
            at=at,
            status=response.status_code,
            reason=response.extensions.get("reason_phrase", b"").decode("latin-1"),
            http_version=response.extensions.get("http_version", b"HTTP/1.1").decode("ascii", "replace"),
            request_head=_as_text(request.headers.raw),
            request_line=f"{request.method} {target} HTTP/1.1",
            headers=_as_text(response.headers.raw),
            body=body,
            ip=peer,
            took_s=time.monotonic() - began,
            truncated=truncated,
        )

    def _body(self, response: httpx.Response, began: float, largest: int) -> tuple[bytes, str | None]:
        """The body as it came, and why it was cut off (WARC 1.1 §5.13), None if it is whole."""
        pieces: list[bytes] = []
        size = 0
        decoder = _decoder(response.headers.get("Content-Encoding"), largest)
        try:
            for piece in response.iter_raw():
                pieces.append(piece)
                size += len(piece)
                if _is_over(decoder, piece) or size > largest:
                    return b"".join(pieces), "length"
                if time.monotonic() - began > self._limits.whole_s:
                    return b"".join(pieces), "time"
        except httpx.TimeoutException:
            return b"".join(pieces), "time"
        except httpx.TransportError:
            return b"".join(pieces), "disconnect"
        body = b"".join(pieces)
        length = response.headers.get("Content-Length", "")
        short = length.isdigit() and len(body) < int(length) and response.status_code != 304
        return body, "disconnect" if short else None

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """Remembers the socket of each connection made, for `abort`; httpx tells of them here."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            stream = info["return_value"]
            connection, peer = stream.get_extra_info("socket"), stream.get_extra_info("server_addr")
            if connection is not None:
                self._sockets[str(peer)] = connection

    # ── local folders ────────────────────────────────────────────────────────────────

    def _read_file(self, visit: Visit, site: Site) -> Exchange | Failure:
        at, began = self._now(), time.monotonic()
        segments = file_below(visit.asks)
        if segments is None or site.source is None:
            return Failure(
                visit.asks, at, FailureKind.UNREACHABLE, "the address would lead out of the folder"
            )
        root = Path(os.path.realpath(site.source))
        path = Path(os.path.realpath("/".join(segments) or "/"))
        if not path.is_relative_to(root):
            return Failure(visit.asks, at, FailureKind.UNREACHABLE, "the file lies outside the folder")
        if not root.is_dir():
            return Failure(visit.asks, at, FailureKind.UNREACHABLE, f"the folder is not there: {site.source}")
        path = next((path / name for name in FOLDER_PAGES if (path / name).is_file()), path)
        try:
            return _file_exchange(visit, at, began, path, site)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return _file_answer(visit, at, began, 404, "Not Found", (), b"", None)
        except OSError as error:
            return Failure(visit.asks, at, FailureKind.UNREACHABLE, error.strerror or str(error))


def conditions(visit: Visit) -> list[tuple[str, str]]:
    """The header fields that ask for a page only if it is not the version known (RFC 9110 §13.1).

    Apache marks the ETag of a page that it compressed with "-gzip" and may not know it again
    (its bug 45023): both forms are sent.
    """
    version = visit.version
    if version is None:
        return []
    fields = []
    if version.etag:
        known = version.etag
        bare = f', {known[:-6]}"' if known.endswith('-gzip"') else ""
        fields.append(("If-None-Match", known + bare))
    if version.last_modified:
        fields.append(("If-Modified-Since", version.last_modified))
    return fields


def _file_exchange(visit: Visit, at: datetime, began: float, path: Path, site: Site) -> Exchange | Failure:
    content_type = file_type(path)
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        largest = largest_bytes(visit.requisite, site)
        if state.st_size > largest:
            message = f"{state.st_size} bytes, {largest} allowed"
            return Failure(visit.asks, at, FailureKind.TOO_LARGE, message)
        body = file.read(largest) if is_kept(visit.requisite, content_type) else b""
    headers = (
        ("Content-Type", content_type),
        ("Last-Modified", formatdate(int(state.st_mtime), usegmt=True)),
    )
    return _file_answer(visit, at, began, 200, "OK", headers, body, None)


def _file_answer(
    visit: Visit,
    at: datetime,
    began: float,
    status: int,
    reason: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    truncated: str | None,
) -> Exchange:
    return Exchange(
        asks=visit.asks,
        at=at,
        status=status,
        reason=reason,
        http_version="",
        request_head=(),
        request_line="",
        headers=headers,
        body=body,
        ip=None,
        took_s=time.monotonic() - began,
        truncated=truncated,
    )


def _decoder(coding: str | None, largest: int) -> Decoder:
    try:
        return Decoder(coding, largest)
    except CodingError:
        return Decoder(None, largest)  # it is kept as it came, and judged later


def _is_over(decoder: Decoder, piece: bytes) -> bool:
    try:
        decoder.feed(piece)
    except CodingError:
        return False  # judged when all of it is there
    return decoder.over


def _as_text(raw: Iterator[tuple[bytes, bytes]] | list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)


def _peer(response: httpx.Response) -> str | None:
    stream = response.extensions.get("network_stream")
    address = stream.get_extra_info("server_addr") if stream is not None else None
    return str(address[0]) if address else None


def _kind(error: Exception) -> FailureKind:
    if isinstance(error, httpx.TimeoutException):
        return FailureKind.TIMEOUT
    if _is_tls(error):
        return FailureKind.TLS
    if isinstance(error, httpx.NetworkError):
        return FailureKind.UNREACHABLE
    if isinstance(error, httpx.RemoteProtocolError) and "without sending" in str(error):
        return FailureKind.UNREACHABLE  # closed on us before it said anything
    return FailureKind.PROTOCOL


def _is_tls(error: BaseException) -> bool:
    # the ssl module is not imported for its name alone: a run over http never needs it
    cause: BaseException | None = error
    while cause is not None:
        if type(cause).__module__ == "ssl" or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
