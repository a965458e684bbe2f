"""Captured drawings and other XML with other addresses, and with nothing in them that runs or asks.

A file of its own has no policy that would keep it from anything, so what may stay is listed: of SVG 2
and SVG 1.1 what is drawn or animated. Elements and attributes of other kinds lose what
browsers would make of them; those of vocabularies that no browser knows stay as they are.
"""

from __future__ import annotations

import re

import lxml.etree

from etolwatch.publish.rewrite import SCHEME, UNLOADABLE, Resolve, absolute, is_safe, rewrite_css
from etolwatch.text.references import Reference, Role, trimmed

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
XML = "http://www.w3.org/XML/1998/namespace"
# Vocabularies of which browsers make more than text (Infra Standard §8, and what old ones knew).
ACTIVE = frozenset(
    {
        "http://www.w3.org/1999/xhtml",
        "http://www.w3.org/1998/Math/MathML",
        "http://www.w3.org/2001/xml-events",
        "http://www.w3.org/1999/XSL/Transform",
        "http://www.w3.org/2001/XInclude",
        "http://www.w3.org/2002/xforms",
        "http://www.mozilla.org/xbl",
        "http://www.mozilla.org/keymaster/gatekeeper/there.is.only.xul",
    }
)
# SVG 2, SVG 1.1 and Filter Effects, but for what holds other documents, plays, runs or names fonts elsewhere.
ELEMENTS = frozenset(
    """a animate animateColor animateMotion animateTransform circle clipPath defs desc ellipse feBlend
    feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap
    feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage feMerge
    feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence filter
    font font-face g glyph glyphRef hkern image line linearGradient marker mask metadata missing-glyph mpath
    path pattern polygon polyline radialGradient rect set stop style svg switch symbol text textPath title
    tref tspan use view vkern""".split()
)
# What SVG's elements may be told to draw: geometry, presentation (SVG 2 appendix), filters, animation, text.
PRESENTATION = frozenset(
    """alignment-baseline baseline-shift clip clip-path clip-rule color color-interpolation
    color-interpolation-filters color-profile color-rendering cursor cx cy d direction display
    dominant-baseline enable-background fill fill-opacity fill-rule filter flood-color flood-opacity font
    font-family font-size font-size-adjust font-stretch font-style font-variant font-weight
    glyph-orientation-horizontal glyph-orientation-vertical height image-rendering isolation kerning
    letter-spacing lighting-color marker marker-end marker-mid marker-start mask mask-type mix-blend-mode
    opacity overflow paint-order pointer-events r rx ry shape-rendering solid-color solid-opacity stop-color
    stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit
    stroke-opacity stroke-width text-anchor text-decoration text-overflow text-rendering transform
    transform-origin unicode-bidi vector-effect visibility white-space width word-spacing writing-mode x y
    x1 x2 y1 y2 points offset viewBox preserveAspectRatio pathLength startOffset gradientTransform
    patternTransform stdDeviation baseFrequency fx fy fr dx dy rotate class refX refY orient
    scale seed k1 k2 k3 k4 surfaceScale specularConstant specularExponent diffuseConstant
    azimuth elevation pointsAtX pointsAtY pointsAtZ limitingConeAngle z numOctaves radius order amplitude
    exponent intercept slope tableValues values textLength""".split()
)
ATTRIBUTES = PRESENTATION | frozenset(
    """accent-height accumulate additive alphabetic arabic-form ascent attributeName attributeType begin bias
    by calcMode cap-height clipPathUnits contentScriptType contentStyleType baseProfile descent divisor dur
    edgeMode end fill from g1 g2 glyph-name glyphRef gradientUnits filterRes filterUnits format
    hanging horiz-adv-x horiz-origin-x horiz-origin-y href id ideographic in in2 k kernelMatrix
    kernelUnitLength keyPoints keySplines keyTimes lang lengthAdjust markerHeight markerUnits markerWidth
    maskContentUnits maskUnits mathematical max media method min mode name operator orientation origin
    overline-position overline-thickness panose-1 path patternContentUnits patternUnits
    preserveAlpha primitiveUnits rel repeatCount repeatDur requiredExtensions requiredFeatures
    restart result role side slope spacing spreadMethod stemh stemv stitchTiles
    strikethrough-position strikethrough-thickness string style systemLanguage tabindex target targetX
    targetY title to type u1 u2 underline-position underline-thickness unicode unicode-range
    units-per-em v-alphabetic v-hanging v-ideographic v-mathematical version
    vert-adv-y vert-origin-x vert-origin-y viewTarget widths x-height xChannelSelector
    yChannelSelector zoomAndPan""".split()
)
OF_XLINK = frozenset({"href", "title", "type", "show", "actuate", "role", "arcrole"})
OF_XML = frozenset({"space", "lang", "id"})
SPOKEN = re.compile(r"(?:aria|data)-[a-z0-9._-]+")
ANIMATING = frozenset({"set", "animate", "animateColor", "animateMotion", "animateTransform"})
# Elements of an active vocabulary whose content is no text of the page: it goes with them.
EMPTIED = frozenset("script style noscript template iframe object embed audio video select textarea".split())
GROUP = f"{{{SVG}}}g"
TEXT = "urn:etolwatch:text"  # a vocabulary that no browser knows: of its elements only the text is shown
CSS_IN_XML = re.compile(r"url\s*\(|src\s*\(|@import|image|\\", re.I)


