//! The code sets of FIX 4.4 that a life cycle depends on, whole: a value that the standard knows
//! has a name here.

macro_rules! codes {
    (
        $(#[$doc:meta])* $name:ident: $code:ty {
            $($(#[$vdoc:meta])* $variant:ident = $value:literal, $words:literal;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// A value that FIX 4.4 does not define.
            Other($code),
        }

        impl $name {
            /// Every value that FIX 4.4 defines, in the order of the standard.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The value as it travels.
            pub const fn code(self) -> $code {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Other(c) => c,
                }
            }

            /// What a received value means.
            pub const fn of(code: $code) -> Self {
                match code {
                    $($value => Self::$variant,)*
                    c => Self::Other(c),
                }
            }

            /// The name that the standard gives the value.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$variant => $words,)*
                    Self::Other(_) => "unknown value",
                }
            }
        }
    };
}

codes! {
    /// ExecType (150): what an ExecutionReport reports.
    ExecType: char {
        /// 150=0: acknowledged, nothing executed.
        New = '0', "new";
        /// FIX 4.2's partial fill; FIX 4.4 sends `F`.
        PartialFill = '1', "partial fill (FIX 4.2)";
        /// FIX 4.2's fill; FIX 4.4 sends `F`.
        Fill = '2', "fill (FIX 4.2)";
        /// 150=3: nothing more is executed today.
        DoneForDay = '3', "done for day";
        /// 150=4: the order was cancelled.
        Cancelled = '4', "cancelled";
        /// 150=5: the order was replaced by another.
        Replaced = '5', "replaced";
        /// 150=6: a cancellation was asked for and not decided.
        PendingCancel = '6', "pending cancel";
        /// 150=7: the dealer guarantees a price and has not executed.
        Stopped = '7', "stopped";
        /// 150=8: the order was refused.
        Rejected = '8', "rejected";
        /// 150=9: the order cannot be executed for now.
        Suspended = '9', "suspended";
        /// 150=A: received and not yet accepted; a dealer's last look.
        PendingNew = 'A', "pending new";
        /// 150=B: the day's average price was calculated.
        Calculated = 'B', "calculated";
        /// 150=C: the order's time is over.
        Expired = 'C', "expired";
        /// 150=D: the dealer changed the order by itself.
        Restated = 'D', "restated";
        /// 150=E: a replacement was asked for and not decided.
        PendingReplace = 'E', "pending replace";
        /// 150=F: an execution, in part or in whole.
        Trade = 'F', "trade";
        /// 150=G: an execution is corrected; ExecRefID (19) names it.
        TradeCorrect = 'G', "trade correct";
        /// 150=H: an execution is taken back (a bust); ExecRefID (19) names it.
        TradeCancel = 'H', "trade cancel";
        /// The answer to a status request; [`OrdStatus`] tells.
        Status = 'I', "order status";
    }
}

codes! {
    /// OrdStatus (39): how the order stands after the report.
    OrdStatus: char {
        /// 39=0: outstanding, nothing executed.
        New = '0', "new";
        /// 39=1: executed in part, the rest outstanding.
        PartiallyFilled = '1', "partially filled";
        /// 39=2: executed in whole.
        Filled = '2', "filled";
        /// 39=3: not executed in whole, and nothing more comes today.
        DoneForDay = '3', "done for day";
        /// 39=4: cancelled, in whole or what was left.
        Cancelled = '4', "cancelled";
        /// 39=5: replaced by another order.
        Replaced = '5', "replaced";
        /// 39=6: a cancellation was asked for and not decided.
        PendingCancel = '6', "pending cancel";
        /// 39=7: a price is guaranteed and nothing executed yet.
        Stopped = '7', "stopped";
        /// 39=8: refused.
        Rejected = '8', "rejected";
        /// 39=9: cannot be executed for now.
        Suspended = '9', "suspended";
        /// 39=A: received and not yet accepted.
        PendingNew = 'A', "pending new";
        /// 39=B: done for the day, and its averages calculated.
        Calculated = 'B', "calculated";
        /// 39=C: its time is over.
        Expired = 'C', "expired";
        /// 39=D: accepted for bidding.
        AcceptedForBidding = 'D', "accepted for bidding";
        /// 39=E: a replacement was asked for and not decided.
        PendingReplace = 'E', "pending replace";
    }
}

codes! {
    /// QuoteStatus (297) of a QuoteStatusReport (AI).
    QuoteStatus: u16 {
        /// 297=0: the quote, or the request, was taken.
        Accepted = 0, "accepted";
        /// 297=1: quotes for a symbol were cancelled.
        CancelForSymbol = 1, "cancelled for symbol";
        /// 297=2: quotes for a security type were cancelled.
        CancelForSecurityType = 2, "cancelled for security type";
        /// 297=3: quotes for an underlying were cancelled.
        CancelForUnderlying = 3, "cancelled for underlying";
        /// 297=4: all quotes were cancelled.
        CancelAll = 4, "cancelled all";
        /// 297=5: refused.
        Rejected = 5, "rejected";
        /// 297=6: taken off the market.
        RemovedFromMarket = 6, "removed from market";
        /// 297=7: its time is over.
        Expired = 7, "expired";
        /// 297=8: the answer to a question about a quote.
        Query = 8, "query";
        /// 297=9: the receiver does not know the quote.
        NotFound = 9, "quote not found";
        /// 297=10: received and not decided.
        Pending = 10, "pending";
        /// 297=11: the sender does not take part.
        Pass = 11, "pass";
        /// 297=12: the quote would lock the market (bid equals offer).
        LockedMarketWarning = 12, "locked market warning";
        /// 297=13: the quote would cross the market (bid above offer).
        CrossMarketWarning = 13, "cross market warning";
        /// 297=14: cancelled because it locks the market.
        CancelLockMarket = 14, "cancelled, locked market";
        /// 297=15: cancelled because it crosses the market.
        CancelCrossMarket = 15, "cancelled, crossed market";
    }
}

codes! {
    /// QuoteRespType (694) of a QuoteResponse (AJ).
    QuoteRespType: u16 {
        /// 694=1: takes the quote; the only value that agrees to a trade.
        HitOrLift = 1, "hit/lift";
        /// 694=2: asks for another price.
        Counter = 2, "counter";
        /// 694=3: the quote ended before it was taken.
        Expired = 3, "expired";
        /// 694=4: traded with another; this quote was the second best.
        Cover = 4, "cover";
        /// 694=5: traded with another.
        DoneAway = 5, "done away";
        /// 694=6: does not take the quote.
        Pass = 6, "pass";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_as_it_is_written() {
        for t in ExecType::ALL {
            assert_eq!(ExecType::of(t.code()), *t);
        }
        for s in OrdStatus::ALL {
            assert_eq!(OrdStatus::of(s.code()), *s);
        }
        for s in QuoteStatus::ALL {
            assert_eq!(QuoteStatus::of(s.code()), *s);
        }
        for r in QuoteRespType::ALL {
            assert_eq!(QuoteRespType::of(r.code()), *r);
        }
        assert_eq!((ExecType::of('Z'), ExecType::Other('Z').code()), (ExecType::Other('Z'), 'Z'));
        assert_eq!((ExecType::ALL.len(), OrdStatus::ALL.len()), (19, 15));
        assert_eq!((QuoteStatus::ALL.len(), QuoteRespType::ALL.len()), (16, 6));
    }
}
