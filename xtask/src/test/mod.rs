//! Checks and tests everything, step by step.

mod extent;
mod schedule;
mod step;
mod summary;
mod work;

use std::fs;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::ValueEnum as _;

pub(crate) use self::extent::Extent;
pub(crate) use self::step::Step;
use self::summary::Outcome;
use self::work::Made;
use crate::output::{Capture, say};
use crate::process;
use crate::spent;
use crate::workspace::Workspace;

/// The most steps that run at the same time. One computes while another waits for a browser; more would only wait for each
/// other.
const LANES: usize = 2;

/// The options of a run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Runs this step alone, or these, and what they need: one after the other, and what they print is shown at once.
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<Step>,
    /// Runs all of what counts in many (cuts, kills, races, pictures), of which a sample is run otherwise.
    #[arg(long, env = extent::THOROUGH, value_parser = clap::builder::FalseyValueParser::new())]
    thorough: bool,
    /// Chooses the sample [default: a number made from the commit].
    #[arg(long, env = extent::SAMPLE, value_name = "NUMBER")]
    sample: Option<u32>,
}

/// Runs all steps, or one and those that it needs, and sums up.
pub(crate) fn run(mut workspace: Workspace, options: &Options) -> Result<ExitCode> {
    let only = &options.only;
    let extent = Extent::choose(&workspace, options.thorough, options.sample);
    say!("{extent}");
    workspace.environment.push(extent.variable());

    let start = Instant::now();
    let asked = |step: Step| {
        let mut only = only.iter();
        only.any(|&other| step == other || other.needs().contains(&step))
    };
    let all_of_them = only.is_empty();
    let wanted = |step: Step| all_of_them || asked(step);
    let all = Step::value_variants().iter().copied();
    let steps: Vec<Step> = all.filter(|&step| wanted(step)).collect();
    let tests = wanted(Step::Native) || wanted(Step::Postgres);
    let made = Made::new(&workspace, extent, tests);
    let outcomes = Mutex::new(Vec::new());
    let note = |outcome: Outcome| {
        let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.push(outcome);
    };
    let work = |step: Step| {
        let begun = start.elapsed();
        let failure = if all_of_them {
            captured(&made, step)
        } else {
            say!("\n==> Step {}", step.name());
            let failure = made.run(step).err();
            failure.inspect(|error| say!("failed: {error:#}"))
        };
        process::wait_if_stopping();
        let passed = failure.is_none();
        note(Outcome {
            step,
            failure: failure.map(|error| format!("{error:#}")),
            begun,
            seconds: (start.elapsed() - begun).as_secs_f64(),
            spent: spent::take(),
        });
        passed
    };
    let miss = |step: Step, need: Step| {
        note(Outcome::missed(step, need, start.elapsed()));
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let lanes = if all_of_them { cores.min(LANES) } else { 1 };
    schedule::run(steps, lanes, work, miss);

    let outcomes = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    summary::print(outcomes, start.elapsed(), &made.unchecked())
}

/// Runs a step whose output is kept in a file, and printed when it ends. Returns why it failed, if it did.
fn captured(made: &Made<'_>, step: Step) -> Option<anyhow::Error> {
    let name = step.name();
    let attempt = || -> Result<()> {
        let folder = made.workspace().target.join("test");
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} could not be made", folder.display()))?;
        let path = folder.join(format!("{name}.log"));
        say!("==> Step {name} begins; what it prints: {}", path.display());
        let start = Instant::now();
        let capture = Capture::start(&path)?;
        let result = made.run(step);
        if let Err(error) = &result {
            say!("failed: {error:#}");
        }
        drop(capture);
        process::wait_if_stopping();
        let said = fs::read(&path).unwrap_or_default();
        let mut out = std::io::stdout().lock();
        let how = if result.is_ok() { "passed" } else { "failed" };
        writeln!(
            out,
            "\n==> Step {name} {how} after {:.1} s",
            start.elapsed().as_secs_f64()
        )?;
        out.write_all(&said)?;
        out.flush()?;
        result
    };
    attempt().err()
}
