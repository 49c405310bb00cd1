//! The client's wire structs against the exchanges that the server's tests hold it to: `tests/wire/*.json`.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vouchsafe::Error;
use vouchsafe::api::keystore::{accounts, connections, credentials, spaces};
use vouchsafe::api::vault::{
    cards, connections as links, email, invitations, links as card_links, public_keys, shares,
};
use vouchsafe::api::{Found, Ids, Outcome, Outcomes, Page, WireError};
use vouchsafe::ids::Id;
use vouchsafe::json;

type Check = fn(&Value);

/// A body that the client writes or reads in other ways than through a struct of its own, and why.
struct Apart(&'static str);

enum Body {
    /// Parses, and comes out as it went in.
    Is(Check),
    /// No body.
    None,
    /// `{}`.
    Empty,
    Apart(Apart),
}

use Body::{Empty, Is};

const fn apart(reason: &'static str) -> Body {
    Body::Apart(Apart(reason))
}

fn round_trips<T: Serialize + DeserializeOwned>(value: &Value) {
    let json = serde_json::to_vec(value).unwrap();
    let parsed: T = json::read(&json)
        .unwrap_or_else(|error| panic!("{}: {error}: {value}", std::any::type_name::<T>()));
    // What the client writes is also what serde's own writer would.
    let written = json::write(&parsed).unwrap();
    assert_eq!(*written, serde_json::to_vec(&parsed).unwrap());
    assert_eq!(
        &serde_json::from_slice::<Value>(&written).unwrap(),
        value,
        "{}",
        std::any::type_name::<T>()
    );
}

const TOKENS: &str = "written and read inside `api/token.rs`, which every flow test runs";

const FILES: &str =
    "files are sent and read by the package's scripts, which their own tests hold to the wire";

/// Every route: request and successful answer.
fn routes(service: &str) -> Vec<(&'static str, Body, Body)> {
    match service {
        "keystore" => vec![
            (
                "POST /v1/sign-up/start",
                Is(round_trips::<accounts::SignUpStart>),
                Is(round_trips::<credentials::RegistrationStarted>),
            ),
            (
                "POST /v1/sign-up/finish",
                Is(round_trips::<accounts::SignUpFinish>),
                Is(round_trips::<accounts::SignedUp>),
            ),
            (
                "POST /v1/sign-in/start",
                Is(round_trips::<accounts::SignInStart>),
                Is(round_trips::<accounts::SignInStarted>),
            ),
            (
                "POST /v1/sign-in/finish",
                Is(round_trips::<accounts::SignInFinish>),
                Is(round_trips::<accounts::SignedIn>),
            ),
            ("POST /v1/sign-out", Empty, Body::None),
            (
                "POST /v1/recovery/start",
                Is(round_trips::<credentials::RecoveryStart>),
                Is(round_trips::<credentials::RecoveryStarted>),
            ),
            (
                "POST /v1/credentials/start",
                Is(round_trips::<credentials::CredentialsStart>),
                Is(round_trips::<credentials::RegistrationStarted>),
            ),
            (
                "PUT /v1/credentials",
                Is(round_trips::<credentials::CredentialsUpdate>),
                Is(round_trips::<credentials::CredentialsUpdated>),
            ),
            ("DELETE /v1/account", Body::None, Body::None),
            ("POST /v1/tokens", apart(TOKENS), apart(TOKENS)),
            ("POST /v1/tokens/proof", apart(TOKENS), apart(TOKENS)),
            (
                "GET /v1/jwks",
                Body::None,
                apart("for the Vault; the client does not read tokens"),
            ),
            (
                "PUT /v1/connections/{id}",
                Is(round_trips::<connections::NewEntry>),
                Is(round_trips::<connections::Versioned>),
            ),
            (
                "GET /v1/connections/{id}",
                Body::None,
                Is(round_trips::<connections::Entry>),
            ),
            (
                "POST /v1/connections/query",
                Is(round_trips::<Ids<Vec<Id>>>),
                Is(round_trips::<Found<connections::Entry>>),
            ),
            (
                "GET /v1/connections",
                Body::None,
                Is(round_trips::<Page<connections::Entry>>),
            ),
            (
                "PUT /v1/connections/{id}/note",
                Is(round_trips::<connections::NoteUpdate>),
                Is(round_trips::<connections::Versioned>),
            ),
            (
                "POST /v1/spaces",
                Is(round_trips::<spaces::NewSpaces>),
                Is(round_trips::<Outcomes<Outcome>>),
            ),
            (
                "POST /v1/spaces/query",
                Is(round_trips::<Ids<Vec<Id>>>),
                Is(round_trips::<spaces::SpacesFound>),
            ),
            (
                "PUT /v1/spaces",
                Is(round_trips::<spaces::SpaceUpdates>),
                Is(round_trips::<Outcomes<Outcome>>),
            ),
            (
                "POST /v1/spaces/of-cards",
                Is(round_trips::<spaces::Tags>),
                Is(round_trips::<Page<spaces::Space>>),
            ),
            (
                "POST /v1/spaces/of-shares",
                Is(round_trips::<Ids<Vec<Id>>>),
                Is(round_trips::<spaces::SpacesFound>),
            ),
            (
                "POST /v1/spaces/counts",
                Is(round_trips::<spaces::Tags>),
                Is(round_trips::<spaces::Counts>),
            ),
            (
                "PUT /v1/spaces/claims",
                Is(round_trips::<spaces::Claims>),
                Is(round_trips::<Outcomes<Outcome>>),
            ),
            ("DELETE /v1/spaces/{id}", Body::None, Body::None),
            ("DELETE /v1/connections/{id}/spaces", Body::None, Body::None),
        ],
        _ => vec![
            (
                "PUT /v1/cards/{id}",
                Is(round_trips::<cards::CardWrite>),
                Is(round_trips::<cards::CardWritten>),
            ),
            (
                "GET /v1/cards/{id}",
                Body::None,
                Is(round_trips::<cards::StoredCard>),
            ),
            (
                "GET /v1/cards",
                Body::None,
                Is(round_trips::<Page<cards::StoredCard>>),
            ),
            ("DELETE /v1/cards/{id}", Body::None, Body::None),
            (
                "GET /v1/cards/unsettled",
                Body::None,
                Is(round_trips::<Ids<Vec<Id>>>),
            ),
            (
                "PUT /v1/cards/{id}/settled",
                Is(round_trips::<cards::Settled>),
                Body::None,
            ),
            (
                "PUT /v1/public-keys/{key}",
                Is(round_trips::<public_keys::PublicKeyWrite>),
                Is(round_trips::<public_keys::Published>),
            ),
            (
                "PUT /v1/invitations/{id}",
                Is(round_trips::<invitations::NewInvitation>),
                Is(round_trips::<invitations::StoredInvitation>),
            ),
            (
                "GET /v1/invitations/{id}",
                Body::None,
                Is(round_trips::<invitations::StoredInvitation>),
            ),
            (
                "GET /v1/invitations",
                Body::None,
                Is(round_trips::<Page<invitations::StoredInvitation>>),
            ),
            (
                "POST /v1/invitations/{id}/cancel",
                Empty,
                Is(round_trips::<invitations::StoredInvitation>),
            ),
            (
                "POST /v1/invitations/{id}/open",
                Is(round_trips::<invitations::TokenBody>),
                Is(round_trips::<invitations::OpenedInvitation>),
            ),
            (
                "POST /v1/invitations/{id}/preview",
                Is(round_trips::<invitations::TokenBody>),
                Is(round_trips::<invitations::InvitationPreview>),
            ),
            (
                "POST /v1/invitations/{id}/decline",
                Is(round_trips::<invitations::TokenBody>),
                Body::None,
            ),
            (
                "POST /v1/connections",
                Is(round_trips::<links::NewConnection>),
                Is(round_trips::<links::StoredConnection>),
            ),
            (
                "GET /v1/connections/{id}",
                Body::None,
                Is(round_trips::<links::StoredConnection>),
            ),
            (
                "POST /v1/connections/query",
                Is(round_trips::<Ids<Vec<Id>>>),
                Is(round_trips::<Found<links::StoredConnection>>),
            ),
            (
                "GET /v1/connections",
                Body::None,
                Is(round_trips::<Page<links::StoredConnection>>),
            ),
            ("DELETE /v1/connections/{id}", Body::None, Body::None),
            (
                "PUT /v1/links/{id}",
                Is(round_trips::<card_links::NewLink>),
                Is(round_trips::<card_links::LinkRecord>),
            ),
            (
                "PUT /v1/links",
                Is(round_trips::<shares::NewEditions>),
                Is(round_trips::<Outcomes<shares::EditionStored>>),
            ),
            (
                "GET /v1/links",
                Body::None,
                Is(round_trips::<Page<card_links::LinkRecord>>),
            ),
            (
                "POST /v1/links/query",
                Is(round_trips::<Ids<Vec<Id>>>),
                Is(round_trips::<Outcomes<card_links::LinkFound>>),
            ),
            ("DELETE /v1/links/{id}", Body::None, Body::None),
            (
                "POST /v1/links/{id}/open",
                Is(round_trips::<card_links::LinkOpening>),
                Is(round_trips::<card_links::OpenedLink>),
            ),
            (
                "POST /v1/links/{id}/read",
                Is(round_trips::<card_links::LinkReading>),
                Is(round_trips::<card_links::ReadLink>),
            ),
            (
                "POST /v1/shares",
                Is(round_trips::<shares::NewShares>),
                Is(round_trips::<Outcomes<shares::ShareCreated>>),
            ),
            (
                "GET /v1/shares/incoming",
                Body::None,
                Is(round_trips::<Page<shares::ShareRecord>>),
            ),
            (
                "GET /v1/shares/outgoing",
                Body::None,
                Is(round_trips::<Page<shares::ShareRecord>>),
            ),
            (
                "POST /v1/shares/query",
                Is(round_trips::<Ids<Vec<Id>>>),
                Is(round_trips::<Outcomes<shares::ShareFound>>),
            ),
            (
                "PUT /v1/shares",
                Is(round_trips::<shares::NewEditions>),
                Is(round_trips::<Outcomes<shares::EditionStored>>),
            ),
            (
                "PUT /v1/shares/read",
                Is(round_trips::<shares::Reads>),
                Is(round_trips::<Outcomes<Outcome>>),
            ),
            ("DELETE /v1/shares/{id}", Body::None, Body::None),
            ("POST /v1/files", apart(FILES), apart(FILES)),
            ("GET /v1/files", Body::None, apart(FILES)),
            ("PUT /v1/files/{id}", Body::None, Body::None),
            ("GET /v1/files/{id}/parts", Body::None, apart(FILES)),
            ("POST /v1/files/{id}/finish", apart(FILES), apart(FILES)),
            ("GET /v1/files/{id}", Body::None, Body::None),
            ("GET /v1/files/{id}/digests", Body::None, Body::None),
            ("DELETE /v1/files/{id}", Body::None, Body::None),
            ("GET /v1/links/{id}/files/{file}", Body::None, Body::None),
            (
                "GET /v1/links/{id}/files/{file}/digests",
                Body::None,
                Body::None,
            ),
            (
                "GET /v1/email",
                Body::None,
                Is(round_trips::<email::EmailStatus>),
            ),
            (
                "POST /v1/email/code",
                Is(round_trips::<email::AskedCode>),
                Is(round_trips::<email::EmailCode>),
            ),
            (
                "POST /v1/email/confirm",
                Is(round_trips::<email::TypedCode>),
                Body::None,
            ),
            (
                "POST /v1/mail/refusals",
                apart("the Vault's own page sends it"),
                Body::None,
            ),
            ("DELETE /v1/account", Body::None, Body::None),
        ],
    }
}

/// One exchange of the golden files.
#[derive(Deserialize)]
struct Exchange {
    route: String,
    request: Value,
    status: u16,
    response: Value,
}

fn exchanges(service: &str) -> Vec<Exchange> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let text = std::fs::read(folder.join(format!("{service}.json"))).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn holds(body: &Body, value: &Value, what: &str) {
    match body {
        Is(check) => check(value),
        Body::None => assert!(value.is_null(), "{what}: {value}"),
        Empty => assert_eq!(value, &serde_json::json!({}), "{what}"),
        Body::Apart(Apart(reason)) => assert!(!reason.is_empty(), "{what}"),
    }
}

#[derive(Serialize, Deserialize)]
struct ErrorBody {
    error: WireError,
}

/// The code arrives as it was sent.
fn is_known_error(value: &Value, what: &str) {
    round_trips::<ErrorBody>(value);
    let ErrorBody { error } = serde_json::from_value(value.clone()).unwrap();
    let code = error.code.clone();
    assert_eq!(Error::from(error).code(), code, "{what}");
}

fn service_holds(service: &str) {
    let routes = routes(service);
    let mut seen = HashSet::new();
    for exchange in exchanges(service) {
        let what = format!("{} {}", exchange.route, exchange.status);
        let (route, request, response) = routes
            .iter()
            .find(|(route, ..)| *route == exchange.route)
            .unwrap_or_else(|| panic!("{what} is not in this test"));
        holds(request, &exchange.request, &what);
        if exchange.status < 300 {
            seen.insert(*route);
            holds(response, &exchange.response, &what);
        } else {
            is_known_error(&exchange.response, &what);
        }
    }
    for (route, ..) in &routes {
        assert!(seen.contains(route), "{route} is not in {service}.json");
    }
    assert_eq!(seen.len(), routes.len());
}

#[test]
fn keystore() {
    service_holds("keystore");
}

#[test]
fn vault() {
    service_holds("vault");
}

/// The codes that services use, as docs/api.md lists them.
#[test]
fn every_code_of_the_services_is_known() {
    let documented = include_str!("../../docs/api.md");
    let table = documented
        .split("| status | codes |")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next())
        .unwrap();
    let codes: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
    assert!(codes.len() > 12, "{codes:?}");
    for code in codes.into_iter().filter(|code| *code != "Retry-After") {
        let error = WireError {
            code: code.to_owned(),
            message: "Text.".into(),
            // Only one of the codes has it.
            quota: Some("cards".into()),
        };
        // It says nothing of a record, and is the address's fault.
        let known = if code == "unknown_route" {
            "server_error"
        } else {
            code
        };
        assert_eq!(Error::from(error).code(), known);
    }
    for code in [
        "locked",
        "peer_key_changed",
        "record_rejected",
        "connection_unverified",
        "",
        "x",
    ] {
        let error = WireError {
            code: code.to_owned(),
            message: "Text.".into(),
            quota: None,
        };
        assert_eq!(
            Error::from(error).code(),
            "server_error",
            "services do not say {code}"
        );
    }
}
