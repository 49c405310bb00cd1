//! People in a browser tab, and a count of what `crypto.subtle` was asked.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use vouchsafe::api::Transport;
use vouchsafe::api::fetch::Fetch;
use vouchsafe::crypto::engine::Operation;
use vouchsafe::crypto::engine::web::{WebEngine, Worker};
use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::crypto::opaque;
use vouchsafe::crypto::records::{CardContent, Delivery};
use vouchsafe::crypto::suite::Suite;
use vouchsafe::flows::{Client, Connection, Invite, Session, Steps};
use wasm_bindgen::prelude::*;

pub(crate) type WebSession = Session<Fetch, WebEngine>;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

fn address(service: &str, given: Option<&'static str>) -> &'static str {
    given.unwrap_or_else(|| {
        panic!("the {service} runs nowhere: start the tests with `cargo xtask test`")
    })
}

pub(crate) fn vault() -> &'static str {
    address("Vault", option_env!("VOUCHSAFE_TEST_VAULT"))
}

pub(crate) fn keystore() -> &'static str {
    address("Keystore", option_env!("VOUCHSAFE_TEST_KEYSTORE"))
}

/// Finishes OPAQUE right here, where the package has its worker.
fn finish_inline() -> Function {
    let finish = Closure::<dyn Fn(String, Array) -> Promise>::new(|name: String, parts: Array| {
        let part = |index| Uint8Array::new(&parts.get(index)).to_vec();
        let suite = Suite::from_number(u64::from(part(0)[0])).unwrap();
        let keystore = String::from_utf8(part(1)).unwrap_or_default();
        // At a sign-in the Keystore's address stands before the others.
        let (operation, from) = if name == "signIn" {
            (Operation::SignIn(suite, &keystore), 2)
        } else {
            (Operation::Registration(suite), 1)
        };
        match opaque::finish(operation, &part(from), &part(from + 1), &part(from + 2)) {
            Ok(finished) => {
                let result = Object::new();
                let member = |name: &str, bytes: &[u8]| {
                    Reflect::set(&result, &name.into(), &Uint8Array::from(bytes))
                };
                member("message", &finished.message).unwrap();
                member("exportKey", &finished.export_key).unwrap();
                Promise::resolve(&result).unchecked_into()
            }
            Err(error) => {
                let reason = Object::new();
                Reflect::set(&reason, &"code".into(), &error.code().into()).unwrap();
                Promise::reject(&reason)
            }
        }
    });
    finish.into_js_value().unchecked_into()
}

pub(crate) fn engine() -> WebEngine {
    WebEngine::new(Worker::new(finish_inline())).unwrap()
}

pub(crate) fn client_of(vault: &str, keystore: &str) -> Client<Fetch, WebEngine> {
    let page = Some("https://app.example/".to_owned());
    Client::new(
        Fetch::default(),
        engine(),
        vault,
        keystore,
        page,
        Steps::default(),
    )
    .unwrap()
}

pub(crate) fn client() -> Client<Fetch, WebEngine> {
    client_of(vault(), keystore())
}

/// An address that no earlier run has used.
pub(crate) fn new_email(name: &str) -> String {
    let mut random = [0; 8];
    getrandom::fill(&mut random).unwrap();
    format!("{name}-{}@example.org", u64::from_le_bytes(random))
}

pub(crate) async fn person(name: &str) -> WebSession {
    client()
        .sign_up(&new_email(name), PASSPHRASE)
        .await
        .unwrap()
        .session
}

pub(crate) async fn connect(inviter: &WebSession, invitee: &WebSession) -> Connection {
    let invite = Invite {
        delivery: Delivery::Link,
        email: None,
        name: "Bob".into(),
        expires_at: None,
        page: None,
        language: None,
    };
    let link = inviter.invite(invite).await.unwrap().link.unwrap();
    invitee
        .accept(&Ticket::from_link(&link).unwrap(), "Alice")
        .await
        .unwrap();
    inviter
        .connection(Ticket::from_link(&link).unwrap().id())
        .await
        .unwrap()
}

