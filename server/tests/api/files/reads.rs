//! Reading files: in ranges, and by whom.

use super::*;
use crate::common::*;
use crate::links::Made;

#[tokio::test]
async fn any_range_of_a_file_is_read() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let files = Files::of(&lab, &ada);
    let content = content(2 * PART + 700_000);
    let size = content.len();
    let id = files.upload(&content).await;
    let whole = files.get(&id, &[]).await;
    assert_eq!(
        (whole.status, whole.header("content-length")),
        (200, &*size.to_string())
    );
    assert!(whole.bytes == content);
    let tag = format!("\"{}\"", encode(&Sha256::digest(digests(&content))));
    for (name, value) in [
        ("etag", &*tag),
        ("accept-ranges", "bytes"),
        ("cache-control", "no-store"),
        ("content-type", "application/octet-stream"),
        ("content-range", ""),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(whole.header(name), value);
    }
    for (range, first, last) in [
        ("bytes=0-0".to_owned(), 0, 0),
        (format!("bytes={}-{PART}", PART - 1), PART - 1, PART),
        (
            format!("bytes=300000-{}", 2 * PART + 5),
            300_000,
            2 * PART + 5,
        ),
        (format!("bytes={}-", 2 * PART), 2 * PART, size - 1),
        ("bytes=-1".to_owned(), size - 1, size - 1),
        (format!("bytes={}-99999999", size - 2), size - 2, size - 1),
    ] {
        let got = files.get(&id, &[("range", &range)]).await;
        assert_eq!(got.status, 206, "{range}");
        assert!(got.bytes == content[first..=last], "{range}");
        let place = format!("bytes {first}-{last}/{size}");
        assert_eq!(got.header("content-range"), place);
        assert_eq!(got.header("content-length"), (last - first + 1).to_string());
        assert_eq!(got.header("etag"), tag);
        assert_eq!(got.header("cache-control"), "no-store");
    }
    let beyond = files
        .get(&id, &[("range", &format!("bytes={size}-"))])
        .await;
    assert_eq!(beyond.code(), (416, "bad_input".into()));
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    // A range of the file that the reader knows, and of another one.
    for (known, status) in [(&*tag, 206), ("\"other\"", 200)] {
        let headers = [("range", "bytes=0-0"), ("if-range", known)];
        assert_eq!(files.get(&id, &headers).await.status, status, "{known}");
    }
    let url = files.url(&format!("/files/{id}"));
    let head = octets(&lab.http, "HEAD", &url, &files.token, &[], None).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert_eq!(head.header("content-length"), size.to_string());
}

#[tokio::test]
async fn pages_may_send_and_see_what_files_need() {
    let lab = Lab::with(|config| config.cors_origins = vec!["https://app.example".into()]).await;
    let url = format!("{}/v1/files/{}", lab.server.vault_url(), v7());
    for (method, asked) in [
        ("PUT", "authorization,content-range,content-type"),
        ("GET", "authorization,if-range,range"),
    ] {
        let request = lab.http.request(Method::OPTIONS, &url);
        let request = request
            .header("origin", "https://app.example")
            .header("access-control-request-method", method)
            .header("access-control-request-headers", asked);
        let answer = request.send().await.unwrap();
        let allowed = answer.headers()["access-control-allow-headers"]
            .to_str()
            .unwrap();
        for header in asked.split(',') {
            assert!(
                allowed.split(',').any(|allowed| allowed == header),
                "{allowed}"
            );
        }
    }
    let answer = lab.http.get(&url).header("origin", "https://app.example");
    let answer = answer.send().await.unwrap();
    let exposed = answer.headers()["access-control-expose-headers"]
        .to_str()
        .unwrap();
    for header in ["content-range", "etag"] {
        assert!(
            exposed.split(',').any(|exposed| exposed == header),
            "{exposed}"
        );
    }
}

