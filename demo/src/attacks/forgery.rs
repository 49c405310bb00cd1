//! A share in somebody else's name. The client's own functions write the signer's key into a share; a liar would not.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::Signer;
use serde::Deserialize;
use vouchsafe::crypto::engine::Engine;
use vouchsafe::crypto::engine::rust::RustEngine;
use vouchsafe::crypto::keys::{SigningKey, SymmetricKey, VerifyingKey};
use vouchsafe::crypto::records::{CardContent, Edition, ShareIds, seal_share};

use crate::answer::{Refusal, Result};

#[derive(Deserialize)]
struct PrivateJwk {
    d: String,
}

/// Seals a card for `recipient`, signed by `signer`, in every word as if `sender` had signed it.
pub(super) async fn forge_share(
    at: &ShareIds,
    dek: &SymmetricKey,
    signer: &SigningKey,
    sender: &VerifyingKey,
    recipient: &VerifyingKey,
    card: CardContent,
    now: i64,
) -> Result<String> {
    let edition = Edition {
        number: 1,
        reference: BASE64URL_NOPAD.encode(&[0; 16]),
        card: &card,
        made_at: now,
        expires_at: None,
    };
    let honest = seal_share(&RustEngine, at, dek, signer, recipient, edition).await?;
    let [header, _, iv, ciphertext, tag] = parts(&honest)?;
    let sealed = [decode(ciphertext)?, decode(tag)?].concat();
    let iv: [u8; 12] = decode(iv)?.try_into().map_err(|_| failed())?;
    let cipher = Aes256Gcm::new_from_slice(dek.as_bytes()).map_err(|_| failed())?;
    let jws = cipher
        .decrypt(&Nonce::from(iv), under(header, &sealed))
        .map_err(|_| failed())?;

    let jws = String::from_utf8(jws).map_err(|_| failed())?;
    let [head, payload, _] = parts(&jws)?;
    // All thumbprints have the same length, so the padding stays right.
    let rename = |part: &str| {
        let text = String::from_utf8(decode(part)?).map_err(|_| failed())?;
        let renamed = text.replace(signer.public().kid(), sender.kid());
        Ok::<_, Refusal>(BASE64URL_NOPAD.encode(renamed.as_bytes()))
    };
    let signed = format!("{}.{}", rename(head)?, rename(payload)?);
    let jwk: PrivateJwk = serde_json::from_slice(&signer.to_jwk()?).map_err(|_| failed())?;
    let seed: [u8; 32] = decode(&jwk.d)?.try_into().map_err(|_| failed())?;
    let signature = ed25519_dalek::SigningKey::from_bytes(&seed).sign(signed.as_bytes());
    let jws = format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature.to_bytes()));

    let mut iv = [0; 12];
    RustEngine.fill_random(&mut iv)?;
    let sealed = cipher
        .encrypt(&Nonce::from(iv), under(header, jws.as_bytes()))
        .map_err(|_| failed())?;
    let (ciphertext, tag) = sealed.split_at(sealed.len() - 16);
    let [iv, ciphertext, tag] = [&iv, ciphertext, tag].map(|part| BASE64URL_NOPAD.encode(part));
    Ok(format!("{header}..{iv}.{ciphertext}.{tag}"))
}

fn under<'a>(header: &'a str, msg: &'a [u8]) -> Payload<'a, 'a> {
    Payload {
        msg,
        aad: header.as_bytes(),
    }
}

fn parts<const N: usize>(compact: &str) -> Result<[&str; N]> {
    let parts: Vec<&str> = compact.split('.').collect();
    parts.try_into().map_err(|_| failed())
}

fn decode(part: &str) -> Result<Vec<u8>> {
    BASE64URL_NOPAD
        .decode(part.as_bytes())
        .map_err(|_| failed())
}

fn failed() -> Refusal {
    Refusal::server_error()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use vouchsafe::crypto::records::open_share;

    use super::super::attacker::id;
    use super::*;

    /// Only the signature of a forgery is wrong: with the sender's own key it would open.
    #[tokio::test]
    async fn only_the_signature_is_false() {
        let [sender, attacker, recipient] =
            [(); 3].map(|()| SigningKey::make(&RustEngine).unwrap());
        let new = || id(Uuid::now_v7()).unwrap();
        let at = ShareIds {
            from: new(),
            to: new(),
            connection: new(),
            space: new(),
            share: new(),
        };
        let dek = SymmetricKey::make(&RustEngine).unwrap();
        let card = CardContent::new("Label", &[("name", "Name", "value")]);
        let open = async |signer: &SigningKey| {
            let (from, to) = (sender.public(), recipient.public());
            let forged = forge_share(&at, &dek, signer, from, to, card.clone(), 1).await;
            open_share(&RustEngine, &at, 1, &dek, from, to, &forged.unwrap()).await
        };
        assert_eq!(open(&sender).await.unwrap().card, card);
        assert_eq!(
            open(&attacker).await.unwrap_err(),
            vouchsafe::Error::RecordRejected
        );
    }
}
