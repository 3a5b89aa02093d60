//! Signet Gateway: the enforcement point between traders' desks and dealers.
//!
//! Everything runs on one thread: sockets, TLS, FIX sessions and the [router](signet_router), so
//! that a message from a desk reaches a dealer without changing hands. [`Gateway::start`] gives it
//! a thread and a handle.

pub mod admin;
pub mod admin_api;
mod admission;
mod budget;
mod clock;
pub mod config;
mod core;
mod crl;
mod dealers;
mod desks;
pub mod doctor;
pub mod enforce;
pub mod enrol;
mod entitle;
mod geo;
mod https;
mod limit;
mod listener_tls;
mod live;
mod loaded;
pub mod log;
mod own_certificate;
mod peers;
mod references;
mod registry_thread;
mod registry_view;
pub mod risk;
pub mod signed;
mod stamp;
pub mod stepup;

use crate::{
    clock::now, core::Core, crl::CrlFiles, dealers::DealerLists, listener_tls::ListenerTls,
};
pub use config::{Config, ConfigError};
pub use loaded::{Loaded, faults};
use signed::{Signed, SignedLog, SignedLogError};
use signet_fix::{
    session::{LogonReset, Role, Session, SessionConfig, SessionOptions},
    store::SealedStore,
};
use signet_identity::{ServerProfile, TlsVersions};
use signet_journal::{LogError, StoreKey, private_folder};
use signet_policy::entitle::Entitlements as _;
use signet_rfq::CompId;
use signet_router::{
    DealerSettings, DeskSettings, Router,
    journal::{Journal, JournalError},
};
use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};
use tokio::{net::TcpListener, sync::oneshot, task::LocalSet};
use zeroize::Zeroizing;

