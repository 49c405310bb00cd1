-- Links that show one card to whoever has them. `opening` and `reading` are the hashes of the two tokens that come with one,
-- `share` is the ciphertext and `size` its length, 0 once it is erased; `wrong` counts wrong reading tokens.
CREATE TABLE links (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    opening TEXT NOT NULL,
    reading TEXT NOT NULL,
    passphrase BIGINT NOT NULL,
    edition BIGINT NOT NULL,
    size BIGINT NOT NULL,
    max_reads BIGINT,
    reads BIGINT NOT NULL DEFAULT 0,
    read_at BIGINT,
    wrong BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    deleted_at BIGINT,
    share TEXT NOT NULL
);

CREATE INDEX links_by_time ON links (account, created_at, id) WHERE deleted_at IS NULL;

CREATE INDEX links_in_force ON links (account, size) WHERE size > 0;

CREATE INDEX links_to_sweep ON links (expires_at, id, size) WHERE size > 0;

CREATE INDEX links_used_up ON links (read_at, id, size) WHERE size > 0 AND reads >= max_reads;

-- Reads that were counted, each by the id that its reader gave it, for an hour.
CREATE TABLE link_reads (
    link TEXT NOT NULL REFERENCES links (id),
    id TEXT NOT NULL,
    read_at BIGINT NOT NULL,
    PRIMARY KEY (link, id)
);

CREATE INDEX link_reads_by_time ON link_reads (read_at);
