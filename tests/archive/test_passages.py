"""The texts of all versions: what is kept of them, and that a search finds exactly what stands in them."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.material import BASE, SITE, START, Diary, answer
from etolwatch import jobs
from etolwatch.archive.passages import Reading
from etolwatch.archive.store import Store
from etolwatch.collate.phrases import folded, spans, words_of
from etolwatch.collate.search import Found, Wanted, search
from etolwatch.config import Config
from etolwatch.model import Capture, Verdict, Zone

A, B = f"{BASE}/a.htm", f"{BASE}/b.htm"
CONFIG = Config((SITE,), None, Path(), None, (), Path())
LAMPS = "The keepers set some of the lamps upon the wall."
FERRY = "The ferry crossed twice a day, and never at night."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "snapshots") as opened:
        opened.begin_pass(["test"], START)
        yield opened


@pytest.fixture
def diary(store: Store) -> Diary:
    return Diary(store.folder)


def html(*paragraphs: str) -> bytes:
    body = "".join(f'<p class="fst">{text}</p>' for text in paragraphs)
    return f"<html><body><h2>J. Penhale</h2><h1>A page</h1>{body}</body></html>".encode()


def visit(store: Store, diary: Diary, uri: str, body: bytes, status: int = 200) -> Capture:
    """One visit, judged at once."""
    headers = {"Content_Type": "text/html; charset=utf-8"}
    capture = diary.keep(store, answer(uri.removeprefix(BASE), body, status, **headers))
    assert capture is not None
    jobs.compare(store, CONFIG, Event())
    return capture


def found(store: Store, phrase: str, wanted: Wanted = Wanted()) -> list[Found]:  # noqa: B008 - frozen
    words = words_of(phrase)
    return list(search(store.catalog.passages.with_phrase(words), words, wanted))


def rows(store: Store) -> tuple[int, int]:
    db = store.catalog._db
    return tuple(db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("passage", "version_text"))  # type: ignore[return-value]


def periods(one: Found) -> list[tuple[datetime | None, datetime, datetime | None, datetime | None]]:
    return [(p.came_after, p.first.at, p.last_seen_at, p.until.at if p.until else None) for p in one.periods]


# ── what is kept ──


def test_an_unchanged_visit_adds_no_row(store: Store, diary: Diary) -> None:
    visit(store, diary, A, html(LAMPS))
    before = rows(store)
    visit(store, diary, A, html(LAMPS))
    assert rows(store) == before


def test_other_markup_adds_no_passage_and_ends_nothing(store: Store, diary: Diary) -> None:
    first = visit(store, diary, A, html(LAMPS))
    passages, _ = rows(store)
    visit(store, diary, A, html(LAMPS).replace(b"<p ", b"<p\n "))
    assert rows(store)[0] == passages
    (one,) = found(store, "some of the lamps")
    assert periods(one) == [(None, first.captured_at, None, None)]


def test_a_passage_has_its_zone_and_number_in_each_version(store: Store, diary: Diary) -> None:
    visit(store, diary, A, html(LAMPS))
    visit(store, diary, A, html(FERRY, LAMPS))
    page = store.catalog.passages.page(A)
    assert page is not None
    places = [[(p.zone, p.number) for p in version.passages if p.text == LAMPS] for version in page.versions]
    assert places == [[(Zone.BODY, 1)], [(Zone.BODY, 2)]]


def test_a_page_that_is_gone_keeps_its_passages_and_says_since_when(store: Store, diary: Diary) -> None:
    visit(store, diary, A, html(LAMPS))
    gone = visit(store, diary, A, b"gone", 404)
    visit(store, diary, A, b"gone", 404)
    (one,) = found(store, "lamps")
    assert (one.stands, one.page.absent, one.page.absent_at) == (False, "gone", gone.captured_at)
    assert one.periods[-1].until is None
    assert found(store, "lamps", Wanted(removed=True)) == []


def test_a_page_told_gone_by_its_text_is_no_version(store: Store, diary: Diary) -> None:
    visit(store, diary, A, html(*[LAMPS] * 9, FERRY))
    soft = visit(store, diary, A, html("The page you asked for was not found here."))
    finding = store.catalog.finding(soft)
    assert finding is not None
    assert finding.verdict is Verdict.PAGE_GONE
    (one,) = found(store, "ferry")
    assert (one.page.absent, one.page.absent_at) == ("gone", soft.captured_at)
    assert found(store, "not found here") == []


def test_a_page_that_returns_with_the_same_text_opens_nothing_new(store: Store, diary: Diary) -> None:
    first = visit(store, diary, A, html(LAMPS))
    before = rows(store)
    visit(store, diary, A, b"gone", 404)
    visit(store, diary, A, html(LAMPS))
    (one,) = found(store, "lamps")
    assert (one.stands, one.page.absent) == (True, "")
    assert periods(one) == [(None, first.captured_at, None, None)]
    assert rows(store)[0] == before[0]


def test_a_text_and_its_finding_are_kept_together_or_not_at_all(store: Store, diary: Diary) -> None:
    capture = diary.keep(store, answer("/a.htm", html(LAMPS)))
    assert capture is not None
    before = rows(store)
    # a half of a character cannot be written: the transaction fails after the finding was
    reading = Reading("1", ((Zone.BODY, LAMPS), (Zone.BODY, "\ud800")))
    done = jobs._finding(store, CONFIG, jobs.Dates(store.catalog), None, capture)[0]
    with pytest.raises(UnicodeEncodeError):
        store.catalog.add_finding(capture, None, done, reading)
    assert rows(store) == before
    assert store.catalog.finding(capture) is None
    assert list(store.catalog.unjudged()) == [capture]


def test_other_rules_make_no_change_of_the_text(store: Store, diary: Diary) -> None:
    first = visit(store, diary, A, html(LAMPS))
    with store.catalog.transaction():  # as if older rules had read it otherwise
        store.catalog.passages.keep(
            first.record_id, Reading("older", ((Zone.BODY, LAMPS.replace("the", "teh")),))
        )
    visit(store, diary, A, html(LAMPS, FERRY))
    (one,) = found(store, "some of the lamps")
    assert periods(one) == [(None, first.captured_at, None, None)]
    assert found(store, "teh") == []
    assert store.catalog.unread() == []


def test_what_was_judged_and_not_read_is_read_by_the_next_comparison(store: Store, diary: Diary) -> None:
    first = visit(store, diary, A, html(LAMPS))
    db = store.catalog._db
    db.execute("DELETE FROM version_text")
    db.execute("UPDATE capture SET read_by = NULL")
    assert store.catalog.unread() == [first]
    assert found(store, "lamps") == []
    assert jobs.compare(store, CONFIG, Event()) == []
    assert len(found(store, "lamps")) == 1
    assert rows(store)[1] == 1


def test_the_index_holds_what_the_passages_hold(store: Store, diary: Diary) -> None:
    visit(store, diary, A, html(LAMPS, "Élan and cœur"))
    visit(store, diary, A, html(FERRY))
    store.catalog._db.execute(
        "CREATE VIRTUAL TABLE temp.rows_of USING fts5vocab (main, passage_words, instance)"
    )
    indexed: dict[int, list[str]] = {}
    for term, doc, _ in store.catalog._db.execute(
        "SELECT term, doc, offset FROM rows_of ORDER BY doc, offset"
    ):
        indexed.setdefault(doc, []).append(term)
    kept = store.catalog._db.execute("SELECT id, text FROM passage").fetchall()
    assert indexed == {number: list(words_of(text)) for number, text in kept}


def test_no_table_is_read_from_end_to_end(store: Store, diary: Diary) -> None:
    """By the query plans: captures grow with the years, versions and passages with the archive."""
    visit(store, diary, A, html(LAMPS))
    statements: list[str] = []
    catalog, db = store.catalog, store.catalog._db
    db.set_trace_callback(statements.append)
    catalog.unread()
    catalog.knows_word("lamps", B)
    list(catalog.passages.with_phrase(("lamps",)))
    catalog.passages.with_all(["lamps"])
    catalog.passages.page(A)
    db.set_trace_callback(None)
    asked = [each for each in statements if each.startswith("SELECT") and "vocabulary" not in each]
    assert len(asked) >= 7
    for statement in asked:
        for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall():
            # through an index of few rows, or the index of words, it may be
            by_index = "capture_unread" in step or "VIRTUAL TABLE INDEX" in step
            assert by_index or not step.startswith("SCAN"), f"{step}: {statement}"


# ── came and went ──


def test_an_edit_elsewhere_in_the_paragraph_is_none_of_the_phrase(store: Store, diary: Diary) -> None:
    first = visit(store, diary, A, html(LAMPS))
    visit(store, diary, A, html(LAMPS.replace("wall", "quay")))
    (one,) = found(store, "keepers set some of the lamps")
    assert periods(one) == [(None, first.captured_at, None, None)]
    for wanted in (Wanted(added=True), Wanted(removed=True)):
        assert found(store, "keepers set some of the lamps", wanted) == []


def test_a_phrase_that_came_and_went_is_bounded_by_captures(store: Store, diary: Diary) -> None:
    visit(store, diary, A, html(LAMPS))
    seen = visit(store, diary, A, html(LAMPS))
    came = visit(store, diary, A, html(LAMPS, FERRY))
    last = visit(store, diary, A, html(LAMPS, FERRY))
    went = visit(store, diary, A, html(LAMPS))
    expected = [(seen.captured_at, came.captured_at, last.captured_at, went.captured_at)]
    for wanted in (Wanted(), Wanted(added=True), Wanted(removed=True), Wanted(since=went.captured_at)):
        (one,) = found(store, "never at night", wanted)
        assert periods(one) == expected
        assert [place.passage.text for place in one.places] == [FERRY]
    assert found(store, "never at night", Wanted(added=True, since=went.captured_at)) == []


def test_a_phrase_of_the_first_capture_was_not_added(store: Store, diary: Diary) -> None:
    visit(store, diary, A, html(LAMPS))
    assert found(store, "lamps", Wanted(added=True)) == []


# ── words that are known ──


def test_a_word_is_known_from_other_pages_alone(store: Store, diary: Diary) -> None:
    visit(store, diary, A, html("The lampz were lit, and lampz again. It doesn’t matter."))
    visit(store, diary, B, html("Élan is here."))
    knows = store.catalog.knows_word
    assert not knows("lampz", A)
    assert knows("lampz", B)
    assert knows("doesn't", B)
    assert not knows("doesn", B)  # a part of a word is none
    assert knows("élan", A)
    assert not knows("elan", A)
    assert not knows('" OR lampz', B)
    assert not knows("", B)


def test_the_archive_settles_which_of_two_forms_is_the_slip(store: Store, diary: Diary) -> None:
    for known in (False, True):
        other = "Penhallurick lit the lamps." if known else "Nobody lit the lamps."
        visit(store, diary, B, html(other))
        visit(store, diary, A, html("It was said that Penhallurik came.", *[FERRY] * 3))
        edit = visit(store, diary, A, html("It was said that Penhallurick came.", *[FERRY] * 3))
        finding = store.catalog.finding(edit)
        assert finding is not None
        assert [v.category.value for v in finding.variants] == ["spelling" if known else "substantive"]


# ── laws ──

WORDS = ("lamp", "Lamp", "quay", "élan", "don’t", "œuvre", "ﬁnd", "re-export", "1958", "Straße", "а́")
GAPS = (" ", " ", ", ", " — ", "; “", "”  ")
paragraph = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GAPS)), min_size=1, max_size=7)
version = st.lists(paragraph, min_size=1, max_size=3)


def text_of(words: list[tuple[str, str]]) -> str:
    return "".join(word + gap for word, gap in words).strip() + "."


def holds(version: list[list[tuple[str, str]]], phrase: list[str]) -> bool:
    """Whether words stand in a row in a paragraph, told without the program: equal, but for case."""
    rows = [[word.lower() for word, _ in words] for words in version]
    asked = [word.lower() for word in phrase]
    return any(row[n : n + len(asked)] == asked for row in rows for n in range(len(row)))


@given(
    versions=st.lists(version, min_size=1, max_size=4),
    phrases=st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), min_size=1, max_size=5),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_search_finds_each_phrase_where_it_stands_and_none_that_does_not(
    versions: list[list[list[tuple[str, str]]]], phrases: list[list[str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        store.begin_pass(["test"], START)
        diary = Diary(store.folder)
        at = {}
        for each in versions:
            capture = visit(store, diary, A, html(*map(text_of, each)))
            at.setdefault(capture.captured_at, each)
        surely = [versions[0][0][0][0]]
        for phrase in [*phrases, surely]:
            pages = [one.page for one in found(store, " ".join(phrase))]
            stood = [each.at for page in pages for each in page.versions if each.passages]
            page = store.catalog.passages.page(A)
            assert page is not None
            assert stood == [v.at for v in page.versions if holds(at[v.at], phrase)]


@given(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GAPS)), min_size=1, max_size=9))
def test_spans_cut_the_phrase_out_of_the_text(words: list[tuple[str, str]]) -> None:
    text = text_of(words)
    asked = words_of(words[0][0])
    places = spans(text, asked)
    assert places[0][0] == 0
    for start, end in places:
        assert words_of(text[start:end]) == asked


@given(st.text(), st.text())
def test_folding_is_of_each_character_alone(one: str, two: str) -> None:
    assert folded(one) + folded(two) == folded(one + two)


@given(st.text())
@settings(max_examples=60)
def test_any_phrase_is_a_harmless_question(text: str) -> None:
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE VIRTUAL TABLE t USING fts5 (x, content = '', tokenize = 'ascii')")
        db.execute(
            "INSERT INTO t (rowid, x) VALUES (1, ?)", (folded(text).encode("utf-8", "replace").decode(),)
        )
        words = words_of(text)
        if words:
            asked = f'"{" ".join(words)}"'.encode("utf-8", "replace").decode()
            assert db.execute("SELECT rowid FROM t WHERE t MATCH ?", (asked,)).fetchall() == [(1,)]
    db.close()
