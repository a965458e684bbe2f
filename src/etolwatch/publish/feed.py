"""Findings as Atom feeds (RFC 4287): a document to subscribe to, and one for each batch behind it.

The same findings give the same bytes. The subscription document holds what was told last, pass by pass;
where it ends, it links to the document of an older batch, and so on to the first (RFC 5005 §4),
so that a reader who was away for a year can still have all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from etolwatch import __version__
from etolwatch.config import is_address
from etolwatch.model import Verdict
from etolwatch.publish import html
from etolwatch.publish.links import tail, wayback
from etolwatch.publish.news import Item, Keep, Told, items, keep_all, named
from etolwatch.publish.order import RUBRICS
from etolwatch.publish.phrase import facts, number, size, visible

MEDIA_TYPE = "application/atom+xml"
ATOM = "http://www.w3.org/2005/Atom"
HISTORY = "http://purl.org/syndication/history/1.0"  # RFC 5005 §2
NAMESPACES: Any = {None: ATOM, "fh": HISTORY}  # lxml takes None for “no prefix”, its stubs do not
LEAST = 100  # entries that the subscription document has, where there are so many …
MOST = 1000  # … and never more, although it ends with a whole pass
VARIANTS_SHOWN = 50
PAGES_NAMED = 500
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # when a feed without entries was changed last
# XML 1.0 §2.2: what no document may hold, not even escaped.
NO_CHARACTER = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Channel:
    """Which findings a feed is about; ``name`` is the end of its address: "all", "silent", "site/NAME"."""

    name: str
    title: str
    verdict: Verdict | None = None
    site: str | None = None

    def has(self, item: Item) -> bool:
        """Whether it belongs into this feed."""
        return self.verdict in (None, item.verdict) and self.site in (None, item.site)


ALL = Channel("all", "What changed")
SILENT = Channel("silent", "Silent edits", verdict=Verdict.SILENT_EDIT)


def of_site(site: str) -> Channel:
    """The feed of one site."""
    return Channel(f"site/{site}", f"What changed: {site}", site=site)


def chosen(*, silent: bool, site: str | None) -> Channel:
    """The feed of what is both: silent, if that is asked for, and of the site, if one is named."""
    if not silent:
        return of_site(site) if site else ALL
    if not site:
        return SILENT
    return Channel(f"silent/site/{site}", f"Silent edits: {site}", Verdict.SILENT_EDIT, site)


def channels(sites: Iterable[str]) -> tuple[Channel, ...]:
    """All feeds that there are."""
    return ALL, SILENT, *map(of_site, sites)


@dataclass(frozen=True, slots=True)
class Places:
    """Where what a feed links to is to be found; addresses may be relative to that of the feed.

    ``feed`` is given a channel, and the name of a batch for the document of that alone;
    ``page`` an item. None is the answer where there is no such document or page.
    """

    feed: Callable[[Channel, str | None], str | None]
    page: Callable[[Item], str | None]


def subscription(
    passes: Iterable[Told], channel: Channel, places: Places, origin: str, keep: Keep = keep_all
) -> bytes:
    """The feed's document to subscribe to, as bytes of UTF-8.

    ``passes`` are latest first, as `news.told` gives them, and are read no further than is needed;
    ``origin`` tells archives from each other (`news.origin`).
    """
    found: list[Item] = []
    last: str | None = None
    older: str | None = None
    for batch, held in _filled(passes, channel, keep):
        if len(found) >= LEAST:
            older = batch
            break
        found += held
        last = batch
    if len(found) > MOST:
        older, found = last, found[:MOST]
    feed = _head(channel, origin, found)
    _link(feed, "self", places.feed(channel, None), MEDIA_TYPE)
    if older:
        _link(feed, "prev-archive", places.feed(channel, older), MEDIA_TYPE)
    return _document(feed, found, places)


def archived(
    passes: Iterable[Told],
    batch: str,
    channel: Channel,
    places: Places,
    origin: str,
    keep: Keep = keep_all,
) -> bytes | None:
    """The feed's document of one batch, which stays as it is; None if that has nothing in this feed.

    ``passes`` are latest first, from that one on (`news.told` with ``until``).
    """
    filled = _filled(passes, channel, keep)
    first, held = next(filled, (None, ()))
    if first != batch:
        return None
    feed = _head(channel, origin, held)
    etree.SubElement(feed, f"{{{HISTORY}}}archive")
    _link(feed, "self", places.feed(channel, batch), MEDIA_TYPE)
    _link(feed, "current", places.feed(channel, None), MEDIA_TYPE)
    if older := next(filled, None):
        _link(feed, "prev-archive", places.feed(channel, older[0]), MEDIA_TYPE)
    return _document(feed, held, places)


def documents(
    told: Callable[[str | None], Iterable[Told]],
    channel: Channel,
    places: Callable[[str | None], Places],
    origin: str,
    keep: Keep = keep_all,
) -> Iterator[tuple[str | None, bytes]]:
    """All documents of a feed, each with the name of its batch; the one to subscribe to, None, first.

    ``told`` gives what was told from a batch on, latest first; ``places``, where its document links to.
    """
    made: set[str | None] = set()
    waiting: list[str | None] = [None]
    while waiting:
        batch = waiting.pop()
        made.add(batch)
        there = places(batch)

        def noted(of: Channel, target: str | None, there: Places = there) -> str | None:
            if target not in made:
                waiting.append(target)
            return there.feed(of, target)

        linked = Places(noted, there.page)
        if batch is None:
            yield None, subscription(told(None), channel, linked, origin, keep)
        elif body := archived(told(batch), batch, channel, linked, origin, keep):
            yield batch, body


def entity_tag(body: bytes) -> str:
    """The strong validator of these bytes (RFC 9110 §8.8.3), quotes included."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def title(item: Item) -> str:
    """One line that says what it is about."""
    label = RUBRICS[item.verdict].label.capitalize()
    certainty = f", {item.certainty.value}" if item.certainty else ""
    if item.is_shared:
        return f"{label}{certainty}: the same edit on {number(len(item.findings), 'page')} of {item.site}"
    much = f" ({found})" if (found := size(item.finding)) else ""
    return f"{label}{certainty}: {visible(tail(item.finding.uri))}{much}"


