"""What a page or style sheet refers to, and where in its bytes: what harvest fetches and others rewrite.

Read as browsers read: tokens by the HTML standard (``markup``), style sheets by CSS Syntax 3 §4.3,
addresses trimmed as the URL Standard §4.4 says. Comments, scripts and texts hold no references.
The document within an ``iframe srcdoc`` has none of its own here. Bytes are read as ASCII, which is
right in all charsets that browsers know but UTF-16, which is narrowed, and ISO-2022-JP, in which
letters between escapes may be taken for mark-up.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html.entities import html5
from typing import NamedTuple

from etolwatch.text.addresses import with_query_in
from etolwatch.text.foreign import Reading
from etolwatch.text.markup import Attribute, Kind, Token, attributes, narrowed, tokens


class Role(StrEnum):
    """What a reference is for."""

    LINK = "link"  # a, area, a link element that leads to another page, cite, longdesc
    FRAME = "frame"  # frame, iframe
    STYLE = "style"  # link rel=stylesheet, @import
    IMAGE = "image"  # img, input, background, icon, srcset, poster, svg image and use, css url()
    FONT = "font"  # url() in @font-face
    MEDIA = "media"  # audio, video, source, track
    OBJECT = "object"  # object, embed, applet, param
    SCRIPT = "script"
    FORM = "form"
    REFRESH = "refresh"  # meta http-equiv=refresh
    BASE = "base"
    OTHER = "other"  # kinds of link that may ask, manifest, ping, references within a drawing


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference. ``start`` and ``end`` span its value in the body as captured, in bytes.

    ``href`` is the value with character references and CSS escapes undone, trimmed, without tabs
    and line ends, its query escaped by the page's charset, as browsers take it. ``in_sheet``: it
    stands in a style sheet or a style element, where a character reference is none.
    """

    role: Role
    start: int
    end: int
    href: str
    in_sheet: bool = False


class Place(NamedTuple):
    """Where a reference stands in the narrowed page, not yet read."""

    role: Role
    start: int
    end: int
    in_tag: bool  # character references count
    in_css: bool  # CSS escapes count


