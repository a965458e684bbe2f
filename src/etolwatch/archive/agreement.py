"""Whether two catalogs of one store say the same, row by row.

Their own numbers for pages, captures and passes are replaced by what these name, so that the order in
which rows came to be does not matter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

CAPTURES = {
    "capture": (
        "SELECT c.record_id, page.uri, pass.pass_id, c.origin, c.line_at, c.asks, c.site, c.captured_at,"
        " c.status, c.record_type, c.outcome, c.payload_digest, c.body_digest, c.content_type, c.etag,"
        ' c.last_modified, c.location, warc.name, c."offset", c.length, c.refers_to, c.size_bytes,'
        " c.requisite, text.record_id, c.news"
        " FROM {0}.capture c JOIN {0}.page ON page.id = c.page JOIN {0}.pass ON pass.seq = c.pass"
        " JOIN {0}.warc ON warc.seq = c.warc LEFT JOIN {0}.capture text ON text.seq = c.text"
    ),
    "finding": (
        "SELECT c.record_id, page.uri, base.record_id, pass.pass_id, f.captured_at, f.verdict, folder.site,"
        " folder.prefix, f.signature, f.is_shared, f.is_listed, f.digest"
        " FROM {0}.finding f JOIN {0}.capture c ON c.seq = f.capture JOIN {0}.page ON page.id = f.page"
        " JOIN {0}.pass ON pass.seq = f.pass LEFT JOIN {0}.capture base ON base.seq = f.base"
        " JOIN {0}.folder ON folder.id = f.folder"
    ),
}
# What a pass that is not ended has done beside its captures is in no file yet.
VISITS = {
    "page": (
        "SELECT p.uri, p.site, p.first_seen_at, p.found_on, p.requisite, p.last_visited_at, p.last_outcome,"
        " p.message, p.run, p.run_since_at, last.record_id, version.record_id, p.full_at, p.captures,"
        " p.versions, p.stored_bytes FROM {0}.page p LEFT JOIN {0}.capture last ON last.seq = p.last_capture"
        " LEFT JOIN {0}.capture version ON version.seq = p.version"
    ),
    "visit": (
        "SELECT page.uri, pass.pass_id, v.at, v.outcome, v.message, c.record_id FROM {0}.visit v"
        " JOIN {0}.page ON page.id = v.page JOIN {0}.pass ON pass.seq = v.pass"
        " LEFT JOIN {0}.capture c ON c.seq = v.capture"
    ),
    "pass": (
        "SELECT pass_id, started_at, finished_at, state, is_open, visited, captured, unchanged, gone, failed,"
        " requisites, reason FROM {0}.pass"
    ),
    "robots": "SELECT origin, fetched_at, body FROM {0}.robots",
    "trouble": "SELECT subject, site, kind, message, since_at, until_at, count FROM {0}.trouble",
}
NAMED = 5  # rows of one table


def disagreements(one: Path, other: Path, *, is_finished: bool) -> Iterator[str]:
    """What the first catalog says and the second does not, or the other way round: table and row.

    Not ``is_finished``: a pass is not ended, and only captures and findings are compared. Of each table
    the first rows are named, and the number of all. Raises sqlite3.Error.
    """
    with closing(sqlite3.connect(f"{one.resolve().as_uri()}?mode=ro", uri=True)) as db:
        db.execute("ATTACH ? AS other", (f"{other.resolve().as_uri()}?mode=ro",))
        for table, sql in (CAPTURES | VISITS if is_finished else CAPTURES).items():
            here, there = sql.format("main"), sql.format("other")
            yield from _named(table, db.execute(f"{here} EXCEPT {there}").fetchall(), "it alone says")
            yield from _named(table, db.execute(f"{there} EXCEPT {here}").fetchall(), "it does not say")


def _named(table: str, rows: list[tuple[object, ...]], what: str) -> Iterator[str]:
    for row in sorted(rows, key=str)[:NAMED]:
        yield f"{table}: {what} {', '.join(str(value) for value in row if value is not None)}"
    if len(rows) > NAMED:
        yield f"{table}: {len(rows) - NAMED} rows more"
