//! What follows from a signal of the firm's identity provider. The receiver's thread asks over a
//! bounded channel; the provider reads that its token was taken once this is done.

use super::{EndReason, Pipeline};
use crate::{
    GatewayError,
    config::Config,
    risk::{Access, CREDENTIAL_CHANGED},
    sealed_map::SealedMap,
    state_dir::signals_file,
};
use signet_identity::CompId;
use signet_journal::StoreKey;
use signet_policy::score::{Concern, Decision};
use signet_registry::LockoutKind;
use signet_signals::Signal;
use std::{cell::RefCell, rc::Rc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Orders that may wait. More are told to come again.
const ORDERS_MAX: usize = 256;
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// A signal about somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalOrder {
    /// The registry's user.
    pub user: String,
    /// One device of theirs; `None`: any.
    pub device: Option<String>,
    /// What is said.
    pub signal: Signal,
    /// Whether revoked sessions keep the person out.
    pub hold_logons: bool,
    /// The provider's reason, for administrators.
    pub reason: String,
}

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalRefusal {
    /// Nobody in the registry has a certificate under this id.
    NoSuchUser,
    /// The trading thread did not answer in time.
    Silent,
    /// It was acted on, but a restart would forget it: the disk failed.
    NotKept,
}

type Question = (SignalOrder, oneshot::Sender<Result<usize, SignalRefusal>>);

/// The receiver's end.
#[derive(Debug, Clone)]
pub struct SignalOrders(mpsc::Sender<Question>);

/// The trading thread's end.
pub struct SignalInbox(mpsc::Receiver<Question>);

impl SignalOrders {
    /// Both ends.
    pub fn new() -> (Self, SignalInbox) {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        (Self(orders), SignalInbox(inbox))
    }

    /// Has a signal acted on; how many sessions it concerned.
    pub async fn carry_out(&self, order: SignalOrder) -> Result<usize, SignalRefusal> {
        let (to, answer) = oneshot::channel();
        self.0.try_send((order, to)).map_err(|_| SignalRefusal::Silent)?;
        match timeout(ANSWER_MAX, answer).await {
            Ok(Ok(done)) => done,
            _ => Err(SignalRefusal::Silent),
        }
    }
}

impl SignalInbox {
    /// Acts until the receiver is gone; a task of the trading thread.
    pub async fn serve(mut self, pipeline: Rc<Pipeline>) {
        while let Some((order, to)) = self.0.recv().await {
            // Acting twice does no harm; not acting on what the provider takes for done would.
            let _ = to.send(pipeline.signalled(&order));
            tokio::task::yield_now().await;
        }
    }
}

/// What signals said that still matters at the next logon, also after a restart. The registry
/// bounds it: only devices with a certificate are in it. `None` without `[signals]`.
#[derive(Default)]
pub struct SignalsTold(Option<RefCell<SealedMap>>);

/// What is remembered of a device.
#[derive(Debug, Clone, Copy)]
enum Fact {
    NotCompliant,
    /// Owes a touch since a credential changed.
    Owing,
}

impl Fact {
    /// Its name in the file, for a device of a person.
    fn name(self, user: &str, device: &str) -> String {
        let fact = match self {
            Self::NotCompliant => "not_compliant",
            Self::Owing => "owing",
        };
        format!("{fact}\t{user}\t{device}")
    }
}

impl SignalsTold {
    /// What a run before was told. A gateway that cannot read it does not start: laptops that are
    /// not compliant would be taken for good ones.
    pub(crate) fn open(config: &Config, key: &StoreKey) -> Result<Self, GatewayError> {
        if config.signals.receive.is_none() {
            return Ok(Self::default());
        }
        let path = signals_file(config);
        let opened = SealedMap::open(&path, key).map_err(|e| {
            GatewayError::Session(format!(
                "signals: what the identity provider said of devices cannot be read: {e}. Restore \
                    the file, or move {} away, and have the provider say again which devices are \
                    not compliant",
                path.display()
            ))
        })?;
        Ok(Self(Some(RefCell::new(opened))))
    }

    fn is(&self, fact: Fact, user: &str, device: &str) -> bool {
        self.0.as_ref().is_some_and(|map| map.borrow().has(&fact.name(user, device)))
    }

    /// Whether it is on the disk.
    fn set(&self, fact: Fact, user: &str, device: &str, is_so: bool) -> bool {
        let Some(map) = &self.0 else { return false };
        let set = map.borrow_mut().set(&fact.name(user, device), is_so.then_some(""));
        if let Err(e) = &set {
            tracing::error!(alert = true, user, device, error = %e, "a signal cannot be kept");
        }
        set.is_ok()
    }
}

