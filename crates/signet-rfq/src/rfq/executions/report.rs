//! A report as it comes, and what is remembered of one that was taken.

use crate::{
    Accept, AcceptId, DealerId, Dispute, Execution, InstrumentId, Level, PriceType, Side,
    StatedLeg, StatedType, UtcMillis,
    fix::{ExecType, OrdStatus},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An execution, a bust or a correction that has been taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The accept it is of.
    pub accept: AcceptId,
    /// ExecID (17).
    pub exec_id: String,
    /// LastPx (31).
    pub price: Decimal,
    /// LastQty (32); zero for a bust.
    pub quantity: Decimal,
    /// SettlDate (64).
    pub settlement_date: Option<String>,
    /// It counts: it was not busted, and no correction has replaced it.
    pub stands: bool,
    /// A correction has replaced it. As in FIX, a later bust or correction names that one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub corrected: bool,
    /// The legs (555) of a package as reported; empty for a single instrument.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<StatedLeg>,
}

impl Known {
    /// What a report about an accept leaves to be remembered.
    pub(super) fn of(
        a: &Accept,
        r: &Report,
        price: Decimal,
        quantity: Decimal,
        stands: bool,
    ) -> Self {
        let (accept, exec_id) = (a.id.clone(), r.exec_id.clone());
        Self {
            accept,
            exec_id,
            price,
            quantity,
            settlement_date: r.settlement_date.clone(),
            stands,
            corrected: false,
            legs: r.legs.clone(),
        }
    }
}

/// Whether executions (price, quantity), which are `total` together, average to a number that is
/// written as zero in numbers of this type. An AvgPx (6) of 0 says so, or that there is none.
pub fn averages_to_zero(
    of: PriceType,
    total: Decimal,
    parts: impl IntoIterator<Item = (Decimal, Decimal)>,
) -> bool {
    let Some((decimals, ..)) = of.convention() else { return false };
    let none = Some((Decimal::ZERO, Decimal::ZERO));
    let sums = parts.into_iter().fold(none, |sums, (price, quantity)| {
        let (worth, all) = sums?;
        Some((worth.checked_add(price.checked_mul(quantity)?)?, all.checked_add(quantity)?))
    });
    let average = sums.filter(|(_, all)| *all == total);
    let average = average.and_then(|(worth, all)| worth.checked_div(all));
    average.is_some_and(|a| a.round_dp(decimals.into()).is_zero())
}

/// An ExecutionReport (8), as far as the life of an accept depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// ExecType (150).
    pub kind: ExecType,
    /// OrdStatus (39).
    pub status: OrdStatus,
    /// ExecID (17).
    pub exec_id: String,
    /// ExecRefID (19): the execution that a bust or a correction is about.
    pub exec_ref: Option<String>,
    /// OrderID (37).
    pub order_id: String,
    /// Symbol (55) or SecurityID (48).
    pub instrument: InstrumentId,
    /// PriceType (423) as it came, with 220 to 222; `None` where the report has none.
    pub price_type: Option<StatedType>,
    /// Side (54).
    pub side: Side,
    /// LastPx (31) and LastQty (32).
    pub last: Option<Level>,
    /// CumQty (14).
    pub cum_qty: Decimal,
    /// LeavesQty (151): may still be executed.
    pub leaves_qty: Decimal,
    /// AvgPx (6).
    pub avg_px: Decimal,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: Option<String>,
    /// Currency (15).
    pub currency: Option<String>,
    /// Text (58): why it was refused.
    pub text: Option<String>,
    /// The gateway has compared it already: it does not fit.
    pub disputed: bool,
    /// TransactTime (60).
    pub at: UtcMillis,
    /// The legs (555) of a package; empty for a single instrument.
    pub legs: Vec<StatedLeg>,
}

impl Report {
    pub(in crate::rfq) fn price(&self) -> Decimal {
        self.last.map_or(self.avg_px, |l| l.price)
    }

    /// Whether the dealer says that nothing more of the accept is executed. Of a part (39=1) FIX
    /// has a rest outstanding, and a dealer that executes in parts may leave 151 at zero all along:
    /// that frees nothing.
    pub(super) fn ends_the_rest(&self) -> bool {
        matches!(self.kind, ExecType::Cancelled | ExecType::Expired | ExecType::DoneForDay)
            || match self.status {
                OrdStatus::Cancelled
                | OrdStatus::Expired
                | OrdStatus::DoneForDay
                | OrdStatus::Rejected => true,
                OrdStatus::PartiallyFilled => false,
                _ => self.leaves_qty.is_zero(),
            }
    }

    /// What people must settle: this report of the dealer, about its accept or counter.
    pub(in crate::rfq) fn dispute(
        &self,
        (about, dealer): (&AcceptId, &DealerId),
        why: &str,
        received: UtcMillis,
    ) -> Dispute {
        Dispute {
            accept: about.clone(),
            dealer: dealer.clone(),
            exec_id: self.exec_id.clone(),
            kind: self.kind,
            side: self.side,
            price: self.price(),
            quantity: self.cum_qty,
            settlement_date: self.settlement_date.clone(),
            at: self.at,
            received,
            why: why.into(),
        }
    }

    /// The trade as it stands after this report.
    pub(super) fn execution(&self, quantity: Decimal) -> Execution {
        Execution {
            exec_id: self.exec_id.clone(),
            order_id: self.order_id.clone(),
            side: self.side,
            price: self.price(),
            quantity,
            at: self.at,
            settlement_date: self.settlement_date.clone(),
            legs: self.legs.clone(),
        }
    }
}
