"""The names of what lies in a store's folder, and which files of it are its own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

CATALOG = "catalog.sqlite3"
FOLDER = "warc"
PREFIX, SUFFIX = "etolwatch-", ".warc.gz"
TORN, DAMAGED = "torn", "damaged"  # below FOLDER: what was set aside
OPEN = ".open"  # what a file's name ends with until the file is closed
IMPORT = "import-"  # how the id of an import begins, where that of a pass has only digits

_INSTANT = "%Y%m%d%H%M%S"
_DIGITS = 14


def closed_name(name: str) -> str:
    """The name that a file has, or will have, when it is closed."""
    return name.removesuffix(OPEN)


def pass_of(name: str) -> str:
    """The id of the pass, or of the import, that a file of this name holds."""
    return closed_name(name).removesuffix(SUFFIX).removeprefix(PREFIX)


def began(name: str) -> tuple[str, str]:
    """What puts file names in the order of the instants in them, whether of passes or of imports."""
    return pass_of(name).removeprefix(IMPORT), name


def is_import(name: str) -> bool:
    """Whether a file name, closed or open, is that of an import."""
    return is_file(name) and pass_of(name).startswith(IMPORT)


def is_file(name: str) -> bool:
    """Whether a file name, closed or open, is one that a pass or an import gives its file."""
    if not (name.startswith(PREFIX) and closed_name(name).endswith(SUFFIX)):
        return False
    digits = pass_of(name).removeprefix(IMPORT)
    try:
        datetime.strptime(digits, _INSTANT)  # noqa: DTZ007
    except ValueError:
        return False
    return len(digits) == _DIGITS


def files(store: Path) -> list[Path]:
    """The WARC files of a store, closed or open, by name; whatever else lies there is none of its own.

    Raises OSError.
    """
    found = (path for path in (store / FOLDER).iterdir() if is_file(path.name) and path.is_file())
    return sorted(found, key=lambda path: path.name)
