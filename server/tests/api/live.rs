//! What a sender keeps of a share beside its encryption space: compare and set, one live share of a card for each connection,
//! and all shares of a card together.

use crate::common::*;
use futures_util::future::join_all;
use serde_json::{Value, json};

/// The error codes of a write of several, in order.
fn codes(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.0, 200, "{answer:?}");
    let results = answer.1["results"].as_array().unwrap().iter();
    results
        .map(|result| result["error"]["code"].clone())
        .collect()
}

async fn make(lab: &Lab, sender: &Person, spaces: &[&Value]) -> Vec<Value> {
    let body = Some(json!({ "spaces": spaces }));
    codes(&lab.keystore(&sender.session, "POST", "/spaces", body).await)
}

async fn update(
    lab: &Lab,
    sender: &Person,
    id: &Value,
    version: i64,
    sent: &str,
    end: Option<i64>,
) -> Value {
    let space = json!({ "id": id, "version": version, "sent": jwe(sent), "expiresAt": end });
    let body = Some(json!({ "spaces": [space] }));
    codes(&lab.keystore(&sender.session, "PUT", "/spaces", body).await).remove(0)
}

/// A space as its sender sees it; null if there is none.
async fn seen(lab: &Lab, sender: &Person, id: &Value) -> Value {
    let body = Some(json!({ "ids": [id] }));
    let found = lab.keystore(&sender.session, "POST", "/spaces/query", body);
    found.await.1["items"][0].clone()
}

/// A space that follows a card of this tag, over this connection.
fn live_space(recipient: &Person, connection: &str, tag: &str, end: Option<i64>) -> Value {
    let mut space = new_space(recipient, end);
    space["connectionId"] = json!(connection);
    space["tag"] = json!(tag);
    space["live"] = json!(true);
    space
}

#[tokio::test]
async fn a_card_is_live_once_over_each_connection() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (connection, tag) = (v7(), random(16));
    let end = lab.now() + 1000;
    let of = |end| live_space(&bob, &connection, &tag, end);
    let first = of(Some(end));
    let mut snapshot = of(None);
    snapshot["live"] = json!(false);
    let mut same_share = of(None);
    same_share["share"] = first["share"].clone();
    same_share["tag"] = json!(random(16));
    let (other_card, over_another) = (
        live_space(&bob, &connection, &random(16), None),
        live_space(&bob, &v7(), &tag, None),
    );
    let spaces = [
        &first,
        &of(None),
        &snapshot,
        &other_card,
        &over_another,
        &same_share,
    ];
    let [made, taken] = [Value::Null, json!("conflict")];
    let expected = [&made, &taken, &made, &made, &made, &taken].map(Clone::clone);
    assert_eq!(make(&lab, &ada, &spaces).await, expected);
    let mut hers = of(None);
    hers["recipient"] = json!(ada.account);
    assert_eq!(
        make(&lab, &bob, &[&hers]).await,
        [Value::Null],
        "each sender's own"
    );

    // Who comes at the same time as others finds that one was first.
    let (connection, tag) = (v7(), random(16));
    let racing: Vec<Value> = (0..8)
        .map(|_| live_space(&bob, &connection, &tag, None))
        .collect();
    let made = join_all(
        racing
            .iter()
            .map(async |space| make(&lab, &ada, &[space]).await),
    )
    .await;
    let won = made.iter().filter(|codes| codes[0].is_null()).count();
    assert_eq!(won, 1, "{made:?}");

    // One that is over makes way, and repeating it changes nothing.
    let id = &first["id"];
    assert_eq!(seen(&lab, &ada, id).await["live"], true);
    lab.pass(1000);
    let next = spaces[1];
    assert_eq!(
        make(&lab, &ada, &[next, &first]).await,
        [Value::Null, Value::Null]
    );
    assert_eq!(seen(&lab, &ada, id).await["live"], false);
    assert_eq!(seen(&lab, &ada, &next["id"]).await["live"], true);
    assert_eq!(
        update(&lab, &ada, id, 1, "two", None).await,
        "share_expired"
    );
    // So does one that is deleted, whose share may have another space then.
    let path = format!("/spaces/{}", next["id"].as_str().unwrap());
    lab.keystore(&ada.session, "DELETE", &path, None).await;
    let mut again = live_space(
        &bob,
        first["connectionId"].as_str().unwrap(),
        first["tag"].as_str().unwrap(),
        None,
    );
    again["share"] = next["share"].clone();
    assert_eq!(make(&lab, &ada, &[&again]).await, [Value::Null]);
}

