//! Uploads: their parts, in any order and again, and their ends.

use std::collections::BTreeSet;

use super::*;
use crate::common::*;
use futures_util::future::join_all;

#[tokio::test]
async fn a_file_goes_in_parts_and_comes_back() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (files, id) = (Files::of(&lab, &ada), v7());
    let content = content(2 * PART + 5);
    let mut made = json!({
        "id": id, "state": "uploading", "size": 0, "createdAt": lab.now(), "updatedAt": lab.now(),
    });
    assert_eq!(files.begin(&id).await, (201, made.clone()));
    lab.pass(1000);
    assert_eq!(files.begin(&id).await, (200, made.clone()), "repeated");
    let empty = json!({ "state": "uploading", "ranges": [] });
    assert_eq!(files.ranges(&id).await, (200, empty));

    // Out of order, and one twice.
    for (part, ranges) in [
        (2, json!([{ "first": 2 * PART, "last": 2 * PART + 4 }])),
        (
            0,
            json!([{ "first": 0, "last": PART - 1 }, { "first": 2 * PART, "last": 2 * PART + 4 }]),
        ),
        (
            0,
            json!([{ "first": 0, "last": PART - 1 }, { "first": 2 * PART, "last": 2 * PART + 4 }]),
        ),
        (1, json!([{ "first": 0, "last": 2 * PART + 4 }])),
    ] {
        assert_eq!(
            files.put(&id, part, &content).await.code(),
            (204, "no error".into())
        );
        let stored = json!({ "state": "uploading", "ranges": ranges });
        assert_eq!(files.ranges(&id).await, (200, stored));
    }
    assert_eq!(files.sees(&id).await, missing(), "before it is finished");
    (made["size"], made["updatedAt"]) = (json!(content.len()), json!(lab.now()));
    assert_eq!(files.list().await, [made.clone()]);

    lab.pass(1000);
    (made["state"], made["updatedAt"]) = (json!("finished"), json!(lab.now()));
    for _ in 0..2 {
        assert_eq!(files.finish(&id, &content).await, (200, made.clone()));
        lab.pass(1000);
    }
    assert_eq!(files.begin(&id).await, (200, made.clone()));
    assert_eq!(files.list().await, [made]);
    let got = files.get(&id, &[]).await;
    assert_eq!(got.status, 200);
    assert!(got.bytes == content);
    let listed = files.digests(&id).await;
    assert_eq!(listed.bytes, digests(&content));
    assert_eq!(listed.header("content-type"), "application/octet-stream");

    // Nothing changes any more; what is there may be sent again.
    assert_eq!(files.put(&id, 1, &content).await.status, 204);
    let conflict = (409, "conflict".to_owned());
    assert_eq!(files.put_at(&id, 3 * PART, b"more").await.code(), conflict);
    assert_eq!(
        files.put_at(&id, 0, &content[1..=PART]).await.code(),
        conflict
    );
    let others = super::content(2 * PART + 5);
    assert_eq!(code(&files.finish(&id, &others).await), (409, "conflict"));
    assert!(files.get(&id, &[]).await.bytes == content);
}

#[tokio::test]
async fn a_part_is_stored_once() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (files, id) = (Files::of(&lab, &ada), v7());
    let content = content(PART + 7);
    files.begin(&id).await;
    assert_eq!(files.put(&id, 0, &content).await.status, 204);
    let conflict = (409, "conflict".to_owned());
    // Other bytes at the same place, or fewer of the same.
    let other = super::content(PART);
    assert_eq!(files.put_at(&id, 0, &other).await.code(), conflict);
    assert_eq!(files.put_at(&id, 0, &content[..9]).await.code(), conflict);
    // Of several that come at once one stays, whole, and only who sent it again is told that it is there.
    let rivals = [super::content(7), super::content(7), super::content(7)];
    let sent = rivals.iter().flat_map(|rival| [rival, rival]);
    let answers = join_all(sent.map(|rival| files.put_at(&id, PART, rival))).await;
    let stored: Vec<usize> = (0..6).filter(|at| answers[*at].status == 204).collect();
    assert_eq!(stored.len(), 2, "{stored:?}");
    assert_eq!(stored[0] / 2, stored[1] / 2);
    let whole = [&content[..PART], &rivals[stored[0] / 2]].concat();
    assert_eq!(files.finish(&id, &whole).await.0, 200);
    assert!(files.get(&id, &[]).await.bytes == whole);

    // Somebody else's upload is nobody's.
    let (theirs, foreign) = (Files::of(&lab, &bob), v7());
    files.begin(&foreign).await;
    assert_eq!(theirs.put(&foreign, 0, &content).await.code(), missing());
    assert_eq!(code(&theirs.ranges(&foreign).await), (404, "not_found"));
    let finished = theirs.finish(&foreign, &content).await;
    assert_eq!(code(&finished), (404, "not_found"));
    assert_eq!(code(&theirs.delete(&foreign).await), (404, "not_found"));
    assert_eq!(code(&theirs.begin(&foreign).await), (409, "conflict"));
    assert_eq!(theirs.list().await, [json!(null); 0]);
    assert_eq!(files.ranges(&foreign).await.1["ranges"], json!([]));
}

