//! The binary: one process or two, stopped and started again.

use std::path::Path;
use std::process::Stdio;

use crate::common::*;
use crate::port::Port;
use reqwest::Client;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use vouchsafe_server::{Config, Server};

pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: String,
}

/// Takes away what is for the tests, and of which the server would say that it knows no such option.
fn without_test_variables(command: &mut Command) {
    command
        .env_remove("VOUCHSAFE_SAMPLE")
        .env_remove("VOUCHSAFE_TEST_POSTGRES")
        .env_remove("VOUCHSAFE_TEST_POSTGRES_BIN")
        .env_remove("VOUCHSAFE_TEST_PROCESSES")
        .env_remove("VOUCHSAFE_TEST_S3")
        .env_remove("VOUCHSAFE_THOROUGH");
}

/// The binary with its data in a folder.
pub(crate) fn command(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vouchsafe-server"));
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .env("VOUCHSAFE_LOG", "off");
    without_test_variables(&mut command);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The lines that a server logs until it listens. Then it is killed.
pub(crate) async fn logged_until_listening(command: &mut Command) -> String {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let listening = tokio::time::timeout(PATIENCE, lines.next_line()).await;
    assert!(listening.unwrap().unwrap().is_some());
    child.kill().await.unwrap();
    let mut log = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut log).await.unwrap();
    log
}

impl Process {
    pub(crate) async fn start(arguments: &[&str], data: &Path) -> Self {
        Self::run(command(arguments, data)).await
    }

    pub(crate) async fn run(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line())
            .await
            .unwrap()
            .unwrap();
        let address = line
            .as_deref()
            .and_then(|line| line.strip_prefix("listening on http://"))
            .unwrap()
            .to_owned();
        Self { child, address }
    }

    /// Asks it to stop as a service manager would. Gives what it logged.
    pub(crate) async fn stop(self) -> String {
        self.signal("TERM").await;
        self.end().await
    }

    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let mut kill = Command::new("kill");
        let sent = kill.args([format!("-{name}"), id]).status();
        assert!(sent.await.unwrap().success());
    }

    /// Waits until it has ended as it should. Gives what it logged.
    pub(crate) async fn end(self) -> String {
        let output = tokio::time::timeout(PATIENCE, self.child.wait_with_output())
            .await
            .unwrap()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }
}

