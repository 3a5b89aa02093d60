//! What was seen of the dealers, from the messages of this desk's RFQs: those of this run as they
//! come, and those of earlier runs from the desk's history. Pure, and bounded.

use super::record::{DealerRecord, Outcome, Take, Turn, records};
use rust_decimal::Decimal;
use signet_fix::message::{AppMessage, ExecutionReport, PASSED_BY_TRADER, Response};
use signet_rfq::{
    AcceptId, DealerId, MAX_DEALERS_PER_RFQ, RfqId,
    lifecycle::{Meaning, meaning},
};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// RFQs that are remembered; the oldest are dropped.
const RFQS_MAX: usize = 2_000;
/// Accepts of one RFQ that are remembered.
const ACCEPTS_MAX: usize = 50;

/// When the answer of a dealer comes out of a snapshot, its time says little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Live,
    Again,
}

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
        match m {
            AppMessage::QuoteRequest(q) if !self.rfqs.contains_key(&q.id) => {
                if self.order.len() >= RFQS_MAX
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.rfqs.remove(&oldest);
                }
                let turn = |d: &DealerId| Turn { dealer: d.to_string(), ..Turn::default() };
                let asked = q.dealers.iter().take(MAX_DEALERS_PER_RFQ);
                let turns = asked.map(|d| (d.clone(), turn(d))).collect();
                let (at_ms, accepts) = (q.at.0, BTreeMap::new());
                self.rfqs.insert(q.id.clone(), Asked { at_ms, turns, accepts });
                self.order.push_back(q.id.clone());
                self.changed();
            }
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
                let (Some(rfq), Some(dealer)) = (&r.rfq, &r.dealer) else { return };
                let Some(asked) = self.rfqs.get_mut(rfq) else { return };
                if asked.accepts.len() < ACCEPTS_MAX {
                    let take = Take { outcome: Outcome::None, hold_ms: None };
                    let accepted = Accepted { dealer: dealer.clone(), sent_ms: r.at.0, take };
                    asked.accepts.entry(r.id.clone()).or_insert(accepted);
                }
            }
            _ => {}
        }
    }

    fn changed(&mut self) {
        self.known = None;
        self.revision += 1;
    }

    /// Another number whenever a record may have changed.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// A message came, at this moment on the venue's clock.
    pub(crate) fn heard(&mut self, m: &AppMessage, at_ms: i64, told: Told) {
        match m {
            AppMessage::Quote(q) => {
                let Some(dealer) = &q.dealer else { return };
                self.answered(&q.rfq, dealer, at_ms, told, true);
            }
            AppMessage::QuoteRequestReject(r) => {
                // The trader passed on the dealer: that says nothing of how the dealer answers.
                if r.advice.as_ref().is_some_and(|a| a.code == PASSED_BY_TRADER) {
                    return;
                }
                let Some(dealer) = &r.dealer else { return };
                self.answered(&r.rfq, dealer, at_ms, told, false);
            }
            AppMessage::ExecutionReport(e) => self.reported(e, at_ms, told),
            _ => {}
        }
    }

    fn answered(&mut self, rfq: &RfqId, dealer: &DealerId, at_ms: i64, told: Told, quoted: bool) {
        let Some(asked) = self.rfqs.get_mut(rfq) else { return };
        let Some(turn) = asked.turns.get_mut(dealer) else { return };
        let after_ms = at_ms.checked_sub(asked.at_ms).filter(|_| told == Told::Live);
        let before = (turn.response_ms, turn.quoted);
        if turn.response_ms.is_none() && !turn.quoted {
            turn.response_ms = after_ms;
        }
        turn.quoted |= quoted;
        if before != (turn.response_ms, turn.quoted) {
            self.changed();
        }
    }

    /// The first answer that says whether a dealer trades is the end of its last look.
    fn reported(&mut self, e: &ExecutionReport, at_ms: i64, told: Told) {
        let outcome = match meaning(e.exec_type, e.status, e.cum_qty > Decimal::ZERO) {
            _ if e.dealer.is_none() || e.disputed => return,
            Meaning::Execution | Meaning::ExecutedSoFar => Outcome::Hit,
            Meaning::Refused | Meaning::NothingTraded => Outcome::Reject,
            _ => return,
        };
        let rfq = e.accept.as_str().rsplit_once(':').and_then(|(rfq, _)| RfqId::new(rfq).ok());
        let Some(asked) = rfq.and_then(|rfq| self.rfqs.get_mut(&rfq)) else { return };
        let Some(accepted) = asked.accepts.get_mut(&e.accept) else { return };
        // Another dealer says nothing about this one's accept.
        if accepted.take.outcome != Outcome::None || e.dealer.as_ref() != Some(&accepted.dealer) {
            return;
        }
        let hold_ms = at_ms.checked_sub(accepted.sent_ms).filter(|_| told == Told::Live);
        accepted.take = Take { outcome, hold_ms };
        self.changed();
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
mod tests;
