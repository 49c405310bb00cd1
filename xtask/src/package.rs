//! Builds the npm package: the module, its bindings, the files of `pkg-template/`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use data_encoding::BASE64;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use wasm_bindgen_cli_support::Bindgen;

use crate::budget;
use crate::files;
use crate::glue::{Glue, without_comments};
use crate::npm::{self, NPM};
use crate::order;
use crate::output::say;
use crate::paths;
use crate::process;
use crate::spent;
use crate::tools;
use crate::workspace::Workspace;

/// A static worker file below this size may end up inlined by bundlers, as an address that a page's policy forbids.
const WORKER_AT_LEAST: usize = 4096;

/// The compiler has inlined already what is worth it. What wasm-opt inlines beyond that would cost 17 kB, gzipped.
/// Nothing lies in the first kilobyte of memory but the end of the stack.
/// `-Oz` makes the module 12 kB smaller, but what it makes compresses worse: 1 kB. So does what is kept in a local instead of
/// said again: 0.8 kB.
const OPTIMISE: [&str; 5] = [
    "-Os",
    "--skip-pass=local-cse",
    "--low-memory-unused",
    "--one-caller-inline-max-function-size=20",
    "--flexible-inline-max-function-size=5",
];
const REORDER: &str = "--reorder-functions-by-name";
const WASM_OPT: &str = "binaryen/bin/wasm-opt";
/// What runs in a worker, and with the bindings is its script.
const THREAD: &str = "thread.js";
const MANIFEST: &str = "package.json";
/// The folder of the stand-in for tests of apps, which no page loads; its entry begins with the same word.
const TESTING: &str = "testing";
/// The folder of what a page loads with the first file that it uses.
const FILES: &str = "files";
/// The module as a file, for `vouchsafe/external`.
const MODULE: &str = "vouchsafe_bg.wasm";

/// A compiled module and its bindings, as wasm-bindgen wrote them.
struct Module {
    wasm: Vec<u8>,
    script: String,
}

/// The built package.
pub(crate) struct Package {
    /// The unpacked package.
    pub(crate) folder: PathBuf,
    /// Its scripts as they were written, with the types that they keep to.
    pub(crate) typed: PathBuf,
    /// The tarball that npm installs.
    pub(crate) tarball: PathBuf,
}

/// A module's entries in the package, and the names of its files there.
struct Part {
    /// Options of Cargo that choose what is compiled in.
    features: &'static [&'static str],
    what: &'static str,
    prefix: &'static str,
    worker: &'static str,
}

const USUAL: Part = Part {
    features: &[],
    what: "usual",
    prefix: "",
    worker: "vouchsafe-worker.js",
};

/// The one with RSA in Rust.
const FULL: Part = Part {
    features: &["--features", "rust-rsa"],
    what: "full",
    prefix: "full-",
    worker: "vouchsafe-full-worker.js",
};

/// Builds the package into `package/` of the target folder.
pub(crate) fn build(workspace: &Workspace) -> Result<Package> {
    let modules = npm::ensure_packages(workspace)?;
    let wasm_opt = modules.join(WASM_OPT);

    let parent = workspace.target.join("package");
    let scratch = files::scratch(&parent)?;
    let usual = build_module(workspace, &USUAL, scratch.path())?;
    let full = build_module(workspace, &FULL, scratch.path())?;
    say!("==> Assembling the package");
    let folder = scratch.path().join("vouchsafe");
    copy_template(workspace, &folder)?;
    let typed = scratch.path().join("typed");
    write_typed(workspace, &typed, &[(&USUAL, &usual), (&FULL, &full)])?;
    let both = thread::scope(|scope| {
        let full = scope.spawn(|| add(workspace, &FULL, &full, &wasm_opt, &folder));
        (
            add(workspace, &USUAL, &usual, &wasm_opt, &folder),
            full.join(),
        )
    });
    let wasm = both.0?;
    let full_wasm = both.1.map_err(|_| anyhow!("wasm-opt's thread ended"))??;
    files::write(&folder.join(MODULE), &wasm)?;
    paths::ensure_hidden(workspace, &folder)?;
    let tarball = pack(workspace, &folder, &parent)?;

    let done = parent.join("vouchsafe");
    files::replace_folder(&done, &folder)?;
    let done_typed = parent.join("typed");
    files::replace_folder(&done_typed, &typed)?;
    report(workspace, &done, &wasm, &full_wasm)?;
    say!("    {}", tarball.display());
    Ok(Package {
        folder: done,
        typed: done_typed,
        tarball,
    })
}

