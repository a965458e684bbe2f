"""The list and the page of a finding, as they are read; captured text is hostile."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

import lxml.html
import pytest
from archive.material import BASE, Diary, answer
from lxml import etree
from werkzeug.test import Client

from etolwatch import jobs
from etolwatch.archive.store import Store
from etolwatch.config import Config, load
from etolwatch.model import Category, PassState
from etolwatch.publish.order import RUBRICS
from etolwatch.web import findings
from etolwatch.web.aligned import Aligned
from web.conftest import LAMPS, Page, Reader, app_of

HOSTILE = Path(__file__).parent.parent / "hostile"
HOSTILE_NAMES = sorted(
    str(path.relative_to(HOSTILE))
    for path in HOSTILE.rglob("*.*")
    if path.suffix not in (".toml", ".py", ".pyc")
)
EVIL = (
    "<script>document.title='ran'</script><img src=x onerror=alert(1)>\"'&lt;b&gt; {{ 7*7 }} "
    "\u202eesrever\u202c \u200bzero\ufeff javascript:alert(1) ]]> --> </style></textarea>"
)


class Lived:
    """A store of the test site in whose passes each page gets the bodies given, day after day."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self.path.write_text(
            f'store = "snapshots"\n[[site]]\nname = "test"\nseeds = ["{BASE}/index.htm"]\n', encoding="utf-8"
        )
        self.config = load(self.path)
        self.diary = Diary(self.config.store)

    def day(self, bodies: dict[str, bytes], **headers: str) -> None:
        from threading import Event

        with Store(self.config.store) as store:
            self.diary.at += timedelta(days=1)
            store.begin_pass(["test"], self.diary.at)
            for path, body in bodies.items():
                self.diary.keep(store, answer(path, body, **headers))
            store.end_pass(PassState.COMPLETE, self.diary.at + timedelta(hours=20))
            jobs.compare(store, self.config, Event())


@pytest.fixture
def lived(tmp_path: Path) -> Lived:
    return Lived(tmp_path / "library")


def reader_of(config: Config) -> Reader:
    return Reader(app_of(config).test_client())


def page(text: str, date: str = "11.10.2011", title: str = "A page") -> bytes:
    return (
        f"<html><head><title>{title}</title></head><body><h1>{title}</h1>"
        f"<p>The first paragraph says little.</p><p>{text}</p>"
        f"<p class='updat'>Last updated on {date}</p></body></html>"
    ).encode()


# ── the list ──


def test_silent_edits_come_first(reader: Reader) -> None:
    shown = reader.get("/")
    headings = re.findall(r'<h2 id="(\w+)"', shown.html)
    first, *_, last = headings
    assert (first, last) == ("silent_edit", "cosmetic")
    assert headings == [verdict for verdict in RUBRICS if verdict in headings]
    assert len(headings) == 7
    assert "did [removed: not ] accept" in shown.text
    assert "“Last updated” still 14.9.2011" in shown.text


@pytest.mark.parametrize(
    ("query", "endings"),
    [
        ("q=not", ["lamplighters.htm"]),
        ("q=NOT&in=removed", ["lamplighters.htm"]),
        ("q=not&in=added", []),
        ("q=almanac", ["almanac.htm"]),  # an address
        ("verdict=page_gone", ["old-banner.htm"]),
        ("verdict=page_gone&verdict=same_day_edit", ["last-tram.htm", "old-banner.htm"]),
        ("since=2026-11-06&verdict=undated_edit", ["almanac.htm"]),
        ("until=2026-11-03", ["lamplighters.htm"]),
        ("site=demo&until=2026-11-03", ["lamplighters.htm"]),
        ("site=other", []),
        ("folder=https://demo.example/archive/penhale/&until=2026-11-03", ["lamplighters.htm"]),
        ("folder=https://demo.example/archive/other/", []),
        ("state=trivial", []),
        ('q="', []),
        ("q=*", []),
        ("q=NEAR(a b)", []),
        ("q=' OR 1=1 --", []),
    ],
)
def test_filters_and_searches_find_what_they_say(reader: Reader, query: str, endings: list[str]) -> None:
    shown = reader.get(f"/?{query}")
    assert [path.rpartition("/")[2] for path in shown.links("to")] == endings
    assert shown.status == 200


