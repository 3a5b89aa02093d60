//! The RFQ messages as typed values.
//!
//! Prices and quantities are decimals from end to end (the engine's own typed layer turns them into
//! binary floats). Reading takes a message the engine has already checked against the dictionary
//! and checks what a dictionary cannot: identifiers, ranges, that a price goes with its size.

mod access;
mod capability;
mod decode;
mod encode;
mod execution;
mod handover;
mod instrument;
mod legs;
mod list_digest;
mod quote;
mod reader;
mod reference;
mod request;
mod stepup;

pub use access::{AccessDecision, AccessVerdict};
pub use capability::{Capabilities, Capability, KNOWS_MAX};
pub use execution::{BusinessReject, ExecutionReport, OrderStatusRequest};
pub use handover::{GroupMark, GroupRfq, HandOver, HandOverKind, TakeOver};
pub use list_digest::ListDigest;
pub use quote::{ApproveAhead, QuoteCancel, QuoteMsg, QuoteResponse, Response};
pub use reference::{DealerState, SecurityList, SecurityListRequest, SnapshotMark, VenueState};
pub use request::{
    Advice, PASSED_BY_TRADER, QuoteRequest, QuoteRequestReject, QuoteStatusReport, RfqStatus,
};
pub use signet_rfq::fix::{ExecType, OrdStatus};
pub use stepup::{
    AccessState, Answer, KeyReport, KeyRequest, StepUpAnswer, StepUpChallenge, StepUpOutcome,
    StepUpStatus,
};

use crate::tagvalue::{Body, Fields, ParseError};
use signet_rfq::{RfqId, UtcMillis};

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
    /// MsgType (35) y with ListUnchanged (20040): the list is the one whose digest the request had.
    /// Only who sent a digest gets it.
    SecurityListUnchanged {
        /// SecurityReqID (320) of the request it answers.
        request: RfqId,
    },
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
    /// User-defined U8: the desk asks for its trader to be verified again. The reason is one of
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
    /// User-defined UC, gateway to desk: asks for a report about the laptop, with a nonce for the
    /// answer.
    PostureRequest {
        /// Tag 20133, chosen by the gateway for one question.
        nonce: String,
    },
    /// User-defined UD, desk to gateway: JSON of `signet_policy::posture::Envelope`.
    PostureReport {
        /// RawData (96).
        envelope: String,
    },
    /// User-defined UE.
    ApproveAhead(ApproveAhead),
    /// User-defined UG, desk to gateway: which RFQs of colleagues are open.
    GroupRequest {
        /// TransactTime (60).
        at: UtcMillis,
    },
    /// User-defined UH.
    TakeOver(TakeOver),
    /// User-defined UI.
    Group(GroupMark),
    /// User-defined UJ.
    HandOver(HandOver),
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
            Self::SecurityList(_) | Self::SecurityListUnchanged { .. } => "y",
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
            Self::ApproveAhead(_) => "UE",
            Self::GroupRequest { .. } => "UG",
            Self::TakeOver(_) => "UH",
            Self::Group(_) => "UI",
            Self::HandOver(_) => "UJ",
        }
    }

    /// Whether a message sent on an earlier connection may be sent again when the peer asks for a
    /// resend. A message that commits somebody, or was only true for a moment, may not: the peer
    /// gets a gap fill, and learns the state from the snapshot and from status requests.
    pub fn may_be_resent(msg_type: &str) -> bool {
        !matches!(msg_type, "R" | "S" | "Z" | "AJ" | "D" | "x" | "y" | "H")
            && !msg_type.starts_with('U')
    }
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
    Unreadable(#[from] ParseError),
    /// Answered with BusinessMessageReject (j), reason 6; the message did nothing.
    #[error(transparent)]
    Signature(#[from] crate::signature::SignatureError),
}

#[cfg(test)]
mod tests;
