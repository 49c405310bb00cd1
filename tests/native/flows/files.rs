//! Files go with their card: to whom it is shared, as far as it is shared, and as long as it is.

use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};
use vouchsafe::api::PageRequest;
use vouchsafe::crypto::records::{CardContent, FileRef, Part, Sent};
use vouchsafe::flows::{
    CardUpdate, LinkRequest, Received, Remaining, Share, ShareRequest, Updated,
};
use vouchsafe::ids::Id;
use vouchsafe::{Error, Result};

use crate::flows::links::{links_of, open};
use crate::support::{Person, World, connect_by_link, linked, passport, run, snapshot, whole};

/// A request with a token, and its status.
async fn ask(method: Method, url: String, token: &str, body: Option<&str>) -> u16 {
    let mut request = reqwest::Client::new()
        .request(method, url)
        .bearer_auth(token);
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_owned());
    }
    request.send().await.unwrap().status().as_u16()
}

/// A finished file of somebody's. Nothing looks into it, so it is no ciphertext.
async fn upload(world: &World, person: &Person, number: u8) -> FileRef {
    let (id, part) = (Id::v7(1_750_000_000_000, &[number; 10]), [number; 100]);
    let token = person.session.vault_token(false).await.unwrap();
    let base = format!("{}/v1/files", world.vault);
    let text = json!({ "id": id }).to_string();
    assert_eq!(
        ask(Method::POST, base.clone(), &token, Some(&text)).await,
        201
    );
    let put = reqwest::Client::new()
        .put(format!("{base}/{id}"))
        .bearer_auth(&*token)
        .header("content-type", "application/octet-stream")
        .header("content-range", "bytes 0-99/*")
        .body(part.to_vec());
    assert_eq!(put.send().await.unwrap().status(), 204);
    let digest = Sha256::digest(part);
    let text = json!({ "size": 100, "digests": BASE64URL_NOPAD.encode(&digest) }).to_string();
    let finish = format!("{base}/{id}/finish");
    assert_eq!(ask(Method::POST, finish, &token, Some(&text)).await, 200);
    FileRef {
        id,
        name: format!("scan {number}.png"),
        media_type: "image/png".into(),
        size: 0,
        key: BASE64URL_NOPAD.encode(&[number; 32]),
        digest: BASE64URL_NOPAD.encode(&Sha256::digest(digest)),
    }
}

/// Whether somebody gets a file's bytes.
async fn gets(world: &World, person: &Person, file: &FileRef) -> bool {
    let token = person.session.vault_token(false).await.unwrap();
    let url = format!("{}/v1/files/{}", world.vault, file.id);
    match ask(Method::GET, url, &token, None).await {
        200 => true,
        404 => false,
        other => panic!("{other}"),
    }
}

fn with(files: &[&FileRef]) -> CardContent {
    let mut content = passport();
    content.files = files.iter().copied().cloned().collect();
    content
}

async fn update(person: &Person, id: Id, version: u64, content: CardContent) -> Result<Updated> {
    let update = CardUpdate {
        id,
        version,
        content,
    };
    person.session.update_card(update).await
}

/// What Bob is shown of Alice's card.
async fn read(bob: &Person, share: &Share) -> Received {
    bob.session.read_share(share.id).await.unwrap()
}

struct Scene {
    world: World,
    alice: Person,
    bob: Person,
    carol: Person,
    connection: Id,
    scan: FileRef,
    visa: FileRef,
}

impl Scene {
    async fn start() -> Self {
        let world = World::start();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let carol = world.person("carol").await;
        let (connection, _) = connect_by_link(&alice, &bob).await;
        let scan = upload(&world, &alice, 1).await;
        let visa = upload(&world, &alice, 2).await;
        Self {
            world,
            alice,
            bob,
            carol,
            connection: connection.id,
            scan,
            visa,
        }
    }

    /// Whether Bob gets the scan and the visa.
    async fn bob_gets(&self) -> [bool; 2] {
        let (world, bob) = (&self.world, &self.bob);
        [
            gets(world, bob, &self.scan).await,
            gets(world, bob, &self.visa).await,
        ]
    }
}

#[test]
fn a_card_goes_with_its_files_to_whom_it_is_shared() {
    run(async {
        let scene = Scene::start().await;
        let Scene {
            alice, bob, scan, ..
        } = &scene;
        let content = with(&[scan, &scene.visa]);
        let card = alice.session.create_card(content.clone()).await.unwrap();
        assert_eq!(alice.session.card(card.id).await.unwrap().content, content);
        assert_eq!(scene.bob_gets().await, [false, false]);
        let share = alice.session.share(whole(card.id, scene.connection));
        let share = share.await.unwrap();
        assert_eq!(read(bob, &share).await.card, content);
        assert_eq!(scene.bob_gets().await, [true, true]);
        assert!(!gets(&scene.world, &scene.carol, scan).await);
        // What is shared is not uploaded again, and what is not changed is told to nobody.
        let again = alice.session.share(whole(card.id, scene.connection));
        assert_eq!(again.await.unwrap().edition, 1);
    });
}

