//! A session as JavaScript holds it. Method by method the `Session` of `index.d.ts`.

use futures_util::FutureExt as _;
use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::CryptoKey;
use zeroize::Zeroizing;

use super::PageEngine;
use super::convert::{Control, finish, from_js, start, to_js, to_rejection};
use super::inputs::{
    CardUpdateInput, ChangePassphraseInput, InviteInput, LinkInput, NameInput, PageInput,
    PassphraseInput, ShareInput, TicketInput, id_of, ids_of,
};
use crate::api::fetch::Fetch;
use crate::api::vault::events::{Event, EventKind};
use crate::crypto::engine::web::{open_from_storage, seal_for_storage};
use crate::crypto::records::{CardContent, check_file};
use crate::error::{Error, Result};
use crate::flows::{
    Change, Kept, Opened, Plain, Progress, Reason, Received, Remaining, Session, Share,
    ShareOutcome, Subscription,
};
use crate::ids::Id;

type WebSession = Session<Fetch, PageEngine>;

/// A signed-in person. The package wraps it as `Session`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawSession(WebSession, Option<Control>);

impl RawSession {
    pub(super) fn new(session: WebSession) -> Self {
        Self(session, None)
    }

    /// Starts a call on a clone of the session.
    fn call<R, F>(&self, work: impl FnOnce(WebSession) -> F + 'static) -> Promise
    where
        R: Serialize + 'static,
        F: Future<Output = Result<R>> + 'static,
    {
        let session = self.0.clone();
        start(self.1.as_ref(), work(session).map(finish))
    }
}

/// The two parts of what is kept; neither opens in the other's place.
const STATE: &str = "state";
const KEYS: &str = "keys";

fn context_of(context: &str, part: &str) -> String {
    format!("vouchsafe/1 {part} {context}")
}

async fn seal_part(key: &CryptoKey, context: &str, part: &str, plain: Plain) -> Result<JsValue> {
    let context = context_of(context, part);
    let sealed = seal_for_storage(key, &context, &plain.iv[..], &plain.bytes).await?;
    Ok(Uint8Array::from(sealed.as_slice()).into())
}

type Bytes = Zeroizing<Vec<u8>>;

/// Opens both parts.
pub(super) async fn open_kept(
    key: &CryptoKey,
    context: &str,
    state: &[u8],
    keys: Option<&[u8]>,
) -> Result<(Bytes, Option<Bytes>)> {
    let state = open_from_storage(key, &context_of(context, STATE), state).await?;
    let keys = match keys {
        Some(keys) => Some(open_from_storage(key, &context_of(context, KEYS), keys).await?),
        None => None,
    };
    Ok((state, keys))
}

/// The passphrase of `{ passphrase, identityToken }`; the session has the token from then on.
fn prove_with(session: &WebSession, options: JsValue) -> Result<Zeroizing<String>> {
    let input: PassphraseInput = from_js("options", options)?;
    renew(session, input.identity_token)?;
    Ok(input.passphrase)
}

fn renew(session: &WebSession, identity_token: Option<Zeroizing<String>>) -> Result<()> {
    identity_token.map_or(Ok(()), |token| session.renew_identity_token(token))
}

fn page_input(options: JsValue) -> Result<PageInput> {
    if options.is_undefined() || options.is_null() {
        Ok(PageInput::default())
    } else {
        from_js("options", options)
    }
}

#[wasm_bindgen]
#[allow(
    missing_docs,
    reason = "each is described in index.d.ts of the package"
)]
impl RawSession {
    #[wasm_bindgen(getter)]
    pub fn account(&self) -> String {
        self.0.account().to_string()
    }

    #[wasm_bindgen(getter)]
    pub fn email(&self) -> Option<String> {
        self.0.email()
    }

    #[wasm_bindgen(getter, js_name = failedSignIns)]
    pub fn failed_sign_ins(&self) -> f64 {
        self.0.failed_sign_ins() as f64
    }

    #[wasm_bindgen(getter)]
    pub fn locked(&self) -> bool {
        self.0.is_locked()
    }

