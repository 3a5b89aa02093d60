//! The RFQ messages as typed values.
//!
//! Prices and quantities are decimals from end to end (the engine's own typed layer turns them into
//! binary floats). Reading takes a message the engine has already checked against the dictionary
//! and checks what a dictionary cannot: identifiers, ranges, that a price goes with its size.

use crate::tag::*;
use crate::tagvalue::{Body, Fields, parse_decimal, parse_utc};
use rust_decimal::Decimal;
use signet_rfq::{
    Accept, AcceptId, Ask, DealerId, Instrument, InstrumentId, Level, MAX_DEALERS_PER_RFQ,
    Qualifiers, Quote, QuoteId, Report, Rfq, RfqId, Side, Terms, UtcMillis,
};

mod access;
mod decode;
mod encode;
mod reference;
mod stepup;

pub use access::{AccessDecision, AccessVerdict};
pub use reference::{DealerState, SecurityList, SecurityListRequest, SnapshotMark, VenueState};
pub use signet_rfq::fix::{ExecType, OrdStatus};
pub use stepup::{
    AccessState, Answer, KeyReport, KeyRequest, StepUpAnswer, StepUpChallenge, StepUpOutcome,
    StepUpStatus,
};

/// PartyRole (452) of the dealer asked, quoting or traded with: 35, "liquidity provider".
pub const ROLE_LIQUIDITY_PROVIDER: u32 = 35;

/// An application message of the RFQ protocol, whichever way it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppMessage {
    /// MsgType (35) R.
    QuoteRequest(QuoteRequest),
    /// MsgType (35) AG.
    QuoteRequestReject(QuoteRequestReject),
    /// MsgType (35) S.
    Quote(QuoteMsg),
    /// MsgType (35) Z.
    QuoteCancel(QuoteCancel),
    /// MsgType (35) AJ.
    QuoteResponse(QuoteResponse),
    /// MsgType (35) AI.
    QuoteStatusReport(QuoteStatusReport),
    /// MsgType (35) 8.
    ExecutionReport(ExecutionReport),
    /// MsgType (35) H.
    OrderStatusRequest(OrderStatusRequest),
    /// MsgType (35) j.
    BusinessReject(BusinessReject),
    /// MsgType (35) x.
    SecurityListRequest(SecurityListRequest),
    /// MsgType (35) y.
    SecurityList(SecurityList),
    /// User-defined U1.
    VenueState(VenueState),
    /// User-defined U2.
    Snapshot(SnapshotMark),
    /// User-defined U3: the trader ends an RFQ. FIX 4.4 has no message for it.
    RfqCancel {
        /// QuoteReqID (131), as the desk chose it.
        rfq: RfqId,
        /// Text (58): the trader's reason.
        text: Option<String>,
    },
    /// User-defined U4.
    StepUpChallenge(StepUpChallenge),
    /// User-defined U5.
    StepUpAnswer(StepUpAnswer),
    /// User-defined U6.
    StepUpOutcome(StepUpOutcome),
    /// User-defined U7.
    AccessState(AccessState),
    /// User-defined U8: the desk wants its trader to be verified anew. The reason is one of
    /// `signet_stepup::SessionReason`.
    StepUpRequest {
        /// Tag 20103, such as `wake`.
        reason: String,
    },
    /// User-defined U9.
    KeyRequest(KeyRequest),
    /// User-defined UA.
    KeyReport(KeyReport),
    /// User-defined UB.
    AccessDecision(AccessDecision),
    /// User-defined UC, gateway to desk: what of your laptop? With a nonce for the answer.
    PostureRequest {
        /// Tag 20133, chosen by the gateway for one question.
        nonce: String,
    },
    /// User-defined UD, desk to gateway: JSON of `signet_policy::posture::Envelope`.
    PostureReport {
        /// RawData (96).
        envelope: String,
    },
}

