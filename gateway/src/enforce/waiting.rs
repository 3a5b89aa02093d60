//! What waits for a touch, and what each session has proved. Pure: what happened goes in, what to do
//! comes out.
//!
//! A message that needs a touch never reaches the router before it: it waits here, and is given to the
//! router, which checks it again, when its people have approved it. Whatever goes wrong in between,
//! the message is refused and its sender told; a restart of the gateway forgets it, and the desk learns
//! from the router that the gateway never had it.

use super::rules::{LogonRule, Standing, Wanted, WhenSection, words};
use signet_fix::{
    AppMessage,
    message::{AccessState, OrderStatusRequest, QuoteRequest, QuoteStatusReport, RfqStatus, StepUpChallenge, StepUpOutcome, StepUpStatus},
};
use signet_policy::entitle::Proof;
use signet_rfq::{AcceptId, CompId, RfqId, UtcMillis};
use signet_router::{accept_refusal, accept_waits, request_refusal};
use signet_stepup::{Action, Approval, SessionReason};
use std::collections::BTreeMap;

/// Messages of one desk that may wait at once.
pub const MAX_HELD_PER_DESK: usize = 8;
/// QuoteRequestRejectReason (658): not authorized.
const NOT_AUTHORIZED: u16 = 6;

/// Names something that waits.
pub type HeldId = u64;

/// What a passed touch sets in motion.
// A handful of these exist at a time.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Message(AppMessage),
    /// Nothing but the proof.
    Session(SessionReason),
    /// A further security key under this name.
    Register(String),
}

/// Why something did not go through: a stable code, words and a cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    pub code: String,
    pub text: String,
    pub cure: String,
}

impl Why {
    pub fn new(code: &str, text: impl Into<String>, cure: &str) -> Self {
        Self { code: code.into(), text: text.into(), cure: cure.into() }
    }
}

/// What is to be done, in order.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Do {
    /// Have a challenge made for the person at `approval.approver`; the answer is [`Waiting::challenged`].
    Challenge {
        held: HeldId,
        desk: CompId,
        approval: Approval,
        deadline: UtcMillis,
    },
    /// A challenge nobody needs any more.
    Drop(String),
    /// Have an answer checked; the result is [`Waiting::verified`].
    Verify {
        held: HeldId,
        desk: CompId,
        challenge: String,
        answer: String,
    },
    Tell(CompId, AppMessage),
    /// As if it came from the desk now, with what was approved; nothing was if it is `None`.
    Release(CompId, AppMessage, Proof, Option<Action>),
    /// A further key may be registered, by the word of this evidence.
    Register {
        desk: CompId,
        name: String,
        evidence: i64,
    },
    /// The touch for this desk's logon was good.
    Authenticated(CompId),
    /// Worth an event: code, desk, words.
    Note(&'static str, CompId, String),
}

#[derive(Debug, Default)]
struct Desk {
    online: bool,
    user: String,
    standing: Standing,
    /// When the trader last did something.
    active: UtcMillis,
    keys: u32,
    /// What the desk was last told, to tell it again only when it changed.
    told: Option<AccessState>,
}

/// One challenge of something held: asked for, or out at a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Out {
    Asked,
    At(String),
    Checking(String),
}

#[derive(Debug)]
struct Held {
    desk: CompId,
    what: What,
    action: Action,
    reason: String,
    /// Ids of the policies that ask.
    policies: Vec<String>,
    deadline: UtcMillis,
    /// A second person is needed, and whether the first has approved.
    two: bool,
    first: bool,
    out: BTreeMap<CompId, Out>,
}

/// What is wanted of a trader, and the ids of the policies that want it: none when it is `[step_up]` or the risk.
#[derive(Debug)]
pub struct Asked {
    pub wanted: Wanted,
    pub policies: Vec<String>,
}

#[derive(Debug)]
pub struct Waiting {
    rules: WhenSection,
    gateway: String,
    answer_ms: i64,
    desks: BTreeMap<CompId, Desk>,
    held: BTreeMap<HeldId, Held>,
    next: HeldId,
    out: Vec<Do>,
}

