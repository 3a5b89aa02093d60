//! Whether another dealer had a better price when one was accepted, and why the trader took it.

use crate::{problem::problem, view::Problem};
use signet_rfq::{Accept, AcceptId, Best, Rfq, UtcMillis, best};
use std::collections::{HashMap, VecDeque};

/// Accepts that are remembered until their trade is reported; the oldest are dropped.
const CHOICES_MAX: usize = 1_000;
/// Characters of a reason.
const REASON_MAX: usize = 500;

/// The better price that another dealer had for at least the same quantity at that moment; `None`
/// when none had. `arrival_ms` is the time that an accept needs: a quote that it could not have
/// reached was not to be had.
pub(crate) fn better(r: &Rfq, a: &Accept, at: UtcMillis, arrival_ms: i64) -> Option<Best> {
    let quotes = r.lines.iter().filter_map(|l| l.live_quote(at));
    let best = best(r.direction(), quotes, a.side, a.quantity, at, arrival_ms)?;
    let other = best.price != a.price && !best.dealers.contains(&a.dealer);
    other.then_some(best)
}

/// The better prices that stood beside accepts, as the blotter shows them.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    better: HashMap<AcceptId, String>,
    order: VecDeque<AcceptId>,
}

impl Choices {
    /// An accept left while another dealer had this price.
    pub(crate) fn note(&mut self, accept: AcceptId, words: String) {
        if self.order.len() >= CHOICES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.better.remove(&oldest);
        }
        if self.better.insert(accept.clone(), words).is_none() {
            self.order.push_back(accept);
        }
    }

    /// The better price that stood beside an accept, in words.
    pub(crate) fn words(&self, accept: &str) -> Option<&str> {
        let id = AcceptId::new(accept).ok()?;
        self.better.get(&id).map(String::as_str)
    }
}

/// A reason as it is kept: one line, and not longer than is read.
pub(crate) fn reason(text: &str) -> Result<String, Problem> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let bad = |message: &str, cure: &str| Err(problem("reason.unusable", message, cure));
    match line.chars().count() {
        0 => bad("No reason was typed.", "Type why this price was taken."),
        n if n > REASON_MAX => bad("The reason is too long.", "Write at most 500 characters."),
        _ if line.chars().any(char::is_control) => {
            bad("The reason has a character that cannot be shown.", "Type it again.")
        }
        _ => Ok(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;
    use signet_rfq::{Ask, DealerId, InstrumentId, Level, Quote, QuoteId, RfqId, Side, Terms};

    fn dealer(d: &str) -> DealerId {
        DealerId::new(d).unwrap()
    }

    fn rfq(ask: Ask) -> Rfq {
        let mut r = Rfq::new(Terms {
            min_quantity: None,
            price_type: signet_rfq::PriceType::Price,
            legs: vec![],
            id: RfqId::new("R1").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            ask,
            quantity: Decimal::TEN,
            currency: "EUR".into(),
            settlement_date: "20261201".into(),
            dealers: ["A", "B", "C"].map(dealer).into(),
            expires: UtcMillis(60_000),
            created: UtcMillis(0),
        });
        r.acknowledge();
        r
    }

    fn quote(r: &mut Rfq, d: &str, price: i64, size: i64, until: i64, tradeable: bool) {
        let level = Some(Level { price: price.into(), size: size.into() });
        let (bid, offer) = match r.terms.ask {
            Ask::Sell => (level, None),
            _ => (None, level),
        };
        let id = QuoteId::new(format!("q{price}")).unwrap();
        let valid_until = UtcMillis(until);
        let q = Quote { legs: vec![], id, dealer: dealer(d), bid, offer, valid_until, tradeable };
        r.quote(q, UtcMillis(1)).unwrap();
    }

    fn accept(r: &Rfq, side: Side, price: i64) -> Accept {
        Accept {
            part_of: None,
            legs: vec![],
            id: AcceptId::new("R1:1").unwrap(),
            rfq: r.terms.id.clone(),
            dealer: dealer("A"),
            quote: QuoteId::new("q").unwrap(),
            instrument: r.terms.instrument.clone(),
            side,
            price: price.into(),
            quantity: Decimal::TEN,
            limit: None,
        }
    }

    #[test]
    fn only_a_price_that_was_to_be_had_is_a_better_one() {
        // What B quotes (price, size, until when, tradeable), beside 100 of A.
        for (ask, side, b, want) in [
            (Ask::Buy, Side::Buy, (99, 10, 50_000, true), Some(99)),
            (Ask::Buy, Side::Buy, (101, 10, 50_000, true), None),
            (Ask::Buy, Side::Buy, (100, 10, 50_000, true), None),
            (Ask::Buy, Side::Buy, (99, 9, 50_000, true), None),
            (Ask::Buy, Side::Buy, (99, 10, 50_000, false), None),
            // It ends before an accept can arrive.
            (Ask::Buy, Side::Buy, (99, 10, 5_100, true), None),
            (Ask::Sell, Side::Sell, (101, 10, 50_000, true), Some(101)),
            (Ask::Sell, Side::Sell, (99, 10, 50_000, true), None),
        ] {
            let mut r = rfq(ask);
            quote(&mut r, "A", 100, 10, 50_000, true);
            quote(&mut r, "B", b.0, b.1, b.2, b.3);
            let found = better(&r, &accept(&r, side, 100), UtcMillis(5_000), 200);
            assert_eq!(found.map(|f| f.price), want.map(Decimal::from), "{side:?} {b:?}");
        }
    }

    #[test]
    fn a_reason_is_one_line_that_somebody_reads() {
        for (text, want) in [
            ("  credit line \n with B  ", Some("credit line with B")),
            ("", None),
            (" \t\n", None),
            ("bell \u{7}", None),
        ] {
            assert_eq!(reason(text).ok().as_deref(), want, "{text:?}");
        }
        assert!(reason(&"x".repeat(REASON_MAX)).is_ok());
        assert_eq!(reason(&"x".repeat(REASON_MAX + 1)).unwrap_err().code, "reason.unusable");
    }

    #[test]
    fn the_oldest_choice_is_dropped() {
        let mut c = Choices::default();
        for n in 0..=CHOICES_MAX {
            let id = AcceptId::new(format!("R:{n}")).unwrap();
            c.note(id, format!("w{n}"));
        }
        assert_eq!((c.words("R:0"), c.words("R:1")), (None, Some("w1")));
        assert_eq!((c.better.len(), c.order.len()), (CHOICES_MAX, CHOICES_MAX));
    }
}