const TICK: Duration = Duration::from_millis(100);
/// How long a graceful stop waits for Logouts to be answered.
const STOP_MAX: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("TLS: {0}")]
    Tls(String),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("evidence of what was signed: {0}")]
    Signed(#[from] SignedLogError),
    #[error("the store key: {0}")]
    Key(#[from] LogError),
    #[error(transparent)]
    Registry(#[from] signet_registry::RegistryError),
    #[error("{0}")]
    Session(String),
    #[error("the gateway's thread ended before it was ready")]
    Died,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    enrolment: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What a gateway is started with beyond its file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Tell desks that this is a practice venue. Set only by the practice build.
    pub practice: bool,
}

impl Gateway {
    /// Starts on a thread of its own and returns when desks can connect.
    pub fn start(loaded: Loaded, options: Options) -> Result<Self, GatewayError> {
        let (ready_tx, ready_rx) = std::sync::mpsc::channel();
        let (stop_tx, stop_rx) = oneshot::channel();
        let body = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let result = match runtime {
                Ok(rt) => rt.block_on(LocalSet::new().run_until(run(
                    loaded,
                    options,
                    ready_tx.clone(),
                    stop_rx,
                ))),
                Err(source) => Err(GatewayError::Io { what: "runtime".into(), source }),
            };
            if let Err(e) = result {
                let _ = ready_tx.send(Err(e));
            }
        };
        let thread = std::thread::Builder::new()
            .name("signet-gateway".into())
            .spawn(body)
            .map_err(|source| GatewayError::Io { what: "thread".into(), source })?;
        match ready_rx.recv() {
            Ok(Ok(Addresses { desks: address, enrolment, admin })) => {
                Ok(Self { address, enrolment, admin, stop: Some(stop_tx), thread: Some(thread) })
            }
            Ok(Err(e)) => Err(e),
            Err(_) => Err(GatewayError::Died),
        }
    }

    /// Where desks connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where desks enrol, if they can.
    pub fn enrolment_address(&self) -> Option<SocketAddr> {
        self.enrolment
    }

    /// Where administrators connect, if they can.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Says Logout to everybody, closes the stores and waits for the thread.
    pub fn stop(mut self) {
        self.stop_now();
    }

    fn stop_now(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(t) = self.thread.take() {
            let _ = t.join();
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop_now();
    }
}

/// Of the listeners.
struct Addresses {
    desks: SocketAddr,
    enrolment: Option<SocketAddr>,
    admin: Option<SocketAddr>,
}

async fn run(
    mut loaded: Loaded,
    options: Options,
    ready: std::sync::mpsc::Sender<Result<Addresses, GatewayError>>,
    stop: oneshot::Receiver<()>,
) -> Result<(), GatewayError> {
    let (enrolment, step_up) = (loaded.enrolment.take(), loaded.step_up.take());
    let config = &loaded.config;
    let state_dir = config.gateway.state_dir.clone();
    for d in [&state_dir, &state_dir.join("desks"), &state_dir.join("dealers")] {
        private_folder(d)
            .map_err(|source| GatewayError::Io { what: d.display().to_string(), source })?;
    }
    let key = store_key(&store_key_path(config))?;
    let sync = config.store.sync;

    let mut router = new_router(&loaded, options);
    router.day_begins(loaded.entitlements.day_begins_ms());
    let journal = Journal::open(
        &state_dir.join("rfqs.journal"),
        &key,
        &mut router,
        config.journal.on_bad_record,
    )?;
    let journal = journal.with_limits(config.limits.journal());
    let evidence = SignedLog::open(&signed_folder(config), &key, now(), sync)?;

    let mut risk_files = vec![config.risk.settings.clone()];
    risk_files.extend(config.risk.table.clone());
    let risk = Rc::new(risk::Risk::new(config.risk.clone(), loaded.risk.clone()));

    let tls = |e: signet_identity::ProfileError| GatewayError::Tls(e.to_string());
    let listener = TcpListener::bind(config.desks.listen).await.map_err(|source| {
        GatewayError::Io { what: format!("desks.listen {}", config.desks.listen), source }
    })?;
    let address = listener
        .local_addr()
        .map_err(|source| GatewayError::Io { what: "desks.listen".into(), source })?;

    let mut renewals = None;
    let (roster, worker) = match (&config.registry, &loaded.registry) {
        (Some(section), Some(url)) => {
            let (renewal_risk, questions) = enrol::renewal::RenewalRisk::new();
            renewals = Some(questions);
            let plan = registry_thread::Plan {
                renewal_risk,
                url: url.clone(),
                section: section.clone(),
                enrolment,
                step_up,
                identity: loaded.identity.clone(),
                desk_roots: loaded.desk_roots.clone(),
                trust_domain: config.gateway.trust_domain.clone(),
                policy: config.tls.policy(TlsVersions::default()),
            };
            let (roster, worker) = registry_thread::start(plan).await?;
            (Some(Rc::new(roster)), Some(worker))
        }
        _ => (None, None),
    };
    let remembered = router.traded_pairs();
    let second = config.step_up.as_ref().is_some_and(|s| s.when.second_person.is_some());
    let (files, step_up) = (config.entitlements.clone(), config.step_up.is_some());
    let gate =
        entitle::Gate::new(loaded.entitlements.clone(), files, roster.clone(), step_up, second);
    remembered.iter().for_each(|(desk, dealer)| gate.traded(desk, dealer));
    let core = Rc::new(Core::new(
        router,
        journal,
        gate,
        Signed::new(evidence, roster.clone()),
        config.limits.clone(),
    ));
    tokio::task::spawn_local(entitle::keep_up(core.clone()));
    core.judge_by(risk.clone(), roster.clone());
    if let Some(questions) = renewals {
        tokio::task::spawn_local(enrol::renewal::serve(core.clone(), risk.clone(), questions));
    }
    if let (Some(roster), Some(section)) = (&roster, &config.step_up) {
        // Fail closed: a gateway told to use security keys does not run without them.
        let service = roster
            .step_up()
            .ok_or_else(|| GatewayError::Session("the step-up service did not start".into()))?;
        let answer_ms = i64::from(section.answer_seconds) * 1_000;
        let (rules, policy, gateway) =
            (section.when.clone(), section.digest.clone(), &config.gateway.comp_id);
        core.enforce(enforce::Enforcement::new(
            service,
            roster.clone(),
            rules,
            policy,
            gateway,
            answer_ms,
        ));
    }

    let mut files = CrlFiles::new("dealers.crl", &config.dealers.crl, config.dealers.crl_required);
    files.refresh();
    let lists = Rc::new(DealerLists::new(files.crls(None)));
    if files.in_use() {
        tokio::task::spawn_local(lists.clone().keep_up(files));
    }
    for (d, pins) in config.dealer.iter().zip(&loaded.dealer_pins) {
        let client = loaded.client_profile(d, pins);
        client.config().map_err(tls)?;
        let target =
            CompId::new(d.comp_id.as_str()).map_err(|e| GatewayError::Session(e.to_string()))?;
        let path = state_dir.join("dealers").join(format!("{target}.fix"));
        let how = (Role::Initiator, dealer_options(d));
        let session = Rc::new(
            open_session(config, how, &target, &path, &key, sync).map_err(GatewayError::Session)?,
        );
        core.dealers.borrow_mut().insert(d.comp_id.clone(), session.clone());
        let to = dealers::Peer::new(d, &config.gateway.trust_domain);
        let signing = d.sign.then(|| loaded.message_key.clone());
        let line = dealers::Line {
            to,
            tls: client,
            lists: lists.clone(),
            session,
            signing,
            reset: d.reset.clone(),
        };
        tokio::task::spawn_local(line.keep_up(core.clone()));
    }

    let profile = ServerProfile::new(loaded.desk_roots.clone(), &loaded.identity)
        .with_policy(config.tls.policy(config::versions(config.desks.allow_tls12)));
    let mut files = CrlFiles::new("desks.crl", &config.desks.crl, config.desks.crl_required);
    files.refresh();
    let own = roster.as_ref().filter(|_| files.required()).map(|r| r.own_crl());
    let crls = files.crls(own.as_ref().map(|c| c.as_slice()));
    let desk_tls =
        Rc::new(ListenerTls::new("desks", profile, crls, files.required()).map_err(tls)?);
    if files.in_use() {
        tokio::task::spawn_local(desks::keep_up(
            desk_tls.clone(),
            files,
            core.clone(),
            roster.clone(),
        ));
    }

    let for_desks = config.clone();
    let desk_dir = state_dir.join("desks");
    let open = move |desk: &CompId| {
        let how = (Role::Acceptor, desk_options(&for_desks));
        open_session(&for_desks, how, desk, &desk_dir.join(format!("{desk}.fix")), &key, sync)
    };
    let door =
        desks::Door::new(listener, desk_tls, &loaded, roster.clone(), risk.clone(), Box::new(open));
    let serving = tokio::task::spawn_local(door.serve(core.clone()));
    tokio::task::spawn_local(risk::watch(core.clone(), risk.clone(), roster.clone(), risk_files));
    let admin = start_admin(&loaded, &core, risk, roster.as_ref()).await?;
    if let Some(roster) = roster {
        tokio::task::spawn_local(live::watch(core.clone(), roster));
    }
    tokio::task::spawn_local(own_certificate::keep_up(
        core.clone(),
        loaded.config.clone(),
        loaded.identity.clone(),
    ));
    tracing::info!(%address, practice = options.practice, "gateway is up");
    let (enrolment, at) = (worker.as_ref().and_then(|w| w.est), admin.as_ref().map(|w| w.address));
    let _ = ready.send(Ok(Addresses { desks: address, enrolment, admin: at }));

    let mut timer = tokio::time::interval(TICK);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            _ = &mut stop => break,
            _ = timer.tick() => core.tick(),
        }
    }
    serving.abort();
    say_goodbye(&core).await;
    drop((admin, worker));
    Ok(())
}

