//! The status of an RFQ or a trade, and the word that the blotter shows for it.
//!
//! Rows contain the word, on the page and on disk. Only this module writes and reads it; all other
//! code decides on the status.

/// The status of a row. Each has a word of its own, which never changes because rows on disk
/// contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowStatus {
    Sent,
    Open,
    Expired,
    Cancelled,
    Refused,
    NothingDone,
    EndedWhileAway,
    /// A colleague has it now.
    TakenOver,
    Filled,
    PartlyFilled,
    Corrected,
    CancelledByDealer,
    /// A report that does not fit; people must settle it.
    Disputed,
    /// An accept that traded nothing: the gateway or the dealer refused it.
    Declined,
    /// An accept whose answer was lost.
    Unknown,
}

impl RowStatus {
    const ALL: [Self; 15] = [
        Self::Sent,
        Self::Open,
        Self::Expired,
        Self::Cancelled,
        Self::Refused,
        Self::NothingDone,
        Self::EndedWhileAway,
        Self::TakenOver,
        Self::Filled,
        Self::PartlyFilled,
        Self::Corrected,
        Self::CancelledByDealer,
        Self::Disputed,
        Self::Declined,
        Self::Unknown,
    ];

    pub fn words(self) -> &'static str {
        match self {
            Self::Sent => "Sent",
            Self::Open => "Open",
            Self::Expired => "Expired",
            Self::Cancelled => "Cancelled",
            Self::Refused => "Refused",
            Self::NothingDone => "Nothing done",
            Self::EndedWhileAway => "Ended while away",
            Self::TakenOver => "Taken over",
            Self::Filled => "Filled",
            Self::PartlyFilled => "Partly filled",
            Self::Corrected => "Corrected",
            Self::CancelledByDealer => "Cancelled by the dealer",
            Self::Disputed => "Disputed",
            Self::Declined => "Declined",
            Self::Unknown => "Outcome unknown",
        }
    }

    /// The status of a word; `None` for a word that this version does not write.
    pub fn read(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.words() == words)
    }

    /// Whether the RFQ had not ended when this was written.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Sent | Self::Open)
    }

    /// Whether the dealer changed the trade after it was done.
    pub fn is_changed(self) -> bool {
        matches!(self, Self::Corrected | Self::CancelledByDealer)
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
