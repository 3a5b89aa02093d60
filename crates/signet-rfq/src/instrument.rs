//! Instruments and their conventions.

use crate::{InstrumentId, PriceFormat, PriceType, group_digits, price_type};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::Bound};

/// Most decimals any price convention here uses.
pub(crate) const MAX_PRICE_DECIMALS: u8 = 8;
/// Most instruments a catalogue may hold.
pub const MAX_INSTRUMENTS: usize = 20_000;

/// What kind of instrument it is; it decides how the instrument is identified and quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AssetClass {
    /// Identified by ISIN, priced in percent of par.
    #[serde(rename = "Government bond")]
    GovernmentBond,
    /// Identified by ISIN, priced in percent of par.
    #[serde(rename = "Corporate bond")]
    CorporateBond,
    /// A currency pair, priced per unit.
    #[serde(rename = "FX spot")]
    FxSpot,
}

impl AssetClass {
    /// Every class, in the order in which a screen lists them.
    pub const ALL: [Self; 3] = [Self::GovernmentBond, Self::CorporateBond, Self::FxSpot];

    /// The class as files, screens and AssetClass (20031) write it.
    pub fn words(self) -> &'static str {
        match self {
            Self::GovernmentBond => "Government bond",
            Self::CorporateBond => "Corporate bond",
            Self::FxSpot => "FX spot",
        }
    }

    /// Bonds are identified by ISIN (SecurityIDSource 22=4); currency pairs by Symbol (55) alone.
    pub fn has_isin(self) -> bool {
        !matches!(self, Self::FxSpot)
    }
}

/// An instrument and its conventions, as a file or a SecurityList (35=y) gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// ISIN (SecurityID, 48) or currency pair (Symbol, 55); unique in a [`Catalogue`].
    pub id: InstrumentId,
    /// What traders call it, 1 to 120 characters; ShortSymbol (20030). Not an identifier.
    pub symbol: String,
    /// SecurityDesc (107), 1 to 120 characters.
    pub name: String,
    /// AssetClass (20031).
    pub asset_class: AssetClass,
    /// Currency the quantity is counted in.
    pub currency: String,
    /// Decimals a price is shown with, at most 8; PriceDecimals (20032).
    pub price_decimals: u8,
    /// What a price counts, for people: `% of par`, `USD per EUR`. PriceUnit (20033).
    pub price_unit: String,
    /// Smallest step of a price, above zero; Tick (20034).
    pub tick: Decimal,
    /// A quantity is a multiple of this; RoundLot (561).
    pub lot: Decimal,
    /// Smallest quantity, in `currency`; MinTradeVol (562).
    pub min_quantity: Decimal,
    /// Largest quantity, in `currency`; MaxTradeVol (20035).
    pub max_quantity: Decimal,
    /// `T+2`, `T+1`, `spot`.
    pub settlement: String,
    /// How people write its prices; left out for decimals.
    #[serde(default, skip_serializing_if = "PriceFormat::is_default")]
    pub price_format: PriceFormat,
    /// In which numbers it may be asked for, each once and the usual one first; left out for prices
    /// alone. PriceTypes (20038).
    #[serde(default = "price_type::plain", skip_serializing_if = "is_plain")]
    pub price_types: Vec<PriceType>,
}

/// Why an instrument, or a quantity of it, cannot be used. A bad record is the fault of whoever
/// wrote the catalogue, a bad quantity of whoever asks for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstrumentError {
    /// The id of a bond is not an ISIN by ISO 6166.
    #[error("instrument {0}: the ISIN's check digit is wrong")]
    BadIsin(InstrumentId),
    /// A field breaks its bounds; the text says which and how.
    #[error("instrument {0}: {1}")]
    BadConvention(InstrumentId, &'static str),
    /// Two records carry one id.
    #[error("instrument {0} is listed twice")]
    Twice(InstrumentId),
    /// More than [`MAX_INSTRUMENTS`] records.
    #[error("more than {MAX_INSTRUMENTS} instruments")]
    TooMany,
    /// A quantity below `min_quantity`.
    #[error("the smallest quantity for {symbol} is {min}")]
    TooSmall {
        /// The instrument's symbol.
        symbol: String,
        /// The smallest quantity, with thousands separated.
        min: String,
    },
    /// A quantity above `max_quantity`.
    #[error("the largest quantity for {symbol} is {max}")]
    TooLarge {
        /// The instrument's symbol.
        symbol: String,
        /// The largest quantity, with thousands separated.
        max: String,
    },
    /// A quantity that is not a multiple of `lot`.
    #[error("a quantity of {symbol} is a multiple of {lot}")]
    OffLot {
        /// The instrument's symbol.
        symbol: String,
        /// The lot, with thousands separated.
        lot: String,
    },
}

