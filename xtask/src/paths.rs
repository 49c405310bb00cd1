//! This machine's folders, which must not show in what others get: the same source shall give the same bytes everywhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::files;
use crate::tools;
use crate::workspace::Workspace;

/// Makes a `cargo rustc` write other names for this machine's folders. It takes no other flags from the environment.
pub(crate) fn hide(workspace: &Workspace, cargo: &mut Command) -> Result<()> {
    let flags = names(workspace)?
        .iter()
        .map(|(folder, name)| flag(folder, name))
        .collect::<Result<Vec<_>>>()?;
    // Encoded, because a folder's name may hold spaces.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    // Dependencies lie elsewhere. With this flag they would be compiled anew for each checkout.
    cargo.args(["--", &flag(&workspace.root, "/vouchsafe")?]);
    Ok(())
}

fn flag(folder: &Path, name: &str) -> Result<String> {
    ensure!(
        folder.is_absolute(),
        "{} is no absolute path.",
        folder.display()
    );
    let folder = folder
        .to_str()
        .with_context(|| format!("{} is no Unicode", folder.display()))?;
    Ok(format!("--remap-path-prefix={folder}={name}"))
}

/// Fails when a file in `folder` names one of this machine's folders.
pub(crate) fn ensure_hidden(workspace: &Workspace, folder: &Path) -> Result<()> {
    let mut ours = vec![
        workspace.root.clone(),
        workspace.target.clone(),
        tools::cargo_home()?,
        tools::sysroot()?,
    ];
    // The name of one folder alone, as `/src`, may well be the middle of another path.
    ours.retain(|folder| folder.components().count() > 2);
    for file in files::list(folder)? {
        let bytes = fs::read(&file)?;
        let found = ours.iter().find(|folder| holds(&bytes, folder));
        if let Some(found) = found {
            bail!(
                "{} names the folder {} of this machine.",
                file.display(),
                found.display()
            );
        }
    }
    Ok(())
}

fn holds(bytes: &[u8], folder: &Path) -> bool {
    let needle = folder.as_os_str().as_encoded_bytes();
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// The name that replaces each folder, but for the checkout. The compiler takes the last one that fits.
fn names(workspace: &Workspace) -> Result<Vec<(PathBuf, String)>> {
    let mut names = vec![(workspace.target.clone(), "/target".to_owned())];
    let cargo_home = tools::cargo_home()?;
    names.push((cargo_home.clone(), "/cargo".to_owned()));
    // The folder of a registry is called differently where another one stands in for it.
    let registries = cargo_home.join("registry/src");
    let entries = fs::read_dir(&registries)
        .with_context(|| format!("{} could not be read", registries.display()))?;
    for entry in entries {
        names.push((entry?.path(), "/cargo/registry".to_owned()));
    }
    names[2..].sort();
    // The library's own name for its source, which the component rust-src replaces with the place where it lies.
    names.push((
        tools::sysroot()?.join("lib/rustlib/src/rust"),
        format!("/rustc/{}", tools::compiler_commit()?),
    ));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::holds;
    use std::path::Path;

    #[test]
    fn a_folder_is_found_in_the_middle_of_a_file() {
        let file = b"\0asm error at/home/robin/code/src/lib.rs:7";
        assert!(holds(file, Path::new("/home/robin/code")));
        assert!(!holds(file, Path::new("/home/robin/coder")));
    }
}
