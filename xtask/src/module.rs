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
        let name = format!("{:#}", rustc_demangle::demangle(name));
        (without_hashes(&name), code)
    });
    Ok(Module {
        functions: functions.collect(),
        data,
        imported,
        named: !names.is_empty(),
    })
}

/// The name of a function without the hashes behind the names of crates, as in `core[c5930c85a12de822]::panicking::panic`.
fn without_hashes(name: &str) -> String {
    let mut parts = name.split('[');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(']') {
            Some((hash, rest)) if is_hash(hash) => plain.push_str(rest),
            _ => plain.extend(["[", part]),
        }
    }
    plain
}

fn is_hash(word: &str) -> bool {
    word.len() > 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::without_hashes;

    #[test]
    fn hashes_of_crates_are_left_out_and_slices_stay() {
        let name = "<[u8] as core[c5930c85a12de822]::fmt::Debug>::fmt";
        assert_eq!(without_hashes(name), "<[u8] as core::fmt::Debug>::fmt");
    }
}
