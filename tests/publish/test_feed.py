"""The feeds: valid by the grammar of RFC 4287, read by a feed reader, each finding told once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from lxml import etree
from shell.conftest import Commands, Library, library, page, run, write_config  # noqa: F401 - fixtures
from shell.findings import at, finding, variant
from shell.test_watch import Clock

from etolwatch import config, jobs
from etolwatch.archive.store import Store
from etolwatch.contract import instant_to_text
from etolwatch.errors import ArchiveError
from etolwatch.harvest.fetch import Fetcher
from etolwatch.model import Finding, Pass, PassState, Verdict
from etolwatch.publish import feed, ledger, news
from etolwatch.publish.news import Item, Told

feedparser = pytest.importorskip("feedparser", reason="feedparser is not installed")

NAMES = {"a": feed.ATOM, "fh": feed.HISTORY}
GRAMMAR = etree.RelaxNG(etree.parse(Path(__file__).parent / "schema" / "atom.rng"))
PLACES = feed.Places(
    feed=lambda channel, pass_id: f"https://news.example/{channel.name}{pass_id or ''}.atom",
    page=lambda item: f"https://news.example/{item.urn}",
)


def made(day: int, **changes: object) -> Pass:
    start = at(1) + timedelta(days=day - 1)
    values: dict[str, Any] = {
        "pass_id": f"{start:%Y%m%d%H%M%S}",
        "sites": ("penhale",),
        "started_at": start,
        "finished_at": start + timedelta(minutes=5),
        "state": PassState.COMPLETE,
        "visited": 4,
        "captured": 1,
        "unchanged": 3,
        "gone": 0,
        "failed": 0,
    }
    return Pass(**{**values, **changes})


def one(day: int, *findings: Finding) -> Told:
    return Told(made(day), findings)


def document(*passes: Told, channel: feed.Channel = feed.ALL) -> bytes:
    return feed.subscription(passes, channel, PLACES, "here")


def valid(body: bytes) -> etree._Element:
    """The document, if it is valid: the grammar, and what RFC 4287 §4.1 asks beyond it."""
    root = etree.fromstring(body)
    assert GRAMMAR.validate(root), GRAMMAR.error_log
    for entry in root.iterfind("a:entry", NAMES):
        assert root.find("a:author", NAMES) is not None or entry.find("a:author", NAMES) is not None
        assert entry.find("a:content", NAMES) is not None
        alternates = [
            (link.get("type"), link.get("hreflang"))
            for link in entry.iterfind("a:link", NAMES)
            if link.get("rel", "alternate") == "alternate"
        ]
        assert len(alternates) == len(set(alternates))
    ids = [found.text for found in root.iterfind("a:entry/a:id", NAMES)]
    assert len(ids) == len(set(ids))
    read = feedparser.parse(body, response_headers={"content-type": "application/atom+xml"})
    assert not read.bozo, read.bozo_exception
    assert len(read.entries) == len(ids)
    return root


def entries(body: bytes) -> dict[str, str]:
    """Id and title of each entry, in order."""
    root = valid(body)
    return {
        entry.findtext("a:id", "", NAMES): entry.findtext("a:title", "", NAMES)
        for entry in root.iterfind("a:entry", NAMES)
    }


def links(body: bytes, rel: str) -> list[str]:
    return [str(link.get("href")) for link in valid(body).iterfind("a:link", NAMES) if link.get("rel") == rel]


def test_the_grammar_refuses_what_is_no_atom() -> None:
    undated = document(one(1, finding())).replace(b"<updated>2026-11-09T04:17:00Z", b"<updated>soon")
    for wrong in (b"<feed/>", undated):
        assert not GRAMMAR.validate(etree.fromstring(wrong))


def test_an_entry_says_what_changed() -> None:
    root = valid(document(one(9, finding(certainty=None))))
    entry = root.find("a:entry", NAMES)
    assert entry is not None
    assert entry.findtext("a:title", "", NAMES) == "Silent edit: 1958/08/lamps.htm (1 word)"
    assert entry.findtext("a:updated", "", NAMES) == "2026-11-09T04:17:00Z"
    assert entry.findtext("a:published", "", NAMES) == "2026-11-09T04:17:00Z"
    said = entry.findtext("a:content", "", NAMES)
    assert "<del>the</del>" in said
    assert "<ins>their</ins>" in said
    assert root.findtext("a:updated", "", NAMES) == "2026-11-09T04:17:00Z"
    assert [term.get("term") for term in entry.iterfind("a:category", NAMES)] == [
        "silent_edit",
        "site:penhale",
    ]


def test_a_feed_of_nothing_is_valid_and_has_a_date() -> None:
    root = valid(document())
    assert root.findtext("a:updated", "", NAMES) == "1970-01-01T00:00:00Z"


def test_an_id_is_of_the_page_and_the_capture_and_of_nothing_else() -> None:
    (before,) = entries(document(one(9, finding())))
    judged_otherwise = finding(verdict=Verdict.DECLARED_EDIT, normaliser="7", variants=(variant("a", "b"),))
    elsewhere = replace(PLACES, page=lambda _: None)
    body = feed.subscription([one(9, judged_otherwise)], feed.ALL, elsewhere, "there")
    assert list(entries(body)) == [before]
    assert before.startswith("urn:uuid:")
    assert before[len("urn:uuid:") + 14] == "5"
    assert list(entries(document(one(9, finding(captured_at=at(9, 5)))))) != [before]


def test_the_same_edit_on_three_pages_of_a_pass_is_one_entry() -> None:
    two = tuple(finding(f"{n}.htm") for n in range(2))
    three = tuple(finding(f"{n}.htm") for n in range(3))
    assert len(entries(document(one(9, *two)))) == 2
    assert list(entries(document(one(9, *three))).values()) == [
        "Silent edit: the same edit on 3 pages of penhale"
    ]
    said = valid(document(one(9, *three))).findtext("a:entry/a:content", "", NAMES)
    assert all(f"/penhale/{n}.htm" in said for n in range(3))
    assert len(entries(document(one(9, *two), one(8, *three[2:])))) == 3


def test_a_shared_edit_keeps_its_name_whichever_pages_have_it() -> None:
    three = entries(document(one(9, *(finding(f"{n}.htm") for n in range(3)))))
    four = entries(document(one(9, *(finding(f"{n}.htm") for n in range(1, 5)))))
    assert list(three) == list(four)
    assert list(entries(document(one(10, *(finding(f"{n}.htm") for n in range(3)))))) != list(three)


def test_a_page_with_more_than_the_shared_edit_has_an_entry_of_its_own() -> None:
    more = finding("own.htm", variants=(variant(), variant("wall", "quay")))
    titles = entries(document(one(9, *(finding(f"{n}.htm") for n in range(3)), more))).values()
    assert list(titles) == [
        "Silent edit: the same edit on 3 pages of penhale",
        "Silent edit: penhale/own.htm (2 words)",
    ]


def test_what_is_only_counted_is_no_entry() -> None:
    quiet = (
        finding("a.htm", Verdict.FIRST_CAPTURE, variants=(), previous_at=None),
        finding("b.htm", Verdict.NO_TEXTUAL_CHANGE, variants=()),
        finding("c.htm", Verdict.PAGE_GONE, variants=(), previous_at=None),
    )
    assert entries(document(one(9, *quiet))) == {}


def test_each_feed_has_what_is_its_own() -> None:
    passes = [
        one(9, finding(), finding("b.htm", Verdict.DECLARED_EDIT)),
        one(8, finding("c.htm", site="other")),
    ]
    assert len(entries(document(*passes))) == 3
    assert len(entries(document(*passes, channel=feed.SILENT))) == 2
    assert len(entries(document(*passes, channel=feed.of_site("other")))) == 1
    every = entries(document(*passes))
    for channel in feed.channels(["penhale", "other"]):
        assert set(entries(document(*passes, channel=channel))) <= set(every)
    names = {valid(document(channel=channel)).findtext("a:id", "", NAMES) for channel in feed.channels(["x"])}
    assert len(names) == 3


def test_what_a_review_leaves_out_changes_no_name() -> None:
    three = [finding(f"{n}.htm") for n in range(3)]
    whole = entries(document(one(9, *three)))
    body = feed.subscription(
        [one(9, *three)], feed.ALL, PLACES, "here", keep=lambda item: not item.uri.endswith("0.htm")
    )
    assert list(entries(body)) == list(whole)
    assert list(entries(body).values()) == ["Silent edit: the same edit on 2 pages of penhale"]
    nothing = feed.subscription([one(9, *three)], feed.ALL, PLACES, "here", keep=lambda _: False)
    assert entries(nothing) == {}


def test_the_same_findings_give_the_same_bytes() -> None:
    found = [finding(f"{n}.htm", variants=(variant(reading=f"w{n}"),)) for n in range(5)]
    body = document(one(9, *found))
    assert document(one(9, *reversed(found))) == body
    assert feed.entity_tag(body) == feed.entity_tag(document(one(9, *found)))
    assert feed.entity_tag(body) != feed.entity_tag(document(one(9, *found[1:])))


HOSTILE = (
    "<script>alert(1)</script>",
    "]]><x:y/>&lt;b&gt;&amp;",
    "'\"><img src=x onerror=alert(1)>",
    "a\x00b\x0b\x1b[31m\ud800\ufffe\uffff\u202e",
    "<!--",
    "<![CDATA[",
    "\U000e0001tag",
)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.met: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.add(tag)
        assert not [name for name, _ in attrs if name not in ("class", "href", "rel")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    bad = finding(
        variants=(variant(text, text + "2", before=text, after=text),), why=text, flags=("not_text", text)
    )
    root = valid(document(one(9, bad)))
    tags = Tags()
    tags.feed(root.findtext("a:entry/a:content", "", NAMES))
    assert tags.met <= {"p", "span", "ol", "li", "del", "ins", "wbr", "a"}
    shown = news.Item("x", (bad,), at(9)).finding.variants[0].lemma
    if shown.isprintable():
        assert shown in tags.text


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "/home/me/lamps.htm", 'https://a.example/"><b>?\x01'])
def test_a_hostile_address_is_no_link(uri: str) -> None:
    body = feed.subscription(
        [one(9, finding(uri=uri))], feed.ALL, replace(PLACES, page=lambda _: None), "here"
    )
    for link in valid(body).iterfind(".//a:link", NAMES):
        assert str(link.get("href")).startswith("https://")


def test_the_feed_ends_with_a_whole_pass_and_links_to_the_older_ones() -> None:
    passes = [one(day, *_unlike(day, 40)) for day in range(20, 0, -1)]
    body = document(*passes)
    assert len(entries(body)) == 120
    assert links(body, "prev-archive") == [f"https://news.example/all{made(17).pass_id}.atom"]
    seen = list(entries(body))
    while older := links(body, "prev-archive"):
        pass_id = older[0].removeprefix("https://news.example/all").removesuffix(".atom")
        later = [found for found in passes if found.made.pass_id <= pass_id]
        found = feed.archived(later, pass_id, feed.ALL, PLACES, "here")
        assert found is not None
        body = found
        assert valid(body).find("fh:archive", NAMES) is not None
        assert links(body, "current") == ["https://news.example/all.atom"]
        seen += entries(body)
    assert len(seen) == len(set(seen)) == 800


def test_a_pass_too_large_for_one_document_is_whole_in_its_archive() -> None:
    many = one(9, *_unlike(9, 1100))
    body = document(many, one(8, *_unlike(8, 3)))
    assert len(entries(body)) == feed.MOST
    (older,) = links(body, "prev-archive")
    assert many.made.pass_id in older
    whole = feed.archived([many, one(8, *_unlike(8, 3))], many.made.pass_id, feed.ALL, PLACES, "here")
    assert whole is not None
    assert len(entries(whole)) == 1100


def test_a_pass_without_anything_has_no_archive() -> None:
    assert feed.archived([one(9)], made(9).pass_id, feed.ALL, PLACES, "here") is None
    assert feed.archived([one(8, finding())], made(9).pass_id, feed.ALL, PLACES, "here") is None


def _unlike(day: int, count: int) -> Iterator[Finding]:
    for n in range(count):
        when = at(1) + timedelta(days=day - 1)
        yield finding(f"{n}.htm", variants=(variant(reading=f"word{n}"),), captured_at=when)


# ── a played site ────────────────────────────────────────────────────────────────────


class Reader:
    """A feed reader: it remembers ids, and counts what it showed its owner as new."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.dates: dict[str, str] = {}

    def poll(self, body: bytes) -> None:
        read = feedparser.parse(body, response_headers={"content-type": "application/atom+xml"})
        for entry in read.entries:
            if entry.id not in self.dates:
                self.shown.append(entry.id)
        assert not read.bozo
        for entry in read.entries:
            assert self.dates.setdefault(entry.id, entry.updated) == entry.updated


