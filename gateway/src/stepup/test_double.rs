//! A step-up service for tests: the real table of open challenges, and a judge of answers that the
//! test brings instead of registry and relying party. Time is passed in.

use super::{
    Challenge, KeyState, KeyView, Passed, StepUpHandle, StepUpRefusal,
    handle::Request,
    pending::{Full, Missed, Pending, Place},
};
use signet_rfq::UtcMillis;
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// The service's end: what was asked, until it is answered.
pub struct TestService {
    arrive: mpsc::Receiver<Request>,
    /// What is worked on, and when it is done, in milliseconds of the test's clock.
    working: VecDeque<(i64, Request)>,
    open: Pending<()>,
    made: u32,
}

impl TestService {
    /// The service, and the trading thread's handle to it.
    pub fn new() -> (StepUpHandle, Self) {
        let (handle, arrive) = StepUpHandle::new("https://stepup.test.signet.example");
        let (working, open) = Default::default();
        (handle, Self { arrive, working, open, made: 0 })
    }

    /// Takes what was asked since the last call; it is answered at `due`.
    pub fn take(&mut self, due: i64) {
        while let Ok(request) = self.arrive.try_recv() {
            self.working.push_back((due, request));
        }
    }

    /// When the next answer is due.
    pub fn next_due(&self) -> Option<i64> {
        self.working.front().map(|(due, _)| *due)
    }

    /// Gives the answers that are due; `at` is the wall clock's time. `good` judges the answer to a
    /// challenge.
    pub fn answer(&mut self, t: i64, at: UtcMillis, good: impl Fn(&str, &str) -> bool) {
        while self.working.front().is_some_and(|(due, _)| *due <= t) {
            if let Some((_, request)) = self.working.pop_front() {
                self.answer_one(request, at, &good);
            }
        }
    }

    fn answer_one(&mut self, request: Request, at: UtcMillis, good: &impl Fn(&str, &str) -> bool) {
        match request {
            Request::Begin(t, to) => {
                let room = self.open.make_room(&t.desk, &t.exporter, at);
                let made = match room {
                    Err(Full::Desk) => Err(StepUpRefusal::TooManyOpen),
                    Err(Full::All) => Err(StepUpRefusal::Busy),
                    Ok(()) => {
                        self.made += 1;
                        let (id, deadline) = (format!("ch-{}", self.made), t.deadline);
                        let place = Place { desk: t.desk, exporter: t.exporter, deadline };
                        self.open.insert(id.clone(), place, ());
                        Ok(Challenge { id, options: "{}".into(), deadline })
                    }
                };
                drop(to.send(made));
            }
            Request::Finish { id, desk, exporter, answer, to } => {
                let taken = self.open.take(&id, &desk, &exporter, at).map_err(|why| match why {
                    Missed::NotOpen => StepUpRefusal::NotOpen,
                    Missed::NotYours => StepUpRefusal::NotYours,
                    Missed::Late => StepUpRefusal::Late,
                });
                let passed = taken.and_then(|_| match good(&id, &answer) {
                    true => Ok(Passed { evidence_seq: 1, key_name: "test".into() }),
                    false => Err(StepUpRefusal::NotYours),
                });
                drop(to.send(passed));
            }
            Request::Drop(id) => drop(self.open.remove(&id)),
            Request::Keys { to, .. } => drop(to.send(Ok(vec![key()]))),
            other => other.refuse(StepUpRefusal::Unavailable),
        }
    }
}

/// The one key that everybody has.
fn key() -> KeyView {
    KeyView {
        id: "0000000000000001".into(),
        name: "test".into(),
        model: "test".into(),
        state: KeyState::Active,
        registered: UtcMillis(0),
        last_used: UtcMillis(0),
    }
}
