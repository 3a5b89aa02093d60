//! What the bench's venue knows: instruments, dealers, and the RFQs that are open.

use rust_decimal::Decimal;
use signet_fix::message::QuoteRequest;
use signet_rfq::*;

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Open RFQs.
    pub rfqs: usize,
    /// Dealers of each RFQ.
    pub dealers: usize,
    /// Instruments in the list; the first is the one that every RFQ asks for.
    pub instruments: usize,
}

/// Longer than a desk may ask for, so that a long run ends before its RFQs do.
const OPEN_FOR_MS: i64 = 4 * 3_600_000;
const TICKERS: [&str; 6] = ["DBR", "FRTR", "UKT", "T", "BTPS", "SPGB"];

impl Size {
    /// `rfqs` RFQs of eight dealers, one instrument.
    pub fn small(rfqs: usize) -> Self {
        Self { rfqs, dealers: 8, instruments: 1 }
    }

    pub(crate) fn lines(self) -> u64 {
        (self.rfqs * self.dealers) as u64
    }

    pub(crate) fn all_instruments(self) -> Vec<Instrument> {
        std::iter::once(pair()).chain((1..self.instruments).map(bond)).collect()
    }

    /// One open RFQ of the snapshot.
    pub(crate) fn rfq(self, i: usize, now: UtcMillis) -> QuoteRequest {
        QuoteRequest {
            min_quantity: None,
            price_type: PriceType::Price,
            legs: vec![],
            id: rfq_id(i),
            instrument: pair().id,
            isin: false,
            ask: Ask::TwoWay,
            quantity: 5_000_000.into(),
            currency: "EUR".into(),
            settlement_date: "20991231".into(),
            dealers: (0..self.dealers).map(dealer).collect(),
            expires: now + OPEN_FOR_MS,
            at: now,
        }
    }
}

/// The one instrument that every RFQ asks for.
pub fn pair() -> Instrument {
    Instrument {
        price_types: vec![PriceType::Price],
        id: InstrumentId::new("EUR/USD").expect("an id"),
        symbol: "EUR/USD".into(),
        name: "Euro against US dollar".into(),
        asset_class: AssetClass::FxSpot,
        currency: "EUR".into(),
        price_decimals: 5,
        price_unit: "USD per EUR".into(),
        tick: Decimal::new(1, 5),
        lot: 1_000.into(),
        min_quantity: 1_000.into(),
        max_quantity: 1_000_000_000.into(),
        settlement: "spot".into(),
        price_format: Default::default(),
    }
}

/// An invented bond, for the list in which the ticket searches.
fn bond(n: usize) -> Instrument {
    let (month, year) = (n % 12 + 1, n / 12 % 60 + 26);
    let coupon = format!("{}.{}", n % 7, n % 10);
    let ticker = match n % 3 {
        0 => TICKERS[n / 3 % TICKERS.len()].to_owned(),
        _ => format!("ISS{}", n % 700),
    };
    Instrument {
        id: InstrumentId::new(isin(n)).expect("an id"),
        symbol: format!("{ticker} {coupon} {month:02}/{year}"),
        name: format!("Issuer number {} {coupon}% 15 Feb 20{year} senior notes", n % 700),
        asset_class: AssetClass::CorporateBond,
        price_decimals: 3,
        price_unit: "% of par".into(),
        tick: Decimal::new(1, 3),
        settlement: "T+2".into(),
        ..pair()
    }
}

/// `XS` with a number and its check digit (ISO 6166).
fn isin(n: usize) -> String {
    let body = format!("XS{n:09}");
    let digits: Vec<u32> = body
        .chars()
        .filter_map(|c| c.to_digit(36))
        .flat_map(|d| if d > 9 { vec![d / 10, d % 10] } else { vec![d] })
        .collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| if i % 2 == 0 { d * 2 / 10 + d * 2 % 10 } else { *d })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

pub(crate) fn dealer(i: usize) -> DealerId {
    DealerId::new(format!("DEALER{i}")).expect("an id")
}

pub(crate) fn rfq_id(i: usize) -> RfqId {
    RfqId::new(format!("BENCH-{i}")).expect("an id")
}
