//! The cost of each crate in the module that browsers load.

use std::collections::HashMap;

use anyhow::Result;

use crate::module;
use crate::package;
use crate::workspace::Workspace;

/// The bytes that a page loads because of one crate, before and after compression.
#[derive(Default)]
struct Cost {
    bytes: usize,
    code: Vec<u8>,
}

/// Prints the crates of the module by the size of their code, or every function by its own.
pub(crate) fn run(workspace: &Workspace, functions: bool) -> Result<()> {
    let wasm = package::named_module(workspace)?;
    let module = module::read(&wasm)?;
    if functions {
        let mut all: Vec<_> = module
            .functions
            .iter()
            .map(|(name, code)| (code.len(), name))
            .collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        for (bytes, name) in all {
            println!("{bytes:>8} {name}");
        }
        return Ok(());
    }

    let mut crates: HashMap<&str, Cost> = HashMap::new();
    for (name, code) in &module.functions {
        let cost = crates.entry(crate_of(name)).or_default();
        cost.bytes += code.len();
        cost.code.extend_from_slice(code);
    }
    let mut rows = vec![(
        "(constants)",
        module.data.len(),
        package::gzip(&module.data)?,
    )];
    for (name, cost) in &crates {
        rows.push((name, cost.bytes, package::gzip(&cost.code)?));
    }
    rows.sort_unstable_by_key(|(name, bytes, _)| (std::cmp::Reverse(*bytes), *name));
    println!("| crate | kB | kB gzipped |");
    println!("| --- | ---: | ---: |");
    let kilobytes = |bytes: usize| bytes as f64 / 1000.0;
    for (name, bytes, packed) in rows.iter().filter(|row| row.1 >= 1000) {
        println!(
            "| {name} | {:.1} | {:.1} |",
            kilobytes(*bytes),
            kilobytes(*packed)
        );
    }
    let small = rows.iter().filter(|row| row.1 < 1000);
    let (bytes, packed) = small.fold((0, 0), |sum, row| (sum.0 + row.1, sum.1 + row.2));
    println!(
        "| below 1 kB each | {:.1} | {:.1} |",
        kilobytes(bytes),
        kilobytes(packed)
    );
    Ok(())
}

/// The crate in which a function was written: the first path in its name.
fn crate_of(name: &str) -> &str {
    let path = name
        .trim_start_matches(['<', '&', '*', '[', '('])
        .trim_start_matches("mut ")
        .trim_start_matches("const ")
        .trim_start_matches("dyn ");
    match path.split_once("::") {
        // `T as trait`: the trait's crate. The standard library adds a hash to its name.
        Some((name, _)) => {
            let name = name.rsplit(" as ").next().unwrap_or(name);
            name.split('[').next().unwrap_or(name)
        }
        None => "(other)",
    }
}
