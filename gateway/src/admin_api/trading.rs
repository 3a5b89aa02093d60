//! What administrators need of the trading thread, over a bounded channel. Neither end waits for
//! the other for long: the trading thread does what takes no time, and leaves the rest to a task;
//! whoever asked gives up after a while, and what was not begun by then is not done.

use super::AdminRefusal;
use crate::{
    clock::now,
    core::Core,
    entitle,
    live::{self, Reason},
    risk::{Administrator, Risk},
};
use serde::Serialize;
use signet_policy::{
    entitle::{CedarEntitlements, Entitlements as _},
    score::{Assessment, Decision},
};
use signet_registry::NewEvent;
use signet_rfq::{CompId, UtcMillis};
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Questions that may wait. More administrators at once are told to try again.
const ASKS_MAX: usize = 32;
const ANSWER_MAX: Duration = Duration::from_secs(2);
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
    pub last: Option<(&'static str, u32, String)>,
}

/// The policies in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InForce {
    pub risk: RiskInForce,
    pub entitlements: EntitlementsInForce,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RiskInForce {
    pub digest: String,
    pub networks: usize,
    pub countries: usize,
    /// What is wrong with the country file.
    pub geo_fault: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntitlementsInForce {
    pub digest: String,
    pub policies: usize,
    pub traders: usize,
    pub administrators: usize,
    pub dealers: usize,
    pub instruments: usize,
}

/// Digests before and after, `None` when nothing changed, or why the files are refused.
pub type Looked = Result<Option<(String, String)>, String>;

#[derive(Debug)]
pub struct Reloaded {
    pub risk: Looked,
    pub entitlements: Looked,
}

#[derive(Debug)]
pub enum Ask {
    Judge(Administrator, oneshot::Sender<Judged>),
    Sessions(oneshot::Sender<Vec<SessionOn>>),
    InForce(oneshot::Sender<InForce>),
    /// Whether the desk was on.
    End(Ending, oneshot::Sender<bool>),
    /// On whose behalf.
    Reload(String, oneshot::Sender<Reloaded>),
}

#[derive(Debug)]
pub struct Ending {
    pub desk: CompId,
    pub reason: String,
    pub actor: String,
}

/// The administrators' end.
#[derive(Debug, Clone)]
pub struct Trading(mpsc::Sender<Ask>);

impl Trading {
    pub fn new() -> (Self, mpsc::Receiver<Ask>) {
        let (tx, rx) = mpsc::channel(ASKS_MAX);
        (Self(tx), rx)
    }

    pub async fn judge(&self, a: Administrator) -> Result<Judged, AdminRefusal> {
        self.ask(ANSWER_MAX, |to| Ask::Judge(a, to)).await
    }

    pub async fn sessions(&self) -> Result<Vec<SessionOn>, AdminRefusal> {
        self.ask(ANSWER_MAX, Ask::Sessions).await
    }

    pub async fn in_force(&self) -> Result<InForce, AdminRefusal> {
        self.ask(ANSWER_MAX, Ask::InForce).await
    }

    pub async fn end(&self, e: Ending) -> Result<bool, AdminRefusal> {
        self.ask(ANSWER_MAX, |to| Ask::End(e, to)).await
    }

    pub async fn reload(&self, actor: String) -> Result<Reloaded, AdminRefusal> {
        self.ask(RELOAD_MAX, |to| Ask::Reload(actor, to)).await
    }

    async fn ask<T>(
        &self,
        patience: Duration,
        make: impl FnOnce(oneshot::Sender<T>) -> Ask,
    ) -> Result<T, AdminRefusal> {
        let (to, answer) = oneshot::channel();
        self.0.try_send(make(to)).map_err(|_| AdminRefusal::TradingSilent)?;
        match timeout(patience, answer).await {
            Ok(Ok(t)) => Ok(t),
            _ => Err(AdminRefusal::TradingSilent),
        }
    }
}

impl Ask {
    /// Nobody waits for the answer any more.
    fn is_given_up(&self) -> bool {
        match self {
            Self::Judge(_, to) => to.is_closed(),
            Self::Sessions(to) => to.is_closed(),
            Self::InForce(to) => to.is_closed(),
            Self::End(_, to) => to.is_closed(),
            Self::Reload(_, to) => to.is_closed(),
        }
    }
}

/// The trading thread's end: a task of it.
pub async fn serve(core: Rc<Core>, risk: Rc<Risk>, mut asks: mpsc::Receiver<Ask>) {
    while let Some(ask) = asks.recv().await {
        if ask.is_given_up() {
            continue;
        }
        match ask {
            Ask::Judge(a, to) => {
                let judged = Judged {
                    risk: risk.administrator(&a, now()),
                    entitlements: core.gate().policies(),
                };
                let _ = to.send(judged);
            }
            Ask::Sessions(to) => drop(to.send(sessions(&core))),
            Ask::InForce(to) => drop(to.send(in_force(&core, &risk))),
            Ask::End(e, to) => drop(to.send(end(&core, e))),
            Ask::Reload(actor, to) => {
                let (core, risk) = (core.clone(), risk.clone());
                tokio::task::spawn_local(async move {
                    let done = reload(&core, &risk, &actor).await;
                    let _ = to.send(done);
                });
            }
        }
        // Administrators who ask without pause take turns with trading.
        tokio::task::yield_now().await;
    }
}

fn sessions(core: &Core) -> Vec<SessionOn> {
    let verdict = |a: Assessment| {
        let word = match a.decision {
            Decision::Allow => "allow",
            Decision::StepUp => "step_up",
            Decision::Deny => "deny",
        };
        (word, a.score, a.policy)
    };
    let live = core.live.borrow();
    let on = live.iter().filter(|(_, l)| !l.cut.done());
    on.map(|(desk, l)| SessionOn {
        desk: desk.to_string(),
        user: l.connection.user.clone(),
        address: l.connection.address.to_string(),
        serial: l.shown.serial.clone(),
        since: l.since,
        last: l.access.last().map(verdict),
    })
    .collect()
}

fn in_force(core: &Core, risk: &Risk) -> InForce {
    let (r, e) = (risk.policy(), core.gate().policies());
    InForce {
        risk: RiskInForce {
            digest: r.table.digest().to_owned(),
            networks: r.networks.len(),
            countries: r.settings.countries.len(),
            geo_fault: risk.geo_fault(now()).map(|f| f.to_string()),
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

fn end(core: &Rc<Core>, e: Ending) -> bool {
    let on = core.live.borrow().get(&e.desk).is_some_and(|l| !l.cut.done());
    if on {
        let roster = core.roster();
        if let Some(r) = &roster {
            r.note(NewEvent::new(
                now(),
                &e.actor,
                "session.ended",
                e.desk.as_str(),
                e.reason.as_str(),
            ));
        }
        let words = format!("an administrator ended your session: {}", e.reason);
        let why = Reason {
            code: "admin.ended",
            words,
            cure: "Ask your administrator before you connect again.".into(),
        };
        live::cut(core, roster.as_deref(), &e.desk, &why);
    }
    on
}

async fn reload(core: &Rc<Core>, risk: &Rc<Risk>, actor: &str) -> Reloaded {
    let section = risk.section().clone();
    let read = tokio::task::spawn_blocking(move || section.read()).await;
    let risk = match read {
        Ok(read) => core.take_risk(risk, read).map_err(|e| e.to_string()),
        Err(e) => Err(e.to_string()),
    };
    if matches!(risk, Ok(Some(_))) {
        core.reassess_all(crate::risk::Reassess::Changed).await;
    }
    let entitlements = entitle::look_now(core).await;
    let said = |what: &str, l: &Looked| match l {
        Ok(None) => format!("{what} as before"),
        Ok(Some((old, new))) => format!("{what} {old} -> {new}"),
        Err(e) => format!("{what} refused: {e}"),
    };
    let detail = format!("{}; {}", said("risk", &risk), said("entitlements", &entitlements));
    tracing::warn!(actor, "policies looked at now: {detail}");
    if let Some(r) = core.roster() {
        r.note(NewEvent::new(now(), actor, "policy.reload", "policies", detail));
    }
    Reloaded { risk, entitlements }
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
            assert_eq!((refused.code(), refused.status().as_u16()), ("admin.trading_silent", 503));
            // What nobody waits for any more is not done later.
            assert!(asks.recv().await.unwrap().is_given_up());
            // A channel that is full answers at once, and so does one whose other end is gone.
            let waiting: Vec<_> = (0..ASKS_MAX)
                .map(|_| trading.0.try_send(Ask::Sessions(oneshot::channel().0)))
                .collect();
            assert!(waiting.iter().all(Result::is_ok));
            assert_eq!(trading.in_force().await.unwrap_err().code(), "admin.trading_silent");
            drop(asks);
            assert_eq!(trading.in_force().await.unwrap_err().code(), "admin.trading_silent");
        });
    }
}
