"""What a reader would want to be told of a change of words, beside that there is one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from etolwatch.collate.lexicon import Lexicon
from etolwatch.collate.tokens import case, punct, words

NEGATIONS = frozenset(
    """not no never none nor neither nothing nobody nowhere without cannot hardly scarcely
    nicht kein ne pas non""".split()
)
NUMBERS = frozenset(
    """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds
    thousand thousands million millions billion dozen third fourth fifth sixth seventh eighth
    ninth tenth half""".split()
)
MONTH = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
YEAR = re.compile(r"\b1[5-9]\d\ds?\b|\b20\d\ds?\b")
SENTENCE_END = re.compile(r"[.?!…][\"'”’)\]]*\s*$")
LEAST_SENTENCE = 3  # words; fewer may be initials
MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class Context:
    """Some words before and after the place, in the base."""

    before: str = ""
    after: str = ""


def flags(lemma: str, reading: str, lexicon: Lexicon, context: Context) -> tuple[str, ...]:
    """``negation``, ``number``, ``date``, ``name``, ``omission``: those that hold."""
    differing = set(punct(lemma).split()) ^ set(punct(reading).split())
    tests = {
        "negation": bool(differing & NEGATIONS) or _contractions(lemma) != _contractions(reading),
        "number": any(word in NUMBERS or not word.isalpha() for word in differing),
        "date": _is_of_date(lemma, reading, differing, context),
        "name": any(_is_name(text, lexicon, context) for text in (lemma, reading)),
        "omission": not reading and is_sentence(lemma),
    }
    return tuple(name for name, holds in tests.items() if holds)


def _contractions(text: str) -> int:
    return case(text).count("n't")


def _is_of_date(lemma: str, reading: str, differing: set[str], context: Context) -> bool:
    """A month or a year that changed, or a number beside a month."""
    months = [set(MONTH.findall(text)) for text in (lemma, reading)]
    if months[0] != months[1] or any(YEAR.fullmatch(word) for word in differing):
        return True
    beside = " ".join((*context.before.split()[-1:], lemma, reading, *context.after.split()[:1]))
    return any(word.isdigit() for word in differing) and bool(MONTH.search(beside))


def _is_name(text: str, lexicon: Lexicon, context: Context) -> bool:
    """Capitals where no sentence begins; there, only if the word is known to be no other."""
    found = words(text)
    if not 0 < len(found) <= MOST_NAMES or not all(w[0].isupper() and not w.isupper() for w in found):
        return False
    if any(lexicon.is_common(word.lower()) for word in found):
        return False
    begins = not context.before or SENTENCE_END.search(context.before) is not None
    return not begins or not all(lexicon.is_english(word.lower()) for word in found)


def is_sentence(text: str) -> bool:
    """Whether it is a sentence or more: it begins with a capital and ends as one, or has one inside."""
    start = re.search(r"\w", text)
    if start is None or len(words(text)) < LEAST_SENTENCE:
        return False
    whole = start.group().isupper() and SENTENCE_END.search(text) is not None
    return whole or re.search(r"[.?!] +\w[^.?!]{12,}[.?!]", text) is not None
