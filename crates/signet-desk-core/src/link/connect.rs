//! Connects: opens the keychain and the files, then dials until it is told to stop.

use super::{
    Link,
    conversation::Conversation,
    dial::{DIAL_MAX, Made, dial, is_in_token},
    keys::Keys,
    networks::NetworkName,
    outcome::{Ended, Fault, Next, backoff, internal, wait_before},
    over_quic::{self, TcpAlone},
    pings::Pulse,
    stores::{names, open_stores},
    target::{Hosts, Target},
    waiting::{SETTLE, dial_again, needs_dns, pause},
    wire::Wire,
};
use crate::{
    blotter::Blotter,
    book::lock,
    laptop_clock::laptop_now,
    posture,
    problem::{problem, sentence},
    signing,
    venue::Venue,
    view::{LinkState, Problem, VenueView},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_fix::session::{Binding, Channel, Outbox, Program, Session};
use signet_identity::{CompId, Identity, MessagePublicKey, Refusal};
use signet_journal::StoreKey;
use signet_keystore::{IdentityName, IdentitySlot, KeychainError, SwitchAction, SwitchEvent};
use signet_net::{
    ATTEMPT_DELAY, ProxyEnvironment,
    watch::{Change, NetworkChanges, source_towards},
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    rc::Rc,
    time::{Duration, Instant, SystemTime},
};
use time::OffsetDateTime;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Stands for any address outside (RFC 5737); nothing is sent to it.
const DEFAULT_ROUTE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);
/// How often a long wait looks at the clock: the laptop may have slept.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(5);
/// How often is looked whether what answered in the gateway's place still does.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often one attempt begins again because the network changes.
const REDIALS_MAX: u32 = 10;

/// What the files of an identity are sealed with.
type Secret = Zeroizing<[u8; 32]>;

/// A connection that is made and not yet logged on.
pub(super) struct Dialled {
    pub slot: IdentitySlot,
    pub identity: Identity,
    pub wire: Wire,
}

/// How one connection went.
struct Round {
    slot: IdentitySlot,
    ended: Ended,
    /// For how long it was up; `None`: the gateway did not accept the logon.
    was_on: Option<Duration>,
    /// The connection that takes its place.
    beside: Option<Dialled>,
}

impl Link {
    /// Gets the key, then connects and reconnects until it is superseded or refused. Whatever it
    /// holds, the locks of its files among it, is let go of then.
    pub(super) async fn keep(self: Rc<Self>, generation: u64, identity: String, venue: String) {
        tokio::select! {
            () = self.keep_on(generation, identity, venue) => {}
            () = self.superseded.notified() => {}
        }
    }

    async fn keep_on(self: &Rc<Self>, generation: u64, identity: String, venue: String) {
        let target = match self.prepare(generation, &identity, &venue).await {
            Ok(t) => t,
            Err(p) if self.is_wanted(generation) => return self.refused(p),
            Err(_) => return,
        };
        let (mut attempt, mut unanswered) = (0u32, 0u32);
        let (mut beside, mut quietly) = (None, false);
        while self.is_wanted(generation) {
            let mut changes = self.changes_from_now();
            let round = match beside.take() {
                Some(dialled) => self.converse(generation, &target, dialled).await,
                None => {
                    attempt += 1;
                    if !std::mem::take(&mut quietly) {
                        self.show_attempt(attempt);
                    }
                    self.dial_and_converse(generation, &target).await
                }
            };
            if !self.is_wanted(generation) {
                return;
            }
            self.ceremony.abandon();
            self.direct_lost();
            lock(&self.book).link_lost();
            if round.was_on.is_some() {
                attempt = 0;
            }
            beside = round.beside;
            if beside.is_some() {
                tracing::info!("the network changed; the link goes on over another connection");
                self.show_reconnecting(None, 1);
                continue;
            }
            let ended = self.settle_key(&target.keys, round.slot, round.ended).await;
            target.hosts.ended(round.was_on.is_some(), ended.fault);
            unanswered = if ended.fault == Fault::Unanswered { unanswered + 1 } else { 0 };
            match ended.next {
                Next::GiveUp => return self.refused(ended.problem),
                Next::AwaitNetwork | Next::AwaitWay | Next::AwaitGateway => {
                    self.hold_up(ended.next, ended.problem, attempt);
                    let changed = settled_change(&mut changes, attempt);
                    match ended.next {
                        Next::AwaitNetwork => changed.await,
                        // The trader reads on what is wrong meanwhile.
                        _ => quietly = timeout(LOOK_AGAIN, changed).await.is_err(),
                    }
                }
                Next::After(wait) => {
                    self.refused(ended.problem);
                    self.sleep_until_over(wait).await;
                    attempt = 0;
                }
                Next::TryAgain => {
                    let Problem { code, message, .. } = &ended.problem;
                    tracing::info!(code, attempt, "link lost or not made: {message}");
                    let told = ended.fault.is_told(unanswered).then_some(ended.problem);
                    self.show_reconnecting(told, attempt.max(1));
                    let wait = wait_before(attempt, round.was_on);
                    let dns = self.needs_dns(&target.venue);
                    // After DNS not from the first attempt again: it may go on changing.
                    if pause(wait, &mut changes, dns).await == Some(Change::Network) {
                        target.hosts.start_over();
                        attempt = 0;
                    }
                }
            }
        }
    }

