//! A server that is killed, and started again with the same data at the same address.

use std::rc::Rc;

use crate::faults::flow::{Flow, code_of, in_parallel};
use crate::faults::line::{Break, Crash, Place, Point};
use crate::faults::reference::{
    Case, Outcome, Reference, call_anew, call_on, expect_code, expect_end,
};
use crate::faults::scene::Scene;

/// Where the server is killed.
const POINTS: [Point; 5] = [
    Point::BeforeSending,
    Point::HalfSent,
    Point::Sent,
    Point::Writing,
    Point::Answered,
];

impl Case<'_> {
    /// Killed, and away for as long as the call lasts; then called again on the same session, and after a reload.
    async fn kill(&self) -> Outcome {
        let Self { flow, scene, .. } = *self;
        let stage = Rc::new(scene.program());
        let seat = flow.seat(&stage).await.unwrap();
        let (killed, written) = (Rc::clone(&stage), stage.written());
        let watched = Rc::clone(&stage);
        seat.line.arm(Break {
            place: self.place.clone(),
            point: self.point,
            lasting: true,
            crash: Some(Crash {
                kill: Box::new(move || killed.kill()),
                is_writing: Box::new(move || watched.written() != written),
            }),
        });
        let made = code_of(flow.call(&seat, &scene.props).await);
        assert!(seat.line.mend().await, "the server was not killed");
        expect_code("killed", made, &[None, Some("offline")])?;
        let again = if made.is_none() {
            flow.after_success()
        } else {
            flow.again()
        };

        stage.start_program();
        let made = call_on(flow, &stage, &seat, scene).await;
        let done = self.done(&seat.line.open_when_hit());
        let again: Vec<_> = done
            .iter()
            .map(|done| again.filter(|_| *done > 0))
            .collect();
        expect_code("retried", made, &again)?;
        let calls: Vec<usize> = done.iter().map(|done| done + 1).collect();
        self.expect_state("retried", &stage, &calls).await?;
        expect_end(flow, &stage, &seat).await?;
        let made = call_anew(flow, &stage, scene).await;
        expect_code("reloaded", made, &[flow.again_anew()])?;
        let calls: Vec<usize> = done.iter().map(|done| done + 2).collect();
        self.expect_state("reloaded", &stage, &calls).await?;
        stage.check_integrity().await;
        Ok(())
    }

    /// How often the call may have had its effect. A server that has the whole request may have written it or not; so with the
    /// one that has the effect, if it was open at the same time.
    fn done(&self, open: &[Place]) -> Vec<usize> {
        let done = |point| usize::from(self.is_done(point));
        if open.iter().any(|place| self.has_effect(place)) {
            return vec![0, 1];
        }
        match self.point {
            Point::Sent | Point::Writing => {
                let mut both = vec![done(Point::HalfSent), done(Point::Answered)];
                both.dedup();
                both
            }
            point => vec![done(point)],
        }
    }
}

/// Kills the server at each request of this flow, tells what went wrong, and how often it was killed.
async fn kill_everywhere(flow: Flow) -> (usize, Vec<String>) {
    let scene = Scene::of(flow).await;
    let reference = Reference::of(flow, &scene).await;
    let (mut crashes, mut wrong) = (0, Vec::new());
    for case in reference.cases(flow, &scene, &POINTS) {
        crashes += 1;
        if let Err(why) = case.kill().await {
            wrong.push(format!("{case}: {why}"));
        }
    }
    println!("{flow:?}: {crashes} crashes");
    (crashes, wrong)
}

#[test]
fn every_flow_outlives_a_server_that_is_killed_at_any_request() {
    let (crashes, wrong) = in_parallel("flows whose server is killed", kill_everywhere);
    println!("{crashes} crashes");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
