//! The FIX 4.4 messages of a dealer, written from the standard without Signet's code.
//!
//! This crate checks independently what the gateway sends, so it shares no message code with it.

mod inbound;
mod legs;
mod outbound;

use rust_decimal::Decimal;
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Weekday};

pub(crate) use inbound::{Inbound, QuoteRequest, QuoteResponse, ResponseType, StatusRequest};
pub(crate) use legs::{Leg, MULTILEG, Prices, net, put as put_legs};
pub(crate) use outbound::{
    Outgoing, QuoteTerms, business_reject, counter_reject, quote, quote_cancel,
    quote_request_reject, settl_date,
};

/// QuoteRequestRejectReason (658): Unknown symbol.
pub(crate) const UNKNOWN_SYMBOL: u32 = 1;
/// QuoteRequestRejectReason (658): Quote request exceeds limit.
pub(crate) const EXCEEDS_LIMIT: u32 = 3;
/// QuoteRequestRejectReason (658): Too late to enter.
pub(crate) const TOO_LATE: u32 = 4;
/// QuoteRequestRejectReason (658): No market for instrument.
pub(crate) const NO_MARKET: u32 = 8;
/// QuoteRequestRejectReason (658): Pass.
pub(crate) const PASS: u32 = 10;
/// QuoteRequestRejectReason (658): Other.
pub(crate) const OTHER: u32 = 99;

const TIMESTAMP: &[FormatItem<'_>] =
    format_description!("[year][month][day]-[hour]:[minute]:[second].[subsecond digits:3]");
const TIMESTAMP_SECONDS: &[FormatItem<'_>] =
    format_description!("[year][month][day]-[hour]:[minute]:[second]");
const DATE: &[FormatItem<'_>] = format_description!("[year][month][day]");

/// UTCTimestamp, with milliseconds.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    // These formats cannot fail for a date of four-digit year.
    at.to_offset(time::UtcOffset::UTC).format(TIMESTAMP).unwrap_or_default()
}

pub(crate) fn parse_timestamp(text: &str) -> Option<OffsetDateTime> {
    let with_millis = PrimitiveDateTime::parse(text, TIMESTAMP);
    let parsed = with_millis.or_else(|_| PrimitiveDateTime::parse(text, TIMESTAMP_SECONDS));
    parsed.ok().map(PrimitiveDateTime::assume_utc)
}

/// LocalMktDate.
pub(crate) fn date(at: Date) -> String {
    at.format(DATE).unwrap_or_default()
}

/// The day so many business days later. Knows weekends, no holidays.
pub(crate) fn business_days_later(from: Date, days: u8) -> Date {
    let is_weekend = |day: Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let mut day = from;
    let mut left = days;
    while left > 0 || is_weekend(day) {
        day = day.saturating_add(Duration::days(1));
        if !is_weekend(day) {
            left = left.saturating_sub(1);
        }
    }
    day
}

/// A FIX float: optional sign, digits, at most one point. No exponent, no grouping.
pub(crate) fn parse_decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let some = digits.bytes().any(|b| b.is_ascii_digit());
    if plain && some { Decimal::from_str_exact(text).ok() } else { None }
}

/// A price as it travels, with exactly this many decimals.
pub(crate) fn price_text(price: Decimal, decimals: u32) -> String {
    let mut price = price;
    price.rescale(decimals);
    price.to_string()
}

/// A quantity as it travels, without needless zeros.
pub(crate) fn quantity_text(quantity: Decimal) -> String {
    quantity.normalize().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn timestamps_come_back() {
        let at = datetime!(2026-11-20 13:05:09.120 UTC);
        assert_eq!(timestamp(at), "20261120-13:05:09.120");
        assert_eq!(parse_timestamp("20261120-13:05:09.120"), Some(at));
        assert_eq!(parse_timestamp("20261120-13:05:09"), Some(datetime!(2026-11-20 13:05:09 UTC)));
        assert_eq!(parse_timestamp("2026-11-20T13:05:09Z"), None);
    }

    #[test]
    fn settlement_skips_weekends() {
        assert_eq!(business_days_later(date!(2026 - 11 - 19), 2), date!(2026 - 11 - 23));
        assert_eq!(business_days_later(date!(2026 - 11 - 20), 1), date!(2026 - 11 - 23));
        assert_eq!(business_days_later(date!(2026 - 11 - 21), 0), date!(2026 - 11 - 23));
        assert_eq!(business_days_later(date!(2026 - 11 - 21), 1), date!(2026 - 11 - 23));
        assert_eq!(business_days_later(date!(2026 - 11 - 16), 2), date!(2026 - 11 - 18));
    }

    #[test]
    fn numbers_are_fix_floats_only() {
        assert_eq!(parse_decimal("98.420"), Some(Decimal::new(98_420, 3)));
        assert_eq!(parse_decimal("-1"), Some(Decimal::NEGATIVE_ONE));
        for bad in [
            "",
            "-",
            ".",
            "1e5",
            "1_000",
            "+1",
            "1,5",
            "1.2.3",
            " 1",
            "NaN",
            "9".repeat(60).as_str(),
        ] {
            assert_eq!(parse_decimal(bad), None, "{bad}");
        }
        assert_eq!(price_text(Decimal::new(9842, 2), 3), "98.420");
        assert_eq!(quantity_text(Decimal::new(5_000_000_000, 3)), "5000000");
    }
}
