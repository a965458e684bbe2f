"""What a page links to and what it needs: what harvest follows. Fast, for it runs on every new text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import lxml.etree

from etolwatch.model import Payload, Requisite
from etolwatch.text.addresses import slashed, with_query_in
from etolwatch.text.decode import Decoded, decode
from etolwatch.text.references import Reference, Role, css_references, html_references

NEEDED = {
    Role.STYLE: Requisite.STYLE,
    Role.FRAME: Requisite.FRAME,
    Role.IMAGE: Requisite.IMAGE,
    Role.FONT: Requisite.FONT,
    Role.MEDIA: Requisite.MEDIA,
    Role.OBJECT: Requisite.MEDIA,
    Role.SCRIPT: Requisite.SCRIPT,
}
HTML = ("text/html", "application/xhtml+xml")
LINKING = {"a": "href", "area": "href", "frame": "src", "iframe": "src"}


@dataclass(frozen=True, slots=True)
class Leads:
    """Where a page leads: to other pages, and to what it needs to be shown; absolute, each once, in order."""

    links: tuple[str, ...] = ()
    needs: tuple[tuple[str, Requisite], ...] = ()


def leads(payload: Payload, base_uri: str, requisite: Requisite | None = None) -> Leads:
    """Where a capture leads; ``requisite`` is as what it is needed, None for a page.

    A style sheet needs what it imports and what its ``url()`` name; the contents of a frame, what
    any page needs. Nothing else that is needed leads anywhere: mark-up that answers in
    the place of a picture or a style sheet is a message that it is not there.
    """
    if requisite is Requisite.STYLE:
        if _media_type(payload) in HTML:
            return Leads()
        charset = decode(payload.body, payload.content_type).charset
        return Leads((), tuple(_needs(css_references(payload.body, charset), base_uri)))
    if requisite not in (None, Requisite.FRAME) or not _is_html(payload):
        return Leads()
    decoded = decode(payload.body, payload.content_type)
    needs = tuple(_needs(html_references(payload.body, decoded.charset, anchors=False), base_uri))
    return Leads(_links(decoded, base_uri) if requisite is None else (), needs)


def _needs(references: Iterable[Reference], base_uri: str) -> Iterator[tuple[str, Requisite]]:
    """What these references need; the first base element with an address holds for all (HTML §2.4.3)."""
    found = list(references)
    first = next((one.href for one in found if one.role is Role.BASE and one.href), "")
    base = joined(base_uri, first) or base_uri
    seen: set[str] = set()
    for one in found:
        kind = NEEDED.get(one.role)
        if kind is None or not one.href or one.href.startswith("#"):
            continue
        uri = joined(base, one.href).partition("#")[0]
        if uri and uri not in seen and urlsplit(uri).scheme in ("http", "https"):
            seen.add(uri)
            yield uri, kind


def links(payload: Payload, base_uri: str) -> tuple[str, ...]:
    """Absolute addresses that an HTML page links to, in order, each once, fragments kept.

    ``base_uri`` is the page's own address; a ``base`` element stands before it (HTML
    §2.4.3). Addresses that cannot be joined are left out: a browser could not go there.
    """
    if not _is_html(payload):
        return ()
    return _links(decode(payload.body, payload.content_type), base_uri)


def _links(decoded: Decoded, base_uri: str) -> tuple[str, ...]:
    root = _root(decoded.text)
    if root is None:
        return ()
    found: dict[str, None] = {}
    for element in root.iter("base", *LINKING):
        tag = str(element.tag)
        reference = element.get("href" if tag == "base" else LINKING[tag])
        joined = _joined(base_uri, reference, decoded.charset)
        if joined and tag == "base":
            base_uri = joined
        elif joined:
            found[joined] = None
    return tuple(found)


def _is_html(payload: Payload) -> bool:
    return _media_type(payload) in (*HTML, "")


def _media_type(payload: Payload) -> str:
    return (payload.content_type or "").partition(";")[0].strip().lower()


def _root(text: str) -> lxml.etree._Element | None:
    parser = lxml.etree.HTMLParser(huge_tree=True, encoding="utf-8")
    try:
        return lxml.etree.fromstring(text.encode("utf-8", "replace"), parser)
    except lxml.etree.XMLSyntaxError:
        return None  # nothing in it is mark-up, so nothing links


def _joined(base: str, reference: str | None, charset: str) -> str | None:
    if not reference or not reference.strip():
        return None
    return joined(base, with_query_in(charset, reference.strip())) or None


def joined(base: str, reference: str) -> str:
    """A reference as an absolute address (RFC 3986 §5, slashes as browsers have them); "" if it cannot be."""
    if reference.startswith("#"):  # a note, one of a hundred: joined without parsing
        return base.partition("#")[0] + reference
    try:
        return urljoin(base, slashed(reference))
    except ValueError:
        return ""
