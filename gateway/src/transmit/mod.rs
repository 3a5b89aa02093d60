//! Signals to receivers of the firm: Security Event Tokens (RFC 8417) with events of CAEP 1.0,
//! pushed over HTTPS (RFC 8935) from a queue on disk.
//!
//! Each notice has its `jti` from the moment it is queued, and keeps it however often it is sent.
//! It is signed when it is sent: one that waited for a day is as fresh as the receiver demands.
//!
//! Each receiver has a thread, a queue with its cursor, and what it was told of its own: one that
//! is away, or takes its time, holds up no other.
//!
//! | file | does |
//! | --- | --- |
//! | `outlet.rs` | takes what the trading thread has to tell, without waiting |
//! | `levels.rs` | which change of a person's risk is told |
//! | `subject.rs` | what the receiver calls a person |
//! | `queue.rs` | from the channel to the disk |
//! | `deliver.rs` | from the disk to the receiver |
//! | `key.rs` | what tokens are signed with |

mod deliver;
mod key;
mod levels;
mod outlet;
mod queue;
mod subject;

pub use key::key_set;
pub(crate) use outlet::Ended;
pub use outlet::Transmitter;

use crate::{
    GatewayError,
    config::{Config, TransmitSection},
    delivery::{DeliveryStatus, Poster, Spool},
    events::EventSink,
    sealed_map::SealedMap,
    state_dir::transmit_folder,
    threads::{HostedThread, Stop, watched},
};
use levels::Levels;
use outlet::Notice;
use signet_identity::ServerIdentity;
use signet_journal::{StoreKey, private_folder};
use signet_signals::Signer;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

/// Notices that wait for the thread.
const NOTICES_MAX: usize = 4_096;
/// The receiver of a queue, as its cursor is named.
const RECEIVER: &str = "receiver";

/// The thread while it runs. Dropping it ends the thread; what is in the channel is written first.
#[derive(Debug)]
pub(crate) struct TransmitHost {
    /// How far the receiver is.
    pub(crate) status: Arc<DeliveryStatus>,
    _thread: HostedThread,
}

/// What the tasks of the thread share.
struct Shared {
    section: TransmitSection,
    spool: RefCell<Spool>,
    told: RefCell<SealedMap>,
    /// Number of the newest notice that is on disk.
    head: watch::Sender<u64>,
    status: Arc<DeliveryStatus>,
    events: EventSink,
    /// What events are about.
    object: String,
}

/// What the thread is made of.
struct Parts {
    section: TransmitSection,
    folder: PathBuf,
    store_key: StoreKey,
    signer: Signer,
    poster: Poster,
    status: Arc<DeliveryStatus>,
    events: EventSink,
    inbox: mpsc::Receiver<Notice>,
}

/// What was told before, or why the thread does not start.
type Ready = oneshot::Sender<Result<BTreeMap<String, String>, GatewayError>>;

/// Starts a thread for each receiver of `[signals.transmit]`.
pub(crate) async fn start(
    config: &Config,
    identity: &ServerIdentity,
    store_key: &StoreKey,
    events: &EventSink,
) -> Result<(Vec<Transmitter>, Vec<TransmitHost>), GatewayError> {
    let (mut transmitters, mut hosts) = (Vec::new(), Vec::new());
    for section in &config.signals.transmit {
        let (t, host) = start_one(config, section, identity, store_key, events.clone()).await?;
        transmitters.push(t);
        hosts.push(host);
    }
    Ok((transmitters, hosts))
}

async fn start_one(
    config: &Config,
    section: &TransmitSection,
    identity: &ServerIdentity,
    store_key: &StoreKey,
    events: EventSink,
) -> Result<(Transmitter, TransmitHost), GatewayError> {
    let settle = Duration::from_secs(section.settle_seconds.into());
    let poster = Poster::new(
        (config, section.shows_certificate().then_some(identity)),
        (&section.url, &section.trust, &section.tls),
        section.token_file.clone(),
        &section.of(),
    )?;
    let (notices, inbox) = mpsc::channel(NOTICES_MAX);
    let name = if section.name.is_empty() { RECEIVER } else { &section.name };
    let status = Arc::new(DeliveryStatus::new([name]));
    let parts = Parts {
        section: section.clone(),
        folder: transmit_folder(config, section),
        store_key: store_key.clone(),
        signer: key::signer(config, section)?,
        poster,
        status: status.clone(),
        events,
        inbox,
    };
    let (ready, opened) = oneshot::channel();
    let thread = HostedThread::spawn("signet-transmit", move |stop| work(parts, ready, stop))
        .map_err(|source| GatewayError::Io { what: "thread".into(), source })?;
    let told = opened.await.map_err(|_| GatewayError::Died)??;
    let levels = Levels::new(&told, settle);
    let transmitter = Transmitter::new(notices, levels, config.gateway.comp_id.to_string());
    Ok((transmitter, TransmitHost { status, _thread: thread }))
}

async fn work(parts: Parts, ready: Ready, stop: Stop) {
    let Parts { section, folder, store_key, signer, poster, status, events, inbox } = parts;
    let (spool, told) = match open(&section, &folder, &store_key) {
        Ok(opened) => opened,
        Err(e) => return drop(ready.send(Err(e))),
    };
    let _ = ready.send(Ok(told.entries().clone()));
    let shared = Rc::new(Shared {
        head: watch::Sender::new(spool.head()),
        object: match section.name.as_str() {
            "" => "signals".to_owned(),
            name => format!("signals to {name}"),
        },
        section,
        spool: RefCell::new(spool),
        told: RefCell::new(told),
        status,
        events,
    });
    let mut tasks = JoinSet::new();
    tasks.spawn_local(watched("transmit", deliver::keep_up(shared.clone(), signer, poster)));
    queue::run(&shared, inbox, stop).await;
    tasks.shutdown().await;
}

fn open(
    section: &TransmitSection,
    folder: &Path,
    store_key: &StoreKey,
) -> Result<(Spool, SealedMap), GatewayError> {
    private_folder(folder)
        .map_err(|source| GatewayError::Io { what: folder.display().to_string(), source })?;
    let unusable = |e: &dyn std::fmt::Display| {
        GatewayError::Session(format!(
            "{}: {}: {e}. To go on without what waits there, move the folder away; the \
                receiver is then not told what it missed",
            section.of(),
            folder.display()
        ))
    };
    let told = SealedMap::open(&folder.join("levels"), store_key).map_err(|e| unusable(&e))?;
    let bytes_max = u64::from(section.queue_mb) * 1024 * 1024;
    let spool = Spool::open(folder, store_key, &[RECEIVER], bytes_max);
    Ok((spool.map_err(|e| unusable(&e))?, told))
}
