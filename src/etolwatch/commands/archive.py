"""Commands that look after the archive: verify, reindex, backup."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etolwatch.archive.naming import FOLDER
from etolwatch.commands.frame import DONE, INTERNAL, Settings, as_text_or_json, command, print_json
from etolwatch.errors import ArchiveError

if TYPE_CHECKING:
    from etolwatch.archive.verify import Fault, Verified
    from etolwatch.config import Config
    from etolwatch.rereading import Change, Reindexed

_folder = click.Path(path_type=Path, file_okay=False)


@command("verify")
@click.option("--text", is_flag=True, help="Read and judge the whole past again, too, and compare.")
@click.option(
    "--repair-from", "other", metavar="DIR", type=_folder, help="Take what is damaged from this other copy."
)
@as_text_or_json
def verify_command(settings: Settings, text: bool, other: Path | None, form: str) -> int:
    """Prove that the archive is whole.

    Each record, its digests, what it refers to, the chain of files, the manifest, and that
    the catalog says what the files say. Each fault is named with file and byte. Nothing is
    changed, unless --repair-from names another copy of the store: then damaged files are
    set aside in warc/damaged, and made whole from it.

    The last line names the head of the chain. Noted elsewhere, it proves later that nothing
    before it was altered.

    \b
    Exit status:
      0   all holds             1   something does not
      2   usage or configuration

    \b
    Examples:
      etolwatch verify
      etolwatch verify --repair-from /media/copy
    """
    from etolwatch import config as configuration
    from etolwatch.archive import reindex, verify

    config = configuration.load(settings.config)
    if text:
        reindex.refuse_while_busy(config.store)
    if other is not None:
        _repair(config, other)
    found = verify.verify(config.store)
    faults = list(found.faults)
    if text:
        faults += _text_faults(config)
    if form == "json":
        print_json(_verified_to_dict(found, faults))
    else:
        for fault in faults:
            click.echo(str(fault))
        click.echo(_verified_text(found, faults))
    return INTERNAL if faults else DONE


def _text_faults(config: Config) -> list[Fault]:
    """What the texts show; where they cannot be read again that is a fault, too, and hides no other."""
    from etolwatch.archive.verify import Fault, Guard
    from etolwatch.rereading import text_faults

    try:
        return text_faults(config)
    except ArchiveError as error:
        return [Fault(Guard.TEXT, FOLDER, None, f"the texts cannot be read again: {error}")]


def _repair(config: Config, other: Path) -> None:
    from etolwatch.archive.repair import repair

    for one in repair(config.store, other, datetime.now(UTC)):
        if one.whole:
            click.echo(f"{one.file}: made whole again; {one.taken} {one.unit} are from {other}", err=True)
        else:
            click.echo(f"{one.file}: {one.taken} {one.unit} are from {other}; {one.fault}", err=True)


def _verified_text(found: Verified, faults: list[Fault]) -> str:
    size = (
        f"{found.files} files, {found.records} records, {found.captures} captures, {found.size_bytes} bytes"
    )
    head = f"\nHead of the chain: number {found.closed}, {found.head}" if found.head else ""
    holds = "All holds" if not faults else f"{len(faults)} faults"
    return f"{holds}: {size}.{head}"


def _verified_to_dict(found: Verified, faults: list[Fault]) -> dict[str, Any]:
    return {
        "holds": not faults,
        "files": found.files,
        "records": found.records,
        "captures": found.captures,
        "size_bytes": found.size_bytes,
        "chain": {"closed": found.closed, "head": found.head},
        "faults": [
            {"guard": one.guard.value, "file": one.file, "offset": one.offset, "what": one.what}
            for one in faults
        ],
    }


@command("reindex")
@click.option("--processes", metavar="N", type=click.IntRange(min=0), help="[default: one for each core]")
@as_text_or_json
def reindex_command(settings: Settings, processes: int | None, form: str) -> int:
    """Make the catalog again from the WARC files.

    For a catalog that is lost or damaged, and after an upgrade whose rules read or judge
    otherwise: the whole past is then read again, and the findings that came out otherwise
    are printed. They keep their dates; none is reported as a new edit. The old catalog
    stands until the new one is whole.

    \b
    Example:
      etolwatch reindex
    """
    from etolwatch import config as configuration
    from etolwatch.rereading import reindexed

    config = configuration.load(settings.config)
    made = reindexed(config, datetime.now(UTC), processes)
    if form == "json":
        print_json(_reindexed_to_dict(made))
        return DONE
    for change in made.changes:
        click.echo(_change_text(change))
    click.echo(_reindexed_text(made))
    return DONE


def _change_text(change: Change) -> str:
    from etolwatch.publish.phrase import moment

    found = change.finding
    at = moment(found.captured_at) if found.captured_at else "?"
    before, after = (one.verdict.value if one else "none" for one in (change.before, change.after))
    told = f"{before} → {after}" if before != after else f"{after}, told otherwise"
    return f"{found.uri} {at}: {told}"


def _reindexed_text(made: Reindexed) -> str:
    told = f"{made.captures} captures of {made.files} files catalogued, {made.findings} findings."
    if not made.compared:
        return f"{told} There was no old catalog to compare them with."
    return f"{told} {len(made.changes)} of them came out otherwise."


def _reindexed_to_dict(made: Reindexed) -> dict[str, Any]:
    from etolwatch.contract import finding_to_dict

    def told(change: Change) -> dict[str, Any]:
        pair = {"before": change.before, "after": change.after}
        return {name: finding_to_dict(one) if one else None for name, one in pair.items()}

    return {
        "files": made.files,
        "captures": made.captures,
        "findings": made.findings,
        "compared": made.compared,
        "changes": [told(change) for change in made.changes],
    }


@command("backup")
@click.argument("place", metavar="DIR", type=_folder)
@as_text_or_json
def backup_command(settings: Settings, place: Path, form: str) -> int:
    """Copy the archive to another folder, also while a pass runs.

    Only what the copy lacks is copied, and nothing that is damaged here. The copy is
    verified at the end; it is a store like this one, with catalog and all.

    \b
    Example:
      etolwatch backup /media/copy
    """
    from etolwatch import config as configuration
    from etolwatch.archive.backup import back_up

    made = back_up(configuration.load(settings.config).store, place)
    faults = list(made.faults)
    if form == "json":
        copied = {"copied": made.copied, "copied_bytes": made.copied_bytes, "kept": made.kept}
        print_json({**copied, **_verified_to_dict(made.verified, faults)})
    else:
        for fault in faults:
            click.echo(str(fault))
        click.echo(f"{made.copied} files copied, {made.copied_bytes} bytes; {made.kept} were there already.")
        click.echo(_verified_text(made.verified, faults))
    return INTERNAL if faults else DONE
