use crate::{
    Ask, DealerId, Direction, Leg, PriceType, QuoteId, Side, StatedLeg, StatedType, Terms,
    UtcMillis, net_price,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One side of a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// BidPx (132) or OfferPx (133), in the instrument's price unit.
    pub price: Decimal,
    /// BidSize (134) or OfferSize (135), in the RFQ's currency: the most that can be had at the
    /// price.
    pub size: Decimal,
}

/// One dealer's price, FIX Quote (35=S).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// QuoteID (117), chosen by the dealer.
    pub id: QuoteId,
    /// The dealer that makes the price.
    pub dealer: DealerId,
    /// The dealer buys at this price.
    pub bid: Option<Level>,
    /// The dealer sells at this price.
    pub offer: Option<Level>,
    /// Last moment an accept may arrive (ValidUntilTime, 62).
    pub valid_until: UtcMillis,
    /// QuoteType (537): tradeable, or only indicative.
    pub tradeable: bool,
    /// The legs (555) of a package, with their prices; empty for a single instrument.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<StatedLeg>,
}

/// Why a quote cannot be shown to a trader. The dealer is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuoteFault {
    /// Neither a bid nor an offer.
    #[error("the quote has no price")]
    NoPrice,
    /// BidPx (132) or OfferPx (133) is zero or negative.
    #[error("a price is not above zero")]
    PriceNotPositive,
    /// BidSize (134) or OfferSize (135) is zero or negative.
    #[error("a size is not above zero")]
    SizeNotPositive,
    /// BidPx (132) is above OfferPx (133).
    #[error("the bid is above the offer")]
    Crossed,
    /// Of yields and spreads: BidPx (132) is below OfferPx (133), so the bid is the dearer one.
    #[error("the bid is below the offer, which of yields and spreads is crossed")]
    CrossedYield,
    /// ValidUntilTime (62) is not after the time of arrival.
    #[error("the quote was over before it arrived; check ValidUntilTime (62) and the clocks")]
    Over,
    /// BidSize (134) or OfferSize (135) is below the least quantity, which is the second number, on
    /// every side that was asked for and is quoted.
    #[error("the size is {0}, and at least {1} was asked for (StipulationType 233=MINQTY)")]
    BelowMinimum(Decimal, Decimal),
    /// The legs are not those of the package that was asked for.
    #[error(transparent)]
    Package(#[from] PackageFault),
}

/// What a quote may state beyond prices and sizes; what it leaves out is as requested.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Qualifiers {
    /// PriceType (423), and what a spread is over (220 to 222).
    pub price_type: Option<StatedType>,
    /// Currency (15).
    pub currency: Option<String>,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: Option<String>,
    /// Side (54), from the customer's side as in the request.
    pub side: Option<Side>,
}

/// Why a quote does not match the request's conventions: its number is not a price here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QualifierFault {
    /// A yield or a spread, say.
    #[error(
        "the quote is {} (PriceType 423={}); {} ({}) was asked for",
        .0.words(), .0.code(), .1.words(), .1.fields()
    )]
    PriceType(StatedType, StatedType),
    /// The request is not in prices, and the quote does not say what its numbers are.
    #[error("the quote has no PriceType (423); {} ({}) was asked for", .0.words(), .0.fields())]
    NoPriceType(StatedType),
    /// Currency (15): the quote's, then the one that was asked for.
    #[error("the quote is in {0}; {1} was asked for")]
    Currency(String, String),
    /// SettlDate (64): the quote's, then the one that was asked for.
    #[error("the quote settles on {0}; {1} was asked for")]
    SettlementDate(String, String),
    /// Side (54) is not one the RFQ asked for.
    #[error("the quote is for a side that was not asked")]
    Side,
}

