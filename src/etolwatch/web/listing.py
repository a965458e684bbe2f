"""The list of findings as a page of it is asked for: the filters of its form, and which rows it has. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from etolwatch import when
from etolwatch.archive.findings import SIDES, STATES, Shared, Tally, Wanted
from etolwatch.errors import UsageError
from etolwatch.model import Finding, Verdict
from etolwatch.publish.order import RUBRICS

ROWS = 50  # on a page
EVERY_STATE = ("new", *STATES)
ALL = "all"
LONGEST = 300  # characters of a search


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form asks for: ``state`` is one state or "all"; ``page`` counts from 1.

    ``wrong`` are sentences about what could not be understood, and was left out.
    """

    wanted: Wanted
    state: str = "new"
    since: str = ""
    until: str = ""
    page: int = 1
    wrong: tuple[str, ...] = ()

    @property
    def is_filtered(self) -> bool:
        """Whether anything but the state is asked for."""
        wanted = self.wanted
        return bool(
            wanted.verdicts
            or wanted.site is not None
            or wanted.folder is not None
            or wanted.words
            or self.since
            or self.until
            or wanted.signature
        )

    def query(self, **others: object) -> str:
        """The query of the list's address with some fields set otherwise; None takes a field out."""
        wanted = self.wanted
        fields: dict[str, object] = {
            "q": wanted.words,
            "in": wanted.side,
            "verdict": [verdict.value for verdict in wanted.verdicts],
            "site": wanted.site or "",
            "folder": wanted.folder or "",
            "since": self.since,
            "until": self.until,
            "state": self.state if self.state != "new" else "",
        }
        fields |= others
        return "?" + urlencode([(name, value) for name, value in fields.items() if value], doseq=True)


def asked(fields: Mapping[str, str], verdicts: Sequence[str]) -> Asked:
    """What the fields of the form ask for; what is no choice of it is left out."""
    wrong: list[str] = []
    state = fields.get("state", "")
    state = state if state in (*EVERY_STATE, ALL) else "new"
    side = fields.get("in", "")
    chosen = tuple(verdict for verdict in Verdict if verdict.value in verdicts)
    wanted = Wanted(
        verdicts=chosen,
        site=fields.get("site") or None,
        folder=fields.get("folder") or None,
        words=fields.get("q", "").strip()[:LONGEST],
        side=side if side in SIDES else "",
        states=() if state == ALL else (state,),
        counted=any(verdict not in _LISTED for verdict in chosen),
    )
    times = {}
    for name, read in (("since", when.since), ("until", when.until)):
        text = fields.get(name, "").strip()
        try:
            times[name] = read(text) if text else None
        except UsageError as error:
            wrong.append(str(error))
            times[name] = None
    wanted = replace(wanted, since=times["since"], until=times["until"])
    kept = {name: fields.get(name, "").strip() if times[name] else "" for name in times}
    return Asked(wanted, state, kept["since"], kept["until"], _page(fields.get("page", "")), tuple(wrong))


def _page(text: str) -> int:
    return max(int(text), 1) if text.isdecimal() and len(text) < 8 else 1


_LISTED = frozenset(RUBRICS) - {Verdict.FIRST_CAPTURE, Verdict.NO_TEXTUAL_CHANGE}


@dataclass(frozen=True, slots=True)
class Counts:
    """What the form says beside its choices, and how many rows the list has."""

    by_verdict: dict[Verdict, int]
    by_state: dict[str, int]
    alone: dict[Verdict, int]
    findings: int


def counts(tallies: Iterable[Tally], asked: Asked) -> Counts:
    """The numbers beside each choice: how many findings there would be with it instead of the present one."""
    by_verdict: dict[Verdict, int] = {}
    by_state: dict[str, int] = {}
    alone: dict[Verdict, int] = {}
    states = asked.wanted.states or EVERY_STATE
    for tally in tallies:
        chosen = sum(tally.by_state.get(state, 0) for state in states)
        by_verdict[tally.verdict] = by_verdict.get(tally.verdict, 0) + chosen
        if asked.wanted.verdicts and tally.verdict not in asked.wanted.verdicts:
            continue
        for state, count in tally.by_state.items():
            by_state[state] = by_state.get(state, 0) + count
        if not tally.is_shared:
            alone[tally.verdict] = alone.get(tally.verdict, 0) + chosen
    if asked.wanted.verdicts:
        found = sum(by_verdict.get(verdict, 0) for verdict in asked.wanted.verdicts)
    else:
        found = sum(by_verdict.values())
    return Counts(by_verdict, by_state, alone, found)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of one verdict on a page of the list: shared ones, then so many alone from an offset."""

    verdict: Verdict
    shared: tuple[Shared, ...]
    offset: int
    limit: int


def stretches(shared: Sequence[Shared], alone: Mapping[Verdict, int], page: int) -> list[Stretch]:
    """Which rows stand on a page: the weightiest verdict first, in it what many pages share."""
    found = []
    skip, left = (page - 1) * ROWS, ROWS
    for verdict in RUBRICS:
        rows = [row for row in shared if row.verdict is verdict]
        count = alone.get(verdict, 0)
        taken = rows[skip : skip + left]
        offset = max(skip - len(rows), 0)
        limit = max(min(left - len(taken), count - offset), 0)
        if taken or limit:
            found.append(Stretch(verdict, tuple(taken), offset, limit))
        skip = max(skip - len(rows) - count, 0)
        left -= len(taken) + limit
        if not left:
            break
    return found


def pages(shared: Sequence[Shared], alone: Mapping[Verdict, int]) -> int:
    """How many pages the list has; 1 if it is empty."""
    return max(-(-(len(shared) + sum(alone.values())) // ROWS), 1)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a finding, or several that tell the same, of which it is the latest noted.

    ``state`` is that of all of them, "" where they stand differently; ``judged`` counts those of
    several that are not new.
    """

    finding: Finding
    state: str
    shared: Shared | None = None
    judged: int = 0


def shared_row(finding: Finding, shared: Shared, by_state: Mapping[str, int]) -> Row:
    """The row of findings that tell the same, of which so many were judged."""
    judged = sum(by_state.values())
    states = {**by_state, "new": shared.count - judged}
    state = next((name for name, count in states.items() if count == shared.count), "")
    return Row(finding, state, shared, judged)


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one verdict. ``count``: how many findings of it the whole list has."""

    verdict: Verdict
    count: int
    rows: tuple[Row, ...]
