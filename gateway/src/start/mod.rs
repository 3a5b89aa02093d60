//! Puts a gateway together and runs its trading thread.

pub(crate) mod policies;
mod quic;
mod services;
mod untold;

use crate::{
    GatewayError, Options,
    checkpoint::{self, Places, Rewritten},
    clock::now,
    config::{self, Config, OnRewritten},
    cut_lines::CutLines,
    delivery::DeliveryStatus,
    disk,
    entitle::EntitlementGate,
    events::EventSink,
    history::History,
    listeners::{
        carried::Connections,
        crl::CrlFiles,
        dealers::{self, DealerLists},
        desks::{self, DeskListener},
        ends,
        fix_sessions::{dealer_options, desk_options, open_session},
        own_certificate,
        tls::ListenerTls,
    },
    loaded::Loaded,
    metrics::{Alerts, Metrics},
    operator::Watched,
    pipeline::{
        self, LastCertificates, LastPlaces, Parts, Pipeline, PolicyChanges, RenewalQuestions,
        RenewalRisk, SignalsTold, StepUp, unknown_at_start,
    },
    registry_thread::{self, RegistryHost},
    registry_view::RegistryView,
    risk::Risk,
    siem::{self, SiemHost},
    signed::{Signed, SignedLog, TreeHead},
    state_dir::{
        dealers_folder, desks_folder, journal_path, last_places_path, make_folders, session_file,
        signed_folder, store_key, store_key_path,
    },
    threads::{Stop, lasting},
    transmit::{self, Transmitter},
    utc::{self, ClockView},
};
use signet_events::{About, Origin};
use signet_fix::session::Role;
use signet_identity::{CompId, ProfileError, ServerProfile, TlsVersions};
use signet_journal::StoreKey;
use signet_policy::entitle::Entitlements as _;
use signet_registry::{NewEvent, Registry};
use signet_router::{DealerSettings, DeskSettings, NameBytes, Router, journal::Journal};
use signet_tlog::note::SignerKey;
use std::{
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, mpsc},
};
use tokio::net::TcpListener;
use untold::Untold;

/// Where the listeners of a running gateway are.
pub(crate) struct Addresses {
    pub desks: SocketAddr,
    pub enrolment: Option<SocketAddr>,
    pub admin: Option<SocketAddr>,
    pub console: Option<SocketAddr>,
    pub metrics: Option<SocketAddr>,
    pub signals: Option<SocketAddr>,
}

async fn tick_until(mut stop: Stop, pipeline: &Rc<Pipeline>) {
    let mut timer = tokio::time::interval(pipeline::TICK);
    loop {
        tokio::select! {
            _ = &mut stop => return,
            _ = timer.tick() => pipeline.tick(),
        }
    }
}

