//! Settings from a file, and secrets from files of their own, in the binary as it is run.

use std::fs;

use super::{Ended, Place, ended};

/// Runs with this file of settings. An address that cannot be listened on ends it at once.
async fn with_file(place: &Place, text: &str, more: &[(&str, &str)]) -> Ended {
    let file = place.data.path().join("vouchsafe.toml");
    fs::write(&file, text).unwrap();
    let mut command = place.command(&[]);
    command.env("VOUCHSAFE_CONFIG", &file);
    for (name, value) in more {
        match name.strip_prefix("--") {
            Some(_) => command.args([name, value]),
            None => command.env(name, value),
        };
    }
    ended(command).await
}

#[tokio::test]
async fn an_option_counts_more_than_its_variable_and_that_more_than_the_file() {
    let place = Place::in_folder();
    let file = "listen = \"in the file\"\ncors-origin = [\"https://app.example\"]\n";
    let listen = ("--listen", "on the line");
    let variable = ("VOUCHSAFE_LISTEN", "in a variable");
    for (more, counts) in [
        (vec![], "in the file"),
        (vec![variable], "in a variable"),
        (vec![variable, listen], "on the line"),
        (vec![listen], "on the line"),
    ] {
        let refused = with_file(&place, file, &more).await;
        assert!(
            refused.error.contains(&format!("than {counts} (")),
            "{refused:?}"
        );
    }
    // The other values of the file count all the same.
    let file = "listen = \"nowhere\"\ncors-origin = [\"https://app.example\", \"app.example\"]";
    let refused = with_file(&place, file, &[]).await;
    assert!(refused.error.contains("--cors-origin"), "{refused:?}");
    let listed = with_file(&place, file, &[("VOUCHSAFE_CORS_ORIGIN", "*")]).await;
    assert!(listed.error.contains("than nowhere"), "{listed:?}");
}

#[tokio::test]
async fn what_a_file_may_not_say_is_refused_by_name() {
    let place = Place::in_folder();
    for (file, says) in [
        ("lisen = \"x\"", "Write listen in place of lisen"),
        (
            "VOUCHSAFE_LISTEN = \"x\"",
            "Write listen in place of VOUCHSAFE_LISTEN",
        ),
        ("smtp_url = \"x\"", "Write smtp-url in place of smtp_url"),
        ("colour = \"blue\"", "Leave colour out"),
        ("config = \"x\"", "config"),
        ("[vault]\nlisten = \"x\"", "vault"),
        (
            "behind-proxy = \"yes\"",
            "Write behind-proxy as true or false",
        ),
        ("listen = [\"x\"]", "Write listen as a text"),
        ("cors-origin = [true]", "Write cors-origin as a list"),
        ("max-connections = 0", "'0' for '--max-connections"),
        ("\n\nlisten = x", "Mend line 3"),
        ("vault-db = \"x\"\nvault-db-file = \"y\"", "not both"),
        ("vault-db-file = \"/nowhere/secret\"", "/nowhere/secret"),
        ("listen-file = \"x\"", "listen-file"),
    ] {
        let refused = with_file(&place, file, &[]).await;
        assert_eq!(refused.status, 1, "{file}");
        let error = &refused.error;
        assert!(
            error.starts_with("error: ") && error.contains(says),
            "{error}"
        );
        assert!(
            error.contains("vouchsafe.toml") || error.contains("/nowhere"),
            "{error}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let missing = place.run(&["--config", "/nowhere/vouchsafe.toml"]).await;
    assert!(missing.error.contains("--config"), "{missing:?}");
}

#[tokio::test]
async fn secrets_lie_in_files_of_their_own() {
    let place = Place::in_folder();
    let secret = place.data.path().join("secret");
    // What cannot be meant is named, so that it is seen where it came from.
    fs::write(&secret, "smtp://localhost\n").unwrap();
    let path = secret.to_str().unwrap();
    let variable = ("VOUCHSAFE_SMTP_URL_FILE", path);
    let read = with_file(&place, "dev-mailbox = true", &[variable]).await;
    assert!(
        read.error.contains("Leave --dev-mailbox or --smtp-url out"),
        "{read:?}"
    );
    let file = format!("dev-mailbox = true\nsmtp-url-file = \"{path}\"");
    let read = with_file(&place, &file, &[]).await;
    assert!(
        read.error.contains("Leave --dev-mailbox or --smtp-url out"),
        "{read:?}"
    );
    let both = [variable, ("VOUCHSAFE_SMTP_URL", "smtp://localhost")];
    let refused = with_file(&place, "", &both).await;
    assert!(
        refused.error.contains("VOUCHSAFE_SMTP_URL_FILE, not both"),
        "{refused:?}"
    );
    let gone = [("VOUCHSAFE_SMTP_URL_FILE", "/nowhere/secret")];
    let refused = with_file(&place, "", &gone).await;
    assert!(refused.error.contains("/nowhere/secret"), "{refused:?}");
    // The line's end, which a database's name would have as well as not, is no part of it.
    assert_eq!(place.run(&["migrate", "vault"]).await.status, 0);
    let database = place.data.path().join("vault.db");
    fs::write(&secret, format!("sqlite://{}\r\n", database.display())).unwrap();
    let mut command = place.command(&["admin", "stats"]);
    command.env("VOUCHSAFE_VAULT_DB_FILE", path);
    let found = ended(command).await;
    assert_eq!(found.status, 0, "{found:?}");
    fs::write(&secret, "smtp://localhost\n").unwrap();
    // A variable counts more than the file, in both of its forms.
    let file = "listen = \"nowhere\"\nsmtp-url = \"ftp://x\"\nmail-from = \"mail@app.example\"";
    let counted = with_file(&place, file, &[variable]).await;
    assert!(counted.error.contains("than nowhere"), "{counted:?}");
}

#[tokio::test]
async fn every_command_reads_the_file() {
    let place = Place::in_folder();
    let elsewhere = Place::in_folder();
    let process = elsewhere.serve().await;
    let file = place.data.path().join("vouchsafe.toml");
    let vault = elsewhere.data.path().join("vault.db");
    let text = format!(
        "vault-db = \"sqlite://{}\"\nlisten = \"{}\"\ncors-origin = \"*\"",
        vault.display(),
        process.address
    );
    fs::write(&file, text).unwrap();
    let config = ["--config", file.to_str().unwrap()];
    let stats = [&["admin", "stats", "--json"], &config[..]].concat();
    let stats = place.run(&stats).await.json();
    assert!(
        stats["vault"].is_object() && stats["keystore"].is_null(),
        "{stats}"
    );
    let check = [&["migrate", "vault", "--check"], &config[..]].concat();
    assert_eq!(place.run(&check).await.status, 0);
    let kept = tempfile::tempdir().unwrap();
    let to = kept.path().join("backup");
    let backup = ["backup", "--to", to.to_str().unwrap()];
    let copied = place.run(&[&backup[..], &config].concat()).await;
    assert_eq!(copied.status, 0, "{copied:?}");
    assert!(to.join("vault.db").is_file());
    // `health` has no data.
    let mut health = tokio::process::Command::new(env!("CARGO_BIN_EXE_vouchsafe-server"));
    health
        .arg("health")
        .args(config)
        .env_remove("VOUCHSAFE_LISTEN");
    assert_eq!(ended(health).await.status, 0);
    process.stop().await;
    let mut health = tokio::process::Command::new(env!("CARGO_BIN_EXE_vouchsafe-server"));
    health.arg("health").args(config);
    let away = ended(health).await;
    assert!(
        away.status == 1 && away.error.contains("does not answer"),
        "{away:?}"
    );
}
