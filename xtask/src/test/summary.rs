//! The table at the end of a run.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use super::step::Step;
use crate::spent::Spent;

/// The result of a step.
pub(super) struct Outcome {
    pub(super) step: Step,
    pub(super) failure: Option<String>,
    /// The time of its beginning, counted from the start of the run.
    pub(super) begun: Duration,
    pub(super) seconds: f64,
    pub(super) spent: Spent,
}

impl Outcome {
    /// That of a step that could not run.
    pub(super) fn missed(step: Step, need: Step, begun: Duration) -> Self {
        Self {
            step,
            failure: Some(format!("It needs the step {}, which failed.", need.name())),
            begun,
            seconds: 0.0,
            spent: Spent::default(),
        }
    }
}

/// Prints where the time went, how many steps passed, and once more why others failed.
pub(super) fn print(
    mut outcomes: Vec<Outcome>,
    whole: Duration,
    unchecked: &[String],
) -> Result<ExitCode> {
    outcomes.sort_by_key(|outcome| outcome.begun);
    let mut out = std::io::stdout().lock();
    let heads = ["seconds", "compiling", "installing", "begun at"];
    let [seconds, compiling, installing, begun] = heads;
    writeln!(
        out,
        "\n{:<12} {:<7} {seconds:>8} {compiling:>10} {installing:>11} {begun:>9}",
        "step", "result"
    )?;
    for outcome in &outcomes {
        let result = if outcome.failure.is_some() {
            "failed"
        } else {
            "passed"
        };
        writeln!(
            out,
            "{:<12} {result:<7} {:>8.1} {:>10.1} {:>11.1} {:>9.1}",
            outcome.step.name(),
            outcome.seconds,
            outcome.spent.compiling.as_secs_f64(),
            outcome.spent.installing.as_secs_f64(),
            outcome.begun.as_secs_f64(),
        )?;
    }
    writeln!(
        out,
        "{:<20} {:>8.1}",
        "from start to end",
        whole.as_secs_f64()
    )?;
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.failure.is_some())
        .count();
    writeln!(out, "\n{} passed, {failed} failed", outcomes.len() - failed)?;
    // Said once more: what came after it may have been long.
    for outcome in &outcomes {
        if let Some(failure) = &outcome.failure {
            writeln!(out, "\nStep {}: {failure}", outcome.step.name())?;
        }
    }
    for what in unchecked {
        writeln!(out, "NOT CHECKED: {what}")?;
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}
