//! Which message of ours to a dealer had which sequence number.
//!
//! A session Reject (3), and a BusinessMessageReject (j) without 379, name what they refuse by its
//! number alone.

use signet_fix::{AppMessage, message::Response};
use std::collections::BTreeMap;

/// Messages to one dealer that are remembered; the oldest give way.
const MAX_SENT: usize = 4_096;

/// What one dealer was sent of late, as far as a reject of it ends something.
#[derive(Debug, Default)]
pub struct Sent(BTreeMap<u64, (&'static str, String)>);

impl Sent {
    /// A message has left under this number.
    pub fn note(&mut self, seq: u64, m: &AppMessage) {
        // Numbers that begin again name other messages than before.
        if self.0.last_key_value().is_some_and(|(last, _)| *last >= seq) {
            self.0.clear();
        }
        let id = match m {
            AppMessage::QuoteRequest(q) => q.id.to_string(),
            AppMessage::QuoteResponse(r) if r.response != Response::Pass => r.id.to_string(),
            _ => return,
        };
        if self.0.len() == MAX_SENT {
            self.0.pop_first();
        }
        self.0.insert(seq, (m.msg_type(), id));
    }

    /// MsgType and id of the request, accept or counter that left under this number.
    pub fn of(&self, seq: u64) -> Option<(&'static str, &str)> {
        self.0.get(&seq).map(|(t, id)| (*t, id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_fix::message::{OrderStatusRequest, QuoteResponse};
    use signet_rfq::{AcceptId, InstrumentId, QuoteId, Side, UtcMillis};

    fn accept(n: u64) -> AppMessage {
        AppMessage::QuoteResponse(QuoteResponse {
            text: None,
            price_type: signet_rfq::PriceType::Price,
            legs: vec![],
            id: AcceptId::new(format!("x{n}")).unwrap(),
            response: Response::HitOrLift,
            rfq: None,
            quote: QuoteId::new("q").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            dealer: None,
            side: Side::Buy,
            quantity: 1.into(),
            price: 1.into(),
            currency: None,
            settlement_date: None,
            deadline: None,
            at: UtcMillis(0),
            limit: None,
        })
    }

    #[test]
    fn a_number_leads_to_the_accept_that_left_under_it() {
        let mut sent = Sent::default();
        for n in 1..=MAX_SENT as u64 + 5 {
            sent.note(n, &accept(n));
        }
        assert_eq!((sent.of(5), sent.of(6)), (None, Some(("AJ", "x6"))));
        let h = OrderStatusRequest {
            accept: AcceptId::new("x6").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            side: Side::Buy,
            dealer: None,
            sent: None,
        };
        sent.note(9_999, &AppMessage::OrderStatusRequest(h));
        assert_eq!(sent.of(9_999), None, "a status request is not the accept");
        // The session began again at 1.
        sent.note(1, &accept(77));
        assert_eq!((sent.of(1), sent.of(6)), (Some(("AJ", "x77")), None));
    }
}
