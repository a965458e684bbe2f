"""What others captured, brought onto the timelines of the watched pages.

The same rules judge it as a visit of our own; only its date is older, and its address may be
written as the site wrote it then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from etolwatch.archive import foreign
from etolwatch.archive.bring import Import, Placing
from etolwatch.archive.catalog import Catalog
from etolwatch.archive.foreign import Damage, Found
from etolwatch.archive.members import parse
from etolwatch.archive.store import Store
from etolwatch.harvest.decide import decide, redirect_of
from etolwatch.harvest.scope import canonical, in_scope, kind_of, may_need, stands_for
from etolwatch.model import Capture, Outcome, RecordType, Requisite, Site, Via, Visit

_NO_LIMIT = 1 << 40


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of an import, in numbers; and what could not be read."""

    captures: int = 0
    held: int = 0  # were in the store already
    outside: int = 0  # of pages that no site of config.toml watches
    other: int = 0  # of types that are not kept, robots.txt, one spelling of an address led to another
    damages: tuple[Damage, ...] = ()

    def __add__(self, more: Brought) -> Brought:
        return Brought(
            self.captures + more.captures,
            self.held + more.held,
            self.outside + more.outside,
            self.other + more.other,
            self.damages + more.damages,
        )


def spellings(uri: str) -> list[str]:
    """The ways in which archives write one address: http or https, with or without www, with a port."""
    plain = canonical(uri)
    if plain is None:
        return []
    split = urlsplit(plain)
    rest = plain[len(f"{split.scheme}://{split.netloc}") :]
    host = split.netloc.removesuffix(":80").removesuffix(":443")
    other_host = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
    other = "http" if split.scheme == "https" else "https"
    hosts = [f"{scheme}://{name}" for name in (host, other_host) for scheme in (split.scheme, other)]
    return list(dict.fromkeys([plain, *(name + rest for name in hosts)]))


def page_of(sites: Sequence[Site], catalog: Catalog, uri: str) -> tuple[str, Site] | None:
    """The watched page that an address stands for, and its site; None if it is outside of all.

    The address may be one on a mirror that stands for a site. Of several spellings, the one that is known
    already, else the first in scope. What pages of a site are known to need counts as one, wherever it lies.
    """
    own = (stands_for(site, uri) for site in sites)
    written = list(dict.fromkeys(spelt for one in (uri, *own) for spelt in spellings(one)))
    within = [(one, site) for one in written for site in sites if in_scope(site, one)]
    known = (pair for pair in within if len(within) > 1 and catalog.history(pair[0]))
    return next(known, within[0] if within else _needed(sites, catalog, written))


def _needed(sites: Sequence[Site], catalog: Catalog, written: Iterable[str]) -> tuple[str, Site] | None:
    for uri in written:
        known = catalog.history(uri)
        if known and known.requisite:
            return next(((uri, site) for site in sites if may_need(site, uri, known.requisite)), None)
    return None


def requisite_of(site: Site, catalog: Catalog, uri: str) -> Requisite | None:
    """As what pages need this, as far as is known or its ending tells; None for a page."""
    known = catalog.history(uri)
    if known and (known.requisite or known.version):
        return known.requisite
    kind = kind_of(uri)
    return kind if kind and may_need(site, uri, kind) else None


