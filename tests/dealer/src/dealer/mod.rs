//! One dealer at work: its listener, its FIX session and its book.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ironfix_core::types::CompId as EngineCompId;
use ironfix_engine::{Acceptor, Connection};
use ironfix_session::SessionConfig;
use ironfix_store::{FileStore, FileStoreConfig};
use rustls::ServerConfig;
use signet_identity::MessageKey;
use time::OffsetDateTime;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use crate::book::{Action, Book, Force};
use crate::ears::{Ears, Event, SharedEars, engine_message};
use crate::instrument::Instruments;
use crate::ledger::Ledger;
use crate::settings::DealerSettings;
use crate::simulator::SimulatorError;
use crate::wire::Outgoing;

mod door;
mod signer;

use door::{Door, Place};

/// Events waiting for the dealer before its session waits too.
const EVENTS_MAX: usize = 1024;
/// Messages kept for a session that is down, before the oldest are dropped.
const UNDELIVERED_MAX: usize = 10_000;
/// How long a session may take to log out when the dealer stops.
const LOGOUT_TIME_MAX: Duration = Duration::from_secs(3);
/// The longest FIX message accepted, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// How often a store that is still in use is tried again when the dealer stops.
const STORE_POLL: Duration = Duration::from_millis(10);

/// An order to a running dealer.
pub(crate) enum Control {
    Force(Force, oneshot::Sender<()>),
    Stop,
}

/// What one dealer needs to start.
pub(crate) struct Setup {
    pub(crate) settings: Arc<DealerSettings>,
    pub(crate) gateway: String,
    pub(crate) trust_domain: String,
    pub(crate) instruments: Arc<Instruments>,
    pub(crate) tls: Arc<ServerConfig>,
    /// Of the certificate in `tls`.
    pub(crate) message_key: Option<MessageKey>,
}

/// A started dealer.
pub(crate) struct Started {
    pub(crate) address: SocketAddr,
    pub(crate) controls: mpsc::Sender<Control>,
    pub(crate) task: JoinHandle<()>,
}

struct Dealer {
    settings: Arc<DealerSettings>,
    book: Book,
    ledger: Ledger,
    door: Door,
    store: Arc<FileStore>,
    session: Session,
    /// When a dealer that died for a while is back.
    back_at: Option<Instant>,
}

/// The session as the dealer knows it.
#[derive(Default)]
struct Session {
    logged_on: bool,
    connection: Option<Connection>,
    /// What could not be sent yet.
    undelivered: Vec<Outgoing>,
}

/// Opens the dealer's files and its port, and lets it run.
pub(crate) async fn start(setup: Setup, state_dir: &Path) -> Result<Started, SimulatorError> {
    let settings = Arc::clone(&setup.settings);
    let id = settings.id.clone();
    let failed = |what: &str| SimulatorError::Dealer { id: id.clone(), detail: what.to_owned() };
    let (ledger, orders) = Ledger::open(&state_dir.join(format!("{id}.orders.jsonl")))?;
    let store = FileStoreConfig::try_new(state_dir, id.as_str())
        .map_err(|e| failed(&e.to_string()))?
        .with_create_if_missing(true);
    let store = FileStore::open(store).await.map_err(|e| failed(&e.to_string()))?;
    let store = Arc::new(store);

    let (events, received) = mpsc::channel(EVENTS_MAX);
    let ears: SharedEars = Arc::new(Ears { events: events.clone() });
    let comp_id = |text: &str| EngineCompId::new(text).map_err(|e| failed(&e.to_string()));
    let config = SessionConfig::new(comp_id(&id)?, comp_id(&setup.gateway)?, "FIX.4.4")
        .with_max_message_size(MESSAGE_BYTES_MAX);
    let acceptor = Acceptor::new(config, ears).with_store(Arc::clone(&store) as Arc<_>);
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|e| failed(&format!("cannot listen on {}: {e}", settings.listen)))?;
    let address = listener.local_addr().map_err(|e| failed(&e.to_string()))?;
    let door = Door {
        address,
        listener: Some(listener),
        tls: TlsAcceptor::from(setup.tls),
        acceptor: Arc::new(acceptor),
        gateway: setup.gateway,
        trust_domain: setup.trust_domain,
        place: Arc::new(Mutex::new(Place::default())),
        events,
        settings: Arc::clone(&settings),
        message_key: setup.message_key,
    };
    // Milliseconds since 1970: differs each time a dealer starts, and sorts by time.
    let run = format!("{:x}", OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000);
    let book = Book::new(Arc::clone(&settings), setup.instruments, run, orders);
    let session = Session::default();
    let dealer = Dealer { settings, book, ledger, door, store, session, back_at: None };
    let (controls, orders) = mpsc::channel(16);
    let task = tokio::spawn(dealer.run(received, orders));
    Ok(Started { address, controls, task })
}

