//! What direct mode asks of the book, because no gateway keeps the RFQs.

use super::{Book, rejects::status_request, rfq_of_accept};
use crate::clock::Moment;
use signet_fix::message::{AppMessage, OrderStatusRequest, QuoteRequest};
use signet_rfq::{AcceptState, Rfq, UtcMillis};

impl Book {
    /// The RFQs that are open at `at`, on the venue's clock.
    pub(crate) fn open_requests(&self, at: UtcMillis) -> Vec<QuoteRequest> {
        let open =
            self.screen.rfqs().filter(|r| !r.state.ended() && (r.expires() > at || r.in_flight()));
        let isin = |r: &Rfq| self.reference.has_isin(&r.terms.instrument);
        let request = |r: &Rfq| QuoteRequest::of(&r.terms, isin(r));
        open.map(request).collect()
    }

    /// Questions about the accepts that have no answer yet.
    pub(crate) fn accepts_in_flight(&self) -> Vec<OrderStatusRequest> {
        let accepts =
            self.screen.rfqs().filter_map(|r| r.accept.as_ref()).filter(|(_, s)| s.in_flight());
        accepts.map(|(a, _)| status_request(a, None)).collect()
    }

    /// Why a message must not be sent now, because the market moved meanwhile.
    pub(crate) fn no_longer_good(&self, m: &AppMessage, now: Moment) -> Option<String> {
        let ended = || Some("the RFQ has ended".to_owned());
        match m {
            AppMessage::QuoteRequest(q) => match self.rfq(&q.id) {
                Some(r) if !r.state.ended() && r.expires() > now.venue => None,
                _ => ended(),
            },
            AppMessage::QuoteResponse(r) => {
                let Some(rfq) = rfq_of_accept(&r.id).and_then(|id| self.rfq(&id)) else {
                    return ended();
                };
                let mut rfq = rfq.clone();
                match rfq.accept.take() {
                    Some((a, AcceptState::Sent)) if a.id == r.id => {
                        rfq.tick(now.venue);
                        rfq.check_accept(&a, now.venue, now.arrival_ms).err().map(|e| e.to_string())
                    }
                    _ => Some("the accept was taken back".into()),
                }
            }
            _ => None,
        }
    }
}
