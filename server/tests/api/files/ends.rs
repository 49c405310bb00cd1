//! Sharing files, and every way in which that ends.

use std::time::Duration;

use super::*;
use crate::common::*;
use crate::links::Made;

const HOUR: i64 = 60 * 60 * 1000;

/// Two people who are connected, and a file of the first.
struct Pair {
    lab: Lab,
    ada: Person,
    bob: Person,
    connection: String,
    file: String,
}

impl Pair {
    async fn new() -> Self {
        let lab = Lab::new().await;
        let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
        let connection = lab.connect(&ada, &bob).await;
        let file = Files::of(&lab, &ada).upload(b"content").await;
        Self {
            lab,
            ada,
            bob,
            connection,
            file,
        }
    }

    async fn share(&self, expires_at: Option<i64>, files: &[&String]) -> String {
        let (lab, token) = (&self.lab, &self.ada.token);
        let (error, share) = make_share(lab, token, &self.connection, expires_at, files).await;
        assert_eq!(error, Value::Null);
        share["id"].as_str().unwrap().to_owned()
    }

    /// Whether Bob sees the file, by a token of now.
    async fn bob_sees(&self, file: &str) -> (u16, String) {
        Files::now(&self.lab, &self.bob).await.sees(file).await
    }

    async fn delete(&self, path: String) {
        let token = self.lab.token(&self.ada).await;
        let (status, _) = self.lab.vault(&token, "DELETE", &path, None).await;
        assert_eq!(status, 204, "{path}");
    }
}

#[tokio::test]
async fn a_file_goes_with_its_shares() {
    let pair = Pair::new().await;
    let (lab, ada) = (&pair.lab, &pair.ada);
    let eve = lab.sign_up("eve").await;
    let mine = Files::of(lab, ada);
    assert_eq!(
        pair.bob_sees(&pair.file).await,
        missing(),
        "nothing lists it"
    );
    // A card is its owner's alone.
    let card = v7();
    assert_eq!(
        put_card(lab, &ada.token, &card, 0, &[&pair.file]).await.0,
        201
    );
    assert_eq!(pair.bob_sees(&pair.file).await, missing());
    let share = pair.share(None, &[&pair.file]).await;
    assert_eq!(pair.bob_sees(&pair.file).await, served());
    assert_eq!(Files::of(lab, &eve).sees(&pair.file).await, missing());
    assert_eq!(mine.sees(&pair.file).await, served());
    let theirs = Files::of(lab, &pair.bob);
    assert_eq!(code(&theirs.ranges(&pair.file).await), (404, "not_found"));
    assert_eq!(code(&theirs.delete(&pair.file).await), (404, "not_found"));
    assert_eq!(
        code(&mine.delete(&pair.file).await),
        (409, "conflict"),
        "it is listed"
    );

    // Each edition has its own list.
    let other = mine.upload(b"other").await;
    let shares = ("/shares", &*share);
    for (replaces, list, sees) in [
        (1, vec![&other], [missing(), served()]),
        (2, vec![&pair.file, &other], [served(), served()]),
        (3, vec![], [missing(), missing()]),
    ] {
        let error = renew(lab, &ada.token, shares, replaces, None, &list).await;
        assert_eq!(error, Value::Null);
        let seen = [pair.bob_sees(&pair.file).await, pair.bob_sees(&other).await];
        assert_eq!(seen, sees, "{replaces}");
    }
    assert_eq!(mine.delete(&other).await.0, 204);
    assert_eq!(mine.sees(&other).await, missing());
    assert_eq!(mine.sees(&pair.file).await, served(), "its card lists it");
    // Who sends no list, as older clients do, lists none.
    let body = json!({ "card": jwe("plain"), "version": 1, "unsettled": false });
    let path = format!("/cards/{card}");
    assert_eq!(lab.vault(&ada.token, "PUT", &path, Some(body)).await.0, 200);
    assert_eq!(mine.delete(&pair.file).await.0, 204);
}

#[tokio::test]
async fn what_ends_a_share_ends_its_files() {
    for way in [
        "revoked",
        "expired",
        "disconnected",
        "by the other",
        "deleted",
    ] {
        let pair = Pair::new().await;
        let end = (way == "expired").then(|| pair.lab.now() + HOUR);
        let share = pair.share(end, &[&pair.file]).await;
        assert_eq!(pair.bob_sees(&pair.file).await, served(), "{way}");
        match way {
            "revoked" => pair.delete(format!("/shares/{share}")).await,
            "expired" => pair.lab.pass(HOUR),
            "disconnected" => {
                pair.delete(format!("/connections/{}", pair.connection))
                    .await
            }
            "by the other" => {
                let path = format!("/connections/{}", pair.connection);
                let ended = pair.lab.vault(&pair.bob.token, "DELETE", &path, None);
                assert_eq!(ended.await.0, 204);
            }
            _ => {
                let proof = pair.lab.proof(&pair.ada).await;
                let ended = pair.lab.vault(&proof, "DELETE", "/account", None).await;
                assert_eq!(ended.0, 204);
            }
        }
        assert_eq!(pair.bob_sees(&pair.file).await, missing(), "{way}");
        // Its owner has it until a day later.
        if way != "deleted" {
            let mine = Files::now(&pair.lab, &pair.ada).await;
            assert_eq!(mine.sees(&pair.file).await, served(), "{way}");
        }
    }
}

