//! The extent of a run: a sample of the tests' many cases, or all of them.

use std::fmt;
use std::process::Stdio;

use crate::workspace::Workspace;

/// Tells every step that all of it is.
pub(super) const THOROUGH: &str = "VOUCHSAFE_THOROUGH";

/// Tells every step which part of it is.
pub(super) const SAMPLE: &str = "VOUCHSAFE_SAMPLE";

/// The extent to which cuts, kills, races, ciphertexts and pictures are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// A sample, the same one for the same number.
    Sample(u32),
}

impl Extent {
    /// The extent that was asked for; else a sample by the commit, so that later commits try other cases.
    pub(super) fn choose(workspace: &Workspace, thorough: bool, sample: Option<u32>) -> Self {
        if thorough {
            return Self::Whole;
        }
        Self::Sample(sample.or_else(|| commit_number(workspace)).unwrap_or(0))
    }

    /// Those of several that take turns whose turn it is: all of them, or one.
    pub(crate) fn turn<T>(self, all: &[T]) -> &[T] {
        match self {
            Self::Sample(number) if !all.is_empty() => {
                let nth = usize::try_from(number).unwrap_or_default() % all.len();
                &all[nth..=nth]
            }
            _ => all,
        }
    }

    /// The environment variable from which the tests read it.
    pub(super) fn variable(self) -> (&'static str, String) {
        match self {
            Self::Whole => (THOROUGH, "1".into()),
            Self::Sample(number) => (SAMPLE, number.to_string()),
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => write!(f, "Everything is run."),
            Self::Sample(number) => write!(
                f,
                "Of what counts in many, sample {number} is run: `--sample {number}` repeats it, `--thorough` runs everything."
            ),
        }
    }
}

/// The first 32 bits of the name of the commit.
fn commit_number(workspace: &Workspace) -> Option<u32> {
    let mut git = workspace.command("git");
    git.args(["rev-parse", "HEAD"]);
    let output = git
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    u32::from_str_radix(commit.get(..8)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::Extent;

    #[test]
    fn each_has_its_turn() {
        let all = ["one", "two", "three"];
        let samples = (4..7).flat_map(|number| Extent::Sample(number).turn(&all));
        let mut tried: Vec<_> = samples.collect();
        tried.sort_unstable();
        assert_eq!(tried, [&"one", &"three", &"two"]);
        assert_eq!(Extent::Whole.turn(&all), all);
    }
}
