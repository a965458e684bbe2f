"""Sheets: written, opened by a spreadsheet and saved as that likes, and read back."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etolwatch.errors import EtolwatchError, UsageError
from etolwatch.model import Finding
from etolwatch.review import cells, desk, sheet
from etolwatch.review.journal import Journal
from etolwatch.review.judgement import Opinion, Reason, State, clean_note, opinion
from etolwatch.review.listing import Known
from etolwatch.review.projection import Projection
from etolwatch.review.standing import Standing, stand

from .acts import FERRY, HARBOUR, LAMPS, LAMPS_OTHERWISE, NOON

KINDS = ("f.csv", "f.xlsx")
FINDINGS = (LAMPS, FERRY, HARBOUR)
Table = list[list[str]]


@dataclass(slots=True)
class Desk:
    """A store's judgements, its findings, and a sheet of them."""

    folder: Path
    findings: tuple[Finding, ...] = FINDINGS

    @property
    def journal(self) -> Journal:
        return Journal.of(self.folder)

    def judge(self, finding: Finding, state: str, reasons: tuple[str, ...] = (), note: str = "") -> None:
        with Projection(self.folder) as projection:
            desk.judge(self.journal, projection, finding, opinion(state, reasons, note), "Ann", NOON)

    def known(self) -> list[Known]:
        standings = stand(self.journal.read())
        return [Known(one, standings.of(one)) for one in self.findings]

    def export(self, name: str) -> Path:
        path = self.folder / name
        sheet.write(path, self.known(), lambda finding: f"={finding.verdict}")
        return path

    def read(self, path: Path) -> sheet.Read:
        return sheet.read(path, self.known(), self.journal.read())

    def take(self, path: Path) -> sheet.Read:
        found = self.read(path)
        with Projection(self.folder) as projection:
            desk.judge_all(self.journal, projection, found.said, "Bob", NOON)
        return found


@pytest.fixture
def at_desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.judge(FERRY, "trivial", ("spelling", "image"), "Zeile 1\nline “2” — =sum")
    return made


def table_of(path: Path) -> Table:
    if path.suffix == ".csv":
        return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    book = openpyxl.load_workbook(path)
    rows = [["" if cell is None else cell for cell in row] for row in book.active.iter_rows(values_only=True)]
    book.close()
    return rows