# Elements and attributes that refer (HTML §4, HTML 4.01 for frames, background and applet).
PLACES: dict[str, dict[str, Role]] = {
    "a": {"href": Role.LINK, "xlink:href": Role.LINK, "ping": Role.OTHER},
    "area": {"href": Role.LINK, "ping": Role.OTHER},
    "frame": {"src": Role.FRAME, "longdesc": Role.LINK},
    "iframe": {"src": Role.FRAME, "longdesc": Role.LINK},
    "img": {"src": Role.IMAGE, "lowsrc": Role.IMAGE, "dynsrc": Role.MEDIA, "longdesc": Role.LINK},
    "image": {"src": Role.IMAGE, "href": Role.IMAGE, "xlink:href": Role.IMAGE},
    "feimage": {"href": Role.IMAGE, "xlink:href": Role.IMAGE},
    "use": {"href": Role.IMAGE, "xlink:href": Role.IMAGE},
    "input": {"src": Role.IMAGE, "formaction": Role.FORM},
    "button": {"formaction": Role.FORM},
    "form": {"action": Role.FORM},
    "isindex": {"action": Role.FORM},
    "script": {"src": Role.SCRIPT, "href": Role.SCRIPT, "xlink:href": Role.SCRIPT},
    "video": {"src": Role.MEDIA, "poster": Role.IMAGE},
    "audio": {"src": Role.MEDIA},
    "source": {"src": Role.MEDIA},
    "track": {"src": Role.MEDIA},
    "bgsound": {"src": Role.MEDIA},
    "embed": {"src": Role.OBJECT},
    "object": {"data": Role.OBJECT, "classid": Role.OBJECT},
    "applet": {"code": Role.OBJECT, "archive": Role.OBJECT, "object": Role.OBJECT},
    "blockquote": {"cite": Role.LINK},
    "q": {"cite": Role.LINK},
    "ins": {"cite": Role.LINK},
    "del": {"cite": Role.LINK},
    "base": {"href": Role.BASE},
    "html": {"manifest": Role.OTHER},
    "portal": {"src": Role.FRAME},
}
EVERYWHERE = {"background": Role.IMAGE, "xlink:href": Role.OTHER}
LISTS = ("srcset", "imagesrcset")
# Attributes that are styles: of any element, and of drawings (SVG 2 §6.6).
STYLES = frozenset(
    {"style", "fill", "stroke", "filter", "mask", "clip-path", "cursor"}
    | {"marker", "marker-start", "marker-mid", "marker-end"}
)
# The kinds of link elements that show something, the weightiest first: "alternate stylesheet" is a sheet.
KINDS = {
    "stylesheet": Role.STYLE,
    "icon": Role.IMAGE,
    "apple-touch-icon": Role.IMAGE,
    "apple-touch-icon-precomposed": Role.IMAGE,
    "mask-icon": Role.IMAGE,
    "image_src": Role.IMAGE,
    "modulepreload": Role.SCRIPT,
}
# Those that only tell where else to read: HTML §4.6.7, HTML 4.01 §6.12, RFC 8288's registry, Dublin Core. For
# any other kind, or one still to come, a browser may ask without being told to.
LEADING = frozenset(
    """alternate amphtml appendix archives author bookmark canonical chapter child contents copyright
    disclosure editor first glossary help home index last latest-version license made me memento next
    original owner parent permalink predecessor-version prev previous publisher related section self
    shortcut shortlink sibling start subsection successor-version tag terms-of-service timegate timemap toc
    top up version-history via privacy-policy schema.dc schema.dcterms""".split()
)
LOADED_AS = {"style": Role.STYLE, "image": Role.IMAGE, "font": Role.FONT, "script": Role.SCRIPT}
# Attributes without one of these words refer to nothing: most tags are passed over by this.
TELLING = re.compile(
    rb"href|src|style|background|action|data|cite|content|value|poster|code|archive|ping"
    rb"|manifest|object|classid|longdesc|fill|stroke|filter|mask|clip-path|marker|cursor",
    re.I,
)
ANCHORS = frozenset(("a", "area"))
REFERRING = re.compile(
    b"<(?:%s)" % "|".join(("link", "param", "style", "meta", *PLACES.keys() - ANCHORS)).encode()
)
BESIDE_ANCHORS = re.compile(rb"style|background", re.I)  # what these may have beside where they lead
# HTML §13.2.6.4.4 with §4.2.5.3: the seconds, then the address, which may be quoted.
REFRESH = re.compile(
    r"\s*[\d.]*[\s;,]*(?:url\s*=\s*)?(?:\"(?P<double>[^\"]*)|'(?P<single>[^']*)|(?P<bare>.*))",
    re.I | re.S,
)
CANDIDATE = re.compile(
    r"[\t\n\f\r ,]*(?P<address>[^\t\n\f\r ,][^\t\n\f\r ]*)(?P<rest>[^,(]*(?:\([^)]*\)[^,(]*)*)"
)
CHARACTER_REFERENCE = re.compile(
    r"&(?:#[xX][0-9a-fA-F]+;?|#[0-9]+;?|([A-Za-z][A-Za-z0-9]*(?:;|(?![A-Za-z0-9=;]))))"
)
MEDIA_OF_OBJECT = ("movie", "src", "url", "filename", "data")


def html_references(body: bytes, charset: str, *, anchors: bool = True) -> list[Reference]:
    """What an HTML page refers to, in order, never overlapping.

    Without ``anchors``, where ``a`` and ``area`` lead is left out: a page of notes has hundreds of
    them, and is read in half the time.
    """
    page, width = narrowed(body, charset)
    return [read_place(place, body, charset, width) for place in _places(page, anchors)]


