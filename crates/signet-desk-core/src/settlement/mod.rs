//! The day on which a trade settles: business days of the instrument's calendar, counted from the
//! trading day in the instrument's time zone. The laptop's time zone does not matter. The module is
//! pure: the caller passes the instant.
//!
//! A broken date is any business day from the usual one to a year later: chosen, or typed as a date
//! or a tenor (`typed.rs`). A day that is closed is refused with the reason and never moved; only a
//! tenor is moved, because it names no day.
//!
//! The days are computed by rule. Rules do not know a holiday that a government proclaims for one
//! year, nor the holidays of a currency without rules here. The trader sees the day and may choose
//! a later one; the dealer's report decides.

use crate::{
    problem::problem,
    view::{Problem, SettlementDay, SettlementView, TicketField},
};
use calendar::{Calendar, Closed};
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use signet_rfq::{AssetClass, Instrument, UtcMillis};

mod calendar;
mod rules;
mod typed;

pub(crate) use typed::MONTHS;

/// How many days the ticket offers.
const OFFERED: usize = 20;
/// A day that is later than this is taken for a typing error.
const LATEST_DAYS: i64 = 370;
/// Longest settlement convention, business days. An instrument that states more gets this.
const CONVENTION_DAYS_MAX: u32 = 30;
/// The trading day of foreign exchange ends at 17:00 in New York, for the whole world.
const FX_DAY_ENDS_BEFORE_MIDNIGHT_H: i64 = 7;
const USD: &str = "USD";
/// For these a holiday of USD counts on every day until spot.
const USD_COUNTS_BEFORE_SPOT: [&str; 3] = ["ARS", "CLP", "MXN"];

/// The days on which a trade done `at` may settle, the usual one first.
pub(crate) fn view(i: &Instrument, at: UtcMillis) -> SettlementView {
    let calendar = Calendar::of(&settling(i));
    let mut day = usual(i, &calendar, at);
    let mut dates = Vec::with_capacity(OFFERED);
    for _ in 0..OFFERED {
        dates.push(day.to_string());
        day = calendar.next(day);
    }
    let unknown = calendar.without_rules();
    let note = match unknown.is_empty() {
        true => String::new(),
        false => format!("Holidays of {} are not known here: check the day.", unknown.join(", ")),
    };
    SettlementView { dates, convention: i.settlement.clone(), note }
}

/// SettlDate (64) of a request: the day the trader saw and chose, or the usual one.
pub(crate) fn date(i: &Instrument, chosen: Option<&str>, at: UtcMillis) -> Result<String, Problem> {
    let calendar = Calendar::of(&settling(i));
    let usual = usual(i, &calendar, at);
    let Some(text) = chosen else { return Ok(fix(usual)) };
    // A day is written in one way only.
    match text.parse::<Date>() {
        Ok(day) if day.to_string() == text => checked(&calendar, usual, day).map(fix),
        _ => Err(unreadable()),
    }
}

/// The day that a trader typed: `2026-12-15`, `15 dec`, `3m`.
pub(crate) fn read(i: &Instrument, text: &str, at: UtcMillis) -> Result<SettlementDay, Problem> {
    let calendar = Calendar::of(&settling(i));
    let usual = usual(i, &calendar, at);
    // In foreign exchange months from the end of a month end at the end of a month.
    let from_end = i.asset_class == AssetClass::FxSpot && calendar.last_of_month(usual) == usual;
    let day = match typed::read(text, usual).ok_or_else(unreadable)? {
        typed::Typed::Day(day) => day,
        typed::Typed::Months(end) if from_end => calendar.last_of_month(end),
        typed::Typed::Months(end) | typed::Typed::Weeks(end) => calendar.rolled(end),
    };
    let day = checked(&calendar, usual, day)?;
    Ok(SettlementDay { date: day.to_string(), text: day.strftime("%a %-d %b %Y").to_string() })
}

