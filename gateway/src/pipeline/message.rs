//! The way of a message through the gateway, on one page.
//!
//! From a desk to its dealers:
//!
//! | | stage | who answers | what may follow |
//! | --- | --- | --- | --- |
//! | 1 | the FIX session has read, checked and verified the frame | `signet-fix` | refused there; faults are counted |
//! | 2 | is it within the desk's budget? | [`limits`](crate::limits) | j with `budget.exceeded`, or the session ends |
//! | 3 | is it written down as evidence? can its events be kept? | [`signed`](crate::signed), [`siem`](crate::siem) | j with `signed_log.*` or `siem.full`; nothing is done |
//! | 4 | is it about the connection itself? | [`risk`](crate::risk), [`signet_stepup::pending`] | answered, ends here |
//! | 5 | what would it do now? | [`signet_router`] | the router refuses it itself |
//! | 6 | do the policies allow it? | [`entitle`](crate::entitle) | refused with `entitle.*` |
//! | 7 | do rules or policies want a touch? | [`signet_stepup::pending`] | it waits; released and judged again later |
//! | 8 | is it in the journal? | [`signet_router::journal`] | j with `journal.*`; nothing is done |
//! | 9 | the router decides, and its outputs leave | [`signet_router`] | messages to desks and dealers |
//!
//! From a dealer: its budget, its evidence, what its reject is about, then stages 8 and 9.
//!
//! A stage answers a question and changes nothing but its own books; this room acts. The side
//! effects of a message come after the last stage that can refuse it.

use super::{
    MessageVerdict, Pipeline,
    business::{self, Cause},
    decisions::Moment,
    from_dealers::gap_words,
    measured::fault_code,
    step_up, verdict,
};
use crate::{
    clock::{UtcMicros, now, now_micros, now_us},
    limits::left_out_words,
    metrics::Peer,
    response::is_fault,
};
use signet_events::About;
use signet_fix::{
    AppMessage,
    message::{BusinessReject, DecodeError, QuoteRequest, QuoteResponse, Response, SnapshotMark},
    session::{Event, Meta},
};
use signet_identity::CompId;
use signet_policy::entitle::{Outcome, Proof};
use signet_rfq::{DealerId, UtcMillis};
use signet_router::{
    Input, Output, Proposal, accept_age, accept_refusal, counter_refusal, request_refusal,
};
use signet_stepup::{pending::Approved, rules::Wanted};
use std::{collections::VecDeque, rc::Rc};

/// QuoteRequestRejectReason (658): not authorized.
pub(super) const NOT_AUTHORIZED: u16 = 6;
/// BusinessRejectReason (380): application not available.
pub(super) const NOT_AVAILABLE: u16 = 4;

// ----- from desks -----

impl Pipeline {
    /// Whatever happened in a desk's FIX session.
    pub fn desk_event(self: &Rc<Self>, desk: &CompId, event: Event) {
        match event {
            Event::LoggedOn => {
                tracing::info!(%desk, "desk logged on");
                self.note_access(desk, "logon.accepted", "");
                self.tell_resumed(desk);
                self.note_certificate(desk);
                self.logon_succeeded(desk);
                self.tell_decision(desk);
                self.tell_device_seen(desk);
                self.entitlements.logged_on(desk, now());
                self.route(Input::DeskUp(desk.clone()));
                self.step_up_desk_on(desk);
            }
            Event::LoggedOut { .. } => {
                tracing::info!(%desk, "desk logged out");
                self.note_access(desk, "logon.ended", "");
                self.tell_device_seen(desk);
                self.route(Input::DeskDown(desk.clone()));
                self.step_up_desk_off(desk);
            }
            Event::Message { message, meta } => {
                let _timed = self.metrics.messages.received(Peer::Desk, message.msg_type());
                self.desk_message(desk, message, &meta);
            }
            Event::Refused { msg_type, error } => {
                tracing::warn!(%desk, msg_type, %error, "message from a desk refused");
                self.metrics.messages.refused(Peer::Desk, &msg_type, fault_code(&error));
                self.count_desk_fault(desk);
                self.note_access(desk, "fix.refused", &format!("{msg_type}: {error}"));
                if let DecodeError::Signature(why) = &error {
                    self.unsigned_by_desk(desk, &msg_type, why);
                }
            }
            Event::Gap { of_peer, from, to } => {
                self.note_access(desk, "fix.gap", &gap_words(of_peer, from, to));
            }
            Event::Rejected { ref_msg_type, text, .. } => {
                tracing::warn!(%desk, ref_msg_type, text, "a desk rejected a message of ours");
                self.count_desk_fault(desk);
            }
            _ => {}
        }
    }

