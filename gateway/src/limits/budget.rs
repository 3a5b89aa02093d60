//! What one peer may draw out of the gateway: messages by class, bytes, events. Pure: the time is
//! passed in, from a monotonic clock.

use crate::config::{LimitsSection, Rate};
use signet_fix::{AppMessage, bucket::Bucket};
use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

/// Kinds of messages that are counted apart, so that a flood of one leaves room for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Request,
    Accept,
    Cancel,
    Status,
    List,
    Keys,
    Quote,
    Report,
    Reject,
    Other,
}

impl Class {
    /// Of a message, whoever sends it.
    pub fn of(m: &AppMessage) -> Self {
        match m {
            AppMessage::QuoteRequest(_) | AppMessage::TakeOver(_) => Self::Request,
            AppMessage::QuoteResponse(_) => Self::Accept,
            AppMessage::RfqCancel { .. } => Self::Cancel,
            AppMessage::OrderStatusRequest(_) => Self::Status,
            AppMessage::SecurityListRequest(_) | AppMessage::GroupRequest { .. } => Self::List,
            AppMessage::KeyRequest(_)
            | AppMessage::StepUpRequest { .. }
            | AppMessage::ApproveAhead(_) => Self::Keys,
            AppMessage::Quote(_) | AppMessage::QuoteCancel(_) => Self::Quote,
            AppMessage::ExecutionReport(_) => Self::Report,
            AppMessage::BusinessReject(_)
            | AppMessage::QuoteRequestReject(_)
            | AppMessage::QuoteStatusReport(_) => Self::Reject,
            _ => Self::Other,
        }
    }

    /// As the peer reads it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Request => "requests",
            Self::Accept => "accepts",
            Self::Cancel => "withdrawals",
            Self::Status => "status requests",
            Self::List => "list requests",
            Self::Keys => "requests about keys",
            Self::Quote => "quotes",
            Self::Report => "execution reports",
            Self::Reject => "rejects",
            Self::Other => "messages",
        }
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetVerdict {
    Go,
    /// There are too many of its class.
    TooMany,
    /// And this peer goes on and on: it is disconnected.
    Out,
}

/// The budget of one desk or dealer, over all its connections.
#[derive(Debug)]
pub struct PeerBudget {
    classes: BTreeMap<Class, Bucket>,
    other: Bucket,
    kib: Bucket,
    excess: Bucket,
    logons: Bucket,
    pause: Duration,
    /// Not let in before.
    out_until: Option<Instant>,
}

fn bucket(r: Rate) -> Bucket {
    Bucket::new(r.burst, Duration::from_secs(60) / r.per_minute.max(1))
}

impl PeerBudget {
    pub fn of_desk(l: &LimitsSection) -> Self {
        let classes = [
            (Class::Request, l.desk_requests),
            (Class::Accept, l.desk_accepts),
            (Class::Cancel, l.desk_cancels),
            (Class::Status, l.desk_status_requests),
            (Class::List, l.desk_list_requests),
            (Class::Keys, l.desk_key_requests),
        ];
        Self::new(l, &classes, l.desk_other, l.desk_kib)
    }

    pub fn of_dealer(l: &LimitsSection) -> Self {
        let classes = [
            (Class::Quote, l.dealer_quotes),
            (Class::Report, l.dealer_reports),
            (Class::Reject, l.dealer_rejects),
        ];
        Self::new(l, &classes, l.dealer_other, l.dealer_kib)
    }

    fn new(l: &LimitsSection, classes: &[(Class, Rate)], other: Rate, kib: Rate) -> Self {
        Self {
            classes: classes.iter().map(|(c, r)| (*c, bucket(*r))).collect(),
            other: bucket(other),
            kib: bucket(kib),
            excess: bucket(l.excess),
            logons: bucket(l.desk_logons),
            pause: Duration::from_secs(l.excess_pause_seconds.into()),
            out_until: None,
        }
    }