/// Runs until it is told to stop; says on `ready` where it can be reached.
pub(crate) async fn run(
    mut loaded: Loaded,
    options: Options,
    ready: mpsc::Sender<Result<Addresses, GatewayError>>,
    stop: Stop,
) -> Result<(), GatewayError> {
    make_folders(&loaded.config)?;
    let key = store_key(&store_key_path(&loaded.config))?;
    let history = policies::open(&mut loaded, &key)?;
    let (mut books, signer) = open_books(&loaded, options, &key, history, random_name).await?;
    let (listener, udp, desks) = quic::bind(&loaded.config)?;

    let (registry, host, renewals) = start_registry(&mut loaded).await?;
    let (events, siem, siem_status) = start_siem(&loaded, registry.as_ref(), &key, &books).await?;
    tell_untold(&mut books, &events);
    let alerts = Arc::<Alerts>::default();
    let step_up = step_up(&loaded.config, registry.as_ref())?;
    let (transmitters, transmit) =
        transmit::start(&loaded.config, &loaded.identity, &key, &events).await?;
    let parts = (books, kept(&loaded.config, &key)?, transmitters);
    let pipeline = assemble(&loaded, parts, registry.as_ref(), step_up, events, alerts.clone());
    let checkpoints = services::start_checkpoints(&loaded, &pipeline, signer).await?;
    lasting("entitlements", pipeline::watch_entitlements(pipeline.clone()));
    if let Some(questions) = renewals {
        lasting("renewals", questions.serve(pipeline.clone()));
    }
    let helpers = services::start_helpers(&loaded.config, &pipeline)?;
    start_dealers(&loaded, &pipeline, &key, helpers.connections())?;
    let listener = desk_listener(&loaded, &pipeline, registry.as_ref(), listener, key.clone())?;
    let quic = quic::listener(&loaded.config, &listener.tls, udp, &pipeline.events)?;
    let over_quic = quic.is_some();
    let listener = listener.carried_by(helpers.connections());
    let serving = lasting("desks", listener.serve(quic, pipeline.clone()));
    let signals = transmit.iter().map(|t| t.status.clone()).collect();
    let watched = Watched { siem: siem_status, signals, clock: ClockView::default() };
    spawn_watches(&loaded, &pipeline, registry.as_ref(), watched.clock.clone());
    let admin = services::start_admin(&mut loaded, &pipeline, &alerts, &watched).await?;
    let operator = services::start_operator(&loaded, &pipeline, alerts, watched).await?;
    let signals = services::start_signals(&loaded, &pipeline, &key).await?;

    tracing::info!(
        address = %desks,
        quic = over_quic,
        practice = options.practice,
        "gateway is up"
    );
    let version = concat!("version ", env!("CARGO_PKG_VERSION"));
    pipeline.events.gateway("gateway.started", About::object("gateway"), version);
    let addresses = Addresses {
        desks,
        enrolment: host.as_ref().and_then(|h| h.est),
        admin: admin.as_ref().map(|a| a.address),
        console: admin.as_ref().and_then(|a| a.console),
        metrics: operator.address,
        signals: signals.as_ref().map(|s| s.address),
    };
    let _ = ready.send(Ok(addresses));

    tick_until(stop, &pipeline).await;
    serving.abort();
    pipeline.events.gateway("gateway.stopped", About::object("gateway"), "");
    pipeline.say_goodbye().await;
    pipeline.signed.tell_tree();
    // Its last checkpoint is an event, so the registry ends after it.
    drop(checkpoints);
    helpers.tell_to_end();
    // In this order: `siem` writes down what the others said; a name lookup may hold `helpers` up.
    drop((signals, admin, operator, host, transmit, siem, helpers));
    Ok(())
}

/// Router, journal and evidence, as far as they do not need the registry.
pub(crate) struct Books {
    router: Router,
    journal: Journal,
    evidence: SignedLog,
    history: History,
    untold: Untold,
}

pub(crate) async fn open_books(
    loaded: &Loaded,
    options: Options,
    key: &StoreKey,
    history: History,
    names: impl FnMut() -> Option<NameBytes> + Send + 'static,
) -> Result<(Books, SignerKey), GatewayError> {
    let config = &loaded.config;
    let mut router = new_router(loaded, options, names);
    router.day_begins(loaded.entitlements.day_begins_ms());
    let mut evidence = SignedLog::open(&signed_folder(config), key, now(), config.store.sync)?;
    let (signer, made) = checkpoint::signer(config)?;
    let places = Places::of(config);
    let found = checkpoint::reconcile(&places, key, signer.verifier(), made, &mut evidence, now())?;
    let accepted = found.is_some();
    if let Some(why) = found {
        judge_rewritten(config, why).await?;
    }
    let mut untold = Untold::find(config, key)?;
    let (path, bad) = (journal_path(config), config.journal.on_bad_record);
    let journal = Journal::open_watched(&path, key, &mut router, bad, |r| untold.watch(r))?
        .with_limits(config.limits.journal())
        .with_sync(config.store.sync);
    if checkpoint::take_as_it_is(&places, key, &mut evidence, now())? {
        router.lacks_before(now());
    }
    if made || accepted {
        checkpoint::first(&signer, &places, &TreeHead::of(&evidence))?;
    }
    Ok((Books { router, journal, evidence, history, untold }, signer))
}

