-- A row stands for an account while it writes, and says for ever that it was deleted.
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    deleted_at BIGINT
);
