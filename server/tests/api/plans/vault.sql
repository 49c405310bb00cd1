-- Rows enough for plans to count, of five thousand accounts.
INSERT INTO accounts (id) SELECT 'a' || n FROM generate_series(0, 4999) n;
INSERT INTO public_keys (id, account, spki, signing_key, statement, created_at)
    SELECT 'k' || n, 'a' || n, 's', 'x', 'y', n FROM generate_series(0, 4999) n;
INSERT INTO cards (account, id, card, version, created_at, updated_at, size, unsettled)
    SELECT 'a' || n % 5000, 'd' || n, 'card', 1, n, n, 4, CASE WHEN n % 100 = 0 THEN 1 ELSE 0 END FROM generate_series(1, 50000) n;
INSERT INTO invitations (id, inviter, public_key_id, delivery, email, token_hash, state, created_at, expires_at, over_at)
    SELECT 'c' || n, 'a' || n % 5000, 'k' || n % 5000, 'link', CASE WHEN n % 9 = 0 THEN 'e' END, 'h',
    CASE WHEN n % 5 = 0 THEN 'pending' ELSE 'accepted' END, n, n, n FROM generate_series(1, 50000) n;
INSERT INTO connections (id, inviter, inviter_key, invitee, invitee_key, created_at, ended_at)
    SELECT 'c' || n, 'a' || n % 5000, 'k' || n % 5000, 'a' || (n * 7 + 1) % 5000, 'k' || (n * 7 + 1) % 5000, n,
    CASE WHEN n % 20 = 0 THEN n END FROM generate_series(1, 50000) n;
INSERT INTO spaces (id, connection_id, created_at) SELECT 's' || n, 'c' || n % 50000 + 1, n FROM generate_series(1, 50000) n;
INSERT INTO shares (id, connection_id, space_id, sender, recipient, share, created_at, updated_at, expires_at, size)
    SELECT 'h' || n, 'c' || n % 50000 + 1, 's' || n, 'a' || n % 5000, 'a' || (n * 7 + 1) % 5000, 'share', n, n,
    CASE WHEN n % 4 = 0 THEN n + 50000 END, 5 FROM generate_series(1, 50000) n;
INSERT INTO links (id, account, opening, reading, passphrase, edition, size, max_reads, reads, created_at, updated_at, expires_at, share)
    SELECT 'l' || n, 'a' || n % 5000, 'o', 'r', 0, 1, 5, 2, n % 3, n, n, n + 50000, 'share' FROM generate_series(1, 50000) n;
INSERT INTO link_reads (link, id, read_at) SELECT 'l' || n, 'r' || n, n FROM generate_series(1, 50000) n;
INSERT INTO files (id, account, size, parts, digest, created_at, updated_at, unlisted_at)
    SELECT 'f' || n, 'a' || n % 5000, 1, 1, CASE WHEN n % 9 > 0 THEN 'd' END, n, n, CASE WHEN n % 3 = 0 THEN n END
    FROM generate_series(1, 50000) n;
INSERT INTO parts (file, part, size, digest, object) SELECT 'f' || n, 0, 1, 'd', 'o' FROM generate_series(1, 50000) n;
INSERT INTO listings (kind, record, file) SELECT 'share', 'h' || n, 'f' || n FROM generate_series(1, 50000) n;
INSERT INTO outbox (id, kind, account, recipient, mailbox, seed, expires_at, attempts, next_at)
    SELECT 'c' || n, 'invitation', 'a' || n % 5000, 'r', 'm' || n, 's', n, n % 9, n FROM generate_series(1, 50000) n;
INSERT INTO refusals (mailbox, created_at) SELECT 'm' || n + 50000, n FROM generate_series(1, 50000) n;
INSERT INTO codes (account, hash, tries, created_at, expires_at) SELECT 'a' || n, 'h', 0, n, n FROM generate_series(1, 50000) n;
INSERT INTO strays (object, found_at, seen_at) SELECT 'o' || n, n, n FROM generate_series(1, 50000) n;
INSERT INTO events (account, seq, kind, record, created_at)
    SELECT 'a' || n % 5000, n, 'share', 'h' || n, n FROM generate_series(1, 50000) n;
INSERT INTO event_counts (account, newest) SELECT 'a' || n, 50000 FROM generate_series(0, 4999) n;