/// Evidence that was rewritten is an event in any case, and stops the start unless it is told.
async fn judge_rewritten(config: &Config, why: Rewritten) -> Result<(), GatewayError> {
    let accept = config.checkpoint.on_rewritten == OnRewritten::Accept;
    tracing::error!(alert = true, code = "journal.rewritten", accept, "{why}");
    if let Some(section) = &config.registry {
        let registry = Registry::open(&section.url()?).await?;
        let origin = checkpoint::origin(config);
        let event = NewEvent::new(now(), "gateway", "journal.rewritten", origin, why.to_string());
        registry.note(event).await?;
        registry.close().await;
    }
    if accept { Ok(()) } else { Err(GatewayError::Rewritten(why.0)) }
}

/// What dealers call an RFQ is made of these bytes; `None`: the system has no randomness.
fn random_name() -> Option<NameBytes> {
    let mut bytes = NameBytes::default();
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(bytes)
}

fn new_router(
    loaded: &Loaded,
    options: Options,
    names: impl FnMut() -> Option<NameBytes> + Send + 'static,
) -> Router {
    let c = &loaded.config;
    let desks =
        c.desk.iter().map(|d| DeskSettings { id: d.comp_id.clone(), dealers: d.dealers.clone() });
    let dealers = c.dealer.iter().map(|d| DealerSettings {
        id: d.comp_id.clone(),
        name: d.name.clone(),
        counters: d.counter,
        parts: d.takes_part,
    });
    let default = c.desk_default.as_ref().map(|d| d.dealers.clone().unwrap_or_default());
    let (name, catalogue) = (c.gateway.name.clone(), loaded.catalogue.clone());
    Router::new(name, options.practice, catalogue, desks, dealers, names)
        .with_desk_default(default)
        .with_max_ended(c.limits.ended_rfqs_per_desk)
}

/// What a kill took of the events, and which accepts are unknown since the gateway was away.
fn tell_untold(books: &mut Books, events: &EventSink) {
    let untold = std::mem::take(&mut books.untold).into_events();
    untold.chain(unknown_at_start(&books.router, now())).for_each(|e| events.business(&e));
}

type RegistryParts = (Option<Rc<RegistryView>>, Option<RegistryHost>, Option<RenewalQuestions>);

/// The registry's thread, with `[registry]`.
async fn start_registry(loaded: &mut Loaded) -> Result<RegistryParts, GatewayError> {
    let (enrolment, step_up) = (loaded.enrolment.take(), loaded.step_up.take());
    let config = &loaded.config;
    let (Some(section), Some(url)) = (&config.registry, &loaded.registry) else {
        return Ok((None, None, None));
    };
    let (renewal_risk, questions) = RenewalRisk::new();
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
    let (registry, host) = registry_thread::start(plan).await?;
    Ok((Some(Rc::new(registry)), Some(host), Some(questions)))
}

/// What signals said, and whose sessions there were, before this run.
type Kept = (SignalsTold, LastCertificates);

pub(crate) fn kept(config: &Config, key: &StoreKey) -> Result<Kept, GatewayError> {
    Ok((SignalsTold::open(config, key)?, LastCertificates::open(config, key)))
}