impl Instrument {
    /// Whether the record itself makes sense; for files and for messages from a peer.
    pub fn check(&self) -> Result<(), InstrumentError> {
        let bad = |why| Err(InstrumentError::BadConvention(self.id.clone(), why));
        let text =
            |s: &str| (1..=120).contains(&s.chars().count()) && !s.chars().any(char::is_control);
        if self.asset_class.has_isin() && !isin_check_digit(self.id.as_str()) {
            return Err(InstrumentError::BadIsin(self.id.clone()));
        }
        if !text(&self.symbol)
            || !text(&self.name)
            || !text(&self.price_unit)
            || !text(&self.settlement)
        {
            return bad(
                "symbol, name, price_unit and settlement are 1 to 120 printable characters",
            );
        }
        if let Some(why) = self.price_types_fault() {
            return bad(why);
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return bad("the currency is not an ISO 4217 code");
        }
        if self.price_decimals > MAX_PRICE_DECIMALS {
            return bad("too many price decimals");
        }
        if self.tick <= Decimal::ZERO
            || self.tick.normalize().scale() > u32::from(self.price_decimals)
        {
            return bad("the tick is not positive or finer than the price decimals");
        }
        if let Some(parts) = self.price_format.parts()
            && !self.tick.checked_mul(parts.into()).is_some_and(|t| t.fract().is_zero())
        {
            return bad("the tick is finer than what the price format can write");
        }
        if self.lot <= Decimal::ZERO
            || self.min_quantity <= Decimal::ZERO
            || self.max_quantity < self.min_quantity
        {
            return bad(
                "lot and quantities must be positive, and the largest not below the smallest",
            );
        }
        Ok(())
    }

    /// Whether people can tell it from every other one.
    fn check_letters(&self) -> Result<(), InstrumentError> {
        let texts: [&str; 4] = [&self.symbol, &self.name, &self.price_unit, &self.settlement];
        crate::letters::of_instrument(self.id.as_str(), texts)
            .map_err(|why| InstrumentError::BadConvention(self.id.clone(), why))
    }

    fn price_types_fault(&self) -> Option<&'static str> {
        // A spread and a discount margin have one code, and so have margins over two rates.
        let code = |t: &PriceType| t.code(false);
        let of = |t: &PriceType| self.price_types.iter().filter(|o| code(o) == code(t)).count();
        if self.price_types.is_empty() || self.price_types.iter().any(|t| of(t) > 1) {
            return Some(
                "it is asked for in at least one price type, in none twice, and in spreads or in \
                 discount margins over one rate, not in both",
            );
        }
        let abroad = |t: &PriceType| match t {
            PriceType::Margin(over) => over.currency.to_string() != self.currency,
            _ => false,
        };
        if self.price_types.iter().any(abroad) {
            return Some("the rate that a discount margin is over is in another currency");
        }
        if self.asset_class == AssetClass::FxSpot && !price_type::is_plain(&self.price_types) {
            return Some("a currency pair has prices only: no yield and no spread");
        }
        None
    }

    /// Whether somebody may ask for `q` of it: within its bounds and a multiple of its lot.
    pub fn check_quantity(&self, q: Decimal) -> Result<(), InstrumentError> {
        let symbol = || self.symbol.clone();
        if q < self.min_quantity {
            return Err(InstrumentError::TooSmall {
                symbol: symbol(),
                min: group_digits(self.min_quantity),
            });
        }
        if q > self.max_quantity {
            return Err(InstrumentError::TooLarge {
                symbol: symbol(),
                max: group_digits(self.max_quantity),
            });
        }
        if !q.checked_rem(self.lot).is_some_and(|rest| rest.is_zero()) {
            return Err(InstrumentError::OffLot { symbol: symbol(), lot: group_digits(self.lot) });
        }
        Ok(())
    }

    /// A price with exactly the instrument's decimals, so that columns align. More digits than the
    /// convention allows are kept: hiding part of a price is worse than a ragged column. Always
    /// decimals: `price_format` is for screens.
    pub fn format_price(&self, price: Decimal) -> String {
        let mut p = price.normalize();
        if p.scale() < u32::from(self.price_decimals) {
            p.rescale(u32::from(self.price_decimals));
        }
        p.to_string()
    }
}

