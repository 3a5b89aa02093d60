//! What the numbers of a request and of its quotes count: PriceType (423).

use crate::{Benchmark, Over, Side, price_type_words};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

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
/// direction. Files keep it as the text that it is written as.
///
/// FIX 4.4 has no PriceType for a discount margin: it is a spread (6) with its reference rate (220
/// to 222). The rate is part of the type, so that nobody reads one as a spread, or as a margin over
/// another rate.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub enum PriceType {
    /// 1, percent of par, of what has an ISIN; 2, per unit, of everything else. Nothing needs to be
    /// said of it.
    #[default]
    Price,
    /// 9: yield in percent a year.
    Yield,
    /// 6: spread over a benchmark in basis points.
    Spread,
    /// 6 with 220 to 222: discount margin of a floating-rate note in basis points over the rate
    /// that it pays.
    Margin(Benchmark),
}

/// What stands before the reference rate where a type is written.
const MARGIN_OVER: &str = "discount margin over ";

/// A text is not a price type. At fault: whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a price type: price, yield, spread or a discount margin, such as `discount \
     margin over EURIBOR 3M in EUR`"
)]
pub struct NotAPriceType(String);

impl PriceType {
    /// The types that say everything by their word.
    pub const WITHOUT_REFERENCE: [Self; 3] = [Self::Price, Self::Yield, Self::Spread];
    /// How many types one instrument may list: it has spreads or discount margins, not both.
    pub const MOST: usize = 3;

    /// PriceType (423). `by_isin`: a price is percent of par.
    pub fn code(self, by_isin: bool) -> u16 {
        match self {
            Self::Price if by_isin => 1,
            Self::Price => 2,
            Self::Spread | Self::Margin(_) => 6,
            Self::Yield => 9,
        }
    }

    /// What a message states of it, where a price may be said, too. `by_isin`: as for
    /// [`Self::code`].
    pub fn stated_by(self, by_isin: bool) -> StatedType {
        let over = match self {
            Self::Margin(of) => Over::Reference(of),
            Self::Price | Self::Yield | Self::Spread => Over::Unsaid,
        };
        StatedType::new(self.code(by_isin), over)
    }

    /// What a message states of it where it has to be said; a plain price goes without.
    pub fn stated(self) -> Option<StatedType> {
        (self != Self::Price).then(|| self.stated_by(false))
    }

    /// What a dealer's report about a request in this type states, with what it leaves out: a
    /// report may have no PriceType (423), or none of 220 to 222.
    pub fn as_reported(self, stated: Option<StatedType>) -> Option<StatedType> {
        let without_benchmark = self.stated().map(|full| StatedType::from(full.code));
        let answers = stated.is_none_or(|s| s.price_type() == Some(self))
            || (matches!(self, Self::Margin(_)) && stated == without_benchmark);
        // What the request is in goes without saying where it is a price.
        if answers && self != Self::Price { self.stated() } else { stated }
    }

    /// The kind of it, without what a discount margin is over.
    pub fn word(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Yield => "yield",
            Self::Spread => "spread",
            Self::Margin(_) => "discount margin",
        }
    }

    /// Its numbers, for people: `yields`, `discount margins over EURIBOR 3M in EUR`.
    pub fn plural(self) -> String {
        match self {
            Self::Margin(of) => format!("discount margins over {of}"),
            other => format!("{}s", other.word()),
        }
    }

    /// The type of a text that [`PriceType`] is written as.
    pub fn read(text: &str) -> Option<Self> {
        if let Some(over) = text.strip_prefix(MARGIN_OVER) {
            let margin = Benchmark::read_text(over).map(Self::Margin);
            return margin.filter(|m| m.to_string() == text);
        }
        Self::WITHOUT_REFERENCE.into_iter().find(|t| t.word() == text)
    }

    /// Which way its numbers are good.
    pub fn direction(self) -> Direction {
        match self {
            Self::Price => Direction::Price,
            Self::Yield | Self::Spread | Self::Margin(_) => Direction::Yield,
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
    pub(crate) fn convention(self) -> Option<(u8, Decimal, String)> {
        let tenth = Decimal::new(1, 1);
        match self {
            Self::Price => None,
            Self::Yield => Some((3, Decimal::new(1, 3), "% yield".into())),
            Self::Spread => Some((1, tenth, "bp spread".into())),
            Self::Margin(of) => Some((1, tenth, format!("bp discount margin over {}", of.short()))),
        }
    }

    /// A distance in basis points; `None` for a price, whose distance is a share of it. The inner
    /// `None`: it cannot be written.
    pub fn in_basis_points(self, worse: Decimal) -> Option<Option<Decimal>> {
        match self {
            Self::Price => None,
            Self::Yield => Some(worse.checked_mul(Decimal::ONE_HUNDRED)),
            Self::Spread | Self::Margin(_) => Some(Some(worse)),
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

/// As files and approval texts write it: `price`, `yield`, `spread`, `discount margin over EURIBOR
/// 3M in EUR`.
impl fmt::Display for PriceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Margin(of) => write!(f, "{MARGIN_OVER}{of}"),
            other => f.write_str(other.word()),
        }
    }
}

