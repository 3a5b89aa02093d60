//! What the link tells the book: its state, what was sent, what could not be sent, and the time.

use super::{Book, connection::Gap, frame_clock::Part, rfq_of_accept};
use crate::{
    blotter::Blotter,
    in_flight::InFlight,
    insight::Tally,
    problem::doubtful,
    step_up::{Dialog, StepUps, Subject},
    view::{LinkState, NetworkView, NoticeKind, Problem, SessionView},
};
use signet_fix::message::{AppMessage, KeyRequest, Response};
use signet_identity::CompId;
use signet_rfq::{Accept, AcceptRefusal, Declined, LineState, Rfq, RfqId, Terms, UtcMillis};

/// An RFQ with a deadline within this time is drawn again at each tick, because its buttons depend
/// on whether an accept can still arrive. Milliseconds.
const DEADLINE_NEAR_MS: i64 = 1_500;

/// How often a new round trip is shown, milliseconds.
const SHOWN_EVERY_MS: i64 = 2_000;

impl Book {
    /// Changes the view of the connection.
    pub fn link(&mut self, now: UtcMillis, change: impl FnOnce(&mut SessionView)) {
        let (online, doubt) = (self.online(), self.connection.view.doubtful_since_ms);
        if self.connection.change(now, change) {
            self.screen.mark_all();
            self.changed(Part::Session);
        }
        if online && !self.online() {
            // What was in doubt is lost since the doubt began.
            let since = doubt.map_or(now, |ms| UtcMillis(ms as i64));
            let open = self.screen.rfqs().filter(|r| !r.state.ended());
            let open = open.map(|r| (r.terms.id.clone(), quotes(r))).collect();
            self.connection.gap.get_or_insert(Gap { since, open });
        }
        let state = self.connection.view.state;
        if state == LinkState::Offline {
            self.connection.gap = None;
        }
        // The steps of coming back are one interruption to the trader.
        let over = matches!(state, LinkState::Online | LinkState::Refused);
        if let Some(gap) = self.connection.gap.as_ref().filter(|_| !over) {
            self.connection.view.since_ms = gap.since.0 as f64;
        }
    }

    /// An answer of the peer is overdue, or came after all. While it is overdue, no price can be
    /// taken and no request be sent: either could arrive much later.
    pub fn doubt(&mut self, now: UtcMillis, doubtful: bool) {
        let doubtful = doubtful && self.online();
        self.link(now, |s| {
            s.doubtful_since_ms = doubtful.then(|| s.doubtful_since_ms.unwrap_or(now.0 as f64));
        });
    }

    /// The network that the connection uses, or would use, and the page on which it wants the
    /// trader to sign in.
    pub fn on_network(
        &mut self,
        now: UtcMillis,
        network: Option<NetworkView>,
        portal: Option<String>,
    ) {
        self.link(now, |s| (s.network, s.portal) = (network, portal));
    }

    /// Why a message of the trader must not leave any longer: the link has come into doubt, or its
    /// deadline has passed, since the trader pressed.
    pub(crate) fn not_now(&self, m: &AppMessage, now: UtcMillis) -> Option<Problem> {
        if let Some(why) = self.held_up(m) {
            return Some(why);
        }
        match m {
            AppMessage::QuoteResponse(r) if commits(m) => {
                let late_ms = self.clock.gateway(now).since(r.deadline?);
                (late_ms > 0).then(|| Problem::from(&AcceptRefusal::Late(late_ms)))
            }
            _ => None,
        }
    }

    /// The same without the deadline, which one that waited for a touch has passed.
    pub(crate) fn held_up(&self, m: &AppMessage) -> Option<Problem> {
        if !commits(m) {
            return None;
        }
        if self.connection.doubtful() {
            return Some(doubtful());
        }
        self.recorder.may_trade().err()
    }

    /// Sets the CompID of the gateway, or with `direct` of the plain venue.
    pub fn at_gateway(&mut self, comp_id: &CompId, direct: bool) {
        (self.connection.gateway, self.connection.direct) = (Some(comp_id.to_string()), direct);
    }

