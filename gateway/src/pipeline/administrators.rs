//! What administrators need of the trading thread, over a bounded channel. Neither end waits for
//! the other for long: the trading thread does what takes no time, and leaves the rest to a task;
//! whoever asked gives up after a while, and what was not begun by then is not done.

use super::{ActiveSession, EndReason, Pipeline, Waiting, reload::Change, seen::Look};
use crate::{
    clock::now,
    geo::AutonomousSystem,
    history::{Documents, KeyApproval, KeyPreparation, Person, Policy, PolicyRefusal},
    response::{Network, NetworkLockout},
    risk::Administrator,
};
use serde::Serialize;
use signet_events::{About, Actor};
use signet_identity::CompId;
use signet_policy::{
    entitle::{CedarEntitlements, Entitlements as _},
    score::{Assessment, Decision, Factor},
};
use signet_rfq::UtcMillis;
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Questions that may wait. More administrators at once are told to try again.
const ASKS_MAX: usize = 32;
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Sessions that an order ends before other tasks of the thread have their turn.
const ENDS_AT_A_TIME: usize = 16;
/// Reading and checking the policies' files is done beside trading and takes longer.
const RELOAD_MAX: Duration = Duration::from_secs(15);

/// What the policies in force say of one request, or need to.
#[derive(Debug)]
pub struct Judged {
    pub risk: Assessment,
    pub entitlements: Arc<CedarEntitlements>,
}

/// A desk that is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOn {
    pub desk: String,
    pub user: String,
    pub address: String,
    pub serial: String,
    pub since: UtcMillis,
    pub device: Option<String>,
    /// ISO 3166-1; `None` when it cannot be told.
    pub country: Option<String>,
    /// Whose network the address is in; `None` when no file says it.
    pub system: Option<AutonomousSystem>,
    pub transport: &'static str,
    /// Messages that came over this connection.
    pub messages: u64,
    /// When its lease ends at the latest; `None`: it has none that is good.
    pub lease_until: Option<UtcMillis>,
    pub last: Option<LastDecision>,
}

/// The last decision about the risk of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastDecision {
    pub verdict: &'static str,
    pub score: u32,
    pub policy: String,
    /// Each as `attribute: condition (points)`.
    pub factors: Vec<String>,
}

/// How the trading thread is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub sessions: usize,
    pub in_force: InForce,
    /// With `[registry]`: how old its last word is, and how old it may be.
    pub registry: Option<(Duration, Duration)>,
    /// With `[step_up]`: what waits for a touch.
    pub held: Option<usize>,
}

/// Which sessions are to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Of the desk with this CompID, or of this user.
    Named(String),
    All,
}

/// A network that is locked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkOut {
    pub network: String,
    pub seconds_left: u64,
    /// How many lock-outs there were in a row.
    pub level: u32,
}

