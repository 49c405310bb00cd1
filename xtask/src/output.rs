//! The output of commands: the terminal, or a file for each step when steps run beside one another.

use std::cell::RefCell;
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

thread_local! {
    static FILE: RefCell<Option<File>> = const { RefCell::new(None) };
}

/// Says a line, as `eprintln!` does.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::output::line(format_args!($($text)*))
    };
}
pub(crate) use say;

/// While this exists, what its thread says, and what that thread's children print, goes into a file.
pub(crate) struct Capture;

impl Capture {
    /// Begins with an empty file.
    pub(crate) fn start(path: &Path) -> Result<Self> {
        let cannot = || format!("{} could not be written", path.display());
        File::create(path).with_context(cannot)?;
        // Appending, because the thread and its children write at the same time.
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .with_context(cannot)?;
        FILE.set(Some(file));
        Ok(Self)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        FILE.set(None);
    }
}

/// Says a line. [`say!`] is shorter.
pub(crate) fn line(text: impl Display) {
    FILE.with_borrow_mut(|file| match file {
        // A full disk is told by whatever fails next.
        Some(file) => drop(writeln!(file, "{text}")),
        None => eprintln!("{text}"),
    });
}

/// Lets a command print to where this thread's lines go.
pub(crate) fn redirect(command: &mut Command) {
    FILE.with_borrow(|file| {
        let Some(file) = file else { return };
        for set in [Command::stdout::<Stdio>, Command::stderr::<Stdio>] {
            if let Ok(file) = file.try_clone() {
                set(command, file.into());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::{Capture, redirect};

    #[test]
    fn lines_and_what_children_print_come_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let capture = Capture::start(&path).unwrap();
        say!("one");
        let mut child = Command::new("cargo");
        redirect(child.arg("--version"));
        assert!(child.status().unwrap().success());
        say!("three");
        drop(capture);
        let said = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 3, "{said}");
        assert!(lines[1].starts_with("cargo "), "{said}");
        assert_eq!((lines[0], lines[2]), ("one", "three"));
    }
}
