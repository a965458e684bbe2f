"""Lists of captures as web archives exchange them: CDXJ, CDX, and the TimeMap of RFC 7089.

Pure. Keys are SURTs (Sort-friendly URI Reordering Transform): the host backwards, so that what
lies together on the web lies together in the list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote, unquote_to_bytes, urlsplit

from etolwatch.model import Capture, RecordType

CDX_HEADER = "urlkey timestamp original mimetype statuscode digest length"

_WWW = re.compile(r"^www\d*\.")
_SAFE = "!\"$&'()*+,-./:;<=>?@[\\]^_`{|}~"  # what the Internet Archive leaves as it is


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an index: a capture, and where its record lies."""

    capture: Capture
    filename: str
    offset: int
    length: int


def surt(uri: str) -> str:
    """The key of an address: ``org,example)/a/page.htm``; the same for http, https and www.

    As the Internet Archive's canonicaliser makes it: lower case throughout, parts of the query
    sorted, no final slash.
    """
    split = urlsplit(uri)
    host = _WWW.sub("", (split.hostname or "").removesuffix("."))
    port = f":{split.port}" if split.port not in (None, 80, 443) else ""
    path = _escaped(split.path).rstrip("/") or "/"
    query = "&".join(sorted(_escaped(split.query).split("&"))) if split.query else ""
    key = ",".join(reversed(host.split("."))) + port + ")" + path + (f"?{query}" if query else "")
    return key.lower()


def _escaped(part: str) -> str:
    return quote(unquote_to_bytes(part), safe=_SAFE)


def digits(at: datetime) -> str:
    """An instant as 14 digits in UTC."""
    return f"{at.astimezone(UTC):%Y%m%d%H%M%S}"


def cdxj(entries: Iterable[Entry]) -> list[str]:
    """The lines of a CDXJ index, sorted, each with its line end (as pywb and cdxj-indexer write it)."""
    return sorted(_cdxj_line(entry) for entry in entries)


def _cdxj_line(entry: Entry) -> str:
    capture = entry.capture
    fields = {
        "url": capture.asks,
        "mime": _mime(capture),
        "status": str(capture.status),
        "digest": capture.payload_digest,
        "length": str(entry.length),
        "offset": str(entry.offset),
        "filename": entry.filename,
    }
    if capture.status == 304:
        del fields["status"]  # its record has no HTTP head: what is replayed is that of the response
    key = f"{surt(capture.asks)} {digits(capture.captured_at)}"
    return f"{key} {json.dumps(fields, ensure_ascii=False)}\n"


def cdx(entries: Iterable[Entry]) -> list[str]:
    """The lines of a CDX list, sorted, without a header: the seven columns of `CDX_HEADER`."""
    return sorted(_cdx_line(entry) for entry in entries)


def _cdx_line(entry: Entry) -> str:
    capture = entry.capture
    status = "-" if capture.record_type is RecordType.REVISIT else str(capture.status)
    digest = capture.payload_digest.removeprefix("sha1:")
    columns = (
        surt(capture.asks),
        digits(capture.captured_at),
        capture.asks,
        _mime(capture),
        status,
        digest,
        str(entry.length),
    )
    return " ".join(columns) + "\n"


def _mime(capture: Capture) -> str:
    if capture.record_type is RecordType.REVISIT:
        return "warc/revisit"
    return (capture.content_type or "").partition(";")[0].strip().replace(" ", "") or "unk"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the TimeMap, the TimeGate and the mementos of a page are.

    ``others``: the other parts of a TimeMap that comes in several, each with its first and last.
    """

    timemap: str
    timegate: str
    replay: str  # what stands before digits and address
    others: tuple[tuple[str, datetime, datetime], ...] = ()


def places(uri: str, base: str) -> Places:
    """All below one address, such as ``http://localhost:8080/all/``, as pywb has them."""
    return Places(f"{base}timemap/link/{uri}", f"{base}{uri}", base)


def timemap(uri: str, captures: Sequence[Capture], base: str, at: Places | None = None) -> str:
    """The TimeMap of a page in link format (RFC 7089 §5, RFC 6690).

    ``base`` is where its captures are replayed, such as ``http://localhost:8080/all/``: URI-Ms
    are ``base`` + 14 digits + "/" + the page's address, the TimeGate is ``base`` + address; unless
    ``at`` says otherwise. The first and the last are not marked as such, which is left free:
    memento-cli would miss them.
    """
    at = at or places(uri, base)
    links = [
        f'<{uri}>; rel="original"',
        _self_link(captures, at),
        f'<{at.timegate}>; rel="timegate"',
    ]
    links += [_part_link(*part) for part in at.others]
    links += [_memento_link(one, at.replay) for one in captures]
    return ",\n".join(links) + "\n"


def _memento_link(capture: Capture, replay: str) -> str:
    uri_m = f"{replay}{digits(capture.captured_at)}/{capture.asks}"
    return f'<{uri_m}>; rel="memento"; datetime="{http_date(capture.captured_at)}"'


def _part_link(part: str, first: datetime, last: datetime) -> str:
    span = f'from="{http_date(first)}"; until="{http_date(last)}"'
    return f'<{part}>; rel="timemap"; type="application/link-format"; {span}'


def _self_link(captures: Sequence[Capture], at: Places) -> str:
    link = f'<{at.timemap}>; rel="self"; type="application/link-format"'
    if not captures:
        return link
    first, last = http_date(captures[0].captured_at), http_date(captures[-1].captured_at)
    return f'{link}; from="{first}"; until="{last}"'


def http_date(at: datetime) -> str:
    """An instant as HTTP writes it (RFC 9110 §5.6.7): “Mon, 09 Nov 2026 04:17:00 GMT”."""
    return format_datetime(at.astimezone(UTC), usegmt=True)
