//! A trader asks one dealer for a better price. Nothing is agreed by it: what the dealer quotes
//! next is taken, or not, by an accept of its own.

use super::{
    Entry, Router,
    accepts::{self, SentAccept},
    age::check_age,
    desk_side::same_terms,
    outer,
};
use signet_fix::message::{
    AppMessage, BusinessReject, ExecutionReport, QuoteResponse, QuoteStatusReport, RfqStatus,
};
use signet_identity::CompId;
use signet_rfq::{
    AcceptId, AcceptRefusal, Counter, CounterFault, CounterState, DealerId, Line, LineState, Rfq,
    RfqId, UtcMillis,
};

/// A counter that may be sent.
pub(super) struct CheckedCounter {
    /// The RFQ, by the gateway's id.
    id: RfqId,
    pub counter: Counter,
    /// The RFQ as it stands.
    pub rfq: Rfq,
    /// The gateway's id of the counter.
    outer: AcceptId,
}

impl CheckedCounter {
    /// The RFQ, by the gateway's id.
    pub(super) fn rfq_id(&self) -> &RfqId {
        &self.id
    }
}

impl Router {
    /// Whether a counter of a desk would be sent; or a code and why not.
    pub(super) fn check_counter(
        &self,
        desk: &CompId,
        r: &QuoteResponse,
        now: UtcMillis,
    ) -> Result<CheckedCounter, (&'static str, String)> {
        if !accepts::is_free_for_desks(&r.id) || AcceptId::new(outer(desk, r.id.as_str())).is_err()
        {
            return Err(("accept.id", "the id is too long, or holds `:~`".to_owned()));
        }
        if self.accepts.is_known(desk, &r.id) {
            return Err(("accept.id_used", "this id was used before".to_owned()));
        }
        let none = || ("quote.none", "no such quote".to_owned());
        let dealer = r.dealer.clone().filter(|_| r.rfq.is_some()).ok_or_else(none)?;
        let id = self.rfq_of_accept(desk, r)?;
        let e = self.rfqs.get(&id).ok_or_else(none)?;
        let mut rfq = e.rfq.clone();
        rfq.tick(now);
        let refused = |e: AcceptRefusal| (e.code(), e.to_string());
        // What the counter says of itself is what its dealer will read.
        if r.instrument != rfq.terms.instrument {
            return Err(refused(AcceptRefusal::OtherInstrument));
        }
        if !r.legs.is_empty() || rfq.terms.is_package() {
            return Err(refused(CounterFault::Package.into()));
        }
        let quote = rfq.line(&dealer).and_then(|l| l.quote.as_ref());
        let quoted = quote.and_then(|q| q.level(r.side)).ok_or_else(none)?.price;
        // Decided once: a replay of the journal knows neither clocks nor today's settings.
        if !self.replaying {
            check_age(r, now)?;
            if !self.dealers.get(&dealer).is_some_and(|d| d.settings.counters) {
                return Err(("counter.not_taken", format!("{dealer} takes no counters")));
            }
        }
        let counter = r.counter(dealer, quoted).map(|c| Counter { at: now, ..c });
        let counter = counter.ok_or(("counter.until", "it has no end (62)".to_owned()))?;
        rfq.check_counter(&counter, now)
            .and_then(|()| same_terms(r, &rfq.terms))
            .map_err(refused)?;
        let outer = outer_counter(&id, e, &counter.id).ok_or_else(none)?;
        Ok(CheckedCounter { id, counter, rfq, outer })
    }

    pub(super) fn counter_from_desk(&mut self, desk: &CompId, r: &QuoteResponse, now: UtcMillis) {
        let checked = match self.check_counter(desk, r, now) {
            Ok(checked) => checked,
            Err((code, why)) => {
                self.note(format!("{desk} counter {} refused: {code}", r.id));
                return self.reject(desk, "AJ", r.id.as_str(), &why);
            }
        };
        let CheckedCounter { id, counter, outer, .. } = checked;
        let name = self.name_of_counter(&id);
        let Some(e) = self.rfqs.get_mut(&id) else { return };
        let dealer = counter.dealer.clone();
        if !e.rfq.counter(counter.clone()) {
            return;
        }
        let onward = QuoteResponse {
            id: outer.clone(),
            rfq: None,
            dealer: None,
            at: now,
            ..QuoteResponse::ask_better(&counter, &e.rfq.terms, e.isin)
        };
        if let Some(name) = name {
            self.names.name_accept(&id, &outer, name);
        }
        let sent = SentAccept { rfq: id, desk: desk.clone(), own: counter.id };
        self.accepts.insert(outer, sent);
        self.tell_dealer(&dealer, AppMessage::QuoteResponse(onward));
    }

