//! What happened in one RFQ, step by step, from the records of the desk's signed history. Pure.

use super::fact::Told;
use crate::peer_text;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_fix::{
    AppMessage,
    message::{Response, SnapshotMark},
};
use signet_history::{Record, What};
use signet_rfq::{DealerId, MAX_DEALERS_PER_RFQ, RfqId};
use std::collections::BTreeMap;

/// Steps of one RFQ that are looked at; a peer decides how often it quotes.
const STEPS_MAX: usize = 20_000;
/// So many more are for what peers say besides, and once more for what the trader did: no quotes
/// keep an accept or a trade off the page.
const RESERVE: usize = 2_000;
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
    /// There were more steps. Of those that say how a dealer's price stands the last before each
    /// accept is here.
    pub(crate) more: bool,
    /// Records that could not be written while the RFQ may have been open.
    pub(crate) lost: u64,
}

/// Gathers the steps of an RFQ from the records, which come in their order, one after the other.
pub(crate) struct Gathering<'a> {
    rfq: &'a RfqId,
    told: Told,
    out: Timeline,
    /// Of each dealer the last step that said how its price stands, where there were too many.
    standing: BTreeMap<DealerId, Step>,
}

impl<'a> Gathering<'a> {
    pub(crate) fn of(rfq: &'a RfqId) -> Self {
        Self { rfq, told: Told::Live, out: Timeline::default(), standing: BTreeMap::new() }
    }

    /// Takes the next record, whatever it is about.
    pub(crate) fn take(&mut self, r: &Record) {
        let Some(said) = self.said(r) else { return };
        let signed = matches!(r.what, What::Received { signed: true, .. });
        self.place(Step { at_ms: r.venue_ms(), n: r.n, signed, told: self.told, said });
    }

    /// The steps, in the order of the records.
    pub(crate) fn done(mut self) -> Timeline {
        self.let_stand();
        self.out.steps.sort_by_key(|s| s.n);
        self.out
    }

    fn said(&mut self, r: &Record) -> Option<Said> {
        let id = self.rfq.as_str();
        match &r.what {
            What::Lost { records, .. } | What::QuotesLeftOut { records, .. } => {
                self.out.lost = self.out.lost.saturating_add(*records);
                None
            }
            What::Sent { frame, .. } => about(frame, id).map(|m| Said::Sent(Box::new(m))),
            What::Received { frame, msg, .. } => {
                if msg == "U2" {
                    self.told = told_now(frame).unwrap_or(self.told);
                }
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
        }
    }

    fn place(&mut self, step: Step) {
        if matches!(&step.said, Said::Sent(m) if matches!(**m, AppMessage::QuoteResponse(_))) {
            self.let_stand();
        }
        if self.out.steps.len() < room(&step.said) {
            return self.out.steps.push(step);
        }
        self.out.more = true;
        if let Some(dealer) = prices(&step.said).flatten().cloned()
            && (self.standing.len() < MAX_DEALERS_PER_RFQ || self.standing.contains_key(&dealer))
        {
            self.standing.insert(dealer, step);
        }
    }

    /// What stood when there was no room for it is told now: an accept is judged by it.
    fn let_stand(&mut self) {
        let mut all: Vec<Step> = std::mem::take(&mut self.standing).into_values().collect();
        all.sort_unstable_by_key(|s| s.n);
        let left = (STEPS_MAX + 2 * RESERVE).saturating_sub(self.out.steps.len());
        self.out.steps.extend(all.into_iter().take(left));
    }
}

/// How many steps there may be before one like this.
fn room(said: &Said) -> usize {
    match said {
        Said::Refused => STEPS_MAX,
        Said::Heard(_) if prices(said).is_some() => STEPS_MAX,
        Said::Heard(_) => STEPS_MAX + RESERVE,
        Said::Sent(_) | Said::Pressed { .. } | Said::NotSent { .. } | Said::Reason { .. } => {
            STEPS_MAX + 2 * RESERVE
        }
    }
}

/// Of a message that says how a dealer's price stands: whose.
fn prices(said: &Said) -> Option<Option<&DealerId>> {
    let Said::Heard(m) = said else { return None };
    match &**m {
        AppMessage::Quote(q) => Some(q.dealer.as_ref()),
        AppMessage::QuoteCancel(c) => Some(c.dealer.as_ref()),
        // That of the gateway itself names no dealer, and ends the RFQ.
        AppMessage::QuoteRequestReject(r) => r.dealer.as_ref().map(Some),
        _ => None,
    }
}

/// Whether a message says that a snapshot begins or ends, and so how what follows is told.
pub(super) fn told_now(frame: &str) -> Option<Told> {
    // Only a snapshot's marks are read whole.
    match Some(frame).filter(|f| f.len() < 1_024).and_then(message)? {
        AppMessage::Snapshot(SnapshotMark::Begin) => Some(Told::Again),
        AppMessage::Snapshot(SnapshotMark::End) => Some(Told::Live),
        _ => None,
    }
}

/// A message, with what a peer wrote made safe to show as it is on screen.
pub(super) fn message(frame: &str) -> Option<AppMessage> {
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

#[cfg(test)]
#[path = "timeline_tests.rs"]
pub(super) mod tests;