impl From<PriceType> for String {
    fn from(of: PriceType) -> Self {
        of.to_string()
    }
}

impl TryFrom<String> for PriceType {
    type Error = NotAPriceType;
    fn try_from(text: String) -> Result<Self, NotAPriceType> {
        Self::read(&text).ok_or(NotAPriceType(text))
    }
}

/// What a message states of its numbers: PriceType (423), and what a spread (6) is over (220 to
/// 222). Whatever a peer writes there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatedType {
    code: u16,
    over: Over,
}

impl StatedType {
    /// `over` says something of a spread (6) only.
    pub fn new(code: u16, over: Over) -> Self {
        Self { code, over: if code == 6 { over } else { Over::Unsaid } }
    }

    /// PriceType (423).
    pub fn code(self) -> u16 {
        self.code
    }

    /// What it is over.
    pub fn over(self) -> Over {
        self.over
    }

    /// The type that it states; `None` for one that is not traded here.
    pub fn price_type(self) -> Option<PriceType> {
        match (self.code, self.over) {
            (1 | 2, _) => Some(PriceType::Price),
            (6, Over::Unsaid | Over::Curve(_)) => Some(PriceType::Spread),
            (6, Over::Reference(of)) => Some(PriceType::Margin(of)),
            (9, _) => Some(PriceType::Yield),
            _ => None,
        }
    }

    /// Whether a quote that states this answers a request in `asked`. `by_isin`: as for
    /// [`PriceType::code`].
    pub fn answers(self, asked: PriceType, by_isin: bool) -> bool {
        self.code == asked.code(by_isin) && self.price_type() == Some(asked)
    }

    /// What it counts, for people: `a yield`, `a discount margin over SONIA 3M in GBP`.
    pub fn words(self) -> String {
        match (self.price_type(), self.over) {
            (Some(margin @ PriceType::Margin(_)), _) => format!("a {margin}"),
            (None, Over::Unreadable) => {
                "a spread over something that is not read as a benchmark (220 to 222)".into()
            }
            _ => price_type_words(self.code).into(),
        }
    }

    /// The fields that say it.
    pub(crate) fn fields(self) -> String {
        match self.over {
            Over::Reference(_) => format!("{} with BenchmarkCurveName (221)", self.code),
            Over::Unsaid | Over::Curve(_) | Over::Unreadable => self.code.to_string(),
        }
    }
}