impl Waiting {
    pub fn new(rules: WhenSection, gateway: &CompId, answer_ms: i64) -> Self {
        Self { rules, gateway: gateway.to_string(), answer_ms, desks: BTreeMap::new(), held: BTreeMap::new(), next: 1, out: Vec::new() }
    }

    // ----- sessions -----

    /// A desk is on, over a new connection: what it proved before on another is worth nothing here. What
    /// it owed is owed still, or a new connection would be the way round a locked screen.
    /// `watched`: the risk of this access wants a touch before anything is sent on.
    pub fn desk_up(&mut self, desk: &CompId, user: &str, watched: bool, now: UtcMillis) -> Vec<Do> {
        self.let_go(desk);
        let before = self.desks.get(desk).and_then(|d| d.standing.owed_by_presence());
        let logon = watched || self.rules.logon == LogonRule::Always;
        let mut standing = Standing { watched, ..Standing::default() };
        for why in before.into_iter().chain(logon.then_some(SessionReason::Logon)) {
            standing = standing.owing(why);
        }
        let owes = standing.owes;
        let fresh = Desk { online: true, user: user.into(), standing, active: now, ..Desk::default() };
        self.desks.insert(desk.clone(), fresh);
        if let Some(why) = owes {
            self.ask_session(desk, why, now);
        }
        self.ask_again(desk);
        self.ask_approver(desk);
        self.done()
    }

    pub fn desk_down(&mut self, desk: &CompId) -> Vec<Do> {
        if let Some(d) = self.desks.get_mut(desk) {
            d.online = false;
            d.standing.lease = None;
        }
        self.let_go(desk);
        self.done()
    }

    /// A connection is gone: nothing that was out there can be answered any more.
    fn let_go(&mut self, desk: &CompId) {
        let mut dropped = Vec::new();
        self.held.retain(|_, h| {
            dropped.extend(h.out.remove(desk).and_then(Out::id).map(Do::Drop));
            // A mere proof of presence has no meaning without the session it was for.
            &h.desk != desk || matches!(h.what, What::Message(_))
        });
        self.out.extend(dropped);
    }

    /// How many good keys this desk's person has.
    pub fn keys(&mut self, desk: &CompId, keys: u32, now: UtcMillis) -> Vec<Do> {
        if let Some(d) = self.desks.get_mut(desk) {
            d.keys = keys;
        }
        self.tell_access(desk, now);
        self.done()
    }

    /// The desk says that its trader should be verified anew.
    pub fn verify_again(&mut self, desk: &CompId, why: SessionReason, now: UtcMillis) -> Vec<Do> {
        if let (true, Some(d)) = (self.rules.asks(why), self.desks.get_mut(desk)) {
            d.standing = d.standing.verify(why);
            self.ask_session(desk, why, now);
            self.tell_access(desk, now);
        }
        self.done()
    }

    /// The clock was set: nobody can say how long ago a touch was, so none counts any more.
    pub fn clock_stepped(&mut self, now: UtcMillis) -> Vec<Do> {
        let desks: Vec<CompId> = self.desks.iter().filter(|(_, d)| d.standing.lease.is_some()).map(|(id, _)| id.clone()).collect();
        for desk in &desks {
            if let Some(d) = self.desks.get_mut(desk) {
                d.standing.lease = None;
                d.active = now;
            }
            self.tell_access(desk, now);
        }
        self.done()
    }

    /// The risk of a session that is on changed: what it wants now holds at once, and what it no longer
    /// wants is not owed.
    pub fn risk(&mut self, desk: &CompId, watched: bool, now: UtcMillis) -> Vec<Do> {
        let Some(d) = self.desks.get_mut(desk).filter(|d| d.online && d.standing.watched != watched) else { return Vec::new() };
        if watched {
            d.standing = Standing { watched, ..d.standing }.verify(SessionReason::Risk);
            self.ask_session(desk, SessionReason::Risk, now);
        } else {
            d.standing = d.standing.calmed(self.rules.logon == LogonRule::Always);
            if d.standing.owes.is_none() {
                self.end_session_asks(desk, "the risk of this access is lower: no touch is owed");
            }
        }
        self.tell_access(desk, now);
        self.done()
    }

