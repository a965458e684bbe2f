"""The tokens of an HTML page, by the tokenizer of the HTML standard (§13.2.5), with their bytes.

No tree is built: a token is a span of the page as it was captured, so that whoever rewrites
a page can leave every other byte as it stands. Tag and attribute names, quotes and brackets
are ASCII, and in every charset of the Encoding Standard but UTF-16 and ISO-2022-JP no byte of
another character looks like one of them; UTF-16 is narrowed first (``narrowed``).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache, partial
from typing import NamedTuple

from etolwatch.text.foreign import TURNING, Reading, Surroundings

SPACE = rb"[\t\n\f\r ]"
# §13.2.5.32 to .40: names run to white space, "/", ">" or "="; the first sign of a name may be "=".
# Where a quotation is never closed nothing matches: the page ends within the tag, which is dropped.
ATTRIBUTE = (
    rb"[^\t\n\f\r />][^\t\n\f\r />=]*+"
    rb"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+"
    rb"(?:\"[^\"]*+\"|'[^']*+'|[^\t\n\f\r >\"'][^\t\n\f\r >]*+|(?=>))|(?![\t\n\f\r ]*+=))"
)
ATTRIBUTES = rb"(?:[\t\n\f\r /]*+" + ATTRIBUTE + rb")*+"
TOKEN = re.compile(
    rb"<(?:(?P<tag>/?[A-Za-z][^\t\n\f\r />]*+)(?P<attributes>" + ATTRIBUTES + rb")[\t\n\f\r /]*+>"
    # §13.2.5.42 to .51: "<!-->" and "<!--->" are comments too, and "--!>" ends one
    rb"|(?P<comment>!--(?:-?>|.*?(?:--!?>|\Z)))"
    rb"|(?P<bogus>[!?][^>]*+(?:>|\Z)|/[^A-Za-z>][^>]*+(?:>|\Z)|/>)"
    # what is left is a tag that the page's end cuts off
    rb"|(?P<cut>/?[A-Za-z]))",
    re.S,
)
# Which group of it ended last tells what was found.
ATTRIBUTES_OF, COMMENT, BOGUS = 2, 3, 4
ONE_ATTRIBUTE = re.compile(
    rb"(?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rb"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+"
    rb"(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\t\n\f\r >\"'][^\t\n\f\r >]*+|(?=>))))?"
)
# §13.2.6.4.4 and .7: elements whose content is no mark-up, where they stand among HTML elements (`foreign`).
RAW = frozenset({"style", "xmp", "iframe", "noembed", "noframes"})
ESCAPABLE = frozenset({"title", "textarea"})  # character references count, tags do not
END_OF = {
    name: re.compile(rb"</" + name.encode() + rb"(?=[\t\n\f\r />])", re.I)
    for name in (*RAW, *ESCAPABLE, "script", "noscript")
}
HOLDING = frozenset((*END_OF, "plaintext"))
SCRIPT_TURN = re.compile(rb"<!--|-->|<(/?)script(?=[\t\n\f\r />])", re.I)
WIDE = {"utf-16": None, "utf-16-le": "little", "utf-16le": "little", "utf-16-be": "big", "utf-16be": "big"}


class Kind(IntEnum):
    TAG = 1  # a start tag
    END = 2  # an end tag
    COMMENT = 3
    BOGUS = 4  # a doctype, a processing instruction, CDATA and what else is read as a comment
    CONTENT = 5  # what stands in a raw-text element, up to its end tag; text of a foreign style or script
    CDATA = 6  # text in foreign content, with its brackets


class Token(NamedTuple):
    """A token and its span; a NamedTuple, for a page has hundreds and a library a million.

    ``name`` is that of the tag, or of the element whose content it is, in lower case.
    ``attributes`` is where these begin; of CDATA, where its text does.
    """

    kind: Kind
    start: int
    end: int
    name: str = ""
    attributes: int = 0
    reading: Reading = Reading.HTML


class Attribute(NamedTuple):
    """An attribute: its own span and that of its value, without quotes; whether it has each."""

    name: str
    start: int
    end: int
    value_start: int
    value_end: int
    valued: bool
    quoted: bool


def tokens(page: bytes, *, scripting: bool = False) -> Iterator[Token]:
    """The tags, comments and raw contents of a page, in order; text lies between them.

    ``scripting`` True: as where scripts run, so that what stands in noscript is no mark-up.
    A tag that the end of the page cuts off is no token (§13.2.5, “eof-in-tag”): the rest is dropped.
    """
    at, search = 0, TOKEN.search
    around: Surroundings | None = None  # what is open, where that matters
    while (found := search(page, at)) is not None:
        token = _token(page, found)
        if token is None:
            return
        if around is not None or (token.name in TURNING and token.kind is Kind.TAG):
            around = around or Surroundings()
            if token.start > at and around.foreign in TEXT_COUNTS:
                yield Token(Kind.CONTENT, at, token.start, around.foreign, 0, Reading.FOREIGN)
            token = _among(page, token, around)
            around = around if around.matter else None
        yield token
        at = token.end
        if token.name in HOLDING and (content := _content(page, token, scripting)):
            yield from [content] if content.end > at else []
            at = content.end


# Foreign elements of which the text is more than what is read.
TEXT_COUNTS = ("style", "script")


def _token(page: bytes, found: re.Match[bytes]) -> Token | None:
    """What was found, read as among HTML elements; None where the end of the page cuts it off."""
    start, end = found.span()
    which = found.lastindex
    if which == ATTRIBUTES_OF:
        if page[start + 1] == 47:  # "/"
            return Token(Kind.END, start, end, _named(found[1][1:]), found.start(2))
        return Token(Kind.TAG, start, end, _named(found[1]), found.start(2))
    if which == COMMENT:
        return Token(Kind.COMMENT, start, end)
    return Token(Kind.BOGUS, start, end) if which == BOGUS else None


def _among(page: bytes, token: Token, around: Surroundings) -> Token:
    """A token as it is read among what is open, which follows it."""
    if token.kind is Kind.TAG:
        reading = around.start(token.name, partial(_values, page, token), is_closed=_is_closed(page, token))
    elif token.kind is Kind.END:
        reading = around.end(token.name)
    elif token.kind is Kind.BOGUS and page.startswith(CDATA, token.start):
        reading = around.reading
        if reading is Reading.FOREIGN:  # text (§13.2.5.42)
            begin = token.start + len(CDATA)
            close = page.find(b"]]>", begin)
            end = close + 3 if close >= 0 else len(page)
            return Token(Kind.CDATA, token.start, end, around.foreign, begin, reading)
    else:
        return token
    return token._replace(reading=reading)


def _is_closed(page: bytes, token: Token) -> bool:
    """Whether a tag ends in "/>", and the "/" is not of a value."""
    if page[token.end - 2] != 47:
        return False
    found = attributes(page, token)
    return not found or found[-1].end < token.end - 1


def _content(page: bytes, token: Token, scripting: bool) -> Token | None:
    """What an HTML element of this tag holds, where that is no mark-up."""
    if token.kind is not Kind.TAG or token.reading is Reading.FOREIGN:
        return None
    name, at = token.name, token.end
    if name == "plaintext":
        return Token(Kind.CONTENT, at, len(page), name, 0, token.reading)
    if name == "noscript" and not scripting:
        return None
    return Token(Kind.CONTENT, at, _content_end(page, at, name), name, 0, token.reading)


CDATA = b"<![CDATA["


def _values(page: bytes, token: Token) -> dict[str, bytes]:
    """The values of a tag's attributes; of one that stands twice the first."""
    return {each.name: page[each.value_start : each.value_end] for each in reversed(attributes(page, token))}


