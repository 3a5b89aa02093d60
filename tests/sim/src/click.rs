//! What the trader agreed to, and what dealers executed of it.

use crate::{
    check::{Violation, broken},
    orders::Fill,
    rules::needs_touch,
};
use rust_decimal::Decimal;
use signet_fix::message::QuoteResponse;
use signet_rfq::{Direction, Limit, Side, StatedLeg, UtcMillis};
use signet_stepup::AheadTerms;
use std::collections::{BTreeMap, BTreeSet};

/// An accept that the trader confirmed.
#[derive(Debug, Clone)]
pub(crate) struct Click {
    pub id: String,
    pub rfq: String,
    pub dealer: String,
    quote: String,
    side: Side,
    price: Decimal,
    pub quantity: Decimal,
    pub legs: Vec<StatedLeg>,
    /// Which later quotes of the dealer it agrees to.
    limit: Option<Limit>,
    pub at: i64,
    /// ValidUntilTime (62) of the accept, on the gateway's clock.
    pub deadline: Option<UtcMillis>,
    /// The connection over which it left.
    pub connection: Option<u32>,
    /// The session took it; otherwise the trader was told that it was not sent.
    pub sent: bool,
    /// It is of a row of a list.
    pub listed: bool,
    /// It takes less than its quote is for.
    pub part: bool,
}

impl Click {
    pub(crate) fn of(rfq: &str, r: &QuoteResponse, at: i64) -> Self {
        Self {
            id: r.id.to_string(),
            rfq: rfq.into(),
            dealer: r.dealer.as_ref().map(ToString::to_string).unwrap_or_default(),
            quote: r.quote.to_string(),
            side: r.side,
            price: r.price,
            quantity: r.quantity,
            legs: r.legs.clone(),
            limit: r.limit,
            at,
            deadline: r.deadline,
            connection: None,
            sent: false,
            listed: false,
            part: false,
        }
    }

    /// Whether an execution is of what the trader agreed to.
    fn agrees_to(&self, dealer: &str, f: &Fill) -> bool {
        let same = self.quote == f.quote && self.price == f.price;
        let within = self.limit.is_some_and(|l| l.allows(Direction::Price, self.side, f.price));
        let terms = self.side == f.side && self.quantity == f.of && self.dealer == dealer;
        let legs = match same {
            true => self.legs == f.legs,
            false => self.legs_but_for_prices(f),
        };
        terms && (same || within) && legs
    }

    /// Every leg of the package was executed as it was agreed to, at prices that make the net
    /// price.
    fn legs_but_for_prices(&self, f: &Fill) -> bool {
        let plain = |l: &StatedLeg| StatedLeg { bid: None, offer: None, ..l.clone() };
        let sides = |l: &StatedLeg| (l.bid.is_some(), l.offer.is_some());
        let same = self.legs.iter().map(plain).eq(f.legs.iter().map(plain))
            && self.legs.iter().map(sides).eq(f.legs.iter().map(sides));
        let net = f.legs.iter().map(|l| {
            let price = l.ratio.unwrap_or_default() * l.agreed().unwrap_or_default();
            if l.side == Some(Side::Buy) { price } else { -price }
        });
        same && (f.legs.is_empty() || net.sum::<Decimal>() == f.price)
    }

    pub(crate) fn needs_touch(&self) -> bool {
        needs_touch(&self.dealer, self.quantity)
    }
}

/// An accept to come that the trader approved with a key.
#[derive(Debug, Clone)]
pub(crate) struct Ahead {
    rfq: String,
    side: Side,
    /// The worst price.
    limit: Decimal,
    /// The most.
    quantity: Decimal,
    /// The connection over which the touch left: the approval ends with it.
    connection: Option<u32>,
    /// The accept that went on by it.
    used: Option<String>,
}

impl Ahead {
    pub(crate) fn of(t: &AheadTerms) -> Self {
        let number = |text: &str| text.parse().unwrap_or_default();
        Self {
            rfq: t.rfq.clone(),
            side: if t.side == "buy" { Side::Buy } else { Side::Sell },
            limit: number(&t.limit.price),
            quantity: number(&t.quantity),
            connection: None,
            used: None,
        }
    }

