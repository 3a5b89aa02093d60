//! What follows from a signal of the firm's identity provider. The receiver's thread asks over a
//! bounded channel; the provider reads that its token was taken once this is done.

use super::{EndReason, Pipeline, Withdrawal, signals_told::Said};
use crate::{
    risk::{Access, CREDENTIAL_CHANGED},
    threads::watched,
};
use signet_identity::CompId;
use signet_policy::score::{Concern, Decision};
use signet_registry::{LockoutKind, SignalFact};
use signet_signals::Signal;
use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::spawn_local,
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
    /// Which device of theirs.
    pub device: NamedDevice,
    /// What is said.
    pub signal: Signal,
    /// When it became so, by the provider's clock; microseconds since 1970.
    pub said_at_us: i64,
    /// Whether revoked sessions keep the person out.
    pub hold_logons: bool,
    /// The provider's reason, for administrators.
    pub reason: String,
}

/// Which device a token is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedDevice {
    /// None is named: every one of the person.
    None,
    /// One that the settings do not know.
    Unknown,
    /// By the registry's name, if the registry has it.
    One(String),
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalDone {
    /// It was acted on, and concerned so many sessions.
    Sessions(usize),
    /// Nothing: the provider said the same or something newer before.
    Older,
    /// Nothing: what is good news of a device that the registry does not have changes no other one.
    UnknownDevice,
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
    /// The same: the provider says more than is written down.
    TooFast,
}

/// What an order was acted on.
#[derive(Debug, Default)]
struct Acted {
    /// The devices of the person that the registry had.
    known: Vec<String>,
    on: Vec<String>,
}

impl SignalOrder {
    /// What it says of devices, and whether that holds; `None`: nothing.
    fn fact(&self) -> Option<(SignalFact, bool)> {
        match &self.signal {
            Signal::SessionRevoked => Some((SignalFact::Revoked, true)),
            Signal::CredentialChange { .. } => Some((SignalFact::Owing, true)),
            Signal::DeviceCompliance { compliant } => Some((SignalFact::NotCompliant, !compliant)),
            Signal::Verification | Signal::Other(_) => None,
        }
    }

    fn keeps_out(&self) -> bool {
        self.hold_logons && matches!(self.signal, Signal::SessionRevoked)
    }
}

