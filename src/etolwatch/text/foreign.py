"""Among what a tag stands: HTML elements, or the foreign ones of drawings and formulas.

Of a page no tree is built. But in foreign content (HTML §13.2.6.5) no element is raw text, "/>" closes and
CDATA is text; so from an ``svg`` or ``math`` on what is open is followed, as long as it is
known for sure. Where it is not, for it takes the tree to know or parsers differ, that is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import NamedTuple


class Reading(IntEnum):
    """By which rules browsers read a token."""

    HTML = 0
    FOREIGN = 1  # a drawing or a formula
    EITHER = 2  # one of these two, or not at all


class Open(NamedTuple):
    """An element that is open; ``space`` is "svg", "math" or "html"; ``holds_html``: an integration point."""

    space: str
    name: str
    holds_html: bool = False


# Start tags behind which what is open matters.
TURNING = frozenset({"svg", "math", "select", "frameset"})
# §13.2.6.5: these start tags close all that is foreign.
BREAKING_OUT = frozenset(
    """b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing
    menu meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul var""".split()
)
FONT = frozenset({"color", "face", "size"})
# §13.2.4.2 and .3: integration points, in which tags are HTML.
OF_TEXT = frozenset({"mi", "mo", "mn", "ms", "mtext"})
OF_HTML = frozenset({"foreignobject", "desc", "title"})
HTML_ENCODINGS = (b"text/html", b"application/xhtml+xml")
# HTML elements in an integration point that close nothing but themselves. With any other one it is not sure
# what is open.
PHRASES = frozenset("b i em strong code small span sub sup u s tt big font".split())
EMPTY = frozenset("br img wbr input".split())
WHOLE = frozenset("div p script style title textarea iframe noembed noframes".split())  # but in a paragraph


class Surroundings:
    """What is open from the first drawing, formula, list of choices or frameset on."""

    def __init__(self) -> None:
        self._open: list[Open] = []
        self._is_select = self._is_frameset = self._is_unsure = False

    @property
    def matter(self) -> bool:
        """Whether anything is open that changes how tags are read."""
        return bool(self._open) or self._is_select or self._is_frameset or self._is_unsure

    @property
    def reading(self) -> Reading:
        """How what is no tag is read."""
        if self._is_unsure:
            return Reading.EITHER
        return Reading.FOREIGN if self.foreign else Reading.HTML

    @property
    def foreign(self) -> str:
        """The name of the innermost open element, where that is a foreign one; else ""."""
        if self._is_unsure or not self._open or self._open[-1].space == "html":
            return ""
        return self._open[-1].name

    def start(self, name: str, attributes: Callable[[], Mapping[str, bytes]], *, is_closed: bool) -> Reading:
        """How a start tag is read. ``is_closed``: it ends in "/>"."""
        if self._is_unsure:
            return Reading.EITHER
        if self.foreign and not self._is_integrated(name):
            if not self._breaks_out(name, attributes):
                if not is_closed:
                    self._open.append(self._child(name, attributes))
                return Reading.FOREIGN
            while self.foreign and not self._open[-1].holds_html and self._open[-1].name not in OF_TEXT:
                self._open.pop()
        return self._html(name, is_closed=is_closed)

    def end(self, name: str) -> Reading:
        """How an end tag is read."""
        if self._is_unsure:
            return Reading.EITHER
        if not self._open:
            self._is_select = self._is_select and name != "select"
            return Reading.HTML
        if self._open[-1].space == "html":
            if self._open[-1].name != name:
                return self._unsure()
            self._open.pop()
            return Reading.HTML
        for at in range(len(self._open) - 1, -1, -1):
            if self._open[at].space == "html":
                break
            if self._open[at].name == name:
                del self._open[at:]
                return Reading.FOREIGN
        return self._unsure()  # it may close an element around the drawing

    def _unsure(self) -> Reading:
        self._is_unsure = True
        return Reading.EITHER

    def _is_integrated(self, name: str) -> bool:
        last = self._open[-1]
        if last.space == "math" and last.name in OF_TEXT:
            return name not in ("mglyph", "malignmark")
        return last.holds_html or (last.space == "math" and last.name == "annotation-xml" and name == "svg")

    def _breaks_out(self, name: str, attributes: Callable[[], Mapping[str, bytes]]) -> bool:
        return name in BREAKING_OUT or (name == "font" and bool(FONT & attributes().keys()))

    def _child(self, name: str, attributes: Callable[[], Mapping[str, bytes]]) -> Open:
        space = self._open[-1].space
        if space == "math" and name == "annotation-xml":
            encoding = attributes().get("encoding", b"").lower()
            self._is_unsure = b"&" in encoding
            return Open(space, name, encoding in HTML_ENCODINGS)
        return Open(space, name, space == "svg" and name in OF_HTML)

    def _html(self, name: str, *, is_closed: bool) -> Reading:
        if name in ("svg", "math"):
            if self._is_select or self._is_frameset:
                return self._unsure()  # browsers drop it, or not
            if not is_closed:
                self._open.append(Open(name, name))
            return Reading.HTML
        return self._nested(name) if self._open else self._beside(name)

    def _beside(self, name: str) -> Reading:
        """Within no drawing: in lists of choices and framesets most tags may be dropped."""
        if self._is_select:
            if name == "template":
                return self._unsure()
            return Reading.HTML if name == "script" else Reading.EITHER
        if self._is_frameset:
            return Reading.HTML if name == "noframes" else Reading.EITHER
        self._is_select, self._is_frameset = name == "select", name == "frameset"
        return Reading.HTML

    def _nested(self, name: str) -> Reading:
        """Within an integration point."""
        if name in EMPTY:
            return Reading.HTML
        in_paragraph = any(each == Open("html", "p") for each in self._open)
        if name not in PHRASES and (in_paragraph or name not in WHOLE):
            return self._unsure()
        self._open.append(Open("html", name))
        return Reading.HTML