#[tokio::test]
async fn a_finish_fits_what_is_stored_or_changes_nothing() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (files, id) = (Files::of(&lab, &ada), v7());
    let content = content(3 * PART + 1);
    files.begin(&id).await;
    for part in [0, 1, 3] {
        files.put(&id, part, &content).await;
    }
    let path = format!("/files/{id}/finish");
    let finish = async |body: Value| {
        let answer = lab.vault(&ada.token, "POST", &path, Some(body)).await;
        let code = code(&answer);
        (code.0, code.1.to_owned())
    };
    let conflict = (409, "conflict".to_owned());
    assert_eq!(finish(finish_body(&content)).await, conflict, "a gap");
    files.put(&id, 2, &content).await;
    let right = finish_body(&content);
    let mut swapped = digests(&content);
    swapped.rotate_left(32);
    let changed = json!({ "size": content.len(), "digests": encode(&swapped) });
    assert_eq!(finish(changed).await, conflict, "in another order");
    assert_eq!(finish(finish_body(&content[..3 * PART])).await, conflict);
    let longer = [&content[..], b"x"].concat();
    assert_eq!(finish(finish_body(&longer)).await, conflict);

    let bad = (400, "bad_input".to_owned());
    let list = &right["digests"];
    for (size, digests) in [
        (json!(0), json!("")),
        (json!(-1), list.clone()),
        (json!(content.len()), json!("")),
        (
            json!(content.len()),
            json!(encode(&digests(&content)[..31])),
        ),
        (
            json!(content.len()),
            json!(encode(&[digests(&content), vec![0]].concat())),
        ),
        (json!(3 * PART), list.clone()),
        (json!(4 * PART + 1), list.clone()),
        (json!(5_368_791_097_u64), list.clone()),
    ] {
        let body = json!({ "size": size, "digests": digests });
        assert_eq!(finish(body).await, bad, "{size}");
    }
    assert_eq!(files.list().await[0]["state"], "uploading");
    assert_eq!(finish(right).await.0, 200);

    // A short part in the middle is none of a file.
    let id = v7();
    files.begin(&id).await;
    files.put_at(&id, 0, &content[..9]).await;
    files.put_at(&id, PART, &content[..9]).await;
    let list = [Sha256::digest(&content[..9]), Sha256::digest(&content[..9])].concat();
    let body = json!({ "size": 18, "digests": encode(&list) });
    let path = format!("/files/{id}/finish");
    let answer = lab.vault(&ada.token, "POST", &path, Some(body)).await;
    assert_eq!(code(&answer), (400, "bad_input"));
    let body = json!({ "size": PART + 9, "digests": encode(&list) });
    let answer = lab.vault(&ada.token, "POST", &path, Some(body)).await;
    assert_eq!(code(&answer), (409, "conflict"));
}

