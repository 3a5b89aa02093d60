//! RFQ panels: the head, the dealers' lines, the accept.

use super::{
    problem::Problem,
    ticket::{Ask, Side},
};
use serde::{Deserialize, Serialize};
use specta::Type;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RfqState {
    /// On its way; the gateway has not acknowledged it.
    Sent,
    /// The gateway has it and the dealers were asked.
    Open,
    /// Traded.
    Done,
    /// Time ran out.
    Expired,
    /// The trader ended it.
    Cancelled,
    /// The gateway refused it; `problem` says why.
    Refused,
    /// Every dealer passed, rejected or withdrew.
    NothingDone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum AcceptState {
    /// Shown to the trader for confirmation; nothing has been sent.
    Armed,
    /// It was armed, and was disarmed because the quote changed; `text` says how.
    Disarmed,
    /// Sent, and waiting at the gateway for a touch or a second person; `text` says for which.
    StepUp,
    /// Sent; no answer yet.
    Sent,
    /// The dealer is taking its last look.
    LastLook,
    Filled,
    PartlyFilled,
    /// The dealer has corrected the trade; what is shown is how it stands now.
    Corrected,
    /// The dealer has cancelled the trade.
    Busted,
    /// Refused by desk, gateway or dealer; `text` says by whom and why.
    Declined,
    /// The dealer reports a trade that is not what was accepted; people must settle it.
    Disputed,
    /// Sent, the answer was lost, and the desk is asking what became of it. Never a guess.
    Unknown,
}

/// The one accept of an RFQ: what exactly was, or would be, agreed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AcceptView {
    pub state: AcceptState,
    /// Unique id of the accept (ClOrdID).
    pub id: String,
    pub dealer: String,
    pub dealer_name: String,
    pub quote_id: String,
    pub side: Side,
    pub price: String,
    /// With group separators.
    pub quantity: String,
    pub settlement_date: Option<String>,
    /// When the quote behind it ends (gateway clock), while that still matters.
    pub valid_until_ms: Option<f64>,
    /// One sentence: what happened, or what is being waited for.
    pub text: String,
    pub since_ms: f64,
}

/// The head of one RFQ panel. Its dealers are in [`LineView`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RfqView {
    /// QuoteReqID.
    pub id: String,
    pub instrument: String,
    pub symbol: String,
    pub name: String,
    pub ask: Ask,
    /// With group separators.
    pub quantity: String,
    pub currency: String,
    pub settlement_date: String,
    pub price_decimals: u8,
    pub price_unit: String,
    pub state: RfqState,
    pub created_ms: f64,
    pub expires_ms: f64,
    pub accept: Option<AcceptView>,
    pub problem: Option<Problem>,
    /// One sentence for the panel's head: `Waiting for 3 of 4 dealers`,
    /// `Filled at 99.125 with ...`.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum LineState {
    /// Asked, no answer yet.
    Asked,
    /// A live quote.
    Quoted,
    /// The dealer took its quote back.
    Withdrawn,
    /// The dealer, or the gateway, cannot be reached; the quote is not withdrawn.
    Unreachable,
    /// The quote's time ran out.
    Expired,
    /// The dealer does not want to quote; `reason` says why.
    Passed,
    /// The dealer, or the gateway on its behalf, refused the request; `reason` says why.
    Rejected,
    /// This dealer's quote was accepted and filled.
    Traded,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct QuoteSide {
    /// Formatted with the instrument's decimals, so that columns align.
    pub price: String,
    /// With group separators.
    pub size: String,
    /// True if the size is smaller than asked.
    pub partial: bool,
}

/// One dealer's row in the ladder of one RFQ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LineView {
    pub rfq_id: String,
    pub dealer: String,
    pub dealer_name: String,
    pub state: LineState,
    pub reason: Option<String>,
    pub quote_id: Option<String>,
    /// The dealer buys, the trader sells.
    pub bid: Option<QuoteSide>,
    /// The dealer sells, the trader buys.
    pub offer: Option<QuoteSide>,
    /// Gateway clock; `None` when there is no live quote.
    pub valid_until_ms: Option<f64>,
    pub best_bid: bool,
    pub best_offer: bool,
    /// Whether a hit (sell) or a lift (buy) may be armed now.
    pub can_hit: bool,
    pub can_lift: bool,
    /// The dealer shows this price and does not trade on it.
    pub indicative: bool,
    /// Counts this dealer's prices; a change of it is a re-quote.
    pub revision: u32,
    /// Place in the ladder, best first; lines of one RFQ are drawn in this order.
    pub rank: u32,
}

/// Arm an accept: ask to be shown exactly what would be agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ArmIntent {
    pub rfq_id: String,
    pub dealer: String,
    /// The quote as the trader saw it. A re-quote in between refuses the intent.
    pub quote_id: String,
    pub side: Side,
    /// The price as the trader saw it.
    pub price: String,
}