def _play(library: Library, day: int) -> None:  # noqa: F811 - a fixture
    """The site on this day: words change, footers are exchanged on all pages, pages go and come."""
    edits: dict[str, Callable[[int], str]] = {
        "lamps": lambda n: page("Lamps", f"The keepers placed {n // 2 + 4} hundred lamps upon the wall."),
        "ferry": lambda n: page("Ferry", f"It crossed {n // 3 + 5} times.", date=f"{n // 5 + 1}.10.2026"),
    }
    for name, text in edits.items():
        library.pages[f"/penhale/{name}.htm"] = text(day)
    for n in range(6):
        footer = f"<p>Set in type for the reading room, edition {day // 7}.</p>"
        library.pages[f"/penhale/s{n}.htm"] = page(f"Story {n}", f"Story number {n} is told here.").replace(
            "</body>", f"{footer}</body>"
        )
    links = ("lamps.htm", "ferry.htm", *(f"s{n}.htm" for n in range(6)))
    library.pages["/penhale/index.htm"] = page("Works", links=links)


class Weary(Event):
    """Stops whoever asks it for the fourth time, so that a pass is judged in part."""

    def __init__(self, patience: int) -> None:
        super().__init__()
        self.patience = patience

    def is_set(self) -> bool:
        self.patience -= 1
        return self.patience < 0


