//! Who takes part, and what is traded.

use signet_identity::CompId;
use signet_rfq::{AssetClass, Catalogue, DealerId, Instrument, InstrumentId};

pub(crate) const DESK: &str = "TRADER";
pub(crate) const GATEWAY: &str = "GATEWAY";
pub(crate) const DEALERS: [&str; 3] = ["NORTH", "SOUTH", "EAST"];
pub(crate) const PAIR: &str = "EUR/USD";
/// The true time at which each run begins, milliseconds since 1970: a business day.
pub(crate) const EPOCH: i64 = 1_795_219_200_000;

pub(crate) fn comp(name: &str) -> CompId {
    CompId::new(name).expect("a CompID")
}

pub(crate) fn dealer(name: &str) -> DealerId {
    DealerId::new(name).expect("a dealer")
}

pub(crate) fn catalogue() -> Catalogue {
    let pair = Instrument {
        id: InstrumentId::new(PAIR).expect("an instrument"),
        symbol: PAIR.into(),
        name: "Euro dollar".into(),
        asset_class: AssetClass::FxSpot,
        currency: "EUR".into(),
        price_decimals: 5,
        price_unit: "USD per EUR".into(),
        tick: "0.00001".parse().expect("a number"),
        lot: 1.into(),
        min_quantity: 1.into(),
        max_quantity: 100_000_000.into(),
        settlement: "spot".into(),
    };
    Catalogue::new([pair]).expect("a catalogue")
}
