"""Lists of captures, as web archives write them: CDX in its dialects, and TimeMaps. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import groupby
from typing import Any, TypeVar
from urllib.parse import quote, urljoin

from etolwatch.errors import EtolwatchError, UsageError

WAYBACK = "https://web.archive.org/cdx/search/cdx"
LISTED_AT_ONCE = 10_000  # rows of one answer, where an archive gives a list in parts

_COLUMNS = ("urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length")
_NAMES = {"url": "original", "mime": "mimetype", "status": "statuscode"}  # pywb's words for them
_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^",;\s]+))*)')
_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^",;\s]+))')
_STAMPED = re.compile(r"^(.*?/)(\d{14})([a-z]{2}_)?(/.*)$")


_UNTOLD = ("", "-", "unk", "warc/revisit")  # types that say nothing of the page
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError)
T = TypeVar("T")


class NoList(EtolwatchError):
    """An answer that is no list of captures in any form that is known."""


@dataclass(frozen=True, slots=True)
class Row:
    """One capture that an archive says it holds. ``raw``: where its bytes can be had as they were."""

    at: datetime
    uri: str  # as the site's address was written then
    raw: str
    digest: str | None  # None: the list does not tell
    status: int | None  # None: told as "-", or not at all
    content_type: str | None = None  # None: not told

    @property
    def likeness(self) -> tuple[str, int] | None:
        """What two captures of the same bytes have in common; None if only the bytes can tell.

        Redirects are told apart by where they lead, which is in no digest.
        """
        status = self.status or 200
        return None if self.digest is None or 300 <= status < 400 else (self.digest, status)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A capture to be fetched, or, with ``like``, one that has the same bytes by the archive's word."""

    row: Row
    like: Row | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """The captures of a list, in its order; and further lists that it names (RFC 7089 §5.1).

    ``odd``: rows that cannot be read. ``resume``: by which key the next part of it is asked for.
    """

    rows: tuple[Row, ...]
    further: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    resume: str | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """Where a web archive lists its captures, and where it gives them back."""

    listing: str  # a CDX address, or the beginning of TimeMaps
    replay: str

    @classmethod
    def named(cls, source: str) -> Archive:
        """The archive of this name (``wayback``) or address (of CDX or TimeMaps). Raises UsageError."""
        listing = WAYBACK if source == "wayback" else source.rstrip("/")
        if not listing.startswith(("http://", "https://")):
            raise UsageError(
                "no web archive", source, "expected “wayback”, or the address of a CDX or a TimeMap"
            )
        if listing.endswith("/cdx/search/cdx"):
            return cls(listing, listing.removesuffix("cdx/search/cdx") + "web/")
        if listing.endswith("/cdx"):
            return cls(listing, listing.removesuffix("cdx"))
        if "/timemap" in listing:
            return cls(listing + "/", listing.partition("timemap")[0])
        raise UsageError("neither a CDX nor a TimeMap", source, "expected …/cdx or …/timemap/link")

    @property
    def lists_below(self) -> bool:
        """Whether it can be asked for all that it holds below an address: a CDX server, no TimeMap."""
        return not self.listing.endswith("/")

    def list_of(self, uri: str) -> str:
        """The address that lists the captures of a page."""
        if not self.lists_below:
            return self.listing + uri
        return f"{self.listing}?url={quote(uri, safe='')}&output=json"

    def list_below(self, prefix: str, resume: str | None = None) -> str:
        """The address that lists the captures of all pages whose addresses begin so, page by page.

        The Wayback Machine's server gives them in parts, the next one for the key of the one before;
        pywb's gives them at once.
        """
        address = f"{self.list_of(prefix)}&matchType=prefix"
        if not self.listing.endswith("/cdx/search/cdx"):
            return address
        address += f"&limit={LISTED_AT_ONCE}&showResumeKey=true"
        return address + (f"&resumeKey={quote(resume, safe='')}" if resume else "")


def read_list(text: str, archive: Archive, asked: str) -> Listed:
    """The captures that an answer lists, in whichever form: JSON rows, JSON lines, CDX, CDXJ, link format.

    ``asked`` is the address that gave it. A row that cannot be read is set apart. Raises NoList where
    none can, and there are some.
    """
    text = text.strip()
    resume = None
    try:
        if text.startswith("<"):
            listed = _timemap(text, asked)
        elif text.startswith("["):
            header, told, resume = _table(text)
            rows, odd = _sorted_out(told, lambda row: _row(dict(zip(header, row, strict=True)), archive))
            listed = Listed(rows, (), odd, resume)
        else:
            lines = [line for line in text.splitlines() if line.strip()]
            rows, odd = _sorted_out(lines, lambda line: _row(_line(line), archive))
            listed = Listed(rows, (), odd)
    except _MALFORMED as error:
        raise NoList("no list of captures", asked, f"{text[:60]!r}") from error
    if listed.odd and not listed.rows:
        raise NoList("no list of captures", asked, f"{text[:60]!r}")
    return listed


