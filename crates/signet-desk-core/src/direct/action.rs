//! What direct mode wants done.

use crate::view::Problem;
use signet_fix::AppMessage;

/// One of the things to be done, in order.
#[derive(Debug)]
pub(crate) enum DirectAction {
    ToVenue(AppMessage),
    /// As if a gateway had sent it.
    ToBook(AppMessage),
    /// Approved: to be sent if it is still worth something.
    Release(AppMessage),
    /// Nothing left this laptop.
    NotSent(AppMessage, Problem),
    Tell(Problem),
}
