//! The snapshot that a desk gets after logon, before anything new.

use super::{
    Router, VENUE_STATE_MS, VENUE_STATES_AT_ONCE, accepts::accept_of_colleague, answers,
    turned_down::told_of,
};
use signet_fix::message::{
    AppMessage, DealerState, ExecutionReport, QuoteCancel, QuoteMsg, QuoteRequest,
    QuoteRequestReject, QuoteResponse, SnapshotMark, VenueState,
};
use signet_identity::CompId;
use signet_rfq::{AcceptId, Line, LineState, Qualifiers, Quote, Rfq, RfqId, UtcMillis};
use std::{collections::BTreeSet, ops::Bound};

impl Router {
    /// Sends dealers, open RFQs with their quotes and accepts, what ended while the desk was away,
    /// and the end of the snapshot.
    pub(super) fn desk_up(&mut self, desk: &CompId, now: UtcMillis) {
        let Some(d) = self.desks.get_mut(desk) else { return };
        d.online = true;
        let pending = std::mem::take(&mut d.pending);
        self.venue_stale.remove(desk);
        let venue = self.venue_state(desk, now);
        self.tell_desk(desk, AppMessage::VenueState(venue));
        self.tell_desk(desk, AppMessage::Snapshot(SnapshotMark::Begin));
        let open: Vec<(RfqId, Rfq, bool)> =
            self.rfqs.alive_of(desk).map(|(id, e)| (id.clone(), e.rfq.clone(), e.isin)).collect();
        for (id, rfq, isin) in &open {
            self.tell_origin(desk, id);
            self.open_rfq(desk, rfq, *isin, now);
        }
        // Before the end, so that the desk knows why an RFQ that is not in the snapshot has ended.
        self.tell_lost(desk);
        for m in pending {
            self.tell_desk(desk, m);
        }
        self.tell_desk(desk, AppMessage::Snapshot(SnapshotMark::End));
    }

    pub(super) fn open_rfq(&mut self, desk: &CompId, rfq: &Rfq, isin: bool, now: UtcMillis) {
        let t = &rfq.terms;
        let request = QuoteRequest { expires: rfq.expires(), ..QuoteRequest::of(t, isin) };
        self.tell_desk(desk, AppMessage::Snapshot(SnapshotMark::Rfq(request)));
        for l in &rfq.lines {
            self.line(desk, rfq, l, now);
            if matches!(l.state, LineState::Countered | LineState::CounterOver) {
                self.countered_line(desk, rfq, l, isin);
            }
        }
        for d in &rfq.disputes {
            let Some(accept) = self.accept_as_read(desk, rfq, &d.accept) else { continue };
            let price_type = t.price_type.stated();
            let report = answers::dispute_report(rfq, d);
            let report = ExecutionReport { accept, price_type, ..report };
            self.tell_desk(desk, AppMessage::ExecutionReport(report));
        }
        if let Some((a, s)) = rfq.accept.as_ref().filter(|(_, s)| s.in_flight()) {
            // What was accepted, word for word: the quote on the line may be another by now.
            self.tell_desk(desk, AppMessage::QuoteResponse(QuoteResponse::hit(a, t, isin, now)));
            let entry = self.find(desk, &t.id).and_then(|id| self.rfqs.get(&id));
            let lost = entry.map(|e| e.answer_lost).unwrap_or_default();
            let report = answers::status_report(a, s, lost, now);
            self.tell_desk(desk, AppMessage::ExecutionReport(report));
        }
    }

    /// What the desk that has this RFQ calls an accept in it.
    fn accept_as_read(&self, desk: &CompId, rfq: &Rfq, own: &AcceptId) -> Option<AcceptId> {
        let here = self.find(desk, &rfq.terms.id);
        let made = self.accepts.of_desk(desk, own).map(|(_, sent)| &sent.rfq);
        match here.is_some() && here.as_ref() == made {
            true => Some(own.clone()),
            false => accept_of_colleague(rfq, own),
        }
    }

