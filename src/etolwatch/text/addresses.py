"""How browsers read a reference before it is joined: slashes, and the charset of a query. Pure.

The URL Standard reads the addresses of http and https otherwise than RFC 3986 in two ways that old
pages depend on: editors on Windows wrote backslashes into them, and whoever wrote a letter with an
accent behind the question mark meant the byte that it has in the page.
"""

from __future__ import annotations

import re
from urllib.parse import quote

_SCHEME = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.-]*):")
_OTHERS = re.compile(r"[^\x00-\x7f]+")
_BEFORE_QUERY = re.compile(r"[^?#]*")


def slashed(reference: str) -> str:
    """The reference with its backslashes as slashes, as far as they part a path (URL Standard §4.4).

    Not in a query or a fragment, and not where the reference has a scheme other than http and https.
    """
    if "\\" not in reference or not _is_of_the_web(reference):
        return reference
    path = _BEFORE_QUERY.match(reference)
    end = path.end() if path else 0
    return reference[:end].replace("\\", "/") + reference[end:]


def with_query_in(charset: str, reference: str) -> str:
    """The reference with what its query holds beside ASCII escaped by the bytes of the page's charset.

    What the charset has not is written as a character reference, escaped (URL Standard §4.4 and §1.3).
    Pages in UTF-8 and UTF-16 send UTF-8, which is how all else is escaped.
    """
    if reference.isascii() or charset.lower().startswith(("utf", "ascii")) or not _is_of_the_web(reference):
        return reference
    before, number_sign, fragment = reference.partition("#")
    path, mark, query = before.partition("?")
    query = _OTHERS.sub(lambda found: _escaped(found.group(), charset), query)
    return path + mark + query + number_sign + fragment


def _escaped(letters: str, charset: str) -> str:
    try:
        return quote(letters.encode(charset, "xmlcharrefreplace"), safe="")
    except (LookupError, UnicodeError):
        return quote(letters, errors="replace")


def _is_of_the_web(reference: str) -> bool:
    """Whether it is relative, or has the scheme http or https."""
    scheme = _SCHEME.match(reference)
    return scheme is None or scheme[1].lower() in ("http", "https")
