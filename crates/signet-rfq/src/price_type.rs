//! What the numbers of a request and of its quotes count: PriceType (423).

use crate::Side;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Which way a number is good. A price and a yield of the same bond move against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A buyer wants the lower number: a price, in percent, per unit or as an amount.
    Price,
    /// A buyer wants the higher number: a yield, a spread, a discount.
    Yield,
}

impl Direction {
    /// That of a PriceType (423) of FIX 4.4; `None` for one whose numbers cannot be compared.
    pub fn of(price_type: u16) -> Option<Self> {
        match price_type {
            // Percentage of par, per unit, fixed amount, premium.
            1 | 2 | 3 | 5 => Some(Self::Price),
            // Discount, spread, TED yield, yield.
            4 | 6 | 8 | 9 => Some(Self::Yield),
            _ => None,
        }
    }

    /// Whether a customer on `side` rather has `price` than `than`.
    pub fn better(self, side: Side, price: Decimal, than: Decimal) -> bool {
        if self.lower_is_better(side) { price < than } else { price > than }
    }

    /// Whether a customer on `side` who agrees to `limit` does not agree to `price`.
    pub fn beyond(self, side: Side, price: Decimal, limit: Decimal) -> bool {
        self.better(side, limit, price)
    }

    /// How much worse than `than` a customer on `side` does with `price`; negative when better.
    /// `None` when the difference of what two peers chose cannot be written.
    pub fn worse(self, side: Side, price: Decimal, than: Decimal) -> Option<Decimal> {
        let (of, less) = if self.lower_is_better(side) { (price, than) } else { (than, price) };
        of.checked_sub(less)
    }

    /// A key that is smallest for the price that a customer on `side` wants most.
    pub fn key(self, side: Side, price: Decimal) -> Decimal {
        if self.lower_is_better(side) { price } else { -price }
    }

    fn lower_is_better(self, side: Side) -> bool {
        (self == Self::Price) == (side == Side::Buy)
    }
}

/// What a number counts. Everything that compares two numbers of one RFQ asks its type for the
/// direction.
///
/// FIX 4.4 has no PriceType for a discount margin, and 6 is the spread over a benchmark: a
/// catalogue cannot list a discount margin, so that nobody reads one as the other.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PriceType {
    /// 1, percent of par, of what has an ISIN; 2, per unit, of everything else. Nothing needs to be
    /// said of it.
    #[default]
    Price,
    /// 9: yield in percent a year.
    Yield,
    /// 6: spread over a benchmark in basis points.
    Spread,
}

impl PriceType {
    /// Every type that is traded here.
    pub const ALL: [Self; 3] = [Self::Price, Self::Yield, Self::Spread];

    /// PriceType (423). `by_isin`: a price is percent of par.
    pub fn code(self, by_isin: bool) -> u16 {
        match self {
            Self::Price if by_isin => 1,
            Self::Price => 2,
            Self::Spread => 6,
            Self::Yield => 9,
        }
    }

    /// PriceType (423) where it has to be said; a plain price goes without.
    pub fn stated(self) -> Option<u16> {
        (self != Self::Price).then(|| self.code(false))
    }

    /// The type that a PriceType (423) is; `None` for one that is not traded here.
    pub fn of(code: u16) -> Option<Self> {
        match code {
            1 | 2 => Some(Self::Price),
            6 => Some(Self::Spread),
            9 => Some(Self::Yield),
            _ => None,
        }
    }

    /// As files, PriceTypes (20038) and approval texts write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Yield => "yield",
            Self::Spread => "spread",
        }
    }

    /// The type of a word that [`Self::word`] writes.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.word() == word)
    }

    /// Which way its numbers are good.
    pub fn direction(self) -> Direction {
        match self {
            Self::Price => Direction::Price,
            Self::Yield | Self::Spread => Direction::Yield,
        }
    }

    /// Whether a number of zero or below can be one.
    pub fn may_be_negative(self) -> bool {
        self != Self::Price
    }

    /// Whether nothing needs to be said of it.
    pub(crate) fn is_price(&self) -> bool {
        *self == Self::Price
    }

    /// Decimals, smallest step and unit of a number that is not a price: they are the same for
    /// every instrument.
    pub(crate) fn convention(self) -> Option<(u8, Decimal, &'static str)> {
        match self {
            Self::Price => None,
            Self::Yield => Some((3, Decimal::new(1, 3), "% yield")),
            Self::Spread => Some((1, Decimal::new(1, 1), "bp spread")),
        }
    }

    /// A distance in basis points; `None` for a price, whose distance is a share of it. The inner
    /// `None`: it cannot be written.
    pub fn in_basis_points(self, worse: Decimal) -> Option<Option<Decimal>> {
        match self {
            Self::Price => None,
            Self::Yield => Some(worse.checked_mul(Decimal::ONE_HUNDRED)),
            Self::Spread => Some(Some(worse)),
        }
    }
}

