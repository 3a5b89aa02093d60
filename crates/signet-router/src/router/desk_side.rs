//! What desks ask for.

use super::{
    ASK_FOR_DESK_MS, Entry, Kept, MAX_OPEN_RFQS_PER_DESK, MAX_TRADES_PER_DESK, Router,
    accept_refusal,
    accepts::{self, SentAccept, outer_accept},
    age::{check_age, check_request_age, check_settlement},
    answers::{REJ_OTHER, rejection, status_report},
    not_taken::NotTaken,
    outer, request_refusal,
};
use signet_fix::message::{
    Advice, AppMessage, BusinessReject, ExecutionReport, OrderStatusRequest, QuoteRequest,
    QuoteResponse, QuoteStatusReport, Response, RfqStatus, SecurityList, SecurityListRequest,
};
use signet_identity::CompId;
use signet_rfq::{
    Accept, AcceptId, AcceptRefusal, DealerId, Declined, InstrumentError, InstrumentId, LegsError,
    PartRule, Rfq, RfqId, RfqState, Terms, TermsError, UtcMillis,
};

/// QuoteRequestRejectReason (658).
const UNKNOWN_SYMBOL: u16 = 1;
const EXCEEDS_LIMIT: u16 = 3;
const TOO_LATE: u16 = 4;
const NOT_AUTHORIZED: u16 = 6;
const OTHER: u16 = 99;
/// Instruments per SecurityList, well inside the frame limit.
const INSTRUMENTS_PER_LIST: usize = 50;
/// BusinessRejectReason (380): not authorized.
const NOT_FOR_YOU: u16 = 6;
const NO_NAME: &str =
    "the gateway's source of random numbers fails, so dealers cannot be asked; nothing was sent";

impl Router {
    pub(super) fn desk_said(&mut self, desk: &CompId, m: AppMessage, now: UtcMillis) {
        if !self.desks.contains_key(desk) {
            return self.note(format!("{desk} is not configured and sent {}", m.msg_type()));
        }
        match m {
            AppMessage::QuoteRequest(q) => self.request(desk, q, now),
            AppMessage::RfqCancel { rfq, text } => self.cancel(desk, &rfq, text, now),
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
                self.accept(desk, r, now)
            }
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
                self.counter_from_desk(desk, &r, now)
            }
            AppMessage::QuoteResponse(r) => self.pass_from_desk(desk, &r, now),
            AppMessage::OrderStatusRequest(h) => self.status(desk, h, now),
            AppMessage::SecurityListRequest(x) => self.list(desk, x),
            AppMessage::TakeOver(t) => self.asked_to_take_over(desk, &t, now),
            // Only the gateway and dealers send these types; a desk that does is broken or hostile.
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

    /// The RFQ this request would become, by the gateway's id; or the reason (658) and why not.
    pub(super) fn check_request(
        &self,
        desk: &CompId,
        q: &QuoteRequest,
        now: UtcMillis,
    ) -> Result<(RfqId, Terms), (u16, String)> {
        let id = RfqId::new(outer(desk, q.id.as_str()))
            .map_err(|_| (OTHER, "the request id is too long".to_owned()))?;
        if self.is_used(desk, &q.id) {
            return Err((OTHER, "this request id was used before".into()));
        }
        let open = self.rfqs.open_count(desk);
        if open >= MAX_OPEN_RFQS_PER_DESK {
            return Err((EXCEEDS_LIMIT, format!("{open} RFQs are open already")));
        }
        if self.rfqs.trades_remembered(desk) >= MAX_TRADES_PER_DESK {
            return Err((
                EXCEEDS_LIMIT,
                format!(
                    "{MAX_TRADES_PER_DESK} trades of this desk are remembered; no more until the \
                        first is a day old"
                ),
            ));
        }
        if self.names.next().is_none() && !self.replaying {
            return Err((OTHER, NO_NAME.into()));
        }
        // The RFQ lives on the gateway's clock: its length is the trader's, its beginning is now.
        let ttl_ms = q.expires.since(q.at);
        let terms = Terms { expires: now + ttl_ms, created: now, ..q.terms() };
        self.check_terms(&terms, now)?;
        // Decided once, as the age of a request is: a journal holds what was taken.
        if !self.replaying {
            check_settlement(&terms, now).map_err(|why| (OTHER, why))?;
        }
        match terms.dealers.iter().find(|d| !self.may_ask(desk, d)) {
            Some(d) => Err((NOT_AUTHORIZED, format!("dealer {d} is not one you may ask"))),
            None => Ok((id, terms)),
        }
    }

