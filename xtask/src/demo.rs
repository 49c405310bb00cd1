//! The demo: page, package and services, built and served.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::files;
use crate::npm;
use crate::package::{self, Package};
use crate::process;
use crate::services::{self, Host, Services, Settings};
use crate::tools::Chromium;
use crate::workspace::Workspace;

/// What lies in `www/` and is not the page.
const NOT_THE_PAGE: [&str; 4] = [
    ".npmrc",
    "node_modules",
    "package.json",
    "package-lock.json",
];

/// What the page borrows from the npm package `qr`: the writer, the reader, and the licence that lets it.
const QR: [&str; 3] = ["index.js", "decode.js", "LICENSE-MIT"];

/// Builds everything, serves it, and says when it is ready.
pub(crate) fn run(workspace: &Workspace, port: u16, data: Option<PathBuf>) -> Result<()> {
    services::ensure_free(port)?;
    let package = package::build(workspace)?;
    let server = services::build_demo(workspace)?;
    services::ensure_free(port)?;

    let folder = workspace.target.join("demo");
    let data = data.unwrap_or_else(|| folder.join("data"));
    let demo = start(workspace, &server, &package, &folder, port, &data, true)?;
    process::serving();
    eprintln!(
        "    data in {}, log in {}",
        data.display(),
        folder.join("server.log").display()
    );
    println!("Vouchsafe demo ready: {}", demo.page());
    demo.stay()
}

/// Builds everything, and runs `work` with a demo of its own and a browser to use its page with.
pub(crate) fn with_browser(
    workspace: &Workspace,
    work: impl FnOnce(&Services, &Chromium) -> Result<()>,
) -> Result<()> {
    npm::ensure_packages(workspace)?;
    let chromium = Chromium::ensure(workspace)?;
    let package = package::build(workspace)?;
    let server = services::build_demo(workspace)?;

    let scratch = tempfile::tempdir()?;
    let folder = scratch.path();
    let (port, data) = (services::ANY_PORT, folder.join("data"));
    let demo = start(workspace, &server, &package, folder, port, &data, false)?;
    work(&demo, &chromium)
}

/// Puts the page into `folder` and starts the services there.
pub(crate) fn start(
    workspace: &Workspace,
    server: &Path,
    package: &Package,
    folder: &Path,
    port: u16,
    data: &Path,
    rate_limits: bool,
) -> Result<Services> {
    let scratch = files::scratch(folder)?;
    let new = scratch.path().join("page");
    lay_out(workspace, &new)?;
    files::copy_folder(&package.folder, &new.join("vouchsafe"))?;
    let page = folder.join("page");
    files::replace_folder(&page, &new)?;

    let log = folder.join("server.log");
    let settings = Settings {
        port,
        data,
        host: Host::Demo(&page),
        rate_limits,
        log: Some(&log),
    };
    Services::start(workspace, server, &settings)
}

/// Puts the page's own files into `folder`, and what it borrows beside them.
fn lay_out(workspace: &Workspace, folder: &Path) -> Result<()> {
    let qr = npm::ensure_page(workspace)?.join("qr");
    files::copy_folder_without(&workspace.root.join("www"), folder, &NOT_THE_PAGE)?;
    for name in QR {
        files::copy(&qr.join(name), &folder.join("qr").join(name))?;
    }
    Ok(())
}
