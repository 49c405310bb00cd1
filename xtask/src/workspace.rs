//! The checkout and its target folder.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::output;

/// The checkout and its target folder.
pub(crate) struct Workspace {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever it was configured to be.
    pub(crate) target: PathBuf,
    /// The version of every crate, and of the npm package.
    pub(crate) version: String,
    /// The environment variables that commands in the checkout get besides this program's own.
    pub(crate) environment: Vec<(&'static str, String)>,
    metadata: Value,
}

impl Workspace {
    /// Asks Cargo.
    pub(crate) fn find() -> Result<Self> {
        // Cargo sets it at run time too; what was compiled in may name a checkout that has moved.
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").context("Start this command as `cargo xtask`.")?;
        let root = Path::new(&manifest)
            .parent()
            .context("xtask lies in the checkout")?
            .to_owned();
        let output = Command::new(cargo())
            .args(["metadata", "--format-version", "1"])
            .current_dir(&root)
            .stderr(std::process::Stdio::inherit())
            .output()
            .context("cargo could not be started")?;
        ensure!(
            output.status.success(),
            "`cargo metadata` failed; see above."
        );
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let target = metadata["target_directory"]
            .as_str()
            .context("cargo metadata names the target folder")?
            .into();
        let mut this = Self {
            root,
            target,
            version: String::new(),
            environment: Vec::new(),
            metadata,
        };
        this.version = this.locked_version("vouchsafe")?.to_owned();
        Ok(this)
    }

    /// The version of a crate in the lock file.
    pub(crate) fn locked_version(&self, name: &str) -> Result<&str> {
        let packages = self.metadata["packages"]
            .as_array()
            .context("cargo metadata lists the packages")?;
        packages
            .iter()
            .find(|package| package["name"] == name)
            .and_then(|package| package["version"].as_str())
            .with_context(|| format!("The crate {name} is not in Cargo.lock."))
    }

    /// The name and the version of each crate of the workspace.
    pub(crate) fn members(&self) -> Result<Vec<(&str, &str)>> {
        let packages = self.metadata["packages"]
            .as_array()
            .context("cargo metadata lists the packages")?;
        let ours = packages
            .iter()
            .filter(|package| package["source"].is_null());
        ours.map(|package| Some((package["name"].as_str()?, package["version"].as_str()?)))
            .collect::<Option<_>>()
            .context("cargo metadata names each package and its version")
    }

    /// A command that runs Cargo in the checkout.
    pub(crate) fn cargo(&self) -> Command {
        self.command(cargo())
    }

    /// A command that runs in the checkout.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        output::redirect(&mut command);
        // Set for xtask by `cargo run`; they would mislead the builds that it starts.
        for (name, _) in env::vars_os() {
            let own = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            });
            if own {
                command.env_remove(name);
            }
        }
        command
    }
}

fn cargo() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
