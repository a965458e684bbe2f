"""To which class a difference belongs: the tests of the table, the first that holds decides.

Greg (1950): *substantives* touch the author's meaning, *accidentals* its dress. The
machine proposes; the reviewer decides, and for that needs to know why.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from etolwatch.collate.flags import Context, flags
from etolwatch.collate.lexicon import Lexicon, are_british_and_american
from etolwatch.collate.tokens import case, letters, punct, typo, without_diacritics
from etolwatch.model import Category, Grade, Zone

LEAKED_TAG = re.compile(
    r"<?\s*/\s*(?:p|em|i|b|strong|a|h[1-6]|div|span|sup|blockquote|font|center)\s*>|<\s*(?:p|br)\s*/?\s*>"
)
DAMAGE = re.compile("[\ufffd\u00ff?]+")
# U+FFFD and ÿ have no business beside English words; a question mark has, unless it stands
# where the other side has a sign beyond ASCII.
CERTAIN_DAMAGE = frozenset("\ufffd\u00ff")
MOST_RUNS, LONGEST_DAMAGED = 12, 400
MOST_LOST = 4  # characters that one run of damage may stand for
BESIDE_MARKS = re.compile(r" ?([^\w\s]) ?")
# Damerau and Levenshtein: slips of one or two letters; in short words those make other words.
LONGEST_UNSURE, FEWEST_LETTERS = 4, 2


@dataclass(frozen=True, slots=True)
class Class:
    category: Category
    grade: Grade
    why: str
    flags: tuple[str, ...] = ()


def classify(lemma: str, reading: str, zone: Zone, lexicon: Lexicon, context: Context) -> Class:
    """The class of one differing place."""
    return (
        _leaked_tag(lemma, reading)
        or _encoding(lemma, reading)
        or _accidental(lemma, reading, context)
        or _spelling(lemma, reading, lexicon)
        or _by_zone(zone, flags(lemma, reading, lexicon, context))
        or Class(Category.SUBSTANTIVE, Grade.WORDS, "other words", flags(lemma, reading, lexicon, context))
    )


def _leaked_tag(lemma: str, reading: str) -> Class | None:
    """A broken tag that a browser showed as text, such as “/p>”, come or gone."""
    if LEAKED_TAG.fullmatch(lemma + reading) and not (lemma and reading):
        return Class(Category.MARKUP, Grade.COSMETIC, "a broken tag that showed as text")
    return None


# ── encoding ──


def _encoding(lemma: str, reading: str) -> Class | None:
    for clean, damaged, what in ((lemma, reading, "damaged"), (reading, lemma, "repaired")):
        lost = lost_characters(clean, damaged)
        if lost is None:
            continue
        names = ", ".join(_named(part) for part in lost)
        eaten = any(character.isalnum() for part in lost for character in part)
        verb = f"{what}: {''.join(DAMAGE.findall(damaged))} stands for {names}"
        if eaten:
            return Class(
                Category.ENCODING,
                Grade.WORDS,
                f"{verb}, a letter or digit",
                (what, "number") if any(c.isnumeric() for part in lost for c in part) else (what,),
            )
        return Class(Category.ENCODING, Grade.COSMETIC, verb, (what,))
    return None


def _named(part: str) -> str:
    """“£ (pound sign)”: a quotation mark in quotation marks tells a reader nothing."""
    if not part:
        return "an invisible character"
    return " ".join(f"{sign} ({unicodedata.name(sign, 'unnamed').lower()})" for sign in part)


def lost_characters(clean: str, damaged: str) -> tuple[str, ...] | None:
    """What each run of damage signs in ``damaged`` stands for in ``clean``; None if it is no damage."""
    runs = DAMAGE.findall(damaged)
    if len(runs) > MOST_RUNS or max(len(clean), len(damaged)) > LONGEST_DAMAGED:
        return None  # a whole text of question marks: it can only be told as other words
    if not runs or (DAMAGE.search(clean) and not CERTAIN_DAMAGE.isdisjoint(clean)):
        return None
    if not CERTAIN_DAMAGE.isdisjoint("".join(runs)) or not clean.isascii():
        around = DAMAGE.split(damaged)
        pattern = f"(.{{0,{MOST_LOST}}}?)".join(re.escape(part) for part in around)
        found = re.fullmatch(pattern, clean, re.S)
        if found and _is_damage(runs, found.groups()):
            return tuple(found.groups())
    return None


def _is_damage(runs: list[str], lost: tuple[str, ...]) -> bool:
    return all(
        not CERTAIN_DAMAGE.isdisjoint(run) or not part.isascii() for run, part in zip(runs, lost, strict=True)
    ) and any(run != part for run, part in zip(runs, lost, strict=True))


# ── accidentals ──


def _accidental(lemma: str, reading: str, context: Context) -> Class | None:
    if "".join(lemma.split()) == "".join(reading.split()) and punct(lemma) == punct(reading):
        return Class(Category.WHITESPACE, Grade.NONE, "the same signs, other spaces")
    if _level(lemma) == _level(reading):
        return Class(
            Category.TYPOGRAPHY,
            Grade.COSMETIC,
            "the same but for the shape of quotes, dashes, dots or ligatures",
        )
    if case(lemma) == case(reading):
        return Class(Category.CAPITALISATION, Grade.COSMETIC, "the same but for capitals")
    if letters(lemma) == letters(reading) and letters(lemma) and _divided(lemma) == _divided(reading):
        return Class(Category.WORD_DIVISION, Grade.COSMETIC, "the same letters, divided otherwise")
    if punct(lemma) == punct(reading):
        return Class(
            Category.PUNCTUATION,
            Grade.COSMETIC,
            "the same words, other marks",
            _mark_flags(lemma, reading, context),
        )
    return None


def _level(text: str) -> str:
    """``typo``, spaces beside marks dropped; between words they stay, for those make two of one."""
    return BESIDE_MARKS.sub(r"\1", " ".join(typo(text).split()))


def _divided(text: str) -> str:
    """What is left when only the spaces and hyphens between letters are gone."""
    return re.sub(r"(?<=[^\W\d_])[\s-]+(?=[^\W\d_])", "", case(text))


def _mark_flags(lemma: str, reading: str, context: Context) -> tuple[str, ...]:
    """A mark that may weigh: a question, an exclamation, a level of quotation, a mark inside a number."""
    found = []
    whole = f"{context.before[-1:]}{lemma or reading}{context.after[:1]}"
    if re.search(r"\d\W+\d", whole):
        found.append("number")
    for mark in "?!":
        if (mark in lemma) != (mark in reading):
            found.append("semi-substantive")
    quotes = [typo(text).count("'") + 2 * typo(text).count('"') for text in (lemma, reading)]
    if quotes[0] != quotes[1]:
        found.append("semi-substantive")
    return tuple(dict.fromkeys(found))


# ── words ──


def _by_zone(zone: Zone, found: tuple[str, ...]) -> Class | None:
    match zone:
        case Zone.HEADER:
            return Class(Category.HEADER, Grade.WORDS, "other words in the header", found)
        case Zone.CREDIT:
            return Class(Category.CREDIT, Grade.WORDS, "other words in the credits", found)
        case Zone.INDEX:
            return Class(Category.INDEX, Grade.WORDS, "another entry in the list of works", found)
        case _:
            return None


def _spelling(lemma: str, reading: str, lexicon: Lexicon) -> Class | None:
    one, two = case(lemma), case(reading)
    if not (_is_word(one) and _is_word(two)):
        return None
    if without_diacritics(one) == without_diacritics(two):
        return Class(Category.SPELLING, Grade.WORDS, "the same but for accents")
    if are_british_and_american(one, two):
        return Class(Category.SPELLING, Grade.WORDS, "British against American spelling")
    if min(len(one), len(two)) > LONGEST_UNSURE and OSA.distance(one, two) <= FEWEST_LETTERS:
        known = [form for form in (one, two) if lexicon.knows(form)]
        if len(known) == 1:
            return Class(
                Category.SPELLING, Grade.WORDS, f"two letters or less apart, and only “{known[0]}” is known"
            )
    return None


def _is_word(text: str) -> bool:
    return bool(re.fullmatch(r"[^\W\d_]+(?:['-][^\W\d_]+)*", text))
