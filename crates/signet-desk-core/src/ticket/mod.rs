//! What helps a trader to fill in the ticket.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `finder.rs` | instruments by what is typed, over the catalogue that is in use |
//! | `suggest.rs` | which dealers the desk suggests, and why: pure |
//! | `form.rs` | whether a filled-in ticket holds, beside what an RFQ needs: pure |
//! | `lists.rs` | dealers under a name, and which of them can be asked now: pure |
//! | `package.rs` | the package of a ticket: kinds, edits, what is read in the legs: pure |
//! | `store.rs`, `stored.rs` | drafts, templates, favourites, lists and last requests, on disk |

mod finder;
mod form;
mod lists;
mod package;
mod store;
mod stored;
mod suggest;

pub(crate) use finder::Finder;
pub(crate) use form::{Wanted, at_least, check_name, check_texts, limit, wanted};
pub(crate) use lists::{DealerList, list_name, listed, resolve};
pub(crate) use package::{Asking, edited, net_limit};
pub(crate) use store::{NotKept, TicketStore};
pub(crate) use suggest::{Candidate, Suggestion, suggest};
