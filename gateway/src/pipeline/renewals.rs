//! The risk of a renewal, asked of the trading thread: a stolen certificate must not get a
//! successor from a place where it would not be let in to trade.

use super::Pipeline;
use crate::{clock::now, risk::Facts};
use signet_identity::PeerIdentity;
use signet_policy::score::{Assessment, Authentication, Decision};
use std::{net::IpAddr, rc::Rc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Questions that may wait. More renewals at once are told to try again.
const QUESTIONS_MAX: usize = 64;
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// A renewal that is otherwise good.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The registry's user of the present certificate, or its CompID.
    pub user: String,
    pub serial: String,
    pub address: IpAddr,
    /// Certificate policies of the present certificate.
    pub policies: Vec<String>,
}

impl Renewal {
    /// What the present certificate says, and where it was shown.
    pub fn new(peer: &PeerIdentity, address: IpAddr) -> Self {
        let user =
            peer.enrolled.as_ref().map_or_else(|| peer.comp_id.to_string(), |e| e.user.clone());
        Self { user, serial: peer.serial.clone(), address, policies: peer.policies.clone() }
    }
}

/// The gateway does not permit a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// The risk is too high here.
    Risk,
    /// The trading thread did not answer in time.
    Silent,
}

type Question = (Renewal, oneshot::Sender<Result<(), Box<Assessment>>>);

/// The enrolment service's end.
#[derive(Debug, Clone)]
pub struct RenewalRisk(mpsc::Sender<Question>);

/// The trading thread's end.
pub struct RenewalQuestions(mpsc::Receiver<Question>);

impl RenewalRisk {
    /// Both ends.
    pub fn new() -> (Self, RenewalQuestions) {
        let (questions, inbox) = mpsc::channel(QUESTIONS_MAX);
        (Self(questions), RenewalQuestions(inbox))
    }

    /// Whether this renewal may be granted; without an answer it may not.
    pub async fn permits(&self, renewal: Renewal) -> Result<(), NotNow> {
        let (to, answer) = oneshot::channel();
        let (user, address) = (renewal.user.clone(), renewal.address);
        self.0.try_send((renewal, to)).map_err(|_| NotNow::Silent)?;
        match timeout(ANSWER_MAX, answer).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(a))) => {
                tracing::warn!(user, %address, score = a.score, "renewal refused: {}", a.words());
                Err(NotNow::Risk)
            }
            _ => Err(NotNow::Silent),
        }
    }
}

impl RenewalQuestions {
    /// Answers until the enrolment service is gone; a task of the trading thread.
    pub async fn serve(mut self, pipeline: Rc<Pipeline>) {
        while let Some((renewal, to)) = self.0.recv().await {
            let _ = to.send(pipeline.judge_renewal(&renewal));
        }
    }
}

impl Pipeline {
    /// A session that is on with this very certificate, from this address, was judged with
    /// everything that is known of it; that judgement counts. Otherwise the renewal is an access of
    /// its own, which must be allowed without a touch: nobody can be asked for one here.
    fn judge_renewal(&self, renewal: &Renewal) -> Result<(), Box<Assessment>> {
        if self.is_on_without_owing(&renewal.serial, renewal.address) {
            return Ok(());
        }
        let (now, policy) = (now(), self.risk.policy());
        let managed =
            renewal.policies.iter().any(|p| policy.settings.posture.managed_policies.contains(p));
        let role = self.registry.as_ref().and_then(|r| r.role(&renewal.serial));
        let travel = self.risk.travel_concern(&renewal.user, Some(renewal.address), now);
        let facts = Facts {
            user: &renewal.user,
            role: role.as_deref(),
            address: Some(renewal.address),
            authentication: Authentication::SoftwareToken,
            // A request for a certificate carries no posture report.
            managed: Some(managed),
            // A desk renews at night too.
            trades: false,
            concerns: travel.into_iter().collect(),
        };
        let assessment = self.risk.assess(&facts, now);
        if assessment.decision == Decision::Allow { Ok(()) } else { Err(Box::new(assessment)) }
    }
}
