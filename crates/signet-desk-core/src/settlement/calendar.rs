//! The days on which banks are open, by the currency that they settle.

use super::rules::Rules;
use jiff::{
    ToSpan as _,
    civil::{Date, Weekday},
};

/// After this many closed days in a row the search for a business day stops.
const CLOSED_AT_A_STRETCH: u32 = 30;

/// The days on which one or more currencies all settle.
#[derive(Debug)]
pub(super) struct Calendar {
    rules: Vec<(String, Rules)>,
    without: Vec<String>,
}

/// Why nothing settles on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Closed {
    Weekend,
    /// Of these currencies.
    Holiday(Vec<String>),
}

impl Calendar {
    pub(super) fn of(currencies: &[String]) -> Self {
        let (mut rules, mut without) = (Vec::new(), Vec::new());
        for currency in currencies {
            match Rules::of(currency) {
                Some(r) => rules.push((currency.clone(), r)),
                None => without.push(currency.clone()),
            }
        }
        Self { rules, without }
    }

    /// The currencies for which only the weekends are known.
    pub(super) fn without_rules(&self) -> &[String] {
        &self.without
    }

    /// Why nothing settles on `d`; `None` on a business day.
    pub(super) fn closed(&self, d: Date) -> Option<Closed> {
        if matches!(d.weekday(), Weekday::Saturday | Weekday::Sunday) {
            return Some(Closed::Weekend);
        }
        let holidays = self.rules.iter().filter(|(_, r)| r.is_holiday(d));
        let of: Vec<String> = holidays.map(|(c, _)| c.clone()).collect();
        (!of.is_empty()).then_some(Closed::Holiday(of))
    }

    pub(super) fn is_business_day(&self, d: Date) -> bool {
        self.closed(d).is_none()
    }

    /// `d`, or the business day after it if it is none.
    pub(super) fn this_or_next(&self, d: Date) -> Date {
        if self.is_business_day(d) { d } else { self.next(d) }
    }

    /// The business day after `d`.
    pub(super) fn next(&self, d: Date) -> Date {
        self.step(d, 1)
    }

    /// The business day of a tenor that ends on `d`: the next one, or the one before if the next is
    /// in another month (modified following).
    pub(super) fn rolled(&self, d: Date) -> Date {
        if self.is_business_day(d) {
            return d;
        }
        let next = self.step(d, 1);
        if next.month() == d.month() { next } else { self.step(d, -1) }
    }

    /// The last business day of the month of `d`.
    pub(super) fn last_of_month(&self, d: Date) -> Date {
        let last = d.last_of_month();
        if self.is_business_day(last) { last } else { self.step(last, -1) }
    }

    fn step(&self, d: Date, way: i64) -> Date {
        let mut day = d;
        for _ in 0..CLOSED_AT_A_STRETCH {
            day = day.saturating_add(way.days());
            if self.is_business_day(day) {
                return day;
            }
        }
        day
    }
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
