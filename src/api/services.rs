//! Both services as one account reaches them, and a call to one of them: its address, its body, its answer.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::bodies::{Page, PageRequest, answered, body_of, nothing_of, page_of, to_body};
use super::largest::largest_answer;
use super::retry::{DEFAULT_TIMEOUT_MS, Deadline, TIMEOUT_RANGE_MS};
use super::token::VaultToken;
use super::{Method, Request, Response, Transport};
use crate::error::{Error, Result};
use crate::json::{self, Misfit, Value};

/// The service that is called, and the token that the call shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To the Keystore, by anybody.
    Open,
    /// To the Keystore, with the session.
    Keystore,
    /// To the Vault, by anybody.
    VaultOpen,
    /// To the Vault, with a token that is fetched when needed.
    Vault,
    /// To the Vault, with a token that deletes the account, which only a fresh proof of the passphrase gives.
    Deletion,
}

/// Both services, as one account reaches them.
pub struct Services<T> {
    pub(crate) transport: T,
    pub(super) vault: String,
    pub(super) keystore: String,
    pub(super) session: RefCell<Option<Zeroizing<String>>>,
    pub(super) token: RefCell<Option<VaultToken>>,
    device: RefCell<Option<Zeroizing<String>>>,
    pub(super) timeout_ms: u32,
    /// The time that the newest answer took, in milliseconds.
    pub(super) took: Cell<i64>,
}

type Exchange<'a> = Pin<Box<dyn Future<Output = Result<Response>> + 'a>>;

/// A call, and how its answer is read.
pub(crate) struct Answer<'a, R> {
    exchange: Exchange<'a>,
    read: fn(&Response) -> Result<R>,
}

impl<R> Answer<'_, R> {
    /// The answer to a question that need not be asked.
    pub(crate) fn known(read: fn(&Response) -> Result<R>) -> Self {
        let response = Response {
            status: 200,
            content_type: String::new(),
            retry_after: None,
            body: Vec::new(),
        };
        Self {
            exchange: Box::pin(ready(Ok(response))),
            read,
        }
    }
}

impl<R> Future for Answer<'_, R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<R>> {
        let Poll::Ready(response) = self.exchange.as_mut().poll(context) else {
            return Poll::Pending;
        };
        Poll::Ready(response.and_then(|response| (self.read)(&response)))
    }
}

impl<T> fmt::Debug for Services<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("vault", &self.vault)
            .field("keystore", &self.keystore)
            .finish_non_exhaustive()
    }
}

impl<T: Transport> Services<T> {
    /// The services at these base URLs, for nobody yet. The Keystore's is proven at sign-in, and written as the URL
    /// Standard's serializer does.
    pub fn new(transport: T, vault: &str, keystore: &str) -> Result<Self> {
        let vault = check_base(vault, "vault")?;
        let keystore = check_base(keystore, "keystore")?;
        if vault == keystore {
            return Err(Error::bad_input(
                "`vault` and `keystore` are two addresses: each service has its own.",
            )
            .in_argument("keystore"));
        }
        Ok(Self {
            transport,
            vault,
            keystore,
            session: RefCell::new(None),
            token: RefCell::new(None),
            device: RefCell::new(None),
            timeout_ms: DEFAULT_TIMEOUT_MS,
            took: Cell::default(),
        })
    }

    /// The same services, with another time for each call, see [`TIMEOUT_RANGE_MS`].
    pub fn with_timeout(mut self, timeout_ms: u32) -> Result<Self> {
        if !TIMEOUT_RANGE_MS.contains(&timeout_ms) {
            let (shortest, longest) = TIMEOUT_RANGE_MS.into_inner();
            return Err(Error::bad_input(format!(
                "`timeout` is a number of milliseconds from {shortest} to {longest}."
            ))
            .in_argument("timeout"));
        }
        self.timeout_ms = timeout_ms;
        Ok(self)
    }

