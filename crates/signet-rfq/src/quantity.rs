//! Quantities as traders type and read them.

use rust_decimal::Decimal;

/// Why the typed text is not a quantity. At fault: whoever typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// Nothing, or blanks only.
    #[error("no quantity was given")]
    Empty,
    /// Not a number, or one that can be read in two ways; the typed text, cut to 40 characters.
    #[error("'{0}' is not a quantity")]
    NotANumber(String),
    /// Zero or negative.
    #[error("a quantity must be greater than zero")]
    NotPositive,
    /// Above 1,000,000,000,000.
    #[error("the quantity is absurdly large")]
    TooLarge,
}

/// Nothing Signet trades is larger than this in any currency; a longer number is a slip of the
/// finger.
const LARGEST: Decimal = Decimal::from_parts(0xD4A5_1000, 0xE8, 0, false, 0); // 1e12

/// Reads `5m`, `250k`, `1.5mm`, `2bn`, `1,500,000`. `m` and `mm` both mean million, as on every
/// dealing desk; `k` thousand, `b`/`bn` thousand million. Upper and lower case are the same.
///
/// Ambiguous forms are refused: a comma may mean a decimal point, so `0,500m` and `1,500k` are not
/// quantities.
pub fn parse_quantity(text: &str) -> Result<Decimal, QuantityError> {
    let typed = text.trim().to_ascii_lowercase();
    if typed.is_empty() {
        return Err(QuantityError::Empty);
    }
    let bad = || QuantityError::NotANumber(text.trim().chars().take(40).collect());
    let split = typed.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(typed.len());
    let (digits, suffix) = typed.split_at(split);
    let thousand = Decimal::ONE_THOUSAND;
    let factor = match suffix {
        "" => Decimal::ONE,
        "k" | "t" => thousand,
        "m" | "mm" | "mio" => thousand * thousand,
        "b" | "bn" | "yd" => thousand * thousand * thousand,
        _ => return Err(bad()),
    };
    let (number, grouped) = ungroup(digits.trim_end()).ok_or_else(bad)?;
    if grouped && !suffix.is_empty() {
        return Err(bad());
    }
    let number: Decimal = number.parse().map_err(|_| bad())?;
    if number <= Decimal::ZERO {
        return Err(QuantityError::NotPositive);
    }
    match number.checked_mul(factor) {
        Some(q) if q <= LARGEST => Ok(q.normalize()),
        _ => Err(QuantityError::TooLarge),
    }
}

/// Removes group separators, and tells whether there were any. Refused are separators that do not
/// all look alike or do not stand where a thousands separator stands, and numbers that begin with a
/// zero they do not need: `1,50` is a European decimal or a slip, and guessing which costs money.
fn ungroup(digits: &str) -> Option<(String, bool)> {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |d| ("-", d));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let is_separator = |c: char| matches!(c, ',' | '_' | '\'') || c.is_whitespace();
    let separator = whole.chars().find(|c| is_separator(*c));
    let mut groups = whole.split(|c| Some(c) == separator);
    let first = groups.next()?;
    let mut out = format!("{sign}{first}");
    for g in groups {
        if g.len() != 3 {
            return None;
        }
        out.push_str(g);
    }
    if separator.is_some() && first.len() > 3 {
        return None;
    }
    let needless_zero = first.starts_with('0') && (first.len() > 1 || separator.is_some());
    if first.is_empty() || needless_zero {
        return None;
    }
    if let Some(f) = fraction {
        out.push('.');
        out.push_str(f);
        if f.is_empty() {
            return None;
        }
    }
    let plain = out.strip_prefix('-').unwrap_or(&out);
    plain.bytes().all(|b| b.is_ascii_digit() || b == b'.').then_some((out, separator.is_some()))
}

