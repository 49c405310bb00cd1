//! Handing mails to a mail server.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, Tls, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use lettre::{Address, Message};
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::{Host, Url};

use super::address::host_to_ascii;
use super::smtp_answers::{Part, failure};
use crate::config::Config;
use crate::start_error::StartError;

/// The time for ending the connection politely once the mail is taken.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The failure to send a mail. Its text is for the log and holds nothing of the mail.
pub(super) enum Failure {
    /// It may go another time.
    Later(String),
    /// The mail server will never take it.
    Refused(String),
}

/// A mail server, and how to reach it.
pub(crate) struct Smtp {
    host: String,
    port: u16,
    tls: Tls,
    /// The name by which this server greets it.
    hello: ClientId,
    credentials: Option<Credentials>,
    timeout: Duration,
    pub(super) from: Mailbox,
}

/// The ways of encrypting a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// From the first byte.
    Implicit,
    /// By STARTTLS, or not at all.
    Required,
    /// By STARTTLS when the server offers it.
    Opportunistic,
    /// Never.
    Plain,
}

/// The parts of a mail server's URL. They may not be shown: one can be a password.
struct Target {
    host: String,
    port: u16,
    mode: Mode,
    credentials: Option<Credentials>,
}

impl Smtp {
    /// The mail server of a URL, by which mails go from this sender. `host` is that of the Vault.
    pub(super) fn new(
        url: &str,
        from: Mailbox,
        host: &str,
        config: &Config,
    ) -> Result<Self, StartError> {
        let target = Target::parse(url).map_err(|what| {
            StartError(format!(
                "Write --smtp-url as smtps://USER:PASSWORD@HOST or smtp://HOST?tls=required: {what}."
            ))
        })?;
        Ok(Self {
            tls: tls(&target, config.smtp_ca.as_deref())?,
            hello: hello(config.smtp_hello.as_deref(), host)?,
            host: target.host,
            port: target.port,
            credentials: target.credentials,
            timeout: config.smtp_timeout,
            from,
        })
    }

    /// Hands one mail over.
    pub(super) async fn send(&self, to: Address, message: &Message) -> Result<(), Failure> {
        let work = async {
            // Nothing of a mail is in these errors, and the cause helps whoever runs the server.
            let connection = self.connect().await;
            let mut connection = connection.map_err(|error| Failure::Later(error.to_string()))?;
            self.hand_over(&mut connection, to, &message.formatted())
                .await?;
            Ok(connection)
        };
        let mut connection = tokio::time::timeout(self.timeout, work)
            .await
            .unwrap_or_else(|_| Err(Failure::Later("no answer in time".to_owned())))?;
        // The mail is taken, whatever becomes of the connection.
        let _ = tokio::time::timeout(QUIT_TIMEOUT, connection.quit()).await;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let (name, server) = (&self.hello, (self.host.as_str(), self.port));
        let implicit = match &self.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), name, implicit, None)
                .await?;
        match &self.tls {
            Tls::Required(parameters) => connection.starttls(parameters.clone(), name).await?,
            Tls::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), name).await?;
            }
            _ => {}
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    /// Command by command, since what an answer means depends on what it answers. Addresses and mails are ASCII, so that no
    /// server has to know more than RFC 5321.
    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: Address,
        message: &[u8],
    ) -> Result<(), Failure> {
        let name = to.to_string();
        let failed = |part| {
            let name = &name;
            move |error: Error| failure(&error, part, name)
        };
        let from = Mail::new(Some(self.from.email.clone()), Vec::new());
        let from = connection.command(from).await;
        from.map_err(failed(Part::Sender))?;
        let to = connection.command(Rcpt::new(to, Vec::new())).await;
        to.map_err(failed(Part::Recipient))?;
        let data = connection.command(Data).await;
        data.map_err(failed(Part::Data))?;
        let mail = connection.message(message).await;
        mail.map_err(failed(Part::Mail)).map(drop)
    }
}

