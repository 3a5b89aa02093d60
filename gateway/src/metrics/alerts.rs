//! The last events of high and critical severity, kept in memory for `signet-gateway alerts`.

use crate::events::Outlet;
use serde::{Deserialize, Serialize};
use signet_events::{Event, Severity};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Alerts that are kept; the oldest goes first. All of them are in the registry or the SIEM.
const KEPT: usize = 500;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are those of the fields of an event")]
pub struct Alert {
    /// Counts up from 1 at each start of the gateway.
    pub seq: u64,
    /// Microseconds since 1970, UTC.
    pub at_us: i64,
    pub severity: String,
    pub code: String,
    pub subject: String,
    pub actor: String,
    pub words: String,
}

/// The last alerts.
#[derive(Debug, Default)]
pub struct Alerts(Mutex<(u64, VecDeque<Alert>)>);

impl Alerts {
    /// Those after number `after`, oldest first, at most the newest `limit`.
    pub fn after(&self, after: u64, limit: usize) -> Vec<Alert> {
        let kept = self.kept();
        let newer: Vec<&Alert> = kept.1.iter().filter(|a| a.seq > after).collect();
        newer.iter().skip(newer.len().saturating_sub(limit)).map(|a| (*a).clone()).collect()
    }

    fn kept(&self) -> MutexGuard<'_, (u64, VecDeque<Alert>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet for Alerts {
    fn take(&self, e: &Event) {
        if e.entry.severity < Severity::High {
            return;
        }
        let mut kept = self.kept();
        kept.0 += 1;
        let alert = Alert {
            seq: kept.0,
            at_us: e.at_us,
            severity: e.entry.severity.caption().to_owned(),
            code: e.code.to_owned(),
            subject: e.about.subject(),
            actor: e.actor.to_string(),
            words: e.words.to_string(),
        };
        if kept.1.len() >= KEPT {
            kept.1.pop_front();
        }
        kept.1.push_back(alert);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_events::catalogue::entries;

    #[test]
    fn only_high_and_critical_ones_are_kept_and_not_for_ever() {
        let alerts = Alerts::default();
        for e in entries().filter(|e| !e.code.ends_with(".*")) {
            alerts.take(&Event::new(0, e.code, ""));
        }
        let all = alerts.after(0, usize::MAX);
        let want = entries().filter(|e| {
            !e.code.ends_with(".*") && matches!(e.severity, Severity::High | Severity::Critical)
        });
        assert_eq!(all.len(), want.count());
        assert!(!all.is_empty() && all.iter().all(|a| a.severity != "Medium"));
        let code = entries().find(|e| e.severity == Severity::Critical).unwrap().code;
        for _ in 0..2 * KEPT {
            alerts.take(&Event::new(0, code, ""));
        }
        let all = alerts.after(0, usize::MAX);
        let last = all.last().unwrap().seq;
        assert_eq!((all.len(), all[0].seq), (KEPT, last + 1 - KEPT as u64));
        assert_eq!(
            alerts.after(last - 5, 2).iter().map(|a| a.seq).collect::<Vec<_>>(),
            [last - 1, last]
        );
        assert!(alerts.after(last, 10).is_empty());
    }
}
