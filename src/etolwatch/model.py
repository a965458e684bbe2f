"""The nouns: frozen values that hold and do not decide.

A page's way through the program is the order of this file: a Visit is planned, its
Exchange (or Failure) becomes a Capture, the Payload of a capture is read as a Witness,
two witnesses give Variants, and a Finding judges them. Instants are aware UTC datetimes,
named ``…_at``; addresses are canonical strings (URI-R, RFC 7089).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

# ── what config.toml says ────────────────────────────────────────────────────────────


class Requisite(StrEnum):
    """What a page needs beside its text to be shown as it was; the most wanted kinds first."""

    STYLE = "style"  # style sheets, and what they import
    FRAME = "frame"  # the contents of frames that are no pages of the site
    IMAGE = "image"
    FONT = "font"
    MEDIA = "media"  # sound, film, embedded objects
    SCRIPT = "script"


@dataclass(frozen=True, slots=True)
class Site:
    """One watched site, as config.toml describes it; addresses are canonical."""

    name: str
    seeds: tuple[str, ...]
    scope: tuple[str, ...]  # address prefixes that are visited
    exclude: tuple[str, ...]  # address prefixes that are not, even inside the scope
    profile: str  # which rules read its pages: "etol", "generic"
    schedule: str  # five cron fields
    time_zone: str  # IANA name, of the schedule
    delay_s: float  # between two requests to one host
    budget: int  # requests in one pass
    largest_body_bytes: int  # decoded
    source: str | None = None  # a mirror's base address or a local folder …
    stands_for: str | None = None  # … that stands for this address prefix
    requisites: tuple[Requisite, ...] = ()  # the kinds that are kept with the pages
    requisites_from: tuple[str, ...] = ()  # address prefixes on other hosts from which they may come
    largest_requisite_bytes: int = 8 * 1024 * 1024  # decoded


# ── harvest ──────────────────────────────────────────────────────────────────────────


class Via(StrEnum):
    """Why a page is visited."""

    SEED = "seed"
    KNOWN = "known"
    LINK = "link"
    NEED = "need"  # a page is not complete without it


@dataclass(frozen=True, slots=True)
class Visit:
    """One page to be asked for, with all that the fetch must know of its past."""

    uri: str  # URI-R: the original page, canonical
    asks: str  # the address really asked: ``uri``, or where a mirror or a folder keeps it
    site: str
    via: Via
    found_on: str | None = None  # the page whose link led here
    version: Capture | None = None  # the last capture with a text: its validators and digest
    last: Capture | None = None  # the last capture of any kind
    conditional: bool = True  # False: fetched in full, for some servers lie about what is unchanged
    requisite: Requisite | None = None  # as what a page needs it; None: it is a page itself


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as they went over the line.

    ``body`` is as received: content codings kept, transfer codings gone (RFC 9112 §7).
    Headers keep their order and case. ``truncated`` is a WARC-Truncated reason
    (WARC 1.1 §5.13: ``length``, ``time``, ``disconnect``) or None for a whole body.
    """

    asks: str
    at: datetime
    status: int
    reason: str
    http_version: str  # "HTTP/1.1"; "" for a file of a local folder, which has no HTTP
    request_head: tuple[tuple[str, str], ...]
    request_line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    ip: str | None
    took_s: float
    truncated: str | None = None


