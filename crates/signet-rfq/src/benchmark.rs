//! What a discount margin is over: the benchmark of FIX 4.4, BenchmarkCurveCurrency (220),
//! BenchmarkCurveName (221) and BenchmarkCurvePoint (222).

use std::fmt;

/// The curves of FIX 4.4 that no floating-rate note pays. A spread may name one.
const OTHER_CURVES: [&str; 5] = ["MuniAAA", "FutureSWAP", "SWAP", "Treasury", "Pfandbriefe"];

/// A rate that floating-rate notes pay, as BenchmarkCurveName (221) of FIX 4.4 has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceRate {
    /// EONIA
    Eonia,
    /// EUREPO
    Eurepo,
    /// EURIBOR
    Euribor,
    /// LIBID
    Libid,
    /// LIBOR
    Libor,
    /// SONIA
    Sonia,
    /// One that FIX 4.4 has no name for; venue and dealers agree which.
    Other,
}

impl ReferenceRate {
    /// Every rate.
    pub const ALL: [Self; 7] = [
        Self::Eonia,
        Self::Eurepo,
        Self::Euribor,
        Self::Libid,
        Self::Libor,
        Self::Sonia,
        Self::Other,
    ];

    /// As files and people write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Eonia => "EONIA",
            Self::Eurepo => "EUREPO",
            Self::Euribor => "EURIBOR",
            Self::Libid => "LIBID",
            Self::Libor => "LIBOR",
            Self::Sonia => "SONIA",
            Self::Other => "OTHER",
        }
    }

    /// BenchmarkCurveName (221), as FIX 4.4 spells it.
    pub const fn curve_name(self) -> &'static str {
        match self {
            Self::Euribor => "Euribor",
            other => other.word(),
        }
    }

    /// The rate of this name. Later versions of FIX write `EURIBOR` for the `Euribor` of FIX 4.4,
    /// and no two names differ in their capitals alone.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.word().eq_ignore_ascii_case(name))
    }
}

/// A unit of the time for which a rate is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Period {
    Day,
    Week,
    Month,
    Year,
}

impl Period {
    const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    const fn letter(self) -> char {
        match self {
            Self::Day => 'D',
            Self::Week => 'W',
            Self::Month => 'M',
            Self::Year => 'Y',
        }
    }
}

/// For how long a rate is fixed: `ON` (overnight), `1W`, `3M`, `1Y`. `12M` and `1Y` are different
/// points, as two texts of BenchmarkCurvePoint (222) are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CurvePoint(Option<(u8, Period)>);

impl CurvePoint {
    const OVERNIGHT: &'static str = "ON";

    /// The point of a text that [`CurvePoint`] writes: 1 to 99 days, weeks, months or years.
    pub fn read(text: &str) -> Option<Self> {
        if text == Self::OVERNIGHT {
            return Some(Self(None));
        }
        let of = |p: Period| text.strip_suffix(p.letter()).map(|digits| (digits, p));
        let (digits, period) = Period::ALL.into_iter().find_map(of)?;
        let plain = (1..=2).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit());
        let count = digits.parse::<u8>().ok().filter(|_| plain)?;
        Some(Self(Some((count, period))))
    }
}

impl fmt::Display for CurvePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str(Self::OVERNIGHT),
            Some((count, period)) => write!(f, "{count}{}", period.letter()),
        }
    }
}

/// An ISO 4217 code: three capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CurveCurrency([u8; 3]);

impl CurveCurrency {
    /// The code of a text.
    pub fn read(text: &str) -> Option<Self> {
        let code: [u8; 3] = text.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code))
    }
}

impl fmt::Display for CurveCurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{}", char::from(*b)))
    }
}

/// The reference rate of a floating-rate note. Two that differ in anything are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Benchmark {
    /// BenchmarkCurveName (221).
    pub rate: ReferenceRate,
    /// BenchmarkCurvePoint (222).
    pub point: CurvePoint,
    /// BenchmarkCurveCurrency (220).
    pub currency: CurveCurrency,
}

impl Benchmark {
    /// The benchmark of these three texts.
    pub fn read(rate: &str, point: &str, currency: &str) -> Option<Self> {
        Some(Self {
            rate: ReferenceRate::read(rate)?,
            point: CurvePoint::read(point)?,
            currency: CurveCurrency::read(currency)?,
        })
    }

    /// The benchmark of a text that [`Benchmark`] writes.
    pub(crate) fn read_text(text: &str) -> Option<Self> {
        let (named, currency) = text.rsplit_once(" in ")?;
        let (rate, point) = named.split_once(' ')?;
        Self::read(rate, point, currency)
    }

    /// Without the currency, which is that of the instrument: `EURIBOR 3M`.
    pub fn short(self) -> String {
        format!("{} {}", self.rate.word(), self.point)
    }
}

/// `EURIBOR 3M in EUR`
impl fmt::Display for Benchmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in {}", self.rate.word(), self.point, self.currency)
    }
}

/// What a message says that a spread (423=6) is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Over {
    /// It has none of 220 to 222.
    Unsaid,
    /// A curve of government bonds, swaps or the like, by its name in FIX 4.4: it is a spread.
    Curve(&'static str),
    /// A reference rate: it is a discount margin.
    Reference(Benchmark),
    /// Something that is not known here, or not all of a benchmark.
    Unreadable,
}

