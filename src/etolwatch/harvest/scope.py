"""Which addresses belong to a site, how they are written, and where they are really asked for.

Pure. Everything that compares addresses compares canonical ones, so that a page has one
history however its links are written.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote, urljoin, urlsplit

from etolwatch.model import Requisite, Site
from etolwatch.text.addresses import slashed

MOST_NEEDED = 500  # requisites of one text: more are a trap, or a picture book beyond our means
DEFAULT_PORTS = {"http": 80, "https": 443}

# Most links are written canonically; these need no work beyond cutting off the fragment.
_PLAIN = re.compile(r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?:/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)*/?")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_SAFE = "%/:@!$&'()*+,;=~"
_QUERY_SAFE = _PATH_SAFE + "?"

# Endings that name pictures, sound, archives and the parts of a page: the type behind them is
# never kept, so a site that asks not to be burdened is not asked for them at all.
_NEVER_TEXT = frozenset(
    "avi bmp bz2 css doc docx eot epub exe flac gif gz ico iso jpeg jpg js json m4a m4v mid mobi mov mp3 mp4"
    " mpeg mpg odt ogg ogv otf png ppt prc ps rar rm rtf svg swf tar tgz tif tiff ttf wav webm webp wmv"
    " woff woff2 xls xml zip 7z".split()
)

# What the ending of an address says of its kind.
_KINDS = {
    ending: kind
    for kind, endings in {
        Requisite.STYLE: "css",
        Requisite.IMAGE: "apng avif bmp cur gif ico jfif jpe jpeg jpg pjpeg png svg tif tiff webp",
        Requisite.FONT: "eot otf ttf woff woff2",
        Requisite.MEDIA: "aac avi flac flv m4a m4v mid midi mov mp3 mp4 mpeg mpg oga ogg ogv opus rm swf wav"
        " webm wma wmv",
        Requisite.SCRIPT: "js mjs",
    }.items()
    for ending in endings.split()
}
_TEXTS = frozenset("htm html xhtml shtml txt pdf".split())


def canonical(uri: str, base: str | None = None) -> str | None:
    """The one way to write this address, or None if it is none of a page on the web.

    Relative to ``base`` if that is given. The fragment is dropped, scheme and host are in
    lower case, a default port is dropped, dot segments are resolved, escapes of unreserved
    characters are undone and the others written in capitals, characters that may not stand
    in an address are escaped as UTF-8 (RFC 3986 §6.2.2, §5.2.4), backslashes are slashes
    (URL Standard §4.4). Nothing that could change
    what is meant is touched: the order of a query, a final slash, the case of a path.
    Addresses with a user's name in them are refused: they are not public pages.
    """
    uri = uri.partition("#")[0].strip().replace("\t", "").replace("\n", "").replace("\r", "")
    if _PLAIN.fullmatch(uri):
        return uri if uri.count("/") > 2 else uri + "/"
    try:
        uri = slashed(uri)
        split = urlsplit(urljoin(base, uri) if base else uri)
        port = split.port
    except ValueError:
        return None
    scheme = split.scheme.lower()
    host = _canonical_host(split.hostname or "")
    if scheme not in DEFAULT_PORTS or host is None or "@" in split.netloc:
        return None
    authority = host if port in (None, DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    path = _without_dots(_canonical_escapes(split.path, _PATH_SAFE)) or "/"
    # urlsplit cannot tell "/a?" from "/a"; they are two addresses (RFC 3986 §6.2.3)
    has_query = "?" in uri or bool(split.query)
    query = "?" + _canonical_escapes(split.query, _QUERY_SAFE) if has_query else ""
    return f"{scheme}://{authority}{path}{query}"


def _canonical_host(host: str) -> str | None:
    if ":" in host:
        try:
            return f"[{ipaddress.ip_address(host).compressed}]"
        except ValueError:
            return None
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    host = host.lower().removesuffix(".")
    return host if _HOST.fullmatch(host) else None


def _canonical_escapes(text: str, safe: str) -> str:
    text = _STRAY_PERCENT.sub("%25", text)
    text = _ESCAPE.sub(_canonical_escape, text)
    return quote(text, safe=safe)


def _canonical_escape(match: re.Match[str]) -> str:
    character = chr(int(match.group(1), 16))
    return character if character in _UNRESERVED else match.group(0).upper()


def _without_dots(path: str) -> str:
    """The path without "." and ".." segments (RFC 3986 §5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def in_scope(site: Site, uri: str) -> bool:
    """Whether a canonical address is one of the site's pages.

    Where a mirror or a folder stands for a part of the site, what lies outside that part
    is out of scope: otherwise the site itself would be asked after all.
    """
    return (
        uri.startswith(site.scope)
        and not (site.exclude and uri.startswith(site.exclude))
        and (site.source is None or site.stands_for is None or uri.startswith(site.stands_for))
    )


def is_folder(site: Site) -> bool:
    """Whether the site is read from a local folder."""
    return site.source is not None and not site.source.lower().startswith(("http://", "https://"))


def asks_for(site: Site, uri: str) -> str:
    """The address that is really asked for a page: its own, a mirror's, or a file's (RFC 8089)."""
    if site.source is None or site.stands_for is None or not uri.startswith(site.stands_for):
        return uri
    rest = uri[len(site.stands_for) :]
    if is_folder(site):
        folder = quote(site.source.rstrip("/"))
        return f"file://{folder}/{rest.removeprefix('/')}"
    return site.source + rest


def stands_for(site: Site, asked: str) -> str:
    """The page's own address, for one on a mirror: the inverse of `asks_for`."""
    if site.source is None or site.stands_for is None or is_folder(site):
        return asked
    if asked.startswith(site.source):
        return site.stands_for + asked[len(site.source) :]
    return asked


def file_below(asked: str) -> tuple[str, ...] | None:
    """The path segments of a ``file:`` address, unescaped, or None if one of them is a trick.

    An escaped slash, a NUL or a "..", which could lead out of the folder, is never a name.
    """
    segments = tuple(unquote(segment) for segment in asked.removeprefix("file://").split("/"))
    if any("/" in segment or "\0" in segment or segment in (".", "..") for segment in segments):
        return None
    return segments


def origin(asked: str) -> str:
    """Scheme, host and port: what robots.txt and a connection are for (RFC 9309 §2.3)."""
    split = urlsplit(asked)
    return f"{split.scheme}://{split.netloc}"


def is_loopback(asked: str) -> bool:
    """Whether an address is answered by this very machine (RFC 6761 §6.3), or is a local file."""
    split = urlsplit(asked)
    host = (split.hostname or "").removesuffix(".")
    if split.scheme == "file" or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def never_text(uri: str) -> bool:
    """Whether the ending of an address names a type that is never kept (pictures, sound, archives)."""
    return _ending(uri) in _NEVER_TEXT


def kind_of(uri: str) -> Requisite | None:
    """As what a page would need this, by the ending of the address; None if that does not tell."""
    return _KINDS.get(_ending(uri))


def _ending(uri: str) -> str:
    name = uri.partition("?")[0].rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


# ── what pages need ──────────────────────────────────────────────────────────────────


def may_need(site: Site, uri: str, kind: Requisite) -> bool:
    """Whether this may be kept with the site's pages: of a kind that is wanted, from a host of the site.

    A page of the site is no requisite, even where another shows it in a frame or names it as a
    picture. Where a mirror or a folder stands for the site, what lies outside of it is not asked for.
    """
    is_text = in_scope(site, uri) and (kind is Requisite.FRAME or _ending(uri) in _TEXTS)
    return (
        kind in site.requisites
        and not is_text
        and _is_near(site, uri)
        and not (site.exclude and uri.startswith(site.exclude))
        and (site.source is None or site.stands_for is None or uri.startswith(site.stands_for))
    )


def _is_near(site: Site, uri: str) -> bool:
    """Whether an address is on a host of the site, with or without “www.”, or is named as a source."""
    if site.requisites_from and uri.startswith(site.requisites_from):
        return True
    return host_of(uri) in {host_of(prefix) for prefix in site.scope}


def host_of(uri: str) -> str:
    """Host and port of a canonical address, without “www.”: http and https are one host's."""
    return uri.partition("://")[2].partition("/")[0].removeprefix("www.")


def needs(site: Site, named: Iterable[tuple[str, Requisite]]) -> dict[str, Requisite]:
    """Of what a text names, absolute, what is to be kept with it: canonical, each once, in order."""
    found: dict[str, Requisite] = {}
    for one, kind in named:
        uri = canonical(stands_for(site, one))
        if uri is None or uri in found:
            continue
        # an object may be a picture, and what a style sheet names without saying for what, a font
        told = kind_of(uri) if kind in (Requisite.MEDIA, Requisite.IMAGE) else None
        if may_need(site, uri, told or kind):
            found[uri] = told or kind
            if len(found) == MOST_NEEDED:
                break
    return found


def is_index(uri: str) -> bool:
    """Whether an address looks like that of a page which lists others."""
    name = uri.partition("?")[0].rpartition("/")[2].lower()
    return name in ("", "index.htm", "index.html", "default.htm", "default.html")