    fn line(&mut self, desk: &CompId, rfq: &Rfq, l: &Line, now: UtcMillis) {
        let t = &rfq.terms;
        let cancel = |q: &Quote, unreachable| {
            let (rfq, quote, instrument) =
                (Some(t.id.clone()), Some(q.id.clone()), Some(t.instrument.clone()));
            AppMessage::QuoteCancel(QuoteCancel {
                rfq,
                quote,
                instrument,
                dealer: Some(l.dealer.clone()),
                unreachable,
            })
        };
        let m = match (&l.state, &l.quote) {
            (LineState::Passed(why) | LineState::Rejected(why), _) => {
                AppMessage::QuoteRequestReject(QuoteRequestReject {
                    rfq: t.id.clone(),
                    reason: why.code,
                    instrument: t.instrument.clone(),
                    dealer: Some(l.dealer.clone()),
                    text: Some(why.text.clone()),
                    advice: None,
                })
            }
            (LineState::TurnedDown(why), _) => {
                AppMessage::QuoteRequestReject(told_of(rfq, &l.dealer, why.clone()))
            }
            (LineState::Unreachable, Some(q)) => cancel(q, true),
            (LineState::Withdrawn, Some(q)) => cancel(q, false),
            // The countered quote, over or not: the counter that follows declines it.
            (LineState::Quoted | LineState::Countered | LineState::CounterOver, Some(q))
                if q.live(now) || l.state != LineState::Quoted =>
            {
                AppMessage::Quote(QuoteMsg {
                    rfq: t.id.clone(),
                    id: q.id.clone(),
                    instrument: t.instrument.clone(),
                    dealer: Some(l.dealer.clone()),
                    bid: q.bid,
                    offer: q.offer,
                    valid_until: q.valid_until,
                    tradeable: q.tradeable,
                    at: now,
                    qualifiers: Qualifiers {
                        price_type: t.price_type.stated(),
                        ..Qualifiers::default()
                    },
                    legs: q.legs.clone(),
                })
            }
            _ => return,
        };
        self.tell_desk(desk, m);
    }

    fn venue_state(&self, desk: &CompId, now: UtcMillis) -> VenueState {
        let dealers = self
            .dealers
            .values()
            .filter(|d| self.may_ask(desk, &d.settings.id))
            .map(|d| DealerState {
                id: d.settings.id.clone(),
                name: d.settings.name.clone(),
                online: d.online,
                counters: d.settings.counters,
                parts: d.settings.parts,
            })
            .collect();
        VenueState { name: self.venue.clone(), practice: self.practice, dealers, at: now }
    }

    /// Tells every desk that is online which dealers can be reached: at once, or with the next tick
    /// that is late enough, so that a dealer whose line comes and goes does not keep everybody
    /// busy.
    pub(super) fn tell_venue_state(&mut self, now: UtcMillis) {
        self.venue_stale =
            self.desks.iter().filter(|(_, d)| d.online).map(|(id, _)| id.clone()).collect();
        self.tell_stale(now);
    }

    /// Tells the desks that have not heard of the last change, unless it is too soon.
    pub(super) fn tell_stale(&mut self, now: UtcMillis) {
        let soon = |t: UtcMillis| now.since(t).unsigned_abs() < VENUE_STATE_MS.unsigned_abs();
        if self.venue_stale.is_empty()
            || (self.venue_cursor.is_none() && self.venue_told.is_some_and(soon))
        {
            return;
        }
        self.venue_told = Some(now);
        // On from where the last round ended, so that changes that come all the time reach
        // everybody.
        let after =
            (self.venue_cursor.take().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let later = self.venue_stale.range::<CompId, _>(after.clone());
        let all = later.chain(&self.venue_stale).take(VENUE_STATES_AT_ONCE).cloned();
        let few: BTreeSet<CompId> = all.collect();
        self.venue_stale.retain(|d| !few.contains(d));
        if !self.venue_stale.is_empty() {
            self.venue_cursor = few.last().cloned();
        }
        for desk in few {
            let state = self.venue_state(&desk, now);
            self.tell_desk(&desk, AppMessage::VenueState(state));
        }
    }

    /// For every desk that is online, the dealers that it may ask, and whether each can be reached.
    pub fn venue_states(&self, now: UtcMillis) -> Vec<(CompId, VenueState)> {
        self.desks
            .iter()
            .filter(|(_, d)| d.online)
            .map(|(id, _)| (id.clone(), self.venue_state(id, now)))
            .collect()
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