#[tokio::test]
async fn only_ones_own_finished_files_are_listed() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let (adas, bobs) = (Files::of(&lab, &ada), Files::of(&lab, &bob));
    let (own, theirs, unfinished, gone) = (
        adas.upload(b"ada's").await,
        bobs.upload(b"bob's").await,
        v7(),
        adas.upload(b"gone").await,
    );
    adas.begin(&unfinished).await;
    adas.put(&unfinished, 0, b"begun").await;
    assert_eq!(adas.delete(&gone).await.0, 204);
    // What Bob may read is not his either: he knows the id and cannot pass it on.
    let (error, shared) = make_share(&lab, &bob.token, &connection, None, &[&theirs]).await;
    assert_eq!(error, Value::Null);
    assert_eq!(adas.sees(&theirs).await, served());
    let card = v7();
    assert_eq!(put_card(&lab, &ada.token, &card, 0, &[&own]).await.0, 201);
    let (_, share) = make_share(&lab, &ada.token, &connection, None, &[]).await;
    let share_id = share["id"].as_str().unwrap();
    let link = Made::make(&lab, &ada, None).await;
    let end = link.body["expiresAt"].as_i64();
    for wrong in [&theirs, &unfinished, &gone, &v7()] {
        for list in [vec![wrong], vec![&own, wrong]] {
            let answer = put_card(&lab, &ada.token, &v7(), 0, &list).await;
            assert_eq!(code(&answer), (404, "not_found"));
            let answer = put_card(&lab, &ada.token, &card, 1, &list).await;
            assert_eq!(code(&answer), (404, "not_found"));
            let (error, _) = make_share(&lab, &ada.token, &connection, None, &list).await;
            assert_eq!(error["code"], "not_found");
            let error = renew(&lab, &ada.token, ("/shares", share_id), 1, None, &list).await;
            assert_eq!(error["code"], "not_found");
            let mut other = Made::new(&lab, None);
            other.body["files"] = json!(list);
            assert_eq!(code(&other.put(&lab, &ada).await), (404, "not_found"));
            let error = renew(&lab, &ada.token, ("/links", &link.id), 1, end, &list).await;
            assert_eq!(error["code"], "not_found");
        }
    }
    // Nothing of what was refused is there.
    let (_, cards) = lab.vault(&ada.token, "GET", "/cards", None).await;
    assert_eq!(cards["items"].as_array().unwrap().len(), 1);
    assert_eq!(cards["items"][0]["version"], 1);
    assert_eq!(bobs.sees(&own).await, missing());
    let many: Vec<String> = (0..101).map(|_| v7()).collect();
    let many: Vec<&String> = many.iter().collect();
    for list in [&many[..], &[&own, &own]] {
        let answer = put_card(&lab, &ada.token, &v7(), 0, list).await;
        assert_eq!(code(&answer), (400, "bad_input"));
        let (error, _) = make_share(&lab, &ada.token, &connection, None, list).await;
        assert_eq!(error["code"], "bad_input");
        let error = renew(&lab, &ada.token, ("/links", &link.id), 1, end, list).await;
        assert_eq!(error["code"], "bad_input");
    }
    let path = format!("/shares/{}", shared["id"].as_str().unwrap());
    assert_eq!(lab.vault(&bob.token, "DELETE", &path, None).await.0, 204);
    assert_eq!(adas.sees(&theirs).await, missing(), "a former recipient");
}

#[tokio::test]
async fn the_same_record_has_the_same_files() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let files = Files::of(&lab, &ada);
    let (one, two) = (files.upload(b"one").await, files.upload(b"two").await);
    let card = v7();
    for (status, list) in [(201, vec![&one, &two]), (200, vec![&two, &one])] {
        assert_eq!(put_card(&lab, &ada.token, &card, 0, &list).await.0, status);
    }
    for list in [vec![], vec![&one]] {
        let answer = put_card(&lab, &ada.token, &card, 0, &list).await;
        assert_eq!(code(&answer), (409, "conflict"));
    }
    let (_, mut share) = make_share(&lab, &ada.token, &connection, None, &[&one]).await;
    let mut link = Made::new(&lab, None);
    link.body["files"] = json!([one]);
    assert_eq!(link.put(&lab, &ada).await.0, 201);
    let again = async |share: &Value| {
        let body = Some(json!({ "shares": [share] }));
        let (_, made) = lab.vault(&ada.token, "POST", "/shares", body).await;
        made["results"][0]["error"]["code"].clone()
    };
    assert_eq!(again(&share).await, Value::Null);
    assert_eq!(link.put(&lab, &ada).await.0, 200);
    let id = share["id"].as_str().unwrap().to_owned();
    let end = link.body["expiresAt"].as_i64();
    for (route, id, end) in [("/shares", &id, None), ("/links", &link.id, end)] {
        let mut codes = Vec::new();
        for list in [vec![&two], vec![&two], vec![&one], vec![]] {
            let error = renew(&lab, &ada.token, (route, id), 1, end, &list).await;
            codes.push(error["code"].clone());
        }
        let expected = [
            json!(null),
            json!(null),
            json!("conflict"),
            json!("conflict"),
        ];
        assert_eq!(codes, expected, "{route}");
    }
    share["files"] = json!([two]);
    assert_eq!(
        again(&share).await,
        "conflict",
        "the stored edition is another"
    );
}

