"""Closing a WARC file: its chain record, its line in the manifest, its final name, in this order.

Each step is durable before the next begins and may be done again after a crash: a file that ends
with its chain record is closed, whatever its name says.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from etolwatch.archive import chain, disk, lineage, manifest, naming
from etolwatch.archive.catalog import instant_text
from etolwatch.archive.chain import Before, Chain, Link, NoChain, Skipped, link_to
from etolwatch.archive.members import members
from etolwatch.archive.naming import FOLDER, OPEN
from etolwatch.archive.warc import Appender, left_damaged
from etolwatch.errors import ArchiveError

log = logging.getLogger("etolwatch")


def head(path: Path) -> tuple[Chain, Before] | None:
    """The chain record that a file ends with, and how the next refers to it; None if it has none whole.

    Raises OSError.
    """
    found = lineage.chain_record(path)
    try:
        return (chain.from_json(found[0].block), found[1]) if found else None
    except NoChain:
        return None  # whoever verifies the file says what is wrong with it


def is_as_listed(path: Path) -> bool:
    """Whether a file is what its own chain record lists, and nothing more. Raises OSError."""
    found = head(path)
    links = [link_to(one) for one in members(path)]
    whole = [link for link in links if isinstance(link, Link)]
    return found is not None and whole == links and not any(chain.breaks(found[0], whole[:-1]))


@dataclass(frozen=True, slots=True)
class Latest:
    """The file after which the next one is closed."""

    number: int  # of the closed files, those skipped included
    previous: Before | None  # the last chain record that can be read
    skipped: tuple[Skipped, ...]  # what was closed after that


def latest(store: Path, closing: str = "") -> Latest:
    """What the next chain record is to follow; ``closing`` names the file that gets it.

    Raises ArchiveError, OSError.
    """
    known = lineage.lines(store)
    if known and set(known) == _closed_names(store) and not manifest.damage(store):
        *_, last = known
        found = head(store / FOLDER / last)
        if found and found[0].number == len(known):  # all witnesses agree: no other file need be read
            return Latest(found[0].number, found[1], ())
    return _latest(lineage.read(store), store, closing)


def _closed_names(store: Path) -> set[str]:
    return {path.name for path in naming.files(store) if not path.name.endswith(OPEN)}


def _latest(known: lineage.Lineage, store: Path, closing: str) -> Latest:
    order = [file for file in known.order() if file != closing]
    for file in order:
        if file not in known.digests:
            log.error("%s does not name %s; see “etolwatch verify”", store / manifest.NAME, file)
    after: list[Skipped] = []
    for file in reversed(order):
        found = known.heads.get(file)
        if found:
            return Latest(found[0].number + len(after), found[1], tuple(reversed(after)))
        log.error("the end of %s cannot be read; see “etolwatch verify”", store / FOLDER / file)
        digest = known.digests.get(file)
        after.append(Skipped(file, f"sha256:{digest}" if digest else None))
    return Latest(len(after), None, tuple(reversed(after)))


def close(store: Path, appender: Appender, at: datetime) -> None:
    """Ends a file with its chain record and enters it in the manifest; the appender is closed.

    The catalog is to be told of its end, then `rename` gives the file its name. Raises ArchiveError.
    """
    name = naming.closed_name(appender.path.name)
    with appender:
        try:
            last = latest(store, name)
        except OSError as error:
            raise ArchiveError("cannot read", str(error.filename or store), disk.cause(error)) from error
        records = tuple(appender.links)
        listed = Chain(last.number + 1, name, instant_text(at), last.previous, last.skipped, records)
        appender.append_metadata(chain.CHAIN, at, chain.to_json(listed))
    manifest.add(store, f"{FOLDER}/{name}", appender.digest)


def finish(store: Path, path: Path, at: datetime) -> None:
    """Does what `close` does, or what of it a crash left undone, on a file that nobody has open.

    Raises FixityError if the file is damaged, and leaves it as it is.
    """
    if head(path) is None:
        close(store, Appender(path), at)
    elif not is_as_listed(path):
        raise left_damaged(str(path), "its records are not as they were listed")
    else:
        manifest.add(store, f"{FOLDER}/{naming.closed_name(path.name)}", manifest.digest_of(path))


def rename(path: Path) -> Path:
    """Gives a closed file its final name, durably; gives back its path. Raises ArchiveError."""
    try:
        done = path.rename(path.with_name(naming.closed_name(path.name)))
        disk.sync_folder(path.parent)
    except OSError as error:
        raise ArchiveError("cannot rename", str(path), disk.cause(error)) from error
    return done
