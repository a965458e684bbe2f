"""Witnesses made of a few words, and a strategy that makes several of one text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from etolwatch.model import Block, Witness, Zone

Draw = Callable[[st.SearchStrategy[Any]], Any]
WORDS = """mill wheel river stone road house a the of “old” winter’s night’s snow fell on roof and not never
seven 1954 250,000 mill-wheel well-known — - … ... . , ; : ? ! ( ) fi colour color""".split()


def block(text: str, number: int, zone: Zone = Zone.BODY, note: str | None = None) -> Block:
    return Block(zone, number, text, text, "p", "", note=note)


def witness(*texts: str, notes: tuple[str, ...] = ()) -> Witness:
    """Paragraphs of the body, and notes labelled 1., 2. …"""
    body = [block(text, number) for number, text in enumerate(texts, 1)]
    noted = [block(text, number, Zone.NOTE, f"{number}.") for number, text in enumerate(notes, 1)]
    return Witness((*body, *noted), None, "utf-8", "given")


@st.composite
def witnesses(draw: Draw) -> list[tuple[str, Witness]]:
    """Two to four witnesses: the first of words drawn, each other an altered copy of one before it."""
    text = draw(st.lists(paragraphs, min_size=1, max_size=6))
    made = [text]
    for _ in range(draw(st.integers(1, 3))):
        made.append(draw(_altered([list(part) for part in draw(st.sampled_from(made))])))
    return [(sign, _zoned(paragraphs_)) for sign, paragraphs_ in zip("ABCD", made, strict=False)]


paragraphs = st.lists(st.sampled_from(WORDS), min_size=1, max_size=25)


@st.composite
def _altered(draw: Draw, text: list[list[str]]) -> list[list[str]]:
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, max(0, len(text) - 1)))
        how = draw(st.sampled_from(["word", "word", "word", "drop", "add", "move", "split", "join"]))
        if how == "add" or not text:
            text.insert(place, draw(paragraphs))
        elif how == "drop" and len(text) > 1:
            del text[place]
        elif how == "move":
            text.insert(draw(st.integers(0, len(text) - 1)), text.pop(place))
        elif how == "split" and len(text[place]) > 1:
            at = draw(st.integers(1, len(text[place]) - 1))
            text[place : place + 1] = [text[place][:at], text[place][at:]]
        elif how == "join" and place + 1 < len(text):
            text[place : place + 2] = [text[place] + text[place + 1]]
        else:
            start = draw(st.integers(0, len(text[place])))
            end = draw(st.integers(start, min(start + 3, len(text[place]))))
            text[place][start:end] = draw(st.lists(st.sampled_from(WORDS), max_size=3))
            text = [part for part in text if part]
    return text


def _zoned(text: list[list[str]]) -> Witness:
    """Marks stand against the word before them, as in print; a paragraph that begins with “(” is a note."""
    blocks, counts = [], Counter[Zone]()
    for part in text:
        printed = " ".join(part)
        for mark in ",;:?!).":
            printed = printed.replace(f" {mark}", mark)
        zone = Zone.NOTE if part[0] == "(" else Zone.HEADING if len(part) < 4 else Zone.BODY
        counts[zone] += 1
        note = f"{counts[zone]}." if zone is Zone.NOTE else None
        blocks.append(block(printed, counts[zone], zone, note))
    return Witness(tuple(blocks), None, "utf-8", "given")
