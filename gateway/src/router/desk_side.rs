//! What desks ask for.

use super::*;
use rust_decimal::Decimal;

/// QuoteRequestRejectReason (658).
const UNKNOWN_SYMBOL: u16 = 1;
const EXCEEDS_LIMIT: u16 = 3;
const TOO_LATE: u16 = 4;
const NOT_AUTHORIZED: u16 = 6;
const OTHER: u16 = 99;
/// OrdRejReason (103).
const REJ_UNKNOWN_ORDER: u16 = 5;
const REJ_OTHER: u16 = 99;
/// Instruments per SecurityList, well inside the frame limit.
const INSTRUMENTS_PER_LIST: usize = 50;
/// BusinessRejectReason (380): not authorized.
const NOT_FOR_YOU: u16 = 6;

impl Router {
    pub(super) fn desk_said(&mut self, desk: &CompId, m: AppMessage, now: UtcMillis) {
        if !self.desks.contains_key(desk) {
            return self.note(format!("{desk} is not configured and sent {}", m.msg_type()));
        }
        match m {
            AppMessage::QuoteRequest(q) => self.request(desk, q, now),
            AppMessage::RfqCancel { rfq, text } => self.cancel(desk, &rfq, text, now),
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => self.accept(desk, r, now),
            AppMessage::OrderStatusRequest(h) => self.status(desk, h, now),
            AppMessage::SecurityListRequest(x) => self.list(desk, x),
            // Only the gateway and dealers say these; a desk that does is broken or worse.
            other => {
                let reject = BusinessReject {
                    ref_seq_num: None,
                    ref_msg_type: other.msg_type().into(),
                    ref_id: None,
                    reason: NOT_FOR_YOU,
                    text: Some("a desk may not send this".into()),
                };
                self.note(format!("{desk} sent {}, which a desk may not", other.msg_type()));
                self.tell_desk(desk, AppMessage::BusinessReject(reject));
            }
        }
    }

    fn request(&mut self, desk: &CompId, q: QuoteRequest, now: UtcMillis) {
        let refuse = |s: &mut Self, reason, text: String| {
            s.note(format!("{desk} RFQ {} refused: {text}", q.id));
            let reject = QuoteRequestReject { rfq: q.id.clone(), reason, instrument: q.instrument.clone(), dealer: None, text: Some(text) };
            s.tell_desk(desk, AppMessage::QuoteRequestReject(reject));
        };
        let Ok(id) = RfqId::new(outer(desk, q.id.as_str())) else {
            return refuse(self, OTHER, "the request id is too long".into());
        };
        if self.rfqs.contains_key(&id) {
            return refuse(self, OTHER, "this request id was used before".into());
        }
        let open = self.rfqs.values().filter(|e| &e.desk == desk && !e.rfq.state.ended()).count();
        if open >= MAX_OPEN_RFQS_PER_DESK {
            return refuse(self, EXCEEDS_LIMIT, format!("{open} RFQs are open already"));
        }
        let Some(instrument) = self.catalogue.get(&q.instrument) else {
            return refuse(self, UNKNOWN_SYMBOL, format!("instrument {} is not known here", q.instrument));
        };
        // The RFQ lives on the gateway's clock: its length is the trader's, its beginning is now.
        let ttl_ms = q.expires.since(q.at);
        let terms = Terms {
            id: q.id.clone(),
            instrument: q.instrument.clone(),
            ask: q.ask,
            quantity: q.quantity,
            currency: q.currency.clone(),
            settlement_date: q.settlement_date.clone(),
            dealers: q.dealers.clone(),
            expires: now + ttl_ms,
            created: now,
        };
        if let Err(e) = terms.check(instrument, now) {
            let reason = match e {
                TermsError::AlreadyExpired => TOO_LATE,
                TermsError::BadTtl if ttl_ms <= 0 => TOO_LATE,
                TermsError::Instrument(InstrumentError::TooLarge { .. }) | TermsError::TooManyDealers => EXCEEDS_LIMIT,
                _ => OTHER,
            };
            return refuse(self, reason, e.to_string());
        }
        for d in &terms.dealers {
            if !self.may_ask(desk, d) {
                return refuse(self, NOT_AUTHORIZED, format!("dealer {d} is not one you may ask"));
            }
        }
        let mut rfq = Rfq::new(terms);
        rfq.acknowledge();
        self.ack(desk, &rfq);
        let dealers = rfq.terms.dealers.clone();
        let onward =
            QuoteRequest { id: id.clone(), dealers: vec![], expires: rfq.terms.expires, at: now, isin: self.isin(&q.instrument), ..q };
        self.rfqs.insert(id.clone(), Entry { desk: desk.clone(), rfq, ended_at: None, asked_at: None });
        // Whether a dealer can be reached shows when sending: a failure comes back as an input of its
        // own, so that a replay of the inputs takes the same way.
        for d in dealers {
            self.tell_dealer(&d, AppMessage::QuoteRequest(onward.clone()));
        }
    }

