"""The mirror of a store, made or brought up to date: the line of this room."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from etolwatch.archive.store import Store
from etolwatch.errors import ArchiveError, UsageError
from etolwatch.model import Site
from etolwatch.publish.mirror import colophon, tree
from etolwatch.publish.mirror.pages import RULES, written
from etolwatch.publish.mirror.plan import (
    OURS,
    Chosen,
    Gone,
    Held,
    Missing,
    Plan,
    is_shown,
    plan,
)
from etolwatch.publish.mirror.tree import LITTER, STATE, File, MirrorError, Tree
from etolwatch.text.decode import decode
from etolwatch.text.markup import title
from etolwatch.text.references import unescaped

TOLD_EVERY = 100  # files


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. ``site`` None: all sites of the store."""

    at: datetime | None = None
    site: str | None = None
    gone: Gone = Gone.ABSENT
    scripts: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """What was done. ``written``: files new or other than before; ``is_new``: trees were exchanged."""

    folder: Path
    as_of: datetime | None
    pages: int
    requisites: int
    written: int
    kept: int
    size_bytes: int
    missing: tuple[Missing, ...]
    not_held: int
    is_new: bool


@dataclass(slots=True)
class _Made:
    """What is known of each file of the new tree, by its path, while it is being made."""

    files: dict[str, File] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    links: dict[str, list[int]] = field(
        default_factory=dict
    )  # 2 × address, + 1 for one that a reader follows
    addresses: dict[str, int] = field(default_factory=dict)

    def address(self, uri: str) -> int:
        return self.addresses.setdefault(uri, len(self.addresses))


