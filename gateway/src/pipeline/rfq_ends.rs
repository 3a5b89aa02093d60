//! The end of an RFQ that the gateway decides: as by its desk, so that a restart knows it too.

use super::Pipeline;
use signet_fix::AppMessage;
use signet_identity::CompId;
use signet_rfq::RfqId;
use signet_router::Input;
use std::time::Duration;

/// One that could not be ended, since that could not be written down, is tried again after this.
pub(super) const AGAIN: Duration = Duration::from_secs(5);

impl Pipeline {
    /// Ends an RFQ as its desk would, which calls it so. Whoever asks looks whether it has ended.
    pub(super) fn end_rfq(&self, desk: CompId, rfq: RfqId, text: &str) {
        let cancel = AppMessage::RfqCancel { rfq, text: Some(text.to_owned()) };
        self.route(Input::FromDesk(desk, cancel));
    }
}

/// A router with one RFQ, for the tests of those who end some.
#[cfg(test)]
pub(super) mod test_double {
    use super::*;
    use signet_fix::message::{QuoteRequest, QuoteResponse, Response};
    use signet_rfq::{
        AcceptId, Ask, Catalogue, DealerId, InstrumentId, PriceType, QuoteId, Side, UtcMillis,
    };
    use signet_router::{Decided, DeskSettings, Router};

    pub(in crate::pipeline) const NOW: UtcMillis = UtcMillis(1_795_219_200_000);

    pub(in crate::pipeline) fn desk(d: &str) -> CompId {
        CompId::new(d).unwrap()
    }

    pub(in crate::pipeline) fn rfq(id: &str) -> RfqId {
        RfqId::new(id).unwrap()
    }

    /// ALICE1 has R1 open.
    pub(in crate::pipeline) fn router() -> Router {
        let desks =
            ["ALICE1", "BOB1"].map(|d| DeskSettings { id: desk(d), dealers: Default::default() });
        let none = Catalogue::new([]).unwrap();
        let mut r = Router::new("Venue".into(), false, none, desks, [], || Some([7; 10]));
        let asked = QuoteRequest {
            min_quantity: None,
            price_type: PriceType::Price,
            legs: vec![],
            id: rfq("R1"),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            ask: Ask::Buy,
            quantity: 5_000_000.into(),
            currency: "EUR".into(),
            settlement_date: "20261130".into(),
            dealers: vec![DealerId::new("NORTH").unwrap()],
            expires: NOW + 60_000,
            at: NOW,
        };
        r.handle(NOW, Input::Decided(desk("ALICE1"), Decided::Request(asked)));
        r
    }

    /// An accept of the RFQ that its desk calls so.
    pub(in crate::pipeline) fn accept(of: &str) -> Decided {
        Decided::Accept(QuoteResponse {
            text: None,
            price_type: PriceType::Price,
            legs: vec![],
            id: AcceptId::new(format!("{of}:1")).unwrap(),
            response: Response::HitOrLift,
            rfq: Some(rfq(of)),
            quote: QuoteId::new("q1").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            dealer: DealerId::new("NORTH").ok(),
            side: Side::Buy,
            quantity: 5_000_000.into(),
            price: "1.08".parse().unwrap(),
            currency: None,
            settlement_date: None,
            deadline: None,
            at: NOW,
            limit: None,
        })
    }
}