    /// Stages 2 to 4.
    fn desk_message(self: &Rc<Self>, desk: &CompId, message: AppMessage, meta: &Meta) {
        self.look_at_clock();
        self.end_leases_of_another_clock();
        self.compare_clocks(desk, meta);
        if !self.is_within_budget(desk, &message, meta) || !self.keep_desk(desk, &message, meta) {
            return;
        }
        if self.refused_unwatched(desk, &message, Some(meta.seq)) {
            return;
        }
        match message {
            AppMessage::PostureReport { envelope } => self.posture_report(desk, &envelope),
            m if step_up::is_about_keys(&m) => self.step_up_message(desk, m),
            m => self.business(desk, m, now_micros()),
        }
    }

    /// Stages 5 to 7: what commits the desk, decided as of the millisecond of a reading.
    fn business(self: &Rc<Self>, desk: &CompId, m: AppMessage, reading: UtcMicros) {
        let at = reading.millis();
        if self.step_up.is_some() && !self.sessions.is_on(desk) {
            // Fail closed: nobody can approve anything for somebody nobody knows.
            return tracing::error!(
                %desk,
                msg_type = m.msg_type(),
                "a message of a desk without a registered person; dropped"
            );
        }
        if self.refused_overtime(desk, &m) {
            return;
        }
        let m = match m {
            AppMessage::GroupRequest { .. } => return self.tell_group(desk, at),
            AppMessage::TakeOver(t) => return self.take_over(desk, t, reading),
            m => m,
        };
        if self.answered_by_approvals(desk, &m, at) {
            return;
        }
        // What the router would refuse anyway, or is too old, costs nobody a touch: it says why.
        let proposal = accept_age(&m, at).is_ok().then(|| self.router.proposal(desk, &m, at));
        let Some(p) = proposal.flatten() else { return self.let_through(reading, desk, m) };
        let (wanted, proof) = self.touch_wanted(desk, &p, at);
        let ruling = self.entitled(desk, &p, proof, at);
        let verdict = verdict(wanted, &ruling);
        let (outcome, touch) = match &verdict {
            MessageVerdict::LetThrough => ("let-through", ""),
            MessageVerdict::Hold(Wanted::Touch(why) | Wanted::TwoPeople(why)) => {
                (if is_counter(&m) { "refused" } else { "held" }, &**why)
            }
            MessageVerdict::Hold(Wanted::Nothing) => ("held", ""),
            MessageVerdict::Refuse => ("refused", ""),
        };
        let moment = Moment { at: reading, stage: "arrived", outcome, proof, touch };
        if !self.keep_decision(desk, &m, &ruling, &moment) {
            return;
        }
        match verdict {
            MessageVerdict::Refuse => self.refuse_unentitled(desk, &m, &ruling, at),
            MessageVerdict::LetThrough => {
                if !self.keep_taken_quote(desk, &m, &p.goes_on) {
                    return;
                }
                // Only now: an act does not make up for the pause before it.
                self.trader_acted(desk, at);
                self.entitlements.acted(desk, at);
                self.spend_ahead(desk, &p.action);
                self.let_through(reading, desk, m);
            }
            // It lives for seconds, and commits to nothing: a lease proves the touch, or nothing.
            MessageVerdict::Hold(_) if is_counter(&m) => {
                self.trader_acted(desk, at);
                let ruling = ruling.not_to_be_had(
                    "counter.touch",
                    "A counter does not wait for a touch.",
                    "Choose \"Verify now\", touch your key, then counter again.",
                );
                self.refuse_unentitled(desk, &m, &ruling, at);
            }
            MessageVerdict::Hold(wanted) => {
                let policies =
                    if ruling.outcome == Outcome::Allow { Vec::new() } else { ruling.ids };
                self.hold(desk, m, p, (wanted, policies), at);
            }
        }
    }

