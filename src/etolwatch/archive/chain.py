"""The chain: each closed WARC file ends with a record that lists all before it, and names the file before.

The list holds the SHA-256 of each gzip member as it lies in the file, so that a record that is
altered, removed, added or moved shows, even in bits that no check sum of gzip guards. Each list
holds the digest of the list before it: who alters the past must alter all that came after, and the
digest of the last one, which `etolwatch verify` prints, need only be noted elsewhere. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from etolwatch.archive.members import Damage, Member, NoRecord, parse

KIND_FIELD = "Etolwatch-Record"  # of a metadata record: what it is
CHAIN, JOURNAL = "chain", "journal"
FORM = 1  # of the list; another one gets another number


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
class Chain:
    """The last record of a closed file."""

    number: int  # counts the closed files of a store from 1
    file: str
    closed_at: str
    previous: Before | None
    records: tuple[Link, ...]

    @property
    def end(self) -> int:
        """Where the listed records end and the chain record itself begins."""
        return self.records[-1].offset + self.records[-1].length if self.records else 0


def to_json(chain: Chain) -> bytes:
    """The block of a chain record: one JSON object, a line for each record listed."""
    head = asdict(chain)
    links = head.pop("records")
    lines = ",\n".join(json.dumps(link) for link in links)
    begin = json.dumps({"etolwatch-chain": FORM, **head})
    return f'{begin[:-1]}, "records": [\n{lines}\n]}}\n'.encode()


def from_json(block: bytes) -> Chain:
    """The list that `to_json` wrote. Raises NoChain."""
    try:
        data = json.loads(block)
        if data["etolwatch-chain"] != FORM:
            raise NoChain(f"its form is {data['etolwatch-chain']}, this etolwatch knows {FORM}")
        return Chain(
            number=int(data["number"]),
            file=str(data["file"]),
            closed_at=str(data["closed_at"]),
            previous=_before(data["previous"]),
            records=tuple(Link(**link) for link in data["records"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NoChain(f"it is no list of records ({error})") from error


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


def gaps(heads: Sequence[tuple[Chain, str]]) -> Iterator[tuple[str, str]]:
    """Where the chain of files is broken: file, and what is wrong.

    ``heads``: the lists of all closed files that have a whole one, each with the digest of its record.
    """
    ordered = sorted(heads, key=lambda head: head[0].number)
    before: tuple[Chain, str] | None = None
    for chain, digest in ordered:
        wrong = _gap(chain, before)
        if wrong:
            yield chain.file, wrong
        before = chain, digest


def _gap(chain: Chain, before: tuple[Chain, str] | None) -> str | None:
    number = before[0].number + 1 if before else 1
    if chain.number != number:
        named = f" ({chain.previous.file})" if chain.previous else ""
        return f"it is number {chain.number} of the chain, but number {chain.number - 1}{named} is missing"
    if before is None or chain.previous is None:
        return None if chain.previous is None and before is None else "it names no file before it"
    if (chain.previous.file, chain.previous.digest) != (before[0].file, before[1]):
        return f"the chain record of {before[0].file} is not the one that it was closed after"
    return None