/// A day on which a trade may settle.
fn checked(calendar: &Calendar, usual: Date, day: Date) -> Result<Date, Problem> {
    let refused = |code, why: String| {
        let cure = "Choose a day from the list, or type another one.";
        Err(problem(code, why, cure).about(TicketField::Settlement))
    };
    if day < usual {
        let why = format!("{day} is too early: this settles on {usual} now, or later.");
        return refused("settlement_date.early", why);
    }
    if day > usual.saturating_add(LATEST_DAYS.days()) {
        return refused("settlement_date.late", format!("{day} is more than a year away."));
    }
    let why = match calendar.closed(day) {
        None => return Ok(day),
        Some(Closed::Weekend) => format!("{day} is a {}.", day.strftime("%A")),
        Some(Closed::Holiday(of)) => format!("{day} is a holiday of {}.", of.join(" and of ")),
    };
    let next = calendar.next(day);
    refused("settlement_date.closed", format!("{why} The next business day is {next}."))
}

fn unreadable() -> Problem {
    problem(
        "settlement_date.unreadable",
        "The settlement day cannot be read.",
        "Type it like 2026-12-15, 15 Dec, 2w, 3m or 1y.",
    )
    .about(TicketField::Settlement)
}

/// The day by the instrument's convention: `T+n` in business days, `spot` as T+2. A trade on a day
/// that is not a business day counts as one of the next business day; in foreign exchange only one
/// on a weekend does.
fn usual(i: &Instrument, calendar: &Calendar, at: UtcMillis) -> Date {
    let days = i
        .settlement
        .strip_prefix("T+")
        .and_then(|n| n.parse().ok())
        .unwrap_or(2u32)
        .min(CONVENTION_DAYS_MAX);
    let day = trading_day(i, at);
    if i.asset_class == AssetClass::FxSpot {
        return spot(&currencies(i), calendar, days, day);
    }
    (0..days).fold(calendar.this_or_next(day), |d, _| calendar.next(d))
}

/// As the market for spot foreign exchange counts: until the day of settlement a holiday of USD
/// does not count, and on that day it counts for every pair, also for one without USD.
fn spot(pair: &[String], settles: &Calendar, days: u32, traded: Date) -> Date {
    let usd_counts = pair.iter().any(|c| USD_COUNTS_BEFORE_SPOT.contains(&c.as_str()));
    let before: Vec<String> = pair.iter().filter(|c| usd_counts || *c != USD).cloned().collect();
    let before = Calendar::of(&before);
    let traded = Calendar::of(&[]).this_or_next(traded);
    match days.checked_sub(1) {
        None => settles.this_or_next(traded),
        Some(between) => settles.next((0..between).fold(traded, |d, _| before.next(d))),
    }
}

fn trading_day(i: &Instrument, at: UtcMillis) -> Date {
    let instant = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    let (zone, ahead) = match i.asset_class {
        AssetClass::FxSpot => ("America/New_York", FX_DAY_ENDS_BEFORE_MIDNIGHT_H),
        _ => (calendar::zone(&i.currency), 0),
    };
    let there = instant.to_zoned(TimeZone::get(zone).unwrap_or(TimeZone::UTC)).datetime();
    there.saturating_add(ahead.hours()).date()
}

/// The currencies whose banks must be open on the day of settlement. No pair settles on a holiday
/// of USD, on spot or later: a cross is made of two trades against it.
fn settling(i: &Instrument) -> Vec<String> {
    let mut all = currencies(i);
    if i.asset_class == AssetClass::FxSpot && !all.iter().any(|c| c == USD) {
        all.push(USD.to_owned());
    }
    all
}

/// The currencies that change hands: both of a pair, or the bond's own.
fn currencies(i: &Instrument) -> Vec<String> {
    let pair =
        (i.asset_class == AssetClass::FxSpot).then(|| i.id.as_str().split_once('/')).flatten();
    match pair {
        Some((base, quoted)) => vec![base.to_owned(), quoted.to_owned()],
        None => vec![i.currency.clone()],
    }
}

/// A date as FIX writes it.
fn fix(day: Date) -> String {
    format!("{:04}{:02}{:02}", day.year(), day.month(), day.day())
}

#[cfg(test)]
mod tests;