class Bringer:
    """Places captures of one source on the timelines; `take` each, then `finish`."""

    def __init__(self, store: Store, sites: Sequence[Site], into: Import, origin: str) -> None:
        self._catalog, self._sites, self._into, self._origin = store.catalog, sites, into, origin
        self._revisits: list[tuple[Found, tuple[bytes, ...]]] = []
        self._counts: Counter[str] = Counter()
        self._damages: list[Damage] = []

    def take(self, found: Found, *going_with: bytes, origin: str | None = None) -> None:
        """Keeps a capture if it is one of a watched page and not held yet; revisits wait for `finish`."""
        fault = foreign.fault(found)
        if fault:
            self.damaged(Damage(found.place, fault))
        elif found.kind is RecordType.REVISIT:
            self._revisits.append((found, going_with))
        else:
            self._place(found, going_with, origin or self._origin)

    def take_again(self, found: Found, referred: Capture, origin: str) -> None:
        """Keeps a revisit of which is known what it stands for."""
        place = self._page(found)
        if place is not None:
            self._keep_revisit(found, (), place, self._whole(referred), origin)

    def damaged(self, damage: Damage) -> None:
        """Notes what could not be read."""
        self._damages.append(damage)

    def finish(self) -> Brought:
        """Keeps the revisits, now that what they refer to is catalogued; gives back what came of all."""
        self._into.flush()
        for found, going_with in self._revisits:
            self._place_revisit(found, going_with)
        self._revisits = []
        self._into.flush()
        return Brought(**self._counts, damages=tuple(self._damages))

    def _page(self, found: Found) -> tuple[str, Site] | None:
        if self._into.knows(found):  # wherever it was asked for: from a mirror, or a folder
            self._counts["held"] += 1
            return None
        place = page_of(self._sites, self._catalog, found.uri)
        if place is None:
            self._counts["outside"] += 1
        elif place[0].endswith("/robots.txt"):
            self._counts["other"] += 1
            return None
        elif self._into.is_another(found):
            self.damaged(Damage(found.place, f"the store has another record with the id {found.record_id}"))
            return None
        elif self._into.holds(found, place[0]):
            self._counts["held"] += 1
            return None
        return place

    def _place(self, found: Found, going_with: tuple[bytes, ...], origin: str) -> None:
        place = self._page(found)
        if place is None:
            return
        uri, site = place
        placing = self._placing(
            found, uri, replace(site, largest_body_bytes=_NO_LIMIT, largest_requisite_bytes=_NO_LIMIT), origin
        )
        if placing is None:
            self._counts["other"] += 1
            return
        self._into.keep(found, placing, *going_with)
        self._counts["captures"] += 1

    def _placing(self, found: Found, uri: str, site: Site, origin: str) -> Placing | None:
        """What a capture is, by the rules that hold for our own visits; None if it is not kept."""
        exchange = found.exchange()
        requisite = requisite_of(site, self._catalog, uri)
        visit = Visit(uri=uri, asks=exchange.asks, site=site.name, via=Via.KNOWN, requisite=requisite)
        record = decide(visit, exchange, site)
        leads_to = self._page_at(redirect_of(exchange))
        if record.outcome is Outcome.LISTED or exchange.status == 304 or leads_to == uri:
            return None  # the last: from one spelling of the address to another
        location = self._page_at(record.location)
        return Placing(uri, site.name, record.outcome, origin, location, requisite=requisite)

    def _page_at(self, location: str | None) -> str | None:
        """Where a redirect leads, spelt as the watched page is."""
        target = page_of(self._sites, self._catalog, location) if location else None
        return target[0] if target else location

    def _place_revisit(self, found: Found, going_with: tuple[bytes, ...]) -> None:
        place = self._page(found)
        if place is None:
            return
        referred = self._referred(found, place[0])
        if referred is None:
            self.damaged(Damage(found.place, "a revisit of a response that is not held"))
            return
        self._keep_revisit(found, going_with, place, referred, self._origin)

    def _keep_revisit(
        self,
        found: Found,
        going_with: tuple[bytes, ...],
        place: tuple[str, Site],
        referred: Capture,
        origin: str,
    ) -> None:
        uri, site = place
        if self._catalog.holds_like(uri, found.captured_at, referred.payload_digest):
            self._counts["held"] += 1
            return
        outcome = Outcome.UNCHANGED if referred.is_version else referred.outcome
        placing = Placing(uri, site.name, outcome, origin, referred.location, referred, referred.requisite)
        self._into.keep(found, placing, *going_with)
        self._counts["captures"] += 1

    def _referred(self, found: Found, uri: str) -> Capture | None:
        """The response that a revisit stands for: by its id, by address and date, by page and digest."""
        record_id = (found.field("WARC-Refers-To") or "").strip("<>")
        if record_id and self._catalog.holds(record_id):
            return self._whole(self._catalog.capture(record_id))
        target = (found.field("WARC-Refers-To-Target-URI") or "").strip("<>")
        at = found.field("WARC-Refers-To-Date")
        digest = found.field("WARC-Payload-Digest")
        if target and (place := page_of(self._sites, self._catalog, target)):
            uri = place[0]
        second = _second(at) if at else None
        dated = (one for one in self._catalog.of_second(uri, second)) if second else ()
        whole = (one for one in dated if one.record_type is not RecordType.REVISIT)
        return next(whole, None) or (self._catalog.last_like(uri, digest) if digest else None)

    def _whole(self, capture: Capture) -> Capture:
        return self._catalog.capture(capture.refers_to) if capture.refers_to else capture


