//! How prices are written and read, by the instrument's convention. Pure, and without binary
//! floating point: a text is one decimal number exactly, or refused.
//!
//! | format | shown | also read |
//! | --- | --- | --- |
//! | decimals | `99.515`, with the instrument's decimals | `99`, `99.5` |
//! | 32nds | `99-16`, `99-16+` (half of a 32nd) | decimals |
//! | 32nds and eighths | `99-16`, `99-162`, `99-16+` (four eighths) | decimals |
//!
//! What a format cannot write exactly is shown as decimals: hiding part of a price is worse than a
//! ragged column. A price of several meanings is refused: `99,5`, `99-5`, `1e2`.
//!
//! | PriceType (423) | what the number counts | for a buyer better |
//! | --- | --- | --- |
//! | 1, 2 | percent of par, price per unit | lower |
//! | 9 | yield, percent | higher |
//! | 6 | spread over a benchmark, basis points | higher |
//! | 6 with 220 to 222 | discount margin over a reference rate, basis points | higher |

use rust_decimal::Decimal;
use signet_rfq::{Instrument, PriceFormat, PriceType};

/// What the numbers of an instrument count, for people.
pub(crate) fn words(i: &Instrument) -> &'static str {
    match i.price_type() {
        PriceType::Price if i.asset_class.has_isin() => "percent of par",
        PriceType::Price => "per unit",
        PriceType::Yield => "yield, percent",
        PriceType::Spread => "spread, basis points",
        PriceType::Margin(_) => "discount margin, basis points",
    }
}

/// What stands behind a number of an instrument where no heading says what it counts.
pub(crate) fn unit(i: &Instrument) -> String {
    unit_of(i.price_type())
}

/// The same by its type alone, for an instrument that is not listed.
pub(crate) fn unit_of(of: PriceType) -> String {
    match of {
        PriceType::Price => String::new(),
        PriceType::Yield => " %".into(),
        PriceType::Spread => " bp".into(),
        PriceType::Margin(over) => format!(" bp over {}", over.short()),
    }
}

/// The rate that a discount margin is over: `EURIBOR 3M in EUR`.
pub(crate) fn over(of: PriceType) -> Option<String> {
    match of {
        PriceType::Price | PriceType::Yield | PriceType::Spread => None,
        PriceType::Margin(over) => Some(over.to_string()),
    }
}

/// Why a typed price is refused. At fault: whoever typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PriceError {
    /// Nothing was typed.
    #[error("no price was typed")]
    Missing,
    /// The text is not a number in this convention.
    #[error("{typed} is not read as a price here: write it like {example}")]
    Unreadable {
        /// What was typed, shortened.
        typed: String,
        /// A price in the convention.
        example: String,
    },
    /// Zero or less, where a price is above zero.
    #[error("a price is above zero")]
    NotPositive,
    /// Between two steps.
    #[error("a price of {symbol} is a multiple of {tick}")]
    OffTick {
        /// The instrument's symbol.
        symbol: String,
        /// The smallest step, a decimal.
        tick: String,
    },
}

/// Most characters of a typed price.
const TYPED_MAX: usize = 40;
/// Eighths of a 32nd that `+` means.
const PLUS: u32 = 4;

/// A price as people write it for this instrument.
pub(crate) fn show(i: &Instrument, price: Decimal) -> String {
    fraction(i.price_format, price).unwrap_or_else(|| i.format_price(price))
}

/// The number that a text means in a format.
pub(crate) fn read(format: PriceFormat, typed: &str) -> Option<Decimal> {
    if typed.len() > TYPED_MAX {
        return None;
    }
    let typed = typed.trim();
    match format.parts() {
        Some(parts) if !typed.starts_with('-') && typed.contains(['-', '\'']) => {
            from_fraction(parts, typed)
        }
        _ => from_decimal(typed),
    }
}

/// The price that a trader typed for an instrument, which is one that can be quoted.
pub(crate) fn typed(i: &Instrument, text: &str) -> Result<Decimal, PriceError> {
    if text.trim().is_empty() {
        return Err(PriceError::Missing);
    }
    let price = read(i.price_format, text).ok_or_else(|| PriceError::Unreadable {
        typed: text.trim().chars().take(TYPED_MAX).collect(),
        example: example(i),
    })?;
    if price <= Decimal::ZERO && !i.price_type().may_be_negative() {
        return Err(PriceError::NotPositive);
    }
    if !price.checked_rem(i.tick).is_some_and(|rest| rest.is_zero()) {
        return Err(PriceError::OffTick {
            symbol: i.symbol.clone(),
            tick: i.tick.normalize().to_string(),
        });
    }
    Ok(price)
}

/// A price in the instrument's convention, to show how one is typed.
pub(crate) fn example(i: &Instrument) -> String {
    match (i.price_type(), i.price_format) {
        (PriceType::Yield, _) => i.format_price(Decimal::new(2475, 3)),
        (PriceType::Spread | PriceType::Margin(_), _) => i.format_price(Decimal::new(425, 1)),
        (_, format) => example_price(i, format),
    }
}

fn example_price(i: &Instrument, format: PriceFormat) -> String {
    match format {
        PriceFormat::Decimals if i.asset_class.has_isin() => i.format_price(Decimal::new(995, 1)),
        PriceFormat::Decimals => i.format_price(Decimal::new(125, 2)),
        PriceFormat::ThirtySeconds => "99-16+".into(),
        PriceFormat::ThirtySecondEighths => "99-162".into(),
    }
}

/// A price as a fraction; `None` if the format has none, or cannot write it exactly.
fn fraction(format: PriceFormat, price: Decimal) -> Option<String> {
    let parts = format.parts()?;
    if price < Decimal::ZERO {
        return None;
    }
    let whole = price.trunc();
    let rest = price.checked_sub(whole)?.checked_mul(parts.into())?;
    if !rest.fract().is_zero() {
        return None;
    }
    let rest = u32::try_from(rest).ok()?;
    let per_32nd = parts / 32;
    let eighths = rest % per_32nd * (8 / per_32nd);
    let last = match eighths {
        0 => String::new(),
        PLUS => "+".into(),
        other => other.to_string(),
    };
    Some(format!("{}-{:02}{last}", whole.normalize(), rest / per_32nd))
}

fn from_fraction(parts: u32, typed: &str) -> Option<Decimal> {
    let (whole, rest) = typed.split_once(['-', '\''])?;
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let (thirty_seconds, last) = rest.split_at_checked(2)?;
    if !digits(whole) || !digits(thirty_seconds) {
        return None;
    }
    let thirty_seconds: u32 = thirty_seconds.parse().ok().filter(|n| *n < 32)?;
    let eighths = match last {
        "" => 0,
        "+" => PLUS,
        // Only a format with eighths has a third digit.
        other if parts == 256 && other.len() == 1 => other.parse().ok().filter(|n| *n < 8)?,
        _ => return None,
    };
    let rest = Decimal::from(thirty_seconds * 8 + eighths).checked_div(256.into())?;
    whole.parse::<Decimal>().ok()?.checked_add(rest)
}

/// Digits with at most one point and a sign: no exponent, no separator of thousands.
fn from_decimal(typed: &str) -> Option<Decimal> {
    let (sign, number) = match typed.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, typed),
    };
    let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(rest) {
        return None;
    }
    let number: Decimal = Decimal::from_str_exact(number).ok()?;
    Some(if sign { -number } else { number })
}

#[cfg(test)]
mod tests;
