//! Why a checkpoint of another gateway is not taken, as that gateway reads it.

use super::{
    judge::{Contradiction, Head},
    store::StoreError,
};
use crate::listeners::https::{self, BodyFault, Response};
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use serde_json::json;
use signet_identity::{CompId, PeerError};
use signet_tlog::{CheckpointError, note::NOTE_LEN_MAX};

/// At fault is the peer, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum PutRefusal {
    /// The certificate is not that of a gateway, or of another firm.
    #[error(transparent)]
    Certificate(#[from] PeerError),
    /// A gateway that is not in the configuration.
    #[error("no checkpoints of the gateway {0} are taken here")]
    UnknownPeer(CompId),
    /// Also the address of another gateway's log.
    #[error("there is nothing at this address for this gateway")]
    NotFound,
    /// Not PUT.
    #[error("this address takes PUT only")]
    Method,
    /// More requests than its budget has.
    #[error("this gateway sends too many requests")]
    TooOften,
    /// Longer than a note may be.
    #[error("the note is longer than {NOTE_LEN_MAX} bytes")]
    TooLarge,
    /// Not in time, or broken off.
    #[error("the note did not come in time, or not as a whole")]
    Body,
    /// Not a checkpoint, or not one of the key in the configuration.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The name of the file in the address is not that of the note.
    #[error("the checkpoint is over {note} records, and its address says {address}")]
    OtherSize {
        /// In the note.
        note: u64,
        /// In the address.
        address: u64,
    },
    /// It contradicts what is held. At fault: whoever has the log's key, or restored the log.
    #[error("{}: {offered} was offered, and {held} is held", title(.what))]
    Contradicts {
        /// How.
        what: Contradiction,
        /// What is held.
        held: Head,
        /// What was offered.
        offered: Head,
        /// Where it is kept, for the event here.
        evidence: String,
    },
    /// At fault: this gateway's disk, or whoever changed its files. The peer sends it again.
    #[error("the receiving gateway could not keep it; send it again")]
    NotKept(#[from] StoreError),
}

fn title(what: &Contradiction) -> &'static str {
    match what {
        Contradiction::Fork => "the log forks",
        Contradiction::Rollback => "the log went back",
    }
}

impl From<BodyFault> for PutRefusal {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::TooSlow | BodyFault::Broken => Self::Body,
        }
    }
}

impl PutRefusal {
    /// Never changes between releases.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "checkpoint.certificate",
            Self::UnknownPeer(_) => "checkpoint.unknown_peer",
            Self::NotFound => "checkpoint.not_found",
            Self::Method => "checkpoint.method",
            Self::TooOften => "checkpoint.too_often",
            Self::TooLarge => "checkpoint.too_large",
            Self::Body => "checkpoint.body",
            Self::Checkpoint(_) => "checkpoint.unusable",
            Self::OtherSize { .. } => "checkpoint.other_size",
            Self::Contradicts { what, .. } => what.code(),
            Self::NotKept(_) => "checkpoint.unkept",
        }
    }

    /// The code of the event here: refusals without a meaning of their own are one kind.
    pub(super) fn event(&self) -> &'static str {
        match self {
            Self::Contradicts { what, .. } => what.code(),
            Self::NotKept(_) => "checkpoint.unkept",
            _ => "checkpoint.refused",
        }
    }

    /// What the event says. Paths of this machine are not told to the peer.
    pub(super) fn event_words(&self) -> String {
        match self {
            Self::Contradicts { evidence, .. } => format!("{self}; {evidence}"),
            Self::NotKept(e) => e.to_string(),
            _ => format!("{}: {self}", self.code()),
        }
    }

    /// What the peer's operator can do.
    fn cure(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "show the certificate that the firm issued to the gateway",
            Self::UnknownPeer(_) => "add it to checkpoint.receive.peer of the receiving gateway",
            Self::NotFound | Self::Method | Self::OtherSize { .. } => {
                "set https://HOST:PORT/checkpoints/COMPID in checkpoint.publish"
            }
            Self::TooOften => "send fewer checkpoints: see checkpoint.every_seconds",
            Self::TooLarge | Self::Body => "send one signed note",
            Self::Checkpoint(_) => {
                "compare `signet-gateway journal key` with the key at the receiving gateway"
            }
            Self::Contradicts { .. } => {
                "tell the security officer; `journal verify` says which log is whole"
            }
            Self::NotKept(_) => "see the log of the receiving gateway",
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Certificate(_) | Self::UnknownPeer(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body => StatusCode::REQUEST_TIMEOUT,
            Self::Checkpoint(_) | Self::OtherSize { .. } => StatusCode::BAD_REQUEST,
            Self::Contradicts { .. } => StatusCode::CONFLICT,
            Self::NotKept(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Ends the connection as well: of a body that was not read nothing more is taken.
    pub(super) fn response(&self) -> Response {
        let body = json!({ "code": self.code(), "message": self.to_string(), "cure": self.cure() });
        let mut r = https::with_type(self.status(), "application/json", format!("{body}\n"));
        r.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        r
    }
}
