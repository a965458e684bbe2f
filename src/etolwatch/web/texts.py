"""The text of one version, as it is compared: by zones, its notes linked with their places both ways."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, pairwise

from flask import Blueprint, Response, abort, make_response, redirect, render_template

from etolwatch.archive.moments import Line, Mark, Moment, time_of
from etolwatch.errors import ArchiveError
from etolwatch.jobs import profile_name
from etolwatch.model import Block, Capture, Witness, Zone
from etolwatch.publish.apparatus import HEADINGS
from etolwatch.publish.order import weighty
from etolwatch.publish.phrase import visible
from etolwatch.text.profiles import profile
from etolwatch.text.witness import witness
from etolwatch.web import served
from etolwatch.web.addresses import asked_uri, in_path
from etolwatch.web.library import library
from etolwatch.web.mementos import line_of, memento_headers, memento_path, refuse_embedding, target
from etolwatch.web.replay import MOST_REWRITTEN, megabytes, not_held

blueprint = Blueprint("texts", __name__)

MOST_READ = MOST_REWRITTEN  # bytes of a page that is read for its text at each view
DIFFERING = 50  # places that are shown; the page of the finding has all
_DIGITS = re.compile(r"/text/([0-9]{1,20})/")
_ITALIC = frozenset(("em", "i", "cite", "dfn", "var"))
_BOLD = frozenset(("strong", "b"))


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a block. ``href``: of a note mark, the note; ``id``: by which the note leads back."""

    text: str
    tag: str = ""  # "em", "strong", "sup" or none
    href: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A block as it is shown. ``back``: of a note, the first place that refers to it."""

    zone: Zone
    pieces: tuple[Piece, ...]
    label: str = ""
    id: str = ""
    back: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Paragraphs of one zone that stand together."""

    zone: Zone
    heading: str
    paragraphs: tuple[Paragraph, ...]


@blueprint.get("/text/<path:_>", merge_slashes=False)
def text(_: str) -> Response:
    """The text of the version captured at this second."""
    refuse_embedding()
    found = _DIGITS.match(target())
    uri = asked_uri(target(), 2) if found else None
    if found is None or uri is None:
        abort(400, "Expected 14 digits and the address of a page on the web.")
    line = line_of(uri)
    if not line:
        return not_held(uri)
    moment = line.find(found[1]) if line.uri == uri else None
    if moment is None:
        return _nearest(line, found[1])
    return _page(line, moment)


def _nearest(line: Line, digits: str) -> Response:
    at = time_of(digits)
    if at is None:
        abort(400, f"{digits} is no time: expected 14 digits, such as 20261109041700.")
    moment = line.find(digits) or line.as_of(at)
    if moment is None:
        return not_held(line.uri)
    return make_response(redirect(text_path(line, moment), 302))


def text_path(line: Line, moment: Moment) -> str:
    """The path of the text of one capture."""
    return f"/text/{line.digits(moment)}/{in_path(line.uri)}"


def _page(line: Line, moment: Moment) -> Response:
    here = library()
    catalog = here.store().catalog
    capture = catalog.capture(moment.record_id)
    first = _first_with(line, moment)
    finding = catalog.finding_on(first.record_id)
    read, why = _read(capture)
    before = _before(line, first)
    variants = weighty(finding) if finding and before and read else ()
    page = render_template(
        "replay/text.html",
        uri=line.uri,
        capture=capture,
        moment=moment,
        first=first if first != moment else None,
        finding=finding if read else None,
        finding_path=f"/finding/{line.digits(first)}/{in_path(line.uri)}",
        parts=parts(read) if read else (),
        variants=variants[:DIFFERING],
        more=max(0, len(variants) - DIFFERING),
        stated=read.stated if read else None,
        charset=read.charset if read else "",
        why=why,
        replay_path=memento_path(line, moment),
        raw_path=memento_path(line, moment, "id_"),
        before=(before, text_path(line, before)) if before else None,
        versions=[(one, text_path(line, one)) for one in reversed(line.moments) if one.mark is Mark.TEXT],
        shown=first,
    )
    return make_response(page, 200, memento_headers(line, moment))


def _read(capture: Capture) -> tuple[Witness | None, str]:
    """The capture read as a text, or why it has none."""
    here = library()
    if not capture.is_version:
        return None, "This capture holds no text of the page: it is " + _said(capture)
    try:
        payload = here.store().payload(capture)
    except ArchiveError as error:
        return None, f"This capture cannot be read. {error.message}. {error.cause}"
    if served.type_of(payload) not in served.FRAMED:
        return None, "This is no page of text, but a file of the type " + served.type_of(payload)
    if len(payload.body) > MOST_READ:
        size = megabytes(len(payload.body))
        return None, f"With {size} this page is too large for its text to be shown; “etolwatch show” reads it"
    return witness(payload, profile(profile_name(here.config, capture))), ""


