//! The command that fills new databases for measurements.

use crate::common::*;
use crate::processes::command;
use reqwest::Client;
use serde_json::{Value, json};
use vouchsafe_server::{Config, Server};

#[tokio::test]
async fn seeded_people_use_what_was_made_for_them() {
    let data = tempfile::tempdir().unwrap();
    let seed = [
        "seed",
        "--people",
        "7",
        "--shares",
        "210",
        "--sessions",
        "2",
    ];
    let seeded = command(&seed, data.path()).output().await.unwrap();
    assert!(seeded.status.success(), "{seeded:?}");
    let lines = String::from_utf8(seeded.stdout).unwrap();
    let sessions: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(sessions.len(), 2);
    let again = command(&seed, data.path()).output().await.unwrap();
    assert!(!again.status.success());
    let refused = String::from_utf8(again.stderr).unwrap();
    assert!(refused.contains("there are accounts in these"), "{refused}");

    let server = Server::start(Config::new(data.path())).await.unwrap();
    let (vault, keystore) = (server.vault_url(), server.keystore_url());
    let http = Client::new();
    for session in &sessions {
        let session = session["session"].as_str().unwrap();
        let token = token(&http, keystore, vault, session).await;
        let get = async |path: &str| {
            let url = format!("{vault}/v1{path}");
            let (status, found) = call(&http, "GET", &url, Some(&token), None).await;
            assert_eq!(status, 200, "{path}: {found}");
            found["items"].as_array().unwrap().clone()
        };
        assert_eq!(get("/connections?limit=200").await.len(), 10);
        assert_eq!(get("/shares/outgoing?limit=200").await.len(), 30);
        assert_eq!(get("/shares/incoming?limit=200").await.len(), 30);
        assert_eq!(get("/cards?limit=200").await.len(), 6);
        let connection = &get("/connections").await[0]["id"];
        let made = json!({ "shares": [new_share(connection.as_str().unwrap(), None)] });
        let url = format!("{vault}/v1/shares");
        let (_, made) = call(&http, "POST", &url, Some(&token), Some(made)).await;
        assert_eq!(made["results"][0]["error"], Value::Null);
        // Each share has its space.
        let share = &get("/shares/outgoing?limit=200").await[1];
        let ids = json!({ "ids": [share["spaceId"]] });
        let url = format!("{keystore}/v1/spaces/query");
        let (_, spaces) = call(&http, "POST", &url, Some(session), Some(ids)).await;
        assert_eq!(spaces["items"][0]["share"], share["id"]);
    }
    server.stop().await;
}
