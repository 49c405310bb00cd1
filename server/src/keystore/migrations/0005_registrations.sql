-- `credential_id` is OPAQUE's credential identifier, drawn anew for each registration; `suite` names the algorithms that
-- the passphrase was registered under.
ALTER TABLE accounts ADD COLUMN credential_id TEXT NOT NULL DEFAULT '';

ALTER TABLE accounts ADD COLUMN suite BIGINT NOT NULL DEFAULT 1;

-- Earlier records have no identifier: their passphrases are set anew by the recovery key, as when a setup is lost.
UPDATE accounts SET setup = '' WHERE deleted_at IS NULL;

-- The state of a login is sealed from now on.
DELETE FROM logins;

-- The SHA-256 of each registration that was used, and the account that it made or changed.
CREATE TABLE registrations (
    hash TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX registrations_by_expiry ON registrations (expires_at);
