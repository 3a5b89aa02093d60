//! The instruments that the dealers quote, read from a file.

use std::collections::BTreeMap;
use std::path::Path;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The most instruments one file may hold.
const INSTRUMENTS_MAX: usize = 10_000;

/// What a spread (423=6) is over, as a message says it. A field that is not there is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Benchmark {
    /// BenchmarkCurveCurrency (220).
    pub currency: String,
    /// BenchmarkCurveName (221).
    pub name: String,
    /// BenchmarkCurvePoint (222).
    pub point: String,
}

impl Benchmark {
    fn is(&self, other: &Self) -> bool {
        self.currency == other.currency
            && self.name.eq_ignore_ascii_case(&other.name)
            && self.point == other.point
    }
}

/// One tradable instrument. Every decimal is exact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// The ISIN, or the currency pair.
    pub id: String,
    /// Symbol (tag 55).
    pub symbol: String,
    /// Its name, for people.
    pub name: String,
    /// Which dealers quote it: those that cover this class.
    pub asset_class: String,
    /// What quantities are counted in (tag 15).
    pub currency: String,
    /// Decimals of a price as it travels.
    pub price_decimals: u32,
    /// What a price counts, for people.
    pub price_unit: String,
    /// Every price is a multiple of it.
    pub tick: Decimal,
    /// Every quantity is a multiple of it.
    pub lot: Decimal,
    /// Least quantity that is quoted.
    pub min_quantity: Decimal,
    /// Largest quantity that is quoted.
    pub max_quantity: Decimal,
    /// `T+n`, in business days.
    pub settlement: String,
    /// How people write its prices; a dealer's engine sends decimals.
    #[serde(default)]
    pub price_format: Option<String>,
    /// In which numbers it may be asked for; left out for prices alone.
    #[serde(default)]
    pub price_types: Option<Vec<String>>,
    /// Where the simulated market starts in yields, percent.
    #[serde(default)]
    pub reference_yield: Option<Decimal>,
    /// Where it starts in spreads, basis points.
    #[serde(default)]
    pub reference_spread: Option<Decimal>,
    /// The rate that a floating-rate note pays, by which it may be asked for in discount margins.
    #[serde(default)]
    pub reference_rate: Option<String>,
    /// For how long that rate is fixed: `3M`.
    #[serde(default)]
    pub reference_point: Option<String>,
    /// Where the simulated market starts in discount margins, basis points.
    #[serde(default)]
    pub reference_margin: Option<Decimal>,
    /// Its numbers fall as its price rises: a bid is above an offer.
    #[serde(skip)]
    pub inverse: bool,
    /// Where the simulated market starts.
    pub reference_mid: Decimal,
    /// Half of the simulated market's bid-offer spread.
    pub half_spread: Decimal,
}

/// The file of instruments cannot be used. At fault: whoever wrote it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstrumentError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The text is not TOML, or has other keys than an instrument.
    #[error("not a list of instruments: {0}")]
    Syntax(#[from] toml::de::Error),
    /// More instruments than one file may hold.
    #[error("{0} instruments; at most {INSTRUMENTS_MAX} are allowed")]
    TooMany(usize),
    /// A value of one instrument does not fit the others.
    #[error("instrument {id}: {why}")]
    Bad {
        /// The instrument's id.
        id: String,
        /// What is wrong.
        why: &'static str,
    },
}

/// All instruments, by id.
#[derive(Debug, Clone, Default)]
pub struct Instruments(BTreeMap<String, Instrument>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    instrument: Vec<Instrument>,
}

impl Instruments {
    /// Reads a TOML file of `[[instrument]]` tables.
    pub fn from_file(path: &Path) -> Result<Self, InstrumentError> {
        let path_name = || path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| InstrumentError::Unreadable { path: path_name(), source })?;
        Self::parse(&text)
    }

    /// Parses the text of such a file.
    pub fn parse(text: &str) -> Result<Self, InstrumentError> {
        let File { instrument: list } = toml::from_str(text)?;
        if list.len() > INSTRUMENTS_MAX {
            return Err(InstrumentError::TooMany(list.len()));
        }
        let mut all = BTreeMap::new();
        for instrument in list {
            instrument.check()?;
            let id = instrument.id.clone();
            if all.insert(id.clone(), instrument).is_some() {
                return Err(InstrumentError::Bad { id, why: "occurs twice" });
            }
        }
        Ok(Self(all))
    }

    /// Finds by SecurityID (48) where there is one, else by Symbol (55).
    #[must_use]
    pub fn find(&self, symbol: &str, security_id: Option<&str>) -> Option<&Instrument> {
        match security_id {
            Some(id) => self.0.get(id),
            None => self.0.get(symbol).or_else(|| self.0.values().find(|i| i.symbol == symbol)),
        }
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Instrument> {
        self.0.values()
    }
}

