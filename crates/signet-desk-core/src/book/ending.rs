//! Ending RFQs without a trade: one, with a reason; all at once; and what is left open when the
//! trader leaves.

use super::{Book, frame_clock::Part, screen::Item};
use crate::{
    problem::{offline, problem},
    view::{NoticeKind, Problem, StoppedLeft, StoppedView},
};
use signet_fix::message::AppMessage;
use signet_rfq::{RfqId, UtcMillis};

/// A reason is a few words for the record, not a letter.
const REASON_MAX: usize = 100;
/// How many requests that are not ended yet the notice of a stop names: a notice is cut where it is
/// too long.
const LEFT_TOLD_MAX: usize = 4;

impl Book {
    /// Checks that an RFQ may be ended now and returns the message to be sent.
    pub fn cancel(&mut self, id: &str) -> Result<AppMessage, Problem> {
        self.end(id, None)
    }

    /// As [`Self::cancel`]. The reason is for the gateway and the records; dealers do not get it.
    pub fn end(&mut self, id: &str, reason: Option<&str>) -> Result<AppMessage, Problem> {
        let reason = reason.map(readable).transpose()?.filter(|r| !r.is_empty());
        let online = self.online();
        let (id, item) = self.item(id)?;
        if item.rfq.in_flight() {
            return Err(problem(
                "accept.in_flight",
                "An accept of this RFQ is waiting for its answer.",
                "Wait for the answer; the RFQ cannot be ended before.",
            ));
        }
        if item.rfq.state.ended() {
            return Err(problem("rfq.ended", "The RFQ has ended already.", "Dismiss it."));
        }
        if !online {
            return Err(offline());
        }
        item.reason.clone_from(&reason);
        Ok(self.end_now(&id, reason))
    }

    /// Nothing more is agreed to in this RFQ, and the message that ends it.
    fn end_now(&mut self, id: &RfqId, text: Option<String>) -> AppMessage {
        if let Some(item) = self.screen.get_mut(id) {
            stop(item);
        }
        self.frames.wake();
        AppMessage::RfqCancel { rfq: id.clone(), text }
    }

    /// Stops everything: takes back what is armed, ends every open RFQ, and refuses accepts that
    /// wait for a touch. What cannot be ended now (an accept is on its way, or there is no
    /// connection) takes no further accept and is ended as soon as that is possible. Returns the
    /// messages to be sent, the approvals to be refused, and what was done.
    pub fn stop_all(&mut self, now: UtcMillis) -> (Vec<AppMessage>, Vec<String>, StoppedView) {
        let online = self.online();
        let names = self.reference.names();
        let approvals = self.step_ups.own_accepts();
        let open: Vec<RfqId> = self
            .screen
            .iter()
            .filter(|(_, i)| !i.rfq.state.ended())
            .map(|(id, _)| id.clone())
            .collect();
        let (mut messages, mut taken_back, mut left) = (Vec::new(), 0, Vec::new());
        for id in open {
            let held = self.step_ups.waits(&id).is_some();
            let Some(item) = self.screen.get_mut(&id) else { continue };
            if stop(item) {
                taken_back += 1;
            }
            item.stopped = true;
            let why = match (&item.rfq.accept, item.rfq.in_flight()) {
                (Some(_), true) if held => {
                    Some("an accept waits for approval, which is refused".to_owned())
                }
                (Some((a, _)), true) => {
                    let who = names.get(&a.dealer).map_or(a.dealer.as_str(), String::as_str);
                    Some(format!("an accept is on its way to {who} and cannot be called back"))
                }
                _ if !online => Some("there is no connection".to_owned()),
                _ => None,
            };
            let Some(why) = why else {
                messages.push(self.end_now(&id, Some(STOPPED.into())));
                continue;
            };
            let terms = &item.rfq.terms;
            let symbol = self.reference.of_rfq(terms).map(|i| i.symbol.clone());
            left.push(StoppedLeft {
                rfq_id: id.to_string(),
                symbol: symbol.unwrap_or_else(|| terms.instrument.to_string()),
                why,
            });
            self.ends_later.insert(id);
        }
        let rows = u32::try_from(self.list.waiting()).unwrap_or(u32::MAX);
        let done = StoppedView { ended: messages.len() as u32, taken_back, rows, left };
        self.list.stop();
        self.show_list();
        self.tell_stopped(&done, now);
        (messages, approvals, done)
    }

