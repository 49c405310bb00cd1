//! Looks for all secrets in all their spellings at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::secrecy::recording::{Recording, may_hold};
use crate::secrecy::secrets::Secret;
use crate::secrecy::spellings::Spelling;

/// What was found: which secret, in which spellings.
pub type Finds = BTreeMap<usize, BTreeSet<Spelling>>;

/// The secrets, and the machine that finds them.
pub struct Scanner {
    pub secrets: Vec<Secret>,
    automaton: AhoCorasick,
    /// Whose each needle is. One may be two spellings of the same secret.
    owners: Vec<(usize, BTreeSet<Spelling>)>,
}

impl Scanner {
    pub fn new(secrets: Vec<Secret>) -> Self {
        let mut needles: HashMap<Vec<u8>, (usize, BTreeSet<Spelling>)> = HashMap::new();
        for (index, secret) in secrets.iter().enumerate() {
            for (spelling, needle) in secret.parts.iter().flat_map(|part| part.needles()) {
                assert!(
                    needle.len() >= 12,
                    "{} is too short to be found",
                    secret.name
                );
                let owner = needles.entry(needle).or_insert((index, BTreeSet::new()));
                assert_eq!(
                    owner.0, index,
                    "{} cannot be told from {}",
                    secret.name, secrets[owner.0].name
                );
                owner.1.insert(spelling);
            }
        }
        let (patterns, owners): (Vec<_>, Vec<_>) = needles.into_iter().unzip();
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::Standard)
            .build(patterns)
            .unwrap();
        Self {
            secrets,
            automaton,
            owners,
        }
    }

    /// How many needles there are.
    pub fn needles(&self) -> usize {
        self.owners.len()
    }

    /// Every secret that shows.
    pub fn search(&self, bytes: &[u8]) -> Finds {
        let mut finds = Finds::new();
        for found in self.automaton.find_overlapping_iter(bytes) {
            let (secret, spellings) = &self.owners[found.pattern().as_usize()];
            finds.entry(*secret).or_default().extend(spellings);
        }
        finds
    }

    /// What lies where it must not.
    pub fn leaks(&self, recording: &Recording) -> Vec<String> {
        let mut leaks = Vec::new();
        for piece in &recording.pieces {
            for (secret, spellings) in self.search(&piece.bytes) {
                let Secret { kind, name, .. } = &self.secrets[secret];
                if !may_hold(piece.place, *kind) {
                    let (place, file, when) = (piece.place, &piece.name, &piece.when);
                    leaks.push(format!(
                        "{kind:?} of {name} in {place:?}, {file}, {when}: {spellings:?}"
                    ));
                }
            }
        }
        leaks
    }

    /// The secrets that were found where they may be: that they are shows that they are looked for as they are written.
    pub fn seen(&self, recording: &Recording) -> BTreeSet<usize> {
        recording
            .pieces
            .iter()
            .flat_map(|piece| self.search(&piece.bytes).into_keys())
            .collect()
    }
}