def _told_findings(items: Iterable[Item]) -> list[tuple[str, str | None]]:
    return [(found.uri, instant_to_text(found.captured_at)) for item in items for found in item.findings]


def test_a_reader_sees_each_finding_once_through_thirty_passes(tmp_path: Path, library: Library) -> None:  # noqa: F811
    settings = config.load(write_config(tmp_path, library.address))
    clock, never = Clock(), Event()
    readers = {name: Reader() for name in ("all", "silent", "site/penhale")}
    for day in range(30):
        clock.at += timedelta(days=1)
        _play(library, day)
        with Store(settings.store, now=clock.now()) as store:
            with Fetcher(None, now=clock.now) as fetcher:
                jobs.harvest(store, settings.sites, fetcher, clock.now, clock.sleep, never)
            if day % 4 == 3:
                # harvested and not judged, as after a crash: the reader comes by then, too
                _poll(readers, store)
                jobs.compare(store, settings, Weary(3))
                _poll(readers, store)
            jobs.compare(store, settings, never)
            _poll(readers, store)
            _poll(readers, store)
    with Store.read_only(settings.store) as store:
        every = list(news.flat(news.told(store.catalog)))
        for channel in feed.channels(["penhale"]):
            valid(feed.subscription(news.told(store.catalog), channel, PLACES, "here"))
        listed = {
            (found.uri, instant_to_text(found.captured_at))
            for found in store.catalog.findings()
            if news.is_listed(found)
        }
    told = _told_findings(every)
    assert len(told) == len(set(told))
    assert set(told) == listed
    assert any(item.is_shared for item in every)
    assert len(every) > 30
    assert sorted(readers["all"].shown) == sorted(item.urn for item in every)
    assert sorted(readers["site/penhale"].shown) == sorted(item.urn for item in every)
    silent = [item.urn for item in every if item.verdict is Verdict.SILENT_EDIT]
    assert sorted(readers["silent"].shown) == sorted(silent)
    assert silent