pub(crate) fn assemble(
    loaded: &Loaded,
    (books, (signals_told, certificates), transmitters): (Books, Kept, Vec<Transmitter>),
    registry: Option<&Rc<RegistryView>>,
    step_up: Option<StepUp>,
    events: EventSink,
    alerts: Arc<Alerts>,
) -> Rc<Pipeline> {
    let config = &loaded.config;
    let second_person = config.step_up.as_ref().is_some_and(|s| s.when.second_person.is_some());
    let entitlements = EntitlementGate::new(
        loaded.entitlements.clone(),
        config.entitlements.clone(),
        registry.cloned(),
        step_up.is_some(),
        second_person,
    );
    for (desk, dealer) in books.router.traded_pairs() {
        entitlements.traded(&desk, &dealer);
    }
    let metrics = Metrics::new(config.dealer.iter().map(|d| &d.comp_id));
    let events = events.counted(metrics.clone(), alerts);
    Rc::new(Pipeline::new(Parts {
        router: books.router,
        journal: books.journal,
        entitlements,
        signed: Signed::new(books.evidence),
        risk: Rc::new(Risk::new(config.risk.clone(), loaded.risk.clone())),
        registry: registry.cloned(),
        step_up,
        limits: config.limits.clone(),
        response: config.response.clone(),
        cut_lines: CutLines::of(config),
        desk_clock_max_ms: config.clock.max_offset_ms.into(),
        places: LastPlaces::read(last_places_path(config), &events),
        certificates,
        events,
        metrics,
        policies: PolicyChanges::new(config.two_people(), books.history),
        signals_told,
        transmitters,
    }))
}

/// The way of events, and with `[siem]` its thread and how far its receivers are.
type SiemParts = (EventSink, Option<SiemHost>, Option<Arc<DeliveryStatus>>);

/// Where events go: to the registry and, with `[siem]`, to the thread that hands them to the SIEM.
async fn start_siem(
    loaded: &Loaded,
    registry: Option<&Rc<RegistryView>>,
    key: &StoreKey,
    books: &Books,
) -> Result<SiemParts, GatewayError> {
    let config = &loaded.config;
    let Some(section) = &config.siem else {
        let to_registry = registry.map(|r| r.outlet(String::new()));
        return Ok((EventSink::new(to_registry, None), None, None));
    };
    let prepared = siem::prepare(section);
    let to_registry = registry.map(|r| r.outlet(config.gateway.comp_id.to_string()));
    let events = EventSink::new(to_registry, Some(prepared.outlet()));
    let plan = siem::Plan {
        config: config.clone(),
        section: section.clone(),
        identity: loaded.identity.clone(),
        key: key.clone(),
        registry: loaded.registry.clone(),
        events: events.clone(),
        begins_at: Origin { position: books.evidence.size(), index: u32::MAX },
    };
    let status = prepared.status();
    Ok((events, Some(prepared.start(plan).await?), Some(status)))
}

/// Step-up, with `[step_up]`. Fail closed: a gateway told to use security keys does not run without
/// them.
fn step_up(
    config: &Config,
    registry: Option<&Rc<RegistryView>>,
) -> Result<Option<StepUp>, GatewayError> {
    let (Some(registry), Some(section)) = (registry, &config.step_up) else { return Ok(None) };
    let service = registry
        .step_up()
        .ok_or_else(|| GatewayError::Session("the step-up service did not start".into()))?;
    let answer_ms = i64::from(section.answer_seconds) * 1_000;
    let (rules, digest) = (section.when.clone(), section.digest.clone());
    Ok(Some(StepUp::new(service, rules, digest, &config.gateway.comp_id, answer_ms)))
}

fn tls_error(e: ProfileError) -> GatewayError {
    GatewayError::Tls(e.to_string())
}

