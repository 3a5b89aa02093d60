use serde::{Deserialize, Serialize};

/// The customer's side: `Buy` lifts the dealer's offer, `Sell` hits the dealer's bid. FIX Side
/// (54).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// 54=1: the customer buys at the dealer's offer.
    Buy,
    /// 54=2: the customer sells at the dealer's bid.
    Sell,
}

impl Side {
    /// The other side: the dealer's, when this is the customer's.
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}
