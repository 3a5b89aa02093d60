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

impl Quote {
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