def _poll(readers: dict[str, Reader], store: Store) -> None:
    for channel in feed.channels(["penhale"]):
        passes = news.told(store.catalog)
        body = feed.subscription(passes, channel, PLACES, news.origin(store.catalog))
        readers[channel.name].poll(body)


def test_an_unfinished_pass_is_not_told_and_an_import_is_no_news(tmp_path: Path, library: Library) -> None:  # noqa: F811
    settings = config.load(write_config(tmp_path, library.address))
    clock, never = Clock(), Event()
    with Store(settings.store, now=clock.now()) as store:
        for _ in range(2):
            clock.at += timedelta(days=1)
            with Fetcher(None, now=clock.now) as fetcher:
                last = jobs.harvest(store, settings.sites, fetcher, clock.now, clock.sleep, never)
            jobs.compare(store, settings, never)
            library.pages["/penhale/lamps.htm"] = page("Lamps", "The keepers took down the lamps.")
        assert next(news.told(store.catalog)).made.pass_id == last.pass_id
        stop = Event()
        clock.at += timedelta(days=1)
        library.pages["/penhale/lamps.htm"] = page("Lamps", "The keepers took down all lamps.")
        with Fetcher(None, now=clock.now) as fetcher:
            begun = jobs.harvest(
                store, settings.sites, fetcher, clock.now, clock.sleep, stop, lambda _: stop.set()
            )
        jobs.compare(store, settings, never)
        assert begun.state is PassState.INTERRUPTED
        told = [one.made.pass_id for one in news.told(store.catalog)]
        assert begun.pass_id not in told
        assert last.pass_id in told
        assert [one.made.pass_id for one in news.told(store.catalog, until=told[0])] == told


