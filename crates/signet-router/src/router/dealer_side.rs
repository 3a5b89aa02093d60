//! What dealers say of their quotes, and which of their messages are refused.

use super::Router;
use signet_fix::message::{
    AppMessage, BusinessReject, QuoteCancel, QuoteMsg, QuoteRequestReject, QuoteStatusReport,
    RfqStatus,
};
use signet_rfq::{
    AcceptId, AcceptState, DealerId, Declined, Passed, Qualifiers, Quote, QuoteId, REASON_PASS,
    RfqId, RfqState, UtcMillis,
    fix::QuoteStatus,
    lifecycle::{StatusMeaning, quote_status_meaning},
};

/// QuoteRequestRejectReason (658).
pub(super) const OTHER: u16 = 99;
/// BusinessRejectReason (380): not authorized.
const NOT_FOR_YOU: u16 = 6;

impl Router {
    pub(super) fn dealer_said(&mut self, dealer: &DealerId, m: AppMessage, now: UtcMillis) {
        if !self.replaying && !self.dealers.contains_key(dealer) {
            return self.note(format!("{dealer} is not configured and sent {}", m.msg_type()));
        }
        match m {
            AppMessage::Quote(q) => self.quote(dealer, q, now),
            AppMessage::QuoteCancel(c) => self.withdraw(dealer, c),
            AppMessage::QuoteRequestReject(r) => {
                let text = r.text.unwrap_or_else(|| reason_words(r.reason).into());
                if self.addressed(&r.rfq, dealer) {
                    self.dealer_out(&r.rfq, dealer, Passed { code: r.reason, text }, now);
                } else {
                    self.stray(dealer, "AG", r.rfq.as_str());
                }
            }
            AppMessage::ExecutionReport(e) => self.execution(dealer, e, now),
            AppMessage::BusinessReject(j) => self.business_reject(dealer, j, now),
            AppMessage::QuoteStatusReport(s) => self.quote_status(dealer, s, now),
            other => {
                self.note(format!("{dealer} sent {}, which a dealer may not", other.msg_type()));
                let reject = BusinessReject {
                    ref_seq_num: None,
                    ref_msg_type: other.msg_type().into(),
                    ref_id: None,
                    reason: NOT_FOR_YOU,
                    text: Some("a dealer may not send this".into()),
                };
                self.tell_dealer(dealer, AppMessage::BusinessReject(reject));
            }
        }
    }

    /// Whether this RFQ was addressed to this dealer, which can touch no other.
    fn addressed(&self, rfq: &RfqId, dealer: &DealerId) -> bool {
        self.rfqs.get(rfq).is_some_and(|e| e.rfq.line(dealer).is_some())
    }

    pub(super) fn stray(&mut self, dealer: &DealerId, what: &str, id: &str) {
        self.note(format!("{dealer} sent {what} for {id}, which it was not asked"));
    }

    fn quote(&mut self, dealer: &DealerId, q: QuoteMsg, now: UtcMillis) {
        if !self.addressed(&q.rfq, dealer) {
            return self.stray(dealer, "a quote", q.rfq.as_str());
        }
        let Some(e) = self.rfqs.get(&q.rfq) else { return };
        let by_isin = self.priced_by_isin(&e.rfq.terms);
        let Some(e) = self.rfqs.get_mut(&q.rfq) else { return };
        if e.rfq.state.ended() {
            return;
        }
        if q.instrument != e.rfq.terms.instrument {
            return self.bad_quote(
                dealer,
                &q,
                "the quote is for another instrument than was asked",
            );
        }
        if let Err(fault) = q.qualifiers.check(&e.rfq.terms, by_isin)
            && !self.replaying
        {
            return self.bad_quote(dealer, &q, &fault.to_string());
        }
        let quote = quote_of(dealer, &q);
        // What was taken once is not judged again.
        if let Err(fault) = quote.check_for(&e.rfq.terms, now)
            && !self.replaying
        {
            return self.bad_quote(dealer, &q, &fault.to_string());
        }
        // One that is too small does not hide the other side.
        let Quote { bid, offer, .. } = quote.clone().large_enough(&e.rfq.terms);
        let left_out = (bid, offer) != (quote.bid, quote.offer);
        match e.rfq.quote(quote, now) {
            Ok(true) => {}
            Ok(false) => return,
            Err(why) => return self.note(format!("{dealer} quote {} not taken: {why}", q.id)),
        }
        let (desk, rfq) = (e.desk.clone(), e.rfq.terms.id.clone());
        // The qualifiers match the terms, so the desk needs none but what no price goes without.
        let price_type = e.rfq.terms.price_type.stated();
        let qualifiers = Qualifiers { price_type, ..Qualifiers::default() };
        if left_out {
            let side = if bid.is_none() { "bid" } else { "offer" };
            self.note(format!(
                "{dealer} quote {} in {}: its {side} is not passed on: the size is less than was \
                    asked for at least",
                q.id, q.rfq
            ));
        }
        let dealer = Some(dealer.clone());
        let told = QuoteMsg { rfq, dealer, qualifiers, bid, offer, ..q };
        self.tell_desk(&desk, AppMessage::Quote(told));
    }