    /// The touch left over this connection.
    pub(crate) fn over(self, connection: Option<u32>) -> Self {
        Self { connection, ..self }
    }

    fn covers(&self, click: &Click, r: &QuoteResponse) -> bool {
        let within = match self.side {
            Side::Buy => r.price <= self.limit,
            Side::Sell => r.price >= self.limit,
        };
        let same = self.rfq == click.rfq && self.side == r.side;
        let unused = self.used.as_ref().is_none_or(|id| *id == click.id);
        let there = self.connection.is_some() && self.connection == click.connection;
        same && within && r.quantity <= self.quantity && there && unused
    }
}

/// Whether an accept that reached a dealer was approved ahead, by what no other accept has used.
pub(crate) fn was_ahead(all: &mut [Ahead], click: &Click, r: &QuoteResponse) -> bool {
    match all.iter_mut().find(|a| a.covers(click, r)) {
        Some(ahead) => {
            ahead.used = Some(click.id.clone());
            true
        }
        None => false,
    }
}

/// What dealers executed.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    /// Accepts of which something was.
    pub accepts: BTreeSet<String>,
    rfqs: BTreeSet<String>,
    /// How much of each accept.
    executed: BTreeMap<String, Decimal>,
    /// How much of all, which no bust makes less.
    pub total: Decimal,
}

impl Filled {
    /// A dealer executes; `id`: the accept as its desk calls it.
    pub(crate) fn take(
        &mut self,
        clicks: &BTreeMap<String, Click>,
        (dealer, id): (&str, &str),
        f: &Fill,
    ) -> Result<(), Violation> {
        let Some(c) = clicks.get(id) else {
            let words = format!("{dealer} filled {id}, which nobody clicked");
            return Err(broken("fill.unclicked", words));
        };
        if !f.rest && !self.accepts.insert(id.to_owned()) {
            return Err(broken("accept.doubled", format!("{dealer} filled {id} twice")));
        }
        if !f.rest && !self.rfqs.insert(c.rfq.clone()) {
            return Err(broken("accept.doubled", format!("{} traded twice", c.rfq)));
        }
        if !c.agrees_to(dealer, f) {
            let words = format!("{dealer} filled {f:?}; clicked: {c:?}");
            return Err(broken("fill.other_terms", words));
        }
        let sum = self.executed.entry(id.to_owned()).or_default();
        *sum += f.quantity;
        if *sum > c.quantity {
            let words = format!("{dealer} filled {sum} of {id}, of {}", c.quantity);
            return Err(broken("fill.too_much", words));
        }
        self.total += f.quantity;
        Ok(())
    }

