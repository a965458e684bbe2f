"""Generated pages in the mark-up of the watched site: seeded, so always the same.

A page has 80 paragraphs and 50 notes in some 55 KB; its words are made of syllables.
"""

from __future__ import annotations

import random
import re

PARAGRAPHS = 80
NOTES = 50
WORDS_A_PARAGRAPH = 72
WORDS_A_NOTE = 11
SYLLABLES = re.findall(
    r"\w+", "ba co di fa ger hul in jo kel lam mor nen or pel quin ras sel tor un ven wil yar zan"
)
SMALL = re.findall(
    r"\w+", "the of and to in a that was it for on with as by at from which had not be they this"
)
PAGE = """<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
    "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta name="generator" content="HTML Tidy, see www.w3.org" />
<meta http-equiv="content-type" content="text/html; charset=iso-8859-1" />
<title>A Writer: {title}</title>
<link rel="stylesheet" type="text/css" href="../css/doc.css" />
</head>
<body>
<p class="toplink"><a id="top" href="../index.htm" name="top">Library</a>&#160;&#160;&gt;&#160; \
<a href="index.htm">Writer</a></p>

<h2>A Writer</h2>

<h1>{title}</h1>

<h3>(May 1951)</h3>

<hr class="infotop" size="1" noshade="noshade" />
<p class="info">From <strong>A Journal</strong>, Vol.&#160;3 No.&#160;4, May 1951.<br />
Transcribed by a volunteer.</p>

<hr class="infobot" size="1" noshade="noshade" />
{body}

<h3>Notes</h3>

{notes}

<p class="link">&#160;<br />
<a href="#top">Top of the page</a></p>

<hr size="1" noshade="noshade" />
<p class="updat">Last updated on <!-- WebWriter AutoDato -->14.9.2011<!-- WW --></p>
</body>
</html>
"""
INDEX = """<html>
<head><meta http-equiv="content-type" content="text/html; charset=utf-8"><title>A Writer</title></head>
<body>
<p class="title"><a href="../index.htm">Writers</a>: A Writer</p>
<h1>A Writer</h1>
{rows}
<p class="updat">Last updated on 20 January 2019</p>
</body></html>
"""


def page(number: int, seed: int = 0) -> bytes:
    """Page ``number``; with another seed its every sentence is another."""
    dice = random.Random(f"{number}/{seed}")
    words = ["".join(dice.choices(SYLLABLES, k=dice.randint(2, 4))) for _ in range(1200)] + SMALL * 30
    paragraphs = [_paragraph(dice, words, n) for n in range(PARAGRAPHS)]
    notes = [
        f'<p class="note"><a id="n{n}" href="#f{n}" name="n{n}">{n}.</a> '
        f"{_sentence(dice, words, WORDS_A_NOTE)}, p.&#160;{dice.randint(1, 400)}.</p>"
        for n in range(1, NOTES + 1)
    ]
    title = _sentence(dice, words, 5)
    return PAGE.format(title=title, body="\n\n".join(paragraphs), notes="\n\n".join(notes)).encode("ascii")


def index(count: int) -> bytes:
    """The page that lists them all."""
    rows = "\n".join(
        f'<p class="index"><a href="{name(n)}">Work {n}</a> <span class="date">(1951)</span></p>'
        for n in range(count)
    )
    return INDEX.format(rows=rows).encode("ascii")


def name(number: int) -> str:
    return f"page{number:04}.htm"


def _sentence(dice: random.Random, words: list[str], length: int) -> str:
    return " ".join(dice.choices(words, k=length)).capitalize()


def _paragraph(dice: random.Random, words: list[str], number: int) -> str:
    quarter = WORDS_A_PARAGRAPH // 4
    parts = [_sentence(dice, words, quarter) for _ in range(4)]
    text = f"{parts[0]}, &#8216;{parts[1]}&#8217; &#8211; <em>{parts[2]}</em>. {parts[3]}."
    if number < NOTES:
        label = number + 1
        text += f' <a id="f{label}" href="#n{label}" name="f{label}">[{label}]</a>'
    return f"<p>{text}</p>" if number else f'<p class="fst">{text}</p>'
