"""Where each address lies in the mirror: file names that every file system and server takes.

Pure. The names are those of the site as far as Windows, macOS, FAT and any web server allow
them: folders are hosts and paths, and an address that ends in "/" is an index.html. What may not
stand in a name stands as in an address, as %XX. No two files differ only in what some file system
takes for the same: capitals, composed letters, compatibility forms. The same set of addresses
gives the same names in whatever order it comes.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from posixpath import splitext
from urllib.parse import quote, unquote_to_bytes, urlsplit

LONGEST_NAME = 140  # bytes: eCryptfs takes 143, most others 255
LONGEST_PATH = 200  # bytes: Windows takes 260 characters, drive and folder included
ELSEWHERE = "~other"  # for what is too long, or no address of the web
INDEX = "index"
HASH_DIGITS = 8
# What Windows takes for a device, whatever ending follows (Naming Files, Paths, and Namespaces).
DEVICES = re.compile(r"(con|prn|aux|nul|clock\$|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])", re.I)
PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?<!\.)")
ESCAPED = frozenset('<>:"/\\|?*%`')
MARKS_ALLOWED = frozenset("-_.~!$&'()+,;=@[]{}^# ")
DOTS = "%2E"
# Letters and marks of no width, which some file systems leave out of names (Unicode, Default_Ignorable).
IGNORED = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | frozenset(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)

# Endings from which browsers and desktops know a type; the first is put where none of them is there.
# Raster pictures are told apart by their bytes, so the ending of any of them will do.
_RASTER = ("png", "jpg", "jpeg", "jpe", "gif", "webp", "avif", "bmp", "ico", "tif", "tiff")
_ENDINGS: dict[str, tuple[str, ...]] = {
    "text/html": ("html", "htm"),
    "application/xhtml+xml": ("html", "htm"),
    "text/css": ("css",),
    "text/plain": ("txt", "text", "asc", "md", "log"),
    "text/csv": ("csv",),
    "text/javascript": ("js", "mjs"),
    "application/javascript": ("js", "mjs"),
    "application/x-javascript": ("js", "mjs"),
    "application/json": ("json",),
    "application/pdf": ("pdf",),
    "application/epub+zip": ("epub",),
    "application/zip": ("zip",),
    "application/rtf": ("rtf",),
    "application/msword": ("doc",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
    "image/svg+xml": ("svg",),
    "image/png": ("png", *_RASTER),
    "image/jpeg": ("jpg", *_RASTER),
    "image/pjpeg": ("jpg", *_RASTER),
    "image/gif": ("gif", *_RASTER),
    "image/webp": ("webp", *_RASTER),
    "image/avif": ("avif", *_RASTER),
    "image/bmp": ("bmp", *_RASTER),
    "image/x-icon": ("ico", *_RASTER),
    "image/vnd.microsoft.icon": ("ico", *_RASTER),
    "image/tiff": ("tif", *_RASTER),
    "image/vnd.djvu": ("djvu", "djv"),
    "application/xml": ("xml",),
    "text/xml": ("xml",),
    "application/rss+xml": ("xml",),
    "application/atom+xml": ("xml",),
    "font/woff": ("woff",),
    "font/woff2": ("woff2",),
    "font/ttf": ("ttf",),
    "font/otf": ("otf",),
    "application/font-woff": ("woff",),
    "application/x-font-woff": ("woff",),
    "application/x-font-ttf": ("ttf",),
    "application/vnd.ms-fontobject": ("eot",),
    "audio/mpeg": ("mp3",),
    "audio/ogg": ("ogg", "oga"),
    "audio/wav": ("wav",),
    "audio/x-wav": ("wav",),
    "audio/midi": ("mid", "midi"),
    "video/mp4": ("mp4", "m4v"),
    "video/ogg": ("ogv",),
    "video/webm": ("webm",),
}
# Of an unknown type, what has one of these endings is still no page to any browser.
_HARMLESS = frozenset(
    ending
    for kind, endings in _ENDINGS.items()
    for ending in endings
    if ending not in ("html", "htm", "svg", "xml", "js", "mjs", "css")
)
UNKNOWN = "bin"


def paths(types: Mapping[str, str | None], taken: Iterable[str] = ()) -> dict[str, str]:
    """The path of each address below the mirror, given its Content-Type; slashes part folders.

    No two are the same, nor one a folder of another, on any file system; none is one of ``taken``.
    Where two would be, the first in the order of addresses keeps its name and the other gets
    some digits of its digest.
    """
    wanted = {uri: wanted_path(uri, types[uri]) for uri in sorted(types)}
    used = {key(path) for path in taken}
    folders = {folder for path in wanted.values() for folder in _folders(key(path))}
    found: dict[str, str] = {}
    for uri, path in wanted.items():
        if key(path) not in used and key(path) not in folders:
            used.add(key(path))
            found[uri] = path
    for uri in sorted(set(wanted) - set(found)):
        path = _apart(uri, wanted[uri], used | folders)
        used.add(key(path))
        found[uri] = path
    return found


def wanted_path(uri: str, content_type: str | None) -> str:
    """The path that an address has where nothing else has it."""
    try:
        split = urlsplit(uri)
        port = split.port
    except ValueError:
        return _elsewhere(uri, content_type)
    if split.scheme not in ("http", "https") or not split.hostname:
        return _elsewhere(uri, content_type)
    host = _segment(split.hostname.lower()) + (f"+{port}" if port else "")
    folders = [_segment(segment) for segment in split.path.split("/")[1:-1]]
    last = split.path.rpartition("/")[2]
    query = "@" + _segment(split.query.replace(" ", "%20")) if split.query else ""
    name = _named(_segment(last) if last else "", query, content_type, uri)
    path = "/".join((host, *folders, name))
    if len(path.encode()) > LONGEST_PATH or any(len(f.encode()) > LONGEST_NAME for f in (host, *folders)):
        return _elsewhere(uri, content_type)
    return path


def key(path: str) -> str:
    """What is the same for two paths that some file system takes for one."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).upper().casefold())