    /// What was approved is judged again, as of now: limits may be used up and policies changed
    /// since it was held, and the desk may be off.
    pub(super) fn release(
        self: &Rc<Self>,
        desk: &CompId,
        m: AppMessage,
        approved: Option<Approved>,
    ) {
        if self.is_gone(desk, &m) {
            return;
        }
        self.look_at_clock();
        if self.refused_unwatched(desk, &m, None) || self.refused_overtime(desk, &m) {
            return;
        }
        let reading = now_micros();
        let at = reading.millis();
        let m = as_of(m, at);
        // What the router would refuse it refuses itself.
        let Some(p) = self.router.proposal(desk, &m, at) else {
            return self.let_through(reading, desk, m);
        };
        if approved.as_ref().is_some_and(|a| a.action != p.action || !a.action.covers(&p.goes_on)) {
            let words = format!(
                "approved {} would do something else by now; it went nowhere",
                m.msg_type()
            );
            tracing::error!(%desk, "{words}");
            self.events.gateway("stepup.not_what_was_approved", About::desk(desk), words);
            return self.refuse_changed(desk, &m, at);
        }
        let second_person = approved.as_ref().is_some_and(|a| a.second_person);
        let proof = Proof { touched: approved.is_some(), second_person };
        let ruling = self.entitled(desk, &p, proof, at);
        let goes = ruling.outcome == Outcome::Allow && proof.touched;
        let outcome = if goes { "let-through" } else { "refused" };
        let moment = Moment { at: reading, stage: "released", outcome, proof, touch: "" };
        if !self.keep_decision(desk, &m, &ruling, &moment) {
            return;
        }
        match ruling.outcome {
            Outcome::Allow if proof.touched => {
                if !self.keep_taken_quote(desk, &m, &p.goes_on) {
                    return;
                }
                self.entitlements.acted(desk, at);
                self.spend_ahead(desk, &p.action);
                self.let_through(reading, desk, m);
            }
            Outcome::Deny => self.refuse_unentitled(desk, &m, &ruling, at),
            _ => {
                let ruling = ruling.not_to_be_had(
                    "entitle.changed",
                    "What it needs has changed while it waited.",
                    "Send it again.",
                );
                self.refuse_unentitled(desk, &m, &ruling, at);
            }
        }
    }

    /// The session owed a touch, which is given: what waited for that alone is judged as what comes
    /// now.
    pub(super) fn resume(self: &Rc<Self>, desk: &CompId, m: AppMessage) {
        if self.is_gone(desk, &m) {
            return;
        }
        self.look_at_clock();
        if !self.refused_unwatched(desk, &m, None) {
            let reading = now_micros();
            self.business(desk, as_of(m, reading.millis()), reading);
        }
    }

    /// A second person's touch must not bring to life what a lock has just ended.
    fn is_gone(&self, desk: &CompId, m: &AppMessage) -> bool {
        if self.sessions.is_on(desk) {
            return false;
        }
        let words = format!("approved {} of a desk that is off; it went nowhere", m.msg_type());
        tracing::warn!(%desk, "{words}");
        self.events.gateway("stepup.desk_gone", About::desk(desk), words);
        true
    }

    /// What would be done now is not what was approved.
    fn refuse_changed(&self, desk: &CompId, m: &AppMessage, at: UtcMillis) {
        let words = "what would be done now is not what was approved; send it again".to_owned();
        let refusal = match m {
            AppMessage::QuoteRequest(q) => {
                AppMessage::QuoteRequestReject(request_refusal(q, NOT_AUTHORIZED, words, None))
            }
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
                AppMessage::BusinessReject(counter_refusal(r, words))
            }
            AppMessage::QuoteResponse(r) => {
                AppMessage::ExecutionReport(accept_refusal(r, words, at))
            }
            _ => return,
        };
        self.to_desk(desk, &refusal);
    }

    /// What the rules want for an action, and what a lease of the session proves for it.
    pub(super) fn touch_wanted(
        &self,
        desk: &CompId,
        p: &Proposal,
        at: UtcMillis,
    ) -> (Wanted, Proof) {
        match &self.step_up {
            Some(s) => s.wanted(desk, p, at),
            None => (Wanted::Nothing, Proof::default()),
        }
    }
}

