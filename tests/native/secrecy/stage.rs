//! Both services as two processes, each behind a line on which somebody listens; and a look at what they keep.

use std::path::PathBuf;

use serde_json::Value;

use crate::secrecy::process::{Process, Urls};
use crate::secrecy::proxy::Proxy;
use crate::secrecy::recording::{Place, Recording, SERVICES, Service};
use crate::support::eventually;

/// The services, their data and what was recorded of them.
pub struct Stage {
    folder: tempfile::TempDir,
    lines: [(Service, Proxy); 2],
    running: Vec<Process>,
    starts: usize,
    pub urls: Urls,
    pub recording: Recording,
}

impl Stage {
    /// Starts both services with no data.
    pub async fn start() -> Self {
        let lines = [
            (Service::Keystore, Proxy::start().await),
            (Service::Vault, Proxy::start().await),
        ];
        let url = |index: usize| {
            let (service, line): &(Service, Proxy) = &lines[index];
            format!("http://{}/{}", line.address, service.name())
        };
        let urls = Urls {
            keystore: url(0),
            vault: url(1),
        };
        let mut stage = Self {
            folder: tempfile::tempdir().unwrap(),
            lines,
            running: Vec::new(),
            starts: 0,
            urls,
            recording: Recording::default(),
        };
        stage.run().await;
        stage
    }

    /// Starts both services with the data that there is.
    pub async fn run(&mut self) {
        self.starts += 1;
        std::fs::create_dir_all(self.logs()).unwrap();
        for (service, line) in &self.lines {
            let name = format!("{}-{}", service.name(), self.starts);
            let data = self.data(*service);
            let process = Process::start(*service, &self.urls, &data, &self.logs(), &name).await;
            line.lead_to(process.address);
            self.running.push(process);
        }
    }

    fn data(&self, service: Service) -> PathBuf {
        self.folder.path().join(service.name())
    }

    fn logs(&self) -> PathBuf {
        self.folder.path().join("logs")
    }

    /// Copies all files as they are.
    pub fn look(&mut self, when: &str) {
        for service in SERVICES {
            let data = self.data(service);
            self.recording.copy_data(service, &data, when);
        }
    }

    /// Reads all rows through the database.
    pub async fn look_into_rows(&mut self, when: &str) {
        for service in SERVICES {
            let data = self.data(service);
            self.recording.copy_rows(service, &data, when).await;
        }
    }

    /// Both services crash.
    pub fn kill(&mut self) {
        self.running.drain(..).for_each(Process::kill);
    }

    /// Both services are told to stop.
    pub fn stop(&mut self) {
        self.running.drain(..).for_each(Process::stop);
    }

    /// The link of the newest mail to this address.
    pub async fn mailed_link(&self, address: &str) -> String {
        eventually(async || {
            let outbox = self.data(Service::Vault).join("outbox");
            let mut files: Vec<PathBuf> = std::fs::read_dir(outbox)
                .ok()?
                .map(|entry| entry.unwrap().path())
                .filter(|file| file.extension().is_some_and(|end| end == "json"))
                .collect();
            files.sort();
            let mails = files.iter().rev().map(|file| std::fs::read(file).unwrap());
            let mut mails = mails.map(|mail| serde_json::from_slice::<Value>(&mail).unwrap());
            let mail = mails.find(|mail| mail["to"] == address)?;
            Some(mail["link"].as_str().unwrap().to_owned())
        })
        .await
    }

    /// Adds the logs and the traffic, and ends.
    pub fn finish(mut self) -> Recording {
        for service in SERVICES {
            for entry in std::fs::read_dir(self.logs()).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                if name.starts_with(service.name()) {
                    let bytes = std::fs::read(&path).unwrap();
                    self.recording
                        .add(Place::Log(service), name, "at the end", bytes);
                }
            }
        }
        for (service, line) in &self.lines {
            for (number, [to, from]) in line.tapes().into_iter().enumerate() {
                let when = format!("connection {number}");
                self.recording
                    .add(Place::Requests(*service), "traffic", &when, to);
                self.recording
                    .add(Place::Answers(*service), "traffic", &when, from);
            }
        }
        self.recording
    }
}