/// A PriceType (423) alone.
impl From<u16> for StatedType {
    fn from(code: u16) -> Self {
        Self::new(code, Over::Unsaid)
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
    use proptest::prelude::*;

    fn margin(rate: &str, point: &str, currency: &str) -> PriceType {
        PriceType::Margin(Benchmark::read(rate, point, currency).unwrap())
    }

    fn euribor() -> PriceType {
        margin("EURIBOR", "3M", "EUR")
    }

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
            (euribor(), Side::Buy, false),
            (euribor(), Side::Sell, true),
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
            assert_eq!(
                (t.code(by_isin), t.stated()),
                (code, stated.map(StatedType::from)),
                "{t:?}"
            );
            assert_eq!(StatedType::from(code).price_type(), Some(t));
            assert_eq!(t.stated_by(by_isin), StatedType::from(code));
            assert_eq!(t.direction(), Direction::of(code).unwrap());
        }
        let PriceType::Margin(over) = euribor() else { panic!() };
        let stated = StatedType::new(6, Over::Reference(over));
        assert_eq!((euribor().code(true), euribor().stated()), (6, Some(stated)));
        assert_eq!(stated.price_type(), Some(euribor()));
        for other in [0, 3, 4, 5, 7, 8, 10, 11, 12, u16::MAX] {
            assert_eq!(StatedType::from(other).price_type(), None, "{other}");
        }
    }

    #[test]
    fn a_type_has_one_text() {
        let all = PriceType::WITHOUT_REFERENCE.into_iter().chain([euribor()]);
        for (t, text) in
            all.zip(["price", "yield", "spread", "discount margin over EURIBOR 3M in EUR"])
        {
            assert_eq!(t.to_string(), text);
            assert_eq!(PriceType::read(text), Some(t));
            assert_eq!(PriceType::try_from(text.to_owned()), Ok(t));
        }
        for bad in [
            "",
            "Price",
            "discount margin",
            "discount margin over ",
            "discount margin over EURIBOR 3M",
            "discount margin over Euribor 3M in EUR",
            "discount margin over EURIBOR 3M in EUR ",
            "discount margin over Treasury 10Y in EUR",
        ] {
            assert_eq!(PriceType::read(bad), None, "{bad:?}");
        }
        assert_eq!(PriceType::Yield.plural(), "yields");
        assert_eq!(euribor().plural(), "discount margins over EURIBOR 3M in EUR");
    }

    /// What answers what. The columns are what was asked for: a spread, a margin over EURIBOR 3M,
    /// one over SONIA 3M, and a yield.
    #[test]
    fn table_of_what_is_stated_and_what_was_asked_for() {
        let over = |t: PriceType| match t {
            PriceType::Margin(of) => Over::Reference(of),
            _ => Over::Unsaid,
        };
        let sonia = margin("SONIA", "3M", "GBP");
        let asked = [PriceType::Spread, euribor(), sonia, PriceType::Yield];
        for (code, of, want) in [
            (6, Over::Unsaid, [true, false, false, false]),
            (6, Over::Curve("SWAP"), [true, false, false, false]),
            (6, Over::Unreadable, [false; 4]),
            (6, over(euribor()), [false, true, false, false]),
            (6, over(sonia), [false, false, true, false]),
            (6, over(margin("EURIBOR", "6M", "EUR")), [false; 4]),
            (6, over(margin("EURIBOR", "3M", "USD")), [false; 4]),
            // A benchmark says nothing of another type.
            (9, over(euribor()), [false, false, false, true]),
            (1, over(euribor()), [false; 4]),
        ] {
            let stated = StatedType::new(code, of);
            let got = asked.map(|a| stated.answers(a, true));
            assert_eq!(got, want, "{stated:?}");
        }
    }

    #[test]
    fn what_a_report_leaves_out_is_as_it_was_asked_for() {
        let (spread, yields) = (StatedType::from(6), StatedType::from(9));
        let unreadable = StatedType::new(6, Over::Unreadable);
        let margin = euribor().stated();
        let curve = Some(StatedType::new(6, Over::Curve("SWAP")));
        for (of, stated, want) in [
            (PriceType::Price, None, None),
            (PriceType::Yield, None, Some(yields)),
            (PriceType::Yield, Some(spread), Some(spread)),
            (PriceType::Spread, None, Some(spread)),
            (PriceType::Spread, margin, margin),
            (euribor(), None, margin),
            (euribor(), Some(spread), margin),
            (euribor(), margin, margin),
            (euribor(), Some(yields), Some(yields)),
            (euribor(), Some(unreadable), Some(unreadable)),
            (euribor(), curve, curve),
            (PriceType::Spread, curve, Some(spread)),
            (PriceType::Price, Some(StatedType::from(1)), Some(StatedType::from(1))),
        ] {
            assert_eq!(of.as_reported(stated), want, "{of:?} {stated:?}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_read_as_what_is_written_so_or_as_nothing(
            text in prop_oneof![
                "\\PC{0,40}",
                "(discount margin over )?[A-Za-z]{3,8} [0-9]{0,2}[DWMYN]{1,2} in [A-Z]{3}"
            ],
        ) {
            if let Some(t) = PriceType::read(&text) {
                prop_assert_eq!(t.to_string(), text);
            }
        }
    }

    #[test]
    fn a_distance_is_in_basis_points_where_a_share_means_nothing() {
        let worse = Decimal::new(2, 2);
        assert_eq!(PriceType::Price.in_basis_points(worse), None);
        assert_eq!(PriceType::Yield.in_basis_points(worse), Some(Some(2.into())));
        assert_eq!(PriceType::Spread.in_basis_points(worse), Some(Some(worse)));
        assert_eq!(euribor().in_basis_points(worse), Some(Some(worse)));
        assert_eq!(PriceType::Yield.in_basis_points(Decimal::MAX), Some(None));
        assert_eq!(PriceType::Price.as_of_a_price(worse), None);
        assert_eq!(PriceType::Yield.as_of_a_price(worse), Some(Some(20.into())));
        assert_eq!(PriceType::Spread.as_of_a_price(Decimal::TWO), Some(Some(20.into())));
        assert_eq!(PriceType::Spread.as_of_a_price(Decimal::MAX), Some(None));
        assert_eq!(euribor().as_of_a_price(Decimal::TWO), Some(Some(20.into())));
    }
}
