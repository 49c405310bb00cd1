//! Vault and Keystore as two processes: each can go away and come back, and nothing is lost.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use vouchsafe::api::PageRequest;
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::flows::{Client, Steps, Trust};

use crate::support::{
    Counting, Http, PAGE, PASSPHRASE, Port, by_link, passport, run, server_program, snapshot,
};

struct Process(Child);

impl Process {
    /// Starts one service and waits until it listens.
    fn start(service: &str, address: SocketAddr, vault: &str, keystore: &str, data: &Path) -> Self {
        let mut child = Command::new(server_program())
            .args([
                service,
                "--listen",
                &address.to_string(),
                "--no-rate-limits",
            ])
            .args(["--vault-url", vault, "--keystore-url", keystore])
            .arg("--data")
            .arg(data)
            .env("VOUCHSAFE_LOG", "off")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.starts_with("listening on "), "{service} did not start");
        Self(child)
    }
}

impl Drop for Process {
    /// Kills it, as a crash would.
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn either_service_can_go_and_come_back() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let data = |name: &str| folder.path().join(name);
        let ports = [Port::hold(), Port::hold()];
        let [vault_at, keystore_at] = ports.each_ref().map(Port::address);
        let vault = format!("http://{vault_at}/vault");
        let keystore = format!("http://{keystore_at}/keystore");
        let start_vault = || Process::start("vault", vault_at, &vault, &keystore, &data("v"));
        let start_keystore =
            || Process::start("keystore", keystore_at, &vault, &keystore, &data("k"));
        let (vault_process, keystore_process) = (start_vault(), start_keystore());
        assert!(!data("v").join("keystore.db").exists() && !data("k").join("vault.db").exists());

        let client = || {
            Client::new(
                Http::default(),
                Counting::default(),
                &vault,
                &keystore,
                Some(PAGE.into()),
                Steps::default(),
            )
            .unwrap()
        };
        let alice = client()
            .sign_up("alice@example.org", PASSPHRASE)
            .await
            .unwrap()
            .session;
        let bob = client()
            .sign_up("bob@example.org", PASSPHRASE)
            .await
            .unwrap()
            .session;
        let card = alice.create_card(passport()).await.unwrap();
        let link = alice.invite(by_link("Bob")).await.unwrap().link.unwrap();
        let ticket = Ticket::from_link(&link).unwrap();
        let connection = bob.accept(&ticket, "Alice").await.unwrap();
        let share = alice.share(snapshot(card.id, connection.id)).await.unwrap();

        drop(keystore_process);
        let error = client()
            .sign_in("alice@example.org", PASSPHRASE)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "offline");
        assert_eq!(
            alice
                .share(snapshot(card.id, connection.id))
                .await
                .unwrap_err()
                .code(),
            "offline"
        );
        assert_eq!(
            bob.read_share(share.id).await.unwrap_err().code(),
            "offline"
        );
        // The Vault goes on with the token that this session has, and with the Keystore's key that it knows.
        assert_eq!(alice.card(card.id).await.unwrap().content, passport());

        let keystore_process = start_keystore();
        let elsewhere = client()
            .sign_in("alice@example.org", PASSPHRASE)
            .await
            .unwrap();
        assert_eq!(
            elsewhere.connection(connection.id).await.unwrap().trust,
            Trust::Verified
        );

        drop(vault_process);
        assert_eq!(alice.card(card.id).await.unwrap_err().code(), "offline");
        assert_eq!(
            bob.read_share(share.id).await.unwrap_err().code(),
            "offline"
        );
        let _vault_process = start_vault();
        assert_eq!(bob.read_share(share.id).await.unwrap().card, passport());
        let sent = alice
            .outgoing_shares(&PageRequest::default(), None)
            .await
            .unwrap();
        assert_eq!(
            sent.items.len(),
            1,
            "the interrupted share left nothing that anybody sees"
        );
        drop(keystore_process);
    });
}
