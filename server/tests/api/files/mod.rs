//! Files in parts: uploading, reading and sharing them, and what becomes of them.

mod ends;
mod kills;
mod load;
mod reads;
mod sweeps;
mod uploads;

use rand_core::{OsRng, RngCore};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::*;

pub(crate) const PART: usize = 1 << 20;

/// An answer that may be octets: the status, the headers and the bytes.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Got {
    /// The status, and the code of the error.
    pub(crate) fn code(&self) -> (u16, String) {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let code = body["error"]["code"].as_str().unwrap_or("no error");
        (self.status, code.to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// Asks without JSON.
pub(crate) async fn octets(
    http: &Client,
    method: &str,
    url: &str,
    bearer: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Got {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = http.request(method, url).bearer_auth(bearer);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request
            .header("content-type", "application/octet-stream")
            .body(body.to_vec());
    }
    let response = request.send().await.unwrap();
    Got {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        bytes: response.bytes().await.unwrap().to_vec(),
    }
}

/// Random bytes of a file.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    OsRng.fill_bytes(&mut content);
    content
}

/// The body that finishes a file of this content.
pub(crate) fn finish_body(content: &[u8]) -> Value {
    json!({ "size": content.len(), "digests": encode(&digests(content)) })
}

/// The list of the digests of a content's parts.
pub(crate) fn digests(content: &[u8]) -> Vec<u8> {
    let parts = content.chunks(PART);
    parts.flat_map(Sha256::digest).collect()
}

/// The Vault at an address, as one person sees it.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) http: Client,
    pub(crate) vault: String,
    pub(crate) token: String,
}

impl Files {
    pub(crate) fn of(lab: &Lab, person: &Person) -> Self {
        Self {
            http: lab.http.clone(),
            vault: lab.server.vault_url().to_owned(),
            token: person.token.clone(),
        }
    }

    /// The same with a token of now.
    pub(crate) async fn now(lab: &Lab, person: &Person) -> Self {
        Self {
            token: lab.token(person).await,
            ..Self::of(lab, person)
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1{path}", self.vault)
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        call(&self.http, method, &self.url(path), Some(&self.token), body).await
    }

    pub(crate) async fn begin(&self, id: &str) -> Answer {
        self.call("POST", "/files", Some(json!({ "id": id }))).await
    }

    /// Sends these bytes to this place.
    pub(crate) async fn put_at(&self, id: &str, first: usize, bytes: &[u8]) -> Got {
        let range = format!("bytes {first}-{}/*", first + bytes.len().max(1) - 1);
        self.put_with(id, &[("content-range", &range)], bytes).await
    }

    pub(crate) async fn put_with(&self, id: &str, headers: &[(&str, &str)], bytes: &[u8]) -> Got {
        let url = self.url(&format!("/files/{id}"));
        octets(&self.http, "PUT", &url, &self.token, headers, Some(bytes)).await
    }

    /// Sends one part of a content.
    pub(crate) async fn put(&self, id: &str, part: usize, content: &[u8]) -> Got {
        let bytes = content.chunks(PART).nth(part).unwrap();
        self.put_at(id, part * PART, bytes).await
    }

    pub(crate) async fn finish(&self, id: &str, content: &[u8]) -> Answer {
        let path = format!("/files/{id}/finish");
        self.call("POST", &path, Some(finish_body(content))).await
    }

    /// The ranges that are stored, or the answer.
    pub(crate) async fn ranges(&self, id: &str) -> Answer {
        self.call("GET", &format!("/files/{id}/parts"), None).await
    }

    pub(crate) async fn list(&self) -> Vec<Value> {
        let (status, page) = self.call("GET", "/files", None).await;
        assert_eq!(status, 200);
        page["items"].as_array().unwrap().clone()
    }

    pub(crate) async fn delete(&self, id: &str) -> Answer {
        self.call("DELETE", &format!("/files/{id}"), None).await
    }

    /// A finished file of this content, by its id.
    pub(crate) async fn upload(&self, content: &[u8]) -> String {
        let id = v7();
        assert_eq!(self.begin(&id).await.0, 201);
        for part in 0..content.len().div_ceil(PART) {
            assert_eq!(self.put(&id, part, content).await.status, 204);
        }
        let finished = self.finish(&id, content).await;
        assert_eq!(finished.0, 200, "{finished:?}");
        id
    }

    pub(crate) async fn get(&self, id: &str, headers: &[(&str, &str)]) -> Got {
        let url = self.url(&format!("/files/{id}"));
        octets(&self.http, "GET", &url, &self.token, headers, None).await
    }

    pub(crate) async fn digests(&self, id: &str) -> Got {
        let url = self.url(&format!("/files/{id}/digests"));
        octets(&self.http, "GET", &url, &self.token, &[], None).await
    }

    /// Whether the file is served, and what else is said.
    pub(crate) async fn sees(&self, id: &str) -> (u16, String) {
        let digests = self.digests(id).await.code();
        let read = self.get(id, &[("range", "bytes=0-0")]).await.code();
        let is_read = read == (206, "no error".to_owned());
        let is_told = digests == (200, "no error".to_owned());
        assert_eq!(is_read, is_told, "both or neither");
        read
    }
}

/// The answer to who may not have a file, or where there is none.
pub(crate) fn missing() -> (u16, String) {
    (404, "not_found".to_owned())
}

/// The answer to who may have it.
pub(crate) fn served() -> (u16, String) {
    (206, "no error".to_owned())
}

/// Writes a card that lists these files.
pub(crate) async fn put_card(
    lab: &Lab,
    token: &str,
    id: &str,
    version: i64,
    files: &[&String],
) -> Answer {
    let card = jwe(&format!("{version}"));
    let body = json!({ "card": card, "version": version, "unsettled": false, "files": files });
    lab.vault(token, "PUT", &format!("/cards/{id}"), Some(body))
        .await
}

/// Makes a share that lists these files: the answer to it, and its body.
pub(crate) async fn make_share(
    lab: &Lab,
    token: &str,
    connection: &str,
    expires_at: Option<i64>,
    files: &[&String],
) -> (Value, Value) {
    let mut share = new_share(connection, expires_at);
    share["files"] = json!(files);
    let body = Some(json!({ "shares": [share] }));
    let (status, made) = lab.vault(token, "POST", "/shares", body).await;
    assert_eq!(status, 200);
    (made["results"][0]["error"].clone(), share)
}

/// Replaces what a share, or a link, shows by an edition with these files, and gives the error.
pub(crate) async fn renew(
    lab: &Lab,
    token: &str,
    (route, id): (&str, &str),
    replaces: i64,
    end: Option<i64>,
    files: &[&String],
) -> Value {
    let edition = json!({
        "id": id, "replaces": replaces, "edition": replaces + 1, "expiresAt": end, "share": jwe(&format!("{replaces}")),
        "files": files,
    });
    let body = Some(json!({ "editions": [edition] }));
    let (status, made) = lab.vault(token, "PUT", route, body).await;
    assert_eq!(status, 200);
    made["results"][0]["error"].clone()
}
