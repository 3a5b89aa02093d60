//! Rate, errors and duration of messages, by type.

use super::{Labelled, work};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use std::{
    fmt,
    sync::OnceLock,
    time::{Duration, Instant},
};

/// MsgType (35) of every message that the gateway reads or writes; the last stands for all others.
const TYPES: [&str; 31] = [
    "R", "AG", "S", "Z", "AJ", "AI", "8", "H", "j", "x", "y", "U1", "U2", "U3", "U4", "U5", "U6",
    "U7", "U8", "U9", "UA", "UB", "UC", "UD", "UE", "UG", "UH", "UI", "UJ", "3", OTHER,
];
const OTHER: &str = "other";

/// Whose message it is, or to whom it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Peer {
    Desk,
    Dealer,
}

impl Peer {
    fn word(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Dealer => "dealer",
        }
    }
}

type TypeLabels = [(&'static str, &'static str); 2];
type ErrorLabels = [(&'static str, &'static str); 3];

/// The series of one type of message of one kind of peer.
struct Series {
    received: Counter,
    sent: Counter,
    seconds: Histogram,
}

/// Counters and histograms of messages.
pub struct Messages {
    /// Made at the first message of their type, by peer and place in [`TYPES`].
    series: [[OnceLock<Series>; TYPES.len()]; 2],
    received: Family<TypeLabels, Counter>,
    sent: Family<TypeLabels, Counter>,
    seconds: Family<TypeLabels, Histogram, fn() -> Histogram>,
    errors: Family<ErrorLabels, Counter>,
    budgets: Labelled<Counter>,
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}

impl Messages {
    pub(super) fn new(r: &mut Registry) -> Self {
        let made = Self {
            series: std::array::from_fn(|_| std::array::from_fn(|_| OnceLock::new())),
            received: Family::default(),
            sent: Family::default(),
            seconds: Family::new_with_constructor(work as fn() -> Histogram),
            errors: Family::default(),
            budgets: Family::default(),
        };
        r.register(
            "signet_messages_received",
            "Messages that came, checked and verified",
            made.received.clone(),
        );
        r.register("signet_messages_sent", "Messages that left", made.sent.clone());
        r.register(
            "signet_message_seconds",
            "Time in the gateway, from the verified frame until everything was done about it",
            made.seconds.clone(),
        );
        r.register(
            "signet_message_errors",
            "Messages that were refused, by reason code",
            made.errors.clone(),
        );
        r.register(
            "signet_budget_refusals",
            "Messages beyond the budget of their peer",
            made.budgets.clone(),
        );
        made.begin();
        made
    }

    /// What every gateway has sooner or later begins at 0, so that its first one is an increase.
    fn begin(&self) {
        for (peer, msg_type) in
            [(Peer::Desk, "R"), (Peer::Desk, "AJ"), (Peer::Dealer, "S"), (Peer::Dealer, "8")]
        {
            let _ = self.series(peer, msg_type);
        }
        for code in ["router.refused", "budget.exceeded", "journal.unwritable"] {
            for msg_type in ["R", "AJ"] {
                let labels = [("peer", "desk"), ("type", msg_type), ("code", code)];
                drop(self.errors.get_or_create(&labels));
            }
        }
        for peer in [Peer::Desk, Peer::Dealer] {
            drop(self.budgets.get_or_create(&[("peer", peer.word())]));
        }
    }

    fn series(&self, peer: Peer, msg_type: &str) -> Option<&Series> {
        let place = TYPES.iter().position(|t| *t == msg_type).unwrap_or(TYPES.len() - 1);
        let cell = self.series.get(peer as usize)?.get(place)?;
        Some(cell.get_or_init(|| {
            let labels = [("peer", peer.word()), ("type", TYPES[place])];
            Series {
                received: self.received.get_or_create_owned(&labels),
                sent: self.sent.get_or_create_owned(&labels),
                seconds: self.seconds.get_or_create_owned(&labels),
            }
        }))
    }

    /// Counts a message that came; its time is taken until the answer is dropped.
    #[must_use = "the time ends when it is dropped"]
    pub fn received(&self, peer: Peer, msg_type: &str) -> Timed {
        let series = self.series(peer, msg_type);
        if let Some(s) = series {
            s.received.inc();
        }
        Timed { began: Instant::now(), seconds: series.map(|s| s.seconds.clone()) }
    }

    /// Counts a message that left.
    pub fn sent(&self, peer: Peer, msg_type: &str) {
        if let Some(s) = self.series(peer, msg_type) {
            s.sent.inc();
        }
    }

    /// Counts a message that was refused. `code` is one of this program's.
    pub fn refused(&self, peer: Peer, msg_type: &str, code: &'static str) {
        let known = TYPES.iter().find(|t| **t == msg_type).copied().unwrap_or(OTHER);
        let labels = [("peer", peer.word()), ("type", known), ("code", code)];
        self.errors.get_or_create(&labels).inc();
    }

    /// Counts a message beyond the budget of its peer.
    pub fn over_budget(&self, peer: Peer) {
        super::count(&self.budgets, "peer", peer.word());
    }
}

/// Takes the time of something until it is dropped.
#[derive(Debug)]
pub struct Timed {
    began: Instant,
    seconds: Option<Histogram>,
}

impl Timed {
    /// So far.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        if let Some(h) = &self.seconds {
            h.observe(self.elapsed().as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_sends_makes_no_series_of_its_own() {
        let mut r = Registry::default();
        let m = Messages::new(&mut r);
        for n in 0..1_000 {
            drop(m.received(Peer::Desk, &format!("X{n}")));
            m.refused(Peer::Dealer, &format!("X{n}"), "fix.refused");
        }
        let mut text = String::new();
        prometheus_client::encoding::prometheus_text::encode(&mut text, &r).unwrap();
        let one = "signet_messages_received_total{peer=\"desk\",type=\"other\"} 1000";
        let refused =
            "signet_message_errors_total{peer=\"dealer\",type=\"other\",code=\"fix.refused\"} 1000";
        assert!(text.contains(one) && text.contains(refused), "{text}");
        assert!(!text.contains("X1"), "{text}");
    }
}
