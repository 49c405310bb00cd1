//! Every kind of record at one place, sealed and opened through the public functions.

use std::sync::LazyLock;

use futures_util::FutureExt;
use serde_json::{Value, json};
use vouchsafe::Result;
use vouchsafe::crypto::connection_key::ConnectionKey;
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::{SigningKey, SymmetricKey};
use vouchsafe::crypto::records::{
    self, Audience, CardContent, Delivery, FileRef, LinkContent, Note, NoteState, Pin, Role, Sent,
    ShareIds, Wrap,
};
use vouchsafe::crypto::suite::Suite;
use vouchsafe::ids::Id;

use crate::envelopes::kind::Kind;
use crate::support::jose;
use crate::support::secrets::{REF, first_edition};

/// Two connection keys for all tests: making one takes a moment.
pub(crate) static KEYS: LazyLock<[ConnectionKey; 2]> =
    LazyLock::new(|| [(); 2].map(|()| now(ConnectionKey::make(&RustEngine)).unwrap()));

static IMPORTED: LazyLock<[<RustEngine as Engine>::PrivateKey; 2]> = LazyLock::new(|| {
    KEYS.each_ref()
        .map(|key| now(RustEngine.import_rsa_key(key.rsa().pkcs8())).unwrap())
});

/// The Rust engine never waits.
pub(crate) fn now<R>(future: impl Future<Output = R>) -> R {
    future.now_or_never().unwrap()
}

/// The ids and keys that records are sealed with, from Alice's point of view; Bob receives.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) alice: Id,
    pub(crate) bob: Id,
    pub(crate) connection: Id,
    pub(crate) space: Id,
    pub(crate) share: Id,
    pub(crate) card: Id,
    pub(crate) wrapping: SymmetricKey,
    pub(crate) kek: SymmetricKey,
    pub(crate) vault: SymmetricKey,
    pub(crate) dek: SymmetricKey,
    pub(crate) signing: SigningKey,
    pub(crate) bobs: SigningKey,
    pub(crate) pair: ConnectionKey,
    /// What the card says. With files, records have other forms.
    pub(crate) content: CardContent,
}

pub(crate) fn id() -> Id {
    Id::v7(1_750_000_000_000, &jose::random())
}

pub(crate) fn key() -> SymmetricKey {
    SymmetricKey::make(&RustEngine).unwrap()
}

pub(crate) fn content() -> CardContent {
    CardContent::new("Passport", &[("number", "Number", "X123")])
}

pub(crate) fn file() -> FileRef {
    let text = |byte: u8| jose::to_base64url(&[byte; 32]);
    FileRef {
        id: id(),
        name: "scan.png".into(),
        media_type: "image/png".into(),
        size: 5,
        key: text(1),
        digest: text(2),
    }
}

impl Case {
    pub(crate) fn new() -> Self {
        let signing = || SigningKey::make(&RustEngine).unwrap();
        Self {
            alice: Id::v4(jose::random()),
            bob: Id::v4(jose::random()),
            connection: id(),
            space: id(),
            share: id(),
            card: id(),
            wrapping: key(),
            kek: key(),
            vault: key(),
            dek: key(),
            signing: signing(),
            bobs: signing(),
            pair: KEYS[0].clone(),
            content: content(),
        }
    }

    /// The same with a card that has a file, and records that name it.
    pub(crate) fn with_file() -> Self {
        let mut case = Self::new();
        case.content.files.push(file());
        case
    }

    /// The form of this kind's record, and of what is signed in it.
    fn form(&self, kind: Kind) -> u32 {
        let filed = !self.content.files.is_empty();
        match kind {
            Kind::Card | Kind::Share => 2 + u32::from(filed),
            Kind::Sent | Kind::LinkSent | Kind::Link => 1 + u32::from(filed),
            _ => unreachable!("it has no files"),
        }
    }

    /// The choice of files that a share names.
    fn files(&self) -> Option<Vec<Id>> {
        (!self.content.files.is_empty()).then(|| self.content.file_ids())
    }

