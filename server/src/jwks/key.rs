//! Public keys (RFC 7517, RFC 7518, RFC 8037) and the signatures that they verify.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

use crate::base64url::from_base64url;

/// The signature algorithms of tokens: of private keys, never of a secret that both sides would share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }
}

/// A JSON Web Key of any kind, as it is written.
#[derive(Deserialize)]
struct AnyJwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A public key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    kid: Option<String>,
    /// The one algorithm that it is for, if it says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

impl Key {
    /// An Ed25519 key, whose `kid` is its thumbprint.
    pub(crate) fn ed25519(x: &[u8; 32]) -> Self {
        Self {
            kid: Some(super::thumbprint(x)),
            algorithm: Some(Algorithm::EdDsa),
            material: Material::Ed25519(x.to_vec()),
        }
    }

    /// The key if it verifies signatures of a kind that is known here.
    pub(crate) fn from_json(jwk: &serde_json::Value) -> Option<Self> {
        let jwk = AnyJwk::deserialize(jwk).ok()?;
        if jwk.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| from_base64url(text.as_deref()?);
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", None) => Material::Rsa {
                n: bytes(&jwk.n)?,
                e: bytes(&jwk.e)?,
            },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
                Material::P256([&[4], &x[..], &y[..]].concat())
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(&jwk.x)?),
            _ => return None,
        };
        let algorithm = match &jwk.alg {
            Some(name) => Some(Algorithm::from_name(name)?),
            None => None,
        };
        Some(Self {
            kid: jwk.kid,
            algorithm,
            material,
        })
    }

    /// Whether a token with this header may be signed by it.
    pub(crate) fn fits(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        let of_this_kind = matches!(
            (&self.material, algorithm),
            (Material::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
                | (Material::P256(_), Algorithm::Es256)
                | (Material::Ed25519(_), Algorithm::EdDsa)
        );
        of_this_kind
            && self.algorithm.is_none_or(|only| only == algorithm)
            && kid.is_none_or(|kid| self.kid.as_deref() == Some(kid))
    }

    /// Whether the signature is this key's. The algorithm must fit.
    pub(crate) fn verifies(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        let verified =
            match (&self.material, algorithm) {
                (Material::Rsa { n, e }, Algorithm::Rs256) => RsaPublicKeyComponents { n, e }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature),
                (Material::Rsa { n, e }, Algorithm::Ps256) => RsaPublicKeyComponents { n, e }
                    .verify(&RSA_PSS_2048_8192_SHA256, signed, signature),
                (Material::P256(point), Algorithm::Es256) => {
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                        .verify(signed, signature)
                }
                (Material::Ed25519(x), Algorithm::EdDsa) => {
                    UnparsedPublicKey::new(&ED25519, x).verify(signed, signature)
                }
                _ => return false,
            };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// RFC 7515, appendices A.2 and A.3.
    #[test]
    fn verifies_the_examples_of_jws() {
        let claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        for (algorithm, header, jwk, signature) in [
            (
                Algorithm::Rs256,
                "eyJhbGciOiJSUzI1NiJ9",
                json!({
                    "kty": "RSA", "e": "AQAB",
                    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
                }),
                "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            ),
            (
                Algorithm::Es256,
                "eyJhbGciOiJFUzI1NiJ9",
                json!({
                    "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                }),
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            ),
        ] {
            let key = Key::from_json(&jwk).unwrap();
            let signed = format!("{header}.{claims}");
            let signature = from_base64url(signature).unwrap();
            assert!(key.fits(None, algorithm), "{algorithm:?}");
            assert!(
                key.verifies(algorithm, signed.as_bytes(), &signature),
                "{algorithm:?}"
            );
            assert!(!key.verifies(algorithm, &signed.as_bytes()[1..], &signature));
            assert!(!key.verifies(Algorithm::Ps256, signed.as_bytes(), &signature));
        }
    }

    /// RFC 8037, appendix A.4.
    #[test]
    fn verifies_the_example_of_ed25519() {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        let key = Key::from_json(&jwk).unwrap();
        let signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = from_base64url(
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        )
        .unwrap();
        assert!(key.fits(None, Algorithm::EdDsa));
        assert!(key.verifies(Algorithm::EdDsa, signed, &signature));
        assert!(!key.verifies(Algorithm::EdDsa, &signed[1..], &signature));
        assert!(!key.verifies(Algorithm::Es256, signed, &signature));
    }

    #[test]
    fn keys_are_for_what_they_say() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let rsa = json!({ "kty": "RSA", "kid": "a", "alg": "RS256", "n": x, "e": "AQAB" });
        let rsa = Key::from_json(&rsa).unwrap();
        assert!(rsa.fits(Some("a"), Algorithm::Rs256) && rsa.fits(None, Algorithm::Rs256));
        assert!(!rsa.fits(Some("b"), Algorithm::Rs256));
        assert!(!rsa.fits(Some("a"), Algorithm::Ps256));
        assert!(!rsa.fits(Some("a"), Algorithm::EdDsa));
        for other in [
            json!({ "kty": "oct", "k": x }),
            json!({ "kty": "RSA", "use": "enc", "n": x, "e": "AQAB" }),
            json!({ "kty": "RSA", "alg": "RSA-OAEP", "n": x, "e": "AQAB" }),
            json!({ "kty": "RSA", "alg": "HS256", "n": x, "e": "AQAB" }),
            json!({ "kty": "RSA", "n": x }),
            json!({ "kty": "EC", "crv": "P-384", "x": x, "y": x }),
            json!({ "kty": "OKP", "crv": "X25519", "x": x }),
            json!(7),
        ] {
            assert_eq!(Key::from_json(&other), None, "{other}");
        }
    }
}