/// The policies in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct InForce {
    pub risk: RiskInForce,
    pub entitlements: EntitlementsInForce,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RiskInForce {
    pub digest: String,
    pub networks: usize,
    pub countries: usize,
    /// What is wrong with the country file.
    pub geo_fault: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EntitlementsInForce {
    pub digest: String,
    pub policies: usize,
    pub traders: usize,
    pub administrators: usize,
    pub dealers: usize,
    pub instruments: usize,
}

/// What changed, or why the files are refused.
pub type Reload = Result<Change, String>;

#[derive(Debug)]
pub struct Reloaded {
    pub risk: Reload,
    pub entitlements: Reload,
}

#[derive(Debug)]
pub(super) enum Question {
    Judge(Administrator, oneshot::Sender<Judged>),
    Sessions(oneshot::Sender<Vec<SessionOn>>),
    InForce(oneshot::Sender<InForce>),
    Status(oneshot::Sender<Status>),
    /// The desks whose sessions ended.
    EndAll(Which, String, Actor, oneshot::Sender<Vec<String>>),
    Lockouts(oneshot::Sender<Vec<NetworkOut>>),
    /// Whether the network was locked out.
    Lift(Network, Actor, oneshot::Sender<bool>),
    /// Whether the desk was on.
    End(EndOrder, oneshot::Sender<bool>),
    /// On whose behalf.
    Reload(Actor, oneshot::Sender<Reloaded>),
    Waiting(oneshot::Sender<Vec<Waiting>>),
    Change(ChangeOrder, oneshot::Sender<Result<Waiting, PolicyRefusal>>),
    Look(Look),
}

/// What an administrator does about a change of policy.
#[derive(Debug)]
pub struct ChangeOrder {
    pub what: ChangeStep,
    pub by: Person,
}

#[derive(Debug)]
pub enum ChangeStep {
    /// Finds out whether it could be prepared and what it would change, and keeps nothing.
    Check(Draft),
    Prepare(Draft),
    /// By the digest of the new version; with what a security key signed for it.
    Approve(String, Option<Box<KeyApproval>>),
    Reject(String),
}

/// A change of policy as an administrator sends it.
#[derive(Debug)]
pub struct Draft {
    pub policy: Policy,
    /// Those that change.
    pub documents: Documents,
    /// `None`: by certificate.
    pub signed: Option<Box<SignedDraft>>,
}

/// What the security key of whoever prepares a change signed.
#[derive(Debug)]
pub struct SignedDraft {
    /// Digest of the version that it signed to replace.
    pub before: String,
    pub key: KeyPreparation,
}

impl Draft {
    /// One that no key has signed.
    pub fn unsigned(policy: Policy, documents: Documents) -> Self {
        Self { policy, documents, signed: None }
    }
}

#[derive(Debug)]
pub struct EndOrder {
    pub desk: CompId,
    pub reason: String,
    pub actor: Actor,
}

/// The trading thread did not answer in time; what was not begun by then is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the trading thread does not answer")]
pub struct TradingSilent;

/// The administrators' end.
#[derive(Debug, Clone)]
pub struct Trading(mpsc::Sender<Question>);

impl Trading {
    /// Both ends.
    pub fn new() -> (Self, TradingQuestions) {
        let (tx, rx) = mpsc::channel(ASKS_MAX);
        (Self(tx), TradingQuestions(rx))
    }

    pub async fn judge(&self, a: Administrator) -> Result<Judged, TradingSilent> {
        self.ask(ANSWER_MAX, |to| Question::Judge(a, to)).await
    }

    pub async fn sessions(&self) -> Result<Vec<SessionOn>, TradingSilent> {
        self.ask(ANSWER_MAX, Question::Sessions).await
    }

    pub async fn in_force(&self) -> Result<InForce, TradingSilent> {
        self.ask(ANSWER_MAX, Question::InForce).await
    }

    /// Changes of policy that wait.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, TradingSilent> {
        self.ask(ANSWER_MAX, Question::Waiting).await
    }

    pub async fn change(
        &self,
        order: ChangeOrder,
    ) -> Result<Result<Waiting, PolicyRefusal>, TradingSilent> {
        self.ask(RELOAD_MAX, |to| Question::Change(order, to)).await
    }

    pub async fn status(&self, patience: Duration) -> Result<Status, TradingSilent> {
        self.ask(patience, Question::Status).await
    }

    /// Ends sessions; the desks that were on.
    pub async fn end_all(
        &self,
        which: Which,
        reason: String,
        actor: Actor,
    ) -> Result<Vec<String>, TradingSilent> {
        self.ask(ANSWER_MAX, |to| Question::EndAll(which, reason, actor, to)).await
    }

    pub async fn lockouts(&self) -> Result<Vec<NetworkOut>, TradingSilent> {
        self.ask(ANSWER_MAX, Question::Lockouts).await
    }

    pub async fn end(&self, e: EndOrder) -> Result<bool, TradingSilent> {
        self.ask(ANSWER_MAX, |to| Question::End(e, to)).await
    }

    pub async fn reload(&self, actor: Actor) -> Result<Reloaded, TradingSilent> {
        self.ask(RELOAD_MAX, |to| Question::Reload(actor, to)).await
    }

    pub(super) async fn ask<T>(
        &self,
        patience: Duration,
        make: impl FnOnce(oneshot::Sender<T>) -> Question,
    ) -> Result<T, TradingSilent> {
        let (to, answer) = oneshot::channel();
        self.0.try_send(make(to)).map_err(|_| TradingSilent)?;
        match timeout(patience, answer).await {
            Ok(Ok(t)) => Ok(t),
            _ => Err(TradingSilent),
        }
    }
}

