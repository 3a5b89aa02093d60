//! What follows from repeated failures: the verdicts of [`crate::response`] are carried out, told,
//! and taken back.

use super::{
    EndReason, Pipeline, Trading, TradingSilent,
    administrators::{ANSWER_MAX, Question},
};
use crate::{
    clock::now,
    config::ResponseSection,
    response::{Blame, Network, NetworkLockout, Networks, People, PersonEvent, of_logon},
};
use signet_events::{About, Actor};
use signet_identity::CompId;
use signet_registry::{
    LockoutKind, LockoutTerms,
    admission::{AdmissionRefusal, Shown},
};
use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::IpAddr,
    rc::Rc,
    time::{Duration, Instant},
};

/// How often lock-outs are looked at that are over or were lifted.
const LOOK: Duration = Duration::from_millis(250);

/// When a desk may ask again whose lock-out the registry may not know yet.
const HELD_RETRY_S: u64 = 5;

/// What is counted, and what it leads to.
pub(super) struct Lockouts {
    section: ResponseSection,
    people: RefCell<People>,
    networks: RefCell<Networks>,
    /// Orders of administrators to lift networks that have been carried out.
    lifted: RefCell<HashMap<String, UtcMillis>>,
    looked: Cell<Option<Instant>>,
    /// People who are locked out for a time, and until when.
    kept_out: RefCell<HashMap<String, UtcMillis>>,
}

impl Lockouts {
    pub(super) fn new(section: ResponseSection) -> Self {
        let (people, networks) = (section.people(), section.networks());
        Self {
            section,
            people: RefCell::new(people),
            networks: RefCell::new(networks),
            lifted: RefCell::default(),
            looked: Cell::default(),
            kept_out: RefCell::default(),
        }
    }
}

impl From<LockoutKind> for EndReason {
    fn from(kind: LockoutKind) -> Self {
        AdmissionRefusal::LockedOut { kind, left_s: None }.into()
    }
}

// ----- networks -----

impl Pipeline {
    /// Whether a connection from there may go on to TLS. `None`: a load balancer that speaks for
    /// itself.
    pub fn may_try(&self, from: Option<IpAddr>) -> bool {
        let may = |ip| self.lockouts.networks.borrow_mut().may_try(Network::of(ip), Instant::now());
        from.is_none_or(may)
    }

    /// Somebody who proved nothing failed.
    pub fn stranger_failed(&self, from: Option<IpAddr>, blame: Blame) {
        let (Some(ip), Blame::Network) = (from, blame) else { return };
        let locked = self.lockouts.networks.borrow_mut().failed(Network::of(ip), Instant::now());
        let Some(NetworkLockout { network, left, failures, level }) = locked else { return };
        let minutes = left.as_secs() / 60;
        let words = format!(
            "{network} is locked out for {minutes} minutes after {failures} failures (lock-out \
                number {level} in a row)"
        );
        tracing::error!(alert = true, %network, code = "lockout.network", "{words}");
        let about = About { count: Some(failures as u64), ..network_of(network) };
        self.events.gateway("lockout.network", about, words);
    }

    /// The networks that are locked out.
    pub(super) fn networks_locked_out(&self) -> Vec<NetworkLockout> {
        self.lockouts.networks.borrow().locked(Instant::now())
    }

    /// Ends the lock-out of a network at this gateway alone; whether there was one.
    pub(super) fn lift_by_order(&self, network: Network, actor: Actor) -> bool {
        let lifted = self.lockouts.networks.borrow_mut().lift(network);
        if lifted {
            tracing::warn!(%network, %actor, "lock-out of a network: lifted by order");
            // A subject of its own: what ends by itself must not use up the budget of an order.
            let about = About { address: Some(network.address()), ..About::object(network) };
            self.events.by(actor, "lockout.lifted", about, "lifted by order");
        }
        lifted
    }

    fn network_is_free(&self, network: Network, why: &str) {
        tracing::info!(%network, "lock-out of a network: {why}");
        self.events.gateway("lockout.lifted", network_of(network), why);
    }

