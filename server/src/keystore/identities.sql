-- `login` is what an account is found by: an address, or an identity. `email` is the address that mails name it by.
ALTER TABLE accounts RENAME COLUMN email TO login;

ALTER TABLE accounts ADD COLUMN email TEXT;

UPDATE accounts SET email = login WHERE deleted_at IS NULL;

-- What becomes the account's when the sign-in ends.
ALTER TABLE logins ADD COLUMN email TEXT;

UPDATE logins SET email = (SELECT accounts.email FROM accounts WHERE accounts.id = logins.account);