impl Question {
    /// Whether whoever asked has given up.
    fn is_given_up(&self) -> bool {
        match self {
            Self::Judge(_, to) => to.is_closed(),
            Self::Sessions(to) => to.is_closed(),
            Self::InForce(to) => to.is_closed(),
            Self::Status(to) => to.is_closed(),
            Self::EndAll(.., to) => to.is_closed(),
            Self::Lockouts(to) => to.is_closed(),
            Self::Lift(.., to) => to.is_closed(),
            Self::End(_, to) => to.is_closed(),
            Self::Reload(_, to) => to.is_closed(),
            Self::Waiting(to) => to.is_closed(),
            Self::Change(_, to) => to.is_closed(),
            Self::Look(look) => look.is_given_up(),
        }
    }
}

/// The trading thread's end.
pub struct TradingQuestions(mpsc::Receiver<Question>);

impl TradingQuestions {
    /// Answers until nobody can ask; a task of the trading thread.
    pub async fn serve(mut self, pipeline: Rc<Pipeline>) {
        while let Some(question) = self.0.recv().await {
            if !question.is_given_up() {
                pipeline.answer(question);
            }
            // Administrators who ask without pause take turns with trading.
            tokio::task::yield_now().await;
        }
    }
}

impl Pipeline {
    fn answer(self: &Rc<Self>, question: Question) {
        match question {
            Question::Judge(a, to) => {
                let risk = self.risk.administrator(&a, now());
                let _ = to.send(Judged { risk, entitlements: self.entitlements.policies() });
            }
            Question::Look(look) => self.answer_look(look),
            Question::Sessions(to) => drop(to.send(self.sessions_on())),
            Question::InForce(to) => drop(to.send(self.in_force())),
            Question::Status(to) => drop(to.send(self.status())),
            Question::EndAll(which, reason, actor, to) => {
                let pipeline = self.clone();
                tokio::task::spawn_local(async move {
                    drop(to.send(pipeline.end_which(&which, &reason, &actor).await));
                });
            }
            Question::Waiting(to) => drop(to.send(self.prepared_policies())),
            Question::Change(ChangeOrder { what, by }, to) => {
                let pipeline = self.clone();
                tokio::task::spawn_local(async move {
                    let done = match what {
                        ChangeStep::Check(draft) => pipeline.check_policy(draft, by).await,
                        ChangeStep::Prepare(draft) => pipeline.prepare_policy(draft, by).await,
                        ChangeStep::Approve(digest, key) => {
                            pipeline.approve_policy(&digest, by, key.map(|k| *k)).await
                        }
                        ChangeStep::Reject(digest) => pipeline.reject_policy(&digest, &by),
                    };
                    let _ = to.send(done);
                });
            }
            Question::Lockouts(to) => drop(to.send(self.networks_out())),
            Question::Lift(network, by, to) => drop(to.send(self.lift_by_order(network, by))),
            Question::End(order, to) => drop(to.send(self.end_by_order(order))),
            Question::Reload(actor, to) => {
                let pipeline = self.clone();
                tokio::task::spawn_local(async move {
                    let done = pipeline.reload(actor).await;
                    let _ = to.send(done);
                });
            }
        }
    }

    fn sessions_on(&self) -> Vec<SessionOn> {
        self.sessions.map_on(|desk, s| self.session_on(desk, s))
    }

    pub(super) fn session_on(&self, desk: &CompId, s: &ActiveSession) -> SessionOn {
        let (address, now) = (s.access.address(), now());
        SessionOn {
            desk: desk.to_string(),
            user: s.connection.user.clone(),
            address: s.connection.address.to_string(),
            serial: s.shown.serial.clone(),
            since: s.since,
            device: s.access.device.clone(),
            country: self.risk.country(address, now).ok().map(|c| c.to_string()),
            system: self.risk.system(address, now),
            transport: s.transport.word(),
            messages: s.messages.get(),
            lease_until: self.lease_until(desk),
            last: s.access.last().map(|a| LastDecision {
                verdict: decision_word(a.decision),
                score: a.score,
                factors: a.factors.iter().map(factor_words).collect(),
                policy: a.policy,
            }),
        }
    }

    fn status(&self) -> Status {
        Status {
            sessions: self.sessions.on().len(),
            in_force: self.in_force(),
            registry: self.registry.as_ref().map(|r| (r.age(), r.age_max())),
            held: self.step_up.as_ref().map(|s| s.held()),
        }
    }

