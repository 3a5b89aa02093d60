//! Packages: several legs that are asked, quoted and traded together, or not at all.
//!
//! The legs are stated as they are when the package is bought (Side, 54, of 1); who sells the
//! package does the opposite in every leg. The price of a package is net: the sum of the prices of
//! the legs that are bought less those that are sold, each times its ratio. It may be zero or
//! below. The quantity of a package is gross: the sum of the quantities of all legs, so that limits
//! on size count every leg.

mod compare;
mod kind;
mod price;
mod stated;

pub(crate) use compare::{Stated, executed_legs_differ};
pub use kind::PackageKind;
pub use price::{PackageFault, net_price};
pub use stated::StatedLeg;

use crate::{Catalogue, InstrumentError, InstrumentId, Side, Terms};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Legs that a package has at least: fewer are a single instrument.
pub const MIN_LEGS: usize = 2;
/// Legs that a package has at most.
pub const MAX_LEGS: usize = 20;
/// The largest ratio of a leg.
const RATIO_MAX: u32 = 1_000;

/// What stands for the instrument of a package, Symbol (55): it has none of its own. Nothing else
/// is ever read as this instrument, and no catalogue knows it, so that whoever does not know
/// packages refuses one.
const PACKAGE: &str = "[N/A]";

impl InstrumentId {
    /// The instrument of every package.
    pub fn package() -> Self {
        Self::of_literal(PACKAGE)
    }

    /// Whether it stands for a package, whose legs say what is traded.
    pub fn is_package(&self) -> bool {
        self.as_str() == PACKAGE
    }
}

/// One leg of a package as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// LegSymbol (600), or LegSecurityID (602) for an ISIN.
    pub instrument: InstrumentId,
    /// LegSide (624): the customer's when the package is bought.
    pub side: Side,
    /// LegRatioQty (623): how often the leg's price counts in the net price.
    pub ratio: Decimal,
    /// LegQty (687), in the RFQ's currency.
    pub quantity: Decimal,
    /// LegSettlDate (588), `YYYYMMDD`.
    pub settlement_date: String,
}

impl Leg {
    /// The customer's side in this leg when the package is traded on `side`.
    pub fn side_in(&self, side: Side) -> Side {
        match side {
            Side::Buy => self.side,
            Side::Sell => self.side.opposite(),
        }
    }
}

/// Why legs are not a package. At fault: the desk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegsError {
    /// Fewer than [`MIN_LEGS`] or more than [`MAX_LEGS`].
    #[error("a package has {MIN_LEGS} to {MAX_LEGS} legs, not {0}")]
    Count(usize),
    /// An instrument stands for a package and there are no legs, or the other way round.
    #[error("a request is for one instrument or for legs, not for both")]
    Mixed,
    /// Nobody may trade this instrument here.
    #[error("leg {0}: instrument {1} is not known here")]
    Unknown(usize, InstrumentId),
    /// Two legs are of the same instrument and date.
    #[error("leg {0} repeats the instrument and the date of leg {1}")]
    Twice(usize, usize),
    /// Not above zero, or larger than anybody needs.
    #[error("leg {0}: a ratio is above 0 and at most {RATIO_MAX}")]
    Ratio(usize),
    /// The legs are in more than one currency.
    #[error("leg {0} trades in {1}, the package in {2}")]
    Currency(usize, String, String),
    /// The quantity is not one that the leg's instrument allows.
    #[error("leg {0}: {1}")]
    Quantity(usize, InstrumentError),
    /// OrderQty (38) is not the sum of the legs' quantities.
    #[error("the quantity of a package is the sum of its legs, {0}")]
    Gross(Decimal),
    /// The sum of the legs cannot be computed.
    #[error("the legs are too large")]
    TooLarge,
    /// SettlDate (64) is not the first leg's.
    #[error("the settlement date of a package is its first leg's, {0}")]
    Date(String),
}

impl Terms {
    /// Whether several legs are asked for, as a package.
    pub fn is_package(&self) -> bool {
        !self.legs.is_empty() || self.instrument.is_package()
    }

    /// Whether the legs are a package, each of an instrument that is listed.
    pub(crate) fn check_legs(&self, catalogue: &Catalogue) -> Result<(), LegsError> {
        if !self.instrument.is_package() || self.legs.is_empty() {
            return Err(LegsError::Mixed);
        }
        if !(MIN_LEGS..=MAX_LEGS).contains(&self.legs.len()) {
            return Err(LegsError::Count(self.legs.len()));
        }
        for (i, leg) in self.legs.iter().enumerate() {
            self.check_leg(i, leg, catalogue)?;
        }
        let gross = gross(&self.legs).ok_or(LegsError::TooLarge)?;
        if gross != self.quantity {
            return Err(LegsError::Gross(gross.normalize()));
        }
        match self.legs.first() {
            Some(l) if l.settlement_date != self.settlement_date => {
                Err(LegsError::Date(l.settlement_date.clone()))
            }
            _ => Ok(()),
        }
    }

    fn check_leg(&self, i: usize, leg: &Leg, catalogue: &Catalogue) -> Result<(), LegsError> {
        let n = i + 1;
        let same = |l: &Leg| {
            (&l.instrument, &l.settlement_date) == (&leg.instrument, &leg.settlement_date)
        };
        if let Some(before) = self.legs.iter().take(i).position(same) {
            return Err(LegsError::Twice(n, before + 1));
        }
        if leg.ratio <= Decimal::ZERO || leg.ratio > Decimal::from(RATIO_MAX) {
            return Err(LegsError::Ratio(n));
        }
        let listed = catalogue.get(&leg.instrument);
        let i = listed.ok_or_else(|| LegsError::Unknown(n, leg.instrument.clone()))?;
        if i.currency != self.currency {
            let (leg, package) = (i.currency.clone(), self.currency.clone());
            return Err(LegsError::Currency(n, leg, package));
        }
        i.check_quantity(leg.quantity).map_err(|e| LegsError::Quantity(n, e))
    }
}

/// The sum of the quantities of all legs, whichever their sides.
pub fn gross(legs: &[Leg]) -> Option<Decimal> {
    legs.iter().try_fold(Decimal::ZERO, |sum, l| sum.checked_add(l.quantity))
}

#[cfg(test)]
pub(crate) mod tests;
