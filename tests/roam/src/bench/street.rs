//! A dealer that quotes, and renews its quotes, while desks come back: the simulated one, over FIX
//! and TLS, in a thread of this process.

use crate::firm::{DEALER, dealers, runtime};
use signet_devca::DevPki;
use signet_fix::{AppMessage, message::QuoteRequest};
use signet_rfq::{Ask, DealerId, InstrumentId, PriceType, RfqId, UtcMillis};
use std::{net::SocketAddr, path::Path};
use tokio::runtime::Runtime;

/// How long a quote stands before the next one, from and to, milliseconds.
const RENEWED_MS: [u64; 2] = [2_000, 4_000];
/// How long it can be traded: a late renewal leaves no RFQ without a quote.
const VALID_MS: u64 = 30_000;
/// Longer than a storm takes.
const OPEN_MS: i64 = 600_000;

/// The dealer. It is gone when this is dropped.
pub(super) struct Street {
    simulator: signet_dealer::Simulator,
    _runtime: Runtime,
}

impl Street {
    /// With the dealer up.
    pub(super) fn open(pki: &DevPki, dir: &Path) -> Self {
        let runtime = runtime();
        let simulator = dealers(pki, &runtime, dir, |dealer| {
            dealer.requote_every_ms = RENEWED_MS;
            dealer.valid_ms = VALID_MS;
        });
        Self { simulator, _runtime: runtime }
    }

    /// Where the gateway dials it.
    pub(super) fn address(&self) -> SocketAddr {
        self.simulator.addresses()[DEALER]
    }
}

/// What a desk asks. It asks once.
pub(super) fn request(at: UtcMillis) -> AppMessage {
    AppMessage::QuoteRequest(QuoteRequest {
        min_quantity: None,
        price_type: PriceType::default(),
        legs: vec![],
        id: RfqId::new("R1").expect("an id"),
        instrument: InstrumentId::new("EUR/USD").expect("an id"),
        isin: false,
        ask: Ask::TwoWay,
        quantity: 1_000_000.into(),
        currency: "EUR".into(),
        settlement_date: "20991231".into(),
        dealers: vec![DealerId::new(DEALER).expect("an id")],
        expires: at + OPEN_MS,
        at,
    })
}
