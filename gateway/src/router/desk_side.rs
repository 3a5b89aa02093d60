//! What desks ask for.

use super::*;
use rust_decimal::Decimal;
use signet_stepup::Action;

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

    /// What a person would approve if this message went on to dealers now, and when the quote that an
    /// accept takes ends; `None` when it would not go on, whether it is refused or asks for nothing that
    /// reaches a dealer.
    pub fn action_of(&self, desk: &CompId, m: &AppMessage, now: UtcMillis) -> Option<(Action, Option<UtcMillis>)> {
        self.proposal(desk, m, now).map(|p| (p.action, p.ends))
    }

    /// The RFQ this request would become, by the id dealers know; or the reason (658) and why not.
    pub(super) fn check_request(&self, desk: &CompId, q: &QuoteRequest, now: UtcMillis) -> Result<(RfqId, Terms), (u16, String)> {
        let id = RfqId::new(outer(desk, q.id.as_str())).map_err(|_| (OTHER, "the request id is too long".to_owned()))?;
        if self.rfqs.contains_key(&id) {
            return Err((OTHER, "this request id was used before".into()));
        }
        let open = self.rfqs.open_count(desk);
        if open >= MAX_OPEN_RFQS_PER_DESK {
            return Err((EXCEEDS_LIMIT, format!("{open} RFQs are open already")));
        }
        let unknown = || (UNKNOWN_SYMBOL, format!("instrument {} is not known here", q.instrument));
        let instrument = self.catalogue.get(&q.instrument).ok_or_else(unknown)?;
        // The RFQ lives on the gateway's clock: its length is the trader's, its beginning is now.
        let ttl_ms = q.expires.since(q.at);
        let terms = Terms { expires: now + ttl_ms, created: now, ..q.terms() };
        terms.check(instrument, now).map_err(|e| {
            let reason = match e {
                TermsError::AlreadyExpired => TOO_LATE,
                TermsError::BadTtl if ttl_ms <= 0 => TOO_LATE,
                TermsError::Instrument(InstrumentError::TooLarge { .. }) | TermsError::TooManyDealers => EXCEEDS_LIMIT,
                _ => OTHER,
            };
            (reason, e.to_string())
        })?;
        match terms.dealers.iter().find(|d| !self.may_ask(desk, d)) {
            Some(d) => Err((NOT_AUTHORIZED, format!("dealer {d} is not one you may ask"))),
            None => Ok((id, terms)),
        }
    }

    fn request(&mut self, desk: &CompId, q: QuoteRequest, now: UtcMillis) {
        let (id, terms) = match self.check_request(desk, &q, now) {
            Ok(good) => good,
            Err((reason, text)) => return self.refuse_request(desk, &q, reason, text),
        };
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

    fn refuse_request(&mut self, desk: &CompId, q: &QuoteRequest, reason: u16, text: String) {
        self.note(format!("{desk} RFQ {} refused: {text}", q.id));
        self.tell_desk(desk, AppMessage::QuoteRequestReject(request_refusal(q, reason, text)));
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
        let checked = match self.check_accept(desk, &r, now) {
            Ok(good) => good,
            Err((code, why)) => return self.refuse_accept(desk, &r, code, &why, now),
        };
        let Checked { outer_id, id, accept, rfq } = checked;
        let Some(e) = self.rfqs.get_mut(&id) else { return };
        e.rfq = rfq;
        e.asked_at = Some(now);
        self.accepts.insert(outer_id.clone(), id.clone());
        let isin = self.isin(&r.instrument);
        let onward = QuoteResponse { id: outer_id, dealer: None, isin, at: now, ..r };
        self.tell_dealer(&accept.dealer, AppMessage::QuoteResponse(onward));
    }

    /// The accept as it would be sent and its RFQ as it would then be; or a code and why not.
    pub(super) fn check_accept(&self, desk: &CompId, r: &QuoteResponse, now: UtcMillis) -> Result<Checked, (&'static str, String)> {
        let outer_id = AcceptId::new(outer(desk, r.id.as_str())).map_err(|_| ("accept_id", "the accept id is too long".to_owned()))?;
        let found = self.rfq_of_quote(desk, r).zip(r.dealer.clone());
        let no_quote = || ("no_quote", "no such quote".to_owned());
        let (id, dealer) = found.ok_or_else(no_quote)?;
        let mut rfq = self.rfqs.get(&id).ok_or_else(no_quote)?.rfq.clone();
        let accept = r.accept(rfq.terms.id.clone(), dealer);
        rfq.tick(now);
        let sent = rfq.arm(accept.clone(), now, 0).and_then(|()| rfq.send_accept(&r.id, now, 0));
        sent.map(|_| Checked { outer_id, id, accept, rfq }).map_err(|e| (e.code(), e.to_string()))
    }

    /// ExecType 8 from the gateway itself: no dealer party in it.
    fn refuse_accept(&mut self, desk: &CompId, r: &QuoteResponse, code: &str, why: &str, now: UtcMillis) {
        self.note(format!("{desk} accept {} refused: {code}", r.id));
        self.tell_desk(desk, AppMessage::ExecutionReport(accept_refusal(r, why.into(), now)));
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

/// An accept that may be sent.
pub(super) struct Checked {
    outer_id: AcceptId,
    pub id: RfqId,
    pub accept: Accept,
    pub rfq: Rfq,
}

/// What the desk reads when the gateway refuses a whole request.
pub fn request_refusal(q: &QuoteRequest, reason: u16, text: String) -> QuoteRequestReject {
    QuoteRequestReject { rfq: q.id.clone(), reason, instrument: q.instrument.clone(), dealer: None, text: Some(text) }
}

/// What the desk reads when the gateway refuses an accept: no dealer party in it.
pub fn accept_refusal(r: &QuoteResponse, why: String, now: UtcMillis) -> ExecutionReport {
    rejection(&r.id, &r.instrument, r.side, REJ_OTHER, why, now)
}

/// What the desk reads about an accept that waits at the gateway.
pub fn accept_waits(r: &QuoteResponse, now: UtcMillis) -> ExecutionReport {
    let mut report = rejection(&r.id, &r.instrument, r.side, REJ_OTHER, String::new(), now);
    report.exec_type = ExecType::Status;
    report.status = OrdStatus::New;
    report.leaves_qty = r.quantity;
    report.reject_reason = None;
    report.text = None;
    report
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