class FailureKind(StrEnum):
    """The network's weather, and refusals."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # name not found, connection refused or reset
    TLS = "tls"
    PROTOCOL = "protocol"  # an answer that is no HTTP
    ROBOTS = "robots"  # robots.txt forbids it
    TOO_LARGE = "too_large"  # announced as larger than the limit, not fetched


@dataclass(frozen=True, slots=True)
class Failure:
    """A visit that brought no answer."""

    asks: str
    at: datetime
    kind: FailureKind
    message: str


# ── archive ──────────────────────────────────────────────────────────────────────────


class RecordType(StrEnum):
    """WARC record types that hold a capture (WARC 1.1 §6)."""

    RESPONSE = "response"
    REVISIT = "revisit"
    RESOURCE = "resource"  # a file of a local folder


class Outcome(StrEnum):
    """What a visit brought."""

    NEW = "new"  # a first text
    CHANGED = "changed"  # bytes other than those of the last version
    UNCHANGED = "unchanged"
    GONE = "gone"  # 404, 410
    MOVED = "moved"  # a redirect
    SUSPECT = "suspect"  # empty, cut off, 5xx and the like: never a version
    REFUSED = "refused"  # robots.txt
    FAILED = "failed"  # no answer
    LISTED = "listed"  # a type that is not kept: only its address is noted


@dataclass(frozen=True, slots=True)
class Capture:
    """One recorded exchange; where it lies, and what is known of it without reading it."""

    record_id: str  # "urn:uuid:…"
    uri: str
    asks: str  # WARC-Target-URI
    site: str
    captured_at: datetime
    status: int
    record_type: RecordType
    outcome: Outcome
    payload_digest: str  # "sha1:BASE32" of the body as sent; of the referred one for a revisit
    body_digest: str  # "sha256:hex" of the decoded body: decides whether it changed
    content_type: str | None
    etag: str | None
    last_modified: str | None
    location: str | None  # of a redirect, absolute
    warc: str  # file name below the store's warc/
    offset: int
    length: int
    refers_to: str | None  # record_id of the response that a revisit stands for
    pass_id: str
    size_bytes: int  # decoded body
    origin: str | None = None  # who else captured it: a file's name, a URI-M; None: a pass of our own
    requisite: Requisite | None = None  # as what a page needed it; None: it was asked for as a page

    @property
    def is_version(self) -> bool:
        """Whether it holds a text that can be compared (soft 404s are told later, by text)."""
        return self.outcome in (Outcome.NEW, Outcome.CHANGED, Outcome.UNCHANGED)


@dataclass(frozen=True, slots=True)
class History:
    """What is known of one page when a pass begins."""

    uri: str
    site: str
    first_seen_at: datetime
    found_on: str | None
    last: Capture | None  # the last capture of any kind
    version: Capture | None  # the last with a text: validators and digest
    last_visited_at: datetime | None
    last_outcome: Outcome | None
    run: int  # how many visits in a row ended in ``last_outcome``
    full_at: datetime | None = None  # when it was last fetched in full
    requisite: Requisite | None = None  # as what a page needs it; None: it is a page itself
    is_awaited: bool = False  # it became a requisite since it was last visited


@dataclass(frozen=True, slots=True)
class Record:
    """What is to be kept of one visit: decided, not yet written.

    ``confirms`` is the version whose text this exchange proves still to be there (a 304,
    or the same bytes). ``exchange`` is None where there was no answer: then only the
    catalog notes the visit, with ``message``.
    """

    visit: Visit
    at: datetime
    outcome: Outcome
    exchange: Exchange | None
    body: bytes = b""  # decoded
    payload_digest: str = ""
    body_digest: str = ""
    content_type: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    location: str | None = None  # of a redirect, absolute, as the site itself would write it
    confirms: Capture | None = None
    message: str = ""


class PassState(StrEnum):
    RUNNING = "running"
    COMPLETE = "complete"
    PARTIAL = "partial"  # host down, budget spent
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Pass:
    """One run over what is due."""

    pass_id: str  # 14 digits, the start
    sites: tuple[str, ...]
    started_at: datetime
    finished_at: datetime | None
    state: PassState
    visited: int
    captured: int  # new or changed texts
    unchanged: int
    gone: int
    failed: int
    reason: str = ""  # why it is partial
    requisites: int = 0  # visits of what pages need, which the other figures do not count


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, as a state with a beginning and, later, an end.

    ``subject`` is a host ("https://www.example.org") or a page's address.
    """

    subject: str
    site: str
    kind: str  # "host" or an Outcome: "failed", "suspect"
    message: str
    since_at: datetime
    until_at: datetime | None
    count: int  # visits in a row that met with it


@dataclass(frozen=True, slots=True)
class RequisiteFigures:
    """The style sheets, pictures and the like of a site in figures."""

    known: int = 0
    held: int = 0
    versions: int = 0
    stored_bytes: int = 0
    # those of which none is held, and those held that last answered otherwise, by Outcome ("": never asked)
    unheld: tuple[tuple[str, int], ...] = ()
    strayed: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """One site in figures. ``stored_bytes``: its records as they lie in the WARC files."""

    site: str
    pages: int  # addresses known
    held: int  # pages with a text
    absent: int  # pages that were never there: a first answer of 404
    gone: int  # pages with a text that now answer 404 or 410
    moved: int
    failing: int
    versions: int  # texts kept
    captures: int
    stored_bytes: int
    growth_bytes: int  # of the last 30 days, all sites of the store together
    file_bytes: int = 0  # the WARC files, all sites of the store together
    # pages without a text, and pages with one that last answered otherwise, by Outcome ("": never asked)
    unheld: tuple[tuple[str, int], ...] = field(default=(), kw_only=True)
    strayed: tuple[tuple[str, int], ...] = field(default=(), kw_only=True)
    # what the pages need beside their texts, which the figures above leave out
    requisites: RequisiteFigures = field(default=RequisiteFigures(), kw_only=True)


# ── text ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Payload:
    """A response body, content codings removed, with what the server said of it."""

    uri: str
    body: bytes
    final_uri: str | None = None
    status: int = 200
    captured_at: datetime | None = None
    last_modified: str | None = None
    content_type: str | None = None
    truncated: bool = False


class Zone(StrEnum):
    """What a block of a page is, for its reader."""

    TITLE = "title"
    HEADER = "header"
    CREDIT = "credit"
    EPIGRAPH = "epigraph"
    HEADING = "heading"
    BODY = "body"
    NOTE_HEAD = "note_heading"  # the line over the notes: “Notes”, “* * *”
    NOTE = "note"
    INDEX = "index"
    UPDATED = "updated"
    NAVIGATION = "navigation"


