//! Builds the npm package: the module, its bindings, the files of `pkg-template/`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use data_encoding::BASE64;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use wasm_bindgen_cli_support::Bindgen;

use crate::files;
use crate::npm::{self, NPM};
use crate::paths;
use crate::process;
use crate::tools;
use crate::workspace::Workspace;

/// A static worker file below this size may end up inlined by bundlers, as an address that a page's policy forbids.
const WORKER_AT_LEAST: usize = 4096;

/// The compiler has inlined already what is worth it. What wasm-opt inlines beyond that would cost 17 kB, gzipped.
const OPTIMISE: [&str; 3] = [
    "-Oz",
    "--one-caller-inline-max-function-size=20",
    "--flexible-inline-max-function-size=5",
];

/// A compiled module and its bindings.
struct Module {
    wasm: Vec<u8>,
    /// The JavaScript for pages.
    web: String,
    /// The JavaScript for the worker, which loads no other files.
    classic: String,
}

/// What was built.
pub(crate) struct Package {
    /// The unpacked package.
    pub(crate) folder: PathBuf,
    /// What npm installs.
    pub(crate) tarball: PathBuf,
}

/// Builds the package into `package/` of the target folder.
pub(crate) fn build(workspace: &Workspace) -> Result<Package> {
    let modules = npm::ensure_packages(workspace)?;
    tools::ensure_wasm_target(workspace)?;

    let parent = workspace.target.join("package");
    let scratch = files::scratch(&parent)?;
    let usual = build_module(workspace, &[], scratch.path())?;
    let full = build_module(workspace, &["--features", "rust-rsa"], scratch.path())?;
    assemble(
        workspace,
        &usual,
        &full,
        &modules.join("binaryen/bin/wasm-opt"),
        scratch.path(),
    )
}

/// Compiles the module and makes its bindings.
fn build_module(workspace: &Workspace, features: &[&str], scratch: &Path) -> Result<Module> {
    let kind = if features.is_empty() { "usual" } else { "full" };
    eprintln!("==> Building the WebAssembly module ({kind})");
    let mut cargo = workspace.cargo();
    cargo
        .args([
            "build",
            "--package",
            "vouchsafe",
            "--lib",
            "--profile",
            "wasm",
            "--target",
            tools::WASM_TARGET,
        ])
        .args(features);
    paths::hide(workspace, &mut cargo)?;
    process::run(&mut cargo, "The build of the WebAssembly module")?;
    let module = workspace
        .target
        .join(tools::WASM_TARGET)
        .join("wasm/vouchsafe.wasm");
    let (web, wasm) = bindings(&module, Target::Web, scratch)?;
    let (classic, classic_wasm) = bindings(&module, Target::NoModules, scratch)?;
    ensure!(
        wasm == classic_wasm,
        "The page's and the worker's bindings fit different modules; wasm-bindgen has changed."
    );
    Ok(Module { wasm, web, classic })
}

/// Makes the package from the built modules.
fn assemble(
    workspace: &Workspace,
    usual: &Module,
    full: &Module,
    wasm_opt: &Path,
    scratch: &Path,
) -> Result<Package> {
    eprintln!("==> Assembling the package");
    let parent = workspace.target.join("package");
    let folder = scratch.join("vouchsafe");
    copy_template(workspace, &folder)?;

    let tail = files::read(&workspace.root.join("pkg-template/worker-tail.js"))?;
    let wasm = optimise(workspace, wasm_opt, &usual.wasm, scratch)?;
    let full_wasm = optimise(workspace, wasm_opt, &full.wasm, scratch)?;
    for (prefix, name, module, wasm) in [
        ("", "vouchsafe", usual, &wasm),
        ("full-", "vouchsafe-full", full, &full_wasm),
    ] {
        let worker = format!("{}{tail}", module.classic);
        ensure!(
            worker.len() > WORKER_AT_LEAST,
            "The worker has shrunk below {WORKER_AT_LEAST} bytes: bundlers would inline it."
        );
        files::write(&folder.join(format!("{name}-worker.js")), &worker)?;
        files::write(&folder.join(format!("{prefix}glue.js")), &module.web)?;
        let packed = BASE64.encode(&deflate(wasm)?);
        files::write(
            &folder.join(format!("{prefix}wasm-inside.js")),
            format!("export default \"{packed}\";\n"),
        )?;
    }
    files::write(&folder.join("vouchsafe_bg.wasm"), &wasm)?;

    paths::ensure_hidden(workspace, &folder)?;

    let mut pack = workspace.command(NPM);
    pack.args(["pack", "--silent", "--pack-destination"])
        .arg(&parent)
        .current_dir(&folder)
        .stdout(std::process::Stdio::null());
    process::run(&mut pack, "`npm pack`")?;
    let done = parent.join("vouchsafe");
    files::replace_folder(&done, &folder)?;

    report(&done, &wasm, &full_wasm)?;
    let tarball = parent.join(format!("vouchsafe-{}.tgz", workspace.version));
    eprintln!("    {}", tarball.display());
    Ok(Package {
        folder: done,
        tarball,
    })
}

