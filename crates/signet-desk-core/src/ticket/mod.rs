//! What helps a trader to fill in the ticket.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `finder.rs` | instruments by what is typed, over the catalogue that is in use |

mod finder;

pub(crate) use finder::Finder;
