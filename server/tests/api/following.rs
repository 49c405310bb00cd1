//! The ids of requests, their log lines, and how much is logged.

use std::process::Stdio;

use crate::common::*;
use crate::processes::{Process, command};
use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::ChildStderr;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn answered_id(lab: &Lab, sent: &[&str]) -> String {
    let mut request = lab
        .http
        .get(format!("{}/v1/jwks", lab.server.keystore_url()));
    for id in sent {
        request = request.header("x-request-id", *id);
    }
    let answer = request.send().await.unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap();
    id.to_owned()
}

#[tokio::test]
async fn each_request_has_an_id() {
    let lab = Lab::new().await;
    let is_new = |id: &str| uuid::Uuid::parse_str(id).unwrap().get_version_num() == 4;
    let first = answered_id(&lab, &[]).await;
    let second = answered_id(&lab, &[]).await;
    assert!(is_new(&first) && is_new(&second) && first != second);
    assert!(
        is_new(&answered_id(&lab, &["mine"]).await),
        "from a stranger"
    );

    let behind = Lab::with(|config| config.behind_proxy = true).await;
    assert_eq!(answered_id(&behind, &["a-B_c.9"]).await, "a-B_c.9");
    for wrong in [&["a b"][..], &["a", "b"], &[""], &[&"x".repeat(65)]] {
        assert!(is_new(&answered_id(&behind, wrong).await), "{wrong:?}");
    }
    // A batch has one id, and so have answers that no route gives.
    let url = format!("http://{}/nothing", behind.server.address());
    let request = behind.http.get(url).header("x-request-id", "x-1");
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(body["requestId"], "x-1");
}

/// The lines of a log in JSON, from the one that says that the server listens.
fn lines(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn log_lines_name_their_request_and_nobody() {
    let data = tempfile::tempdir().unwrap();
    let options = ["--listen", "127.0.0.1:0", "--behind-proxy", "--log-json"];
    let mut command = command(&options, data.path());
    let process = Process::run({
        command.env("VOUCHSAFE_LOG", "info");
        command
    })
    .await;
    let http = Client::new();
    let card = v7();
    let url = format!("http://{}/vault/v1/cards/{card}?x=1", process.address);
    let request = http.get(url).header("x-request-id", "id-1");
    let request = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
    // The server complains of such an address while it answers.
    let request = request.header("x-forwarded-for", "nobody");
    assert_eq!(request.send().await.unwrap().status(), 401);
    let unknown = format!("http://{}/{card}", process.address);
    let request = http.get(unknown).header("x-request-id", "id-2");
    let request = request.header("traceparent", "00-0-0-01");
    assert_eq!(request.send().await.unwrap().status(), 404);

    let log = process.stop().await;
    assert!(!log.contains(&card), "{log}");
    let lines = lines(&log);
    let of = |id: &str| {
        let of_request = lines.iter().filter(|line| line["span"]["id"] == id);
        of_request.collect::<Vec<_>>()
    };
    let first = of("id-1");
    assert_eq!(first.len(), 2, "the complaint and the request: {log}");
    assert!(first.iter().all(|line| line["span"]["trace"] == TRACE));
    assert_eq!(first[0]["level"], "WARN");
    let fields = first[1]["fields"].as_object().unwrap();
    let told = [
        "bytes", "message", "method", "millis", "route", "service", "status",
    ];
    let mut names: Vec<_> = fields.keys().collect();
    names.sort();
    assert_eq!(names, told);
    assert_eq!(fields["route"], "/v1/cards/{id}");
    assert_eq!(fields["service"], "vault");
    assert_eq!(
        (fields["status"].as_u64(), &fields["method"]),
        (Some(401), &"GET".into())
    );
    let second = of("id-2");
    assert_eq!(second.len(), 1, "{log}");
    assert_eq!(second[0]["fields"]["route"], "none");
    assert_eq!(second[0]["span"]["trace"], Value::Null, "it is none");
}

/// Reads on until a line holds this. Gives all lines that were read.
async fn read_to(lines: &mut Lines<BufReader<ChildStderr>>, text: &str) -> String {
    let mut read = String::new();
    loop {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line.unwrap().unwrap().expect("the server goes on");
        read.push_str(&line);
        read.push('\n');
        if line.contains(text) {
            return read;
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_switches_debugging_on_and_off() {
    let data = tempfile::tempdir().unwrap();
    let options = [
        "--listen",
        "127.0.0.1:0",
        "--behind-proxy",
        "--access-log",
        "debug",
    ];
    let mut command = command(&options, &data.path().join("own"));
    command.env("VOUCHSAFE_LOG", "warn").stderr(Stdio::piped());
    let mut process = Process::run(command).await;
    let mut lines = BufReader::new(process.child.stderr.take().unwrap()).lines();
    let (http, url) = (Client::new(), format!("http://{}/nothing", process.address));
    let ask = async |id: &str| {
        let request = http.get(&url).header("x-request-id", id);
        assert_eq!(request.send().await.unwrap().status(), 404);
    };
    ask("before").await;
    process.signal("USR1").await;
    let before = read_to(&mut lines, "debugging=\"on\"").await;
    assert_eq!(before.lines().count(), 1, "{before}");
    ask("meanwhile").await;
    process.signal("USR1").await;
    let meanwhile = read_to(&mut lines, "debugging=\"off\"").await;
    ask("after").await;
    process.signal("TERM").await;
    let mut after = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        after.push_str(&line);
    }
    assert_eq!(after, "");
    let own = |line: &str| !line.contains("DEBUG") || line.contains(" vouchsafe_server::");
    assert!(meanwhile.lines().all(own), "{meanwhile}");
    assert!(meanwhile.contains("id=meanwhile") && meanwhile.contains("access: request"));
    assert!(
        meanwhile.contains("refused code=UnknownRoute"),
        "{meanwhile}"
    );
    assert!(process.child.wait().await.unwrap().success());
}

#[tokio::test]
async fn requests_need_no_line() {
    for (level, lines) in [("off", 0), ("debug", 0), ("info", 1)] {
        let data = tempfile::tempdir().unwrap();
        let options = ["--listen", "127.0.0.1:0", "--access-log", level];
        let mut command = command(&options, data.path());
        command.env("VOUCHSAFE_LOG", "info");
        let process = Process::run(command).await;
        let url = format!("http://{}/live", process.address);
        assert_eq!(Client::new().get(url).send().await.unwrap().status(), 200);
        let log = process.stop().await;
        assert_eq!(log.matches("/live").count(), lines, "{level}: {log}");
    }
}
