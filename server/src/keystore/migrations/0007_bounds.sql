-- Quotas and erasing are read from these alone: without what is erased already.
DROP INDEX spaces_by_sender;

CREATE INDEX spaces_by_sender ON spaces (sender) WHERE deleted_at IS NULL;

DROP INDEX spaces_by_recipient;

CREATE INDEX spaces_by_recipient ON spaces (recipient) WHERE peer <> '';

-- 1 as long as something is left to erase of a deleted account.
ALTER TABLE accounts ADD COLUMN to_erase BIGINT NOT NULL DEFAULT 0;

CREATE INDEX accounts_to_erase ON accounts (id) WHERE to_erase = 1;