def _said(capture: Capture) -> str:
    said = {"gone": "the answer that the page is gone", "moved": "a redirect to another address"}
    return said.get(capture.outcome.value, "an answer that was no whole page")


def _first_with(line: Line, moment: Moment) -> Moment:
    """The capture that first had the text of this one."""
    if moment.mark is not Mark.UNCHANGED:
        return moment
    earlier = (one for one in reversed(line.moments[: line.moments.index(moment)]) if one.mark is Mark.TEXT)
    return next(earlier, moment)


def _before(line: Line, moment: Moment) -> Moment | None:
    earlier = (one for one in reversed(line.moments[: line.moments.index(moment)]) if one.mark is Mark.TEXT)
    return next(earlier, None)


# ── a witness as paragraphs ──────────────────────────────────────────────────────────


def parts(read: Witness) -> tuple[Part, ...]:
    """The blocks of a text in their order, those of one zone together, notes and marks joined."""
    notes = [(number, block) for number, block in enumerate(read.blocks) if block.zone is Zone.NOTE]
    bearers = {anchor: number for number, block in reversed(notes) for anchor in block.anchors}
    labels = {_sign(block.note): number for number, block in reversed(notes) if block.note}
    referring: dict[int, str] = {}
    shown = [
        (block.zone, _paragraph(number, block, bearers, labels, referring))
        for number, block in enumerate(read.blocks)
    ]
    led = [
        (zone, paragraph if zone is not Zone.NOTE else _leading_back(paragraph, referring.get(number, "")))
        for number, (zone, paragraph) in enumerate(shown)
    ]
    groups = (
        (zone, tuple(item[1] for item in group)) for zone, group in groupby(led, key=lambda item: item[0])
    )
    return tuple(Part(zone, HEADINGS[zone], found) for zone, found in groups)


def _leading_back(note: Paragraph, back: str) -> Paragraph:
    return Paragraph(note.zone, note.pieces, note.label, note.id, back)


def _paragraph(
    number: int, block: Block, bearers: dict[str, int], labels: dict[str, int], referring: dict[int, str]
) -> Paragraph:
    pieces: list[Piece] = []
    at = 0
    for count, mark in enumerate(sorted(block.marks, key=lambda mark: mark.offset)):
        pieces += _words(block, at, mark.offset)
        at = mark.offset
        note = bearers.get(mark.target or "", labels.get(_sign(mark.label)))
        here = f"mark-{number}-{count}"
        if note is None or note == number:
            pieces.append(Piece(visible(mark.label), "sup" if mark.is_raised else ""))
            continue
        referring.setdefault(note, here)
        pieces.append(Piece(visible(mark.label), "sup" if mark.is_raised else "", f"#note-{note}", here))
    pieces += _words(block, at, len(block.text))
    is_note = block.zone is Zone.NOTE
    return Paragraph(
        block.zone, tuple(pieces), visible(block.note or ""), f"note-{number}" if is_note else ""
    )


def _words(block: Block, start: int, end: int) -> Iterator[Piece]:
    """The words between two places, parted where their emphasis changes."""
    ends = {place for a, b, _ in block.emphasis for place in (a, b) if start < place < end}
    places = [start, *sorted(ends), end]
    for first, last in pairwise(places):
        words = block.text[first:last]
        if words:
            tags = [tag for a, b, tag in block.emphasis if a <= first and last <= b]
            yield Piece(_shown(words), _dress(tags))


def _shown(words: str) -> str:
    """The words with the spaces at their ends, which `visible` would drop."""
    return (
        (" " if words[0] == " " else "")
        + visible(words.strip(" "))
        + (" " if words[-1] == " " and words != " " else "")
    )


def _dress(tags: Sequence[str]) -> str:
    if any(tag in _ITALIC for tag in tags):
        return "em"
    if any(tag in _BOLD for tag in tags):
        return "strong"
    return "sup" if "sup" in tags else ""


def _sign(label: str | None) -> str:
    """The number or asterisks of a label, without its brackets."""
    return re.sub(r"[^\w*†‡§]", "", label or "")


@blueprint.app_template_filter("short_time")
def short_time(at: datetime) -> str:
    """The time of day in UTC, to the minute."""
    return f"{at.astimezone(UTC):%H:%M}"
