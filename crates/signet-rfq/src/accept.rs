//! An accept: the message that agrees to a trade, and the reasons for which it is refused.

use crate::{
    AcceptId, DealerId, Direction, InstrumentId, PriceType, QuoteId, RfqId, RfqState, Side,
    StatedLeg, UtcMillis, counter::CounterFault, fix::ExecType, leg::net_stated,
    lifecycle::AcceptPhase, part::PartFault,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// FIX QuoteResponse (35=AJ) with QuoteRespType (694) 1, hit or lift. It carries everything that is
/// agreed to, not just a quote id, so that desk, gateway and dealer each compare it with the quote
/// they hold and refuse it when any part differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// ClOrdID (11) and QuoteRespID (693).
    pub id: AcceptId,
    /// The RFQ whose quote this takes: QuoteReqID (131), chosen by the desk.
    pub rfq: RfqId,
    /// The dealer whose quote this takes; a party (448) with PartyRole (452) 35, on the desk's
    /// link.
    pub dealer: DealerId,
    /// QuoteID (117) of that quote, chosen by the dealer.
    pub quote: QuoteId,
    /// Symbol (55), or SecurityID (48) for an ISIN; must be the RFQ's.
    pub instrument: InstrumentId,
    /// The customer's side, Side (54).
    pub side: Side,
    /// Price (44), exactly the quoted one.
    pub price: Decimal,
    /// OrderQty (38): the RFQ's quantity, or the whole size of a quote that is smaller; less where
    /// the dealer lets a part of its quotes be taken.
    pub quantity: Decimal,
    /// What an accept of the whole quote would carry, when this one takes a part of it by the
    /// trader's choice. It follows from the quote, and no message has it. `None`: the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<Decimal>,
    /// Tags 20140 and 20141: what else of the same dealer the trader agrees to. `None`: this quote
    /// and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The legs (555) of a package, each with the one price at which it is done; empty for a
    /// single instrument.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<StatedLeg>,
}

/// A trader needs seconds for a touch, and dealers quote again within seconds: an accept with a
/// limit takes a later quote of its dealer for the same quantity, at this price or a better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The worst price that is agreed to, in the unit of the quote.
    pub price: Decimal,
    /// Not passed on from this moment on; the gateway's clock.
    pub until: UtcMillis,
}

impl Limit {
    /// Whether a customer on `side` agrees to this price, in the direction of the RFQ's numbers.
    pub fn allows(&self, direction: Direction, side: Side, price: Decimal) -> bool {
        !direction.beyond(side, price, self.price)
    }
}

impl Accept {
    /// Whether `other` is agreed to by this accept: the same terms, or, with a limit, another quote
    /// of the same dealer within it.
    /// Of a package every leg is the same but for its price, and the prices make the net price.
    pub fn agrees_to(&self, direction: Direction, other: &Self) -> bool {
        // It is of the quote, which a message names without its size.
        let part_of = other.part_of;
        let Some(limit) = &self.limit else { return Self { part_of, ..self.clone() } == *other };
        let followed = Self {
            part_of,
            quote: other.quote.clone(),
            price: other.price,
            legs: other.legs.clone(),
            ..self.clone()
        };
        followed == *other
            && limit.allows(direction, self.side, other.price)
            && self.other_leg(&other.legs).is_none()
            && other.is_net()
    }

    /// The first of these legs that is not this accept's, whatever its price; from 1.
    pub(crate) fn other_leg(&self, legs: &[StatedLeg]) -> Option<usize> {
        let same = |i: usize| match (self.legs.get(i), legs.get(i)) {
            (Some(mine), Some(other)) => mine.is_but_for_price(other),
            _ => false,
        };
        (0..self.legs.len().max(legs.len())).find(|i| !same(*i)).map(|i| i + 1)
    }

    /// Whether the price is the sum of the legs' prices; of a single instrument always.
    pub(crate) fn is_net(&self) -> bool {
        self.legs.is_empty() || net_stated(&self.legs) == Some(self.price)
    }
}