    /// The terms of one instrument, or of a package, whose legs are all listed.
    fn check_terms(&self, terms: &Terms, now: UtcMillis) -> Result<(), (u16, String)> {
        let checked = if terms.is_package() {
            terms.check_package(&self.catalogue, now)
        } else {
            let id = &terms.instrument;
            let unknown = || (UNKNOWN_SYMBOL, format!("instrument {id} is not known here"));
            terms.check(self.catalogue.get(id).ok_or_else(unknown)?, now)
        };
        let late = terms.expires <= terms.created;
        checked.map_err(|e| {
            let reason = match e {
                TermsError::AlreadyExpired => TOO_LATE,
                TermsError::BadTtl if late => TOO_LATE,
                TermsError::Legs(LegsError::Unknown(..)) => UNKNOWN_SYMBOL,
                TermsError::Instrument(InstrumentError::TooLarge { .. })
                | TermsError::Legs(
                    LegsError::Quantity(_, InstrumentError::TooLarge { .. })
                    | LegsError::TooLarge
                    | LegsError::Count(_),
                )
                | TermsError::TooManyDealers => EXCEEDS_LIMIT,
                _ => OTHER,
            };
            (reason, e.to_string())
        })
    }

    fn request(&mut self, desk: &CompId, q: QuoteRequest, now: UtcMillis) {
        let (_, terms) = match self.check_request(desk, &q, now) {
            Ok(good) => good,
            Err((reason, text)) => return self.refuse_request(desk, &q, reason, text, None),
        };
        // Decided once: a replay of the journal knows no clocks.
        if !self.replaying
            && let Err((code, text)) = check_request_age(&q, now)
        {
            // The trader may have given it up long ago, and asks again if not.
            let advice = Advice { code: code.into(), cure: "Send it again.".into() };
            return self.refuse_request(desk, &q, TOO_LATE, text, Some(advice));
        }
        self.open_request(
            desk,
            QuoteRequest { expires: terms.expires, at: now, isin: self.isin(&q.instrument), ..q },
            now,
        );
    }

    /// An RFQ that was let through, on the gateway's clock.
    pub(super) fn open_request(&mut self, desk: &CompId, q: QuoteRequest, now: UtcMillis) {
        self.make_free(desk, &q.id);
        let Ok(id) = RfqId::new(outer(desk, q.id.as_str())) else { return };
        if self.is_used(desk, &q.id) {
            return;
        }
        // One that an earlier version wrote down has none.
        let name = match self.replaying {
            true => self.recorded_name.take().and_then(|name| RfqId::new(name).ok()),
            false => match self.names.take_next() {
                // Under the gateway's id a dealer would read which desk asks.
                None => return self.note(format!("{desk} RFQ {} not sent: {NO_NAME}", q.id)),
                name => name,
            },
        };
        for id in self.rfqs.beyond(desk, self.max_ended) {
            self.forget_one(&id);
        }
        let mut rfq = Rfq::new(q.terms());
        rfq.acknowledge();
        self.ack(desk, &rfq);
        let dealers = rfq.terms.dealers.clone();
        self.rfqs.insert(
            id.clone(),
            Entry {
                desk: desk.clone(),
                rfq,
                isin: q.isin,
                ended_at: None,
                asked_at: None,
                unknown_told: None,
                answer_lost: Default::default(),
                kept: Kept { from: self.elapsed.memory(now), wall: now },
                before: Vec::new(),
                to_end: None,
            },
        );
        if let Some(name) = name {
            self.names.name_rfq(&id, name);
        }
        let onward = QuoteRequest { id, dealers: vec![], at: now, ..q };
        // Whether a dealer can be reached shows when sending: a failure comes back as an input of
        // its own, so that a replay of the inputs takes the same way.
        for d in dealers {
            self.tell_dealer(&d, AppMessage::QuoteRequest(onward.clone()));
        }
    }

