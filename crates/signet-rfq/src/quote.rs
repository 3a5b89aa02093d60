use crate::{DealerId, QuoteId, UtcMillis};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The customer's side: `Buy` lifts the dealer's offer, `Sell` hits the dealer's bid. FIX Side (54).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    pub price: Decimal,
    pub size: Decimal,
}

/// One dealer's price, FIX Quote (35=S).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub id: QuoteId,
    pub dealer: DealerId,
    /// The dealer buys at this price.
    pub bid: Option<Level>,
    /// The dealer sells at this price.
    pub offer: Option<Level>,
    /// Last moment an accept may arrive (ValidUntilTime, 62).
    pub valid_until: UtcMillis,
    /// QuoteType (537): tradeable, or only indicative.
    pub tradeable: bool,
}

/// Why a quote cannot be shown to a trader. The dealer is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuoteFault {
    #[error("the quote has no price")]
    NoPrice,
    #[error("a price is not above zero")]
    PriceNotPositive,
    #[error("a size is not above zero")]
    SizeNotPositive,
    #[error("the bid is above the offer")]
    Crossed,
    #[error("the quote was over before it arrived; check ValidUntilTime (62) and the clocks")]
    Over,
}

impl Quote {
    /// Whether anybody could trade on it: prices and sizes above zero, not crossed, not over.
    pub fn check(&self, now: UtcMillis) -> Result<(), QuoteFault> {
        let levels = || self.bid.iter().chain(&self.offer);
        if levels().next().is_none() {
            return Err(QuoteFault::NoPrice);
        }
        if levels().any(|l| l.price <= Decimal::ZERO) {
            return Err(QuoteFault::PriceNotPositive);
        }
        if levels().any(|l| l.size <= Decimal::ZERO) {
            return Err(QuoteFault::SizeNotPositive);
        }
        if self.bid.zip(self.offer).is_some_and(|(b, o)| b.price > o.price) {
            return Err(QuoteFault::Crossed);
        }
        if !self.live(now) {
            return Err(QuoteFault::Over);
        }
        Ok(())
    }

    /// The level a customer on `side` would trade at.
    pub fn level(&self, side: Side) -> Option<Level> {
        match side {
            Side::Buy => self.offer,
            Side::Sell => self.bid,
        }
    }

    pub fn live(&self, now: UtcMillis) -> bool {
        now < self.valid_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_that_nobody_could_trade_on_has_a_fault() {
        let level = |p: &str, s: &str| Some(Level { price: p.parse().unwrap(), size: s.parse().unwrap() });
        let quote = |bid, offer, until| Quote {
            id: QuoteId::new("q").unwrap(),
            dealer: DealerId::new("A").unwrap(),
            bid,
            offer,
            valid_until: UtcMillis(until),
            tradeable: true,
        };
        for (bid, offer, until, want) in [
            (level("99", "1"), level("100", "1"), 11, Ok(())),
            (level("99", "1"), level("99", "1"), 11, Ok(())),
            (level("99", "1"), None, 11, Ok(())),
            (None, level("0.0001", "1"), 11, Ok(())),
            (None, None, 11, Err(QuoteFault::NoPrice)),
            (level("0", "1"), None, 11, Err(QuoteFault::PriceNotPositive)),
            (level("99", "1"), level("-0.1", "1"), 11, Err(QuoteFault::PriceNotPositive)),
            (level("99", "0"), None, 11, Err(QuoteFault::SizeNotPositive)),
            (None, level("99", "-1"), 11, Err(QuoteFault::SizeNotPositive)),
            (level("99.01", "1"), level("99", "1"), 11, Err(QuoteFault::Crossed)),
            (level("99", "1"), level("100", "1"), 10, Err(QuoteFault::Over)),
        ] {
            assert_eq!(quote(bid, offer, until).check(UtcMillis(10)), want, "{bid:?} {offer:?} {until}");
        }
    }
}
