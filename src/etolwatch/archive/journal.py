"""What a pass did beside its captures: a record at the end of its file, should the catalog be lost.

Visits that brought nothing to keep (no answer, a refusal, a type that is not kept), pages that
were found, robots.txt rules, troubles, and the figures of the pass. Read from the catalog when
a pass ends; written back when the catalog is made again.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

FORM = 2
_OLDER = 1  # without requisites
Row = tuple[Any, ...]

_RUN = (
    "pass_id, started_at, finished_at, active_at, state, visited, captured, unchanged, gone, failed, reason,"
    " requisites"
)


class NoJournal(Exception):
    """These bytes are no journal; the text says why."""


@dataclass(frozen=True, slots=True)
class Journal:
    """Rows of the catalog, as they stood when the pass ended; pages and sites by name."""

    run: Row  # the columns of _RUN
    sites: tuple[Row, ...]  # site, requests
    # uri, site, first_seen_at, found_on, requisite; in the order in which they were found. Requisite: null
    # for a page, or as what it became one in this pass; "" where a requisite became a page
    pages: tuple[Row, ...]
    visits: tuple[Row, ...]  # uri, site, at, outcome, message, record id of the capture or null
    links: tuple[Row, ...]  # scope under which links were read, then the uris of the texts
    robots: tuple[Row, ...]  # origin, fetched_at, body
    troubles: tuple[Row, ...]  # subject, site, kind, message, since_at, until_at, count

    @property
    def pass_id(self) -> str:
        return str(self.run[0])


def to_json(journal: Journal) -> bytes:
    """The block of a journal record: one JSON object, a line for each row."""
    parts = [f'"etolwatch-journal": {FORM}', f'"run": {json.dumps(journal.run)}']
    for name, rows in list(asdict(journal).items())[1:]:
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        parts.append(f'"{name}": [\n{lines}\n]')
    return ("{" + ",\n".join(parts) + "}\n").encode()


def from_json(block: bytes) -> Journal:
    """The journal that `to_json` wrote. Raises NoJournal."""
    try:
        data = json.loads(block)
        form = data.pop("etolwatch-journal")
        if form not in (_OLDER, FORM):
            raise NoJournal("its form is another than this etolwatch knows")
        if form == _OLDER:
            data["run"].append(0)
            data["pages"] = [[*row, None] for row in data["pages"]]
        run = tuple(data.pop("run"))
        return Journal(run, **{name: tuple(map(tuple, rows)) for name, rows in data.items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NoJournal(f"it is no journal ({error})") from error


# ── from the catalog ─────────────────────────────────────────────────────────────────


def of_pass(db: sqlite3.Connection, pass_id: str) -> Journal:
    """The journal of a pass, as the catalog stands."""

    def rows(sql: str) -> tuple[Row, ...]:
        return tuple(db.execute(sql, values).fetchall())

    seq, started_at, first_page = db.execute(
        "SELECT seq, started_at, first_page FROM pass WHERE pass_id = ?", (pass_id,)
    ).fetchone()
    values = {"run": seq, "since": started_at, "first": first_page}
    under: dict[str, list[str]] = {}
    for scope, uri in rows("SELECT linked_under, uri FROM page WHERE linked_in = :run ORDER BY id"):
        under.setdefault(scope, []).append(uri)
    return Journal(
        run=rows(f"SELECT {_RUN} FROM pass WHERE seq = :run")[0],  # noqa: S608 - a constant of this module
        sites=rows("SELECT site, requests FROM pass_site WHERE pass = :run ORDER BY position"),
        pages=rows(
            "SELECT uri, site, first_seen_at, found_on, iif(needed_in = :run, coalesce(requisite, ''), NULL)"
            " FROM page WHERE id >= :first OR needed_in = :run ORDER BY id",
        ),
        visits=rows(
            "SELECT uri, page.site, visit.at, visit.outcome, visit.message, record_id FROM visit"
            " JOIN page ON page.id = visit.page LEFT JOIN capture ON capture.seq = visit.capture"
            " WHERE visit.pass = :run ORDER BY visit.at, page.id"
        ),
        links=tuple((scope, *uris) for scope, uris in under.items()),
        robots=rows("SELECT origin, fetched_at, body FROM robots WHERE fetched_at >= :since"),
        troubles=rows(
            "SELECT subject, site, kind, message, since_at, until_at, count FROM trouble"
            " WHERE until_at IS NULL OR until_at >= :since ORDER BY seq"
        ),
    )


# ── into a catalog that is made again ────────────────────────────────────────────────


def foretell(db: sqlite3.Connection, journal: Journal) -> None:
    """Notes the pass and the pages that it found, before its captures: so each has its old number."""
    run = dict(zip(_RUN.split(", "), journal.run, strict=True))
    db.execute(
        "INSERT OR IGNORE INTO pass (pass_id, started_at, active_at, state, is_open, first_page)"
        " VALUES (:pass_id, :started_at, :active_at, :state, 1, (SELECT coalesce(max(id), 0) + 1 FROM page))",
        run,
    )
    db.executemany(
        "INSERT OR REPLACE INTO pass_site (site, pass, position, requests)"
        " VALUES (?, (SELECT seq FROM pass WHERE pass_id = ?), ?, ?)",
        [(site, journal.pass_id, n, requests) for n, (site, requests) in enumerate(journal.sites)],
    )
    db.executemany(
        "INSERT INTO page (uri, site, first_seen_at, found_on, requisite, needed_in)"
        " VALUES (?1, ?2, ?3, ?4, nullif(?5, ''),"
        " iif(?5 IS NULL, NULL, (SELECT seq FROM pass WHERE pass_id = ?6)))"
        " ON CONFLICT (uri) DO UPDATE"
        " SET found_on = excluded.found_on, first_seen_at = excluded.first_seen_at",
        [(*row, journal.pass_id) for row in journal.pages],
    )


def conclude(db: sqlite3.Connection, journal: Journal) -> None:
    """Notes what the captures of the pass could not tell, after them; the pass is ended then."""
    seq = db.execute("SELECT seq FROM pass WHERE pass_id = ?", (journal.pass_id,)).fetchone()[0]
    db.executemany(
        f"UPDATE page SET linked_under = ?, linked_in = {int(seq)} WHERE uri = ?",  # noqa: S608 - a number
        [(scope, uri) for scope, *uris in journal.links for uri in uris],
    )
    _conclude_requisites(db, int(seq), [(uri, kind) for uri, *_, kind in journal.pages if kind is not None])
    db.executemany(
        "INSERT OR REPLACE INTO robots (origin, fetched_at, body) VALUES (?, ?, ?)", journal.robots
    )
    for row in journal.troubles:
        _note_trouble(db, row)
    columns = _RUN.split(", ")
    sets = ", ".join(f"{column} = ?" for column in columns)
    sql = f"UPDATE pass SET {sets}, is_open = 0 WHERE seq = ?"  # noqa: S608 - constants of this module
    db.execute(sql, (*journal.run, seq))


def _conclude_requisites(db: sqlite3.Connection, seq: int, rows: list[tuple[str, str]]) -> None:
    """Notes what became a requisite, or a page, in a pass; a page holds nothing captured as a requisite."""
    db.executemany(
        f"UPDATE page SET requisite = nullif(?, ''), needed_in = {seq} WHERE uri = ?",  # noqa: S608 - a number
        [(kind, uri) for uri, kind in rows],
    )
    db.executemany(
        "UPDATE page SET version = NULL, full_at = NULL WHERE uri = ? AND requisite IS NULL"
        " AND (SELECT requisite FROM capture WHERE seq = page.version) IS NOT NULL",
        [(uri,) for uri, _ in rows],
    )


def _note_trouble(db: sqlite3.Connection, row: Row) -> None:
    subject, _, _, message, since_at, until_at, count = row
    known = db.execute(
        "UPDATE trouble SET message = ?, until_at = ?, count = ? WHERE subject = ? AND since_at = ?",
        (message, until_at, count, subject, since_at),
    )
    if not known.rowcount:
        db.execute(
            "INSERT INTO trouble (subject, site, kind, message, since_at, until_at, count)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )
