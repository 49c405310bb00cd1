//! The token's form, which both services know.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::http::values::base64url;

/// The header, with exactly these members.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) typ: String,
    pub(crate) kid: String,
}

/// The claims, exactly these. Times are in seconds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: String,
    /// The address that mails name the account by.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) email: Option<String>,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
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
        let x = crate::http::values::from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
            .unwrap();
        assert_eq!(
            thumbprint(&x.try_into().unwrap()),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }
}
