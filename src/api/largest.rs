//! The largest answer of each route. What is longer is not read to its end, so that no service can fill a page's memory.

use super::{Access, Method};

/// Ciphertexts up to the bound that `docs/api.md` gives for every answer, and what stands around them.
const CIPHERTEXTS: usize = (8 << 20) + (1 << 18);
/// A page of records whose members have their own bounds.
const RECORDS: usize = 4 << 20;
/// What a link shows.
const LINK: usize = (4 << 20) + (1 << 12);
/// One card.
const CARD: usize = 2 << 20;
/// A list of ids with little beside each.
const LIST: usize = 1 << 18;
/// Everything else, errors too.
const REST: usize = 1 << 16;

/// The most bytes of an answer of this route.
pub(super) fn largest_answer(access: Access, method: Method, path: &str) -> usize {
    use Access::{Keystore, Vault, VaultOpen};
    use Method::{Get, Post, Put};
    let route = path.split('?').next().unwrap_or(path);
    match (access, method, route) {
        (Vault, Get, "/cards")
        | (Vault, Post, "/shares/query" | "/links/query")
        | (
            Keystore,
            Post,
            "/connections/query" | "/spaces/query" | "/spaces/of-cards" | "/spaces/of-shares",
        ) => CIPHERTEXTS,
        (Vault, Get, "/connections") | (Vault, Post, "/connections/query") => RECORDS,
        (Vault, Get, _) if route.starts_with("/cards/") => CARD,
        (VaultOpen, Post, _) if route.ends_with("/read") => LINK,
        (Vault, Get, "/invitations" | "/shares/incoming" | "/shares/outgoing" | "/links")
        | (Vault, Post | Put, "/shares")
        | (Vault, Put, "/shares/read" | "/links")
        | (Keystore, Post | Put, "/spaces")
        | (Keystore, Put, "/spaces/claims") => LIST,
        _ => REST,
    }
}
