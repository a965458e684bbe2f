"""XHTML as HTML, which it is shown as: there ``<script/>`` would swallow what follows."""

from __future__ import annotations

import re
from functools import cache
from html.entities import html5
from typing import Any

import lxml.etree

from etolwatch.text.decode import decode

XHTML = "application/xhtml+xml"
NAMESPACE = "{http://www.w3.org/1999/xhtml}"
# HTML §14.2: of these document types browsers know the entities; of all others they read nothing.
KNOWN = re.compile(
    r"-//W3C//DTD (?:XHTML 1\.0 (?:Transitional|Strict|Frameset)|XHTML 1\.1(?: plus MathML 2\.0"
    r"(?: plus SVG 1\.1)?)?|XHTML Basic 1\.[01]|MathML 2\.0)//EN"
    r"|-//WAPFORUM//DTD XHTML Mobile 1\.[0-2]//EN"
)
PROLOG = re.compile(r"\ufeff?\s*(?:<\?xml[\s?].*?\?>)?", re.S)  # it names a charset, which is no longer that
DOCTYPE = re.compile(r"\s*(?:<!--.*?-->\s*)*<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>", re.S)
ENTITIES = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "xhtml1-transitional.dtd">'


def as_html(body: bytes, content_type: str | None) -> bytes:
    """An XHTML page as HTML in UTF-8, its entities undone.

    What is not well-formed, of which browsers show less, is read as far as a reader can guess it,
    with the entities of XHTML. Nothing is read from the disk or asked for.
    """
    text = decode(body, content_type).text
    text = text[match.end() :] if (match := PROLOG.match(text)) else text
    root = _parsed(text, recover=False)
    if root is None:
        doctype = DOCTYPE.match(text)
        root = _parsed(ENTITIES + text[doctype.end() if doctype else 0 :], recover=True)
    if root is None:
        return text.encode("utf-8", "replace")  # no mark-up at all
    for element in root.iter(f"{NAMESPACE}*"):
        element.tag = element.tag.removeprefix(NAMESPACE)
    lxml.etree.cleanup_namespaces(root)
    html: bytes = lxml.etree.tostring(root, method="html", encoding="utf-8", doctype="<!DOCTYPE html>")
    return html


def _parsed(text: str, *, recover: bool) -> lxml.etree._Element | None:
    parser = lxml.etree.XMLParser(
        no_network=True, load_dtd=True, recover=recover, encoding="utf-8", remove_pis=True
    )
    parser.resolvers.add(_OwnEntities())
    try:
        return lxml.etree.fromstring(text.encode("utf-8", "replace"), parser)
    except lxml.etree.XMLSyntaxError:
        return None


class _OwnEntities(lxml.etree.Resolver):
    """Gives the entities of XHTML for its document types, and for every other file none at all."""

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]
        known = KNOWN.fullmatch(" ".join((public_id or "").split()))
        return self.resolve_string(_entities() if known else "", context, base_url=None)


@cache
def _entities() -> str:
    """A document type with what HTML §13.5 names; "&" and "<" are escaped twice (XML §4.6)."""
    return "".join(
        f'<!ENTITY {name[:-1]} "{"".join(_escaped(sign) for sign in signs)}">'
        for name, signs in html5.items()
        if name.endswith(";")
    )


def _escaped(sign: str) -> str:
    return f"&#38;#{ord(sign)};" if sign in "&<" else f"&#{ord(sign)};"
