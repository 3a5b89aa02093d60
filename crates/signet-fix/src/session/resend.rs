//! The parts of the answer to a ResendRequest: messages that may be sent again, and gap fills for
//! the rest.
//!
//! The engine would read every kept message for each request. Here a request costs a look at
//! numbers, and what it makes leave is read one message at a time, as fast as the peer takes it.

use super::BEGIN_STRING;
use crate::{
    store::SessionStore,
    tag,
    tagvalue::{Fields, format_utc, seal},
};
use signet_rfq::UtcMillis;
use std::collections::VecDeque;

/// One answer, while it is being given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResendAnswer {
    /// The first number that the peer asked for.
    pub begin: u64,
    /// The next number to be accounted for.
    next: u64,
    /// The number after the last that was asked for.
    end: u64,
    /// The numbers whose messages are sent again, in order.
    replay: VecDeque<u64>,
}

/// What may be sent again on this connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// MsgSeqNum of our Logon on this connection: what comes after it belongs to the present.
    pub present_from: u64,
    pub past_may_be_resent: bool,
    /// Messages at most; of more, the latest.
    pub replay_max: usize,
}

/// The next part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Message(u64),
    /// From the first number up to, and without, the second.
    GapFill(u64, u64),
}

impl ResendAnswer {
    /// For BeginSeqNo (7) and EndSeqNo (16), 0 for all. `None`: nothing with such a number has been
    /// sent.
    pub(crate) fn new(
        begin: u64,
        end: u64,
        store: &dyn SessionStore,
        rules: Rules,
    ) -> Option<Self> {
        let sent = store.next_sender();
        let begin = begin.max(1);
        let end = if end == 0 { sent } else { end.saturating_add(1).min(sent) };
        if begin >= end {
            return None;
        }
        let present = rules.present_from.clamp(begin, end);
        let mut replay =
            if rules.past_may_be_resent { store.resendable(begin, present, true) } else { vec![] };
        replay.extend(store.resendable(present, end, false));
        let too_many = replay.len().saturating_sub(rules.replay_max);
        Some(Self { begin, next: begin, end, replay: replay.split_off(too_many).into() })
    }

    pub(crate) fn replayed(&self) -> usize {
        self.replay.len()
    }

    /// Whether a request from `begin` on asks for nothing that this answer does not hold.
    pub(crate) fn covers(&self, begin: u64) -> bool {
        begin >= self.next
    }

    pub(crate) fn next_part(&mut self) -> Option<Part> {
        if self.next >= self.end {
            return None;
        }
        let to = self.replay.front().copied().unwrap_or(self.end);
        let part = if to > self.next {
            Part::GapFill(self.next, to)
        } else {
            self.replay.pop_front();
            Part::Message(self.next)
        };
        self.next = if let Part::GapFill(..) = part { to } else { self.next + 1 };
        Some(part)
    }
}

/// Tags of a header, as the engine writes it.
const HEADER: [u32; 14] = [8, 9, 35, 34, 49, 50, 52, 56, 57, 97, 115, 122, 128, 369];

/// A kept message as it is sent again: PossDupFlag, the first SendingTime as OrigSendingTime, and
/// the present one. `None`: it is not a FIX message.
pub(super) fn as_resend(kept: &[u8], now: UtcMillis) -> Option<Vec<u8>> {
    let fields = Fields::parse(kept).ok()?;
    let first_sent = fields.get(tag::SENDING_TIME)?.to_vec();
    let now = format_utc(now);
    let mut body = Vec::with_capacity(kept.len() + 64);
    let mut put = |tag: u32, value: &[u8]| {
        body.extend_from_slice(format!("{tag}=").as_bytes());
        body.extend_from_slice(value);
        body.push(1);
    };
    let mut in_header = true;
    for (tag, value) in fields.as_slice() {
        if in_header && !HEADER.contains(tag) {
            put(tag::ORIG_SENDING_TIME, &first_sent);
            in_header = false;
        }
        match *tag {
            8 | 9 | 10 | 43 | 122 => {}
            34 => {
                put(34, value);
                put(tag::POSS_DUP_FLAG, b"Y");
            }
            tag::SENDING_TIME => put(tag::SENDING_TIME, now.as_bytes()),
            tag => put(tag, value),
        }
    }
    Some(seal(BEGIN_STRING, &body))
}

