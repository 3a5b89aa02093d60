//! Ends that no desk and no dealer asked for: by the gateway's decision, and by time.

use super::{Decided, Input, Keep, Router};
use signet_fix::message::RfqStatus;
use signet_identity::CompId;
use signet_rfq::{Rfq, RfqId, RfqState, UtcMillis};

impl Router {
    /// The gateway ends an RFQ of a desk. While an accept waits for its answer that answer decides
    /// first: without a trade the RFQ ends by the same input, and no other accept can come between.
    pub(super) fn end_by_gateway(
        &mut self,
        desk: &CompId,
        rfq: &RfqId,
        text: String,
        now: UtcMillis,
    ) {
        let Some(id) = self.find(desk, rfq) else { return };
        let Some(e) = self.rfqs.get_mut(&id).filter(|e| !e.rfq.state.ended()) else { return };
        e.to_end.get_or_insert(text);
        self.rfq_tick(&id, now);
    }

    /// Ends an RFQ that the gateway has decided to end, unless an accept waits for its answer.
    pub(super) fn end_if_due(&mut self, id: &RfqId, now: UtcMillis) {
        let Some(e) = self.rfqs.get_mut(id) else { return };
        let Some(text) = e.to_end.clone() else { return };
        if e.rfq.end(RfqState::Cancelled, Some(text.clone())).is_ok() {
            self.ended(id, RfqStatus::Cancelled, Some(text), now);
        }
    }

    /// Whether the gateway has decided to end the RFQ that a desk has open and calls so: it ends
    /// when the accept in flight has its answer.
    pub fn is_ending(&self, desk: &CompId, own: &RfqId) -> bool {
        let found = self.find(desk, own).and_then(|id| self.rfqs.get(&id));
        found.is_some_and(|e| !e.rfq.state.ended() && e.to_end.is_some())
    }

    /// RFQs of a desk that can be ended without leaving an accept in flight alone, by the desk's
    /// ids.
    pub fn withdrawable(&self, desk: &CompId) -> Vec<RfqId> {
        self.rfqs
            .alive_of(desk)
            .filter(|(_, e)| !e.rfq.in_flight())
            .map(|(_, e)| e.rfq.terms.id.clone())
            .collect()
    }

    /// RFQs of a desk that cannot be ended at once, since an accept waits for its answer, by the
    /// desk's ids.
    pub fn waiting_for_answer(&self, desk: &CompId) -> Vec<RfqId> {
        let waiting = self.rfqs.alive_of(desk).filter(|(_, e)| e.rfq.in_flight());
        waiting.map(|(_, e)| e.rfq.terms.id.clone()).collect()
    }

    /// What is written down of an end that the gateway decides.
    pub(super) fn keep_of_end(&self, desk: &CompId, rfq: &RfqId, input: &Input) -> Keep {
        let found = self.find(desk, rfq).and_then(|id| self.rfqs.get(&id));
        let changes = found.is_some_and(|e| !e.rfq.state.ended() && e.to_end.is_none());
        if changes { Keep::This(input.clone()) } else { Keep::Nothing }
    }

    /// What is written down of a tick that ends RFQs: one record for all of them. Without it they
    /// would be open once more when the clock is set back before the next start.
    pub(super) fn keep_of_time(&self, now: UtcMillis) -> Keep {
        let due = self.rfqs.due(now);
        let over = due.iter().filter_map(|id| self.rfqs.get(id)).filter(|e| is_over(&e.rfq, now));
        // The record is dropped when its RFQ is forgotten: it is about the one that is remembered
        // for longest.
        let Some(e) = over.max_by_key(|e| e.rfq.is_to_be_remembered()) else {
            return Keep::Nothing;
        };
        let time_up = Decided::TimeUp(e.rfq.terms.id.clone());
        Keep::Beside(Input::Decided(e.desk.clone(), time_up))
    }
}

/// Whether time ends an RFQ that is open.
fn is_over(rfq: &Rfq, now: UtcMillis) -> bool {
    !rfq.state.ended() && !rfq.in_flight() && now >= rfq.expires()
}

#[cfg(test)]
#[path = "ends_tests.rs"]
mod tests;
