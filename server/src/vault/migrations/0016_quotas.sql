-- What the operator lets the account have in place of the server's quotas: a JSON object of counts by names.
ALTER TABLE accounts ADD COLUMN quotas TEXT;