def attributes(page: bytes, token: Token) -> list[Attribute]:
    """The attributes of a tag, in order; of one that stands twice browsers know only the first."""
    found = []
    for match in ONE_ATTRIBUTE.finditer(page, token.attributes, token.end):
        which = match.lastgroup or "name"
        valued, quoted = which != "name", which in ("double", "single")
        start, end = match.span(which) if valued else (match.end(), match.end())
        found.append(Attribute(_named(match["name"]), *match.span(), start, end, valued, quoted))
    return found


def title(page: bytes) -> bytes:
    """What stands in the first title element that is not one of a drawing, as it is written; b"" for none."""
    return next(
        (
            page[token.start : token.end]
            for token in tokens(page)
            if token.kind is Kind.CONTENT and token.name == "title"
        ),
        b"",
    )


def narrowed(body: bytes, charset: str) -> tuple[bytes, int]:
    """A page with one byte a code unit, and how many bytes a unit has in the page itself.

    UTF-16 becomes its ASCII signs with 0x80 for all others; every other charset stays as it is.
    """
    if charset.lower() not in WIDE:
        return body, 1
    order = WIDE[charset.lower()] or ("big" if body.startswith(b"\xfe\xff") else "little")
    units = array("H", body[: len(body) // 2 * 2])
    if (units.itemsize, order) != (2, _native()):
        units.byteswap()
    return bytes(unit if unit < 0x80 else 0x80 for unit in units), 2


def _native() -> str:
    return "little" if array("H", [1]).tobytes()[0] else "big"


@lru_cache(maxsize=1 << 12)
def _named(name: bytes) -> str:
    return name.decode("latin-1").lower()


def _content_end(page: bytes, at: int, name: str) -> int:
    if name == "script":
        return _script_end(page, at)
    found = END_OF[name].search(page, at)
    return found.start() if found else len(page)


def _script_end(page: bytes, at: int) -> int:
    """Where a script ends: "</script" counts not within "<!-- <script" (§13.2.5.17 to .31)."""
    escaped = double = False
    for found in SCRIPT_TURN.finditer(page, at):
        sign = found.group()
        if sign == b"<!--":
            escaped = True
        elif sign == b"-->":
            escaped = double = False
        elif found[1] and not double:
            return found.start()
        else:
            double = escaped and not found[1]
    return len(page)
