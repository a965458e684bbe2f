"""Stores with pages, pictures and styles, made by hand, and mirrors of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin

from archive.material import BASE, SITE, answer

from etolwatch.archive.store import Store
from etolwatch.harvest.decide import decide
from etolwatch.model import Exchange, PassState, Requisite, Site, Via, Visit
from etolwatch.publish.mirror import make
from etolwatch.publish.mirror.make import Built, Wanted

START = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)
HTML = "text/html"
KINDS = {"text/css": Requisite.STYLE, "image/gif": Requisite.IMAGE, "image/svg+xml": Requisite.IMAGE}
GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")


@dataclass(frozen=True, slots=True)
class Was:
    """What the site answered: a body and its type, another status, a place to go."""

    body: bytes = b""
    kind: str = HTML
    status: int = 200
    location: str | None = None


def page(body: str, head: str = "") -> Was:
    return Was(f"<html><head>{head}<title>A page</title></head><body>{body}</body></html>".encode())


def day(number: int) -> datetime:
    """The time of the pass of this day, of which the first is 1."""
    return START + timedelta(days=number - 1)


def lived(folder: Path, *days: Mapping[str, Was], site: Site = SITE) -> Path:
    """A store after passes that saw these answers, by path or address, one a day at four o'clock."""
    for number, seen in enumerate(days, start=1):
        with Store(folder) as store:
            store.begin_pass([site.name], day(number))
            for path, was in seen.items():
                keep(store, path, was, day(number), site)
            store.end_pass(PassState.COMPLETE, day(number) + timedelta(hours=1))
    return folder


def keep(store: Store, path: str, was: Was, at: datetime, site: Site = SITE) -> None:
    headers = {"Content-Type": was.kind} | ({"Location": was.location} if was.location else {})
    exchange = replace(answer("/"), body=was.body, status=was.status, at=at, headers=tuple(headers.items()))
    uri = path if "://" in path else BASE + path
    need = KINDS.get(was.kind.partition(";")[0])
    visit_one(store, uri, exchange, need, site)


def visit_one(store: Store, uri: str, exchange: Exchange, need: Requisite | None, site: Site) -> None:
    known = store.catalog.history(uri)
    visit = Visit(
        uri=uri,
        asks=uri,
        site=site.name,
        via=Via.KNOWN,
        version=known.version if known else None,
        last=known.last if known else None,
        requisite=need,
    )
    store.append(decide(visit, replace(exchange, asks=uri), site))


def mirrored(store: Path, folder: Path, **wanted: object) -> Built:
    with Store.read_only(store) as opened:
        return make.mirror(opened, [SITE], folder, Wanted(**wanted))  # type: ignore[arg-type]


def bytes_below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def marks_below(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What changes when anything below a folder is touched: inode, time, time of the inode's change."""
    return {
        str(path.relative_to(folder)): (told.st_ino, told.st_mtime_ns, told.st_ctime_ns)
        for path in [folder, *sorted(folder.rglob("*"))]
        if (told := path.lstat())
    }


class _References(HTMLParser):
    """The addresses in a page, by a parser that is not ours."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "background") and value:
                self.found.append(value)
            if name in ("id", "name") and value:
                self.names.add(value)


def references(file: Path) -> _References:
    parser = _References()
    parser.feed(file.read_bytes().decode("utf-8", "replace"))
    parser.close()
    return parser


def broken(folder: Path) -> list[tuple[str, str]]:
    """Relative addresses in the mirror's pages that lead to no file of it: (file, address)."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".htm", ".html"):
            continue
        here = path.relative_to(folder).as_posix()
        for href in references(path).found:
            if re.match(r"[a-z][a-z0-9+.-]*:|#", href, re.I):
                continue
            target = unquote(urljoin("/" + here, href).partition("#")[0]).lstrip("/")
            if not os.path.isfile(folder / target):  # noqa: PTH113 - it takes any name without complaint
                found.append((here, href))
    return found
