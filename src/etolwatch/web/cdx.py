"""The index of captures as a CDX server gives it, in the dialects of pywb and of the Wayback Machine.

Lines are those that `archive.cdxj` writes. Parameters that are not known are passed over, as both
servers do; a known one with a wrong value is refused, and told why. Captures are listed by the address of
their page, where they are replayed, though a mirror may have been asked in its place. Expressions are
matched by RE2, in time linear in what they are matched against: whoever may ask may also write `(.|..)*!`,
for which Python's own matcher needs longer than anybody waits, and stops the whole server meanwhile.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, islice

import re2
from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from etolwatch.archive import cdxj
from etolwatch.archive.cdxj import CDX_HEADER, Entry
from etolwatch.archive.moments import time_of
from etolwatch.archive.store import Store
from etolwatch.errors import UsageError
from etolwatch.harvest.scope import canonical
from etolwatch.model import Capture, RecordType
from etolwatch.web.library import library
from etolwatch.web.mementos import refuse_embedding

blueprint = Blueprint("cdx", __name__)

BLOCK = 100  # captures; a page has ``pageSize`` of them, as pywb counts
BLOCKS = 50  # in a page, unless asked otherwise
MOST = 100_000  # lines of one answer
LONGEST_PATTERN = 256  # characters
MOST_FILTERS = 16  # of one query

Row = dict[str, str]  # one capture, by pywb's names of the fields
_ORIGINAL = ("orig.length", "orig.offset", "orig.filename")
_ALIKE = {"original": "url", "mimetype": "mime", "statuscode": "status"}
_THEIRS = {name: alike for alike, name in _ALIKE.items()}
_WAYBACK = tuple(CDX_HEADER.split())
_FIELDS = ("urlkey", "timestamp", "url", "mime", "status", "digest", "length", "offset", "filename")
_KNOWN = frozenset((*_FIELDS, "redirect", "robotflags", *_ORIGINAL))  # a line of ours has “-” for the last
_MATCHES = ("exact", "prefix", "host", "domain")
_TRUE = frozenset(("true", "1", "yes", "on"))


@dataclass(frozen=True, slots=True)
class Filter:
    """A test of a row: ``kind`` “=” the field is the text, “~” it matches it, “” it contains it."""

    field: str
    kind: str
    text: str
    wanted: bool
    pattern: re2._Regexp | None = None

    def __call__(self, row: Row) -> bool:
        value = row.get(self.field, "") if self.field else " ".join(row.values())
        if self.pattern is not None:
            found = self.pattern.fullmatch(value) if self.kind == "full" else self.pattern.match(value)
            return (found is not None) is self.wanted
        return (value == self.text if self.kind == "=" else self.text in value) is self.wanted


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of the index. ``start`` and ``end``: 14 digits, included."""

    url: str
    match: str
    start: str
    end: str
    filters: tuple[Filter, ...]
    fields: tuple[str, ...]  # by pywb's names; empty: all
    output: str
    limit: int
    page: int | None
    page_size: int
    is_count: bool  # the number of pages is wanted, not the pages
    is_reversed: bool
    closest: str
    resolves: bool  # revisits are to be listed as what they stand for
    collapse: tuple[tuple[str, int | None], ...] = ()
    offset: int = 0
    resume: tuple[str, str, int] | None = None
    shows_resume: bool = False


_QUIET = re2.Options()
_QUIET.log_errors = False  # what is wrong with an expression is told to whoever wrote it, not to stderr


class Refused(UsageError):
    """A parameter with a value that it cannot have."""


# ── the two addresses ────────────────────────────────────────────────────────────────


@blueprint.get("/cdx")
def pywb() -> Response:
    """pywb's dialect: CDXJ, or JSON, one object a line."""
    refuse_embedding()
    try:
        query = read_pywb(request.args)
        index = Index.of(library().store(), query)
        if query.is_count:
            about = {"pages": index.pages, "pageSize": query.page_size, "blocks": index.blocks}
            return _json(about)
        write, kind = _PYWB[query.output]
        text = "".join(write(row, query.fields) for row in _pywb_rows(index, query))
    except Refused as error:
        return _json({"message": str(error)}, 400)
    if not text:
        return _json({"message": f"No Captures found for: {query.url}"}, 404)
    return Response(text, content_type=kind)


