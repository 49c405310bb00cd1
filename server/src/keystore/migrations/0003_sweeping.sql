CREATE INDEX spaces_to_sweep ON spaces (expires_at) WHERE deleted_at IS NULL;
