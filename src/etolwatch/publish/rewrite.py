"""Captured pages and style sheets with other addresses, and with nothing in them that runs.

Only the spans change that must: every other byte stays as it was captured, and with it text and
charset. What is read as a tag here is one in browsers (`text.markup`), also within drawings and formulas;
where that cannot be told without the tree (`text.foreign`), it is written so that both readings come to
the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from etolwatch.harvest.scope import canonical
from etolwatch.text.foreign import Reading
from etolwatch.text.links import joined
from etolwatch.text.markup import Attribute, Kind, Token, attributes, narrowed, tokens
from etolwatch.text.references import (
    TELLING,
    Place,
    Reference,
    Role,
    css_references,
    css_unescaped,
    html_references,
    read_place,
    style_places,
    tag_places,
    trimmed,
    unescaped,
)

# Gives the new address for a reference, given the address it leads to: absolute, canonical, without
# its fragment, which is put behind whatever is given back.
Resolve = Callable[[Reference, str], str]

# Schemes that a captured page may name: whatever runs, reads the disk or hides a page is none of them.
LINKED_SCHEMES = frozenset(
    "http https mailto ftp ftps sftp news nntp gopher tel sms urn doi magnet irc ircs xmpp geo".split()
)
SHOWN_DATA = re.compile(r"data:(?:image/(?!svg)|font/|application/(?:x-)?font|audio/|video/|text/css)", re.I)
PLAIN = re.compile(r"(?:\.\./)*[A-Za-z0-9_~][A-Za-z0-9_~-]*(?:[./][A-Za-z0-9_~-]+)*")  # no scheme, no dots
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
UNLOADABLE = "about:invalid"
# These go with what they hold; what stands in noscript is mark-up or not, as scripts are run or not, and is
# no text of the page (`text.blocks`).
WHOLLY_OUT = frozenset({"script", "noscript"})
# Of these only the tags go.
TAKEN_OUT = frozenset({"noscript", "portal", "fencedframe", "webview"})
# Attributes that ask for something, run something or change how all else is read.
DROPPED = frozenset(
    {
        "ping",
        "attributionsrc",
        "manifest",
        "codebase",
        "classid",
        "srcdoc",
        "shadowrootmode",
        "browsingtopics",
    }
    | {"sharedstoragewritable", "dynsrc"}
)
# Digests no longer hold for what is rewritten, and from the disk nothing is had under another's rules.
UNTRUE = frozenset({"integrity", "crossorigin"})
PRAGMAS = frozenset(
    {"content-security-policy", "x-dns-prefetch-control", "set-cookie", "accept-ch", "delegate-ch"}
    | {"origin-trial", "permissions-policy"}
)
ANIMATING = frozenset({"set", "animate", "animatemotion", "animatetransform", "animatecolor"})
# A tag without one of these is left alone.
SUSPICIOUS = re.compile(
    rb"[\s/\"']on|:|&|\\|srcdoc|ping|attributionsrc|manifest|codebase|classid|shadowroot|browsingtopics"
    rb"|sharedstorage|dynsrc|http-equiv|action|attributename|expression|binding|behaviou?r",
    re.I,
)
FOREIGN = re.compile(rb"integrity|crossorigin", re.I)
ODD_NAME = re.compile(r"[^a-z0-9_:.\-\x80-\xff]")
ROUNDS = 4  # of taking out: what is left after one is looked at again
NOTHING = b"<!---->"  # what stands where an element was: without it the signs around would join
RUNNING_CSS = re.compile(rb"(?<!x-)(?:expression(?=[\s\\]*\()|-moz-binding|behaviou?r(?=\s*:))", re.I)
TEXT_ESCAPE_OF = {b"<": b"&lt;", b"&": b"&amp;"}
CSS_ESCAPE_OF = {b"<": rb"\3c ", b"&": rb"\26 "}
WRITTEN_SAFE = "%/:@!$&'()*+,;=~?#[]"


class Edit(NamedTuple):
    """Bytes to be put in the place of a span of the narrowed page."""

    start: int
    end: int
    words: bytes  # ASCII


def rewrite_html(
    body: bytes, charset: str, base_uri: str, resolve: Resolve, *, scripts: bool, head: bytes = b""
) -> bytes:
    """The page with each reference as ``resolve`` wants it; ``head`` stands before all other content.

    ``scripts`` False takes out what runs, what asks without being clicked on, and what would be
    sent: scripts, on… attributes, addresses such as javascript:, forms' targets, a refresh that leads
    elsewhere. Fragments of the page itself stay as they are; a base element loses its address, for
    every reference has been joined to it.
    """
    page, width = narrowed(body, charset)
    base = _base(page, body, charset, width, base_uri)
    editor = _Editor(body, page, charset, width, base, base != base_uri, resolve, scripts=scripts)
    written = _edited(body, charset, width, list(editor.edits()))
    if editor.took_out:
        written = _clean(written, charset, base)
    if not head:
        return written
    at = head_at(narrowed(written, charset)[0], width)  # last, for it has what is taken out of pages
    return _edited(written, charset, width, [Edit(at, at, head)])


def rewrite_css(body: bytes, charset: str, base_uri: str, resolve: Resolve) -> bytes:
    """The style sheet with each reference as ``resolve`` wants it, and nothing that old browsers ran."""
    sheet, width = narrowed(body, charset)
    edits = []
    for reference in css_references(body, charset):
        place = Place(reference.role, reference.start // width, reference.end // width, False, True)
        edit = _readdressed(place, reference, base_uri, False, resolve)
        edits += [edit] if edit else []
    edits += (Edit(found.start(), found.start(), b"x-") for found in RUNNING_CSS.finditer(sheet))
    return _edited(body, charset, width, _apart(edits))


def head_at(page: bytes, width: int = 1) -> int:
    """Where content of a narrowed page can be put before all other: behind doctype, <html> and <head>."""
    mark = b"\xef\xbb\xbf" if width == 1 else b"\x80"
    at = len(mark) if page.startswith(mark) else 0
    names = ["html", "head"]
    for token in tokens(page):
        if page[at : token.start].strip(b"\t\n\f\r ") or token.kind is Kind.END:
            break
        if token.kind is Kind.TAG:
            if token.name not in names:
                break
            del names[: names.index(token.name) + 1]
        at = token.end
        if not names:
            break
    return at


def base_of(body: bytes, charset: str, base_uri: str) -> str:
    """The address to which the references of a page are joined: that of its base element, or its own."""
    page, width = narrowed(body, charset)
    return _base(page, body, charset, width, base_uri)


def _base(page: bytes, body: bytes, charset: str, width: int, base_uri: str) -> str:
    """HTML §4.2.3: the first base with an address counts, for all of the page; not data: or javascript:."""
    if not HAS_BASE.search(page):
        return base_uri
    for reference in html_references(body, charset):
        if reference.role is Role.BASE:
            found = SCHEME.match(reference.href)
            if found and found[1].lower() in ("data", "javascript"):
                return base_uri
            return joined(base_uri, reference.href) or base_uri
    return base_uri


HAS_BASE = re.compile(rb"<base", re.I)


def _edited(body: bytes, charset: str, width: int, edits: list[Edit]) -> bytes:
    if not edits:
        return body
    parts, at = [], 0
    for start, end, words in edits:
        parts.append(body[at * width : start * width])
        parts.append(words if width == 1 else words.decode("ascii").encode(_wide(body, charset)))
        at = end
    parts.append(body[at * width :])
    return b"".join(parts)


def _wide(body: bytes, charset: str) -> str:
    """The codec without a byte order mark of its own."""
    name = charset.lower().replace("_", "-")
    if name == "utf-16":
        return "utf-16-be" if body.startswith(b"\xfe\xff") else "utf-16-le"
    return name


def _apart(edits: list[Edit]) -> list[Edit]:
    """In order; of two that overlap, the one that begins first."""
    kept: list[Edit] = []
    for edit in sorted(edits):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept


# ── addresses ────────────────────────────────────────────────────────────────────────


def _readdressed(
    place: Place, reference: Reference, base: str, is_based: bool, resolve: Resolve, *, quoted: bool = True
) -> Edit | None:
    """The edit that gives a reference its new address; None where it stays as it is."""
    href = reference.href
    if (not href or href.startswith("#")) and (place.in_css or not is_based):
        return None
    uri = absolute(base, href)
    if uri is None:
        return None
    new = resolve(reference, uri)
    fragment = href.partition("#")
    written = new + fragment[1] + fragment[2] if "#" not in new else new
    if written == href:
        return None
    words = _written(written, place)
    return Edit(place.start, place.end, words if words or quoted else b'""')


@lru_cache(maxsize=1 << 14)
def absolute(base: str, href: str) -> str | None:
    """The canonical address that a reference leads to; None where that is none of the web."""
    href = href.partition("#")[0]
    if PLAIN.fullmatch(href):  # nearly all links: joined without parsing
        folder, below = base.rpartition("/")[0], href
        while below.startswith("../"):
            folder, below = folder.rpartition("/")[0], below[3:]
        if folder.count("/") > 1 and "?" not in folder and "#" not in folder:
            return canonical(f"{folder}/{below}")
    return canonical(joined(base, href))


def _written(href: str, place: Place) -> bytes:
    """An address as it stands in a tag or a style sheet, quoted or not."""
    words = quote(href, safe=WRITTEN_SAFE, errors="replace")
    if place.in_css:
        words = words.replace("'", "%27").replace("(", "%28").replace(")", "%29")
    if place.in_tag:
        words = words.replace("&", "&amp;").replace("'", "&#39;")
    if place.role is Role.IMAGE and (words[:1] == "," or words[-1:] == ","):
        words = words.replace(",", "%2C")  # in a srcset a comma at either end parts
    return words.encode("ascii")


def is_safe(role: Role, href: str) -> bool:
    """Whether a captured address may stand in a page that is to run nothing and read nothing else."""
    found = SCHEME.match(href)
    if found is None:
        return True
    scheme = found[1].lower()
    if scheme == "data":
        return role in (Role.IMAGE, Role.FONT, Role.MEDIA, Role.STYLE) and bool(SHOWN_DATA.match(href))
    return scheme in LINKED_SCHEMES or href.lower().startswith(("about:blank", UNLOADABLE))


# ── pages ────────────────────────────────────────────────────────────────────────────


def _clean(body: bytes, charset: str, base: str) -> bytes:
    """A page out of which something was taken, looked at again until nothing more is found."""
    for _ in range(ROUNDS):
        page, width = narrowed(body, charset)
        editor = _Editor(body, page, charset, width, base, False, None, scripts=False)
        edits = list(editor.edits())
        if not edits:
            return body
        body = _edited(body, charset, width, edits)
    # No page is known that comes here: one that still differs is shown as its source.
    page, width = narrowed(body, charset)
    return _edited(body, charset, width, [Edit(m.start(), m.end(), b"&lt;") for m in re.finditer(b"<", page)])


class _Editor:
    """One walk over a page. ``resolve`` None: what is unsafe goes, addresses stay."""

    def __init__(
        self,
        body: bytes,
        page: bytes,
        charset: str,
        width: int,
        base: str,
        is_based: bool,
        resolve: Resolve | None,
        *,
        scripts: bool,
    ) -> None:
        self._body, self._page, self._charset, self._width = body, page, charset, width
        self._base, self._is_based, self._resolve, self._scripts = base, is_based, resolve, scripts
        self._has_sheet = False  # the style element that is open in a drawing has had some of its text
        self.took_out = False

    def edits(self) -> Iterator[Edit]:
        """What is to be changed, in order."""
        for token in tokens(self._page, scripting=not self._scripts):
            if token.kind is Kind.TAG:
                self._has_sheet = False
                if not self._scripts and (token.name in TAKEN_OUT or _is_script(token.name)):
                    yield self._taken_out(token.start, token.end)
                elif token.end - token.attributes > 1:
                    yield from self._tag(token)
            elif token.kind is Kind.CONTENT:
                yield from self._content(token)
            elif token.kind is Kind.CDATA:
                yield from self._cdata(token)
            elif not self._scripts:
                yield from self._rest(token)

    def _taken_out(self, start: int, end: int) -> Edit:
        self.took_out = True
        return Edit(start, end, NOTHING)

    def _rest(self, token: Token) -> Iterator[Edit]:
        """End tags, comments."""
        if token.kind is Kind.END:
            if token.name in TAKEN_OUT or _is_script(token.name):
                yield self._taken_out(token.start, token.end)
        elif token.kind is Kind.BOGUS and token.reading is Reading.EITHER:
            # CDATA: a comment among HTML elements, text within a drawing; now a comment in both
            yield self._taken_out(token.start, token.end)

    def _content(self, token: Token) -> Iterator[Edit]:
        if token.name == "style":
            yield from self._sheet(token)
        elif self._scripts:
            return
        elif token.name in WHOLLY_OUT:
            yield Edit(token.start, token.end, b"")
        elif token.name in ("title", "textarea") or token.reading is Reading.EITHER:
            for found in re.finditer(b"<", self._page[token.start : token.end]):
                self.took_out = True
                yield Edit(token.start + found.start(), token.start + found.end(), b"&lt;")

    def _cdata(self, token: Token) -> Iterator[Edit]:
        """Text within a drawing; without brackets it is the same in every reading."""
        if token.name == "style":
            yield from self._sheet(token)
        elif not self._scripts:
            yield from _apart(self._unbracketed(token, TEXT_ESCAPE_OF if token.name != "script" else None))

    def _unbracketed(self, token: Token, escapes: dict[bytes, bytes] | None) -> list[Edit]:
        """CDATA as text; without ``escapes`` nothing of it."""
        self.took_out = True
        if escapes is None:
            return [Edit(token.start, token.end, b"")]
        end = token.end - 3 if self._page.endswith(b"]]>", token.attributes, token.end) else token.end
        text = self._page[token.attributes : end]
        edits = [Edit(token.start, token.attributes, b""), Edit(end, token.end, b"")]
        for found in re.finditer(b"[<&]", text):
            at = token.attributes + found.start()
            edits.append(Edit(at, at + 1, escapes[found.group()]))
        return edits

    def _sheet(self, token: Token) -> Iterator[Edit]:
        text = self._page[token.start : token.end]
        if token.reading is Reading.FOREIGN and not self._scripts and text.strip():
            if self._has_sheet:  # browsers join what comments part: an address could stand in two pieces
                self.took_out = True
                yield Edit(token.start, token.end, b"")
                return
            self._has_sheet = True
        edits: list[Edit] = []
        for place in style_places(self._page, token):
            edits += self._address(place)
        if not self._scripts:
            if token.kind is Kind.CDATA:
                edits += self._unbracketed(token, CSS_ESCAPE_OF)
            elif token.reading is not Reading.FOREIGN:
                signs = re.compile(b"[<&](?=[#A-Za-z])|<" if token.reading is Reading.EITHER else b"<")
                edits += (
                    Edit(token.start + f.start(), token.start + f.end(), CSS_ESCAPE_OF[f.group()])
                    for f in signs.finditer(text)
                )
            edits += (
                Edit(token.start + f.start(), token.start + f.start(), b"x-")
                for f in RUNNING_CSS.finditer(text)
            )
        yield from _apart(edits)

    # ── tags ─────────────────────────────────────────────────────────────────────────

    def _tag(self, token: Token) -> Iterator[Edit]:
        refers = TELLING.search(self._page, token.attributes, token.end)
        suspicious = not self._scripts and (
            token.name == "link" or SUSPICIOUS.search(self._page, token.attributes, token.end)
        )
        untrue = self._resolve is not None and FOREIGN.search(self._page, token.attributes, token.end)
        if not refers and not suspicious and not untrue:
            return
        found = attributes(self._page, token)
        dropped = self._dropped(token, found) if suspicious else set()
        dropped |= {a.start for a in found if a.name in UNTRUE}
        edits = [self._dropping(attribute) for attribute in found if attribute.start in dropped]
        quoted = {attribute.value_start: attribute.quoted for attribute in found}
        for place in tag_places(self._page, token, found):
            if place.role is Role.BASE:
                edits += self._unbased(found)
            elif not any(edit.start <= place.start < edit.end for edit in edits):
                edits += self._address(place, quoted=quoted.get(place.start, True))
        if suspicious:
            edits += self._styles(found, dropped)
        yield from _apart(edits)

    def _address(self, place: Place, *, quoted: bool = True) -> list[Edit]:
        reference = read_place(place, self._body, self._charset, self._width)
        if not self._scripts and not is_safe(reference.role, reference.href):
            self.took_out = True
            return [Edit(place.start, place.end, UNLOADABLE.encode())]
        if self._resolve is None:
            return []
        edit = _readdressed(place, reference, self._base, self._is_based, self._resolve, quoted=quoted)
        return [edit] if edit else []

    def _unbased(self, found: list[Attribute]) -> list[Edit]:
        return [Edit(a.start, a.end, b"") for a in found if a.name == "href"]

    def _dropping(self, attribute: Attribute) -> Edit:
        self.took_out = True
        return Edit(attribute.start, attribute.end, b"")

    def _dropped(self, token: Token, found: list[Attribute]) -> set[int]:
        """Where the attributes begin that are to go."""
        starts = {a.start for a in found if self._is_dropped(token, a, found)}
        if starts:  # what has an odd name might, without what stood before it, be read as a value
            starts |= {a.start for a in found if ODD_NAME.search(a.name)}
        return starts

    def _is_dropped(self, token: Token, attribute: Attribute, found: list[Attribute]) -> bool:
        name = attribute.name
        local = name.rpartition(":")[2]
        if local.startswith("on") or local in DROPPED:
            return True
        if not attribute.valued:
            return False
        value = self._value(attribute)
        if name in ("action", "formaction"):
            return True
        if token.name in ANIMATING and name == "attributename":
            local = value.rpartition(":")[2].lower()
            return local.startswith("on") or local == "href"
        if name == "http-equiv":
            return value.lower() in PRAGMAS or (value.lower() == "refresh" and not self._stays(token, found))
        if token.name == "link" and name == "href":
            return self._is_asking(token, found) or not is_safe(Role.STYLE, value)
        return name not in ("style", "content", "alt", "title", "value", "srcset") and _runs(value, name)

    def _value(self, attribute: Attribute) -> str:
        raw = self._page[attribute.value_start : attribute.value_end].decode("latin-1")
        return trimmed(unescaped(raw))

    def _is_asking(self, token: Token, found: list[Attribute]) -> bool:
        """Whether a link element would connect, fetch beforehand or name an application."""
        return any(place.role in (Role.OTHER, Role.SCRIPT) for place in tag_places(self._page, token, found))

    def _stays(self, token: Token, found: list[Attribute]) -> bool:
        """Whether a refresh leads to a page at hand: to another file, and to none of the web."""
        for place in tag_places(self._page, token, found):
            if place.role is Role.REFRESH:
                reference = read_place(place, self._body, self._charset, self._width)
                return is_safe(Role.REFRESH, reference.href) and self._is_near(reference)
        return False

    def _is_near(self, reference: Reference) -> bool:
        if self._resolve is None:  # looked at again: it has its new address
            return not SCHEME.match(reference.href) and not reference.href.startswith("//")
        uri = absolute(self._base, reference.href)
        if uri is None or uri == canonical(self._base):
            return False
        new = self._resolve(reference, uri)
        return not SCHEME.match(new) and not new.startswith("//")

    def _styles(self, found: list[Attribute], dropped: set[int]) -> Iterator[Edit]:
        """Empties style attributes that old browsers ran."""
        for attribute in found:
            if attribute.name == "style" and attribute.start not in dropped:
                text = css_unescaped(self._value(attribute)).encode("latin-1", "replace")
                if RUNNING_CSS.search(text):
                    self.took_out = True
                    yield Edit(attribute.value_start, attribute.value_end, b"" if attribute.quoted else b'""')


def _is_script(name: str) -> bool:
    return name.endswith("script") and name.rpartition(":")[2] == "script"


def _runs(value: str, name: str) -> bool:
    """Whether a value is an address that runs or hides a page; of an unknown attribute, one that may be."""
    found = SCHEME.match(value)
    if found is None:
        return False
    scheme = found[1].lower()
    if name in ("href", "xlink:href", "src", "data", "background", "poster", "cite", "longdesc"):
        role = Role.LINK if name in ("href", "cite", "longdesc") else Role.IMAGE
        return not is_safe(role, value)
    return scheme in ("javascript", "vbscript", "livescript", "mocha", "data")