    /// The trader did something.
    pub fn active(&mut self, desk: &CompId, now: UtcMillis) {
        if let Some(d) = self.desks.get_mut(desk) {
            d.active = now;
            d.standing.active(now);
        }
    }

    pub fn standing(&self, desk: &CompId) -> Standing {
        self.desks.get(desk).map(|d| d.standing).unwrap_or_default()
    }

    pub fn rules(&self) -> &WhenSection {
        &self.rules
    }

    // ----- what waits -----

    /// Keeps a message back until it is approved. `ends`: when it would be worth nothing any more.
    pub fn hold(
        &mut self,
        desk: &CompId,
        message: AppMessage,
        action: Action,
        asked: Asked,
        ends: Option<UtcMillis>,
        now: UtcMillis,
    ) -> Vec<Do> {
        let (reason, two) = match asked.wanted {
            Wanted::Nothing => return vec![Do::Release(desk.clone(), message, Proof::default(), None)],
            Wanted::Touch(reason) => (reason, false),
            Wanted::TwoPeople(reason) => (reason, true),
        };
        let too_many = self.held.values().filter(|h| &h.desk == desk).count() >= MAX_HELD_PER_DESK;
        let twice = self.held.values().any(|h| &h.desk == desk && h.is_same(&message));
        if twice {
            return Vec::new();
        }
        if too_many {
            let why = Why::new("stepup.too_many_open", "too many of your requests wait for a touch", "Answer or cancel those that wait.");
            self.refuse(desk, &What::Message(message), &why, now);
            return self.done();
        }
        let deadline = ends.map_or(now + self.answer_ms, |e| e.min(now + self.answer_ms));
        self.end_session_asks(desk, "this is settled with the touch for what you just sent");
        self.keep(Held { two, policies: asked.policies, ..Held::new(desk, What::Message(message), action, reason, deadline) });
        self.done()
    }

    /// A further key is to be registered: the trader approves it with one they have.
    pub fn hold_registration(&mut self, desk: &CompId, name: String, now: UtcMillis) -> Vec<Do> {
        let action = Action::RegisterKey { name: name.clone() };
        let reason = "A further security key is registered with one you have.".to_owned();
        self.end(|h| &h.desk == desk && matches!(h.what, What::Register(_)), "another registration was begun");
        let deadline = now + self.answer_ms;
        self.keep(Held::new(desk, What::Register(name), action, reason, deadline));
        self.done()
    }

    fn ask_session(&mut self, desk: &CompId, why: SessionReason, now: UtcMillis) {
        self.end_session_asks(desk, "it is asked anew");
        let (action, deadline) = (Action::Session(why), now + self.answer_ms);
        let reason = words(why).to_owned();
        self.keep(Held::new(desk, What::Session(why), action, reason, deadline));
    }

    fn end_session_asks(&mut self, desk: &CompId, text: &str) {
        self.end(|h| &h.desk == desk && matches!(h.what, What::Session(_)), text);
    }

    fn keep(&mut self, held: Held) {
        let id = self.next;
        self.next += 1;
        let desk = held.desk.clone();
        self.held.insert(id, held);
        self.ask(id, &desk);
    }

    /// Asks for a challenge for `approver`, who is on.
    fn ask(&mut self, id: HeldId, approver: &CompId) {
        let Some(h) = self.held.get_mut(&id) else { return };
        let approval =
            Approval { gateway: self.gateway.clone(), desk: h.desk.to_string(), approver: approver.to_string(), action: h.action.clone() };
        h.out.insert(approver.clone(), Out::Asked);
        self.out.push(Do::Challenge { held: id, desk: approver.clone(), approval, deadline: h.deadline });
    }

    /// What waited for this desk's own touch when its connection went.
    fn ask_again(&mut self, desk: &CompId) {
        let mine: Vec<HeldId> =
            self.held.iter().filter(|(_, h)| &h.desk == desk && !h.first && !h.out.contains_key(desk)).map(|(id, _)| *id).collect();
        mine.into_iter().for_each(|id| self.ask(id, desk));
    }