    /// A quote that cannot be traded on ends the one before it; its dealer is told why.
    fn bad_quote(&mut self, dealer: &DealerId, q: &QuoteMsg, why: &str) {
        self.note(format!("{dealer} quote {} in {} not passed on: {why}", q.id, q.rfq));
        let before = self.rfqs.get(&q.rfq).and_then(|e| {
            let other = quote_of(dealer, q).large_enough(&e.rfq.terms);
            e.rfq.line(dealer)?.quote.clone().filter(|was| *was != other)
        });
        if let Some(quote) = before.map(|was| was.id) {
            self.withdraw(dealer, cancel_of(&q.rfq, quote));
        }
        let reject = BusinessReject {
            ref_seq_num: None,
            ref_msg_type: "S".into(),
            ref_id: Some(q.id.to_string()),
            reason: 0,
            text: Some(format!("quote not passed on: {why}")),
        };
        self.tell_dealer(dealer, AppMessage::BusinessReject(reject));
    }

    /// What a dealer says of its quote, or of an accept that it names (QuoteRespID, 693).
    fn quote_status(&mut self, dealer: &DealerId, s: QuoteStatusReport, now: UtcMillis) {
        if !self.addressed(&s.rfq, dealer) {
            return self.stray(dealer, "AI", s.rfq.as_str());
        }
        let status = QuoteStatus::of(s.status.code());
        let text = s.text.clone().unwrap_or_else(|| format!("the dealer says: {}", status.words()));
        self.note(format!(
            "{dealer} reports its quote in {} as {} ({})",
            s.rfq,
            status.words(),
            status.code()
        ));
        let meaning = status_of(&s);
        if let Some(outer_id) = s.answers.as_ref().filter(|_| meaning != StatusMeaning::Noted) {
            let own = self.accept_named(&s.rfq, outer_id, dealer);
            if let Some(own) = own {
                self.decline(&s.rfq, &own, Declined::ByDealer(text), now);
            } else {
                self.counter_declined(outer_id, dealer, &text);
            }
            return;
        }
        match meaning {
            StatusMeaning::Refused => {
                self.dealer_out(&s.rfq, dealer, Passed { code: OTHER, text }, now)
            }
            StatusMeaning::Passed => {
                self.dealer_out(&s.rfq, dealer, Passed { code: REASON_PASS, text }, now)
            }
            StatusMeaning::Gone => {
                let line = self.rfqs.get(&s.rfq).and_then(|e| e.rfq.line(dealer));
                let Some(current) = line.and_then(|l| l.quote.as_ref()).map(|q| q.id.clone())
                else {
                    return;
                };
                let quote = s.quote.unwrap_or(current);
                self.withdraw(dealer, cancel_of(&s.rfq, quote));
            }
            StatusMeaning::Noted => {}
        }
    }

    /// Resolves a dealer's cancel into cancels that each name an RFQ. FIX 4.4 lets a dealer name
    /// the quote alone, or none for all of its quotes.
    pub fn cancels(&self, dealer: &DealerId, c: QuoteCancel) -> Vec<QuoteCancel> {
        if c.rfq.is_some() {
            return vec![c];
        }
        let meant = |q: &Quote| c.quote.as_ref().is_none_or(|id| *id == q.id);
        let lines =
            self.rfqs.alive().filter_map(|(id, e)| Some((id, e.rfq.line(dealer)?.quote.as_ref()?)));
        lines.filter(|(_, q)| meant(q)).map(|(id, q)| cancel_of(id, q.id.clone())).collect()
    }

    fn withdraw(&mut self, dealer: &DealerId, c: QuoteCancel) {
        let Some(id) = &c.rfq else {
            return self.note(format!("{dealer} cancels a quote that is in no open RFQ"));
        };
        if !self.addressed(id, dealer) {
            return self.stray(dealer, "a withdrawal", id.as_str());
        }
        let Some(e) = self.rfqs.get_mut(id).filter(|e| !e.rfq.state.ended()) else { return };
        let quote = e.rfq.line(dealer).and_then(|l| l.quote.as_ref()).map(|q| q.id.clone());
        if e.rfq.withdraw(dealer, c.quote.as_ref()) == Ok(true) {
            let (desk, terms) = (e.desk.clone(), e.rfq.terms.clone());
            let told = QuoteCancel {
                rfq: Some(terms.id),
                quote,
                instrument: Some(terms.instrument),
                dealer: Some(dealer.clone()),
                unreachable: c.unreachable,
            };
            self.tell_desk(&desk, AppMessage::QuoteCancel(told));
        }
    }

