//! The tables, and the condition for rows that concern an account, `$1`. Values that a service can read are shown whole.

use super::cell::Kind::{self, Ciphertext, Hash, Id, Number, Plain, Public, Time};

/// The reading of a table.
pub(crate) struct TableSpec {
    pub(crate) table: &'static str,
    /// The purpose of the table, for the page.
    pub(crate) about: &'static str,
    /// Table and condition. The row is `r`.
    from: &'static str,
    /// The column by which the newest row comes first.
    newest: &'static str,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// The expressions for the ids of the records that the row belongs to.
    pub(crate) ids: &'static [&'static str],
    /// The expression for the name of the object that the row describes.
    pub(crate) object: Option<&'static str>,
}

impl TableSpec {
    /// The newest rows: their columns, then their ids.
    pub(crate) fn rows(&self, most: usize) -> String {
        let columns = self.columns.iter();
        let columns = columns.map(|(name, kind)| kind.select(&format!("r.{name}")));
        let ids = self.ids.iter().map(|id| (*id).to_owned());
        let object = self.object.map(str::to_owned);
        let selected: Vec<String> = columns.chain(ids).chain(object).collect();
        let (selected, from, newest) = (selected.join(", "), self.from, self.newest);
        format!("SELECT {selected} FROM {from} ORDER BY r.{newest} DESC, r.rowid DESC LIMIT {most}")
    }

    /// The count of all rows.
    pub(crate) fn count(&self) -> String {
        format!("SELECT count(*) FROM {}", self.from)
    }
}

/// The share whose key a space `r` holds.
const SHARE_OF_SPACE: &str =
    "(SELECT id FROM main.shares WHERE connection_id = r.connection_id AND space_id = r.id)";

/// The Keystore's tables.
pub(crate) const KEYSTORE: &[TableSpec] = &[
    TableSpec {
        table: "accounts",
        about: "Whom a passphrase signs in, with the keys of the account, each wrapped under a key that the Keystore never has.",
        from: "keystore.accounts AS r WHERE deleted_at IS NULL AND (id = $1 \
            OR id IN (SELECT invitee FROM main.connections WHERE inviter = $1) \
            OR id IN (SELECT inviter FROM main.connections WHERE invitee = $1) \
            OR login IN (SELECT lower(email) FROM main.invitations WHERE inviter = $1 AND email IS NOT NULL))",
        newest: "created_at",
        columns: &[
            ("id", Id),
            ("login", Plain),
            ("email", Plain),
            ("opaque_record", Hash),
            ("suite", Number),
            ("kek_passphrase", Ciphertext),
            ("kek_recovery", Ciphertext),
            ("vault_key", Ciphertext),
            ("signing_key", Ciphertext),
            ("recovery_verifier", Hash),
            ("credentials_version", Number),
            ("sign_ins_begun", Number),
            ("created_at", Time),
        ],
        ids: &["r.id"],
        object: None,
    },
    TableSpec {
        table: "connection_keys",
        about: "The private key of each connection, and a private note that pins the other person's keys; both sealed.",
        from: "keystore.connection_keys AS r WHERE account = $1",
        newest: "created_at",
        columns: &[
            ("account", Id),
            ("id", Id),
            ("key", Ciphertext),
            ("note", Ciphertext),
            ("version", Number),
            ("created_at", Time),
        ],
        ids: &["r.id"],
        object: None,
    },
    TableSpec {
        table: "spaces",
        about: "The key of each share, wrapped for its sender, for its recipient, and again by the recipient who claimed it, and that of each link; and what the sender keeps of them, sealed.",
        from: "keystore.spaces AS r WHERE (sender = $1 OR recipient = $1)",
        newest: "created_at",
        columns: &[
            ("id", Id),
            ("connection_id", Id),
            ("sender", Id),
            ("recipient", Id),
            ("own", Ciphertext),
            ("peer", Ciphertext),
            ("claim", Ciphertext),
            ("claimed_at", Time),
            ("share", Id),
            ("sent", Ciphertext),
            ("sent_version", Number),
            ("tag", Hash),
            ("live", Number),
            ("created_at", Time),
            ("expires_at", Time),
            ("deleted_at", Time),
        ],
        ids: &["r.id", "r.connection_id", "r.share"],
        object: None,
    },
    TableSpec {
        table: "sessions",
        about: "Who is signed in, by the hash of a token that only the client has.",
        from: "keystore.sessions AS r WHERE account = $1",
        newest: "created_at",
        columns: &[
            ("hash", Hash),
            ("account", Id),
            ("recovery", Number),
            ("created_at", Time),
            ("proved_at", Time),
            ("expires_at", Time),
        ],
        ids: &["r.account"],
        object: None,
    },
    TableSpec {
        table: "devices",
        about: "Devices that signed in before, by the hash of what only they have: strangers cannot use up their attempts.",
        from: "keystore.devices AS r WHERE account = $1",
        newest: "used_at",
        columns: &[("account", Id), ("hash", Hash), ("used_at", Time)],
        ids: &["r.account"],
        object: None,
    },
];

