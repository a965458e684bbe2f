"""The links of a page: what harvest follows. Fast, for it runs on every new text."""

from __future__ import annotations

from urllib.parse import urljoin

import lxml.etree

from etolwatch.model import Payload
from etolwatch.text.decode import decode

LINKING = {"a": "href", "area": "href", "frame": "src", "iframe": "src"}


def links(payload: Payload, base_uri: str) -> tuple[str, ...]:
    """Absolute addresses that an HTML page links to, in order, each once, fragments kept.

    ``base_uri`` is the page's own address; a ``base`` element stands before it (HTML
    §2.4.3). Addresses that cannot be joined are left out: a browser could not go there.
    """
    if not _is_html(payload):
        return ()
    root = _root(decode(payload.body, payload.content_type).text)
    if root is None:
        return ()
    found: dict[str, None] = {}
    for element in root.iter("base", *LINKING):
        tag = str(element.tag)
        reference = element.get("href" if tag == "base" else LINKING[tag])
        joined = _joined(base_uri, reference)
        if joined and tag == "base":
            base_uri = joined
        elif joined:
            found[joined] = None
    return tuple(found)


def _is_html(payload: Payload) -> bool:
    declared = (payload.content_type or "text/html").partition(";")[0].strip().lower()
    return declared in ("text/html", "application/xhtml+xml", "")


def _root(text: str) -> lxml.etree._Element | None:
    parser = lxml.etree.HTMLParser(huge_tree=True, encoding="utf-8")
    try:
        return lxml.etree.fromstring(text.encode("utf-8", "replace"), parser)
    except lxml.etree.XMLSyntaxError:
        return None  # nothing in it is mark-up, so nothing links


def _joined(base: str, reference: str | None) -> str | None:
    if not reference or not reference.strip():
        return None
    return joined(base, reference.strip()) or None


def joined(base: str, reference: str) -> str:
    """A reference as an absolute address (RFC 3986 §5); "" for what cannot be joined."""
    if reference.startswith("#"):  # a note, one of a hundred: joined without parsing
        return base.partition("#")[0] + reference
    try:
        return urljoin(base, reference)
    except ValueError:
        return ""
