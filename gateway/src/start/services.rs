//! What runs beside trading: threads that verify and make signatures, checkpoints, this gateway's
//! and those of others, and the interfaces of administrators, operators and the identity provider.

use super::tls_error;
use crate::{
    GatewayError, admin_api, checkpoint,
    clock::now,
    config::{self, Config, PeerTls, ProviderSection},
    console,
    cut_lines::CutLines,
    delivery::Poster,
    listeners::carried::{ConnectionThreads, Connections},
    loaded::Loaded,
    metrics::Alerts,
    operator,
    pipeline::{Pipeline, SignalOrders, Trading},
    signals,
    signed::SignatureThreads,
    state_dir::{
        checkpoint_path, existing_store_key, journal_path, signals_keys_file, signed_folder,
    },
    threads::{HostedThread, lasting},
};
use signet_identity::{ClientProfile, ServerProfile, TlsVersions};
use signet_journal::StoreKey;
use signet_tlog::note::SignerKey;
use std::{rc::Rc, sync::Arc};

/// Threads that take work off the trading thread. Dropping them ends them and waits for that.
pub(super) struct Helpers {
    connections: Option<ConnectionThreads>,
    _signatures: Option<SignatureThreads>,
}

impl Helpers {
    /// The way to the threads that have sockets, if there are any.
    pub(super) fn connections(&self) -> Option<Connections> {
        self.connections.as_ref().map(ConnectionThreads::way)
    }

    /// Has last words leave while the rest of the gateway ends, and waits for nothing.
    pub(super) fn tell_to_end(&self) {
        self.connections.iter().for_each(ConnectionThreads::tell_to_end);
    }
}

/// Starts as many as `gateway.signature_threads` and `gateway.connection_threads` say.
pub(super) fn start_helpers(config: &Config, pipeline: &Pipeline) -> Result<Helpers, GatewayError> {
    let signatures = start_signature_threads(config, pipeline)?;
    let connections = start_connection_threads(config, pipeline)?;
    Ok(Helpers { connections, _signatures: signatures })
}

/// The threads that verify and make signatures, with `gateway.signature_threads`.
fn start_signature_threads(
    config: &Config,
    pipeline: &Pipeline,
) -> Result<Option<SignatureThreads>, GatewayError> {
    let count = config.gateway.signature_threads;
    if count == 0 {
        return Ok(None);
    }
    let threads = SignatureThreads::start(count, pipeline.metrics.signature_checks.clone())
        .map_err(|source| GatewayError::Io { what: "gateway.signature_threads".into(), source })?;
    pipeline.signed.use_threads(threads.way());
    Ok(Some(threads))
}

/// The threads that have sockets and TLS, with `gateway.connection_threads`.
fn start_connection_threads(
    config: &Config,
    pipeline: &Pipeline,
) -> Result<Option<ConnectionThreads>, GatewayError> {
    let count = config.gateway.connection_threads;
    if count == 0 {
        return Ok(None);
    }
    let threads = ConnectionThreads::start(count, pipeline.metrics.state.carried.clone());
    threads
        .map(Some)
        .map_err(|source| GatewayError::Io { what: "gateway.connection_threads".into(), source })
}

/// The threads of checkpoints: the one that signs this gateway's, and with `[checkpoint.receive]`
/// the one that takes those of others.
pub(super) async fn start_checkpoints(
    loaded: &Loaded,
    pipeline: &Rc<Pipeline>,
    key: SignerKey,
) -> Result<(HostedThread, Option<HostedThread>), GatewayError> {
    let received = start_received(loaded, pipeline).await?;
    Ok((start_sealing(loaded, pipeline, key)?, received))
}

fn start_sealing(
    loaded: &Loaded,
    pipeline: &Rc<Pipeline>,
    key: SignerKey,
) -> Result<HostedThread, GatewayError> {
    let (config, mut targets) = (&loaded.config, Vec::new());
    let log = Arc::new(checkpoint::ProofSource {
        folder: signed_folder(config),
        key: existing_store_key(config)?,
    });
    for place in &config.checkpoint.publish {
        targets.push(match (config::Address::read(place), &loaded.checkpoint_roots) {
            (Some(address), Some(roots)) => {
                let tls = ClientProfile::new(roots.clone(), &loaded.identity)
                    .with_policy(config.tls.lenient_policy())
                    .config()
                    .map_err(tls_error)?;
                if checkpoint::Witness::is_at(&address) {
                    let witness = checkpoint::Witness::new(address, tls, log.clone());
                    checkpoint::Target::Witness(witness)
                } else {
                    checkpoint::Target::Server(address, tls)
                }
            }
            _ => checkpoint::Target::Folder(place.into()),
        });
    }
    checkpoint::start(checkpoint::Plan {
        section: config.checkpoint.clone(),
        key,
        path: checkpoint_path(config),
        journal: journal_path(config),
        targets,
        events: pipeline.events.clone(),
        heads: pipeline.signed.heads(),
        doubt: pipeline.signed.doubt(),
    })
}

