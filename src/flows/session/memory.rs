//! Things that a session learns and may forget.

use crate::crypto::keys::SymmetricKey;
use crate::flows::by_id::ById;
use crate::ids::Id;

/// `P` is an engine's private key.
pub(in crate::flows) struct Memory<P> {
    /// Connection private keys that were imported.
    pub(in crate::flows) private_keys: ById<P>,
    /// DEKs by encryption space.
    pub(in crate::flows) deks: ById<SymmetricKey>,
    /// Where a share belongs, as the Vault tells: its connection and encryption space.
    pub(in crate::flows) places: ById<(Id, Id)>,
    /// The encryption spaces of one's own shares, as made or checked here.
    pub(in crate::flows) own_spaces: ById<Id>,
    /// Spaces whose peer copy did not open: tried once, never again.
    pub(in crate::flows) rejected_spaces: ById<()>,
    /// The newest version of each note and card; an older one is refused.
    pub(in crate::flows) versions: ById<u64>,
}

impl<P> Default for Memory<P> {
    fn default() -> Self {
        Self {
            private_keys: ById::default(),
            deks: ById::default(),
            places: ById::default(),
            own_spaces: ById::default(),
            rejected_spaces: ById::default(),
            versions: ById::default(),
        }
    }
}
