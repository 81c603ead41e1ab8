-- Format 1. Numbers of incidents and entries are 64-bit; times are microseconds since 1970-01-01T00:00:00Z (UTC).
-- A `body` is JSON: {"v":1,"body":…}. The columns beside it repeat what queries need.

CREATE TABLE incident (
    id          INTEGER PRIMARY KEY,
    rule        TEXT NOT NULL,
    asset       TEXT NOT NULL,
    status      TEXT NOT NULL,
    severity    TEXT NOT NULL,
    opened      INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    resolved_at INTEGER,            -- NULL exactly while it is not resolved
    body        TEXT NOT NULL
) STRICT;
CREATE INDEX incident_by_end ON incident (resolved_at);

CREATE TABLE window (
    rule TEXT NOT NULL,
    key  TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rule, key)
) STRICT;

CREATE TABLE rule_record (
    rule TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE fix_start (
    rule     TEXT NOT NULL,
    asset    TEXT NOT NULL,
    incident INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT;
CREATE INDEX fix_start_by_time ON fix_start (at);

CREATE TABLE effect (
    number   INTEGER PRIMARY KEY,   -- the order in which they were queued
    id       TEXT NOT NULL UNIQUE,
    incident INTEGER NOT NULL,
    body     TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('queued', 'started', 'over')),
    boot     TEXT,                  -- the boot under which it was queued or last started; NULL: unknown
    outcome  TEXT,
    old_from INTEGER                -- when retention first saw that it is over
) STRICT;
CREATE INDEX effect_by_incident ON effect (incident);
CREATE INDEX effect_unfinished ON effect (number) WHERE state <> 'over';
CREATE INDEX effect_by_age ON effect (old_from) WHERE state = 'over';

CREATE TABLE checkpoint (
    source TEXT NOT NULL,
    stream TEXT NOT NULL,
    state  TEXT NOT NULL,
    PRIMARY KEY (source, stream)
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    incident INTEGER,
    by       TEXT NOT NULL,
    what     TEXT NOT NULL,
    text     TEXT NOT NULL,
    prev     BLOB NOT NULL,
    hash     BLOB NOT NULL
) STRICT;
CREATE INDEX audit_by_incident ON audit (incident, seq) WHERE incident IS NOT NULL;

-- `anchor`: the last entry that retention removed. `head`: the newest entry. Before there is any: the genesis.
CREATE TABLE audit_end (
    which TEXT PRIMARY KEY CHECK (which IN ('anchor', 'head')),
    seq   INTEGER NOT NULL,
    hash  BLOB NOT NULL
) STRICT;
INSERT INTO audit_end VALUES
    ('anchor', 0, CAST('heinzel: the audit chain, part 1' AS BLOB)),
    ('head', 0, CAST('heinzel: the audit chain, part 1' AS BLOB));

-- Append-only. Retention first moves the anchor forward and may then remove what lies at or before it.
CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only: entries are never changed');
END;
CREATE TRIGGER audit_is_cut_at_its_anchor BEFORE DELETE ON audit
WHEN OLD.seq > coalesce((SELECT seq FROM audit_end WHERE which = 'anchor'), 0)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only: only retention removes its oldest entries');
END;
CREATE TRIGGER audit_grows_at_its_end BEFORE INSERT ON audit
WHEN NEW.seq <= coalesce((SELECT max(seq) FROM audit), 0)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only: new entries come last');
END;
CREATE TRIGGER audit_anchor_moves_forward BEFORE UPDATE ON audit_end
WHEN NEW.seq < OLD.seq OR NEW.which <> OLD.which
BEGIN
    SELECT RAISE(ABORT, 'the ends of the audit trail only move forward');
END;
CREATE TRIGGER audit_ends_stay BEFORE DELETE ON audit_end
BEGIN
    SELECT RAISE(ABORT, 'the ends of the audit trail stay');
END;
