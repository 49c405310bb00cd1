//! The server behind nginx and Caddy, as `docs/deploy.md` sets them up.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::*;
use crate::events::Stream;
use crate::port::Port;
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use vouchsafe_server::{Config, Server, Services};

const NAMES: [&str; 3] = ["vault.example", "keystore.example", "trial.example"];

/// The file of the documents, which `docs/deploy.md` shows word for word.
fn documented(name: &str, language: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let file = std::fs::read_to_string(docs.join("deploy").join(name)).unwrap();
    let page = std::fs::read_to_string(docs.join("deploy.md")).unwrap();
    let block = format!("```{language}\n{file}```\n");
    assert!(
        page.contains(&block),
        "docs/deploy.md shows docs/deploy/{name} as it is"
    );
    file
}

/// The text with each of these parts replaced, of which each is there.
fn replaced(mut text: String, parts: &[(&str, &str)]) -> String {
    for (part, other) in parts {
        assert!(text.contains(part), "{part}");
        text = text.replace(part, other);
    }
    text
}

/// The servers that the files name.
struct Origins {
    vault: Server,
    keystore: Server,
    both: Server,
    /// What `http://127.0.0.1:PORT` of each is.
    hosts: [String; 3],
    _data: [TempDir; 3],
}

impl Origins {
    /// Starts them for a proxy on this port.
    async fn start(port: u16) -> Self {
        let data = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let url = |name: &str, path: &str| vec![format!("https://{name}:{port}{path}")];
        let config = |data: &TempDir| Config {
            vault_urls: url("vault.example", ""),
            keystore_urls: url("keystore.example", ""),
            cors_origins: vec!["https://app.example".into()],
            trusted_proxies: vec!["127.0.0.1".into()],
            ..Config::new(data.path())
        };
        let keystore = Config {
            services: Services::Keystore,
            ..config(&data[0])
        };
        let keystore = Server::start(keystore).await.unwrap();
        let jwks = format!("http://{}/v1/jwks", keystore.address());
        let jwks: Value = reqwest::get(jwks).await.unwrap().json().await.unwrap();
        let vault = Config {
            services: Services::Vault,
            keystore_key: Some(jwks["keys"][0].to_string()),
            ..config(&data[1])
        };
        let both = Config {
            vault_urls: url("trial.example", "/vault"),
            keystore_urls: url("trial.example", "/keystore"),
            ..config(&data[2])
        };
        let vault = Server::start(vault).await.unwrap();
        let both = Server::start(both).await.unwrap();
        let hosts = [&vault, &keystore, &both].map(|server| server.address().to_string());
        Self {
            vault,
            keystore,
            both,
            hosts,
            _data: data,
        }
    }

    async fn stop(self) {
        for server in [self.vault, self.keystore, self.both] {
            server.stop().await;
        }
    }
}

/// A running proxy, told to stop when it is dropped.
struct Proxy {
    child: std::process::Child,
    address: SocketAddr,
    authority: Certificate,
    _folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx has processes of its own, which go with the first one if that is asked.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.child.wait();
    }
}

