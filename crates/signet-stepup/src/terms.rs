//! RFQs and accepts as approval texts name them: one place, so that desk and gateway cannot differ.

use crate::approval::{AcceptTerms, AheadTerms, LimitTerms, RequestTerms};
use rust_decimal::Decimal;
use signet_rfq::{Accept, Ask, Limit, Side, Terms};

/// Without trailing zeros after the point, so that `1.10` and `1.1` are one price.
fn plain(d: Decimal) -> String {
    d.normalize().to_string()
}

impl RequestTerms {
    /// The terms of an RFQ as an approval names them; `ttl_s` is from TransactTime (60) to
    /// ExpireTime (126).
    pub fn of(t: &Terms) -> Self {
        let ask = match t.ask {
            Ask::Buy => "buy",
            Ask::Sell => "sell",
            Ask::TwoWay => "two-way",
        };
        Self {
            rfq: t.id.to_string(),
            instrument: t.instrument.to_string(),
            ask: ask.into(),
            quantity: plain(t.quantity),
            currency: t.currency.clone(),
            settlement: t.settlement_date.clone(),
            ttl_s: plain(Decimal::new(t.expires.since(t.created), 3)),
            dealers: t.dealers.iter().map(ToString::to_string).collect(),
        }
    }
}

impl AcceptTerms {
    /// `terms` are those of the RFQ the accept belongs to.
    pub fn of(a: &Accept, terms: &Terms) -> Self {
        Self {
            rfq: a.rfq.to_string(),
            accept: a.id.to_string(),
            dealer: a.dealer.to_string(),
            quote: a.quote.to_string(),
            instrument: a.instrument.to_string(),
            side: word(a.side).into(),
            price: plain(a.price),
            quantity: plain(a.quantity),
            currency: terms.currency.clone(),
            settlement: terms.settlement_date.clone(),
            limit: a.limit.map(LimitTerms::of),
        }
    }
}

impl LimitTerms {
    fn of(l: Limit) -> Self {
        Self { price: plain(l.price), until_ms: l.until.0.to_string() }
    }
}

impl AheadTerms {
    /// An accept of at most `quantity` of an RFQ of these terms, from any of its dealers.
    pub fn of(terms: &Terms, side: Side, quantity: Decimal, limit: Limit) -> Self {
        Self {
            rfq: terms.id.to_string(),
            instrument: terms.instrument.to_string(),
            side: word(side).into(),
            quantity: plain(quantity),
            currency: terms.currency.clone(),
            settlement: terms.settlement_date.clone(),
            limit: LimitTerms::of(limit),
            dealers: terms.dealers.iter().map(ToString::to_string).collect(),
        }
    }
}

fn word(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for (written, want) in [
            ("1.10", "1.1"),
            ("5000000", "5000000"),
            ("100.000", "100"),
            ("-0.50", "-0.5"),
            ("0.00", "0"),
        ] {
            assert_eq!(plain(written.parse().unwrap()), want);
        }
        assert_eq!(plain(Decimal::new(60_000, 3)), "60");
        assert_eq!(plain(Decimal::new(30_500, 3)), "30.5");
    }
}