/// A trader asks a dealer for a better price.
fn is_counter(m: &AppMessage) -> bool {
    matches!(m, AppMessage::QuoteResponse(r) if r.response == Response::Counter)
}

/// The touch is younger than the message, and it is the touch that counts: the message arrived in
/// time, and the approval has a deadline of its own.
fn as_of(m: AppMessage, at: UtcMillis) -> AppMessage {
    match m {
        // How long it lives is the trader's word.
        AppMessage::QuoteRequest(q) => {
            let expires = at + q.expires.since(q.at);
            AppMessage::QuoteRequest(QuoteRequest { expires, at, ..q })
        }
        AppMessage::QuoteResponse(r) => {
            AppMessage::QuoteResponse(QuoteResponse { deadline: Some(at), at, ..r })
        }
        m => m,
    }
}

// ----- journal, router, and what leaves -----

impl Pipeline {
    /// One input, and every consequence of it. `false`: it is a dealer's, it could not be written
    /// down, and nothing was done about it.
    pub(super) fn route(&self, input: Input) -> bool {
        self.route_at(now_micros(), input)
    }

    /// A message of a desk that was judged as of `at`: the router sees it at that time too, so that
    /// a clock that is set in between cannot make it take what was not weighed.
    pub(super) fn let_through(&self, at: UtcMicros, desk: &CompId, m: AppMessage) {
        self.route_at(at, Input::FromDesk(desk.clone(), m));
    }

    fn route_at(&self, at: UtcMicros, input: Input) -> bool {
        let (mut inputs, mut taken) = (VecDeque::from([input]), true);
        while let Some(input) = inputs.pop_front() {
            let cause = self.events.is_watched().then(|| Cause::of(&input)).flatten();
            let before = self.signed.size();
            // What time does is not told again by a replay, so it has no place in the evidence.
            let is_tick = matches!(input, Input::Tick);
            let decided = self.decide(input, at);
            taken &= decided.is_some();
            let outputs = decided.unwrap_or_default();
            if let Some(cause) = cause {
                // Where the evidence has the input, if it has it.
                let position = Some(self.signed.size()).filter(|size| *size > before && !is_tick);
                let called = outputs.iter().find_map(|o| match o {
                    Output::ToDealer(_, AppMessage::QuoteRequest(q)) => {
                        Some(self.router.with(|r| r.called(&q.id)))
                    }
                    _ => None,
                });
                let events = outputs.iter().filter_map(|o| business::event(&cause, o, now_us()));
                let events = events.map(|e| business::calling(e, called.as_ref()));
                business::numbered(events, position).for_each(|e| self.events.business(&e));
            }
            for output in outputs {
                if let Some(consequence) = self.act(output) {
                    inputs.push_back(consequence);
                }
            }
        }
        taken
    }

    /// Stages 8 and 9. What cannot be written down is not done (`unwritten.rs`); `None`: it is a
    /// dealer's, and is asked for again.
    fn decide(&self, input: Input, at: UtcMicros) -> Option<Vec<Output>> {
        let copy =
            |at: UtcMicros, input: &Input, record: &[u8]| self.keep_journalled(at, input, record);
        match self.router.record(at, &input, copy) {
            Ok(input) => Some(self.router.decide(at.millis(), input)),
            Err(e) => self.not_recorded(input, &e, at),
        }
    }

