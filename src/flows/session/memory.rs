//! Things that a session learns and may forget.

use crate::api::vault::shares::ShareRecord;
use crate::crypto::keys::SymmetricKey;
use crate::crypto::records::ShareIds;
use crate::flows::by_id::ById;
use crate::ids::Id;

/// A share's connection and encryption space.
#[derive(Debug, Clone, Copy)]
pub(in crate::flows) struct ShareHome {
    pub(in crate::flows) connection: Id,
    pub(in crate::flows) space: Id,
}

impl From<&ShareIds> for ShareHome {
    fn from(ids: &ShareIds) -> Self {
        Self {
            connection: ids.connection,
            space: ids.space,
        }
    }
}

impl From<&ShareRecord> for ShareHome {
    fn from(record: &ShareRecord) -> Self {
        Self {
            connection: record.connection_id,
            space: record.space_id,
        }
    }
}

/// `P` is an engine's private key.
pub(in crate::flows) struct Memory<P> {
    /// The RSA halves of connection keys that were imported, by connection.
    pub(in crate::flows) private_keys: ById<P>,
    /// DEKs by encryption space.
    pub(in crate::flows) deks: ById<SymmetricKey>,
    /// The homes of shares, as the Vault tells.
    pub(in crate::flows) homes: ById<ShareHome>,
    /// The encryption spaces of one's own shares, as made or checked here.
    pub(in crate::flows) own_spaces: ById<Id>,
    /// Spaces whose peer copy did not open: tried once, never again.
    pub(in crate::flows) rejected_spaces: ById<()>,
    /// Cards whose shares may lag, as far as this session knows.
    pub(in crate::flows) unsettled: ById<()>,
    /// Cards that were deleted here, and whose shares were to stay.
    pub(in crate::flows) kept: ById<()>,
    /// Cards whose shares are brought up to date in the background.
    pub(in crate::flows) catching_up: ById<()>,
    /// Connections that the other person has ended, and that are left in the background.
    pub(in crate::flows) leaving: ById<()>,
    /// The newest editions that the Vault was told to be read.
    pub(in crate::flows) told_reads: ById<u64>,
}

impl<P> Default for Memory<P> {
    fn default() -> Self {
        Self {
            private_keys: ById::default(),
            deks: ById::default(),
            homes: ById::default(),
            own_spaces: ById::default(),
            rejected_spaces: ById::default(),
            unsettled: ById::default(),
            kept: ById::default(),
            catching_up: ById::default(),
            leaving: ById::default(),
            told_reads: ById::default(),
        }
    }
}