def test_first_captures_are_listed_when_they_are_asked_for(reader: Reader) -> None:
    assert len(reader.get("/?verdict=first_capture").links("to")) == 11
    assert not [path for path in reader.get("/?state=all").links("to") if "20261102" in path]


def test_each_empty_list_says_what_to_do(reader: Reader, tmp_path: Path) -> None:
    assert "Clear the filter" in reader.get("/?q=nowheretobefound").text
    assert "See what is new" in reader.get("/?state=false_alarm").text
    for path in reader.get("/").links("to"):
        reader.judge(path, "trivial")
    assert "All findings have been judged." in reader.get("/").text
    empty = tmp_path / "empty.toml"
    empty.write_text(f'[[site]]\nname = "x"\nseeds = ["{BASE}/"]\n', encoding="utf-8")
    assert "run etolwatch check" in reader_of(load(empty)).get("/").text


def test_a_wrong_date_is_named_and_the_list_shown(reader: Reader) -> None:
    shown = reader.get("/?since=2026-13-01")
    assert "2026-13-01" in shown.text
    assert len(shown.links("to")) == 10


def test_an_edit_on_three_pages_is_one_row_and_one_judgement(lived: Lived) -> None:
    names = [f"/a/{name}.htm" for name in ("one", "two", "three", "four")]
    texts = {name: f"This was put here for page {name} by the keeper of it." for name in names}
    lived.day({name: page(text) for name, text in texts.items()})
    lived.day({name: page(text.replace("keeper", "warden")) for name, text in texts.items()})
    reader = reader_of(lived.config)
    shown = reader.get("/")
    (path,) = shown.links("to")
    assert path.startswith("/cluster/")
    assert "The same on 4 pages" in shown.text
    assert "silent edits 4" in shown.text.lower()
    shown = reader.judge(path, "trivial", note="a new warden")
    assert "Judged as trivial: 4 findings." in shown.text
    assert reader.get("/").links("to") == []
    assert len(reader.get("/?state=trivial").links("to")) == 1
    assert "Judged as confirmed: 4 findings." in reader.judge(path, "confirmed").text  # another thought
    assert reader.get("/?state=trivial").links("to") == []


def test_a_cluster_can_be_judged_from_one_of_its_findings_with_a_rule(lived: Lived) -> None:
    names = [f"/a/{name}.htm" for name in ("one", "two", "three")]
    lived.day({name: page(f"Page {name} has a keeper.") for name in [*names, "/a/later.htm"]})
    lived.day({name: page(f"Page {name} has a warden.") for name in names})
    reader = reader_of(lived.config)
    (finding,) = re.findall(
        r'href="(/finding/[^"]*one.htm)"', reader.get(reader.get("/").links("to")[0]).html
    )
    shown = reader.judge(finding, "trivial", whole="1", rule="1")
    assert "Judged as trivial: 3 findings." in shown.text
    lived.day({"/a/later.htm": page("Page /a/later.htm has a warden.")})
    assert reader.get("/").links("to") == []
    shown = reader.get(next(p for p in _all_findings(reader) if p.endswith("later.htm")))
    assert "trivial by the rule of Ann" in shown.text


def _shared_edit(lived: Lived) -> Reader:
    names = ("/a/one.htm", "/a/two.htm", "/a/three.htm")
    lived.day({name: page(f"Page {name} has a keeper.") for name in names})
    lived.day({name: page(f"Page {name} has a warden.") for name in names})
    return reader_of(lived.config)


