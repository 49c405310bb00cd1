//! A second server with the same databases, for every test: `VOUCHSAFE_TEST_PROCESSES=2`, with `VOUCHSAFE_TEST_POSTGRES`. It
//! answers every second request, and knows nothing of what the first one has in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use tower_service::Service;
use vouchsafe_server::{Config, Server, Services};

use crate::port::Port;

/// Tests of what a server counts, fetches or ends in its own memory, to the last one. `several` has what two count together.
const ALONE: [&str; 13] = [
    "events::an_account_has_so_many_streams_and_no_more",
    "events::streams_end_when_the_server_stops",
    "identities::each_identity_is_tried_thirty_times",
    "invitations::guessing_tokens_is_limited",
    "keystore::tokens_are_for_known_audiences",
    "limits::",
    "links::a_network_asks_so_often_for_a_link",
    "kills::",
    "previews::tokens_are_not_guessed",
    "published_keys::",
    "quotas::",
    "refusals::refusals_are_counted_and_take_their_turns",
    "undeliverable::recipients_whose_server_hangs_hold_up_nobody",
];

/// Whether the tests are run against two servers, and this one's are ordinary ones.
pub(crate) fn is_wanted(config: &Config) -> bool {
    let on_postgres = [&config.vault_db, &config.keystore_db]
        .into_iter()
        .all(|url| url.as_ref().is_some_and(|url| url.starts_with("postgres:")));
    // A test's thread has its name.
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    let is_alone = ALONE.iter().any(|name| test.starts_with(name));
    std::env::var("VOUCHSAFE_TEST_PROCESSES").is_ok_and(|count| count == "2")
        && !is_alone
        && on_postgres
        && config.services == Services::All
        && config.vault_urls.is_empty()
        && config.keystore_urls.is_empty()
        && config.page.is_none()
}

/// Starts both. The first one has the address that both know.
pub(crate) async fn start(
    mut config: Config,
    wrap: impl FnOnce(Router) -> Router,
) -> (Server, Option<Server>) {
    let port = Port::hold();
    let base = format!("http://{}", port.address());
    config.vault_urls = vec![format!("{base}/vault")];
    config.keystore_urls = vec![format!("{base}/keystore")];
    let mut routes = None;
    let second = Server::start_wrapped(config.clone(), |own| {
        routes = Some(own.clone());
        own
    });
    let second = second.await.unwrap();
    config.listen = port.address().to_string();
    let of_second = routes.unwrap();
    let first = Server::start_wrapped(config, |own| wrap(in_turn([own, of_second])));
    (first.await.unwrap(), Some(second))
}

/// Every second request goes to the second one.
fn in_turn(servers: [Router; 2]) -> Router {
    let turn = Arc::new(AtomicUsize::new(0));
    Router::new().fallback(move |request: Request| {
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        let mut server = servers[turn % servers.len()].clone();
        async move { Service::call(&mut server, request).await }
    })
}