class Archive:
    """A library that is watched from day to day, and read by one who subscribed to the feed."""

    def __init__(self, folder: Path, library: Library) -> None:  # noqa: F811
        self.library = library
        self.settings = config.load(write_config(folder, library.address))
        self.clock, self.reader = Clock(), Reader()

    def one_pass(self) -> Pass:
        self.clock.at += timedelta(days=1)
        with Store(self.settings.store, now=self.clock.now()) as store:
            with Fetcher(None, now=self.clock.now) as fetcher:
                made = jobs.harvest(
                    store, self.settings.sites, fetcher, self.clock.now, self.clock.sleep, Event()
                )
            jobs.compare(store, self.settings, Event())
        return made

    def judge(self) -> None:
        with Store(self.settings.store, now=self.clock.now()) as store:
            jobs.compare(store, self.settings, Event())

    def write(self, footer: str, names: Iterable[str] = ("s0", "s1", "s2")) -> None:
        for name in names:
            text = page(f"Story {name}", f"The story {name} is told here.")
            self.library.pages[f"/penhale/{name}.htm"] = text.replace("</body>", f"<p>{footer}</p></body>")

    def feed(self) -> bytes:
        with Store.read_only(self.settings.store) as store:
            body = feed.subscription(news.told(store.catalog), feed.ALL, PLACES, "here")
        self.reader.poll(body)
        return body

    def record_of(self, name: str, which: int) -> tuple[Path, int]:
        """File and a place in it, in the middle of the record of a capture of a page."""
        with Store.read_only(self.settings.store) as store:
            capture = store.catalog.captures(f"{self.library.address}penhale/{name}.htm")[which]
        return self.settings.store / "warc" / capture.warc, capture.offset + capture.length // 2


