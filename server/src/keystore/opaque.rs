//! OPAQUE (RFC 9807), the server's half. The suite, the context and the identities are a contract with the client.

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
use crate::http::values::Message;

pub(super) struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    /// Stretching happens in the client alone.
    type Ksf = ksf::Identity;
}

/// The server's long-term OPAQUE secrets.
pub(super) type OpaqueSetup = ServerSetup<Suite>;

fn parameters() -> ServerLoginParameters<'static, 'static> {
    ServerLoginParameters {
        context: Some(b"vouchsafe/1"),
        identifiers: Identifiers {
            client: None,
            server: Some(b"vouchsafe-keystore"),
        },
    }
}

fn bad(_: opaque_ke::errors::ProtocolError) -> ApiError {
    ApiError::bad_input("Send an OPAQUE message of the suite ristretto255-SHA512.")
}

impl Setup {
    fn credential_id(&self, login: &str) -> Result<Vec<u8>> {
        let mac = Hmac::<Sha256>::new_from_slice(self.email_secret.as_bytes());
        let mac = mac.map_err(|error| ApiError::internal("no credential id", error))?;
        Ok(mac.chain_update(login).finalize().into_bytes().to_vec())
    }

    /// Answers a registration request.
    pub(super) fn register(&self, login: &str, request: &Message) -> Result<Message> {
        let request = RegistrationRequest::deserialize(&request.0).map_err(bad)?;
        let answer =
            ServerRegistration::<Suite>::start(&self.opaque, request, &self.credential_id(login)?);
        Ok(Message(answer.map_err(bad)?.message.serialize().to_vec()))
    }

    /// Answers a login request, and gives what must be kept until the client's last message. Without a record the
    /// answer looks the same, and no last message will fit it.
    pub(super) fn log_in(
        &self,
        login: &str,
        record: Option<&[u8]>,
        request: &Message,
    ) -> Result<(Message, Message)> {
        let request = CredentialRequest::deserialize(&request.0).map_err(bad)?;
        let record = record
            .map(ServerRegistration::<Suite>::deserialize)
            .transpose();
        let record = record
            .map_err(|error| ApiError::internal("a stored OPAQUE record does not parse", error))?;
        let id = self.credential_id(login)?;
        let begun =
            ServerLogin::start(&mut OsRng, &self.opaque, record, request, &id, parameters())
                .map_err(bad)?;
        Ok((
            Message(begun.state.serialize().to_vec()),
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
pub(super) fn proves(state: &Message, finalization: &Message) -> Result<()> {
    let state = ServerLogin::<Suite>::deserialize(&state.0);
    let state =
        state.map_err(|error| ApiError::internal("a stored OPAQUE login does not parse", error))?;
    let finalization = CredentialFinalization::deserialize(&finalization.0).map_err(bad)?;
    state
        .finish(finalization, parameters())
        .map(drop)
        .map_err(|_| Code::WrongCredentials.into())
}
