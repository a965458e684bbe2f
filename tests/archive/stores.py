"""Stores with some days behind them, made as passes would make them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from archive.material import BASE, SITE, Diary, answer
from etolwatch import jobs
from etolwatch.archive.store import Store
from etolwatch.config import Config
from etolwatch.model import PassState

DAYS = 4
ORIGIN = "https://elsewhere.example"


def config_of(folder: Path) -> Config:
    return Config((SITE,), None, folder, None, (), folder / "config.toml")


def page(number: int, day: int) -> bytes:
    """A page whose words change on the third day if its number is odd; its date goes on each day."""
    word = "altered" if number % 2 and day > 1 else "kept"
    lines = [f"<p>Line {line} of page {number}, {word}.</p>" for line in range(9)]
    return ("".join(lines) + f"<p class='updat'>Last updated on {day + 1} May 2020</p>").encode()


def one_day(store: Store, diary: Diary, day: int) -> None:
    """All that can happen in a pass: new, changed, unchanged, gone, moved, suspect, failed, found, down."""
    store.begin_pass(["test"], diary.at, {"robots": "obey"})
    store.append_robots(replace(answer("/robots.txt", b"User-agent: *\n"), at=diary.at), "test")
    store.catalog.keep_robots(BASE, diary.at, "User-agent: *\n")
    for number in range(4):
        found = [f"{BASE}/from-{number}-on-{day}.htm"]
        diary.keep(store, answer(f"/{number}.htm", page(number, day), ETag=f'"{day}"'), links=found)
    diary.keep(store, answer("/still.htm", b"<p>Never altered.</p>" if not day else b"", 304 if day else 200))
    diary.keep(store, answer("/same.htm", b"<p>Sent whole each day.</p>", ETag=f'"{day}"'))
    diary.keep(store, answer("/gone.htm", b"no", 404) if day > 1 else answer("/gone.htm", b"<p>Here.</p>"))
    diary.keep(store, answer("/moved.htm", b"", 301, Location="/1.htm"))
    diary.keep(store, answer("/broken.htm", b"\x1f\x8b\x08no", Content_Encoding="gzip"))
    diary.keep(store, replace(answer("/cut.htm", b"<p>Half"), truncated="disconnect"))
    diary.keep(store, diary.fail("/lost.htm"))
    if day % 2:
        store.catalog.begin_trouble(ORIGIN, "test", "host", "no answer", diary.at)
    else:
        store.catalog.end_trouble(ORIGIN, diary.at)
    store.end_pass(
        PassState.PARTIAL if day % 2 else PassState.COMPLETE, diary.at, "a reason" if day % 2 else ""
    )


def lived(folder: Path, days: int = DAYS) -> Path:
    """A store after some days, all of it judged."""
    diary = Diary(folder)
    with Store(folder, operator="keeper@example.org") as store:
        for day in range(days):
            one_day(store, diary, day)
            jobs.compare(store, config_of(folder), threading.Event())
    return folder


def rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the catalog, by table; the words' index by what it finds."""
    with closing(sqlite3.connect(folder / "catalog.sqlite3")) as db:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = [name for (name,) in db.execute(sql).fetchall()]
        tables = [name for name in names if not name.startswith(("passage_", "finding_"))]
        found = {name: db.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in tables}
        found["words"] = db.execute("SELECT * FROM passage_vocabulary ORDER BY term").fetchall()
        db.execute("CREATE VIRTUAL TABLE temp.said USING fts5vocab (main, finding_words, instance)")
        found["said"] = db.execute("SELECT * FROM said ORDER BY term, doc, col, offset").fetchall()
        return found


def lose_catalog(folder: Path) -> None:
    for file in folder.glob("catalog.sqlite3*"):
        file.unlink()


@contextmanager
def damaged(path: Path, damage: Callable[[bytes], bytes]) -> Iterator[None]:
    """The file with other bytes, while inside."""
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    try:
        yield
    finally:
        path.write_bytes(whole)
