"""An apparatus as TEI P5: referenced by location, or with its readings in the text (chapter 12).

Blocks keep the order of the base. Headings and lines of the page's frame are ``ab`` with their
zone as type, for a page has them in any order and ``head`` may only begin a ``div``.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from lxml import etree

from etolwatch import __version__
from etolwatch.collate.apparatus import BREAK, Apparatus, Place, Reading, Rearrangement, reading_of
from etolwatch.collate.collation import WEIGHT
from etolwatch.collate.tokens import tokens
from etolwatch.contract import instant_to_text
from etolwatch.model import Grade, Kind, Zone

TEI = "http://www.tei-c.org/ns/1.0"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
# All that is no Char of XML 1.0 §2.2: most controls, surrogates, U+FFFE and U+FFFF.
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NEAR = 60  # characters beside a place that tell whether a space is wanted
URI_SAFE = "!#$%&'()*+,/:;=?@[]~"
# Elements in which white space is none of the text, so each child may have a line.
ROOMY = frozenset(
    """TEI teiHeader fileDesc titleStmt publicationStmt sourceDesc listWit encodingDesc appInfo application
    editorialDecl normalization correction interpretation text body back div listApp list""".split()
)
Element = etree._Element  # noqa: SLF001 (lxml has no other name for the type)


class Method(StrEnum):
    """How the readings are tied to the text (TEI P5 §12.2)."""

    LOCATION = "location-referenced"
    PARALLEL = "parallel-segmentation"


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of one witness beside its words."""

    siglum: str
    uri: str
    captured_at: datetime | None = None
    digest: str | None = None  # "sha256:hex"
    stated: str | None = None  # the date that the page states of itself, literally


def tei(
    found: Apparatus,
    sources: Sequence[Source],
    title: str,
    method: Method,
    least: Grade = Grade.COSMETIC,
) -> bytes:
    """A TEI document in UTF-8: header, the text of the base, its places from the grade ``least`` up.

    ``sources`` describe the witnesses, in the order of their sigla. Characters that XML
    forbids are left out, and the header tells how many. Raises ValueError where the sources
    are not those of the apparatus.
    """
    if tuple(source.siglum for source in sources) != found.sigla:
        raise ValueError(f"the sources are not those of the apparatus {found.sigla}: {sources}")
    return _Document(found, method, least).bytes(sources, title)


def row_ids(found: Apparatus) -> list[str]:
    """The ``xml:id`` of each row: ``body.58``, or ``added.3`` for one that the base lacks."""
    added = itertools.count(1)
    return [
        f"added.{next(added)}" if row.is_added else f"{row.zone.value}.{row.number}" for row in found.rows
    ]


