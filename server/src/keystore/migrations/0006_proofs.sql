-- The time at which the person last proved the passphrase or the recovery key in this session.
ALTER TABLE sessions ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;

UPDATE sessions SET proved_at = created_at;

-- Devices that signed in to an account, each by the hash of what it shows.
CREATE TABLE devices (
    account TEXT NOT NULL REFERENCES accounts (id),
    hash TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (account, hash)
);

CREATE INDEX devices_by_time ON devices (used_at);

-- Sign-ins that were begun since the last one that was finished, and what the one that finished was told of them. `request`
-- is the hash of a sign-in's first message.
ALTER TABLE accounts ADD COLUMN sign_ins_begun BIGINT NOT NULL DEFAULT 0;

ALTER TABLE logins ADD COLUMN request TEXT;

ALTER TABLE logins ADD COLUMN failed BIGINT;

-- The time at which a deletion of the account was begun; not null for a deleted account until the Vault has been told.
ALTER TABLE accounts ADD COLUMN leaving_at BIGINT;

CREATE INDEX accounts_that_leave ON accounts (leaving_at) WHERE leaving_at IS NOT NULL;
