"""The bytes of one file of the mirror: the capture as it is, its addresses those of the tree."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass

from etolwatch.model import Payload
from etolwatch.publish.drawings import rewrite_xml
from etolwatch.publish.mirror.names import media_type, reference
from etolwatch.publish.mirror.plan import Held, Plan
from etolwatch.publish.rewrite import UNLOADABLE, rewrite_css, rewrite_html
from etolwatch.publish.xhtml import XHTML, as_html
from etolwatch.text.decode import Decoded, decode
from etolwatch.text.references import Reference, Role

RULES = 2  # raised whenever the same capture would come out otherwise
LOCAL = "'self' file:"
# CSP Level 3: nothing runs, nothing is had from anywhere but this tree, nothing is sent. What a
# reader clicks on is no matter of it. `meta` takes no sandbox and no frame-ancestors (§3.3).
POLICY = (
    f"default-src 'none'; img-src {LOCAL} data:; style-src {LOCAL} data: 'unsafe-inline'; "
    f"font-src {LOCAL} data:; media-src {LOCAL} data:; frame-src {LOCAL}; object-src {LOCAL}; "
    "base-uri 'none'; form-action 'none'"
)
POLICY_WITH_SCRIPTS = (
    f"default-src {LOCAL} data: blob: 'unsafe-inline' 'unsafe-eval'; base-uri 'none'; form-action 'none'"
)
HEAD = (
    '<meta charset="{charset}" /><meta http-equiv="Content-Security-Policy" content="{policy}" />'
    '<meta name="referrer" content="no-referrer" />'
    '<meta http-equiv="x-dns-prefetch-control" content="off" />'
)
HTML = ("text/html", "")
AS_HTML = "text/html; charset=utf-8"
# Python's names of the charsets that browsers know (Encoding Standard §4.2), and the label of each there.
LABELS = {
    **{name: name for name in ("utf-8", "big5", "gbk", "gb18030", "shift_jis", "koi8-r", "koi8-u")},
    **{f"iso8859-{n}": f"iso-8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"cp125{n}": f"windows-125{n}" for n in range(9)},
    "ascii": "utf-8",
    "windows-1252": "windows-1252",
    "gb2312": "gbk",
    "euc_jp": "euc-jp",
    "euc_kr": "euc-kr",
    "cp949": "euc-kr",
    "cp932": "shift_jis",
    "cp874": "windows-874",
    "tis-620": "windows-874",
    "cp866": "ibm866",
    "mac-roman": "macintosh",
    "iso8859-9": "windows-1254",
    "mac-cyrillic": "x-mac-cyrillic",
    "iso8859-11": "windows-874",
    "big5hkscs": "big5",
}
UTF_16 = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


@dataclass(frozen=True, slots=True)
class Page:
    """The bytes of a file, and every address of the web that it refers to, each once, in order.

    With each stands whether it is one that readers look at: a link, a frame.
    """

    body: bytes
    refers_to: dict[str, bool]


def written(held: Held, payload: Payload, plan: Plan, *, scripts: bool) -> Page:
    """What the file of this capture holds."""
    kind, body = media_type(payload.content_type), payload.body
    refers_to: dict[str, bool] = {}

    def resolve(reference: Reference, uri: str) -> str:
        refers_to[uri] = refers_to.get(uri, False) or reference.role in LINKS or reference.role is Role.FRAME
        return address(plan, held, uri, reference.role)

    base = payload.uri
    if kind in HTML and (kind or not held.is_requisite):
        body = _html(body, payload.content_type, base, resolve, scripts=scripts)
    elif kind == XHTML:
        body = _html(as_html(body, payload.content_type), AS_HTML, base, resolve, scripts=scripts)
    elif kind == "text/css":
        decoded = decode(body, payload.content_type)
        body = rewrite_css(body, decoded.charset, base, resolve)
    elif kind == "text/plain":
        body = _plain(body, decode(body, payload.content_type))
    elif kind.endswith("+xml") or kind in ("text/xml", "application/xml"):
        body = rewrite_xml(body, base, resolve, scripts=scripts)
    return Page(body, refers_to)


LINKS = frozenset({Role.LINK, Role.REFRESH, Role.FORM, Role.BASE})


def address(plan: Plan, held: Held, uri: str, role: Role) -> str:
    """The address of ``uri`` in the file of ``held``: relative, if it is in the mirror.

    Of what is not, links keep the address. What a browser would ask for by itself keeps it only behind
    an address that leads nowhere, so that a page asks for nothing even where its policy is unknown.
    """
    target = plan.target(uri)
    if target:
        return reference(target.path, held.path)
    if role in LINKS or role is Role.OTHER:
        return uri
    return f"{BLANK if role is Role.FRAME else UNLOADABLE}#{uri}"


BLANK = "about:blank"


def _html(
    body: bytes,
    content_type: str | None,
    base: str,
    resolve: Callable[[Reference, str], str],
    *,
    scripts: bool,
) -> bytes:
    decoded = decode(body, content_type)
    body, charset, label = _readable(body, decoded)
    head = HEAD.format(charset=label, policy=POLICY_WITH_SCRIPTS if scripts else POLICY)
    return rewrite_html(body, charset, base, resolve, scripts=scripts, head=head.encode("ascii"))


def _readable(body: bytes, decoded: Decoded) -> tuple[bytes, str, str]:
    """The body in a charset that browsers know: its own wherever that is one. With its two names."""
    if decoded.charset in UTF_16:
        mark = UTF_16[decoded.charset]  # for UTF-16 a mark is the only declaration (HTML §13.2.3.2)
        return body if body.startswith(mark) else mark + body, decoded.charset, "utf-8"
    label = LABELS.get(decoded.charset)
    if label is None:
        return decoded.text.encode("utf-8", "replace"), "utf-8", "utf-8"
    return body, decoded.charset, label


def _plain(body: bytes, decoded: Decoded) -> bytes:
    """A text without mark-up says its charset by a mark alone."""
    if body.isascii() or decoded.rule == "bom":
        return body
    return codecs.BOM_UTF8 + decoded.text.encode("utf-8", "replace")
