//! The legs of a package (NoLegs, 555), written from the standard: in R, S, AJ and 8.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Outgoing, parse_decimal, price_text, quantity_text};

/// SecurityType (167): multi-leg instrument.
pub(crate) const MULTILEG: &str = "MLEG";
/// The most legs that a dealer looks at.
const LEGS_MAX: usize = 20;

/// One leg, as far as a message states it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Leg {
    /// LegSymbol (600).
    pub(crate) symbol: String,
    /// LegSecurityID (602), with LegSecurityIDSource (603) 4.
    pub(crate) security_id: Option<String>,
    /// LegRatioQty (623); 1 if it is not stated.
    pub(crate) ratio: Decimal,
    /// LegSide (624): 1 is bought when the package is bought.
    pub(crate) side: String,
    /// LegQty (687).
    pub(crate) quantity: Decimal,
    /// LegSettlDate (588).
    pub(crate) settl_date: Option<String>,
    /// LegBidPx (681).
    pub(crate) bid: Option<Decimal>,
    /// LegOfferPx (684).
    pub(crate) offer: Option<Decimal>,
    /// Decimals of its prices as they travel.
    pub(crate) decimals: u32,
}

impl Leg {
    /// Whether the customer buys this leg when the package is traded on `side`.
    pub(crate) fn is_bought(&self, side: &str) -> bool {
        (self.side == "1") == (side == "1")
    }

    /// The price at which a customer does this leg when the package is traded on `side`.
    pub(crate) fn price(&self, side: &str) -> Option<Decimal> {
        if self.is_bought(side) { self.offer } else { self.bid }
    }

    /// Whether it is the same leg, whatever its prices.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.symbol == other.symbol
            && self.security_id == other.security_id
            && self.ratio == other.ratio
            && self.side == other.side
            && self.quantity == other.quantity
            && self.settl_date == other.settl_date
    }
}

/// The price of the package on `side`: bought legs less sold legs, each times its ratio.
pub(crate) fn net(legs: &[Leg], side: &str) -> Option<Decimal> {
    legs.iter().try_fold(Decimal::ZERO, |sum, leg| {
        let part = leg.ratio.checked_mul(leg.price(side)?)?;
        if leg.side == "1" { sum.checked_add(part) } else { sum.checked_sub(part) }
    })
}

/// Reads the group from the fields of a message. `Err`: the tag that is wrong.
pub(crate) fn parse(fields: &[(u32, &str)]) -> Result<Vec<Leg>, u32> {
    let Some(count) = fields.iter().find(|f| f.0 == 555) else { return Ok(vec![]) };
    let mut legs: Vec<Leg> = Vec::new();
    for (tag, value) in fields {
        if *tag == 600 {
            let leg = Leg { symbol: (*value).into(), ratio: Decimal::ONE, ..Leg::default() };
            legs.push(leg);
            continue;
        }
        let number = || parse_decimal(value).ok_or(*tag);
        let Some(leg) = legs.last_mut() else { continue };
        match tag {
            602 => leg.security_id = Some((*value).into()),
            623 => leg.ratio = number()?,
            624 => leg.side = (*value).into(),
            687 => leg.quantity = number()?,
            588 => leg.settl_date = Some((*value).into()),
            681 => leg.bid = Some(number()?),
            684 => leg.offer = Some(number()?),
            _ => {}
        }
    }
    let is_right = count.1.parse() == Ok(legs.len()) && (2..=LEGS_MAX).contains(&legs.len());
    let bad_side = legs.iter().any(|l| !matches!(l.side.as_str(), "1" | "2"));
    match (is_right, bad_side) {
        (false, _) => Err(555),
        (_, true) => Err(624),
        _ => Ok(legs),
    }
}

/// What is stated of the price of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prices<'a> {
    /// LegBidPx (681) and LegOfferPx (684): a quote.
    Quoted,
    /// LegLastPx (637): executed on this side of the package.
    Executed(&'a str),
}

/// Appends the group; nothing without legs.
pub(crate) fn put(message: Outgoing, legs: &[Leg], prices: Prices<'_>) -> Outgoing {
    if legs.is_empty() {
        return message;
    }
    legs.iter().fold(message.set(555, legs.len().to_string()), |message, leg| {
        let text = |price: Decimal| price_text(price, leg.decimals);
        let message = message
            .set(600, leg.symbol.as_str())
            .set_if(602, leg.security_id.clone())
            .set_if(603, leg.security_id.as_ref().map(|_| "4"))
            .set(623, quantity_text(leg.ratio))
            .set(624, leg.side.as_str())
            .set(687, quantity_text(leg.quantity))
            .set_if(588, leg.settl_date.clone());
        match prices {
            Prices::Quoted => {
                message.set_if(681, leg.bid.map(text)).set_if(684, leg.offer.map(text))
            }
            Prices::Executed(side) => message.set_if(637, leg.price(side).map(text)),
        }
    })
}