def test_a_cluster_leaves_what_was_judged_by_name(lived: Lived) -> None:
    reader = _shared_edit(lived)
    (cluster,) = reader.get("/?state=all").links("to")
    own, other, _ = _all_findings(reader)
    reader.judge(own, "confirmed", note="This one matters.", reason=["content_removed"])
    shown = reader.get(cluster)
    assert "This one matters." not in shown.html  # what Ann said of one page is not said of all
    assert " checked" not in shown.html
    shown = reader.judge(cluster, "trivial", reviewer="Bob")
    assert "Judged as trivial: 2 findings. Left as somebody judged them by name: 1." in shown.text
    assert 'value="trivial" required checked' in shown.html  # now the cluster was judged
    assert "confirmed by Ann" in reader.get(own).text
    assert "trivial by Bob" in reader.get(other).text
    shown = reader.judge(cluster, "follow_up", reviewer="Bob")  # another thought, about the same two
    assert "Judged as to follow up: 2 findings." in shown.text
    assert "confirmed by Ann" in reader.get(own).text


def test_a_row_of_several_says_how_many_pages_and_how_many_are_judged(lived: Lived) -> None:
    names = ("/a/one.htm", "/a/two.htm", "/a/three.htm")
    for word, pages in (("keeper", names), ("warden", names), ("keeper", names[:1]), ("warden", names[:1])):
        lived.day({name: page(f"Page {name} has a {word}.") for name in pages})
    reader = reader_of(lived.config)
    shown = reader.get("/")
    assert "The same on 3 pages" in shown.text
    assert "and 2 more 4 findings" in shown.text
    (cluster,) = [path for path in shown.links("to") if path.startswith("/cluster/")]
    assert "<h1>The same on 3 pages</h1>" in reader.get(cluster).html
    findings = re.findall(r'href="(/finding/[^"]*)"', reader.get(cluster).html)
    reader.judge(findings[-1], "confirmed")
    row = reader.get("/?state=all&verdict=silent_edit").html.split('<article class="row">')[1]
    assert "1 of 4 judged" in row
    assert "s-confirmed" not in row
    assert "of 3 judged" not in reader.get("/").text  # where only new ones are listed, all are new
    reader.judge(cluster, "confirmed")
    row = reader.get("/?state=all&verdict=silent_edit").html.split('<article class="row">')[1]
    assert "s-confirmed" in row
    assert "judged" not in row


def test_the_list_outlives_its_temporary_folder(lived: Lived) -> None:
    app = app_of(lived.config)
    reader = Reader(app.test_client())
    assert reader.get("/").status == 200
    rmtree(app.extensions["etolwatch"].standing._place)
    assert reader.get("/").status == 200
    assert reader.get("/?state=all").status == 200


def test_a_damaged_journal_is_told(lived: Lived) -> None:
    reader = _shared_edit(lived)
    reader.judge(_all_findings(reader)[0], "trivial")
    journal = lived.config.store / "review.jsonl"
    assert "damaged" not in reader.get("/?state=all").text + reader.get("/history").text
    journal.write_bytes(journal.read_bytes().replace(b"trivial", b"confirmed"))
    for path in ("/", "/history"):
        assert "1 line of the journal of judgements is damaged" in reader.get(path).text


def test_a_stale_page_of_a_cluster_overrides_nobody(lived: Lived) -> None:
    reader = _shared_edit(lived)
    (cluster,) = reader.get("/").links("to")
    stale = reader.get(cluster)
    reader.judge(cluster, "confirmed", reviewer="Bob")
    names = ("csrf_token", "uri", "at", "digest", "back", "next", "stands", "whole")
    data = {name: stale.field(name) for name in names} | {
        "state": "trivial",
        "reviewer": "Ann",
        "note": "Mine.",
    }
    refused = reader.post("/judge", data)
    assert refused.status == 409
    assert "somebody judged each of them by name" in refused.text
    assert "Mine.</textarea>" in refused.html
    again = {name: refused.field(name) for name in names} | {"state": "trivial", "reviewer": "Ann"}
    assert reader.post("/judge", again).status == 303
    assert "Judged as trivial: 3 findings." in reader.get(cluster).text


