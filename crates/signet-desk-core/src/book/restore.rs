//! Compares the snapshot after a logon, which is what the gateway holds, with the screen.

use super::{
    Book,
    connection::{Gap, Restoring},
    link_state::quotes,
    rejects::status_request,
};
use crate::{
    blotter::RowStatus,
    present::clock_time,
    view::{BackView, BlotterTab, LinkState, NoticeKind},
};
use signet_fix::message::{AppMessage, QuoteRequest, QuoteResponse, SnapshotMark};
use signet_rfq::{Rfq, RfqId, RfqState, UtcMillis};
use std::collections::BTreeSet;

/// A request that was sent and that the gateway has no record of.
const NOT_ARRIVED: &str = "the gateway has no record of it, because it did not arrive or was \
    refused; no dealer has it. Send it again";

impl Book {
    pub(super) fn snapshot(&mut self, mark: SnapshotMark, now: UtcMillis) -> Vec<AppMessage> {
        match mark {
            SnapshotMark::Begin => self.connection.restoring = Some(Restoring::default()),
            SnapshotMark::Rfq(q) => {
                let id = q.id.clone();
                if let Some(r) = &mut self.connection.restoring {
                    r.seen.insert(id.clone());
                    r.current = Some(id.clone());
                }
                self.restore(&q, now);
                self.blot_rfq(&id);
            }
            SnapshotMark::End => return self.restored(now),
        }
        Vec::new()
    }

    /// An open RFQ as the gateway holds it. The one on screen takes its deadline and waits for the
    /// gateway to repeat the quotes.
    fn restore(&mut self, q: &QuoteRequest, now: UtcMillis) {
        let terms = q.terms();
        let mut end_lost = false;
        match self.screen.get_mut(&q.id) {
            Some(i) if !i.rfq.state.ended() => {
                i.rfq.deadline = Some(terms.expires);
                // It is open at the gateway: the end did not arrive.
                if i.stopped {
                    self.ends_later.insert(q.id.clone());
                } else {
                    end_lost = i.ending;
                }
                (i.ending, i.over) = (false, None);
                // A quote that the gateway does not repeat cannot be traded, but it was not
                // withdrawn.
                i.rfq.await_repeats();
                i.rfq.acknowledge();
                i.dirty = true;
            }
            Some(_) => {}
            None => {
                let mut fresh = Rfq::new(terms);
                fresh.acknowledge();
                self.screen.place(fresh, &mut self.frames);
            }
        }
        if end_lost {
            let text = "You ended this RFQ, and that did not arrive: it is open. End it again if \
                you want nothing of it."
                .to_owned();
            self.notice(NoticeKind::Bad, "rfq.end_lost", text, Some(&q.id), now);
        }
    }

    /// An accept exactly as the gateway passed it on: within a snapshot one that may be of an
    /// earlier run of this desk, else one that this desk has just sent.
    pub(super) fn accept_passed_on(&mut self, r: QuoteResponse, now: UtcMillis) {
        if self.connection.restoring.is_some() {
            return self.accept_restored(r);
        }
        let (Some(rfq), Some(dealer)) = (r.rfq.clone(), r.dealer.clone()) else {
            return tracing::warn!(accept = %r.id, "an accept without its RFQ was ignored");
        };
        let Some(i) = self.screen.get_mut(&rfq) else { return };
        let as_sent = r.accept(rfq.clone(), dealer);
        i.dirty = true;
        let named = i.rfq.accept.as_ref().map(|(a, _)| a.quote.clone());
        let same_numbers = r.price_type == i.rfq.terms.price_type;
        if same_numbers && i.rfq.passed_on(&as_sent) {
            // Its dealer has it: it waits for nobody's approval.
            self.settled(&rfq);
            if named.as_ref() != Some(&as_sent.quote) {
                self.write_as_sent(&rfq);
            }
            return;
        }
        tracing::error!(accept = %as_sent.id, "the gateway passed on what was not agreed to");
        let text = format!(
            "The gateway says that it sent your accept at {} to {}, which is not what you agreed \
                to. Call the dealer and your support before you trade it again.",
            as_sent.price, as_sent.dealer
        );
        self.notice(NoticeKind::Bad, "accept.not_as_agreed", text, Some(&rfq), now);
    }

    /// After a restart the desk must know on which quote its accept went on.
    pub(super) fn write_as_sent(&mut self, rfq: &RfqId) {
        let Some(r) = self.screen.rfq(rfq) else { return };
        let Some((a, _)) = &r.accept else { return };
        if let Err(e) = self.records.in_flight.sent(a, &r.terms) {
            tracing::error!(error = %e, "the quote that an accept took cannot be written to disk");
        }
    }

    fn accept_restored(&mut self, r: QuoteResponse) {
        let current =
            self.connection.restoring.as_ref().and_then(|restoring| restoring.current.clone());
        let (Some(rfq), Some(dealer)) =
            (r.rfq.clone().filter(|_| r.rfq == current), r.dealer.clone())
        else {
            return tracing::warn!(accept = %r.id, "an accept outside a snapshot was ignored");
        };
        let Some(i) = self.screen.get_mut(&rfq) else { return };
        if r.price_type != i.rfq.terms.price_type {
            return tracing::warn!(accept = %r.id, "an accept in other numbers was ignored");
        }
        let as_sent = r.accept(rfq.clone(), dealer);
        let named = i.rfq.accept.as_ref().map(|(a, _)| a.quote.clone());
        // The one that this desk knows may have gone on while the link was lost.
        if i.rfq.passed_on(&as_sent) {
            i.dirty = true;
            self.settled(&rfq);
            if named.as_ref() != Some(&as_sent.quote) {
                self.write_as_sent(&rfq);
            }
        } else if i.rfq.sent_before(as_sent) {
            i.rfq.answer_lost();
            i.dirty = true;
        }
    }

