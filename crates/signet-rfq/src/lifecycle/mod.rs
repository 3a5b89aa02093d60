//! The life of an RFQ as four tables: the request, one dealer's line in it, an accept, and a
//! counter.
//!
//! Each table gives the outcome of every event in every state. The state machine in [`crate::Rfq`]
//! moves only by these tables, `docs/lifecycle.md` is written from them, and the tests go through
//! every cell.

use std::fmt;

mod document;
mod reports;

pub use counter::{CounterEvent, CounterPhase, counter};
pub use document::document;
pub use reports::{Meaning, StatusMeaning, meaning, quote_status_meaning};

/// What an event does to something in a given state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<S> {
    /// It moves to this state.
    To(S),
    /// It is noted and changes nothing.
    Stay,
    /// People must settle it: it moves to this state (or stays in it), and what was claimed is kept
    /// as a dispute, shown to the trader and counted, but never booked as a trade.
    Settle(S),
    /// It cannot happen here; whoever asks for it is refused.
    Never,
}

use Outcome::{Never, Settle, Stay, To};

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $words:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// All of them, in the order of the table.
            pub const ALL: [Self; [$(Self::$variant),*].len()] = [$(Self::$variant),*];

            /// In words, for documents and people.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$variant => $words,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.words())
            }
        }
    };
}

// Below the macro that it uses.
mod counter;

kinds! {
    /// What can happen to a request as a whole.
    RequestEvent {
        /// The gateway has it and has asked the dealers.
        Acknowledged = "acknowledged",
        /// A dealer quotes.
        Quoted = "a quote arrives",
        /// The gateway or the venue refuses it.
        Refused = "refused",
        /// The trader ends it.
        Ended = "ended by the trader",
        /// Its time is over.
        TimeUp = "time is up",
        /// Every dealer has said no.
        NobodyLeft = "every dealer is out",
        /// An accept of it was executed.
        Executed = "executed",
        /// A colleague takes it over: it ends for this desk and goes on for the colleague's.
        TakenOver = "taken over by a colleague",
    }
}

impl RequestEvent {
    /// Whether this event waits while an accept is in flight: the answer decides first.
    pub const fn waits_for_the_answer(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Ended | Self::TimeUp | Self::NobodyLeft | Self::TakenOver
        )
    }
}

/// How a request stands. It moves by [`request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum RfqState {
    /// The desk has sent it; no acknowledgement and no quote yet.
    Sent,
    /// The gateway has it, or a dealer has quoted.
    Open,
    /// An accept of it was executed, in whole or in part.
    Done,
    /// Its time is over without a trade.
    Expired,
    /// The trader ended it without a trade.
    Cancelled,
    /// The gateway or the venue refused it.
    Refused,
    /// Every dealer passed or rejected.
    NothingDone,
    /// A colleague has it now; it has ended for this desk only.
    TakenOver,
}

impl RfqState {
    /// Whether this is a final state; no event leaves one.
    pub fn ended(self) -> bool {
        !matches!(self, Self::Sent | Self::Open)
    }

    /// In words, for documents and people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Open => "open",
            Self::Done => "done",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::NothingDone => "nothing done",
            Self::TakenOver => "taken over",
        }
    }
}

impl fmt::Display for RfqState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Every state of a request, in the order of the table.
pub const REQUEST_STATES: [RfqState; 8] = [
    RfqState::Sent,
    RfqState::Open,
    RfqState::Done,
    RfqState::Expired,
    RfqState::Cancelled,
    RfqState::Refused,
    RfqState::NothingDone,
    RfqState::TakenOver,
];

