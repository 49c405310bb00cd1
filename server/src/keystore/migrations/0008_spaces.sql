-- Also the end of a connection finds its spaces by it.
DROP INDEX spaces_by_sender;

CREATE INDEX spaces_by_sender ON spaces (sender, connection_id) WHERE deleted_at IS NULL;