/// The administrators' interface, when there is `[admin]`.
async fn start_admin(
    loaded: &Loaded,
    core: &Rc<Core>,
    risk: Rc<risk::Risk>,
    roster: Option<&Rc<registry_view::RegistryView>>,
) -> Result<Option<admin_api::Worker>, GatewayError> {
    let config = &loaded.config;
    let (Some(section), Some(roots)) = (&config.admin, &loaded.admin_roots) else {
        return Ok(None);
    };
    let (trading, asks) = admin_api::Trading::new();
    tokio::task::spawn_local(admin_api::serve_trading(core.clone(), risk, asks));
    let plan = admin_api::Plan {
        section: section.clone(),
        roots: roots.clone(),
        identity: loaded.identity.clone(),
        policy: config.tls.policy(TlsVersions::default()),
        trust_domain: config.gateway.trust_domain.clone(),
        registry: loaded.registry.clone(),
        notes: roster.map(|r| r.notes()),
        trading,
    };
    admin_api::start(plan).await.map(Some)
}

async fn say_goodbye(core: &Core) {
    let desks: Vec<Rc<Session>> = core.desks.borrow().values().cloned().collect();
    let dealers: Vec<Rc<Session>> = core.dealers.borrow().values().cloned().collect();
    for s in desks.iter().chain(&dealers) {
        s.logout("the gateway is stopping");
    }
    let deadline = tokio::time::Instant::now() + STOP_MAX;
    while desks.iter().chain(&dealers).any(|s| s.is_logged_on())
        && tokio::time::Instant::now() < deadline
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tracing::info!("gateway has stopped");
}

/// What is wrong with the revocation lists, in words, and whether it closes a door.
pub fn list_faults(config: &Config) -> Vec<(bool, String)> {
    let now = time::OffsetDateTime::now_utc();
    let faults = |(key, files): (&'static str, CrlFiles)| {
        let required = files.required();
        files
            .faults(now)
            .into_iter()
            .map(move |f| (required, format!("{key}: {f}")))
            .collect::<Vec<_>>()
    };
    list_files(config).into_iter().flat_map(faults).collect()
}

/// What each revocation list does, in words: for whoever checks the configuration.
pub fn lists_enforced(config: &Config) -> Vec<String> {
    let now = time::OffsetDateTime::now_utc();
    let said = |(key, files): (&'static str, CrlFiles)| {
        let door = match (files.in_use(), files.required()) {
            (false, _) => None,
            (true, true) => Some(format!("{key}: peers about whom no list can tell are refused")),
            (true, false) => Some(format!(
                "{key}: peers about whom no list can tell are ADMITTED (crl_required = false)"
            )),
        };
        let lists =
            files.enforced(now).into_iter().map(move |l| format!("{key}: {l}")).collect::<Vec<_>>();
        door.into_iter().chain(lists).collect::<Vec<_>>()
    };
    list_files(config).into_iter().flat_map(said).collect()
}