impl Instrument {
    /// Whether somebody may ask for it in numbers of this type.
    pub fn has(&self, price_type: PriceType) -> bool {
        self.price_types.contains(&price_type)
    }

    /// The instrument as an RFQ in numbers of this type writes them: decimals, step and unit.
    pub fn told_in(&self, price_type: PriceType) -> Self {
        let told = Self { price_types: vec![price_type], ..self.clone() };
        match price_type.convention() {
            None => told,
            Some((price_decimals, tick, unit)) => Self {
                price_decimals,
                tick,
                price_unit: unit,
                price_format: PriceFormat::Decimals,
                ..told
            },
        }
    }

    /// The discount margin that somebody may ask for it in.
    pub fn margin(&self) -> Option<PriceType> {
        self.price_types.iter().copied().find(|t| matches!(t, PriceType::Margin(_)))
    }

    /// What its numbers count: the first type that it lists.
    pub fn price_type(&self) -> PriceType {
        self.price_types.first().copied().unwrap_or_default()
    }
}

fn is_plain(types: &[PriceType]) -> bool {
    price_type::is_plain(types)
}

/// ISO 6166: two letters, nine alphanumerics, and a check digit by the Luhn rule over the letters
/// spelled as numbers (A=10 ... Z=35).
pub fn isin_check_digit(isin: &str) -> bool {
    let b = isin.as_bytes();
    if b.len() != 12
        || !b[..2].iter().all(u8::is_ascii_uppercase)
        || !b[2..11].iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        || !b[11].is_ascii_digit()
    {
        return false;
    }
    let mut digits = Vec::with_capacity(24);
    for &c in b {
        let v = if c.is_ascii_digit() { c - b'0' } else { c - b'A' + 10 };
        if v >= 10 {
            digits.push(v / 10);
        }
        digits.push(v % 10);
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &d)| match (i % 2 == 1, u32::from(d) * 2) {
            (true, x) if x > 9 => x - 9,
            (true, x) => x,
            (false, _) => u32::from(d),
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The instruments somebody may trade, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue(BTreeMap<InstrumentId, Instrument>);

impl Catalogue {
    /// Checks each record; refuses the whole list for one that is bad, that looks like another or
    /// that repeats an id. Of a list from a peer the texts are cleaned before.
    pub fn new(instruments: impl IntoIterator<Item = Instrument>) -> Result<Self, InstrumentError> {
        let mut map = BTreeMap::new();
        for i in instruments {
            i.check()?;
            i.check_letters()?;
            if map.len() >= MAX_INSTRUMENTS {
                return Err(InstrumentError::TooMany);
            }
            if map.contains_key(&i.id) {
                return Err(InstrumentError::Twice(i.id));
            }
            map.insert(i.id.clone(), i);
        }
        Ok(Self(map))
    }

    /// The instrument with this id, if it is listed.
    pub fn get(&self, id: &InstrumentId) -> Option<&Instrument> {
        self.0.get(id)
    }

    /// Every instrument, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Instrument> {
        self.0.values()
    }

    /// Those whose ids come after `id`; without one, all. In the order of their ids.
    pub fn after(&self, id: Option<&InstrumentId>) -> impl Iterator<Item = &Instrument> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.range::<InstrumentId, _>((from, Bound::Unbounded)).map(|(_, i)| i)
    }

    /// How many instruments it lists.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it lists none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
pub(crate) fn bund() -> Instrument {
    Instrument {
        price_types: vec![crate::PriceType::Price],
        id: InstrumentId::new("DE0001102580").unwrap(),
        symbol: "DBR 0 02/32".into(),
        name: "Bundesrepublik Deutschland".into(),
        asset_class: AssetClass::GovernmentBond,
        currency: "EUR".into(),
        price_decimals: 3,
        price_unit: "% of par".into(),
        tick: "0.005".parse().unwrap(),
        lot: "1000".parse().unwrap(),
        min_quantity: "100000".parse().unwrap(),
        max_quantity: "100000000".parse().unwrap(),
        settlement: "T+2".into(),
        price_format: PriceFormat::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Benchmark;

    #[test]
    fn isin_check_digits() {
        for (isin, good) in [
            ("DE0001102580", true),
            ("US0378331005", true),
            ("AU0000XVGZA3", true),
            ("GB0002634946", true),
            ("DE0001102581", false),
            ("US037833100", false),
            ("us0378331005", false),
            ("US037833100X", false),
            // Good by the sum alone.
            ("1S0378331000", false),
            ("US03783310o0", false),
            ("US037833100G", false),
            // A digit that doubles to ten.
            ("DE000A0D9PT0", true),
        ] {
            assert_eq!(isin_check_digit(isin), good, "{isin}");
        }
    }

    #[test]
    fn a_quantity_keeps_to_the_instruments_conventions() {
        let b = bund();
        let q = |s: &str| b.check_quantity(s.parse().unwrap());
        assert_eq!(q("5000000"), Ok(()));
        assert_eq!((q("100000"), q("100000000")), (Ok(()), Ok(())), "the bounds are allowed");
        assert!(matches!(q("99000"), Err(InstrumentError::TooSmall { .. })));
        assert!(matches!(q("0"), Err(InstrumentError::TooSmall { .. })));
        assert!(matches!(q("-5000000"), Err(InstrumentError::TooSmall { .. })));
        assert!(matches!(q("100001000"), Err(InstrumentError::TooLarge { .. })));
        assert!(matches!(q("5000500"), Err(InstrumentError::OffLot { .. })));
    }

    #[test]
    fn prices_align_and_never_lose_a_digit() {
        let b = bund();
        for (p, want) in
            [("99.1", "99.100"), ("99", "99.000"), ("99.125", "99.125"), ("99.1255", "99.1255")]
        {
            assert_eq!(b.format_price(p.parse().unwrap()), want);
        }
    }

    #[test]
    fn an_instrument_is_written_in_the_convention_of_the_type() {
        let b = Instrument { price_types: vec![PriceType::Price, PriceType::Yield], ..bund() };
        assert!(b.has(PriceType::Yield) && !b.has(PriceType::Spread));
        assert_eq!(b.price_type(), PriceType::Price);
        let n = |s: &str| s.parse::<Decimal>().unwrap();
        let over = Benchmark::read("EURIBOR", "3M", "EUR").unwrap();
        let margin = PriceType::Margin(over);
        assert_eq!(b.told_in(margin).price_unit, "bp discount margin over EURIBOR 3M");
        for (t, number, want, tick) in [
            (PriceType::Price, "99.1", "99.100", "0.005"),
            (PriceType::Yield, "-0.25", "-0.250", "0.001"),
            (PriceType::Spread, "42", "42.0", "0.1"),
            (margin, "42", "42.0", "0.1"),
        ] {
            let told = b.told_in(t);
            assert_eq!(told.format_price(n(number)), want);
            assert_eq!((told.tick, told.price_type()), (n(tick), t));
            assert_eq!(told.check(), Ok(()));
        }
    }

    #[test]
    fn every_field_of_an_instrument_is_checked() {
        let n = |s: &str| s.parse::<Decimal>().unwrap();
        let good: [Instrument; 9] = [
            bund(),
            Instrument {
                price_format: PriceFormat::ThirtySeconds,
                price_decimals: 6,
                tick: n("0.015625"),
                ..bund()
            },
            Instrument {
                price_format: PriceFormat::ThirtySecondEighths,
                price_decimals: 8,
                tick: n("0.00390625"),
                ..bund()
            },
            Instrument { symbol: "x".repeat(120), name: "y".into(), ..bund() },
            Instrument { price_decimals: MAX_PRICE_DECIMALS, ..bund() },
            Instrument { tick: n("0.001"), ..bund() },
            Instrument { tick: n("0.0010"), ..bund() },
            Instrument { min_quantity: n("1000"), max_quantity: n("1000"), ..bund() },
            // A currency pair has no ISIN.
            Instrument {
                id: InstrumentId::new("EUR/USD").unwrap(),
                asset_class: AssetClass::FxSpot,
                ..bund()
            },
        ];
        for i in good {
            assert_eq!(i.check(), Ok(()), "{i:?}");
        }
        let bad: [(&str, Instrument); 15] = [
            ("price format", Instrument { price_format: PriceFormat::ThirtySeconds, ..bund() }),
            ("symbol", Instrument { symbol: "x".repeat(121), ..bund() }),
            ("symbol", Instrument { symbol: "a\u{7}b".into(), ..bund() }),
            ("symbol", Instrument { name: String::new(), ..bund() }),
            ("symbol", Instrument { price_unit: String::new(), ..bund() }),
            ("symbol", Instrument { settlement: String::new(), ..bund() }),
            ("currency", Instrument { currency: "EU".into(), ..bund() }),
            ("currency", Instrument { currency: "eur".into(), ..bund() }),
            ("decimals", Instrument { price_decimals: MAX_PRICE_DECIMALS + 1, ..bund() }),
            ("tick", Instrument { tick: n("0"), ..bund() }),
            ("tick", Instrument { tick: n("0.0005"), ..bund() }),
            ("lot", Instrument { lot: n("0"), ..bund() }),
            ("lot", Instrument { min_quantity: n("0"), ..bund() }),
            ("lot", Instrument { max_quantity: n("99999"), ..bund() }),
            ("check digit", Instrument { id: InstrumentId::new("EUR/USD").unwrap(), ..bund() }),
        ];
        for (word, i) in bad {
            assert!(i.check().unwrap_err().to_string().contains(word), "{i:?}");
        }
        for (class, (words, isin)) in AssetClass::ALL.into_iter().zip([
            ("Government bond", true),
            ("Corporate bond", true),
            ("FX spot", false),
        ]) {
            assert_eq!((class.words(), class.has_isin()), (words, isin));
        }
    }

    #[test]
    fn a_catalogue_holds_what_it_was_given() {
        let none = Catalogue::new([]).unwrap();
        assert!(none.is_empty() && none.get(&bund().id).is_none());
        let pair = Instrument {
            id: InstrumentId::new("EUR/USD").unwrap(),
            asset_class: AssetClass::FxSpot,
            ..bund()
        };
        let two = Catalogue::new([pair.clone(), bund()]).unwrap();
        assert!(!two.is_empty() && two.len() == 2 && two.iter().eq([&bund(), &pair]));
        assert_eq!(
            (two.get(&pair.id), two.get(&InstrumentId::new("GBP/USD").unwrap())),
            (Some(&pair), None)
        );
    }

    #[test]
    fn a_catalogue_refuses_nonsense() {
        let twice = Catalogue::new([bund(), bund()]);
        assert!(matches!(twice, Err(InstrumentError::Twice(_))));
        let wrong = Instrument { id: InstrumentId::new("DE0001102581").unwrap(), ..bund() };
        assert!(matches!(Catalogue::new([wrong]), Err(InstrumentError::BadIsin(_))));
        let fine_tick = Instrument { tick: "0.0001".parse().unwrap(), ..bund() };
        assert!(matches!(Catalogue::new([fine_tick]), Err(InstrumentError::BadConvention(..))));
    }
}
