"""The list of findings, and the page of each one."""

from __future__ import annotations

import logging
import shlex
from dataclasses import dataclass, replace
from datetime import datetime

from flask import Blueprint, abort, current_app, redirect, render_template, request
from werkzeug.wrappers import Response

from etolwatch.archive.findings import Findings, Placed, Shared, Wanted
from etolwatch.archive.moments import time_of
from etolwatch.collate.strange import Read, read
from etolwatch.contract import digest_of
from etolwatch.errors import ArchiveError
from etolwatch.jobs import NO_TEXT, profile_name
from etolwatch.model import Capture, Category, Finding, Verdict
from etolwatch.publish.order import RUBRICS, shared_prefix
from etolwatch.review.judgement import Reason, State
from etolwatch.text.profiles import profile
from etolwatch.web.addresses import asked_uri
from etolwatch.web.aligned import Aligned, Shelf, Texts, aligned
from etolwatch.web.judging import form_for, form_for_all
from etolwatch.web.library import Library, library, told
from etolwatch.web.listing import (
    EVERY_STATE,
    ROWS,
    Asked,
    Counts,
    Row,
    Section,
    asked,
    counts,
    pages,
    shared_row,
    stretches,
)
from etolwatch.web.named import finding_at, finding_path
from etolwatch.web.timeline import NARROW, Timeline, timeline
from etolwatch.when import digits

blueprint = Blueprint("findings", __name__)
log = logging.getLogger("etolwatch")
SHELF = "etolwatch.texts"  # the extension of the app that keeps what was collated
FOLDERS_LISTED = 500
# The dress of a text, not its meaning (Greg, 1950): classes that are hidden together.
ACCIDENTALS = (
    Category.TYPOGRAPHY,
    Category.EMPHASIS,
    Category.CAPITALISATION,
    Category.WORD_DIVISION,
    Category.PUNCTUATION,
    Category.SPELLING,
)
NAMED = 3  # pages of a shared edit that a row names


@blueprint.get("/")
def index() -> str:
    """The list, as the form above it asks for."""
    here = library()
    found = here.found()
    chosen = asked(request.args, request.args.getlist("verdict"))
    every = replace(chosen.wanted, states=(), verdicts=())
    if chosen.wanted.verdicts and chosen.wanted.counted:
        every = replace(every, counted=True)
    told = counts(found.tally(every), chosen)
    shared = found.shared(chosen.wanted)
    last = pages(shared, told.alone)
    chosen = replace(chosen, page=min(chosen.page, last))
    sections = _sections(found, chosen, told, shared)
    folders = found.folders()
    return render_template(
        "list.html",
        asked=chosen,
        counts=told,
        sections=sections,
        last=last,
        sites=sorted({site for site, _ in folders} | {site.name for site in here.config.sites}),
        folders=sorted({folder for site, folder in folders if chosen.wanted.site in (None, site)})[
            :FOLDERS_LISTED
        ],
        prefix=_prefix(here, sections),
        states=EVERY_STATE,
        damaged=len(here.projection().faults()),
        is_empty=not told.by_state and not chosen.is_filtered,
        State=State,
    )


def _sections(found: Findings, chosen: Asked, told: Counts, shared: list[Shared]) -> tuple[Section, ...]:
    parts = []
    for stretch in stretches(shared, told.alone, chosen.page):
        alone = (
            found.alone(chosen.wanted, stretch.verdict, stretch.offset, stretch.limit)
            if stretch.limit
            else []
        )
        parts.append((stretch, alone))
    seqs = [seq for stretch, alone in parts for seq in (*(row.latest for row in stretch.shared), *alone)]
    bodies, states = found.told(seqs), found.states(seqs)
    rows = [row for stretch, _ in parts for row in stretch.shared]
    judged = found.judged(chosen.wanted, [row.signature for row in rows]) if rows else {}
    return tuple(
        Section(
            stretch.verdict,
            told.by_verdict.get(stretch.verdict, 0),
            (
                *(
                    shared_row(bodies[row.latest], row, _among(judged, row, chosen.wanted))
                    for row in stretch.shared
                ),
                *(Row(bodies[seq], states.get(seq, "new")) for seq in alone),
            ),
        )
        for stretch, alone in parts
    )


