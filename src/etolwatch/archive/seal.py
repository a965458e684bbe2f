"""Closing a WARC file: its chain record, its line in the manifest, its final name, in this order.

Each step is durable before the next begins and may be done again after a crash: a file that ends
with its chain record is closed, whatever its name says.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from etolwatch.archive import chain, manifest
from etolwatch.archive.catalog import instant_text
from etolwatch.archive.chain import Before, Chain, NoChain
from etolwatch.archive.members import NoRecord, last_member, parse
from etolwatch.archive.warc import Appender
from etolwatch.errors import ArchiveError

OPEN = ".open"
FOLDER = "warc"

log = logging.getLogger("etolwatch")


def head(path: Path) -> tuple[Chain, Before] | None:
    """The chain record that a file ends with, and how the next refers to it; None if it has none whole.

    Raises OSError.
    """
    member = last_member(path)
    if member is None:
        return None
    try:
        parsed = parse(member.data)
        if parsed.get(chain.KIND_FIELD) != chain.CHAIN:
            return None
        listed = chain.from_json(parsed.block)
    except (NoRecord, NoChain):
        return None  # whoever verifies the file says what is wrong with it
    return listed, Before(path.name.removesuffix(OPEN), parsed.record_id, member.digest)


def latest(store: Path) -> tuple[int, Before | None]:
    """How many files of a store were closed, and the chain record of the last that can be read.

    Raises ArchiveError where the manifest is damaged.
    """
    closed = list(manifest.read(store))
    for number, name in zip(range(len(closed), 0, -1), reversed(closed), strict=True):
        path = store / name
        found = head(path) if path.exists() else None
        if found:
            return max(number, found[0].number, len(closed)), found[1]
        log.error("%s cannot be read; see “etolwatch verify”", path)
    return len(closed), None


def close(store: Path, appender: Appender, at: datetime) -> None:
    """Ends a file with its chain record and enters it in the manifest; the appender is closed.

    The catalog is to be told of its end, then `rename` gives the file its name. Raises ArchiveError.
    """
    name = appender.path.name.removesuffix(OPEN)
    with appender:
        number, previous = latest(store)
        listed = Chain(number + 1, name, instant_text(at), previous, tuple(appender.links))
        appender.append_metadata(chain.CHAIN, at, chain.to_json(listed))
    manifest.add(store, f"{FOLDER}/{name}", appender.digest)


def finish(store: Path, path: Path, at: datetime) -> None:
    """Does what `close` does, or what of it a crash left undone, on a file that nobody has open."""
    if head(path) is None:
        close(store, Appender(path), at)
    else:
        manifest.add(store, f"{FOLDER}/{path.name.removesuffix(OPEN)}", manifest.digest_of(path))


def rename(path: Path) -> Path:
    """Gives a closed file its final name, durably; gives back its path. Raises ArchiveError."""
    try:
        done = path.rename(path.with_name(path.name.removesuffix(OPEN)))
        manifest.sync_folder(path.parent)
    except OSError as error:
        raise ArchiveError("cannot rename", str(path), error.strerror or str(error)) from error
    return done