    /// The same session for one call, which tells `progress` how far it is, and which `abort` ends.
    pub fn begin(&self, progress: Option<Function>) -> RawSession {
        let progress = progress.map_or_else(Progress::default, |listener| {
            Progress::to(move |done, total| {
                let (done, total) = (JsValue::from(done as u32), JsValue::from(total as u32));
                let _ = listener.call2(&JsValue::UNDEFINED, &done, &total);
            })
        });
        Self(self.0.reporting(progress), Some(Control::new()))
    }

    pub fn abort(&self) {
        if let Some(control) = &self.1 {
            control.abort();
        }
    }

    /// `{ state, keys }`, sealed under `key`, for [`RawClient::resume`] and [`RawSession::catch_up`]; the keys, if they are to
    /// be kept.
    pub fn seal(&self, key: CryptoKey, context: String, with_keys: bool) -> Promise {
        let session = self.0.clone();
        start(self.1.as_ref(), async move {
            let sealed = async {
                let Kept { state, keys } = session.keep(with_keys)?;
                let state = seal_part(&key, &context, STATE, state).await?;
                match keys {
                    Some(keys) => Ok((state, seal_part(&key, &context, KEYS, keys).await?)),
                    None => Ok((state, JsValue::NULL)),
                }
            };
            let (state, keys) = sealed.await.map_err(|error| to_rejection(&error))?;
            let result = Object::new();
            Reflect::set(&result, &"state".into(), &state)?;
            Reflect::set(&result, &"keys".into(), &keys)?;
            Ok(result.into())
        })
    }

    /// Takes over what another tab has sealed. `with_keys` says whether it would have sealed keys, unless it was locked.
    #[wasm_bindgen(js_name = catchUp)]
    pub fn catch_up(
        &self,
        key: CryptoKey,
        context: String,
        state: Vec<u8>,
        keys: Option<Vec<u8>>,
        with_keys: bool,
    ) -> Promise {
        self.call(move |session| async move {
            let (state, keys) = open_kept(&key, &context, &state, keys.as_deref()).await?;
            session.catch_up(&state, keys.as_ref().map(|keys| keys.as_slice()), with_keys)
        })
    }

    /// Calls `watcher` with `access` or `event` whenever there is something to keep, with `missed` when events may be lost,
    /// with `deaf` when none can be read any more, and with `lagging` when shares may have to be brought up to date.
    pub fn watch(&self, watcher: Function) {
        self.0.watch(move |change| {
            let name = match change {
                Change::Access => "access",
                Change::LastEvent => "event",
                Change::Missed => "missed",
                Change::Deaf => "deaf",
                Change::Lagging => "lagging",
            };
            let _ = watcher.call1(&JsValue::UNDEFINED, &name.into());
        });
    }

    #[wasm_bindgen(getter, js_name = lastEvent)]
    pub fn last_event(&self) -> Option<String> {
        self.0.last_event()
    }

    #[wasm_bindgen(setter, js_name = lastEvent)]
    pub fn set_last_event(&self, id: Option<String>) {
        self.0.set_last_event(id);
    }

    #[wasm_bindgen(getter, js_name = marksId)]
    pub fn marks_id(&self) -> Option<String> {
        self.0.marks_id()
    }

    #[wasm_bindgen(getter, js_name = marksChanges)]
    pub fn marks_changes(&self) -> u32 {
        self.0.marks_changes()
    }

    /// The marks as they are to be stored, a `Uint8Array`.
    #[wasm_bindgen(js_name = sealMarks)]
    pub fn seal_marks(&self) -> Promise {
        let session = self.0.clone();
        start(self.1.as_ref(), async move {
            let sealed = session.seal_marks().await;
            let sealed = sealed.map_err(|error| to_rejection(&error))?;
            Ok(Uint8Array::from(sealed.as_slice()).into())
        })
    }

