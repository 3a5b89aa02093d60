//! What one message says of how a dealer answers. Pure.

use rust_decimal::Decimal;
use signet_fix::message::{AppMessage, PASSED_BY_TRADER, Response};
use signet_rfq::{
    AcceptId, DealerId, MAX_DEALERS_PER_RFQ, RfqId,
    lifecycle::{Meaning, meaning},
};

/// When the answer of a dealer comes out of a snapshot, its time says little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Live,
    Again,
}

/// What a message says. Times are milliseconds on the venue's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// This desk asked these dealers.
    Asked { rfq: RfqId, dealers: Vec<DealerId>, at_ms: i64 },
    /// This desk accepted a quote of this dealer.
    Accepted { rfq: RfqId, accept: AcceptId, dealer: DealerId, at_ms: i64 },
    /// A dealer made a price, or passed.
    Answered { rfq: RfqId, dealer: DealerId, at_ms: i64, quoted: bool },
    /// A dealer said whether it trades.
    Ended { rfq: RfqId, accept: AcceptId, dealer: DealerId, at_ms: i64, hit: bool },
}

impl Fact {
    /// Of a message of this desk that left.
    pub(super) fn of_sent(m: &AppMessage) -> Option<Self> {
        match m {
            AppMessage::QuoteRequest(q) => {
                let dealers = q.dealers.iter().take(MAX_DEALERS_PER_RFQ).cloned().collect();
                Some(Self::Asked { rfq: q.id.clone(), dealers, at_ms: q.at.0 })
            }
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
                Some(Self::Accepted {
                    rfq: r.rfq.clone()?,
                    accept: r.id.clone(),
                    dealer: r.dealer.clone()?,
                    at_ms: r.at.0,
                })
            }
            _ => None,
        }
    }

    /// Of a message that came, at this moment on the venue's clock.
    pub(super) fn of_heard(m: &AppMessage, at_ms: i64) -> Option<Self> {
        match m {
            AppMessage::Quote(q) => {
                let (rfq, dealer) = (q.rfq.clone(), q.dealer.clone()?);
                Some(Self::Answered { rfq, dealer, at_ms, quoted: true })
            }
            // The trader passed on the dealer: that says nothing of how the dealer answers.
            AppMessage::QuoteRequestReject(r)
                if r.advice.as_ref().is_some_and(|a| a.code == PASSED_BY_TRADER) =>
            {
                None
            }
            AppMessage::QuoteRequestReject(r) => {
                let (rfq, dealer) = (r.rfq.clone(), r.dealer.clone()?);
                Some(Self::Answered { rfq, dealer, at_ms, quoted: false })
            }
            AppMessage::ExecutionReport(e) => {
                let hit = match meaning(e.exec_type, e.status, e.cum_qty > Decimal::ZERO) {
                    _ if e.disputed => return None,
                    Meaning::Execution | Meaning::ExecutedSoFar => true,
                    Meaning::Refused | Meaning::NothingTraded => false,
                    _ => return None,
                };
                let (rfq, _) = e.accept.as_str().rsplit_once(':')?;
                let rfq = RfqId::new(rfq).ok()?;
                let (accept, dealer) = (e.accept.clone(), e.dealer.clone()?);
                Some(Self::Ended { rfq, accept, dealer, at_ms, hit })
            }
            _ => None,
        }
    }
}
