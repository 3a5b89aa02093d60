//! What became of an accept: reported (8), asked for (H), and a message that could not be processed
//! (j).

use super::{ExecType, OrdStatus};
use rust_decimal::Decimal;
use signet_rfq::{
    AcceptId, DealerId, InstrumentId, Level, Report, Side, StatedLeg, StatedType, UtcMillis,
};

/// ExecutionReport (8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionReport {
    /// OrderID (37), chosen by the dealer.
    pub order_id: String,
    /// ExecID (17), chosen by the dealer; unique within it.
    pub exec_id: String,
    /// ExecRefID (19): the execution that a bust (150=H) or a correction (150=G) is about.
    pub exec_ref: Option<String>,
    /// ClOrdID (11): the accept this answers.
    pub accept: AcceptId,
    /// ExecType (150).
    pub exec_type: ExecType,
    /// OrdStatus (39).
    pub status: OrdStatus,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// PartyID (448) with PartyRole (452) 35; a report of the gateway's own has none.
    pub dealer: Option<DealerId>,
    /// Side (54), the customer's.
    pub side: Side,
    /// LastPx (31) and LastQty (32): this execution.
    pub last: Option<Level>,
    /// CumQty (14): executed so far.
    pub cum_qty: Decimal,
    /// LeavesQty (151): may still be executed.
    pub leaves_qty: Decimal,
    /// AvgPx (6).
    pub avg_px: Decimal,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: Option<String>,
    /// Currency (15).
    pub currency: Option<String>,
    /// PriceType (423), with 220 to 222: what the prices count. A code that cannot be read is 0,
    /// which nothing is of; so is that of a report that tells one thing in two ways.
    pub price_type: Option<StatedType>,
    /// Price (44), from the gateway: the price at which it passed the accept on, which a limit lets
    /// be another than the desk's; in its own refusal, the quote's price that is the reason.
    pub price: Option<Decimal>,
    /// From the gateway (20104): it is not what was accepted, or comes after the answer was final.
    /// Never a trade.
    pub disputed: bool,
    /// OrdRejReason (103).
    pub reject_reason: Option<u16>,
    /// Text (58).
    pub text: Option<String>,
    /// TransactTime (60).
    pub at: UtcMillis,
    /// The legs (555) of a package as they were executed; empty for a single instrument.
    pub legs: Vec<StatedLeg>,
}

impl ExecutionReport {
    /// What the life of the accept depends on.
    pub fn report(&self) -> Report {
        Report {
            kind: self.exec_type,
            status: self.status,
            exec_id: self.exec_id.clone(),
            exec_ref: self.exec_ref.clone(),
            order_id: self.order_id.clone(),
            instrument: self.instrument.clone(),
            price_type: self.price_type,
            side: self.side,
            last: self.last,
            cum_qty: self.cum_qty,
            leaves_qty: self.leaves_qty,
            avg_px: self.avg_px,
            settlement_date: self.settlement_date.clone(),
            currency: self.currency.clone(),
            text: self.text.clone(),
            disputed: self.disputed,
            at: self.at,
            legs: self.legs.clone(),
        }
    }
}

/// ReasonCode (20104) of an ExecutionReport that the gateway passes on as a dispute.
pub(crate) const DISPUTED: &str = "execution.disputed";

/// OrderStatusRequest (H): asks for the state of an accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStatusRequest {
    /// ClOrdID (11) of the accept.
    pub accept: AcceptId,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// Side (54), the customer's.
    pub side: Side,
    /// PartyID (448) with PartyRole (452) 35.
    pub dealer: Option<DealerId>,
    /// TransactTime (60), from a desk to its gateway: the accept was not sent before this.
    pub sent: Option<UtcMillis>,
}

/// BusinessMessageReject (j).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessReject {
    /// RefSeqNum (45), if the sender knows it.
    pub ref_seq_num: Option<u64>,
    /// RefMsgType (372).
    pub ref_msg_type: String,
    /// The id of the message refused, when it has one.
    pub ref_id: Option<String>,
    /// BusinessRejectReason (380).
    pub reason: u16,
    /// Text (58).
    pub text: Option<String>,
}
