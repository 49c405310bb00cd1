-- When the operator disabled the account: nobody gets a session of it.
ALTER TABLE accounts ADD COLUMN disabled_at BIGINT;

-- The newest migration that a release has to know to work with this database. Migrations with which the release before could
-- not go on set it to their own number.
ALTER TABLE owner ADD COLUMN needs BIGINT NOT NULL DEFAULT 0;
