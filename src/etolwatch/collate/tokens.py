"""A text as tokens with two levels: as printed and as compared (after CollateX's ``t`` and ``n``)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

SINGLE_QUOTES = "\u2018\u2019\u201a\u201b\u2032\u02bc`\u00b4"
DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"
HYPHENS = "\u2010\u2011\u2012\u2013\u2212"
DASHES = "\u2014\u2015"
LIGATURES = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
}

# One character for one, so that offsets hold. The two dashes stay apart from the hyphens:
# a hyphen joins the parts of a word, a dash parts two words.
LEVEL = {
    **dict.fromkeys(SINGLE_QUOTES, "'"),
    **dict.fromkeys(DOUBLE_QUOTES, '"'),
    **dict.fromkeys(HYPHENS, "-"),
    **dict.fromkeys(DASHES, "\u2014"),
}
TYPO = {**dict.fromkeys(HYPHENS + DASHES, "-"), "\u2026": "...", **LIGATURES}
# Few signs of a text are folded: finding those is four times as fast as translating them all.
LEVELLED = re.compile(f"[{re.escape(''.join(LEVEL))}]")
FOLDED = re.compile(f"[{re.escape(''.join(TYPO))}]")
SPACED_DOTS = re.compile(r"\.(?:\s?\.){2,}")
DOUBLE_HYPHEN = re.compile("-{2,}")
# “won't” is not “wont”, nor “we're” “were”: there the apostrophe parts two words.
CONTRACTION = re.compile(r"(?<=[^\W\d_])'(?=(?:t|re|ll|ve|d|m)\b)")
NO_LETTERS = re.compile(r"[\W_]+")

WORD = re.compile(r"[^\W\d_][^\W_]*(?:['-][^\W\d_][^\W_]*)*")  # its apostrophes and inner hyphens
TOKEN = re.compile(
    WORD.pattern + r"|\d+(?:[.,]\d+)*[^\W\d_]*"  # a number: 250,000  3.5  1950s  21st
    r"|\.(?:\s?\.){2,}|\u2026"  # an ellipsis, spaced or not
    r"|-{2,}"
    r"|\S"
)


class Token(NamedTuple):  # a tuple, for a page has thousands
    start: int
    end: int
    t: str  # as printed
    n: str  # as compared: quotes, dashes, ligatures, case levelled


def level(text: str) -> str:
    """Quotes of one level, hyphens and dashes as one sign each; every character keeps its place."""
    return text if text.isascii() else LEVELLED.sub(lambda sign: LEVEL[sign.group()], text)


@lru_cache(maxsize=16)  # the same two texts are asked for their words, their marks, their emphasis
def tokens(text: str) -> tuple[Token, ...]:
    """The words, numbers and single marks of a text, in order; white space is no token."""
    found = []
    for match in TOKEN.finditer(level(text)):
        start, end = match.span()
        printed, levelled = text[start:end], match.group()
        compared = levelled.lower() if levelled.isascii() and levelled.isalnum() else case(levelled)
        found.append(Token(start, end, printed, compared))
    return tuple(found)


def words(text: str) -> list[str]:
    """The words alone, as printed but for the shape of their apostrophes and hyphens."""
    return WORD.findall(level(text))


def typo(text: str) -> str:
    """Folded: the shape of quotes of one level, of dashes and ellipses, ligatures."""
    levelled = level(text)
    levelled = SPACED_DOTS.sub(lambda dots: "." * dots.group().count("."), levelled)
    return DOUBLE_HYPHEN.sub("-", FOLDED.sub(lambda sign: TYPO[sign.group()], levelled))


def case(text: str) -> str:
    """``typo``, in lower case (full case folding would make one letter of ß and ss)."""
    return typo(text).lower()


def punct(text: str) -> str:
    """Letters and digits alone, case folded, word boundaries kept as one space."""
    return NO_LETTERS.sub(" ", CONTRACTION.sub(" ", case(text)).replace("'", "")).strip()


def letters(text: str) -> str:
    """Letters and digits alone, case folded, without boundaries."""
    return NO_LETTERS.sub("", case(text))


def without_diacritics(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))