#[tokio::test]
async fn what_ends_a_link_ends_its_files() {
    for way in ["revoked", "expired", "closed", "used", "deleted", "edition"] {
        let lab = Lab::with(|config| config.sweep = Duration::from_millis(20)).await;
        let ada = lab.sign_up("ada").await;
        let file = Files::of(&lab, &ada).upload(b"content").await;
        let mut link = Made::new(&lab, (way == "used").then_some(1));
        link.body["files"] = json!([file]);
        let end = lab.now() + HOUR / 2;
        if way == "expired" {
            link.body["expiresAt"] = json!(end);
        }
        assert_eq!(link.put(&lab, &ada).await.0, 201);
        let read = link.read(&lab, &random(16)).await.1;
        let ticket = read["ticket"].as_str().unwrap();
        let url = format!(
            "{}/v1/links/{}/files/{file}",
            lab.server.vault_url(),
            link.id
        );
        let get = async || {
            octets(&lab.http, "GET", &url, ticket, &[], None)
                .await
                .code()
        };
        assert_eq!(get().await, (200, "no error".into()), "{way}");
        match way {
            "revoked" => {
                let path = format!("/links/{}", link.id);
                assert_eq!(lab.vault(&ada.token, "DELETE", &path, None).await.0, 204);
            }
            "expired" => lab.pass(HOUR / 2),
            "closed" => {
                for _ in 0..10 {
                    link.guess(&lab).await;
                }
            }
            "used" => {
                assert_eq!(link.open(&lab).await.0, 410);
                assert_eq!(get().await.0, 200, "whoever read it last has their hour");
                lab.pass(HOUR);
            }
            "edition" => {
                let end = link.body["expiresAt"].as_i64();
                let error = renew(&lab, &ada.token, ("/links", &link.id), 1, end, &[]).await;
                assert_eq!(error, Value::Null);
            }
            _ => {
                let proof = lab.proof(&ada).await;
                assert_eq!(lab.vault(&proof, "DELETE", "/account", None).await.0, 204);
            }
        }
        assert_eq!(get().await, missing(), "{way}");
    }
}

#[tokio::test]
async fn a_download_ends_with_the_share() {
    let pair = Pair::new().await;
    let (lab, ada) = (&pair.lab, &pair.ada);
    let large = Files::of(lab, ada).upload(&content(12 * PART)).await;
    let share = pair.share(None, &[&large]).await;
    let url = format!("{}/v1/files/{large}", lab.server.vault_url());
    let request = lab.http.get(url).bearer_auth(&pair.bob.token);
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.chunk().await.unwrap().is_some());
    pair.delete(format!("/shares/{share}")).await;
    let mut read = 0;
    let broke = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broke, "{read} bytes came after the share was revoked");
}

#[tokio::test]
async fn a_deleted_account_leaves_no_files() {
    let pair = Pair::new().await;
    let (lab, ada) = (&pair.lab, &pair.ada);
    let mine = Files::of(lab, ada);
    let (card, unfinished) = (v7(), v7());
    put_card(lab, &ada.token, &card, 0, &[&pair.file]).await;
    mine.begin(&unfinished).await;
    mine.put(&unfinished, 0, b"begun").await;
    let theirs = Files::of(lab, &pair.bob).upload(b"bob's").await;
    let proof = lab.proof(ada).await;
    let ended = lab.vault(&proof, "DELETE", "/account", None).await;
    assert_eq!(ended.0, 204);
    let pool = database(&lab.vault_db).await;
    for sql in [
        "SELECT COUNT(*) FROM files WHERE account = $1 AND (deleted_at IS NULL OR to_erase = 1 OR size > 0 OR digest IS NOT NULL)",
        "SELECT COUNT(*) FROM parts JOIN files ON files.id = parts.file WHERE account = $1",
        "SELECT COUNT(*) FROM listings JOIN files ON files.id = listings.file WHERE account = $1",
    ] {
        let left: i64 = sqlx::query_scalar(sql)
            .bind(&ada.account)
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(left, 0, "{sql}");
    }
    pool.close().await;
    let folder = lab.folder.path().join("vault.files");
    for file in [&pair.file, &unfinished] {
        assert!(!folder.join(file).exists());
    }
    assert_eq!(pair.bob_sees(&theirs).await, served());
}