fn list_files(config: &Config) -> Vec<(&'static str, CrlFiles)> {
    let (desks, dealers) = (&config.desks, &config.dealers);
    let mut all = vec![
        ("desks.crl", CrlFiles::new("desks.crl", &desks.crl, desks.crl_required)),
        ("dealers.crl", CrlFiles::new("dealers.crl", &dealers.crl, dealers.crl_required)),
    ];
    if let Some(a) = &config.admin {
        all.push(("admin.crl", CrlFiles::new("admin.crl", &a.crl, a.crl_required)));
    }
    all.iter_mut().for_each(|(_, files)| {
        files.refresh();
    });
    all
}

fn new_router(loaded: &Loaded, options: Options) -> Router {
    let c = &loaded.config;
    let desks =
        c.desk.iter().map(|d| DeskSettings { id: d.comp_id.clone(), dealers: d.dealers.clone() });
    let dealers =
        c.dealer.iter().map(|d| DealerSettings { id: d.comp_id.clone(), name: d.name.clone() });
    let default = c.desk_default.as_ref().map(|d| d.dealers.clone().unwrap_or_default());
    Router::new(c.gateway.name.clone(), options.practice, loaded.catalogue.clone(), desks, dealers)
        .with_desk_default(default)
        .with_max_ended(c.limits.ended_rfqs_per_desk)
}

/// How a desk's sessions are run at this end.
pub(crate) fn desk_options(c: &Config) -> SessionOptions {
    SessionOptions {
        heartbeat_s: 1..=c.desks.heartbeat_max_s,
        ..SessionOptions::between_desk_and_gateway()
    }
}

fn dealer_options(d: &config::DealerEntry) -> SessionOptions {
    let logon_reset = if d.reset == config::ResetSchedule::Logon {
        LogonReset::Always
    } else {
        LogonReset::Never
    };
    SessionOptions { logon_reset, ..SessionOptions::default() }
}

fn open_session(
    c: &Config,
    (role, options): (Role, SessionOptions),
    target: &CompId,
    path: &Path,
    key: &StoreKey,
    sync: bool,
) -> Result<Session, String> {
    let store = SealedStore::open(path, key, now(), sync).map_err(|e| e.to_string())?;
    let settings = SessionConfig {
        role,
        sender: c.gateway.comp_id.clone(),
        target: target.clone(),
        heartbeat_s: c.dealers.heartbeat_s,
        strict: role == Role::Acceptor,
    };
    Session::open_with(&settings, options, Box::new(store)).map_err(|e| e.to_string())
}

/// Where evidence of signed messages lies.
pub(crate) fn signed_folder(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("signed")
}

pub(crate) fn store_key_path(config: &Config) -> PathBuf {
    config.store.key_file.clone().unwrap_or_else(|| config.gateway.state_dir.join("store.key"))
}

/// The key that stores are sealed with: read, or made at the first start.
fn store_key(path: &Path) -> Result<StoreKey, GatewayError> {
    let fail = |source| GatewayError::Io { what: path.display().to_string(), source };
    match fs::read(path) {
        Ok(bytes) => present_store_key(path, Zeroizing::new(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let mut bytes = Zeroizing::new([0u8; 32]);
            aws_lc_rs::rand::fill(&mut bytes[..]).map_err(|_| LogError::Crypto)?;
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path).map_err(fail)?;
            io::Write::write_all(&mut file, &bytes[..])
                .and_then(|()| file.sync_all())
                .map_err(fail)?;
            Ok(StoreKey::new(*bytes))
        }
        Err(e) => Err(fail(e)),
    }
}

/// The store key of a gateway that has run before; for the administrator's commands, which make
/// none.
pub(crate) fn existing_store_key(config: &Config) -> Result<StoreKey, GatewayError> {
    let path = store_key_path(config);
    let bytes = fs::read(&path)
        .map_err(|source| GatewayError::Io { what: path.display().to_string(), source })?;
    present_store_key(&path, Zeroizing::new(bytes))
}

fn present_store_key(path: &Path, bytes: Zeroizing<Vec<u8>>) -> Result<StoreKey, GatewayError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let fail = |source| GatewayError::Io { what: path.display().to_string(), source };
        if fs::metadata(path).map_err(fail)?.permissions().mode() & 0o077 != 0 {
            return Err(fail(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "others may read it; chmod 600",
            )));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(StoreKey::from_slice(&bytes)?)
}