    /// The counter that a dealer means: its RFQ, and what its desk calls it.
    pub(super) fn counter_named(
        &self,
        outer_id: &AcceptId,
        dealer: &DealerId,
    ) -> Option<(RfqId, AcceptId)> {
        let sent = self.accepts.get(outer_id)?;
        let (c, _) = self.rfqs.get(&sent.rfq)?.rfq.counter_of(&sent.own)?;
        (&c.dealer == dealer).then(|| (sent.rfq.clone(), c.id.clone()))
    }

    /// A dealer refuses a counter, in whichever message. Returns whether there was one.
    pub(super) fn counter_declined(
        &mut self,
        outer_id: &AcceptId,
        dealer: &DealerId,
        words: &str,
    ) -> bool {
        let Some((id, own)) = self.counter_named(outer_id, dealer) else { return false };
        let moved =
            self.rfqs.get_mut(&id).is_some_and(|e| e.rfq.counter_refused(&own, words.into()));
        if moved {
            self.tell_counter(&id, &own);
        }
        true
    }

    /// A counter could not be sent: the quote stands as before.
    pub(super) fn counter_not_sent(&mut self, outer_id: &AcceptId, dealer: &DealerId) {
        let Some((id, own)) = self.counter_named(outer_id, dealer) else { return };
        let words = format!("{dealer} is not connected");
        let Some(e) = self.rfqs.get_mut(&id) else { return };
        let desk = e.desk.clone();
        if e.rfq.counter_not_sent(&own, words.clone()) {
            self.reject(&desk, "AJ", own.as_str(), &words);
        }
    }

    /// A dealer's ExecutionReport about a counter. One that claims a trade is kept as a dispute and
    /// shown: nobody agreed to one. Returns whether the report is about a counter.
    pub(super) fn counter_executed(
        &mut self,
        dealer: &DealerId,
        report: &ExecutionReport,
        now: UtcMillis,
    ) -> bool {
        let Some((id, own)) = self.counter_named(&report.accept, dealer) else { return false };
        let heard = ExecutionReport { disputed: false, ..report.clone() }.report();
        let Some(e) = self.rfqs.get_mut(&id) else { return true };
        let (changed, dispute) = e.rfq.counter_reported(&own, &heard, now);
        let rfq = e.rfq.clone();
        self.note(format!(
            "{dealer} reports {} ({}) for counter {}",
            report.exec_type.words(),
            report.exec_id,
            report.accept
        ));
        if let Some(d) = dispute {
            if let Some(e) = self.rfqs.get_mut(&id) {
                e.kept = self.elapsed.kept(e.kept, now);
            }
            let words = format!("{} for counter {}: {}", report.exec_id, report.accept, d.why);
            self.alert("execution.disputed", dealer, words);
            let maker = self.accepts.get(&report.accept).map(|sent| sent.desk.clone());
            let has = self.rfqs.get(&id).map(|e| e.desk.clone());
            let desks: std::collections::BTreeSet<CompId> = maker.into_iter().chain(has).collect();
            for desk in desks {
                let Some(accept) = self.counter_as_read(&desk, &rfq, &own) else { continue };
                let told = ExecutionReport {
                    accept,
                    dealer: Some(dealer.clone()),
                    disputed: true,
                    text: Some(d.why.clone()),
                    price_type: rfq.terms.price_type.as_reported(report.price_type),
                    ..report.clone()
                };
                self.tell_desk(&desk, AppMessage::ExecutionReport(told));
            }
        } else if changed {
            self.tell_counter(&id, &own);
        }
        true
    }

