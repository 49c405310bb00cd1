-- Rows enough for plans to count, of many accounts.
INSERT INTO accounts (id, login, email, opaque_record, kek_passphrase, kek_recovery, vault_key, signing_key, recovery_verifier,
    setup, created_at)
    SELECT 'a' || n, 'e' || n, 'e' || n, 'o', 'p', 'r', 'v', 's', 'y', 'same', n FROM generate_series(0, 49999) n;
INSERT INTO sessions (hash, account, created_at, expires_at)
    SELECT 'h' || n, 'a' || n % 20000, n, n FROM generate_series(1, 50000) n;
INSERT INTO logins (hash, account, state, expires_at, request)
    SELECT 'h' || n, 'a' || n % 20000, 's', n, 'r' || n FROM generate_series(1, 50000) n;
INSERT INTO registrations (hash, account, expires_at)
    SELECT 'h' || n, 'a' || n % 20000, n FROM generate_series(1, 50000) n;
INSERT INTO devices (account, hash, used_at) SELECT 'a' || n % 20000, 'h' || n, n FROM generate_series(1, 50000) n;
INSERT INTO connection_keys (account, id, key, note, version, created_at)
    SELECT 'a' || n % 5000, 'c' || n, 'k', 'n', 1, n FROM generate_series(1, 50000) n;
INSERT INTO spaces (id, connection_id, sender, recipient, own, peer, share, sent, sent_size, sent_version, tag, created_at, expires_at)
    SELECT 's' || n, 'c' || n % 20000, 'a' || n % 5000, 'a' || (n * 7 + 1) % 5000, 'own', 'peer', 'h' || n, 'sent', 4, 1,
    't' || n % 20000, n, CASE WHEN n % 4 = 0 THEN n + 50000 END FROM generate_series(1, 50000) n;