impl Qualifiers {
    /// Whether a quote with these qualifiers matches the request. `by_isin`: a bond, quoted in
    /// percent.
    pub fn check(&self, terms: &Terms, by_isin: bool) -> Result<(), QualifierFault> {
        let asked = terms.price_type.stated_by(by_isin);
        // A number that does not say what it counts is taken for a price, and for nothing else.
        if self.price_type.is_none() && terms.price_type.stated().is_some() {
            return Err(QualifierFault::NoPriceType(asked));
        }
        if let Some(other) = self.price_type.filter(|t| !t.answers(terms.price_type, by_isin)) {
            return Err(QualifierFault::PriceType(other, asked));
        }
        if let Some(other) = self.currency.as_ref().filter(|c| **c != terms.currency) {
            return Err(QualifierFault::Currency(other.clone(), terms.currency.clone()));
        }
        if let Some(other) = self.settlement_date.as_ref().filter(|d| **d != terms.settlement_date)
        {
            return Err(QualifierFault::SettlementDate(
                other.clone(),
                terms.settlement_date.clone(),
            ));
        }
        if self.side.is_some_and(|s| !terms.ask.allows(s)) {
            return Err(QualifierFault::Side);
        }
        Ok(())
    }
}

impl Quote {
    /// Whether the quote answers the request and can be traded on.
    pub fn check_for(&self, terms: &Terms, now: UtcMillis) -> Result<(), QuoteFault> {
        self.check(terms.price_type, now)?;
        self.check_minimum(terms)?;
        Ok(self.check_legs(terms)?)
    }

    /// Whether a side that was asked for has the least quantity; [`Self::large_enough`] leaves the
    /// other one out. What the quote says of a side that nobody asked for is nothing that could be
    /// traded.
    fn check_minimum(&self, terms: &Terms) -> Result<(), QuoteFault> {
        let Some(least) = terms.min_quantity else { return Ok(()) };
        let asked = [Side::Buy, Side::Sell].into_iter().filter(|s| terms.ask.allows(*s));
        let sizes: Vec<Decimal> = asked.filter_map(|s| self.level(s)).map(|l| l.size).collect();
        match sizes.iter().max().filter(|most| **most < least) {
            Some(most) => Err(QuoteFault::BelowMinimum(most.normalize(), least.normalize())),
            None => Ok(()),
        }
    }

    /// Without the side of a two-way quote that is too small for the request, when the other one is
    /// not: each side is tradeable by itself. A quote that is checked is checked as it came.
    #[must_use]
    pub fn large_enough(self, terms: &Terms) -> Self {
        let sides = (self.bid, self.offer);
        let (bid, offer) = sides_with_the_least(terms.ask, terms.min_quantity, sides);
        Self { bid, offer, ..self }
    }

    /// Whether the quote can be traded on: prices and sizes above zero, not crossed, not expired.
    /// A yield, a spread and the net price of a package may be zero or below.
    fn check(&self, price_type: PriceType, now: UtcMillis) -> Result<(), QuoteFault> {
        let levels = || self.bid.iter().chain(&self.offer);
        if levels().next().is_none() {
            return Err(QuoteFault::NoPrice);
        }
        let above_zero = self.legs.is_empty() && !price_type.may_be_negative();
        if above_zero && levels().any(|l| l.price <= Decimal::ZERO) {
            return Err(QuoteFault::PriceNotPositive);
        }
        if levels().any(|l| l.size <= Decimal::ZERO) {
            return Err(QuoteFault::SizeNotPositive);
        }
        // A dealer who buys at more than it sells at: at a higher price, or a lower yield.
        let way = price_type.direction();
        if self.bid.zip(self.offer).is_some_and(|(b, o)| way.better(Side::Buy, o.price, b.price)) {
            return Err(match way {
                Direction::Price => QuoteFault::Crossed,
                Direction::Yield => QuoteFault::CrossedYield,
            });
        }
        if !self.live(now) {
            return Err(QuoteFault::Over);
        }
        Ok(())
    }

    /// The level a customer on `side` would trade at.
    pub fn level(&self, side: Side) -> Option<Level> {
        match side {
            Side::Buy => self.offer,
            Side::Sell => self.bid,
        }
    }

    /// Whether its time is not over: `now` is before `valid_until`.
    pub fn live(&self, now: UtcMillis) -> bool {
        now < self.valid_until
    }
}

