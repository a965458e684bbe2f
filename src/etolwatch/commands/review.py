"""Commands with which findings are judged: review and what belongs to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etolwatch.commands.frame import (
    DONE,
    INTERNAL,
    PARTIAL,
    Settings,
    as_text_or_json,
    command,
    etolwatch,
    log,
    opened,
    print_json,
    wants_color,
)
from etolwatch.errors import NoSuchCapture, UsageError

if TYPE_CHECKING:
    from etolwatch.archive.store import Store
    from etolwatch.config import Config
    from etolwatch.model import Finding
    from etolwatch.review.judgement import Judgement, Opinion
    from etolwatch.review.listing import Known
    from etolwatch.review.merge import Merged
    from etolwatch.review.projection import Noted, Projection
    from etolwatch.review.sheet import Read
    from etolwatch.review.standing import Standing

REVIEWER = "ETOLWATCH_REVIEWER"
STATES = ("new", "confirmed", "trivial", "false_alarm", "follow_up")
HIDDEN = "findings"  # the command that `review` itself is
_sheet = click.Path(path_type=Path, dir_okay=False)


class _Context(click.Context):
    """That of a command which is called by the name of its group."""

    @property
    def command_path(self) -> str:
        return self.parent.command_path if self.parent else super().command_path


class _Itself(click.Group):
    """Takes URI@TIME, or options alone, where other groups take the name of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spelled(args, self.commands))

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[URI@TIME] [OPTIONS]", "| COMMAND [ARGS]..."]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from etolwatch.review.judgement import Reason

        options = [item for item in self.commands[HIDDEN].get_params(ctx) if isinstance(item, click.Option)]
        with formatter.section("Options"):
            formatter.write_dl([row for item in options if (row := item.get_help_record(ctx))])
        with formatter.section("Reasons"):
            formatter.write_dl([(reason.value, reason.label) for reason in Reason])
        self.format_commands(ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in self.commands if name != HIDDEN]


def spelled(args: Sequence[str], commands: Mapping[str, object]) -> list[str]:
    """The arguments with the name of a command in front: the one they have, or that of `review` itself."""
    place = 0
    while place < len(args) and (args[place] in ("-v", "--verbose") or args[place].startswith("--config")):
        place += 2 if args[place] == "--config" else 1
    if place < len(args) and args[place] in commands:
        return [args[place], *args[:place], *args[place + 1 :]]
    if place < len(args) and args[place] in ("-h", "--help"):
        return list(args[place:])
    return [HIDDEN, *args]


@etolwatch.group("review", cls=_Itself)
def reviewing() -> None:
    """Judge findings, and list those that nobody has judged.

    Without URI@TIME, lists what is new, or what has the --state named. With it, shows that
    finding, all of it, and what was said of it; with --state, judges it. TIME is that of
    the capture, as the list shows it; of several findings at or before it, the last is meant.

    A judgement holds while the finding says the same; one that comes out otherwise is new again.

    \b
    Examples:
      etolwatch review
      etolwatch review 1958/08/export.htm@2026-11-09 --state confirmed --reason text_or_number
      etolwatch review 1958/08/export.htm@2026-11-09 --state trivial --cluster --rule
      etolwatch review undo last
    """


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a command works with."""

    config: Config
    store: Store
    projection: Projection
    status: int  # with which a command ends that tells how things stand: damaged lines may be missing

    def standing(self, finding: Finding) -> Standing:
        return self.projection.standing(finding)

    def known(
        self,
        states: Sequence[str] = (),
        site: str | None = None,
        since: str | None = None,
        *,
        counted: bool = False,
    ) -> Iterator[Known]:
        """The findings of these states (none: of all), of a site, since a time, with how they stand.

        ``counted``: also those that reports only count. Raises ConfigError, UsageError.
        """
        from etolwatch import when
        from etolwatch.archive.findings import Wanted
        from etolwatch.review.listing import known

        wanted = Wanted(
            site=self.config.site(site).name if site else None,
            since=when.since(since) if since else None,
            states=tuple(states),
            counted=counted,
        )
        return known(self.store.catalog, self.projection, wanted)


@contextmanager
def _at_desk(settings: Settings) -> Iterator[_Desk]:
    from etolwatch.review.projection import Projection

    with opened(settings) as (config, store), Projection(config.store) as projection:
        faults = len(projection.faults())
        if faults:
            told = "%s: damaged lines: %d; what was said there counts for nothing; see “etolwatch verify”"
            log.warning(told, projection.journal, faults)
        yield _Desk(config, store, projection, INTERNAL if faults else DONE)


_reviewer = click.option(
    "--reviewer", metavar="NAME", help=f"Who judges.  [default: ${REVIEWER}, else your login name]"
)


def _of_state(told: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option("--state", "states", type=click.Choice(STATES), multiple=True, help=told)


def reviewer_named(name: str | None) -> str:
    """The reviewer's name: as given, of the environment, or that of the login. Raises UsageError."""
    from getpass import getuser

    from etolwatch.review.judgement import clean_name

    if name is not None:
        return clean_name(name)
    if given := os.environ.get(REVIEWER):
        return clean_name(given)
    try:
        return clean_name(getuser())
    except (KeyError, OSError, ImportError) as error:
        raise UsageError(
            "nobody knows who judges", "--reviewer", f"give a name, or set {REVIEWER}"
        ) from error


