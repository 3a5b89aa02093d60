//! Compares the snapshot after a logon, which is what the gateway holds, with the screen.

use super::{Book, connection::Restoring, rejects::status_request};
use crate::{
    blotter::RowStatus,
    problem::problem,
    view::{BlotterTab, LinkState, NoticeKind},
};
use signet_fix::message::{AppMessage, QuoteRequest, QuoteResponse, SnapshotMark};
use signet_rfq::{Rfq, RfqId, RfqState, UtcMillis};
use std::collections::BTreeSet;

/// What became of an RFQ that a snapshot does not contain follows the snapshot at once; the time in
/// milliseconds after which nothing follows.
const ACCOUNT_MAX_MS: i64 = 1_000;

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
                // Until the gateway repeats them, quotes cannot be traded.
                i.rfq.link_away();
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
        let mut gone = 0;
        for (id, i) in self.screen.iter_mut() {
            if seen.contains(id) {
                gone += i.rfq.repeat_over();
            }
            if let Some((a, s)) = i.rfq.accept.as_ref().filter(|(_, s)| s.in_flight()) {
                tracing::info!(accept = %a.id, state = ?s, "asking what became of an accept");
                ask.push(AppMessage::OrderStatusRequest(status_request(a)));
            } else if !i.rfq.state.ended() && !seen.contains(id) {
                // What became of it follows, if the gateway knows.
                self.connection.unaccounted.insert(id.clone(), now);
            }
            i.dirty = true;
        }
        self.close_orphans(&seen);
        self.link(now, |s| s.state = LinkState::Online);
        self.back(now, gone);
        ask
    }

    /// Ends RFQs that the gateway has neither repeated nor said anything of since: a request that
    /// was never acknowledged did not arrive, and another one ended while the desk was away.
    pub(super) fn settle_unaccounted(&mut self, now: UtcMillis) {
        let waited = |since: &UtcMillis| now.since(*since) >= ACCOUNT_MAX_MS;
        let due: Vec<RfqId> = self
            .connection
            .unaccounted
            .iter()
            .filter(|(_, since)| waited(since))
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            self.connection.unaccounted.remove(&id);
            let Some(i) = self.screen.get_mut(&id) else { continue };
            if i.rfq.state == RfqState::Sent {
                let text = "it did not reach the gateway, and no dealer was asked";
                i.rfq.refuse(text.into());
                i.problem = Some(problem(
                    "rfq.not_sent",
                    "The connection was lost before the gateway had the request: no dealer was \
                        asked.",
                    "Send it again.",
                ));
                let text = "RFQ not sent: the connection was lost first".to_owned();
                i.dirty = true;
                self.notice(NoticeKind::Bad, "rfq.not_sent", text, Some(&id), now);
            } else if !i.rfq.in_flight() && !i.rfq.state.ended() {
                let reason = "it ended while the desk was away".to_owned();
                let _ = i.rfq.end(RfqState::Expired, Some(reason));
                i.dirty = true;
            }
            self.blot_rfq(&id);
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
