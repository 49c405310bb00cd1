//! The demo: page, package and services, built and served.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Result;

use crate::files;
use crate::npm;
use crate::output::say;
use crate::package;
use crate::process;
use crate::services::{self, Host, Services, Settings};
use crate::tools::Chromium;
use crate::workspace::Workspace;

/// The files in `www/` that are not part of the page.
const NOT_THE_PAGE: [&str; 4] = [
    ".npmrc",
    "node_modules",
    "package.json",
    "package-lock.json",
];

/// The files that the page takes from the npm package `qr`: the writer, the reader, and the licence.
const QR: [&str; 3] = ["index.js", "decode.js", "LICENSE-MIT"];

/// Builds everything, serves it, and says when it is ready.
pub(crate) fn run(mut workspace: Workspace, port: u16, data: Option<PathBuf>) -> Result<()> {
    services::ensure_free(port)?;
    let folder = workspace.target.join("demo");
    let package = folder.join("vouchsafe");
    let (server, ()) = build_beside(&mut workspace, |workspace| {
        npm::ensure_page(workspace)?;
        package::build_for_page(workspace, &package)
    })?;
    services::ensure_free(port)?;

    let data = data.unwrap_or_else(|| folder.join("data"));
    let demo = start(&workspace, &server, &package, &folder, port, &data, true)?;
    process::serving();
    say!(
        "    data in {}, log in {}",
        data.display(),
        folder.join("server.log").display()
    );
    println!("Vouchsafe demo ready: {}", demo.page());
    demo.stay()
}

/// Builds everything, and runs `work` with a demo of its own and a browser to use its page with.
pub(crate) fn with_browser(
    mut workspace: Workspace,
    work: impl FnOnce(&Workspace, &Services, &Chromium) -> Result<()>,
) -> Result<()> {
    let chromium = Chromium::ensure(&workspace)?;
    let (server, package) = build_beside(&mut workspace, package::build)?;

    let scratch = tempfile::tempdir()?;
    let folder = scratch.path();
    let (port, data) = (services::ANY_PORT, folder.join("data"));
    let demo = start(
        &workspace,
        &server,
        &package.folder,
        folder,
        port,
        &data,
        false,
    )?;
    work(&workspace, &demo, &chromium)
}

/// Builds the demo's server beside `other`, which builds for browsers: Cargo keeps the two in folders of their own. Returns
/// the server's program, and what `other` made.
fn build_beside<T>(
    workspace: &mut Workspace,
    other: impl FnOnce(&Workspace) -> Result<T>,
) -> Result<(PathBuf, T)> {
    // Two bars that move would be drawn over one another.
    workspace
        .environment
        .push(("CARGO_TERM_PROGRESS_WHEN", "never".into()));
    let workspace = &*workspace;
    thread::scope(|scope| {
        let server = scope.spawn(|| services::build_demo(workspace));
        let made = other(workspace)?;
        let server = server.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok((server, made))
    })
}

/// Puts the page into `folder`, with the package that lies in `package`, and starts the services there.
pub(crate) fn start(
    workspace: &Workspace,
    server: &Path,
    package: &Path,
    folder: &Path,
    port: u16,
    data: &Path,
    rate_limits: bool,
) -> Result<Services> {
    let scratch = files::scratch(folder)?;
    let new = scratch.path().join("page");
    lay_out(workspace, &new)?;
    files::copy_folder(package, &new.join("vouchsafe"))?;
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
