//! Keeps one FIXS session alive across networks. One thread, everything on it.

use crate::{
    blotter::Blotter,
    book::{Book, lock},
    ceremony::{Running, StepUpIntent},
    direct::Direct,
    in_flight::InFlight,
    issue::Issuer,
    keys::Keys,
    laptop_clock::{self, laptop_now},
    peer_text,
    problem::problem,
    venue::{DeskConfig, Venue, profile, slug, tls_settings},
    view::*,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_fix::{
    AppMessage,
    framer::Framer,
    message::{DecodeError, SecurityListRequest},
    pump::{Closed, pump},
    session::{Binding, Event, Outbox, Role, Session, SessionConfig, SessionOptions},
    store::SealedStore,
};
use signet_identity::{
    Identity, IdentityName, MessageKey, MessagePublicKey, PeerIdentity, Refusal, Renewal, Stage, SwitchAction, SwitchEvent, Which,
    channel_binding, describe,
    net::{self, DialError},
};
use signet_journal::{StoreKey, private_folder};
use signet_rfq::{CompId, RfqId, UtcMillis};
use signet_stepup::{SessionReason, client::StepUp};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    path::{Path, PathBuf},
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};
use time::OffsetDateTime;
use tokio::{net::TcpStream, sync::mpsc, sync::oneshot, task::LocalSet, time::timeout};
use tokio_rustls::{client::TlsStream, rustls::pki_types::ServerName};

const DIAL_MAX: Duration = Duration::from_secs(8);
/// From TLS to an answered Logon and a complete snapshot.
const LOGON_MAX: Duration = Duration::from_secs(8);
const RETRY_FIRST_MS: u64 = 100;
const RETRY_LAST_MS: u64 = 2_000;
const PING_EVERY: Duration = Duration::from_secs(3);
/// A ping unanswered for this long means the network has gone without saying so.
const PING_LOST_MS: i64 = 5_000;
const BOOK_TICK: Duration = Duration::from_millis(100);
const HEARTBEAT_S: u32 = 5;
/// A tick that comes this late means that the laptop was asleep in between.
const ASLEEP_MS: i64 = 15_000;

// A handful of these exist at a time.
#[allow(clippy::large_enum_variant)]
pub enum Command {
    Connect {
        identity: String,
        venue: String,
    },
    Disconnect,
    /// A new certificate now, whether it is due or not.
    Renew,
    Send(AppMessage),
    StepUp(StepUpIntent),
    /// The trader, or this laptop, wants the trader to be verified.
    Verify(SessionReason),
    /// The desk's window (HWND).
    Window(isize),
    Stop(oneshot::Sender<()>),
}

/// Runs the link's thread until `Stop`.
pub fn run(config: DeskConfig, issuer: Issuer, keys_reach: Arc<dyn StepUp>, commands: mpsc::UnboundedReceiver<Command>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(rt) => rt.block_on(LocalSet::new().run_until(command_loop(config, issuer, keys_reach, commands))),
        Err(e) => tracing::error!(error = %e, "the link's thread has no runtime"),
    }
}