def mirror(
    store: Store,
    sites: Iterable[Site],
    folder: Path,
    wanted: Wanted,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Built:
    """Makes the mirror in this folder, or brings it up to date; nothing is touched where nothing changed.

    ``tell`` is called now and then with how many files of how many are done. Captures of which the bytes
    are damaged are left out and named among what is missing. Raises UsageError for a folder
    that is no place for it, MirrorError where the disk does not take it: then the old one stands.
    """
    folder = tree.refuse(folder, store.folder)
    damaged: dict[str, str] = {}
    with store.catalog.snapshot():
        while True:
            planned = planned_of(store, wanted, damaged)
            if all(held.is_requisite for held in planned.held.values()):
                if wanted.at is not None and planned_of(store, replace(wanted, at=None), damaged).held:
                    raise UsageError(_why_empty(wanted, planned), str(store.folder), "name a later time")
                raise MirrorError("nothing can be mirrored", str(store.folder), _why_empty(wanted, planned))
            making = _Making(store, tuple(sites), folder, wanted, planned, tell)
            built = making.make()
            if built is not None:
                return built
            damaged |= making.damaged  # once more, so that no link leads to what cannot be read


def _why_empty(wanted: Wanted, planned: Plan) -> str:
    if wanted.at is not None:
        return f"no page was held at {wanted.at:%Y-%m-%d %H:%M} UTC"
    return "no page is held" if planned.missing else "the store is empty; “etolwatch check” fills it"


def planned_of(store: Store, wanted: Wanted, damaged: Mapping[str, str]) -> Plan:
    """What the mirror will have in it, from the catalog alone; ``damaged``: what cannot be read, and why."""
    standings = list(store.catalog.state_at(wanted.at, wanted.site))
    chosen = [
        Chosen(standing, standing.capture, store.origin_of(standing.capture))
        for standing in standings
        if standing.capture is not None and is_shown(standing, wanted.gone)
    ]
    if wanted.at is not None:
        chosen += _later(store, wanted.at, wanted.site, {s.uri for s in standings if s.capture})
    return plan(standings, (each for each in chosen if each.standing.uri not in damaged), damaged, wanted.at)


def _later(store: Store, at: datetime, site: str | None, seen: set[str]) -> Iterable[Chosen]:
    """Requisites first captured later: a page without its style is less true than with a later one."""
    for standing in store.catalog.state_at(None, site):
        if standing.is_requisite and standing.capture and standing.uri not in seen:
            first = next((c for c in store.catalog.versions(standing.uri) if c.captured_at > at), None)
            if first is not None:
                yield Chosen(standing, first, store.origin_of(first), later=True)


class _Making:
    """One build."""

    def __init__(
        self,
        store: Store,
        sites: tuple[Site, ...],
        folder: Path,
        wanted: Wanted,
        planned: Plan,
        tell: Callable[[int, int], None],
    ) -> None:
        self._store, self._sites, self._folder = store, sites, folder
        self._wanted, self._plan, self._tell = wanted, planned, tell
        self._made = _Made()
        self.damaged: dict[str, str] = {}  # what could not be read, and why
        self._lost = {each.uri: each.last_seen_at for each in planned.missing if each.last_seen_at}
        self._state = tree.read_state(folder) if folder.exists() else {}
        self._lying = tree.files(folder) if folder.exists() else {}
        self._first_held = store.catalog.first_held()
        self._turned = cache(self._turned_at)

    def make(self) -> Built | None:
        """Decides what stays, makes the rest, and exchanges the trees where anything differs.

        None: nothing was exchanged, for some captures are ``damaged``.
        """
        self._refuse_strangers()
        stays = self._staying()
        if len(stays) == len(self._plan.held):
            told = self._told()
            if self._is_unchanged(told):
                tree.clear(self._folder)
                return self._built(len(stays) + len(told), 0, is_new=False)
        with tree.building(self._folder) as new:
            for path in stays:
                new.keep(path, self._made.files[path])
            self._make_files(new, stays)
            if self.damaged:
                return None
            told = self._told()
            at = self._told_at()
            for path, body in told.items():
                new.write(path, body, at)
            new.write(STATE, self._state_bytes(), at)
            new.swap()
        return self._built(new.kept, new.written - 1, is_new=True)

    # ── what stays ───────────────────────────────────────────────────────────────────

    def _refuse_strangers(self) -> None:
        """Raises UsageError where someone has put files of their own into the mirror: they would be lost."""
        ours = {*self._state.get("files", ()), *OURS, STATE}
        for path in sorted(self._lying):
            if path not in ours and path.rpartition("/")[2] not in LITTER:
                raise UsageError(
                    "the mirror holds a file that is not of it", str(self._folder / path), "move it elsewhere"
                )

    def _staying(self) -> set[str]:
        """The paths of files that would come out as they lie there; what is known of them is taken over."""
        known: Mapping[str, Any] = self._state.get("files", {})
        addresses = self._state.get("addresses", [])
        other = {number for number, told in enumerate(addresses) if told != self._address_told(told[0])}
        stays = set()
        for held in self._plan.held.values():
            row = known.get(held.path)
            inputs = self._made.inputs[held.path] = self._inputs(held)
            if row is None or row[2] != inputs:
                continue
            file, links = File(row[0], row[1]), _unpacked(row[3])
            if tree.is_same(self._lying.get(held.path), file) and not any(
                link >> 1 in other for link in links
            ):
                stays.add(held.path)
                self._made.files[held.path] = file
                self._made.links[held.path] = [
                    2 * self._made.address(addresses[link >> 1][0]) + (link & 1) for link in links
                ]
        return stays

    def _inputs(self, held: Held) -> str:
        """A digest of all that a file is made of, but for where its links lead."""
        parts = (
            str(RULES),
            str(self._wanted.scripts),
            held.uri,
            held.path,
            held.capture.body_digest,
            held.capture.content_type or "",
            str(held.is_requisite),
            held.first_at.isoformat(),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    def _address_told(self, uri: str) -> list[Any]:
        """Where a link to an address leads, and since when: kept to see whether it is still so."""
        target = self._plan.target(uri)
        turned = self._turned(uri)
        return [uri, target.path if target else None, tree.mtime_ns(turned) if turned else 0]

    def _turned_at(self, uri: str) -> datetime | None:
        """When an address began to lead where it leads now, into the mirror or out. None: always so."""
        target = self._plan.target(uri)
        times = [self._first_held.get(target.uri)] if target else []
        if target is None or target.uri != uri:
            times.append(self._left_at(uri))
        return max(
            (at for at in times if at and (not self._wanted.at or at <= self._wanted.at)), default=None
        )

    def _left_at(self, uri: str) -> datetime | None:
        """When a page was first seen to be gone or moved, after its last version."""
        last = self._lost.get(uri)
        if last is None:
            return None
        return next((c.captured_at for c in self._store.catalog.captures(uri) if c.captured_at > last), None)

    # ── making ───────────────────────────────────────────────────────────────────────

    def _make_files(self, new: Tree, stays: set[str]) -> None:
        """Writes what does not stay, in the order in which it lies in the archive."""
        todo = [held for held in self._plan.held.values() if held.path not in stays]
        todo.sort(key=lambda held: (held.origin.warc, held.origin.offset))
        for number, held in enumerate(todo):
            self._make_file(new, held)
            if number % TOLD_EVERY == 0:
                self._tell(len(stays) + number, len(self._plan.held))
        self._tell(len(self._plan.held), len(self._plan.held))

    def _make_file(self, new: Tree, held: Held) -> None:
        try:
            payload = self._store.payload_of(held.capture, held.origin)
        except ArchiveError as error:
            self.damaged[held.uri] = str(error)
            return
        page = written(held, payload, self._plan, scripts=self._wanted.scripts)
        turned = [at for uri in page.refers_to if (at := self._turned(uri)) is not None]
        self._made.files[held.path] = new.write(held.path, page.body, max((held.first_at, *turned)))
        self._made.links[held.path] = [
            2 * self._made.address(uri) + is_link for uri, is_link in page.refers_to.items()
        ]

    # ── what is told of it ───────────────────────────────────────────────────────────

    def _told_at(self) -> datetime:
        return self._plan.as_of or max(held.seen_at for held in self._plan.held.values())

    def _told(self) -> dict[str, bytes]:
        """The colophon, the entry page and the report."""
        return colophon.told(self._plan, self._sites, self._wanted, self.not_held(), self._title)

    def _title(self, held: Held) -> str:
        """The title of a page, as its capture has it; "" if it has none or cannot be read."""
        try:
            payload = self._store.payload_of(held.capture, held.origin)
        except ArchiveError:
            return ""  # of one that stays from before: the report of what is damaged is that of `verify`
        text = decode(payload.body, payload.content_type).text.encode("utf-8", "replace")
        return " ".join(unescaped(title(text).decode()).split())

    def not_held(self) -> dict[str, list[str]]:
        """Addresses that readers may follow out of the mirror, each with the files where it stands."""
        found: dict[str, list[str]] = defaultdict(list)
        names = list(self._made.addresses)
        leading_out = [self._plan.target(uri) is None for uri in names]
        for path in sorted(self._made.links):
            for link in self._made.links[path]:
                if link & 1 and leading_out[link >> 1]:
                    found[names[link >> 1]].append(path)
        return dict(sorted(found.items()))

    def _state_bytes(self) -> bytes:
        """What the next build needs to know; the same for the same tree, whichever build made it."""
        names = list(self._made.addresses)
        used = {link >> 1 for links in self._made.links.values() for link in links}
        order = sorted(used, key=lambda number: names[number])
        place = {number: at for at, number in enumerate(order)}
        rows = {}
        for path, file in sorted(self._made.files.items()):
            links = (2 * place[link >> 1] + (link & 1) for link in self._made.links[path])
            rows[path] = [file.size_bytes, file.mtime_ns, self._made.inputs[path], _packed(links)]
        state = {
            "format": tree.FORMAT,
            "addresses": [self._address_told(names[number]) for number in order],
            "files": rows,
        }
        text = json.dumps(state, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return text.encode("utf-8", "surrogatepass")

    def _is_unchanged(self, told: Mapping[str, bytes]) -> bool:
        """Whether the tree that lies there is, file by file, the one that would be built."""
        expected = {*self._made.files, *told, STATE}
        lying = {path for path in self._lying if path.rpartition("/")[2] not in LITTER}
        return lying == expected and all(
            (self._folder / path).read_bytes() == body for path, body in told.items()
        )

    def _built(self, kept: int, count: int, *, is_new: bool) -> Built:
        shown = self._plan.held.values()
        return Built(
            folder=self._folder,
            as_of=self._plan.as_of,
            pages=sum(not held.is_requisite for held in shown),
            requisites=sum(held.is_requisite for held in shown),
            written=count,
            kept=kept,
            size_bytes=sum(file.size_bytes for file in self._made.files.values()),
            missing=self._plan.missing,
            not_held=len(self.not_held()),
            is_new=is_new,
        )


def _packed(links: Iterable[int]) -> str:
    return base64.b64encode(_little(array("I", links))).decode()


def _unpacked(text: str) -> list[int]:
    found = array("I")
    found.frombytes(base64.b64decode(text))
    return list(array("I", _little(found)))


def _little(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
