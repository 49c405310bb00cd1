//! The server's own program, one process for each service, with everything that it logs kept in files.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};

use crate::secrecy::recording::Service;
use crate::support::{PAGE, eventually, server_program};

/// Where the two services are reached, as everybody is told.
pub struct Urls {
    pub vault: String,
    pub keystore: String,
}

/// One running service.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Starts a service, and waits until it listens. What it writes goes to `{name}.out` and `{name}.err` in `logs`.
    pub async fn start(
        service: Service,
        urls: &Urls,
        data: &Path,
        logs: &Path,
        name: &str,
    ) -> Self {
        let log = |end: &str| logs.join(format!("{name}.{end}"));
        let output = log("out");
        let child = Command::new(server_program())
            .arg(service.name())
            .args(["--listen", "127.0.0.1:0", "--no-rate-limits"])
            .args(["--vault-url", &urls.vault])
            .args(["--keystore-url", &urls.keystore])
            .args(["--invitation-url", PAGE])
            .arg("--data")
            .arg(data)
            .env("VOUCHSAFE_LOG", "trace")
            .stdout(File::create(&output).unwrap())
            .stderr(File::create(log("err")).unwrap())
            .spawn()
            .unwrap();
        let address = eventually(async || {
            let said = std::fs::read_to_string(&output).ok()?;
            let line = said.strip_suffix('\n')?;
            line.strip_prefix("listening on http://")?.parse().ok()
        })
        .await;
        Self { child, address }
    }

    /// Ends it as a crash would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a service manager would.
    pub fn stop(mut self) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(told.success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