impl Proxy {
    /// Starts the program and waits until it listens.
    async fn start(
        mut command: Command,
        address: SocketAddr,
        folder: TempDir,
        authority: impl AsyncFn(&Path) -> Certificate,
    ) -> Self {
        let program = command.get_program().to_owned();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| {
            panic!("install nginx and Caddy ({program:?}: {error}); `cargo xtask test --only native` does")
        });
        until(async || {
            if child.try_wait().unwrap().is_some() {
                let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
                panic!("{program:?} ended: {log}");
            }
            TcpStream::connect(address).await.ok()
        })
        .await;
        Self {
            child,
            address,
            authority: authority(folder.path()).await,
            _folder: folder,
        }
    }

    async fn nginx(address: SocketAddr, hosts: &[String; 3]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let key = KeyPair::generate().unwrap();
        let names = NAMES.map(str::to_owned).to_vec();
        let certificate = CertificateParams::new(names).unwrap();
        let certificate = certificate.self_signed(&key).unwrap().pem();
        std::fs::write(at("fullchain.pem"), &certificate).unwrap();
        std::fs::write(at("privkey.pem"), key.serialize_pem()).unwrap();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|kind| format!("    {kind}_temp_path {};\n", at(kind)));
        let config = replaced(
            documented("nginx.conf", "nginx"),
            &[
                ("http {\n", &format!("http {{\n{}", temporary.concat())),
                ("/var/log/nginx/vouchsafe.log", &at("access.log")),
                ("/etc/ssl/vouchsafe", &folder.path().display().to_string()),
                ("listen 443", &format!("listen {address}")),
                ("        listen [::]:443 ssl http2;\n", ""),
                ("127.0.0.1:8702", &hosts[0]),
                ("127.0.0.1:8701", &hosts[1]),
                ("127.0.0.1:8787", &hosts[2]),
            ],
        );
        std::fs::write(at("nginx.conf"), config).unwrap();
        let mut command = Command::new(program("NGINX", "nginx"));
        command
            .args(["-e", "stderr", "-p", &at(""), "-c", &at("nginx.conf")])
            // Its workers may read the folder, which is root's where root runs this.
            .args(["-g", &format!("daemon off; pid {}; user root;", at("pid"))]);
        let authority = Certificate::from_pem(certificate.as_bytes()).unwrap();
        Self::start(command, address, folder, async |_: &Path| authority.clone()).await
    }

    async fn caddy(address: SocketAddr, hosts: &[String; 3]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let port = address.port();
        let site = |name: &str| format!("https://{name}:{port} {{");
        let config = replaced(
            documented("Caddyfile", "caddy"),
            &[
                (
                    "email admin@app.example\n",
                    "admin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n",
                ),
                ("vault.example {", &site("vault.example")),
                ("keystore.example {", &site("keystore.example")),
                ("trial.example {", &site("trial.example")),
                ("127.0.0.1:8702", &hosts[0]),
                ("127.0.0.1:8701", &hosts[1]),
                ("127.0.0.1:8787", &hosts[2]),
            ],
        );
        std::fs::write(at("Caddyfile"), config).unwrap();
        let mut command = Command::new(program("CADDY", "caddy"));
        command
            .args([
                "run",
                "--adapter",
                "caddyfile",
                "--config",
                &at("Caddyfile"),
            ])
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path());
        let authority = async |folder: &Path| {
            let file = folder.join("caddy/pki/authorities/local/root.crt");
            let pem = until(async || std::fs::read(&file).ok()).await;
            Certificate::from_pem(&pem).unwrap()
        };
        Self::start(command, address, folder, authority).await
    }

    /// A client at this address of the machine.
    fn client(&self, from: Ipv4Addr) -> Client {
        let mut client = Client::builder()
            .tls_certs_only([self.authority.clone()])
            .local_address(std::net::IpAddr::from(from));
        for name in NAMES {
            client = client.resolve(name, self.address);
        }
        client.build().unwrap()
    }
}

/// A program that a variable names, or that lies on the path or where Debian has it.
fn program(variable: &str, name: &str) -> PathBuf {
    let debian = Path::new("/usr/sbin").join(name);
    let found = debian.is_file().then_some(debian);
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.or(found).unwrap_or_else(|| name.into())
}

/// The status and the code of an answer that the page of the app may read.
async fn read(answer: Response) -> (u16, String) {
    let allowed = answer.headers().get("access-control-allow-origin");
    assert_eq!(allowed.unwrap(), "https://app.example");
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let code = body["error"]["code"].as_str().unwrap_or_default();
    (status, code.to_owned())
}