    /// Starts with another identity: the screen is cleared of what belonged to the one before.
    pub fn begin(&mut self, blotter: Blotter) {
        self.screen.clear(&mut self.frames);
        self.records.begin(blotter);
        self.connection.sent.clear();
        self.tally = Tally::default();
        self.step_ups = StepUps::default();
        self.questions.clear();
        self.list.forget();
        self.show_list();
        self.reference.forget();
        self.group.forget();
        [Part::StepUp, Part::Reference, Part::Blotter, Part::Group]
            .into_iter()
            .for_each(|part| self.frames.mark(part));
        self.frames.wake();
    }

    /// Puts the accepts of an earlier run that have no answer on screen again, with their own
    /// terms. The desk asks about them after the logon.
    pub fn resume(&mut self, kept: InFlight) {
        let all: Vec<(Accept, Terms)> = kept.all().cloned().collect();
        self.records.in_flight = kept;
        for (accept, terms) in all {
            let mut before = Rfq::new(terms);
            before.acknowledge();
            before.sent_before(accept);
            before.answer_lost();
            self.screen.place(before, &mut self.frames);
        }
    }

    /// The request for the list of instruments, which leaves after each logon. It names the list
    /// that this desk has, so that the same one is not sent to it again.
    pub fn list_request(&mut self, now: UtcMillis) -> Option<AppMessage> {
        self.reference.ask_at_logon(now).map(AppMessage::SecurityListRequest)
    }

    /// Records that a message was sent under this sequence number.
    pub fn sent_as(&mut self, seq: u64, m: &AppMessage) {
        self.connection.sent.record(seq, m);
        self.tally.sent(m);
        self.judge_choice(m);
    }

    /// A message that the gateway stamped `stamped` arrived.
    pub fn heard(&mut self, stamped: UtcMillis, received: UtcMillis) {
        self.clock.heard(stamped, received);
    }

    /// Takes a measurement: a ping sent at `sent` and answered at `received`, on the laptop's
    /// clock, whose answer the gateway stamped `stamped`.
    pub fn measured(&mut self, sent: UtcMillis, stamped: UtcMillis, received: UtcMillis) {
        self.measured_beside(0, sent, stamped, received);
    }

    /// The same, with how far the laptop's clock without its steps is ahead of the operating
    /// system's, milliseconds: the window shows how far the latter is off.
    pub(crate) fn measured_beside(
        &mut self,
        ahead_ms: i64,
        sent: UtcMillis,
        stamped: UtcMillis,
        received: UtcMillis,
    ) {
        let known = self.clock.is_known();
        self.clock.measured(sent, stamped, received);
        if known != self.clock.is_known() {
            // Whether a price can be taken depends on it.
            self.screen.mark_all();
        }
        let (offset, rtt) = (self.clock.offset_ms(), self.clock.round_trip_ms());
        self.recorder.clock_is(offset);
        // A number that changes five times a second says nothing and distracts.
        let age_ms = self.connection.measured.map_or(i64::MAX, |at| received.since(at));
        if known && (0..SHOWN_EVERY_MS).contains(&age_ms) {
            return;
        }
        self.connection.measured = Some(received);
        self.link(received, |s| {
            s.clock_offset_ms = offset.map(|o| o.saturating_add(ahead_ms) as f64);
            s.round_trip_ms = rtt.map(|r| r as f64);
        });
    }

    /// Forgets the measurements, because another gateway has another clock.
    pub(crate) fn forget_clock(&mut self) {
        self.clock.forget();
        self.recorder.clock_is(None);
    }

    /// The link was lost: the outcome of accepts without an answer is unknown from now on.
    pub fn link_lost(&mut self) {
        for (_, item) in self.screen.iter_mut() {
            item.rfq.link_lost();
            // It was given to that connection.
            (item.ahead, item.spent, item.approve_first) = (None, None, None);
            item.dirty = true;
        }
        self.connection.restoring = None;
        self.questions.clear();
        self.list_link_lost();
        self.reference.link_lost();
        self.group_link_lost();
        self.with_step_ups(StepUps::link_lost);
    }

