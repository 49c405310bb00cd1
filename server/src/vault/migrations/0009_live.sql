-- `edition` counts the contents that a share has had, and `read_edition` is the newest that its recipient said to have opened.
ALTER TABLE shares ADD COLUMN edition BIGINT NOT NULL DEFAULT 1;

ALTER TABLE shares ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;

UPDATE shares SET updated_at = created_at;

ALTER TABLE shares ADD COLUMN read_edition BIGINT;

ALTER TABLE shares ADD COLUMN read_at BIGINT;

-- Lists are read from these alone.
DROP INDEX shares_incoming;

CREATE INDEX shares_incoming ON shares
    (recipient, created_at, id, connection_id, space_id, sender, edition, updated_at, expires_at, read_edition, read_at, size, deleted_at)
    WHERE deleted_at IS NULL AND size > 0;

DROP INDEX shares_outgoing;

CREATE INDEX shares_outgoing ON shares
    (sender, created_at, id, connection_id, space_id, recipient, edition, updated_at, expires_at, read_edition, read_at, deleted_at)
    WHERE deleted_at IS NULL;

DROP INDEX shares_of_connection;

CREATE INDEX shares_of_connection ON shares
    (connection_id, sender, created_at, id, space_id, recipient, edition, updated_at, expires_at, read_edition, read_at, size, deleted_at)
    WHERE deleted_at IS NULL;

-- 1 as long as shares of the card may lag behind it.
ALTER TABLE cards ADD COLUMN unsettled BIGINT NOT NULL DEFAULT 0;

CREATE INDEX cards_unsettled ON cards (account, id) WHERE unsettled = 1;

-- Of several events of one kind about one record the newest is kept.
CREATE INDEX events_by_record ON events (account, record, kind);