    /// Sleeps until a time that the gateway said is over, by either clock: one stands still while
    /// the laptop sleeps, the other may be set.
    async fn sleep_until_over(&self, wait: Duration) {
        let (began, at) = (Instant::now(), SystemTime::now() + wait);
        while let Some(left) = wait.checked_sub(began.elapsed()).filter(|l| !l.is_zero())
            && SystemTime::now() < at
        {
            tokio::time::sleep(left.min(LOOK_AT_CLOCK)).await;
        }
    }

    fn show_attempt(&self, attempt: u32) {
        self.not_held_up();
        self.no_portal_elsewhere();
        let first = attempt == 1;
        self.show(|s| {
            s.state = if first { LinkState::Connecting } else { LinkState::Reconnecting };
            s.attempt = attempt;
        });
    }

    fn show_reconnecting(&self, problem: Option<Problem>, attempt: u32) {
        self.not_held_up();
        self.show(|s| {
            s.state = LinkState::Reconnecting;
            s.problem = problem;
            s.attempt = attempt;
        });
    }

    /// Changes of networks that come from now on.
    pub(super) fn changes_from_now(&self) -> NetworkChanges {
        let mut changes = self.changes.clone();
        changes.forget();
        changes
    }

    /// Tells the change of keys how the connection ended. A refusal of the renewed certificate does
    /// not stop the link, because the certificate before it may still be good.
    async fn settle_key(&self, keys: &Keys, slot: IdentitySlot, ended: Ended) -> Ended {
        let refused = ended.fault == Fault::OwnKey;
        let event = if refused { SwitchEvent::Refused(slot) } else { SwitchEvent::Unreached };
        if keys.happened(event) == SwitchAction::Discard {
            self.issuer.discard(&keys.name).await;
        }
        match refused && slot == IdentitySlot::Pending {
            true => Ended { next: Next::TryAgain, ..ended },
            false => ended,
        }
    }

    /// Prepares everything that does not need the network: keychain, stores, session.
    async fn prepare(
        &self,
        generation: u64,
        identity: &str,
        venue: &str,
    ) -> Result<Target, Problem> {
        let venue = self.issuer.venues.find(venue);
        let venue = venue.ok_or_else(|| {
            problem(
                "venue.unknown",
                "This desk is not configured for that venue.",
                "Choose a venue from the list.",
            )
        })?;
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
        let name: IdentityName = identity.parse().map_err(|e: KeychainError| Problem::from(&e))?;
        let (loaded, pending, secret) = self.load(&name).await?;
        if !self.is_wanted(generation) {
            return Err(internal("superseded"));
        }
        let (comp_id, folder) = names(&loaded, &name, &venue)?;
        let session = self.open(&self.config.data_dir.join(folder), &comp_id, &venue, &secret)?;
        let keys = Rc::new(Keys::new(name, loaded, pending));
        *self.keys.borrow_mut() = Some(keys.clone());
        Ok(Target { venue, keys, session, hosts: Hosts::default() })
    }

