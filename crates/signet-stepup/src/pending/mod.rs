//! The kernel of pending approvals: actions that wait for a touch, and the proofs of each session.
//! It is pure: events go in, steps come out. A gateway runs it for many desks, a desk in direct
//! mode for itself alone.
//!
//! A message that needs a touch waits here and is released, to be judged again, once it is
//! approved. If anything fails before that, the message is refused and its sender told; a restart
//! forgets it.
//!
//! All times are on one clock: the caller's.

mod ahead;
mod answer;
mod ask;
mod held;
mod views;

use crate::{
    SessionReason,
    rules::{LogonRule, StepUpState, WhenSection},
};
pub use held::{Ahead, ApprovalRefusal, ApprovalStep, Approved, Asked, HeldId, Matter, Noted};
use held::{Held, Out, latest_end, outcome};
use signet_fix::{
    AppMessage,
    message::{AccessState, StepUpStatus},
};
use signet_identity::CompId;
use signet_rfq::UtcMillis;
use std::collections::BTreeMap;

/// Messages of one desk that may wait at once.
pub const MAX_HELD_PER_DESK: usize = 8;

#[derive(Debug, Default)]
struct Desk {
    online: bool,
    user: String,
    state: StepUpState,
    /// When the trader last did something.
    active: UtcMillis,
    keys: u32,
    /// Accepts to come that are approved. They end with the connection, and whenever a touch is
    /// owed.
    ahead: Vec<Ahead>,
    /// The access state that the desk was last told, so that it is told changes only.
    told: Option<AccessState>,
}

/// Pending approvals, and the proofs of each desk's session.
#[derive(Debug)]
pub struct PendingApprovals {
    rules: WhenSection,
    gateway: String,
    answer_ms: i64,
    desks: BTreeMap<CompId, Desk>,
    held: BTreeMap<HeldId, Held>,
    next: HeldId,
    out: Vec<ApprovalStep>,
}

impl PendingApprovals {
    /// Nothing waits, and no desk is online. `gateway`: the name in the approvals that keys sign;
    /// `answer_ms`: how long an approval may be given, milliseconds.
    pub fn new(rules: WhenSection, gateway: &CompId, answer_ms: i64) -> Self {
        Self {
            rules,
            gateway: gateway.to_string(),
            answer_ms,
            desks: BTreeMap::new(),
            held: BTreeMap::new(),
            next: 1,
            out: Vec::new(),
        }
    }

    /// A desk is online over a new connection; proofs of an earlier connection do not count. A
    /// touch that it owed is still owed, or a new connection would get round a locked screen.
    /// `watched`: the risk of this access requires a touch before anything is sent on.
    pub fn desk_up(
        &mut self,
        desk: &CompId,
        user: &str,
        watched: bool,
        now: UtcMillis,
    ) -> Vec<ApprovalStep> {
        self.let_go(desk);
        let before = self.desks.get(desk).and_then(|d| d.state.owed_by_presence());
        let logon = watched || self.rules.logon == LogonRule::Always;
        let mut state = StepUpState { watched, ..StepUpState::default() };
        for why in before.into_iter().chain(logon.then_some(SessionReason::Logon)) {
            state = state.owing(why);
        }
        let owes = state.owes;
        let fresh = Desk { online: true, user: user.into(), state, active: now, ..Desk::default() };
        self.desks.insert(desk.clone(), fresh);
        if let Some(why) = owes {
            self.ask_session(desk, why, now);
        }
        self.ask_again(desk);
        self.ask_approver(desk);
        self.done()
    }

    /// A desk is offline. Its requests and accepts wait for its next connection.
    pub fn desk_down(&mut self, desk: &CompId) -> Vec<ApprovalStep> {
        if let Some(d) = self.desks.get_mut(desk) {
            d.online = false;
            d.state.lease = None;
            d.ahead.clear();
        }
        self.let_go(desk);
        self.done()
    }

    /// A desk is offline, and nothing waits over a lost connection: its pending actions are
    /// refused.
    pub fn desk_lost(&mut self, desk: &CompId, why: &ApprovalRefusal) -> Vec<ApprovalStep> {
        let mine: Vec<HeldId> =
            self.held.iter().filter(|(_, h)| &h.desk == desk).map(|(id, _)| *id).collect();
        for id in mine {
            let Some(h) = self.held.remove(&id) else { continue };
            self.close(h.out, StepUpStatus::Withdrawn, why);
            self.out.push(ApprovalStep::Refuse { desk: h.desk, what: h.what, why: why.clone() });
        }
        let mut todo = self.done();
        todo.extend(self.desk_down(desk));
        todo
    }

