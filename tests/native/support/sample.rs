//! Samples of what counts in many: a list is divided into parts, a run tries one of them, and the parts take turns with
//! the commits.
//!
//! `VOUCHSAFE_SAMPLE` is the number that says whose turn it is; `cargo xtask test` takes it from the commit. With
//! `VOUCHSAFE_THOROUGH=1` a run tries everything.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Whether everything is tried.
pub fn is_thorough() -> bool {
    std::env::var_os("VOUCHSAFE_THOROUGH").is_some_and(|value| value == "1")
}

/// Whose turn it is.
fn turn() -> usize {
    let number = std::env::var("VOUCHSAFE_SAMPLE");
    number.map_or(0, |number| {
        number.parse().expect("VOUCHSAFE_SAMPLE is a whole number")
    })
}

/// What this run tries of a list: all of it, or one of so many parts. No part is empty, so a list that has fewer items
/// has fewer parts.
pub fn sample<T>(what: &str, parts: usize, all: Vec<T>) -> Vec<T> {
    let (whole, parts) = (all.len(), parts.min(all.len()));
    if is_thorough() || parts < 2 {
        return all;
    }
    let part = part(all, parts, turn() % parts);
    tell(what, part.len(), whole);
    part
}

/// In how many rounds this run tries something that each round does anew: in all of them, or in one of so many parts.
pub fn rounds(what: &str, parts: usize, all: usize) -> usize {
    if is_thorough() {
        return all;
    }
    tell(what, all / parts, all);
    all / parts
}

fn tell(what: &str, some: usize, whole: usize) {
    println!(
        "{what}: {some} of {whole}; VOUCHSAFE_SAMPLE={} repeats them, VOUCHSAFE_THOROUGH=1 tries all",
        turn()
    );
}

/// One part of a list, in the list's order. The items are dealt out as if shuffled: where a list repeats itself, each
/// part has something of everything.
fn part<T>(all: Vec<T>, parts: usize, part: usize) -> Vec<T> {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut dealt: Vec<usize> = (0..all.len()).collect();
    dealt.sort_by_key(|index| hasher.hash_one(index));
    let mut taken = vec![false; all.len()];
    dealt
        .iter()
        .skip(part)
        .step_by(parts)
        .for_each(|index| taken[*index] = true);
    let taken = all.into_iter().zip(taken);
    taken
        .filter_map(|(item, taken)| taken.then_some(item))
        .collect()
}

#[test]
fn the_parts_are_the_whole() {
    for parts in [2, 3, 5, 8, 12, 24] {
        for length in (parts..100).step_by(7) {
            let whole: Vec<usize> = (0..length).collect();
            let found: Vec<_> = (0..parts)
                .map(|nth| part(whole.clone(), parts, nth))
                .collect();
            assert!(
                found
                    .iter()
                    .all(|part| part.len() >= length / parts && part.is_sorted())
            );
            let mut together = found.concat();
            together.sort_unstable();
            assert_eq!(together, whole, "{length} items in {parts} parts");
        }
    }
}

/// A part has no pattern: of what comes in fours, none has one of the four alone.
#[test]
fn a_part_has_something_of_everything() {
    for nth in 0..8 {
        let part = part((0..400).collect(), 8, nth);
        let mut kinds = [0; 4];
        part.iter().for_each(|item| kinds[item % 4] += 1);
        assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
    }
}
