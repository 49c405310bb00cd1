//! What is erased by itself: uploads that do not go on, files that nothing lists, objects that no row names.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::common::*;
use crate::sweeping::count;

async fn lab() -> Lab {
    Lab::with(|config| {
        config.sweep = Duration::from_millis(20);
        // What these tests look at lies in a folder.
        config.vault_files = None;
    })
    .await
}

/// The folder of a file's objects.
fn folder(lab: &Lab, file: &str) -> PathBuf {
    lab.folder.path().join("vault.files").join(file)
}

const LEFT: &str = "SELECT COUNT(*) FROM parts WHERE file = $1";
const ERASED: &str =
    "SELECT COUNT(*) FROM files WHERE id = $1 AND deleted_at IS NOT NULL AND to_erase = 0";

/// Waits until a file is erased.
async fn is_erased(lab: &Lab, file: &str) {
    count(&lab.vault_db, ERASED, file, 1).await;
    count(&lab.vault_db, LEFT, file, 0).await;
    assert!(!folder(lab, file).exists());
}

/// Lets the sweeps come to the time that it is now: what they erase last is gone.
async fn swept(lab: &Lab) {
    let pool = database(&lab.vault_db).await;
    until(async || {
        let sql = "SELECT seen_at FROM owner";
        let seen: Option<i64> = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        (seen == Some(lab.now())).then_some(())
    })
    .await;
    pool.close().await;
}

/// Lets the sweep that goes on come to its end: the next one begins after it.
async fn swept_through(lab: &Lab) {
    swept(lab).await;
    pass(lab, 1).await;
}

/// Moves the clock, and lets the sweeps see it.
async fn pass(lab: &Lab, millis: i64) {
    lab.pass(millis);
    swept(lab).await;
}

#[tokio::test]
async fn an_upload_that_does_not_go_on_is_erased_after_a_day() {
    let lab = lab().await;
    let ada = lab.sign_up("ada").await;
    let files = Files::of(&lab, &ada);
    let (slow, cut, empty) = (v7(), v7(), v7());
    for id in [&slow, &cut, &empty] {
        files.begin(id).await;
    }
    let content = content(2 * PART);
    files.put(&slow, 0, &content).await;
    files.put(&cut, 0, &content).await;
    pass(&lab, DAY - 1).await;
    let files = Files::now(&lab, &ada).await;
    assert_eq!(files.list().await.len(), 3);
    assert_eq!(files.put(&slow, 1, &content).await.status, 204);
    lab.pass(1);
    is_erased(&lab, &cut).await;
    is_erased(&lab, &empty).await;
    let files = Files::now(&lab, &ada).await;
    assert_eq!(code(&files.ranges(&cut).await), (404, "not_found"));
    assert_eq!(files.finish(&slow, &content).await.0, 200);
}

#[tokio::test]
async fn a_file_is_erased_a_day_after_no_row_lists_it() {
    let lab = lab().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let files = Files::of(&lab, &ada);
    let (never, listed) = (files.upload(b"never").await, files.upload(b"listed").await);
    let card = v7();
    put_card(&lab, &ada.token, &card, 0, &[&listed]).await;
    let end = lab.now() + 3 * DAY;
    let (error, _) = make_share(&lab, &ada.token, &connection, Some(end), &[&listed]).await;
    assert_eq!(error, Value::Null);
    pass(&lab, DAY - 1).await;
    assert_eq!(Files::now(&lab, &ada).await.sees(&never).await, served());
    lab.pass(1);
    is_erased(&lab, &never).await;

    // The card lets go of it, and the share still has it for two days.
    let token = lab.token(&ada).await;
    let path = format!("/cards/{card}");
    assert_eq!(lab.vault(&token, "DELETE", &path, None).await.0, 204);
    pass(&lab, DAY).await;
    pass(&lab, DAY - 1).await;
    assert_eq!(Files::now(&lab, &bob).await.sees(&listed).await, served());
    // The share expires, and a day later the file goes.
    pass(&lab, 1).await;
    let unlisted = "SELECT COUNT(*) FROM listings WHERE file = $1";
    count(&lab.vault_db, unlisted, &listed, 0).await;
    assert_eq!(Files::now(&lab, &bob).await.sees(&listed).await, missing());
    pass(&lab, DAY - 1).await;
    assert_eq!(Files::now(&lab, &ada).await.sees(&listed).await, served());
    lab.pass(1);
    is_erased(&lab, &listed).await;
    let token = lab.token(&ada).await;
    let refused = put_card(&lab, &token, &v7(), 0, &[&listed]).await;
    assert_eq!(code(&refused), (404, "not_found"));
}