@dataclass(frozen=True, slots=True)
class Mark:
    """A note mark taken out of the words: ``label`` stood before character ``offset``."""

    offset: int
    label: str  # "[1]"
    target: str | None  # fragment that it links to
    is_raised: bool = False

    @property
    def is_bare(self) -> bool:
        """Whether nothing but its link makes the number a mark: no bracket, not raised."""
        return not self.is_raised and self.label.strip(" .").isalnum()


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, note, entry: what stands between two block-level tags.

    ``text`` is the diplomatic text: what a reader sees, white space folded, note marks
    taken out. ``raw`` is the same before invisible characters were folded and damage
    repaired. ``number`` counts the blocks of the same zone from 1.
    """

    zone: Zone
    number: int
    text: str
    raw: str
    tag: str
    css: str
    anchors: tuple[str, ...] = ()
    links: tuple[tuple[int, int, str], ...] = ()  # start, end, href
    marks: tuple[Mark, ...] = ()
    emphasis: tuple[tuple[int, int, str], ...] = ()  # start, end, tag
    note: str | None = None  # the label of a note: "14."


@dataclass(frozen=True, slots=True)
class StatedDate:
    """The date that a page states of itself.

    ``raw`` is the literal string; ``readings`` the day ranges (first, last) that it may
    mean, likeliest first, empty where it cannot be read; ``iso`` the likeliest as
    YYYY-MM-DD, YYYY-MM or YYYY. ``stamped``: put there by an editor program on saving.
    """

    raw: str
    iso: str | None
    readings: tuple[tuple[date, date], ...] = ()
    stamped: bool = False

    @property
    def is_ambiguous(self) -> bool:
        return len(self.readings) > 1


@dataclass(frozen=True, slots=True)
class Witness:
    """The text of one capture."""

    blocks: tuple[Block, ...]
    stated: StatedDate | None
    charset: str
    charset_rule: str  # which rule of decoding fired
    is_index: bool = False  # a page that lists works
    refresh: str | None = None  # target of a meta refresh
    repaired: int = 0  # texts in which mojibake was put right
    uri: str = ""  # where it was read, against which its links are joined


# ── collation ────────────────────────────────────────────────────────────────────────


class Category(StrEnum):
    """Classes of variants, in the order in which they are tried."""

    MARKUP = "markup"
    WHITESPACE = "whitespace"
    ENCODING = "encoding"
    TYPOGRAPHY = "typography"
    EMPHASIS = "emphasis"
    CAPITALISATION = "capitalisation"
    WORD_DIVISION = "word_division"
    PUNCTUATION = "punctuation"
    SPELLING = "spelling"
    SUBSTANTIVE = "substantive"
    STRUCTURE = "structure"
    APPARATUS = "apparatus"
    HEADER = "header"
    CREDIT = "credit"
    INDEX = "index"
    UPDATED = "updated"
    NAVIGATION = "navigation"


class Grade(StrEnum):
    """How much a variant weighs; the text's grade is that of its weightiest variant."""

    NONE = "none"
    COSMETIC = "cosmetic"
    WORDS = "words"


class Kind(StrEnum):
    SUBSTITUTION = "substitution"
    ADDITION = "addition"
    OMISSION = "omission"
    TRANSPOSITION = "transposition"
    SPLIT = "split"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class Variant:
    """One place where two witnesses differ: the base has the lemma, the other the reading."""

    category: Category
    kind: Kind
    grade: Grade
    zone: Zone | None
    block: int | None  # number within the zone, in the base; in the other for an addition
    note: str | None
    lemma: str
    reading: str
    before: str  # some words of context
    after: str
    count: int = 1
    flags: tuple[str, ...] = ()
    why: str = ""
    spaced: tuple[str, str] | None = None  # both with the spaces at their ends that only one of them has


@dataclass(frozen=True, slots=True)
class Collation:
    """All the places where two witnesses differ."""

    variants: tuple[Variant, ...]
    grade: Grade
    normaliser: str


class Verdict(StrEnum):
    NO_TEXTUAL_CHANGE = "no_textual_change"
    COSMETIC = "cosmetic"
    SILENT_EDIT = "silent_edit"
    SAME_DAY_EDIT = "same_day_edit"
    DATE_BUMP_ONLY = "date_bump_only"
    DECLARED_COSMETIC = "declared_cosmetic"
    DECLARED_EDIT = "declared_edit"
    BACKDATED_EDIT = "backdated_edit"
    DATE_BACKWARDS = "date_backwards"
    DATE_REMOVED = "date_removed"
    DATE_ADDED = "date_added"
    UNDATED_EDIT = "undated_edit"
    FIRST_CAPTURE = "first_capture"
    PAGE_GONE = "page_gone"
    PAGE_MOVED = "page_moved"
    SUSPECT_CAPTURE = "suspect_capture"


class Certainty(StrEnum):
    PROVEN = "proven"
    PROBABLE = "probable"


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgement on one capture against the version before it."""

    uri: str
    site: str
    captured_at: datetime | None
    previous_at: datetime | None
    normaliser: str
    verdict: Verdict
    certainty: Certainty | None
    flags: tuple[str, ...]
    stated_before: StatedDate | None
    stated_after: StatedDate | None
    variants: tuple[Variant, ...]
    changed_after: datetime | None = None  # the change lies in (changed_after, changed_until]
    changed_until: datetime | None = None
    why: str = ""
