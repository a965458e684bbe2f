"""A sheet as rows of text: CSV as RFC 4180 has it and as spreadsheets really write it, and .xlsx.

What is read may come back from Excel or LibreOffice with another delimiter, another encoding, other
line ends, columns moved or added. What is written opens in either without being asked.
"""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any

from etolwatch.errors import EtolwatchError, UsageError

SUFFIXES = (".csv", ".xlsx")
LONGEST_CELL = 32_767  # characters; what a cell of Excel holds
LARGEST_BYTES = 256 << 20  # unpacked; larger than any sheet of ours, and no bomb
DELIMITERS = ",;\t|"
MIDNIGHT = time()
LEGACY = "cp1252"  # what Excel calls “CSV” without further words, in Western Europe
# What a spreadsheet might run (OWASP, CSV Injection), and where: where a cell begins, also one of a
# spreadsheet that parts cells elsewhere than we did, as where the comma is a decimal sign.
_RUN = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_BEGINNING = r'(?:\A|[,;|\t\r\n"]) *'
_UNGUARDED = re.compile(rf"(\A(?='*[\t\r\n])|{_BEGINNING}(?='*{_RUN}))")
_GUARDED = re.compile(rf"(\A(?='+[\t\r\n])|{_BEGINNING}(?='+{_RUN}))'")
# What XML 1.0 cannot hold, and halves of characters, which UTF-8 cannot.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# ECMA-376 Part 1 §22.4.2.4: in a sheet “_x0041_” is an A, and “_x005F_” the underscore of one that is not.
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile("_x(005F|000D)_")


@dataclass(frozen=True, slots=True)
class Row:
    """One row below the head: its number as a spreadsheet shows it, its cells by the name of the column.

    ``formulas`` are the columns in which a formula or an error stands instead of a text.
    """

    number: int
    cells: dict[str, str]
    formulas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file says. ``columns``: the head; ``is_lossy``: its encoding lacks most characters."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    is_lossy: bool = False


def guarded(text: str) -> str:
    """The text with an apostrophe before each place that a spreadsheet could take for a formula.

    In every kind of sheet, since people save one kind as another.
    """
    return _UNGUARDED.sub(r"\1'", text)


def unguarded(text: str) -> str:
    """The text that `guarded` was given."""
    return _GUARDED.sub(r"\1", text)


def _written(text: str) -> str:
    return guarded(writable(text))[:LONGEST_CELL]


def writable(text: str) -> str:
    """The text as any sheet can hold it: what XML cannot have replaced, and cut to the length of a cell."""
    return _UNWRITABLE.sub("\ufffd", text)[:LONGEST_CELL]


def suffix_of(path: Path) -> str:
    """Which kind of sheet a file is by its name. Raises UsageError."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        expected = "a name that ends in .csv or .xlsx, which LibreOffice and Excel both open"
        raise UsageError("no such kind of sheet", str(path), expected)
    return suffix


# ── writing ──────────────────────────────────────────────────────────────────────────


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]], choices: Sequence[str]) -> None:
    """Writes a sheet, whole or not at all. ``choices`` are what the column “state” can have.

    Raises UsageError for another kind of file, EtolwatchError if it cannot be written.
    """
    suffix = suffix_of(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if suffix == ".csv":
            beside.write_bytes(csv_bytes(columns, rows))
        else:
            _write_xlsx(beside, columns, rows, choices)
        beside.replace(path)
    except OSError as error:
        raise EtolwatchError("cannot write the sheet", str(path), error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """The sheet as CSV (RFC 4180) in UTF-8, with the mark without which Excel takes it for cp1252."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_written(text) for text in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")


def _write_xlsx(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]], choices: Sequence[str]
) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("findings")
    _dress(sheet, columns, choices)
    bold = Font(bold=True)
    sheet.append([_text_cell(sheet, name, font=bold) for name in columns])
    for row in rows:
        sheet.append([_text_cell(sheet, text) if text else None for text in row])
    book.save(path)


