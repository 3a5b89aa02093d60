//! RFQ panels: the head, the dealers' lines, the accept.

use super::{
    PriceType,
    problem::Problem,
    ticket::{Ask, Side},
};
use serde::{Deserialize, Serialize};
use specta::Type;

/// How an RFQ stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RfqState {
    /// Sent; the gateway has not acknowledged it.
    Sent,
    /// The gateway has it and has asked the dealers.
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
    /// A colleague has it now.
    TakenOver,
}

/// How the accept of an RFQ stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum AcceptState {
    /// Shown to the trader for confirmation; nothing has been sent.
    Armed,
    /// It was armed and not sent, because the quote changed; `text` says how.
    Disarmed,
    /// Sent, and held at the gateway for a touch or a second person; `text` says for which.
    StepUp,
    /// Sent; no answer yet.
    Sent,
    /// The dealer is taking its last look.
    LastLook,
    /// The dealer filled all of it.
    Filled,
    /// The dealer filled part of it.
    PartlyFilled,
    /// The dealer corrected the trade; the corrected terms are shown.
    Corrected,
    /// The dealer cancelled the trade.
    Busted,
    /// Refused by the desk, the gateway or the dealer; `text` says by whom and why.
    Declined,
    /// The dealer reports a trade that differs from what was accepted; people must settle it.
    Disputed,
    /// Sent, but the answer was lost; the desk asks for it and never guesses it.
    Unknown,
}

/// One leg of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LegView {
    /// ISIN, or the currency pair.
    pub instrument: String,
    /// What a trader calls the instrument; its id while the instrument list is not there.
    pub symbol: String,
    /// The trader's side in this leg; of an RFQ for both sides, when the package is bought.
    pub side: Side,
    /// How often the price of this leg counts in the package's.
    pub ratio: String,
    /// With group separators.
    pub quantity: String,
    /// `2026-12-01`.
    pub settlement_date: String,
    /// The price that is agreed to, with the instrument's decimals; `None` in an RFQ.
    pub price: Option<String>,
}

/// The one accept of an RFQ: the terms that were, or would be, agreed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AcceptView {
    /// How it stands.
    pub state: AcceptState,
    /// Unique id of the accept (ClOrdID).
    pub id: String,
    /// CompID of the dealer.
    pub dealer: String,
    /// What people call the dealer.
    pub dealer_name: String,
    /// QuoteID of the quote that is accepted.
    pub quote_id: String,
    /// The trader's side.
    pub side: Side,
    /// With the instrument's decimals.
    pub price: String,
    /// The worst price that is agreed to, with the instrument's decimals; `None` where the venue
    /// takes this quote and no other.
    pub limit: Option<String>,
    /// How many ticks the limit is worse than the price.
    pub limit_ticks: u32,
    /// With group separators; of a package the sum of all legs.
    pub quantity: String,
    /// What the quote is for, with group separators, when the trader takes less of it.
    pub quoted_quantity: Option<String>,
    /// The trader may type a smaller quantity; only while it is armed.
    pub takes_part: bool,
    /// The legs of a package, each at its price; none for a single instrument.
    pub legs: Vec<LegView>,
    /// `2026-12-01`.
    pub settlement_date: Option<String>,
    /// When the quote ends, milliseconds on the gateway's clock; only while the accept is armed.
    pub valid_until_ms: Option<f64>,
    /// What happened, or what is awaited, in one sentence.
    pub text: String,
    /// When the dealer reported the trade, milliseconds on the gateway's clock; 0 before.
    pub since_ms: f64,
}

/// An accept that the trader approves before choosing its quote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AheadView {
    /// The trader's side.
    pub side: Side,
    /// The worst price, with the instrument's decimals.
    pub limit: String,
    /// The key was touched: the next accept within the limit needs no touch.
    pub approved: bool,
}

/// Where the market is, from what the dealers of one RFQ quote. Prices have the instrument's
/// decimals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MarketView {
    /// Composite of the bids: the one in the middle. `None` while fewer than three dealers quote.
    pub bid: Option<String>,
    /// Composite of the offers.
    pub offer: Option<String>,
    /// In the middle between the best bid and the best offer.
    pub mid: Option<String>,
    /// How many dealers make the composite.
    pub dealers: u32,
}

