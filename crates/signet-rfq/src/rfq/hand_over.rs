//! A colleague takes an RFQ over: who may press its quotes changes, and nothing else.

use super::Rfq;
use crate::{
    RfqId, RfqState,
    lifecycle::{self, Outcome, RequestEvent},
};

/// Why an RFQ cannot change hands now. At fault: nobody; each but the first two passes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandOverRefusal {
    /// It has a final state, or no dealer was asked yet.
    #[error("the RFQ is not open")]
    NotOpen,
    /// People must settle what a dealer reported; that stays with who accepted.
    #[error("a dealer's report is disputed; who accepted must settle it")]
    Disputed,
    /// A counter has left, and its answer is outstanding.
    #[error("a counter is waiting for its answer")]
    CounterInFlight,
    /// An accept has left, and its answer is outstanding or unknown.
    #[error("an accept is waiting for its answer")]
    AcceptInFlight,
}

impl HandOverRefusal {
    /// Never changes between releases.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotOpen => "takeover.not_open",
            Self::Disputed => "takeover.disputed",
            Self::CounterInFlight => "takeover.counter_in_flight",
            Self::AcceptInFlight => "takeover.accept_in_flight",
        }
    }
}

impl Rfq {
    /// Whether it may change hands as it stands.
    pub fn may_change_hands(&self) -> Result<(), HandOverRefusal> {
        match lifecycle::request(self.state, RequestEvent::TakenOver) {
            Outcome::To(_) if self.in_flight() => Err(HandOverRefusal::AcceptInFlight),
            Outcome::To(_) if self.lines.iter().any(|l| l.counter_sent().is_some()) => {
                Err(HandOverRefusal::CounterInFlight)
            }
            Outcome::To(_) if self.is_disputed() => Err(HandOverRefusal::Disputed),
            Outcome::To(_) => Ok(()),
            _ => Err(HandOverRefusal::NotOpen),
        }
    }

    /// At the gateway: it goes on for another desk, which calls it `id`. What was armed is dropped,
    /// and accepts that have their answer stay what they were.
    pub fn change_hands(&mut self, id: RfqId) -> Result<(), HandOverRefusal> {
        self.may_change_hands()?;
        self.drop_armed("a colleague has taken the RFQ over");
        self.shelve_accept();
        self.terms.id = id;
        Ok(())
    }

    /// At the desk that had it: it has ended here. While an accept is in flight its answer comes
    /// first. Returns whether it ended by this.
    pub fn taken_over(&mut self, by: String) -> bool {
        let ended = self.request_event(RequestEvent::TakenOver) == Ok(true);
        if ended {
            self.drop_armed("a colleague has taken the RFQ over");
            self.reason = Some(by);
        }
        debug_assert!(!ended || self.state == RfqState::TakenOver);
        ended
    }
}

#[cfg(test)]
#[path = "hand_over_tests.rs"]
mod tests;