/// Bid and offer of a quote as they stand in a request with this least quantity: of two sides that
/// were both asked for, not the one that has less, if the other has enough.
pub fn sides_with_the_least(
    ask: Ask,
    least: Option<Decimal>,
    (bid, offer): (Option<Level>, Option<Level>),
) -> (Option<Level>, Option<Level>) {
    match (ask, least, bid.zip(offer)) {
        (Ask::TwoWay, Some(least), Some((b, o))) if (b.size < least) != (o.size < least) => {
            (bid.filter(|l| l.size >= least), offer.filter(|l| l.size >= least))
        }
        _ => (bid, offer),
    }
}

/// Why a quote of a package cannot be shown to a trader. The dealer is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackageFault {
    /// Legs for a single instrument, or another number of legs than was asked for.
    #[error("the quote has {0} legs; {1} were asked for")]
    Count(usize, usize),
    /// A leg is not the one that was asked for in its place.
    #[error("leg {0}: the {1} differs from the request")]
    Differs(usize, &'static str),
    /// A price that the package's price needs is not there.
    #[error("leg {0} has no price for this side of the package")]
    NoLegPrice(usize),
    /// A leg's price is zero or below.
    #[error("leg {0}: a price is not above zero")]
    LegPriceNotPositive(usize),
    /// A leg's bid is above its offer.
    #[error("leg {0}: the bid is above the offer")]
    LegCrossed(usize),
    /// The price of the package is not the sum of its legs.
    #[error("the price of the package is {0}, and the sum of its legs {1}")]
    NotTheSum(Decimal, Decimal),
    /// The sum of the legs cannot be computed.
    #[error("the prices of the legs are too large")]
    TooLarge,
    /// A package is traded as a whole.
    #[error("the quote is for a part of the package only")]
    Part,
}

impl Quote {
    /// Whether the legs are those of the request, and the package's prices are the sums of theirs.
    /// A single instrument has no legs.
    pub fn check_legs(&self, terms: &Terms) -> Result<(), PackageFault> {
        if self.legs.len() != terms.legs.len() {
            return Err(PackageFault::Count(self.legs.len(), terms.legs.len()));
        }
        for (n, (leg, stated)) in (1..).zip(terms.legs.iter().zip(&self.legs)) {
            if let Some(what) = stated.differs(leg, &terms.currency) {
                return Err(PackageFault::Differs(n, what));
            }
            if [stated.bid, stated.offer].into_iter().flatten().any(|p| p <= Decimal::ZERO) {
                return Err(PackageFault::LegPriceNotPositive(n));
            }
            if stated.bid.zip(stated.offer).is_some_and(|(b, o)| b > o) {
                return Err(PackageFault::LegCrossed(n));
            }
        }
        if terms.legs.is_empty() {
            return Ok(());
        }
        for side in [Side::Buy, Side::Sell] {
            self.level(side).map_or(Ok(()), |l| self.check_net(terms, side, l))?;
        }
        Ok(())
    }

    /// The dealer's offer of a package buys each leg as stated; its bid does the opposite.
    fn check_net(&self, terms: &Terms, side: Side, level: Level) -> Result<(), PackageFault> {
        let price = |i: usize| {
            terms.legs.get(i).zip(self.legs.get(i)).and_then(|(l, s)| leg_at(l, s, side))
        };
        if let Some(i) = (0..terms.legs.len()).find(|i| price(*i).is_none()) {
            return Err(PackageFault::NoLegPrice(i + 1));
        }
        let sum = net_price(&terms.legs, price).ok_or(PackageFault::TooLarge)?;
        if sum != level.price {
            return Err(PackageFault::NotTheSum(level.price.normalize(), sum.normalize()));
        }
        if level.size < terms.quantity {
            return Err(PackageFault::Part);
        }
        Ok(())
    }
}

fn leg_at(leg: &Leg, stated: &StatedLeg, side: Side) -> Option<Decimal> {
    stated.price(leg.side_in(side))
}

