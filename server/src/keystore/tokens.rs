//! Short-lived tokens by which the Vault knows a caller, and the key that it checks them with.

use axum::Json;
use axum::extract::State;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callers::KeystoreCaller;
use super::state::KeystoreState;
use crate::base64url::base64url;
use crate::clock::{MINUTE, SECOND};
use crate::http::error::{ApiError, ErrorBody, Result};
use crate::http::extract::Input;
use crate::http::limits::{CallerAddress, TOKENS};
use crate::http::values::Bytes;
use crate::jwks::{Jwk, Jwks, thumbprint};
use crate::token::{Claims, Header};

/// A token ends this long after it was made.
const TOKEN_LIFETIME_MS: i64 = 5 * MINUTE;

/// Asks for a token.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    audience: String,
}

/// A token.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Token {
    token: String,
    expires_at: i64,
}

/// The key that signs tokens.
pub(crate) struct TokenKey {
    key: SigningKey,
    kid: String,
}

impl TokenKey {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let kid = thumbprint(key.verifying_key().as_bytes());
        Self { key, kid }
    }

    /// The key's RFC 7638 thumbprint.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The half that anybody may know.
    pub(crate) fn public(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    fn sign(&self, claims: &Claims) -> Result<String> {
        let json = |error| ApiError::internal("no token", error);
        let header = Header {
            alg: "EdDSA".into(),
            typ: "JWT".into(),
            kid: self.kid.clone(),
        };
        let header = base64url(&serde_json::to_vec(&header).map_err(json)?);
        let claims = base64url(&serde_json::to_vec(claims).map_err(json)?);
        let signed = format!("{header}.{claims}");
        let signature = base64url(&self.key.sign(signed.as_bytes()).to_bytes());
        Ok(format!("{signed}.{signature}"))
    }
}

/// Makes a token for a Vault on the list.
#[utoipa::path(
    post, path = "/tokens", request_body = TokenRequest,
    responses((status = 200, body = Token), (status = "default", body = ErrorBody)),
)]
pub(super) async fn make_token(
    State(keystore): KeystoreState,
    caller: KeystoreCaller,
    address: CallerAddress,
    Input(input): Input<TokenRequest>,
) -> Result<Json<Token>> {
    keystore
        .limits
        .attempt(&TOKENS, &caller.account, &address)?;
    if !keystore.audiences.contains(&input.audience) {
        return Err(ApiError::bad_input(
            "Ask for the base URL of a Vault that this Keystore was told of.",
        ));
    }
    let iat = keystore.clock.now() / SECOND;
    let exp = iat + TOKEN_LIFETIME_MS / SECOND;
    let claims = Claims {
        iss: keystore.issuer.clone(),
        aud: input.audience,
        sub: caller.account,
        email: caller.email,
        email_verified: caller.email_verified,
        iat,
        exp,
    };
    Ok(Json(Token {
        token: keystore.setup.token_key.sign(&claims)?,
        expires_at: exp * SECOND,
    }))
}

/// The public keys of tokens.
#[utoipa::path(
    get, path = "/jwks", security(()),
    responses((status = 200, body = Jwks), (status = "default", body = ErrorBody)),
)]
pub(super) async fn jwks(State(keystore): KeystoreState) -> Json<Jwks> {
    let key = &keystore.setup.token_key;
    let x = Bytes::from(key.public().to_bytes());
    let [kty, crv, usage, alg] = ["OKP", "Ed25519", "sig", "EdDSA"].map(str::to_owned);
    Json(Jwks {
        keys: vec![Jwk {
            kty,
            crv,
            x,
            kid: key.kid().to_owned(),
            usage,
            alg,
        }],
    })
}
