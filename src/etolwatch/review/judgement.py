"""What a person says of findings: the values, and the line of the journal that holds each.

A line has one of four keys for what it is about: ``finding``, ``cluster``, ``rule`` or ``undoes``. Keys that
this program does not know are left alone: lines are never written anew.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from etolwatch.contract import instant_from_text, instant_to_text
from etolwatch.errors import UsageError

FORM = 1
FORM_FIELD = "etolwatch-judgement"
LONGEST_NOTE = 10_000  # characters; a cell of a spreadsheet holds 32,767
LONGEST_NAME = 100
# C0 and C1 controls but tab and line feed, what turns a line round, halves of characters, and what XML
# cannot hold.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


class State(StrEnum):
    """How a finding stands with its readers."""

    NEW = "new"
    CONFIRMED = "confirmed"
    TRIVIAL = "trivial"
    FALSE_ALARM = "false_alarm"
    FOLLOW_UP = "follow_up"

    @property
    def label(self) -> str:
        """In words: “to follow up”."""
        return "to follow up" if self is State.FOLLOW_UP else self.value.replace("_", " ")


class Reason(StrEnum):
    """Why a finding was judged so: the list of EDGI's analysts, then what texts need beside it.

    The first thirteen are those of the annotation form of EDGI's web-monitoring-ui (2017); `EDGI`
    names its field for each.
    """

    DATE_ONLY = "date_only"
    TEXT_OR_NUMBER = "text_or_number"
    IMAGE = "image"
    LINK = "link"
    FORM = "form"
    PAGE_REMOVAL = "page_removal"
    HEADER_OR_MENU = "header_or_menu"
    TEMPLATE = "template"
    FOOTER_OR_SITE_MAP = "footer_or_site_map"
    SIDEBAR = "sidebar"
    BANNER_OR_ADVERTISEMENT = "banner_or_advertisement"
    SCROLLING_NEWS = "scrolling_news"
    CONTENT_REMOVED = "content_removed"
    TYPOGRAPHY = "typography"
    SPELLING = "spelling"
    FORMATTING = "formatting"
    STRUCTURE = "structure"
    NOTES_OR_CREDIT = "notes_or_credit"
    ENCODING_DAMAGED = "encoding_damaged"
    ENCODING_RESTORED = "encoding_restored"
    MISREAD = "misread"
    FAULTY_ANSWER = "faulty_answer"

    @property
    def label(self) -> str:
        """In words, for a form: “text or number”."""
        return _LABELS[self]


_LABELS = {
    Reason.DATE_ONLY: "date and time only",
    Reason.TEXT_OR_NUMBER: "text or number",
    Reason.IMAGE: "image",
    Reason.LINK: "link",
    Reason.FORM: "form or interactive part",
    Reason.PAGE_REMOVAL: "removal of the page",
    Reason.HEADER_OR_MENU: "repeated: header or menu",
    Reason.TEMPLATE: "repeated: template or page format",
    Reason.FOOTER_OR_SITE_MAP: "repeated: footer or site map",
    Reason.SIDEBAR: "repeated: sidebar",
    Reason.BANNER_OR_ADVERTISEMENT: "repeated: banner or advertisement",
    Reason.SCROLLING_NEWS: "repeated: scrolling news",
    Reason.CONTENT_REMOVED: "content removed",
    Reason.TYPOGRAPHY: "typography",
    Reason.SPELLING: "spelling",
    Reason.FORMATTING: "formatting",
    Reason.STRUCTURE: "paragraphs moved or split",
    Reason.NOTES_OR_CREDIT: "notes or credit",
    Reason.ENCODING_DAMAGED: "characters damaged",
    Reason.ENCODING_RESTORED: "characters restored",
    Reason.MISREAD: "misread by etolwatch",
    Reason.FAULTY_ANSWER: "faulty answer of the server",
}

# The field of EDGI's annotation form for a reason; what is not here has none.
EDGI = {
    Reason.DATE_ONLY: "indiv_1",
    Reason.TEXT_OR_NUMBER: "indiv_2",
    Reason.IMAGE: "indiv_3",
    Reason.LINK: "indiv_4",
    Reason.FORM: "indiv_5",
    Reason.PAGE_REMOVAL: "indiv_6",
    Reason.HEADER_OR_MENU: "repeat_7",
    Reason.TEMPLATE: "repeat_8",
    Reason.FOOTER_OR_SITE_MAP: "repeat_9",
    Reason.SIDEBAR: "repeat_10",
    Reason.BANNER_OR_ADVERTISEMENT: "repeat_11",
    Reason.SCROLLING_NEWS: "repeat_12",
    Reason.CONTENT_REMOVED: "sig_3",
}


@dataclass(frozen=True, slots=True)
class FindingTarget:
    """One finding, as it was when it was judged; ``digest`` as `contract.digest_of` makes it."""

    uri: str
    captured_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class ClusterTarget:
    """Findings that tell the same, judged at one stroke; ``signature`` as `cluster.signature_of` makes it."""

    signature: str
    findings: tuple[FindingTarget, ...]


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """All findings of this signature, also those to come, unless somebody judged one of them itself.

    ``edit`` is what they tell, in a line, for who looks at the rules; ``example`` one of them.
    """

    signature: str
    edit: str
    example: FindingTarget


Target = FindingTarget | ClusterTarget | RuleTarget


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one person said at one time; a line of the journal.

    ``follows`` are the judgements that stood for its targets when it was made: over these it
    prevails, whatever the clocks say. An undo has ``undoes``, no target, and the state NEW, which
    says nothing. ``after`` is what the same reviewer had judged last, of anything, as far as the writer
    knew; undos stand apart from that.
    """

    id: str  # "urn:uuid:…"
    at: datetime
    reviewer: str
    state: State
    reasons: tuple[Reason, ...]
    note: str
    target: Target | None
    follows: tuple[str, ...] = ()
    undoes: str | None = None
    after: str | None = None

    @property
    def findings(self) -> tuple[FindingTarget, ...]:
        """The findings that it is about by name; none for a rule or an undo."""
        if isinstance(self.target, FindingTarget):
            return (self.target,)
        return self.target.findings if isinstance(self.target, ClusterTarget) else ()


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is said, without of what, by whom and when. Make one with `opinion`."""

    state: State
    reasons: tuple[Reason, ...] = ()
    note: str = ""


def opinion(state: str, reasons: Iterable[str] = (), note: str = "") -> Opinion:
    """An opinion from what a person typed: names or labels in any case, the note cleaned.

    Raises UsageError, which names the state or reason that is none, or a note that is too long.
    """
    chosen = {reason_named(text) for text in reasons}
    kept = clean_note(note)
    if len(kept) > LONGEST_NOTE:
        raise UsageError("the note is too long", f"{len(kept):,} characters", f"at most {LONGEST_NOTE:,}")
    return Opinion(state_named(state), tuple(item for item in Reason if item in chosen), kept)


def state_named(text: str) -> State:
    """The state of this name or label, in any case. Raises UsageError."""
    wanted = _name(text).removeprefix("to_")
    for state in State:
        if wanted == state.value:
            return state
    raise UsageError("no such state", text.strip(), f"one of {', '.join(State)}")


def reason_named(text: str) -> Reason:
    """The reason of this name or label, in any case. Raises UsageError."""
    wanted = _name(text)
    for reason in Reason:
        if wanted in (reason.value, _name(reason.label)):
            return reason
    raise UsageError("no such reason", text.strip(), f"one of {', '.join(Reason)}")


def _name(text: str) -> str:
    return "_".join(re.findall(r"\w+", text.casefold().replace("_", " ")))


def clean_note(text: str) -> str:
    """The note with line feeds for line ends, without what cannot be written, nor white space around it."""
    return _UNWRITABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def clean_name(text: str) -> str:
    """The reviewer's name on one line. Raises UsageError if nothing is left of it, or too much."""
    name = " ".join(_UNWRITABLE.sub("", text).split())
    if not name or len(name) > LONGEST_NAME:
        expected = f"1 to {LONGEST_NAME} characters"
        raise UsageError("the reviewer has no usable name", repr(text[:LONGEST_NAME]), expected)
    return name


