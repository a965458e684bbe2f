"""What a site's mark-up means, as data: a profile of its class names and phrases.

``etol`` follows the house style counted over 9,237 pages of marxists.org; ``generic``
knows HTML alone and leaves the rest to position and shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from etolwatch.model import Zone


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    classes: Mapping[str, Zone] = field(default_factory=dict)  # lower-case class → zone
    info: frozenset[str] = frozenset()  # classes of the paragraph that names source and credit
    end_of_info: frozenset[str] = frozenset()  # classes of the <hr> below it
    credit: re.Pattern[str] = re.compile("(?!)")  # a line that names who made the page
    furniture: re.Pattern[str] = re.compile("(?!)")  # whole text of a link that is no reading
    note_head: re.Pattern[str] = re.compile("(?!)")  # whole text of a heading over the notes


CREDIT = re.compile(
    r"^\W*(?:transcri|mark(?:ed)?[- ]?up|html|xhtml|proof|scan|digiti[sz]|convert|encoded|edited|"
    r"formatted|online version|on-line version|copyleft|copyright|©|public domain|creative commons|"
    r"permission|licen[cs]e|first put online|thanks|checked|corrected|prepared)",
    re.I,
)
NOTE_HEAD = re.compile(r"\W*(?:(?:foot|end)?\s?notes?|references|notes and references)\W*", re.I)
FURNITURE = re.compile(
    r"\W*(?:(?:back to |go to )?(?:the )?top(?: of (?:the )?page)?|next|previous|contents|index|home|"
    r"next (?:chapter|section|page)|previous (?:chapter|section|page))\W*",
    re.I,
)

GENERIC = Profile(name="generic", credit=CREDIT, furniture=FURNITURE, note_head=NOTE_HEAD)

ETOL = Profile(
    name="etol",
    classes={
        **dict.fromkeys(("updat", "udat", "updast", "update", "updated"), Zone.UPDATED),
        **dict.fromkeys(("toplink", "linkback", "link", "next"), Zone.NAVIGATION),
        **dict.fromkeys(("note", "endnote", "endmnote", "footnote"), Zone.NOTE),
        **dict.fromkeys(("author", "athor", "date"), Zone.HEADER),
        **dict.fromkeys(("quoteb",), Zone.EPIGRAPH),
        **dict.fromkeys(("sub",), Zone.HEADING),
        **dict.fromkeys(("index", "toc"), Zone.INDEX),
        **dict.fromkeys(("fst",), Zone.BODY),
    },
    info=frozenset(("info", "information", "inline")),
    end_of_info=frozenset(("infobot",)),
    credit=CREDIT,
    furniture=FURNITURE,
    note_head=NOTE_HEAD,
)

PROFILES = {profile.name: profile for profile in (ETOL, GENERIC)}


def profile(name: str) -> Profile:
    """The built-in profile of this name; KeyError for any other (config.py asks first)."""
    return PROFILES[name]