# ── review itself ────────────────────────────────────────────────────────────────────


@command(HIDDEN, group=reviewing)
@click.argument("page", metavar="[URI@TIME]", required=False)
@_of_state("What it is judged to be; without URI@TIME: what is listed, repeatable.")
@click.option("--reason", "reasons", metavar="REASON", multiple=True, help="Why (see below); repeatable.")
@click.option("--note", metavar="TEXT", default="", help="What else there is to say.")
@_reviewer
@click.option("--cluster", is_flag=True, help="Judge all that tell the same and are not judged yet.")
@click.option("--rule", is_flag=True, help="Judge so from now on whatever tells the same.")
@click.option("--site", metavar="NAME", help="List only findings of this site.")
@click.option("--since", "since_text", metavar="TIME", help="List only captures since then.")
@as_text_or_json
def findings(
    settings: Settings,
    page: str | None,
    states: tuple[str, ...],
    reasons: tuple[str, ...],
    note: str,
    reviewer: str | None,
    cluster: bool,
    rule: bool,
    site: str | None,
    since_text: str | None,
    form: str,
) -> int:
    """List findings, show one, or judge it; the same as “etolwatch review”."""
    if page is None:
        _refuse_in_list(reasons=reasons, note=note, reviewer=reviewer, cluster=cluster, rule=rule)
        return _list(settings, states or ("new",), site, since_text, form)
    if site is not None or since_text is not None:
        raise click.UsageError("--site and --since choose what is listed; URI@TIME names one finding.")
    if not states:
        _refuse_in_list(reasons=reasons, note=note, reviewer=reviewer, cluster=cluster, rule=rule)
        return _show(settings, page, form)
    if len(states) > 1:
        raise click.UsageError("A finding has one --state.")
    from etolwatch.review.judgement import opinion

    said = opinion(states[0], reasons, note)
    return _judge(settings, page, said, reviewer_named(reviewer), cluster=cluster, rule=rule, form=form)


findings.context_class = _Context


# A choice in the help of the option would be long; whoever misses one gets the list with the error.
def _refuse_in_list(**given: object) -> None:
    for name, value in given.items():
        if value:
            option = {"reasons": "reason"}.get(name, name)
            raise click.UsageError(f"--{option} belongs to a judgement: name URI@TIME and --state.")


def _list(settings: Settings, states: Sequence[str], site: str | None, since: str | None, form: str) -> int:
    from etolwatch.publish import judged
    from etolwatch.publish.order import RUBRICS

    with _at_desk(settings) as desk:
        order = {verdict: place for place, verdict in enumerate(RUBRICS)}
        found = [(one.finding, one.standing) for one in desk.known(states, site, since)]
        found.sort(key=lambda pair: order[pair[0].verdict])  # stable: by address and time in each
        scopes = tuple(prefix for one in desk.config.sites for prefix in one.scope)
    if form == "json":
        print_json([judged.judged_to_dict(pair) for pair in found])
    else:
        named = " or ".join(state.replace("_", " ") for state in states)
        click.echo(judged.listing(found, wants_color(), scopes) or f"Nothing is {named}.\n", nl=False)
    return desk.status


