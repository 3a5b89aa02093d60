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

    /// The gateway says on which quote it passed an accept on: with a limit another one than the
    /// accept names, and for another size. It says so again after each logon.
    pub(super) fn passed_on(&mut self, as_sent: &QuoteResponse) {
        let Some((accept, _)) = self.terms.get_mut(as_sent.id.as_str()) else { return };
        let Some(dealer) = accept.dealer.clone().filter(|_| accept.quote != as_sent.quote) else {
            return;
        };
        accept.quote = as_sent.quote.clone();
        let quoted = self.part_of(&dealer, as_sent);
        if let Some(a) = self.accepts.iter_mut().find(|a| a.id == as_sent.id.as_str()) {
            a.quoted = quoted;
        }
    }
}
