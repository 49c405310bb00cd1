-- `setup` names the OPAQUE setup that `opaque_record` was made under. A deleted account keeps its row, emptied, so that
-- its id stays taken.
ALTER TABLE accounts ADD COLUMN credentials_version BIGINT NOT NULL DEFAULT 1;

ALTER TABLE accounts ADD COLUMN setup TEXT;

ALTER TABLE accounts ADD COLUMN deleted_at BIGINT;

CREATE INDEX accounts_by_setup ON accounts (setup);

-- A session of recovery can set new credentials and nothing else.
ALTER TABLE sessions ADD COLUMN recovery BIGINT NOT NULL DEFAULT 0;

CREATE INDEX sessions_by_account ON sessions (account);

-- A login is good for the credentials that it was begun with. `session` is the one that it made.
ALTER TABLE logins ADD COLUMN credentials_version BIGINT NOT NULL DEFAULT 1;

ALTER TABLE logins ADD COLUMN session TEXT;

CREATE INDEX logins_by_account ON logins (account);

CREATE INDEX spaces_by_sender ON spaces (sender);

CREATE INDEX spaces_by_recipient ON spaces (recipient);