    /// Loads both identities of this name, and the secret of its files. May wait for a person.
    async fn load(
        &self,
        name: &IdentityName,
    ) -> Result<(Identity, Option<Identity>, Secret), Problem> {
        let n = name.clone();
        let asked = self.issuer.blocking(move |holders| {
            let (current, pending) = Keys::load(holders, &n)?;
            let secret = holders.keychain.secret(&n).map_err(|e| Problem::from(&e))?;
            Ok((current, pending, secret))
        });
        asked.await
    }

    /// Opens the files of an identity at a venue and closes those that were open before.
    fn open(
        &self,
        folder: &Path,
        comp_id: &CompId,
        venue: &Venue,
        secret: &Secret,
    ) -> Result<Rc<Session>, Problem> {
        // The files of the connection before may be the same ones, so they are closed first.
        lock(&self.book).begin(Blotter::default());
        *self.direct.borrow_mut() = None;
        self.close_history();
        let stores = open_stores(folder, comp_id, venue, &StoreKey::new(**secret))?;
        {
            let mut book = lock(&self.book);
            book.begin(stores.blotter);
            book.resume(stores.in_flight);
            book.begin_tickets(stores.tickets);
            book.begin_list(stores.list);
        }
        *self.direct.borrow_mut() = stores.direct;
        self.open_history(folder, secret, &stores.session)?;
        let session = Rc::new(stores.session);
        *self.session.borrow_mut() = Some(session.clone());
        lock(&self.book).at_gateway(&venue.comp_id, venue.direct.is_some());
        *self.rp_id.borrow_mut() = venue.rp_id.clone();
        self.show(|s| s.comp_id = Some(comp_id.to_string()));
        Ok(session)
    }

    async fn dial_and_converse(self: &Rc<Self>, generation: u64, t: &Target) -> Round {
        let (slot, identity) = t.keys.take(OffsetDateTime::now_utc());
        match self.dial(t, &identity, ATTEMPT_DELAY).await {
            Ok(wire) => {
                self.not_held_up();
                self.no_portal();
                self.converse(generation, t, Dialled { slot, identity, wire }).await
            }
            Err(ended) => {
                if self.is_wanted(generation) {
                    self.look_for_portal(&t.venue, ended.next);
                }
                Round { slot, ended, was_on: None, beside: None }
            }
        }
    }

    /// Dials; begins again at once when the network changes meanwhile, a bounded number of times.
    /// `head_start`: of QUIC before FIXS over TCP.
    pub(super) async fn dial(
        &self,
        t: &Target,
        identity: &Identity,
        head_start: Duration,
    ) -> Result<Wire, Ended> {
        let mut changes = self.changes_from_now();
        let dns = self.needs_dns(&t.venue);
        for again in (0..REDIALS_MAX).rev() {
            let first = t.hosts.first();
            let network = self.network_in_use();
            let way = self.way(&t.venue, &network).map(|()| head_start);
            // A key in a token would sign for FIXS beside QUIC: one touch too many.
            let quic = way.ok().filter(|h| !h.is_zero() || !is_in_token(identity));
            let dialling = timeout(DIAL_MAX, dial(&t.venue, identity, &self.config, first, quic));
            tokio::select! {
                dialled = dialling => {
                    let Made { mut wire, heard } =
                        dialled.unwrap_or_else(|_| Err(Ended::by(&Refusal::TimedOut)))?;
                    if let Err(why) = way {
                        why.words().into_iter().for_each(|words| wire.says(words));
                    }
                    if let Some(heard) = heard {
                        self.networks.borrow_mut().heard(&network, heard, laptop_now());
                    }
                    return Ok(wire);
                }
                () = dial_again(&mut changes, dns), if again > 0 => {}
            }
        }
        Err(Ended::by(&Refusal::TimedOut))
    }

    /// Whether the way to a venue begins with a name that somebody has to resolve.
    pub(super) fn needs_dns(&self, venue: &Venue) -> bool {
        let proxy = self.config.proxy.choose(&ProxyEnvironment::read(), &venue.host);
        let also = venue.also.iter().map(|h| h.at.host.as_str());
        match &proxy {
            Ok(Some(proxy)) => needs_dns([proxy.host()]),
            _ => needs_dns(also.chain([venue.host.as_str()])),
        }
    }

