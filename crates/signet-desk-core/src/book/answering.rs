//! What the trader says to one dealer without agreeing to a trade.

use super::{Book, ending::readable};
use crate::{
    problem::{offline, problem},
    view::Problem,
};
use signet_fix::message::{AppMessage, QuoteResponse};
use signet_rfq::{AcceptId, DealerId, UtcMillis};

impl Book {
    /// Tells one dealer that nothing will be traded with it in this RFQ; the others go on. The
    /// reason is for the gateway and the records; no dealer gets it.
    pub fn pass(
        &mut self,
        rfq: &str,
        dealer: &str,
        reason: &str,
        now: UtcMillis,
    ) -> Result<AppMessage, Problem> {
        let text = Some(readable(reason)?).filter(|r| !r.is_empty());
        let (online, at) = (self.online(), self.clock.gateway(now));
        let unknown = || {
            problem(
                "dealer.unknown",
                "This dealer was not asked.",
                "Choose a dealer of the request.",
            )
        };
        let dealer = DealerId::new(dealer).map_err(|_| unknown())?;
        let (id, item) = self.item(rfq)?;
        let quote = item.rfq.check_pass(&dealer, at).map_err(|e| Problem::from(&e))?;
        // Its own id: a refusal of the gateway names it.
        let own = AcceptId::new(format!("{id}:P{}", item.rfq.lines.len()));
        let told = own.ok().and_then(|own| QuoteResponse::pass(own, &item.rfq, quote, false, at));
        let told = told.ok_or_else(unknown)?;
        if !online {
            return Err(offline());
        }
        let isin = self.reference.has_isin(&told.instrument);
        let (rfq, dealer) = (Some(id), Some(dealer));
        Ok(AppMessage::QuoteResponse(QuoteResponse { rfq, dealer, isin, text, ..told }))
    }
}

#[cfg(test)]
#[path = "answering_tests.rs"]
mod tests;
