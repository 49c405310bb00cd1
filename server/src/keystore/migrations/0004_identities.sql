-- `login` is what an account is found by: an address, or an identity. `email` is the address that mails name it by.
ALTER TABLE accounts RENAME COLUMN email TO login;

ALTER TABLE accounts ADD COLUMN email TEXT;

UPDATE accounts SET email = login WHERE deleted_at IS NULL;

-- What the identity token said, until the sign-in ends.
ALTER TABLE logins ADD COLUMN email TEXT;
