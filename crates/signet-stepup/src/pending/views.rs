//! Views of the pending approvals.

use super::{ApprovalStep, Held, HeldId, Matter, PendingApprovals, latest_end};
use crate::asking::AskedBy;
use signet_fix::{
    AppMessage,
    message::{QuoteRequest, QuoteResponse, QuoteStatusReport, RfqStatus},
};
use signet_identity::CompId;
use signet_rfq::{AcceptId, RfqId, UtcMillis};

impl PendingApprovals {
    /// What asked for the touch of a matter; of one that does not wait nothing is known.
    pub fn asked_by(&self, held: HeldId) -> AskedBy {
        self.held.get(&held).map(|h| h.by.clone()).unwrap_or_default()
    }

    /// Accepts that wait, to be checked again, as their quotes may be gone.
    pub fn accepts(&self) -> impl Iterator<Item = (HeldId, &CompId, &AppMessage)> {
        self.held.iter().filter_map(|(id, h)| match &h.what {
            Matter::Message(m @ AppMessage::QuoteResponse(_)) => Some((*id, &h.desk, m)),
            _ => None,
        })
    }

    /// Requests and accepts that wait.
    pub fn messages(&self) -> impl Iterator<Item = (HeldId, &CompId, &AppMessage)> {
        self.held.iter().filter_map(|(id, h)| match &h.what {
            Matter::Message(m) => Some((*id, &h.desk, m)),
            _ => None,
        })
    }

    /// RFQs of this desk that wait, each with its latest end: they belong in its snapshot.
    pub fn requests(&self, desk: &CompId) -> Vec<(QuoteRequest, UtcMillis)> {
        let mine = self.held.values().filter(|h| &h.desk == desk);
        mine.filter_map(|h| match &h.what {
            Matter::Message(AppMessage::QuoteRequest(q)) => {
                Some((q.clone(), latest_end(q, h.deadline)))
            }
            _ => None,
        })
        .collect()
    }

    /// The trader ends an RFQ that waits; `false` when none of this id does.
    pub fn cancelled(&mut self, desk: &CompId, rfq: &RfqId) -> Option<Vec<ApprovalStep>> {
        let of = |h: &Held| {
            &h.desk == desk
                && matches!(&h.what, Matter::Message(AppMessage::QuoteRequest(q)) if &q.id == rfq)
        };
        let instrument = self.held.values().find(|h| of(h)).and_then(|h| match &h.what {
            Matter::Message(AppMessage::QuoteRequest(q)) => Some(q.instrument.clone()),
            _ => None,
        })?;
        self.end(of, "you ended the RFQ");
        let report = QuoteStatusReport::of_rfq(rfq.clone(), instrument, RfqStatus::Cancelled, None);
        self.out.push(ApprovalStep::Tell(desk.clone(), AppMessage::QuoteStatusReport(report)));
        Some(self.done())
    }

    /// An accept of this desk that waits.
    pub fn accept(&self, desk: &CompId, id: &AcceptId) -> Option<&QuoteResponse> {
        self.held.values().find_map(|held| match &held.what {
            Matter::Message(AppMessage::QuoteResponse(r)) if &held.desk == desk && &r.id == id => {
                Some(r)
            }
            _ => None,
        })
    }
}