    /// Takes in what [`RawSession::seal_marks`] gave.
    #[wasm_bindgen(js_name = openMarks)]
    pub fn open_marks(&self, sealed: Vec<u8>) -> Promise {
        self.call(|session| async move { session.open_marks(&sealed).await })
    }

    #[wasm_bindgen(js_name = acceptOlder)]
    pub fn accept_older(&self, id: String) -> Promise {
        self.call(|session| async move { session.accept_older(Id::parse(&id)?) })
    }

    /// Refuses a file of a name or media type that no card may name.
    #[wasm_bindgen(js_name = checkFile)]
    pub fn check_file(&self, name: &str, media_type: &str) -> std::result::Result<(), JsValue> {
        check_file(name, media_type).map_err(|error| to_rejection(&error))
    }

    /// The token that shows the account to the Vault, a string.
    #[wasm_bindgen(js_name = vaultToken)]
    pub fn vault_token(&self, fresh: bool) -> Promise {
        self.call(move |session| async move { session.vault_token(fresh).await })
    }

    pub fn nudge(&self) {
        self.0.nudge();
    }

    #[wasm_bindgen(getter)]
    pub fn over(&self) -> bool {
        self.0.is_over()
    }

    pub fn end(&self) {
        self.0.end();
    }

    #[wasm_bindgen(js_name = createCard)]
    pub fn create_card(&self, content: JsValue) -> Promise {
        self.call(|session| async move {
            session
                .create_card(from_js::<CardContent>("card", content)?)
                .await
        })
    }

    pub fn cards(&self, options: JsValue) -> Promise {
        self.call(
            |session| async move { session.cards(&page_input(options)?.into_request()?.0).await },
        )
    }

    pub fn card(&self, id: String) -> Promise {
        self.call(|session| async move { session.card(Id::parse(&id)?).await })
    }

    #[wasm_bindgen(js_name = updateCard)]
    pub fn update_card(&self, card: JsValue) -> Promise {
        self.call(|session| async move {
            session
                .update_card(from_js::<CardUpdateInput>("card", card)?.into_update()?)
                .await
        })
    }

    #[wasm_bindgen(js_name = importCard)]
    pub fn import_card(&self, id: String, content: JsValue) -> Promise {
        self.call(|session| async move {
            let content = from_js::<CardContent>("card", content)?;
            session.import_card(Id::parse(&id)?, content).await
        })
    }

    #[wasm_bindgen(js_name = deleteCard)]
    pub fn delete_card(&self, id: String, shares: JsValue) -> Promise {
        self.call(|session| async move {
            let shares: Option<Remaining> = from_js("shares", shares)?;
            session.delete_card(Id::parse(&id)?, shares).await
        })
    }

