//! The table of a counter: the trader asks one dealer for a better price.

use super::Outcome::{self, Stay, To};
use std::fmt;

kinds! {
    /// How a counter stands.
    CounterPhase {
        /// It is on its way, or the dealer has not answered.
        Sent = "sent",
        /// The dealer has quoted a better price.
        Improved = "improved",
        /// The dealer has quoted again, and not better.
        HeldFirm = "held firm",
        /// The dealer refuses it.
        Refused = "refused",
        /// Its time is over without an answer.
        Unanswered = "no answer",
        /// Something else ended it first.
        Dropped = "dropped",
        /// It did not reach the dealer: the quote stands as before.
        NotSent = "not sent",
    }
}

kinds! {
    /// What can happen to a counter.
    CounterEvent {
        /// The dealer quotes a better price on the countered side.
        BetterQuote = "a better quote",
        /// The dealer quotes again, and not better.
        OtherQuote = "a quote that is not better",
        /// The dealer refuses it: 150=8, j, or AI with 297 that declines an accept.
        Refused = "the dealer refuses it",
        /// ValidUntilTime (62) of the counter is reached.
        TimeUp = "its time is up",
        /// The dealer withdraws, passes or cannot be reached, the trader passes, or the RFQ ends.
        LineOver = "the line or the RFQ is over",
        /// The gateway refuses it, or cannot reach the dealer.
        NotSent = "it went nowhere",
        /// An ExecutionReport that claims a trade: nobody agreed to one.
        Executed = "a trade is reported",
    }
}

/// The outcome of `event` for a counter in `state`. A counter agrees to nothing, so that a trade
/// that is reported for one is a dispute in every state.
pub const fn counter(state: CounterPhase, event: CounterEvent) -> Outcome<CounterPhase> {
    use CounterEvent as E;
    use CounterPhase as S;
    match (state, event) {
        (_, E::Executed) => Outcome::Settle(state),
        (S::Sent, E::BetterQuote) => To(S::Improved),
        (S::Sent, E::OtherQuote) => To(S::HeldFirm),
        (S::Sent, E::Refused) => To(S::Refused),
        (S::Sent, E::TimeUp) => To(S::Unanswered),
        (S::Sent, E::LineOver) => To(S::Dropped),
        (S::Sent, E::NotSent) => To(S::NotSent),
        // What comes later does not change what the trader was told.
        (
            S::Improved | S::HeldFirm | S::Refused | S::Unanswered | S::Dropped | S::NotSent,
            E::BetterQuote | E::OtherQuote | E::Refused | E::TimeUp | E::LineOver | E::NotSent,
        ) => Stay,
    }
}