    /// One key for everything and one id wherever two may be equal, so that nothing but kind and place tells records
    /// apart.
    pub(crate) fn narrow() -> Self {
        let case = Self::new();
        let key = key();
        Self {
            bob: case.alice,
            card: case.connection,
            wrapping: key.clone(),
            kek: key.clone(),
            vault: key.clone(),
            dek: key,
            bobs: case.signing.clone(),
            ..case
        }
    }

    pub(crate) fn at(&self) -> ShareIds {
        ShareIds {
            from: self.alice,
            to: self.bob,
            connection: self.connection,
            space: self.space,
            share: self.share,
        }
    }

    /// The key that opens this kind, unless that is a connection key.
    pub(crate) fn key_of(&self, kind: Kind) -> &SymmetricKey {
        match kind {
            Kind::KekPassphrase | Kind::KekRecovery => &self.wrapping,
            Kind::VaultKey
            | Kind::SigningKey
            | Kind::ConnectionKey
            | Kind::OwnDek
            | Kind::OwnLinkKey
            | Kind::Claim => &self.kek,
            Kind::Card | Kind::Note | Kind::Sent | Kind::LinkSent => &self.vault,
            Kind::Share | Kind::Link => &self.dek,
            Kind::PeerDek => unreachable!("opened with the private keys"),
        }
    }

    pub(crate) fn note(&self) -> Note {
        let mut note = Note::new(
            NoteState::Accepted,
            Role::Inviter,
            Delivery::Email,
            self.pair.public(),
            "Bob",
            1_750_000_000_000,
        );
        note.pin = Some(Pin::new(self.bob, self.bobs.public(), KEYS[1].public()));
        note
    }

    pub(crate) fn sent(&self) -> Sent {
        Sent {
            version: 1,
            edition: 1,
            card: self.card,
            card_version: 3,
            shown: records::shown_digest(&self.content).unwrap(),
            fields: Some(vec!["number".into()]),
            files: self.files(),
            live: true,
            expires_at: None,
            accept_unverified: false,
            reference: Some(REF.into()),
            link: None,
        }
    }

    pub(crate) fn link_sent(&self) -> Sent {
        let seed = self.signing.to_jwk().unwrap();
        let signing_key: Value = serde_json::from_slice(&seed).unwrap();
        let sent = json!({
            "version": 1, "edition": 1, "card": self.card, "cardVersion": 3,
            "shown": records::shown_digest(&self.content).unwrap(), "fields": ["number"],
            "live": true, "expiresAt": 6, "acceptUnverified": false, "ref": null,
            "link": { "maxReads": 7, "name": "Alice", "secret": REF, "signingKey": signing_key },
        });
        let sent: Sent = serde_json::from_value(sent).unwrap();
        Sent {
            files: self.files(),
            ..sent
        }
    }

    fn linked_at(&self) -> Audience {
        Audience::Link {
            from: self.alice,
            id: self.share,
        }
    }

    pub(crate) fn seal(&self, kind: Kind) -> String {
        let (engine, at) = (&RustEngine, &self.at());
        match kind {
            Kind::KekPassphrase => records::seal_kek(
                engine,
                self.alice,
                Wrap::Passphrase(Suite::One),
                &self.wrapping,
                &self.kek,
            ),
            Kind::KekRecovery => records::seal_kek(
                engine,
                self.alice,
                Wrap::Recovery,
                &self.wrapping,
                &self.kek,
            ),
            Kind::VaultKey => records::seal_vault_key(engine, self.alice, &self.kek, &self.vault),
            Kind::SigningKey => {
                records::seal_signing_key(engine, self.alice, &self.kek, &self.signing)
            }
            Kind::ConnectionKey => {
                records::seal_connection_key(engine, self.alice, &self.kek, &self.pair)
            }
            Kind::Card => now(records::seal_card(
                engine,
                self.alice,
                self.card,
                &self.vault,
                &self.content,
                3,
            )),
            Kind::Note => records::seal_note(
                engine,
                self.alice,
                self.connection,
                &self.vault,
                &self.note(),
            ),
            Kind::OwnDek => records::seal_own_dek(engine, &self.kek, at, &self.dek),
            Kind::PeerDek => now(records::seal_peer_dek(
                engine,
                self.pair.public(),
                at,
                &self.dek,
            )),
            Kind::Claim => records::seal_claim(engine, &self.kek, at, &self.dek),
            Kind::Share => now(records::seal_share(
                engine,
                at,
                &self.dek,
                &self.signing,
                self.bobs.public(),
                first_edition(&self.content, 5),
            )),
            Kind::Sent => {
                records::seal_sent(engine, &self.vault, &Audience::Person(*at), &self.sent())
            }
            Kind::OwnLinkKey => {
                records::seal_own_link_key(engine, self.alice, self.share, &self.kek, &self.dek)
            }
            Kind::LinkSent => {
                records::seal_sent(engine, &self.vault, &self.linked_at(), &self.link_sent())
            }
            Kind::Link => {
                let card = &self.content;
                let linked = LinkContent {
                    share: self.share,
                    edition: 1,
                    key: self.signing.public().to_jwk(),
                    dek: self.dek.kid().to_owned(),
                    name: "Alice".into(),
                    card,
                    made_at: 5,
                    expires_at: 6,
                    max_reads: Some(7),
                };
                now(records::seal_link(
                    engine,
                    &self.dek,
                    &self.signing,
                    &linked,
                ))
            }
        }
        .unwrap()
    }

