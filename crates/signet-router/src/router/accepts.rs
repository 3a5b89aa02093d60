//! Accepts that went to dealers: by the gateway's id, and by what their desks call them.

use super::{Entry, REMEMBER_TRADED_MS, Router, answers, outer};
use signet_fix::message::{AppMessage, OrderStatusRequest, QuoteResponse};
use signet_identity::CompId;
use signet_rfq::{ACCEPT_AHEAD_MAX_MS, AcceptId, Rfq, RfqId, UtcMillis};
use std::collections::HashMap;

/// Before the number of an accept, towards dealers and in an RFQ that has changed hands. No desk
/// may use it in an id.
pub(super) const OF_TAKER: &str = ":~";

/// An accept that is younger than this and was traded is remembered, or `Router::forgotten` says
/// that it may not be. Less than what trades are remembered for, since the wall clock may have been
/// set back between this run of the gateway and the one that forgot.
const CERTAIN_MS: i64 = REMEMBER_TRADED_MS - 3_600_000;

/// One that went to its dealer.
#[derive(Debug, Clone)]
pub(super) struct SentAccept {
    /// Its RFQ, by the gateway's id.
    pub rfq: RfqId,
    /// Who accepted: not the desk that has the RFQ, if it changed hands since.
    pub desk: CompId,
    /// What that desk calls it.
    pub own: AcceptId,
}

#[derive(Debug, Default)]
pub(super) struct Accepts {
    by_outer: HashMap<AcceptId, SentAccept>,
    by_own: HashMap<(CompId, AcceptId), AcceptId>,
    by_rfq: HashMap<RfqId, Vec<AcceptId>>,
}

impl Accepts {
    pub(super) fn insert(&mut self, id: AcceptId, sent: SentAccept) {
        self.by_own.insert((sent.desk.clone(), sent.own.clone()), id.clone());
        self.by_rfq.entry(sent.rfq.clone()).or_default().push(id.clone());
        self.by_outer.insert(id, sent);
    }

    /// By the gateway's id.
    pub(super) fn get(&self, id: &AcceptId) -> Option<&SentAccept> {
        self.by_outer.get(id)
    }

    /// By what its desk calls it, with the gateway's id.
    pub(super) fn of_desk(
        &self,
        desk: &CompId,
        own: &AcceptId,
    ) -> Option<(&AcceptId, &SentAccept)> {
        self.by_outer.get_key_value(self.by_own.get(&(desk.clone(), own.clone()))?)
    }

    pub(super) fn is_known(&self, desk: &CompId, own: &AcceptId) -> bool {
        self.by_own.contains_key(&(desk.clone(), own.clone()))
    }

    pub(super) fn forget(&mut self, rfq: &RfqId) {
        for id in self.by_rfq.remove(rfq).unwrap_or_default() {
            // A replay remembers an RFQ longer: another one may have an accept of this id by now.
            if self.by_outer.get(&id).is_some_and(|sent| &sent.rfq != rfq) {
                continue;
            }
            if let Some(sent) = self.by_outer.remove(&id) {
                self.by_own.remove(&(sent.desk, sent.own));
            }
        }
    }
}

impl Router {
    /// Answers about an accept that is not known here.
    pub(super) fn status_of_none(&mut self, desk: &CompId, h: &OrderStatusRequest, now: UtcMillis) {
        let certain = self.never_passed_on(desk, h, now);
        if !certain {
            self.note(format!("{desk} asks about accept {}, which may be forgotten", h.accept));
        }
        let report = answers::status_of_none(h, certain, now);
        self.tell_desk(desk, AppMessage::ExecutionReport(report));
    }

