//! A registry for tests: what it says is the test's, and what it is told is thrown away.

use super::{RegistryView, Report, Snapshot, shown};
use signet_identity::PeerIdentity;
use signet_registry::{
    AccountState, CertificateState, CertificateView, Lockout, LockoutKind, View,
};
use signet_rfq::UtcMillis;
use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};

/// Reports that wait to be thrown away; further ones are lost, as where a registry is behind.
const REPORTS_MAX: usize = 1_024;
/// Longer than a test takes on the machine's clock, by which the age of a view is measured.
const AGE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// By which decision somebody is kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    /// The person is locked.
    User,
    /// The device is locked.
    Device,
    /// The certificate is revoked.
    Certificate,
    /// Too many challenges came to nothing.
    Fatigue,
    /// The firm's identity provider revoked the sessions.
    Signal,
}

/// The test's end of a registry in which the user id of everybody is their CompID.
pub(crate) struct TestRegistry {
    snapshots: watch::Sender<Snapshot>,
    reports: mpsc::Receiver<Report>,
    people: Vec<PeerIdentity>,
}

impl TestRegistry {
    /// The registry, and the trading thread's view of it. `barred`: who is kept out, by CompID.
    pub(crate) fn new(
        people: Vec<PeerIdentity>,
        barred: Option<(&str, Bar)>,
    ) -> (Self, Rc<RegistryView>) {
        let (snapshots, newest) = watch::channel(snapshot(&people, barred));
        let (to, reports) = mpsc::channel(REPORTS_MAX);
        let view = RegistryView::new(newest, to, AGE_MAX, false, None);
        (Self { snapshots, reports, people }, Rc::new(view))
    }

    /// From now on the registry keeps this one out, by CompID, and nobody else.
    pub(crate) fn says(&mut self, barred: Option<(&str, Bar)>) {
        while self.reports.try_recv().is_ok() {}
        self.snapshots.send_replace(snapshot(&self.people, barred));
    }
}

fn snapshot(people: &[PeerIdentity], barred: Option<(&str, Bar)>) -> Snapshot {
    let mut view = View::default();
    for peer in people {
        let shown = shown(peer);
        let bar = barred.filter(|(who, _)| *who == shown.comp_id).map(|(_, bar)| bar);
        let account = |by| match bar == Some(by) {
            true => AccountState::Locked,
            false => AccountState::Active,
        };
        let kind = match bar {
            Some(Bar::Fatigue) => Some(LockoutKind::Fatigue),
            Some(Bar::Signal) => Some(LockoutKind::Signal),
            _ => None,
        };
        if let Some(kind) = kind {
            let (since, until) = (UtcMillis(0), UtcMillis(0));
            let lockout = Lockout { kind, words: "by a test".into(), since, until, level: 1 };
            view.lockouts.insert(shown.comp_id.clone(), lockout);
        }
        let certificate = CertificateView {
            user: shown.comp_id.clone(),
            device: "laptop".into(),
            comp_id: shown.comp_id,
            protection: "keychain".into(),
            role: "standard".into(),
            spki_sha256: shown.spki_sha256,
            state: match bar {
                Some(Bar::Certificate) => CertificateState::Revoked,
                _ => CertificateState::Good,
            },
            not_after: shown.not_after,
            used: true,
            user_state: account(Bar::User),
            device_state: account(Bar::Device),
        };
        view.certificates.insert(shown.serial, certificate);
    }
    Snapshot { view: Arc::new(view), confirmed: Instant::now(), fault: None, crl: Arc::default() }
}
