//! What the console shows of the trading thread: rows, and never more than so many, so that whoever
//! looks on costs trading little. Texts are made by whoever asks.

use super::{Pipeline, SessionOn, Trading, TradingSilent, administrators::Question};
use crate::{
    clock::now,
    history::{Policy, Version},
};
use rustls_pki_types::CertificateDer;
use signet_policy::{
    score::{Assessment, Decision},
    software::SoftwarePolicy,
};
use signet_router::RfqSeen;
use tokio::sync::oneshot;

/// Sessions in one answer.
const SESSIONS_MAX: usize = 500;
/// RFQs in one answer.
const RFQS_MAX: usize = 200;

/// A desk that is on, and what its risk is made of.
#[derive(Debug, Clone)]
pub struct SessionSeen {
    pub on: SessionOn,
    pub last: Option<Assessment>,
    /// As shown in the handshake.
    pub certificate: Option<CertificateDer<'static>>,
    pub open_rfqs: usize,
    /// `none`, `asked` or `passed`.
    pub step_up: &'static str,
}

/// An RFQ, and the person at its desk when the gateway knows.
#[derive(Debug, Clone)]
pub struct RfqRow {
    pub rfq: RfqSeen,
    pub user: Option<String>,
}

/// Some rows, and whether others were left out.
#[derive(Debug, Clone)]
pub struct Rows<T> {
    pub rows: Vec<T>,
    pub more: bool,
}

/// The versions in force, with their texts.
#[derive(Debug, Clone)]
pub struct PoliciesSeen {
    pub versions: Vec<Version>,
    /// Whether files alone change nothing.
    pub two_people: bool,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum Look {
    Sessions(oneshot::Sender<Rows<SessionSeen>>),
    Rfqs(oneshot::Sender<Rows<RfqRow>>),
    Policies(oneshot::Sender<PoliciesSeen>),
    Software(oneshot::Sender<SoftwarePolicy>),
}

impl Look {
    pub(super) fn is_given_up(&self) -> bool {
        match self {
            Self::Sessions(to) => to.is_closed(),
            Self::Rfqs(to) => to.is_closed(),
            Self::Policies(to) => to.is_closed(),
            Self::Software(to) => to.is_closed(),
        }
    }
}

impl Trading {
    /// The desks that are on.
    pub async fn sessions_seen(&self) -> Result<Rows<SessionSeen>, TradingSilent> {
        self.look(Look::Sessions).await
    }

    /// Open RFQs, and those that ended a short while ago.
    pub async fn rfqs_seen(&self) -> Result<Rows<RfqRow>, TradingSilent> {
        self.look(Look::Rfqs).await
    }

    /// The policies in force, with their texts.
    pub async fn policies_seen(&self) -> Result<PoliciesSeen, TradingSilent> {
        self.look(Look::Policies).await
    }

    /// Which versions of the desk may log on.
    pub async fn software_policy(&self) -> Result<SoftwarePolicy, TradingSilent> {
        self.look(Look::Software).await
    }

    async fn look<T>(
        &self,
        what: impl FnOnce(oneshot::Sender<T>) -> Look,
    ) -> Result<T, TradingSilent> {
        self.ask(super::administrators::ANSWER_MAX, |to| Question::Look(what(to))).await
    }
}

impl Pipeline {
    pub(super) fn answer_look(&self, look: Look) {
        match look {
            Look::Sessions(to) => drop(to.send(self.sessions_seen())),
            Look::Rfqs(to) => drop(to.send(self.rfqs_seen())),
            Look::Software(to) => drop(to.send(self.risk.policy().software.clone())),
            Look::Policies(to) => {
                let policies = [Policy::Risk, Policy::Entitlements];
                let versions = policies.into_iter().filter_map(|p| self.version_in_force(p));
                let two_people = self.policies.need_two_people();
                drop(to.send(PoliciesSeen { versions: versions.collect(), two_people }));
            }
        }
    }

    fn sessions_seen(&self) -> Rows<SessionSeen> {
        let on = self.sessions.on();
        let seen = |desk| {
            let (on, certificate, last) = self.sessions.of(desk, |s| {
                (self.session_on(desk, s), s.chain.first().cloned(), s.access.last())
            })?;
            let lease = on.lease_until.is_some();
            let asked = last.as_ref().is_some_and(|a| a.decision == Decision::StepUp);
            let step_up = match (asked, lease) {
                (true, _) => "asked",
                (false, true) => "passed",
                _ => "none",
            };
            let open_rfqs = self.router.with(|r| r.open_count(desk));
            Some(SessionSeen { on, last, certificate, open_rfqs, step_up })
        };
        let rows = on.iter().take(SESSIONS_MAX).filter_map(seen).collect();
        Rows { rows, more: on.len() > SESSIONS_MAX }
    }

    fn rfqs_seen(&self) -> Rows<RfqRow> {
        let (rfqs, more) = self.router.with(|r| r.newest(now(), RFQS_MAX));
        let row = |rfq: RfqSeen| RfqRow { user: self.trader(&rfq.desk), rfq };
        Rows { rows: rfqs.into_iter().map(row).collect(), more }
    }
}