/// How an accept stands, with what belongs to it. It moves by [`crate::lifecycle::accept`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AcceptState {
    /// Shown to the trader; nothing has left the desk.
    Armed,
    /// On its way; no answer yet.
    Sent,
    /// The dealer has it and is taking its last look.
    LastLook,
    /// The dealer executed the whole quantity.
    Filled(Execution),
    /// The dealer executed a part of the quantity; more parts may follow.
    PartlyFilled(Execution),
    /// The dealer has corrected the trade: this is how it stands now.
    Corrected(Execution),
    /// The dealer has cancelled this trade.
    Busted(Execution),
    /// It ended without a trade; nothing was executed.
    Declined(Declined),
    /// The dealer reports a trade that is not what was accepted. People settle it.
    Disputed,
    /// The answer was lost with the link. Left only by an answer or by reconciliation.
    Unknown,
}

impl AcceptState {
    /// Whether an answer is still owed: while this is so, no other accept of the RFQ may leave.
    pub fn in_flight(&self) -> bool {
        matches!(self, Self::Sent | Self::LastLook | Self::Unknown)
    }

    /// The trade that stands.
    pub fn traded(&self) -> Option<&Execution> {
        match self {
            Self::Filled(e) | Self::PartlyFilled(e) | Self::Corrected(e) => Some(e),
            _ => None,
        }
    }

    /// The trade that stands, or the one that stood before it was busted.
    pub fn last_trade(&self) -> Option<&Execution> {
        match self {
            Self::Busted(e) => Some(e),
            s => s.traded(),
        }
    }

    /// Its column in the table.
    pub fn phase(&self) -> AcceptPhase {
        match self {
            Self::Armed => AcceptPhase::Armed,
            Self::Sent => AcceptPhase::Sent,
            Self::LastLook => AcceptPhase::LastLook,
            Self::Unknown => AcceptPhase::Unknown,
            Self::PartlyFilled(_) => AcceptPhase::PartlyFilled,
            Self::Filled(_) => AcceptPhase::Filled,
            Self::Corrected(_) => AcceptPhase::Corrected,
            Self::Busted(_) => AcceptPhase::Busted,
            Self::Declined(_) => AcceptPhase::Declined,
            Self::Disputed => AcceptPhase::Disputed,
        }
    }
}

/// FIX ExecutionReport (35=8) with ExecType (150) F.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// ExecID (17).
    pub exec_id: String,
    /// OrderID (37), the dealer's.
    pub order_id: String,
    /// The customer's side, Side (54).
    pub side: Side,
    /// LastPx (31).
    pub price: Decimal,
    /// CumQty (14).
    pub quantity: Decimal,
    /// TransactTime (60) of the report that said so.
    pub at: UtcMillis,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: Option<String>,
    /// The legs (555) of a package as they were executed; empty for a single instrument.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<StatedLeg>,
}

/// A dealer's report that differs from what was accepted, or comes after the final answer. It is
/// never booked as a trade: people settle it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The accept it was reported about.
    pub accept: AcceptId,
    /// Who reports it.
    pub dealer: DealerId,
    /// ExecID (17).
    pub exec_id: String,
    /// ExecType (150).
    pub kind: ExecType,
    /// Side (54) as reported.
    pub side: Side,
    /// LastPx (31), or AvgPx (6).
    pub price: Decimal,
    /// CumQty (14).
    pub quantity: Decimal,
    /// SettlDate (64) as reported, `YYYYMMDD`.
    pub settlement_date: Option<String>,
    /// TransactTime (60) of the report.
    pub at: UtcMillis,
    /// When it was received.
    pub received: UtcMillis,
    /// What does not fit, in words.
    pub why: String,
}

/// Why an accept did not trade, and who decided that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Declined {
    /// By the desk, before it left: the trader's own checks, a re-quote or a lost link.
    ByDesk(String),
    /// By the gateway, which did not pass it on to the dealer.
    ByGateway(String),
    /// By the dealer: last look, ExecType (150) 8, or a business reject (35=j).
    ByDealer(String),
}

impl Declined {
    /// The reason for people to read, whoever gave it.
    pub fn reason(&self) -> &str {
        match self {
            Self::ByDesk(r) | Self::ByGateway(r) | Self::ByDealer(r) => r,
        }
    }
}

