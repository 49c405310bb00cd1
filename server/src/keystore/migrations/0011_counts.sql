-- Counts of a card's shares, and of what an account has, are read from these alone.
DROP INDEX spaces_by_tag;

CREATE INDEX spaces_by_tag ON spaces (sender, tag, created_at, id, expires_at, deleted_at) WHERE tag IS NOT NULL;

DROP INDEX spaces_in_force;

CREATE INDEX spaces_in_force ON spaces (sender, sent_size, deleted_at) WHERE deleted_at IS NULL;