/// A SequenceReset that fills the numbers from `from` up to, and without, `to`.
pub(super) fn gap_fill(sender: &str, target: &str, from: u64, to: u64, now: UtcMillis) -> Vec<u8> {
    let now = format_utc(now);
    let body = format!(
        "35=4\u{1}34={from}\u{1}43=Y\u{1}49={sender}\u{1}52={now}\u{1}56={target}\u{1}\
         122={now}\u{1}36={to}\u{1}123=Y\u{1}"
    );
    seal(BEGIN_STRING, body.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use proptest::prelude::*;

    const NOW: UtcMillis = UtcMillis(1_795_227_720_125);

    fn message(kind: &str, n: u64) -> Vec<u8> {
        seal(
            BEGIN_STRING,
            format!(
                "35={kind}\u{1}34={n}\u{1}49=G\u{1}52=20261121-02:22:00.125\u{1}56=D\u{1}58=x\u{1}"
            )
            .as_bytes(),
        )
    }

    /// A store that sent these kinds, from number 1.
    fn sent(kinds: &[&str]) -> MemoryStore {
        let mut s = MemoryStore::new(NOW);
        for (n, kind) in (1..).zip(kinds) {
            s.keep(n, &message(kind, n)).unwrap();
            s.set_next_sender(n + 1).unwrap();
        }
        s
    }

    fn parts(begin: u64, end: u64, s: &MemoryStore, rules: Rules) -> Option<Vec<Part>> {
        let mut a = ResendAnswer::new(begin, end, s, rules)?;
        Some(std::iter::from_fn(|| a.next_part()).collect())
    }

    const RULES: Rules = Rules { present_from: 6, past_may_be_resent: true, replay_max: 100 };

    #[test]
    fn the_past_is_resent_where_it_lasts_and_the_present_whole() {
        use Part::{GapFill as G, Message as M};
        let s = sent(&["A", "8", "S", "8", "0", "A", "S", "0", "8"]);
        for (begin, end, rules, want) in [
            (1, 0, RULES, Some(vec![G(1, 2), M(2), G(3, 4), M(4), G(5, 7), M(7), G(8, 9), M(9)])),
            (0, 0, RULES, Some(vec![G(1, 2), M(2), G(3, 4), M(4), G(5, 7), M(7), G(8, 9), M(9)])),
            (3, 4, RULES, Some(vec![G(3, 4), M(4)])),
            (8, 8, RULES, Some(vec![G(8, 9)])),
            (5, 900, RULES, Some(vec![G(5, 7), M(7), G(8, 9), M(9)])),
            (
                1,
                0,
                Rules { past_may_be_resent: false, ..RULES },
                Some(vec![G(1, 7), M(7), G(8, 9), M(9)]),
            ),
            (1, 0, Rules { replay_max: 1, ..RULES }, Some(vec![G(1, 9), M(9)])),
            (1, 0, Rules { replay_max: 0, ..RULES }, Some(vec![G(1, 10)])),
            (10, 0, RULES, None),
            (9, 3, RULES, None),
            (u64::MAX, u64::MAX, RULES, None),
        ] {
            assert_eq!(parts(begin, end, &s, rules), want, "{begin} {end} {rules:?}");
        }
    }

    #[test]
    fn ten_thousand_messages_that_are_never_resent_cost_one_gap_fill() {
        let s = sent(&vec!["S"; 10_000]);
        let rules = Rules { present_from: 10_001, ..RULES };
        let mut a = ResendAnswer::new(1, 0, &s, rules).unwrap();
        assert_eq!(a.replayed(), 0);
        assert_eq!((a.next_part(), a.next_part()), (Some(Part::GapFill(1, 10_001)), None));
    }

    #[test]
    fn a_resent_message_says_when_it_was_sent_first() {
        let text = |b: &[u8]| String::from_utf8_lossy(b).replace('\u{1}', "|");
        let again = as_resend(&message("8", 7), NOW + 60_000).unwrap();
        let want =
            "35=8|34=7|43=Y|49=G|52=20261121-02:23:00.125|56=D|122=20261121-02:22:00.125|58=x|";
        assert!(text(&again).contains(want), "{}", text(&again));
        assert_eq!(again, seal(BEGIN_STRING, want.replace('|', "\u{1}").as_bytes()));
        assert_eq!(as_resend(b"junk", NOW), None);
        let fill = text(&gap_fill("G", "D", 3, 9, NOW));
        assert!(fill.contains("35=4|34=3|43=Y|49=G|") && fill.contains("|36=9|123=Y|"), "{fill}");
    }

    proptest! {
        /// Every number asked for is accounted for once, in order.
        #[test]
        fn an_answer_leaves_no_number_out(
            kinds in prop::collection::vec(prop::sample::select(&["A", "0", "8", "S", "AI", "R"][..]), 0..40),
            begin in 0u64..45, end in 0u64..45, present_from in 0u64..45, past_may_be_resent: bool, replay_max in 0usize..10,
        ) {
            let s = sent(&kinds);
            let rules = Rules { present_from, past_may_be_resent, replay_max };
            let Some(parts) = parts(begin, end, &s, rules) else { return Ok(()) };
            let mut next = begin.max(1);
            for p in &parts {
                let (from, to) = match p { Part::Message(n) => (*n, n + 1), Part::GapFill(a, b) => (*a, *b) };
                prop_assert!(from == next && to > from);
                next = to;
            }
            let last = kinds.len() as u64 + 1;
            prop_assert_eq!(next, if end == 0 { last } else { last.min(end + 1) });
            prop_assert!(parts.iter().filter(|p| matches!(p, Part::Message(_))).count() <= replay_max);
        }
    }
}