def _show(settings: Settings, page: str, form: str) -> int:
    from etolwatch.publish import judged
    from etolwatch.review.identity import target_of

    with _at_desk(settings) as desk:
        finding = _finding_at(desk.store, page)
        standing, said = desk.standing(finding), desk.projection.on(target_of(finding))
    if form == "json":
        noted = [judged.noted_to_dict(one) for one in said]
        print_json({**judged.judged_to_dict((finding, standing)), "judgements": noted})
    else:
        click.echo(judged.whole(finding, standing, said, wants_color()), nl=False)
    return desk.status


def _judge(
    settings: Settings, page: str, said: Opinion, reviewer: str, *, cluster: bool, rule: bool, form: str
) -> int:
    from etolwatch.publish import judged
    from etolwatch.review import desk as acts
    from etolwatch.review.journal import Journal

    at = datetime.now(UTC)
    with _at_desk(settings) as desk:
        journal = Journal.of(desk.config.store)
        finding = _finding_at(desk.store, page)
        chosen = _cluster(desk, finding) if cluster else [finding]
        edit = judged.edit_of(finding) if rule else None
        made = acts.say(journal, desk.projection, chosen, said, reviewer, at, edit)
    _tell(made, form)
    return DONE


def _cluster(desk: _Desk, finding: Finding) -> list[Finding]:
    """The finding, and those that tell the same and that nobody has judged by name."""
    from etolwatch.archive.findings import Wanted
    from etolwatch.review import desk as acts
    from etolwatch.review.identity import signature_of

    found = desk.store.catalog.found
    wanted = Wanted(signature=signature_of(finding) or "")
    return acts.cluster_of(desk.projection, finding, found.told(found.members(wanted, 0, -1)).values())


def _tell(made: Sequence[Judgement], form: str) -> None:
    from etolwatch.publish import judged
    from etolwatch.review.projection import Noted

    if form == "json":
        print_json([judged.judgement_to_dict(one) for one in made])
        return
    for one in made:
        click.echo(judged.noted_text(Noted(one, is_undone=False)))


def _finding_at(store: Store, page: str) -> Finding:
    """The finding that URI@TIME names: the last at or before, of those that reports list if it can be.

    Raises UnknownPage; NoSuchCapture where there is none.
    """
    from etolwatch import when
    from etolwatch.review.identity import is_listed

    ending, at = when.split(page)
    uri = store.catalog.resolve(ending)
    found = [
        finding
        for finding in store.catalog.findings(uri=uri)
        if finding.captured_at is not None and (at is None or finding.captured_at <= at)
    ]
    exact = [one for one in found if at and one.captured_at and (at - one.captured_at).total_seconds() < 1]
    chosen = exact or [one for one in found if is_listed(one)] or found
    if not chosen:
        raise NoSuchCapture("no finding at or before that time", page, "“etolwatch log” shows all")
    return chosen[-1]


# ── undo, rules, log, merge ──────────────────────────────────────────────────────────


@command("undo", group=reviewing)
@click.argument("name", metavar="ID|last")
@_reviewer
@as_text_or_json
def undo(settings: Settings, name: str, reviewer: str | None, form: str) -> int:
    """Take a judgement back.

    What stood before it stands again. ID is that of “review log”, or its beginning; the
    undo of an undo brings the judgement back. “last” is what you did last and have not taken
    back: a whole import, or a judgement and its rule.

    \b
    Examples:
      etolwatch review undo last
      etolwatch review undo 3f2a91c0
    """
    from etolwatch.review import desk as acts
    from etolwatch.review.journal import Journal

    who = reviewer_named(reviewer)
    with _at_desk(settings) as desk:
        if name == "last":
            aims = desk.projection.last_of(who)
            if not aims:
                raise UsageError("there is nothing to take back", who, "this person has judged nothing")
        else:
            noted = desk.projection.noted(name)
            if noted.is_undone:
                raise UsageError("it is taken back already", noted.judgement.id)
            aims = [noted.judgement]
        made = acts.undo(Journal.of(desk.config.store), desk.projection, aims, who, datetime.now(UTC))
    _tell(made, form)
    return DONE


