//! What the trading thread has to tell: bounded for each person, and never waited for.

use super::levels::Levels;
use crate::{clock::now_us, limits::Summaries};
use signet_policy::score::{Assessment, Decision};
use signet_registry::random_id;
use signet_signals::{Initiator, RiskLevel, Told};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Ended sessions of one person: so many at once, then one in so long; the rest are counted.
const SESSIONS_EACH: u32 = 30;
const SESSIONS_REFILL: Duration = Duration::from_secs(10);
/// What happens to one person within this time has one cause.
const ONE_CAUSE: Duration = Duration::from_secs(1);
/// People with a cause that is remembered.
const CAUSES_MAX: usize = 10_000;
/// Who ended a session because the receiver, or another provider, said so: it knows.
const HEARD: &str = "signal.session_revoked";
/// An administrator ended a session.
const BY_ADMINISTRATOR: &str = "admin.ended";

/// Something to tell, before it has its place in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) user: String,
    pub(super) jti: String,
    pub(super) txn: String,
    pub(super) told: Told,
    pub(super) initiator: Initiator,
    pub(super) reason: String,
    pub(super) at_us: i64,
    /// Others about this person that were left out before it.
    pub(super) left_out: u64,
    /// Others, about anybody, that found the channel full before it.
    pub(super) lost: u64,
}

/// The session that ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended<'a> {
    pub(crate) user: &'a str,
    pub(crate) device: Option<&'a str>,
    pub(crate) desk: &'a str,
    pub(crate) serial: &'a str,
}

/// The trading thread's end.
pub struct Transmitter {
    notices: mpsc::Sender<Notice>,
    levels: RefCell<Levels>,
    sessions: RefCell<Summaries<String>>,
    causes: RefCell<HashMap<String, (Instant, String)>>,
    gateway: String,
    /// Notices that found the channel full; the next one that finds room says so.
    lost: Cell<u64>,
}

impl Transmitter {
    pub(super) fn new(notices: mpsc::Sender<Notice>, levels: Levels, gateway: String) -> Self {
        Self {
            notices,
            levels: RefCell::new(levels),
            sessions: RefCell::new(Summaries::new(SESSIONS_EACH, SESSIONS_REFILL)),
            causes: RefCell::default(),
            gateway,
            lost: Cell::new(0),
        }
    }

    /// A person was judged: a change of level is told.
    pub(crate) fn judged(&self, user: &str, a: &Assessment) {
        let change = self.levels.borrow_mut().judged(user, level(a.decision), Instant::now());
        let Some(change) = change else { return };
        let told = Told::RiskLevel { previous: change.previous, current: change.current };
        if self.tell(user, told, Initiator::Policy, a.words(), 0) {
            self.levels.borrow_mut().is_told(user, change.current);
        }
    }

    /// A session was ended before its time.
    pub(crate) fn ended(&self, s: Ended<'_>, code: &str, words: &str) {
        let Some(initiator) = initiator(code) else { return };
        let spent = self.sessions.borrow_mut().spend(Instant::now(), s.user.to_owned());
        let Some(left_out) = spent else { return };
        let told = Told::SessionRevoked {
            session: format!("{}.{}.{}", self.gateway, s.desk, s.serial),
            device: s.device.map(str::to_owned),
        };
        let reason = format!("{code}: {words}");
        if !self.tell(s.user, told, initiator, reason, left_out) {
            let lost = self.lost.get().saturating_add(left_out).saturating_add(1);
            self.lost.set(lost);
            tracing::error!(alert = true, user = s.user, lost, "a signal could not be queued");
        }
    }

    /// Whether it is in the channel.
    fn tell(
        &self,
        user: &str,
        told: Told,
        initiator: Initiator,
        reason: String,
        left_out: u64,
    ) -> bool {
        let (Some(jti), Some(txn)) = (random_id(), self.cause(user)) else { return false };
        let (user, at_us) = (user.to_owned(), now_us());
        let lost = self.lost.get();
        let notice = Notice { user, jti, txn, told, initiator, reason, at_us, left_out, lost };
        let sent = self.notices.try_send(notice).is_ok();
        if sent {
            self.lost.set(0);
        }
        sent
    }

    fn cause(&self, user: &str) -> Option<String> {
        let at = Instant::now();
        let mut causes = self.causes.borrow_mut();
        let recent = |began: &Instant| at.saturating_duration_since(*began) < ONE_CAUSE;
        if let Some((_, txn)) = causes.get(user).filter(|(began, _)| recent(began)) {
            return Some(txn.clone());
        }
        if causes.len() >= CAUSES_MAX {
            causes.retain(|_, (began, _)| recent(began));
        }
        let txn = random_id()?;
        if causes.len() < CAUSES_MAX {
            causes.insert(user.to_owned(), (at, txn.clone()));
        }
        Some(txn)
    }
}

