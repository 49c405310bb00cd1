//! The largest requests that clients may send.

use crate::common::*;
use serde_json::{Value, json};

/// A text in the form of a JWE, of exactly this many bytes.
pub(crate) fn jwe_of(bytes: usize) -> String {
    let fixed = jwe("").len();
    let near = (bytes - fixed) * 3 / 4;
    // No base64url has 4 n + 1 letters; with two letters for a wrapped key the rest is another.
    (near - 3..near + 2)
        .map(|count| jwe(&"x".repeat(count)))
        .flat_map(|text| [text.replacen("..", ".AA.", 1), text])
        .find(|text| text.len() == bytes)
        .unwrap()
}

#[tokio::test]
async fn a_card_has_one_and_a_half_mebibytes() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    for (bytes, expected) in [(3 << 19, 201), ((3 << 19) + 1, 413)] {
        let body = json!({ "card": jwe_of(bytes), "version": 0, "unsettled": false });
        let path = format!("/cards/{}", v7());
        let answer = lab.vault(&ada.token, "PUT", &path, Some(body)).await;
        assert_eq!(answer.0, expected, "{bytes}");
    }
}

#[tokio::test]
async fn a_request_of_shares_has_32_mebibytes() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let connection = lab.connect(&ada, &bob).await;
    let share = jwe_of(4 << 20);
    let send = async |count: usize| {
        let mut shares = vec![new_share(&connection, None); count];
        for new in &mut shares {
            new["id"] = json!(v7());
            new["spaceId"] = json!(v7());
            new["share"] = json!(share);
        }
        let body = json!({ "shares": shares });
        lab.vault(&ada.token, "POST", "/shares", Some(body)).await
    };
    let (status, made) = send(7).await;
    assert_eq!(status, 200);
    let results = made["results"].as_array().unwrap();
    assert_eq!(results.len(), 7);
    assert!(results.iter().all(|result| result["error"] == Value::Null));
    assert_eq!(code(&send(8).await), (413, "too_large"));
}

#[tokio::test]
async fn a_connection_has_its_largest_key_and_note() {
    let lab = Lab::new().await;
    let ada = lab.sign_up("ada").await;
    for (key, note, expected) in [
        (8 << 10, 32 << 10, 201),
        ((8 << 10) + 1, 32 << 10, 413),
        (8 << 10, (32 << 10) + 1, 413),
    ] {
        let body = json!({ "key": jwe_of(key), "note": jwe_of(note) });
        let path = format!("/connections/{}", v7());
        let answer = lab.keystore(&ada.session, "PUT", &path, Some(body)).await;
        assert_eq!(answer.0, expected, "{key} {note}");
    }
}

#[tokio::test]
async fn two_hundred_spaces_with_the_largest_keys_go_in_one_request() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (sent, tag) = (jwe_of(96 << 10), random(16));
    let spaces: Vec<Value> = (0..200)
        .map(|_| {
            let mut space = new_space(&bob, None);
            space["own"] = json!(jwe_of(4 << 10));
            space["peer"] = json!(jwe_of(4 << 10));
            space["sent"] = json!(sent);
            space["tag"] = json!(tag);
            space
        })
        .collect();
    let body = json!({ "spaces": spaces });
    let (status, made) = lab
        .keystore(&ada.session, "POST", "/spaces", Some(body))
        .await;
    assert_eq!(status, 200);
    let results = made["results"].as_array().unwrap();
    assert_eq!(results.len(), 200);
    assert!(results.iter().all(|result| result["error"] == Value::Null));

    // They come back in as many answers as they need, and the recipient's copies, which are small, in one.
    let count = |body: &Value| body["items"].as_array().unwrap().len();
    let ids: Vec<Value> = spaces.iter().map(|space| space["id"].clone()).collect();
    let (mut rest, mut asked) = (json!(ids), 0);
    for expected in [81, 81, 38] {
        let body = Some(json!({ "ids": rest }));
        let (_, found) = lab
            .keystore(&ada.session, "POST", "/spaces/query", body)
            .await;
        assert_eq!(count(&found), expected);
        asked += expected;
        rest = found["rest"].clone();
        assert_eq!(rest, json!(ids[asked..]));
    }
    let mut next = String::new();
    for expected in [81, 81, 38] {
        let body = Some(json!({ "tags": [tag] }));
        let path = format!("/spaces/of-cards?limit=200{next}");
        let (_, page) = lab.keystore(&ada.session, "POST", &path, body).await;
        assert_eq!(count(&page), expected);
        next = format!("&cursor={}", page["next"].as_str().unwrap_or_default());
    }
    assert_eq!(next, "&cursor=");
    let body = Some(json!({ "ids": ids }));
    let (_, found) = lab
        .keystore(&bob.session, "POST", "/spaces/query", body)
        .await;
    assert_eq!((count(&found), &found["rest"]), (200, &json!([])));

    for (copy, bytes) in [("own", 4 << 10), ("peer", 4 << 10), ("sent", 96 << 10)] {
        let mut larger = new_space(&bob, None);
        larger[copy] = json!(jwe_of(bytes + 1));
        let body = json!({ "spaces": [larger] });
        let (status, made) = lab
            .keystore(&ada.session, "POST", "/spaces", Some(body))
            .await;
        assert_eq!(status, 200);
        assert_eq!(made["results"][0]["error"]["code"], "too_large", "{copy}");
    }
    let update = json!({
        "id": ids[0], "version": 1, "sent": jwe_of((96 << 10) + 1), "expiresAt": null,
    });
    let body = Some(json!({ "spaces": [update] }));
    let (_, made) = lab.keystore(&ada.session, "PUT", "/spaces", body).await;
    assert_eq!(made["results"][0]["error"]["code"], "too_large");
}