    fn refuse_request(
        &mut self,
        desk: &CompId,
        q: &QuoteRequest,
        reason: u16,
        text: String,
        advice: Option<Advice>,
    ) {
        self.note(format!("{desk} RFQ {} refused: {text}", q.id));
        let refusal = request_refusal(q, reason, text, advice);
        self.tell_desk(desk, AppMessage::QuoteRequestReject(refusal));
    }

    fn ack(&mut self, desk: &CompId, rfq: &Rfq) {
        let open = QuoteStatusReport::of_rfq(
            rfq.terms.id.clone(),
            rfq.terms.instrument.clone(),
            RfqStatus::Open,
            None,
        );
        let report = QuoteStatusReport { until: Some(rfq.expires()), ..open };
        self.tell_desk(desk, AppMessage::QuoteStatusReport(report));
    }

    pub(super) fn may_ask(&self, desk: &CompId, dealer: &DealerId) -> bool {
        let Some(d) = self.desks.get(desk) else { return false };
        self.dealers.contains_key(dealer)
            && (d.settings.dealers.is_empty() || d.settings.dealers.contains(dealer))
    }

    fn cancel(&mut self, desk: &CompId, rfq: &RfqId, text: Option<String>, now: UtcMillis) {
        let Some(id) = self.find(desk, rfq) else {
            let why = self.gone(desk, rfq).unwrap_or_else(|| "no such RFQ".into());
            return self.reject(desk, "U3", rfq.as_str(), &why);
        };
        let ended = self.rfqs.get_mut(&id).map(|e| e.rfq.end(RfqState::Cancelled, text.clone()));
        match ended {
            Some(Ok(())) => self.ended(&id, RfqStatus::Cancelled, text, now),
            Some(Err(e)) => self.reject(desk, "U3", rfq.as_str(), &e.to_string()),
            None => {}
        }
    }

    pub(super) fn reject(&mut self, desk: &CompId, msg_type: &str, id: &str, text: &str) {
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
        if self.accepts.is_known(desk, &r.id) {
            // A repeated accept is answered with its state, never executed twice.
            let h = OrderStatusRequest {
                accept: r.id,
                instrument: r.instrument,
                side: r.side,
                dealer: None,
                sent: None,
            };
            return self.status(desk, h, now);
        }
        let in_time = |c| check_age(&r, now).map(|()| c).map_err(NotTaken::from);
        match self.check_accept(desk, &r, now).and_then(in_time) {
            Ok(checked) => self.pass_on(desk, checked.response(r), now),
            Err(why) => self.refuse_accept(desk, &r, why, now),
        }
    }

    /// Passes on an accept that was let through; it is in flight from now on, whatever quote
    /// stands.
    pub(super) fn pass_on(&mut self, desk: &CompId, r: QuoteResponse, now: UtcMillis) {
        let (Some(rfq), Some(dealer)) = (r.rfq.clone(), r.dealer.clone()) else { return };
        let Some(id) = self.find(desk, &rfq) else { return };
        let outer_id = self.rfqs.get(&id).and_then(|e| outer_accept(&id, e, &r.id));
        let name = self.name_of_accept(&id);
        let (Some(outer_id), Some(e)) = (outer_id, self.rfqs.get_mut(&id)) else { return };
        e.rfq.tick(now);
        if !e.rfq.sent_before(r.accept(rfq, dealer.clone())) {
            return;
        }
        e.asked_at = Some(now);
        e.kept = self.elapsed.kept(e.kept, now);
        // The quote may not be the one that the desk named: it must know what is in flight.
        let followed = e.rfq.accept.as_ref().filter(|(a, _)| a.limit.is_some());
        let as_sent = followed.map(|(a, _)| QuoteResponse::hit(a, &e.rfq.terms, e.isin, now));
        let (terms, own) = (&e.rfq.terms, r.id.clone());
        let onward = QuoteResponse {
            id: outer_id.clone(),
            rfq: None,
            dealer: None,
            isin: e.isin,
            currency: Some(terms.currency.clone()),
            settlement_date: Some(terms.settlement_date.clone()),
            // They are between desk and gateway: what the dealer waits for is its own matter, and
            // it must not learn what the customer would have paid.
            deadline: None,
            limit: None,
            // What a person approves has no free text in it.
            text: None,
            at: now,
            ..r
        };
        if let Some(name) = name {
            self.names.name_accept(&id, &outer_id, name);
        }
        let sent = SentAccept { rfq: id, desk: desk.clone(), own };
        self.accepts.insert(outer_id, sent);
        if let Some(as_sent) = as_sent {
            self.tell_desk(desk, AppMessage::QuoteResponse(as_sent));
        }
        self.tell_dealer(&dealer, AppMessage::QuoteResponse(onward));
    }

