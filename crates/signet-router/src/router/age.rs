//! Whether what a desk sent comes while its trader still waits for it: a silent link may deliver it
//! much later. One rule and one bound for whatever a dealer would act on. And whether the day on
//! which it would settle is still to come.

use signet_fix::{
    message::{AppMessage, QuoteRequest, QuoteResponse, Response},
    tagvalue::format_utc,
};
use signet_rfq::{ACCEPT_AGE_MAX_MS, ACCEPT_AHEAD_MAX_MS, AcceptRefusal, Terms, UtcMillis};

/// How far behind UTC a day ends last on Earth (UTC-12), milliseconds.
const LAST_ZONE_MS: i64 = 12 * 3_600_000;
/// Characters of a date at the beginning of a time.
const DATE_LEN: usize = 8;

/// How TransactTime (60) and the gateway's clock differ where it is too much, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadTime {
    TooOld(i64),
    /// One of the two clocks is wrong: how old it is nobody knows.
    Ahead(i64),
}

pub(super) fn judge(sent: UtcMillis, now: UtcMillis) -> Result<(), BadTime> {
    match now.since(sent) {
        age_ms if age_ms > ACCEPT_AGE_MAX_MS => Err(BadTime::TooOld(age_ms)),
        age_ms if age_ms < -ACCEPT_AHEAD_MAX_MS => Err(BadTime::Ahead(age_ms.saturating_neg())),
        _ => Ok(()),
    }
}

/// Of an accept or a counter. A deadline further ahead than the limit on its age does not extend
/// that limit.
pub(super) fn check_age(r: &QuoteResponse, now: UtcMillis) -> Result<(), (&'static str, String)> {
    let late_ms = r.deadline.map(|deadline| now.since(deadline));
    let refusal = match (late_ms, judge(r.at, now)) {
        (None, _) => AcceptRefusal::NoDeadline,
        (Some(late_ms), _) if late_ms > 0 => AcceptRefusal::Late(late_ms),
        (Some(_), Err(BadTime::TooOld(age_ms))) => AcceptRefusal::TooOld(age_ms),
        (Some(_), Err(BadTime::Ahead(ahead_ms))) => AcceptRefusal::FromTheFuture(ahead_ms),
        (Some(_), Ok(())) => return Ok(()),
    };
    Err((refusal.code(), refusal.to_string()))
}

/// Of a request.
pub(super) fn check_request_age(
    q: &QuoteRequest,
    now: UtcMillis,
) -> Result<(), (&'static str, String)> {
    judge(q.at, now).map_err(|e| match e {
        BadTime::TooOld(ms) => (
            "request.late",
            format!("it took {ms} ms to arrive, which is too long; nothing was sent to dealers"),
        ),
        BadTime::Ahead(ms) => (
            "request.from_the_future",
            format!(
                "its time is {ms} ms ahead of the gateway's clock; nothing was sent to dealers"
            ),
        ),
    })
}

/// Whether no settlement date of a request is before today in every time zone. Which day the market
/// is closed dealers know: calendars differ.
pub(super) fn check_settlement(terms: &Terms, now: UtcMillis) -> Result<(), String> {
    let time = format_utc(now - LAST_ZONE_MS);
    let today = time.get(..DATE_LEN).unwrap_or_default();
    // Dates are read digit by digit (YYYYMMDD), so the earlier one is the lesser text.
    let legs = terms.legs.iter().map(|leg| &leg.settlement_date);
    match legs.chain([&terms.settlement_date]).find(|date| date.as_str() < today) {
        Some(date) => Err(format!(
            "the settlement date {date} is over in every time zone; ask for a later one"
        )),
        None => Ok(()),
    }
}

/// Whether a request, an accept or a counter comes while its trader still waits for it. A take-over
/// is judged with everything else about it.
pub fn accept_age(m: &AppMessage, now: UtcMillis) -> Result<(), (&'static str, String)> {
    match m {
        AppMessage::QuoteRequest(q) => check_request_age(q, now),
        AppMessage::QuoteResponse(r) if r.response != Response::Pass => check_age(r, now),
        _ => Ok(()),
    }
}
