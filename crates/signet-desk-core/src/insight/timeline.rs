//! What happened in one RFQ, step by step, from the records of the desk's signed history. Pure.

use super::tally::{Tally, Told};
use crate::peer_text;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_fix::{
    AppMessage,
    message::{Response, SnapshotMark},
};
use signet_history::{Record, What};
use signet_rfq::RfqId;

/// Steps of one RFQ that are looked at; a peer decides how often it quotes.
pub(crate) const STEPS_MAX: usize = 20_000;
/// Longest message that is read.
const FRAME_MAX: usize = 64 * 1024;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// Milliseconds on the venue's clock, as far as the desk knew it.
    pub(crate) at_ms: i64,
    /// The number of its record.
    pub(crate) n: u64,
    /// The venue signed it, and the signature was good.
    pub(crate) signed: bool,
    /// It was repeated in a snapshot, so that its time says little.
    pub(crate) told: Told,
    pub(crate) said: Said,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Sent(Box<AppMessage>),
    Heard(Box<AppMessage>),
    /// A message that was not believed did nothing.
    Refused,
    /// The trader pressed Accept.
    Pressed {
        accept: String,
    },
    /// A message of the trader did not leave.
    NotSent {
        id: String,
        code: String,
    },
    /// Why the trader took another price than the best.
    Reason {
        accept: String,
        text: String,
    },
}

/// What happened in one RFQ.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    pub(crate) steps: Vec<Step>,
    /// There were more steps.
    pub(crate) more: bool,
    /// Records that could not be written while the RFQ may have been open.
    pub(crate) lost: u64,
}

/// The steps of an RFQ, in the order of the records.
pub(crate) fn timeline<'a>(records: impl IntoIterator<Item = &'a Record>, rfq: &RfqId) -> Timeline {
    let mut out = Timeline::default();
    let mut told = Told::Live;
    let id = rfq.as_str();
    for r in records {
        let said = match &r.what {
            What::Lost { records, .. } => {
                out.lost = out.lost.saturating_add(*records);
                continue;
            }
            What::Sent { frame, .. } => about(frame, id).map(|m| Said::Sent(Box::new(m))),
            What::Received { frame, .. } => {
                told = told_now(told, frame);
                about(frame, id).map(|m| Said::Heard(Box::new(m)))
            }
            What::Refused { frame, .. } => about(frame, id).map(|_| Said::Refused),
            What::Shown { rfq, accept, .. } if rfq == id => {
                Some(Said::Pressed { accept: accept.clone() })
            }
            What::NotSent { id: of, code, .. } if belongs(of, id) => {
                Some(Said::NotSent { id: of.clone(), code: code.clone() })
            }
            What::Reason { rfq, accept, text } if rfq == id => {
                Some(Said::Reason { accept: accept.clone(), text: text.clone() })
            }
            _ => None,
        };
        let Some(said) = said else { continue };
        if out.steps.len() >= STEPS_MAX {
            out.more = true;
            continue;
        }
        let signed = matches!(r.what, What::Received { signed: true, .. });
        out.steps.push(Step { at_ms: r.venue_ms(), n: r.n, signed, told, said });
    }
    out
}

/// Whether a record may be a step of an RFQ, or says how its steps are to be taken.
pub(crate) fn concerns(r: &Record, rfq: &RfqId) -> bool {
    let id = rfq.as_str();
    match &r.what {
        What::Received { msg, .. } if msg == "U2" => true,
        What::Sent { frame, .. } | What::Received { frame, .. } | What::Refused { frame, .. } => {
            about(frame, id).is_some()
        }
        What::Shown { rfq, .. } | What::Reason { rfq, .. } => rfq == id,
        What::NotSent { id: of, .. } => belongs(of, id),
        What::Lost { .. } => true,
        _ => false,
    }
}

/// What records of earlier runs say of the dealers.
pub(crate) fn tally<'a>(records: impl IntoIterator<Item = &'a Record>) -> Tally {
    let mut tally = Tally::default();
    let mut told = Told::Live;
    for r in records {
        match &r.what {
            What::Sent { frame, msg } if matches!(msg.as_str(), "R" | "AJ") => {
                if let Some(m) = message(frame) {
                    tally.sent(&m);
                }
            }
            What::Received { frame, msg, .. } if matches!(msg.as_str(), "S" | "AG" | "8") => {
                if let Some(m) = message(frame) {
                    tally.heard(&m, r.venue_ms(), told);
                }
            }
            What::Received { frame, msg, .. } if msg == "U2" => told = told_now(told, frame),
            _ => {}
        }
    }
    tally
}

fn told_now(told: Told, frame: &str) -> Told {
    // Only a snapshot's marks are read whole.
    match frame.len() < 1_024 {
        false => told,
        true => match message(frame) {
            Some(AppMessage::Snapshot(SnapshotMark::Begin)) => Told::Again,
            Some(AppMessage::Snapshot(SnapshotMark::End)) => Told::Live,
            _ => told,
        },
    }
}

/// A message, with what a peer wrote made safe to show as it is on screen.
fn message(frame: &str) -> Option<AppMessage> {
    let bytes = BASE64.decode(frame).ok().filter(|b| b.len() <= FRAME_MAX)?;
    AppMessage::decode(&bytes).ok().map(peer_text::message)
}

/// The message, if it is about an RFQ.
fn about(frame: &str, rfq: &str) -> Option<AppMessage> {
    let bytes = BASE64.decode(frame).ok().filter(|b| b.len() <= FRAME_MAX)?;
    // Most messages are about other RFQs; they are not read any further.
    if !bytes.windows(rfq.len()).any(|w| w == rfq.as_bytes()) {
        return None;
    }
    let m = AppMessage::decode(&bytes).ok().map(peer_text::message)?;
    of(&m).is_some_and(|id| belongs(&id, rfq)).then_some(m)
}

/// Whether an id is that of an RFQ or of one of its accepts.
fn belongs(id: &str, rfq: &str) -> bool {
    id.strip_prefix(rfq).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// The RFQ or the accept that a message is about.
fn of(m: &AppMessage) -> Option<String> {
    Some(match m {
        AppMessage::QuoteRequest(q) => q.id.to_string(),
        AppMessage::RfqCancel { rfq, .. } => rfq.to_string(),
        AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => r.id.to_string(),
        AppMessage::Quote(q) => q.rfq.to_string(),
        AppMessage::QuoteCancel(c) => c.rfq.as_ref()?.to_string(),
        AppMessage::QuoteRequestReject(r) => r.rfq.to_string(),
        AppMessage::QuoteStatusReport(s) => s.rfq.to_string(),
        AppMessage::ExecutionReport(e) => e.accept.to_string(),
        AppMessage::BusinessReject(j) => j.ref_id.clone()?,
        AppMessage::TakeOver(t) => t.rfq.to_string(),
        AppMessage::HandOver(h) => h.rfq.to_string(),
        // What was asked, of one that came from a colleague.
        AppMessage::Snapshot(SnapshotMark::Rfq(q)) => q.id.to_string(),
        _ => return None,
    })
}