class _Document:
    """One document in the making; it counts the characters that it had to leave out."""

    def __init__(self, found: Apparatus, method: Method, least: Grade) -> None:
        self.found, self.method = found, method
        self.ids = row_ids(found)
        self.forbidden: dict[int, list[int]] = {}  # row → where it has characters that are left out
        self.places: dict[int, list[Place]] = {}
        for place in found.places:
            if WEIGHT[place.grade] >= WEIGHT[least]:
                self.places.setdefault(place.row, []).append(place)
        self.left_out = 0

    def bytes(self, sources: Sequence[Source], title: str) -> bytes:
        root = etree.fromstring(f'<TEI xmlns="{TEI}"/>')
        text = _sub(root, "text")
        self._body(_sub(text, "body"))
        self._back(text)
        header, declaration = self._header(sources, title)
        root.insert(0, header)
        if self.left_out:
            self._p(
                _sub(declaration, "correction"),
                f"{self.left_out} characters that XML 1.0 does not allow (controls) are left out.",
            )
        _lay_out(root)
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8")) + b"\n"

    # ── header ──

    def _header(self, sources: Sequence[Source], title: str) -> tuple[Element, Element]:
        """The header, and the declaration in it to which a note may be added."""
        header = etree.Element(f"{{{TEI}}}teiHeader")
        file_desc = _sub(header, "fileDesc")
        titles = _sub(file_desc, "titleStmt")
        self._text(_sub(titles, "title"), title)
        self._text(_sub(titles, "title", type="sub"), f"Apparatus of {len(sources)} witnesses")
        self._p(
            _sub(file_desc, "publicationStmt"), "Unpublished; made by a program, to be judged by a reader."
        )
        witnesses = _sub(_sub(file_desc, "sourceDesc"), "listWit")
        for source in sources:
            self._witness(witnesses, source)
        encoding = _sub(header, "encodingDesc")
        application = _sub(_sub(encoding, "appInfo"), "application", ident="etolwatch", version=__version__)
        self._text(_sub(application, "label"), "etolwatch")
        declaration = _sub(encoding, "editorialDecl")
        self._editorial(declaration)
        where = "external" if self.method is Method.LOCATION else "internal"
        _sub(encoding, "variantEncoding", method=self.method.value, location=where)
        return header, declaration

    def _editorial(self, declaration: Element) -> None:
        normalization = _sub(declaration, "normalization", method="silent")
        self._p(
            normalization,
            f"Read from HTML by {self.found.normaliser}: characters decoded, mojibake repaired, Unicode "
            "composed (NFC), invisible characters dropped, white space folded. Note marks and emphasis "
            "are left out; the label of a note stands in its n attribute.",
        )
        self._p(
            _sub(declaration, "interpretation"),
            "The type of a reading is its class as against the lemma, proposed by the program. "
            "Headings, credits and other lines of the page's frame are ab elements, typed by their zone.",
        )

    def _witness(self, parent: Element, source: Source) -> None:
        described = _sub(parent, "witness")
        described.set(XML_ID, source.siglum)
        self._text(_sub(described, "ref", target=quote(self._clean(source.uri), safe=URI_SAFE)), source.uri)
        if source.captured_at:
            at = instant_to_text(source.captured_at) or ""
            _tail(described, ", captured ")
            self._text(_sub(described, "date", type="captured", when=at), at)
        if source.digest:
            kind, _, value = source.digest.rpartition(":")
            _tail(described, ", digest ")
            self._text(_sub(described, "idno", type=kind if kind.isidentifier() else "digest"), value)
        if source.stated:
            _tail(described, ", states of itself ")
            self._text(_sub(described, "date", type="stated"), source.stated)

    # ── the text ──

    def _body(self, body: Element) -> None:
        division = _sub(body, "div", type="text")
        for number, row in enumerate(self.found.rows):
            places = self.places.get(number, [])
            if self.method is Method.LOCATION:
                if not row.is_added:
                    self._text(self._block(division, number), row.text)
            else:
                self._segmented(division, number, places)
        if not len(division):
            _sub(division, "p")

    def _segmented(self, parent: Element, number: int, places: Sequence[Place]) -> None:
        """A block with its readings in place; one that some witnesses lack as a reading itself."""
        row = self.found.rows[number]
        whole = [place for place in places if place.whole]
        if row.is_added:
            for place in whole:
                app = _sub(parent, "app", type="block")
                _sub(app, "lem", wit=_wit(place.sigla))
                for order, reading in enumerate(place.readings):
                    rdg = self._rdg(app, reading)
                    self._text(self._block(rdg, number, order), reading.text)
            return
        for place in whole:
            app = _sub(parent, "app", type="block")
            parent = _sub(app, "lem", wit=_wit(place.sigla))
            for reading in place.readings:
                self._rdg(app, reading)
        self._words(self._block(parent, number), row.text, [place for place in places if not place.whole])

    def _words(self, block: Element, text: str, places: Sequence[Place]) -> None:
        """The text of the base with each place in it as an ``app``."""
        told = dict.fromkeys(self.found.sigla, "")
        at = 0
        for number, place in enumerate(places):
            between = text[at : place.start]
            self._text(block, between)
            app = _sub(block, "app")
            self._text(_sub(app, "lem", wit=_wit(place.sigla)), place.lemma)
            for reading in place.readings:
                sides = [
                    ((told[siglum] + between)[-NEAR:], _following(text, places[number:], siglum))
                    for siglum in reading.sigla
                ]
                self._text(self._rdg(app, reading), _spaced(reading.text, sides))
            told = {
                siglum: (before + between + reading_of(place, siglum))[-NEAR:]
                for siglum, before in told.items()
            }
            at = place.end
        self._text(block, text[at:])

    def _block(self, parent: Element, number: int, order: int = 0) -> Element:
        """An empty element for a row; ``order`` tells apart several readings of one row."""
        row = self.found.rows[number]
        match row.zone:
            case Zone.BODY | Zone.EPIGRAPH:
                block = _sub(parent, "p")
            case Zone.NOTE:
                block = _sub(parent, "note", place="end")
            case _:
                block = _sub(parent, "ab", type=row.zone.value)
        block.set(XML_ID, self.ids[number] + (f".{order + 1}" if order else ""))
        if row.note:
            block.set("n", " ".join(self._clean(row.note).split()))
        return block

    # ── behind the text ──

    def _back(self, text: Element) -> None:
        located = [place for places in self.places.values() for place in places]
        if self.method is Method.PARALLEL:
            located = []
        if not located and not self.found.rearrangements:
            return
        back = _sub(text, "back")
        if located:
            apparatus = _sub(_sub(back, "div", type="apparatus"), "listApp")
            for place in located:
                self._located(apparatus, place)
        if self.found.rearrangements:
            items = _sub(_sub(back, "div", type="arrangement"), "list")
            for each in self.found.rearrangements:
                self._rearranged(items, each)

    def _located(self, parent: Element, place: Place) -> None:
        app = _sub(parent, "app", **self._location(place))
        self._text(_sub(app, "lem", wit=_wit(place.sigla)), place.lemma)
        for reading in place.readings:
            self._text(self._rdg(app, reading), reading.text)

    def _location(self, place: Place) -> dict[str, str]:
        """``loc`` for a reader; ``from`` and ``to`` as pointers into the base (TEI P5 §16.2.4)."""
        row, name = self.found.rows[place.row], self.ids[place.row]
        kind = {"type": "block"} if place.whole else {}
        if row.is_added and row.after is None:
            return {"loc": "at the beginning", **kind}
        if row.is_added and row.after is not None:
            return {"loc": f"after {self.ids[row.after]}", "from": f"#right({self.ids[row.after]})", **kind}
        start, end = (
            f"#string-index({name},{self._offset(place.row, at)})" for at in (place.start, place.end)
        )
        return {"loc": name, "from": start, "to": end, **kind}

    def _offset(self, row: int, at: int) -> int:
        """Of a character of a row in its element, which lacks the characters that are left out."""
        if row not in self.forbidden:
            self.forbidden[row] = [match.start() for match in NO_XML.finditer(self.found.rows[row].text)]
        return at - bisect_left(self.forbidden[row], at)

    def _rdg(self, app: Element, reading: Reading) -> Element:
        return _sub(app, "rdg", wit=_wit(reading.sigla), type=reading.category.value)

    def _rearranged(self, parent: Element, each: Rearrangement) -> None:
        ids = [self.ids[row] for row in each.rows]
        item = _sub(parent, "item", corresp=" ".join(f"#{name}" for name in ids))
        who = " ".join(each.sigla)
        if each.kind is Kind.JOIN:
            self._text(item, f"{', '.join(ids)}: one paragraph in {who}")
            return
        where = "at the beginning" if each.after is None else f"after {self.ids[each.after]}"
        self._text(item, f"{', '.join(ids)}: {where} in {who}")

    # ── characters ──

    def _p(self, parent: Element, text: str) -> None:
        self._text(_sub(parent, "p"), text)

    def _text(self, element: Element, text: str) -> None:
        """Add text behind what the element holds; a new paragraph within a reading as a milestone."""
        for turn, part in enumerate(text.split(BREAK)):
            if turn:
                _sub(element, "milestone", unit="paragraph")
            clean = self._clean(part)
            self.left_out += len(part) - len(clean)
            _tail(element, clean)

    def _clean(self, text: str) -> str:
        return NO_XML.sub("", text)


