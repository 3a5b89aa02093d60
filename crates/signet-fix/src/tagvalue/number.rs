//! Numbers, times and dates, read digit by digit.

use rust_decimal::Decimal;
use signet_rfq::UtcMillis;
use time::{Date, Month, PrimitiveDateTime, Time};

/// Longest price or quantity, characters: sign, point and 29 digits, which is the longest that is
/// ever written. So whatever is read can be written and read again.
pub(super) const MAX_DECIMAL_LEN: usize = 31;

pub(crate) fn parse_number(b: &[u8]) -> Option<usize> {
    if b.is_empty() || b.len() > 9 || !b.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(b.iter().fold(0, |n, d| n * 10 + usize::from(d - b'0')))
}

/// FIX float (Price, Qty): digits, an optional sign and one point; no exponent.
pub fn parse_decimal(b: &[u8]) -> Option<Decimal> {
    let (negative, digits) = match b {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, b),
    };
    if b.len() > MAX_DECIMAL_LEN || !digits.iter().all(|c| c.is_ascii_digit() || *c == b'.') {
        return None;
    }
    let d = match small_decimal(digits)? {
        Some(d) => d,
        // `.5` and `5.` are floats to FIX, not to every parser.
        None => {
            let s = std::str::from_utf8(digits).ok()?;
            let whole = if s.starts_with('.') {
                format!("0{s}")
            } else {
                s.trim_end_matches('.').to_owned()
            };
            Decimal::from_str_exact(&whole).ok()?
        }
    };
    // Zero has no sign.
    Some(if negative && !d.is_zero() { -d } else { d })
}

/// Digits and points to a decimal: `None` when they are not a number, `Some(None)` when there are
/// more digits than surely fit 64 bits.
fn small_decimal(b: &[u8]) -> Option<Option<Decimal>> {
    let point = b.iter().position(|&c| c == b'.');
    let decimals = point.map_or(0, |p| b.len() - p - 1);
    let count = b.len() - usize::from(point.is_some());
    if count == 0 || b.iter().filter(|&&c| c == b'.').count() > 1 {
        return None;
    }
    if count > MAX_DIGITS_I64 {
        return Some(None);
    }
    let mantissa = b.iter().filter(|&&c| c != b'.').fold(0i64, |n, c| n * 10 + i64::from(c - b'0'));
    Some(Some(Decimal::new(mantissa, decimals as u32)))
}

/// Every number of this many digits fits an `i64`.
const MAX_DIGITS_I64: usize = 18;

/// UTCTimestamp, `YYYYMMDD-HH:MM:SS` with any number of decimals; finer than milliseconds is cut. A
/// leap second (`:60`, allowed by the standard) is read as the second before it.
pub fn parse_utc(b: &[u8]) -> Option<UtcMillis> {
    if b.len() > MAX_TIMESTAMP_LEN {
        return None;
    }
    let (whole, fraction) = b.split_at_checked(17)?;
    let date = date(&whole[..8])?;
    let &[b'-', h1, h2, b':', m1, m2, b':', s1, s2] = &whole[8..] else { return None };
    let pair = |a, b| digits(&[a, b]).and_then(|n| u8::try_from(n).ok());
    let second = pair(s1, s2)?;
    let clock =
        Time::from_hms(pair(h1, h2)?, pair(m1, m2)?, if second == 60 { 59 } else { second })
            .ok()?;
    let millis = match fraction {
        [] => 0,
        [b'.', f @ ..] if !f.is_empty() && f.iter().all(u8::is_ascii_digit) => {
            f.iter().chain(b"000").take(3).fold(0, |n, c| n * 10 + i64::from(c - b'0'))
        }
        _ => return None,
    };
    Some(UtcMillis(
        PrimitiveDateTime::new(date, clock).assume_utc().unix_timestamp() * 1_000 + millis,
    ))
}

/// Longest UTCTimestamp read, characters: picoseconds are the finest FIX knows.
const MAX_TIMESTAMP_LEN: usize = 30;

/// LocalMktDate, `YYYYMMDD`.
pub fn is_date(b: &[u8]) -> bool {
    date(b).is_some()
}

fn date(b: &[u8]) -> Option<Date> {
    if b.len() != 8 {
        return None;
    }
    let (year, month, day) = (digits(&b[..4])?, digits(&b[4..6])?, digits(&b[6..])?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()
}

/// A few digits and nothing else.
fn digits(b: &[u8]) -> Option<u32> {
    b.iter().try_fold(0, |n: u32, c| c.is_ascii_digit().then(|| n * 10 + u32::from(c - b'0')))
}