impl Instrument {
    /// Whether the id is an ISIN rather than a currency pair.
    #[must_use]
    pub fn has_isin(&self) -> bool {
        is_isin(&self.id)
    }

    /// The instrument as it is quoted in a PriceType (423), over a benchmark or not; `None` for one
    /// in which it is not. A request that has no 423 is for a price.
    #[must_use]
    pub fn told_in(&self, price_type: Option<&str>, over: Option<&Benchmark>) -> Option<Self> {
        let inverse = |mid: Option<Decimal>, price_decimals, half_spread| {
            let tick = Decimal::new(1, price_decimals);
            Some(Self {
                reference_mid: mid?,
                inverse: true,
                price_decimals,
                half_spread,
                tick,
                ..self.clone()
            })
        };
        match (price_type, over) {
            (None | Some("1" | "2"), None) => Some(self.clone()),
            (Some("9"), None) => inverse(self.reference_yield, 3, Decimal::new(4, 3)),
            (Some("6"), None) => inverse(self.reference_spread, 1, Decimal::new(4, 1)),
            (Some("6"), Some(over)) if self.benchmark().is_some_and(|own| own.is(over)) => {
                inverse(self.reference_margin, 1, Decimal::new(4, 1))
            }
            _ => None,
        }
    }

    /// What its discount margins are over.
    fn benchmark(&self) -> Option<Benchmark> {
        let (name, point) = self.reference_rate.clone().zip(self.reference_point.clone())?;
        Some(Benchmark { currency: self.currency.clone(), name, point })
    }