#[tokio::test]
async fn a_link_gives_its_files_for_an_hour() {
    const HOUR: i64 = 60 * 60 * 1000;
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let files = Files::of(&lab, &ada);
    let content = content(PART + 3);
    let (one, other) = (files.upload(&content).await, files.upload(b"other").await);
    let mut link = Made::new(&lab, None);
    link.body["files"] = json!([one]);
    assert_eq!(link.put(&lab, &ada).await.0, 201);
    let read = random(16);
    let (status, shown) = link.read(&lab, &read).await;
    assert_eq!(status, 200);
    let ticket = shown["ticket"].as_str().unwrap().to_owned();
    let get = async |link: &str, file: &str, ticket: &str| {
        let url = format!("{}/v1/links/{link}/files/{file}", lab.server.vault_url());
        let got = octets(
            &lab.http,
            "GET",
            &url,
            ticket,
            &[("range", "bytes=1-")],
            None,
        )
        .await;
        let list = format!("{url}/digests");
        let list = octets(&lab.http, "GET", &list, ticket, &[], None).await;
        assert_eq!(got.status == 206, list.status == 200);
        got
    };
    let got = get(&link.id, &one, &ticket).await;
    assert_eq!(got.status, 206);
    assert!(got.bytes == content[1..]);
    let second = Made::make(&lab, &ada, None).await;
    let theirs = second.read(&lab, &random(16)).await.1["ticket"].clone();
    lab.pass(HOUR - 1);
    // A repeat within the hour has the same ticket, which does not last longer for it.
    assert_eq!(link.read(&lab, &read).await.1["ticket"], ticket);
    assert_eq!(get(&link.id, &one, &ticket).await.status, 206);
    let another = link.read(&lab, &random(16)).await.1["ticket"].clone();
    assert_ne!(another, ticket);

    // Who has seen the database knows the read, and not what follows from it.
    let forged = encode(&[decode(&json!(read)), vec![7; 16]].concat());
    for (link, file, ticket) in [
        (&link.id, &one, &*forged),
        (&link.id, &other, &*ticket),
        (&link.id, &v7(), &*ticket),
        (&second.id, &one, &*ticket),
        (&second.id, &one, theirs.as_str().unwrap()),
        (&link.id, &one, theirs.as_str().unwrap()),
        (&link.id, &one, &random(32)),
        (&link.id, &one, &read),
        (&link.id, &one, ""),
        (&link.id, &one, &ada.token),
    ] {
        assert_eq!(get(link, file, ticket).await.code(), missing(), "{ticket}");
    }
    lab.pass(1);
    assert_eq!(get(&link.id, &one, &ticket).await.code(), missing());
    assert_eq!(
        get(&link.id, &one, another.as_str().unwrap()).await.status,
        206
    );
}

#[tokio::test]
async fn a_disk_that_fails_is_waited_for() {
    if std::env::var_os("VOUCHSAFE_TEST_S3").is_some() {
        return;
    }
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    let (files, id) = (Files::of(&lab, &ada), v7());
    let content = content(PART);
    files.begin(&id).await;
    // Nothing can be written where a file's folder should be.
    let blocked = lab.folder.path().join("vault.files").join(&id);
    std::fs::write(&blocked, "in the way").unwrap();
    let failed = (503, "server_error".to_owned());
    assert_eq!(files.put(&id, 0, &content).await.code(), failed);
    assert_eq!(files.ranges(&id).await.1["ranges"], json!([]));
    std::fs::remove_file(&blocked).unwrap();
    assert_eq!(files.put(&id, 0, &content).await.status, 204);
    assert_eq!(files.finish(&id, &content).await.0, 200);
    // An object that is lost is an error, and no answer that breaks off.
    std::fs::remove_dir_all(&blocked).unwrap();
    assert_eq!(
        files.get(&id, &[]).await.code(),
        (500, "server_error".into())
    );
}

/// A disk of a few MiB, whose folder a variable names.
#[tokio::test]
async fn a_full_disk_takes_parts_again_when_there_is_room() {
    let Ok(disk) = std::env::var("VOUCHSAFE_TEST_SMALL_DISK") else {
        return;
    };
    let place = format!("{disk}/files");
    let lab = Lab::with(|config| config.vault_files = Some(place)).await;
    let ada = lab.sign_up("ada").await;
    let files = Files::of(&lab, &ada);
    let content = content(PART);
    let (mut whole, full) = (Vec::new(), v7());
    let failed = loop {
        let id = if whole.len() < 2 { v7() } else { full.clone() };
        files.begin(&id).await;
        let part = files.put_at(&id, whole.len() * PART, &content).await;
        if part.status != 204 {
            break part.code();
        }
        whole.push(id);
    };
    assert_eq!(failed, (503, "server_error".into()));
    println!("{} MiB were taken", whole.len());
    assert_eq!(
        files
            .put_at(&full, whole.len() * PART, &content)
            .await
            .code(),
        failed
    );
    assert_eq!(files.delete(&whole[0]).await.0, 204);
    assert_eq!(
        files
            .put_at(&full, whole.len() * PART, &content)
            .await
            .status,
        204
    );
}