impl Target {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is no URL")?;
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err("it names no host"),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("nothing but ?tls=… may follow the host");
        }
        let options: Vec<_> = url.query_pairs().collect();
        let tls = match &options[..] {
            [] => None,
            [(name, value)] if name == "tls" => Some(value.as_ref()),
            _ => return Err("nothing but ?tls=… may follow the host"),
        };
        let (mode, port) = match (url.scheme(), tls) {
            ("smtps", None) => (Mode::Implicit, SUBMISSIONS_PORT),
            ("smtp", Some("required")) => (Mode::Required, SUBMISSION_PORT),
            ("smtp", Some("opportunistic")) => (Mode::Opportunistic, SUBMISSION_PORT),
            ("smtp", Some("none")) => (Mode::Plain, SMTP_PORT),
            ("smtp", None) if is_here(&host) => (Mode::Plain, SMTP_PORT),
            ("smtp", None) => (Mode::Required, SUBMISSION_PORT),
            ("smtp", Some(_)) => return Err("tls is required, opportunistic or none"),
            ("smtps", Some(_)) => return Err("smtps is encrypted already, without ?tls=…"),
            _ => return Err("it begins with smtps: or smtp:"),
        };
        let plain = |text: &str| {
            let text = percent_decode_str(text).decode_utf8();
            text.map(String::from)
                .map_err(|_| "the name or the password is no text")
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (_, None) | ("", _) => return Err("a name and a password go together"),
            _ if mode == Mode::Opportunistic => {
                return Err("a password needs tls=required, since others could take TLS away");
            }
            (name, Some(password)) => Some(Credentials::new(plain(name)?, plain(password)?)),
        };
        Ok(Self {
            host,
            port: url.port().unwrap_or(port),
            mode,
            credentials,
        })
    }
}

/// The name of `--smtp-hello`, a host or an address. By default the machine's own if it is a whole one, which mail servers may
/// ask for, and else the Vault's.
fn hello(given: Option<&str>, host: &str) -> Result<ClientId, StartError> {
    let Some(given) = given else {
        let own = ClientId::default();
        let is_whole = |name: &str| name.contains('.') && name.parse::<IpAddr>().is_err();
        return Ok(match own {
            ClientId::Domain(own) if !is_whole(&own) && is_whole(host) => {
                ClientId::Domain(host.to_owned())
            }
            own => own,
        });
    };
    named(given.trim()).ok_or_else(|| {
        StartError(format!(
            "Write --smtp-hello {given:?} as the name of this machine, like mail.example.org, or its address, like 192.0.2.1."
        ))
    })
}

fn named(text: &str) -> Option<ClientId> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let bare = bare.unwrap_or(text).trim_start_matches("IPv6:");
    match bare.parse() {
        Ok(IpAddr::V4(address)) => Some(ClientId::Ipv4(address)),
        Ok(IpAddr::V6(address)) => Some(ClientId::Ipv6(address)),
        Err(_) => host_to_ascii(text).map(ClientId::Domain),
    }
}