    /// Business days from trade to settlement.
    #[must_use]
    pub fn settlement_days(&self) -> u8 {
        self.settlement.strip_prefix("T+").and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    /// Whether the market's start is known in every type that is listed, and in no other.
    fn has_references(&self) -> bool {
        let listed = |word: &str| self.price_types.iter().flatten().any(|t| t == word);
        let fits = |word, of: Option<Decimal>, scale| {
            listed(word) == of.is_some() && of.is_none_or(|d| d.scale() <= scale)
        };
        fits("yield", self.reference_yield, 3)
            && fits("spread", self.reference_spread, 1)
            && fits("discount margin", self.reference_margin, 1)
            && self.benchmark().is_some() == self.reference_margin.is_some()
    }

    fn check(&self) -> Result<(), InstrumentError> {
        let is_multiple = |value: Decimal, of: Decimal| (value % of).is_zero();
        let why = if !is_isin(&self.id) && !is_currency_pair(&self.id) {
            "the id is neither an ISIN with a right check digit nor a currency pair"
        } else if self.tick <= Decimal::ZERO || self.lot <= Decimal::ZERO {
            "tick and lot are above zero"
        } else if self.tick.normalize().scale() > self.price_decimals {
            "the tick has more decimals than the price"
        } else if self.min_quantity <= Decimal::ZERO || self.min_quantity > self.max_quantity {
            "min_quantity is above zero and not above max_quantity"
        } else if !is_multiple(self.min_quantity, self.lot)
            || !is_multiple(self.max_quantity, self.lot)
        {
            "min_quantity and max_quantity are multiples of the lot"
        } else if self.half_spread <= Decimal::ZERO || self.half_spread >= self.reference_mid {
            "half_spread is above zero and below reference_mid"
        } else if !is_multiple(self.reference_mid, self.tick) {
            "reference_mid is a multiple of the tick"
        } else if !self.has_references() {
            "reference_yield, reference_spread and reference_margin are there for the price_types \
             that need them, in three decimals and in one, and reference_rate and reference_point \
             for the last"
        } else if !matches!(self.settlement.as_str(), "T+0" | "T+1" | "T+2" | "T+3") {
            "settlement is T+0 to T+3"
        } else {
            return Ok(());
        };
        Err(InstrumentError::Bad { id: self.id.clone(), why })
    }
}

/// ISO 6166: two letters, nine characters, and a check digit (the Luhn formula over the letters
/// written as numbers).
#[must_use]
pub fn is_isin(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 12
        && bytes.iter().take(2).all(u8::is_ascii_uppercase)
        && bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && bytes.last().is_some_and(u8::is_ascii_digit);
    if !shape {
        return false;
    }
    let mut digits: Vec<u32> = Vec::with_capacity(24);
    for value in text.chars().filter_map(|c| c.to_digit(36)) {
        if value >= 10 {
            digits.push(value / 10);
        }
        digits.push(value % 10);
    }
    let weigh = |(place, digit): (usize, &u32)| {
        let doubled = if place % 2 == 1 { digit * 2 } else { *digit };
        doubled / 10 + doubled % 10
    };
    digits.iter().rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
}

fn is_currency_pair(text: &str) -> bool {
    let is_currency = |s: &str| s.len() == 3 && s.bytes().all(|b| b.is_ascii_uppercase());
    text.split_once('/').is_some_and(|(base, quote)| is_currency(base) && is_currency(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file that ships with the simulator.
    pub(crate) const SHIPPED: &str = include_str!("../instruments.toml");

    #[test]
    fn the_shipped_file_is_right_and_varied() {
        let all = Instruments::parse(SHIPPED).unwrap();
        assert!(all.iter().count() >= 30);
        for class in ["Government bond", "Corporate bond", "FX spot"] {
            assert!(all.iter().filter(|i| i.asset_class == class).count() >= 4, "{class}");
        }
        for instrument in all.iter() {
            assert_eq!(instrument.has_isin(), instrument.asset_class != "FX spot");
            assert_eq!(instrument.reference_mid.scale(), instrument.price_decimals);
        }
    }

    #[test]
    fn iso_6166_check_digit() {
        for right in ["US0378331005", "DE000BU2Z049", "GB0002634946", "AU0000XVGZA3"] {
            assert!(is_isin(right), "{right}");
        }
        for wrong in ["US0378331006", "DE000BU2Z048", "DE000BU2Z04", "de000bu2z049", "EUR/USD", ""]
        {
            assert!(!is_isin(wrong), "{wrong}");
        }
    }

    #[test]
    fn no_single_wrong_digit_goes_unnoticed() {
        for instrument in Instruments::parse(SHIPPED).unwrap().iter().filter(|i| i.has_isin()) {
            for place in 2..12 {
                let mut id = instrument.id.clone().into_bytes();
                if id[place].is_ascii_digit() {
                    id[place] = b'0' + (id[place] - b'0' + 1) % 10;
                    assert!(!is_isin(&String::from_utf8(id).unwrap()), "{}", instrument.id);
                }
            }
        }
    }

    #[test]
    fn found_by_isin_symbol_or_pair() {
        let all = Instruments::parse(SHIPPED).unwrap();
        assert_eq!(all.find("whatever", Some("DE000BU2Z049")).unwrap().symbol, "DBR 2.5 02/35");
        assert_eq!(all.find("DBR 2.5 02/35", None).unwrap().id, "DE000BU2Z049");
        assert_eq!(all.find("EUR/USD", None).unwrap().id, "EUR/USD");
        assert!(all.find("EUR/XXX", None).is_none());
        assert!(all.find("EUR/USD", Some("XS0000000000")).is_none());
    }

    #[test]
    fn a_floating_rate_note_is_quoted_over_its_own_rate_only() {
        let all = Instruments::parse(SHIPPED).unwrap();
        let note = all.find("", Some("IT0005451361")).unwrap();
        let over = |name: &str, point: &str, currency: &str| {
            let (name, point, currency) = (name.into(), point.into(), currency.into());
            Benchmark { currency, name, point }
        };
        for (price_type, of, quoted) in [
            (Some("6"), Some(over("Euribor", "6M", "EUR")), true),
            (Some("6"), Some(over("EURIBOR", "6M", "EUR")), true),
            (Some("6"), Some(over("Euribor", "3M", "EUR")), false),
            (Some("6"), Some(over("EONIA", "6M", "EUR")), false),
            (Some("6"), Some(over("Euribor", "6M", "USD")), false),
            (Some("6"), Some(over("Euribor", "", "EUR")), false),
            (Some("6"), None, false),
            (Some("9"), Some(over("Euribor", "6M", "EUR")), false),
            (None, None, true),
        ] {
            let told = note.told_in(price_type, of.as_ref());
            assert_eq!(told.is_some(), quoted, "{price_type:?} {of:?}");
            let margin = told.filter(|_| of.is_some()).map(|t| t.reference_mid);
            assert!(margin.is_none() || margin == note.reference_margin);
        }
        let gone = SHIPPED.replacen("reference_rate = \"EURIBOR\"\n", "", 1);
        assert!(Instruments::parse(&gone).unwrap_err().to_string().contains("reference_rate"));
    }

    #[test]
    fn a_bad_entry_is_named() {
        let bad = SHIPPED.replacen("DE000BU2Z049", "DE000BU2Z048", 1);
        let error = Instruments::parse(&bad).unwrap_err().to_string();
        assert!(error.contains("DE000BU2Z048") && error.contains("check digit"), "{error}");
        let bad = SHIPPED.replacen("tick = \"0.005\"", "tick = \"0\"", 1);
        assert!(Instruments::parse(&bad).unwrap_err().to_string().contains("above zero"));
    }
}
