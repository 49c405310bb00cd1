//! The Vault's examples.

use super::cards::{Card, CardVersion, NewCard};
use super::connections::Connection;
use super::invitations::{Invitation, NewInvitation};
use super::invitee::{InvitationToken, NewConnection, OpenedInvitation};
use super::public_keys::{NewPublicKey, PublicKeyId};
use super::share_reads::{ListedShare, SharesFound};
use super::shares::{NewShares, ShareResults};
use crate::http::extract::{Empty, Ids, Items, PageOf};
use crate::wire::{Route, body, check, none};

const ROUTES: &[Route] = &[
    ("PUT /v1/cards/{id}", body::<NewCard>, body::<CardVersion>),
    ("GET /v1/cards/{id}", none, body::<Card>),
    ("GET /v1/cards", none, body::<PageOf<Card>>),
    ("DELETE /v1/cards/{id}", none, none),
    (
        "PUT /v1/public-keys/{thumbprint}",
        body::<NewPublicKey>,
        body::<PublicKeyId>,
    ),
    (
        "PUT /v1/invitations/{id}",
        body::<NewInvitation>,
        body::<Invitation>,
    ),
    ("GET /v1/invitations/{id}", none, body::<Invitation>),
    ("GET /v1/invitations", none, body::<PageOf<Invitation>>),
    (
        "POST /v1/invitations/{id}/cancel",
        body::<Empty>,
        body::<Invitation>,
    ),
    (
        "POST /v1/invitations/{id}/open",
        body::<InvitationToken>,
        body::<OpenedInvitation>,
    ),
    (
        "POST /v1/invitations/{id}/decline",
        body::<InvitationToken>,
        none,
    ),
    (
        "POST /v1/connections",
        body::<NewConnection>,
        body::<Connection>,
    ),
    ("GET /v1/connections/{id}", none, body::<Connection>),
    (
        "POST /v1/connections/query",
        body::<Ids>,
        body::<Items<Connection>>,
    ),
    ("GET /v1/connections", none, body::<PageOf<Connection>>),
    ("DELETE /v1/connections/{id}", none, none),
    ("POST /v1/shares", body::<NewShares>, body::<ShareResults>),
    ("GET /v1/shares/incoming", none, body::<PageOf<ListedShare>>),
    ("GET /v1/shares/outgoing", none, body::<PageOf<ListedShare>>),
    ("POST /v1/shares/query", body::<Ids>, body::<SharesFound>),
    ("DELETE /v1/shares/{id}", none, none),
    ("DELETE /v1/account", none, none),
];

#[test]
fn examples_hold() {
    check(
        "vault.json",
        &super::routes::routes().into_openapi(),
        ROUTES,
    );
}