    /// The accept as it would be sent and its RFQ as it would then be; or why not.
    pub(super) fn check_accept(
        &self,
        desk: &CompId,
        r: &QuoteResponse,
        now: UtcMillis,
    ) -> Result<Checked, NotTaken> {
        AcceptId::new(outer(desk, r.id.as_str()))
            .ok()
            .filter(|_| accepts::is_free_for_desks(&r.id))
            .ok_or(("accept.id", "the accept id is too long, or holds `:~`".to_owned()))?;
        let no_quote = || ("quote.none", "no such quote".to_owned());
        let id = self.rfq_of_accept(desk, r)?;
        let dealer = r.dealer.clone().ok_or_else(no_quote)?;
        let mut rfq = self.rfqs.get(&id).ok_or_else(no_quote)?.rfq.clone();
        rfq.tick(now);
        rfq.set_part(&dealer, self.part_rule(&dealer, &rfq.terms));
        let accept =
            rfq.followed(&r.accept(rfq.terms.id.clone(), dealer), now).map_err(NotTaken::from)?;
        let sent = rfq.arm(accept.clone(), now, 0).and_then(|()| rfq.send_accept(&r.id, now, 0));
        let sent = sent.and_then(|_| same_terms(r, &rfq.terms));
        sent.map(|()| Checked { id, accept, rfq }).map_err(NotTaken::from)
    }

    /// What may be taken of a dealer's quotes by a trader who wants less; `None`: the whole only.
    fn part_rule(&self, dealer: &DealerId, terms: &Terms) -> Option<PartRule> {
        let takes = self.dealers.get(dealer).is_some_and(|d| d.settings.parts);
        self.catalogue.get(&terms.instrument).filter(|_| takes).map(PartRule::of)
    }

    /// ExecType 8 from the gateway itself: no dealer party in it. Price (44) is the price that the
    /// quote has, where the accept is refused for it.
    fn refuse_accept(&mut self, desk: &CompId, r: &QuoteResponse, no: NotTaken, now: UtcMillis) {
        self.note(format!("{desk} accept {} refused: {}", r.id, no.code));
        let report = ExecutionReport { price: no.stands, ..accept_refusal(r, no.why, now) };
        self.tell_desk(desk, AppMessage::ExecutionReport(report));
    }

    /// An accept of this RFQ ends without a trade, by the gateway's or its dealer's word. Returns
    /// whether it was in flight.
    pub(super) fn decline(
        &mut self,
        id: &RfqId,
        accept: &AcceptId,
        why: Declined,
        now: UtcMillis,
    ) -> bool {
        let Some(e) = self.rfqs.get_mut(id) else { return false };
        let Some((a, _)) = e.rfq.accept_of(accept).cloned() else { return false };
        if e.rfq.declined(accept, why.clone()) != Ok(true) {
            return false;
        }
        self.tell_declined(id, &a, &why, now);
        true
    }

    /// Tells the desk that an accept has ended without a trade.
    pub(super) fn tell_declined(&mut self, id: &RfqId, a: &Accept, why: &Declined, now: UtcMillis) {
        let Some(e) = self.rfqs.get_mut(id) else { return };
        e.asked_at = None;
        let desk = e.desk.clone();
        let dealer = matches!(why, Declined::ByDealer(_)).then(|| a.dealer.clone());
        let report = ExecutionReport {
            dealer,
            ..rejection(&a.id, &a.instrument, a.side, REJ_OTHER, why.reason().into(), now)
        };
        self.tell_desk(&desk, AppMessage::ExecutionReport(report));
        // The clock may have run out while the answer was outstanding.
        self.rfq_tick(id, now);
    }