@command("rules", group=reviewing)
@click.option("--take-back", "name", metavar="ID", help="From now on this rule holds no longer.")
@_reviewer
@as_text_or_json
def rules(settings: Settings, name: str | None, reviewer: str | None, form: str) -> int:
    """List the rules, or take one back.

    A rule judges whatever tells the same as the finding that it was made of, now and later,
    unless somebody judged that by name. What only a rule judged is new again without it.

    \b
    Examples:
      etolwatch review rules
      etolwatch review rules --take-back 3f2a91c0
    """
    from etolwatch.review import desk as acts
    from etolwatch.review.journal import Journal
    from etolwatch.review.judgement import RuleTarget

    with _at_desk(settings) as desk:
        if name is not None:
            noted = desk.projection.noted(name)
            if not isinstance(noted.judgement.target, RuleTarget) or noted.is_undone:
                raise UsageError("this is no rule that holds", name, "see “etolwatch review rules”")
            who, journal = reviewer_named(reviewer), Journal.of(desk.config.store)
            _tell(acts.undo(journal, desk.projection, [noted.judgement], who, datetime.now(UTC)), form)
            return DONE
        found = desk.projection.rules()
    _print_noted(found, form, "There are no rules.")
    return desk.status


def _print_noted(found: Sequence[Noted], form: str, empty: str) -> None:
    """Prints what was judged; ``empty`` where that is nothing."""
    from etolwatch.publish import judged

    if form == "json":
        print_json([judged.noted_to_dict(one) for one in found])
        return
    for one in found:
        click.echo(judged.noted_text(one))
    if not found:
        click.echo(empty)


@command("log", group=reviewing)
@click.argument("uri", required=False)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), default=100, show_default=True)
@as_text_or_json
def review_log(settings: Settings, uri: str | None, limit: int, form: str) -> int:
    """List what was judged, the latest first: all of it, or of the page URI.

    \b
    Examples:
      etolwatch review log
      etolwatch review log 1958/08/export.htm
    """

    with _at_desk(settings) as desk:
        if uri is None:
            found = desk.projection.log(limit)
        else:
            found = desk.projection.on_page(desk.store.catalog.resolve(uri))[::-1][:limit]
    _print_noted(found, form, "Nothing was judged.")
    return desk.status


@command("merge", group=reviewing)
@click.argument("other", metavar="OTHER", type=click.Path(path_type=Path, exists=True))
@as_text_or_json
def merge_command(settings: Settings, other: Path, form: str) -> int:
    """Take over what was judged in another copy.

    OTHER is the folder of a store, or its review.jsonl. Nothing is overwritten: two people's
    judgements of one finding are both kept, and who judged knowing of the other, else who
    judged later, prevails. Merged both ways, the two copies stand alike.

    \b
    Exit status:
      0   done                  4   damaged lines were left out
      2   usage or configuration

    \b
    Example:
      etolwatch review merge /media/anna/snapshots
    """
    from etolwatch.review.journal import Journal
    from etolwatch.review.merge import merge

    with _at_desk(settings) as desk:
        made = merge(Journal.of(desk.config.store).path, other, datetime.now(UTC))
        foreign = _foreign(desk.store, made.taken)
    _tell_merged(made, foreign, form)
    return PARTIAL if made.damaged else DONE


def _foreign(store: Store, taken: Sequence[Judgement]) -> list[str]:
    """The findings, as URI@TIME, that these judgements are about and that the store does not have."""
    from etolwatch.publish.judged import address

    here: dict[str, set[datetime | None]] = {}
    missing = []
    for target in dict.fromkeys(target for judgement in taken for target in judgement.findings):
        if target.uri not in here:
            here[target.uri] = {one.captured_at for one in store.catalog.findings(uri=target.uri)}
        if target.captured_at not in here[target.uri]:
            missing.append(address(target))
    return missing


