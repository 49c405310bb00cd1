//! The Vault's routes, each with the handler that answers it.

use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::Vault;
use super::{
    account, cards, connections, editions, email, events, file_parts, file_reads, files,
    invitations, invitee, link_reads, links, preview, public_keys, receipts, refusals, share_reads,
    shares,
};
use crate::http::room::BodyLimit;
use crate::http::sizes::{MAX_OPEN_BODY_BYTES, MAX_PART_BODY_BYTES, MAX_WRITES_BODY_BYTES};

/// The Vault's routes and what they take and give.
pub(super) fn routes() -> OpenApiRouter<Arc<Vault>> {
    let large = OpenApiRouter::new()
        .routes(routes!(shares::create, editions::update))
        .routes(routes!(links::create, links::delete))
        .routes(routes!(links::list, links::update))
        .layer(Extension(BodyLimit(MAX_WRITES_BODY_BYTES)));
    let parts = OpenApiRouter::new()
        .routes(routes!(file_parts::write, file_reads::read, files::delete))
        .layer(Extension(BodyLimit(MAX_PART_BODY_BYTES)));
    let open = OpenApiRouter::new()
        .routes(routes!(refusals::write))
        .routes(routes!(preview::preview))
        .routes(routes!(link_reads::open))
        .routes(routes!(link_reads::read))
        .routes(routes!(file_reads::read_of_link))
        .routes(routes!(file_reads::digests_of_link))
        .layer(Extension(BodyLimit(MAX_OPEN_BODY_BYTES)));
    OpenApiRouter::new()
        .routes(routes!(cards::write, cards::read, cards::delete))
        .routes(routes!(cards::list))
        .routes(routes!(cards::unsettled))
        .routes(routes!(cards::settle))
        .routes(routes!(public_keys::publish))
        .routes(routes!(invitations::create, invitations::read))
        .routes(routes!(invitations::list))
        .routes(routes!(invitations::cancel))
        .routes(routes!(invitee::open))
        .routes(routes!(invitee::decline))
        .routes(routes!(connections::read, connections::end))
        .routes(routes!(connections::query))
        .routes(routes!(connections::list, invitee::accept))
        .routes(routes!(share_reads::incoming))
        .routes(routes!(share_reads::outgoing))
        .routes(routes!(share_reads::query))
        .routes(routes!(receipts::write))
        .routes(routes!(shares::delete))
        .routes(routes!(link_reads::query))
        .routes(routes!(files::create, files::list))
        .routes(routes!(files::stored))
        .routes(routes!(files::finish))
        .routes(routes!(file_reads::digests))
        .routes(routes!(events::stream))
        .routes(routes!(account::delete))
        .routes(routes!(email::status))
        .routes(routes!(email::send_code))
        .routes(routes!(email::confirm))
        // For people, and so not described.
        .route(refusals::PAGE_PATH, get(refusals::page))
        .merge(large)
        .merge(parts)
        .merge(open)
}

/// The Vault's routes, to be mounted at its base path.
pub(crate) fn router(vault: Arc<Vault>, base: &str) -> Router {
    crate::http::layers::service("Vouchsafe Vault", base, routes(), vault)
}
