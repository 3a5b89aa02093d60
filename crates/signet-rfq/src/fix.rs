//! The code sets of FIX 4.4 that a life cycle depends on, whole: a value that the standard knows has a name here.

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident: $code:ty { $($(#[$vdoc:meta])* $variant:ident = $value:literal, $words:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
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
        New = '0', "new";
        /// FIX 4.2's partial fill; FIX 4.4 sends `F`.
        PartialFill = '1', "partial fill (FIX 4.2)";
        /// FIX 4.2's fill; FIX 4.4 sends `F`.
        Fill = '2', "fill (FIX 4.2)";
        DoneForDay = '3', "done for day";
        Cancelled = '4', "cancelled";
        Replaced = '5', "replaced";
        PendingCancel = '6', "pending cancel";
        Stopped = '7', "stopped";
        Rejected = '8', "rejected";
        Suspended = '9', "suspended";
        PendingNew = 'A', "pending new";
        Calculated = 'B', "calculated";
        Expired = 'C', "expired";
        Restated = 'D', "restated";
        PendingReplace = 'E', "pending replace";
        Trade = 'F', "trade";
        TradeCorrect = 'G', "trade correct";
        TradeCancel = 'H', "trade cancel";
        /// The answer to a status request; [`OrdStatus`] tells.
        Status = 'I', "order status";
    }
}

codes! {
    /// OrdStatus (39): how the order stands after the report.
    OrdStatus: char {
        New = '0', "new";
        PartiallyFilled = '1', "partially filled";
        Filled = '2', "filled";
        DoneForDay = '3', "done for day";
        Cancelled = '4', "cancelled";
        Replaced = '5', "replaced";
        PendingCancel = '6', "pending cancel";
        Stopped = '7', "stopped";
        Rejected = '8', "rejected";
        Suspended = '9', "suspended";
        PendingNew = 'A', "pending new";
        Calculated = 'B', "calculated";
        Expired = 'C', "expired";
        AcceptedForBidding = 'D', "accepted for bidding";
        PendingReplace = 'E', "pending replace";
    }
}

codes! {
    /// QuoteStatus (297) of a QuoteStatusReport (AI).
    QuoteStatus: u16 {
        Accepted = 0, "accepted";
        CancelForSymbol = 1, "cancelled for symbol";
        CancelForSecurityType = 2, "cancelled for security type";
        CancelForUnderlying = 3, "cancelled for underlying";
        CancelAll = 4, "cancelled all";
        Rejected = 5, "rejected";
        RemovedFromMarket = 6, "removed from market";
        Expired = 7, "expired";
        Query = 8, "query";
        NotFound = 9, "quote not found";
        Pending = 10, "pending";
        Pass = 11, "pass";
        LockedMarketWarning = 12, "locked market warning";
        CrossMarketWarning = 13, "cross market warning";
        CancelLockMarket = 14, "cancelled, locked market";
        CancelCrossMarket = 15, "cancelled, crossed market";
    }
}

codes! {
    /// QuoteRespType (694) of a QuoteResponse (AJ).
    QuoteRespType: u16 {
        HitOrLift = 1, "hit/lift";
        Counter = 2, "counter";
        Expired = 3, "expired";
        Cover = 4, "cover";
        DoneAway = 5, "done away";
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