async fn command_loop(config: DeskConfig, issuer: Issuer, keys_reach: Arc<dyn StepUp>, mut commands: mpsc::UnboundedReceiver<Command>) {
    let link = Rc::new(Link {
        config,
        book: issuer.book.clone(),
        issuer,
        session: RefCell::new(None),
        keys: RefCell::new(None),
        wanted: Cell::new(0),
        pings: RefCell::default(),
        keys_reach,
        ceremony: RefCell::new(None),
        exporter: Cell::new([0; 32]),
        window: Cell::new(None),
        rp_id: RefCell::new(None),
        woke: Cell::new(false),
        direct: RefCell::new(None),
    });
    let mut last_tick = laptop_now();
    let mut timer = tokio::time::interval(BOOK_TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            c = commands.recv() => match c {
                Some(Command::Connect { identity, venue }) => {
                    let generation = link.supersede();
                    tokio::task::spawn_local(link.clone().keep(generation, identity, venue));
                }
                Some(Command::Renew) => {
                    if let Some(keys) = link.keys.borrow().as_ref() {
                        keys.wanted.set(true);
                    }
                }
                Some(Command::Disconnect) => link.clone().disconnect().await,
                Some(Command::Send(m)) => link.send(&m),
                Some(Command::StepUp(intent)) => link.step_up(intent),
                Some(Command::Verify(why)) => link.verify(why),
                Some(Command::Window(handle)) => link.window.set(Some(handle)),
                Some(Command::Stop(done)) => {
                    link.clone().disconnect().await;
                    lock(&link.book).begin(Blotter::default());
                    *link.direct.borrow_mut() = None;
                    let _ = done.send(());
                    return;
                }
                None => return,
            },
            _ = timer.tick() => {
                let now = laptop_now();
                if slept(last_tick, now) {
                    tracing::info!(ms = now.since(last_tick), "this laptop was asleep");
                    link.woke.set(true);
                }
                last_tick = now;
                lock(&link.book).tick(now);
                link.direct_tick();
                link.tell_woke();
            }
        }
        link.next_ceremony();
    }
}

pub(crate) struct Link {
    config: DeskConfig,
    issuer: Issuer,
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) keys_reach: Arc<dyn StepUp>,
    pub(crate) ceremony: RefCell<Option<Running>>,
    /// RFC 9266 exporter of the connection that is up.
    pub(crate) exporter: Cell<[u8; 32]>,
    pub(crate) window: Cell<Option<isize>>,
    /// The relying party that the venue connected to may ask keys as.
    pub(crate) rp_id: RefCell<Option<String>>,
    /// The laptop woke, and the gateway has not heard of it.
    woke: Cell<bool>,
    /// What stands in a gateway's place at a plain venue.
    pub(crate) direct: RefCell<Option<Direct>>,
    keys: RefCell<Option<Rc<Keys>>>,
    session: RefCell<Option<Rc<Session>>>,
    /// Which call of `keep` is the wanted one; an older one stops at its next step.
    wanted: Cell<u64>,
    pings: RefCell<HashMap<String, UtcMillis>>,
}

/// What a connection is made with.
struct Target {
    venue: Venue,
    keys: Rc<Keys>,
    session: Rc<Session>,
}

enum Ended {
    /// Try again.
    Lost(Problem),
    /// Trying again would change nothing; somebody must act.
    Refused(Problem),
}

impl Link {
    fn supersede(&self) -> u64 {
        self.wanted.set(self.wanted.get() + 1);
        self.direct_lost();
        if let Some(s) = self.session.borrow_mut().take() {
            s.detach();
        }
        self.wanted.get()
    }

    fn show(&self, change: impl FnOnce(&mut SessionView)) {
        lock(&self.book).link(laptop_now(), change);
    }

    fn refused(&self, p: Problem) {
        tracing::warn!(code = p.code, "refused: {}", p.message);
        self.show(|s| {
            s.state = LinkState::Refused;
            s.problem = Some(p);
        });
    }