    /// Counts one message.
    pub fn judge(&mut self, now: Instant, class: Class, bytes: usize) -> BudgetVerdict {
        let kib = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX);
        let of_class = self.classes.get_mut(&class).unwrap_or(&mut self.other);
        if of_class.take(now, 1) && self.kib.take(now, kib) {
            return BudgetVerdict::Go;
        }
        if self.excess.take(now, 1) {
            return BudgetVerdict::TooMany;
        }
        self.out_until = now.checked_add(self.pause);
        BudgetVerdict::Out
    }

    /// Whether this peer may log on now: for how long it may not, or that it comes too often.
    pub fn may_log_on(&mut self, now: Instant) -> Result<(), NoLogon> {
        if let Some(wait) =
            self.out_until.map(|t| t.saturating_duration_since(now)).filter(|w| !w.is_zero())
        {
            return Err(NoLogon::Paused { seconds: wait.as_secs() + 1 });
        }
        if self.logons.take(now, 1) { Ok(()) } else { Err(NoLogon::TooOften) }
    }
}

/// Why a desk may not log on now. At fault: the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLogon {
    #[error(
        "this desk was disconnected because it sent too many messages; it may log on again in \
            {seconds} s"
    )]
    Paused { seconds: u64 },
    #[error("this desk logs on too often")]
    TooOften,
}

impl NoLogon {
    /// Never changes between releases.
    pub fn code(self) -> &'static str {
        match self {
            Self::Paused { .. } => "budget.paused",
            Self::TooOften => "budget.logons",
        }
    }

    /// What helps.
    pub fn cure(self) -> &'static str {
        match self {
            Self::Paused { .. } => "Wait, and find out what sends so many messages.",
            Self::TooOften => {
                "Wait a minute, and look for a second program that uses this desk's identity."
            }
        }
    }
}

/// Events, or log lines, of one kind and about one subject, that are written down one by one; the
/// rest are counted.
#[derive(Debug)]
pub struct Summaries<K> {
    burst: u32,
    refill: Duration,
    keys: HashMap<K, Kept>,
}

#[derive(Debug)]
struct Kept {
    bucket: Bucket,
    left_out: u64,
}

/// Kinds and subjects that are told apart; one that is beyond is not written down until another is
/// forgotten.
const KEYS_MAX: usize = 20_000;

impl<K: std::hash::Hash + Eq + Clone> Summaries<K> {
    pub fn new(burst: u32, refill: Duration) -> Self {
        Self { burst, refill, keys: HashMap::new() }
    }

    /// Whether this one is written, and how many before it were not.
    pub fn spend(&mut self, now: Instant, key: K) -> Option<u64> {
        if self.keys.len() >= KEYS_MAX && !self.keys.contains_key(&key) {
            self.keys.retain(|_, k| k.left_out > 0 || !k.bucket.is_full(now));
            if self.keys.len() >= KEYS_MAX {
                return None;
            }
        }
        let (burst, refill) = (self.burst, self.refill);
        let kept = self
            .keys
            .entry(key)
            .or_insert_with(|| Kept { bucket: Bucket::new(burst, refill), left_out: 0 });
        if kept.bucket.take(now, 1) {
            return Some(std::mem::take(&mut kept.left_out));
        }
        kept.left_out = kept.left_out.saturating_add(1);
        None
    }

    /// What was left out and has not been told, as far as its turn has come.
    pub fn flush(&mut self, now: Instant) -> Vec<(K, u64)> {
        let due = |k: &mut Kept| k.left_out > 0 && k.bucket.take(now, 1);
        let due = self
            .keys
            .iter_mut()
            .filter_map(|(key, k)| due(k).then(|| (key.clone(), std::mem::take(&mut k.left_out))));
        due.collect()
    }
}

/// Bytes that one peer has had written down today.
#[derive(Debug, Default)]
pub struct DayBytes {
    day: i64,
    bytes: u64,
    told: bool,
}

impl DayBytes {
    /// Adds so many, on a day counted in any way; `Err`: the day's amount is used up, and whether
    /// that is to be told.
    pub fn add(&mut self, day: i64, bytes: usize, max: u64) -> Result<(), bool> {
        if day != self.day {
            *self = Self { day, ..Self::default() };
        }
        let sum = self.bytes.saturating_add(bytes as u64);
        if sum > max {
            return Err(!std::mem::replace(&mut self.told, true));
        }
        self.bytes = sum;
        Ok(())
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
