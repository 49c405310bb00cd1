//! The addresses that a server is told of: those of its services, of pages that call, and of the page that mails lead to. Each is
//! normalised, or refused with what to write instead.

use std::net::{IpAddr, SocketAddr};

use url::Url;

use crate::config::{Config, Services};
use crate::start_error::StartError;

/// The base URLs of a running server.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    /// The Vault's main one.
    pub(crate) vault: BaseUrl,
    /// The others that the Vault is reached by.
    pub(crate) other_vaults: Vec<BaseUrl>,
    /// The Keystore's main one.
    pub(crate) keystore: BaseUrl,
    /// The others that the Keystore is reached by.
    pub(crate) other_keystores: Vec<BaseUrl>,
}

impl Urls {
    /// Fills in what is not configured from the address that was bound.
    pub(crate) fn new(config: &Config, address: SocketAddr) -> Result<Self, StartError> {
        let (host, other_host) = local_hosts(address);
        let local = |service: &str| -> Vec<String> {
            let hosts = [Some(host.as_str()), other_host].into_iter().flatten();
            let url = |host| format!("http://{host}:{}/{service}", address.port());
            hosts.map(url).collect()
        };
        let vault = match config.services {
            _ if !config.vault_urls.is_empty() => config.vault_urls.clone(),
            Services::Keystore => {
                return Err(StartError(
                    "Give --vault-url: the Keystore must know whom its tokens are for.".into(),
                ));
            }
            _ => local("vault"),
        };
        let keystore = match config.services {
            _ if !config.keystore_urls.is_empty() => config.keystore_urls.clone(),
            Services::Vault => {
                return Err(StartError(
                    "Give --keystore-url: the Vault must know whose tokens to trust.".into(),
                ));
            }
            _ => local("keystore"),
        };
        let (vault, other_vaults) = parse_all("--vault-url", &vault)?;
        let (keystore, other_keystores) = parse_all("--keystore-url", &keystore)?;
        let urls = Self {
            vault,
            other_vaults,
            keystore,
            other_keystores,
        };
        urls.check(config.services)?;
        Ok(urls)
    }

    /// Refuses paths that cannot all be served.
    fn check(&self, services: Services) -> Result<(), StartError> {
        let path = &self.vault.path;
        if services.vault() && self.other_vaults.iter().any(|url| url.path != *path) {
            return Err(StartError(
                "Give every --vault-url the same path: the Vault is mounted once.".into(),
            ));
        }
        let keystore = &self.keystore.path;
        if services.keystore() && self.other_keystores.iter().any(|url| url.path != *keystore) {
            return Err(StartError(
                "Give every --keystore-url the same path: the Keystore is mounted once.".into(),
            ));
        }
        let of_process = ["/health", "/live", "/ready", "/dev"];
        let taken = |url: &&BaseUrl| of_process.contains(&url.path.as_str());
        if let Some(url) = [&self.vault, &self.keystore].into_iter().find(taken) {
            return Err(StartError(format!(
                "Give {} another path: this one is the process's own.",
                url.text
            )));
        }
        if services == Services::All && keystore == path {
            return Err(StartError(
                "Give --vault-url and --keystore-url different paths: a process with both services tells them apart by these \
                 alone."
                    .into(),
            ));
        }
        Ok(())
    }

    /// The audiences that tokens for the Vault may name, its main base URL first.
    pub(crate) fn audiences(&self) -> Vec<String> {
        let all = std::iter::once(&self.vault).chain(&self.other_vaults);
        all.map(|url| url.text.clone()).collect()
    }

    /// The addresses by which clients may know the Keystore, its main base URL first.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let all = std::iter::once(&self.keystore).chain(&self.other_keystores);
        all.map(|url| url.text.clone()).collect()
    }
}

/// The first URL of an option, and the others.
fn parse_all(option: &str, urls: &[String]) -> Result<(BaseUrl, Vec<BaseUrl>), StartError> {
    let parse = |url: &String| {
        BaseUrl::parse(url).ok_or_else(|| {
            StartError(format!(
                "Write {option} {url:?} as a base URL, like https://vault.example or https://example/vault."
            ))
        })
    };
    let (main, others) = urls
        .split_first()
        .ok_or_else(|| StartError(format!("Give {option} a base URL.")))?;
    let others = others.iter().map(parse);
    Ok((parse(main)?, others.collect::<Result<_, _>>()?))
}

/// Whether a text is one word. Several are a list with blanks between, of which the first address would swallow the rest.
fn is_one(text: &str) -> bool {
    text.split_whitespace().count() == 1
}

