//! Compact JWE (RFC 7516), written and read strictly.
//!
//! The reader never interprets a header. For the record that it expects it builds the one protected header that it
//! would accept, of each form that it knows, and compares bytes, before a key is touched; so there is nothing to negotiate. The header is additional
//! data, `kid` names the very key that opens the record, `ctx` its place.

use zeroize::Zeroizing;

use super::base64url::{from_base64url, from_base64url_exact, to_base64url};
use super::connection_key::{ConnectionKey, ConnectionPublicKey};
use super::engine::{Engine, Gcm, IV_BYTES, MODULUS_BYTES, TAG_BYTES, Way, make_random};
use super::forms::Kind;
use super::keys::SymmetricKey;
use super::xwing::ENC_BYTES;
use crate::error::{Error, Result};

/// A record's kind and the ids that it belongs to: `typ` and `ctx` of its header.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    kind: Kind,
    ctx: String,
    /// The end of `ctx` from the second form on.
    tail: String,
}

impl Place {
    /// `parts` are ids, thumbprints or literal words.
    pub(crate) fn new(kind: Kind, parts: &[&dyn std::fmt::Display]) -> Self {
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        Self {
            kind,
            ctx: parts.join("/"),
            tail: String::new(),
        }
    }

    /// The same place, where the second form, and each one after it, names this, too.
    pub(crate) fn since_second(mut self, part: impl std::fmt::Display) -> Self {
        self.tail = format!("/{part}");
        self
    }

    /// `ctx` of a form.
    fn ctx(&self, form: u32) -> [&str; 2] {
        [&self.ctx, if form < 2 { "" } else { &self.tail }]
    }

    /// The header of a record under a symmetric key.
    fn header(&self, form: u32, kid: &str) -> String {
        let (typ, [ctx, tail]) = (self.kind.typ(form), self.ctx(form));
        to_base64url(
            format!(
                r#"{{"alg":"dir","enc":"A256GCM","typ":"{typ}","kid":"{kid}","ctx":"{ctx}{tail}"}}"#
            )
            .as_bytes(),
        )
    }