@blueprint.get("/cdx/search/cdx")
def wayback() -> Response:
    """The Wayback Machine's dialect: columns, or JSON, an array of rows with a header."""
    refuse_embedding()
    try:
        query = read_wayback(request.args)
        index = Index.of(library().store(), query)
        if query.is_count:
            return Response(f"{index.pages}\n", content_type="text/plain; charset=utf-8")
        rows, resume = _wayback_rows(index, query)
    except Refused as error:
        return Response(f"{error}\n", 400, content_type="text/plain; charset=utf-8")
    names = [_THEIRS.get(field, field) for field in query.fields]
    table = [[row.get(field, "-") for field in query.fields] for row in rows]
    if query.output == "json":
        listed = [names, *table] if table else []
        return _json([*listed, [], [resume]] if resume else listed)
    text = "".join(" ".join(columns) + "\n" for columns in table)
    text += f"\n{resume}\n" if resume else ""
    return Response(text, content_type="text/plain; charset=utf-8")


def _json(value: object, status: int = 200) -> Response:
    text = json.dumps(value, ensure_ascii=False) + "\n"
    return Response(text, status, content_type="application/json")


def _as_cdxj(row: Row, fields: tuple[str, ...]) -> str:
    shown = [field for field in fields or row if field in row and field not in ("urlkey", "timestamp")]
    about = json.dumps({field: row[field] for field in shown}, ensure_ascii=False)
    return f"{row['urlkey']} {row['timestamp']} {about}\n"


def _as_json(row: Row, fields: tuple[str, ...]) -> str:
    shown = {field: row[field] for field in fields if field in row} if fields else row
    return json.dumps(shown, ensure_ascii=False) + "\n"


def _as_text(row: Row, fields: tuple[str, ...]) -> str:
    return " ".join(row.get(field, "-") for field in fields or _FIELDS) + "\n"


_PYWB: dict[str, tuple[Callable[[Row, tuple[str, ...]], str], str]] = {
    "cdxj": (_as_cdxj, "text/x-cdxj"),
    "json": (_as_json, "text/x-ndjson"),
    "text": (_as_text, "text/plain; charset=utf-8"),
}


# ── what is asked ────────────────────────────────────────────────────────────────────


def read_pywb(args: MultiDict[str, str]) -> Query:
    """The query of these parameters, as pywb reads them. Raises Refused."""
    common = _common(args, ("cdxj", "json", "text"), "cdxj", _pywb_filter)
    if common.limit < 1:
        raise Refused(f"limit={args['limit']} is wrong: expected 1 or more")
    return common


def read_wayback(args: MultiDict[str, str]) -> Query:
    """The query of these parameters, as the Wayback Machine's server reads them. Raises Refused."""
    common = _common(args, ("text", "json"), "text", _wayback_filter)
    if common.limit == 0:
        raise Refused("limit=0 is wrong: expected a number from the first on, or, below 0, from the last")
    return replace(
        common,
        fields=common.fields or tuple(_ALIKE.get(name, name) for name in _WAYBACK),
        collapse=tuple(_collapse(text) for text in args.getlist("collapse") if text),
        offset=_number(args, "offset", 0),
        resume=_resume(args.get("resumeKey", "")),
        shows_resume=_is_set(args, "showResumeKey"),
    )


def _common(
    args: MultiDict[str, str], outputs: tuple[str, ...], output: str, read_filter: Callable[[str], Filter]
) -> Query:
    url, match = _what(args)
    sort = _one_of(args, "sort", ("default", "", "closest", "reverse"), "")
    wanted = args.get("fl") or args.get("fields") or ""
    page = _number(args, "page", 0) if args.get("page") else None
    return Query(
        url=url,
        match=match,
        start=_time(args, "from" if "from" in args else "from_ts", "0"),
        end=_time(args, "to", "9"),
        filters=_filters(args, read_filter),
        fields=tuple(_field(name) for name in wanted.split(",") if name),
        output=_one_of(args, "output", outputs, output),
        limit=_integer(args, "limit", MOST),
        page=page,
        page_size=max(1, _number(args, "pageSize", BLOCKS)),
        is_count=_is_set(args, "showNumPages"),
        is_reversed=sort == "reverse" or _is_set(args, "reverse"),
        closest=_closest(args, needed=sort == "closest"),
        resolves=_is_set(args, "resolveRevisits"),
    )