/// The outcome of `event` for a request in `state`, while no accept is in flight.
pub const fn request(state: RfqState, event: RequestEvent) -> Outcome<RfqState> {
    use RequestEvent as E;
    use RfqState as S;
    match (state, event) {
        (S::Sent, E::Acknowledged | E::Quoted) => To(S::Open),
        (S::Open, E::Acknowledged | E::Quoted) => Stay,
        (S::Sent | S::Open, E::Refused) => To(S::Refused),
        (S::Sent | S::Open, E::Ended) => To(S::Cancelled),
        (S::Sent | S::Open, E::TimeUp) => To(S::Expired),
        (S::Sent | S::Open, E::NobodyLeft) => To(S::NothingDone),
        (S::Sent | S::Open, E::Executed) => To(S::Done),
        (S::Open, E::TakenOver) => To(S::TakenOver),
        // The dealers are not asked yet: there is nothing that could go on.
        (S::Sent, E::TakenOver) => Never,
        // A late acknowledgement is harmless; everything else finds a final state.
        (
            S::Done | S::Expired | S::Cancelled | S::Refused | S::NothingDone | S::TakenOver,
            E::Acknowledged,
        ) => Stay,
        (S::Done, E::Executed) => Stay,
        (S::Done | S::Expired | S::Cancelled | S::Refused | S::NothingDone | S::TakenOver, _) => {
            Never
        }
    }
}

kinds! {
    /// How one dealer's line stands. The words of a refusal are kept beside it.
    LinePhase {
        /// Asked, and no answer yet.
        Asked = "asked",
        /// A quote stands.
        Quoted = "quoted",
        /// The dealer took its quote back.
        Withdrawn = "withdrawn",
        /// The quote cannot be taken until the link is back and the dealer repeats it.
        Unreachable = "not reachable",
        /// The gateway did not repeat the quote when the link came back.
        NotRepeated = "not repeated",
        /// The quote's own time is over.
        Expired = "expired",
        /// The dealer does not quote, QuoteRequestRejectReason (658) 10.
        Passed = "passed",
        /// The dealer, or the gateway for it, refuses the request, with another 658.
        Rejected = "rejected",
        /// The trader has told the dealer that nothing will be traded with it in this RFQ.
        TurnedDown = "passed by the trader",
        /// An accept of this dealer's quote was executed.
        Traded = "traded",
        /// The trader has asked the dealer for a better price. That declines the quote; the answer
        /// is outstanding.
        Countered = "countered",
        /// The counter is over without a new quote: the quote that was countered stays declined.
        CounterOver = "counter over",
    }
}

kinds! {
    /// What can happen to one dealer's line.
    LineEvent {
        /// A quote with other contents than the one before, and time left.
        NewQuote = "a new quote",
        /// A quote with other contents that is over already.
        DeadQuote = "a new quote, over on arrival",
        /// The quote that is on the line, once more, with time left.
        SameQuote = "the same quote again",
        /// The dealer takes the quote on the line back.
        Withdrawn = "the dealer withdraws",
        /// QuoteRequestRejectReason (658) 10.
        Passed = "the dealer passes",
        /// QuoteRequestRejectReason (658) other than 10.
        Rejected = "the dealer rejects",
        /// The trader passes on this dealer.
        TurnedDown = "the trader passes",
        /// The quote's own time is over.
        TimeUp = "the quote's time is up",
        /// The dealer cannot be reached.
        LinkLost = "the link is lost",
        /// The desk cannot reach the gateway, which says on return how everything stands.
        OwnLinkLost = "the desk's own link is lost",
        /// The link is back, and the gateway does not repeat the quote.
        NotRepeated = "the link is back without the quote",
        /// An accept of this dealer's quote was executed.
        Executed = "executed",
        /// The trader asks the dealer for a better price.
        Countered = "the trader counters",
        /// The counter was refused, or not answered in time.
        CounterOver = "the counter is refused or unanswered",
        /// The counter did not reach the dealer.
        CounterNotSent = "the counter went nowhere",
    }
}

