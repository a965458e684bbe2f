"""The site made from a store: page by page, in one walk over the passes, and put in place in one step."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, partial
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from etolwatch import __version__
from etolwatch.archive.naming import IMPORT
from etolwatch.archive.store import Store
from etolwatch.config import Config
from etolwatch.errors import EtolwatchError, UsageError
from etolwatch.model import Capture, Finding, Outcome, Verdict
from etolwatch.publish import feed, html, news
from etolwatch.publish.feed import Channel, Places
from etolwatch.publish.links import tail, wayback
from etolwatch.publish.mirror.tree import LITTER, MirrorError, building, files
from etolwatch.publish.news import Item, Told
from etolwatch.publish.order import RUBRICS
from etolwatch.publish.phrase import MONTHS, size
from etolwatch.publish.site import names
from etolwatch.publish.site.chart import chart, kind_of
from etolwatch.review.judgement import State
from etolwatch.review.standing import Standings
from etolwatch.when import digits

NAME = "the site"
STATE = ".etolwatch-site.json"
FORMAT = "etolwatch site 1"
LATEST = 40  # items on the first page …
LATEST_SILENT = 20  # … and silent ones before them
VARIANTS_SHOWN = 5  # of an item in a list
DIGEST_LENGTH = 20  # hexadecimal digits, to tell pages apart that we made ourselves
ALL_VARIANTS = 1000  # on the page of a finding
TEXTS = frozenset({Outcome.NEW, Outcome.CHANGED})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. ``states`` empty: findings however they stand. ``url``: where it will be read."""

    states: frozenset[State] = frozenset()
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """What was done. ``is_new``: the folder was exchanged, since something differs."""

    findings: int
    written: int
    kept: int
    removed: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A finding in a list of many: one line."""

    path: str
    finding: Finding  # without its variants
    size: str
    batch: str


@dataclass(frozen=True, slots=True)
class Version:
    """A capture in the history of a page, and the page of its finding, if it has one."""

    capture: Capture
    row: Row | None


@dataclass(slots=True)
class _Lists:
    """What the walk over the passes gathers for the lists; everything latest first."""

    passes: list[tuple[Told, int, int]] = field(default_factory=list)  # items, silent ones among them
    latest: list[Item] = field(default_factory=list)
    silent: list[Item] = field(default_factory=list)
    by_month: defaultdict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    by_page: defaultdict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    verdicts: Counter[Verdict] = field(default_factory=Counter)


def publish(store: Store, config: Config, folder: Path, wanted: Wanted, standings: Standings) -> Built:
    """Makes the site in this folder, or brings it up to date; a file that is as it was is not touched.

    The same findings give the same bytes. Raises UsageError for a folder that holds anything that publish
    did not put there, EtolwatchError where the disk does not take it: then all stands as it was.
    """
    folder = _refused(folder, config.store)
    lying = files(folder, NAME) if folder.exists() else {}
    old = _Old(folder)
    _refuse_strangers(folder, lying, old)
    try:
        with store.catalog.snapshot(), building(folder, NAME) as tree:
            site = _Site(store, config, wanted, standings, old)
            at, kept = site.as_of, 0
            made: set[str] = set()
            for path, body in site.files():
                made.add(path)
                if path in lying and (folder / path).read_bytes() == body:
                    tree.keep(path, lying[path])
                    kept += 1
                else:
                    tree.write(path, body, at)
            removed = len({path for path in lying if not is_litter(path)} - made)
            is_new = bool(tree.written or removed) or not folder.exists()
            if is_new:
                tree.swap()
    except MirrorError as error:
        raise EtolwatchError(error.message, error.subject, error.cause) from error
    return Built(site.count, len(made) - kept, kept, removed, is_new)


def _refused(folder: Path, store: Path) -> Path:
    """The folder, resolved. Raises UsageError for one that is no place for the site."""
    resolved, kept = folder.resolve(), store.resolve()
    if resolved == kept or kept in resolved.parents or resolved in kept.parents:
        raise UsageError(
            "the site cannot lie in the store, nor around it", str(folder), f"the store is {store}"
        )
    if resolved == Path(resolved.anchor):
        raise UsageError("the site needs a folder of its own", str(folder), "name one that is empty or new")
    if resolved.exists() and not resolved.is_dir():
        raise UsageError("no folder", str(folder), "name one that is empty, new or made by publish")
    if resolved.exists() and any(resolved.iterdir()) and not _is_ours(resolved):
        cause = "nothing is written over what etolwatch did not publish: name another folder"
        raise UsageError("the folder is not empty and no site of etolwatch", str(folder), cause)
    return resolved


def _refuse_strangers(folder: Path, lying: Iterable[str], old: _Old) -> None:
    """Raises UsageError where the folder holds what publish did not make: it would be lost."""
    ours = {*old.paths, STATE} if _is_ours(folder) else set()
    places = {path.rpartition("/")[0] for path in ours}
    places |= {parent.as_posix() for place in places for parent in PurePosixPath(place).parents}
    foreign = [path for path in lying if path not in ours and not is_litter(path)]
    foreign += [place for place in _folders(folder) if place not in places]
    if foreign:
        raise UsageError(
            "the site holds what publish did not put there", str(folder / min(foreign)), "move it elsewhere"
        )


def _folders(folder: Path) -> Iterator[str]:
    """The paths of all folders below this one."""
    for place, names_, _ in os.walk(folder):
        for name in names_:
            yield (Path(place) / name).relative_to(folder).as_posix()


def is_litter(path: str) -> bool:
    """Whether it is what desktops put into any folder."""
    return path.rpartition("/")[2] in LITTER


def _is_ours(folder: Path) -> bool:
    return _read_state(folder).get("format") == FORMAT


def _read_state(folder: Path) -> dict[str, Any]:
    """What the run before has left for this one; {} if there is nothing that can be read."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


