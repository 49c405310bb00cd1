-- Each account counts its events for itself, so that writers of different accounts wait for one another nowhere. All go on above
-- the one count that there was.
ALTER TABLE owner ADD COLUMN first_event BIGINT NOT NULL DEFAULT 0;

UPDATE owner SET first_event = (SELECT newest FROM event_sequence);

DROP TABLE event_sequence;

CREATE TABLE event_counts (
    account TEXT PRIMARY KEY,
    newest BIGINT NOT NULL
);

INSERT INTO event_counts (account, newest) SELECT account, MAX(seq) FROM events GROUP BY account;

ALTER TABLE events RENAME TO events_before;

CREATE TABLE events (
    account TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    record TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, seq)
);

INSERT INTO events (account, seq, kind, record, created_at) SELECT account, seq, kind, record, created_at FROM events_before;

DROP TABLE events_before;

CREATE INDEX events_by_time ON events (created_at, account, seq);

CREATE INDEX events_by_record ON events (account, record, kind);
