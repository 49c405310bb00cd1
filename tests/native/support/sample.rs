//! Samples of what counts in many: a list is divided into parts, a run tries one of them, and the parts take turns with
//! the commits.
//!
//! `VOUCHSAFE_SAMPLE` is the number that says whose turn it is; `cargo xtask test` takes it from the commit. With
//! `VOUCHSAFE_THOROUGH=1` a run tries everything.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Whether everything is tried.
pub(crate) fn is_thorough() -> bool {
    std::env::var_os("VOUCHSAFE_THOROUGH").is_some_and(|value| value == "1")
}

/// Whose turn it is.
fn turn() -> usize {
    let number = std::env::var("VOUCHSAFE_SAMPLE");
    number.map_or(0, |number| {
        number.parse().expect("VOUCHSAFE_SAMPLE is a whole number")
    })
}

/// What this run tries of a list: all of it, or one of so many parts. No part is empty: a list that has fewer items has
/// fewer parts.
pub(crate) fn sample<T>(what: &str, parts: usize, all: Vec<T>) -> Vec<T> {
    sample_within(1, what, parts, all)
}

/// The same of a list that belongs to an item of another list, which is itself tried in one of so many `outer` parts. Each
/// time that the item has its turn, the next part of its own list has.
pub(crate) fn sample_within<T>(outer: usize, what: &str, parts: usize, all: Vec<T>) -> Vec<T> {
    if is_thorough() {
        return all;
    }
    let whole = all.len();
    let part = part(all, parts, turn() / outer);
    tell(what, part.len(), whole);
    part
}

/// In how many rounds this run tries something that each round does anew: in all of them, or in one of so many parts.
pub(crate) fn rounds(what: &str, parts: usize, all: usize) -> usize {
    if is_thorough() {
        return all;
    }
    let some = (all / parts).max(1);
    tell(what, some, all);
    some
}

fn tell(what: &str, some: usize, whole: usize) {
    println!(
        "{what}: {some} of {whole}; VOUCHSAFE_SAMPLE={} repeats them, VOUCHSAFE_THOROUGH=1 tries all",
        turn()
    );
}

/// The part of a list whose turn it is, in the list's order. The items are dealt out as if shuffled: where a list
/// repeats itself, each part has something of everything.
fn part<T>(all: Vec<T>, parts: usize, turn: usize) -> Vec<T> {
    let parts = parts.min(all.len()).max(1);
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut dealt: Vec<usize> = (0..all.len()).collect();
    dealt.sort_by_key(|index| hasher.hash_one(index));
    let mut taken = vec![false; all.len()];
    let hand = dealt.iter().skip(turn % parts).step_by(parts);
    hand.for_each(|index| taken[*index] = true);
    let items = all.into_iter().zip(taken);
    items
        .filter_map(|(item, taken)| taken.then_some(item))
        .collect()
}

#[test]
fn the_parts_are_the_whole_and_none_is_empty() {
    for parts in [2, 3, 5, 8, 12, 24] {
        for length in (1..100).step_by(7) {
            let whole: Vec<usize> = (0..length).collect();
            let turns = 0..parts.min(length);
            let found: Vec<_> = turns.map(|turn| part(whole.clone(), parts, turn)).collect();
            assert!(found.iter().all(|part| part.is_sorted()));
            let none = (0..2 * parts).find(|turn| part(whole.clone(), parts, *turn).is_empty());
            assert_eq!(none, None, "{length} items in {parts} parts");
            let mut together = found.concat();
            together.sort_unstable();
            assert_eq!(together, whole, "{length} items in {parts} parts");
        }
    }
    assert!(part(Vec::<usize>::new(), 8, 3).is_empty());
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