    fn ack(&mut self, desk: &CompId, rfq: &Rfq) {
        let report =
            QuoteStatusReport { rfq: rfq.terms.id.clone(), instrument: rfq.terms.instrument.clone(), status: RfqStatus::Open, text: None };
        self.tell_desk(desk, AppMessage::QuoteStatusReport(report));
    }

    pub(super) fn may_ask(&self, desk: &CompId, dealer: &DealerId) -> bool {
        let Some(d) = self.desks.get(desk) else { return false };
        self.dealers.contains_key(dealer) && (d.settings.dealers.is_empty() || d.settings.dealers.contains(dealer))
    }

    fn cancel(&mut self, desk: &CompId, rfq: &RfqId, text: Option<String>, now: UtcMillis) {
        let entry = RfqId::new(outer(desk, rfq.as_str())).ok().filter(|id| self.rfqs.contains_key(id));
        let Some(id) = entry else {
            return self.reject(desk, "U3", rfq.as_str(), "no such RFQ");
        };
        let ended = self.rfqs.get_mut(&id).map(|e| e.rfq.end(RfqState::Cancelled, text.clone()));
        match ended {
            Some(Ok(())) => self.ended(&id, RfqStatus::Cancelled, text, now),
            Some(Err(e)) => self.reject(desk, "U3", rfq.as_str(), &e.to_string()),
            None => {}
        }
    }

    fn reject(&mut self, desk: &CompId, msg_type: &str, id: &str, text: &str) {
        let reject = BusinessReject {
            ref_seq_num: None,
            ref_msg_type: msg_type.into(),
            ref_id: Some(id.into()),
            reason: 0,
            text: Some(text.into()),
        };
        self.tell_desk(desk, AppMessage::BusinessReject(reject));
    }

    fn accept(&mut self, desk: &CompId, r: QuoteResponse, now: UtcMillis) {
        let known = AcceptId::new(outer(desk, r.id.as_str())).ok().filter(|a| self.accepts.contains_key(a));
        if known.is_some() {
            // The same accept again: whatever the reason, it is answered, never executed twice.
            let h = OrderStatusRequest { accept: r.id, instrument: r.instrument, side: r.side, dealer: None };
            return self.status(desk, h, now);
        }
        let Ok(outer_id) = AcceptId::new(outer(desk, r.id.as_str())) else {
            return self.refuse_accept(desk, &r, "accept_id", "the accept id is too long", now);
        };
        let found = self.rfq_of_quote(desk, &r).zip(r.dealer.clone());
        let Some((id, dealer)) = found else {
            return self.refuse_accept(desk, &r, "no_quote", "no such quote", now);
        };
        let Some(e) = self.rfqs.get_mut(&id) else { return };
        let accept = Accept {
            id: r.id.clone(),
            rfq: e.rfq.terms.id.clone(),
            dealer: dealer.clone(),
            quote: r.quote.clone(),
            instrument: r.instrument.clone(),
            side: r.side,
            price: r.price,
            quantity: r.quantity,
        };
        e.rfq.tick(now);
        let sent = e.rfq.arm(accept, now, 0).and_then(|()| e.rfq.send_accept(&r.id, now, 0));
        if let Err(refusal) = sent {
            return self.refuse_accept(desk, &r, refusal.code(), &refusal.to_string(), now);
        }
        e.asked_at = Some(now);
        self.accepts.insert(outer_id.clone(), id.clone());
        let isin = self.isin(&r.instrument);
        let onward = QuoteResponse { id: outer_id, dealer: None, isin, at: now, ..r };
        self.tell_dealer(&dealer, AppMessage::QuoteResponse(onward));
    }

    /// ExecType 8 from the gateway itself: no dealer party in it.
    fn refuse_accept(&mut self, desk: &CompId, r: &QuoteResponse, code: &str, why: &str, now: UtcMillis) {
        self.note(format!("{desk} accept {} refused: {code}", r.id));
        let report = rejection(&r.id, &r.instrument, r.side, REJ_OTHER, why.into(), now);
        self.tell_desk(desk, AppMessage::ExecutionReport(report));
    }

