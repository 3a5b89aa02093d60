//! What follows from a signal of the firm's identity provider. The receiver's thread asks over a
//! bounded channel; the provider reads that its token was taken once this is done.

use super::{EndReason, Pipeline};
use crate::{
    clock::now_us,
    risk::{Access, CREDENTIAL_CHANGED},
};
use signet_identity::CompId;
use signet_policy::score::{Concern, Decision};
use signet_registry::{LockoutKind, SignalFact, SignalKey};
use signet_signals::Signal;
use std::{rc::Rc, time::Duration};
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
    /// The issuer of the token.
    pub provider: String,
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

/// The touch that a changed credential makes due.
pub(crate) fn credential_changed() -> Concern {
    Concern {
        code: CREDENTIAL_CHANGED,
        words: "Your firm's identity provider says that one of your credentials changed.".into(),
        cure: "Touch your security key; if you changed nothing, tell your administrator.".into(),
        at_least: Decision::StepUp,
    }
}

/// The provider revoked a session, and the person may come back.
fn session_revoked() -> EndReason {
    let cure = "Log on again; if that is refused, ask your firm's security desk.".into();
    EndReason { cure, ..LockoutKind::Signal.into() }
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
        let all_set = |fact, holds| {
            let set = |d: &&String| self.keep_signal(order, fact, d, holds);
            devices.iter().filter(|d| !set(d)).count() == 0
        };
        let kept = match &order.signal {
            Signal::SessionRevoked => {
                // Sessions at other gateways end when these hear of it.
                let kept = all_set(SignalFact::Revoked, true);
                self.revoke_sessions(order, &on);
                kept
            }
            Signal::CredentialChange { .. } => {
                let kept = all_set(SignalFact::Owing, true);
                on.iter().for_each(|desk| self.owes_for_credential(desk));
                kept
            }
            Signal::DeviceCompliance { compliant } => {
                let kept = all_set(SignalFact::NotCompliant, !compliant);
                // What a restart would forget makes nothing better.
                if kept || !compliant {
                    on.iter().for_each(|desk| self.told_compliance(desk, !compliant));
                }
                kept
            }
            Signal::Verification | Signal::Other(_) => true,
        };
        if kept { Ok(on.len()) } else { Err(SignalRefusal::NotKept) }
    }

    /// Whether a word is on the disk.
    fn keep_signal(
        &self,
        order: &SignalOrder,
        fact: SignalFact,
        device: &str,
        holds: bool,
    ) -> bool {
        let Some(registry) = &self.registry else { return false };
        let key = SignalKey {
            user: order.user.clone(),
            device: device.to_owned(),
            fact,
            provider: order.provider.clone(),
        };
        self.signals_told.set(registry, key, holds, now_us())
    }

    /// What providers told other gateways of this registry is acted on here, too.
    pub(super) fn hear_signals(self: &Rc<Self>) {
        let Some(registry) = &self.registry else { return };
        for (key, holds) in self.signals_told.hear(registry) {
            let on = self.desks_of(&key.user, std::slice::from_ref(&key.device));
            let (user, device) = (&*key.user, &*key.device);
            tracing::info!(user, device, fact = key.fact.as_str(), holds, "another gateway heard");
            for desk in &on {
                match key.fact {
                    SignalFact::NotCompliant => self.told_compliance(desk, false),
                    SignalFact::Owing if holds => self.owes_for_credential(desk),
                    SignalFact::Revoked if holds => self.end_session(desk, &session_revoked()),
                    SignalFact::Owing | SignalFact::Revoked => {}
                }
            }
        }
    }

    /// A device is compliant only when every provider says so; `for_sure`: it is not, whatever is
    /// on the disk.
    fn told_compliance(self: &Rc<Self>, desk: &CompId, for_sure: bool) {
        if let Some(access) = self.sessions.access(desk) {
            let kept = self.was_told(&access, SignalFact::NotCompliant);
            access.told_not_compliant(for_sure || kept);
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
        let mut why = session_revoked();
        if order.hold_logons {
            why = LockoutKind::Signal.into();
            self.lock_out(&order.user, LockoutKind::Signal, &order.reason);
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
        if self.was_told(access, SignalFact::NotCompliant) {
            access.told_not_compliant(true);
        }
        if self.was_told(access, SignalFact::Owing) {
            access.distrusted(credential_changed());
        }
    }

    fn was_told(&self, access: &Access, fact: SignalFact) -> bool {
        let (Some(device), Some(registry)) = (&access.device, &self.registry) else { return false };
        self.signals_told.is(registry, fact, &access.user, device)
    }

    /// A touch was good: it pays what a changed credential made due on this device.
    pub(super) fn touch_pays(&self, access: &Access) {
        if let (Some(device), Some(registry)) = (&access.device, &self.registry) {
            self.signals_told.paid(registry, &access.user, device);
        }
    }
}
