//! The registry as the trading thread sees it: the newest view, never waited for.

mod outlet;
#[cfg(feature = "test-double")]
pub(crate) mod test_double;

use crate::{events::Outlet, stepup::StepUpHandle};
use outlet::RegistryOutlet;
use signet_identity::PeerIdentity;
use signet_policy::place::Sighting;
use signet_registry::{
    DeviceSeen, Lockout, LockoutKind, LockoutTerms, NewEvent, SignalKey, SignalWord, View,
    admission::{AdmissionRefusal, Shown, admit, still_good},
};
use signet_rfq::UtcMillis;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

/// How long a desk whose certificate is not in the view waits for a newer one: it may have been
/// issued a moment ago.
const NEWER_VIEW_MAX: Duration = Duration::from_millis(1_500);

/// A view and when the registry last said that it is the newest.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub view: Arc<View>,
    pub confirmed: Instant,
    /// Why it is not confirmed any longer, if it is not, for whoever looks after it.
    pub fault: Option<Arc<str>>,
    /// The list of our own authority, DER; empty when there is none.
    pub crl: Arc<Vec<u8>>,
}

/// What the trading thread tells the registry.
#[derive(Debug)]
pub enum Report {
    FirstUsed(String),
    /// A desk traded with a dealer.
    Traded(String, String),
    Note(NewEvent),
    Seen(String, Sighting),
    /// A device was on.
    DeviceSeen(DeviceSeen),
    /// A person is locked out: why, in words, and for how long.
    LockOut(String, LockoutKind, String, LockoutTerms, Option<Taken>),
    /// What identity providers said.
    Signalled(Vec<(SignalKey, SignalWord)>, Taken),
}

/// Told once a report is written down; dropped when it is lost.
pub type Taken = oneshot::Sender<()>;

/// Who a desk turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    pub user: String,
    pub device: String,
    /// The registry has not seen this certificate used. Its first use takes the one before it out
    /// of force, so it counts only after the last gate: [`RegistryView::first_used`].
    pub first_use: bool,
}

/// The trading thread's end.
pub struct RegistryView {
    snapshots: watch::Receiver<Snapshot>,
    reports: mpsc::Sender<Report>,
    age_max: Duration,
    pub fail_closed_sessions: bool,
    step_up: Option<StepUpHandle>,
}

/// What a desk proved, as the registry knows certificates.
pub fn shown(peer: &PeerIdentity) -> Shown {
    Shown {
        serial: peer.serial.clone(),
        spki_sha256: signet_registry::hex(peer.spki_sha256.as_bytes()),
        comp_id: peer.comp_id.as_str().into(),
        not_after: crate::clock::millis(peer.not_after).unwrap_or(UtcMillis(0)),
    }
}

impl RegistryView {
    /// The end of the trading thread. `reports` leads to the registry's thread.
    pub fn new(
        snapshots: watch::Receiver<Snapshot>,
        reports: mpsc::Sender<Report>,
        age_max: Duration,
        fail_closed_sessions: bool,
        step_up: Option<StepUpHandle>,
    ) -> Self {
        Self { snapshots, reports, age_max, fail_closed_sessions, step_up }
    }

    /// Whether this desk may come in. Waits a moment when a newer view could still say yes.
    pub async fn admit(&self, shown: &Shown) -> Result<Admitted, AdmissionRefusal> {
        let asked = Instant::now();
        let first = self.decide(shown);
        if first != Err(AdmissionRefusal::Unknown) || !self.newer_than(asked).await {
            return first;
        }
        self.decide(shown)
    }

    /// Waits a moment for a view that was confirmed after `asked`; whether there is one.
    pub async fn newer_than(&self, asked: Instant) -> bool {
        let mut snapshots = self.snapshots.clone();
        let newer = snapshots.wait_for(|s| s.confirmed > asked);
        matches!(timeout(NEWER_VIEW_MAX, newer).await, Ok(Ok(_)))
    }

    fn decide(&self, shown: &Shown) -> Result<Admitted, AdmissionRefusal> {
        let s = self.snapshots.borrow();
        let (age, age_max) = (s.confirmed.elapsed(), self.age_max);
        let found = admit(&s.view, millis(age), millis(age_max), shown, crate::clock::now())?;
        Ok(Admitted {
            user: found.user.clone(),
            device: found.device.clone(),
            first_use: !found.used,
        })
    }

    /// A certificate was used for the first time, and whoever used it was let in. A lost report is
    /// made again at the next logon; the trading thread never waits.
    pub fn first_used(&self, serial: &str) {
        let _ = self.reports.try_send(Report::FirstUsed(serial.to_owned()));
    }