impl PriceType {
    /// A distance of yields or spreads as a distance of prices, in basis points, for rules that
    /// know prices only: ten times its own, which is about what it does to the price of a bond of
    /// ten years. `None` as for [`Self::in_basis_points`].
    pub fn as_of_a_price(self, worse: Decimal) -> Option<Option<Decimal>> {
        Some(self.in_basis_points(worse)?.and_then(|bp| bp.checked_mul(Decimal::TEN)))
    }
}

/// What a catalogue that says nothing means.
pub(crate) fn plain() -> Vec<PriceType> {
    vec![PriceType::Price]
}

/// Whether nothing needs to be said.
pub(crate) fn is_plain(types: &[PriceType]) -> bool {
    types == [PriceType::Price]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_on_either_side_knows_which_number_is_better() {
        use PriceType::{Price, Spread, Yield};
        let n = |s: &str| s.parse::<Decimal>().unwrap();
        for (price_type, side, low_is_better) in [
            (Price, Side::Buy, true),
            (Price, Side::Sell, false),
            (Yield, Side::Buy, false),
            (Yield, Side::Sell, true),
            (Spread, Side::Buy, false),
            (Spread, Side::Sell, true),
        ] {
            let way = price_type.direction();
            for (low, high) in [("2.5", "2.501"), ("-0.3", "-0.2"), ("-0.1", "0"), ("0", "0.1")] {
                let (low, high) = (n(low), n(high));
                let what = format!("{price_type:?} {side:?} {low} {high}");
                assert_eq!(way.better(side, low, high), low_is_better, "{what}");
                assert_eq!(way.better(side, high, low), !low_is_better, "{what}");
                assert!(!way.better(side, low, low), "{what}: a tie is a tie");
                assert!(!way.beyond(side, low, low), "{what}: the limit itself is agreed to");
                assert_eq!(way.beyond(side, high, low), low_is_better, "{what}");
                assert_eq!(way.beyond(side, low, high), !low_is_better, "{what}");
                let worse = way.worse(side, high, low).unwrap();
                assert_eq!(worse > Decimal::ZERO, low_is_better, "{what}");
            }
        }
    }

    #[test]
    fn the_codes_are_those_of_fix() {
        for (t, by_isin, code, stated) in [
            (PriceType::Price, true, 1, None),
            (PriceType::Price, false, 2, None),
            (PriceType::Spread, true, 6, Some(6)),
            (PriceType::Spread, false, 6, Some(6)),
            (PriceType::Yield, true, 9, Some(9)),
            (PriceType::Yield, false, 9, Some(9)),
        ] {
            assert_eq!((t.code(by_isin), t.stated()), (code, stated), "{t:?}");
            assert_eq!(PriceType::of(code), Some(t));
            assert_eq!(t.direction(), Direction::of(code).unwrap());
        }
        for other in [0, 3, 4, 5, 7, 8, 10, 11, 12, u16::MAX] {
            assert_eq!(PriceType::of(other), None, "{other}");
        }
        for t in PriceType::ALL {
            assert_eq!(PriceType::read(t.word()), Some(t));
        }
        assert_eq!(PriceType::read("discount margin"), None);
    }

    #[test]
    fn a_distance_is_in_basis_points_where_a_share_means_nothing() {
        let worse = Decimal::new(2, 2);
        assert_eq!(PriceType::Price.in_basis_points(worse), None);
        assert_eq!(PriceType::Yield.in_basis_points(worse), Some(Some(2.into())));
        assert_eq!(PriceType::Spread.in_basis_points(worse), Some(Some(worse)));
        assert_eq!(PriceType::Yield.in_basis_points(Decimal::MAX), Some(None));
        assert_eq!(PriceType::Price.as_of_a_price(worse), None);
        assert_eq!(PriceType::Yield.as_of_a_price(worse), Some(Some(20.into())));
        assert_eq!(PriceType::Spread.as_of_a_price(Decimal::TWO), Some(Some(20.into())));
        assert_eq!(PriceType::Spread.as_of_a_price(Decimal::MAX), Some(None));
    }
}
