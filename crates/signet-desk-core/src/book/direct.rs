//! The book's part in direct mode, where no gateway keeps RFQs for it.

use super::*;
use crate::direct::Now;

impl Book {
    /// Whom a refusal came from, in words.
    pub(super) fn peer(&self) -> &'static str {
        if self.direct { "venue" } else { "gateway" }
    }

    pub(crate) fn rfq(&self, id: &RfqId) -> Option<&Rfq> {
        self.items.get(id).map(|i| &i.rfq)
    }

    /// RFQs that are still open at `at`, on the venue's clock.
    pub(crate) fn open_requests(&self, at: UtcMillis) -> Vec<QuoteRequest> {
        let open = self.items.values().map(|i| &i.rfq).filter(|r| !r.state.ended() && (r.expires() > at || r.in_flight()));
        let request = |r: &Rfq| QuoteRequest {
            id: r.terms.id.clone(),
            instrument: r.terms.instrument.clone(),
            isin: self.catalogue.get(&r.terms.instrument).is_some_and(|i| i.asset_class.has_isin()),
            ask: r.terms.ask,
            quantity: r.terms.quantity,
            currency: r.terms.currency.clone(),
            settlement_date: r.terms.settlement_date.clone(),
            dealers: r.terms.dealers.clone(),
            expires: r.terms.expires,
            at: r.terms.created,
        };
        open.map(request).collect()
    }

    /// Accepts whose answer is out, as questions about them.
    pub(crate) fn accepts_in_flight(&self) -> Vec<OrderStatusRequest> {
        let accepts = self.items.values().filter_map(|i| i.rfq.accept.as_ref()).filter(|(_, s)| s.in_flight());
        accepts
            .map(|(a, _)| OrderStatusRequest { accept: a.id.clone(), instrument: a.instrument.clone(), side: a.side, dealer: None })
            .collect()
    }

    /// Why a message that is to be sent now would be worth nothing: the market went on.
    pub(crate) fn no_longer_good(&self, m: &AppMessage, now: Now) -> Option<String> {
        let ended = || Some("the RFQ has ended".to_owned());
        match m {
            AppMessage::QuoteRequest(q) => match self.rfq(&q.id) {
                Some(r) if !r.state.ended() && r.expires() > now.venue => None,
                _ => ended(),
            },
            AppMessage::QuoteResponse(r) => {
                let Some(rfq) = rfq_of_accept(&r.id).and_then(|id| self.rfq(&id)) else { return ended() };
                let mut rfq = rfq.clone();
                match rfq.accept.take() {
                    Some((a, Accepting::Sent)) if a.id == r.id => {
                        rfq.tick(now.venue);
                        rfq.check_accept(&a, now.venue, now.arrival_ms).err().map(|e| e.to_string())
                    }
                    _ => Some("the accept was taken back".into()),
                }
            }
            _ => None,
        }
    }

    /// The venue could not process something (BusinessMessageReject, j): nothing can come of it any more.
    pub(super) fn not_processed(&mut self, j: &BusinessReject) {
        let text = j.text.clone().unwrap_or_else(|| "no reason given".into());
        let Some(id) = &j.ref_id else { return };
        let rfq = match j.ref_msg_type.as_str() {
            "R" => RfqId::new(id.as_str()).ok(),
            "AJ" => AcceptId::new(id.as_str()).ok().and_then(|a| {
                let rfq = rfq_of_accept(&a)?;
                self.items.get_mut(&rfq)?.rfq.declined(&a, Declined::ByDealer(text.clone())).ok()?;
                Some(rfq)
            }),
            _ => None,
        };
        let Some(rfq) = rfq else { return };
        if let Some(i) = self.items.get_mut(&rfq) {
            if j.ref_msg_type == "R" {
                i.rfq.refuse(text);
            }
            i.dirty = true;
        }
        self.blot_rfq(&rfq);
    }
}
