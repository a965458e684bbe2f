"""Reports as files, each written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from etolwatch.errors import EtolwatchError
from etolwatch.publish.render import Form, render
from etolwatch.publish.report import Report


def write_whole(path: Path, text: str) -> None:
    """Puts the text into the file; whoever reads it meanwhile sees the old file or the new one.

    Raises EtolwatchError if it cannot be written.
    """
    _write(path, text.encode())


def write_changed(path: Path, body: bytes) -> bool:
    """Puts the bytes into the file as `write_whole` does; a file that holds them already is left untouched.

    Whether it was written. Raises EtolwatchError if it cannot be.
    """
    with suppress(OSError):
        if path.read_bytes() == body:
            return False
    _write(path, body)
    return True


def _write(path: Path, body: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(body)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise EtolwatchError("cannot write the report", str(path), error.strerror or str(error)) from error


def write_report(report: Report, folder: Path, name: str, forms: Iterable[str]) -> tuple[Path, ...]:
    """Writes the report in each of these forms as ``folder/name.*``; gives back the files."""
    written = []
    for form in map(Form, forms):
        path = folder / f"{name}{form.suffix}"
        write_whole(path, render(report, form))
        written.append(path)
    return tuple(written)
