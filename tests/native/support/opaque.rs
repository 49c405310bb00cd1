//! The client's half of OPAQUE without Argon2id, which no server notices: for tests that sign in thousands of times.

use opaque_ke::ksf::Identity;
use opaque_ke::rand::{CryptoRng, Error as RandError, RngCore};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, Identifiers, RegistrationResponse,
    Ristretto255, TripleDh,
};
use vouchsafe::crypto::engine::{Finished, Operation};
use vouchsafe::crypto::suite::Suite;
use vouchsafe::{Error, Result};
use zeroize::Zeroizing;

/// The product's suite without Argon2id.
pub struct Ciphers;

impl CipherSuite for Ciphers {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = Identity;
}

/// The operating system's generator, for `opaque-ke`.
pub struct System;

impl RngCore for System {
    fn next_u32(&mut self) -> u32 {
        getrandom::u32().unwrap()
    }

    fn next_u64(&mut self) -> u64 {
        getrandom::u64().unwrap()
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        getrandom::fill(buffer).unwrap();
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), RandError> {
        self.fill_bytes(buffer);
        Ok(())
    }
}

impl CryptoRng for System {}

/// What an engine's `finish_opaque` does, with [`Ciphers`].
pub fn finish(
    operation: Operation<'_>,
    state: &[u8],
    passphrase: &[u8],
    response: &[u8],
) -> Result<Finished> {
    let refused = |_| Error::WrongCredentials;
    let unusable = |_| Error::ServerError("The service gave an answer that cannot be used.".into());
    let identifiers = Identifiers {
        client: None,
        server: Some(b"vouchsafe-keystore"),
    };
    let (message, export_key) = match operation {
        Operation::Registration(Suite::One) => {
            let state = ClientRegistration::<Ciphers>::deserialize(state).map_err(refused)?;
            let response = RegistrationResponse::deserialize(response).map_err(unusable)?;
            let parameters = ClientRegistrationFinishParameters::new(identifiers, None);
            let result = state
                .finish(&mut System, passphrase, response, parameters)
                .map_err(unusable)?;
            (result.message.serialize().to_vec(), result.export_key)
        }
        Operation::SignIn(Suite::One, keystore) => {
            let state = ClientLogin::<Ciphers>::deserialize(state).map_err(refused)?;
            let response = CredentialResponse::deserialize(response).map_err(refused)?;
            let context = format!("vouchsafe/1 suite 1 {keystore}");
            let parameters =
                ClientLoginFinishParameters::new(Some(context.as_bytes()), identifiers, None);
            let result = state
                .finish(&mut System, passphrase, response, parameters)
                .map_err(refused)?;
            (result.message.serialize().to_vec(), result.export_key)
        }
    };
    Ok(Finished {
        message,
        export_key: Zeroizing::new(export_key.to_vec()),
    })
}
