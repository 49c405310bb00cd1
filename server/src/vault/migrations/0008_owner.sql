-- The time up to which the service has been there.
ALTER TABLE owner ADD COLUMN seen_at BIGINT;
