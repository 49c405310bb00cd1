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
        until(async || (lab.call("GET", &ready, None, None).await.0 == 200).then_some(())).await;
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
