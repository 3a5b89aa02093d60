//! Quantities as traders type and read them.

use rust_decimal::Decimal;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    #[error("no quantity was given")]
    Empty,
    #[error("'{0}' is not a quantity")]
    NotANumber(String),
    #[error("a quantity must be greater than zero")]
    NotPositive,
    #[error("the quantity is absurdly large")]
    TooLarge,
}

/// Nothing Signet trades is larger than this in any currency; a longer number is a slip of the finger.
const LARGEST: Decimal = Decimal::from_parts(0xD4A5_1000, 0xE8, 0, false, 0); // 1e12

/// Reads `5m`, `250k`, `1.5mm`, `2bn`, `1,500,000`. `m` and `mm` both mean million, as on every
/// dealing desk; `k` thousand, `b`/`bn` thousand million. Upper and lower case are the same.
pub fn parse_quantity(text: &str) -> Result<Decimal, QuantityError> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    if compact.is_empty() {
        return Err(QuantityError::Empty);
    }
    let bad = || QuantityError::NotANumber(text.trim().chars().take(40).collect());
    let split = compact.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(compact.len());
    let (digits, suffix) = compact.split_at(split);
    let thousand = Decimal::ONE_THOUSAND;
    let factor = match suffix {
        "" => Decimal::ONE,
        "k" | "t" => thousand,
        "m" | "mm" | "mio" => thousand * thousand,
        "b" | "bn" | "yd" => thousand * thousand * thousand,
        _ => return Err(bad()),
    };
    let number = ungroup(digits).ok_or_else(bad)?;
    let number: Decimal = number.parse().map_err(|_| bad())?;
    if number <= Decimal::ZERO {
        return Err(QuantityError::NotPositive);
    }
    match number.checked_mul(factor) {
        Some(q) if q <= LARGEST => Ok(q.normalize()),
        _ => Err(QuantityError::TooLarge),
    }
}

/// Removes group separators, refusing any that do not stand where a thousands separator stands:
/// `1,50` is a European decimal or a slip, and guessing which costs money.
fn ungroup(digits: &str) -> Option<String> {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |d| ("-", d));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut groups = whole.split([',', '_', '\'']);
    let first = groups.next()?;
    let mut out = format!("{sign}{first}");
    let mut grouped = false;
    for g in groups {
        if g.len() != 3 {
            return None;
        }
        grouped = true;
        out.push_str(g);
    }
    if grouped && (first.is_empty() || first.len() > 3) {
        return None;
    }
    if let Some(f) = fraction {
        out.push('.');
        out.push_str(f);
        if f.is_empty() {
            return None;
        }
    }
    let plain = out.trim_start_matches('-');
    (!plain.starts_with('.') && plain.bytes().all(|b| b.is_ascii_digit() || b == b'.')).then_some(out)
}

/// `5000000` as `5,000,000`; digits after the point are kept as they are.
pub fn group_digits(n: Decimal) -> String {
    let text = n.to_string();
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
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
        ] {
            assert_eq!(parse_quantity(text), Ok(want.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_quantity_is_refused_and_never_guessed() {
        for text in ["", "  ", "m", "5x", "1,50", "1,5m", "12,34,567", ".5m", "5.", "5e9", "0x10", "--5", "5m5", "\u{1}"] {
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

    proptest! {
        #[test]
        fn grouping_then_reading_gives_the_number_back(n in 1u64..1_000_000_000_000) {
            let d = Decimal::from(n);
            prop_assert_eq!(parse_quantity(&group_digits(d)), Ok(d));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(s in ".{0,40}") {
            let _ = parse_quantity(&s);
        }
    }
}
