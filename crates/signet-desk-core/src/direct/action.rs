//! The actions that direct mode asks the link to carry out.

use crate::view::Problem;
use signet_fix::AppMessage;

/// One action; actions are carried out in order.
#[derive(Debug)]
pub(crate) enum DirectAction {
    /// Send it to the venue.
    ToVenue(AppMessage),
    /// Give it to the book as if a gateway had sent it.
    ToBook(AppMessage),
    /// It is approved: send it if the market has not moved meanwhile.
    Release(AppMessage),
    /// Tell the book that it was not sent.
    NotSent(AppMessage, Problem),
    /// Tell the trader.
    Tell(Problem),
}
