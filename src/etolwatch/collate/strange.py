"""Answers that are no texts: gone, moved, suspect. None of them is ever an edit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from etolwatch.collate.tokens import letters
from etolwatch.model import Payload, Verdict, Witness
from etolwatch.text.profiles import Profile
from etolwatch.text.witness import witness

NOT_FOUND = re.compile(
    r"\b(?:file|page|document)s?\b.{0,60}\b(?:not (?:be )?(?:found|here)|does(?: not|n.t) exist|no longer)|"
    r"\bnot found\b|\b404\b|\bno (?:se (?:ha )?)?encontrad|\bno existe\b|\bnicht gefunden\b|\bintrouvable\b|"
    r"\bnon (?:è stat[ao] )?trovat|\bnão (?:foi )?encontrad",
    re.I | re.S,
)
ERROR_TEXT = re.compile(
    r"internal server error|service (?:temporarily )?unavailable|bad gateway|gateway time-?out|"
    r"database (?:connection )?error|error establishing|too many requests|access denied|forbidden",
    re.I,
)
STUB_CHARACTERS = 1500  # a page of not-found or error text is short
CONTROLS = bytes(code for code in range(32) if chr(code) not in "\t\n\f\r\x1b")
TORN, LAST_WORDS = 12, 40  # letters at the end that may be half an entity; letters that tell a place
END_TAG = re.compile(rb"</\s*(?:html|body)\s*>", re.I)


@dataclass(frozen=True, slots=True)
class Read:
    """A payload, and its text where it is one."""

    payload: Payload
    witness: Witness | None

    @property
    def text(self) -> str:
        return " ".join(block.text for block in self.witness.blocks) if self.witness else ""

    @property
    def heading(self) -> str:
        """What the page calls itself."""
        blocks = self.witness.blocks if self.witness else ()
        return " ".join(block.text for block in blocks if block.tag in ("title", "h1", "h2"))


@dataclass(frozen=True, slots=True)
class Strange:
    """Why an answer is not compared."""

    verdict: Verdict
    why: str
    flags: tuple[str, ...] = ()


def read(payload: Payload, profile: Profile) -> Read:
    """The payload with its witness; without, where it is no whole text."""
    whole = payload.status == 200 and not payload.truncated and payload.body.strip()
    return Read(payload, witness(payload, profile) if whole and is_text(payload) else None)


def is_text(payload: Payload) -> bool:
    """Whether its type says that it holds words that can be read (a PDF does not)."""
    declared = (payload.content_type or "text/html").partition(";")[0].strip().lower()
    return declared.startswith("text/") or declared in ("application/xhtml+xml", "")


def strange(base: Read | None, other: Read) -> Strange | None:
    """Why ``other`` is no version to be compared; None if it is one."""
    return _by_status(base, other.payload) or (_by_text(base, other) if other.witness else None)


def _by_status(base: Read | None, payload: Payload) -> Strange | None:
    answers = f"the server answers {payload.status}"
    if payload.status in (404, 410):
        return Strange(Verdict.PAGE_GONE, answers, () if base else ("absent",))  # listed, and never held
    if 300 <= payload.status < 400:
        if payload.final_uri == payload.uri:
            return Strange(Verdict.SUSPECT_CAPTURE, f"redirected ({payload.status}), but to no other address")
        to = f" to {payload.final_uri}" if payload.final_uri else ""
        return Strange(Verdict.PAGE_MOVED, f"redirected ({payload.status}){to}")
    if payload.status != 200:
        return Strange(Verdict.SUSPECT_CAPTURE, answers)
    if payload.truncated:
        return Strange(Verdict.SUSPECT_CAPTURE, "the body is cut off")
    if not payload.body.strip():
        return Strange(Verdict.SUSPECT_CAPTURE, "the body is empty")
    return None


def _by_text(base: Read | None, other: Read) -> Strange | None:
    text = other.text
    if not any(character.isalnum() for character in text):
        return Strange(Verdict.SUSPECT_CAPTURE, "no words in it", ("no_words",))
    if text.count("\N{REPLACEMENT CHARACTER}") * 10 > len(text) or _is_binary(other):
        return Strange(Verdict.SUSPECT_CAPTURE, "more damage than text", ("binary",))
    shrunk = base is not None and 4 * len(text) < len(base.text)
    stub = _stub(other, text if shrunk else other.heading) if len(text) < STUB_CHARACTERS else None
    if stub:
        return stub
    if base and base.witness and _is_cut_off(base, other):
        why = "the same text, but it breaks off and the page is not closed"
        return Strange(Verdict.SUSPECT_CAPTURE, why, ("cut_off",))
    return None


def _is_binary(other: Read) -> bool:
    """Whether controls that no text has make a part of the bytes (UTF-16 has its NULs by right)."""
    if other.witness and other.witness.charset.startswith(("utf-16", "utf-32")):
        return False
    body = other.payload.body
    return len(body.translate(None, CONTROLS)) * 50 < len(body) * 49


def _stub(other: Read, text: str) -> Strange | None:
    """What a short page says: all of it where a text stood, its headings where nothing shrank."""
    if NOT_FOUND.search(text):
        why = "status 200, but the text says that nothing is here"
        return Strange(Verdict.PAGE_GONE, why, ("soft_404",))
    if other.witness and other.witness.refresh:
        target = urljoin(other.payload.uri, other.witness.refresh)
        return Strange(Verdict.PAGE_MOVED, f"a stub that leads on to {target}", ("refresh_stub",))
    if ERROR_TEXT.search(text):
        return Strange(Verdict.SUSPECT_CAPTURE, "the text is that of an error", ("error_text",))
    return None


def _is_cut_off(base: Read, other: Read) -> bool:
    """Whether the text breaks off where the earlier one went on, and only the earlier page is closed.

    Words may have been edited before the break; what counts is that the last words stand in
    the earlier text and that nothing of what followed them is left.
    """
    if END_TAG.search(other.payload.body[-400:]) or not END_TAG.search(base.payload.body[-400:]):
        return False
    one, two = letters(base.text), letters(other.text)
    last = two[:-TORN][-LAST_WORDS:]
    at = one.rfind(last)
    if at < 0 or len(two) >= len(one):
        return False
    lost = one[at + len(last) + TORN :]
    return len(lost) > TORN and lost[-LAST_WORDS:] not in two
