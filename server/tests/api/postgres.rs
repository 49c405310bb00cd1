//! PostgreSQL that is away for a while, or becomes a standby. These need a server of it, like the others with its URL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::*;
use crate::events::Stream;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

/// A way to the database that can be cut, or on which nothing gets through.
struct Bridge {
    url: String,
    is_open: Arc<AtomicBool>,
    cut: watch::Sender<()>,
    is_stuck: watch::Sender<bool>,
}

/// Hands on what comes while the way is free, until either end has gone.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut is_stuck: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let Ok(count) = from.read(&mut bytes).await else {
            return;
        };
        let is_free = is_stuck.wait_for(|stuck| !*stuck).await.is_ok();
        if count == 0 || !is_free || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

impl Bridge {
    async fn to(database: &str) -> Self {
        let mut url = Url::parse(database).unwrap();
        let host = url.host_str().unwrap_or("127.0.0.1").to_owned();
        let target = (host, url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(port)).unwrap();
        let is_open = Arc::new(AtomicBool::new(true));
        let (cut, cuts) = watch::channel(());
        let is_stuck = watch::Sender::new(false);
        let (open, stuck) = (Arc::clone(&is_open), is_stuck.subscribe());
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let (open, target, mut cuts) =
                    (open.load(Ordering::SeqCst), target.clone(), cuts.clone());
                let stuck = stuck.clone();
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    if open && let Ok(mut to) = TcpStream::connect(target).await {
                        let ((from, back), (answers, there)) = (from.split(), to.split());
                        tokio::select! {
                            () = pump(from, there, stuck.clone()) => {}
                            () = pump(answers, back, stuck) => {}
                            _ = cuts.changed() => {}
                        }
                    }
                });
            }
        });
        Self {
            url: url.into(),
            is_open,
            cut,
            is_stuck,
        }
    }

    fn stick(&self, is_stuck: bool) {
        self.is_stuck.send_replace(is_stuck);
    }

    fn close(&self) {
        self.is_open.store(false, Ordering::SeqCst);
        self.cut.send_replace(());
    }

    fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }
}

async fn write(lab: &Lab, person: &Person) -> Answer {
    write_as(lab, person, &v7()).await
}

async fn write_as(lab: &Lab, person: &Person, id: &str) -> Answer {
    let path = format!("/cards/{id}");
    let body = Some(json!({ "card": jwe("card"), "version": 0, "unsettled": false }));
    lab.vault(&person.token, "PUT", &path, body).await
}

#[tokio::test]
async fn a_database_that_is_away_is_waited_for_by_clients() {
    let Ok(postgres) = std::env::var("VOUCHSAFE_TEST_POSTGRES") else {
        return;
    };
    let bridge = Bridge::to(&make_database(&postgres).await).await;
    let lab = Lab::with(|config| config.vault_db = Some(bridge.url.clone())).await;
    let ada = lab.sign_up("ada").await;
    assert_eq!(write(&lab, &ada).await.0, 201);
    bridge.close();
    for _ in 0..2 {
        assert_eq!(code(&write(&lab, &ada).await), (503, "server_error"));
    }
    bridge.open();
    until(async || (write(&lab, &ada).await.0 == 201).then_some(())).await;
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_given_up_and_found_again() {
    let Ok(postgres) = std::env::var("VOUCHSAFE_TEST_POSTGRES") else {
        return;
    };
    let bridge = Bridge::to(&make_database(&postgres).await).await;
    let lab = Lab::with(|config| config.vault_db = Some(bridge.url.clone())).await;
    let ada = lab.sign_up("ada").await;
    let mut stream = Stream::open(&lab, &ada, None).await;
    stream.event().await;
    for _ in 0..2 {
        let id = v7();
        until(async || (write_as(&lab, &ada, &id).await.0 == 201).then_some(())).await;
        while stream.event().await.1 != id {}
        bridge.stick(true);
        // More than there are connections, each of which hangs in a statement, or waits for its turn.
        let all = (0..40).map(|_| write(&lab, &ada));
        for answer in futures_util::future::join_all(all).await {
            assert_eq!(code(&answer), (503, "server_error"));
        }
        let ready = format!("http://{}/ready", lab.server.address());
        assert_eq!(lab.call("GET", &ready, None, None).await.0, 503);
        bridge.stick(false);
        until(async || (write(&lab, &ada).await.0 == 201).then_some(())).await;
        // Where there are two servers, they answer in turn.
        let is_ready = async || lab.call("GET", &ready, None, None).await.0 == 200;
        until(async || (is_ready().await && is_ready().await).then_some(())).await;
        // Every connection is good again, and the stream has gone on.
        for _ in 0..20 {
            let id = v7();
            assert_eq!(write_as(&lab, &ada, &id).await.0, 201);
            while stream.event().await.1 != id {}
        }
    }
}

#[tokio::test]
async fn nobody_stays_with_a_standby() {
    let Ok(postgres) = std::env::var("VOUCHSAFE_TEST_POSTGRES") else {
        return;
    };
    let database_url = make_database(&postgres).await;
    let (_, name) = database_url.rsplit_once('/').unwrap();
    let lab = Lab::with(|config| config.vault_db = Some(database_url.clone())).await;
    let ada = lab.sign_up("ada").await;
    assert_eq!(write(&lab, &ada).await.0, 201);
    let admin = database(&format!("{postgres}/postgres")).await;
    let run = async |sql: String| {
        let sql = sqlx::AssertSqlSafe(sql);
        sqlx::raw_sql(sql).execute(&admin).await.unwrap();
    };
    // New connections are to a server that takes no writes, and the old ones end.
    run(format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on"
    ))
    .await;
    run(format!(
        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"
    ))
    .await;
    for _ in 0..3 {
        assert_eq!(code(&write(&lab, &ada).await), (503, "server_error"));
    }
    // What can be read is, once the server knows that its connections ended.
    until(async || {
        let read = lab.vault(&ada.token, "GET", "/cards", None).await;
        (read.0 == 200).then_some(())
    })
    .await;
    assert_eq!(code(&write(&lab, &ada).await), (503, "server_error"));
    // The address leads to the new primary.
    run(format!(
        "ALTER DATABASE {name} RESET default_transaction_read_only"
    ))
    .await;
    until(async || (write(&lab, &ada).await.0 == 201).then_some(())).await;
    for _ in 0..3 {
        assert_eq!(write(&lab, &ada).await.0, 201);
    }
    admin.close().await;
}

