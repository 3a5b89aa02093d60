//! A list of requests: what was pasted becomes rows, rows become tickets, and tickets are sent one
//! after the other as single RFQs. Pure; [`crate::book`] checks the rows, sends and accepts.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `text.rs` | a pasted text as records of cells |
//! | `workbook.rs` | the first sheet of an Excel workbook as such records |
//! | `hidden.rs` | which rows of the sheet are hidden |
//! | `columns.rs` | records as rows, by the names of the columns or in the usual order |
//! | `phase.rs` | how one row moves: the whole table |
//! | `pace.rs` | whether the next row may be sent now |
//! | `rows.rs` | the rows, and what may be done with each |
//! | `asks.rs` | what the trader is asked about many rows at once |
//! | `show.rs` | rows and figures as the page shows them |
//! | `store.rs`, `stored.rs` | the list and what was sent of it, on disk |

mod asks;
mod columns;
mod hidden;
mod pace;
mod phase;
mod rows;
mod show;
mod store;
mod stored;
mod text;
mod workbook;

pub(crate) use asks::{Repeat, Repeats, Since, Take, TakeRow};
pub(crate) use columns::{Pasted, paste, paste_workbook};
pub(crate) use pace::{FAULT, LOST, Link, Pace, Turn, turn};
pub(crate) use phase::{Event, Phase, Seen, at_rest, is_out};
pub(crate) use rows::{Checked, List, Meaning, Offer, Row, in_usual_order};
pub(crate) use store::ListStore;
pub(crate) use stored::SentBefore;
pub(crate) use text::typed;
pub(crate) use workbook::from_base64;

/// Rows of a list, at most.
pub(crate) const ROWS_MAX: usize = 500;
