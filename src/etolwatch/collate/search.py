"""A phrase in the versions of a page: when it came, when it went, where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from etolwatch.collate.phrases import spans
from etolwatch.collate.standing import PageText, Passage, Period, VersionText, periods


@dataclass(frozen=True, slots=True)
class Place:
    """A passage with the phrase: ``spans`` are the (start, end) of the phrase in its text."""

    passage: Passage
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The phrase on one page.

    Decided on the page's whole text, version by version: a passage that was altered around
    the phrase, moved or split still has it. ``places`` are those of the last version that
    has it; of an addition or a removal, those that the change brought or took.
    ``change`` is the version that brought or took them.
    """

    page: PageText
    periods: tuple[Period, ...]
    places: tuple[Place, ...]
    change: VersionText | None = None

    @property
    def stands(self) -> bool:
        """Whether the last version held has it and the page is still there."""
        return self.periods[-1].until is None and not self.page.absent


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the pages with the phrase are asked for; ``since``: it came or went then or later.

    ``added`` and ``removed`` count: a version has the phrase more often, or less, than the
    one before it, so that a “not” put in is found on a page that has others.
    """

    added: bool = False
    removed: bool = False
    since: datetime | None = None


def search(pages: Iterable[PageText], words: tuple[str, ...], wanted: Wanted) -> Iterator[Found]:
    """What was asked for; ``pages`` need hold no passages but those with these folded words."""
    for page in pages:
        stood = periods(page.versions, lambda version: bool(version.passages))
        if not stood:
            continue
        if wanted.added or wanted.removed:
            yield from _change(page, stood, words, wanted)
        elif any(_touches(period, wanted.since) for period in stood):
            yield Found(page, stood, _places(stood[-1].last.passages, words))


def _change(
    page: PageText, stood: tuple[Period, ...], words: tuple[str, ...], wanted: Wanted
) -> Iterator[Found]:
    """The latest change that brought the phrase, or took it."""
    counts = [sum(len(place.spans) for place in _places(v.passages, words)) for v in page.versions]
    for place in range(len(counts) - 1, 0, -1):
        before, after = page.versions[place - 1], page.versions[place]
        grew = counts[place] > counts[place - 1]
        changed = grew if wanted.added else counts[place] < counts[place - 1]
        if changed and _is_since(after.at, wanted.since):
            having, other = (after, before) if grew else (before, after)
            yield Found(page, stood, _places(_apart(having, other), words), after)
            return


def _apart(version: VersionText, other: VersionText) -> tuple[Passage, ...]:
    """The passages that only this version has; all, where they differ in number alone."""
    texts = {passage.text for passage in other.passages}
    return tuple(passage for passage in version.passages if passage.text not in texts) or version.passages


def _touches(period: Period, since: datetime | None) -> bool:
    went = period.until.at if period.until else None
    return _is_since(period.first.at, since) or (went is not None and _is_since(went, since))


def _is_since(at: datetime, since: datetime | None) -> bool:
    return since is None or at >= since


def _places(passages: Iterable[Passage], words: tuple[str, ...]) -> tuple[Place, ...]:
    return tuple(Place(passage, spans(passage.text, words)) for passage in passages)
