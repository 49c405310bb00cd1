//! Children: each in a process group of its own, and all of them ended when this program ends.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// The time for a child to end by itself; after it the child is killed, which is no failure.
const PATIENCE: Duration = Duration::from_secs(5);

struct Children {
    running: Vec<Child>,
    stopping: bool,
    serving: bool,
}

static CHILDREN: Mutex<Children> = Mutex::new(Children {
    running: Vec::new(),
    stopping: false,
    serving: false,
});

fn children() -> MutexGuard<'static, Children> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the children, then this program, on Ctrl-C, SIGTERM and SIGHUP.
pub(crate) fn end_children_with_us() -> Result<()> {
    ctrlc::set_handler(|| {
        let mut children = children();
        children.stopping = true;
        let code = if children.serving { 0 } else { 130 };
        let mut running = std::mem::take(&mut children.running);
        drop(children);
        end(&mut running);
        std::process::exit(code);
    })
    .context("The handler of Ctrl-C could not be set.")
}

/// From now on Ctrl-C is the way to end this program, not a failure.
pub(crate) fn serving() {
    children().serving = true;
}

/// Does not return when a signal is ending this program: what failed meanwhile failed because of it.
pub(crate) fn wait_if_stopping() {
    while children().stopping {
        thread::sleep(PATIENCE);
    }
}

/// A child that runs beside this program; it is ended when this is dropped.
pub(crate) struct Background {
    id: u32,
}

impl Background {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let id = spawn(command)?;
        Ok(Self { id })
    }

    /// The exit status, if it has ended.
    pub(crate) fn ended(&self) -> Result<Option<ExitStatus>> {
        poll(self.id)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let mut children = children();
        let Some(index) = children
            .running
            .iter()
            .position(|child| child.id() == self.id)
        else {
            return;
        };
        let child = children.running.swap_remove(index);
        drop(children);
        end(&mut [child]);
    }
}

/// Runs a command to its end; `what` names it in the error.
pub(crate) fn run(command: &mut Command, what: &str) -> Result<()> {
    let id = spawn(command)?;
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(status) = poll(id)? {
            wait_if_stopping();
            if !status.success() {
                bail!("{what} failed ({status}); see above.");
            }
            return Ok(());
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

fn spawn(command: &mut Command) -> Result<u32> {
    group::own(command).stdin(Stdio::null());
    // Held while it starts, so that no signal comes between the start and the note of it.
    let mut children = children();
    if children.stopping {
        drop(children);
        wait_if_stopping();
        bail!("Stopped.");
    }
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command
        .spawn()
        .with_context(|| format!("`{name}` could not be started"))?;
    let id = child.id();
    children.running.push(child);
    Ok(id)
}

fn poll(id: u32) -> Result<Option<ExitStatus>> {
    let mut children = children();
    let Some(child) = children.running.iter_mut().find(|child| child.id() == id) else {
        drop(children);
        wait_if_stopping();
        bail!("Stopped.");
    };
    let status = child.try_wait()?;
    if status.is_some() {
        // What it left behind in its group goes too.
        group::signal(id, group::Signal::End);
        children.running.retain(|child| child.id() != id);
    }
    Ok(status)
}

fn end(running: &mut [Child]) {
    for child in running.iter() {
        group::signal(child.id(), group::Signal::End);
    }
    let deadline = Instant::now() + PATIENCE;
    for child in running {
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        group::signal(child.id(), group::Signal::Kill);
        // Only its exit code is lost.
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[cfg(unix)]
mod group {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use nix::sys::signal::{self, killpg};
    use nix::unistd::Pid;

    pub(super) enum Signal {
        End,
        Kill,
    }

    pub(super) fn own(command: &mut Command) -> &mut Command {
        command.process_group(0)
    }

    pub(super) fn signal(leader: u32, kind: Signal) {
        let kind = match kind {
            Signal::End => signal::Signal::SIGTERM,
            Signal::Kill => signal::Signal::SIGKILL,
        };
        if let Ok(leader) = i32::try_from(leader) {
            // An empty group is what we want.
            let _ = killpg(Pid::from_raw(leader), kind);
        }
    }
}

#[cfg(not(unix))]
mod group {
    use std::process::Command;

    pub(super) enum Signal {
        End,
        Kill,
    }

    pub(super) fn own(command: &mut Command) -> &mut Command {
        command
    }

    pub(super) fn signal(_leader: u32, _kind: Signal) {}
}
