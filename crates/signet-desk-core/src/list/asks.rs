//! What the trader is asked about many rows at once.

use crate::guard::Guard;
use signet_rfq::{RfqId, UtcMillis};

/// A row that the trader confirms with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakeRow {
    pub key: u32,
    /// The request whose terms were shown: a row that is asked again has another.
    pub rfq: RfqId,
    /// It is far from the market, and the trader was told so.
    pub warned: bool,
}

/// What is confirmed at once.
#[derive(Debug, Clone)]
pub(crate) struct Take {
    /// When the terms were shown.
    pub shown: UtcMillis,
    pub guard: Guard,
    pub rows: Vec<TakeRow>,
    /// Rows with a price that is not taken, and why.
    pub left: Vec<(u32, String)>,
    /// Confirm was pressed once in spite of a warning.
    pub seen: bool,
}

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since {
    /// On the laptop's clock, which decides.
    pub laptop: UtcMillis,
    /// On the gateway's clock, which is shown.
    pub gateway: UtcMillis,
}

/// A row that asks for what was asked for before on the same day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub key: u32,
    /// [`Checked::asks`].
    pub asks: String,
    /// How many earlier ones there are.
    pub times: usize,
}

/// Rows that the trader is asked about before they are sent again.
#[derive(Debug, Clone)]
pub(crate) struct Repeats {
    pub guard: Guard,
    /// When it was asked, on the gateway's clock.
    pub at: UtcMillis,
    pub ttl_s: u32,
    pub rows: Vec<Repeat>,
}