def _tell_merged(made: Merged, foreign: Sequence[str], form: str) -> None:
    if form == "json":
        told: dict[str, Any] = {"taken": len(made.taken), "known": made.known, "unknown": made.unknown}
        damaged = [{"offset": offset, "what": why} for offset, why in made.damaged]
        print_json({**told, "damaged": damaged, "foreign": list(foreign)})
        return
    click.echo(f"{len(made.taken)} judgements taken over; {made.known} were there already.")
    if made.unknown:
        click.echo(f"{made.unknown} lines are of a later etolwatch; they are kept, and not understood here.")
    for name in foreign:
        click.echo(f"{name}: this store has no such finding; what was said of it is kept")
    for offset, why in made.damaged:
        click.echo(f"byte {offset}: a line was left out: {why}", err=True)


# ── sheets ───────────────────────────────────────────────────────────────────────────


@command("export", group=reviewing)
@click.argument("output", metavar="FILE.csv|FILE.xlsx", type=_sheet)
@_of_state("Only of this state; repeatable.")
@click.option("--site", metavar="NAME", help="Only of this site.")
@click.option("--since", "since_text", metavar="TIME", help="Only captures since then.")
def export_sheet(
    settings: Settings, output: Path, states: tuple[str, ...], site: str | None, since_text: str | None
) -> int:
    """Write findings as a sheet, to be judged in Excel or LibreOffice.

    Change state, reasons and note, in as many rows as you like, and give the file to
    “review import”. Rows may be sorted and removed, columns moved; leave “key” as it is.

    \b
    Example:
      etolwatch review export findings.xlsx --state new
    """
    from etolwatch.publish.judged import changed_of
    from etolwatch.review import cells, sheet

    cells.suffix_of(output)
    if not output.parent.is_dir():
        raise UsageError("there is no such folder", str(output.parent), "make it first")
    with _at_desk(settings) as desk:
        chosen = list(desk.known(states, site, since_text))
        sheet.write(output, chosen, changed_of)
    click.echo(f"Wrote {len(chosen)} findings to {output}")
    return desk.status


@command("import", group=reviewing)
@click.argument("source", metavar="FILE.csv|FILE.xlsx", type=_sheet)
@_reviewer
@as_text_or_json
def import_sheet(settings: Settings, source: Path, reviewer: str | None, form: str) -> int:
    """Take judgements from a sheet that “review export” wrote and somebody edited.

    Each row that was edited becomes a judgement of yours. One whose finding says something
    else since then, was judged otherwise meanwhile, or is not of this store is refused by name;
    the others are taken. To import the same file again does no harm.

    \b
    Exit status:
      0   done                  4   some rows were refused
      2   usage or configuration

    \b
    Example:
      etolwatch review import findings.xlsx --reviewer "Anna Weiss"
    """
    from etolwatch.review import desk as acts
    from etolwatch.review import sheet
    from etolwatch.review.journal import Journal

    who = reviewer_named(reviewer)
    with _at_desk(settings) as desk:
        journal = Journal.of(desk.config.store)
        found = sheet.read(source, desk.known(counted=True), journal.read())
        made = acts.judge_all(journal, desk.projection, found.said, who, datetime.now(UTC))
    _tell_imported(found, made, form)
    return PARTIAL if found.refused else DONE


def _tell_imported(found: Read, made: Sequence[Judgement], form: str) -> None:
    from etolwatch.publish.judged import judgement_to_dict
    from etolwatch.publish.phrase import visible

    if form == "json":
        refused = [{"row": one.number, "what": one.what, "why": one.why} for one in found.refused]
        taken = [judgement_to_dict(one) for one in made]
        print_json({"taken": taken, "unchanged": found.unchanged, "refused": refused})
        return
    for one in found.refused:
        click.echo(f"row {one.number}, {visible(one.what) or 'no address'}: {visible(one.why)}")
    refusals = f", {len(found.refused)} refused" if found.refused else ""
    click.echo(f"{len(made)} judgements made, {found.unchanged} rows unchanged{refusals}.")
