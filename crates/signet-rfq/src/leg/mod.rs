//! Packages: several legs that are asked, quoted and traded together, or not at all.
//!
//! The legs are stated as they are when the package is bought (Side, 54, of 1); who sells the
//! package does the opposite in every leg. The price of a package is net: the sum of the prices of
//! the legs that are bought less those that are sold, each times its ratio. It may be zero or
//! below. The quantity of a package is gross: the sum of the quantities of all legs, so that limits
//! on size count every leg.

mod kind;
mod stated;

pub use kind::PackageKind;
pub use stated::StatedLeg;
pub(crate) use stated::net_stated;

use crate::{InstrumentError, InstrumentId, Side};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Legs that a package has at least: fewer are a single instrument.
pub const MIN_LEGS: usize = 2;
/// Legs that a package has at most.
pub const MAX_LEGS: usize = 20;
/// The largest ratio of a leg.
pub(crate) const RATIO_MAX: u32 = 1_000;

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

/// The sum of the quantities of all legs, whichever their sides.
pub fn gross(legs: &[Leg]) -> Option<Decimal> {
    legs.iter().try_fold(Decimal::ZERO, |sum, l| sum.checked_add(l.quantity))
}

/// The net price of the legs at these prices: bought legs less sold legs, each times its ratio.
/// `None` when a price is missing or the sum cannot be computed.
pub fn net_price(legs: &[Leg], price: impl Fn(usize) -> Option<Decimal>) -> Option<Decimal> {
    let mut net = Decimal::ZERO;
    for (i, leg) in legs.iter().enumerate() {
        let part = leg.ratio.checked_mul(price(i)?)?;
        net = match leg.side {
            Side::Buy => net.checked_add(part)?,
            Side::Sell => net.checked_sub(part)?,
        };
    }
    Some(net)
}
