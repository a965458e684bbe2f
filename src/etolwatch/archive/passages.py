"""The texts of all versions, searchable: which passages stood in which version of which page.

Derived data. A passage is kept once for a page, however many versions have it; a version is
the row of its passages, in order, so that its whole text and the place of each passage are
known without reading the record again. A capture that repeats a text adds nothing. (That
the same words stand on several pages is rare, and to look for it would cost more than the
rest: an index by content is written to at random.)

The index (SQLite's FTS5) holds the words as `collate.phrases` folds them, and its tokenizer
only splits them at spaces: what a phrase matches is decided in one place, in Python.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from etolwatch.collate.phrases import folded, words_of
from etolwatch.collate.standing import PageText, Passage, VersionText
from etolwatch.collate.tokens import words
from etolwatch.model import Verdict, Zone

BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
RAREST = 4  # words of a quotation by which pages are looked for
ABSENT = {Verdict.PAGE_GONE: "gone", Verdict.PAGE_MOVED: "moved"}

_VERSIONS = (
    "SELECT capture.captured_at, version_text.passages, finding.verdict,"
    " (SELECT earlier.captured_at FROM capture earlier"
    "  JOIN version_text text ON text.capture = earlier.text AND text.passages IS NOT NULL"
    "  WHERE earlier.page = capture.page"
    "  AND (earlier.line_at, earlier.seq) < (capture.line_at, capture.seq)"
    "  ORDER BY earlier.line_at DESC, earlier.seq DESC LIMIT 1)"
    " FROM version_text JOIN capture ON capture.seq = version_text.capture AND capture.text = capture.seq"
    " LEFT JOIN finding ON finding.capture = capture.seq"
    " WHERE version_text.page = ? ORDER BY capture.line_at, capture.seq"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a version says: its blocks in order, navigation left out.

    ``passages`` is None where there is no text: a type that is not read, an error page, a
    stub. ``normaliser`` names the rules by which it was read.
    """

    normaliser: str
    passages: tuple[tuple[Zone, str], ...] | None


