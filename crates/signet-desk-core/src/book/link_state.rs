//! What the link tells the book: its state, what left, what could not leave, and that time passes.

use super::{Book, frame_clock::Part, rfq_of_accept};
use crate::{
    blotter::Blotter,
    in_flight::InFlight,
    step_up::{Open, StepUps},
    view::{NoticeKind, Problem, SessionView},
};
use signet_fix::message::AppMessage;
use signet_identity::CompId;
use signet_rfq::{Accept, Declined, Rfq, RfqId, Terms, UtcMillis};

/// A quote that ends within this time may come too close to its end to be reached: buttons depend
/// on it.
const DEADLINE_NEAR_MS: i64 = 1_500;

impl Book {
    /// Changes what is shown of the connection.
    pub fn link(&mut self, now: UtcMillis, change: impl FnOnce(&mut SessionView)) {
        if self.connection.change(now, change) {
            self.screen.mark_all();
            self.changed(Part::Session);
        }
    }

    /// The CompID of the gateway that is connected to, or of a plain venue.
    pub fn at_gateway(&mut self, comp_id: &CompId, direct: bool) {
        (self.connection.gateway, self.connection.direct) = (Some(comp_id.to_string()), direct);
    }

    /// Another identity: what belonged to the former one leaves the screen.
    pub fn begin(&mut self, blotter: Blotter) {
        self.screen.clear(&mut self.frames);
        self.records.begin(blotter);
        self.connection.sent.clear();
        self.step_ups = StepUps::default();
        self.reference.forget();
        [Part::StepUp, Part::Reference, Part::Blotter]
            .into_iter()
            .for_each(|part| self.frames.mark(part));
        self.frames.wake();
    }

    /// Accepts of an earlier run without an answer: on screen again in their own terms, to be asked
    /// about.
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

    /// A message has left under this sequence number.
    pub fn sent_as(&mut self, seq: u64, m: &AppMessage) {
        self.connection.sent.record(seq, m);
    }

    /// A ping left at `sent` and was answered at `received`, on the laptop's clock; the gateway
    /// stamped its answer in between.
    pub fn measured(&mut self, sent: UtcMillis, stamped: UtcMillis, received: UtcMillis) {
        self.clock.measured(sent, stamped, received);
        let (offset, rtt) = (self.clock.offset_ms(), self.clock.round_trip_ms());
        self.link(received, |s| {
            s.clock_offset_ms = offset.map(|o| o as f64);
            s.round_trip_ms = rtt.map(|r| r as f64);
        });
    }

    /// Another gateway's clock is not this one's.
    pub(crate) fn forget_clock(&mut self) {
        self.clock.forget();
    }

    /// The link is gone: answers outstanding are unknown from now on.
    pub fn link_lost(&mut self) {
        for (_, item) in self.screen.iter_mut() {
            item.rfq.link_lost();
            item.dirty = true;
        }
        self.connection.restoring = None;
        self.reference.link_lost();
        self.with_step_ups(StepUps::link_lost);
    }

    /// A message that the link could not send.
    pub fn not_sent(&mut self, m: &AppMessage, why: Problem, now: UtcMillis) {
        let rfq = match m {
            AppMessage::QuoteRequest(q) => {
                self.screen.refuse(&q.id, &why.message);
                if let Some(i) = self.screen.get_mut(&q.id) {
                    i.problem = Some(why.clone());
                }
                Some(q.id.clone())
            }
            AppMessage::QuoteResponse(r) => rfq_of_accept(&r.id).inspect(|id| {
                self.screen.decline(id, &r.id, Declined::ByDesk(why.message.clone()))
            }),
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

    /// What time does: deadlines, and what the disk refused before.
    pub fn tick(&mut self, now: UtcMillis) {
        self.tell_blotter(now);
        let at = self.clock.gateway(now);
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
    }

    fn tick_step_ups(&mut self, at: UtcMillis, now: UtcMillis) {
        let late = self.step_ups.tick(at);
        let Some(first) = late.first() else { return };
        let rfq = Open::rfq(first);
        self.notice(
            NoticeKind::Bad,
            "stepup.late",
            "Nobody touched a key in time.".into(),
            rfq.as_ref(),
            now,
        );
        self.with_step_ups(|_| ());
    }
}
