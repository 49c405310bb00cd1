//! Holds the wire to the examples in `tests/wire`, which hold the client to the same.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::http::error::ErrorBody;

/// Reads a body strictly and writes it again.
pub(crate) type Rewrite = fn(Value) -> serde_json::Result<Value>;

/// The types of one route: of its request and of its answer.
pub(crate) type Route = (&'static str, Rewrite, Rewrite);

/// The body is a `T`.
pub(crate) fn body<T: Serialize + DeserializeOwned>(value: Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<T>(value)?)
}

/// There is no body.
pub(crate) fn none(value: Value) -> serde_json::Result<Value> {
    body::<()>(value)
}

/// Checks every example of the file, and that every described route has one.
pub(crate) fn check(file: &str, api: &OpenApi, routes: &[Route]) {
    let path = format!("{}/../tests/wire/{file}", env!("CARGO_MANIFEST_DIR"));
    let examples: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    for example in &examples {
        let name = example["route"].as_str().unwrap();
        let (_, request, response) = routes.iter().find(|route| route.0 == name).expect(name);
        let response = if example["status"].as_u64() < Some(400) {
            *response
        } else {
            body::<ErrorBody>
        };
        assert_eq!(
            request(example["request"].clone()).expect(name),
            example["request"],
            "{name}"
        );
        assert_eq!(
            response(example["response"].clone()).expect(name),
            example["response"],
            "{name}"
        );
        refuses_changes(name, *request, &example["request"]);
        seen.insert(name.to_owned());
    }
    assert_eq!(seen, described(api));
}

/// A request with a member more or less is refused.
fn refuses_changes(name: &str, request: Rewrite, example: &Value) {
    let Some(members) = example.as_object() else {
        return;
    };
    let mut more = members.clone();
    more.insert("unknown".into(), Value::Null);
    assert!(
        request(more.into()).is_err(),
        "{name} takes an unknown member"
    );
    for member in members.keys() {
        let mut less = members.clone();
        less.remove(member);
        assert!(
            request(less.into()).is_err(),
            "{name} does without {member}"
        );
    }
}

fn described(api: &OpenApi) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for (path, item) in &api.paths.paths {
        let methods = [
            ("GET", &item.get),
            ("PUT", &item.put),
            ("POST", &item.post),
            ("DELETE", &item.delete),
        ];
        let taken = methods.iter().filter(|(_, operation)| operation.is_some());
        routes.extend(taken.map(|(method, _)| format!("{method} /v1{path}")));
    }
    // The event stream is no JSON.
    routes.remove("GET /v1/events");
    routes
}
