//! Keeps one FIXS session alive across networks. Everything runs on one thread.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `command.rs` | commands to the thread |
//! | `connect.rs`, `dial.rs` | connecting and reconnecting |
//! | `beside.rs` | another connection beside the one that is up |
//! | `wire.rs`, `path.rs` | a connection, and the network path under it |
//! | `quic.rs`, `networks.rs` | FIX over QUIC, and on which networks it does not come through |
//! | `portal.rs` | looking for a captive portal of which the system does not tell |
//! | `portal_exam.rs` | the same for `doctor` |
//! | `waiting.rs` | waiting that a change of networks or name servers cuts short |
//! | `conversation.rs` | what arrives on a connection |
//! | `watch.rs` | measuring the link, and renewing its certificate |
//! | `outcome.rs` | how a connection ended, and what follows |
//! | `target.rs` | what a connection is made with |
//! | `stores.rs` | the files of an identity at a venue |
//! | `keys.rs` | the identity that a link connects with, and the change of its key |
//! | `ceremony.rs`, `running.rs` | ceremonies with security keys |
//! | `direct.rs` | direct mode on this thread |
//! | `history.rs` | the desk's own history on this thread |

mod beside;
mod ceremony;
mod command;
mod connect;
mod conversation;
mod dial;
mod direct;
mod fault;
mod history;
mod keys;
mod networks;
mod outcome;
mod over_quic;
mod path;
mod pings;
mod portal;
mod portal_exam;
mod quic;
mod running;
mod stores;
mod target;
mod waiting;
mod watch;
mod wire;

pub(crate) use command::{Command, StepUpIntent};
pub(crate) use portal_exam::PortalExam;

use crate::{
    blotter::Blotter,
    book::{Book, lock},
    direct::Direct,
    history::CLOSE_MAX,
    issue::Issuer,
    laptop_clock::laptop_now,
    peer_text,
    problem::offline,
    venue::DeskConfig,
    view::{LinkState, NetworkView, Problem, SessionView},
};
use fault::{show_stopped, unless_it_panics};
use keys::Keys;
use networks::Networks;
use pings::Pings;
use portal::PortalLooks;
use running::Running;
use signet_fix::{AppMessage, session::Session};
use signet_net::watch::{NetworkChanges, SystemState, SystemWatch};
use signet_rfq::UtcMillis;
use signet_stepup::{SessionReason, client::StepUp};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, watch as signal},
    task::LocalSet,
};

const BOOK_TICK: Duration = Duration::from_millis(100);
/// If a tick comes this late, milliseconds, the laptop was asleep, and whoever wakes it may have to
/// show that it is the trader.
const ASLEEP_MS: i64 = 15_000;
/// If a tick comes this late, milliseconds, the network may be another one.
const DOZED_MS: i64 = 2_000;
/// Between the system's word that it will sleep and its sleep, milliseconds at most.
const FALLS_ASLEEP_MAX_MS: i64 = 10_000;
/// How long a Logout may go unanswered when the trader disconnects.
const LOGOUT_MAX: Duration = Duration::from_secs(1);
/// What the tasks of this thread have to send when it ends.
const LAST_PACKETS: Duration = Duration::from_millis(10);
/// For what else is closed when the thread ends, such as files.
const CLOSING_MAX: Duration = Duration::from_secs(1);
/// How long the end of the thread may take. Whoever waits less may lose the last records.
pub(crate) const STOP_MAX: Duration =
    LOGOUT_MAX.saturating_add(CLOSE_MAX).saturating_add(CLOSING_MAX);

/// Runs the link's thread until `Stop`.
pub(crate) fn run(
    config: DeskConfig,
    issuer: Issuer,
    keys_reach: Arc<dyn StepUp>,
    commands: mpsc::UnboundedReceiver<Command>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let book = issuer.book.clone();
    let link = async {
        let changes = NetworkChanges::listen();
        let system = SystemWatch::listen(&changes);
        Rc::new(Link::new(config, issuer, keys_reach, changes, system)).command_loop(commands).await
    };
    match runtime {
        Ok(rt) => {
            if rt.block_on(LocalSet::new().run_until(unless_it_panics(link))).is_none() {
                show_stopped(&book);
            }
        }
        Err(e) => {
            tracing::error!(error = %e, "the link's thread has no runtime");
            show_stopped(&book);
        }
    }
}

