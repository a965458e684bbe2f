"""Captured bodies made fit to be served from our own origin: type, policy, links. Pure.

A capture is untrusted. Whatever it says of its type, it is served as one of a few types that run
nothing; what browsers would open with a program of their own is handed over as a file; and no type is
ever one that a script element takes.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, unquote, urlsplit

from etolwatch.harvest.scope import canonical
from etolwatch.model import Payload
from etolwatch.publish.rewrite import rewrite_css, rewrite_html
from etolwatch.publish.xhtml import XHTML, as_html
from etolwatch.text.decode import decode
from etolwatch.text.markup import Attribute, Token, attributes, narrowed, tokens
from etolwatch.text.references import Reference, Role

HTML = ("text/html", XHTML)
CSS, PLAIN, ANY = "text/css", "text/plain", "application/octet-stream"
FRAMED = (*HTML, PLAIN)  # these are shown below the banner
# Shown by the browser itself. Drawings (SVG), XML and PDF are not among them: they hold links and scripts.
SHOWN = frozenset(
    "image/png image/jpeg image/gif image/webp image/avif image/bmp image/x-icon image/vnd.microsoft.icon"
    " audio/mpeg audio/ogg audio/wav audio/x-wav audio/mp4 audio/webm video/mp4 video/webm video/ogg"
    " text/plain text/css".split()
)
FONTS = re.compile(r"font/[a-z0-9.+-]+|application/(x-)?font-[a-z0-9.+-]+|application/vnd\.ms-fontobject")
_ESSENCE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_SCRIPT = re.compile(r"(text|application)/((x-)?(java|ecma|live|j)script[0-9.]*|json|.*\+json|wasm)")
_LIKE_HTML = re.compile(rb"<(?:!doctype|html|head|body|title|p|a|h[1-6]|table|div|meta)\b", re.IGNORECASE)
_FLAGS = {Role.FRAME: "if_", Role.STYLE: "cs_", Role.IMAGE: "im_"}  # as the Wayback Machine has them
_LABELS = {
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "ascii": "windows-1252",
    "mac-roman": "macintosh",
}
_BASE_TARGET = re.compile(rb"<base\b[^>]*\btarget", re.IGNORECASE)
NAME_LENGTH = 120
# How the links of a rewritten page begin. Others, such as one with a user's name in it, would lead out.
_INSIDE = (b"/web/", b"/~", b"mailto:")


class Dest(StrEnum):
    """What the answer is for, as far as it matters (Fetch Metadata, Sec-Fetch-Dest)."""

    PAGE = "page"
    FRAME = "frame"  # one of several in a frameset


@dataclass(frozen=True, slots=True)
class Served:
    """A body as it may leave this server."""

    body: bytes
    content_type: str
    is_file: bool  # the browser is not to open it, but to keep it
    name: str  # as a file


def type_of(payload: Payload, flag: str = "") -> str:
    """The type that a capture is treated as: the declared one, or the likeliest where it is none."""
    declared = (payload.content_type or "").partition(";")[0].strip().lower()
    if flag == "cs_" and (declared == PLAIN or not _ESSENCE.fullmatch(declared)):
        return CSS
    if _ESSENCE.fullmatch(declared) and declared != ANY:
        return declared
    if _LIKE_HTML.search(payload.body[:1024]):
        return HTML[0]
    guessed = mimetypes.guess_type(urlsplit(payload.uri).path)[0]
    return guessed or ANY


def served(
    payload: Payload, flag: str, base_uri: str, address: Callable[[str, str], str], dest: Dest
) -> Served:
    """The body with its links leading into the replay, and nothing in it that runs.

    ``address`` gives the path for an address and a flag.
    """
    kind = type_of(payload, flag)
    name = file_name(payload.uri, kind)
    if kind in HTML:
        body, charset = payload.body, "utf-8"
        if kind == XHTML:
            body = as_html(body, payload.content_type)
        else:
            charset = decode(body, payload.content_type).charset
        body = rewrite_html(body, charset, base_uri, _into(base_uri, address), scripts=False)
        return Served(targeted(body, charset, dest), f"text/html; charset={label(charset)}", False, name)
    if kind == CSS:
        charset = decode(payload.body, payload.content_type).charset
        body = rewrite_css(payload.body, charset, base_uri, _into(base_uri, address))
        return Served(body, f"{CSS}; charset={label(charset)}", False, name)
    return Served(payload.body, _plain_type(payload, kind), not is_shown(kind), name)


def raw(payload: Payload) -> Served:
    """The body as it was captured, byte for byte; only a picture or plain text is opened by browsers."""
    kind = type_of(payload)
    declared = " ".join((payload.content_type or kind).split())
    is_sound = _ESSENCE.match(declared.lower()) and declared.isascii() and not _SCRIPT.fullmatch(kind)
    written = declared if is_sound else PLAIN if _SCRIPT.fullmatch(kind) else ANY
    is_file = kind in (*HTML, CSS) or not is_shown(kind)
    return Served(payload.body, written, is_file, file_name(payload.uri, kind))


def is_shown(kind: str) -> bool:
    """Whether browsers show this type themselves, and nothing in it can act."""
    return kind in SHOWN or bool(FONTS.fullmatch(kind) or _SCRIPT.fullmatch(kind))


def _plain_type(payload: Payload, kind: str) -> str:
    if kind == PLAIN or _SCRIPT.fullmatch(kind):
        return f"{PLAIN}; charset={label(decode(payload.body, payload.content_type).charset)}"
    return kind


def label(charset: str) -> str:
    """A charset by a name that browsers know (Encoding Standard §4.2)."""
    name = charset.lower().replace("_", "-")
    return _LABELS.get(name, name)


def file_name(uri: str, kind: str) -> str:
    """A name under which the body can be kept: the last part of its address, with nothing odd in it."""
    last = unquote(urlsplit(uri).path.rpartition("/")[2])
    name = re.sub(r"[^\w.-]+", "-", last, flags=re.ASCII).strip(".-")[-NAME_LENGTH:]
    return name or "index" + (mimetypes.guess_extension(kind) or "")


def disposition(found: Served) -> str:
    """The Content-Disposition of what is to be kept (RFC 6266)."""
    return f"attachment; filename=\"{found.name}\"; filename*=UTF-8''{quote(found.name)}"


# ── links ────────────────────────────────────────────────────────────────────────────


def _into(base_uri: str, address: Callable[[str, str], str]) -> Callable[[Reference, str], str]:
    own = canonical(base_uri)

    def resolve(reference: Reference, uri: str) -> str:
        if reference.role is Role.REFRESH:
            return uri  # leads out, so it is taken out: the banner tells of it
        if reference.role is Role.LINK:
            return "" if uri == own and "#" in reference.href else address(uri, "")
        return address(uri, _FLAGS.get(reference.role, "oe_"))

    return resolve


def targeted(body: bytes, charset: str, dest: Dest) -> bytes:
    """The page with links that open in the whole window, for the banner belongs to a page.

    Fragments stay in the frame, and in a frameset whatever names no other: a sandboxed frame cannot
    lead its neighbours (HTML §7.4.2.4).
    """
    page, width = narrowed(body, charset)
    dest = Dest.PAGE if _BASE_TARGET.search(page) else dest
    if b"<a" not in page and b"<A" not in page:
        return body
    parts, at = [], 0
    for token in tokens(page):
        words = _words(page, token, dest) if token.name in ("a", "area") else ""
        if words:
            place = token.attributes * width
            parts += [
                body[at:place],
                words.encode(_LABELS.get(charset, charset)) if width > 1 else words.encode(),
            ]
            at = place
    return b"".join([*parts, body[at:]])


def _words(page: bytes, token: Token, dest: Dest) -> str:
    """What is put into a link: where it opens; and nowhere to go, where it still led out of the replay.

    Of an attribute that stands twice the first counts (HTML §13.2.5.33).
    """
    found: dict[str, Attribute] = {}
    for attribute in attributes(page, token):
        found.setdefault(attribute.name.rpartition(":")[2], attribute)
    href, target = found.get("href"), found.get("target")
    if href is None:
        return ""
    leads = page[href.value_start : href.value_end].lower()
    if not leads or leads.startswith(b"#"):
        return ' target="_self"'
    if not leads.startswith(_INSIDE):
        return ' target="_self" href="#"'
    if dest is Dest.FRAME and target is None:
        return ""
    return ' target="_top"'