impl Dealer {
    async fn run(
        mut self,
        mut events: mpsc::Receiver<Event>,
        mut controls: mpsc::Receiver<Control>,
    ) {
        let left_over = self.book.start(OffsetDateTime::now_utc());
        self.act(left_over).await;
        loop {
            let due = self.book.next_due().map(instant_of);
            tokio::select! {
                control = controls.recv() => match control {
                    Some(Control::Force(force, done)) => {
                        let actions = self.book.force(force, OffsetDateTime::now_utc());
                        self.act(actions).await;
                        // Whoever forced may have stopped waiting.
                        let _ = done.send(());
                    }
                    Some(Control::Stop) | None => break,
                },
                Some(event) = events.recv() => self.on_event(event).await,
                newcomer = self.door.knock() => self.door.admit(newcomer),
                () = until(due) => {
                    let actions = self.book.run_due(OffsetDateTime::now_utc());
                    self.act(actions).await;
                }
                () = until(self.back_at) => self.revive().await,
            }
        }
        self.stop(events).await;
    }

    async fn on_event(&mut self, event: Event) {
        let now = OffsetDateTime::now_utc();
        match event {
            Event::LoggedOn => {
                self.session.logged_on = true;
                self.session.connection = None;
                self.book.on_connected(now);
            }
            // The handle of a session that has ended already is of no use.
            Event::Established(connection) if connection.is_closed() => {}
            Event::Established(connection) => {
                self.session.connection = Some(connection);
                self.deliver().await;
            }
            Event::Message(inbound) => {
                let actions = self.book.receive(inbound, now);
                self.act(actions).await;
            }
            Event::Closed => {
                self.session.logged_on = false;
                self.session.connection = None;
                self.book.on_disconnected();
            }
        }
    }

    async fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Keep(order) => {
                    if let Err(error) = self.ledger.keep(&order) {
                        // Answering what could not be kept might fill it twice.
                        tracing::error!(dealer = %self.settings.id, %error, "orders cannot be \
                            kept");
                        self.die(None).await;
                        return;
                    }
                }
                Action::Send(message) => self.send(message).await,
                Action::Die(for_ms) => self.die(for_ms).await,
                Action::Revive => self.revive().await,
            }
        }
    }

    /// Reports about orders wait for the next session; anything else is dropped.
    async fn send(&mut self, message: Outgoing) {
        if self.session.logged_on || message.msg_type == "8" {
            self.session.undelivered.push(message);
        }
        if self.session.undelivered.len() > UNDELIVERED_MAX {
            self.session.undelivered.remove(0);
        }
        self.deliver().await;
    }

    async fn deliver(&mut self) {
        let Some(connection) = &self.session.connection else { return };
        let mut left = std::mem::take(&mut self.session.undelivered).into_iter();
        while let Some(outgoing) = left.next() {
            let Some(message) = engine_message(&outgoing) else { continue };
            if connection.send(message).await.is_err() {
                // The session ended under our hands; what is about orders stays to be told.
                let unsent = std::iter::once(outgoing).chain(left);
                self.session.undelivered = unsent.filter(|m| m.msg_type == "8").collect();
                return;
            }
        }
    }

    async fn die(&mut self, for_ms: Option<u64>) {
        tracing::warn!(dealer = %self.settings.id, "dies");
        self.door.shut().await;
        self.back_at = for_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
    }

    async fn revive(&mut self) {
        self.back_at = None;
        if let Err(error) = self.door.open().await {
            tracing::error!(dealer = %self.settings.id, %error, "cannot listen again");
        }
    }

    async fn stop(mut self, mut events: mpsc::Receiver<Event>) {
        self.door.listener = None;
        if let Some(connection) = self.session.connection.take() {
            // The dealer does not wait for a gateway that does not answer the Logout.
            let _ = connection.logout().await;
            let _ = timeout(LOGOUT_TIME_MAX, async {
                // The engine waits for its events to be taken.
                tokio::join!(connection.wait_closed(), async {
                    while let Ok(Some(_)) = timeout(LOGOUT_TIME_MAX, events.recv()).await {
                        if connection.is_closed() {
                            break;
                        }
                    }
                })
            })
            .await;
        }
        self.door.shut().await;
        drop((self.door, events));
        close_store(self.store).await;
    }
}

/// Frees the store's lock, so that the dealer can be started again at once.
async fn close_store(mut store: Arc<FileStore>) {
    let deadline = Instant::now() + LOGOUT_TIME_MAX;
    loop {
        match Arc::try_unwrap(store) {
            Ok(store) => {
                // Every write reached the disk as it was made.
                let _ = store.close().await;
                return;
            }
            Err(_) if Instant::now() > deadline => return,
            Err(shared) => store = shared,
        }
        sleep(STORE_POLL).await;
    }
}

fn instant_of(at: OffsetDateTime) -> Instant {
    let wait = at - OffsetDateTime::now_utc();
    Instant::now() + Duration::try_from(wait).unwrap_or(Duration::ZERO)
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A connection that has come in.
pub(crate) type Newcomer = std::io::Result<(TcpStream, SocketAddr)>;
