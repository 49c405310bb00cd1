//! Whatever holds a secret is wiped when it is dropped, and shows nothing of it when it is printed. The sources are read,
//! so that a new type cannot be forgotten. (What is printed is tried out in `envelopes/secrecy.rs`.)

mod copies;
mod scan;

use std::collections::BTreeSet;
use std::path::Path;

use scan::{Field, Found};
use vouchsafe::api::{Request, Response};
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::invitation_link::{LinkSecret, Token};
use vouchsafe::crypto::keys::{SigningKey, SymmetricKey};
use vouchsafe::crypto::records::{CardContent, Field as CardField};
use vouchsafe::crypto::recovery_key::RecoveryKey;
use vouchsafe::crypto::rsa_key::RsaKey;
use vouchsafe::crypto::xwing::XwingKey;
use zeroize::ZeroizeOnDrop;

/// A field with one of these words in its name may hold a secret, so that it is wiped or explained.
const WORDS: [&str; 24] = [
    "auth",
    "bearer",
    "body",
    "card",
    "content",
    "dek",
    "deks",
    "export",
    "kek",
    "key",
    "keys",
    "link",
    "passphrase",
    "password",
    "pkcs8",
    "plaintext",
    "private",
    "recovery",
    "secret",
    "secrets",
    "seed",
    "session",
    "token",
    "tokens",
];

/// Types of other crates that wipe what they hold. (`P` is an engine's private key: a handle of WebCrypto, or `rsa`'s.)
const WIPED_ELSEWHERE: [&str; 3] = ["Zeroizing", "Ed25519", "P"];

/// What sounds like a secret and is none, and why.
const NO_SECRETS: [(&str, &str); 67] = [
    ("CardWrite.card", "a ciphertext"),
    (
        "CredentialsUpdate.passphrase",
        "an OPAQUE record and a ciphertext",
    ),
    ("CheckedPublication.keys", "public keys"),
    ("CredentialsUpdate.recovery", "a ciphertext and a hash"),
    (
        "Edition.card",
        "a borrow of a `CardContent`, which is wiped",
    ),
    ("Entry.key", "a ciphertext"),
    ("FirstForm.dek", "a thumbprint"),
    ("FirstForm.own_key", "an id"),
    ("Gcm.key", "borrowed from a key that is wiped"),
    ("Inviter.connection_key", "a public key"),
    ("Inviter.signing_key", "a public key"),
    (
        "LinkContent.card",
        "a `CardContent`, which is wiped, or a borrow of one",
    ),
    ("LinkContent.dek", "a thumbprint"),
    ("LinkContent.key", "a public key"),
    ("LinkInput.card", "an id"),
    ("LinkRecord.passphrase", "whether there is one"),
    ("LinkRequest.card", "an id"),
    ("LinkShare.card", "an id"),
    ("Live.next_key", "a counter"),
    ("NewConnection.public_key_id", "an id"),
    ("NewEntry.key", "a ciphertext"),
    ("NewInvitation.public_key_id", "an id"),
    ("NewInvitation.token_hash", "a hash"),
    ("NewLink.passphrase", "whether there is one"),
    ("NewPassphrase.kek_passphrase", "a ciphertext"),
    ("NewRecovery.kek_recovery", "a ciphertext"),
    ("NewRecovery.recovery_verifier", "a hash"),
    ("Note.own_key", "an id"),
    ("Opened.passphrase", "an OPAQUE record and a ciphertext"),
    ("OpenedLink.passphrase", "whether there is one"),
    ("OutgoingShare.card", "an id"),
    ("Party.signing_key", "a thumbprint"),
    ("Pin.connection_key", "a public key"),
    ("Pin.signing_key", "a public key"),
    (
        "Plaintext.card",
        "a `CardContent`, which is wiped, or a borrow of one",
    ),
    ("Preview.keys_match", "whether they do"),
    ("PublicKeyWrite.signing_key", "a public key"),
    ("Publication.signing_key", "a public key"),
    ("RecoveryStarted.kek_recovery", "a ciphertext"),
    ("RecoveryStarted.signing_key", "a ciphertext"),
    ("RecoveryStarted.vault_key", "a ciphertext"),
    ("Secrets.signing_key", "a ciphertext"),
    ("Secrets.vault_key", "a ciphertext"),
    (
        "ShareContent.card",
        "a `CardContent`, which is wiped, or a borrow of one",
    ),
    (
        "Registration.passphrase",
        "borrowed from the flow, which wipes it",
    ),
    ("Sent.card", "an id"),
    ("Sent.card_version", "a number"),
    ("ShareContent.dek", "a thumbprint"),
    ("ShareInput.card", "an id"),
    ("ShareRequest.card", "an id"),
    ("Side.connection_key", "a public key"),
    ("Side.signing_key", "a public key"),
    ("SignUpFinish.kek_passphrase", "a ciphertext"),
    ("SignUpFinish.kek_recovery", "a ciphertext"),
    ("SignUpFinish.recovery_verifier", "a hash"),
    ("SignUpFinish.signing_key", "a ciphertext"),
    ("SignUpFinish.vault_key", "a ciphertext"),
    ("SignedIn.kek_passphrase", "a ciphertext"),
    ("SignedIn.signing_key", "a ciphertext"),
    ("SignedIn.vault_key", "a ciphertext"),
    ("Statement.key", "an id"),
    ("StoredCard.card", "a ciphertext"),
    ("StoredInvitation.public_key_id", "an id"),
    ("Subscription.key", "a counter"),
    ("Told.passphrase", "whether there is one"),
    ("VerifyingKey.key", "a public key"),
    ("Verifiers.keys", "public keys"),
];