/// Why an accept is not sent, or is refused by whoever receives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptRefusal {
    /// The RFQ has not been acknowledged yet, or has ended.
    #[error("the RFQ is no longer open ({0:?})")]
    RfqNotOpen(RfqState),
    /// An earlier accept of the RFQ is without an answer; two in flight could trade twice.
    #[error("another accept of this RFQ is still waiting for its answer")]
    InFlight,
    /// The desk is at fault: this dealer is not among the RFQ's.
    #[error("{0} was not asked in this RFQ")]
    NotAsked(DealerId),
    /// The dealer has not quoted yet.
    #[error("{0} has no quote in this RFQ")]
    NoQuote(DealerId),
    /// The accept names a quote that a newer one of the same dealer has replaced.
    #[error("the dealer has re-quoted since")]
    Requoted,
    /// The dealer took the quote back (35=Z), passed, rejected or has traded.
    #[error("the quote was withdrawn")]
    Withdrawn,
    /// The link to the dealer, or to the gateway, is lost, so the quote cannot be taken.
    #[error("the dealer cannot be reached")]
    Unreachable,
    /// The link came back, and the gateway did not repeat the quote.
    #[error("the quote was not repeated when the connection came back")]
    NotRepeated,
    /// The trader has countered the quote, which declines it.
    #[error("you countered this quote; only a new quote of the dealer can be taken")]
    Countered,
    /// What is wrong with a counter.
    #[error(transparent)]
    Counter(#[from] CounterFault),
    /// ValidUntilTime (62) of the quote or the RFQ's own time is reached.
    #[error("the quote has expired")]
    Expired,
    /// The quote still stands, but ends within the time an accept needs to the dealer.
    #[error("the quote ends before an accept can arrive")]
    TooLateToArrive,
    /// QuoteType (537) 0.
    #[error("the quote is indicative and cannot be traded")]
    Indicative,
    /// The RFQ asked for the other side only.
    #[error("this side was not asked for")]
    SideNotAsked,
    /// The quote has a price on the other side only.
    #[error("the quote has no price on this side")]
    NoPriceOnSide,
    /// The accept names another instrument than the RFQ.
    #[error("the quote is for another instrument")]
    OtherInstrument,
    /// The accept's price differs from the quote's.
    #[error("the price is {quoted}, not {accepted}")]
    OtherPrice {
        /// What the quote says.
        quoted: Decimal,
        /// What the accept says.
        accepted: Decimal,
    },
    /// The quote is worse than what the accept agrees to at most.
    #[error("the price is {quoted} by now, worse than the limit of {limit}")]
    BeyondLimit {
        /// What the quote says.
        quoted: Decimal,
        /// What the accept says.
        limit: Decimal,
    },
    /// At fault: the desk. The limit is better than the price that the accept names.
    #[error("the limit {limit} is better than the price {price} that it takes")]
    LimitBetter {
        /// The accept's limit.
        limit: Decimal,
        /// The accept's price.
        price: Decimal,
    },
    /// The time until which the trader agrees is over.
    #[error("the time for which it was agreed to is over")]
    LimitOver,
    /// The accept's quantity differs from what an accept of this quote must carry.
    #[error("the quantity is {quoted}, not {accepted}")]
    OtherQuantity {
        /// What the accept must carry.
        quoted: Decimal,
        /// What the accept says.
        accepted: Decimal,
    },
    /// The accept takes less than the least quantity that was asked for.
    #[error("the quote is for {accepted}, and at least {least} was asked for")]
    BelowMinimum {
        /// What the accept would take.
        accepted: Decimal,
        /// The RFQ's least quantity.
        least: Decimal,
    },
    /// What is wrong with an accept of a part of the quote.
    #[error(transparent)]
    Part(#[from] PartFault),
    /// A leg is not the one that the quote prices in its place.
    #[error("leg {0} is not as the quote has it")]
    OtherLeg(usize),
    /// The price is not the sum of the prices of the accept's own legs. At fault: the desk.
    #[error("the price {0} is not the sum of the legs")]
    NotNet(Decimal),
    /// ClOrdID (11) of an earlier accept of this RFQ.
    #[error("this accept id was used before")]
    IdUsed,
    /// The accept to send is not the armed one.
    #[error("no accept is armed")]
    NotArmed,
    /// The RFQ holds a [`Dispute`]: no further trade until people have settled it.
    #[error(
        "a dealer reports a trade in this RFQ that was not agreed to; people must settle it first"
    )]
    Disputed,
    /// TransactTime (60) is older than [`crate::ACCEPT_AGE_MAX_MS`]; the age in milliseconds.
    #[error("it left the desk {0} ms ago; an accept that comes so late is not passed on")]
    TooOld(i64),
    /// TransactTime (60) is further ahead than [`crate::ACCEPT_AHEAD_MAX_MS`]: one of the two
    /// clocks is wrong. The difference in milliseconds.
    #[error("its time is {0} ms ahead of the gateway's clock")]
    FromTheFuture(i64),
    /// It arrived after its ValidUntilTime (62); by how many milliseconds.
    #[error(
        "it arrived {0} ms after its deadline; nothing was traded; look at the price and accept \
         again"
    )]
    Late(i64),
    /// At fault: the desk, whose accept has no ValidUntilTime (62).
    #[error(
        "this desk sent it without a deadline (ValidUntilTime, 62); nothing was traded; update \
         Signet Desk"
    )]
    NoDeadline,
    /// SettlDate (64) differs from the RFQ's.
    #[error("the settlement date is {quoted}, not {accepted}")]
    OtherSettlement {
        /// The RFQ's date, `YYYYMMDD`.
        quoted: String,
        /// The accept's date, `YYYYMMDD`.
        accepted: String,
    },
    /// PriceType (423) differs from the RFQ's.
    #[error("the numbers of the RFQ are {}, not {}", .quoted.plural(), .accepted.plural())]
    OtherPriceType {
        /// The RFQ's type.
        quoted: PriceType,
        /// The accept's type.
        accepted: PriceType,
    },
    /// Currency (15) differs from the RFQ's.
    #[error("the currency is {quoted}, not {accepted}")]
    OtherCurrency {
        /// The RFQ's currency, ISO 4217.
        quoted: String,
        /// The accept's currency, as it came.
        accepted: String,
    },
}

