CREATE TABLE cards (
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    card TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (account, id)
);

CREATE INDEX cards_by_time ON cards (account, created_at, id);

CREATE TABLE public_keys (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    spki TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    statement TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE invitations (
    id TEXT PRIMARY KEY,
    inviter TEXT NOT NULL,
    public_key_id TEXT NOT NULL REFERENCES public_keys (id),
    delivery TEXT NOT NULL,
    email TEXT,
    token_hash TEXT NOT NULL,
    state TEXT NOT NULL,
    answered_by TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX invitations_by_time ON invitations (inviter, created_at, id);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY REFERENCES invitations (id),
    recipient TEXT NOT NULL,
    inviter_email TEXT NOT NULL,
    token TEXT,
    expires_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    sent_at BIGINT
);

CREATE INDEX outbox_by_time ON outbox (next_at);

CREATE TABLE connections (
    id TEXT PRIMARY KEY REFERENCES invitations (id),
    inviter TEXT NOT NULL,
    inviter_key TEXT NOT NULL REFERENCES public_keys (id),
    invitee TEXT NOT NULL,
    invitee_key TEXT NOT NULL REFERENCES public_keys (id),
    proof TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);

CREATE INDEX connections_of_inviter ON connections (inviter, created_at, id);

CREATE INDEX connections_of_invitee ON connections (invitee, created_at, id);

CREATE TABLE spaces (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES connections (id),
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);

CREATE TABLE shares (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES connections (id),
    space_id TEXT NOT NULL REFERENCES spaces (id),
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    share TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    deleted_at BIGINT
);

CREATE INDEX shares_incoming ON shares (recipient, created_at, id);

CREATE INDEX shares_outgoing ON shares (sender, created_at, id);

CREATE INDEX shares_by_connection ON shares (connection_id);

CREATE TABLE event_sequence (
    one BIGINT PRIMARY KEY,
    newest BIGINT NOT NULL
);

INSERT INTO event_sequence (one, newest) VALUES (1, 0);

CREATE TABLE events (
    seq BIGINT PRIMARY KEY,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    record TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX events_by_account ON events (account, seq);

CREATE INDEX events_by_time ON events (created_at);