/// The Vault's tables.
pub(crate) const VAULT: &[TableSpec] = &[
    TableSpec {
        table: "cards",
        about: "A person's own cards: whose, how long and when, but not what they say.",
        from: "main.cards AS r WHERE account = $1 AND deleted_at IS NULL",
        newest: "created_at",
        columns: &[
            ("account", Id),
            ("id", Id),
            ("card", Ciphertext),
            ("version", Number),
            ("unsettled", Number),
            ("created_at", Time),
            ("updated_at", Time),
        ],
        ids: &["r.id"],
        object: None,
    },
    TableSpec {
        table: "public_keys",
        about: "The two public keys, RSA and X-Wing, that each side made for a connection, and the statement that it signed over them.",
        from: "main.public_keys AS r WHERE id IN (SELECT inviter_key FROM main.connections WHERE inviter = $1 OR invitee = $1 \
            UNION SELECT invitee_key FROM main.connections WHERE inviter = $1 OR invitee = $1 \
            UNION SELECT public_key_id FROM main.invitations WHERE inviter = $1)",
        newest: "created_at",
        columns: &[
            ("id", Id),
            ("account", Id),
            ("spki", Public),
            ("xwing", Public),
            ("signing_key", Public),
            ("statement", Public),
            ("created_at", Time),
        ],
        ids: &[
            "r.id",
            "COALESCE((SELECT id FROM main.invitations WHERE inviter = r.account AND public_key_id = r.id), \
                (SELECT id FROM main.connections WHERE invitee = r.account AND invitee_key = r.id))",
        ],
        object: None,
    },
    TableSpec {
        table: "invitations",
        about: "Who invited whom and how it ended; of the token only the hash.",
        from: "main.invitations AS r WHERE (inviter = $1 \
            OR id IN (SELECT id FROM main.connections WHERE invitee = $1))",
        newest: "created_at",
        columns: &[
            ("id", Id),
            ("inviter", Id),
            ("public_key_id", Id),
            ("delivery", Plain),
            ("email", Plain),
            ("named", Plain),
            ("token_hash", Hash),
            ("state", Plain),
            ("reason", Plain),
            ("answered_by", Id),
            ("created_at", Time),
            ("expires_at", Time),
            ("over_at", Time),
        ],
        ids: &["r.id", "r.public_key_id"],
        object: None,
    },
    TableSpec {
        table: "outbox",
        about: "Mails that wait to be sent: to whom. The token or code of each follows from its seed together with a secret that is not in the database.",
        from: "main.outbox AS r WHERE account = $1",
        newest: "next_at",
        columns: &[
            ("id", Plain),
            ("kind", Plain),
            ("account", Id),
            ("recipient", Plain),
            ("mailbox", Hash),
            ("named", Plain),
            ("seed", Plain),
            ("page", Plain),
            ("language", Plain),
            ("attempts", Number),
            ("next_at", Time),
            ("expires_at", Time),
        ],
        ids: &["r.id"],
        object: None,
    },
    TableSpec {
        table: "connections",
        about: "Who is connected with whom, by which keys.",
        from: "main.connections AS r WHERE (inviter = $1 OR invitee = $1)",
        newest: "created_at",
        columns: &[
            ("id", Id),
            ("inviter", Id),
            ("inviter_key", Id),
            ("invitee", Id),
            ("invitee_key", Id),
            ("proof", Hash),
            ("created_at", Time),
            ("ended_at", Time),
        ],
        ids: &["r.id", "r.inviter_key", "r.invitee_key"],
        object: None,
    },
    TableSpec {
        table: "spaces",
        about: "For each share, the name under which the Keystore has its key.",
        from: "main.spaces AS r WHERE id IN (SELECT space_id FROM main.shares WHERE sender = $1 OR recipient = $1)",
        newest: "created_at",
        columns: &[
            ("id", Id),
            ("connection_id", Id),
            ("created_at", Time),
            ("deleted_at", Time),
        ],
        ids: &["r.id", "r.connection_id", SHARE_OF_SPACE],
        object: None,
    },
    TableSpec {
        table: "shares",
        about: "What people shared: from whom to whom, how long and when, how often it was changed and read, but neither the card nor which card it was.",
        from: "main.shares AS r WHERE (sender = $1 OR recipient = $1)",
        newest: "created_at",
        columns: &[
            ("id", Id),
            ("connection_id", Id),
            ("space_id", Id),
            ("sender", Id),
            ("recipient", Id),
            ("share", Ciphertext),
            ("edition", Number),
            ("read_edition", Number),
            ("read_at", Time),
            ("created_at", Time),
            ("updated_at", Time),
            ("expires_at", Time),
            ("deleted_at", Time),
        ],
        ids: &["r.id", "r.connection_id", "r.space_id"],
        object: None,
    },
    TableSpec {
        table: "files",
        about: "Files of cards: whose, how large, and when they came. What they are called stands in the cards.",
        from: "main.files AS r WHERE deleted_at IS NULL AND (account = $1 OR id IN (SELECT file FROM main.listings \
            JOIN main.shares ON shares.id = listings.record WHERE listings.kind = 'share' AND shares.recipient = $1))",
        newest: "created_at",
        columns: &[
            ("id", Id),
            ("account", Id),
            ("size", Number),
            ("parts", Number),
            ("digest", Hash),
            ("created_at", Time),
            ("updated_at", Time),
            ("unlisted_at", Time),
        ],
        ids: &[
            "r.id",
            "(SELECT substr(record, -36) FROM main.listings WHERE file = r.id AND kind = 'card' LIMIT 1)",
            "(SELECT record FROM main.listings WHERE file = r.id AND kind = 'share' ORDER BY record DESC LIMIT 1)",
        ],
        object: None,
    },
    TableSpec {
        table: "parts",
        about: "The parts of files, whose ciphertexts lie in a folder or a bucket: of each the SHA-256, and how its object is called.",
        from: "main.parts AS r WHERE file IN (SELECT id FROM main.files WHERE account = $1)",
        newest: "part",
        columns: &[
            ("file", Id),
            ("part", Number),
            ("size", Number),
            ("digest", Hash),
            ("object", Plain),
        ],
        ids: &[
            "r.file",
            "(SELECT substr(record, -36) FROM main.listings WHERE file = r.file AND kind = 'card' LIMIT 1)",
        ],
        object: Some("r.file || '/' || printf('%04d', r.part) || '-' || r.object"),
    },
    TableSpec {
        table: "listings",
        about: "Which files a card, a share or a link lists: who may read them follows from it.",
        from: "main.listings AS r WHERE file IN (SELECT id FROM main.files WHERE account = $1)",
        newest: "record",
        columns: &[("kind", Plain), ("record", Plain), ("file", Id)],
        // A card's account stands before its id.
        ids: &["r.file", "substr(r.record, -36)"],
        object: None,
    },
    TableSpec {
        table: "links",
        about: "Cards that a link shows to whoever has it: of the link only hashes.",
        from: "main.links AS r WHERE account = $1",
        newest: "created_at",
        columns: &[
            ("id", Id),
            ("account", Id),
            ("opening", Hash),
            ("reading", Hash),
            ("passphrase", Number),
            ("share", Ciphertext),
            ("edition", Number),
            ("max_reads", Number),
            ("reads", Number),
            ("read_at", Time),
            ("created_at", Time),
            ("updated_at", Time),
            ("expires_at", Time),
            ("deleted_at", Time),
        ],
        ids: &["r.id"],
        object: None,
    },
];
