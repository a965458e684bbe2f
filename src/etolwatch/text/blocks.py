"""The parsed tree, walked once, cut into blocks of diplomatic text.

One walk with its own stack: old pages nest each unclosed paragraph in the one before, so
asking every ``p`` for its text is quadratic, and recursion is no match for 30,000 tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from bs4 import BeautifulSoup, CData, Comment

from etolwatch.model import Mark
from etolwatch.text.decode import fold, is_plain, repair

BLOCK_TAGS = frozenset(
    """p div h1 h2 h3 h4 h5 h6 li dt dd td th tr blockquote pre hr table section article header footer
    nav main center address form title body html head ul ol dl tbody thead tfoot caption fieldset figure
    figcaption aside frame frameset option select textarea legend""".split()
)
ROOTS = frozenset(("html", "body"))
Attributes = dict[str, str]
MARKING = frozenset(("a", "sup"))
LONGEST_MARK, MOST_IN_MARK = 12, 24  # characters; tags and texts
SKIPPED = frozenset(["script", "style", "template", "noscript"])
EMPHASIS = {"em": "em", "i": "em", "cite": "em", "strong": "strong", "b": "strong", "u": "u"}
SMALL_CAPS = frozenset(("smc", "sm1", "sc", "smallcaps"))
STAMP = re.compile("AutoDato", re.I)
HTML_SPACE = re.compile("[ \t\n\r\f]+")
SPACES = re.compile(" +")
REFRESH = re.compile(r"url\s*=\s*[\"']?([^\"'\s>]+)", re.I)
BLANK_LINES = re.compile(r"\r?\n[ \t]*\r?\n")
# Unclosed <font> and <b> nest by the thousand; deeper ranges carry nothing for a reader.
DEEPEST_INLINE = 32

SIGN = r"(?:\d{1,3}[a-z]?\*{0,3}|\*{1,5}|[†‡§]{1,3})"
WHITE = frozenset(" \t\n\r\f")
MARK_IN_TEXT = re.compile(rf"(?<!\d)\[\s*{SIGN}\s*\](?!\w)")
MARK_OF_LINK = re.compile(rf"\s*[\[(]?\s*{SIGN}\s*[\])]?\s*\.?\s*")
# Behind a digit, a unit or a letter that stands for a quantity: 10³, 4 m², x².
EXPONENT_BEHIND = re.compile(r"\d$|(?<!\w)(?:[b-hj-zB-HJ-Z]|mm|cm|km|ft|yd)$")
MARK_OF_SUP = re.compile(rf"\s*[\[(]?\s*{SIGN}\s*[\])]?\s*")


class Buffer:
    """A text that grows by its ends, runs of spaces folded into one."""

    __slots__ = ("last", "length", "parts")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.last = ""

    def append(self, string: str) -> None:
        if string.startswith(" ") and self.last in ("", " "):
            string = string[1:]
        if string:
            self.parts.append(string)
            self.length += len(string)
            self.last = string[-1]

    def text(self) -> str:
        return "".join(self.parts).rstrip(" ")

    def tail(self) -> str:
        """The last few characters."""
        return "".join(self.parts[-3:])[-4:]


@dataclass(slots=True)
class RawBlock:
    """A block before it has a zone. The only mutable value here: the walk fills it."""

    classes: tuple[str, ...] = ()  # its own and those of the tags around it, innermost first
    tags: tuple[str, ...] = ()  # of the block-level tags around it, innermost first
    text: str = ""  # diplomatic; whole once the block is closed, like ``raw``
    raw: str = ""
    visible: Buffer = field(default_factory=Buffer)
    received: Buffer = field(default_factory=Buffer)
    anchors: list[str] = field(default_factory=list)
    mark_anchors: list[str] = field(default_factory=list)  # those that its note marks bear
    spaced: set[int] = field(default_factory=set)  # places of marks behind which a space stood
    links: list[tuple[int, int, str]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    emphasis: list[tuple[int, int, str]] = field(default_factory=list)
    breaks: list[tuple[int, int]] = field(default_factory=list)  # of single <br>: in text, in raw
    stamped: bool = False
    after_rule: str | None = None  # class of an <hr> just before, "" for a plain one
    repaired: int = 0

    def append(self, string: str) -> None:
        """Add the characters of a text node, white space folded as HTML folds it."""
        if self.marks and string[:1] in WHITE and self.marks[-1].offset == self.visible.length:
            self.spaced.add(len(self.marks) - 1)
        if (
            self.visible.last in ("", " ")
            and self.received.last in ("", " ")
            and not string.strip(" \t\n\r\f")
        ):
            return
        visible = HTML_SPACE.sub(" ", string)
        self.received.append(visible)
        if is_plain(visible):
            self.visible.append(visible)
            return
        mended = repair(visible)
        self.repaired += mended != visible
        self.visible.append(SPACES.sub(" ", fold(mended)))

    def mark(self, label: str, target: str | None, *, is_raised: bool = False) -> None:
        self.marks.append(Mark(self.visible.length, " ".join(label.split()), target, is_raised))

    @property
    def tag(self) -> str:
        """The block-level tag that holds it; "" at the top of the page."""
        return self.tags[0] if self.tags else ""

    @property
    def is_empty(self) -> bool:
        return self.visible.last in ("", " ") and self.visible.length < 2 and not self.marks

    def emptied(self) -> None:
        """Make ready to be filled: what came before any text goes, anchors and the stamp stay."""
        if not self.visible.parts and not self.breaks:
            return
        self.visible, self.received = Buffer(), Buffer()
        for ranges in (self.links, self.emphasis, self.breaks):
            ranges.clear()

    def closed(self) -> RawBlock:
        self.text, self.raw = self.visible.text(), self.received.text()
        return self


@dataclass(frozen=True, slots=True)
class Page:
    """What the walk found: the blocks in order, and what stands outside of them."""

    blocks: tuple[RawBlock, ...]
    refresh: str | None


# To HTML it is a comment; Beautiful Soup would take the page for XML and say so.
XML_DECLARATION = re.compile(r"\A(?:\ufeff?\s*<\?xml[^>]*>)+", re.I)


def page(html: str) -> Page:
    """The blocks of an HTML page, in document order; empty ones are left out."""
    walk = _Events(XML_DECLARATION.sub("", html, count=1), "lxml").walk
    walk.done()
    blocks = walk.finished
    while blocks and not any(character.isalnum() for character in blocks[0].text):
        blocks = blocks[1:]  # a stray sign before the doctype is no text
    return Page(tuple(blocks), walk.refresh)


class _Events(BeautifulSoup):
    """Beautiful Soup's parse of a page, told to a walk tag by tag; the tree is never built.

    The overridden methods are those that its builders call as they read. A tree of the page
    would take three times as long to make as all the rest of the reading.
    """

    def reset(self) -> None:
        """Begin anew: Beautiful Soup tries once more when a parser refuses its input."""
        super().reset()
        self.walk = _Walk()
        self.heard: list[str] = []

    def handle_starttag(
        self,
        name: str,
        namespace: Any,
        nsprefix: Any,
        attrs: Attributes,
        sourceline: Any = None,
        sourcepos: Any = None,
        namespaces: Any = None,
    ) -> None:
        self.endData()
        self.walk.start(name, attrs)

    def handle_endtag(self, name: str, nsprefix: str | None = None) -> None:
        self.endData()
        self.walk.end(name)

    def handle_data(self, data: str) -> None:
        self.heard.append(data)

    def endData(self, containerClass: Any = None) -> None:  # noqa: N802, N803 (the names are Beautiful Soup's)
        """The end of a run of characters: text, or what the class says (a comment, a doctype)."""
        if not self.heard:
            return
        string, self.heard = "".join(self.heard), []
        if containerClass is None or containerClass is CData:
            self.walk.text(string)
        elif containerClass is Comment:
            self.walk.comment(string)


def plain(text: str) -> Page:
    """The blocks of a plain text: what stands between blank lines."""
    blocks = []
    for paragraph in BLANK_LINES.split(text.replace("\r\n", "\n").replace("\r", "\n")):
        block = RawBlock(tags=("p",))
        _append_with_marks(block, paragraph)
        blocks.append(block)
    return Page(tuple(block.closed() for block in blocks if not block.is_empty), None)


class Candidate:
    """An ``a`` with a fragment, or a ``sup``, put by until it ends and is known to be a note mark or not."""

    def __init__(self, name: str, attrs: Attributes) -> None:
        self.name, self.attrs = name, attrs
        self.events: list[tuple[str, str, Attributes]] = []
        self.label = ""
        self.depth = 0  # of tags inside
        self.hrefs = [attrs["href"]] if name == "a" else []

    def hear(self, event: tuple[str, str, Attributes], text: str = "") -> None:
        self.events.append(event)
        self.label += text
        what, name, attrs = event
        self.depth += (what == "start") - (what == "end")
        if what == "start" and name == "a":
            self.hrefs.append(attrs.get("href", ""))

    @property
    def is_raised(self) -> bool:
        return self.name == "sup" or any(what == "start" and name == "sup" for what, name, _ in self.events)

    @property
    def has_link(self) -> bool:
        return bool(self.hrefs)

    @property
    def fragment(self) -> str | None:
        """The fragment that it links to, of this page or another."""
        _, sign, fragment = self.hrefs[0].rpartition("#") if self.hrefs else ("", "", "")
        return fragment if sign else None


class _Walk:
    """The state of one walk: open tags, open inline ranges, the block in hand, a mark that may be one."""

    def __init__(self) -> None:
        self.finished: list[RawBlock] = []
        self.tags: list[str] = []  # all open ones
        self.open: list[tuple[str, tuple[str, ...]]] = []  # the block-level ones, with their classes
        self.inline: list[tuple[int, str, str, int]] = []  # depth, what it is, value, start offset
        self.block = RawBlock()
        self.rule: str | None = None
        self.refresh: str | None = None
        self.pending_break = False
        self.skipped = 0  # depth of a script or the like; 0 outside of one
        self.candidate: Candidate | None = None

    # ── what the parser tells ──

    def start(self, name: str, attrs: Attributes) -> None:
        if self.candidate is not None and self._held(name, attrs):
            return
        self.tags.append(name)
        if self.skipped:
            return
        if name in SKIPPED:
            self.skipped = len(self.tags)
        elif name in MARKING and (name == "sup" or "#" in attrs.get("href", "")):
            self.tags.pop()
            self.candidate = Candidate(name, attrs)
        else:
            self._open(name, attrs)

    def end(self, name: str) -> None:
        if self.candidate is not None:
            self._end_in_candidate(name)
            return
        if name not in self.tags:
            return
        while self.tags:
            last = self.tags[-1]
            self._shut(last)
            self.tags.pop()
            if last == name:
                return

    def text(self, string: str) -> None:
        if self.candidate is not None:
            self.candidate.hear(("text", string, {}), string)
            if len(self.candidate.label) > LONGEST_MARK:
                self._replay()
        elif not self.skipped:
            self._text(string)

    def comment(self, string: str) -> None:
        if not self.skipped:
            self.block.stamped |= bool(STAMP.search(string))

    def done(self) -> None:
        """The end of the page."""
        while self.candidate is not None:
            self._replay()
        self._close()

    # ── what may be a note mark ──

    def _held(self, name: str, attrs: Attributes) -> bool:
        """Whether a tag was put by, since it may stand inside of a mark."""
        if self.candidate is not None and (name in BLOCK_TAGS or name in SKIPPED or name == "br"):
            self._replay()
            return self._held(name, attrs)
        if self.candidate is None:
            return False
        self.candidate.hear(("start", name, attrs))
        if len(self.candidate.events) > MOST_IN_MARK:
            self._replay()
        return True

    def _end_in_candidate(self, name: str) -> None:
        candidate = self.candidate
        if candidate is None:
            return
        if candidate.depth:
            candidate.hear(("end", name, {}))
        elif name != candidate.name:
            self._replay()
            self.end(name)
        elif self._is_mark(candidate):
            self._mark(candidate)
        else:
            self._replay()
            self.end(name)

    def _is_mark(self, candidate: Candidate) -> bool:
        label = candidate.label
        if candidate.name == "a":
            return bool(MARK_OF_LINK.fullmatch(label))
        linked = candidate.has_link or "[" in label
        exponent = not linked and EXPONENT_BEHIND.search(self.block.visible.tail()) is not None
        return not exponent and bool(MARK_OF_SUP.fullmatch(label))

    def _mark(self, candidate: Candidate) -> None:
        self.candidate, self.pending_break = None, False
        self.block.mark(candidate.label, candidate.fragment, is_raised=candidate.is_raised)
        before = len(self.block.anchors)
        self._anchor(candidate.name, candidate.attrs)
        self.block.mark_anchors.extend(self.block.anchors[before:])

    def _replay(self) -> None:
        """It was no mark: its tags and characters are taken after all; one inside it may be one."""
        candidate = self.candidate
        if candidate is None:
            return
        self.candidate = None
        self.tags.append(candidate.name)
        self._open(candidate.name, candidate.attrs)
        for what, value, attrs in candidate.events:
            if what == "start":
                self.start(value, attrs)
            elif what == "end":
                self.end(value)
            else:
                self.text(value)

    # ── blocks and ranges ──

    def _text(self, string: str) -> None:
        if not string.strip(" \t\n\r\f") and self.block.received.last in ("", " "):
            return  # the line ends between two tags
        if self.pending_break and string.strip():
            self.pending_break = False
        if "\n" in string and any(tag == "pre" for tag, _ in self.open[-2:]):
            self._preformatted(string)
        else:
            _append_with_marks(self.block, string)

    def _preformatted(self, string: str) -> None:
        first, *others = BLANK_LINES.split(string)
        _append_with_marks(self.block, first)
        for paragraph in others:
            self._close()
            self._begin()
            _append_with_marks(self.block, paragraph)

    def _open(self, name: str, attrs: Attributes) -> None:
        if name == "br":
            self._break()
        elif name == "meta":
            self.refresh = self.refresh or _refresh(attrs)
        elif name in BLOCK_TAGS:
            self._close()
            self.open.append((name, _classes(attrs)))
            if name == "hr":
                self.rule = " ".join(_classes(attrs))
            self._begin()
        elif len(self.inline) < DEEPEST_INLINE:
            self._open_inline(name, attrs)
        self._anchor(name, attrs)

    def _anchor(self, name: str, attrs: Attributes) -> None:
        anchor = attrs.get("id") or (attrs.get("name") if name == "a" else None)
        if anchor:
            self.block.anchors.append(anchor)

    def _open_inline(self, name: str, attrs: Attributes) -> None:
        depth, start = len(self.tags), self.block.visible.length
        if name == "a" and "href" in attrs:
            self.inline.append((depth, "link", attrs["href"], start))
        elif name in EMPHASIS:
            self.inline.append((depth, "emphasis", EMPHASIS[name], start))
        elif name == "span" and SMALL_CAPS.intersection(_classes(attrs)):
            self.inline.append((depth, "emphasis", "sc", start))

    def _shut(self, name: str) -> None:
        """The innermost open tag ends."""
        depth = len(self.tags)
        if self.skipped:
            self.skipped = 0 if self.skipped == depth else self.skipped
        elif name in BLOCK_TAGS:
            self._close()
            if self.open:
                self.open.pop()
            self._begin()
        elif self.inline and self.inline[-1][0] == depth:
            self._range(*self.inline.pop()[1:])

    def _break(self) -> None:
        if self.pending_break:
            self._close()
            self._begin()
            return
        self.pending_break = True
        if self.block.visible.length:
            self.block.breaks.append((self.block.visible.length, self.block.received.length))
        self.block.append(" ")

    def _range(self, what: str, value: str, start: int) -> None:
        end = self.block.visible.length
        if end > start:
            (self.block.links if what == "link" else self.block.emphasis).append((start, end, value))

    def _close(self) -> None:
        """End the block in hand; inline tags that stay open go on in the one begun next."""
        if self.inline:
            for _, what, value, start in self.inline:
                self._range(what, value, start)
            self.inline = [(depth, what, value, 0) for depth, what, value, _ in self.inline]
        self.pending_break = False
        if self.block.is_empty:
            return
        self.block.tags = tuple(name for name, _ in reversed(self.open[-6:]) if name not in ROOTS)
        self.block.classes = tuple(value for _, own in reversed(self.open[-4:]) for value in own)
        self.block.after_rule, self.rule = self.rule, None
        self.finished.append(self.block.closed())

    def _begin(self) -> None:
        """A new block; what an empty one carried (its anchors, the editor's stamp) passes on."""
        if self.block.is_empty:
            self.block.emptied()
        else:
            self.block = RawBlock()


def _append_with_marks(block: RawBlock, string: str) -> None:
    """Add text, its bare ``[14]`` taken out as marks."""
    if "[" not in string:
        block.append(string)
        return
    at = 0
    for found in MARK_IN_TEXT.finditer(string):
        block.append(string[at : found.start()])
        block.mark(found.group(), None)
        at = found.end()
    block.append(string[at:])


def _classes(attrs: Attributes) -> tuple[str, ...]:
    return tuple(attrs.get("class", "").split())


def _refresh(attrs: Attributes) -> str | None:
    """Where a ``meta refresh`` leads (a page's way of saying that it has moved)."""
    if attrs.get("http-equiv", "").lower() != "refresh":
        return None
    found = REFRESH.search(attrs.get("content", ""))
    return found.group(1) if found else None