    async fn disconnect(self: Rc<Self>) {
        let session = self.session.borrow().clone();
        // From here on nobody dials again: the end of this link is wanted.
        self.wanted.set(self.wanted.get() + 1);
        if let Some(s) = session {
            s.logout("the trader disconnected");
            let until = tokio::time::Instant::now() + Duration::from_secs(1);
            while s.is_logged_on() && tokio::time::Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        self.supersede();
        self.stop_ceremony();
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

    /// As soon as there is somebody to tell.
    fn tell_woke(&self) {
        if self.woke.get() && lock(&self.book).knows_step_up() {
            self.woke.set(false);
            self.verify(SessionReason::Wake);
        }
    }

    pub(crate) fn send(&self, m: &AppMessage) {
        if self.is_direct() { self.direct_send(m.clone()) } else { self.to_peer(m) }
    }

    pub(crate) fn to_peer(&self, m: &AppMessage) {
        let session = self.session.borrow().clone();
        let sent = session.map_or(Err(crate::problem::offline()), |s| s.send(m).map_err(|e| Problem::from(&e)));
        match sent {
            Ok(seq) => lock(&self.book).sent_as(seq, m),
            Err(why) => lock(&self.book).not_sent(m, why, laptop_now()),
        }
    }

    /// Gets the key, then connects again and again until superseded or refused.
    async fn keep(self: Rc<Self>, generation: u64, identity: String, venue: String) {
        let target = match self.prepare(generation, &identity, &venue).await {
            Ok(t) => t,
            Err(p) if self.wanted.get() == generation => return self.refused(p),
            Err(_) => return,
        };
        let mut attempt = 0u32;
        while self.wanted.get() == generation {
            attempt += 1;
            let first = attempt == 1;
            self.show(|s| {
                s.state = if first { LinkState::Connecting } else { LinkState::Reconnecting };
                s.attempt = attempt;
            });
            let began = tokio::time::Instant::now();
            let (which, identity) = target.keys.take(OffsetDateTime::now_utc());
            let ended = self.connect_once(generation, &target, which, &identity).await;
            if self.wanted.get() != generation {
                return;
            }
            self.stop_ceremony();
            self.direct_lost();
            lock(&self.book).link_lost();
            match self.about_the_key(&target.keys, which, ended).await {
                Ended::Refused(p) => return self.refused(p),
                Ended::Lost(p) => {
                    tracing::info!(code = p.code, attempt, "link lost or not made: {}", p.message);
                    // A link that held was good: start over with short waits.
                    if began.elapsed() > Duration::from_secs(10) {
                        attempt = 0;
                    }
                    self.show(|s| {
                        s.state = LinkState::Reconnecting;
                        s.problem = Some(p);
                        s.attempt = attempt.max(1);
                    });
                }
            }
            tokio::time::sleep(backoff(attempt)).await;
        }
    }

    /// A refusal of the renewed certificate is no reason to stop: the one before still stands.
    async fn about_the_key(&self, keys: &Keys, which: Which, ended: Ended) -> Ended {
        let refused = match &ended {
            Ended::Lost(p) | Ended::Refused(p) => is_about_the_key(&p.code),
        };
        let event = if refused { SwitchEvent::Refused(which) } else { SwitchEvent::Unreached };
        if keys.happened(event) == SwitchAction::Discard {
            self.issuer.discard(&keys.name).await;
        }
        match ended {
            Ended::Refused(p) if refused && which == Which::Pending => Ended::Lost(p),
            other => other,
        }
    }

    /// Keychain, stores, session: everything that does not need the network.
    async fn prepare(&self, generation: u64, identity: &str, venue: &str) -> Result<Target, Problem> {
        let venue = self.issuer.venues.find(venue);
        let venue = venue
            .ok_or_else(|| problem("venue_unknown", "This desk is not configured for that venue.", "Choose a venue from the list."))?;
        self.show(|s| {
            s.state = LinkState::WaitingForKeychain;
            s.problem = None;
            s.identity = Some(identity.into());
            s.venue = Some(VenueView { name: venue.name.clone(), endpoint: venue.endpoint() });
            s.tls = None;
            s.attempt = 0;
            s.clock_offset_ms = None;
            s.round_trip_ms = None;
        });
        lock(&self.book).forget_clock();
        let name: IdentityName = identity.parse().map_err(|e: signet_identity::KeychainError| Problem::from(&e))?;
        let n = name.clone();
        let asked = self.issuer.blocking(move |holders| {
            let (current, pending) = Keys::load(holders, &n)?;
            let secret = holders.keychain.secret(&n).map_err(|e| Problem::from(&e))?;
            Ok((current, pending, StoreKey::new(*secret)))
        });
        let (loaded, pending, key) = asked.await?;
        if self.wanted.get() != generation {
            return Err(internal("superseded"));
        }
        let (comp_id, folder) = names(&loaded, &name, &venue)?;
        let folder = self.config.data_dir.join(folder);
        // The stores of the connection before, which may be the same ones, are let go of first.
        lock(&self.book).begin(Blotter::default());
        *self.direct.borrow_mut() = None;
        let stores = open_stores(&folder, &comp_id, &venue, &key)?;
        {
            let mut book = lock(&self.book);
            book.begin(stores.blotter);
            book.resume(stores.in_flight);
        }
        *self.direct.borrow_mut() = stores.direct;
        let session = Rc::new(stores.session);
        *self.session.borrow_mut() = Some(session.clone());
        lock(&self.book).at_gateway(&venue.comp_id, venue.direct.is_some());
        *self.rp_id.borrow_mut() = venue.rp_id.clone();
        self.show(|s| s.comp_id = Some(comp_id.to_string()));
        let keys = Rc::new(Keys::new(name, loaded, pending));
        *self.keys.borrow_mut() = Some(keys.clone());
        Ok(Target { venue, keys, session })
    }

    async fn connect_once(self: &Rc<Self>, generation: u64, t: &Target, which: Which, identity: &Identity) -> Ended {
        let stream = match timeout(DIAL_MAX, self.dial(&t.venue, identity)).await {
            Ok(Ok(s)) => s,
            Ok(Err(e)) => return e,
            Err(_) => return Ended::Lost(Problem::from(&Refusal::TimedOut)),
        };
        if self.wanted.get() != generation {
            return Ended::Lost(internal("superseded"));
        }
        let connection = stream.get_ref().1;
        let words = describe(connection);
        let exporter = match channel_binding(connection) {
            Ok(b) => b,
            Err(e) => return Ended::Refused(internal(&e.to_string())),
        };
        self.exporter.set(exporter);
        // A plain venue knows nothing of our tag; the exporter is signed over all the same.
        let binding = if t.venue.direct.is_some() { Binding::None } else { Binding::Required(BASE64.encode(exporter)) };
        let channel = match crate::signing::channel(&t.venue, identity, binding, || MessagePublicKey::of_connection(connection)) {
            Ok(c) => c,
            Err(e) => return Ended::Refused(problem("server_key_type", crate::problem::sentence(&e.to_string()), e.cure())),
        };
        self.show(|s| {
            s.state = LinkState::LoggingOn;
            s.tls = Some(words);
        });
        if t.venue.direct.is_none() {
            // The exporter makes it fresh: the gateway cannot have asked yet.
            t.session.say_at_logon(crate::posture::envelope(identity.message_key(), exporter, String::new(), &self.config.version).await);
        }
        let outbox = match t.session.attach(channel) {
            Ok(o) => o,
            Err(e) => return Ended::Refused(internal(&e.to_string())),
        };
        self.pings.borrow_mut().clear();
        t.session.tick();
        let heart = tokio::task::spawn_local(self.clone().watch(t.venue.clone(), t.keys.clone(), t.session.clone(), outbox.clone()));
        let logged_on = Rc::new(Cell::new(false));
        let goodbye = RefCell::new(None);
        let mut framer = Framer::new();
        let closed = pump(stream, &mut framer, &t.session, &outbox, |e| {
            if matches!(e, Event::LoggedOn) && t.keys.happened(SwitchEvent::Accepted(which)) == SwitchAction::Promote {
                let (issuer, name) = (self.issuer.clone(), t.keys.name.clone());
                tokio::task::spawn_local(async move { issuer.promote(&name).await });
            }
            match e {
                Event::Message { message: AppMessage::PostureRequest { nonce }, .. } if t.venue.direct.is_none() => {
                    self.tell_posture(&t.session, &outbox, identity.message_key(), exporter, nonce);
                }
                e => self.event(e, &t.session, &logged_on, &goodbye),
            }
        })
        .await;
        heart.abort();
        ended(&closed, logged_on.get(), goodbye.take())
    }

    /// Answers what the gateway asks about the laptop, on the connection it asked on.
    fn tell_posture(&self, session: &Rc<Session>, outbox: &Rc<Outbox>, key: MessageKey, exporter: [u8; 32], nonce: String) {
        let (session, outbox, version) = (session.clone(), outbox.clone(), self.config.version.clone());
        tokio::task::spawn_local(async move {
            let Some(envelope) = crate::posture::envelope(key, exporter, nonce, &version).await else { return };
            if session.is_attached_to(&outbox)
                && let Err(e) = session.send(&AppMessage::PostureReport { envelope })
            {
                tracing::warn!(error = %e, "the report about this laptop could not be sent");
            }
        });
    }

    async fn dial(&self, v: &Venue, identity: &Identity) -> Result<TlsStream<TcpStream>, Ended> {
        let refused = |e: signet_identity::ProfileError| Ended::Refused(tls_settings(&e.to_string()));
        let tls = profile(v, identity, &self.config.tls).map_err(Ended::Refused)?.config().map_err(refused)?;
        let classify = |stage| move |e: std::io::Error| lost_or_refused(&Refusal::seen_by_client(&e, stage));
        let tcp = net::dial(&v.host, v.port, &self.config.proxy, DIAL_MAX).await.map_err(|e| match &e {
            DialError::Direct(refusal) => lost_or_refused(refusal),
            // A proxy that says no today may say yes in the next hotel.
            _ => Ended::Lost(problem(&e.code().replace('.', "_"), crate::problem::sentence(&e.to_string()), e.cure())),
        })?;
        tcp.set_nodelay(true).map_err(classify(Stage::Connect))?;
        let name = ServerName::try_from(v.server_name.clone()).map_err(|_| {
            Ended::Refused(problem("venue_server_name", "The venue's server name is not a host name.", "Have desk.toml corrected."))
        })?;
        let stream = net::handshake(tls, name, tcp, DIAL_MAX).await.map_err(classify(Stage::Handshake))?;
        if v.direct.is_some() {
            // Chain, name and pins are checked; a plain venue's certificate states no Signet identity.
            return Ok(stream);
        }
        let wrong = |why: String| {
            Ended::Refused(problem(
                "server_wrong_identity",
                why,
                "Do not trade. Tell your security officer: something answers in the gateway's place.",
            ))
        };
        let peer = PeerIdentity::of_connection(stream.get_ref().1).map_err(|e| wrong(e.to_string()))?;
        peer.require(signet_identity::Role::Gateway, &v.trust_domain).map_err(|e| wrong(e.to_string()))?;
        if peer.comp_id.as_str() != v.comp_id.as_str() {
            return Err(wrong(format!("The server is {}, not {}.", peer.comp_id, v.comp_id)));
        }
        Ok(stream)
    }

    fn event(self: &Rc<Self>, e: Event, session: &Session, logged_on: &Cell<bool>, goodbye: &RefCell<Option<Goodbye>>) {
        let now = laptop_now();
        match e {
            Event::LoggedOn => {
                logged_on.set(true);
                self.show(|s| {
                    s.state = LinkState::Restoring;
                    s.problem = None;
                });
                if self.is_direct() {
                    self.direct_up();
                    self.next_ceremony();
                } else if let Ok(id) = RfqId::new(format!("list-{}", now.0)) {
                    let _ = session.send(&AppMessage::SecurityListRequest(SecurityListRequest { id }));
                }
                self.ping(session);
            }
            Event::LoggedOut { text, code, cure } => {
                let cure = cure.as_deref().map(peer_text::shown);
                *goodbye.borrow_mut() = text.map(|text| Goodbye { text: peer_text::shown(&text), code, cure });
            }
            Event::Message { message, .. } if self.is_direct() => {
                self.direct_heard(message);
                self.next_ceremony();
            }
            Event::Message { message, .. } => {
                let answers = lock(&self.book).message(message, now);
                for a in answers {
                    if let Err(e) = session.send(&a) {
                        tracing::warn!(error = %e, "an answer could not be sent");
                    }
                }
                self.next_ceremony();
            }
            Event::Pong { id, sent } => {
                if let Some(asked) = self.pings.borrow_mut().remove(&id) {
                    lock(&self.book).measured(asked, sent, now);
                    self.tell_clock_error(now);
                }
            }
            Event::Rejected { ref_seq, ref_msg_type, text } => {
                lock(&self.book).session_reject(ref_seq, &peer_text::shown(&format!("{ref_msg_type}: {text}")), now);
            }
            Event::Refused { msg_type, error } => {
                tracing::warn!(msg_type, %error, "a message of the gateway was refused");
                if let DecodeError::Signature(why) = &error {
                    lock(&self.book).not_believed(&msg_type, &Problem::from(why), now);
                }
            }
            _ => {}
        }
    }

    /// The trader is told how far the clock of the operating system is off, steps and all.
    fn tell_clock_error(&self, now: UtcMillis) {
        let stepped = now.since(laptop_clock::wall());
        self.show(|s| s.clock_offset_ms = s.clock_offset_ms.map(|ms| ms + stepped as f64));
    }

    fn ping(&self, session: &Session) {
        let now = laptop_now();
        let id = format!("ping-{}", now.0);
        if session.ping(&id).is_ok() {
            self.pings.borrow_mut().insert(id, now);
        }
    }

    /// Measures the link and notices when it has died in silence.
    async fn watch(self: Rc<Self>, venue: Venue, keys: Rc<Keys>, session: Rc<Session>, outbox: Rc<Outbox>) {
        let started = tokio::time::Instant::now();
        let mut rounds = 0u32;
        loop {
            // Quick samples first, so that the clock is known before the first quote.
            let wait = if rounds < 3 { Duration::from_millis(300) } else { PING_EVERY };
            tokio::time::sleep(wait).await;
            if !session.is_logged_on() {
                if started.elapsed() > LOGON_MAX {
                    outbox.close();
                }
                continue;
            }
            rounds += 1;
            tokio::task::spawn_local(self.clone().renew_if_due(venue.clone(), keys.clone()));
            if keys.wants_switch(OffsetDateTime::now_utc()) && lock(&self.book).idle() {
                tracing::info!(identity = %keys.name, "the link is made again, with the renewed certificate");
                outbox.close();
                return;
            }
            let now = laptop_now();
            let oldest = self.pings.borrow().values().min().copied();
            if oldest.is_some_and(|t| now.since(t) > PING_LOST_MS) {
                tracing::info!("no answer to a ping; the link is given up");
                outbox.close();
                return;
            }
            self.ping(&session);
        }
    }
}

impl Link {
    async fn renew_if_due(self: Rc<Self>, venue: Venue, keys: Rc<Keys>) {
        let now = OffsetDateTime::now_utc();
        let Some(how) = keys.due(now) else { return };
        keys.renewing.set(true);
        let current = keys.current();
        let result = self.issuer.renew(&venue, &keys.name, &current).await;
        if let Err(why) = &result {
            tracing::warn!(identity = %keys.name, code = why.code, "the certificate was not renewed: {}", why.message);
            if how == Renewal::Urgent || keys.wanted.get() {
                let day = current.facts().not_after.date();
                let text = format!("The certificate of this laptop ends on {day} and could not be renewed. {} {}", why.message, why.cure);
                lock(&self.book).tell(NoticeKind::Bad, &why.code, text, laptop_now());
            }
        }
        keys.renewed(now, result.map_err(drop));
        keys.renewing.set(false);
    }
}

struct Stores {
    blotter: Blotter,
    in_flight: InFlight,
    session: Session,
    direct: Option<Direct>,
}

/// This desk's CompID at the venue, and the folder of its identity. A certificate that states no Signet identity will
/// do where the settings give the CompID.
fn names(identity: &Identity, name: &IdentityName, venue: &Venue) -> Result<(CompId, String), Problem> {
    let given = venue.direct.as_ref().and_then(|d| d.sender_comp_id.clone());
    match (identity.peer(), given) {
        (Ok(peer), given) => {
            let own = CompId::new(peer.comp_id.as_str()).map_err(|e| internal(&e.to_string()))?;
            let folder = own.to_string();
            Ok((given.unwrap_or(own), folder))
        }
        (Err(_), Some(given)) => Ok((given, format!("direct-{name}"))),
        (Err(e), None) => Err(problem(
            "identity_unsuitable",
            crate::problem::sentence(&e.to_string()),
            "Ask your administrator for a Signet desk certificate.",
        )),
    }
}

fn open_stores(folder: &Path, comp_id: &CompId, venue: &Venue, key: &StoreKey) -> Result<Stores, Problem> {
    let cannot = |e: String| {
        problem(
            "store_unusable",
            format!("The desk's local store cannot be used: {e}"),
            "Close other Signet windows; if that does not help, ask support before deleting anything.",
        )
    };
    private_folder(folder).map_err(|e| cannot(format!("{}: {e}", folder.display())))?;
    let path = session_store(folder, venue).map_err(|e| cannot(e.to_string()))?;
    let store = SealedStore::open(&path, key, laptop_now(), false).map_err(|e| cannot(e.to_string()))?;
    let settings = SessionConfig {
        role: Role::Initiator,
        sender: comp_id.clone(),
        target: venue.comp_id.clone(),
        heartbeat_s: HEARTBEAT_S,
        strict: venue.direct.is_none(),
    };
    // A plain venue knows nothing of numbers that two ends agree on.
    let options = if venue.direct.is_some() { SessionOptions::default() } else { SessionOptions::between_desk_and_gateway() };
    let session = Session::open_with(&settings, options, Box::new(store)).map_err(|e| cannot(e.to_string()))?;
    let blotter = Blotter::open(&folder.join("blotter.log"), key).map_err(|e| cannot(e.to_string()))?;
    let in_flight = InFlight::open(&folder.join(format!("{}.accepts", venue.comp_id)), key).map_err(|e| cannot(e.to_string()))?;
    let direct = venue.direct.as_ref().map(|d| Direct::open(venue, d, comp_id, folder, key)).transpose();
    Ok(Stores { blotter, in_flight, session, direct: direct.map_err(|e| cannot(e.to_string()))? })
}

/// Where the sequence numbers of a venue's session are: two venues may have one CompID, and their
/// numbers are not the same. A store of an earlier version, kept by CompID only, goes to the venue
/// that is used first.
fn session_store(folder: &Path, venue: &Venue) -> std::io::Result<PathBuf> {
    let path = folder.join(format!("{}.{}.fix", venue.comp_id, slug(&venue.name)));
    let earlier = folder.join(format!("{}.fix", venue.comp_id));
    if !path.exists() && earlier.exists() {
        std::fs::rename(&earlier, &path)?;
    }
    Ok(path)
}

/// Whether a refusal says something about our certificate or key, and not about the network or the
/// gateway's own: another key might do better.
fn is_about_the_key(code: &str) -> bool {
    ["client_", "token_", "holder_"].iter().any(|kind| code.starts_with(kind)) || code == "logon_refused"
}

fn internal(why: &str) -> Problem {
    problem(
        "internal",
        format!("Something inside Signet Desk failed: {why}"),
        "Restart Signet Desk; if it happens again, send the log to support.",
    )
}

/// What the network may cure by itself is tried again; what a person must cure is not.
fn lost_or_refused(r: &Refusal) -> Ended {
    match r {
        Refusal::DnsFailure | Refusal::ConnectionRefused | Refusal::Unreachable | Refusal::TimedOut | Refusal::ClosedDuringHandshake => {
            Ended::Lost(Problem::from(r))
        }
        _ => Ended::Refused(Problem::from(r)),
    }
}

/// What the gateway said in its Logout.
struct Goodbye {
    text: String,
    code: Option<String>,
    cure: Option<String>,
}

fn ended(closed: &Closed, logged_on: bool, goodbye: Option<Goodbye>) -> Ended {
    if let (false, Some(g)) = (logged_on, &goodbye) {
        let message = format!("The gateway refused the logon: {}", crate::problem::sentence(&g.text));
        let usual = "Tell your administrator; the certificate or its registration does not fit.";
        let code = g.code.as_deref().filter(|c| is_code(c)).map_or_else(|| "logon_refused".to_owned(), |c| c.replace('.', "_"));
        return Ended::Refused(problem(&code, message, g.cure.as_deref().unwrap_or(usual)));
    }
    match closed {
        Closed::Io(e) => {
            let r = Refusal::seen_by_client(e, Stage::Session);
            // An alert in place of a Logon is how TLS 1.3 tells that our certificate was refused.
            if logged_on || matches!(r, Refusal::Other { .. }) {
                Ended::Lost(problem("link_lost", "The connection to the gateway was lost.", "The desk reconnects by itself."))
            } else {
                lost_or_refused(&r)
            }
        }
        Closed::NotFix(e) => {
            Ended::Refused(problem("not_fix", format!("What answers there does not speak FIX: {e}."), "Have the venue's address checked."))
        }
        _ if !logged_on => {
            Ended::Lost(problem("logon_unanswered", "The gateway did not answer the logon.", "The desk tries again by itself."))
        }
        _ => {
            let why = goodbye.map_or_else(String::new, |g| format!(" It said: {}", crate::problem::sentence(&g.text)));
            Ended::Lost(problem("link_lost", format!("The connection to the gateway ended.{why}"), "The desk reconnects by itself."))
        }
    }
}

/// A stable code as we write them; anything else is not shown as one.
fn is_code(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_')
}

/// Timers stand still while a laptop sleeps; its clock does not. A clock that is set back tells nothing.
fn slept(last_tick: UtcMillis, now: UtcMillis) -> bool {
    now.since(last_tick) > ASLEEP_MS
}

/// 100 ms, doubling to 2 s, with a quarter of it as jitter so that desks do not come back in step.
fn backoff(attempt: u32) -> Duration {
    let base = (RETRY_FIRST_MS << attempt.saturating_sub(1).min(6)).min(RETRY_LAST_MS);
    let mut b = [0u8; 1];
    let _ = aws_lc_rs::rand::fill(&mut b);
    Duration::from_millis(base - base / 8 + base / 4 * u64::from(b[0]) / 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_that_comes_much_too_late_means_sleep() {
        let at = UtcMillis(1_000_000);
        for (ms, asleep) in [(0, false), (100, false), (15_000, false), (15_001, true), (8 * 3_600_000, true), (-3_600_000, false)] {
            assert_eq!(slept(at, at + ms), asleep, "{ms}");
        }
    }

    #[test]
    fn a_refusal_of_the_key_is_told_from_any_other() {
        for code in [
            "client_certificate_refused",
            "client_revoked",
            "client_unknown_ca",
            "client_key_unavailable",
            "token_removed",
            "logon_refused",
        ] {
            assert!(is_about_the_key(code), "{code}");
        }
        for code in ["server_name_mismatch", "net_timed_out", "link_lost", "crl_stale", "proxy_refused", "not_fix"] {
            assert!(!is_about_the_key(code), "{code}");
        }
    }
}