def _following(text: str, places: Sequence[Place], siglum: str) -> str:
    """Some of what a witness has behind the first of these places of a row."""
    found, at = "", places[0].end
    for place in places[1:]:
        found += text[at : place.start][:NEAR] + reading_of(place, siglum)
        at = place.end
        if found:
            return found[:NEAR]
    return found + text[at : at + NEAR]


def _spaced(reading: str, sides: Sequence[tuple[str, str]]) -> str:
    """A reading with a space on a side where it would else run into the word beside it."""
    if not reading:
        return " " if any(_fuse(left, right) for left, right in sides) else ""
    lead = " " if any(_fuse(left, reading) for left, _ in sides) else ""
    trail = " " if any(_fuse(reading, right) for _, right in sides) else ""
    return lead + reading + trail


def _fuse(left: str, right: str) -> bool:
    """Whether two texts side by side would be read as other words or marks than they are."""
    beside, apart = tokens(left + right), tokens(left) + tokens(right)
    return [token.t for token in beside] != [token.t for token in apart]


def _wit(sigla: Sequence[str]) -> str:
    return " ".join(f"#{siglum}" for siglum in sigla)


def _sub(parent: Element, name: str, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{TEI}}}{name}", attributes)


def _tail(element: Element, text: str) -> None:
    """Add text behind the last child of an element, or into it."""
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def _lay_out(root: Element) -> None:
    """A line for each child where white space is none of the text; nowhere else is any added."""
    for element in root.iter():
        name = etree.QName(element).localname
        is_listed = name == "app" and etree.QName(element.getparent()).localname == "listApp"
        if len(element) and (name in ROOMY or is_listed):
            element.text = "\n"
            for child in element:
                child.tail = "\n"