    /// Whether a session that is on may stay on.
    pub fn still_good(&self, shown: &Shown) -> Result<(), AdmissionRefusal> {
        let s = self.snapshots.borrow();
        if self.fail_closed_sessions && s.confirmed.elapsed() > self.age_max {
            return Err(AdmissionRefusal::RegistryStale);
        }
        still_good(&s.view, shown, crate::clock::now()).map(|_| ())
    }

    /// The user of a certificate that is in force.
    pub fn in_force(&self, shown: &Shown) -> Option<String> {
        let s = self.snapshots.borrow();
        still_good(&s.view, shown, crate::clock::now()).ok().map(|c| c.user.clone())
    }

    /// The person of each desk; `None` for one whose certificates name several.
    pub fn people(&self) -> HashMap<String, Option<String>> {
        let s = self.snapshots.borrow();
        let mut people: HashMap<String, Option<String>> = HashMap::new();
        for c in s.view.certificates.values() {
            people
                .entry(c.comp_id.clone())
                .and_modify(|known| {
                    if known.as_ref() != Some(&c.user) {
                        *known = None;
                    }
                })
                .or_insert_with(|| Some(c.user.clone()));
        }
        people
    }

    /// The person of a desk, whether or not it is on.
    pub fn person_of(&self, desk: &str) -> Option<String> {
        let s = self.snapshots.borrow();
        let mut of_desk = s.view.certificates.values().filter(|c| c.comp_id == desk);
        let user = &of_desk.next()?.user;
        // Certificates that name several people name nobody.
        of_desk.all(|c| c.user == *user).then(|| user.clone())
    }

    /// The devices with a certificate of a user, by name.
    pub fn devices_of(&self, user: &str) -> Vec<String> {
        let s = self.snapshots.borrow();
        let theirs = s.view.certificates.values().filter(|c| c.user == user);
        let devices: BTreeSet<String> = theirs.map(|c| c.device.clone()).collect();
        devices.into_iter().collect()
    }

    /// Has a person's lock-out written down. Lost when the registry is far behind; who fails again
    /// is counted again.
    pub fn lock_out(&self, user: &str, kind: LockoutKind, words: &str, terms: LockoutTerms) {
        let report = Report::LockOut(user.into(), kind, words.into(), terms, None);
        if self.reports.try_send(report).is_err() {
            tracing::error!(user, "a lock-out could not be written down: the registry is behind");
        }
    }

    /// Has it written down that a signal keeps a person out. `None`: there is no room; else it is
    /// told when the registry took it, also for somebody who is not registered.
    pub fn hold(
        &self,
        user: &str,
        words: &str,
        terms: LockoutTerms,
    ) -> Option<oneshot::Receiver<()>> {
        let (taken, wait) = oneshot::channel();
        let kind = LockoutKind::Signal;
        let report = Report::LockOut(user.into(), kind, words.into(), terms, Some(taken));
        self.reports.try_send(report).ok().map(|()| wait)
    }

    /// Has what identity providers said written down, for every gateway. `None`: there is no room;
    /// else it is told when the registry took it.
    pub fn signalled(&self, words: Vec<(SignalKey, SignalWord)>) -> Option<oneshot::Receiver<()>> {
        let (taken, wait) = oneshot::channel();
        self.reports.try_send(Report::Signalled(words, taken)).ok().map(|()| wait)
    }

    /// The newest view.
    pub fn view(&self) -> Arc<View> {
        self.snapshots.borrow().view.clone()
    }

    /// The people whose lock-out has ended by time since the last look; `kept_out` remembers them.
    pub fn lockouts_ended(
        &self,
        kept_out: &mut HashMap<String, UtcMillis>,
        now: UtcMillis,
    ) -> Vec<String> {
        ended(kept_out, &self.snapshots.borrow().view.lockouts, now)
    }

    /// The orders of administrators to lift networks, if they are others than `known`.
    pub fn networks_lifted(
        &self,
        known: &HashMap<String, UtcMillis>,
    ) -> Option<HashMap<String, UtcMillis>> {
        let s = self.snapshots.borrow();
        (s.view.lifted_networks != *known).then(|| s.view.lifted_networks.clone())
    }

    /// Whether a user has ever traded with a dealer, as far as the registry has told. Never more
    /// than it knows.
    pub fn has_traded(&self, user: &str, dealer: &str) -> bool {
        self.snapshots.borrow().view.traded.contains(&(user.to_owned(), dealer.to_owned()))
    }

    /// Has it written down that a desk traded with a dealer. Lost when the registry is far behind;
    /// the journal then tells it again at the next start.
    pub fn traded(&self, desk: &str, dealer: &str) {
        if self.reports.try_send(Report::Traded(desk.into(), dealer.into())).is_err() {
            tracing::error!(
                desk,
                dealer,
                "a first trade could not be written down: the registry is behind"
            );
        }
    }

