//! The way of events to the firm's SIEM.
//!
//! A thread of its own takes events from a bounded channel, writes each as one line of OCSF into a
//! sealed spool on disk, and hands them to every receiver in order. A receiver has a cursor on
//! disk, which moves only when the receiver has the events, so that nothing is lost while it is
//! away or the gateway restarts. What may be sent twice carries the same uid.
//!
//! | file | does |
//! | --- | --- |
//! | `state.rs` | what the trading thread asks: is there room for the events of new business? |
//! | `outlet.rs` | takes events from any thread, without waiting |
//! | `writer.rs` | from the channel into the spool, one fsync for many |
//! | `feed.rs` | one receiver's place in the spool, and whether it is away |
//! | `syslog/`, `otlp/`, `file.rs` | the receivers |
//! | `tail.rs`, `rows.rs` | rows of the registry that others wrote, and their fields |

mod feed;
mod file;
mod otlp;
mod outlet;
mod rows;
mod state;
mod syslog;
mod tail;
mod writer;

pub(crate) use state::SiemState;

use crate::{
    GatewayError,
    config::{Config, SiemSection, SinkSection},
    delivery::{self, DeliveryFailure, DeliveryStatus, Spool},
    events::{EventSink, Outlet},
    threads::{HostedThread, Stop, watched},
};
use feed::Feed;
use outlet::SiemOutlet;
use signet_events::{Event, Origin, ocsf::Source};
use signet_identity::ServerIdentity;
use signet_journal::StoreKey;
use signet_registry::RegistryUrl;
use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::Instant,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

/// Events that wait for the thread.
const QUEUE_MAX: usize = 8_192;

/// The end of the channel, before the thread runs.
pub(crate) struct Prepared {
    outlet: Arc<SiemOutlet>,
    status: Arc<DeliveryStatus>,
    inbox: mpsc::Receiver<Event>,
}

/// What the thread is started with.
pub(crate) struct Plan {
    pub config: Config,
    pub section: SiemSection,
    pub identity: ServerIdentity,
    pub key: StoreKey,
    /// Whose rows by others go to the SIEM too.
    pub registry: Option<RegistryUrl>,
    /// Where the thread's own events go: to the registry, and to itself.
    pub events: EventSink,
    /// Where the evidence begins whose events can be told again, if none was told so far.
    pub begins_at: Origin,
}

/// The thread while it runs. Dropping it ends the thread; what is in the channel is written first.
#[derive(Debug)]
pub(crate) struct SiemHost {
    _thread: HostedThread,
}

/// Where events of a gateway with `[siem]` enter.
pub(crate) fn prepare(section: &SiemSection) -> Prepared {
    let (tx, inbox) = mpsc::channel(QUEUE_MAX);
    let state = Arc::new(SiemState::new(section.when_full));
    let status = Arc::new(DeliveryStatus::new(section.sink.iter().map(SinkSection::name)));
    Prepared { outlet: Arc::new(SiemOutlet::new(tx, state)), status, inbox }
}

impl Prepared {
    /// The way in.
    pub(crate) fn outlet(&self) -> Arc<dyn Outlet> {
        self.outlet.clone()
    }

    /// How far each receiver is.
    pub(crate) fn status(&self) -> Arc<DeliveryStatus> {
        self.status.clone()
    }

    /// Opens the spool and starts the thread.
    ///
    /// # Errors
    /// The spool cannot be opened, or a setting cannot be used.
    pub(crate) async fn start(self, plan: Plan) -> Result<SiemHost, GatewayError> {
        let (ready, opened) = tokio::sync::oneshot::channel();
        let state = (self.outlet.state.clone(), self.status.clone());
        let body = move |stop| work(plan, state, self.inbox, ready, stop);
        let thread = HostedThread::spawn("signet-siem", body)
            .map_err(|source| GatewayError::Io { what: "thread".into(), source })?;
        opened.await.map_err(|_| GatewayError::Died)??;
        Ok(SiemHost { _thread: thread })
    }
}

/// What the tasks of the thread share.
pub(crate) struct Shared {
    spool: RefCell<Spool>,
    state: Arc<SiemState>,
    status: Arc<DeliveryStatus>,
    /// Number of the newest event that is on disk.
    head: watch::Sender<u64>,
    source: Source,
    events: EventSink,
    left_out_told: Cell<Option<Instant>>,
    receivers: usize,
}

/// The last event of the business that is on disk, before the thread is started.
pub(crate) fn newest(config: &Config, key: &StoreKey) -> Option<Origin> {
    delivery::newest(&folder(config), key)
}

fn folder(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("siem")
}

/// A receiver, ready to be dialled.
enum Sink {
    Syslog(Box<syslog::Syslog>),
    Otlp(Box<otlp::Otlp>),
    File(file::File),
}