/// Plain copies of what sounds like a secret, and why they may be.
const PLAIN_COPIES: [(&str, &str); 7] = [
    (
        "flows/cards.rs update_card: clone(card)",
        "a `CardContent`, which is wiped",
    ),
    (
        "api/token.rs proof_token: to_string(token)",
        "goes into a `Request`, which is wiped",
    ),
    (
        "api/token.rs session_token: to_string(token)",
        "goes into a `Request`, which is wiped",
    ),
    (
        "api/token.rs vault_token: to_string(token)",
        "goes into a `Request`, which is wiped",
    ),
    (
        "flows/connections/accept.rs connect: to_base64url(secret)",
        "a proof, which the Vault gets",
    ),
    (
        "crypto/signature.rs decoded: from_base64url(payload)",
        "wiped by the `map` that follows",
    ),
    (
        "flows/session/memory.rs remember: clone(content)",
        "a `CardContent`, which is wiped",
    ),
];

/// The types of `src`, and those that hold secrets, by name.
struct Sources {
    types: Vec<Found>,
    secret: BTreeSet<String>,
}

impl Sources {
    fn read(types: Vec<Found>) -> Self {
        let mut secret: BTreeSet<String> = BTreeSet::new();
        // What holds a type that holds a secret holds one, too.
        loop {
            let before = secret.len();
            for found in &types {
                let own = found.derives.iter().any(|name| name == "ZeroizeOnDrop");
                if own || found.fields.iter().any(|field| wipes(field, &secret)) {
                    secret.insert(found.name.clone());
                }
            }
            if secret.len() == before {
                return Self { types, secret };
            }
        }
    }

    /// Fields that sound like secrets and are not wiped, with their files.
    fn bare(&self) -> Vec<(&str, String)> {
        let mut bare = Vec::new();
        for found in &self.types {
            let own = found.derives.iter().any(|name| name == "ZeroizeOnDrop");
            for field in &found.fields {
                let name = format!("{}.{}", found.name, field.name);
                let sounds = field.name.split('_').any(|word| WORDS.contains(&word));
                if sounds && !own && !wipes(field, &self.secret) {
                    bare.push((found.file.as_str(), name));
                }
            }
        }
        bare
    }

    /// Types that wipe fields which are plain themselves, and would be printed.
    fn printed(&self) -> Vec<String> {
        let printed = |found: &&Found| {
            let derives = |name: &str| found.derives.iter().any(|other| other == name);
            let mut fields = found.fields.iter();
            derives("Debug")
                && derives("ZeroizeOnDrop")
                && fields.any(|field| !field.skipped && !wipes(field, &self.secret))
        };
        let printed = self.types.iter().filter(printed);
        printed.map(|found| found.name.clone()).collect()
    }
}

