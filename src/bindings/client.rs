//! The client as JavaScript holds it.

use std::rc::Rc;

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;

use super::convert::{from_js, start, to_js, to_rejection};
use super::inputs::{CredentialsInput, RecoverInput, to_login};
use super::session::RawSession;
use crate::api::fetch::Fetch;
use crate::crypto::engine::web::WebEngine;
use crate::error::{Error, Result};
use crate::flows::{Client, SignedUp, Steps};

/// Knows the services. The package wraps it as `Vouchsafe`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawClient(Rc<Client<Fetch, WebEngine>>);

#[wasm_bindgen]
impl RawClient {
    /// `{ vault, keystore, invitationUrl, finish, onStep }`.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &JsValue) -> std::result::Result<RawClient, JsValue> {
        make(options)
            .map(|client| Self(Rc::new(client)))
            .map_err(|error| to_rejection(&error))
    }

    /// `{ email or identityToken, passphrase }` to `{ session, recoveryKey }`.
    #[wasm_bindgen(js_name = signUp)]
    pub fn sign_up(&self, credentials: JsValue) -> Promise {
        let client = Rc::clone(&self.0);
        start(async move {
            let work = async {
                let input: CredentialsInput = from_js("credentials", credentials)?;
                client
                    .sign_up(
                        to_login(input.email, input.identity_token)?,
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
        start(async move {
            let work = async {
                let input: RecoverInput = from_js("options", options)?;
                client
                    .recover(
                        to_login(input.email, input.identity_token)?,
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
        start(async move {
            let work = async {
                let input: CredentialsInput = from_js("credentials", credentials)?;
                client
                    .sign_in(
                        to_login(input.email, input.identity_token)?,
                        &input.passphrase,
                    )
                    .await
            };
            let session = work.await.map_err(|error| to_rejection(&error))?;
            Ok(RawSession::new(session).into())
        })
    }
}

fn signed_up(result: Result<SignedUp<Fetch, WebEngine>>) -> std::result::Result<JsValue, JsValue> {
    let made = result.map_err(|error| to_rejection(&error))?;
    let result = Object::new();
    let set = |name: &str, value: JsValue| Reflect::set(&result, &name.into(), &value);
    set("session", RawSession::new(made.session).into())?;
    set("recoveryKey", made.recovery_key.as_str().into())?;
    Ok(result.into())
}

fn make(options: &JsValue) -> Result<Client<Fetch, WebEngine>> {
    let member = |name: &str| Reflect::get(options, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let text = |name: &str| member(name).as_string();
    let address = |name: &str| {
        text(name).ok_or_else(|| Error::BadInput(format!("`{name}` is missing: give its address.")))
    };
    let function = |name: &str| member(name).dyn_into::<Function>().ok();
    let finish =
        function("finish").ok_or_else(|| Error::BadInput("`finish` is missing.".into()))?;
    let steps = function("onStep").map_or_else(Steps::default, |listener| {
        Steps::to(move |step| {
            // A listener that throws does not harm the flow that it watches.
            let _ = to_js(&step).and_then(|step| listener.call1(&JsValue::UNDEFINED, &step));
        })
    });
    Client::new(
        Fetch,
        WebEngine::new(finish)?,
        &address("vault")?,
        &address("keystore")?,
        text("invitationUrl"),
        steps,
    )
}