def _among(judged: dict[tuple[str, Verdict], dict[str, int]], row: Shared, wanted: Wanted) -> dict[str, int]:
    """How many findings of this row were judged, by state; of those only that the list is of."""
    by_state = judged.get((row.signature, row.verdict), {})
    states = wanted.states or tuple(by_state)
    return {state: count for state, count in by_state.items() if state in states}


def _prefix(here: Library, sections: tuple[Section, ...]) -> str:
    uris = [row.finding.uri for section in sections for row in section.rows]
    return shared_prefix(uris, [scope for site in here.config.sites for scope in site.scope])


@blueprint.get("/cluster/<signature>")
def cluster(signature: str) -> str:
    """The pages of one edit that several pages share."""
    here = library()
    found = here.found()
    wanted = Wanted(signature=signature)
    total = sum(sum(tally.by_state.values()) for tally in found.tally(wanted))
    if not total:
        abort(404)
    page = asked(request.args, []).page
    last = max(-(-total // ROWS), 1)
    page = min(page, last)
    first = found.members(wanted, 0, ROWS)  # of the cluster, so that the form is one on all its pages
    seqs = found.members(wanted, (page - 1) * ROWS, ROWS)
    examples = found.told(first)
    bodies, states = found.told(seqs), found.states(seqs)
    rows = [Row(bodies[seq], states.get(seq, "new")) for seq in seqs]
    return render_template(
        "cluster.html",
        signature=signature,
        rows=rows,
        total=total,
        on_pages=found.pages(wanted),
        page=page,
        last=last,
        prefix=shared_prefix([row.finding.uri for row in rows]),
        form=form_for_all([examples[seq] for seq in first]),
        State=State,
        Reason=Reason,
    )


@dataclass(frozen=True, slots=True)
class View:
    """All that the page of a finding shows.

    ``aligned`` is None where there are no two texts, or where ``damage`` says why they cannot be read.
    """

    placed: Placed
    capture: Capture
    base: Capture | None
    origin: Capture
    base_origin: Capture | None
    aligned: Aligned | None
    timeline: Timeline
    narrow: Timeline  # the same for a phone
    read_by: str  # by which rules the texts were read for this page, where the finding's are others
    title: str
    damage: str

    @property
    def finding(self) -> Finding:
        return self.placed.finding


@blueprint.get("/finding/<digits>/<path:_>", merge_slashes=False)
def finding(digits: str, _: str) -> str | Response:
    """One finding: what changed, in both texts; how it was judged; how to cite it."""
    at = time_of(digits) if len(digits) in (14, 20) else None
    uri = asked_uri(request.environ.get("REQUEST_URI", ""), 2)
    if at is None or uri is None:
        abort(404)
    here = library()
    placed = finding_at(digits, uri)
    if placed is None:
        return _near(here, uri, at)
    view = view_of(here, placed)
    categories = _categories(view)
    accidentals = [category for category in categories if category in ACCIDENTALS]
    return render_template(
        "finding.html",
        view=view,
        finding=view.finding,
        form=form_for(view.finding),
        address=finding_path(view.capture.captured_at, uri),
        folder=here.config.store.name,
        categories=categories,
        accidentals=accidentals if len(accidentals) > 1 else [],
        commands=_commands(here, view),
        rubric=RUBRICS[view.finding.verdict],
        State=State,
        Reason=Reason,
        neighbours=_neighbours(here, placed),
    )


def _categories(view: View) -> list[str]:
    """The classes of what differs, in the order in which they are tried."""
    rows = view.aligned.rows if view.aligned else ()
    found = {category for row in rows for category in row.categories}
    return [category.value for category in Category if category.value in found]


def _commands(here: Library, view: View) -> list[str]:
    """How to verify the finding from the WARC files, with etolwatch and without."""
    uri = shlex.quote(view.finding.uri)
    places = [
        (f"{here.config.store.name}/warc/{_file_of(here, view, origin)}", origin.offset)
        for origin in (view.base_origin, view.origin)
        if origin is not None
    ]
    files = dict.fromkeys(shlex.quote(path) for path, _ in places)
    commands = ["etolwatch verify", *(f"warcio check {path}" for path in files)]
    commands += [f"warcio extract {shlex.quote(path)} {offset}" for path, offset in places]
    if view.base is not None and view.aligned is not None:
        times = digits(view.base.captured_at), digits(view.capture.captured_at)
        commands.append(f"etolwatch diff {uri} {times[0]} {times[1]}")
    return commands


def _file_of(here: Library, view: View, origin: Capture) -> str:
    """The name of the WARC file as it is now, while its pass runs with another ending."""
    return origin.warc if view.damage else here.store().path_of(origin).name


def _near(here: Library, uri: str, at: datetime) -> Response:
    """To the finding on the version that was held at this time: captures that repeat a text have none."""
    capture = here.store().catalog.capture_at(uri, at)
    for known in reversed(here.store().catalog.findings(uri=uri)):
        if known.captured_at is not None and known.captured_at <= capture.captured_at:
            return redirect(finding_path(known.captured_at, uri), 302)
    return abort(404)


def view_of(here: Library, placed: Placed) -> View:
    """What is to be shown of a finding. Raises ArchiveError if the catalog cannot tell."""
    store = here.store()
    catalog = store.catalog
    capture = catalog.capture(placed.record_id)
    base = catalog.capture(placed.base_id) if placed.base_id else None
    origin, base_origin = store.origin_of(capture), store.origin_of(base) if base else None
    texts, damage = Texts(None, ""), ""
    try:
        for one in filter(None, (origin, base_origin)):
            store.path_of(one)
        texts = _texts(here, placed, base, capture)
    except ArchiveError as error:
        log.error("%s", error)
        damage = told(error)
    captures, findings = catalog.captures(placed.finding.uri), catalog.findings(uri=placed.finding.uri)
    return View(
        placed=placed,
        capture=capture,
        base=base,
        origin=origin,
        base_origin=base_origin,
        aligned=texts.aligned,
        timeline=timeline(captures, findings, placed.finding),
        narrow=timeline(captures, findings, placed.finding, NARROW),
        read_by=_read_by(placed.finding),
        title=texts.title,
        damage=damage,
    )


def _texts(here: Library, placed: Placed, base: Capture | None, capture: Capture) -> Texts:
    """Both texts, read and collated once for many readers. Raises FixityError, ArchiveError."""
    finding = placed.finding
    shelf: Shelf = current_app.extensions.setdefault(SHELF, Shelf())
    key = (placed.base_id, placed.record_id, finding.normaliser, digest_of(finding))
    texts = shelf.get(key)
    if texts is None:
        texts = _collated(here, finding, base, capture)
        shelf.put(key, texts)
    return texts


def _collated(here: Library, finding: Finding, base: Capture | None, capture: Capture) -> Texts:
    catalog = here.store().catalog
    before = _read(here, base) if base else None
    after = _read(here, capture) if finding.verdict not in NO_TEXT else None
    both = None
    if before and after and before.witness and after.witness:
        both = aligned(
            before.witness, after.witness, finding, lambda word: catalog.knows_word(word, finding.uri)
        )
    return Texts(both, _title(after or before))


def _read(here: Library, capture: Capture) -> Read:
    return read(here.store().payload(capture), profile(profile_name(here.config, capture)))


def _read_by(finding: Finding) -> str:
    from etolwatch.collate.compare import RULES

    return "" if finding.normaliser == RULES else RULES


def _title(shown: Read | None) -> str:
    blocks = shown.witness.blocks if shown and shown.witness else ()
    heading = next((block.text for block in blocks if block.tag in ("h1", "title")), "")
    return " ".join(heading.split())


def _neighbours(here: Library, placed: Placed) -> dict[str, str]:
    """The addresses of the next finding that nobody judged, and of the one before, as the list has them."""
    found = {"next": "", "previous": ""}
    for name, back in (("next", False), ("previous", True)):
        seq = here.found().next_new(placed, tuple(RUBRICS), back=back)
        finding = here.found().told([seq]).get(seq) if seq is not None else None
        if finding is not None and finding.captured_at is not None:
            found[name] = finding_path(finding.captured_at, finding.uri)
    return found
