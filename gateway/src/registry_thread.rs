//! The registry's thread.
//!
//! Database, enrolment service and revocation list live on a thread of their own, so that a slow
//! database or a crowd of enrolling desks delays no quote. That thread asks for one number four
//! times a second; only when it has changed is the view read again.

use crate::{
    GatewayError, config,
    enrol::{self, ca::CaError},
    pipeline::RenewalRisk,
    registry_view::{RegistryView, Report, Snapshot},
    stepup::{self, StepUpHandle},
    threads::{HostedThread, Stop, lasting},
};
use signet_identity::{ServerIdentity, ServerProfile, TlsPolicy, TrustRoots};
use signet_policy::place::Sighting;
use signet_registry::{DeviceSeen, NewEvent, Registry, RegistryError, RegistryUrl};
use std::{
    collections::VecDeque,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, timeout},
};

const POLL: Duration = Duration::from_millis(250);
/// A database that takes longer counts as one that does not answer.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// What the trading thread may have waiting for the registry.
const REPORTS_MAX: usize = 16_384;
/// Reports written down before the view is confirmed again.
const REPORTS_A_TURN: usize = 256;
/// A registry that does not answer is said to be so at once, and then this often.
const COMPLAIN: Duration = Duration::from_secs(30);
const CRL_CHECK: Duration = Duration::from_secs(60);

/// What runs on the registry's thread.
pub struct Plan {
    pub url: RegistryUrl,
    pub section: config::RegistrySection,
    pub enrolment: Option<enrol::issuing::Enrolment>,
    pub step_up: Option<config::StepUp>,
    pub identity: ServerIdentity,
    pub desk_roots: TrustRoots,
    pub trust_domain: String,
    /// Who tells the risk of a renewal.
    pub renewal_risk: RenewalRisk,
    /// TLS of the enrolment service.
    pub policy: TlsPolicy,
}

/// The registry's thread while it runs. Dropping it ends the thread.
pub struct RegistryHost {
    /// Where the enrolment service listens.
    pub est: Option<SocketAddr>,
    _thread: HostedThread,
}

/// Opens the registry and starts its thread; returns when the first view is there and the enrolment
/// service, if there is one, can be reached.
pub async fn start(plan: Plan) -> Result<(RegistryView, RegistryHost), GatewayError> {
    let (age_max, fail_closed_sessions) = (
        Duration::from_secs(plan.section.view_max_age_s.into()),
        plan.section.fail_closed_sessions,
    );
    let (ready, opened) = oneshot::channel();
    let (reports, inbox) = mpsc::channel(REPORTS_MAX);
    let thread = HostedThread::spawn("signet-registry", move |stop| work(plan, inbox, ready, stop))
        .map_err(|source| GatewayError::Io { what: "thread".into(), source })?;
    let (snapshots, est, step_up) = opened.await.map_err(|_| GatewayError::Died)??;
    let view = RegistryView::new(snapshots, reports, age_max, fail_closed_sessions, step_up);
    Ok((view, RegistryHost { est, _thread: thread }))
}

type Ready =
    Result<(watch::Receiver<Snapshot>, Option<SocketAddr>, Option<StepUpHandle>), GatewayError>;

async fn work(
    plan: Plan,
    inbox: mpsc::Receiver<Report>,
    ready: oneshot::Sender<Ready>,
    stop: Stop,
) {
    let (registry, watch, snapshots, listener, tls) = match open(&plan).await {
        Ok(x) => x,
        Err(e) => return drop(ready.send(Err(e))),
    };
    let est = listener.as_ref().and_then(|l| l.local_addr().ok());
    let service = plan.enrolment.map(|e| {
        Rc::new(enrol::Service::new(
            registry.clone(),
            e.issuing,
            plan.trust_domain.clone(),
            plan.renewal_risk.clone(),
        ))
    });
    if let (Some(listener), Some(tls), Some(service)) = (listener, tls, &service) {
        lasting("enrolment", enrol::server::serve(listener, tls, service.clone()));
    }
    let step_up = plan.step_up.map(|settings| {
        let (handle, requests) = StepUpHandle::new(settings.relying_party.origin());
        let models = settings.relying_party.list().models();
        tracing::info!(rp_id = settings.relying_party.rp_id(), models, "step-up service is up");
        lasting(
            "step_up",
            Rc::new(stepup::Service::new(registry.clone(), settings)).serve(requests),
        );
        handle
    });
    let receiver = snapshots.subscribe();
    let keeper = RegistryThread {
        registry: registry.clone(),
        watch,
        snapshots,
        service,
        pending: VecDeque::new(),
        crl_checked: None,
        down_since: None,
        complained: None,
        untaken: false,
        refused: 0,
    };
    if let Some(at) = est {
        tracing::info!(%at, "enrolment service is up");
    }
    let _ = ready.send(Ok((receiver, est, step_up)));
    tokio::select! {
        _ = stop => {}
        () = keeper.keep(inbox) => {}
    }
    registry.close().await;
}

