//! A connection key in stock: made while nobody waits for one, since an RSA key pair takes a browser up to a second.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::{Client, Session};
use crate::api::Transport;
use crate::crypto::connection_key::ConnectionKey;
use crate::crypto::engine::{Engine, Watched};
use crate::error::Result;

/// What all sessions of a client share: a key belongs to nobody until it is taken.
#[derive(Default)]
pub(super) struct Stock {
    key: RefCell<Option<ConnectionKey>>,
    is_making: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
    /// Grows when keys are forgotten. One that was begun before is not kept.
    age: Cell<u32>,
}

impl Stock {
    /// The key in stock, or the one that is just being made for it; nothing if there is neither.
    async fn take(&self) -> Option<ConnectionKey> {
        poll_fn(|context| {
            let key = self.key.borrow_mut().take();
            if key.is_none() && self.is_making.get() {
                self.waiting.borrow_mut().push(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(key)
        })
        .await
    }

    pub(super) fn forget(&self) {
        self.age.set(self.age.get().wrapping_add(1));
        self.key.take();
    }

    fn put(&self, age: u32, made: Result<ConnectionKey>) {
        self.is_making.set(false);
        // Without one, whoever waits makes one, and hears what is wrong.
        self.key
            .replace(made.ok().filter(|_| age == self.age.get()));
        for waker in self.waiting.take() {
            waker.wake();
        }
    }
}

/// Makes a key for the stock, unless there is one.
fn fill<E: Engine>(stock: &Rc<Stock>, engine: &Watched<E>, transport: &impl Transport) {
    let is_there = stock.key.borrow().is_some() || stock.is_making.get();
    if is_there || !engine.makes_keys_aside() {
        return;
    }
    stock.is_making.set(true);
    let (stock, engine, age) = (Rc::clone(stock), engine.clone(), stock.age.get());
    transport.spawn(async move {
        let made = ConnectionKey::make(&engine).await;
        stock.put(age, made);
    });
}

impl<T: Transport, E: Engine> Client<T, E> {
    /// Makes a connection key for whoever is about to need one.
    pub(in crate::flows) fn stock_up(&self) {
        fill(&self.stock, &self.engine, &self.services.transport);
    }
}

impl<T: Transport, E: Engine> Session<T, E> {
    /// A new connection key: from the stock, or made now.
    pub(in crate::flows) async fn new_connection_key(&self) -> Result<ConnectionKey> {
        match self.inner.stock.take().await {
            Some(key) => Ok(key),
            None => ConnectionKey::make(self.engine()).await,
        }
    }

    /// Makes a connection key for the next one, while the session has its keys.
    pub(in crate::flows) fn stock_up(&self) {
        if self.keys().is_ok() {
            fill(&self.inner.stock, self.engine(), &self.services().transport);
        }
    }
}
