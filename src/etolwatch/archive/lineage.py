"""The closed files of a store in their order, and whether two folders are copies of one store.

Each file's chain record is one witness: its own number, and the files that it names as closed before.
The manifest is another: its lines stand in the order of closing. Where one of them is lost or damaged,
the other still tells. Where a file is lost with its line, and nothing was closed after it, the catalog
still names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from etolwatch.archive import chain, manifest, naming
from etolwatch.archive.catalog import closed_files
from etolwatch.archive.chain import Before, Head, NoChain
from etolwatch.archive.members import Member, NoRecord, Parsed, last_member, members, parse
from etolwatch.archive.naming import FOLDER, OPEN
from etolwatch.errors import ArchiveError


def chain_record(path: Path) -> tuple[Parsed, Before] | None:
    """The chain record that a file ends with, and how another refers to it; None if it has none whole.

    A record that names another file, or that is none of ours on the file itself, is no chain record of
    it: it came there with what others captured. Raises OSError.
    """
    member = last_member(path)
    if member is None:
        return None
    name = naming.closed_name(path.name)
    try:
        parsed = parse(member.data)
        if chain.kind_of(parsed) != chain.CHAIN or chain.head_from_json(parsed.block).file != name:
            return None
    except (NoRecord, NoChain):
        return None  # whoever verifies the file says what is wrong with it
    return parsed, Before(name, parsed.record_id, member.digest)


@dataclass(frozen=True, slots=True)
class Lineage:
    """What is known of the files that were closed, and by whom. Files are named as when closed."""

    heads: Mapping[str, tuple[Head, Before]]  # of those whose chain record is whole
    digests: Mapping[str, str]  # the manifest, in its order: SHA-256 in hex
    present: frozenset[str]  # closed files that are there
    is_torn: bool  # the manifest has lines that are none
    lost: frozenset[str] = frozenset()  # files that are gone, and that the catalog names as closed

    def records(self) -> dict[str, str]:
        """The id of each chain record that can be read, or that another one names."""
        named = (head.previous for head, _ in self.heads.values() if head.previous)
        own = (before for _, before in self.heads.values())
        return {one.file: one.record_id for one in (*named, *own)}

    def files(self) -> set[str]:
        """The files that belong to the chain, whether they are there or not.

        That is, those that the manifest names, and those that a chain record ties to them. Where there
        is no manifest, each file that is there was closed for all that is known. Where it lacks lines, a
        file that is gone may have been among them: then those count, too, that the catalog names.
        """
        return self._tied({*(self.digests or self.present), *self.lost})

    def lacks_lines(self) -> bool:
        """Whether the manifest lacks lines of files that it had once."""
        return self.is_torn or not self.digests or not self._tied(set(self.digests)) <= self.digests.keys()

    def _tied(self, tied: set[str]) -> set[str]:
        """These files, and those that chain records tie to them."""
        heads = sorted((head for head, _ in self.heads.values()), key=lambda head: head.number)
        count = -1
        while count < len(tied):
            count = len(tied)
            for head in reversed(heads):
                if head.file in tied:
                    tied.update(_named(head))
            for head in heads:
                if head.previous and head.previous.file in tied and self._follows(head.previous):
                    tied.add(head.file)
        return tied

    def _follows(self, previous: Before) -> bool:
        """Whether a chain record that is named as closed before is the one that there is."""
        found = self.heads.get(previous.file)
        return found is None or found[1].record_id == previous.record_id

    def numbers(self) -> dict[str, int]:
        """The number of each file in the chain, as its chain record says, or one that names the file."""
        files, found = self.files(), dict[str, int]()
        for head, _ in self.heads.values():
            if head.file in files:
                names = [head.previous.file] if head.previous else []
                names += [one.file for one in head.skipped]
                first = head.after + (head.previous is None)
                found.update({name: number for number, name in enumerate(names, first) if name not in found})
        return found | {file: head.number for file, (head, _) in self.heads.items() if file in files}

    def order(self) -> list[str]:
        """The files of the chain as they were closed.

        One whose number nobody tells stands where its line in the manifest puts it among the others,
        or, without a line, the instant in its name.
        """
        files, numbers = self.files(), self.numbers()
        lines = {file: line for line, file in enumerate(self.digests)}
        by_instant = _between(sorted(files, key=naming.began), numbers)
        places = by_instant | _between(self.digests, numbers) | numbers

        def place(file: str) -> tuple[float, str, float, str]:
            closed_at = self.heads[file][0].closed_at if file in self.heads else ""
            return places[file], closed_at, lines.get(file, len(lines)), file

        return sorted(files, key=place)


def _named(head: Head) -> Iterator[str]:
    if head.previous:
        yield head.previous.file
    yield from (one.file for one in head.skipped)


def _between(files: Iterable[str], numbers: Mapping[str, int]) -> dict[str, float]:
    """Where those files come that have no number: behind the one with a number that stands before them."""
    places, last = {}, 0
    for file in files:
        if file in numbers:
            last = numbers[file]
        else:
            places[file] = last + 0.5
    return places


def lines(store: Path) -> dict[str, str]:
    """The manifest by the names of the files. Raises ArchiveError."""
    return {name.removeprefix(f"{FOLDER}/"): digest for name, digest in manifest.read(store).items()}


def read(store: Path) -> Lineage:
    """The lineage of a store. A file that ends with its chain record is closed, whatever its name says.

    Raises OSError, ArchiveError.
    """
    heads, present = {}, set()
    here = naming.files(store)
    for path in here:
        found = chain_record(path)
        if found or not path.name.endswith(OPEN):
            present.add(naming.closed_name(path.name))
        if found:
            heads[found[1].file] = chain.head_from_json(found[0].block), found[1]
    known = Lineage(heads, lines(store), frozenset(present), bool(manifest.damage(store)))
    if not known.lacks_lines():
        return known
    lost = closed_files(store / naming.CATALOG) - {naming.closed_name(path.name) for path in here}
    return replace(known, lost=frozenset(lost))


# ── two folders ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a store is known again. Files are named as when closed."""

    begins: Mapping[str, str]  # file → the id of its first record, which is made by chance; not of imports
    ends: Mapping[str, str]  # file → the id of its chain record
    digests: Mapping[str, str]  # the manifest
    present: frozenset[str]  # files that are there, closed or not
    numbers: Mapping[str, int]
    lost: frozenset[str]  # files that are gone, of which the catalog alone tells

    @property
    def files(self) -> set[str]:
        """All files that are known to be, or to have been, of this store."""
        return {*self.witnessed, *self.lost}

    @property
    def witnessed(self) -> set[str]:
        """Those of which something is left by which they would be known again, be it what another says."""
        return {*self.begins, *self.ends, *self.digests, *self.present, *self.numbers}

    def is_kin(self, other: Identity) -> bool:
        """Whether the two have something in common that no two stores have."""
        return any(
            ours[file] == theirs[file] for ours, theirs in self._marks(other) for file in ours.keys() & theirs
        )

    def contradicted(self, other: Identity) -> list[str]:
        """The files that have one name here and there, and are not the same."""
        return sorted(
            file
            for ours, theirs in self._marks(other)[:2]  # a line of the manifest may be damaged
            for file in ours.keys() & theirs
            if ours[file] != theirs[file]
        )

    def parted(self, other: Identity) -> bool:
        """Whether both went on by themselves: they have other files under one name, or under one number."""
        ours = {number: file for file, number in self.numbers.items()}
        is_other = any(ours.get(number, file) != file for file, number in other.numbers.items())
        return is_other or bool(self.contradicted(other))

    def _marks(self, other: Identity) -> list[tuple[Mapping[str, str], Mapping[str, str]]]:
        return [(self.begins, other.begins), (self.ends, other.ends), (self.digests, other.digests)]


def identity(store: Path) -> Identity:
    """By what this store is known again. Raises OSError, ArchiveError."""
    known, here = read(store), naming.files(store)
    begins = {
        naming.closed_name(path.name): _first_id(path) for path in here if not naming.is_import(path.name)
    }
    return Identity(
        {file: record_id for file, record_id in begins.items() if record_id},
        known.records(),
        known.digests,
        frozenset(naming.closed_name(path.name) for path in here),
        known.numbers(),
        known.lost,
    )


def _first_id(path: Path) -> str | None:
    """The id of a file's first record; None if that is damaged."""
    found = next(members(path), None)
    try:
        return parse(found.data).record_id if isinstance(found, Member) else None
    except NoRecord:
        return None


def refuse_stranger(ours: Identity, theirs: Identity, place: Path) -> None:
    """Raises ArchiveError unless the other folder is a copy of this store, or one of both has nothing yet."""
    if not ours.witnessed or not theirs.witnessed:
        return
    if not ours.is_kin(theirs):
        cause = "it has no record in common with this store; nothing was changed"
        raise ArchiveError("another store is there", str(place), cause)
