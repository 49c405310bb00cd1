//! Several servers at one PostgreSQL database: what one of them does, the others know of.

use std::time::Duration;

use crate::common::*;
use crate::events::Stream;
use serde_json::{Value, json};
use vouchsafe_server::{Config, Server};

/// A lab, and a second server with its databases, by its base URLs. There is none without a PostgreSQL server.
async fn two(change: impl Fn(&mut Config)) -> Option<(Lab, Server)> {
    std::env::var("VOUCHSAFE_TEST_POSTGRES").ok()?;
    let mut both = None;
    let lab = Lab::with(|config| {
        change(config);
        both = Some(config.clone());
    });
    let lab = lab.await;
    let mut config = both.unwrap();
    config.vault_urls = vec![lab.server.vault_url().to_owned()];
    config.keystore_urls = vec![lab.server.keystore_url().to_owned()];
    let second = Server::start(config).await.unwrap();
    Some((lab, second))
}

/// Where the second server answers what is asked for at the first.
fn at(second: &Server, service: &str, path: &str) -> String {
    format!("http://{}/{service}/v1{path}", second.address())
}

async fn ask(lab: &Lab, url: &str, bearer: &str, body: Option<Value>) -> Answer {
    let method = if body.is_some() { "PUT" } else { "GET" };
    lab.call(method, url, Some(bearer), body).await
}

fn card() -> (String, Option<Value>) {
    let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
    (format!("/cards/{}", v7()), Some(body))
}

#[tokio::test]
async fn events_of_another_server_are_heard() {
    let Some((lab, second)) = two(|_| {}).await else {
        return;
    };
    let ada = lab.sign_up("ada").await;
    let mut stream = Stream::open(&lab, &ada, None).await;
    stream.event().await;
    // Streams look for themselves once an hour here.
    for _ in 0..3 {
        let (path, body) = card();
        let answer = ask(&lab, &at(&second, "vault", &path), &ada.token, body).await;
        assert_eq!(answer.0, 201);
        let (kind, id, _) = stream.event().await;
        assert_eq!((&*kind, format!("/cards/{id}")), ("card", path));
    }
    second.stop().await;
}

#[tokio::test]
async fn events_are_heard_after_the_servers_lost_each_other() {
    let Some((lab, second)) = two(|_| {}).await else {
        return;
    };
    let ada = lab.sign_up("ada").await;
    let mut stream = Stream::open(&lab, &ada, None).await;
    stream.event().await;
    let pool = database(&lab.vault_db).await;
    let url = at(&second, "vault", "/cards");
    for _ in 0..3 {
        sqlx::raw_sql(
            "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .execute(&pool)
        .await
        .unwrap();
        let (path, body) = card();
        let url = format!("{}{}", url.trim_end_matches("/cards"), path);
        until(async || {
            let answer = ask(&lab, &url, &ada.token, body.clone()).await;
            matches!(answer.0, 200 | 201).then_some(())
        })
        .await;
        let (kind, id, _) = stream.event().await;
        assert_eq!((&*kind, format!("/cards/{id}")), ("card", path));
    }
    pool.close().await;
    second.stop().await;
}

#[tokio::test]
async fn limits_count_what_other_servers_let_through() {
    let Some((lab, second)) = two(|_| {}).await else {
        return;
    };
    let ada = lab.sign_up("ada").await;
    let tokens = at(&second, "keystore", "/tokens");
    let body = json!({ "audience": lab.server.vault_url() });
    let fetch = async |url: &str| {
        let answer = lab.call("POST", url, Some(&ada.session), Some(body.clone()));
        answer.await.0
    };
    // All that an account may have in five minutes, and one was for signing up.
    for _ in 1..300 {
        assert_eq!(fetch(&tokens).await, 200);
    }
    let first = format!("{}/v1/tokens", lab.server.keystore_url());
    let mut let_through = 0;
    while fetch(&first).await == 200 {
        let_through += 1;
    }
    // Alone it would let all through. It is told twice a second, in which many fit.
    assert!(let_through < 280, "{let_through} of what was used up");
    second.stop().await;
}

#[tokio::test]
async fn streams_of_other_servers_take_seats() {
    let Some((lab, second)) = two(|_| {}).await else {
        return;
    };
    let ada = lab.sign_up("ada").await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(Stream::open(&lab, &ada, None).await);
    }
    let open = async || {
        let url = at(&second, "vault", "/events");
        let request = lab.http.get(url).bearer_auth(&ada.token);
        request.send().await.unwrap().status().as_u16()
    };
    until(async || (open().await == 429).then_some(())).await;
    drop(streams);
    until(async || (open().await == 200).then_some(())).await;
    second.stop().await;
}

#[tokio::test]
async fn one_server_sweeps_and_another_takes_over() {
    let sweep = Duration::from_millis(20);
    let Some((lab, second)) = two(|config| config.sweep = sweep).await else {
        return;
    };
    let pool = database(&lab.vault_db).await;
    let sweepers = async || -> Vec<i32> {
        sqlx::query_scalar(
            "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database \
             WHERE locktype = 'advisory' AND datname = current_database() AND granted",
        )
        .fetch_all(&pool)
        .await
        .unwrap()
    };
    let first = until(async || sweepers().await.first().copied()).await;
    assert_eq!(sweepers().await, [first]);
    // The one that sweeps loses its session, and nothing is left unswept for it.
    sqlx::query("SELECT CAST(pg_terminate_backend($1) AS INT)")
        .bind(first)
        .execute(&pool)
        .await
        .unwrap();
    until(async || {
        sweepers()
            .await
            .first()
            .copied()
            .filter(|pid| *pid != first)
    })
    .await;
    let ada = lab.sign_up("ada").await;
    let bob = lab.sign_up("bob").await;
    let connection = lab.connect(&ada, &bob).await;
    let share = lab.share(&ada, &connection, Some(lab.now() + DAY)).await;
    lab.pass(2 * DAY);
    until(async || {
        let size = sqlx::query_scalar("SELECT size FROM shares WHERE id = $1").bind(&share);
        let size: i64 = size.fetch_one(&pool).await.unwrap();
        (size == 0).then_some(())
    })
    .await;
    pool.close().await;
    second.stop().await;
}
