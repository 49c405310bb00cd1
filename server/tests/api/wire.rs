//! The examples in `tests/wire`, which hold the client to the wire, hold the services to the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::*;
use crate::description::{Descriptions, SOMETIMES};

/// How the answer begins when a body is not what the route takes.
const REFUSED: &str = "Send exactly the members that the route takes";

/// What the id in a path is where nothing is stored.
const NOBODY: &str = "01931f6e-7c2a-7d41-9b0e-5f1a2c3d4e5f";

/// One request and its answer.
struct Example {
    method: String,
    /// Such as `/v1/cards/{id}`.
    template: String,
    status: u16,
    request: Value,
    response: Value,
}

impl Example {
    fn all(service: &str) -> Vec<Self> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/wire");
        let file = std::fs::read(format!("{folder}/{service}.json")).unwrap();
        let examples: Vec<Value> = serde_json::from_slice(&file).unwrap();
        let read = |example: &Value| {
            let (method, template) = example["route"].as_str().unwrap().split_once(' ').unwrap();
            Self {
                method: method.to_owned(),
                template: template.to_owned(),
                status: example["status"].as_u64().unwrap().try_into().unwrap(),
                request: example["request"].clone(),
                response: example["response"].clone(),
            }
        };
        examples.iter().map(read).collect()
    }

    fn route(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    /// The request's path, with ids in it.
    fn path(&self) -> String {
        let key = self.response["id"].as_str().unwrap_or_default();
        let path = self.template.replace("{id}", NOBODY);
        path.replace("{file}", NOBODY).replace("{key}", key)
    }

    /// The request's body with a member more, and with each of its members less that has to be there, on every level.
    fn changed(&self) -> Vec<Value> {
        let mut places = Vec::new();
        objects(&self.request, String::new(), &mut places);
        let mut changed = Vec::new();
        for place in places {
            let change = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
                let mut body = self.request.clone();
                change(body.pointer_mut(&place).unwrap().as_object_mut().unwrap());
                body
            };
            let members = self.request.pointer(&place).unwrap().as_object().unwrap();
            changed.push(change(&|members| {
                members.insert("unknown".to_owned(), Value::Null);
            }));
            for name in members.keys().filter(|name| !SOMETIMES.contains(&&***name)) {
                changed.push(change(&|members| {
                    members.remove(name);
                }));
            }
        }
        changed
    }
}

/// Where the objects in a body stand.
fn objects(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                objects(member, format!("{place}/{name}"), found);
            }
            found.push(place);
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(item, format!("{place}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Every described route of a service, the stream of events excepted, which is no JSON.
fn described(api: &Value) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        routes.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    assert!(routes.len() > 15, "{routes:?}");
    routes.remove("GET /v1/events");
    routes
}

/// Every route has an example, and every example is described.
#[tokio::test]
async fn examples_are_what_the_services_describe() {
    let lab = Lab::new().await;
    let root = format!("http://{}", lab.server.address());
    let published = Descriptions::of(&lab.http, &root).await.unwrap();
    for service in ["vault", "keystore"] {
        let examples = Example::all(service);
        let shown: BTreeSet<String> = examples.iter().map(Example::route).collect();
        assert_eq!(shown, described(published.service(service)));
        for example in &examples {
            let path = example.path();
            let route = published.find(service, &example.method, &path).unwrap();
            let (route, name) = (&route, example.route());
            let request = route.check_request(&example.request);
            assert_eq!(request, Ok(()), "{name}: {}", example.request);
            let answer = route.check_answer(example.status, &example.response);
            assert_eq!(answer, Ok(()), "{name}: {}", example.response);
        }
    }
}

/// The services take the examples' requests for what they are, and refuse them with a member more or less.
#[tokio::test]
async fn services_read_exactly_the_examples_requests() {
    let lab = Lab::with(|config| config.rate_limits = false).await;
    let ada = lab.sign_up("ada").await;
    let mut tried = 0;
    for service in ["vault", "keystore"] {
        let (base, bearer) = match service {
            "vault" => (lab.server.vault_url(), &ada.token),
            _ => (lab.server.keystore_url(), &ada.session),
        };
        let is_refused = async |example: &Example, body: &Value| {
            let url = format!("{base}{}", example.path());
            let body = Some(body.clone());
            let answer = lab.call(&example.method, &url, Some(bearer), body).await;
            let said = answer.1["error"]["message"].as_str().unwrap_or_default();
            let refused = said.starts_with(REFUSED);
            assert!(!refused || code(&answer) == (400, "bad_input"), "{said}");
            assert_ne!(answer.0, 415);
            refused
        };
        let mut examples = Example::all(service);
        examples.retain(|example| !example.request.is_null());
        for example in &examples {
            for body in example.changed() {
                let name = example.route();
                assert!(is_refused(example, &body).await, "{name} takes {body}");
                tried += 1;
            }
        }
        // Whoever has signed out is refused before the body is read.
        examples.sort_by_key(|example| example.template == "/v1/sign-out");
        for example in &examples {
            let (name, body) = (example.route(), &example.request);
            assert!(!is_refused(example, body).await, "{name} refuses {body}");
        }
    }
    assert!(tried > 100, "{tried}");
}
