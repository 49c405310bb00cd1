//! The reference of the package's calls, made from its types by TypeDoc.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::files;
use crate::npm;
use crate::output::say;
use crate::package::Package;
use crate::process;
use crate::workspace::Workspace;

/// Writes it into `docs/` of the target folder. Fails on a member that nobody described and on a link that leads nowhere.
pub(crate) fn build(workspace: &Workspace, package: &Package) -> Result<PathBuf> {
    let modules = npm::ensure_packages(workspace)?;
    say!("==> Making the reference");
    let entries = entries(package)?;
    let out = workspace.target.join("docs");
    let scratch = tempfile::tempdir()?;
    let compiler = json!({
        "compilerOptions": {
            "target": "esnext",
            "lib": ["esnext", "dom"],
            "module": "nodenext",
            "strict": true,
            "noEmit": true,
        },
        "files": entries,
    });
    let options = json!({
        "entryPoints": entries,
        "tsconfig": scratch.path().join("tsconfig.json"),
        "out": out,
        "readme": package.folder.join("README.md"),
        "name": format!("vouchsafe {}", workspace.version),
        "disableSources": true,
        "hideGenerator": true,
        "validation": { "notDocumented": true, "notExported": true, "invalidLink": true },
        "treatWarningsAsErrors": true,
        "treatValidationWarningsAsErrors": true,
    });
    files::write(&scratch.path().join("tsconfig.json"), compiler.to_string())?;
    let settings = scratch.path().join("typedoc.json");
    files::write(&settings, options.to_string())?;
    let mut typedoc = workspace.command("node");
    typedoc
        .arg(modules.join("typedoc/bin/typedoc"))
        .arg("--options")
        .arg(&settings);
    process::run(
        &mut typedoc,
        "TypeDoc (every member has a comment, and every link a place)",
    )?;
    Ok(out.join("index.html"))
}

/// The types of each entry, in the order of the package's `exports`.
fn entries(package: &Package) -> Result<Vec<PathBuf>> {
    let manifest: Value =
        serde_json::from_str(&files::read(&package.folder.join("package.json"))?)?;
    let exports = manifest["exports"]
        .as_object()
        .context("The package has `exports`.")?;
    let mut found = Vec::new();
    for types in exports.values().filter_map(|entry| entry["types"].as_str()) {
        let path = package.folder.join(types);
        if !found.contains(&path) {
            found.push(path);
        }
    }
    Ok(found)
}