    /// What waits for a second person, this desk's perhaps.
    fn ask_approver(&mut self, desk: &CompId) {
        let waiting: Vec<HeldId> =
            self.held.iter().filter(|(_, h)| h.two && h.first && !h.out.contains_key(desk)).map(|(id, _)| *id).collect();
        for id in waiting {
            if self.held.get(&id).is_some_and(|h| self.may_approve(desk, &h.desk)) {
                self.ask(id, desk);
            }
        }
    }

    /// Another person than the one whose action it is, named as an approver, and on.
    fn may_approve(&self, approver: &CompId, desk: &CompId) -> bool {
        let named = self.rules.second_person.as_ref().is_some_and(|s| s.approvers.contains(approver));
        let user = |d: &CompId| self.desks.get(d).map(|d| d.user.as_str());
        named && approver != desk && self.desks.get(approver).is_some_and(|d| d.online) && user(approver) != user(desk)
    }

    /// The service made a challenge, or would not.
    pub fn challenged(
        &mut self,
        held: HeldId,
        approver: &CompId,
        approval: &Approval,
        made: Result<(String, String, UtcMillis), Why>,
        now: UtcMillis,
    ) -> Vec<Do> {
        let still = self.held.get_mut(&held).filter(|h| h.out.get(approver) == Some(&Out::Asked));
        let (Some(h), on) = (still, self.desks.get(approver).is_some_and(|d| d.online)) else {
            return made.into_iter().map(|(id, ..)| Do::Drop(id)).collect();
        };
        match (made, approval.text()) {
            (Ok((id, options, deadline)), Ok(text)) if on => {
                let reason = if approver == &h.desk { h.reason.clone() } else { format!("{} {} asks you.", h.reason, h.desk) };
                h.out.insert(approver.clone(), Out::At(id.clone()));
                let challenge = StepUpChallenge { id, reason: Some(reason), deadline, approval: text, options };
                self.out.push(Do::Tell(approver.clone(), AppMessage::StepUpChallenge(challenge)));
            }
            (Ok((id, ..)), _) => {
                h.out.remove(approver);
                self.out.push(Do::Drop(id));
            }
            (Err(why), _) if approver == &h.desk => self.refuse_held(held, &why, now),
            // One approver who cannot be asked is not the end while there may be others.
            (Err(why), _) => {
                h.out.remove(approver);
                self.out.push(Do::Note("stepup.approver_not_asked", approver.clone(), why.text));
            }
        }
        self.done()
    }

    /// A desk answered a challenge. Only what is out at exactly this desk can be answered.
    pub fn answered(&mut self, desk: &CompId, challenge: &str, answer: signet_fix::message::Answer, now: UtcMillis) -> Vec<Do> {
        use signet_fix::message::Answer;
        let is_out = |h: &Held| matches!(h.out.get(desk), Some(Out::At(id)) if id == challenge);
        let Some((&held, h)) = self.held.iter_mut().find(|(_, h)| is_out(h)) else {
            let why = Why::new("stepup.not_open", "this challenge is not open", "Start again.");
            return vec![Do::Tell(desk.clone(), outcome(challenge, StepUpStatus::Refused, Some(&why)))];
        };
        match answer {
            Answer::Signed(json) => {
                h.out.insert(desk.clone(), Out::Checking(challenge.into()));
                self.out.push(Do::Verify { held, desk: desk.clone(), challenge: challenge.into(), answer: json });
            }
            Answer::Declined(text) | Answer::Failed(text) => {
                let who = if desk == &h.desk { "you".to_owned() } else { desk.to_string() };
                let words = text.map_or(format!("{who} did not approve it"), |t| format!("{who} did not approve it: {t}"));
                self.refuse_held(held, &Why::new("stepup.declined", words, "Send it again if it is still wanted."), now);
            }
        }
        self.done()
    }

