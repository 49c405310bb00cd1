//! The order of a module's functions. A compressor finds again what lies near: gzip looks back over 32 kB, a twentieth of the
//! module. So each function comes after those that it has most in common with.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, ensure};
use wasm_encoder::{NameMap, NameSection, Section as _};

use crate::module;

/// The length of the pieces by which functions are compared, in bytes.
const PIECE_BYTES: usize = 6;
/// The length of the code before a function that it is compared with, in bytes.
const WINDOW_BYTES: usize = 12_000;
/// A piece that more functions have says nothing of any.
const COMMON: usize = 1_000;

/// Names the functions of a module without names so that the order of the names is the order in which they are to lie.
pub(crate) fn name_by_order(wasm: &[u8]) -> Result<Vec<u8>> {
    let module = module::read(wasm)?;
    let code: Vec<&[u8]> = module.functions.iter().map(|(_, code)| *code).collect();
    let mut rank_of = vec![0; code.len()];
    for (rank, function) in order(&code).into_iter().enumerate() {
        rank_of[function] = rank;
    }
    ensure!(
        !module.named,
        "The module has names already; others would contradict them."
    );
    let mut names = NameMap::new();
    for (index, rank) in (module.imported..).zip(rank_of) {
        names.append(index, &format!("{rank:06}"));
    }
    let mut section = NameSection::new();
    section.functions(&names);
    let mut named = wasm.to_vec();
    section.append_to(&mut named);
    Ok(named)
}

/// The functions, each after those that it is most like.
fn order(functions: &[&[u8]]) -> Vec<usize> {
    let (pieces, holders) = pieces_of(functions);
    // How many of a function's pieces lie in the window, and how often each piece lies there.
    let mut found = vec![0_u32; functions.len()];
    let mut in_window = vec![0_u32; holders.len()];
    let mut left: Vec<usize> = (0..functions.len()).collect();
    let mut order: Vec<usize> = Vec::with_capacity(functions.len());
    let (mut first, mut bytes) = (0, 0);
    while !left.is_empty() {
        // The share that is known, and in favour of long functions, of which much is saved.
        let worth = |function: usize| {
            f64::from(found[function]) / (pieces[function].len() as f64 + 20.0).powf(0.6)
        };
        let mut best = 0;
        for position in 1..left.len() {
            if worth(left[position]) > worth(left[best]) {
                best = position;
            }
        }
        let next = left.remove(best);
        order.push(next);
        bytes += functions[next].len();
        for &piece in &pieces[next] {
            in_window[piece] += 1;
            if in_window[piece] == 1 {
                for &holder in &holders[piece] {
                    found[holder] += 1;
                }
            }
        }
        while bytes > WINDOW_BYTES && first + 1 < order.len() {
            let gone = order[first];
            first += 1;
            bytes -= functions[gone].len();
            for &piece in &pieces[gone] {
                in_window[piece] -= 1;
                if in_window[piece] == 0 {
                    for &holder in &holders[piece] {
                        found[holder] -= 1;
                    }
                }
            }
        }
    }
    order
}

/// The pieces of each function, by number, and the functions that have each piece.
fn pieces_of(functions: &[&[u8]]) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let mut numbers: HashMap<&[u8], usize> = HashMap::new();
    let mut holders: Vec<Vec<usize>> = Vec::new();
    let mut pieces = Vec::with_capacity(functions.len());
    for (function, code) in functions.iter().enumerate() {
        let mut own = Vec::new();
        let mut seen = HashSet::new();
        for piece in code.windows(PIECE_BYTES) {
            let number = *numbers.entry(piece).or_insert_with(|| {
                holders.push(Vec::new());
                holders.len() - 1
            });
            if seen.insert(number) {
                own.push(number);
                holders[number].push(function);
            }
        }
        pieces.push(own);
    }
    for holders in &mut holders {
        if holders.len() > COMMON {
            holders.clear();
        }
    }
    (pieces, holders)
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn functions_that_are_alike_lie_side_by_side() {
        let functions: [&[u8]; 4] = [
            b"abcdefghijklmnop",
            b"0123456789012345",
            b"abcdefghijklmnoq",
            b"0123456789012346",
        ];
        assert_eq!(order(&functions), [0, 2, 1, 3]);
    }
}