#[test]
fn fields_and_files_are_chosen_apart() {
    run(async {
        let scene = Scene::start().await;
        let Scene {
            alice,
            bob,
            scan,
            visa,
            ..
        } = &scene;
        let content = with(&[scan, visa]);
        let card = alice.session.create_card(content.clone()).await.unwrap();
        let fields = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
        for (part, names, ids) in [
            (Part::of_fields(&["number"]), vec!["number"], vec![]),
            (
                Part {
                    fields: fields(&["number"]),
                    files: Some(vec![visa.id]),
                },
                vec!["number"],
                vec![visa.id],
            ),
            (
                Part {
                    fields: None,
                    files: Some(vec![scan.id]),
                },
                vec!["number", "country"],
                vec![scan.id],
            ),
            (
                Part {
                    fields: fields(&[]),
                    files: Some(vec![visa.id, scan.id]),
                },
                vec![],
                vec![scan.id, visa.id],
            ),
            (
                Part {
                    fields: None,
                    files: Some(vec![]),
                },
                vec!["number", "country"],
                vec![],
            ),
            (
                Part::default(),
                vec!["number", "country"],
                vec![scan.id, visa.id],
            ),
        ] {
            let request = ShareRequest {
                part: part.clone(),
                ..whole(card.id, scene.connection)
            };
            let share = alice.session.share(request).await.unwrap();
            let shown = read(bob, &share).await.card;
            let seen: Vec<_> = (shown.fields.iter()).map(|field| &*field.name).collect();
            assert_eq!((seen, shown.file_ids()), (names, ids.clone()));
            let expected = [scan, visa].map(|file| ids.contains(&file.id));
            assert_eq!(scene.bob_gets().await, expected, "{part:?}");
            let sent = alice
                .session
                .outgoing_shares(&PageRequest::default(), None)
                .await;
            let sent = sent.unwrap().items.remove(0);
            assert_eq!((sent.fields, sent.files), (part.fields, part.files));
        }
    });
}

#[test]
fn a_choice_names_files_that_the_card_has() {
    run(async {
        let scene = Scene::start().await;
        let Scene {
            alice, scan, visa, ..
        } = &scene;
        let card = alice.session.create_card(with(&[scan])).await.unwrap();
        let fields = Some(vec![]);
        for (part, argument) in [
            (
                Part {
                    fields: None,
                    files: Some(vec![visa.id]),
                },
                "files[0]",
            ),
            (
                Part {
                    fields: None,
                    files: Some(vec![scan.id, scan.id]),
                },
                "files[1]",
            ),
            (
                Part {
                    fields: fields.clone(),
                    files: Some(vec![]),
                },
                "fields",
            ),
            (
                Part {
                    fields,
                    files: None,
                },
                "fields",
            ),
        ] {
            let request = ShareRequest {
                part: part.clone(),
                ..whole(card.id, scene.connection)
            };
            let refused = alice.session.share(request).await.unwrap_err();
            assert_eq!(
                (refused.code(), refused.argument()),
                ("bad_input", Some(argument))
            );
            let request = LinkRequest {
                part,
                ..linked(card.id)
            };
            let refused = alice.session.share_by_link(request).await.unwrap_err();
            assert_eq!(
                (refused.code(), refused.argument()),
                ("bad_input", Some(argument))
            );
        }
        assert!(links_of(alice).await.is_empty());
    });
}

#[test]
fn a_live_share_gets_the_files_that_the_card_gets_and_loses_those_that_it_loses() {
    run(async {
        let scene = Scene::start().await;
        let Scene {
            alice,
            bob,
            scan,
            visa,
            ..
        } = &scene;
        let card = alice.session.create_card(with(&[scan])).await.unwrap();
        let share = alice.session.share(whole(card.id, scene.connection));
        let share = share.await.unwrap();
        let kept = alice.session.share(snapshot(card.id, scene.connection));
        let kept = kept.await.unwrap();
        let updated = update(alice, card.id, 1, with(&[visa])).await.unwrap();
        assert!(updated.lagging.is_empty());
        assert_eq!(read(bob, &share).await.card.file_ids(), [visa.id]);
        // A snapshot stays as it was, and keeps what it shows.
        assert_eq!(read(bob, &kept).await.card.file_ids(), [scan.id]);
        assert_eq!(scene.bob_gets().await, [true, true]);
        alice.session.revoke_share(kept.id).await.unwrap();
        assert_eq!(scene.bob_gets().await, [false, true]);
        update(alice, card.id, 2, with(&[])).await.unwrap();
        assert_eq!(read(bob, &share).await.card, passport());
        assert_eq!(scene.bob_gets().await, [false, false]);
    });
}

