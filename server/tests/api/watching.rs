//! What is seen of a process from outside: its metrics, and how it stops.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::common::*;
use crate::processes::{Process, command};
use regex_lite::Regex;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

/// A process with its second listener.
struct Watched {
    process: Process,
    /// The address of the second listener, as a URL.
    metrics: String,
    http: Client,
}

impl Watched {
    async fn start(options: &[&str], data: &Path) -> Self {
        let listen = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
        let mut child = command(&[&listen, options].concat(), data).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = async |begin: &str| {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
            let line = line.unwrap().unwrap().unwrap();
            line.strip_prefix(begin).unwrap().to_owned()
        };
        let address = line("listening on http://").await;
        let metrics = line("metrics on ").await;
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            process: Process { child, address },
            metrics,
            http: Client::new(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.process.address)
    }

    async fn call(&self, method: &str, path: &str, bearer: &str, body: Option<Value>) -> Answer {
        let url = self.url(path);
        call(&self.http, method, &url, Some(bearer), body).await
    }

    /// The status of one of the second listener's own paths, or of another.
    async fn status(&self, path: &str) -> u16 {
        let url = format!("{}{path}", self.metrics);
        self.http.get(url).send().await.unwrap().status().as_u16()
    }

    async fn look(&self) -> Metrics {
        let answer = self.http.get(format!("{}/metrics", self.metrics)).send();
        let answer = answer.await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
        Metrics::read(&answer.text().await.unwrap())
    }

    /// Looks until a metric with these labels has this value.
    async fn until_it_is(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        until(async || {
            let found = self.look().await.value(name, labels);
            (found == Some(value)).then_some(())
        })
        .await;
    }
}

type Labels = BTreeMap<String, String>;

/// What `/metrics` shows.
struct Metrics(Vec<(String, Labels, f64)>);

