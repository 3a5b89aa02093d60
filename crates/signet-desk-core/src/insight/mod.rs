//! What can be learnt from the desk's own records: of each dealer, and of each RFQ.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `choice.rs` | whether another dealer had a better price when one was accepted |
//! | `record.rs` | what this desk has seen of a dealer |
//! | `tally.rs` | the same, gathered from messages |

mod choice;
mod record;
mod tally;

pub(crate) use choice::{Choices, better, reason};
pub(crate) use record::DealerRecord;
pub(crate) use tally::{Tally, Told};