def new_id() -> str:
    """A new ``urn:uuid:…`` (RFC 9562, version 4)."""
    return uuid.uuid4().urn


# ── as a line ────────────────────────────────────────────────────────────────────────


class NotUnderstood(Exception):
    """A whole line that this program cannot read: one of a later program, or none of a judgement."""


def to_entry(judgement: Judgement) -> dict[str, Any]:
    """The object of the journal's line, without its digest."""
    entry: dict[str, Any] = {
        FORM_FIELD: FORM,
        "id": judgement.id,
        "at": instant_to_text(judgement.at),
        "reviewer": judgement.reviewer,
    }
    if judgement.undoes is not None:
        return {**entry, "undoes": judgement.undoes}
    entry |= {"state": judgement.state.value, "reasons": [item.value for item in judgement.reasons]}
    entry["note"] = judgement.note
    match judgement.target:
        case FindingTarget():
            entry["finding"] = _target_to_dict(judgement.target)
        case ClusterTarget(signature, findings):
            entry["cluster"] = {
                "signature": signature,
                "findings": [_target_to_dict(one) for one in findings],
            }
        case RuleTarget(signature, edit, example):
            entry["rule"] = {"signature": signature, "edit": edit, "example": _target_to_dict(example)}
    entry["follows"] = list(judgement.follows)
    return entry if judgement.after is None else {**entry, "after": judgement.after}


