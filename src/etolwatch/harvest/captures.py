"""Lists of captures, as web archives write them: CDX in its dialects, and TimeMaps. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import groupby
from urllib.parse import quote, urljoin

from etolwatch.errors import EtolwatchError, UsageError

WAYBACK = "https://web.archive.org/cdx/search/cdx"

_COLUMNS = ("urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length")
_NAMES = {"url": "original", "mime": "mimetype", "status": "statuscode"}  # pywb's words for them
_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^",;\s]+))*)')
_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^",;\s]+))')
_STAMPED = re.compile(r"^(.*?/)(\d{14})([a-z]{2}_)?(/.*)$")


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
    """The captures of a list, oldest first; and further lists that it names (RFC 7089 §5.1)."""

    rows: tuple[Row, ...]
    further: tuple[str, ...] = ()


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

    def list_of(self, uri: str) -> str:
        """The address that lists the captures of a page."""
        if self.listing.endswith("/"):
            return self.listing + uri
        return f"{self.listing}?url={quote(uri, safe='')}&output=json"


def read_list(text: str, archive: Archive, asked: str) -> Listed:
    """The captures that an answer lists, in whichever form: JSON rows, JSON lines, CDX, CDXJ, link format.

    ``asked`` is the address that gave it. Raises NoList.
    """
    text = text.strip()
    try:
        if text.startswith("<"):
            return _timemap(text, asked)
        if text.startswith("["):
            rows = json.loads(text)
            header, *rest = rows or [[]]
            return _listed(
                [dict(zip(header, row, strict=False)) for row in rest if len(row) == len(header)], archive
            )
        return _listed([_line(line) for line in text.splitlines() if line.strip()], archive)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoList("no list of captures", asked, f"{text[:60]!r}") from error


def _line(line: str) -> dict[str, str]:
    if line.startswith("{"):
        return _named(json.loads(line))
    words = line.split(" ", 2)
    if len(words) == 3 and words[2].startswith("{"):
        return {"timestamp": words[1], **_named(json.loads(words[2]))}
    return dict(zip(_COLUMNS, line.split(" "), strict=True))


def _named(fields: dict[str, str]) -> dict[str, str]:
    return {_NAMES.get(name, name): value for name, value in fields.items()}


def _listed(lines: Iterable[dict[str, str]], archive: Archive) -> Listed:
    return Listed(tuple(sorted((_row(line, archive) for line in lines), key=lambda row: row.at)))


def _row(fields: dict[str, str], archive: Archive) -> Row:
    stamp, uri = fields["timestamp"], fields["original"]
    status = fields.get("statuscode", "-")
    digest = fields.get("digest", "-").removeprefix("sha1:")
    return Row(
        at=datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC),
        uri=uri,
        raw=f"{archive.replay}{stamp}id_/{uri}",
        digest=None if digest in ("-", "") else digest,
        status=int(status) if status.isdigit() else None,
    )


def _timemap(text: str, asked: str) -> Listed:
    """A TimeMap in link format (RFC 7089 §5, RFC 6690)."""
    links = [(urljoin(asked, target), _parameters(rest)) for target, rest in _LINK.findall(text)]
    originals = [target for target, about in links if "original" in about.get("rel", "").split()]
    if not originals:
        raise NoList("no TimeMap", asked, "it names no original")
    rows = [
        Row(
            parsedate_to_datetime(about["datetime"]).astimezone(UTC),
            originals[0],
            raw_form(target),
            None,
            None,
        )
        for target, about in links
        if "memento" in about.get("rel", "").split()
    ]
    further = tuple(t for t, about in links if "timemap" in about.get("rel", "").split() and t != asked)
    return Listed(tuple(sorted(rows, key=lambda row: row.at)), further)


def _parameters(text: str) -> dict[str, str]:
    return {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(text)}


def raw_form(uri_m: str) -> str:
    """Where a capture's bytes are given as they were: ``id_`` after 14 digits; as it is without digits."""
    found = _STAMPED.match(uri_m)
    return f"{found.group(1)}{found.group(2)}id_{found.group(4)}" if found else uri_m


def is_stamped(uri: str) -> bool:
    """Whether an address is that of a capture: it has 14 digits as a segment, before an address."""
    return _STAMPED.match(uri) is not None


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
