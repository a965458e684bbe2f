"""The tables of the catalog. A change of them is a new VERSION; Catalog says what then."""

VERSION = 4  # kept in user_version

FIRST = """
-- The catalog of a store. Derived data: it is rebuilt from the WARC files where it is lost. Only
-- what a pass that is not ended did beside its captures is not in its file yet.
-- Instants are ISO 8601 in UTC with six decimals ("2026-11-09T04:00:00.000000Z"), so that
-- their order as text is their order in time. The captures of a page are ordered by line_at,
-- then seq. Line_at is the instant of the capture, but never before that of one of our own
-- made earlier: a clock that was set back does not reorder a page's history, and a capture
-- that others made stands where its date puts it.

CREATE TABLE pass (
    seq INTEGER PRIMARY KEY,
    pass_id TEXT NOT NULL UNIQUE,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    active_at TEXT NOT NULL,
    state TEXT NOT NULL,
    is_open INTEGER NOT NULL DEFAULT 1,  -- its file may still grow: it can be gone on with
    visited INTEGER NOT NULL DEFAULT 0,
    captured INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    gone INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    requisites INTEGER NOT NULL DEFAULT 0,  -- visits of what pages need; the others count pages
    reason TEXT NOT NULL DEFAULT '',
    first_page INTEGER NOT NULL          -- pages from this id on were found since it began
) STRICT;
CREATE INDEX pass_open ON pass (is_open) WHERE is_open = 1;

CREATE TABLE pass_site (
    site TEXT NOT NULL,
    pass INTEGER NOT NULL REFERENCES pass (seq),
    position INTEGER NOT NULL,
    requests INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (site, pass)
) STRICT, WITHOUT ROWID;
CREATE INDEX pass_site_pass ON pass_site (pass);

CREATE TABLE warc (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,          -- without ".open"
    pass INTEGER NOT NULL REFERENCES pass (seq),
    size_bytes INTEGER NOT NULL          -- how much of it this catalog knows
) STRICT;

CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    uri TEXT NOT NULL UNIQUE,
    site TEXT NOT NULL,
    first_seen_at TEXT NOT NULL,
    found_on TEXT,
    requisite TEXT,                      -- as what a page needs it ("style", …); NULL: a page itself
    needed_in INTEGER,                   -- the pass in which it became the one or the other
    last_visited_at TEXT,
    last_outcome TEXT,
    message TEXT NOT NULL DEFAULT '',
    run INTEGER NOT NULL DEFAULT 0,      -- visits in a row with this outcome …
    run_since_at TEXT,                   -- … and when they began
    last_capture INTEGER REFERENCES capture (seq),
    version INTEGER REFERENCES capture (seq),
    full_at TEXT,
    linked_under TEXT,                   -- under which scope the links of its text were read …
    linked_in INTEGER,                   -- … and in which pass
    captures INTEGER NOT NULL DEFAULT 0,
    versions INTEGER NOT NULL DEFAULT 0,
    stored_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX page_site ON page (site);
CREATE INDEX page_linked ON page (linked_in);
CREATE INDEX page_needed ON page (needed_in) WHERE needed_in IS NOT NULL;
CREATE INDEX page_failing ON page (last_outcome) WHERE last_outcome IN ('failed', 'suspect');

CREATE TABLE capture (
    seq INTEGER PRIMARY KEY,
    record_id TEXT NOT NULL UNIQUE,
    page INTEGER NOT NULL REFERENCES page (id),
    pass INTEGER NOT NULL REFERENCES pass (seq),
    origin TEXT,                         -- who else made it: a file's name, a URI-M; NULL: ourselves
    line_at TEXT NOT NULL,               -- its place on the page's timeline
    asks TEXT NOT NULL,
    site TEXT NOT NULL,
    captured_at TEXT NOT NULL,
    status INTEGER NOT NULL,
    record_type TEXT NOT NULL,
    outcome TEXT NOT NULL,
    payload_digest TEXT NOT NULL,
    body_digest TEXT NOT NULL,
    content_type TEXT,
    etag TEXT,
    last_modified TEXT,
    location TEXT,
    warc INTEGER NOT NULL REFERENCES warc (seq),
    "offset" INTEGER NOT NULL,
    length INTEGER NOT NULL,
    refers_to TEXT,
    size_bytes INTEGER NOT NULL,
    requisite TEXT,                      -- as what a page needed it when it was made; NULL: as a page
    text INTEGER,                        -- the capture that first had this text; NULL: no text
    news INTEGER NOT NULL,               -- 1: it tells something that is to be judged;
                                         -- 2: so it does, but whoever reads reports knows of it
    judged_by TEXT                       -- the normaliser of its finding
) STRICT;
CREATE INDEX capture_page ON capture (page, line_at, seq);
CREATE INDEX capture_brought ON capture (page) WHERE origin IS NOT NULL;
CREATE INDEX capture_pass ON capture (pass);
CREATE INDEX capture_place ON capture (warc, "offset");
CREATE INDEX capture_payload ON capture (page, payload_digest) WHERE record_type <> 'revisit';
CREATE INDEX capture_unjudged ON capture (judged_by) WHERE news > 0;

CREATE TABLE visit (
    pass INTEGER NOT NULL REFERENCES pass (seq),
    page INTEGER NOT NULL REFERENCES page (id),
    at TEXT NOT NULL,
    outcome TEXT NOT NULL,
    message TEXT NOT NULL,
    capture INTEGER REFERENCES capture (seq) ON DELETE CASCADE,
    PRIMARY KEY (pass, page)
) STRICT, WITHOUT ROWID;
CREATE INDEX visit_capture ON visit (capture);
CREATE INDEX visit_page ON visit (page, at);

CREATE TABLE finding (
    capture INTEGER PRIMARY KEY REFERENCES capture (seq) ON DELETE CASCADE,
    base INTEGER REFERENCES capture (seq) ON DELETE SET NULL,
    page INTEGER NOT NULL REFERENCES page (id),
    pass INTEGER NOT NULL REFERENCES pass (seq),
    captured_at TEXT NOT NULL,
    verdict TEXT NOT NULL,
    normaliser TEXT NOT NULL,
    folder INTEGER NOT NULL REFERENCES folder (id),
    signature TEXT,                      -- as collate.cluster.signature_of makes it …
    is_shared INTEGER NOT NULL DEFAULT 0,  -- … and whether listed findings on three pages have it
    is_listed INTEGER NOT NULL,          -- 0: reports count it, and no more
    digest TEXT NOT NULL,                -- of what it says, as contract.digest_of makes it
    body TEXT NOT NULL                   -- JSON, as etolwatch.contract writes it
) STRICT;
CREATE INDEX finding_at ON finding (captured_at);
CREATE INDEX finding_pass ON finding (pass);
CREATE INDEX finding_page ON finding (page);
CREATE INDEX finding_base ON finding (base);
CREATE INDEX finding_list ON finding (is_listed, verdict, is_shared, captured_at, folder, page);
CREATE INDEX finding_signature ON finding (signature, is_listed, page) WHERE signature IS NOT NULL;
CREATE INDEX finding_shared ON finding (signature, verdict, is_listed, captured_at, folder, page)
    WHERE is_shared = 1;

-- Where an author's works lie, as seen from one site of the configuration.
CREATE TABLE folder (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    prefix TEXT NOT NULL,                -- of addresses
    UNIQUE (site, prefix)
) STRICT;

-- What a finding's variants removed and added; asked and folded as `findings` does it.
CREATE VIRTUAL TABLE finding_words
    USING fts5 (removed, added, content = '', columnsize = 0, tokenize = 'ascii');

CREATE TABLE robots (
    origin TEXT PRIMARY KEY,
    fetched_at TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE trouble (
    seq INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    site TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    since_at TEXT NOT NULL,
    until_at TEXT,
    count INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE UNIQUE INDEX trouble_open ON trouble (subject) WHERE until_at IS NULL;
"""