impl Metrics {
    fn read(text: &str) -> Self {
        let line = Regex::new(r#"^([a-z_]+)(?:\{(.*)\})? (\S+)$"#).unwrap();
        let label = Regex::new(r#"([a-z_]+)="([^"]*)""#).unwrap();
        let shown = text.lines().filter(|line| !line.starts_with('#'));
        let read = |shown: &str| {
            let parts = line.captures(shown).expect(shown);
            let labels = parts.get(2).map_or("", |labels| labels.as_str());
            let labels = label.captures_iter(labels);
            let labels = labels.map(|pair| (pair[1].to_owned(), pair[2].to_owned()));
            (
                parts[1].to_owned(),
                labels.collect(),
                parts[3].parse().unwrap(),
            )
        };
        Self(shown.map(read).collect())
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a (String, Labels, f64)> {
        self.0.iter().filter(move |(own, ..)| own == name)
    }

    /// The value of the only one with these labels.
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let fits = |own: &Labels| {
            labels
                .iter()
                .all(|(key, value)| own.get(*key).is_some_and(|own| own == value))
        };
        let mut found = self.named(name).filter(|(_, own, _)| fits(own));
        let (_, _, value) = found.next()?;
        assert!(found.next().is_none(), "{name} {labels:?} names several");
        Some(*value)
    }
}

/// Somebody who did a little of everything, and what may stand in no label for it.
async fn use_it(watched: &Watched) -> Vec<String> {
    let (keystore, vault) = (watched.url("/keystore"), watched.url("/vault"));
    let ada = sign_up(&watched.http, &keystore, &vault, "ada").await;
    let cards = [v7(), v7()];
    for (card, status) in cards.iter().zip([201, 403]) {
        let body = json!({ "card": jwe("card"), "version": 0, "unsettled": false });
        let path = format!("/vault/v1/cards/{card}");
        let answer = watched.call("PUT", &path, &ada.token, Some(body)).await;
        assert_eq!(answer.0, status, "{answer:?}");
    }
    for path in [
        format!("/vault/v1/cards/{}/more", cards[0]),
        format!("/{}", ada.email),
    ] {
        assert_eq!(watched.call("GET", &path, &ada.token, None).await.0, 404);
    }
    let odd = reqwest::Method::from_bytes(b"LOOK-AT-ADA").unwrap();
    let odd = watched.http.request(odd, format!("{vault}/v1/cards"));
    assert_eq!(odd.send().await.unwrap().status(), 405);
    // Thirty attempts at one address are let through.
    let url = format!("{keystore}/v1/sign-in/start");
    for attempt in 0..=30 {
        let body = sign_in_start(&keystore, &ada.email);
        let (status, _) = call(&watched.http, "POST", &url, None, Some(body)).await;
        assert_eq!(status, if attempt < 30 { 200 } else { 429 });
    }
    let (key, body) = public_key();
    let path = format!("/vault/v1/public-keys/{key}");
    let answer = watched.call("PUT", &path, &ada.token, Some(body)).await;
    assert_eq!(answer.0, 201);
    let id = v7();
    let path = format!("/vault/v1/invitations/{id}");
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let soon = i64::try_from(soon.unwrap().as_millis()).unwrap() + DAY;
    let body = mail_invitation(&key, "bob@example.org", soon);
    let answer = watched.call("PUT", &path, &ada.token, Some(body)).await;
    assert_eq!(answer.0, 201, "{answer:?}");
    let mut secrets = vec![ada.email, ada.account, ada.session, ada.token, key, id];
    secrets.extend(cards);
    secrets.extend(["bob@example.org", "127.0.0.1", "LOOK-AT-ADA"].map(String::from));
    secrets
}

#[tokio::test]
async fn metrics_count_what_happens_and_tell_of_nobody() {
    let data = tempfile::tempdir().unwrap();
    let watched = Watched::start(&["--quota-cards", "1"], data.path()).await;
    let secrets = use_it(&watched).await;
    watched
        .until_it_is("vouchsafe_mails_total", &[("outcome", "sent")], 1.0)
        .await;
    watched
        .until_it_is("vouchsafe_mails_waiting", &[], 0.0)
        .await;
    for service in ["vault", "keystore"] {
        let labels = [("service", service), ("outcome", "done")];
        watched
            .until_it_is("vouchsafe_sweeps_total", &labels, 1.0)
            .await;
    }

    let shown = watched.look().await;
    let route = |method, status| {
        let labels = [
            ("route", "/v1/cards/{id}"),
            ("method", method),
            ("status", status),
        ];
        shown.value("vouchsafe_requests_total", &labels)
    };
    assert_eq!(
        (route("PUT", "2xx"), route("PUT", "4xx")),
        (Some(1.0), Some(1.0))
    );
    for (name, label, value, count) in [
        ("vouchsafe_requests_total", "route", "none", 2.0),
        ("vouchsafe_requests_total", "method", "other", 1.0),
        ("vouchsafe_quota_refusals_total", "quota", "cards", 1.0),
        ("vouchsafe_rate_limited_total", "limit", "sign-in", 1.0),
        ("vouchsafe_errors_total", "code", "quota_exceeded", 1.0),
        ("vouchsafe_errors_total", "code", "unknown_route", 2.0),
        ("vouchsafe_mails_total", "outcome", "given_up", 0.0),
    ] {
        assert_eq!(
            shown.value(name, &[(label, value)]),
            Some(count),
            "{name} {value}"
        );
    }
    let of_cards = [("route", "/v1/cards/{id}"), ("service", "vault")];
    let times = shown.value("vouchsafe_request_seconds_count", &of_cards);
    assert_eq!(times, Some(2.0));
    let writers = [("service", "vault"), ("line", "accounts")];
    assert_eq!(
        shown.value("vouchsafe_writers_waiting", &writers),
        Some(0.0)
    );
    let clients = [("listener", "clients")];
    assert!(shown.value("vouchsafe_connections", &clients).is_some());
    assert_eq!(
        shown.value(
            "vouchsafe_build_info",
            &[("version", env!("CARGO_PKG_VERSION"))]
        ),
        Some(1.0)
    );

    let id = Regex::new("[0-9a-f]{8}-|[A-Za-z0-9_-]{22,}").unwrap();
    for (name, labels, _) in &shown.0 {
        for (label, value) in labels {
            let tells = secrets.iter().any(|secret| value.contains(secret.as_str()));
            assert!(!tells && !id.is_match(value), "{name} {label}={value}");
        }
    }
    watched.process.stop().await;
}

#[tokio::test]
async fn open_streams_are_counted_while_they_are_open() {
    let data = tempfile::tempdir().unwrap();
    let watched = Watched::start(&[], data.path()).await;
    let (keystore, vault) = (watched.url("/keystore"), watched.url("/vault"));
    let ada = sign_up(&watched.http, &keystore, &vault, "ada").await;
    watched
        .until_it_is("vouchsafe_event_streams", &[], 0.0)
        .await;
    let open = || {
        let request = watched.http.get(format!("{vault}/v1/events"));
        request.bearer_auth(&ada.token).send()
    };
    let (first, second) = (open().await.unwrap(), open().await.unwrap());
    watched
        .until_it_is("vouchsafe_event_streams", &[], 2.0)
        .await;
    drop(first);
    watched
        .until_it_is("vouchsafe_event_streams", &[], 1.0)
        .await;
    drop(second);
    watched
        .until_it_is("vouchsafe_event_streams", &[], 0.0)
        .await;
    watched.process.stop().await;
}

#[tokio::test]
async fn only_the_second_listener_shows_metrics() {
    let data = tempfile::tempdir().unwrap();
    let watched = Watched::start(&[], data.path()).await;
    for path in ["/metrics", "/live", "/ready"] {
        assert_eq!(watched.status(path).await, 200, "{path}");
    }
    for path in [
        "/",
        "/health",
        "/vault/v1/cards",
        "/keystore/v1/jwks",
        "/dev/mails",
    ] {
        assert_eq!(watched.status(path).await, 404, "{path}");
    }
    for path in ["/metrics", "/vault/metrics", "/keystore/metrics"] {
        let answer = call(&watched.http, "GET", &watched.url(path), None, None).await;
        assert_eq!(code(&answer), (404, "unknown_route"), "{path}");
    }
    watched.process.stop().await;
}

/// The metrics that a text of Grafana's or of Prometheus's names, each with the labels by which it chooses.
fn named(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let metric = Regex::new(r"\b((?:vouchsafe|process)_[a-z_]+)(?:\{([^}]*)\})?").unwrap();
    let label = Regex::new(r"([a-z_]+)(?:=~|!~|!=|=)").unwrap();
    let mut named = BTreeMap::<String, BTreeSet<String>>::new();
    for found in metric.captures_iter(text) {
        let labels = found.get(2).map_or("", |labels| labels.as_str());
        let labels = label.captures_iter(labels).map(|label| label[1].to_owned());
        named.entry(found[1].to_owned()).or_default().extend(labels);
    }
    named
}

#[tokio::test]
async fn dashboard_and_alerts_name_what_is_there() {
    let data = tempfile::tempdir().unwrap();
    let watched = Watched::start(&["--quota-cards", "1"], data.path()).await;
    use_it(&watched).await;
    let labels = [("service", "vault"), ("outcome", "done")];
    watched
        .until_it_is("vouchsafe_sweeps_total", &labels, 1.0)
        .await;
    let shown = watched.look().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/deploy");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (dashboard, alerts) = (read("grafana.json"), read("alerts.yaml"));
    for text in [&dashboard, &alerts] {
        let named = named(text);
        assert!(named.len() >= 8, "{named:?}");
        for (name, chosen) in named {
            // What Prometheus adds by itself says which process it asked.
            let added = ["job", "instance"];
            let has = |labels: &Labels| {
                let own =
                    |label: &String| labels.contains_key(label) || added.contains(&label.as_str());
                chosen.iter().all(own)
            };
            let is_shown = shown.named(&name).any(|(_, labels, _)| has(labels));
            assert!(is_shown, "{name} with {chosen:?} is not shown");
        }
    }
    // Everything that is counted has a place on the dashboard.
    let dashboard = named(&dashboard);
    for (name, ..) in &shown.0 {
        let placed = ["", "_bucket", "_sum", "_count"].iter().any(|end| {
            let base = name.trim_end_matches("_sum").trim_end_matches("_count");
            dashboard.contains_key(name) || dashboard.contains_key(&format!("{base}{end}"))
        });
        assert!(placed, "{name} is on no panel");
    }
    watched.process.stop().await;
}

#[tokio::test]
async fn a_process_that_drains_is_not_ready_and_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let watched = Watched::start(&["--drain-seconds", "3600"], data.path()).await;
    assert_eq!(watched.status("/ready").await, 200);
    watched.process.signal("TERM").await;
    until(async || (watched.status("/ready").await == 503).then_some(())).await;
    for (path, status) in [
        ("/ready", 503),
        ("/vault/ready", 503),
        ("/live", 200),
        ("/keystore/v1/jwks", 200),
    ] {
        let answer = watched.http.get(watched.url(path)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    assert_eq!(watched.status("/live").await, 200);
    // Who cannot wait says so again.
    watched.process.signal("TERM").await;
    watched.process.end().await;
}

#[tokio::test]
async fn draining_comes_to_an_end() {
    for (seconds, signal) in [("1", "TERM"), ("0", "TERM"), ("3600", "INT")] {
        let data = tempfile::tempdir().unwrap();
        let watched = Watched::start(&["--drain-seconds", seconds], data.path()).await;
        watched.process.signal(signal).await;
        watched.process.end().await;
    }
}
