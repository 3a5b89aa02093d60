//! The holidays of each currency, by rule. Sources:
//!
//! - EUR: closing days of TARGET, decision of the Governing Council of the ECB of 14 December 2000
//!   (1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December).
//! - USD: holidays of the Federal Reserve Banks (5 U.S.C. 6103). A holiday on a Sunday is kept on
//!   the Monday after it; on a Saturday, the banks are open on the Friday before.
//! - GBP: Banking and Financial Dealings Act 1971, schedule 1, and the royal proclamations that
//!   every year add New Year's Day, the early May holiday and substitutes for days that fall on a
//!   weekend.
//! - JPY: Act on National Holidays (Act No. 178 of 1948, as since 2020) and article 5 of the Order
//!   for Enforcement of the Banking Act (31 December, 2 and 3 January). The equinoxes by the
//!   formula of the almanac Shin Koyomi Benricho, good for 1980 to 2099.
//! - CHF: bank holidays of Zurich, on which Swiss Interbank Clearing is closed.
//! - CAD: holidays that the Bank of Canada keeps; those on a weekend on the Monday after it.
//! - AUD: bank holidays of New South Wales (Public Holidays Act 2010, and the bank holiday in
//!   August). Additional days that the state declares for one year are not known.
//! - SEK: days on which RIX of the Riksbank is closed (Act 1989:253, and the eves).
//! - NOK: public holidays (Act of 24 February 1995 no. 12), on which NBO is closed.
//! - DKK: closing days of Danmarks Nationalbank; the General Prayer Day ended in 2024 (Act no. 214
//!   of 6 March 2023).

use jiff::{
    ToSpan as _,
    civil::{Date, Weekday},
};

/// A set of rules that one currency has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    Target,
    FederalReserve,
    EnglandAndWales,
    Japan,
    Zurich,
    Canada,
    NewSouthWales,
    Sweden,
    Norway,
    Denmark,
}

/// A day as the rules look at it.
#[derive(Clone, Copy)]
struct Day {
    date: Date,
    month: i8,
    day: i8,
    /// Days since Easter Sunday of its year.
    from_easter: i32,
}

const GOOD_FRIDAY: i32 = -2;
const EASTER_MONDAY: i32 = 1;
const MAUNDY_THURSDAY: i32 = -3;
const PRAYER_DAY: i32 = 26;
const ASCENSION: i32 = 39;
const WHIT_MONDAY: i32 = 50;

impl Rules {
    pub(super) fn of(currency: &str) -> Option<Self> {
        Some(match currency {
            "EUR" => Self::Target,
            "USD" => Self::FederalReserve,
            "GBP" => Self::EnglandAndWales,
            "JPY" => Self::Japan,
            "CHF" => Self::Zurich,
            "CAD" => Self::Canada,
            "AUD" => Self::NewSouthWales,
            "SEK" => Self::Sweden,
            "NOK" => Self::Norway,
            "DKK" => Self::Denmark,
            _ => return None,
        })
    }

    /// Whether banks are closed on a day that is not on a weekend.
    pub(super) fn is_holiday(self, date: Date) -> bool {
        let from_easter = date.since(easter(date.year())).map_or(0, |s| s.get_days());
        let d = Day { date, month: date.month(), day: date.day(), from_easter };
        match self {
            Self::Target => d.is(&[(1, 1), (5, 1), (12, 25), (12, 26)]) || d.easter(&[-2, 1]),
            Self::FederalReserve => federal_reserve(d),
            Self::EnglandAndWales => england_and_wales(d),
            Self::Japan => japan(date),
            Self::Zurich => {
                d.is(&[(1, 1), (1, 2), (5, 1), (8, 1), (12, 25), (12, 26)])
                    || d.easter(&[GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY])
            }
            Self::Canada => canada(d),
            Self::NewSouthWales => new_south_wales(d),
            Self::Sweden => {
                d.is(&[(1, 1), (1, 6), (5, 1), (6, 6), (12, 24), (12, 25), (12, 26), (12, 31)])
                    || d.easter(&[GOOD_FRIDAY, EASTER_MONDAY, ASCENSION])
                    || (d.month == 6
                        && (19..=25).contains(&d.day)
                        && d.date.weekday() == Weekday::Friday)
            }
            Self::Norway => {
                d.is(&[(1, 1), (5, 1), (5, 17), (12, 25), (12, 26)])
                    || d.easter(&[MAUNDY_THURSDAY, GOOD_FRIDAY, EASTER_MONDAY])
                    || d.easter(&[ASCENSION, WHIT_MONDAY])
            }
            Self::Denmark => {
                d.is(&[(1, 1), (6, 5), (12, 24), (12, 25), (12, 26), (12, 31)])
                    || d.easter(&[MAUNDY_THURSDAY, GOOD_FRIDAY, EASTER_MONDAY])
                    || d.easter(&[ASCENSION, ASCENSION + 1, WHIT_MONDAY])
                    || (d.date.year() < 2024 && d.easter(&[PRAYER_DAY]))
            }
        }
    }
}

impl Day {
    fn is(self, days: &[(i8, i8)]) -> bool {
        days.contains(&(self.month, self.day))
    }

    fn easter(self, days: &[i32]) -> bool {
        days.contains(&self.from_easter)
    }

    /// The `n`th of its weekday in `month`.
    fn nth(self, n: i8, weekday: Weekday, month: i8) -> bool {
        is_nth(self.date, n, weekday, month)
    }

