//! The end of an account.

use crate::api::services::Answer;
use crate::api::{Access, Method, Services, Transport};

impl<T: Transport> Services<T> {
    /// The Vault's part of the account: cards, invitations, connections, shares.
    pub(crate) fn delete_vault_account(&self) -> Answer<'_, ()> {
        self.call_for_nothing(Access::Deletion, Method::Delete, "/account", None::<&()>)
    }
}
