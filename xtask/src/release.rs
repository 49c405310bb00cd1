//! A release: the tarball, its checksums, and whether anybody gets the same from the same commit.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::changelog::{self, Date};
use crate::files;
use crate::npm::NPM;
use crate::output::say;
use crate::process;
use crate::workspace::Workspace;

/// Makes everything and checks it. Publishes nothing: that takes an account at a registry, and a person who decides.
pub(crate) fn run(workspace: &Workspace, dry_run: bool) -> Result<()> {
    let held_back = held_back(workspace)?;
    if !dry_run {
        ensure!(held_back.is_empty(), "{}", held_back.join("\n"));
    }
    let folder = workspace.target.join("release-check");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("{} could not be removed", folder.display()))?;
    }
    let commit = git(workspace, &["rev-parse", "HEAD"])?;
    let commit = commit.trim();
    // The names differ in length and depth, in case a path gets into what is built.
    let first = build_clone(workspace, commit, &folder.join("clones/one"))?;
    let second = build_clone(workspace, commit, &folder.join("clones/in/another-folder"))?;
    ensure_same(&first, &second)?;

    let name = tarball_name(workspace);
    let tarball = folder.join(&name);
    fs::copy(first.join(&name), &tarball)?;
    unpack(workspace, &tarball, &folder)?;
    ensure_filled(workspace, &folder.join("package/package.json"))?;
    let sums = checksums(&folder, &tarball)?;
    files::write(&folder.join("SHA256SUMS"), &sums)?;
    fs::remove_dir_all(folder.join("clones"))?;

    println!("\nTwo clean clones of {commit} gave the same bytes:");
    println!("{}", sums.lines().next().unwrap_or_default());
    println!("Built with {}.", tools_used());
    println!("All checksums: {}", folder.join("SHA256SUMS").display());
    for reason in &held_back {
        println!("Before a release: {reason}");
    }
    if !dry_run {
        println!(
            "\nNothing was published. To do it, signed in at the registry:\n\n    cargo xtask test --thorough\n    git tag v{version} {commit}\n    npm publish {}\n",
            tarball.display(),
            version = workspace.version,
        );
    }
    Ok(())
}

/// The faults that hold back a release, but not a dry run. A fault that holds back both is an error.
fn held_back(workspace: &Workspace) -> Result<Vec<String>> {
    ensure_versions_agree(workspace)?;
    let mut reasons = Vec::new();
    let changelog = files::read(&workspace.root.join("CHANGELOG.md"))?;
    if changelog::date(&changelog, &workspace.version)? == Date::Unreleased {
        reasons.push(format!(
            "CHANGELOG.md calls {} unreleased; write the day there.",
            workspace.version
        ));
    }
    let changes = git(workspace, &["status", "--porcelain"])?;
    if !changes.is_empty() {
        reasons.push(format!(
            "what is not committed is in no clone:\n{}",
            changes.trim_end()
        ));
    }
    Ok(reasons)
}

/// Every crate has the workspace's version, and so has every text that names the tarball.
fn ensure_versions_agree(workspace: &Workspace) -> Result<()> {
    let version = &workspace.version;
    for (name, found) in workspace.members()? {
        ensure!(
            found == version,
            "The crate {name} has the version {found}, vouchsafe {version}."
        );
    }
    for path in texts(&workspace.root)? {
        let text = files::read(&path)?;
        for (start, _) in text.match_indices("vouchsafe-") {
            let rest = &text[start..];
            let Some(end) = rest.find(".tgz").filter(|&end| is_tarball(&rest[..end])) else {
                continue;
            };
            ensure!(
                rest[..end] == format!("vouchsafe-{version}"),
                "{} names {}.tgz, but the version is {version}.",
                path.display(),
                &rest[..end]
            );
        }
    }
    Ok(())
}

/// The texts that may name the tarball. The pictures beside the documents are none.
fn texts(root: &Path) -> Result<Vec<PathBuf>> {
    let mut texts = files::list(&root.join("docs"))?;
    texts.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    texts.push(root.join("README.md"));
    texts.push(root.join("examples/react/package.json"));
    Ok(texts)
}