impl Terms {
    /// The legs that an accept of this quote agrees to, each with the one price at which it is
    /// done; empty for a single instrument. `None` when the quote lacks the price of a leg.
    pub fn agreed_legs(&self, quote: &Quote, side: Side) -> Option<Vec<StatedLeg>> {
        if self.legs.len() != quote.legs.len() {
            return None;
        }
        let agreed = |(leg, quoted): (&Leg, &StatedLeg)| {
            let of_leg = leg.side_in(side);
            let price = Some(quoted.price(of_leg)?);
            let (bid, offer) = match of_leg {
                Side::Buy => (None, price),
                Side::Sell => (price, None),
            };
            Some(StatedLeg { bid, offer, ..StatedLeg::of(leg) })
        };
        self.legs.iter().zip(&quote.legs).map(agreed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_that_nobody_could_trade_on_has_a_fault() {
        let level =
            |p: &str, s: &str| Some(Level { price: p.parse().unwrap(), size: s.parse().unwrap() });
        let quote = |bid, offer, until| Quote {
            legs: vec![],
            id: QuoteId::new("q").unwrap(),
            dealer: DealerId::new("A").unwrap(),
            bid,
            offer,
            valid_until: UtcMillis(until),
            tradeable: true,
        };
        for (bid, offer, until, want) in [
            (level("99", "1"), level("100", "1"), 11, Ok(())),
            (level("99", "1"), level("99", "1"), 11, Ok(())),
            (level("99", "1"), None, 11, Ok(())),
            (None, level("0.0001", "1"), 11, Ok(())),
            (None, None, 11, Err(QuoteFault::NoPrice)),
            (level("0", "1"), None, 11, Err(QuoteFault::PriceNotPositive)),
            (level("99", "1"), level("-0.1", "1"), 11, Err(QuoteFault::PriceNotPositive)),
            (level("99", "0"), None, 11, Err(QuoteFault::SizeNotPositive)),
            (None, level("99", "-1"), 11, Err(QuoteFault::SizeNotPositive)),
            (level("99.01", "1"), level("99", "1"), 11, Err(QuoteFault::Crossed)),
            (level("99", "1"), level("100", "1"), 10, Err(QuoteFault::Over)),
        ] {
            assert_eq!(
                quote(bid, offer, until).check(PriceType::Price, UtcMillis(10)),
                want,
                "{bid:?} {offer:?} {until}"
            );
        }
    }

    #[test]
    fn a_quote_in_another_convention_is_refused_whichever_field_says_so() {
        let terms = |ask| Terms {
            min_quantity: None,
            price_type: crate::PriceType::Price,
            legs: vec![],
            id: crate::RfqId::new("R1").unwrap(),
            instrument: crate::InstrumentId::new("DE0001102580").unwrap(),
            ask,
            quantity: Decimal::ONE,
            currency: "EUR".into(),
            settlement_date: "20261124".into(),
            dealers: vec![],
            expires: UtcMillis(1),
            created: UtcMillis(0),
        };
        let says = |price_type: u16, currency: &str, date: &str, side| Qualifiers {
            price_type: Some(price_type.into()),
            currency: Some(currency.into()),
            settlement_date: Some(date.into()),
            side,
        };
        let (buy, two_way) = (terms(crate::Ask::Buy), terms(crate::Ask::TwoWay));
        assert_eq!(Qualifiers::default().check(&buy, true), Ok(()));
        assert_eq!(says(1, "EUR", "20261124", Some(Side::Buy)).check(&buy, true), Ok(()));
        assert_eq!(says(2, "EUR", "20261124", None).check(&buy, false), Ok(()));
        assert_eq!(says(1, "EUR", "20261124", Some(Side::Sell)).check(&two_way, true), Ok(()));
        for (q, by_isin, want) in [
            (says(9, "EUR", "20261124", None), true, QualifierFault::PriceType(9.into(), 1.into())),
            (
                says(1, "EUR", "20261124", None),
                false,
                QualifierFault::PriceType(1.into(), 2.into()),
            ),
            (
                says(1, "USD", "20261124", None),
                true,
                QualifierFault::Currency("USD".into(), "EUR".into()),
            ),
            (
                says(1, "EUR", "20261125", None),
                true,
                QualifierFault::SettlementDate("20261125".into(), "20261124".into()),
            ),
            (says(1, "EUR", "20261124", Some(Side::Sell)), true, QualifierFault::Side),
        ] {
            assert_eq!(q.check(&buy, by_isin), Err(want), "{q:?}");
        }
        assert_eq!(
            QualifierFault::PriceType(9.into(), 1.into()).to_string(),
            "the quote is a yield (PriceType 423=9); a percentage of par (1) was asked for"
        );
    }
}
