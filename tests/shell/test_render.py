"""Reports: the order, the words, and that no captured text does anything in any form."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from etolwatch.contract import finding_from_dict
from etolwatch.errors import EtolwatchError
from etolwatch.model import Category, Certainty, Finding, Grade, Kind, Verdict, Zone
from etolwatch.publish.files import write_report, write_whole
from etolwatch.publish.order import RUBRICS, groups, shared_prefix, weighty, words_changed
from etolwatch.publish.phrase import between, changed, clipped, excerpt, place, size, stated, visible
from etolwatch.publish.render import Form, form_of, render
from etolwatch.publish.report import Report

from .findings import LATER, SAME, SITE, at, finding, variant

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e[x](javascript:y) `z` **b** ![i](http://evil/)"


def report(*findings: Finding, **changes: object) -> Report:
    return Report(findings, at(10), **{"scopes": (SITE,), **changes})  # type: ignore[arg-type]


# ── the text form ──


def test_a_line_of_the_report_shows_the_word() -> None:
    silent = finding(certainty=Certainty.PROVEN)
    lines = render(report(silent), Form.TEXT).splitlines()
    assert (
        "1958/08/lamps.htm   SILENT EDIT, proven   1 word   "
        "“Last updated” still 11.10.2011; changed between 2 and 9 November 2026"
    ) in lines
    assert (
        "    … keepers placed some of [-the-]{+their+} two hundred lamps upon …      "
        "body, paragraph 58, substantive"
    ) in lines
    assert lines[0] == f"Addresses are below {SITE}"


def test_silent_edits_come_first_and_each_verdict_has_a_heading() -> None:
    found = [finding(f"{number}.htm", verdict) for number, verdict in enumerate(Verdict)]
    order = [group.verdict for group in groups(found)]
    assert order[0] is Verdict.SILENT_EDIT
    assert (
        order.index(Verdict.UNDATED_EDIT) < order.index(Verdict.DECLARED_EDIT) < order.index(Verdict.COSMETIC)
    )
    assert set(order) == set(Verdict) - {Verdict.FIRST_CAPTURE, Verdict.NO_TEXTUAL_CHANGE}
    assert set(RUBRICS) == set(Verdict)


def test_first_captures_and_same_texts_are_counted_not_listed() -> None:
    first = [finding(f"{n}.htm", Verdict.FIRST_CAPTURE, variants=(), previous_at=None) for n in range(128)]
    same = finding("x.htm", Verdict.NO_TEXTUAL_CHANGE)
    assert render(report(*first, same), Form.TEXT).splitlines() == [
        "128 pages captured for the first time.",
        "1 page with other bytes and the same text.",
    ]


def test_pages_that_never_were_there_are_one_line() -> None:
    gone = [finding(f"{n}.htm", Verdict.PAGE_GONE, variants=(), previous_at=None) for n in "ab"]
    (line,) = render(report(*gone, absent=(SITE + "c.htm",)), Form.TEXT).splitlines()
    assert line == f"3 pages below {SITE} are listed and absent: a.htm, b.htm, c.htm."


def test_pages_that_always_led_elsewhere_are_one_line() -> None:
    moved = [finding(f"{n}.htm", Verdict.PAGE_MOVED, variants=(), previous_at=None) for n in "abc"]
    (line,) = render(report(*moved), Form.TEXT).splitlines()
    assert line == f"3 pages below {SITE} lead elsewhere: a.htm, b.htm, c.htm."


def test_what_rests_on_the_server_alone_says_so() -> None:
    first = finding(
        "a.htm", Verdict.FIRST_CAPTURE, variants=(), previous_at=None, flags=("unwitnessed_change",)
    )
    assert render(report(first), Form.TEXT).splitlines()[1] == (
        "1 of these: the server dates the file later than the page does (Last-Modified)."
    )


def test_a_page_that_went_is_listed_with_its_reason() -> None:
    gone = finding("a.htm", Verdict.PAGE_GONE, variants=(), why="the server answers 410")
    text = render(report(gone), Form.TEXT)
    assert "a.htm   PAGE GONE   gone between 2 and 9 November 2026\n    the server answers 410\n" in text


def test_nothing_is_nothing() -> None:
    assert render(report(), Form.TEXT) == ""


def test_long_lists_are_clipped() -> None:
    many = finding(variants=tuple(variant(f"word{n}", f"term{n}") for n in range(30)))
    text = render(report(many), Form.TEXT)
    assert text.count("[-word") == 8
    assert "… and 22 more places (etolwatch diff 1958/08/lamps.htm)" in text


def test_words_come_before_commas_and_mark_up_does_not_come_at_all() -> None:
    comma = variant("", ",", category=Category.PUNCTUATION, kind=Kind.ADDITION, grade=Grade.COSMETIC)
    markup = variant("x", "y", category=Category.MARKUP, grade=Grade.NONE)
    word = variant()
    assert weighty(finding(variants=(comma, markup, word))) == (word, comma)


def test_color_only_where_it_is_asked_for() -> None:
    assert "\x1b[" in render(report(finding()), Form.TEXT, color=True)
    assert "\x1b[" not in render(report(finding()), Form.TEXT)


# ── phrases ──


@pytest.mark.parametrize(
    ("lemma", "reading", "before", "after", "expected"),
    [
        ("the", "their", "some of", "lamps", "… some of [the|their] lamps …"),  # as earlier releases kept it
        ("the", "their", "some of ", " lamps", "… some of [the|their] lamps …"),
        ("", ",", "however", " the keeper", "… however[|,] the keeper …"),
        (",", "", "however", " the keeper", "… however[,|] the keeper …"),
        ("-", "–", "in 1921", "22 and", "… in 1921[-|–]22 and …"),
        ('"', "“", "Pearce: ", "Export of", '… Pearce: ["|“]Export of …'),
        ("", "not", "was", "so", "… was [|not] so …"),
        ("old", "new", "", "lamp", "[old|new] lamp …"),
        ("old", "new", "the", "", "… the [old|new]"),
        ("old", "new", "(", ")", "… ([old|new]) …"),
    ],
)
def test_an_excerpt_has_the_spaces_of_the_text(
    lemma: str, reading: str, before: str, after: str, expected: str
) -> None:
    found = excerpt(variant(lemma, reading, before=before, after=after))
    assert f"{found.left}[{found.lemma}|{found.reading}]{found.right}" == expected


def test_a_space_that_one_side_alone_has_is_shown() -> None:
    found = excerpt(variant(",", "–", before="came", after=" and", spaced=(",", " –")))
    assert f"{found.left}[{found.lemma}|{found.reading}]{found.right}" == "… came[,| –] and …"


@pytest.mark.parametrize(
    ("lemma", "reading", "expected"),
    [("-", "–", "[-‹-›-]{+‹–›+}"), ("", "+", "{+‹+›+}"), ("a-", "a", "[-a--]{+a+}")],
)
def test_marks_alone_are_set_off(lemma: str, reading: str, expected: str) -> None:
    found = finding(variants=(variant(lemma, reading, before="", after=""),))
    assert f"    {expected}      body" in render(report(found), Form.TEXT)


def test_the_same_words_in_another_dress_stand_once() -> None:
    same = variant(
        "Manchester Guardian",
        "Manchester Guardian",
        category=Category.EMPHASIS,
        grade=Grade.COSMETIC,
        before="",
        after="",
        why="em put on the same words",
    )
    text = render(report(finding(variants=(same,))), Form.TEXT)
    assert "    Manchester Guardian      body, paragraph 58, emphasis, em put on the same words\n" in text
    for form in (Form.TEXT, Form.MARKDOWN, Form.HTML):
        assert render(report(finding(variants=(same,))), form).count("Manchester Guardian") == 1


def test_an_excerpt_is_clipped_between_words() -> None:
    found = excerpt(variant(before="lamp " * 60, after=" oil" * 60))
    assert len(found.left) <= 84
    assert len(found.right) <= 84
    assert set(found.left.split()) == {"…", "lamp"}
    assert set(found.right.split()) == {"…", "oil"}


def test_a_long_reading_keeps_its_ends() -> None:
    text = " ".join(f"w{n}" for n in range(500))
    found = clipped(text, 240)
    assert len(found) < 280
    assert found.startswith("w0 w1 ")
    assert found.endswith(" w498 w499")
    left_out = re.search(r"\((\d+) words\)", found)
    assert left_out
    assert int(left_out[1]) + len(found.replace(left_out[0], "").replace("…", "").split()) == 500


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (SAME, SAME, "“Last updated” still 11.10.2011"),
        (SAME, LATER, "“Last updated” from 11.10.2011 to 9 November 2026"),
        (SAME, None, "“Last updated” 11.10.2011 removed"),
        (None, SAME, "“Last updated” 11.10.2011 added"),
        (None, None, "states no date"),
    ],
)
def test_what_the_page_says_of_its_date(before: object, after: object, expected: str) -> None:
    assert stated(finding(stated_before=before, stated_after=after)) == expected


def test_intervals_are_said_shortly() -> None:
    assert between(at(2), at(9)) == "between 2 and 9 November 2026"
    assert between(at(2).replace(month=10), at(9)) == "between 2 October and 9 November 2026"
    assert between(at(2).replace(year=2025), at(9)) == "between 2 November 2025 and 9 November 2026"
    assert between(at(9, 4), at(9, 16)) == "on 9 November 2026 between 04:17 and 16:17 UTC"
    assert between(at(9), at(9).replace(second=30)) == "on 9 November 2026 between 04:17:00 and 04:17:30 UTC"


def test_the_interval_is_the_narrowed_one() -> None:
    assert (
        changed(finding(changed_after=at(5), changed_until=at(7))) == "changed between 5 and 7 November 2026"
    )
    assert changed(finding(previous_at=None)) == "changed before 9 November 2026"
    assert changed(finding(previous_at=None, captured_at=None)) == ""


def test_how_much_differs() -> None:
    comma = variant("", ",", category=Category.PUNCTUATION, grade=Grade.COSMETIC)
    assert size(finding()) == "1 word"
    assert size(finding(variants=(variant("", "one two three"), comma))) == "3 words"
    assert size(finding(variants=(variant(count=4),))) == "4 words"
    assert size(finding(variants=(comma, comma))) == "2 places"
    assert size(finding(variants=())) == ""


def test_where_and_what() -> None:
    assert place(variant(flags=("negation",))) == "body, paragraph 58, substantive, negation"
    assert place(variant(zone=Zone.NOTE, note="14.", block=14)) == "note 14, substantive"
    assert place(variant(zone=Zone.TITLE, block=1)) == "title, substantive"
    assert (
        place(variant(count=7, category=Category.WORD_DIVISION))
        == "body, paragraph 58, word division, 7 times"
    )
    assert place(variant(zone=Zone.HEADER, block=2, category=Category.HEADER)) == "header, paragraph 2"


def test_whether_words_changed() -> None:
    assert words_changed(finding())
    assert words_changed(finding(verdict=Verdict.DATE_BACKWARDS))
    assert not words_changed(finding(verdict=Verdict.DATE_BACKWARDS, variants=()))
    assert not words_changed(finding(verdict=Verdict.FIRST_CAPTURE, variants=()))


def test_the_shared_prefix() -> None:
    uris = ["https://h/a/b/1.htm", "https://h/a/b/2/3.htm"]
    assert shared_prefix(uris) == "https://h/a/b/"
    assert shared_prefix(uris, ["https://h/a/", "https://h/x/"]) == "https://h/a/"
    assert shared_prefix(["https://h/a/b1", "https://h/a/b2"]) == "https://h/a/"
    assert shared_prefix(["https://h/a", "http://h/a"]) == ""
    assert shared_prefix(["https://h/a", "https://other/a"]) == ""
    assert shared_prefix([]) == ""


# ── nothing of a page acts ──


def hostile() -> Finding:
    dirty = variant(HOSTILE, HOSTILE, before=HOSTILE, after=HOSTILE, flags=(HOSTILE,))
    uri = "https://library.example/a?\"><script>x</script>'"
    return finding(variants=(dirty,), stated_before=None, flags=(HOSTILE,), why=HOSTILE, uri=uri)


def test_a_terminal_is_not_steered() -> None:
    text = render(report(hostile(), notes=(HOSTILE,)), Form.TEXT)
    assert not set(text) & {"\x1b", "\u202e", "\r", "\x9b"}
    assert "␛[31m" in text
    assert visible("a\x9bb\u202ec\td\ne") == "a<U+009B>b<U+202E>c d e"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_html_file_stands_alone_and_runs_nothing() -> None:
    page = render(report(hostile(), finding(), notes=(HOSTILE,)), Form.HTML)
    parser = Tags()
    parser.feed(page)
    names = {tag for tag, _ in parser.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "form", "base", "svg"}
    keys = {key for _, attrs in parser.tags for key in attrs}
    assert not {key for key in keys if key.startswith("on")} | (keys & {"src", "srcset", "style"})
    targets = [attrs["href"] or "" for tag, attrs in parser.tags if tag == "a"]
    assert all(target.startswith(("https://library.example/", "#")) for target in targets)
    policy = next(attrs["content"] for tag, attrs in parser.tags if attrs.get("http-equiv"))
    assert policy is not None
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in page
    assert "@import" not in page
    assert "prefers-color-scheme: dark" in page
    assert "<del>the</del><wbr><ins>their</ins>" in page
    assert "\x1b" not in page


def test_an_address_that_is_none_is_no_link() -> None:
    page = render(report(finding(uri="javascript:alert(1)"), scopes=()), Form.HTML)
    assert 'href="javascript' not in page


def test_markdown_is_escaped() -> None:
    text = render(report(hostile(), finding(), notes=("- www.evil.example 1. x",)), Form.MARKDOWN)
    assert "<script" not in text
    assert "\\[x\\](javascript:y)" in text
    assert "\\*\\*b\\*\\*" in text
    assert "http\\://evil" in text
    assert "www\\.evil.example" in text
    assert "<del>the</del><ins>their</ins>" in text


def test_json_holds_the_findings_in_full() -> None:
    found = finding(certainty=Certainty.PROBABLE)
    data = json.loads(render(report(found, since=at(1)), Form.JSON))
    assert [finding_from_dict(item) for item in data["findings"]] == [found]
    assert data["since"] == "2026-11-01T04:17:00Z"


# ── files ──


def test_reports_are_written_whole(tmp_path: Path) -> None:
    files = write_report(
        report(finding()), tmp_path / "new", "20261109041700", ["html", "markdown", "json", "text"]
    )
    assert [file.name for file in files] == [
        f"20261109041700{end}" for end in (".html", ".md", ".json", ".txt")
    ]
    assert sorted(tmp_path.rglob("*.*")) == sorted(files)
    assert {form_of(file) for file in files} == set(Form)


def test_a_report_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EtolwatchError, match=r"cannot write the report: .*file"):
        write_whole(tmp_path / "file" / "x.html", "")


def test_the_same_edit_on_many_pages_stands_once_with_its_pages() -> None:
    credit = variant("Typed by Ann", "Typed by Ann and Bob", category=Category.CREDIT, zone=Zone.CREDIT)
    pages = [finding(f"{name}.htm", variants=(credit,)) for name in "abc"]
    also = finding("d.htm", variants=(credit, variant("never", "")))
    shared = report(*pages, also)
    text = render(shared, Form.TEXT)
    assert text.count("[-Typed by Ann-]") == 2  # once for the cluster, once on the page that has more to tell
    assert "on 4 pages: a.htm, b.htm, c.htm, d.htm" in text
    assert json.loads(render(shared, Form.JSON))["clusters"][0]["uris"][0] == f"{SITE}a.htm"
    for form in (Form.MARKDOWN, Form.HTML):
        assert "The same edit on 4 pages" in render(shared, form)
