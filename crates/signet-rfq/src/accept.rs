//! The one moment at which money changes hands: what an accept says, and why it may be refused.

use crate::{AcceptId, DealerId, InstrumentId, QuoteId, RfqId, RfqState, Side, UtcMillis};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// FIX QuoteResponse (35=AJ) with QuoteRespType (694) 1, hit or lift. It carries everything that is
/// agreed to, not just a quote id, so that desk, gateway and dealer each compare it with the quote
/// they hold and refuse it when any part differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// ClOrdID (11) and QuoteRespID (693).
    pub id: AcceptId,
    pub rfq: RfqId,
    pub dealer: DealerId,
    pub quote: QuoteId,
    pub instrument: InstrumentId,
    pub side: Side,
    pub price: Decimal,
    pub quantity: Decimal,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AcceptState {
    /// Shown to the trader; nothing has left the desk.
    Armed,
    /// On its way; no answer yet.
    Sent,
    /// The dealer has it and is taking its last look.
    LastLook,
    Filled(Execution),
    PartlyFilled(Execution),
    Declined(Declined),
    /// The answer was lost with the link. Left only by an answer or by reconciliation.
    Unknown,
}

impl AcceptState {
    /// Whether an answer is still owed: while this is so, no other accept of the RFQ may leave.
    pub fn in_flight(&self) -> bool {
        matches!(self, Self::Sent | Self::LastLook | Self::Unknown)
    }

    pub fn traded(&self) -> Option<&Execution> {
        match self {
            Self::Filled(e) | Self::PartlyFilled(e) => Some(e),
            _ => None,
        }
    }
}

/// FIX ExecutionReport (35=8) with ExecType (150) F.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// ExecID (17).
    pub exec_id: String,
    /// OrderID (37), the dealer's.
    pub order_id: String,
    pub side: Side,
    /// LastPx (31).
    pub price: Decimal,
    /// CumQty (14).
    pub quantity: Decimal,
    pub at: UtcMillis,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: Option<String>,
}

/// Why an accept did not trade, and whose decision that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Declined {
    ByDesk(String),
    ByGateway(String),
    ByDealer(String),
}

impl Declined {
    pub fn reason(&self) -> &str {
        match self {
            Self::ByDesk(r) | Self::ByGateway(r) | Self::ByDealer(r) => r,
        }
    }
}

/// Why an accept is not sent, or is refused by whoever receives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptRefusal {
    #[error("the RFQ is no longer open ({0:?})")]
    RfqNotOpen(RfqState),
    #[error("another accept of this RFQ is still waiting for its answer")]
    InFlight,
    #[error("{0} was not asked in this RFQ")]
    NotAsked(DealerId),
    #[error("{0} has no quote in this RFQ")]
    NoQuote(DealerId),
    #[error("the dealer has re-quoted since")]
    Requoted,
    #[error("the quote was withdrawn")]
    Withdrawn,
    #[error("the quote has expired")]
    Expired,
    #[error("the quote ends before an accept can arrive")]
    TooLateToArrive,
    #[error("the quote is indicative and cannot be traded")]
    Indicative,
    #[error("this side was not asked for")]
    SideNotAsked,
    #[error("the quote has no price on this side")]
    NoPriceOnSide,
    #[error("the quote is for another instrument")]
    OtherInstrument,
    #[error("the price is {quoted}, not {accepted}")]
    OtherPrice { quoted: Decimal, accepted: Decimal },
    #[error("the quantity is {quoted}, not {accepted}")]
    OtherQuantity { quoted: Decimal, accepted: Decimal },
    #[error("this accept id was used before")]
    IdUsed,
    #[error("no accept is armed")]
    NotArmed,
}

impl AcceptRefusal {
    /// Stable code for screens, SIEM and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RfqNotOpen(_) => "rfq_not_open",
            Self::InFlight => "accept_in_flight",
            Self::NotAsked(_) => "dealer_not_asked",
            Self::NoQuote(_) => "no_quote",
            Self::Requoted => "requoted",
            Self::Withdrawn => "quote_withdrawn",
            Self::Expired => "quote_expired",
            Self::TooLateToArrive => "too_late_to_arrive",
            Self::Indicative => "quote_indicative",
            Self::SideNotAsked => "side_not_asked",
            Self::NoPriceOnSide => "no_price_on_side",
            Self::OtherInstrument => "other_instrument",
            Self::OtherPrice { .. } => "price_mismatch",
            Self::OtherQuantity { .. } => "quantity_mismatch",
            Self::IdUsed => "accept_id_used",
            Self::NotArmed => "not_armed",
        }
    }
}
