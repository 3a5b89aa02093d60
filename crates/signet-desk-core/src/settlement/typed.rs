//! Reads a settlement day as traders type it. Day and month in figures alone are refused: `12/11`
//! is one day in London and another in New York.

use jiff::{Span, ToSpan as _, civil::Date};

/// Most characters of a day.
const TYPED_MAX: usize = 24;
/// As traders write them, or the beginning of them.
pub(crate) const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Largest number of a tenor.
const TENOR_MAX: i64 = 120;

/// What was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    Day(Date),
    /// The day so many weeks later, which need not be a business day.
    Weeks(Date),
    /// As [`Typed::Weeks`], of months or years.
    Months(Date),
}

/// `2026-12-15`, `15 dec`, `15 dec 2026`; or a tenor from `usual`: `2w`, `3m`, `1y`. A month
/// without a year is the next one.
pub(super) fn read(text: &str, usual: Date) -> Option<Typed> {
    let text = text.trim();
    if text.len() > TYPED_MAX || !text.is_ascii() {
        return None;
    }
    let text = text.to_ascii_lowercase();
    if let Ok(day) = text.parse::<Date>() {
        return (day.to_string() == text).then_some(Typed::Day(day));
    }
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, rest) = text.split_at_checked(end)?;
    let number: i64 = number.parse().ok()?;
    tenor(number, rest, usual).or_else(|| named(number, rest, usual).map(Typed::Day))
}

fn tenor(number: i64, unit: &str, usual: Date) -> Option<Typed> {
    if !(1..=TENOR_MAX).contains(&number) {
        return None;
    }
    let end = |span: Span| usual.checked_add(span).ok();
    match unit {
        "w" => end(number.weeks()).map(Typed::Weeks),
        "m" => end(number.months()).map(Typed::Months),
        "y" => end(number.years()).map(Typed::Months),
        _ => None,
    }
}

fn named(day: i64, rest: &str, usual: Date) -> Option<Date> {
    let mut words = rest.split_ascii_whitespace();
    let (month, year) = (words.next()?, words.next());
    if words.next().is_some() || month.len() < 3 {
        return None;
    }
    let month = MONTHS.iter().position(|m| m.starts_with(month))?;
    let (day, month) = (i8::try_from(day).ok()?, i8::try_from(month + 1).ok()?);
    match year {
        Some(year) if year.len() == 4 => Date::new(year.parse().ok()?, month, day).ok(),
        Some(_) => None,
        None => {
            let this = Date::new(usual.year(), month, day).ok();
            let next = || Date::new(usual.year() + 1, month, day).ok();
            this.filter(|d| *d >= usual).or_else(next)
        }
    }
}