class Passages:
    """The tables of the texts, on the connection of the catalog."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        # The passages of the page that was written last: whoever reads its versions in a row asks for
        # them but once.
        self._written: tuple[int, dict[str, int]] | None = None

    def undone(self) -> None:
        """To be called when a transaction was given up in which texts may have been kept."""
        self._written = None

    # ── writing ──────────────────────────────────────────────────────────────────────

    def keep(self, record_id: str, reading: Reading) -> None:
        """Keeps the text of a version, inside the transaction of the caller.

        Does nothing for a capture that is no version. What older rules read of this page is
        dropped and to be read again: rules must never look like a change of the text.
        """
        sql = "SELECT seq, page FROM capture WHERE record_id = ? AND text = seq"
        row = self._db.execute(sql, (record_id,)).fetchone()
        if row is None:
            return
        seq, page = row
        self._forget_older_rules(page, reading.normaliser)
        kept = None if reading.passages is None else json.dumps(self._kept(page, reading.passages))
        self._db.execute("INSERT OR REPLACE INTO version_text VALUES (?, ?, ?)", (seq, page, kept))
        self._db.execute("UPDATE capture SET read_by = ? WHERE seq = ?", (reading.normaliser, seq))

    def _forget_older_rules(self, page: int, normaliser: str) -> None:
        # all texts of a page are read by the same rules, so that one tells of all
        sql = (
            "SELECT read_by FROM version_text JOIN capture ON capture.seq = version_text.capture"
            " WHERE version_text.page = ? LIMIT 1"
        )
        row = self._db.execute(sql, (page,)).fetchone()
        if row is None or row[0] in (None, normaliser):
            return
        self._written = None
        sql = (
            "UPDATE capture SET read_by = NULL WHERE seq IN (SELECT capture FROM version_text WHERE page = ?)"
        )
        self._db.execute(sql, (page,))
        self._db.execute("DELETE FROM version_text WHERE page = ?", (page,))
        gone = self._db.execute("SELECT id, text FROM passage WHERE page = ?", (page,)).fetchall()
        sql = "INSERT INTO passage_words (passage_words, rowid, words) VALUES ('delete', ?, ?)"
        self._db.executemany(sql, [(number, _indexed(text)) for number, text in gone])
        self._db.execute("DELETE FROM passage WHERE page = ?", (page,))

    def _kept(self, page: int, passages: Sequence[tuple[Zone, str]]) -> list[list[object]]:
        """The passages as a row of [zone, [ids]], in order; new ones are put into the index."""
        ids = self._ids(page, dict.fromkeys(text for _, text in passages))
        return [[zone, [ids[text] for _, text in run]] for zone, run in groupby(passages, itemgetter(0))]

    def _ids(self, page: int, texts: Iterable[str]) -> dict[str, int]:
        if self._written is None or self._written[0] != page:
            rows = self._db.execute("SELECT text, id FROM passage WHERE page = ?", (page,)).fetchall()
            self._written = page, dict(rows)
        known = self._written[1]
        last = self._db.execute("SELECT coalesce(max(id), 0) FROM passage").fetchone()[0]
        new = list(enumerate((text for text in texts if text not in known), last + 1))
        self._db.executemany("INSERT INTO passage VALUES (?, ?, ?)", [(n, page, text) for n, text in new])
        sql = "INSERT INTO passage_words (rowid, words) VALUES (?, ?)"
        self._db.executemany(sql, [(number, _indexed(text)) for number, text in new])
        known |= {text: number for number, text in new}
        return known

    def reading(self, record_id: str) -> list[tuple[str, str]] | None:
        """What is kept of a version, as (zone, passage) in order; None if it has no text."""
        sql = (
            "SELECT passages FROM version_text WHERE capture = (SELECT seq FROM capture WHERE record_id = ?)"
        )
        row = self._db.execute(sql, (record_id,)).fetchone()
        if row is None or row[0] is None:
            return None
        kept = [(zone, number) for zone, numbers in json.loads(row[0]) for number in numbers]
        sql = "SELECT id, text FROM passage WHERE id IN (SELECT value FROM json_each(?))"
        texts = dict(self._db.execute(sql, (json.dumps([number for _, number in kept]),)).fetchall())
        return [(zone, texts[number]) for zone, number in kept]

    # ── asking ───────────────────────────────────────────────────────────────────────

    def knows(self, word: str, apart_from: str) -> bool:
        """Whether a case-folded word stands on any page but this one, in any version of it."""
        asked = _phrase(words_of(word))
        if asked is None:
            return False
        sql = (
            "SELECT passage.text FROM passage_words JOIN passage ON passage.id = passage_words.rowid"
            " WHERE passage_words MATCH ? AND passage.page IS NOT (SELECT id FROM page WHERE uri = ?)"
        )
        rows = self._db.execute(sql, (asked, apart_from))
        return any(word in words(text.casefold()) for (text,) in rows)  # the index folds more than case

    def with_phrase(self, phrase: Sequence[str], site: str | None = None) -> Iterator[PageText]:
        """The pages that ever had these folded words in a row, by address; only the passages with them."""
        sql = (
            "SELECT page.id, passage.id, passage.text"
            " FROM passage_words JOIN passage ON passage.id = passage_words.rowid"
            " JOIN page ON page.id = passage.page"
            " WHERE passage_words MATCH ? AND coalesce(page.site = ?, 1) ORDER BY page.uri"
        )
        asked = _phrase(phrase)
        rows = self._db.execute(sql, (asked, site)) if asked else ()
        for page, group in groupby(rows, itemgetter(0)):
            found = self._page(page, {passage: text for _, passage, text in group})
            if found is not None:
                yield found

    def with_all(self, asked: Iterable[str]) -> list[str]:
        """The addresses of pages that have all of the folded words, though in no one passage or version.

        Some pages more, where there are many words: the rarest are asked for.
        """
        rarest = sorted(self._counts(asked).items(), key=itemgetter(1))[:RAREST]
        pages: set[str] | None = None
        for word, count in rarest:
            found = {uri for uri, _ in self._with_word(word)} if count else set()
            pages = found if pages is None else pages & found
            if not pages:
                break
        return sorted(pages or ())

    def with_most(self, asked: Iterable[str], limit: int) -> list[str]:
        """The addresses of pages with a passage that has most of the rarest folded words, best first."""
        known = sorted((item for item in self._counts(asked).items() if item[1]), key=itemgetter(1))
        hits: Counter[tuple[str, int]] = Counter()
        for word, _ in known[: 2 * RAREST]:
            hits.update(set(self._with_word(word)))
        ranked = sorted(hits.items(), key=_best_first)
        return list(dict.fromkeys(uri for (uri, _), _ in ranked))[:limit]

    def _counts(self, asked: Iterable[str]) -> dict[str, int]:
        """In how many passages each folded word stands."""
        sql = "SELECT doc FROM passage_vocabulary WHERE term = ?"
        return {word: sum(n for (n,) in self._db.execute(sql, (word,))) for word in dict.fromkeys(asked)}

    def _with_word(self, word: str) -> Iterator[tuple[str, int]]:
        sql = (
            "SELECT page.uri, passage.id FROM passage_words"
            " JOIN passage ON passage.id = passage_words.rowid JOIN page ON page.id = passage.page"
            " WHERE passage_words MATCH ?"
        )
        yield from self._db.execute(sql, (_phrase((word,)),))

    def page(self, uri: str) -> PageText | None:
        """All versions of a page with all their passages; None if no text of it is kept."""
        row = self._db.execute("SELECT id FROM page WHERE uri = ?", (uri,)).fetchone()
        if row is None:
            return None
        sql = "SELECT id, text FROM passage WHERE page = ?"
        return self._page(row[0], dict(self._db.execute(sql, row).fetchall()))

    def _page(self, page: int, texts: dict[int, str]) -> PageText | None:
        """The versions of a page with these passages of them; None if no text of it is kept."""
        rows = self._db.execute(_VERSIONS, (page,)).fetchall()
        versions = tuple(
            VersionText(
                datetime.fromisoformat(at),
                datetime.fromisoformat(after) if after else None,
                tuple(_passages(json.loads(kept), texts)),
            )
            for at, kept, _, after in rows
            if kept is not None
        )
        if not versions:
            return None
        sql = "SELECT uri, site, last_outcome, run_since_at FROM page WHERE id = ?"
        uri, site, outcome, since = self._db.execute(sql, (page,)).fetchone()
        absent = outcome if outcome in ABSENT.values() else ""
        if not absent and rows[-1][1] is None and rows[-1][2] in ABSENT:
            absent, since = ABSENT[Verdict(rows[-1][2])], rows[-1][0]  # told by its text alone
        return PageText(uri, site, versions, absent, datetime.fromisoformat(since) if absent else None)


def _passages(kept: list[tuple[str, list[int]]], texts: dict[int, str]) -> Iterator[Passage]:
    counts: Counter[str] = Counter()
    for zone, numbers in kept:
        for place, number in enumerate(numbers, counts[zone] + 1):
            if number in texts:
                yield Passage(Zone(zone), place, texts[number])
        counts[zone] += len(numbers)


def _phrase(asked: Sequence[str]) -> str | None:
    """Folded words as a phrase of FTS5's query language; they hold letters and digits alone."""
    return f'"{" ".join(asked)}"' if asked else None


def _best_first(hit: tuple[tuple[str, int], int]) -> tuple[int, str, int]:
    (uri, passage), count = hit
    return -count, uri, passage


def _indexed(text: str) -> str:
    """What is put into the index. Of ASCII its tokenizer makes what ``folded`` makes, at no cost."""
    return text if text.isascii() else BEYOND_ASCII.sub(lambda found: folded(found[0]), text)