    /// The service checked an answer; `Ok` holds the number of its evidence.
    pub fn verified(&mut self, held: HeldId, desk: &CompId, challenge: &str, result: Result<i64, Why>, now: UtcMillis) -> Vec<Do> {
        // What ended meanwhile (time, a withdrawn quote, a lost link) stays ended.
        let Some(h) = self.held.get_mut(&held) else { return Vec::new() };
        // The result of another challenge, of a connection before this one, proves nothing here.
        if !matches!(h.out.get(desk), Some(Out::Checking(id)) if id == challenge) {
            return Vec::new();
        }
        let Some(Out::Checking(challenge)) = h.out.remove(desk) else { return Vec::new() };
        let evidence = match result {
            Ok(seq) => seq,
            Err(why) => {
                self.out.push(Do::Tell(desk.clone(), outcome(&challenge, StepUpStatus::Refused, Some(&why))));
                self.refuse_held(held, &why, now);
                return self.done();
            }
        };
        let own = desk == &h.desk;
        let second_wanted = own && h.two;
        if second_wanted {
            h.first = true;
            // The second person has as long as the first had, but no longer than the matter itself.
            self.out.push(Do::Tell(desk.clone(), outcome(&challenge, StepUpStatus::SecondWanted, Some(&self.second_words(held)))));
        } else {
            self.out.push(Do::Tell(desk.clone(), outcome(&challenge, StepUpStatus::Passed, None)));
        }
        if own {
            self.touched(desk, now);
        }
        if second_wanted {
            let approvers: Vec<CompId> = self.desks.keys().cloned().collect();
            approvers.iter().for_each(|a| self.ask_approver(a));
        } else {
            self.approved(held, evidence);
        }
        self.done()
    }

    fn second_words(&self, held: HeldId) -> Why {
        let desk = self.held.get(&held).map(|h| h.desk.clone());
        let on = desk.is_some_and(|d| self.desks.keys().any(|a| self.may_approve(a, &d)));
        let text = if on { "waiting for a second person" } else { "waiting for a second person; nobody who may approve is on now" };
        Why::new("stepup.second_wanted", text, "")
    }

    /// A touch was good: the session has a lease, and owes nothing.
    fn touched(&mut self, desk: &CompId, now: UtcMillis) {
        let Some(d) = self.desks.get_mut(desk) else { return };
        d.active = now;
        if d.standing.owes == Some(SessionReason::Logon) {
            self.out.push(Do::Authenticated(desk.clone()));
        }
        d.standing = d.standing.touched(&self.rules, now);
        self.tell_access(desk, now);
    }

    fn approved(&mut self, held: HeldId, evidence: i64) {
        let Some(h) = self.held.remove(&held) else { return };
        self.withdraw(h.out, "somebody else approved it");
        match h.what {
            What::Message(m) => {
                let proof = Proof { touched: true, second_person: h.two };
                self.out.push(Do::Release(h.desk, m, proof, Some(h.action)));
            }
            What::Register(name) => self.out.push(Do::Register { desk: h.desk, name, evidence }),
            What::Session(_) => {}
        }
    }

    /// Takes back the challenges that are still out, because nobody needs them any more.
    fn withdraw(&mut self, out: BTreeMap<CompId, Out>, text: &str) {
        self.close(out, StepUpStatus::Withdrawn, &Why::new("stepup.withdrawn", text, ""));
    }

    /// The last word on challenges that are still out.
    fn close(&mut self, out: BTreeMap<CompId, Out>, status: StepUpStatus, why: &Why) {
        for (desk, o) in out {
            let Some(id) = o.id() else { continue };
            self.out.push(Do::Tell(desk, outcome(&id, status, Some(why))));
            self.out.push(Do::Drop(id));
        }
    }

    fn refuse_held(&mut self, held: HeldId, why: &Why, now: UtcMillis) {
        let Some(h) = self.held.remove(&held) else { return };
        self.out.push(Do::Note("stepup.not_approved", h.desk.clone(), format!("{}: {}; {}", h.describe(), why.text, h.asked_by())));
        self.close(h.out, StepUpStatus::Refused, why);
        self.refuse(&h.desk, &h.what, why, now);
    }

