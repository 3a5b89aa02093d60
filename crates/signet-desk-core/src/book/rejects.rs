//! Messages of this desk that were not processed, or could not even be read.

use super::{Book, rfq_of_accept, sent::Sent};
use crate::view::NoticeKind;
use signet_fix::message::{AppMessage, BusinessReject, OrderStatusRequest};
use signet_rfq::{Accept, AcceptId, Declined, RfqId, RfqState, UtcMillis};

impl Book {
    /// The gateway, or a plain venue, could not process something. What became of an accept is
    /// asked: under its id one may be under way already.
    pub(super) fn business_reject(&mut self, j: BusinessReject, now: UtcMillis) -> Vec<AppMessage> {
        let text = j.text.clone().unwrap_or_else(|| "no reason given".into());
        let what = match (&j.ref_id, j.ref_seq_num) {
            (Some(id), _) if j.ref_msg_type == "AJ" => {
                AcceptId::new(id.as_str()).ok().map(Sent::Accept)
            }
            (Some(id), _) => RfqId::new(id.as_str()).ok().map(Sent::Rfq),
            (None, Some(seq)) => self.connection.sent.get(seq),
            (None, None) => None,
        };
        let rfq = what.as_ref().and_then(Sent::rfq).filter(|id| self.screen.contains(id));
        let words = format!("The {} could not do this: {text}", self.connection.peer());
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
                // A duplicate of one that is open is refused without harm to it.
                if self.screen.rfq(&id).is_some_and(|r| r.state == RfqState::Sent) {
                    self.end_unprocessed(&id, &text);
                }
                Vec::new()
            }
            Some(Sent::Accept(a)) => self.ask_about(&a).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn ask_about(&self, a: &AcceptId) -> Option<AppMessage> {
        let rfq = self.screen.rfq(&rfq_of_accept(a)?)?;
        let (a, _) = rfq.accept_of(a).filter(|(_, s)| s.in_flight())?;
        Some(AppMessage::OrderStatusRequest(status_request(a)))
    }

    fn end_unprocessed(&mut self, id: &RfqId, text: &str) {
        self.screen.refuse(id, text);
        self.blot_rfq(id);
    }

    /// The venue could not process something (BusinessMessageReject, j): nothing can come of it.
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
        self.blot_rfq(&rfq);
    }

    /// A session-level reject of something we sent: it could not even be read, so nothing was done
    /// about it.
    pub fn session_reject(&mut self, seq: u64, text: &str, now: UtcMillis) {
        let sent = self.connection.sent.get(seq);
        let words =
            format!("The {} rejected a message of this desk: {text}", self.connection.peer());
        let rfq = sent.as_ref().and_then(Sent::rfq);
        match (&sent, &rfq) {
            (Some(Sent::Accept(a)), Some(id)) => {
                self.screen.decline(id, a, Declined::ByGateway(text.into()))
            }
            (Some(Sent::Rfq(_)), Some(id)) => self.end_unprocessed(id, text),
            _ => {}
        }
        self.notice(NoticeKind::Bad, "gateway.session_reject", words, rfq.as_ref(), now);
        self.tidy_in_flight();
        self.frames.wake();
    }
}

/// Asks what became of an accept.
pub(super) fn status_request(a: &Accept) -> OrderStatusRequest {
    OrderStatusRequest {
        accept: a.id.clone(),
        instrument: a.instrument.clone(),
        side: a.side,
        dealer: None,
    }
}