def _all_findings(reader: Reader) -> list[str]:
    (cluster,) = reader.get("/?state=all").links("to")
    return re.findall(r'href="(/finding/[^"]*)"', reader.get(cluster).html)


def test_many_rows_are_shown_page_by_page(lived: Lived) -> None:
    names = [f"/a/p{number}.htm" for number in range(60)]
    lived.day({name: page(f"This is {name} as it was.") for name in names})
    lived.day({name: page(f"This is {name} as it was, but for{name.replace('/', ' ')}.") for name in names})
    reader = reader_of(lived.config)
    seen = [*reader.get("/").links("to"), *reader.get("/?page=2").links("to")]
    assert len(seen) == len(set(seen)) == 60
    assert "Page 1 of 2" in reader.get("/").text
    assert reader.get("/?page=99").links("to") == reader.get("/?page=2").links("to")


# ── a finding ──


def test_a_finding_tells_all_of_itself(reader: Reader, lamps: str) -> None:
    text = reader.get(lamps).text
    assert "silent edit, proven" in text
    assert "The committee did [removed: not ] accept" in text
    assert "body, paragraph 5, substantive, negation" in text
    assert "other words" in text  # why it is of this class
    assert "12 paragraphs unchanged" in text
    assert "It lies after the date that the page still states." in text
    assert "payload digest sha1:" in text
    assert "etolwatch verify" in text


def test_it_links_to_both_captures_the_page_and_the_wayback_machine(reader: Reader, lamps: str) -> None:
    html = reader.get(lamps).html
    digits = lamps.split("/")[2]
    assert f'href="/web/{digits}/{LAMPS}"' in html
    assert re.search(rf'href="/web/20261102\d{{6}}/{re.escape(LAMPS)}"', html)
    assert f'href="{LAMPS}"' in html
    assert f'href="https://web.archive.org/web/{digits}/{LAMPS}"' in html


def test_its_commands_verify_it(reader: Reader, demo: Config, lamps: str) -> None:
    shown = reader.get(lamps)
    (block,) = re.findall(r"<pre[^>]*>(.*?)</pre>", shown.html, re.S)
    commands = [shlex.split(line) for line in block.strip().splitlines()]
    assert [command[:2] for command in commands] == [
        ["etolwatch", "verify"], ["warcio", "check"], ["warcio", "check"], ["warcio", "extract"],
        ["warcio", "extract"], ["etolwatch", "diff"],
    ]  # fmt: skip
    modules = {"etolwatch": "etolwatch", "warcio": "warcio.cli"}
    for program, *words in commands:
        ran = subprocess.run(
            [sys.executable, "-m", modules[program], *words],
            cwd=demo.path.parent,
            capture_output=True,
            check=False,
        )
        assert ran.returncode == (1 if words[0] == "diff" else 0), ran.stderr
        if words[0] == "extract":
            (digest,) = re.findall(rb"WARC-Payload-Digest: (\S+)", ran.stdout)
            assert digest.decode() in shown.text
        if words[0] == "diff":
            assert b"[-not" in ran.stdout


def test_every_finding_of_the_demonstration_has_its_page(reader: Reader) -> None:
    for path in [*reader.get("/?state=all").links("to"), *reader.get("/?verdict=first_capture").links("to")]:
        shown = reader.get(path)
        assert shown.status == 200, path
        assert "Cite and verify" in shown.text


def test_what_reports_only_count_asks_for_no_judgement(reader: Reader) -> None:
    path = reader.get("/?verdict=first_capture").links("to")[0]
    assert "nobody need judge it" in reader.get(path).text


def test_a_time_without_a_finding_leads_to_the_version_held_then(reader: Reader, lamps: str) -> None:
    answer = reader.get(f"/finding/20261105235959/{LAMPS}")
    assert (answer.status, answer.response.location) == (302, lamps)


