"""Blame as text: each block of a page, since when it stands so, and what last changed it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from etolwatch.collate.blame import Blame, Change, Version
from etolwatch.contract import instant_to_text, variant_to_dict
from etolwatch.model import Block, Grade, Variant, Zone
from etolwatch.publish.phrase import between, clipped, day, excerpt, number, visible

SHOWN = 160  # characters of a block
VARIANTS_SHOWN = 5


def blame_text(versions: Sequence[Version], found: Sequence[Blame]) -> str:
    """The blocks of the last version, but for navigation, with a blank line between them."""
    texts = ["\n".join(_lines(versions, each)) for each in found if each.block.zone is not Zone.NAVIGATION]
    return "\n\n".join(texts) + "\n" if texts else ""


def blame_to_dict(versions: Sequence[Version], found: Sequence[Blame]) -> dict[str, Any]:
    """The same as an object that `json` can write: versions by their places in ``versions``."""
    return {
        "versions": [instant_to_text(version.at) for version in versions],
        "blocks": [
            {
                "zone": each.block.zone.value,
                "block": each.block.number,
                "note": each.block.note,
                "text": each.block.text,
                "first_seen": each.first_seen,
                "since": each.since,
                "stays": [[stay.first, stay.last] for stay in each.stays],
                "changes": [_change_to_dict(change) for change in each.changes],
            }
            for each in found
        ],
    }


def _change_to_dict(change: Change) -> dict[str, Any]:
    return {
        "version": change.version,
        "after": instant_to_text(change.after_at),
        "until": instant_to_text(change.until_at),
        "moved": change.moved,
        "variants": [variant_to_dict(variant) for variant in change.variants],
    }


def _lines(versions: Sequence[Version], each: Blame) -> Iterator[str]:
    yield f"{_place(each.block)}: {clipped(visible(each.block.text), SHOWN)}"
    yield f"    {_history(versions, each)}"
    if each.changed:
        yield f"    {_when(each.changed)}"
        yield from (f"        {line}" for line in _what(each.changed))
    earlier = len(each.changes) - 1
    if earlier > 0:
        yield f"    {number(earlier, 'earlier change', 'earlier changes')}"


def _place(block: Block) -> str:
    if block.zone is Zone.NOTE:
        return f"note {visible(block.note or '').strip(' .[]()') or block.number}"
    return f"¶{block.number}" if block.zone is Zone.BODY else f"{block.zone.value} {block.number}"


def _history(versions: Sequence[Version], each: Blame) -> str:
    """“in this form since the first version, 9 January 2021”; and when it was away in between."""
    if each.since == 0:
        return f"in this form since the first version{_on(versions, 0)}"
    since = f"in this form since version {each.since + 1}{_on(versions, each.since)}"
    if len(each.stays) == 1:
        return since
    gaps = ", ".join(_gap(before.last + 1, after.first - 1) for before, after in pairwise(each.stays))
    seen = f"first seen in version {each.first_seen + 1}{_on(versions, each.first_seen)}"
    return f"{since}; {seen}, absent in {gaps}"


def _gap(first: int, last: int) -> str:
    return f"version {first + 1}" if first == last else f"versions {first + 1} to {last + 1}"


def _on(versions: Sequence[Version], place: int) -> str:
    at = versions[place].at
    return f" ({day(at)})" if at else ""


def _when(change: Change) -> str:
    if change.after_at and change.until_at:
        return f"last changed {between(change.after_at, change.until_at)}:"
    return f"last changed with version {change.version + 1}:"


def _what(change: Change) -> Iterator[str]:
    if change.moved:
        yield "moved"
    shown = sorted(change.variants, key=lambda variant: variant.grade is not Grade.WORDS)
    yield from (_variant(variant) for variant in shown[:VARIANTS_SHOWN])
    more = len(shown) - VARIANTS_SHOWN
    if more > 0:
        yield f"and {number(more, 'more place', 'more places')}"


def _variant(variant: Variant) -> str:
    """“lemma] reading (why)”, as in an apparatus."""
    found = excerpt(variant, context=0)
    if not found.lemma:
        return f"added: {found.reading}" + _why(variant)
    return f"{found.lemma}] {found.reading or 'om.'}" + _why(variant)


def _why(variant: Variant) -> str:
    return f" ({variant.why})" if variant.why else ""
