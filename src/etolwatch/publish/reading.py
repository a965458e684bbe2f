"""A witness as plain text to be read: what `show` prints."""

from __future__ import annotations

from etolwatch.model import Block, Witness, Zone
from etolwatch.publish.phrase import visible

MARKS = {Zone.TITLE: "# ", Zone.HEADING: "## "}


def reading(witness: Witness) -> str:
    """The text with a blank line between blocks, headings marked, note marks and labels in place.

    Navigation is left out: it is no part of the text.
    """
    blocks = [block for block in witness.blocks if block.zone is not Zone.NAVIGATION]
    return "".join(f"{_block(block)}\n\n" for block in blocks).removesuffix("\n")


def _block(block: Block) -> str:
    text = block.text
    for mark in sorted(block.marks, key=lambda mark: mark.offset, reverse=True):
        text = text[: mark.offset] + mark.label + text[mark.offset :]
    label = f"{block.note} " if block.note else ""
    return MARKS.get(block.zone, "") + visible(label + text)
