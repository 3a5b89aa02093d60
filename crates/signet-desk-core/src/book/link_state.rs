//! What the link tells the book: its state, what was sent, what could not be sent, and the time.

use super::{Book, frame_clock::Part, rfq_of_accept};
use crate::{
    blotter::Blotter,
    in_flight::InFlight,
    laptop_clock::laptop_now,
    peer_text,
    step_up::{Dialog, StepUps},
    view::{LinkState, NetworkView, NoticeKind, Problem, SessionView},
};
use signet_fix::message::AppMessage;
use signet_identity::CompId;
use signet_rfq::{Accept, Declined, Rfq, RfqId, Terms, UtcMillis};

/// An RFQ with a deadline within this time is drawn again at each tick, because its buttons depend
/// on whether an accept can still arrive. Milliseconds.
const DEADLINE_NEAR_MS: i64 = 1_500;

impl Book {
    /// Changes the view of the connection.
    pub fn link(&mut self, now: UtcMillis, change: impl FnOnce(&mut SessionView)) {
        if self.connection.change(now, change) {
            self.screen.mark_all();
            self.changed(Part::Session);
        }
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
        self.step_ups = StepUps::default();
        self.reference.forget();
        [Part::StepUp, Part::Reference, Part::Blotter]
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

    /// Records that a message was sent under this sequence number.
    pub fn sent_as(&mut self, seq: u64, m: &AppMessage) {
        self.connection.sent.record(seq, m);
    }

    /// Takes a measurement: a ping sent at `sent` and answered at `received`, on the laptop's
    /// clock, whose answer the gateway stamped `stamped`.
    pub fn measured(&mut self, sent: UtcMillis, stamped: UtcMillis, received: UtcMillis) {
        self.clock.measured(sent, stamped, received);
        let (offset, rtt) = (self.clock.offset_ms(), self.clock.round_trip_ms());
        self.link(received, |s| {
            s.clock_offset_ms = offset.map(|o| o as f64);
            s.round_trip_ms = rtt.map(|r| r as f64);
        });
    }

    /// Forgets the measurements, because another gateway has another clock.
    pub(crate) fn forget_clock(&mut self) {
        self.clock.forget();
    }

    /// Whether what was asked of the peer goes unanswered. Nothing can be traded meanwhile.
    pub fn doubt(&mut self, now: UtcMillis, doubtful: bool) {
        let state = match (self.connection.view.state, doubtful) {
            (LinkState::Online, true) => LinkState::Checking,
            (LinkState::Checking, false) => LinkState::Online,
            _ => return,
        };
        self.link(now, |s| s.state = state);
        self.frames.wake();
    }

    /// What the system knows of the network in use.
    pub fn network(&mut self, now: UtcMillis, network: NetworkView) {
        let shown = |text: Option<String>| text.map(|t| peer_text::shown(&t));
        let network = NetworkView {
            name: shown(network.name),
            portal: shown(network.portal),
            metered: network.metered,
        };
        self.link(now, |s| s.network = network);
        self.frames.wake();
    }

    /// Says that the connection is back, if the trader had to wait for it.
    pub(super) fn back(&mut self, now: UtcMillis, gone: usize) {
        let Some(since) = self.connection.away_since.take() else { return };
        let open = self.screen.rfqs().filter(|r| !r.state.ended()).count();
        let text = back_words(now.since(since), open, gone);
        self.notice(NoticeKind::Plain, "link.back", text, None, now);
    }

    /// The link was lost: the outcome of accepts without an answer is unknown from now on.
    pub fn link_lost(&mut self) {
        // Only a gateway repeats what stands.
        let repeats = !self.connection.direct;
        for (_, item) in self.screen.iter_mut() {
            if repeats {
                item.rfq.link_away()
            } else {
                item.rfq.link_lost()
            };
            item.dirty = true;
        }
        self.connection.restoring = None;
        self.connection.unaccounted.clear();
        let was_on = matches!(self.connection.view.state, LinkState::Online | LinkState::Checking);
        if was_on && self.screen.rfqs().any(|r| !r.state.ended()) {
            self.connection.away_since.get_or_insert_with(laptop_now);
        }
        self.reference.link_lost();
        self.with_step_ups(StepUps::link_lost);
    }

    /// Shows that a message could not be sent, and ends what it was for.
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

    /// Applies the deadlines that have passed, and tries again to write what the disk refused.
    pub fn tick(&mut self, now: UtcMillis) {
        self.tell_blotter(now);
        let at = self.clock.gateway(now);
        self.tick_step_ups(at, now);
        self.settle_unaccounted(now);
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
        let rfq = Dialog::rfq(first);
        self.notice(
            NoticeKind::Bad,
            "stepup.late",
            "No key was touched in time.".into(),
            rfq.as_ref(),
            now,
        );
        self.with_step_ups(|_| ());
    }
}

/// What happened while the connection was away.
fn back_words(away_ms: i64, open: usize, gone: usize) -> String {
    let seconds = format!("{}.{}", away_ms.max(0) / 1_000, away_ms.max(0) % 1_000 / 100);
    let requests = if open == 1 { "1 request goes on" } else { &format!("{open} requests go on") };
    let quotes = match gone {
        0 => String::new(),
        1 => ", 1 quote did not come back".into(),
        n => format!(", {n} quotes did not come back"),
    };
    format!("Connected again after {seconds} s: {requests}{quotes}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trader_reads_what_went_on() {
        for (ms, open, gone, want) in [
            (140, 1, 0, "Connected again after 0.1 s: 1 request goes on."),
            (
                3_250,
                2,
                1,
                "Connected again after 3.2 s: 2 requests go on, 1 quote did not come back.",
            ),
            (
                61_000,
                0,
                3,
                "Connected again after 61.0 s: 0 requests go on, 3 quotes did not come back.",
            ),
            (-5, 1, 0, "Connected again after 0.0 s: 1 request goes on."),
        ] {
            assert_eq!(back_words(ms, open, gone), want);
        }
    }
}