def from_entry(entry: Mapping[str, Any]) -> Judgement:
    """The judgement that `to_entry` wrote. Raises NotUnderstood."""
    try:
        undoes, after = entry.get("undoes"), entry.get("after")
        at = instant_from_text(entry["at"])
        if at is None or entry[FORM_FIELD] != FORM:
            raise NotUnderstood("its form is another than this etolwatch knows")
        return Judgement(
            id=_text(entry["id"]),
            at=at,
            reviewer=_text(entry["reviewer"]),
            state=State(entry["state"]) if undoes is None else State.NEW,
            reasons=tuple(map(Reason, entry.get("reasons", ()))),
            note=_text(entry.get("note", "")),
            target=_target(entry) if undoes is None else None,
            follows=tuple(map(_text, entry.get("follows", ()))),
            undoes=None if undoes is None else _text(undoes),
            after=None if after is None else _text(after),
        )
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise NotUnderstood(f"it is no judgement that this etolwatch knows ({error!r})") from error


def _target(entry: Mapping[str, Any]) -> Target:
    if "finding" in entry:
        return _target_from_dict(entry["finding"])
    if "cluster" in entry:
        found = entry["cluster"]
        return ClusterTarget(_text(found["signature"]), tuple(map(_target_from_dict, found["findings"])))
    found = entry["rule"]
    return RuleTarget(_text(found["signature"]), _text(found["edit"]), _target_from_dict(found["example"]))


def _target_to_dict(target: FindingTarget) -> dict[str, Any]:
    return {
        "uri": target.uri,
        "captured_at": instant_to_text(target.captured_at),
        "digest": target.digest,
    }


def _target_from_dict(data: Mapping[str, Any]) -> FindingTarget:
    at = instant_from_text(data["captured_at"])
    if at is None:
        raise NotUnderstood("its finding has no time")
    return FindingTarget(_text(data["uri"]), at, _text(data["digest"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    value.encode()  # halves of characters, which a forger may escape, no database keeps
    return value
