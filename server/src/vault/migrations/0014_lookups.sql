-- Mails are found when they are due, those first that were tried less often; when their time is over; when a mailbox refuses them.
CREATE INDEX outbox_due ON outbox (attempts, next_at);

CREATE INDEX outbox_by_expiry ON outbox (expires_at);

CREATE INDEX outbox_by_mailbox ON outbox (mailbox);
