//! The client, from which every session comes.

use std::fmt;
use std::rc::Rc;

use zeroize::Zeroizing;

use super::stock::Stock;
use super::{Keys, Login, Session, Steps};
use crate::api::{Services, Transport};
use crate::crypto::base64url::to_base64url;
use crate::crypto::engine::{Engine, Watched};
use crate::crypto::keys::derive;
use crate::error::Result;
use crate::ids::Id;

/// Knows the services; signs people up and in.
pub struct Client<T, E> {
    pub(in crate::flows) services: Services<T>,
    pub(in crate::flows) engine: Watched<E>,
    pub(super) invitation_url: Option<String>,
    pub(super) steps: Steps,
    device: Option<Zeroizing<[u8; 32]>>,
    pub(super) receipts: bool,
    pub(super) stock: Rc<Stock>,
}

impl<T: Transport, E: Engine> Client<T, E> {
    /// A client of the services at these base URLs, as the URL Standard writes them. `invitation_url` is the page that invitation links lead to.
    pub fn new(
        transport: T,
        engine: E,
        vault: &str,
        keystore: &str,
        invitation_url: Option<String>,
        steps: Steps,
    ) -> Result<Self> {
        let services = Services::new(transport, vault, keystore)?;
        Ok(Self {
            services,
            engine: Watched::new(engine),
            invitation_url,
            steps,
            device: None,
            receipts: false,
            stock: Rc::default(),
        })
    }

    /// The same client on a device that keeps this secret: the accounts that sign in here know it again.
    #[must_use]
    pub fn with_device(self, secret: Zeroizing<[u8; 32]>) -> Self {
        Self {
            device: Some(secret),
            ..self
        }
    }

    /// The same client, which tells the Vault, and by it the senders, what was read; it does not else.
    #[must_use]
    pub fn with_receipts(self) -> Self {
        Self {
            receipts: true,
            ..self
        }
    }

    /// The same client, with another time for each call to a service: in milliseconds, 1000 to 600,000; 20,000 else.
    pub fn with_timeout(self, timeout_ms: u32) -> Result<Self> {
        Ok(Self {
            services: self.services.with_timeout(timeout_ms)?,
            ..self
        })
    }

    /// Whether both services answer at their addresses, and a browser gives the answers to this page. The error names the address
    /// that is wrong.
    pub async fn check(&self) -> Result<()> {
        self.services.check().await
    }

    /// The services for this person. Each account knows the device by another value, so that the Keystore does not learn which
    /// accounts are used on the same one; for an identity none is needed, since nobody else tries to sign in with it.
    pub(in crate::flows) fn services_for(&self, login: &Login) -> Result<Services<T>> {
        let services = self.services.fresh();
        let email = login.clone().normalise(&self.engine).email();
        if let (Some(secret), Some(email)) = (&self.device, email) {
            let shown = derive::<32>(&secret[..], &format!("vouchsafe/1 device {email}"))?;
            services.set_device(Zeroizing::new(to_base64url(&shown[..])));
        }
        Ok(services)
    }

    /// A session of this account; without keys it is locked.
    pub(in crate::flows) fn session(
        &self,
        services: Services<T>,
        account: Id,
        login: Login,
        keys: Option<Keys>,
    ) -> Session<T, E> {
        Session::new(self, services, account, login, keys)
    }
}

impl<T, E> fmt::Debug for Client<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