/// The best price of the dealers who did not trade, at the moment of the trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CoverView {
    /// With the instrument's decimals.
    pub price: String,
    /// Who made it; ties with commas between.
    pub dealers: String,
    /// How many ticks it is from the traded price: `+1` is worse for the trader.
    pub ticks: Option<String>,
}

/// What stands between an armed accept and its sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GuardView {
    /// For so many milliseconds after the terms were shown, Confirm does nothing.
    pub after_ms: u32,
    /// The price is far from the market: one sentence. Confirm is to be pressed twice.
    pub warning: Option<String>,
    /// Confirm was pressed once in spite of the warning.
    pub seen: bool,
}

/// How a dealer did in earlier RFQs of this desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// CompID of the dealer.
    pub dealer: String,
    /// In a few characters: `1/12 refused · holds 0.3 s · answers in 0.8 s`.
    pub text: String,
    /// The same as one sentence.
    pub title: String,
}

/// The head of one RFQ panel. Its dealers are in [`LineView`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RfqView {
    /// QuoteReqID.
    pub id: String,
    /// ISIN, or the currency pair.
    pub instrument: String,
    /// What a trader calls the instrument; its id while the instrument list is not there.
    pub symbol: String,
    /// Full name of the instrument; empty while the instrument list is not there.
    pub name: String,
    /// What is asked for.
    pub ask: Ask,
    /// The legs of a package; none for a single instrument.
    pub legs: Vec<LegView>,
    /// With group separators; of a package the sum of all legs.
    pub quantity: String,
    /// The least that is traded, with group separators; `None` for any part.
    pub min_quantity: Option<String>,
    /// ISO 4217 code of the currency that the quantity is counted in.
    pub currency: String,
    /// `2026-12-01`.
    pub settlement_date: String,
    /// Digits after the decimal point in a price.
    pub price_decimals: u8,
    /// Unit of the price, in words: `% of par`, `USD per EUR`.
    pub price_unit: String,
    /// In which numbers it is asked for.
    pub price_type: PriceType,
    /// How the RFQ stands.
    pub state: RfqState,
    /// When it was sent, milliseconds on the gateway's clock.
    pub created_ms: f64,
    /// When it expires, milliseconds on the gateway's clock.
    pub expires_ms: f64,
    /// The accept, if there is or was one.
    pub accept: Option<AcceptView>,
    /// The worst price of an accept, as its ticket says it; `None`: it says nothing.
    pub limit: Option<String>,
    /// An accept that is approved before its quote is chosen, or is to be.
    pub ahead: Option<AheadView>,
    /// What stands between the accept and its sending; only while it is armed.
    pub guard: Option<GuardView>,
    /// Where the market is.
    pub market: MarketView,
    /// The cover of its trade.
    pub cover: Option<CoverView>,
    /// Why it was refused, or what is wrong with its trade.
    pub problem: Option<Problem>,
    /// One sentence for the panel's head: `Waiting for 3 of 4 dealers`,
    /// `Filled at 99.125 with ...`.
    pub text: String,
}

/// How one dealer's line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum LineState {
    /// Asked, not answered yet.
    Asked,
    /// A live quote.
    Quoted,
    /// The dealer withdrew its quote.
    Withdrawn,
    /// The dealer or the gateway cannot be reached; the quote is not withdrawn.
    Unreachable,
    /// The quote was not repeated when the connection came back; nobody withdrew it.
    NotRepeated,
    /// The quote's time ran out.
    Expired,
    /// The dealer declined to quote; `reason` says why.
    Passed,
    /// The dealer, or the gateway on its behalf, refused the request; `reason` says why.
    Rejected,
    /// The trader passed on this dealer.
    TurnedDown,
    /// This dealer's quote was accepted and filled.
    Traded,
    /// The trader asked for a better price; the answer is outstanding.
    Countered,
    /// The counter is over without a new quote; the quote that was countered is declined.
    CounterOver,
}

/// How a counter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum CounterState {
    /// On its way, or at the dealer.
    Sent,
    /// The dealer has quoted a better price.
    Improved,
    /// The dealer has quoted again, and not better.
    HeldFirm,
    /// The dealer refuses.
    Refused,
    /// Nothing came in time.
    Unanswered,
    /// Something else ended it first.
    Dropped,
    /// It did not reach the dealer; the quote stands.
    NotSent,
}