/// Builds into `folder` what the demo page imports: the package without the entry `full`, which takes as long again. It is
/// no package: it lies elsewhere, and there is no tarball.
pub(crate) fn build_for_page(workspace: &Workspace, folder: &Path) -> Result<()> {
    let modules = npm::ensure_packages(workspace)?;
    let scratch = files::scratch(folder.parent().context("the folder lies in another")?)?;
    let usual = build_module(workspace, &USUAL, scratch.path())?;
    let new = scratch.path().join("vouchsafe");
    copy_template(workspace, &new)?;
    let wasm = add(workspace, &USUAL, &usual, &modules.join(WASM_OPT), &new)?;
    // The page streams it.
    files::write(&new.join(MODULE), &wasm)?;
    files::replace_folder(folder, &new)
}

/// The module as [`build`] would put it into the package, with the names of its functions.
pub(crate) fn named_module(workspace: &Workspace) -> Result<Vec<u8>> {
    let modules = npm::ensure_packages(workspace)?;
    let module = compile(workspace, &USUAL)?;
    let scratch = files::scratch(&workspace.target.join("package"))?;
    let scratch = scratch.path();
    let (_, wasm) = bindings(&module, scratch)?;
    optimise(
        workspace,
        &modules.join(WASM_OPT),
        &wasm,
        Names::Kept,
        scratch,
    )
}

/// Compiles the module.
fn compile(workspace: &Workspace, part: &Part) -> Result<PathBuf> {
    tools::ensure_wasm_target(workspace)?;
    say!("==> Building the WebAssembly module ({})", part.what);
    let mut cargo = workspace.cargo();
    cargo
        .args([
            "rustc",
            "--package",
            "vouchsafe",
            "--lib",
            "--profile",
            "wasm",
            "--target",
            tools::WASM_TARGET,
        ])
        .args(part.features);
    paths::hide(workspace, &mut cargo)?;
    spent::compiling(|| process::run(&mut cargo, "The build of the WebAssembly module"))?;
    Ok(workspace
        .target
        .join(tools::WASM_TARGET)
        .join("wasm/vouchsafe.wasm"))
}

/// Compiles the module and makes its bindings.
fn build_module(workspace: &Workspace, part: &Part, scratch: &Path) -> Result<Module> {
    let module = compile(workspace, part)?;
    let (script, wasm) = bindings(&module, scratch)?;
    Ok(Module { wasm, script })
}

/// Writes the scripts with their comments, which hold the types, and what they import.
fn write_typed(workspace: &Workspace, folder: &Path, modules: &[(&Part, &Module)]) -> Result<()> {
    for (path, name) in template_files(workspace)? {
        let kind = path.extension().unwrap_or_default();
        if kind == "js" || kind == "ts" {
            files::copy(&path, &folder.join(name))?;
        }
    }
    for (part, module) in modules {
        let named = |name: &str| folder.join(format!("{}{name}", part.prefix));
        files::write(&named("glue.js"), Glue::of(&module.script)?.script())?;
        files::write(&named("wasm-inside.js"), "export default \"\";\n")?;
    }
    Ok(())
}

/// Puts a built module into the package in `folder`, as the files that the entries import. Returns it as it is there.
fn add(
    workspace: &Workspace,
    part: &Part,
    module: &Module,
    wasm_opt: &Path,
    folder: &Path,
) -> Result<Vec<u8>> {
    let thread = files::read(&workspace.root.join("pkg-template").join(THREAD))?;
    let scratch = tempfile::tempdir()?;
    let wasm = optimise(
        workspace,
        wasm_opt,
        &module.wasm,
        Names::Removed,
        scratch.path(),
    )?;
    let glue = Glue::of(&without_comments(&module.script))?;
    let worker = glue.worker(&without_comments(&thread));
    ensure!(
        worker.len() > WORKER_AT_LEAST,
        "The worker has shrunk below {WORKER_AT_LEAST} bytes: bundlers would inline it."
    );
    files::write(&folder.join(part.worker), &worker)?;
    let named = |name: &str| folder.join(format!("{}{name}", part.prefix));
    files::write(&named("glue.js"), without_comments(&glue.script()))?;
    let packed = BASE64.encode(&deflate(&wasm)?);
    files::write(
        &named("wasm-inside.js"),
        format!("export default \"{packed}\";\n"),
    )?;
    Ok(wasm)
}

/// Makes the tarball of the package in `folder`, and puts it into `parent`.
fn pack(workspace: &Workspace, folder: &Path, parent: &Path) -> Result<PathBuf> {
    let mut pack = workspace.command(NPM);
    pack.args(["pack", "--silent", "--pack-destination"])
        .arg(parent)
        .current_dir(folder)
        .stdout(std::process::Stdio::null());
    process::run(&mut pack, "`npm pack`")?;
    Ok(parent.join(format!("vouchsafe-{}.tgz", workspace.version)))
}