def rewrite_xml(body: bytes, base_uri: str, resolve: Resolve, *, scripts: bool) -> bytes:
    """An SVG or other XML file with each reference as ``resolve`` wants it, and nothing in it that runs.

    The bytes stay as they are where nothing of this is in it. Otherwise it is written anew, with
    the entities of its own document type undone, without that and without processing instructions.
    What is no XML is read as far as it goes, as browsers show it.
    """
    parser = lxml.etree.XMLParser(no_network=True, load_dtd=False, recover=True)
    try:
        root = lxml.etree.fromstring(body, parser)
    except lxml.etree.XMLSyntaxError:
        return b""
    if root is None:
        return b""
    is_plain = _is_plain(root, parser)
    # read once more: what stood in an entity belongs to a vocabulary only now
    root = lxml.etree.fromstring(
        lxml.etree.tostring(root), lxml.etree.XMLParser(no_network=True, recover=True)
    )
    before = lxml.etree.tostring(root)
    for element in list(root.iter(lxml.etree.Element)):  # all of them first: some are emptied on the way
        if not scripts:
            _hold_to_list(element)
        _readdress(element, base_uri, resolve, scripts=scripts)
    if is_plain and lxml.etree.tostring(root) == before:
        return body
    return lxml.etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _is_plain(root: lxml.etree._Element, parser: lxml.etree.XMLParser) -> bool:
    """Whether browsers read the same as was read here: no entities, styles by XSLT, faults, odd charsets."""
    told = root.getroottree().docinfo
    is_known = (told.encoding or "utf-8").lower() in ("utf-8", "us-ascii", "ascii", "iso-8859-1")
    instructed = bool(root.xpath("/processing-instruction()"))
    return is_known and not instructed and not told.internalDTD and not parser.error_log


# ── what may stay ────────────────────────────────────────────────────────────────────


def _hold_to_list(element: lxml.etree._Element) -> None:
    """Makes of an element what the list allows: itself, an empty group, or a name that means nothing."""
    name = lxml.etree.QName(element)
    if name.namespace == SVG:
        if name.localname not in ELEMENTS or (name.localname in ANIMATING and not _animates_a_look(element)):
            _emptied(element, GROUP)
    elif name.namespace in ACTIVE:
        if name.localname.lower() in EMPTIED:
            _emptied(element, GROUP)
        else:  # its text stays
            element.tag = f"{{{TEXT}}}{name.localname}"
            element.attrib.clear()
    for key in list(element.attrib):
        if not _may_stay(lxml.etree.QName(element).namespace, lxml.etree.QName(key)):
            del element.attrib[key]


def _emptied(element: lxml.etree._Element, tag: str) -> None:
    tail = element.tail
    element.clear()
    element.tag, element.tail = tag, tail


def _animates_a_look(element: lxml.etree._Element) -> bool:
    """Whether an animation changes what is drawn, and not an address, a style sheet or a handler."""
    if lxml.etree.QName(element).localname == "animateMotion":
        return element.get("attributeName") is None
    return trimmed(str(element.get("attributeName") or "")) in PRESENTATION


def _may_stay(of: str | None, name: lxml.etree.QName) -> bool:
    """Whether an attribute of an element of this vocabulary means nothing but how it is drawn."""
    local = name.localname
    if name.namespace == XML:
        return local in OF_XML
    if name.namespace == XLINK:
        return of == SVG and local in OF_XLINK
    if name.namespace in ACTIVE or name.namespace == SVG:
        return False
    if of != SVG or name.namespace is not None:  # of a vocabulary that browsers do not know
        return not local.lower().startswith("on")
    return local in ATTRIBUTES or bool(SPOKEN.fullmatch(local))


# ── addresses ────────────────────────────────────────────────────────────────────────


def _readdress(element: lxml.etree._Element, base: str, resolve: Resolve, *, scripts: bool) -> None:
    if lxml.etree.QName(element).namespace != SVG and not scripts:
        return  # nothing is asked for in its name
    name = lxml.etree.QName(element).localname
    for key, value in list(element.attrib.items()):
        if lxml.etree.QName(key).localname in ("href", "src"):
            role = Role.LINK if name == "a" else Role.IMAGE
            new = _address(role, str(value), base, resolve, scripts=scripts)
        else:
            new = _css(str(value), base, resolve) if CSS_IN_XML.search(str(value)) else str(value)
        if new is None:
            del element.attrib[key]
        elif new != value:
            element.set(key, new)
    if name == "style":
        _sheet(element, base, resolve)


def _sheet(element: lxml.etree._Element, base: str, resolve: Resolve) -> None:
    """The sheet of a style element is all text that stands in it, but not that of its children."""
    parts = [element.text, *(child.tail for child in element)]
    text = _css("".join(part or "" for part in parts), base, resolve)
    if len(element) or text != (element.text or ""):
        for child in list(element):
            element.remove(child)
        element.text = text


def _address(role: Role, value: str, base: str, resolve: Resolve, *, scripts: bool) -> str | None:
    href = trimmed(value)
    if not scripts and not is_safe(role, href):
        return None
    uri = None if href.startswith("#") else absolute(base, href)
    if uri is None:
        return value
    new = resolve(Reference(role, 0, 0, href), uri)
    if role is not Role.LINK and not scripts and (SCHEME.match(new) or new.startswith("//")):
        return None  # a drawing has no policy of its own that would keep it from asking
    fragment = href.partition("#")
    return new + fragment[1] + fragment[2]


def _css(text: str, base: str, resolve: Resolve) -> str:
    def near(reference: Reference, uri: str) -> str:
        new = resolve(reference, uri)
        return UNLOADABLE if SCHEME.match(new) or new.startswith("//") else new

    return rewrite_css(text.encode("utf-8", "surrogatepass"), "utf-8", base, near).decode()
