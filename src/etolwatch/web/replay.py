"""Replay: any capture, as it was, under a banner that says what it is.

A captured page is untrusted. It stands in a sandboxed frame with an opaque origin, in which nothing
runs, nothing is sent, and only other captures are loaded; the page around it, with the banner, is ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.datastructures import Headers

from etolwatch.archive.moments import Line, Mark, Moment, time_of
from etolwatch.errors import ArchiveError
from etolwatch.harvest.scope import canonical
from etolwatch.model import Capture, Finding, Payload, RecordType, Verdict
from etolwatch.publish.links import tail
from etolwatch.publish.phrase import day, facts, flags
from etolwatch.publish.rewrite import base_of
from etolwatch.text.decode import decode
from etolwatch.text.references import Role, html_references
from etolwatch.web import guard, served
from etolwatch.web.addresses import asked_uri, in_path
from etolwatch.web.library import library
from etolwatch.web.mementos import line_of, memento_headers, memento_path, target
from etolwatch.web.served import Dest, Served

blueprint = Blueprint("replay", __name__)

# "/web/20261109041700if_/…": digits, and what of the capture is wanted; either may be missing.
_ASKED = re.compile(r"/web/(?P<digits>[0-9]{1,20})?(?P<flag>[a-z]{2}_)?/")
RAW, FRAME = "id_", "if_"
# What has more is not rewritten: each MB takes nearly a second, in which others wait.
MOST_REWRITTEN = 4 * 1024 * 1024  # bytes
EMBEDDED = frozenset(("im_", "cs_", "js_", "oe_"))
# An answer with one of these statuses is shown by browsers like any other; 401 or 407 would not be.
PASSED_ON = frozenset((400, 403, 404, 405, 406, 410, 414, 415, 429, 451, 500, 501, 502, 503, 504))
SANDBOX = "allow-top-navigation-by-user-activation"
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_RUNNING = frozenset(
    ("script", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet", "xslt")
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for. ``digits`` “”: the latest."""

    digits: str
    flag: str
    uri: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One capture, and where it stands among those of its page."""

    line: Line
    moment: Moment
    capture: Capture

    @property
    def before(self) -> Moment | None:
        return self.line.before(self.moment)

    @property
    def after(self) -> Moment | None:
        return self.line.after(self.moment)

    @property
    def same_second(self) -> tuple[Moment, ...]:
        """All captures of this second, where there are several."""
        together = self.line.in_second(self.moment.at)
        return together if len(together) > 1 else ()

    @property
    def text_path(self) -> str:
        return f"/text/{self.line.digits(self.moment)}/{in_path(self.line.uri)}"

    @property
    def text_of(self) -> Moment | None:
        """The capture that first had the text of this one, if another had."""
        if self.moment.mark is not Mark.UNCHANGED:
            return None
        place = self.line.moments.index(self.moment)
        return next((one for one in reversed(self.line.moments[:place]) if one.mark is Mark.TEXT), None)

    def path(self, moment: Moment, flag: str = "") -> str:
        return memento_path(self.line, moment, flag)

    def onto(self, uri: str, flag: str = "") -> str:
        """The path of another page, as it was at this time."""
        return f"/web/{self.line.digits(self.moment)}{flag}/{in_path(uri)}"


@blueprint.get("/web/<path:_>", merge_slashes=False)
def replay(_: str) -> Response:
    """A capture: in its frame, alone, or as it was sent; the nearest where there is none of that time."""
    _refuse_to_run()
    asked = _read(target())
    line = line_of(asked.uri)
    if not line:
        return not_held(asked.uri, small=asked.flag in EMBEDDED)
    moment = line.find(asked.digits) if line.uri == asked.uri else None
    if moment is None:
        return _elsewhere(asked, line)
    shown = Shown(line, moment, library().store().catalog.capture(moment.record_id))
    if asked.flag:
        return _body(shown, asked.flag)
    if _is_framed():  # a link that leads to another frame: there is one banner already
        return _to(memento_path(line, moment, FRAME))
    if request.environ.get("etolwatch.keyed"):
        return _passed_through(memento_path(line, moment))
    return _page(shown)


def _refuse_to_run() -> None:
    """Nothing of a capture is ever handed to what would run it (Fetch Metadata §2.1)."""
    wanted = request.headers.get("Sec-Fetch-Dest", "")
    if wanted in _RUNNING or "Service-Worker" in request.headers:
        abort(403, "Captures are shown, not run.")


def _is_framed() -> bool:
    return request.headers.get("Sec-Fetch-Dest", "") in ("frame", "iframe")


def _read(sent: str) -> Asked:
    found = _ASKED.match(sent)
    uri = asked_uri(sent, 2 if found else 1)
    if uri is None:
        abort(400, "What stands there is no address of a page on the web.")
    return Asked(found["digits"] or "", found["flag"] or "", uri) if found else Asked("", "", uri)


def _elsewhere(asked: Asked, line: Line) -> Response:
    """Leads to the capture that is meant by another time or another way to write the address."""
    at = time_of(asked.digits) if asked.digits else datetime.max.replace(tzinfo=UTC)
    if at is None:
        abort(400, f"{asked.digits} is no time: expected 14 digits, such as 20261109041700.")
    moment = (asked.digits and line.find(asked.digits)) or None
    if asked.flag in EMBEDDED:
        moment = moment or line.as_of(at)
        capture = library().store().catalog.capture(moment.record_id) if moment else None
        if moment and capture:
            return _body(Shown(line, moment, capture), asked.flag)
    moment = moment or line.nearest(at)
    if moment is None:
        return not_held(asked.uri, small=True)
    return _to(memento_path(line, moment, asked.flag))


def _to(path: str) -> Response:
    """A redirect within the replay; who came with the key to it goes on with it."""
    keyed = request.environ.get("etolwatch.keyed")
    answer = make_response(redirect(guard.keyed(path) if keyed else path, 302))
    answer.headers["Vary"] = "Sec-Fetch-Dest"
    return answer


def _passed_through(path: str) -> Response:
    """A page of ours that leads on: a session is not shown where a captured page has sent its reader."""
    answer = make_response(render_template("replay/through.html", path=path))
    answer.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
    return answer


# ── the body ─────────────────────────────────────────────────────────────────────────


def _body(shown: Shown, flag: str) -> Response:
    payload, damage = _payload(shown.capture)
    if payload is None:
        return _small(f"This capture cannot be read: {damage}", 404)
    if onward := _onward(shown.capture):
        return _redirected(shown, flag, onward)
    if flag != RAW and is_too_large(payload, flag):
        return _small(f"{_too_large(payload)} Its bytes as sent: {shown.path(shown.moment, RAW)}", 501)
    found = served.raw(payload) if flag == RAW else _rewritten(shown, payload, flag)
    answer = Response(found.body, _status(payload.status), content_type=found.content_type)
    answer.headers.update(memento_headers(shown.line, shown.moment))
    answer.headers["Content-Security-Policy"] = policy()
    answer.headers["Vary"] = "Sec-Fetch-Dest"
    # a sandboxed page that asked for more would be a network error (HTML §7.1.3)
    answer.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    if found.is_file:
        answer.headers["Content-Disposition"] = served.disposition(found)
    if served.FONTS.fullmatch(found.content_type):
        # a font is asked for with CORS, and the page that asks has no origin (CSS Fonts 4 §4.9)
        answer.headers["Access-Control-Allow-Origin"] = "null"
    if payload.status == 200:
        answer.make_conditional(request, accept_ranges=True, complete_length=len(found.body))
    return answer


def _redirected(shown: Shown, flag: str, onward: str) -> Response:
    """A redirect as it was answered, leading into the replay; never out of it."""
    answer = _to(shown.onto(onward, flag))
    answer.status_code = shown.capture.status
    answer.headers.update(memento_headers(shown.line, shown.moment))
    answer.headers["Content-Security-Policy"] = policy()
    return answer


def _rewritten(shown: Shown, payload: Payload, flag: str) -> Served:
    dest = Dest.FRAME if request.headers.get("Sec-Fetch-Dest") == "frame" else Dest.PAGE

    def address(uri: str, wanted: str) -> str:
        return guard.keyed(shown.onto(uri, wanted))

    return served.served(payload, flag, shown.line.uri, address, dest)


def is_too_large(payload: Payload, flag: str = "") -> bool:
    """Whether this would have to be read for its links or words, and is too large for that."""
    kind = served.type_of(payload, flag)
    return len(payload.body) > MOST_REWRITTEN and kind in (*served.HTML, served.CSS)


def _too_large(payload: Payload) -> str:
    return f"With {megabytes(len(payload.body))} this is too large to be shown with its links in place."


def megabytes(size: int) -> str:
    """A size in words, to a tenth: “11.2 MB”."""
    return f"{size / 1e6:.1f} MB"


def _small(text: str, status: int) -> Response:
    """A plain line of text where a page would be out of place: in a frame, for a picture."""
    answer = Response(text + "\n", status, mimetype="text/plain")
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def policy() -> str:
    """What a captured body may do: show itself and load other captures, and nothing else.

    The sandbox gives it an opaque origin, no scripts, no forms, no refresh (HTML §7.1.5). Its sources are
    named, not 'self', and only as far as captures lie below them (CSP 3 §6.7.2.8).
    """
    here = _captures()
    return (
        f"sandbox {SANDBOX}; default-src 'none'; img-src {here} data:;"
        f" style-src {here} 'unsafe-inline'; font-src {here} data:; media-src {here} data:;"
        f" frame-src {here}; form-action 'none'; base-uri 'none'"
    )


def _captures() -> str:
    """Where captures lie, as sources of a policy."""
    if not _HOST.fullmatch(request.host):
        return "'none'"
    root = f"{request.scheme}://{request.host}"
    paths = dict.fromkeys(("/web/", guard.keyed("/web/")))
    return " ".join(f"{root}{path}" for path in paths)


def _status(status: int) -> int:
    return status if status in PASSED_ON else 200


def _is_redirect(capture: Capture) -> bool:
    return 300 < capture.status < 400 and capture.status != 304


# ── the page around it ───────────────────────────────────────────────────────────────


def _page(shown: Shown) -> Response:
    """The banner, and below it the capture, or what there is to say where it cannot be shown."""
    payload, damage = _payload(shown.capture)
    if payload is not None and _stands_alone(shown.capture, payload):
        return _body(shown, FRAME)
    finding = library().store().catalog.finding(shown.capture)
    too_large = payload is not None and not _is_redirect(shown.capture) and is_too_large(payload)
    page = render_template(
        "replay/page.html",
        shown=shown,
        uri=shown.line.uri,
        capture=shown.capture,
        finding=finding,
        told=_told(finding),
        damage=damage,
        answered=_answered(shown.capture, payload),
        onward=_onward(shown.capture),
        refresh=None if too_large else _refresh(shown, payload),
        framed=payload is not None
        and bool(payload.body)
        and not _is_redirect(shown.capture)
        and not too_large,
        too_large=_too_large(payload) if payload is not None and too_large else "",
        truncated=payload is not None and payload.truncated,
        sandbox=SANDBOX,
    )
    return _ours(page, _status(payload.status if payload else 200), memento_headers(shown.line, shown.moment))


def _told(finding: Finding | None) -> tuple[str, ...]:
    """What is said of a finding beside its verdict: how much, of which date, when."""
    if finding is None or finding.verdict is Verdict.FIRST_CAPTURE:
        return ()
    return tuple(fact for fact in facts(finding) if fact != flags(finding))


def _payload(capture: Capture) -> tuple[Payload | None, ArchiveError | None]:
    """The body of a capture, or what is wrong with it."""
    try:
        return library().store().payload(capture), None
    except ArchiveError as error:
        return None, error


def _stands_alone(capture: Capture, payload: Payload) -> bool:
    """Whether it is a file of its own, not a page: a picture, a style sheet."""
    return bool(payload.body) and not _is_redirect(capture) and served.type_of(payload) not in served.FRAMED


def _ours(page: str, status: int, headers: Headers | None = None) -> Response:
    answer = make_response(page, status)
    answer.headers.update(headers or {})
    answer.headers["Vary"] = "Sec-Fetch-Dest"
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self'; frame-src {_captures()}; form-action 'none';"
        " frame-ancestors 'none'; base-uri 'none'"
    )
    return answer


def _answered(capture: Capture, payload: Payload | None) -> str:
    """The status, where it says more than that all is well: “404 Not Found”."""
    status = payload.status if payload else capture.status
    if capture.record_type is RecordType.RESOURCE or 200 <= status < 300 or status == 304:
        return ""
    known = status in HTTPStatus.__members__.values()
    return f"{status} {HTTPStatus(status).phrase}" if known else str(status)


def _onward(capture: Capture) -> str | None:
    """Where a redirect led, if to a page on the web."""
    return canonical(capture.location) if _is_redirect(capture) and capture.location else None


def _refresh(shown: Shown, payload: Payload | None) -> str | None:
    """Where the page itself sends its readers (a meta refresh), if elsewhere."""
    if (
        payload is None
        or served.type_of(payload) not in served.HTML
        or b"refresh" not in payload.body.lower()
    ):
        return None
    charset = decode(payload.body, payload.content_type).charset
    base = base_of(payload.body, charset, shown.line.uri)
    for reference in html_references(payload.body, charset):
        if reference.role is Role.REFRESH:
            found = canonical(reference.href, base)
            return found if found != shown.line.uri else None
    return None


def not_held(uri: str, *, small: bool = False) -> Response:
    """Says that no capture of a page is held; nothing is asked for it."""
    if small:
        return _small(f"No capture of {uri} is held.", 404)
    return _ours(render_template("replay/absent.html", uri=uri), 404)


@blueprint.app_template_filter("second")
def second(at: datetime) -> str:
    """The instant to the second: “9 November 2026, 04:17:00 UTC”."""
    return f"{day(at)}, {at.astimezone(UTC):%H:%M:%S} UTC"


@blueprint.app_template_filter("beside")
def beside(at: datetime, other: datetime) -> str:
    """The day; of the same day as another instant, the time, too."""
    is_same = at.astimezone(UTC).date() == other.astimezone(UTC).date()
    return second(at) if is_same else day(at)


blueprint.add_app_template_filter(tail, "tail")
blueprint.add_app_template_filter(in_path, "in_path")
