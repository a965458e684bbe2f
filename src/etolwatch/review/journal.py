"""The journal: every judgement that was ever made on a store's findings, one a line, only added to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from etolwatch.archive import lines
from etolwatch.archive.lines import REVIEW, Line
from etolwatch.review.judgement import Judgement, NotUnderstood, from_entry, to_entry


class Journal:
    """The file ``review.jsonl`` of a store. It is there from the first judgement on.

    ``wait_s``: for how many seconds a writer waits where another process keeps it locked.
    """

    def __init__(self, path: Path, wait_s: float = lines.WAIT_S) -> None:
        self.path = path
        self.wait_s = wait_s

    @classmethod
    def of(cls, folder: Path, wait_s: float = lines.WAIT_S) -> Journal:
        """The journal of the store in this folder."""
        return cls(folder / REVIEW, wait_s)

    def append(self, *judgements: Judgement) -> None:
        """Adds judgements, all on disk when this returns.

        Raises LockHeld if another process keeps the journal locked for so long, ArchiveError if
        the disk does not take them: then none of them is there.
        """
        if judgements:
            entries = [lines.write(to_entry(judgement)) for judgement in judgements]
            lines.append(self.path, entries, judgements[-1].at, "review", self.wait_s)

    def read(self) -> list[Judgement]:
        """All judgements in the order of their time, then id; lines that are none are passed over.

        A line that is being written just now is not there yet. Raises ArchiveError.
        """
        return sorted((one for one, _ in understood(self.lines())), key=lambda one: (one.at, one.id))

    def lines(self) -> list[Line]:
        """The whole lines, those that are damaged or not understood among them. Raises ArchiveError."""
        return lines.read(self.path)[0]

    def faults(self) -> Iterator[tuple[int, str]]:
        """What is wrong with the file, with the byte where. Raises ArchiveError."""
        yield from lines.faults(self.path)


def understood(found: Iterable[Line]) -> list[tuple[Judgement, Line]]:
    """The judgements in these lines, each id once, in the order of the lines.

    Of two lines with one id, which only damage or a forger makes, the one that sorts first counts,
    so that every copy takes the same.
    """
    kept: dict[str, tuple[Judgement, Line]] = {}
    for line in found:
        judgement = judgement_in(line)
        if judgement is not None and (line.id not in kept or line.raw < kept[line.id][1].raw):
            kept[line.id] = judgement, line
    return list(kept.values())


def judgement_in(line: Line) -> Judgement | None:
    """The judgement in a line; None if it is damaged, or of a kind that a later etolwatch made."""
    if line.fault:
        return None
    try:
        return from_entry(line.entry)
    except NotUnderstood:
        return None
