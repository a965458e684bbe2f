"""The forms by which findings are judged: one, or all that tell the same; rules, undo, the history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from etolwatch.archive.findings import Wanted
from etolwatch.contract import instant_from_text
from etolwatch.errors import ArchiveError, LockHeld, UsageError
from etolwatch.model import Finding
from etolwatch.publish.judged import changed_of, edit_of, standing_text
from etolwatch.publish.phrase import number, visible
from etolwatch.review import desk, sheet
from etolwatch.review.identity import digest_of, is_listed, signature_of, target_of
from etolwatch.review.judgement import (
    ClusterTarget,
    Judgement,
    Opinion,
    Reason,
    State,
    clean_name,
    opinion,
)
from etolwatch.review.listing import Known
from etolwatch.review.projection import Noted, Projection
from etolwatch.review.standing import Standing
from etolwatch.web.library import Library, library
from etolwatch.web.listing import ROWS, asked
from etolwatch.web.login import inside
from etolwatch.web.named import finding_path

blueprint = Blueprint("judging", __name__)
REVIEWER = "reviewer"  # the cookie that remembers the name
REMEMBERED_S = 400 * 86_400
LISTED = 50  # judgements on a page of the history
OPEN = "open"  # as ``whole``: all that tell the same and that nobody judged by name, no finding before others


class Meanwhile(UsageError):
    """What a form is about has changed since its page was loaded."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in the fields of a form: names, as they are sent."""

    state: str = ""
    reasons: frozenset[str] = frozenset()
    note: str = ""
    reviewer: str = ""
    whole: bool = False
    rule: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a finding: how it stands, and what is filled in.

    ``stands`` is the id of the judgement that holds, "" if there is none: it comes back with the form.
    """

    finding: Finding
    digest: str
    signature: str | None
    standing: Standing
    history: Sequence[Noted]
    alike: int  # findings that tell the same, this one among them
    reviewer: str
    can_be_judged: bool
    stands: str
    filled: Filled

    @property
    def said(self) -> str:
        """How it stands, in a line."""
        return standing_text(self.standing)


def form_for(finding: Finding) -> Form:
    """The form of a finding as it stands now."""
    here = library()
    standing = here.projection().standing(finding)
    reviewer = visible(request.cookies.get(REVIEWER, ""))[:100]
    signature = signature_of(finding)
    wanted = Wanted(signature=signature)
    alike = sum(sum(t.by_state.values()) for t in here.found().tally(wanted)) if signature else 1
    return Form(
        finding=finding,
        digest=digest_of(finding),
        signature=signature,
        standing=standing,
        history=here.projection().on(target_of(finding)),
        alike=alike,
        reviewer=reviewer,
        can_be_judged=is_listed(finding),
        stands=standing.judgement.id if standing.judgement else "",
        filled=_said_in(standing, reviewer),
    )


def form_for_all(alike: Sequence[Finding]) -> Form:
    """The form of a cluster, of which these are the first findings: blank, unless it was judged as one.

    What somebody said of one of them by name is not said of the others.
    """
    here, form = library(), form_for(alike[0])
    said = [here.projection().standing(one).judgement for one in alike]
    of_all = [one for one in said if one is not None and isinstance(one.target, ClusterTarget)]
    last = max(of_all, key=lambda one: (one.at, one.id), default=None)
    standing = Standing(last.state, last) if last else Standing()
    return replace(
        form,
        standing=standing,
        history=[here.projection().noted(last.id)] if last else [],
        stands=last.id if last else "",
        filled=_said_in(standing, form.reviewer),
    )


def _said_in(standing: Standing, reviewer: str) -> Filled:
    said = standing.judgement
    if said is None:
        return Filled(reviewer=reviewer)
    reasons = frozenset(item.value for item in said.reasons)
    return Filled(said.state.value, reasons, standing.note, reviewer)


def _sent() -> Filled:
    """What was filled in."""
    fields = request.form
    return Filled(
        fields.get("state", ""),
        frozenset(fields.getlist("reason")),
        fields.get("note", ""),
        fields.get("reviewer", ""),
        bool(fields.get("whole")),
        bool(fields.get("rule")),
    )


@blueprint.post("/judge")
def judge() -> Response:
    """Judges one finding, or with ``whole`` all that tell the same; with ``rule`` also those to come."""
    here = library()
    finding = _named(here)
    back = inside(request.form.get("back", "/"))
    try:
        _refuse_if_changed(finding)
        said = opinion(
            request.form.get("state", ""), request.form.getlist("reason"), request.form.get("note", "")
        )
        reviewer = clean_name(request.form.get("reviewer", ""))
        told = _judged(here, finding, said, reviewer)
    except Meanwhile as error:
        return _again(here, finding, str(error), 409)
    except UsageError as error:
        return _again(here, finding, str(error), 400)
    except (LockHeld, ArchiveError) as error:
        return _again(here, finding, str(error), 503)
    flash(told, "done")
    target = inside(request.form.get("next", "")) if request.form.get("then") == "next" else back
    return _remembering(redirect(target, 303), reviewer)


def _named(here: Library) -> Finding:
    """The finding that the form was about. 404 if there is none."""
    try:
        at = instant_from_text(request.form.get("at", ""))
    except ValueError:
        abort(400, "The time of the finding cannot be read.")
    uri = request.form.get("uri", "")
    placed = here.found().on(uri, at) if at else None
    if placed is None or placed.finding.captured_at != at:
        abort(404, "There is no such finding.")
    return placed.finding


def _again(here: Library, finding: Finding, wrong: str, status: int) -> Response:
    """The form once more, as it was filled in, with what was wrong and how the finding stands now."""
    is_whole = request.form.get("whole") == OPEN
    form = form_for_all(_alike(here, finding, ROWS)) if is_whole else form_for(finding)
    page = render_template(
        "refused.html",
        form=replace(form, filled=_sent()),
        wrong=wrong.removesuffix("."),
        whole=is_whole,
        back=inside(request.form.get("back", "/")),
        next=inside(request.form["next"]) if request.form.get("next") else "",
        State=State,
        Reason=Reason,
    )
    return make_response(page, status)


def _refuse_if_changed(finding: Finding) -> None:
    if request.form.get("digest") != digest_of(finding):
        raise Meanwhile("the finding has changed since its page was loaded; look anew at what it says")


def _alike(here: Library, finding: Finding, limit: int = -1) -> list[Finding]:
    found = here.found()
    seqs = found.members(Wanted(signature=signature_of(finding) or ""), 0, limit)
    told = found.told(seqs)
    return [told[seq] for seq in seqs]


def _judged(here: Library, finding: Finding, said: Opinion, reviewer: str) -> str:
    """Writes what was said into the journal, as one act; gives back a sentence about it."""
    projection = here.projection()
    chosen, left = _chosen(here, finding, said, reviewer)
    rule = edit_of(finding) if request.form.get("rule") else None
    if chosen:
        desk.say(here.journal, projection, chosen, said, reviewer, here.now(), rule)
    elif rule is not None:
        desk.remember(here.journal, projection, finding, rule, said, reviewer, here.now())
    else:
        raise Meanwhile("somebody judged each of them by name; judge those that you mean on their own pages")
    told = f"Judged as {said.state.label}: {number(len(chosen), 'finding')}."
    return f"{told} Left as somebody judged them by name: {left}." if left else told


def _chosen(here: Library, finding: Finding, said: Opinion, reviewer: str) -> tuple[list[Finding], int]:
    """The findings that the form means, and of how many others it leaves the judgement alone."""
    projection, whole = here.projection(), request.form.get("whole")
    stands = request.form.get("stands", "")
    if whole == OPEN:
        alike = _alike(here, finding)
        chosen = desk.open_of(projection, alike, stands)
        return chosen, len(alike) - len(chosen)
    _refuse_if_judged(projection.standing(finding), stands, said, reviewer)
    if not whole:
        return [finding], 0
    alike = _alike(here, finding)
    chosen = desk.cluster_of(projection, finding, alike) + _judged_with(projection, finding, alike)
    return chosen, len(alike) - len(chosen)


def _refuse_if_judged(standing: Standing, stands: str, said: Opinion, reviewer: str) -> None:
    """Raises Meanwhile if another judgement holds than when the page was loaded.

    A form that is sent twice says the same as what holds, and harms nobody.
    """
    now = standing.judgement
    if (now.id if now else "") == stands:
        return
    if now and now.reviewer == reviewer and Opinion(now.state, now.reasons, now.note) == said:
        return
    raise Meanwhile(f"it was judged otherwise meanwhile: {standing_text(standing)}")


def _judged_with(projection: Projection, finding: Finding, alike: Iterable[Finding]) -> list[Finding]:
    """Those that were judged at one stroke with this finding: who judges it again means them, too."""
    own = projection.standing(finding)
    if own.judgement is None or own.by_rule:
        return []
    return [
        other for other in alike if other != finding and projection.standing(other).judgement == own.judgement
    ]


def _remembering(response: Response, reviewer: str) -> Response:
    response.set_cookie(
        REVIEWER, reviewer, max_age=REMEMBERED_S, httponly=True, samesite="Strict", secure=request.is_secure
    )
    return response


@blueprint.post("/undo")
def undo() -> Response:
    """Takes a judgement back, by its id; a rule too, or an undo."""
    here = library()
    back = inside(request.form.get("back", "/"))
    name = request.form.get("judgement", "")
    try:
        reviewer = clean_name(request.form.get("reviewer") or request.cookies.get(REVIEWER, ""))
        noted = here.projection().noted(name)
        if not noted.is_undone:  # a form that is sent twice takes nothing back twice
            desk.undo(here.journal, here.projection(), [noted.judgement], reviewer, here.now())
    except (UsageError, LockHeld) as error:
        flash(f"Not taken back: {error}.", "wrong")
        return redirect(back, 303)
    judgement = noted.judgement
    before = " already" if noted.is_undone else ""
    flash(f"Taken back{before}: {judgement.state.label}, said by {visible(judgement.reviewer)}.", "done")
    return _remembering(redirect(back, 303), reviewer)


@blueprint.app_context_processor
def _aims() -> dict[str, Any]:
    """For templates: what an undo takes back."""
    return {"taken_back": _taken_back}


def _taken_back(name: str) -> Judgement | None:
    try:
        return library().projection().judgement(name)
    except UsageError:  # a copy of the journal may have the undo alone
        return None


@blueprint.get("/rules")
def rules() -> str:
    """The rules that hold, with what each says."""
    here = library()
    return render_template(
        "rules.html",
        rules=here.projection().rules(),
        reviewer=visible(request.cookies.get(REVIEWER, "")),
        example_path=_example_path,
    )


def _example_path(judgement: Judgement) -> str:
    example = getattr(judgement.target, "example", None)
    return finding_path(example.captured_at, example.uri) if example else "/"


@blueprint.get("/history")
def history() -> str:
    """What was judged, the latest first."""
    here = library()
    page = request.args.get("page", "1")
    number_ = max(int(page), 1) if page.isdecimal() and len(page) < 7 else 1
    found = here.projection().log(LISTED + 1, (number_ - 1) * LISTED)
    return render_template(
        "history.html",
        noted=found[:LISTED],
        page=number_,
        has_more=len(found) > LISTED,
        damaged=len(here.projection().faults()),
        reviewer=visible(request.cookies.get(REVIEWER, "")),
    )


@blueprint.get("/help")
def help_() -> str:
    """What the pages are, and which keys they know."""
    return render_template("help.html", State=State, Reason=Reason)


@blueprint.get("/findings.csv")
def as_csv() -> Response:
    """The findings of the list and how they stand, as a sheet that `review import` takes back."""
    return _sheet("findings.csv", "text/csv; charset=utf-8")


@blueprint.get("/findings.xlsx")
def as_xlsx() -> Response:
    """The same for spreadsheet programs."""
    return _sheet("findings.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


def _sheet(name: str, media_type: str) -> Response:
    here = library()
    found = here.found()
    chosen = asked(request.args, request.args.getlist("verdict"))
    if chosen.wrong:  # a sheet has no place for a warning, and without the filter it would tell of all
        abort(400, f"{'. '.join(chosen.wrong)}.")
    told = found.told(found.members(chosen.wanted, 0, -1)).values()
    known = [Known(finding, here.projection().standing(finding)) for finding in told if is_listed(finding)]
    with TemporaryDirectory(prefix="etolwatch-") as folder:
        path = Path(folder) / name
        sheet.write(path, known, changed_of)
        response = Response(path.read_bytes(), content_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