class _Site:
    """The files of the site, one after the other."""

    def __init__(self, store: Store, config: Config, wanted: Wanted, standings: Standings, old: _Old) -> None:
        self._store, self._config, self._wanted = store, config, wanted
        self._standings, self._old = standings, old
        self._state: dict[str, str] = {}
        self._lists = _Lists()
        self._scopes = tuple(prefix for site in config.sites for prefix in site.scope)
        ended = (one.finished_at or one.started_at for one in news.over(store.catalog))
        self.as_of: datetime = max(ended, default=feed.NEVER)
        self.count = 0

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Path and bytes of each file; at the end, of the list of them."""
        for path, body in self._files():
            self._state.setdefault(path, "")
            yield path, body
        made = dict(sorted(self._state.items()))
        yield STATE, (json.dumps({"format": FORMAT, "made": made}, indent=0) + "\n").encode()

    def _files(self) -> Iterator[tuple[str, bytes]]:
        for one in news.told(self._store.catalog, brought=True):
            yield from self._pass(one)
        yield from self._pages()
        yield from self._months()
        yield from self._fronts()
        yield from self._feeds()
        yield names.STYLE, html.site_style().encode()

    def _keep(self, finding: Finding) -> bool:
        return not self._wanted.states or self._standings.of(finding).state in self._wanted.states

    # ── a pass ───────────────────────────────────────────────────────────────────────

    def _pass(self, one: Told) -> Iterator[tuple[str, bytes]]:
        items = news.items(one, self._keep)
        for item in items:
            for finding in item.findings:
                yield self._finding(finding, item)
            if item.is_shared:
                rows = [self._row(finding, item.batch) for finding in item.findings]
                path = names.item_path(item)
                yield path, self._rendered("edit.html", path, item=item, rows=rows, limit=ALL_VARIANTS)
        self._note(one, items)
        if items:
            path = names.pass_path(one.batch)
            values = {"made": one.made, "is_news": one.is_news, "items": items, "limit": VARIANTS_SHOWN}
            yield path, self._rendered("pass.html", path, **values)
        yield from self._gone(one)

    def _gone(self, one: Told) -> Iterator[tuple[str, bytes]]:
        """A page at each address that was given for what is no finding any more."""
        edits: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for entry in one.gone:
            path = names.told_path(*entry.key)
            yield self._no_finding(path, entry.uri, news.named("finding", *entry.key))
            if entry.edit:
                edits[entry.site, entry.edit].append(entry.uri)
        for site, edit in edits.keys() - {(item.site, item.signature or "") for item in news.items(one)}:
            uris, urn = edits[site, edit], news.named("edit", one.batch, site, edit)
            yield self._no_finding(names.edit_path(one.batch, site, edit), uris[0], urn, len(uris) - 1)

    def _no_finding(self, path: str, uri: str, urn: str, more: int = 0) -> tuple[str, bytes]:
        self._lists.by_page[uri] += ()  # its history is there, and linked to
        return path, self._rendered("gone.html", path, uri=uri, urn=urn, more=more)

    def _note(self, one: Told, items: tuple[Item, ...]) -> None:
        lists = self._lists
        silent = [item for item in items if item.verdict is Verdict.SILENT_EDIT]
        if one.is_news:
            lists.passes.append((one, len(items), len(silent)))
            lists.latest += items[: LATEST - len(lists.latest)]
            lists.silent += silent[: LATEST_SILENT - len(lists.silent)]
        for item in items:
            for finding in item.findings:
                row = self._row(finding, item.batch)
                lists.by_month[names.month_of(item.at)].append(row)
                lists.by_page[finding.uri].append(row)
                lists.verdicts[finding.verdict] += 1
                self.count += 1

    def _row(self, finding: Finding, batch: str) -> Row:
        return Row(names.finding_path(finding), replace(finding, variants=()), size(finding), batch)

    def _finding(self, finding: Finding, item: Item) -> tuple[str, bytes]:
        path = names.finding_path(finding)
        after, base = self._captures_of(finding)
        return path, self._rendered(
            "finding.html",
            path,
            finding=finding,
            item=item,
            rubric=RUBRICS[finding.verdict],
            records=[self._record(name, one) for name, one in (("Before", base), ("After", after)) if one],
            commands=list(self._commands(finding, base, after)),
            state=self._standings.of(finding).state,
            limit=ALL_VARIANTS,
        )

    def _captures_of(self, finding: Finding) -> tuple[Capture | None, Capture | None]:
        """The capture that the finding is about, and the one before it."""
        by_time = {one.captured_at: one for one in self._store.catalog.captures(finding.uri)}
        after = by_time.get(finding.captured_at) if finding.captured_at else None
        return after, by_time.get(finding.previous_at) if finding.previous_at else None

    def _record(self, name: str, capture: Capture) -> dict[str, Any]:
        return {"name": name, "capture": capture, "origin": self._store.origin_of(capture)}

    def _commands(self, finding: Finding, base: Capture | None, after: Capture | None) -> Iterator[str]:
        origins = [self._store.origin_of(one) for one in (base, after) if one]
        yield "etolwatch verify"
        for origin in origins:
            yield f"warcio extract warc/{shlex.quote(origin.warc)} {origin.offset}"
        if base and after and finding.verdict not in (Verdict.PAGE_GONE, Verdict.SUSPECT_CAPTURE):
            times = f"{digits(base.captured_at)} {digits(after.captured_at)}"
            yield f"etolwatch diff {shlex.quote(finding.uri)} {times}"

    # ── lists ────────────────────────────────────────────────────────────────────────

    def _pages(self) -> Iterator[tuple[str, bytes]]:
        for uri, rows in self._lists.by_page.items():
            path = names.page_path(uri)
            by_time = {row.finding.captured_at: row for row in rows}
            versions = [
                Version(one, by_time.get(one.captured_at))
                for one in reversed(self._store.catalog.captures(uri))
                if one.outcome in TEXTS or one.captured_at in by_time
            ]
            yield path, self._rendered("page.html", path, uri=uri, versions=versions, rows=rows)

    def _months(self) -> Iterator[tuple[str, bytes]]:
        counts = {}
        for month, rows in self._lists.by_month.items():
            path = names.month_path(month)
            listed = sorted(rows, key=lambda row: (row.finding.uri, row.path))
            groups = [
                (rubric, found)
                for verdict, rubric in RUBRICS.items()
                if (found := [row for row in listed if row.finding.verdict is verdict])
            ]
            counts[month] = Counter(kind_of(row.finding.verdict) for row in rows)
            values = {"month": month, "groups": groups, "total": len(rows)}
            yield path, self._rendered("month.html", path, **values)
        drawn = chart(counts)
        yield names.MONTHS, self._rendered("months.html", names.MONTHS, chart=drawn, counts=counts)

    def _fronts(self) -> Iterator[tuple[str, bytes]]:
        lists, sites, over = self._lists, self._config.sites, news.over(self._store.catalog)
        index = {
            "sites": sites,
            "silent": lists.silent,
            "latest": [item for item in lists.latest if item not in lists.silent],
            "last": next((one for one in over if not one.pass_id.startswith(IMPORT)), None),
            "total": self.count,
            "limit": VARIANTS_SHOWN,
        }
        about = {
            "sites": sites,
            "as_of": self.as_of,
            "verdicts": [(rubric, lists.verdicts[verdict]) for verdict, rubric in RUBRICS.items()],
            "figures": [self._store.catalog.summary(site.name) for site in sites],
            "states": sorted(state.label for state in self._wanted.states),
        }
        yield names.INDEX, self._rendered("index.html", names.INDEX, **index)
        yield names.PASSES, self._rendered("passes.html", names.PASSES, passes=lists.passes)
        yield names.ABOUT, self._rendered("about.html", names.ABOUT, **about)

    # ── feeds ────────────────────────────────────────────────────────────────────────

    def _feeds(self) -> Iterator[tuple[str, bytes]]:
        catalog = self._store.catalog
        told, origin = partial(news.told, catalog), news.origin(catalog)
        for channel in feed.channels(site.name for site in self._config.sites):
            places = partial(self._places, channel)
            for batch, body in feed.documents(told, channel, places, origin, self._keep):
                yield names.feed_path(channel, batch), body

    def _places(self, channel: Channel, batch: str | None) -> Places:
        """Where this document of a feed links to."""
        path = names.feed_path(channel, batch)

        def address(target: str) -> str:
            return f"{self._wanted.url}{target}" if self._wanted.url else names.relative(target, path)

        return Places(
            lambda of, target: address(names.feed_path(of, target)),
            lambda item: address(names.item_path(item)),
        )

    def _rendered(self, template: str, path: str, **values: Any) -> bytes:
        """The page; taken from the old site where that was made of the same values by the same rules."""
        inputs = _digest(f"{rules()} {template} {path} {values!r}".encode())
        body = self._old.page(path, inputs)
        if body is None:
            body = self._anew(template, path, values).encode()
        self._state[path] = f"{inputs} {_digest(body)}"
        return body

    def _anew(self, template: str, path: str, values: dict[str, Any]) -> str:
        page = html.environment().get_template(f"site/{template}")
        tools = {"names": names, "wayback": wayback, "tail": tail, "months": MONTHS, "version": __version__}
        return page.render(**values, **tools, link=partial(names.relative, source=path))


class _Old:
    """The site that is there, and of what its pages were made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        made = _read_state(folder).get("made")
        self._made: dict[str, Any] = made if isinstance(made, dict) else {}

    @property
    def paths(self) -> Iterable[str]:
        """The files that the run before has made."""
        return self._made.keys()

    def page(self, path: str, inputs: str) -> bytes | None:
        """The page, if it was made of these inputs and nobody altered it since."""
        recorded, _, digest = str(self._made.get(path, "")).partition(" ")
        if recorded != inputs:
            return None
        try:
            body = (self._folder / path).read_bytes()
        except OSError:
            return None
        return body if _digest(body) == digest else None


@cache
def rules() -> str:
    """What names the programs and templates of this room: with others, every page is made anew."""
    digest = hashlib.sha256(__version__.encode())
    waiting = [resources.files("etolwatch.publish")]
    while waiting:
        for entry in sorted(waiting.pop().iterdir(), key=lambda one: one.name):
            if entry.is_dir():
                waiting.append(entry)
            elif entry.name.endswith((".py", ".html", ".css")):
                digest.update(entry.read_bytes())
    return digest.hexdigest()[:DIGEST_LENGTH]


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:DIGEST_LENGTH]
