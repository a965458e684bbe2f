"""A payload read as a witness: bytes → characters → blocks → zones → the stated date."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import lxml.etree
from bs4 import __version__ as bs4_version  # type: ignore[attr-defined]

from etolwatch.model import Block, Payload, StatedDate, Witness, Zone
from etolwatch.text.blocks import Page, RawBlock, page, plain
from etolwatch.text.dates import stated
from etolwatch.text.decode import decode
from etolwatch.text.profiles import Profile
from etolwatch.text.zones import Zoned, zoned

RULES = 1  # raised whenever a witness of the same bytes would come out otherwise
NORMALISER = (
    f"etolwatch-text {RULES}; beautifulsoup4 {bs4_version}; "
    f"lxml {'.'.join(map(str, lxml.etree.LXML_VERSION[:3]))}; "
    f"libxml2 {'.'.join(map(str, lxml.etree.LIBXML_VERSION))}"
)
LABEL = re.compile(
    r"(?:[\[(]\s*)?\d{1,3}[a-z]?\*?(?:\s*[\])]|\.)\.?(?=\s)|(?:[\[(]\s*)?\*{1,5}(?:\s*[\])])?(?=\s)"
)

AFTER_LABEL = re.compile(r"(?:\s*[.)\]])?\s*")


def witness(payload: Payload, profile: Profile) -> Witness:
    """The text of a payload. Never fails: broken mark-up gives the blocks that can be told."""
    decoded = decode(payload.body, payload.content_type)
    found = _page(decoded.text, payload)
    blocks, is_index = zoned(found.blocks, profile)
    return Witness(
        blocks=_numbered(blocks),
        stated=_stated(blocks),
        charset=decoded.charset,
        charset_rule=decoded.rule,
        is_index=is_index,
        refresh=found.refresh,
        uri=payload.final_uri or payload.uri,
        repaired=sum(block.repaired for block in found.blocks),
    )


def _page(text: str, payload: Payload) -> Page:
    declared = (payload.content_type or "").partition(";")[0].strip().lower()
    if declared == "text/plain" or (not declared and not re.search(r"<[a-zA-Z!/]", text[:2000])):
        return plain(text)
    return page(text)


def _stated(blocks: list[Zoned]) -> StatedDate | None:
    """The date of the last line that states one that can be read; else of the last line."""
    lines = [z.block for z in reversed(blocks) if z.zone is Zone.UPDATED]
    found = [stated(line.text, stamped=line.stamped) for line in lines]
    return next((each for each in found if each.readings), found[0] if found else None)


def _numbered(blocks: list[Zoned]) -> tuple[Block, ...]:
    counts: Counter[Zone] = Counter()
    numbered = []
    for zoned_block in blocks:
        counts[zoned_block.zone] += 1
        numbered.append(_block(zoned_block.zone, counts[zoned_block.zone], zoned_block.block))
    return tuple(numbered)


def _block(zone: Zone, number: int, raw: RawBlock) -> Block:
    note, text, marks, cut = None, raw.text, tuple(raw.marks), 0
    if zone is Zone.NOTE:
        if marks and marks[0].offset == 0:
            note, marks = marks[0].label, marks[1:]
        else:
            found = LABEL.match(text)
            if found:
                note, cut = found.group(), found.end()
        cut += AFTER_LABEL.match(text[cut:]).end() if note else 0  # type: ignore[union-attr]
    return Block(
        zone=zone,
        number=number,
        text=text[cut:],
        raw=raw.raw[cut:] if raw.raw[:cut] == raw.text[:cut] else raw.raw,
        tag=raw.tag,
        css=" ".join(raw.classes[:2]),
        anchors=tuple(raw.anchors),
        links=_shifted(raw.links, cut),
        marks=tuple(replace(mark, offset=max(0, mark.offset - cut)) for mark in marks),
        emphasis=_shifted(raw.emphasis, cut),
        note=note,
    )


def _shifted(ranges: list[tuple[int, int, str]], cut: int) -> tuple[tuple[int, int, str], ...]:
    if not cut:
        return tuple(ranges)
    return tuple((max(0, start - cut), end - cut, value) for start, end, value in ranges if end > cut)