def css_references(body: bytes, charset: str) -> list[Reference]:
    """What a style sheet refers to, in order, never overlapping."""
    sheet, width = narrowed(body, charset)
    return [read_place(place, body, charset, width) for place in sheet_places(sheet)]


def trimmed(value: str) -> str:
    """An address as browsers take it: no controls or spaces at its ends, no tabs or line ends in it."""
    return value.strip(C0_AND_SPACE).translate(TABS_AND_LINES)


C0_AND_SPACE = "".join(map(chr, range(33)))
TABS_AND_LINES = dict.fromkeys((9, 10, 13))


def unescaped(value: str) -> str:
    """An attribute's value with its character references undone.

    Without a semicolon one counts only where neither a letter, a digit nor "=" follows
    (HTML §13.2.5.73): "?a=1&copy=2" stays as it is.
    """
    return CHARACTER_REFERENCE.sub(_character, value) if "&" in value else value


def _character(found: re.Match[str]) -> str:
    name = found[1]
    return html.unescape(found.group()) if name is None else html5.get(name, found.group())


def _places(page: bytes, anchors: bool) -> Iterator[Place]:
    last = len(page) if anchors else _last_beside_anchors(page)
    for token in tokens(page):
        if token.start > last and token.kind not in (Kind.CONTENT, Kind.CDATA):
            return
        if token.kind is Kind.TAG:
            telling = TELLING if anchors or token.name not in ANCHORS else BESIDE_ANCHORS
            if telling.search(page, token.attributes, token.end):
                yield from tag_places(page, token, attributes(page, token))
        elif token.name == "style" and token.kind in (Kind.CONTENT, Kind.CDATA):
            yield from style_places(page, token)


def _last_beside_anchors(page: bytes) -> int:
    """Behind which byte nothing but anchors refers to anything; most texts name a style sheet and no more."""
    lower = page.lower()
    tags = [found.start() for found in REFERRING.finditer(lower)]
    return max(*tags[-1:], *(lower.rfind(word) for word in (b"style", b"background", b"srcset")), -1)


def read_place(place: Place, body: bytes, charset: str, width: int) -> Reference:
    """A reference with the words of its place, and its span in bytes of the body itself."""
    start, end = place.start * width, place.end * width
    value = decoded(body[start:end], charset)
    value = unescaped(value) if place.in_tag else value
    value = css_unescaped(value) if place.in_css else value
    href = trimmed(value) if place.in_css else with_query_in(charset, trimmed(value))
    return Reference(place.role, start, end, href, not place.in_tag)


def decoded(value: bytes, charset: str) -> str:
    """The characters of a value; what the charset has not, or where it is unknown: as windows-1252."""
    try:
        return value.decode("utf-8" if charset == "ascii" else charset)
    except (LookupError, UnicodeDecodeError):
        return value.decode("cp1252", "replace")


# ── tags ─────────────────────────────────────────────────────────────────────────────


def tag_places(page: bytes, token: Token, found: list[Attribute]) -> list[Place]:
    """Where a start tag of the narrowed page refers to something."""
    values = {attribute.name: attribute for attribute in reversed(found)}
    roles = _roles(page, token.name, values)
    places: list[Place] = []
    for attribute in found:
        if values[attribute.name] is not attribute:
            continue  # said twice: only the first counts (§13.2.5.33)
        if attribute.name in STYLES:
            places += _in_style(page, attribute)
        elif attribute.name in LISTS:
            places += _in_list(page, attribute)
        elif attribute.name == "content" and token.name == "meta":
            places += _in_refresh(page, attribute, values)
        elif attribute.name in roles and attribute.valued:
            role = roles[attribute.name]
            places.append(Place(role, attribute.value_start, attribute.value_end, True, False))
    return places


def _roles(page: bytes, name: str, values: dict[str, Attribute]) -> dict[str, Role]:
    if name == "link":
        return {"href": _kind(page, values)}
    if name == "param":
        is_media = _word(page, values.get("name")) in MEDIA_OF_OBJECT
        return {"value": Role.OBJECT} if is_media else {}
    here = PLACES.get(name)
    return {**EVERYWHERE, **here} if here else EVERYWHERE