/// The files of the package that are written by hand, each with its path in the package.
fn template_files(workspace: &Workspace) -> Result<Vec<(PathBuf, PathBuf)>> {
    let template = workspace.root.join("pkg-template");
    let mut found = Vec::new();
    for folder in ["", FILES, TESTING] {
        for entry in fs::read_dir(template.join(folder))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                found.push((entry.path(), Path::new(folder).join(entry.file_name())));
            }
        }
    }
    Ok(found)
}

fn copy_template(workspace: &Workspace, folder: &Path) -> Result<()> {
    for further in [FILES, TESTING] {
        fs::create_dir_all(folder.join(further))?;
    }
    for (path, name) in template_files(workspace)? {
        if name == Path::new(MANIFEST) {
            continue;
        }
        if path.extension().is_some_and(|extension| extension == "js") {
            let script = files::read(&path)?;
            files::write(&folder.join(name), without_comments(&script))?;
        } else {
            files::copy(&path, &folder.join(name))?;
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
    let manifest = files::read(&workspace.root.join("pkg-template").join(MANIFEST))?;
    let version = format!("\"version\": \"{}\"", workspace.version);
    let filled = manifest.replacen("\"version\": \"0.0.0\"", &version, 1);
    ensure!(
        filled != manifest,
        "pkg-template/package.json has no version 0.0.0 to fill in."
    );
    files::write(&folder.join(MANIFEST), filled)
}

/// Whether the module says what its functions are called.
#[derive(Clone, Copy)]
enum Names {
    Kept,
    Removed,
}

/// The JavaScript that a module needs, and the module that fits it, with the names of its functions.
fn bindings(module: &Path, scratch: &Path) -> Result<(String, Vec<u8>)> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("vouchsafe")
        .typescript(false)
        .omit_default_module_path(true)
        .remove_producers_section(true)
        .web(true)?;
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
    names: Names,
    scratch: &Path,
) -> Result<Vec<u8>> {
    let run = |wasm: &[u8], options: &[&str]| {
        let (from, to) = (scratch.join("plain.wasm"), scratch.join("small.wasm"));
        files::write(&from, wasm)?;
        let mut command = workspace.command("node");
        // No feature is switched on here: the module names those that the compiler used, and older engines know no others.
        command
            .arg(wasm_opt)
            .args(options)
            .arg(&from)
            .arg("-o")
            .arg(&to);
        process::run(&mut command, "wasm-opt")?;
        fs::read(&to).context("wasm-opt wrote nothing")
    };
    let with = |last| [&OPTIMISE[..], &[last]].concat();
    match names {
        Names::Kept => run(wasm, &with("-g")),
        Names::Removed => {
            let small = run(wasm, &with("--strip-debug"))?;
            run(&order::name_by_order(&small)?, &[REORDER, "--strip-debug"])
        }
    }
}

fn deflate(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

pub(crate) fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

/// Says how much a page loads, and fails when that is too much.
fn report(workspace: &Workspace, folder: &Path, wasm: &[u8], full_wasm: &[u8]) -> Result<()> {
    let (mut scripts, mut of_files) = (Vec::new(), Vec::new());
    for path in files::list(folder)? {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_in = |folder| path.parent().is_some_and(|parent| parent.ends_with(folder));
        let separate = ["vouchsafe-worker.js", "wasm-inside.js", "external.js"]
            .contains(&name.as_str())
            || name.contains("full")
            // Tests of apps load these, and no page.
            || is_in(TESTING)
            || name.starts_with(TESTING);
        if is_in(FILES) {
            of_files.extend(fs::read(&path)?);
        } else if name.ends_with(".js") && !separate {
            scripts.extend(fs::read(&path)?);
        }
    }
    let worker = fs::read(folder.join("vouchsafe-worker.js"))?;
    let kilobytes = |bytes: usize| format!("{:.1} kB", bytes as f64 / 1000.0);
    let (small, full) = (gzip(wasm)?, gzip(full_wasm)?);
    let (javascript, with_files) = (gzip(&scripts)?, gzip(&of_files)?);
    for (name, packed, plain) in [
        ("WebAssembly", small, wasm.len()),
        ("full       ", full, full_wasm.len()),
    ] {
        say!(
            "    {name} {} gzipped ({} plain)",
            kilobytes(packed),
            kilobytes(plain)
        );
    }
    say!(
        "    JavaScript  {} gzipped, with files {} more, the worker {}",
        kilobytes(javascript),
        kilobytes(with_files),
        kilobytes(gzip(&worker)?)
    );
    say!("    {}", folder.display());
    let parts = [
        ("wasm", small),
        ("full", full),
        ("javascript", javascript),
        ("files", with_files),
    ];
    budget::check(workspace, &parts)
}