impl Over {
    /// Of BenchmarkCurveName (221), BenchmarkCurvePoint (222) and BenchmarkCurveCurrency (220) as
    /// they came.
    pub fn of(name: Option<&str>, point: Option<&str>, currency: Option<&str>) -> Self {
        if (name, point, currency) == (None, None, None) {
            return Self::Unsaid;
        }
        let curve = |n: &str| OTHER_CURVES.into_iter().find(|c| c.eq_ignore_ascii_case(n));
        if let Some(curve) = name.and_then(curve) {
            return Self::Curve(curve);
        }
        match (name, point, currency) {
            (Some(name), Some(point), Some(currency)) => {
                Benchmark::read(name, point, currency).map_or(Self::Unreadable, Self::Reference)
            }
            _ => Self::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_have_the_names_of_fix_4_4_and_are_read_in_any_capitals() {
        for (rate, word, name) in [
            (ReferenceRate::Eonia, "EONIA", "EONIA"),
            (ReferenceRate::Eurepo, "EUREPO", "EUREPO"),
            (ReferenceRate::Euribor, "EURIBOR", "Euribor"),
            (ReferenceRate::Libid, "LIBID", "LIBID"),
            (ReferenceRate::Libor, "LIBOR", "LIBOR"),
            (ReferenceRate::Sonia, "SONIA", "SONIA"),
            (ReferenceRate::Other, "OTHER", "OTHER"),
        ] {
            assert_eq!((rate.word(), rate.curve_name()), (word, name));
            for text in [word, name, &word.to_lowercase()] {
                assert_eq!(ReferenceRate::read(text), Some(rate), "{text}");
            }
        }
        for other in ["", "EUROBOR", "Euribor ", "SOFR", "Treasury", "SWAP"] {
            assert_eq!(ReferenceRate::read(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_point_has_one_text() {
        for text in ["ON", "1D", "1W", "2W", "3M", "12M", "1Y", "99Y"] {
            let read = CurvePoint::read(text).map(|p| p.to_string());
            assert_eq!(read.as_deref(), Some(text));
        }
        for bad in ["", "on", "M", "0M", "03M", "100M", "3m", "3", "3MM", "-3M", "+3M", "3 M", "é"]
        {
            assert_eq!(CurvePoint::read(bad), None, "{bad:?}");
        }
        assert_ne!(CurvePoint::read("12M"), CurvePoint::read("1Y"));
    }

    #[test]
    fn what_a_spread_is_over() {
        let euribor = Benchmark::read("EURIBOR", "3M", "EUR").unwrap();
        assert_eq!(euribor.to_string(), "EURIBOR 3M in EUR");
        assert_eq!(euribor.short(), "EURIBOR 3M");
        for (name, point, currency, want) in [
            (None, None, None, Over::Unsaid),
            (Some("Euribor"), Some("3M"), Some("EUR"), Over::Reference(euribor)),
            (Some("EURIBOR"), Some("3M"), Some("EUR"), Over::Reference(euribor)),
            (Some("Treasury"), None, None, Over::Curve("Treasury")),
            (Some("treasury"), Some("10Y"), Some("EUR"), Over::Curve("Treasury")),
            (Some("SWAP"), Some("INTERPOLATED"), None, Over::Curve("SWAP")),
            // Part of a benchmark, or one that is not known.
            (Some("Euribor"), None, None, Over::Unreadable),
            (Some("Euribor"), Some("3M"), None, Over::Unreadable),
            (Some("Euribor"), None, Some("EUR"), Over::Unreadable),
            (None, Some("3M"), Some("EUR"), Over::Unreadable),
            (None, None, Some("EUR"), Over::Unreadable),
            (Some("EUROBOR"), Some("3M"), Some("EUR"), Over::Unreadable),
            (Some("Euribor"), Some("3 months"), Some("EUR"), Over::Unreadable),
            (Some("Euribor"), Some("3M"), Some("eur"), Over::Unreadable),
            (Some("Euribor"), Some("3M"), Some("EURO"), Over::Unreadable),
            (Some(""), Some(""), Some(""), Over::Unreadable),
        ] {
            assert_eq!(Over::of(name, point, currency), want, "{name:?} {point:?} {currency:?}");
        }
        for (name, point, currency) in
            [("SONIA", "3M", "EUR"), ("EURIBOR", "6M", "EUR"), ("EURIBOR", "3M", "USD")]
        {
            assert_ne!(Benchmark::read(name, point, currency), Some(euribor));
        }
    }

    proptest! {
        #[test]
        fn a_benchmark_is_read_as_it_was_written(
            rate in prop::sample::select(ReferenceRate::ALL.to_vec()),
            point in prop_oneof![Just("ON".to_owned()), "[1-9][0-9]?[DWMY]"],
            currency in "[A-Z]{3}",
        ) {
            let of = Benchmark::read(rate.word(), &point, &currency).unwrap();
            prop_assert_eq!(Benchmark::read_text(&of.to_string()), Some(of));
            let named = Over::of(Some(rate.curve_name()), Some(&point), Some(&currency));
            prop_assert_eq!(named, Over::Reference(of));
        }

        /// Whatever a peer writes, one text is read as one benchmark or as none.
        #[test]
        fn no_text_makes_it_panic_or_is_read_as_another(text in "\\PC{0,20}") {
            if let Some(point) = CurvePoint::read(&text) {
                prop_assert_eq!(point.to_string(), text.clone());
            }
            if let Some(currency) = CurveCurrency::read(&text) {
                prop_assert_eq!(currency.to_string(), text.clone());
            }
            if let Some(of) = Benchmark::read_text(&text) {
                prop_assert!(of.to_string().eq_ignore_ascii_case(&text));
            }
        }
    }
}