    /// What the registry's thread last met with, if the registry does not do what it should.
    pub fn fault(&self) -> Option<Arc<str>> {
        self.snapshots.borrow().fault.clone()
    }

    /// Time since the registry said that the view is the newest.
    pub fn age(&self) -> Duration {
        self.snapshots.borrow().confirmed.elapsed()
    }

    /// When the registry last said that the view is the newest.
    pub fn confirmed(&self) -> Instant {
        self.snapshots.borrow().confirmed
    }

    /// Beyond this age nobody comes in.
    pub fn age_max(&self) -> Duration {
        self.age_max
    }

    /// Reports that the registry's thread has not taken yet.
    pub fn reports_waiting(&self) -> usize {
        self.reports.max_capacity().saturating_sub(self.reports.capacity())
    }

    /// The list of our own authority, DER.
    pub fn own_crl(&self) -> Arc<Vec<u8>> {
        self.snapshots.borrow().crl.clone()
    }

    /// A receiver of its own, to wait for changes with.
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.clone()
    }

    /// The step-up service, when `[step_up]` is there.
    pub fn step_up(&self) -> Option<StepUpHandle> {
        self.step_up.clone()
    }

    /// The registry's word for the person a certificate belongs to.
    pub fn role(&self, serial: &str) -> Option<String> {
        self.snapshots.borrow().view.certificates.get(serial).map(|c| c.role.clone())
    }

    /// Where a person was last seen, by any gateway of this registry, when the view was read.
    pub fn last_seen(&self, user: &str) -> Option<Sighting> {
        self.snapshots.borrow().view.places.get(user).copied()
    }

    /// Remembers where somebody is, when there is room.
    pub fn seen(&self, user: &str, s: Sighting) {
        let _ = self.reports.try_send(Report::Seen(user.to_owned(), s));
    }

    /// A device was on. What is lost here is told again at its next logon.
    pub fn device_seen(&self, d: DeviceSeen) {
        let _ = self.reports.try_send(Report::DeviceSeen(d));
    }

    /// The way of events to the registry. `origin` is this gateway when it hands them to the SIEM
    /// itself, so that no gateway reads them from the registry for it; else empty.
    pub fn outlet(&self, origin: String) -> Arc<dyn Outlet> {
        Arc::new(RegistryOutlet { reports: self.reports.clone(), origin })
    }
}

/// One that left the registry before its time was lifted, which is told by whoever lifted it.
fn ended(
    kept_out: &mut HashMap<String, UtcMillis>,
    lockouts: &HashMap<String, Lockout>,
    now: UtcMillis,
) -> Vec<String> {
    let holding = lockouts.iter().filter(|(_, l)| l.until.0 != 0 && l.holds(now));
    kept_out.extend(holding.map(|(user, l)| (user.clone(), l.until)));
    let mut ended = Vec::new();
    kept_out.retain(|user, until| match lockouts.get(user) {
        None => false,
        Some(l) if l.holds(now) => {
            *until = l.until;
            l.until.0 != 0
        }
        Some(_) => {
            ended.push(user.clone());
            false
        }
    });
    ended
}

fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_out_that_ends_by_time_is_told_once_and_one_that_is_lifted_is_not() {
        let lockout = |until| Lockout {
            kind: LockoutKind::Failures,
            words: String::new(),
            since: UtcMillis(1),
            until: UtcMillis(until),
            level: 1,
        };
        let with = |all: &[(&str, i64)]| {
            all.iter().map(|(u, until)| ((*u).to_owned(), lockout(*until))).collect()
        };
        let mut kept_out = HashMap::new();
        for (now, lockouts, want) in [
            (10, with(&[("alice", 100), ("bob", 0), ("carol", 5)]), vec![]),
            (99, with(&[("alice", 100), ("bob", 0), ("carol", 5)]), vec![]),
            // One that became longer meanwhile.
            (100, with(&[("alice", 200), ("dave", 300)]), vec![]),
            (200, with(&[("alice", 200), ("dave", 300)]), vec!["alice"]),
            (201, with(&[("alice", 200), ("dave", 300)]), vec![]),
            // Lifted.
            (250, with(&[("alice", 200)]), vec![]),
            (400, with(&[("alice", 200), ("dave", 300)]), vec![]),
        ] {
            let lockouts: HashMap<String, Lockout> = lockouts;
            assert_eq!(ended(&mut kept_out, &lockouts, UtcMillis(now)), want, "{now}");
        }
        assert!(kept_out.is_empty());
    }
}