    /// Tells the desk that its message went nowhere.
    fn refuse(&mut self, desk: &CompId, what: &What, why: &Why, now: UtcMillis) {
        let text = match what {
            What::Message(AppMessage::QuoteRequest(_)) => format!("not sent to any dealer: {}", why.text),
            _ => format!("not sent to the dealer: {}", why.text),
        };
        let m = match what {
            What::Message(AppMessage::QuoteRequest(q)) => {
                let advice = signet_fix::message::Advice { code: why.code.clone(), cure: why.cure.clone() };
                AppMessage::QuoteRequestReject(request_refusal(q, NOT_AUTHORIZED, text, Some(advice)))
            }
            What::Message(AppMessage::QuoteResponse(r)) => AppMessage::ExecutionReport(accept_refusal(r, text, now)),
            What::Register(_) => AppMessage::KeyReport(signet_fix::message::KeyReport::Refused {
                code: why.code.clone(),
                text: Some(why.text.clone()),
                cure: Some(why.cure.clone()).filter(|c| !c.is_empty()),
            }),
            _ => return,
        };
        self.out.push(Do::Tell(desk.clone(), m));
    }

    /// Ends what nobody wants approved any more.
    fn end(&mut self, which: impl Fn(&Held) -> bool, text: &str) {
        let ids: Vec<HeldId> = self.held.iter().filter(|(_, h)| which(h)).map(|(id, _)| *id).collect();
        for id in ids {
            let Some(h) = self.held.remove(&id) else { continue };
            self.withdraw(h.out, text);
        }
    }

    /// What time does. `dead`: accepts that the router would refuse by now; it says why better.
    pub fn tick(&mut self, dead: &[HeldId], now: UtcMillis) -> Vec<Do> {
        for id in dead {
            let Some(h) = self.held.remove(id) else { continue };
            self.withdraw(h.out, "what was to be approved is no longer to be had");
            if let What::Message(m) = h.what {
                self.out.push(Do::Release(h.desk, m, Proof::default(), None));
            }
        }
        let late: Vec<HeldId> = self.held.iter().filter(|(_, h)| h.deadline <= now).map(|(id, _)| *id).collect();
        for id in late {
            let Some(h) = self.held.get_mut(&id) else { continue };
            let out = std::mem::take(&mut h.out);
            let text = if h.first { "no second person approved it in time" } else { "no key was touched in time" };
            let why = Why::new("stepup.timed_out", text, "Send it again if it is still wanted.");
            self.close(out, StepUpStatus::Expired, &why);
            self.refuse_held(id, &why, now);
        }
        let desks: Vec<CompId> = self.desks.iter().filter(|(_, d)| d.online).map(|(id, _)| id.clone()).collect();
        for d in &desks {
            let Some(state) = self.desks.get_mut(d) else { continue };
            if state.standing.passes(&self.rules, state.active, now) {
                self.tell_access(d, now);
            }
        }
        self.done()
    }

    /// Accepts that wait, to be looked at again: what was quoted may be gone.
    pub fn accepts(&self) -> impl Iterator<Item = (HeldId, &CompId, &AppMessage)> {
        self.held.iter().filter_map(|(id, h)| match &h.what {
            What::Message(m @ AppMessage::QuoteResponse(_)) => Some((*id, &h.desk, m)),
            _ => None,
        })
    }

    /// RFQs of this desk that wait, each with when it ends at the latest: they belong into its snapshot.
    pub fn requests(&self, desk: &CompId) -> Vec<(QuoteRequest, UtcMillis)> {
        let mine = self.held.values().filter(|h| &h.desk == desk);
        mine.filter_map(|h| match &h.what {
            What::Message(AppMessage::QuoteRequest(q)) => Some((q.clone(), latest_end(q, h.deadline))),
            _ => None,
        })
        .collect()
    }

