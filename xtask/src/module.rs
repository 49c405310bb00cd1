//! Reads a WebAssembly module.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use wasmparser::{KnownCustom, Name, Parser, Payload};

/// The functions with their code, and the constants.
pub(crate) struct Module<'a> {
    pub(crate) functions: Vec<(String, &'a [u8])>,
    pub(crate) data: Vec<u8>,
    /// The number of functions that are imported; their indexes come first.
    pub(crate) imported: u32,
    /// Whether it says what any function is called.
    pub(crate) named: bool,
}

pub(crate) fn read(wasm: &[u8]) -> Result<Module<'_>> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    let mut data = Vec::new();
    let mut names = HashMap::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if matches!(import?.ty, wasmparser::TypeRef::Func(_)) {
                        imported += 1;
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                bodies.push(wasm.get(range).context("a function ends with the file")?);
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    data.extend_from_slice(segment?.data);
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(sections) = section.as_known() {
                    for section in sections {
                        if let Name::Function(functions) = section? {
                            for function in functions {
                                let function = function?;
                                names.insert(function.index, function.name);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let functions = bodies.into_iter().zip(imported..).map(|(code, index)| {
        let name = names.get(&index).copied().unwrap_or("(unnamed)");
        (format!("{:#}", rustc_demangle::demangle(name)), code)
    });
    Ok(Module {
        functions: functions.collect(),
        data,
        imported,
        named: !names.is_empty(),
    })
}
