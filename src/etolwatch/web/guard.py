"""Who may ask, and what a browser may do with the answer.

On loopback without a password anybody of this machine may read and judge; everything else
needs one. Three ways lead past a login and are barred: another site's page that sends a form
(Origin, Sec-Fetch-Site and a token in each form), another site's name that is made to
point here (the Host header), and captured text that runs (nothing may: Content-Security-Policy).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from werkzeug.security import check_password_hash

LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # not "no-referrer": by that, browsers would send our own forms with the origin "null" (Fetch §3.2)
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "private, no-cache",
}
OPEN = frozenset(("static", "guard.login", "guard.enter"))  # endpoints that need no login
SESSION_FOR = timedelta(days=30)
FAILURES = 5  # wrong passwords from one address …
ALL_FAILURES = 100  # … and from all together …
WITHIN = timedelta(minutes=15)  # … in this time; then the next must wait until it is over
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
_PORTED = re.compile(r"\[(?P<six>[^]]*)\](?::\d*)?|(?P<four>[\d.]+):\d+")  # as proxies write an address
_KEYED = re.compile(r"/~([0-9a-f]{32})(/web/.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask. ``hosts``: the names by which this server may be asked for, without port.

    ``password_hash`` as `werkzeug.security` writes it. ``secret`` signs sessions and forms.
    """

    hosts: frozenset[str] = LOOPBACK
    password_hash: str | None = None
    token: str | None = None
    any_address: bool = False  # it listens on all addresses of the machine: each of them is a name of it
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def is_open(self) -> bool:
        """Whether no login is needed."""
        return self.password_hash is None and self.token is None

    @property
    def key(self) -> str:
        """Opens the replay, and nothing else, to what cannot show a session (see `keyed`)."""
        return hmac.new(self.secret, b"replay", hashlib.sha256).hexdigest()[:32]

    def knows_host(self, header: str) -> bool:
        """Whether a Host header names this server.

        A page of another site can have its own name point here (DNS rebinding), and would then
        be of our origin; it cannot have our name.
        """
        match = _HOST.fullmatch(header)
        if match is None:
            return False
        host = match[1].strip("[]").lower().removesuffix(".")
        return host in self.hosts or (self.any_address and _is_address(host))

    def admits(self, word: str) -> bool:
        """Whether it is the password or the token. Slow on purpose (scrypt, RFC 7914)."""
        if self.token is not None and hmac.compare_digest(word.encode(), self.token.encode()):
            return True
        return self.password_hash is not None and check_password_hash(self.password_hash, word)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Attempts:
    """Counts wrong passwords, so that they cannot be tried out."""

    def __init__(self) -> None:
        self._failed: list[tuple[datetime, str]] = []
        self._lock = threading.Lock()

    def must_wait(self, who: str, now: datetime) -> int:
        """For how many seconds this address may not try again; 0 if it may now."""
        with self._lock:
            self._failed = [(at, one) for at, one in self._failed if now - at < WITHIN]
            own = [at for at, one in self._failed if one == network_of(who)]
            everyone = [at for at, _ in self._failed]
        bars = [at[-most] for at, most in ((own, FAILURES), (everyone, ALL_FAILURES)) if len(at) >= most]
        return max((math.ceil((at + WITHIN - now).total_seconds()) for at in bars), default=0)

    def failed(self, who: str, now: datetime) -> None:
        """Notes a wrong password."""
        with self._lock:
            self._failed.append((now, network_of(who)))


class Sessions:
    """Who has logged in and not left. A cookie alone could not be taken back: a copy of it would go on."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def begin(self, now: datetime) -> str:
        """The name of a new one."""
        name = secrets.token_urlsafe(24)
        with self._lock:
            self._until = {one: until for one, until in self._until.items() if until > now}
            self._until[name] = now + SESSION_FOR
        return name

    def knows(self, name: object, now: datetime) -> bool:
        """Whether it has begun, and not ended."""
        until = self._until.get(name) if isinstance(name, str) else None
        return until is not None and now < until

    def end(self, name: object) -> None:
        """Ends it, if there is such a one."""
        with self._lock:
            self._until = {one: until for one, until in self._until.items() if one != name}


def network_of(address: str) -> str:
    """Whose address it is: of IPv6, one customer has a network of 64 bits (RFC 6177)."""
    ported = _PORTED.fullmatch(address)
    bare = ported["six"] or ported["four"] or "" if ported else address
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return bare
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:  # IPv4 behind a socket of IPv6 (RFC 4291 §2.5.5.2)
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network(f"{found}/64", strict=False))
    return str(found)


def is_foreign(method: str, host: str, origin: str | None, fetch_site: str | None) -> bool:
    """Whether a page of another origin sent this change (Fetch Standard §3.2; Fetch Metadata).

    Programs send neither header; what they send needs a token like all else.
    """
    if method in ("GET", "HEAD"):
        return False
    if fetch_site is not None and fetch_site != "same-origin":
        return True
    return origin is not None and _authority(origin) != host.lower()


def _authority(origin: str) -> str | None:
    """The host and port of an origin; None if it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


