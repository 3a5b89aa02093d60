//! What changes with nearly every message about an RFQ that stays open: its quotes, the accept in
//! flight and its next deadline. Only these are counted again then.

use super::{Contribution, Derived, add, take};
use signet_identity::CompId;
use signet_rfq::{DealerId, QuoteId, RfqId};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

/// RFQs by the desk that sees a quote in them, its dealer and its id.
pub(super) type QuoteIndex = BTreeMap<(CompId, DealerId, QuoteId), BTreeSet<RfqId>>;

type QuoteOf = (DealerId, QuoteId);

fn key(desk: &CompId, (dealer, quote): &QuoteOf) -> (CompId, DealerId, QuoteId) {
    (desk.clone(), dealer.clone(), quote.clone())
}

pub(super) fn put_quote(all: &mut QuoteIndex, desk: &CompId, quote: &QuoteOf, rfq: &RfqId) {
    all.entry(key(desk, quote)).or_default().insert(rfq.clone());
}

pub(super) fn take_quote(all: &mut QuoteIndex, desk: &CompId, quote: &QuoteOf, rfq: &RfqId) {
    let key = key(desk, quote);
    if let Some(ids) = all.get_mut(&key) {
        ids.remove(rfq);
        if ids.is_empty() {
            all.remove(&key);
        }
    }
}

impl Contribution {
    /// Whether `is` is of the same RFQ, open before and after and always of one desk, with nothing
    /// changed but what [`Derived::restate`] counts again.
    pub(super) fn goes_on_as(&self, is: &Self) -> bool {
        // Without `..`: a new field is thought of here.
        let Self {
            desk,
            taken,
            former,
            currency,
            open,
            in_flight: _,
            traded,
            quotes: _,
            due: _,
            forget,
            spare,
        } = self;
        let of_one_desk = desk == &is.desk && taken.is_none() && former.is_empty();
        let same = (taken, former, currency, open)
            == (&is.taken, &is.former, &is.currency, &is.open)
            && (traded, forget, spare) == (&is.traded, &is.forget, &is.spare);
        of_one_desk && open.is_some() && same
    }
}

impl Derived {
    /// Counts again what [`Contribution::goes_on_as`] leaves open, and ends where `take` and `put`
    /// would.
    pub(super) fn restate(&mut self, id: &RfqId, share: Contribution) {
        let Some(is) = self.contributions.get_mut(id) else { return };
        let was = mem::replace(is, share);
        let desk = &is.desk;
        // The desk has sums, since the RFQ is open.
        if let Some(sums) = self.desks.get_mut(desk).filter(|_| was.in_flight != is.in_flight) {
            was.in_flight.into_iter().for_each(|q| take(&mut sums.in_flight, &is.currency, q));
            is.in_flight.into_iter().for_each(|q| add(&mut sums.in_flight, &is.currency, q));
        }
        for gone in was.quotes.iter().filter(|quote| !is.quotes.contains(quote)) {
            take_quote(&mut self.quotes, desk, gone, id);
        }
        for new in is.quotes.iter().filter(|quote| !was.quotes.contains(quote)) {
            put_quote(&mut self.quotes, desk, new, id);
        }
        if was.due != is.due {
            if let Some(t) = was.due {
                self.due.remove(&(t, id.clone()));
            }
            self.due.extend(is.due.map(|t| (t, id.clone())));
        }
    }
}