    /// Opens as this kind, and says whether what came out is what went in.
    pub(crate) fn open(&self, kind: Kind, jwe: &str) -> Result<bool> {
        let at = &self.at();
        let same = |opened: Result<SymmetricKey>, key: &SymmetricKey| {
            opened.map(|opened| opened.as_bytes() == key.as_bytes())
        };
        match kind {
            Kind::KekPassphrase => same(
                records::open_kek(
                    self.alice,
                    Wrap::Passphrase(Suite::One),
                    &self.wrapping,
                    jwe,
                ),
                &self.kek,
            ),
            Kind::KekRecovery => same(
                records::open_kek(self.alice, Wrap::Recovery, &self.wrapping, jwe),
                &self.kek,
            ),
            Kind::VaultKey => same(
                records::open_vault_key(self.alice, &self.kek, jwe),
                &self.vault,
            ),
            Kind::SigningKey => records::open_signing_key(self.alice, &self.kek, jwe)
                .map(|opened| opened.public() == self.signing.public()),
            Kind::ConnectionKey => {
                let id = self.pair.public().id();
                records::open_connection_key(self.alice, &self.kek, id, jwe)
                    .map(|opened| opened.to_json() == self.pair.to_json())
            }
            Kind::Card => now(records::open_card(
                &RustEngine,
                self.alice,
                self.card,
                &self.vault,
                jwe,
            ))
            .map(|opened| opened == (self.content.clone(), 3)),
            Kind::Note => records::open_note(self.alice, self.connection, &self.vault, jwe)
                .map(|opened| opened == self.note()),
            Kind::OwnDek => same(records::open_own_dek(&self.kek, at, jwe), &self.dek),
            Kind::PeerDek => {
                let opened =
                    records::open_peer_dek(&RustEngine, self.imported(), &self.pair, at, jwe);
                same(now(opened), &self.dek)
            }
            Kind::Claim => same(records::open_claim(&self.kek, at, jwe), &self.dek),
            Kind::Share => now(records::open_share(
                &RustEngine,
                at,
                1,
                &self.dek,
                self.signing.public(),
                self.bobs.public(),
                jwe,
            ))
            .map(|opened| opened.card == self.content && opened.made_at == 5),
            Kind::Sent => {
                let opened = records::open_sent(&self.vault, &Audience::Person(*at), jwe);
                opened.map(|opened| opened == self.sent())
            }
            Kind::OwnLinkKey => same(
                records::open_own_link_key(self.alice, self.share, &self.kek, jwe),
                &self.dek,
            ),
            Kind::LinkSent => {
                let opened = records::open_sent(&self.vault, &self.linked_at(), jwe);
                opened.and_then(|opened| {
                    let link = opened.link.as_ref().unwrap();
                    link.secret()?;
                    let signer = link.signing_key()?;
                    Ok(opened == self.link_sent() && signer.public() == self.signing.public())
                })
            }
            Kind::Link => {
                let signer = self.signing.public().kid();
                let opened = records::open_link(&RustEngine, self.share, 1, &self.dek, signer, jwe);
                now(opened).map(|opened| opened.card == self.content && opened.made_at == 5)
            }
        }
    }

