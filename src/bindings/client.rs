//! The client as JavaScript holds it.

use std::rc::Rc;

use js_sys::{ArrayBuffer, Function, Object, Promise, Reflect, Uint8Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::CryptoKey;
use zeroize::Zeroizing;

use super::PageEngine;
use super::convert::{Control, finish, from_js, own_member, start, to_js, to_rejection};
use super::inputs::{CredentialsInput, RecoverInput, TicketInput, to_login};
use super::session::{RawSession, open_kept};
use crate::api::fetch::Fetch;
use crate::crypto::card_link::CardLink;
use crate::crypto::engine::web::{WebEngine, Worker};
use crate::crypto::invitation_link::Ticket;
use crate::crypto::records::Delivery;
use crate::error::{Error, Result};
use crate::flows::{Client, SignedUp, Steps};
use crate::ids::Id;

/// Knows the services. The package wraps it as `Vouchsafe`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawClient(Rc<Client<Fetch, PageEngine>>, Option<Control>);

#[wasm_bindgen]
impl RawClient {
    /// `{ vault, keystore, invitationUrl, timeout, receipts, work, engine, onStep, device, fetch }`.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &JsValue) -> std::result::Result<RawClient, JsValue> {
        make(options)
            .map(|client| Self(Rc::new(client), None))
            .map_err(|error| to_rejection(&error))
    }

    /// The same client for one call, which `abort` ends.
    pub fn begin(&self) -> RawClient {
        Self(Rc::clone(&self.0), Some(Control::new()))
    }

    /// Ends the call.
    pub fn abort(&self) {
        if let Some(control) = &self.1 {
            control.abort();
        }
    }

    /// Whether both services are there.
    pub fn check(&self) -> Promise {
        let client = Rc::clone(&self.0);
        start(self.1.as_ref(), async move { finish(client.check().await) })
    }

    /// What a link shows, to somebody without an account.
    #[wasm_bindgen(js_name = openLink)]
    pub fn open_link(&self, link: String, passphrase: Option<String>) -> Promise {
        let client = Rc::clone(&self.0);
        let (link, passphrase) = (Zeroizing::new(link), passphrase.map(Zeroizing::new));
        start(self.1.as_ref(), async move {
            let work = async {
                let link = CardLink::from_link(&link)?;
                let passphrase = passphrase.as_ref().map(|text| text.as_str());
                client.open_link(&link, passphrase).await
            };
            finish(work.await)
        })
    }

    /// `{ delivery, id }` of an invitation's link, of a link to a card with `delivery: null`; `null` for what is neither.
    #[wasm_bindgen(js_name = readLink)]
    pub fn read_link(&self, link: &str) -> std::result::Result<JsValue, JsValue> {
        let found = match Ticket::from_link(link) {
            Ok(ticket) => Some((Some(ticket.delivery()), ticket.id())),
            Err(_) => CardLink::from_link(link).ok().map(|link| (None, link.id)),
        };
        to_js(&found.map(|(delivery, id)| LinkOutput { delivery, id }))
    }

    /// Where an invitation stands.
    #[wasm_bindgen(js_name = previewInvitation)]
    pub fn preview_invitation(&self, ticket: JsValue) -> Promise {
        let client = Rc::clone(&self.0);
        start(self.1.as_ref(), async move {
            let work = async {
                let ticket = from_js::<TicketInput>("ticket", ticket)?.into_ticket()?;
                client.preview_invitation(&ticket).await
            };
            finish(work.await)
        })
    }

    /// The session that was kept, see [`RawSession::seal`].
    pub fn resume(
        &self,
        key: CryptoKey,
        context: String,
        state: Vec<u8>,
        keys: Option<Vec<u8>>,
    ) -> Promise {
        let client = Rc::clone(&self.0);
        start(self.1.as_ref(), async move {
            let work = async {
                let (state, keys) = open_kept(&key, &context, &state, keys.as_deref()).await?;
                client.resume(&state, keys.as_ref().map(|keys| keys.as_slice()))
            };
            let session = work.await.map_err(|error| to_rejection(&error))?;
            Ok(RawSession::new(session).into())
        })
    }

    /// `{ email or identityToken, passphrase }` to `{ session, recoveryKey }`.
    #[wasm_bindgen(js_name = signUp)]
    pub fn sign_up(&self, credentials: JsValue) -> Promise {
        let client = Rc::clone(&self.0);
        start(self.1.as_ref(), async move {
            let work = async {
                let input: CredentialsInput = from_js("credentials", credentials)?;
                client
                    .sign_up(
                        to_login(input.email, input.identity_token),
                        &input.passphrase,
                    )
                    .await
            };
            signed_up(work.await)
        })
    }

    /// `{ email or identityToken, recoveryKey, passphrase }` to `{ session, recoveryKey }`.
    pub fn recover(&self, options: JsValue) -> Promise {
        let client = Rc::clone(&self.0);
        start(self.1.as_ref(), async move {
            let work = async {
                let input: RecoverInput = from_js("options", options)?;
                client
                    .recover(
                        to_login(input.email, input.identity_token),
                        &input.recovery_key,
                        &input.passphrase,
                    )
                    .await
            };
            signed_up(work.await)
        })
    }

    /// `{ email or identityToken, passphrase }` to a session.
    #[wasm_bindgen(js_name = signIn)]
    pub fn sign_in(&self, credentials: JsValue) -> Promise {
        let client = Rc::clone(&self.0);
        start(self.1.as_ref(), async move {
            let work = async {
                let input: CredentialsInput = from_js("credentials", credentials)?;
                client
                    .sign_in(
                        to_login(input.email, input.identity_token),
                        &input.passphrase,
                    )
                    .await
            };
            let session = work.await.map_err(|error| to_rejection(&error))?;
            Ok(RawSession::new(session).into())
        })
    }
}

