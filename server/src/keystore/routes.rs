//! The Keystore's routes, each with the handler that answers it.

use std::sync::Arc;

use axum::{Extension, Router};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::Keystore;
use super::{
    accounts, connections, credentials, deletion, recovery, sessions, space_changes, space_reads,
    spaces, tokens,
};
use crate::http::room::BodyLimit;
use crate::http::sizes::{MAX_OPEN_BODY_BYTES, MAX_WRITES_BODY_BYTES};

/// The Keystore's routes and what they take and give.
pub(super) fn routes() -> OpenApiRouter<Arc<Keystore>> {
    let open = OpenApiRouter::new()
        .routes(routes!(accounts::sign_up_start))
        .routes(routes!(accounts::sign_up_finish))
        .routes(routes!(sessions::sign_in_start))
        .routes(routes!(sessions::sign_in_finish))
        .routes(routes!(recovery::start))
        .layer(Extension(BodyLimit(MAX_OPEN_BODY_BYTES)));
    let large = OpenApiRouter::new()
        .routes(routes!(spaces::create, space_changes::update))
        .layer(Extension(BodyLimit(MAX_WRITES_BODY_BYTES)));
    OpenApiRouter::new()
        .routes(routes!(sessions::sign_out))
        .routes(routes!(credentials::start))
        .routes(routes!(credentials::change))
        .routes(routes!(deletion::delete))
        .routes(routes!(tokens::make_token))
        .routes(routes!(tokens::make_proof))
        .routes(routes!(tokens::jwks))
        .routes(routes!(connections::create, connections::read))
        .routes(routes!(connections::query))
        .routes(routes!(connections::list))
        .routes(routes!(connections::write_note))
        .routes(routes!(space_reads::query))
        .routes(routes!(space_reads::of_shares))
        .routes(routes!(space_reads::of_cards))
        .routes(routes!(space_reads::counts))
        .routes(routes!(space_changes::claim))
        .routes(routes!(spaces::delete))
        .routes(routes!(spaces::delete_of_connection))
        .merge(large)
        .merge(open)
}

/// The Keystore's routes, to be mounted at its base path.
pub(crate) fn router(keystore: Arc<Keystore>, base: &str) -> Router {
    crate::http::layers::service("Vouchsafe Keystore", base, routes(), keystore)
}
