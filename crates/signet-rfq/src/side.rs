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