struct Link {
    config: DeskConfig,
    /// Cloned by whoever waits for a change.
    changes: NetworkChanges,
    /// Told when another call of `keep` takes the place of the one under way.
    superseded: Notify,
    /// What the system knows of the network.
    system: SystemWatch,
    networks: RefCell<Networks>,
    portal: PortalLooks,
    /// When the system said that it is about to sleep.
    sleeping_since: Cell<Option<UtcMillis>>,
    /// The way to the venue is in doubt: what was asked is not answered in time.
    doubt: signal::Sender<bool>,
    /// An answer is late, so no price can be pressed.
    late: Cell<bool>,
    issuer: Issuer,
    book: Arc<Mutex<Book>>,
    keys_reach: Arc<dyn StepUp>,
    ceremony: Running,
    /// RFC 9266 exporter of the connection that is up.
    exporter: Cell<[u8; 32]>,
    window: Cell<Option<isize>>,
    /// The relying party as which the venue may ask security keys.
    rp_id: RefCell<Option<String>>,
    /// The laptop woke, and the gateway has not been told.
    woke: Cell<bool>,
    /// Direct mode, at a plain venue.
    direct: RefCell<Option<Direct>>,
    keys: RefCell<Option<Rc<Keys>>>,
    session: RefCell<Option<Rc<Session>>>,
    /// The number of the latest call of `keep`; an older call stops at its next step.
    wanted: Cell<u64>,
    pings: Pings,
    /// Told when a ping is answered, and when all are forgotten.
    fewer_pings: Notify,
    history: history::Kept,
}

impl Link {
    fn new(
        config: DeskConfig,
        issuer: Issuer,
        keys_reach: Arc<dyn StepUp>,
        changes: NetworkChanges,
        system: SystemWatch,
    ) -> Self {
        Self {
            changes,
            system,
            networks: RefCell::new(Networks::open(&config.data_dir, secret(), laptop_now())),
            portal: PortalLooks::default(),
            sleeping_since: Cell::new(None),
            superseded: Notify::new(),
            doubt: signal::Sender::new(false),
            late: Cell::new(false),
            config,
            book: issuer.book.clone(),
            issuer,
            keys_reach,
            ceremony: Running::default(),
            exporter: Cell::new([0; 32]),
            window: Cell::new(None),
            rp_id: RefCell::new(None),
            woke: Cell::new(false),
            direct: RefCell::new(None),
            keys: RefCell::new(None),
            session: RefCell::new(None),
            wanted: Cell::new(0),
            pings: Pings::default(),
            fewer_pings: Notify::new(),
            history: history::Kept::default(),
        }
    }