    /// The same services, for somebody else.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self {
            transport: self.transport.clone(),
            vault: self.vault.clone(),
            keystore: self.keystore.clone(),
            session: RefCell::new(None),
            token: RefCell::new(None),
            device: RefCell::new(None),
            timeout_ms: self.timeout_ms,
            took: self.took.clone(),
        }
    }

    /// The time that the newest answer took, in milliseconds.
    pub(crate) fn took(&self) -> i64 {
        self.took.get()
    }

    /// Goes on with this Keystore session, or with none. Returns the one before.
    pub(crate) fn set_session(
        &self,
        session: Option<Zeroizing<String>>,
    ) -> Option<Zeroizing<String>> {
        self.forget_token();
        self.session.replace(session)
    }

    /// The Keystore's base URL.
    pub(crate) fn keystore(&self) -> &str {
        &self.keystore
    }

    /// Shows this to the Keystore with every request, so that it knows the device again.
    pub(crate) fn set_device(&self, device: Zeroizing<String>) {
        *self.device.borrow_mut() = Some(device);
    }

    /// The Keystore session that calls show.
    pub(crate) fn session(&self) -> Option<Zeroizing<String>> {
        self.session.borrow().clone()
    }

    /// The next call to the Vault fetches a new token.
    pub(crate) fn forget_token(&self) {
        *self.token.borrow_mut() = None;
    }

    /// Calls and reads the answer.
    pub(crate) fn call<R: DeserializeOwned>(
        &self,
        access: Access,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Answer<'_, R> {
        self.call_and(access, method, path, body, body_of)
    }

    /// Calls, and makes something of the answer.
    pub(crate) fn call_and<R>(
        &self,
        access: Access,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        read: fn(&Response) -> Result<R>,
    ) -> Answer<'_, R> {
        let body = body.map(json::to_value);
        Answer {
            exchange: self.exchange(access, method, Ok(path.to_owned()), body),
            read,
        }
    }

    /// Calls where the answer says no more than that it worked.
    pub(crate) fn call_for_nothing(
        &self,
        access: Access,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Answer<'_, ()> {
        self.call_and(access, method, path, body, nothing_of)
    }

    /// A read without a body.
    pub(crate) fn read<R: DeserializeOwned>(&self, access: Access, path: &str) -> Answer<'_, R> {
        self.call(access, Method::Get, path, None::<&()>)
    }

    /// A read of a page of a list; `narrow` is the rest of the query.
    pub(crate) fn read_page<R: DeserializeOwned>(
        &self,
        path: &str,
        page: &PageRequest,
        narrow: &str,
    ) -> Answer<'_, Page<R>> {
        let path = page
            .query()
            .map(|query| [path, "?", &query, narrow].concat());
        Answer {
            exchange: self.exchange(Access::Vault, Method::Get, path, None),
            read: page_of,
        }
    }

    /// The same for a list that is asked for with a body.
    pub(crate) fn ask_for_page<R: DeserializeOwned>(
        &self,
        access: Access,
        path: &str,
        page: &PageRequest,
        body: &impl Serialize,
    ) -> Answer<'_, Page<R>> {
        let path = page.query().map(|query| [path, "?", &query].concat());
        let body = Some(json::to_value(body));
        Answer {
            exchange: self.exchange(access, Method::Post, path, body),
            read: page_of,
        }
    }

    /// The same machinery for every call: boxed and not generic, because a browser would else load thirty copies of it.
    fn exchange(
        &self,
        access: Access,
        method: Method,
        path: Result<String>,
        body: Option<Result<Value<'static>, Misfit>>,
    ) -> Exchange<'_> {
        Box::pin(async move {
            let deadline = self.deadline();
            // The one copy of the body, however often it is sent.
            let body = body.map(to_body).transpose()?;
            let path = path?;
            let mut request = Request::new(method, body, largest_answer(access, method, &path));
            let session = self.session.borrow().clone();
            let first = self.send(&mut request, access, &path, deadline).await;
            let answer = match first {
                // The token may have been refused for its age by the Vault's clock; the session itself may be good. Or
                // a fresh session took the place of the one that was shown, which has ended.
                Err(Error::SessionExpired)
                    if access == Access::Vault || *self.session.borrow() != session =>
                {
                    self.forget_token();
                    self.send(&mut request, access, &path, deadline).await
                }
                other => other,
            };
            // The rest of what chooses a page was checked before.
            answer.map_err(|error| match path.contains('?') {
                true => error.in_argument("cursor"),
                false => error,
            })
        })
    }

    async fn send(
        &self,
        request: &mut Request,
        access: Access,
        path: &str,
        deadline: Deadline,
    ) -> Result<Response> {
        self.address(request, access, path, deadline).await?;
        answered(self.deliver(request, deadline).await?)
    }

    /// Gives a request its address and token.
    pub(super) async fn address(
        &self,
        request: &mut Request,
        access: Access,
        path: &str,
        deadline: Deadline,
    ) -> Result<()> {
        let (base, bearer) = match access {
            Access::Open => (&self.keystore, None),
            Access::Keystore => (&self.keystore, Some(self.session_token()?)),
            Access::VaultOpen => (&self.vault, None),
            Access::Vault => (&self.vault, Some(self.vault_token(deadline).await?)),
            Access::Deletion => (&self.vault, Some(self.proof_token(deadline).await?)),
        };
        request.url = format!("{base}/v1{path}");
        if matches!(access, Access::Open | Access::Keystore) {
            let device = self.device.borrow();
            request.device = device.as_ref().map(|device| device.to_string());
        }
        // The token before is wiped.
        drop(std::mem::replace(&mut request.bearer, bearer).map(Zeroizing::new));
        Ok(())
    }
}

/// A base URL without its trailing slash.
fn check_base(base: &str, argument: &str) -> Result<String> {
    let rest = base
        .strip_prefix("https://")
        .or_else(|| base.strip_prefix("http://"));
    let good = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && !base.bytes().any(|byte| b"?# \"".contains(&byte))
        && base.is_ascii();
    if good {
        Ok(base.trim_end_matches('/').to_owned())
    } else {
        Err(Error::bad_input(
            "`vault` and `keystore` are addresses such as https://example.com/vault.",
        )
        .in_argument(argument))
    }
}
