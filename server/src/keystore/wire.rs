//! The Keystore's examples.

use super::accounts::{SignUpFinish, SignUpStart, SignUpStarted, SignedUp};
use super::connections::{ConnectionKey, NewConnectionKey, NewNote, NoteVersion};
use super::credentials::{
    CredentialsChanged, CredentialsStart, CredentialsStarted, NewCredentials,
};
use super::recovery::{RecoveryStart, RecoveryStarted};
use super::sessions::{SignInFinish, SignInStart, SignInStarted, SignedIn};
use super::spaces::{NewClaim, NewSpaces, Space, SpaceResults};
use super::tokens::{Token, TokenRequest};
use crate::http::extract::{Empty, Ids, Items, PageOf};
use crate::jwks::Jwks;
use crate::wire::{Route, body, check, none};

const ROUTES: &[Route] = &[
    (
        "POST /v1/sign-up/start",
        body::<SignUpStart>,
        body::<SignUpStarted>,
    ),
    (
        "POST /v1/sign-up/finish",
        body::<SignUpFinish>,
        body::<SignedUp>,
    ),
    (
        "POST /v1/sign-in/start",
        body::<SignInStart>,
        body::<SignInStarted>,
    ),
    (
        "POST /v1/sign-in/finish",
        body::<SignInFinish>,
        body::<SignedIn>,
    ),
    ("POST /v1/sign-out", body::<Empty>, none),
    (
        "POST /v1/recovery/start",
        body::<RecoveryStart>,
        body::<RecoveryStarted>,
    ),
    (
        "POST /v1/credentials/start",
        body::<CredentialsStart>,
        body::<CredentialsStarted>,
    ),
    (
        "PUT /v1/credentials",
        body::<NewCredentials>,
        body::<CredentialsChanged>,
    ),
    ("DELETE /v1/account", none, none),
    ("POST /v1/tokens", body::<TokenRequest>, body::<Token>),
    ("GET /v1/jwks", none, body::<Jwks>),
    (
        "PUT /v1/connections/{id}",
        body::<NewConnectionKey>,
        body::<NoteVersion>,
    ),
    ("GET /v1/connections/{id}", none, body::<ConnectionKey>),
    (
        "POST /v1/connections/query",
        body::<Ids>,
        body::<Items<ConnectionKey>>,
    ),
    ("GET /v1/connections", none, body::<PageOf<ConnectionKey>>),
    (
        "PUT /v1/connections/{id}/note",
        body::<NewNote>,
        body::<NoteVersion>,
    ),
    ("POST /v1/spaces", body::<NewSpaces>, body::<SpaceResults>),
    ("POST /v1/spaces/query", body::<Ids>, body::<Items<Space>>),
    ("PUT /v1/spaces/{id}/claim", body::<NewClaim>, none),
    ("DELETE /v1/spaces/{id}", none, none),
];

#[test]
fn examples_hold() {
    check(
        "keystore.json",
        &super::routes::routes().into_openapi(),
        ROUTES,
    );
}
