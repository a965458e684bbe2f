"""The addresses of our own pages: an instant of 14 digits and a page's address, as archives write them.

The page's address stands in the path as it is, its query as the query, as in the Wayback
Machine: `/web/20261109041700/https://example.org/a?b=c`. Servers decode a path before a program sees
it, and `%2F` and `/` are two addresses; so the address is read from the request as it was sent.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote

from etolwatch.harvest.scope import canonical
from etolwatch.when import digits

WAYBACK = "https://web.archive.org/web/"
_SAFE = ":/?&=%~+,;@!$'()*[]"
_TARGET = re.compile(r"(?:https?://[^/?]*)?(/[^?]*(?:\?.*)?)", re.IGNORECASE | re.DOTALL)
_ONE_SLASH = re.compile(r"^(https?):/+", re.IGNORECASE)


def finding_path(at: datetime, uri: str) -> str:
    """The page of the finding on the capture of this instant."""
    return f"/finding/{digits(at)}/{in_path(uri)}"


def text_path(at: datetime, uri: str) -> str:
    """The page with the text of the version captured at this instant."""
    return f"/text/{digits(at)}/{in_path(uri)}"


def web_path(at: datetime, uri: str, flag: str = "") -> str:
    """The replay of a capture; ``flag`` as in the Wayback Machine: "id_" is the body as it was sent."""
    return f"/web/{digits(at)}{flag}/{in_path(uri)}"


def calendar_path(uri: str) -> str:
    """The calendar of a page's captures."""
    return f"/web/*/{in_path(uri)}"


def wayback_uri(uri: str, at: datetime | None = None) -> str:
    """Where the Wayback Machine has the page: at about this instant, or all it has."""
    return f"{WAYBACK}{digits(at) if at else '*'}/{in_path(uri)}"


def in_path(uri: str) -> str:
    """The address as it may stand at the end of a path."""
    return quote(uri, safe=_SAFE)


def asked_uri(request_uri: str, segments: int) -> str | None:
    """The page's address in a request target, behind so many segments of the path, canonical.

    "/web/2026…/https://a.org/b?c" with 2 gives "https://a.org/b?c". A proxy may have made one
    slash of two. None if what stands there is no address of a page on the web.
    """
    target = _TARGET.match(request_uri)
    if target is None:
        return None
    parts = target[1].split("/", segments + 1)
    if len(parts) < segments + 2:
        return None
    uri = _ONE_SLASH.sub(r"\1://", parts[-1])
    return canonical(uri if "://" in uri.partition("?")[0] else f"https://{uri}")