/// Dials every dealer, for ever.
fn start_dealers(
    loaded: &Loaded,
    pipeline: &Rc<Pipeline>,
    key: &StoreKey,
    connections: Option<Connections>,
) -> Result<(), GatewayError> {
    let config = &loaded.config;
    let mut files = CrlFiles::new("dealers.crl", &config.dealers.crl, config.dealers.crl_required);
    files.refresh();
    let lists = Rc::new(DealerLists::new(files.crls(None)));
    if files.in_use() {
        lasting("dealers.crl", lists.clone().keep_up(files, pipeline.clone()));
    }
    for (d, pins) in config.dealer.iter().zip(&loaded.dealer_pins) {
        let client = loaded.client_profile(d, pins);
        client.config().map_err(tls_error)?;
        let target =
            CompId::new(d.comp_id.as_str()).map_err(|e| GatewayError::Session(e.to_string()))?;
        let path = session_file(&dealers_folder(config), target.as_str());
        let how = (Role::Initiator, dealer_options(d));
        let session = open_session(config, how, &target, &path, key, config.store.sync);
        let session = Rc::new(session.map_err(GatewayError::Session)?);
        pipeline.sessions.add_dealer(&d.comp_id, session.clone());
        let line = dealers::Line {
            to: dealers::Peer::new(d, &config.gateway.trust_domain),
            tls: client,
            lists: lists.clone(),
            session,
            signing: d.sign.then(|| loaded.message_key.clone()),
            reset: d.reset.clone(),
            connections: connections.clone(),
        };
        lasting("dealer", line.keep_up(pipeline.clone()));
    }
    Ok(())
}

fn desk_listener(
    loaded: &Loaded,
    pipeline: &Rc<Pipeline>,
    registry: Option<&Rc<RegistryView>>,
    listener: TcpListener,
    key: StoreKey,
) -> Result<DeskListener, GatewayError> {
    let config = &loaded.config;
    let profile = ServerProfile::new(loaded.desk_roots.clone(), &loaded.identity)
        .with_policy(config.tls.policy(config::versions(config.desks.allow_tls12)));
    let mut files = CrlFiles::new("desks.crl", &config.desks.crl, config.desks.crl_required);
    files.refresh();
    let own = registry.filter(|_| files.required()).map(|r| r.own_crl());
    let crls = files.crls(own.as_ref().map(|c| c.as_slice()));
    let tls = ListenerTls::new("desks", profile, crls, files.required()).map_err(tls_error)?;
    let tls = Rc::new(tls);
    if files.in_use() {
        let registry = registry.cloned();
        lasting("desks.crl", desks::keep_up(tls.clone(), files, pipeline.clone(), registry));
    }
    let for_desks = config.clone();
    let open = move |desk: &CompId| {
        let how = (Role::Acceptor, desk_options(&for_desks));
        let path = session_file(&desks_folder(&for_desks), desk.as_str());
        open_session(&for_desks, how, desk, &path, &key, for_desks.store.sync)
    };
    let risk = pipeline.risk().clone();
    Ok(DeskListener::new(
        listener,
        tls,
        config,
        loaded.message_key.clone(),
        registry.cloned(),
        risk,
        Box::new(open),
    ))
}

/// Tasks that judge sessions again, write down where desks were, and keep the gateway's own
/// certificate fresh.
fn spawn_watches(
    loaded: &Loaded,
    pipeline: &Rc<Pipeline>,
    registry: Option<&Rc<RegistryView>>,
    clock: ClockView,
) {
    let config = &loaded.config;
    let mut files = vec![config.risk.settings.clone()];
    files.extend(config.risk.table.clone());
    lasting("risk", pipeline::watch_risk(pipeline.clone(), files));
    lasting("places", pipeline::keep_places(pipeline.clone()));
    lasting("lists", pipeline::send_lists(pipeline.clone()));
    if let Some(registry) = registry {
        lasting("registry", pipeline::watch_registry(pipeline.clone(), registry.clone()));
    }
    lasting("clock", utc::watch(pipeline.events.clone(), config.clock.clone(), clock));
    let (events, metrics) = (pipeline.events.clone(), pipeline.metrics.clone());
    let disk = disk::watch(events, metrics, config.disk, disk::Places::of(config));
    lasting("disk", disk);
    let (events, identity) = (pipeline.events.clone(), loaded.identity.clone());
    lasting("certificates", ends::watch(events.clone(), config.clone(), identity.clone()));
    lasting("renewal", own_certificate::keep_up(events, config.clone(), identity));
}
