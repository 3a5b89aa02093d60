//! What a desk is told after logon, before anything new.

use super::*;

impl Router {
    /// State first, then life: instruments and dealers, open RFQs with their quotes and accepts, then
    /// what ended while the desk was away.
    pub(super) fn desk_up(&mut self, desk: &CompId, now: UtcMillis) {
        let Some(d) = self.desks.get_mut(desk) else { return };
        d.online = true;
        let pending = std::mem::take(&mut d.pending);
        let venue = self.venue_state(desk, now);
        self.tell_desk(desk, AppMessage::VenueState(venue));
        self.tell_desk(desk, AppMessage::Snapshot(SnapshotMark::Begin));
        let open: Vec<Rfq> = self.rfqs.alive_of(desk).map(|(_, e)| e.rfq.clone()).collect();
        for rfq in &open {
            self.open_rfq(desk, rfq, now);
        }
        self.tell_desk(desk, AppMessage::Snapshot(SnapshotMark::End));
        for m in pending {
            self.tell_desk(desk, m);
        }
    }

    fn open_rfq(&mut self, desk: &CompId, rfq: &Rfq, now: UtcMillis) {
        let t = &rfq.terms;
        let request = QuoteRequest {
            id: t.id.clone(),
            instrument: t.instrument.clone(),
            isin: self.isin(&t.instrument),
            ask: t.ask,
            quantity: t.quantity,
            currency: t.currency.clone(),
            settlement_date: t.settlement_date.clone(),
            dealers: t.dealers.clone(),
            expires: t.expires,
            at: t.created,
        };
        self.tell_desk(desk, AppMessage::Snapshot(SnapshotMark::Rfq(request)));
        for l in &rfq.lines {
            match &l.state {
                LineState::Passed(why) | LineState::Rejected(why) => {
                    let reject = QuoteRequestReject {
                        rfq: t.id.clone(),
                        reason: why.code,
                        instrument: t.instrument.clone(),
                        dealer: Some(l.dealer.clone()),
                        text: Some(why.text.clone()),
                    };
                    self.tell_desk(desk, AppMessage::QuoteRequestReject(reject));
                }
                _ => {
                    // The quote an accept in flight hangs on is shown even when its own time is over.
                    let accepted = rfq.accept.as_ref().is_some_and(|(a, s)| a.dealer == l.dealer && s.in_flight());
                    let Some(q) = l.quote.as_ref().filter(|_| accepted || l.live_quote(now).is_some()) else { continue };
                    let quote = QuoteMsg {
                        rfq: t.id.clone(),
                        id: q.id.clone(),
                        instrument: t.instrument.clone(),
                        dealer: Some(l.dealer.clone()),
                        bid: q.bid,
                        offer: q.offer,
                        valid_until: q.valid_until,
                        tradeable: q.tradeable,
                        at: now,
                    };
                    self.tell_desk(desk, AppMessage::Quote(quote));
                }
            }
        }
        if let Some((a, s)) = rfq.accept.as_ref().filter(|(_, s)| s.in_flight()) {
            self.tell_desk(desk, AppMessage::ExecutionReport(super::desk_side::status_report(a, s, now)));
        }
    }

    fn venue_state(&self, desk: &CompId, now: UtcMillis) -> VenueState {
        let dealers = self
            .dealers
            .values()
            .filter(|d| self.may_ask(desk, &d.settings.id))
            .map(|d| DealerState { id: d.settings.id.clone(), name: d.settings.name.clone(), online: d.online })
            .collect();
        VenueState { name: self.venue.clone(), practice: self.practice, dealers, at: now }
    }

    /// Tells every desk that is on which dealers can be reached.
    pub(super) fn tell_venue_state(&mut self, now: UtcMillis) {
        for (desk, state) in self.venue_states(now) {
            self.tell_desk(&desk, AppMessage::VenueState(state));
        }
    }

    /// For every desk that is on, which dealers it may ask and can be reached.
    pub fn venue_states(&self, now: UtcMillis) -> Vec<(CompId, VenueState)> {
        self.desks.iter().filter(|(_, d)| d.online).map(|(id, _)| (id.clone(), self.venue_state(id, now))).collect()
    }
}