/// The outcome of `event` for a line in `state`.
pub const fn line(state: LinePhase, event: LineEvent) -> Outcome<LinePhase> {
    use LineEvent as E;
    use LinePhase as S;
    match (state, event) {
        (S::Traded, E::Executed) => Stay,
        (S::Traded, E::Passed | E::Rejected | E::TurnedDown) => Never,
        (S::Traded, _) => Stay,
        (_, E::Executed) => To(S::Traded),
        // What the trader said to the dealer holds until the RFQ ends.
        (S::TurnedDown, _) => Stay,
        (_, E::TurnedDown) => To(S::TurnedDown),
        (_, E::NewQuote) => To(S::Quoted),
        (_, E::DeadQuote) => To(S::Expired),
        // Only what the lost link took away comes back with the same quote: what a dealer withdrew
        // or refused stays so until it quotes again.
        (S::Unreachable | S::NotRepeated, E::SameQuote) => To(S::Quoted),
        (_, E::SameQuote) => Stay,
        (
            S::Quoted | S::Unreachable | S::NotRepeated | S::Countered | S::CounterOver,
            E::Withdrawn,
        ) => To(S::Withdrawn),
        (_, E::Withdrawn) => Stay,
        (_, E::Passed) => To(S::Passed),
        (_, E::Rejected) => To(S::Rejected),
        (S::Quoted | S::Unreachable | S::NotRepeated, E::TimeUp) => To(S::Expired),
        (_, E::TimeUp) => Stay,
        (S::Quoted, E::LinkLost) => To(S::Unreachable),
        // Its answer may be lost, and the same quote again must not make a declined one live.
        (S::Countered, E::LinkLost) => To(S::CounterOver),
        (_, E::LinkLost) => Stay,
        // The gateway's snapshot says again what is countered.
        (S::Quoted | S::Countered | S::CounterOver, E::OwnLinkLost) => To(S::Unreachable),
        (_, E::OwnLinkLost) => Stay,
        (S::Unreachable, E::NotRepeated) => To(S::NotRepeated),
        (_, E::NotRepeated) => Stay,
        // From a snapshot: the quote may be over by now, and the counter is not.
        (S::Quoted | S::Expired, E::Countered) => To(S::Countered),
        (_, E::Countered) => Stay,
        (S::Countered, E::CounterOver) => To(S::CounterOver),
        (_, E::CounterOver) => Stay,
        // Also when its time, or the dealer's link, was over here first: nothing was declined.
        (S::Countered | S::CounterOver, E::CounterNotSent) => To(S::Quoted),
        (_, E::CounterNotSent) => Stay,
    }
}

kinds! {
    /// How an accept stands. The trade or the refusal itself is kept beside it.
    AcceptPhase {
        /// Shown to the trader; nothing has left the desk.
        Armed = "armed",
        /// It has left the desk; no answer yet.
        Sent = "sent",
        /// The dealer has it and has not decided.
        LastLook = "last look",
        /// The link was lost before the answer came.
        Unknown = "unknown",
        /// A part was executed; more may follow.
        PartlyFilled = "partly filled",
        /// All of it was executed.
        Filled = "filled",
        /// The dealer corrected the trade.
        Corrected = "corrected",
        /// The dealer took the whole trade back.
        Busted = "busted",
        /// It ended without a trade.
        Declined = "declined",
        /// A report contradicts what was accepted, and no trade stood before it.
        Disputed = "disputed",
    }
}

kinds! {
    /// What can happen to an accept, after a report was compared with what was accepted and with
    /// what is known already.
    AcceptEvent {
        /// The trader confirms; it leaves the desk.
        Confirmed = "confirmed by the trader",
        /// What it was armed on has changed or ended.
        Dropped = "its quote changed or ended",
        /// The dealer has it and has not decided.
        Working = "the dealer is looking",
        /// An execution that fits and leaves quantity open.
        PartExecuted = "executed in part",
        /// An execution that fits and completes it.
        WholeExecuted = "executed in whole",
        /// A report that is known already, word for word.
        Repeated = "a known report again",
        /// A report that is not what was accepted, or does not fit what was reported before.
        Contradicted = "a report that does not fit",
        /// 150=8, a reject (j, 3), or the gateway's word.
        Refused = "refused",
        /// 150=4, C or 3 with nothing executed.
        NothingTraded = "cancelled, expired or done",
        /// 150=H, and nothing is left of the trade.
        TradeCancelled = "trade cancelled (bust)",
        /// 150=G, or 150=H of a part.
        TradeCorrected = "trade corrected",
        /// The link over which the answer must come is lost.
        LinkLost = "the link is lost",
        /// The gateway says that it waits there for a touch.
        HeldAtGateway = "waits at the gateway",
        /// A report that changes nothing.
        Noted = "a report without effect",
    }
}

