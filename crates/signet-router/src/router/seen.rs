//! The newest RFQs, as administrators look at them: rows of their own, and not many.

use super::Router;
use rust_decimal::Decimal;
use signet_identity::CompId;
use signet_rfq::{
    AcceptState, Ask, DealerId, Line, LineState, Rfq, RfqId, RfqState, Side, UtcMillis,
};
use std::collections::HashSet;

/// One that has ended is shown so long.
const ENDED_SHOWN_MS: i64 = 15 * 60_000;

/// An RFQ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in Terms and Rfq")]
pub struct RfqSeen {
    pub desk: CompId,
    /// As its desk names it.
    pub id: RfqId,
    /// As its dealers do.
    pub called: RfqId,
    pub instrument: String,
    pub ask: Ask,
    pub quantity: Decimal,
    pub currency: String,
    pub state: RfqState,
    pub created: UtcMillis,
    pub expires: UtcMillis,
    pub lines: Vec<LineSeen>,
    /// Why it was refused or ended, in the words of whoever ended it.
    pub reason: Option<String>,
}

/// One dealer's part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSeen {
    /// Whose part it is.
    pub dealer: DealerId,
    /// `asked`, `quoted`, `withdrawn`, `unreachable`, `expired`, `passed`, `rejected`, `accepted`
    /// or `filled`.
    pub state: &'static str,
    /// What the trader would pay or get: of two sides both.
    pub prices: Vec<Decimal>,
    /// When the last quote came.
    pub quoted_at: Option<UtcMillis>,
}

impl Router {
    /// Open RFQs and those that ended a short while ago, newest first and not more than `limit`;
    /// whether there may be more. Looks at the newest of the gateway only.
    pub fn newest(&self, now: UtcMillis, limit: usize) -> (Vec<RfqSeen>, bool) {
        let (mut rows, mut known) = (Vec::new(), HashSet::new());
        for id in self.rfqs.newest() {
            let Some(e) = self.rfqs.get(id).filter(|_| known.insert(id)) else { continue };
            let shown = match e.ended_at {
                Some(at) => now.since(at) < ENDED_SHOWN_MS,
                None => !e.rfq.state.ended(),
            };
            if !shown {
                continue;
            }
            if rows.len() >= limit {
                return (rows, true);
            }
            rows.push(row(&e.desk, &e.rfq, self.called(id)));
        }
        let alive = rows.iter().filter(|r: &&RfqSeen| !r.state.ended()).count();
        (rows, self.rfqs.alive_count() > alive)
    }

    /// Every RFQ that has not ended, by the gateway's id.
    pub fn open(&self) -> impl Iterator<Item = (&RfqId, &Rfq)> {
        self.rfqs.alive().map(|(id, e)| (id, &e.rfq))
    }

    /// When the RFQ was made that the gateway calls so, if it is remembered. Once it is forgotten,
    /// its desk may give its id to another one.
    pub fn made_at(&self, id: &RfqId) -> Option<UtcMillis> {
        self.rfqs.get(id).map(|e| e.rfq.terms.created)
    }

    /// The open RFQ that the gateway calls so, with the desk that has it.
    pub fn open_with_id(&self, id: &RfqId) -> Option<(&CompId, &Rfq)> {
        let e = self.rfqs.get(id).filter(|e| !e.rfq.state.ended())?;
        Some((&e.desk, &e.rfq))
    }

    /// The open RFQ that a desk has, or had until another one took it over, and called `own`: with
    /// the desk that has it now.
    pub fn open_as(&self, desk: &CompId, own: &RfqId) -> Option<(&CompId, &Rfq)> {
        let id = self.find(desk, own).or_else(|| self.rfqs.formerly(desk, own).cloned())?;
        self.open_with_id(&id)
    }

    /// The desks that have an RFQ which has not ended.
    pub fn desks_with_open(&self) -> impl Iterator<Item = &CompId> {
        self.rfqs.desks_alive()
    }

    /// How many RFQs of a desk have not ended.
    pub fn open_count(&self, desk: &CompId) -> usize {
        self.rfqs.open_count(desk)
    }
}

fn row(desk: &CompId, rfq: &Rfq, called: RfqId) -> RfqSeen {
    let t = &rfq.terms;
    RfqSeen {
        desk: desk.clone(),
        id: t.id.clone(),
        called,
        instrument: t.instrument.to_string(),
        ask: t.ask,
        quantity: t.quantity,
        currency: t.currency.clone(),
        state: rfq.state,
        created: t.created,
        expires: rfq.expires(),
        lines: rfq.lines.iter().map(|l| line(rfq, l)).collect(),
        reason: rfq.reason.clone(),
    }
}

fn line(rfq: &Rfq, l: &Line) -> LineSeen {
    let accepted = rfq.accept.as_ref().is_some_and(|(a, state)| {
        a.dealer == l.dealer && state.in_flight() && *state != AcceptState::Armed
    });
    let state = match &l.state {
        LineState::Traded => "filled",
        _ if accepted => "accepted",
        LineState::Asked => "asked",
        LineState::Quoted => "quoted",
        LineState::Withdrawn => "withdrawn",
        LineState::Unreachable | LineState::NotRepeated => "unreachable",
        LineState::Expired => "expired",
        LineState::Passed(_) => "passed",
        LineState::Rejected(_) => "rejected",
        LineState::TurnedDown(_) => "passed by the trader",
        LineState::Countered => "countered",
        LineState::CounterOver => "counter over",
    };
    let sides: &[Side] = match rfq.terms.ask {
        Ask::Buy => &[Side::Buy],
        Ask::Sell => &[Side::Sell],
        Ask::TwoWay => &[Side::Sell, Side::Buy],
    };
    let level = |s: &Side| l.quote.as_ref().and_then(|q| q.level(*s)).map(|level| level.price);
    LineSeen {
        dealer: l.dealer.clone(),
        state,
        prices: sides.iter().filter_map(level).collect(),
        quoted_at: l.quote.as_ref().map(|_| l.quoted_at),
    }
}

#[cfg(test)]
#[path = "seen_tests.rs"]
mod tests;
