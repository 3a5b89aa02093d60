//! A list of requests: pasted, corrected in place, sent one after the other, and taken together.

use super::{
    problem::Problem,
    ticket::{Ask, PriceType, Side},
};
use serde::{Deserialize, Serialize};
use specta::Type;

/// A column of the list.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Type,
)]
#[serde(rename_all = "camelCase")]
pub enum ListField {
    /// Buy, sell or two-way.
    Side,
    /// ISIN, pair or symbol.
    Instrument,
    /// As the ticket reads it.
    Quantity,
    /// The settlement day; empty for the usual one.
    Settlement,
    /// Names of dealers; empty or `all` for all that are online.
    Dealers,
    /// The worst price that may be taken.
    Limit,
    /// The trader's own note.
    Note,
    /// Price, yield, spread or discount margin; empty for the usual one of the instrument.
    PriceType,
    /// The least quantity, or `all` for all or none; empty for any part.
    Least,
}

/// What becomes of rows that are hidden in a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum HiddenRows {
    /// They are left out.
    Out,
    /// They are taken as the others are.
    In,
}

/// The cells of one row, as they were pasted or typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListCells {
    /// [`ListField::Side`].
    pub side: String,
    /// [`ListField::Instrument`].
    pub instrument: String,
    /// [`ListField::Quantity`].
    pub quantity: String,
    /// [`ListField::Settlement`].
    pub settlement: String,
    /// [`ListField::Dealers`].
    pub dealers: String,
    /// [`ListField::Limit`].
    pub limit: String,
    /// [`ListField::Note`].
    pub note: String,
    /// [`ListField::PriceType`].
    pub price_type: String,
    /// [`ListField::Least`].
    pub least: String,
}

/// How one row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ListState {
    /// Not sent yet; it may be wrong.
    Draft,
    /// It is sent when its turn comes.
    Pending,
    /// Sent; no answer yet.
    Sending,
    /// The dealers are asked.
    Open,
    /// A dealer has a price for the whole quantity.
    Quoted,
    /// An accept of it is on its way.
    Taking,
    /// Traded.
    Done,
    /// Not sent, or refused.
    Refused,
    /// Its time ran out.
    Expired,
    /// It ended without a trade.
    Ended,
    /// The sending was stopped before its turn.
    Stopped,
    /// The desk ended while its request was on its way or open, and nothing says what became of it.
    Unknown,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListProblem {
    /// The cell that must be changed; `None` for the row as a whole.
    pub field: Option<ListField>,
    /// What is wrong, and what cures it.
    pub problem: Problem,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListRow {
    /// Names the row as long as it is there.
    pub key: u32,
    /// Its place in the list, from 1.
    pub number: u32,
    /// As pasted or typed.
    pub cells: ListCells,
    /// What must be corrected before the list can be sent.
    pub problems: Vec<ListProblem>,
    /// What the trader should look at; it may be sent.
    pub warning: Option<String>,
    /// What a trader calls the instrument; empty while it is not known.
    pub symbol: String,
    /// ISIN, or the currency pair.
    pub instrument: String,
    /// How it stands.
    pub state: ListState,
    /// QuoteReqID, once it was sent.
    pub rfq_id: Option<String>,
    /// The best price, or the price of the trade.
    pub price: Option<String>,
    /// Who makes it.
    pub dealer: Option<String>,
    /// How many ticks it is from the limit: `+2` is worse for the trader.
    pub away: Option<String>,
    /// The best price is within the limit.
    pub within: bool,
    /// What happened, in one sentence.
    pub text: String,
    /// In which numbers it asks, once its instrument is known.
    pub price_type: Option<PriceType>,
}

/// How the sending stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ListRun {
    /// Nothing is being sent.
    Idle,
    /// Rows are being sent.
    Sending,
    /// The connection was lost, or the disk refused; the trader decides whether the rest is sent.
    Paused,
}

/// The list in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListSummary {
    /// Another number whenever a row changed.
    pub revision: u32,
    /// The desk's own id of the list, once a row was sent.
    pub id: Option<String>,
    /// How the sending stands.
    pub run: ListRun,
    /// Rows in all.
    pub rows: u32,
    /// Rows that must be corrected.
    pub wrong: u32,
    /// Rows that are ready to be sent.
    pub ready: u32,
    /// Rows that wait for their turn.
    pub pending: u32,
    /// Rows that were sent or refused in this sending.
    pub sent: u32,
    /// Open requests.
    pub open: u32,
    /// Open requests with a price for the whole quantity.
    pub quoted: u32,
    /// Rows whose best price is within their limit.
    pub within: u32,
    /// Traded.
    pub done: u32,
    /// Refused, expired, ended or stopped.
    pub without: u32,
    /// Rows of which nothing says what became of them.
    pub unknown: u32,
    /// The disk refuses to keep the list: it is gone when the desk ends.
    pub unkept: bool,
    /// Accepts that are still to be sent after the trader confirmed them all.
    pub taking: u32,
    /// Why the sending waits; empty if it does not.
    pub text: String,
}

