//! What processes of this machine have spent, as Linux tells it. Elsewhere nothing is known.

use std::collections::HashMap;
use std::fs;

use serde_json::{Value, json};

/// What some processes, with their children, have spent.
pub(crate) struct Spent {
    /// Seconds of a processor.
    seconds: f64,
    /// Bytes in memory; what several of them share counts once.
    bytes: u64,
}

/// Makes room for a connection of each open stream.
pub(crate) fn allow_many_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Nofile).maximum;
        // Where it may not be raised, the streams say so.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        );
    }
}

/// What these have spent so far.
pub(crate) fn of(processes: &[u32]) -> Option<Spent> {
    let parents = parents()?;
    let is_ours = |mut process: u32| loop {
        if processes.contains(&process) {
            return true;
        }
        match parents.get(&process) {
            Some(parent) => process = *parent,
            None => return false,
        }
    };
    let mut spent = Spent {
        seconds: 0.0,
        bytes: 0,
    };
    for process in parents.keys().copied().filter(|process| is_ours(*process)) {
        // One that ended meanwhile counts to its parent.
        let Some(fields) = fields(process) else {
            continue;
        };
        // Its own time, and that of the children that ended.
        let ticks: f64 = fields[11..15]
            .iter()
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        spent.seconds += ticks / ticks_per_second();
        spent.bytes += memory(process).unwrap_or_default();
    }
    Some(spent)
}

/// What was spent between two looks, and in memory at the second, as JSON.
pub(crate) fn between(before: &Option<Spent>, after: &Option<Spent>) -> Value {
    let seconds = before
        .as_ref()
        .zip(after.as_ref())
        .map(|(before, after)| after.seconds - before.seconds);
    json!({ "seconds": seconds, "bytes": after.as_ref().map(|after| after.bytes) })
}

/// Each process, and its parent.
fn parents() -> Option<HashMap<u32, u32>> {
    let processes = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let parent = |process: u32| fields(process)?.get(1)?.parse().ok();
    Some(
        processes
            .filter_map(|process| Some((process, parent(process)?)))
            .collect(),
    )
}

/// What `/proc/…/stat` has behind the name, which may hold anything.
fn fields(process: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after) = text.rsplit_once(") ")?;
    let fields: Vec<_> = after.split_whitespace().map(str::to_owned).collect();
    (fields.len() > 15).then_some(fields)
}

fn memory(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(1024 * kilobytes)
}

#[cfg(unix)]
fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

#[cfg(not(unix))]
fn ticks_per_second() -> f64 {
    100.0
}