    /// Whether it is certain that an accept which is not known here went to no dealer, or ended
    /// without a trade.
    ///
    /// Accepts are forgotten with their RFQ only, whose id they begin with. And an accept is passed
    /// on within seconds of its time (60), or never; so one that was passed on went to its dealer
    /// no earlier than `sent`, but for what a clock may be ahead.
    fn never_passed_on(&self, desk: &CompId, h: &OrderStatusRequest, now: UtcMillis) -> bool {
        let rfq = h.accept.as_str().rsplit_once(':').and_then(|(rfq, _)| RfqId::new(rfq).ok());
        let known =
            |rfq: &RfqId| self.find(desk, rfq).is_some() || self.rfqs.formerly(desk, rfq).is_some();
        if rfq.as_ref().is_some_and(known) {
            return true;
        }
        // A desk of an earlier version does not say it.
        let Some(sent) = h.sent else { return false };
        let remembered = self.forgotten.is_none_or(|last| sent > last + ACCEPT_AHEAD_MAX_MS);
        remembered && (-ACCEPT_AHEAD_MAX_MS..CERTAIN_MS).contains(&now.since(sent))
    }

    /// The RFQ whose quote an accept takes. Our desks name it (131), as quote ids are unique only
    /// within one dealer and one RFQ; without it the quote must lead to a single RFQ.
    pub(super) fn rfq_of_accept(
        &self,
        desk: &CompId,
        r: &QuoteResponse,
    ) -> Result<RfqId, (&'static str, String)> {
        let no_quote = || ("quote.none", "no such quote".to_owned());
        let dealer = r.dealer.as_ref().ok_or_else(no_quote)?;
        if let Some(rfq) = &r.rfq {
            let Some(id) = self.find(desk, rfq) else {
                return Err(self
                    .gone(desk, rfq)
                    .map_or_else(no_quote, |words| ("rfq.handed_over", words)));
            };
            let asked = self.rfqs.get(&id).is_some_and(|e| e.rfq.line(dealer).is_some());
            return if asked { Ok(id) } else { Err(no_quote()) };
        }
        let mut alive = self.rfqs.alive_with_quote(desk, dealer, &r.quote);
        match (alive.next(), alive.next()) {
            (Some(id), None) => return Ok(id.clone()),
            (Some(_), Some(_)) => {
                return Err((
                    "quote_ambiguous",
                    "this quote id is in more than one RFQ; name the RFQ (131)".into(),
                ));
            }
            (None, _) => {}
        }
        if let Some(id) = self.rfqs.of_quote(desk, dealer, &r.quote) {
            return Ok(id.clone());
        }
        // A quote that has been replaced is not found by its id: then the newest open RFQ of this
        // desk for this instrument with this dealer is meant, and the accept is refused as
        // re-quoted.
        let asked =
            |e: &Entry| e.rfq.terms.instrument == r.instrument && e.rfq.line(dealer).is_some();
        let all = self.rfqs.alive_of(desk).filter(|(_, e)| asked(e));
        all.max_by_key(|(_, e)| e.rfq.terms.created).map(|(id, _)| id.clone()).ok_or_else(no_quote)
    }
}

/// The gateway's id of an accept that is to be sent: of whoever asked first that desk's, after that
/// one that begins with the RFQ's.
pub(super) fn outer_accept(rfq: &RfqId, e: &Entry, own: &AcceptId) -> Option<AcceptId> {
    if e.before.is_empty() {
        return AcceptId::new(outer(&e.desk, own.as_str())).ok();
    }
    AcceptId::new(format!("{rfq}{OF_TAKER}{}", e.next_accept())).ok()
}

/// What a desk that has an RFQ reads as the id of an accept that a colleague made in it before. It
/// begins with what this desk calls the RFQ: the colleague's own id may be that of another accept
/// of this desk, and the colleague chose it.
pub(super) fn accept_of_colleague(rfq: &Rfq, own: &AcceptId) -> Option<AcceptId> {
    let place = rfq.past.iter().position(|(a, _)| &a.id == own)?;
    AcceptId::new(format!("{}{OF_TAKER}{}", rfq.terms.id, place + 1)).ok()
}

/// Whether a desk may give an accept this id.
pub(super) fn is_free_for_desks(own: &AcceptId) -> bool {
    !own.as_str().contains(OF_TAKER)
}

/// Whether the accepts of an RFQ can be named after it changed hands.
pub(super) fn leaves_room_for_accepts(rfq: &RfqId) -> bool {
    AcceptId::new(format!("{rfq}{OF_TAKER}99999")).is_ok()
}