/// One row of what is to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TakeLine {
    /// Of the row.
    pub key: u32,
    /// Of the row.
    pub number: u32,
    /// The trader's side.
    pub side: Side,
    /// With group separators.
    pub quantity: String,
    /// ISO 4217 code.
    pub currency: String,
    /// What a trader calls the instrument.
    pub symbol: String,
    /// ISIN, or the currency pair.
    pub instrument: String,
    /// Who makes the best price now; ties with commas between.
    pub dealer: String,
    /// The best price now; `None` when it is gone.
    pub price: Option<String>,
    /// The worst price that is agreed to.
    pub limit: String,
    /// The day on which it settles.
    pub settlement_date: String,
    /// It is far from the market: one sentence.
    pub warning: Option<String>,
}

/// A row that is not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TakeLeft {
    /// Of the row.
    pub number: u32,
    /// What a trader calls the instrument.
    pub symbol: String,
    /// In words.
    pub why: String,
}

/// What is bought and sold in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TakeTotal {
    /// ISO 4217 code.
    pub currency: String,
    /// The trader's side.
    pub side: Side,
    /// How many rows.
    pub rows: u32,
    /// With group separators.
    pub quantity: String,
}

/// Everything that one confirmation agrees to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListTake {
    /// In the order of the list.
    pub lines: Vec<TakeLine>,
    /// Rows with a price that is not taken.
    pub left: Vec<TakeLeft>,
    /// Sums of the lines.
    pub totals: Vec<TakeTotal>,
    /// Confirm does nothing for so many milliseconds after the terms were shown.
    pub after_ms: u32,
    /// Lines are far from the market, and Confirm was pressed once.
    pub seen: bool,
}

/// A window of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListPage {
    /// The list in figures.
    pub summary: ListSummary,
    /// The place of the first row below.
    pub offset: u32,
    /// The rows.
    pub rows: Vec<ListRow>,
    /// What is to be confirmed, while that is shown.
    pub take: Option<ListTake>,
    /// Rows that were sent before, while the trader is asked about them.
    pub repeats: Option<ListRepeats>,
}

/// Rows that ask for what was asked for before on the same day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListRepeats {
    /// In the order of the list.
    pub rows: Vec<ListRepeat>,
    /// How many rows would be sent in all.
    pub all: u32,
    /// The answer does nothing for so many milliseconds after the question was shown.
    pub after_ms: u32,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListRepeat {
    /// Of the row.
    pub key: u32,
    /// Of the row.
    pub number: u32,
    /// What the row asks for.
    pub ask: Ask,
    /// With group separators.
    pub quantity: String,
    /// What a trader calls the instrument.
    pub symbol: String,
    /// When it was sent before, in which list, and what came of it: the newest first.
    pub before: Vec<String>,
}

/// What came of a paste.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListPasted {
    /// Rows that were added.
    pub added: u32,
    /// Names of columns that the list does not have.
    pub ignored: Vec<String>,
    /// Rows that are hidden in the sheet.
    pub hidden: u32,
    /// Nothing was added: the trader is to say what becomes of the hidden rows.
    pub asks: bool,
}

/// What the trader does with the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum ListIntent {
    /// Corrects a cell.
    Edit {
        /// The row.
        key: u32,
        /// The column.
        field: ListField,
        /// What the cell has now.
        text: String,
    },
    /// Removes a row that was not sent, or has ended.
    Remove {
        /// The row.
        key: u32,
    },
    /// Removes every row; refused while one is open.
    Clear,
    /// Sends every row that is ready.
    Send {
        /// Time to live of each request, seconds.
        ttl_s: u32,
    },
    /// Sends no further row, and no further accept.
    Stop,
    /// Sends them although the same was sent before.
    SendAgain,
    /// Sends the rest after the connection was lost, or the disk refused.
    Resume,
    /// Makes a row that ended without a trade ready to be sent again.
    Again {
        /// The row.
        key: u32,
    },
    /// Closes what was to be confirmed, or the question about rows that were sent before.
    Leave,
}