@pytest.mark.parametrize(
    "path",
    [
        f"/finding/20001105235959/{LAMPS}",
        "/finding/20261103070009/https://demo.example/nowhere.htm",
        "/finding/yesterday/https://demo.example/",
        "/finding/20261303070009/https://demo.example/",
        "/finding/99991231235959/https://demo.example/",
        "/finding/99991231235959999999/https://demo.example/",
        "/finding/٢٠٢٦١١٠٣٠٧٠٠٠٩/https://demo.example/",
        "/finding/20261103070009/javascript:alert(1)",
        "/finding/20261103070009/",
        "/cluster/0000000000000000",
        "/cluster/..",
    ],
)
def test_what_is_not_held_is_not_found(reader: Reader, path: str) -> None:
    shown = reader.get(path)
    assert shown.status == 404
    assert "Traceback" not in shown.text


def test_an_address_with_a_query_and_escapes_is_found(lived: Lived) -> None:
    path = "/a/b%2Fc.htm?x=1&y=%C3%A9//z"
    lived.day({path: page("The lamp was lit.")})
    lived.day({path: page("The lamp was out.")})
    reader = reader_of(lived.config)
    (link,) = reader.get("/").links("to")
    assert link.endswith(path)
    assert "silent edit" in reader.get(link).text


def test_next_and_previous_walk_the_list(reader: Reader) -> None:
    rows = reader.get("/").links("to")
    for here, after in itertools.pairwise(rows):
        html = reader.get(here).html
        assert f'rel="next" href="{after}"' in html
        assert f'rel="prev" href="{here}"' in reader.get(after).html
    assert 'rel="next"' not in reader.get(rows[-1]).html
    assert 'rel="prev"' not in reader.get(rows[0]).html


def test_accidentals_are_hidden_together_and_moves_with_their_class(lived: Lived) -> None:
    lived.day({"/a.htm": page("The Lamp was lit, at dusk, and the keeper went home.")})
    lived.day({"/a.htm": page("The lamp was lit at dusk, and the Keeper went home; late.")})
    reader = reader_of(lived.config)
    shown = reader.get(reader.get("/?state=all").links("to")[0])
    assert "all accidentals (capitalisation, punctuation)" in shown.text
    style = reader.get("/static/etolwatch.css").html
    for category in Category:
        assert f".pair .w-{category.value} {{ display: none; }}" in style
        assert f".pair .c-{category.value} .hidden," in style


def test_hebrew_reads_from_the_right_whatever_we_put_before_it(lived: Lived) -> None:
    hebrew = "הפנס דלק בערב."
    lived.day({"/a.htm": page(hebrew)})
    lived.day({"/a.htm": page(f"{hebrew} הים שקט.")})
    reader = reader_of(lived.config)
    tree = lxml.html.fromstring(reader.get(reader.get("/").links("to")[0]).html)
    found = tree.xpath("//div[contains(@class, 'pair')]//p[contains(., 'הפנס')]")
    assert found
    for paragraph in found:
        assert paragraph.get("dir") == "auto"
        # what has a direction of its own is passed over (HTML standard, the dir attribute)
        assert all(one.get("dir") for one in paragraph.xpath(".//*[@class='hidden']"))


