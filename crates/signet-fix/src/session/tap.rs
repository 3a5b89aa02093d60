//! Application messages as they travel, for whoever keeps a history of them.

use crate::message::DecodeError;
use std::rc::Rc;

/// One application message, whole: from BeginString (8) to the end of CheckSum (10).
#[derive(Debug, Clone, Copy)]
pub enum Passing<'a> {
    /// It is queued for the peer, signed if this end signs it. A resend passes again.
    Sent(&'a [u8]),
    /// It came in its turn and is handed to the owner of the session.
    Received {
        /// As it travelled.
        frame: &'a [u8],
        /// It carries a signature, and that is good.
        signed: bool,
    },
    /// It came in its turn and did nothing: the peer was told.
    Refused {
        /// As it travelled.
        frame: &'a [u8],
        /// Why.
        error: &'a DecodeError,
    },
}

/// Told of each message at once. It must not call the session, and must not wait.
pub type Tap = Rc<dyn Fn(Passing<'_>)>;