/// Everything that a proxy could spoil.
async fn check(proxy: Proxy, origins: Origins) {
    let http = proxy.client(Ipv4Addr::LOCALHOST);
    let (vault, keystore) = (origins.vault.vault_url(), origins.vault.keystore_url());
    let (trial, of_trial) = (origins.both.vault_url(), origins.both.keystore_url());
    // A certificate, one for each name, may be a moment later than the port.
    for url in [vault, keystore, trial] {
        until(async || http.get(format!("{url}/health")).send().await.ok()).await;
    }
    let ada = sign_up(&http, keystore, vault, "ada").await;

    // Paths in front stay.
    let bob = sign_up(&http, of_trial, trial, "bob").await;
    let cards = format!("{trial}/v1/cards");
    let cards = call(&http, "GET", &cards, Some(&bob.token), None);
    assert_eq!(cards.await, (200, json!({ "items": [], "next": null })));

    // The largest body passes, and what is larger is told in the services' form.
    let post = async |route: &str, bytes: usize| {
        let body = json!({ "shares": [new_share(&v7(), None)] }).to_string();
        let body = format!("{body}{}", " ".repeat(bytes - body.len()));
        let request = http
            .post(format!("{vault}/v1{route}"))
            .bearer_auth(&ada.token);
        let request = request
            .header("origin", "https://app.example")
            .header("content-type", "application/json");
        read(request.body(body).send().await.unwrap()).await
    };
    assert_eq!(post("/shares", 32 << 20).await, (200, String::new()));
    let too_large = (413, "too_large".to_owned());
    assert_eq!(post("/shares", (32 << 20) + 1).await, too_large);
    assert_eq!(post("/shares/query", (2 << 20) + 1).await, too_large);

    // Events come while the stream is open.
    let stream = http
        .get(format!("{vault}/v1/events"))
        .bearer_auth(&ada.token);
    let mut events = Stream::read(stream.send().await.unwrap());
    assert_eq!(events.event().await.0, "ready");
    let (key, body) = public_key();
    let (id, token) = (v7(), random(16));
    let invitation = link_invitation(&key, &token, vouchsafe_server::Clock::system().now() + DAY);
    for (method, path, body) in [
        ("PUT", format!("public-keys/{key}"), body),
        ("PUT", format!("invitations/{id}"), invitation),
        ("POST", format!("invitations/{id}/cancel"), json!({})),
    ] {
        let url = format!("{vault}/v1/{path}");
        let answer = call(&http, method, &url, Some(&ada.token), Some(body)).await;
        assert!(answer.0 < 300, "{answer:?}");
    }
    let (kind, record, _) = events.event().await;
    assert_eq!((kind.as_str(), record), ("invitation", id));

    // People are told apart by their addresses, whatever they say themselves.
    let attempt = async |http: &Client, said: &str| {
        let body = json!({ "keystore": keystore, "credentialRequest": "AAAA" });
        let request = http.post(format!("{keystore}/v1/sign-in/start"));
        let request = request
            .header("x-forwarded-for", said)
            .header("forwarded", format!("for={said}"));
        let request = request.json(&by("eve@example.org", body));
        request.send().await.unwrap().status().as_u16()
    };
    for n in 0..30 {
        assert_eq!(attempt(&http, &format!("198.51.100.{n}")).await, 400);
    }
    assert_eq!(attempt(&http, "198.51.100.99").await, 429);
    let elsewhere = proxy.client(Ipv4Addr::new(127, 0, 0, 2));
    assert_eq!(attempt(&elsewhere, "198.51.100.99").await, 400);

    // A service that is away is no riddle.
    let url = format!("{vault}/v1/cards");
    drop(events);
    origins.stop().await;
    let away = http.get(url).header("origin", "https://app.example");
    let away = read(away.send().await.unwrap()).await;
    assert_eq!(away, (503, "server_error".to_owned()));
}

#[tokio::test]
async fn nginx_serves_as_documented() {
    let port = Port::hold();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let origins = Origins::start(port.address().port()).await;
    let proxy = Proxy::nginx(port.address(), &origins.hosts).await;
    check(proxy, origins).await;
}

#[tokio::test]
async fn caddy_serves_as_documented() {
    let port = Port::hold();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let origins = Origins::start(port.address().port()).await;
    let proxy = Proxy::caddy(port.address(), &origins.hosts).await;
    check(proxy, origins).await;
}
