//! The client's half of OPAQUE (RFC 9807), with costs and algorithms fixed here: no message of a server changes them.

use std::marker::PhantomData;

use opaque_ke::generic_array::{ArrayLength, GenericArray};
use opaque_ke::rand::{CryptoRng, Error as RandError, RngCore};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, Identifiers, RegistrationResponse,
    Ristretto255, TripleDh, errors::InternalError, ksf::Ksf,
};
use zeroize::Zeroizing;

use super::engine::{Engine, Finished, Operation, Watch};
use super::stretching::stretch_into;
use super::suite::Suite;
use crate::error::{Error, Result};

const SERVER: &[u8] = b"vouchsafe-keystore";

/// `K` is [`Stretching`]; the test vectors of the RFC, which do not stretch, put their own in its place.
struct Ciphers<K>(PhantomData<K>);

impl<K: Ksf> CipherSuite for Ciphers<K> {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = K;
}

/// The stretching of suite 1: Argon2id, 64 MiB, 3 passes, one lane, a salt of 16 zero bytes (the OPRF is the salt), 64 bytes out.
#[derive(Default)]
struct Stretching;

impl Ksf for Stretching {
    fn hash<L: ArrayLength<u8>>(
        &self,
        input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let mut output = GenericArray::default();
        stretch_into(&input, &[0; 16], &mut output).map_err(|_| InternalError::KsfError)?;
        Ok(output)
    }
}

/// Randomness for `opaque-ke`, which cannot be told of a failure: the first is remembered, and the result thrown away.
pub(super) struct Random<F> {
    fill: F,
    failed: bool,
}

impl<F: Fn(&mut [u8]) -> Result<()>> Random<F> {
    pub(super) fn new(fill: F) -> Self {
        Self {
            fill,
            failed: false,
        }
    }

    fn check(&self) -> Result<()> {
        if self.failed {
            return Err(Error::NoRandomness);
        }
        Ok(())
    }
}

/// The platform's generator, for the worker, which has no engine.
fn system_random(buffer: &mut [u8]) -> Result<()> {
    getrandom::fill(buffer).map_err(|_| Error::NoRandomness)
}

impl<F: Fn(&mut [u8]) -> Result<()>> RngCore for Random<F> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        if (self.fill)(buffer).is_err() {
            self.failed = true;
            // Anything but zeros, which would make `opaque-ke` draw again for ever.
            buffer.fill(1);
        }
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), RandError> {
        self.fill_bytes(buffer);
        Ok(())
    }
}

impl<F: Fn(&mut [u8]) -> Result<()>> CryptoRng for Random<F> {}

/// The result of [`start`]: the message for the Keystore and the state for [`finish`].
pub struct Started {
    /// The registration or credential request.
    pub message: Vec<u8>,
    /// Secret; [`finish`] takes it.
    pub state: Zeroizing<Vec<u8>>,
}

/// The bytes of a passphrase: UTF-8 of its NFC form.
#[must_use]
pub fn passphrase_bytes(engine: &impl Engine, passphrase: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(engine.to_nfc(passphrase).as_bytes().to_vec())
}

/// The first message of a registration. `passphrase` are the bytes of [`passphrase_bytes`].
pub fn start_registration(engine: &impl Engine, passphrase: &[u8]) -> Result<Started> {
    let mut random = Random::new(|buffer: &mut [u8]| engine.fill_random(buffer));
    let result = ClientRegistration::<Ciphers<Stretching>>::start(&mut random, passphrase)
        .map_err(|_| Error::WrongCredentials)?;
    random.check()?;
    Ok(Started {
        message: result.message.serialize().to_vec(),
        state: Zeroizing::new(result.state.serialize().to_vec()),
    })
}

/// The first message of a sign-in, which is the same for every suite. `passphrase` are the bytes of
/// [`passphrase_bytes`].
pub fn start_sign_in(engine: &impl Engine, passphrase: &[u8]) -> Result<Started> {
    let mut random = Random::new(|buffer: &mut [u8]| engine.fill_random(buffer));
    let result = ClientLogin::<Ciphers<Stretching>>::start(&mut random, passphrase)
        .map_err(|_| Error::WrongCredentials)?;
    random.check()?;
    Ok(Started {
        message: result.message.serialize().to_vec(),
        state: Zeroizing::new(result.state.serialize().to_vec()),
    })
}

/// The context of a sign-in: a Keystore of another address, or one that speaks of another suite, proves nothing.
fn context(suite: Suite, keystore: &str) -> String {
    format!("vouchsafe/1 suite {suite} {keystore}")
}

/// The last message and the export key. Argon2id runs in here, for about a quarter of a second and in 64 MiB: in a
/// browser this belongs in a worker. A wrong passphrase, an unknown address and a lying server all are
/// `wrong_credentials`.
pub fn finish(
    operation: Operation<'_>,
    state: &[u8],
    passphrase: &[u8],
    response: &[u8],
) -> Result<Finished> {
    let identifiers = Identifiers {
        client: None,
        server: Some(SERVER),
    };
    let watch = Watch::default();
    let mut random = Random::new(|buffer: &mut [u8]| watch.fill(buffer, system_random));
    let finished = match operation {
        Operation::Registration(Suite::One) => {
            finish_registration::<Stretching>(&mut random, state, passphrase, response, identifiers)
        }
        Operation::SignIn(suite @ Suite::One, keystore) => finish_sign_in::<Stretching>(
            &mut random,
            state,
            passphrase,
            response,
            context(suite, keystore).as_bytes(),
            identifiers,
        ),
    }?;
    random.check()?;
    Ok(finished)
}

pub(super) fn finish_registration<K: Ksf>(
    random: &mut (impl RngCore + CryptoRng),
    state: &[u8],
    passphrase: &[u8],
    response: &[u8],
    identifiers: Identifiers<'_>,
) -> Result<Finished> {
    let state = ClientRegistration::<Ciphers<K>>::deserialize(state)
        .map_err(|_| Error::WrongCredentials)?;
    let response = RegistrationResponse::deserialize(response).map_err(|_| unusable_answer())?;
    let stretching = K::default();
    let parameters = ClientRegistrationFinishParameters::new(identifiers, Some(&stretching));
    let result = state
        .finish(random, passphrase, response, parameters)
        .map_err(|_| unusable_answer())?;
    Ok(Finished {
        message: result.message.serialize().to_vec(),
        export_key: Zeroizing::new(result.export_key.to_vec()),
    })
}

pub(super) fn finish_sign_in<K: Ksf>(
    random: &mut (impl RngCore + CryptoRng),
    state: &[u8],
    passphrase: &[u8],
    response: &[u8],
    context: &[u8],
    identifiers: Identifiers<'_>,
) -> Result<Finished> {
    let state =
        ClientLogin::<Ciphers<K>>::deserialize(state).map_err(|_| Error::WrongCredentials)?;
    let response =
        CredentialResponse::deserialize(response).map_err(|_| Error::WrongCredentials)?;
    let stretching = K::default();
    let parameters =
        ClientLoginFinishParameters::new(Some(context), identifiers, Some(&stretching));
    let result = state
        .finish(random, passphrase, response, parameters)
        .map_err(|_| Error::WrongCredentials)?;
    Ok(Finished {
        message: result.message.serialize().to_vec(),
        export_key: Zeroizing::new(result.export_key.to_vec()),
    })
}

fn unusable_answer() -> Error {
    Error::ServerError("The Keystore's answer is not usable: check its address and version.".into())
}
