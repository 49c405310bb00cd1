//! The services' own descriptions, and whether a body is what they say: every member that is described, none that is
//! not, each of the described kind.

use regex_lite::Regex;
use serde_json::Value;
use tokio::sync::OnceCell;

/// The members that are not always there: of an error, and only of `quota_exceeded`; of an error's body, unless it is an example's;
/// and of requests, for clients that know none.
pub(crate) const SOMETIMES: [&str; 3] = ["quota", "requestId", "files"];

/// What the services publish at `openapi.json`.
pub(crate) struct Descriptions {
    vault: Value,
    keystore: Value,
}

/// They are the same of every server, so that one is asked.
static PUBLISHED: OnceCell<Descriptions> = OnceCell::const_new();

/// A described route.
pub(crate) struct Operation<'a> {
    api: &'a Value,
    operation: &'a Value,
}

impl Descriptions {
    /// Asks the server at this address, if none was asked before. Nothing, if it is not both services.
    pub(crate) async fn of(http: &reqwest::Client, root: &str) -> Option<&'static Self> {
        let ask = async |service: &str| {
            let url = format!("{root}/{service}/v1/openapi.json");
            let answer = http.get(url).send().await.unwrap();
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
        };
        let ask_both = async || {
            let (vault, keystore): (Value, Value) = (ask("vault").await, ask("keystore").await);
            let are_both = vault["paths"].is_object() && keystore["paths"].is_object();
            are_both.then_some(Self { vault, keystore }).ok_or(())
        };
        PUBLISHED.get_or_try_init(ask_both).await.ok()
    }

    pub(crate) fn service(&self, service: &str) -> &Value {
        match service {
            "vault" => &self.vault,
            _ => &self.keystore,
        }
    }

    /// The route that a request goes to, if it is a described one.
    pub(crate) fn find(&self, service: &str, method: &str, path: &str) -> Option<Operation<'_>> {
        let api = self.service(service);
        let path = path.split('?').next().unwrap();
        let fits = |template: &str| {
            let (mut described, mut asked) = (template.split('/'), path.split('/'));
            loop {
                match (described.next(), asked.next()) {
                    (None, None) => return true,
                    (Some(part), Some(word)) if part == word || part.starts_with('{') => {}
                    _ => return false,
                }
            }
        };
        let method = method.to_lowercase();
        let described = api["paths"].as_object().unwrap().iter();
        // What is written out comes before what is left open: `/shares/incoming` before `/shares/{id}`.
        let (_, item) = described
            .filter(|(template, item)| fits(template) && item.get(&method).is_some())
            .min_by_key(|(template, _)| template.matches('{').count())?;
        let operation = &item[&method];
        Some(Operation { api, operation })
    }
}

impl Operation<'_> {
    /// What is wrong with the body of a request.
    pub(crate) fn check_request(&self, body: &Value) -> Result<(), String> {
        self.check(&self.operation["requestBody"], body)
    }

    /// What is wrong with an answer.
    pub(crate) fn check_answer(&self, status: u16, body: &Value) -> Result<(), String> {
        let responses = &self.operation["responses"];
        let described = match responses.get(status.to_string()) {
            Some(described) => described,
            None if status < 400 => return Err(format!("{status} is not described")),
            None => &responses["default"],
        };
        self.check(described, body)
    }

    /// Whether an answer that is no error may hold a list.
    pub(crate) fn answers_with_a_list(&self) -> bool {
        let responses = self.operation["responses"].as_object().unwrap();
        let mut good = responses
            .iter()
            .filter(|(status, _)| status.as_str() < "300");
        good.any(|(_, described)| {
            let schema = described.pointer("/content/application~1json/schema");
            schema.is_some_and(|schema| self.holds_a_list(schema))
        })
    }

    fn holds_a_list(&self, schema: &Value) -> bool {
        let schema = self.follow(schema);
        let ways = schema["oneOf"].as_array().into_iter().flatten();
        let members = schema["properties"].as_object().into_iter();
        let members = members.flat_map(|members| members.values());
        schema["type"] == "array" || ways.chain(members).any(|inner| self.holds_a_list(inner))
    }

    fn check(&self, described: &Value, body: &Value) -> Result<(), String> {
        match described.pointer("/content/application~1json/schema") {
            Some(schema) => self.fits(schema, body),
            None if body.is_null() => Ok(()),
            None => Err("there is a body, and none is described".to_owned()),
        }
    }

    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.follow(schema);
        if let Some(ways) = schema["oneOf"].as_array() {
            let tried = ways.iter().map(|way| self.fits(way, value));
            let (fitting, reasons): (Vec<_>, Vec<_>) = tried.partition(Result::is_ok);
            return match fitting.len() {
                1 => Ok(()),
                several => Err(format!("{several} of {} ways: {reasons:?}", ways.len())),
            };
        }
        let known = ["string", "integer", "object", "array", "boolean", "null"];
        let kinds: Vec<&str> = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        assert!(
            !kinds.is_empty() && kinds.iter().all(|kind| known.contains(kind)),
            "this test cannot read {schema}"
        );
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !kinds.contains(&kind) {
            return Err(format!("{value} is no {kinds:?}"));
        }
        match value {
            Value::String(text) => is_described(schema, text),
            Value::Array(items) => items
                .iter()
                .try_for_each(|item| self.fits(&schema["items"], item)),
            Value::Object(_) => self.has_members(schema, value),
            _ => Ok(()),
        }
    }

    /// Every described member is there, those that may be null too, and no other.
    fn has_members(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let (none, members) = (serde_json::Map::new(), value.as_object().unwrap());
        let described = schema["properties"].as_object().unwrap_or(&none);
        if let Some(name) = members.keys().find(|name| !described.contains_key(*name)) {
            return Err(format!("`{name}` is not described"));
        }
        for (name, schema) in described {
            let Some(member) = members.get(name) else {
                if SOMETIMES.contains(&&**name) {
                    continue;
                }
                return Err(format!("`{name}` is missing"));
            };
            self.fits(schema, member)
                .map_err(|reason| format!("`{name}`: {reason}"))?;
        }
        Ok(())
    }

    fn follow<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => {
                let name = name.strip_prefix('#').unwrap();
                self.api.pointer(name).unwrap()
            }
            None => schema,
        }
    }
}