    /// Shows that a message could not be sent, and ends what it was for.
    pub fn not_sent(&mut self, m: &AppMessage, why: Problem, now: UtcMillis) {
        self.record_not_sent(m, &why.code, now);
        let rfq = match m {
            AppMessage::QuoteRequest(q) => {
                self.screen.refuse(&q.id, &why.message);
                if let Some(i) = self.screen.get_mut(&q.id) {
                    i.problem = Some(why.clone());
                }
                Some(q.id.clone())
            }
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
                self.counter_failed(&r.id, &why.message);
                rfq_of_accept(&r.id)
            }
            AppMessage::QuoteResponse(r) => rfq_of_accept(&r.id).inspect(|id| {
                self.screen.decline(id, &r.id, Declined::ByDesk(why.message.clone()));
                self.end_if_over(id);
                self.screen.not_spent(id, &r.id);
            }),
            AppMessage::RfqCancel { rfq, .. } => {
                self.not_ending(rfq);
                Some(rfq.clone())
            }
            AppMessage::ApproveAhead(a) => {
                self.screen.forget_ahead(&a.rfq);
                Some(a.rfq.clone())
            }
            AppMessage::TakeOver(_) | AppMessage::GroupRequest { .. } => {
                self.group_failed(why.clone());
                None
            }
            AppMessage::KeyRequest(KeyRequest::Begin { .. } | KeyRequest::Finish { .. }) => {
                self.not_registered(why.clone());
                None
            }
            _ => None,
        };
        self.notice(
            NoticeKind::Bad,
            &why.code,
            format!("Not sent: {}", why.message),
            rfq.as_ref(),
            now,
        );
        if let Some(id) = rfq {
            self.blot_rfq(&id);
        }
        self.tidy_in_flight();
        self.frames.wake();
    }

    /// Applies the deadlines that have passed, and tries again to write what the disk refused.
    /// Returns what is to be sent.
    pub fn tick(&mut self, now: UtcMillis) -> Vec<AppMessage> {
        self.tell_blotter(now);
        self.blot_accepts(now);
        let at = self.clock.gateway(now);
        self.tell_counters(now);
        self.tick_step_ups(at, now);
        let mut ended: Vec<RfqId> = Vec::new();
        for (id, item) in self.screen.iter_mut().filter(|(_, i)| !i.rfq.state.ended()) {
            let deadline_near =
                item.rfq.next_deadline().is_some_and(|t| t.since(at) < DEADLINE_NEAR_MS);
            if item.rfq.tick(at) || deadline_near {
                item.dirty = true;
            }
            if item.rfq.state.ended() {
                ended.push(id.clone());
            }
        }
        for id in &ended {
            self.blot_rfq(id);
        }
        if self.screen.is_dirty() {
            self.frames.wake();
        }
        let mut due = self.ask_again(now);
        due.extend(self.tick_list(now));
        due
    }

    fn tick_step_ups(&mut self, at: UtcMillis, now: UtcMillis) {
        if self.step_ups.is_unanswered(at) {
            self.new_key_is_unanswered();
        }
        let late = self.step_ups.tick(at);
        let Some(first) = late.first() else { return };
        let rfq = Dialog::rfq(first);
        let new_key = late.iter().any(|d| matches!(d.subject, Subject::NewKey { .. }));
        self.notice(
            NoticeKind::Bad,
            "stepup.late",
            "No key was touched in time.".into(),
            rfq.as_ref(),
            now,
        );
        if new_key {
            self.new_key_is_late();
        }
        self.with_step_ups(|_| ());
    }
}

/// Whether a message commits the trader to something.
fn commits(m: &AppMessage) -> bool {
    match m {
        AppMessage::QuoteRequest(_) | AppMessage::TakeOver(_) => true,
        AppMessage::QuoteResponse(r) => r.response != Response::Pass,
        _ => false,
    }
}

/// How many quotes of an RFQ stand, whether or not they can be reached.
pub(super) fn quotes(r: &Rfq) -> usize {
    let stands = |s: &LineState| matches!(s, LineState::Quoted | LineState::Unreachable);
    r.lines.iter().filter(|l| stands(&l.state)).count()
}