def save(path: Path, table: Table) -> Path:
    """As a spreadsheet program saves it that knows nothing of us."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(table)
    else:
        book = openpyxl.Workbook()
        for row in table:
            book.active.append([cell or None for cell in row])
        book.save(path)
    return path


def edited(path: Path, finding: Finding, **cells_: str) -> Path:
    table = table_of(path)
    row = next(row for row in table if finding.uri in row)
    for name, text in cells_.items():
        row[table[0].index(name)] = text
    return save(path, table)


# ── round trips ──


@pytest.mark.parametrize("name", KINDS)
def test_what_nobody_edited_is_no_judgement(at_desk: Desk, name: str) -> None:
    found = at_desk.read(at_desk.export(name))
    assert found == sheet.Read((), 3, ())
    assert at_desk.read(save(at_desk.export(name), table_of(at_desk.export(name)))) == found


@pytest.mark.parametrize("name", KINDS)
def test_edited_rows_become_judgements(at_desk: Desk, name: str) -> None:
    path = edited(
        at_desk.export(name), LAMPS, state="Confirmed ", reasons="text or number; Image", note="x\r\ny"
    )
    edited(path, FERRY, note="other")
    found = at_desk.take(path)
    said = Opinion(State.CONFIRMED, (Reason.TEXT_OR_NUMBER, Reason.IMAGE), "x\ny")
    other = Opinion(State.TRIVIAL, (Reason.IMAGE, Reason.SPELLING), "other")
    assert found == sheet.Read(((LAMPS, said), (FERRY, other)), 1, ())
    assert [one.standing.state for one in at_desk.known()] == [State.CONFIRMED, State.TRIVIAL, State.NEW]
    assert at_desk.read(path) == sheet.Read((), 3, ())  # again: there is nothing left to do


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "note", ["=1+1", "+x", "-x", "@x", "'x", "'=x", "''=x", "x\n=y", "_x0041_", "0012", "1e5"]
)
def test_what_a_spreadsheet_could_run_stays_a_text(at_desk: Desk, name: str, note: str) -> None:
    at_desk.judge(HARBOUR, "follow_up", (), note)
    path = at_desk.export(name)
    assert at_desk.read(path).unchanged == 3
    if path.suffix == ".csv":
        cells_ = [cell for row in table_of(path) for cell in row]
        assert not any(cell.startswith(tuple("=+-@\t\r\n")) for cell in cells_)
    else:
        book = openpyxl.load_workbook(path)
        assert {cell.data_type for row in book.active.iter_rows() for cell in row if cell.value} == {"s"}
        book.close()


RISKY = st.text(st.sampled_from("=+-@\uff1d'\"; ,|\t\r\nx"))


@settings(deadline=None)
@given(st.text() | RISKY)
def test_guarding_is_undone(text: str) -> None:
    assert cells.unguarded(cells.guarded(text)) == text
    assert not cells.guarded(text).startswith(tuple("=+-@\t\r\n"))


@settings(deadline=None)
@given(RISKY)
def test_no_cell_is_a_formula_wherever_a_spreadsheet_parts_them(text: str) -> None:
    data = cells.csv_bytes(("a", "b"), [("first", text)]).decode("utf-8-sig")
    for delimiter in cells.DELIMITERS:
        for row in csv.reader(io.StringIO(data, newline=""), delimiter=delimiter):
            assert not any(cell.lstrip(" ").startswith(tuple("=+-@\uff1d")) for cell in row), row


@pytest.mark.parametrize("note", ["=1+1", "- see page 3", "'=x", "a;=b", '"-"'])
@pytest.mark.parametrize(("name", "other"), [("f.csv", "g.xlsx"), ("f.xlsx", "g.csv")])
def test_one_kind_of_sheet_saved_as_another_says_nothing_new(
    at_desk: Desk, name: str, other: str, note: str
) -> None:
    at_desk.judge(HARBOUR, "follow_up", (), note)
    table = table_of(at_desk.export(name))
    path = at_desk.folder / other
    if path.suffix == ".csv":
        save(path, table)
    else:
        book = openpyxl.Workbook()
        for row in table:
            book.active.append(row)
        for row in book.active.iter_rows():
            for cell in row:
                cell.data_type = "s" if cell.value else cell.data_type
        book.save(path)
    assert at_desk.read(path) == sheet.Read((), 3, ())


@settings(max_examples=60, deadline=None)
@given(note=st.text(max_size=60), name=st.sampled_from(KINDS))
def test_any_note_comes_back(tmp_path_factory: pytest.TempPathFactory, note: str, name: str) -> None:
    at_desk = Desk(tmp_path_factory.mktemp("notes"))
    at_desk.judge(LAMPS, "confirmed", (), note)
    assert at_desk.read(at_desk.export(name)) == sheet.Read((), 3, ())


@pytest.mark.parametrize("name", KINDS)
def test_what_no_sheet_can_hold_in_what_is_not_read(at_desk: Desk, name: str) -> None:
    path = at_desk.folder / name
    sheet.write(path, at_desk.known(), lambda _: "\x00\x1b\ud800\ufffe" + "x" * 40_000)
    assert at_desk.read(path).unchanged == 3
    column = table_of(path)[0].index("changed")
    assert table_of(path)[1][column] == "\ufffd" * 4 + "x" * (cells.LONGEST_CELL - 4)


def test_a_sheet_for_excel_is_helpful(at_desk: Desk) -> None:
    book = openpyxl.load_workbook(at_desk.export("f.xlsx"))
    page = book["findings"]
    assert page.freeze_panes == "A2"
    [offered] = page.data_validations.dataValidation
    assert offered.formula1 == '"new,confirmed,trivial,false_alarm,follow_up"'
    assert [cell.value for cell in page[1]] == list(sheet.COLUMNS)
    book.close()


def test_the_form_of_csv(at_desk: Desk) -> None:
    data = at_desk.export("f.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfstate,reasons,note,")
    assert data.endswith(b"\r\n")
    assert sheet.cells.csv_bytes(("a",), [("x",)]) == b"\xef\xbb\xbfa\r\nx\r\n"


def test_edgis_fields() -> None:
    with_reasons = Standing(State.TRIVIAL, None)
    assert sheet.edgi(with_reasons) == ["sig_5"]
    assert sheet.edgi(replace(with_reasons, by_rule=True)) == ["sig_6"]
    assert sheet.edgi(Standing()) == []


def test_reasons_as_edgi_has_them(at_desk: Desk) -> None:
    table = table_of(at_desk.export("f.csv"))
    row = next(row for row in table if FERRY.uri in row)
    assert row[table[0].index("edgi")] == "indiv_3 sig_5"


# ── as spreadsheets save ──


def semicolons(table: Table) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=";").writerows(table)
    return file.getvalue().encode("utf-8")


def cp1252(table: Table) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=";").writerows(table)
    return file.getvalue().encode("cp1252", "replace")


def unicode_text(table: Table) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter="\t").writerows(table)
    return file.getvalue().encode("utf-16")


def with_sep(table: Table) -> bytes:
    return b"sep=;\r\n" + semicolons(table)


def all_quoted(table: Table) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(table)
    return file.getvalue().encode("utf-8")


def old_mac(table: Table) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r").writerows(table)
    return file.getvalue().encode("utf-8")


SAVED = (semicolons, cp1252, unicode_text, with_sep, all_quoted, old_mac)


@pytest.mark.parametrize("saved", SAVED)
def test_csv_as_others_save_it(at_desk: Desk, saved: Callable[[Table], bytes]) -> None:
    path = edited(at_desk.export("f.csv"), LAMPS, state="confirmed", note="Zürich, “1958”")
    path.write_bytes(saved(table_of(path)))
    found = at_desk.read(path)
    assert found == sheet.Read(((LAMPS, Opinion(State.CONFIRMED, (), "Zürich, “1958”")),), 2, ())


def test_a_note_that_the_spreadsheet_could_not_write_stays(at_desk: Desk) -> None:
    at_desk.judge(LAMPS, "new", (), "Троцкий")
    path = edited(at_desk.export("f.csv"), LAMPS, state="confirmed")
    path.write_bytes(cp1252(table_of(path)))
    assert b"???????" in path.read_bytes()
    assert at_desk.read(path).said == ((LAMPS, Opinion(State.CONFIRMED, (), "Троцкий")),)


def test_columns_may_be_moved_added_and_left_out(at_desk: Desk) -> None:
    path = edited(at_desk.export("f.csv"), LAMPS, state="confirmed")
    table = table_of(path)
    keep = [table[0].index(name) for name in ("key", "state")]
    save(path, [["mine", "", *(row[n] for n in keep)] for row in table])
    assert at_desk.read(path).said == ((LAMPS, Opinion(State.CONFIRMED)),)


def test_a_missing_column_leaves_what_it_held(at_desk: Desk) -> None:
    path = edited(at_desk.export("f.csv"), FERRY, state="confirmed")
    table = table_of(path)
    keep = [table[0].index(name) for name in ("state", "key")]
    save(path, [[row[n] for n in keep] for row in table])
    [(_, said)] = at_desk.read(path).said
    assert said == Opinion(State.CONFIRMED, (Reason.IMAGE, Reason.SPELLING), "Zeile 1\nline “2” — =sum")


@pytest.mark.parametrize("name", KINDS)
def test_rows_may_be_sorted_removed_and_set_apart(at_desk: Desk, name: str) -> None:
    path = edited(at_desk.export(name), LAMPS, state="confirmed")
    head, *rows = table_of(path)
    blank = [""] * len(head)
    save(path, [[text.upper() for text in head], blank, rows[2], blank, rows[0], blank])
    assert at_desk.read(path) == sheet.Read(((LAMPS, Opinion(State.CONFIRMED)),), 1, ())


@pytest.mark.parametrize("name", KINDS)
def test_dates_that_a_spreadsheet_mangled_do_no_harm(at_desk: Desk, name: str) -> None:
    path = edited(
        at_desk.export(name), LAMPS, captured_at="09/11/26 04:17", judged_at="#####", previous_at=""
    )
    assert at_desk.read(path) == sheet.Read((), 3, ())


def test_real_dates_and_numbers_in_excel(at_desk: Desk) -> None:
    path = at_desk.export("f.xlsx")
    book = openpyxl.load_workbook(path)
    page = book["findings"]
    page.cell(2, sheet.COLUMNS.index("captured_at") + 1).value = datetime(2026, 11, 9, 4, 17)
    page.cell(2, sheet.COLUMNS.index("note") + 1).value = datetime(2026, 11, 9)
    page.cell(4, sheet.COLUMNS.index("note") + 1).value = 1958
    book.create_sheet("mine", 0).append(["something else"])
    book.save(path)
    notes = [said.note for _, said in at_desk.read(path).said]
    assert notes == ["2026-11-09", "1958"]


# ── rows that are refused ──


def refused(at_desk: Desk, path: Path) -> list[tuple[int, str]]:
    return [(one.number, one.why) for one in at_desk.read(path).refused]


@pytest.mark.parametrize("name", KINDS)
def test_a_finding_that_says_something_else_since(at_desk: Desk, name: str) -> None:
    path = edited(edited(at_desk.export(name), LAMPS, state="confirmed"), HARBOUR, state="trivial")
    at_desk.findings = (LAMPS_OTHERWISE, FERRY, HARBOUR)
    found = at_desk.take(path)
    assert found.refused == (
        sheet.Refused(2, LAMPS.uri, "the finding says something else since it was exported"),
    )
    assert found.said == ((HARBOUR, Opinion(State.TRIVIAL)),)


def test_a_row_of_an_altered_finding_that_nobody_edited_is_no_matter(at_desk: Desk) -> None:
    path = at_desk.export("f.csv")
    at_desk.findings = (LAMPS_OTHERWISE, FERRY, HARBOUR)
    assert at_desk.read(path) == sheet.Read((), 3, ())


def test_a_finding_that_somebody_judged_otherwise_meanwhile(at_desk: Desk) -> None:
    path = edited(edited(at_desk.export("f.csv"), LAMPS, state="confirmed"), FERRY, state="confirmed")
    at_desk.judge(LAMPS, "trivial")
    at_desk.judge(FERRY, "confirmed", ("image", "spelling"), "Zeile 1\nline “2” — =sum")
    found = at_desk.read(path)
    [one] = found.refused
    assert one.what == LAMPS.uri
    assert "judged otherwise" in one.why
    assert "trivial by Ann" in one.why
    assert found.unchanged == 2  # what somebody else said just so needs not be said again


def test_a_finding_of_another_store(at_desk: Desk) -> None:
    path = edited(at_desk.export("f.csv"), LAMPS, state="confirmed")
    at_desk.findings = (FERRY, HARBOUR)
    assert at_desk.read(path).refused == (sheet.Refused(2, LAMPS.uri, "this store has no such finding"),)


def test_a_sheet_from_a_journal_that_is_not_merged_yet(at_desk: Desk) -> None:
    path = edited(at_desk.export("f.csv"), FERRY, state="confirmed")
    at_desk.journal.path.unlink()
    [(number, why)] = refused(at_desk, path)
    assert number == 3
    assert "a judgement that this journal has not" in why


@pytest.mark.parametrize(
    ("cell", "text", "why"),
    [
        ("state", "perhaps", "no such state"),
        ("state", "", "it has no state"),
        ("reasons", "image, mood", "no such reason: mood"),
        ("note", "x" * 10_001, "too long"),
        ("key", "", "it has no key"),
        ("key", "f_1", "its key is none"),
        ("key", "f_" + "0" * 16 + "_" + "0" * 16 + "_new", "no such finding"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_and_the_others_are_taken(
    at_desk: Desk, cell: str, text: str, why: str
) -> None:
    path = edited(at_desk.export("f.csv"), FERRY, **{cell: text})
    found = at_desk.read(edited(path, LAMPS, state="confirmed"))
    [one] = found.refused
    assert one.number == 3
    assert one.what == FERRY.uri
    assert why in one.why
    assert len(found.said) == 1


def test_two_rows_that_contradict_each_other(at_desk: Desk) -> None:
    path = edited(at_desk.export("f.csv"), LAMPS, state="confirmed")
    head, first, *rest = table_of(path)
    save(path, [head, first, *rest, ["trivial", *first[1:]], first])
    assert [number for number, _ in refused(at_desk, path)] == [2, 5, 6]
    save(path, [head, first, *rest, first])
    assert len(at_desk.read(path).said) == 1


def test_a_formula_is_no_judgement(at_desk: Desk) -> None:
    path = at_desk.export("f.xlsx")
    book = openpyxl.load_workbook(path)
    book["findings"].cell(2, sheet.COLUMNS.index("note") + 1).value = '=HYPERLINK("http://x.example")'
    book["findings"].cell(4, sheet.COLUMNS.index("changed") + 1).value = "=1+1"
    book.save(path)
    assert refused(at_desk, path) == [(2, "a formula stands in note")]


# ── files that are none ──


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("f.csv", b"", "it is empty"),
        ("f.csv", b"\r\n\r\n", "it is empty"),
        ("f.csv", b"a,b\r\n1,2\r\n", "export again"),
        ("f.csv", b"key\r\nx\r\n", "nothing to read"),
        ("f.csv", b"\xff\xfe\x00", "cannot be read"),
        ("f.csv", b"key,note\r\n\x81\x8d,\x90", "encoding"),
        ("f.xlsx", b"", "cannot be read"),
        ("f.xlsx", b"PK\x03\x04 no archive", "cannot be read"),
        ("f.ods", b"", "no such kind"),
        ("f", b"", "no such kind"),
    ],
)
def test_files_that_are_no_sheet_of_ours(at_desk: Desk, name: str, data: bytes, why: str) -> None:
    path = at_desk.folder / name
    path.write_bytes(data)
    with pytest.raises(UsageError, match=why):
        at_desk.read(path)


def test_a_file_that_is_not_there(at_desk: Desk) -> None:
    for name in KINDS:
        with pytest.raises(UsageError, match="cannot read the sheet"):
            at_desk.read(at_desk.folder / name)


def test_a_zip_that_is_another_thing(at_desk: Desk) -> None:
    path = at_desk.folder / "f.xlsx"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("readme.txt", "x")
    with pytest.raises(UsageError, match="cannot be read"):
        at_desk.read(path)


def test_a_sheet_too_large_to_be_one(at_desk: Desk) -> None:
    path = at_desk.folder / "f.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b" " * (cells.LARGEST_BYTES + 1))
    with pytest.raises(UsageError, match="too large"):
        at_desk.read(path)


def test_nothing_is_left_of_a_sheet_that_cannot_be_written(at_desk: Desk) -> None:
    path = at_desk.folder / "nowhere" / "f.csv"
    with pytest.raises(EtolwatchError, match="cannot write the sheet"):
        sheet.write(path, at_desk.known(), str)
    assert [item.name for item in at_desk.folder.iterdir() if item.name.startswith(".")] == []


def test_notes_are_compared_as_they_are_kept() -> None:
    assert clean_note(" a\r\n") == "a"
