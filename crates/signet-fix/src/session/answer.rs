//! Answers a ResendRequest within a budget, a slice at a time, or refuses it.

use super::{
    envelope::{Envelope, Number, any_number},
    receive::Receiving,
    resend::{Part, ResendAnswer, Rules, as_resend, gap_fill},
};
use crate::{
    tag,
    tagvalue::{Field, Fields, seal},
};
use signet_rfq::UtcMillis;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What is queued for a peer before a resend waits for it to read.
const RESEND_AHEAD_BYTES: usize = 256 * 1024;
/// Messages of a resend between two looks at other connections.
const RESEND_SLICE: usize = 64;

impl Receiving<'_> {
    pub(super) fn resend(
        &self,
        frame: &[u8],
        fields: &[Field],
        envelope: &Envelope,
        expected: bool,
    ) {
        let Number::Of(number) = envelope.number else { return };
        let read = Fields::of(frame, fields);
        let names = (read.text(tag::SENDER_COMP_ID), read.text(tag::TARGET_COMP_ID));
        let [begin, end] =
            [tag::BEGIN_SEQ_NO, tag::END_SEQ_NO].map(|t| read.get(t).map(any_number));
        let named = names == (Some(&self.inbound.target), Some(&self.inbound.sender));
        if expected || !named {
            // The engine checks names and times and counts the number, as for any message; what a
            // ResendRequest does is done here.
            let heartbeat = heartbeat_in_place_of(&read);
            let mut fields = vec![];
            let Some(e) = Envelope::read(&heartbeat, &mut fields) else { return };
            self.engine(&heartbeat, &fields, &Envelope { number: Number::Of(number), ..e });
            if self.outbox.closed() || !named {
                return;
            }
        }
        match (begin, end) {
            (Some(Some(begin)), Some(Some(end))) => self.begin_answer(number, begin, end),
            (None, _) => self.reject_counted(
                envelope,
                "2",
                1,
                Some(tag::BEGIN_SEQ_NO),
                "required tag missing",
            ),
            (_, None) => {
                self.reject_counted(envelope, "2", 1, Some(tag::END_SEQ_NO), "required tag missing")
            }
            (Some(None), _) => self.reject_counted(
                envelope,
                "2",
                6,
                Some(tag::BEGIN_SEQ_NO),
                "not a sequence number",
            ),
            (_, Some(None)) => self.reject_counted(
                envelope,
                "2",
                6,
                Some(tag::END_SEQ_NO),
                "not a sequence number",
            ),
        }
        if !expected {
            self.ask_for_the_gap(number);
        }
    }

    /// Begins to send again what the peer asks for in its message `number`, within its budget.
    pub(super) fn begin_answer(&self, number: u64, begin: u64, end: u64) {
        let rules = Rules {
            present_from: self.session.shared.present_from(),
            past_may_be_resent: self.inbound.past_may_be_resent.get(),
            replay_max: self.inbound.options.replay_max,
        };
        if self.inbound.answer.borrow().as_ref().is_some_and(|a| a.covers(begin)) {
            return;
        }
        let now = Instant::now();
        if !self.inbound.resends.borrow_mut().take(now, 1) {
            return self.reject_number(
                Some(number),
                "2",
                99,
                None,
                "ResendRequests come too often",
            );
        }
        let Some(answer) = self.session.with_store(|s| ResendAnswer::new(begin, end, s, rules))
        else {
            return tracing::debug!(begin, end, "a ResendRequest asks for nothing that was sent");
        };
        let cost = u32::try_from(answer.replayed() / 1_000).unwrap_or(u32::MAX);
        // The whole of it, also where it is more than is left: the next request waits for it.
        self.inbound.resends.borrow_mut().charge(now, cost);
        self.inbound.answer.replace(Some(answer));
        self.tell_gap(false, begin, end);
        self.answer_further();
    }

    /// Sends the next parts of an answer; `true`: there are more, and the peer takes them.
    pub(super) fn answer_further(&self) -> bool {
        let (sender, target) = (&self.inbound.sender, &self.inbound.target);
        for _ in 0..RESEND_SLICE {
            if self.outbox.closed() || self.outbox.len() > RESEND_AHEAD_BYTES {
                return false;
            }
            let part = self.inbound.answer.borrow_mut().as_mut().and_then(ResendAnswer::next_part);
            let Some(part) = part else {
                self.inbound.answer.take();
                return false;
            };
            let frame = match part {
                Part::GapFill(from, to) => gap_fill(sender, target, from, to, wall_clock()),
                Part::Message(n) => {
                    let kept = self
                        .session
                        .with_store(|s| s.kept(n))
                        .and_then(|m| as_resend(&m, wall_clock()));
                    kept.unwrap_or_else(|| gap_fill(sender, target, n, n + 1, wall_clock()))
                }
            };
            self.outbox.push_again(&frame);
        }
        true
    }
}

/// A Heartbeat with the header of another message.
fn heartbeat_in_place_of(read: &Fields<'_>) -> Vec<u8> {
    let mut body = b"35=0\x01".to_vec();
    for (tag, value) in read
        .as_slice()
        .iter()
        .filter(|(t, _)| matches!(t, 34 | 43 | 49 | 50 | 52 | 56 | 57 | 97 | 115 | 122 | 128))
    {
        body.extend_from_slice(format!("{tag}=").as_bytes());
        body.extend_from_slice(value);
        body.push(1);
    }
    seal(super::BEGIN_STRING, &body)
}

fn wall_clock() -> UtcMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