pub(crate) fn passport() -> CardContent {
    CardContent::new(
        "Passport",
        &[
            ("number", "Number", "X123"),
            ("country", "Country", "Ísland"),
        ],
    )
}

/// How long a test waits for what must happen. It ends a test that would hang, and decides nothing else.
const PATIENCE_MS: u32 = 120_000;

/// Looks again and again until `look` finds something.
pub(crate) async fn eventually<R>(mut look: impl AsyncFnMut() -> Option<R>) -> R {
    const PAUSE_MS: u32 = 25;
    for _ in 0..PATIENCE_MS / PAUSE_MS {
        if let Some(found) = look().await {
            return found;
        }
        Fetch::default().sleep(PAUSE_MS).await;
    }
    panic!("it never came about");
}

/// The calls of `crypto.subtle` while `work` runs, as `name:algorithm`. A key that was made ahead for somebody else may be
/// exported meanwhile, which is left out.
pub(crate) async fn count_calls<R>(work: impl Future<Output = R>) -> (R, Vec<String>) {
    let prototype = prototype();
    let calls: Rc<RefCell<Vec<String>>> = Rc::default();
    let names = [
        "generateKey",
        "importKey",
        "exportKey",
        "encrypt",
        "decrypt",
    ];
    let made = Function::new_no_args("return new WeakSet();").call0(&JsValue::UNDEFINED);
    let made = made.unwrap();
    let originals: Vec<Function> = names
        .iter()
        .map(|name| {
            Reflect::get(&prototype, &(*name).into())
                .unwrap()
                .unchecked_into()
        })
        .collect();
    for (name, original) in names.iter().zip(&originals) {
        let note = Closure::<dyn Fn(String)>::new({
            let calls = Rc::clone(&calls);
            move |call| calls.borrow_mut().push(call)
        });
        let make = Function::new_with_args(
            "name, original, note, made",
            "return function (...args) {
                const algorithm = args.find((arg) => arg && typeof arg.name === 'string');
                const result = original.apply(this, args);
                if (name === 'exportKey' && !made.has(args[1])) return result;
                note(`${name}:${algorithm ? algorithm.name : ''}`);
                if (name === 'generateKey') result.then(({ privateKey }) => made.add(privateKey));
                return result;
            };",
        );
        let given: Array = [
            (*name).into(),
            original.clone().into(),
            note.into_js_value(),
            made.clone(),
        ]
        .into_iter()
        .collect();
        let wrapped = make.apply(&JsValue::UNDEFINED, &given).unwrap();
        Reflect::set(&prototype, &(*name).into(), &wrapped).unwrap();
    }
    let result = work.await;
    for (name, original) in names.iter().zip(&originals) {
        Reflect::set(&prototype, &(*name).into(), original).unwrap();
    }
    let calls = calls.borrow().clone();
    (result, calls)
}

pub(crate) fn subtle() -> JsValue {
    let crypto = Reflect::get(&js_sys::global(), &"crypto".into()).unwrap();
    Reflect::get(&crypto, &"subtle".into()).unwrap()
}

fn prototype() -> Object {
    Object::get_prototype_of(&subtle())
}

/// `crypto.subtle.importKey`, by hand: what a stranger would call.
pub(crate) async fn import(
    format: &str,
    data: &JsValue,
    algorithm: &str,
    usages: &[&str],
) -> Result<JsValue, JsValue> {
    let import: Function = Reflect::get(&prototype(), &"importKey".into())
        .unwrap()
        .unchecked_into();
    let usages: Array = usages
        .iter()
        .map(|usage| JsValue::from_str(usage))
        .collect();
    let algorithm = js_sys::JSON::parse(algorithm).unwrap();
    let arguments = Array::of5(&format.into(), data, &algorithm, &true.into(), &usages);
    let promise = import.apply(&subtle(), &arguments)?;
    wasm_bindgen_futures::JsFuture::from(Promise::from(promise)).await
}
