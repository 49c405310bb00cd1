//! Leaks that are put into copies of the recording, to show that the scan finds them.

use std::collections::BTreeSet;

use crate::secrecy::recording::{Piece, Recording, may_hold};
use crate::secrecy::scan::Scanner;
use crate::secrecy::secrets::{Kind, Part};
use crate::secrecy::spellings::{Spelling, write};
use crate::support::jose::random;
use crate::support::sample::sample;

/// Secrets are planted in so many parts.
const PARTS: usize = 16;

/// So much of a piece is copied around a plant.
const NEIGHBOURHOOD: usize = 1 << 13;

/// Plants one secret of each kind in each kind of place, in every spelling and alignment, one at a time. Each must be
/// found, and nothing else. Gives the number of plants.
pub fn plant_everywhere(scanner: &Scanner, recording: &Recording) -> usize {
    let mut kinds = BTreeSet::new();
    let first_of_each: Vec<usize> = (0..scanner.secrets.len())
        .filter(|index| kinds.insert(scanner.secrets[*index].kind))
        .collect();
    let mut plants = Vec::new();
    for (place, file) in recording.places() {
        let here = |piece: &&Piece| piece.place == place && piece.name == file;
        let piece = recording.pieces.iter().find(here).unwrap();
        for &secret in &first_of_each {
            if may_hold(place, scanner.secrets[secret].kind) {
                continue;
            }
            for part in &scanner.secrets[secret].parts {
                for spelling in part.spellings() {
                    for before in 0..3 {
                        plants.push((piece, secret, part, spelling, before));
                    }
                }
            }
        }
    }
    let plants = sample("plants", PARTS, plants);
    for (piece, secret, part, spelling, before) in &plants {
        found_alone(scanner, piece, *secret, part, *spelling, *before);
    }
    plants.len()
}

fn found_alone(
    scanner: &Scanner,
    piece: &Piece,
    secret: usize,
    part: &Part,
    spelling: Spelling,
    before: usize,
) {
    let (noise, more_noise) = (random::<100>(), random::<101>());
    let plant = write(spelling, part, &noise[..before], &more_noise[..7 - before]);
    let middle = piece.bytes.len() / 2;
    let left = &piece.bytes[middle.saturating_sub(NEIGHBOURHOOD)..middle];
    let right = &piece.bytes[middle..piece.bytes.len().min(middle + NEIGHBOURHOOD)];
    let copy = [left, &noise, &plant, &more_noise, right].concat();
    let mut finds = scanner.search(&copy);
    finds.retain(|found, _| !may_hold(piece.place, scanner.secrets[*found].kind));
    let name = |index: usize| {
        let planted = &scanner.secrets[index];
        format!("{:?} of {}", planted.kind, planted.name)
    };
    let what = format!(
        "{} as {spelling:?} after {before} bytes in {:?}, {}",
        name(secret),
        piece.place,
        piece.name
    );
    let spellings = finds.remove(&secret);
    assert!(
        spellings.is_some_and(|found| found.contains(&spelling)),
        "not found: {what}"
    );
    let others: Vec<String> = finds.into_keys().map(name).collect();
    assert!(others.is_empty(), "found besides {what}: {others:?}");
}

/// Every kind of secret has been planted.
pub fn all_kinds(scanner: &Scanner) -> BTreeSet<Kind> {
    scanner.secrets.iter().map(|secret| secret.kind).collect()
}