/// Whether it is a type that wipes itself, or a container of one.
fn wipes(field: &Field, secret: &BTreeSet<String>) -> bool {
    let mut words = field.words.iter();
    words.any(|word| WIPED_ELSEWHERE.contains(&word.as_str()) || secret.contains(word))
}

fn source() -> Sources {
    let types = sources();
    let types = types.iter().flat_map(|(path, text)| scan::file(path, text));
    Sources::read(types.collect())
}

fn sources() -> Vec<(String, String)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    scan::sources(folder, folder)
}

#[test]
fn whatever_sounds_like_a_secret_is_wiped_or_explained() {
    let source = source();
    let mut bare = source.bare();
    let count = source.secret.len();
    println!("{count} types hold secrets: {:?}", source.secret);
    for (known, why) in NO_SECRETS {
        let before = bare.len();
        bare.retain(|(_, name)| name != known);
        assert_ne!(bare.len(), before, "{known} needs no explanation ({why})");
    }
    assert_eq!(bare, []);
}

#[test]
fn what_is_wiped_is_not_printed() {
    assert_eq!(source().printed(), [""; 0]);
}

#[test]
fn a_plain_copy_of_a_secret_is_wiped_or_explained() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        let copies = copies::copies(&text);
        found.extend(copies.iter().map(|copy| format!("{path} {copy}")));
    }
    for (known, why) in PLAIN_COPIES {
        let before = found.len();
        found.retain(|copy| copy != known);
        assert_ne!(found.len(), before, "{known} needs no explanation ({why})");
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_careless_copy_is_found() {
    for careless in [
        "let text = to_base64url(payload);",
        "let text = to_base64url(&payload[..]);",
        r#"let text = format!("{}.{}", head, payload);"#,
        r#"let text = format!("Bearer {bearer}");"#,
        "let bytes = key.pkcs8().to_vec();",
        "seal(card.clone());",
        "Zeroizing::new(hash(&to_base64url(&seed)))",
    ] {
        let source = format!("fn f() {{ {careless} }}");
        assert_eq!(copies::copies(&source).len(), 1, "{careless}");
    }
    for careful in [
        "let text = Zeroizing::new(to_base64url(payload));",
        r#"let shown = Zeroizing::new(format!("Bearer {bearer}"));"#,
        "let id = card.id.clone_from(&other);",
        r#"let text = format!("{} bytes", plaintext_length);"#,
    ] {
        let source = format!("fn f() {{ {careful} }}");
        assert_eq!(copies::copies(&source), [""; 0], "{careful}");
    }
}

/// The rules see what they are for.
#[test]
fn a_careless_type_is_found() {
    let of = |text: &str| Sources::read(scan::file("careless.rs", text));
    let careless = of("pub struct Careless { pub session: String, size: u8 }");
    let bare = careless.bare();
    assert_eq!(bare, [("careless.rs", "Careless.session".to_owned())]);
    assert_eq!(of("enum Ways { One { kek: Vec<u8> } }").bare().len(), 1);
    assert_eq!(
        of("struct Good { session: Zeroizing<String> }")
            .bare()
            .len(),
        0
    );
    let nested = "struct Key(Zeroizing<String>); struct Holder { keys: Vec<Key> }";
    assert_eq!(of(nested).bare().len(), 0);
    let printed = "#[derive(Debug, ZeroizeOnDrop)] struct Printed { bearer: String }";
    assert_eq!(of(printed).printed(), ["Printed"]);
    let hidden = "#[derive(Debug, ZeroizeOnDrop)] struct Hidden(Zeroizing<String>);";
    assert_eq!(of(hidden).printed().len(), 0);
}

/// The compiler says so, too, for those that others can see.
#[test]
fn secret_types_are_wiped_on_drop() {
    fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<SymmetricKey>();
    wiped::<SigningKey>();
    wiped::<ConnectionKey>();
    wiped::<RsaKey>();
    wiped::<XwingKey>();
    wiped::<RecoveryKey>();
    wiped::<LinkSecret>();
    wiped::<Token>();
    wiped::<CardContent>();
    wiped::<CardField>();
    wiped::<Request>();
    wiped::<Response>();
}