type Question = (SignalOrder, oneshot::Sender<Result<SignalDone, SignalRefusal>>);

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

    /// Has a signal acted on.
    pub async fn carry_out(&self, order: SignalOrder) -> Result<SignalDone, SignalRefusal> {
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
        let room = Arc::new(Semaphore::new(ORDERS_MAX));
        while let Some((order, to)) = self.0.recv().await {
            let Ok(permit) = room.clone().acquire_owned().await else { return };
            let asked = Instant::now();
            let mut acted = Acted::default();
            let first = pipeline.signalled(&order, &mut acted);
            let pipeline = pipeline.clone();
            // Whoever enrolled a moment ago is not in this view yet, and the next order does not
            // wait for the newer one.
            spawn_local(watched("signal", async move {
                let done = pipeline.signalled_again(&order, acted, asked, first).await;
                // Acting twice does no harm; not acting on what the provider takes for done would.
                let _ = to.send(done);
                drop(permit);
            }));
            tokio::task::yield_now().await;
        }
    }

    /// Answers the next order as a test wants it.
    #[cfg(test)]
    pub(crate) async fn answer_next(&mut self, answer: Result<SignalDone, SignalRefusal>) {
        let (_, to) = self.0.recv().await.unwrap();
        let _ = to.send(answer);
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

/// The provider revoked a session, and the person may come back, to the RFQs that are open.
fn session_revoked() -> EndReason {
    let cure = "Log on again; if that is refused, ask your firm's security desk.".into();
    EndReason { cure, withdrawal: Withdrawal::None, ..LockoutKind::Signal.into() }
}

/// The devices that a token is about; `None`: none of them. Bad news of one that the registry does
/// not have may be about any of the person's; good news of it is about none.
fn concerned(named: &NamedDevice, known: Vec<String>, holds: bool) -> Option<Vec<String>> {
    match named {
        NamedDevice::None => Some(known),
        NamedDevice::One(name) if known.contains(name) => Some(vec![name.clone()]),
        NamedDevice::One(_) | NamedDevice::Unknown => holds.then_some(known),
    }
}

impl Pipeline {
    /// The same in a view of the registry that is newer than the order, for devices that were not
    /// in the one before. A person who is in no view that old may be in the registry all the same.
    async fn signalled_again(
        self: &Rc<Self>,
        order: &SignalOrder,
        mut acted: Acted,
        asked: Instant,
        first: Result<SignalDone, SignalRefusal>,
    ) -> Result<SignalDone, SignalRefusal> {
        let Some(registry) = &self.registry else { return first };
        if !matches!(first, Ok(_) | Err(SignalRefusal::NoSuchUser)) || order.fact().is_none() {
            return first;
        }
        let newer = registry.newer_than(asked).await;
        match (newer, first) {
            // A hold keeps a person out whenever they come.
            (false, Err(SignalRefusal::NoSuchUser)) if !order.keeps_out() => {
                Err(SignalRefusal::Silent)
            }
            (false, first) => first,
            (true, first) if registry.devices_of(&order.user) == acted.known => first,
            (true, first) => match (first, self.signalled(order, &mut acted)) {
                (Ok(SignalDone::Sessions(one)), Ok(SignalDone::Sessions(other))) => {
                    Ok(SignalDone::Sessions(one.saturating_add(other)))
                }
                (Ok(done), Ok(SignalDone::Older | SignalDone::UnknownDevice)) => Ok(done),
                (_, again) => again,
            },
        }
    }

    /// Acts on the devices that the newest view has and that were not acted on.
    fn signalled(
        self: &Rc<Self>,
        order: &SignalOrder,
        acted: &mut Acted,
    ) -> Result<SignalDone, SignalRefusal> {
        let Some(registry) = &self.registry else { return Err(SignalRefusal::NoSuchUser) };
        let Some((fact, holds)) = order.fact() else { return Ok(SignalDone::Sessions(0)) };
        let (user, provider) = (order.user.as_str(), order.provider.as_str());
        let hold = order.keeps_out().then_some(&*order.reason);
        let said = Said { user, provider, fact, holds, said_at_us: order.said_at_us, hold };
        let known = registry.devices_of(user);
        acted.known.clone_from(&known);
        let somebody = !known.is_empty();
        if !somebody && hold.is_none() {
            return Err(SignalRefusal::NoSuchUser);
        }
        let Some(mut devices) = concerned(&order.device, known, holds) else {
            return Ok(SignalDone::UnknownDevice);
        };
        devices.retain(|d| !acted.on.contains(d));
        acted.on.extend(devices.iter().cloned());
        let became = self.signals_told.tell(registry, &said, &devices, Instant::now());
        self.report_signals();
        if !somebody {
            // Perhaps somebody who is registered and has no certificate yet, or has had it for less
            // than a look at the registry takes.
            return became.kept.and(Err(SignalRefusal::NoSuchUser));
        }
        if became.changed.is_empty() {
            return became.kept.map(|()| SignalDone::Older);
        }
        // What a restart would forget makes nothing better.
        if !holds {
            became.kept?;
        }
        let on = self.desks_of(user, &became.changed);
        match fact {
            // Sessions at other gateways end when these hear of it.
            SignalFact::Revoked => self.revoke_sessions(order, &on),
            SignalFact::Owing => on.iter().for_each(|desk| self.owes_for_credential(desk)),
            SignalFact::NotCompliant => {
                on.iter().for_each(|desk| self.told_compliance(desk, holds));
            }
        }
        became.kept.map(|()| SignalDone::Sessions(on.len()))
    }

    /// What providers told other gateways of this registry is acted on here, too.
    pub(super) fn hear_signals(self: &Rc<Self>) {
        let Some(registry) = &self.registry else { return };
        for (key, holds) in self.signals_told.hear(registry, Instant::now()) {
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
        self.report_signals();
    }

    fn report_signals(&self) {
        if let Some(registry) = &self.registry {
            self.signals_told.report(registry, self.signal_terms(), Instant::now());
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
            self.locked_out(&order.user, LockoutKind::Signal, &order.reason);
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
            self.report_signals();
        }
    }

    /// Whether a provider keeps a person out, and the registry may not say so yet.
    pub(super) fn not_held(&self, user: &str) -> Result<(), EndReason> {
        match self.signals_told.is_held(user) {
            true => Err(LockoutKind::Signal.into()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_the_devices_that_a_token_is_about() {
        let known = || vec!["desktop".to_owned(), "laptop".to_owned()];
        let one = |name: &str| NamedDevice::One(name.into());
        for (named, holds, want) in [
            (NamedDevice::None, true, Some(known())),
            (NamedDevice::None, false, Some(known())),
            (one("laptop"), true, Some(vec!["laptop".to_owned()])),
            (one("laptop"), false, Some(vec!["laptop".to_owned()])),
            (one("phone"), true, Some(known())),
            (one("phone"), false, None),
            (NamedDevice::Unknown, true, Some(known())),
            (NamedDevice::Unknown, false, None),
        ] {
            assert_eq!(concerned(&named, known(), holds), want, "{named:?} {holds}");
        }
    }
}