    async fn command_loop(self: Rc<Self>, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut last_tick = laptop_now();
        let mut system = self.system.clone();
        let mut timer = tokio::time::interval(BOOK_TICK);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                c = commands.recv() => match c {
                    Some(Command::Stop(done)) => {
                        self.clone().disconnect().await;
                        lock(&self.book).begin(Blotter::default());
                        *self.direct.borrow_mut() = None;
                        self.close_history();
                        // A connection over QUIC that was just dropped says so from a task of this
                        // thread.
                        tokio::time::sleep(LAST_PACKETS).await;
                        let _ = done.send(());
                        return;
                    }
                    Some(c) => self.clone().command(c).await,
                    None => return,
                },
                state = system.changed() => self.system_changed(state),
                _ = timer.tick() => {
                    let now = laptop_now();
                    self.tick(last_tick, now);
                    last_tick = now;
                }
            }
            self.next_ceremony();
        }
    }

    async fn command(self: Rc<Self>, c: Command) {
        match c {
            Command::Connect { identity, venue } => {
                let generation = self.supersede();
                tokio::task::spawn_local(async move {
                    let kept = unless_it_panics(self.clone().keep(generation, identity, venue));
                    if kept.await.is_none() && self.is_wanted(generation) {
                        show_stopped(&self.book);
                        self.ceremony.abandon();
                        self.supersede();
                    }
                });
            }
            Command::Renew => {
                if let Some(keys) = self.keys.borrow().as_ref() {
                    keys.wanted.set(true);
                }
            }
            Command::Disconnect => self.disconnect().await,
            Command::Send(m) => self.send(&m),
            Command::Probe => self.probe(),
            Command::StepUp(intent) => self.step_up(intent),
            Command::Verify(why) => self.verify(why),
            Command::Window(handle) => self.window.set(Some(handle)),
            // The loop ends with it.
            Command::Stop(_) => {}
        }
    }

    fn tick(&self, last_tick: UtcMillis, now: UtcMillis) {
        let late = now.since(last_tick);
        if late > DOZED_MS {
            self.changes.hint();
        }
        if slept(late) {
            tracing::info!(ms = late, "this laptop was asleep");
            self.woke.set(true);
        }
        let questions = lock(&self.book).tick(now);
        questions.iter().for_each(|m| self.send(m));
        self.direct_tick();
        self.history_tick(now);
        self.tell_woke();
    }

    fn system_changed(&self, s: SystemState) {
        self.sleeping_since.set(s.sleeping.then_some(laptop_now()));
        self.show_network(s);
    }

    /// What the system says of the network, and a portal that the desk found itself; and what they
    /// mean for a link that is held up.
    fn show_network(&self, s: SystemState) {
        if s.found_open {
            self.portal.forget_portal();
        }
        let SystemState { network, metered, portal, .. } = s;
        let portal = portal.or_else(|| self.portal_page());
        // Somebody else called the network so, and chose the page.
        let network = network.map(|name| NetworkView { name: peer_text::shown(&name), metered });
        let portal = portal.map(|page| peer_text::shown(&page));
        lock(&self.book).on_network(laptop_now(), network, portal);
        self.show_held_up();
    }

    /// The system is about to sleep, so what is on screen is soon out of date. One that says so
    /// and then stays awake is believed for a while only.
    fn is_falling_asleep(&self) -> bool {
        let awake_ms = self.sleeping_since.get().map(|since| laptop_now().since(since));
        awake_ms.is_some_and(|ms| (0..FALLS_ASLEEP_MAX_MS).contains(&ms))
    }

    /// Stops a running `keep` and returns the number for the next one.
    fn supersede(&self) -> u64 {
        self.wanted.set(self.wanted.get() + 1);
        self.superseded.notify_waiters();
        self.not_held_up();
        self.no_portal();
        self.direct_lost();
        self.history_down();
        if let Some(s) = self.session.borrow_mut().take() {
            s.detach();
        }
        self.wanted.get()
    }

    fn is_wanted(&self, generation: u64) -> bool {
        self.wanted.get() == generation
    }

    fn show(&self, change: impl FnOnce(&mut SessionView)) {
        lock(&self.book).link(laptop_now(), change);
    }

    fn refused(&self, p: Problem) {
        self.not_held_up();
        tracing::warn!(code = p.code, "refused: {}", p.message);
        self.show(|s| {
            s.state = LinkState::Refused;
            s.problem = Some(p);
        });
    }

    async fn disconnect(self: Rc<Self>) {
        let session = self.session.borrow().clone();
        // A running `keep` stops, so the desk does not reconnect.
        self.wanted.set(self.wanted.get() + 1);
        if let Some(s) = session {
            s.logout("the trader disconnected");
            let until = tokio::time::Instant::now() + LOGOUT_MAX;
            while s.is_logged_on() && tokio::time::Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        self.supersede();
        self.ceremony.abandon();
        lock(&self.book).link_lost();
        self.show(|s| {
            s.state = LinkState::Offline;
            s.problem = None;
            s.attempt = 0;
        });
    }

    fn verify(&self, why: SessionReason) {
        if lock(&self.book).wants_to_hear(why) {
            self.send(&AppMessage::StepUpRequest { reason: why.as_str().into() });
        }
    }

    /// Tells the gateway that the laptop woke, once it is connected.
    fn tell_woke(&self) {
        if self.woke.get() && lock(&self.book).knows_step_up() {
            self.woke.set(false);
            self.verify(SessionReason::Wake);
        }
    }

    fn send(&self, m: &AppMessage) {
        let now = laptop_now();
        {
            let mut book = lock(&self.book);
            if let Some(why) = book.not_now(m, now) {
                return book.not_sent(m, why, now);
            }
        }
        if self.is_direct() { self.direct_send(m.clone()) } else { self.to_peer(m) }
    }

    /// Somebody waits for an answer, or is about to trade, so a dead path must be known soon.
    fn probe(&self) {
        if let Some(s) = self.session.borrow().as_ref() {
            self.ping_unless_waiting(s);
        }
    }

    fn to_peer(&self, m: &AppMessage) {
        let session = self.session.borrow().clone();
        let sent = session.map_or(Err(offline()), |s| s.send(m).map_err(|e| Problem::from(&e)));
        match sent {
            Ok(seq) => {
                lock(&self.book).sent_as(seq, m);
                self.probe();
            }
            Err(why) => lock(&self.book).not_sent(m, why, laptop_now()),
        }
    }
}

/// Random bytes. Without any, digests of networks are only easier to guess.
fn secret() -> [u8; 32] {
    let mut secret = [0; 32];
    let _ = aws_lc_rs::rand::fill(&mut secret);
    secret
}

/// Timers stop while a laptop sleeps; its clock does not.
fn slept(late_ms: i64) -> bool {
    late_ms > ASLEEP_MS
}

#[cfg(test)]
mod tests;