    fn tell_stopped(&mut self, done: &StoppedView, now: UtcMillis) {
        let nothing = (done.ended, done.taken_back, done.rows) == (0, 0, 0) && done.left.is_empty();
        let mut text = match nothing {
            true => {
                "Stop: nothing was open, nothing armed, and no row of a list waited.".to_owned()
            }
            false => format!(
                "Stopped. Open requests that are being ended: {}. Accepts that were taken back \
                    before they were sent: {}. Rows of the list that waited and are not sent: {}.",
                done.ended, done.taken_back, done.rows
            ),
        };
        for left in done.left.iter().take(LEFT_TOLD_MAX) {
            text.push_str(&format!(
                " Not ended yet: {} ({}): {}.",
                left.symbol, left.rfq_id, left.why
            ));
        }
        let more = done.left.len().saturating_sub(LEFT_TOLD_MAX);
        if more > 0 {
            text.push_str(&format!(" Not ended yet besides: {more}."));
        }
        // It stays, before the notices of the RFQs that end by it, until the trader has read it.
        let kind = if nothing { NoticeKind::Plain } else { NoticeKind::Bad };
        self.notice(kind, "desk.stopped", text, None, now);
        self.frames.wake();
    }

    /// The messages that end RFQs which could not be ended when the trader stopped everything.
    pub(super) fn ends_due(&mut self) -> Vec<AppMessage> {
        if self.ends_later.is_empty() || !self.online() {
            return Vec::new();
        }
        let mut due = Vec::new();
        for id in std::mem::take(&mut self.ends_later) {
            match self.screen.get(&id) {
                Some(i) if i.rfq.state.ended() => {}
                Some(i) if i.rfq.in_flight() => drop(self.ends_later.insert(id)),
                Some(_) => due.push(self.end_now(&id, Some(STOPPED.into()))),
                None => {}
            }
        }
        due
    }

    /// As [`crate::Desk::has_open_requests`].
    pub fn has_open_requests(&self) -> bool {
        self.screen.rfqs().any(|r| !r.state.ended() || r.in_flight()) || self.list.waiting() > 0
    }

    /// As [`crate::Desk::may_close`].
    pub fn may_close(&mut self, now: UtcMillis) -> bool {
        let open: Vec<&signet_rfq::Rfq> =
            self.screen.rfqs().filter(|r| !r.state.ended() || r.in_flight()).collect();
        let first = open.first().map(|r| r.terms.id.clone());
        let rows = self.list.waiting();
        if first.is_none() && rows == 0 {
            self.set_closing(false);
            return true;
        }
        if self.dialogs.closing {
            return true;
        }
        let in_flight = open.iter().filter(|r| r.in_flight()).count();
        let text = format!(
            "You asked to close the window. Requests that are open: {}, with an accept on its way: \
                {in_flight}. Rows of the list that wait and would not be sent: {rows}. You see no \
                quotes and no answer while it is closed. To close it anyway, close it again.",
            open.len()
        );
        self.set_closing(true);
        self.notice(NoticeKind::Bad, "desk.closing", text, first.as_ref(), now);
        self.frames.wake();
        false
    }

    /// The trader was asked, and the window stays.
    pub fn stay_open(&mut self) {
        self.set_closing(false);
    }

    fn set_closing(&mut self, closing: bool) {
        if self.dialogs.closing != closing {
            self.dialogs.closing = closing;
            self.changed(Part::Closing);
        }
    }
}

/// The reason that the gateway is told when the trader stopped everything.
const STOPPED: &str = "stopped by the trader";

/// Nothing more is agreed to in it. Returns whether an accept was armed.
fn stop(item: &mut Item) -> bool {
    let armed = matches!(item.rfq.accept, Some((_, signet_rfq::AcceptState::Armed)));
    item.rfq.disarm();
    item.ending = true;
    (item.ahead, item.approve_first) = (None, None);
    item.dirty = true;
    armed
}

/// A reason as it goes into a message and the records.
pub(super) fn readable(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.chars().count() > REASON_MAX || text.chars().any(char::is_control) {
        return Err(problem(
            "rfq.reason",
            format!("A reason is one line of at most {REASON_MAX} characters."),
            "Shorten it.",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
#[path = "ending_tests.rs"]
mod tests;
