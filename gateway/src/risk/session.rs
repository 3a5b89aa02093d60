//! The risk of each connection while it lasts: judged at logon, and again whenever something it was
//! judged by is another.

use super::{Facts, Risk, posture};
use crate::{
    clock::now,
    config::{ConfigError, OpenRfqs, RiskPolicy},
    core::Core,
    live,
    registry_view::RegistryView,
    stamp::{self, Stamp},
};
use signet_fix::{
    AppMessage,
    message::{AccessDecision, AccessVerdict},
};
use signet_identity::{MessagePublicKey, PeerIdentity};
use signet_policy::{
    posture::{Evidence, Judgement, Report, judge},
    score::{Assessment, Authentication, Concern, Decision},
};
use signet_registry::{NewEvent, random_id};
use signet_rfq::{CompId, RfqId, UtcMillis};
use std::{
    cell::RefCell,
    net::IpAddr,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Everybody is judged anew at least this often: hours pass, files and reports grow old.
const ANEW_MS: i64 = 10_000;
/// A broken policy or country file is said to be so at once, and then this often.
const COMPLAIN_MS: i64 = 10 * 60_000;
/// A report is asked for again when so much of its time is left.
const ASK_BEFORE_MS: i64 = 60_000;
/// Sessions judged before others have their turn.
const AT_A_TIME: usize = 16;
/// Wall clock and steady clock may part by so much between two looks.
const CLOCK_STEP_MS: i64 = 2_000;
/// A question about the laptop that nobody answers is asked again after this.
const ASK_AGAIN_MS: i64 = 30_000;

/// What stays the same about a connection, and what was found out about it.
pub struct Access {
    pub user: String,
    pub address: Option<IpAddr>,
    exporter: String,
    policies: Vec<String>,
    hardware_key: bool,
    key: MessagePublicKey,
    /// Serial number of a certificate that the registry has not seen used.
    first_use_of: Option<String>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// A security key was touched for the logon of this connection.
    touched: bool,
    report: Option<(Report, UtcMillis)>,
    asked: Option<(String, UtcMillis)>,
    concerns: Vec<Concern>,
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
            address,
            exporter: exporter.to_owned(),
            policies: peer.policies.clone(),
            hardware_key: peer.enrolled.as_ref().is_some_and(|e| e.protection == "token"),
            key,
            first_use_of: None,
            state: RefCell::default(),
        }
    }

    /// This access is the first use of its certificate.
    pub fn with_first_use(mut self, serial: Option<&str>) -> Self {
        self.first_use_of = serial.map(str::to_owned);
        self
    }

    /// The certificate whose first use counts now, once: the person is logged on and owes no touch.
    fn confirmed_first_use(&self) -> Option<String> {
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
        self.state.borrow_mut().concerns.extend(risk.travel_concern(&self.user, self.address, now));
        self.assess(risk, role, now).0
    }

    /// The decision as of now, and whether it is another one than last time.
    pub fn assess(&self, risk: &Risk, role: Option<&str>, now: UtcMillis) -> (Assessment, bool) {
        let device = self.device(&risk.policy(), now);
        let mut s = self.state.borrow_mut();
        let authentication =
            if s.touched { Authentication::HardwareToken } else { Authentication::SoftwareToken };
        let concerns = s.concerns.clone();
        let facts = Facts {
            user: &self.user,
            role,
            address: self.address,
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
        judge(evidence, &settings.require)
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
    pub(super) fn question(&self, policy: &RiskPolicy, now: UtcMillis) -> Option<String> {
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
    fn touched(&self) {
        let mut s = self.state.borrow_mut();
        s.touched = true;
        s.concerns.retain(|c| c.code != "risk.impossible_travel" || c.at_least == Decision::Deny);
    }
}

/// Why everybody is judged anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reassess {
    Changed,
    Quietly,
}

impl Core {
    /// After logon: the trader reads the decision before anything else, and the laptop is asked
    /// about.
    pub fn tell_decision(&self, desk: &CompId) {
        let Some(access) = self.access(desk) else { return };
        access.state.borrow_mut().on = true;
        self.confirm_first_use(&access);
        let last = access.state.borrow().last.clone();
        if let Some(a) = last {
            self.event("risk.assessed", desk, &event_words(&a));
            self.to_desk(desk, &decision(&a, now()));
        }
        self.ask_posture(desk, &access);
    }

    fn ask_posture(&self, desk: &CompId, access: &Access) {
        let Some(risk) = self.risk() else { return };
        if let Some(nonce) = access.question(&risk.policy(), now()) {
            self.to_desk(desk, &AppMessage::PostureRequest { nonce });
        }
    }

    /// The desk answered about its laptop.
    pub fn posture_report(self: &Rc<Self>, desk: &CompId, envelope: &str) {
        let Some(access) = self.access(desk) else { return };
        match access.answered(envelope, now()) {
            Ok(()) => self.reassess(desk),
            Err(e) => {
                tracing::warn!(%desk, code = e.code(), "{e}");
                self.event(e.code(), desk, &e.to_string());
            }
        }
    }

    /// The logon touch was good.
    pub fn authenticated(self: &Rc<Self>, desk: &CompId) {
        let Some(access) = self.access(desk) else { return };
        access.touched();
        self.confirm_first_use(&access);
        self.was_seen(&access);
        self.reassess(desk);
    }

    /// Takes the certificate before this one out of force, once whoever shows this one is past the
    /// last gate: a stolen one that is refused, or owes a touch, displaces nobody.
    fn confirm_first_use(&self, access: &Access) {
        if let (Some(roster), Some(serial)) = (self.roster(), access.confirmed_first_use()) {
            roster.first_used(&serial);
        }
    }

    /// Whether a session is on with this certificate, from this address, that owes no touch.
    pub fn is_on_without_owing(&self, serial: &str, address: IpAddr) -> bool {
        let live = self.live.borrow();
        let mut on = live.values().filter(|l| !l.cut.done() && l.shown.serial == serial);
        on.any(|l| {
            l.access.state.borrow().on
                && l.access.address == Some(address)
                && !l.access.wants_touch()
        })
    }

    /// Somebody is here with good reason.
    pub fn was_seen(&self, access: &Access) {
        let sighting = self.risk().and_then(|r| r.seen_at(&access.user, access.address, now()));
        if let (Some(roster), Some(s)) = (self.roster(), sighting) {
            roster.seen(&access.user, s);
        }
    }

    /// Whether the place of somebody who was let in at once is to be remembered: not when the way
    /// there looked odd.
    pub fn let_in(&self, access: &Access) {
        if access.state.borrow().concerns.is_empty() {
            self.was_seen(access);
        }
    }

    /// Judges everybody anew, a few at a time: messages of others go in between.
    pub async fn reassess_all(self: &Rc<Self>, why: Reassess) {
        let on: Vec<CompId> = self
            .live
            .borrow()
            .iter()
            .filter(|(_, l)| !l.cut.done())
            .map(|(d, _)| d.clone())
            .collect();
        for few in on.chunks(AT_A_TIME) {
            for desk in few {
                if why == Reassess::Quietly
                    && let Some(access) = self.access(desk)
                {
                    self.ask_posture(desk, &access);
                }
                self.reassess(desk);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Judges one session anew, and does what follows: nothing, a touch, or the end.
    pub fn reassess(self: &Rc<Self>, desk: &CompId) {
        let (Some(risk), Some(access)) = (self.risk(), self.access(desk)) else { return };
        let role = self.role_of(desk);
        let (a, changed) = access.assess(&risk, role.as_deref(), now());
        if !changed {
            return;
        }
        self.confirm_first_use(&access);
        self.event(
            if a.decision == Decision::Deny { "risk.denied" } else { "risk.changed" },
            desk,
            &event_words(&a),
        );
        self.to_desk(desk, &decision(&a, now()));
        match a.decision {
            Decision::Deny => self.cut_for_risk(desk, "risk.denied", &a, risk.open_rfqs()),
            Decision::StepUp if self.enforcement().is_none() => {
                self.cut_for_risk(desk, "risk.no_step_up", &a, risk.open_rfqs())
            }
            d => self.watched(desk, d == Decision::StepUp),
        }
    }

    fn cut_for_risk(
        self: &Rc<Self>,
        desk: &CompId,
        code: &'static str,
        a: &Assessment,
        open: OpenRfqs,
    ) {
        if open == OpenRfqs::Withdraw {
            let ids: Vec<RfqId> = self.with_router(|r| r.withdrawable(desk));
            for rfq in ids {
                let text = Some("withdrawn by the gateway: your access was denied".to_owned());
                self.handle(signet_router::Input::FromDesk(
                    desk.clone(),
                    AppMessage::RfqCancel { rfq, text },
                ));
            }
        }
        alert(desk.as_str(), code, a);
        live::cut(
            self,
            self.roster().as_deref(),
            desk,
            &live::Reason { code, words: a.words(), cure: a.cure() },
        );
    }

    /// A risk policy that was read: in force, or refused as a whole; said and written down either
    /// way. The digests before and after when something changed.
    pub fn take_risk(
        &self,
        risk: &Risk,
        read: Result<RiskPolicy, ConfigError>,
    ) -> Result<Option<(String, String)>, ConfigError> {
        let changed = match read {
            Ok(new) => risk.take(new),
            Err(e) => {
                tracing::error!(
                    alert = true,
                    "the new risk policy is refused as a whole; the last one stays: {e}"
                );
                self.note("policy.refused", &format!("risk: {e}"));
                return Err(e);
            }
        };
        if let Some((old, new)) = &changed {
            tracing::info!(old, new, "risk policy loaded");
            self.note("policy.loaded", &format!("risk: {old} -> {new}"));
        }
        Ok(changed)
    }

    fn role_of(&self, desk: &CompId) -> Option<String> {
        let live = self.live.borrow();
        let shown = &live.get(desk)?.shown;
        self.roster()?.role(&shown.serial)
    }

    fn event(&self, code: &'static str, desk: &CompId, words: &str) {
        if let Some(r) = self.roster() {
            r.note(NewEvent::new(now(), "gateway", code, desk.as_str(), words));
        }
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

/// Looks for newer files and passing time, and judges everybody anew.
pub async fn watch(
    core: Rc<Core>,
    risk: Rc<Risk>,
    roster: Option<Rc<RegistryView>>,
    files: Vec<PathBuf>,
) {
    let mut snapshots = roster.as_ref().map(|r| r.snapshots());
    let mut stamps = stamps_of(&files);
    let (mut judged, mut complained, mut told) = (now(), UtcMillis(0), None);
    let mut looked = (Instant::now(), now());
    loop {
        let registry_changed = match &mut snapshots {
            Some(s) => timeout(LOOK, s.changed()).await.is_ok_and(|r| r.is_ok()),
            None => {
                tokio::time::sleep(LOOK).await;
                false
            }
        };
        let at = now();
        let step = stepped(looked.0.elapsed(), at.since(looked.1));
        looked = (Instant::now(), at);
        if let Some(ms) = step {
            tracing::error!(
                alert = true,
                ms,
                "the gateway's clock was set; every touch counts as too long ago"
            );
            core.note("clock.stepped", &format!("by {ms} ms; all leases ended"));
            core.clock_stepped();
        }
        // Files are read away from the trading thread.
        let (looked_at, section, before) = (files.clone(), risk.section().clone(), stamps.clone());
        let look = move || {
            let newer = stamps_of(&looked_at);
            let read = (newer != before).then(|| section.read());
            (newer, read)
        };
        let mut reloaded = false;
        if let Ok((newer, read)) = tokio::task::spawn_blocking(look).await {
            stamps = newer;
            reloaded = read.is_some_and(|read| {
                core.take_risk(&risk, read).is_ok_and(|changed| changed.is_some())
            });
        }
        let geo = risk.refresh_geo().await;
        let fault = risk.geo_fault(at);
        if let Some(fault) = fault.as_ref().filter(|f| {
            told.as_ref() != Some(*f)
                || at.since(complained).unsigned_abs() >= COMPLAIN_MS.unsigned_abs()
        }) {
            complained = at;
            tracing::error!(alert = true, "countries cannot be told: {fault}");
            core.note("risk.geo_fault", &fault.to_string());
        }
        told = fault;
        if reloaded || geo || registry_changed || step.is_some() {
            core.reassess_all(Reassess::Changed).await;
        }
        if at.since(judged).unsigned_abs() >= ANEW_MS.unsigned_abs() {
            judged = at;
            core.reassess_all(Reassess::Quietly).await;
        }
    }
}

/// By how much the wall clock was set since the last look, if it was.
fn stepped(steady: Duration, wall_ms: i64) -> Option<i64> {
    let steady_ms = i64::try_from(steady.as_millis()).unwrap_or(i64::MAX);
    let by = wall_ms.saturating_sub(steady_ms);
    (by.unsigned_abs() > CLOCK_STEP_MS.unsigned_abs()).then_some(by)
}

fn stamps_of(files: &[PathBuf]) -> Vec<Stamp> {
    files.iter().map(|f| stamp::of(f)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_told_from_one_that_is_late() {
        for (steady_ms, wall_ms, want) in [
            (1_000, 1_000, None),
            (1_000, 3_000, None),
            (1_000, 3_001, Some(2_001)),
            (1_000, -1_001, Some(-2_001)),
            // A machine that stood still: both clocks say so.
            (60_000, 60_500, None),
            (0, i64::MIN, Some(i64::MIN)),
        ] {
            assert_eq!(
                stepped(Duration::from_millis(steady_ms), wall_ms),
                want,
                "{steady_ms} {wall_ms}"
            );
        }
    }
}
