//! What follows from the risk of an access: told at logon, judged again while the session lasts.

use super::{EndReason, Pipeline, Withdrawal, administrators::decision_word};
use crate::{
    clock::now,
    response::Network,
    risk::{Access, alert, decision, event_words},
};
use signet_events::{About, Actor, Text};
use signet_fix::{
    AppMessage,
    session::{Meta, Outbox},
};
use signet_identity::CompId;
use signet_policy::{
    score::{Assessment, Decision, Factor},
    software::When,
};
use std::{net::IpAddr, rc::Rc};

/// Sessions judged before other tasks of the thread have their turn.
const AT_A_TIME: usize = 16;

/// Why every session is judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reassess {
    /// Something they are judged by changed.
    Changed,
    /// Time has passed; laptops whose report grows old are asked for another one.
    TimePassed,
}

impl Pipeline {
    /// After logon: the trader reads the decision before anything else, and the laptop is asked
    /// about.
    pub(super) fn tell_decision(&self, desk: &CompId) {
        let Some(access) = self.sessions.access(desk) else { return };
        let last = access.logged_on();
        self.confirm_first_use(&access);
        if let Some(a) = last {
            let about = decided(self.about(desk, &access), &a);
            self.events.gateway("risk.assessed", about, event_words(&a));
            self.to_desk(desk, &decision(&a, now()));
        }
        self.ask_posture(desk, &access);
    }

    fn ask_posture(&self, desk: &CompId, access: &Access) {
        if let Some(nonce) = access.question(&self.risk.policy(), now()) {
            self.to_desk(desk, &AppMessage::PostureRequest { nonce });
        }
    }

    /// The desk answered about its laptop.
    pub(super) fn posture_report(self: &Rc<Self>, desk: &CompId, envelope: &str) {
        let Some(access) = self.sessions.access(desk) else { return };
        match access.answered(envelope, now()) {
            Ok(()) => self.reassess(desk),
            Err(e) => {
                tracing::warn!(%desk, code = e.code(), "{e}");
                self.events.gateway(e.code(), self.about(desk, &access), e.to_string());
            }
        }
    }

    /// The touch that the logon owed was good.
    pub(super) fn authenticated(self: &Rc<Self>, desk: &CompId) {
        let Some(access) = self.sessions.access(desk) else { return };
        access.touched();
        self.touch_pays(&access);
        self.confirm_first_use(&access);
        self.record_place(&access);
        self.reassess(desk);
    }

    /// Takes the certificate before this one out of force, once whoever shows this one is past the
    /// last gate: a stolen one that is refused, or owes a touch, displaces nobody.
    fn confirm_first_use(&self, access: &Access) {
        if let (Some(registry), Some(serial)) = (&self.registry, access.confirmed_first_use()) {
            registry.first_used(&serial);
        }
    }

    /// Whether a session is on with this certificate, from this address, that owes no touch.
    pub(super) fn is_on_without_owing(&self, serial: &str, address: IpAddr) -> bool {
        let owing_nothing = self
            .sessions
            .map_on(|_, s| s.shown.serial == serial && s.access.is_on_without_owing(address));
        owing_nothing.contains(&true)
    }

    /// Remembers where somebody is who is there with good reason.
    fn record_place(&self, access: &Access) {
        let sighting = self.risk.record_place(&access.user, access.address(), now());
        if let (Some(registry), Some(s)) = (&self.registry, sighting) {
            registry.seen(&access.user, s);
        }
    }

    /// A desk was admitted. Its place is remembered unless the way there looked odd.
    pub fn admitted(&self, access: &Access) {
        if !access.has_concerns() {
            self.record_place(access);
        }
    }