    /// The header of a record under two keys, up to its `psk_id` and behind it. It has no `enc`: HPKE encrypts the
    /// content itself.
    fn hybrid_header(&self, kid: &str) -> [String; 2] {
        let form = self.kind.written;
        let (typ, [ctx, tail]) = (self.kind.typ(form), self.ctx(form));
        [
            format!(r#"{{"alg":"HPKE-9","typ":"{typ}","kid":"{kid}","psk_id":""#),
            format!(r#"","ctx":"{ctx}{tail}"}}"#),
        ]
    }
}

/// Seals under a symmetric key: `alg` `dir`.
pub(crate) fn seal(
    engine: &impl Engine,
    key: &SymmetricKey,
    place: &Place,
    plaintext: &[u8],
) -> Result<String> {
    let header = place.header(place.kind.written, key.kid());
    let body = encrypt(engine, key.as_bytes(), header.as_bytes(), plaintext)?;
    Ok(format!("{header}..{body}"))
}

/// As [`seal`], for what may be large: the engine does it where it does not hold up the page.
pub(crate) async fn seal_large(
    engine: &impl Engine,
    key: &SymmetricKey,
    place: &Place,
    plaintext: &[u8],
) -> Result<String> {
    let header = place.header(place.kind.written, key.kid());
    let iv = make_random::<IV_BYTES>(engine)?;
    let sealed = engine
        .gcm(job(
            Way::Encrypt,
            key.as_bytes(),
            &iv,
            header.as_bytes(),
            plaintext,
        ))
        .await?;
    Ok(format!("{header}..{}", to_parts(&iv, &sealed)))
}

/// Opens what [`seal`] made for the same key and place.
pub(crate) fn open(key: &SymmetricKey, place: &Place, jwe: &str) -> Result<Zeroizing<Vec<u8>>> {
    open_form(key, place, jwe).map(|(_, plaintext)| plaintext)
}

/// As [`open`], for a kind of several forms: with the form, which says how the plaintext is read.
pub(crate) fn open_form(
    key: &SymmetricKey,
    place: &Place,
    jwe: &str,
) -> Result<(u32, Zeroizing<Vec<u8>>)> {
    let (form, header, [iv, ciphertext, tag]) = direct_parts_of(key, place, jwe)?;
    let plaintext = decrypt(key.as_bytes(), header.as_bytes(), iv, ciphertext, tag)?;
    Ok((form, plaintext))
}

/// As [`open_form`], for what may be large.
pub(crate) async fn open_large(
    engine: &impl Engine,
    key: &SymmetricKey,
    place: &Place,
    jwe: &str,
) -> Result<(u32, Zeroizing<Vec<u8>>)> {
    let (form, header, [iv, ciphertext, tag]) = direct_parts_of(key, place, jwe)?;
    let (iv, sealed) = from_parts(iv, ciphertext, tag)?;
    let plaintext = engine
        .gcm(job(
            Way::Decrypt,
            key.as_bytes(),
            &iv,
            header.as_bytes(),
            &sealed,
        ))
        .await?;
    Ok((form, Zeroizing::new(plaintext)))
}

/// Seals for the holder of a connection's private keys, both of which it takes to open it: `alg` `HPKE-9` in PSK mode,
/// integrated encryption (draft-ietf-jose-hpke-encrypt, section 5). The PSK is random, and `psk_id` is its RSA-OAEP-256
/// ciphertext.
pub(crate) async fn seal_for(
    engine: &impl Engine,
    key: &ConnectionPublicKey,
    place: &Place,
    plaintext: &[u8],
) -> Result<String> {
    let psk = make_random::<32>(engine)?;
    let psk_id = engine.rsa_encrypt(key.rsa().spki(), &psk[..]).await?;
    let [before, after] = place.hybrid_header(key.id());
    let header = to_base64url(format!("{before}{}{after}", to_base64url(&psk_id)).as_bytes());
    let xwing = key.xwing();
    let (enc, ciphertext) = xwing.seal(engine, &psk, &psk_id, header.as_bytes(), plaintext)?;
    Ok(format!(
        "{header}.{}..{}.",
        to_base64url(&enc),
        to_base64url(&ciphertext)
    ))
}

/// Opens what [`seal_for`] made for this key and place. `rsa` is the RSA half of the key, imported.
pub(crate) async fn open_with<E: Engine>(
    engine: &E,
    rsa: &E::PrivateKey,
    key: &ConnectionKey,
    place: &Place,
    jwe: &str,
) -> Result<Zeroizing<Vec<u8>>> {
    let expected = place.hybrid_header(key.public().id());
    let parts = parts_of(jwe).and_then(|parts| Ok((psk_id_of(parts[0], &expected)?, parts)));
    let (psk_id, [header, enc, iv, ciphertext, tag]) =
        parts.map_err(|_| place.kind.refusal(head_of(jwe)))?;
    let enc = from_base64url_exact::<ENC_BYTES>(enc)?;
    let ciphertext = from_base64url(ciphertext)?;
    if !iv.is_empty() || !tag.is_empty() {
        return Err(Error::RecordRejected);
    }
    let psk = engine
        .rsa_decrypt(rsa, &psk_id[..])
        .await
        .map_err(|_| Error::RecordRejected)?;
    let psk: Zeroizing<[u8; 32]> = Zeroizing::new(
        psk.as_slice()
            .try_into()
            .map_err(|_| Error::RecordRejected)?,
    );
    let aad = header.as_bytes();
    key.xwing()
        .open(&psk, &psk_id[..], &enc[..], aad, &ciphertext)
}

/// The `psk_id` of a header, if everything around it is as expected.
fn psk_id_of(
    header: &str,
    [before, after]: &[String; 2],
) -> Result<Zeroizing<[u8; MODULUS_BYTES]>> {
    let header = from_base64url(header)?;
    let psk_id = header
        .strip_prefix(before.as_bytes())
        .and_then(|rest| rest.strip_suffix(after.as_bytes()))
        .ok_or(Error::RecordRejected)?;
    let psk_id = std::str::from_utf8(psk_id).map_err(|_| Error::RecordRejected)?;
    from_base64url_exact(psk_id)
}

fn parts_of(jwe: &str) -> Result<[&str; 5]> {
    let mut parts = jwe.split('.');
    let five = [(); 5].map(|()| parts.next());
    match (five, parts.next()) {
        ([Some(a), Some(b), Some(c), Some(d), Some(e)], None) => Ok([a, b, c, d, e]),
        _ => Err(Error::RecordRejected),
    }
}

/// The first part, of whatever it is.
fn head_of(jwe: &str) -> &str {
    jwe.split_once('.').map_or(jwe, |(head, _)| head)
}

/// The last three parts of a JWE under a symmetric key, if it has the header of a form that is known; with both.
fn direct_parts_of<'a>(
    key: &SymmetricKey,
    place: &Place,
    jwe: &'a str,
) -> Result<(u32, String, [&'a str; 3])> {
    let head = head_of(jwe);
    let mut known = (1..=place.kind.newest).map(|form| (form, place.header(form, key.kid())));
    let (form, header) = known
        .find(|(_, header)| head == header)
        .ok_or_else(|| place.kind.refusal(head))?;
    match parts_of(jwe)? {
        [_, "", iv, ciphertext, tag] => Ok((form, header, [iv, ciphertext, tag])),
        _ => Err(Error::RecordRejected),
    }
}

type Iv = Zeroizing<[u8; IV_BYTES]>;

/// The last three parts of a JWE: IV, ciphertext and tag.
fn to_parts(iv: &[u8; IV_BYTES], sealed: &[u8]) -> String {
    let (ciphertext, tag) = sealed.split_at(sealed.len() - TAG_BYTES);
    format!(
        "{}.{}.{}",
        to_base64url(iv),
        to_base64url(ciphertext),
        to_base64url(tag)
    )
}

/// The inverse of [`to_parts`]: the IV, and the ciphertext with the tag.
fn from_parts(iv: &str, ciphertext: &str, tag: &str) -> Result<(Iv, Vec<u8>)> {
    let iv = from_base64url_exact::<IV_BYTES>(iv)?;
    let tag = from_base64url_exact::<TAG_BYTES>(tag)?;
    let mut sealed = from_base64url(ciphertext)?;
    sealed.extend_from_slice(&tag[..]);
    Ok((iv, sealed))
}

/// AES-256-GCM under a fresh IV: the last three parts of a JWE.
pub(super) fn encrypt(
    engine: &impl Engine,
    key: &[u8; 32],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<String> {
    let iv = make_random::<IV_BYTES>(engine)?;
    let sealed = job(Way::Encrypt, key, &iv, aad, plaintext).run()?;
    Ok(to_parts(&iv, &sealed))
}

/// The inverse of [`encrypt`], from its three parts.
pub(super) fn decrypt(
    key: &[u8; 32],
    aad: &[u8],
    iv: &str,
    ciphertext: &str,
    tag: &str,
) -> Result<Zeroizing<Vec<u8>>> {
    let (iv, sealed) = from_parts(iv, ciphertext, tag)?;
    let opened = job(Way::Decrypt, key, &iv, aad, &sealed).run();
    opened.map(Zeroizing::new)
}

fn job<'a>(way: Way, key: &'a [u8; 32], iv: &'a Iv, aad: &'a [u8], data: &'a [u8]) -> Gcm<'a> {
    Gcm {
        way,
        key,
        iv,
        aad,
        data,
    }
}