def content(item: Item) -> str:
    """The item as HTML, every captured character of it escaped."""
    template = html.environment().get_template("entry.html")
    past = wayback(item.finding.uri)
    return template.render(item=item, past=past, limit=VARIANTS_SHOWN, named=PAGES_NAMED)


def _filled(passes: Iterable[Told], channel: Channel, keep: Keep) -> Iterator[tuple[str, tuple[Item, ...]]]:
    """The batches that have something in this feed, by name."""
    for one in passes:
        if held := tuple(filter(channel.has, items(one, keep))):
            yield one.batch, held


def _head(channel: Channel, origin: str, found: Iterable[Item]) -> etree._Element:
    """The feed's element with what stands before links and entries."""
    feed = etree.Element(f"{{{ATOM}}}feed", nsmap=NAMESPACES)
    feed.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    _child(feed, "id", named("feed", origin, channel.name))
    _child(feed, "title", f"{channel.title} (etolwatch)")
    _child(feed, "updated", _instant(max((item.at for item in found), default=NEVER)))
    _child(_child(feed, "author"), "name", "etolwatch")
    _child(feed, "generator", "etolwatch").set("version", __version__)
    return feed


def _document(feed: etree._Element, found: Iterable[Item], places: Places) -> bytes:
    for item in found:
        _entry(feed, item, places)
    body: bytes = etree.tostring(feed, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return body


def _entry(feed: etree._Element, item: Item, places: Places) -> None:
    entry = _child(feed, "entry")
    _child(entry, "id", item.urn)
    _child(entry, "title", title(item))
    at = _instant(item.at)
    _child(entry, "published", at)
    _child(entry, "updated", at)
    _links(entry, item, places)
    _category(entry, item.verdict.value, RUBRICS[item.verdict].label.capitalize())
    _category(entry, f"site:{item.site}", item.site)
    _child(entry, "summary", "; ".join(facts(item.finding)))
    _child(entry, "content", content(item)).set("type", "html")


def _links(entry: etree._Element, item: Item, places: Places) -> None:
    """Where to read it: our page of it, else the page itself; an entry has one alternate link."""
    page = places.page(item)
    uri = item.finding.uri
    _link(entry, "alternate", page, "text/html")
    _link(entry, "related", wayback(uri, item.finding.captured_at), "text/html", "In the Wayback Machine")
    if is_address(uri):
        _link(entry, "via" if page else "alternate", uri, "text/html")


def _link(parent: etree._Element, rel: str, href: str | None, media_type: str, said: str = "") -> None:
    if href is None:
        return
    link = _child(parent, "link")
    link.set("rel", rel)
    link.set("href", _xml(href))
    link.set("type", media_type)
    if said:
        link.set("title", said)


def _category(entry: etree._Element, term: str, label: str) -> None:
    category = _child(entry, "category")
    category.set("term", _xml(term))
    category.set("label", _xml(label))


def _child(parent: etree._Element, name: str, text: str = "") -> etree._Element:
    child = etree.SubElement(parent, f"{{{ATOM}}}{name}")
    if text:
        child.text = _xml(text)
    return child


def _xml(text: str) -> str:
    return NO_CHARACTER.sub("\ufffd", text)


def _instant(at: datetime) -> str:
    """RFC 3339, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