fn is_tarball(name: &str) -> bool {
    name.strip_prefix("vouchsafe-").is_some_and(|version| {
        !version.is_empty()
            && version
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

fn tarball_name(workspace: &Workspace) -> String {
    format!("vouchsafe-{}.tgz", workspace.version)
}

fn git(workspace: &Workspace, arguments: &[&str]) -> Result<String> {
    let output = workspace
        .command("git")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output()
        .context("git could not be started")?;
    ensure!(output.status.success(), "`git {}` failed.", arguments[0]);
    Ok(String::from_utf8(output.stdout)?)
}

/// Builds the package from a new clone, with a target folder of its own. Returns the folder with the tarball.
fn build_clone(workspace: &Workspace, commit: &str, clone: &Path) -> Result<PathBuf> {
    say!("\n==> Building from a clone in {}", clone.display());
    let mut cloning = workspace.command("git");
    cloning
        .args(["clone", "--quiet", "--no-local", "--no-checkout"])
        .arg(&workspace.root)
        .arg(clone);
    process::run(&mut cloning, "`git clone`")?;
    let mut checkout = workspace.command("git");
    checkout
        .args(["checkout", "--quiet", "--detach", commit])
        .current_dir(clone);
    process::run(&mut checkout, "`git checkout`")?;
    let target = clone.join("target");
    // This very program, which would otherwise take longer to compile than the module. It builds the checkout that Cargo
    // would name to it.
    let mut package = workspace.command(env::current_exe()?);
    package
        .arg("package")
        .env("CARGO_MANIFEST_DIR", clone.join("xtask"))
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(clone);
    process::run(&mut package, "The build from a clone")?;
    Ok(target.join("package"))
}

/// Fails unless both folders hold the same files, and says which differ.
fn ensure_same(first: &Path, second: &Path) -> Result<()> {
    let names = |folder: &Path| -> Result<BTreeSet<PathBuf>> {
        let paths = files::list(folder)?;
        let names = paths.iter().map(|path| path.strip_prefix(folder));
        Ok(names
            .map(|name| name.map(Path::to_owned))
            .collect::<Result<_, _>>()?)
    };
    let mut differing = Vec::new();
    for name in names(first)?.union(&names(second)?) {
        let read = |folder: &Path| fs::read(folder.join(name)).ok();
        if read(first) != read(second) {
            differing.push(name.display().to_string());
        }
    }
    ensure!(
        differing.is_empty(),
        "Two clean clones gave different files: {}. Compare {} and {}.",
        differing.join(", "),
        first.display(),
        second.display()
    );
    Ok(())
}

fn unpack(workspace: &Workspace, tarball: &Path, folder: &Path) -> Result<()> {
    let mut tar = workspace.command("tar");
    tar.arg("-xzf").arg(tarball).arg("-C").arg(folder);
    process::run(&mut tar, "`tar`")
}

fn ensure_filled(workspace: &Workspace, manifest: &Path) -> Result<()> {
    let manifest: Value = serde_json::from_str(&files::read(manifest)?)?;
    let found = &manifest["version"];
    if *found != workspace.version {
        bail!(
            "The package says that its version is {found}, the crates {}.",
            workspace.version
        );
    }
    Ok(())
}

/// The tarball's checksum, then its files', as `sha256sum --check` reads them beside the unpacked tarball.
fn checksums(folder: &Path, tarball: &Path) -> Result<String> {
    let mut paths = vec![tarball.to_owned()];
    paths.extend(files::list(&folder.join("package"))?);
    let mut sums = String::new();
    for path in paths {
        let sum = HEXLOWER.encode(&Sha256::digest(fs::read(&path)?));
        let name = path.strip_prefix(folder)?.display();
        writeln!(sums, "{sum}  {name}")?;
    }
    Ok(sums)
}

/// The programs whose versions the bytes depend on.
fn tools_used() -> String {
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").output().ok();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        text.unwrap_or_else(|| "?".into())
    };
    format!(
        "{}, Node.js {}, npm {}",
        version("rustc"),
        version("node"),
        version(NPM)
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{checksums, ensure_same, is_tarball, texts};

    #[test]
    fn a_file_that_differs_or_is_missing_is_named() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (name, content) in [("same", "1"), ("changed", "1"), ("missing", "1")] {
            fs::write(first.path().join(name), content).unwrap();
        }
        fs::write(second.path().join("same"), "1").unwrap();
        fs::write(second.path().join("changed"), "2").unwrap();
        let error = ensure_same(first.path(), second.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("different files: changed, missing."),
            "{error}"
        );
        ensure_same(first.path(), first.path()).unwrap();
    }

    #[test]
    fn checksums_are_those_of_sha_256() {
        let folder = tempfile::tempdir().unwrap();
        let tarball = folder.path().join("vouchsafe-1.tgz");
        fs::write(&tarball, "").unwrap();
        fs::create_dir(folder.path().join("package")).unwrap();
        fs::write(folder.path().join("package/index.js"), "abc").unwrap();
        let expected = "\
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  vouchsafe-1.tgz\n\
            ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  package/index.js\n";
        assert_eq!(checksums(folder.path(), &tarball).unwrap(), expected);
    }

    #[test]
    fn a_picture_is_no_text() {
        let root = tempfile::tempdir().unwrap();
        let docs = root.path().join("docs");
        fs::create_dir(&docs).unwrap();
        fs::write(docs.join("guide.md"), "").unwrap();
        fs::write(docs.join("page-dark.png"), [0x89]).unwrap();
        let texts = texts(root.path()).unwrap();
        assert_eq!(texts.first(), Some(&docs.join("guide.md")));
        assert_eq!(texts.len(), 3);
    }

    #[test]
    fn only_a_version_makes_a_tarball() {
        assert!(is_tarball("vouchsafe-0.1.0"));
        assert!(!is_tarball("vouchsafe-server` and the"));
        assert!(!is_tarball("vouchsafe-"));
    }
}
