//! What can be learnt from the desk's own records: of each dealer, and of each RFQ.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `record.rs` | what this desk has seen of a dealer |
//! | `tally.rs` | the same, gathered from messages |

mod record;
mod tally;

pub(crate) use record::DealerRecord;
pub(crate) use tally::{Tally, Told};