def _what(args: MultiDict[str, str]) -> tuple[str, str]:
    """The address that is asked for, canonical, and what it stands for."""
    url = (args.get("url") or "").strip()
    match = _one_of(args, "matchType", ("", *_MATCHES), "")
    if not match and url.startswith("*."):
        url, match = url[2:], "domain"
    elif not match and url.endswith("*"):
        url, match = url[:-1], "prefix"
    if not url:
        raise Refused("url is missing: name a page, or with * at its end all pages that begin so")
    address = canonical(url if "://" in url.partition("?")[0] else f"http://{url}")
    if address is None:
        raise Refused(f"url={url} is wrong: expected the address of a page on the web")
    return address, match or "exact"


def _one_of(args: MultiDict[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    value = args.get(name, default)
    if value not in choices:
        raise Refused(f"{name}={value} is wrong: expected {', '.join(filter(None, choices))}")
    return value


def _integer(args: MultiDict[str, str], name: str, default: int) -> int:
    value = args.get(name) or str(default)
    if not re.fullmatch(r"-?[0-9]{1,9}", value):
        raise Refused(f"{name}={value} is wrong: expected a whole number")
    return max(-MOST, min(int(value), MOST))


def _number(args: MultiDict[str, str], name: str, default: int) -> int:
    value = _integer(args, name, default)
    if value < 0:
        raise Refused(f"{name}={value} is wrong: expected 0 or more")
    return value


def _time(args: MultiDict[str, str], name: str, fill: str) -> str:
    value = args.get(name) or ""
    if not re.fullmatch(r"[0-9]{0,14}", value):
        raise Refused(f"{name}={value} is wrong: expected up to 14 digits, such as 20261109")
    return value.ljust(14, fill)


def _closest(args: MultiDict[str, str], *, needed: bool) -> str:
    value = args.get("closest", "")
    if not value and not needed:
        return ""
    if time_of(value) is None:
        raise Refused(f"closest={value} is wrong: expected a time, such as 20261109041700")
    return value


def _is_set(args: MultiDict[str, str], name: str) -> bool:
    return args.get(name, "").lower() in _TRUE


def _field(name: str) -> str:
    field = _ALIKE.get(name, name)
    if field not in _KNOWN:
        raise Refused(f"fl: there is no field {name}; there are {', '.join(_FIELDS)}")
    return field


def _filters(args: MultiDict[str, str], read_filter: Callable[[str], Filter]) -> tuple[Filter, ...]:
    texts = [text for text in args.getlist("filter") if text]
    if len(texts) > MOST_FILTERS:
        raise Refused(f"filter: there are {len(texts)}, more than {MOST_FILTERS}")
    return tuple(read_filter(text) for text in texts)


def _pywb_filter(text: str) -> Filter:
    """``[!][=|~]field:text``: contains, is, matches from the beginning on."""
    wanted, rest = not text.startswith("!"), text.removeprefix("!")
    kind = rest[0] if rest[:1] in ("=", "~") else ""
    name, colon, value = rest[len(kind) :].partition(":")
    if not colon:
        name, value = "", name
    field = _field(name) if name else ""
    return Filter(field, kind, value, wanted, _pattern(value) if kind == "~" else None)


def _wayback_filter(text: str) -> Filter:
    """``[!]field:expression``, which the whole field matches; with ``~`` before it, contains."""
    contains, rest = text.startswith("~"), text.removeprefix("~")
    wanted, rest = not rest.startswith("!"), rest.removeprefix("!")
    name, colon, value = rest.partition(":")
    if not colon:
        raise Refused(f"filter={text} is wrong: expected a field, a colon, an expression")
    if contains:
        return Filter(_field(name), "", value, wanted)
    return Filter(_field(name), "full", value, wanted, _pattern(value))


def _pattern(text: str) -> re2._Regexp:
    if len(text) > LONGEST_PATTERN:
        raise Refused(f"filter: the expression is longer than {LONGEST_PATTERN} characters")
    try:
        return re2.compile(text, _QUIET)
    except re2.error as error:
        said = error.args[0].decode("utf-8", "replace")
        raise Refused(f"filter: {text} is no regular expression that RE2 knows: {said}") from error


def _collapse(text: str) -> tuple[str, int | None]:
    name, _, length = text.partition(":")
    if length and not re.fullmatch(r"[0-9]{1,4}", length):
        raise Refused(f"collapse={text} is wrong: expected a field, or a field, a colon and a number")
    return _field(name), int(length) if length else None


def _resume(key: str) -> tuple[str, str, int] | None:
    """Where to go on: behind so many captures of this second and key."""
    if not key:
        return None
    found = re.fullmatch(r"(.+)[+ ]([0-9]{14})[+ ]([0-9]{1,9})", key)
    if found is None:
        raise Refused("resumeKey is wrong: expected the last line of the answer before")
    return found[1], found[2], int(found[3])


# ── the index ────────────────────────────────────────────────────────────────────────

_surt = lru_cache(maxsize=65_536)(cdxj.surt)  # the same few thousand addresses, at each request


@dataclass(frozen=True, slots=True)
class Index:
    """The pages that a query is about, in the order of their keys, each with its number of captures."""

    store: Store
    found: tuple[tuple[str, str, int], ...]  # key, address, captures
    page_size: int
    resolves: bool

    @classmethod
    def of(cls, store: Store, query: Query) -> Index:
        """The part of the store's index that a query is about."""
        belongs = _belonging(query)
        keyed = ((_surt(uri), uri, count) for uri, count in store.catalog.addresses())
        return cls(
            store, tuple(sorted(item for item in keyed if belongs(item[0]))), query.page_size, query.resolves
        )

    @property
    def blocks(self) -> int:
        return -(-sum(count for _, _, count in self.found) // BLOCK)

    @property
    def pages(self) -> int:
        return -(-self.blocks // self.page_size)

    def lines(self, page: int | None) -> Iterator[tuple[Entry, ...]]:
        """The captures, key by key: those of one page of the index, or all. Raises Refused."""
        if page is None:
            yield from self._keys(0, None)
            return
        if page >= max(self.pages, 1):
            raise Refused(f"page={page} is wrong: the first page is 0, the last is {max(self.pages - 1, 0)}")
        size = self.page_size * BLOCK
        yield from self._keys(page * size, size)

    def _keys(self, start: int, size: int | None) -> Iterator[tuple[Entry, ...]]:
        passed, end = 0, None if size is None else start + size
        for _, group in groupby(self.found, key=lambda item: item[0]):
            pages = list(group)
            count = sum(item[2] for item in pages)
            if passed + count > start:
                first = max(0, start - passed)
                last = None if end is None else end - passed
                yield self._entries([uri for _, uri, _ in pages])[first:last]
            passed += count
            if end is not None and passed >= end:
                return

    def _entries(self, uris: Iterable[str]) -> tuple[Entry, ...]:
        captures = [one for uri in uris for one in self.store.catalog.captures(uri)]
        entries = [Entry(_listed(one), one.warc, one.offset, one.length) for one in captures]
        return tuple(
            sorted(entries, key=lambda entry: (entry.capture.captured_at, entry.filename, entry.offset))
        )

    def as_response(self, entry: Entry) -> Entry:
        """A revisit as what it stands for; any other capture as it is."""
        capture = entry.capture
        if capture.record_type is not RecordType.REVISIT:
            return entry
        origin = self.store.origin_of(capture)
        status = origin.status if capture.status == 304 else capture.status
        kind = capture.content_type or origin.content_type
        return replace(
            entry, capture=replace(capture, record_type=RecordType.RESPONSE, status=status, content_type=kind)
        )

    def original(self, entry: Entry) -> Row:
        """Where the body of a revisit lies, in the three fields that pywb adds."""
        capture = entry.capture
        if capture.record_type is not RecordType.REVISIT:
            return dict.fromkeys(_ORIGINAL, "-")
        origin = self.store.origin_of(capture)
        return dict(zip(_ORIGINAL, (str(origin.length), str(origin.offset), origin.warc), strict=True))


def _listed(capture: Capture) -> Capture:
    """The capture under an address by which it is replayed: the page's, if a mirror was asked instead."""
    same = _surt(capture.asks) == _surt(capture.uri)
    return capture if same else replace(capture, asks=capture.uri)


def _belonging(query: Query) -> Callable[[str], bool]:
    """Whether a key is among those that are asked for."""
    key = _surt(query.url)
    host = key.partition(")")[0]
    if query.match == "exact":
        return lambda found: found == key
    if query.match == "prefix":
        beginning = key + "/" if query.url.endswith("/") and not key.endswith("/") else key
        return lambda found: found.startswith(beginning)
    if query.match == "host":
        return lambda found: found.startswith(host + ")")
    return lambda found: found.startswith((host + ")", host + ","))


# ── rows ─────────────────────────────────────────────────────────────────────────────


def _cdxj_row(index: Index, entry: Entry) -> Row:
    shown = index.as_response(entry) if index.resolves else entry
    key, stamp, about = cdxj.cdxj([shown])[0].split(" ", 2)
    row = {"urlkey": key, "timestamp": stamp, **json.loads(about)}
    return {**row, **index.original(entry)} if index.resolves else row


def _cdx_row(index: Index, entry: Entry) -> Row:
    columns = cdxj.cdx([index.as_response(entry) if index.resolves else entry])[0].split()
    row = {_ALIKE.get(name, name): value for name, value in zip(_WAYBACK, columns, strict=True)}
    return {**row, "offset": str(entry.offset), "filename": entry.filename}


def _rows(index: Index, query: Query, make: Callable[[Index, Entry], Row]) -> Iterator[Row]:
    for entries in index.lines(query.page):
        for entry in entries:
            row = make(index, entry)
            if query.start <= row["timestamp"] <= query.end and all(test(row) for test in query.filters):
                yield row


def _pywb_rows(index: Index, query: Query) -> Iterator[Row]:
    rows = _rows(index, query, _cdxj_row)
    if query.closest:
        yield from _nearest(rows, query.closest, query.limit)
    elif query.is_reversed:
        # the last of all, as pywb does: the order of the whole list is turned
        yield from reversed(deque(rows, maxlen=query.limit))
    else:
        yield from islice(rows, query.limit)


def _nearest(rows: Iterable[Row], closest: str, limit: int) -> list[Row]:
    wanted = time_of(closest)

    def distance(row: Row) -> float:
        at = time_of(row["timestamp"])
        return abs((at - wanted).total_seconds()) if at and wanted else float("inf")

    return sorted(rows, key=distance)[:limit]


def _wayback_rows(index: Index, query: Query) -> tuple[list[Row], str]:
    """The rows of an answer, and the key by which the next goes on; “” where there is no more."""
    rows = _collapsed(_resumed(_rows(index, query, _cdx_row), query.resume), query.collapse)
    if query.closest:
        return _nearest(rows, query.closest, abs(query.limit)), ""
    if query.limit < 0:
        return list(deque(rows, maxlen=-query.limit)), ""
    if query.is_reversed:
        return list(reversed(deque(rows, maxlen=query.limit))), ""
    kept = list(islice(rows, query.offset, query.offset + query.limit))
    more = query.shows_resume and next(rows, None) is not None
    return kept, _resume_key(kept, query.resume) if more and kept else ""


def _resumed(rows: Iterator[Row], resume: tuple[str, str, int] | None) -> Iterator[Row]:
    if resume is None:
        yield from rows
        return
    key, stamp, passed = resume
    for row in rows:
        place = (row["urlkey"], row["timestamp"])
        if place == (key, stamp) and passed > 0:
            passed -= 1
        elif place >= (key, stamp):
            yield row


def _resume_key(rows: list[Row], resume: tuple[str, str, int] | None) -> str:
    key, stamp = rows[-1]["urlkey"], rows[-1]["timestamp"]
    given = sum((row["urlkey"], row["timestamp"]) == (key, stamp) for row in rows)
    before = resume[2] if resume and resume[:2] == (key, stamp) else 0
    return f"{key}+{stamp}+{given + before}"


def _collapsed(rows: Iterator[Row], fields: tuple[tuple[str, int | None], ...]) -> Iterator[Row]:
    """Of rows that follow each other and are alike in these fields, or in their first characters, one."""
    last: list[str] | None = None
    for row in rows:
        alike = [row.get(field, "-")[:length] for field, length in fields]
        if not fields or alike != last:
            yield row
        last = alike
