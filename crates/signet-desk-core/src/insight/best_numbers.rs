//! What the numbers of a best-execution page count.

use crate::insight::timeline::{Said, Timeline};
use signet_fix::message::{AppMessage, SnapshotMark};
use signet_rfq::PriceType;

/// What the numbers of the RFQ count. One that came from a colleague is in a snapshot only.
pub(super) fn asked_in(t: &Timeline) -> PriceType {
    let asked = t.steps.iter().find_map(|s| match &s.said {
        Said::Sent(m) | Said::Heard(m) => match &**m {
            AppMessage::QuoteRequest(q) | AppMessage::Snapshot(SnapshotMark::Rfq(q)) => {
                Some(q.price_type)
            }
            _ => None,
        },
        _ => None,
    });
    asked.unwrap_or_default()
}

/// What a reader of the page must know of its numbers, when they are not prices.
pub(super) fn counted(t: &Timeline) -> Option<String> {
    let of = asked_in(t);
    (of != PriceType::Price).then(|| format!("Its numbers are {}.", of.plural()))
}