    /// What waited for an approval when the link was lost and is open at the gateway now was
    /// approved meanwhile. Of an accept its own answer says so.
    fn approved_meanwhile(&mut self, seen: &BTreeSet<RfqId>, held: &BTreeSet<RfqId>) {
        let goes_on = |id: &&RfqId| self.screen.rfq(id).is_some_and(|r| !r.in_flight());
        let open: Vec<RfqId> = seen.difference(held).filter(goes_on).cloned().collect();
        open.iter().for_each(|id| self.settled(id));
    }

    /// The snapshot is complete. An RFQ that is open on screen and not in the snapshot has ended;
    /// for each accept without an answer a question is returned.
    fn restored(&mut self, now: UtcMillis) -> Vec<AppMessage> {
        let Some(Restoring { seen, held, out_of_reach, .. }) = self.connection.restoring.take()
        else {
            return Vec::new();
        };
        self.approved_meanwhile(&seen, &held);
        let mut ask = Vec::new();
        let mut ended = Vec::new();
        let (at, direct) = (self.clock.gateway(now), self.connection.direct);
        for (id, i) in self.screen.iter_mut() {
            // What is over by now expired; of the rest, what was not repeated is gone.
            i.rfq.tick(at);
            i.rfq.settle_repeats(|d| out_of_reach.contains(&(id.clone(), d.clone())));
            i.rfq.settle_counters();
            if let Some((a, s)) = i.rfq.accept.as_ref().filter(|(_, s)| s.in_flight()) {
                tracing::info!(accept = %a.id, state = ?s, "asking what became of an accept");
                let since = (!direct).then_some(i.rfq.terms.created);
                ask.push(AppMessage::OrderStatusRequest(status_request(a, since)));
            } else if !i.rfq.state.ended() && !seen.contains(id) {
                if i.rfq.state == RfqState::Sent {
                    i.rfq.refuse(NOT_ARRIVED.into());
                } else {
                    let why = "it ended while the desk was away";
                    let _ = i.rfq.end(RfqState::Expired, Some(why.into()));
                }
                ended.push(id.clone());
            }
            i.dirty = true;
        }
        ended.iter().for_each(|id| self.blot_rfq(id));
        self.close_orphans(&seen);
        self.group_restored(now);
        let back = self.connection.gap.take().map(|gap| self.tell_missed(gap, now));
        self.link(now, |s| {
            s.state = LinkState::Online;
            s.back = back;
        });
        ask
    }

    /// Tells what happened during an interruption, in one notice for each RFQ.
    fn tell_missed(&mut self, gap: Gap, now: UtcMillis) -> BackView {
        let (mut went_on, mut ended, mut not_repeated) = (0, 0, 0);
        let mut told = Vec::new();
        let at = self.clock.gateway(now);
        let between =
            format!("{} and {} UTC", clock_time(at - now.since(gap.since)), clock_time(at));
        for (id, before) in &gap.open {
            let Some(rfq) = self.screen.rfq(id) else { continue };
            let name = self.reference.of_rfq(&rfq.terms);
            let name = name.as_deref().map_or(rfq.terms.instrument.as_str(), |i| &i.symbol);
            if rfq.state.ended() {
                ended += 1;
                let how = match (rfq.state, rfq.reason.as_deref()) {
                    // A trade has its own notice.
                    (RfqState::Done, _) => continue,
                    (RfqState::Expired, None) => {
                        format!("expired at {} UTC", clock_time(rfq.expires()))
                    }
                    (state, why) => {
                        let why = why.map(|w| format!(" ({w})")).unwrap_or_default();
                        format!("{} between {between}{why}", ended_away(state))
                    }
                };
                let text = format!("{name}: the RFQ {how}, while the connection was lost.");
                told.push((id.clone(), "rfq.ended_away", text));
                continue;
            }
            went_on += 1;
            let missing = before.saturating_sub(quotes(rfq));
            if missing > 0 {
                not_repeated += missing;
                let quotes =
                    if missing == 1 { "1 quote is" } else { &format!("{missing} quotes are") };
                let text = format!(
                    "{name}: {quotes} not there any longer; it ended while the connection was lost."
                );
                told.push((id.clone(), "quote.not_repeated", text));
            }
        }
        for (id, code, text) in told {
            self.notice(NoticeKind::Plain, code, text, Some(&id), now);
        }
        BackView {
            at_ms: now.0 as f64,
            after_ms: now.since(gap.since) as f64,
            went_on,
            ended,
            not_repeated: u32::try_from(not_repeated).unwrap_or(u32::MAX),
        }
    }

    /// Closes the rows of earlier runs that the blotter shows as open and the gateway no longer
    /// has.
    fn close_orphans(&mut self, seen: &BTreeSet<RfqId>) {
        for mut row in self.records.blotter.open_rfqs() {
            let known = RfqId::new(row.rfq_id.clone())
                .is_ok_and(|id| seen.contains(&id) || self.screen.contains(&id));
            if !known {
                row.status = RowStatus::EndedWhileAway.words().into();
                self.blot(BlotterTab::Rfqs, row);
            }
        }
    }
}

fn ended_away(state: RfqState) -> &'static str {
    match state {
        RfqState::Cancelled => "was ended without a trade",
        RfqState::NothingDone => "ended because every dealer passed",
        RfqState::Refused => "was not taken",
        RfqState::TakenOver => "went to a colleague",
        _ => "ended",
    }
}
