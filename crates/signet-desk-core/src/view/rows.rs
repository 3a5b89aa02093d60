//! The blotter as its panel asks for it: filtered, sorted, grouped, a window of it at a time.

use super::blotter::{BlotterRow, BlotterTab};
use serde::{Deserialize, Serialize};
use specta::Type;

/// A column of the blotter.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Type,
)]
#[serde(rename_all = "camelCase")]
pub enum Column {
    /// When the RFQ was sent, or the trade was done.
    Time,
    /// What a trader calls the instrument.
    Symbol,
    /// ISIN, or the currency pair.
    Instrument,
    /// The trader's side.
    Side,
    /// The quantity.
    Quantity,
    /// The least that is traded of the request.
    Least,
    /// What the quote was for, when a part of it was taken.
    Quoted,
    /// What the quantity is counted in.
    Currency,
    /// The price of the trade.
    Price,
    /// The dealer traded with, or those asked.
    Dealer,
    /// How it stands.
    Status,
    /// The best price of the other dealers.
    Cover,
    /// Why another price than the best was taken.
    Reason,
    /// The day on which it settles.
    Settles,
    /// QuoteReqID.
    Rfq,
    /// The dealer's execution id.
    Execution,
}

/// Rows that have one of these values in a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RowsFilter {
    /// Side, dealer, status, symbol or least quantity.
    pub column: Column,
    /// Any one of them.
    pub values: Vec<String>,
}

/// What rows are put together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RowsGroup {
    /// By instrument.
    Instrument,
    /// By dealer, or by the dealers asked.
    Dealer,
    /// By day, in the trader's own time zone.
    Day,
}

/// What the panel asks of the blotter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RowsQuery {
    /// The list.
    pub tab: BlotterTab,
    /// Words that must all occur in what the row shows; empty for every row.
    pub text: String,
    /// All of them must fit.
    pub filters: Vec<RowsFilter>,
    /// First day, `2026-11-29`; `None` for any.
    pub from: Option<String>,
    /// Last day.
    pub to: Option<String>,
    /// The trader's time zone, `Europe/London`; one that is not known means UTC.
    pub zone: String,
    /// The column that the rows are sorted by.
    pub sort: Column,
    /// The largest or latest first.
    pub descending: bool,
    /// What the rows are put together by.
    pub group: Option<RowsGroup>,
    /// Keys of groups whose rows are not shown.
    pub closed: Vec<String>,
    /// The first line that is wanted, from 0.
    pub offset: u32,
    /// How many lines are wanted; the desk returns no more than 1,000.
    pub limit: u32,
}

/// How much the rows of a group come to, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RowsSum {
    /// ISO 4217 code.
    pub currency: String,
    /// With group separators; `None` when nothing was bought.
    pub bought: Option<String>,
    /// With group separators; `None` when nothing was sold.
    pub sold: Option<String>,
    /// Asked on both sides, with group separators; `None` when nothing was.
    pub two_way: Option<String>,
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum RowsLine {
    /// The head of a group.
    Group {
        /// Names the group in [`RowsQuery::closed`].
        key: String,
        /// The instrument, the dealer, the day.
        title: String,
        /// How many rows it has.
        rows: u32,
        /// What they come to; cancelled and disputed trades are left out.
        sums: Vec<RowsSum>,
        /// Its rows are not shown.
        closed: bool,
    },
    /// A row.
    Row {
        /// The row.
        row: Box<BlotterRow>,
        /// Why a person must look at it; `None`: nobody must.
        needs: Option<String>,
        /// Another dealer had a better price, and the trader has given no reason.
        owes_reason: bool,
    },
}

/// The values that a column has in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RowsChoices {
    /// The column.
    pub column: Column,
    /// In order; at most 200.
    pub values: Vec<String>,
}

/// A window of the lines that match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RowsPage {
    /// The place of the first line below.
    pub offset: u32,
    /// The lines.
    pub lines: Vec<RowsLine>,
    /// How many lines there are in all, heads of groups included.
    pub all_lines: u32,
    /// How many rows match.
    pub total: u32,
    /// How many rows the list has, those that do not match included.
    pub of: u32,
    /// How many rows in all lists need a person.
    pub attention: u32,
    /// What the rows that match come to.
    pub sums: Vec<RowsSum>,
    /// What can be chosen in a filter.
    pub choices: Vec<RowsChoices>,
}

/// Which columns the trader wants to see, in which order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TabColumns {
    /// The list.
    pub tab: BlotterTab,
    /// The columns that are shown, from the left.
    pub columns: Vec<Column>,
}