/// Why a message of a known type cannot be used. The peer is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Answered with BusinessMessageReject (j), reason 3.
    #[error("message type {0} is not supported")]
    UnsupportedType(String),
    /// Answered with Reject (3), reason 1.
    #[error("tag {0} is missing")]
    Missing(u32),
    /// Answered with Reject (3), reason 5.
    #[error("the value of tag {0} is not acceptable")]
    Bad(u32),
    /// The frame cannot be cut into fields.
    #[error("the message cannot be read: {0}")]
    Unreadable(#[from] crate::tagvalue::ParseError),
    /// Answered with BusinessMessageReject (j), reason 6; the message did nothing.
    #[error(transparent)]
    Signature(#[from] crate::signature::SignatureError),
}

/// QuoteRequest (R): one instrument per request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteRequest {
    /// QuoteReqID (131), chosen by the desk; towards a dealer the gateway puts the desk's CompID
    /// before it.
    pub id: RfqId,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// Whether the instrument id is an ISIN (48/22=4 are sent beside 55).
    pub isin: bool,
    /// Side (54); absent for both sides.
    pub ask: Ask,
    /// OrderQty (38), above zero, in `currency`.
    pub quantity: Decimal,
    /// Currency (15).
    pub currency: String,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: String,
    /// Dealers asked; empty on the way from the gateway to one dealer.
    pub dealers: Vec<DealerId>,
    /// ExpireTime (126).
    pub expires: UtcMillis,
    /// TransactTime (60).
    pub at: UtcMillis,
}

/// QuoteRequestReject (AG). With a dealer: that dealer will not quote. Without: the whole request
/// is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteRequestReject {
    /// QuoteReqID (131).
    pub rfq: RfqId,
    /// QuoteRequestRejectReason (658).
    pub reason: u16,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// PartyID (448) with PartyRole (452) 35.
    pub dealer: Option<DealerId>,
    /// Text (58).
    pub text: Option<String>,
    /// What the gateway adds for its desk; dealers send none.
    pub advice: Option<Advice>,
}

/// Why the gateway refuses, for programs, and what would cure it, for people (20104, 20105).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Stable; never empty.
    pub code: String,
    /// An instruction; empty when there is nothing to do.
    pub cure: String,
}

/// Quote (S).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteMsg {
    /// QuoteReqID (131).
    pub rfq: RfqId,
    /// QuoteID (117), chosen by the dealer.
    pub id: QuoteId,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// PartyID (448) with PartyRole (452) 35; from the gateway to a desk only.
    pub dealer: Option<DealerId>,
    /// BidPx (132) and BidSize (134).
    pub bid: Option<Level>,
    /// OfferPx (133) and OfferSize (135).
    pub offer: Option<Level>,
    /// ValidUntilTime (62).
    pub valid_until: UtcMillis,
    /// QuoteType (537): 1 is tradeable, 0 indicative. Absent means tradeable.
    pub tradeable: bool,
    /// TransactTime (60).
    pub at: UtcMillis,
    /// What the quote says of itself beyond prices and sizes. It must be what was asked.
    pub qualifiers: Qualifiers,
}

/// QuoteCancel (Z).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteCancel {
    /// `None`: the sender names the quote only; it may be in any RFQ.
    pub rfq: Option<RfqId>,
    /// `None`: QuoteCancelType (298) 4, all of the sender's quotes.
    pub quote: Option<QuoteId>,
    /// Named by those who cancel by instrument; the RFQ says which it is anyway.
    pub instrument: Option<InstrumentId>,
    /// PartyID (448) with PartyRole (452) 35; from the gateway to a desk only.
    pub dealer: Option<DealerId>,
    /// From the gateway: nobody took the quote back, the dealer cannot be reached (20006=N).
    pub unreachable: bool,
}

/// Whether a QuoteResponse (AJ) takes the quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// QuoteRespType (694) 1.
    HitOrLift,
    /// QuoteRespType (694) 6: the customer will not trade on this quote.
    Pass,
}

