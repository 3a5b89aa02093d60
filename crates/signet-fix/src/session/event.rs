//! What happened in a session, as its owner fetches it.

use crate::{AppMessage, message::DecodeError, signature::SignedFrame};
use signet_rfq::UtcMillis;

/// Header fields of a message, and its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// MsgSeqNum (34).
    pub seq: u64,
    /// SendingTime (52), the peer's clock.
    pub sent: Option<UtcMillis>,
    /// PossDupFlag (43): a resend of something that may have been seen.
    pub poss_dup: bool,
    /// Length of the frame, in bytes.
    pub bytes: usize,
    /// The frame as it travelled, kept as evidence when it carried a good signature.
    pub signed: Option<SignedFrame>,
}

// Nearly every event is a message; boxing it would cost an allocation each and save nothing.
/// What happened in a session, in the order it happened.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Both Logons (A) were exchanged: messages may be sent.
    LoggedOn,
    /// No longer logged on; with the peer's words when it sent a Logout.
    LoggedOut {
        /// Text (58) of the peer's Logout (5).
        text: Option<String>,
        /// Stable code, from a gateway that sends one.
        code: Option<String>,
        /// Tag 20105: what the person does about it.
        cure: Option<String>,
        /// Tag 20106: when to try again by itself, seconds from now.
        retry_s: Option<u32>,
    },
    /// Messages are missing, and are asked for with a ResendRequest (2).
    Gap {
        /// Those of the peer, by us; else those of ours, by the peer.
        of_peer: bool,
        /// The first that is missing.
        from: u64,
        /// The last that is known to be missing; 0: whatever there is.
        to: u64,
    },
    /// An application message, in the order of its number.
    Message {
        /// What it says.
        message: AppMessage,
        /// What came with it.
        meta: Meta,
    },
    /// The peer rejected something of ours on session level (35=3).
    Rejected {
        /// MsgSeqNum (34) of the reject.
        seq: u64,
        /// RefSeqNum (45): MsgSeqNum (34) of our message; 0 if the peer did not say.
        ref_seq: u64,
        /// RefMsgType (372); empty if the peer did not say.
        ref_msg_type: String,
        /// RefTagID (371) and Text (58), as one text for people.
        text: String,
    },
    /// The answer to [`super::Session::ping`]: its id, and the peer's SendingTime.
    Pong {
        /// TestReqID (112).
        id: String,
        /// SendingTime (52), the peer's clock.
        sent: UtcMillis,
    },
    /// A message of the peer was refused, and the peer was told.
    Refused {
        /// MsgType (35) of what was refused.
        msg_type: String,
        /// Why; the variant also tells how the peer was told.
        error: DecodeError,
    },
}
