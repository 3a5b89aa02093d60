//! One dealer's part of an RFQ.

use crate::{Counter, CounterState, DealerId, PartRule, Quote, UtcMillis, lifecycle::LinePhase};
use serde::{Deserialize, Serialize};

/// Why a dealer will not quote: QuoteRequestRejectReason (658) and Text (58).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// QuoteRequestRejectReason (658): [`crate::REASON_PASS`] for a pass, anything else for a
    /// rejection.
    pub code: u16,
    /// Text (58) of the dealer or of the gateway; empty if it gave none.
    pub text: String,
}

/// How one dealer's line stands, with what belongs to it. It moves by [`crate::lifecycle::line`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineState {
    /// The dealer was asked and has not answered.
    Asked,
    /// `quote` stands; [`Line::live_quote`] tells whether it has expired.
    Quoted,
    /// The dealer took the quote back (QuoteCancel, 35=Z).
    Withdrawn,
    /// The link to the dealer, or to the gateway, was lost: the quote was not withdrawn, but cannot
    /// be taken. The same quote again brings it back.
    Unreachable,
    /// The link came back, and the gateway did not repeat the quote. Nobody withdrew it.
    NotRepeated,
    /// The quote's ValidUntilTime (62) is reached.
    Expired,
    /// The dealer does not quote, 658=10.
    Passed(Passed),
    /// The dealer, or the gateway for it, refuses the request, with another 658.
    Rejected(Passed),
    /// The trader passed on this dealer, with a reason that the dealer does not get; it may be
    /// empty.
    TurnedDown(String),
    /// An accept of this dealer's quote was executed.
    Traded,
    /// The trader has countered the quote, and the answer is outstanding; see [`Line::counters`].
    Countered,
    /// The counter was refused or not answered; the quote that it declined cannot be taken.
    CounterOver,
}

impl LineState {
    /// Whether the quote's own end still changes it.
    pub(super) fn may_expire(&self) -> bool {
        matches!(self, Self::Quoted | Self::Unreachable | Self::NotRepeated)
    }

    /// Its column in the table.
    pub fn phase(&self) -> LinePhase {
        match self {
            Self::Asked => LinePhase::Asked,
            Self::Quoted => LinePhase::Quoted,
            Self::Withdrawn => LinePhase::Withdrawn,
            Self::Unreachable => LinePhase::Unreachable,
            Self::NotRepeated => LinePhase::NotRepeated,
            Self::Expired => LinePhase::Expired,
            Self::Passed(_) => LinePhase::Passed,
            Self::Rejected(_) => LinePhase::Rejected,
            Self::TurnedDown(_) => LinePhase::TurnedDown,
            Self::Traded => LinePhase::Traded,
            Self::Countered => LinePhase::Countered,
            Self::CounterOver => LinePhase::CounterOver,
        }
    }
}

/// One dealer's part of an RFQ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Whose line it is; one line for each dealer.
    pub dealer: DealerId,
    /// How it stands.
    pub state: LineState,
    /// The latest quote, kept after it ended so that it can still be seen.
    pub quote: Option<Quote>,
    /// When the latest quote came.
    pub quoted_at: UtcMillis,
    /// Counts this dealer's prices.
    pub revision: u32,
    /// The quote was said again since a link was lost. It matters while a counter hides the quote:
    /// when that turns out never to have been sent, the quote stands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// The trader's counters to this dealer, the oldest first, at most
    /// [`crate::MAX_COUNTERS_PER_LINE`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<(Counter, CounterState)>,
    /// What may be taken of a quote when the trader wants less; `None`: the whole only. It is of
    /// the dealer's settings, and not kept.
    #[serde(skip)]
    pub part: Option<PartRule>,
}

impl Line {
    /// The quote that can be taken now.
    pub fn live_quote(&self, now: UtcMillis) -> Option<&Quote> {
        match self.state {
            LineState::Quoted => self.quote.as_ref().filter(|q| q.live(now)),
            _ => None,
        }
    }
}
