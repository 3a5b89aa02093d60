//! A list of requests: what was pasted becomes rows, rows become tickets, and tickets are sent one
//! after the other as single RFQs. Pure; [`crate::book`] checks the rows, sends and accepts.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `text.rs` | a pasted text as records of cells |
//! | `workbook.rs` | the first sheet of an Excel workbook as such records |
//! | `columns.rs` | records as rows, by the names of the columns or in the usual order |
//! | `phase.rs` | how one row moves: the whole table |
//! | `pace.rs` | whether the next row may be sent now |
//! | `rows.rs` | the rows, what may be done with each, and the figures |

mod columns;
mod pace;
mod phase;
mod rows;
mod text;
mod workbook;

pub(crate) use columns::{Pasted, paste, paste_workbook};
pub(crate) use pace::{Link, Pace, Turn, turn};
pub(crate) use phase::{Event, Phase, Seen, is_out};
pub(crate) use rows::{Checked, List, Meaning, Offer, Row, Take, TakeRow, in_usual_order};
pub(crate) use text::typed;
pub(crate) use workbook::from_base64;

/// Rows of a list, at most.
pub(crate) const ROWS_MAX: usize = 500;
