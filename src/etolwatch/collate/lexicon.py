"""Which words are known: an English word list, British and American pairs, the pages, the archive.

The list is symspellpy's (82,765 words, inflected, both spellings, made from SCOWL and
Google Books); the pairs are breame's. Other languages fall back on the pages and the
archive's own words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from importlib.resources import files

from etolwatch.collate.tokens import words

WORD_LIST = "frequency_dictionary_en_82_765.txt"
Knows = Callable[[str], bool]


def knows_nothing(word: str) -> bool:
    """For a comparison without an archive."""
    return False


@lru_cache(maxsize=1)
def english() -> frozenset[str]:
    """English words in lower case."""
    text = (files("symspellpy") / WORD_LIST).read_text(encoding="utf-8-sig")
    return frozenset(line.partition(" ")[0] for line in text.splitlines())


# What breame's tables lack.
OLDER_SPELLINGS = {
    "gaol": "jail",
    "gaoler": "jailer",
    "shew": "show",
    "shewn": "shown",
    "reflexion": "reflection",
}


def are_british_and_american(one: str, two: str) -> bool:
    """Whether two lower-case words are one word in the two spellings."""
    from breame.spelling import AMERICAN_ENGLISH_SPELLINGS, BRITISH_ENGLISH_SPELLINGS

    tables = (AMERICAN_ENGLISH_SPELLINGS, BRITISH_ENGLISH_SPELLINGS, OLDER_SPELLINGS)
    return any(table.get(one) == two or table.get(two) == one for table in tables)


class Lexicon:
    """The words that a comparison may ask for; each source is read when it is first needed."""

    def __init__(self, texts: Iterable[str] = (), archive: Knows = knows_nothing) -> None:
        self.texts = tuple(texts)
        self.archive = archive

    def knows(self, word: str) -> bool:
        """Whether a lower-case word is known apart from the place where it is asked about."""
        return word in english() or word in self._on_page or self.archive(word)

    def is_common(self, word: str) -> bool:
        """Whether a lower-case word is also written in lower case, so is no name."""
        return word in self._in_lower_case

    def is_english(self, word: str) -> bool:
        """Whether a lower-case word stands in the word list (which has first names too)."""
        return word in english()

    @cached_property
    def _on_page(self) -> frozenset[str]:
        """Words that stand on two pages, or twice on one."""
        counts = [Counter(words(text.lower())) for text in self.texts]
        twice = {word for count in counts for word, times in count.items() if times > 1}
        everywhere = set[str].intersection(*map(set, counts)) if counts else set[str]()
        return frozenset(twice | everywhere)

    @cached_property
    def _in_lower_case(self) -> frozenset[str]:
        return frozenset(word for text in self.texts for word in words(text) if word.islower())