/// `5000000` as `5,000,000`; digits after the point are kept as they are.
pub fn group_digits(n: Decimal) -> String {
    let text = n.to_string();
    let (whole, fraction) =
        text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |w| ("-", w));
    let mut out = String::from(sign);
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if let Some(f) = fraction {
        out.push('.');
        out.push_str(f);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_as_typed() {
        for (text, want) in [
            ("5m", "5000000"),
            ("5M", "5000000"),
            ("5mm", "5000000"),
            ("250k", "250000"),
            ("1.5m", "1500000"),
            (" 2 bn ", "2000000000"),
            ("1,500,000", "1500000"),
            ("1'500'000", "1500000"),
            ("1000", "1000"),
            ("0.5m", "500000"),
            ("1 500 000", "1500000"),
            ("1_500_000", "1500000"),
            ("1,500,000.50", "1500000.5"),
            ("10,000", "10000"),
            ("0.050m", "50000"),
        ] {
            assert_eq!(parse_quantity(text), Ok(want.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_quantity_is_refused_and_never_guessed() {
        for text in [
            "",
            "  ",
            "m",
            "5x",
            "1,50",
            "1,5m",
            "12,34,567",
            ".5m",
            "5.",
            "5e9",
            "0x10",
            "--5",
            "5m5",
            "\u{1}",
        ] {
            assert!(parse_quantity(text).is_err(), "{text:?}");
        }
        // A comma that may be a decimal point, a group in a number with a suffix, needless zeros,
        // groups that are set apart in two ways or in the wrong places.
        for text in [
            "0,500m",
            "0,050m",
            "0,500",
            "00,500",
            "000,500",
            "1,500k",
            "1,500,000m",
            "12,345.5k",
            "1 500k",
            "05m",
            "007",
            "00.5m",
            "00",
            "1,500'000",
            "1 500,000",
            "1,500 000",
            "1\u{a0}500\u{202f}000",
            "1 50",
            "5 0m",
            "1  500",
            "1,,500",
            ",500",
            "1,500,",
            "1,500.",
            "-0,500",
            "1.500,000",
            "1.5.0",
            "1,500_000m",
            "\u{0661}",
            "5 m m",
        ] {
            assert!(parse_quantity(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_quantity("0"), Err(QuantityError::NotPositive));
        assert_eq!(parse_quantity("-5m"), Err(QuantityError::NotPositive));
        assert_eq!(parse_quantity("1001bn"), Err(QuantityError::TooLarge));
        assert_eq!(parse_quantity("1000bn"), Ok(LARGEST));
        assert_eq!(
            parse_quantity("99999999999999999999999999999999"),
            Err(QuantityError::NotANumber("99999999999999999999999999999999".into()))
        );
    }

    #[test]
    fn thousands_are_grouped() {
        for (n, want) in [
            ("0", "0"),
            ("123", "123"),
            ("1234", "1,234"),
            ("123456", "123,456"),
            ("1234567", "1,234,567"),
            ("-123456", "-123,456"),
            ("-1234.5678", "-1,234.5678"),
        ] {
            assert_eq!(group_digits(n.parse().unwrap()), want);
        }
    }

    proptest! {
        #[test]
        fn grouping_then_reading_gives_the_number_back(n in 1u64..1_000_000_000_000) {
            let d = Decimal::from(n);
            prop_assert_eq!(parse_quantity(&group_digits(d)), Ok(d));
        }

        /// Whatever is read is one of the few ways of writing it, and no other number has that way.
        #[test]
        fn what_is_read_is_written_in_one_of_the_known_ways(s in "[0-9]{1,4}([,' \
            _.]?[0-9]{1,4}){0,3} ?(k|t|m|mm|mio|b|bn|yd)?") {
            if let Ok(q) = parse_quantity(&s) {
                let letters = s.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(s.len());
                let (number, suffix) = (s[..letters].trim_end(), &s[letters..]);
                let factor: u64 = match suffix { "" => 1, "k" | "t" => 1_000, "m" | "mm" | "mio" => 1_000_000, _ => 1_000_000_000 };
                let value = q / Decimal::from(factor);
                let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
                let kept = |t: &str| t.trim_end_matches('0').to_owned();
                let mut ways = Vec::new();
                let grouped = group_digits(value.trunc());
                ways.push(value.trunc().to_string());
                if suffix.is_empty() {
                    ways.extend([",", "'", "_", " "].map(|sep| grouped.replace(',', sep)));
                }
                prop_assert!(ways.iter().any(|w| w == whole), "{} read as {}", s, q);
                let want = value.fract().to_string();
                prop_assert_eq!(kept(fraction), kept(want.strip_prefix("0.").unwrap_or("")));
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(s in ".{0,40}") {
            let _ = parse_quantity(&s);
        }
    }
}
