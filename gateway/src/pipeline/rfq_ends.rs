//! The end of an RFQ that the gateway decides. The journal has it, so that a restart knows it too.

use super::Pipeline;
use signet_identity::CompId;
use signet_rfq::RfqId;
use signet_router::{Decided, Input};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// What could not be done, since it could not be written down, is tried again after this.
pub(super) const AGAIN: Duration = Duration::from_secs(5);
/// What is due is done so many at a tick: each may wait for the disk, on the trading thread, and
/// all that are open may be due at once.
pub(super) const AT_ONCE: usize = 32;

/// What is to be done about RFQs, each at its time.
#[derive(Debug)]
pub(super) struct Agenda<K, V> {
    all: BTreeMap<K, (Instant, V)>,
    /// The same by their times.
    times: BTreeSet<(Instant, K)>,
}

impl<K, V> Default for Agenda<K, V> {
    fn default() -> Self {
        Self { all: BTreeMap::new(), times: BTreeSet::new() }
    }
}

impl<K: Ord + Clone, V: Clone> Agenda<K, V> {
    /// Takes the place of what was to be done about this one.
    pub(super) fn put(&mut self, key: K, what: V, due: Instant) {
        self.remove(&key);
        self.times.insert((due, key.clone()));
        self.all.insert(key, (due, what));
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.all.get(key).map(|(_, what)| what)
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some((due, _)) = self.all.remove(key) {
            self.times.remove(&(due, key.clone()));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What is to be done now, the longest due first, as much as one tick does.
    pub(super) fn due(&self, at: Instant) -> Vec<(K, V)> {
        let due = self.times.iter().take_while(|(due, _)| *due <= at).take(AT_ONCE);
        due.filter_map(|(_, key)| Some((key.clone(), self.get(key)?.clone()))).collect()
    }
}

impl Pipeline {
    /// Ends an RFQ of this desk, which calls it so: at once, or by the answer to the accept in
    /// flight if nothing is traded by it. Whoever asks looks whether that could be written down.
    pub(super) fn end_rfq(&self, desk: CompId, rfq: RfqId, text: &str) {
        let end = Decided::End { rfq, text: text.to_owned() };
        self.route(Input::Decided(desk, end));
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
    use signet_router::{DeskSettings, Router};

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

    /// The gateway ends the RFQ that this desk calls so.
    pub(in crate::pipeline) fn end(d: &str, id: &str) -> Input {
        Input::Decided(desk(d), Decided::End { rfq: rfq(id), text: "withdrawn".into() })
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
