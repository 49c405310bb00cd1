-- The setup that everything below was made under.
ALTER TABLE owner ADD COLUMN setup TEXT;

-- Mails that wait. `seed` and the Vault's setup together give the token or the code that a mail carries; neither is enough alone.
-- A row goes with its mail.
DROP TABLE outbox;

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    recipient TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    named TEXT,
    seed TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL
);

CREATE INDEX outbox_by_time ON outbox (next_at);

CREATE INDEX outbox_by_account ON outbox (account);

-- When an invitation is, or was, over. A week later its address goes.
ALTER TABLE invitations ADD COLUMN over_at BIGINT;

UPDATE invitations SET over_at = expires_at;

CREATE INDEX invitations_to_forget ON invitations (over_at) WHERE email IS NOT NULL;

-- A digest, under the setup, of the account with the address that it confirmed.
ALTER TABLE accounts ADD COLUMN confirmed TEXT;

-- The newest code that was mailed to an account's address, as a digest under the setup.
CREATE TABLE codes (
    account TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX codes_by_expiry ON codes (expires_at);

-- Mailboxes that want no more mails, each as a digest under the setup.
CREATE TABLE refusals (
    mailbox TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL
);