fn copy_template(workspace: &Workspace, folder: &Path) -> Result<()> {
    let template = workspace.root.join("pkg-template");
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(&template)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_file() && name != "worker-tail.js" && name != "package.json" {
            fs::copy(entry.path(), folder.join(name))?;
        }
    }
    for (from, to) in [
        ("LICENSE-MIT", "LICENSE-MIT"),
        ("LICENSE-APACHE", "LICENSE-APACHE"),
        ("docs/errors.md", "errors.md"),
    ] {
        fs::copy(workspace.root.join(from), folder.join(to))
            .with_context(|| format!("{from} is missing"))?;
    }
    // As text, because the order of the members means something under `exports`.
    let manifest = files::read(&template.join("package.json"))?;
    let version = format!("\"version\": \"{}\"", workspace.version);
    let filled = manifest.replacen("\"version\": \"0.0.0\"", &version, 1);
    ensure!(
        filled != manifest,
        "pkg-template/package.json has no version 0.0.0 to fill in."
    );
    files::write(&folder.join("package.json"), filled)
}

enum Target {
    Web,
    NoModules,
}

/// The JavaScript that a module needs, and the module that fits it.
fn bindings(module: &Path, target: Target, scratch: &Path) -> Result<(String, Vec<u8>)> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("vouchsafe")
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    match target {
        Target::Web => bindgen.web(true)?,
        Target::NoModules => bindgen.no_modules(true)?,
    };
    let mut output = bindgen.generate_output()?;
    let alone = output.snippets().values().all(Vec::is_empty) && output.local_modules().is_empty();
    ensure!(
        alone,
        "A dependency brings JavaScript files along; the worker could not load them."
    );
    let folder = tempfile::tempdir_in(scratch)?;
    output.emit(folder.path())?;
    let script = files::read(&folder.path().join("vouchsafe.js"))?;
    Ok((script, fs::read(folder.path().join("vouchsafe_bg.wasm"))?))
}

fn optimise(
    workspace: &Workspace,
    wasm_opt: &Path,
    wasm: &[u8],
    scratch: &Path,
) -> Result<Vec<u8>> {
    let (from, to) = (scratch.join("plain.wasm"), scratch.join("small.wasm"));
    files::write(&from, wasm)?;
    let mut command = workspace.command("node");
    // No feature is switched on here: the module names those that the compiler used, and older engines know no others.
    command
        .arg(wasm_opt)
        .args(OPTIMISE)
        .arg(&from)
        .arg("-o")
        .arg(&to);
    process::run(&mut command, "wasm-opt")?;
    fs::read(&to).context("wasm-opt wrote nothing")
}

fn deflate(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

/// Says how much a page loads.
fn report(folder: &Path, wasm: &[u8], full_wasm: &[u8]) -> Result<()> {
    let mut scripts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let separate = ["vouchsafe-worker.js", "wasm-inside.js", "external.js"]
            .contains(&name.as_str())
            || name.contains("full");
        if name.ends_with(".js") && !separate {
            scripts.extend(fs::read(&path)?);
        }
    }
    let worker = fs::read(folder.join("vouchsafe-worker.js"))?;
    let kilobytes = |bytes: usize| format!("{:.1} kB", bytes as f64 / 1000.0);
    for (name, wasm) in [("WebAssembly", wasm), ("full       ", full_wasm)] {
        eprintln!(
            "    {name} {} gzipped ({} plain)",
            kilobytes(gzip(wasm)?),
            kilobytes(wasm.len())
        );
    }
    eprintln!(
        "    JavaScript  {} gzipped, the worker {}",
        kilobytes(gzip(&scripts)?),
        kilobytes(gzip(&worker)?)
    );
    eprintln!("    {}", folder.display());
    Ok(())
}