    pub fn invite(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            session
                .invite(from_js::<InviteInput>("options", options)?.into_invite())
                .await
        })
    }

    pub fn invitations(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            session
                .invitations(&page_input(options)?.into_request()?.0)
                .await
        })
    }

    #[wasm_bindgen(js_name = cancelInvitation)]
    pub fn cancel_invitation(&self, id: String) -> Promise {
        self.call(|session| async move { session.cancel_invitation(Id::parse(&id)?).await })
    }

    #[wasm_bindgen(js_name = declineInvitation)]
    pub fn decline_invitation(&self, ticket: JsValue) -> Promise {
        self.call(|session| async move {
            session
                .decline_invitation(&from_js::<TicketInput>("ticket", ticket)?.into_ticket()?)
                .await
        })
    }

    pub fn accept(&self, ticket: JsValue, options: JsValue) -> Promise {
        self.call(|session| async move {
            let ticket = from_js::<TicketInput>("ticket", ticket)?.into_ticket()?;
            session
                .accept(&ticket, &from_js::<NameInput>("options", options)?.name)
                .await
        })
    }

    pub fn connections(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            session
                .connections(&page_input(options)?.into_request()?.0)
                .await
        })
    }

    pub fn connection(&self, id: String) -> Promise {
        self.call(|session| async move { session.connection(Id::parse(&id)?).await })
    }

    #[wasm_bindgen(js_name = markVerified)]
    pub fn mark_verified(&self, id: String, safety_number: String) -> Promise {
        self.call(
            |session| async move { session.mark_verified(Id::parse(&id)?, &safety_number).await },
        )
    }

    #[wasm_bindgen(js_name = renameConnection)]
    pub fn rename_connection(&self, id: String, name: String) -> Promise {
        self.call(|session| async move { session.rename_connection(Id::parse(&id)?, &name).await })
    }

    pub fn disconnect(&self, id: String) -> Promise {
        self.call(|session| async move { session.disconnect(Id::parse(&id)?).await })
    }

    pub fn share(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            session
                .share(from_js::<ShareInput>("options", options)?.into_request()?)
                .await
        })
    }

    #[wasm_bindgen(js_name = shareWithMany)]
    pub fn share_with_many(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            let outcomes = session
                .share_with_many(from_js::<ShareInput>("options", options)?.into_request()?)
                .await?;
            Ok(outcomes
                .into_iter()
                .map(ShareResult::from)
                .collect::<Vec<_>>())
        })
    }

    #[wasm_bindgen(js_name = outgoingShares)]
    pub fn outgoing_shares(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            let (page, connection) = page_input(options)?.into_request()?;
            session.outgoing_shares(&page, connection).await
        })
    }

    #[wasm_bindgen(js_name = sharesOf)]
    pub fn shares_of(&self, card: String, options: JsValue) -> Promise {
        self.call(|session| async move {
            let (page, _) = page_input(options)?.into_request()?;
            session.shares_of(id_of("card", &card)?, &page).await
        })
    }

    /// Brings shares up to date whose card's update was cut.
    #[wasm_bindgen(js_name = catchUpShares)]
    pub fn catch_up_shares(&self) -> Promise {
        self.call(|session| async move { session.catch_up_shares().await })
    }

    #[wasm_bindgen(js_name = revokeShare)]
    pub fn revoke_share(&self, id: String) -> Promise {
        self.call(|session| async move { session.revoke_share(Id::parse(&id)?).await })
    }

    #[wasm_bindgen(js_name = shareByLink)]
    pub fn share_by_link(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            session
                .share_by_link(from_js::<LinkInput>("options", options)?.into_request()?)
                .await
        })
    }

    #[wasm_bindgen(js_name = linkShares)]
    pub fn link_shares(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            session
                .link_shares(&page_input(options)?.into_request()?.0)
                .await
        })
    }

    #[wasm_bindgen(js_name = revokeLink)]
    pub fn revoke_link(&self, id: String) -> Promise {
        self.call(|session| async move { session.revoke_link(Id::parse(&id)?).await })
    }

    #[wasm_bindgen(js_name = incomingShares)]
    pub fn incoming_shares(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            session
                .incoming_shares(&page_input(options)?.into_request()?.0)
                .await
        })
    }

    #[wasm_bindgen(js_name = readShare)]
    pub fn read_share(&self, id: String) -> Promise {
        self.call(|session| async move { session.read_share(Id::parse(&id)?).await })
    }

    #[wasm_bindgen(js_name = readShares)]
    pub fn read_shares(&self, ids: JsValue) -> Promise {
        self.call(|session| async move {
            let ids: Vec<String> = from_js("ids", ids)?;
            let opened = session.read_shares(&ids_of("ids", &ids)?).await?;
            Ok(opened.into_iter().map(ReadResult::from).collect::<Vec<_>>())
        })
    }

    pub fn on(
        &self,
        kinds: JsValue,
        listener: Function,
    ) -> std::result::Result<RawSubscription, JsValue> {
        let listen = || {
            let kinds: Vec<String> = from_js("kinds", kinds)?;
            let kinds = kinds.iter().map(|kind| event_kind(kind));
            self.0.on(kinds.collect::<Result<Vec<_>>>()?, move |event| {
                let told = to_js(&EventOutput {
                    kind: event.kind.name(),
                    id: event.id,
                });
                // A listener that throws is the page's matter; the others are still told.
                let _ = told.and_then(|told| listener.call1(&JsValue::UNDEFINED, &told));
            })
        };
        listen()
            .map(RawSubscription)
            .map_err(|error| to_rejection(&error))
    }

    /// Whether another tab reads the event stream.
    #[wasm_bindgen(getter)]
    pub fn held(&self) -> bool {
        self.0.is_held()
    }

    #[wasm_bindgen(setter)]
    pub fn set_held(&self, held: bool) {
        self.0.set_held(held);
    }

    /// Tells the listeners what another tab has read; nothing of a kind that is not known.
    pub fn hear(&self, kind: &str, id: &str) {
        if let (Some(kind), Ok(id)) = (EventKind::from_name(kind), Id::parse(id)) {
            self.0.hear(Event { kind, id });
        }
    }

    /// Asks for the events after the last one, and tells the listeners.
    #[wasm_bindgen(js_name = lookBack)]
    pub fn look_back(&self) -> Promise {
        self.call(|session| async move { session.look_back().await })
    }

    pub fn lock(&self) -> Promise {
        self.call(|session| async move {
            session.lock();
            Ok(())
        })
    }

    pub fn unlock(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            let passphrase = prove_with(&session, options)?;
            session.unlock(&passphrase).await
        })
    }

    #[wasm_bindgen(js_name = changePassphrase)]
    pub fn change_passphrase(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            let input: ChangePassphraseInput = from_js("options", options)?;
            renew(&session, input.identity_token)?;
            session
                .change_passphrase(&input.passphrase, &input.new_passphrase)
                .await
        })
    }

    #[wasm_bindgen(js_name = makeRecoveryKey)]
    pub fn make_recovery_key(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            let passphrase = prove_with(&session, options)?;
            session.make_recovery_key(&passphrase).await
        })
    }

    #[wasm_bindgen(js_name = emailStatus)]
    pub fn email_status(&self) -> Promise {
        self.call(|session| async move { session.email_status().await })
    }

    #[wasm_bindgen(js_name = sendEmailCode)]
    pub fn send_email_code(&self, language: Option<String>) -> Promise {
        self.call(|session| async move { session.send_email_code(language).await })
    }

    #[wasm_bindgen(js_name = confirmEmail)]
    pub fn confirm_email(&self, code: String) -> Promise {
        self.call(|session| async move { session.confirm_email(&code).await })
    }

    #[wasm_bindgen(js_name = deleteAccount)]
    pub fn delete_account(&self, options: JsValue) -> Promise {
        self.call(|session| async move {
            let passphrase = prove_with(&session, options)?;
            session.delete_account(&passphrase).await
        })
    }

    #[wasm_bindgen(js_name = signOut)]
    pub fn sign_out(&self) -> Promise {
        self.call(|session| async move { session.sign_out().await })
    }
}

fn event_kind(name: &str) -> Result<EventKind> {
    EventKind::from_name(name).ok_or_else(|| Error::bad_input("There is no such kind of event."))
}

/// Ends listening.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawSubscription(Subscription);

#[wasm_bindgen]
impl RawSubscription {
    /// Ends listening.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

#[derive(Serialize)]
struct EventOutput {
    kind: &'static str,
    id: Id,
}

#[derive(Serialize)]
struct ShareResult {
    connection: Id,
    share: Option<Share>,
    error: Option<Reason>,
}

impl From<ShareOutcome> for ShareResult {
    fn from(outcome: ShareOutcome) -> Self {
        let error = outcome.result.as_ref().err().map(Reason::from);
        Self {
            connection: outcome.connection,
            share: outcome.result.ok(),
            error,
        }
    }
}

#[derive(Serialize)]
struct ReadResult {
    id: Id,
    received: Option<Received>,
    error: Option<Reason>,
}

impl From<Opened<Received>> for ReadResult {
    fn from(opened: Opened<Received>) -> Self {
        let error = opened.result.as_ref().err().map(Reason::from);
        Self {
            id: opened.id,
            received: opened.result.ok(),
            error,
        }
    }
}