class _Session(SecureCookieSessionInterface):
    """Flask's signed cookie; marked Secure whenever the request came by TLS.

    Browsers keep the cookies of all ports of a machine together (RFC 6265 §8.5), so the port is part of
    the name: two servers do not write over each other's.
    """

    def get_cookie_name(self, app: Flask) -> str:
        match = _HOST.fullmatch(request.headers.get("Host", ""))
        return f"etolwatch-{match[2]}" if match and match[2] else "etolwatch"

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


class _Keyed:
    """Takes the key out of the path of a replayed page's parts.

    A replayed page is sandboxed and has an opaque origin, so that its browser sends no
    session for its pictures and frames; their addresses carry a key instead.
    """

    def __init__(self, app: Callable[..., Any], access: Access) -> None:
        self.app, self.access = app, access

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        environ.pop("etolwatch.keyed", None)
        match = _KEYED.fullmatch(environ.get("PATH_INFO", ""))
        if match and hmac.compare_digest(match[1], self.access.key):
            environ["PATH_INFO"] = match[2]
            environ["etolwatch.keyed"] = True
            raw = environ.get("REQUEST_URI", "")
            environ["REQUEST_URI"] = raw.replace(f"/~{match[1]}/", "/", 1)
        return self.app(environ, start_response)


def install(app: Flask, access: Access, now: Callable[[], datetime]) -> None:
    """Puts the guard before and behind every view of this app."""
    app.secret_key = access.secret
    app.session_interface = _Session()
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=SESSION_FOR,
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
    )
    app.extensions["etolwatch.guard"] = Guard(access, now)
    app.before_request(_check)
    app.after_request(_harden)
    app.context_processor(lambda: {"csrf_token": csrf_token, "has_login": not access.is_open})
    app.wsgi_app = _Keyed(app.wsgi_app, access)  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Guard:
    """What the guard of one app knows."""

    access: Access
    now: Callable[[], datetime]
    attempts: Attempts = field(default_factory=Attempts)
    sessions: Sessions = field(default_factory=Sessions)


def guard() -> Guard:
    """The guard of the app that answers this request."""
    from flask import current_app

    found: Guard = current_app.extensions["etolwatch.guard"]
    return found


def keyed(path: str) -> str:
    """A path below /web/ as a replayed page may name it for its pictures, style sheets and frames."""
    access = guard().access
    return path if access.is_open else f"/~{access.key}{path}"


def csrf_token() -> str:
    """The token that each form of this session sends back as ``csrf_token``."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
        session.permanent = True
    return str(session["csrf"])


def _check() -> Response | None:
    access = guard().access
    if not access.knows_host(request.headers.get("Host", "")):
        # a plain answer: under a name that is none, Flask knows no addresses to put into a page
        said = "This server does not go by that name. See “serve.hosts” in config.toml.\n"
        return Response(said, 403, mimetype="text/plain")
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if is_foreign(request.method, request.host, origin, site):
        abort(403, "The form came from another site. Nothing was changed.")
    if not access.is_open and request.endpoint not in OPEN and not _is_known(request):
        return _to_login(request)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        sent = request.form.get("csrf_token", "")
        if not hmac.compare_digest(sent.encode(), csrf_token().encode()):
            abort(403, "The form is too old. Go back, load its page again, and send it once more.")
    return None


def _is_known(asked: Request) -> bool:
    if guard().sessions.knows(session.get("known"), guard().now()):
        return True
    if asked.method not in ("GET", "HEAD"):
        return False
    return bool(asked.environ.get("etolwatch.keyed")) or _is_authorised(asked)


def _is_authorised(asked: Request) -> bool:
    """Whether a program shows the password or token with its request (RFC 7617, RFC 6750)."""
    shown = asked.authorization
    word = (shown.password if shown.type == "basic" else shown.token) if shown else None
    if not word:
        return False
    return try_word(word) == 0


def try_word(word: str) -> int:
    """0 if it is the password or token; else for how many seconds the next must wait, at least 1."""
    found, who = guard(), request.remote_addr or ""
    now = found.now()
    if waiting := found.attempts.must_wait(who, now):
        return waiting
    if found.access.admits(word):
        return 0
    found.attempts.failed(who, now)
    return max(found.attempts.must_wait(who, now), 1)


def _to_login(asked: Request) -> Response:
    if asked.method in ("GET", "HEAD") and "text/html" in asked.headers.get("Accept", ""):
        target = asked.environ.get("REQUEST_URI", "/")
        return redirect(url_for("guard.login", next=target), 303)  # type: ignore[return-value]
    wanted = {"WWW-Authenticate": 'Basic realm="etolwatch", charset="UTF-8"'}
    return Response("A password is needed.\n", 401, wanted, mimetype="text/plain")


def _harden(response: Response) -> Response:
    """The headers of every answer; a view may have set its own policy."""
    response.headers.setdefault("Content-Security-Policy", POLICY)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