def _kind(page: bytes, values: dict[str, Attribute]) -> Role:
    kinds = _word(page, values.get("rel")).split()
    if "preload" in kinds:
        return LOADED_AS.get(_word(page, values.get("as")), Role.OTHER)
    shown = next((role for kind, role in KINDS.items() if kind in kinds), None)
    return shown or (Role.LINK if LEADING.issuperset(kinds) else Role.OTHER)


def _word(page: bytes, attribute: Attribute | None) -> str:
    if attribute is None:
        return ""
    value = page[attribute.value_start : attribute.value_end].decode("latin-1")
    return unescaped(value).strip().lower()


def style_places(page: bytes, token: Token) -> Iterator[Place]:
    """Where the text of a style element refers to something: in a drawing character references count."""
    if token.kind is Kind.CDATA:
        begin = token.attributes
        yield from sheet_places(page[begin : token.end], begin)
    elif token.reading is Reading.FOREIGN:
        yield from _in_text(page, token.start, token.end)
    else:
        yield from sheet_places(page[token.start : token.end], token.start)


def _in_style(page: bytes, attribute: Attribute) -> Iterator[Place]:
    return _in_text(page, attribute.value_start, attribute.value_end)


def _in_text(page: bytes, begin: int, end: int) -> Iterator[Place]:
    text, places = undone(page[begin:end])
    for role, first, last in css_spans(text):
        yield Place(role, begin + places[first], begin + places[last], True, True)


def _in_list(page: bytes, attribute: Attribute) -> Iterator[Place]:
    """The addresses of a srcset (HTML §4.8.4.2.1): parted by commas that white space or a width precedes."""
    text, places = undone(page[attribute.value_start : attribute.value_end])
    at = 0
    while (found := CANDIDATE.match(text, at)) is not None:
        start, end = found.span("address")
        address = text[start:end].rstrip(",")
        at = end if len(address) < end - start else found.end()
        begin = attribute.value_start
        yield Place(Role.IMAGE, begin + places[start], begin + places[start + len(address)], True, False)


def _in_refresh(page: bytes, attribute: Attribute, values: dict[str, Attribute]) -> Iterator[Place]:
    if _word(page, values.get("http-equiv")) != "refresh":
        return
    text, places = undone(page[attribute.value_start : attribute.value_end])
    found = REFRESH.match(text)
    if found is None or found.lastgroup is None or not found[found.lastgroup].strip():
        return
    start, end = found.span(found.lastgroup)
    begin = attribute.value_start
    yield Place(Role.REFRESH, begin + places[start], begin + places[end], True, False)


def undone(value: bytes) -> tuple[str, list[int]]:
    """A value, byte by byte, with its character references undone, and where each sign stood.

    The list has one place more than the text has signs: where the value ends.
    """
    text = value.decode("latin-1")
    if "&" not in text:
        return text, list(range(len(text) + 1))
    signs: list[str] = []
    places: list[int] = []
    at = 0
    for found in CHARACTER_REFERENCE.finditer(text):
        signs.append(text[at : found.start()])
        places += range(at, found.start())
        plain = _character(found)
        signs.append(plain)
        places += [found.start()] * len(plain)
        at = found.end()
    signs.append(text[at:])
    places += range(at, len(text) + 1)
    return "".join(signs), places


# ── style sheets ─────────────────────────────────────────────────────────────────────

