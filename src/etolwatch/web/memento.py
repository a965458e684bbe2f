"""TimeGate and TimeMap: a page of the past, negotiated and listed as RFC 7089 has it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, request
from werkzeug.http import parse_date

from etolwatch.archive.cdxj import Places, digits, timemap
from etolwatch.archive.moments import Line
from etolwatch.contract import instant_to_text
from etolwatch.model import Capture
from etolwatch.web.addresses import asked_uri, in_path
from etolwatch.web.library import library
from etolwatch.web.mementos import LINK_FORMAT, base, line_of, link_header, memento_path, target

blueprint = Blueprint("memento", __name__)

MEMENTOS = 5_000  # in one part of a TimeMap
# RFC 7089 §2.1.1: always GMT, always the form of RFC 1123
_HTTP_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} [1-9]\d{3} \d{2}:\d{2}:\d{2} GMT"
)
_PART = re.compile(r"/timemap/[a-z]+/(\d{1,6})/")


@blueprint.get("/timegate/<path:_>", merge_slashes=False)
def timegate(_: str) -> Response:
    """302 to the memento nearest to Accept-Datetime, to the latest where there is none (RFC 7089 §4.1)."""
    line = _asked_line(1)
    wanted = request.headers.get("Accept-Datetime", "").strip()
    at = _http_date(wanted) if wanted else datetime.max.replace(tzinfo=UTC)
    moment = line.nearest(at)
    if moment is None:
        abort(404, f"No capture of {line.uri} is held.")
    answer = Response(status=302, mimetype="text/plain")
    answer.headers["Location"] = base().rstrip("/") + memento_path(line, moment)
    answer.headers["Vary"] = "accept-datetime"
    answer.headers["Link"] = link_header(line, moment)
    return answer


def _http_date(text: str) -> datetime:
    at = parse_date(text) if _HTTP_DATE.fullmatch(text) else None
    if at is None:
        abort(400, "Accept-Datetime is no date: expected one such as “Mon, 09 Nov 2026 04:17:00 GMT”.")
    return at


@blueprint.get("/timemap/link/<path:_>", merge_slashes=False)
@blueprint.get("/web/timemap/link/<path:_>", merge_slashes=False, endpoint="timemap_in_web")
def timemap_link(_: str) -> Response:
    """The TimeMap of a page in link format; beyond 5,000 mementos in parts that name each other."""
    line, captures, at, _number = _part("link")
    text = timemap(line.uri, captures, base(), at)
    return Response(text, headers={"Content-Type": LINK_FORMAT})


@blueprint.get("/timemap/json/<path:_>", merge_slashes=False)
def timemap_json(_: str) -> Response:
    """The TimeMap of a page as JSON, with the keys of Time Travel (timetravel.mementoweb.org/guide/api)."""
    line, captures, at, number = _part("json")
    listed = [
        {
            "datetime": instant_to_text(one.captured_at.replace(microsecond=0)),
            "uri": f"{at.replay}{digits(one.captured_at)}/{line.uri}",
        }
        for one in captures
    ]
    part = f"{number}/" if number > 1 else ""
    maps = {kind: f"{base()}timemap/{kind}/{part}{in_path(line.uri)}" for kind in ("link", "json")}
    about: dict[str, Any] = {
        "original_uri": line.uri,
        "timegate_uri": at.timegate,
        "timemap_uri": {"link_format": maps["link"], "json_format": maps["json"]},
        "mementos": {"first": listed[0], "last": listed[-1], "list": listed},
    }
    if at.others:
        about["timemap_index"] = [
            {"uri": uri, "from": instant_to_text(first), "until": instant_to_text(last)}
            for uri, first, last in at.others
        ]
    return Response(json.dumps(about, ensure_ascii=False, indent=1) + "\n", mimetype="application/json")


def _asked_line(segments: int) -> Line:
    uri = asked_uri(target(), segments)
    if uri is None:
        abort(400, "What stands there is no address of a page on the web.")
    line = line_of(uri)
    if not line:
        abort(404, f"No capture of {uri} is held.")
    return line


def _part(kind: str) -> tuple[Line, list[Capture], Places, int]:
    """The part of a TimeMap that is asked for: its page, its mementos, where all is, its number from 1."""
    within = 3 if target().startswith("/web/") else 2
    found = _PART.match(target())
    line = _asked_line(within + 1 if found else within)
    number = int(found[1]) if found else 1
    named = {moment.record_id for moment in line.named}
    every = [one for one in library().store().catalog.captures(line.uri) if one.record_id in named]
    every.sort(key=lambda one: one.captured_at)
    parts = [every[start : start + MEMENTOS] for start in range(0, len(every), MEMENTOS)]
    if not 1 <= number <= len(parts):
        abort(404, f"The TimeMap of {line.uri} has no part {number}; it has {len(parts)}.")
    return (
        line,
        [replace(one, asks=line.uri) for one in parts[number - 1]],
        _places(line, kind, parts, number),
        number,
    )


def _places(line: Line, kind: str, parts: Sequence[Sequence[Capture]], number: int) -> Places:
    uri = in_path(line.uri)

    def at(part: int) -> str:
        return f"{base()}timemap/{kind}/{uri}" if part == 1 else f"{base()}timemap/{kind}/{part}/{uri}"

    others = (
        (at(other), part[0].captured_at, part[-1].captured_at)
        for other, part in enumerate(parts, 1)
        if other != number
    )
    return Places(at(number), f"{base()}timegate/{uri}", f"{base()}web/", tuple(others))