    /// Does what the router wants; what follows from it is an input of its own.
    fn act(&self, output: Output) -> Option<Input> {
        match output {
            Output::ToDesk(desk, m) => {
                let m = match m {
                    AppMessage::VenueState(v) => AppMessage::VenueState(self.visible(&desk, v)),
                    AppMessage::HandOver(h) => AppMessage::HandOver(self.named_hand_over(h)),
                    m => m,
                };
                self.measure_answer(&m);
                if matches!(m, AppMessage::Snapshot(SnapshotMark::End)) {
                    self.held_requests(&desk).iter().for_each(|held| self.to_desk(&desk, held));
                }
                self.to_desk(&desk, &m);
                match &m {
                    AppMessage::SecurityList(first) => self.list_begun(&desk, first),
                    AppMessage::SecurityListUnchanged { .. } => self.list_is_there(&desk),
                    _ => {}
                }
                None
            }
            Output::Untold(..) | Output::Unanswered(..) => None,
            Output::ToDealer(dealer, m) => self.to_dealer(dealer, m),
            Output::Traded(desk, dealer) => {
                self.entitlements.traded(&desk, &dealer);
                None
            }
            Output::Note(text) => {
                // Each begins with its peer's name, by which the log's budget is kept.
                let peer = text.split(' ').next().unwrap_or_default();
                tracing::info!(peer, "{text}");
                None
            }
            Output::Alert { code, about, words } => {
                tracing::warn!(code, about, "{words}");
                if let Ok(dealer) = DealerId::new(about.as_str())
                    && is_fault(code)
                {
                    self.dealer_at_fault(&dealer, code);
                }
                let left_out = self.alerts.borrow_mut().spend(&about, now());
                if let Some(left_out) = left_out {
                    let words = format!("{words}{}", left_out_words(left_out));
                    self.events.gateway(code, About::dealer(about), words);
                }
                None
            }
        }
    }

    /// Sends a dealer a message; the router hears of one that could not leave.
    fn to_dealer(&self, dealer: DealerId, m: AppMessage) -> Option<Input> {
        let session = self.sessions.dealer(&dealer);
        // No dealer reads which desk asks.
        let sent = session.map(|s| s.send(&self.router.with(|r| r.for_dealer(m.clone()))));
        match sent {
            Some(Ok(seq)) => {
                self.measure_sent(&dealer, &m);
                self.sent.borrow_mut().entry(dealer).or_default().note(seq, &m);
                None
            }
            refused => {
                let error = refused.and_then(Result::err).map(|e| e.to_string());
                let msg_type = m.msg_type();
                tracing::warn!(%dealer, msg_type, error, "not sent to the dealer");
                Some(Input::NotSentToDealer(dealer, m))
            }
        }
    }

    /// Sends a desk a message, if it is on, without what is newer than it says that it knows.
    pub(super) fn to_desk(&self, desk: &CompId, m: &AppMessage) {
        let Some(m) = m.for_desk(self.sessions.knows(desk)) else {
            return tracing::debug!(%desk, msg_type = m.msg_type(), "newer than the desk; not sent");
        };
        let sent = self.sessions.desk(desk).map(|s| s.send(&m));
        self.measure_told(&m, matches!(sent, Some(Ok(_))));
        if let Some(Err(e)) = sent {
            tracing::warn!(%desk, msg_type = m.msg_type(), error = %e, "not sent to the desk");
        }
    }
}

/// A message of a desk was not acted on. Not a rejection of the RFQ or the accept: under the same
/// id one may be under way already, and its truth comes by H. `seq`: its MsgSeqNum (34), to be
/// named.
pub(super) fn not_done(m: &AppMessage, seq: Option<u64>, text: String) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: seq,
        ref_msg_type: m.msg_type().into(),
        ref_id: id_of(m),
        reason: NOT_AVAILABLE,
        text: Some(text),
    })
}

/// The id that the sender of a message gave it.
pub(super) fn id_of(m: &AppMessage) -> Option<String> {
    match m {
        AppMessage::QuoteRequest(q) => Some(q.id.to_string()),
        AppMessage::QuoteResponse(r) => Some(r.id.to_string()),
        AppMessage::RfqCancel { rfq, .. } => Some(rfq.to_string()),
        AppMessage::OrderStatusRequest(h) => Some(h.accept.to_string()),
        AppMessage::ApproveAhead(a) => Some(a.rfq.to_string()),
        AppMessage::TakeOver(t) => Some(t.rfq.to_string()),
        _ => None,
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
pub(super) mod tests;
