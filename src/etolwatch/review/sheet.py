"""Findings as a sheet in which people judge them, and what they did there read back.

A row is known by its ``key``, which names the finding, what it said, and what judgement stood when
the sheet was written. So columns may be moved, dates mangled and rows sorted; only
state, reasons and note are read. A row that says what it said when it was written is no judgement.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from etolwatch.archive.catalog import instant_text
from etolwatch.contract import instant_to_text
from etolwatch.errors import UsageError
from etolwatch.model import Finding
from etolwatch.review import cells
from etolwatch.review.cells import Row, Sheet
from etolwatch.review.identity import digest_of
from etolwatch.review.judgement import EDGI, Judgement, Opinion, Reason, State, clean_note, opinion
from etolwatch.review.listing import Known
from etolwatch.review.standing import Standing

COLUMNS = (
    "state",
    "reasons",
    "note",
    "uri",
    "captured_at",
    "previous_at",
    "verdict",
    "certainty",
    "stated_before",
    "stated_after",
    "changed",
    "reviewer",
    "judged_at",
    "edgi",
    "site",
    "key",
)
READ = ("state", "reasons", "note")
NOTHING = Opinion(State.NEW)
_KEY = re.compile(r"f_[0-9a-f]{16}_[0-9a-f]{16}_(?:[0-9a-f]{12}|new)", re.I)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken, and why; ``number`` as a spreadsheet shows it."""

    number: int
    what: str  # the finding's address as far as it is known, else the key
    why: str


@dataclass(frozen=True, slots=True)
class Read:
    """What a sheet asks for: judgements to make, rows that say nothing new, rows that cannot be taken."""

    said: tuple[tuple[Finding, Opinion], ...]
    unchanged: int
    refused: tuple[Refused, ...]


# ── out ──────────────────────────────────────────────────────────────────────────────


def write(path: Path, known: Iterable[Known], told: Callable[[Finding], str]) -> None:
    """Writes these findings as .csv or .xlsx; ``told`` gives what changed, in a few lines.

    Raises UsageError for another kind of file, EtolwatchError if it cannot be written.
    """
    cells.write(path, COLUMNS, (row(one, told) for one in known), [state.value for state in State])


def to_csv(known: Iterable[Known], told: Callable[[Finding], str]) -> bytes:
    """These findings as the bytes of a .csv, as `write` writes it."""
    return cells.csv_bytes(COLUMNS, (row(one, told) for one in known))


def row(one: Known, told: Callable[[Finding], str]) -> tuple[str, ...]:
    """The cells of one finding, in the order of `COLUMNS`."""
    finding, said = one.finding, one.standing.judgement
    before, after = finding.stated_before, finding.stated_after
    return (
        one.standing.state.value,
        ", ".join(one.standing.reasons),
        one.standing.note,
        finding.uri,
        instant_to_text(finding.captured_at) or "",
        instant_to_text(finding.previous_at) or "",
        finding.verdict.value,
        finding.certainty.value if finding.certainty else "",
        before.raw if before else "",
        after.raw if after else "",
        told(finding),
        said.reviewer if said else "",
        instant_to_text(said.at) or "" if said else "",
        " ".join(edgi(one.standing)),
        finding.site,
        key_of(finding, said),
    )


def edgi(standing: Standing) -> list[str]:
    """The fields of EDGI's annotation form that a standing would set."""
    fields = [EDGI[reason] for reason in standing.reasons if reason in EDGI]
    if standing.state is State.TRIVIAL:
        fields.append("sig_6" if standing.by_rule else "sig_5")
    return fields


def key_of(finding: Finding, said: Judgement | None) -> str:
    """What names the finding, what it says and the judgement that stands; no spreadsheet alters it."""
    return f"{_place(finding)}_{_said(finding)}_{_last(said)}"


def _place(finding: Finding) -> str:
    at = instant_text(finding.captured_at) if finding.captured_at else ""
    return "f_" + hashlib.sha256(f"{finding.uri}\x1f{at}".encode("utf-8", "replace")).hexdigest()[:16]


def _said(finding: Finding) -> str:
    return digest_of(finding).rpartition(":")[2][:16]


def _last(said: Judgement | None) -> str:
    return said.id.replace("-", "")[-12:] if said else "new"


# ── in ───────────────────────────────────────────────────────────────────────────────