/// The level that a decision stands for.
fn level(decision: Decision) -> RiskLevel {
    match decision {
        Decision::Allow => RiskLevel::Low,
        Decision::StepUp => RiskLevel::Medium,
        Decision::Deny => RiskLevel::High,
    }
}

/// Who ended a session under this code; `None`: a receiver need not hear of it.
fn initiator(code: &str) -> Option<Initiator> {
    match code {
        HEARD => None,
        BY_ADMINISTRATOR
        | "admission.user_locked"
        | "admission.device_locked"
        | "admission.certificate_revoked" => Some(Initiator::Admin),
        _ => Some(Initiator::Policy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn transmitter(room: usize) -> (Transmitter, mpsc::Receiver<Notice>) {
        let (tx, rx) = mpsc::channel(room);
        let levels = Levels::new(&BTreeMap::new(), Duration::ZERO);
        (Transmitter::new(tx, levels, "GW".into()), rx)
    }

    fn assessment(decision: Decision) -> Assessment {
        Assessment {
            score: 60,
            decision,
            factors: Vec::new(),
            concerns: Vec::new(),
            cures: Vec::new(),
            policy: "p".into(),
        }
    }

    const ALICE: Ended<'static> =
        Ended { user: "alice", device: Some("laptop"), desk: "ALICE1", serial: "7f" };

    #[test]
    fn table_of_codes() {
        for (code, want) in [
            ("signal.session_revoked", None),
            ("admin.ended", Some(Initiator::Admin)),
            ("admission.user_locked", Some(Initiator::Admin)),
            ("admission.device_locked", Some(Initiator::Admin)),
            ("admission.certificate_revoked", Some(Initiator::Admin)),
            ("admission.certificate_expired", Some(Initiator::Policy)),
            ("lockout.fatigue", Some(Initiator::Policy)),
            ("risk.denied", Some(Initiator::Policy)),
            ("budget.exceeded", Some(Initiator::Policy)),
        ] {
            assert_eq!(initiator(code), want, "{code}");
        }
    }

    #[test]
    fn a_denial_and_the_end_of_its_session_have_one_cause_and_names_of_their_own() {
        let (t, mut rx) = transmitter(8);
        t.judged("alice", &assessment(Decision::Allow));
        t.judged("alice", &assessment(Decision::Deny));
        t.judged("alice", &assessment(Decision::Deny));
        t.ended(ALICE, "risk.denied", "too risky");
        t.ended(ALICE, "signal.session_revoked", "heard");
        let (level, end) = (rx.try_recv().unwrap(), rx.try_recv().unwrap());
        assert!(rx.try_recv().is_err(), "nothing else is told");
        assert_eq!(level.told, Told::RiskLevel { previous: None, current: RiskLevel::High });
        let (session, device) = ("GW.ALICE1.7f".into(), Some("laptop".into()));
        assert_eq!(end.told, Told::SessionRevoked { session, device });
        assert_eq!(end.reason, "risk.denied: too risky");
        assert_eq!(level.txn, end.txn);
        assert_ne!(level.jti, end.jti);
        t.ended(Ended { user: "bob", ..ALICE }, "risk.denied", "too risky");
        assert_ne!(rx.try_recv().unwrap().txn, end.txn);
    }

    #[test]
    fn one_person_is_bounded_and_what_is_left_out_is_counted() {
        let (t, mut rx) = transmitter(1_000);
        for _ in 0..500 {
            t.ended(ALICE, "budget.exceeded", "");
        }
        t.ended(Ended { user: "bob", ..ALICE }, "budget.exceeded", "");
        let mut of = BTreeMap::<String, u32>::new();
        while let Ok(n) = rx.try_recv() {
            *of.entry(n.user).or_default() += 1;
        }
        assert_eq!(of, BTreeMap::from([("alice".into(), SESSIONS_EACH), ("bob".into(), 1)]));
    }

    #[test]
    fn a_level_that_found_no_room_is_told_when_there_is_some() {
        let (t, mut rx) = transmitter(1);
        t.ended(ALICE, "risk.denied", "");
        t.judged("bob", &assessment(Decision::Deny));
        rx.try_recv().unwrap();
        t.judged("bob", &assessment(Decision::Deny));
        assert_eq!(rx.try_recv().unwrap().user, "bob");
    }
}
