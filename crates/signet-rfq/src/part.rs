//! What a part of a quote must be, where a trader takes less than it is for.

use crate::{DealerId, Instrument, InstrumentError};
use rust_decimal::Decimal;

/// The rule of a dealer that lets a part of its quotes be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRule(Box<Instrument>);

/// Why a part of a quote cannot be taken. At fault: who chose the quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartFault {
    /// The dealer would fill the whole: many ignore OrderQty (38) of an accept.
    #[error("{0} lets no part of its quotes be taken")]
    NotTaken(DealerId),
    /// The quote is for a package.
    #[error("a package is taken as a whole")]
    Package,
    /// More than the quote is for, or more than was asked for where the quote is larger.
    #[error("at most {whole} of the quote can be taken, and {taken} is more")]
    TooMuch {
        /// What was to be taken.
        taken: Decimal,
        /// What an accept of the whole quote would carry.
        whole: Decimal,
    },
    /// Less than the least quantity of the request.
    #[error("{taken} is less than the {least} that was asked for at least")]
    BelowLeast {
        /// What was to be taken.
        taken: Decimal,
        /// The RFQ's least quantity.
        least: Decimal,
    },
    /// Below the instrument's smallest quantity, or not a multiple of its lot.
    #[error(transparent)]
    Instrument(#[from] InstrumentError),
}

impl PartFault {
    /// Stable code for screens, SIEM and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotTaken(_) => "part.not_taken",
            Self::Package => "part.package",
            Self::TooMuch { .. } => "part.too_much",
            Self::BelowLeast { .. } => "part.below_least",
            Self::Instrument(InstrumentError::TooSmall { .. }) => "part.too_small",
            Self::Instrument(InstrumentError::OffLot { .. }) => "part.off_lot",
            Self::Instrument(_) => "part.quantity",
        }
    }
}

impl PartRule {
    /// For quotes of this instrument.
    pub fn of(instrument: &Instrument) -> Self {
        Self(Box::new(instrument.clone()))
    }

    /// Whether a quantity may be traded by itself: `least` is the RFQ's least quantity.
    pub fn check(&self, taken: Decimal, least: Option<Decimal>) -> Result<(), PartFault> {
        if let Some(least) = least.filter(|least| taken < *least) {
            let (taken, least) = (taken.normalize(), least.normalize());
            return Err(PartFault::BelowLeast { taken, least });
        }
        Ok(self.0.check_quantity(taken)?)
    }

    /// Whether less than `whole` may be taken at all: with all or none nothing less may.
    pub(crate) fn leaves_room(&self, whole: Decimal, least: Option<Decimal>) -> bool {
        let smallest = self.0.min_quantity;
        least.map_or(smallest, |least| least.max(smallest)) < whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::bund;
    use proptest::prelude::*;

    #[test]
    fn a_part_is_a_quantity_that_could_be_asked_for() {
        let rule = PartRule::of(&bund());
        for (taken, least, want) in [
            ("100000", None, Ok(())),
            ("2000000", Some("2000000"), Ok(())),
            ("2000000.00", Some("2000000"), Ok(())),
            ("1999000", Some("2000000"), Err("part.below_least")),
            ("99000", None, Err("part.too_small")),
            ("0", None, Err("part.too_small")),
            ("-1000", None, Err("part.too_small")),
            ("100500", None, Err("part.off_lot")),
            ("100000.01", None, Err("part.off_lot")),
        ] {
            let n = |text: &str| text.parse::<Decimal>().unwrap();
            let found = rule.check(n(taken), least.map(n)).map_err(|e| e.code());
            assert_eq!(found, want, "{taken} {least:?}");
        }
    }

    #[test]
    fn a_part_is_offered_only_where_there_is_one() {
        for (whole, least, want) in [
            ("5000000", None, true),
            ("5000000", Some("2000000"), true),
            ("5000000", Some("4999000"), true),
            // All or none.
            ("5000000", Some("5000000"), false),
            ("2000000", Some("2000000"), false),
            // The instrument's smallest quantity.
            ("101000", None, true),
            ("100000", None, false),
            ("100000", Some("1000"), false),
            ("50000", None, false),
        ] {
            let n = |text: &str| text.parse::<Decimal>().unwrap();
            let found = PartRule::of(&bund()).leaves_room(n(whole), least.map(n));
            assert_eq!(found, want, "{whole} {least:?}");
        }
    }

    proptest! {
        /// Nothing passes that a ticket would not take, and nothing below the least quantity.
        #[test]
        fn what_passes_could_be_asked_for(
            taken in -2_000_000i64..2_000_000,
            least in 0i64..2_000_000,
        ) {
            let taken = Decimal::from(taken);
            let least = Some(least).filter(|n| *n > 0).map(Decimal::from);
            let passes = PartRule::of(&bund()).check(taken, least).is_ok();
            let wanted = bund().check_quantity(taken).is_ok() && least.is_none_or(|l| taken >= l);
            prop_assert_eq!(passes, wanted);
        }
    }
}