    /// A connection is gone: its open challenges can no longer be answered. An answer that came
    /// before is checked to the end.
    fn let_go(&mut self, desk: &CompId) {
        let mut dropped = Vec::new();
        self.held.retain(|_, h| {
            dropped.extend(h.out.remove(desk).and_then(Out::dropped).map(ApprovalStep::Drop));
            // A proof of presence has no meaning without its session.
            &h.desk != desk || matches!(h.what, Matter::Message(_))
        });
        self.out.extend(dropped);
    }

    /// Sets how many active keys this desk's person has.
    pub fn keys(&mut self, desk: &CompId, keys: u32, now: UtcMillis) -> Vec<ApprovalStep> {
        if let Some(d) = self.desks.get_mut(desk) {
            d.keys = keys;
        }
        self.tell_access(desk, now);
        self.done()
    }

    /// The desk asks for its trader to be verified again.
    pub fn verify_again(
        &mut self,
        desk: &CompId,
        why: SessionReason,
        now: UtcMillis,
    ) -> Vec<ApprovalStep> {
        if let (true, Some(d)) = (self.rules.asks(why), self.desks.get_mut(desk)) {
            d.state = d.state.verify(why);
            if d.state.owes.is_some() {
                d.ahead.clear();
            }
            self.ask_session(desk, why, now);
            self.tell_access(desk, now);
        }
        self.done()
    }

    /// The clock was set: the age of a touch is unknown, so every lease ends. What waits has no
    /// more time than if it had just been asked: set back, the clock would have it approved hours
    /// after its trader sent it.
    pub fn clock_stepped(&mut self, now: UtcMillis) -> Vec<ApprovalStep> {
        let latest = now + self.answer_ms;
        self.held.values_mut().for_each(|h| h.deadline = h.deadline.min(latest));
        let desks: Vec<CompId> = self
            .desks
            .iter()
            .filter(|(_, d)| d.state.lease.is_some() || !d.ahead.is_empty())
            .map(|(id, _)| id.clone())
            .collect();
        for desk in &desks {
            if let Some(d) = self.desks.get_mut(desk) {
                d.state.lease = None;
                d.ahead.clear();
                d.active = now;
            }
            self.tell_access(desk, now);
        }
        self.done()
    }

    /// The risk of a live session changed: a touch that it now requires is owed at once, and one
    /// that it no longer requires is not.
    pub fn risk(&mut self, desk: &CompId, watched: bool, now: UtcMillis) -> Vec<ApprovalStep> {
        let Some(d) = self.desks.get_mut(desk).filter(|d| d.online && d.state.watched != watched)
        else {
            return Vec::new();
        };
        if watched {
            d.state = StepUpState { watched, ..d.state }.verify(SessionReason::Risk);
            d.ahead.clear();
            self.ask_session(desk, SessionReason::Risk, now);
        } else {
            d.state = d.state.calmed(self.rules.logon == LogonRule::Always);
            if d.state.owes.is_none() {
                self.end_session_asks(desk, "the risk of this access is lower: no touch is owed");
            }
        }
        self.tell_access(desk, now);
        self.done()
    }

    /// A desk's connection moved to another address, where it may go on. It owes what a logon from
    /// there owes. If that is nothing, its leases stay: they were given to this connection.
    pub fn moved(&mut self, desk: &CompId, watched: bool, now: UtcMillis) -> Vec<ApprovalStep> {
        if !watched && self.rules.logon != LogonRule::Always {
            return self.risk(desk, false, now);
        }
        let Some(d) = self.desks.get_mut(desk).filter(|d| d.online) else { return Vec::new() };
        let mut state = StepUpState { watched, ..StepUpState::default() };
        for why in d.state.owed_by_presence().into_iter().chain([SessionReason::Logon]) {
            state = state.owing(why);
        }
        d.state = state;
        d.ahead.clear();
        if let Some(why) = state.owes {
            self.ask_session(desk, why, now);
        }
        self.tell_access(desk, now);
        self.done()
    }

    /// Time passes for one desk, of which an act is to be judged now: the pause before the act
    /// counts. What the desk is told of that comes with the steps of the next event.
    pub fn pass(&mut self, desk: &CompId, now: UtcMillis) {
        let Some(d) = self.desks.get_mut(desk) else { return };
        if d.state.passes(&self.rules, d.active, now) {
            self.tell_access(desk, now);
        }
    }