def _table(text: str) -> tuple[list[str], list[Any], str | None]:
    """The header, the rows and the key for the next part of a list in JSON (Wayback CDX server)."""
    header, *rows = json.loads(text) or [[]]
    if len(rows) > 1 and rows[-2] == [] and len(rows[-1]) == 1:
        return header, rows[:-2], str(rows[-1][0])
    return header, rows, None


def _sorted_out(told: Iterable[T], read: Callable[[T], Row]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """The rows that can be read, and those that cannot."""
    rows: list[Row] = []
    odd: list[str] = []
    for one in told:
        try:
            rows.append(read(one))
        except _MALFORMED:
            odd.append(str(one))
    return tuple(rows), tuple(odd)


def _line(line: str) -> dict[str, str]:
    if line.startswith("{"):
        return _named(json.loads(line))
    words = line.split(" ", 2)
    if len(words) == 3 and words[2].startswith("{"):
        return {"timestamp": words[1], **_named(json.loads(words[2]))}
    return dict(zip(_COLUMNS, line.split(" "), strict=True))


def _named(fields: dict[str, str]) -> dict[str, str]:
    return {_NAMES.get(name, name): value for name, value in fields.items()}


def _row(fields: dict[str, str], archive: Archive) -> Row:
    stamp, uri = fields["timestamp"], fields["original"]
    status = fields.get("statuscode", "-")
    digest = fields.get("digest", "-").removeprefix("sha1:")
    content_type = fields.get("mimetype", "-")
    return Row(
        at=_instant(stamp),
        uri=uri,
        raw=f"{archive.replay}{stamp}id_/{uri}",
        digest=None if digest in ("-", "") else digest,
        status=int(status) if status.isdigit() else None,
        content_type=None if content_type in _UNTOLD else content_type,
    )


def _timemap(text: str, asked: str) -> Listed:
    """A TimeMap in link format (RFC 7089 §5, RFC 6690)."""
    links = [(urljoin(asked, target), _parameters(rest)) for target, rest in _LINK.findall(text)]
    originals = [target for target, about in links if "original" in about.get("rel", "").split()]
    if not originals:
        raise NoList("no TimeMap", asked, "it names no original")
    mementos = [link for link in links if "memento" in link[1].get("rel", "").split()]
    rows, odd = _sorted_out(mementos, lambda link: _memento(originals[0], *link))
    further = tuple(t for t, about in links if "timemap" in about.get("rel", "").split() and t != asked)
    return Listed(rows, further, odd)


def _memento(original: str, target: str, about: dict[str, str]) -> Row:
    at = parsedate_to_datetime(about["datetime"]).astimezone(UTC)
    return Row(at, original, raw_form(target), None, None)


def _parameters(text: str) -> dict[str, str]:
    return {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(text)}


def raw_form(uri_m: str) -> str:
    """Where a capture's bytes are given as they were: ``id_`` after 14 digits; as it is without digits."""
    found = _STAMPED.match(uri_m)
    return f"{found.group(1)}{found.group(2)}id_{found.group(4)}" if found else uri_m


def is_stamped(uri: str) -> bool:
    """Whether an address is that of a capture: it has 14 digits as a segment, before an address."""
    return _STAMPED.match(uri) is not None


def stamp_of(uri: str) -> datetime | None:
    """The time that the address of a capture names; None if it names none."""
    found = _STAMPED.match(uri)
    try:
        return _instant(found.group(2)) if found else None
    except ValueError:
        return None


def _instant(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def collapse(rows: Sequence[Row]) -> list[Wanted]:
    """What is to be had of a list, oldest first.

    Of captures in a row with the same bytes the first and the last: the last tells how long the
    text stood. Bytes that came before are not fetched again. Rows that repeat one another count once.
    """
    once = {(row.at, row.likeness or row.raw): row for row in reversed(rows)}
    ordered = sorted(once.values(), key=lambda row: row.at)
    seen: dict[tuple[str, int], Row] = {}
    wanted: list[Wanted] = []
    for likeness, group in groupby(ordered, key=lambda row: row.likeness):
        alike = list(group)
        if likeness is None:
            wanted += [Wanted(row) for row in alike]
            continue
        ends = alike[:1] + alike[1:][-1:]
        wanted += [
            Wanted(row, seen.get(likeness) if row is alike[0] else seen.get(likeness, alike[0]))
            for row in ends
        ]
        seen.setdefault(likeness, alike[0])
    return wanted