    /// Asserts that this is refused, with the one error there is.
    pub(crate) fn refuses(&self, kind: Kind, jwe: &str, why: &str) {
        match self.open(kind, jwe) {
            Err(error) => assert_eq!(error.code(), "record_rejected", "{kind:?}: {why}"),
            Ok(_) => panic!("{kind:?} was opened: {why}"),
        }
    }

    /// Seals any plaintext under any header, with the very key of this kind: every check but the one under test holds.
    pub(crate) fn reseal(&self, kind: Kind, header: &str, plaintext: &[u8]) -> String {
        if kind == Kind::PeerDek {
            // The PSK is the one that the header names, where it names one.
            let psk_id = jose::psk_id_of(header).unwrap_or_default();
            let psk = now(RustEngine.rsa_decrypt(self.imported(), &psk_id));
            let psk = psk.map_or([7; 32].to_vec(), |psk| psk.to_vec());
            let psk_id = if psk_id.is_empty() { vec![7] } else { psk_id };
            let key = self.pair.public().xwing().as_bytes();
            jose::seal_hpke(key, header, (&psk, &psk_id), plaintext)
        } else {
            jose::seal(self.key_of(kind).as_bytes(), header, b"", plaintext)
        }
    }

    /// RSA-OAEP for this case's connection key.
    pub(crate) fn wrap(&self, psk: &[u8]) -> Vec<u8> {
        now(RustEngine.rsa_encrypt(self.pair.public().rsa().spki(), psk)).unwrap()
    }

    /// The RSA half of this case's connection key.
    fn imported(&self) -> &<RustEngine as Engine>::PrivateKey {
        let first = self.pair.public().rsa() == KEYS[0].public().rsa();
        &IMPORTED[usize::from(!first)]
    }

    /// The plaintext inside the envelope that the client writes.
    pub(crate) fn plaintext(&self, kind: Kind) -> Vec<u8> {
        match kind {
            Kind::PeerDek => self.dek.to_jwk().unwrap().to_vec(),
            _ => jose::open(self.key_of(kind).as_bytes(), &self.seal(kind)).unwrap(),
        }
    }

    /// The JSON that the kind carries: the plaintext, or what a share's signature covers. Without its padding.
    pub(crate) fn json(&self, kind: Kind) -> String {
        let plaintext = match kind {
            Kind::Share | Kind::Link => {
                jose::payload_of(std::str::from_utf8(&self.plaintext(kind)).unwrap())
            }
            _ => self.plaintext(kind),
        };
        String::from_utf8(plaintext).unwrap().trim_end().to_owned()
    }

    /// A record with this JSON inside, signed where the kind is signed, under the right header and key.
    pub(crate) fn with_json(&self, kind: Kind, json: &[u8]) -> String {
        let header = jose::header_of(&self.seal(kind));
        let plaintext = match kind {
            Kind::Share => self.signed(json).into_bytes(),
            Kind::Link => {
                let typ = match self.form(kind) {
                    1 => "vs-link-content".to_owned(),
                    form => format!("vs-link-content.{form}"),
                };
                self.signed_as(&typ, json).into_bytes()
            }
            _ => json.to_vec(),
        };
        self.reseal(kind, &header, &plaintext)
    }

    /// A share's signature by Alice over anything.
    pub(crate) fn signed(&self, payload: &[u8]) -> String {
        let form = self.form(Kind::Share);
        self.signed_as(&format!("vs-share-content.{form}"), payload)
    }

    fn signed_as(&self, typ: &str, payload: &[u8]) -> String {
        let header = format!(
            r#"{{"alg":"EdDSA","typ":"{typ}","kid":"{}"}}"#,
            self.signing.public().kid()
        );
        jose::sign(&self.signing.to_jwk().unwrap(), &header, payload)
    }
}
