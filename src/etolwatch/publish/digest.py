"""What a channel is told of a pass, or of a week: the findings that it asked for, as a report.

The thresholds are those of the channel in config.toml; a watch-word in a lemma or a reading
tells of any finding that a report would list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from etolwatch.collate.phrases import spans, words_of
from etolwatch.config import Channel
from etolwatch.model import Capture, Finding, Pass, Trouble
from etolwatch.publish.links import tail
from etolwatch.publish.listing import trouble_text
from etolwatch.publish.news import ORDER, Told, is_listed
from etolwatch.publish.order import RUBRICS
from etolwatch.publish.phrase import MONTHS, day, number, visible
from etolwatch.publish.render import Form, render
from etolwatch.publish.report import Report

WEEK = timedelta(days=7)
KINDS_NAMED = 3
PAGES_NAMED = 5


@dataclass(frozen=True, slots=True)
class Digest:
    """One message: its subject, and what it says."""

    subject: str
    report: Report

    def text(self, form: Form) -> str:
        """The message in this form; the same for the same findings."""
        return render(self.report, form)


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from a Monday, 0:00 UTC; ``name`` as in ISO 8601: "2026-W47"."""

    monday: date

    @classmethod
    def of(cls, at: datetime) -> Week:
        """The week that an instant lies in."""
        found = at.astimezone(UTC).date()
        return cls(found - timedelta(days=found.weekday()))

    @property
    def name(self) -> str:
        year, number_, _ = self.monday.isocalendar()
        return f"{year}-W{number_:02}"

    @property
    def begins_at(self) -> datetime:
        return datetime.combine(self.monday, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        return self.begins_at + WEEK

    @property
    def said(self) -> str:
        """“the week of 16 to 22 November 2026”."""
        first, last = self.monday, self.monday + timedelta(days=6)
        begin = str(first.day)
        if first.month != last.month:
            begin += f" {MONTHS[first.month - 1]}" + (f" {first.year}" if first.year != last.year else "")
        return f"the week of {begin} to {last.day} {MONTHS[last.month - 1]} {last.year}"


def of_pass(
    one: Told,
    channel: Channel,
    troubles: Iterable[Trouble] = (),
    scopes: tuple[str, ...] = (),
    damaged: Iterable[Capture] = (),
) -> Digest | None:
    """What the channel is told of a pass; None if that found nothing of what it asked for.

    ``troubles`` are pages that the pass could not read; ``scopes`` as in a report; ``damaged`` are captures
    of the pass that could not be judged.
    """
    notes = tuple(trouble_text(trouble) for trouble in troubles if _is_of(trouble.site, channel))
    notes += tuple(
        f"{visible(capture.uri)} is not judged yet: a record of it is damaged."
        for capture in damaged
        if _is_of(capture.site, channel)
    )
    return _digest([one], channel, _end(one.made), f"pass of {day(one.made.started_at)}", notes, scopes)


def of_week(
    passes: Sequence[Told], week: Week, channel: Channel, scopes: tuple[str, ...] = ()
) -> Digest | None:
    """What the channel is told of a week's passes; None if they found nothing of what it asked for."""
    return _digest(passes, channel, week.ends_at, week.said, (), scopes, since=week.begins_at)


def wanted(finding: Finding, channel: Channel) -> bool:
    """Whether the channel asked to be told of it."""
    if not is_listed(finding) or not _is_of(finding.site, channel):
        return False
    if watched_words(finding, channel.words):
        return True
    # what has no variants (a page gone) is of no category: the verdict alone says whether it is wanted
    is_of_category = not (channel.categories and finding.variants) or any(
        item.category in channel.categories for item in finding.variants
    )
    return finding.verdict in channel.verdicts and is_of_category


def watched_words(finding: Finding, words: Iterable[str]) -> tuple[str, ...]:
    """Those of the words that stand in a lemma or a reading; case, accents and marks do not matter."""
    texts = [text for item in finding.variants for text in (item.lemma, item.reading) if text]
    return tuple(word for word in words if any(spans(text, words_of(word)) for text in texts))


def _digest(
    passes: Sequence[Told],
    channel: Channel,
    at: datetime,
    about: str,
    notes: tuple[str, ...],
    scopes: tuple[str, ...],
    since: datetime | None = None,
) -> Digest | None:
    found = tuple(item for one in passes for item in one.findings if wanted(item, channel))
    if not found:
        return None
    sites = ", ".join(sorted({item.site for item in found}))
    report = Report(
        found,
        at,
        since=since or min(one.made.started_at for one in passes),
        notes=(*_words_met(found, channel), *notes),
        scopes=scopes,
    )
    return Digest(f"etolwatch: {_kinds(found)} ({sites}, {about})", report)


def _kinds(found: Iterable[Finding]) -> str:
    """“2 silent edits, 1 page gone”, the weightiest first."""
    counts = sorted(Counter(item.verdict for item in found).items(), key=lambda pair: ORDER[pair[0]])
    said = [
        number(count, RUBRICS[verdict].label.lower(), RUBRICS[verdict].heading.lower())
        for verdict, count in counts[:KINDS_NAMED]
    ]
    if rest := sum(count for _, count in counts[KINDS_NAMED:]):
        said.append(f"{rest:,} more")
    return ", ".join(said)


def _words_met(found: Iterable[Finding], channel: Channel) -> Iterable[str]:
    met: dict[str, list[str]] = {}
    for item in found:
        for word in watched_words(item, channel.words):
            met.setdefault(word, []).append(visible(tail(item.uri)))
    for word, pages in met.items():
        named = list(dict.fromkeys(pages))
        more = f" and {len(named) - PAGES_NAMED} more" if len(named) > PAGES_NAMED else ""
        where = f"{', '.join(named[:PAGES_NAMED])}{more}"
        yield f"The watch-word “{visible(word)}” was changed, put in or taken out in {where}."


def _is_of(site: str, channel: Channel) -> bool:
    return not channel.sites or site in channel.sites


def _end(made: Pass) -> datetime:
    return made.finished_at or made.started_at