/// QuoteResponse (AJ).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteResponse {
    /// QuoteRespID (693) and ClOrdID (11).
    pub id: AcceptId,
    /// QuoteRespType (694).
    pub response: Response,
    /// QuoteReqID (131): the RFQ the quote is in, as a dealer's quote ids are unique only within
    /// it. FIX
    /// 4.4 does not know the field in this message, so that it travels between desk and gateway
    /// only.
    pub rfq: Option<RfqId>,
    /// QuoteID (117).
    pub quote: QuoteId,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// Whether the instrument id is an ISIN (48/22=4 are sent beside 55).
    pub isin: bool,
    /// PartyID (448) with PartyRole (452) 35: the dealer whose quote it is; from a desk to the
    /// gateway only.
    pub dealer: Option<DealerId>,
    /// Side (54), the customer's.
    pub side: Side,
    /// OrderQty (38), above zero.
    pub quantity: Decimal,
    /// Price (44), the quoted one.
    pub price: Decimal,
    /// Currency (15).
    pub currency: Option<String>,
    /// SettlDate (64).
    pub settlement_date: Option<String>,
    /// TransactTime (60).
    pub at: UtcMillis,
}

impl QuoteRequest {
    /// What is asked for, as the RFQ's life cycle knows it.
    pub fn terms(&self) -> Terms {
        Terms {
            id: self.id.clone(),
            instrument: self.instrument.clone(),
            ask: self.ask,
            quantity: self.quantity,
            currency: self.currency.clone(),
            settlement_date: self.settlement_date.clone(),
            dealers: self.dealers.clone(),
            expires: self.expires,
            created: self.at,
        }
    }
}

impl QuoteResponse {
    /// What is agreed to, of this RFQ with this dealer.
    pub fn accept(&self, rfq: RfqId, dealer: DealerId) -> Accept {
        Accept {
            id: self.id.clone(),
            rfq,
            dealer,
            quote: self.quote.clone(),
            instrument: self.instrument.clone(),
            side: self.side,
            price: self.price,
            quantity: self.quantity,
        }
    }

    /// An accept of an RFQ as a message, as a desk sends it to a gateway.
    pub fn hit(a: &Accept, terms: &Terms, isin: bool, at: UtcMillis) -> Self {
        Self {
            id: a.id.clone(),
            response: Response::HitOrLift,
            rfq: Some(terms.id.clone()),
            quote: a.quote.clone(),
            instrument: a.instrument.clone(),
            isin,
            dealer: Some(a.dealer.clone()),
            side: a.side,
            quantity: a.quantity,
            price: a.price,
            currency: Some(terms.currency.clone()),
            settlement_date: Some(terms.settlement_date.clone()),
            at,
        }
    }

    /// Tells whoever quoted that nothing will be traded on their quote; `None` when it has no price
    /// to name.
    pub fn pass(id: AcceptId, rfq: &Rfq, quote: &Quote, isin: bool, at: UtcMillis) -> Option<Self> {
        let (side, level) = match (quote.offer, quote.bid) {
            (Some(o), _) if rfq.terms.ask.allows(Side::Buy) => (Side::Buy, o),
            (_, Some(b)) => (Side::Sell, b),
            _ => return None,
        };
        Some(Self {
            id,
            response: Response::Pass,
            rfq: None,
            quote: quote.id.clone(),
            instrument: rfq.terms.instrument.clone(),
            isin,
            dealer: None,
            side,
            quantity: level.size,
            price: level.price,
            currency: None,
            settlement_date: None,
            at,
        })
    }
}

/// QuoteStatus (297) as Signet uses it for the state of a whole RFQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RfqStatus {
    /// 0: the dealers were asked.
    Open,
    /// 1: ended by the trader.
    Cancelled,
    /// 5: refused.
    Rejected,
    /// 6: every dealer said no.
    NothingDone,
    /// 7
    Expired,
    /// 9: the gateway knows no such RFQ.
    NotFound,
    /// 10: it waits at the gateway, for a touch.
    Pending,
    /// Anything else a venue may say.
    Other(u16),
}

impl RfqStatus {
    /// QuoteStatus (297).
    pub const fn code(self) -> u16 {
        match self {
            Self::Open => 0,
            Self::Cancelled => 1,
            Self::Rejected => 5,
            Self::NothingDone => 6,
            Self::Expired => 7,
            Self::NotFound => 9,
            Self::Pending => 10,
            Self::Other(n) => n,
        }
    }

    /// What a received QuoteStatus (297) means.
    pub const fn of(code: u16) -> Self {
        match code {
            0 => Self::Open,
            1 => Self::Cancelled,
            5 => Self::Rejected,
            6 => Self::NothingDone,
            7 => Self::Expired,
            9 => Self::NotFound,
            10 => Self::Pending,
            n => Self::Other(n),
        }
    }
}

