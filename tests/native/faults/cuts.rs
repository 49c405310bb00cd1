//! Cuts of the connection.

use crate::faults::flow::{Effect, Flow, code_of, in_parallel};
use crate::faults::line::{Break, Point};
use crate::faults::look::look;
use crate::faults::reference::{
    Case, Outcome, Reference, call_anew, call_on, expect_code, expect_end,
};
use crate::faults::scene::{Scene, Seat};
use crate::faults::stage::Stage;

/// The four ways in which a connection is cut.
const POINTS: [Point; 4] = [
    Point::BeforeSending,
    Point::HalfSent,
    Point::AnswerLost,
    Point::AnswerHalf,
];

impl Case<'_> {
    /// Calls, and cuts the call once or for as long as it lasts.
    async fn cut(&self, lasting: bool) -> (Stage, Seat, Option<&'static str>) {
        let stage = self.scene.here();
        let seat = self.flow.seat(&stage).await.unwrap();
        seat.line.arm(Break {
            place: self.place.clone(),
            point: self.point,
            lasting,
            crash: None,
        });
        let made = code_of(self.flow.call(&seat, &self.scene.props).await);
        assert!(seat.line.mend().await, "the cut did not come about");
        (stage, seat, made)
    }

    /// Cut once: the client's own retry makes it good, and nobody notices.
    async fn once(&self) -> Outcome {
        let (stage, seat, made) = self.cut(false).await;
        expect_code("cut", made, &[None])?;
        self.expect_state("cut", &stage, &[1]).await?;
        expect_end(self.flow, &stage, &seat).await
    }

    /// Cut for as long as the call lasts, then called again on the same session, then after a reload.
    async fn retried(&self) -> Outcome {
        let (stage, seat, made) = self.cut(true).await;
        expect_code("cut", made, &[None, Some("offline")])?;
        let done = usize::from(self.is_done(self.point));
        let made = call_on(self.flow, &stage, &seat, self.scene).await;
        let again = self.flow.again().filter(|_| done > 0);
        expect_code("retried", made, &[again])?;
        self.expect_state("retried", &stage, &[done + 1]).await?;
        expect_end(self.flow, &stage, &seat).await?;
        let made = call_anew(self.flow, &stage, self.scene).await;
        expect_code("reloaded", made, &[self.flow.again_anew()])?;
        self.expect_state("reloaded", &stage, &[done + 2]).await
    }

    /// Cut for as long as the call lasts, then called after a reload, by a client that knows nothing of it.
    async fn reloaded(&self) -> Outcome {
        let (stage, ..) = self.cut(true).await;
        let done = usize::from(self.is_done(self.point));
        if let Effect::UpTo(_) = self.flow.effect() {
            look(&stage, self.flow, &self.scene.props).await;
        } else {
            self.expect_state_after_cut(&stage, &[done]).await?;
        }
        let made = call_anew(self.flow, &stage, self.scene).await;
        let again = self.flow.again_anew().filter(|_| done > 0);
        expect_code("reloaded", made, &[again])?;
        self.expect_state("reloaded", &stage, &[done + 1]).await
    }
}

/// Cuts this flow everywhere, tells what went wrong, and how often it was cut.
async fn cut_everywhere(flow: Flow) -> (usize, Vec<String>) {
    let scene = Scene::of(flow).await;
    let reference = Reference::of(flow, &scene).await;
    let (mut cuts, mut wrong) = (0, Vec::new());
    let cases = reference.cases(flow, &scene, &POINTS);
    let tried = cases.len();
    for case in cases {
        let modes = [
            ("once", case.once().await),
            ("then retried", case.retried().await),
            ("then reloaded", case.reloaded().await),
        ];
        for (mode, outcome) in modes {
            cuts += 1;
            if let Err(why) = outcome {
                wrong.push(format!("{case} {mode}: {why}"));
            }
        }
    }
    assert_eq!(cuts, 3 * tried);
    println!("{flow:?}: {} requests, {cuts} cuts", reference.places.len());
    (cuts, wrong)
}

#[test]
fn every_flow_cut_at_every_request_ends_as_if_it_had_not_been() {
    let (cuts, wrong) = in_parallel("flows that are cut", cut_everywhere);
    println!("{cuts} cuts");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
