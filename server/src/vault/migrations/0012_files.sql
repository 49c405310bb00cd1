-- Files, each an upload until it has a `digest`. `size` and `parts` count what is stored of it; `updated_at` is the time of its
-- last part, or of its end. `unlisted_at` is when a row last ceased to list it, or when it was finished: null while nothing but
-- rows that list it has happened since. A row stays, so that its id stays taken.
CREATE TABLE files (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    size BIGINT NOT NULL DEFAULT 0,
    parts BIGINT NOT NULL DEFAULT 0,
    digest TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    unlisted_at BIGINT,
    deleted_at BIGINT,
    to_erase BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX files_by_time ON files (account, created_at, id, size, digest, updated_at) WHERE deleted_at IS NULL;

CREATE INDEX files_unfinished ON files (updated_at, id) WHERE digest IS NULL AND deleted_at IS NULL;

CREATE INDEX files_unlisted ON files (unlisted_at, id) WHERE deleted_at IS NULL;

CREATE INDEX files_to_erase ON files (account, id) WHERE to_erase = 1;

-- Parts of files. Each has an object in the store beside the database, whose name ends with `object`, and which is there before
-- the row is.
CREATE TABLE parts (
    file TEXT NOT NULL REFERENCES files (id),
    part BIGINT NOT NULL,
    size BIGINT NOT NULL,
    digest TEXT NOT NULL,
    object TEXT NOT NULL,
    PRIMARY KEY (file, part)
);

-- The files that cards, shares and links list. A card's `record` is its account and its id, since ids of cards are an account's own.
CREATE TABLE listings (
    kind TEXT NOT NULL,
    record TEXT NOT NULL,
    file TEXT NOT NULL REFERENCES files (id),
    PRIMARY KEY (kind, record, file)
);

CREATE INDEX listings_by_file ON listings (file, kind, record);

-- Objects of the store that no row names: since when this is known, and when it was seen last.
CREATE TABLE strays (
    object TEXT PRIMARY KEY,
    found_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- The time of the last look through the store.
ALTER TABLE owner ADD COLUMN scanned_at BIGINT;
