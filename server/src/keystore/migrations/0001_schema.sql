CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    opaque_record TEXT NOT NULL,
    kek_passphrase TEXT NOT NULL,
    kek_recovery TEXT NOT NULL,
    vault_key TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    recovery_verifier TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE logins (
    hash TEXT PRIMARY KEY,
    account TEXT,
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX logins_by_expiry ON logins (expires_at);

CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE connection_keys (
    account TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    key TEXT NOT NULL,
    note TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, id)
);

CREATE INDEX connection_keys_by_time ON connection_keys (account, created_at, id);

CREATE TABLE spaces (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    own TEXT NOT NULL,
    peer TEXT NOT NULL,
    claim TEXT,
    claimed_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    deleted_at BIGINT
);