    /// The connection of a desk is proved to be at another address. It is judged as a logon from
    /// there would be; whether the session goes on. If not, it ends with words.
    pub fn moved(self: &Rc<Self>, desk: &CompId, outbox: &Rc<Outbox>, to: IpAddr) -> bool {
        let Some((access, from)) = self.sessions.moved(desk, outbox, to) else { return false };
        tracing::info!(%desk, %from, %to, "the desk's connection moved");
        // Another gateway may have seen this person since.
        if let Some(s) = self.registry.as_ref().and_then(|r| r.last_seen(&access.user)) {
            self.risk.remember(&access.user, s);
        }
        access.moved(&self.risk, to, now());
        self.tell_moved(desk, from, to);
        // A logon from there would not come as far as its score. An address of the same network is
        // where the session is on already.
        let network = Network::of(to);
        if network != Network::of(from) && !self.may_try(Some(to)) {
            self.end_session(desk, &network_locked_out());
            return false;
        }
        let role = self.role_of(desk);
        let (a, changed) = access.assess(&self.risk, role.as_deref(), now());
        self.tell_level(&access.user, &a);
        if changed {
            self.say_change(desk, &access, &a);
        }
        match self.must_end(&a) {
            Some(code) => self.end_for_risk(desk, code, &a),
            None => {
                let owes = a.decision == Decision::StepUp;
                if !owes {
                    // As the first good logon from there does, for everybody there.
                    self.network_succeeded(network);
                }
                self.admitted(&access);
                self.step_up_moved(desk, owes);
            }
        }
        let goes_on = self.sessions.is_on(desk);
        if goes_on {
            self.goes_on_at(desk, from, to);
        }
        goes_on
    }