def damaged(path: Path, offset: int) -> None:
    body = bytearray(path.read_bytes())
    body[offset] ^= 0xFF
    path.write_bytes(body)


@pytest.fixture
def archive(tmp_path: Path, library: Library) -> Archive:  # noqa: F811
    """Three pages that share a footer, changed in the second pass."""
    made_of = Archive(tmp_path, library)
    library.pages["/penhale/index.htm"] = page("Works", links=("s0.htm", "s1.htm", "s2.htm", "lamps.htm"))
    made_of.write("Set in type for the reading room.")
    made_of.one_pass()
    return made_of


def test_a_damaged_record_holds_back_nothing_but_itself(archive: Archive) -> None:
    place = archive.record_of("s0", 0)
    whole = place[0].read_bytes()
    damaged(*place)
    for name in ("s0", "s1", "lamps"):
        archive.write(f"Set again, for {name}.", (name,))
    archive.one_pass()
    assert ["s0.htm" in title for title in entries(archive.feed()).values()] == [False, False]
    shown = list(archive.reader.shown)
    for n in range(3):
        archive.write(f"Set once more, the time {n}.", ("lamps",))
        archive.one_pass()
        archive.feed()
    place[0].write_bytes(whole)
    archive.judge()
    # it is of the second pass, and stands where a reader who polls looks first
    first = next(iter(entries(archive.feed()).items()))
    assert "s0.htm" in first[1]
    assert archive.reader.shown[-1] == first[0]
    assert len(archive.reader.shown) == len(set(archive.reader.shown)) == len(shown) + 4


def test_what_is_mended_later_regroups_nothing(archive: Archive) -> None:
    """Two findings were told; the third that has the same edit comes later, and is told by itself."""
    place = archive.record_of("s0", 0)
    whole = place[0].read_bytes()
    damaged(*place)
    archive.write("Set in type for the museum.")
    archive.one_pass()
    two = entries(archive.feed())
    place[0].write_bytes(whole)
    archive.judge()
    three = entries(archive.feed())
    assert len(two) == 2
    assert list(three)[1:] == list(two)
    assert len(three) == 3


def test_an_import_regroups_nothing_that_was_told(
    archive: Archive,
    tmp_path: Path,
    run: Commands,  # noqa: F811
) -> None:
    archive.write("Set in type for the museum.")
    archive.one_pass()
    before = entries(archive.feed())
    assert [title.partition(": ")[2] for title in before.values()] == ["the same edit on 3 pages of penhale"]
    _bring_between(archive, tmp_path, run)
    after = archive.feed()
    assert list(entries(after)) == list(before)
    assert "/penhale/s0.htm" in valid(after).findtext("a:entry/a:content", "", NAMES)
    with Store.read_only(archive.settings.store) as store:
        assert len(news.items(next(news.told(store.catalog)))[0].findings) == 3


def _bring_between(archive: Archive, tmp_path: Path, run: Commands) -> None:  # noqa: F811
    """An older copy of one page, from between its two captures, which has other words again."""
    folder = tmp_path / "older"
    folder.mkdir()
    text = page("Story s0", "The story s0 is told there.").replace("</body>", "<p>Set by hand.</p></body>")
    (folder / "s0.htm").write_text(text)
    at = f"{archive.clock.at - timedelta(hours=12):%Y-%m-%dT%H:%M:%SZ}"
    ran = run("import", "folder", str(folder), "--at", at, "--prefix", f"{archive.library.address}penhale/")
    assert ran.status == 0, ran.err


