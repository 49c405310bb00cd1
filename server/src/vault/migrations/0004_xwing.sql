-- The other half of a connection key, beside `spki`. A row without it is of no use to any client.
ALTER TABLE public_keys ADD COLUMN xwing TEXT NOT NULL DEFAULT '';