    /// A day of `month`, or the Monday after if it falls on a weekend.
    fn kept(self, month: i8, day: i8) -> bool {
        let monday = self.date.weekday() == Weekday::Monday;
        let before = |n| self.day == day + n;
        self.month == month && (self.day == day || (monday && (before(1) || before(2))))
    }

    fn last_monday(self, month: i8) -> bool {
        self.month == month
            && self.date.weekday() == Weekday::Monday
            && self.day + 7 > self.date.days_in_month()
    }

    /// 25 and 26 December; each that falls on a weekend is kept on the next day that is neither.
    fn christmas_kept(self) -> bool {
        let early = matches!(self.date.weekday(), Weekday::Monday | Weekday::Tuesday);
        self.month == 12 && (matches!(self.day, 25 | 26) || (matches!(self.day, 27 | 28) && early))
    }
}

fn federal_reserve(d: Day) -> bool {
    let fixed =
        |d: Date| matches!((d.month(), d.day()), (1, 1) | (6, 19) | (7, 4) | (11, 11) | (12, 25));
    d.nth(3, Weekday::Monday, 1)
        || d.nth(3, Weekday::Monday, 2)
        || d.last_monday(5)
        || d.nth(1, Weekday::Monday, 9)
        || d.nth(2, Weekday::Monday, 10)
        || d.nth(4, Weekday::Thursday, 11)
        || fixed(d.date)
        || (d.date.weekday() == Weekday::Monday && d.date.yesterday().is_ok_and(fixed))
}

fn england_and_wales(d: Day) -> bool {
    d.easter(&[GOOD_FRIDAY, EASTER_MONDAY])
        || d.nth(1, Weekday::Monday, 5)
        || d.last_monday(5)
        || d.last_monday(8)
        || d.kept(1, 1)
        || d.christmas_kept()
}

fn canada(d: Day) -> bool {
    // Victoria Day is the Monday before 25 May.
    let victoria =
        d.month == 5 && (18..=24).contains(&d.day) && d.date.weekday() == Weekday::Monday;
    d.kept(1, 1)
        || d.nth(3, Weekday::Monday, 2)
        || d.easter(&[GOOD_FRIDAY])
        || victoria
        || d.kept(7, 1)
        || d.nth(1, Weekday::Monday, 8)
        || d.nth(1, Weekday::Monday, 9)
        || truth_and_reconciliation(d.date)
        || d.nth(2, Weekday::Monday, 10)
        || d.kept(11, 11)
        || d.christmas_kept()
}

/// 30 September since 2021, or the Monday after, which is in October.
fn truth_and_reconciliation(d: Date) -> bool {
    let thirtieth = |d: Date| d.year() >= 2021 && (d.month(), d.day()) == (9, 30);
    let before = |n: i64| d.checked_sub(n.days()).is_ok_and(thirtieth);
    thirtieth(d) || (d.weekday() == Weekday::Monday && (before(1) || before(2)))
}

fn new_south_wales(d: Day) -> bool {
    d.kept(1, 1)
        || d.kept(1, 26)
        || d.easter(&[GOOD_FRIDAY, EASTER_MONDAY])
        // Anzac Day has no substitute.
        || d.is(&[(4, 25)])
        || d.nth(2, Weekday::Monday, 6)
        || d.nth(1, Weekday::Monday, 8)
        || d.nth(1, Weekday::Monday, 10)
        || d.christmas_kept()
}

/// Holidays of banks: the national ones with their substitutes, and the turn of the year.
fn japan(d: Date) -> bool {
    let national = is_japanese_holiday;
    let (yesterday, tomorrow) = (d.yesterday(), d.tomorrow());
    matches!((d.month(), d.day()), (1, 2 | 3) | (12, 31))
        || national(d)
        || is_japanese_substitute(d)
        // A day between two holidays is one too.
        || (yesterday.is_ok_and(national) && tomorrow.is_ok_and(national))
}

/// A holiday on a Sunday is kept on the first day after it that is not a holiday.
fn is_japanese_substitute(d: Date) -> bool {
    let mut before = d;
    while let Ok(day) = before.yesterday() {
        if !is_japanese_holiday(day) {
            return false;
        }
        if day.weekday() == Weekday::Sunday {
            return true;
        }
        before = day;
    }
    false
}

fn is_japanese_holiday(d: Date) -> bool {
    let fixed = matches!(
        (d.month(), d.day()),
        (1, 1) | (2, 11 | 23) | (4, 29) | (5, 3..=5) | (8, 11) | (11, 3 | 23)
    );
    let monday = |n, month| is_nth(d, n, Weekday::Monday, month);
    let equinox = match d.month() {
        3 => d.day() == equinox(d.year(), 20_843_100),
        9 => d.day() == equinox(d.year(), 23_248_800),
        _ => false,
    };
    fixed || equinox || monday(2, 1) || monday(3, 7) || monday(3, 9) || monday(2, 10)
}

/// The day of its month: `base` millionths of a day in 1980, and 0.242194 more each year, less the
/// leap days.
fn equinox(year: i16, base: i32) -> i8 {
    let years = i32::from(year) - 1980;
    let day = (base + 242_194 * years).div_euclid(1_000_000) - years.div_euclid(4);
    i8::try_from(day).unwrap_or(0)
}

fn is_nth(d: Date, n: i8, weekday: Weekday, month: i8) -> bool {
    d.month() == month && d.weekday() == weekday && (d.day() - 1) / 7 + 1 == n
}

/// Easter Sunday in the Gregorian calendar (the anonymous algorithm that Nature printed in 1876).
pub(super) fn easter(year: i16) -> Date {
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
