//! Why a second party does not have a checkpoint, as the operator reads it.

use super::request::Answer;
use crate::signed::SignedLogError;
use hyper::StatusCode;
use serde::Deserialize;
use signet_events::one_line;
use std::{
    io,
    mem::{Discriminant, discriminant},
    path::PathBuf,
};

/// Characters of one text of an answer: an event has room for 500.
const SAID_MAX: usize = 160;

/// Why a second party does not have a checkpoint.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unpublished {
    /// At fault: the network, or a second party that is away.
    #[error("{0}")]
    NotReached(String),
    /// At fault: the folder's disk, its machine or the rights on it.
    #[error("{0}")]
    NotWritten(String),
    /// At fault: who it says.
    #[error("it answered {status}{said}")]
    Refused {
        /// Of the answer.
        status: StatusCode,
        /// What the answer says beside, with what goes before it; empty: nothing.
        said: String,
    },
    /// It says that a proof does not lead from what it has. At fault: whoever rewrote one of the
    /// two logs.
    #[error(
        "it answered 422{0}: what it has is not the beginning of this log: one of the two was \
         rewritten"
    )]
    NotTheBeginning(String),
    /// At fault: whoever restored this log, or cut it off.
    #[error(
        "it has a checkpoint over {has} records, this log has {size}: its end was cut off, or it \
         was restored from a backup"
    )]
    Longer {
        /// What it has.
        has: u64,
        /// What this log has.
        size: u64,
    },
    /// At fault: whoever rewrote one of the two logs.
    #[error("it has another checkpoint over {0} records: one of the two logs was rewritten")]
    Other(u64),
    /// At fault: whoever moved away or restored its files. Without that, the second party.
    #[error(
        "it has a checkpoint over {has} records, and took one over {had} before: it lost \
         checkpoints; it is given a proof from there in ten minutes"
    )]
    WentBack {
        /// What it has.
        has: u64,
        /// What it took in this run.
        had: u64,
    },
    /// At fault: the second party.
    #[error("it names another size each time")]
    Unsteady,
    /// The evidence from then on cannot be read. At fault: the disk, or whoever changed files.
    #[error(transparent)]
    Evidence(#[from] SignedLogError),
    /// At fault: whoever moved files of the evidence to an archive.
    #[error(
        "no proof from record {old} to {new}: the evidence of that time is not in {}",
        folder.display()
    )]
    NoProof {
        /// Where the proof begins.
        old: u64,
        /// Where it ends.
        new: u64,
        /// Where the evidence is.
        folder: PathBuf,
    },
    /// Nobody's fault; or the second party names an old size so that this gateway has work.
    #[error(
        "the proof from record {old} to {new} takes longer than two minutes; if that goes on, \
         move this gateway's folder aside at the second party, and keep it"
    )]
    ProofTooLong {
        /// Where the proof begins.
        old: u64,
        /// Where it ends.
        new: u64,
    },
    /// At fault: the system, which has no room for a thread.
    #[error("a thread: {0}")]
    Thread(io::Error),
}

/// What is told once until it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(Discriminant<Unpublished>, Option<StatusCode>);

impl Unpublished {
    /// Another answer than the one that says that the checkpoint is held.
    pub(super) fn answered(answer: &Answer) -> Self {
        let (status, said) = (answer.status, said(answer));
        match status {
            StatusCode::UNPROCESSABLE_ENTITY => Self::NotTheBeginning(said),
            _ => Self::Refused { status, said },
        }
    }

    pub(super) fn kind(&self) -> Kind {
        let status = match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        };
        Kind(discriminant(self), status)
    }

    /// Whether the next attempt may cost as much as this one, so that it has time.
    pub(super) fn is_costly(&self) -> bool {
        matches!(self, Self::WentBack { .. } | Self::ProofTooLong { .. })
    }
}

/// As another Signet gateway answers.
#[derive(Deserialize)]
struct Body {
    code: String,
    cure: String,
}

/// What the body of an answer says, with what goes before it; empty: nothing that is known.
fn said(answer: &Answer) -> String {
    let json = answer.content_type == "application/json";
    let body = json.then(|| serde_json::from_slice::<Body>(&answer.body).ok()).flatten();
    let short = |text: &str| one_line(&text.chars().take(SAID_MAX).collect::<String>());
    body.map(|b| format!(" ({}; {})", short(&b.code), short(&b.cure))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::body::Bytes;

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            content_type: content_type.into(),
            body: Bytes::from(body.to_owned()),
        }
    }

    /// A second party is not believed: its words make no line, and no long one.
    #[test]
    fn table_of_what_an_answer_says() {
        let json = "application/json";
        let body = |code: &str, cure: &str| {
            serde_json::json!({ "code": code, "message": "x", "cure": cure }).to_string()
        };
        for (status, kind, body, want) in [
            (
                403,
                json,
                body("checkpoint.unknown_peer", "add it"),
                "it answered 403 Forbidden (checkpoint.unknown_peer; add it)",
            ),
            (503, json, "{".into(), "it answered 503 Service Unavailable"),
            (503, json, "{\"code\":7}".into(), "it answered 503 Service Unavailable"),
            (503, "text/plain", body("a", "b"), "it answered 503 Service Unavailable"),
            (404, json, body("a\nb", "c\u{202e}"), "it answered 404 Not Found (a b; c )"),
            (
                422,
                json,
                body("checkpoint.inconsistent", "tell"),
                "it answered 422 (checkpoint.inconsistent; tell): what it has is not the \
                 beginning of this log: one of the two was rewritten",
            ),
        ] {
            let why = Unpublished::answered(&answer(status, kind, &body));
            assert_eq!(why.to_string(), want, "{status} {body}");
        }
        let long = body(&"a".repeat(10_000), &"b".repeat(10_000));
        let words = Unpublished::answered(&answer(403, json, &long)).to_string();
        assert!(words.len() < 400, "{}", words.len());
    }

    #[test]
    fn another_reason_or_another_status_is_another_kind_and_other_words_are_not() {
        let refused = |status| Unpublished::answered(&answer(status, "", "")).kind();
        let away = |words: &str| Unpublished::NotReached(words.into()).kind();
        assert_eq!(refused(503), refused(503));
        assert_eq!(away("no route"), away("it hung up"));
        assert_ne!(refused(503), refused(403));
        assert_ne!(refused(503), away("no route"));
        let longer = |has| Unpublished::Longer { has, size: 1 }.kind();
        assert_eq!(longer(7), longer(8));
        assert_ne!(longer(7), Unpublished::Other(7).kind());
    }
}