/// The touch that a changed credential makes due.
pub(crate) fn credential_changed() -> Concern {
    Concern {
        code: CREDENTIAL_CHANGED,
        words: "Your firm's identity provider says that one of your credentials changed.".into(),
        cure: "Touch your security key; if you changed nothing, tell your administrator.".into(),
        at_least: Decision::StepUp,
    }
}

impl Pipeline {
    fn signalled(self: &Rc<Self>, order: &SignalOrder) -> Result<usize, SignalRefusal> {
        let known = self.registry.as_ref().map(|r| r.devices_of(&order.user)).unwrap_or_default();
        if known.is_empty() {
            // Perhaps somebody who is registered and has no certificate yet, or has had it for less
            // than a look at the registry takes.
            if order.hold_logons && order.signal == Signal::SessionRevoked {
                self.keep_out_if_registered(&order.user, &order.reason);
            }
            return Err(SignalRefusal::NoSuchUser);
        }
        // One that the registry does not know may be any of the person's.
        let named = order.device.iter().filter(|d| known.contains(*d)).cloned().collect::<Vec<_>>();
        let devices = if named.is_empty() { known } else { named };
        let on = self.desks_of(&order.user, &devices);
        // Each is tried, whatever became of the one before.
        let all_set = |fact, is_so| {
            let set = |d: &&String| self.signals_told.set(fact, &order.user, d, is_so);
            devices.iter().filter(|d| !set(d)).count() == 0
        };
        let kept = match &order.signal {
            Signal::SessionRevoked => {
                self.revoke_sessions(order, &on);
                true
            }
            Signal::CredentialChange { .. } => {
                let kept = all_set(Fact::Owing, true);
                on.iter().for_each(|desk| self.owes_for_credential(desk));
                kept
            }
            Signal::DeviceCompliance { compliant } => {
                let kept = all_set(Fact::NotCompliant, !compliant);
                // What a restart would forget makes nothing better.
                if kept || !compliant {
                    on.iter().for_each(|desk| self.told_compliance(desk, *compliant));
                }
                kept
            }
            Signal::Verification | Signal::Other(_) => true,
        };
        if kept { Ok(on.len()) } else { Err(SignalRefusal::NotKept) }
    }

    fn told_compliance(self: &Rc<Self>, desk: &CompId, compliant: bool) {
        if let Some(access) = self.sessions.access(desk) {
            access.told_not_compliant(!compliant);
        }
        self.reassess(desk);
    }

    /// The desks that are on with one of these devices of a person. One whose certificate names no
    /// device may be any.
    fn desks_of(&self, user: &str, devices: &[String]) -> Vec<CompId> {
        let theirs = self.sessions.map_on(|desk, s| {
            let device = s.access.device.as_ref().is_none_or(|d| devices.contains(d));
            (s.connection.user == user && device).then(|| desk.clone())
        });
        theirs.into_iter().flatten().collect()
    }

    fn revoke_sessions(self: &Rc<Self>, order: &SignalOrder, on: &[CompId]) {
        let mut why = EndReason::from(LockoutKind::Signal);
        if order.hold_logons {
            self.lock_out(&order.user, LockoutKind::Signal, &order.reason);
        } else {
            why.cure = "Log on again; if that is refused, ask your firm's security desk.".into();
        }
        for desk in on {
            self.end_session(desk, &why);
        }
    }

    /// A touch is owed on this connection, whatever was touched on it before.
    fn owes_for_credential(self: &Rc<Self>, desk: &CompId) {
        let Some(access) = self.sessions.access(desk) else { return };
        access.distrusted(credential_changed());
        self.reassess_untouched(desk, &access);
    }

    /// What signals said about somebody who logs on.
    pub fn recall_signals(&self, access: &Access) {
        let Some(device) = &access.device else { return };
        if self.signals_told.is(Fact::NotCompliant, &access.user, device) {
            access.told_not_compliant(true);
        }
        if self.signals_told.is(Fact::Owing, &access.user, device) {
            access.distrusted(credential_changed());
        }
    }

    /// A touch was good: it pays what a changed credential made due on this device.
    pub(super) fn touch_pays(&self, access: &Access) {
        if let Some(device) = &access.device
            && self.signals_told.is(Fact::Owing, &access.user, device)
        {
            self.signals_told.set(Fact::Owing, &access.user, device, false);
        }
    }
}
