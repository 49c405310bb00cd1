//! Short-lived tokens by which the Vault knows a caller, and the key that it checks them with.

use axum::Json;
use axum::extract::State;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callers::{KeystoreCaller, Leaver};
use super::state::{Keystore, KeystoreState};
use crate::base64url::base64url;
use crate::clock::SECOND;
use crate::http::error::{ApiError, ErrorBody, Result};
use crate::http::extract::Input;
use crate::http::limits::TOKENS;
use crate::http::values::Bytes;
use crate::jwks::{Jwk, Jwks, thumbprint};
use crate::token::{Claims, Header, PROOF_LIFETIME_MS};

/// A token ends this long after it was made, and one with a proof together with the proof.
const TOKEN_LIFETIME_MS: i64 = PROOF_LIFETIME_MS;

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

impl Token {
    /// The token itself.
    pub(super) fn as_str(&self) -> &str {
        &self.token
    }
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

impl Keystore {
    /// A token for a Vault, which ends five minutes from now, or from the proof. Times are in milliseconds.
    pub(super) fn sign_token(
        &self,
        audience: &str,
        caller: &KeystoreCaller,
        made_at: i64,
        proved_at: Option<i64>,
    ) -> Result<Token> {
        let since = proved_at.unwrap_or_else(|| self.clock.now());
        let exp = (since + TOKEN_LIFETIME_MS) / SECOND;
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: audience.to_owned(),
            sub: caller.account.clone(),
            email: caller.email.clone(),
            email_verified: caller.email_verified,
            iat: made_at / SECOND,
            exp,
            proof: proved_at.map(|proved_at| proved_at / SECOND),
        };
        Ok(Token {
            token: self.setup.token_key.sign(&claims)?,
            expires_at: exp * SECOND,
        })
    }

    /// Counts a request for a token, and refuses one for an unknown Vault.
    fn check_request(&self, account: &str, input: &TokenRequest) -> Result<()> {
        self.limits.count(&TOKENS, account)?;
        match self.audiences.contains(&input.audience) {
            true => Ok(()),
            false => Err(ApiError::bad_input(
                "Ask for the base URL of a Vault that this Keystore was told of.",
            )),
        }
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
    Input(input): Input<TokenRequest>,
) -> Result<Json<Token>> {
    keystore.check_request(&caller.account, &input)?;
    // A page that was open before asks by itself, and says nothing of the person.
    if let Some(left_at) = caller.returned_after {
        keystore.stay(&caller.account, left_at).await?;
    }
    let now = keystore.clock.now();
    let token = keystore.sign_token(&input.audience, &caller, now, None)?;
    Ok(Json(token))
}

/// Makes a token that deletes the account at a Vault on the list, and does nothing else.
#[utoipa::path(
    post, path = "/tokens/proof", request_body = TokenRequest,
    responses((status = 200, body = Token), (status = "default", body = ErrorBody)),
)]
pub(super) async fn make_proof(
    State(keystore): KeystoreState,
    Leaver(session): Leaver,
    Input(input): Input<TokenRequest>,
) -> Result<Json<Token>> {
    keystore.check_request(&session.account, &input)?;
    keystore.leave(&session.account).await?;
    let now = keystore.clock.now();
    // Whoever has deleted the account here has proven enough to erase what a cut left at the Vault.
    let proved_at = if session.is_deleted {
        now
    } else {
        session.proved_at
    };
    let token = keystore.sign_token(&input.audience, &session.into(), now, Some(proved_at))?;
    Ok(Json(token))
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