    /// The trader ends an RFQ that waits; `false` when none of this id does.
    pub fn cancelled(&mut self, desk: &CompId, rfq: &RfqId) -> Option<Vec<Do>> {
        let of = |h: &Held| &h.desk == desk && matches!(&h.what, What::Message(AppMessage::QuoteRequest(q)) if &q.id == rfq);
        let instrument = self.held.values().find(|h| of(h)).and_then(|h| match &h.what {
            What::Message(AppMessage::QuoteRequest(q)) => Some(q.instrument.clone()),
            _ => None,
        })?;
        self.end(of, "you ended the RFQ");
        let report = QuoteStatusReport::of_rfq(rfq.clone(), instrument, RfqStatus::Cancelled, None);
        self.out.push(Do::Tell(desk.clone(), AppMessage::QuoteStatusReport(report)));
        Some(self.done())
    }

    /// The desk asks what became of an accept that waits here.
    pub fn status(&self, desk: &CompId, h: &OrderStatusRequest, now: UtcMillis) -> Option<AppMessage> {
        let of = |id: &AcceptId, held: &Held| match &held.what {
            What::Message(AppMessage::QuoteResponse(r)) if &held.desk == desk && &r.id == id => Some(r.clone()),
            _ => None,
        };
        let r = self.held.values().find_map(|held| of(&h.accept, held))?;
        Some(AppMessage::ExecutionReport(accept_waits(&r, now)))
    }

    fn tell_access(&mut self, desk: &CompId, now: UtcMillis) {
        let approver = self.rules.second_person.as_ref().is_some_and(|s| s.approvers.contains(desk));
        let Some(d) = self.desks.get_mut(desk).filter(|d| d.online) else { return };
        let text = d.standing.obstacle(d.keys);
        let state = AccessState {
            lease_until: d.standing.lease.filter(|l| l.good(&self.rules, now)).map(|l| l.until),
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
            self.out.push(Do::Tell(desk.clone(), AppMessage::AccessState(state)));
        }
    }

    fn done(&mut self) -> Vec<Do> {
        std::mem::take(&mut self.out)
    }
}

/// When an RFQ ends that is let through at `deadline`, the last moment it may be.
fn latest_end(q: &QuoteRequest, deadline: UtcMillis) -> UtcMillis {
    deadline + q.expires.since(q.at)
}

impl Out {
    fn id(self) -> Option<String> {
        match self {
            Self::Asked => None,
            Self::At(id) | Self::Checking(id) => Some(id),
        }
    }
}

impl Held {
    /// For the desk's own touch alone.
    fn new(desk: &CompId, what: What, action: Action, reason: String, deadline: UtcMillis) -> Self {
        Self { desk: desk.clone(), what, action, reason, policies: Vec::new(), deadline, two: false, first: false, out: BTreeMap::new() }
    }

    fn is_same(&self, m: &AppMessage) -> bool {
        match (&self.what, m) {
            (What::Message(AppMessage::QuoteRequest(a)), AppMessage::QuoteRequest(b)) => a.id == b.id,
            (What::Message(AppMessage::QuoteResponse(a)), AppMessage::QuoteResponse(b)) => a.id == b.id,
            _ => false,
        }
    }

    /// Which rule asked, for the event: `[step_up]` and risk in their words, policies by their ids.
    fn asked_by(&self) -> String {
        let policies = if self.policies.is_empty() { "none".to_owned() } else { self.policies.join(", ") };
        format!("asked because: {} Policies: {policies}", self.reason)
    }

    fn describe(&self) -> String {
        match &self.action {
            Action::Session(why) => format!("session ({})", why.as_str()),
            Action::Request(r) => format!("RFQ {}", r.rfq),
            Action::Accept(a) => format!("accept {}", a.accept),
            Action::RegisterKey { name } => format!("registration of key {name}"),
        }
    }
}

fn outcome(challenge: &str, status: StepUpStatus, why: Option<&Why>) -> AppMessage {
    let text = |f: fn(&Why) -> &String| why.map(f).filter(|t| !t.is_empty()).cloned();
    AppMessage::StepUpOutcome(StepUpOutcome {
        id: challenge.into(),
        status,
        code: text(|w| &w.code),
        text: text(|w| &w.text),
        cure: text(|w| &w.cure),
    })
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
