"""The words of a report: a finding and its variants said in short phrases, in no form yet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from etolwatch.collate.cluster import Cluster
from etolwatch.model import Category, Finding, Grade, Kind, StatedDate, Variant, Verdict, Zone

CONTEXT = 80  # characters of context on each side of a change
LONGEST = 240  # characters of a lemma or reading, before its middle is left out
# Flags of a finding that need more than their name.
FLAGS = {
    "ambiguous_date": "the date can be read day first or month first",
    "future_date": "the date lies in the future",
    "lying_last_modified": "the server's Last-Modified cannot be true",
    "stamped_date": "the date is set by an editor program",
    "unreadable_date": "the date cannot be read",
    "not_text": "its words are not read",
}
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
# C0 and C1 controls could steer a terminal; the bidirectional ones could turn a line round.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# What a reader takes for a part of [- -] and {+ +}, where no word tells it from them.
ALIKE = frozenset("-+[]{}\u2010\u2011\u2012\u2013\u2014\u2015\u2212")
# No text was read there, so nothing is said of its date; and what the time is the time of.
NOT_READ = {Verdict.PAGE_GONE: "gone", Verdict.PAGE_MOVED: "moved", Verdict.SUSPECT_CAPTURE: "asked"}


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One variant in its context, spaces included: left + lemma + right was, left + reading + right is."""

    left: str
    lemma: str
    reading: str
    right: str
    moved: bool = False

    @property
    def is_same(self) -> bool:
        """Whether the words are the same on both sides, so that only their dress or place differs."""
        return bool(self.lemma) and self.lemma == self.reading


def visible(text: str) -> str:
    """The text on one line, with each character that could steer a terminal made visible."""
    return UNSAFE.sub(_picture, " ".join(re.split("[\t\n\r ]+", text)))


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else f"<U+{code:04X}>"


def excerpt(variant: Variant, context: int = CONTEXT, longest: int = LONGEST) -> Excerpt:
    """The variant with at most ``context`` characters on each side, cut between words."""
    lemma, reading = (
        clipped(visible(text), longest) for text in variant.spaced or (variant.lemma, variant.reading)
    )
    left, right = _tail(visible(variant.before), context), _head(visible(variant.after), context)
    words = [text for text in (lemma, reading) if text]
    return Excerpt(
        left + _gap(left, words),
        lemma,
        reading,
        _gap(right[::-1], [text[::-1] for text in words]) + right,
        variant.kind is Kind.TRANSPOSITION,
    )


def marked(opening: str, text: str, closing: str) -> str:
    """The text between delimiters: “[-the-]”. A dash alone would run into these: “[-‹-›-]”."""
    unlike = any(character.isalnum() for character in text) or ALIKE.isdisjoint(text)
    return f"{opening}{text}{closing}" if unlike else f"{opening}‹{text}›{closing}"


