-- Why the mail of an invitation that is `undeliverable` did not go.
ALTER TABLE invitations ADD COLUMN reason TEXT;
