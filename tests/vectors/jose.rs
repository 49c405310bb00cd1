//! The examples of the JOSE standards that fit.

use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::crypto::base64url::{from_base64url_exact, to_base64url};
use crate::crypto::canonical_json::to_json;
use crate::crypto::forms::Kind;
use crate::crypto::keys::{OkpPublicJwk, SigningKey, VerifyingKey, thumbprint_of};
use crate::crypto::rsa_key::{RsaPublicJwk, RsaPublicKey};
use crate::crypto::signature;
use crate::error::Error;

/// RFC 8037, A.1.
pub(super) const PRIVATE: &str = r#"{"crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// RFC 7638, section 3.1. The key itself has 2048 bits and is refused.
#[wasm_bindgen_test(unsupported = test)]
fn the_thumbprint_of_rfc_7638() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let jwk: RsaPublicJwk =
        serde_json::from_value(json!({ "kty": "RSA", "n": n, "e": "AQAB" })).unwrap();
    assert_eq!(
        thumbprint_of(&to_json(&jwk).unwrap()),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    assert_eq!(RsaPublicKey::from_jwk(&jwk), Err(Error::RecordRejected));
}

/// RFC 8037, A.2 and A.3.
#[wasm_bindgen_test(unsupported = test)]
fn the_thumbprint_of_rfc_8037() {
    let key = SigningKey::from_jwk(PRIVATE.as_bytes()).unwrap();
    let public: OkpPublicJwk = serde_json::from_value(json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }))
    .unwrap();
    assert_eq!(key.public().to_jwk(), public);
    for public in [key.public(), &VerifyingKey::from_jwk(&public).unwrap()] {
        assert_eq!(public.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}

/// RFC 8037, A.4 and A.5. The signature is ours; the JWS as a whole names no `typ` and `kid` and is refused by its
/// header. The other examples of RFC 7515 are signed with HMAC, RSA and ECDSA.
#[wasm_bindgen_test(unsupported = test)]
fn the_jws_of_rfc_8037() {
    let key = SigningKey::from_jwk(PRIVATE.as_bytes()).unwrap();
    let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(to_base64url(&key.sign(input.as_bytes())), signature);
    let bytes = from_base64url_exact::<64>(signature).unwrap();
    key.public().verify(input.as_bytes(), &bytes).unwrap();
    let other = input.replace("RXhh", "RXhi");
    assert_eq!(
        key.public().verify(other.as_bytes(), &bytes),
        Err(Error::RecordRejected)
    );

    let jws = format!("{input}.{signature}");
    assert_eq!(
        signature::verify(key.public(), Kind::new("vs-keys"), 1, &jws),
        Err(Error::RecordRejected)
    );
    let ours = signature::sign(&key, Kind::new("vs-keys"), b"Example of Ed25519 signing").unwrap();
    assert_eq!(
        *signature::verify(key.public(), Kind::new("vs-keys"), 1, &ours).unwrap(),
        b"Example of Ed25519 signing"
    );
}