def clipped(text: str, longest: int) -> str:
    """The text, or its beginning and end with a count of the words left out between them."""
    if len(text) <= longest:
        return text
    head = text[: longest * 2 // 3].rpartition(" ")[0] or text[: longest * 2 // 3]
    tail = text[-longest // 3 :].partition(" ")[2] or text[-longest // 3 :]
    left_out = len(text[len(head) : len(text) - len(tail)].split())
    return f"{head} … ({number(left_out, 'word')}) … {tail}"


def place(variant: Variant) -> str:
    """Where and of what kind: “body, paragraph 58, substantive, negation”."""
    parts = [*where(variant.zone, variant.block, variant.note), variant.category.value.replace("_", " ")]
    parts += [flag.replace("_", " ") for flag in variant.flags]
    if variant.count > 1:
        parts.append(f"{variant.count} times")
    if variant.lemma and variant.lemma == variant.reading:
        parts.append(variant.why)
    seen = dict.fromkeys(visible(part) for part in parts)
    return ", ".join(seen)


def size(finding: Finding) -> str:
    """How much differs: “1 word”, “12 words”, “3 places”; empty where nothing does."""
    words = sum(
        _words(variant) * variant.count for variant in finding.variants if variant.grade is Grade.WORDS
    )
    if words:
        return number(words, "word")
    places = sum(variant.count for variant in finding.variants if variant.grade is Grade.COSMETIC)
    return number(places, "place") if places else ""


def stated(finding: Finding) -> str:
    """What the page says of its own date: “‘Last updated’ still 11.10.2011”."""
    before, after = finding.stated_before, finding.stated_after
    if before is None and after is None:
        return "states no date"
    if before is None or after is None:
        return f"“Last updated” {_raw(after)} added" if after else f"“Last updated” {_raw(before)} removed"
    if before.raw == after.raw:
        return f"“Last updated” still {_raw(after)}"
    return f"“Last updated” from {_raw(before)} to {_raw(after)}"


def facts(finding: Finding) -> tuple[str, ...]:
    """How much, what the page says of its date, when, flags: what there is to say, in this order."""
    found = [changed(finding), flags(finding)]
    if finding.verdict not in NOT_READ:
        found = [size(finding), stated(finding), *found]
    return tuple(fact for fact in found if fact)


def reason(finding: Finding) -> str:
    """Why no variant is shown, where that needs saying; else nothing."""
    is_unread = finding.verdict in NOT_READ or "not_text" in finding.flags
    return visible(finding.why) if is_unread else ""


def changed(finding: Finding) -> str:
    """When it changed: “changed between 2 and 9 November 2026”; empty where that is unknown."""
    if finding.verdict is Verdict.SUSPECT_CAPTURE:
        return f"asked on {day(finding.captured_at)}" if finding.captured_at else ""
    after = finding.changed_after or finding.previous_at
    until = finding.changed_until or finding.captured_at
    verb = "other bytes" if finding.verdict is Verdict.NO_TEXTUAL_CHANGE else "changed"
    verb = NOT_READ.get(finding.verdict, verb)
    if after and until:
        return f"{verb} {between(after, until)}"
    return f"{verb} before {day(until)}" if until else ""


def between(after: datetime, until: datetime) -> str:
    """The interval in words, as short as it can be said: “between 2 and 9 November 2026”."""
    first, last = after.astimezone(UTC), until.astimezone(UTC)
    if first.date() == last.date():
        form = "%H:%M" if last - first >= timedelta(minutes=2) else "%H:%M:%S"
        return f"on {day(last)} between {first:{form}} and {last:{form}} UTC"
    if (first.year, first.month) == (last.year, last.month):
        return f"between {first.day} and {day(last)}"
    if first.year == last.year:
        return f"between {first.day} {MONTHS[first.month - 1]} and {day(last)}"
    return f"between {day(first)} and {day(last)}"


def day(at: datetime) -> str:
    """The day in UTC: “9 November 2026”. English, whatever the locale."""
    at = at.astimezone(UTC)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def moment(at: datetime) -> str:
    """The day and minute in UTC: “9 November 2026, 04:17 UTC”."""
    return f"{day(at)}, {at.astimezone(UTC):%H:%M} UTC"


def number(count: int, noun: str, plural: str = "") -> str:
    """“1 page”, “1,200 pages”."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def size_of(count: float) -> str:
    """Bytes for people: “812 B”, “1.4 MiB”."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def flags(finding: Finding) -> str:
    """The finding's flags in words, or nothing."""
    return ", ".join(FLAGS.get(flag, visible(flag.replace("_", " "))) for flag in finding.flags)


def shared_by(cluster: Cluster, prefix: str, named: int) -> str:
    """The pages of a cluster: “on 14 pages: a.htm, b.htm … and 12 more”."""
    pages = [visible(finding.uri.removeprefix(prefix)) for finding in cluster.findings]
    more = f" … and {len(pages) - named:,} more" if len(pages) > named else ""
    return f"on {number(len(pages), 'page')}: {', '.join(pages[:named])}{more}"


def where(zone: Zone | None, block: int | None, note: str | None) -> list[str]:
    """Where on the page, part by part: “body”, “paragraph 58”; “note 14”."""
    if zone is None:
        return []
    if zone is Zone.NOTE:
        return [f"note {visible(note).rstrip('.')}" if note else "notes"]
    name = "title" if zone is Zone.TITLE else zone.value.replace("_", " ")
    if block is None or zone in (Zone.TITLE, Zone.UPDATED):
        return [name]
    noun = {Zone.INDEX: "entry", Zone.HEADING: "number"}.get(zone, "paragraph")
    return [name, f"{noun} {block}"]


def _words(variant: Variant) -> int:
    if variant.category is Category.UPDATED:
        return 0
    return max(len(variant.lemma.split()), len(variant.reading.split()), 1)


def _raw(date: StatedDate | None) -> str:
    return clipped(visible(date.raw), 60) if date else ""


def _tail(text: str, length: int) -> str:
    if not text.strip():
        return ""
    cut = text if len(text) <= length else text[-length:].partition(" ")[2] or text[-length:]
    return cut if cut.startswith("…") else f"… {cut.lstrip()}"


def _head(text: str, length: int) -> str:
    if not text.strip():
        return ""
    # a first character that is a space belongs to the page
    cut = text if len(text) <= length else text[0] + (text[1:length].rpartition(" ")[0] or text[1:length])
    return cut if cut.endswith("…") else f"{cut.rstrip()} …"


def _gap(left: str, words: list[str]) -> str:
    """A space between two words, for findings of earlier releases, whose context has none at its ends."""
    meeting = bool(left) and left[-1].isalnum() and any(text[0].isalnum() for text in words)
    return " " if meeting else ""