#[tokio::test]
async fn two_processes_and_a_keystore_that_goes_and_comes_back() {
    let (keystore_data, vault_data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::new();
    // The audience is the Vault's name, not necessarily where it is reached.
    let audience = "http://vault.test/vault";
    let port = Port::hold();
    let address = port.address().to_string();
    let start = ["keystore", "--listen", &address, "--vault-url", audience];
    let keystore_process = Process::start(&start, keystore_data.path()).await;
    let keystore = format!("http://{address}/keystore");
    let vault_start = [
        "vault",
        "--listen",
        "127.0.0.1:0",
        "--vault-url",
        audience,
        "--keystore-url",
        &keystore,
    ];
    let vault_process = Process::start(&vault_start, vault_data.path()).await;
    let vault = format!("http://{}/vault", vault_process.address);

    let ada = sign_up(&http, &keystore, audience, "ada").await;
    let card = format!("{vault}/v1/cards/{}", v7());
    let body = Some(json!({ "card": jwe("one"), "version": 0, "unsettled": false }));
    keystore_process.stop().await;

    let keystore_process = Process::start(&start, keystore_data.path()).await;
    assert_eq!(
        call(&http, "PUT", &card, Some(&ada.token), body).await.0,
        201
    );
    let read = call(&http, "GET", &card, Some(&ada.token), None).await;
    assert_eq!(read.1["card"], jwe("one"));

    keystore_process.stop().await;
    assert_eq!(
        call(&http, "GET", &card, Some(&ada.token), None).await,
        read,
        "the key is known"
    );
    let tokens = format!("{keystore}/v1/tokens");
    let error = http
        .post(&tokens)
        .bearer_auth(&ada.session)
        .json(&json!({ "audience": audience }))
        .send()
        .await;
    assert!(error.unwrap_err().is_connect());

    vault_process.stop().await;
    let _keystore_process = Process::start(&start, keystore_data.path()).await;
    let vault_process = Process::start(&vault_start, vault_data.path()).await;
    let card = card.replace(&vault, &format!("http://{}/vault", vault_process.address));
    let fresh = token(&http, &keystore, audience, &ada.session).await;
    assert_eq!(
        call(&http, "GET", &card, Some(&fresh), None).await,
        read,
        "everything is still there"
    );
    let (status, signed_in) = sign_in(&http, &keystore, &ada.email, &ada.passphrase).await;
    assert_eq!(
        (status, &signed_in["accountId"]),
        (200, &json!(ada.account))
    );
}

#[tokio::test]
async fn a_keystore_key_can_be_configured() {
    let lab = Lab::new().await;
    let (_, jwks) = lab
        .call(
            "GET",
            &format!("{}/v1/jwks", lab.server.keystore_url()),
            None,
            None,
        )
        .await;
    let ada = lab.sign_up("ada").await;
    for key in [
        jwks["keys"][0].to_string(),
        jwks["keys"][0]["x"].as_str().unwrap().to_owned(),
    ] {
        let clock = lab.now();
        let vault = Lab::with(|config| {
            config.services = vouchsafe_server::Services::Vault;
            config.clock = vouchsafe_server::Clock::new(move || clock);
            config.vault_urls = vec![lab.server.vault_url().to_owned()];
            config.keystore_urls = vec![lab.server.keystore_url().to_owned()];
            config.keystore_key = Some(key);
        })
        .await;
        let url = format!("http://{}/vault/v1/cards", vault.server.address());
        assert_eq!(lab.call("GET", &url, Some(&ada.token), None).await.0, 200);
    }
}

#[tokio::test]
async fn failures_to_start_are_one_sentence() {
    let (lab, data) = (Lab::new().await, tempfile::tempdir().unwrap());
    let taken = lab.server.address().to_string();
    for (arguments, says) in [
        (vec!["--listen", taken.as_str()], taken.as_str()),
        (vec!["keystore", "--listen", "127.0.0.1:0"], "--vault-url"),
        (vec!["vault", "--listen", "127.0.0.1:0"], "--keystore-url"),
        (
            vec!["--listen", "127.0.0.1:0", "--page", "/nowhere"],
            "--page",
        ),
        (
            vec!["--cors-origin", "https://app.example/app"],
            "as https://app.example:",
        ),
        (vec!["--cors-origin", "app.example"], "--cors-origin"),
        (
            vec![
                "--listen",
                "127.0.0.1:0",
                "--invitation-url",
                "javascript:alert(1)",
            ],
            "--invitation-url",
        ),
        (vec!["--keystore-key", "AAAA"], "--keystore-key"),
        (vec!["--trusted-proxy", "proxy.internal"], "--trusted-proxy"),
        (vec!["--otlp-endpoint", "127.0.0.1:4318"], "--otlp-endpoint"),
        (
            vec![
                "--listen",
                "127.0.0.1:0",
                "--metrics-listen",
                taken.as_str(),
            ],
            taken.as_str(),
        ),
        (
            vec!["--smtp-url", "smtp://localhost", "--listen", "127.0.0.1:0"],
            "--mail-from",
        ),
        (
            vec!["--smtp-url", "smtp://localhost", "--dev-mailbox"],
            "--dev-mailbox",
        ),
    ] {
        let output = command(&arguments, data.path()).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(
            error.starts_with("error: ") && error.contains(says) && error.lines().count() == 1,
            "{error}"
        );
    }
}

/// A limit that may be raised is, to what the connections need; one that may not leaves room for fewer.
#[cfg(unix)]
#[tokio::test]
async fn connections_have_the_files_that_they_need() {
    let data = tempfile::tempdir().unwrap();
    for (limit, said) in [("-Sn 200", None), ("-n 200", Some("connections=100"))] {
        let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        without_test_variables(&mut command);
        command
            .args(["-c", &script, env!("CARGO_BIN_EXE_vouchsafe-server")])
            .args(["--listen", "127.0.0.1:0", "--max-connections", "300"])
            .arg("--data")
            .arg(data.path().join("own"))
            .env("VOUCHSAFE_LOG", "warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let log = logged_until_listening(&mut command).await;
        assert_eq!(log.is_empty(), said.is_none(), "{log}");
        assert!(log.contains(said.unwrap_or_default()), "{log}");
    }
}

/// The lines that a start logs. The address is taken, so that the process ends.
async fn logged(command: &mut Command) -> String {
    let lab = Lab::new().await;
    let taken = lab.server.address().to_string();
    let output = command.env("VOUCHSAFE_LISTEN", taken).output();
    String::from_utf8(output.await.unwrap().stderr).unwrap()
}

#[tokio::test]
async fn settings_that_mean_nothing_are_told_of() {
    let data = tempfile::tempdir().unwrap();
    let mut alone = command(
        &["keystore", "--vault-url", "https://v.example"],
        data.path(),
    );
    alone
        .env("VOUCHSAFE_LOG", "warn")
        .env("VOUCHSAFE_CORS_ORIGINS", "https://app.example")
        .env("VOUCHSAFE_SMTP_URL", "smtp://localhost");
    let log = logged(&mut alone).await;
    for told in ["VOUCHSAFE_CORS_ORIGINS", "--smtp-url"] {
        assert!(log.contains(told), "{log}");
    }
    for set in ["VOUCHSAFE_SMTP_URL", "VOUCHSAFE_LISTEN", "--vault-url"] {
        assert!(!log.contains(set), "{log}");
    }
    let mut misread = command(&[], data.path());
    let log = logged(misread.env("VOUCHSAFE_LOG", "vouchsafe_server=loud")).await;
    assert!(log.contains("VOUCHSAFE_LOG is no filter"), "{log}");
}

#[tokio::test]
async fn a_proxy_that_is_misread_is_told_of_once() {
    for (option, told) in [
        ("--trusted-proxy=127.0.0.0/8", "entry=\"000.0.000.0:http\""),
        ("--behind-proxy", "entry=\"000.0.000.0:http\""),
        ("--trusted-proxy=192.0.2.1", "peer=127.0.0.1"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let mut command = command(&["--listen", "127.0.0.1:0", option], data.path());
        command.env("VOUCHSAFE_LOG", "warn");
        let process = Process::run(command).await;
        let http = Client::new();
        for _ in 0..3 {
            let request = http.get(format!("http://{}/health", process.address));
            let request = request.header("x-forwarded-for", "198.51.100.1, 203.0.113.7:http");
            assert_eq!(request.send().await.unwrap().status(), 200);
        }
        let log = process.stop().await;
        assert_eq!(log.matches(told).count(), 1, "{log}");
        assert!(!log.contains("203.0") && !log.contains("198.51"), "{log}");
    }
}

#[tokio::test]
async fn help_explains_every_option() {
    let data = tempfile::tempdir().unwrap();
    let output = command(&["--help"], data.path()).output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let options = help
        .lines()
        .filter(|line| line.trim_start().starts_with("--"))
        .count();
    assert!(options >= 16, "{help}");
    // Every option but `help` and `version` has a variable, and so has the service.
    assert_eq!(
        help.matches("[env: VOUCHSAFE_").count(),
        options + 1,
        "{help}"
    );
}

#[tokio::test]
async fn accounts_without_their_setup_are_not_served() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Config::new(data.path())).await.unwrap();
    let http = Client::new();
    let ada = sign_up(&http, server.keystore_url(), server.vault_url(), "ada").await;
    server.stop().await;
    std::fs::remove_file(data.path().join("keystore.setup")).unwrap();
    let refused = Server::start(Config::new(data.path())).await.err().unwrap();
    assert!(
        refused.to_string().contains("--new-opaque-setup"),
        "{refused}"
    );

    let config = Config {
        new_opaque_setup: true,
        ..Config::new(data.path())
    };
    let server = Server::start(config).await.unwrap();
    let url = format!("{}/v1/sign-in/start", server.keystore_url());
    let body = sign_in_start(server.keystore_url(), &ada.email);
    let refused = call(&http, "POST", &url, None, Some(body)).await;
    assert_eq!(
        code(&refused),
        (403, "recovery_needed"),
        "the passphrase is of no use any more"
    );
    server.stop().await;
}