impl AcceptRefusal {
    /// Stable code for screens, SIEM and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RfqNotOpen(_) => "rfq.not_open",
            Self::InFlight => "accept.in_flight",
            Self::NotAsked(_) => "dealer.not_asked",
            Self::NoQuote(_) => "quote.none",
            Self::Requoted => "quote.requoted",
            Self::Withdrawn => "quote.withdrawn",
            Self::Unreachable => "dealer.unreachable",
            Self::NotRepeated => "quote.not_repeated",
            Self::Countered => "quote.countered",
            Self::Counter(why) => why.code(),
            Self::Expired => "quote.expired",
            Self::TooLateToArrive => "accept.too_late_to_arrive",
            Self::Indicative => "quote.indicative",
            Self::SideNotAsked => "accept.side_not_asked",
            Self::NoPriceOnSide => "quote.no_price_on_side",
            Self::OtherInstrument => "accept.other_instrument",
            Self::OtherPrice { .. } => "accept.price_mismatch",
            Self::BeyondLimit { .. } => "quote.beyond_limit",
            Self::LimitBetter { .. } => "accept.limit_better_than_price",
            Self::LimitOver => "accept.limit_over",
            Self::OtherQuantity { .. } => "accept.quantity_mismatch",
            Self::BelowMinimum { .. } => "accept.too_small",
            Self::Part(why) => why.code(),
            Self::OtherLeg(_) => "accept.leg_mismatch",
            Self::NotNet(_) => "accept.not_net",
            Self::IdUsed => "accept.id_used",
            Self::NotArmed => "accept.not_armed",
            Self::Disputed => "execution.disputed",
            Self::TooOld(_) => "accept.too_old",
            Self::Late(_) => "accept.late",
            Self::NoDeadline => "accept.no_deadline",
            Self::FromTheFuture(_) => "accept.from_the_future",
            Self::OtherSettlement { .. } => "accept.settlement_mismatch",
            Self::OtherPriceType { .. } => "accept.price_type_mismatch",
            Self::OtherCurrency { .. } => "accept.currency_mismatch",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_reason_whoever_says_it() {
        for of in [Declined::ByDesk, Declined::ByGateway, Declined::ByDealer] {
            assert_eq!(of("too late".into()).reason(), "too late");
        }
    }
}