    /// The trader did something. Time passes first: an act does not make up for the pause before
    /// it.
    pub fn active(&mut self, desk: &CompId, now: UtcMillis) {
        self.pass(desk, now);
        if let Some(d) = self.desks.get_mut(desk) {
            d.active = now;
            d.state.active(now);
        }
    }

    /// The proofs of a desk's session, and the touches that it owes.
    pub fn state(&self, desk: &CompId) -> StepUpState {
        self.desks.get(desk).map(|d| d.state).unwrap_or_default()
    }

    /// How many matters wait for a touch.
    pub fn held_count(&self) -> usize {
        self.held.len()
    }

    /// The rules that require a touch.
    pub fn rules(&self) -> &WhenSection {
        &self.rules
    }

    /// Withdraws open challenges that are no longer needed.
    fn withdraw(&mut self, out: BTreeMap<CompId, Out>, text: &str) {
        self.close(
            out,
            StepUpStatus::Withdrawn,
            &ApprovalRefusal::new("stepup.withdrawn", text, ""),
        );
    }

    /// Tells the outcome to desks with open challenges.
    fn close(&mut self, out: BTreeMap<CompId, Out>, status: StepUpStatus, why: &ApprovalRefusal) {
        for (desk, o) in out {
            let dropped = o.clone().dropped().map(ApprovalStep::Drop);
            let Some(id) = o.id() else { continue };
            self.out.push(ApprovalStep::Tell(desk, outcome(&id, status, Some(why))));
            self.out.extend(dropped);
        }
    }

    /// Ends pending approvals that are no longer wanted.
    fn end(&mut self, which: impl Fn(&Held) -> bool, text: &str) {
        let ids: Vec<HeldId> =
            self.held.iter().filter(|(_, h)| which(h)).map(|(id, _)| *id).collect();
        for id in ids {
            let Some(h) = self.held.remove(&id) else { continue };
            self.withdraw(h.out, text);
        }
    }

    /// Time passes. `dead`: accepts that the router would refuse by now; the router gives the
    /// better reason.
    pub fn tick(&mut self, dead: &[HeldId], now: UtcMillis) -> Vec<ApprovalStep> {
        for id in dead {
            let Some(h) = self.held.remove(id) else { continue };
            self.withdraw(h.out, "what was to be approved is no longer to be had");
            if let Matter::Message(m) = h.what {
                self.out.push(ApprovalStep::Release { desk: h.desk, message: m, approved: None });
            }
        }
        let late: Vec<HeldId> =
            self.held.iter().filter(|(_, h)| h.deadline <= now).map(|(id, _)| *id).collect();
        for id in late {
            let Some(h) = self.held.get_mut(&id) else { continue };
            let out = std::mem::take(&mut h.out);
            let text = if h.first {
                "no second person approved it in time"
            } else {
                "no key was touched in time"
            };
            let why = ApprovalRefusal::new(
                "stepup.timed_out",
                text,
                "Send it again if it is still wanted.",
            );
            self.close(out, StepUpStatus::Expired, &why);
            self.refuse_held(id, &why);
        }
        let desks: Vec<CompId> =
            self.desks.iter().filter(|(_, d)| d.online).map(|(id, _)| id.clone()).collect();
        desks.iter().for_each(|d| self.pass(d, now));
        self.done()
    }

    fn tell_access(&mut self, desk: &CompId, now: UtcMillis) {
        let approver =
            self.rules.second_person.as_ref().is_some_and(|s| s.approvers.contains(desk));
        let Some(d) = self.desks.get_mut(desk).filter(|d| d.online) else { return };
        let text = d.state.obstacle(d.keys);
        let state = AccessState {
            lease_until: d.state.lease.filter(|l| l.good(&self.rules, now)).map(|l| l.until),
            idle_s: self.rules.idle_minutes.saturating_mul(60),
            on_wake: self.rules.on_wake,
            on_unlock: self.rules.on_unlock,
            step_up: true,
            keys: d.keys,
            approver,
            text,
        };
        if d.told.as_ref() != Some(&state) {
            d.told = Some(state.clone());
            self.out.push(ApprovalStep::Tell(desk.clone(), AppMessage::AccessState(state)));
        }
    }

    fn done(&mut self) -> Vec<ApprovalStep> {
        std::mem::take(&mut self.out)
    }
}

#[cfg(test)]
mod ahead_tests;
#[cfg(test)]
mod tests;
