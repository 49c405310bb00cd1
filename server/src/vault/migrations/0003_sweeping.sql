CREATE INDEX shares_to_sweep ON shares (expires_at) WHERE share <> '';

CREATE INDEX invitations_to_sweep ON invitations (expires_at) WHERE state = 'pending';