/// The outcome of `event` for an accept in `state`.
pub const fn accept(state: AcceptPhase, event: AcceptEvent) -> Outcome<AcceptPhase> {
    use AcceptEvent as E;
    use AcceptPhase as S;
    match (state, event) {
        (S::Armed, E::Confirmed) => To(S::Sent),
        (_, E::Confirmed) => Never,
        (S::Armed, E::Dropped) => To(S::Declined),
        // It cannot be sent while its quote cannot be taken; the same quote again brings it back.
        (S::Armed, E::LinkLost) => Stay,
        (_, E::Dropped) => Stay,
        (_, E::Repeated | E::Noted) => Stay,

        // Nobody outside this desk can know of an accept that never left.
        (S::Armed, E::PartExecuted | E::WholeExecuted | E::Contradicted) => Settle(S::Disputed),
        (S::Armed, _) => Never,

        (S::Sent | S::Unknown, E::Working) => To(S::LastLook),
        (_, E::Working) => Stay,
        (S::Sent | S::LastLook, E::LinkLost) => To(S::Unknown),
        (_, E::LinkLost) => Stay,
        (S::Unknown, E::HeldAtGateway) => To(S::Sent),
        (_, E::HeldAtGateway) => Stay,

        (S::Sent | S::LastLook | S::Unknown, E::PartExecuted) => To(S::PartlyFilled),
        (S::Sent | S::LastLook | S::Unknown, E::WholeExecuted) => To(S::Filled),
        (S::Sent | S::LastLook | S::Unknown, E::Refused | E::NothingTraded) => To(S::Declined),
        (S::Sent | S::LastLook | S::Unknown, E::Contradicted) => Settle(S::Disputed),
        // A bust or a correction of nothing that is known is a contradiction before it comes here.
        (S::Sent | S::LastLook | S::Unknown, E::TradeCancelled | E::TradeCorrected) => Never,

        (S::PartlyFilled, E::PartExecuted) => To(S::PartlyFilled),
        (S::PartlyFilled, E::WholeExecuted) => To(S::Filled),
        // The executed part stands; a refusal of the rest does not contradict it.
        (S::PartlyFilled, E::NothingTraded) => Stay,
        (S::PartlyFilled, E::Refused | E::Contradicted) => Settle(S::PartlyFilled),
        (S::PartlyFilled | S::Filled | S::Corrected, E::TradeCancelled) => To(S::Busted),
        (S::PartlyFilled | S::Filled | S::Corrected, E::TradeCorrected) => To(S::Corrected),

        // A fill is never taken back by anything but a bust or a correction.
        (S::Filled, E::PartExecuted | E::WholeExecuted | E::Contradicted) => Settle(S::Filled),
        (S::Filled, E::Refused | E::NothingTraded) => Settle(S::Filled),
        (S::Corrected, E::PartExecuted | E::WholeExecuted | E::Contradicted) => {
            Settle(S::Corrected)
        }
        (S::Corrected, E::Refused | E::NothingTraded) => Settle(S::Corrected),
        (S::Busted, E::PartExecuted | E::WholeExecuted | E::Contradicted | E::TradeCorrected) => {
            Settle(S::Busted)
        }
        (S::Busted, E::Refused | E::NothingTraded | E::TradeCancelled) => Stay,

        // A fill after a refusal would be a free option for whoever reports it.
        (S::Declined, E::PartExecuted | E::WholeExecuted | E::Contradicted) => Settle(S::Declined),
        (S::Declined, E::Refused | E::NothingTraded) => Stay,
        (S::Declined, E::TradeCancelled | E::TradeCorrected) => Never,
        (S::Disputed, E::PartExecuted | E::WholeExecuted | E::Contradicted) => Settle(S::Disputed),
        (S::Disputed, E::Refused | E::NothingTraded) => Settle(S::Disputed),
        (S::Disputed, E::TradeCancelled | E::TradeCorrected) => Never,
    }
}

#[cfg(test)]
mod tests;
