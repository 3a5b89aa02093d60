//! Signed quotes that may still be accepted. There are many, so only the accepted ones are written
//! down.

use super::forgotten;
use crate::clock::UtcMicros;
use rustls_pki_types::CertificateDer;
use signet_rfq::{DealerId, QuoteId, RfqId, UtcMillis};
use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

/// Quotes of one dealer that are remembered; the oldest give way.
const MAX_QUOTES_PER_DEALER: usize = 4_096;

#[derive(Debug)]
pub(super) struct SignedQuote {
    pub at: UtcMicros,
    pub frame: Box<[u8]>,
    pub certificate: Rc<CertificateDer<'static>>,
    /// It is written down already.
    pub kept: Cell<bool>,
    valid_until: UtcMillis,
}

/// A quote by its RFQ, by the gateway's id, and its own id: that alone may be in two RFQs.
type Name = (RfqId, QuoteId);

#[derive(Debug, Default)]
struct OfDealer {
    by_id: BTreeMap<Name, SignedQuote>,
    order: VecDeque<Name>,
}

#[derive(Debug, Default)]
pub(super) struct Quotes(BTreeMap<DealerId, OfDealer>);

impl Quotes {
    pub fn remember(
        &mut self,
        dealer: &DealerId,
        name: Name,
        valid_until: UtcMillis,
        frame: &[u8],
        certificate: Rc<CertificateDer<'static>>,
        now: UtcMicros,
    ) {
        let d = self.0.entry(dealer.clone()).or_default();
        // Another quote under the same name: the router takes the latest, and so does the evidence.
        if d.by_id.remove(&name).is_some() {
            d.order.retain(|n| n != &name);
        }
        while d.order.len() >= MAX_QUOTES_PER_DEALER || d.oldest_is_over(now.millis()) {
            if let Some(gone) = d.order.pop_front() {
                d.by_id.remove(&gone);
            }
        }
        d.order.push_back(name.clone());
        d.by_id.insert(
            name,
            SignedQuote {
                at: now,
                frame: frame.into(),
                certificate,
                kept: Cell::new(false),
                valid_until,
            },
        );
    }

    pub fn of(&self, dealer: &DealerId, rfq: &RfqId, id: &QuoteId) -> Option<&SignedQuote> {
        self.0.get(dealer)?.by_id.get(&(rfq.clone(), id.clone()))
    }
}

impl OfDealer {
    fn oldest_is_over(&self, now: UtcMillis) -> bool {
        self.order
            .front()
            .and_then(|id| self.by_id.get(id))
            .is_some_and(|q| forgotten(q.valid_until, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_quotes_are_there_and_no_more_than_so_many() {
        let (north, certificate) =
            (DealerId::new("NORTH").unwrap(), Rc::new(CertificateDer::from(vec![1])));
        let rfq = || RfqId::new("ALICE.R1").unwrap();
        let id = |n: usize| QuoteId::new(format!("q{n}")).unwrap();
        let mut q = Quotes::default();
        let put = |q: &mut Quotes, n: usize, until: i64, now: i64| {
            q.remember(
                &north,
                (rfq(), id(n)),
                UtcMillis(until),
                n.to_string().as_bytes(),
                certificate.clone(),
                UtcMicros(now * 1_000),
            );
        };
        for n in 0..=MAX_QUOTES_PER_DEALER {
            put(&mut q, n, 1_000, 0);
        }
        assert!(q.of(&north, &rfq(), &id(0)).is_none() && q.of(&north, &rfq(), &id(1)).is_some());
        assert_eq!(&*q.of(&north, &rfq(), &id(MAX_QUOTES_PER_DEALER)).unwrap().frame, b"4096");
        // The same id again: the latest is the one that can be accepted.
        q.remember(
            &north,
            (rfq(), id(1)),
            UtcMillis(1_000),
            b"another",
            certificate.clone(),
            UtcMicros(0),
        );
        assert_eq!(&*q.of(&north, &rfq(), &id(1)).unwrap().frame, b"another");
        // The same id in another RFQ is another quote.
        let other = RfqId::new("ALICE.R2").unwrap();
        assert!(q.of(&north, &other, &id(1)).is_none());
        q.remember(
            &north,
            (other.clone(), id(1)),
            UtcMillis(1_000),
            b"of R2",
            certificate.clone(),
            UtcMicros(0),
        );
        assert_eq!(&*q.of(&north, &rfq(), &id(1)).unwrap().frame, b"another");
        assert_eq!(&*q.of(&north, &other, &id(1)).unwrap().frame, b"of R2");
        // Long over: forgotten when the next one comes.
        put(&mut q, 9_999, 200_000, 100_000);
        assert_eq!(q.0[&north].by_id.len(), 1);
        assert!(q.of(&DealerId::new("EAST").unwrap(), &rfq(), &id(9_999)).is_none());
    }
}
