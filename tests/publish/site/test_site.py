"""The site for everyone: all links lead somewhere, the same findings give the same bytes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from shell.conftest import Commands, Library, library, page, run, write_config  # noqa: F401 - fixtures
from shell.test_watch import Clock

from etolwatch import config
from etolwatch.archive.store import Store
from etolwatch.config import Config
from etolwatch.errors import EtolwatchError, UsageError
from etolwatch.model import Finding, Verdict
from etolwatch.publish import news
from etolwatch.publish.site import names
from etolwatch.publish.site.chart import chart
from etolwatch.publish.site.make import STATE, Built, Wanted, publish
from etolwatch.review.desk import judge
from etolwatch.review.journal import Journal
from etolwatch.review.judgement import State, opinion
from etolwatch.review.projection import Projection
from etolwatch.review.standing import stand
from etolwatch.watch import watch
from publish.test_feed import valid


class Watch:
    """A library that is watched from day to day, and the site that is made of it."""

    def __init__(self, folder: Path, library: Library) -> None:  # noqa: F811
        self.folder, self.library = folder, library
        self.config: Config = config.load(write_config(folder, library.address))
        self.clock = Clock()

    def one_pass(self) -> None:
        self.clock.at += timedelta(days=1)
        watch(self.config, self.config.sites, Event(), now=self.clock.now, sleep=self.clock.sleep)

    def edit(self, text: str, date: str = "11.10.2011") -> None:
        self.library.pages["/penhale/lamps.htm"] = page("Lamps", text, date=date)

    def publish(self, place: str = "site", **wanted: Any) -> Built:
        with Store.read_only(self.config.store) as store:
            standings = stand(Journal.of(self.config.store).read())
            return publish(store, self.config, self.folder / place, Wanted(**wanted), standings)

    def findings(self) -> list[Finding]:
        with Store.read_only(self.config.store) as store:
            return [found for found in store.catalog.findings() if news.is_listed(found)]


@pytest.fixture
def watched(tmp_path: Path, library: Library) -> Watch:  # noqa: F811
    """Five days: a silent edit, a declared one, one shared by four pages, a page gone."""
    made = Watch(tmp_path, library)
    for n in range(4):
        library.pages[f"/penhale/s{n}.htm"] = page(f"Story {n}", f"The story of the {n} lamps.")
    library.pages["/penhale/index.htm"] = page(
        "Works", links=("lamps.htm", "ferry.htm", *(f"s{n}.htm" for n in range(4)))
    )
    made.one_pass()
    made.edit("The keepers placed some of their lamps upon the wall.")
    made.one_pass()
    made.edit("The keepers placed most of their lamps upon the wall.", date="5.11.2026")
    made.one_pass()
    for n in range(4):
        library.pages[f"/penhale/s{n}.htm"] = library.pages[f"/penhale/s{n}.htm"].replace("dusk", "dawn")
    made.one_pass()
    del library.pages["/penhale/ferry.htm"]
    made.one_pass()
    return made


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.policy = ""
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        assert not [name for name in values if name.startswith("on") or name == "style"]
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""
        self.links += [values[name] or "" for name in ("href", "src") if name in values]

    def handle_data(self, data: str) -> None:
        self.text += data


def pages(folder: Path) -> Iterator[tuple[str, Page]]:
    for path in sorted(folder.rglob("*.html")):
        yield path.relative_to(folder).as_posix(), Page(path.read_text(encoding="utf-8"))


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def times(folder: Path) -> dict[str, tuple[int, int]]:
    stats = {p.relative_to(folder).as_posix(): p.stat() for p in folder.rglob("*") if p.is_file()}
    return {path: (found.st_mtime_ns, found.st_ino) for path, found in stats.items()}


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(watched: Watch) -> None:
    watched.publish()
    site = watched.folder / "site"
    reached = {names.INDEX}
    for path, found in pages(site):
        assert found.policy.startswith("default-src 'none'"), path
        assert not found.tags & {"script", "iframe", "form", "object", "img", "style", "base"}, path
        for href in found.links:
            parts = urlsplit(href)
            if parts.scheme:
                assert href.startswith(watched.library.address), href
                continue
            if not parts.path:
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path)))
            assert (site / target).is_file(), (path, href)
            reached.add(target)
    assert {path for path, _ in pages(site)} <= reached
    for path in site.rglob("*.atom"):
        for link in valid(path.read_bytes()).iterfind(".//{*}link"):
            href = str(link.get("href"))
            assert href.startswith("http") or (path.parent / href).is_file(), href


def test_each_finding_has_a_page_with_all_that_a_citation_needs(watched: Watch) -> None:
    watched.publish()
    with Store.read_only(watched.config.store) as store:
        for finding in watched.findings():
            text = Page((watched.folder / "site" / names.finding_path(finding)).read_text()).text
            after = next(
                one for one in store.catalog.captures(finding.uri) if one.captured_at == finding.captured_at
            )
            base = next(
                one for one in store.catalog.captures(finding.uri) if one.captured_at == finding.previous_at
            )
            for said in (finding.uri, after.payload_digest, base.payload_digest, after.record_id, after.warc):
                assert said in text
            assert finding.normaliser in text
            assert named_in_feed(finding) in text


def named_in_feed(finding: Finding) -> str:
    return news.Item("x", (finding,), finding.captured_at or finding.changed_until).urn  # type: ignore[arg-type]


def test_the_verification_that_is_told_of_holds(watched: Watch) -> None:
    import shlex
    import subprocess
    import sys

    watched.publish()
    silent = next(found for found in watched.findings() if found.verdict is Verdict.SILENT_EDIT)
    text = (watched.folder / "site" / names.finding_path(silent)).read_text()
    commands = re.search(r"<pre[^>]*>(.*?)</pre>", text, re.S)
    assert commands
    lines = [line for line in commands[1].splitlines() if line.startswith("warcio")]
    words = [shlex.split(line) for line in lines]
    bodies = [
        subprocess.run(
            [sys.executable, "-m", "warcio.cli", *word[1:]],
            cwd=watched.config.store,
            capture_output=True,
            check=True,
        ).stdout
        for word in words
    ]
    assert [b"some of the lamps" in bodies[0], b"some of their lamps" in bodies[1]] == [True, True]


def test_silent_edits_come_first(watched: Watch) -> None:
    watched.publish()
    text = (watched.folder / "site" / names.INDEX).read_text()
    assert text.index('id="silent"') < text.index('id="latest"')
    assert "<del>the</del>" in text
    assert "The same edit on 4 pages" in text
    shared = re.search(r'href="(edit/[^"]+)"', text)
    assert shared
    assert all(f"s{n}.htm" in (watched.folder / "site" / shared[1]).read_text() for n in range(4))


def test_the_same_findings_give_the_same_bytes(watched: Watch) -> None:
    watched.publish("one")
    watched.publish("other")
    assert tree(watched.folder / "one") == tree(watched.folder / "other")


def test_what_is_as_it_was_is_not_touched(watched: Watch) -> None:
    watched.publish()
    before = times(watched.folder / "site")
    again = watched.publish()
    assert (again.written, again.removed, again.is_new) == (0, 0, False)
    assert times(watched.folder / "site") == before
    watched.edit("The keepers placed all of their lamps upon the wall.", date="5.11.2026")
    watched.one_pass()
    more = watched.publish()
    after = times(watched.folder / "site")
    changed = {path for path in after if after[path] != before.get(path)}
    assert more.is_new
    assert len(changed) == more.written
    assert not [path for path in changed & before.keys() if path.startswith(("finding/", "edit/", "pass/"))]
    assert changed & before.keys() == {
        STATE,
        "index.html",
        "months.html",
        "passes.html",
        "about.html",
        "feed/all.atom",
        "feed/silent.atom",
        "feed/site/penhale.atom",
        "month/2026-11.html",
        names.page_path(watched.library.address + "penhale/lamps.htm"),
    }


def test_a_page_that_was_altered_is_made_again(watched: Watch) -> None:
    watched.publish()
    before = tree(watched.folder / "site")
    (path,) = [one for one in before if one.startswith("edit/")]
    (watched.folder / "site" / path).write_text("something else")
    (watched.folder / "site" / names.ABOUT).unlink()
    assert watched.publish().written == 2
    assert tree(watched.folder / "site") == before


@pytest.mark.parametrize("made", ["", ', "made": {"index.html": 7}', ', "made": [1]'])
def test_a_site_whose_list_of_files_is_lost_is_not_written_over(watched: Watch, made: str) -> None:
    watched.publish()
    (watched.folder / "site" / STATE).write_text(f'{{"format": "etolwatch site 1"{made}}}')
    before = tree(watched.folder / "site")
    with pytest.raises(UsageError, match="did not put there"):
        watched.publish()
    assert tree(watched.folder / "site") == before


@pytest.mark.parametrize("path", ["CNAME", "mydocs/thesis.txt", "finding/notes.txt", ".git/HEAD", "empty/"])
def test_what_others_put_into_the_site_is_not_lost(watched: Watch, path: str) -> None:
    watched.publish()
    theirs = watched.folder / "site" / path
    theirs.parent.mkdir(exist_ok=True)
    if path.endswith("/"):
        theirs.mkdir()
    else:
        theirs.write_text("mine")
    before = tree(watched.folder / "site")
    watched.edit("The keepers took them down.")
    watched.one_pass()
    named = path.partition("/")[0]
    with pytest.raises(UsageError, match=f"the site holds what publish did not put there.*{named}"):
        watched.publish()
    assert tree(watched.folder / "site") == before
    assert theirs.exists()


def test_what_a_desktop_leaves_behind_is_no_hindrance(watched: Watch) -> None:
    watched.publish()
    (watched.folder / "site" / "month" / ".DS_Store").write_text("x")
    assert not watched.publish().is_new


def test_an_address_stays_whatever_is_found_later(watched: Watch) -> None:
    watched.publish()
    before = {path for path in tree(watched.folder / "site") if path.startswith(("finding/", "edit/"))}
    for word in ("all", "no", "few"):
        watched.edit(f"The keepers placed {word} of their lamps upon the wall.")
        watched.one_pass()
    watched.publish()
    assert before < set(tree(watched.folder / "site"))


def test_an_address_stays_when_an_import_takes_its_finding_away(
    watched: Watch,
    run: Commands,  # noqa: F811
) -> None:
    """An older copy that has the new words already: the edit was not made when it was told to be."""
    watched.publish()
    before = {path for path in tree(watched.folder / "site") if path.startswith(("finding/", "edit/"))}
    folder = watched.folder / "older"
    folder.mkdir()
    for n in range(4):
        (folder / f"s{n}.htm").write_text(watched.library.pages[f"/penhale/s{n}.htm"])
    at = f"{watched.clock.at - timedelta(days=1, hours=12):%Y-%m-%dT%H:%M:%SZ}"
    prefix = f"{watched.library.address}penhale/"
    ran = run("import", "folder", str(folder), "--at", at, "--prefix", prefix)
    assert ran.status == 0, ran.err
    built = watched.publish()
    after = tree(watched.folder / "site")
    assert before < set(after)
    (edit,) = [path for path in before if path.startswith("edit/")]
    assert b"No finding any more" in after[edit]
    assert built.findings == len(watched.findings())
    for path, found in pages(watched.folder / "site"):
        for href in (href for href in found.links if not urlsplit(href).scheme and urlsplit(href).path):
            target = posixpath.join(posixpath.dirname(path), urlsplit(href).path)
            assert (watched.folder / "site" / target).is_file(), (path, href)


def test_what_people_left_out_is_not_there(watched: Watch) -> None:
    watched.publish()
    whole = set(tree(watched.folder / "site"))
    silent = next(found for found in watched.findings() if found.verdict is Verdict.SILENT_EDIT)
    journal = Journal.of(watched.config.store)
    with Projection(watched.config.store) as projection:
        judge(journal, projection, silent, opinion("false_alarm"), "Ann", watched.clock.at)
    chosen = frozenset(set(State) - {State.FALSE_ALARM})
    built = watched.publish(states=chosen)
    assert whole - set(tree(watched.folder / "site")) >= {names.finding_path(silent)}
    assert built.findings == len(watched.findings()) - 1
    assert "false alarm" not in (watched.folder / "site" / names.ABOUT).read_text()
    for path, found in pages(watched.folder / "site"):
        assert "Ann" not in found.text, path  # who judged is nobody's business


def test_feeds_may_have_absolute_links(watched: Watch) -> None:
    watched.publish(url="https://news.example/changes/")
    body = (watched.folder / "site" / "feed" / "site" / "penhale.atom").read_bytes()
    links = [str(link.get("href")) for link in valid(body).iterfind("{*}link")]
    assert links == ["https://news.example/changes/feed/site/penhale.atom"]


def test_nothing_foreign_is_written_over(watched: Watch) -> None:
    other = watched.folder / "letters"
    other.mkdir()
    (other / "to-ann.txt").write_text("Dear Ann")
    with pytest.raises(UsageError, match="not empty"):
        watched.publish("letters")
    assert tree(other) == {"to-ann.txt": b"Dear Ann"}
    (watched.folder / "file").write_text("x")
    for place in ("file", "snapshots", "snapshots/site", "."):
        with pytest.raises(UsageError):
            watched.publish(place)


def test_a_site_that_cannot_be_written_leaves_the_old_one(
    watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    from etolwatch.publish.mirror import tree as trees

    watched.publish()
    before = tree(watched.folder / "site")
    watched.edit("The keepers took them down.")
    watched.one_pass()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trees.Tree, "write", full)
    with pytest.raises(EtolwatchError, match=r"^the site cannot be written.*No space left"):
        watched.publish()
    assert tree(watched.folder / "site") == before
    assert not [path for path in watched.folder.iterdir() if "building" in path.name]


def test_what_is_no_longer_found_is_removed(watched: Watch) -> None:
    watched.publish()
    before = set(tree(watched.folder / "site"))
    built = watched.publish(states=frozenset({State.CONFIRMED}))
    assert built.removed == len(before - set(tree(watched.folder / "site"))) > 0


def test_errors_speak_of_the_site(watched: Watch) -> None:
    watched.publish()
    (watched.folder / "site" / "pipe").symlink_to("index.html")
    with pytest.raises(UsageError, match="the site holds what is no file"):
        watched.publish()


def test_a_store_without_findings_has_a_site(tmp_path: Path, library: Library) -> None:  # noqa: F811
    made = Watch(tmp_path, library)
    (tmp_path / "snapshots").mkdir()
    assert made.publish().findings == 0
    assert "Nothing to report yet" in (tmp_path / "site" / names.INDEX).read_text()
    assert "Nothing to report yet" in (tmp_path / "site" / names.MONTHS).read_text()


def test_the_commands(watched: Watch, run: Commands) -> None:  # noqa: F811
    ran = run("publish", "site", "--format", "json")
    assert ran.status == 0
    assert ran.json["written"] == len(tree(watched.folder / "site"))
    assert run("publish", "site").out.endswith(" as they were, 0 removed.\n")
    assert run("publish", "site", "--state", "nonsense").status == 2
    assert run("publish", "site", "--url", "ftp://a/").status == 2
    ran = run("feed", "--only", "silent", "--output", "silent.atom")
    assert (ran.status, ran.out) == (0, "")
    silent = (watched.folder / "silent.atom").read_bytes()
    assert len(list(valid(silent).iterfind("{*}entry"))) == 2
    time = (watched.folder / "silent.atom").stat().st_mtime_ns
    run("feed", "--only", "silent", "--output", "silent.atom")
    assert (watched.folder / "silent.atom").stat().st_mtime_ns == time
    assert run("feed", "--site", "nobody").status == 2
    ran = run("feed", "--site", "penhale", "--url", "https://news.example/p.atom")
    assert 'href="https://news.example/p.atom"' in ran.out
    assert STATE in tree(watched.folder / "site")


# ── the picture ──────────────────────────────────────────────────────────────────────


def test_a_column_is_as_high_as_it_counts() -> None:
    drawn = chart({"2026-11": {"silent": 2, "other": 6}, "2027-01": {"declared": 4}})
    assert [month.name for month in drawn.months] == ["2026-11", "2026-12", "2027-01"]
    november, december, january = drawn.months
    assert [part.kind for part in november.parts] == ["silent", "other"]
    assert november.parts[1].height == pytest.approx(3 * november.parts[0].height)
    assert january.parts[0].height == pytest.approx(2 * november.parts[0].height)
    assert december.parts == ()
    assert november.parts[0].y + november.parts[0].height == pytest.approx(drawn.floor)
    assert november.parts[1].y + november.parts[1].height == pytest.approx(november.parts[0].y)


@pytest.mark.parametrize("most", [1, 7, 99, 100, 12345])
def test_all_of_it_is_inside(most: int) -> None:
    drawn = chart({f"{year}-{month:02}": {"silent": most} for year in range(1999, 2027) for month in (1, 7)})
    assert len(drawn.lines) <= 6
    assert drawn.lines[-1][1] >= most
    for month in drawn.months:
        assert drawn.left <= month.x
        assert month.x + month.width <= drawn.width
        assert all(part.y >= 0 for part in month.parts)
