"""‘Export of Revolution’: the page of 2011 against the text of 2020, in the site's mark-up.

The fifteen places where they differ were found by laying the two texts side by side, block
by block. The text of 2020 is known without mark-up, so its emphasis is lost: differences of
emphasis are not counted here.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from etolwatch.model import Category, Finding, Grade, Variant, Verdict, Zone

from .conftest import Compare

PAGE = "archive__pearce__1958__08__export.htm"
HEAD = '<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8" />'


def wrapped(text: str, title: str) -> bytes:
    """The plain text of 2020 in the site's mark-up, line by line, under this <title>.

    Line 0 is the bar of links, 1 the author, 2 the title, 3 the date of writing, 4 the
    source, 5 to 8 the epigraphs; then come paragraphs up to “* * *”, notes, the bar of
    links again, and the date line.
    """
    lines = [html.escape(line.strip(), quote=False) for line in re.split(r"\n\s*\n", text) if line.strip()]
    stars = lines.index("* * *")
    marked = [
        f'<p class="linkback">{lines[0]}</p>\n<hr size="1" noshade="noshade" />',
        f"<h2>{lines[1]}</h2>",
        f"<h1>{lines[2]}</h1>",
        f'<h3>{lines[3]}</h3>\n<hr class="infotop" />',
        '<p class="info">' + lines[4].replace("\n", "<br />\n") + '</p>\n<hr class="infobot" />',
        *(f'<p class="quoteb">{line}</p>' for line in lines[5:9]),
        *(f"<p>{_with_marks(line)}</p>" for line in lines[9:stars]),
        f"<h3>{lines[stars]}</h3>",
        *(_note(line) for line in lines[stars + 1 : -2]),
        f'<p class="linkback">{lines[-2]}</p>',
        f'<p class="updat">{lines[-1]}</p>',
    ]
    head = f"{HEAD}{title}</head><body>\n"
    return (head + "\n\n".join(marked) + "\n</body></html>\n").encode()


def _with_marks(line: str) -> str:
    return re.sub(r"\[(\d+)\]", r'<a id="f\1" href="#n\1" name="f\1">[\1]</a>', line)


def _note(line: str) -> str:
    label, text = line.split(". ", 1)
    return f'<p class="note"><a id="n{label}" href="#f{label}" name="n{label}">{label}.</a> {text}</p>'


@dataclass(frozen=True, slots=True)
class Place:
    """One of the fifteen: where, which characters, and the categories that are right for it."""

    categories: frozenset[Category]
    zones: frozenset[Zone]
    lemma: str  # stands in the lemma
    reading: str  # stands in the reading
    near: str = ""  # stands in the lemma, the reading or their context
    note: str | None = None

    def is_shown_by(self, variant: Variant) -> bool:
        around = f"{variant.before} {variant.lemma} {variant.reading} {variant.after}"
        return (
            variant.category in self.categories
            and variant.zone in self.zones
            and self.lemma in variant.lemma
            and self.reading in variant.reading
            and self.near in around
            and (self.note is None or (variant.note or "").strip("[]. ") == self.note)
        )


def place(
    categories: str, zones: str, lemma: str, reading: str, near: str = "", note: str | None = None
) -> Place:
    return Place(
        frozenset(map(Category, categories.split())),
        frozenset(map(Zone, zones.split())),
        lemma,
        reading,
        near,
        note,
    )


# the space before a mark of omission, and before a note mark, is no word and no sign
SPACE = "whitespace typography punctuation"
FIFTEEN = {
    "links above": place("navigation", "navigation", "", ""),
    "pages of the source": place("header credit", "header credit", "", "104–108"),
    "quotation marks round a title": place("punctuation", "epigraph", "", "", "Foundations"),
    # twice: after “Nicholas” and after “bourgeoisie”; the like may be told once, with a count
    "space before an ellipsis": place(SPACE, "body", "", "", "…"),
    # letters that a reader saw, and a broken tag that was none of the author's words
    "a stray /p>": place("substantive markup", "body", "/p", "", "ritual"),
    "space before mark 21": place(f"apparatus {SPACE}", "body", "", "", "lastingness"),
    "hyphen to dash: 1921-22": place("typography", "body", "-", "–", "1921"),
    "head of the notes": place(
        "navigation apparatus structure", "heading note note_heading", "Footnotes", ""
    ),
    "dash to hyphen: 68–69": place("typography", "note", "–", "-", "68", "7"),
    "L Kochan, L. Kochan": place("punctuation", "note", "", ".", "Kochan", "19"),
    "a dash lost: 1919–22": place("punctuation substantive", "note", "–", "", "1919", "22"),
    "E Preobrazhensky, E. Preobrazhensky": place("punctuation", "note", "", ".", "Preobrazhensky", "25"),
    "links below": place("navigation", "navigation", "", ""),
    "the date line": place("updated", "updated", "11.10.2011", "24 February 2020"),
}


@pytest.fixture(scope="module")
def finding(versions: Path, compared: Compare) -> Finding:
    (before,) = (versions / PAGE).glob("1-*.htm")
    (after,) = (versions / PAGE).glob("9-*.txt")
    # the title of 2020 is not known, so that of the earlier page stands in its place
    title = re.search(r"<title>.*?</title>", before.read_text(encoding="ascii"))
    assert title is not None
    return compared(before.read_bytes(), wrapped(after.read_text(encoding="utf-8"), title.group(0)))


@pytest.mark.parametrize("name", FIFTEEN)
def test_each_of_the_fifteen_is_reported(finding: Finding, name: str) -> None:
    assert [each for each in finding.variants if FIFTEEN[name].is_shown_by(each)]


def test_both_spaces_before_an_ellipsis_are_counted(finding: Finding) -> None:
    known = FIFTEEN["space before an ellipsis"]
    assert sum(each.count for each in finding.variants if known.is_shown_by(each)) == 2


def test_nothing_else_is_reported(finding: Finding) -> None:
    others = [
        each
        for each in finding.variants
        if each.grade is not Grade.NONE
        and each.category is not Category.EMPHASIS
        and not any(known.is_shown_by(each) for known in FIFTEEN.values())
    ]
    assert others == []


def test_it_is_declared(finding: Finding) -> None:
    assert finding.verdict is Verdict.DECLARED_EDIT
    assert finding.stated_before is not None
    assert finding.stated_before.raw == "11.10.2011"
    assert finding.stated_after is not None
    assert finding.stated_after.iso == "2020-02-24"