/// QuoteStatusReport (AI).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteStatusReport {
    /// QuoteReqID (131).
    pub rfq: RfqId,
    /// Symbol (55), or SecurityID (48).
    pub instrument: InstrumentId,
    /// QuoteStatus (297).
    pub status: RfqStatus,
    /// QuoteID (117) of a dealer's report about one quote. `None` when it repeats 131.
    pub quote: Option<QuoteId>,
    /// QuoteRespID (693): the accept that a dealer's report answers.
    pub answers: Option<AcceptId>,
    /// ValidUntilTime (62): when the RFQ ends on the gateway's clock.
    pub until: Option<UtcMillis>,
    /// Text (58).
    pub text: Option<String>,
}

impl QuoteStatusReport {
    /// About a whole RFQ.
    pub fn of_rfq(
        rfq: RfqId,
        instrument: InstrumentId,
        status: RfqStatus,
        text: Option<String>,
    ) -> Self {
        Self { rfq, instrument, status, quote: None, answers: None, until: None, text }
    }
}

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
    /// From the gateway (20104): it is not what was accepted, or comes after the answer was final.
    /// Never a trade.
    pub disputed: bool,
    /// OrdRejReason (103).
    pub reject_reason: Option<u16>,
    /// Text (58).
    pub text: Option<String>,
    /// TransactTime (60).
    pub at: UtcMillis,
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
            side: self.side,
            last: self.last,
            cum_qty: self.cum_qty,
            avg_px: self.avg_px,
            settlement_date: self.settlement_date.clone(),
            currency: self.currency.clone(),
            text: self.text.clone(),
            disputed: self.disputed,
            at: self.at,
        }
    }
}

/// ReasonCode (20104) of an ExecutionReport that the gateway passes on as a dispute.
pub(crate) const DISPUTED: &str = "execution.disputed";

/// OrderStatusRequest (H): what became of this accept?
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

impl AppMessage {
    /// Reads a whole message, header included.
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        Self::from_fields(&Fields::parse(frame)?)
    }

    /// As [`Self::decode`], from fields already cut.
    pub fn from_fields(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        decode::message(fields)
    }

    /// Writes the body; the session adds header and trailer.
    pub fn encode(&self) -> Body {
        encode::message(self)
    }

    /// MsgType (35).
    pub fn msg_type(&self) -> &'static str {
        match self {
            Self::QuoteRequest(_) => "R",
            Self::QuoteRequestReject(_) => "AG",
            Self::Quote(_) => "S",
            Self::QuoteCancel(_) => "Z",
            Self::QuoteResponse(_) => "AJ",
            Self::QuoteStatusReport(_) => "AI",
            Self::ExecutionReport(_) => "8",
            Self::OrderStatusRequest(_) => "H",
            Self::BusinessReject(_) => "j",
            Self::SecurityListRequest(_) => "x",
            Self::SecurityList(_) => "y",
            Self::VenueState(_) => "U1",
            Self::Snapshot(_) => "U2",
            Self::RfqCancel { .. } => "U3",
            Self::StepUpChallenge(_) => "U4",
            Self::StepUpAnswer(_) => "U5",
            Self::StepUpOutcome(_) => "U6",
            Self::AccessState(_) => "U7",
            Self::StepUpRequest { .. } => "U8",
            Self::KeyRequest(_) => "U9",
            Self::KeyReport(_) => "UA",
            Self::AccessDecision(_) => "UB",
            Self::PostureRequest { .. } => "UC",
            Self::PostureReport { .. } => "UD",
        }
    }

    /// Whether a message sent on an earlier connection may be sent again when the peer asks for a
    /// resend. What commits somebody, or was only true for a moment, may not: the peer gets a gap
    /// fill, and the truth from the state snapshot and status requests.
    pub fn may_be_resent(msg_type: &str) -> bool {
        !matches!(msg_type, "R" | "S" | "Z" | "AJ" | "D" | "x" | "y" | "H")
            && !msg_type.starts_with('U')
    }
}

#[cfg(test)]
mod tests;