# The texts of all versions, as `passages` keeps and asks them.
TEXTS = """
ALTER TABLE capture ADD COLUMN read_by TEXT;  -- the normaliser of its text in version_text
CREATE INDEX capture_unread ON capture (page, line_at, seq)
    WHERE text = seq AND judged_by IS NOT NULL AND read_by IS NULL;

CREATE TABLE passage (
    id INTEGER PRIMARY KEY,
    page INTEGER NOT NULL REFERENCES page (id),
    text TEXT NOT NULL                   -- diplomatic; each text of a page once
) STRICT;
CREATE INDEX passage_page ON passage (page);

CREATE TABLE version_text (
    capture INTEGER PRIMARY KEY REFERENCES capture (seq) ON DELETE CASCADE,
    page INTEGER NOT NULL REFERENCES page (id),
    passages TEXT                        -- JSON: [zone, [passage, …]] in order; NULL: it is no text
) STRICT;
CREATE INDEX version_text_page ON version_text (page);

CREATE VIRTUAL TABLE passage_words USING fts5 (words, content = '', columnsize = 0, tokenize = 'ascii');
-- Fewer, larger merges: a third less time to write, and no search is slower to feel.
INSERT INTO passage_words (passage_words, rank) VALUES ('automerge', 16), ('crisismerge', 32);
CREATE VIRTUAL TABLE passage_vocabulary USING fts5vocab (passage_words, row);
"""

SCHEMA = FIRST + TEXTS
