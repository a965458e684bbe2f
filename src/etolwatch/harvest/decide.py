"""What a visit brought. Pure: an answer and the past go in, a record to be kept comes out."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from etolwatch.archive.codings import CodingError, Decoded, decode, digest_of, payload_digest_of
from etolwatch.harvest.scope import canonical, stands_for
from etolwatch.model import Exchange, Failure, FailureKind, Outcome, Record, Requisite, Site, Visit

KEPT_TYPES = frozenset(("text/html", "application/xhtml+xml", "text/plain", "application/pdf"))
# Of what pages need, by kind, how the types that are kept begin. Mark-up is kept of each: it is what a
# server says in the place of a picture that it does not have.
NEEDED_TYPES = {
    Requisite.STYLE: ("text/css", "text/plain"),
    Requisite.FRAME: ("text/plain", "application/pdf", "image/"),
    Requisite.IMAGE: ("image/",),
    Requisite.FONT: ("font/", "application/font", "application/x-font", "application/vnd.ms-fontobject"),
    Requisite.MEDIA: ("audio/", "video/", "image/", "application/ogg", "application/x-shockwave-flash"),
    Requisite.SCRIPT: ("text/javascript", "application/javascript", "application/x-javascript", "text/plain"),
}
ANSWERED_FOR_ALL = ("text/html", "application/xhtml+xml", "application/octet-stream")
REDIRECTS = frozenset((301, 302, 303, 307, 308))

TRIES = 3  # of one page in one pass
FIRST_PAUSE_S = 5.0  # doubled for each further try
LONGEST_PAUSE_S = 120.0  # a server that asks for more is left alone until the next pass
_WORTH_RETRYING = frozenset((429, 500, 502, 503, 504))
_HOST_STATUSES = frozenset((429, 502, 503, 504))


def decide(visit: Visit, outcome: Exchange | Failure, site: Site) -> Record:
    """The record that is to be kept of this visit, and what the visit brought (its Outcome)."""
    if isinstance(outcome, Failure):
        return Record(visit, outcome.at, _failed(visit, outcome), None, message=describe(outcome))
    if outcome.status == 304:
        return _unmodified(visit, outcome)
    unwanted = _unwanted(visit, outcome, site) if outcome.status in (200, 203) else ""
    if unwanted:
        return Record(visit, outcome.at, Outcome.LISTED, None, message=unwanted)
    return _answered(visit, outcome, site)


def _failed(visit: Visit, failure: Failure) -> Outcome:
    if failure.kind is FailureKind.ROBOTS:
        return Outcome.REFUSED
    # asked for as seldom as a type that is not kept: it hardly becomes smaller
    too_large = visit.requisite and failure.kind is FailureKind.TOO_LARGE
    return Outcome.LISTED if too_large else Outcome.FAILED


def _unwanted(visit: Visit, exchange: Exchange, site: Site) -> str:
    """Why an answer is not kept although it is one; "" if it is."""
    content_type = header(exchange, "Content-Type")
    if not is_kept(visit.requisite, content_type):
        as_what = f" as {visit.requisite}" if visit.requisite else ""
        return f"type {media_type(content_type)} is not kept{as_what}"
    if visit.requisite and exchange.truncated == "length":
        return f"more than the {largest_bytes(visit.requisite, site)} bytes that are allowed"
    return ""


def _unmodified(visit: Visit, exchange: Exchange) -> Record:
    version = visit.version
    if version is None:
        message = "304 although nothing was asked conditionally"
        return _record(visit, exchange, Outcome.SUSPECT, b"", message=message)
    return Record(
        visit,
        exchange.at,
        Outcome.UNCHANGED,
        exchange,
        payload_digest=version.payload_digest,
        body_digest=version.body_digest,
        content_type=version.content_type,
        etag=header(exchange, "ETag") or version.etag,
        last_modified=header(exchange, "Last-Modified") or version.last_modified,
        confirms=version,
    )


def _answered(visit: Visit, exchange: Exchange, site: Site) -> Record:
    # the size was bounded while it was fetched; the limit here bounds a truncated one
    limit = largest_bytes(visit.requisite, site)
    try:
        decoded = decode(exchange.body, header(exchange, "Content-Encoding"), limit)
    except CodingError as error:
        return _record(visit, exchange, Outcome.SUSPECT, b"", message=str(error))
    location = _location(exchange, site)
    result, message = _judged(visit, exchange, decoded, location)
    if result is not Outcome.MOVED:
        location = None  # a page that redirects to itself is nowhere else
    if result is not Outcome.NEW:
        return _record(visit, exchange, result, decoded.body, location=location, message=message)
    digest = digest_of(decoded.body)
    if visit.version is None:
        return _record(visit, exchange, Outcome.NEW, decoded.body)
    if visit.version.body_digest == digest:
        return _record(visit, exchange, Outcome.UNCHANGED, decoded.body)
    return _record(visit, exchange, Outcome.CHANGED, decoded.body)


def _judged(visit: Visit, exchange: Exchange, decoded: Decoded, location: str | None) -> tuple[Outcome, str]:
    """What an answer is worth, NEW standing for any text that can be kept; and why, if it is suspect."""
    status = exchange.status
    if exchange.truncated or not decoded.whole:
        return Outcome.SUSPECT, f"cut off: {exchange.truncated or 'the coding has no end'}"
    if status in (404, 410):
        return Outcome.GONE, f"status {status}"
    if status in REDIRECTS and location == visit.uri:
        return Outcome.SUSPECT, f"status {status} redirects to itself"
    if status in REDIRECTS and location:
        return Outcome.MOVED, f"status {status} to {location}"
    if status not in (200, 203):
        return Outcome.SUSPECT, f"status {status}"
    if not decoded.body:
        return Outcome.SUSPECT, "empty body"
    return Outcome.NEW, ""


def _record(
    visit: Visit,
    exchange: Exchange,
    outcome: Outcome,
    body: bytes,
    *,
    location: str | None = None,
    message: str = "",
) -> Record:
    return Record(
        visit,
        exchange.at,
        outcome,
        exchange,
        body=body,
        payload_digest=payload_digest_of(exchange.body),
        body_digest=digest_of(body),
        content_type=header(exchange, "Content-Type"),
        etag=header(exchange, "ETag"),
        last_modified=header(exchange, "Last-Modified"),
        location=location,
        confirms=visit.version if outcome is Outcome.UNCHANGED else None,
        message=message,
    )


def _location(exchange: Exchange, site: Site) -> str | None:
    asked = redirect_of(exchange)
    return canonical(stands_for(site, asked)) if asked else None


def redirect_of(exchange: Exchange) -> str | None:
    """The canonical address that an answer redirects to (RFC 9110 §15.4), None if it does not."""
    location = header(exchange, "Location")
    if location is None or exchange.status not in REDIRECTS:
        return None
    return canonical(location, exchange.asks)


def header(exchange: Exchange, name: str) -> str | None:
    """The first header of this name, whatever its case; None if there is none."""
    lower = name.lower()
    return next((value for key, value in exchange.headers if key.lower() == lower), None)


def media_type(content_type: str | None) -> str:
    """The type without parameters, in lower case; "" if there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def is_kept_type(content_type: str | None) -> bool:
    """Whether a type is one of those that are kept; an answer without a type may be a page."""
    return media_type(content_type) in KEPT_TYPES or not media_type(content_type)


