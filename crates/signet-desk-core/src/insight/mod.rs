//! What can be learnt from the desk's own records: of each dealer, and of each RFQ.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `timeline.rs` | what happened in one RFQ, from the signed history |
//! | `best_execution.rs` | the page of one RFQ, from its timeline |
//! | `best_counters.rs` | the counters on that page |
//! | `best_numbers.rs` | what the numbers on that page count |
//! | `best_parts.rs` | accepts of a part of a quote on that page |
//! | `choice.rs` | whether another dealer had a better price when one was accepted |
//! | `html.rs` | the same page as a file |
//! | `proof.rs` | the page with the messages that prove it, and the check |
//! | `export.rs` | rows of the blotter as a file for a spreadsheet |
//! | `dealers.rs` | what this desk has seen of each dealer, for people to look at |
//! | `record.rs` | what this desk has seen of a dealer |
//! | `fact.rs` | what one message says of how a dealer answers |
//! | `tally.rs` | the same of all, gathered from messages |
//! | `part.rs` | what one file of the history says of the dealers |

mod best_execution;
mod choice;
mod dealers;
mod export;
mod fact;
mod html;
mod part;
mod proof;
mod record;
mod tally;
mod timeline;

pub(crate) use best_execution::{Names, fill, with_reasons};
pub(crate) use choice::{Choices, better, reason};
pub(crate) use dealers::insights;
pub(crate) use export::{Table, file_name};
pub(crate) use fact::Told;
pub(crate) use html::html;
pub(crate) use part::{Part, Tallying};
pub(crate) use proof::proof;
pub(crate) use record::{DealerRecord, Turn};
pub(crate) use tally::Tally;
pub(crate) use timeline::Gathering;