#[tokio::test]
async fn a_part_is_whole_and_in_its_place() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (files, id) = (Files::of(&lab, &ada), v7());
    let content = content(PART + 1);
    files.begin(&id).await;
    let last = 5_368_791_096 - 1;
    for (range, bytes) in [
        ("", 1),
        ("bytes 0-0/1", 1),
        ("bytes 1-1/*", 1),
        ("bytes 0-1/*", 1),
        ("bytes 0-0/*", 2),
        ("bytes 0-0/*", 0),
        ("bytes 0-1048576/*", PART + 1),
        (
            &format!("bytes {}-{}/*", 5120 * PART, last + 1),
            last + 2 - 5120 * PART,
        ),
        ("bytes 9007199254740992-9007199254740992/*", 1),
        ("bytes 18446744073709551615-18446744073709551615/*", 1),
    ] {
        let headers = [("content-range", range)];
        let answer = files.put_with(&id, &headers, &content[..bytes]).await;
        assert_eq!(answer.code(), (400, "bad_input".into()), "{range}");
    }
    let url = files.url(&format!("/files/{id}"));
    let request = lab.http.put(url).bearer_auth(&files.token);
    let request = request.header("content-range", "bytes 0-1/*").json(&11);
    assert_eq!(request.send().await.unwrap().status(), 415);
    assert_eq!(files.ranges(&id).await.1["ranges"], json!([]));
    // The last place of all.
    let whole = &content[..last + 1 - 5120 * PART];
    assert_eq!(files.put_at(&id, 5120 * PART, whole).await.status, 204);
    for id in ["x", &uuid::Uuid::new_v4().to_string()] {
        assert_eq!(code(&files.begin(id).await), (400, "bad_input"), "{id}");
    }
}

#[tokio::test]
async fn what_ends_gives_its_room_back() {
    let lab = Lab::with(|config| {
        config.quotas.file_bytes = i64::try_from(PART).unwrap() + 8;
        config.quotas.files = 2;
        config.quotas.uploads = 1;
    })
    .await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let files = Files::of(&lab, &ada);
    let exceeded = |answer: &Answer| {
        assert_eq!(code(answer), (403, "quota_exceeded"));
        answer.1["error"]["quota"].as_str().unwrap().to_owned()
    };
    let content = content(PART + 9);
    let first = v7();
    files.begin(&first).await;
    assert_eq!(exceeded(&files.begin(&v7()).await), "uploads");
    assert_eq!(files.begin(&first).await.0, 200, "a repeat");
    assert_eq!(files.put(&first, 0, &content).await.status, 204);
    let full = files.put(&first, 1, &content).await;
    let full: Answer = (full.status, serde_json::from_slice(&full.bytes).unwrap());
    assert_eq!(exceeded(&full), "file_bytes");
    assert_eq!(objects(&lab), 1, "what was refused has left nothing");
    // What is there may be sent again, and others have room of their own.
    assert_eq!(files.put(&first, 0, &content).await.status, 204);
    Files::of(&lab, &bob).upload(b"bob's").await;
    for _ in 0..2 {
        assert_eq!(files.delete(&first).await, (204, Value::Null));
    }
    assert_eq!(
        code(&files.begin(&first).await),
        (409, "conflict"),
        "its id stays taken"
    );
    assert_eq!(files.put(&first, 1, &content).await.code(), missing());
    assert_eq!(code(&files.ranges(&first).await), (404, "not_found"));
    files.upload(&content[..PART]).await;
    files.upload(b"another").await;
    assert_eq!(exceeded(&files.begin(&v7()).await), "files");
    assert_eq!(files.list().await.len(), 2);
}

/// The objects in the folder of a lab's files; as many as were expected where they are in a bucket.
fn objects(lab: &Lab) -> usize {
    let folder = lab.folder.path().join("vault.files");
    let Ok(files) = std::fs::read_dir(folder) else {
        return 1;
    };
    let files = files.map(|file| std::fs::read_dir(file.unwrap().path()).unwrap().count());
    files.sum()
}

#[tokio::test]
async fn files_come_in_pages() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let files = Files::of(&lab, &ada);
    let mut ids = BTreeSet::new();
    for _ in 0..5 {
        let id = v7();
        files.begin(&id).await;
        ids.insert(id);
    }
    let (mut seen, mut next) = (BTreeSet::new(), String::new());
    loop {
        let path = format!("/files?limit=2{next}");
        let (status, page) = lab.vault(&ada.token, "GET", &path, None).await;
        assert_eq!(status, 200);
        for item in page["items"].as_array().unwrap() {
            assert!(seen.insert(item["id"].as_str().unwrap().to_owned()));
        }
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    let path = format!("/files?connection={}", v7());
    let refused = lab.vault(&ada.token, "GET", &path, None).await;
    assert_eq!(code(&refused), (400, "bad_input"));
}
