//! Where a flow begins: three people, what they have already, and a device to sit at.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;

use vouchsafe::crypto::invitation_link::Ticket;
use vouchsafe::flows::Client;
use vouchsafe::ids::Id;
use vouchsafe::{Error, Result};

use crate::faults::engine::Quick;
use crate::faults::flow::Flow;
use crate::faults::line::Line;
use crate::faults::stage::Stage;
use crate::support::PASSPHRASE;

pub type Session = vouchsafe::flows::Session<Line, Quick>;

pub const ALICE: &str = "alice@example.org";
pub const BOB: &str = "bob@example.org";
pub const CAROL: &str = "carol@example.org";
/// Who signs up while the test runs.
pub const DORA: &str = "dora@example.org";

/// The passphrase that takes the place of the first.
pub const NEW: &str = "staple battery horse correct";

/// A person at a device.
pub struct Seat {
    pub client: Client<Line, Quick>,
    pub line: Line,
    session: Option<Session>,
    /// The recovery key that was given out last.
    pub given: RefCell<Option<String>>,
}

impl Seat {
    /// Nobody has signed in yet.
    pub fn empty(stage: &Stage) -> Self {
        let line = Line::default();
        Self {
            client: stage.client(&line),
            line,
            session: None,
            given: RefCell::default(),
        }
    }

    /// Signs in where the app tells what was read.
    pub async fn telling(stage: &Stage, email: &str) -> Result<Self> {
        let seat = Self::empty(stage);
        let client = seat.client.with_receipts();
        let session = Some(client.sign_in(email, PASSPHRASE).await?);
        Ok(Self {
            client,
            session,
            ..seat
        })
    }

    /// Signs in with the passphrase that counts: the first one, or that which took its place.
    pub async fn signed_in(stage: &Stage, email: &str) -> Result<Self> {
        match Self::signed_in_with(stage, email, PASSPHRASE).await {
            Err(Error::WrongCredentials) => Self::signed_in_with(stage, email, NEW).await,
            other => other,
        }
    }

    pub async fn signed_in_with(stage: &Stage, email: &str, passphrase: &str) -> Result<Self> {
        let seat = Self::empty(stage);
        let session = Some(seat.client.sign_in(email, passphrase).await?);
        Ok(Self { session, ..seat })
    }

    pub fn session(&self) -> &Session {
        self.session.as_ref().unwrap()
    }
}

/// What a flow is called with.
#[derive(Default)]
pub struct Props {
    pub cards: Vec<Id>,
    pub connections: Vec<Id>,
    pub shares: Vec<Id>,
    pub link: Option<Id>,
    pub ticket: Option<Ticket>,
    pub safety_number: Option<String>,
    /// Alice's, from when she signed up.
    pub recovery_key: String,
}

/// The data of a server that is stopped, and what one needs to know about it.
pub struct Scene {
    stage: Stage,
    pub props: Props,
}

impl Scene {
    /// Three people, and what they need for this flow.
    pub async fn of(flow: Flow) -> Self {
        let stage = Stage::here(None, Rc::default());
        let (mut seats, mut recovery_keys) = (Vec::new(), Vec::new());
        for email in [ALICE, BOB, CAROL] {
            let seat = Seat::empty(&stage);
            let made = seat.client.sign_up(email, PASSPHRASE).await.unwrap();
            recovery_keys.push(made.recovery_key.to_string());
            let session = Some(made.session);
            seats.push(Seat { session, ..seat });
        }
        let [alice, bob, carol] = [0, 1, 2].map(|index| seats[index].session());
        let mut props = flow.prepare(&stage, alice, bob, carol).await;
        props.recovery_key = recovery_keys.remove(0);
        for seat in &seats {
            seat.line.settle().await;
        }
        stage.stop();
        Self { stage, props }
    }

    /// A copy of it, with a server in this process.
    pub fn here(&self) -> Stage {
        Stage::here(Some(self.data()), self.keys())
    }

    /// A copy of it, with the server's program.
    pub fn program(&self) -> Stage {
        Stage::program(self.data(), self.keys())
    }

    fn data(&self) -> &Path {
        self.stage.data()
    }

    /// Goes on counting in each copy.
    fn keys(&self) -> Rc<Cell<usize>> {
        Rc::new(Cell::new(self.stage.keys.get()))
    }
}