/// A counter: the trader asked one dealer for a better price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CounterView {
    /// How it stands.
    pub state: CounterState,
    /// The trader's side.
    pub side: Side,
    /// What was asked for, with the instrument's decimals.
    pub price: String,
    /// What the dealer quoted then.
    pub quoted: String,
    /// How long the trader waits, milliseconds on the gateway's clock.
    pub until_ms: f64,
    /// What the dealer, or whoever refused it, says.
    pub text: Option<String>,
}

/// Asks one dealer for a better price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CounterIntent {
    /// QuoteReqID of the RFQ.
    pub rfq_id: String,
    /// CompID of the dealer.
    pub dealer: String,
    /// The quote as the trader saw it; a re-quote in between refuses the intent.
    pub quote_id: String,
    /// The trader's side.
    pub side: Side,
    /// What was typed, in the instrument's convention.
    pub price: String,
}

/// One side of a quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct QuoteSide {
    /// With the instrument's decimals, so that columns align.
    pub price: String,
    /// With group separators.
    pub size: String,
    /// The size is smaller than the quantity asked for.
    pub partial: bool,
    /// For its smaller size the price is better than the best for the whole quantity, or no dealer
    /// quotes the whole; and no dealer quotes a better one for as much.
    pub better_for_less: bool,
    /// How many ticks it is from the composite of its side: `+2` is worse for the trader, `-1`
    /// better. `None` without a composite.
    pub away: Option<String>,
}

/// A dealer's prices of one leg, with the instrument's decimals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LegQuote {
    /// The leg's price when the trader buys the package.
    pub bought: Option<String>,
    /// The leg's price when the trader sells the package.
    pub sold: Option<String>,
}

/// One dealer's row in the ladder of one RFQ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LineView {
    /// QuoteReqID of the RFQ.
    pub rfq_id: String,
    /// CompID of the dealer.
    pub dealer: String,
    /// What people call the dealer.
    pub dealer_name: String,
    /// How the line stands.
    pub state: LineState,
    /// Why the dealer passed or the request was rejected.
    pub reason: Option<String>,
    /// QuoteID of the latest quote.
    pub quote_id: Option<String>,
    /// The price at which the dealer buys and the trader sells.
    pub bid: Option<QuoteSide>,
    /// The price at which the dealer sells and the trader buys.
    pub offer: Option<QuoteSide>,
    /// The prices of the legs of a package, in their order; none for a single instrument.
    pub legs: Vec<LegQuote>,
    /// When the quote ends, milliseconds on the gateway's clock; `None` without a live quote.
    pub valid_until_ms: Option<f64>,
    /// No other dealer bids better for the whole quantity; never of a bid for less.
    pub best_bid: bool,
    /// No other dealer offers better for the whole quantity; never of an offer for less.
    pub best_offer: bool,
    /// Whether a hit (the trader sells) may be armed now.
    pub can_hit: bool,
    /// The trader may pass on this dealer now.
    pub can_pass: bool,
    /// The trader may ask this dealer for a better price now.
    pub can_counter: bool,
    /// Why not, in a few words, where the dealer has a quote.
    pub no_counter: Option<String>,
    /// The trader's last counter to this dealer.
    pub counter: Option<CounterView>,
    /// Whether a lift (the trader buys) may be armed now.
    pub can_lift: bool,
    /// The quote stands, but ends before an accept could reach it.
    pub too_late: bool,
    /// The dealer shows this price but does not trade on it.
    pub indicative: bool,
    /// Number of the dealer's prices so far; it grows with each re-quote.
    pub revision: u32,
    /// Place in the ladder, from 0, best first. Quotes for the whole quantity stand before those
    /// for a part of it.
    pub rank: u32,
}

/// Asks for the terms that an accept would agree to. Nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ArmIntent {
    /// QuoteReqID of the RFQ.
    pub rfq_id: String,
    /// CompID of the dealer.
    pub dealer: String,
    /// The quote as the trader saw it; a re-quote in between refuses the intent.
    pub quote_id: String,
    /// The trader's side.
    pub side: Side,
    /// The price as the trader saw it.
    pub price: String,
}