    /// Tells the desk that has the RFQ how a counter is over without a new quote.
    pub(super) fn tell_counter(&mut self, id: &RfqId, own: &AcceptId) {
        let Some(e) = self.rfqs.get(id) else { return };
        let (desk, rfq) = (e.desk.clone(), e.rfq.clone());
        let Some((c, state)) = rfq.counter_of(own) else { return };
        let named = self.counter_as_read(&desk, &rfq, own);
        if let Some(m) = named.and_then(|name| outcome(&rfq, c, state, name)) {
            self.tell_desk(&desk, m);
        }
    }

    /// In the snapshot: the quote that was countered, the counter, and how it is over.
    pub(super) fn countered_line(&mut self, desk: &CompId, rfq: &Rfq, l: &Line, isin: bool) {
        let Some((c, state)) = l.counters.last() else { return };
        let Some(name) = self.counter_as_read(desk, rfq, &c.id) else { return };
        let read = Counter { id: name.clone(), ..c.clone() };
        let m = QuoteResponse::ask_better(&read, &rfq.terms, isin);
        self.tell_desk(desk, AppMessage::QuoteResponse(m));
        if l.state == LineState::CounterOver
            && let Some(m) = outcome(rfq, c, state, name)
        {
            self.tell_desk(desk, m);
        }
    }

    /// What a desk calls a counter: a colleague's has a name in the RFQ of who has it now.
    fn counter_as_read(&self, desk: &CompId, rfq: &Rfq, own: &AcceptId) -> Option<AcceptId> {
        let made = self.accepts.of_desk(desk, own).and_then(|(_, sent)| self.rfqs.get(&sent.rfq));
        if made.is_some_and(|e| e.rfq.counter_of(own).is_some() && e.rfq.terms.id == rfq.terms.id) {
            return Some(own.clone());
        }
        let mut all = rfq.lines.iter().flat_map(|l| &l.counters);
        let place = all.position(|(c, _)| &c.id == own)?;
        AcceptId::new(format!("{}{}c{}", rfq.terms.id, accepts::OF_TAKER, place + 1)).ok()
    }
}

/// The gateway's id of a counter that is to be sent, as that of an accept.
fn outer_counter(rfq: &RfqId, e: &Entry, own: &AcceptId) -> Option<AcceptId> {
    if e.before.is_empty() {
        return AcceptId::new(outer(&e.desk, own.as_str())).ok();
    }
    AcceptId::new(format!("{rfq}{}c{}", accepts::OF_TAKER, e.next_counter())).ok()
}

/// QuoteStatusReport (AI) about a counter (693): 297=5 the dealer refuses, 7 no answer in time, 1
/// something else ended it. `None` while it waits, and when its dealer has quoted since.
fn outcome(rfq: &Rfq, c: &Counter, state: &CounterState, name: AcceptId) -> Option<AppMessage> {
    let (status, text) = match state {
        CounterState::Refused(words) => (RfqStatus::Rejected, Some(words.clone())),
        CounterState::Unanswered => (RfqStatus::Expired, None),
        CounterState::Dropped => (RfqStatus::Cancelled, None),
        CounterState::Sent
        | CounterState::Improved(_)
        | CounterState::HeldFirm
        | CounterState::NotSent(_) => return None,
    };
    let (id, instrument) = (rfq.terms.id.clone(), rfq.terms.instrument.clone());
    let report = QuoteStatusReport::of_rfq(id, instrument, status, text);
    let (quote, answers) = (Some(c.quote.clone()), Some(name));
    Some(AppMessage::QuoteStatusReport(QuoteStatusReport { quote, answers, ..report }))
}

/// A refusal of a counter by the gateway itself: it went nowhere, and the quote stands.
pub fn counter_refusal(r: &QuoteResponse, why: String) -> BusinessReject {
    BusinessReject {
        ref_seq_num: None,
        ref_msg_type: "AJ".into(),
        ref_id: Some(r.id.to_string()),
        reason: 0,
        text: Some(why),
    }
}

#[cfg(test)]
#[path = "counters_tests.rs"]
mod tests;
