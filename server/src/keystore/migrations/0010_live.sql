-- What its sender keeps of a share: `share` is its id, `sent` a record that only the sender can open and `sent_size` its
-- length, `sent_version` counts its changes (0: there is none), `tag` is the same for all shares of a card, and `live` is 1
-- for the one that follows it.
ALTER TABLE spaces ADD COLUMN share TEXT;

ALTER TABLE spaces ADD COLUMN sent TEXT;

ALTER TABLE spaces ADD COLUMN sent_size BIGINT NOT NULL DEFAULT 0;

ALTER TABLE spaces ADD COLUMN sent_version BIGINT NOT NULL DEFAULT 0;

ALTER TABLE spaces ADD COLUMN tag TEXT;

ALTER TABLE spaces ADD COLUMN live BIGINT NOT NULL DEFAULT 0;

-- Quotas are read from it alone.
CREATE INDEX spaces_in_force ON spaces (sender, sent_size) WHERE deleted_at IS NULL;

CREATE UNIQUE INDEX spaces_of_share ON spaces (sender, share) WHERE share IS NOT NULL;

CREATE UNIQUE INDEX spaces_live ON spaces (sender, connection_id, tag) WHERE live = 1 AND connection_id <> '';

CREATE INDEX spaces_by_tag ON spaces (sender, tag, created_at, id, expires_at) WHERE tag IS NOT NULL;
