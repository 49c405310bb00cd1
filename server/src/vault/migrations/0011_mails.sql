-- The page that the link of a mail leads to, if it is not the first one, and the language of the mail.
ALTER TABLE outbox ADD COLUMN page TEXT;

ALTER TABLE outbox ADD COLUMN language TEXT;

-- The address that the inviter had confirmed, for whoever holds the invitation. It goes a week after the invitation was over.
ALTER TABLE invitations ADD COLUMN named TEXT;

DROP INDEX invitations_to_forget;

CREATE INDEX invitations_to_forget ON invitations (over_at) WHERE email IS NOT NULL OR named IS NOT NULL;