#[test]
fn a_share_of_chosen_fields_gets_no_file_that_the_card_gets_later() {
    run(async {
        let scene = Scene::start().await;
        let Scene {
            alice,
            bob,
            scan,
            visa,
            ..
        } = &scene;
        let card = alice.session.create_card(passport()).await.unwrap();
        let request = ShareRequest {
            part: Part::of_fields(&["number"]),
            ..whole(card.id, scene.connection)
        };
        let share = alice.session.share(request).await.unwrap();
        update(alice, card.id, 1, with(&[scan])).await.unwrap();
        assert!(read(bob, &share).await.card.files.is_empty());
        assert_eq!(scene.bob_gets().await, [false, false]);
        // Nor does one of a chosen file.
        let request = ShareRequest {
            part: Part {
                fields: None,
                files: Some(vec![scan.id]),
            },
            ..whole(card.id, scene.connection)
        };
        let share = alice.session.share(request).await.unwrap();
        update(alice, card.id, 2, with(&[visa, scan]))
            .await
            .unwrap();
        assert_eq!(read(bob, &share).await.card.file_ids(), [scan.id]);
        assert_eq!(scene.bob_gets().await, [true, false]);
    });
}

#[test]
fn what_ends_a_share_ends_its_files() {
    run(async {
        let scene = Scene::start().await;
        let Scene {
            alice,
            bob,
            scan,
            visa,
            ..
        } = &scene;
        let share = async |files: &[&FileRef]| {
            let card = alice.session.create_card(with(files)).await.unwrap();
            let share = alice.session.share(whole(card.id, scene.connection));
            (card.id, share.await.unwrap())
        };
        let (_, first) = share(&[scan]).await;
        assert_eq!(scene.bob_gets().await, [true, false]);
        alice.session.revoke_share(first.id).await.unwrap();
        assert_eq!(scene.bob_gets().await, [false, false]);

        let (card, _) = share(&[scan, visa]).await;
        assert_eq!(scene.bob_gets().await, [true, true]);
        let deleted = alice.session.delete_card(card, Some(Remaining::Revoke));
        deleted.await.unwrap();
        assert_eq!(scene.bob_gets().await, [false, false]);

        let (card, kept) = share(&[visa]).await;
        let deleted = alice.session.delete_card(card, Some(Remaining::Keep));
        deleted.await.unwrap();
        assert_eq!(read(bob, &kept).await.card.file_ids(), [visa.id]);
        assert_eq!(scene.bob_gets().await, [false, true]);
        bob.session.disconnect(scene.connection).await.unwrap();
        assert_eq!(scene.bob_gets().await, [false, false]);
    });
}

#[test]
fn a_link_shows_the_chosen_files() {
    run(async {
        let scene = Scene::start().await;
        let Scene {
            world,
            alice,
            scan,
            visa,
            ..
        } = &scene;
        let card = alice
            .session
            .create_card(with(&[scan, visa]))
            .await
            .unwrap();
        let request = LinkRequest {
            part: Part {
                fields: None,
                files: Some(vec![visa.id]),
            },
            ..linked(card.id)
        };
        let link = alice.session.share_by_link(request).await.unwrap();
        assert_eq!(links_of(alice).await[0].files, Some(vec![visa.id]));
        let view = open(world, &link, None).await.unwrap();
        assert_eq!(view.card, with(&[visa]));
        let gets = async |file: &FileRef| {
            let url = format!("{}/v1/links/{}/files/{}", world.vault, link.id, file.id);
            ask(Method::GET, url, &view.ticket, None).await
        };
        assert_eq!((gets(scan).await, gets(visa).await), (404, 200));
        update(alice, card.id, 1, with(&[scan])).await.unwrap();
        assert!(
            open(world, &link, None)
                .await
                .unwrap()
                .card
                .files
                .is_empty()
        );
        assert_eq!((gets(scan).await, gets(visa).await), (404, 404));
    });
}

#[test]
fn a_card_with_somebody_elses_file_is_not_written() {
    run(async {
        let scene = Scene::start().await;
        let Scene {
            alice,
            bob,
            scan,
            visa,
            ..
        } = &scene;
        let stranger = bob.session.create_card(with(&[scan])).await;
        assert_eq!(stranger.unwrap_err(), Error::NotFound);
        let card = alice.session.create_card(with(&[scan])).await.unwrap();
        let mut gone = visa.clone();
        gone.id = Id::v7(1_750_000_000_000, &[9; 10]);
        let refused = update(alice, card.id, 1, with(&[scan, &gone])).await;
        assert_eq!(refused.unwrap_err(), Error::NotFound);
        let now = alice.session.card(card.id).await.unwrap();
        assert_eq!((now.version, now.content), (1, with(&[scan])));
        update(alice, card.id, 1, with(&[scan, visa]))
            .await
            .unwrap();
    });
}

#[test]
fn a_part_is_what_it_was_in_the_record_of_before() {
    // A row of before there were files chose none: all of a share of all fields, none of one of chosen fields.
    let sent = |fields: &str| -> Sent {
        let json = format!(
            r#"{{"version":1,"edition":1,"card":"01a21940-b200-7587-b9b0-fa18ef93ffee","cardVersion":1,"shown":"","fields":{fields},"live":true,"expiresAt":null,"acceptUnverified":false,"ref":null,"link":null}}"#
        );
        serde_json::from_str(&json).unwrap()
    };
    assert_eq!(sent("null").part(), Part::default());
    assert_eq!(sent(r#"["number"]"#).part(), Part::of_fields(&["number"]));
}