def reference(path: str, of: str) -> str:
    """The relative address of ``path`` from the file ``of``, both below the same folder (RFC 3986 §4.2)."""
    here, there = of.split("/")[:-1], path.split("/")
    same = 0
    while same < len(here) and same < len(there) - 1 and here[same] == there[same]:
        same += 1
    steps = [".."] * (len(here) - same) + there[same:]
    return "/".join(quote(step, safe="!$'()*,;=@~") for step in steps)


def media_type(content_type: str | None) -> str:
    """The type alone, without parameters, in lower case; "" if it is not told."""
    return (content_type or "").partition(";")[0].strip().lower()


def _folders(path: str) -> list[str]:
    return [path[:at] for at, sign in enumerate(path) if sign == "/"]


def _apart(uri: str, path: str, used: set[str]) -> str:
    """Another name for a path that is taken: digits of the address's digest before the ending."""
    digest = hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()
    folder, slash, name = path.rpartition("/")
    stem, ending = splitext(name)
    for digits in range(HASH_DIGITS, len(digest) + 1):
        mark = "~" + digest[:digits]
        other = folder + slash + _cut(stem, LONGEST_NAME - len(mark) - len(ending.encode())) + mark + ending
        if key(other) not in used:
            return other
    raise AssertionError(f"no name is left for {uri}")  # it would take two addresses with one digest


def _elsewhere(uri: str, content_type: str | None) -> str:
    """A short path for what has no name of its own, with the ending that its type wants."""
    digest = hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()
    return (
        f"{ELSEWHERE}/{digest[:2]}/{digest[2:34]}.{(_ENDINGS.get(media_type(content_type)) or (UNKNOWN,))[0]}"
    )


def _named(name: str, query: str, content_type: str | None, uri: str) -> str:
    """The file name: the last segment, its query, and an ending from which the type is known."""
    stem, ending = (name, "") if not name or query else splitext(name)
    stem = (stem or INDEX) + query
    endings = _ENDINGS.get(media_type(content_type))
    told = ending[1:].lower()
    if endings is None:
        fits = told in _HARMLESS
        wanted = ending if fits else f"{ending}.{UNKNOWN}"
    else:
        wanted = ending if told in endings else f"{ending}.{endings[0]}"
    if len((stem + wanted).encode()) > LONGEST_NAME:
        digest = hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
        ending = "." + wanted.rpartition(".")[2]
        ending = ending if len(ending) < 10 else ""
        return _cut(stem, LONGEST_NAME - HASH_DIGITS - 1 - len(ending)) + "~" + digest + ending
    return stem + wanted


def _cut(stem: str, size_bytes: int) -> str:
    """As much of a name as fits, never through a letter or an escape."""
    cut = stem.encode()[: max(size_bytes, 1)].decode(errors="ignore")
    return re.sub(r"(?:%[0-9A-F]?|[ .]+)$", "", cut) or "_"


def _segment(segment: str) -> str:
    """One step of a path, or a query, as a name: letters as they are, the rest escaped where it must be."""
    if PLAIN.fullmatch(segment) and not DEVICES.fullmatch(segment.partition(".")[0]):
        return segment
    if not segment:
        return "%"  # no other name is this: a percent sign is always escaped
    name = "".join(_sign(sign) for sign in unicodedata.normalize("NFC", _unescaped(segment)))
    if name[0] in " .":
        name = quote(name[0], safe="").replace(".", DOTS) + name[1:]
    if name[-1] in " .":
        name = name[:-1] + quote(name[-1], safe="").replace(".", DOTS)
    if DEVICES.fullmatch(name.partition(".")[0].strip()):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return name


def _unescaped(segment: str) -> str:
    """The letters that the escapes stand for; those that are no UTF-8 stay escapes, by a private sign."""
    raw = unquote_to_bytes(segment.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "surrogateescape")


def _sign(sign: str) -> str:
    code = ord(sign)
    if code < 128:
        return sign if sign.isalnum() or sign in MARKS_ALLOWED else f"%{code:02X}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        return f"%{code - 0xDC00:02X}"
    plain = unicodedata.normalize("NFKC", sign)
    is_letter = unicodedata.category(sign)[0] in "LMN" and sign not in IGNORED
    if is_letter and not any(ord(each) < 128 and not each.isalnum() for each in plain):
        return sign
    return "".join(f"%{byte:02X}" for byte in sign.encode("utf-8", "surrogatepass"))