impl Sink {
    fn of(plan: &Plan, section: &SinkSection) -> Result<Self, GatewayError> {
        Ok(match section {
            SinkSection::Syslog(s) => Self::Syslog(Box::new(syslog::Syslog::new(plan, s)?)),
            SinkSection::Otlp(s) => Self::Otlp(Box::new(otlp::Otlp::new(plan, s)?)),
            SinkSection::File(s) => Self::File(file::File::new(s)),
        })
    }

    /// Hands events over until that fails.
    async fn session(&mut self, feed: &mut Feed) -> DeliveryFailure {
        match self {
            Self::Syslog(s) => s.session(feed).await,
            Self::Otlp(s) => s.session(feed).await,
            Self::File(s) => s.session(feed).await,
        }
    }
}

async fn keep_up(mut sink: Sink, mut feed: Feed) {
    let mut tries = 0;
    loop {
        let before = feed.confirmed();
        let failure = sink.session(&mut feed).await;
        tries = tries_after(tries, feed.confirmed() > before, &failure);
        feed.failed(&failure);
        tokio::time::sleep(delivery::pause(tries, delivery::random())).await;
    }
}

/// Sessions that failed with nothing taken in between, after one more. `moved_on`: fewer events
/// wait than before it, which is so as well when those that it refuses for good are set aside.
fn tries_after(tries: u32, moved_on: bool, failure: &DeliveryFailure) -> u32 {
    let took = moved_on && !matches!(failure, DeliveryFailure::TakesNone(_));
    if took { 0 } else { tries.saturating_add(1) }
}

type Ready = tokio::sync::oneshot::Sender<Result<(), GatewayError>>;

async fn work(
    plan: Plan,
    state: (Arc<SiemState>, Arc<DeliveryStatus>),
    inbox: mpsc::Receiver<Event>,
    ready: Ready,
    stop: Stop,
) {
    let mut tasks = JoinSet::new();
    let shared = match open(&plan, state, &mut tasks) {
        Ok(shared) => shared,
        Err(e) => return drop(ready.send(Err(e))),
    };
    let _ = ready.send(Ok(()));
    if let Some(url) = plan.registry.clone() {
        let following = tail::follow(shared.clone(), folder(&plan.config), url);
        tasks.spawn_local(watched("siem.registry", following));
    }
    writer::run(&shared, inbox, stop).await;
    tasks.shutdown().await;
}

/// The spool, and a task for each receiver.
fn open(
    plan: &Plan,
    (state, status): (Arc<SiemState>, Arc<DeliveryStatus>),
    tasks: &mut JoinSet<()>,
) -> Result<Rc<Shared>, GatewayError> {
    let folder = folder(&plan.config);
    let names: Vec<&str> = plan.section.sink.iter().map(SinkSection::name).collect();
    let bytes_max = u64::from(plan.section.spool_mb) * 1024 * 1024;
    let spool = Spool::open(&folder, &plan.key, &names, bytes_max)
        .and_then(|mut spool| spool.begins_at(plan.begins_at).map(|()| spool))
        .map_err(|e| GatewayError::Session(format!("siem: {}: {e}", folder.display())))?;
    let shared = Rc::new(Shared {
        head: watch::Sender::new(spool.head()),
        spool: RefCell::new(spool),
        state,
        status,
        source: Source {
            gateway: plan.config.gateway.comp_id.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
        },
        events: plan.events.clone(),
        left_out_told: Cell::default(),
        receivers: names.len(),
    });
    for (n, section) in plan.section.sink.iter().enumerate() {
        let sink = Sink::of(plan, section)?;
        let feed = Feed::new(shared.clone(), n, section.name().to_owned());
        tasks.spawn_local(watched("siem.sink", keep_up(sink, feed)));
    }
    Ok(shared)
}

#[cfg(test)]
mod injection_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_sessions_and_the_pauses_after_them() {
        use DeliveryFailure::{Closed, Status, TakesNone};
        for (name, moved_on, failure, tries) in [
            ("it is away", false, Closed, [1, 2, 3]),
            ("it took some", true, Closed, [0, 0, 0]),
            ("it does not want us now", false, Status(503), [1, 2, 3]),
            ("it took some, and then not", true, Status(503), [0, 0, 0]),
            ("it refuses each for good, and each is set aside", true, TakesNone(400), [1, 2, 3]),
        ] {
            let mut now = 0;
            let after = [(); 3].map(|()| {
                now = tries_after(now, moved_on, &failure);
                now
            });
            assert_eq!(after, tries, "{name}");
        }
        assert_eq!(tries_after(u32::MAX, false, &Closed), u32::MAX);
    }
}