    /// Judges every session again, a few at a time: messages of others go in between.
    pub async fn reassess_all(self: &Rc<Self>, why: Reassess) {
        for few in self.sessions.on().chunks(AT_A_TIME) {
            for desk in few {
                if why == Reassess::TimePassed
                    && let Some(access) = self.sessions.access(desk)
                {
                    self.ask_posture(desk, &access);
                }
                self.reassess(desk);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Judges a session again whose touches no longer count.
    pub(super) fn reassess_untouched(self: &Rc<Self>, desk: &CompId, access: &Access) {
        let role = self.role_of(desk);
        let (a, changed) = access.assess(&self.risk, role.as_deref(), now());
        self.tell_level(&access.user, &a);
        if changed {
            self.say_change(desk, access, &a);
        }
        match self.must_end(&a) {
            Some(code) => self.end_for_risk(desk, code, &a),
            None => self.step_up_distrusted(desk),
        }
    }

    /// Judges one session again, and does what follows: nothing, a touch, or the end.
    pub(super) fn reassess(self: &Rc<Self>, desk: &CompId) {
        let Some(access) = self.sessions.access(desk) else { return };
        if let Err(why) = self.risk.judge_software(&access.software, When::On) {
            return self.end_session(desk, &why.into());
        }
        let role = self.role_of(desk);
        let (a, changed) = access.assess(&self.risk, role.as_deref(), now());
        self.tell_level(&access.user, &a);
        if !changed {
            return;
        }
        self.say_change(desk, &access, &a);
        match self.must_end(&a) {
            Some(code) => self.end_for_risk(desk, code, &a),
            None => self.step_up_risk(desk, a.decision == Decision::StepUp),
        }
    }

    /// Writes another decision down and tells the desk.
    fn say_change(&self, desk: &CompId, access: &Access, a: &Assessment) {
        self.confirm_first_use(access);
        let code = if a.decision == Decision::Deny { "risk.denied" } else { "risk.changed" };
        let about = decided(self.about(desk, access), a);
        self.events.gateway(code, about, event_words(a));
        self.to_desk(desk, &decision(a, now()));
    }

    /// The code under which a session must end by this decision.
    fn must_end(&self, a: &Assessment) -> Option<&'static str> {
        match a.decision {
            Decision::Deny => Some("risk.denied"),
            Decision::StepUp if self.step_up.is_none() => Some("risk.no_step_up"),
            _ => None,
        }
    }

    fn end_for_risk(self: &Rc<Self>, desk: &CompId, code: &'static str, a: &Assessment) {
        alert(desk.as_str(), code, a);
        let text = "withdrawn by the gateway: your access was denied";
        let withdrawal = Withdrawal::BySetting(text);
        let why = EndReason { withdrawal, ..EndReason::new(code, a.words(), a.cure()) };
        self.end_session(desk, &why);
    }

    /// Something happened to a desk that is on.
    pub(super) fn note_access(&self, desk: &CompId, code: &'static str, words: &str) {
        self.events.by(Actor::Desk(Text::of(desk)), code, self.at_desk(desk), words);
    }

    /// Who is at a desk, and where, if it is on.
    pub(super) fn at_desk(&self, desk: &CompId) -> About {
        let access = self.sessions.access(desk);
        access.map_or_else(|| About::desk(desk), |a| self.about(desk, &a))
    }

    /// Looks at when a desk says that it sent a message. One that it sends again says nothing of
    /// its clock.
    pub(super) fn compare_clocks(&self, desk: &CompId, meta: &Meta) {
        let Some(sent) = meta.sent.filter(|_| !meta.poss_dup) else { return };
        let late_ms = now().since(sent);
        let beyond = self.sessions.of(desk, |s| {
            let mut clock = s.clock.get();
            let beyond = clock.message(late_ms, self.desk_clock_max_ms);
            s.clock.set(clock);
            beyond
        });
        if let Some(ms) = beyond.flatten() {
            let words = format!("the gateway's clock minus this desk's is {ms} ms or more");
            self.note_access(desk, "clock.desk_offset", &words);
        }
    }

    /// Who is at a desk, and where.
    fn about(&self, desk: &CompId, access: &Access) -> About {
        let (address, now) = (access.address(), now());
        let system = self.risk.system(address, now);
        About {
            device: access.device.as_deref().map(Text::from),
            desk: Some(Text::of(desk)),
            address,
            country: self.risk.country(address, now).ok().map(Text::of),
            as_number: system.as_ref().map(|s| s.number),
            as_name: system.and_then(|s| s.name).map(Text::from),
            certificate: self.sessions.connection(desk).map(|c| c.serial.into()),
            ..About::user(&access.user)
        }
    }

    fn role_of(&self, desk: &CompId) -> Option<String> {
        let serial = self.sessions.of(desk, |s| s.shown.serial.clone())?;
        self.registry.as_ref()?.role(&serial)
    }
}

/// What a desk reads that came into a network that is locked out. It tries again by itself, as one
/// does whose connection from there was closed.
fn network_locked_out() -> EndReason {
    EndReason::new(
        "lockout.network",
        "the network to which this desk moved is locked out after repeated failures",
        "Use another network, or ask your administrator to lift it (lockout lift).",
    )
}

/// With the risk of the access, and what it is made of: factors have points, and concerns, which
/// have none, are rules that decided.
pub(crate) fn decided(about: About, a: &Assessment) -> About {
    let factor = |f: &Factor| format!("{}: {} ({})", f.attribute, f.condition, f.points).into();
    About {
        policy: Some(a.policy.as_str().into()),
        rules: a.concerns.iter().map(|c| c.code.into()).collect(),
        score: Some(a.score),
        decision: Some(decision_word(a.decision).into()),
        factors: a.factors.iter().map(factor).collect(),
        ..about
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_policy::score::Concern;

    fn judged(decision: Decision, concerns: &[&'static str]) -> Assessment {
        let factor = Factor {
            attribute: "Country".into(),
            condition: "anomalous country".into(),
            points: 20,
            rationale: String::new(),
            cause: String::new(),
        };
        let concern = |code: &'static str| Concern {
            code,
            words: String::new(),
            cure: String::new(),
            at_least: Decision::StepUp,
        };
        Assessment {
            score: 20,
            decision,
            factors: vec![factor],
            concerns: concerns.iter().copied().map(concern).collect(),
            cures: vec![],
            policy: "d1".into(),
        }
    }

    /// As docs/events.md has the fields: the rule for impossible travel looks at `rules`, metrics
    /// and OCSF at `decision`.
    #[test]
    fn table_of_decisions_as_events_have_them() {
        let travel = "risk.impossible_travel";
        for (decision, concerns, word) in [
            (Decision::Allow, &[][..], "allow"),
            (Decision::StepUp, &[travel], "step_up"),
            (Decision::Deny, &[travel, "risk.out_of_hours"], "deny"),
        ] {
            let about = decided(About::user("alice"), &judged(decision, concerns));
            assert_eq!(about.decision, Some(word.into()));
            let rules: Vec<&str> = about.rules.iter().map(Text::as_str).collect();
            assert_eq!(rules, concerns, "{word}");
            assert_eq!(about.factors, [Text::from("Country: anomalous country (20)")]);
            assert_eq!((about.score, about.policy), (Some(20), Some("d1".into())));
        }
    }
}