#[tokio::test]
async fn what_was_sent_is_compared_and_set() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let end = lab.now() + 1000;
    let space = live_space(&bob, &v7(), &random(16), Some(end));
    let id = &space["id"];
    assert_eq!(make(&lab, &ada, &[&space]).await, [Value::Null]);
    for version in [0, 2, -1, i64::MAX] {
        assert_eq!(
            update(&lab, &ada, id, version, "two", None).await,
            "conflict"
        );
    }
    assert_eq!(
        update(&lab, &bob, id, 1, "two", None).await,
        "not_found",
        "the recipient"
    );
    assert_eq!(
        update(&lab, &ada, &json!(v7()), 1, "two", None).await,
        "not_found"
    );
    assert_eq!(
        update(&lab, &ada, id, 1, "two", Some(lab.now())).await,
        "bad_input",
        "over on arrival"
    );

    let changes = (0..8).map(|n| {
        update(
            &lab,
            &ada,
            id,
            1,
            ["a", "b", "c", "d", "e", "f", "g", "h"][n],
            Some(end + n as i64),
        )
    });
    let outcomes = join_all(changes).await;
    let won: Vec<usize> = (0..8).filter(|n| outcomes[*n].is_null()).collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    let sent = ["a", "b", "c", "d", "e", "f", "g", "h"][won[0]];
    let end = end + i64::try_from(won[0]).unwrap();
    let stored = seen(&lab, &ada, id).await;
    assert_eq!(
        [
            &stored["sent"],
            &stored["sentVersion"],
            &stored["expiresAt"]
        ],
        [&json!(jwe(sent)), &json!(2), &json!(end)]
    );
    assert_eq!(
        update(&lab, &ada, id, 1, sent, Some(end)).await,
        Value::Null,
        "a repeat"
    );
    assert_eq!(
        update(&lab, &ada, id, 1, sent, Some(end + 100)).await,
        "conflict",
        "with another end"
    );
    assert_eq!(
        make(&lab, &ada, &[&space]).await,
        [Value::Null],
        "the first write, again"
    );
    let mut other = space.clone();
    other["live"] = json!(false);
    assert_eq!(make(&lab, &ada, &[&other]).await, ["conflict"]);

    // A later end is one for the recipient, too; and none, once it is over.
    assert_eq!(
        update(&lab, &ada, id, 2, "three", Some(end + 5000)).await,
        Value::Null
    );
    lab.pass(3000);
    let query = async || {
        let body = Some(json!({ "ids": [id] }));
        let found = lab.keystore(&bob.session, "POST", "/spaces/query", body);
        found.await.1["items"].as_array().unwrap().len()
    };
    assert_eq!(query().await, 1);
    lab.pass(5000);
    assert_eq!(query().await, 0);
    assert_eq!(
        update(&lab, &ada, id, 3, "four", None).await,
        "share_expired"
    );
    assert_eq!(
        update(&lab, &ada, id, 2, "three", Some(end + 5000)).await,
        Value::Null,
        "a repeat"
    );
    let path = format!("/spaces/{}", id.as_str().unwrap());
    lab.keystore(&ada.session, "DELETE", &path, None).await;
    assert_eq!(update(&lab, &ada, id, 3, "four", None).await, "not_found");
}

#[tokio::test]
async fn a_row_of_an_earlier_client_gets_its_first_record() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let space = new_space(&bob, None);
    make(&lab, &ada, &[&space]).await;
    let pool = database(&lab.keystore_db.replace("mode=ro", "mode=rw")).await;
    sqlx::query(
        "UPDATE spaces SET share = NULL, sent = NULL, sent_version = 0, tag = NULL WHERE id = $1",
    )
    .bind(space["id"].as_str())
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let stored = seen(&lab, &ada, &space["id"]).await;
    for (member, value) in [
        ("share", Value::Null),
        ("sent", Value::Null),
        ("sentVersion", json!(0)),
        ("tag", Value::Null),
    ] {
        assert_eq!(stored[member], value, "{member}");
    }
    assert_eq!(
        update(&lab, &ada, &space["id"], 0, "one", None).await,
        Value::Null
    );
    assert_eq!(seen(&lab, &ada, &space["id"]).await["sentVersion"], 1);
}

