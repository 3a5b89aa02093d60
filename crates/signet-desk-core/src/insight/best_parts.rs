//! Accepts of a part of a quote on the best-execution page.

use super::Builder;
use signet_fix::message::QuoteResponse;
use signet_rfq::{DealerId, group_digits};

impl Builder<'_> {
    /// What the quote that is accepted was for, when less of it is accepted.
    pub(super) fn part_of(&self, dealer: &DealerId, r: &QuoteResponse) -> Option<String> {
        let quote = self.ladder.get(dealer).filter(|q| q.id == r.quote)?;
        let whole = quote.level(r.side)?.size.min(self.quantity());
        (r.quantity < whole).then(|| group_digits(whole.normalize()))
    }
}