    /// Lock-outs whose time is over, and those that an administrator lifted.
    pub(super) fn lockouts_tick(&self) {
        let at = Instant::now();
        let looked = &self.lockouts.looked;
        if looked.get().is_some_and(|l| at.saturating_duration_since(l) < LOOK) {
            return;
        }
        looked.set(Some(at));
        let over = self.lockouts.networks.borrow_mut().over(at);
        for network in over {
            self.network_is_free(network, "its time is over");
        }
        let Some(registry) = &self.registry else { return };
        let ended = registry.lockouts_ended(&mut self.lockouts.kept_out.borrow_mut(), now());
        for user in ended {
            tracing::info!(user, "a person's lock-out: its time is over");
            self.events.gateway("lockout.ended", About::user(user), "its time is over");
        }
        let Some(orders) = registry.networks_lifted(&self.lockouts.lifted.borrow()) else { return };
        let before = self.lockouts.lifted.replace(orders.clone());
        for (text, at) in orders {
            let is_new = before.get(&text) != Some(&at);
            if let Some(network) = Network::read(&text).filter(|_| is_new)
                && self.lockouts.networks.borrow_mut().lift(network)
            {
                tracing::info!(%network, "lock-out of a network: lifted by an administrator");
            }
        }
    }
}

impl Trading {
    /// Ends the lock-out of a network at this gateway; whether there was one.
    pub async fn lift_network(
        &self,
        network: Network,
        actor: Actor,
    ) -> Result<bool, TradingSilent> {
        self.ask(ANSWER_MAX, |to| Question::Lift(network, actor, to)).await
    }
}

fn network_of(network: Network) -> About {
    About { address: Some(network.address()), ..About::object("networks") }
}

// ----- people -----

impl Pipeline {
    /// A Logon was refused with this code.
    pub fn logon_refused(self: &Rc<Self>, shown: &Shown, from: Option<IpAddr>, code: &str) {
        let user = self.registry.as_ref().and_then(|r| r.in_force(shown));
        match (of_logon(code, user.is_some()), user) {
            (Blame::Person, Some(user)) => self.person(&user, PersonEvent::LogonFailed),
            (blame, _) => self.stranger_failed(from, blame),
        }
    }

    /// A desk's Logon was accepted: its person is forgiven, and its network opens.
    pub(super) fn logon_succeeded(self: &Rc<Self>, desk: &CompId) {
        let Some(access) = self.sessions.access(desk) else { return };
        self.person(&access.user, PersonEvent::LoggedOn);
        let Some(ip) = access.address() else { return };
        self.network_succeeded(Network::of(ip));
    }

    /// Somebody who may be there is there.
    pub(super) fn network_succeeded(&self, network: Network) {
        if self.lockouts.networks.borrow_mut().succeeded(network, Instant::now()) {
            self.network_is_free(network, "somebody logged on from there");
        }
    }

    /// A challenge came to nothing; `user`: the person it is counted against, if it is.
    pub(super) fn challenge_failed(self: &Rc<Self>, user: Option<String>) {
        if let (Some(user), true) = (user, self.registry.is_some()) {
            self.person(&user, PersonEvent::ChallengeFailed);
        }
    }

    /// Why a person is kept out whose lock-out the registry may not know yet.
    pub fn is_kept_out(&self, user: &str) -> Result<(), EndReason> {
        self.not_held(user)?;
        let held = self.lockouts.people.borrow().held(user, Instant::now());
        let Some(kind) = held else { return Ok(()) };
        // The registry knows soon until when.
        let ends = self.lockouts.section.terms(kind).first_ms > 0;
        Err(EndReason { retry_s: ends.then_some(HELD_RETRY_S), ..kind.into() })
    }

    fn person(self: &Rc<Self>, user: &str, what: PersonEvent) {
        let verdict = self.lockouts.people.borrow_mut().note(user, what, Instant::now());
        let Some(kind) = verdict else { return };
        let words = match kind {
            LockoutKind::Failures => "too many Logons with a certificate in force failed",
            _ => "too many challenges were declined, not answered or answered wrongly",
        };
        self.lock_out(user, kind, words);
    }

    /// How long somebody is kept out by a signal.
    pub(super) fn signal_terms(&self) -> LockoutTerms {
        self.lockouts.section.terms(LockoutKind::Signal)
    }

    /// Keeps a person out; a restart, or another gateway, keeps to it.
    fn lock_out(self: &Rc<Self>, user: &str, kind: LockoutKind, words: &str) {
        if let Some(registry) = &self.registry {
            registry.lock_out(user, kind, words, self.lockouts.section.terms(kind));
        }
        self.locked_out(user, kind, words);
    }

    /// A person is kept out: that is told, and sessions that are on end.
    pub(super) fn locked_out(self: &Rc<Self>, user: &str, kind: LockoutKind, words: &str) {
        let why = EndReason::from(kind);
        tracing::error!(alert = true, user, code = why.code, "locked out: {words}");
        self.events.gateway(why.code, About::user(user), words);
        if kind != LockoutKind::Failures {
            let theirs = |s: &super::ActiveSession| s.connection.user == user;
            self.end_sessions(|s| if theirs(s) { Err(why.clone()) } else { Ok(()) });
        }
    }
}
