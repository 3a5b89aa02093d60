//! What follows from a signal of the firm's identity provider. The receiver's thread asks over a
//! bounded channel; the provider reads that its token was taken once this is done.

use super::{EndReason, Pipeline};
use crate::risk::{Access, CREDENTIAL_CHANGED};
use signet_identity::CompId;
use signet_policy::score::{Concern, Decision};
use signet_registry::LockoutKind;
use signet_signals::Signal;
use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Duration};
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

/// A person and a device of theirs.
type Device = (String, String);

/// What signals said that still matters at the next logon. The registry bounds it: only devices
/// with a certificate are in it.
#[derive(Default)]
pub(super) struct Told {
    not_compliant: RefCell<BTreeSet<Device>>,
    /// Owe a touch since a credential changed.
    owing: RefCell<BTreeSet<Device>>,
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
        match &order.signal {
            Signal::SessionRevoked => self.revoke_sessions(order, &on),
            Signal::CredentialChange { .. } => {
                let all = devices.into_iter().map(|d| (order.user.clone(), d));
                self.signals_told.owing.borrow_mut().extend(all);
                on.iter().for_each(|desk| self.owes_for_credential(desk));
            }
            Signal::DeviceCompliance { compliant } => {
                for device in devices {
                    let pair = (order.user.clone(), device);
                    let mut not_compliant = self.signals_told.not_compliant.borrow_mut();
                    let _ = if *compliant {
                        not_compliant.remove(&pair)
                    } else {
                        not_compliant.insert(pair)
                    };
                }
                for desk in &on {
                    if let Some(a) = self.sessions.access(desk) {
                        a.told_not_compliant(!compliant);
                    }
                    self.reassess(desk);
                }
            }
            Signal::Verification | Signal::Other(_) => {}
        }
        Ok(on.len())
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
        let Some(device) = access.device.clone() else { return };
        let pair = (access.user.clone(), device);
        if self.signals_told.not_compliant.borrow().contains(&pair) {
            access.told_not_compliant(true);
        }
        if self.signals_told.owing.borrow().contains(&pair) {
            access.distrusted(credential_changed());
        }
    }

    /// A touch was good: it pays what a changed credential made due on this device.
    pub(super) fn touch_pays(&self, access: &Access) {
        if let Some(device) = access.device.clone() {
            self.signals_told.owing.borrow_mut().remove(&(access.user.clone(), device));
        }
    }
}
