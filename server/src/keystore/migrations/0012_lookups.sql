-- What was used by an account that is deleted is found by it.
CREATE INDEX registrations_by_account ON registrations (account);
