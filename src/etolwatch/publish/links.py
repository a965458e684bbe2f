"""Where a page stands elsewhere, as addresses that may be put into a link."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlsplit

from etolwatch.config import is_address
from etolwatch.harvest.scope import is_loopback
from etolwatch.when import digits

WAYBACK = "https://web.archive.org/web/"
TAIL = 3  # segments of a path that tell a page from others


def wayback(uri: str, at: datetime | None = None) -> str | None:
    """Where the Wayback Machine has the page: about this instant, or all it has.

    None for what it cannot have: a file, a page of this machine.
    """
    if not is_address(uri) or is_loopback(uri):
        return None
    return f"{WAYBACK}{digits(at) if at else '*'}/{quote(uri, safe=SAFE)}"


def tail(uri: str) -> str:
    """The last segments of an address, by which a reader knows the page: “1958/08/export.htm”."""
    parts = urlsplit(uri)
    segments = [segment for segment in parts.path.split("/") if segment][-TAIL:]
    query = f"?{parts.query}" if parts.query else ""
    return ("/".join(segments) + query) or uri


SAFE = ":/?&=%~+,;@!$'()*[]"