type Opened = (
    Registry,
    Registry,
    watch::Sender<Snapshot>,
    Option<TcpListener>,
    Option<Arc<rustls::ServerConfig>>,
);

async fn open(plan: &Plan) -> Result<Opened, GatewayError> {
    let registry = Registry::open(&plan.url).await?;
    let watch_only = Registry::connect(&plan.url).await?;
    let confirmed = Instant::now();
    let view = Arc::new(registry.view(crate::clock::now()).await?);
    tracing::info!(
        registry = %plan.url,
        version = view.version,
        certificates = view.certificates.len(),
        "registry is open"
    );
    let (mut listener, mut tls) = (None, None);
    if let Some(e) = &plan.enrolment {
        let what = || format!("enrolment.listen {}", e.listen);
        listener = Some(
            TcpListener::bind(e.listen)
                .await
                .map_err(|source| GatewayError::Io { what: what(), source })?,
        );
        // A newcomer has no certificate yet. The versions stay at TLS 1.3 only.
        let profile = ServerProfile::new(plan.desk_roots.clone(), &plan.identity)
            .with_optional_client_certificate()
            .with_policy(plan.policy);
        tls = Some(profile.config().map_err(|e| GatewayError::Tls(e.to_string()))?);
    }
    let crl = Arc::new(registry.crl().await?.der);
    Ok((
        registry,
        watch_only,
        watch::Sender::new(Snapshot { view, confirmed, fault: None, crl }),
        listener,
        tls,
    ))
}

/// Keeps the view fresh, the revocation list current, and writes down what the trading thread says.
struct RegistryThread {
    registry: Registry,
    /// For the question whether anything changed.
    watch: Registry,
    snapshots: watch::Sender<Snapshot>,
    service: Option<Rc<enrol::Service>>,
    /// Reports that wait for the database to come back.
    pending: VecDeque<Report>,
    crl_checked: Option<Instant>,
    down_since: Option<Instant>,
    complained: Option<Instant>,
    /// What was to be written down last was not taken.
    untaken: bool,
    /// Reports that the database refused for what they say, and nobody was told of yet.
    refused: usize,
}

