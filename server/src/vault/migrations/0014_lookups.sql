-- Mails are found when they are due, those first that were tried less often; when their time is over; when a mailbox refuses them.
CREATE INDEX outbox_due ON outbox (attempts, next_at);

CREATE INDEX outbox_by_expiry ON outbox (expires_at);

CREATE INDEX outbox_by_mailbox ON outbox (mailbox);

-- Objects that no row names are found by the two times.
CREATE INDEX strays_by_finding ON strays (found_at);

CREATE INDEX strays_by_sight ON strays (seen_at);