def _dress(sheet: Any, columns: Sequence[str], choices: Sequence[str]) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}1"
    for number, name in enumerate(columns, 1):
        width = {"uri": 48, "changed": 80, "note": 40, "reasons": 24}.get(name, 16)
        sheet.column_dimensions[get_column_letter(number)].width = width
    letter = get_column_letter(columns.index("state") + 1)
    offered = DataValidation(type="list", formula1=f'"{",".join(choices)}"', allow_blank=False)
    offered.add(f"{letter}2:{letter}1048576")
    sheet.data_validations.append(offered)


def _text_cell(sheet: Any, text: str, **style: Any) -> Any:
    """A cell that is a text, whatever it begins with."""
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, _ESCAPE.sub("_x005F_", _written(text)))
    cell.data_type = "s"
    for name, value in style.items():
        setattr(cell, name, value)
    return cell


# ── reading ──────────────────────────────────────────────────────────────────────────


def read(path: Path) -> Sheet:
    """What a sheet says; empty rows are none. Raises UsageError if it cannot be read as one."""
    suffix = suffix_of(path)
    try:
        return _read_csv(path.read_bytes(), path) if suffix == ".csv" else _read_xlsx(path)
    except OSError as error:
        raise UsageError("cannot read the sheet", str(path), error.strerror or str(error)) from error


def _read_csv(data: bytes, path: Path) -> Sheet:
    text, is_lossy = _decoded(data, path)
    head, _, rest = text.partition("\n")
    if declared := re.fullmatch(r"sep=(.)\r?", head):  # Excel's own first line
        delimiter, text = declared[1], rest
    else:
        delimiter = max(DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        csv.field_size_limit(LARGEST_BYTES)
        table = list(enumerate(reader, 1))
    except csv.Error as error:
        raise UsageError("the sheet is no CSV", f"{path} line {reader.line_num}", str(error)) from error
    return _sheet([(number, [(cell, False) for cell in row]) for number, row in table], is_lossy)


def _decoded(data: bytes, path: Path) -> tuple[str, bool]:
    """The text, and whether its encoding is one that lacks most characters."""
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    encoding = next((name for mark, name in marks if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding), False
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise UsageError("the sheet cannot be read", str(path), str(error)) from error
    try:
        return data.decode(LEGACY), True
    except UnicodeDecodeError as error:
        expected = "save it as “CSV UTF-8”, or as .xlsx"
        raise UsageError("the sheet is in an unknown encoding", str(path), expected) from error


def _read_xlsx(path: Path) -> Sheet:
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(item.file_size for item in packed.infolist()) > LARGEST_BYTES:
                raise UsageError("the sheet is too large", str(path))
        book = load_workbook(path, read_only=True)
        try:
            sheet = book["findings"] if "findings" in book.sheetnames else book.worksheets[0]
            table = [(number, [_cell(cell) for cell in row]) for number, row in enumerate(sheet.rows, 1)]
        finally:
            book.close()
    except (OSError, UsageError):
        raise
    except Exception as error:  # what a broken file makes of zipfile, the XML parser and openpyxl
        raise UsageError("the sheet cannot be read", str(path), f"{type(error).__name__}: {error}") from error
    return _sheet(table)


def _cell(cell: Any) -> tuple[str, bool]:
    """The text of a cell, and whether it is none: a formula, or the error of one."""
    if cell.value is None:
        return "", False
    if cell.data_type in ("f", "e"):
        return str(cell.value), True
    if isinstance(cell.value, datetime) and cell.value.time() == MIDNIGHT:
        return cell.value.date().isoformat(), False
    text = _ESCAPED.sub(lambda match: "_" if match[1] == "005F" else "\n", str(cell.value))
    return text, False


def _sheet(table: Sequence[tuple[int, Sequence[tuple[str, bool]]]], is_lossy: bool = False) -> Sheet:
    filled = [(number, row) for number, row in table if any(text.strip() for text, _ in row)]
    if not filled:
        return Sheet((), (), is_lossy)
    columns = tuple(unguarded(text).strip().casefold() for text, _ in filled[0][1])
    rows = []
    for number, row in filled[1:]:
        named = list(zip(columns, row, strict=False))
        cells: dict[str, str] = {}
        for name, (text, _) in named:
            cells.setdefault(name, unguarded(text))
        rows.append(Row(number, cells, tuple(name for name, (_, wrong) in named if wrong)))
    return Sheet(columns, tuple(rows), is_lossy)