def _second(text: str) -> datetime | None:
    try:
        return foreign.instant_of(text).replace(microsecond=0)
    except ValueError:
        return None


# ── files ────────────────────────────────────────────────────────────────────────────


def bring_warc(store: Store, sites: Sequence[Site], path: Path, at: datetime, origin: str = "") -> Brought:
    """Brings the captures of a WARC or ARC file, gzip or plain. Raises UsageError if it cannot be read."""
    origin = origin or path.name
    companions = Companions.of(path)

    def captures() -> Iterator[tuple[Found | Damage, tuple[bytes, ...]]]:
        yield from ((damage, ()) for damage in companions.damages)
        for found in foreign.warc_captures(path):
            yield found, companions.request_of(found) if isinstance(found, Found) else ()

    return _bring(store, sites, captures(), at, origin, companions.infos)


def bring_wacz(store: Store, sites: Sequence[Site], path: Path, at: datetime) -> Brought:
    """Brings the captures of each WARC file of a WACZ."""
    result = Brought()
    with TemporaryDirectory(prefix="etolwatch-") as folder:
        for one in foreign.unpacked_wacz(path, Path(folder)):
            if isinstance(one, Damage):
                result += Brought(damages=(one,))
                continue
            name, unpacked = one
            brought = bring_warc(store, sites, unpacked, at, f"{path.name}: {name}")
            result += replace(brought, damages=tuple(_within(path, name, unpacked, brought.damages)))
    return result


def _within(path: Path, name: str, unpacked: Path, damages: Iterable[Damage]) -> Iterator[Damage]:
    """The damages of a file that was unpacked, told of the file from which it came."""
    return (replace(one, place=one.place.replace(str(unpacked), f"{path}: {name}")) for one in damages)


def bring_folder(
    store: Store, sites: Sequence[Site], folder: Path, prefix: str, at: datetime, dated: datetime | None
) -> Brought:
    """Brings a folder of saved pages that stands for an address prefix.

    As captured at ``dated``, or when each was last changed.
    """
    pages = ((found, ()) for found in foreign.folder_captures(folder, prefix, dated))
    return _bring(store, sites, pages, at, f"folder {folder.resolve().name}", ())


def _bring(
    store: Store,
    sites: Sequence[Site],
    captures: Iterable[tuple[Found | Damage, tuple[bytes, ...]]],
    at: datetime,
    origin: str,
    infos: Sequence[bytes],
) -> Brought:
    about = {
        "description": f"captures made by others, brought from {origin}",
        "operator": store.operator or "",
    }
    about = {key: value for key, value in about.items() if value}
    with Import(store.warc_folder, store.catalog, at, about, infos) as into:
        bringer = Bringer(store, sites, into, origin)
        for found, going_with in captures:
            if isinstance(found, Damage):
                bringer.damaged(found)
            else:
                bringer.take(found, *going_with)
        return bringer.finish()


@dataclass(frozen=True, slots=True)
class Companions:
    """Records of a file that are no captures: who made it, and the requests, by the ids that tie them.

    ``damages``: those that the store's own verification would find fault with, which are left out.
    """

    infos: tuple[bytes, ...]
    requests: dict[str, bytes]
    damages: tuple[Damage, ...]

    @classmethod
    def of(cls, path: Path) -> Companions:
        """Those of a WARC file; none for an ARC file."""
        infos: list[bytes] = []
        requests: dict[str, bytes] = {}
        damages: list[Damage] = []
        for raw in foreign.raw_records(path):
            if isinstance(raw, Damage):
                continue  # told when the captures are read
            kind = foreign.type_of(raw.data)
            if kind not in ("warcinfo", "request"):
                continue
            if reason := foreign.refusal(raw.data):
                damages.append(Damage(f"{path} at byte {raw.at}", f"a {kind} record: {reason}"))
            elif kind == "warcinfo":
                infos.append(raw.data)
            else:
                record = parse(raw.data)
                ties = (record.get("WARC-Record-ID"), record.get("WARC-Concurrent-To"))
                requests |= {tie.strip("<>"): raw.data for tie in ties if tie}
        return cls(tuple(infos), requests, tuple(damages))

    def request_of(self, found: Found) -> tuple[bytes, ...]:
        """The request that brought a capture, whichever of the two names the other."""
        tied = (found.field("WARC-Concurrent-To") or "").strip("<>")
        request = self.requests.get(found.record_id) or self.requests.get(tied)
        return (request,) if request else ()
