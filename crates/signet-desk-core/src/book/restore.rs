//! Compares the snapshot after a logon, which is what the gateway holds, with the screen.

use super::{Book, connection::Restoring, rejects::status_request};
use crate::{
    blotter::RowStatus,
    view::{BlotterTab, LinkState},
};
use signet_fix::message::{AppMessage, QuoteRequest, QuoteResponse, SnapshotMark};
use signet_rfq::{Rfq, RfqId, RfqState, UtcMillis};
use std::collections::BTreeSet;

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
                self.restore(&q);
                self.blot_rfq(&id);
            }
            SnapshotMark::End => return self.restored(now),
        }
        Vec::new()
    }

    /// An open RFQ as the gateway holds it. The one on screen takes its deadline and waits for the
    /// gateway to repeat the quotes.
    fn restore(&mut self, q: &QuoteRequest) {
        let terms = q.terms();
        match self.screen.get_mut(&q.id) {
            Some(i) if !i.rfq.state.ended() => {
                i.rfq.deadline = Some(terms.expires);
                // A quote that the gateway does not repeat cannot be traded, but it was not
                // withdrawn.
                for d in &terms.dealers {
                    i.rfq.unreachable(d);
                }
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
    }

    /// An accept of an earlier run of this desk, exactly as the gateway passed it on.
    pub(super) fn accept_restored(&mut self, r: QuoteResponse) {
        let current =
            self.connection.restoring.as_ref().and_then(|restoring| restoring.current.clone());
        let (Some(rfq), Some(dealer)) =
            (r.rfq.clone().filter(|_| r.rfq == current), r.dealer.clone())
        else {
            return tracing::warn!(accept = %r.id, "an accept outside a snapshot was ignored");
        };
        let Some(i) = self.screen.get_mut(&rfq) else { return };
        if i.rfq.sent_before(r.accept(rfq, dealer)) {
            i.rfq.answer_lost();
            i.dirty = true;
        }
    }

    /// The snapshot is complete. An RFQ that is open on screen and not in the snapshot has ended;
    /// for each accept without an answer a question is returned.
    fn restored(&mut self, now: UtcMillis) -> Vec<AppMessage> {
        let Some(Restoring { seen, .. }) = self.connection.restoring.take() else {
            return Vec::new();
        };
        let mut ask = Vec::new();
        let mut ended = Vec::new();
        for (id, i) in self.screen.iter_mut() {
            if let Some((a, s)) = i.rfq.accept.as_ref().filter(|(_, s)| s.in_flight()) {
                tracing::info!(accept = %a.id, state = ?s, "asking what became of an accept");
                ask.push(AppMessage::OrderStatusRequest(status_request(a)));
            } else if !i.rfq.state.ended() && !seen.contains(id) {
                let _ =
                    i.rfq.end(RfqState::Expired, Some("it ended while the desk was away".into()));
                ended.push(id.clone());
            }
            i.dirty = true;
        }
        ended.iter().for_each(|id| self.blot_rfq(id));
        self.close_orphans(&seen);
        self.link(now, |s| s.state = LinkState::Online);
        ask
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
