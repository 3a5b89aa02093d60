//! The days on which banks are open, by the currency that they settle. Sources of the rules:
//!
//! - EUR: closing days of TARGET, decision of the Governing Council of the ECB of 14 December 2000
//!   (1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December).
//! - USD: holidays of the Federal Reserve Banks (5 U.S.C. 6103). A holiday on a Sunday is kept on
//!   the Monday after it; on a Saturday, the banks are open on the Friday before.
//! - GBP: Banking and Financial Dealings Act 1971, schedule 1, and the royal proclamations that
//!   every year add New Year's Day, the early May holiday and substitutes for days that fall on a
//!   weekend.

use jiff::{
    ToSpan as _,
    civil::{Date, Weekday},
};

/// After this many closed days in a row the search for a business day stops.
const CLOSED_AT_A_STRETCH: u32 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    Target,
    FederalReserve,
    EnglandAndWales,
}

/// The days on which one or more currencies all settle.
#[derive(Debug)]
pub(super) struct Calendar {
    rules: Vec<Rules>,
    without: Vec<String>,
}

impl Calendar {
    pub(super) fn of(currencies: &[String]) -> Self {
        let (mut rules, mut without) = (Vec::new(), Vec::new());
        for currency in currencies {
            match currency.as_str() {
                "EUR" => rules.push(Rules::Target),
                "USD" => rules.push(Rules::FederalReserve),
                "GBP" => rules.push(Rules::EnglandAndWales),
                other => without.push(other.to_owned()),
            }
        }
        Self { rules, without }
    }

    /// The currencies for which only the weekends are known.
    pub(super) fn without_rules(&self) -> &[String] {
        &self.without
    }

    pub(super) fn is_business_day(&self, d: Date) -> bool {
        !is_weekend(d) && !self.rules.iter().any(|r| r.is_holiday(d))
    }

    /// The business day after `d`.
    pub(super) fn next(&self, d: Date) -> Date {
        let mut day = d;
        for _ in 0..CLOSED_AT_A_STRETCH {
            day = day.saturating_add(1.day());
            if self.is_business_day(day) {
                return day;
            }
        }
        day
    }
}

impl Rules {
    fn is_holiday(self, d: Date) -> bool {
        let (month, day) = (d.month(), d.day());
        let from_easter = d.since(easter(d.year())).map_or(0, |s| s.get_days());
        match self {
            Self::Target => {
                matches!((month, day), (1, 1) | (5, 1) | (12, 25 | 26))
                    || matches!(from_easter, -2 | 1)
            }
            Self::FederalReserve => {
                is_nth(d, 3, Weekday::Monday, 1)
                    || is_nth(d, 3, Weekday::Monday, 2)
                    || is_last_monday(d, 5)
                    || is_nth(d, 1, Weekday::Monday, 9)
                    || is_nth(d, 2, Weekday::Monday, 10)
                    || is_nth(d, 4, Weekday::Thursday, 11)
                    || is_fixed_federal(month, day)
                    || (d.weekday() == Weekday::Monday
                        && d.yesterday().is_ok_and(|y| is_fixed_federal(y.month(), y.day())))
            }
            Self::EnglandAndWales => {
                matches!(from_easter, -2 | 1)
                    || is_nth(d, 1, Weekday::Monday, 5)
                    || is_last_monday(d, 5)
                    || is_last_monday(d, 8)
                    || is_new_year_kept(d)
                    || is_christmas_kept(d)
            }
        }
    }
}

fn is_weekend(d: Date) -> bool {
    matches!(d.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn is_fixed_federal(month: i8, day: i8) -> bool {
    matches!((month, day), (1, 1) | (6, 19) | (7, 4) | (11, 11) | (12, 25))
}

/// The `n`th of its weekday in `month`.
fn is_nth(d: Date, n: i8, weekday: Weekday, month: i8) -> bool {
    d.month() == month && d.weekday() == weekday && (d.day() - 1) / 7 + 1 == n
}

fn is_last_monday(d: Date, month: i8) -> bool {
    d.month() == month && d.weekday() == Weekday::Monday && d.day() + 7 > d.days_in_month()
}

/// 1 January, or the Monday after if it falls on a weekend.
fn is_new_year_kept(d: Date) -> bool {
    d.month() == 1 && (d.day() == 1 || (d.weekday() == Weekday::Monday && d.day() <= 3))
}

/// 25 and 26 December; each that falls on a weekend is kept on the next day that is neither.
fn is_christmas_kept(d: Date) -> bool {
    let is_substitute = match d.day() {
        // After a Saturday and a Sunday; after a Sunday and a Monday.
        27 => matches!(d.weekday(), Weekday::Monday | Weekday::Tuesday),
        // After a Friday and a Saturday, after a Saturday and a Sunday.
        28 => matches!(d.weekday(), Weekday::Monday | Weekday::Tuesday),
        _ => false,
    };
    d.month() == 12 && (matches!(d.day(), 25 | 26) || is_substitute)
}

/// Easter Sunday in the Gregorian calendar (the anonymous algorithm that Nature printed in 1876).
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let l = (32 + 2 * e + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    let (month, day) = (n / 31, n % 31 + 1);
    Date::new(year, i8::try_from(month).unwrap_or(4), i8::try_from(day).unwrap_or(1))
        .unwrap_or(Date::MIN)
}

/// The time zone in which the trading day of a currency's bonds begins and ends.
pub(super) fn zone(currency: &str) -> &'static str {
    match currency {
        "EUR" => "Europe/Berlin",
        "USD" => "America/New_York",
        "GBP" => "Europe/London",
        "JPY" => "Asia/Tokyo",
        "CHF" => "Europe/Zurich",
        "AUD" => "Australia/Sydney",
        "NZD" => "Pacific/Auckland",
        "CAD" => "America/Toronto",
        "SEK" => "Europe/Stockholm",
        "NOK" => "Europe/Oslo",
        "DKK" => "Europe/Copenhagen",
        "PLN" => "Europe/Warsaw",
        "CZK" => "Europe/Prague",
        "HUF" => "Europe/Budapest",
        "SGD" => "Asia/Singapore",
        "HKD" => "Asia/Hong_Kong",
        "CNY" | "CNH" => "Asia/Shanghai",
        "INR" => "Asia/Kolkata",
        "ZAR" => "Africa/Johannesburg",
        "MXN" => "America/Mexico_City",
        "BRL" => "America/Sao_Paulo",
        _ => "UTC",
    }
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
