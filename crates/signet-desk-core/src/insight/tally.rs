//! What was seen of the dealers, from the messages of this desk's RFQs: those of this run as they
//! come, and those of earlier runs from the desk's history. Pure, and bounded.

use super::{
    fact::{Fact, Told},
    record::{DealerRecord, Outcome, Take, Turn, records},
};
use signet_fix::AppMessage;
use signet_rfq::{AcceptId, DealerId, RfqId};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// RFQs that are remembered; the oldest are dropped.
const RFQS_MAX: usize = 2_000;
/// Accepts of one RFQ that are remembered.
const ACCEPTS_MAX: usize = 50;

/// An accept, as far as it has come.
#[derive(Debug)]
struct Accepted {
    dealer: DealerId,
    sent_ms: i64,
    take: Take,
}

#[derive(Debug)]
struct Asked {
    at_ms: i64,
    turns: BTreeMap<DealerId, Turn>,
    accepts: BTreeMap<AcceptId, Accepted>,
}

/// What was seen of the dealers.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rfqs: HashMap<RfqId, Asked>,
    /// The RFQs, oldest first.
    order: VecDeque<RfqId>,
    /// The records of what is here, until something changes.
    known: Option<BTreeMap<String, DealerRecord>>,
    /// Counts the changes of the records.
    revision: u64,
}

impl Tally {
    /// A message of this desk left.
    pub(crate) fn sent(&mut self, m: &AppMessage) {
        if let Some(fact) = Fact::of_sent(m) {
            self.note(&fact, Told::Live);
        }
    }

    /// A message came, at this moment on the venue's clock.
    pub(crate) fn heard(&mut self, m: &AppMessage, at_ms: i64, told: Told) {
        if let Some(fact) = Fact::of_heard(m, at_ms) {
            self.note(&fact, told);
        }
    }

    /// Takes what a message says.
    pub(super) fn note(&mut self, fact: &Fact, told: Told) {
        match fact {
            Fact::Asked { rfq, dealers, at_ms } => self.asked(rfq, dealers, *at_ms),
            Fact::Accepted { rfq, accept, dealer, at_ms } => {
                let Some(asked) = self.rfqs.get_mut(rfq) else { return };
                if asked.accepts.len() < ACCEPTS_MAX {
                    let take = Take { outcome: Outcome::None, hold_ms: None };
                    let accepted = Accepted { dealer: dealer.clone(), sent_ms: *at_ms, take };
                    asked.accepts.entry(accept.clone()).or_insert(accepted);
                }
            }
            Fact::Answered { rfq, dealer, at_ms, quoted } => {
                self.answered(rfq, dealer, *at_ms, told, *quoted);
            }
            Fact::Ended { rfq, accept, dealer, at_ms, hit } => {
                let Some(asked) = self.rfqs.get_mut(rfq) else { return };
                let Some(accepted) = asked.accepts.get_mut(accept) else { return };
                // The first answer that says whether a dealer trades is the end of its last look.
                // Another dealer says nothing about this one's accept.
                if accepted.take.outcome != Outcome::None || *dealer != accepted.dealer {
                    return;
                }
                let outcome = if *hit { Outcome::Hit } else { Outcome::Reject };
                let live = told == Told::Live;
                let hold_ms = live.then(|| at_ms.saturating_sub(accepted.sent_ms));
                accepted.take = Take { outcome, hold_ms };
                self.changed();
            }
        }
    }

    fn asked(&mut self, rfq: &RfqId, dealers: &[DealerId], at_ms: i64) {
        if self.rfqs.contains_key(rfq) {
            return;
        }
        if self.order.len() >= RFQS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.rfqs.remove(&oldest);
        }
        let turn = |d: &DealerId| Turn { dealer: d.to_string(), ..Turn::default() };
        let turns = dealers.iter().map(|d| (d.clone(), turn(d))).collect();
        self.rfqs.insert(rfq.clone(), Asked { at_ms, turns, accepts: BTreeMap::new() });
        self.order.push_back(rfq.clone());
        self.changed();
    }

    fn changed(&mut self) {
        self.known = None;
        self.revision += 1;
    }

    /// Another number whenever a record may have changed.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    fn answered(&mut self, rfq: &RfqId, dealer: &DealerId, at_ms: i64, told: Told, quoted: bool) {
        let Some(asked) = self.rfqs.get_mut(rfq) else { return };
        let Some(turn) = asked.turns.get_mut(dealer) else { return };
        let after_ms = (told == Told::Live).then(|| at_ms.saturating_sub(asked.at_ms));
        let before = (turn.response_ms, turn.quoted);
        if turn.response_ms.is_none() && !turn.quoted {
            turn.response_ms = after_ms;
        }
        turn.quoted |= quoted;
        if before != (turn.response_ms, turn.quoted) {
            self.changed();
        }
    }

    /// The turns of all dealers.
    pub(crate) fn turns(&self) -> Vec<Turn> {
        let all = self.order.iter().filter_map(|id| self.rfqs.get(id));
        all.flat_map(|asked| {
            asked.turns.iter().map(|(dealer, turn)| {
                let of = asked.accepts.values().filter(|a| a.dealer == *dealer);
                Turn { takes: of.map(|a| a.take).collect(), ..turn.clone() }
            })
        })
        .collect()
    }

    /// What is known of each dealer, by CompID.
    pub(crate) fn records(&mut self) -> &BTreeMap<String, DealerRecord> {
        if self.known.is_none() {
            self.known = Some(records(&self.turns()));
        }
        self.known.get_or_insert_default()
    }

    /// Puts what earlier runs saw before what this run saw.
    pub(crate) fn begins_with(&mut self, mut earlier: Self) {
        for id in std::mem::take(&mut self.order) {
            let Some(asked) = self.rfqs.remove(&id) else { continue };
            if earlier.rfqs.insert(id.clone(), asked).is_none() {
                earlier.order.push_back(id);
            }
        }
        while earlier.order.len() > RFQS_MAX {
            let Some(oldest) = earlier.order.pop_front() else { break };
            earlier.rfqs.remove(&oldest);
        }
        let revision = self.revision + 1;
        *self = Self { known: None, revision, ..earlier };
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
pub(super) mod tests;