    /// Ends sessions a few at a time: messages of others go in between. The desks that were on.
    async fn end_which(self: &Rc<Self>, which: &Which, reason: &str, actor: &Actor) -> Vec<String> {
        let wanted = self.sessions.map_on(|desk, s| {
            let meant = match which {
                Which::Named(name) => desk.as_str() == name || s.connection.user == *name,
                Which::All => true,
            };
            meant.then(|| desk.clone())
        });
        let wanted: Vec<CompId> = wanted.into_iter().flatten().collect();
        let mut ended = Vec::new();
        for few in wanted.chunks(ENDS_AT_A_TIME) {
            for desk in few {
                let (reason, actor) = (reason.to_owned(), actor.clone());
                if self.end_by_order(EndOrder { desk: desk.clone(), reason, actor }) {
                    ended.push(desk.to_string());
                }
            }
            tokio::task::yield_now().await;
        }
        ended
    }

    fn networks_out(&self) -> Vec<NetworkOut> {
        let one = |l: NetworkLockout| NetworkOut {
            network: l.network.to_string(),
            seconds_left: l.left.as_secs(),
            level: l.level,
        };
        self.networks_locked_out().into_iter().map(one).collect()
    }

    fn in_force(&self) -> InForce {
        let (r, e) = (self.risk.policy(), self.entitlements.policies());
        InForce {
            risk: RiskInForce {
                digest: r.table.digest().to_owned(),
                networks: r.networks.len(),
                countries: r.settings.countries.len(),
                geo_fault: self.risk.geo_fault(now()).map(|f| format!("the country file: {f}")),
            },
            entitlements: EntitlementsInForce {
                digest: e.digest().to_owned(),
                policies: e.policy_count(),
                traders: e.facts().traders().len(),
                administrators: e.facts().administrators().len(),
                dealers: e.world().dealers.len(),
                instruments: e.world().instruments.len(),
            },
        }
    }

    /// Whether the desk was on.
    fn end_by_order(self: &Rc<Self>, order: EndOrder) -> bool {
        let on = self.sessions.is_on(&order.desk);
        if on {
            let reason = order.reason.as_str();
            let about = About::desk(&order.desk);
            self.events.by(order.actor, "session.ended", about, reason);
            let words = format!("an administrator ended your session: {reason}");
            let cure = "Ask your administrator before you connect again.";
            let why = EndReason::new("admin.ended", words, cure);
            self.end_session(&order.desk, &why);
        }
        on
    }

    async fn reload(self: &Rc<Self>, actor: Actor) -> Reloaded {
        let risk = self.reload_risk().await;
        let entitlements = self.reload_entitlements().await;
        let said = |what: &str, l: &Reload| match l {
            Ok(None) => format!("{what} unchanged"),
            Ok(Some((old, new))) => format!("{what} {old} -> {new}"),
            Err(e) => format!("{what} refused: {e}"),
        };
        let detail = format!("{}; {}", said("risk", &risk), said("entitlements", &entitlements));
        tracing::warn!(%actor, "policies reloaded by order: {detail}");
        self.events.by(actor, "policy.reload", About::object("policies"), detail);
        Reloaded { risk, entitlements }
    }
}

fn factor_words(f: &Factor) -> String {
    format!("{}: {} ({})", f.attribute, f.condition, f.points)
}

/// As events and administrators read it.
pub(super) fn decision_word(d: Decision) -> &'static str {
    match d {
        Decision::Allow => "allow",
        Decision::StepUp => "step_up",
        Decision::Deny => "deny",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn a_trading_thread_that_does_not_answer_is_not_waited_for() {
        runtime().block_on(async {
            let (trading, mut asks) = Trading::new();
            let refused = trading.sessions().await.unwrap_err();
            assert_eq!(refused, TradingSilent);
            // A question that was given up is not carried out later.
            assert!(asks.0.recv().await.unwrap().is_given_up());
            // A channel that is full answers at once, and so does one whose other end is gone.
            for _ in 0..ASKS_MAX {
                assert!(trading.0.try_send(Question::Sessions(oneshot::channel().0)).is_ok());
            }
            assert_eq!(trading.in_force().await, Err(TradingSilent));
            drop(asks);
            assert_eq!(trading.in_force().await, Err(TradingSilent));
        });
    }
}