def is_kept(requisite: Requisite | None, content_type: str | None) -> bool:
    """Whether an answer of this type is kept, of a page (None), or of what one needs."""
    if requisite is None or not media_type(content_type):
        return is_kept_type(content_type)
    return media_type(content_type).startswith((*NEEDED_TYPES[requisite], *ANSWERED_FOR_ALL))


def largest_bytes(requisite: Requisite | None, site: Site) -> int:
    """How large a page (None), or what one needs, may be to be kept."""
    return site.largest_body_bytes if requisite is None else site.largest_requisite_bytes


# ── asking again ─────────────────────────────────────────────────────────────────────


def pause_before_retry(outcome: Exchange | Failure, tries: int) -> float | None:
    """Seconds to wait before the page is asked for again, or None: take the answer as it is.

    ``tries`` counts those already made. Retry-After is honoured (RFC 9110 §10.2.3) up to
    `LONGEST_PAUSE_S`; a server that asks for more is not asked again in this pass.
    """
    if tries >= TRIES or not _is_worth_retrying(outcome):
        return None
    pause = FIRST_PAUSE_S * float(2 ** (tries - 1))
    if isinstance(outcome, Exchange):
        asked_for = retry_after_s(header(outcome, "Retry-After"), outcome.at)
        if asked_for is not None:
            return asked_for if asked_for <= LONGEST_PAUSE_S else None
    return pause


def _is_worth_retrying(outcome: Exchange | Failure) -> bool:
    if isinstance(outcome, Failure):
        return outcome.kind in (FailureKind.TIMEOUT, FailureKind.UNREACHABLE)
    return outcome.status in _WORTH_RETRYING


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Retry-After in seconds from ``now``: it is a number of seconds or an HTTP date; None if neither."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return float(max(0.0, (at - now).total_seconds()))


def blames_host(outcome: Exchange | Failure) -> bool:
    """Whether an outcome tells of the host rather than of the page: unreachable, overloaded, hanging."""
    if isinstance(outcome, Failure):
        return outcome.kind in (
            FailureKind.TIMEOUT,
            FailureKind.UNREACHABLE,
            FailureKind.TLS,
            FailureKind.PROTOCOL,
        )
    return outcome.status in _HOST_STATUSES


def describe(outcome: Exchange | Failure) -> str:
    """A few words on an outcome, for a trouble's message."""
    if isinstance(outcome, Exchange):
        return f"status {outcome.status}"
    return f"{outcome.kind.replace('_', ' ')}: {outcome.message}"
