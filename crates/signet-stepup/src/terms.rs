//! RFQs and accepts as approval texts name them: one place, so that desk and gateway cannot differ.

use crate::approval::{AcceptTerms, Action, AheadTerms, LimitTerms, RequestTerms};
use rust_decimal::Decimal;
use signet_rfq::{Accept, Ask, Leg, Limit, PriceType, Side, StatedLeg, Terms};

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
            min_quantity: t.min_quantity.map(plain),
            currency: t.currency.clone(),
            settlement: t.settlement_date.clone(),
            price_type: stated(t),
            legs: t.legs.iter().map(|l| leg_line(l, asked_side(t.ask), None)).collect(),
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
            price_type: stated(terms),
            legs: accepted_legs(a, terms),
            limit: a.limit.map(LimitTerms::of),
        }
    }
}

impl Action {
    /// Whether this version knows what its numbers count. One that does not would show them to a
    /// person as prices.
    pub fn counts_what_is_known(&self) -> bool {
        let of = match self {
            Self::Request(t) => &t.price_type,
            Self::Accept(t) => &t.price_type,
            Self::Ahead(t) => &t.price_type,
            Self::Session(_) | Self::RegisterKey { .. } => return true,
        };
        of.as_deref().is_none_or(|of| PriceType::read(of).is_some())
    }
}

/// A plain price is approved without a word of its type.
fn stated(t: &Terms) -> Option<String> {
    t.price_type.stated().map(|_| t.price_type.to_string())
}

/// A request for both sides names the legs as they are when the package is bought.
fn asked_side(ask: Ask) -> Side {
    match ask {
        Ask::Buy | Ask::TwoWay => Side::Buy,
        Ask::Sell => Side::Sell,
    }
}

/// A line for each leg of the package, and for each leg of the accept: one that is in excess, or
/// that is not what was asked for, is a line that nobody approved.
fn accepted_legs(a: &Accept, terms: &Terms) -> Vec<String> {
    let most = terms.legs.len().max(a.legs.len());
    let line = |i: usize| match (terms.legs.get(i), a.legs.get(i)) {
        (Some(leg), Some(stated)) if as_asked(leg, stated) => {
            leg_line(leg, a.side, stated.agreed())
        }
        _ => "not a leg of this package".into(),
    };
    (0..most).map(line).collect()
}

fn as_asked(leg: &Leg, stated: &StatedLeg) -> bool {
    let plain = StatedLeg { bid: None, offer: None, last: None, ..stated.clone() };
    plain == StatedLeg::of(leg) && stated.agreed().is_some()
}

