"""What replay, TimeGate and calendar have in common: the line of a page, its URI-Ms, their Link header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote_to_bytes, urlsplit

from flask import abort, request
from werkzeug.datastructures import Headers

from etolwatch.archive.cdxj import http_date
from etolwatch.archive.moments import Line, Moment
from etolwatch.harvest.scope import stands_for
from etolwatch.web.addresses import in_path
from etolwatch.web.library import library

LINK_FORMAT = "application/link-format"
_BYTES = re.compile(r"(?:%[89A-F][0-9A-F])+")  # escaped, and not ASCII


def base() -> str:
    """Where this server is, as its client asked for it, with a final slash."""
    return request.host_url


def refuse_embedding() -> None:
    """Answers 403 where a page of another site asks for a view as a part of itself (Fetch Metadata).

    What costs much to answer is not for pictures and frames that do not show it; links may lead to it.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in ("none", "same-origin") and request.headers.get("Sec-Fetch-Dest") != "document":
        abort(403, "This view is not to be loaded by a page of another site.")


def target() -> str:
    """What was asked for, as it was sent: decoded, “%2F” and “/” could not be told apart."""
    sent = request.environ.get("REQUEST_URI")
    return str(sent) if sent else request.full_path.removesuffix("?")


def memento_path(line: Line, moment: Moment, flag: str = "") -> str:
    """The path of a URI-M, the replay of one capture: by 14 digits or, where they mean another, by 20."""
    return f"/web/{line.digits(moment)}{flag}/{in_path(line.uri)}"


def line_of(uri: str) -> Line:
    """The line of the page at this address, or at one that web archives take for the same.

    http and https, with and without “www.”, the mirror that is read in the site's place, and a query
    that was once escaped as UTF-8 where its page has another charset.
    Empty, under the address asked for, where none is held.
    """
    catalog = library().store().catalog
    for candidate in dict.fromkeys(_variants(uri)):
        if found := catalog.line(candidate):
            return found
    return Line(uri, ())


def _variants(uri: str) -> Iterator[str]:
    yield uri
    yield from (stands_for(site, uri) for site in library().config.sites)
    split = urlsplit(uri)
    bare = split.netloc.removeprefix("www.")
    for scheme in ("https", "http"):
        for netloc in (bare, f"www.{bare}"):
            yield split._replace(scheme=scheme, netloc=netloc).geturl() + ("?" if uri.endswith("?") else "")
    path, mark, query = uri.partition("?")
    yield path + mark + _BYTES.sub(_in_utf_8, query)


def _in_utf_8(found: re.Match[str]) -> str:
    octets = unquote_to_bytes(found.group())
    try:
        octets.decode()
    except UnicodeDecodeError:
        return quote(octets.decode("cp1252", "replace"), safe="")
    return found.group()


def memento_headers(line: Line, moment: Moment) -> Headers:
    """Memento-Datetime and Link of a memento (RFC 7089 §2.1.1, §2.2)."""
    headers = Headers()
    headers["Memento-Datetime"] = http_date(moment.at)
    headers["Link"] = link_header(line, moment, gate=True)
    return headers


def link_header(line: Line, moment: Moment, *, gate: bool = False) -> str:
    """The links between page, TimeGate, TimeMap and mementos; ``gate``: to the TimeGate, too."""
    here, uri = base(), in_path(line.uri)
    links = [f'<{line.uri}>; rel="original"']
    links += [f'<{here}timegate/{uri}>; rel="timegate"'] if gate else []
    first, last = line.moments[0], line.moments[-1]
    span = f'from="{http_date(first.at)}"; until="{http_date(last.at)}"'
    links.append(f'<{here}timemap/link/{uri}>; rel="timemap"; type="{LINK_FORMAT}"; {span}')
    rels: dict[Moment, list[str]] = {moment: []}
    named = (("first", first), ("prev", line.before(moment)), ("next", line.after(moment)), ("last", last))
    for rel, one in named:
        if one is not None:
            rels.setdefault(one, []).append(rel)
    for one, names in rels.items():
        rel = " ".join((*names, "memento"))
        path = memento_path(line, one)
        links.append(f'<{here.rstrip("/")}{path}>; rel="{rel}"; datetime="{http_date(one.at)}"')
    return ", ".join(links)