fn is_described(schema: &Value, text: &str) -> Result<(), String> {
    if let Some(words) = schema["enum"].as_array()
        && !words.iter().any(|word| word == text)
    {
        return Err(format!("{text} is none of {words:?}"));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && !Regex::new(pattern).unwrap().is_match(text)
    {
        return Err(format!("{text} is not written as {pattern}"));
    }
    Ok(())
}

/// Holds an answer to the description of the route that was asked, if it is one of the services' routes.
pub(crate) async fn hold(
    http: &reqwest::Client,
    method: &str,
    url: &str,
    status: u16,
    body: &Value,
) {
    let parts = |service: &'static str| {
        let (root, path) = url.split_once(&format!("/{service}/v1/"))?;
        Some((service, root, format!("/v1/{path}")))
    };
    if let Some((service, root, path)) = parts("vault").or_else(|| parts("keystore"))
        && let Some(described) = Descriptions::of(http, root).await
        && let Some(route) = described.find(service, method, &path)
        && let Err(reason) = route.check_answer(status, body)
    {
        panic!("{method} {url} answered {status} {body}, which is not described: {reason}");
    }
}

#[test]
fn what_is_not_described_is_found() {
    use serde_json::json;
    let api = json!({
        "components": { "schemas": {
            "Id": { "type": "string", "pattern": "^[a-f]{2}$" },
            "Thing": { "type": "object", "required": ["id"], "properties": {
                "id": { "$ref": "#/components/schemas/Id" },
                "end": { "type": ["integer", "null"], "format": "int64" },
                "of": { "oneOf": [{ "$ref": "#/components/schemas/Id" }, { "type": "null" }] },
                "kind": { "type": "string", "enum": ["one", "other"] },
            } },
        } },
        "operation": {
            "responses": {
                "200": { "content": { "application/json": { "schema": {
                    "type": "array", "items": { "$ref": "#/components/schemas/Thing" }
                } } } },
                "204": {},
                "default": { "content": { "application/json": { "schema": { "type": "null" } } } },
            },
        },
    });
    let operation = Operation {
        api: &api,
        operation: &api["operation"],
    };
    let thing = json!({ "id": "ab", "end": 1, "of": null, "kind": "one" });
    for (name, value) in [
        ("id", json!("ab")),
        ("end", json!(null)),
        ("of", json!("cd")),
        ("kind", json!("other")),
    ] {
        let mut thing = thing.clone();
        thing[name] = value;
        assert_eq!(operation.check_answer(200, &json!([thing])), Ok(()));
    }
    for (name, value) in [
        ("id", json!("AB")),
        ("id", json!(null)),
        ("id", json!(1)),
        ("end", json!("1")),
        ("end", json!(1.5)),
        ("of", json!("x")),
        ("kind", json!("third")),
        ("more", json!(null)),
    ] {
        let mut thing = thing.clone();
        thing[name] = value;
        assert!(
            operation.check_answer(200, &json!([thing])).is_err(),
            "{thing}"
        );
    }
    for name in ["id", "end", "of", "kind"] {
        let mut less = thing.clone();
        less.as_object_mut().unwrap().remove(name);
        assert!(
            operation.check_answer(200, &json!([less])).is_err(),
            "{less}"
        );
    }
    assert_eq!(operation.check_answer(204, &Value::Null), Ok(()));
    assert_eq!(operation.check_answer(404, &Value::Null), Ok(()));
    assert!(operation.check_answer(204, &json!({})).is_err());
    assert!(operation.check_answer(201, &Value::Null).is_err());
    assert!(operation.check_request(&json!({})).is_err());
}