#[derive(Serialize)]
struct LinkOutput {
    delivery: Option<Delivery>,
    id: Id,
}

fn signed_up(result: Result<SignedUp<Fetch, PageEngine>>) -> std::result::Result<JsValue, JsValue> {
    let made = result.map_err(|error| to_rejection(&error))?;
    let result = Object::new();
    let set = |name: &str, value: JsValue| Reflect::set(&result, &name.into(), &value);
    set("session", RawSession::new(made.session).into())?;
    set("recoveryKey", made.recovery_key.as_str().into())?;
    Ok(result.into())
}

fn make(options: &JsValue) -> Result<Client<Fetch, PageEngine>> {
    let member = |name: &str| own_member(options, name);
    let text = |name: &str| member(name).as_string();
    let address = |name: &str| {
        text(name)
            .ok_or_else(|| Error::bad_input(format!("`{name}` is missing: give its address.")))
    };
    let function = |name: &str| member(name).dyn_into::<Function>().ok();
    let work = function("work").ok_or_else(|| Error::bad_input("`work` is missing."))?;
    let steps = function("onStep").map_or_else(Steps::default, |listener| {
        Steps::to(move |step| {
            // A listener that throws does not harm the flow that it watches.
            let _ = to_js(&step).and_then(|step| listener.call1(&JsValue::UNDEFINED, &step));
        })
    });
    let client = Client::new(
        Fetch::new(function("fetch")),
        make_engine(text("engine").as_deref(), Worker::new(work))?,
        &address("vault")?,
        &address("keystore")?,
        text("invitationUrl"),
        steps,
    )?;
    let device = member("device");
    let client = if ArrayBuffer::is_view(&device) {
        client.with_device(device_of(&device.unchecked_into())?)
    } else {
        client
    };
    let client = match member("receipts").is_truthy() {
        true => client.with_receipts(),
        false => client,
    };
    match member("timeout").as_f64() {
        // What is no such number becomes 0, which is refused.
        Some(timeout) => client.with_timeout(timeout as u32),
        None => Ok(client),
    }
}

fn device_of(bytes: &Uint8Array) -> Result<Zeroizing<[u8; 32]>> {
    let mut secret = Zeroizing::new([0; 32]);
    if bytes.length() != 32 {
        return Err(Error::bad_input("`device` has 32 bytes."));
    }
    bytes.copy_to(&mut secret[..]);
    Ok(secret)
}

#[cfg(not(feature = "rust-rsa"))]
fn make_engine(_: Option<&str>, worker: Worker) -> Result<PageEngine> {
    WebEngine::new(worker)
}

#[cfg(feature = "rust-rsa")]
fn make_engine(name: Option<&str>, worker: Worker) -> Result<PageEngine> {
    match name {
        Some("rust") => Ok(PageEngine::Rust(worker)),
        _ => WebEngine::new(worker).map(PageEngine::Web),
    }
}