def test_both_texts_are_collated_once_and_anew_when_the_finding_is_another(
    reader: Reader, demo: Config, lamps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    collate = findings.aligned

    def counted(*args: Any) -> Aligned:
        made.append(args[2].uri)
        return collate(*args)

    monkeypatch.setattr(findings, "aligned", counted)
    first = reader.get(lamps)
    assert reader.get(lamps).html == first.html
    assert made == [LAMPS]
    with Store(demo.store) as store:
        (told,) = [f for f in store.catalog.findings(uri=LAMPS) if f.verdict == "silent_edit"]
        capture, base = (
            store.catalog.capture_at(LAMPS, told.captured_at),
            store.catalog.capture_at(LAMPS, told.previous_at),
        )
        with store.catalog.transaction():
            store.catalog.add_finding(capture, base, replace(told, normaliser="other rules"))
    assert "made by the rules other rules" in reader.get(lamps).text
    assert made == [LAMPS] * 2


def test_of_a_date_that_went_back_nobody_says_that_it_is_still_stated(lived: Lived) -> None:
    lived.day({"/a.htm": page("The lamp was lit.", "25 October 2012")})
    lived.day({"/a.htm": page("The lamp was out.", "25 October 2010")})
    reader = reader_of(lived.config)
    shown = reader.get(reader.get("/?verdict=date_backwards").links("to")[0])
    assert "The date that the page states now is earlier than the one before." in shown.text
    assert "still states" not in shown.text


def test_two_findings_within_one_second_have_a_page_each(lived: Lived) -> None:
    lived.day({"/a.htm": page("The lamp was lit.")})
    with Store(lived.config.store) as store:
        at = lived.diary.at + timedelta(days=1)
        store.begin_pass(["test"], at)
        for number, text in enumerate(("The lamp was out.", "The lamp was broken.")):
            lived.diary.at = at + timedelta(milliseconds=number)  # and an hour, which a visit takes
            lived.diary.keep(store, answer("/a.htm", page(text)))
        store.end_pass(PassState.COMPLETE, at + timedelta(hours=1))
        jobs.compare(store, lived.config, threading.Event())
    reader = reader_of(lived.config)
    links = reader.get("/").links("to")
    assert sorted(len(link.split("/")[2]) for link in links) == [14, 20]
    later, earlier = sorted(links, key=lambda link: len(link.split("/")[2]))
    assert "[added: out ]" in reader.get(earlier).text
    assert "[added: broken ]" in reader.get(later).text
    assert f'rel="prev" href="{later}"' in reader.get(earlier).html
    reader.judge(earlier, "trivial")
    assert reader.get("/").links("to") == [later]
    assert reader.get("/?state=trivial").links("to") == [earlier]


@pytest.mark.parametrize(
    "at",
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00", "0001-01-01", ""],
)
def test_a_time_at_the_end_of_the_calendar_is_only_not_held(reader: Reader, lamps: str, at: str) -> None:
    data = {"csrf_token": reader.get(lamps).field("csrf_token"), "uri": LAMPS, "at": at}
    assert reader.post("/judge", data).status in (400, 404)


def test_without_its_warc_file_a_finding_still_says_what_the_catalog_has(
    reader: Reader, demo: Config, lamps: str
) -> None:
    whole = reader.get(lamps)
    (gone,) = set(
        re.findall(r"/warc/([^<,]+)</span>, offset \d+, record [^<]*</dd>\s*<dt>Stated", whole.html)
    )
    (demo.store / "warc" / gone).unlink()
    other = Reader(app_of(demo).test_client())
    damaged = other.get(lamps)
    assert damaged.status == 200
    assert f"a WARC file is missing: {demo.store.name}/warc/{gone}" in damaged.text
    assert str(demo.store) not in damaged.text
    for said in ("did [removed: not ] accept", "Timeline of the page", f"{demo.store.name}/warc/{gone}"):
        assert said in damaged.text
    assert "the last compares" not in damaged.text
    assert other.judge(lamps, "confirmed").status == 200


def test_a_broken_catalog_is_told_with_what_mends_it(reader: Reader, demo: Config, lamps: str) -> None:
    (catalog,) = demo.store.glob("catalog.sqlite*3")
    content = bytearray(catalog.read_bytes())
    content[4096 * 2 :] = b"\xa5" * (len(content) - 4096 * 2)
    catalog.write_bytes(content)
    shown = reader.get(lamps)
    assert shown.status == 503
    assert "etolwatch reindex" in shown.text


@pytest.mark.parametrize("verdict", ["page_gone", "page_moved", "suspect_capture"])
def test_a_page_without_a_text_speaks_of_no_comparison_and_tells_its_reason_once(
    reader: Reader, verdict: str
) -> None:
    for path in reader.get(f"/?state=all&verdict={verdict}").links("to"):
        shown = reader.get(path)
        assert "compares both captures" not in shown.text
        assert "etolwatch diff" not in shown.text
        assert shown.html.count('class="why"') <= 1


# ── hostile text ──


def harmless(shown: Page) -> None:
    """Nothing of what was captured is more than text here."""
    for element in lxml.html.fromstring(shown.html).iter(etree.Element):
        assert element.tag not in ("img", "iframe", "object", "embed", "style", "base"), shown.text
        assert element.tag != "script" or element.get("src") == "/static/keys.js"
        for name, value in element.attrib.items():
            assert not name.startswith("on"), (element.tag, name)
            if name in ("href", "src", "action", "formaction"):
                assert re.match(r"https?://|[/?#]", value), value
    told = re.sub(r"<textarea.*?</textarea>", "", shown.html, flags=re.S)  # what a reader typed, to be edited
    for sign in "\u202e\u202c\u2066\u2069\u200f":
        assert sign not in told


def escaped(text: str) -> bytes:
    """As text of a page: the reader of the page sees exactly this."""
    return text.replace("&", "&amp;").replace("<", "&lt;").encode()


def test_hostile_words_are_words_everywhere(lived: Lived) -> None:
    names = [f"/a/{name}.htm" for name in ("one", "two", "three")]
    before = page("It was quiet.", title="Quiet").replace(b"Quiet", escaped(EVIL))
    after = before.replace(b"It was quiet.", escaped(EVIL)).replace(b"11.10.2011", escaped(EVIL)[:90])
    lived.day(dict.fromkeys(names, before))
    lived.day(dict.fromkeys(names, after))
    lived.day({names[0]: after.replace(b"first", escaped(EVIL))})
    reader = reader_of(lived.config)
    reader.judge(_finding_of(reader), "confirmed", note=EVIL, reviewer=EVIL[:60], rule="1", whole="1")
    paths = ["/", "/?state=all", "/?state=confirmed", "/rules", "/history", "/overview", _finding_of(reader)]
    paths += [path for path in reader.get("/?state=all").links("to") if path.startswith("/cluster/")]
    for path in paths:
        shown = reader.get(path)
        assert shown.status == 200
        harmless(shown)
    shown = reader.get(_finding_of(reader))
    assert "<script>document.title='ran'</script>" in shown.text
    assert "{{ 7*7 }}" in shown.text
    assert "<U+202E>esrever<U+202C>" in shown.text


def _finding_of(reader: Reader) -> str:
    rows = reader.get("/?state=all").links("to")
    (cluster,) = [path for path in rows if path.startswith("/cluster/")]
    return re.findall(r'href="(/finding/[^"]*)"', reader.get(cluster).html)[0]


def test_a_hostile_search_comes_back_as_text(reader: Reader) -> None:
    from urllib.parse import quote

    for name in ("q", "site", "folder", "since", "until", "state", "in", "page", "verdict"):
        shown = reader.get(f"/?{name}={quote(EVIL)}")
        assert shown.status == 200
        harmless(shown)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody before a store whose pages became hostile, and then more so."""
    lived = Lived(tmp_path_factory.mktemp("attacked") / "library")
    bodies = {f"/a/{name}": (HOSTILE / name).read_bytes() for name in HOSTILE_NAMES}
    lived.day(dict.fromkeys(bodies, page("It was quiet here, and the lamps were lit at dusk.")))
    lived.day(bodies)
    lived.day({path: body + b"<p>One more paragraph for the road.</p>" for path, body in bodies.items()})
    return reader_of(lived.config)


def test_lists_of_hostile_pages_are_harmless(attacked: Reader) -> None:
    for path in ("/?state=all", "/?state=all&page=2", "/?state=all&page=3", "/overview"):
        harmless(attacked.get(path))


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_findings_on_hostile_pages_are_harmless(attacked: Reader, name: str) -> None:
    rows = attacked.get(f"/?state=all&q=/a/{name}").links("to")
    assert rows
    for row in rows:
        shown = attacked.get(row)
        assert shown.status == 200
        harmless(shown)


def test_the_server_says_nothing_of_itself(demo: Config) -> None:
    answer = Client(app_of(demo)).get("/", headers={"Host": "localhost"})
    assert "Server" not in answer.headers
