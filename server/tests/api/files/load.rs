//! A gibibyte through one process, in fifty transfers at once. It takes a while, and so runs with `VOUCHSAFE_THOROUGH=1` alone.

use std::time::Instant;

use super::*;
use crate::common::*;
use crate::processes::Process;
use crate::sample::is_thorough;
use futures_util::stream::{self, StreamExt};

const PARTS: usize = 1024;
const AT_ONCE: usize = 50;
/// By so many KiB the process may grow.
const MAX_GROWTH_KIB: usize = 64 << 10;

/// The bytes of one part, which are made anew each time.
fn part(number: usize) -> Vec<u8> {
    let mut state = number as u64 + 1;
    let words = (0..PART / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}

/// A number of KiB that the system tells of a process.
fn kib(process: u32, name: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_goes_through_a_small_process() {
    if !is_thorough() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let server = Process::start(&["--listen", "127.0.0.1:0"], data.path()).await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::new();
    let process = server.child.id().unwrap();
    let base = format!("http://{}", server.address);
    let vault = format!("{base}/vault");
    let ada = sign_up(&http, &format!("{base}/keystore"), &vault, "ada").await;
    let files = Files {
        http,
        vault,
        token: ada.token,
    };
    let id = v7();
    files.begin(&id).await;
    let before = kib(process, "VmRSS");
    let began = Instant::now();
    let sent = stream::iter(0..PARTS).map(async |number| {
        let bytes = part(number);
        let answer = files.put_at(&id, number * PART, &bytes).await;
        assert_eq!(answer.status, 204);
        (number, Sha256::digest(&bytes))
    });
    let mut sent: Vec<_> = sent.buffer_unordered(AT_ONCE).collect().await;
    let (up, up_peak) = (began.elapsed(), kib(process, "VmHWM"));
    sent.sort();
    let digests: Vec<u8> = sent.iter().flat_map(|(_, digest)| *digest).collect();
    let body = json!({ "size": PARTS * PART, "digests": encode(&digests) });
    let path = format!("/files/{id}/finish");
    assert_eq!(files.call("POST", &path, Some(body)).await.0, 200);
    let began = Instant::now();
    let read = stream::iter(0..AT_ONCE).map(async |reader| {
        // All of them read at once, each a stretch of its own.
        let stretch = PARTS.div_ceil(AT_ONCE);
        for number in (reader * stretch)..((reader + 1) * stretch).min(PARTS) {
            let range = format!("bytes={}-{}", number * PART, (number + 1) * PART - 1);
            let got = files.get(&id, &[("range", &range)]).await;
            assert!(got.bytes == part(number), "part {number}");
        }
    });
    read.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    let down = began.elapsed();
    // And once as a whole.
    let url = files.url(&format!("/files/{id}"));
    let request = files.http.get(url).bearer_auth(&files.token);
    let (mut whole, mut hash) = (request.send().await.unwrap(), Sha256::new());
    while let Some(chunk) = whole.chunk().await.unwrap() {
        hash.update(&chunk);
    }
    let expected = (0..PARTS).fold(Sha256::new(), |hash, number| {
        hash.chain_update(part(number))
    });
    assert_eq!(hash.finalize(), expected.finalize());
    let peak = kib(process, "VmHWM");
    println!(
        "{PARTS} MiB by {AT_ONCE} at once: up in {up:.1?}, down in {down:.1?}; {before} KiB before, at most {up_peak} KiB, \
         {peak} KiB in the end"
    );
    assert!(peak - before < MAX_GROWTH_KIB, "{} KiB more", peak - before);
}
