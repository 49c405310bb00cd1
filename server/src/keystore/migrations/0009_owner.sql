-- The setup that the accounts belong to, and the time up to which the service has been there.
ALTER TABLE owner ADD COLUMN setup TEXT;

ALTER TABLE owner ADD COLUMN seen_at BIGINT;