/// The host by which this machine reaches the address, and another one where there is one.
fn local_hosts(address: SocketAddr) -> (String, Option<&'static str>) {
    let ip = address.ip();
    let host = match ip {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    let is_local = ip.is_loopback() || ip.is_unspecified();
    (host, is_local.then_some("localhost"))
}

/// A base URL as the URL Standard writes it, without a slash at its end. Clients write it in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    pub(crate) text: String,
    pub(crate) origin: String,
    pub(crate) host: String,
    /// Empty, or a path with a leading slash.
    pub(crate) path: String,
}

impl BaseUrl {
    /// The URL, if it is nothing more than a base.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let parsed = Url::parse(url).ok()?;
        let origin = parsed.origin().ascii_serialization();
        let path = parsed.path().trim_end_matches('/');
        let text = format!("{origin}{path}");
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        // Whoever names a user, a query or a fragment means more than these are.
        let is_whole = parsed.as_str().trim_end_matches('/') == text;
        let is_base =
            is_web(&parsed) && is_whole && path.chars().all(plain) && !path.contains("//");
        is_base.then(|| Self {
            path: path.to_owned(),
            host: parsed.host_str().unwrap_or_default().to_owned(),
            text,
            origin,
        })
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// The origin of `--cors-origin` as browsers write it in the header `Origin`, or `*` for every one.
pub(crate) fn web_origin(text: &str) -> Result<String, StartError> {
    let text = text.trim();
    // Pages from disk and in sandboxed frames have the origin `null`.
    if matches!(text, "*" | "null") {
        return Ok(text.to_owned());
    }
    let named = Url::parse(text)
        .ok()
        .and_then(|url| Some((origin(&url)?, url)));
    let Some((origin, url)) = named else {
        return Err(StartError(format!(
            "Write --cors-origin {text:?} as the origin of a page: scheme, host and port, like https://app.example \
             or http://localhost:5173."
        )));
    };
    if origin.contains('*') {
        return Err(StartError(format!(
            "Give each origin a --cors-origin of its own, or * for every one: {text:?} is no pattern."
        )));
    }
    let rest = &url[url::Position::BeforePath..];
    if !matches!(rest, "" | "/") || !url.username().is_empty() || url.password().is_some() {
        return Err(StartError(format!(
            "Write --cors-origin {text:?} as {origin}: browsers tell the origin of a page, and no more."
        )));
    }
    Ok(origin)
}

/// The origin of a page, if there are pages at such a URL: on the web, in an extension or in an app.
fn origin(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    match url.scheme() {
        _ if is_web(url) => Some(url.origin().ascii_serialization()),
        "file" | "ftp" | "ws" | "wss" => None,
        scheme => {
            let port = url.port().map(|port| format!(":{port}"));
            let host = host.to_ascii_lowercase();
            Some(format!("{scheme}://{host}{}", port.unwrap_or_default()))
        }
    }
}

/// The page of `--invitation-url`, which invitation links begin with.
pub(crate) fn page_url(text: &str) -> Result<String, StartError> {
    let page = Url::parse(text).ok().filter(|url| {
        let is_nobodys = url.username().is_empty() && url.password().is_none();
        is_web(url) && is_nobodys && url.fragment().is_none() && is_one(text)
    });
    page.map(String::from).ok_or_else(|| {
        StartError(format!(
            "Write --invitation-url {text:?} as the address of a page, like https://app.example/invited, without #: \
             the invitation stands behind it."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        let url = BaseUrl::parse("https://example:8443/a/vault/").unwrap();
        assert_eq!(
            (url.text.as_str(), url.path.as_str()),
            ("https://example:8443/a/vault", "/a/vault")
        );
        assert_eq!(BaseUrl::parse("http://vault.example").unwrap().path, "");
        for (spelled, text) in [
            ("HTTPS://Keystore.Example:443//", "https://keystore.example"),
            (" https:keystore.example ", "https://keystore.example"),
            (
                "http://B\u{fc}cher.example:80",
                "http://xn--bcher-kva.example",
            ),
            ("https://x/a/../b/./", "https://x/b"),
            ("http://127.1:8787/Vault", "http://127.0.0.1:8787/Vault"),
        ] {
            assert_eq!(BaseUrl::parse(spelled).unwrap().text, text);
        }
        for wrong in [
            "vault.example",
            "ftp://x",
            "http://x/?a",
            "http://x/{id}",
            "http://a@x",
            "/vault",
            "http://x/#a",
        ] {
            assert!(BaseUrl::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn origins_are_written_as_browsers_do() {
        for (text, origin) in [
            ("https://app.example", "https://app.example"),
            ("https://app.example/", "https://app.example"),
            (" https://app.example", "https://app.example"),
            ("HTTPS://App.Example", "https://app.example"),
            ("https://app.example:443", "https://app.example"),
            ("http://app.example:80/", "http://app.example"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:5173/", "http://[::1]:5173"),
            (
                "https://b\u{fc}cher.example",
                "https://xn--bcher-kva.example",
            ),
            ("https://app.example.", "https://app.example."),
            ("chrome-extension://abcdef/", "chrome-extension://abcdef"),
            ("capacitor://LocalHost", "capacitor://localhost"),
            ("app://localhost:3000", "app://localhost:3000"),
            ("null", "null"),
            ("*", "*"),
        ] {
            assert_eq!(web_origin(text).as_deref(), Ok(origin), "{text}");
        }
        for (text, cure) in [
            ("https://app.example/app", "as https://app.example:"),
            ("https://app.example//", "as https://app.example:"),
            (
                "https://app.example:8443/?a",
                "as https://app.example:8443:",
            ),
            ("https://app.example/#a", "as https://app.example:"),
            ("https://ada:pw@app.example", "as https://app.example:"),
            ("https://*.app.example", "of its own"),
            ("app.example", "like https://app.example"),
            ("app.example:8443", "like https://app.example"),
            ("localhost:5173", "http://localhost:5173"),
            ("//app.example", "scheme"),
            ("https://", "scheme"),
            ("wss://app.example", "scheme"),
            ("file:///index.html", "scheme"),
            ("", "scheme"),
        ] {
            let StartError(error) = web_origin(text).unwrap_err();
            assert!(
                error.contains("--cors-origin") && error.contains(cure),
                "{error}"
            );
        }
    }

    #[test]
    fn invitations_lead_to_pages() {
        for (text, page) in [
            ("https://app.example", "https://app.example/"),
            (
                "HTTPS://App.Example:443/In?a=1",
                "https://app.example/In?a=1",
            ),
            ("http://localhost:5173/", "http://localhost:5173/"),
            (
                "https://b\u{fc}cher.example/\"",
                "https://xn--bcher-kva.example/%22",
            ),
        ] {
            assert_eq!(page_url(text).as_deref(), Ok(page));
        }
        for wrong in [
            "javascript:alert(1)",
            "JavaScript://app.example/%0aalert(1)",
            "data:text/html,a",
            "mailto:a@app.example",
            "app.example/invited",
            "/invited",
            "https://app.example/#/invited",
            "https://app.example/#",
            "https://ada@app.example/",
            "https://app.example/ https://other.example/",
            "",
        ] {
            let StartError(error) = page_url(wrong).unwrap_err();
            assert!(error.contains("--invitation-url"), "{error}");
        }
    }

    #[test]
    fn defaults_follow_the_bound_port() {
        let address: SocketAddr = "0.0.0.0:77".parse().unwrap();
        let urls = Urls::new(&Config::new("x"), address).unwrap();
        assert_eq!(
            urls.audiences(),
            ["http://127.0.0.1:77/vault", "http://localhost:77/vault"]
        );
        assert_eq!(
            urls.addresses(),
            [
                "http://127.0.0.1:77/keystore",
                "http://localhost:77/keystore"
            ]
        );
    }

    #[test]
    fn paths_can_all_be_served() {
        let address: SocketAddr = "127.0.0.1:77".parse().unwrap();
        let start = |vault: &str, keystore: &str| {
            let config = Config {
                vault_urls: vec![vault.to_owned()],
                keystore_urls: vec![keystore.to_owned()],
                ..Config::new("x")
            };
            Urls::new(&config, address).map(drop)
        };
        assert_eq!(start("https://x/vault", "https://x"), Ok(()));
        for (vault, keystore) in [
            ("https://x/a", "https://y/a/"),
            ("https://x/health", "https://x"),
            ("https://x/a", "https://x/ready"),
        ] {
            assert!(start(vault, keystore).is_err(), "{vault} {keystore}");
        }
    }

    #[test]
    fn a_service_alone_must_know_the_other() {
        let address: SocketAddr = "127.0.0.1:77".parse().unwrap();
        for services in [Services::Vault, Services::Keystore] {
            assert!(
                Urls::new(
                    &Config {
                        services,
                        ..Config::new("x")
                    },
                    address
                )
                .is_err()
            );
        }
    }
}