    /// The dealer takes no further part in this RFQ: it declined, or cannot be reached.
    pub(super) fn dealer_out(
        &mut self,
        id: &RfqId,
        dealer: &DealerId,
        why: Passed,
        now: UtcMillis,
    ) {
        let Some(e) = self.rfqs.get_mut(id) else { return };
        let before = e.rfq.line(dealer).map(|l| l.state.clone());
        if e.rfq.state.ended() || e.rfq.pass(dealer, why.clone()).is_err() {
            return;
        }
        // After a restart a dealer may send again what was heard.
        let again = e.rfq.line(dealer).map(|l| &l.state) == before.as_ref();
        let (desk, rfq) = (e.desk.clone(), e.rfq.terms.clone());
        let nobody = e.rfq.nobody_left() && !e.rfq.in_flight();
        let reject = QuoteRequestReject {
            rfq: rfq.id,
            reason: why.code,
            instrument: rfq.instrument,
            dealer: Some(dealer.clone()),
            text: Some(why.text),
            advice: None,
        };
        if !again {
            self.tell_desk(&desk, AppMessage::QuoteRequestReject(reject));
        }
        if nobody {
            let text = Some("every dealer passed".to_owned());
            if let Some(e) = self.rfqs.get_mut(id) {
                let _ = e.rfq.end(RfqState::NothingDone, text.clone());
            }
            self.ended(id, RfqStatus::NothingDone, text, now);
        }
    }

    /// The dealer could not process a message of ours, named by type and id. The reject ends only
    /// what this dealer was sent.
    fn business_reject(&mut self, dealer: &DealerId, j: BusinessReject, now: UtcMillis) {
        let text = j.text.unwrap_or_else(|| "the dealer could not process the message".into());
        self.note(format!("{dealer} rejected {}: {text}", j.ref_msg_type));
        let Some(id) = j.ref_id else { return };
        match j.ref_msg_type.as_str() {
            "R" => {
                if let Some(rfq) = RfqId::new(id).ok().filter(|r| self.addressed(r, dealer)) {
                    self.dealer_out(&rfq, dealer, Passed { code: OTHER, text }, now);
                }
            }
            "AJ" => {
                let Ok(outer_id) = AcceptId::new(id) else { return };
                let Some(rfq) = self.accepts.get(&outer_id).map(|s| s.rfq.clone()) else { return };
                let own = self.accept_named(&rfq, &outer_id, dealer);
                let Some(own) = own else {
                    if self.counter_declined(&outer_id, dealer, &text) {
                        return;
                    }
                    return self.stray(dealer, "a reject", outer_id.as_str());
                };
                let declined = Declined::ByDealer(text);
                let stands = self.rfqs.get(&rfq).and_then(|e| e.rfq.accept_of(&own));
                // After a restart a dealer may send again what was heard.
                if stands.is_some_and(|(_, s)| *s == AcceptState::Declined(declined.clone())) {
                    return;
                }
                if !self.decline(&rfq, &own, declined, now) {
                    self.alert(
                        "execution.reject_after_answer",
                        dealer,
                        format!("rejects accept {outer_id}, which has its answer already"),
                    );
                }
            }
            // A status request that the dealer does not know, or a message that commits nobody.
            _ => {}
        }
    }
}

/// A dealer takes this quote of this RFQ back.
pub(super) fn cancel_of(rfq: &RfqId, quote: QuoteId) -> QuoteCancel {
    QuoteCancel {
        rfq: Some(rfq.clone()),
        quote: Some(quote),
        instrument: None,
        dealer: None,
        unreachable: false,
    }
}

/// A quote as the RFQ holds it.
pub(super) fn quote_of(dealer: &DealerId, q: &QuoteMsg) -> Quote {
    q.quote(dealer.clone())
}

/// What a dealer's QuoteStatusReport means.
pub(super) fn status_of(s: &QuoteStatusReport) -> StatusMeaning {
    quote_status_meaning(QuoteStatus::of(s.status.code()))
}

/// QuoteRequestRejectReason (658) in words, FIX 4.4.
pub(super) fn reason_words(code: u16) -> &'static str {
    match code {
        1 => "unknown instrument",
        2 => "closed",
        3 => "exceeds the dealer's limit",
        4 => "too late",
        5 => "invalid price",
        6 => "not authorized",
        7 => "no match",
        8 => "no market",
        9 => "no inventory",
        10 => "pass",
        _ => "no reason given",
    }
}
