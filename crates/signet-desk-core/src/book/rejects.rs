//! Rejects of this desk's messages: not processed, or not readable.

use super::{Book, rfq_of_accept, sent::Sent};
use crate::{problem::problem, view::NoticeKind};
use signet_fix::message::{AppMessage, BusinessReject, OrderStatusRequest};
use signet_rfq::{Accept, AcceptId, Declined, RfqId, RfqState, UtcMillis};

impl Book {
    /// The gateway or a plain venue could not process a message (BusinessMessageReject, j). For an
    /// accept the desk asks for the outcome, because one with this id may be under way already.
    pub(super) fn business_reject(&mut self, j: BusinessReject, now: UtcMillis) -> Vec<AppMessage> {
        let text = j.text.clone().unwrap_or_else(|| "no reason given".into());
        let what = match (&j.ref_id, j.ref_seq_num) {
            (Some(id), _) if matches!(j.ref_msg_type.as_str(), "AJ" | "H") => {
                AcceptId::new(id.as_str()).ok().map(Sent::Accept)
            }
            (Some(id), _) => RfqId::new(id.as_str()).ok().map(Sent::Rfq),
            (None, Some(seq)) => self.connection.sent.get(seq),
            (None, None) => None,
        };
        let rfq = what.as_ref().and_then(Sent::rfq).filter(|id| self.screen.contains(id));
        if let (Some(Sent::Accept(a)), "H", false) =
            (&what, j.ref_msg_type.as_str(), self.connection.direct)
        {
            // Of a question that is asked again and again one refusal is told.
            if !self.questions.refused(a, now) {
                return Vec::new();
            }
        }
        let words = format!("The {} could not do this: {text}", self.connection.peer());
        if matches!(j.ref_msg_type.as_str(), "UG" | "UH") {
            let cure = "Look at the list again in some seconds.";
            self.group_failed(problem("group.refused", words.clone(), cure));
        }
        if j.ref_msg_type == "U9" {
            let cure = "Try again in some seconds.";
            self.not_registered(problem("key.refused", words.clone(), cure));
        }
        self.notice(NoticeKind::Bad, "gateway.business_reject", words, rfq.as_ref(), now);
        if self.connection.direct {
            let by_number = match what {
                Some(Sent::Accept(a)) => Some(a.to_string()),
                Some(Sent::Rfq(id)) => Some(id.to_string()),
                None => None,
            };
            self.not_processed(&BusinessReject { ref_id: j.ref_id.clone().or(by_number), ..j });
            return Vec::new();
        }
        match what {
            Some(Sent::Rfq(id)) if j.ref_msg_type == "R" => {
                // The reject of a duplicate leaves the open RFQ alone.
                if self.screen.rfq(&id).is_some_and(|r| r.state == RfqState::Sent) {
                    self.end_unprocessed(&id, &text);
                }
                Vec::new()
            }
            // It is asked again later.
            Some(Sent::Accept(_)) if j.ref_msg_type == "H" => Vec::new(),
            // A counter that the gateway refuses went nowhere.
            Some(Sent::Accept(a)) if self.counter_failed(&a, &text) => Vec::new(),
            Some(Sent::Accept(a)) => self.ask_about(&a, now).into_iter().collect(),
            Some(Sent::Rfq(id)) if j.ref_msg_type == "UE" => {
                self.screen.forget_ahead(&id);
                Vec::new()
            }
            Some(Sent::Rfq(id)) => {
                self.not_ending(&id);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// The end of an RFQ did not come about.
    pub(super) fn not_ending(&mut self, id: &RfqId) {
        if let Some(item) = self.screen.get_mut(id) {
            (item.ending, item.dirty) = (false, true);
        }
    }

    fn end_unprocessed(&mut self, id: &RfqId, text: &str) {
        self.screen.refuse(id, text);
        self.blot_rfq(id);
    }

    /// A plain venue could not process a message, so nothing follows from it: the RFQ or the accept
    /// ends.
    fn not_processed(&mut self, j: &BusinessReject) {
        let text = j.text.clone().unwrap_or_else(|| "no reason given".into());
        let Some(id) = &j.ref_id else { return };
        let rfq = match j.ref_msg_type.as_str() {
            "R" => RfqId::new(id.as_str()).ok(),
            "AJ" => AcceptId::new(id.as_str()).ok().and_then(|a| {
                let rfq = rfq_of_accept(&a)?;
                self.screen
                    .get_mut(&rfq)?
                    .rfq
                    .declined(&a, Declined::ByDealer(text.clone()))
                    .ok()?;
                Some(rfq)
            }),
            _ => None,
        };
        let Some(rfq) = rfq else { return };
        if let Some(i) = self.screen.get_mut(&rfq) {
            if j.ref_msg_type == "R" {
                i.rfq.refuse(text);
            }
            i.dirty = true;
        }
        self.end_if_over(&rfq);
        self.blot_rfq(&rfq);
    }

    /// A session-level reject (3): the peer could not read a message of this desk and did nothing
    /// about it, so the RFQ or the accept ends.
    pub fn session_reject(&mut self, seq: u64, text: &str, now: UtcMillis) {
        let sent = self.connection.sent.get(seq);
        let words =
            format!("The {} rejected a message of this desk: {text}", self.connection.peer());
        let rfq = sent.as_ref().and_then(Sent::rfq);
        match (&sent, &rfq) {
            (Some(Sent::Accept(a)), Some(_)) if self.counter_failed(a, text) => {}
            (Some(Sent::Accept(a)), Some(id)) => {
                self.screen.decline(id, a, Declined::ByGateway(text.into()));
                self.end_if_over(id);
                self.screen.not_spent(id, a);
            }
            (Some(Sent::Rfq(_)), Some(id)) => self.end_unprocessed(id, text),
            _ => {}
        }
        self.notice(NoticeKind::Bad, "gateway.session_reject", words, rfq.as_ref(), now);
        self.tidy_in_flight();
        self.frames.wake();
    }
}

/// Asks for the outcome of an accept. `since`: for a gateway, when its RFQ was made.
pub(super) fn status_request(a: &Accept, since: Option<UtcMillis>) -> OrderStatusRequest {
    OrderStatusRequest {
        accept: a.id.clone(),
        instrument: a.instrument.clone(),
        side: a.side,
        dealer: None,
        sent: since,
    }
}
