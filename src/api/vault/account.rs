//! The end of an account.

use crate::api::{Access, Method, Services, Transport};
use crate::error::Result;

impl<T: Transport> Services<T> {
    /// The Vault's part of the account: cards, invitations, connections, shares.
    pub(crate) async fn delete_vault_account(&self) -> Result<()> {
        self.call_for_nothing(Access::Vault, Method::Delete, "/account", None::<&()>)
            .await
    }
}
