//! PostgreSQL that is away for a while, or becomes a standby. These need a server of it, like the others with its URL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::*;
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

/// A way to the database that can be cut.
struct Bridge {
    url: String,
    is_open: Arc<AtomicBool>,
    cut: watch::Sender<()>,
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
        let open = Arc::clone(&is_open);
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let (open, target, mut cuts) =
                    (open.load(Ordering::SeqCst), target.clone(), cuts.clone());
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    if open && let Ok(mut to) = TcpStream::connect(target).await {
                        tokio::select! {
                            _ = copy_bidirectional(&mut from, &mut to) => {}
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
        }
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
    let path = format!("/cards/{}", v7());
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
    assert_eq!(write(&lab, &ada).await.0, 201);
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
    let read = lab.vault(&ada.token, "GET", "/cards", None).await;
    assert_eq!(read.0, 200, "what can be read is");
    // The address leads to the new primary.
    run(format!(
        "ALTER DATABASE {name} RESET default_transaction_read_only"
    ))
    .await;
    for _ in 0..3 {
        assert_eq!(write(&lab, &ada).await.0, 201);
    }
    admin.close().await;
}
