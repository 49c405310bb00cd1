//! OPAQUE (RFC 9807), the server's half. The suites, the context and the identities are a contract with the client.

use hmac::{Hmac, Mac};
use opaque_ke::{
    CipherSuite, CredentialFinalization, CredentialRequest, Identifiers, RegistrationRequest,
    RegistrationUpload, Ristretto255, ServerLogin, ServerLoginParameters, ServerRegistration,
    ServerSetup, TripleDh, ksf,
};
use rand_core::OsRng;
use sha2::{Sha256, Sha512};

use super::setup::Setup;
use crate::http::error::{ApiError, Code, Result};
use crate::http::values::{Bytes, Message};

/// The suite of somebody without an account, which is that of new ones.
pub(super) const NEWEST_SUITE: u8 = 1;

/// The algorithms that suite 1 asks of a server.
pub(super) struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    /// Stretching happens in the client alone.
    type Ksf = ksf::Identity;
}

/// The server's long-term OPAQUE secrets.
pub(super) type OpaqueSetup = ServerSetup<Suite>;

/// The number of a suite that passphrases may be registered under.
pub(super) fn known_suite(number: i64) -> Result<u8> {
    match number {
        1 => Ok(1),
        _ => Err(ApiError::bad_input(
            "Register under a suite that this Keystore knows: there is suite 1.",
        )),
    }
}

fn parameters(context: &str) -> ServerLoginParameters<'_, 'static> {
    ServerLoginParameters {
        context: Some(context.as_bytes()),
        identifiers: Identifiers {
            client: None,
            server: Some(b"vouchsafe-keystore"),
        },
    }
}

/// A login request, and what is known of the one who sent it.
pub(super) struct Login<'a> {
    /// The stored record, if there is an account.
    pub(super) record: Option<&'a [u8]>,
    /// The credential identifier of that record, or what stands in for it.
    pub(super) credential_id: &'a [u8],
    /// The suite of that record.
    pub(super) suite: i64,
    /// The base URL by which the client knows the Keystore.
    pub(super) keystore: &'a str,
    pub(super) request: &'a Message,
}

fn bad(_: opaque_ke::errors::ProtocolError) -> ApiError {
    ApiError::bad_input("Send an OPAQUE message of the suite ristretto255-SHA512.")
}

impl Setup {
    /// The credential identifier that stands in where there is no account: always the same for a login, as that of an
    /// account is, so that strangers cannot tell.
    pub(super) fn nobody(&self, login: &str) -> Result<Bytes<32>> {
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes());
        let mac = mac.map_err(|error| ApiError::internal("no credential identifier", error))?;
        let mac = mac.chain_update("no account").chain_update(login);
        let id: [u8; 32] = mac.finalize().into_bytes().into();
        Ok(id.into())
    }

    /// Answers a registration request.
    pub(super) fn register(&self, credential_id: &[u8], request: &Message) -> Result<Message> {
        let request = RegistrationRequest::deserialize(&request.0).map_err(bad)?;
        let answer = ServerRegistration::<Suite>::start(&self.opaque, request, credential_id);
        Ok(Message(answer.map_err(bad)?.message.serialize().to_vec()))
    }

    /// Answers a login request, and gives what must be kept until the client's last message. Without a record the
    /// answer looks the same, and no last message will fit it.
    pub(super) fn log_in(&self, login: &Login<'_>) -> Result<(Vec<u8>, Message)> {
        let request = CredentialRequest::deserialize(&login.request.0).map_err(bad)?;
        let record = login
            .record
            .map(ServerRegistration::<Suite>::deserialize)
            .transpose();
        let record = record
            .map_err(|error| ApiError::internal("a stored OPAQUE record does not parse", error))?;
        let context = format!("vouchsafe/1 suite {} {}", login.suite, login.keystore);
        let begun = ServerLogin::start(
            &mut OsRng,
            &self.opaque,
            record,
            request,
            login.credential_id,
            parameters(&context),
        )
        .map_err(bad)?;
        Ok((
            begun.state.serialize().to_vec(),
            Message(begun.message.serialize().to_vec()),
        ))
    }
}

/// The record to store, from the client's last message of a registration.
pub(super) fn record(upload: &Message) -> Result<Message> {
    let upload = RegistrationUpload::<Suite>::deserialize(&upload.0).map_err(bad)?;
    Ok(Message(
        ServerRegistration::finish(upload).serialize().to_vec(),
    ))
}

/// Checks that the client's last message of a login proves the passphrase.
pub(super) fn proves(state: &[u8], finalization: &Message) -> Result<()> {
    let state = ServerLogin::<Suite>::deserialize(state);
    let state =
        state.map_err(|error| ApiError::internal("a stored OPAQUE login does not parse", error))?;
    let finalization = CredentialFinalization::deserialize(&finalization.0).map_err(bad)?;
    // The context is in the state, as part of the transcript.
    state
        .finish(finalization, parameters(""))
        .map(drop)
        .map_err(|_| Code::WrongCredentials.into())
}