    /// The accept in flight of this RFQ ends without a trade, by the gateway's or dealer's word.
    pub(super) fn decline(&mut self, id: &RfqId, why: Declined, now: UtcMillis) {
        let Some(e) = self.rfqs.get_mut(id) else { return };
        let Some((a, _)) = e.rfq.accept.clone() else { return };
        if e.rfq.declined(&a.id, why.clone()) != Ok(true) {
            return;
        }
        e.asked_at = None;
        let desk = e.desk.clone();
        let dealer = matches!(why, Declined::ByDealer(_)).then(|| a.dealer.clone());
        let report = ExecutionReport { dealer, ..rejection(&a.id, &a.instrument, a.side, REJ_OTHER, why.reason().into(), now) };
        self.tell_desk(&desk, AppMessage::ExecutionReport(report));
        // The clock may have run out while the answer was outstanding.
        self.rfq_tick(id, now);
    }

    /// What became of an accept, as far as the gateway knows; if it does not, the dealer is asked.
    fn status(&mut self, desk: &CompId, h: OrderStatusRequest, now: UtcMillis) {
        let rfq = AcceptId::new(outer(desk, h.accept.as_str())).ok().and_then(|a| self.accepts.get(&a).cloned());
        let state = rfq.as_ref().and_then(|id| self.rfqs.get(id)).and_then(|e| {
            let all = e.rfq.accept.iter().chain(&e.rfq.past);
            all.into_iter().find(|(a, _)| a.id == h.accept).cloned()
        });
        let Some(((a, state), id)) = state.zip(rfq) else {
            let mut report =
                rejection(&h.accept, &h.instrument, h.side, REJ_UNKNOWN_ORDER, "the gateway never had this accept".into(), now);
            report.exec_type = ExecType::Status;
            return self.tell_desk(desk, AppMessage::ExecutionReport(report));
        };
        self.tell_desk(desk, AppMessage::ExecutionReport(status_report(&a, &state, now)));
        if state.in_flight() {
            self.ask_what_became(&id, now);
        }
    }

    fn list(&mut self, desk: &CompId, x: SecurityListRequest) {
        let all: Vec<Instrument> = self.catalogue.iter().cloned().collect();
        let mut chunks: Vec<&[Instrument]> = all.chunks(INSTRUMENTS_PER_LIST).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        let n = chunks.len();
        for (i, c) in chunks.into_iter().enumerate() {
            let list = SecurityList { request: x.id.clone(), last: i + 1 == n, instruments: c.to_vec() };
            self.tell_desk(desk, AppMessage::SecurityList(list));
        }
    }
}

fn rejection(id: &AcceptId, instrument: &InstrumentId, side: Side, reason: u16, text: String, now: UtcMillis) -> ExecutionReport {
    ExecutionReport {
        order_id: "NONE".into(),
        exec_id: format!("G.{}.{}", id, now.0),
        accept: id.clone(),
        exec_type: ExecType::Rejected,
        status: OrdStatus::Rejected,
        instrument: instrument.clone(),
        dealer: None,
        side,
        last: None,
        cum_qty: Decimal::ZERO,
        leaves_qty: Decimal::ZERO,
        avg_px: Decimal::ZERO,
        settlement_date: None,
        reject_reason: Some(reason),
        text: Some(text),
        at: now,
    }
}

/// ExecType I: the state of an accept as the gateway holds it.
pub(super) fn status_report(a: &Accept, state: &AcceptState, now: UtcMillis) -> ExecutionReport {
    let mut r = rejection(&a.id, &a.instrument, a.side, REJ_OTHER, String::new(), now);
    r.exec_type = ExecType::Status;
    r.dealer = Some(a.dealer.clone());
    r.leaves_qty = a.quantity;
    r.reject_reason = None;
    r.text = None;
    match state {
        AcceptState::Filled(e) | AcceptState::PartlyFilled(e) => {
            let whole = matches!(state, AcceptState::Filled(_));
            r.status = if whole { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
            r.order_id = e.order_id.clone();
            r.exec_id = e.exec_id.clone();
            r.last = Some(Level { price: e.price, size: e.quantity });
            r.cum_qty = e.quantity;
            r.leaves_qty = Decimal::ZERO;
            r.avg_px = e.price;
            r.settlement_date = e.settlement_date.clone();
            r.at = e.at;
        }
        AcceptState::Declined(d) => {
            r.status = OrdStatus::Rejected;
            r.leaves_qty = Decimal::ZERO;
            r.reject_reason = Some(REJ_OTHER);
            r.text = Some(d.reason().into());
            if !matches!(d, Declined::ByDealer(_)) {
                r.dealer = None;
            }
        }
        AcceptState::LastLook => r.status = OrdStatus::PendingNew,
        AcceptState::Armed | AcceptState::Sent => r.status = OrdStatus::New,
        AcceptState::Unknown => {
            r.status = OrdStatus::New;
            r.text = Some("the link to the dealer was lost; asking what became of it".into());
        }
    }
    r
}
