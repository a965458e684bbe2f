"""Two people's journals made one: the lines of both, as a set, so that no merge can meet a conflict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from etolwatch.archive import lines
from etolwatch.archive.lines import REVIEW
from etolwatch.errors import UsageError
from etolwatch.review.journal import judgement_in
from etolwatch.review.judgement import Judgement


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge brought.

    ``known``: lines that were there already; ``unknown``: lines of a later etolwatch, which are kept;
    ``damaged``: lines that were left out, as byte and why.
    """

    taken: tuple[Judgement, ...]
    known: int
    unknown: int
    damaged: tuple[tuple[int, str], ...]


def merge(path: Path, other: Path, at: datetime) -> Merged:
    """Adds to the journal what another one has beyond it.

    ``other`` is a journal or a store's folder, and stays as it is. Raises UsageError if there is
    no such journal; LockHeld, ArchiveError as `Journal.append` does.
    """
    source = other / REVIEW if other.is_dir() else other
    if not source.is_file():
        raise UsageError("there is no journal of judgements", str(source))
    here, _ = lines.read(path)
    there, end = lines.read(source)
    rest = lines.torn(source)
    if rest:
        there.append(lines.parse(rest, end))
    if not lines.is_file_of_lines(there):
        raise UsageError("this is no journal of judgements", str(source), "see “etolwatch review merge -h”")
    whole = [line for line in there if not line.fault]
    new = list(lines.union(here, whole))
    if new:
        lines.append(path, (line.raw for line in new), at, "review merge")
    taken = tuple(judgement for line in new if (judgement := judgement_in(line)))
    damaged = tuple((line.offset, line.fault) for line in there if line.fault)
    return Merged(taken, len(whole) - len(new), len(new) - len(taken), damaged)