impl RegistryThread {
    async fn keep(mut self, mut inbox: mpsc::Receiver<Report>) {
        let mut timer = tokio::time::interval(POLL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = timer.tick() => {}
                report = inbox.recv() => match report {
                    Some(r) => self.pending.push_back(r),
                    None => return,
                },
            }
            while let Ok(r) = inbox.try_recv() {
                self.pending.push_back(r);
            }
            self.pending.truncate(REPORTS_MAX);
            let done = timeout(ANSWER_MAX, self.turn()).await;
            match done.unwrap_or_else(|_| Err(RegistryError::Database(sqlx::Error::PoolTimedOut))) {
                Ok(()) if self.down_since.is_some() => {
                    (self.down_since, self.complained) = (None, None);
                    self.snapshots.send_modify(|s| s.fault = None);
                    tracing::info!("the registry answers again");
                }
                Ok(()) => {}
                Err(e) => self.failed(&e),
            }
        }
    }

    async fn turn(&mut self) -> Result<(), RegistryError> {
        // Before anything is written, and over connections that nothing else waits for: a flood of
        // events must not delay a lock.
        // Before the question, so that the view is never older than it claims.
        let confirmed = Instant::now();
        let version = self.watch.version().await?;
        let mut view = self.snapshots.borrow().view.clone();
        let changed = view.version != version;
        if changed {
            view = Arc::new(self.watch.view(crate::clock::now()).await?);
            tracing::debug!(version = view.version, "the registry changed");
        }
        let crl = if changed {
            Arc::new(self.watch.crl().await?.der)
        } else {
            self.snapshots.borrow().crl.clone()
        };
        // Of a registry that takes nothing down (its disk is full) the view grows old as if it did
        // not answer: who comes in is written down there. What it says is heard all the same.
        self.snapshots.send_modify(|s| {
            (s.view, s.crl) = (view, crl);
            if !self.untaken {
                s.confirmed = confirmed;
            }
        });
        self.untaken |= !self.pending.is_empty();
        self.write_down().await?;
        self.untaken = false;
        if changed || self.crl_checked.is_none_or(|t| t.elapsed() > CRL_CHECK) {
            self.check_crl().await?;
            self.crl_checked = Some(Instant::now());
        }
        Ok(())
    }

    /// Writes down the oldest reports, not more than a turn has time for: a crowd that logs on at
    /// once must not keep the view from being confirmed. What is written is taken off at once, so
    /// that a later failure repeats none of it.
    async fn write_down(&mut self) -> Result<(), RegistryError> {
        let window = self.pending.len().min(REPORTS_A_TURN);
        let (mut notes, mut seen, mut devices) = (Vec::new(), Vec::new(), Vec::new());
        for report in self.pending.range(..window) {
            match report {
                Report::Note(event) => notes.push(event.clone()),
                Report::Seen(user, s) => seen.push((user.clone(), *s)),
                Report::DeviceSeen(d) => devices.push(d.clone()),
                Report::FirstUsed(_)
                | Report::Traded(..)
                | Report::LockOut(..)
                | Report::Signalled(..) => {}
            }
        }
        self.in_parts(
            notes,
            |r| matches!(r, Report::Note(_)),
            async |r: &Registry, notes: Vec<NewEvent>| r.note_all(notes).await,
        )
        .await?;
        self.in_parts(
            seen,
            |r| matches!(r, Report::Seen(..)),
            async |r: &Registry, seen: Vec<(String, Sighting)>| {
                r.seen(&seen, crate::clock::now()).await
            },
        )
        .await?;
        self.in_parts(
            devices,
            |r| matches!(r, Report::DeviceSeen(_)),
            async |r: &Registry, devices: Vec<DeviceSeen>| {
                r.devices_seen(&devices, crate::clock::now()).await
            },
        )
        .await?;
        for _ in 0..window {
            if !self.write_one().await? {
                break;
            }
        }
        self.tell_refused();
        Ok(())
    }

    /// Writes reports of one kind in their order. One that the database refuses for what it says is
    /// left out; those around it are written all the same.
    async fn in_parts<T: Clone>(
        &mut self,
        all: Vec<T>,
        kind: fn(&Report) -> bool,
        write: impl AsyncFn(&Registry, Vec<T>) -> Result<(), RegistryError>,
    ) -> Result<(), RegistryError> {
        let mut parts = vec![all];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let count = part.len();
            let written = write(&self.registry, part.clone()).await;
            match written {
                Ok(()) => self.take_off(count, kind),
                Err(e) if !e.is_of_content() => return Err(e),
                Err(e) if count == 1 => {
                    self.take_off(count, kind);
                    self.refuse(&e);
                }
                Err(_) => {
                    let later = part.split_off(count / 2);
                    parts.extend([later, part]);
                }
            }
        }
        Ok(())
    }

    /// Writes the oldest report, if it is of a kind that is not written many at once; whether it
    /// was one of those.
    async fn write_one(&mut self) -> Result<bool, RegistryError> {
        let now = crate::clock::now();
        let Some(report) = self.pending.front() else { return Ok(false) };
        let written = match report {
            Report::FirstUsed(serial) => self.registry.first_used(serial, now).await,
            Report::Traded(desk, dealer) => self.registry.traded(desk, dealer, now).await,
            Report::LockOut(user, kind, words, terms, _) => {
                match self.registry.lock_out(user, *kind, words, *terms, now).await {
                    // Nobody is to be kept out.
                    Ok(_) | Err(RegistryError::NoSuchUser(_)) => Ok(()),
                    Err(e) => Err(e),
                }
            }
            Report::Signalled(words, _) => self.registry.signalled(words).await,
            // Came after this turn began.
            Report::Note(_) | Report::Seen(..) | Report::DeviceSeen(_) => return Ok(false),
        };
        match written {
            Ok(()) => {
                let written = self.pending.pop_front();
                if let Some(Report::LockOut(.., Some(taken)) | Report::Signalled(_, taken)) =
                    written
                {
                    // Whoever waits for it may be gone.
                    let _ = taken.send(());
                }
            }
            // Whoever waits for it hears that it is lost.
            Err(e) if e.is_of_content() => {
                self.pending.pop_front();
                self.refuse(&e);
            }
            Err(e) => return Err(e),
        }
        Ok(true)
    }

    fn refuse(&mut self, e: &RegistryError) {
        self.refused = self.refused.saturating_add(1);
        // Peers without end must not have a line each.
        if self.refused == 1 {
            tracing::error!(error = %e, code = e.code(), "a report was refused by the registry");
        }
    }

    /// Says with the next reports how many are lost.
    fn tell_refused(&mut self) {
        let refused = std::mem::take(&mut self.refused);
        if refused == 0 {
            return;
        }
        // Of ASCII and of fixed words: the database takes it.
        let words = format!("{refused} reports were refused for what they say, and are lost");
        let now = crate::clock::now();
        let told = NewEvent::new(now, "gateway", "registry.unwritten", "registry", words);
        self.pending.push_back(Report::Note(told));
    }

    /// Takes the first `n` reports of a kind off.
    fn take_off(&mut self, mut n: usize, kind: impl Fn(&Report) -> bool) {
        self.pending.retain(|r| {
            let written = n > 0 && kind(r);
            n -= usize::from(written);
            !written
        });
    }

    async fn check_crl(&self) -> Result<(), RegistryError> {
        let Some(service) = &self.service else { return Ok(()) };
        let enrol::issuing::Issuing::Embedded(ca) = service.issuing() else { return Ok(()) };
        let now = crate::clock::now();
        // Without the lock first: nearly always there is nothing to do.
        let (last, covers) = (self.registry.crl().await?, self.registry.covers(now).await?);
        if !ca.crl_is_due(&last, &covers, now) {
            return Ok(());
        }
        let make = |number, lines: &[_]| ca.crl(number, lines, OffsetDateTime::now_utc());
        match self
            .registry
            .next_crl(|last, covers| ca.crl_is_due(last, covers, now), make, now)
            .await
        {
            Ok(Some(crl)) => tracing::info!(number = crl.number, "revocation list made"),
            Ok(None) => {}
            Err(CaError::Registry(e)) => return Err(e),
            Err(e) => tracing::error!(error = %e, "the revocation list cannot be made"),
        }
        Ok(())
    }

    fn failed(&mut self, e: &RegistryError) {
        let words: Arc<str> = format!("{e} ({}). {}", e.code(), e.cure()).into();
        self.snapshots.send_modify(|s| s.fault = Some(words));
        let down_s = self.down_since.get_or_insert_with(Instant::now).elapsed().as_secs();
        if self.complained.is_none_or(|t| t.elapsed() >= COMPLAIN) {
            self.complained = Some(Instant::now());
            tracing::error!(error = %e, code = e.code(), down_s, "the registry does not answer: \
                soon nobody will be admitted. {}", e.cure());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_registry::{NewCode, NewUser};
    use signet_rfq::UtcMillis;
    use sqlx::Connection as _;

    /// A registry with one user, and its thread.
    async fn keeper(dir: &std::path::Path) -> RegistryThread {
        let url =
            crate::config::RegistrySection::new(&format!("sqlite:{}", dir.join("r.db").display()))
                .url()
                .unwrap();
        let registry = Registry::open(&url).await.unwrap();
        let user = NewUser {
            id: "alice".into(),
            comp_id: "ALICE1".into(),
            name: "Alice".into(),
            role: "standard".into(),
            protection: "keychain".into(),
        };
        let code = NewCode { digest: "d".into(), expires: UtcMillis(1), managed: false };
        registry.add_users(&[(user, code)], "test", UtcMillis(0)).await.unwrap();
        let view = Arc::new(registry.view(UtcMillis(0)).await.unwrap());
        let (confirmed, crl) = (Instant::now(), Arc::new(vec![]));
        RegistryThread {
            registry: registry.clone(),
            watch: registry,
            snapshots: watch::Sender::new(Snapshot { view, confirmed, fault: None, crl }),
            service: None,
            pending: VecDeque::new(),
            crl_checked: None,
            down_since: None,
            complained: None,
            untaken: false,
            refused: 0,
        }
    }

    fn note(kind: &'static str) -> Report {
        Report::Note(NewEvent::new(UtcMillis(1), "test", kind, "alice", ""))
    }

    /// As of a disk that is full: it answers, and takes nothing down.
    #[tokio::test]
    async fn the_view_of_a_registry_that_takes_nothing_down_grows_old_and_is_heard_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = keeper(dir.path()).await;
        let url = format!("sqlite:{}", dir.path().join("r.db").display());
        let mut beside = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let mut sql = async |text: &'static str| {
            sqlx::query(text).execute(&mut beside).await.unwrap();
        };
        let confirmed = |k: &RegistryThread| k.snapshots.borrow().confirmed;
        let full = "CREATE TRIGGER full BEFORE INSERT ON events BEGIN \
            SELECT RAISE(FAIL, 'disk is full'); END";
        sql(full).await;
        // Nothing is to be written down, so nothing is known of it.
        let started = confirmed(&keeper);
        keeper.turn().await.unwrap();
        assert!(confirmed(&keeper) > started);
        keeper.pending.push_back(note("session.on"));
        keeper.turn().await.unwrap_err();
        let last = confirmed(&keeper);
        sql("UPDATE users SET state = 'locked'").await;
        sql("UPDATE registry_meta SET version = version + 1").await;
        for _ in 0..2 {
            let e = keeper.turn().await.unwrap_err();
            keeper.failed(&e);
            let said = keeper.snapshots.borrow().fault.clone().unwrap();
            assert!(said.contains("disk is full") && said.contains("registry.database"), "{said}");
            assert_eq!(confirmed(&keeper), last);
        }
        assert!(keeper.snapshots.borrow().view.version > 1, "another gateway's lock is heard");
        sql("DROP TRIGGER full").await;
        keeper.turn().await.unwrap();
        assert!(keeper.pending.is_empty());
        keeper.turn().await.unwrap();
        assert!(confirmed(&keeper) > last);
    }

    /// As of a database whose encoding lacks a character: it is well, and takes this one never.
    #[tokio::test]
    async fn a_report_that_is_refused_for_what_it_says_holds_nothing_up() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = keeper(dir.path()).await;
        let registry = keeper.registry.clone();
        let url = format!("sqlite:{}", dir.path().join("r.db").display());
        let mut beside = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let mut sql = async |text: &'static str| {
            sqlx::query(text).execute(&mut beside).await.unwrap();
        };
        sql("CREATE TABLE odd (n BIGINT CHECK (n = 0))").await;
        sql("CREATE TRIGGER odd_note BEFORE INSERT ON events WHEN NEW.kind = 'odd' BEGIN \
            INSERT INTO odd VALUES (1); END")
        .await;
        sql("CREATE TRIGGER odd_lockout BEFORE INSERT ON lockouts BEGIN \
            INSERT INTO odd VALUES (1); END")
        .await;
        let before = registry.events().await.unwrap().0.len();
        for kind in ["a", "odd", "b", "c", "odd", "d"] {
            keeper.pending.push_back(note(kind));
        }
        let terms = signet_registry::LockoutTerms { first_ms: 0, max_ms: 0 };
        let kind = signet_registry::LockoutKind::Signal;
        let ((taken, mut lost), (heard, mut words)) = (oneshot::channel(), oneshot::channel());
        let lockout = Report::LockOut("alice".into(), kind, "left".into(), terms, Some(taken));
        keeper.pending.extend([lockout, Report::Signalled(vec![], heard)]);
        keeper.turn().await.unwrap();
        assert!(!keeper.untaken);
        assert_eq!(lost.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        words.try_recv().unwrap();
        keeper.turn().await.unwrap();
        assert!(keeper.pending.is_empty());
        let (events, _) = registry.events().await.unwrap();
        let told: Vec<&str> = events[before..].iter().map(|e| e.kind.as_str()).collect();
        assert_eq!(told, ["a", "b", "c", "d", "registry.unwritten"]);
        assert!(events.last().unwrap().detail.starts_with("3 reports"));
        // Said once.
        keeper.turn().await.unwrap();
        assert!(keeper.pending.is_empty());
    }

    /// Whoever reported something hears of it once it is written down, and when it is lost.
    #[tokio::test]
    async fn what_is_reported_is_answered_when_it_is_written_down_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = keeper(dir.path()).await;
        let url = format!("sqlite:{}", dir.path().join("r.db").display());
        let mut beside = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let mut sql = async |text: &'static str| {
            sqlx::query(text).execute(&mut beside).await.unwrap();
        };
        sql("CREATE TRIGGER full BEFORE INSERT ON lockouts BEGIN \
            SELECT RAISE(FAIL, 'disk is full'); END")
        .await;
        let terms = signet_registry::LockoutTerms { first_ms: 0, max_ms: 0 };
        let kind = signet_registry::LockoutKind::Signal;
        let mut hold = |user: &str| {
            let (taken, wait) = oneshot::channel();
            let report = Report::LockOut(user.into(), kind, "left".into(), terms, Some(taken));
            keeper.pending.push_back(report);
            wait
        };
        let (mut nobody, mut alice) = (hold("nobody"), hold("alice"));
        let (taken, mut words) = oneshot::channel();
        keeper.pending.push_back(Report::Signalled(vec![], taken));
        keeper.turn().await.unwrap_err();
        nobody.try_recv().expect("nobody of this name is registered");
        assert_eq!(alice.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        sql("DROP TRIGGER full").await;
        keeper.turn().await.unwrap();
        alice.try_recv().unwrap();
        words.try_recv().unwrap();
        assert!(keeper.registry.lockouts(UtcMillis(1)).await.unwrap()[0].0 == "alice");
        let (taken, mut lost) = oneshot::channel();
        keeper.pending.push_back(Report::Signalled(vec![], taken));
        keeper.pending.truncate(0);
        assert_eq!(lost.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }

    #[tokio::test]
    async fn a_crowd_of_reports_is_written_down_once_and_keeps_the_view_confirmed() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = keeper(dir.path()).await;
        let registry = keeper.registry.clone();
        let before = registry.events().await.unwrap().0.len();
        const CROWD: usize = 3 * REPORTS_A_TURN / 2;
        let gb = |at_ms| Sighting { country: "GB".parse().unwrap(), at_ms };
        for n in 0..CROWD {
            let note = NewEvent::new(UtcMillis(1), "test", "risk.assessed", "alice", n.to_string());
            let at = i64::try_from(n).unwrap();
            // One who is registered, one who is not.
            keeper.pending.extend([
                Report::FirstUsed(format!("{n:x}")),
                Report::Seen("alice".into(), gb(at)),
            ]);
            keeper.pending.extend([Report::Note(note), Report::Seen("nobody".into(), gb(at))]);
        }
        let mut turns = 0;
        while !keeper.pending.is_empty() {
            let asked = Instant::now();
            let left = keeper.pending.len();
            keeper.turn().await.unwrap();
            assert!(keeper.snapshots.borrow().confirmed > asked && keeper.pending.len() < left);
            turns += 1;
        }
        assert!(turns > 4, "{turns}");
        let (events, _) = registry.events().await.unwrap();
        let written: Vec<String> = events[before..].iter().map(|e| e.detail.clone()).collect();
        assert_eq!(written, (0..CROWD).map(|n| n.to_string()).collect::<Vec<_>>());
        let places = registry.view(UtcMillis(0)).await.unwrap().places;
        assert_eq!((places.len(), places["alice"].at_ms), (1, i64::try_from(CROWD - 1).unwrap()));
    }
}
