//! What happens, and is seen, when nothing breaks.

use std::fmt;

use crate::faults::flow::{self, Effect, Flow, code_of};
use crate::faults::line::{Place, Point};
use crate::faults::look::{look, look_as};
use crate::faults::scene::{Scene, Seat};
use crate::faults::stage::Stage;
use crate::support::sample::sample_within;

/// The breaks of a flow whose turn it is are tried in so many parts.
const PARTS: usize = 24;

/// What happens when nothing is cut.
pub struct Reference {
    /// The requests of the first call.
    pub places: Vec<Place>,
    /// What people see before the first call and after each: on the same session, again on it, and after a reload.
    pub states: Vec<String>,
}

impl Reference {
    pub async fn of(flow: Flow, scene: &Scene) -> Self {
        let mut reference = Self {
            places: Vec::new(),
            states: Vec::new(),
        };
        let stage = scene.here();
        let seat = flow.seat(&stage).await.unwrap();
        reference
            .states
            .push(look(&stage, flow, &scene.props).await);
        for call in 0..3 {
            let (made, expected) = match call {
                0 => (call_on(flow, &stage, &seat, scene).await, None),
                1 => {
                    let made = call_on(flow, &stage, &seat, scene).await;
                    (made, flow.after_success())
                }
                _ => (call_anew(flow, &stage, scene).await, flow.again_anew()),
            };
            assert_eq!(made, expected, "{flow:?}, uncut, call {call}");
            if call == 0 {
                reference.places = seat.line.sent();
            }
            reference
                .states
                .push(look(&stage, flow, &scene.props).await);
        }
        let [before, once, twice, thrice] = &reference.states[..] else {
            unreachable!()
        };
        match flow.effect() {
            Effect::None => assert_eq!(before, once, "{flow:?}"),
            _ => assert_ne!(before, once, "{flow:?}"),
        }
        if !flow.makes_records() {
            assert_eq!((once, once), (twice, thrice), "{flow:?}");
        }
        reference
    }

    /// What this run tries of every place of the call with every one of these points.
    pub fn cases<'a>(&'a self, flow: Flow, scene: &'a Scene, points: &'a [Point]) -> Vec<Case<'a>> {
        let cases = self.places.iter().flat_map(move |place| {
            points.iter().map(move |&point| Case {
                flow,
                scene,
                reference: self,
                place,
                point,
            })
        });
        let what = format!("breaks of {flow:?}");
        sample_within(flow::PARTS, &what, PARTS, cases.collect())
    }
}

/// One place and one way to break a flow off.
pub struct Case<'a> {
    pub flow: Flow,
    pub scene: &'a Scene,
    pub reference: &'a Reference,
    pub place: &'a Place,
    pub point: Point,
}

impl Case<'_> {
    /// People see what they would see after one of these numbers of calls that nothing broke.
    pub async fn expect_state(&self, when: &str, stage: &Stage, calls: &[usize]) -> Outcome {
        let seen = look(stage, self.flow, &self.scene.props).await;
        self.expect(when, &seen, calls)
    }

    /// The same for people who sign in after a call that was cut, and before another.
    pub async fn expect_state_after_cut(&self, stage: &Stage, calls: &[usize]) -> Outcome {
        let seen = look_as(stage, self.flow, &self.scene.props, true).await;
        self.expect("cut", &seen, calls)
    }

    fn expect(&self, when: &str, seen: &str, calls: &[usize]) -> Outcome {
        let states = &self.reference.states;
        if calls.iter().any(|calls| states[*calls] == seen) {
            return Ok(());
        }
        let expected = &states[calls[0]];
        Err(format!(
            "{when}, people see\n{seen}where they should see\n{expected}"
        ))
    }

    /// The position of the request that has the effect: the first of its form, or the last of several. A call may repeat it.
    fn effective(&self) -> Option<usize> {
        let mut forms = self.reference.places.iter().map(|place| &*place.form);
        match self.flow.effect() {
            Effect::None => None,
            Effect::By(form) => forms.position(|other| other == form),
            Effect::UpTo(form) => forms.rposition(|other| other == form),
        }
    }

    fn position(&self, place: &Place) -> usize {
        let mut places = self.reference.places.iter();
        places.position(|other| other == place).unwrap()
    }

    /// Whether this is the request that has the effect.
    pub fn has_effect(&self, place: &Place) -> bool {
        self.effective() == Some(self.position(place))
    }

    /// Whether a break at this point leaves the call with its effect.
    pub fn is_done(&self, point: Point) -> bool {
        let (here, answered) = (
            self.position(self.place),
            [Point::AnswerLost, Point::AnswerHalf, Point::Answered].contains(&point),
        );
        self.effective()
            .is_some_and(|there| here > there || here == there && answered)
    }
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (flow, point, Place { form, nth }) = (self.flow, self.point, self.place);
        write!(f, "{flow:?}, {point:?} at {form} ({nth})")
    }
}

/// What went wrong.
pub type Outcome = Result<(), String>;

pub fn expect_code(
    when: &str,
    made: Option<&'static str>,
    expected: &[Option<&'static str>],
) -> Outcome {
    if expected.contains(&made) {
        return Ok(());
    }
    Err(format!("{when}, it gave {made:?} and not {expected:?}"))
}

/// Signed out is signed out at the Keystore, too.
pub async fn expect_end(flow: Flow, stage: &Stage, seat: &Seat) -> Outcome {
    if flow == Flow::SignOut && !stage.is_over(&seat.line).await {
        return Err("the session lives on".into());
    }
    Ok(())
}

/// The call on this session, with all that it does in the background.
pub async fn call_on(
    flow: Flow,
    stage: &Stage,
    seat: &Seat,
    scene: &Scene,
) -> Option<&'static str> {
    seat.line.forget();
    let made = flow.call(seat, &scene.props).await;
    seat.line.settle().await;
    let given = seat.given.take();
    if let Some(key) = given {
        assert!(stage.is_recovery_key(flow.actor(), &key).await);
    }
    code_of(made)
}

/// The call after a reload: everything but the passphrase is forgotten.
pub async fn call_anew(flow: Flow, stage: &Stage, scene: &Scene) -> Option<&'static str> {
    match flow.seat(stage).await {
        Ok(seat) => call_on(flow, stage, &seat, scene).await,
        Err(error) => Some(error.code()),
    }
}
