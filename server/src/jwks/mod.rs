//! JSON Web Key Sets: the one that the Keystore publishes, and those of others by which the services check tokens.

mod key;
mod published;
mod source;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::base64url::base64url;
use crate::http::values::Bytes;

pub(crate) use key::{Algorithm, Key};
pub(crate) use published::{PublishedKeys, Unreachable};
pub(crate) use source::{Source, is_trustworthy};

/// The key set that the Keystore publishes.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Jwks {
    /// The keys.
    pub(crate) keys: Vec<Jwk>,
}

/// A public Ed25519 key, as the Keystore publishes it.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Jwk {
    pub(crate) kty: String,
    pub(crate) crv: String,
    /// The key's 32 bytes.
    pub(crate) x: Bytes<32>,
    pub(crate) kid: String,
    #[serde(rename = "use")]
    pub(crate) usage: String,
    pub(crate) alg: String,
}

/// The RFC 7638 thumbprint of an Ed25519 key.
pub(crate) fn thumbprint(x: &[u8; 32]) -> String {
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(x));
    base64url(&Sha256::digest(jwk))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.3.
    #[test]
    fn thumbprint_of_the_standard() {
        let x = crate::base64url::from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
            .unwrap();
        assert_eq!(
            thumbprint(&x.try_into().unwrap()),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }
}
