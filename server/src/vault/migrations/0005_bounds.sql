-- `size` is the length of the ciphertext beside it, which nobody has to read then to know it: 0 once it is erased.
ALTER TABLE cards ADD COLUMN size BIGINT NOT NULL DEFAULT 0;

UPDATE cards SET size = LENGTH(card) WHERE deleted_at IS NULL;

ALTER TABLE shares ADD COLUMN size BIGINT NOT NULL DEFAULT 0;

UPDATE shares SET size = LENGTH(share) WHERE share <> '';

-- Lists and quotas are read from these alone: without ciphertexts, and without what is deleted or over.
DROP INDEX cards_by_time;

CREATE INDEX cards_by_time ON cards (account, created_at, id, size, deleted_at) WHERE deleted_at IS NULL;

DROP INDEX shares_incoming;

CREATE INDEX shares_incoming ON shares
    (recipient, created_at, id, connection_id, space_id, sender, expires_at, size, deleted_at)
    WHERE deleted_at IS NULL AND size > 0;

DROP INDEX shares_outgoing;

CREATE INDEX shares_outgoing ON shares
    (sender, created_at, id, connection_id, space_id, recipient, expires_at, deleted_at)
    WHERE deleted_at IS NULL;

DROP INDEX shares_by_connection;

CREATE INDEX shares_of_connection ON shares
    (connection_id, sender, created_at, id, space_id, recipient, expires_at, size, deleted_at)
    WHERE deleted_at IS NULL;

CREATE INDEX shares_in_force ON shares (sender, connection_id, size) WHERE size > 0;

DROP INDEX shares_to_sweep;

CREATE INDEX shares_to_sweep ON shares (expires_at, id, size) WHERE size > 0;

CREATE INDEX spaces_of_connection ON spaces (connection_id) WHERE deleted_at IS NULL;

CREATE INDEX invitations_pending ON invitations (inviter) WHERE state = 'pending';

CREATE INDEX connections_active_of_inviter ON connections (inviter) WHERE ended_at IS NULL;

CREATE INDEX connections_active_of_invitee ON connections (invitee) WHERE ended_at IS NULL;

CREATE INDEX public_keys_by_account ON public_keys (account);

-- 1 as long as something is left to erase of an ended connection, or of a deleted account.
ALTER TABLE connections ADD COLUMN to_erase BIGINT NOT NULL DEFAULT 0;

CREATE INDEX connections_to_erase ON connections (id) WHERE to_erase = 1;

ALTER TABLE accounts ADD COLUMN to_erase BIGINT NOT NULL DEFAULT 0;

CREATE INDEX accounts_to_erase ON accounts (id) WHERE to_erase = 1;
