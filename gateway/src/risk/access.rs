//! What is known of one connection and what its risk was last judged to be: judged at logon, and
//! again whenever something it was judged by changes.

use super::{DeskSoftware, Facts, Risk, posture};
use crate::config::RiskPolicy;
use signet_fix::{
    AppMessage,
    message::{AccessDecision, AccessVerdict},
};
use signet_identity::{MessagePublicKey, PeerIdentity};
use signet_policy::{
    posture::{Evidence, Judgement, Report, judge},
    score::{Assessment, Authentication, Concern, Decision},
};
use signet_registry::random_id;
use signet_rfq::UtcMillis;
use std::{cell::RefCell, net::IpAddr};

/// The concern of a credential that changed, by a signal of the identity provider.
pub const CREDENTIAL_CHANGED: &str = "signal.credential_change";
/// A report is asked for again when so much of its time is left.
const ASK_BEFORE_MS: i64 = 60_000;
/// A question about the laptop that nobody answers is asked again after this.
const ASK_AGAIN_MS: i64 = 30_000;

/// What stays the same about a connection, and what was found out about it. Over QUIC the address
/// may change.
pub struct Access {
    pub user: String,
    /// The device that the certificate names.
    pub device: Option<String>,
    exporter: String,
    policies: Vec<String>,
    hardware_key: bool,
    key: MessagePublicKey,
    /// Serial number of a certificate that the registry has not seen used.
    first_use_of: Option<String>,
    /// What the Logon says of the desk's program.
    pub software: DeskSoftware,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// `None`: nobody vouches for one.
    address: Option<IpAddr>,
    /// A security key was touched for the logon of this connection.
    touched: bool,
    report: Option<(Report, UtcMillis)>,
    asked: Option<(String, UtcMillis)>,
    concerns: Vec<Concern>,
    /// The firm's identity provider says that the laptop is not compliant.
    not_compliant: bool,
    last: Option<Assessment>,
    /// The Logon was accepted.
    on: bool,
    first_use_told: bool,
}

impl Access {
    /// `exporter`: base64; `address`: what the balancer said, if there is one.
    pub fn new(
        user: String,
        peer: &PeerIdentity,
        key: MessagePublicKey,
        exporter: &str,
        address: Option<IpAddr>,
    ) -> Self {
        Self {
            user,
            device: peer.enrolled.as_ref().map(|e| e.device.clone()),
            exporter: exporter.to_owned(),
            policies: peer.policies.clone(),
            hardware_key: peer.enrolled.as_ref().is_some_and(|e| e.protection == "token"),
            key,
            first_use_of: None,
            software: DeskSoftware::default(),
            state: RefCell::new(State { address, ..State::default() }),
        }
    }

    /// Where it comes from, as far as somebody vouches for it.
    pub fn address(&self) -> Option<IpAddr> {
        self.state.borrow().address
    }

    /// The connection moved to another address: the journey is judged as at a logon from there, and
    /// a touch at the address before does not count. The laptop is the same, and what it reported.
    pub fn moved(&self, risk: &Risk, to: IpAddr, now: UtcMillis) {
        let journey = risk.travel_concern(&self.user, Some(to), now);
        let mut s = self.state.borrow_mut();
        s.address = Some(to);
        s.touched = false;
        // What a signal wants a touch for is not settled by a move.
        s.concerns.retain(|c| c.code == CREDENTIAL_CHANGED);
        s.concerns.extend(journey);
    }

    /// A touch is owed for `why`, whatever was touched before.
    pub fn distrusted(&self, why: Concern) {
        let mut s = self.state.borrow_mut();
        s.touched = false;
        s.concerns.retain(|c| c.code != why.code);
        s.concerns.push(why);
    }

    /// The firm's identity provider says whether the laptop is compliant.
    pub fn told_not_compliant(&self, not_compliant: bool) {
        self.state.borrow_mut().not_compliant = not_compliant;
    }

    /// This access is the first use of its certificate.
    pub fn with_first_use(mut self, serial: Option<&str>) -> Self {
        self.first_use_of = serial.map(str::to_owned);
        self
    }

    /// With what the Logon says of the desk's program.
    pub fn with_software(mut self, software: DeskSoftware) -> Self {
        self.software = software;
        self
    }

    /// The certificate whose first use counts now, once: the person is logged on and owes no touch.
    pub fn confirmed_first_use(&self) -> Option<String> {
        let mut s = self.state.borrow_mut();
        let let_in = s.touched || s.last.as_ref().is_some_and(|a| a.decision == Decision::Allow);
        let counts = let_in && s.on && !s.first_use_told;
        s.first_use_told |= counts;
        self.first_use_of.clone().filter(|_| counts)
    }

    /// At logon: what the Logon said of the laptop, how this person can have come here, and the
    /// decision.
    pub fn at_logon(
        &self,
        risk: &Risk,
        role: Option<&str>,
        report: Option<&str>,
        now: UtcMillis,
    ) -> Assessment {
        if let Some(Err(e)) = report.map(|r| self.report(r, "", now)) {
            tracing::warn!(user = self.user, code = e.code(), "{e}");
        }
        let journey = risk.travel_concern(&self.user, self.address(), now);
        self.state.borrow_mut().concerns.extend(journey);
        self.assess(risk, role, now).0
    }

