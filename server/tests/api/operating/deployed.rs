//! The files of `docs/deploy`, as far as the binary can say whether it would take them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Place, ended};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// The settings that the documents show, each with its name.
fn settings() -> Vec<(String, String)> {
    let page = fs::read_to_string(docs().join("deploy.md")).unwrap();
    let blocks = page.split("```toml\n").skip(1);
    let blocks = blocks.map(|block| ("deploy.md", block.split("```").next().unwrap().to_owned()));
    let mut found: Vec<_> = blocks.map(|(name, text)| (name.to_owned(), text)).collect();
    assert_eq!(found.len(), 1);
    for path in files(&docs().join("deploy")) {
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
    assert_eq!(found.len(), 3);
    found
}

#[tokio::test]
async fn the_binary_takes_the_settings_that_are_shown() {
    let place = Place::in_folder();
    let secret = place.data.path().join("secret");
    fs::write(&secret, "postgres://vouchsafe@127.0.0.1/vault").unwrap();
    let file = place.data.path().join("shown.toml");
    for (name, text) in settings() {
        let text = text.replace("/run/secrets/vault-db", secret.to_str().unwrap());
        fs::write(&file, text).unwrap();
        // What cannot be listened on is refused when everything else was understood.
        let service = if name.contains("keystore") {
            "keystore"
        } else {
            "vault"
        };
        let config = ["--config", file.to_str().unwrap(), "--listen", "nowhere"];
        let refused = place.run(&[&[service], &config[..]].concat()).await;
        assert!(
            refused.error.contains("another address than nowhere"),
            "{name}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn every_variable_that_is_named_has_an_option() {
    let mut named = BTreeSet::new();
    let page = docs().join("deploy.md");
    for path in files(&docs().join("deploy")).into_iter().chain([page]) {
        let text = fs::read_to_string(&path).unwrap();
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let variables = words.filter(|word| word.starts_with("VOUCHSAFE_") && word.len() > 10);
        named.extend(variables.map(str::to_owned));
    }
    assert!(named.len() > 10, "{named:?}");
    named.insert("VOUCHSAFE_LISTEN_FILE".to_owned());
    for name in &named {
        // Every command says which mean nothing. It complains of a value only where it knows the option.
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vouchsafe-server"));
        command.arg("health").env_clear().env(name, "nothing");
        let log = ended(command).await.error;
        let is_unknown = log.contains("no option has this variable");
        assert_eq!(is_unknown, name == "VOUCHSAFE_LISTEN_FILE", "{name}: {log}");
    }
}

#[test]
fn the_image_is_made_with_the_compiler_that_is_asked_for() {
    let root = docs().join("..");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let (_, version) = manifest.split_once("rust-version = \"").unwrap();
    let (version, _) = version.split_once('"').unwrap();
    let file = fs::read_to_string(docs().join("deploy/Dockerfile")).unwrap();
    assert!(file.contains(&format!("/rust:{version}-")), "{version}");
}

/// systemd's own judgement, where it is installed.
#[test]
fn systemd_takes_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for path in files(&docs().join("deploy/systemd")) {
        if path.extension().is_some_and(|ending| ending == "service") {
            let unit = folder.path().join(path.file_name().unwrap());
            let text = fs::read_to_string(&path).unwrap();
            // It has to be there.
            let binary = env!("CARGO_BIN_EXE_vouchsafe-server");
            fs::write(
                &unit,
                text.replace("/usr/local/bin/vouchsafe-server", binary),
            )
            .unwrap();
            units.push(unit);
        }
    }
    assert_eq!(units.len(), 2);
    let analyze = |arguments: &[&str], unit: &Path| {
        let mut command = Command::new("systemd-analyze");
        command.args(arguments).arg(unit).stdin(Stdio::null());
        command.env("SYSTEMD_LOG_LEVEL", "info");
        command.output().ok()
    };
    for unit in &units {
        let Some(verified) = analyze(&["verify", "--man=no"], unit) else {
            return;
        };
        let said = String::from_utf8_lossy(&verified.stderr);
        let about_it = said.lines().filter(|line| line.contains("vouchsafe-"));
        assert!(verified.status.success() && about_it.count() == 0, "{said}");
        // At most an exposure of 1.5, of 10.
        let arguments = ["security", "--offline=true", "--threshold=15"];
        let judged = analyze(&arguments, unit).unwrap();
        assert!(judged.status.success(), "{judged:?}");
    }
}