/// One leg, from the trader's side when the package is traded on `side`. The instrument stands at
/// the end, because its id may hold any word.
fn leg_line(leg: &Leg, side: Side, price: Option<Decimal>) -> String {
    let at = price.map_or_else(String::new, |p| format!(" at {}", plain(p)));
    format!(
        "{} {} settling {} ratio {}{at} of {}",
        word(leg.side_in(side)),
        plain(leg.quantity),
        leg.settlement_date,
        plain(leg.ratio),
        leg.instrument
    )
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
            price_type: stated(terms),
            legs: terms.legs.iter().map(|l| leg_line(l, side, None)).collect(),
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

    fn package() -> (Terms, Accept) {
        let leg = |id: &str, side, ratio: i64| Leg {
            instrument: signet_rfq::InstrumentId::new(id).unwrap(),
            side,
            ratio: ratio.into(),
            quantity: (ratio * 5_000_000).into(),
            settlement_date: "20261124".into(),
        };
        let legs = vec![leg("A 1", Side::Buy, 1), leg("B", Side::Sell, 2), leg("C", Side::Buy, 1)];
        let terms = Terms {
            min_quantity: None,
            price_type: signet_rfq::PriceType::Price,
            id: signet_rfq::RfqId::new("R1").unwrap(),
            instrument: signet_rfq::InstrumentId::package(),
            ask: Ask::TwoWay,
            quantity: 20_000_000.into(),
            currency: "EUR".into(),
            settlement_date: "20261124".into(),
            dealers: vec![signet_rfq::DealerId::new("N").unwrap()],
            expires: signet_rfq::UtcMillis(60_000),
            created: signet_rfq::UtcMillis(0),
            legs,
        };
        let agreed = |l: &Leg| match l.side.opposite() {
            Side::Buy => StatedLeg { offer: Some("100.20".parse().unwrap()), ..StatedLeg::of(l) },
            Side::Sell => StatedLeg { bid: Some("99".parse().unwrap()), ..StatedLeg::of(l) },
        };
        let accept = Accept {
            part_of: None,
            id: signet_rfq::AcceptId::new("R1:1").unwrap(),
            rfq: terms.id.clone(),
            dealer: terms.dealers[0].clone(),
            quote: signet_rfq::QuoteId::new("q").unwrap(),
            instrument: terms.instrument.clone(),
            side: Side::Sell,
            price: "-2.4".parse().unwrap(),
            quantity: terms.quantity,
            limit: None,
            legs: terms.legs.iter().map(agreed).collect(),
        };
        (terms, accept)
    }

    #[test]
    fn every_leg_is_a_line_from_the_traders_side() {
        let (mut terms, accept) = package();
        let bought = [
            "buy 5000000 settling 20261124 ratio 1 of A 1",
            "sell 10000000 settling 20261124 ratio 2 of B",
            "buy 5000000 settling 20261124 ratio 1 of C",
        ];
        assert_eq!(RequestTerms::of(&terms).legs, bought);
        assert_eq!(
            AcceptTerms::of(&accept, &terms).legs,
            [
                "sell 5000000 settling 20261124 ratio 1 at 99 of A 1",
                "buy 10000000 settling 20261124 ratio 2 at 100.2 of B",
                "sell 5000000 settling 20261124 ratio 1 at 99 of C",
            ]
        );
        terms.ask = Ask::Sell;
        assert!(RequestTerms::of(&terms).legs[0].starts_with("sell 5000000"));
    }

    fn limit(price: &str) -> Option<Limit> {
        let price = price.parse().unwrap();
        Some(Limit { price, until: signet_rfq::UtcMillis(50_000) })
    }

    /// The package at other prices of its legs: net 99 - 2 * `belly` + 99.
    fn at_belly(a: &Accept, belly: &str) -> Accept {
        let mut other = a.clone();
        let belly = belly.parse::<Decimal>().unwrap();
        other.legs[1].offer = Some(belly);
        other.price = Decimal::from(198) - Decimal::TWO * belly;
        other.quote = signet_rfq::QuoteId::new("q2").unwrap();
        other
    }

    #[test]
    fn a_limit_of_a_package_is_the_net_price_and_lets_no_leg_change() {
        let (terms, accept) = package();
        // The package is sold: -2.5 is the worst that is agreed to.
        let limited = Accept { limit: limit("-2.5"), ..accept };
        let approved = AcceptTerms::of(&limited, &terms);
        let ahead = AheadTerms::of(&terms, Side::Sell, terms.quantity, limited.limit.unwrap());
        for (belly, within) in
            [("100.2", true), ("100.1", true), ("100.25", true), ("100.255", false)]
        {
            let other = AcceptTerms::of(&at_belly(&limited, belly), &terms);
            assert_eq!(approved.covers(&other), within, "{belly}");
            assert_eq!(ahead.covers(&other), within, "{belly} ahead");
        }
        for change in [
            (|a: &mut Accept| a.legs.swap(0, 2)) as fn(&mut Accept),
            |a| a.legs[1].ratio = Some(1.into()),
            |a| a.legs[1].quantity = Some(1.into()),
            |a| a.legs[1].side = Some(Side::Buy),
            |a| a.legs[0].settlement_date = Some("20261125".into()),
            |a| a.legs[0].instrument = signet_rfq::InstrumentId::new("D").unwrap(),
            |a| a.legs[1].offer = None,
            |a| drop(a.legs.pop()),
            |a| a.legs.push(a.legs[0].clone()),
            |a| a.legs.clear(),
            |a| a.side = Side::Buy,
            |a| a.quantity = 10_000_000.into(),
            // Within the limit, but not the sum of its legs.
            |a| a.price = "-2".parse().unwrap(),
        ] {
            let mut other = at_belly(&limited, "100.1");
            change(&mut other);
            let other = AcceptTerms::of(&other, &terms);
            assert!(!approved.covers(&other), "{other:?}");
            assert!(!ahead.covers(&other), "ahead: {other:?}");
        }
        // The same legs of other terms: what was asked for is what is approved.
        for change in [
            (|t: &mut Terms| t.legs.swap(0, 2)) as fn(&mut Terms),
            |t| t.legs[1].ratio = 1.into(),
            |t| t.legs[0].side = Side::Sell,
            |t| drop(t.legs.pop()),
            |t| t.legs.clear(),
        ] {
            let mut other = terms.clone();
            change(&mut other);
            let of = AheadTerms::of(&other, Side::Sell, terms.quantity, limit("-2.5").unwrap());
            assert!(!of.covers(&AcceptTerms::of(&limited, &terms)), "{of:?}");
        }
    }

    #[test]
    fn whatever_is_changed_in_a_leg_changes_the_text() {
        let (terms, accept) = package();
        let good = AcceptTerms::of(&accept, &terms);
        for change in [
            (|a: &mut Accept| a.legs[1].offer = Some("100.3".parse().unwrap())) as fn(&mut Accept),
            |a| a.legs[1].quantity = Some(1.into()),
            |a| a.legs[1].side = Some(Side::Buy),
            |a| a.legs[1].settlement_date = None,
            |a| a.legs[1].offer = None,
            |a| a.legs.swap(0, 2),
            |a| drop(a.legs.pop()),
            |a| a.legs.push(a.legs[0].clone()),
            |a| a.legs.clear(),
            |a| a.side = Side::Buy,
        ] {
            let mut other = accept.clone();
            change(&mut other);
            assert_ne!(AcceptTerms::of(&other, &terms), good, "{other:?}");
            assert!(!good.covers(&AcceptTerms::of(&other, &terms)));
        }
    }
}