def read(path: Path, findings: Iterable[Known], judgements: Iterable[Judgement]) -> Read:
    """What a sheet asks for, against how the findings of the store stand now.

    ``judgements`` are all of the journal: what the sheet said when it was written is known from them.
    Raises UsageError for a file that is no sheet of ours.
    """
    sheet = cells.read(path)
    if "key" not in sheet.columns:
        cause = "export again, and leave that column as it is" if sheet.columns else "it is empty"
        raise UsageError("the sheet has no column “key”", str(path), cause)
    if not set(READ) & set(sheet.columns):
        raise UsageError("the sheet has nothing to read", str(path), f"none of {', '.join(READ)}")
    reader = _Reader(
        {_place(one.finding): one for one in findings}, {_last(one): one for one in judgements}, sheet
    )
    return reader.read()


class _No(Exception):
    """A row cannot be taken; the text says why."""


@dataclass(slots=True)
class _Reader:
    """One reading of a sheet."""

    known: dict[str, Known]
    before: dict[str, Judgement]
    sheet: Sheet

    def read(self) -> Read:
        asked: dict[str, list[tuple[Row, Opinion | None]]] = {}
        refused: list[Refused] = []
        for row in self.sheet.rows:
            try:
                place, said = self._row(row)
            except (_No, UsageError) as error:
                refused.append(Refused(row.number, self._name(row), str(error)))
            else:
                asked.setdefault(place, []).append((row, said))
        said_now: list[tuple[Finding, Opinion]] = []
        unchanged = 0
        for place, rows in asked.items():
            different = {said for _, said in rows if said is not None}
            if len(different) > 1:
                numbers = ", ".join(str(row.number) for row, _ in rows)
                why = f"rows {numbers} judge the same finding otherwise"
                refused.extend(Refused(row.number, self._name(row), why) for row, _ in rows)
            elif different:
                said_now.append((self.known[place].finding, different.pop()))
            else:
                unchanged += len(rows)
        return Read(tuple(said_now), unchanged, tuple(sorted(refused, key=lambda one: one.number)))

    def _row(self, row: Row) -> tuple[str, Opinion | None]:
        """Which finding a row is about, and what it says of it; None if nothing new."""
        key = row.cells.get("key", "").strip().lower()
        if not _KEY.fullmatch(key):
            raise _No("it has no key" if not key else "its key is none")
        place, said, last = key.rsplit("_", 2)
        known = self.known.get(place)
        if known is None:
            raise _No("this store has no such finding")
        now = _opinion(known.standing.judgement)
        if last != "new" and last not in self.before:
            raise _No("it was exported with a judgement that this journal has not")
        then = _opinion(self.before.get(last))
        wanted = self._wanted(row, then)
        if wanted in (then, now):
            return place, None
        if said != _said(known.finding):
            raise _No("the finding says something else since it was exported")
        if last != _last(known.standing.judgement):
            raise _No(f"it was judged otherwise since it was exported: {_told(known.standing)}")
        return place, wanted

    def _wanted(self, row: Row, then: Opinion) -> Opinion:
        """What the row says; what it does not have a column for is as it was."""
        wrong = [name for name in READ if name in row.formulas]
        if wrong:
            raise _No(f"a formula stands in {wrong[0]}")
        state = row.cells.get("state", then.state.value).strip()
        if not state and then.state is not State.NEW:
            raise _No("it has no state")
        reasons: Sequence[str] = then.reasons
        if "reasons" in row.cells:
            reasons = [part for part in re.split(r"[,;\n]", row.cells["reasons"]) if part.strip()]
        note = clean_note(row.cells.get("note", then.note))
        if note in self._as_written(then.note):
            return replace(opinion(state or State.NEW, reasons), note=then.note)
        return opinion(state or State.NEW, reasons, note)

    def _as_written(self, note: str) -> set[str]:
        """How a note may come back that nobody altered."""
        whole = clean_note(cells.writable(note))
        return {whole, clean_note(_lossy(whole))} if self.sheet.is_lossy else {whole}

    def _name(self, row: Row) -> str:
        key = row.cells.get("key", "").strip()
        known = self.known.get(key.lower().rpartition("_")[0].rpartition("_")[0])
        return known.finding.uri if known else row.cells.get("uri", "").strip() or key


def _lossy(text: str) -> str:
    return text.encode(cells.LEGACY, "replace").decode(cells.LEGACY)


def _opinion(said: Judgement | None) -> Opinion:
    if said is None:
        return NOTHING
    return Opinion(said.state, tuple(one for one in Reason if one in said.reasons), said.note)


def _told(standing: Standing) -> str:
    by = f" by {standing.judgement.reviewer}" if standing.judgement else ""
    return f"{standing.state.label}{by}"
