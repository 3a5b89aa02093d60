//! A trader passes on one dealer: the dealer is told, the others go on.

use super::{Entry, Router};
use signet_fix::message::{
    Advice, AppMessage, PASSED_BY_TRADER, QuoteRequestReject, QuoteResponse, Response, RfqStatus,
};
use signet_identity::CompId;
use signet_rfq::{
    AcceptId, DealerId, PASS_REASON_MAX, REASON_PASS, Rfq, RfqId, RfqState, UtcMillis,
};

/// A pass that is let through.
struct Pass {
    id: RfqId,
    dealer: DealerId,
    /// What the dealer is told.
    told: QuoteResponse,
    reason: String,
}

impl Router {
    /// Whether a pass of a desk would change anything.
    pub(super) fn takes_pass(&self, desk: &CompId, r: &QuoteResponse, now: UtcMillis) -> bool {
        self.check_pass(desk, r, now).is_ok()
    }

    fn check_pass(&self, desk: &CompId, r: &QuoteResponse, now: UtcMillis) -> Result<Pass, String> {
        let unknown = || "no such RFQ or dealer".to_owned();
        if r.response != Response::Pass {
            return Err("a desk may not send this QuoteRespType (694)".into());
        }
        let dealer = r.dealer.clone().ok_or_else(unknown)?;
        let rfq = r.rfq.as_ref().ok_or_else(unknown)?;
        let Some(id) = self.find(desk, rfq) else {
            return Err(self.gone(desk, rfq).unwrap_or_else(unknown));
        };
        let e: &Entry = self.rfqs.get(&id).ok_or_else(unknown)?;
        let reason = r.text.clone().unwrap_or_default();
        if reason.chars().count() > PASS_REASON_MAX {
            return Err(format!("a reason has at most {PASS_REASON_MAX} characters"));
        }
        let mut rfq = e.rfq.clone();
        rfq.tick(now);
        let quote = rfq.check_pass(&dealer, now).map_err(|e| e.to_string())?;
        // Unique within the dealer: it names the RFQ and the quote it is about.
        let told = AcceptId::new(format!("P.{}", now.0))
            .ok()
            .and_then(|id| QuoteResponse::pass(id, &rfq, quote, e.isin, now));
        let told = told.ok_or_else(|| "the quote has no price to name".to_owned())?;
        Ok(Pass { id, dealer, told, reason })
    }

    pub(super) fn pass_from_desk(&mut self, desk: &CompId, r: &QuoteResponse, now: UtcMillis) {
        let pass = match self.check_pass(desk, r, now) {
            Ok(pass) => pass,
            Err(why) => return self.reject(desk, "AJ", r.id.as_str(), &why),
        };
        let Some(e) = self.rfqs.get_mut(&pass.id) else { return };
        if !e.rfq.turned_down(&pass.dealer, pass.reason.clone()) {
            return;
        }
        let nobody = e.rfq.nobody_left() && !e.rfq.in_flight();
        let told = told_of(&e.rfq, &pass.dealer, pass.reason);
        self.tell_desk(desk, AppMessage::QuoteRequestReject(told));
        self.tell_dealer(&pass.dealer, AppMessage::QuoteResponse(pass.told));
        if nobody {
            let text = Some("no dealer is left".to_owned());
            if let Some(e) = self.rfqs.get_mut(&pass.id) {
                let _ = e.rfq.end(RfqState::NothingDone, text.clone());
            }
            self.ended(&pass.id, RfqStatus::NothingDone, text, now);
        }
    }
}

/// What a desk reads about a dealer on which its trader passed.
pub(super) fn told_of(rfq: &Rfq, dealer: &DealerId, reason: String) -> QuoteRequestReject {
    QuoteRequestReject {
        rfq: rfq.terms.id.clone(),
        reason: REASON_PASS,
        instrument: rfq.terms.instrument.clone(),
        dealer: Some(dealer.clone()),
        text: Some(reason).filter(|r| !r.is_empty()),
        advice: Some(Advice { code: PASSED_BY_TRADER.into(), cure: String::new() }),
    }
}

#[cfg(test)]
#[path = "turned_down_tests.rs"]
mod tests;
