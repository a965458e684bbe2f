"""Two payloads to a finding: what stands outside the text is asked first, then the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from etolwatch.collate import verdict
from etolwatch.collate.collation import collate
from etolwatch.collate.lexicon import Knows, knows_nothing
from etolwatch.collate.strange import Read, is_text, read, strange
from etolwatch.collate.verdict import Ruling, Side
from etolwatch.model import Category, Finding, Grade, Kind, Payload, StatedDate, Variant, Verdict
from etolwatch.text.dates import order_of, settled
from etolwatch.text.profiles import Profile
from etolwatch.text.witness import NORMALISER

COLLATION_RULES = 1  # raised whenever a finding on the same texts would come out otherwise
RULES = f"{NORMALISER}; etolwatch-collate {COLLATION_RULES}"

MARKUP = Variant(
    Category.MARKUP,
    Kind.SUBSTITUTION,
    Grade.NONE,
    None,
    None,
    None,
    "",
    "",
    "",
    "",
    why="other bytes, the same text",
)
OTHER_BYTES = replace(
    MARKUP, category=Category.SUBSTANTIVE, grade=Grade.WORDS, why="other bytes; its words are not read"
)


def compare(before: Payload, after: Payload, profile: Profile) -> Finding:
    """The finding on ``after`` against ``before``, with nothing else known."""
    return judge(read(before, profile), read(after, profile))


def judge(
    base: Read | None,
    other: Read,
    *,
    site: str = "",
    archive: Knows = knows_nothing,
    elsewhere: Sequence[StatedDate] = (),
) -> Finding:
    """The finding on ``other`` against the version before it (None: there was none).

    ``archive`` tells whether a word stands elsewhere in the archive; ``elsewhere`` are dates
    that other captures of the page state, which may settle what 3.8.2008 means. Never
    fails on what was fetched: a body that is no text gives ``suspect_capture``.
    """
    base, other = _settled(base, other, elsewhere)
    ruling, variants = _ruling(base, other, archive)
    before = base.payload if base else None
    finding = Finding(
        uri=other.payload.uri,
        site=site,
        captured_at=other.payload.captured_at,
        previous_at=before.captured_at if before else None,
        normaliser=RULES,
        verdict=ruling.verdict,
        certainty=ruling.certainty,
        flags=ruling.flags,
        stated_before=base.witness.stated if base and base.witness else None,
        stated_after=other.witness.stated if other.witness else None,
        variants=variants,
        changed_after=ruling.changed_after,
        changed_until=ruling.changed_until,
        why=ruling.why,
    )
    return _moved(finding, other.payload)


def _settled(base: Read | None, other: Read, elsewhere: Sequence[StatedDate]) -> tuple[Read | None, Read]:
    """Both sides with dates read in the order that the page's captures show."""
    sides = [side.witness.stated for side in (base, other) if side and side.witness]
    order = order_of([*elsewhere, *sides])
    return (_in_order(base, order) if base else None), _in_order(other, order)


def _in_order(side: Read, order: str | None) -> Read:
    if side.witness is None:
        return side
    return replace(side, witness=replace(side.witness, stated=settled(side.witness.stated, order)))


def _ruling(base: Read | None, other: Read, archive: Knows) -> tuple[Ruling, tuple[Variant, ...]]:
    found = strange(base, other)
    if found:
        return _unread(base, other, found.verdict, found.why, found.flags), ()
    if base is None:
        return verdict.first(_side(other), () if is_text(other.payload) else ("not_text",)), ()
    if base.witness is None or other.witness is None:
        if base.payload.body == other.payload.body:
            return _unread(base, other, Verdict.NO_TEXTUAL_CHANGE, "the same bytes", ("not_text",)), ()
        return _unread(base, other, Verdict.UNDATED_EDIT, OTHER_BYTES.why, ("not_text",)), (OTHER_BYTES,)
    collation = collate(base.witness, other.witness, archive)
    other_bytes = base.payload.body != other.payload.body
    ruling = verdict.rule(_side(base), _side(other), collation.grade, other_bytes=other_bytes)
    return ruling, collation.variants or ((MARKUP,) if other_bytes else ())


def _unread(base: Read | None, other: Read, judged: Verdict, why: str, flags: tuple[str, ...]) -> Ruling:
    """A ruling on what is no comparison of texts."""
    after = base.payload.captured_at if base else None
    return Ruling(judged, None, flags, after, other.payload.captured_at, why)


def _side(side: Read) -> Side:
    stated = side.witness.stated if side.witness else None
    return Side(stated, side.payload.captured_at, side.payload.last_modified)


def _moved(finding: Finding, payload: Payload) -> Finding:
    """A page whose text now stands at another address was moved, whatever else changed."""
    if payload.final_uri in (None, payload.uri) or finding.verdict in (
        Verdict.PAGE_GONE,
        Verdict.PAGE_MOVED,
        Verdict.SUSPECT_CAPTURE,
    ):
        return finding
    why = f"redirected to {payload.final_uri}; {finding.why}"
    return replace(finding, verdict=Verdict.PAGE_MOVED, certainty=None, why=why)
