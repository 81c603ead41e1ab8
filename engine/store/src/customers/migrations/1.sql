-- Format 1 of customers.db. Times are microseconds since 1970-01-01T00:00:00Z (UTC). No foreign keys: drafts, tickets and
-- customers arrive from different systems, in any order, and are removed by age.

CREATE TABLE customer (
    id        TEXT PRIMARY KEY,
    name      TEXT,
    email     TEXT,
    language  TEXT,
    since     INTEGER,
    last_seen INTEGER
) STRICT;

CREATE TABLE asset (
    id         TEXT PRIMARY KEY,
    owner      TEXT,
    name       TEXT,
    protected  INTEGER NOT NULL,
    aliases    TEXT NOT NULL,        -- a JSON list of texts
    depends_on TEXT NOT NULL         -- a JSON list of texts
) STRICT;
CREATE INDEX asset_by_owner ON asset (owner) WHERE owner IS NOT NULL;

CREATE TABLE contact (
    customer    TEXT NOT NULL,
    address     TEXT NOT NULL,
    bounces     INTEGER NOT NULL DEFAULT 0,
    bounced_at  INTEGER,
    bounced_why TEXT,
    PRIMARY KEY (customer, address)
) STRICT;
CREATE INDEX contact_by_address ON contact (address);

-- When a customer was last heard of. Outlives drafts and tickets.
CREATE TABLE heard (
    customer  TEXT PRIMARY KEY,
    draft_at  INTEGER,
    ticket_at INTEGER
) STRICT;

CREATE TABLE draft (
    id         TEXT PRIMARY KEY,
    customer   TEXT,                 -- one of these two is the owner
    form_key   TEXT,
    language   TEXT NOT NULL,
    page       TEXT,
    field      TEXT,
    asset      TEXT,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    words      INTEGER NOT NULL,
    hold_out   INTEGER NOT NULL,
    top_item   TEXT,
    confidence REAL,
    no_item    TEXT,                 -- why nothing was shown
    text       TEXT,                 -- without personal data; NULL unless texts are kept
    CHECK ((customer IS NULL) <> (form_key IS NULL))
) STRICT;
CREATE INDEX draft_by_time ON draft (last_at);
CREATE INDEX draft_by_customer ON draft (customer) WHERE customer IS NOT NULL;

CREATE TABLE shown (
    draft      TEXT NOT NULL,
    at         INTEGER NOT NULL,
    item       TEXT NOT NULL,
    rank       INTEGER NOT NULL,
    confidence REAL NOT NULL,
    ranker     TEXT NOT NULL
) STRICT;
CREATE INDEX shown_by_time ON shown (at);
CREATE INDEX shown_by_draft ON shown (draft);

CREATE TABLE feedback (
    draft  TEXT NOT NULL,
    what   TEXT NOT NULL,
    answer TEXT NOT NULL DEFAULT '', -- '': none
    at     INTEGER NOT NULL,         -- the first time
    PRIMARY KEY (draft, what, answer)
) STRICT;
CREATE INDEX feedback_by_time ON feedback (at);

CREATE TABLE ticket (
    id          TEXT PRIMARY KEY,
    customer    TEXT,
    asset       TEXT,
    subject     TEXT NOT NULL,
    body        TEXT NOT NULL,
    language    TEXT,
    page        TEXT,
    created     INTEGER NOT NULL,
    draft       TEXT,
    answer_used TEXT,
    incidents   TEXT NOT NULL        -- a JSON list of numbers
) STRICT;
CREATE INDEX ticket_by_time ON ticket (created);
CREATE INDEX ticket_by_customer ON ticket (customer, created) WHERE customer IS NOT NULL;

CREATE TABLE example (
    number   INTEGER PRIMARY KEY,    -- the order in which they were learned first
    answer   TEXT NOT NULL,
    source   TEXT NOT NULL,          -- a hash of the customer or key: one example of each for an answer
    language TEXT NOT NULL,
    text     TEXT NOT NULL,
    origin   TEXT NOT NULL,
    count    INTEGER NOT NULL,
    UNIQUE (answer, source)
) STRICT;
