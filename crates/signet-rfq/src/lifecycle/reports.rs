//! What the reports of a dealer or venue mean for the life of an RFQ.

use crate::fix::{ExecType, OrdStatus, QuoteStatus};

/// What an ExecutionReport (8) says, before it is compared with what was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The dealer has the accept and has not decided.
    Working,
    /// One execution ([`ExecType::Trade`]).
    Execution,
    /// The quantity executed so far, in a report that is not an execution itself.
    ExecutedSoFar,
    /// Nothing was traded: the dealer refuses.
    Refused,
    /// Nothing was traded: cancelled, expired or done for the day.
    NothingTraded,
    /// An execution is cancelled (bust).
    TradeCancelled,
    /// An execution is corrected.
    TradeCorrected,
    /// ExecType, OrdStatus and CumQty do not go together.
    Contradiction,
    /// It changes nothing; it is shown and written down.
    Noted,
}

impl Meaning {
    /// In words, for documents.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Working => "the dealer is looking",
            Self::Execution => "an execution",
            Self::ExecutedSoFar => "executed so far",
            Self::Refused => "refused",
            Self::NothingTraded => "nothing traded",
            Self::TradeCancelled => "bust",
            Self::TradeCorrected => "correction",
            Self::Contradiction => "does not fit",
            Self::Noted => "noted",
        }
    }
}

/// The meaning of ExecType (150) and OrdStatus (39); `executed` is whether CumQty (14) is above
/// zero.
///
/// ExecType leads. Only for an answer to a status request (`I`) does OrdStatus decide. A report of
/// any other kind that shows a quantity done says that much was executed, so that no fill is
/// overlooked.
pub const fn meaning(kind: ExecType, status: OrdStatus, executed: bool) -> Meaning {
    use ExecType as T;
    match kind {
        T::Trade | T::PartialFill | T::Fill => Meaning::Execution,
        T::TradeCancel => Meaning::TradeCancelled,
        T::TradeCorrect => Meaning::TradeCorrected,
        T::Rejected if executed => Meaning::Contradiction,
        T::Rejected => Meaning::Refused,
        T::Status => status_answer(status, executed),
        _ if executed => Meaning::ExecutedSoFar,
        T::New | T::PendingNew | T::Stopped | T::Suspended => Meaning::Working,
        T::Cancelled | T::Expired | T::DoneForDay => Meaning::NothingTraded,
        T::Replaced
        | T::PendingCancel
        | T::Calculated
        | T::Restated
        | T::PendingReplace
        | T::Other(_) => Meaning::Noted,
    }
}

const fn status_answer(status: OrdStatus, executed: bool) -> Meaning {
    use OrdStatus as S;
    match status {
        S::Rejected if executed => Meaning::Contradiction,
        S::Rejected => Meaning::Refused,
        _ if executed => Meaning::ExecutedSoFar,
        S::PartiallyFilled | S::Filled => Meaning::Contradiction,
        S::Cancelled | S::Expired | S::DoneForDay => Meaning::NothingTraded,
        S::New | S::PendingNew | S::Stopped | S::Suspended | S::AcceptedForBidding => {
            Meaning::Working
        }
        S::Replaced | S::PendingCancel | S::Calculated | S::PendingReplace | S::Other(_) => {
            Meaning::Noted
        }
    }
}

/// What a dealer's QuoteStatusReport (AI) says. About an accept when it names one (QuoteRespID,
/// 693), else about the dealer's quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusMeaning {
    /// The quote, or the accept, is refused.
    Refused,
    /// The dealer passes.
    Passed,
    /// The quote is gone.
    Gone,
    /// It changes nothing; it is written down.
    Noted,
}

impl StatusMeaning {
    /// In words, for documents.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Refused => ("the dealer's line is rejected", "the accept is declined"),
            Self::Passed => ("the dealer's line is passed", "the accept is declined"),
            Self::Gone => ("the quote is withdrawn", "the accept is declined"),
            Self::Noted => ("noted", "noted"),
        }
    }
}

/// The meaning of QuoteStatus (297) from a dealer.
pub const fn quote_status_meaning(status: QuoteStatus) -> StatusMeaning {
    use QuoteStatus as S;
    match status {
        S::Rejected => StatusMeaning::Refused,
        S::Pass => StatusMeaning::Passed,
        S::CancelForSymbol
        | S::CancelForSecurityType
        | S::CancelForUnderlying
        | S::CancelAll
        | S::RemovedFromMarket
        | S::Expired
        | S::NotFound
        | S::CancelLockMarket
        | S::CancelCrossMarket => StatusMeaning::Gone,
        S::Accepted
        | S::Query
        | S::Pending
        | S::LockedMarketWarning
        | S::CrossMarketWarning
        | S::Other(_) => StatusMeaning::Noted,
    }
}
