"""The chain: each closed WARC file ends with a record that lists all before it, and names the file before.

The list holds the SHA-256 of each gzip member as it lies in the file, so that a record that is
altered, removed, added or moved shows, even in bits that no check sum of gzip guards. Each list
holds the digest of the list before it: who alters the past must alter all that came after, and the
digest of the last one, which `etolwatch verify` prints, need only be noted elsewhere. A file whose
list cannot be read when the next one is closed is named by it as skipped, with the digest that the
manifest has of it: so the chain holds again when that file is repaired. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from etolwatch.archive.members import Damage, Member, NoRecord, Parsed, parse

KIND_FIELD = "Etolwatch-Record"  # of a metadata record: what it is
CHAIN, JOURNAL = "chain", "journal"
FORM = 2  # of the list; another one gets another number
_FORMS = (1, FORM)  # 1 had no files skipped


class NoChain(Exception):
    """These bytes are no list of a chain; the text says why."""


@dataclass(frozen=True, slots=True)
class Link:
    """One record of a file, as it lies there."""

    record_id: str  # "urn:uuid:…"
    type: str
    offset: int
    length: int  # of the gzip member
    digest: str  # "sha256:hex" of the gzip member


@dataclass(frozen=True, slots=True)
class Before:
    """The chain record of the file that was closed before, and its digest."""

    file: str
    record_id: str
    digest: str  # "sha256:hex" of its gzip member


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file closed after ``previous``, whose chain record could not be read when this one was made."""

    file: str
    digest: str | None  # "sha256:hex" of the whole file, as the manifest had it


@dataclass(frozen=True, slots=True)
class Head:
    """What a chain record says of its file's place among the others."""

    number: int  # counts the closed files of a store from 1
    file: str
    closed_at: str
    previous: Before | None
    skipped: tuple[Skipped, ...]

    @property
    def after(self) -> int:
        """The number of ``previous``; 0 if there is none."""
        return self.number - len(self.skipped) - 1


@dataclass(frozen=True, slots=True)
class Chain(Head):
    """The last record of a closed file."""

    records: tuple[Link, ...]

    @property
    def end(self) -> int:
        """Where the listed records end and the chain record itself begins."""
        return self.records[-1].offset + self.records[-1].length if self.records else 0


def kind_of(record: Parsed) -> str | None:
    """What a record of ours on the file itself is; None if it is none of these.

    It is a metadata record that names no target. One of another type, or on some address, may be of
    others, in whose records our fields mean nothing.
    """
    is_ours = record.record_type == "metadata" and record.get("WARC-Target-URI") is None
    return record.get(KIND_FIELD) if is_ours else None


def to_json(chain: Chain) -> bytes:
    """The block of a chain record: a JSON object, its head on the first line, then a line for each record."""
    head = asdict(chain)
    links = head.pop("records")
    lines = ",\n".join(json.dumps(link) for link in links)
    begin = json.dumps({"etolwatch-chain": FORM, **head})
    return f'{begin[:-1]}, "records": [\n{lines}\n]}}\n'.encode()


def from_json(block: bytes) -> Chain:
    """The list that `to_json` wrote. Raises NoChain."""
    try:
        data = json.loads(block)
        head = _head(data)
        links = tuple(Link(**link) for link in data["records"])
    except (KeyError, TypeError, ValueError) as error:
        raise NoChain(f"it is no list of records ({error})") from error
    return Chain(head.number, head.file, head.closed_at, head.previous, head.skipped, links)


def head_from_json(block: bytes) -> Head:
    """What the first line of a list says, which is enough where the rest is damaged. Raises NoChain."""
    try:
        return _head(json.loads(block.partition(b"\n")[0] + b"]}"))
    except (KeyError, TypeError, ValueError) as error:
        raise NoChain(f"it is no list of records ({error})") from error


def _head(data: Mapping[str, Any]) -> Head:
    form = data["etolwatch-chain"]
    if form not in _FORMS:
        raise NoChain(f"its form is {form}, this etolwatch knows {', '.join(map(str, _FORMS))}")
    return Head(
        number=int(data["number"]),
        file=str(data["file"]),
        closed_at=str(data["closed_at"]),
        previous=_before(data["previous"]),
        skipped=tuple(Skipped(**one) for one in data.get("skipped", ())),
    )


def _before(data: Mapping[str, Any] | None) -> Before | None:
    return Before(**data) if data else None


def link_to(found: Member | Damage) -> Link | str:
    """What a list says of a record that was read; for one that cannot be read, what is wrong with it."""
    if isinstance(found, Damage):
        return found.why
    try:
        parsed = parse(found.data)
    except NoRecord as error:
        return f"no WARC record: {error}"
    return Link(parsed.record_id, parsed.record_type, found.offset, found.length, found.digest)


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a file and its list differ."""

    offset: int
    what: str


def breaks(chain: Chain, found: Iterable[Link]) -> Iterator[Break]:
    """Where the records found in a file are not those listed; ``found`` leaves out the chain record."""
    at = {link.offset: link for link in found}
    for listed in chain.records:
        link = at.pop(listed.offset, None)
        if link is None:
            yield Break(listed.offset, f"the {listed.type} record {listed.record_id} is not there")
        elif link != listed:
            yield Break(listed.offset, f"the {listed.type} record {listed.record_id} is not as it was listed")
    for link in at.values():
        yield Break(link.offset, f"the {link.type} record {link.record_id} is not listed")


def gaps(heads: Sequence[tuple[Head, str]], digests: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Where the chain of files is broken: file, and what is wrong.

    ``heads``: the chain records of all closed files that have a whole one, each with its digest.
    ``digests``: what the manifest has of each file, by its name: SHA-256 in hex.
    """
    by_number: dict[int, tuple[Head, str]] = {}
    for head, digest in sorted(heads, key=lambda one: (one[0].number, one[0].closed_at)):
        first, _ = by_number.setdefault(head.number, (head, digest))
        if first is not head:
            yield head.file, f"it is number {head.number} of the chain, as {first.file} is"
    for head, _ in sorted(heads, key=lambda one: one[0].number):
        yield from ((head.file, what) for what in _gaps(head, by_number, digests))


def _gaps(head: Head, by_number: Mapping[int, tuple[Head, str]], digests: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with what a chain record says of the files closed before."""
    if head.previous is None:
        if head.after:
            yield f"it is number {head.number} of the chain and names no file before it"
    elif head.after not in by_number:
        yield _missing(head, head.after, head.previous.file)
    else:
        before, digest = by_number[head.after]
        if (head.previous.file, head.previous.digest) != (before.file, digest):
            yield f"the chain record of {before.file} is not the one that it was closed after"
    for number, skipped in enumerate(head.skipped, head.after + 1):
        if number not in by_number:
            yield _missing(head, number, skipped.file)
        elif by_number[number][0].file not in {one.file for one in head.skipped}:
            yield f"number {number} of the chain is {by_number[number][0].file}, not {skipped.file}"
        elif skipped.digest and digests.get(skipped.file) != skipped.digest.removeprefix("sha256:"):
            yield f"it was closed after {skipped.file} with another digest than the manifest has"


def _missing(head: Head, number: int, file: str) -> str:
    return f"it is number {head.number} of the chain, but number {number} ({file}) is missing"