#[tokio::test]
async fn a_space_of_a_link_has_nobody_at_its_other_end() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let mut link = new_space(&bob, Some(lab.now() + 1000));
    let mut half = link.clone();
    half["id"] = json!(v7());
    half["peer"] = Value::Null;
    for member in ["connectionId", "recipient", "peer"] {
        link[member] = Value::Null;
    }
    link["tag"] = Value::Null;
    assert_eq!(
        make(&lab, &ada, &[&link, &half]).await,
        [Value::Null, json!("bad_input")]
    );
    let stored = seen(&lab, &ada, &link["id"]).await;
    assert_eq!(
        [
            &stored["connectionId"],
            &stored["recipient"],
            &stored["share"]
        ],
        [&Value::Null, &Value::Null, &link["share"]]
    );
    let claimed = lab
        .keystore(&bob.session, "PUT", "/spaces/claims", claims(&link, "mine"))
        .await;
    assert_eq!(codes(&claimed), ["not_found"]);
    assert_eq!(
        update(&lab, &ada, &link["id"], 1, "two", Some(lab.now() + 2000)).await,
        Value::Null
    );
}

#[tokio::test]
async fn all_shares_of_a_card_are_found_and_counted() {
    let lab = Lab::new().await;
    let (ada, bob) = (lab.sign_up("ada").await, lab.sign_up("bob").await);
    let (card, other, none) = (random(16), random(16), random(16));
    let mut spaces = Vec::new();
    for (tag, end) in [
        (&card, None),
        (&card, Some(lab.now() + 1000)),
        (&other, None),
        (&card, None),
        (&random(16), None),
    ] {
        let mut space = live_space(&bob, &v7(), tag, end);
        space["live"] = json!(spaces.len() % 2 == 0);
        assert_eq!(make(&lab, &ada, &[&space]).await, [Value::Null]);
        spaces.push(space);
        lab.pass(1);
    }
    lab.pass(1000);
    let path = format!("/spaces/{}", spaces[3]["id"].as_str().unwrap());
    lab.keystore(&ada.session, "DELETE", &path, None).await;

    let list = async |session: &str, query: &str, tags: &[&String]| {
        let body = Some(json!({ "tags": tags }));
        let path = format!("/spaces/of-cards{query}");
        let (status, page) = lab.keystore(session, "POST", &path, body).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap().clone();
        let ids: Vec<Value> = items.iter().map(|item| item["id"].clone()).collect();
        (ids, page["next"].as_str().map(str::to_owned))
    };
    let id = |n: usize| spaces[n]["id"].clone();
    let both = [&card, &other, &none];
    // The newest first, those that are over too.
    let (ids, next) = list(&ada.session, "?limit=2", &both).await;
    assert_eq!(ids, [id(2), id(1)]);
    let next = format!("?cursor={}", next.unwrap());
    assert_eq!(list(&ada.session, &next, &both).await, (vec![id(0)], None));
    assert_eq!(
        list(&bob.session, "", &both).await,
        (vec![], None),
        "the sender's alone"
    );

    let counts = async |session: &str| {
        let body = Some(json!({ "tags": [none, card, other] }));
        lab.keystore(session, "POST", "/spaces/counts", body)
            .await
            .1
    };
    assert_eq!(counts(&ada.session).await, json!({ "counts": [0, 1, 1] }));
    assert_eq!(counts(&bob.session).await, json!({ "counts": [0, 0, 0] }));

    let shares =
        json!({ "ids": [v7(), spaces[0]["share"], spaces[3]["share"], spaces[1]["share"]] });
    let of_shares = async |session: &str| {
        let found = lab
            .keystore(session, "POST", "/spaces/of-shares", Some(shares.clone()))
            .await
            .1;
        assert_eq!(found["rest"], json!([]));
        let items = found["items"].as_array().unwrap().clone();
        let mut ids: Vec<String> = items.iter().map(|item| item["id"].to_string()).collect();
        ids.sort();
        ids
    };
    let mut expected = [id(0).to_string(), id(1).to_string()];
    expected.sort();
    assert_eq!(of_shares(&ada.session).await, expected);
    assert_eq!(of_shares(&bob.session).await, [""; 0]);

    let many = |count: usize| (0..count).map(|_| random(16)).collect::<Vec<_>>();
    for (path, most) in [("/spaces/of-cards", 50), ("/spaces/counts", 200)] {
        for (count, status) in [(0, 400), (1, 200), (most, 200), (most + 1, 400)] {
            let body = Some(json!({ "tags": many(count) }));
            let answer = lab.keystore(&ada.session, "POST", path, body).await;
            assert_eq!(answer.0, status, "{path} with {count}");
        }
    }
}
