//! Values for the tests of other crates; never in what ships.

use crate::{AssetClass, Instrument, InstrumentId, PriceFormat};
use rust_decimal::Decimal;

/// EUR/USD in five decimals and lots of 1,000, up to 10,000,000.
///
/// # Panics
/// Never: the id is a valid one.
pub fn eur_usd() -> Instrument {
    Instrument {
        price_types: vec![crate::PriceType::Price],
        id: InstrumentId::new("EUR/USD").expect("a currency pair is an id"),
        symbol: "EUR/USD".into(),
        name: "Euro".into(),
        asset_class: AssetClass::FxSpot,
        currency: "EUR".into(),
        price_decimals: 5,
        price_unit: "USD per EUR".into(),
        tick: Decimal::new(1, 5),
        lot: 1_000.into(),
        min_quantity: 1_000.into(),
        max_quantity: 10_000_000.into(),
        settlement: "spot".into(),
        price_format: PriceFormat::default(),
    }
}