    /// The network that the system would use now.
    pub(super) fn network_in_use(&self) -> NetworkName {
        (source_towards(DEFAULT_ROUTE), self.system.now().network)
    }

    /// Whether QUIC is dialled, or why not.
    fn way(&self, venue: &Venue, network: &NetworkName) -> Result<(), TcpAlone> {
        let proxy = self.config.proxy.choose(&ProxyEnvironment::read(), &venue.host);
        over_quic::decide(over_quic::Facts {
            offered: venue.quic && venue.direct.is_none(),
            proxy: !matches!(proxy, Ok(None)),
            held_up: self.networks.borrow().is_tcp_only(network, laptop_now()),
        })
    }

    /// Runs one connection to its end, until it is given up, or until another one is ready beside
    /// it.
    async fn converse(self: &Rc<Self>, generation: u64, t: &Target, dialled: Dialled) -> Round {
        let Dialled { slot, identity, wire } = dialled;
        let failed = |ended| Round { slot, ended, was_on: None, beside: None };
        if !self.is_wanted(generation) {
            return failed(Ended::lost(internal("superseded")));
        }
        let outbox = match self.attach(&wire, t, &identity).await {
            Ok(outbox) => outbox,
            Err(p) => return failed(Ended::refused(p)),
        };
        let (path, rebinder) = (wire.path, wire.rebinder.clone());
        let conversation = Conversation::new(self.clone(), t, slot, &identity, outbox.clone());
        let watch = self.clone().watch(&t.venue, &t.keys, &t.session, &outbox);
        let (ended, beside) = tokio::select! {
            ended = conversation.run(wire.stream) => (ended, None),
            why = watch => {
                tracing::info!(?why, "the connection is given up");
                (Ended::given_up(why), None)
            }
            dialled = self.dial_beside(t, path, rebinder) => {
                (Ended::lost(internal("displaced")), Some(dialled))
            }
        };
        self.judge(Pulse::Good);
        self.history_down();
        if t.session.is_attached_to(&outbox) {
            // Given up, or displaced: the gateway ends the old connection when the new one logs on.
            t.session.detach();
            while t.session.next_event().is_some() {}
        }
        Round { slot, ended, was_on: conversation.was_on(), beside }
    }

    /// Gives the connection to the session, which logs on over it.
    async fn attach(
        &self,
        wire: &Wire,
        t: &Target,
        identity: &Identity,
    ) -> Result<Rc<Outbox>, Problem> {
        self.exporter.set(wire.exporter);
        let channel = self.channel(wire, t, identity)?;
        self.show(|s| {
            s.state = LinkState::LoggingOn;
            s.tls = Some(wire.tls.clone());
        });
        if t.venue.direct.is_none() {
            // The gateway has sent no nonce yet; the exporter ties the report to this connection.
            let report = posture::envelope(
                identity.message_key(),
                wire.exporter,
                String::new(),
                &self.config.version,
            )
            .await;
            t.session.say_at_logon(report);
            let platform = format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH);
            t.session.say_program_at_logon(Program::new(&self.config.version, &platform));
        }
        self.history_up(wire, t, identity);
        let outbox = t.session.attach(channel).map_err(|e| internal(&e.to_string()))?;
        self.pings.forget();
        self.fewer_pings.notify_waiters();
        t.session.tick();
        Ok(outbox)
    }

    /// How the session is bound to this connection, and who signs on it.
    fn channel(&self, wire: &Wire, t: &Target, identity: &Identity) -> Result<Channel, Problem> {
        // A plain venue does not know the tag of the binding. Approvals sign the exporter anyway.
        let binding = match t.venue.direct {
            Some(_) => Binding::None,
            None => Binding::Required(BASE64.encode(wire.exporter)),
        };
        let gateway = || MessagePublicKey::of_certificate(&wire.peer);
        signing::channel(&t.venue, identity, binding, gateway)
            .map_err(|e| problem("server.key_type", sentence(&e.to_string()), e.cure()))
    }
}

/// Waits for another network. Not ready at once: one that flaps must not use up the logons of this
/// desk.
async fn settled_change(changes: &mut NetworkChanges, attempt: u32) {
    changes.changed().await;
    tokio::time::sleep(backoff(attempt) + SETTLE).await;
}