    /// The decision as of now, and whether it differs from the last one.
    pub fn assess(&self, risk: &Risk, role: Option<&str>, now: UtcMillis) -> (Assessment, bool) {
        let device = self.device(&risk.policy(), now);
        let mut s = self.state.borrow_mut();
        let authentication =
            if s.touched { Authentication::HardwareToken } else { Authentication::SoftwareToken };
        let concerns = s.concerns.clone();
        let facts = Facts {
            user: &self.user,
            role,
            address: s.address,
            authentication,
            managed: Some(device.managed),
            trades: true,
            concerns,
        };
        let mut assessment = risk.assess(&facts, now);
        if !device.managed {
            assessment.because_of_device(&device.words);
        }
        let changed = s.last.as_ref() != Some(&assessment);
        s.last = Some(assessment.clone());
        (assessment, changed)
    }

    pub fn device(&self, policy: &RiskPolicy, now: UtcMillis) -> Judgement {
        let settings = &policy.settings.posture;
        let good_for_ms = i64::from(settings.report_minutes) * 60_000;
        let s = self.state.borrow();
        // A clock that went back makes a report as old as one that went forward.
        let fresh = s.report.as_ref().filter(|(_, at)| (0..good_for_ms).contains(&now.since(*at)));
        let evidence = Evidence {
            managed_certificate: self
                .policies
                .iter()
                .any(|p| settings.managed_policies.contains(p)),
            hardware_key: self.hardware_key && settings.signed_reports,
            report: fresh.map(|(r, _)| r),
        };
        let judged = judge(evidence, &settings.require, settings.require_known);
        if s.not_compliant {
            // Whatever the laptop says of itself.
            let words = "Your firm's identity provider says that this laptop is not compliant.";
            return Judgement { managed: false, words: words.into(), ..judged };
        }
        judged
    }

    /// A report in answer to `nonce`, if it is one of this connection's key.
    pub(super) fn checked(
        &self,
        envelope: &str,
        nonce: &str,
    ) -> Result<Report, posture::PostureRefusal> {
        posture::checked(envelope, &self.key, &self.exporter, nonce)
    }

    fn report(
        &self,
        envelope: &str,
        nonce: &str,
        now: UtcMillis,
    ) -> Result<(), posture::PostureRefusal> {
        let report = self.checked(envelope, nonce)?;
        self.state.borrow_mut().report = Some((report, now));
        Ok(())
    }

    /// An answer to the question that is open.
    pub fn answered(&self, envelope: &str, now: UtcMillis) -> Result<(), posture::PostureRefusal> {
        // Each question is good for one answer.
        let asked = self.state.borrow_mut().asked.take();
        let (nonce, _) = asked.ok_or(posture::PostureRefusal::NotAsked)?;
        self.report(envelope, &nonce, now)
    }

    /// The next question about the laptop, when it is time for one.
    pub fn question(&self, policy: &RiskPolicy, now: UtcMillis) -> Option<String> {
        let good_for_ms = i64::from(policy.settings.posture.report_minutes) * 60_000;
        let mut s = self.state.borrow_mut();
        let old = s
            .report
            .as_ref()
            .is_none_or(|(_, at)| !(0..good_for_ms - ASK_BEFORE_MS).contains(&now.since(*at)));
        let open =
            s.asked.as_ref().is_some_and(|(_, at)| (0..ASK_AGAIN_MS).contains(&now.since(*at)));
        if !old || open {
            return None;
        }
        let nonce = random_id()?;
        s.asked = Some((nonce.clone(), now));
        Some(nonce)
    }

    /// The Logon was accepted; the decision it was accepted with.
    pub fn logged_on(&self) -> Option<Assessment> {
        let mut s = self.state.borrow_mut();
        s.on = true;
        s.last.clone()
    }

    /// Whether this connection is logged on, from this address, and owes no touch.
    pub fn is_on_without_owing(&self, address: IpAddr) -> bool {
        let on = self.state.borrow().on;
        on && self.address() == Some(address) && !self.wants_touch()
    }

    /// Whether something about the way here looked odd.
    pub fn has_concerns(&self) -> bool {
        !self.state.borrow().concerns.is_empty()
    }

    /// The last decision.
    pub fn last(&self) -> Option<Assessment> {
        self.state.borrow().last.clone()
    }

    /// Whether nothing is to be sent on without a touch, by the last decision.
    pub fn wants_touch(&self) -> bool {
        self.state.borrow().last.as_ref().is_none_or(|a| a.decision != Decision::Allow)
    }

    /// The trader touched their key for the logon of this connection: that is how it authenticated,
    /// and a journey that looked impossible was theirs.
    pub fn touched(&self) {
        let mut s = self.state.borrow_mut();
        s.touched = true;
        s.concerns.retain(|c| {
            let settled = ["risk.impossible_travel", CREDENTIAL_CHANGED].contains(&c.code);
            !settled || c.at_least == Decision::Deny
        });
    }
}

/// An access was denied: somebody should look.
pub fn alert(who: &str, code: &str, a: &Assessment) {
    tracing::error!(
        alert = true,
        who,
        code,
        score = a.score,
        policy = a.policy,
        "access denied: {}",
        a.words()
    );
}

/// The decision as the registry keeps it: words and policy.
pub fn event_words(a: &Assessment) -> String {
    format!("{} policy {}", a.words(), a.policy)
}

/// The decision as the desk reads it.
pub fn decision(a: &Assessment, at: UtcMillis) -> AppMessage {
    let verdict = match a.decision {
        Decision::Allow => AccessVerdict::Allow,
        Decision::StepUp => AccessVerdict::StepUp,
        Decision::Deny => AccessVerdict::Deny,
    };
    AppMessage::AccessDecision(AccessDecision {
        verdict,
        score: a.score,
        policy: a.policy.clone(),
        factors: serde_json::to_string(&a.factors).unwrap_or_else(|_| "[]".into()),
        text: a.words(),
        cure: Some(a.cure()).filter(|c| !c.is_empty()),
        at,
    })
}