def test_what_was_told_outlasts_the_catalog(archive: Archive, tmp_path: Path, run: Commands) -> None:  # noqa: F811
    archive.write("Set in type for the museum.")
    archive.one_pass()
    _bring_between(archive, tmp_path, run)
    archive.one_pass()
    body = archive.feed()
    assert run("reindex").status == 0
    assert archive.feed() == body
    archive.one_pass()
    assert archive.feed() == body


def test_what_was_told_is_made_again_where_it_is_lost(archive: Archive) -> None:
    archive.write("Set in type for the museum.")
    archive.one_pass()
    archive.write("Set again.", ("lamps",))
    archive.one_pass()
    body = archive.feed()
    (archive.settings.store / ledger.FILE).unlink()
    assert archive.feed() == body
    archive.judge()
    assert archive.feed() == body


def test_no_pass_breaks_for_a_damaged_ledger(archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    (archive.settings.store / ledger.FILE).write_bytes(b"no database" * 500)
    archive.write("Set in type for the museum.")
    archive.one_pass()
    assert "remove it" in caplog.text
    with pytest.raises(ArchiveError, match=ledger.FILE):
        archive.feed()


def test_the_feed_in_a_file_has_its_past_beside_it(archive: Archive, run: Commands, tmp_path: Path) -> None:  # noqa: F811
    for day in range(3):  # the first finds nothing but new pages
        names = [f"p{n}" for n in range(60)]
        archive.library.pages["/penhale/index.htm"] = page("Works", links=tuple(f"{n}.htm" for n in names))
        for name in names:
            archive.write(f"{name}day{day} is when it was set.", (name,))
        archive.one_pass()
    assert run("feed", "--output", "changes.atom").status == 0
    seen: list[str] = []
    path = "changes.atom"
    while path:
        body = (tmp_path / path).read_bytes()
        assert links(body, "self") == [path]
        seen += entries(body)
        path = next(iter(links(body, "prev-archive")), "")
    assert len(seen) == len(set(seen)) >= 120
    assert len(list(tmp_path.glob("changes-*.atom"))) == 1
    assert run("feed", "--output", "changes.atom", "--url", "https://a.example/f/changes.atom").status == 0
    assert run("feed", "--output", str(tmp_path / "missing" / "x.atom")).status == 2
    assert not (tmp_path / "missing").exists()


def test_what_was_imported_is_in_no_feed(
    tmp_path: Path,
    library: Library,  # noqa: F811
    run: Commands,  # noqa: F811
) -> None:
    """An edit between two old copies is a finding, but whoever reads the feed was not waiting for it."""
    write_config(tmp_path, library.address)
    assert run("check").status == 0
    for year, word in ((2011, "the"), (2012, "their")):
        folder = tmp_path / str(year)
        folder.mkdir()
        text = f"The keepers placed some of {word} lamps upon the wall of {year}."
        (folder / "lamps.htm").write_text(page("Lamps", text, date="11.10.2009"))
        words = ("import", "folder", str(folder), "--at", f"{year}-03-04")
        ran = run(*words, "--prefix", f"{library.address}penhale/")
        assert ran.status == 0, ran.err
    with Store.read_only(tmp_path / "snapshots") as store:
        listed = [found for found in store.catalog.findings() if news.is_listed(found)]
        assert {found.captured_at.year for found in listed if found.captured_at} >= {2012}
        brought = list(news.flat(news.told(store.catalog, brought=True)))
        assert len(_told_findings(brought)) == len(listed)
        # the first capture of our own is an edit now, of the pass that made it
        ours = list(news.flat(news.told(store.catalog)))
        assert not [item for item in ours if item.at.year == 2012]
        body = feed.subscription(news.told(store.catalog), feed.ALL, PLACES, "here")
        assert set(entries(body)) == {item.urn for item in ours}