    /// A dealer executes what the colleague accepted; `id`: the accept as the gateway calls it, by
    /// the RFQ of whoever asked, `taken`: the trader's RFQs that the colleague has, and since when.
    pub(crate) fn by_colleague(
        &mut self,
        taken: &BTreeMap<String, i64>,
        (dealer, id): (&str, &str),
        f: &Fill,
    ) -> Result<(), Violation> {
        let of = id.split_once('.').and_then(|(_, id)| id.split_once(":~")).map(|(rfq, _)| rfq);
        let Some((rfq, _)) = of.and_then(|rfq| taken.get_key_value(rfq)) else {
            let words = format!("{dealer} filled {id}, of an RFQ that the colleague does not have");
            return Err(broken("handover.not_owner", words));
        };
        if !f.rest && !self.rfqs.insert(rfq.clone()) {
            return Err(broken("accept.doubled", format!("{rfq} traded twice, by {id} too")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_fix::message::Response;
    use signet_rfq::{AcceptId, InstrumentId, QuoteId};

    fn accept(quantity: i64, price: &str) -> QuoteResponse {
        QuoteResponse {
            price_type: Default::default(),
            legs: vec![],
            id: AcceptId::new("R1:1").unwrap(),
            response: Response::HitOrLift,
            rfq: None,
            quote: QuoteId::new("q").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            dealer: signet_rfq::DealerId::new("NORTH").ok(),
            side: Side::Buy,
            quantity: quantity.into(),
            price: price.parse().unwrap(),
            currency: None,
            settlement_date: None,
            deadline: None,
            limit: None,
            text: None,
            at: UtcMillis(0),
        }
    }

    fn click(id: &str, r: &QuoteResponse) -> Click {
        Click { id: id.into(), connection: Some(1), ..Click::of("R1", r, 0) }
    }

    /// Price, quantity, RFQ, side and connection, and one accept only.
    #[test]
    fn an_approval_ahead_is_for_one_accept_within_it_over_its_connection() {
        let ahead = |connection| Ahead {
            rfq: "R1".into(),
            side: Side::Buy,
            limit: "1.0815".parse().unwrap(),
            quantity: 5_000_000.into(),
            connection,
            used: None,
        };
        let good = accept(5_000_000, "1.0815");
        let taken = click("R1:1", &good);
        for (name, r, c, connection, want) in [
            ("as it was approved", good.clone(), taken.clone(), Some(1), true),
            ("a part", accept(1, "1.08"), taken.clone(), Some(1), true),
            ("worse", accept(5_000_000, "1.08151"), taken.clone(), Some(1), false),
            ("more", accept(5_000_001, "1.08"), taken.clone(), Some(1), false),
            (
                "sold",
                QuoteResponse { side: Side::Sell, ..good.clone() },
                taken.clone(),
                Some(1),
                false,
            ),
            (
                "of another RFQ",
                good.clone(),
                Click { rfq: "R2".into(), ..taken.clone() },
                Some(1),
                false,
            ),
            ("over another connection", good.clone(), taken.clone(), Some(2), false),
            ("never sent", good.clone(), Click { connection: None, ..taken.clone() }, None, false),
        ] {
            assert_eq!(was_ahead(&mut [ahead(connection)], &c, &r), want, "{name}");
        }
        let mut all = [ahead(Some(1))];
        assert!(was_ahead(&mut all, &taken, &good) && was_ahead(&mut all, &taken, &good));
        assert!(!was_ahead(&mut all, &click("R1:2", &good), &good), "it is used up");
    }

    #[test]
    fn an_rfq_that_changed_hands_trades_once() {
        let r = accept(1_000, "1.08");
        let clicks = BTreeMap::from([("R1:1".to_owned(), click("R1:1", &r))]);
        let taken = BTreeMap::from([("R1".to_owned(), 7)]);
        let fill = Fill {
            accept: "A".into(),
            quote: "q".into(),
            side: Side::Buy,
            price: r.price,
            quantity: r.quantity,
            of: r.quantity,
            rest: false,
            legs: vec![],
        };
        let mut filled = Filled::default();
        filled.by_colleague(&taken, ("NORTH", "TRADER.R1:~1"), &fill).unwrap();
        let twice = filled.take(&clicks, ("NORTH", "R1:1"), &fill).unwrap_err();
        assert_eq!(twice.invariant, "accept.doubled");
        let other = filled.by_colleague(&taken, ("NORTH", "TRADER.R2:~1"), &fill).unwrap_err();
        assert_eq!(other.invariant, "handover.not_owner");
    }

    #[test]
    fn parts_of_an_accept_are_counted_together() {
        let r = accept(1_000, "1.08");
        let clicks = BTreeMap::from([("R1:1".to_owned(), click("R1:1", &r))]);
        let fill = |quantity: i64, rest| Fill {
            accept: "A".into(),
            quote: "q".into(),
            side: Side::Buy,
            price: r.price,
            quantity: quantity.into(),
            of: 1_000.into(),
            rest,
            legs: vec![],
        };
        for (fills, want) in [
            (vec![fill(1_000, false)], None),
            (vec![fill(250, false), fill(750, true)], None),
            (vec![fill(250, false), fill(751, true)], Some("fill.too_much")),
            (vec![fill(250, false), fill(250, false)], Some("accept.doubled")),
            (vec![Fill { of: 999.into(), ..fill(999, false) }], Some("fill.other_terms")),
        ] {
            let mut filled = Filled::default();
            let take = |f: &Fill| filled.take(&clicks, ("NORTH", "R1:1"), f).err();
            let broken = fills.iter().find_map(take).map(|v| v.invariant);
            assert_eq!(broken, want, "{fills:?}");
        }
    }
}
