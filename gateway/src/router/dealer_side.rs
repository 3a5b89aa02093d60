//! What dealers answer.

use super::*;

const OTHER: u16 = 99;
/// BusinessRejectReason (380): not authorized.
const NOT_FOR_YOU: u16 = 6;

impl Router {
    pub(super) fn dealer_said(&mut self, dealer: &DealerId, m: AppMessage, now: UtcMillis) {
        if !self.dealers.contains_key(dealer) {
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
            AppMessage::QuoteStatusReport(_) => {}
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

    /// Whether this RFQ was addressed to this dealer: it can touch no other.
    fn addressed(&self, rfq: &RfqId, dealer: &DealerId) -> bool {
        self.rfqs.get(rfq).is_some_and(|e| e.rfq.line(dealer).is_some())
    }

    fn stray(&mut self, dealer: &DealerId, what: &str, id: &str) {
        self.note(format!("{dealer} sent {what} for {id}, which it was not asked"));
    }

    fn quote(&mut self, dealer: &DealerId, q: QuoteMsg, now: UtcMillis) {
        if !self.addressed(&q.rfq, dealer) {
            return self.stray(dealer, "a quote", q.rfq.as_str());
        }
        let Some(e) = self.rfqs.get_mut(&q.rfq) else { return };
        if e.rfq.state.ended() {
            return;
        }
        if q.instrument != e.rfq.terms.instrument {
            return self.note(format!("{dealer} quoted another instrument than asked in {}", q.rfq));
        }
        let quote = Quote {
            id: q.id.clone(),
            dealer: dealer.clone(),
            bid: q.bid,
            offer: q.offer,
            valid_until: q.valid_until,
            tradeable: q.tradeable,
        };
        match e.rfq.quote(quote, now) {
            Ok(true) => {}
            Ok(false) => return,
            Err(why) => return self.note(format!("{dealer} quote {} not taken: {why}", q.id)),
        }
        let (desk, rfq) = (e.desk.clone(), e.rfq.terms.id.clone());
        self.tell_desk(&desk, AppMessage::Quote(QuoteMsg { rfq, dealer: Some(dealer.clone()), ..q }));
    }

    fn withdraw(&mut self, dealer: &DealerId, c: QuoteCancel) {
        if !self.addressed(&c.rfq, dealer) {
            return self.stray(dealer, "a withdrawal", c.rfq.as_str());
        }
        let Some(e) = self.rfqs.get_mut(&c.rfq) else { return };
        if e.rfq.withdraw(dealer, Some(&c.quote)) == Ok(true) {
            let (desk, rfq) = (e.desk.clone(), e.rfq.terms.id.clone());
            self.tell_desk(&desk, AppMessage::QuoteCancel(QuoteCancel { rfq, dealer: Some(dealer.clone()), ..c }));
        }
    }

    /// The dealer is out of this RFQ, by its own word or because it cannot be reached.
    pub(super) fn dealer_out(&mut self, id: &RfqId, dealer: &DealerId, why: Passed, now: UtcMillis) {
        let Some(e) = self.rfqs.get_mut(id) else { return };
        if e.rfq.state.ended() || e.rfq.pass(dealer, why.clone()).is_err() {
            return;
        }
        let (desk, rfq) = (e.desk.clone(), e.rfq.terms.clone());
        let nobody = e.rfq.nobody_left() && !e.rfq.in_flight();
        let reject = QuoteRequestReject {
            rfq: rfq.id,
            reason: why.code,
            instrument: rfq.instrument,
            dealer: Some(dealer.clone()),
            text: Some(why.text),
        };
        self.tell_desk(&desk, AppMessage::QuoteRequestReject(reject));
        if nobody {
            let text = Some("every dealer passed".to_owned());
            if let Some(e) = self.rfqs.get_mut(id) {
                let _ = e.rfq.end(RfqState::NothingDone, text.clone());
            }
            self.ended(id, RfqStatus::NothingDone, text, now);
        }
    }

    fn execution(&mut self, dealer: &DealerId, report: ExecutionReport, now: UtcMillis) {
        let found = self.accepts.get(&report.accept).cloned();
        let found = found.filter(|id| self.rfqs.get(id).is_some_and(|e| holds(&e.rfq, dealer, &e.desk, &report.accept)));
        let Some(id) = found else {
            return self.stray(dealer, "an execution report", report.accept.as_str());
        };
        let Some(e) = self.rfqs.get_mut(&id) else { return };
        let Some((a, _)) = e.rfq.accept.clone() else { return };
        let desk = e.desk.clone();
        match (report.exec_type, report.status) {
            (ExecType::Trade, _) | (ExecType::Status, OrdStatus::Filled | OrdStatus::PartiallyFilled) => {
                let price = report.last.map_or(report.avg_px, |l| l.price);
                let execution = Execution {
                    exec_id: report.exec_id.clone(),
                    order_id: report.order_id.clone(),
                    side: report.side,
                    price,
                    quantity: report.cum_qty,
                    at: report.at,
                    settlement_date: report.settlement_date.clone(),
                };
                match e.rfq.execution(&a.id, execution) {
                    Ok(true) => {
                        e.asked_at = None;
                        let fill =
                            ExecutionReport { exec_type: ExecType::Trade, last: Some(Level { price, size: report.cum_qty }), ..report };
                        self.forward(&desk, dealer, &a.id, fill);
                        self.out.push(Output::Traded(desk, dealer.clone()));
                        self.ended(&id, RfqStatus::Open, None, now);
                    }
                    Ok(false) => {}
                    Err(why) => {
                        self.note(format!("{dealer} reports {} for accept {}: {why}", report.exec_id, report.accept));
                        // The desk must see it too: it refuses to call it a fill and shows Unknown.
                        self.forward(&desk, dealer, &a.id, report);
                    }
                }
            }
            (ExecType::PendingNew, _) | (ExecType::Status, OrdStatus::PendingNew | OrdStatus::New) => {
                if e.rfq.last_look(&a.id) == Ok(true) {
                    self.forward(
                        &desk,
                        dealer,
                        &a.id,
                        ExecutionReport { exec_type: ExecType::PendingNew, status: OrdStatus::PendingNew, ..report },
                    );
                }
            }
            (ExecType::Rejected, _) | (ExecType::Status, OrdStatus::Rejected) => {
                let text = report.text.unwrap_or_else(|| "the dealer gave no reason".into());
                self.decline(&id, Declined::ByDealer(text), now);
            }
            (t, s) => self.note(format!("{dealer} sent an execution report with {t:?}/{s:?}; no meaning taken")),
        }
    }

    fn forward(&mut self, desk: &CompId, dealer: &DealerId, accept: &AcceptId, report: ExecutionReport) {
        let report = ExecutionReport { accept: accept.clone(), dealer: Some(dealer.clone()), ..report };
        self.tell_desk(desk, AppMessage::ExecutionReport(report));
    }

    /// The dealer could not process a message of ours; which one, its id says.
    fn business_reject(&mut self, dealer: &DealerId, j: BusinessReject, now: UtcMillis) {
        let text = j.text.unwrap_or_else(|| "the dealer could not process the message".into());
        self.note(format!("{dealer} rejected {}: {text}", j.ref_msg_type));
        let Some(id) = j.ref_id else { return };
        if let Some(rfq) = RfqId::new(id.clone()).ok().filter(|r| self.addressed(r, dealer)) {
            return self.dealer_out(&rfq, dealer, Passed { code: OTHER, text }, now);
        }
        let rfq = AcceptId::new(id).ok().and_then(|a| self.accepts.get(&a).cloned());
        if let Some(rfq) = rfq.filter(|r| self.addressed(r, dealer)) {
            self.decline(&rfq, Declined::ByDealer(text), now);
        }
    }

    pub(super) fn not_sent(&mut self, dealer: &DealerId, m: AppMessage, now: UtcMillis) {
        match m {
            AppMessage::QuoteRequest(q) => {
                self.dealer_out(&q.id, dealer, Passed { code: OTHER, text: "not connected".into() }, now);
            }
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
                if let Some(id) = self.accepts.get(&r.id).cloned() {
                    self.decline(&id, Declined::ByGateway(format!("{dealer} is not connected")), now);
                }
            }
            _ => {}
        }
    }

    pub(super) fn dealer_up(&mut self, dealer: &DealerId, now: UtcMillis) {
        let Some(d) = self.dealers.get_mut(dealer) else { return };
        d.online = true;
        self.tell_venue_state(now);
        let waiting: Vec<RfqId> = self
            .rfqs
            .alive()
            .filter(|(_, e)| e.rfq.accept.as_ref().is_some_and(|(a, s)| &a.dealer == dealer && s.in_flight()))
            .map(|(id, _)| id.clone())
            .collect();
        for id in waiting {
            self.ask_what_became(&id, now);
        }
    }

    /// A price that cannot be reached cannot be traded: live quotes go, accepts in flight become
    /// unknown until the dealer is back and is asked.
    pub(super) fn dealer_down(&mut self, dealer: &DealerId, now: UtcMillis) {
        let Some(d) = self.dealers.get_mut(dealer) else { return };
        if !std::mem::replace(&mut d.online, false) {
            return;
        }
        self.tell_venue_state(now);
        let touched: Vec<RfqId> = self.rfqs.alive().filter(|(_, e)| e.rfq.line(dealer).is_some()).map(|(id, _)| id.clone()).collect();
        for id in touched {
            let Some(e) = self.rfqs.get_mut(&id) else { continue };
            let desk = e.desk.clone();
            let terms = e.rfq.terms.clone();
            let quote = e.rfq.line(dealer).and_then(|l| l.quote.as_ref()).map(|q| q.id.clone());
            let in_flight = e.rfq.accept.clone().filter(|(a, s)| &a.dealer == dealer && s.in_flight());
            if let Some((a, _)) = in_flight {
                e.rfq.answer_lost();
                self.tell_desk(&desk, AppMessage::ExecutionReport(super::desk_side::status_report(&a, &AcceptState::Unknown, now)));
            } else if let (Some(quote), Ok(true)) = (quote, e.rfq.withdraw(dealer, None)) {
                let cancel = QuoteCancel { rfq: terms.id, quote, instrument: terms.instrument, dealer: Some(dealer.clone()) };
                self.tell_desk(&desk, AppMessage::QuoteCancel(cancel));
            }
        }
    }
}

fn holds(rfq: &Rfq, dealer: &DealerId, desk: &CompId, accept: &AcceptId) -> bool {
    rfq.accept.as_ref().is_some_and(|(a, _)| &a.dealer == dealer && outer(desk, a.id.as_str()) == accept.as_str())
}

/// QuoteRequestRejectReason (658) in words, FIX 4.4.
fn reason_words(code: u16) -> &'static str {
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
