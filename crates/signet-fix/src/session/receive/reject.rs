//! Rejects frames, and ends connections.

use super::{
    super::envelope::{Envelope, Fault, Kind, Number},
    Receiving, msg_type,
};
use crate::{tag, tagvalue::Body};
use std::time::Instant;

impl Receiving<'_> {
    pub(super) fn reject_fault(
        &self,
        fault: Fault,
        frame: &[u8],
        envelope: &Envelope,
        expected: bool,
    ) {
        let (reason, tag, words) = fault.reject();
        if expected {
            self.expect(self.expected().saturating_add(1));
        }
        let msg_type = String::from_utf8_lossy(msg_type(frame)).into_owned();
        self.reject_counted(envelope, &msg_type, reason, tag, words);
    }

    /// Refuses a message of which the number, if it is the next one, counts as received.
    pub(super) fn reject(
        &self,
        frame: &[u8],
        envelope: &Envelope,
        reason: u16,
        tag: Option<u32>,
        words: &str,
    ) {
        let expected = self.expected();
        let sequence_reset = envelope.kind == Kind::SequenceReset;
        if envelope.number == Number::Of(expected) && !sequence_reset {
            self.expect(expected.saturating_add(1));
        }
        let msg_type = String::from_utf8_lossy(msg_type(frame)).into_owned();
        self.reject_counted(envelope, &msg_type, reason, tag, words);
    }

    pub(in super::super) fn reject_counted(
        &self,
        envelope: &Envelope,
        msg_type: &str,
        reason: u16,
        tag: Option<u32>,
        words: &str,
    ) {
        let number = if let Number::Of(n) = envelope.number { Some(n) } else { None };
        self.reject_number(number, msg_type, reason, tag, words);
    }

    /// Sends a Reject; the connection of a peer that goes on after many of them ends.
    pub(in super::super) fn reject_number(
        &self,
        number: Option<u64>,
        msg_type: &str,
        reason: u16,
        tag: Option<u32>,
        words: &str,
    ) {
        if !self.inbound.faults.borrow_mut().take(Instant::now(), 1) {
            return self.end("too many messages that had to be rejected");
        }
        let mut b = Body::new("3");
        b.put(tag::REF_SEQ_NUM, number.unwrap_or(0));
        b.put_opt(tag::REF_TAG_ID, tag);
        b.put_text(tag::REF_MSG_TYPE, msg_type);
        b.put(tag::SESSION_REJECT_REASON, reason);
        b.put_text(tag::TEXT, words);
        if let Err(e) = self.session.send_body(&b) {
            tracing::warn!(peer = self.inbound.target, error = %e, "a Reject could not be sent");
        }
    }

    /// Sends a Logout and ends the connection.
    pub(super) fn end(&self, why: &str) {
        tracing::warn!(peer = self.inbound.target, "the connection ends: {why}");
        let mut b = Body::new("5");
        b.put_text(tag::TEXT, why);
        if let Err(e) = self.session.send_admin(&b) {
            tracing::debug!(error = %e, "a Logout could not be sent");
        }
        self.outbox.close();
    }
}