#[tokio::test]
async fn a_file_that_is_listed_again_stays() {
    let lab = lab().await;
    let ada = lab.sign_up("ada").await;
    let file = Files::of(&lab, &ada).upload(b"content").await;
    let card = v7();
    put_card(&lab, &ada.token, &card, 0, &[&file]).await;
    put_card(&lab, &ada.token, &card, 1, &[]).await;
    pass(&lab, DAY - 1).await;
    let token = lab.token(&ada).await;
    assert_eq!(put_card(&lab, &token, &card, 2, &[&file]).await.0, 200);
    for _ in 0..3 {
        pass(&lab, DAY).await;
        assert_eq!(Files::now(&lab, &ada).await.sees(&file).await, served());
    }
}

#[tokio::test]
async fn objects_without_a_row_go_a_day_after_they_were_found() {
    let lab = lab().await;
    let ada = lab.sign_up("ada").await;
    let files = Files::of(&lab, &ada);
    let file = files.upload(b"content").await;
    put_card(&lab, &ada.token, &v7(), 0, &[&file]).await;
    // Beside the parts of a file, and of a file that nobody knows.
    let strays = [
        folder(&lab, &file).join("0000-AAAAAAAAAAAAAAAAAAAAAA"),
        folder(&lab, &v7()).join("0007-AAAAAAAAAAAAAAAAAAAAAA"),
    ];
    swept_through(&lab).await;
    for stray in &strays {
        std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
        std::fs::write(stray, "stray").unwrap();
    }
    let known = "SELECT COUNT(*) FROM strays WHERE object <> $1";
    lab.pass(DAY);
    count(&lab.vault_db, known, "", 2).await;
    assert!(strays.iter().all(|stray| stray.exists()));
    lab.pass(DAY);
    count(&lab.vault_db, known, "", 0).await;
    assert!(strays.iter().all(|stray| !stray.exists()));
    let got = Files::now(&lab, &ada).await.get(&file, &[]).await;
    assert_eq!(got.bytes, b"content", "what has a row stays");
}

#[tokio::test]
async fn an_object_that_gets_its_row_is_no_stray_any_more() {
    let lab = lab().await;
    let ada = lab.sign_up("ada").await;
    let file = Files::of(&lab, &ada).upload(b"content").await;
    put_card(&lab, &ada.token, &v7(), 0, &[&file]).await;
    swept_through(&lab).await;
    // As one is found that is being written: it has no row yet.
    let pool = database(&lab.vault_db.replace("mode=ro", "mode=rw")).await;
    let run = async |sql: &'static str| {
        let done = sqlx::query(sql).bind(&file).execute(&pool).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    };
    run("UPDATE parts SET part = 7 WHERE file = $1").await;
    lab.pass(DAY);
    let known = "SELECT COUNT(*) FROM strays WHERE object LIKE $1 || '%'";
    count(&lab.vault_db, known, &file, 1).await;
    run("UPDATE parts SET part = 0 WHERE file = $1").await;
    pool.close().await;
    lab.pass(DAY);
    count(&lab.vault_db, known, &file, 0).await;
    let got = Files::now(&lab, &ada).await.get(&file, &[]).await;
    assert_eq!(got.bytes, b"content");
}