ESCAPE = r"\\(?:[0-9a-fA-F]{1,6}(?:\r\n|[ \t\n\r\f])?|[^\n\r\f0-9a-fA-F])"
NAME = rf"(?:[A-Za-z0-9_\-\x80-\uffff]|{ESCAPE})++"
STRING = r"\"(?:[^\"\\\n\r\f]|\\(?:\r\n|.))*+\"?|'(?:[^'\\\n\r\f]|\\(?:\r\n|.))*+'?"
CSS_TOKEN = re.compile(
    rf"(?P<comment>/\*.*?(?:\*/|\Z))|(?P<string>{STRING})|(?P<at>@{NAME})|(?P<function>{NAME}\()|{NAME}"
    r"|(?P<open>[({\[])|(?P<close>[)}\]])|(?P<end>;)",
    re.S,
)
URL = re.compile(
    rf"[\t\n\f\r ]*+(?:(?P<string>{STRING})|(?P<bare>(?:[^\"'()\\\x00-\x20\x7f]|{ESCAPE})*+))"
    r"[\t\n\f\r ]*+(?:\)|\Z)",
    re.S,
)
BAD_URL = re.compile(r"(?:\\.|[^)\\])*+\)?", re.S)  # CSS Syntax 3 §4.3.14: skipped to the bracket
ONE_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\n\r\f])?|(\r\n|[\n\r\f])|(.))", re.S)
PICTURES = frozenset({"image-set", "-webkit-image-set", "image", "-moz-image-rect"})


def sheet_places(sheet: bytes, begin: int = 0) -> Iterator[Place]:
    """Where a style sheet refers to something; ``begin`` is where it begins in the page."""
    for role, start, end in css_spans(sheet.decode("latin-1")):
        yield Place(role, begin + start, begin + end, False, True)


def css_spans(sheet: str) -> Iterator[tuple[Role, int, int]]:
    """The addresses of a style sheet: role, start, end."""
    rule, functions, at = "", [""], 0
    while (found := CSS_TOKEN.search(sheet, at)) is not None:
        at, kind = found.end(), found.lastgroup
        if kind == "at":
            rule = css_unescaped(found.group()).lower()
        elif kind == "function":
            name = css_unescaped(found.group()[:-1]).lower()
            if name in ("url", "src"):
                span, at = _url(sheet, at)
                if span and rule != "@namespace":
                    yield _role(rule), *span
            else:
                functions.append(name)
        elif kind == "string":
            if rule == "@import" or functions[-1] in PICTURES:
                yield _role(rule), *_within(found)
        elif kind in ("open", "close", "end"):
            rule = _bracket(kind, found.group(), functions, rule)
        if rule == "@import" and kind in ("string", "function"):
            rule = ""


def _bracket(kind: str, sign: str, functions: list[str], rule: str) -> str:
    """Follows brackets; gives back the at-rule that goes on behind this sign."""
    if kind == "open":
        functions.append("")
    elif kind == "close" and len(functions) > 1:
        functions.pop()
    return "" if sign == "}" or (sign in ";{" and rule != "@font-face") else rule


def _role(rule: str) -> Role:
    return {"@import": Role.STYLE, "@font-face": Role.FONT}.get(rule, Role.IMAGE)


def _url(sheet: str, at: int) -> tuple[tuple[int, int] | None, int]:
    """The address within a url( that opened at ``at``, and where it ends; None for a broken one."""
    found = URL.match(sheet, at)
    if found is None:
        bad = BAD_URL.match(sheet, at)
        return None, bad.end() if bad else at
    span = found.span("bare") if found["string"] is None else _within(found)
    return span, found.end()


def _within(found: re.Match[str]) -> tuple[int, int]:
    """The span of a string without its quotes."""
    start, end = found.span("string")
    string = found["string"]
    return start + 1, end - 1 if len(string) > 1 and string[-1] == string[0] else end


def css_unescaped(value: str) -> str:
    """A name, string or address with its escapes undone (CSS Syntax 3 §4.3.7)."""
    return ONE_ESCAPE.sub(_unescaped, value) if "\\" in value else value


def _unescaped(found: re.Match[str]) -> str:
    digits, line, sign = found.groups()
    if digits is None:
        return "" if line else sign
    code = int(digits, 16)
    return (
        "\N{REPLACEMENT CHARACTER}" if code == 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000 else chr(code)
    )