/// Tells whether a host is this machine itself, so that nobody stands in between.
fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn tls(target: &Target, authority: Option<&Path>) -> Result<Tls, StartError> {
    if target.mode == Mode::Plain {
        return match authority {
            None => Ok(Tls::None),
            Some(_) => Err(StartError(
                "Leave --smtp-ca out, or let --smtp-url ask for TLS.".into(),
            )),
        };
    }
    let mut parameters = TlsParameters::builder(target.host.clone());
    if let Some(file) = authority {
        let bad = |cause: &dyn std::fmt::Display| {
            let name = file.display();
            StartError(format!(
                "Give --smtp-ca a PEM file of certificates: {name} is none ({cause})."
            ))
        };
        let pem = std::fs::read(file).map_err(|error| bad(&error))?;
        if CertificateDer::pem_slice_iter(&pem).next().is_none() {
            return Err(bad(&"it holds no certificate"));
        }
        let certificates = Certificate::from_pem(&pem).map_err(|error| bad(&error))?;
        parameters = parameters
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificates);
    }
    let parameters = parameters
        .build()
        .map_err(|error| StartError(format!("Check --smtp-ca ({error}).")))?;
    Ok(match target.mode {
        Mode::Implicit => Tls::Wrapper(parameters),
        Mode::Required => Tls::Required(parameters),
        Mode::Opportunistic => Tls::Opportunistic(parameters),
        Mode::Plain => Tls::None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> (String, u16, Mode) {
        let target = Target::parse(url).unwrap();
        (target.host, target.port, target.mode)
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear_unasked() {
        for (url, expected) in [
            (
                "smtps://mail.example",
                ("mail.example", 465, Mode::Implicit),
            ),
            ("smtp://mail.example", ("mail.example", 587, Mode::Required)),
            ("smtp://192.0.2.1:25", ("192.0.2.1", 25, Mode::Required)),
            (
                "smtp://localhost.example",
                ("localhost.example", 587, Mode::Required),
            ),
            (
                "smtp://mail.example?tls=required",
                ("mail.example", 587, Mode::Required),
            ),
            (
                "smtp://mail.example/?tls=opportunistic",
                ("mail.example", 587, Mode::Opportunistic),
            ),
            (
                "smtp://mail.example?tls=none",
                ("mail.example", 25, Mode::Plain),
            ),
            ("smtp://localhost", ("localhost", 25, Mode::Plain)),
            ("smtp://127.0.0.1:2525", ("127.0.0.1", 2525, Mode::Plain)),
            ("smtp://[::1]:2525", ("::1", 2525, Mode::Plain)),
            (
                "smtp://localhost?tls=required",
                ("localhost", 587, Mode::Required),
            ),
        ] {
            let (host, port, mode) = target(url);
            assert_eq!((host.as_str(), port, mode), expected, "{url}");
        }
    }

    #[test]
    fn what_could_be_misunderstood_is_refused() {
        for url in [
            "mail.example",
            "http://mail.example",
            "smtp:mail.example",
            "smtps://mail.example?tls=none",
            "smtp://mail.example?tls=maybe",
            "smtp://mail.example?tls=required&tls=none",
            "smtp://mail.example?starttls=required",
            "smtp://mail.example/name",
            "smtp://name@mail.example",
            "smtp://:password@mail.example",
            "smtp://name:password@mail.example?tls=opportunistic",
        ] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn it_greets_by_a_whole_name() {
        let greeting =
            |given: Option<&str>, host: &str| hello(given, host).map(|name| name.to_string());
        for (given, name) in [
            ("Mail.Example.org", "mail.example.org"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("mailhost", "mailhost"),
            ("192.0.2.1", "[192.0.2.1]"),
            ("[192.0.2.1]", "[192.0.2.1]"),
            ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
        ] {
            assert_eq!(greeting(Some(given), "x"), Ok(name.into()));
        }
        for wrong in [
            "",
            "a b",
            "mail.example.org\r\nMAIL",
            "https://mail.example.org",
            "mail@example.org",
        ] {
            let StartError(error) = greeting(Some(wrong), "x").unwrap_err();
            assert!(error.contains("--smtp-hello"), "{error}");
        }
        // A container's name is none that a mail server knows.
        let ClientId::Domain(own) = ClientId::default() else {
            return;
        };
        let by_default = if own.contains('.') {
            &own
        } else {
            "vault.example"
        };
        assert_eq!(greeting(None, "vault.example").as_deref(), Ok(by_default));
        assert_eq!(greeting(None, "localhost"), Ok(own));
    }

    #[test]
    fn credentials_may_hold_any_character() {
        let target = Target::parse("smtps://ada%40mail.example:p%3A%2F%20@mail.example").unwrap();
        let expected = Credentials::new("ada@mail.example".into(), "p:/ ".into());
        assert_eq!(target.credentials, Some(expected));
    }
}