/// How many connections to this database are in a state.
async fn connections(url: &str, state: &'static str) -> i64 {
    let pool = database(url).await;
    let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
               AND state LIKE $1";
    let count = sqlx::query_scalar(sql).bind(state).fetch_one(&pool).await;
    pool.close().await;
    count.unwrap()
}

#[tokio::test]
async fn requests_that_are_cut_leave_no_transaction_behind() {
    if std::env::var("VOUCHSAFE_TEST_POSTGRES").is_err() {
        return;
    }
    let lab = Lab::new().await;
    let mut people = Vec::new();
    for name in ["ada", "bob", "eve", "joe"] {
        people.push(lab.sign_up(name).await);
    }
    for round in 0..60 {
        let cut = people.iter().map(|person| {
            let mut written = Box::pin(write(&lab, person));
            async move {
                // So far, and no further.
                for _ in 0..round {
                    let written = written.as_mut();
                    if futures_util::future::poll_immediate(written)
                        .await
                        .is_some()
                    {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            }
        });
        futures_util::future::join_all(cut).await;
    }
    until(async || (connections(&lab.vault_db, "active").await == 0).then_some(())).await;
    until(async || (connections(&lab.vault_db, "idle in%").await == 0).then_some(())).await;
    for person in &people {
        assert_eq!(write(&lab, person).await.0, 201);
    }
}

#[tokio::test]
async fn a_space_that_was_given_more_time_is_not_swept() {
    if std::env::var("VOUCHSAFE_TEST_POSTGRES").is_err() {
        return;
    }
    let lab = Lab::with(|config| config.sweep = std::time::Duration::from_millis(20)).await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let end = lab.now() + 1000;
    let spaces = [new_space(&bob, Some(end)), new_space(&bob, Some(end))];
    let body = Some(json!({ "spaces": spaces }));
    let made = lab.keystore(&ada.session, "POST", "/spaces", body).await;
    assert_eq!(made.0, 200);
    let pool = database(&lab.keystore_db).await;
    let mut longer = pool.begin().await.unwrap();
    let id = |nth: usize| spaces[nth]["id"].as_str().unwrap();
    sqlx::query("UPDATE spaces SET expires_at = $1 WHERE id = $2")
        .bind(end + DAY)
        .bind(id(0))
        .execute(&mut *longer)
        .await
        .unwrap();
    lab.pass(2000);
    // The sweep has found both, and waits for the first one.
    until(async || {
        let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waits: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        (waits > 0).then_some(())
    })
    .await;
    longer.commit().await.unwrap();
    let gone = async |nth: usize| {
        let sql = "SELECT COUNT(*) FROM spaces WHERE id = $1 AND deleted_at IS NOT NULL";
        let gone = sqlx::query_scalar(sql).bind(id(nth)).fetch_one(&pool).await;
        let gone: i64 = gone.unwrap();
        gone
    };
    until(async || (gone(1).await == 1).then_some(())).await;
    assert_eq!(gone(0).await, 0);
    pool.close().await;
}
