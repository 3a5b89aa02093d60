//! Why a checkpoint of another gateway is not taken, as that gateway reads it. The status codes are
//! those of C2SP tlog-witness, `add-checkpoint`.

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
use signet_tlog::{
    CheckpointError,
    note::NoteError,
    witness::{BODY_LEN_MAX, BodyError, SIZE_TYPE, size_body},
};

/// At fault is the peer, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum SubmitRefusal {
    /// The certificate is not that of a gateway, or of another firm.
    #[error(transparent)]
    Certificate(#[from] PeerError),
    /// A gateway that is not in the configuration.
    #[error("no checkpoints of the gateway {0} are taken here")]
    UnknownPeer(CompId),
    /// Also the address of another gateway's log.
    #[error("there is nothing at this address for this gateway")]
    NotFound,
    /// Not POST.
    #[error("this address takes POST only")]
    Method,
    /// More requests than its budget has.
    #[error("this gateway sends too many requests")]
    TooOften,
    /// Longer than a note may be.
    #[error("the request is longer than {BODY_LEN_MAX} bytes")]
    TooLarge,
    /// Not in time, or broken off.
    #[error("the request did not come in time, or not as a whole")]
    Body,
    /// Not what a witness is sent.
    #[error(transparent)]
    Form(#[from] BodyError),
    /// The checkpoint is about another log.
    #[error("this is about another log than {0}")]
    OtherOrigin(String),
    /// Not a checkpoint, or not one of the key in the configuration.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The proof begins beyond the end of the checkpoint.
    #[error("the old size is larger than that of the checkpoint")]
    OldIsLarger,
    /// The proof does not begin at what is held. Nobody is at fault: this is how a log learns it.
    #[error("the proof does not begin at the {0} records that are held")]
    OtherOld(u64),
    /// There is a proof where nothing is to be proved.
    #[error("the proof must be empty: nothing is held, or the size is the same")]
    NothingToProve,
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
        Contradiction::Inconsistent => "the log was rewritten, or its proof is wrong",
    }
}

impl From<BodyFault> for SubmitRefusal {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::TooSlow | BodyFault::Broken => Self::Body,
        }
    }
}

impl SubmitRefusal {
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
            Self::Form(_) => "checkpoint.form",
            Self::OtherOrigin(_) => "checkpoint.other_log",
            Self::OldIsLarger => "checkpoint.old_is_larger",
            Self::OtherOld(_) => "checkpoint.other_old",
            Self::NothingToProve => "checkpoint.nothing_to_prove",
            Self::Contradicts { what, .. } => what.code(),
            Self::NotKept(_) => "checkpoint.unkept",
        }
    }

    /// The code of the event here: refusals without a meaning of their own are one kind. `None`: it
    /// is the course of the protocol.
    pub(super) fn event(&self) -> Option<&'static str> {
        match self {
            Self::OtherOld(_) => None,
            Self::Contradicts { what, .. } => Some(what.code()),
            Self::NotKept(_) => Some("checkpoint.unkept"),
            _ => Some("checkpoint.refused"),
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
            Self::NotFound | Self::Method | Self::OtherOrigin(_) => {
                "set https://HOST:PORT/checkpoints/COMPID/add-checkpoint in checkpoint.publish"
            }
            Self::TooOften => "send fewer checkpoints: see checkpoint.every_seconds",
            Self::TooLarge
            | Self::Body
            | Self::Form(_)
            | Self::OldIsLarger
            | Self::OtherOld(_)
            | Self::NothingToProve => {
                "send what C2SP tlog-witness says, with a proof from the size that is held"
            }
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
            Self::NotFound | Self::OtherOrigin(_) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body => StatusCode::REQUEST_TIMEOUT,
            // None of the signatures is of the key.
            Self::Checkpoint(CheckpointError::Note(NoteError::OtherKey | NoteError::Signature)) => {
                StatusCode::FORBIDDEN
            }
            Self::Checkpoint(_) | Self::Form(_) | Self::OldIsLarger => StatusCode::BAD_REQUEST,
            Self::NothingToProve | Self::Contradicts { what: Contradiction::Inconsistent, .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::OtherOld(_) | Self::Contradicts { .. } => StatusCode::CONFLICT,
            Self::NotKept(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Ends the connection as well: of a body that was not read nothing more is taken.
    pub(super) fn response(&self) -> Response {
        let mut r = match (self.status(), self) {
            // "The response body MUST consist of the tree size of the latest cosigned checkpoint".
            (StatusCode::CONFLICT, Self::OtherOld(size)) => self.of_size(*size),
            (StatusCode::CONFLICT, Self::Contradicts { held, .. }) => self.of_size(held.size),
            (status, _) => {
                let (code, message, cure) = (self.code(), self.to_string(), self.cure());
                let body = json!({ "code": code, "message": message, "cure": cure });
                https::with_type(status, "application/json", format!("{body}\n"))
            }
        };
        r.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        r
    }

    fn of_size(&self, size: u64) -> Response {
        https::with_type(self.status(), SIZE_TYPE, size_body(size))
    }
}