/// The receiver of other gateways' checkpoints.
async fn start_received(
    loaded: &Loaded,
    pipeline: &Rc<Pipeline>,
) -> Result<Option<HostedThread>, GatewayError> {
    let config = &loaded.config;
    let Some(section) = &config.checkpoint.receive else { return Ok(None) };
    let tls = ServerProfile::new(section.roots()?, &loaded.identity)
        .with_policy(config.tls.policy(TlsVersions::default()))
        .config()
        .map_err(tls_error)?;
    let plan = checkpoint::ReceivePlan {
        section: section.clone(),
        folder: section.folder(&config.gateway.state_dir),
        tls,
        trust_domain: config.gateway.trust_domain.clone(),
        events: pipeline.events.clone(),
        metrics: pipeline.metrics.clone(),
    };
    checkpoint::start_receiving(plan).await.map(Some)
}

/// The administrators' interface and their console, with `[admin]`.
pub(super) async fn start_admin(
    loaded: &mut Loaded,
    pipeline: &Rc<Pipeline>,
    alerts: &Arc<Alerts>,
    watched: &operator::Watched,
) -> Result<Option<admin_api::AdminHost>, GatewayError> {
    let console = console_plan(loaded, pipeline, alerts, watched).map(console::beside);
    let config = &loaded.config;
    let (Some(section), Some(roots)) = (&config.admin, &loaded.admin_roots) else {
        return Ok(None);
    };
    let (trading, questions) = Trading::new();
    lasting("questions", questions.serve(pipeline.clone()));
    let plan = admin_api::Plan {
        section: section.clone(),
        roots: roots.clone(),
        identity: loaded.identity.clone(),
        policy: config.tls.policy(TlsVersions::default()),
        trust_domain: config.gateway.trust_domain.clone(),
        registry: loaded.registry.clone(),
        dealers: config.dealer.iter().map(|d| d.comp_id.clone()).collect(),
        cut_lines: CutLines::of(config),
        events: pipeline.events.clone(),
        trading,
        console,
        approve_by_key: config.console().is_some_and(|c| c.approve_by_key),
    };
    admin_api::start(plan).await.map(Some)
}

/// With `[admin.console]`, which is checked to come with a registry.
fn console_plan(
    loaded: &mut Loaded,
    pipeline: &Rc<Pipeline>,
    alerts: &Arc<Alerts>,
    watched: &operator::Watched,
) -> Option<console::Plan> {
    let console = loaded.console.take()?;
    let config = &loaded.config;
    let section = config.console()?.clone();
    let (roots, registry) = (loaded.admin_roots.clone()?, loaded.registry.clone()?);
    // Queues of its own: open pages do not crowd administrators out.
    let (trading, questions) = Trading::new();
    lasting("questions", questions.serve(pipeline.clone()));
    let overview = operator::OverviewParts {
        config: config.clone(),
        identity: loaded.identity.clone(),
        metrics: pipeline.metrics.clone(),
        alerts: alerts.clone(),
        events: pipeline.events.clone(),
        trading: trading.clone(),
        started: now(),
        watched: watched.clone(),
    };
    Some(console::Plan {
        config: config.clone(),
        section,
        loaded: console,
        identity: loaded.identity.clone(),
        roots,
        registry,
        events: pipeline.events.clone(),
        trading,
        overview,
    })
}

/// Metrics, health and the local socket.
pub(super) async fn start_operator(
    loaded: &Loaded,
    pipeline: &Rc<Pipeline>,
    alerts: Arc<Alerts>,
    watched: operator::Watched,
) -> Result<operator::OperatorHost, GatewayError> {
    // A queue of its own: whoever scrapes the health does not crowd administrators out.
    let (trading, questions) = Trading::new();
    lasting("questions", questions.serve(pipeline.clone()));
    let plan = operator::Plan {
        config: loaded.config.clone(),
        roots: loaded.metrics_roots.clone(),
        identity: loaded.identity.clone(),
        metrics: pipeline.metrics.clone(),
        alerts,
        events: pipeline.events.clone(),
        trading,
        started: now(),
        watched,
    };
    operator::start(plan).await
}

/// The receiver of the identity provider's signals, with `[signals]`.
pub(super) async fn start_signals(
    loaded: &Loaded,
    pipeline: &Rc<Pipeline>,
    store_key: &StoreKey,
) -> Result<Option<signals::SignalsHost>, GatewayError> {
    let config = &loaded.config;
    let (Some(section), Some(files)) = (&config.signals.receive, &loaded.signals) else {
        return Ok(None);
    };
    let (orders, inbox) = SignalOrders::new();
    lasting("signals", inbox.serve(pipeline.clone()));
    let key_server = |p: &ProviderSection| {
        let (Some(url), Some(trust)) = (&p.jwks_url, &p.jwks_trust) else { return Ok(None) };
        let target = (url.as_str(), trust.as_path(), &PeerTls::default());
        Poster::new((config, None), target, None, &p.key("jwks")).map(Some)
    };
    let roots = loaded.signals_roots.as_ref().unwrap_or(&loaded.desk_roots);
    let plan = signals::Plan {
        section: section.clone(),
        files: files.clone(),
        key_servers: section.providers.iter().map(key_server).collect::<Result<_, _>>()?,
        keys_file: signals_keys_file(config),
        store_key: store_key.clone(),
        roots: roots.clone(),
        identity: loaded.identity.clone(),
        policy: config.tls.policy(TlsVersions::default()),
        events: pipeline.events.clone(),
        metrics: pipeline.metrics.clone(),
        orders,
    };
    signals::start(plan).await.map(Some)
}
