//! What a panic would say. Nobody hears it in a browser: the module has no console, and every panic ends in the instruction
//! `unreachable`, which JavaScript sees as a `RuntimeError` without a text. So that instruction takes the place of all that
//! leads there, and the places in the source, which panics would name, are wiped from the constants.

use std::collections::HashSet;
use std::convert::Infallible;

use anyhow::{Result, anyhow, ensure};
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{CodeSection, ConstExpr, DataSection, Function};
use wasmparser::{Data, DataKind, FunctionBody, Operator, Parser};

use crate::module;

/// The functions of the standard library in which panics begin, by their names or the beginnings of them. None returns.
const PANICS: [&str; 13] = [
    "alloc::alloc::handle_alloc_error",
    "alloc::raw_vec::capacity_overflow",
    "alloc::raw_vec::handle_error",
    "core::cell::panic_already_borrowed",
    "core::cell::panic_already_mutably_borrowed",
    "core::option::expect_failed",
    "core::option::unwrap_failed",
    "core::panicking::",
    "core::result::unwrap_failed",
    "core::slice::copy_from_slice_impl::len_mismatch_fail",
    "core::slice::index::slice_index_fail",
    "core::str::slice_error_fail",
    "std::alloc::rust_oom",
];

/// The bytes of a `core::panic::Location`: address and length of the file's name, line, column.
const LOCATION_BYTES: usize = 16;

/// Takes out what panics would say, of a module that names its functions.
pub(crate) fn silence(wasm: &[u8]) -> Result<Vec<u8>> {
    let module = module::read(wasm)?;
    let begins = |name: &str| PANICS.iter().any(|panic| name.starts_with(panic));
    let panics: Vec<bool> = module
        .functions
        .iter()
        .map(|(name, _)| begins(name))
        .collect();
    ensure!(
        panics.contains(&true),
        "The module names no panic: the standard library has changed."
    );
    let mut silencer = Silencer {
        panics: panics.into_iter(),
    };
    let mut silent = wasm_encoder::Module::new();
    silencer
        .parse_core_module(&mut silent, Parser::new(0), wasm)
        .map_err(|error| anyhow!("The module cannot be written again: {error}"))?;
    Ok(silent.finish())
}

/// Whether each function is a panic, in the order in which they come.
struct Silencer<P> {
    panics: P,
}

type Written = Result<(), reencode::Error<Infallible>>;

impl<P: Iterator<Item = bool>> Reencode for Silencer<P> {
    type Error = Infallible;

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Written {
        if self.panics.next() == Some(true) {
            let mut silent = Function::new([]);
            silent.instructions().unreachable().end();
            code.function(&silent);
            Ok(())
        } else {
            utils::parse_function_body(self, code, body)
        }
    }

    fn parse_data(&mut self, data: &mut DataSection, datum: Data<'_>) -> Written {
        let DataKind::Active { offset_expr, .. } = &datum.kind else {
            return utils::parse_data(self, data, datum);
        };
        let Operator::I32Const { value } = offset_expr.get_operators_reader().read()? else {
            return utils::parse_data(self, data, datum);
        };
        let mut bytes = datum.data.to_vec();
        wipe_locations(&mut bytes, value as usize);
        data.active(0, &ConstExpr::i32_const(value), bytes);
        Ok(())
    }
}

/// Wipes the places in the source, and the names of files that they point to. `start` is the address of the first byte.
fn wipe_locations(bytes: &mut [u8], start: usize) {
    let mut names = HashSet::new();
    // The linker aligns them to four bytes.
    for at in (start.next_multiple_of(4) - start..bytes.len()).step_by(4) {
        let Some(location) = bytes.get(at..at + LOCATION_BYTES) else {
            break;
        };
        let word = |index: usize| {
            let word = location[4 * index..4 * index + 4].try_into();
            u32::from_le_bytes(word.unwrap_or_default()) as usize
        };
        let first = word(0).wrapping_sub(start);
        let name = first..first.wrapping_add(word(1));
        // The compiler ends the name of a file with a zero.
        let is_file = bytes
            .get(name.clone())
            .is_some_and(|name| name.ends_with(b".rs") && name.iter().all(u8::is_ascii_graphic))
            && bytes.get(name.end) == Some(&0);
        if is_file {
            bytes[at..at + LOCATION_BYTES].fill(0);
            names.insert(name);
        }
    }
    for name in names {
        bytes[name].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, ConstExpr, DataSection, Function, FunctionSection, MemorySection, MemoryType,
        Module, NameMap, NameSection, TypeSection,
    };

    use super::silence;
    use crate::module;

    const START: i32 = 1024;

    /// A module of functions that drop a number, with these names and constants.
    fn module_of(names: &[&str], constants: &[u8]) -> Vec<u8> {
        let (mut types, mut functions, mut code) = (
            TypeSection::new(),
            FunctionSection::new(),
            CodeSection::new(),
        );
        types.ty().function([], []);
        let mut map = NameMap::new();
        for (index, name) in (0..).zip(names) {
            functions.function(0);
            let mut body = Function::new([]);
            body.instructions().i32_const(7).drop().end();
            code.function(&body);
            map.append(index, name);
        }
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(START), constants.iter().copied());
        let mut section = NameSection::new();
        section.functions(&map);
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&memories);
        module.section(&code).section(&data).section(&section);
        module.finish()
    }

    #[test]
    fn panics_alone_become_unreachable() {
        let names = [
            "core::panicking::panic_fmt",
            "core::option::Option<T>::map",
            "core::option::unwrap_failed",
        ];
        let silent = silence(&module_of(&names, b"")).expect("is a module");
        let functions = module::read(&silent).expect("is a module").functions;
        let bodies: Vec<&[u8]> = functions.iter().map(|(_, code)| *code).collect();
        let (trap, body): (&[u8], &[u8]) = (&[0, 0x00, 0x0b], &[0, 0x41, 7, 0x1a, 0x0b]);
        assert_eq!(bodies, [trap, body, trap]);
        assert_eq!(functions[1].0, names[1]);
    }

    #[test]
    fn places_in_the_source_are_wiped_and_nothing_else() {
        let text = b"see src/lib.rs\0src/lib.rs\0\0\0";
        let words = |words: [u32; 4]| words.map(u32::to_le_bytes).concat();
        let start = START.unsigned_abs();
        let (location, no_file) = (words([start + 15, 10, 7, 9]), words([start, 14, 7, 9]));
        let before = [&text[..], &location, &no_file, b"end"].concat();
        let names = ["core::panicking::panic"];
        let silent = silence(&module_of(&names, &before)).expect("is a module");
        let after = module::read(&silent).expect("is a module").data;
        let wiped = [
            b"see src/lib.rs\0",
            &[0; 13][..],
            &[0; 16],
            &no_file,
            b"end",
        ]
        .concat();
        assert_eq!(after, wiped);
    }
}