    /// Answers with the state of an accept; asks the dealer when the gateway does not know it.
    fn status(&mut self, desk: &CompId, h: OrderStatusRequest, now: UtcMillis) {
        let rfq = self.accepts.of_desk(desk, &h.accept).map(|(_, sent)| sent.rfq.clone());
        let state = rfq
            .as_ref()
            .and_then(|id| self.rfqs.get(id))
            .and_then(|e| e.rfq.accept_of(&h.accept).cloned());
        let Some(((a, state), id)) = state.zip(rfq) else {
            return self.status_of_none(desk, &h, now);
        };
        let entry = self.rfqs.get(&id);
        let lost = entry.map(|e| e.answer_lost).unwrap_or_default();
        let report = status_report(&a, &state, lost, now);
        let rest = entry.and_then(|e| e.rfq.open_rest(&a.id));
        let leaves_qty = rest.unwrap_or(report.leaves_qty);
        let report = ExecutionReport { leaves_qty, ..report };
        self.tell_desk(desk, AppMessage::ExecutionReport(report));
        let asked = self.rfqs.get(&id).and_then(|e| e.asked_at);
        if state.in_flight()
            && asked.is_none_or(|t| now.since(t).unsigned_abs() >= ASK_FOR_DESK_MS.unsigned_abs())
        {
            self.ask_what_became(&id, now);
        }
    }

    /// The first part, see [`Self::instruments`]; or that the desk has the list.
    fn list(&mut self, desk: &CompId, x: SecurityListRequest) {
        let answer = if x.digest.as_ref() == Some(&self.list_digest) {
            AppMessage::SecurityListUnchanged { request: x.id }
        } else {
            AppMessage::SecurityList(self.instruments(x.id, None))
        };
        self.tell_desk(desk, answer);
    }

    /// A part of the list of instruments: those after `after`. Whoever runs the router asks for the
    /// next part when the desk's connection has room: tens of thousands of instruments are more
    /// than may wait there, for each desk that comes back.
    pub fn instruments(&self, request: RfqId, after: Option<&InstrumentId>) -> SecurityList {
        let mut rest = self.catalogue.after(after).peekable();
        let instruments = rest.by_ref().take(INSTRUMENTS_PER_LIST).cloned().collect();
        SecurityList { request, last: rest.peek().is_none(), instruments }
    }
}

/// An accept that may be sent.
pub(super) struct Checked {
    pub id: RfqId,
    pub accept: Accept,
    pub rfq: Rfq,
}

impl Checked {
    /// The message as it goes on: on the quote that it takes now, and without a text, which the
    /// journal would keep at any length.
    pub(super) fn response(self, r: QuoteResponse) -> QuoteResponse {
        let Accept { rfq, quote, price, legs, .. } = self.accept;
        QuoteResponse { rfq: Some(rfq), quote, price, legs, text: None, ..r }
    }
}

/// What the price counts; settlement date and currency, as far as the accept names them.
pub(super) fn same_terms(r: &QuoteResponse, terms: &Terms) -> Result<(), AcceptRefusal> {
    if r.price_type != terms.price_type {
        return Err(AcceptRefusal::OtherPriceType {
            quoted: terms.price_type,
            accepted: r.price_type,
        });
    }
    if let Some(accepted) = r.settlement_date.as_ref().filter(|d| **d != terms.settlement_date) {
        return Err(AcceptRefusal::OtherSettlement {
            quoted: terms.settlement_date.clone(),
            accepted: accepted.clone(),
        });
    }
    match r.currency.as_ref().filter(|c| **c != terms.currency) {
        Some(accepted) => Err(AcceptRefusal::OtherCurrency {
            quoted: terms.currency.clone(),
            accepted: accepted.clone(),
        }),
        None => Ok(()),
    }
}
